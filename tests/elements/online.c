/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reidcluster mode=online: names while the stream runs. The vectors are made by
 * hand, with a threshold of 0.5: above 0.62 somebody is known, below 0.46 new,
 * and between them pending. */
#include "people.h"

#include "archive/archive.h"

#include <malloc.h>

static void
online_open (Fixture *f, const gchar *location)
{
  GstElement *e = gst_element_factory_make ("reidcluster", NULL);

  g_object_set (e, "mode", 1, "location", location, NULL);
  fixture_open_element (f, e);
  gst_harness_set_src_caps_str (f->h, CAPS);
}

/* The identity that the i-th face of the last buffer carries. */
static guint32
named (Fixture *f, guint i)
{
  GstReidFrameMeta *meta =
      record_meta (&f->record, record_buffers (&f->record) - 1);

  return meta && i < meta->n_faces ? meta->faces[i].identity : G_MAXUINT32;
}

static void
push_interim (Fixture *f, guint32 track, guint person, guint64 last)
{
  push_track (f, track, person, 0, last, GST_REID_TRACK_END_NONE);
}

/* The next reid-presence as "+1" or "-1"; "" when there is none. */
static const gchar *
next_presence (Fixture *f, gboolean *is_new)
{
  static gchar text[16];
  GstMessage *m = next_element_message (f->bus, "reid-presence", 0);
  gboolean came = FALSE, fresh = FALSE;
  guint id = 0;

  if (!m)
    return "";
  CHECK (gst_structure_get (gst_message_get_structure (m), "came",
                            G_TYPE_BOOLEAN, &came, "id", G_TYPE_UINT, &id,
                            "new", G_TYPE_BOOLEAN, &fresh, NULL));
  if (is_new)
    *is_new = fresh;
  g_snprintf (text, sizeof text, "%c%u", came ? '+' : '-', id);
  gst_message_unref (m);
  return text;
}

TEST (names_come_while_the_stream_runs)
{
  Fixture f;
  GstEvent *event;
  gboolean is_new = FALSE, asked = FALSE;
  GstClockTime interval;
  GstMessage *m;

  online_open (&f, NULL);
  /* reidtrack is asked before the first frame */
  while ((event = gst_harness_try_pull_upstream_event (f.h))) {
    if (gst_event_parse_reid_interim (event, &interval))
      asked = interval == 500 * GST_MSECOND;
    gst_event_unref (event);
  }
  CHECK (asked);
  push_face (&f, 0, 1);
  CHECK (named (&f, 0) == 0);
  push_interim (&f, 1, 3, 0);
  CHECK (g_str_equal (next_presence (&f, &is_new), "+1"));
  CHECK (is_new);
  push_face (&f, 1, 1);
  CHECK (named (&f, 0) == 1);
  CHECK (record_meta (&f.record, 1)->faces[0].similarity
         == record_meta (&f.record, 1)->faces[0].similarity);
  push_track (&f, 1, 3, 0, 1, GST_REID_TRACK_END_GAP);
  /* somebody else, and the first one again */
  push_face (&f, 2, 2);
  push_interim (&f, 2, 4, 2);
  CHECK (g_str_equal (next_presence (&f, &is_new), "+2"));
  CHECK (is_new);
  push_face (&f, 3, 2);
  CHECK (named (&f, 0) == 2);
  push_track (&f, 2, 4, 2, 3, GST_REID_TRACK_END_GAP);
  push_face (&f, 4, 3);
  push_interim (&f, 3, 3, 4);
  push_face (&f, 5, 3);
  CHECK (named (&f, 0) == 1);
  CHECK (record_meta (&f.record, 5)->faces[0].similarity > .9f);
  push_track (&f, 3, 3, 4, 5, GST_REID_TRACK_END_GAP);
  /* all of it before EOS; at EOS they go */
  CHECK (g_str_equal (next_presence (&f, NULL), ""));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  CHECK (g_str_equal (next_presence (&f, NULL), "-1"));
  CHECK (g_str_equal (next_presence (&f, NULL), "-2"));
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 2 && !is_partial (m));
  gst_message_unref (m);
  fixture_close (&f);
}

TEST (who_returns_is_the_same_person)
{
  Fixture f;
  gboolean is_new = TRUE;

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  push_face (&f, 1, 1);
  push_track (&f, 1, 3, 0, 1, GST_REID_TRACK_END_CUT);
  CHECK (g_str_equal (next_presence (&f, NULL), "+1"));
  /* gone when unseen for two seconds */
  for (guint i = 2; i < 80; i++)
    push_faces (&f, i, 0, NULL);
  CHECK (g_str_equal (next_presence (&f, NULL), "-1"));
  push_face (&f, 80, 2);
  push_interim (&f, 2, 3, 80);
  CHECK (g_str_equal (next_presence (&f, &is_new), "+1"));
  CHECK (!is_new);
  push_face (&f, 81, 2);
  CHECK (named (&f, 0) == 1);
  fixture_close (&f);
}

