/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quality of a face, each term in 0..1:
 *
 *   score       = the detector's
 *   size        = min (1, shorter side in pixels / 112): 112 is what the
 *                 embedders are given
 *   sharpness   = v / (v + 250), v = variance of the Laplacian of the box's
 *                 luma at 64x64
 *   frontalness = cube root of the product of
 *                   1 - min (1, |yaw| / 0.5),
 *                   1 - min (1, |pitch| / 0.5),
 *                   min (q, 1 / q) with q = tall / 1.157
 *                 (see ReidPose; 1.157 is the ArcFace template's); 0 for
 *                 landmarks that are no face, 0.5 where there are none
 *   exposure    = s * m, s = share of the 64x64 luma samples in 9..246,
 *                 m = 1 where their mean is in 64..192, and from there falling
 *                 in straight lines to 0 at 0 and at 255: wide enough that
 *                 nobody's skin is badly exposed
 *   total       = fifth root of the product of the five, frontalness counted
 *                 as at least 0.05: a profile is worth little, but a sharp one
 *                 more than a blurred one, and a track of nothing but profiles
 *                 still has a best picture
 *
 * Sharpness and exposure share one crop. An enlarged small face has little
 * left in its Laplacian, which is as it should be. */

#include "track/track-private.h"

#include <math.h>
#include <string.h>

#define FULL_SIZE 112.0
#define SIDE 64
#define HALF_SHARP 250.0
#define TEMPLATE_TALL 1.157
#define LEAST_FRONTALNESS 0.05
#define CRUSHED 8
#define CLIPPED 247
#define DARK 64.0
#define BRIGHT 192.0

static double
unit (double x)
{
  return x > 0 ? (x < 1 ? x : 1) : 0;
}

static double
frontalness (const ReidFace *face, double aspect)
{
  ReidPose pose;

  if (!face->has_landmarks)
    return 0.5;
  if (!reid_face_pose (face, aspect, &pose))
    return 0;
  double q = pose.tall / TEMPLATE_TALL;
  double product = unit (1 - fabs (pose.yaw) / 0.5)
                   * unit (1 - fabs (pose.pitch) / 0.5) * (q < 1 ? q : 1 / q);
  return cbrt (product);
}

static double
exposure (const uint8_t *luma)
{
  uint32_t bins[256];
  double sum = 0, mean, middle;
  uint32_t usable = 0;

  reid_image_histogram (luma, SIDE, SIDE, SIDE, bins);
  for (int v = 0; v < 256; v++) {
    sum += (double) v * bins[v];
    if (v > CRUSHED && v < CLIPPED)
      usable += bins[v];
  }
  mean = sum / (SIDE * SIDE);
  middle = mean < DARK     ? mean / DARK
           : mean > BRIGHT ? (255 - mean) / (255 - BRIGHT)
                           : 1;
  return unit ((double) usable / (SIDE * SIDE) * middle);
}

void
reid_quality (const ReidImage *image, const ReidFace *face,
              ReidQuality *quality)
{
  double aspect = reid_image_aspect (image), product;
  uint8_t luma[SIDE * SIDE];

  memset (quality, 0, sizeof *quality);
  if (!(aspect > 0) || !reid_face_plausible (face))
    return;

  ReidRect rect = { (double) face->left * image->width,
                    (double) face->top * image->height,
                    (double) face->width * image->width,
                    (double) face->height * image->height };
  quality->score = (float) unit (face->score);
  quality->size = (float) unit (fmin (rect.width, rect.height) / FULL_SIZE);
  quality->frontalness = (float) frontalness (face, aspect);
  if (reid_image_crop_luma (image, &rect, SIDE, SIDE, luma, SIDE, NULL)) {
    double v = reid_image_sharpness (luma, SIDE, SIDE, SIDE);

    quality->sharpness = (float) unit (v / (v + HALF_SHARP));
    quality->exposure = (float) exposure (luma);
  }
  product = (double) quality->score * quality->size * quality->sharpness
            * fmax (quality->frontalness, LEAST_FRONTALNESS)
            * quality->exposure;
  quality->total = (float) pow (product, 0.2);
}
