/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OC-SORT (Cao et al., CVPR 2023, arXiv 2203.14360) with BYTE's second stage
 * (Zhang et al., ECCV 2022, arXiv 2110.06864). Every frame:
 *
 * 1. All tracks predict. One call gives the IoU of all detections against all
 *    predictions.
 * 2. Strong detections are assigned to tracks by IoU plus the consistency of
 *    direction (OCM).
 * 3. Weak detections are assigned to the tracks left over, by IoU alone
 *    (BYTE).
 * 4. Strong detections left over are assigned to the tracks left over by their
 *    last observations (OCR).
 * 5. A track found again after a gap goes through the gap a second time, along
 *    a virtual trajectory between its two observations (ORU).
 * 6. Strong detections left over start tracks.
 *
 * Lengths are in frame heights of square pixels. Tracks stand in the order of
 * their ids, detections in the caller's order, so that every tie is settled
 * alike. */

#include "track/track-private.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the consistency of direction weighs against the IoU (lambda of the
 * paper). */
#define OCM_WEIGHT 0.2

/* Weak detections have to lie closer to the prediction. */
#define BYTE_IOU 0.5f

/* Boxes grow by this share of their size on each side before the IoU: a head
 * that turns, a camera that pans, or a detector that runs on every n-th frame
 * only, soon carries a face out of its own small box. Two boxes of one size
 * then reach an IoU of 0.3 up to 0.86 of their width apart, not 0.54, which is
 * still closer than two heads side by side. On the labelled video it halves
 * the broken tracks and mixes no two people. */
#define BOX_GROWTH 0.3

/* Faces of a frame, and live tracks, beyond this come from broken input, and
 * the matrices have to end somewhere. */
#define MOST 2048
#define LONGEST_GAP (INT_MAX - 2)

struct ReidTracker {
  ReidTrackerOptions options;
  unsigned parts;
  ReidIouFunc iou_func;
  uint64_t frame;
  double aspect;
  uint32_t next_id;
  ReidTrack *tracks;
  int n_tracks, max_tracks;
  /* Scratch of an update, grown before it changes anything. */
  int max_faces, max_cols;
  float *corners; /* four arrays of max_faces, then four of max_cols */
  float *iou;     /* faces x tracks */
  double *cost, *reals;
  int *ints;
};

/* One update's detections; every list is in the caller's order. */
typedef struct {
  const ReidFace *faces;
  int n;         /* plausible ones */
  int *index;    /* of each in the caller's array */
  int *track_of; /* what it was assigned to, -1 = nothing */
  int *face_of;  /* of each track, -1 = nothing */
  int *rows, *cols, *row_to_col, *assign_ints;
} Frame;

void
reid_tracker_options_init (ReidTrackerOptions *options)
{
  options->iou_threshold = 0.3f;
  options->high_score = 0.6f;
  options->max_gap = 30;
}

ReidTracker *
reid_tracker_new (const ReidTrackerOptions *options)
{
  ReidTracker *t = calloc (1, sizeof *t);

  if (!t)
    return NULL;
  t->parts = REID_TRACK_ALL;
  t->iou_func = reid_iou_get (reid_cpu_flags ());
  t->next_id = 1;
  reid_tracker_configure (t, options);
  return t;
}

void
reid_tracker_free (ReidTracker *t)
{
  if (!t)
    return;
  free (t->tracks);
  free (t->corners);
  free (t->iou);
  free (t->cost);
  free (t->reals);
  free (t->ints);
  free (t);
}

void
reid_tracker_configure (ReidTracker *t, const ReidTrackerOptions *options)
{
  ReidTrackerOptions o;

  reid_tracker_options_init (&o);
  if (options) {
    /* A pair that does not overlap at all is never made. */
    if (options->iou_threshold >= 0 && options->iou_threshold <= 1)
      o.iou_threshold = fmaxf (options->iou_threshold, 1e-6f);
    if (!isnan (options->high_score))
      o.high_score = options->high_score;
    o.max_gap = options->max_gap > 0 ? options->max_gap : 0;
    if (o.max_gap > LONGEST_GAP)
      o.max_gap = LONGEST_GAP;
  }
  t->options = o;
}

