/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Body of the loops of bf16.h, which the compiler turns into vectors for the
 * instruction set that the includer is built for. NAME: of the table. */

#include "nn/dnnl/bf16.h"

#include <string.h>

#define INLINE static inline __attribute__ ((always_inline))
/* In place is no dependence of one turn on another. */
#ifdef __clang__
#define APART _Pragma ("clang loop vectorize(assume_safety)")
#else
#define APART _Pragma ("GCC ivdep")
/* Nobody looks at the flags of comparisons, which else may not be vectors. */
#pragma GCC optimize("no-trapping-math")
#endif

INLINE float
wide (uint16_t half)
{
  uint32_t bits = (uint32_t) half << 16;
  float x;
  memcpy (&x, &bits, sizeof x);
  return x;
}

INLINE uint16_t
half (float x)
{
  uint32_t bits;
  memcpy (&bits, &x, sizeof bits);
  uint32_t even = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  uint32_t nan = bits >> 16 | 0x40;
  return (uint16_t) ((bits & 0x7fffffff) > 0x7f800000 ? nan : even);
}

static void
widen (const uint16_t *in, float *out, size_t n)
{
  APART
  for (size_t i = 0; i < n; i++)
    out[i] = wide (in[i]);
}

static void
narrow (const float *in, uint16_t *out, size_t n)
{
  APART
  for (size_t i = 0; i < n; i++)
    out[i] = half (in[i]);
}

static void
add (const uint16_t *a, const uint16_t *b, uint16_t *out, size_t n)
{
  APART
  for (size_t i = 0; i < n; i++)
    out[i] = half (wide (a[i]) + wide (b[i]));
}

static void
clip (const uint16_t *in, float lo, float hi, uint16_t *out, size_t n)
{
  APART
  for (size_t i = 0; i < n; i++) {
    float x = wide (in[i]);
    x = x < lo ? lo : x;
    out[i] = half (x > hi ? hi : x);
  }
}

static void
prelu (const uint16_t *in, const float *slope, uint16_t *out, size_t pixels,
       size_t channels)
{
  for (size_t p = 0; p < pixels; p++, in += channels, out += channels) {
    APART
    for (size_t c = 0; c < channels; c++) {
      float x = wide (in[c]), low = x * slope[c];
      out[c] = half (x < 0 ? low : x);
    }
  }
}

static void
affine (const uint16_t *in, const float *scale, const float *shift,
        uint16_t *out, size_t pixels, size_t channels)
{
  for (size_t p = 0; p < pixels; p++, in += channels, out += channels) {
    APART
    for (size_t c = 0; c < channels; c++)
      out[c] = half (wide (in[c]) * scale[c] + shift[c]);
  }
}

static void
gate (const uint16_t *in, const uint16_t *by, uint16_t *out, size_t pixels,
      size_t channels)
{
  for (size_t p = 0; p < pixels; p++, in += channels, out += channels) {
    APART
    for (size_t c = 0; c < channels; c++)
      out[c] = half (wide (in[c]) * wide (by[c]));
  }
}

/* In squares that stay in the first-level cache. */
#define SIDE 32

static void
from_planes (const float *in, uint16_t *out, size_t pixels, size_t channels)
{
  uint16_t square[SIDE][SIDE];
  for (size_t p = 0; p < pixels; p += SIDE)
    for (size_t c = 0; c < channels; c += SIDE) {
      size_t w = pixels - p < SIDE ? pixels - p : SIDE;
      size_t h = channels - c < SIDE ? channels - c : SIDE;
      for (size_t i = 0; i < h; i++)
        narrow (in + (c + i) * pixels + p, square[i], w);
      for (size_t k = 0; k < w; k++)
        for (size_t i = 0; i < h; i++)
          out[(p + k) * channels + c + i] = square[i][k];
    }
}

static void
to_planes (const uint16_t *in, float *out, size_t pixels, size_t channels)
{
  uint16_t square[SIDE][SIDE];
  for (size_t p = 0; p < pixels; p += SIDE)
    for (size_t c = 0; c < channels; c += SIDE) {
      size_t w = pixels - p < SIDE ? pixels - p : SIDE;
      size_t h = channels - c < SIDE ? channels - c : SIDE;
      for (size_t k = 0; k < w; k++)
        for (size_t i = 0; i < h; i++)
          square[i][k] = in[(p + k) * channels + c + i];
      for (size_t i = 0; i < h; i++)
        widen (square[i], out + (c + i) * pixels + p, w);
    }
}

const ReidBf16 NAME = { NAME_TEXT, widen,  narrow, add,         clip,
                        prelu,     affine, gate,   from_planes, to_planes };
