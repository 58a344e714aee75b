/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole chains on tiny networks: who is who in a drawn episode. A detector that
 * finds bright shapes, and three embedders: one that tells faces by their
 * colours, and two that cannot, with which every test of identities must fail.
 */
#include "chain.h"

#include "archive/archive.h"
#include "nn/nn.h"

static const gchar *const texts[] = { "episode.json", "tracks.txt",
                                      "identities.txt", "shots.csv",
                                      "presence.csv" };

static void
check_nothing_left (void)
{
  CHECK_MSG (gst_reid_chip_bytes () == 0,
             "%" G_GUINT64_FORMAT " bytes of chips", gst_reid_chip_bytes ());
  CHECK_MSG (reid_session_count () == 0, "%d sessions", reid_session_count ());
}

static void
check_same_texts (const gchar *a, const gchar *b, const gchar *what)
{
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    gchar *x = file_text (a, texts[i]), *y = file_text (b, texts[i]);
    CHECK_MSG (*x && g_str_equal (x, y), "%s: %s", what, texts[i]);
    g_free (x);
    g_free (y);
  }
}

/* The identities of the archive, for modes whose message has no tracks. */
static gdouble
archive_bcubed (ChainResult *r, const gchar *dir)
{
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e = reid_episode_read (dir, FALSE, &error);

  CHECK_MSG (e, "%s", error.message);
  for (size_t i = 0; e && i < e->n_tracks; i++)
    for (guint k = 0; k < r->tracks->len; k++) {
      ChainTrack *t = &g_array_index (r->tracks, ChainTrack, k);
      if (t->track == e->tracks[i].id)
        t->identity = e->tracks[i].identity;
    }
  reid_episode_free (e);
  return chain_bcubed (r);
}

TEST (people_are_found_across_a_cut)
{
  ChainResult r;
  gchar *dir = scratch ("episode"), *options, *shots;

  options = g_strdup_printf ("location=\"%s\"", dir);
  chain_run (&r, TINY_EMBED_COLOUR, "threads=1", options);
  CHECK_MSG (!*r.error && !*r.warning, "%s%s", r.error, r.warning);
  CHECK (r.identities_told && !r.partial);
  CHECK_MSG (r.people == 4, "%u people", r.people);
  CHECK_MSG (r.tracks->len == G_N_ELEMENTS (appearances), "%u tracks",
             r.tracks->len);
  CHECK_MSG (chain_bcubed (&r) == 1, "B-cubed F %g", chain_bcubed (&r));
  CHECK (r.named_before_eos == 0);
  shots = file_text (dir, "shots.csv");
  CHECK_HAS (shots, "60,160,");
  g_free (shots);
  chain_result_clear (&r);
  check_nothing_left ();
  g_free (options);
  g_free (dir);
}

TEST (embedders_that_cannot_tell_people_fail)
{
  for (guint online = 0; online < 2; online++)
    for (TinyEmbedKind kind = TINY_EMBED_CONSTANT; kind <= TINY_EMBED_RANDOM;
         kind++) {
      ChainResult r;
      gchar *dir = scratch ("cannot"), *options;
      gdouble f;
      options = g_strdup_printf ("location=\"%s\" mode=%s", dir,
                                 online ? "online" : "episode");
      chain_run (&r, kind, "threads=1", options);
      CHECK (!*r.error);
      CHECK (r.tracks->len == G_N_ELEMENTS (appearances));
      f = archive_bcubed (&r, dir);
      CHECK_MSG (f < .7, "B-cubed F %g with embedder %d, online %u", f,
                 (int) kind, online);
      chain_result_clear (&r);
      g_free (options);
      g_free (dir);
    }
}

/* What each element's time went into. */
static void
check_stages (const gchar *dir)
{
  static const gchar *const names[] = { "map",     "letterbox", "decode",
                                        "network", "shots",     "tracks",
                                        "chips",   "align",     "cluster",
                                        "write" };
  gchar *text = file_text (dir, "run.json");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    gchar *name = g_strdup_printf ("\"%s\": {", names[i]);
    CHECK_MSG (strstr (text, name), "no stage %s", names[i]);
    g_free (name);
  }
  g_free (text);
}

