/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <string.h>

/* A constant that a file for one picture puts beside it (the class token of a
 * transformer) goes beside every picture. */
static bool
spread_over_batch (ReidBuilder *b, ReidNode *node)
{
  ReidInt batch[REID_MAX_RANK] = { { 0, REID_SYMBOL_BATCH } };
  bool computed = false;

  for (int i = 0; i < node->n_in; i++) {
    const ReidBuildValue *v = &b->values[node->in[i]];
    computed = computed
               || (v->computed && v->shape.rank > 0
                   && v->shape.dims[0] == REID_SYMBOL_BATCH);
  }
  for (int i = 1; i < REID_MAX_RANK; i++)
    batch[i].v = 1;
  for (int i = 0; i < node->n_in && computed && node->u.axis.axis != 0; i++) {
    const ReidBuildValue *v = &b->values[node->in[i]];
    if (!v->data || v->shape.rank == 0 || v->shape.dims[0] != 1)
      continue;
    int made = reid_value_add (b, (ReidBytes){ NULL, 0 });
    if (made < 0)
      return false;
    b->values[made].uses = 1;
    if (!reid_emit_spread (b, node->in[i], batch, v->shape.rank, made))
      return false;
    node->in[i] = made;
  }
  return true;
}

static bool
concat (ReidBuilder *b)
{
  int n = b->at->n_in;
  ReidNode *node = n > 0 ? reid_node_new (b, REID_OP_CONCAT, n) : NULL;

  if (n == 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "has no input");
  if (!node)
    return false;
  for (int i = 0; i < n; i++)
    if (!reid_need (b, i, &node->in[i]))
      return false;
  if (n == 1)
    return reid_emit_identity (b, node->in[0]);
  if (!reid_axis (b, reid_attr_int (b, "axis", 1),
                  b->values[node->in[0]].shape.rank, &node->u.axis.axis))
    return false;
  if (b->batch_from_one && !spread_over_batch (b, node))
    return false;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static ReidNode *
slice_node (ReidBuilder *b, int x)
{
  ReidNode *node = reid_node_new (b, REID_OP_SLICE, 1);

  if (!node)
    return NULL;
  node->in[0] = x;
  for (int i = 0; i < REID_MAX_RANK; i++) {
    node->u.slice.end[i] = INT64_MAX;
    node->u.slice.step[i] = 1;
  }
  return node;
}

static bool
slice (ReidBuilder *b)
{
  int64_t starts[REID_MAX_RANK], ends[REID_MAX_RANK], axes[REID_MAX_RANK],
      steps[REID_MAX_RANK];
  bool old = b->opset < 10;
  int x, n, n_ends, n_axes, n_steps = -1, axis, seen = 0;

  if (!reid_need (b, 0, &x)
      || !reid_ints_input (b, 1, old ? "starts" : NULL, starts, REID_MAX_RANK,
                           &n)
      || !reid_ints_input (b, 2, old ? "ends" : NULL, ends, REID_MAX_RANK,
                           &n_ends)
      || !reid_ints_input (b, 3, old ? "axes" : NULL, axes, REID_MAX_RANK,
                           &n_axes)
      || !reid_ints_input (b, 4, NULL, steps, REID_MAX_RANK, &n_steps))
    return false;
  if (n < 0 || n != n_ends || (n_axes >= 0 && n_axes != n)
      || (n_steps >= 0 && n_steps != n))
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "its starts, ends, axes and steps differ in "
                            "number");
  const ReidShape shape = b->values[x].shape;
  ReidNode *node = slice_node (b, x);
  if (!node)
    return false;
  for (int i = 0; i < n; i++) {
    int64_t step = n_steps >= 0 ? steps[i] : 1;
    if (!reid_axis (b, n_axes >= 0 ? axes[i] : i, shape.rank, &axis))
      return false;
    if (seen & 1 << axis || step == 0 || step < -INT32_MAX || step > INT32_MAX)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "an axis stands twice or a step is 0 or too "
                              "large");
    seen |= 1 << axis;
    /* Exporters write some large number for "to the end". */
    if (step > 0
        && (ends[i] >= INT32_MAX
            || (shape.dims[axis] >= 0 && ends[i] >= shape.dims[axis])))
      ends[i] = INT64_MAX;
    node->u.slice.start[axis] = starts[i];
    node->u.slice.end[axis] = ends[i];
    node->u.slice.step[axis] = step;
  }
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static bool
split (ReidBuilder *b)
{
  int64_t sizes[64], at = 0;
  int x, n, axis;

  if (!reid_need (b, 0, &x)
      || !reid_ints_input (b, 1, b->opset < 13 ? "split" : NULL, sizes, 64, &n)
      || !reid_axis (b, reid_attr_int (b, "axis", 0), b->values[x].shape.rank,
                     &axis))
    return false;
  int64_t all = b->values[x].shape.dims[axis], parts = b->at->n_out;
  if (n < 0) {
    if (all < 0 || parts > 64)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "splits a free size, or into more than 64 "
                              "parts");
    int64_t each = (all + parts - 1) / parts;
    for (n = 0; n < parts; n++)
      sizes[n] = n + 1 < parts ? each : all - each * (parts - 1);
  }
  if (n != parts)
    return reid_build_fail (b, REID_ERROR_FORMAT, "%d sizes for %lld outputs",
                            n, (long long) parts);
  b->values[x].uses += n - 1;
  for (int i = 0; i < n; i++) {
    ReidNode *node = slice_node (b, x);
    if (!node)
      return false;
    if (sizes[i] <= 0 || sizes[i] > REID_MAX_COUNT
        || (all >= 0 && at + sizes[i] > all))
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "its sizes do not add up to the input's");
    node->u.slice.start[axis] = at;
    node->u.slice.end[axis] = at += sizes[i];
    node->out = reid_output (b, i);
    if (node->out >= 0 && !reid_emit (b, node))
      return false;
  }
  return all < 0 || at == all
         || reid_build_fail (b, REID_ERROR_FORMAT,
                             "its sizes do not add up to the input's");
}

