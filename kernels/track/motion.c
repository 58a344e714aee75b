/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One track of OC-SORT: its filter, the second way through a gap (ORU), and
 * the direction that it was seen to move in (OCM). */

#include "track/track-private.h"

#include <math.h>
#include <string.h>

/* A direction is noise where the face moved less than a detector's jitter: it
 * gains weight up to this displacement, in shares of the face's side. */
#define OCM_FULL_SHARE 0.15

/* A longer gap is not walked through again frame by frame: the filter would
 * have settled on the straight line long before. */
#define ORU_FRAMES 256

void
reid_track_box (const ReidFace *face, double aspect, double box[4])
{
  box[0] = face->left * aspect;
  box[1] = face->top;
  box[2] = ((double) face->left + face->width) * aspect;
  box[3] = (double) face->top + face->height;
}

/* The sighting that motion up to `frame` is measured from: the oldest of the
 * last REID_OCM_FRAMES frames, or else the latest there is. */
static const ReidSighting *
sighting_before (const ReidTrack *k, uint64_t frame)
{
  for (int i = 0; i < k->n_sightings; i++)
    if (frame - k->sightings[i].frame <= REID_OCM_FRAMES)
      return &k->sightings[i];
  return &k->sightings[k->n_sightings - 1];
}

static double
unit_vector (double x, double y, double v[2])
{
  double length = sqrt (x * x + y * y);

  v[0] = length > 0 ? x / length : 0;
  v[1] = length > 0 ? y / length : 0;
  return length;
}

static void
track_sight (ReidTrack *k, const ReidKalmanObservation *z, uint64_t frame)
{
  ReidSighting now = { z->x, z->y, sqrt (z->s), frame };

  if (k->n_sightings > 0) {
    const ReidSighting *from = sighting_before (k, frame);
    double moved = unit_vector (now.x - from->x, now.y - from->y, k->direction);

    k->steadiness = fmin (1, moved / (OCM_FULL_SHARE * now.side));
  }
  if (k->n_sightings == REID_OCM_FRAMES + 1) {
    memmove (k->sightings, k->sightings + 1,
             sizeof *k->sightings * REID_OCM_FRAMES);
    k->n_sightings--;
  }
  k->sightings[k->n_sightings++] = now;
}

void
reid_track_init (ReidTrack *k, uint32_t id, const ReidFace *face, double aspect,
                 uint64_t frame)
{
  ReidKalmanObservation z;

  memset (k, 0, sizeof *k);
  k->id = id;
  k->face = *face;
  k->frame = frame;
  reid_track_box (face, aspect, k->box);
  reid_kalman_observe (k->box, &z);
  reid_kalman_init (&k->kalman, &z);
  k->observed = k->kalman;
  track_sight (k, &z, frame);
}

/* ORU: the filter goes back to the last observation and through the gap once
 * more, with observations on the straight line to the present one, the virtual
 * trajectory z_t = z_1 + (t - t1) / (t2 - t1) * (z_2 - z_1). It ends up before
 * the present observation, predicted. */
static void
track_re_update (ReidTrack *k, const double box[4], uint64_t frame)
{
  uint64_t gap = frame - k->frame, step = 1;
  ReidKalmanObservation z;
  double at[4];

  k->kalman = k->observed;
  if (gap > ORU_FRAMES) {
    step = gap - ORU_FRAMES;
    for (int c = 0; c < 4; c++)
      at[c] = k->box[c] + (box[c] - k->box[c]) * ((double) step / (double) gap);
    reid_kalman_observe (at, &z);
    reid_kalman_init (&k->kalman, &z);
    step++;
  }
  for (; step < gap; step++) {
    for (int c = 0; c < 4; c++)
      at[c] = k->box[c] + (box[c] - k->box[c]) * ((double) step / (double) gap);
    reid_kalman_observe (at, &z);
    reid_kalman_predict (&k->kalman);
    reid_kalman_update (&k->kalman, &z);
  }
  reid_kalman_predict (&k->kalman);
}

void
reid_track_observe (ReidTrack *k, const ReidFace *face, double aspect,
                    uint64_t frame, unsigned parts)
{
  ReidKalmanObservation z;
  double box[4];

  reid_track_box (face, aspect, box);
  reid_kalman_observe (box, &z);
  if (k->missed > 0 && (parts & REID_TRACK_ORU))
    track_re_update (k, box, frame);
  reid_kalman_update (&k->kalman, &z);
  track_sight (k, &z, frame);
  k->observed = k->kalman;
  k->face = *face;
  memcpy (k->box, box, sizeof box);
  k->frame = frame;
  k->missed = 0;
}

/* OCM: how well going to this box continues the observed motion, from +1/2
 * (straight on) to -1/2 (straight back). */
double
reid_track_consistency (const ReidTrack *k, const float *const corner[4],
                        int face, uint64_t frame)
{
  const ReidSighting *from = sighting_before (k, frame);
  double x = ((double) corner[0][face] + corner[2][face]) / 2;
  double y = ((double) corner[1][face] + corner[3][face]) / 2;
  double to[2], cosine;

  if (k->n_sightings < 2 || unit_vector (x - from->x, y - from->y, to) == 0)
    return 0;
  cosine = k->direction[0] * to[0] + k->direction[1] * to[1];
  cosine = fmax (-1, fmin (1, cosine));
  return k->steadiness * (0.5 - acos (cosine) / M_PI);
}
