/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <float.h>
#include <math.h>
#include <string.h>

static ReidNode *
unary_node (ReidBuilder *b, ReidUnaryKind kind)
{
  ReidNode *node = reid_node_new (b, REID_OP_UNARY, 1);

  if (!node || !reid_need (b, 0, &node->in[0]))
    return NULL;
  node->u.unary.kind = kind;
  node->out = reid_output (b, 0);
  return node;
}

static bool
unary (ReidBuilder *b)
{
  static const struct {
    const char *type;
    ReidUnaryKind kind;
  } kinds[] = {
    { "Relu", REID_UNARY_RELU },       { "Exp", REID_UNARY_EXP },
    { "Sigmoid", REID_UNARY_SIGMOID }, { "Tanh", REID_UNARY_TANH },
    { "Sqrt", REID_UNARY_SQRT },       { "Neg", REID_UNARY_NEG },
    { "Abs", REID_UNARY_ABS },         { "Log", REID_UNARY_LOG },
    { "Erf", REID_UNARY_ERF },         { "HardSwish", REID_UNARY_HARD_SWISH },
    { "Sin", REID_UNARY_SIN },         { "Cos", REID_UNARY_COS },
    { "Mish", REID_UNARY_MISH },       { "Softplus", REID_UNARY_SOFTPLUS }
  };

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (reid_bytes_equal (b->at->type, kinds[i].type)) {
      ReidNode *node = unary_node (b, kinds[i].kind);
      return node && reid_emit (b, node);
    }
  return false;
}

static bool
leaky_relu (ReidBuilder *b)
{
  ReidNode *node = unary_node (b, REID_UNARY_LEAKY_RELU);

  if (!node)
    return false;
  node->u.unary.alpha = reid_attr_float (b, "alpha", 0.01f);
  return isfinite (node->u.unary.alpha)
             ? reid_emit (b, node)
             : reid_build_fail (b, REID_ERROR_FORMAT, "alpha is no number");
}

static bool
elu (ReidBuilder *b)
{
  ReidNode *node = unary_node (b, REID_UNARY_ELU);

  if (!node)
    return false;
  node->u.unary.alpha = reid_attr_float (b, "alpha", 1);
  return isfinite (node->u.unary.alpha)
             ? reid_emit (b, node)
             : reid_build_fail (b, REID_ERROR_FORMAT, "alpha is no number");
}

static bool
hard_sigmoid (ReidBuilder *b)
{
  ReidNode *node = unary_node (b, REID_UNARY_HARD_SIGMOID);

  if (!node)
    return false;
  node->u.unary.alpha = reid_attr_float (b, "alpha", 0.2f);
  node->u.unary.beta = reid_attr_float (b, "beta", 0.5f);
  return isfinite (node->u.unary.alpha) && isfinite (node->u.unary.beta)
             ? reid_emit (b, node)
             : reid_build_fail (b, REID_ERROR_FORMAT,
                                "alpha or beta is no number");
}

static bool
gelu (ReidBuilder *b)
{
  bool tanh = reid_attr_is (b, "approximate", "tanh", false);

  if (!tanh && !reid_attr_is (b, "approximate", "none", true))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "this approximation is not supported");
  ReidNode *node =
      unary_node (b, tanh ? REID_UNARY_GELU_TANH : REID_UNARY_GELU);
  return node && reid_emit (b, node);
}

static bool
clip (ReidBuilder *b)
{
  float low = -FLT_MAX, high = FLT_MAX;
  bool has_low, has_high;
  ReidNode *node = unary_node (b, REID_UNARY_CLIP);

  if (!node)
    return false;
  if (b->opset < 11) {
    low = reid_attr_float (b, "min", low);
    high = reid_attr_float (b, "max", high);
  } else if (!reid_scalar_input (b, 1, &low, &has_low)
             || !reid_scalar_input (b, 2, &high, &has_high)) {
    return false;
  }
  if (isnan (low) || isnan (high))
    return reid_build_fail (b, REID_ERROR_FORMAT, "a bound is NaN");
  /* Bounds that cross: the upper one is everybody's. */
  if (low > high)
    low = high;
  if (low == 0 && high >= FLT_MAX)
    node->u.unary.kind = REID_UNARY_RELU;
  node->u.unary.alpha = low;
  node->u.unary.beta = high;
  return reid_emit (b, node);
}

static bool
identity (ReidBuilder *b)
{
  int x, mask = reid_output (b, 1);

  if (mask >= 0 && b->values[mask].uses)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "the mask output is not supported");
  return reid_need (b, 0, &x) && reid_emit_identity (b, x);
}