void
reid_tracker_set_parts (ReidTracker *t, unsigned parts)
{
  t->parts = parts;
}

int
reid_tracker_live (const ReidTracker *t)
{
  return t->n_tracks;
}

/* ---- Scratch memory */

static bool
grow (void *array, size_t size)
{
  void **p = array;
  void *grown = realloc (*p, size);

  if (grown)
    *p = grown;
  return grown != NULL;
}

static bool
tracker_reserve (ReidTracker *t, int n_faces, ReidError *error)
{
  int tracks = t->n_tracks + n_faces;

  if (tracks > t->max_tracks) {
    if (!grow (&t->tracks, sizeof *t->tracks * (size_t) tracks))
      goto no_memory;
    t->max_tracks = tracks;
  }
  if (n_faces > t->max_faces || t->n_tracks > t->max_cols || !t->corners) {
    int faces = n_faces > t->max_faces ? n_faces : t->max_faces;
    int cols = t->n_tracks > t->max_cols ? t->n_tracks : t->max_cols;
    size_t f, c;

    /* Some room, so that a slowly filling picture does not come here often. */
    faces = (faces + 15) & ~15;
    cols = (cols + 31) & ~31;
    f = (size_t) faces;
    c = (size_t) cols;
    if (!grow (&t->corners, sizeof *t->corners * 4 * (f + c))
        || !grow (&t->iou, sizeof *t->iou * (f * c + 1))
        || !grow (&t->cost, sizeof *t->cost * (f * c + 1))
        || !grow (&t->reals, sizeof *t->reals * REID_ASSIGN_REALS (f, c))
        || !grow (&t->ints,
                  sizeof *t->ints * (4 * f + 2 * c + REID_ASSIGN_INTS (c))))
      goto no_memory;
    t->max_faces = faces;
    t->max_cols = cols;
  }
  return true;
no_memory:
  return reid_error_set (error, REID_ERROR_MEMORY,
                         "no memory to track %d faces with %d live tracks",
                         n_faces, t->n_tracks);
}

/* ---- Association */

static void
put_corners (float *corner[4], int i, const double box[4])
{
  double dx = BOX_GROWTH * (box[2] - box[0]);
  double dy = BOX_GROWTH * (box[3] - box[1]);

  corner[0][i] = (float) (box[0] - dx);
  corner[1][i] = (float) (box[1] - dy);
  corner[2][i] = (float) (box[2] + dx);
  corner[3][i] = (float) (box[3] + dy);
}

static void
face_corners (const ReidTracker *t, float *corner[4])
{
  for (int c = 0; c < 4; c++)
    corner[c] = t->corners + (size_t) c * (size_t) t->max_faces;
}

/* IoU of all detections against all tracks: their predictions, or their last
 * observations. */
static void
all_iou (ReidTracker *t, const Frame *f, bool predicted)
{
  float *a[4], *b[4];

  face_corners (t, a);
  for (int c = 0; c < 4; c++)
    b[c] = t->corners + 4 * (size_t) t->max_faces
           + (size_t) c * (size_t) t->max_cols;
  for (int i = 0; i < f->n; i++) {
    double box[4];

    reid_track_box (&f->faces[f->index[i]], t->aspect, box);
    put_corners (a, i, box);
  }
  for (int j = 0; j < t->n_tracks; j++) {
    double box[4];

    if (predicted)
      reid_kalman_box (&t->tracks[j].kalman, box);
    else
      memcpy (box, t->tracks[j].box, sizeof box);
    put_corners (b, j, box);
  }
  t->iou_func (&(ReidBoxes){ a[0], a[1], a[2], a[3], f->n },
               &(ReidBoxes){ b[0], b[1], b[2], b[3], t->n_tracks }, t->iou);
}

static bool
is_strong (const ReidTracker *t, const Frame *f, int i)
{
  return f->faces[f->index[i]].score >= t->options.high_score;
}

