/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-reidtestsrc
 * @title: reidtestsrc
 * @short_description: a synthetic episode with people in it
 *
 * Draws people who talk, turn, come, cross and come back, in shots with cuts
 * and fades, as videotestsrc draws test patterns. Every buffer carries a
 * #GstReidTruthMeta: who is where. The same seed, size, rate, #people and
 * #shots give the same bytes on every machine.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 reidtestsrc num-buffers=500 ! reiddetect ! reidtrack !
 * reidembed ! reidcluster location=out ! fakesink
 * ]|
 * Finds the people of twenty seconds again.
 * |[
 * gst-launch-1.0 reidtestsrc people=6 shots=20 seed=7
 * truth-location=episode.truth.json ! videoconvert ! x264enc ! mp4mux !
 * filesink location=episode.mp4
 * ]|
 *
 * Since: 0.1
 */
#include "gstreidtestsrc.h"

#include <gst/reid/reid.h>
#include <string.h>

#include "gstreidvideo.h"

GST_DEBUG_CATEGORY_STATIC (gst_reid_test_src_debug);
#define GST_CAT_DEFAULT gst_reid_test_src_debug

#define DEFAULT_PEOPLE 4
#define DEFAULT_SHOTS 0
#define DEFAULT_SEED 0
#define DEFAULT_IS_LIVE FALSE
#define DEFAULT_TIMESTAMP_OFFSET 0
#define DEFAULT_THREADS 0
#define DEFAULT_TRUTH_LOCATION NULL

#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 720
#define DEFAULT_RATE 25

enum {
  PROP_0,
  PROP_PEOPLE,
  PROP_SHOTS,
  PROP_SEED,
  PROP_IS_LIVE,
  PROP_TIMESTAMP_OFFSET,
  PROP_THREADS,
  PROP_TRUTH_LOCATION
};

struct _GstReidTestSrc {
  GstPushSrc parent;

  /* properties, under the object lock */
  guint people, shots, seed, threads;
  gint64 timestamp_offset;
  gchar *truth_location;
  /* under the object lock: since the start an error was posted, an EOS event
   * was sent to the element */
  gboolean failed, eos_sent;
  GstVideoInfo info;
  gint64 frames; /* length of the episode, -1 = endless */

  /* streaming thread */
  ReidSynth *synth;
  ReidSynthFile *file;
  gboolean file_done; /* one file a start */
  gboolean padded;    /* frames have bytes that are no pixels */
  gboolean reverse;
  GstClockTime position; /* where the next frame begins (reverse: ends) */
  gint64 frame;          /* its number; reverse: one less is next */
};

#define FORMATS                                                                \
  "{ I420, NV12, YV12, NV21, Y42B, Y444, RGB, BGR, RGBx, BGRx, xRGB, xBGR, "   \
  "RGBA, BGRA, ARGB, ABGR, GRAY8 }"

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) " FORMATS
                     ", width = (int) [ 1, 32768 ], height = (int) [ 1, "
                     "32768 ], framerate = (fraction) [ 1/2147483647, "
                     "2147483647/1 ]"));

G_DEFINE_FINAL_TYPE (GstReidTestSrc, gst_reid_test_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE (reidtestsrc, "reidtestsrc", GST_RANK_NONE,
                             GST_TYPE_REID_TEST_SRC)

/* ---- time and frames */

static GstClockTime
frame_time (const GstVideoInfo *info, gint64 frame)
{
  return gst_util_uint64_scale (
      (guint64) frame, (guint64) GST_VIDEO_INFO_FPS_D (info) * GST_SECOND,
      (guint64) GST_VIDEO_INFO_FPS_N (info));
}

/* The frame that is shown at a time. */
static gint64
frame_at (const GstVideoInfo *info, GstClockTime time)
{
  gint64 frame = (gint64) gst_util_uint64_scale (
      time, (guint64) GST_VIDEO_INFO_FPS_N (info),
      (guint64) GST_VIDEO_INFO_FPS_D (info) * GST_SECOND);

  return frame_time (info, frame + 1) <= time ? frame + 1 : frame;
}

static void
find_frame (GstReidTestSrc *self)
{
  self->frame = frame_at (&self->info, self->position);
  /* backwards the frame that runs at the end is the first to go */
  if (self->reverse && frame_time (&self->info, self->frame) < self->position)
    self->frame++;
  if (self->reverse && self->frames >= 0 && self->frame > self->frames)
    self->frame = self->frames;
}

/* ---- the truth file */

static gboolean
has_failed (GstReidTestSrc *self)
{
  gboolean failed;

  GST_OBJECT_LOCK (self);
  failed = self->failed;
  GST_OBJECT_UNLOCK (self);
  return failed;
}

static gboolean
open_file (GstReidTestSrc *self, ReidError *error)
{
  gchar *location;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->truth_location);
  GST_OBJECT_UNLOCK (self);
  self->file_done = TRUE;
  if (location)
    self->file = reid_synth_file_new (location, self->synth, error);
  g_free (location);
  return error->status == REID_OK;
}

