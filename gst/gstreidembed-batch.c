/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidembed-batch.h"

#include <string.h>

typedef struct {
  GstReidTracklet *tracklet;
  gint64 arrival;
  guint done;      /* chips that went through the network */
  guint good;      /* of those, the ones that have a vector */
  guint *row;      /* chip of each vector, `good` entries */
  gfloat *vectors; /* n_chips rows, the first `good` are set */
} Waiting;

struct _GstReidBatch {
  GQueue queue; /* of Waiting */
  guint chips;
  gboolean settled;   /* there are tracklets with vectors */
  gboolean normalize; /* what the last run was asked for */
};

static void
waiting_free (Waiting *w)
{
  gst_reid_tracklet_unref (w->tracklet);
  g_free (w->row);
  g_free (w->vectors);
  g_free (w);
}

GstReidBatch *
gst_reid_batch_new (void)
{
  GstReidBatch *batch = g_new0 (GstReidBatch, 1);

  g_queue_init (&batch->queue);
  return batch;
}

void
gst_reid_batch_free (GstReidBatch *batch)
{
  g_queue_clear_full (&batch->queue, (GDestroyNotify) waiting_free);
  g_free (batch);
}

void
gst_reid_batch_push (GstReidBatch *batch, GstReidTracklet *tracklet, gint64 now)
{
  Waiting *w = g_new0 (Waiting, 1);

  w->tracklet = tracklet;
  w->arrival = now;
  g_queue_push_tail (&batch->queue, w);
  batch->chips += tracklet->n_chips;
}

guint
gst_reid_batch_chips (const GstReidBatch *batch)
{
  return batch->chips;
}

gboolean
gst_reid_batch_is_empty (const GstReidBatch *batch)
{
  return batch->queue.length == 0;
}

gint64
gst_reid_batch_oldest (const GstReidBatch *batch)
{
  return ((const Waiting *) batch->queue.head->data)->arrival;
}

static void
picture_of_chip (const GstReidChip *chip, ReidFacePicture *picture)
{
  picture->rgb = chip->rgb;
  picture->width = (int) chip->width;
  picture->height = (int) chip->height;
  picture->stride = (ptrdiff_t) chip->width * 3;
  picture->landmarks = chip->face.has_landmarks ? chip->landmarks : NULL;
  memcpy (picture->box, chip->box, sizeof picture->box);
}

static void
keep_vector (Waiting *w, guint chip, const gfloat *vector, guint dims)
{
  if (!w->vectors) {
    w->vectors = g_new (gfloat, (gsize) w->tracklet->n_chips * dims);
    w->row = g_new (guint, w->tracklet->n_chips);
  }
  memcpy (w->vectors + (gsize) w->good * dims, vector, dims * sizeof *vector);
  w->row[w->good++] = chip;
}

/* Vectors of two versions, or lengths, must not meet in one tracklet. */
static void
start_again (GstReidBatch *batch)
{
  for (GList *l = batch->queue.head; l; l = l->next) {
    Waiting *w = l->data;
    batch->chips += w->done;
    w->done = w->good = 0;
    g_clear_pointer (&w->row, g_free);
    g_clear_pointer (&w->vectors, g_free);
  }
}

guint
gst_reid_batch_run (GstReidBatch *batch, const GstReidBatchModel *model,
                    guint size, guint *failed, ReidError *error)
{
  ReidEmbedder *embedder = model->embedder->embedder;
  guint dims = (guint) reid_embedder_dims (embedder);

  if (model->normalize != batch->normalize)
    start_again (batch);
  batch->normalize = model->normalize;

  guint n = MIN (size, batch->chips), i = 0;
  ReidFacePicture *pictures = g_new (ReidFacePicture, MAX (n, 1));
  Waiting **owner = g_new (Waiting *, MAX (n, 1));
  gfloat *out = g_new (gfloat, (gsize) MAX (n, 1) * dims);
  bool *good = g_new (bool, MAX (n, 1));
  ReidError why = REID_ERROR_INIT;

  for (GList *l = batch->queue.head; l && i < n; l = l->next) {
    Waiting *w = l->data;
    for (guint c = w->done; c < w->tracklet->n_chips && i < n; c++, i++) {
      picture_of_chip (w->tracklet->chips[c], &pictures[i]);
      owner[i] = w;
    }
  }
  *failed = (guint) reid_embedder_run_each (embedder, pictures, (int) n,
                                            model->normalize, out, good, &why);
  if (why.status == REID_ERROR_MEMORY && !batch->settled
      && gst_reid_embedder_drop (model->embedder, &why)) {
    start_again (batch);
    *failed = n = 0;
  }
  if (*failed > 0)
    *error = why;
  for (i = 0; i < n; i++) {
    if (good[i])
      keep_vector (owner[i], owner[i]->done, out + (gsize) i * dims, dims);
    owner[i]->done++;
  }
  batch->chips -= n;
  g_free (pictures);
  g_free (owner);
  g_free (out);
  g_free (good);
  return n;
}

/* The same tracklet with only the chips that have a vector. */
static GstReidTracklet *
without_failed_chips (const Waiting *w)
{
  GstReidChip **chips = g_new (GstReidChip *, w->good);

  for (guint i = 0; i < w->good; i++)
    chips[i] = gst_reid_chip_ref (w->tracklet->chips[w->row[i]]);
  return gst_reid_tracklet_new_take (w->tracklet, chips, w->good);
}

GstReidTracklet *
gst_reid_batch_pop (GstReidBatch *batch, const GstReidBatchModel *model)
{
  Waiting *w = g_queue_peek_head (&batch->queue);
  const GstReidEmbedder *e = model->embedder;
  GstReidTracklet *result;

  if (!w || w->done < w->tracklet->n_chips)
    return NULL;
  g_queue_pop_head (&batch->queue);
  if (w->good == 0) {
    result = gst_reid_tracklet_ref (w->tracklet);
  } else {
    GstReidTracklet *base = w->good < w->tracklet->n_chips
                                ? without_failed_chips (w)
                                : gst_reid_tracklet_ref (w->tracklet);
    result = gst_reid_tracklet_with_embeddings (
        base, g_steal_pointer (&w->vectors),
        (guint) reid_embedder_dims (e->embedder), e->model, e->model_sha256,
        e->version, model->normalize || reid_embedder_is_unit (e->embedder),
        e->threshold);
    gst_reid_tracklet_unref (base);
    batch->settled = TRUE;
  }
  waiting_free (w);
  return result;
}