/* Whether there are both a strong detection and a track without a partner. */
static bool
any_left (const ReidTracker *t, const Frame *f)
{
  bool face = false, track = false;

  for (int i = 0; i < f->n && !face; i++)
    face = f->track_of[i] < 0 && is_strong (t, f, i);
  for (int j = 0; j < t->n_tracks && !track; j++)
    track = f->face_of[j] < 0;
  return face && track;
}

/* Assigns the detections of one kind that are still free to the tracks that
 * are still free: the greatest sum of IoU and consistency over pairs that
 * reach the threshold. */
static void
match (ReidTracker *t, Frame *f, bool strong, float threshold, bool momentum)
{
  int n_rows = 0, n_cols = 0;
  float *corner[4];

  face_corners (t, corner);
  for (int i = 0; i < f->n; i++)
    if (f->track_of[i] < 0 && is_strong (t, f, i) == strong)
      f->rows[n_rows++] = i;
  for (int j = 0; j < t->n_tracks; j++)
    if (f->face_of[j] < 0)
      f->cols[n_cols++] = j;
  if (n_rows == 0 || n_cols == 0)
    return;

  for (int i = 0; i < n_rows; i++) {
    const float *iou = t->iou + (size_t) f->rows[i] * (size_t) t->n_tracks;
    double score = fmin (1, f->faces[f->index[f->rows[i]]].score);
    double *cost = t->cost + (size_t) i * (size_t) n_cols;

    for (int j = 0; j < n_cols; j++) {
      const ReidTrack *k = &t->tracks[f->cols[j]];
      double gain = iou[f->cols[j]];

      if (!(gain >= threshold)) {
        cost[j] = INFINITY;
        continue;
      }
      if (momentum)
        gain += OCM_WEIGHT * score
                * reid_track_consistency (k, (const float *const *) corner,
                                          f->rows[i], t->frame);
      cost[j] = -gain;
    }
  }
  /* Half of its weight is the most that the momentum can take away, so that
   * any pair above the threshold is still better than none. */
  reid_assign_in (t->cost, n_rows, n_cols, momentum ? OCM_WEIGHT / 2 : 0,
                  f->row_to_col, t->reals, f->assign_ints);
  for (int i = 0; i < n_rows; i++)
    if (f->row_to_col[i] >= 0) {
      int j = f->cols[f->row_to_col[i]];

      f->track_of[f->rows[i]] = j;
      f->face_of[j] = f->rows[i];
    }
}

/* ---- A frame */

/* Another shape of frame (a change of caps in mid-stream) makes other lengths
 * of the same fractions: tracks keep their places and lose their speeds. */
static void
rescale (ReidTracker *t, double aspect)
{
  if (t->aspect == aspect)
    return;
  for (int j = 0; j < t->n_tracks; j++) {
    ReidTrack *k = &t->tracks[j];
    ReidFace face = k->face;
    int missed = k->missed;

    reid_track_init (k, k->id, &face, aspect, k->frame);
    k->missed = missed;
  }
  t->aspect = aspect;
}

static void
predict_all (ReidTracker *t)
{
  t->frame++;
  for (int j = 0; j < t->n_tracks; j++)
    reid_kalman_predict (&t->tracks[j].kalman);
}

/* Beyond MOST tracks the one lost for longest goes, the oldest among
 * equals. */
static void
doom_surplus (ReidTracker *t)
{
  for (int surplus = t->n_tracks - MOST; surplus > 0; surplus--) {
    int worst = -1;

    for (int j = 0; j < t->n_tracks; j++)
      if (t->tracks[j].missed < INT_MAX && t->tracks[j].missed > 0
          && (worst < 0 || t->tracks[j].missed > t->tracks[worst].missed))
        worst = j;
    if (worst < 0)
      return;
    t->tracks[worst].missed = INT_MAX;
  }
}

static int
end_lost (ReidTracker *t, uint32_t *ended)
{
  int kept = 0, n = 0;

  for (int j = 0; j < t->n_tracks; j++) {
    if (t->tracks[j].missed > t->options.max_gap)
      ended[n++] = t->tracks[j].id;
    else if (kept++ != j)
      t->tracks[kept - 1] = t->tracks[j];
  }
  t->n_tracks = kept;
  return n;
}

