/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elements.h"

#include <gst/app/gstappsrc.h>

#define CAPS(format, width, height, rest)                                      \
  "video/x-raw,format=" format ",width=" #width ",height=" #height "," rest
#define CAPS_SMALL CAPS ("I420", 160, 120, "framerate=25/1")
#define FRAME_TIME (GST_SECOND / 25)

typedef struct {
  GstHarness *h;
  GstVideoInfo info;
  Record out;
  guint64 n; /* number and time of the next frame */
  guint scene;
} Rig;

static void
rig_set_caps (Rig *r, const gchar *caps)
{
  elements_info (caps, &r->info);
  gst_harness_set_src_caps_str (r->h, caps);
}

/* The harness's own way sends another segment as well. */
static void
rig_change_caps (Rig *r, const gchar *caps)
{
  GstCaps *c = gst_caps_from_string (caps);

  elements_info (caps, &r->info);
  CHECK (gst_harness_push_event (r->h, gst_event_new_caps (c)));
  gst_caps_unref (c);
}

static void
rig_init (Rig *r, const gchar *caps, const gchar *first_property, ...)
{
  va_list args;

  memset (r, 0, sizeof *r);
  r->h = gst_harness_new ("reidtrack");
  gst_harness_set_drop_buffers (r->h, TRUE);
  va_start (args, first_property);
  if (first_property)
    g_object_set_valist (G_OBJECT (r->h->element), first_property, args);
  va_end (args);
  if (caps)
    rig_set_caps (r, caps);
  record_init (&r->out, GST_PAD_PEER (r->h->sinkpad));
}

static void
rig_free (Rig *r)
{
  record_free (&r->out);
  gst_harness_teardown (r->h);
}

/* A frame of the present scene; faces NULL and n > 0: without a meta. */
static GstBuffer *
rig_frame (Rig *r, const GstReidFace *faces, guint n)
{
  GstBuffer *buffer =
      elements_frame (&r->info, r->scene, r->n * FRAME_TIME, FRAME_TIME);

  if (faces || n == 0)
    elements_add_meta (buffer, r->n, GST_REID_FRAME_DETECTED, faces, n);
  r->n++;
  return buffer;
}

static GstFlowReturn
rig_push (Rig *r, const GstReidFace *faces, guint n)
{
  return gst_harness_push (r->h, rig_frame (r, faces, n));
}

/* count frames with one face that stands still */
static void
rig_push_still (Rig *r, guint count)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);

  for (guint i = 0; i < count; i++)
    CHECK (rig_push (r, &face, 1) == GST_FLOW_OK);
}

static void
rig_segment (Rig *r, GstClockTime start)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = start;
  CHECK (gst_harness_push_event (r->h, gst_event_new_segment (&segment)));
}

static void
rig_eos (Rig *r)
{
  gst_harness_push_event (r->h, gst_event_new_eos ());
}

TEST (frames_wait_for_two_others_and_leave_with_their_metas)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 2);
  CHECK_RECORD (&r.out, "");
  rig_push_still (&r, 2);
  CHECK_RECORD (&r.out, "iBB");
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBTsE");
  for (guint i = 0; i < 4; i++) {
    GstReidFrameMeta *m = record_meta (&r.out, i);
    GstVideoRegionOfInterestMeta *roi;

    REQUIRE (m);
    CHECK (m->tracked);
    CHECK (m->frame == i && m->shot == 0 && m->shot_start == 0);
    CHECK (m->n_faces == 1 && m->faces[0].track_id == 1);
    CHECK (m->faces[0].quality > 0 && m->faces[0].quality <= 1);
    roi = gst_buffer_get_video_region_of_interest_meta_id (
        record_buffer (&r.out, i), 1);
    REQUIRE (roi);
    CHECK (roi->roi_type == g_quark_from_string ("face"));
    CHECK (roi->x == 48 && roi->y == 36 && roi->w == 40 && roi->h == 48);
  }
  rig_free (&r);
}

TEST (a_tracklet_tells_of_its_track)
{
  Rig r;
  GstReidTracklet *t;

  rig_init (&r, CAPS_SMALL, "top-n", 4u, NULL);
  CHECK (rig_push (&r, NULL, 0) == GST_FLOW_OK);
  rig_push_still (&r, 30);
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 1);
  t = record_tracklet (&r.out, 0);
  REQUIRE (t);
  CHECK (t->track_id == 1 && t->serial == 1 && t->segment == 0 && t->shot == 0);
  CHECK (t->first_frame == 1 && t->last_frame == 30);
  CHECK (t->start_time == FRAME_TIME && t->end_time == 31 * FRAME_TIME);
  CHECK (t->n_detections == 30 && t->end == GST_REID_TRACK_END_EOS);
  CHECK (t->dims == 0 && !t->embeddings);
  CHECK (t->n_chips >= 2 && t->n_chips <= 4);
  for (guint i = 0; i < t->n_chips; i++) {
    const GstReidChip *c = t->chips[i];

    CHECK (c->width > 0 && c->width <= 256 && c->height > 0
           && c->height <= 256);
    CHECK (c->frame >= 1 && c->frame <= 30 && c->time == c->frame * FRAME_TIME);
    CHECK (c->quality > 0
           && (i == 0 || c->quality <= t->chips[i - 1]->quality));
    CHECK (c->face.track_id == 1 && c->face.has_landmarks);
    CHECK (c->box[0] >= 0 && c->box[0] + c->box[2] <= (gfloat) c->width + .01f);
    CHECK (c->landmarks[0] > c->box[0]);
  }
  rig_free (&r);
}

TEST (every_format_passes_unchanged_at_odd_sizes)
{
  static const gchar *const formats[] = {
    "I420",      "NV12",      "YV12",      "NV21", "Y42B", "Y444", "I420_10LE",
    "I422_10LE", "Y444_10LE", "P010_10LE", "RGB",  "BGR",  "RGBx", "BGRx",
    "xRGB",      "xBGR",      "RGBA",      "BGRA", "ARGB", "ABGR", "GRAY8"
  };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    gchar *caps = g_strdup_printf (
        "video/x-raw,format=%s,width=37,height=23,framerate=25/1", formats[i]);
    GstBuffer *buffers[4];
    GstMemory *memories[4];
    GstReidFace face = elements_face (.25, .2, .5, .6);
    Rig r;

    rig_init (&r, caps, NULL);
    for (guint k = 0; k < 4; k++) {
      buffers[k] = rig_frame (&r, &face, 1);
      memories[k] = gst_buffer_peek_memory (buffers[k], 0);
      CHECK (gst_harness_push (r.h, buffers[k]) == GST_FLOW_OK);
    }
    rig_eos (&r);
    CHECK (record_buffers (&r.out) == 4);
    CHECK_MSG (record_tracklets (&r.out) == 1, "%s", formats[i]);
    for (guint k = 0; k < 4 && k < record_buffers (&r.out); k++)
      CHECK_MSG (gst_buffer_peek_memory (record_buffer (&r.out, k), 0)
                     == memories[k],
                 "%s", formats[i]);
    rig_free (&r);
    g_free (caps);
  }
}

