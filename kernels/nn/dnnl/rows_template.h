/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Body of the row kernels; rows.h says what they compute. The includer gives a
 * vector (vector_finish.h), NAME, WIDEST, and PX1..PX4: how many pixels of 1..4
 * blocks the registers hold beside the operands. */

#include "nn/dnnl/vector_finish.h"

/* Without it a compiler reads the operands of several taps before it uses them,
 * and has no registers for them. */
#define KEEP_ORDER __asm__ volatile("" ::: "memory")

/* `n` taps of a tile of `px` pixels by `nb` blocks. */
INLINE const float *
point_taps (V acc[4][PX_MAX], const float *in, ptrdiff_t pixel, int n, int nb,
            int px, const float *w)
{
  UNROLL
  for (int t = 0; t < n; t++, w += nb * LANES) {
    V k[4];
    KEEP_ORDER;
    UNROLL
    for (int j = 0; j < nb; j++)
      k[j] = V_LOAD (w + j * LANES);
    UNROLL
    for (int i = 0; i < px; i++) {
      V v = V_SET (in[t + i * pixel]);
      UNROLL
      for (int j = 0; j < nb; j++)
        acc[j][i] = V_FMA (k[j], v, acc[j][i]);
    }
  }
  return w;
}

/* What a point product is known to be when it is compiled: anything, segments
 * of LANES (1x1 convolutions), planes of 3x3 (the first layer of most
 * networks). The loops over taps that are known leave no branch in them. */
typedef enum { POINT_ANY, POINT_LANES, POINT_3X3 } PointKind;

/* Weights of the next group, which its first tile would wait for: the tiles of
 * this one fetch a few lines of them with each segment. */
typedef struct {
  const float *at, *end;
  int lines;
} Ahead;

#define LINE 16 /* floats */
#define FEW_TILES 3

INLINE Ahead
ahead_of (const ReidRowsPoint *p, int nb, int tiles, const float *w)
{
  ptrdiff_t size = (ptrdiff_t) p->taps * nb * LANES;
  int all = nb * LANES * LANES / LINE;
  /* With few tiles it is memory that they wait for in any case. */
  if (tiles <= FEW_TILES)
    return (Ahead){ NULL, NULL, 0 };
  return (Ahead){ w + size, w + 2 * size, (all + tiles - 1) / tiles };
}

/* One tile of `px` pixels by `nb` blocks, accumulated in registers. */
INLINE void
point_tile (const ReidRowsPoint *p, const ReidRowsPointRun *r, int nb, int px,
            ptrdiff_t pixel, PointKind kind, int block, const float *w, int x,
            Ahead *ahead)
{
  V acc[4][PX_MAX];
  UNROLL
  for (int j = 0; j < nb; j++) {
    V b = V_LOAD (p->bias + (ptrdiff_t) (block + j) * LANES);
    UNROLL
    for (int i = 0; i < px; i++)
      acc[j][i] = b;
  }
  const float *in = r->in + x * pixel;
  int left = p->taps, plane = p->plane;
  if (kind == POINT_LANES) {
    const float *fetch = ahead->at;
    int lines = fetch < ahead->end ? ahead->lines : 0;
    for (; left >= LANES; left -= LANES, in += r->in_segment) {
      for (int i = 0; i < lines; i++, fetch += LINE)
        __builtin_prefetch (fetch, 0, 2);
      for (int t = 0; t < LANES; t += 8)
        w = point_taps (acc, in + t, pixel, 8, nb, px, w);
    }
    ahead->at = fetch;
  }
  if (kind == POINT_3X3)
    for (; left > 0; left -= 9, in += 3 * r->in_segment + r->in_plane) {
      w = point_taps (acc, in, pixel, 3, nb, px, w);
      w = point_taps (acc, in + r->in_segment, pixel, 3, nb, px, w);
      w = point_taps (acc, in + 2 * r->in_segment, pixel, 3, nb, px, w);
    }
  for (; left > 0; left -= p->segment, in += r->in_segment) {
    if (p->plane && plane-- == 0) {
      plane = p->plane - 1;
      in += r->in_plane;
    }
    const float *t = in, *end = in + (left < p->segment ? left : p->segment);
    for (; end - t >= 4; t += 4)
      w = point_taps (acc, t, pixel, 4, nb, px, w);
    for (; t < end; t++)
      w = point_taps (acc, t, pixel, 1, nb, px, w);
  }
  UNROLL
  for (int j = 0; j < nb; j++) {
    float *out = r->out + (block + j) * r->out_block + x * r->out_pixel;
    if (r->residual && block + j < r->res_blocks) {
      const float *res =
          r->residual + (block + j) * r->res_block + x * r->out_pixel;
      UNROLL
      for (int i = 0; i < px; i++)
        acc[j][i] = V_ADD (acc[j][i], V_LOAD (res + i * r->out_pixel));
    }
    finish (acc[j], px, &p->end, block + j);
    ptrdiff_t step = r->out_pixel;
    UNROLL
    for (int i = 0; i < px; i++)
      V_STORE (out + i * step, acc[j][i]);
  }
}

