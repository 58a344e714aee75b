/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-reidembed
 * @title: reidembed
 * @short_description: makes vectors of the faces that reidtrack kept
 *
 * Takes the tracklets that reidtrack sends, aligns their chips, runs them
 * through a face embedder in batches across tracklets, and sends each tracklet
 * on with its vectors. Buffers pass by while a batch fills; a tracklet waits
 * at most #GstReidEmbed:max-latency, and none is lost: what waits at EOS is
 * run before EOS is passed on, and what waits at a flush is sent after it.
 *
 * Stands directly behind reidtrack: an encoder or a leaky queue between them
 * would reorder or drop the tracklets.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=episode.mp4 ! decodebin ! reiddetect !
 * reidtrack ! reidembed batch-size=32 ! reidcluster location=episode.reid !
 * fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "gstreidembed.h"

#include <gst/reid/reid.h>

#include "gstreidembed-batch.h"
#include "gstreidembed-settings.h"
#include "gstreidheld.h"
#include "gstreidinfo.h"
#include "gstreidvideo.h"

GST_DEBUG_CATEGORY_STATIC (gst_reid_embed_debug);
#define GST_CAT_DEFAULT gst_reid_embed_debug

/* Buffers that may wait here while a batch runs: enough to keep the decoder
 * busy meanwhile, few enough for small buffer pools. */
#define MAX_BUFFERS 3
/* One bad chip is left out; a network that fails on this many in a row will
 * not recover. */
#define MAX_FAILURES 10

enum { STAGE_ALIGN, STAGE_NETWORK, STAGES };

struct _GstReidEmbed {
  GstElement parent;
  GstPad *sinkpad, *srcpad;

  GstReidEmbedSettings settings; /* under the object lock */

  /* Between the sink pad's thread and the source pad's task, under `lock`. */
  GMutex lock;
  GCond added, removed;
  GQueue items; /* buffers and serialized events in order */
  guint n_buffers;
  gboolean busy;    /* the task works on an item it took */
  gboolean eos;     /* nothing comes after it */
  gboolean full;    /* downstream wants no more buffers; events still pass */
  gboolean blocked; /* the sink pad's thread waits with a buffer */
  guint owed; /* buffers that waited for the last run and go before the next */
  gboolean told;        /* of the error that ended this */
  GstFlowReturn result; /* of the source pad; FLUSHING while inactive */

  /* the task's own (elsewhere only while it stands still) */
  GstReidBatch *batch;
  GQueue unsent; /* tracklets with vectors that a flush stopped */
  GstReidEmbedder *embedder;
  gboolean info_sent;
  gboolean drop_told;
  guint failures;
  gdouble seconds;
  guint64 chips;
  GstReidStage stages[STAGES];

