/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <math.h>

static int64_t
least (int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static int64_t
most (int64_t a, int64_t b)
{
  return a > b ? a : b;
}

static float
window (const ReidNode *node, const float *x, int64_t h, int64_t w, int64_t y,
        int64_t col)
{
  const ReidPool *p = &node->u.pool;
  int64_t y0 = y * p->stride[0] - p->pad[0],
          x0 = col * p->stride[1] - p->pad[1],
          y1 = least (y0 + p->kernel[0], h + p->pad[2]),
          x1 = least (x0 + p->kernel[1], w + p->pad[3]);
  /* With the pads counted, a window is cut where they end, not before. */
  int64_t cells = (y1 - y0) * (x1 - x0);
  float top = -INFINITY;
  double sum = 0;

  y0 = most (y0, 0);
  x0 = most (x0, 0);
  y1 = least (y1, h);
  x1 = least (x1, w);
  if (!p->count_include_pad)
    cells = (y1 - y0) * (x1 - x0);
  for (int64_t i = y0; i < y1; i++)
    for (int64_t j = x0; j < x1; j++) {
      float v = x[i * w + j];
      top = v > top ? v : top;
      sum += v;
    }
  return node->op == REID_OP_MAX_POOL ? top : (float) (sum / (double) cells);
}

void
reid_ref_pool (const ReidNode *node, const float *x, const ReidShape *shape,
               float *out, const ReidShape *out_shape)
{
  int64_t planes = shape->dims[0] * shape->dims[1], h = shape->dims[2],
          w = shape->dims[3], oh = out_shape->dims[2], ow = out_shape->dims[3];

  for (int64_t p = 0; p < planes; p++, x += h * w)
    if (node->op == REID_OP_GLOBAL_AVERAGE_POOL) {
      double sum = 0;
      for (int64_t i = 0; i < h * w; i++)
        sum += x[i];
      *out++ = (float) (sum / (double) (h * w));
    } else {
      for (int64_t y = 0; y < oh; y++)
        for (int64_t col = 0; col < ow; col++)
          *out++ = window (node, x, h, w, y, col);
    }
}
