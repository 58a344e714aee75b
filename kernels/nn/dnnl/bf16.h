/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_BF16_H
#define REID_DNNL_BF16_H

/* bfloat16, the upper half of a float: loops over numbers that are stored in
 * it. Each is widened, worked on as a float, and rounded to nearest, ties to
 * even; a NaN stays one. Denormal numbers are numbers. One source is compiled
 * for each instruction set, and all give the same bytes; the plain C one is the
 * definition. In place is allowed where in and out are of one type. */

#include "base/base.h"

typedef struct {
  const char *name;
  void (*widen) (const uint16_t *in, float *out, size_t n);
  void (*narrow) (const float *in, uint16_t *out, size_t n);
  void (*add) (const uint16_t *a, const uint16_t *b, uint16_t *out, size_t n);
  /* min (hi, max (lo, x)); a NaN stays a NaN. */
  void (*clip) (const uint16_t *in, float lo, float hi, uint16_t *out,
                size_t n);

  /* Pixels of `channels` numbers, one after the other. */
  /* x < 0 ? x * slope[c] : x */
  void (*prelu) (const uint16_t *in, const float *slope, uint16_t *out,
                 size_t pixels, size_t channels);
  /* x * scale[c] + shift[c], each rounded to a float */
  void (*affine) (const uint16_t *in, const float *scale, const float *shift,
                  uint16_t *out, size_t pixels, size_t channels);
  /* x * gate[c] */
  void (*gate) (const uint16_t *in, const uint16_t *gate, uint16_t *out,
                size_t pixels, size_t channels);

  /* From floats channel by channel to pixels of bf16, and back. */
  void (*from_planes) (const float *in, uint16_t *out, size_t pixels,
                       size_t channels);
  void (*to_planes) (const uint16_t *in, float *out, size_t pixels,
                     size_t channels);
} ReidBf16;

extern const ReidBf16 reid_bf16_c;
#ifdef REID_ROWS_X86
extern const ReidBf16 reid_bf16_avx2, reid_bf16_avx512;
#endif

/* The widest version among `flags`. */
const ReidBf16 *reid_bf16_pick (unsigned flags);

#endif /* REID_DNNL_BF16_H */