TEST (the_unsure_wait)
{
  Fixture f;
  gfloat v[DIMS];

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_track (&f, 1, 3, 0, 0, GST_REID_TRACK_END_GAP);
  similar_vector (3, .55, v);
  push_face (&f, 1, 2);
  push_vector (&f, 2, v, 0, 1, 1, GST_REID_TRACK_END_NONE);
  push_face (&f, 2, 2);
  CHECK (named (&f, 0) == 0);
  /* a better look */
  similar_vector (3, .8, v);
  push_vector (&f, 2, v, 0, 1, 2, GST_REID_TRACK_END_NONE);
  push_face (&f, 3, 2);
  CHECK (named (&f, 0) == 1);
  fixture_close (&f);
}

TEST (at_its_end_every_track_is_somebody)
{
  Fixture f;
  gfloat v[DIMS];
  GstMessage *m;
  guint n = 0;

  online_open (&f, NULL);
  push_track (&f, 1, 3, 0, 0, GST_REID_TRACK_END_GAP);
  push_face (&f, 1, 2);
  similar_vector (3, .5, v); /* nearer to reject */
  push_vector (&f, 2, v, 2, 1, 1, GST_REID_TRACK_END_GAP);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 2);
  gst_structure_get_uint (person_at (m, 1), "n-tracks", &n);
  CHECK (n == 1);
  gst_message_unref (m);
  fixture_close (&f);
}

TEST (two_faces_of_a_frame_are_two_people)
{
  Fixture f;
  guint32 both[] = { 1, 2 };

  online_open (&f, NULL);
  push_faces (&f, 0, 2, both);
  push_interim (&f, 1, 3, 0);
  push_interim (&f, 2, 3, 0); /* the same face, to the network */
  push_faces (&f, 1, 2, both);
  CHECK_MSG (named (&f, 0) == 1 && named (&f, 1) == 2, "%u and %u",
             named (&f, 0), named (&f, 1));
  push_track (&f, 1, 3, 0, 1, GST_REID_TRACK_END_GAP);
  push_track (&f, 2, 3, 0, 1, GST_REID_TRACK_END_GAP);
  fixture_close (&f);
}

TEST (two_who_met_late_are_never_one_on_screen)
{
  Fixture f;
  guint32 both[] = { 1, 2 };

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  push_face (&f, 1, 1);
  CHECK (named (&f, 0) == 1);
  /* the first is not seen for a while; the second looks alike */
  push_face (&f, 2, 2);
  push_interim (&f, 2, 3, 2);
  push_face (&f, 3, 2);
  CHECK (named (&f, 0) == 1);
  push_faces (&f, 4, 2, both);
  CHECK (named (&f, 0) == 0 || named (&f, 1) == 0);
  CHECK (named (&f, 0) == 1 || named (&f, 1) == 1);
  /* their tracklets settle it */
  push_interim (&f, 1, 3, 4);
  push_interim (&f, 2, 3, 4);
  push_faces (&f, 5, 2, both);
  CHECK (named (&f, 0) != named (&f, 1));
  CHECK (named (&f, 0) != 0 && named (&f, 1) != 0);
  fixture_close (&f);
}

/* The name of one who left still belongs to the frames that were shared. */
TEST (a_name_stays_taken_after_its_track_ended)
{
  Fixture f;
  guint32 both[] = { 1, 2 };

  online_open (&f, NULL);
  push_faces (&f, 0, 2, both);
  push_track (&f, 1, 3, 0, 0, GST_REID_TRACK_END_GAP);
  for (guint i = 1; i < 10; i++)
    push_face (&f, i, 2);
  push_interim (&f, 2, 3, 9);
  push_face (&f, 10, 2);
  CHECK (named (&f, 0) == 2);
  fixture_close (&f);
}

TEST (a_buffer_that_others_hold_is_left_alone)
{
  Fixture f;
  guint32 track = 1;
  GstBuffer *b = faces_buffer (1, 1, &track);

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  gst_harness_push (f.h, gst_buffer_ref (b));
  CHECK (named (&f, 0) == 1);
  CHECK (gst_buffer_get_reid_frame_meta (b)->faces[0].identity == 0);
  gst_buffer_unref (b);
  fixture_close (&f);
}

/* ---- long feeds */

