/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <math.h>
#include <string.h>

void
reid_ref_concat (const ReidNode *node, const float *const *in,
                 const ReidShape *shapes, float *out)
{
  int axis = node->u.axis.axis;
  int64_t outer = 1;

  for (int i = 0; i < axis; i++)
    outer *= shapes[0].dims[i];
  for (int64_t o = 0; o < outer; o++)
    for (int k = 0; k < node->n_in; k++) {
      size_t n = (size_t) (reid_shape_count (&shapes[k]) / outer);
      memcpy (out, in[k] + (size_t) o * n, n * sizeof *out);
      out += n;
    }
}

/* Axes that lie behind each other in x as they do in the result are gone along
 * as one, and axes of one element not at all. Their number, of 1 at least. */
static int
merge_axes (const ReidShape *shape, const int64_t *step, int64_t *size,
            int64_t *by)
{
  int n = 0;

  size[0] = by[0] = 1;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dims[i] == 1)
      continue;
    if (n > 0 && by[n - 1] == step[i] * shape->dims[i]) {
      size[n - 1] *= shape->dims[i];
      by[n - 1] = step[i];
    } else {
      size[n] = shape->dims[i];
      by[n++] = step[i];
    }
  }
  return n > 0 ? n : 1;
}

/* Reads x along steps: element (i0, i1, ...) of the result is
 * x[base + i0 * step[0] + ...]. */
static void
walk (const float *x, int64_t base, const int64_t *step, float *out,
      const ReidShape *shape)
{
  int64_t at[REID_MAX_RANK] = { 0 }, size[REID_MAX_RANK], by[REID_MAX_RANK];
  int last = merge_axes (shape, step, size, by) - 1;
  const float *end = out + reid_shape_count (shape);

  for (; out < end; out += size[last]) {
    if (by[last] == 1)
      memcpy (out, x + base, (size_t) size[last] * sizeof *out);
    else
      for (int64_t i = 0; i < size[last]; i++)
        out[i] = x[base + i * by[last]];
    for (int i = last - 1; i >= 0; i--) {
      base += by[i];
      if (++at[i] < size[i])
        break;
      at[i] = 0;
      base -= by[i] * size[i];
    }
  }
}

static void
dense_steps (const ReidShape *shape, int64_t *step)
{
  int64_t n = 1;
  for (int i = shape->rank - 1; i >= 0; i--) {
    step[i] = n;
    n *= shape->dims[i];
  }
}

void
reid_ref_slice (const ReidSlice *slice, const float *x, const ReidShape *shape,
                float *out, const ReidShape *out_shape)
{
  int64_t step[REID_MAX_RANK], base = 0, start, count;

  dense_steps (shape, step);
  for (int i = 0; i < shape->rank; i++) {
    reid_slice_range (slice, i, shape->dims[i], &start, &count);
    base += start * step[i];
    step[i] *= count > 1 ? slice->step[i] : 0;
  }
  walk (x, base, step, out, out_shape);
}

void
reid_ref_transpose (const ReidPerm *perm, const float *x,
                    const ReidShape *shape, float *out,
                    const ReidShape *out_shape)
{
  int64_t step[REID_MAX_RANK], turned[REID_MAX_RANK] = { 0 };

  dense_steps (shape, step);
  for (int i = 0; i < shape->rank; i++)
    turned[i] = step[perm->perm[i]];
  walk (x, 0, turned, out, out_shape);
}

void
reid_ref_expand (const float *x, const ReidShape *shape, float *out,
                 const ReidShape *out_shape)
{
  int64_t step[REID_MAX_RANK], stride = 1;

  for (int i = out_shape->rank - 1; i >= 0; i--) {
    int from = i - (out_shape->rank - shape->rank);
    int64_t size = from < 0 ? 1 : shape->dims[from];
    step[i] = size == 1 ? 0 : stride;
    stride *= size;
  }
  walk (x, 0, step, out, out_shape);
}

void
reid_ref_pad (const ReidPad *pad, const float *x, const ReidShape *shape,
              float *out, const ReidShape *out_shape)
{
  int64_t step[REID_MAX_RANK], at[REID_MAX_RANK] = { 0 },
                               n = reid_shape_count (out_shape), base = 0,
                               inside = 0;
  int64_t all = reid_shape_count (shape);

  for (int64_t i = 0; i < n; i++)
    out[i] = pad->value;
  dense_steps (out_shape, step);
  for (int i = 0; i < shape->rank; i++)
    base += pad->before[i] * step[i];
  for (; inside < all; inside++) {
    out[base] = x[inside];
    for (int i = shape->rank - 1; i >= 0; i--) {
      base += step[i];
      if (++at[i] < shape->dims[i])
        break;
      at[i] = 0;
      base -= step[i] * shape->dims[i];
    }
  }
}

/* Where pixel i of n lies among `in` pixels, and how far towards the next. */
static void
source (const ReidResize *r, int axis, int64_t i, int64_t in, int64_t n,
        int64_t *low, int64_t *high, float *part)
{
  /* Real arithmetic is f32, as the exporters' own engines have it. */
  float scale = r->scale[axis] == 0 ? (float) n / (float) in
                                    : (float) r->scale[axis],
        at = (float) i;
  bool linear = true;

  switch (r->kind) {
    case REID_RESIZE_NEAREST_ASYMMETRIC_FLOOR:
      at = floorf (at / scale);
      linear = false;
      break;
    case REID_RESIZE_NEAREST:
      /* halves go down */
      at = ceilf ((at + 0.5f) / scale - 0.5f - 0.5f);
      linear = false;
      break;
    case REID_RESIZE_LINEAR_HALF_PIXEL:
      at = (at + 0.5f) / scale - 0.5f;
      break;
    case REID_RESIZE_LINEAR_ASYMMETRIC:
      at = at / scale;
      break;
    case REID_RESIZE_LINEAR_ALIGN_CORNERS:
      at = n > 1 ? at * (float) (in - 1) / (float) (n - 1) : 0;
      break;
  }
  at = at < 0 ? 0 : at > (float) (in - 1) ? (float) (in - 1) : at;
  *low = (int64_t) at;
  *high = *low + 1 < in ? *low + 1 : *low;
  *part = linear ? at - (float) *low : 0;
}

void
reid_ref_resize (const ReidResize *r, const float *x, const ReidShape *shape,
                 float *out, const ReidShape *out_shape)
{
  int64_t planes = shape->dims[0] * shape->dims[1], h = shape->dims[2],
          w = shape->dims[3], oh = out_shape->dims[2], ow = out_shape->dims[3];

  for (int64_t p = 0; p < planes; p++, x += h * w)
    for (int64_t i = 0; i < oh; i++) {
      int64_t y0, y1, x0, x1;
      float fy, fx;
      source (r, 0, i, h, oh, &y0, &y1, &fy);
      for (int64_t j = 0; j < ow; j++) {
        source (r, 1, j, w, ow, &x0, &x1, &fx);
        float top = x[y0 * w + x0] * (1 - fx) + x[y0 * w + x1] * fx,
              low = x[y1 * w + x0] * (1 - fx) + x[y1 * w + x1] * fx;
        *out++ = r->kind <= REID_RESIZE_NEAREST ? x[y0 * w + x0]
                                                : top * (1 - fy) + low * fy;
      }
    }
}