TEST (other_caps_are_refused)
{
  Rig r;
  GstCaps *caps, *all;

  rig_init (&r, CAPS_SMALL, NULL);
  caps = gst_caps_from_string (CAPS ("v210", 160, 120, "framerate=25/1"));
  CHECK (!gst_pad_peer_query_accept_caps (r.h->srcpad, caps));
  gst_caps_unref (caps);
  all = gst_pad_peer_query_caps (r.h->srcpad, NULL);
  caps = gst_caps_from_string ("video/x-raw(memory:DMABuf)");
  CHECK (!gst_caps_can_intersect (all, caps));
  gst_caps_unref (caps);
  caps = gst_caps_from_string (CAPS ("NV12", 4096, 2160, "framerate=60/1"));
  CHECK (gst_caps_can_intersect (all, caps));
  gst_caps_unref (caps);
  gst_caps_unref (all);
  rig_free (&r);
}

TEST (a_frame_before_caps_is_an_error)
{
  GstHarness *h = gst_harness_new ("reidtrack");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_stream_start ("x"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  CHECK (gst_harness_push (h, gst_buffer_new_allocate (NULL, 8, NULL))
         == GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown (h);
}

TEST (tracks_go_on_over_a_change_of_caps)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 5);
  rig_change_caps (&r, CAPS ("NV12", 321, 241, "framerate=25/1"));
  rig_push_still (&r, 5);
  rig_change_caps (&r, CAPS ("RGB", 160, 120, "framerate=25/1"));
  rig_push_still (&r, 5);
  rig_eos (&r);
  /* what was held left before the caps */
  CHECK_RECORD (&r.out, "iBBBBBCBBBBBCBBBBBTsE");
  CHECK (record_tracklet (&r.out, 0)->n_detections == 15);
  CHECK (record_meta (&r.out, 14)->shot == 0);
  rig_free (&r);
}

TEST (eos_drains)
{
  Rig r;
  GstReidFace face = elements_face (.1, .1, .3, .4);

  for (guint n = 0; n < 4; n++) {
    rig_init (&r, CAPS_SMALL, "min-length", 1u, NULL);
    for (guint i = 0; i < n; i++)
      rig_push (&r, &face, 1);
    rig_eos (&r);
    CHECK (record_buffers (&r.out) == n);
    CHECK (record_tracklets (&r.out) == (n > 0));
    if (n > 0)
      CHECK (record_tracklet (&r.out, 0)->n_detections == n);
    rig_free (&r);
  }
}

TEST (a_flush_drops_held_frames_and_tracks_end_at_the_next_segment)
{
  Rig r;
  GstReidTracklet *t;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 10);
  gst_harness_push_event (r.h, gst_event_new_flush_start ());
  CHECK (rig_push (&r, NULL, 0) == GST_FLOW_FLUSHING);
  gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
  rig_segment (&r, 0);
  r.n = 100;
  rig_push_still (&r, 10);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBBBBBfFTSBBBBBBBBBBTsE");
  t = record_tracklet (&r.out, 0);
  REQUIRE (t && record_tracklet (&r.out, 1));
  CHECK (t->end == GST_REID_TRACK_END_SEGMENT);
  /* the two held ones never left, so that they count for nobody */
  CHECK (t->n_detections == 8 && t->last_frame == 7);
  t = record_tracklet (&r.out, 1);
  CHECK (t->end == GST_REID_TRACK_END_EOS && t->n_detections == 10);
  CHECK (t->track_id == 2 && t->serial == 2 && t->shot == 1
         && t->first_frame == 100);
  CHECK (record_meta (&r.out, 8)->shot == 1);
  CHECK (record_meta (&r.out, 8)->shot_start == 0);
  rig_free (&r);
}

TEST (a_segment_ends_tracks_and_begins_a_shot)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 5);
  rig_segment (&r, 0);
  rig_segment (&r, 0); /* no frame between: not another one */
  rig_push_still (&r, 5);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBBTSSBBBBBTsE");
  CHECK (record_tracklet (&r.out, 0)->end == GST_REID_TRACK_END_SEGMENT);
  CHECK (record_meta (&r.out, 4)->shot == 0);
  CHECK (record_meta (&r.out, 5)->shot == 1);
  CHECK (record_meta (&r.out, 9)->shot == 1);
  rig_free (&r);
}

TEST (segments_are_counted_where_no_meta_tells)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push (&r, NULL, 1);
  rig_push (&r, NULL, 1);
  rig_segment (&r, 0);
  rig_push (&r, NULL, 1);
  rig_eos (&r);
  CHECK (record_meta (&r.out, 1)->segment == 0);
  CHECK (record_meta (&r.out, 1)->frame == 1);
  CHECK (record_meta (&r.out, 2)->segment == 1);
  CHECK (record_meta (&r.out, 2)->frame == 2);
  rig_free (&r);
}

TEST (only_a_long_gap_ends_tracks)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, "max-gap", 10u, NULL);
  rig_push_still (&r, 5);
  gst_harness_push_event (
      r.h, gst_event_new_gap (r.n * FRAME_TIME, 10 * FRAME_TIME));
  rig_push_still (&r, 5);
  gst_harness_push_event (
      r.h, gst_event_new_gap (r.n * FRAME_TIME, GST_CLOCK_TIME_NONE));
  rig_push_still (&r, 5);
  gst_harness_push_event (
      r.h, gst_event_new_gap (r.n * FRAME_TIME, 10 * FRAME_TIME + 1));
  rig_push_still (&r, 5);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBBGBBBBBGBBBBBTGBBBBBTsE");
  CHECK (record_tracklet (&r.out, 0)->end == GST_REID_TRACK_END_SEGMENT);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 15);
  rig_free (&r);
}

TEST (serialized_events_drain_and_tags_keep_their_place)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 3);
  gst_harness_push_event (r.h, gst_event_new_tag (gst_tag_list_new_empty ()));
  rig_push_still (&r, 1);
  CHECK_RECORD (&r.out, "iBB");
  rig_push_still (&r, 1);
  CHECK_RECORD (&r.out, "iBBBt");
  gst_harness_push_event (
      r.h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                                 gst_structure_new_empty ("mine")));
  CHECK_RECORD (&r.out, "iBBBtBB-");
  gst_harness_push_event (r.h, gst_event_new_tag (gst_tag_list_new_empty ()));
  CHECK_RECORD (&r.out, "iBBBtBB-t");
  rig_free (&r);
}

TEST (a_tag_between_held_frames_survives_a_flush)
{
  Rig r;
  GstEvent *event;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 1);
  gst_harness_push_event (
      r.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "x", NULL)));
  gst_harness_push_event (r.h, gst_event_new_flush_start ());
  gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
  event =
      gst_pad_get_sticky_event (GST_PAD_PEER (r.h->sinkpad), GST_EVENT_TAG, 0);
  CHECK (event != NULL);
  gst_clear_event (&event);
  rig_free (&r);
}

