/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
reid_build_fail (ReidBuilder *b, ReidStatus status, const char *format, ...)
{
  char text[512];
  va_list args;

  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  if (!b->at)
    return reid_error_set (b->error, status, "%s: %s", b->model->file, text);
  ReidBytes name = b->at->name;
  if (name.size == 0 && b->at->n_out > 0)
    name = b->at->out[0];
  const char *n = reid_onnx_name (b->arena, name),
             *t = reid_onnx_name (b->arena, b->at->type);
  return reid_error_set (b->error, status, "%s: node '%.100s' (%.40s): %s",
                         b->model->file, n ? n : "?", t ? t : "?", text);
}

bool
reid_build_no_memory (ReidBuilder *b)
{
  return reid_error_set (b->error, REID_ERROR_MEMORY,
                         "%s: not enough memory to build the network",
                         b->model->file);
}

static unsigned
hash (ReidBytes name)
{
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < name.size; i++)
    h = (h ^ name.data[i]) * 16777619u;
  return (h ^ h >> 15) % REID_NAME_TABLE;
}

int
reid_value_find (ReidBuilder *b, ReidBytes name)
{
  for (int i = b->table[hash (name)]; i >= 0; i = b->values[i].next)
    if (b->values[i].name.size == name.size
        && memcmp (b->values[i].name.data, name.data, name.size) == 0)
      return b->values[i].alias >= 0 ? b->values[i].alias : i;
  return -1;
}

int
reid_value_add (ReidBuilder *b, ReidBytes name)
{
  if (b->n_values == b->room_values) {
    int room = b->room_values ? 2 * b->room_values : 256;
    ReidBuildValue *more = realloc (b->values, (size_t) room * sizeof *more);
    if (!more) {
      reid_build_no_memory (b);
      return -1;
    }
    b->values = more;
    b->room_values = room;
  }
  int i = b->n_values++;
  ReidBuildValue *v = &b->values[i];
  memset (v, 0, sizeof *v);
  v->name = name;
  v->producer = v->next = v->index = v->alias = v->each = -1;
  if (name.size) {
    int *head = &b->table[hash (name)];
    v->next = *head;
    *head = i;
  }
  return i;
}

const char *
reid_value_name (ReidBuilder *b, int value)
{
  const char *name = reid_onnx_name (b->arena, b->values[value].name);
  return name ? name : "";
}

int
reid_value_constant (ReidBuilder *b, const ReidShape *shape)
{
  int64_t n = reid_shape_count (shape);
  int value = reid_value_add (b, (ReidBytes){ NULL, 0 });
  float *data;

  if (value < 0)
    return -1;
  if (n < 0 || n > REID_MAX_COUNT || b->constants > REID_MAX_CONSTANTS - n) {
    reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                     "the network's constants are too large");
    return -1;
  }
  data = reid_alloc_aligned ((size_t) n * sizeof *data);
  if (!data) {
    reid_build_no_memory (b);
    return -1;
  }
  b->constants += n;
  reid_value_set_float (b, value, shape, data);
  b->values[value].uses = 1;
  return value;
}

void
reid_value_set_float (ReidBuilder *b, int value, const ReidShape *shape,
                      float *data)
{
  ReidBuildValue *v = &b->values[value];
  v->shape = *shape;
  v->data = data;
  v->known = true;
}

bool
reid_value_ints (ReidBuilder *b, int value, const ReidShape *shape)
{
  int64_t n = reid_shape_count (shape);
  ReidBuildValue *v = &b->values[value];

  if (n < 0 || n > REID_MAX_INTS)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "more than %d integers in one tensor",
                            REID_MAX_INTS);
  v->ints = reid_arena_alloc (b->arena, (size_t) n, sizeof *v->ints);
  if (!v->ints)
    return reid_build_no_memory (b);
  v->shape = *shape;
  v->known = true;
  return true;
}

bool
reid_value_ready (ReidBuilder *b, int value)
{
  const ReidOnnxTensor *t = b->values[value].tensor;
  ReidOnnxTensor opened;
  const char *why = NULL;
  ReidShape shape = { 0 };
  bool ok = true;

  if (!t || b->values[value].data || b->values[value].ints)
    return true;
  if (t->external && !t->wrong) {
    opened = *t;
    opened.wrong = reid_external_bytes (b->model->external, t->location,
                                        t->offset, t->length, &opened.raw);
    t = &opened;
  }
  if (t->wrong) {
    why = t->wrong;
  } else if (reid_onnx_is_float (t)) {
    shape.rank = t->rank;
    memcpy (shape.dims, t->dims, sizeof shape.dims);
    /* Untrusted sizes: the data must be there before memory is asked for. */
    size_t size = t->external ? t->raw.size : t->message.size;
    if ((uint64_t) t->count / 8 > size)
      why = "its data do not have the size of its dimensions";
    else if (b->constants > REID_MAX_CONSTANTS - t->count)
      why = "the network's constants are too large";
    else {
      float *data = reid_alloc_aligned ((size_t) t->count * sizeof *data);
      if (!data)
        return reid_build_no_memory (b);
      why = reid_onnx_floats (t, data);
      if (why)
        free (data);
      else {
        b->constants += t->count;
        reid_value_set_float (b, value, &shape, data);
      }
    }
  } else if (reid_onnx_is_int (t)) {
    shape.rank = t->rank;
    memcpy (shape.dims, t->dims, sizeof shape.dims);
    ok = reid_value_ints (b, value, &shape);
    if (t->external && (uint64_t) t->count > t->raw.size)
      ok = reid_build_fail (b, REID_ERROR_FORMAT,
                            "tensor '%.100s': its data are too short",
                            reid_value_name (b, value));
    if (ok && t->count) {
      int64_t *list = malloc ((size_t) t->count * sizeof *list);
      if (!list)
        return reid_build_no_memory (b);
      why = reid_onnx_ints (t, list);
      for (int64_t i = 0; i < t->count && !why; i++)
        b->values[value].ints[i].v = list[i];
      free (list);
    }
  } else {
    why = "its element type is none of float, float16, double, int32, int64 "
          "and bool (a quantised model? export it as float)";
  }
  if (why)
    return reid_build_fail (b, REID_ERROR_FORMAT, "tensor '%.100s': %s",
                            reid_value_name (b, value), why);
  return ok;
}

