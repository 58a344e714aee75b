/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pieces that one Gather may be taken apart into. */
#define MAX_RUNS 64

static bool
constant (ReidBuilder *b)
{
  const ReidOnnxAttribute *a;
  int out = reid_output (b, 0);
  ReidShape shape = { 0 };

  if ((a = reid_onnx_attribute (b->at, "value")) && a->has_t) {
    ReidOnnxTensor *t = reid_arena_alloc (b->arena, 1, sizeof *t);
    if (!t)
      return reid_build_no_memory (b);
    if (!reid_onnx_tensor (t, a->t))
      return reid_build_fail (b, REID_ERROR_FORMAT, "its tensor is damaged");
    b->values[out].tensor = t;
    b->values[out].known = true;
    return true;
  }
  if ((a = reid_onnx_attribute (b->at, "value_float"))
      || (a = reid_onnx_attribute (b->at, "value_floats"))) {
    bool one = reid_bytes_equal (a->name, "value_float");
    int n = one ? 1 : reid_onnx_attribute_floats (a, NULL, 0);
    if (n < 0 || n > REID_MAX_INTS)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its value is damaged");
    shape.rank = !one;
    shape.dims[0] = n;
    int made = reid_value_constant (b, &shape);
    if (made < 0)
      return false;
    float *data = b->values[made].data;
    b->values[made].data = NULL;
    if (one)
      data[0] = a->f;
    else
      reid_onnx_attribute_floats (a, data, n);
    reid_value_set_float (b, out, &shape, data);
    return true;
  }
  if ((a = reid_onnx_attribute (b->at, "value_int"))
      || (a = reid_onnx_attribute (b->at, "value_ints"))) {
    int64_t v[64];
    bool one = reid_bytes_equal (a->name, "value_int");
    int n = one ? 1 : reid_onnx_attribute_ints (a, v, 64);
    if (n < 0 || n > 64)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "its value is damaged or longer than 64");
    if (one)
      v[0] = a->i;
    shape.rank = !one;
    shape.dims[0] = n;
    if (!reid_value_ints (b, out, &shape))
      return false;
    for (int i = 0; i < n; i++)
      b->values[out].ints[i].v = v[i];
    return true;
  }
  return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                          "it holds no tensor of numbers");
}

static bool
shape_of (ReidBuilder *b)
{
  int x, out = reid_output (b, 0);

  if (!reid_need (b, 0, &x))
    return false;
  const ReidShape in = b->values[x].shape;
  int64_t start = reid_attr_int (b, "start", 0),
          end = reid_attr_int (b, "end", in.rank);
  start += start < 0 ? in.rank : 0;
  end += end < 0 ? in.rank : 0;
  start = start < 0 ? 0 : start;
  end = end > in.rank ? in.rank : end;
  ReidShape shape = { 1, { end > start ? end - start : 0 } };
  if (!reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = start; i < end; i++) {
    ReidInt *to = &b->values[out].ints[i - start];
    if (in.dims[i] < 0)
      to->sym = in.dims[i];
    else
      to->v = in.dims[i];
  }
  return true;
}

static bool
size_of (ReidBuilder *b)
{
  int x, out = reid_output (b, 0);
  ReidShape scalar = { 0 };

  if (!reid_need (b, 0, &x))
    return false;
  int64_t n = reid_shape_count (&b->values[x].shape);
  if (n < 0)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "the number of elements is not fixed");
  if (!reid_value_ints (b, out, &scalar))
    return false;
  b->values[out].ints[0].v = n;
  return true;
}

/* Takes along one axis of a constant, one index a row of `inner` elements. */
static bool
gather_constant (ReidBuilder *b, int x, int axis, const int64_t *index,
                 int64_t n, const ReidShape *shape)
{
  const ReidShape in = b->values[x].shape;
  int64_t outer = 1, inner = 1;
  int out = reid_output (b, 0), made = -1;

  if (b->values[x].ints) {
    if (!reid_value_ints (b, out, shape))
      return false;
  } else {
    made = reid_value_constant (b, shape);
    if (made < 0)
      return false;
    reid_value_set_float (b, out, shape, b->values[made].data);
    b->values[made].data = NULL;
  }
  /* Of no elements the other dimensions may be as large as they like. */
  if (reid_shape_count (shape) == 0)
    return true;
  for (int i = 0; i < in.rank; i++)
    if (i < axis)
      outer *= in.dims[i];
    else if (i > axis)
      inner *= in.dims[i];
  for (int64_t o = 0; o < outer; o++)
    for (int64_t k = 0; k < n; k++) {
      int64_t from = (o * in.dims[axis] + index[k]) * inner,
              to = (o * n + k) * inner;
      if (made >= 0)
        memcpy (b->values[out].data + to, b->values[x].data + from,
                (size_t) inner * sizeof (float));
      else
        memcpy (b->values[out].ints + to, b->values[x].ints + from,
                (size_t) inner * sizeof (ReidInt));
    }
  return true;
}

