/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/passes.h"
#include "nn/dnnl/passes_bf16.h"

#include <math.h>
#include <string.h>

int
reid_layout_lanes (ReidLayout layout)
{
  return layout == REID_LAYOUT_BLOCK16  ? 16
         : layout == REID_LAYOUT_BLOCK8 ? 8
                                        : 1;
}

size_t
reid_layout_size (const ReidShape *shape, ReidLayout layout)
{
  size_t size = layout == REID_LAYOUT_BF16 ? sizeof (uint16_t) : sizeof (float),
         lanes = reid_layout_lanes (layout);
  for (int i = 0; i < shape->rank; i++) {
    size_t dim = (size_t) shape->dims[i];
    if (i == 1)
      dim = (dim + lanes - 1) / lanes * lanes;
    if (__builtin_mul_overflow (size, dim, &size))
      return 0;
  }
  return size <= PTRDIFF_MAX ? size : 0;
}

/* A tensor as pictures of blocks of pixels of lanes; the plain layouts have
 * one lane. Distances in floats. */
typedef struct {
  int64_t n, channels, pixels;
  int lanes;
  int64_t blocks;
  int64_t picture, block, pixel;
} Geometry;

static Geometry
geometry (const ReidShape *shape, ReidLayout layout)
{
  Geometry g = { 1, 1, 1, reid_layout_lanes (layout), 0, 0, 0, 0 };
  if (shape->rank > 0)
    g.n = shape->dims[0];
  if (shape->rank > 1)
    g.channels = shape->dims[1];
  for (int i = 2; i < shape->rank; i++)
    g.pixels *= shape->dims[i];
  g.blocks = (g.channels + g.lanes - 1) / g.lanes;
  if (layout == REID_LAYOUT_NHWC) {
    g.block = 1;
    g.pixel = g.channels;
  } else {
    g.block = g.pixels * g.lanes;
    g.pixel = g.lanes;
  }
  g.picture = g.blocks * g.pixels * g.lanes;
  return g;
}

/* Dense to and from blocks, `lanes` a constant so that the loops vectorise. */
static inline __attribute__ ((always_inline)) void
block_pixels (const float *in, float *out, int64_t pixels, int lanes, int used)
{
  if (used == lanes) {
    for (int64_t p = 0; p < pixels; p++)
      for (int c = 0; c < lanes; c++)
        out[p * lanes + c] = in[c * pixels + p];
    return;
  }
  for (int64_t p = 0; p < pixels; p++)
    for (int c = 0; c < lanes; c++)
      out[p * lanes + c] = c < used ? in[c * pixels + p] : 0;
}

static inline __attribute__ ((always_inline)) void
unblock_pixels (const float *in, float *out, int64_t pixels, int lanes,
                int used)
{
  for (int c = 0; c < used; c++)
    for (int64_t p = 0; p < pixels; p++)
      out[c * pixels + p] = in[p * lanes + c];
}

static void
convert_any (const Geometry *a, const float *in, const Geometry *b, float *out)
{
  for (int64_t n = 0; n < a->n; n++)
    for (int64_t k = 0; k < b->blocks; k++)
      for (int64_t p = 0; p < b->pixels; p++)
        for (int l = 0; l < b->lanes; l++) {
          int64_t c = k * b->lanes + l;
          out[n * b->picture + k * b->block + p * b->pixel + l] =
              c < a->channels ? in[n * a->picture + c / a->lanes * a->block
                                   + p * a->pixel + c % a->lanes]
                              : 0;
        }
}

