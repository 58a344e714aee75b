/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_VECTOR_FINISH_H
#define REID_DNNL_VECTOR_FINISH_H

/* What the templates share. Before it comes one of vector_*.h: the type V of
 * LANES floats and
 *
 *   V_LOAD (p)  V_STORE (p, v)  V_SET (float)  V_FMA (a, b, c) = a * b + c
 *   V_ADD (a, b)  V_SUB (a, b)  V_MUL (a, b)  V_DIV (a, b)
 *   V_MAX (a, b)  V_MIN (a, b): b where either is a NaN
 *   V_SLOPE (v, s) = v < 0 ? v * s : v
 *   V_ROUND (v) to nearest even, V_EXP2I (v) = 2^v for whole v in -126..127 */

#include "nn/dnnl/rows.h"

#define INLINE static inline __attribute__ ((always_inline))
#ifdef __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 16")
#endif

INLINE V
finish (V v, const ReidRowsEpilogue *end, int block)
{
  switch (end->kind) {
    case REID_ROWS_CLIP:
      return V_MIN (V_SET (end->hi), V_MAX (V_SET (end->lo), v));
    case REID_ROWS_SLOPE:
      return V_SLOPE (v, V_LOAD (end->slope + (ptrdiff_t) block * LANES));
    case REID_ROWS_LINEAR:
      break;
  }
  return v;
}

#endif /* REID_DNNL_VECTOR_FINISH_H */