#define TILE(NB, PX)                                                           \
  case PX:                                                                     \
    point_tile (p, r, NB, PX, pixel, kind, block, w, x, &ahead);               \
    break;

/* All pixels of one group of blocks: whole tiles, and the last few in two of
 * nearly equal size, since a tile of one or two pixels would wait for the
 * multiply-adds' latency. */
#define GROUP(NB, PX, CASES)                                                   \
  INLINE void point_group##NB (const ReidRowsPoint *p,                         \
                               const ReidRowsPointRun *r, ptrdiff_t pixel,     \
                               PointKind kind, int block, const float *w)      \
  {                                                                            \
    Ahead ahead = ahead_of (p, NB, (r->n + PX - 1) / PX, w);                   \
    int x = 0;                                                                 \
    for (; r->n - x >= 2 * PX || r->n - x == PX; x += PX)                      \
      point_tile (p, r, NB, PX, pixel, kind, block, w, x, &ahead);             \
    while (x < r->n) {                                                         \
      int px = r->n - x > PX ? (r->n - x + 1) / 2 : r->n - x;                  \
      switch (px) {                                                            \
        CASES                                                                  \
      }                                                                        \
      x += px;                                                                 \
    }                                                                          \
  }

#define TILES2(NB) TILE (NB, 1) TILE (NB, 2)
#define TILES4(NB) TILES2 (NB) TILE (NB, 3) TILE (NB, 4)
#define TILES6(NB) TILES4 (NB) TILE (NB, 5) TILE (NB, 6)
#define TILES8(NB) TILES6 (NB) TILE (NB, 7) TILE (NB, 8)
#define TILES12(NB)                                                            \
  TILES8 (NB) TILE (NB, 9) TILE (NB, 10) TILE (NB, 11) TILE (NB, 12)
#define TILES_(PX, NB) TILES##PX (NB)
#define TILES(PX, NB) TILES_ (PX, NB)

GROUP (1, PX1, TILES (PX1, 1))
GROUP (2, PX2, TILES (PX2, 2))
#if WIDEST > 2
GROUP (3, PX3, TILES (PX3, 3))
GROUP (4, PX4, TILES (PX4, 4))
#endif

INLINE void
point_any (const ReidRowsPoint *p, const ReidRowsPointRun *r, ptrdiff_t pixel,
           PointKind kind)
{
  const float *w = p->weight;
  for (int g = 0, block = 0, nb; block < p->blocks; g++, block += nb) {
    nb = reid_rows_group (&NAME, p->blocks, g);
    switch (nb) {
      case 1:
        point_group1 (p, r, pixel, kind, block, w);
        break;
      case 2:
        point_group2 (p, r, pixel, kind, block, w);
        break;
#if WIDEST > 2
      case 3:
        point_group3 (p, r, pixel, kind, block, w);
        break;
      case 4:
        point_group4 (p, r, pixel, kind, block, w);
        break;
#endif
    }
    w += (ptrdiff_t) p->taps * nb * LANES;
  }
}

/* The distance of two pixels as a constant leaves the compiler one pointer
 * with immediate offsets instead of one pointer for each pixel. */
static void
point_dense (const ReidRowsPoint *p, const ReidRowsPointRun *r)
{
  point_any (p, r, LANES, POINT_LANES);
}

static void
point_stride2 (const ReidRowsPoint *p, const ReidRowsPointRun *r)
{
  point_any (p, r, 2, POINT_3X3);
}

static void
point_far (const ReidRowsPoint *p, const ReidRowsPointRun *r)
{
  point_any (p, r, r->in_pixel, POINT_ANY);
}

static void
point (const ReidRowsPoint *p, const ReidRowsPointRun *r)
{
  if (r->n <= 0)
    return;
  if (r->in_pixel == LANES && p->segment == LANES && !p->plane)
    point_dense (p, r);
  else if (r->in_pixel == 2 && p->segment == 3 && p->plane == 3
           && p->taps % 9 == 0)
    point_stride2 (p, r);
  else
    point_far (p, r);
}

