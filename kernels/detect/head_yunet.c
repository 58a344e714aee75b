/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/head.h"

#include <math.h>

static float
clamp_probability (float p)
{
  return p < 0 ? 0 : p > 1 ? 1 : p;
}

bool
reid_yunet_decode (const float *cls, const float *obj, const float *bbox,
                   const float *kps, int rows, int columns, int stride,
                   float threshold, ReidFaceList *list, ReidError *error)
{
  float least = threshold > 0 ? threshold * threshold : 0;

  for (int i = 0; i < rows * columns; i++) {
    float product = clamp_probability (cls[i]) * clamp_probability (obj[i]);
    /* So that a NaN goes on to the check. */
    if (product < least)
      continue;
    const float *b = bbox + 4 * (size_t) i, *k = kps + 10 * (size_t) i;
    float x = (float) (i % columns), y = (float) (i / columns);
    float s = (float) stride;
    ReidFace *face = reid_face_list_add (list, error);
    if (!face)
      return false;
    face->score = sqrtf (product);
    face->width = expf (b[2]) * s;
    face->height = expf (b[3]) * s;
    face->left = (x + b[0]) * s - face->width / 2;
    face->top = (y + b[1]) * s - face->height / 2;
    face->has_landmarks = true;
    for (int j = 0; j < 5; j++) {
      face->landmarks[2 * j] = (x + k[2 * j]) * s;
      face->landmarks[2 * j + 1] = (y + k[2 * j + 1]) * s;
    }
    if (!reid_face_check (face, i, error)) {
      reid_error_prefix (error, "stride %d", stride);
      return false;
    }
  }
  return true;
}
