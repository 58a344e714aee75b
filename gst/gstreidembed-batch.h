/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_EMBED_BATCH_H__
#define __GST_REID_EMBED_BATCH_H__

#include <gst/reid/gstreidembedder-private.h>
#include <gst/reid/reid.h>

G_BEGIN_DECLS

/* The tracklets that wait for their vectors, first in first out, and the
 * batches that are cut from their chips across tracklets. Not thread-safe. */
typedef struct _GstReidBatch GstReidBatch;

typedef struct {
  GstReidEmbedder *embedder; /* borrowed */
  gboolean normalize;
} GstReidBatchModel;

GstReidBatch *gst_reid_batch_new (void);
void gst_reid_batch_free (GstReidBatch *batch);
/* Takes the reference. now: monotonic time in us. */
void gst_reid_batch_push (GstReidBatch *batch, GstReidTracklet *tracklet,
                          gint64 now);
/* Chips that wait. */
guint gst_reid_batch_chips (const GstReidBatch *batch);
gboolean gst_reid_batch_is_empty (const GstReidBatch *batch);
/* When the oldest tracklet came; only when not empty. */
gint64 gst_reid_batch_oldest (const GstReidBatch *batch);
/* Runs the networks once on at most `size` chips. A chip on which they fail by
 * itself is left out of its tracklet: *failed counts those, and error tells
 * the last. Returns the number of chips taken from the batch: none where there
 * was no memory for all networks, so that all but the first are dropped, and
 * tracklets that have vectors of some chips start again. That is over with the
 * first tracklet that was popped with vectors: their version stays. */
guint gst_reid_batch_run (GstReidBatch *batch, const GstReidBatchModel *model,
                          guint size, guint *failed, ReidError *error);
/* The oldest tracklet, once all its chips have been run: a new one with
 * vectors. NULL when it still waits, or when there is none. */
GstReidTracklet *gst_reid_batch_pop (GstReidBatch *batch,
                                     const GstReidBatchModel *model);

G_END_DECLS

#endif /* __GST_REID_EMBED_BATCH_H__ */
