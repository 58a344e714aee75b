/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SHOTS_H
#define REID_SHOTS_H

/* Shot cuts of a stream, frame by frame, with a bounded delay. Two detectors
 * run side by side: adaptive content difference (the frame's HSV difference
 * against the mean of its neighbours') for hard cuts, and the correlation of
 * luma histograms over a longer window for fades and dissolves. */

#include "base/base.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double threshold;  /* ratio to the neighbours, > 1; default 3 */
  double min_score;  /* absolute content difference, 0..255; default 15 */
  int min_length;    /* frames from one cut to the next; default 15 */
} ReidShotOptions;

REID_API void reid_shot_options_init (ReidShotOptions *options);

/* Frames after the one asked about that are needed to decide. */
#define REID_SHOT_LOOKAHEAD 2

typedef enum { REID_SHOT_NONE, REID_SHOT_CUT, REID_SHOT_FADE } ReidShotKind;

typedef struct ReidShotDetector ReidShotDetector;

REID_API ReidShotDetector *
reid_shot_detector_new (const ReidShotOptions *options);
REID_API void reid_shot_detector_free (ReidShotDetector *detector);
REID_API void reid_shot_detector_configure (ReidShotDetector *detector,
                                            const ReidShotOptions *options);

/* Shows one frame. Once REID_SHOT_LOOKAHEAD frames are waiting, each further
 * one decides the oldest: returns true and writes whether it is the first
 * frame of a shot and what kind of change led to it. The very first frame of a
 * stream is NONE (it starts a shot without a change). */
REID_API bool reid_shot_detector_push (ReidShotDetector *detector,
                                       const ReidImage *image,
                                       ReidShotKind *kind);
/* Decides the oldest waiting frame without waiting for more (drain); false
 * when none waits. */
REID_API bool reid_shot_detector_drain (ReidShotDetector *detector,
                                        ReidShotKind *kind);
/* Forgets everything: the next frame is a first one. */
REID_API void reid_shot_detector_reset (ReidShotDetector *detector);

#ifdef __cplusplus
}
#endif

#endif /* REID_SHOTS_H */
