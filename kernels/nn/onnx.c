/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/onnx.h"

#include <string.h>

typedef struct {
  ReidOnnxModel *model;
  ReidArena *arena;
  ReidError *error;
} Reader;

static bool
broken (Reader *r, const char *what)
{
  return reid_error_set (r->error, REID_ERROR_FORMAT,
                         "%s: not a whole ONNX file: %s is broken off or "
                         "damaged",
                         r->model->file, what);
}

static bool
too_many (Reader *r, const char *what, int most)
{
  return reid_error_set (r->error, REID_ERROR_UNSUPPORTED,
                         "%s: more than %d %s", r->model->file, most, what);
}

static bool
no_memory (Reader *r)
{
  return reid_error_set (r->error, REID_ERROR_MEMORY,
                         "%s: not enough memory to read it", r->model->file);
}

/* How often field `number` stands in the message; -1 when it is broken. */
static int64_t
count_fields (ReidBytes message, uint32_t number)
{
  ReidField f;
  ReidWireStep step;
  int64_t n = 0;

  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD)
    n += f.number == number;
  return step == REID_WIRE_END ? n : -1;
}

/* Every array is counted before it is made: no growing, no slack. */
static bool
make_array (Reader *r, ReidBytes message, uint32_t number, size_t size,
            int most, const char *what, void *array, int *room)
{
  int64_t n = count_fields (message, number);
  void *p;

  if (n < 0)
    return broken (r, what);
  if (n > most)
    return too_many (r, what, most);
  p = reid_arena_alloc (r->arena, (size_t) n, size);
  if (!p)
    return no_memory (r);
  memcpy (array, &p, sizeof p);
  *room = (int) n;
  return true;
}

static bool
read_attribute (ReidOnnxAttribute *a, ReidBytes message)
{
  ReidField f;
  ReidWireStep step;

  a->message = message;
  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD) {
    if (f.number == 1 && f.type == REID_WIRE_BYTES)
      a->name = f.bytes;
    else if (f.number == 2 && f.type == REID_WIRE_FIXED32)
      a->f = reid_wire_float (f.value), a->has_f = true;
    else if (f.number == 3 && f.type == REID_WIRE_VARINT)
      a->i = (int64_t) f.value, a->has_i = true;
    else if (f.number == 4 && f.type == REID_WIRE_BYTES)
      a->s = f.bytes, a->has_s = true;
    else if (f.number == 5 && f.type == REID_WIRE_BYTES)
      a->t = f.bytes, a->has_t = true;
  }
  return step == REID_WIRE_END;
}

static bool
read_node (Reader *r, ReidOnnxNode *node, ReidBytes message)
{
  ReidBytes rest = message;
  ReidField f;
  ReidWireStep step;
  int room_in, room_out, room_attributes;

  if (!make_array (r, message, 1, sizeof *node->in, REID_MAX_NODE_NAMES,
                   "inputs of a node", &node->in, &room_in)
      || !make_array (r, message, 2, sizeof *node->out, REID_MAX_NODE_NAMES,
                      "outputs of a node", &node->out, &room_out)
      || !make_array (r, message, 5, sizeof *node->attributes,
                      REID_MAX_ATTRIBUTES, "attributes of a node",
                      &node->attributes, &room_attributes))
    return false;
  while ((step = reid_wire_next (&rest, &f)) == REID_WIRE_FIELD) {
    if (f.type != REID_WIRE_BYTES)
      continue;
    switch (f.number) {
      case 1:
        node->in[node->n_in++] = f.bytes;
        break;
      case 2:
        node->out[node->n_out++] = f.bytes;
        break;
      case 3:
        node->name = f.bytes;
        break;
      case 4:
        node->type = f.bytes;
        break;
      case 5:
        if (!read_attribute (&node->attributes[node->n_attributes++], f.bytes))
          return broken (r, "an attribute");
        break;
      case 7:
        node->domain = f.bytes;
        break;
      default:
        break;
    }
  }
  return step == REID_WIRE_END || broken (r, "a node");
}

static bool
read_dimension (ReidBytes message, int64_t *dim, ReidBytes *param)
{
  ReidField f;
  ReidWireStep step;

  *dim = REID_DIM_FREE;
  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD) {
    if (f.number == 1 && f.type == REID_WIRE_VARINT) {
      /* Some exporters write -1 for a free size. */
      *dim = (int64_t) f.value < 0 ? REID_DIM_FREE : (int64_t) f.value;
    } else if (f.number == 2 && f.type == REID_WIRE_BYTES) {
      *param = f.bytes;
    }
  }
  return step == REID_WIRE_END;
}