TEST (batches_and_threads_change_no_byte)
{
  static const gchar *const embed[] = {
    "threads=1 batch-size=1",  "threads=1 batch-size=8",
    "threads=1 batch-size=16", "threads=2 batch-size=1",
    "threads=2 batch-size=16", "threads=2 batch-size=8 max-latency=0"
  };
  gchar *first = scratch ("bytes-first"), *other = scratch ("bytes-other");

  for (gsize i = 0; i < G_N_ELEMENTS (embed); i++) {
    ChainResult r;
    gchar *options =
        g_strdup_printf ("location=\"%s\"", i == 0 ? first : other);
    chain_run (&r, TINY_EMBED_COLOUR, embed[i], options);
    CHECK (!*r.error);
    CHECK_MSG (r.stages == 9 && r.wrong_stages == 0, "%u stages, %u wrong",
               r.stages, r.wrong_stages);
    if (i > 0)
      check_same_texts (first, other, embed[i]);
    chain_result_clear (&r);
    g_free (options);
  }
  check_stages (first);
  g_free (first);
  g_free (other);
}

/* ---- online */

TEST (online_names_people_before_the_end)
{
  gchar *a = scratch ("online-a"), *b = scratch ("online-b");

  for (guint i = 0; i < 2; i++) {
    ChainResult r;
    gchar *options = g_strdup_printf ("mode=online location=\"%s\"", i ? b : a);
    /* tracklets that wait more or less change no name */
    chain_run (&r, TINY_EMBED_COLOUR,
               i ? "threads=1 batch-size=16 max-latency=1000000"
                 : "threads=2 batch-size=1",
               options);
    CHECK_MSG (!*r.error && !*r.warning, "%s%s", r.error, r.warning);
    CHECK_MSG (r.people == 4, "%u people", r.people);
    CHECK_MSG (archive_bcubed (&r, i ? b : a) == 1, "B-cubed F %g",
               chain_bcubed (&r));
    CHECK_MSG (r.named_before_eos > 20, "%u faces", r.named_before_eos);
    CHECK (r.twice_in_a_frame == 0);
    CHECK (r.came >= 4 && r.went == r.came);
    chain_result_clear (&r);
    g_free (options);
  }
  check_same_texts (a, b, "two runs");
  check_nothing_left ();
  g_free (a);
  g_free (b);
}

/* ---- branches and neighbours */

