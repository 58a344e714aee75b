/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The row kernels and their chains, as dense tensors: every instruction set
 * and every split into bands gives the bytes of the plain C version, and that
 * agrees with loops in double precision. */

#include "test.h"

#include "base/base.h"
#include "nn/dnnl/chain.h"
#include "nn/dnnl/passes.h"

static uint32_t seed;

static int
draw (int n)
{
  seed = seed * 1664525u + 1013904223u;
  return (int) ((seed >> 8) % (uint32_t) n);
}

static float
real (void)
{
  return (draw (20001) - 10000) * 1e-4f;
}

static float *
reals (size_t n)
{
  float *f = malloc ((n + 1) * sizeof *f);
  for (size_t i = 0; i < n; i++)
    f[i] = real ();
  return f;
}

typedef struct {
  ReidStage stage;
  float *weight, *bias, *slope, *side; /* dense */
} Layer;

typedef struct {
  Layer layer[REID_CHAIN_MAX];
  int n;
  float *in;
} Net;

static size_t
in_size (const ReidStage *s)
{
  return (size_t) s->in_channels * s->in[0] * s->in[1];
}

static size_t
out_size (const ReidStage *s)
{
  return (size_t) s->out_channels * s->out[0] * s->out[1];
}

static int
taps_of (const ReidStage *s)
{
  int taps = s->kernel[0] * s->kernel[1];
  return s->kind == REID_STAGE_DEPTH ? taps : taps * s->in_channels;
}

/* One picture through one layer, as the textbook has it. */
static double *
plain_layer (const Layer *l, const double *in)
{
  const ReidStage *s = &l->stage;
  double *out = calloc (out_size (s), sizeof *out);
  for (int o = 0; o < s->out_channels; o++)
    for (int y = 0; y < s->out[0]; y++)
      for (int x = 0; x < s->out[1]; x++) {
        double sum = l->bias ? l->bias[o] : 0;
        double most = -INFINITY;
        size_t at = ((size_t) o * s->out[0] + y) * s->out[1] + x;
        bool each = s->kind != REID_STAGE_POINT && s->kind != REID_STAGE_SMALL;
        for (int c = each ? o : 0; c < (each ? o + 1 : s->in_channels); c++)
          for (int ky = 0; ky < s->kernel[0]; ky++)
            for (int kx = 0; kx < s->kernel[1]; kx++) {
              int iy = y * s->stride[0] - s->pad[0] + ky;
              int ix = x * s->stride[1] - s->pad[1] + kx;
              if (iy < 0 || iy >= s->in[0] || ix < 0 || ix >= s->in[1])
                continue;
              double v = in[((size_t) c * s->in[0] + iy) * s->in[1] + ix];
              most = fmax (most, v);
              if (l->weight)
                sum += v
                       * l->weight[(size_t) o * taps_of (s)
                                   + ((each ? 0 : c) * s->kernel[0] + ky)
                                         * s->kernel[1]
                                   + kx];
            }
        if (s->kind == REID_STAGE_MAX_POOL) {
          out[at] = most;
          continue;
        }
        if (s->kind == REID_STAGE_GATE) {
          out[at] = in[at] * l->side[o];
          continue;
        }
        if (s->kind == REID_STAGE_ADD_UP) {
          int h = s->out[0] / s->factor, w = s->out[1] / s->factor;
          out[at] =
              in[at]
              + l->side[((size_t) o * h + y / s->factor) * w + x / s->factor];
          continue;
        }
        if (s->side && o < s->side_channels)
          sum += l->side[at];
        if (s->end.kind == REID_ROWS_CLIP)
          sum = fmin (s->end.hi, fmax (s->end.lo, sum));
        if (s->end.kind == REID_ROWS_SLOPE && sum < 0)
          sum *= l->slope[o];
        if (s->end.kind == REID_ROWS_SWISH)
          sum /= 1 + exp (-sum);
        out[at] = sum;
      }
  return out;
}

static ReidLayout
layout_of (const ReidRows *rows)
{
  return rows->lanes == 16 ? REID_LAYOUT_BLOCK16 : REID_LAYOUT_BLOCK8;
}

static float *
blocked (const ReidRows *rows, const float *dense, int c, int h, int w)
{
  ReidShape shape = { 4, { 1, c, h, w } };
  float *out = reid_alloc_aligned (reid_layout_size (&shape, layout_of (rows)));
  reid_pass_convert (&shape, dense, REID_LAYOUT_DENSE, out, layout_of (rows));
  return out;
}

