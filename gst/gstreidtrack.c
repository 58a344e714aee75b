/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-reidtrack
 * @title: reidtrack
 * @short_description: follows faces through each shot and keeps their best
 * pictures
 *
 * Finds the cuts, joins the faces of successive frames to tracks, scores each
 * face, and keeps the best pictures (chips) of each track. When a track ends,
 * it sends a #GstReidTracklet downstream, in front of the buffer on which the
 * end was noticed.
 *
 * It detects nothing itself: it stands behind reiddetect, or behind any other
 * element that leaves a #GstReidFrameMeta or GstVideoRegionOfInterestMetas of
 * type "face". Such regions carry no word on whether the detector ran, so that
 * it is taken to have run on every frame. Frames are not changed; buffers
 * leave with tracks, qualities and shots in their frame meta.
 *
 * Two frames are held back, since a cut shows only by what comes after it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=episode.mp4 ! decodebin ! reiddetect !
 * reidtrack ! reidembed ! reidcluster location=episode.reid ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=talk.mp4 ! decodebin ! reiddetect !
 * reidtrack top-n=10 min-length=25 max-gap=60 ! reidembed ! reidcluster
 * location=talk.reid ! fakesink
 * ]|
 * More pictures of each track, and only tracks of 25 detections or more.
 *
 * Since: 0.1
 */
#include "gstreidtrack.h"

#include <gst/reid/reid.h>
#include <gst/video/video.h>

#include "gstreidframetime.h"
#include "gstreidinfo.h"
#include "gstreidtrack-lookahead.h"
#include "gstreidtrack-settings.h"
#include "gstreidtrack-tracks.h"
#include "gstreidvideo.h"

GST_DEBUG_CATEGORY_STATIC (gst_reid_track_debug);
#define GST_CAT_DEFAULT gst_reid_track_debug

/* How long to wait while the chips of the process are too many, before they
 * are taken to be held by somebody who will not let go of them. */
#define BUDGET_TIMEOUT (2 * G_TIME_SPAN_SECOND)

enum { STAGE_SHOTS, STAGE_TRACKS, STAGE_CHIPS, STAGES };

struct _GstReidTrack {
  GstElement parent;
  GstPad *sinkpad, *srcpad;

  /* under the object lock */
  GstReidTrackSettings settings;
  gboolean changed;
  GstClockTime interim; /* see gst_event_new_reid_interim() */

  gint cancel; /* atomic: nothing may wait */

  /* streaming thread */
  GstReidLookahead *lookahead;
  GstReidTracks *tracks;
  GstVideoInfo info;
  GstSegment segment;
  guint64 frame;          /* number of the next frame, where no meta tells it */
  guint32 segment_serial; /* the same */
  guint32 shot;
  guint32 stream;          /* sequence number of its STREAM_START */
  GstReidTracklet *unsent; /* one that a flush stopped */
  gboolean failed;         /* an error was posted */
  gboolean used;           /* a frame has gone through since the stream began */
  gboolean segment_used;   /* and since the segment began */
  gboolean info_sent, over_budget, map_warned;
  GstReidFrameTime frame_time;
  guint64 frames;
  GstReidStage stages[STAGES];
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                             GST_STATIC_CAPS (GST_REID_VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_REID_VIDEO_CAPS));

