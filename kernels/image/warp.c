/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Affine warp with a low-pass that fits.
 *
 * kx = |(m0, m1)| and ky = |(m3, m4)| are how far one step of the output moves
 * along the source's axes. Where one of them is above 1, the source is first
 * filtered along that axis with a tent of the width that linear interpolation
 * has in a picture k times as coarse, evaluated on a grid of step max (1, k/2),
 * and the bilinear interpolation then runs on that grid. The tent is the box
 * of scaler.c, k wide, convolved with one of sqrt (k^2 - 1): with the pixel's
 * own width the variance is that of a tent reaching k to each side. At k = 1
 * it is the source itself, so nothing jumps where a face grows. A box alone
 * would let a quarter of a fine pattern through as moire; of a tent it is
 * a sixteenth.
 *
 * Only the part of the grid that the output looks at is made, so it is never
 * much larger than the output. */

#include "image/image_private.h"
#include "image/scaler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COORDINATE 1e9

typedef struct {
  int16_t *pixels; /* 4 a pixel, one column and row more than nu, nv */
  ptrdiff_t stride;
  int nu, nv;
  double u[3], v[3]; /* output x, y, 1 -> grid index */
} Prefiltered;

static bool
check_source (const uint8_t *rgb, int width, int height, ptrdiff_t stride,
              const double matrix[6], ReidImage *image, ReidError *error)
{
  *image = (ReidImage){ .format = REID_PIXEL_RGB,
                        .width = width,
                        .height = height,
                        .plane = { rgb },
                        .stride = { stride },
                        .full_range = true,
                        .par_n = 1,
                        .par_d = 1 };
  if (!reid_image_check (image, error)) {
    reid_error_prefix (error, "warp");
    return false;
  }
  double size = 0;
  for (int i = 0; i < 6; i++) {
    if (!matrix || !(fabs (matrix[i]) <= MAX_COORDINATE))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "warp: the matrix is missing, not finite or "
                             "beyond all measure");
    if (i != 2 && i != 5)
      size = fmax (size, fabs (matrix[i]));
  }
  double det = matrix[0] * matrix[4] - matrix[1] * matrix[3];
  if (!(fabs (det) > 1e-12 * size * size) || det == 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "warp: the matrix is singular (determinant %g)",
                           det);
  return true;
}

/* The grid indices that the output touches, along one axis: c maps output
 * x, y to the index. Returns how many, and subtracts the first from c. */
static int
used_range (double c[3], int n, int out_width, int out_height, int *first)
{
  double x = c[0] * (out_width - 1), y = c[1] * (out_height - 1);
  double lo = c[2] + fmin (x, 0) + fmin (y, 0);
  double hi = c[2] + fmax (x, 0) + fmax (y, 0);

  lo = fmin (fmax (floor (lo), 0), n - 1);
  hi = fmin (fmax (floor (hi) + 1, lo), n - 1);
  *first = (int) lo;
  c[2] -= lo;
  return (int) (hi - lo) + 1;
}

/* The grid, and in u, v how output x, y, 1 becomes an index into it. */
static ReidGrid
grid_of (const ReidImage *image, const double m[6], int out_width,
         int out_height, double u[3], double v[3])
{
  double kx = fmax (1, hypot (m[0], m[1])), ky = fmax (1, hypot (m[3], m[4]));
  double gx = fmax (1, kx / 2), gy = fmax (1, ky / 2);
  int first_u, first_v;

  for (int i = 0; i < 3; i++) {
    double half = i == 2 ? 0.5 : 0;
    u[i] = (m[i] + half) / gx - half;
    v[i] = (m[3 + i] + half) / gy - half;
  }
  int nu = used_range (u, (int) ceil (image->width / gx), out_width, out_height,
                       &first_u);
  int nv = used_range (v, (int) ceil (image->height / gy), out_width,
                       out_height, &first_v);
  return (ReidGrid){ .left = first_u * gx,
                     .top = first_v * gy,
                     .step_x = gx,
                     .step_y = gy,
                     .width_x = kx,
                     .width_y = ky,
                     .ramp_x = sqrt (kx * kx - 1),
                     .ramp_y = sqrt (ky * ky - 1),
                     .width = nu,
                     .height = nv };
}

static bool
prefilter (const ReidImageDsp *dsp, const ReidImage *image, const double m[6],
           int out_width, int out_height, Prefiltered *p, ReidError *error)
{
  ReidGrid grid = grid_of (image, m, out_width, out_height, p->u, p->v);
  ReidScaler scaler;

  p->nu = grid.width;
  p->nv = grid.height;
  if (!reid_scaler_init (&scaler, dsp, image, &grid, false, error))
    return false;
  p->stride = 4 * ((ptrdiff_t) scaler.x_taps[0].n_padded + REID_GROUP);
  p->pixels = reid_alloc_aligned (sizeof (int16_t) * (size_t) p->stride
                                  * (size_t) (p->nv + 1));
  if (!p->pixels) {
    reid_scaler_clear (&scaler);
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "warp: no memory for %dx%d pixels", p->nu, p->nv);
  }
  for (int v = 0; v < p->nv; v++) {
    int16_t *row = p->pixels + v * p->stride;
    reid_scaler_row (&scaler, v);
    dsp->pack4 (row, scaler.out, p->nu);
    memcpy (row + 4 * p->nu, row + 4 * (p->nu - 1), 4 * sizeof *row);
  }
  memcpy (p->pixels + p->nv * p->stride, p->pixels + (p->nv - 1) * p->stride,
          4 * sizeof (int16_t) * ((size_t) p->nu + 1));
  reid_scaler_clear (&scaler);
  return true;
}

