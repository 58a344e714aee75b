/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/winograd.h"
#include "nn/dnnl/team.h"

#include <stdlib.h>
#include <string.h>

/* Output channels worked on together: what comes out of their products is read
 * again at once, from the second-level cache. */
#define GROUP 32

static int
blocks_of (const ReidRows *rows, int channels)
{
  return (channels + rows->lanes - 1) / rows->lanes;
}

static int
min (int a, int b)
{
  return a < b ? a : b;
}

static int
points_of (int tile)
{
  return (tile + 2) * (tile + 2);
}

static int
tiles_of (int extent, int tile)
{
  return (extent + tile - 1) / tile;
}

/* Measured on cores with AVX2 against oneDNN's direct convolution, maps of 5x5
 * to 112x112 and 3 to 512 channels. With few weights the tile that needs fewer
 * products wins, by 1.3 to 2.7 times; below 8 input channels the transforms
 * cost more than is saved. Many weights come from memory, and must serve enough
 * tiles: those of 4x4 are 4 times the plain ones, of 2x2 1.8 times. That also
 * bounds the memory of deep networks, most of whose weights belong to maps of
 * 14x14 and less. */
#define MANY_WEIGHTS (128 * 128) /* pairs of channels, more than */
#define TILES_FOR_MANY 25

int
reid_winograd_pays (int in_channels, int out_channels, int height, int width)
{
  int64_t small = (int64_t) tiles_of (height, 2) * tiles_of (width, 2);
  int64_t large = (int64_t) tiles_of (height, 4) * tiles_of (width, 4);
  if (in_channels < 8)
    return 0;
  if ((int64_t) in_channels * out_channels <= MANY_WEIGHTS)
    return large * points_of (4) < small * points_of (2) ? 4 : 2;
  return large >= TILES_FOR_MANY ? 4 : small >= TILES_FOR_MANY ? 2 : 0;
}

/* --- weights --- */

/* G of one column or row. The factors are those that winograd.h's points give:
 * 1 / (a^2 b^2), 1 / (2 a^2 (a^2 - b^2)) and so on. */
static void
weight_line (int tile, const double *g, int step, double *u)
{
  if (tile == 2) {
    u[0] = g[0];
    u[1] = (g[0] + g[step] + g[2 * step]) / 2;
    u[2] = (g[0] - g[step] + g[2 * step]) / 2;
    u[3] = g[2 * step];
    return;
  }
  const double a = 0.625, b = 1.5, aa = a * a, bb = b * b;
  double even_a = (g[0] + aa * g[2 * step]) / (2 * aa * (aa - bb));
  double even_b = (g[0] + bb * g[2 * step]) / (2 * bb * (bb - aa));
  double odd_a = a * g[step] / (2 * aa * (aa - bb));
  double odd_b = b * g[step] / (2 * bb * (bb - aa));
  u[0] = g[0] / (aa * bb);
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = g[2 * step];
}

/* u[point * step] */
static void
weight_tile (int tile, const float *weight, float *u, size_t step)
{
  int n = tile + 2;
  double g[9], columns[3][6], line[6];
  for (int i = 0; i < 9; i++)
    g[i] = (double) weight[i];
  for (int j = 0; j < 3; j++)
    weight_line (tile, g + j, 3, columns[j]);
  for (int i = 0; i < n; i++) {
    double row[3] = { columns[0][i], columns[1][i], columns[2][i] };
    weight_line (tile, row, 1, line);
    for (int j = 0; j < n; j++)
      u[(size_t) (i * n + j) * step] = (float) line[j];
  }
}

size_t
reid_winograd_weight_size (const ReidRows *rows, int tile, int in_channels,
                           int out_channels)
{
  return (size_t) points_of (tile) * in_channels
         * blocks_of (rows, out_channels) * rows->lanes;
}

bool
reid_winograd_pack (const ReidRows *rows, int tile, int in_channels,
                    int out_channels, const float *weight, float *packed)
{
  int points = points_of (tile);
  size_t part = (size_t) GROUP * in_channels;
  float *u = malloc (part * points * sizeof *u);
  if (!u)
    return false;
  for (int first = 0; first < out_channels; first += GROUP) {
    int channels = min (GROUP, out_channels - first);
    for (size_t i = 0; i < (size_t) channels * in_channels; i++, weight += 9)
      weight_tile (tile, weight, u + i, part);
    for (int k = 0; k < points; k++) {
      reid_rows_pack_point (rows, channels, in_channels, u + k * part, packed);
      packed += reid_rows_point_size (rows, channels, in_channels);
    }
  }
  free (u);
  return true;
}

/* --- plan --- */

/* What goes into the products of a chunk: most of a second-level cache. All
 * weights are read once a chunk, so that a deep map is rather one chunk that
 * comes from the third level: 14x14 in tiles of 2x2, half of 28x28 in tiles of
 * 4x4. */
#define CHUNK_FLOATS (320 * 1024 / 4)
#define LEAST_TILES(tile) ((tile) == 2 ? 49 : 25)

/* A page and a line: neighbouring points must not fall into the same sets of
 * the first-level cache, of which each tile writes one vector. */
static ptrdiff_t
apart (size_t floats)
{
  return (ptrdiff_t) ((floats + 1023) / 1024 * 1024 + 16);
}