TEST (both_branches_of_a_tee_find_the_same)
{
  gchar *dirs[2] = { scratch ("tee-a"), scratch ("tee-b") };
  const gchar *model = tiny_embedder_path (TINY_EMBED_COLOUR);
  gchar *head = chain_head ();
  gchar *line = g_strdup_printf (
      "%s ! tee name=t "
      "t. ! queue ! reidembed model=\"%s\" threads=1 ! reidcluster name=a "
      "location=\"%s\" ! fakesink sync=false async=false "
      "t. ! queue ! reidembed model=\"%s\" threads=1 batch-size=3 ! "
      "reidcluster name=b location=\"%s\" mode=episode ! "
      "fakesink sync=false async=false",
      head, model, dirs[0], model, dirs[1]);
  GstElement *pipeline = chain_launch (line);
  ChainResult r;

  chain_result_init (&r);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  chain_feed (pipeline, CHAIN_FRAMES);
  /* a detector, and one embedder for both */
  CHECK (reid_session_count () == 2);
  chain_wait (pipeline, &r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  CHECK_MSG (!*r.error && !*r.warning, "%s%s", r.error, r.warning);
  CHECK (r.people == 4);
  check_same_texts (dirs[0], dirs[1], "two branches");
  chain_result_clear (&r);
  check_nothing_left ();
  g_free (line);
  g_free (head);
  g_free (dirs[0]);
  g_free (dirs[1]);
}

static gpointer
run_in_thread (gpointer data)
{
  ChainResult r;
  gchar *options = g_strdup_printf ("location=\"%s\"", (gchar *) data);

  chain_run (&r, TINY_EMBED_COLOUR, "threads=1", options);
  CHECK (!*r.error && r.people == 4);
  chain_result_clear (&r);
  g_free (options);
  return NULL;
}

TEST (pipelines_do_not_disturb_each_other)
{
  gchar *dirs[3];
  GThread *threads[3];

  tiny_detector_path ();
  tiny_embedder_path (TINY_EMBED_COLOUR);
  for (guint i = 0; i < 3; i++) {
    gchar name[] = { 'p', (gchar) ('0' + i), '\0' };
    dirs[i] = scratch (name);
    threads[i] = g_thread_new ("run", run_in_thread, dirs[i]);
  }
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  check_same_texts (dirs[0], dirs[1], "0 and 1");
  check_same_texts (dirs[0], dirs[2], "0 and 2");
  check_nothing_left ();
  for (guint i = 0; i < 3; i++)
    g_free (dirs[i]);
}

TEST (without_reidembed_nobody_is_told_apart)
{
  gchar *head = chain_head ();
  gchar *line =
      g_strdup_printf ("%s ! reidcluster ! fakesink sync=false", head);
  GstElement *pipeline = chain_launch (line);
  ChainResult r;

  chain_result_init (&r);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  chain_feed (pipeline, 40);
  chain_wait (pipeline, &r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  CHECK_HAS (r.warning, "put reidembed between");
  CHECK (r.people == 0 && r.identities_told);
  chain_result_clear (&r);
  g_free (line);
  g_free (head);
}

/* Drops events as a leaky queue does. */
static GstPadProbeReturn
drop_custom_events (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))
                 == GST_EVENT_CUSTOM_DOWNSTREAM
             ? GST_PAD_PROBE_DROP
             : GST_PAD_PROBE_OK;
}

TEST (who_eats_tracklets_is_named)
{
  gchar *head = chain_head ();
  gchar *line = g_strdup_printf (
      "%s ! queue name=leaky ! reidembed model=\"%s\" threads=1 ! "
      "reidcluster ! fakesink sync=false",
      head, tiny_embedder_path (TINY_EMBED_COLOUR));
  GstElement *pipeline = chain_launch (line);
  GstElement *queue = gst_bin_get_by_name (GST_BIN (pipeline), "leaky");
  GstPad *pad = gst_element_get_static_pad (queue, "src");
  ChainResult r;

  chain_result_init (&r);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     drop_custom_events, NULL, NULL);
  gst_object_unref (pad);
  gst_object_unref (queue);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  chain_feed (pipeline, 60);
  chain_wait (pipeline, &r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  CHECK_HAS (r.warning, "never came");
  CHECK_HAS (r.warning, "leaky (queue)");
  chain_result_clear (&r);
  g_free (line);
  g_free (head);
}

/* ---- states, seeks, live sources */

/* A ball is a face to the tiny detector. Free it. */
static gchar *
ball_line (const gchar *source, const gchar *cluster)
{
  return g_strdup_printf (
      "videotestsrc pattern=ball %s ! "
      "video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
      "reiddetect model=\"%s\" inference-size=320 threads=1 ! reidtrack ! "
      "reidembed model=\"%s\" threads=1 ! reidcluster %s ! "
      "fakesink sync=false",
      source, tiny_detector_path (), tiny_embedder_path (TINY_EMBED_COLOUR),
      cluster);
}