static void
close_file (GstReidTestSrc *self, gboolean partial)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynthFile *file = g_steal_pointer (&self->file);

  if (!file)
    return;
  if (has_failed (self))
    reid_synth_file_drop (file);
  else if (!reid_synth_file_finish (file, partial, &error))
    GST_REID_ELEMENT_ERROR (self, &error);
}

/* The base class also sends EOS when those downstream want no more, and a
 * GstBaseSink that is being taken down may answer so. */
static gboolean
has_ended (GstReidTestSrc *self)
{
  const GstBaseSrc *src = GST_BASE_SRC (self);
  const GstSegment *segment = &src->segment;
  gboolean eos_sent;

  GST_OBJECT_LOCK (self);
  eos_sent = self->eos_sent;
  GST_OBJECT_UNLOCK (self);
  if (eos_sent || src->num_buffers_left == 0)
    return TRUE;
  if (self->reverse)
    return self->frame <= 0 || segment->position <= segment->start;
  return (self->frames >= 0 && self->frame >= self->frames)
         || (GST_CLOCK_TIME_IS_VALID (segment->stop)
             && segment->position >= segment->stop);
}

/* Before EOS goes downstream, so that whoever sees it finds the file. */
static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    close_file (data, !has_ended (data));
  return GST_PAD_PROBE_OK;
}

static gboolean
gst_reid_test_src_send_event (GstElement *element, GstEvent *event)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (element);

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    GST_OBJECT_LOCK (self);
    self->eos_sent = TRUE;
    GST_OBJECT_UNLOCK (self);
  }
  return GST_ELEMENT_CLASS (gst_reid_test_src_parent_class)
      ->send_event (element, event);
}

/* The base class posts errors of what stands downstream in this element's name:
 * then, too, the truth is not that of a whole episode. */
static gboolean
gst_reid_test_src_post_message (GstElement *element, GstMessage *message)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (element);

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    GST_OBJECT_LOCK (self);
    self->failed = TRUE;
    GST_OBJECT_UNLOCK (self);
  }
  return GST_ELEMENT_CLASS (gst_reid_test_src_parent_class)
      ->post_message (element, message);
}

/* ---- the base class */

static gboolean
gst_reid_test_src_start (GstBaseSrc *src)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);

  GST_OBJECT_LOCK (self);
  self->failed = FALSE;
  self->eos_sent = FALSE;
  gst_video_info_init (&self->info);
  self->frames = -1;
  GST_OBJECT_UNLOCK (self);
  self->reverse = FALSE;
  self->position = 0;
  self->frame = 0;
  self->file_done = FALSE;
  return TRUE;
}

static gboolean
gst_reid_test_src_stop (GstBaseSrc *src)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);

  close_file (self, TRUE);
  g_clear_pointer (&self->synth, reid_synth_free);
  return TRUE;
}

