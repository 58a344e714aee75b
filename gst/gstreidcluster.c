/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-reidcluster
 * @title: reidcluster
 * @short_description: makes people of tracks
 *
 * Writes every detection and tracklet to an archive as it comes, and makes
 * people of the tracks: all at once at EOS (mode=episode), or one by one while
 * the stream runs (mode=online), when it also writes the names into the frame
 * metas of later buffers.
 *
 * Before it forwards EOS it posts an element message `reid-identities`:
 *
 * * `identities`: a list of structures, one for each person: `id`, `n-tracks`,
 *   `n-detections`, `first-seen`, `last-seen`, `on-screen` (stream time, ns),
 *   `best-track`, `best-frame`, `quality`, and in episode mode `tracks`
 * * `location`: the folder, where one was set
 * * `partial`: whether the run ended before the stream did
 *
 * While it runs it posts `reid-progress` (`position`, `speed` in x realtime,
 * `frames`, `faces`, `tracks`), and in online mode `reid-presence` (`came`,
 * `id`, `track`, `time`, `similarity`, `new`) for each person who comes or
 * goes.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=episode.mp4 ! decodebin ! reiddetect !
 * reidtrack ! reidembed ! reidcluster location=episode.reid ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 -m v4l2src ! decodebin ! reiddetect ! reidtrack ! reidembed !
 * reidcluster mode=online ! videoconvert ! autovideosink
 * ]|
 *
 * Since: 0.1
 */
#include "gstreidcluster.h"

#include <gst/reid/reid.h>
#include <math.h>
#include <stdlib.h>

#include "gstreidcluster-lost.h"
#include "gstreidcluster-notes.h"
#include "gstreidcluster-online.h"
#include "gstreidcluster-people.h"
#include "gstreidcluster-run.h"
#include "gstreidcluster-settings.h"
#include "gstreidcluster-writer.h"
#include "gstreidinfo.h"
#include "gstreidvideo.h"

GST_DEBUG_CATEGORY_STATIC (gst_reid_cluster_debug);
#define GST_CAT_DEFAULT gst_reid_cluster_debug

/* For an embedder of which nothing is known. */
#define FALLBACK_THRESHOLD .4f

enum { STAGE_CLUSTER, STAGE_WRITE, STAGES };

struct _GstReidCluster {
  GstBaseTransform parent;

  /* under the object lock */
  GstReidClusterSettings settings;

  gint cancel; /* atomic: nobody may wait */

  /* streaming thread */
  GstReidClusterMode running_mode;
  GstReidWriter *writer; /* NULL without location */
  GstReidPeople *people; /* episode mode */
  GstReidOnline *online; /* online mode */
  GstReidRun *run;
  GstReidCounts counts;
  gboolean no_meta_told, late_told;
  gboolean finished, failed;
  gfloat online_threshold;
  GstReidLost lost;
  guint32 shot;
  guint32 stream; /* sequence number of its STREAM_START */
  GstReidStage stages[STAGES];
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstReidCluster, gst_reid_cluster, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (reidcluster, "reidcluster", GST_RANK_NONE,
                             GST_TYPE_REID_CLUSTER)

/* Says it once: what comes after is an echo. */
static void
fail (GstReidCluster *self, const ReidError *error)
{
  if (!self->failed)
    GST_REID_ELEMENT_ERROR (self, error);
  self->failed = TRUE;
}

static gboolean
has_failed (GstReidCluster *self)
{
  ReidError error = REID_ERROR_INIT;

  if (self->writer && gst_reid_writer_failed (self->writer, &error))
    fail (self, &error);
  return self->failed;
}

static void
warn_of_lost (GstReidCluster *self)
{
  gchar *message =
      gst_reid_lost_message (&self->lost, GST_BASE_TRANSFORM_SINK_PAD (self));

  GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", message), (NULL));
  g_free (message);
}

/* ---- the end of a run */

static void
note_own_settings (GstReidCluster *self, gfloat threshold)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];
  GstEvent *event = gst_reid_info_event (
      GST_ELEMENT (self), "threshold-used",
      g_ascii_formatd (text, sizeof text, "%.6g", threshold), NULL);
  const gchar *factory;
  const GstStructure *info = gst_reid_info_parse (event, &factory);

  if (self->writer)
    gst_reid_notes_own (self->writer, info);
  gst_reid_run_info (self->run, factory, info);
  gst_event_unref (event);
}