static bool
pad (ReidBuilder *b)
{
  int64_t pads[2 * REID_MAX_RANK], axes[REID_MAX_RANK];
  bool old = b->opset < 11, present;
  float value = old ? reid_attr_float (b, "value", 0) : 0;
  int x, n, n_axes, axis;

  if (!reid_need (b, 0, &x)
      || !reid_ints_input (b, 1, old ? "pads" : NULL, pads, 2 * REID_MAX_RANK,
                           &n)
      || (!old && !reid_scalar_input (b, 2, &value, &present))
      || !reid_ints_input (b, 3, NULL, axes, REID_MAX_RANK, &n_axes))
    return false;
  if (!reid_attr_is (b, "mode", "constant", true))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only padding with a constant is supported");
  int rank = b->values[x].shape.rank;
  if (n_axes < 0) {
    for (n_axes = 0; n_axes < rank; n_axes++)
      axes[n_axes] = n_axes;
  }
  if (n != 2 * n_axes || !isfinite (value))
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "its pads do not fit the input, or its value is "
                            "no number");
  ReidNode *node = reid_node_new (b, REID_OP_PAD, 1);
  if (!node)
    return false;
  for (int i = 0; i < n_axes; i++) {
    int64_t before = pads[i], after = pads[n_axes + i];
    if (!reid_axis (b, axes[i], rank, &axis))
      return false;
    if (before < 0 || after < 0)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "negative pads are not supported; export them "
                              "as a slice");
    if (before > REID_MAX_COUNT || after > REID_MAX_COUNT)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its pads are too large");
    node->u.pad.before[axis] = before;
    node->u.pad.after[axis] = after;
  }
  node->u.pad.value = value;
  node->in[0] = x;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static bool
transpose (ReidBuilder *b)
{
  int64_t perm[REID_MAX_RANK];
  int x, n, seen = 0;

  if (!reid_need (b, 0, &x)
      || !reid_attr_ints (b, "perm", perm, REID_MAX_RANK, &n))
    return false;
  int rank = b->values[x].shape.rank;
  ReidNode *node = reid_node_new (b, REID_OP_TRANSPOSE, 1);
  if (!node)
    return false;
  if (n >= 0 && n != rank)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "its permutation does not fit the input");
  for (int i = 0; i < rank; i++) {
    int64_t p = n < 0 ? rank - 1 - i : perm[i];
    if (p < 0 || p >= rank || seen & 1 << p)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its permutation is none");
    seen |= 1 << p;
    node->u.perm.perm[i] = (int) p;
  }
  node->in[0] = x;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

