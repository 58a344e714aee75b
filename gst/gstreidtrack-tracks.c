/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidtrack-tracks.h"

#include <stdlib.h>
#include <string.h>

#include "gstreidvideo.h"

/* Frames between two chips of a track: nearer ones show the same picture. */
#define CHIP_SPACING 5

typedef struct {
  GstReidTracklet tracklet; /* the numbers alone */
  ReidChipSet *chips;
  GstClockTime reported; /* length of life at the last interim report */
  gdouble scores;        /* sum of those of its n_strong detections */
  guint n_strong;
} Track;

typedef struct {
  Track *track; /* owned unless end is NONE */
  GstReidTrackEnd end;
} Report;

struct _GstReidTracks {
  GstReidTracksOptions options;
  ReidTracker *tracker;
  GPtrArray *live; /* Track, rising id */
  GQueue reports;
  guint64 serial;              /* of the last final tracklet */
  GArray *faces, *ids, *ended; /* scratch */
};

static void
track_free (gpointer data)
{
  Track *track = data;

  reid_chip_set_free (track->chips);
  g_free (track);
}

GstReidTracks *
gst_reid_tracks_new (const GstReidTracksOptions *options)
{
  ReidTracker *tracker = reid_tracker_new (&options->tracker);
  GstReidTracks *tracks;

  if (!tracker)
    return NULL;
  tracks = g_new0 (GstReidTracks, 1);
  tracks->options = *options;
  tracks->tracker = tracker;
  tracks->live = g_ptr_array_new_with_free_func (track_free);
  g_queue_init (&tracks->reports);
  tracks->faces = g_array_new (FALSE, FALSE, sizeof (ReidFace));
  tracks->ids = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  tracks->ended = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  return tracks;
}

void
gst_reid_tracks_free (GstReidTracks *tracks)
{
  Report *report;

  while ((report = g_queue_pop_head (&tracks->reports))) {
    if (report->end != GST_REID_TRACK_END_NONE)
      track_free (report->track);
    g_free (report);
  }
  g_ptr_array_free (tracks->live, TRUE);
  g_array_free (tracks->faces, TRUE);
  g_array_free (tracks->ids, TRUE);
  g_array_free (tracks->ended, TRUE);
  reid_tracker_free (tracks->tracker);
  g_free (tracks);
}

void
gst_reid_tracks_configure (GstReidTracks *tracks,
                           const GstReidTracksOptions *options)
{
  tracks->options = *options;
  reid_tracker_configure (tracks->tracker, &options->tracker);
}

/* Where the track stands in the list, or where it would have to stand. */
static gboolean
find_live (const GstReidTracks *tracks, guint32 id, guint *index)
{
  guint low = 0, high = tracks->live->len;

  while (low < high) {
    guint middle = low + (high - low) / 2;
    const Track *track = g_ptr_array_index (tracks->live, middle);

    if (track->tracklet.track_id < id)
      low = middle + 1;
    else
      high = middle;
  }
  *index = low;
  return low < tracks->live->len
         && ((Track *) g_ptr_array_index (tracks->live, low))->tracklet.track_id
                == id;
}

static void
add_report (GstReidTracks *tracks, Track *track, GstReidTrackEnd end)
{
  Report *report = g_new (Report, 1);

  report->track = track;
  report->end = end;
  g_queue_push_tail (&tracks->reports, report);
}

/* A detector is wrong about single pictures, but rarely sure of it for long: a
 * track of things that are no faces has a low mean score. Weak detections only
 * say where a face went on that others have shown to be one. */
static gboolean
is_worth_reporting (const GstReidTracks *tracks, const Track *track)
{
  return track->n_strong >= tracks->options.min_length
         && track->scores
                >= (gdouble) track->n_strong * tracks->options.min_score;
}

static void
end_track (GstReidTracks *tracks, guint32 id, GstReidTrackEnd end)
{
  guint index;
  Track *track;

  if (!find_live (tracks, id, &index))
    return;
  track = g_ptr_array_steal_index (tracks->live, index);
  /* The end of a track that was reported while it lived is told always. */
  if (is_worth_reporting (tracks, track) || track->reported > 0)
    add_report (tracks, track, end);
  else
    track_free (track);
}

/* Room for the ids of all tracks that may end. */
static uint32_t *
reserve_ended (GstReidTracks *tracks)
{
  g_array_set_size (tracks->ended, (guint) reid_tracker_live (tracks->tracker));
  return (uint32_t *) (gpointer) tracks->ended->data;
}