static GstCaps *
gst_reid_test_src_fixate (GstBaseSrc *src, GstCaps *caps)
{
  GstStructure *s;

  caps = gst_caps_make_writable (caps);
  s = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (s, "width", DEFAULT_WIDTH);
  gst_structure_fixate_field_nearest_int (s, "height", DEFAULT_HEIGHT);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", DEFAULT_RATE, 1);
  if (gst_structure_has_field (s, "pixel-aspect-ratio"))
    gst_structure_fixate_field_nearest_fraction (s, "pixel-aspect-ratio", 1, 1);
  else
    gst_structure_set (s, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
  if (gst_structure_has_field (s, "interlace-mode"))
    gst_structure_fixate_field_string (s, "interlace-mode", "progressive");
  else
    gst_structure_set (s, "interlace-mode", G_TYPE_STRING, "progressive", NULL);
  return GST_BASE_SRC_CLASS (gst_reid_test_src_parent_class)
      ->fixate (src, caps);
}

static gboolean
has_padding (const GstVideoInfo *info)
{
  gsize used = 0;

  for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS (info); c++)
    used += (gsize) GST_VIDEO_INFO_COMP_WIDTH (info, c)
            * (gsize) GST_VIDEO_INFO_COMP_HEIGHT (info, c);
  if (GST_VIDEO_INFO_N_PLANES (info) == 1)
    used = (gsize) GST_VIDEO_INFO_WIDTH (info)
           * (gsize) GST_VIDEO_INFO_HEIGHT (info)
           * (gsize) GST_VIDEO_INFO_COMP_PSTRIDE (info, 0);
  return used < info->size;
}

static gboolean
gst_reid_test_src_set_caps (GstBaseSrc *src, GstCaps *caps)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);
  ReidError error = REID_ERROR_INIT;
  ReidSynthOptions options;
  ReidSynth *synth;
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (GST_VIDEO_INFO_IS_INTERLACED (&info)) {
    GST_ERROR_OBJECT (self, "people are drawn in whole frames: no interlacing");
    return FALSE;
  }
  reid_synth_options_init (&options);
  options.width = GST_VIDEO_INFO_WIDTH (&info);
  options.height = GST_VIDEO_INFO_HEIGHT (&info);
  options.par_n = GST_VIDEO_INFO_PAR_N (&info);
  options.par_d = GST_VIDEO_INFO_PAR_D (&info);
  options.rate_n = GST_VIDEO_INFO_FPS_N (&info);
  options.rate_d = GST_VIDEO_INFO_FPS_D (&info);
  GST_OBJECT_LOCK (self);
  options.people = (int) self->people;
  options.shots = (int) self->shots;
  options.seed = self->seed;
  options.threads = (int) self->threads;
  GST_OBJECT_UNLOCK (self);

  if (self->file) {
    reid_error_set (&error, REID_ERROR_UNSUPPORTED,
                    "The size or rate of the video changes, and the file at "
                    "truth-location has one of each");
    GST_REID_ELEMENT_ERROR (self, &error);
    return FALSE;
  }
  synth = reid_synth_new (&options, &error);
  if (!synth) {
    GST_REID_ELEMENT_ERROR (self, &error);
    return FALSE;
  }
  reid_synth_free (self->synth);
  self->synth = synth;
  GST_OBJECT_LOCK (self);
  self->info = info;
  self->frames = reid_synth_frames (synth);
  GST_OBJECT_UNLOCK (self);
  self->padded = has_padding (&info);
  find_frame (self);
  if (!self->file_done && !open_file (self, &error)) {
    GST_REID_ELEMENT_ERROR (self, &error);
    return FALSE;
  }
  return TRUE;
}

static gboolean
gst_reid_test_src_decide_allocation (GstBaseSrc *src, GstQuery *query)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);
  gboolean update = gst_query_get_n_allocation_pools (query) > 0;
  guint size = 0, min = 0, max = 0;
  GstBufferPool *pool = NULL;
  GstStructure *config;
  GstCaps *caps = NULL;

  if (update)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &min, &max);
  size = MAX (size, (guint) self->info.size);
  if (!pool)
    pool = gst_video_buffer_pool_new ();
  gst_query_parse_allocation (query, &caps, NULL);
  config = gst_buffer_pool_get_config (pool);
  if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_buffer_pool_config_add_option (config,
                                       GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_set_params (config, caps, size, min, max);
  gst_buffer_pool_set_config (pool, config);
  if (update)
    gst_query_set_nth_allocation_pool (query, 0, pool, size, min, max);
  else
    gst_query_add_allocation_pool (query, pool, size, min, max);
  gst_object_unref (pool);
  return GST_BASE_SRC_CLASS (gst_reid_test_src_parent_class)
      ->decide_allocation (src, query);
}

static gboolean
gst_reid_test_src_is_seekable (GstBaseSrc *src)
{
  return !gst_base_src_is_live (src);
}

