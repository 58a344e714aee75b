/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reidcluster: people at EOS, what it writes, and what it says when it cannot.
 * Vectors are made by hand, so that no network is needed. */
#include "tracklets.h"

#include "archive/archive.h"

#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "people.h"

/* ---- people at EOS */

TEST (properties_say_what_they_are)
{
  GstElement *e = gst_element_factory_make ("reidcluster", NULL);
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

TEST (tracks_become_people)
{
  Fixture f;
  GstMessage *m;
  const GstStructure *p;
  const GValue *tracks;
  GstClockTime first, last, on;
  guint64 detections, best_frame;
  guint id, n, best;
  gfloat quality;

  fixture_open (&f, NULL);
  play_episode (&f);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 3);
  CHECK (!is_partial (m));
  CHECK (!gst_structure_has_field (gst_message_get_structure (m), "location"));
  CHECK (person_of_track (m, 1) == 1 && person_of_track (m, 2) == 2);
  CHECK (person_of_track (m, 3) == 1 && person_of_track (m, 4) == 3);
  CHECK (person_of_track (m, 5) == 2 && person_of_track (m, 6) == 1);

  p = person_at (m, 0);
  CHECK (gst_structure_get (
      p, "id", G_TYPE_UINT, &id, "n-tracks", G_TYPE_UINT, &n, "n-detections",
      G_TYPE_UINT64, &detections, "first-seen", G_TYPE_UINT64, &first,
      "last-seen", G_TYPE_UINT64, &last, "on-screen", G_TYPE_UINT64, &on,
      "best-track", G_TYPE_UINT, &best, "best-frame", G_TYPE_UINT64,
      &best_frame, "quality", G_TYPE_FLOAT, &quality, NULL));
  CHECK (id == 1 && n == 3 && detections == 30);
  CHECK (first == 0 && last == 60 * 40 * GST_MSECOND);
  CHECK (on == 30 * 40 * GST_MSECOND);
  /* all are equally good: the first one */
  CHECK (best == 1 && best_frame == 10 && quality > .7f);
  tracks = gst_structure_get_value (p, "tracks");
  REQUIRE (tracks && gst_value_list_get_size (tracks) == 3);
  CHECK (g_value_get_uint (gst_value_list_get_value (tracks, 2)) == 6);
  gst_message_unref (m);
  CHECK (!next_element_message (f.bus, "reid-identities", 0));
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
}

TEST (buffers_and_events_pass_in_order)
{
  Fixture f;

  fixture_open (&f, NULL);
  push_face (&f, 0, 1);
  push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_GAP);
  push_face (&f, 1, 2);
  gst_harness_push_event (f.h, gst_event_new_gap (0, GST_SECOND));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  CHECK_RECORD (&f.record, "-CSBTBGE");
  fixture_close (&f);
}

TEST (any_caps_pass)
{
  Fixture f;
  gchar *text;

  fixture_open_plain (&f, NULL);
  gst_harness_set_src_caps_str (f.h, "application/x-anything");
  for (guint i = 0; i < 3; i++)
    CHECK (gst_harness_push (f.h, gst_buffer_new_allocate (NULL, 3, NULL))
           == GST_FLOW_OK);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  CHECK (record_buffers (&f.record) == 3);
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "reiddetect ! reidtrack ! reidembed");
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING) == 0);
  fixture_close (&f);
}

TEST (caps_may_change)
{
  Fixture f;
  GstMessage *m;

  fixture_open (&f, NULL);
  push_face (&f, 0, 1);
  gst_harness_set_src_caps_str (f.h,
                                "video/x-raw,format=GRAY8,width=7,height=5");
  push_face (&f, 1, 1);
  push_track (&f, 1, 1, 0, 1, GST_REID_TRACK_END_EOS);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 1);
  gst_message_unref (m);
  fixture_close (&f);
}

static guint
people_with (const gchar *property, const gchar *value, gboolean together,
             gdouble similar)
{
  Fixture f;
  GstMessage *m;
  guint n = 0;

  fixture_open_plain (&f, NULL);
  if (property)
    gst_util_set_object_arg (G_OBJECT (f.h->element), property, value);
  gst_harness_set_src_caps_str (f.h, CAPS);
  for (guint i = 0; i < 4; i++) {
    if (together)
      push_faces (&f, i, 2, (guint32[]){ 1, 2 });
    else
      push_face (&f, i, 1 + i / 2);
  }
  push_similar (&f, 1, 0, 1);
  push_similar (&f, 2, 0, similar);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  CHECK (m);
  if (m) {
    n = people_in (m);
    gst_message_unref (m);
  }
  fixture_close (&f);
  return n;
}

