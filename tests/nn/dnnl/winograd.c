/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Winograd's convolutions: near sums in double precision, and the same bytes
 * with every instruction set, number of threads and batch. */

#include "test.h"

#include "base/base.h"
#include "nn/dnnl/winograd.h"

#define PICTURES 3

static uint32_t seed;

static int
draw (int n)
{
  seed = seed * 1664525u + 1013904223u;
  return (int) ((seed >> 8) % (uint32_t) n);
}

static float *
reals (size_t n)
{
  float *f = malloc ((n + 1) * sizeof *f);
  for (size_t i = 0; i < n; i++)
    f[i] = (float) (draw (20001) - 10000) * 1e-4f;
  return f;
}

/* A convolution and PICTURES pictures for it, all dense. */
typedef struct {
  ReidWinograd conv;
  float *in, *weight, *bias, *slope, *residual;
} Case;

static size_t
in_size (const ReidWinograd *w)
{
  return (size_t) w->in_channels * w->in[0] * w->in[1];
}

static size_t
out_size (const ReidWinograd *w)
{
  return (size_t) w->out_channels * w->out[0] * w->out[1];
}

static Case
case_new (int tile, int in, int out, int height, int width)
{
  Case c = { .conv = { .tile = tile,
                       .in_channels = in,
                       .out_channels = out,
                       .in = { height, width } } };
  ReidWinograd *w = &c.conv;
  for (int i = 0; i < 2; i++) {
    int after = draw (3);
    w->pad[i] = draw (3);
    if (w->in[i] + w->pad[i] + after < 3)
      w->pad[i] = after = 1;
    w->out[i] = w->in[i] + w->pad[i] + after - 2;
  }
  c.in = reals (PICTURES * in_size (w));
  c.weight = reals ((size_t) in * out * 9);
  c.bias = reals ((size_t) out);
  c.slope = reals ((size_t) out);
  c.residual = draw (2) ? reals (PICTURES * out_size (w)) : NULL;
  w->end.kind = (ReidRowsAct) draw (4);
  w->end.lo = -0.5f;
  w->end.hi = 2;
  return c;
}

static void
case_free (Case *c)
{
  free (c->in);
  free (c->weight);
  free (c->bias);
  free (c->slope);
  free (c->residual);
}

/* By channels, with zeros in the lanes that no channel has, or back. */
static float *
blocked (int lanes, int pictures, int channels, size_t plane,
         const float *dense, float *back)
{
  size_t blocks = ((size_t) channels + lanes - 1) / lanes;
  size_t n = pictures * blocks * plane * lanes;
  float *to = NULL;
  if (!back) {
    to = reid_alloc_aligned (n * sizeof *to);
    memset (to, 0, n * sizeof *to);
  }
  for (int p = 0; p < pictures; p++)
    for (size_t c = 0; c < (size_t) channels; c++)
      for (size_t i = 0; i < plane; i++) {
        size_t at = ((p * blocks + c / lanes) * plane + i) * lanes + c % lanes;
        size_t d = ((size_t) p * channels + c) * plane + i;
        if (back)
          back[d] = dense[at];
        else
          to[at] = dense[d];
      }
  return to;
}

static float *
padded (int lanes, int channels, const float *values)
{
  return blocked (lanes, 1, channels, 1, values, NULL);
}

/* `pictures` from number `first` on; dense. */
static float *
run (const Case *c, const ReidRows *rows, int threads, int first, int pictures)
{
  ReidWinograd w = c->conv;
  int lanes = rows->lanes;
  size_t in_plane = (size_t) w.in[0] * w.in[1],
         out_plane = (size_t) w.out[0] * w.out[1];
  w.pictures = pictures;
  float *weight = reid_alloc_aligned (
      reid_winograd_weight_size (rows, w.tile, w.in_channels, w.out_channels)
      * sizeof *weight);
  CHECK (reid_winograd_pack (rows, w.tile, w.in_channels, w.out_channels,
                             c->weight, weight));
  float *bias = padded (lanes, w.out_channels, c->bias);
  float *slope = padded (lanes, w.out_channels, c->slope);
  float *in = blocked (lanes, pictures, w.in_channels, in_plane,
                       c->in + first * in_size (&w), NULL);
  float *residual = NULL;
  if (c->residual)
    residual = blocked (lanes, pictures, w.out_channels, out_plane,
                        c->residual + first * out_size (&w), NULL);
  float *dense = malloc (pictures * out_size (&w) * sizeof *dense);
  size_t out_blocks = ((size_t) w.out_channels + lanes - 1) / lanes;
  size_t n = pictures * out_blocks * out_plane * lanes;
  float *out = reid_alloc_aligned (n * sizeof *out);
  /* Whatever lies there must be overwritten. */
  memset (out, 0xff, n * sizeof *out);
  w.weight = weight;
  w.bias = bias;
  w.end.slope = slope;
  reid_winograd_plan (&w, rows, threads);
  size_t room = reid_winograd_scratch (&w, threads);
  float *scratch = reid_alloc_aligned (room * sizeof *scratch);
  memset (scratch, 0xff, room * sizeof *scratch);
  reid_winograd_run (&w, threads, in, residual, out, scratch);
  for (size_t i = 0; i < n; i++)
    if (i / lanes / out_plane % out_blocks * lanes + i % lanes
        >= (size_t) w.out_channels)
      CHECK (out[i] == 0);
  blocked (lanes, pictures, w.out_channels, out_plane, out, dense);
  free (weight);
  free (bias);
  free (slope);
  free (in);
  free (residual);
  free (out);
  free (scratch);
  return dense;
}