static gboolean
gst_reid_test_src_do_seek (GstBaseSrc *src, GstSegment *segment)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);

  segment->time = segment->start;
  self->reverse = segment->rate < 0;
  self->position = segment->position;
  if (self->reverse && !GST_CLOCK_TIME_IS_VALID (self->position)) {
    /* from the end of an episode that has one */
    if (self->frames < 0)
      return FALSE;
    self->position = frame_time (&self->info, self->frames);
  }
  if (self->synth)
    find_frame (self);
  return TRUE;
}

/* The number of frames that will leave from the beginning on, or -1. */
static gint64
episode_length (GstReidTestSrc *self, GstVideoInfo *info)
{
  gint64 frames, buffers = GST_BASE_SRC (self)->num_buffers;

  GST_OBJECT_LOCK (self);
  frames = self->frames;
  *info = self->info;
  GST_OBJECT_UNLOCK (self);
  if (GST_VIDEO_INFO_FPS_N (info) == 0)
    return -1;
  return buffers >= 0 && (frames < 0 || buffers < frames) ? buffers : frames;
}

static gboolean
gst_reid_test_src_query (GstBaseSrc *src, GstQuery *query)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);
  GstFormat format, to;
  GstVideoInfo info;
  gint64 frames = episode_length (self, &info), from, value;
  gboolean known = GST_VIDEO_INFO_FPS_N (&info) > 0;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &format, &from, &to, &value);
      if (!known || !gst_video_info_convert (&info, format, from, to, &value))
        return FALSE;
      gst_query_set_convert (query, format, from, to, value);
      return TRUE;
    case GST_QUERY_LATENCY:
      /* a frame is there at its time, and for its duration */
      if (!known)
        return FALSE;
      gst_query_set_latency (query, gst_base_src_is_live (src),
                             frame_time (&info, 1), GST_CLOCK_TIME_NONE);
      return TRUE;
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      if (frames >= 0 && format == GST_FORMAT_DEFAULT) {
        gst_query_set_duration (query, format, frames);
        return TRUE;
      }
      if (frames >= 0 && format == GST_FORMAT_TIME) {
        gst_query_set_duration (query, format,
                                (gint64) frame_time (&info, frames));
        return TRUE;
      }
      break;
    default:
      break;
  }
  return GST_BASE_SRC_CLASS (gst_reid_test_src_parent_class)
      ->query (src, query);
}

static void
gst_reid_test_src_get_times (GstBaseSrc *src, GstBuffer *buffer,
                             GstClockTime *start, GstClockTime *end)
{
  *start = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live (src) || !GST_BUFFER_PTS_IS_VALID (buffer))
    return;
  *start = GST_BUFFER_PTS (buffer);
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    *end = *start + GST_BUFFER_DURATION (buffer);
}

static void
add_meta (GstBuffer *buffer, const ReidSynthTruth *truth)
{
  GstReidTruthMeta *meta = gst_buffer_add_reid_truth_meta (buffer);
  GstReidTruthFace faces[REID_SYNTH_MAX_FACES];

  meta->frame = (guint64) truth->frame;
  meta->shot = (guint32) truth->shot;
  meta->shot_frame = (guint64) truth->shot_start;
  meta->fade = truth->fade;
  meta->light = truth->light;
  for (int i = 0; i < truth->n_faces; i++) {
    const ReidSynthFace *from = &truth->faces[i];
    GstReidTruthFace *to = &faces[i];

    to->person = (guint32) from->person;
    to->left = from->left;
    to->top = from->top;
    to->width = from->width;
    to->height = from->height;
    memcpy (to->landmarks, from->landmarks, sizeof to->landmarks);
    to->visible = from->visible;
    to->yaw = from->yaw;
    to->pitch = from->pitch;
    to->roll = from->roll;
  }
  gst_reid_truth_meta_set_faces (meta, faces, (guint) truth->n_faces);
}

static gboolean
draw (GstReidTestSrc *self, GstBuffer *buffer, gint64 number, ReidError *error)
{
  ReidSynthPicture picture = { 0 };
  GstVideoFrame frame;
  ReidImage image = { 0 };
  gboolean ok;

  if (self->padded)
    gst_buffer_memset (buffer, 0, 0, (gsize) -1);
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_WRITE))
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "a video frame cannot be written to");
  ok = gst_reid_image_from_frame (&frame, &image);
  picture.format = ok ? image.format : REID_PIXEL_COUNT;
  picture.matrix = image.matrix;
  picture.full_range = image.full_range;
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES (&frame) && i < 3; i++) {
    picture.plane[i] = GST_VIDEO_FRAME_PLANE_DATA (&frame, i);
    picture.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE (&frame, i);
  }
  ok = reid_synth_render (self->synth, number, &picture, error);
  gst_video_frame_unmap (&frame);
  return ok;
}

