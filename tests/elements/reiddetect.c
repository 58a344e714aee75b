/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "squares.h"

#include <sys/stat.h>
#include <unistd.h>

/* Whether the frame's faces are the first n squares, in any order. */
static void
check_faces (Rig *r, guint frame, guint n, const gchar *what)
{
  GstReidFrameMeta *m = record_meta (&r->out, frame);
  gdouble aspect = (gdouble) GST_VIDEO_INFO_WIDTH (&r->info)
                   * GST_VIDEO_INFO_PAR_N (&r->info)
                   / ((gdouble) GST_VIDEO_INFO_HEIGHT (&r->info)
                      * GST_VIDEO_INFO_PAR_D (&r->info));

  REQUIRE (m);
  CHECK_MSG (m->state == GST_REID_FRAME_DETECTED && m->n_faces == n,
             "%s: state %d, %u faces", what, m->state, m->n_faces);
  for (guint i = 0; i < n; i++) {
    gboolean found = FALSE;

    for (guint k = 0; k < m->n_faces; k++) {
      const GstReidFace *f = &m->faces[k];
      found |= fabs (f->left - two[i].x) < .01
               && fabs (f->top - two[i].y * aspect) < .013
               && fabs (f->width - two[i].side) < .01
               && fabs (f->height - two[i].side * aspect) < .013;
    }
    CHECK_MSG (found, "%s: square %u", what, i);
  }
}

TEST (faces_are_found_and_told)
{
  GstReidFrameMeta *m;
  gpointer state = NULL;
  GstMeta *roi;
  guint rois = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  CHECK (rig_push (&r, 2) == GST_FLOW_OK);
  CHECK (rig_push (&r, 0) == GST_FLOW_OK);
  CHECK (rig_push (&r, 1) == GST_FLOW_OK);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBsE");
  check_faces (&r, 0, 2, "two");
  check_faces (&r, 1, 0, "none");
  check_faces (&r, 2, 1, "one");
  m = record_meta (&r.out, 0);
  REQUIRE (m && m->n_faces == 2);
  CHECK (m->frame == 0 && m->stream_time == 0 && m->duration == FRAME_TIME);
  CHECK (m->segment == 0 && !m->tracked);
  CHECK (m->display_width == 320 && m->display_height == 240);
  for (guint i = 0; i < 2; i++) {
    const GstReidFace *f = &m->faces[i];
    CHECK (f->score > .9f && f->score <= 1 && f->has_landmarks);
    CHECK (f->track_id == 0 && f->quality == 0 && f->identity == 0);
    for (guint k = 0; k < 10; k += 2)
      CHECK (f->landmarks[k] > f->left && f->landmarks[k] < f->left + f->width
             && f->landmarks[k + 1] > f->top
             && f->landmarks[k + 1] < f->top + f->height);
    CHECK (f->landmarks[0] < f->landmarks[2]);
  }
  while ((roi = gst_buffer_iterate_meta_filtered (
              record_buffer (&r.out, 0), &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    rois += ((GstVideoRegionOfInterestMeta *) roi)->roi_type
            == g_quark_from_string ("face");
  CHECK (rois == 2);
  CHECK (record_meta (&r.out, 2)->frame == 2);
  CHECK (record_meta (&r.out, 2)->stream_time == 2 * FRAME_TIME);
  rig_free (&r);
}

TEST (every_format)
{
  static const gchar *const formats[] = {
    "I420",      "NV12",      "YV12",      "NV21", "Y42B", "Y444", "I420_10LE",
    "I422_10LE", "Y444_10LE", "P010_10LE", "RGB",  "BGR",  "RGBx", "BGRx",
    "xRGB",      "xBGR",      "RGBA",      "BGRA", "ARGB", "ABGR", "GRAY8"
  };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    /* odd sizes */
    gchar *caps = g_strdup_printf (
        "video/x-raw,format=%s,width=321,height=239,framerate=25/1",
        formats[i]);
    GstMemory *memory;
    GstBuffer *b;
    Rig r;

    rig_init (&r, caps, NULL);
    b = rig_frame (&r, two, 2);
    memory = gst_buffer_peek_memory (b, 0);
    CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
    check_faces (&r, 0, 2, formats[i]);
    CHECK (gst_buffer_peek_memory (record_buffer (&r.out, 0), 0) == memory);
    rig_free (&r);
    g_free (caps);
  }
}

TEST (pixels_that_are_not_square)
{
  GstReidFrameMeta *m;
  Rig r;

  rig_init (&r,
            CAPS ("I420", 720, 576,
                  "framerate=25/1,pixel-aspect-ratio=(fraction)16/15"),
            NULL);
  rig_push (&r, 2);
  check_faces (&r, 0, 2, "16/15");
  m = record_meta (&r.out, 0);
  CHECK (m->display_width == 768 && m->display_height == 576);
  CHECK_NEAR (m->faces[0].width * 768, m->faces[0].height * 576, 2);
  rig_free (&r);
}

TEST (caps_change_in_mid_stream)
{
  static const gchar *const all[] = {
    CAPS ("NV12", 640, 480, "framerate=25/1"),
    CAPS ("RGB", 320, 240, "framerate=25/1"),
    CAPS ("P010_10LE", 400, 224, "framerate=0/1"),
    CAPS ("GRAY8", 240, 320, "framerate=25/1"), CAPS_SMALL
  };
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push (&r, 2);
  check_faces (&r, 0, 2, "first");
  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GstCaps *caps = gst_caps_from_string (all[i]);

    elements_info (all[i], &r.info);
    CHECK (gst_harness_push_event (r.h, gst_event_new_caps (caps)));
    gst_caps_unref (caps);
    rig_push (&r, 2);
    check_faces (&r, i + 1, 2, all[i]);
    CHECK (record_meta (&r.out, i + 1)->frame == i + 1);
  }
  rig_free (&r);
}

TEST (odd_and_extreme_sizes)
{
  static const gchar *const all[] = { CAPS ("I420", 1, 1, "framerate=25/1"),
                                      CAPS ("GRAY8", 1, 400, "framerate=25/1"),
                                      CAPS ("RGB", 999, 3, "framerate=25/1"),
                                      CAPS ("GRAY8", 8203, 4337,
                                            "framerate=25/1") };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    Rig r;
    GstBuffer *b;

    rig_init (&r, all[i], NULL);
    b = gst_buffer_new_allocate (NULL, r.info.size, NULL);
    gst_buffer_memset (b, 0, 0, r.info.size);
    CHECK_MSG (gst_harness_push (r.h, b) == GST_FLOW_OK, "%s", all[i]);
    REQUIRE (record_meta (&r.out, 0));
    CHECK_MSG (record_meta (&r.out, 0)->state == GST_REID_FRAME_DETECTED, "%s",
               all[i]);
    CHECK (record_meta (&r.out, 0)->n_faces == 0);
    rig_free (&r);
  }
}

