/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libgstreid: the frame meta through other elements, tracklets and chips. */
#include "elements.h"

#define CAPS "video/x-raw,format=I420,width=160,height=120,framerate=25/1"

static GstBuffer *
make_buffer (void)
{
  GstReidFace faces[2] = { elements_face (.1, .2, .3, .4),
                           elements_face (.5, .5, .2, .25) };
  GstReidFrameMeta *meta;
  GstVideoInfo info;
  GstBuffer *buffer;

  elements_info (CAPS, &info);
  buffer = elements_frame (&info, 3, 7 * GST_MSECOND, 5);
  faces[1].track_id = 4;
  faces[1].identity = 9;
  faces[1].similarity = .5f;
  faces[1].quality = .25f;
  meta = elements_add_meta (buffer, 77, GST_REID_FRAME_REUSED, faces, 2);
  meta->segment = 3;
  meta->display_width = 160;
  meta->display_height = 120;
  meta->shot = 5;
  meta->shot_start = 2;
  meta->tracked = TRUE;
  return buffer;
}

static void
check_same (GstBuffer *buffer, GstBuffer *from)
{
  GstReidFrameMeta *m = gst_buffer_get_reid_frame_meta (buffer);
  GstReidFrameMeta *f = gst_buffer_get_reid_frame_meta (from);

  REQUIRE (m && f && m != f);
  CHECK (m->state == f->state && m->frame == f->frame);
  CHECK (m->stream_time == f->stream_time && m->duration == f->duration);
  CHECK (m->segment == f->segment && m->shot == f->shot);
  CHECK (m->shot_start == f->shot_start && m->tracked == f->tracked);
  CHECK (m->display_width == f->display_width
         && m->display_height == f->display_height);
  REQUIRE (m->n_faces == f->n_faces);
  CHECK (m->faces != f->faces);
  CHECK (memcmp (m->faces, f->faces, m->n_faces * sizeof *m->faces) == 0);
}

TEST (an_empty_meta)
{
  GstBuffer *buffer = gst_buffer_new ();
  GstReidFrameMeta *meta = gst_buffer_add_reid_frame_meta (buffer);

  REQUIRE (meta);
  CHECK (gst_buffer_get_reid_frame_meta (buffer) == meta);
  CHECK (meta->state == GST_REID_FRAME_SKIPPED && meta->n_faces == 0);
  CHECK (!meta->faces && !meta->tracked);
  CHECK (meta->stream_time == GST_CLOCK_TIME_NONE);
  gst_reid_frame_meta_set_faces (meta, NULL, 0);
  CHECK (meta->n_faces == 0 && !meta->faces);
  gst_buffer_unref (buffer);
}

TEST (faces_are_replaced)
{
  GstBuffer *buffer = make_buffer ();
  GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (buffer);

  /* also by some of its own */
  gst_reid_frame_meta_set_faces (meta, meta->faces + 1, 1);
  CHECK (meta->n_faces == 1 && meta->faces[0].track_id == 4);
  gst_reid_frame_meta_set_faces (meta, NULL, 0);
  CHECK (meta->n_faces == 0);
  gst_buffer_unref (buffer);
}

TEST (copies)
{
  GstBuffer *buffer = make_buffer (), *copy;

  copy = gst_buffer_copy (buffer);
  check_same (copy, buffer);
  gst_buffer_unref (copy);
  copy = gst_buffer_copy_deep (buffer);
  check_same (copy, buffer);
  gst_buffer_unref (copy);
  copy = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, 0, 100);
  check_same (copy, buffer);
  gst_buffer_unref (copy);
  copy = gst_buffer_make_writable (gst_buffer_ref (buffer));
  check_same (copy, buffer);
  gst_buffer_unref (copy);
  /* a second one over the first is no second meta */
  copy = gst_buffer_copy (buffer);
  gst_buffer_copy_into (copy, buffer, GST_BUFFER_COPY_META, 0, -1);
  CHECK (gst_buffer_get_n_meta (copy, GST_REID_FRAME_META_API_TYPE) == 1);
  gst_buffer_unref (copy);
  gst_buffer_unref (buffer);
}

