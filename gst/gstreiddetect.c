/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-reiddetect
 * @title: reiddetect
 * @short_description: finds the faces of every frame
 *
 * Runs a face detector on video and puts one #GstReidFrameMeta, and a
 * #GstVideoRegionOfInterestMeta of type "face" for each face, on every buffer.
 * Frames are read in whatever raw layout they come and leave unchanged.
 *
 * The network is an ONNX file with the head of YuNet, Ultra-Light or
 * BlazeFace; see #GstReidModel for how it is found.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=episode.mp4 ! decodebin ! reiddetect !
 * reidtrack ! reidembed ! reidcluster location=episode.reid ! fakesink
 * ]|
 * Finds, follows, embeds and tells apart the people of a file.
 * |[
 * gst-launch-1.0 filesrc location=episode.mp4 ! decodebin ! reiddetect
 * batch-size=16 device=cuda ! reidtrack ! reidembed ! reidcluster
 * location=episode.reid ! fakesink
 * ]|
 * Detects on 16 frames at a time, which is what a GPU wants.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! reiddetect inference-interval=5
 * threshold=0.8 ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "gstreiddetect.h"

#include <gst/reid/gstreidmodel-private.h>
#include <gst/reid/reid.h>

#include "gstreiddeadline.h"
#include "gstreiddetect-batch.h"
#include "gstreiddetect-settings.h"
#include "gstreidframetime.h"
#include "gstreidinfo.h"
#include "gstreidvideo.h"

GST_DEBUG_CATEGORY_STATIC (gst_reid_detect_debug);
#define GST_CAT_DEFAULT gst_reid_detect_debug

/* A picture on which the network fails is told and passed on; a network that
 * fails on this many in a row will not recover. */
#define MAX_FAILURES 10
/* Frames at a time where batch-size leaves it to the device. */
#define GPU_BATCH 16

struct _GstReidDetect {
  GstBaseTransform parent;

  /* under the object lock */
  GstReidDetectSettings settings;
  gboolean changed;

  GstReidDeadline *deadline; /* of the frames in the batch */

  /* streaming thread, or the deadline's with its lock */
  ReidDetector *detector;
  GstReidModel *found;
  GstVideoInfo info;
  guint64 frame;
  guint32 segment;
  guint32 stream; /* sequence number of its STREAM_START */
  gboolean segment_used, info_sent;
  gboolean failed; /* an error was posted */
  gboolean moved;  /* to the CPU, which was told */
  guint failures;
  GstReidDetectBatch *batch;
  GArray *faces;
  gdouble seconds;
  guint64 runs;
  GstReidStage stages[GST_REID_DETECT_STAGES];
  GstReidFrameTime frame_time;

  /* under the object lock */
  guint most;            /* frames that are detected on at a time */
  GstClockTime earliest; /* running time before which a frame is late */
  gdouble proportion;
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                             GST_STATIC_CAPS (GST_REID_VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_REID_VIDEO_CAPS));

