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

/* Makes and locks the folder at once, so that a place that cannot be written
 * fails before the first frame; what an earlier run left there goes when the
 * first frame has come. */
GstReidWriter *gst_reid_writer_new (const gchar *location, ReidError *error);
/* Ends the thread; what was not finished stays as a .part file. Where not one
 * frame came the folder is left as it was found. */
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
/* Likewise, beside the vectors. */
gboolean gst_reid_writer_vectors (GstReidWriter *writer, const gchar *key,
                                  const gchar *value, const gint *cancel);
gboolean gst_reid_writer_projection (GstReidWriter *writer, const gchar *name,
                                     guint rows, guint cols, GBytes *numbers,
                                     const gint *cancel);

/* Waits for all jobs, writes the identities (arrays are taken over), closes the
 * archive, and writes the texts and pictures made from it under a temporary
 * name. With n = 0 the identities that came with the tracklets stay. */
gboolean gst_reid_writer_finish (GstReidWriter *writer, guint32 *track_ids,
                                 guint32 *identities, guint n, gboolean partial,
                                 ReidError *error);
/* After finish: everything gets its name, with `text` as run.json; episode.h5
 * last of all. */
gboolean gst_reid_writer_publish (GstReidWriter *writer, const gchar *text,
                                  ReidError *error);
gboolean gst_reid_writer_failed (GstReidWriter *writer, ReidError *error);
/* Wakes those that wait, to look at their cancel flags. */
void gst_reid_writer_wake (GstReidWriter *writer);
/* Seconds that the thread spent writing. */
gdouble gst_reid_writer_seconds (GstReidWriter *writer);
const gchar *gst_reid_writer_location (const GstReidWriter *writer);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_WRITER_H__ */