/* One of three copies of a frame that an element is given (videorate lags by
 * one). */
static GstBuffer *
through (const gchar *launch, const gchar *out_caps, GstBuffer *in)
{
  GstHarness *h = gst_harness_new_parse (launch);
  GstBuffer *out;

  if (!h)
    return NULL;
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_sink_caps_str (h, out_caps);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *copy = gst_buffer_copy (in);

    GST_BUFFER_PTS (copy) = i * GST_SECOND / 25;
    GST_BUFFER_DURATION (copy) = GST_SECOND / 25;
    gst_harness_push (h, copy);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  out = gst_harness_pull (h);
  gst_harness_teardown (h);
  return out;
}

#define OUT(format, width, height)                                             \
  "video/x-raw,format=" format ",width=" #width ",height=" #height             \
  ",framerate=25/1"

TEST (elements_that_leave_every_face_where_it_is_keep_the_meta)
{
  static const struct {
    const gchar *launch, *caps;
  } all[] = {
    { "identity", OUT ("I420", 160, 120) },
    { "queue", OUT ("I420", 160, 120) },
    { "videoconvert", OUT ("RGB", 160, 120) },
    { "videoconvert", OUT ("NV12", 160, 120) },
    { "videoscale add-borders=false", OUT ("I420", 80, 60) },
    { "videoscale add-borders=false", OUT ("I420", 320, 240) },
    { "videoconvert ! videoscale ! videoconvert", OUT ("BGRx", 320, 240) },
    { "videocrop", OUT ("I420", 160, 120) },
    { "videorate", OUT ("I420", 160, 120) },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GstBuffer *in = make_buffer ();
    GstBuffer *out = through (all[i].launch, all[i].caps, in);

    CHECK_MSG (out && gst_buffer_get_reid_frame_meta (out), "%s",
               all[i].launch);
    if (out)
      check_same (out, in);
    gst_clear_buffer (&out);
    gst_buffer_unref (in);
  }
}

TEST (elements_that_move_faces_lose_the_meta)
{
  static const struct {
    const gchar *launch, *caps;
  } all[] = {
    { "videoflip video-direction=horiz", OUT ("I420", 160, 120) },
    { "videoflip video-direction=vert", OUT ("I420", 160, 120) },
    { "videoflip video-direction=180", OUT ("I420", 160, 120) },
    { "videoflip video-direction=90r", OUT ("I420", 120, 160) },
    { "videocrop left=20 right=20", OUT ("I420", 120, 120) },
    { "videocrop top=10", OUT ("I420", 160, 110) },
    { "videobox left=-10", OUT ("I420", 170, 120) },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GstBuffer *in = make_buffer ();
    GstBuffer *out = through (all[i].launch, all[i].caps, in);

    CHECK_MSG (out && !gst_buffer_get_reid_frame_meta (out), "%s",
               all[i].launch);
    gst_clear_buffer (&out);
    gst_buffer_unref (in);
  }
}

/* ---- tracklets and chips */

static GstReidChip *
make_chip (guint side, guint64 frame)
{
  GstReidChip chip = { 0 };

  chip.width = side;
  chip.height = side / 2;
  chip.rgb = malloc (side * (side / 2) * 3);
  memset (chip.rgb, 7, side * (side / 2) * 3);
  chip.frame = frame;
  chip.quality = .5f;
  return gst_reid_chip_new_take (&chip);
}

static GstReidTracklet *
make_tracklet (guint n_chips)
{
  GstReidTracklet values = { 0 };
  GstReidChip **chips = g_new (GstReidChip *, n_chips);

  for (guint i = 0; i < n_chips; i++)
    chips[i] = make_chip (64, i);
  values.track_id = 12;
  values.serial = 3;
  values.first_frame = 5;
  values.last_frame = 50;
  values.start_time = 1;
  values.end_time = 2;
  values.n_detections = 40;
  values.end = GST_REID_TRACK_END_CUT;
  return gst_reid_tracklet_new_take (&values, chips, n_chips);
}