G_DEFINE_FINAL_TYPE (GstReidDetect, gst_reid_detect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (reiddetect, "reiddetect", GST_RANK_NONE,
                             GST_TYPE_REID_DETECT)

static void
choose_batch (GstReidDetect *self)
{
  guint asked;

  GST_OBJECT_LOCK (self);
  asked = self->settings.batch_size;
  self->most = asked                                   ? asked
               : reid_detector_on_gpu (self->detector) ? GPU_BATCH
                                                       : 1;
  if (reid_detector_batch (self->detector) == 1)
    self->most = 1; /* waiting would gain nothing */
  GST_OBJECT_UNLOCK (self);
  if (asked > self->most)
    GST_WARNING_OBJECT (self,
                        "the network takes only one picture at a time: "
                        "batch-size=%u is of no use",
                        asked);
}

/* TRUE where it was told now. */
static gboolean
tell_move (GstReidDetect *self)
{
  const gchar *why = reid_detector_moved (self->detector);

  if (!why || self->moved)
    return FALSE;
  self->moved = TRUE;
  GST_ELEMENT_WARNING (self, RESOURCE, FAILED,
                       ("The GPU cannot run %s, which goes on on the CPU, "
                        "slower: %s",
                        self->found->name, why),
                       (NULL));
  return TRUE;
}

static gboolean
gst_reid_detect_start (GstBaseTransform *trans)
{
  GstReidDetect *self = GST_REID_DETECT (trans);
  ReidDetectorOptions options;
  ReidDetectorInfo info;
  ReidError error = REID_ERROR_INIT;
  GError *gerror = NULL;
  gchar *name, *device, advice[512];

  GST_OBJECT_LOCK (self);
  name = g_strdup (self->settings.model);
  device = g_strdup (self->settings.device);
  gst_reid_detect_settings_to_options (&self->settings, &options);
  self->changed = FALSE;
  self->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
  gst_reid_frame_time_reset (&self->frame_time, GST_ELEMENT (self));

  options.device = device;
  self->found = gst_reid_model_find (GST_REID_MODEL_DETECTOR, name, &gerror);
  if (self->found
      && gst_reid_model_get_detector_info (self->found, &info, &gerror))
    self->detector =
        reid_detector_new (self->found->path, &info, &options, &error);
  g_free (name);
  g_free (device);
  if (gerror)
    GST_REID_ELEMENT_GERROR (self, gerror);
  else if (!self->detector)
    GST_REID_ELEMENT_ERROR (self, &error);
  if (!self->detector) {
    g_clear_pointer (&self->found, gst_reid_model_free);
    return FALSE;
  }
  GST_INFO_OBJECT (self, "model %s (%s), %s", self->found->path,
                   self->found->reason,
                   reid_detector_device_reason (self->detector));
  if (reid_gpu_advice (advice, sizeof advice))
    GST_WARNING_OBJECT (self, "%s", advice);
  choose_batch (self);
  self->frame = 0;
  self->segment = 0;
  self->segment_used = FALSE;
  self->stream = GST_SEQNUM_INVALID;
  self->info_sent = FALSE;
  self->failed = FALSE;
  self->moved = FALSE;
  tell_move (self);
  self->failures = 0;
  self->seconds = 0;
  self->runs = 0;
  gst_reid_stages_reset (self->stages, GST_REID_DETECT_STAGES);
  return TRUE;
}

static gboolean
gst_reid_detect_stop (GstBaseTransform *trans)
{
  GstReidDetect *self = GST_REID_DETECT (trans);

  gst_reid_deadline_stop (self->deadline);
  gst_reid_detect_batch_free (self->batch);
  self->batch = gst_reid_detect_batch_new ();
  g_clear_pointer (&self->detector, reid_detector_free);
  g_clear_pointer (&self->found, gst_reid_model_free);
  return TRUE;
}

/* Frames that wait at most, for the one with which their run begins. */
static guint
most_waiting (GstReidDetect *self)
{
  guint64 n;

  GST_OBJECT_LOCK (self);
  n = (guint64) (self->most - 1) * self->settings.inference_interval;
  GST_OBJECT_UNLOCK (self);
  return (guint) MIN (n, GST_REID_DETECT_MOST_HELD - 1);
}

static void
tell_latency (GstReidDetect *self)
{
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_latency (GST_OBJECT (self)));
}

static gboolean
gst_reid_detect_set_caps (GstBaseTransform *trans, GstCaps *incaps,
                          GstCaps *outcaps)
{
  GstReidDetect *self = GST_REID_DETECT (trans);

  if (!gst_video_info_from_caps (&self->info, incaps))
    return FALSE;
  if (gst_reid_frame_time_set_caps (&self->frame_time, GST_ELEMENT (self),
                                    &self->info)
      && most_waiting (self) > 0)
    tell_latency (self);
  return TRUE;
}

/* The base class would drop late frames. Here they stay, and only go without
 * a detection, so that it must not see the event. */
static gboolean
gst_reid_detect_src_event (GstBaseTransform *trans, GstEvent *event)
{
  GstReidDetect *self = GST_REID_DETECT (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    GstClockTimeDiff diff;
    GstClockTime timestamp;
    gdouble proportion;

    gst_event_parse_qos (event, NULL, &proportion, &diff, &timestamp);
    GST_OBJECT_LOCK (self);
    self->proportion = proportion;
    if (!GST_CLOCK_TIME_IS_VALID (timestamp))
      self->earliest = GST_CLOCK_TIME_NONE;
    else if (diff > 0)
      self->earliest = timestamp + 2 * diff;
    else
      self->earliest = timestamp > (GstClockTime) -diff ? timestamp + diff : 0;
    GST_OBJECT_UNLOCK (self);
    return gst_pad_push_event (trans->sinkpad, event);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_reid_detect_parent_class)
      ->src_event (trans, event);
}