/* As the textbook has it; *size: the sum without signs. */
static double
plain (const Case *c, int picture, int o, int y, int x, double *size)
{
  const ReidWinograd *w = &c->conv;
  double sum = c->bias[o];
  *size = fabs (sum);
  for (int i = 0; i < w->in_channels; i++)
    for (int ky = 0; ky < 3; ky++)
      for (int kx = 0; kx < 3; kx++) {
        int iy = y - w->pad[0] + ky, ix = x - w->pad[1] + kx;
        if (iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1])
          continue;
        double v =
            (double) c->in[picture * in_size (w)
                           + ((size_t) i * w->in[0] + iy) * w->in[1] + ix]
            * c->weight[((size_t) o * w->in_channels + i) * 9 + ky * 3 + kx];
        sum += v;
        *size += fabs (v);
      }
  if (c->residual)
    sum += c->residual[picture * out_size (w)
                       + ((size_t) o * w->out[0] + y) * w->out[1] + x];
  if (w->end.kind == REID_ROWS_CLIP)
    return fmin (2, fmax (-0.5, sum));
  if (w->end.kind == REID_ROWS_SWISH)
    return sum / (1 + exp (-sum));
  return w->end.kind == REID_ROWS_SLOPE && sum < 0 ? sum * c->slope[o] : sum;
}

static void
check (const Case *c)
{
  const ReidWinograd *w = &c->conv;
  size_t each = out_size (w), all = PICTURES * each * sizeof (float);
  float *right = run (c, &reid_rows_c, 1, 0, PICTURES);
  double worst = 0, largest = 0;
  for (int p = 0; p < PICTURES; p++)
    for (int o = 0; o < w->out_channels; o++)
      for (int y = 0; y < w->out[0]; y++)
        for (int x = 0; x < w->out[1]; x++) {
          double size, want = plain (c, p, o, y, x, &size);
          double got =
              right[p * each + ((size_t) o * w->out[0] + y) * w->out[1] + x];
          worst = fmax (worst, fabs (got - want));
          largest = fmax (largest, size);
        }
  if (!(worst < 1e-6 * largest))
    printf ("# %d -> %d, %dx%d, tiles of %d: off by %g\n", w->in_channels,
            w->out_channels, w->in[0], w->in[1], w->tile, worst / largest);
  CHECK (worst < 1e-6 * largest);

  const ReidRows *all_rows[] = { &reid_rows_c, NULL, NULL };
#ifdef REID_ROWS_X86
  if (reid_cpu_flags () & REID_CPU_AVX2)
    all_rows[1] = &reid_rows_avx2;
  if (reid_cpu_flags () & REID_CPU_AVX512)
    all_rows[2] = &reid_rows_avx512;
#endif
  for (int i = 0; i < 3; i++)
    for (int threads = 1; all_rows[i] && threads <= 3; threads++) {
      float *got = run (c, all_rows[i], threads, 0, PICTURES);
      CHECK (!memcmp (got, right, all));
      free (got);
      if (threads == 3)
        continue;
      got = run (c, all_rows[i], threads, 1, 1);
      CHECK (!memcmp (got, right + each, each * sizeof *got));
      free (got);
    }
  free (right);
}

TEST (drawn_shapes)
{
  seed = 1;
  for (int i = 0; i < 40; i++) {
    Case c = case_new (i % 2 ? 2 : 4, 1 + draw (40), 1 + draw (80),
                       1 + draw (20), 1 + draw (20));
    check (&c);
    case_free (&c);
  }
}

/* More than one chunk for each thread, and chunks of unequal size. */
TEST (large_maps)
{
  seed = 2;
  for (int i = 0; i < 4; i++) {
    Case c = case_new (i % 2 ? 2 : 4, 24, 3, 60 + draw (20), 60 + draw (20));
    check (&c);
    case_free (&c);
  }
}

TEST (deep_maps)
{
  seed = 3;
  for (int i = 0; i < 2; i++) {
    Case c = case_new (i % 2 ? 2 : 4, 200, 40, 14, 14);
    check (&c);
    case_free (&c);
  }
}

TEST (choice_is_bounded_in_memory)
{
  CHECK (reid_winograd_pays (3, 64, 112, 112) == 0);
  CHECK (reid_winograd_pays (64, 64, 56, 56) == 4);
  CHECK (reid_winograd_pays (256, 256, 14, 14) == 2);
  CHECK (reid_winograd_pays (512, 512, 7, 7) == 0);
}

TEST_MAIN ()
