/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <math.h>

static float
hard_sigmoid (float x, float alpha, float beta)
{
  x = alpha * x + beta;
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Without the overflow of exp. */
static float
softplus (float x)
{
  return (x > 0 ? x : 0) + log1pf (expf (-fabsf (x)));
}

static float
map (const ReidUnary *u, float x)
{
  switch (u->kind) {
    case REID_UNARY_RELU:
      return x > 0 ? x : 0;
    case REID_UNARY_CLIP:
      x = x < u->alpha ? u->alpha : x;
      return x > u->beta ? u->beta : x;
    case REID_UNARY_LEAKY_RELU:
      return x < 0 ? u->alpha * x : x;
    case REID_UNARY_SIGMOID:
      return 1.0f / (1.0f + expf (-x));
    case REID_UNARY_TANH:
      return tanhf (x);
    case REID_UNARY_EXP:
      return expf (x);
    case REID_UNARY_SQRT:
      return sqrtf (x);
    case REID_UNARY_NEG:
      return -x;
    case REID_UNARY_ABS:
      return fabsf (x);
    case REID_UNARY_IDENTITY:
      return x;
    case REID_UNARY_LOG:
      return logf (x);
    case REID_UNARY_ERF:
      return erff (x);
    case REID_UNARY_GELU:
      return 0.5f * x * (1 + erff (x * 0.70710678f));
    case REID_UNARY_GELU_TANH:
      return 0.5f * x * (1 + tanhf (0.79788456f * (x + 0.044715f * x * x * x)));
    case REID_UNARY_HARD_SIGMOID:
      return hard_sigmoid (x, u->alpha, u->beta);
    case REID_UNARY_HARD_SWISH:
      return x * hard_sigmoid (x, 1.0f / 6, 0.5f);
    case REID_UNARY_ELU:
      return x < 0 ? u->alpha * expm1f (x) : x;
    case REID_UNARY_SOFTPLUS:
      return softplus (x);
    case REID_UNARY_MISH:
      return x * tanhf (softplus (x));
    case REID_UNARY_SIN:
      return sinf (x);
    case REID_UNARY_COS:
      return cosf (x);
  }
  return x;
}

void
reid_ref_unary (const ReidUnary *unary, const float *x, float *out, int64_t n)
{
  for (int64_t i = 0; i < n; i++)
    out[i] = map (unary, x[i]);
}

static int64_t
plane_size (const ReidShape *shape)
{
  int64_t n = 1;
  for (int i = 2; i < shape->rank; i++)
    n *= shape->dims[i];
  return n;
}

void
reid_ref_affine (const float *const *in, const ReidShape *shape, float *out)
{
  int64_t c = shape->dims[1], n = plane_size (shape);

  for (int64_t p = 0; p < shape->dims[0] * c; p++)
    for (int64_t i = 0; i < n; i++)
      out[p * n + i] = in[0][p * n + i] * in[1][p % c] + in[2][p % c];
}

void
reid_ref_prelu (const float *const *in, const ReidShape *shapes, float *out)
{
  const ReidShape *s = &shapes[0];
  bool one = shapes[1].dims[0] == 1;
  int64_t c = one ? 1 : s->dims[1],
          n = one ? reid_shape_count (s) : plane_size (s),
          planes = one ? 1 : s->dims[0] * c;

  for (int64_t p = 0; p < planes; p++)
    for (int64_t i = 0; i < n; i++) {
      float x = in[0][p * n + i];
      out[p * n + i] = x < 0 ? in[1][p % c] * x : x;
    }
}

static float
combine (ReidBinaryKind kind, float a, float b)
{
  switch (kind) {
    case REID_BINARY_ADD:
      return a + b;
    case REID_BINARY_SUB:
      return a - b;
    case REID_BINARY_MUL:
      return a * b;
    case REID_BINARY_DIV:
      return a / b;
    case REID_BINARY_MIN:
      return a < b ? a : b;
    case REID_BINARY_MAX:
      return a > b ? a : b;
    case REID_BINARY_POW:
      return powf (a, b);
  }
  return 0;
}

void
reid_ref_binary (ReidBinaryKind kind, const float *const *in,
                 const ReidShape *shapes, float *out,
                 const ReidShape *out_shape)
{
  int64_t step[2][REID_MAX_RANK] = { { 0 } }, at[REID_MAX_RANK] = { 0 };
  int64_t n = reid_shape_count (out_shape), pos[2] = { 0, 0 };
  int rank = out_shape->rank;

  for (int k = 0; k < 2; k++) {
    int64_t stride = 1;
    for (int i = shapes[k].rank - 1; i >= 0; i--) {
      if (shapes[k].dims[i] != 1)
        step[k][i + rank - shapes[k].rank] = stride;
      stride *= shapes[k].dims[i];
    }
  }
  for (int64_t o = 0; o < n; o++) {
    out[o] = combine (kind, in[0][pos[0]], in[1][pos[1]]);
    for (int i = rank - 1; i >= 0; i--) {
      pos[0] += step[0][i];
      pos[1] += step[1][i];
      if (++at[i] < out_shape->dims[i])
        break;
      at[i] = 0;
      pos[0] -= step[0][i] * out_shape->dims[i];
      pos[1] -= step[1][i] * out_shape->dims[i];
    }
  }
}

void
reid_ref_softmax (int axis, const float *x, const ReidShape *shape, float *out)
{
  int64_t outer = 1, n = shape->dims[axis], inner = 1;

  for (int i = 0; i < shape->rank; i++)
    if (i < axis)
      outer *= shape->dims[i];
    else if (i > axis)
      inner *= shape->dims[i];
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      const float *from = x + o * n * inner + i;
      float *to = out + o * n * inner + i, top = from[0];
      double sum = 0;
      for (int64_t k = 1; k < n; k++)
        top = from[k * inner] > top ? from[k * inner] : top;
      for (int64_t k = 0; k < n; k++) {
        to[k * inner] = expf (from[k * inner] - top);
        sum += to[k * inner];
      }
      for (int64_t k = 0; k < n; k++)
        to[k * inner] = (float) (to[k * inner] / sum);
    }
}
