/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_PICTURES_H
#define REID_TEST_PICTURES_H

/* Pictures for an embedder, for tests that ask what becomes of them, not who
 * they are; and the product of two vectors. */

#include "test.h"
#include "embed/embed.h"

#define SIDE 160
#define N 37

static uint8_t pixels[N][SIDE][SIDE][3];
static float points[N][10];
static ReidFacePicture pictures[N];

/* Random blotches, and landmarks that are turned and moved a little; one
 * picture in five has none. */
static inline void
make_pictures (void)
{
  uint64_t state = 11;

  for (int n = 0; n < N; n++) {
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++)
        for (int c = 0; c < 3; c++)
          pixels[n][y][x][c] = x % 16 && y % 16
                                   ? pixels[n][y - y % 16][x - x % 16][c]
                                   : (uint8_t) (test_random (&state) >> 40);
    for (int i = 0; i < 10; i++)
      points[n][i] = (float) (reid_arcface_template[i] * 1.1 + 15
                              + 4 * test_uniform (&state));
    pictures[n] = (ReidFacePicture){ .rgb = &pixels[n][0][0][0],
                                     .width = SIDE,
                                     .height = SIDE,
                                     .stride = 3 * SIDE,
                                     .landmarks = n % 5 ? points[n] : NULL,
                                     .box = { 30, 20, 90, 120 } };
  }
}

static inline double
dot (const float *a, const float *b, int n)
{
  double sum = 0;

  for (int i = 0; i < n; i++)
    sum += (double) a[i] * b[i];
  return sum;
}

#endif /* REID_TEST_PICTURES_H */
