/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_SCALER_H
#define REID_IMAGE_SCALER_H

/* The one resampler of this room: a grid of output pixels over a picture of
 * any format, row by row. Private to the room; see scaler.c for the filter. */

#include "image/format.h"

typedef struct {
  double left, top;        /* edge of the first output pixel, frame pixels */
  double step_x, step_y;   /* from one output pixel to the next */
  double width_x, width_y; /* of the box, 0 = the step; below 1 counts as 1 */
  /* Of a second box that the first one is convolved with, at most as wide;
   * 0 = none. */
  double ramp_x, ramp_y;
  int width, height; /* output pixels */
  bool snap;         /* move boxes to whole samples of their plane */
} ReidGrid;

typedef struct {
  const ReidImageDsp *dsp;
  const ReidFormatInfo *info;
  const ReidImage *image;
  int n_planes;            /* that are read */
  ReidImageAxis y_axis[2]; /* luma or packed, chroma */
  ReidTaps x_taps[2];
  int16_t *weights;  /* of one output row */
  int16_t *row;      /* after the vertical pass */
  int16_t *parts[4]; /* of it, where pixels are interleaved */
  int32_t *sums[3];
  void *memory;
  /* The result of reid_scaler_row(): Y U V or R G B. Where there is only one
   * component all three point to it. */
  const int32_t *out[3];
} ReidScaler;

/* luma_only: of a YUV picture only Y is read. The image must have passed
 * reid_image_check(). */
bool reid_scaler_init (ReidScaler *scaler, const ReidImageDsp *dsp,
                       const ReidImage *image, const ReidGrid *grid,
                       bool luma_only, ReidError *error);
void reid_scaler_row (ReidScaler *scaler, int y);
void reid_scaler_clear (ReidScaler *scaler);

/* Weights of output sample i, without leading and trailing zeros: returns how
 * many, at most reid_axis_max_taps(). Their sum is REID_WEIGHT_ONE. */
int reid_axis_weights (const ReidImageAxis *axis, int i, int *first,
                       int16_t *weights);
/* The axes of a grid on plane 0 (0), or on the others (1). */
void reid_grid_axes (const ReidGrid *grid, const ReidImage *image, int plane,
                     ReidImageAxis *x, ReidImageAxis *y);
/* Planes, samples and axes of a recipe; luma_only as below. */
void reid_grid_recipe (const ReidGrid *grid, const ReidImage *image,
                       bool luma_only, ReidRecipe *recipe);

/* Tables for a whole axis; free() first and weight (tests use it alone). */
bool reid_taps_init (ReidTaps *taps, const ReidImageAxis *axis, int n,
                     ReidError *error);
void reid_taps_clear (ReidTaps *taps);

#endif /* REID_IMAGE_SCALER_H */
