/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/vector.h"

#include "embed/embed.h"

#include <math.h>
#include <stdlib.h>

double
reid_vector_norm2 (const float *v, int dims)
{
  double sum = 0;

  for (int i = 0; i < dims; i++) {
    if (!isfinite (v[i]))
      return -1;
    sum += (double) v[i] * v[i];
  }
  return sum;
}

void
reid_vector_scale (const float *v, int dims, double norm2, double length,
                   float *out)
{
  double norm = sqrt (norm2);

  for (int i = 0; i < dims; i++)
    out[i] = (float) (v[i] / norm * length);
}

/* A sum this far below what went into it is rounding error, no direction. */
#define CANCELLED 1e-12

bool
reid_track_vector (const float *vectors, const float *weights, int n, int dims,
                   float *out)
{
  double norm2 = 0, most = 0;
  bool ok = false;

  if (n < 1 || dims < 1)
    return false;
  double *sum = calloc ((size_t) dims, sizeof *sum);
  if (!sum)
    return false;
  for (int k = 0; k < n; k++) {
    const float *v = vectors + (size_t) k * (size_t) dims;
    double part = reid_vector_norm2 (v, dims), w = weights[k];
    if (part < 0 || !isfinite (w))
      goto out;
    most += fabs (w) * sqrt (part);
    for (int i = 0; i < dims; i++)
      sum[i] += w * v[i];
  }
  for (int i = 0; i < dims; i++)
    norm2 += sum[i] * sum[i];
  double norm = sqrt (norm2);
  if (!(norm > CANCELLED * most) || !isfinite (norm))
    goto out;
  for (int i = 0; i < dims; i++)
    out[i] = (float) (sum[i] / norm);
  ok = true;
out:
  free (sum);
  return ok;
}
