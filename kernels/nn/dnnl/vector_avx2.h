/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_VECTOR_AVX2_H
#define REID_DNNL_VECTOR_AVX2_H

/* The vector that rows_template.h and winograd_template.h are written in. */

#include <immintrin.h>
#include <math.h>

#define LANES 8
typedef __m256 V;
#define V_LOAD(p) _mm256_loadu_ps (p)
#define V_STORE(p, v) _mm256_storeu_ps (p, v)
#define V_SET(x) _mm256_set1_ps (x)
#define V_FMA(a, b, c) _mm256_fmadd_ps (a, b, c)
#define V_ADD(a, b) _mm256_add_ps (a, b)
#define V_SUB(a, b) _mm256_sub_ps (a, b)
#define V_MUL(a, b) _mm256_mul_ps (a, b)
#define V_DIV(a, b) _mm256_div_ps (a, b)
#define V_MAX(a, b) _mm256_max_ps (a, b)
#define V_MIN(a, b) _mm256_min_ps (a, b)
#define V_SLOPE(v, s)                                                          \
  _mm256_blendv_ps (v, _mm256_mul_ps (v, s),                                   \
                    _mm256_cmp_ps (v, _mm256_setzero_ps (), _CMP_LT_OQ))
#define V_ROUND(v) _mm256_round_ps (v, 8)
#define V_EXP2I(v)                                                             \
  _mm256_castsi256_ps (_mm256_slli_epi32 (                                     \
      _mm256_add_epi32 (_mm256_cvtps_epi32 (v), _mm256_set1_epi32 (127)), 23))

#endif /* REID_DNNL_VECTOR_AVX2_H */