G_DEFINE_FINAL_TYPE (GstReidTrack, gst_reid_track, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (reidtrack, "reidtrack", GST_RANK_NONE,
                             GST_TYPE_REID_TRACK)

/* ---- tracklets */

/* Sends what has ended. FALSE when told to stop waiting; the rest is kept, and
 * so is a tracklet that meets a flushing pad, since it has reached nobody. */
static gboolean
send_tracklets (GstReidTrack *self)
{
  while (self->unsent || gst_reid_tracks_waiting (self->tracks) > 0) {
    GstReidTracklet *tracklet = self->unsent;
    gint64 timeout = self->over_budget ? 0 : BUDGET_TIMEOUT;
    gboolean room = gst_reid_chip_budget_wait (&self->cancel, timeout);

    if (g_atomic_int_get (&self->cancel))
      return FALSE;
    if (!room && !self->over_budget)
      GST_WARNING_OBJECT (self,
                          "%" G_GUINT64_FORMAT " bytes of face pictures are "
                          "held downstream and none was released in %d s; "
                          "going on, with more memory",
                          gst_reid_chip_bytes (),
                          (int) (BUDGET_TIMEOUT / G_TIME_SPAN_SECOND));
    self->over_budget = !room;
    if (!tracklet)
      self->unsent = tracklet = gst_reid_tracks_pop (self->tracks);
    GST_DEBUG_OBJECT (
        self,
        "track %u, frames %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
        ", %u detections, %u chips, end %d",
        tracklet->track_id, tracklet->first_frame, tracklet->last_frame,
        tracklet->n_detections, tracklet->n_chips, tracklet->end);
    if (!gst_pad_push_event (self->srcpad,
                             gst_event_new_reid_tracklet (tracklet))
        && GST_PAD_IS_FLUSHING (self->srcpad))
      return FALSE;
    g_clear_pointer (&self->unsent, gst_reid_tracklet_unref);
  }
  return TRUE;
}

static void
end_tracks (GstReidTrack *self, GstReidTrackEnd end)
{
  gst_reid_tracks_close (self->tracks, end);
  send_tracklets (self);
}

static void
send_info (GstReidTrack *self)
{
  if (self->info_sent)
    return;
  self->info_sent = TRUE;
  gst_pad_push_event (self->srcpad,
                      gst_reid_info_event (GST_ELEMENT (self), NULL, NULL));
}

/* ---- frames */

/* The frame meta of a writable buffer, made of its face regions where an
 * element of another kind has found the faces. */
static GstReidFrameMeta *
frame_meta (GstReidTrack *self, const GstReidTrackHeld *held)
{
  GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (held->base.buffer);
  GArray *faces;

  if (!meta) {
    faces = gst_reid_faces_from_regions (held->base.buffer, &self->info);
    meta = gst_buffer_add_reid_frame_meta (held->base.buffer);
    meta->state =
        held->readable ? GST_REID_FRAME_DETECTED : GST_REID_FRAME_SKIPPED;
    meta->frame = self->frame;
    meta->stream_time = held->time;
    meta->duration = GST_BUFFER_DURATION (held->base.buffer);
    meta->segment = self->segment_serial;
    gst_reid_display_size (&self->info, &meta->display_width,
                           &meta->display_height);
    gst_reid_frame_meta_set_faces (meta, (GstReidFace *) faces->data,
                                   faces->len);
    g_array_free (faces, TRUE);
  }
  self->frame = meta->frame + 1;
  self->segment_serial = meta->segment;
  return meta;
}

/* To the next frame where the buffer does not tell. */
static GstClockTime
frame_duration (GstReidTrack *self, const GstReidFrameMeta *meta)
{
  GstClockTime time = meta->stream_time, next;

  if (GST_CLOCK_TIME_IS_VALID (meta->duration))
    return meta->duration;
  if (GST_CLOCK_TIME_IS_VALID (time)) {
    next = gst_reid_lookahead_next_time (self->lookahead, time);
    if (GST_CLOCK_TIME_IS_VALID (next))
      return next - time;
  }
  return gst_reid_frame_time_get (&self->frame_time, GST_ELEMENT (self));
}

/* FALSE after an error message. */
static gboolean
track_faces (GstReidTrack *self, const GstReidTrackHeld *held,
             GstReidFrameMeta *meta, guint64 *pixel_time)
{
  ReidError error = REID_ERROR_INIT;
  GstReidTracksFrame at;
  GstVideoFrame frame;
  ReidImage image;
  gboolean ok = TRUE;

  for (guint i = 0; i < meta->n_faces; i++)
    meta->faces[i].track_id = 0;
  if ((meta->state != GST_REID_FRAME_DETECTED
       && meta->state != GST_REID_FRAME_REUSED)
      || !held->readable
      || !gst_video_frame_map (&frame, &self->info, held->base.buffer,
                               GST_MAP_READ
                                   | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    gst_reid_tracks_skip (self->tracks);
    return TRUE;
  }
  at.number = meta->frame;
  at.time = meta->stream_time;
  at.duration = frame_duration (self, meta);
  at.segment = meta->segment;
  at.shot = self->shot;
  if (gst_reid_image_from_frame (&frame, &image))
    ok = gst_reid_tracks_update (self->tracks, &image, &at, meta->faces,
                                 meta->n_faces, pixel_time, &error);
  gst_video_frame_unmap (&frame);
  if (!ok) {
    GST_REID_ELEMENT_ERROR (self, &error);
    self->failed = TRUE;
  }
  return ok;
}

/* Sends a frame on that it is now known of whether it begins a shot. */
static GstFlowReturn
finish_frame (GstReidTrack *self, GstReidTrackHeld *held)
{
  guint64 start = reid_clock (), pixel_time = 0;
  ReidShotKind kind = held->kind;
  GstReidFrameMeta *meta;
  GstClockTime interim;
  GstFlowReturn result;
  gboolean ok;

  held->base.buffer = gst_buffer_make_writable (held->base.buffer);
  meta = frame_meta (self, held);
  if (kind != REID_SHOT_NONE) {
    GST_DEBUG_OBJECT (self, "%s at frame %" G_GUINT64_FORMAT,
                      kind == REID_SHOT_CUT ? "cut" : "fade", meta->frame);
    gst_reid_tracks_close (self->tracks, GST_REID_TRACK_END_CUT);
  }
  if (kind != REID_SHOT_NONE || (self->used && !self->segment_used))
    self->shot++;
  self->used = self->segment_used = TRUE;
  meta->shot = self->shot;
  meta->shot_start = kind == REID_SHOT_CUT ? 1 : kind == REID_SHOT_FADE ? 2 : 0;
  meta->tracked = TRUE;
  ok = track_faces (self, held, meta, &pixel_time);
  gst_reid_update_regions (held->base.buffer, &self->info, meta->faces,
                           meta->n_faces);
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_TRACKS],
                      reid_clock () - start - pixel_time, 1);
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_CHIPS],
                      pixel_time, meta->n_faces);
  self->frames++;
  if (!ok)
    return GST_FLOW_ERROR;
  send_info (self);
  if (!send_tracklets (self))
    return GST_FLOW_FLUSHING;
  result = gst_pad_push (self->srcpad, g_steal_pointer (&held->base.buffer));

  /* What a live track shows comes after the frame that it was last seen in, so
   * that whoever names it has seen who shares that frame. */
  GST_OBJECT_LOCK (self);
  interim = self->interim;
  GST_OBJECT_UNLOCK (self);
  if (GST_CLOCK_TIME_IS_VALID (interim)) {
    gst_reid_tracks_interim (self->tracks, interim);
    if (!send_tracklets (self))
      return GST_FLOW_FLUSHING;
  }
  return result;
}