  /* under the object lock */
  GstClockTime batch_time; /* the longest run so far; no buffer waits for two */
  GstClockTime frame_duration;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstReidEmbed, gst_reid_embed, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (reidembed, "reidembed", GST_RANK_NONE,
                             GST_TYPE_REID_EMBED)

/* ---- the network */

/* Once: there are fewer networks than was asked for. */
static void
tell_drop (GstReidEmbed *self)
{
  const gchar *why = reid_embedder_dropped (self->embedder->embedder);

  if (!why || self->drop_told)
    return;
  self->drop_told = TRUE;
  self->info_sent = FALSE;
  GST_ELEMENT_WARNING (self, RESOURCE, FAILED,
                       ("Not enough memory for all networks: vectors are of "
                        "%s alone, version %s, and cannot be compared with "
                        "those of all: %s",
                        self->embedder->model, self->embedder->version, why),
                       (NULL));
}

/* Once for each network that the GPU fails on. */
static void
tell_moves (GstReidEmbed *self)
{
  const GstReidModel *m;
  const gchar *why;

  while ((m = gst_reid_embedder_next_moved (self->embedder, &why))) {
    self->info_sent = FALSE;
    GST_ELEMENT_WARNING (self, RESOURCE, FAILED,
                         ("The GPU cannot run %s, which goes on on the CPU, "
                          "slower; its vectors can be compared with those of "
                          "the GPU: %s",
                          m->name, why),
                         (NULL));
  }
}

static gboolean
open_model (GstReidEmbed *self)
{
  GstReidEmbedSettings settings;
  GError *error = NULL;
  gchar advice[512];

  GST_OBJECT_LOCK (self);
  gst_reid_embed_settings_copy (&settings, &self->settings);
  self->batch_time = 0;
  GST_OBJECT_UNLOCK (self);
  self->embedder = gst_reid_embed_settings_open (&settings, &error);
  gst_reid_embed_settings_clear (&settings);
  if (!self->embedder) {
    GST_REID_ELEMENT_GERROR (self, error);
    return FALSE;
  }
  for (guint i = 0; i < self->embedder->found->len; i++) {
    const GstReidModel *m = self->embedder->found->pdata[i];
    GST_INFO_OBJECT (self, "model %s (%s)", m->path, m->reason);
  }
  GST_INFO_OBJECT (self, "version %s, %s", self->embedder->version,
                   reid_embedder_device_reason (self->embedder->embedder));
  if (reid_gpu_advice (advice, sizeof advice))
    GST_WARNING_OBJECT (self, "%s", advice);
  tell_moves (self);
  self->info_sent = self->drop_told = FALSE;
  self->failures = 0;
  self->seconds = 0;
  self->chips = 0;
  gst_reid_stages_reset (self->stages, STAGES);
  tell_drop (self);
  return TRUE;
}

static void
close_model (GstReidEmbed *self)
{
  g_clear_pointer (&self->embedder, gst_reid_embedder_close);
}

/* ---- the source pad's task */

static gboolean
is_tracklet (gpointer item)
{
  return GST_IS_EVENT (item) && gst_event_get_reid_tracklet (item);
}

static void
send_info (GstReidEmbed *self)
{
  GstEvent *event;

  if (self->info_sent)
    return;
  self->info_sent = TRUE;
  gst_pad_push_event (self->srcpad,
                      gst_reid_embed_info (GST_ELEMENT (self), self->embedder));
  for (guint i = 0; (event = gst_reid_embed_projection (self->embedder, i));
       i++)
    gst_pad_push_event (self->srcpad, event);
}

static void
note_batch_time (GstReidEmbed *self, GstClockTime time)
{
  gboolean grown;

  GST_OBJECT_LOCK (self);
  grown = time > self->batch_time;
  if (grown) /* in steps, so that not every run changes the latency */
    self->batch_time = GST_ROUND_UP_N (time + time / 4, 10 * GST_MSECOND);
  GST_OBJECT_UNLOCK (self);
  if (grown)
    gst_element_post_message (GST_ELEMENT (self),
                              gst_message_new_latency (GST_OBJECT (self)));
}

/* A tracklet that meets a flushing pad has reached nobody, and is kept. */
static GstFlowReturn
send_tracklets (GstReidEmbed *self)
{
  GstReidTracklet *tracklet;

  while ((tracklet = g_queue_peek_head (&self->unsent))) {
    if (!gst_pad_push_event (self->srcpad,
                             gst_event_new_reid_tracklet (tracklet))
        && GST_PAD_IS_FLUSHING (self->srcpad))
      return GST_FLOW_FLUSHING;
    gst_reid_tracklet_unref (g_queue_pop_head (&self->unsent));
  }
  return GST_FLOW_OK;
}

/* Runs one batch and pushes the tracklets that are complete. */
static GstFlowReturn
run_batch (GstReidEmbed *self, guint size)
{
  GstReidBatchModel model = { .embedder = self->embedder };
  gboolean told = self->info_sent, over;
  ReidEmbedder *embedder = self->embedder->embedder;
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderTimes before, after;
  GstReidTracklet *tracklet;
  GstFlowReturn result;
  guint failed, n;
  int batch;
  guint64 start = reid_clock (), time;

  GST_OBJECT_LOCK (self);
  model.normalize = self->settings.normalize;
  GST_OBJECT_UNLOCK (self);
  batch = reid_embedder_memory_batch (embedder);
  reid_embedder_times (embedder, &before);
  n = gst_reid_batch_run (self->batch, &model, size, &failed, &error);
  reid_embedder_times (embedder, &after);
  if (reid_embedder_memory_batch (embedder) < batch
      || (batch == 0 && reid_embedder_memory_batch (embedder) > 0))
    GST_WARNING_OBJECT (self, "no memory for more than %d faces at once",
                        reid_embedder_memory_batch (embedder));
  tell_drop (self);
  tell_moves (self);
  if (told) /* before the first tracklet of another version or device */
    send_info (self);
  time = reid_clock () - start;
  self->seconds += (gdouble) time * 1e-9;
  self->chips += n;
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_ALIGN],
                      after.align - before.align, n);
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_NETWORK],
                      after.network - before.network, n);
  if (n > 0)
    note_batch_time (self, time);
  GST_LOG_OBJECT (self, "%u chips in %" GST_TIME_FORMAT, n,
                  GST_TIME_ARGS (time));

  self->failures = failed == n ? self->failures + failed : failed;
  /* want of memory is not the faces' fault */
  over =
      failed > 0
      && (self->failures >= MAX_FAILURES || error.status == REID_ERROR_MEMORY);
  if (failed > 0 && !over)
    GST_ELEMENT_WARNING (
        self, STREAM, FAILED,
        ("No vector for %u of %u faces: %s", failed, n, error.message), (NULL));
  while ((tracklet = gst_reid_batch_pop (self->batch, &model)))
    g_queue_push_tail (&self->unsent, tracklet);
  result = send_tracklets (self);
  g_mutex_lock (&self->lock);
  self->owed = self->n_buffers + self->blocked;
  g_mutex_unlock (&self->lock);
  if (over) {
    GST_REID_ELEMENT_ERROR (self, &error);
    g_mutex_lock (&self->lock);
    self->told = TRUE;
    g_mutex_unlock (&self->lock);
    return GST_FLOW_ERROR;
  }
  return result;
}

