/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/chain.h"

#include <string.h>

typedef struct {
  float *data;
  ptrdiff_t block, row; /* floats */
  int rows;             /* kept; row y lies at y % rows */
} Strip;

typedef struct {
  const ReidChain *chain;
  const float *in;
  Strip first; /* the input, where it is blocked */
  Strip strip[REID_CHAIN_MAX], side[REID_CHAIN_MAX];
  int next[REID_CHAIN_MAX]; /* first row that is not made yet */
  float *pad;               /* padded input rows of a SMALL stage */
} Run;

static float *
row_at (const Strip *s, int y)
{
  return s->data + (y % s->rows) * s->row;
}

/* How many rows from y on lie one after the other. */
static int
unbroken (const Strip *s, int y, int n)
{
  int left = s->rows - y % s->rows;
  return n < left ? n : left;
}

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

static size_t
padded_width (const ReidStage *s)
{
  return (size_t) (s->out[1] - 1) * s->stride[1] + s->kernel[1];
}

void
reid_stage_side (const ReidStage *s, int size[2])
{
  for (int i = 0; i < 2; i++)
    size[i] = s->kind == REID_STAGE_GATE     ? 1
              : s->kind == REID_STAGE_ADD_UP ? s->out[i] / s->factor
                                             : s->out[i];
}

void
reid_chain_plan (ReidChain *c)
{
  size_t at = 0;
  for (int i = 0; i < c->n; i++) {
    ReidStage *s = &c->stage[i];
    /* Pairs of rows for the depthwise kernel, more where rows are so short
     * that tiles would be cut small; whole pictures where those are tiny. */
    int h = s->out[0], w = s->out[1];
    s->granule = 2;
    if ((int64_t) h * w <= 256)
      s->granule = h;
    else if (w < 32)
      s->granule = (32 / w + 2) & ~1;
    s->granule = min (s->granule, h);
  }
  for (int i = 0; i < c->n; i++) {
    ReidStage *s = &c->stage[i];
    s->ring = s->out[0];
    if (i + 1 < c->n) {
      const ReidStage *t = &c->stage[i + 1];
      int64_t window = (int64_t) (t->granule - 1) * t->stride[0] + t->kernel[0];
      if (window < s->ring)
        s->ring = (int) window;
    }
    s->at = at;
    if (i + 1 < c->n)
      at += (size_t) blocks_of (c->rows, s->out_channels) * s->ring * s->out[1]
            * c->rows->lanes;
    if (s->kind == REID_STAGE_SMALL)
      at += s->in_channels * s->kernel[0] * padded_width (s);
    at = (at + 15) / 16 * 16;
  }
  c->scratch = at;
}

/* Columns from..to of output row y, by way of a copy with the padding in it. */
static void
small_padded (Run *r, int i, ReidRowsPoint *p, int y, int from, int to)
{
  const ReidStage *s = &r->chain->stage[i];
  if (from >= to)
    return;
  int top = y * s->stride[0] - s->pad[0];
  int left = from * s->stride[1] - s->pad[1];
  int width = (to - from - 1) * s->stride[1] + s->kernel[1];
  int a = left < 0 ? -left : 0, b = min (width, s->in[1] - left);
  float *row = r->pad;
  for (int ch = 0; ch < s->in_channels; ch++)
    for (int ky = 0; ky < s->kernel[0]; ky++, row += width) {
      int at = top + ky;
      if (at < 0 || at >= s->in[0] || a >= b) {
        memset (row, 0, width * sizeof *row);
        continue;
      }
      memset (row, 0, a * sizeof *row);
      memcpy (row + a,
              r->in + ((size_t) ch * s->in[0] + at) * s->in[1] + left + a,
              (b - a) * sizeof *row);
      memset (row + b, 0, (width - b) * sizeof *row);
    }
  ptrdiff_t lanes = r->chain->rows->lanes;
  ReidRowsPointRun run = { .in = r->pad,
                           .in_segment = width,
                           .in_pixel = s->stride[1],
                           .out = row_at (&r->strip[i], y) + from * lanes,
                           .out_block = r->strip[i].block,
                           .out_pixel = lanes,
                           .n = to - from };
  r->chain->rows->point (p, &run);
}

