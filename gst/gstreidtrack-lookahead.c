/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidtrack-lookahead.h"

#include "gstreidvideo.h"

struct _GstReidLookahead {
  ReidShotDetector *detector;
  GQueue held; /* GstReidHeld */
  guint n_buffers;
  /* Whether the detector has decided the oldest readable frame already. */
  gboolean decided;
  ReidShotKind kind;
};

GstReidLookahead *
gst_reid_lookahead_new (const ReidShotOptions *options)
{
  ReidShotDetector *detector = reid_shot_detector_new (options);
  GstReidLookahead *lookahead;

  if (!detector)
    return NULL;
  lookahead = g_new0 (GstReidLookahead, 1);
  lookahead->detector = detector;
  g_queue_init (&lookahead->held);
  return lookahead;
}

void
gst_reid_lookahead_free (GstReidLookahead *lookahead)
{
  GstReidHeld *held;

  while ((held = g_queue_pop_head (&lookahead->held)))
    gst_reid_held_free (held);
  reid_shot_detector_free (lookahead->detector);
  g_free (lookahead);
}

void
gst_reid_lookahead_configure (GstReidLookahead *lookahead,
                              const ReidShotOptions *options)
{
  reid_shot_detector_configure (lookahead->detector, options);
}

static void
show (GstReidLookahead *lookahead, GstReidHeld *held, const GstVideoInfo *info)
{
  GstVideoFrame frame;
  ReidImage image;

  if (!gst_video_frame_map (&frame, info, held->buffer,
                            GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return;
  if (gst_reid_image_from_frame (&frame, &image)) {
    held->readable = TRUE;
    lookahead->decided =
        reid_shot_detector_push (lookahead->detector, &image, &lookahead->kind);
  }
  gst_video_frame_unmap (&frame);
}

gboolean
gst_reid_lookahead_add_buffer (GstReidLookahead *lookahead, GstBuffer *buffer,
                               GstClockTime time, const GstVideoInfo *info)
{
  GstReidHeld *held = g_new0 (GstReidHeld, 1);

  held->buffer = buffer;
  held->time = time;
  g_queue_push_tail (&lookahead->held, held);
  lookahead->n_buffers++;
  show (lookahead, held, info);
  return held->readable;
}

void
gst_reid_lookahead_add_event (GstReidLookahead *lookahead, GstEvent *event)
{
  GstReidHeld *held = g_new0 (GstReidHeld, 1);

  held->event = event;
  g_queue_push_tail (&lookahead->held, held);
}

guint
gst_reid_lookahead_buffers (const GstReidLookahead *lookahead)
{
  return lookahead->n_buffers;
}

GstClockTime
gst_reid_lookahead_next_time (const GstReidLookahead *lookahead,
                              GstClockTime time)
{
  for (const GList *l = lookahead->held.head; l; l = l->next) {
    const GstReidHeld *held = l->data;

    if (held->buffer && GST_CLOCK_TIME_IS_VALID (held->time)
        && held->time > time)
      return held->time;
  }
  return GST_CLOCK_TIME_NONE;
}

GstReidHeld *
gst_reid_lookahead_pop (GstReidLookahead *lookahead, guint keep)
{
  GstReidHeld *held = g_queue_peek_head (&lookahead->held);

  if (!held || (held->buffer && lookahead->n_buffers <= keep))
    return NULL;
  g_queue_pop_head (&lookahead->held);
  if (!held->buffer)
    return held;
  lookahead->n_buffers--;
  if (held->readable) {
    if (lookahead->decided)
      held->kind = lookahead->kind;
    else
      reid_shot_detector_drain (lookahead->detector, &held->kind);
    lookahead->decided = FALSE;
  }
  return held;
}

void
gst_reid_held_free (GstReidHeld *held)
{
  gst_clear_buffer (&held->buffer);
  gst_clear_event (&held->event);
  g_free (held);
}

void
gst_reid_lookahead_reset (GstReidLookahead *lookahead)
{
  reid_shot_detector_reset (lookahead->detector);
  lookahead->decided = FALSE;
}