static gboolean
is_late (GstReidDetect *self, GstBuffer *buffer)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstClockTime earliest, running;
  gdouble proportion;
  GstMessage *message;

  if (!gst_base_transform_is_qos_enabled (trans)
      || trans->segment.format != GST_FORMAT_TIME)
    return FALSE;
  GST_OBJECT_LOCK (self);
  earliest = self->earliest;
  proportion = self->proportion;
  GST_OBJECT_UNLOCK (self);
  running = gst_segment_to_running_time (&trans->segment, GST_FORMAT_TIME,
                                         GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (earliest) || !GST_CLOCK_TIME_IS_VALID (running)
      || running >= earliest)
    return FALSE;
  message = gst_message_new_qos (
      GST_OBJECT (self), FALSE, running,
      gst_segment_to_stream_time (&trans->segment, GST_FORMAT_TIME,
                                  GST_BUFFER_PTS (buffer)),
      GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer));
  gst_message_set_qos_values (message, (gint64) (earliest - running),
                              proportion, 1000000);
  gst_element_post_message (GST_ELEMENT (self), message);
  return TRUE;
}

static void
send_info (GstReidDetect *self)
{
  if (self->info_sent)
    return;
  self->info_sent = TRUE;
  gst_pad_push_event (
      GST_BASE_TRANSFORM_SRC_PAD (self),
      gst_reid_info_event (GST_ELEMENT (self), "model-name", self->found->name,
                           "model-sha256", self->found->sha256, "model-licence",
                           self->found->licence, "backend",
                           reid_detector_device_reason (self->detector), NULL));
}

/* FALSE after an error message. */
static gboolean
count_failure (GstReidDetect *self, const GstReidDetectHeld *held)
{
  if (!held->error) {
    if (held->faces)
      self->failures = 0;
    return TRUE;
  }
  /* want of memory is not the frame's fault */
  if (++self->failures >= MAX_FAILURES
      || held->error->status == REID_ERROR_MEMORY) {
    GST_REID_ELEMENT_ERROR (self, held->error);
    self->failed = TRUE;
    return FALSE;
  }
  GST_ELEMENT_WARNING (self, STREAM, FAILED,
                       ("No detection on frame %" G_GUINT64_FORMAT ": %s",
                        held->frame, held->error->message),
                       (NULL));
  return TRUE;
}

/* A frame on which this detector does not run keeps the faces that others
 * found. */
static void
take_found (GstReidDetect *self, GstBuffer *buffer,
            const GstReidFrameMeta *meta, GstReidFrameState *state)
{
  GArray *faces;

  if (meta) {
    *state = meta->state;
    g_array_append_vals (self->faces, meta->faces, meta->n_faces);
    return;
  }
  faces = gst_reid_faces_from_regions (buffer, &self->info);
  if (faces->len > 0) {
    *state = GST_REID_FRAME_DETECTED;
    g_array_append_vals (self->faces, faces->data, faces->len);
  }
  g_array_free (faces, TRUE);
}

/* Tells what is known of a frame, and sends it on. */
static GstFlowReturn
finish_frame (GstReidDetect *self, GstReidDetectHeld *held)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstBuffer *buffer = g_steal_pointer (&held->base.buffer);
  GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (buffer);
  GstReidFrameState state = held->faces   ? GST_REID_FRAME_DETECTED
                            : held->error ? GST_REID_FRAME_FAILED
                                          : GST_REID_FRAME_SKIPPED;

  if (!count_failure (self, held)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  g_array_set_size (self->faces, 0);
  if (held->faces)
    g_array_append_vals (self->faces, held->faces->data, held->faces->len);
  else if (!held->error)
    take_found (self, buffer, meta, &state);
  if (!meta)
    meta = gst_buffer_add_reid_frame_meta (buffer);
  meta->state = state;
  meta->frame = held->frame;
  meta->stream_time = held->stream_time;
  meta->duration = GST_BUFFER_DURATION (buffer);
  meta->segment = held->segment;
  gst_reid_display_size (&self->info, &meta->display_width,
                         &meta->display_height);
  meta->tracked = FALSE;
  meta->shot = meta->shot_start = 0;
  gst_reid_frame_meta_set_faces (meta, (GstReidFace *) self->faces->data,
                                 self->faces->len);
  gst_reid_update_regions (buffer, &self->info,
                           (GstReidFace *) self->faces->data, self->faces->len);
  GST_LOG_OBJECT (self, "frame %" G_GUINT64_FORMAT ": %u faces", meta->frame,
                  meta->n_faces);
  send_info (self);
  if (trans->segment.format == GST_FORMAT_TIME
      && GST_BUFFER_PTS_IS_VALID (buffer)) /* for POSITION queries */
    trans->segment.position = GST_BUFFER_PTS (buffer);
  return gst_pad_push (trans->srcpad, buffer);
}