static GstFlowReturn
gst_reid_test_src_fill (GstPushSrc *src, GstBuffer *buffer)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (src);
  ReidError error = REID_ERROR_INIT;
  ReidSynthTruth truth;
  GstClockTime start, end;
  gint64 number, offset;

  if (!self->synth)
    return GST_FLOW_NOT_NEGOTIATED;
  number = self->reverse ? self->frame - 1 : self->frame;
  if (number < 0 || (self->frames >= 0 && number >= self->frames))
    return GST_FLOW_EOS;

  reid_synth_truth (self->synth, number, &truth);
  if (!draw (self, buffer, number, &error)
      || (self->file && !reid_synth_file_add (self->file, &truth, &error))) {
    GST_REID_ELEMENT_ERROR (self, &error);
    return GST_FLOW_ERROR;
  }
  add_meta (buffer, &truth);

  GST_OBJECT_LOCK (self);
  offset = self->timestamp_offset;
  GST_OBJECT_UNLOCK (self);
  start = frame_time (&self->info, number);
  end = frame_time (&self->info, number + 1);
  GST_BUFFER_PTS (buffer) =
      offset < 0 && start < (GstClockTime) -offset ? 0 : start + offset;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = end - start;
  GST_BUFFER_OFFSET (buffer) = (guint64) number;
  GST_BUFFER_OFFSET_END (buffer) = (guint64) number + 1;
  self->frame += self->reverse ? -1 : 1;
  self->position = self->reverse ? start : end;
  GST_LOG_OBJECT (self, "frame %" G_GINT64_FORMAT ", shot %d: %d faces", number,
                  truth.shot, truth.n_faces);
  return GST_FLOW_OK;
}

/* ---- properties */

