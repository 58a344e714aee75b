/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_HELD_H__
#define __GST_REID_HELD_H__

#include <gst/video/video.h>

G_BEGIN_DECLS

/* What elements that hold frames back have in common: the frames in their
 * order, the tags that keep their place among them, and what upstream and the
 * pipeline must know of it.
 *
 * A queue owns its entries, and an entry its buffer or event, until it is taken
 * out. Used by one thread at a time. */

/* Either a buffer or an event. What else an element keeps of a frame follows
 * it in the element's own entries, which begin with this. */
typedef struct {
  GstBuffer *buffer;
  GstEvent *event;
} GstReidHeld;

typedef struct {
  GQueue entries;
  guint n_buffers;
  gsize size; /* of an entry */
  GDestroyNotify free;
} GstReidHeldQueue;

/* free_entry is gst_reid_held_free(), or ends in it. */
void gst_reid_held_queue_init (GstReidHeldQueue *queue, gsize size,
                               GDestroyNotify free_entry);
void gst_reid_held_queue_clear (GstReidHeldQueue *queue);
/* Takes the buffer over; the new entry is zero but for it. */
gpointer gst_reid_held_queue_add (GstReidHeldQueue *queue, GstBuffer *buffer);
/* Takes the event over if it is a tag and there are frames for it to wait
 * behind: parsers send one every few frames, and it says nothing of the
 * pictures. */
gboolean gst_reid_held_queue_take_tag (GstReidHeldQueue *queue,
                                       GstEvent *event);
/* Takes out the oldest entry, for free_entry: NULL when only the last `keep`
 * buffers, and what comes after the first of them, are left. */
gpointer gst_reid_held_queue_pop (GstReidHeldQueue *queue, guint keep);
/* Forgets the frames. Tags are still true after a flush. */
void gst_reid_held_queue_discard (GstReidHeldQueue *queue, GstPad *srcpad);
void gst_reid_held_free (GstReidHeld *held);

/* Adds to what downstream has answered: the frames held are missing from the
 * pool that they come from. Where no pool was named, `min` buffers are wanted
 * besides; FALSE when the caps then do not tell their size. */
gboolean gst_reid_held_answer_allocation (GstQuery *query, guint held,
                                          guint min);
/* Adds the delay to what upstream has answered. */
void gst_reid_held_add_latency (GstQuery *query, GstClockTime delay);
/* Asks upstream, and does so. */
gboolean gst_reid_held_answer_latency (GstQuery *query, GstPad *sinkpad,
                                       GstClockTime delay);

G_END_DECLS

#endif /* __GST_REID_HELD_H__ */
