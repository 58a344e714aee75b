/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_NOTES_H__
#define __GST_REID_CLUSTER_NOTES_H__

#include "gstreidcluster-writer.h"

G_BEGIN_DECLS

/* What of the elements' settings the archive keeps: all that the answer
 * depends on, and nothing else, since the same answer must be the same text.
 * `info` is as of gst_reid_info_parse(). */

/* Of an element upstream. */
void gst_reid_notes_upstream (GstReidWriter *writer, const gchar *factory,
                              const GstStructure *info, const gint *cancel);
/* Of reidcluster itself. */
void gst_reid_notes_own (GstReidWriter *writer, const GstStructure *info);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_NOTES_H__ */
