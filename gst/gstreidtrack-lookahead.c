/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidtrack-lookahead.h"

#include "gstreidvideo.h"

struct _GstReidLookahead {
  ReidShotDetector *detector;
  GstReidHeldQueue held; /* GstReidTrackHeld */
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
  gst_reid_held_queue_init (&lookahead->held, sizeof (GstReidTrackHeld),
                            (GDestroyNotify) gst_reid_held_free);
  return lookahead;
}

void
gst_reid_lookahead_free (GstReidLookahead *lookahead)
{
  gst_reid_held_queue_clear (&lookahead->held);
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
show (GstReidLookahead *lookahead, GstReidTrackHeld *held,
      const GstVideoInfo *info)
{
  GstVideoFrame frame;
  ReidImage image;

  if (!gst_video_frame_map (&frame, info, held->base.buffer,
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
  GstReidTrackHeld *held = gst_reid_held_queue_add (&lookahead->held, buffer);

  held->time = time;
  show (lookahead, held, info);
  return held->readable;
}

gboolean
gst_reid_lookahead_take_tag (GstReidLookahead *lookahead, GstEvent *event)
{
  return gst_reid_held_queue_take_tag (&lookahead->held, event);
}

GstClockTime
gst_reid_lookahead_next_time (const GstReidLookahead *lookahead,
                              GstClockTime time)
{
  for (const GList *l = lookahead->held.entries.head; l; l = l->next) {
    const GstReidTrackHeld *held = l->data;

    if (held->base.buffer && GST_CLOCK_TIME_IS_VALID (held->time)
        && held->time > time)
      return held->time;
  }
  return GST_CLOCK_TIME_NONE;
}

GstReidTrackHeld *
gst_reid_lookahead_pop (GstReidLookahead *lookahead, guint keep)
{
  GstReidTrackHeld *held = gst_reid_held_queue_pop (&lookahead->held, keep);

  if (held && held->readable) {
    if (lookahead->decided)
      held->kind = lookahead->kind;
    else
      reid_shot_detector_drain (lookahead->detector, &held->kind);
    lookahead->decided = FALSE;
  }
  return held;
}

void
gst_reid_lookahead_reset (GstReidLookahead *lookahead)
{
  reid_shot_detector_reset (lookahead->detector);
  lookahead->decided = FALSE;
}

void
gst_reid_lookahead_discard (GstReidLookahead *lookahead, GstPad *srcpad)
{
  gst_reid_held_queue_discard (&lookahead->held, srcpad);
  gst_reid_lookahead_reset (lookahead);
}