/* How many of these indices, from the first on, are evenly spaced. */
static int
run_length (const int64_t *index, int n)
{
  int run = n < 2 ? n : 2;

  if (n > 1 && index[1] == index[0])
    return 1;
  while (run < n && index[run] - index[run - 1] == index[1] - index[0])
    run++;
  return run;
}

/* Of computed values, evenly spaced indices are a slice, and others several
 * that are put together. */
static bool
gather_computed (ReidBuilder *b, int x, int axis, const int64_t *index, int n,
                 const ReidShape *by)
{
  ReidNode *parts = reid_node_new (b, REID_OP_CONCAT, MAX_RUNS), *cut, *shape;
  int out = by->rank == 1 ? reid_output (b, 0) : -1, at = 0, n_parts = 0,
      rank = b->values[x].shape.rank, last = -1;

  if (!parts)
    return false;
  if (n == 0 || b->values[x].shape.dims[axis] < 0)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only a list of indices into a fixed size is "
                            "supported");
  for (int run; at < n; at += run) {
    run = run_length (index + at, n - at);
    cut = reid_node_new (b, REID_OP_SLICE, 1);
    if (!cut)
      return false;
    if (n_parts == MAX_RUNS)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "more than %d runs of indices", MAX_RUNS);
    for (int i = 0; i < REID_MAX_RANK; i++) {
      cut->u.slice.end[i] = INT64_MAX;
      cut->u.slice.step[i] = 1;
    }
    int64_t step = run > 1 ? index[at + 1] - index[at] : 1,
            end = index[at] + (run - 1) * step + (step > 0 ? 1 : -1);
    cut->u.slice.start[axis] = index[at];
    /* Before the first, counted from the end. */
    cut->u.slice.end[axis] = end < 0 ? -b->values[x].shape.dims[axis] - 1 : end;
    cut->u.slice.step[axis] = step;
    cut->in[0] = x;
    if (at > 0)
      b->values[x].uses++;
    if (at == 0 && run == n && out >= 0) {
      cut->out = out;
      return reid_emit (b, cut);
    }
    if ((last = reid_emit_temporary (b, cut)) < 0)
      return false;
    parts->in[n_parts++] = last;
  }
  if (n_parts > 1) {
    parts->n_in = n_parts;
    parts->u.axis.axis = axis;
    if (out >= 0) {
      parts->out = out;
      return reid_emit (b, parts);
    }
    if ((last = reid_emit_temporary (b, parts)) < 0)
      return false;
  }
  shape = reid_node_new (b, REID_OP_RESHAPE, 1);
  if (!shape)
    return false;
  for (int i = 0; i < rank; i++) {
    int64_t *to = shape->u.reshape.dims;
    int *r = &shape->u.reshape.rank;
    for (int k = 0; k < by->rank && i == axis; k++)
      to[(*r)++] = by->dims[k];
    if (i != axis)
      to[(*r)++] = REID_DIM_COPY (i);
  }
  shape->in[0] = last;
  shape->out = reid_output (b, 0);
  return reid_emit (b, shape);
}

static bool
gather_list (ReidBuilder *b, int64_t *index, int most)
{
  int x, n, axis;

  if (!reid_need (b, 0, &x) || !reid_ints_input (b, 1, NULL, index, most, &n)
      || !reid_axis (b, reid_attr_int (b, "axis", 0), b->values[x].shape.rank,
                     &axis))
    return false;
  const ReidShape in = b->values[x].shape,
                  by = b->values[reid_input (b, 1)].shape;
  ReidShape shape = { 0 };
  if (in.rank + by.rank - 1 > REID_MAX_RANK)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED, "too many dimensions");
  for (int i = 0; i < axis; i++)
    shape.dims[shape.rank++] = in.dims[i];
  for (int i = 0; i < by.rank; i++)
    shape.dims[shape.rank++] = by.dims[i];
  for (int i = axis + 1; i < in.rank; i++)
    shape.dims[shape.rank++] = in.dims[i];
  int64_t size = in.dims[axis];
  for (int i = 0; i < n && size >= 0; i++) {
    if (index[i] < -size || index[i] >= size)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "index %lld lies outside %lld entries",
                              (long long) index[i], (long long) size);
    index[i] += index[i] < 0 ? size : 0;
  }
  if (!b->values[x].computed)
    return gather_constant (b, x, axis, index, n, &shape);
  return gather_computed (b, x, axis, index, n, &by);
}

