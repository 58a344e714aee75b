/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reidembed: order, batches, deadlines, flushes, failures and states. */
#include "embedding.h"

#include "embed/embed.h"

static GstFlowReturn
push_frame (Fixture *f, guint n)
{
  GstBuffer *b = gst_buffer_new_allocate (NULL, 32 * 16 * 3, NULL);

  gst_buffer_memset (b, 0, (guint8) n, 32 * 16 * 3);
  GST_BUFFER_PTS (b) = n * 40 * GST_MSECOND;
  GST_BUFFER_DURATION (b) = 40 * GST_MSECOND;
  GST_BUFFER_OFFSET (b) = n;
  return gst_harness_push (f->h, b);
}

static gboolean
has_recorded (Fixture *f, const gchar *text)
{
  gchar *s = record_string (&f->record);
  gboolean yes = g_str_equal (s, text);

  g_free (s);
  return yes;
}

static guint
count_tracklets (Fixture *f)
{
  guint n;

  g_mutex_lock (&f->record.lock);
  n = record_tracklets (&f->record);
  g_mutex_unlock (&f->record.lock);
  return n;
}

static guint
count_buffers (Fixture *f)
{
  guint n;

  g_mutex_lock (&f->record.lock);
  n = record_buffers (&f->record);
  g_mutex_unlock (&f->record.lock);
  return n;
}

/* Nothing may come; a while that is long for a thread. */
static void
check_stays (Fixture *f, guint tracklets)
{
  g_usleep (30000);
  CHECK (count_tracklets (f) == tracklets);
}

/* What the engine says of the same pictures, one at a time. */
static void
check_vectors (const GstReidTracklet *t, const gchar *model, gboolean normalize)
{
  ReidEmbedderOptions options = { "auto", 1 };
  ReidEmbedderInfo info;
  ReidError error = REID_ERROR_INIT;
  ReidEmbedder *e;
  gfloat *v;

  reid_embedder_info_init (&info);
  e = reid_embedder_new (model, &info, &options, &error);
  REQUIRE_OK (e, error);
  CHECK (t->dims == (guint) reid_embedder_dims (e));
  v = g_new (gfloat, t->dims);
  for (guint i = 0; i < t->n_chips; i++) {
    const GstReidChip *c = t->chips[i];
    ReidFacePicture p = { .rgb = c->rgb,
                          .width = (int) c->width,
                          .height = (int) c->height,
                          .stride = c->width * 3,
                          .landmarks =
                              c->face.has_landmarks ? c->landmarks : NULL };
    memcpy (p.box, c->box, sizeof p.box);
    CHECK (reid_embedder_run (e, &p, 1, normalize, v, &error));
    CHECK (memcmp (v, t->embeddings + (gsize) i * t->dims, t->dims * sizeof *v)
           == 0);
  }
  g_free (v);
  reid_embedder_free (e);
}

/* ---- what it does */

TEST (properties_say_what_they_are)
{
  GstElement *e = gst_element_factory_make ("reidembed", NULL);
  guint n;
  GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (e), &n);

  for (guint i = 0; i < n; i++)
    if (specs[i]->owner_type == G_OBJECT_TYPE (e)) {
      CHECK (strlen (g_param_spec_get_blurb (specs[i])) > 10);
      CHECK (specs[i]->flags
             & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING));
    }
  g_free (specs);
  gst_object_unref (e);
}

TEST (a_tracklet_gets_the_vectors_of_its_chips)
{
  Fixture f;
  GstReidTracklet *t;

  fixture_open (&f);
  push_frame (&f, 0);
  CHECK (push_person (&f, 1, 5, 3));
  CHECK (gst_harness_push_event (f.h, gst_event_new_eos ()));
  WAIT_UNTIL (has_eos (&f));
  CHECK_RECORD (&f.record, "-CSiBTsE");
  t = record_tracklet (&f.record, 0);
  REQUIRE (t);
  CHECK (t->track_id == 1 && t->serial == 1 && t->n_chips == 3);
  CHECK (t->first_frame == 10 && t->last_frame == 19);
  CHECK (t->end == GST_REID_TRACK_END_GAP);
  CHECK (t->normalized);
  CHECK (isnan (t->threshold));
  CHECK (g_strcmp0 (t->model, "tiny-colour") == 0);
  CHECK (t->model_sha256 && strlen (t->model_sha256) == 64);
  REQUIRE (t->embeddings);
  for (guint i = 0; i < 3; i++)
    CHECK_NEAR (cosine (t->embeddings + i * t->dims, t->embeddings, t->dims), 1,
                .01);
  check_vectors (t, tiny_embedder_path (TINY_EMBED_COLOUR), TRUE);
  fixture_close (&f);
}