/* The net on one instruction set, dense output. */
static float *
run (const Net *net, const ReidRows *rows, int bands)
{
  ReidChain chain = { .rows = rows, .n = net->n };
  float *side[REID_CHAIN_MAX] = { NULL }, *owned[3 * REID_CHAIN_MAX];
  int n_owned = 0;
  for (int i = 0; i < net->n; i++) {
    const Layer *l = &net->layer[i];
    ReidStage *s = &chain.stage[i];
    *s = l->stage;
    int padded = (s->out_channels + 15) / 16 * 16, taps = taps_of (s);
    if (l->weight) {
      float *w = reid_alloc_aligned ((size_t) padded * taps * sizeof *w);
      memset (w, 0, (size_t) padded * taps * sizeof *w);
      if (s->kind == REID_STAGE_DEPTH)
        for (int c = 0; c < s->out_channels; c++)
          for (int t = 0; t < taps; t++)
            w[(c / rows->lanes * taps + t) * rows->lanes + c % rows->lanes] =
                l->weight[c * taps + t];
      else
        reid_rows_pack_point (rows, s->out_channels, taps, l->weight, w);
      s->weight = owned[n_owned++] = w;
      float *both = reid_alloc_aligned ((size_t) 2 * padded * sizeof *both);
      memset (both, 0, (size_t) 2 * padded * sizeof *both);
      memcpy (both, l->bias, s->out_channels * sizeof *both);
      if (l->slope)
        memcpy (both + padded, l->slope, s->out_channels * sizeof *both);
      owned[n_owned++] = both;
      s->bias = both;
      s->end.slope = both + padded;
    }
    if (s->side) {
      int size[2];
      reid_stage_side (s, size);
      side[i] = blocked (rows, l->side, s->side_channels, size[0], size[1]);
      owned[n_owned++] = side[i];
    }
  }
  reid_chain_plan (&chain);
  const ReidStage *first = &chain.stage[0], *last = &chain.stage[net->n - 1];
  float *in = first->kind == REID_STAGE_SMALL
                  ? net->in
                  : blocked (rows, net->in, first->in_channels, first->in[0],
                             first->in[1]);
  ReidShape shape = { 4,
                      { 1, last->out_channels, last->out[0], last->out[1] } };
  float *out = reid_alloc_aligned (reid_layout_size (&shape, layout_of (rows)));
  float *scratch = reid_alloc_aligned ((chain.scratch + 16) * sizeof *out);
  for (int b = 0; b < bands; b++) {
    /* What a band leaves behind must not matter to the next. */
    for (size_t k = 0; k < chain.scratch; k++)
      scratch[k] = NAN;
    reid_chain_run (&chain, in, (const float *const *) side, out,
                    last->out[0] * b / bands, last->out[0] * (b + 1) / bands,
                    scratch);
  }
  float *dense = malloc (out_size (last) * sizeof *dense);
  reid_pass_convert (&shape, out, layout_of (rows), dense, REID_LAYOUT_DENSE);
  /* The lanes beyond the last channel stay zero. */
  float *again =
      blocked (rows, dense, last->out_channels, last->out[0], last->out[1]);
  CHECK (!memcmp (again, out, reid_layout_size (&shape, layout_of (rows))));
  free (again);
  free (out);
  free (scratch);
  if (in != net->in)
    free (in);
  for (int i = 0; i < n_owned; i++)
    free (owned[i]);
  return dense;
}

static void
compare (const Net *net, const char *what)
{
  const ReidStage *last = &net->layer[net->n - 1].stage;
  size_t size = out_size (last);
  double *want = calloc (in_size (&net->layer[0].stage), sizeof *want);
  for (size_t i = 0; i < in_size (&net->layer[0].stage); i++)
    want[i] = net->in[i];
  for (int i = 0; i < net->n; i++) {
    double *next = plain_layer (&net->layer[i], want);
    free (want);
    want = next;
  }
  float *c = run (net, &reid_rows_c, 1);
  double top = 1, off = 0;
  for (size_t i = 0; i < size; i++) {
    top = fmax (top, fabs (want[i]));
    off = fmax (off, isnan (c[i]) ? INFINITY : fabs (c[i] - want[i]));
  }
  CHECK_MSG (off <= 1e-5 * top, "%s: off by %g of %g", what, off, top);
  const ReidRows *all[4] = { &reid_rows_c };
  int n = 1;
#ifdef REID_ROWS_X86
  if (reid_cpu_flags () & REID_CPU_AVX2)
    all[n++] = &reid_rows_avx2;
  if (reid_cpu_flags () & REID_CPU_AVX512)
    all[n++] = &reid_rows_avx512;
#endif
  for (int k = 0; k < n; k++)
    for (int bands = 1; bands <= 5 && bands <= last->out[0]; bands++) {
      float *got = run (net, all[k], bands);
      CHECK_MSG (!memcmp (got, c, size * sizeof *c),
                 "%s: %s in %d bands gives other bytes", what, all[k]->name,
                 bands);
      free (got);
    }
  free (c);
  free (want);
}