static void
make_small (Run *r, int i, int y, int n)
{
  const ReidStage *s = &r->chain->stage[i];
  ptrdiff_t lanes = r->chain->rows->lanes;
  ReidRowsPoint p = { .taps = s->in_channels * s->kernel[0] * s->kernel[1],
                      .segment = s->kernel[1],
                      .plane = s->kernel[0],
                      .blocks = blocks_of (r->chain->rows, s->out_channels),
                      .weight = s->weight,
                      .bias = s->bias,
                      .end = s->end };
  /* Columns that the padding does not touch. */
  int first = (s->pad[1] + s->stride[1] - 1) / s->stride[1];
  int last = s->in[1] - s->kernel[1] + s->pad[1];
  last = last < 0 ? 0 : min (last / s->stride[1] + 1, s->out[1]);
  for (; n > 0; n--, y++) {
    int top = y * s->stride[0] - s->pad[0];
    if (top < 0 || top + s->kernel[0] > s->in[0] || first >= last) {
      small_padded (r, i, &p, y, 0, s->out[1]);
      continue;
    }
    small_padded (r, i, &p, y, 0, first);
    ReidRowsPointRun run = { .in = r->in + (ptrdiff_t) top * s->in[1]
                                   + first * s->stride[1] - s->pad[1],
                             .in_segment = s->in[1],
                             .in_plane = (ptrdiff_t) (s->in[0] - s->kernel[0])
                                         * s->in[1],
                             .in_pixel = s->stride[1],
                             .out = row_at (&r->strip[i], y) + first * lanes,
                             .out_block = r->strip[i].block,
                             .out_pixel = lanes,
                             .n = last - first };
    r->chain->rows->point (&p, &run);
    small_padded (r, i, &p, y, last, s->out[1]);
  }
}

static void
make_point (Run *r, int i, int y, int n)
{
  const ReidChain *c = r->chain;
  const ReidStage *s = &c->stage[i];
  const Strip *in = i ? &r->strip[i - 1] : &r->first;
  int lanes = c->rows->lanes;
  ReidRowsPoint p = { .taps = s->in_channels,
                      .segment = lanes,
                      .blocks = blocks_of (c->rows, s->out_channels),
                      .weight = s->weight,
                      .bias = s->bias,
                      .end = s->end };
  while (n > 0) {
    int m = unbroken (in, y, unbroken (&r->strip[i], y, n));
    ReidRowsPointRun run = { .in = row_at (in, y),
                             .in_segment = in->block,
                             .in_pixel = lanes,
                             .out = row_at (&r->strip[i], y),
                             .out_block = r->strip[i].block,
                             .out_pixel = lanes,
                             .n = m * s->out[1] };
    if (s->side) {
      run.residual = row_at (&r->side[i], y);
      run.res_block = r->side[i].block;
      run.res_blocks = blocks_of (c->rows, s->side_channels);
    }
    c->rows->point (&p, &run);
    y += m;
    n -= m;
  }
}

/* Pointers to the rows that output rows y..y+n read, NULL outside. */
static void
window (const ReidStage *s, const Strip *in, int y, int n, const float **rows)
{
  int top = y * s->stride[0] - s->pad[0];
  int count = (n - 1) * s->stride[0] + s->kernel[0];
  for (int k = 0; k < count; k++)
    rows[k] = top + k >= 0 && top + k < s->in[0] ? row_at (in, top + k) : NULL;
}

#define MAX_KERNEL 16

static void
make_depth (Run *r, int i, int y, int n)
{
  const ReidChain *c = r->chain;
  const ReidStage *s = &c->stage[i];
  const Strip *in = i ? &r->strip[i - 1] : &r->first;
  const float *rows[2 * MAX_KERNEL];
  ReidRowsDepth d = { blocks_of (c->rows, s->out_channels),
                      { s->kernel[0], s->kernel[1] },
                      { s->stride[0], s->stride[1] },
                      s->pad[1],
                      s->in[1],
                      s->out[1],
                      s->weight,
                      s->bias,
                      s->end };
  /* Two rows at a time, wherever in the ring the second one lies. */
  while (n > 0) {
    int m = min (n, 2);
    Strip *out = &r->strip[i];
    window (s, in, y, m, rows);
    c->rows->depth (&d, rows, in->block, row_at (out, y), out->block,
                    m > 1 ? row_at (out, y + 1) - row_at (out, y) : 0, m);
    y += m;
    n -= m;
  }
}