/* The environment names no folder: see meson.build. It only starts here, since
 * valgrind would take a minute to run it once. */
TEST (no_model_takes_the_one_that_ships)
{
  GstReidModel *m = gst_reid_model_find (GST_REID_MODEL_EMBEDDER, NULL, NULL);
  Fixture f;

  REQUIRE (m != NULL);
  CHECK_MSG (g_str_equal (m->name, "reid-embed-s"), "%s", m->path);
  gst_reid_model_free (m);
  fixture_open_model (&f, NULL);
  CHECK (reid_session_count () == 1);
  fixture_close (&f);
}

TEST (vectors_tell_people_apart)
{
  Fixture f;
  GstReidTracklet *a, *b, *c;

  fixture_open (&f);
  push_person (&f, 1, 1, 2);
  push_person (&f, 2, 2, 2);
  push_person (&f, 3, 1, 2);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  a = record_tracklet (&f.record, 0);
  b = record_tracklet (&f.record, 1);
  c = record_tracklet (&f.record, 2);
  REQUIRE (a && b && c && a->embeddings && b->embeddings && c->embeddings);
  CHECK (cosine (a->embeddings, c->embeddings, a->dims) > .9);
  CHECK (cosine (a->embeddings, b->embeddings, a->dims) < .5);
  fixture_close (&f);
}

TEST (normalize_false_leaves_the_length)
{
  Fixture f;
  GstReidTracklet *t;

  fixture_open (&f);
  g_object_set (f.h->element, "normalize", FALSE, NULL);
  push_person (&f, 1, 5, 2);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  t = record_tracklet (&f.record, 0);
  REQUIRE (t && t->embeddings);
  CHECK (!t->normalized);
  check_vectors (t, tiny_embedder_path (TINY_EMBED_COLOUR), FALSE);
  fixture_close (&f);
}

/* Part of its faces went through the network before normalize changed. */
TEST (normalize_counts_for_whole_tracklets)
{
  for (guint to = 0; to <= 1; to++) {
    GstReidTracklet *t;
    GstMessage *m;
    Fixture f;

    fixture_open (&f);
    g_object_set (f.h->element, "normalize", !to, "batch-size", 4,
                  "max-latency", G_MAXUINT64, NULL);
    push_person (&f, 1, 5, 6);
    m = next_message (f.bus, GST_MESSAGE_LATENCY, 5000);
    REQUIRE (m);
    gst_message_unref (m);
    g_object_set (f.h->element, "normalize", to, NULL);
    gst_harness_push_event (f.h, gst_event_new_eos ());
    WAIT_UNTIL (has_eos (&f));
    t = record_tracklet (&f.record, 0);
    REQUIRE (t && t->embeddings && t->n_chips == 6);
    CHECK (t->normalized == (gboolean) to);
    check_vectors (t, tiny_embedder_path (TINY_EMBED_COLOUR), (gboolean) to);
    fixture_close (&f);
  }
}

TEST (a_full_batch_does_not_wait)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 4, "max-latency",
                GST_CLOCK_TIME_NONE, NULL);
  push_person (&f, 1, 1, 3);
  check_stays (&f, 0);
  push_person (&f, 2, 2, 3);
  WAIT_UNTIL (count_tracklets (&f) == 1);
  /* two chips of the second are left, and wait */
  check_stays (&f, 1);
  push_person (&f, 3, 3, 2);
  WAIT_UNTIL (count_tracklets (&f) == 3);
  fixture_close (&f);
}

TEST (the_deadline_needs_no_further_data)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 100, "max-latency",
                20 * GST_MSECOND, NULL);
  push_person (&f, 1, 1, 3);
  WAIT_UNTIL (count_tracklets (&f) == 1);
  push_person (&f, 2, 1, 3);
  push_person (&f, 3, 1, 3);
  WAIT_UNTIL (count_tracklets (&f) == 3);
  fixture_close (&f);
}

TEST (a_shorter_deadline_holds_at_once)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 100, "max-latency",
                GST_CLOCK_TIME_NONE, NULL);
  push_person (&f, 1, 1, 3);
  check_stays (&f, 0);
  g_object_set (f.h->element, "max-latency", (guint64) 0, NULL);
  WAIT_UNTIL (count_tracklets (&f) == 1);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  push_person (&f, 2, 1, 3);
  check_stays (&f, 1);
  g_object_set (f.h->element, "batch-size", 2, NULL);
  push_person (&f, 3, 1, 1);
  WAIT_UNTIL (count_tracklets (&f) == 3);
  fixture_close (&f);
}

