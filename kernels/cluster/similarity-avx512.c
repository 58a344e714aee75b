/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <immintrin.h>

/* The lanes l and l + 8, then l and l + 4. */
static inline __m128
fold (__m512 lanes)
{
  __m256 sum = _mm256_add_ps (_mm512_castps512_ps256 (lanes),
                              _mm512_extractf32x8_ps (lanes, 1));

  return _mm_add_ps (_mm256_castps256_ps128 (sum),
                     _mm256_extractf128_ps (sum, 1));
}

static float
dot (const float *a, const float *b, size_t stride)
{
  __m512 lanes = _mm512_setzero_ps ();
  __m128 four, two;

  for (size_t k = 0; k < stride; k += REID_LANES)
    lanes = _mm512_add_ps (
        lanes, _mm512_mul_ps (_mm512_load_ps (a + k), _mm512_load_ps (b + k)));
  four = fold (lanes);
  two = _mm_add_ps (four, _mm_movehl_ps (four, four));
  return _mm_cvtss_f32 (_mm_add_ss (two, _mm_movehdup_ps (two)));
}

/* Four rows by four columns: sixteen sums stay in registers, and the four
 * trees of a row are finished together, transposed. */
static void
dot_4x4 (const float *a, const float *b, size_t stride, float *out,
         size_t out_stride)
{
  __m512 lanes[4][4];

  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++)
      lanes[i][j] = _mm512_setzero_ps ();
  for (size_t k = 0; k < stride; k += REID_LANES) {
    __m512 x[4];

    for (int i = 0; i < 4; i++)
      x[i] = _mm512_load_ps (a + i * stride + k);
    for (int j = 0; j < 4; j++) {
      __m512 y = _mm512_load_ps (b + j * stride + k);

      for (int i = 0; i < 4; i++)
        lanes[i][j] = _mm512_add_ps (lanes[i][j], _mm512_mul_ps (x[i], y));
    }
  }
  for (int i = 0; i < 4; i++) {
    __m128 t0 = fold (lanes[i][0]), t1 = fold (lanes[i][1]);
    __m128 t2 = fold (lanes[i][2]), t3 = fold (lanes[i][3]);

    _MM_TRANSPOSE4_PS (t0, t1, t2, t3);
    _mm_storeu_ps (out + i * out_stride,
                   _mm_add_ps (_mm_add_ps (t0, t2), _mm_add_ps (t1, t3)));
  }
}

void
reid_similarity_avx512 (const float *a, int na, const float *b, int nb,
                        size_t stride, float *out, size_t out_stride)
{
  int i, j;

  for (i = 0; i + 4 <= na; i += 4) {
    const float *x = a + i * stride;
    float *o = out + i * out_stride;

    for (j = 0; j + 4 <= nb; j += 4)
      dot_4x4 (x, b + j * stride, stride, o + j, out_stride);
    for (; j < nb; j++)
      for (int r = 0; r < 4; r++)
        o[j + r * out_stride] = dot (x + r * stride, b + j * stride, stride);
  }
  for (; i < na; i++)
    for (j = 0; j < nb; j++)
      out[i * out_stride + j] = dot (a + i * stride, b + j * stride, stride);
}