static bool
read_shape (Reader *r, ReidOnnxValueInfo *info, ReidBytes message)
{
  ReidField f;
  ReidWireStep step;

  info->rank = 0;
  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD) {
    if (f.number != 1 || f.type != REID_WIRE_BYTES)
      continue;
    if (info->rank == REID_MAX_RANK)
      return too_many (r, "dimensions of a tensor", REID_MAX_RANK);
    if (!read_dimension (f.bytes, &info->dims[info->rank],
                         &info->params[info->rank]))
      return broken (r, "a dimension");
    info->rank++;
  }
  return step == REID_WIRE_END || broken (r, "a shape");
}

/* ValueInfoProto -> TypeProto -> Tensor -> TensorShapeProto: three fixed steps
 * down, so that no depth is taken from the file. */
static bool
read_value_info (Reader *r, ReidOnnxValueInfo *info, ReidBytes message)
{
  ReidBytes type = { NULL, 0 }, tensor = { NULL, 0 };
  ReidField f;
  ReidWireStep step;

  info->rank = -1;
  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD)
    if (f.number == 1 && f.type == REID_WIRE_BYTES)
      info->name = f.bytes;
    else if (f.number == 2 && f.type == REID_WIRE_BYTES)
      type = f.bytes;
  if (step != REID_WIRE_END)
    return broken (r, "an input or output");
  while ((step = reid_wire_next (&type, &f)) == REID_WIRE_FIELD)
    if (f.number == 1 && f.type == REID_WIRE_BYTES)
      tensor = f.bytes;
  if (step != REID_WIRE_END)
    return broken (r, "the type of an input or output");
  while ((step = reid_wire_next (&tensor, &f)) == REID_WIRE_FIELD) {
    if (f.number == 1 && f.type == REID_WIRE_VARINT)
      info->type = (int64_t) f.value;
    else if (f.number == 2 && f.type == REID_WIRE_BYTES
             && !read_shape (r, info, f.bytes))
      return false;
  }
  return step == REID_WIRE_END || broken (r, "the type of an input or output");
}

static bool
read_graph (Reader *r, ReidBytes message)
{
  ReidOnnxModel *m = r->model;
  ReidBytes rest = message;
  ReidField f;
  ReidWireStep step;
  int room;

  if (!make_array (r, message, 1, sizeof *m->nodes, REID_MAX_NODES, "nodes",
                   &m->nodes, &room)
      || !make_array (r, message, 5, sizeof *m->initializers,
                      REID_MAX_INITIALIZERS, "initializers", &m->initializers,
                      &room)
      || !make_array (r, message, 11, sizeof *m->inputs, REID_MAX_INITIALIZERS,
                      "graph inputs", &m->inputs, &room)
      || !make_array (r, message, 12, sizeof *m->outputs, REID_MAX_GRAPH_IO,
                      "graph outputs", &m->outputs, &room))
    return false;
  while ((step = reid_wire_next (&rest, &f)) == REID_WIRE_FIELD) {
    if (f.type != REID_WIRE_BYTES) {
      if (f.number == 1 || f.number == 5 || f.number == 11 || f.number == 12)
        return broken (r, "the graph");
      continue;
    }
    switch (f.number) {
      case 1:
        if (!read_node (r, &m->nodes[m->n_nodes++], f.bytes))
          return false;
        break;
      case 5:
        if (!reid_onnx_tensor (&m->initializers[m->n_initializers++], f.bytes))
          return broken (r, "an initializer");
        break;
      case 11:
        if (!read_value_info (r, &m->inputs[m->n_inputs++], f.bytes))
          return false;
        break;
      case 12:
        if (!read_value_info (r, &m->outputs[m->n_outputs++], f.bytes))
          return false;
        break;
      default:
        break;
    }
  }
  return step == REID_WIRE_END || broken (r, "the graph");
}

static bool
read_opset (Reader *r, ReidBytes message)
{
  ReidBytes domain = { NULL, 0 };
  ReidField f;
  ReidWireStep step;
  int64_t version = 0;

  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD)
    if (f.number == 1 && f.type == REID_WIRE_BYTES)
      domain = f.bytes;
    else if (f.number == 2 && f.type == REID_WIRE_VARINT)
      version = (int64_t) f.value;
  if (step != REID_WIRE_END)
    return broken (r, "the operator set");
  if (reid_bytes_equal (domain, "") || reid_bytes_equal (domain, "ai.onnx"))
    r->model->opset = version;
  return true;
}

