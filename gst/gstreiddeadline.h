/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_DEADLINE_H__
#define __GST_REID_DEADLINE_H__

#include <gst/gst.h>

G_BEGIN_DECLS

/* Until when an element that waits for more frames may do so behind a live
 * source, which may send none for any time; and the thread that sends on what
 * waits when its time is up. The thread exists from the first frame that waits
 * in a live pipeline to _stop(); behind any other source there is none.
 *
 * The time is up, on the pipeline's clock, at the running time of the first
 * frame that waits + the latency of upstream + the element's own, as it is
 * answered to LATENCY queries. A frame that came later than upstream said may
 * wait for `slack` all the same: when the machine cannot keep up, what is
 * queued upstream still makes whole batches. Clocks do not run in PAUSED, and
 * nothing is sent on there.
 *
 * _set(), _clear(), _flush(), _forget() and _take_result() are for the holder
 * of the sink pad's stream lock; _stop() for when no stream runs, without that
 * lock; the others for any thread. */
typedef struct _GstReidDeadline GstReidDeadline;

/* Sends on what waits, which begins with _clear(). Called with the stream lock
 * of the sink pad held, in the deadline's own thread, which may block. */
typedef GstFlowReturn (*GstReidDeadlineFunc) (GstElement *element);

/* Takes no references: it ends before the element does. */
GstReidDeadline *gst_reid_deadline_new (GstElement *element, GstPad *sinkpad,
                                        GstReidDeadlineFunc send);
void gst_reid_deadline_free (GstReidDeadline *deadline);

/* A first frame waits, of this running time (NONE: the time at which it came),
 * and from it on for as long as `delay` and `slack` together. FALSE where that
 * needs a thread, and none can be had: it then waits without end. */
gboolean gst_reid_deadline_set (GstReidDeadline *deadline,
                                GstClockTime running_time, GstClockTime delay,
                                GstClockTime slack);
/* Nothing waits. */
void gst_reid_deadline_clear (GstReidDeadline *deadline);
/* The same, and the result of what was sent is of no interest. */
void gst_reid_deadline_flush (GstReidDeadline *deadline);
/* Whether the source is live shall be asked again. */
void gst_reid_deadline_forget (GstReidDeadline *deadline);
/* What became of frames that the thread has sent, once: GST_FLOW_OK or what
 * upstream must be told instead. */
GstFlowReturn gst_reid_deadline_take_result (GstReidDeadline *deadline);

/* From the element's changes of state. */
void gst_reid_deadline_set_playing (GstReidDeadline *deadline,
                                    gboolean playing);
/* Ends the thread. */
void gst_reid_deadline_stop (GstReidDeadline *deadline);

/* Asks upstream, and adds the delay and, where the source is live, the slack.
 */
gboolean gst_reid_deadline_answer_latency (GstReidDeadline *deadline,
                                           GstQuery *query, GstClockTime delay,
                                           GstClockTime slack);

G_END_DECLS

#endif /* __GST_REID_DEADLINE_H__ */