bool
reid_value_as_floats (ReidBuilder *b, int *value)
{
  const ReidShape shape = b->values[*value].shape;
  int made;

  if (!b->values[*value].ints)
    return true;
  made = reid_value_constant (b, &shape);
  if (made < 0)
    return false;
  for (int64_t i = 0; i < reid_shape_count (&shape); i++) {
    ReidInt n = b->values[*value].ints[i];
    if (n.sym)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "computes with the size of the picture; export "
                              "with fixed sizes");
    b->values[made].data[i] = (float) n.v;
  }
  *value = made;
  return true;
}

void
reid_value_release (ReidBuilder *b, int value)
{
  ReidBuildValue *v = &b->values[value];

  if (v->uses != 1 || v->is_output || !v->data)
    return;
  b->constants -= reid_shape_count (&v->shape);
  free (v->data);
  v->data = NULL;
}

bool
reid_is_constant (const ReidBuildValue *v)
{
  return v->data != NULL;
}

int
reid_input (ReidBuilder *b, int i)
{
  if (i >= b->at->n_in || b->at->in[i].size == 0)
    return -1;
  return reid_value_find (b, b->at->in[i]);
}

bool
reid_need (ReidBuilder *b, int i, int *value)
{
  *value = reid_input (b, i);
  if (*value < 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "input %d is missing", i);
  return reid_value_ready (b, *value);
}

int
reid_output (ReidBuilder *b, int i)
{
  return i < b->at->n_out && b->at->out[i].size
             ? reid_value_find (b, b->at->out[i])
             : -1;
}

int64_t
reid_attr_int (ReidBuilder *b, const char *name, int64_t otherwise)
{
  const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, name);
  return a && a->has_i ? a->i : otherwise;
}

float
reid_attr_float (ReidBuilder *b, const char *name, float otherwise)
{
  const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, name);
  return a && a->has_f ? a->f : otherwise;
}

bool
reid_attr_is (ReidBuilder *b, const char *name, const char *text,
              bool otherwise)
{
  const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, name);
  return a && a->has_s ? reid_bytes_equal (a->s, text) : otherwise;
}

bool
reid_attr_ints (ReidBuilder *b, const char *name, int64_t *out, int max, int *n)
{
  const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, name);

  *n = a ? reid_onnx_attribute_ints (a, out, max) : -1;
  if (a && (*n < 0 || *n > max))
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "attribute %s is damaged or too long", name);
  return true;
}

bool
reid_ints_input (ReidBuilder *b, int i, const char *name, int64_t *out, int max,
                 int *n)
{
  int value = reid_input (b, i);

  *n = -1;
  if (value < 0)
    return !name || reid_attr_ints (b, name, out, max, n);
  if (!reid_value_ready (b, value))
    return false;
  const ReidBuildValue *v = &b->values[value];
  if (!v->ints)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "input %d must be a constant of integers", i);
  int64_t count = reid_shape_count (&v->shape);
  if (count > max)
    return reid_build_fail (b, REID_ERROR_FORMAT, "input %d is too long", i);
  for (int64_t k = 0; k < count; k++) {
    if (v->ints[k].sym)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "input %d depends on the size of the picture; "
                              "export with fixed sizes",
                              i);
    out[k] = v->ints[k].v;
  }
  *n = (int) count;
  return true;
}

bool
reid_scalar_input (ReidBuilder *b, int i, float *out, bool *present)
{
  int value = reid_input (b, i);

  *present = value >= 0;
  if (value < 0)
    return true;
  if (!reid_value_ready (b, value))
    return false;
  const ReidBuildValue *v = &b->values[value];
  if (!v->data || reid_shape_count (&v->shape) != 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "input %d must be one constant number", i);
  *out = v->data[0];
  return true;
}

bool
reid_axis (ReidBuilder *b, int64_t axis, int rank, int *out)
{
  if (axis < -rank || axis >= rank)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "axis %lld lies outside a %d-D tensor",
                            (long long) axis, rank);
  *out = (int) (axis < 0 ? axis + rank : axis);
  return true;
}