static gfloat
threshold_in_force (GstReidCluster *self, gfloat models)
{
  gfloat threshold;

  GST_OBJECT_LOCK (self);
  threshold = self->settings.threshold;
  GST_OBJECT_UNLOCK (self);
  if (threshold > -1)
    return threshold;
  return isnan (models) ? FALLBACK_THRESHOLD : models;
}

static gboolean
cluster (GstReidCluster *self, gfloat *threshold)
{
  ReidClusterParams params;
  ReidError error = REID_ERROR_INIT;
  guint64 start;
  gint k;

  *threshold =
      threshold_in_force (self, gst_reid_people_threshold (self->people));
  reid_cluster_params_init (&params);
  GST_OBJECT_LOCK (self);
  params.method = self->settings.method;
  params.cannot_link = self->settings.cannot_link;
  params.seed = self->settings.seed;
  GST_OBJECT_UNLOCK (self);
  params.threshold = *threshold;
  if (gst_reid_people_n_tracks (self->people) > 0
      && gst_reid_people_n_vectors (self->people) == 0)
    GST_ELEMENT_WARNING (self, STREAM, FAILED,
                         ("There are tracks but no vectors, so that nobody "
                          "can be told apart: put reidembed between reidtrack "
                          "and reidcluster"),
                         (NULL));
  start = reid_clock ();
  k = gst_reid_people_cluster (self->people, &params, &error);
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_CLUSTER],
                      reid_clock () - start,
                      gst_reid_people_n_tracks (self->people));
  if (k < 0) {
    fail (self, &error);
    return FALSE;
  }
  self->counts.identities = (guint) k;
  return TRUE;
}

static gboolean
write_results (GstReidCluster *self, gboolean partial)
{
  ReidError error = REID_ERROR_INIT;
  guint32 *tracks = NULL, *identities = NULL;
  guint n = 0;
  gchar *text;
  gboolean ok;

  if (self->people)
    n = gst_reid_people_labels (self->people, &tracks, &identities);
  ok = gst_reid_writer_finish (self->writer, tracks, identities, n, partial,
                               &error);
  if (ok) {
    gst_reid_stage_add (
        GST_ELEMENT (self), &self->stages[STAGE_WRITE],
        (guint64) (gst_reid_writer_seconds (self->writer) * 1e9),
        self->counts.tracks);
    gst_reid_run_stats (self->run, "reidcluster",
                        gst_reid_stages_seconds (self->stages, STAGES),
                        self->counts.tracks, self->stages, STAGES);
    text = gst_reid_run_to_json (self->run, &self->counts, partial);
    ok = text && gst_reid_writer_publish (self->writer, text, &error);
    free (text);
  }
  if (!ok)
    fail (self, &error);
  return ok;
}

static void
post_identities (GstReidCluster *self, gboolean partial)
{
  GstStructure *s = gst_structure_new ("reid-identities", "partial",
                                       G_TYPE_BOOLEAN, partial, NULL);
  GValue list = G_VALUE_INIT;

  if (self->writer)
    gst_structure_set (s, "location", G_TYPE_STRING,
                       gst_reid_writer_location (self->writer), NULL);
  if (self->people)
    gst_reid_people_to_value (self->people, &list);
  else if (self->online)
    gst_reid_online_to_value (self->online, &list);
  else
    g_value_init (&list, GST_TYPE_LIST);
  gst_structure_take_value (s, "identities", &list);
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_element (GST_OBJECT (self), s));
}

static void
post_progress (GstReidCluster *self)
{
  gst_element_post_message (
      GST_ELEMENT (self),
      gst_message_new_element (
          GST_OBJECT (self), gst_reid_run_progress (self->run, &self->counts)));
}

static void
post_presence (GstReidCluster *self)
{
  GstReidPresence p;

  while (self->online && gst_reid_online_next (self->online, &p))
    gst_element_post_message (
        GST_ELEMENT (self),
        gst_message_new_element (
            GST_OBJECT (self),
            gst_structure_new ("reid-presence", "came", G_TYPE_BOOLEAN, p.came,
                               "id", G_TYPE_UINT, p.identity, "track",
                               G_TYPE_UINT, p.track, "time", G_TYPE_UINT64,
                               p.time, "similarity", G_TYPE_FLOAT, p.similarity,
                               "new", G_TYPE_BOOLEAN, p.is_new, NULL)));
}