TEST (cannot_link_says_what_a_shared_frame_means)
{
  CHECK (people_with (NULL, NULL, FALSE, 1) == 1);
  CHECK (people_with (NULL, NULL, TRUE, 1) == 2);
  CHECK (people_with ("cannot-link", "hard", TRUE, 1) == 2);
  CHECK (people_with ("cannot-link", "soft", TRUE, 1) == 2);
  CHECK (people_with ("cannot-link", "off", TRUE, 1) == 1);
}

TEST (the_threshold_is_where_two_become_one)
{
  CHECK (people_with ("threshold", "0.8", FALSE, .7) == 2);
  CHECK (people_with ("threshold", "0.6", FALSE, .7) == 1);
  /* the model's own in push_similar() is 0.5 */
  CHECK (people_with ("threshold", "-1", FALSE, .55) == 1);
  CHECK (people_with ("threshold", "-1", FALSE, .45) == 2);
}

TEST (chinese_whispers_is_a_choice)
{
  CHECK (people_with ("method", "chinese-whispers", FALSE, .9) == 1);
  CHECK (people_with ("method", "chinese-whispers", FALSE, .2) == 2);
  CHECK (people_with ("method", "chinese-whispers", TRUE, .9) == 2);
}

TEST (faces_of_no_quality_are_still_somebody)
{
  Fixture f;
  GstMessage *m;

  fixture_open (&f, NULL);
  push_face (&f, 0, 1);
  made_quality = 0;
  push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_EOS);
  push_track (&f, 2, 1, 0, 0, GST_REID_TRACK_END_EOS);
  made_quality = .8f;
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 1);
  gst_message_unref (m);
  fixture_close (&f);
}

TEST (odd_tracklets_do_no_harm)
{
  Fixture f;
  GstMessage *m;
  TrackletSpec empty = { 2, 2, 1, 0, 0, 5, GST_REID_TRACK_END_CUT, FALSE };
  TrackletSpec bare = { 3, 3, 1, 2, 0, 5, GST_REID_TRACK_END_CUT, FALSE };
  TrackletSpec interim = { 4, 0, 1, 2, 0, 5, GST_REID_TRACK_END_NONE, FALSE };
  gchar *dir = scratch ("odd");

  fixture_open (&f, dir);
  push_face (&f, 0, 1);
  push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_GAP);
  gst_harness_push_event (f.h, tracklet_event (&empty));
  gst_harness_push_event (f.h, tracklet_event (&bare));
  gst_harness_push_event (f.h, tracklet_event (&interim));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 1);
  gst_message_unref (m);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
  g_free (dir);
}

TEST (nobody_is_an_answer_too)
{
  Fixture f;
  GstMessage *m;
  gchar *dir = scratch ("nobody"), *text;

  fixture_open (&f, dir);
  for (guint i = 0; i < 5; i++)
    push_faces (&f, i, 0, NULL);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 0);
  gst_message_unref (m);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  text = file_text (dir, "identities.txt");
  CHECK (has_file (dir, "identities.txt") && *text == '\0');
  g_free (text);
  fixture_close (&f);
  g_free (dir);
}

/* No results are better than empty ones in the place of real ones. */
TEST (a_stream_without_frames_ends_well)
{
  Fixture f;
  GstMessage *m;
  gchar *dir = scratch ("empty");

  fixture_open (&f, dir);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 0);
  gst_message_unref (m);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
  CHECK (!g_file_test (dir, G_FILE_TEST_EXISTS));
  g_free (dir);
}

/* ---- what is missing before it */

TEST (tracks_without_vectors_are_told)
{
  Fixture f;
  TrackletSpec bare = { 1, 1, 1, 2, 0, 5, GST_REID_TRACK_END_CUT, FALSE };
  gchar *text;

  fixture_open (&f, NULL);
  push_face (&f, 0, 1);
  gst_harness_push_event (f.h, tracklet_event (&bare));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "put reidembed between");
  g_free (text);
  fixture_close (&f);
}