/* What changed while the network ran. */
static void
tell_memory (GstReidDetect *self, int batch)
{
  guint waiting = most_waiting (self);

  if (tell_move (self)) {
    self->info_sent = FALSE;
    choose_batch (self);
    if (most_waiting (self) != waiting)
      tell_latency (self);
  } else if (reid_detector_batch (self->detector) < batch) {
    GST_WARNING_OBJECT (self, "no memory for more than %d frames at once",
                        reid_detector_batch (self->detector));
  }
}

/* Detects on what waits, and sends all of it on. */
static GstFlowReturn
release (GstReidDetect *self)
{
  GstFlowReturn result = GST_FLOW_OK;
  GstReidDetectHeld *held;
  guint64 start = reid_clock ();
  guint n = gst_reid_detect_batch_asked (self->batch);

  gst_reid_deadline_clear (self->deadline);
  if (n > 0) {
    int batch = reid_detector_batch (self->detector);
    gst_reid_detect_batch_run (self->batch, self->detector, &self->info,
                               GST_ELEMENT (self), self->stages);
    self->seconds += (gdouble) (reid_clock () - start) * 1e-9;
    self->runs += n;
    tell_memory (self, batch);
  }
  while ((held = gst_reid_detect_batch_pop (self->batch))) {
    if (held->base.event)
      gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self),
                          g_steal_pointer (&held->base.event));
    else if (result == GST_FLOW_OK)
      result = finish_frame (self, held);
    gst_reid_detect_held_free (held);
  }
  return result;
}

/* Properties count from the frame on before which they were set. */
static GstFlowReturn
configure (GstReidDetect *self)
{
  ReidDetectorOptions options;
  ReidError error = REID_ERROR_INIT;
  GstFlowReturn result;
  gboolean changed;

  GST_OBJECT_LOCK (self);
  changed = self->changed;
  self->changed = FALSE;
  if (changed)
    gst_reid_detect_settings_to_options (&self->settings, &options);
  GST_OBJECT_UNLOCK (self);
  if (!changed)
    return GST_FLOW_OK;
  result = release (self);
  if (result == GST_FLOW_OK
      && !reid_detector_configure (self->detector, &options, &error)) {
    GST_REID_ELEMENT_ERROR (self, &error);
    self->failed = TRUE;
    result = GST_FLOW_ERROR;
  }
  return result;
}

/* How long they wait for it, and what is granted behind a live source to the
 * last of them: its time is up when it shall come, and no source keeps that
 * time to the instant. */
static void
longest_wait (GstReidDetect *self, GstClockTime *delay, GstClockTime *slack)
{
  GstClockTime frame =
      gst_reid_frame_time_get (&self->frame_time, GST_ELEMENT (self));

  *delay = most_waiting (self) * frame;
  *slack = *delay > 0 ? frame / 2 : 0;
}

static void
begin_wait (GstReidDetect *self, GstBuffer *buffer)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstClockTime delay, slack, time = GST_CLOCK_TIME_NONE;

  if (trans->segment.format == GST_FORMAT_TIME)
    time = gst_segment_to_running_time (&trans->segment, GST_FORMAT_TIME,
                                        GST_BUFFER_PTS (buffer));
  longest_wait (self, &delay, &slack);
  if (!gst_reid_deadline_set (self->deadline, time, delay, slack))
    GST_WARNING_OBJECT (self, "no thread to be had: what waits for a batch "
                              "waits for as long as the source stalls");
}

static GstFlowReturn
time_is_up (GstElement *element)
{
  GstReidDetect *self = GST_REID_DETECT (element);

  GST_DEBUG_OBJECT (self, "time is up for %u frames",
                    gst_reid_detect_batch_buffers (self->batch));
  return release (self);
}

