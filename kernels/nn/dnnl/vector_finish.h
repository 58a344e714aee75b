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

#define PX_MAX 12 /* vectors at a time */

#define INLINE static inline __attribute__ ((always_inline))
#if defined V_PLAIN /* loops, which a compiler is done with at once */
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 16")
#endif

/* e^-v, v in -87..87 and beyond that as there: after range reduction by ln 2 in
 * two parts by a polynomial of degree 6 (relative error below 2e-7). */
INLINE V
exp_minus (V v)
{
  V x = V_MIN (V_SET (87.0f), V_MAX (V_SET (-87.0f), v));
  x = V_FMA (x, V_SET (-1.0f), V_SET (0.0f));
  V n = V_ROUND (V_FMA (x, V_SET (1.44269504f), V_SET (0.0f)));
  V f = V_FMA (n, V_SET (-0.693359375f), x);
  f = V_FMA (n, V_SET (2.12194440e-4f), f);
  V e = V_SET (1.0f / 720);
  e = V_FMA (e, f, V_SET (1.0f / 120));
  e = V_FMA (e, f, V_SET (1.0f / 24));
  e = V_FMA (e, f, V_SET (1.0f / 6));
  e = V_FMA (e, f, V_SET (0.5f));
  e = V_FMA (e, f, V_SET (1.0f));
  e = V_FMA (e, f, V_SET (1.0f));
  return V_MUL (e, V_EXP2I (n));
}

/* 1 / (1 + e^-x) */
INLINE V
sigmoid_vector (V v)
{
  return V_DIV (V_SET (1.0f), V_ADD (exp_minus (v), V_SET (1.0f)));
}

/* A call, since it is long and there is a place for it behind every tile. */
static __attribute__ ((noinline)) void
swish (V *v, int n)
{
  for (int i = 0; i < n; i++)
    v[i] = V_MUL (v[i], sigmoid_vector (v[i]));
}

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
    case REID_ROWS_SWISH: {
      V t[PX_MAX]; /* so that v itself has no address, and stays in registers */
      UNROLL
      for (int i = 0; i < n; i++)
        t[i] = v[i];
      swish (t, n);
      UNROLL
      for (int i = 0; i < n; i++)
        v[i] = t[i];
      break;
    }
    case REID_ROWS_LINEAR:
      break;
  }
}

#endif /* REID_DNNL_VECTOR_FINISH_H */