static GstFlowReturn
current_result (GstReidEmbed *self)
{
  GstFlowReturn result;

  g_mutex_lock (&self->lock);
  result = self->result;
  g_mutex_unlock (&self->lock);
  return result;
}

/* Stops between two batches when the pad stops: nobody waits for a backlog. */
static GstFlowReturn
run_all (GstReidEmbed *self, guint size)
{
  GstFlowReturn result = current_result (self);

  while (result == GST_FLOW_OK
         && !(gst_reid_batch_is_empty (self->batch)
              && g_queue_is_empty (&self->unsent))) {
    result = run_batch (self, size);
    if (result == GST_FLOW_OK)
      result = current_result (self);
  }
  return result;
}

static void
set_full (GstReidEmbed *self, gboolean full)
{
  g_mutex_lock (&self->lock);
  self->full = full;
  g_mutex_unlock (&self->lock);
}

/* Tracklets and EOS still go to those who want no more pictures. */
static GstFlowReturn
push_buffer (GstReidEmbed *self, GstBuffer *buffer)
{
  GstFlowReturn result;
  gboolean full;

  g_mutex_lock (&self->lock);
  full = self->full;
  g_mutex_unlock (&self->lock);
  if (full) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  send_info (self);
  result = gst_pad_push (self->srcpad, buffer);
  if (result != GST_FLOW_EOS)
    return result;
  GST_DEBUG_OBJECT (self, "downstream wants no more buffers");
  set_full (self, TRUE);
  return GST_FLOW_OK;
}

static GstFlowReturn
finish (GstReidEmbed *self, GstEvent *eos, guint size)
{
  GstFlowReturn result;

  send_info (self);
  result = run_all (self, size);
  if (result != GST_FLOW_OK) {
    gst_event_unref (eos);
    return result;
  }
  gst_pad_push_event (self->srcpad,
                      gst_reid_stats_event (GST_ELEMENT (self), self->seconds,
                                            self->chips, self->stages, STAGES));
  gst_pad_push_event (self->srcpad, eos);
  return GST_FLOW_EOS;
}

/* One buffer or event, in its turn. Without `lock`. */
static GstFlowReturn
handle_item (GstReidEmbed *self, gpointer item, guint size)
{
  GstEvent *event = item;
  GstReidTracklet *tracklet;
  GstFlowReturn result = GST_FLOW_OK;

  if (GST_IS_BUFFER (item))
    return push_buffer (self, item);
  tracklet = gst_event_get_reid_tracklet (event);
  if (tracklet) {
    gst_reid_batch_push (self->batch, gst_reid_tracklet_ref (tracklet),
                         g_get_monotonic_time ());
    gst_event_unref (event);
    return GST_FLOW_OK;
  }
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_EOS:
      return finish (self, event, size);
    case GST_EVENT_STREAM_START:
      /* the numbers of tracks start again: the old ones must be out */
      result = run_all (self, size);
      set_full (self, FALSE);
      break;
    case GST_EVENT_SEGMENT:
      set_full (self, FALSE);
      break;
    default:
      break;
  }
  gst_pad_push_event (self->srcpad, event);
  return result;
}

/* With `lock`: whether a batch of *size should run now; else until when to
 * wait, or -1 for as long as it takes. */