TEST (a_tracklet_holds_its_chips_and_lets_go_of_them)
{
  guint64 before = gst_reid_chip_bytes ();
  GstReidTracklet *t = make_tracklet (3);
  GstReidChip *chip;

  CHECK (gst_reid_tracklet_get_bytes (t) == 3 * 64 * 32 * 3);
  CHECK (gst_reid_chip_bytes () == before + 3 * 64 * 32 * 3);
  CHECK (t->n_chips == 3 && t->track_id == 12 && t->serial == 3);
  CHECK (t->dims == 0 && !t->embeddings && !t->model && isnan (t->threshold));
  chip = gst_reid_chip_ref (t->chips[1]);
  gst_reid_tracklet_ref (t);
  gst_reid_tracklet_unref (t);
  CHECK (t->chips[1] == chip);
  gst_reid_tracklet_unref (t);
  CHECK (gst_reid_chip_bytes () == before + 64 * 32 * 3);
  CHECK (chip->frame == 1 && chip->rgb[0] == 7);
  gst_reid_chip_unref (chip);
  CHECK (gst_reid_chip_bytes () == before);
}

TEST (a_tracklet_without_chips)
{
  GstReidTracklet values = { 0 };
  GstReidTracklet *t = gst_reid_tracklet_new_take (&values, NULL, 0), *with;

  CHECK (gst_reid_tracklet_get_bytes (t) == 0);
  with =
      gst_reid_tracklet_with_embeddings (t, NULL, 64, "m", "s", "v", TRUE, .4f);
  CHECK (with->n_chips == 0 && with->dims == 64);
  gst_reid_tracklet_unref (t);
  gst_reid_tracklet_unref (with);
}

TEST (vectors_make_another_tracklet_of_the_same_chips)
{
  guint64 before = gst_reid_chip_bytes ();
  GstReidTracklet *t = make_tracklet (2), *with;
  gfloat *vectors = g_new0 (gfloat, 2 * 8);

  vectors[9] = 3;
  with = gst_reid_tracklet_with_embeddings (t, vectors, 8, "net", "abc", "def",
                                            TRUE, .4f);
  CHECK (with != t && with->chips[0] == t->chips[0] && with->chips != t->chips);
  CHECK (!t->embeddings && t->dims == 0);
  CHECK (with->dims == 8 && with->embeddings[9] == 3 && with->normalized);
  CHECK (g_str_equal (with->model, "net")
         && g_str_equal (with->model_sha256, "abc"));
  CHECK (with->track_id == 12 && with->serial == 3
         && with->end == GST_REID_TRACK_END_CUT);
  CHECK_NEAR (with->threshold, .4, 1e-6);
  gst_reid_tracklet_unref (t);
  CHECK (gst_reid_chip_bytes () == before + 2 * 64 * 32 * 3);
  CHECK (with->chips[1]->rgb[5] == 7);
  gst_reid_tracklet_unref (with);
  CHECK (gst_reid_chip_bytes () == before);
}

TEST (the_event_of_a_tracklet)
{
  guint64 before = gst_reid_chip_bytes ();
  GstReidTracklet *t = make_tracklet (1);
  GstEvent *event = gst_event_new_reid_tracklet (t), *copy, *other;

  CHECK (GST_EVENT_IS_SERIALIZED (event) && GST_EVENT_IS_DOWNSTREAM (event)
         && !GST_EVENT_IS_STICKY (event));
  CHECK (gst_event_get_reid_tracklet (event) == t);
  gst_reid_tracklet_unref (t);
  copy = gst_event_copy (event);
  CHECK (gst_event_get_reid_tracklet (copy) == t);
  gst_event_unref (event);
  CHECK (gst_event_get_reid_tracklet (copy)->track_id == 12);
  gst_event_unref (copy);
  CHECK (gst_reid_chip_bytes () == before);

  other = gst_event_new_eos ();
  CHECK (!gst_event_get_reid_tracklet (other));
  gst_event_unref (other);
  other = gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, NULL);
  CHECK (!gst_event_get_reid_tracklet (other));
  gst_event_unref (other);
  /* a name that was taken for something else */
  other = gst_event_new_custom (
      GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new ("reid-tracklet", "tracklet", G_TYPE_INT, 5, NULL));
  CHECK (!gst_event_get_reid_tracklet (other));
  gst_event_unref (other);
}

