/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The filter. Along each axis output sample i lies over the source interval
 *
 *   [c - w/2, c + w/2],  c = origin + (i + 1/2) * step,  w = max (width, 1)
 *
 * in source samples measured at their edges, and takes from each source sample
 * the share of the interval that it covers: a box with fractional edges. With
 * width = step that is area averaging where the picture shrinks; where it
 * grows, w = 1, and the shares of the two samples that such an interval
 * touches are just those of linear interpolation between their centres. The
 * two cases meet at step 1. Samples beyond the border count as the border's.
 * Where a low-pass with less leakage is wanted (warp.c), the box is convolved
 * with a second one, the ramp, which makes a trapezium or a tent of it.
 *
 * Weights are integers in 1/16384. The share up to each sample edge is rounded,
 * not the share of each sample, so every sum is exactly 1 and no error
 * builds up, however many samples the box covers. The shares themselves get
 * coarse: a checkerboard comes out 0.03 grey levels wrong at a ratio of 6, 0.25
 * at 140, and beyond 16384 samples are skipped.
 *
 * Vertical pass first: it reads the source in the order of memory and leaves
 * one row, 15 bits a sample; the horizontal pass then touches as many outputs
 * as are wanted and no more. Chroma is resampled on its own grid, from its own
 * resolution straight to the output's: its samples lie, as in MPEG-2, H.264
 * and HEVC unless they say otherwise, on the left luma sample of their pair
 * and halfway between the two rows. */

#include "image/scaler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int
reid_axis_max_taps (const ReidImageAxis *axis)
{
  double taps = ceil ((axis->width > 1 ? axis->width : 1) + axis->ramp) + 1;
  return taps < axis->n_source ? (int) taps : axis->n_source;
}

/* Truncation and a compare: floor() is a library call without SSE 4.1. */
static inline int
floor_int (double v)
{
  int i = (int) v;
  return i - (v < i);
}

/* How much of the kernel lies left of t, t from its left end, in units of
 * 1/w of it. */
static inline double
share (double t, double w, double ramp)
{
  if (ramp <= 0)
    return t;
  if (t >= w)
    return t < w + ramp ? w - (w + ramp - t) * (w + ramp - t) / (2 * ramp) : w;
  return t < ramp ? t * t / (2 * ramp) : t - ramp / 2;
}

int
reid_axis_weights (const ReidImageAxis *axis, int i, int *first,
                   int16_t *weights)
{
  double w = axis->width > 1 ? axis->width : 1;
  double a = axis->origin + (i + 0.5) * axis->step - 0.5 * (w + axis->ramp);
  double last_sample = axis->n_source - 1;
  int lo, hi, n = 0, done = 0;

  if (axis->snap)
    a = floor_int (a + 0.5);
  double b = a + w + axis->ramp;
  if (b <= 1) {
    lo = hi = 0;
  } else if (a >= last_sample) {
    lo = hi = axis->n_source - 1;
  } else {
    lo = a > 0 ? (int) a : 0;
    hi = b < last_sample ? (int) b : axis->n_source - 1;
  }

  double unit = REID_WEIGHT_ONE / w;
  for (int j = lo; j <= hi; j++) {
    int upto = REID_WEIGHT_ONE;
    if (j < hi)
      upto = (int) (share (j + 1 - a, w, axis->ramp) * unit + 0.5);
    upto = upto < REID_WEIGHT_ONE ? upto : REID_WEIGHT_ONE;
    if (n == 0 && upto == 0) {
      lo++;
      continue;
    }
    weights[n++] = (int16_t) (upto - done);
    if (upto == REID_WEIGHT_ONE)
      break;
    done = upto;
  }
  *first = lo;
  return n;
}

