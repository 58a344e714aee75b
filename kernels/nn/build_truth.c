/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <string.h>

/* What is counted in a mask: of constants only. */

static bool
negate_one (ReidBuilder *b)
{
  int x, out = reid_output (b, 0);

  if (!reid_need (b, 0, &x))
    return false;
  const ReidShape shape = b->values[x].shape;
  if (!b->values[x].ints)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only constants can be negated");
  if (!reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = 0; i < reid_shape_count (&shape); i++) {
    ReidInt n = b->values[x].ints[i];
    b->values[out].ints[i].v = !(n.sym || n.v != 0);
  }
  return true;
}

static bool
negate (ReidBuilder *b)
{
  return reid_translate_one (b, negate_one);
}

/* out[k] along one axis: the sum of the first k + 1, or without the last of
 * them; counted from the end where `step` is negative. */
static void
sum_line (const float *x, float *out, int64_t n, int64_t step, bool exclusive)
{
  double sum = 0;

  for (int64_t k = 0; k < n; k++) {
    double next = sum + x[k * step];
    out[k * step] = (float) (exclusive ? sum : next);
    sum = next;
  }
}

static bool
sum_up (ReidBuilder *b)
{
  bool exclusive = reid_attr_int (b, "exclusive", 0) != 0,
       reverse = reid_attr_int (b, "reverse", 0) != 0;
  int64_t number, outer = 1, inner = 1;
  int x, n, axis, out = reid_output (b, 0);

  if (!reid_need (b, 0, &x) || !reid_ints_input (b, 1, NULL, &number, 1, &n))
    return false;
  const ReidShape shape = b->values[x].shape;
  if (!b->values[x].data || n != 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only constants can be summed up, along one axis");
  if (!reid_axis (b, number, shape.rank, &axis))
    return false;
  int made = reid_value_constant (b, &shape);
  if (made < 0)
    return false;
  float *data = b->values[made].data;
  b->values[made].data = NULL;
  reid_value_set_float (b, out, &shape, data);
  int64_t length = shape.dims[axis];
  for (int i = 0; i < shape.rank; i++)
    if (i < axis)
      outer *= shape.dims[i];
    else if (i > axis)
      inner *= shape.dims[i];
  for (int64_t o = 0; o < outer && length > 0; o++)
    for (int64_t i = 0; i < inner; i++) {
      int64_t at = o * length * inner + i;
      at += reverse ? (length - 1) * inner : 0;
      sum_line (b->values[x].data + at, data + at, length,
                reverse ? -inner : inner, exclusive);
    }
  return true;
}

static bool
cum_sum (ReidBuilder *b)
{
  int64_t axis;
  int n, x = reid_input (b, 0);

  /* Along the batch each picture has another sum. */
  if (x >= 0 && b->values[x].computed
      && reid_ints_input (b, 1, NULL, &axis, 1, &n) && n == 1
      && (axis == 0 || axis == -b->values[x].shape.rank))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "mixes the pictures of a batch");
  return reid_translate_one (b, sum_up);
}

const ReidTranslator reid_translate_truth[] = { { "Not", negate },
                                                { "CumSum", cum_sum },
                                                { NULL, NULL } };