static void
gst_reid_test_src_set_property (GObject *object, guint id, const GValue *value,
                                GParamSpec *spec)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (object);

  if (id == PROP_IS_LIVE) {
    gst_base_src_set_live (GST_BASE_SRC (self), g_value_get_boolean (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_PEOPLE:
      self->people = g_value_get_uint (value);
      break;
    case PROP_SHOTS:
      self->shots = g_value_get_uint (value);
      break;
    case PROP_SEED:
      self->seed = g_value_get_uint (value);
      break;
    case PROP_TIMESTAMP_OFFSET:
      self->timestamp_offset = g_value_get_int64 (value);
      break;
    case PROP_THREADS:
      self->threads = g_value_get_uint (value);
      break;
    case PROP_TRUTH_LOCATION:
      g_free (self->truth_location);
      self->truth_location = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_reid_test_src_get_property (GObject *object, guint id, GValue *value,
                                GParamSpec *spec)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (object);

  if (id == PROP_IS_LIVE) {
    g_value_set_boolean (value, gst_base_src_is_live (GST_BASE_SRC (self)));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_PEOPLE:
      g_value_set_uint (value, self->people);
      break;
    case PROP_SHOTS:
      g_value_set_uint (value, self->shots);
      break;
    case PROP_SEED:
      g_value_set_uint (value, self->seed);
      break;
    case PROP_TIMESTAMP_OFFSET:
      g_value_set_int64 (value, self->timestamp_offset);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, self->threads);
      break;
    case PROP_TRUTH_LOCATION:
      g_value_set_string (value, self->truth_location);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_reid_test_src_finalize (GObject *object)
{
  GstReidTestSrc *self = GST_REID_TEST_SRC (object);

  g_free (self->truth_location);
  G_OBJECT_CLASS (gst_reid_test_src_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags ready =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  /**
   * GstReidTestSrc:people:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_PEOPLE,
      g_param_spec_uint ("people", "People",
                         "How many different people there are (0: none, only "
                         "empty grounds)",
                         0, REID_SYNTH_MAX_PEOPLE, DEFAULT_PEOPLE, ready));
  /**
   * GstReidTestSrc:shots:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_SHOTS,
      g_param_spec_uint ("shots", "Shots",
                         "Length of the episode in shots, of about 3 seconds "
                         "each (0: it does not end)",
                         0, 1000000, DEFAULT_SHOTS, ready));
  /**
   * GstReidTestSrc:seed:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_SEED,
      g_param_spec_uint ("seed", "Seed",
                         "Another seed is another episode with other people", 0,
                         G_MAXUINT, DEFAULT_SEED, ready));
  /**
   * GstReidTestSrc:is-live:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_IS_LIVE,
      g_param_spec_boolean ("is-live", "Is live",
                            "Whether frames come at their time, as a camera's "
                            "do, or as fast as they are taken",
                            DEFAULT_IS_LIVE, ready));
  /**
   * GstReidTestSrc:timestamp-offset:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_TIMESTAMP_OFFSET,
      g_param_spec_int64 ("timestamp-offset", "Timestamp offset",
                          "Nanoseconds that are added to every timestamp",
                          -G_MAXINT64, G_MAXINT64, DEFAULT_TIMESTAMP_OFFSET,
                          ready));
  /**
   * GstReidTestSrc:threads:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
                         "CPU threads that draw (0: one for each core); the "
                         "pictures do not depend on it",
                         0, 64, DEFAULT_THREADS, ready));
  /**
   * GstReidTestSrc:truth-location:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      object_class, PROP_TRUTH_LOCATION,
      g_param_spec_string ("truth-location", "Truth location",
                           "JSON file for who was where in which frame; it "
                           "appears when the stream ends (NULL: none)",
                           DEFAULT_TRUTH_LOCATION, ready));
}

static void
gst_reid_test_src_class_init (GstReidTestSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);
  GstPushSrcClass *push_class = GST_PUSH_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_reid_test_src_debug, "reidtestsrc", 0,
                           "synthetic episodes");

  object_class->set_property = gst_reid_test_src_set_property;
  object_class->get_property = gst_reid_test_src_get_property;
  object_class->finalize = gst_reid_test_src_finalize;
  install_properties (object_class);

  gst_element_class_set_static_metadata (
      element_class, "Synthetic people", "Source/Video",
      "Draws a seeded episode of people in shots, with the truth about it as "
      "metas",
      "The gst-reid authors");
  gst_element_class_add_static_pad_template (element_class, &src_template);
  element_class->send_event = GST_DEBUG_FUNCPTR (gst_reid_test_src_send_event);
  element_class->post_message =
      GST_DEBUG_FUNCPTR (gst_reid_test_src_post_message);

  src_class->start = GST_DEBUG_FUNCPTR (gst_reid_test_src_start);
  src_class->stop = GST_DEBUG_FUNCPTR (gst_reid_test_src_stop);
  src_class->fixate = GST_DEBUG_FUNCPTR (gst_reid_test_src_fixate);
  src_class->set_caps = GST_DEBUG_FUNCPTR (gst_reid_test_src_set_caps);
  src_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_reid_test_src_decide_allocation);
  src_class->is_seekable = GST_DEBUG_FUNCPTR (gst_reid_test_src_is_seekable);
  src_class->do_seek = GST_DEBUG_FUNCPTR (gst_reid_test_src_do_seek);
  src_class->query = GST_DEBUG_FUNCPTR (gst_reid_test_src_query);
  src_class->get_times = GST_DEBUG_FUNCPTR (gst_reid_test_src_get_times);
  push_class->fill = GST_DEBUG_FUNCPTR (gst_reid_test_src_fill);
}

static void
gst_reid_test_src_init (GstReidTestSrc *self)
{
  GstBaseSrc *src = GST_BASE_SRC (self);

  self->people = DEFAULT_PEOPLE;
  self->shots = DEFAULT_SHOTS;
  self->seed = DEFAULT_SEED;
  self->threads = DEFAULT_THREADS;
  self->timestamp_offset = DEFAULT_TIMESTAMP_OFFSET;
  self->frames = -1;
  gst_base_src_set_format (src, GST_FORMAT_TIME);
  gst_base_src_set_live (src, DEFAULT_IS_LIVE);
  gst_pad_add_probe (GST_BASE_SRC_PAD (src),
                     GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, self, NULL);
}