/* One frame in; none, or several, out: so that they are pushed from here, and
 * the base class sees no buffer come back. */
static GstFlowReturn
gst_reid_detect_generate_output (GstBaseTransform *trans, GstBuffer **out)
{
  GstReidDetect *self = GST_REID_DETECT (trans);
  GstBuffer *buffer = g_steal_pointer (&trans->queued_buf);
  GstReidDetectHeld *held;
  GstFlowReturn result;
  guint interval, most, n_asked, n;
  gboolean asked;

  *out = NULL;
  if (!buffer)
    return GST_FLOW_OK;
  result = gst_reid_deadline_take_result (self->deadline);
  if (result == GST_FLOW_OK)
    result = configure (self);
  if (result != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return result;
  }
  GST_OBJECT_LOCK (self);
  interval = self->settings.inference_interval;
  most = self->most;
  GST_OBJECT_UNLOCK (self);
  if (gst_reid_frame_time_add (&self->frame_time, GST_ELEMENT (self),
                               &self->info, GST_BUFFER_PTS (buffer))
      && most_waiting (self) > 0)
    tell_latency (self);
  asked =
      interval > 0 && self->frame % interval == 0 && !is_late (self, buffer);
  held = gst_reid_detect_batch_add_buffer (
      self->batch, gst_buffer_make_writable (buffer), asked);
  held->frame = self->frame++;
  held->segment = self->segment;
  held->stream_time = GST_CLOCK_TIME_NONE;
  if (trans->segment.format == GST_FORMAT_TIME)
    held->stream_time = gst_segment_to_stream_time (
        &trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (held->base.buffer));
  self->segment_used = TRUE;
  n_asked = gst_reid_detect_batch_asked (self->batch);
  n = gst_reid_detect_batch_buffers (self->batch);
  if (n_asked == 0 || n_asked >= most || n > most_waiting (self))
    return release (self);
  if (n == 1)
    begin_wait (self, held->base.buffer);
  return GST_FLOW_OK;
}

/* ---- events */

static void
begin_segment (GstReidDetect *self)
{
  if (self->segment_used)
    self->segment++;
  self->segment_used = FALSE;
  gst_reid_frame_time_break (&self->frame_time);
  GST_OBJECT_LOCK (self);
  self->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_reid_detect_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstReidDetect *self = GST_REID_DETECT (trans);

  /* Whatever else comes in its turn comes after the frames that wait. */
  if (gst_reid_detect_batch_take_tag (self->batch, event))
    return TRUE;
  if (GST_EVENT_IS_SERIALIZED (event)
      && GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_STOP) {
    GstFlowReturn result = release (self);

    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
      GstFlowReturn earlier = gst_reid_deadline_take_result (self->deadline);

      if (earlier != GST_FLOW_OK)
        result = earlier;
      /* upstream has sent its last buffer and will not see the failure */
      if (!self->failed
          && (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS))
        GST_ELEMENT_FLOW_ERROR (self, result);
    }
  }

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      /* one that is sent again, since pads were linked anew, begins nothing */
      if (gst_event_get_seqnum (event) == self->stream)
        break;
      self->stream = gst_event_get_seqnum (event);
      gst_reid_deadline_forget (self->deadline);
      self->frame = 0;
      self->segment = 0;
      self->segment_used = FALSE;
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_reid_deadline_flush (self->deadline);
      gst_reid_detect_batch_discard (self->batch, trans->srcpad);
      begin_segment (self);
      break;
    case GST_EVENT_SEGMENT:
      begin_segment (self);
      break;
    case GST_EVENT_EOS:
      gst_pad_push_event (
          trans->srcpad,
          gst_reid_stats_event (GST_ELEMENT (self), self->seconds, self->runs,
                                self->stages, GST_REID_DETECT_STAGES));
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_reid_detect_parent_class)
      ->sink_event (trans, event);
}

/* ---- queries */

static gboolean
gst_reid_detect_propose_allocation (GstBaseTransform *trans, GstQuery *decided,
                                    GstQuery *query)
{
  guint min = 0;

  if (!GST_BASE_TRANSFORM_CLASS (gst_reid_detect_parent_class)
           ->propose_allocation (trans, decided, query))
    return FALSE;
  if (decided && gst_query_get_n_allocation_pools (decided) > 0)
    gst_query_parse_nth_allocation_pool (decided, 0, NULL, NULL, &min, NULL);
  gst_reid_held_answer_allocation (query,
                                   most_waiting (GST_REID_DETECT (trans)), min);
  return TRUE;
}