static bool
prelu (ReidBuilder *b)
{
  int x, s;

  if (!reid_need (b, 0, &x) || !reid_need (b, 1, &s))
    return false;
  if (!b->values[s].data)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its slopes must be constant");
  /* The slopes line up with the last axes of x; only axis 1 may vary. */
  ReidShape shape = b->values[s].shape, one = { 1, { 1 } };
  int rank = b->values[x].shape.rank;
  for (int i = 0; i < shape.rank; i++) {
    int at = i + rank - shape.rank;
    if (shape.dims[i] == 1)
      continue;
    if (at != 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "only one slope a channel is supported");
    one.dims[0] = shape.dims[i];
  }
  ReidNode *node = reid_node_new (b, REID_OP_PRELU, 2);
  if (!node)
    return false;
  node->in[0] = x;
  node->in[1] = s;
  if (shape.rank != 1) {
    node->in[1] = reid_value_constant (b, &one);
    if (node->in[1] < 0)
      return false;
    memcpy (b->values[node->in[1]].data, b->values[s].data,
            (size_t) one.dims[0] * sizeof (float));
  }
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static bool
binary_node (ReidBuilder *b, ReidBinaryKind kind, int x, int y, int *out)
{
  ReidNode *node = reid_node_new (b, REID_OP_BINARY, 2);

  if (!node)
    return false;
  node->u.binary = kind;
  node->in[0] = x;
  node->in[1] = y;
  if (*out < 0) {
    *out = reid_emit_temporary (b, node);
    return *out >= 0;
  }
  node->out = *out;
  return reid_emit (b, node);
}

/* Min, Max and Sum take any number of inputs, the others two. */
static bool
binary (ReidBuilder *b)
{
  static const struct {
    const char *type;
    ReidBinaryKind kind;
    bool many;
  } kinds[] = {
    { "Add", REID_BINARY_ADD, false }, { "Sub", REID_BINARY_SUB, false },
    { "Mul", REID_BINARY_MUL, false }, { "Div", REID_BINARY_DIV, false },
    { "Pow", REID_BINARY_POW, false }, { "Min", REID_BINARY_MIN, true },
    { "Max", REID_BINARY_MAX, true },  { "Sum", REID_BINARY_ADD, true }
  };
  size_t k = 0;
  int x, y;

  while (!reid_bytes_equal (b->at->type, kinds[k].type))
    k++;
  if (!reid_need (b, 0, &x))
    return false;
  if (b->at->n_in == 1 && kinds[k].many)
    return reid_emit_identity (b, x);
  if (b->at->n_in != 2 && !kinds[k].many)
    return reid_build_fail (b, REID_ERROR_FORMAT, "wants two inputs");
  for (int i = 1; i < b->at->n_in; i++) {
    int out = i + 1 < b->at->n_in ? -1 : reid_output (b, 0);
    if (!reid_need (b, i, &y)
        || (kinds[k].kind == REID_BINARY_POW && !b->values[x].ints
            && !reid_value_as_floats (b, &y))
        || !binary_node (b, kinds[k].kind, x, y, &out))
      return false;
    x = out;
  }
  return true;
}

static bool
reciprocal (ReidBuilder *b)
{
  ReidShape scalar = { 0 };
  int x, out = reid_output (b, 0), one;

  if (!reid_need (b, 0, &x) || (one = reid_value_constant (b, &scalar)) < 0)
    return false;
  b->values[one].data[0] = 1;
  return binary_node (b, REID_BINARY_DIV, one, x, &out);
}

/* Until operator set 12 softmax ran over all axes from the given one on. */
static bool
softmax (ReidBuilder *b)
{
  int x, axis;

  if (!reid_need (b, 0, &x))
    return false;
  ReidShape shape = b->values[x].shape;
  if (!reid_axis (b, reid_attr_int (b, "axis", b->opset < 13 ? 1 : -1),
                  shape.rank, &axis))
    return false;
  int varying = axis, n_varying = 0;
  for (int i = axis; i < shape.rank && b->opset < 13; i++)
    if (shape.dims[i] != 1) {
      varying = i;
      n_varying++;
    }
  ReidNode *node = reid_node_new (b, REID_OP_SOFTMAX, 1);
  if (!node)
    return false;
  if (n_varying < 2) {
    node->u.axis.axis = b->opset < 13 ? varying : axis;
    node->in[0] = x;
    node->out = reid_output (b, 0);
    return reid_emit (b, node);
  }
  ReidNode *down = reid_node_new (b, REID_OP_RESHAPE, 1),
           *up = reid_node_new (b, REID_OP_RESHAPE, 1);
  if (!down || !up)
    return false;
  down->in[0] = x;
  down->u.reshape.rank = axis + 1;
  up->u.reshape.rank = shape.rank;
  for (int i = 0; i < axis; i++)
    down->u.reshape.dims[i] = up->u.reshape.dims[i] = REID_DIM_COPY (i);
  down->u.reshape.dims[axis] = -1;
  int open = 0;
  for (int i = axis; i < shape.rank; i++) {
    up->u.reshape.dims[i] = shape.dims[i] < 0 ? -1 : shape.dims[i];
    open += shape.dims[i] < 0;
  }
  if (open > 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "a softmax over several free sizes; export with "
                            "operator set 13 or newer");
  node->u.axis.axis = axis;
  node->in[0] = reid_emit_temporary (b, down);
  if (node->in[0] < 0 || (up->in[0] = reid_emit_temporary (b, node)) < 0)
    return false;
  up->out = reid_output (b, 0);
  return reid_emit (b, up);
}

const ReidTranslator reid_translate_map[] = {
  { "Relu", unary },       { "Exp", unary },
  { "Sigmoid", unary },    { "Tanh", unary },
  { "Sqrt", unary },       { "Neg", unary },
  { "Abs", unary },        { "Log", unary },
  { "Erf", unary },        { "HardSwish", unary },
  { "Gelu", gelu },        { "HardSigmoid", hard_sigmoid },
  { "Clip", clip },        { "LeakyRelu", leaky_relu },
  { "PRelu", prelu },      { "Identity", identity },
  { "Dropout", identity }, { "Reciprocal", reciprocal },
  { "Add", binary },       { "Sub", binary },
  { "Mul", binary },       { "Div", binary },
  { "Pow", binary },       { "Min", binary },
  { "Max", binary },       { "Sum", binary },
  { "Softmax", softmax },  { "Elu", elu },
  { "Sin", unary },        { "Cos", unary },
  { "Mish", unary },       { "Softplus", unary },
  { NULL, NULL }
};