TEST (every_nth_frame)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, "inference-interval", 3u, NULL);
  for (guint i = 0; i < 7; i++)
    rig_push (&r, 2);
  for (guint i = 0; i < 7; i++) {
    GstReidFrameMeta *m = record_meta (&r.out, i);
    CHECK (m->frame == i);
    CHECK (m->state
           == (i % 3 == 0 ? GST_REID_FRAME_DETECTED : GST_REID_FRAME_SKIPPED));
    CHECK (m->n_faces == (i % 3 == 0 ? 2 : 0));
  }
  g_object_set (r.h->element, "inference-interval", 0u, NULL);
  for (guint i = 7; i < 10; i++) {
    rig_push (&r, 2);
    CHECK (record_meta (&r.out, i)->state == GST_REID_FRAME_SKIPPED);
  }
  g_object_set (r.h->element, "inference-interval", 1u, NULL);
  rig_push (&r, 2);
  check_faces (&r, 10, 2, "again");
  rig_free (&r);
}

TEST (properties_change_while_playing)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push (&r, 2);
  g_object_set (r.h->element, "threshold", .99f, NULL);
  rig_push (&r, 2);
  g_object_set (r.h->element, "threshold", .5f, NULL);
  rig_push (&r, 2);
  g_object_set (r.h->element, "min-size", 50u, NULL);
  rig_push (&r, 2);
  g_object_set (r.h->element, "min-size", 0u, "inference-size", 480u, NULL);
  rig_push (&r, 2);
  check_faces (&r, 0, 2, "default");
  check_faces (&r, 1, 0, "threshold .99");
  check_faces (&r, 2, 2, "threshold .5");
  CHECK (record_meta (&r.out, 3)->n_faces == 1);
  CHECK (record_meta (&r.out, 3)->faces[0].height * 240 > 50);
  check_faces (&r, 4, 2, "inference-size 480");
  rig_free (&r);
}

