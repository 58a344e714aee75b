/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elements.h"

#include <glib/gstdio.h>

#define SMALL "video/x-raw,format=I420,width=160,height=90"
#define FRAME_TIME (GST_SECOND / 25)

/* A pipeline with the source "src" and a fakesink "sink" whose pad is recorded.
 */
typedef struct {
  GstElement *pipeline, *src;
  GstBus *bus;
  Record out;
} Rig;

static void
rig_init (Rig *r, const gchar *properties, const gchar *caps, const gchar *rest)
{
  gchar *line = g_strdup_printf ("reidtestsrc name=src %s ! %s %s ! fakesink "
                                 "name=sink",
                                 properties, caps, rest);
  GError *error = NULL;
  GstElement *sink;
  GstPad *pad;

  r->pipeline = gst_parse_launch (line, &error);
  if (!r->pipeline || error)
    g_error ("%s: %s", line, error->message);
  g_free (line);
  r->src = gst_bin_get_by_name (GST_BIN (r->pipeline), "src");
  sink = gst_bin_get_by_name (GST_BIN (r->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  record_init (&r->out, pad);
  gst_object_unref (pad);
  gst_object_unref (sink);
  r->bus = gst_element_get_bus (r->pipeline);
}

static void
rig_free (Rig *r)
{
  gst_element_set_state (r->pipeline, GST_STATE_NULL);
  record_free (&r->out);
  gst_object_unref (r->bus);
  gst_object_unref (r->src);
  gst_object_unref (r->pipeline);
}

/* TRUE at EOS, FALSE at an error, whose text is returned. */
static gboolean
rig_wait (Rig *r, gchar **text)
{
  GstMessage *m = gst_bus_timed_pop_filtered (
      r->bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean eos = m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS;

  if (m && !eos) {
    GError *error = NULL;
    gst_message_parse_error (m, &error, NULL);
    if (text)
      *text = g_strdup (error->message);
    else
      CHECK_MSG (FALSE, "%s", error->message);
    g_error_free (error);
  }
  CHECK_MSG (m, "nothing came");
  gst_clear_message (&m);
  return eos;
}

static gboolean
rig_run (Rig *r)
{
  gst_element_set_state (r->pipeline, GST_STATE_PLAYING);
  return rig_wait (r, NULL);
}

static GstReidTruthMeta *
truth (Record *r, guint n)
{
  GstBuffer *buffer = record_buffer (r, n);

  return buffer ? gst_buffer_get_reid_truth_meta (buffer) : NULL;
}

static gboolean
same_bytes (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  gboolean same;

  gst_buffer_map (a, &x, GST_MAP_READ);
  gst_buffer_map (b, &y, GST_MAP_READ);
  same = x.size == y.size && memcmp (x.data, y.data, x.size) == 0;
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  return same;
}

TEST (default_caps)
{
  GstVideoInfo info;
  GstCaps *caps;
  GstPad *pad;
  Rig r;

  rig_init (&r, "num-buffers=1", "video/x-raw", "");
  CHECK (rig_run (&r));
  pad = gst_element_get_static_pad (r.src, "src");
  caps = gst_pad_get_current_caps (pad);
  REQUIRE (caps && gst_video_info_from_caps (&info, caps));
  CHECK (GST_VIDEO_INFO_FORMAT (&info) == GST_VIDEO_FORMAT_I420);
  CHECK (info.width == 1280 && info.height == 720);
  CHECK (info.fps_n == 25 && info.fps_d == 1);
  CHECK (info.par_n == 1 && info.par_d == 1);
  CHECK (!GST_VIDEO_INFO_IS_INTERLACED (&info));
  gst_caps_unref (caps);
  gst_object_unref (pad);
  rig_free (&r);
}

TEST (every_buffer_has_its_number_time_and_truth)
{
  Rig r;

  rig_init (&r, "num-buffers=200 seed=5 people=5", SMALL, "");
  CHECK (rig_run (&r));
  CHECK (record_buffers (&r.out) == 200);
  for (guint i = 0, faces = 0; i < 200; i++) {
    GstBuffer *b = record_buffer (&r.out, i);
    GstReidTruthMeta *m = gst_buffer_get_reid_truth_meta (b);
    REQUIRE (m);
    CHECK (GST_BUFFER_PTS (b) == i * FRAME_TIME);
    CHECK (GST_BUFFER_DURATION (b) == FRAME_TIME);
    CHECK (GST_BUFFER_OFFSET (b) == i && GST_BUFFER_OFFSET_END (b) == i + 1);
    CHECK (m->frame == i && m->shot_frame <= i);
    if (i > 0) {
      GstReidTruthMeta *before = truth (&r.out, i - 1);
      CHECK (m->shot == before->shot
             || (m->shot == before->shot + 1 && m->shot_frame == i));
    }
    faces += m->n_faces;
    for (guint k = 0; k < m->n_faces; k++)
      CHECK (m->faces[k].person < 5 && m->faces[k].width > 0);
    if (i == 199) {
      CHECK (faces > 150);
      CHECK (m->shot >= 1);
    }
  }
  rig_free (&r);
}

TEST (formats_and_sizes)
{
  static const gchar *const formats[] = {
    "I420", "NV12", "YV12", "NV21", "Y42B", "Y444", "RGB",  "BGR",  "RGBx",
    "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "GRAY8"
  };
  static const gint sizes[][2] = {
    { 321, 241 }, { 1, 1 }, { 1, 300 }, { 333, 3 }, { 2560, 1441 }
  };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
      gchar *caps = g_strdup_printf (
          "video/x-raw,format=%s,width=%d,height=%d,framerate=30000/1001",
          formats[f], sizes[s][0], sizes[s][1]);
      Rig r;

      if (s == 4 && f > 0) {
        g_free (caps);
        continue;
      }
      rig_init (&r, "num-buffers=2", caps, "");
      CHECK_MSG (rig_run (&r) && record_buffers (&r.out) == 2, "%s", caps);
      CHECK (truth (&r.out, 1));
      CHECK (GST_BUFFER_PTS (record_buffer (&r.out, 1))
             == gst_util_uint64_scale (GST_SECOND, 1001, 30000));
      rig_free (&r);
      g_free (caps);
    }
}

/* What videoconvert makes of the YUV is what is drawn as RGB, as far as its
 * fast path for limited ranges is exact. */
TEST (colours)
{
  static const gchar *const yuv[] = {
    "video/x-raw,format=Y444,width=64,height=64",
    "video/x-raw,format=Y444,width=64,height=64,colorimetry=bt709",
    "video/x-raw,format=Y444,width=64,height=64,colorimetry=1:4:0:0"
  };
  Rig rgb;

  rig_init (&rgb, "num-buffers=1 seed=3",
            "video/x-raw,format=RGBx,width=64,height=64", "");
  CHECK (rig_run (&rgb));
  for (guint i = 0; i < G_N_ELEMENTS (yuv); i++) {
    GstMapInfo a, b;
    guint most = 0, sum = 0;
    Rig r;

    rig_init (&r, "num-buffers=1 seed=3", yuv[i],
              "! videoconvert ! video/x-raw,format=RGBx");
    CHECK (rig_run (&r));
    REQUIRE (record_buffers (&r.out) == 1);
    CHECK (truth (&r.out, 0));
    gst_buffer_map (record_buffer (&rgb.out, 0), &a, GST_MAP_READ);
    gst_buffer_map (record_buffer (&r.out, 0), &b, GST_MAP_READ);
    for (gsize k = 0; k < a.size && k < b.size; k++) {
      guint d = (guint) ABS (a.data[k] - b.data[k]);
      most = MAX (most, d);
      sum += d;
    }
    gst_buffer_unmap (record_buffer (&rgb.out, 0), &a);
    gst_buffer_unmap (record_buffer (&r.out, 0), &b);
    CHECK_MSG (most <= 7 && sum < 3 * a.size, "%s: %u, sum %u", yuv[i], most,
               sum);
    rig_free (&r);
  }
  rig_free (&rgb);
}

TEST (the_same_again_with_any_number_of_threads)
{
  Rig a, b;

  rig_init (&a, "num-buffers=3 seed=8 threads=1",
            "video/x-raw,width=199,height=77", "");
  rig_init (&b, "num-buffers=3 seed=8 threads=3",
            "video/x-raw,width=199,height=77", "");
  CHECK (rig_run (&a) && rig_run (&b));
  for (guint i = 0; i < 3; i++)
    CHECK (same_bytes (record_buffer (&a.out, i), record_buffer (&b.out, i)));
  rig_free (&a);
  rig_free (&b);
}

TEST (shots_end_the_stream)
{
  gint64 frames = 0, time = 0, converted = 0;
  Rig r;

  rig_init (&r, "shots=2 seed=4", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  CHECK (gst_element_query_duration (r.src, GST_FORMAT_DEFAULT, &frames));
  CHECK (gst_element_query_duration (r.pipeline, GST_FORMAT_TIME, &time));
  CHECK (frames > 50 && time == frames * (gint64) FRAME_TIME);
  CHECK (gst_element_query_convert (r.src, GST_FORMAT_DEFAULT, 50,
                                    GST_FORMAT_TIME, &converted)
         && converted == 2 * (gint64) GST_SECOND);
  CHECK (rig_run (&r));
  CHECK (record_buffers (&r.out) == frames);
  CHECK (truth (&r.out, (guint) frames - 1)->shot == 1);
  rig_free (&r);
}

TEST (an_endless_episode_has_no_length)
{
  gint64 time = 0;
  Rig r;

  rig_init (&r, "", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  CHECK (!gst_element_query_duration (r.pipeline, GST_FORMAT_TIME, &time)
         || time == -1);
  rig_free (&r);
  rig_init (&r, "num-buffers=50", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  CHECK (gst_element_query_duration (r.pipeline, GST_FORMAT_TIME, &time)
         && time == 2 * (gint64) GST_SECOND);
  rig_free (&r);
}

TEST (nobody)
{
  Rig r;

  rig_init (&r, "people=0 num-buffers=3", SMALL, "");
  CHECK (rig_run (&r));
  for (guint i = 0; i < 3; i++)
    CHECK (truth (&r.out, i) && truth (&r.out, i)->n_faces == 0);
  rig_free (&r);
}

TEST (timestamps_can_be_moved)
{
  Rig r;

  rig_init (&r, "num-buffers=3 timestamp-offset=1000000000", SMALL, "");
  CHECK (rig_run (&r));
  CHECK (GST_BUFFER_PTS (record_buffer (&r.out, 2))
         == GST_SECOND + 2 * FRAME_TIME);
  CHECK (truth (&r.out, 2)->frame == 2);
  rig_free (&r);
}

/* ---- seeks */

TEST (seeks_are_exact)
{
  GstBuffer *straight[100];
  Rig r;

  rig_init (&r, "num-buffers=100 seed=2", SMALL, "");
  CHECK (rig_run (&r));
  for (guint i = 0; i < 100; i++)
    straight[i] = gst_buffer_ref (record_buffer (&r.out, i));
  rig_free (&r);

  rig_init (&r, "shots=3 seed=2", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  for (guint frame = 0; frame < 97; frame += 13) {
    GstBuffer *b;
    record_clear (&r.out);
    CHECK (gst_element_seek (
        r.pipeline, 1, GST_FORMAT_TIME,
        GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
        (gint64) (frame * FRAME_TIME + frame % 3), GST_SEEK_TYPE_SET,
        (gint64) ((frame + 3) * FRAME_TIME)));
    CHECK (rig_run (&r));
    CHECK_MSG (record_buffers (&r.out) == 3, "%u", record_buffers (&r.out));
    b = record_buffer (&r.out, 0);
    REQUIRE (b);
    CHECK (gst_buffer_get_reid_truth_meta (b)->frame == frame);
    CHECK (same_bytes (b, straight[frame]));
    gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
    gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  }
  rig_free (&r);
  for (guint i = 0; i < 100; i++)
    gst_buffer_unref (straight[i]);
}

TEST (backwards)
{
  Rig r;

  rig_init (&r, "shots=3 seed=2", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  record_clear (&r.out);
  CHECK (gst_element_seek (r.pipeline, -1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                           GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
                           10 * (gint64) FRAME_TIME));
  CHECK (rig_run (&r));
  REQUIRE (record_buffers (&r.out) == 10);
  for (guint i = 0; i < 10; i++)
    CHECK (truth (&r.out, i)->frame == 9 - i);
  rig_free (&r);
}

/* ---- live */

TEST (live_frames_come_at_their_time)
{
  GstClockTime min = 0, max = 0, start;
  gboolean live = FALSE;
  GstQuery *query;
  Rig r;

  rig_init (&r, "is-live=true num-buffers=10", SMALL, "");
  CHECK (gst_element_set_state (r.pipeline, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_NO_PREROLL);
  start = (GstClockTime) g_get_monotonic_time ();
  CHECK (rig_run (&r));
  /* nine waits of 40 ms */
  CHECK ((GstClockTime) g_get_monotonic_time () - start > 350000);
  CHECK (record_buffers (&r.out) == 10);
  query = gst_query_new_latency ();
  CHECK (gst_element_query (r.src, query));
  gst_query_parse_latency (query, &live, &min, &max);
  CHECK (live && min == FRAME_TIME && max == GST_CLOCK_TIME_NONE);
  gst_query_unref (query);
  rig_free (&r);
}

/* ---- the truth file */

static gchar *folder;

static gchar *
place (const gchar *name)
{
  if (!folder)
    folder = g_dir_make_tmp ("reid-XXXXXX", NULL);
  return g_build_filename (folder, name, NULL);
}

static guint
files (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

__attribute__ ((destructor)) static void
remove_folder (void)
{
  if (folder)
    g_rmdir (folder);
  g_free (folder);
}

static guint
count (const gchar *text, const gchar *what)
{
  guint n = 0;

  while ((text = strstr (text, what))) {
    text++;
    n++;
  }
  return n;
}

TEST (the_file_is_whole_when_eos_is_seen)
{
  gchar *path = place ("truth.json"), *text = NULL, *line;
  Rig r;

  line = g_strdup_printf ("num-buffers=80 truth-location=%s", path);
  rig_init (&r, line, SMALL, "");
  CHECK (rig_run (&r));
  CHECK (files () == 1);
  REQUIRE (g_file_get_contents (path, &text, NULL, NULL));
  CHECK (g_str_has_prefix (text, "{\"format_version\":1,\"fps\":25"));
  CHECK (g_str_has_suffix (text, "\"partial\":false}\n"));
  CHECK (count (text, "{\"frame\":") == 80);
  rig_free (&r);
  g_unlink (path);
  g_free (text);
  g_free (line);
  g_free (path);
}

TEST (a_stream_that_is_stopped_leaves_a_partial_file)
{
  gchar *path = place ("truth.json"), *text = NULL, *line;
  Rig r;

  line = g_strdup_printf ("truth-location=%s", path);
  rig_init (&r, line, SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PLAYING);
  while (record_length (&r.out) < 20)
    g_usleep (1000);
  CHECK (!g_file_test (path, G_FILE_TEST_EXISTS));
  rig_free (&r);
  REQUIRE (g_file_get_contents (path, &text, NULL, NULL));
  CHECK (g_str_has_suffix (text, "\"partial\":true}\n"));
  CHECK (files () == 1);
  g_unlink (path);
  g_free (text);
  g_free (line);
  g_free (path);
}

/* "partial" of the file after a run to EOS, -1 without a file. */
static int
partial_after (const gchar *properties, const gchar *rest, gboolean send_eos,
               gint64 stop)
{
  gchar *path = place ("truth.json"), *text = NULL, *line;
  int partial = -1;
  Rig r;

  line = g_strdup_printf ("truth-location=%s %s", path, properties);
  rig_init (&r, line, SMALL, rest);
  if (stop) {
    gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
    gst_element_get_state (r.pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    CHECK (gst_element_seek (r.pipeline, 1, GST_FORMAT_TIME,
                             GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                             GST_SEEK_TYPE_SET, stop));
  }
  gst_element_set_state (r.pipeline, GST_STATE_PLAYING);
  if (send_eos)
    gst_element_send_event (r.pipeline, gst_event_new_eos ());
  CHECK (rig_wait (&r, NULL));
  rig_free (&r);
  if (g_file_get_contents (path, &text, NULL, NULL)) {
    partial = g_str_has_suffix (text, "\"partial\":true}\n");
    CHECK (partial || g_str_has_suffix (text, "\"partial\":false}\n"));
  }
  g_unlink (path);
  g_free (text);
  g_free (line);
  g_free (path);
  return partial;
}

TEST (what_ended_by_itself_is_whole)
{
  CHECK (partial_after ("num-buffers=12", "", FALSE, 0) == 0);
  CHECK (partial_after ("shots=1 people=1", "", FALSE, 0) == 0);
  CHECK (partial_after ("", "", FALSE, GST_SECOND) == 0);
  CHECK (partial_after ("", "", TRUE, 0) == 0);
}

/* A GstBaseSink answers so, too, where a pipeline is taken down at the wrong
 * moment. */
TEST (what_is_ended_downstream_is_partial)
{
  CHECK (partial_after ("", "! identity eos-after=10", FALSE, 0) == 1);
  CHECK (partial_after ("num-buffers=50", "! identity eos-after=10", FALSE, 0)
         == 1);
}

TEST (an_error_leaves_no_file)
{
  gchar *path = place ("truth.json"), *text = NULL, *line;
  Rig r;

  line = g_strdup_printf ("truth-location=%s", path);
  rig_init (&r, line, SMALL, "! identity error-after=10");
  gst_element_set_state (r.pipeline, GST_STATE_PLAYING);
  CHECK (!rig_wait (&r, &text));
  rig_free (&r);
  CHECK (files () == 0);
  g_free (text);
  g_free (line);
  g_free (path);
}

TEST (a_location_that_cannot_be_written)
{
  gchar *text = NULL;
  Rig r;

  rig_init (&r, "truth-location=/nowhere/truth.json", SMALL, "");
  gst_element_set_state (r.pipeline, GST_STATE_PLAYING);
  CHECK (!rig_wait (&r, &text));
  CHECK_MSG (text && strstr (text, "/nowhere/truth.json"), "%s", text);
  CHECK (record_buffers (&r.out) == 0);
  g_free (text);
  rig_free (&r);
}

TEST (a_second_run_writes_anew)
{
  gchar *path = place ("truth.json"), *a = NULL, *b = NULL, *line;
  Rig r;

  line = g_strdup_printf ("num-buffers=30 truth-location=%s", path);
  rig_init (&r, line, SMALL, "");
  CHECK (rig_run (&r));
  REQUIRE (g_file_get_contents (path, &a, NULL, NULL));
  gst_element_set_state (r.pipeline, GST_STATE_NULL);
  g_unlink (path);
  CHECK (rig_run (&r));
  REQUIRE (g_file_get_contents (path, &b, NULL, NULL));
  CHECK (g_str_equal (a, b));
  rig_free (&r);
  g_unlink (path);
  g_free (a);
  g_free (b);
  g_free (line);
  g_free (path);
}

/* ---- what else must not go wrong */

TEST (caps_that_nobody_can_draw)
{
  static const gchar *const all[] = { "video/x-raw,format=GRAY16_LE",
                                      "video/x-raw,width=40000",
                                      "video/x-raw,framerate=0/1" };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GstElement *pipeline;
    gchar *line =
        g_strdup_printf ("reidtestsrc ! capsfilter caps=%s ! fakesink", all[i]);

    pipeline = gst_parse_launch (line, NULL);
    if (pipeline) {
      GstBus *bus = gst_element_get_bus (pipeline);
      GstMessage *m;
      gst_element_set_state (pipeline, GST_STATE_PLAYING);
      m = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
                                      GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
      CHECK_MSG (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR, "%s", all[i]);
      gst_clear_message (&m);
      gst_element_set_state (pipeline, GST_STATE_NULL);
      gst_object_unref (bus);
      gst_object_unref (pipeline);
    }
    g_free (line);
  }
}

TEST (caps_change_in_mid_stream)
{
  GstElement *filter;
  GstCaps *caps;
  Rig r;

  rig_init (&r, "num-buffers=60 seed=1",
            "capsfilter name=filter caps=" SMALL ",framerate=25/1", "");
  filter = gst_bin_get_by_name (GST_BIN (r.pipeline), "filter");
  gst_element_set_state (r.pipeline, GST_STATE_PAUSED);
  gst_element_get_state (r.pipeline, NULL, NULL, 10 * GST_SECOND);
  caps = gst_caps_from_string (
      "video/x-raw,format=RGB,width=80,height=60,framerate=50/1");
  g_object_set (filter, "caps", caps, NULL);
  gst_caps_unref (caps);
  CHECK (rig_run (&r));
  CHECK (record_buffers (&r.out) == 60);
  for (guint i = 1; i < 60; i++) {
    GstBuffer *a = record_buffer (&r.out, i - 1),
              *b = record_buffer (&r.out, i);
    /* time goes on, at whatever rate */
    CHECK (GST_BUFFER_PTS (b) == GST_BUFFER_PTS (a) + GST_BUFFER_DURATION (a));
  }
  CHECK (GST_BUFFER_DURATION (record_buffer (&r.out, 59)) == GST_SECOND / 50);
  gst_object_unref (filter);
  rig_free (&r);
}

TEST (stopped_at_any_moment)
{
  for (guint i = 0; i < 8; i++) {
    Rig r;
    rig_init (&r, i & 1 ? "is-live=true" : "", SMALL, "! queue");
    gst_element_set_state (r.pipeline, GST_STATE_PLAYING);
    g_usleep (i * 3000);
    rig_free (&r);
  }
}

TEST (properties)
{
  GstElement *e = gst_element_factory_make ("reidtestsrc", NULL);
  guint people, shots, seed, threads;
  gboolean live;
  gint64 offset;
  gchar *location;

  gst_object_ref_sink (e);
  g_object_get (e, "people", &people, "shots", &shots, "seed", &seed, "threads",
                &threads, "is-live", &live, "timestamp-offset", &offset,
                "truth-location", &location, NULL);
  CHECK (people == 4 && shots == 0 && seed == 0 && threads == 0 && !live
         && offset == 0 && !location);
  g_object_set (e, "people", 9u, "shots", 3u, "seed", 77u, "threads", 2u,
                "is-live", TRUE, "timestamp-offset", (gint64) -5,
                "truth-location", "/x", NULL);
  g_object_get (e, "people", &people, "shots", &shots, "seed", &seed, "threads",
                &threads, "is-live", &live, "timestamp-offset", &offset,
                "truth-location", &location, NULL);
  CHECK (people == 9 && shots == 3 && seed == 77 && threads == 2 && live
         && offset == -5 && g_str_equal (location, "/x"));
  g_free (location);
  gst_object_unref (e);
}

/* ---- the meta */

TEST (the_meta_through_other_elements)
{
  static const struct {
    const gchar *rest;
    gboolean stays;
  } all[] = {
    { "! videoconvert ! video/x-raw,format=RGB", TRUE },
    { "! videoscale add-borders=false ! video/x-raw,width=80,height=45", TRUE },
    { "! videoflip video-direction=horiz", FALSE },
    { "! videocrop left=20", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    Rig r;
    rig_init (&r, "num-buffers=60", SMALL, all[i].rest);
    CHECK (rig_run (&r));
    CHECK_MSG ((truth (&r.out, 40) != NULL) == all[i].stays, "%s", all[i].rest);
    if (all[i].stays && truth (&r.out, 40))
      CHECK (truth (&r.out, 40)->frame == 40
             && truth (&r.out, 40)->n_faces > 0);
    rig_free (&r);
  }
}

TEST (faces_of_a_meta_are_replaced)
{
  GstReidTruthFace faces[2] = { { .person = 3 }, { .person = 4 } };
  GstBuffer *buffer = gst_buffer_new (), *copy;
  GstReidTruthMeta *m = gst_buffer_add_reid_truth_meta (buffer);

  CHECK (m->n_faces == 0 && !m->faces && m->light == 1);
  gst_reid_truth_meta_set_faces (m, faces, 2);
  gst_reid_truth_meta_set_faces (m, m->faces + 1, 1);
  CHECK (m->n_faces == 1 && m->faces[0].person == 4);
  copy = gst_buffer_copy (buffer);
  CHECK (gst_buffer_get_reid_truth_meta (copy)->faces[0].person == 4);
  CHECK (gst_buffer_get_reid_truth_meta (copy)->faces != m->faces);
  gst_reid_truth_meta_set_faces (m, NULL, 0);
  CHECK (!m->faces);
  gst_buffer_unref (copy);
  gst_buffer_unref (buffer);
}

TEST_MAIN ()