/* Depthwise, any kernel: `px` output vectors whose taps all lie inside. */
INLINE void
depth_tile (const ReidRowsDepth *d, const float *const *in, ptrdiff_t in_offset,
            const float *w, float *out, int block, int px, int x)
{
  V acc[8], b = V_LOAD (d->bias + (ptrdiff_t) block * LANES);
  ptrdiff_t step = (ptrdiff_t) d->stride[1] * LANES;
  UNROLL
  for (int i = 0; i < px; i++)
    acc[i] = b;
  for (int ky = 0; ky < d->kernel[0]; ky++, w += d->kernel[1] * LANES) {
    if (!in[ky])
      continue;
    const float *row = in[ky] + in_offset
                       + ((ptrdiff_t) x * d->stride[1] - d->pad_left) * LANES;
    for (int kx = 0; kx < d->kernel[1]; kx++) {
      V k = V_LOAD (w + kx * LANES);
      UNROLL
      for (int i = 0; i < px; i++)
        acc[i] = V_FMA (V_LOAD (row + kx * LANES + i * step), k, acc[i]);
    }
  }
  finish (acc, px, &d->end, block);
  UNROLL
  for (int i = 0; i < px; i++)
    V_STORE (out + (ptrdiff_t) (x + i) * LANES, acc[i]);
}

/* One output vector near the left or right border. */
static void
depth_edge (const ReidRowsDepth *d, const float *const *in, ptrdiff_t in_offset,
            const float *w, float *out, int block, int x)
{
  V acc = V_LOAD (d->bias + (ptrdiff_t) block * LANES);
  int left = x * d->stride[1] - d->pad_left;
  for (int ky = 0; ky < d->kernel[0]; ky++) {
    if (!in[ky])
      continue;
    for (int kx = 0; kx < d->kernel[1]; kx++) {
      int at = left + kx;
      if (at < 0 || at >= d->in_width)
        continue;
      acc = V_FMA (V_LOAD (in[ky] + in_offset + (ptrdiff_t) at * LANES),
                   V_LOAD (w + (ky * d->kernel[1] + kx) * LANES), acc);
    }
  }
  finish (&acc, 1, &d->end, block);
  V_STORE (out + (ptrdiff_t) x * LANES, acc);
}

/* 3x3, stride 1, padding 1, two output rows at a time: each input vector is
 * loaded once for up to six multiply-adds, which is what the second-level
 * cache can feed. whole: all four input rows lie in the picture. left, right:
 * the tile stands at that border. single: there is no second output row. */
INLINE void
depth3_pair (const ReidRowsDepth *d, const float *const *in,
             ptrdiff_t in_offset, const V *k, float *out, ptrdiff_t out_row,
             bool whole, bool single, int block, int px, bool left, bool right,
             int x)
{
  V acc0[8], acc1[8], b = V_LOAD (d->bias + (ptrdiff_t) block * LANES);
  UNROLL
  for (int i = 0; i < px; i++)
    acc0[i] = acc1[i] = b;
  UNROLL
  for (int y = 0; y < 4; y++) {
    if (!whole && !in[y])
      continue;
    const float *row = in[y] + in_offset + ((ptrdiff_t) x - 1) * LANES;
    UNROLL
    for (int i = 0; i < px + 2; i++) {
      if ((left && i == 0) || (right && i == px + 1))
        continue;
      V v = V_LOAD (row + i * LANES);
      UNROLL
      for (int kx = 0; kx < 3; kx++) {
        if (i - kx < 0 || i - kx >= px)
          continue;
        if (y < 3)
          acc0[i - kx] = V_FMA (v, k[y * 3 + kx], acc0[i - kx]);
        if (y > 0)
          acc1[i - kx] = V_FMA (v, k[y * 3 - 3 + kx], acc1[i - kx]);
      }
    }
  }
  out += (ptrdiff_t) x * LANES;
  finish (acc0, px, &d->end, block);
  UNROLL
  for (int i = 0; i < px; i++)
    V_STORE (out + i * LANES, acc0[i]);
  if (single)
    return;
  finish (acc1, px, &d->end, block);
  UNROLL
  for (int i = 0; i < px; i++)
    V_STORE (out + out_row + i * LANES, acc1[i]);
}

