/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/head.h"

bool
reid_ultralight_decode (const float *scores, const float *boxes, int n,
                        int width, int height, float threshold,
                        ReidFaceList *list, ReidError *error)
{
  for (int i = 0; i < n; i++) {
    const float *box = boxes + 4 * (size_t) i;
    float score = scores[2 * (size_t) i + 1];

    if (score < threshold)
      continue;
    ReidFace *face = reid_face_list_add (list, error);
    if (!face)
      return false;
    face->score = score > 1 ? 1 : score;
    face->left = box[0] * (float) width;
    face->top = box[1] * (float) height;
    face->width = (box[2] - box[0]) * (float) width;
    face->height = (box[3] - box[1]) * (float) height;
    if (!reid_face_check (face, i, error))
      return false;
  }
  return true;
}
