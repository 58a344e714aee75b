/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_WRITER_H__
#define __GST_REID_CLUSTER_WRITER_H__

#include <gst/reid/reid.h>

#include "base/base.h"

G_BEGIN_DECLS

/* The archive's one thread: HDF5 has one lock for the whole process, and a
 * disk may be slow, so that no streaming thread ever calls it. Jobs go through
 * a bounded queue in order; every function but gst_reid_writer_free() may be
 * called from any thread. */
typedef struct _GstReidWriter GstReidWriter;

/* Creates the folder and the archive at once, so that a place that cannot be
 * written fails before the first frame. */
GstReidWriter *gst_reid_writer_new (const gchar *location, ReidError *error);
/* Ends the thread; what was not finished stays as a .part file, unless there
 * is not one frame in it. */
void gst_reid_writer_free (GstReidWriter *writer);

/* Each of these waits while the queue is full, until *cancel is set: then it
 * goes over the bound, since who was told to stop brings little more, and a
 * track without its frames is worse. They return FALSE once the writer has
 * failed (ask gst_reid_writer_failed()). */
gboolean gst_reid_writer_frame (GstReidWriter *writer,
                                const GstReidFrameMeta *meta,
                                const gint *cancel);
gboolean gst_reid_writer_tracklet (GstReidWriter *writer,
                                   GstReidTracklet *tracklet, guint32 identity,
                                   const gint *cancel);
gboolean gst_reid_writer_attribute (GstReidWriter *writer, const gchar *key,
                                    const gchar *value, const gint *cancel);

/* Waits for all jobs, writes the identities (arrays are taken over), renames
 * the archive, writes the texts and pictures made from it. With n = 0 the
 * identities that came with the tracklets stay. */
gboolean gst_reid_writer_finish (GstReidWriter *writer, guint32 *track_ids,
                                 guint32 *identities, guint n, gboolean partial,
                                 ReidError *error);
/* run.json, after finish. `text` is the whole file. */
gboolean gst_reid_writer_run_file (GstReidWriter *writer, const gchar *text,
                                   ReidError *error);
gboolean gst_reid_writer_failed (GstReidWriter *writer, ReidError *error);
/* Wakes those that wait, to look at their cancel flags. */
void gst_reid_writer_wake (GstReidWriter *writer);
/* Seconds that the thread spent writing. */
gdouble gst_reid_writer_seconds (GstReidWriter *writer);
const gchar *gst_reid_writer_location (const GstReidWriter *writer);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_WRITER_H__ */