TEST (null_at_any_moment)
{
  gchar *dir = scratch ("any-moment");

  for (guint i = 0; i < 20; i++) {
    gchar *options = g_strdup_printf ("location=\"%s\" mode=%s", dir,
                                      i % 2 ? "online" : "episode");
    gchar *line = ball_line (i % 3 ? "" : "is-live=true", options);
    GstElement *pipeline = chain_launch (line);
    ReidError error = REID_ERROR_INIT;
    gst_element_set_state (pipeline,
                           i % 5 == 4 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
    g_usleep (i * i * 300);
    CHECK (gst_element_set_state (pipeline, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    gst_object_unref (pipeline);
    check_nothing_left ();
    if (has_file (dir, "episode.h5")) {
      ReidEpisode *e = reid_episode_read (dir, FALSE, &error);
      CHECK_MSG (e, "%s", error.message);
      CHECK (!e || e->partial);
      reid_episode_free (e);
    } else {
      CHECK (!g_file_test (dir, G_FILE_TEST_EXISTS));
    }
    g_free (line);
    g_free (options);
  }
  g_free (dir);
}

TEST (a_seek_begins_a_segment_and_loses_nothing)
{
  gchar *dir = scratch ("seek"), *options, *line;
  ReidError error = REID_ERROR_INIT;
  GstElement *pipeline;
  ReidEpisode *e;
  ChainResult r;

  options = g_strdup_printf ("location=\"%s\"", dir);
  line = ball_line ("num-buffers=100", options);
  pipeline = chain_launch (line);
  chain_result_init (&r);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 5; i++) {
    g_usleep (30000);
    gst_element_seek_simple (pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                             i * 100 * GST_MSECOND);
  }
  chain_wait (pipeline, &r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  CHECK_MSG (!*r.error && !*r.warning, "%s%s", r.error, r.warning);
  CHECK (r.identities_told && r.people == 1);
  e = reid_episode_read (dir, FALSE, &error);
  CHECK_MSG (e, "%s", error.message);
  if (e)
    CHECK (e->n_tracks >= 1 && e->frames[e->n_frames - 1].segment >= 1);
  reid_episode_free (e);
  chain_result_clear (&r);
  check_nothing_left ();
  g_free (line);
  g_free (options);
  g_free (dir);
}

TEST (a_live_source_has_its_latency_and_its_names)
{
  gchar *line =
      ball_line ("is-live=true num-buffers=40", "mode=online name=cluster");
  GstElement *pipeline = chain_launch (line);
  GstElement *cluster = gst_bin_get_by_name (GST_BIN (pipeline), "cluster");
  GstPad *pad = gst_element_get_static_pad (cluster, "src");
  GstClockTime min = 0, max = 0;
  gboolean live = FALSE;
  ChainResult r;
  GstQuery *q = gst_query_new_latency ();

  chain_result_init (&r);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_UNTIL (gst_pad_query (pad, q));
  gst_query_parse_latency (q, &live, &min, &max);
  /* two frames are held to see a cut */
  CHECK_MSG (live && min >= 80 * GST_MSECOND, "%" G_GUINT64_FORMAT " ns", min);
  CHECK (!GST_CLOCK_TIME_IS_VALID (max) || max >= min);
  gst_query_unref (q);
  gst_object_unref (pad);
  gst_object_unref (cluster);
  chain_wait (pipeline, &r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  CHECK_MSG (!*r.error, "%s", r.error);
  CHECK (r.came == 1 && r.went == 1 && r.people == 1);
  chain_result_clear (&r);
  check_nothing_left ();
  g_free (line);
}

TEST (a_bad_model_stops_a_pipeline_as_often_as_it_is_tried)
{
  gchar *head = chain_head ();
  gchar *line = g_strdup_printf ("%s ! reidembed model=/nowhere/to/be.onnx ! "
                                 "reidcluster ! fakesink",
                                 head);
  GstElement *pipeline = chain_launch (line);
  GstBus *bus = gst_element_get_bus (pipeline);

  for (guint i = 0; i < 10; i++) {
    gchar *text;
    CHECK (gst_element_set_state (pipeline, GST_STATE_PLAYING)
           == GST_STATE_CHANGE_FAILURE);
    text = next_complaint (bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, "/nowhere/to/be.onnx");
    g_free (text);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    check_nothing_left ();
  }
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (head);
}

TEST_MAIN ()