TEST (buffers_pass_while_a_batch_fills)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  push_person (&f, 1, 1, 3);
  for (guint i = 0; i < 20; i++)
    CHECK (push_frame (&f, i) == GST_FLOW_OK);
  WAIT_UNTIL (count_buffers (&f) == 20);
  CHECK (count_tracklets (&f) == 0);
  for (guint i = 0; i < 20; i++)
    CHECK (GST_BUFFER_OFFSET (record_buffer (&f.record, i)) == i);
  fixture_close (&f);
}

TEST (odd_tracklets_keep_their_turn)
{
  Fixture f;
  TrackletSpec empty = { 1, 1, 1, 0, 0, 5, GST_REID_TRACK_END_CUT, FALSE };
  TrackletSpec plain = { 2, 2, 1, 2, 0, 5, GST_REID_TRACK_END_CUT, TRUE };
  TrackletSpec interim = { 3, 0, 1, 2, 0, 5, GST_REID_TRACK_END_NONE, FALSE };
  GstReidTracklet *t;

  fixture_open (&f);
  gst_harness_push_event (f.h, tracklet_event (&empty));
  /* nothing to wait for */
  WAIT_UNTIL (count_tracklets (&f) == 1);
  gst_harness_push_event (f.h, tracklet_event (&plain));
  gst_harness_push_event (f.h, tracklet_event (&empty));
  gst_harness_push_event (f.h, tracklet_event (&interim));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  t = record_tracklet (&f.record, 0);
  REQUIRE (t);
  CHECK (t->n_chips == 0 && !t->embeddings && t->dims == 0);
  t = record_tracklet (&f.record, 1);
  REQUIRE (t && t->track_id == 2 && t->embeddings);
  check_vectors (t, tiny_embedder_path (TINY_EMBED_COLOUR), TRUE);
  t = record_tracklet (&f.record, 2);
  REQUIRE (t && t->track_id == 1);
  t = record_tracklet (&f.record, 3);
  REQUIRE (t && t->track_id == 3 && t->embeddings);
  CHECK (t->serial == 0 && t->end == GST_REID_TRACK_END_NONE);
  fixture_close (&f);
}

/* ---- batches and threads change no byte */

static GByteArray *
vectors_of_run (guint batch, guint threads, gint max_latency_ms)
{
  GByteArray *bytes = g_byte_array_new ();
  Fixture f;

  fixture_open_plain (&f, TINY_EMBED_COLOUR);
  gst_element_set_state (f.h->element, GST_STATE_NULL);
  g_object_set (
      f.h->element, "batch-size", batch, "threads", threads, "max-latency",
      max_latency_ms < 0 ? GST_CLOCK_TIME_NONE
                         : (GstClockTime) max_latency_ms * GST_MSECOND,
      NULL);
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (f.h, CAPS);
  for (guint i = 0; i < 12; i++)
    push_person (&f, i + 1, i % 4, i % 6);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK (record_tracklets (&f.record) == 12);
  for (guint i = 0; i < record_tracklets (&f.record); i++) {
    GstReidTracklet *t = record_tracklet (&f.record, i);
    CHECK (t->track_id == i + 1);
    g_byte_array_append (bytes, (const guint8 *) t->embeddings,
                         t->n_chips * t->dims * (guint) sizeof (gfloat));
  }
  fixture_close (&f);
  return bytes;
}

TEST (batches_and_threads_change_no_byte)
{
  static const struct {
    guint batch, threads;
    gint latency;
  } runs[] = { { 8, 1, -1 },  { 16, 1, -1 }, { 1, 2, -1 },
               { 16, 2, -1 }, { 5, 2, 0 },   { 1024, 1, -1 } };
  GByteArray *first = vectors_of_run (1, 1, -1);

  CHECK (first->len == 30 * 48 * sizeof (gfloat));
  for (gsize i = 0; i < G_N_ELEMENTS (runs); i++) {
    GByteArray *other =
        vectors_of_run (runs[i].batch, runs[i].threads, runs[i].latency);
    CHECK_MSG (other->len == first->len
                   && memcmp (other->data, first->data, first->len) == 0,
               "batch %u, %u threads", runs[i].batch, runs[i].threads);
    g_byte_array_unref (other);
  }
  g_byte_array_unref (first);
}

/* ---- the stream */