/* Sends on all but the last `keep` buffers, and the events before those. */
static GstFlowReturn
release (GstReidTrack *self, guint keep)
{
  GstFlowReturn result = GST_FLOW_OK, flow;
  GstReidTrackHeld *held;

  while ((held = gst_reid_lookahead_pop (self->lookahead, keep))) {
    if (held->base.event) {
      gst_pad_push_event (self->srcpad, g_steal_pointer (&held->base.event));
    } else {
      /* Where downstream takes no more, the rest still counts for the tracks.
       */
      flow = finish_frame (self, held);
      if (result == GST_FLOW_OK)
        result = flow;
    }
    gst_reid_held_free (&held->base);
  }
  return result;
}

static void
tell_latency (GstReidTrack *self)
{
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_latency (GST_OBJECT (self)));
}

/* Takes over properties that were set since the last frame. */
static void
configure (GstReidTrack *self)
{
  ReidShotOptions shots;
  GstReidTracksOptions tracks;
  gboolean changed;

  GST_OBJECT_LOCK (self);
  changed = self->changed;
  self->changed = FALSE;
  shots = self->settings.shots;
  tracks = self->settings.tracks;
  GST_OBJECT_UNLOCK (self);
  if (!changed)
    return;
  gst_reid_lookahead_configure (self->lookahead, &shots);
  gst_reid_tracks_configure (self->tracks, &tracks);
}

