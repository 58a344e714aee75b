/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidframetime.h"

/* What a frame is taken to last before a stream without a frame rate has
 * shown it, and the most it is taken to last. */
#define USUAL_FRAME (40 * GST_MSECOND)
#define LONGEST_FRAME GST_SECOND

static gboolean
tell (GstReidFrameTime *time, GstElement *element)
{
  gboolean changed;

  GST_OBJECT_LOCK (element);
  changed = time->told != time->mean;
  time->told = time->mean;
  GST_OBJECT_UNLOCK (element);
  return changed;
}

void
gst_reid_frame_time_reset (GstReidFrameTime *time, GstElement *element)
{
  time->last = GST_CLOCK_TIME_NONE;
  time->mean = USUAL_FRAME;
  tell (time, element);
}

gboolean
gst_reid_frame_time_set_caps (GstReidFrameTime *time, GstElement *element,
                              const GstVideoInfo *info)
{
  time->last = GST_CLOCK_TIME_NONE;
  time->mean = info->fps_n > 0 ? gst_util_uint64_scale (
                   GST_SECOND, (guint64) info->fps_d, (guint64) info->fps_n)
                               : USUAL_FRAME;
  return tell (time, element);
}

gboolean
gst_reid_frame_time_add (GstReidFrameTime *time, GstElement *element,
                         const GstVideoInfo *info, GstClockTime pts)
{
  GstClockTime last = time->last, told;

  time->last = pts;
  if (info->fps_n > 0 || !GST_CLOCK_TIME_IS_VALID (pts)
      || !GST_CLOCK_TIME_IS_VALID (last) || pts <= last)
    return FALSE;
  time->mean = (7 * time->mean + MIN (pts - last, LONGEST_FRAME)) / 8;
  told = gst_reid_frame_time_get (time, element);
  return time->mean > told + told / 4 && tell (time, element);
}

void
gst_reid_frame_time_break (GstReidFrameTime *time)
{
  time->last = GST_CLOCK_TIME_NONE;
}

GstClockTime
gst_reid_frame_time_get (const GstReidFrameTime *time, GstElement *element)
{
  GstClockTime told;

  GST_OBJECT_LOCK (element);
  told = time->told;
  GST_OBJECT_UNLOCK (element);
  return told;
}