bool
reid_taps_init (ReidTaps *taps, const ReidImageAxis *axis, int n,
                ReidError *error)
{
  int max = reid_axis_max_taps (axis) + 1, chunks = 1, lo = axis->n_source,
      hi = 0;
  size_t bound = ((size_t) max + 3) / 4;

  *taps = (ReidTaps){ .n = n };
  taps->n_padded = (n + REID_GROUP - 1) / REID_GROUP * REID_GROUP;
  size_t group = 4 * (size_t) taps->n_padded;
  taps->first = reid_alloc_aligned (sizeof (int32_t) * (size_t) taps->n_padded);
  taps->weight = reid_alloc_aligned (sizeof (int16_t) * group * bound);
  taps->offset = reid_alloc_aligned (sizeof (int16_t) * group);
  int16_t *one = malloc (sizeof (int16_t) * ((size_t) max + 4));
  if (!taps->first || !taps->weight || !taps->offset || !one) {
    free (one);
    reid_taps_clear (taps);
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "image: no memory for %d outputs of %d taps", n,
                           max);
  }
  memset (taps->weight, 0, sizeof (int16_t) * group * bound);
  for (int i = 0; i < n; i++) {
    int count = reid_axis_weights (axis, i, &taps->first[i], one);
    int used = (count + 3) / 4;
    for (int k = count; k < 4 * used; k++)
      one[k] = 0;
    for (int c = 0; c < used; c++)
      memcpy (taps->weight + group * (size_t) c + 4 * (size_t) i, one + 4 * c,
              4 * sizeof (int16_t));
    if (used > chunks)
      chunks = used;
    if (taps->first[i] < lo)
      lo = taps->first[i];
    if (taps->first[i] + count > hi)
      hi = taps->first[i] + count;
  }
  free (one);
  for (int i = n; i < taps->n_padded; i++)
    taps->first[i] = taps->first[n - 1];
  for (int i = 0; i < taps->n_padded; i++) {
    int from_group = taps->first[i] - taps->first[i & ~7];
    for (int k = 0; k < 4; k++)
      taps->offset[4 * (size_t) i + (size_t) k] = (int16_t) (from_group + k);
  }
  for (int i = 0; i < taps->n_padded; i++)
    taps->first[i] -= lo;
  taps->chunks = chunks;
  taps->lo = lo;
  taps->hi = hi;
  return true;
}

void
reid_taps_clear (ReidTaps *taps)
{
  free (taps->first);
  free (taps->weight);
  free (taps->offset);
  taps->first = NULL;
  taps->weight = NULL;
  taps->offset = NULL;
}

static ReidImageAxis
plane_axis (double origin, double step, double width, double ramp, int n_source,
            int sub, double siting, bool snap)
{
  double scale = 1.0 / (1 << sub);

  if (width <= 0)
    width = step;
  return (ReidImageAxis){ .origin = origin * scale + (sub ? siting : 0),
                          .step = step * scale,
                          .width = snap ? floor (width * scale) : width * scale,
                          .ramp = ramp * scale,
                          .n_source = n_source,
                          .snap = snap };
}

void
reid_grid_axes (const ReidGrid *grid, const ReidImage *image, int plane,
                ReidImageAxis *x, ReidImageAxis *y)
{
  const ReidFormatInfo *info = reid_format_info (image->format);

  *x = plane_axis (grid->left, grid->step_x, grid->width_x, grid->ramp_x,
                   reid_plane_width (image, plane), plane ? info->sub_x : 0,
                   0.25, grid->snap);
  *y = plane_axis (grid->top, grid->step_y, grid->width_y, grid->ramp_y,
                   reid_plane_height (image, plane), plane ? info->sub_y : 0, 0,
                   grid->snap);
}

/* Is one component all that is read? */
static bool
is_single (const ReidFormatInfo *info, bool luma_only)
{
  return info->n_components == 1 || (luma_only && !info->rgb);
}

void
reid_grid_recipe (const ReidGrid *grid, const ReidImage *image, bool luma_only,
                  ReidRecipe *r)
{
  const ReidFormatInfo *info = reid_format_info (image->format);
  bool single = is_single (info, luma_only);

  r->n_planes = single ? 1 : info->n_planes;
  r->n_components = single ? 1 : 3;
  r->bytes = info->bytes;
  r->shift = info->shift;
  for (int p = 0; p < r->n_planes; p++) {
    r->plane[p] = image->plane[p];
    r->stride[p] = image->stride[p];
    r->rows[p] = reid_plane_height (image, p);
    r->step[p] = info->step[p];
    r->row_bytes[p] = (size_t) reid_plane_width (image, p)
                      * (size_t) info->step[p] * (size_t) info->bytes;
    if (p < 2)
      reid_grid_axes (grid, image, p, &r->x[p], &r->y[p]);
  }
  for (int c = 0; c < r->n_components; c++) {
    r->component[c].plane = info->component[c].plane;
    r->component[c].at = info->component[c].at;
  }
  r->grid_width = grid->width;
  r->grid_height = grid->height;
}

static size_t
round64 (size_t n)
{
  return (n + 63) & ~(size_t) 63;
}