TEST (a_new_stream_begins_anew)
{
  Rig r;
  GstReidTracklet *t;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 5);
  gst_harness_push_event (r.h, gst_event_new_stream_start ("another"));
  rig_segment (&r, 0);
  r.n = 0;
  rig_push_still (&r, 5);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBBT-SiBBBBBTsE");
  t = record_tracklet (&r.out, 1);
  REQUIRE (t);
  CHECK (record_tracklet (&r.out, 0)->end == GST_REID_TRACK_END_SEGMENT);
  CHECK (t->track_id == 1 && t->serial == 1 && t->shot == 0);
  CHECK (record_meta (&r.out, 5)->shot == 0);
  rig_free (&r);
}

TEST (nobody_on_screen)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 20; i++)
    rig_push (&r, NULL, 0);
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 0);
  CHECK (record_buffers (&r.out) == 20);
  CHECK (record_meta (&r.out, 19)->tracked);
  CHECK (record_meta (&r.out, 19)->state == GST_REID_FRAME_DETECTED);
  rig_free (&r);
}

TEST (a_frame_of_one_pixel)
{
  static const gchar *const formats[] = { "I420", "P010_10LE", "RGB", "GRAY8" };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    gchar *caps = g_strdup_printf (
        "video/x-raw,format=%s,width=1,height=1,framerate=25/1", formats[i]);
    GstReidFace faces[2] = { elements_face (0, 0, 1, 1),
                             elements_face (-2, -1, .5, 9) };
    Rig r;

    rig_init (&r, caps, "min-length", 1u, NULL);
    for (guint k = 0; k < 20; k++) {
      r.scene = k / 4;
      CHECK (rig_push (&r, faces, 2) == GST_FLOW_OK);
    }
    rig_eos (&r);
    CHECK (record_buffers (&r.out) == 20);
    CHECK (record_tracklets (&r.out) >= 1);
    rig_free (&r);
    g_free (caps);
  }
}

TEST (a_frame_larger_than_8k)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstBuffer *first;
  Rig r;

  rig_init (&r, CAPS ("GRAY8", 8203, 4337, "framerate=25/1"), NULL);
  first = elements_frame (&r.info, 0, 0, FRAME_TIME);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *b = gst_buffer_copy (first);

    elements_add_meta (b, i, GST_REID_FRAME_DETECTED, &face, 1);
    CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
  }
  gst_buffer_unref (first);
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  REQUIRE (record_tracklet (&r.out, 0)->n_chips > 0);
  CHECK (record_tracklet (&r.out, 0)->chips[0]->width <= 256);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 4);
  rig_free (&r);
}

TEST (a_frame_larger_than_can_be_read_passes)
{
  Rig r;

  rig_init (&r, CAPS ("GRAY8", 70000, 2, "framerate=25/1"), NULL);
  rig_push_still (&r, 4);
  rig_eos (&r);
  CHECK (record_buffers (&r.out) == 4);
  rig_free (&r);
}

TEST (faces_that_cannot_be)
{
  GstReidFace faces[6];
  Rig r;

  for (guint i = 0; i < 6; i++)
    faces[i] = elements_face (.2, .2, .3, .3);
  faces[0].left = NAN;
  faces[1].width = INFINITY;
  faces[2].height = -1;
  faces[3].score = NAN;
  faces[4].landmarks[3] = NAN;
  faces[5].left = 1e30f;
  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 5; i++)
    CHECK (rig_push (&r, faces, 6) == GST_FLOW_OK);
  rig_eos (&r);
  CHECK (record_buffers (&r.out) == 5);
  CHECK (record_meta (&r.out, 4)->faces[0].track_id == 0);
  CHECK (record_meta (&r.out, 4)->faces[5].track_id == 0);
  rig_free (&r);
}

TEST (times_are_the_buffers_own)
{
  /* variable frame rate, without durations */
  static const guint ms[] = { 0, 10, 50, 60, 200, 210, 400, 1000 };
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstReidTracklet *t;
  Rig r;

  rig_init (&r, CAPS ("I420", 160, 120, "framerate=0/1"), "max-gap", 0u,
            "min-length", 1u, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (ms); i++) {
    GstBuffer *b =
        elements_frame (&r.info, 0, ms[i] * GST_MSECOND, GST_CLOCK_TIME_NONE);
    elements_add_meta (b, i, GST_REID_FRAME_DETECTED, &face, i < 4 || i > 5);
    gst_harness_push (r.h, b);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 2);
  t = record_tracklet (&r.out, 0);
  CHECK (t->end == GST_REID_TRACK_END_GAP);
  CHECK (t->start_time == 0 && t->end_time == 200 * GST_MSECOND);
  t = record_tracklet (&r.out, 1);
  /* the last frame's duration is unknown: at least it has one */
  CHECK (t->start_time == 400 * GST_MSECOND
         && t->end_time > 1000 * GST_MSECOND);
  rig_free (&r);
}

TEST (stream_time_and_not_timestamps_where_no_meta_tells)
{
  Rig r;
  GstSegment segment;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = 5 * FRAME_TIME;
  segment.time = 100 * GST_SECOND;
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  r.n = 5;
  rig_push (&r, NULL, 1);
  rig_push (&r, NULL, 1);
  rig_eos (&r);
  CHECK (record_meta (&r.out, 1)->stream_time == 100 * GST_SECOND + FRAME_TIME);
  rig_free (&r);
}

TEST (frames_without_any_time)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_harness_push_upstream_event (r.h, gst_event_new_reid_interim (1));
  for (guint i = 0; i < 5; i++) {
    GstBuffer *b =
        elements_frame (&r.info, 0, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
    elements_add_meta (b, i, GST_REID_FRAME_DETECTED, &face, 1);
    gst_harness_push (r.h, b);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  CHECK (record_tracklet (&r.out, 0)->start_time == GST_CLOCK_TIME_NONE);
  CHECK (record_tracklet (&r.out, 0)->end_time == GST_CLOCK_TIME_NONE);
  CHECK (record_tracklet (&r.out, 0)->chips[0]->time == GST_CLOCK_TIME_NONE);
  rig_free (&r);
}

TEST (a_segment_in_bytes)
{
  GstSegment segment;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  rig_push (&r, NULL, 1);
  rig_eos (&r);
  CHECK (record_meta (&r.out, 0)->stream_time == GST_CLOCK_TIME_NONE);
  rig_free (&r);
}

TEST (chips_are_of_square_pixels)
{
  const GstReidChip *c;
  Rig r;

  rig_init (&r,
            CAPS ("I420", 720, 576,
                  "framerate=25/1,pixel-aspect-ratio=(fraction)16/15"),
            NULL);
  rig_push_still (&r, 4);
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  c = record_tracklet (&r.out, 0)->chips[0];
  CHECK_NEAR (c->box[2] / c->box[3], .25 * 720 * 16 / 15 / (.4 * 576), .02);
  CHECK (record_meta (&r.out, 0)->display_width == 0); /* as it came */
  rig_free (&r);

  rig_init (&r,
            CAPS ("I420", 720, 576,
                  "framerate=25/1,pixel-aspect-ratio=(fraction)16/15"),
            NULL);
  rig_push (&r, NULL, 1);
  rig_eos (&r);
  CHECK (record_meta (&r.out, 0)->display_width == 768);
  CHECK (record_meta (&r.out, 0)->display_height == 576);
  rig_free (&r);
}

TEST (a_cut_ends_tracks_before_its_first_frame)
{
  GstReidTracklet *t;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 20);
  r.scene = 1;
  rig_push_still (&r, 20);
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBBBBBBBBBBBBBBBBBBBBTBBBBBBBBBBBBBBBBBBBBTsE");
  t = record_tracklet (&r.out, 0);
  REQUIRE (t && record_tracklet (&r.out, 1));
  CHECK (t->end == GST_REID_TRACK_END_CUT && t->last_frame == 19
         && t->shot == 0);
  t = record_tracklet (&r.out, 1);
  CHECK (t->first_frame == 20 && t->shot == 1 && t->track_id == 2);
  for (guint i = 0; i < 40; i++) {
    GstReidFrameMeta *m = record_meta (&r.out, i);

    CHECK (m->shot == i / 20 && m->shot_start == (i == 20));
    CHECK (m->faces[0].track_id == 1 + i / 20);
  }
  rig_free (&r);
}