TEST (late_frames_go_without_detection_only_when_asked)
{
  for (guint asked = 0; asked < 2; asked++) {
    GstBus *bus = gst_bus_new ();
    GstEvent *event;
    gboolean forwarded = FALSE;
    Rig r;

    rig_init (&r, CAPS_SMALL, NULL);
    if (asked)
      g_object_set (r.h->element, "qos", TRUE, NULL);
    gst_element_set_bus (r.h->element, bus);
    rig_push (&r, 2);
    /* late by 80 ms at 0: nothing before 160 ms can be in time */
    gst_harness_push_upstream_event (
        r.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5,
                                80 * (GstClockTimeDiff) GST_MSECOND, 0));
    for (guint i = 1; i < 6; i++)
      rig_push (&r, 2);
    CHECK (record_buffers (&r.out) == 6);
    for (guint i = 0; i < 6; i++) {
      gboolean late = asked && i >= 1 && i < 4;
      CHECK_MSG (
          record_meta (&r.out, i)->state
              == (late ? GST_REID_FRAME_SKIPPED : GST_REID_FRAME_DETECTED),
          "frame %u, asked %u", i, asked);
    }
    CHECK (count_messages (bus, GST_MESSAGE_QOS) == (asked ? 3 : 0));
    while ((event = gst_harness_try_pull_upstream_event (r.h))) {
      forwarded |= GST_EVENT_TYPE (event) == GST_EVENT_QOS;
      gst_event_unref (event);
    }
    CHECK (forwarded);
    gst_element_set_bus (r.h->element, NULL);
    gst_object_unref (bus);
    rig_free (&r);
  }
}

TEST (segments_flushes_gaps_and_streams)
{
  GstSegment segment;
  GstEvent *event;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push (&r, 1);
  gst_harness_push_event (r.h, gst_event_new_gap (FRAME_TIME, FRAME_TIME));
  rig_push (&r, 1);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = FRAME_TIME;
  segment.time = 7 * GST_SECOND;
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  rig_push (&r, 1);
  gst_harness_push_event (r.h, gst_event_new_flush_start ());
  gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  rig_push (&r, 1);
  CHECK_RECORD (&r.out, "iBGBSBfFSB");
  CHECK (record_meta (&r.out, 1)->segment == 0);
  CHECK (record_meta (&r.out, 2)->segment == 1);
  CHECK (record_meta (&r.out, 2)->stream_time == 7 * GST_SECOND + FRAME_TIME);
  CHECK (record_meta (&r.out, 3)->segment == 2);
  CHECK (record_meta (&r.out, 3)->frame == 3);
  gst_harness_push_event (r.h, gst_event_new_stream_start ("other"));
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  rig_push (&r, 1);
  CHECK (record_meta (&r.out, 4)->frame == 0);
  CHECK (record_meta (&r.out, 4)->segment == 0);
  /* the same event once more is no other stream */
  event = gst_event_new_stream_start ("third");
  gst_harness_push_event (r.h, gst_event_ref (event));
  rig_push (&r, 1);
  gst_harness_push_event (r.h, event);
  rig_push (&r, 1);
  CHECK (record_meta (&r.out, 5)->frame == 0);
  CHECK (record_meta (&r.out, 6)->frame == 1);
  rig_free (&r);
}

TEST (frames_without_time_and_a_segment_in_bytes)
{
  GstSegment segment;
  GstBuffer *b;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  b = rig_frame (&r, two, 1);
  GST_BUFFER_PTS (b) = GST_BUFFER_DURATION (b) = GST_CLOCK_TIME_NONE;
  CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
  CHECK (record_meta (&r.out, 0)->stream_time == GST_CLOCK_TIME_NONE);
  CHECK (record_meta (&r.out, 0)->duration == GST_CLOCK_TIME_NONE);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  CHECK (rig_push (&r, 1) == GST_FLOW_OK);
  CHECK (record_meta (&r.out, 1)->stream_time == GST_CLOCK_TIME_NONE);
  rig_free (&r);
}

