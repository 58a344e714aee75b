/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_DETECT_SQUARES_H
#define REID_TEST_DETECT_SQUARES_H

/* Frames for a network that finds bright squares on a dark ground
 * (tests/nn/tinyonnx.h). */

#include "test.h"
#include "detect/detect.h"
#include "tinyonnx.h"

/* A grey frame; squares are drawn into it. */
typedef struct {
  uint8_t *pixels;
  ReidImage image;
} Frame;

static inline Frame
frame_new (int width, int height)
{
  uint8_t *pixels = malloc ((size_t) width * (size_t) height);

  memset (pixels, 20, (size_t) width * (size_t) height);
  return (Frame){ pixels,
                  { .format = REID_PIXEL_GRAY8,
                    .width = width,
                    .height = height,
                    .plane = { pixels },
                    .stride = { width },
                    .full_range = true,
                    .par_n = 1,
                    .par_d = 1 } };
}

static inline void
square (Frame *frame, int left, int top, int width, int height)
{
  for (int y = top; y < top + height; y++)
    for (int x = left; x < left + width; x++)
      if (x >= 0 && y >= 0 && x < frame->image.width && y < frame->image.height)
        frame->pixels[(size_t) y * (size_t) frame->image.width + (size_t) x] =
            230;
}

/* Of no faces there is no array, which memcmp() would not have. */
static inline bool
same_faces (const ReidFace *a, int n_a, const ReidFace *b, int n_b)
{
  return n_a == n_b && (n_a == 0 || !memcmp (a, b, (size_t) n_a * sizeof *a));
}

#endif /* REID_TEST_DETECT_SQUARES_H */