TEST (a_cut_is_known_when_the_stream_ends_behind_it)
{
  for (guint after = 1; after < 4; after++) {
    Rig r;

    rig_init (&r, CAPS_SMALL, "min-length", 1u, NULL);
    rig_push_still (&r, 20);
    r.scene = 1;
    rig_push_still (&r, after);
    rig_eos (&r);
    CHECK (record_tracklets (&r.out) == 2);
    CHECK (record_meta (&r.out, 20)->shot_start == 1);
    rig_free (&r);
  }
}

TEST (a_tag_beside_a_cut_does_not_hide_it)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 40; i++) {
    r.scene = i >= 20;
    rig_push_still (&r, 1);
    gst_harness_push_event (r.h, gst_event_new_tag (gst_tag_list_new_empty ()));
  }
  /* a flash of one frame is no cut, which takes a look ahead to know */
  for (guint i = 0; i < 20; i++) {
    r.scene = i == 10 ? 2 : 1;
    rig_push_still (&r, 1);
    gst_harness_push_event (r.h, gst_event_new_tag (gst_tag_list_new_empty ()));
  }
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 2);
  CHECK (record_meta (&r.out, 20)->shot_start == 1);
  CHECK (record_meta (&r.out, 59)->shot == 1);
  rig_free (&r);
}

TEST (shot_properties_count)
{
  for (guint shortest = 5; shortest <= 25; shortest += 10) {
    guint expected = shortest == 5 ? 3 : shortest == 15 ? 1 : 1;
    Rig r;

    rig_init (&r, CAPS_SMALL, NULL);
    /* while it plays */
    g_object_set (r.h->element, "min-shot-length", shortest, NULL);
    for (guint i = 0; i < 50; i++) {
      r.scene = i < 30 ? 0 : i < 37 ? 1 : i < 44 ? 2 : 3;
      rig_push_still (&r, 1);
    }
    rig_eos (&r);
    CHECK_MSG (record_meta (&r.out, 49)->shot == expected, "%u at %u",
               record_meta (&r.out, 49)->shot, shortest);
    rig_free (&r);
  }
}

/* Every detection that was given a track is in exactly one tracklet. */
TEST (no_track_is_lost)
{
  guint64 random = 7;
  Rig r;
  GHashTable *seen = g_hash_table_new (NULL, NULL);
  guint given = 0, reported = 0, in_tracks = 0, frame = 0;
  guint64 serial = 0;

  rig_init (&r, CAPS_SMALL, "min-length", 1u, "max-gap", 3u, NULL);
  for (guint i = 0; i < 300; i++) {
    GstReidFace faces[8];
    guint n = 0;

    if (test_random (&random) % 40 == 0)
      r.scene++;
    for (guint k = 0; k < 8; k++)
      if (test_random (&random) % 4 != 0)
        faces[n++] = elements_face (.1 * k + .02 * test_uniform (&random),
                                    .5 * test_uniform (&random), .09, .12);
    given += n;
    if (test_random (&random) % 60 == 0)
      rig_segment (&r, r.n * FRAME_TIME);
    if (test_random (&random) % 60 == 0)
      rig_change_caps (&r, CAPS ("NV12", 99, 77, "framerate=25/1"));
    if (test_random (&random) % 60 == 0)
      rig_change_caps (&r, CAPS_SMALL);
    CHECK (rig_push (&r, faces, n) == GST_FLOW_OK);
  }
  rig_eos (&r);
  for (guint i = 0; i < r.out.all->len; i++) {
    GstBuffer *b = record_at (&r.out, i)->buffer;
    GstReidFrameMeta *m = b ? gst_buffer_get_reid_frame_meta (b) : NULL;

    if (b)
      CHECK (m && m->frame == frame++);
    for (guint k = 0; m && k < m->n_faces; k++)
      if (m->faces[k].track_id) {
        gpointer id = GUINT_TO_POINTER (m->faces[k].track_id);
        guint n = GPOINTER_TO_UINT (g_hash_table_lookup (seen, id));

        g_hash_table_insert (seen, id, GUINT_TO_POINTER (n + 1));
        in_tracks++;
      }
  }
  CHECK (frame == 300);
  for (guint i = 0; i < r.out.all->len; i++) {
    GstEvent *event = record_at (&r.out, i)->event;
    GstReidTracklet *t = event ? gst_event_get_reid_tracklet (event) : NULL;

    if (!t)
      continue;
    CHECK (t->serial == ++serial);
    CHECK (GPOINTER_TO_UINT (
               g_hash_table_lookup (seen, GUINT_TO_POINTER (t->track_id)))
           == t->n_detections);
    CHECK (g_hash_table_remove (seen, GUINT_TO_POINTER (t->track_id)));
    reported += t->n_detections;
  }
  CHECK (g_hash_table_size (seen) == 0);
  CHECK_MSG (given == in_tracks && given == reported,
             "%u given, %u in tracks, %u reported", given, in_tracks, reported);
  g_hash_table_unref (seen);
  rig_free (&r);
}

TEST (short_tracks_are_dropped_and_their_faces_keep_their_number)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  Rig r;

  for (guint length = 1; length < 4; length++) {
    rig_init (&r, CAPS_SMALL, "min-length", 3u, "max-gap", 2u, NULL);
    for (guint i = 0; i < 10; i++)
      rig_push (&r, &face, i < length);
    rig_eos (&r);
    CHECK (record_tracklets (&r.out) == (length >= 3));
    CHECK (record_meta (&r.out, 0)->faces[0].track_id == 1);
    rig_free (&r);
  }
}