static void
finish (GstReidCluster *self, gboolean partial)
{
  gfloat threshold = NAN;
  gboolean ok = TRUE;

  if (self->finished)
    return;
  self->finished = TRUE;
  if (has_failed (self))
    return;
  GST_OBJECT_LOCK (self);
  partial |= self->settings.partial;
  GST_OBJECT_UNLOCK (self);

  if (self->people) {
    ok = cluster (self, &threshold);
  } else if (self->online) {
    GValue list = G_VALUE_INIT;
    gst_reid_online_close (self->online);
    post_presence (self);
    gst_reid_online_to_value (self->online, &list);
    self->counts.identities = gst_value_list_get_size (&list);
    g_value_unset (&list);
    threshold = self->online_threshold;
  }
  if (isnan (threshold))
    threshold = threshold_in_force (self, NAN);
  note_own_settings (self, threshold);
  post_progress (self);
  if (ok && self->writer)
    ok = write_results (self, partial);
  if (ok)
    post_identities (self, partial);
}

/* ---- what comes */

static gboolean
name_online (GstReidCluster *self, const GstReidTracklet *tracklet,
             guint32 *identity, ReidError *error)
{
  if (tracklet->embeddings && isnan (self->online_threshold)) {
    ReidGalleryParams params;
    self->online_threshold = threshold_in_force (self, tracklet->threshold);
    reid_gallery_params_init (&params, self->online_threshold);
    GST_OBJECT_LOCK (self);
    params.max_people = (int) self->settings.max_people;
    GST_OBJECT_UNLOCK (self);
    gst_reid_online_set_params (self->online, &params);
  }
  return gst_reid_online_tracklet (self->online, tracklet, identity, error);
}

static void
take_tracklet (GstReidCluster *self, GstReidTracklet *tracklet)
{
  gboolean final = tracklet->end != GST_REID_TRACK_END_NONE;
  ReidError error = REID_ERROR_INIT;
  guint32 identity = 0;
  gboolean ok = TRUE;

  if (self->finished || self->failed)
    return;
  if (gst_reid_lost_tracklet (&self->lost, tracklet))
    warn_of_lost (self);
  if (self->running_mode == GST_REID_CLUSTER_MODE_ONLINE) {
    guint64 start = reid_clock ();
    ok = name_online (self, tracklet, &identity, &error);
    gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_CLUSTER],
                        reid_clock () - start, 1);
  } else if (final) {
    ok = gst_reid_people_add_track (self->people, tracklet, &error);
  }
  if (!ok) {
    fail (self, &error);
    return;
  }
  post_presence (self);
  if (!final)
    return;
  self->counts.tracks++;
  if (self->writer)
    gst_reid_writer_tracklet (self->writer, tracklet, identity, &self->cancel);
}

static void
take_info (GstReidCluster *self, const gchar *factory, const GstStructure *info)
{
  gst_reid_run_info (self->run, factory, info);
  gst_reid_lost_info (&self->lost, factory);
  if (self->writer && !self->finished)
    gst_reid_notes_upstream (self->writer, factory, info, &self->cancel);
}

/* Nobody may wait for the writer. From any thread. */
static void
stop_waiting (GstReidCluster *self)
{
  g_atomic_int_set (&self->cancel, 1);
  GST_OBJECT_LOCK (self);
  if (self->writer)
    gst_reid_writer_wake (self->writer);
  GST_OBJECT_UNLOCK (self);
}

/* What comes after EOS is looked at where no archive was closed with it. */
static void
go_on (GstReidCluster *self)
{
  if (self->online && !self->writer)
    self->finished = self->late_told = FALSE;
}

static void
begin_stream (GstReidCluster *self, guint32 seqnum)
{
  gboolean again = seqnum == self->stream;
  GstClockTime interval;

  self->stream = seqnum;

  /* Before the first frame, so that the same tracks are reported at the same
   * frames in every run. */
  if (self->running_mode == GST_REID_CLUSTER_MODE_ONLINE) {
    GST_OBJECT_LOCK (self);
    interval = self->settings.interim_interval;
    GST_OBJECT_UNLOCK (self);
    gst_pad_push_event (GST_BASE_TRANSFORM_SINK_PAD (self),
                        gst_event_new_reid_interim (interval));
  }
  /* one that is sent again, since pads were linked anew, begins nothing */
  if (self->counts.frames == 0 || again)
    return;
  go_on (self);
  gst_reid_lost_restart (&self->lost);
  /* numbers of frames and tracks begin anew, and one archive holds one
   * stream; a feed that comes back has the same people */
  if (self->writer || self->people) {
    finish (self, FALSE);
  } else if (self->online) {
    gst_reid_online_restart (self->online);
    post_presence (self);
  }
}