void
reid_winograd_plan (ReidWinograd *w, const ReidRows *rows, int threads)
{
  const ReidWinogradKernels *kernels = &reid_winograd_c;
#ifdef REID_ROWS_X86
  if (rows == &reid_rows_avx2)
    kernels = &reid_winograd_avx2;
  if (rows == &reid_rows_avx512)
    kernels = &reid_winograd_avx512;
#endif
  w->rows = rows;
  w->kernels = kernels;
  for (int i = 0; i < 2; i++)
    w->tiles[i] = tiles_of (w->out[i], w->tile);
  w->n_tiles = w->pictures * w->tiles[0] * w->tiles[1];
  w->group = GROUP / rows->lanes;

  int in_blocks = blocks_of (rows, w->in_channels);
  size_t each = (size_t) points_of (w->tile) * in_blocks * rows->lanes;
  int least = LEAST_TILES (w->tile);
  int most = each < (size_t) (CHUNK_FLOATS / least)
                 ? (int) (CHUNK_FLOATS / each)
                 : least;
  int chunks = (w->n_tiles + most - 1) / most;
  w->apart = threads < 2 || chunks >= 2 * threads;
  w->chunk = (w->n_tiles + chunks - 1) / chunks;
  w->in_step = apart ((size_t) in_blocks * w->chunk * rows->lanes);
  w->out_step = apart ((size_t) w->group * w->chunk * rows->lanes);
}

/* --- running --- */

typedef struct {
  const ReidWinograd *w;
  const float *in, *residual;
  float *out, *scratch;
  size_t in_size, out_size; /* floats of scratch: into, out of the products */
  int first, n;             /* tiles of the chunk that is shared */
} Work;

static void
transform (const Work *k, int block, int first, int n, float *v)
{
  const ReidWinograd *w = k->w;
  w->kernels->input[w->tile / 4](
      w, block, first, n, k->in,
      v + (ptrdiff_t) block * w->chunk * w->rows->lanes);
}

/* A group of output channels from end to end. */
static void
multiply (const Work *k, int group, int first, int n, const float *v, float *m)
{
  static const float zeros[GROUP];
  const ReidWinograd *w = k->w;
  int lanes = w->rows->lanes, block = group * w->group;
  int blocks = min (w->group, blocks_of (w->rows, w->out_channels) - block);
  ptrdiff_t wide = (ptrdiff_t) w->chunk * lanes;
  size_t each = (size_t) blocks * lanes * w->in_channels;
  ReidRowsPoint p = { .taps = w->in_channels,
                      .segment = lanes,
                      .blocks = blocks,
                      .weight = w->weight
                                + (size_t) block * lanes * w->in_channels
                                      * points_of (w->tile),
                      .bias = zeros,
                      .end = { REID_ROWS_LINEAR, 0, 0, NULL } };
  ReidRowsPointRun run = { .in = v,
                           .in_segment = wide,
                           .in_pixel = lanes,
                           .out = m,
                           .out_block = wide,
                           .out_pixel = lanes,
                           .n = n };
  for (int i = 0; i < points_of (w->tile); i++) {
    w->rows->point (&p, &run);
    p.weight += each;
    run.in += w->in_step;
    run.out += w->out_step;
  }
  for (int i = 0; i < blocks; i++)
    w->kernels->output[w->tile / 4](w, block + i, first, n, m + i * wide,
                                    k->residual, k->out);
}

static void
whole_chunk (void *data, int member, int chunk)
{
  const Work *k = data;
  const ReidWinograd *w = k->w;
  float *v = k->scratch + (size_t) member * (k->in_size + k->out_size);
  int first = chunk * w->chunk, n = min (w->chunk, w->n_tiles - first);
  int in_blocks = blocks_of (w->rows, w->in_channels);
  int out_blocks = blocks_of (w->rows, w->out_channels);
  for (int i = 0; i < in_blocks; i++)
    transform (k, i, first, n, v);
  for (int i = 0; i * w->group < out_blocks; i++)
    multiply (k, i, first, n, v, v + k->in_size);
}

static void
shared_input (void *data, int member, int block)
{
  const Work *k = data;
  transform (k, block, k->first, k->n, k->scratch);
}

static void
shared_group (void *data, int member, int group)
{
  const Work *k = data;
  multiply (k, group, k->first, k->n, k->scratch,
            k->scratch + k->in_size + (size_t) member * k->out_size);
}

size_t
reid_winograd_scratch (const ReidWinograd *w, int threads)
{
  size_t in = (size_t) w->in_step * points_of (w->tile);
  size_t out = (size_t) w->out_step * points_of (w->tile);
  return w->apart ? (in + out) * threads : in + out * threads;
}

void
reid_winograd_run (const ReidWinograd *w, int threads, const float *in,
                   const float *residual, float *out, float *scratch)
{
  Work k = { .w = w,
             .in = in,
             .residual = residual,
             .out = out,
             .scratch = scratch,
             .in_size = (size_t) w->in_step * points_of (w->tile),
             .out_size = (size_t) w->out_step * points_of (w->tile) };
  int chunks = (w->n_tiles + w->chunk - 1) / w->chunk;
  if (w->apart) {
    reid_team_run (threads, chunks, whole_chunk, &k);
    return;
  }
  int out_blocks = blocks_of (w->rows, w->out_channels);
  for (k.first = 0; k.first < w->n_tiles; k.first += k.n) {
    k.n = min (w->chunk, w->n_tiles - k.first);
    reid_team_run (threads, blocks_of (w->rows, w->in_channels), shared_input,
                   &k);
    reid_team_run (threads, (out_blocks + w->group - 1) / w->group,
                   shared_group, &k);
  }
}
