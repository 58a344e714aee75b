/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TRACK_PRIVATE_H
#define REID_TRACK_PRIVATE_H

#include "track/track.h"

/* ---- iou_avx2.c, iou_avx512.c */
void reid_iou_avx2 (const ReidBoxes *a, const ReidBoxes *b, float *out);
void reid_iou_avx512 (const ReidBoxes *a, const ReidBoxes *b, float *out);

/* ---- assign.c: reid_assign() in the caller's scratch memory. */
#define REID_ASSIGN_REALS(rows, cols) ((size_t) (rows) + 2 * (size_t) (cols))
#define REID_ASSIGN_INTS(cols) (4 * (size_t) (cols))

void reid_assign_in (const double *cost, int rows, int cols, double limit,
                     int *row_to_col, double *reals, int *ints);

/* ---- kalman.c. Lengths in frame heights, of square pixels. */

/* What a detector tells of a face: centre, area and width / height. */
typedef struct {
  double x, y, s, r;
} ReidKalmanObservation;

/* One coordinate with its velocity per frame. */
typedef struct {
  double value, velocity;
  double p00, p01, p11; /* covariance */
} ReidKalmanAxis;

/* The state (x, y, s, r, dx, dy, ds) of SORT. Its transition, observation and
 * noise matrices couple a coordinate with nothing but its own velocity, so the
 * 7x7 covariance stays block diagonal, and is kept as its blocks. */
typedef struct {
  ReidKalmanAxis x, y, s;
  double r, r_var;
} ReidKalman;

void reid_kalman_init (ReidKalman *k, const ReidKalmanObservation *z);
void reid_kalman_predict (ReidKalman *k);
void reid_kalman_update (ReidKalman *k, const ReidKalmanObservation *z);
/* left, top, right, bottom */
void reid_kalman_box (const ReidKalman *k, double box[4]);
void reid_kalman_observe (const double box[4], ReidKalmanObservation *z);

/* Noise, as shares of the face's side sqrt(s); areas and aspect are relative
 * to themselves. Faces follow no constant velocity for long (heads nod and
 * turn), so the observations are trusted far more than the model: of the
 * values tried on four videos these predict best, over 1, 5 and 10 frames. */
#define REID_KALMAN_POSITION_STD 0.02
#define REID_KALMAN_AREA_STD 0.05
#define REID_KALMAN_ASPECT_STD 0.05
#define REID_KALMAN_FIRST_VELOCITY_STD 0.25
#define REID_KALMAN_FIRST_GROWTH_STD 0.05
#define REID_KALMAN_POSITION_DRIFT 0.1
#define REID_KALMAN_VELOCITY_DRIFT 0.015
#define REID_KALMAN_AREA_DRIFT 0.03
#define REID_KALMAN_GROWTH_DRIFT 0.003
#define REID_KALMAN_ASPECT_DRIFT 0.02

/* ---- motion.c: one track. Boxes are left, top, right, bottom. */

/* How far back, in frames, the direction of motion is measured: delta t of
 * OC-SORT. */
#define REID_OCM_FRAMES 3

typedef struct {
  double x, y, side;
  uint64_t frame;
} ReidSighting;

typedef struct {
  uint32_t id;
  int missed; /* detector runs since the last observation */
  ReidKalman kalman;
  ReidKalman observed; /* the filter as the last observation left it */
  ReidFace face;       /* the last observation */
  double box[4];       /* the same, in frame heights */
  uint64_t frame;      /* of the last observation */
  ReidSighting sightings[REID_OCM_FRAMES + 1]; /* the latest last */
  int n_sightings;
  double direction[2]; /* of observed motion, unit length or 0 */
  double steadiness;   /* 0..1: how far to trust the direction */
} ReidTrack;

void reid_track_box (const ReidFace *face, double aspect, double box[4]);
void reid_track_init (ReidTrack *k, uint32_t id, const ReidFace *face,
                      double aspect, uint64_t frame);
/* The track is seen again in `frame`, for which it has predicted. */
void reid_track_observe (ReidTrack *k, const ReidFace *face, double aspect,
                         uint64_t frame, unsigned parts);
double reid_track_consistency (const ReidTrack *k, const float *const corner[4],
                               int face, uint64_t frame);

/* ---- tracker.c: the parts that a test or a measurement may switch off. */
typedef enum {
  REID_TRACK_OCM = 1 << 0,
  REID_TRACK_ORU = 1 << 1,
  REID_TRACK_OCR = 1 << 2,
  REID_TRACK_BYTE = 1 << 3,
  REID_TRACK_ALL = (1 << 4) - 1
} ReidTrackParts;

void reid_tracker_set_parts (ReidTracker *tracker, unsigned parts);

/* ---- face.c */

/* Whether the box can be a face at all: finite, not empty, and not so far off
 * the frame or so large that it must come from broken numbers. */
bool reid_face_plausible (const ReidFace *face);

/* Displayed width / height; 0 when the picture's numbers are no picture. */
double reid_image_aspect (const ReidImage *image);

/* Where the landmarks lie on the face, whatever its roll. In the frame of the
 * eye line, with lengths in eye distances: */
typedef struct {
  double yaw;   /* nose off the eyes' middle, along the eye line; positive
                   towards the image-right eye; a profile reaches +-0.5 */
  double pitch; /* how far down the way from eyes to mouth the nose stands,
                   less the half way of a frontal face; positive: looking
                   down */
  double tall;  /* eyes' middle to mouth's middle; 1.16 on a frontal face */
} ReidPose;

/* False without landmarks, or when they are no face: not finite, eyes in one
 * point, mouth not below the eyes. */
bool reid_face_pose (const ReidFace *face, double aspect, ReidPose *pose);

#endif /* REID_TRACK_PRIVATE_H */
