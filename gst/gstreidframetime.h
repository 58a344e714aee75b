/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_FRAME_TIME_H__
#define __GST_REID_FRAME_TIME_H__

#include <gst/video/video.h>

G_BEGIN_DECLS

/* What a frame of a stream lasts, by its caps or, where they do not tell, by
 * its times: the unit of the latency of an element that holds frames back.
 *
 * `last` and `mean` belong to the streaming thread, which makes all calls but
 * _get(); `told` is under the element's object lock, which the functions take.
 */
typedef struct {
  GstClockTime last, mean;
  GstClockTime told;
} GstReidFrameTime;

/* For a stream of which nothing is known. */
void gst_reid_frame_time_reset (GstReidFrameTime *time, GstElement *element);
/* The next two are TRUE when what _get() tells has changed. */
gboolean gst_reid_frame_time_set_caps (GstReidFrameTime *time,
                                       GstElement *element,
                                       const GstVideoInfo *info);
gboolean gst_reid_frame_time_add (GstReidFrameTime *time, GstElement *element,
                                  const GstVideoInfo *info, GstClockTime pts);
/* The next frame does not follow the last one. */
void gst_reid_frame_time_break (GstReidFrameTime *time);
/* From any thread. */
GstClockTime gst_reid_frame_time_get (const GstReidFrameTime *time,
                                      GstElement *element);

G_END_DECLS

#endif /* __GST_REID_FRAME_TIME_H__ */