static bool
allocate_rows (ReidScaler *s, int max_taps, ReidError *error)
{
  size_t row = 0, part = 0, out = (size_t) s->x_taps[0].n_padded;
  bool split = false;

  for (int p = 0; p < s->n_planes; p++) {
    const ReidTaps *t = &s->x_taps[p > 0];
    size_t n = (size_t) (t->hi - t->lo);
    size_t slack = 4 * (size_t) t->chunks + REID_ROW_SLACK;
    size_t step = (size_t) s->info->step[p];

    row = n * step + slack > row ? n * step + slack : row;
    part = n + slack > part ? n + slack : part;
    split |= step > 1;
  }
  size_t row_bytes = round64 (2 * row), part_bytes = round64 (2 * part);
  size_t out_bytes = round64 (4 * out);
  size_t weight_bytes = round64 (2 * ((size_t) max_taps + 4));
  size_t total =
      row_bytes + (split ? 4 * part_bytes : 0) + 3 * out_bytes + weight_bytes;
  uint8_t *at = reid_alloc_aligned (total);

  s->memory = at;
  if (!at)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "image: no memory for rows of %zu bytes", total);
  for (int c = 0; c < 3; c++, at += out_bytes)
    s->sums[c] = (int32_t *) at;
  s->weights = (int16_t *) at;
  at += weight_bytes;
  s->row = (int16_t *) at;
  /* The slack is multiplied by zero weights, but must not be undefined. */
  memset (at, 0, total - (size_t) (at - (uint8_t *) s->memory));
  at += row_bytes;
  for (int i = 0; split && i < 4; i++, at += part_bytes)
    s->parts[i] = (int16_t *) at;
  return true;
}

bool
reid_scaler_init (ReidScaler *s, const ReidImageDsp *dsp,
                  const ReidImage *image, const ReidGrid *grid, bool luma_only,
                  ReidError *error)
{
  const ReidFormatInfo *info = reid_format_info (image->format);
  int max_taps = 0;

  *s = (ReidScaler){ .dsp = dsp, .info = info, .image = image };
  s->n_planes = luma_only && !info->rgb ? 1 : info->n_planes;
  for (int p = 0; p < s->n_planes && p < 2; p++) {
    ReidImageAxis x;
    reid_grid_axes (grid, image, p, &x, &s->y_axis[p]);
    int taps = reid_axis_max_taps (&s->y_axis[p]) + 1;
    max_taps = taps > max_taps ? taps : max_taps;
    if (!reid_taps_init (&s->x_taps[p], &x, grid->width, error)) {
      reid_scaler_clear (s);
      return false;
    }
  }
  if (!allocate_rows (s, max_taps, error)) {
    reid_scaler_clear (s);
    return false;
  }
  bool single = is_single (info, luma_only);
  for (int c = 0; c < 3; c++)
    s->out[c] = s->sums[single ? 0 : c];
  return true;
}

void
reid_scaler_clear (ReidScaler *s)
{
  reid_taps_clear (&s->x_taps[0]);
  reid_taps_clear (&s->x_taps[1]);
  free (s->memory);
  s->memory = NULL;
}

void
reid_scaler_row (ReidScaler *s, int y)
{
  const ReidFormatInfo *info = s->info;
  int first = 0, taps = 0;

  for (int p = 0; p < s->n_planes; p++) {
    const ReidTaps *t = &s->x_taps[p > 0];
    int step = info->step[p];
    ptrdiff_t stride = s->image->stride[p];

    if (p < 2)
      taps = reid_axis_weights (&s->y_axis[p], y, &first, s->weights);
    const uint8_t *src = s->image->plane[p] + first * stride
                         + (ptrdiff_t) t->lo * step * info->bytes;
    int columns = t->hi - t->lo;
    double row_step = s->y_axis[p > 0].step;
    ptrdiff_t ahead = row_step < 1024 ? (int) (row_step + 0.5) * stride : 0;
    if (info->bytes == 1)
      s->dsp->vfilter8 (s->row, src, stride, s->weights, taps, columns * step,
                        ahead);
    else
      s->dsp->vfilter16 (s->row, src, stride, s->weights, taps, columns * step,
                         info->shift, ahead);

    int16_t *parts[4] = { NULL, NULL, NULL, NULL };
    if (step > 1) {
      for (int c = 0; c < info->n_components; c++)
        if (info->component[c].plane == p)
          parts[info->component[c].at] = s->parts[info->component[c].at];
      (step == 2   ? s->dsp->split2
       : step == 3 ? s->dsp->split3
                   : s->dsp->split4) (parts, s->row, columns);
    } else {
      parts[0] = s->row;
    }
    for (int c = 0; c < info->n_components; c++)
      if (info->component[c].plane == p)
        s->dsp->hfilter (s->sums[c], parts[info->component[c].at], t);
  }
}