TEST (the_people_are_bounded)
{
  Fixture f;
  GstMessage *m;

  online_open (&f, NULL);
  gst_element_set_state (f.h->element, GST_STATE_NULL);
  g_object_set (f.h->element, "max-people", 3, NULL);
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (f.h, CAPS);
  for (guint32 i = 1; i <= 15; i++) {
    push_face (&f, i, i);
    push_track (&f, i, i, i, i, GST_REID_TRACK_END_GAP);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 3);
  gst_message_unref (m);
  fixture_close (&f);
}

/* What has come so far, so that only the element's own memory is measured. */
static void
drop_outputs (Fixture *f)
{
  GstMessage *m;

  while ((m = gst_bus_pop (f->bus)))
    gst_message_unref (m);
  record_clear (&f->record);
  while (gst_harness_events_in_queue (f->h) > 0)
    gst_event_unref (gst_harness_pull_event (f->h));
  while (gst_harness_buffers_in_queue (f->h) > 0)
    gst_buffer_unref (gst_harness_pull (f->h));
}

/* Tracks that never end beside one that always stays. */
static void
long_feed (Fixture *f, guint32 from, guint32 to)
{
  for (guint32 i = from; i < to; i++) {
    guint32 both[] = { 1, i };
    push_faces (f, i, 2, both);
    if (i % 3)
      push_track (f, i, i % 5, i, i, GST_REID_TRACK_END_GAP);
    if (i % 10 == 0)
      push_interim (f, 1, 20, i);
    drop_outputs (f);
  }
}

TEST (memory_is_bounded)
{
  Fixture f;
  size_t before, after;

  online_open (&f, NULL);
  long_feed (&f, 2, 5000);
  before = mallinfo2 ().uordblks;
  long_feed (&f, 5000, 15000);
  after = mallinfo2 ().uordblks;
  CHECK_MSG (after < before + 200000, "%zu bytes more", after - before);
  fixture_close (&f);
}

/* One face stays, and all who pass are new. */
static void
pass_by (Fixture *f, guint32 from, guint32 to)
{
  for (guint32 i = from; i < to; i++) {
    guint32 both[] = { 1, i };
    guint64 random = (guint64) i * 7919 + 1;
    gfloat v[DIMS];
    gdouble length = 0;

    push_faces (f, i, 2, both);
    for (guint k = 0; k < DIMS; k++) {
      v[k] = (gfloat) (test_uniform (&random) - .5);
      length += (gdouble) v[k] * v[k];
    }
    for (guint k = 0; k < DIMS; k++)
      v[k] /= (gfloat) sqrt (length);
    push_vector (f, i, v, i, i, i, GST_REID_TRACK_END_GAP);
    drop_outputs (f);
  }
}

TEST (memory_is_bounded_beside_a_face_that_stays)
{
  Fixture f;
  struct mallinfo2 before, after;
  gint64 more;

  online_open (&f, NULL);
  g_object_set (f.h->element, "max-people", 50u, NULL);
  pass_by (&f, 2, 2000);
  before = mallinfo2 ();
  pass_by (&f, 2000, 12000);
  after = mallinfo2 ();
  more = (gint64) (after.uordblks + after.hblkhd)
         - (gint64) (before.uordblks + before.hblkhd);
  CHECK_MSG (more < 50000, "%" G_GINT64_FORMAT " bytes more", more);
  fixture_close (&f);
}

TEST (after_eos_it_goes_on)
{
  Fixture f;
  GstSegment segment;

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  push_face (&f, 1, 1);
  CHECK (named (&f, 0) == 1);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  /* an application that loops */
  gst_harness_push_event (f.h, gst_event_new_flush_start ());
  gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  push_face (&f, 2, 2);
  push_interim (&f, 2, 3, 2);
  push_face (&f, 3, 2);
  CHECK (named (&f, 0) == 1);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  /* a feed that returns */
  gst_harness_push_event (f.h, gst_event_new_stream_start ("again"));
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  push_face (&f, 0, 1);
  push_interim (&f, 1, 4, 0);
  push_face (&f, 1, 1);
  CHECK (named (&f, 0) == 2);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
}

TEST (a_seek_back_lets_everybody_go)
{
  Fixture f;
  guint32 track = 2;
  GstBuffer *b;

  online_open (&f, NULL);
  push_face (&f, 1000, 1);
  push_interim (&f, 1, 3, 1000);
  push_face (&f, 1001, 1);
  CHECK (g_str_equal (next_presence (&f, NULL), "+1"));
  b = faces_buffer (2, 1, &track);
  gst_buffer_get_reid_frame_meta (b)->segment = 1;
  gst_harness_push (f.h, b);
  CHECK (g_str_equal (next_presence (&f, NULL), "-1"));
  fixture_close (&f);
}

