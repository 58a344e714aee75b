/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tinyonnx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cells on each side of the middle one that a window sums: 5x5 in all. */
#define REACH 2

static int64_t
count (const int64_t *dims)
{
  return dims[0] * dims[1] * dims[2] * dims[3];
}

static void
conv (TinyOnnx *t, const char *in, const char *out, const int64_t *dims,
      const float *w, const float *bias, int stride, int pad)
{
  char names[96], wname[32], bname[32];

  snprintf (wname, sizeof wname, "%s_w", out);
  snprintf (bname, sizeof bname, "%s_b", out);
  tiny_floats (t, wname, 4, dims, w);
  if (bias)
    tiny_floats (t, bname, 1, dims, bias);
  snprintf (names, sizeof names, bias ? "%s,%s,%s" : "%s,%s", in, wname, bname);
  tiny_node (t, "Conv", names, out);
  tiny_attr_ints (t, "kernel_shape", 2, dims + 2);
  tiny_attr_ints (t, "strides", 2, (int64_t[]){ stride, stride });
  tiny_attr_ints (t, "pads", 4, (int64_t[]){ pad, pad, pad, pad });
}

static void
clip (TinyOnnx *t, const char *in, const char *out, float low, float high)
{
  tiny_node (t, "Clip", in, out);
  tiny_attr_float (t, "min", low);
  tiny_attr_float (t, "max", high);
}

/* Area, first moments and second moment (x^2 + y^2), in pixels about the centre
 * of each cell, from those of the n x n smaller cells of this size that it is
 * made of, or from the mask's pixels. */
static float
moment_weight (int out, int in, double dx, double dy)
{
  switch (out) {
    case 0:
      return in == 0;
    case 1:
      return in == 0 ? (float) dx : in == 1;
    case 2:
      return in == 0 ? (float) dy : in == 2;
    default:
      return in == 0   ? (float) (dx * dx + dy * dy)
             : in == 1 ? (float) (2 * dx)
             : in == 2 ? (float) (2 * dy)
                       : in == 3;
  }
}

static void
sum_moments (TinyOnnx *t, const char *in, const char *out, int from, int n,
             int size, int stride, int pad, const double scale[4])
{
  int64_t dims[] = { 4, from, n, n };
  float *w = calloc ((size_t) count (dims), sizeof *w), *at = w;

  if (!w)
    exit (99);
  for (int o = 0; o < 4; o++)
    for (int i = 0; i < from; i++)
      for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
          *at++ = (float) (scale[o]
                           * moment_weight (o, i, (x - (n - 1) * .5) * size,
                                            (y - (n - 1) * .5) * size));
  conv (t, in, out, dims, w, NULL, stride, pad);
  free (w);
}

static void
gather_cells (TinyOnnx *t, const char *in, const char *out, int n, int size)
{
  const double same[4] = { 1, 1, 1, 1 };
  sum_moments (t, in, out, size == 1 ? 1 : 4, n, size, n, 0, same);
}

/* The same over a window of 5x5 cells, about the middle one, in cells: area
 * over stride^2, moments over stride^3 and stride^4. */
static void
sum_window (TinyOnnx *t, const char *in, const char *out, int stride)
{
  double s = stride;
  const double scale[4] = { 1 / (s * s), 1 / (s * s * s), 1 / (s * s * s),
                            1 / (s * s * s * s) };
  sum_moments (t, in, out, 4, 2 * REACH + 1, stride, 1, REACH, scale);
}

static void
slice_channel (TinyOnnx *t, const char *in, const char *out, int from, int to)
{
  tiny_node (t, "Slice", in, out);
  tiny_attr_ints (t, "axes", 1, (int64_t[]){ 1 });
  tiny_attr_ints (t, "starts", 1, (int64_t[]){ from });
  tiny_attr_ints (t, "ends", 1, (int64_t[]){ to });
}

/* 0.5 ln (u) by straight pieces between these places: no further than .4 % from
 * the truth, and the engine has no logarithm. */
