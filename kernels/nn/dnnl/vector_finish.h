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
#if defined V_PLAIN /* loops, which a compiler is done with at once */
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 16")
#endif

/* The epilogue of `n` vectors of one block of channels. */
INLINE void
finish (V *v, int n, const ReidRowsEpilogue *end, int block)
{
  switch (end->kind) {
    case REID_ROWS_CLIP: {
      V lo = V_SET (end->lo), hi = V_SET (end->hi);
      UNROLL
      for (int i = 0; i < n; i++)
        v[i] = V_MIN (hi, V_MAX (lo, v[i]));
      break;
    }
    case REID_ROWS_SLOPE: {
      V slope = V_LOAD (end->slope + (ptrdiff_t) block * LANES);
      UNROLL
      for (int i = 0; i < n; i++)
        v[i] = V_SLOPE (v[i], slope);
      break;
    }
    case REID_ROWS_LINEAR:
      break;
  }
}

#endif /* REID_DNNL_VECTOR_FINISH_H */