static void
make_pool (Run *r, int i, int y, int n)
{
  const ReidChain *c = r->chain;
  const ReidStage *s = &c->stage[i];
  const Strip *in = i ? &r->strip[i - 1] : &r->first;
  const float *rows[MAX_KERNEL];
  ReidRowsPool p = { blocks_of (c->rows, s->out_channels),
                     { s->kernel[0], s->kernel[1] },
                     { s->stride[0], s->stride[1] },
                     s->pad[1],
                     s->in[1],
                     s->out[1] };
  for (int k = 0; k < n; k++) {
    window (s, in, y + k, 1, rows);
    c->rows->max_pool (&p, rows, in->block, row_at (&r->strip[i], y + k),
                       r->strip[i].block);
  }
}

static void
make_add_up (Run *r, int i, int y, int n)
{
  const ReidChain *c = r->chain;
  const ReidStage *s = &c->stage[i];
  const Strip *in = i ? &r->strip[i - 1] : &r->first;
  for (int k = y; k < y + n; k++)
    c->rows->add_up (blocks_of (c->rows, s->out_channels), s->out[1], s->factor,
                     row_at (in, k), in->block,
                     row_at (&r->side[i], k / s->factor), r->side[i].block,
                     row_at (&r->strip[i], k), r->strip[i].block);
}

static void
make_gate (Run *r, int i, int y, int n)
{
  const ReidChain *c = r->chain;
  const ReidStage *s = &c->stage[i];
  const Strip *in = i ? &r->strip[i - 1] : &r->first;
  for (int k = y; k < y + n; k++)
    c->rows->gate (blocks_of (c->rows, s->out_channels), s->out[1],
                   row_at (in, k), in->block, r->side[i].data,
                   row_at (&r->strip[i], k), r->strip[i].block);
}

/* Makes stage i's rows up to `to`, and first what they need. */
static void
advance (Run *r, int i, int to)
{
  const ReidStage *s = &r->chain->stage[i];
  while (r->next[i] < to) {
    int y = r->next[i], n = min (s->granule, to - y);
    if (i > 0) {
      int last = (y + n - 1) * s->stride[0] - s->pad[0] + s->kernel[0];
      advance (r, i - 1, min (last, s->in[0]));
    }
    switch (s->kind) {
      case REID_STAGE_SMALL:
        make_small (r, i, y, n);
        break;
      case REID_STAGE_POINT:
        make_point (r, i, y, n);
        break;
      case REID_STAGE_DEPTH:
        make_depth (r, i, y, n);
        break;
      case REID_STAGE_MAX_POOL:
        make_pool (r, i, y, n);
        break;
      case REID_STAGE_ADD_UP:
        make_add_up (r, i, y, n);
        break;
      case REID_STAGE_GATE:
        make_gate (r, i, y, n);
        break;
    }
    r->next[i] += n;
  }
}

static Strip
whole (const ReidRows *rows, const float *data, const int *size)
{
  ptrdiff_t row = (ptrdiff_t) size[1] * rows->lanes;
  return (Strip){ (float *) data, size[0] * row, row, size[0] };
}

void
reid_chain_run (const ReidChain *c, const float *in, const float *const *side,
                float *out, int from, int to, float *scratch)
{
  Run r;
  r.chain = c;
  r.in = in;
  r.first = whole (c->rows, in, c->stage[0].in);
  r.pad = scratch;
  int start = from;
  for (int i = c->n - 1; i >= 0; i--) {
    const ReidStage *s = &c->stage[i];
    r.next[i] = start;
    start = start * s->stride[0] - s->pad[0];
    if (start < 0)
      start = 0;
    if (i + 1 < c->n) {
      ptrdiff_t row = (ptrdiff_t) s->out[1] * c->rows->lanes;
      r.strip[i] = (Strip){ scratch + s->at, s->ring * row, row, s->ring };
    } else {
      r.strip[i] = whole (c->rows, out, s->out);
    }
    if (s->side) {
      int size[2];
      reid_stage_side (s, size);
      r.side[i] = whole (c->rows, side[i], size);
    }
    if (s->kind == REID_STAGE_SMALL && i + 1 < c->n)
      r.pad = scratch + s->at
              + (size_t) blocks_of (c->rows, s->out_channels) * s->ring
                    * s->out[1] * c->rows->lanes;
  }
  advance (&r, c->n - 1, to);
}