void
reid_pass_convert (const ReidShape *shape, const float *in, ReidLayout from,
                   float *out, ReidLayout to)
{
  if (from == REID_LAYOUT_BF16 || to == REID_LAYOUT_BF16) {
    reid_bf16_convert (shape, in, from, out, to);
    return;
  }
  Geometry a = geometry (shape, from), b = geometry (shape, to);
  bool block = from == REID_LAYOUT_DENSE && b.lanes > 1;
  if (from == to) {
    memcpy (out, in, reid_layout_size (shape, from));
    return;
  }
  if (!block && !(to == REID_LAYOUT_DENSE && a.lanes > 1)) {
    convert_any (&a, in, &b, out);
    return;
  }
  int lanes = block ? b.lanes : a.lanes;
  for (int64_t n = 0; n < a.n; n++)
    for (int64_t c = 0; c < a.channels; c += lanes) {
      int used = a.channels - c < lanes ? (int) (a.channels - c) : lanes;
      int64_t dense = (n * a.channels + c) * a.pixels;
      int64_t blocked = n * (block ? b : a).picture + c * a.pixels;
      if (block && lanes == 16)
        block_pixels (in + dense, out + blocked, a.pixels, 16, used);
      else if (block)
        block_pixels (in + dense, out + blocked, a.pixels, 8, used);
      else if (lanes == 16)
        unblock_pixels (in + blocked, out + dense, a.pixels, 16, used);
      else
        unblock_pixels (in + blocked, out + dense, a.pixels, 8, used);
    }
}

void
reid_pass_nhwc (const ReidShape *shape, ReidLayout layout, const float *in,
                int first, int count, float *out)
{
  Geometry g = geometry (shape, layout);
  int lanes = g.lanes;
  for (int64_t n = 0; n < g.n; n++) {
    const float *picture = in + n * g.picture;
    float *to = out + n * g.pixels * count;
    /* By runs of channels that lie in one block. */
    for (int c = 0, run; c < count; c += run) {
      int at = (first + c) % lanes;
      run = lanes - at < count - c ? lanes - at : count - c;
      const float *from = picture + (first + c) / lanes * g.block + at;
      float *o = to + c;
      if (run == 1)
        for (int64_t p = 0; p < g.pixels; p++)
          o[p * count] = from[p * g.pixel];
      else if (run == 4)
        for (int64_t p = 0; p < g.pixels; p++)
          memcpy (o + p * count, from + p * g.pixel, 4 * sizeof *o);
      else
        for (int64_t p = 0; p < g.pixels; p++)
          for (int i = 0; i < run; i++)
            o[p * count + i] = from[p * g.pixel + i];
    }
  }
}

/* Lanes beyond the last channel are zero again after an operation that does
 * not map zero to zero. */
static void
clear_padding (const Geometry *g, float *out)
{
  int used = (int) (g->channels % g->lanes);
  if (!used)
    return;
  for (int64_t n = 0; n < g->n; n++) {
    float *last = out + n * g->picture + (g->blocks - 1) * g->block;
    for (int64_t p = 0; p < g->pixels; p++)
      for (int i = used; i < g->lanes; i++)
        last[p * g->pixel + i] = 0;
  }
}

#define MAP(expression)                                                        \
  for (size_t i = 0; i < count; i++) {                                         \
    float x = in[i];                                                           \
    out[i] = (expression);                                                     \
  }                                                                            \
  break

