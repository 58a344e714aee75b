/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_SYNTH_H
#define REID_TEST_SYNTH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synth/private.h"

static inline ReidSynthOptions
episode_options (int width, int height, int people, uint32_t seed)
{
  ReidSynthOptions o;

  reid_synth_options_init (&o);
  o.width = width;
  o.height = height;
  o.people = people;
  o.seed = seed;
  return o;
}

static inline ReidSynth *
episode (const ReidSynthOptions *options)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynth *s = reid_synth_new (options, &error);

  if (!s) {
    printf ("Bail out! %s\n", error.message);
    exit (1);
  }
  return s;
}

/* ---- Pictures with a guard around every row */

#define GUARD 0xA5

typedef struct {
  ReidSynthPicture p;
  uint8_t *bytes;
  size_t size;
  int row[3], rows[3]; /* used bytes of a row, rows of a plane */
} Canvas;

static inline void
canvas_new (Canvas *c, ReidPixelFormat format, int width, int height)
{
  int cw = (width + 1) / 2, ch = (height + 1) / 2;
  size_t at = 0;

  memset (c, 0, sizeof *c);
  c->p.format = format;
  c->p.matrix = REID_MATRIX_BT709;
  c->rows[0] = height;
  switch (format) {
    case REID_PIXEL_I420:
    case REID_PIXEL_YV12:
      c->row[0] = width;
      c->row[1] = c->row[2] = cw;
      c->rows[1] = c->rows[2] = ch;
      break;
    case REID_PIXEL_NV12:
    case REID_PIXEL_NV21:
      c->row[0] = width;
      c->row[1] = 2 * cw;
      c->rows[1] = ch;
      break;
    case REID_PIXEL_Y42B:
    case REID_PIXEL_Y444:
      c->row[0] = width;
      c->row[1] = c->row[2] = format == REID_PIXEL_Y444 ? width : cw;
      c->rows[1] = c->rows[2] = height;
      break;
    case REID_PIXEL_GRAY8:
      c->row[0] = width;
      break;
    case REID_PIXEL_RGB:
    case REID_PIXEL_BGR:
      c->row[0] = 3 * width;
      break;
    default:
      c->row[0] = 4 * width;
      break;
  }
  for (int i = 0; i < 3; i++)
    c->size += (size_t) (c->row[i] + 5) * (size_t) c->rows[i] + 64;
  c->bytes = malloc (c->size);
  memset (c->bytes, GUARD, c->size);
  for (int i = 0; i < 3; i++) {
    c->p.plane[i] = c->bytes + at + 32;
    c->p.stride[i] = c->row[i] + 5;
    at += (size_t) (c->row[i] + 5) * (size_t) c->rows[i] + 64;
  }
}

static inline void
canvas_free (Canvas *c)
{
  free (c->bytes);
}

static inline bool
canvas_guarded (const Canvas *c)
{
  for (int i = 0; i < 3; i++) {
    const uint8_t *p = c->p.plane[i];
    for (int k = 1; k <= 32; k++)
      if (p[-k] != GUARD)
        return false;
    for (int y = 0; y < c->rows[i]; y++)
      for (int k = 0; k < 5; k++)
        if (p[y * c->p.stride[i] + c->row[i] + k] != GUARD)
          return false;
  }
  return true;
}

/* Every format that can be written. */
static const ReidPixelFormat episode_formats[] = {
  REID_PIXEL_I420, REID_PIXEL_YV12, REID_PIXEL_NV12, REID_PIXEL_NV21,
  REID_PIXEL_Y42B, REID_PIXEL_Y444, REID_PIXEL_RGB,  REID_PIXEL_BGR,
  REID_PIXEL_RGBX, REID_PIXEL_BGRX, REID_PIXEL_XRGB, REID_PIXEL_XBGR,
  REID_PIXEL_GRAY8
};
#define N_FORMATS ((int) (sizeof episode_formats / sizeof episode_formats[0]))

#endif /* REID_TEST_SYNTH_H */
