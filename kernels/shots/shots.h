/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SHOTS_H
#define REID_SHOTS_H

/* Shot cuts of a stream, frame by frame, with a bounded delay. Two detectors
 * run side by side on a 128x72 picture of each frame, whatever the frame's
 * size, in integer arithmetic, so that the cuts are the same on every machine.
 *
 * Hard cuts: adaptive content difference, as PySceneDetect's AdaptiveDetector
 * has it. A frame's score is the mean of its differences in hue, saturation and
 * value from the frame before; the first frame of a shot scores at least
 * `threshold` times what its two neighbours on either side do, and at least
 * `min_score`. Here hue is compared around the circle and counts less where
 * there is little colour, and the picture without colour is scored by its value
 * alone. A change of light is no cut: the pixels that changed still correlate.
 * Nor is a flash: within two frames the picture before is back.
 *
 * Fades and dissolves: two pictures up to 60 frames apart whose luma histograms
 * and luma differ, with only blends of the two between them (see gradual.h). It
 * is told once, at the frame where the change is complete; a fade to black and
 * the fade out of it are one change. Histograms alone mistake pans and people
 * who walk past for dissolves, which the blend test does not. */

#include "base/base.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values out of range are replaced by the nearest in it, NaN by the
 * default. */
typedef struct {
  double threshold; /* ratio to the neighbours, > 1; default 3 */
  double min_score; /* absolute content difference, 0..255; default 15 */
  int min_length;   /* frames from one cut to the next, >= 1; default 15. A
                       fade counts from its middle, where the new shot shows
                       more than the old one */
} ReidShotOptions;

REID_API void reid_shot_options_init (ReidShotOptions *options);

/* Frames after the one asked about that are needed to decide. */
#define REID_SHOT_LOOKAHEAD 2

typedef enum {
  REID_SHOT_NONE,
  REID_SHOT_CUT,
  REID_SHOT_FADE /* any gradual change */
} ReidShotKind;

/* One per stream; not thread-safe. */
typedef struct ReidShotDetector ReidShotDetector;

/* NULL options are the defaults; NULL when memory ends. */
REID_API ReidShotDetector *
reid_shot_detector_new (const ReidShotOptions *options);
REID_API void reid_shot_detector_free (ReidShotDetector *detector);
REID_API void reid_shot_detector_configure (ReidShotDetector *detector,
                                            const ReidShotOptions *options);

/* Shows one frame. Once REID_SHOT_LOOKAHEAD frames are waiting, each further
 * one decides the oldest: returns true and writes whether it is the first
 * frame of a shot and what kind of change led to it. The very first frame of a
 * stream is NONE (it starts a shot without a change). A frame that cannot be
 * read counts as a repetition of the one before. */
REID_API bool reid_shot_detector_push (ReidShotDetector *detector,
                                       const ReidImage *image,
                                       ReidShotKind *kind);
/* Decides the oldest waiting frame without waiting for more (drain); false
 * when none waits. Frames may be pushed afterwards as before. */
REID_API bool reid_shot_detector_drain (ReidShotDetector *detector,
                                        ReidShotKind *kind);
/* Forgets everything: the next frame is a first one. */
REID_API void reid_shot_detector_reset (ReidShotDetector *detector);

#ifdef __cplusplus
}
#endif

#endif /* REID_SHOTS_H */
