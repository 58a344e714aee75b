/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <math.h>
#include <string.h>

float
reid_ref_activate (const ReidConv *c, float x, float slope)
{
  switch (c->act) {
    case REID_ACT_NONE:
      return x;
    case REID_ACT_RELU:
      return x > 0 ? x : 0;
    case REID_ACT_CLIP:
      x = x < c->alpha ? c->alpha : x;
      return x > c->beta ? c->beta : x;
    case REID_ACT_LEAKY_RELU:
      return x < 0 ? c->alpha * x : x;
    case REID_ACT_PRELU:
      return x < 0 ? slope * x : x;
    case REID_ACT_SIGMOID:
      return 1.0f / (1.0f + expf (-x));
    case REID_ACT_SWISH:
      return x / (1.0f + expf (-x));
    case REID_ACT_TANH:
      return tanhf (x);
  }
  return x;
}

/* out[i] += w * x[i * stride], for the outputs whose input lies in the
 * picture. */
static void
add_row (float *restrict out, const float *restrict x, float w, int64_t n,
         int64_t stride)
{
  if (stride == 1)
    for (int64_t i = 0; i < n; i++)
      out[i] += w * x[i];
  else
    for (int64_t i = 0; i < n; i++)
      out[i] += w * x[i * stride];
}

/* First and past-the-last output whose input offset + i * stride lies in
 * 0..size-1. */
static void
reach (int64_t offset, int64_t stride, int64_t size, int64_t n, int64_t *first,
       int64_t *end)
{
  *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
  *end = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  if (*end > n)
    *end = n;
}

/* One output plane from the planes of its group. */
static void
plane (const ReidConv *c, const float *x, int64_t channels, int64_t h,
       int64_t w, const float *weight, float *out, int64_t oh, int64_t ow)
{
  int64_t kh = c->kernel[0], kw = c->kernel[1];

  for (int64_t ic = 0; ic < channels; ic++)
    for (int64_t ky = 0; ky < kh; ky++) {
      int64_t y0, y1, dy = ky * c->dilation[0] - c->pad[0];
      reach (dy, c->stride[0], h, oh, &y0, &y1);
      for (int64_t kx = 0; kx < kw; kx++) {
        int64_t x0, x1, dx = kx * c->dilation[1] - c->pad[1];
        float factor = weight[(ic * kh + ky) * kw + kx];
        reach (dx, c->stride[1], w, ow, &x0, &x1);
        for (int64_t y = y0; y < y1 && x0 < x1; y++)
          add_row (out + y * ow + x0,
                   x + (ic * h + y * c->stride[0] + dy) * w + x0 * c->stride[1]
                       + dx,
                   factor, x1 - x0, c->stride[1]);
      }
    }
}

void
reid_ref_conv (const ReidConv *conv, const float *const *in,
               const ReidShape *shapes, float *out, const ReidShape *out_shape)
{
  ReidConv c = *conv;
  const int64_t n = shapes[0].dims[0], oc = out_shape->dims[1],
                each = shapes[1].dims[1];
  int64_t h = shapes[0].dims[2], w = shapes[0].dims[3], oh = out_shape->dims[2],
          ow = out_shape->dims[3];
  const float *bias = c.bias >= 0 ? in[c.bias] : NULL,
              *residual = c.residual >= 0 ? in[c.residual] : NULL,
              *slope = c.slope >= 0 ? in[c.slope] : NULL;
  bool pointwise = true;

  for (int i = 0; i < 2; i++)
    pointwise = pointwise && c.kernel[i] == 1 && c.stride[i] == 1
                && c.pad[i] == 0 && c.pad[i + 2] == 0;
  if (pointwise) {
    /* Rows are of no account then: one long row a plane. */
    w *= h;
    ow *= oh;
    h = oh = 1;
  }
  for (int64_t b = 0; b < n; b++)
    for (int64_t o = 0; o < oc; o++) {
      int64_t group = o / (oc / c.groups), size = oh * ow,
              at = (b * oc + o) * size;
      for (int64_t i = 0; i < size; i++)
        out[at + i] = bias ? bias[o] : 0;
      plane (&c, in[0] + (b * c.groups + group) * each * h * w, each, h, w,
             in[1] + o * each * c.kernel[0] * c.kernel[1], out + at, oh, ow);
      for (int64_t i = 0; i < size && residual; i++)
        out[at + i] += residual[at + i];
      if (c.act != REID_ACT_NONE)
        for (int64_t i = 0; i < size; i++)
          out[at + i] =
              reid_ref_activate (&c, out[at + i], slope ? slope[o] : 0);
    }
}

void
reid_ref_gemm (const float *const *in, const ReidShape *shapes, int n_in,
               float *out)
{
  int64_t n = shapes[0].dims[0], k = shapes[0].dims[1], m = shapes[1].dims[0];
  const float *bias = n_in > 2 ? in[2] : NULL;

  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m; j++) {
      /* Long sums: in double, so that their order is no matter. */
      double sum = bias ? bias[j] : 0;
      for (int64_t l = 0; l < k; l++)
        sum += (double) in[0][i * k + l] * in[1][j * k + l];
      out[i * m + j] = (float) sum;
    }
}

void
reid_ref_matmul (const float *const *in, const ReidShape *shapes, float *out,
                 const ReidShape *out_shape)
{
  const ReidShape *a = &shapes[0], *b = &shapes[1], *o = out_shape;
  int64_t m = o->dims[o->rank - 2], n = o->dims[o->rank - 1],
          k = a->dims[a->rank - 1], matrices = 1;

  for (int i = 0; i < o->rank - 2; i++)
    matrices *= o->dims[i];
  for (int64_t t = 0; t < matrices; t++) {
    int64_t rest = t, at_a = 0, at_b = 0, step_a = m * k, step_b = k * n;
    for (int i = o->rank - 3; i >= 0; i--) {
      int64_t at = rest % o->dims[i];
      int ia = i - (o->rank - a->rank), ib = i - (o->rank - b->rank);
      rest /= o->dims[i];
      if (ia >= 0) {
        at_a += a->dims[ia] == 1 ? 0 : at * step_a;
        step_a *= a->dims[ia];
      }
      if (ib >= 0) {
        at_b += b->dims[ib] == 1 ? 0 : at * step_b;
        step_b *= b->dims[ib];
      }
    }
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t l = 0; l < k; l++)
          sum += (double) in[0][at_a + i * k + l] * in[1][at_b + l * n + j];
        out[(t * m + i) * n + j] = (float) sum;
      }
  }
}
