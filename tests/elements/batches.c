/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reiddetect on several frames at a time: what leaves it must be, byte by byte
 * and in its order, what leaves it one by one. */
#include "scenes.h"

#include <gst/base/gstbasetransform.h>

static const guint sizes[] = { 1, 2, 5, 16 };

/* Frames, tags, a gap, other caps, another segment and EOS. */
static gchar *
run_everything (guint batch, guint interval)
{
  GstSegment segment;
  GstCaps *caps;
  GstBuffer *b;
  gchar *all;
  Rig r;

  rig_init (&r, CAPS_SMALL, "batch-size", batch, "inference-interval", interval,
            NULL);
  push_scenes (&r, 9);
  gst_harness_push_event (
      r.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "a", NULL)));
  push_scenes (&r, 4);
  b = scene (&r, 2);
  GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DISCONT);
  gst_harness_push (r.h, b);
  gst_harness_push_event (r.h,
                          gst_event_new_gap (r.n * FRAME_TIME, FRAME_TIME));
  push_scenes (&r, 4);
  caps = gst_caps_from_string (CAPS ("RGB", 400, 224, "framerate=30/1"));
  gst_video_info_from_caps (&r.info, caps);
  CHECK (gst_harness_push_event (r.h, gst_event_new_caps (caps)));
  gst_caps_unref (caps);
  push_scenes (&r, 7);
  g_object_set (r.h->element, "threshold", .99f, NULL);
  push_scenes (&r, 3);
  g_object_set (r.h->element, "threshold", .5f, NULL);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = 3 * FRAME_TIME;
  segment.time = 9 * GST_SECOND;
  gst_harness_push_event (r.h, gst_event_new_segment (&segment));
  push_scenes (&r, 11);
  rig_eos (&r);
  all = outputs (&r);
  rig_free (&r);
  return all;
}

TEST (every_batch_size_gives_the_same)
{
  for (guint interval = 1; interval <= 3; interval += 2) {
    gchar *right = run_everything (1, interval);

    CHECK (strstr (right, "state 0") && strstr (right, "discont"));
    for (guint i = 1; i < G_N_ELEMENTS (sizes); i++) {
      gchar *got = run_everything (sizes[i], interval);
      CHECK_MSG (g_str_equal (got, right),
                 "batch-size %u, interval %u:\n%s\n%s", sizes[i], interval, got,
                 right);
      g_free (got);
    }
    g_free (right);
  }
}

/* A flush takes what waits with it, and nothing else; tags outlive it. */
TEST (a_seek_in_the_middle)
{
  gchar *right = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstSegment segment;
    gchar *got, *at;
    GstEvent *tag;
    guint n;
    Rig r;

    rig_init (&r, CAPS_SMALL, "batch-size", sizes[i], NULL);
    push_scenes (&r, 17);
    gst_harness_push_event (
        r.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "a", NULL)));
    n = record_buffers (&r.out);
    CHECK (n == 17 - 17 % sizes[i]);
    gst_harness_push_event (r.h, gst_event_new_flush_start ());
    gst_harness_push_event (r.h, gst_event_new_flush_stop (TRUE));
    CHECK (record_buffers (&r.out) == n);
    tag = gst_pad_get_sticky_event (GST_PAD_PEER (r.h->sinkpad), GST_EVENT_TAG,
                                    0);
    CHECK (tag != NULL);
    gst_clear_event (&tag);
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (r.h, gst_event_new_segment (&segment));
    push_scenes (&r, 20);
    rig_eos (&r);
    got = outputs (&r);
    at = strchr (got, 'F');
    at = at ? strchr (at, 'B') : NULL; /* the tag may come once more */
    REQUIRE (at != NULL);
    if (!right)
      right = g_strdup (at);
    CHECK_MSG (g_str_equal (at, right), "batch-size %u: %s\n%s", sizes[i], at,
               right);
    CHECK (strstr (at, "B 17 "));
    g_free (got);
    rig_free (&r);
  }
  g_free (right);
}

TEST (tags_keep_their_place)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, "batch-size", 4u, NULL);
  for (guint i = 0; i < 6; i++) {
    push_scenes (&r, 1);
    gst_harness_push_event (
        r.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_BITRATE, i, NULL)));
    CHECK (record_buffers (&r.out) == (i < 3 ? 0 : 4));
  }
  rig_eos (&r);
  CHECK_RECORD (&r.out, "iBtBtBtBtBtBtsE");
  rig_free (&r);
}

/* ---- what others must know of the wait */

static guint
buffers_wanted (Rig *r)
{
  GstCaps *caps = gst_video_info_to_caps (&r->info);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  guint size = 0, min = 0;

  if (gst_pad_peer_query (r->h->srcpad, query)
      && gst_query_get_n_allocation_pools (query) > 0) {
    gst_query_parse_nth_allocation_pool (query, 0, NULL, &size, &min, NULL);
    CHECK (size == r->info.size);
  }
  gst_query_unref (query);
  gst_caps_unref (caps);
  return min;
}

