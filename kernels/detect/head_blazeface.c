/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/head.h"

#include <math.h>

/* Half of the distance of the mouth corners over that of the eyes, in the
 * ArcFace template. */
#define HALF_MOUTH 0.414f
/* A sigmoid is 0 or 1 to float precision well before. */
#define MOST_LOGIT 100.0f

void
reid_blazeface_anchors (float centres[2 * REID_BLAZEFACE_ANCHORS])
{
  /* Cells per side, and anchors per cell: one grid of stride 8 and three of
   * stride 16, each with two scales, which all have the same centre and whose
   * size is fixed at 1, so that they differ only in what they have learnt. */
  static const int cells[] = { 16, 8 }, anchors[] = { 2, 6 };
  int n = 0;

  for (int layer = 0; layer < 2; layer++)
    for (int y = 0; y < cells[layer]; y++)
      for (int x = 0; x < cells[layer]; x++)
        for (int k = 0; k < anchors[layer]; k++) {
          centres[n++] = ((float) x + 0.5f) / (float) cells[layer];
          centres[n++] = ((float) y + 0.5f) / (float) cells[layer];
        }
}

static float
logit (float probability)
{
  if (probability <= 0)
    return -INFINITY;
  if (probability >= 1)
    return MOST_LOGIT;
  return logf (probability / (1 - probability));
}

bool
reid_blazeface_decode (const float *logits, const float *regressors,
                       const float centres[2 * REID_BLAZEFACE_ANCHORS],
                       float threshold, ReidFaceList *list, ReidError *error)
{
  float least = logit (threshold);

  for (int i = 0; i < REID_BLAZEFACE_ANCHORS; i++) {
    float v = logits[i];
    if (v < least)
      continue;
    const float *r = regressors + 16 * (size_t) i;
    float x = centres[2 * i] * REID_BLAZEFACE_SIZE;
    float y = centres[2 * i + 1] * REID_BLAZEFACE_SIZE;
    ReidFace *face = reid_face_list_add (list, error);
    if (!face)
      return false;
    v = v > MOST_LOGIT ? MOST_LOGIT : v < -MOST_LOGIT ? -MOST_LOGIT : v;
    face->score = 1 / (1 + expf (-v));
    face->width = r[2];
    face->height = r[3];
    face->left = x + r[0] - r[2] / 2;
    face->top = y + r[1] - r[3] / 2;
    face->has_landmarks = true;
    float *p = face->landmarks;
    for (int j = 0; j < 6; j += 2) {
      p[j] = x + r[4 + j];
      p[j + 1] = y + r[5 + j];
    }
    float dx = (p[2] - p[0]) * HALF_MOUTH, dy = (p[3] - p[1]) * HALF_MOUTH;
    p[6] = x + r[10] - dx;
    p[7] = y + r[11] - dy;
    p[8] = x + r[10] + dx;
    p[9] = y + r[11] + dy;
    if (!reid_face_check (face, i, error))
      return false;
  }
  return true;
}
