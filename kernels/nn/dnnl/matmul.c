/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/matmul.h"

#include "nn/dnnl/product.h"

#include <string.h>

size_t
reid_matmul_scratch (const ReidRows *rows, const ReidShape *a,
                     const ReidShape *b)
{
  size_t n = reid_rows_padded (rows, b->dims[b->rank - 1]),
         k = (size_t) a->dims[a->rank - 1], m = (size_t) a->dims[a->rank - 2];
  return n * (k + 1)
         + reid_product_scratch (rows, (int64_t) m, (int64_t) k,
                                 b->dims[b->rank - 1]);
}

/* As reid_rows_pack_point() does, of weights that lie the other way. */
static void
pack (const ReidRows *rows, int n, int taps, const float *b, float *packed)
{
  int lanes = rows->lanes, blocks = (int) (reid_rows_padded (rows, n) / lanes);
  for (int g = 0, block = 0, nb; block < blocks; g++, block += nb) {
    nb = reid_rows_group (rows, blocks, g);
    int first = block * lanes, wide = nb * lanes;
    int used = n - first < wide ? n - first : wide;
    for (int t = 0; t < taps; t++, packed += wide) {
      memcpy (packed, b + (size_t) t * n + first, used * sizeof *packed);
      memset (packed + used, 0, (wide - used) * sizeof *packed);
    }
  }
}

/* Where matrix t of the result finds the one that it is made of. */
static int64_t
place (const ReidShape *x, const ReidShape *out, int64_t t)
{
  int64_t at = 0, step = x->dims[x->rank - 1] * x->dims[x->rank - 2];
  for (int i = out->rank - 3; i >= 0; i--) {
    int64_t here = t % out->dims[i];
    int from = i - (out->rank - x->rank);
    t /= out->dims[i];
    if (from < 0)
      continue;
    at += x->dims[from] == 1 ? 0 : here * step;
    step *= x->dims[from];
  }
  return at;
}

void
reid_matmul (const ReidRows *rows, const ReidShape *in,
             const ReidShape *out_shape, const float *a, const float *b,
             float *out, float *scratch)
{
  int rank = out_shape->rank, k = (int) in[0].dims[in[0].rank - 1];
  int64_t m = out_shape->dims[rank - 2], n = out_shape->dims[rank - 1],
          wide = (int64_t) reid_rows_padded (rows, n), matrices = 1,
          packed = -1;
  float *weight = scratch, *bias = weight + wide * k;
  ReidRowsPoint point = { .taps = k,
                          .segment = k,
                          .blocks = (int) (wide / rows->lanes),
                          .weight = weight,
                          .bias = bias,
                          .end = { REID_ROWS_LINEAR, 0, 0, NULL } };

  memset (bias, 0, wide * sizeof *bias);
  for (int i = 0; i < rank - 2; i++)
    matrices *= out_shape->dims[i];
  for (int64_t t = 0; t < matrices; t++, out += m * n) {
    int64_t from = place (&in[1], out_shape, t);
    if (from != packed)
      pack (rows, (int) n, k, b + from, weight);
    packed = from;
    reid_product_run (rows, &point, 1, a + place (&in[0], out_shape, t), m, n,
                      out, bias + wide);
  }
}