TEST (any_caps_pass)
{
  Fixture f;
  GstBuffer *b;

  fixture_open_plain (&f, TINY_EMBED_COLOUR);
  gst_harness_set_src_caps_str (f.h, "application/x-anything");
  b = gst_buffer_new_allocate (NULL, 3, NULL);
  CHECK (gst_harness_push (f.h, b) == GST_FLOW_OK);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK_RECORD (&f.record, "-CSiBsE");
  fixture_close (&f);
}

TEST (events_keep_their_place_among_buffers)
{
  Fixture f;
  GstCaps *caps = gst_caps_from_string (
      "video/x-raw,format=I420,width=320,height=240,framerate=30/1");
  GstSegment segment;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  push_person (&f, 1, 1, 1);
  push_frame (&f, 0);
  gst_harness_push_event (f.h, gst_event_new_caps (caps));
  push_frame (&f, 1);
  gst_harness_push_event (f.h, gst_event_new_gap (2 * GST_SECOND, GST_SECOND));
  push_frame (&f, 2);
  gst_harness_push_event (
      f.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "x", NULL)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  push_frame (&f, 3);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK_RECORD (&f.record, "-CSiBCBGBtSBTsE");
  CHECK (record_buffers (&f.record) == 4);
  gst_caps_unref (caps);
  fixture_close (&f);
}

TEST (a_seek_goes_upstream)
{
  Fixture f;
  GstEvent *event;
  gboolean seen = FALSE;

  fixture_open (&f);
  push_frame (&f, 0);
  CHECK (gst_harness_push_upstream_event (
      f.h, gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                               GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0)));
  while ((event = gst_harness_try_pull_upstream_event (f.h))) {
    seen |= GST_EVENT_TYPE (event) == GST_EVENT_SEEK;
    gst_event_unref (event);
  }
  CHECK (seen);
  fixture_close (&f);
}

static void
flush (Fixture *f)
{
  GstSegment segment;

  CHECK (gst_harness_push_event (f->h, gst_event_new_flush_start ()));
  CHECK (gst_harness_push_event (f->h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  CHECK (gst_harness_push_event (f->h, gst_event_new_segment (&segment)));
}

TEST (a_flush_keeps_tracklets)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  /* a flush would drop the frame, were it still here */
  push_frame (&f, 0);
  WAIT_UNTIL (count_buffers (&f) == 1);
  push_person (&f, 1, 1, 2);
  push_person (&f, 2, 2, 2);
  check_stays (&f, 0);
  flush (&f);
  push_frame (&f, 1);
  push_person (&f, 3, 3, 2);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK_RECORD (&f.record, "-CSiBfFSBTTTsE");
  for (guint i = 0; i < 3; i++)
    CHECK (record_tracklet (&f.record, i)->track_id == i + 1);
  fixture_close (&f);
}

TEST (a_stray_flush_stop_does_no_harm)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  for (guint i = 0; i < 50; i++) {
    GstSegment segment;
    push_person (&f, i + 1, i, i % 3);
    gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (f.h, gst_event_new_segment (&segment));
    push_frame (&f, i);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK (record_tracklets (&f.record) == 50);
  fixture_close (&f);
}

/* A pad that holds the task in its push. */
static GstPadProbeReturn
hold (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return GST_PAD_PROBE_OK;
}

static gpointer
push_many (gpointer data)
{
  Fixture *f = data;
  guint i = 0;

  while (push_frame (f, i++) == GST_FLOW_OK)
    ;
  return NULL;
}

TEST (a_flush_frees_a_blocked_stream_and_keeps_tracklets)
{
  Fixture f;
  GThread *thread;
  gulong probe;
  GstCaps *caps;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", (guint64) 0, NULL);
  push_frame (&f, 0);
  WAIT_UNTIL (count_buffers (&f) == 1);
  probe =
      gst_pad_add_probe (f.srcpad,
                         GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER
                             | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                         hold, NULL, NULL);
  /* one is held in its push, the others behind it */
  push_person (&f, 1, 1, 1);
  push_person (&f, 2, 2, 1);
  caps = gst_caps_from_string ("video/x-raw,format=RGB,width=32,height=16");
  gst_harness_push_event (f.h, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  push_person (&f, 3, 3, 0);
  thread = g_thread_new ("push", push_many, &f);
  g_usleep (20000);
  CHECK (gst_harness_push_event (f.h, gst_event_new_flush_start ()));
  g_thread_join (thread);
  gst_pad_remove_probe (f.srcpad, probe);
  CHECK (gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE)));
  WAIT_UNTIL (count_tracklets (&f) >= 3);
  /* caps that were under way are not lost either */
  caps = gst_pad_get_current_caps (f.srcpad);
  REQUIRE (caps);
  CHECK (
      !gst_structure_has_field (gst_caps_get_structure (caps, 0), "framerate"));
  gst_caps_unref (caps);
  fixture_close (&f);
}