static void
half_log (TinyOnnx *t, const char *in, const char *out, const char *tag)
{
  static const double knots[] = { 1.2, 1.5, 1.9, 2.4, 3,  3.8, 4.8, 6,
                                  7.5, 9.4, 12,  15,  18, 22,  26 };
  enum { N = sizeof knots / sizeof *knots };
  float one[N], minus[N], slope[N], start = (float) (.5 * log (knots[0]));
  char a[32], b[32];
  double before = 0;

  for (int i = 0; i < N; i++) {
    double here = i + 1 < N ? .5 * log (knots[i + 1] / knots[i])
                                  / (knots[i + 1] - knots[i])
                            : 0;
    one[i] = 1;
    minus[i] = (float) -knots[i];
    slope[i] = (float) (here - before);
    before = here;
  }
  snprintf (a, sizeof a, "%.20s_ramps", tag);
  snprintf (b, sizeof b, "%.20s_bent", tag);
  conv (t, in, a, (int64_t[]){ N, 1, 1, 1 }, one, minus, 1, 0);
  tiny_node (t, "Relu", a, b);
  conv (t, b, out, (int64_t[]){ 1, N, 1, 1 }, slope, &start, 1, 0);
}

/* [B,C,h,w] to [B,h*w,C] */
static void
head (TinyOnnx *t, const char *in, const char *name, int stride, int channels)
{
  char turned[32], shape[32], both[96], out[32];
  int64_t dims[] = { 0, -1, channels };

  snprintf (turned, sizeof turned, "%s_%d_turned", name, stride);
  snprintf (shape, sizeof shape, "%s_%d_shape", name, stride);
  snprintf (both, sizeof both, "%s,%s", turned, shape);
  snprintf (out, sizeof out, "%s_%d", name, stride);
  tiny_node (t, "Transpose", in, turned);
  tiny_attr_ints (t, "perm", 4, (int64_t[]){ 0, 2, 3, 1 });
  tiny_ints (t, shape, 3, dims);
  tiny_node (t, "Reshape", both, out);
}

#define NAME(buffer, what)                                                     \
  char buffer[32];                                                             \
  snprintf (buffer, sizeof buffer, "%s%d", what, stride)

static void
join (TinyOnnx *t, const char *type, const char *a, const char *b,
      const char *out)
{
  char both[96];
  snprintf (both, sizeof both, "%s,%s", a, b);
  tiny_node (t, type, both, out);
}

