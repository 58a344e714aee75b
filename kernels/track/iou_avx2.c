/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Eight boxes of b at a time; see iou.c for what the order of operations and
 * operands is bound to. */

#include "track/track-private.h"

#include <immintrin.h>

static inline __m256
iou8 (__m256 left, __m256 top, __m256 right, __m256 bottom, __m256 area,
      __m256 bl, __m256 bt, __m256 br, __m256 bb)
{
  const __m256 zero = _mm256_setzero_ps ();
  __m256 w =
      _mm256_sub_ps (_mm256_min_ps (right, br), _mm256_max_ps (left, bl));
  __m256 h =
      _mm256_sub_ps (_mm256_min_ps (bottom, bb), _mm256_max_ps (top, bt));
  __m256 area_b =
      _mm256_mul_ps (_mm256_sub_ps (br, bl), _mm256_sub_ps (bb, bt));
  __m256 inter = _mm256_mul_ps (w, h);
  __m256 uni = _mm256_sub_ps (_mm256_add_ps (area, area_b), inter);
  __m256 ok = _mm256_and_ps (_mm256_cmp_ps (w, zero, _CMP_GT_OQ),
                             _mm256_cmp_ps (h, zero, _CMP_GT_OQ));

  ok = _mm256_and_ps (ok, _mm256_cmp_ps (uni, zero, _CMP_GT_OQ));
  return _mm256_and_ps (ok, _mm256_div_ps (inter, uni));
}

void
reid_iou_avx2 (const ReidBoxes *a, const ReidBoxes *b, float *out)
{
  static const int32_t lanes[16] = { -1, -1, -1, -1, -1, -1, -1, -1,
                                     0,  0,  0,  0,  0,  0,  0,  0 };
  int n = b->n, whole = n > 0 ? n & ~7 : 0, tail = n > 0 ? n & 7 : 0;
  __m256i mask = _mm256_loadu_si256 ((const __m256i *) (lanes + 8 - tail));

  for (int i = 0; i < a->n; i++) {
    __m256 left = _mm256_set1_ps (a->left[i]), top = _mm256_set1_ps (a->top[i]);
    __m256 right = _mm256_set1_ps (a->right[i]);
    __m256 bottom = _mm256_set1_ps (a->bottom[i]);
    __m256 area = _mm256_mul_ps (_mm256_sub_ps (right, left),
                                 _mm256_sub_ps (bottom, top));

    for (int j = 0; j < whole; j += 8)
      _mm256_storeu_ps (out + j, iou8 (left, top, right, bottom, area,
                                       _mm256_loadu_ps (b->left + j),
                                       _mm256_loadu_ps (b->top + j),
                                       _mm256_loadu_ps (b->right + j),
                                       _mm256_loadu_ps (b->bottom + j)));
    if (tail)
      _mm256_maskstore_ps (out + whole, mask,
                           iou8 (left, top, right, bottom, area,
                                 _mm256_maskload_ps (b->left + whole, mask),
                                 _mm256_maskload_ps (b->top + whole, mask),
                                 _mm256_maskload_ps (b->right + whole, mask),
                                 _mm256_maskload_ps (b->bottom + whole, mask)));
    out += whole + tail;
  }
}