/* One good picture does not make a face of a track of doubtful ones. */
TEST (tracks_of_a_low_mean_score_are_dropped)
{
  static const struct {
    gfloat first, rest;
    gboolean kept;
  } cases[] = { { .9f, .62f, FALSE },
                { .9f, .69f, TRUE },
                { .65f, .75f, TRUE },
                { .65f, .65f, FALSE } };
  Rig r;

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    GstReidFace face = elements_face (.3, .3, .25, .4);

    rig_init (&r, CAPS_SMALL, "min-score", .7f, NULL);
    for (guint i = 0; i < 10; i++) {
      face.score = i == 0 ? cases[c].first : cases[c].rest;
      rig_push (&r, &face, 1);
    }
    rig_eos (&r);
    CHECK_MSG (record_tracklets (&r.out) == (cases[c].kept ? 1u : 0u),
               "case %u: %u tracklets", c, record_tracklets (&r.out));
    CHECK (record_meta (&r.out, 0)->faces[0].track_id == 1);
    rig_free (&r);
  }
}

TEST (tracks_of_weak_detections_are_dropped)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  static const gfloat means[] = { .5f, .61f, .79f, .81f };
  Rig r;

  for (guint i = 0; i < G_N_ELEMENTS (means); i++) {
    rig_init (&r, CAPS_SMALL, "min-score", .8f, "high-score", .3f, NULL);
    for (guint k = 0; k < 20; k++) {
      face.score = means[i] + (k % 2 ? .15f : -.15f);
      rig_push (&r, &face, 1);
    }
    rig_eos (&r);
    CHECK_MSG (record_tracklets (&r.out) == (means[i] > .8f), "mean %g",
               (gdouble) means[i]);
    CHECK (record_meta (&r.out, 19)->faces[0].track_id == 1);
    rig_free (&r);
  }
}

TEST (weak_detections_go_on_with_a_track_and_do_not_count_against_it)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  Rig r;

  rig_init (&r, CAPS_SMALL, "min-score", .7f, NULL);
  for (guint i = 0; i < 20; i++) {
    face.score = i % 4 == 0 ? .72f : .35f;
    rig_push (&r, &face, 1);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 20);
  CHECK (record_meta (&r.out, 19)->faces[0].track_id == 1);
  rig_free (&r);

  /* alone they begin none */
  rig_init (&r, CAPS_SMALL, "min-score", 0.f, NULL);
  face.score = .35f;
  for (guint i = 0; i < 20; i++)
    rig_push (&r, &face, 1);
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 0);
  CHECK (record_meta (&r.out, 19)->faces[0].track_id == 0);
  rig_free (&r);
}

TEST (a_track_ends_when_the_gap_is_too_long)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstReidTracklet *t;
  Rig r;

  rig_init (&r, CAPS_SMALL, "max-gap", 5u, NULL);
  rig_push_still (&r, 5);
  for (guint i = 0; i < 5; i++)
    rig_push (&r, NULL, 0);
  rig_push_still (&r, 1);
  for (guint i = 0; i < 10; i++)
    rig_push (&r, &face, 0);
  rig_eos (&r);
  t = record_tracklet (&r.out, 0);
  REQUIRE (t);
  CHECK (t->end == GST_REID_TRACK_END_GAP && t->n_detections == 6);
  CHECK (t->last_frame == 10 && t->end_time == 11 * FRAME_TIME);
  /* before the sixth frame without it */
  CHECK_RECORD (&r.out, "iBBBBBBBBBBBBBBBBTBBBBBsE");
  rig_free (&r);
}

TEST (frames_that_were_not_looked_at_are_no_gap)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  Rig r;

  rig_init (&r, CAPS_SMALL, "max-gap", 2u, NULL);
  for (guint i = 0; i < 40; i++) {
    gboolean ran = i % 10 == 0;
    GstBuffer *b = elements_frame (&r.info, 0, i * FRAME_TIME, FRAME_TIME);

    elements_add_meta (b, i,
                       ran          ? GST_REID_FRAME_DETECTED
                       : i % 2 == 0 ? GST_REID_FRAME_SKIPPED
                                    : GST_REID_FRAME_FAILED,
                       &face, ran);
    gst_harness_push (r.h, b);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 4);
  CHECK (record_meta (&r.out, 3)->state == GST_REID_FRAME_FAILED);
  CHECK (record_meta (&r.out, 3)->tracked);
  rig_free (&r);
}

TEST (a_repeated_answer_counts_as_one)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *b = elements_frame (&r.info, 0, i * FRAME_TIME, FRAME_TIME);
    elements_add_meta (b, i, GST_REID_FRAME_REUSED, &face, 1);
    gst_harness_push (r.h, b);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 5);
  rig_free (&r);
}

TEST (regions_of_another_detector_are_taken)
{
  GstReidTracklet *t;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 6; i++) {
    GstBuffer *b = rig_frame (&r, NULL, 1);
    GstVideoRegionOfInterestMeta *roi;

    roi = gst_buffer_add_video_region_of_interest_meta (b, "face", 40 + i, 30,
                                                        40, 48);
    gst_video_region_of_interest_meta_add_param (
        roi, gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, .75,
                                NULL));
    gst_buffer_add_video_region_of_interest_meta (b, "car", 0, 0, 20, 20);
    gst_buffer_add_video_region_of_interest_meta (b, "face", 10, 10, 0, 9);
    gst_harness_push (r.h, b);
  }
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 1);
  t = record_tracklet (&r.out, 0);
  CHECK (t->n_detections == 6 && t->first_frame == 0 && t->last_frame == 5);
  CHECK (t->start_time == 0 && t->end_time == 6 * FRAME_TIME);
  for (guint i = 0; i < 6; i++) {
    GstReidFrameMeta *m = record_meta (&r.out, i);
    gpointer state = NULL;
    GstMeta *meta;
    guint cars = 0, faces = 0;

    REQUIRE (m && m->n_faces == 1);
    CHECK (m->state == GST_REID_FRAME_DETECTED && m->frame == i);
    CHECK (m->stream_time == i * FRAME_TIME && m->duration == FRAME_TIME);
    CHECK (m->display_width == 160 && m->display_height == 120);
    CHECK_NEAR (m->faces[0].left, (40. + i) / 160, 1e-6);
    CHECK_NEAR (m->faces[0].score, .75, 1e-6);
    CHECK (!m->faces[0].has_landmarks && m->faces[0].track_id == 1);
    while ((meta = gst_buffer_iterate_meta_filtered (
                record_buffer (&r.out, i), &state,
                GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
      GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
      if (roi->roi_type == g_quark_from_string ("car"))
        cars++;
      else if (roi->id == 1 && roi->x == 40 + i)
        faces++;
    }
    CHECK (cars == 1 && faces == 1);
  }
  rig_free (&r);
}

TEST (what_upstream_still_holds_is_not_changed)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstBuffer *mine;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  mine = gst_buffer_ref (rig_frame (&r, &face, 1));
  gst_harness_push (r.h, mine);
  rig_eos (&r);
  CHECK (record_buffer (&r.out, 0) != mine);
  CHECK (gst_buffer_peek_memory (record_buffer (&r.out, 0), 0)
         == gst_buffer_peek_memory (mine, 0));
  CHECK (!gst_buffer_get_reid_frame_meta (mine)->tracked);
  CHECK (record_meta (&r.out, 0)->tracked);
  gst_buffer_unref (mine);
  rig_free (&r);
}

