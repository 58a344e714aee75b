/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_RECIPE_H
#define REID_IMAGE_RECIPE_H

/* How one picture becomes a network's input, as numbers: for devices that do
 * by themselves what reid_image_to_tensor() and reid_image_warp() do here.
 * Whoever follows it in the order of scaler.c, dsp_c.c and warp.c, without
 * fused operations, gets the same bytes. A recipe owns nothing: planes are the
 * caller's. */

#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Outputs along one axis of one plane, in its samples; see scaler.c. */
typedef struct {
  double origin, step, width, ramp;
  int n_source;
  bool snap;
} ReidImageAxis;

/* out[c] = clamp (m[c] . (x0, x1, x2, 1), 0, 255), then, for floats,
 * (out[c] - mean[c]) * scale[c]. */
typedef struct {
  float m[3][4];
  float mean[3], scale[3];
  int n_out; /* 1 or 3 */
} ReidMix;

typedef struct {
  /* What is read: the planes that matter, and of each row no byte more. */
  int n_planes;
  const uint8_t *plane[3];
  ptrdiff_t stride[3];
  int rows[3];
  size_t row_bytes[3];
  int bytes, shift; /* of a sample; 2: 10 bits, so far from the low end */
  int step[3];      /* samples a pixel */
  int n_components; /* 1: it stands for all three */
  struct {
    int plane, at; /* at: the sample within the plane's pixel */
  } component[3];
  /* The grid of filtered pixels: axes of plane 0, and of the others. */
  ReidImageAxis x[2], y[2];
  int grid_width, grid_height;
  /* Letterbox: the grid is the output's part of the same size, and `fill` the
   * rest. Warp: output x, y takes the grid at u . (x, y, 1), v . (x, y, 1). */
  bool warp;
  double u[3], v[3];
  float fill[3];
  ReidMix mix;
  int width, height; /* of the output */
} ReidRecipe;

/* The same checks, errors and mapping as reid_image_to_tensor() and
 * reid_image_warp(). */
REID_API bool reid_image_recipe (const ReidImage *image,
                                 const ReidTensorParams *params,
                                 ReidRecipe *recipe, ReidMapping *mapping,
                                 ReidError *error);
REID_API bool reid_warp_recipe (const uint8_t *rgb, int width, int height,
                                ptrdiff_t stride, const double matrix[6],
                                const ReidTensorParams *params,
                                ReidRecipe *recipe, ReidError *error);
/* Most weights that one output of the axis has. */
REID_API int reid_axis_max_taps (const ReidImageAxis *axis);

#ifdef __cplusplus
}
#endif

#endif /* REID_IMAGE_RECIPE_H */