TEST (flushes_at_any_moment_lose_no_tracklet)
{
  Fixture f;
  guint seen[201] = { 0 };

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 2, "max-latency",
                (guint64) GST_MSECOND, NULL);
  for (guint i = 1; i <= 200; i++) {
    push_person (&f, i, i % 5, i % 3);
    push_frame (&f, i);
    if (i % 4 == 0) {
      g_usleep (elements_hash (i, 1, 2) % 1000);
      flush (&f);
    }
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  for (guint i = 0; i < record_tracklets (&f.record); i++)
    seen[record_tracklet (&f.record, i)->track_id]++;
  for (guint i = 1; i <= 200; i++)
    CHECK_MSG (seen[i] >= 1, "tracklet %u", i);
  fixture_close (&f);
}

TEST (a_stream_after_eos_needs_no_flush)
{
  Fixture f;

  fixture_open (&f);
  push_person (&f, 1, 1, 2);
  for (guint i = 0; i < 20; i++) {
    GstSegment segment;
    gst_harness_push_event (f.h, gst_event_new_eos ());
    gst_harness_push_event (f.h, gst_event_new_stream_start ("again"));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (f.h, gst_event_new_segment (&segment));
    CHECK (push_frame (&f, i) == GST_FLOW_OK);
    push_person (&f, 1, 1, i % 2);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (count_tracklets (&f) == 21 && count_buffers (&f) == 20);
  fixture_close (&f);
}

TEST (a_new_stream_comes_after_the_old_tracklets)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, NULL);
  push_frame (&f, 0);
  push_person (&f, 1, 1, 2);
  gst_harness_push_event (f.h, gst_event_new_stream_start ("second"));
  WAIT_UNTIL (has_recorded (&f, "-CSiBT-"));
  fixture_close (&f);
}

/* ---- what downstream answers */

static GstFlowReturn answer;

static GstFlowReturn
answering_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return answer;
}

/* Pushes until told otherwise. */
static GstFlowReturn
push_until_refused (Fixture *f)
{
  GstFlowReturn flow = GST_FLOW_OK;

  for (guint i = 0; i < 1000 && flow == GST_FLOW_OK; i++)
    flow = push_frame (f, i);
  return flow;
}

TEST (refusals_go_upstream)
{
  static const GstFlowReturn flows[] = { GST_FLOW_ERROR, GST_FLOW_NOT_LINKED,
                                         GST_FLOW_NOT_NEGOTIATED,
                                         GST_FLOW_FLUSHING, GST_FLOW_EOS };

  for (gsize i = 0; i < G_N_ELEMENTS (flows); i++) {
    Fixture f;
    fixture_open (&f);
    gst_pad_set_chain_function (f.h->sinkpad, answering_chain);
    answer = flows[i];
    CHECK_MSG (push_until_refused (&f) == flows[i], "%s",
               gst_flow_get_name (flows[i]));
    fixture_close (&f);
  }
}

TEST (who_wants_no_more_buffers_still_gets_tracklets_and_eos)
{
  Fixture f;
  GstSegment segment;

  fixture_open (&f);
  gst_pad_set_chain_function (f.h->sinkpad, answering_chain);
  answer = GST_FLOW_EOS;
  push_person (&f, 1, 1, 2);
  CHECK (push_until_refused (&f) == GST_FLOW_EOS);
  CHECK (push_person (&f, 2, 1, 2));
  CHECK (push_frame (&f, 5) == GST_FLOW_EOS);
  /* a new segment may be wanted */
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  answer = GST_FLOW_OK;
  CHECK (push_frame (&f, 6) == GST_FLOW_OK);
  CHECK (gst_harness_push_event (f.h, gst_event_new_eos ()));
  WAIT_UNTIL (has_eos (&f));
  CHECK (record_tracklets (&f.record) == 2);
  fixture_close (&f);
}

TEST (a_refusal_after_the_last_event_is_told_on_the_bus)
{
  Fixture f;
  gulong probe;
  gchar *text;

  fixture_open (&f);
  gst_pad_set_chain_function (f.h->sinkpad, answering_chain);
  answer = GST_FLOW_ERROR;
  probe = gst_pad_add_probe (
      f.srcpad, GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, hold,
      NULL, NULL);
  push_frame (&f, 0);
  CHECK (gst_harness_push_event (f.h, gst_event_new_eos ()));
  gst_pad_remove_probe (f.srcpad, probe);
  WAIT_UNTIL (has_eos (&f));
  text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, NULL);
  CHECK_HAS (text, "data stream error");
  g_free (text);
  fixture_close (&f);
}