TEST (a_frame_that_is_too_small_passes_with_a_warning)
{
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  guint warnings = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_element_set_bus (r.h->element, bus);
  for (guint i = 0; i < 20; i++) {
    GstBuffer *b = rig_frame (&r, &face, 1);
    if (i % 3 == 1 || i > 14)
      gst_buffer_set_size (b, 100);
    CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
    CHECK (record_buffers (&r.out) == (i < 2 ? 0 : i - 1));
  }
  rig_eos (&r);
  CHECK (record_buffers (&r.out) == 20);
  for (guint i = 0; i < 20; i++) {
    guint whole = i % 3 != 1 && i <= 14;
    CHECK (record_meta (&r.out, i)->faces[0].track_id == whole);
    CHECK (record_meta (&r.out, i)->frame == i);
  }
  REQUIRE (record_tracklets (&r.out) == 1);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 10);
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING))) {
    warnings++;
    gst_message_unref (message);
  }
  CHECK (warnings == 1);
  gst_element_set_bus (r.h->element, NULL);
  gst_object_unref (bus);
  rig_free (&r);
}

TEST (latency)
{
  GstClockTime min, max;
  gboolean live;
  GstQuery *query = gst_query_new_latency ();
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_harness_set_upstream_latency (r.h, 7 * GST_MSECOND);
  CHECK (gst_harness_query_latency (r.h) == 7 * GST_MSECOND + 2 * FRAME_TIME);
  rig_change_caps (&r, CAPS ("I420", 160, 120, "framerate=50/1"));
  CHECK (gst_harness_query_latency (r.h) == 47 * GST_MSECOND);
  REQUIRE (gst_pad_peer_query (r.h->sinkpad, query));
  gst_query_parse_latency (query, &live, &min, &max);
  CHECK (min == 47 * GST_MSECOND);
  CHECK (!GST_CLOCK_TIME_IS_VALID (max) || max >= min);
  gst_query_unref (query);
  rig_free (&r);
}

TEST (latency_of_a_variable_rate_is_measured)
{
  GstBus *bus = gst_bus_new ();
  guint messages = 0;
  GstMessage *message;
  Rig r;

  rig_init (&r, CAPS ("I420", 160, 120, "framerate=0/1"), NULL);
  gst_element_set_bus (r.h->element, bus);
  CHECK (gst_harness_query_latency (r.h) == 80 * GST_MSECOND);
  for (guint i = 0; i < 60; i++) {
    GstBuffer *b =
        elements_frame (&r.info, 0, i * 200 * GST_MSECOND, GST_CLOCK_TIME_NONE);
    gst_harness_push (r.h, b);
  }
  CHECK (gst_harness_query_latency (r.h) > 300 * GST_MSECOND);
  CHECK (gst_harness_query_latency (r.h) <= 400 * GST_MSECOND);
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY))) {
    messages++;
    gst_message_unref (message);
  }
  CHECK (messages > 0 && messages < 20);
  gst_element_set_bus (r.h->element, NULL);
  gst_object_unref (bus);
  rig_free (&r);
}

static GstPadProbeReturn
answer_allocation (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_add_allocation_pool (query, NULL, 1000, 3, 0);
  gst_query_add_allocation_pool (query, NULL, 1000, 3, 4);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return GST_PAD_PROBE_HANDLED;
}

TEST (allocation)
{
  GstCaps *caps = gst_caps_from_string (CAPS_SMALL);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  guint size, min, max;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  REQUIRE (gst_pad_peer_query (r.h->srcpad, query));
  REQUIRE (gst_query_get_n_allocation_pools (query) == 1);
  gst_query_parse_nth_allocation_pool (query, 0, NULL, &size, &min, &max);
  CHECK (size == r.info.size && min == 2 && max == 0);
  gst_query_unref (query);

  gst_pad_add_probe (GST_PAD_PEER (r.h->sinkpad),
                     GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM
                         | GST_PAD_PROBE_TYPE_PUSH,
                     answer_allocation, NULL, NULL);
  query = gst_query_new_allocation (caps, TRUE);
  REQUIRE (gst_pad_peer_query (r.h->srcpad, query));
  REQUIRE (gst_query_get_n_allocation_pools (query) == 2);
  gst_query_parse_nth_allocation_pool (query, 0, NULL, &size, &min, &max);
  CHECK (size == 1000 && min == 5 && max == 0);
  gst_query_parse_nth_allocation_pool (query, 1, NULL, &size, &min, &max);
  CHECK (min == 5 && max == 6);
  CHECK (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  CHECK (!gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE,
                                          NULL));
  gst_query_unref (query);
  gst_caps_unref (caps);
  rig_free (&r);
}

TEST (a_drain_query_gives_the_frames_back)
{
  GstQuery *query = gst_query_new_drain ();
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 2);
  gst_pad_peer_query (r.h->srcpad, query);
  CHECK (record_buffers (&r.out) == 2);
  gst_query_unref (query);
  rig_free (&r);
}

TEST (interim_reports)
{
  static const guint lives[] = { 5, 8, 12, 18, 27 };
  GstReidTracklet *last = NULL;
  guint n;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  rig_push_still (&r, 3);
  CHECK (gst_harness_push_upstream_event (
      r.h, gst_event_new_reid_interim (5 * FRAME_TIME)));
  rig_push_still (&r, 27);
  r.scene = 1;
  rig_push_still (&r, 4);
  rig_eos (&r);
  n = record_tracklets (&r.out);
  REQUIRE (n == G_N_ELEMENTS (lives) + 2);
  for (guint i = 0; i < G_N_ELEMENTS (lives); i++) {
    GstReidTracklet *t = record_tracklet (&r.out, i);

    CHECK_MSG (t->n_detections == lives[i], "%u at %u", t->n_detections, i);
    CHECK (t->end == GST_REID_TRACK_END_NONE && t->serial == 0
           && t->track_id == 1);
    CHECK (t->end_time - t->start_time == lives[i] * FRAME_TIME);
    CHECK (t->n_chips > 0);
    if (last)
      CHECK (t->chips[0] != last->chips[0]
             && t->chips[0]->rgb != last->chips[0]->rgb);
    last = t;
  }
  CHECK (record_tracklet (&r.out, n - 2)->end == GST_REID_TRACK_END_CUT);
  CHECK (record_tracklet (&r.out, n - 2)->serial == 1);
  CHECK (record_tracklet (&r.out, n - 2)->n_detections == 30);
  CHECK (record_tracklet (&r.out, n - 1)->end == GST_REID_TRACK_END_EOS);
  rig_free (&r);
}