TEST (vectors_of_two_lengths_are_an_error)
{
  for (guint online = 0; online < 2; online++) {
    Fixture f;
    gchar *text;

    fixture_open_plain (&f, NULL);
    g_object_set (f.h->element, "mode", online, NULL);
    gst_harness_set_src_caps_str (f.h, CAPS);
    push_face (&f, 0, 1);
    push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_GAP);
    made_dims = DIMS / 2;
    push_track (&f, 2, 1, 0, 0, GST_REID_TRACK_END_GAP);
    push_track (&f, 3, 1, 0, 0, GST_REID_TRACK_END_GAP);
    made_dims = DIMS;
    CHECK (push_face (&f, 1, 1) == GST_FLOW_ERROR);
    gst_harness_push_event (f.h, gst_event_new_eos ());
    text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, "Track 2 has vectors of");
    g_free (text);
    /* once, and no results */
    CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
    CHECK (!next_element_message (f.bus, "reid-identities", 0));
    fixture_close (&f);
  }
}

TEST (vectors_of_two_versions_are_not_compared)
{
  for (guint online = 0; online < 2; online++) {
    Fixture f;
    gchar *text;

    fixture_open_plain (&f, NULL);
    g_object_set (f.h->element, "mode", online, NULL);
    gst_harness_set_src_caps_str (f.h, CAPS);
    push_face (&f, 0, 1);
    push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_GAP);
    made_version = "v2";
    push_track (&f, 2, 1, 0, 0, GST_REID_TRACK_END_GAP);
    made_version = "v1";
    push_track (&f, 3, 1, 0, 0, GST_REID_TRACK_END_GAP);
    CHECK (push_face (&f, 1, 1) == GST_FLOW_ERROR);
    gst_harness_push_event (f.h, gst_event_new_eos ());
    text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, "Track 2 has vectors of version v2");
    CHECK_HAS (text, "version v1");
    g_free (text);
    CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
    CHECK (!next_element_message (f.bus, "reid-identities", 0));
    fixture_close (&f);
  }
}

/* ---- tracklets that are eaten */

static GstPadProbeReturn
eat_tracklets (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstReidTracklet *t =
      gst_event_get_reid_tracklet (GST_PAD_PROBE_INFO_EVENT (info));

  return t && t->serial == GPOINTER_TO_UINT (data) ? GST_PAD_PROBE_DROP
                                                   : GST_PAD_PROBE_OK;
}

/* A bin of an element that eats the serial-th tracklet, and reidcluster. */
static void
fixture_open_hungry (Fixture *f, guint serial)
{
  GstElement *bin = gst_bin_new (NULL), *eater, *cluster;
  GstPad *pad;

  eater = gst_element_factory_make ("identity", "hungry");
  cluster = gst_element_factory_make ("reidcluster", NULL);
  gst_bin_add_many (GST_BIN (bin), eater, cluster, NULL);
  gst_element_link (eater, cluster);
  pad = gst_element_get_static_pad (eater, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, eat_tracklets,
                     GUINT_TO_POINTER (serial), NULL);
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (eater, "sink");
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", pad));
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (cluster, "src");
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", pad));
  gst_object_unref (pad);
  fixture_open_element (f, bin);
  gst_harness_set_src_caps_str (f->h, CAPS);
}

TEST (a_lost_tracklet_is_told_with_its_eater)
{
  Fixture f;
  gchar *text;

  fixture_open_hungry (&f, 2);
  for (guint32 i = 1; i <= 4; i++) {
    push_face (&f, i, i);
    push_track (&f, i, 1, i, i, GST_REID_TRACK_END_GAP);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "1 track never came");
  CHECK_HAS (text, "hungry (identity)");
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING) == 0);
  fixture_close (&f);
}