ReidNode *
reid_node_new (ReidBuilder *b, ReidOp op, int n_in)
{
  ReidBytes name = b->at->name;
  ReidNode *node = reid_arena_alloc (b->arena, 1, sizeof *node);

  if (node) {
    if (name.size == 0 && b->at->n_out > 0)
      name = b->at->out[0];
    node->op = op;
    node->name = reid_onnx_name (b->arena, name);
    node->type = reid_onnx_name (b->arena, b->at->type);
    node->in = reid_arena_alloc (b->arena, (size_t) n_in, sizeof *node->in);
    node->n_in = n_in;
    node->out = -1;
  }
  if (!node || !node->name || !node->type || !node->in) {
    reid_build_no_memory (b);
    return NULL;
  }
  for (int i = 0; i < n_in; i++)
    node->in[i] = -1;
  return node;
}

bool
reid_emit (ReidBuilder *b, ReidNode *node)
{
  ReidShape few[REID_MAX_NODE_IN] = { 0 }, *in = few;
  ReidBatch few_batches[REID_MAX_NODE_IN], *batches = few_batches;
  ReidError why = REID_ERROR_INIT;
  int computed = 0, ints = 0, given = 0;

  for (int i = 0; i < node->n_in; i++) {
    if (node->in[i] < 0)
      continue;
    if (!reid_value_ready (b, node->in[i]))
      return false;
    const ReidBuildValue *v = &b->values[node->in[i]];
    given++;
    computed += v->computed;
    ints += v->ints != NULL || reid_is_truth (b, node->in[i]);
    if (v->shape.rank > 0)
      for (int k = 0; k < v->shape.rank; k++)
        if (v->shape.dims[k] == 0 && !v->ints)
          return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                  "input '%.100s' has no elements",
                                  reid_value_name (b, node->in[i]));
  }
  if (computed == 0)
    return reid_fold (b, node);
  if (ints)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "mixes integers with computed values");
  if (node->n_in > REID_MAX_NODE_IN) {
    in = calloc ((size_t) node->n_in, sizeof *in);
    batches = calloc ((size_t) node->n_in, sizeof *batches);
  }
  bool ok = in && batches;
  if (!ok)
    reid_error_set (&why, REID_ERROR_MEMORY, "not enough memory");
  for (int i = 0; i < node->n_in && ok; i++) {
    const ReidBuildValue *v = node->in[i] < 0 ? NULL : &b->values[node->in[i]];
    batches[i] = v && v->computed ? v->batch : (ReidBatch){ REID_AXIS_NONE, 1 };
    if (v)
      in[i] = v->shape;
  }
  ReidBuildValue *out = &b->values[node->out];
  ok = ok && reid_node_infer (node, in, &out->shape, b->symbols, &why);
  if (ok)
    out->batch = reid_node_batch (node, in, batches, &out->shape, b->symbols,
                                  REID_SYMBOL_BATCH);
  if (node->n_in > REID_MAX_NODE_IN) {
    free (in);
    free (batches);
  }
  if (!ok)
    return reid_build_fail (b, why.status, "%s", why.message);
  /* Weights that are not numbers would spoil every result without a trace. */
  for (int i = 0; i < node->n_in; i++) {
    const ReidBuildValue *v = node->in[i] < 0 ? NULL : &b->values[node->in[i]];
    int64_t n = v && v->data ? reid_shape_count (&v->shape) : 0;
    for (int64_t k = 0; k < n; k++)
      if (!isfinite (v->data[k]))
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "constant '%.100s' holds %s",
                                reid_value_name (b, node->in[i]),
                                isnan (v->data[k]) ? "NaN" : "an infinity");
  }
  out->computed = out->known = true;
  if (!reid_fold_each (b, node))
    return false;
  if (reid_fuse (b, node))
    return b->error->status == REID_OK;
  if (b->n_nodes == b->room_nodes) {
    int room = b->room_nodes ? 2 * b->room_nodes : 128;
    ReidBuildNode *more = realloc (b->nodes, (size_t) room * sizeof *more);
    if (!more)
      return reid_build_no_memory (b);
    b->nodes = more;
    b->room_nodes = room;
  }
  b->values[node->out].producer = b->n_nodes;
  b->nodes[b->n_nodes].node = *node;
  b->nodes[b->n_nodes++].dead = false;
  return true;
}

int
reid_emit_temporary (ReidBuilder *b, ReidNode *node)
{
  int value = reid_value_add (b, (ReidBytes){ NULL, 0 });

  if (value < 0)
    return -1;
  b->values[value].uses = 1;
  node->out = value;
  return reid_emit (b, node) ? value : -1;
}

bool
reid_emit_identity (ReidBuilder *b, int value)
{
  int out = reid_output (b, 0);

  if (!reid_value_ready (b, value))
    return false;
  ReidBuildValue *v = &b->values[value], *o = &b->values[out];
  v->uses += o->uses - 1;
  v->is_output = v->is_output || o->is_output;
  o->alias = value;
  o->known = true;
  return true;
}
