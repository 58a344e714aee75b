/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Body of the transforms; winograd.h says what they compute. The includer gives
 * a vector (vector_finish.h) and NAME. */

#include "nn/dnnl/vector_finish.h"
#include "nn/dnnl/winograd.h"

#define MOST 6 /* points along an edge of the larger tile */

/* The points of m = 4: +-A, +-B. */
#define A 0.625f
#define B 1.5f

/* B^T of one column or row; d and t may be the same. */
INLINE void
input_line (int m, const V *d, V *t)
{
  if (m == 2) {
    V t0 = V_SUB (d[0], d[2]), t1 = V_ADD (d[1], d[2]);
    V t2 = V_SUB (d[2], d[1]), t3 = V_SUB (d[3], d[1]);
    t[0] = t0;
    t[1] = t1;
    t[2] = t2;
    t[3] = t3;
    return;
  }
  const V aa = V_SET (-A * A), bb = V_SET (-B * B);
  const V both = V_SET (A * A * B * B), sum = V_SET (-(A * A + B * B));
  V even_a = V_FMA (bb, d[2], d[4]), odd_a = V_FMA (bb, d[1], d[3]);
  V even_b = V_FMA (aa, d[2], d[4]), odd_b = V_FMA (aa, d[1], d[3]);
  V t0 = V_FMA (both, d[0], V_FMA (sum, d[2], d[4]));
  V t5 = V_FMA (both, d[1], V_FMA (sum, d[3], d[5]));
  t[0] = t0;
  t[1] = V_FMA (V_SET (A), odd_a, even_a);
  t[2] = V_FMA (V_SET (-A), odd_a, even_a);
  t[3] = V_FMA (V_SET (B), odd_b, even_b);
  t[4] = V_FMA (V_SET (-B), odd_b, even_b);
  t[5] = t5;
}

/* A^T of one column or row. */
INLINE void
output_line (int m, const V *t, V *y)
{
  if (m == 2) {
    y[0] = V_ADD (t[0], V_ADD (t[1], t[2]));
    y[1] = V_ADD (t[3], V_SUB (t[1], t[2]));
    return;
  }
  V even_a = V_ADD (t[1], t[2]), odd_a = V_SUB (t[1], t[2]);
  V even_b = V_ADD (t[3], t[4]), odd_b = V_SUB (t[3], t[4]);
  y[0] = V_ADD (t[0], V_ADD (even_a, even_b));
  y[1] = V_FMA (V_SET (A), odd_a, V_MUL (V_SET (B), odd_b));
  y[2] = V_FMA (V_SET (A * A), even_a, V_MUL (V_SET (B * B), even_b));
  y[3] =
      V_FMA (V_SET (A * A * A), odd_a, V_FMA (V_SET (B * B * B), odd_b, t[5]));
}

/* Where a tile lies: picture, row and column of tiles. */
typedef struct {
  int picture, y, x;
} Place;

INLINE Place
place (const ReidWinograd *w, int tile)
{
  int each = w->tiles[0] * w->tiles[1];
  return (Place){ tile / each, tile % each / w->tiles[1], tile % w->tiles[1] };
}

INLINE void
advance (const ReidWinograd *w, Place *p)
{
  if (++p->x < w->tiles[1])
    return;
  p->x = 0;
  if (++p->y < w->tiles[0])
    return;
  p->y = 0;
  p->picture++;
}

INLINE int
blocks_of (int channels)
{
  return (channels + LANES - 1) / LANES;
}

/* The square that a tile is made of, with zeros around the picture. */
INLINE void
edge (const ReidWinograd *w, const float *in, int y, int x, int n, float *to)
{
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++, to += LANES) {
      bool there =
          y + i >= 0 && y + i < w->in[0] && x + j >= 0 && x + j < w->in[1];
      V_STORE (to, there ? V_LOAD (
                       in + ((ptrdiff_t) (y + i) * w->in[1] + x + j) * LANES)
                         : V_SET (0));
    }
}