TEST (the_last_tracklet_is_missed_too)
{
  Fixture f;
  gchar *text;

  fixture_open_hungry (&f, 2);
  push_info (&f, "reidtrack", "min-length", "3");
  for (guint i = 0; i < 3; i++)
    push_faces (&f, i, 3, (guint32[]){ 1, 2, 7 });
  push_face (&f, 3, 9); /* too short to be reported */
  push_track (&f, 1, 1, 0, 2, GST_REID_TRACK_END_GAP);
  push_track (&f, 2, 2, 0, 2, GST_REID_TRACK_END_GAP);
  /* what reidtrack says before EOS: it has sent a third one */
  gst_harness_push_event (
      f.h,
      gst_event_new_custom (
          GST_EVENT_CUSTOM_DOWNSTREAM,
          gst_structure_new ("reid-stats", "element", G_TYPE_STRING,
                             "reidtrack", "seconds", G_TYPE_DOUBLE, 1., "count",
                             G_TYPE_UINT64, (guint64) 4, "tracklets",
                             G_TYPE_UINT64, (guint64) 3, NULL)));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "2 tracks never came");
  CHECK_HAS (text, "hungry (identity)");
  g_free (text);
  fixture_close (&f);
}

/* ---- what it writes */

TEST (a_projection_is_in_the_archive)
{
  static const gfloat numbers[6] = { 1, 2, 3, 4, 5, 6 };
  gchar *dir = scratch ("projection"), *path;
  GBytes *bytes = g_bytes_new_static (numbers, sizeof numbers);
  gfloat read[6] = { 0 };
  hid_t file, dataset;
  Fixture f;

  fixture_open_plain (&f, dir);
  gst_harness_set_src_caps_str (f.h, CAPS);
  for (guint rows = 2; rows <= 3; rows++) /* what does not fit is let be */
    gst_harness_push_event (
        f.h,
        gst_event_new_custom (
            GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
            gst_structure_new (
                rows == 3 ? "reid-projection-abc" : "reid-projection-x", "name",
                G_TYPE_STRING, "abc", "rows", G_TYPE_UINT, rows, "cols",
                G_TYPE_UINT, 2, "numbers", G_TYPE_BYTES, bytes, NULL)));
  push_face (&f, 0, 1);
  push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_EOS);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  fixture_close (&f);
  path = g_build_filename (dir, "episode.h5", NULL);
  file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  dataset = H5Dopen2 (file, "projections/abc", H5P_DEFAULT);
  CHECK (
      H5Dread (dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, read)
          >= 0
      && !memcmp (read, numbers, sizeof read));
  H5Dclose (dataset);
  H5Fclose (file);
  g_bytes_unref (bytes);
  g_free (path);
  g_free (dir);
}

static const gchar *const outputs[] = { "episode.h5", "episode.json",
                                        "tracks.txt", "identities.txt",
                                        "shots.csv",  "presence.csv",
                                        "run.json",   "faces" };
static const gchar *const texts[] = { "episode.json", "tracks.txt",
                                      "identities.txt", "shots.csv",
                                      "presence.csv" };

static void
write_episode (const gchar *dir)
{
  Fixture f;

  fixture_open (&f, dir);
  push_info (&f, "reiddetect", "model-name", "some-detector");
  push_info (&f, "reidembed", "model-name", "some-embedder");
  play_episode (&f);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  fixture_close (&f);
}

TEST (everything_is_in_its_place)
{
  static const guint identities[] = { 1, 2, 1, 3, 2, 1 };
  gchar *dir = scratch ("place"), *text;
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e;
  Fixture f;
  GstMessage *m;

  fixture_open (&f, dir);
  push_info (&f, "reidembed", "model-name", "some-embedder");
  CHECK (has_file (dir, "episode.h5.part") && !has_file (dir, "episode.h5"));
  play_episode (&f);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (g_strcmp0 (gst_structure_get_string (gst_message_get_structure (m),
                                              "location"),
                    dir)
         == 0);
  gst_message_unref (m);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    CHECK_MSG (has_file (dir, outputs[i]), "%s", outputs[i]);
  CHECK (!has_file (dir, "episode.h5.part"));
  fixture_close (&f);

  e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (!e->partial && e->n_frames == 60 && e->n_tracks == 6);
  CHECK (e->n_chips == 12 && e->dims == DIMS && e->n_shots == 2);
  CHECK (e->n_detections == 60);
  for (guint i = 0; i < 6; i++)
    CHECK (e->tracks[i].identity == identities[i]);
  CHECK (g_strcmp0 (reid_episode_attribute (e, "embedder"), "some-embedder")
         == 0);
  CHECK (g_strcmp0 (reid_episode_attribute (e, "reidcluster.threshold-used"),
                    "0.5")
         == 0);
  CHECK (g_strcmp0 (reid_episode_attribute (e, "reidcluster.method"),
                    "average-link")
         == 0);
  reid_episode_free (e);
  text = file_text (dir, "run.json");
  CHECK_HAS (text, "\"partial\": false");
  CHECK_HAS (text, "some-embedder");
  g_free (text);
  text = file_text (dir, "identities.txt");
  CHECK_HAS (text, "1,1,");
  g_free (text);
  g_free (dir);
}