/* So that whoever names the track knows who shares its last frame. */
TEST (an_interim_report_comes_after_its_last_frame)
{
  guint64 frames = 0;
  guint seen = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_harness_push_upstream_event (r.h,
                                   gst_event_new_reid_interim (5 * FRAME_TIME));
  rig_push_still (&r, 30);
  for (guint i = 0; i < r.out.all->len; i++) {
    Output *o = record_at (&r.out, i);
    GstReidTracklet *t =
        o->event ? gst_event_get_reid_tracklet (o->event) : NULL;

    frames += o->buffer != NULL;
    if (!t)
      continue;
    seen++;
    CHECK (t->end == GST_REID_TRACK_END_NONE);
    CHECK_MSG (t->last_frame + 1 == frames, "frame %u after %u frames",
               (guint) t->last_frame, (guint) frames);
  }
  CHECK (seen >= 4);
  rig_free (&r);
}

TEST (no_interim_report_of_a_short_track)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, "min-length", 4u, NULL);
  gst_harness_push_upstream_event (r.h, gst_event_new_reid_interim (1));
  rig_push_still (&r, 3);
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 0);
  rig_free (&r);
}

static gpointer
push_until_it_fails (gpointer data)
{
  Rig *r = data;
  GstFlowReturn flow = GST_FLOW_OK;

  while (flow == GST_FLOW_OK && r->n < 10000)
    flow = rig_push (r, NULL, 0);
  return GINT_TO_POINTER (flow);
}

/* Until the thread that pushes stands at the frame on which the track ends:
 * five frames with it, four without, two that are held. A machine may be slow,
 * or a checker of memory be at work. */
static void
let_it_wait (Rig *r)
{
  volatile guint64 *n = &r->n;

  for (guint i = 0; i < 2000 && *n < 5 + 4 + 2; i++)
    g_usleep (10000);
  g_usleep (300000);
}

TEST (a_flush_ends_the_wait_for_memory_and_loses_no_tracklet)
{
  GstReidChip *much = elements_fill_budget ();
  GThread *thread;
  Rig r;

  rig_init (&r, CAPS_SMALL, "max-gap", 3u, NULL);
  rig_push_still (&r, 5);
  thread = g_thread_new ("push", push_until_it_fails, &r);
  let_it_wait (&r);
  CHECK (record_tracklets (&r.out) == 0);
  gst_harness_push_event (r.h, gst_event_new_flush_start ());
  CHECK (GPOINTER_TO_INT (g_thread_join (thread)) == GST_FLOW_FLUSHING);
  CHECK (record_tracklets (&r.out) == 0);
  gst_reid_chip_unref (much);
  gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
  rig_segment (&r, 0);
  CHECK (record_tracklets (&r.out) == 1);
  if (record_tracklet (&r.out, 0))
    CHECK (record_tracklet (&r.out, 0)->end == GST_REID_TRACK_END_GAP);
  rig_free (&r);
}

static gpointer
start_flush (gpointer data)
{
  gst_harness_push_event (data, gst_event_new_flush_start ());
  return NULL;
}

/* On the pad's way out, after reidtrack has looked whether it may go on. */
static GstPadProbeReturn
flush_under_a_tracklet (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  if (!gst_event_get_reid_tracklet (GST_PAD_PROBE_INFO_EVENT (info)))
    return GST_PAD_PROBE_OK;
  g_thread_join (g_thread_new ("flush", start_flush, data));
  return GST_PAD_PROBE_REMOVE;
}

static GstPadProbeReturn
count_tracklets (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  *(guint *) data +=
      gst_event_get_reid_tracklet (GST_PAD_PROBE_INFO_EVENT (info)) != NULL;
  return GST_PAD_PROBE_OK;
}

TEST (a_tracklet_that_meets_a_flush_comes_after_it)
{
  guint arrived = 0;
  Rig r;

  rig_init (&r, CAPS_SMALL, "max-gap", 3u, NULL);
  gst_pad_add_probe (r.h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     count_tracklets, &arrived, NULL);
  rig_push_still (&r, 5);
  gst_pad_add_probe (GST_PAD_PEER (r.h->sinkpad),
                     GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     flush_under_a_tracklet, r.h, NULL);
  for (guint i = 0; i < 12; i++)
    rig_push (&r, NULL, 0);
  CHECK (arrived == 0);
  gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
  rig_segment (&r, 0);
  rig_eos (&r);
  CHECK (arrived == 1);
  rig_free (&r);
}

static GstFlowReturn
refuse (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_NOT_LINKED;
}

TEST (a_refusal_of_the_last_frames_is_told_on_the_bus)
{
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_element_set_bus (r.h->element, bus);
  gst_pad_set_chain_function (r.h->sinkpad, refuse);
  /* so few that none has left when the last has come */
  rig_push_still (&r, 2);
  rig_eos (&r);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  CHECK (message);
  gst_clear_message (&message);
  gst_element_set_bus (r.h->element, NULL);
  gst_object_unref (bus);
  rig_free (&r);
}

TEST (a_stream_start_that_is_sent_again_begins_nothing)
{
  GstEvent *event = gst_event_new_stream_start ("one");
  Rig r;

  rig_init (&r, CAPS_SMALL, NULL);
  gst_harness_push_event (r.h, gst_event_ref (event));
  rig_segment (&r, 0);
  rig_push_still (&r, 6);
  gst_harness_push_event (r.h, gst_event_ref (event));
  rig_push_still (&r, 6);
  r.n = 0;
  gst_harness_push_event (r.h, gst_event_new_stream_start ("one"));
  rig_segment (&r, 0);
  rig_push_still (&r, 6);
  rig_eos (&r);
  REQUIRE (record_tracklets (&r.out) == 2);
  CHECK (record_tracklet (&r.out, 0)->n_detections == 12);
  CHECK (record_tracklet (&r.out, 1)->n_detections == 6);
  CHECK (record_tracklet (&r.out, 1)->track_id == 1);
  gst_event_unref (event);
  rig_free (&r);
}

TEST (stopping_ends_the_wait_for_memory)
{
  static const GstState to[] = { GST_STATE_READY, GST_STATE_NULL };

  for (guint i = 0; i < G_N_ELEMENTS (to); i++) {
    GstReidChip *much = elements_fill_budget ();
    GThread *thread;
    Rig r;

    rig_init (&r, CAPS_SMALL, "max-gap", 3u, NULL);
    rig_push_still (&r, 5);
    thread = g_thread_new ("push", push_until_it_fails, &r);
    let_it_wait (&r);
    CHECK (gst_element_set_state (r.h->element, to[i])
           == GST_STATE_CHANGE_SUCCESS);
    CHECK (GPOINTER_TO_INT (g_thread_join (thread)) == GST_FLOW_FLUSHING);
    CHECK (record_tracklets (&r.out) == 0);
    gst_reid_chip_unref (much);
    rig_free (&r);
  }
}

TEST (memory_that_nobody_releases_does_not_stop_the_stream)
{
  GstReidChip *much = elements_fill_budget ();
  GstReidFace faces[5];
  Rig r;

  for (guint i = 0; i < 5; i++)
    faces[i] = elements_face (.2 * i, .1, .15, .3);
  rig_init (&r, CAPS_SMALL, NULL);
  for (guint i = 0; i < 5; i++)
    rig_push (&r, faces, 5);
  rig_eos (&r);
  CHECK (record_tracklets (&r.out) == 5);
  gst_reid_chip_unref (much);
  rig_free (&r);
}