static Track *
live_track (GstReidTracks *tracks, guint32 id, const GstReidTracksFrame *frame)
{
  guint index;
  Track *track;

  if (find_live (tracks, id, &index))
    return g_ptr_array_index (tracks->live, index);
  track = g_new0 (Track, 1);
  track->chips = reid_chip_set_new ((int) tracks->options.top_n, CHIP_SPACING,
                                    tracks->options.diverse);
  track->tracklet.track_id = id;
  track->tracklet.segment = frame->segment;
  track->tracklet.shot = frame->shot;
  track->tracklet.first_frame = frame->number;
  track->tracklet.start_time = track->tracklet.end_time = GST_CLOCK_TIME_NONE;
  g_ptr_array_insert (tracks->live, (gint) index, track);
  return track;
}

/* Frames may come with falling times (playback in reverse) or without any. */
static void
extend (GstReidTracklet *tracklet, const GstReidTracksFrame *frame)
{
  GstClockTime end;

  tracklet->last_frame = frame->number;
  tracklet->n_detections++;
  if (!GST_CLOCK_TIME_IS_VALID (frame->time))
    return;
  end = frame->time
        + MIN (frame->duration, GST_CLOCK_TIME_NONE - 1 - frame->time);
  if (!GST_CLOCK_TIME_IS_VALID (tracklet->start_time)
      || frame->time < tracklet->start_time)
    tracklet->start_time = frame->time;
  if (!GST_CLOCK_TIME_IS_VALID (tracklet->end_time) || end > tracklet->end_time)
    tracklet->end_time = end;
}

/* FALSE where memory ends. */
static gboolean
take_pictures (GstReidTracks *tracks, const ReidImage *image,
               const GstReidTracksFrame *frame, GstReidFace *faces,
               guint n_faces, ReidError *error)
{
  for (guint i = 0; i < n_faces; i++) {
    const ReidFace *face = &g_array_index (tracks->faces, ReidFace, i);
    ReidQuality quality;
    Track *track;

    reid_quality (image, face, &quality);
    faces[i].quality = quality.total;
    faces[i].track_id = g_array_index (tracks->ids, uint32_t, i);
    if (faces[i].track_id == 0)
      continue;
    track = live_track (tracks, faces[i].track_id, frame);
    extend (&track->tracklet, frame);
    if (face->score >= tracks->options.tracker.high_score) {
      track->scores += (gdouble) face->score;
      track->n_strong++;
    }
    if (!track->chips
        || reid_chip_set_offer (track->chips, image, face, frame->number,
                                GST_CLOCK_TIME_IS_VALID (frame->time)
                                    ? (int64_t) frame->time
                                    : -1)
               < 0)
      return reid_error_set (error, REID_ERROR_MEMORY,
                             "No memory for the pictures of track %u",
                             faces[i].track_id);
  }
  return TRUE;
}

gboolean
gst_reid_tracks_update (GstReidTracks *tracks, const ReidImage *image,
                        const GstReidTracksFrame *frame, GstReidFace *faces,
                        guint n_faces, guint64 *pixel_time, ReidError *error)
{
  gdouble aspect = (gdouble) image->width * image->par_n
                   / ((gdouble) image->height * image->par_d);
  uint32_t *ended = reserve_ended (tracks);
  guint64 start;
  gboolean ok;
  int n_ended;

  *pixel_time = 0;
  g_array_set_size (tracks->faces, n_faces);
  g_array_set_size (tracks->ids, n_faces);
  for (guint i = 0; i < n_faces; i++)
    gst_reid_face_to_kernel (&faces[i],
                             &g_array_index (tracks->faces, ReidFace, i));
  if (!reid_tracker_update (
          tracks->tracker, (ReidFace *) (gpointer) tracks->faces->data,
          (int) n_faces, CLAMP (aspect, 1e-4, 1e4),
          (uint32_t *) (gpointer) tracks->ids->data, ended, &n_ended, error))
    return FALSE;
  for (int i = 0; i < n_ended; i++)
    end_track (tracks, ended[i], GST_REID_TRACK_END_GAP);

  start = reid_clock ();
  ok = take_pictures (tracks, image, frame, faces, n_faces, error);
  *pixel_time = reid_clock () - start;
  return ok;
}