/* Tables of relative positions in transformers have thousands. */
static bool
gather (ReidBuilder *b)
{
  int i = reid_input (b, 1);

  if (i < 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "it has no indices");
  if (!reid_value_ready (b, i))
    return false;
  int64_t n = b->values[i].ints ? reid_shape_count (&b->values[i].shape) : 0;
  int64_t *index = malloc ((size_t) n * sizeof *index + 1);
  if (!index)
    return reid_build_no_memory (b);
  bool ok = gather_list (b, index, (int) n);
  free (index);
  return ok;
}

/* Integers as conditions; a size is never 0. */
static bool
truth (ReidBuilder *b, int x)
{
  const ReidShape shape = b->values[x].shape;
  int out = reid_output (b, 0);

  if (!reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = 0; i < reid_shape_count (&shape); i++) {
    ReidInt n = b->values[x].ints[i];
    b->values[out].ints[i].v = n.sym || n.v != 0;
  }
  return true;
}

static bool
cast_one (ReidBuilder *b)
{
  int64_t to = reid_attr_int (b, "to", 0);
  bool to_float = to == REID_ONNX_FLOAT || to == REID_ONNX_FLOAT16
                  || to == REID_ONNX_DOUBLE,
       to_int = to == REID_ONNX_INT64 || to == REID_ONNX_INT32
                || to == REID_ONNX_BOOL;
  int x, out = reid_output (b, 0);

  if (!reid_need (b, 0, &x))
    return false;
  const ReidShape shape = b->values[x].shape;
  bool is_int = b->values[x].ints != NULL;
  if (is_int && to == REID_ONNX_BOOL)
    return truth (b, x);
  /* Half floats are kept as what they are computed with. */
  if ((is_int && to_int) || (!is_int && to_float))
    return reid_emit_identity (b, x);
  if (is_int && to_float)
    return reid_value_as_floats (b, &x) && reid_emit_identity (b, x);
  if (!b->values[x].data || !to_int)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "casts to type %lld are not supported",
                            (long long) to);
  if (!reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = 0; i < reid_shape_count (&shape); i++) {
    float f = b->values[x].data[i];
    if (!(fabsf (f) < 0x1p62f))
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "a number does not fit an integer");
    b->values[out].ints[i].v = to == REID_ONNX_BOOL ? f != 0 : (int64_t) f;
  }
  return true;
}

static bool
cast (ReidBuilder *b)
{
  return reid_translate_one (b, cast_one);
}

static bool
round_constant (ReidBuilder *b)
{
  bool up = reid_bytes_equal (b->at->type, "Ceil");
  int x;

  if (!reid_need (b, 0, &x))
    return false;
  const ReidShape shape = b->values[x].shape;
  if (!b->values[x].data)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only constants can be rounded");
  int made = reid_value_constant (b, &shape);
  if (made < 0)
    return false;
  float *data = b->values[made].data;
  b->values[made].data = NULL;
  reid_value_set_float (b, reid_output (b, 0), &shape, data);
  for (int64_t i = 0; i < reid_shape_count (&shape); i++)
    data[i] = up ? ceilf (b->values[x].data[i]) : floorf (b->values[x].data[i]);
  return true;
}

/* Of integers, with the sign of the divisor. */
static bool
modulo (ReidBuilder *b)
{
  int in[2];

  for (int i = 0; i < 2; i++) {
    if (!reid_need (b, i, &in[i]))
      return false;
    if (!b->values[in[i]].ints || reid_attr_int (b, "fmod", 0))
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "only of sizes and integers is there a modulo");
  }
  const ReidShape p = b->values[in[0]].shape, q = b->values[in[1]].shape;
  int64_t np = reid_shape_count (&p), nq = reid_shape_count (&q);
  int out = reid_output (b, 0);
  if (np != nq && np != 1 && nq != 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "integers of these shapes cannot be combined");
  if (!reid_value_ints (b, out,
                        np > nq || (np == nq && p.rank > q.rank) ? &p : &q))
    return false;
  for (int64_t i = 0; i < (np > nq ? np : nq); i++) {
    ReidInt n = b->values[in[0]].ints[np == 1 ? 0 : i],
            by = b->values[in[1]].ints[nq == 1 ? 0 : i],
            *to = &b->values[out].ints[i];
    if (!by.sym && (by.v == 1 || by.v == -1))
      continue;
    /* Unlike a size, what is left may be 0. */
    if (n.sym || by.sym)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "depends on the size of the picture; export "
                              "with fixed sizes");
    if (by.v == 0)
      return reid_build_fail (b, REID_ERROR_FORMAT, "divides by zero");
    to->v = n.v % by.v;
    if (to->v != 0 && (to->v < 0) != (by.v < 0))
      to->v += by.v;
  }
  return true;
}