TEST (a_feed_that_comes_back_has_the_same_people)
{
  Fixture f;
  GstSegment segment;

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  push_face (&f, 5000, 1);
  CHECK (g_str_equal (next_presence (&f, NULL), "+1"));
  gst_harness_push_event (f.h, gst_event_new_stream_start ("again"));
  CHECK (g_str_equal (next_presence (&f, NULL), "-1"));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  /* track 1 of this stream is another one */
  push_face (&f, 0, 1);
  CHECK (named (&f, 0) == 0);
  push_interim (&f, 1, 7, 0);
  CHECK (g_str_equal (next_presence (&f, NULL), "+2"));
  push_track (&f, 1, 7, 0, 0, GST_REID_TRACK_END_GAP);
  push_face (&f, 1, 2);
  push_interim (&f, 2, 3, 1);
  push_face (&f, 2, 2);
  CHECK (named (&f, 0) == 1);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
}

TEST (taken_down_it_tells_whom_it_knows)
{
  Fixture f;
  GstMessage *m;

  online_open (&f, NULL);
  push_face (&f, 0, 1);
  push_interim (&f, 1, 3, 0);
  gst_element_set_state (f.h->element, GST_STATE_READY);
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (is_partial (m) && people_in (m) == 1);
  gst_message_unref (m);
  fixture_close (&f);
}

/* ---- the archive */

/* Six tracks of three people; tracklets come `late` frames after they were
 * sent, as they do when a batch waits. */
static void
play_online (Fixture *f, guint late)
{
  static const guint persons[] = { 3, 4, 3, 5, 4, 3 };
  GQueue waiting = G_QUEUE_INIT;
  GArray *due = g_array_new (FALSE, FALSE, sizeof (guint));
  guint at = 0;

  for (guint i = 0; i < 61 + late; i++) {
    if (i < 60 && i % 10 == 5) {
      gfloat v[DIMS];
      person_vector (persons[i / 10], v);
      g_queue_push_tail (&waiting,
                         vector_tracklet (i / 10 + 1, v, 0, i - 5, i - 1,
                                          GST_REID_TRACK_END_NONE));
      g_array_append_val (due, i);
    }
    if (i > 0 && i <= 60 && i % 10 == 0) {
      gfloat v[DIMS];
      person_vector (persons[i / 10 - 1], v);
      g_queue_push_tail (&waiting,
                         vector_tracklet (i / 10, v, i / 10, i - 10, i - 1,
                                          i == 60 ? GST_REID_TRACK_END_EOS
                                                  : GST_REID_TRACK_END_GAP));
      g_array_append_val (due, i);
    }
    while (at < due->len && g_array_index (due, guint, at) + late <= i) {
      GstReidTracklet *t = g_queue_pop_head (&waiting);
      gst_harness_push_event (f->h, gst_event_new_reid_tracklet (t));
      gst_reid_tracklet_unref (t);
      at++;
    }
    if (i < 60)
      push_face (f, i, i / 10 + 1);
  }
  g_array_free (due, TRUE);
}

TEST (names_reach_the_archive_and_are_the_same_in_every_run)
{
  static const guint identities[] = { 1, 2, 1, 3, 2, 1 };
  static const guint lateness[] = { 0, 0, 3, 12 };
  static const gchar *const texts[] = { "episode.json", "tracks.txt",
                                        "identities.txt", "shots.csv",
                                        "presence.csv" };
  gchar *first[G_N_ELEMENTS (texts)] = { NULL };

  for (gsize run = 0; run < G_N_ELEMENTS (lateness); run++) {
    gchar *dir = scratch ("online");
    ReidError error = REID_ERROR_INIT;
    ReidEpisode *e;
    Fixture f;

    online_open (&f, dir);
    play_online (&f, lateness[run]);
    gst_harness_push_event (f.h, gst_event_new_eos ());
    CHECK (count_messages (f.bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)
           == 0);
    fixture_close (&f);
    e = reid_episode_read (dir, FALSE, &error);
    REQUIRE_OK (e, error);
    CHECK (e->n_tracks == 6 && e->n_frames == 60);
    for (guint i = 0; i < e->n_tracks; i++)
      CHECK_MSG (e->tracks[i].identity == identities[i], "track %u is %u",
                 i + 1, e->tracks[i].identity);
    CHECK (g_strcmp0 (reid_episode_attribute (e, "reidcluster.threshold-used"),
                      "0.5")
           == 0);
    reid_episode_free (e);
    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
      gchar *text = file_text (dir, texts[i]);
      if (run == 0)
        first[i] = text;
      else {
        CHECK_MSG (g_str_equal (text, first[i]), "%s, %u late", texts[i],
                   lateness[run]);
        g_free (text);
      }
    }
    g_free (dir);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (first[i]);
}

TEST_MAIN ()
