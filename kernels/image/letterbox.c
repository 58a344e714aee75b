/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole frame -> network input. The filter is that of scaler.c: boxes of
 * exactly frame size / used size, so the used part of the output shows the
 * whole frame, edge to edge. Colour is converted, in floating point, only at
 * the output's resolution, and clamped to 0..255 before mean and scale. */

#include "image/image_private.h"
#include "image/scaler.h"

#include <math.h>
#include <string.h>

static int
fitted (double length, int limit)
{
  double v = floor (length + 0.5);
  return v < 1 ? 1 : v > limit ? limit : (int) v;
}

void
reid_image_mapping (const ReidImage *image, const ReidTensorParams *params,
                    ReidMapping *mapping)
{
  *mapping = (ReidMapping){ 0 };
  if (!image || !params || image->width < 1 || image->height < 1
      || params->width < 1 || params->height < 1)
    return;
  mapping->used_width = params->width;
  mapping->used_height = params->height;
  if (params->fit == REID_FIT_LETTERBOX) {
    double par = image->par_n >= 1 && image->par_d >= 1
                     ? (double) image->par_n / image->par_d
                     : 1;
    double shown = image->width * par;
    double scale =
        fmin (params->width / shown, params->height / (double) image->height);
    mapping->used_width = fitted (shown * scale, params->width);
    mapping->used_height = fitted (image->height * scale, params->height);
  }
  mapping->sx = (double) image->width / mapping->used_width;
  mapping->sy = (double) image->height / mapping->used_height;
}

static bool
check_params (const ReidTensorParams *params, ReidError *error)
{
  if (!params)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "tensor: no parameters");
  if ((unsigned) params->fit > REID_FIT_STRETCH
      || (unsigned) params->channels > REID_CHANNELS_GRAY)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "tensor: fit %d or channels %d is not known",
                           (int) params->fit, (int) params->channels);
  if (!isfinite (params->fill))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "tensor: fill must be a finite number");
  return reid_output_check (params->width, params->height, error);
}

/* What both ways begin with. */
static bool
begin (const ReidImage *image, const ReidTensorParams *params, ReidMix *mix,
       ReidMapping *map, ReidGrid *grid, float fill[3], ReidError *error)
{
  if (!reid_image_check (image, error) || !check_params (params, error))
    return false;
  reid_mix_init (mix, image, params->channels);
  if (!reid_mix_normalize (mix, params, error))
    return false;
  reid_image_mapping (image, params, map);
  *grid = (ReidGrid){ .step_x = map->sx,
                      .step_y = map->sy,
                      .width = map->used_width,
                      .height = map->used_height };
  for (int c = 0; c < mix->n_out; c++)
    fill[c] = (params->fill - mix->mean[c]) * mix->scale[c];
  return true;
}

bool
reid_image_recipe (const ReidImage *image, const ReidTensorParams *params,
                   ReidRecipe *recipe, ReidMapping *mapping, ReidError *error)
{
  ReidMapping map;
  ReidGrid grid;

  memset (recipe, 0, sizeof *recipe);
  if (!begin (image, params, &recipe->mix, &map, &grid, recipe->fill, error))
    return false;
  reid_grid_recipe (&grid, image, params->channels == REID_CHANNELS_GRAY,
                    recipe);
  recipe->width = params->width;
  recipe->height = params->height;
  if (mapping)
    *mapping = map;
  return true;
}

bool
reid_image_to_tensor_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                          const ReidTensorParams *params, float *out,
                          ReidMapping *mapping, ReidError *error)
{
  ReidMapping map;
  ReidMix mix;
  ReidScaler scaler;
  ReidGrid grid;
  float fill[3];

  if (!begin (image, params, &mix, &map, &grid, fill, error))
    return false;
  if (!out)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "tensor: no memory to write to");
  if (!reid_scaler_init (&scaler, dsp, image, &grid,
                         params->channels == REID_CHANNELS_GRAY, error))
    return false;

  size_t plane = (size_t) params->width * (size_t) params->height;
  float *row[3] = { out, out + plane, out + 2 * plane };
  for (int y = 0; y < params->height; y++) {
    int x = 0;
    if (y < map.used_height) {
      reid_scaler_row (&scaler, y);
      dsp->mix_float (row, scaler.out, &mix, map.used_width);
      x = map.used_width;
    }
    for (int c = 0; c < mix.n_out; c++) {
      for (int i = x; i < params->width; i++)
        row[c][i] = fill[c];
      row[c] += params->width;
    }
  }
  reid_scaler_clear (&scaler);
  if (mapping)
    *mapping = map;
  return true;
}

bool
reid_image_to_tensor (const ReidImage *image, const ReidTensorParams *params,
                      float *out, ReidMapping *mapping, ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_to_tensor_dsp (&dsp, image, params, out, mapping, error);
}