static gboolean
gst_reid_detect_query (GstBaseTransform *trans, GstPadDirection direction,
                       GstQuery *query)
{
  GstReidDetect *self = GST_REID_DETECT (trans);

  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    GstClockTime delay, slack;

    longest_wait (self, &delay, &slack);
    return gst_reid_deadline_answer_latency (self->deadline, query, delay,
                                             slack);
  }
  if (direction == GST_PAD_SINK && GST_QUERY_IS_SERIALIZED (query))
    release (self);
  return GST_BASE_TRANSFORM_CLASS (gst_reid_detect_parent_class)
      ->query (trans, direction, query);
}

/* ---- states */

static GstStateChangeReturn
gst_reid_detect_change_state (GstElement *element, GstStateChange transition)
{
  gst_reid_deadline_set_playing (GST_REID_DETECT (element)->deadline,
                                 GST_STATE_TRANSITION_NEXT (transition)
                                     == GST_STATE_PLAYING);
  return GST_ELEMENT_CLASS (gst_reid_detect_parent_class)
      ->change_state (element, transition);
}

/* ---- object */

static void
gst_reid_detect_set_property (GObject *object, guint id, const GValue *value,
                              GParamSpec *spec)
{
  GstReidDetect *self = GST_REID_DETECT (object);
  guint waiting = most_waiting (self);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_detect_settings_set (&self->settings, id, value);
  self->changed = TRUE;
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  if (most_waiting (self) != waiting)
    tell_latency (self);
}

static void
gst_reid_detect_get_property (GObject *object, guint id, GValue *value,
                              GParamSpec *spec)
{
  GstReidDetect *self = GST_REID_DETECT (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_detect_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_detect_finalize (GObject *object)
{
  GstReidDetect *self = GST_REID_DETECT (object);

  gst_reid_detect_settings_clear (&self->settings);
  g_array_free (self->faces, TRUE);
  gst_reid_deadline_free (self->deadline);
  gst_reid_detect_batch_free (self->batch);
  G_OBJECT_CLASS (gst_reid_detect_parent_class)->finalize (object);
}

static void
gst_reid_detect_class_init (GstReidDetectClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_reid_detect_debug, "reiddetect", 0,
                           "face detection");

  object_class->set_property = gst_reid_detect_set_property;
  object_class->get_property = gst_reid_detect_get_property;
  object_class->finalize = gst_reid_detect_finalize;

  gst_reid_detect_settings_install (object_class);
  gst_element_class_set_static_metadata (
      element_class, "Face detector", "Filter/Analyzer/Video",
      "Finds the faces of every frame with a neural network and leaves them "
      "as metas",
      "The gst-reid authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_reid_detect_change_state);
  trans_class->start = GST_DEBUG_FUNCPTR (gst_reid_detect_start);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_reid_detect_stop);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_reid_detect_set_caps);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_reid_detect_sink_event);
  trans_class->src_event = GST_DEBUG_FUNCPTR (gst_reid_detect_src_event);
  trans_class->query = GST_DEBUG_FUNCPTR (gst_reid_detect_query);
  trans_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_reid_detect_propose_allocation);
  trans_class->generate_output =
      GST_DEBUG_FUNCPTR (gst_reid_detect_generate_output);
}

static void
gst_reid_detect_init (GstReidDetect *self)
{
  gst_reid_detect_settings_init (&self->settings);
  self->most = 1;
  self->stages[GST_REID_DETECT_STAGE_MAP].name = "map";
  self->stages[GST_REID_DETECT_STAGE_LETTERBOX].name = "letterbox";
  self->stages[GST_REID_DETECT_STAGE_NETWORK].name = "network";
  self->stages[GST_REID_DETECT_STAGE_DECODE].name = "decode";
  self->deadline = gst_reid_deadline_new (
      GST_ELEMENT (self), GST_BASE_TRANSFORM_SINK_PAD (self), time_is_up);
  self->batch = gst_reid_detect_batch_new ();
  self->faces = g_array_new (FALSE, FALSE, sizeof (GstReidFace));
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), FALSE);
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}
