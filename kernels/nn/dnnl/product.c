/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/product.h"

#include "nn/dnnl/team.h"

#include <string.h>

/* Rows of the left matrix that one thread takes through all groups of columns:
 * so many that they stay in the second-level cache, but never so few that the
 * weights, which no cache may hold, are read often. */
#define CHUNK_FLOATS (192 * 1024 / 4)
#define CHUNK_LEAST 64

typedef struct {
  const ReidRows *rows;
  const ReidRowsPoint *point;
  const float *in;
  float *left; /* in, laid out anew; NULL: one row needs no other layout */
  float *out;
  ptrdiff_t out_row; /* floats */
  int m, each;       /* rows in all and in a chunk */
  int groups;
} Work;

size_t
reid_product_scratch (const ReidRows *rows, int64_t m, int64_t k, int64_t n)
{
  size_t left = m > 1 ? (size_t) m * reid_rows_padded (rows, k) : 0;
  return left + (n % rows->lanes ? (size_t) m * reid_rows_padded (rows, n) : 0);
}

static int
rows_of (const Work *w, int chunk)
{
  int left = w->m - chunk * w->each;
  return left < w->each ? left : w->each;
}

static float *
chunk_at (const Work *w, int chunk)
{
  return w->left
         + (size_t) chunk * w->each
               * reid_rows_padded (w->rows, w->point->taps);
}

static void
lay_out (void *data, int member, int chunk)
{
  const Work *w = data;
  int lanes = w->rows->lanes, n = rows_of (w, chunk), k = w->point->taps;
  const float *in = w->in + (ptrdiff_t) chunk * w->each * k;
  float *to = chunk_at (w, chunk);
  for (int t = 0; t < k; t += lanes, to += (ptrdiff_t) n * lanes) {
    size_t size = (size_t) (k - t < lanes ? k - t : lanes) * sizeof *to;
    for (int i = 0; i < n; i++)
      memcpy (to + (ptrdiff_t) i * lanes, in + (ptrdiff_t) i * k + t, size);
  }
}

static void
multiply (void *data, int member, int item)
{
  const Work *w = data;
  ReidRowsPoint part = *w->point;
  int lanes = w->rows->lanes, chunk = item / w->groups;
  ptrdiff_t channel = 0;
  for (int g = 0; g < item % w->groups; g++)
    channel += reid_rows_group (w->rows, w->point->blocks, g) * lanes;
  part.blocks = reid_rows_group (w->rows, w->point->blocks, item % w->groups);
  part.weight += channel * part.taps;
  part.bias += channel;
  part.segment = lanes;
  ReidRowsPointRun run = {
    .in = w->left ? chunk_at (w, chunk) : w->in,
    .in_segment = rows_of (w, chunk) * lanes,
    .in_pixel = lanes,
    .out = w->out + (ptrdiff_t) chunk * w->each * w->out_row + channel,
    .out_block = lanes,
    .out_pixel = w->out_row,
    .n = rows_of (w, chunk)
  };
  w->rows->point (&part, &run);
}

void
reid_product_run (const ReidRows *rows, const ReidRowsPoint *point, int threads,
                  const float *in, int64_t m, int64_t n, float *out,
                  float *scratch)
{
  ptrdiff_t wide = (ptrdiff_t) reid_rows_padded (rows, n);
  float *left = m > 1 ? scratch : NULL;
  float *to = wide == n ? out
              : left    ? left + m * reid_rows_padded (rows, point->taps)
                        : scratch;
  int each = CHUNK_FLOATS / point->taps;
  Work w = { rows,
             point,
             in,
             left,
             to,
             wide,
             (int) m,
             each < CHUNK_LEAST ? CHUNK_LEAST : each,
             (point->blocks + rows->widest - 1) / rows->widest };
  int chunks = (w.m + w.each - 1) / w.each;
  w.each = (w.m + chunks - 1) / chunks;
  if (left)
    reid_team_run (threads, chunks, lay_out, &w);
  reid_team_run (threads, chunks * w.groups, multiply, &w);
  for (int64_t i = 0; i < m && to != out; i++)
    memcpy (out + i * n, to + i * wide, (size_t) n * sizeof *out);
}