static gboolean
batch_is_due (GstReidEmbed *self, guint *size, gint64 *until)
{
  GstClockTime max_latency;
  guint chips = gst_reid_batch_chips (self->batch);

  GST_OBJECT_LOCK (self);
  *size = self->settings.batch_size;
  if (*size == 0)
    *size = (guint) reid_embedder_batch (self->embedder->embedder);
  max_latency = self->settings.max_latency;
  GST_OBJECT_UNLOCK (self);
  *until = -1;
  if (self->owed > 0 && self->n_buffers > 0)
    return FALSE;
  if (!g_queue_is_empty (&self->unsent))
    return TRUE;
  if (gst_reid_batch_is_empty (self->batch))
    return FALSE;
  if (chips >= *size || chips == 0)
    return TRUE;
  /* a producer waits, or soon will, for the memory that the batch holds */
  if (gst_reid_chip_bytes () > GST_REID_CHIP_BUDGET / 2)
    return TRUE;
  if (!GST_CLOCK_TIME_IS_VALID (max_latency))
    return FALSE;
  *until = gst_reid_batch_oldest (self->batch)
           + (gint64) (max_latency / GST_USECOND);
  return g_get_monotonic_time () >= *until;
}

/* Once, and not after an error of its own. Without `lock`. */
static void
tell_failure (GstReidEmbed *self, GstFlowReturn result)
{
  gboolean told;

  g_mutex_lock (&self->lock);
  told = self->told;
  self->told = TRUE;
  g_mutex_unlock (&self->lock);
  if (!told)
    GST_ELEMENT_FLOW_ERROR (self, result);
}

static void
gst_reid_embed_loop (GstPad *pad)
{
  GstReidEmbed *self = GST_REID_EMBED (GST_PAD_PARENT (pad));
  GstFlowReturn result;
  gpointer item = NULL;
  gint64 until;
  guint size = 1;
  gboolean tell;

  g_mutex_lock (&self->lock);
  while (self->result == GST_FLOW_OK && !batch_is_due (self, &size, &until)
         && !(item = g_queue_pop_head (&self->items))) {
    if (until < 0)
      g_cond_wait (&self->added, &self->lock);
    else
      g_cond_wait_until (&self->added, &self->lock, until);
  }
  result = self->result;
  self->busy = result == GST_FLOW_OK;
  if (item && GST_IS_BUFFER (item)) {
    self->n_buffers--;
    self->owed -= self->owed > 0;
  }
  g_cond_broadcast (&self->removed);
  g_mutex_unlock (&self->lock);

  if (result == GST_FLOW_OK)
    result = item ? handle_item (self, item, size) : run_batch (self, size);

  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  if (result != GST_FLOW_OK && self->result == GST_FLOW_OK)
    self->result = result;
  result = self->result;
  /* upstream has sent its last and will not see the failure */
  tell = self->eos && (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS);
  /* under the lock, so that whoever starts the task again comes after */
  if (result != GST_FLOW_OK)
    gst_pad_pause_task (self->srcpad);
  g_cond_broadcast (&self->removed);
  g_mutex_unlock (&self->lock);
  if (result == GST_FLOW_OK)
    return;

  GST_DEBUG_OBJECT (self, "pausing: %s", gst_flow_get_name (result));
  if (tell) {
    tell_failure (self, result);
    gst_pad_push_event (self->srcpad, gst_event_new_eos ());
  }
}

/* ---- the sink pad */

/* With `lock`, while the task stands still. Tracklets outlive a flush: what
 * was seen was seen. So do caps and tags, which nobody would send again. */
static void
drop_items (GstReidEmbed *self)
{
  gpointer item;

  while ((item = g_queue_pop_head (&self->items))) {
    if (is_tracklet (item))
      gst_reid_batch_push (
          self->batch,
          gst_reid_tracklet_ref (gst_event_get_reid_tracklet (item)),
          g_get_monotonic_time ());
    else if (GST_IS_EVENT (item) && GST_EVENT_IS_STICKY (item)
             && GST_EVENT_TYPE (item) != GST_EVENT_SEGMENT
             && GST_EVENT_TYPE (item) != GST_EVENT_EOS)
      gst_pad_store_sticky_event (self->srcpad, item);
    gst_mini_object_unref (item);
  }
  self->n_buffers = 0;
}

