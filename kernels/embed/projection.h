/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_PROJECTION_H
#define REID_EMBED_PROJECTION_H

/* Fewer numbers from many: y = P (x - mean). */

#include "base/base.h"
#include "base/sha256.h"

#define REID_MAX_PROJECTION ((int64_t) 1 << 24) /* numbers in one matrix */

typedef struct {
  int rows, cols;
  float *data;                   /* rows of cols numbers */
  float *mean;                   /* cols numbers, or NULL: zero */
  char sha256[REID_SHA256_TEXT]; /* of the file; "" where it was drawn */
} ReidProjection;

/* Rows of length 1 at right angles, drawn from the seed: integers of splitmix64
 * made orthonormal by Gram and Schmidt's method in double, twice over. The same
 * bytes on every machine. rows <= cols. */
REID_API ReidProjection *reid_projection_draw (int rows, int cols,
                                               uint64_t seed, ReidError *error);
/* From a file of numpy's: an array [1 + rows, cols] of f32 or f64, of which the
 * first row is the mean and the others are the components. */
REID_API ReidProjection *reid_projection_load (const char *file,
                                               ReidError *error);
REID_API void reid_projection_free (ReidProjection *projection);
/* Sums in double, in one order. */
REID_API void reid_projection_apply (const ReidProjection *projection,
                                     const float *in, float *out);

#endif /* REID_EMBED_PROJECTION_H */