void
gst_reid_tracks_skip (GstReidTracks *tracks)
{
  reid_tracker_skip (tracks->tracker);
}

void
gst_reid_tracks_close (GstReidTracks *tracks, GstReidTrackEnd end)
{
  uint32_t *ended = reserve_ended (tracks);
  int n;

  reid_tracker_close (tracks->tracker, ended, &n);
  for (int i = 0; i < n; i++)
    end_track (tracks, ended[i], end);
}

void
gst_reid_tracks_interim (GstReidTracks *tracks, GstClockTime interval)
{
  for (guint i = 0; i < tracks->live->len; i++) {
    Track *track = g_ptr_array_index (tracks->live, i);
    const GstReidTracklet *tracklet = &track->tracklet;
    GstClockTime life;

    if (!GST_CLOCK_TIME_IS_VALID (tracklet->start_time)
        || !is_worth_reporting (tracks, track)
        || reid_chip_set_count (track->chips) == 0)
      continue;
    life = tracklet->end_time - tracklet->start_time;
    if (life < interval || life < track->reported + track->reported / 2
        || life == track->reported)
      continue;
    track->reported = life;
    add_report (tracks, track, GST_REID_TRACK_END_NONE);
  }
}

guint64
gst_reid_tracks_reported (const GstReidTracks *tracks)
{
  return tracks->serial;
}

guint
gst_reid_tracks_waiting (const GstReidTracks *tracks)
{
  return tracks->reports.length;
}

static GstReidChip *
make_chip (const ReidChip *from, guint8 *rgb, guint32 track_id)
{
  GstReidChip chip = { 0 };

  chip.width = (guint) from->width;
  chip.height = (guint) from->height;
  chip.rgb = rgb;
  chip.frame = from->frame;
  chip.time = from->time < 0 ? GST_CLOCK_TIME_NONE : (GstClockTime) from->time;
  gst_reid_face_from_kernel (&from->face, &chip.face);
  chip.face.quality = from->quality.total;
  chip.face.track_id = track_id;
  memcpy (chip.box, from->box, sizeof chip.box);
  memcpy (chip.landmarks, from->landmarks, sizeof chip.landmarks);
  chip.score = from->quality.score;
  chip.size = from->quality.size;
  chip.sharpness = from->quality.sharpness;
  chip.frontalness = from->quality.frontalness;
  chip.exposure = from->quality.exposure;
  chip.quality = from->quality.total;
  return gst_reid_chip_new_take (&chip);
}

/* The pixels of an ended track are handed over; those of a live one go on
 * being its own, so that a report has copies. */
static GPtrArray *
take_chips (Track *track)
{
  GPtrArray *chips = g_ptr_array_new ();
  ReidChip **taken;
  int n = reid_chip_set_take (track->chips, &taken);

  for (int i = 0; i < n; i++) {
    g_ptr_array_add (
        chips, make_chip (taken[i], taken[i]->rgb, track->tracklet.track_id));
    taken[i]->rgb = NULL;
    reid_chip_free (taken[i]);
  }
  if (n > 0)
    free (taken);
  return chips;
}

static GPtrArray *
copy_chips (const Track *track)
{
  GPtrArray *chips = g_ptr_array_new ();
  int n = reid_chip_set_count (track->chips);

  for (int i = 0; i < n; i++) {
    const ReidChip *chip = reid_chip_set_get (track->chips, i);
    gsize size = (gsize) chip->width * chip->height * 3;
    guint8 *rgb = malloc (size);

    if (!rgb)
      break;
    memcpy (rgb, chip->rgb, size);
    g_ptr_array_add (chips, make_chip (chip, rgb, track->tracklet.track_id));
  }
  return chips;
}

GstReidTracklet *
gst_reid_tracks_pop (GstReidTracks *tracks)
{
  Report *report = g_queue_pop_head (&tracks->reports);
  gboolean ended = report->end != GST_REID_TRACK_END_NONE;
  Track *track = report->track;
  GPtrArray *chips = ended ? take_chips (track) : copy_chips (track);
  guint n_chips = chips->len;
  GstReidTracklet *tracklet;

  track->tracklet.end = report->end;
  track->tracklet.serial = ended ? ++tracks->serial : 0;
  tracklet = gst_reid_tracklet_new_take (
      &track->tracklet, (GstReidChip **) g_ptr_array_free (chips, FALSE),
      n_chips);
  if (ended)
    track_free (track);
  g_free (report);
  return tracklet;
}