static GstFlowReturn
gst_reid_track_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstReidTrack *self = GST_REID_TRACK (parent);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  guint64 start;

  if (GST_VIDEO_INFO_FORMAT (&self->info) == GST_VIDEO_FORMAT_UNKNOWN) {
    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
                       ("A video frame came before its caps"), (NULL));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  configure (self);
  if (gst_reid_frame_time_add (&self->frame_time, GST_ELEMENT (self),
                               &self->info, GST_BUFFER_PTS (buffer)))
    tell_latency (self);
  if (self->segment.format == GST_FORMAT_TIME)
    time = gst_segment_to_stream_time (&self->segment, GST_FORMAT_TIME,
                                       GST_BUFFER_PTS (buffer));
  start = reid_clock ();
  if (!gst_reid_lookahead_add_buffer (self->lookahead, buffer, time,
                                      &self->info)
      && !self->map_warned) {
    self->map_warned = TRUE;
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
                         ("A video frame is smaller than its caps say; such "
                          "frames pass without being tracked"),
                         (NULL));
  }
  gst_reid_stage_add (GST_ELEMENT (self), &self->stages[STAGE_SHOTS],
                      reid_clock () - start, 1);
  return release (self, REID_SHOT_LOOKAHEAD);
}

/* ---- events and queries */

static gboolean
set_caps (GstReidTrack *self, GstEvent *event)
{
  GstVideoInfo info;
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  if (!gst_video_info_from_caps (&info, caps))
    return FALSE;
  self->info = info;
  self->map_warned = FALSE;
  if (gst_reid_frame_time_set_caps (&self->frame_time, GST_ELEMENT (self),
                                    &info))
    tell_latency (self);
  return TRUE;
}

/* The stream goes on elsewhere: no track goes on with it, and its next frame
 * begins a shot. */
static void
end_segment (GstReidTrack *self)
{
  end_tracks (self, GST_REID_TRACK_END_SEGMENT);
  gst_reid_lookahead_reset (self->lookahead);
  gst_reid_frame_time_break (&self->frame_time);
  if (self->segment_used)
    self->segment_serial++;
  self->segment_used = FALSE;
}

/* Numbers of frames, shots and tracks begin anew. FALSE when memory ends. */
static gboolean
begin_stream (GstReidTrack *self)
{
  GstReidTracksOptions options;
  GstReidTracks *tracks;

  GST_OBJECT_LOCK (self);
  options = self->settings.tracks;
  GST_OBJECT_UNLOCK (self);
  tracks = gst_reid_tracks_new (&options);
  if (!tracks)
    return FALSE;
  g_clear_pointer (&self->tracks, gst_reid_tracks_free);
  self->tracks = tracks;
  self->frame = 0;
  self->segment_serial = self->shot = 0;
  self->used = self->segment_used = self->info_sent = FALSE;
  return TRUE;
}

