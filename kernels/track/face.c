/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "track/track-private.h"

#include <math.h>

#define FARTHEST 16.0f /* frames */
#define SMALLEST 1e-6f

bool
reid_face_plausible (const ReidFace *face)
{
  /* Every comparison is false for a NaN. */
  return fabsf (face->left) <= FARTHEST && fabsf (face->top) <= FARTHEST
         && face->width >= SMALLEST && face->width <= FARTHEST
         && face->height >= SMALLEST && face->height <= FARTHEST
         && isfinite (face->score);
}

double
reid_image_aspect (const ReidImage *image)
{
  if (image->width < 1 || image->height < 1 || image->par_n < 1
      || image->par_d < 1)
    return 0;
  return (double) image->width * image->par_n
         / ((double) image->height * image->par_d);
}

bool
reid_face_pose (const ReidFace *face, double aspect, ReidPose *pose)
{
  double x[5], y[5];

  if (!face->has_landmarks)
    return false;
  for (int i = 0; i < 5; i++) {
    x[i] = face->landmarks[2 * i] * aspect;
    y[i] = face->landmarks[2 * i + 1];
    if (!isfinite (x[i]) || !isfinite (y[i]))
      return false;
  }

  double ex = x[1] - x[0], ey = y[1] - y[0], eyes = sqrt (ex * ex + ey * ey);
  /* Eyes closer than this share of the face are one eye found twice. */
  if (!(eyes > 0.02 * face->height))
    return false;

  double mx = (x[0] + x[1]) / 2, my = (y[0] + y[1]) / 2;
  double ux = ex / eyes, uy = ey / eyes;
  double nose_x = x[2] - mx, nose_y = y[2] - my;
  double mouth_x = (x[3] + x[4]) / 2 - mx, mouth_y = (y[3] + y[4]) / 2 - my;
  double down = mouth_y * ux - mouth_x * uy;
  if (!(down > 0.05 * eyes))
    return false;

  pose->yaw = (nose_x * ux + nose_y * uy) / eyes;
  pose->pitch = (nose_y * ux - nose_x * uy) / down - 0.5;
  pose->tall = sqrt (mouth_x * mouth_x + mouth_y * mouth_y) / eyes;
  return isfinite (pose->yaw) && isfinite (pose->pitch)
         && isfinite (pose->tall);
}
