/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Thirty-two elements of a process that start at one moment with one network:
 * it is read once, and all find the same. */
#include "networks.h"
#include "squares.h"

#include "base/base.h"
#include "nn/nn.h"

#define ELEMENTS 32
#define FACES 64

/* An embedder of 10 MB, so that a second copy of it would show. */
static const gchar *
large_embedder (void)
{
  static gchar *path;

  if (!path) {
    TinyOnnx *t = tiny_new (13);
    path = scratch ("large.onnx");
    tiny_input (t, "x", 4, (int64_t[]){ -1, 3, 112, 112 });
    tiny_random (t, "w", 2, (int64_t[]){ 3 * 112 * 112, FACES }, 7, -.01f,
                 .01f);
    tiny_node (t, "Flatten", "x", "flat");
    tiny_attr_int (t, "axis", 1);
    tiny_node (t, "Gemm", "flat,w", "y");
    tiny_output (t, "y");
    if (!tiny_write (t, path))
      g_error ("cannot write %s", path);
    tiny_free (t);
  }
  return path;
}

/* Resident memory of the process; 0 where it says nothing. */
static gsize
resident (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 0;
#else
  gchar *text = NULL;
  gsize pages = 0;

  if (!g_getenv ("LD_PRELOAD") /* valgrind */
      && g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    sscanf (text, "%*u %zu", &pages);
  g_free (text);
  return pages * 4096;
#endif
}

/* ---- all at once */

typedef struct {
  GMutex lock;
  GCond changed;
  guint waiting;
} Start;

typedef struct {
  Start *start;
  GstElement *element;
  GstHarness *h;
  Record out;
  GThread *thread;
  guint number;
  gboolean detects, ok;
} One;

static void
wait_for_all (Start *start)
{
  g_mutex_lock (&start->lock);
  start->waiting--;
  g_cond_broadcast (&start->changed);
  while (start->waiting > 0)
    g_cond_wait (&start->changed, &start->lock);
  g_mutex_unlock (&start->lock);
}

static gpointer
to_paused (gpointer data)
{
  One *one = data;

  wait_for_all (one->start);
  one->ok = gst_element_set_state (one->element, GST_STATE_PAUSED)
            == GST_STATE_CHANGE_SUCCESS;
  return NULL;
}

static gpointer
work (gpointer data)
{
  One *one = data;
  GstVideoInfo info;

  wait_for_all (one->start);
  one->ok = TRUE;
  elements_info (CAPS_SMALL, &info);
  for (guint i = 0; i < 6; i++) {
    if (one->detects) {
      Rig r = { .info = info, .n = i };
      one->ok &= gst_harness_push (one->h, rig_frame (&r, two, 1 + i % 2))
                 == GST_FLOW_OK;
    } else {
      TrackletSpec spec = {
        i + 1, i + 1, i % 3, 3, i * 10, i * 10 + 9, GST_REID_TRACK_END_GAP,
        FALSE
      };
      one->ok &= gst_harness_push_event (one->h, tracklet_event (&spec));
    }
  }
  one->ok &= gst_harness_push_event (one->h, gst_event_new_eos ());
  return NULL;
}

static void
together (One *all, GThreadFunc function)
{
  Start start = { .waiting = ELEMENTS };

  g_mutex_init (&start.lock);
  g_cond_init (&start.changed);
  for (guint i = 0; i < ELEMENTS; i++) {
    all[i].start = &start;
    all[i].thread = g_thread_new ("one", function, &all[i]);
  }
  for (guint i = 0; i < ELEMENTS; i++) {
    g_thread_join (all[i].thread);
    CHECK_MSG (all[i].ok, "element %u", i);
  }
  g_mutex_clear (&start.lock);
  g_cond_clear (&start.changed);
}

static void
open_all (One *all, const gchar *factory, const gchar *model)
{
  for (guint i = 0; i < ELEMENTS; i++) {
    GstElement *e =
        g_object_ref_sink (gst_element_factory_make (factory, NULL));

    memset (&all[i], 0, sizeof all[i]);
    all[i].number = i;
    all[i].detects = g_str_equal (factory, "reiddetect");
    g_object_set (e, "model", model, "device", "cpu", "threads", i % 2, NULL);
    if (all[i].detects)
      g_object_set (e, "inference-size", 320u, "batch-size", 1 + i % 4, NULL);
    all[i].element = e;
  }
}

static void
close_all (One *all)
{
  for (guint i = 0; i < ELEMENTS; i++) {
    gst_element_set_state (all[i].element, GST_STATE_NULL);
    record_free (&all[i].out);
    gst_harness_teardown (all[i].h);
    gst_object_unref (all[i].element);
  }
  CHECK (reid_session_count () == 0);
}

static void
play_all (One *all)
{
  for (guint i = 0; i < ELEMENTS; i++) {
    all[i].h = gst_harness_new_with_element (all[i].element, "sink", "src");
    record_init (&all[i].out, GST_PAD_PEER (all[i].h->sinkpad));
    gst_harness_set_src_caps_str (all[i].h, CAPS_SMALL);
  }
}

TEST (thirty_two_embedders)
{
  guint64 loads = reid_session_loads ();
  const gchar *model = large_embedder ();
  One *all = g_new (One, ELEMENTS);
  gsize before, after;

  open_all (all, "reidembed", model);
  before = resident ();
  together (all, to_paused);
  after = resident ();
  CHECK (reid_session_count () == 1);
  CHECK_MSG (reid_session_loads () == loads + 1, "read %d times",
             (int) (reid_session_loads () - loads));
  /* two copies, and what 32 elements want for themselves */
  CHECK_MSG (before == 0 || after - before < ((gsize) 100 << 20),
             "%zu MiB more", (after - before) >> 20);
  play_all (all);
  together (all, work);
  for (guint i = 0; i < ELEMENTS; i++) {
    WAIT_UNTIL (record_tracklets (&all[i].out) == 6);
    for (guint k = 0; k < 6; k++) {
      GstReidTracklet *a = record_tracklet (&all[0].out, k),
                      *b = record_tracklet (&all[i].out, k);
      REQUIRE (a && b && a->embeddings && b->embeddings && b->dims == FACES);
      CHECK_MSG (b->n_chips == 3
                     && memcmp (a->embeddings, b->embeddings,
                                3 * FACES * sizeof (gfloat))
                            == 0,
                 "element %u, tracklet %u", i, k);
    }
  }
  CHECK (reid_session_loads () == loads + 1);
  close_all (all);
  g_free (all);
}

TEST (thirty_two_detectors)
{
  guint64 loads = reid_session_loads ();
  One *all = g_new (One, ELEMENTS);

  open_all (all, "reiddetect", detector ());
  together (all, to_paused);
  CHECK (reid_session_count () == 1);
  CHECK (reid_session_loads () == loads + 1);
  play_all (all);
  together (all, work);
  for (guint i = 0; i < ELEMENTS; i++) {
    REQUIRE (record_buffers (&all[i].out) == 6);
    for (guint k = 0; k < 6; k++) {
      GstReidFrameMeta *a = record_meta (&all[0].out, k),
                       *b = record_meta (&all[i].out, k);
      REQUIRE (a && b);
      CHECK_MSG (
          a->n_faces == 1 + k % 2 && b->n_faces == a->n_faces
              && memcmp (a->faces, b->faces, a->n_faces * sizeof *a->faces)
                     == 0,
          "element %u, frame %u", i, k);
    }
  }
  CHECK (reid_session_loads () == loads + 1);
  close_all (all);
  g_free (all);
}

TEST_MAIN ()
