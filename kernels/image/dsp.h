/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_DSP_H
#define REID_IMAGE_DSP_H

/* The inner loops of this room, one function pointer each, private to it. The
 * plain C versions (dsp_c.c) are the definition of right; every other version
 * gives the same bytes, floats included: sums are integer, and what is done in
 * floating point is done in the same order without fused operations.
 *
 * Fixed point, in the order of the way: a sample p of 8 bits becomes p * 128
 * (10 bits: p * 32) after the vertical pass, 15 bits in an int16_t; weights are
 * in 1/16384; so the horizontal pass leaves value * 2^21 in an int32_t, for
 * both depths in units of the 8-bit scale. */

#include "image/recipe.h"

#define REID_WEIGHT_BITS 14
#define REID_WEIGHT_ONE (1 << REID_WEIGHT_BITS)
#define REID_ROW_BITS 7
#define REID_VALUE_BITS (REID_WEIGHT_BITS + REID_ROW_BITS)

/* Outputs are handled in groups of this many; rows are padded to it. */
#define REID_GROUP 16
/* Rows of the room's own scratch memory have so many more samples, which a
 * vector version may read, and write in the results of split. */
#define REID_ROW_SLACK 128

/* Which source samples make which output sample, along one axis. */
typedef struct {
  int n;           /* outputs */
  int n_padded;    /* rounded up to REID_GROUP; the extra weights are 0 */
  int chunks;      /* taps per output, in fours */
  int lo, hi;      /* the samples that are used at all: [lo, hi) */
  int32_t *first;  /* [n_padded], first tap, relative to lo, never falling */
  int16_t *weight; /* [chunks][n_padded][4] */
  /* [n_padded][4], where the first four taps lie from the first tap of the
   * output's group of eight on: what a permutation wants. Meaningless where
   * such a group spans more than 64 samples. */
  int16_t *offset;
} ReidTaps;

/* One row of a warp: output x takes (u0 + x * du, v0 + x * dv), clamped to
 * 0..nu-1, 0..nv-1. Pixels are 4 int16_t; the source has one more column and
 * row than nu, nv. */
typedef struct {
  const int16_t *src;
  ptrdiff_t stride; /* in int16_t */
  int nu, nv;
  double u0, v0, du, dv;
} ReidWarpRow;

typedef struct {
  /* dst[x] = (sum of w[t] * src[t * stride + x] + half) >> 7. The rows that
   * the next call will want lie `ahead` bytes on: a hint, never read. */
  void (*vfilter8) (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                    const int16_t *w, int taps, int n, ptrdiff_t ahead);
  /* The same for 10 bits in 16, which are (sample >> shift) & 1023; >> 9.
   * src need not be aligned, stride is in bytes. */
  void (*vfilter16) (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                     const int16_t *w, int taps, int n, int shift,
                     ptrdiff_t ahead);
  /* n pixels of 2, 3 or 4 samples -> one row a channel. split[4] leaves out
   * the channels whose row is NULL. */
  void (*split2) (int16_t *const dst[4], const int16_t *src, int n);
  void (*split3) (int16_t *const dst[4], const int16_t *src, int n);
  void (*split4) (int16_t *const dst[4], const int16_t *src, int n);
  /* Writes taps->n_padded sums. */
  void (*hfilter) (int32_t *dst, const int16_t *src, const ReidTaps *taps);
  /* The input rows are padded to REID_GROUP, the output rows are not. */
  void (*mix_float) (float *const out[3], const int32_t *const in[3],
                     const ReidMix *mix, int n);
  void (*mix_u8) (uint8_t *out, const int32_t *const in[3], const ReidMix *mix,
                  int n);
  /* Three rows of sums -> pixels of 4 int16_t (the last is 0), value * 128.
   * Input rows and dst are padded to REID_GROUP. */
  void (*pack4) (int16_t *dst, const int32_t *const in[3], int n);
  /* Writes n sums a channel; rows padded to REID_GROUP. */
  void (*warp_row) (int32_t *const out[3], const ReidWarpRow *row, int n);
  /* Adds the Laplacians of the pixels 1 .. n-2 of the middle of three rows,
   * and their squares. */
  void (*laplacian) (const uint8_t *row, ptrdiff_t stride, int n, int64_t *sum,
                     int64_t *squares);
} ReidImageDsp;

/* The fastest versions that the flags (ReidCpuFlags) allow. */
void reid_image_dsp_init (ReidImageDsp *dsp, unsigned flags);

void reid_image_dsp_init_avx2 (ReidImageDsp *dsp);
void reid_image_dsp_init_avx512 (ReidImageDsp *dsp);

#endif /* REID_IMAGE_DSP_H */
