/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TRACK_H
#define REID_TRACK_H

/* Faces of successive frames -> tracks, within one shot. OC-SORT (Cao et al.,
 * CVPR 2023: observation-centric momentum, recovery and re-update) with the
 * second, weak-detection stage of BYTE (Zhang et al., ECCV 2022), optimal
 * assignment (Jonker-Volgenant), and the IoU of all detections against all
 * tracks in one vectorised call. A tracker is used by one thread at a time. */

#include "base/base.h"
#include "detect/detect.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IoU of all against all (iou.c): boxes as separate arrays of left, top,
 * right, bottom; out[i * n_b + j] = IoU of a_i and b_j, in 0..1, 0 for empty
 * boxes and for NaN. Nothing beyond n is read. The vector versions give the
 * same bytes as the C one. */
typedef struct {
  const float *left, *top, *right, *bottom;
  int n;
} ReidBoxes;

typedef void (*ReidIouFunc) (const ReidBoxes *a, const ReidBoxes *b,
                             float *out);
REID_API ReidIouFunc reid_iou_get (unsigned cpu_flags);

/* ---- Optimal assignment (assign.c): minimises the sum of cost over pairs;
 * rows x cols, row-major. row_to_col[i] = column or -1. Pairs whose cost is
 * above `limit` are never made, and leaving a row or a column alone costs
 * limit / 2: a pair is worth making as long as it costs no more than its two
 * ends alone. Costs that are NaN or infinite forbid the pair. An infinite
 * limit makes as many pairs as can be made, a NaN none. Deterministic, and
 * O(rows * cols * min (rows, cols)) for any costs. False when memory ends or a
 * count is negative; then no pair is made. */
REID_API bool reid_assign (const double *cost, int rows, int cols, double limit,
                           int *row_to_col);

/* ---- Quality of one face (quality.c), each term and the score in 0..1. */
typedef struct {
  float score;       /* the detector's */
  float size;        /* from the shorter side in pixels */
  float sharpness;   /* from the variance of the Laplacian at one fixed size */
  float frontalness; /* from the landmarks; 0.5 where there are none */
  float exposure;    /* share of pixels neither crushed nor clipped, and mid
                        luma */
  float total;       /* geometric mean of the above */
} ReidQuality;

REID_API void reid_quality (const ReidImage *image, const ReidFace *face,
                            ReidQuality *quality);

/* ---- Tracker */
typedef struct {
  float iou_threshold; /* first stage, default 0.3; boxes are grown first, see
                          tracker.c */
  float high_score;    /* detections at or above go to the first stage and may
                          start a track, default 0.6; weaker ones only
                          continue tracks */
  int max_gap;         /* frames without a detection before a track ends,
                          default 30 */
} ReidTrackerOptions;

REID_API void reid_tracker_options_init (ReidTrackerOptions *options);

typedef struct ReidTracker ReidTracker;

REID_API ReidTracker *reid_tracker_new (const ReidTrackerOptions *options);
REID_API void reid_tracker_free (ReidTracker *tracker);
REID_API void reid_tracker_configure (ReidTracker *tracker,
                                      const ReidTrackerOptions *options);

/* One frame's detections. aspect = displayed width / height of the frame, so
 * that motion is the same in x and y. ids[i] = track of face i (>= 1, rising
 * by one over the tracker's life), 0 for a weak detection that continued no
 * track. `ended` receives the ids of tracks that ended with this frame; at
 * most reid_tracker_live() entries before the call. Ids are valid from the
 * first frame of a track: there is no probation here, the caller drops short
 * tracks. A face that cannot be one (not finite, empty, larger than 16 frames
 * or farther off than that) gets 0, as do plausible faces after the first
 * 2048; beyond 2048 live tracks the one lost for longest ends early. False
 * for an aspect outside 1e-4..1e4, a negative count, or no memory: then
 * nothing has changed. Another aspect than before costs the tracks their
 * speeds, not their ids. */
REID_API bool reid_tracker_update (ReidTracker *tracker, const ReidFace *faces,
                                   int n_faces, double aspect, uint32_t *ids,
                                   uint32_t *ended, int *n_ended,
                                   ReidError *error);
/* A frame on which the detector did not run: tracks only predict; their gap
 * does not grow. */
REID_API void reid_tracker_skip (ReidTracker *tracker);
/* Number of live tracks. */
REID_API int reid_tracker_live (const ReidTracker *tracker);
/* Where a live track is expected in the present frame (Kalman prediction or,
 * when matched in this frame, its box); false when there is no such track. */
REID_API bool reid_tracker_predict (const ReidTracker *tracker, uint32_t id,
                                    ReidFace *face);
/* Ends all tracks (cut, EOS, segment): writes their ids in rising order. */
REID_API void reid_tracker_close (ReidTracker *tracker, uint32_t *ended,
                                  int *n_ended);

/* ---- Chips: the best pictures of one track (chips.c) */

/* The longest side of a chip, in pixels, and the margin kept around the box as
 * a share of its longer side, on each side. */
#define REID_CHIP_SIDE 256
#define REID_CHIP_MARGIN 0.4f

typedef struct {
  int width, height; /* <= REID_CHIP_SIDE */
  uint8_t *rgb;      /* packed, stride 3 * width; owned */
  uint64_t frame;
  int64_t time;  /* stream time in ns, -1 = unknown */
  ReidFace face; /* as fractions of the frame */
  /* The same face in chip pixels (edges: 0 = left edge of the first pixel). */
  float box[4];        /* left, top, width, height */
  float landmarks[10]; /* valid where face.has_landmarks */
  ReidQuality quality;
} ReidChip;

REID_API void reid_chip_free (ReidChip *chip);

/* Keeps the best N of a track's faces. Cuts pixels only for a face that
 * enters. With `diverse`, the track's duration is kept in N growing slots so
 * that the chips spread over time, and poses differ; without, the N highest
 * totals. Either way they are at least `spacing` frames apart (of close ones
 * the better is kept). Ties keep the earlier. The exact rules stand in
 * chips.c. A face is shrunk to fit REID_CHIP_SIDE, never
 * enlarged, and made of square pixels. top_n is clamped to 1..1024, spacing to
 * 1 and above. */
typedef struct ReidChipSet ReidChipSet;

REID_API ReidChipSet *reid_chip_set_new (int top_n, int spacing, bool diverse);
REID_API void reid_chip_set_free (ReidChipSet *set);
/* Offers come in the order of frames. 1: entered, 0: not good enough (or no
 * plausible face that touches the frame, or an earlier frame than the offer
 * before), -1: out of memory. */
REID_API int reid_chip_set_offer (ReidChipSet *set, const ReidImage *image,
                                  const ReidFace *face, uint64_t frame,
                                  int64_t time);
REID_API int reid_chip_set_count (const ReidChipSet *set);
/* Bytes of pixels held now. */
REID_API size_t reid_chip_set_bytes (const ReidChipSet *set);
/* i-th best (falling total, then rising frame); owned by the set. */
REID_API const ReidChip *reid_chip_set_get (const ReidChipSet *set, int i);
/* Hands the chips over in that order: *chips is an array of n pointers that
 * the caller frees with reid_chip_free() and free(); the set is then empty. */
REID_API int reid_chip_set_take (ReidChipSet *set, ReidChip ***chips);

#ifdef __cplusplus
}
#endif

#endif /* REID_TRACK_H */