TEST (latency_and_pools_count_the_frames_that_wait)
{
  static const struct {
    guint batch, interval, wait;
  } all[] = { { 1, 1, 0 }, { 1, 4, 0 },    { 0, 1, 0 }, { 8, 1, 7 },
              { 4, 3, 9 }, { 16, 10, 63 }, { 8, 0, 0 }, { 64, 1, 63 } };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    guint base, waits;
    Rig r;

    rig_init (&r, CAPS_SMALL, NULL);
    push_scenes (&r, 1);
    base = buffers_wanted (&r);
    rig_free (&r);
    rig_init (&r, CAPS_SMALL, "batch-size", all[i].batch, "inference-interval",
              all[i].interval, NULL);
    /* and half a frame, for the last of them to be late by */
    CHECK (latency (&r)
           == (2 * all[i].wait + (all[i].wait > 0)) * FRAME_TIME / 2);
    push_scenes (&r, 1);
    CHECK_MSG (buffers_wanted (&r) == base + all[i].wait, "%u: %u and %u", i,
               buffers_wanted (&r), base);
    /* the query let out what waited */
    CHECK (record_buffers (&r.out) == 1);
    if (all[i].interval > 0) {
      push_scenes (&r, (all[i].interval - 1)); /* to the next one asked for */
      waits = record_buffers (&r.out);
      push_scenes (&r, all[i].wait);
      CHECK_MSG (record_buffers (&r.out) == waits, "%u: %u left early", i,
                 record_buffers (&r.out) - waits);
      push_scenes (&r, 1);
      CHECK_MSG (record_buffers (&r.out) == waits + all[i].wait + 1,
                 "%u: %u left", i, record_buffers (&r.out) - waits);
    }
    rig_free (&r);
  }
}

/* 0 is what the device wants; this one is a GPU by its rules alone. */
TEST (a_gpu_takes_sixteen)
{
  gchar *old = g_strdup (g_getenv ("REID_BACKEND_PATH")), *right, *got;
  Rig r;

  g_setenv ("REID_BACKEND_PATH", REID_FAKE_GPU_DIR, TRUE);
  rig_init (&r, CAPS_SMALL, "device", "cuda", "batch-size", 0u, NULL);
  CHECK (latency (&r) == 15 * FRAME_TIME + FRAME_TIME / 2);
  push_scenes (&r, 15);
  CHECK (record_buffers (&r.out) == 0);
  push_scenes (&r, 1);
  CHECK (record_buffers (&r.out) == 16);
  push_scenes (&r, 7);
  rig_eos (&r);
  got = outputs (&r);
  rig_free (&r);
  rig_init (&r, CAPS_SMALL, "device", "cuda", NULL);
  CHECK (latency (&r) == 0);
  push_scenes (&r, 23);
  rig_eos (&r);
  right = outputs (&r);
  rig_free (&r);
  CHECK_MSG (g_str_equal (got, right), "%s\n%s", got, right);
  g_free (got);
  g_free (right);
  if (old)
    g_setenv ("REID_BACKEND_PATH", old, TRUE);
  else
    g_unsetenv ("REID_BACKEND_PATH");
  g_free (old);
}

TEST (a_stream_without_a_rate_shows_it)
{
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  Rig r;

  rig_init (&r, CAPS ("I420", 320, 240, "framerate=0/1"), "batch-size", 3u,
            NULL);
  gst_element_set_bus (r.h->element, bus);
  CHECK (latency (&r) == 100 * GST_MSECOND);
  for (guint i = 0; i < 40; i++) {
    GstBuffer *b = scene (&r, i);
    GST_BUFFER_PTS (b) = i * 200 * GST_MSECOND;
    gst_harness_push (r.h, b);
  }
  CHECK (latency (&r) > 5 * 120 / 2 * GST_MSECOND);
  CHECK (latency (&r) <= 5 * 200 / 2 * GST_MSECOND);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);
  CHECK (message != NULL);
  gst_clear_message (&message);
  gst_element_set_bus (r.h->element, NULL);
  gst_object_unref (bus);
  rig_free (&r);
}

/* ---- failures */

