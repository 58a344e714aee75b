/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidheld.h"

void
gst_reid_held_queue_init (GstReidHeldQueue *queue, gsize size,
                          GDestroyNotify free_entry)
{
  g_queue_init (&queue->entries);
  queue->n_buffers = 0;
  queue->size = size;
  queue->free = free_entry;
}

void
gst_reid_held_queue_clear (GstReidHeldQueue *queue)
{
  g_queue_clear_full (&queue->entries, queue->free);
  queue->n_buffers = 0;
}

static GstReidHeld *
add (GstReidHeldQueue *queue)
{
  GstReidHeld *held = g_malloc0 (queue->size);

  g_queue_push_tail (&queue->entries, held);
  return held;
}

gpointer
gst_reid_held_queue_add (GstReidHeldQueue *queue, GstBuffer *buffer)
{
  GstReidHeld *held = add (queue);

  held->buffer = buffer;
  queue->n_buffers++;
  return held;
}

gboolean
gst_reid_held_queue_take_tag (GstReidHeldQueue *queue, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_TAG || queue->n_buffers == 0)
    return FALSE;
  add (queue)->event = event;
  return TRUE;
}

gpointer
gst_reid_held_queue_pop (GstReidHeldQueue *queue, guint keep)
{
  GstReidHeld *held = g_queue_peek_head (&queue->entries);

  if (!held || (held->buffer && queue->n_buffers <= keep))
    return NULL;
  g_queue_pop_head (&queue->entries);
  if (held->buffer)
    queue->n_buffers--;
  return held;
}

void
gst_reid_held_queue_discard (GstReidHeldQueue *queue, GstPad *srcpad)
{
  GstReidHeld *held;

  while ((held = gst_reid_held_queue_pop (queue, 0))) {
    if (held->event)
      gst_pad_store_sticky_event (srcpad, held->event);
    queue->free (held);
  }
}

void
gst_reid_held_free (GstReidHeld *held)
{
  gst_clear_buffer (&held->buffer);
  gst_clear_event (&held->event);
  g_free (held);
}

gboolean
gst_reid_held_answer_allocation (GstQuery *query, guint held, guint min)
{
  guint n = gst_query_get_n_allocation_pools (query);
  GstVideoInfo info;
  GstCaps *caps;

  for (guint i = 0; i < n; i++) {
    GstBufferPool *pool;
    guint size, least, most;

    gst_query_parse_nth_allocation_pool (query, i, &pool, &size, &least, &most);
    least += held;
    if (most > 0)
      most = MAX (most + held, least);
    gst_query_set_nth_allocation_pool (query, i, pool, size, least, most);
    gst_clear_object (&pool);
  }
  if (n > 0)
    return TRUE;
  gst_query_parse_allocation (query, &caps, NULL);
  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (min + held > 0)
    gst_query_add_allocation_pool (query, NULL, (guint) info.size, min + held,
                                   0);
  return TRUE;
}

void
gst_reid_held_add_latency (GstQuery *query, GstClockTime delay)
{
  GstClockTime min, max;
  gboolean live;

  gst_query_parse_latency (query, &live, &min, &max);
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += delay;
  gst_query_set_latency (query, live, min + delay, max);
}

gboolean
gst_reid_held_answer_latency (GstQuery *query, GstPad *sinkpad,
                              GstClockTime delay)
{
  if (!gst_pad_peer_query (sinkpad, query))
    return FALSE;
  gst_reid_held_add_latency (query, delay);
  return TRUE;
}