/* The same number everywhere, in a shape that is not known yet. */
static bool
spread_number (ReidBuilder *b, int sizes, bool is_int, float number)
{
  const ReidShape scalar = { 0 };
  ReidInt to[REID_MAX_RANK];
  int64_t n = reid_shape_count (&b->values[sizes].shape);
  int made;

  if (is_int || n > REID_MAX_RANK)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its shape depends on the picture's size");
  for (int64_t i = 0; i < n; i++)
    to[i] = b->values[sizes].ints[i];
  if ((made = reid_value_constant (b, &scalar)) < 0)
    return false;
  b->values[made].data[0] = number;
  return reid_emit_spread (b, made, to, (int) n, reid_output (b, 0));
}

static bool
constant_of_shape (ReidBuilder *b)
{
  const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, "value");
  int64_t dims[REID_MAX_RANK], count, whole = 0;
  ReidShape shape = { 0 };
  ReidOnnxTensor t;
  float f = 0;
  int n, out = reid_output (b, 0);
  bool is_int = false;
  const char *why = NULL;

  int given = reid_input (b, 0);
  bool free_sizes = false;

  if (given < 0 || !reid_value_ready (b, given))
    return given >= 0
           || reid_build_fail (b, REID_ERROR_FORMAT, "it has no sizes");
  for (int64_t i = 0;
       b->values[given].ints && i < reid_shape_count (&b->values[given].shape);
       i++)
    free_sizes = free_sizes || b->values[given].ints[i].sym;
  if (!free_sizes && !reid_ints_input (b, 0, NULL, dims, REID_MAX_RANK, &n))
    return false;
  if (a && a->has_t) {
    if (!reid_onnx_tensor (&t, a->t) || t.count != 1)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its value is damaged");
    is_int = reid_onnx_is_int (&t);
    why = is_int ? reid_onnx_ints (&t, &whole) : reid_onnx_floats (&t, &f);
    if (why)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its value: %s", why);
  }
  if (free_sizes)
    return spread_number (b, given, is_int, f);
  shape.rank = n < 0 ? 0 : n;
  for (int i = 0; i < n; i++)
    shape.dims[i] = dims[i];
  count = reid_shape_count (&shape);
  if (count < 0 || count > REID_MAX_INTS)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED, "more than %d elements",
                            REID_MAX_INTS);
  if (is_int) {
    if (!reid_value_ints (b, out, &shape))
      return false;
    for (int64_t i = 0; i < count; i++)
      b->values[out].ints[i].v = whole;
    return true;
  }
  int made = reid_value_constant (b, &shape);
  if (made < 0)
    return false;
  reid_value_set_float (b, out, &shape, b->values[made].data);
  b->values[made].data = NULL;
  for (int64_t i = 0; i < count; i++)
    b->values[out].data[i] = f;
  return true;
}

static bool
range (ReidBuilder *b)
{
  int64_t v[3], n;
  int count, out = reid_output (b, 0);

  for (int i = 0; i < 3; i++) {
    if (!reid_ints_input (b, i, NULL, &v[i], 1, &count))
      return false;
    if (count != 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "wants three single integers");
    if (v[i] > INT32_MAX || v[i] < -INT32_MAX)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED, "is too large");
  }
  if (v[2] == 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "its step is 0");
  n = v[2] > 0 ? (v[1] - v[0] + v[2] - 1) / v[2]
               : (v[0] - v[1] - v[2] - 1) / -v[2];
  ReidShape shape = { 1, { n > 0 ? n : 0 } };
  if (!reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = 0; i < n; i++)
    b->values[out].ints[i].v = v[0] + i * v[2];
  return true;
}

const ReidTranslator reid_translate_sizes[] = { { "Constant", constant },
                                                { "Shape", shape_of },
                                                { "Size", size_of },
                                                { "Gather", gather },
                                                { "Cast", cast },
                                                { "Floor", round_constant },
                                                { "Ceil", round_constant },
                                                { "ConstantOfShape",
                                                  constant_of_shape },
                                                { "Range", range },
                                                { "Mod", modulo },
                                                { NULL, NULL } };