static void
handle_gap (GstReidTrack *self, GstEvent *event)
{
  GstClockTime time, duration, longest;

  gst_event_parse_gap (event, &time, &duration);
  longest = gst_reid_frame_time_get (&self->frame_time, GST_ELEMENT (self));
  GST_OBJECT_LOCK (self);
  longest *= (guint) self->settings.tracks.tracker.max_gap;
  GST_OBJECT_UNLOCK (self);
  if (GST_CLOCK_TIME_IS_VALID (duration) && duration > longest)
    end_tracks (self, GST_REID_TRACK_END_SEGMENT);
}

static void
push_stats (GstReidTrack *self)
{
  GstEvent *event = gst_reid_stats_event (
      GST_ELEMENT (self), gst_reid_stages_seconds (self->stages, STAGES),
      self->frames, self->stages, STAGES);

  /* so that whoever counts them knows when one was lost on the way */
  gst_structure_set (gst_event_writable_structure (event), "tracklets",
                     G_TYPE_UINT64, gst_reid_tracks_reported (self->tracks),
                     NULL);
  gst_pad_push_event (self->srcpad, event);
}

static gboolean
gst_reid_track_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstReidTrack *self = GST_REID_TRACK (parent);

  /* to drain for each would take from the shot detector what it looks ahead
   * to */
  if (gst_reid_lookahead_take_tag (self->lookahead, event))
    return TRUE;
  if (GST_EVENT_IS_SERIALIZED (event)
      && GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_STOP) {
    GstFlowReturn result = release (self, 0);

    /* upstream has sent its last buffer and will not see the failure */
    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && !self->failed
        && (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS))
      GST_ELEMENT_FLOW_ERROR (self, result);
  }

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      g_atomic_int_set (&self->cancel, 1);
      gst_reid_chip_budget_wake ();
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_reid_lookahead_discard (self->lookahead, self->srcpad);
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      g_atomic_int_set (&self->cancel, 0);
      break;
    case GST_EVENT_STREAM_START:
      /* one that is sent again, since pads were linked anew, begins nothing */
      if (self->used && gst_event_get_seqnum (event) != self->stream) {
        end_segment (self);
        if (!begin_stream (self)) {
          gst_event_unref (event);
          return FALSE;
        }
      }
      self->stream = gst_event_get_seqnum (event);
      break;
    case GST_EVENT_CAPS:
      if (!set_caps (self, event)) {
        GST_ERROR_OBJECT (self, "cannot read caps %" GST_PTR_FORMAT, event);
        gst_event_unref (event);
        return FALSE;
      }
      break;
    case GST_EVENT_SEGMENT:
      end_segment (self);
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_SEGMENT_DONE:
      end_tracks (self, GST_REID_TRACK_END_SEGMENT);
      break;
    case GST_EVENT_GAP:
      handle_gap (self, event);
      break;
    case GST_EVENT_EOS:
      end_tracks (self, GST_REID_TRACK_END_EOS);
      push_stats (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
gst_reid_track_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstReidTrack *self = GST_REID_TRACK (parent);
  GstClockTime interval;

  if (gst_event_parse_reid_interim (event, &interval)) {
    GST_OBJECT_LOCK (self);
    self->interim = interval;
    GST_OBJECT_UNLOCK (self);
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
answer_allocation (GstReidTrack *self, GstQuery *query)
{
  guint index;

  gst_pad_peer_query (self->srcpad, query);
  if (!gst_reid_held_answer_allocation (query, REID_SHOT_LOOKAHEAD, 0))
    return FALSE;
  /* Whole frames are read here, and boxes are fractions of them. */
  if (gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE,
                                      &index))
    gst_query_remove_nth_allocation_meta (query, index);
  return TRUE;
}

static gboolean
gst_reid_track_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstReidTrack *self = GST_REID_TRACK (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_ALLOCATION:
      return answer_allocation (self, query);
    case GST_QUERY_DRAIN:
      release (self, 0);
      break;
    default:
      break;
  }
  return gst_pad_query_default (pad, parent, query);
}