static gboolean
gst_reid_cluster_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstReidCluster *self = GST_REID_CLUSTER (trans);
  GstReidTracklet *tracklet = gst_event_get_reid_tracklet (event);
  const GstStructure *info;
  const gchar *factory, *name;
  gboolean ok, arrived = tracklet != NULL;
  guint rows, cols;
  GBytes *numbers;
  gdouble seconds;
  guint64 count;

  if (tracklet) {
    take_tracklet (self, tracklet);
  } else if ((info = gst_reid_info_parse (event, &factory))) {
    take_info (self, factory, info);
  } else if (gst_reid_projection_parse (event, &name, &rows, &cols, &numbers)) {
    if (self->writer && !self->finished)
      gst_reid_writer_projection (self->writer, name, rows, cols, numbers,
                                  &self->cancel);
  } else if (gst_reid_stats_parse (event, &factory, &seconds, &count)) {
    GstReidStage stages[GST_REID_RUN_STAGES];
    guint n =
        gst_reid_stats_parse_stages (event, stages, G_N_ELEMENTS (stages));

    gst_reid_run_stats (self->run, factory, seconds, count, stages, n);
    gst_reid_lost_stats (&self->lost, event);
  } else {
    switch (GST_EVENT_TYPE (event)) {
      case GST_EVENT_FLUSH_START:
        stop_waiting (self);
        break;
      case GST_EVENT_FLUSH_STOP:
        g_atomic_int_set (&self->cancel, 0);
        go_on (self);
        break;
      case GST_EVENT_STREAM_START:
        begin_stream (self, gst_event_get_seqnum (event));
        break;
      case GST_EVENT_EOS:
        if (!self->finished && !self->failed && gst_reid_lost_eos (&self->lost))
          warn_of_lost (self);
        /* those downstream wanted no more of a stream that went on; a
         * GstBaseSink that is being taken down may answer so, too */
        finish (self, GST_PAD_LAST_FLOW_RETURN (trans->srcpad) == GST_FLOW_EOS);
        break;
      default:
        break;
    }
  }
  ok = GST_BASE_TRANSFORM_CLASS (gst_reid_cluster_parent_class)
           ->sink_event (trans, event);
  /* it has arrived, whatever those downstream do with it */
  return ok || arrived;
}

static GstFlowReturn
gst_reid_cluster_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstReidCluster *self = GST_REID_CLUSTER (trans);
  GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (buffer);
  GstClockTime interval, end;

  if (has_failed (self))
    return GST_FLOW_ERROR;
  if (!meta || !meta->tracked) {
    if (!self->no_meta_told)
      GST_ELEMENT_WARNING (self, STREAM, FORMAT,
                           ("The buffers carry no tracked faces: link "
                            "reiddetect ! reidtrack ! reidembed before "
                            "reidcluster"),
                           (NULL));
    self->no_meta_told = TRUE;
    return GST_FLOW_OK;
  }
  if (self->finished) {
    if (!self->late_told)
      GST_ELEMENT_WARNING (self, STREAM, FAILED,
                           ("Frames after the end of the stream are not "
                            "recorded: one run holds one stream"),
                           (NULL));
    self->late_told = TRUE;
    return GST_FLOW_OK;
  }

  self->counts.frames++;
  self->counts.detected += meta->state == GST_REID_FRAME_DETECTED;
  self->counts.faces += meta->n_faces;
  if (self->counts.shots == 0 || self->shot != meta->shot)
    self->counts.shots++;
  self->shot = meta->shot;
  end = GST_CLOCK_TIME_IS_VALID (meta->stream_time)
                && GST_CLOCK_TIME_IS_VALID (meta->duration)
            ? meta->stream_time + meta->duration
            : GST_CLOCK_TIME_NONE;
  gst_reid_run_position (self->run, meta->stream_time, end);
  if (self->people)
    gst_reid_people_add_frame (self->people, meta);
  else if (self->online)
    gst_reid_online_frame (self->online, meta);
  post_presence (self);
  if (self->writer && !gst_reid_writer_frame (self->writer, meta, &self->cancel)
      && has_failed (self))
    return GST_FLOW_ERROR;

  GST_OBJECT_LOCK (self);
  interval = self->settings.progress_interval;
  GST_OBJECT_UNLOCK (self);
  if (gst_reid_run_progress_due (self->run, interval))
    post_progress (self);
  return GST_FLOW_OK;
}