static void
net_free (Net *net)
{
  for (int i = 0; i < net->n; i++) {
    free (net->layer[i].weight);
    free (net->layer[i].bias);
    free (net->layer[i].slope);
    free (net->layer[i].side);
  }
  free (net->in);
}

/* A layer on top of the net; -1 where a window would not fit. */
static bool
add (Net *net, ReidStageKind kind, int channels, int kernel, int stride,
     int pad)
{
  Layer *l = &net->layer[net->n];
  ReidStage *s = &l->stage;
  if (net->n) {
    const ReidStage *below = &net->layer[net->n - 1].stage;
    s->in_channels = below->out_channels;
    memcpy (s->in, below->out, sizeof s->in);
  }
  s->kind = kind;
  s->out_channels = kind == REID_STAGE_POINT || kind == REID_STAGE_SMALL
                        ? channels
                        : s->in_channels;
  for (int i = 0; i < 2; i++) {
    s->kernel[i] = kernel;
    s->stride[i] = stride;
    s->pad[i] = pad;
    if (s->in[i] + 2 * pad < kernel)
      return false;
    s->out[i] = (s->in[i] + 2 * pad - kernel) / stride + 1;
  }
  s->end = (ReidRowsEpilogue){ REID_ROWS_LINEAR, 0, 0, NULL };
  if (kind != REID_STAGE_MAX_POOL && kind != REID_STAGE_ADD_UP
      && kind != REID_STAGE_GATE) {
    l->weight = reals ((size_t) s->out_channels * taps_of (s));
    l->bias = reals (s->out_channels);
    switch (draw (5)) {
      case 0:
        s->end.kind = REID_ROWS_SLOPE;
        l->slope = reals (s->out_channels);
        break;
      case 1:
        s->end = (ReidRowsEpilogue){ REID_ROWS_CLIP, 0, 6, NULL };
        break;
      case 2:
        s->end = (ReidRowsEpilogue){ REID_ROWS_CLIP, 0, INFINITY, NULL };
        break;
      case 3:
        s->end.kind = REID_ROWS_SWISH;
        break;
    }
  }
  if (kind == REID_STAGE_ADD_UP) {
    s->factor = s->out[0] % 2 || s->out[1] % 2 ? 1 : 2;
    s->side = true;
  }
  s->side |= kind == REID_STAGE_GATE;
  if (kind == REID_STAGE_POINT && draw (3) == 0)
    s->side = true;
  s->side_channels = s->out_channels;
  if (kind == REID_STAGE_POINT && draw (2))
    s->side_channels = 1 + draw (s->out_channels);
  if (s->side)
    l->side = reals (out_size (s));
  net->n++;
  return true;
}

static void
begin (Net *net, int channels, int height, int width)
{
  memset (net, 0, sizeof *net);
  ReidStage *s = &net->layer[0].stage;
  s->in_channels = channels;
  s->in[0] = height;
  s->in[1] = width;
  net->in = reals ((size_t) channels * height * width);
}

TEST (one_point_layer)
{
  seed = 1;
  for (int i = 0; i < 40; i++) {
    Net net;
    begin (&net, 1 + draw (70), 1 + draw (6), 1 + draw (40));
    add (&net, REID_STAGE_POINT, 1 + draw (140), 1, 1, 0);
    compare (&net, "point");
    net_free (&net);
  }
}

TEST (one_depthwise_layer)
{
  seed = 2;
  for (int i = 0; i < 60; i++) {
    Net net;
    int kernel = 1 + draw (7), stride = 1 + draw (3);
    begin (&net, 1 + draw (40), 1 + draw (12), 1 + draw (40));
    if (add (&net, REID_STAGE_DEPTH, 0, i % 2 ? 3 : kernel, stride,
             draw (i % 2 ? 3 : kernel)))
      compare (&net, "depthwise");
    net_free (&net);
  }
}

TEST (one_small_dense_layer)
{
  seed = 3;
  for (int i = 0; i < 40; i++) {
    Net net;
    int kernel = 1 + draw (5);
    begin (&net, 1 + draw (4), 1 + draw (20), 1 + draw (70));
    if (add (&net, REID_STAGE_SMALL, 1 + draw (40), kernel, 1 + draw (3),
             draw (kernel)))
      compare (&net, "small dense");
    net_free (&net);
  }
}

/* Patches of a vision transformer: rows of a kernel and the distance of pixels
 * are then a vector's, as they are in pointwise layers. */