/* Of sizes of which one is left open and one is free, but not one of x's: what
 * the open one comes to, when that is certain; else -1. */
static int64_t
open_size (const ReidBuilder *b, const ReidShape *shape, const ReidInt *to,
           int rank)
{
  ReidProduct all = REID_PRODUCT_ONE, rest = REID_PRODUCT_ONE;
  bool known = true;

  for (int i = 0; i < shape->rank && known; i++)
    known = reid_product_multiply (&all, b->symbols, shape->dims[i]);
  for (int i = 0; i < rank && known; i++)
    if (to[i].sym || to[i].v != -1)
      known = (to[i].sym || to[i].v > 0)
              && reid_product_multiply (&rest, b->symbols,
                                        to[i].sym ? to[i].sym : to[i].v);
  if (!known || all.literal < 1 || rest.literal < 1
      || all.literal % rest.literal)
    return -1;
  int64_t open = all.literal / rest.literal;
  all.literal = rest.literal;
  return reid_product_equal (&all, &rest) ? open : -1;
}

/* Where x has the free size that is to stand at axis i; else its rank. */
static int
own_axis (const ReidShape *shape, int i, int64_t sym)
{
  if (i < shape->rank && shape->dims[i] == sym)
    return i;
  for (i = 0; i < shape->rank; i++)
    if (shape->dims[i] == sym)
      break;
  return i;
}

/* Reshapes x to sizes that are literals, -1 for what is left, or free sizes,
 * which must be x's own. */
static bool
reshape_to (ReidBuilder *b, int x, const ReidInt *to, int rank)
{
  ReidNode *node = reid_node_new (b, REID_OP_RESHAPE, 1);
  const ReidShape shape = b->values[x].shape;
  bool open = false, foreign = false;
  int64_t left = -1;

  if (!node)
    return false;
  node->u.reshape.rank = rank;
  for (int i = 0; i < rank; i++)
    if (to[i].sym)
      foreign = foreign || own_axis (&shape, i, to[i].sym) == shape.rank;
    else
      open = open || to[i].v == -1;
  if (open && foreign) {
    left = open_size (b, &shape, to, rank);
    open = left < 0;
  }
  for (int i = 0; i < rank; i++) {
    int64_t *d = &node->u.reshape.dims[i];
    if (!to[i].sym) {
      *d = to[i].v == -1 ? left : to[i].v;
      if (*d < -1 || *d == 0 || *d > REID_MAX_COUNT)
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "cannot be reshaped to a size of %lld",
                                (long long) *d);
      /* A file made for one picture: each picture keeps its own row. */
      if (i == 0 && to[i].v == 1 && b->batch_from_one && shape.rank > 0
          && shape.dims[0] == REID_SYMBOL_BATCH)
        *d = REID_DIM_BATCH;
      continue;
    }
    int from = own_axis (&shape, i, to[i].sym);
    if (from < shape.rank) {
      *d = from == 0 ? REID_DIM_BATCH : REID_DIM_COPY (from);
    } else if (!open) {
      *d = -1;
      open = true;
    } else {
      return reid_fuse_groups (b, x, to, rank, reid_output (b, 0))
             || reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                 "its shape depends on the picture's size in "
                                 "a way that is not supported; export with a "
                                 "fixed size");
    }
  }
  node->in[0] = x;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static ReidInt
size_of (const ReidShape *shape, int i)
{
  ReidInt n = { shape->dims[i], 0 };
  if (n.v < 0) {
    n.sym = n.v;
    n.v = 0;
  }
  return n;
}

static bool
reshape (ReidBuilder *b)
{
  ReidInt to[REID_MAX_RANK];
  int x, s;

  if (!reid_need (b, 0, &x) || !reid_need (b, 1, &s))
    return false;
  const ReidBuildValue *v = &b->values[s];
  int64_t rank = reid_shape_count (&v->shape);
  if (!v->ints)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its shape must be constant or made from shapes");
  if (rank > REID_MAX_RANK || v->shape.rank > 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "more than %d dimensions", REID_MAX_RANK);
  bool zero = reid_attr_int (b, "allowzero", 0) != 0;
  for (int i = 0; i < rank; i++) {
    to[i] = v->ints[i];
    if (!to[i].sym && to[i].v == 0 && !zero) {
      if (i >= b->values[x].shape.rank)
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "copies a size that the input does not have");
      to[i] = size_of (&b->values[x].shape, i);
    }
  }
  return reshape_to (b, x, to, (int) rank);
}

