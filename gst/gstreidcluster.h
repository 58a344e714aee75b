/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_H__
#define __GST_REID_CLUSTER_H__

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

/**
 * GstReidClusterMode:
 * @GST_REID_CLUSTER_MODE_EPISODE: people are made of all tracks at EOS
 * @GST_REID_CLUSTER_MODE_ONLINE: people are named while the stream runs
 *
 * Since: 0.1
 */
typedef enum {
  GST_REID_CLUSTER_MODE_EPISODE,
  GST_REID_CLUSTER_MODE_ONLINE
} GstReidClusterMode;

#define GST_TYPE_REID_CLUSTER (gst_reid_cluster_get_type ())
G_DECLARE_FINAL_TYPE (GstReidCluster, gst_reid_cluster, GST, REID_CLUSTER,
                      GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (reidcluster);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_H__ */
