/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_DRAWN_H
#define REID_TEST_DRAWN_H

/* Frames of a synthetic episode with the truth about them, for tests of the
 * networks that ship. Those were trained on seeds from 1000 on: a test takes
 * one below, whose people they have never seen. */

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "synth/synth.h"

#define DRAWN_DETECTOR REID_SOURCE_ROOT "/kernels/models/reid-detect-s.onnx"
#define DRAWN_EMBEDDER REID_SOURCE_ROOT "/kernels/models/reid-embed-s.onnx"
#define DRAWN_FIRST_TRAINED_SEED 1000

typedef struct {
  ReidSynth *synth;
  uint8_t *rgb;
  int width, height;
} Drawn;

static inline bool
drawn_open (Drawn *d, int people, uint32_t seed, ReidError *error)
{
  ReidSynthOptions options;

  assert (seed < DRAWN_FIRST_TRAINED_SEED);
  reid_synth_options_init (&options);
  options.width = d->width = 960;
  options.height = d->height = 540;
  options.people = people;
  options.seed = seed;
  d->synth = reid_synth_new (&options, error);
  d->rgb = malloc ((size_t) d->width * (size_t) d->height * 3);
  return d->synth && d->rgb;
}

static inline void
drawn_close (Drawn *d)
{
  reid_synth_free (d->synth);
  free (d->rgb);
}

/* The k-th of n frames that are spread over a shot. */
static inline int64_t
drawn_frame_of (const Drawn *d, int shot, int k, int n)
{
  int64_t start = reid_synth_shot_start (d->synth, shot);
  int64_t length = reid_synth_shot_start (d->synth, shot + 1) - start;

  return start + length * (2 * k + 1) / (2 * n);
}

/* The picture stays until the next call. */
static inline bool
drawn_frame (Drawn *d, int64_t frame, ReidImage *image, ReidSynthTruth *truth,
             ReidError *error)
{
  ReidSynthPicture to = { REID_PIXEL_RGB,
                          { d->rgb },
                          { 3 * (ptrdiff_t) d->width },
                          REID_MATRIX_BT709,
                          true };

  *image = (ReidImage){ .format = REID_PIXEL_RGB,
                        .width = d->width,
                        .height = d->height,
                        .plane = { d->rgb },
                        .stride = { 3 * (ptrdiff_t) d->width },
                        .full_range = true,
                        .par_n = 1,
                        .par_d = 1 };
  reid_synth_truth (d->synth, frame, truth);
  return reid_synth_render (d->synth, frame, &to, error);
}

/* Whom a detector must find: see docs/reidtestsrc.md, "The truth". */
static inline bool
drawn_is_wanted (const ReidSynthTruth *truth, const ReidSynthFace *face)
{
  return face->visible >= .7f && fabsf (face->yaw) <= 45 && truth->light >= .5f;
}

#endif /* REID_TEST_DRAWN_H */
