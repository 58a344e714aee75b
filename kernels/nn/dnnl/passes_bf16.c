/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/passes_bf16.h"
#include "nn/dnnl/bf16.h"

#include <math.h>
#include <string.h>

static const ReidBf16 *
loops (void)
{
  return reid_bf16_pick (reid_cpu_flags ());
}

static size_t
channels_of (const ReidShape *shape)
{
  return shape->rank > 1 ? (size_t) shape->dims[1] : 1;
}

/* Of one picture, where there are some. */
static size_t
pixels_of (const ReidShape *shape)
{
  size_t pixels = 1;
  for (int i = 2; i < shape->rank; i++)
    pixels *= (size_t) shape->dims[i];
  return pixels;
}

static size_t
pictures_of (const ReidShape *shape)
{
  return shape->rank > 0 ? (size_t) shape->dims[0] : 1;
}

static size_t
count_of (const ReidShape *shape)
{
  return (size_t) reid_shape_count (shape);
}

void
reid_bf16_convert (const ReidShape *shape, const void *in, ReidLayout from,
                   void *out, ReidLayout to)
{
  size_t channels = channels_of (shape), pixels = pixels_of (shape),
         picture = channels * pixels;
  bool narrow = to == REID_LAYOUT_BF16;
  ReidLayout other = narrow ? from : to;
  if (other == REID_LAYOUT_BF16) {
    memcpy (out, in, count_of (shape) * sizeof (uint16_t));
    return;
  }
  if (other == REID_LAYOUT_NHWC || pixels == 1) {
    if (narrow)
      loops ()->narrow (in, out, count_of (shape));
    else
      loops ()->widen (in, out, count_of (shape));
    return;
  }
  for (size_t n = 0; n < pictures_of (shape); n++)
    if (narrow)
      loops ()->from_planes ((const float *) in + n * picture,
                             (uint16_t *) out + n * picture, pixels, channels);
    else
      loops ()->to_planes ((const uint16_t *) in + n * picture,
                           (float *) out + n * picture, pixels, channels);
}

void
reid_bf16_unary (const ReidShape *shape, const ReidUnary *u,
                 const ReidRows *rows, const uint16_t *in, uint16_t *out)
{
  size_t count = count_of (shape);
  float piece[1024];
  switch (u->kind) {
    case REID_UNARY_RELU:
      loops ()->clip (in, 0, INFINITY, out, count);
      return;
    case REID_UNARY_CLIP:
      loops ()->clip (in, u->alpha, u->beta, out, count);
      return;
    default:
      break;
  }
  for (size_t i = 0, n; i < count; i += n) {
    n = count - i < 1024 ? count - i : 1024;
    ReidShape flat = { 1, { (int64_t) n } };
    loops ()->widen (in + i, piece, n);
    reid_pass_unary (&flat, REID_LAYOUT_DENSE, u, rows, piece, piece);
    loops ()->narrow (piece, out + i, n);
  }
}

/* Both of one shape, or b one float. */
static void
binary_flat (ReidBinaryKind kind, ReidPassBroadcast broadcast, bool swap,
             const uint16_t *a, const void *b, uint16_t *out, size_t count)
{
  float left[1024], right[1024];
  for (size_t i = 0, n; i < count; i += n) {
    n = count - i < 1024 ? count - i : 1024;
    ReidShape flat = { 1, { (int64_t) n } };
    loops ()->widen (a + i, left, n);
    if (broadcast == REID_PASS_SAME)
      loops ()->widen ((const uint16_t *) b + i, right, n);
    reid_pass_binary (&flat, REID_LAYOUT_DENSE, kind, broadcast, swap, left,
                      broadcast == REID_PASS_SAME ? right : b, left);
    loops ()->narrow (left, out + i, n);
  }
}

/* b is one float for each channel. */
static void
binary_channel (ReidBinaryKind kind, bool swap, const uint16_t *a,
                const float *b, uint16_t *out, size_t pixels, size_t channels)
{
  float piece[REID_BF16_CHANNELS];
  size_t most = REID_BF16_CHANNELS / channels;
  for (size_t i = 0, n; i < pixels; i += n) {
    n = pixels - i < most ? pixels - i : most;
    ReidShape part = { 4, { 1, (int64_t) channels, 1, (int64_t) n } };
    loops ()->widen (a + i * channels, piece, n * channels);
    reid_pass_binary (&part, REID_LAYOUT_NHWC, kind, REID_PASS_CHANNEL, swap,
                      piece, b, piece);
    loops ()->narrow (piece, out + i * channels, n * channels);
  }
}

void
reid_bf16_binary (const ReidShape *shape, ReidBinaryKind kind,
                  ReidPassBroadcast broadcast, bool swap, const uint16_t *a,
                  const void *b, uint16_t *out)
{
  size_t channels = channels_of (shape), pixels = pixels_of (shape),
         picture = channels * pixels;
  if (broadcast == REID_PASS_SAME && kind == REID_BINARY_ADD) {
    loops ()->add (a, b, out, count_of (shape));
    return;
  }
  if (broadcast == REID_PASS_SAME || broadcast == REID_PASS_SCALAR) {
    binary_flat (kind, broadcast, swap, a, b, out, count_of (shape));
    return;
  }
  for (size_t n = 0; n < pictures_of (shape); n++) {
    const uint16_t *from = a + n * picture;
    uint16_t *to = out + n * picture;
    if (broadcast == REID_PASS_CHANNEL) {
      binary_channel (kind, swap, from, b, to, pixels, channels);
      continue;
    }
    const uint16_t *gate = (const uint16_t *) b + n * channels;
    if (kind == REID_BINARY_MUL) {
      loops ()->gate (from, gate, to, pixels, channels);
    } else {
      float wide[REID_BF16_CHANNELS];
      loops ()->widen (gate, wide, channels);
      binary_channel (kind, swap, from, wide, to, pixels, channels);
    }
  }
}

void
reid_bf16_affine (const ReidShape *shape, const uint16_t *in,
                  const float *scale, const float *shift, uint16_t *out)
{
  loops ()->affine (in, scale, shift, out,
                    pictures_of (shape) * pixels_of (shape),
                    channels_of (shape));
}

void
reid_bf16_prelu (const ReidShape *shape, const uint16_t *in, const float *slope,
                 uint16_t *out)
{
  loops ()->prelu (in, slope, out, pictures_of (shape) * pixels_of (shape),
                   channels_of (shape));
}

void
reid_bf16_place (const ReidShape *shape, const uint16_t *in, size_t wide,
                 uint16_t *out)
{
  size_t channels = channels_of (shape),
         pixels = pictures_of (shape) * pixels_of (shape);
  for (size_t p = 0; p < pixels; p++)
    memcpy (out + p * wide, in + p * channels, channels * sizeof *out);
}