/* out_f or out_8, never both. */
static bool
warp (const ReidImageDsp *dsp, const ReidImage *image, const double m[6],
      int width, int height, const ReidMix *mix, float *out_f, uint8_t *out_8,
      ptrdiff_t out_stride, ReidError *error)
{
  size_t padded = (size_t) (width + REID_GROUP - 1) / REID_GROUP * REID_GROUP;
  size_t plane = (size_t) width * (size_t) height;
  Prefiltered p = { 0 };
  int32_t *sums = reid_alloc_aligned (3 * padded * sizeof *sums);

  if (!sums)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "warp: no memory for a row of %d pixels", width);
  if (!prefilter (dsp, image, m, width, height, &p, error)) {
    free (sums);
    return false;
  }
  memset (sums, 0, 3 * padded * sizeof *sums);
  int32_t *const out[3] = { sums, sums + padded, sums + 2 * padded };
  const int32_t *const in[3] = { out[0], out[1], out[2] };
  for (int y = 0; y < height; y++) {
    ReidWarpRow row = { .src = p.pixels,
                        .stride = p.stride,
                        .nu = p.nu,
                        .nv = p.nv,
                        .u0 = p.u[1] * y + p.u[2],
                        .v0 = p.v[1] * y + p.v[2],
                        .du = p.u[0],
                        .dv = p.v[0] };
    dsp->warp_row (out, &row, width);
    if (out_f) {
      float *to = out_f + (size_t) y * (size_t) width;
      float *const rows[3] = { to, to + plane, to + 2 * plane };
      dsp->mix_float (rows, in, mix, width);
    } else {
      dsp->mix_u8 (out_8 + y * out_stride, in, mix, width);
    }
  }
  free (p.pixels);
  free (sums);
  return true;
}

/* What both ways begin with. */
static bool
begin (const uint8_t *rgb, int width, int height, ptrdiff_t stride,
       const double matrix[6], const ReidTensorParams *params, ReidImage *image,
       ReidMix *mix, ReidError *error)
{
  if (!check_source (rgb, width, height, stride, matrix, image, error))
    return false;
  if (!params || (unsigned) params->channels > REID_CHANNELS_GRAY)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "warp: no parameters, or unknown channels");
  if (!reid_output_check (params->width, params->height, error))
    return false;
  reid_mix_init (mix, image, params->channels);
  return reid_mix_normalize (mix, params, error);
}

bool
reid_warp_recipe (const uint8_t *rgb, int width, int height, ptrdiff_t stride,
                  const double matrix[6], const ReidTensorParams *params,
                  ReidRecipe *recipe, ReidError *error)
{
  ReidImage image;

  memset (recipe, 0, sizeof *recipe);
  if (!begin (rgb, width, height, stride, matrix, params, &image, &recipe->mix,
              error))
    return false;
  ReidGrid grid = grid_of (&image, matrix, params->width, params->height,
                           recipe->u, recipe->v);
  reid_grid_recipe (&grid, &image, false, recipe);
  recipe->warp = true;
  recipe->width = params->width;
  recipe->height = params->height;
  return true;
}

bool
reid_image_warp_dsp (const ReidImageDsp *dsp, const uint8_t *rgb, int width,
                     int height, ptrdiff_t stride, const double matrix[6],
                     const ReidTensorParams *params, float *out,
                     ReidError *error)
{
  ReidImage image;
  ReidMix mix;

  if (!begin (rgb, width, height, stride, matrix, params, &image, &mix, error))
    return false;
  if (!out)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "warp: no memory to write to");
  return warp (dsp, &image, matrix, params->width, params->height, &mix, out,
               NULL, 0, error);
}

bool
reid_image_warp_rgb_dsp (const ReidImageDsp *dsp, const uint8_t *rgb, int width,
                         int height, ptrdiff_t stride, const double matrix[6],
                         int out_width, int out_height, uint8_t *out,
                         ptrdiff_t out_stride, ReidError *error)
{
  ReidImage image;
  ReidMix mix;

  if (!check_source (rgb, width, height, stride, matrix, &image, error)
      || !reid_output_check (out_width, out_height, error))
    return false;
  if (!out || out_stride < 3 * (ptrdiff_t) out_width
      || out_stride > PTRDIFF_MAX / REID_IMAGE_MAX_OUTPUT)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "warp: no memory to write to, or stride %td does "
                           "not fit rows of %d bytes",
                           out_stride, 3 * out_width);
  reid_mix_init (&mix, &image, REID_CHANNELS_RGB);
  return warp (dsp, &image, matrix, out_width, out_height, &mix, NULL, out,
               out_stride, error);
}

bool
reid_image_warp (const uint8_t *rgb, int width, int height, ptrdiff_t stride,
                 const double matrix[6], const ReidTensorParams *params,
                 float *out, ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_warp_dsp (&dsp, rgb, width, height, stride, matrix, params,
                              out, error);
}

bool
reid_image_warp_rgb (const uint8_t *rgb, int width, int height,
                     ptrdiff_t stride, const double matrix[6], int out_width,
                     int out_height, uint8_t *out, ptrdiff_t out_stride,
                     ReidError *error)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_warp_rgb_dsp (&dsp, rgb, width, height, stride, matrix,
                                  out_width, out_height, out, out_stride,
                                  error);
}