TEST (a_refusal_that_only_the_task_has_seen_is_told_at_eos)
{
  static const GstFlowReturn flows[] = { GST_FLOW_NOT_LINKED,
                                         GST_FLOW_NOT_NEGOTIATED };

  for (gsize i = 0; i < G_N_ELEMENTS (flows); i++) {
    Fixture f;
    gchar *text;

    fixture_open (&f);
    gst_pad_set_chain_function (f.h->sinkpad, answering_chain);
    answer = flows[i];
    CHECK (push_frame (&f, 0) == GST_FLOW_OK);
    WAIT_UNTIL (GST_PAD_LAST_FLOW_RETURN (f.srcpad) == flows[i]);
    /* the task has it, or will after EOS: either way it is told once */
    gst_harness_push_event (f.h, gst_event_new_eos ());
    text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, "data stream error");
    g_free (text);
    gst_element_set_state (f.h->element, GST_STATE_READY);
    CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
    fixture_close (&f);
  }
}

/* ---- faces that cannot be embedded */

static GstEvent *
bad_tracklet (guint32 track, guint n_bad, guint n_good)
{
  GstReidTracklet t = { 0 }, *made;
  GstReidChip **chips = g_new (GstReidChip *, n_bad + n_good);
  GstEvent *event;

  t.track_id = track;
  t.serial = track;
  for (guint i = 0; i < n_bad + n_good; i++) {
    chips[i] = person_chip (1, i, 64, TRUE);
    if (i < n_bad)
      for (guint k = 0; k < 10; k++)
        chips[i]->landmarks[k] = chips[i]->box[k % 4] = NAN;
  }
  made = gst_reid_tracklet_new_take (&t, chips, n_bad + n_good);
  event = gst_event_new_reid_tracklet (made);
  gst_reid_tracklet_unref (made);
  return event;
}

TEST (a_bad_face_takes_no_other_with_it)
{
  Fixture f;
  GstReidTracklet *t;
  gchar *text;

  fixture_open (&f);
  push_person (&f, 1, 1, 2);
  gst_harness_push_event (f.h, bad_tracklet (2, 1, 2));
  gst_harness_push_event (f.h, bad_tracklet (3, 2, 0));
  push_person (&f, 4, 1, 2);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  CHECK (record_tracklets (&f.record) == 4);
  t = record_tracklet (&f.record, 1);
  CHECK (t->n_chips == 2 && t->embeddings);
  CHECK (t->chips[0]->frame == 1 && t->chips[1]->frame == 2);
  check_vectors (t, tiny_embedder_path (TINY_EMBED_COLOUR), TRUE);
  t = record_tracklet (&f.record, 2);
  CHECK (t->n_chips == 2 && !t->embeddings);
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "No vector for");
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
}

TEST (nothing_but_bad_faces_is_an_error)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 4, NULL);
  gst_harness_push_event (f.h, bad_tracklet (1, 30, 0));
  CHECK (push_until_refused (&f) == GST_FLOW_ERROR);
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) >= 1);
  fixture_close (&f);
}

TEST (a_failure_at_eos_is_one_error_and_one_eos)
{
  Fixture f;
  gchar *text;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 1000, "max-latency",
                GST_CLOCK_TIME_NONE, NULL);
  for (guint i = 0; i < 20; i++)
    gst_harness_push_event (f.h, bad_tracklet (i + 1, 3, 0));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (&f));
  gst_element_set_state (f.h->element, GST_STATE_READY);
  text = record_string (&f.record);
  CHECK_MSG (strchr (text, 'E') == strrchr (text, 'E'), "%s", text);
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 1);
  fixture_close (&f);
}

/* ---- queries */

TEST (no_buffer_waits_for_two_batches)
{
  Fixture f;
  gulong probe;

  fixture_open (&f);
  g_object_set (f.h->element, "batch-size", 3, "max-latency", (guint64) 0,
                NULL);
  probe = gst_pad_add_probe (
      f.srcpad, GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, hold,
      NULL, NULL);
  push_frame (&f, 0);
  /* behind it: a cut ends many tracks, and two frames follow */
  for (guint i = 0; i < 10; i++)
    push_person (&f, i + 1, 1, 3);
  push_frame (&f, 1);
  push_frame (&f, 2);
  gst_pad_remove_probe (f.srcpad, probe);
  WAIT_UNTIL (count_tracklets (&f) == 10);
  CHECK_RECORD (&f.record, "-CSiBTBBTTTTTTTTT");
  for (guint i = 0; i < 10; i++)
    CHECK (record_tracklet (&f.record, i)->track_id == i + 1);
  fixture_close (&f);
}

