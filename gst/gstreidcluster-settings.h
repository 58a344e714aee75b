/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_SETTINGS_H__
#define __GST_REID_CLUSTER_SETTINGS_H__

#include "cluster/cluster.h"
#include "gstreidcluster.h"

G_BEGIN_DECLS

/* reidcluster's properties. The caller locks where two threads may come. */
typedef struct {
  gchar *location;
  GstReidClusterMode mode;
  ReidClusterMethod method;
  ReidCannotLink cannot_link;
  gfloat threshold;
  guint64 seed;
  guint max_people;
  GstClockTime interim_interval, progress_interval;
  gboolean partial;
} GstReidClusterSettings;

void gst_reid_cluster_settings_install (GObjectClass *klass);
void gst_reid_cluster_settings_init (GstReidClusterSettings *settings);
void gst_reid_cluster_settings_clear (GstReidClusterSettings *settings);
/* FALSE for an id that is none of its own. */
gboolean gst_reid_cluster_settings_set (GstReidClusterSettings *settings,
                                        guint id, const GValue *value);
gboolean gst_reid_cluster_settings_get (const GstReidClusterSettings *settings,
                                        guint id, GValue *value);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_SETTINGS_H__ */