TEST (one_layer_of_patches)
{
  seed = 6;
  for (int i = 0; i < 24; i++) {
    Net net;
    int side = i % 3 == 0 ? 4 : i % 3 == 1 ? 8 : 16;
    begin (&net, 1 + draw (4), side + draw (40), side + draw (90));
    if (add (&net, REID_STAGE_SMALL, 1 + draw (70), side, side, draw (2)))
      compare (&net, "patches");
    net_free (&net);
  }
}

TEST (one_pool_sum_or_gate)
{
  seed = 4;
  for (int i = 0; i < 40; i++) {
    Net net;
    int kernel = 1 + draw (4);
    begin (&net, 1 + draw (40), 1 + draw (20), 1 + draw (40));
    bool ok = i % 3 == 0   ? add (&net, REID_STAGE_MAX_POOL, 0, kernel,
                                  1 + draw (3), draw (kernel))
              : i % 3 == 1 ? add (&net, REID_STAGE_ADD_UP, 0, 1, 1, 0)
                           : add (&net, REID_STAGE_GATE, 0, 1, 1, 0);
    if (ok)
      compare (&net, "pool, sum or gate");
    net_free (&net);
  }
}

TEST (random_chains)
{
  seed = 5;
  for (int i = 0; i < 60; i++) {
    Net net;
    begin (&net, 1 + draw (3), 8 + draw (60), 8 + draw (90));
    if (i % 2)
      add (&net, REID_STAGE_SMALL, 1 + draw (24), 3, 2, 1);
    int n = 2 + draw (8);
    for (int k = 0; k < n; k++)
      switch (draw (7)) {
        case 0:
          add (&net, REID_STAGE_MAX_POOL, 0, 2, 2, 0);
          break;
        case 1:
          add (&net, REID_STAGE_ADD_UP, 0, 1, 1, 0);
          break;
        case 2:
          add (&net, REID_STAGE_GATE, 0, 1, 1, 0);
          break;
        case 3:
        case 4:
          add (&net, REID_STAGE_POINT, 1 + draw (40), 1, 1, 0);
          break;
        default:
          add (&net, REID_STAGE_DEPTH, 0, draw (4) ? 3 : 5, 1 + draw (2),
               1 + draw (2));
          break;
      }
    if (net.n)
      compare (&net, "chain");
    net_free (&net);
  }
}

typedef void (*Map) (const float *in, float *out, size_t n);

/* maps[0], the plain one, within `tolerance`; the others to the byte. */
static void
check_maps (const Map *maps, int n_maps, double (*exact) (double),
            double tolerance)
{
  enum { N = 20003 };
  float *in = malloc (N * sizeof *in), *out = malloc (N * sizeof *out),
        *c = malloc (N * sizeof *c);

  for (int i = 0; i < N; i++)
    in[i] = (i - N / 2) * 0.01f;
  maps[0](in, c, N);
  for (int i = 0; i < N; i++)
    CHECK_NEAR (c[i], exact (in[i]), tolerance * fmax (1, fabs (c[i])));
  for (int k = 1; k < n_maps; k++) {
    maps[k](in, out, N);
    CHECK_MSG (!memcmp (out, c, N * sizeof *c), "version %d", k);
  }
  in[0] = NAN;
  for (int k = 0; k < n_maps; k++) {
    maps[k](in, out, 1);
    CHECK (isnan (out[0]));
  }
  free (in);
  free (out);
  free (c);
}

static double
exact_sigmoid (double x)
{
  return 1 / (1 + exp (-x));
}

static double
exact_gelu (double x)
{
  return 0.5 * x * erfc (-x / sqrt (2));
}

TEST (sigmoid_and_gelu_are_exact_to_the_last_bits)
{
  Map sigmoid[3] = { reid_rows_c.sigmoid }, gelu[3] = { reid_rows_c.gelu };
  int n = 1;

#ifdef REID_ROWS_X86
  if (reid_cpu_flags () & REID_CPU_AVX2) {
    sigmoid[n] = reid_rows_avx2.sigmoid;
    gelu[n++] = reid_rows_avx2.gelu;
  }
  if (reid_cpu_flags () & REID_CPU_AVX512) {
    sigmoid[n] = reid_rows_avx512.sigmoid;
    gelu[n++] = reid_rows_avx512.gelu;
  }
#endif
  check_maps (sigmoid, n, exact_sigmoid, 1.5e-7);
  check_maps (gelu, n, exact_gelu, 1.5e-7);
}

TEST (groups_of_blocks_cover_all)
{
  for (int blocks = 1; blocks < 100; blocks++) {
    int sum = 0, g = 0;
    for (int nb; (nb = reid_rows_group (&reid_rows_c, blocks, g)); g++) {
      CHECK (nb >= 1 && nb <= reid_rows_c.widest);
      sum += nb;
    }
    CHECK (sum == blocks);
  }
}

TEST_MAIN ()
