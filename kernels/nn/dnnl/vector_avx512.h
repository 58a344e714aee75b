/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_VECTOR_AVX512_H
#define REID_DNNL_VECTOR_AVX512_H

/* The vector that rows_template.h and winograd_template.h are written in. */

#include <immintrin.h>
#include <math.h>

#define LANES 16
typedef __m512 V;
#define V_LOAD(p) _mm512_loadu_ps (p)
#define V_STORE(p, v) _mm512_storeu_ps (p, v)
#define V_SET(x) _mm512_set1_ps (x)
#define V_FMA(a, b, c) _mm512_fmadd_ps (a, b, c)
#define V_ADD(a, b) _mm512_add_ps (a, b)
#define V_SUB(a, b) _mm512_sub_ps (a, b)
#define V_MUL(a, b) _mm512_mul_ps (a, b)
#define V_DIV(a, b) _mm512_div_ps (a, b)
#define V_MAX(a, b) _mm512_max_ps (a, b)
#define V_MIN(a, b) _mm512_min_ps (a, b)
#define V_SLOPE(v, s)                                                          \
  _mm512_mask_mul_ps (                                                         \
      v, _mm512_cmp_ps_mask (v, _mm512_setzero_ps (), _CMP_LT_OQ), v, s)
#define V_ROUND(v) _mm512_roundscale_ps (v, 8)
#define V_EXP2I(v)                                                             \
  _mm512_castsi512_ps (_mm512_slli_epi32 (                                     \
      _mm512_add_epi32 (_mm512_cvtps_epi32 (v), _mm512_set1_epi32 (127)), 23))

#endif /* REID_DNNL_VECTOR_AVX512_H */