TEST (latency_grows_by_the_longest_run)
{
  Fixture f;
  GstClockTime min, max, first;
  GstQuery *q;
  gboolean live;

  fixture_open (&f);
  gst_harness_set_upstream_latency (f.h, 20 * GST_MSECOND);
  CHECK (gst_harness_query_latency (f.h) == 20 * GST_MSECOND);
  push_frame (&f, 0);
  push_person (&f, 1, 1, 8);
  g_object_set (f.h->element, "batch-size", 8, NULL);
  WAIT_UNTIL (count_tracklets (&f) == 1);
  first = gst_harness_query_latency (f.h);
  CHECK (first > 20 * GST_MSECOND);
  CHECK (count_messages (f.bus, GST_MESSAGE_LATENCY) >= 1);
  q = gst_query_new_latency ();
  CHECK (gst_pad_query (f.srcpad, q));
  gst_query_parse_latency (q, &live, &min, &max);
  CHECK (live);
  CHECK (max == GST_CLOCK_TIME_NONE || max >= min);
  gst_query_unref (q);
  fixture_close (&f);
}

static gboolean pool_wanted;

static gboolean
answering_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return gst_pad_query_default (pad, parent, query);
  if (!pool_wanted)
    return FALSE;
  gst_query_add_allocation_pool (query, NULL, 5000, 4, 5);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static GstQuery *
ask_allocation (Fixture *f, const gchar *caps, gboolean *ok)
{
  GstCaps *c = gst_caps_from_string (caps);
  GstQuery *q = gst_query_new_allocation (c, TRUE);

  *ok = gst_pad_peer_query (f->h->srcpad, q);
  gst_caps_unref (c);
  return q;
}