TEST (the_interim_event)
{
  GstEvent *event = gst_event_new_reid_interim (GST_SECOND / 2);
  GstClockTime interval = 0;

  CHECK (GST_EVENT_IS_UPSTREAM (event));
  CHECK (gst_event_parse_reid_interim (event, &interval));
  CHECK (interval == GST_SECOND / 2);
  gst_event_unref (event);
  event = gst_event_new_reconfigure ();
  CHECK (!gst_event_parse_reid_interim (event, &interval));
  gst_event_unref (event);
  event = gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1, 0, 0);
  CHECK (!gst_event_parse_reid_interim (event, &interval));
  gst_event_unref (event);
}

static gpointer
ref_and_unref (gpointer data)
{
  GstReidTracklet *t = data;

  for (guint i = 0; i < 10000; i++) {
    gst_reid_tracklet_ref (t);
    gst_reid_chip_unref (gst_reid_chip_ref (t->chips[i % 2]));
    gst_reid_tracklet_unref (t);
  }
  return NULL;
}

TEST (references_from_many_threads)
{
  guint64 before = gst_reid_chip_bytes ();
  GstReidTracklet *t = make_tracklet (2);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("refs", ref_and_unref, t);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  CHECK (t->ref_count == 1 && t->chips[0]->ref_count == 1);
  gst_reid_tracklet_unref (t);
  CHECK (gst_reid_chip_bytes () == before);
}

/* ---- the budget */

typedef struct {
  gint cancel;
  gint64 timeout;
} Wait;

static gpointer
wait_for_room (gpointer data)
{
  Wait *w = data;

  return GINT_TO_POINTER (gst_reid_chip_budget_wait (&w->cancel, w->timeout));
}

TEST (the_budget_makes_a_producer_wait)
{
  GstReidChip *much;
  Wait w = { 0, 600 * G_TIME_SPAN_SECOND };
  GThread *thread;

  CHECK (gst_reid_chip_budget_wait (NULL, 0));
  much = elements_fill_budget ();
  CHECK (gst_reid_chip_bytes () >= GST_REID_CHIP_BUDGET);
  CHECK (!gst_reid_chip_budget_wait (NULL, 1000));
  CHECK (!gst_reid_chip_budget_wait (NULL, 0));

  /* until there is room */
  thread = g_thread_new ("wait", wait_for_room, &w);
  g_usleep (20000);
  gst_reid_chip_unref (much);
  CHECK (GPOINTER_TO_INT (g_thread_join (thread)));

  /* or until told not to */
  much = elements_fill_budget ();
  thread = g_thread_new ("wait", wait_for_room, &w);
  g_usleep (20000);
  g_atomic_int_set (&w.cancel, 1);
  gst_reid_chip_budget_wake ();
  CHECK (!GPOINTER_TO_INT (g_thread_join (thread)));
  CHECK (!gst_reid_chip_budget_wait (&w.cancel, w.timeout));
  gst_reid_chip_unref (much);
  CHECK (gst_reid_chip_budget_wait (&w.cancel, w.timeout));
}

TEST (types_are_registered)
{
  GValue value = G_VALUE_INIT;
  GstReidTracklet *t = make_tracklet (1);

  CHECK (g_type_is_a (GST_TYPE_REID_FRAME_STATE, G_TYPE_ENUM));
  CHECK (g_type_is_a (GST_TYPE_REID_TRACK_END, G_TYPE_ENUM));
  CHECK (g_type_is_a (GST_TYPE_REID_CHIP, G_TYPE_BOXED));
  g_value_init (&value, GST_TYPE_REID_TRACKLET);
  g_value_set_boxed (&value, t);
  CHECK (g_value_get_boxed (&value) == t && t->ref_count == 2);
  g_value_unset (&value);
  CHECK (t->ref_count == 1);
  gst_reid_tracklet_unref (t);
}

TEST_MAIN ()