static void
start_task (GstReidEmbed *self)
{
  self->eos = self->full = self->told = FALSE;
  self->owed = 0;
  self->result = GST_FLOW_OK;
  gst_pad_start_task (self->srcpad, (GstTaskFunction) gst_reid_embed_loop,
                      self->srcpad, NULL);
}

static GstFlowReturn
gst_reid_embed_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);
  GstFlowReturn result;

  g_mutex_lock (&self->lock);
  self->blocked = TRUE;
  while (self->result == GST_FLOW_OK
         && (self->n_buffers >= MAX_BUFFERS
             || (self->full && (self->items.length > 0 || self->busy))))
    g_cond_wait (&self->removed, &self->lock);
  self->blocked = FALSE;
  result = self->result;
  if (result == GST_FLOW_OK && (self->eos || self->full))
    result = GST_FLOW_EOS;
  if (result == GST_FLOW_OK) {
    g_queue_push_tail (&self->items, buffer);
    self->n_buffers++;
    g_cond_signal (&self->added);
    buffer = NULL;
  }
  g_mutex_unlock (&self->lock);
  if (buffer)
    gst_buffer_unref (buffer);
  return result;
}

static void
remember_rate (GstReidEmbed *self, GstEvent *event)
{
  GstCaps *caps;
  gint n = 0, d = 1;

  gst_event_parse_caps (event, &caps);
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n,
                              &d);
  GST_OBJECT_LOCK (self);
  self->frame_duration =
      n > 0 ? gst_util_uint64_scale_int (GST_SECOND, d, n) : 0;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
enqueue_event (GstReidEmbed *self, GstEvent *event)
{
  GstFlowReturn result;
  gboolean ok;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
    remember_rate (self, event);
  g_mutex_lock (&self->lock);
  /* a stream after EOS needs no flush to start */
  if (self->eos && GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    while (self->busy
           || (self->result == GST_FLOW_OK && self->items.length > 0))
      g_cond_wait (&self->removed, &self->lock);
    if (self->result == GST_FLOW_EOS)
      start_task (self);
  }
  ok = (self->result == GST_FLOW_OK && !self->eos)
       || (self->result == GST_FLOW_FLUSHING && is_tracklet (event));
  if (ok) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
      self->eos = TRUE;
    g_queue_push_tail (&self->items, event);
    g_cond_signal (&self->added);
  }
  result = self->result;
  g_mutex_unlock (&self->lock);
  if (ok)
    return TRUE;
  /* the last buffers were refused by the task, which nobody upstream saw */
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS
      && (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS))
    tell_failure (self, result);
  gst_event_unref (event);
  return FALSE;
}

static void
set_flushing (GstReidEmbed *self)
{
  g_mutex_lock (&self->lock);
  self->result = GST_FLOW_FLUSHING;
  g_cond_broadcast (&self->added);
  g_cond_broadcast (&self->removed);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_reid_embed_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);
  gboolean ok;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      ok = gst_pad_push_event (self->srcpad, event);
      set_flushing (self);
      gst_pad_pause_task (self->srcpad);
      return ok;
    case GST_EVENT_FLUSH_STOP:
      /* some send it without a start */
      set_flushing (self);
      gst_pad_pause_task (self->srcpad);
      ok = gst_pad_push_event (self->srcpad, event);
      g_mutex_lock (&self->lock);
      drop_items (self);
      if (GST_PAD_MODE (self->srcpad) != GST_PAD_MODE_NONE)
        start_task (self);
      g_mutex_unlock (&self->lock);
      return ok;
    default:
      if (GST_EVENT_IS_SERIALIZED (event))
        return enqueue_event (self, event);
      return gst_pad_push_event (self->srcpad, event);
  }
}

static gboolean
answer_allocation (GstReidEmbed *self, GstQuery *query)
{
  gst_pad_peer_query (self->srcpad, query);
  return gst_reid_held_answer_allocation (query, MAX_BUFFERS, 0);
}

static gboolean
gst_reid_embed_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);
  gboolean ok;

  if (GST_QUERY_IS_SERIALIZED (query)) {
    /* behind everything that came before it */
    g_mutex_lock (&self->lock);
    while (self->result == GST_FLOW_OK
           && (self->items.length > 0 || self->busy))
      g_cond_wait (&self->removed, &self->lock);
    ok = self->result == GST_FLOW_OK;
    g_mutex_unlock (&self->lock);
    if (!ok)
      return FALSE;
    return GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION
               ? answer_allocation (self, query)
               : gst_pad_peer_query (self->srcpad, query);
  }
  return gst_pad_query_default (pad, parent, query);
}