TEST (one_bad_frame_takes_no_other_with_it)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstFlowReturn flow = GST_FLOW_OK;
    guint n = 0;
    Rig r;

    rig_init (&r, CAPS_SMALL, "batch-size", sizes[i], NULL);
    for (guint k = 0; k < 16; k++) {
      GstBuffer *b = rig_frame (&r, two, 2);
      if (k % 5 == 1)
        gst_buffer_set_size (b, 1000);
      CHECK (gst_harness_push (r.h, b) == GST_FLOW_OK);
    }
    rig_eos (&r);
    REQUIRE (record_buffers (&r.out) == 16);
    for (guint k = 0; k < 16; k++) {
      GstReidFrameMeta *m = record_meta (&r.out, k);
      gboolean bad = k % 5 == 1;
      CHECK_MSG (
          m->n_faces == (bad ? 0 : 2)
              && m->state
                     == (bad ? GST_REID_FRAME_FAILED : GST_REID_FRAME_DETECTED),
          "batch-size %u, frame %u", sizes[i], k);
    }
    rig_free (&r);

    /* nine such in a row may pass, the tenth ends it */
    rig_init (&r, CAPS_SMALL, "batch-size", sizes[i], NULL);
    while (flow == GST_FLOW_OK && n++ < 40) {
      GstBuffer *b = rig_frame (&r, two, 1);
      gst_buffer_set_size (b, 1000);
      flow = gst_harness_push (r.h, b);
    }
    CHECK (flow == GST_FLOW_ERROR);
    CHECK (record_buffers (&r.out) == 9);
    rig_free (&r);
  }
}

TEST (downstream_may_have_enough)
{
  Refusal refusal = { 6, GST_FLOW_EOS };
  Rig r;

  rig_init (&r, CAPS_SMALL, "batch-size", 4u, NULL);
  gst_pad_add_probe (GST_PAD_PEER (r.h->sinkpad), GST_PAD_PROBE_TYPE_BUFFER,
                     refuse, &refusal, NULL);
  CHECK (push_scenes (&r, 7) == GST_FLOW_OK);
  CHECK (push_scenes (&r, 1) == GST_FLOW_EOS);
  rig_eos (&r);
  /* the probe that refuses comes behind the record */
  CHECK_RECORD (&r.out, "iBBBBBBBsE");
  rig_free (&r);
}

TEST (late_frames_do_not_count)
{
  Rig r;

  rig_init (&r, CAPS_SMALL, "batch-size", 4u, "qos", TRUE, NULL);
  gst_harness_push_upstream_event (
      r.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5,
                              80 * (GstClockTimeDiff) GST_MSECOND, 0));
  /* until 160 ms: nobody waits for the network, and so nobody waits */
  push_scenes (&r, 4);
  CHECK (record_buffers (&r.out) == 4);
  push_scenes (&r, 3);
  CHECK (record_buffers (&r.out) == 4);
  push_scenes (&r, 1);
  CHECK (record_buffers (&r.out) == 8);
  for (guint i = 0; i < 8; i++)
    CHECK (record_meta (&r.out, i)->state
           == (i < 4 ? GST_REID_FRAME_SKIPPED : GST_REID_FRAME_DETECTED));
  /* nor do they let others wait for longer than was said: one is asked for,
   * and those after it, until 440 ms, are late */
  push_scenes (&r, 1);
  gst_harness_push_upstream_event (
      r.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5,
                              40 * (GstClockTimeDiff) GST_MSECOND,
                              360 * GST_MSECOND));
  push_scenes (&r, 2);
  CHECK (record_buffers (&r.out) == 8);
  push_scenes (&r, 1);
  CHECK (record_buffers (&r.out) == 12);
  CHECK (record_meta (&r.out, 8)->state == GST_REID_FRAME_DETECTED);
  CHECK (record_meta (&r.out, 9)->state == GST_REID_FRAME_SKIPPED);
  rig_free (&r);
}

TEST (down_while_frames_wait)
{
  static const GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED,
                                     GST_STATE_NULL };

  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    GstBuffer *b;
    Rig r;

    rig_init (&r, CAPS_SMALL, "batch-size", 16u, NULL);
    push_scenes (&r, 5);
    b = gst_buffer_ref (scene (&r, 1));
    gst_harness_push (r.h, b);
    CHECK (record_buffers (&r.out) == 0);
    gst_element_set_state (r.h->element, states[i]);
    if (states[i] != GST_STATE_PAUSED)
      CHECK (GST_MINI_OBJECT_REFCOUNT_VALUE (b) == 1);
    rig_free (&r);
    CHECK (GST_MINI_OBJECT_REFCOUNT_VALUE (b) == 1);
    gst_buffer_unref (b);
  }
}

/* A buffer that another branch holds, too, is not changed for that one. */
TEST (frames_of_others_are_left_alone)
{
  GstBuffer *b, *out;
  Rig r;

  rig_init (&r, CAPS_SMALL, "batch-size", 2u, NULL);
  b = scene (&r, 1);
  gst_harness_push (r.h, gst_buffer_ref (b));
  push_scenes (&r, 1);
  out = record_buffer (&r.out, 0);
  REQUIRE (out != NULL);
  CHECK (!gst_buffer_get_reid_frame_meta (b));
  CHECK (gst_buffer_get_reid_frame_meta (out) != NULL);
  CHECK (gst_buffer_peek_memory (out, 0) == gst_buffer_peek_memory (b, 0));
  CHECK (
      !gst_base_transform_is_passthrough ((GstBaseTransform *) r.h->element));
  gst_buffer_unref (b);
  rig_free (&r);
}

TEST_MAIN ()
