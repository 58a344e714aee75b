/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts of a frame, and the small picture of it for the shot detector. */

#include "image/image_private.h"
#include "image/scaler.h"

#include <math.h>

/* Far beyond any frame, and small enough that tables stay small. */
#define MAX_COORDINATE (1 << 20)

static bool
check_rect (const ReidRect *r, ReidError *error)
{
  if (!r)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "crop: no rectangle");
  /* Written so that NaN fails. */
  if (r->width > 0 && r->height > 0 && fabs (r->left) <= MAX_COORDINATE
      && fabs (r->top) <= MAX_COORDINATE && r->width <= MAX_COORDINATE
      && r->height <= MAX_COORDINATE)
    return true;
  return reid_error_set (error, REID_ERROR_ARGUMENT,
                         "crop: rectangle %g,%g %gx%g; sides must be positive "
                         "and everything within %d",
                         r->left, r->top, r->width, r->height, MAX_COORDINATE);
}

static bool
run_grid (const ReidImageDsp *dsp, const ReidImage *image, const ReidGrid *grid,
          bool luma, uint8_t *out, ptrdiff_t out_stride, ReidError *error)
{
  int channels = luma ? 1 : 3;
  ReidMix mix;
  ReidScaler scaler;

  if (!out)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "crop: no memory to write to");
  if (out_stride < (ptrdiff_t) grid->width * channels
      || out_stride > PTRDIFF_MAX / REID_IMAGE_MAX_OUTPUT)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "crop: stride %td does not fit rows of %d bytes",
                           out_stride, grid->width * channels);
  reid_mix_init (&mix, image, luma ? REID_CHANNELS_GRAY : REID_CHANNELS_RGB);
  if (!reid_scaler_init (&scaler, dsp, image, grid, luma, error))
    return false;
  for (int y = 0; y < grid->height; y++) {
    reid_scaler_row (&scaler, y);
    dsp->mix_u8 (out + y * out_stride, scaler.out, &mix, grid->width);
  }
  reid_scaler_clear (&scaler);
  return true;
}

bool
reid_image_crop_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                     const ReidRect *rect, bool luma, int out_width,
                     int out_height, uint8_t *out, ptrdiff_t out_stride,
                     ReidError *error)
{
  if (!reid_image_check (image, error) || !check_rect (rect, error)
      || !reid_output_check (out_width, out_height, error))
    return false;
  ReidGrid grid = { .left = rect->left,
                    .top = rect->top,
                    .step_x = rect->width / out_width,
                    .step_y = rect->height / out_height,
                    .width = out_width,
                    .height = out_height };
  return run_grid (dsp, image, &grid, luma, out, out_stride, error);
}

bool
reid_image_crop_rgb (const ReidImage *image, const ReidRect *rect,
                     int out_width, int out_height, uint8_t *out,
                     ptrdiff_t out_stride, ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_crop_dsp (&dsp, image, rect, false, out_width, out_height,
                              out, out_stride, error);
}

bool
reid_image_crop_luma (const ReidImage *image, const ReidRect *rect,
                      int out_width, int out_height, uint8_t *out,
                      ptrdiff_t out_stride, ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_crop_dsp (&dsp, image, rect, true, out_width, out_height,
                              out, out_stride, error);
}

static double
sample_box (double step, int most)
{
  double w = floor (step);
  return w < 1 ? 1 : w > most ? most : w;
}

/* Of each cell at most 4 x 2 luma samples (2 x 1 of chroma, where it is
 * subsampled) about its centre: most rows of the frame are not even read. Four,
 * because the horizontal pass takes taps in fours. */
bool
reid_image_thumbnail_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                          int out_width, int out_height, uint8_t *rgb,
                          ReidError *error)
{
  if (!reid_image_check (image, error)
      || !reid_output_check (out_width, out_height, error))
    return false;
  double step_x = (double) image->width / out_width;
  double step_y = (double) image->height / out_height;
  ReidGrid grid = { .step_x = step_x,
                    .step_y = step_y,
                    .width_x = sample_box (step_x, 4),
                    .width_y = sample_box (step_y, 2),
                    .width = out_width,
                    .height = out_height,
                    .snap = true };
  return run_grid (dsp, image, &grid, false, rgb, 3 * (ptrdiff_t) out_width,
                   error);
}

bool
reid_image_thumbnail (const ReidImage *image, int out_width, int out_height,
                      uint8_t *rgb, ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_thumbnail_dsp (&dsp, image, out_width, out_height, rgb,
                                   error);
}