bool
reid_onnx_read (ReidOnnxModel *model, ReidBytes data, const char *file,
                ReidArena *arena, ReidError *error)
{
  Reader r = { model, arena, error };
  ReidBytes graph = { NULL, 0 };
  ReidField f;
  ReidWireStep step;

  memset (model, 0, sizeof *model);
  model->file = file;
  if (data.size == 0)
    return reid_error_set (error, REID_ERROR_FORMAT, "%s: the file is empty",
                           file);
  while ((step = reid_wire_next (&data, &f)) == REID_WIRE_FIELD) {
    if (f.number == 7 && f.type == REID_WIRE_BYTES)
      graph = f.bytes;
    else if (f.number == 8 && f.type == REID_WIRE_BYTES
             && !read_opset (&r, f.bytes))
      return false;
  }
  if (step != REID_WIRE_END)
    return broken (&r, "the model");
  if (!graph.data)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "%s: not an ONNX file: it holds no graph", file);
  if (model->opset == 0)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "%s: names no operator set; was it written whole?",
                           file);
  if (model->opset < REID_MIN_OPSET || model->opset > REID_MAX_OPSET)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: operator set %lld is not between %d and %d; "
                           "export it with opset_version=17",
                           file, (long long) model->opset, REID_MIN_OPSET,
                           REID_MAX_OPSET);
  return read_graph (&r, graph);
}

const ReidOnnxAttribute *
reid_onnx_attribute (const ReidOnnxNode *node, const char *name)
{
  for (int i = 0; i < node->n_attributes; i++)
    if (reid_bytes_equal (node->attributes[i].name, name))
      return &node->attributes[i];
  return NULL;
}

int
reid_onnx_attribute_ints (const ReidOnnxAttribute *attribute, int64_t *out,
                          int max)
{
  ReidBytes rest = attribute->message;
  ReidField f;
  ReidWireStep step;
  int n = 0;

  while ((step = reid_wire_next (&rest, &f)) == REID_WIRE_FIELD) {
    if (f.number != 8)
      continue;
    if (f.type == REID_WIRE_VARINT) {
      if (n < max)
        out[n] = (int64_t) f.value;
      n++;
    } else if (f.type == REID_WIRE_BYTES) {
      for (uint64_t v; f.bytes.size; n++) {
        if (!reid_wire_varint (&f.bytes, &v) || n == INT32_MAX)
          return -1;
        if (n < max)
          out[n] = (int64_t) v;
      }
    } else {
      return -1;
    }
  }
  return step == REID_WIRE_END ? n : -1;
}

int
reid_onnx_attribute_floats (const ReidOnnxAttribute *attribute, float *out,
                            int max)
{
  ReidBytes rest = attribute->message;
  ReidField f;
  ReidWireStep step;
  int n = 0;

  while ((step = reid_wire_next (&rest, &f)) == REID_WIRE_FIELD) {
    if (f.number != 7)
      continue;
    if (f.type == REID_WIRE_FIXED32) {
      if (n < max)
        out[n] = reid_wire_float (f.value);
      n++;
    } else if (f.type == REID_WIRE_BYTES && f.bytes.size % 4 == 0) {
      for (size_t i = 0; i < f.bytes.size; i += 4, n++) {
        if (n == INT32_MAX)
          return -1;
        if (n < max)
          memcpy (&out[n], f.bytes.data + i, 4);
      }
    } else {
      return -1;
    }
  }
  return step == REID_WIRE_END ? n : -1;
}

/* Length of the valid UTF-8 sequence at p, 0 where there is none. */
static size_t
utf8_length (const uint8_t *p, size_t n)
{
  size_t need = p[0] < 0x80                   ? 1
                : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                : (p[0] & 0xf0) == 0xe0       ? 3
                : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                              : 0;
  if (need == 0 || need > n)
    return 0;
  for (size_t i = 1; i < need; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)
      || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    return 0;
  return need;
}

const char *
reid_onnx_name (ReidArena *arena, ReidBytes name)
{
  size_t most = name.size < 255 ? name.size : 255, at = 0;
  char *s = reid_arena_alloc (arena, most + 1, 1);

  if (!s)
    return NULL;
  for (size_t i = 0; i < name.size;) {
    size_t n = utf8_length (name.data + i, name.size - i);
    bool plain =
        n > 1 || (n == 1 && name.data[i] >= 0x20 && name.data[i] != 0x7f);
    if (at + (n ? n : 1) > most)
      break;
    if (plain)
      memcpy (s + at, name.data + i, n);
    else
      s[at] = '?', n = 1;
    at += n;
    i += n;
  }
  s[at] = '\0';
  return s;
}