static bool
flatten (ReidBuilder *b)
{
  ReidInt to[2] = { { 1, 0 }, { 1, 0 } };
  int64_t axis = reid_attr_int (b, "axis", 1), n = 1;
  int x;

  if (!reid_need (b, 0, &x))
    return false;
  const ReidShape shape = b->values[x].shape;
  if (axis < -shape.rank || axis > shape.rank)
    return reid_build_fail (b, REID_ERROR_FORMAT, "axis %lld is outside",
                            (long long) axis);
  axis += axis < 0 ? shape.rank : 0;
  to[1].v = -1;
  if (axis == 1) {
    to[0] = size_of (&shape, 0);
  } else {
    /* The side whose sizes are known is given, the other is what is left. */
    bool known = true;
    for (int i = 0; i < axis; i++)
      known = known && shape.dims[i] > 0
              && !__builtin_mul_overflow (n, shape.dims[i], &n);
    to[0].v = n;
    if (!known) {
      n = 1;
      for (int i = (int) axis; i < shape.rank; i++)
        if (shape.dims[i] <= 0 || __builtin_mul_overflow (n, shape.dims[i], &n))
          return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                  "both sides depend on the picture's size");
      to[0].v = -1;
      to[1].v = n;
    }
  }
  return reshape_to (b, x, to, 2);
}

static bool
squeeze (ReidBuilder *b)
{
  int64_t axes[REID_MAX_RANK];
  ReidInt to[REID_MAX_RANK];
  bool drop[REID_MAX_RANK] = { false };
  int x, n, axis, rank = 0;

  if (!reid_need (b, 0, &x)
      || !reid_ints_input (b, 1, b->opset < 13 ? "axes" : NULL, axes,
                           REID_MAX_RANK, &n))
    return false;
  const ReidShape shape = b->values[x].shape;
  for (int i = 0; i < n; i++) {
    if (!reid_axis (b, axes[i], shape.rank, &axis))
      return false;
    if (shape.dims[axis] > 1)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "axis %d has %lld entries, not 1", axis,
                              (long long) shape.dims[axis]);
    drop[axis] = true;
  }
  for (int i = 0; i < shape.rank; i++)
    if (n < 0 ? shape.dims[i] != 1 : !drop[i])
      to[rank++] = size_of (&shape, i);
  return reshape_to (b, x, to, rank);
}

static bool
unsqueeze (ReidBuilder *b)
{
  int64_t axes[REID_MAX_RANK];
  ReidInt to[REID_MAX_RANK];
  bool fresh[REID_MAX_RANK] = { false };
  int x, n, axis, from = 0;

  if (!reid_need (b, 0, &x)
      || !reid_ints_input (b, 1, b->opset < 13 ? "axes" : NULL, axes,
                           REID_MAX_RANK, &n))
    return false;
  const ReidShape shape = b->values[x].shape;
  int rank = shape.rank + (n > 0 ? n : 0);
  if (n < 0 || rank > REID_MAX_RANK)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "it has no axes, or too many");
  for (int i = 0; i < n; i++) {
    if (!reid_axis (b, axes[i], rank, &axis))
      return false;
    if (fresh[axis])
      return reid_build_fail (b, REID_ERROR_FORMAT, "an axis stands twice");
    fresh[axis] = true;
  }
  for (int i = 0; i < rank; i++)
    to[i] = fresh[i] ? (ReidInt){ 1, 0 } : size_of (&shape, from++);
  return reshape_to (b, x, to, rank);
}

const ReidTranslator reid_translate_move[] = {
  { "Concat", concat },       { "Slice", slice },
  { "Split", split },         { "Pad", pad },
  { "Transpose", transpose }, { "Reshape", reshape },
  { "Flatten", flatten },     { "Squeeze", squeeze },
  { "Unsqueeze", unsqueeze }, { NULL, NULL }
};
