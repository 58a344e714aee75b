/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <immintrin.h>

/* The lanes l and l + 8, then l and l + 4. */
static inline __m128
fold (__m256 low, __m256 high)
{
  __m256 sum = _mm256_add_ps (low, high);

  return _mm_add_ps (_mm256_castps256_ps128 (sum),
                     _mm256_extractf128_ps (sum, 1));
}

static inline __m256
multiply_add (__m256 sum, __m256 a, __m256 b)
{
  return _mm256_add_ps (sum, _mm256_mul_ps (a, b));
}

static float
dot (const float *a, const float *b, size_t stride)
{
  __m256 low = _mm256_setzero_ps (), high = low;
  __m128 four, two;

  for (size_t k = 0; k < stride; k += REID_LANES) {
    low = multiply_add (low, _mm256_load_ps (a + k), _mm256_load_ps (b + k));
    high = multiply_add (high, _mm256_load_ps (a + k + 8),
                         _mm256_load_ps (b + k + 8));
  }
  four = fold (low, high);
  two = _mm_add_ps (four, _mm_movehl_ps (four, four));
  return _mm_cvtss_f32 (_mm_add_ss (two, _mm_movehdup_ps (two)));
}

/* Two rows by two columns: eight sums stay in registers, and the four trees
 * are finished together, transposed. */
static void
dot_2x2 (const float *a, const float *b, size_t stride, float *out,
         size_t out_stride)
{
  __m256 low[4], high[4];
  __m128 t0, t1, t2, t3, sum;

  for (int p = 0; p < 4; p++)
    low[p] = high[p] = _mm256_setzero_ps ();
  for (size_t k = 0; k < stride; k += REID_LANES)
    for (int p = 0; p < 4; p++) {
      const float *x = a + (size_t) (p / 2) * stride + k;
      const float *y = b + (size_t) (p % 2) * stride + k;

      low[p] = multiply_add (low[p], _mm256_load_ps (x), _mm256_load_ps (y));
      high[p] = multiply_add (high[p], _mm256_load_ps (x + 8),
                              _mm256_load_ps (y + 8));
    }
  t0 = fold (low[0], high[0]);
  t1 = fold (low[1], high[1]);
  t2 = fold (low[2], high[2]);
  t3 = fold (low[3], high[3]);
  _MM_TRANSPOSE4_PS (t0, t1, t2, t3);
  sum = _mm_add_ps (_mm_add_ps (t0, t2), _mm_add_ps (t1, t3));
  _mm_storel_pi ((__m64 *) out, sum);
  _mm_storeh_pi ((__m64 *) (out + out_stride), sum);
}

void
reid_similarity_avx2 (const float *a, int na, const float *b, int nb,
                      size_t stride, float *out, size_t out_stride)
{
  int i, j;

  for (i = 0; i + 2 <= na; i += 2) {
    const float *x = a + i * stride;
    float *o = out + i * out_stride;

    for (j = 0; j + 2 <= nb; j += 2)
      dot_2x2 (x, b + j * stride, stride, o + j, out_stride);
    for (; j < nb; j++) {
      o[j] = dot (x, b + j * stride, stride);
      o[j + out_stride] = dot (x + stride, b + j * stride, stride);
    }
  }
  for (; i < na; i++)
    for (j = 0; j < nb; j++)
      out[i * out_stride + j] = dot (a + i * stride, b + j * stride, stride);
}