static void
stride_heads (TinyOnnx *t, const char *cells, int stride, double least,
              double most)
{
  static const double places[10] = { 38.2946, 51.6963, 73.5318, 51.5014,
                                     56.0252, 71.7366, 41.5493, 92.3655,
                                     70.7299, 92.2041 };
  double low = least * least / (stride * (double) stride),
         high = most * most / (stride * (double) stride);
  NAME (sums, "sums");
  NAME (u, "u");
  NAME (moments, "moments");
  NAME (safe, "safe");
  NAME (offset, "offset");

  sum_window (t, cells, sums, stride);
  slice_channel (t, sums, u, 0, 1);
  slice_channel (t, sums, moments, 1, 3);
  clip (t, u, safe, .01f, 1000);
  join (t, "Div", moments, safe, offset);

  /* Large enough, small enough, and in this cell: each 0 to 1. */
  NAME (limits, "limits");
  NAME (sized, "sized");
  NAME (away, "away");
  NAME (near_gate, "near");
  NAME (gated, "gated");
  NAME (large, "large");
  NAME (small, "small");
  NAME (near_x, "nearx");
  NAME (near_y, "neary");
  NAME (size_gate, "sizegate");
  NAME (place_gate, "placegate");
  NAME (all, "all");
  NAME (score, "score");
  float size_w[] = { (float) (10 / low), (float) (-10 / high) },
        size_b[] = { -9.5f, 10.5f };
  float near_w[] = { -8, 0, 0, -8 }, near_b[] = { 6.5f, 6.5f };
  conv (t, u, limits, (int64_t[]){ 2, 1, 1, 1 }, size_w, size_b, 1, 0);
  clip (t, limits, sized, 0, 1);
  tiny_node (t, "Abs", offset, away);
  conv (t, away, near_gate, (int64_t[]){ 2, 2, 1, 1 }, near_w, near_b, 1, 0);
  clip (t, near_gate, gated, 0, 1);
  slice_channel (t, sized, large, 0, 1);
  slice_channel (t, sized, small, 1, 2);
  slice_channel (t, gated, near_x, 0, 1);
  slice_channel (t, gated, near_y, 1, 2);
  join (t, "Mul", large, small, size_gate);
  join (t, "Mul", near_x, near_y, place_gate);
  /* One compact shape has the second moment of a square of its area (a disc
   * .955 of it); two shapes, or a piece of another, have more. */
  NAME (second, "second");
  NAME (spread, "spread");
  NAME (squares, "squares");
  NAME (moved, "moved");
  NAME (central, "central");
  NAME (ratio, "ratio");
  NAME (compact, "compact");
  NAME (single, "single");
  NAME (placed, "placed");
  float add[] = { 1, 1 }, ratio_w = -60, ratio_b = 12.5f;
  slice_channel (t, sums, second, 3, 4);
  join (t, "Div", second, safe, spread);
  join (t, "Mul", offset, offset, squares);
  conv (t, squares, moved, (int64_t[]){ 1, 2, 1, 1 }, add, NULL, 1, 0);
  join (t, "Sub", spread, moved, central);
  join (t, "Div", central, safe, ratio);
  conv (t, ratio, compact, (int64_t[]){ 1, 1, 1, 1 }, &ratio_w, &ratio_b, 1, 0);
  clip (t, compact, single, 0, 1);
  join (t, "Mul", size_gate, place_gate, placed);
  join (t, "Mul", placed, single, all);
  clip (t, all, score, 0, .95f);
  head (t, score, "cls", stride, 1);
  head (t, score, "obj", stride, 1);

  /* Box: the centroid, and the side of the square of this area. */
  NAME (centre, "centre");
  NAME (side, "side");
  NAME (sides, "sides");
  NAME (box, "box");
  NAME (tag, "log");
  float same[] = { 1, 0, 0, 1 }, half[] = { .5f, .5f }, twice[] = { 1, 1 };
  conv (t, offset, centre, (int64_t[]){ 2, 2, 1, 1 }, same, half, 1, 0);
  half_log (t, safe, side, tag);
  conv (t, side, sides, (int64_t[]){ 2, 1, 1, 1 }, twice, NULL, 1, 0);
  join (t, "Concat", centre, sides, box);
  tiny_attr_int (t, "axis", 1);
  head (t, box, "bbox", stride, 4);

  /* Landmarks: fixed places in that square. */
  NAME (root, "root");
  NAME (measures, "measures");
  NAME (points, "points");
  float w[10][3], bias[10];
  tiny_node (t, "Sqrt", safe, root);
  join (t, "Concat", offset, root, measures);
  tiny_attr_int (t, "axis", 1);
  for (int i = 0; i < 10; i++) {
    w[i][0] = i % 2 == 0;
    w[i][1] = i % 2 == 1;
    w[i][2] = (float) ((places[i] - (i % 2 ? 66 : 56)) / 80);
    bias[i] = .5f;
  }
  conv (t, measures, points, (int64_t[]){ 10, 3, 1, 1 }, w[0], bias, 1, 0);
  head (t, points, "kps", stride, 10);
}

bool
tiny_yunet (const char *path)
{
  TinyOnnx *t = tiny_new (9);
  static const char *const outputs[] = { "cls", "obj", "bbox", "kps" };
  float each[9] = { .05f, 0, 0, 0, .05f, 0, 0, 0, .05f },
        dark[3] = { -5, -5, -5 }, sum[3] = { 1, 1, 1 };
  char name[32];

  tiny_input (t, "input", 4, (int64_t[]){ -1, 3, -1, -1 });
  /* Bright in one channel is bright: (x - 100) / 20, cut to 0..1. */
  conv (t, "input", "levels", (int64_t[]){ 3, 3, 1, 1 }, each, dark, 1, 0);
  clip (t, "levels", "lit", 0, 1);
  conv (t, "lit", "any", (int64_t[]){ 1, 3, 1, 1 }, sum, NULL, 1, 0);
  clip (t, "any", "mask", 0, 1);
  gather_cells (t, "mask", "cells8", 8, 1);
  gather_cells (t, "cells8", "cells16", 2, 8);
  gather_cells (t, "cells16", "cells32", 2, 16);
  stride_heads (t, "cells8", 8, 11, 25);
  stride_heads (t, "cells16", 16, 23, 50);
  stride_heads (t, "cells32", 32, 46, 112);
  for (int i = 0; i < 4; i++)
    for (int stride = 8; stride <= 32; stride *= 2) {
      snprintf (name, sizeof name, "%s_%d", outputs[i], stride);
      tiny_output (t, name);
    }
  bool ok = tiny_write (t, path);
  tiny_free (t);
  return ok;
}