#define PAIR(PX)                                                               \
  case PX:                                                                     \
    if (x == 0 && PX == width)                                                 \
      depth3_pair (d, in, offset, k, out, out_row, false, single, block, PX,   \
                   true, true, x);                                             \
    else if (x == 0)                                                           \
      depth3_pair (d, in, offset, k, out, out_row, false, single, block, PX,   \
                   true, false, x);                                            \
    else if (x + PX == width)                                                  \
      depth3_pair (d, in, offset, k, out, out_row, false, single, block, PX,   \
                   false, true, x);                                            \
    else                                                                       \
      depth3_pair (d, in, offset, k, out, out_row, false, single, block, PX,   \
                   false, false, x);                                           \
    break;

/* One or two whole rows of one block. Tiles that touch no border, which are
 * nearly all, have a loop of their own without a branch. */
static void
depth3_rows (const ReidRowsDepth *d, const float *const *in, ptrdiff_t offset,
             const float *w, float *out, ptrdiff_t out_row, bool single,
             int block)
{
  V k[9];
  UNROLL
  for (int i = 0; i < 9; i++)
    k[i] = V_LOAD (w + i * LANES);
  int width = d->out_width, x = 0;
  bool whole = in[0] && in[1] && in[2] && in[3];
  while (x < width) {
    if (whole && x > 0)
      for (; x + PAIR_PX < width; x += PAIR_PX)
        depth3_pair (d, in, offset, k, out, out_row, true, false, block,
                     PAIR_PX, false, false, x);
    int px = width - x;
    if (px > PAIR_PX)
      px = px < 2 * PAIR_PX ? (px + 1) / 2 : PAIR_PX;
    switch (px) {
      PAIR (1)
      PAIR (2)
#if PAIR_PX > 2
      PAIR (3)
      PAIR (4)
      PAIR (5)
      PAIR (6)
#endif
    }
    x += px;
  }
}

/* The range of outputs whose taps all lie inside. */
static void
depth_inner (const ReidRowsDepth *d, int *first, int *last)
{
  int s = d->stride[1];
  *first = (d->pad_left + s - 1) / s;
  *last = d->in_width - d->kernel[1] + d->pad_left;
  *last = *last < 0 ? 0 : *last / s + 1;
  if (*first > d->out_width)
    *first = d->out_width;
  if (*last > d->out_width)
    *last = d->out_width;
  if (*last < *first)
    *last = *first;
}

static void
depth (const ReidRowsDepth *d, const float *const *in, ptrdiff_t in_block,
       float *out, ptrdiff_t out_block, ptrdiff_t out_row, int n)
{
  const float *four[4] = { in[0], NULL, NULL, NULL };
  bool three = d->kernel[0] == 3 && d->kernel[1] == 3 && d->stride[0] == 1
               && d->stride[1] == 1 && d->pad_left == 1
               && d->out_width == d->in_width;
  int first, last;
  depth_inner (d, &first, &last);
  for (int i = 1; three && i < n + 2; i++)
    four[i] = in[i];
  for (int block = 0; block < d->blocks; block++) {
    const float *w =
        d->weight + (ptrdiff_t) block * d->kernel[0] * d->kernel[1] * LANES;
    ptrdiff_t offset = block * in_block;
    if (three) {
      depth3_rows (d, four, offset, w, out + block * out_block, out_row, n == 1,
                   block);
      continue;
    }
    for (int y = 0; y < n; y++) {
      const float *const *rows = in + y * d->stride[0];
      float *o = out + block * out_block + y * out_row;
      for (int x = 0; x < first; x++)
        depth_edge (d, rows, offset, w, o, block, x);
      for (int x = last; x < d->out_width; x++)
        depth_edge (d, rows, offset, w, o, block, x);
      /* The last tile overlaps the one before, with the same results. */
      for (int x = first; x < last; x += 8)
        if (x + 8 <= last)
          depth_tile (d, rows, offset, w, o, block, 8, x);
        else if (last - first >= 8)
          depth_tile (d, rows, offset, w, o, block, 8, last - 8);
        else
          for (; x < last; x++)
            depth_tile (d, rows, offset, w, o, block, 1, x);
    }
  }
}

static void
max_pool_2x2 (const ReidRowsPool *p, const float *a, const float *b,
              ptrdiff_t in_block, float *out, ptrdiff_t out_block)
{
  for (int block = 0; block < p->blocks; block++) {
    const float *top = a + block * in_block, *low = b + block * in_block;
    float *o = out + block * out_block;
    for (int x = 0; x < p->out_width; x++, top += 2 * LANES, low += 2 * LANES)
      V_STORE (o + (ptrdiff_t) x * LANES,
               V_MAX (V_MAX (V_LOAD (top), V_LOAD (top + LANES)),
                      V_MAX (V_LOAD (low), V_LOAD (low + LANES))));
  }
}