static gboolean
gst_reid_embed_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    GstClockTime min, max;
    gboolean live;

    if (!gst_pad_peer_query (self->sinkpad, query))
      return FALSE;
    gst_query_parse_latency (query, &live, &min, &max);
    GST_OBJECT_LOCK (self);
    min += self->batch_time;
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += MAX (self->batch_time, MAX_BUFFERS * self->frame_duration);
    GST_OBJECT_UNLOCK (self);
    gst_query_set_latency (query, live, min, max);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}

static gboolean
gst_reid_embed_sink_activate_mode (GstPad *pad, GstObject *parent,
                                   GstPadMode mode, gboolean active)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (!active)
    set_flushing (self);
  return TRUE;
}

static gboolean
gst_reid_embed_src_activate_mode (GstPad *pad, GstObject *parent,
                                  GstPadMode mode, gboolean active)
{
  GstReidEmbed *self = GST_REID_EMBED (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active) {
    g_mutex_lock (&self->lock);
    start_task (self);
    g_mutex_unlock (&self->lock);
    return TRUE;
  }
  set_flushing (self);
  return gst_pad_stop_task (pad);
}

/* While both pads are inactive. */
static void
forget (GstReidEmbed *self)
{
  g_mutex_lock (&self->lock);
  g_queue_clear_full (&self->items, (GDestroyNotify) gst_mini_object_unref);
  self->n_buffers = 0;
  g_mutex_unlock (&self->lock);
  g_queue_clear_full (&self->unsent, (GDestroyNotify) gst_reid_tracklet_unref);
  gst_reid_batch_free (self->batch);
  self->batch = gst_reid_batch_new ();
}

static GstStateChangeReturn
gst_reid_embed_change_state (GstElement *element, GstStateChange transition)
{
  GstReidEmbed *self = GST_REID_EMBED (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open_model (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_reid_embed_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && result == GST_STATE_CHANGE_FAILURE)) {
    forget (self);
    close_model (self);
  }
  return result;
}

static void
gst_reid_embed_set_property (GObject *object, guint id, const GValue *value,
                             GParamSpec *spec)
{
  GstReidEmbed *self = GST_REID_EMBED (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_embed_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  /* what waits may be due now */
  g_mutex_lock (&self->lock);
  g_cond_signal (&self->added);
  g_mutex_unlock (&self->lock);
}

static void
gst_reid_embed_get_property (GObject *object, guint id, GValue *value,
                             GParamSpec *spec)
{
  GstReidEmbed *self = GST_REID_EMBED (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_embed_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_embed_finalize (GObject *object)
{
  GstReidEmbed *self = GST_REID_EMBED (object);

  forget (self);
  gst_reid_batch_free (self->batch);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->added);
  g_cond_clear (&self->removed);
  gst_reid_embed_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_reid_embed_parent_class)->finalize (object);
}

static void
gst_reid_embed_class_init (GstReidEmbedClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_reid_embed_debug, "reidembed", 0,
                           "face embedding");

  object_class->set_property = gst_reid_embed_set_property;
  object_class->get_property = gst_reid_embed_get_property;
  object_class->finalize = gst_reid_embed_finalize;

  gst_reid_embed_settings_install (object_class);
  gst_element_class_set_static_metadata (
      element_class, "Face embedder", "Filter/Analyzer/Video",
      "Makes vectors of the tracklets' faces with a neural network, in batches",
      "The gst-reid authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_reid_embed_change_state);
}

static void
gst_reid_embed_init (GstReidEmbed *self)
{
  gst_reid_embed_settings_init (&self->settings);
  self->result = GST_FLOW_FLUSHING;
  g_mutex_init (&self->lock);
  g_cond_init (&self->added);
  g_cond_init (&self->removed);
  g_queue_init (&self->items);
  g_queue_init (&self->unsent);
  self->batch = gst_reid_batch_new ();
  self->stages[STAGE_ALIGN].name = "align";
  self->stages[STAGE_NETWORK].name = "network";

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_reid_embed_chain);
  gst_pad_set_event_function (self->sinkpad, gst_reid_embed_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_reid_embed_sink_query);
  gst_pad_set_activatemode_function (self->sinkpad,
                                     gst_reid_embed_sink_activate_mode);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_query_function (self->srcpad, gst_reid_embed_src_query);
  gst_pad_set_activatemode_function (self->srcpad,
                                     gst_reid_embed_src_activate_mode);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