/* ---- life */

static void
set_writer (GstReidCluster *self, GstReidWriter *writer)
{
  GstReidWriter *old;

  GST_OBJECT_LOCK (self);
  old = self->writer;
  self->writer = writer;
  GST_OBJECT_UNLOCK (self);
  if (old)
    gst_reid_writer_free (old);
}

static gboolean
gst_reid_cluster_start (GstBaseTransform *trans)
{
  GstReidCluster *self = GST_REID_CLUSTER (trans);
  ReidError error = REID_ERROR_INIT;
  gchar *location;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  self->running_mode = self->settings.mode;
  GST_OBJECT_UNLOCK (self);
  if (location && *location)
    set_writer (self, gst_reid_writer_new (location, &error));
  if (error.status != REID_OK)
    GST_REID_ELEMENT_ERROR (self, &error);
  else if (self->running_mode == GST_REID_CLUSTER_MODE_EPISODE)
    self->people = gst_reid_people_new ();
  else
    self->online = gst_reid_online_new ();
  g_free (location);
  self->run = gst_reid_run_new ();
  memset (&self->counts, 0, sizeof self->counts);
  gst_reid_stages_reset (self->stages, STAGES);
  self->no_meta_told = self->late_told = FALSE;
  self->finished = self->failed = FALSE;
  self->online_threshold = NAN;
  gst_reid_lost_init (&self->lost);
  self->shot = 0;
  self->stream = GST_SEQNUM_INVALID;
  g_atomic_int_set (&self->cancel, 0);
  if (error.status != REID_OK) {
    g_clear_pointer (&self->run, gst_reid_run_free);
    return FALSE;
  }
  return TRUE;
}

static gboolean
gst_reid_cluster_stop (GstBaseTransform *trans)
{
  GstReidCluster *self = GST_REID_CLUSTER (trans);

  /* taken down before EOS: keep what there is, and say that it is not all */
  if (self->counts.frames > 0)
    finish (self, TRUE);
  set_writer (self, NULL);
  g_clear_pointer (&self->people, gst_reid_people_free);
  g_clear_pointer (&self->online, gst_reid_online_free);
  g_clear_pointer (&self->run, gst_reid_run_free);
  return TRUE;
}

static GstStateChangeReturn
gst_reid_cluster_change_state (GstElement *element, GstStateChange transition)
{
  GstReidCluster *self = GST_REID_CLUSTER (element);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop_waiting (self);
  return GST_ELEMENT_CLASS (gst_reid_cluster_parent_class)
      ->change_state (element, transition);
}

static void
gst_reid_cluster_set_property (GObject *object, guint id, const GValue *value,
                               GParamSpec *spec)
{
  GstReidCluster *self = GST_REID_CLUSTER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_cluster_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_cluster_get_property (GObject *object, guint id, GValue *value,
                               GParamSpec *spec)
{
  GstReidCluster *self = GST_REID_CLUSTER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_cluster_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_cluster_finalize (GObject *object)
{
  gst_reid_cluster_settings_clear (&GST_REID_CLUSTER (object)->settings);
  G_OBJECT_CLASS (gst_reid_cluster_parent_class)->finalize (object);
}

static void
gst_reid_cluster_class_init (GstReidClusterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_reid_cluster_debug, "reidcluster", 0,
                           "clustering of tracks into people");

  object_class->set_property = gst_reid_cluster_set_property;
  object_class->get_property = gst_reid_cluster_get_property;
  object_class->finalize = gst_reid_cluster_finalize;

  gst_reid_cluster_settings_install (object_class);
  gst_element_class_set_static_metadata (
      element_class, "Face clusterer", "Filter/Analyzer/Video",
      "Makes people of face tracks, and writes who is on screen, and when",
      "The gst-reid authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_reid_cluster_change_state);

  trans_class->start = GST_DEBUG_FUNCPTR (gst_reid_cluster_start);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_reid_cluster_stop);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_reid_cluster_sink_event);
  trans_class->transform_ip = GST_DEBUG_FUNCPTR (gst_reid_cluster_transform_ip);
}

static void
gst_reid_cluster_init (GstReidCluster *self)
{
  gst_reid_cluster_settings_init (&self->settings);
  self->stages[STAGE_CLUSTER].name = "cluster";
  self->stages[STAGE_WRITE].name = "write";
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}