TEST (frames_that_are_too_small)
{
  GstBus *bus = gst_bus_new ();
  GstFlowReturn flow = GST_FLOW_OK;
  guint passed = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_element_set_bus (r.h->element, bus);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *b = rig_frame (&r, two, 1);
    if (i == 1)
      gst_buffer_set_size (b, 1000);
    CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
  }
  CHECK (record_meta (&r.out, 1)->state == GST_REID_FRAME_FAILED);
  CHECK (record_meta (&r.out, 1)->n_faces == 0);
  check_faces (&r, 2, 1, "after it");
  CHECK (count_messages (bus, GST_MESSAGE_WARNING) == 1);
  /* no stream can be told from nothing but such frames */
  while (flow == GST_FLOW_OK && passed < 1000) {
    GstBuffer *b = rig_frame (&r, two, 1);
    gst_buffer_set_size (b, 1000);
    flow = gst_harness_push (r.h, b);
    passed++;
  }
  CHECK (flow == GST_FLOW_ERROR);
  CHECK (count_messages (bus, GST_MESSAGE_ERROR) == 1);
  gst_element_set_bus (r.h->element, NULL);
  gst_object_unref (bus);
  rig_free (&r);
}

/* ---- models */

/* The error of each of n tries to start with this model. */
static void
check_bad (const gchar *model, guint n, const gchar *word)
{
  GstElement *e =
      g_object_ref_sink (gst_element_factory_make ("reiddetect", NULL));
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (e, bus);
  g_object_set (e, "model", model, "device", "cpu", NULL);
  for (guint i = 0; i < n; i++) {
    gchar *text;

    CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
           == GST_STATE_CHANGE_FAILURE);
    CHECK (gst_element_set_state (e, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    text = next_complaint (bus, GST_MESSAGE_ERROR, NULL, NULL);
    CHECK_HAS (text, word);
    CHECK (!strchr (text, '\n'));
    g_free (text);
    CHECK (count_messages (bus, GST_MESSAGE_ERROR) == 0);
  }
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
}

static gchar *
beside (const gchar *name)
{
  gchar *dir = g_path_get_dirname (detector ());
  gchar *path = g_build_filename (dir, name, NULL);

  g_free (dir);
  return path;
}

TEST (bad_models_twenty_times)
{
  gchar *path = beside ("bad.onnx"), *dir = beside (""), *bytes;
  gsize size;

  check_bad ("/nowhere/at/all.onnx", 20, "/nowhere/at/all.onnx");
  check_bad ("no-such-network", 20, "no-such-network");
  check_bad (dir, 2, "reid-");

  REQUIRE (g_file_get_contents (detector (), &bytes, &size, NULL));
  for (gsize keep = 0; keep < size; keep += size / 4 + 1) {
    g_file_set_contents (path, bytes, (gssize) keep, NULL);
    check_bad (path, keep ? 5 : 20, "bad.onnx");
  }
  g_free (bytes);
  g_file_set_contents (path, "This is no network.\n", -1, NULL);
  check_bad (path, 20, "bad.onnx");
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  check_bad (path, 20, "bad.onnx");
  g_unlink (path);
  g_free (path);
  g_free (dir);
}

TEST (a_model_must_be_an_ordinary_file)
{
  gchar *path = beside ("pipe.onnx");

  REQUIRE (mkfifo (path, 0600) == 0);
  check_bad (path, 2, "pipe.onnx is no ordinary file");
  g_unlink (path);
  check_bad ("/dev/zero", 2, "/dev/zero is no ordinary file");
  g_free (path);
}

TEST (a_name_of_the_other_role)
{
  gchar *path = beside ("any.onnx"), *info = beside ("any.modelinfo");
  gchar *dir = g_path_get_dirname (path);
  gchar *before = g_strdup (g_getenv ("REID_MODEL_PATH"));

  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  REQUIRE (g_file_set_contents (info, "[model]\nrole=embedder\nname=whose\n",
                                -1, NULL));
  g_setenv ("REID_MODEL_PATH", dir, TRUE);
  check_bad ("Whose", 1, "\"Whose\" is a face embedder");
  check_bad ("nobodys", 1, "no network of that name");
  if (before)
    g_setenv ("REID_MODEL_PATH", before, TRUE);
  else
    g_unsetenv ("REID_MODEL_PATH");
  g_unlink (info);
  g_unlink (path);
  g_free (before);
  g_free (dir);
  g_free (info);
  g_free (path);
}

TEST (a_good_model_after_a_bad_one)
{
  GstElement *e =
      g_object_ref_sink (gst_element_factory_make ("reiddetect", NULL));

  for (guint i = 0; i < 5; i++) {
    g_object_set (e, "model", "/nowhere/at/all.onnx", "device", "cpu", NULL);
    CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
           == GST_STATE_CHANGE_FAILURE);
    gst_element_set_state (e, GST_STATE_NULL);
    g_object_set (e, "model", detector (), NULL);
    CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
           == GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state (e, GST_STATE_NULL);
  }
  gst_object_unref (e);
}

