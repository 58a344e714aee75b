/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRACK_LOOKAHEAD_H__
#define __GST_REID_TRACK_LOOKAHEAD_H__

#include "gstreidheld.h"
#include "shots/shots.h"

G_BEGIN_DECLS

/* The frames that reidtrack holds back until the shot detector has seen what
 * comes after them, and the events that keep their place among them. Used by
 * one thread at a time. */

typedef struct {
  GstReidHeld base;
  GstClockTime time; /* the buffer's stream time */
  gboolean readable; /* the buffer can be mapped as a video frame */
  ReidShotKind kind; /* whether it is the first frame of a shot */
} GstReidTrackHeld;

typedef struct _GstReidLookahead GstReidLookahead;

/* NULL when memory ends. */
GstReidLookahead *gst_reid_lookahead_new (const ReidShotOptions *options);
void gst_reid_lookahead_free (GstReidLookahead *lookahead);
void gst_reid_lookahead_configure (GstReidLookahead *lookahead,
                                   const ReidShotOptions *options);

/* Takes a buffer over. FALSE when it cannot be mapped: it is kept in its place
 * all the same. */
gboolean gst_reid_lookahead_add_buffer (GstReidLookahead *lookahead,
                                        GstBuffer *buffer, GstClockTime time,
                                        const GstVideoInfo *info);
/* See gst_reid_held_queue_take_tag(). */
gboolean gst_reid_lookahead_take_tag (GstReidLookahead *lookahead,
                                      GstEvent *event);
/* Stream time of the first buffer that is later than `time`, or NONE. */
GstClockTime gst_reid_lookahead_next_time (const GstReidLookahead *lookahead,
                                           GstClockTime time);

/* Takes out the oldest, for gst_reid_held_free(): NULL when only the last
 * `keep` buffers, and what comes after the first of them, are left. 0 drains.
 */
GstReidTrackHeld *gst_reid_lookahead_pop (GstReidLookahead *lookahead,
                                          guint keep);

/* The next frame is the first of a stream. */
void gst_reid_lookahead_reset (GstReidLookahead *lookahead);
/* The same, and the frames held are forgotten. */
void gst_reid_lookahead_discard (GstReidLookahead *lookahead, GstPad *srcpad);

G_END_DECLS

#endif /* __GST_REID_TRACK_LOOKAHEAD_H__ */