/* The same numbers everywhere. */
static float
noise (uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (float) ((double) (*state >> 40) / (1 << 23) - 1);
}

static void
embed_colour (TinyOnnx *t)
{
  /* A little off zero, so that a mid-grey face has a vector too. */
  float gain[9] = { 2, 0, 0, 0, 2, 0, 0, 0, 2 }, off[3] = { .02f, .02f, .02f };

  tiny_node (t, "Slice", "input", "face");
  tiny_attr_ints (t, "axes", 2, (int64_t[]){ 2, 3 });
  tiny_attr_ints (t, "starts", 2, (int64_t[]){ 26, 16 });
  tiny_attr_ints (t, "ends", 2, (int64_t[]){ 106, 96 });
  tiny_node (t, "AveragePool", "face", "grid");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 20, 20 });
  tiny_attr_ints (t, "strides", 2, (int64_t[]){ 20, 20 });
  conv (t, "grid", "colours", (int64_t[]){ 3, 3, 1, 1 }, gain, off, 1, 0);
  tiny_node (t, "Tanh", "colours", "bounded");
  tiny_node (t, "Flatten", "bounded", "embedding");
}

static void
embed_constant (TinyOnnx *t)
{
  float w[64 * 3] = { 0 }, bias[64];
  uint64_t state = 1;

  for (int i = 0; i < 64; i++)
    bias[i] = noise (&state);
  tiny_node (t, "GlobalAveragePool", "input", "mean");
  conv (t, "mean", "same", (int64_t[]){ 64, 3, 1, 1 }, w, bias, 1, 0);
  tiny_node (t, "Flatten", "same", "embedding");
}

/* The tent map doubles every difference; after twenty rounds nothing of what
 * two pictures had in common is left. */
static void
embed_random (TinyOnnx *t)
{
  int64_t dims[] = { 64, 3, 16, 16 };
  float *w = malloc ((size_t) count (dims) * sizeof *w);
  float minus_two = -2, one = 1;
  uint64_t state = 2;
  char from[32] = "x0", folded[32], scaled[32], to[32], both[96];

  if (!w)
    exit (99);
  for (int64_t i = 0; i < count (dims); i++)
    w[i] = noise (&state) * .2f;
  conv (t, "input", "hashes", dims, w, NULL, 16, 0);
  tiny_node (t, "GlobalAveragePool", "hashes", "hash");
  tiny_node (t, "Tanh", "hash", "x0");
  tiny_floats (t, "minus_two", 1, (int64_t[]){ 1 }, &minus_two);
  tiny_floats (t, "one", 1, (int64_t[]){ 1 }, &one);
  for (int i = 1; i <= 20; i++) {
    snprintf (folded, sizeof folded, "abs%d", i);
    snprintf (scaled, sizeof scaled, "scaled%d", i);
    snprintf (to, sizeof to, "x%d", i);
    tiny_node (t, "Abs", from, folded);
    snprintf (both, sizeof both, "%s,minus_two", folded);
    tiny_node (t, "Mul", both, scaled);
    snprintf (both, sizeof both, "%s,one", scaled);
    tiny_node (t, "Add", both, to);
    memcpy (from, to, sizeof from);
  }
  tiny_node (t, "Flatten", from, "embedding");
  free (w);
}

bool
tiny_embedder (const char *path, TinyEmbedKind kind)
{
  TinyOnnx *t = tiny_new (9);
  bool ok;

  tiny_input (t, "input", 4, (int64_t[]){ -1, 3, 112, 112 });
  if (kind == TINY_EMBED_COLOUR)
    embed_colour (t);
  else if (kind == TINY_EMBED_CONSTANT)
    embed_constant (t);
  else
    embed_random (t);
  tiny_output (t, "embedding");
  ok = tiny_write (t, path);
  tiny_free (t);
  return ok;
}