static inline float
clamp1 (float x)
{
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Without the overflow of exp. */
static inline float
softplus1 (float x)
{
  return (x > 0 ? x : 0) + log1pf (expf (-fabsf (x)));
}

/* x * tanh (log (1 + e)), e = exp (x), in e alone; from 20 on it is x. */
static inline float
mish1 (float x)
{
  float e = expf (x < 20 ? x : 20), n = e * (e + 2);
  return x * (n / (n + 2));
}

void
reid_pass_unary (const ReidShape *shape, ReidLayout layout, const ReidUnary *u,
                 const ReidRows *rows, const float *in, float *out)
{
  if (layout == REID_LAYOUT_BF16) {
    reid_bf16_unary (shape, u, rows, (const uint16_t *) in, (uint16_t *) out);
    return;
  }
  Geometry g = geometry (shape, layout);
  size_t count = (size_t) (g.n * g.picture);
  float alpha = u->alpha, beta = u->beta;
  switch (u->kind) {
    case REID_UNARY_RELU:
      MAP (x < 0 ? 0 : x);
    case REID_UNARY_CLIP:
      MAP (x < alpha ? alpha : x > beta ? beta : x);
    case REID_UNARY_LEAKY_RELU:
      MAP (x < 0 ? x * alpha : x);
    case REID_UNARY_SIGMOID:
      if (rows) {
        rows->sigmoid (in, out, count);
        break;
      }
      MAP (1 / (1 + expf (-x)));
    case REID_UNARY_TANH:
      MAP (tanhf (x));
    case REID_UNARY_EXP:
      MAP (expf (x));
    case REID_UNARY_SQRT:
      MAP (sqrtf (x));
    case REID_UNARY_NEG:
      MAP (-x);
    case REID_UNARY_ABS:
      MAP (fabsf (x));
    case REID_UNARY_LOG:
      MAP (logf (x));
    case REID_UNARY_ERF:
      MAP (erff (x));
    case REID_UNARY_GELU:
      if (rows) {
        rows->gelu (in, out, count);
        break;
      }
      MAP (0.5f * x * (1 + erff (x * 0.70710678f)));
    case REID_UNARY_GELU_TANH:
      MAP (0.5f * x * (1 + tanhf (0.79788456f * (x + 0.044715f * x * x * x))));
    case REID_UNARY_HARD_SIGMOID:
      MAP (clamp1 (alpha * x + beta));
    case REID_UNARY_HARD_SWISH:
      MAP (x * clamp1 (x * (1.0f / 6) + 0.5f));
    case REID_UNARY_ELU:
      MAP (x < 0 ? alpha * expm1f (x) : x);
    case REID_UNARY_SOFTPLUS:
      MAP (softplus1 (x));
    case REID_UNARY_MISH:
      MAP (mish1 (x));
    case REID_UNARY_SIN:
      MAP (sinf (x));
    case REID_UNARY_COS:
      MAP (cosf (x));
    case REID_UNARY_IDENTITY:
      if (in != out)
        memcpy (out, in, count * sizeof *out);
      break;
  }
  clear_padding (&g, out);
}

/* Calls ROW (in, b, out, count, step of b) for runs in which b is a scalar
 * (step 0), or goes along with a (step 1). */
#define BINARY(expression)                                                     \
  do {                                                                         \
    for (int64_t i = 0; i < count; i++) {                                      \
      float x = a[i], y = b[i * step];                                         \
      out[i] = (expression);                                                   \
    }                                                                          \
  } while (0)

static void
binary_run (ReidBinaryKind kind, bool swap, const float *a, const float *b,
            int64_t step, float *out, int64_t count)
{
  switch (kind) {
    case REID_BINARY_ADD:
      if (step)
        for (int64_t i = 0; i < count; i++)
          out[i] = a[i] + b[i];
      else
        BINARY (x + y);
      break;
    case REID_BINARY_SUB:
      if (swap)
        BINARY (y - x);
      else
        BINARY (x - y);
      break;
    case REID_BINARY_MUL:
      if (step)
        for (int64_t i = 0; i < count; i++)
          out[i] = a[i] * b[i];
      else
        BINARY (x * y);
      break;
    case REID_BINARY_DIV:
      if (swap)
        BINARY (y / x);
      else
        BINARY (x / y);
      break;
    case REID_BINARY_MIN:
      BINARY (isnan (x) ? x : isnan (y) ? y : x < y ? x : y);
      break;
    case REID_BINARY_MAX:
      BINARY (isnan (x) ? x : isnan (y) ? y : x > y ? x : y);
      break;
    case REID_BINARY_POW:
      if (swap)
        BINARY (powf (y, x));
      else
        BINARY (powf (x, y));
      break;
  }
}

/* `lanes` a constant, so that the loop vectorises; the padding stays 0. */
static inline __attribute__ ((always_inline)) void
gate_block (const float *in, const float *gate, float *out, int64_t pixels,
            int lanes)
{
  for (int64_t p = 0; p < pixels; p++)
    for (int i = 0; i < lanes; i++)
      out[p * lanes + i] = in[p * lanes + i] * gate[i];
}

void
reid_pass_binary (const ReidShape *shape, ReidLayout layout,
                  ReidBinaryKind kind, ReidPassBroadcast broadcast, bool swap,
                  const float *a, const float *b, float *out)
{
  if (layout == REID_LAYOUT_BF16) {
    reid_bf16_binary (shape, kind, broadcast, swap, (const uint16_t *) a, b,
                      (uint16_t *) out);
    return;
  }
  Geometry g = geometry (shape, layout);
  if (broadcast == REID_PASS_GATE && kind == REID_BINARY_MUL
      && layout != REID_LAYOUT_NHWC) {
    for (int64_t k = 0; k < g.n * g.blocks; k++) {
      const float *from = a + k * g.block, *by = b + k * g.lanes;
      float *to = out + k * g.block;
      if (g.lanes == 16)
        gate_block (from, by, to, g.pixels, 16);
      else if (g.lanes == 8)
        gate_block (from, by, to, g.pixels, 8);
      else
        gate_block (from, by, to, g.pixels, 1);
    }
    return;
  }
  if (broadcast != REID_PASS_CHANNEL && broadcast != REID_PASS_GATE) {
    binary_run (kind, swap, a, b, broadcast == REID_PASS_SAME, out,
                g.n * g.picture);
  } else {
    for (int64_t n = 0; n < g.n; n++)
      for (int64_t k = 0; k < g.blocks; k++) {
        int64_t at = n * g.picture + k * g.block;
        const float *by =
            b
            + (k + (broadcast == REID_PASS_GATE ? n * g.blocks : 0)) * g.lanes;
        if (g.lanes == 1 && layout != REID_LAYOUT_NHWC) {
          binary_run (kind, swap, a + at, by, 0, out + at, g.pixels);
          continue;
        }
        for (int64_t p = 0; p < g.pixels; p++)
          binary_run (kind, swap, a + at + p * g.pixel, by, 1,
                      out + at + p * g.pixel, g.lanes);
      }
  }
  clear_padding (&g, out);
}

void
reid_pass_affine (const ReidShape *shape, ReidLayout layout, const float *in,
                  const float *scale, const float *shift, float *out)
{
  if (layout == REID_LAYOUT_BF16) {
    reid_bf16_affine (shape, (const uint16_t *) in, scale, shift,
                      (uint16_t *) out);
    return;
  }
  Geometry g = geometry (shape, layout);
  for (int64_t n = 0; n < g.n; n++)
    for (int64_t k = 0; k < g.blocks; k++) {
      const float *from = in + n * g.picture + k * g.block;
      float *to = out + n * g.picture + k * g.block;
      const float *s = scale + k * g.lanes, *t = shift + k * g.lanes;
      for (int64_t p = 0; p < g.pixels; p++)
        for (int i = 0; i < g.lanes; i++)
          to[p * g.pixel + i] = from[p * g.pixel + i] * s[i] + t[i];
    }
  clear_padding (&g, out);
}

void
reid_pass_prelu (const ReidShape *shape, ReidLayout layout, const float *in,
                 const float *slope, float *out)
{
  if (layout == REID_LAYOUT_BF16) {
    reid_bf16_prelu (shape, (const uint16_t *) in, slope, (uint16_t *) out);
    return;
  }
  Geometry g = geometry (shape, layout);
  for (int64_t n = 0; n < g.n; n++)
    for (int64_t k = 0; k < g.blocks; k++) {
      const float *from = in + n * g.picture + k * g.block;
      float *to = out + n * g.picture + k * g.block;
      const float *s = slope + k * g.lanes;
      for (int64_t p = 0; p < g.pixels; p++)
        for (int i = 0; i < g.lanes; i++) {
          float x = from[p * g.pixel + i];
          to[p * g.pixel + i] = x < 0 ? x * s[i] : x;
        }
    }
}