TEST (held_buffers_stand_in_the_allocation)
{
  Fixture f;
  GstQuery *q;
  guint size, min, max;
  gboolean ok;

  fixture_open (&f);
  gst_pad_set_query_function (f.h->sinkpad, answering_query);
  pool_wanted = FALSE;
  q = ask_allocation (&f, CAPS, &ok);
  CHECK (ok && gst_query_get_n_allocation_pools (q) == 1);
  gst_query_parse_nth_allocation_pool (q, 0, NULL, &size, &min, &max);
  CHECK (size == 32 * 16 * 3 && min == 3 && max == 0);
  gst_query_unref (q);
  q = ask_allocation (&f, "application/x-anything", &ok);
  CHECK (!ok);
  gst_query_unref (q);
  pool_wanted = TRUE;
  q = ask_allocation (&f, CAPS, &ok);
  CHECK (ok && gst_query_get_n_allocation_pools (q) == 1);
  gst_query_parse_nth_allocation_pool (q, 0, NULL, &size, &min, &max);
  CHECK (size == 5000 && min == 7 && max == 8);
  CHECK (gst_query_find_allocation_meta (q, GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref (q);
  fixture_close (&f);
}

TEST (serialized_queries_come_behind_buffers)
{
  Fixture f;
  GstQuery *q = gst_query_new_drain ();

  fixture_open (&f);
  for (guint i = 0; i < 3; i++)
    push_frame (&f, i);
  gst_pad_peer_query (f.h->srcpad, q);
  CHECK (count_buffers (&f) == 3);
  gst_query_unref (q);
  fixture_close (&f);
}

/* ---- states */

TEST (null_from_every_state_while_a_batch_waits)
{
  static const GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED,
                                     GST_STATE_PLAYING };

  for (guint i = 0; i < 50; i++) {
    GstElement *e = gst_element_factory_make ("reidembed", NULL);
    GstHarness *h;
    g_object_set (e, "model", tiny_embedder_path (TINY_EMBED_COLOUR),
                  "max-latency", GST_CLOCK_TIME_NONE, "threads", 1, NULL);
    h = gst_harness_new_with_element (e, "sink", "src");
    gst_harness_set_src_caps_str (h, CAPS);
    if (i % 4 != 0)
      for (guint32 k = 1; k < 4; k++) {
        TrackletSpec spec = { k, k, k, k, 0, 5, GST_REID_TRACK_END_GAP, FALSE };
        gst_harness_push_event (h, tracklet_event (&spec));
        gst_harness_push (h, gst_buffer_new_allocate (NULL, 32 * 16 * 3, NULL));
      }
    if (i % 5 == 0)
      gst_harness_push_event (h, gst_event_new_eos ());
    gst_element_set_state (e, states[i % 3]);
    CHECK (gst_element_set_state (e, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    CHECK (reid_session_count () == 0);
    if (i % 7 == 0) { /* and once more */
      gst_element_set_state (e, GST_STATE_PLAYING);
      CHECK (reid_session_count () == 1);
      gst_element_set_state (e, GST_STATE_NULL);
    }
    gst_harness_teardown (h); /* which keeps the events it got */
    gst_object_unref (e);
    CHECK (gst_reid_chip_bytes () == 0);
  }
  CHECK (reid_session_count () == 0);
}

TEST (null_while_downstream_holds_a_buffer)
{
  for (guint i = 0; i < 10; i++) {
    Fixture f;
    GThread *thread;
    fixture_open (&f);
    gst_pad_add_probe (f.srcpad,
                       GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER,
                       hold, NULL, NULL);
    push_person (&f, 1, 1, 3);
    thread = g_thread_new ("push", push_many, &f);
    g_usleep (i * 1000);
    CHECK (gst_element_set_state (f.h->element, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    g_thread_join (thread);
    fixture_close (&f);
  }
}

TEST (null_does_not_wait_for_a_backlog)
{
  Fixture f;

  fixture_open (&f);
  g_object_set (f.h->element, "max-latency", GST_CLOCK_TIME_NONE, "batch-size",
                1, NULL);
  for (guint32 i = 1; i <= 20; i++)
    push_person (&f, i, i, 10);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  CHECK (gst_element_set_state (f.h->element, GST_STATE_NULL)
         == GST_STATE_CHANGE_SUCCESS);
  fixture_close (&f);
}

TEST (a_bad_model_is_one_error_and_no_end)
{
  static const struct {
    const gchar *name, *text, *message;
  } bad[] = { { "no-such-file.onnx", NULL, "no-such-file" },
              { "not-a-network.onnx", "this is text", "not-a-network" },
              { "empty.onnx", "", "empty" } };
  GstElement *e = gst_element_factory_make ("reidembed", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (e, bus);
  for (guint i = 0; i < 12; i++) {
    gchar *path = scratch (bad[i % 3].name), *text;
    if (bad[i % 3].text)
      g_file_set_contents (path, bad[i % 3].text, -1, NULL);
    g_object_set (e, "model", path, NULL);
    CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
           == GST_STATE_CHANGE_FAILURE);
    text = next_complaint (bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, bad[i % 3].message);
    CHECK (!strchr (text, '\n'));
    g_free (text);
    CHECK (count_messages (bus, GST_MESSAGE_ERROR) == 0);
    CHECK (gst_element_set_state (e, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    CHECK (reid_session_count () == 0);
    g_free (path);
  }
  /* a detector is no embedder */
  g_object_set (e, "model", tiny_detector_path (), NULL);
  CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (e, GST_STATE_NULL);
  g_object_set (e, "model", tiny_embedder_path (TINY_EMBED_COLOUR), "device",
                "no-such-device", NULL);
  CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (e, GST_STATE_NULL);
  g_object_set (e, "device", "reference", NULL);
  CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (e, GST_STATE_NULL);
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
  CHECK (reid_session_count () == 0);
}

TEST (elements_share_one_session)
{
  enum { N = 4 };
  Fixture f[N];
  const gfloat *first;

  for (guint i = 0; i < N; i++)
    fixture_open (&f[i]);
  CHECK (reid_session_count () == 1);
  for (guint i = 0; i < N; i++) {
    push_person (&f[i], 1, 7, 3);
    gst_harness_push_event (f[i].h, gst_event_new_eos ());
  }
  for (guint i = 0; i < N; i++)
    WAIT_UNTIL (has_eos (&f[i]));
  first = record_tracklet (&f[0].record, 0)->embeddings;
  for (guint i = 1; i < N; i++)
    CHECK (memcmp (record_tracklet (&f[i].record, 0)->embeddings, first,
                   3 * 48 * sizeof *first)
           == 0);
  CHECK (reid_session_count () == 1);
  for (guint i = 0; i < N; i++) {
    gst_element_set_state (f[i].h->element, GST_STATE_NULL);
    gst_element_set_bus (f[i].h->element, NULL);
    record_free (&f[i].record);
    gst_harness_teardown (f[i].h);
    gst_object_unref (f[i].srcpad);
    gst_object_unref (f[i].bus);
  }
  CHECK (reid_session_count () == 0 && gst_reid_chip_bytes () == 0);
}

TEST_MAIN ()
