/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreiddeadline.h"

#include "gstreidheld.h"

struct _GstReidDeadline {
  GstElement *element;
  GstPad *sinkpad;
  GstReidDeadlineFunc send;

  /* under the stream lock */
  GThread *thread;
  GstFlowReturn result;

  GMutex lock;
  GCond changed;
  /* under the lock, which is never held while frames are sent */
  gboolean playing, quit;
  gboolean known, live; /* what upstream said, and whether it did */
  GstClockTime latency;
  gboolean waits;
  guint serial; /* of what waits, or last did */
  GstClockTime time, came, delay, slack;
  GstClockID id; /* while the thread waits for it */
};

GstReidDeadline *
gst_reid_deadline_new (GstElement *element, GstPad *sinkpad,
                       GstReidDeadlineFunc send)
{
  GstReidDeadline *deadline = g_new0 (GstReidDeadline, 1);

  deadline->element = element;
  deadline->sinkpad = sinkpad;
  deadline->send = send;
  g_mutex_init (&deadline->lock);
  g_cond_init (&deadline->changed);
  return deadline;
}

void
gst_reid_deadline_free (GstReidDeadline *deadline)
{
  gst_reid_deadline_stop (deadline);
  g_mutex_clear (&deadline->lock);
  g_cond_clear (&deadline->changed);
  g_free (deadline);
}

/* ---- the thread */

/* Lets it look anew at what is under the lock. */
static void
wake (GstReidDeadline *deadline)
{
  if (deadline->id)
    gst_clock_id_unschedule (deadline->id);
  g_cond_signal (&deadline->changed);
}

/* The running time at which time is up; NONE where there is nothing to wait
 * for, or to wait by. */
static GstClockTime
due (const GstReidDeadline *deadline)
{
  GstClockTime came = deadline->came, time = deadline->time;

  if (!deadline->waits || !deadline->playing || !deadline->live)
    return GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_CLOCK_TIME_IS_VALID (came)
               ? came + deadline->delay + deadline->slack
               : GST_CLOCK_TIME_NONE;
  time += deadline->latency + deadline->delay + deadline->slack;
  return GST_CLOCK_TIME_IS_VALID (came) ? MAX (time, came + deadline->slack)
                                        : time;
}

static GstClockID
new_id (GstReidDeadline *deadline)
{
  GstClockTime time = due (deadline), base;
  GstClockID id = NULL;
  GstClock *clock;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return NULL;
  clock = gst_element_get_clock (deadline->element);
  base = gst_element_get_base_time (deadline->element);
  if (clock && GST_CLOCK_TIME_IS_VALID (base))
    id = gst_clock_new_single_shot_id (clock, base + time);
  gst_clear_object (&clock);
  return id;
}

static gboolean
is_current (GstReidDeadline *deadline, guint serial)
{
  return deadline->waits && deadline->playing && deadline->serial == serial;
}

static gboolean
is_flushing (GstPad *pad)
{
  gboolean flushing;

  GST_OBJECT_LOCK (pad);
  flushing = GST_PAD_IS_FLUSHING (pad);
  GST_OBJECT_UNLOCK (pad);
  return flushing;
}

static void
send_on (GstReidDeadline *deadline, guint serial)
{
  GstFlowReturn result = GST_FLOW_OK;
  gboolean current;

  GST_PAD_STREAM_LOCK (deadline->sinkpad);
  /* the streaming thread may have been faster */
  g_mutex_lock (&deadline->lock);
  current = is_current (deadline, serial);
  g_mutex_unlock (&deadline->lock);
  if (current) {
    gst_reid_deadline_clear (deadline);
    if (!is_flushing (deadline->sinkpad))
      result = deadline->send (deadline->element);
  }
  if (result != GST_FLOW_OK)
    deadline->result = result;
  GST_PAD_STREAM_UNLOCK (deadline->sinkpad);
}

static gpointer
run (gpointer data)
{
  GstReidDeadline *deadline = data;

  g_mutex_lock (&deadline->lock);
  while (!deadline->quit) {
    guint serial = deadline->serial;
    GstClockID id = new_id (deadline);
    GstClockReturn clock;

    if (!id) {
      g_cond_wait (&deadline->changed, &deadline->lock);
      continue;
    }
    deadline->id = id;
    g_mutex_unlock (&deadline->lock);
    clock = gst_clock_id_wait (id, NULL);
    g_mutex_lock (&deadline->lock);
    deadline->id = NULL;
    gst_clock_id_unref (id);
    if (clock == GST_CLOCK_UNSCHEDULED || deadline->quit
        || !is_current (deadline, serial))
      continue;
    g_mutex_unlock (&deadline->lock);
    send_on (deadline, serial);
    g_mutex_lock (&deadline->lock);
  }
  g_mutex_unlock (&deadline->lock);
  return NULL;
}