TEST (the_same_run_twice_gives_the_same_bytes)
{
  gchar *a = scratch ("same-a"), *b = scratch ("same-b");

  write_episode (a);
  write_episode (b);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    gchar *x = file_text (a, texts[i]), *y = file_text (b, texts[i]);
    CHECK_MSG (g_str_equal (x, y) && *x, "%s", texts[i]);
    g_free (x);
    g_free (y);
  }
  /* and in the place of an older one */
  write_episode (a);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    gchar *x = file_text (a, texts[i]), *y = file_text (b, texts[i]);
    CHECK_MSG (g_str_equal (x, y), "%s", texts[i]);
    g_free (x);
    g_free (y);
  }
  g_free (a);
  g_free (b);
}

/* The error that a location gives. Free it. */
static gchar *
refusal (const gchar *location, gint *code)
{
  GstElement *e = gst_element_factory_make ("reidcluster", NULL);
  GstBus *bus = gst_bus_new ();
  GQuark domain = 0;
  gchar *text;

  gst_element_set_bus (e, bus);
  g_object_set (e, "location", location, NULL);
  for (guint i = 0; i < 3; i++) { /* and it can be tried again */
    CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
           == GST_STATE_CHANGE_FAILURE);
    CHECK (gst_element_set_state (e, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
  }
  text = next_complaint (bus, GST_MESSAGE_ERROR, &domain, code);
  CHECK (domain == GST_RESOURCE_ERROR);
  CHECK (!strchr (text, '\n'));
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
  return text;
}

TEST (a_place_that_cannot_be_written_is_an_error)
{
  gchar *file = scratch ("a-file"), *below, *text;
  gint code = 0;

  g_file_set_contents (file, "x", 1, NULL);
  below = g_build_filename (file, "below", NULL);
  text = refusal (below, &code);
  CHECK_HAS (text, "a-file");
  CHECK (code == GST_RESOURCE_ERROR_WRITE);
  g_free (text);
  g_free (below);
  g_free (file);
}

TEST (a_place_that_holds_something_else_is_refused)
{
  gchar *dir = scratch ("foreign"), *file, *text;
  gint code = 0;

  g_mkdir (dir, 0777);
  file = g_build_filename (dir, "thesis.txt", NULL);
  g_file_set_contents (file, "x", 1, NULL);
  text = refusal (dir, &code);
  CHECK_HAS (text, "thesis.txt");
  CHECK (code == GST_RESOURCE_ERROR_WRITE);
  CHECK (has_file (dir, "thesis.txt") && !has_file (dir, "episode.h5.part"));
  g_free (text);
  g_free (file);
  g_free (dir);
}

TEST (a_place_is_one_elements_at_a_time)
{
  gchar *dir = scratch ("taken"), *text;
  gint code = 0;
  Fixture f;

  fixture_open (&f, dir);
  push_face (&f, 0, 1);
  text = refusal (dir, &code);
  CHECK_HAS (text, "another run");
  g_free (text);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  CHECK (has_file (dir, "episode.h5"));
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
  g_free (dir);
}

/* The disk is full after 200 kB. */
static void
run_on_full_disk (gboolean until_refused)
{
  gchar *dir = scratch ("full");
  struct rlimit old, small;
  Fixture f;
  GQuark domain = 0;
  gint code = 0;
  gchar *text;
  GstFlowReturn flow = GST_FLOW_OK;

  fixture_open (&f, dir);
  getrlimit (RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 200000;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &small);
  made_side = 256;
  for (guint32 i = 1; i <= 3000 && flow == GST_FLOW_OK; i++) {
    flow = push_face (&f, i, i);
    if (i < 40)
      push_track (&f, i, i, i, i, GST_REID_TRACK_END_GAP);
    if (!until_refused && i == 40)
      break;
    if (i > 40)
      g_usleep (2000);
  }
  made_side = 16;
  if (until_refused)
    CHECK (flow == GST_FLOW_ERROR);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  text = next_complaint (f.bus, GST_MESSAGE_ERROR, &domain, &code);
  CHECK_MSG (*text, "no error");
  CHECK (domain == GST_RESOURCE_ERROR && code == GST_RESOURCE_ERROR_WRITE);
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
  CHECK (!next_element_message (f.bus, "reid-identities", 0));
  fixture_close (&f);
  setrlimit (RLIMIT_FSIZE, &old);
  signal (SIGXFSZ, SIG_DFL);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    CHECK_MSG (!has_file (dir, outputs[i]), "%s", outputs[i]);
  g_free (dir);
}

TEST (a_full_disk_is_one_error)
{
  run_on_full_disk (FALSE);
  run_on_full_disk (TRUE);
}

/* ---- ends of other kinds */

TEST (a_run_that_is_taken_down_is_partial)
{
  gchar *dir = scratch ("partial"), *text;
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e;
  GstMessage *m;
  Fixture f;

  fixture_open (&f, dir);
  play_episode (&f);
  /* one step to READY, as the last one to NULL empties a pipeline's bus */
  gst_element_set_state (f.h->element, GST_STATE_READY);
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (is_partial (m) && people_in (m) == 3);
  gst_message_unref (m);
  fixture_close (&f);
  e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (e->partial && e->n_frames == 60 && e->n_tracks == 6);
  CHECK (e->tracks[2].identity == 1);
  reid_episode_free (e);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    CHECK_MSG (has_file (dir, outputs[i]), "%s", outputs[i]);
  text = file_text (dir, "run.json");
  CHECK_HAS (text, "\"partial\": true");
  g_free (text);
  g_free (dir);
}

TEST (an_application_may_call_a_run_partial)
{
  gchar *dir = scratch ("called-partial");
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e;
  GstMessage *m;
  Fixture f;

  fixture_open (&f, dir);
  play_episode (&f);
  g_object_set (f.h->element, "partial", TRUE, NULL);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (is_partial (m));
  gst_message_unref (m);
  fixture_close (&f);
  e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (e->partial);
  reid_episode_free (e);
  g_free (dir);
}

static GstPadProbeReturn
want_no_more (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = GST_FLOW_EOS;
  return GST_PAD_PROBE_HANDLED;
}

TEST (a_run_that_is_ended_downstream_is_partial)
{
  GstMessage *m;
  Fixture f;

  fixture_open (&f, NULL);
  play_episode (&f);
  gst_pad_add_probe (f.h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, want_no_more,
                     NULL, NULL);
  CHECK (push_face (&f, 60, 7) == GST_FLOW_EOS);
  /* as every source does then */
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (is_partial (m) && people_in (m) == 3);
  gst_message_unref (m);
  fixture_close (&f);
}

TEST (a_run_that_never_began_leaves_nothing)
{
  gchar *dir = scratch ("never");
  Fixture f;

  fixture_open (&f, dir);
  CHECK (has_file (dir, "episode.h5.part"));
  fixture_close (&f);
  CHECK (!g_file_test (dir, G_FILE_TEST_EXISTS));
  g_free (dir);
}

TEST (a_run_that_never_began_leaves_an_earlier_one_alone)
{
  gchar *dir = scratch ("earlier"), *before[G_N_ELEMENTS (outputs)];
  Fixture f;

  write_episode (dir);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    before[i] = file_text (dir, outputs[i]);
  for (guint round = 0; round < 3; round++) {
    fixture_open (&f, dir);
    push_info (&f, "reiddetect", "model-name", "another");
    if (round == 1) /* the end of a stream that was empty */
      gst_harness_push_event (f.h, gst_event_new_eos ());
    if (round == 2) /* frames without tracked faces are no run */
      gst_harness_push (f.h, gst_buffer_new_allocate (NULL, 3, NULL));
    fixture_close (&f);
    for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++) {
      gchar *after = file_text (dir, outputs[i]);
      CHECK_MSG (has_file (dir, outputs[i]) && g_str_equal (before[i], after),
                 "%s", outputs[i]);
      g_free (after);
    }
    CHECK (!has_file (dir, "episode.h5.part"));
  }
  /* what came before the first frame is not lost */
  fixture_open (&f, dir);
  push_info (&f, "reiddetect", "model-name", "another");
  push_face (&f, 0, 1);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  fixture_close (&f);
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_frames == 1
         && g_strcmp0 (reid_episode_attribute (e, "reiddetect.model-name"),
                       "another")
                == 0);
  reid_episode_free (e);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    g_free (before[i]);
  g_free (dir);
}