static gboolean
gst_reid_track_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstReidTrack *self = GST_REID_TRACK (parent);

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  return gst_reid_held_answer_latency (
      query, self->sinkpad,
      REID_SHOT_LOOKAHEAD
          * gst_reid_frame_time_get (&self->frame_time, GST_ELEMENT (self)));
}

/* ---- states */

static gboolean
start (GstReidTrack *self)
{
  ReidShotOptions options;

  GST_OBJECT_LOCK (self);
  options = self->settings.shots;
  self->changed = FALSE;
  GST_OBJECT_UNLOCK (self);
  self->lookahead = gst_reid_lookahead_new (&options);
  if (!self->lookahead || !begin_stream (self)) {
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED, ("No memory to follow faces"),
                       (NULL));
    return FALSE;
  }
  gst_video_info_init (&self->info);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  gst_reid_frame_time_reset (&self->frame_time, GST_ELEMENT (self));
  self->over_budget = self->map_warned = self->failed = FALSE;
  self->stream = GST_SEQNUM_INVALID;
  self->frames = 0;
  gst_reid_stages_reset (self->stages, STAGES);
  g_atomic_int_set (&self->cancel, 0);
  return TRUE;
}

static void
stop (GstReidTrack *self)
{
  g_clear_pointer (&self->unsent, gst_reid_tracklet_unref);
  g_clear_pointer (&self->tracks, gst_reid_tracks_free);
  g_clear_pointer (&self->lookahead, gst_reid_lookahead_free);
  GST_OBJECT_LOCK (self);
  self->interim = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
}

static GstStateChangeReturn
gst_reid_track_change_state (GstElement *element, GstStateChange transition)
{
  GstReidTrack *self = GST_REID_TRACK (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self)) {
    stop (self);
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    g_atomic_int_set (&self->cancel, 1);
    gst_reid_chip_budget_wake ();
  }
  result = GST_ELEMENT_CLASS (gst_reid_track_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

/* ---- object */

static void
gst_reid_track_set_property (GObject *object, guint id, const GValue *value,
                             GParamSpec *spec)
{
  GstReidTrack *self = GST_REID_TRACK (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_track_settings_set (&self->settings, id, value);
  self->changed = TRUE;
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_track_get_property (GObject *object, guint id, GValue *value,
                             GParamSpec *spec)
{
  GstReidTrack *self = GST_REID_TRACK (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_reid_track_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
gst_reid_track_class_init (GstReidTrackClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_reid_track_debug, "reidtrack", 0,
                           "shots and tracks");

  object_class->set_property = gst_reid_track_set_property;
  object_class->get_property = gst_reid_track_get_property;

  gst_reid_track_settings_install (object_class);
  gst_element_class_set_static_metadata (
      element_class, "Face tracker", "Filter/Analyzer/Video",
      "Finds shot cuts, follows faces inside each shot and keeps the best "
      "pictures of each",
      "The gst-reid authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_reid_track_change_state);
}

static void
gst_reid_track_init (GstReidTrack *self)
{
  gst_reid_track_settings_init (&self->settings);
  self->interim = GST_CLOCK_TIME_NONE;
  gst_reid_frame_time_reset (&self->frame_time, GST_ELEMENT (self));
  gst_video_info_init (&self->info);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);

  self->stages[STAGE_SHOTS].name = "shots";
  self->stages[STAGE_TRACKS].name = "tracks";
  self->stages[STAGE_CHIPS].name = "chips";
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad,
                              GST_DEBUG_FUNCPTR (gst_reid_track_chain));
  gst_pad_set_event_function (self->sinkpad,
                              GST_DEBUG_FUNCPTR (gst_reid_track_sink_event));
  gst_pad_set_query_function (self->sinkpad,
                              GST_DEBUG_FUNCPTR (gst_reid_track_sink_query));
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad,
                              GST_DEBUG_FUNCPTR (gst_reid_track_src_event));
  gst_pad_set_query_function (self->srcpad,
                              GST_DEBUG_FUNCPTR (gst_reid_track_src_query));
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