bool
reid_tracker_update (ReidTracker *t, const ReidFace *faces, int n_faces,
                     double aspect, uint32_t *ids, uint32_t *ended,
                     int *n_ended, ReidError *error)
{
  int n = 0;

  *n_ended = 0;
  if (n_faces < 0 || !(aspect >= 1e-4 && aspect <= 1e4))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "cannot track %d faces in a frame of aspect %g",
                           n_faces, aspect);
  for (int i = 0; i < n_faces; i++) {
    ids[i] = 0;
    n += n < MOST && reid_face_plausible (&faces[i]);
  }
  if (!tracker_reserve (t, n, error))
    return false;

  Frame f = { .faces = faces,
              .index = t->ints,
              .track_of = t->ints + t->max_faces,
              .rows = t->ints + 2 * t->max_faces,
              .row_to_col = t->ints + 3 * t->max_faces,
              .face_of = t->ints + 4 * t->max_faces,
              .cols = t->ints + 4 * t->max_faces + t->max_cols,
              .assign_ints = t->ints + 4 * t->max_faces + 2 * t->max_cols };
  for (int i = 0; f.n < n; i++)
    if (reid_face_plausible (&faces[i])) {
      f.index[f.n] = i;
      f.track_of[f.n++] = -1;
    }
  for (int j = 0; j < t->n_tracks; j++)
    f.face_of[j] = -1;

  rescale (t, aspect);
  predict_all (t);
  if (f.n > 0 && t->n_tracks > 0) {
    all_iou (t, &f, true);
    match (t, &f, true, t->options.iou_threshold, t->parts & REID_TRACK_OCM);
    if (t->parts & REID_TRACK_BYTE)
      match (t, &f, false, fmaxf (BYTE_IOU, t->options.iou_threshold), false);
    if ((t->parts & REID_TRACK_OCR) && any_left (t, &f)) {
      all_iou (t, &f, false);
      match (t, &f, true, t->options.iou_threshold, false);
    }
  }

  for (int j = 0; j < t->n_tracks; j++) {
    ReidTrack *k = &t->tracks[j];

    if (f.face_of[j] >= 0)
      reid_track_observe (k, &faces[f.index[f.face_of[j]]], aspect, t->frame,
                          t->parts);
    else
      k->missed++;
  }
  for (int i = 0; i < f.n; i++) {
    if (f.track_of[i] >= 0) {
      ids[f.index[i]] = t->tracks[f.track_of[i]].id;
    } else if (is_strong (t, &f, i)) {
      ids[f.index[i]] = t->next_id;
      reid_track_init (&t->tracks[t->n_tracks++], t->next_id,
                       &faces[f.index[i]], aspect, t->frame);
      t->next_id++;
    }
  }
  doom_surplus (t);
  *n_ended = end_lost (t, ended);
  return true;
}

void
reid_tracker_skip (ReidTracker *t)
{
  predict_all (t);
}

bool
reid_tracker_predict (const ReidTracker *t, uint32_t id, ReidFace *face)
{
  for (int j = 0; j < t->n_tracks; j++) {
    const ReidTrack *k = &t->tracks[j];
    double box[4];

    if (k->id != id)
      continue;
    *face = k->face;
    if (k->frame == t->frame)
      return true;
    reid_kalman_box (&k->kalman, box);
    face->left = (float) (box[0] / t->aspect);
    face->top = (float) box[1];
    face->width = (float) ((box[2] - box[0]) / t->aspect);
    face->height = (float) (box[3] - box[1]);
    face->has_landmarks = false;
    memset (face->landmarks, 0, sizeof face->landmarks);
    return true;
  }
  return false;
}

void
reid_tracker_close (ReidTracker *t, uint32_t *ended, int *n_ended)
{
  for (int j = 0; j < t->n_tracks; j++)
    ended[j] = t->tracks[j].id;
  *n_ended = t->n_tracks;
  t->n_tracks = 0;
}