INLINE void
input_tile (int m, const float *in, ptrdiff_t row, ptrdiff_t step, float *to)
{
  V t[MOST][MOST];
  UNROLL
  for (int j = 0; j < m + 2; j++) {
    V d[MOST];
    UNROLL
    for (int i = 0; i < m + 2; i++)
      d[i] = V_LOAD (in + i * row + j * LANES);
    input_line (m, d, d);
    UNROLL
    for (int i = 0; i < m + 2; i++)
      t[i][j] = d[i];
  }
  UNROLL
  for (int i = 0; i < m + 2; i++) {
    V v[MOST];
    input_line (m, t[i], v);
    UNROLL
    for (int j = 0; j < m + 2; j++)
      V_STORE (to + (i * (m + 2) + j) * step, v[j]);
  }
}

INLINE void
input_any (int m, const ReidWinograd *w, int block, int first, int n,
           const float *in, float *v)
{
  ptrdiff_t plane = (ptrdiff_t) w->in[0] * w->in[1] * LANES;
  int blocks = blocks_of (w->in_channels);
  float square[MOST * MOST * LANES];
  Place p = place (w, first);
  for (int i = 0; i < n; i++, v += LANES, advance (w, &p)) {
    int y = p.y * m - w->pad[0], x = p.x * m - w->pad[1];
    const float *from = in + ((ptrdiff_t) p.picture * blocks + block) * plane;
    if (y >= 0 && x >= 0 && y + m + 2 <= w->in[0] && x + m + 2 <= w->in[1]) {
      input_tile (m, from + ((ptrdiff_t) y * w->in[1] + x) * LANES,
                  (ptrdiff_t) w->in[1] * LANES, w->in_step, v);
      continue;
    }
    edge (w, from, y, x, m + 2, square);
    input_tile (m, square, (m + 2) * LANES, w->in_step, v);
  }
}

INLINE void
output_any (int m, const ReidWinograd *w, int block, int first, int n,
            const float *products, const float *residual, float *out)
{
  ptrdiff_t plane = (ptrdiff_t) w->out[0] * w->out[1] * LANES;
  int blocks = blocks_of (w->out_channels);
  V bias = V_LOAD (w->bias + (ptrdiff_t) block * LANES);
  Place p = place (w, first);
  for (int k = 0; k < n; k++, products += LANES, advance (w, &p)) {
    V t[4][MOST];
    UNROLL
    for (int j = 0; j < m + 2; j++) {
      V c[MOST], y[4];
      UNROLL
      for (int i = 0; i < m + 2; i++)
        c[i] = V_LOAD (products + (i * (m + 2) + j) * w->out_step);
      output_line (m, c, y);
      UNROLL
      for (int i = 0; i < m; i++)
        t[i][j] = y[i];
    }
    int rows = w->out[0] - p.y * m, columns = w->out[1] - p.x * m;
    ptrdiff_t at = ((ptrdiff_t) p.picture * blocks + block) * plane
                   + ((ptrdiff_t) p.y * m * w->out[1] + p.x * m) * LANES;
    UNROLL
    for (int i = 0; i < m; i++, at += (ptrdiff_t) w->out[1] * LANES) {
      V y[4];
      if (i >= rows)
        break;
      output_line (m, t[i], y);
      UNROLL
      for (int j = 0; j < m; j++) {
        if (j >= columns)
          break;
        V v = V_ADD (y[j], bias);
        if (residual)
          v = V_ADD (v, V_LOAD (residual + at + j * LANES));
        finish (&v, 1, &w->end, block);
        V_STORE (out + at + j * LANES, v);
      }
    }
  }
}

static void
input2 (const ReidWinograd *w, int block, int first, int n, const float *in,
        float *v)
{
  input_any (2, w, block, first, n, in, v);
}

static void
input4 (const ReidWinograd *w, int block, int first, int n, const float *in,
        float *v)
{
  input_any (4, w, block, first, n, in, v);
}

static void
output2 (const ReidWinograd *w, int block, int first, int n, const float *m,
         const float *residual, float *out)
{
  output_any (2, w, block, first, n, m, residual, out);
}

static void
output4 (const ReidWinograd *w, int block, int first, int n, const float *m,
         const float *residual, float *out)
{
  output_any (4, w, block, first, n, m, residual, out);
}

const ReidWinogradKernels NAME = { { input2, input4 }, { output2, output4 } };
