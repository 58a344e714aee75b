/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <math.h>

static double
start (ReidReduceKind kind)
{
  return kind == REID_REDUCE_MAX   ? -INFINITY
         : kind == REID_REDUCE_MIN ? INFINITY
                                   : 0;
}

static double
take (ReidReduceKind kind, double sum, double x)
{
  switch (kind) {
    case REID_REDUCE_SUM:
    case REID_REDUCE_MEAN:
      break;
    case REID_REDUCE_MAX:
      return x > sum || isnan (x) ? x : sum;
    case REID_REDUCE_MIN:
      return x < sum || isnan (x) ? x : sum;
    case REID_REDUCE_L1:
      return sum + fabs (x);
    case REID_REDUCE_L2:
    case REID_REDUCE_SUM_SQUARE:
      return sum + x * x;
  }
  return sum + x;
}

/* Dense steps of one shape's axes, split into those that are gone over for one
 * result and those that lead to the next one. */
typedef struct {
  int64_t size[REID_MAX_RANK], step[REID_MAX_RANK], count;
  int rank;
} Walk;

static Walk
walk_over (const ReidShape *shape, unsigned axes)
{
  Walk w = { .count = 1 };
  int64_t stride = 1, strides[REID_MAX_RANK];

  for (int i = shape->rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape->dims[i];
  }
  for (int i = 0; i < shape->rank; i++)
    if (axes >> i & 1) {
      w.size[w.rank] = shape->dims[i];
      w.step[w.rank++] = strides[i];
      w.count *= shape->dims[i];
    }
  return w;
}

/* To the next place; `at` counts along each axis. */
static int64_t
walk_on (const Walk *w, int64_t *at, int64_t place)
{
  for (int i = w->rank - 1; i >= 0; i--) {
    place += w->step[i];
    if (++at[i] < w->size[i])
      break;
    place -= w->step[i] * w->size[i];
    at[i] = 0;
  }
  return place;
}

void
reid_ref_reduce (const ReidReduce *reduce, const float *x,
                 const ReidShape *shape, float *out)
{
  Walk inside = walk_over (shape, reduce->axes),
       outside = walk_over (shape, ~reduce->axes);
  int64_t at_outside[REID_MAX_RANK] = { 0 }, base = 0;

  for (int64_t o = 0; o < outside.count; o++) {
    int64_t at[REID_MAX_RANK] = { 0 }, place = base;
    double sum = start (reduce->kind);
    for (int64_t i = 0; i < inside.count; i++) {
      sum = take (reduce->kind, sum, x[place]);
      place = walk_on (&inside, at, place);
    }
    if (reduce->kind == REID_REDUCE_MEAN)
      sum /= (double) inside.count;
    out[o] = (float) (reduce->kind == REID_REDUCE_L2 ? sqrt (sum) : sum);
    base = walk_on (&outside, at_outside, base);
  }
}

/* Sums side by side, so that no addition waits for the one before. */
#define SUMS 8

static double
add_up (const double *sums)
{
  double all = 0;
  for (int k = 0; k < SUMS; k++)
    all += sums[k];
  return all;
}

static double
mean_of (const float *x, int64_t n)
{
  double sums[SUMS] = { 0 };
  int64_t i = 0;

  for (; i + SUMS <= n; i += SUMS)
    for (int k = 0; k < SUMS; k++)
      sums[k] += x[i + k];
  for (int k = 0; i < n; i++, k++)
    sums[k] += x[i];
  return add_up (sums) / (double) n;
}

static double
variance_of (const float *x, int64_t n, double mean)
{
  double sums[SUMS] = { 0 };
  int64_t i = 0;

  for (; i + SUMS <= n; i += SUMS)
    for (int k = 0; k < SUMS; k++)
      sums[k] += (x[i + k] - mean) * (x[i + k] - mean);
  for (int k = 0; i < n; i++, k++)
    sums[k] += (x[i] - mean) * (x[i] - mean);
  return add_up (sums) / (double) n;
}

void
reid_ref_layer_norm (const ReidNode *node, const float *const *in,
                     const ReidShape *shape, float *out)
{
  const float *scale = node->n_in > 1 ? in[1] : NULL,
              *shift = node->n_in > 2 ? in[2] : NULL;
  int64_t outer = 1, n = 1;

  for (int i = 0; i < shape->rank; i++)
    if (i < node->u.norm.axis)
      outer *= shape->dims[i];
    else
      n *= shape->dims[i];
  for (int64_t o = 0; o < outer; o++) {
    const float *x = in[0] + o * n;
    double mean = mean_of (x, n);
    double by = 1 / sqrt (variance_of (x, n, mean) + node->u.norm.epsilon);
    for (int64_t i = 0; i < n; i++)
      out[o * n + i] = (float) ((x[i] - mean) * by) * (scale ? scale[i] : 1)
                       + (shift ? shift[i] : 0);
  }
}
