/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_PICTURES_H
#define REID_TEST_PICTURES_H

/* Frames in any format for the tests of kernels/image. Each plane ends exactly
 * where readable memory ends, so a read beyond its last pixel is a crash. */

#include "image/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  void *map;
  size_t length;
} Guarded;

typedef struct {
  ReidImage image;
  Guarded memory[3];
} Frame;

static inline void *
guarded_new (Guarded *g, size_t n)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  size_t body = (n + page - 1) / page * page;

  g->length = body + page;
  g->map = mmap (NULL, g->length, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (g->map == MAP_FAILED
      || mprotect ((uint8_t *) g->map + body, page, PROT_NONE) != 0) {
    printf ("Bail out! no memory for %zu bytes\n", n);
    exit (1);
  }
  return (uint8_t *) g->map + body - n;
}

static inline void
guarded_free (Guarded *g)
{
  if (g->map)
    munmap (g->map, g->length);
  g->map = NULL;
}

/* gap: bytes from the end of a row to the start of the next. */
static inline void
frame_init (Frame *f, ReidPixelFormat format, int width, int height, int gap)
{
  const ReidFormatInfo *info = reid_format_info (format);

  memset (f, 0, sizeof *f);
  f->image = (ReidImage){ .format = format,
                          .width = width,
                          .height = height,
                          .matrix = REID_MATRIX_BT709,
                          .par_n = 1,
                          .par_d = 1 };
  for (int p = 0; p < info->n_planes; p++) {
    size_t row = (size_t) reid_plane_width (&f->image, p)
                 * (size_t) info->step[p] * (size_t) info->bytes;
    size_t rows = (size_t) reid_plane_height (&f->image, p);

    f->image.stride[p] = (ptrdiff_t) row + gap;
    f->image.plane[p] =
        guarded_new (&f->memory[p], (row + (size_t) gap) * (rows - 1) + row);
  }
}

static inline void
frame_clear (Frame *f)
{
  for (int p = 0; p < 3; p++)
    guarded_free (&f->memory[p]);
}

/* One sample, in the units of the format's depth. */
static inline void
frame_put (Frame *f, int component, int x, int y, int value)
{
  const ReidFormatInfo *info = reid_format_info (f->image.format);
  int p = info->component[component].plane;
  uint8_t *at =
      (uint8_t *) f->image.plane[p] + y * f->image.stride[p]
      + (ptrdiff_t) (x * info->step[p] + info->component[component].at)
            * info->bytes;

  if (info->bytes == 2) {
    value <<= info->shift;
    at[1] = (uint8_t) (value >> 8);
  }
  at[0] = (uint8_t) value;
}

static inline uint8_t
picture_random (uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint8_t) (*state >> 45);
}

/* Fills everything, gaps and unused bytes included; a third of the frames has
 * only the extremes, where sums would overflow. */
static inline void
frame_random (Frame *f, uint64_t *seed)
{
  const ReidFormatInfo *info = reid_format_info (f->image.format);
  bool extremes = picture_random (seed) % 3 == 0;

  for (int p = 0; p < info->n_planes; p++) {
    size_t n = (size_t) f->image.stride[p]
                   * (size_t) (reid_plane_height (&f->image, p) - 1)
               + (size_t) reid_plane_width (&f->image, p)
                     * (size_t) info->step[p] * (size_t) info->bytes;
    uint8_t *b = (uint8_t *) f->image.plane[p];
    for (size_t i = 0; i < n; i++) {
      uint8_t v = picture_random (seed);
      b[i] = extremes ? (v & 1 ? 255 : 0) : v;
    }
  }
}

/* The picture() of reference.py: packed RGB. */
static inline void
reference_picture (uint8_t *rgb, int width, int height, uint32_t state)
{
  for (int i = 0; i < 3 * width * height; i++) {
    state = state * 1103515245u + 12345u;
    rgb[i] = (uint8_t) (state >> 16);
  }
}

/* Copies packed RGB into a frame of any RGB format. */
static inline void
frame_from_rgb (Frame *f, const uint8_t *rgb)
{
  for (int y = 0; y < f->image.height; y++)
    for (int x = 0; x < f->image.width; x++)
      for (int c = 0; c < 3; c++)
        frame_put (f, c, x, y, *rgb++);
}

#endif /* REID_TEST_PICTURES_H */