TEST (down_to_null_from_every_state)
{
  static const GstState states[] = { GST_STATE_NULL, GST_STATE_READY,
                                     GST_STATE_PAUSED, GST_STATE_PLAYING };

  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    for (guint frames = 0; frames < 5; frames += 2) {
      Rig r;

      rig_init (&r, CAPS_SMALL, NULL);
      rig_push_still (&r, frames);
      CHECK (gst_element_set_state (r.h->element, states[i])
             == GST_STATE_CHANGE_SUCCESS);
      CHECK (gst_element_set_state (r.h->element, GST_STATE_NULL)
             == GST_STATE_CHANGE_SUCCESS);
      rig_free (&r);
    }
}

TEST (a_second_run_is_like_the_first)
{
  GstElement *e = gst_element_factory_make ("reidtrack", NULL);

  REQUIRE (e);
  gst_object_ref_sink (e);
  for (guint i = 0; i < 3; i++) {
    GstHarness *h = gst_harness_new_with_element (e, "sink", "src");
    GstReidFace face = elements_face (.3, .3, .25, .4);
    GstVideoInfo info;
    Record out;

    gst_harness_set_drop_buffers (h, TRUE);
    record_init (&out, GST_PAD_PEER (h->sinkpad));
    elements_info (CAPS_SMALL, &info);
    gst_harness_set_src_caps_str (h, CAPS_SMALL);
    for (guint k = 0; k < 6; k++) {
      GstBuffer *b = elements_frame (&info, 0, k * FRAME_TIME, FRAME_TIME);
      elements_add_meta (b, k, GST_REID_FRAME_DETECTED, &face, 1);
      gst_harness_push (h, b);
    }
    gst_harness_push_event (h, gst_event_new_eos ());
    CHECK (record_tracklets (&out) == 1);
    CHECK (record_tracklet (&out, 0)->track_id == 1);
    CHECK (record_tracklet (&out, 0)->n_detections == 6);
    record_free (&out);
    gst_harness_teardown (h);
    gst_element_set_state (e, GST_STATE_NULL);
  }
  gst_object_unref (e);
}

static void
append_result (GString *s, Record *r)
{
  for (guint i = 0; i < r->all->len; i++) {
    Output *o = record_at (r, i);
    GstReidTracklet *t =
        o->event ? gst_event_get_reid_tracklet (o->event) : NULL;

    if (o->buffer) {
      GstReidFrameMeta *m = gst_buffer_get_reid_frame_meta (o->buffer);
      g_string_append_printf (s, "frame %" G_GUINT64_FORMAT " %u %u", m->frame,
                              m->shot, m->shot_start);
      for (guint k = 0; k < m->n_faces; k++)
        g_string_append_printf (s, " %u:%a", m->faces[k].track_id,
                                m->faces[k].quality);
      g_string_append_c (s, '\n');
    }
    for (guint k = 0; t && k < t->n_chips; k++) {
      const GstReidChip *c = t->chips[k];
      gchar *sum = g_compute_checksum_for_data (
          G_CHECKSUM_MD5, c->rgb, (gsize) c->width * c->height * 3);
      g_string_append_printf (s, "track %u %d chip %" G_GUINT64_FORMAT " %s\n",
                              t->track_id, t->end, c->frame, sum);
      g_free (sum);
    }
  }
}

TEST (the_same_input_gives_the_same_output)
{
  GString *result[2];

  for (guint run = 0; run < 2; run++) {
    guint64 random = 11;
    Rig r;

    result[run] = g_string_new (NULL);
    rig_init (&r, CAPS_SMALL, NULL);
    for (guint i = 0; i < 100; i++) {
      GstReidFace faces[4];

      r.scene = i / 30;
      for (guint k = 0; k < 4; k++)
        faces[k] = elements_face (.24 * k + .1 * test_uniform (&random),
                                  .5 * test_uniform (&random), .2, .3);
      rig_push (&r, faces, 4);
    }
    rig_eos (&r);
    append_result (result[run], &r.out);
    rig_free (&r);
  }
  CHECK (strstr (result[0]->str, "chip"));
  CHECK (g_string_equal (result[0], result[1]));
  g_string_free (result[0], TRUE);
  g_string_free (result[1], TRUE);
}

TEST (both_branches_of_a_tee_get_the_same_tracklet)
{
  GstElement *pipeline =
      gst_parse_launch ("appsrc name=src format=time caps=\"" CAPS_SMALL
                        "\" ! reidtrack ! tee name=t "
                        "t. ! queue ! fakesink name=a async=false sync=false "
                        "t. ! queue ! fakesink name=b async=false sync=false",
                        NULL);
  GstReidFace face = elements_face (.3, .3, .25, .4);
  GstElement *src, *sink[2];
  GstMessage *message;
  GstVideoInfo info;
  Record out[2];
  GstBus *bus;

  REQUIRE (pipeline);
  elements_info (CAPS_SMALL, &info);
  src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  for (guint i = 0; i < 2; i++) {
    GstPad *pad;

    sink[i] = gst_bin_get_by_name (GST_BIN (pipeline), i ? "b" : "a");
    pad = gst_element_get_static_pad (sink[i], "sink");
    record_init (&out[i], pad);
    gst_object_unref (pad);
  }
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 6; i++) {
    GstBuffer *b = elements_frame (&info, 0, i * FRAME_TIME, FRAME_TIME);
    elements_add_meta (b, i, GST_REID_FRAME_DETECTED, &face, 1);
    gst_app_src_push_buffer (GST_APP_SRC (src), b);
  }
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  bus = gst_element_get_bus (pipeline);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  CHECK (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_clear_message (&message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  CHECK (record_tracklets (&out[0]) == 1 && record_tracklets (&out[1]) == 1);
  CHECK (record_tracklet (&out[0], 0) == record_tracklet (&out[1], 0));
  CHECK (record_buffers (&out[0]) == 6 && record_buffers (&out[1]) == 6);
  for (guint i = 0; i < 2; i++) {
    record_free (&out[i]);
    gst_object_unref (sink[i]);
  }
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (pipeline);
}

TEST (the_info_event_tells_every_property)
{
  Rig r;
  gboolean found = FALSE;

  rig_init (&r, CAPS_SMALL, "top-n", 7u, NULL);
  rig_push_still (&r, 3);
  for (guint i = 0; i < r.out.all->len; i++) {
    GstEvent *event = record_at (&r.out, i)->event;
    const GstStructure *s = event ? gst_event_get_structure (event) : NULL;

    if (!s || !gst_structure_has_name (s, "reid-info-reidtrack"))
      continue;
    found = TRUE;
    CHECK (GST_EVENT_IS_STICKY (event));
    CHECK (!g_strcmp0 (gst_structure_get_string (s, "top-n"), "7"));
    CHECK (gst_structure_n_fields (s) == 9);
  }
  CHECK (found);
  rig_free (&r);
}

TEST_MAIN ()
