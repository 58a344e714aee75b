/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The batches of reidembed, over an embedder that runs out of memory. */
#include "tracklets.h"

#include <gst/reid/gstreidembedder-private.h>

/* In place of the engine: vectors of two numbers, person and dims, as long as
 * there are two networks; then of one. */
static guint runs_left; /* until memory ends */
static int networks = 2;

static int
fake_dims (const ReidEmbedder *embedder)
{
  return networks;
}

static bool
fake_unit (const ReidEmbedder *embedder)
{
  return networks > 1;
}

static int
fake_run_each (ReidEmbedder *embedder, const ReidFacePicture *pictures, int n,
               bool normalize, float *out, bool *good, ReidError *error)
{
  if (networks == 2 && runs_left-- == 0) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory");
    for (int i = 0; i < n; i++)
      good[i] = false;
    return n;
  }
  for (int i = 0; i < n * networks; i++)
    out[i] = (float) networks;
  for (int i = 0; i < n; i++)
    good[i] = true;
  return 0;
}

static gboolean
fake_drop (GstReidEmbedder *embedder, const ReidError *why)
{
  if (networks == 1)
    return FALSE;
  CHECK (why->status == REID_ERROR_MEMORY);
  networks = 1;
  embedder->version = "one";
  return TRUE;
}

#define reid_embedder_dims fake_dims
#define reid_embedder_is_unit fake_unit
#define reid_embedder_run_each fake_run_each
#define gst_reid_embedder_drop fake_drop
#include "gst/gstreidembed-batch.c"

static void
push (GstReidBatch *batch, guint32 track, guint n_chips)
{
  TrackletSpec spec = { track,
                        track,
                        track,
                        n_chips,
                        track * 10,
                        track * 10 + 9,
                        GST_REID_TRACK_END_GAP,
                        FALSE };
  GstEvent *event = tracklet_event (&spec);

  gst_reid_batch_push (
      batch, gst_reid_tracklet_ref (gst_event_get_reid_tracklet (event)), 0);
  gst_event_unref (event);
}

static void
check_next (GstReidBatch *batch, const GstReidBatchModel *model, guint dims,
            const gchar *version, guint n_chips)
{
  GstReidTracklet *t = gst_reid_batch_pop (batch, model);

  REQUIRE (t && t->embeddings);
  CHECK (t->dims == dims && t->n_chips == n_chips);
  CHECK (g_strcmp0 (t->version, version) == 0);
  CHECK (t->normalized == (dims == 2));
  for (guint i = 0; i < dims * n_chips; i++)
    CHECK (t->embeddings[i] == (gfloat) dims);
  gst_reid_tracklet_unref (t);
}

TEST (no_tracklet_has_vectors_of_two_versions)
{
  GstReidEmbedder embedder = { .model = (gchar *) "m", .version = "both" };
  GstReidBatchModel model = { .embedder = &embedder };
  GstReidBatch *batch = gst_reid_batch_new ();
  ReidError error = REID_ERROR_INIT;
  guint failed;

  networks = 2;
  push (batch, 2, 4);
  push (batch, 3, 2);
  runs_left = 1;
  CHECK (gst_reid_batch_run (batch, &model, 2, &failed, &error) == 2);
  CHECK (!gst_reid_batch_pop (batch, &model));
  CHECK (gst_reid_batch_chips (batch) == 4);
  /* half of track 2 is done when it ends */
  CHECK (gst_reid_batch_run (batch, &model, 2, &failed, &error) == 0);
  CHECK (failed == 0 && error.status == REID_OK);
  CHECK (gst_reid_batch_chips (batch) == 6);
  CHECK (!gst_reid_batch_pop (batch, &model));
  while (gst_reid_batch_chips (batch) > 0)
    CHECK (gst_reid_batch_run (batch, &model, 4, &failed, &error) > 0);
  check_next (batch, &model, 1, "one", 4);
  check_next (batch, &model, 1, "one", 2);
  CHECK (gst_reid_batch_is_empty (batch));
  gst_reid_batch_free (batch);
  CHECK (gst_reid_chip_bytes () == 0);
}

TEST (the_version_stays_once_there_are_vectors)
{
  GstReidEmbedder embedder = { .model = (gchar *) "m", .version = "both" };
  GstReidBatchModel model = { .embedder = &embedder };
  GstReidBatch *batch = gst_reid_batch_new ();
  ReidError error = REID_ERROR_INIT;
  guint failed;

  networks = 2;
  push (batch, 1, 3);
  push (batch, 2, 4);
  runs_left = 1;
  CHECK (gst_reid_batch_run (batch, &model, 3, &failed, &error) == 3);
  check_next (batch, &model, 2, "both", 3);
  CHECK (gst_reid_batch_run (batch, &model, 4, &failed, &error) == 4);
  CHECK (failed == 4 && error.status == REID_ERROR_MEMORY);
  CHECK (networks == 2);
  gst_reid_batch_free (batch);
}

TEST_MAIN ()
