/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/projection.h"

#include "embed/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums that the processor may build side by side; their order is fixed. */
#define LANES 4

static double
dot (const double *a, const double *b, int n)
{
  double sum[LANES] = { 0 };
  int i = 0;

  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++)
      sum[k] += a[i + k] * b[i + k];
  for (; i < n; i++)
    sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static uint64_t
splitmix64 (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* Takes the rows before it out of row r and makes it 1 long: twice, since once
 * leaves rounding errors of what is taken out. False where nothing is left. */
static bool
orthonormalise (double *rows, int r, int cols)
{
  double *row = rows + (size_t) r * (size_t) cols;

  for (int pass = 0; pass < 2; pass++) {
    for (int k = 0; k < r; k++) {
      const double *other = rows + (size_t) k * (size_t) cols;
      double part = dot (row, other, cols);
      for (int i = 0; i < cols; i++)
        row[i] -= part * other[i];
    }
    double norm = sqrt (dot (row, row, cols));
    if (pass == 0 && !(norm > 1e-3)) /* of numbers around 1 */
      return false;
    for (int i = 0; i < cols; i++)
      row[i] /= norm;
  }
  return true;
}

static ReidProjection *
projection_new (int rows, int cols, ReidError *error)
{
  ReidProjection *p = calloc (1, sizeof *p);

  if (p) {
    p->rows = rows;
    p->cols = cols;
    p->data = malloc ((size_t) rows * (size_t) cols * sizeof *p->data);
    if (p->data)
      return p;
  }
  reid_projection_free (p);
  reid_error_set (error, REID_ERROR_MEMORY,
                  "no memory for a projection from %d to %d numbers", cols,
                  rows);
  return NULL;
}

ReidProjection *
reid_projection_draw (int rows, int cols, uint64_t seed, ReidError *error)
{
  if (rows < 1 || rows > cols || (int64_t) rows * cols > REID_MAX_PROJECTION) {
    reid_error_set (error, REID_ERROR_ARGUMENT,
                    "%d numbers cannot be projected to %d: it takes at least "
                    "as many as are wanted, and at most %lld numbers in the "
                    "matrix",
                    cols, rows, (long long) REID_MAX_PROJECTION);
    return NULL;
  }
  ReidProjection *p = projection_new (rows, cols, error);
  size_t n = (size_t) rows * (size_t) cols;
  double *wide = p ? malloc (n * sizeof *wide) : NULL;

  if (p && !wide) {
    reid_error_set (error, REID_ERROR_MEMORY,
                    "no memory for a projection from %d to %d numbers", cols,
                    rows);
    reid_projection_free (p);
    p = NULL;
  }
  for (int r = 0; r < rows && p; r++)
    do /* again, in the rare case that it lies in the space of the others */
      for (int i = 0; i < cols; i++)
        wide[(size_t) r * (size_t) cols + (size_t) i] =
            ldexp ((double) (int32_t) (splitmix64 (&seed) >> 32), -31);
    while (!orthonormalise (wide, r, cols));
  for (size_t i = 0; i < n && p; i++)
    p->data[i] = (float) wide[i];
  free (wide);
  return p;
}

ReidProjection *
reid_projection_load (const char *file, ReidError *error)
{
  ReidProjection *p;
  ReidNpy npy;

  if (!reid_npy_read (&npy, file, REID_MAX_PROJECTION, error))
    return NULL;
  if (npy.rows < 2 || npy.cols < 1) {
    reid_error_set (error, REID_ERROR_FORMAT,
                    "%s: its shape is (%d, %d); a PCA has the mean in its "
                    "first row and a component in each of the others",
                    file, npy.rows, npy.cols);
    free (npy.data);
    return NULL;
  }
  p = projection_new (npy.rows - 1, npy.cols, error);
  if (p) {
    size_t cols = (size_t) npy.cols;
    memcpy (p->sha256, npy.sha256, sizeof p->sha256);
    memcpy (p->data, npy.data + cols,
            (size_t) p->rows * cols * sizeof *p->data);
    p->mean = npy.data; /* of which only the first row is looked at */
    npy.data = NULL;
  }
  free (npy.data);
  return p;
}

void
reid_projection_free (ReidProjection *p)
{
  if (!p)
    return;
  free (p->data);
  free (p->mean);
  free (p);
}

/* Less the mean, where there is one. */
static double
dot_centred (const float *row, const float *in, const float *mean, int n)
{
  double sum[LANES] = { 0 };
  int i = 0;

  if (!mean)
    for (; i + LANES <= n; i += LANES)
      for (int k = 0; k < LANES; k++)
        sum[k] += (double) row[i + k] * in[i + k];
  else
    for (; i + LANES <= n; i += LANES)
      for (int k = 0; k < LANES; k++)
        sum[k] += (double) row[i + k] * ((double) in[i + k] - mean[i + k]);
  for (; i < n; i++)
    sum[0] += (double) row[i] * ((double) in[i] - (mean ? mean[i] : 0.f));
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void
reid_projection_apply (const ReidProjection *p, const float *in, float *out)
{
  for (int r = 0; r < p->rows; r++)
    out[r] = (float) dot_centred (p->data + (size_t) r * (size_t) p->cols, in,
                                  p->mean, p->cols);
}