static void
max_pool (const ReidRowsPool *p, const float *const *in, ptrdiff_t in_block,
          float *out, ptrdiff_t out_block)
{
  if (p->kernel[0] == 2 && p->kernel[1] == 2 && p->stride[1] == 2
      && p->pad_left == 0 && 2 * p->out_width <= p->in_width && in[0]
      && in[1]) {
    max_pool_2x2 (p, in[0], in[1], in_block, out, out_block);
    return;
  }
  for (int block = 0; block < p->blocks; block++)
    for (int x = 0; x < p->out_width; x++) {
      int left = x * p->stride[1] - p->pad_left, from = left < 0 ? 0 : left;
      int to = left + p->kernel[1];
      if (to > p->in_width)
        to = p->in_width;
      V m = V_SET (-INFINITY);
      for (int ky = 0; ky < p->kernel[0]; ky++) {
        if (!in[ky])
          continue;
        const float *row = in[ky] + block * in_block;
        for (int i = from; i < to; i++)
          m = V_MAX (m, V_LOAD (row + (ptrdiff_t) i * LANES));
      }
      V_STORE (out + block * out_block + (ptrdiff_t) x * LANES, m);
    }
}

static void
add_up (int blocks, int width, int factor, const float *a, ptrdiff_t a_block,
        const float *b, ptrdiff_t b_block, float *out, ptrdiff_t out_block)
{
  for (int block = 0; block < blocks; block++) {
    const float *pa = a + block * a_block, *pb = b + block * b_block;
    float *o = out + block * out_block;
    for (int x = 0, i = 0; x < width; x += factor, i++) {
      V v = V_LOAD (pb + (ptrdiff_t) i * LANES);
      for (int j = x; j < x + factor && j < width; j++)
        V_STORE (o + (ptrdiff_t) j * LANES,
                 V_ADD (V_LOAD (pa + (ptrdiff_t) j * LANES), v));
    }
  }
}

static void
gate (int blocks, int width, const float *in, ptrdiff_t in_block,
      const float *by, float *out, ptrdiff_t out_block)
{
  for (int block = 0; block < blocks; block++) {
    const float *from = in + block * in_block;
    float *to = out + block * out_block;
    V g = V_LOAD (by + (ptrdiff_t) block * LANES);
    for (ptrdiff_t x = 0; x < (ptrdiff_t) width * LANES; x += LANES)
      V_STORE (to + x, V_MUL (V_LOAD (from + x), g));
  }
}

/* x (1 + erf (x / sqrt 2)) / 2 as max (x, 0) - |x| / 2 (1 - erf (|x| / sqrt
 * 2)), in which nothing cancels. The last factor is e^-(t q (t)), q fitted on
 * 0..4 so that erf is off by 1e-7 at most; beyond, it only has to vanish. */
INLINE V
gelu_vector (V v)
{
  V size = V_MAX (V_MUL (v, V_SET (-1.0f)), v);
  V t = V_MIN (V_SET (8.0f), V_MUL (size, V_SET (0.70710678f)));
  V q = V_SET (3.14401332e-5f);
  q = V_FMA (q, t, V_SET (-3.08801798e-4f));
  q = V_FMA (q, t, V_SET (1.03240006e-3f));
  q = V_FMA (q, t, V_SET (5.36936452e-4f));
  q = V_FMA (q, t, V_SET (-1.95839629e-2f));
  q = V_FMA (q, t, V_SET (1.02919616e-1f));
  q = V_FMA (q, t, V_SET (6.36597753e-1f));
  q = V_FMA (q, t, V_SET (1.12838030f));
  V e = V_MUL (exp_minus (V_MUL (q, t)), size);
  return V_FMA (e, V_SET (-0.5f), V_MAX (V_SET (0.0f), v));
}

INLINE void
map (V (*function) (V v), const float *in, float *out, size_t n)
{
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    V_STORE (out + i, function (V_LOAD (in + i)));
  if (i < n) {
    float tail[LANES] = { 0 };
    for (size_t j = i; j < n; j++)
      tail[j - i] = in[j];
    V_STORE (tail, function (V_LOAD (tail)));
    for (size_t j = i; j < n; j++)
      out[j] = tail[j - i];
  }
}

static void
sigmoid (const float *in, float *out, size_t n)
{
  map (sigmoid_vector, in, out, n);
}

static void
gelu (const float *in, float *out, size_t n)
{
  map (gelu_vector, in, out, n);
}

const ReidRows NAME = { LANES,    WIDEST, NAME_TEXT, point,   depth,
                        max_pool, add_up, gate,      sigmoid, gelu };