TEST (an_unknown_device)
{
  GstElement *e =
      g_object_ref_sink (gst_element_factory_make ("reiddetect", NULL));
  GstBus *bus = gst_bus_new ();
  gchar *text;

  gst_element_set_bus (e, bus);
  g_object_set (e, "model", detector (), "device", "abacus", NULL);
  CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (e, GST_STATE_NULL);
  text = next_complaint (bus, GST_MESSAGE_ERROR, NULL, NULL);
  CHECK_HAS (text, "abacus");
  g_free (text);
  CHECK (count_messages (bus, GST_MESSAGE_ERROR) == 0);
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
}

/* Sets the model path for the time of a test. */
static gchar *
set_model_path (const gchar *path)
{
  gchar *old = g_strdup (g_getenv ("REID_MODEL_PATH"));

  g_setenv ("REID_MODEL_PATH", path, TRUE);
  return old;
}

static void
restore_model_path (gchar *old)
{
  if (old)
    g_setenv ("REID_MODEL_PATH", old, TRUE);
  else
    g_unsetenv ("REID_MODEL_PATH");
  g_free (old);
}

TEST (a_name_that_is_nowhere)
{
  gchar *empty = g_dir_make_tmp ("reid-XXXXXX", NULL);
  gchar *old = set_model_path (empty);

  check_bad ("no-such-network", 20, empty); /* says where it looked */
  restore_model_path (old);
  g_rmdir (empty);
  g_free (empty);
}

TEST (no_model_takes_the_one_that_ships)
{
  gchar *old = set_model_path ("");
  GstReidModel *m = gst_reid_model_find (GST_REID_MODEL_DETECTOR, NULL, NULL);
  Rig r;

  REQUIRE (m != NULL);
  CHECK_MSG (g_str_equal (m->name, "reid-detect-s"), "%s", m->path);
  gst_reid_model_free (m);
  rig_init (&r, CAPS_SMALL, "model", NULL, NULL);
  rig_push (&r, 1);
  CHECK (record_meta (&r.out, 0)->state == GST_REID_FRAME_DETECTED);
  rig_free (&r);
  restore_model_path (old);
}

TEST (a_model_by_its_name)
{
  gchar *dir = g_path_get_dirname (detector ());
  gchar *old = set_model_path (dir);
  static const gchar *const names[] = { "squares", "squares.onnx" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    Rig r;

    rig_init (&r, CAPS_SMALL, "model", names[i], NULL);
    rig_push (&r, 2);
    check_faces (&r, 0, 2, names[i]);
    rig_free (&r);
  }
  restore_model_path (old);
  g_free (dir);
}

/* ---- states */

TEST (down_to_null_from_every_state_and_up_again)
{
  static const GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED,
                                     GST_STATE_PLAYING };
  Rig r;

  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    rig_init (&r, CAPS_SMALL, NULL);
    rig_push (&r, 2);
    CHECK (gst_element_set_state (r.h->element, states[i])
           == GST_STATE_CHANGE_SUCCESS);
    CHECK (gst_element_set_state (r.h->element, GST_STATE_NULL)
           == GST_STATE_CHANGE_SUCCESS);
    rig_free (&r);
  }
}

TEST (threads_do_not_change_faces)
{
  GstReidFace faces[2][2];

  for (guint i = 0; i < 2; i++) {
    GstReidFrameMeta *m;
    Rig r;

    rig_init (&r, CAPS_SMALL, "threads", i + 1, NULL);
    rig_push (&r, 2);
    m = record_meta (&r.out, 0);
    REQUIRE (m && m->n_faces == 2);
    memcpy (faces[i], m->faces, sizeof faces[i]);
    rig_free (&r);
  }
  CHECK (memcmp (faces[0], faces[1], sizeof faces[0]) == 0);
}

