/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plain version, which defines the bytes of the others: one order of
 * operations, all in float, and minimum and maximum that give the second
 * operand when one is NaN, as the x86 instructions do. A NaN then reaches the
 * union, fails `uni > 0`, and the pair gets 0. */

#include "track/track-private.h"

static inline float
min_float (float a, float b)
{
  return a < b ? a : b;
}

static inline float
max_float (float a, float b)
{
  return a > b ? a : b;
}

static void
iou_c (const ReidBoxes *a, const ReidBoxes *b, float *out)
{
  for (int i = 0; i < a->n; i++) {
    float left = a->left[i], top = a->top[i];
    float right = a->right[i], bottom = a->bottom[i];
    float area = (right - left) * (bottom - top);

    for (int j = 0; j < b->n; j++) {
      float w = min_float (right, b->right[j]) - max_float (left, b->left[j]);
      float h = min_float (bottom, b->bottom[j]) - max_float (top, b->top[j]);
      float area_b = (b->right[j] - b->left[j]) * (b->bottom[j] - b->top[j]);
      float inter = w * h;
      float uni = area + area_b - inter;

      *out++ = w > 0 && h > 0 && uni > 0 ? inter / uni : 0;
    }
  }
}

ReidIouFunc
reid_iou_get (unsigned cpu_flags)
{
#if defined(__x86_64__)
  if (cpu_flags & REID_CPU_AVX512)
    return reid_iou_avx512;
  if (cpu_flags & REID_CPU_AVX2)
    return reid_iou_avx2;
#endif
  return iou_c;
}