void
gst_reid_deadline_stop (GstReidDeadline *deadline)
{
  g_mutex_lock (&deadline->lock);
  deadline->quit = TRUE;
  wake (deadline);
  g_mutex_unlock (&deadline->lock);
  if (deadline->thread)
    g_thread_join (g_steal_pointer (&deadline->thread));
  deadline->result = GST_FLOW_OK;
  g_mutex_lock (&deadline->lock);
  deadline->quit = deadline->known = deadline->live = deadline->waits = FALSE;
  g_mutex_unlock (&deadline->lock);
}

/* ---- the source */

static void
learn (GstReidDeadline *deadline, gboolean live, GstClockTime latency)
{
  g_mutex_lock (&deadline->lock);
  deadline->known = TRUE;
  deadline->live = live;
  deadline->latency = GST_CLOCK_TIME_IS_VALID (latency) ? latency : 0;
  wake (deadline);
  g_mutex_unlock (&deadline->lock);
}

gboolean
gst_reid_deadline_answer_latency (GstReidDeadline *deadline, GstQuery *query,
                                  GstClockTime delay, GstClockTime slack)
{
  GstClockTime latency;
  gboolean live;

  if (!gst_pad_peer_query (deadline->sinkpad, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &latency, NULL);
  learn (deadline, live, latency);
  gst_reid_held_add_latency (query, live ? delay + slack : delay);
  return TRUE;
}

static gboolean
is_live (GstReidDeadline *deadline)
{
  gboolean known, live;

  g_mutex_lock (&deadline->lock);
  known = deadline->known;
  live = deadline->live;
  g_mutex_unlock (&deadline->lock);
  if (!known) {
    GstQuery *query = gst_query_new_latency ();
    GstClockTime latency;

    live = FALSE;
    if (gst_pad_peer_query (deadline->sinkpad, query)) {
      gst_query_parse_latency (query, &live, &latency, NULL);
      learn (deadline, live, latency);
    }
    gst_query_unref (query);
  }
  return live;
}

void
gst_reid_deadline_forget (GstReidDeadline *deadline)
{
  g_mutex_lock (&deadline->lock);
  deadline->known = FALSE;
  g_mutex_unlock (&deadline->lock);
}

/* ---- what waits */

gboolean
gst_reid_deadline_set (GstReidDeadline *deadline, GstClockTime running_time,
                       GstClockTime delay, GstClockTime slack)
{
  GstClockTime now;

  if (!is_live (deadline))
    return TRUE;
  if (!deadline->thread)
    deadline->thread = g_thread_try_new ("reid-deadline", run, deadline, NULL);
  if (!deadline->thread)
    return FALSE;
  now = gst_element_get_current_running_time (deadline->element);
  g_mutex_lock (&deadline->lock);
  deadline->waits = TRUE;
  deadline->serial++;
  deadline->time = running_time;
  deadline->came = deadline->playing ? now : GST_CLOCK_TIME_NONE;
  deadline->delay = delay;
  deadline->slack = slack;
  wake (deadline);
  g_mutex_unlock (&deadline->lock);
  return TRUE;
}

void
gst_reid_deadline_clear (GstReidDeadline *deadline)
{
  g_mutex_lock (&deadline->lock);
  if (deadline->waits) {
    deadline->waits = FALSE;
    wake (deadline);
  }
  g_mutex_unlock (&deadline->lock);
}

void
gst_reid_deadline_flush (GstReidDeadline *deadline)
{
  gst_reid_deadline_clear (deadline);
  deadline->result = GST_FLOW_OK;
}

GstFlowReturn
gst_reid_deadline_take_result (GstReidDeadline *deadline)
{
  GstFlowReturn result = deadline->result;

  deadline->result = GST_FLOW_OK;
  return result;
}

void
gst_reid_deadline_set_playing (GstReidDeadline *deadline, gboolean playing)
{
  GstClockTime now = gst_element_get_current_running_time (deadline->element);

  g_mutex_lock (&deadline->lock);
  deadline->playing = playing;
  if (playing && !GST_CLOCK_TIME_IS_VALID (deadline->came))
    deadline->came = now;
  wake (deadline);
  g_mutex_unlock (&deadline->lock);
}