TEST (an_empty_folder_stays)
{
  gchar *dir = scratch ("mine");
  Fixture f;

  g_mkdir (dir, 0777);
  fixture_open (&f, dir);
  fixture_close (&f);
  CHECK (g_file_test (dir, G_FILE_TEST_IS_DIR));
  CHECK (!has_file (dir, "episode.h5.part"));
  g_free (dir);
}

/* The archive is small enough for the disk, a text is not. */
TEST (outputs_that_do_not_fit_leave_no_finished_archive)
{
  gchar *dir = scratch ("tight");
  struct rlimit old, small;
  Fixture f;
  gint code = 0;
  gchar *text;

  fixture_open (&f, dir);
  for (guint i = 0; i < 3000; i++)
    push_faces (&f, i, 8, (guint32[]){ 1, 2, 3, 4, 5, 6, 7, 8 });
  for (guint32 i = 1; i <= 8; i++)
    push_track (&f, i, i, 0, 2999, GST_REID_TRACK_END_EOS);
  getrlimit (RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 700000; /* tracks.txt is longer */
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &small);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  setrlimit (RLIMIT_FSIZE, &old);
  signal (SIGXFSZ, SIG_DFL);
  text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, &code);
  CHECK_HAS (text, "tracks.txt");
  CHECK (code == GST_RESOURCE_ERROR_WRITE);
  g_free (text);
  CHECK (!next_element_message (f.bus, "reid-identities", 0));
  fixture_close (&f);
  CHECK (has_file (dir, "episode.h5.part"));
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    CHECK_MSG (!has_file (dir, outputs[i]), "%s", outputs[i]);
  g_free (dir);
}

