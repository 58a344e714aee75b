/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sixteen boxes of b at a time; see iou.c for what the order of operations and
 * operands is bound to. */

#include "track/track-private.h"

#include <immintrin.h>

static inline __m512
iou16 (__m512 left, __m512 top, __m512 right, __m512 bottom, __m512 area,
       __m512 bl, __m512 bt, __m512 br, __m512 bb)
{
  const __m512 zero = _mm512_setzero_ps ();
  __m512 w =
      _mm512_sub_ps (_mm512_min_ps (right, br), _mm512_max_ps (left, bl));
  __m512 h =
      _mm512_sub_ps (_mm512_min_ps (bottom, bb), _mm512_max_ps (top, bt));
  __m512 area_b =
      _mm512_mul_ps (_mm512_sub_ps (br, bl), _mm512_sub_ps (bb, bt));
  __m512 inter = _mm512_mul_ps (w, h);
  __m512 uni = _mm512_sub_ps (_mm512_add_ps (area, area_b), inter);
  __mmask16 ok = _mm512_cmp_ps_mask (w, zero, _CMP_GT_OQ);

  ok = _mm512_mask_cmp_ps_mask (ok, h, zero, _CMP_GT_OQ);
  ok = _mm512_mask_cmp_ps_mask (ok, uni, zero, _CMP_GT_OQ);
  return _mm512_maskz_div_ps (ok, inter, uni);
}

void
reid_iou_avx512 (const ReidBoxes *a, const ReidBoxes *b, float *out)
{
  int n = b->n > 0 ? b->n : 0;

  for (int i = 0; i < a->n; i++) {
    __m512 left = _mm512_set1_ps (a->left[i]), top = _mm512_set1_ps (a->top[i]);
    __m512 right = _mm512_set1_ps (a->right[i]);
    __m512 bottom = _mm512_set1_ps (a->bottom[i]);
    __m512 area = _mm512_mul_ps (_mm512_sub_ps (right, left),
                                 _mm512_sub_ps (bottom, top));

    for (int j = 0; j < n; j += 16) {
      __mmask16 m = n - j >= 16 ? 0xffff : (__mmask16) ((1u << (n - j)) - 1);

      _mm512_mask_storeu_ps (out + j, m,
                             iou16 (left, top, right, bottom, area,
                                    _mm512_maskz_loadu_ps (m, b->left + j),
                                    _mm512_maskz_loadu_ps (m, b->top + j),
                                    _mm512_maskz_loadu_ps (m, b->right + j),
                                    _mm512_maskz_loadu_ps (m, b->bottom + j)));
    }
    out += n;
  }
}