TEST (the_info_event_names_the_model)
{
  Rig r;
  gboolean found = FALSE;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push (&r, 0);
  for (guint i = 0; i < r.out.all->len; i++) {
    GstEvent *event = record_at (&r.out, i)->event;
    const GstStructure *s = event ? gst_event_get_structure (event) : NULL;
    const gchar *sha;

    if (!s || !gst_structure_has_name (s, "reid-info-reiddetect"))
      continue;
    found = TRUE;
    sha = gst_structure_get_string (s, "model-sha256");
    CHECK (sha && strlen (sha) == 64);
    CHECK (!g_strcmp0 (gst_structure_get_string (s, "model-name"), "squares"));
    CHECK (!g_strcmp0 (gst_structure_get_string (s, "inference-size"), "320"));
  }
  CHECK (found);
  rig_free (&r);
}

TEST (an_earlier_answer_is_replaced)
{
  GstReidFace face = elements_face (0, 0, .1, .1);
  gpointer state = NULL;
  GstBuffer *b;
  guint metas = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  b = rig_frame (&r, two, 1);
  elements_add_meta (b, 99, GST_REID_FRAME_FAILED, &face, 1)->tracked = TRUE;
  gst_buffer_add_video_region_of_interest_meta (b, "face", 0, 0, 9, 9);
  gst_harness_push (r.h, b);
  check_faces (&r, 0, 1, "replaced");
  CHECK (record_meta (&r.out, 0)->frame == 0);
  CHECK (!record_meta (&r.out, 0)->tracked);
  while (gst_buffer_iterate_meta (record_buffer (&r.out, 0), &state))
    metas++;
  CHECK (metas == 2);
  rig_free (&r);
}

/* Faces of another detector stay where this one does not look. */
TEST (frames_without_detection_keep_the_faces_of_others)
{
  GstReidFace face = elements_face (.25, .25, .5, .5);
  GstVideoRegionOfInterestMeta *roi;
  GstReidFrameMeta *m;
  GstBuffer *b;
  Rig r;

  rig_init (&r, CAPS_SMALL, "inference-interval", 0u, NULL);
  b = rig_frame (&r, two, 1);
  roi =
      gst_buffer_add_video_region_of_interest_meta (b, "face", 32, 24, 64, 48);
  gst_video_region_of_interest_meta_add_param (
      roi,
      gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, .75, NULL));
  gst_harness_push (r.h, b);
  b = rig_frame (&r, two, 1);
  elements_add_meta (b, 99, GST_REID_FRAME_DETECTED, &face, 1);
  gst_harness_push (r.h, b);
  gst_harness_push (r.h, rig_frame (&r, two, 1));

  m = record_meta (&r.out, 0);
  REQUIRE (m && m->n_faces == 1);
  CHECK (m->state == GST_REID_FRAME_DETECTED && m->frame == 0);
  CHECK_NEAR (m->faces[0].left, .1, 1e-6);
  CHECK_NEAR (m->faces[0].height, .2, 1e-6);
  CHECK_NEAR (m->faces[0].score, .75, 1e-6);
  m = record_meta (&r.out, 1);
  REQUIRE (m && m->n_faces == 1);
  CHECK (m->state == GST_REID_FRAME_DETECTED && m->frame == 1);
  CHECK (m->faces[0].has_landmarks && m->faces[0].left == face.left);
  m = record_meta (&r.out, 2);
  REQUIRE (m && m->n_faces == 0);
  CHECK (m->state == GST_REID_FRAME_SKIPPED && m->frame == 2);
  rig_free (&r);
}

TEST (times_are_those_of_the_buffers)
{
  static const guint ms[] = { 0, 7, 90, 91, 1500, 1510 };
  Rig r;

  rig_init (&r, CAPS ("I420", 320, 240, "framerate=0/1"), NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (ms); i++) {
    GstBuffer *b = rig_frame (&r, two, 2);
    GST_BUFFER_PTS (b) = ms[i] * GST_MSECOND;
    GST_BUFFER_DURATION (b) = GST_CLOCK_TIME_NONE;
    CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (ms); i++) {
    GstReidFrameMeta *m = record_meta (&r.out, i);
    REQUIRE (m);
    CHECK (m->frame == i && m->n_faces == 2);
    CHECK (m->stream_time == ms[i] * GST_MSECOND);
    CHECK (m->duration == GST_CLOCK_TIME_NONE);
  }
  rig_free (&r);
}

TEST_MAIN ()