TEST (null_from_every_state)
{
  static const GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED,
                                     GST_STATE_PLAYING };
  gchar *dir = scratch ("cycles");

  for (guint i = 0; i < 50; i++) {
    Fixture f;
    fixture_open_plain (&f, i % 2 ? dir : NULL);
    gst_element_set_state (f.h->element, GST_STATE_NULL);
    g_object_set (f.h->element, "mode", i / 2 % 2, NULL);
    gst_element_set_state (f.h->element, GST_STATE_PLAYING);
    gst_harness_set_src_caps_str (f.h, CAPS);
    if (i % 7)
      play_episode (&f);
    if (i % 5 == 0)
      gst_harness_push_event (f.h, gst_event_new_eos ());
    gst_element_set_state (f.h->element, states[i % 3]);
    CHECK (gst_element_set_state (f.h->element, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
    fixture_close (&f);
  }
  g_free (dir);
}

/* ---- flushes, segments, streams */

TEST (a_flush_keeps_what_was_seen)
{
  gchar *dir = scratch ("flush");
  GstSegment segment;
  GstMessage *m;
  Fixture f;

  fixture_open (&f, dir);
  push_face (&f, 0, 1);
  push_track (&f, 1, 1, 0, 0, GST_REID_TRACK_END_SEGMENT);
  CHECK (gst_harness_push_event (f.h, gst_event_new_flush_start ()));
  CHECK (gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  CHECK (push_face (&f, 1, 2) == GST_FLOW_OK);
  push_track (&f, 2, 1, 1, 1, GST_REID_TRACK_END_EOS);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (people_in (m) == 1 && person_of_track (m, 2) == 1);
  gst_message_unref (m);
  CHECK (count_messages (f.bus, GST_MESSAGE_ERROR) == 0);
  fixture_close (&f);
  g_free (dir);
}

static void
push_face_of_shot (Fixture *f, guint64 frame, guint32 track, guint32 shot)
{
  GstBuffer *b = faces_buffer (frame, 1, &track);

  gst_buffer_get_reid_frame_meta (b)->shot = shot;
  CHECK (gst_harness_push (f->h, b) == GST_FLOW_OK);
}

/* reidtrack counts on while a flush takes the frames of whole shots. */
TEST (shots_that_a_flush_took_are_not_counted)
{
  gchar *dir = scratch ("flushed-shots"), *text;
  TrackletSpec spec = { 1, 1, 1, 2, 0, 1, GST_REID_TRACK_END_CUT, FALSE };
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e;
  Fixture f;

  fixture_open (&f, dir);
  for (guint i = 0; i < 4; i++)
    push_face_of_shot (&f, i, 1, i < 2 ? 0 : 3);
  for (guint i = 0; i < 3; i++) {
    GstEvent *event;
    GstReidTracklet *t;
    spec.track = spec.serial = i + 1;
    event = tracklet_event (&spec);
    t = gst_event_get_reid_tracklet (event);
    t->shot = (guint32[]){ 0, 3, 2 }[i];
    gst_harness_push_event (f.h, event);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  fixture_close (&f);
  e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_shots == 2 && e->n_tracks == 3);
  CHECK (e->tracks[0].shot == 0 && e->tracks[1].shot == 1);
  CHECK (e->tracks[2].shot == REID_NO_SHOT);
  reid_episode_free (e);
  text = file_text (dir, "episode.json");
  CHECK_HAS (text, "\"shot\": null");
  CHECK_HAS (text, "shot_1_face_0");
  g_free (text);
  g_free (dir);
}

TEST (a_seek_goes_upstream)
{
  Fixture f;
  GstEvent *event;
  gboolean seen = FALSE;

  fixture_open (&f, NULL);
  push_face (&f, 0, 1);
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

TEST (one_archive_holds_one_stream)
{
  gchar *dir = scratch ("streams"), *text;
  ReidError error = REID_ERROR_INIT;
  GstSegment segment;
  ReidEpisode *e;
  GstMessage *m;
  Fixture f;

  fixture_open (&f, dir);
  play_episode (&f);
  gst_harness_push_event (f.h, gst_event_new_stream_start ("another"));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  m = next_element_message (f.bus, "reid-identities", 0);
  REQUIRE (m);
  CHECK (!is_partial (m) && people_in (m) == 3);
  gst_message_unref (m);
  for (guint i = 0; i < 3; i++)
    CHECK (push_face (&f, i, 1) == GST_FLOW_OK);
  push_track (&f, 1, 1, 0, 2, GST_REID_TRACK_END_EOS);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "not recorded");
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  CHECK (!next_element_message (f.bus, "reid-identities", 0));
  fixture_close (&f);
  e = reid_episode_read (dir, FALSE, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_frames == 60 && e->n_tracks == 6);
  reid_episode_free (e);
  g_free (dir);
}

/* ---- what it says while it runs */

TEST (progress_is_told)
{
  Fixture f;
  GstMessage *m;
  guint64 position, frames, faces, tracks;
  gdouble speed;

  fixture_open (&f, NULL);
  g_object_set (f.h->element, "progress-interval", (guint64) 1, NULL);
  play_episode (&f);
  m = next_element_message (f.bus, "reid-progress", 0);
  REQUIRE (m);
  CHECK (gst_structure_get (
      gst_message_get_structure (m), "position", G_TYPE_UINT64, &position,
      "speed", G_TYPE_DOUBLE, &speed, "frames", G_TYPE_UINT64, &frames, "faces",
      G_TYPE_UINT64, &faces, "tracks", G_TYPE_UINT64, &tracks, NULL));
  CHECK (position >= 80 * GST_MSECOND && position < GST_SECOND && speed > 0);
  CHECK (frames >= 2 && frames < 20 && faces == frames && tracks == 0);
  gst_message_unref (m);
  CHECK (count_messages (f.bus, GST_MESSAGE_ELEMENT) > 20);
  fixture_close (&f);

  fixture_open (&f, NULL);
  g_object_set (f.h->element, "progress-interval", (guint64) 0, NULL);
  play_episode (&f);
  CHECK (count_messages (f.bus, GST_MESSAGE_ELEMENT) == 0);
  /* the last one always comes, with the final counts */
  gst_harness_push_event (f.h, gst_event_new_eos ());
  m = next_element_message (f.bus, "reid-progress", 0);
  REQUIRE (m);
  CHECK (gst_structure_get (gst_message_get_structure (m), "position",
                            G_TYPE_UINT64, &position, "tracks", G_TYPE_UINT64,
                            &tracks, NULL));
  CHECK (position == 60 * 40 * GST_MSECOND && tracks == 6);
  gst_message_unref (m);
  fixture_close (&f);
}

TEST_MAIN ()
