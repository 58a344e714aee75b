/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  bool line; /* 1-D: a picture of one row */
  int kernel[2], stride[2], dilation[2], pad[4];
} Window;

static bool
window_ints (ReidBuilder *b, const char *name, int64_t least, int count,
             bool line, int *out)
{
  int64_t v[4];
  int n;

  if (!reid_attr_ints (b, name, v, 4, &n))
    return false;
  if (n >= 0 && n != (line ? count / 2 : count))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "attribute %s has %d entries: only 1-D and 2-D "
                            "windows are supported, and those that fit the "
                            "input",
                            name, n);
  for (int i = 0; i < n; i++) {
    if (v[i] < least || v[i] > REID_MAX_WINDOW)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "attribute %s holds %lld, which is not between "
                              "%lld and %d",
                              name, (long long) v[i], (long long) least,
                              REID_MAX_WINDOW);
    out[line ? 2 * i + 1 : i] = (int) v[i];
  }
  return true;
}

/* auto_pad names a rule instead of sizes; it needs the picture's size unless
 * the window moves by one. */
static bool
resolve_auto_pad (ReidBuilder *b, const ReidShape *x, Window *w)
{
  bool upper = reid_attr_is (b, "auto_pad", "SAME_UPPER", false),
       lower = reid_attr_is (b, "auto_pad", "SAME_LOWER", false),
       valid = reid_attr_is (b, "auto_pad", "VALID", false);

  if (!upper && !lower && !valid)
    return reid_attr_is (b, "auto_pad", "NOTSET", true)
           || reid_attr_is (b, "auto_pad", "", false)
           || reid_build_fail (b, REID_ERROR_FORMAT, "unknown auto_pad");
  memset (w->pad, 0, sizeof w->pad);
  for (int i = 0; i < 2 && !valid; i++) {
    int64_t in = x->rank == 4             ? x->dims[2 + i]
                 : x->rank == 3 && i == 1 ? x->dims[2]
                                          : 1,
            s = w->stride[i], total;
    total = (int64_t) (w->kernel[i] - 1) * w->dilation[i];
    if (s > 1) {
      if (in < 0)
        return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                "auto_pad with a stride needs a fixed picture "
                                "size; export with explicit pads");
      total += ((in + s - 1) / s - 1) * s + 1 - in;
    }
    if (total < 0)
      total = 0;
    if (total > REID_MAX_WINDOW)
      return reid_build_fail (b, REID_ERROR_FORMAT, "the window is too large");
    w->pad[i] = (int) (upper ? total / 2 : total - total / 2);
    w->pad[i + 2] = (int) total - w->pad[i];
  }
  return true;
}

static bool
read_window (ReidBuilder *b, const ReidShape *x, Window *w)
{
  for (int i = 0; i < 2; i++)
    w->stride[i] = w->dilation[i] = 1;
  memset (w->pad, 0, sizeof w->pad);
  w->line = x->rank == 3;
  if (w->line)
    w->kernel[0] = 1;
  return window_ints (b, "kernel_shape", 1, 2, w->line, w->kernel)
         && window_ints (b, "strides", 1, 2, w->line, w->stride)
         && window_ints (b, "dilations", 1, 2, w->line, w->dilation)
         && window_ints (b, "pads", 0, 4, w->line, w->pad)
         && resolve_auto_pad (b, x, w);
}

/* Emits a node whose window is a line's: as that of a picture of one row. */
static bool
emit_window (ReidBuilder *b, const Window *w, ReidNode *node)
{
  node->out = reid_output (b, 0);
  if (!w->line)
    return reid_emit (b, node);
  ReidNode *up = reid_node_new (b, REID_OP_RESHAPE, 1),
           *down = reid_node_new (b, REID_OP_RESHAPE, 1);
  if (!up || !down)
    return false;
  up->u.reshape.rank = 4;
  up->u.reshape.dims[0] = REID_DIM_COPY (0);
  up->u.reshape.dims[1] = REID_DIM_COPY (1);
  up->u.reshape.dims[2] = 1;
  up->u.reshape.dims[3] = REID_DIM_COPY (2);
  up->in[0] = node->in[0];
  down->u.reshape.rank = 3;
  down->u.reshape.dims[0] = REID_DIM_COPY (0);
  down->u.reshape.dims[1] = REID_DIM_COPY (1);
  down->u.reshape.dims[2] = REID_DIM_COPY (3);
  down->out = node->out;
  return (node->in[0] = reid_emit_temporary (b, up)) >= 0
         && (down->in[0] = reid_emit_temporary (b, node)) >= 0
         && reid_emit (b, down);
}

static bool
constant_input (ReidBuilder *b, int i, int rank, const char *what, int *value)
{
  if (!reid_need (b, i, value))
    return false;
  const ReidBuildValue *v = &b->values[*value];
  if (!v->data)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its %s must be constant floats", what);
  if (v->shape.rank != rank)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its %s have %d dimensions, not %d (only lines "
                            "and 2-D pictures are supported)",
                            what, v->shape.rank, rank);
  for (int k = 0; k < rank; k++)
    if (v->shape.dims[k] == 0)
      return reid_build_fail (b, REID_ERROR_FORMAT, "its %s are empty", what);
  return true;
}

/* Weights [out, in, width] as [out, in, 1, width]. */
static int
line_weight (ReidBuilder *b, int weight)
{
  const ReidShape *from = &b->values[weight].shape;
  ReidShape to = { 4, { from->dims[0], from->dims[1], 1, from->dims[2] } };
  int made = reid_value_constant (b, &to);

  if (made >= 0) {
    memcpy (b->values[made].data, b->values[weight].data,
            (size_t) reid_shape_count (&to) * sizeof (float));
    reid_value_release (b, weight);
  }
  return made;
}

static bool
conv (ReidBuilder *b)
{
  int x, weight, bias = -1;
  Window w;

  if (!reid_need (b, 0, &x)
      || !constant_input (b, 1, b->values[x].shape.rank == 3 ? 3 : 4, "weights",
                          &weight)
      || (reid_input (b, 2) >= 0 && !constant_input (b, 2, 1, "biases", &bias))
      || (b->values[x].shape.rank == 3
          && (weight = line_weight (b, weight)) < 0))
    return false;
  const ReidShape ws = b->values[weight].shape;
  for (int i = 0; i < 2; i++) {
    if (ws.dims[2 + i] > REID_MAX_WINDOW)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "the kernel is larger than %d", REID_MAX_WINDOW);
    w.kernel[i] = (int) ws.dims[2 + i];
  }
  if (!read_window (b, &b->values[x].shape, &w))
    return false;
  int64_t groups = reid_attr_int (b, "group", 1);
  if (w.kernel[0] != ws.dims[2] || w.kernel[1] != ws.dims[3])
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "kernel_shape is not that of the weights");
  if (groups < 1 || groups > ws.dims[0] || ws.dims[0] % groups)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "%lld groups do not divide %lld channels",
                            (long long) groups, (long long) ws.dims[0]);
  if (bias >= 0 && b->values[bias].shape.dims[0] != ws.dims[0])
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "the biases do not fit the weights");
  ReidNode *node = reid_node_new (b, REID_OP_CONV, REID_MAX_NODE_IN);
  if (!node)
    return false;
  ReidConv *c = &node->u.conv;
  c->groups = (int) groups;
  memcpy (c->kernel, w.kernel, sizeof c->kernel);
  memcpy (c->stride, w.stride, sizeof c->stride);
  memcpy (c->dilation, w.dilation, sizeof c->dilation);
  memcpy (c->pad, w.pad, sizeof c->pad);
  c->bias = bias >= 0 ? 2 : -1;
  c->residual = c->slope = -1;
  node->in[0] = x;
  node->in[1] = weight;
  node->in[2] = bias;
  return emit_window (b, &w, node);
}

static bool
pool (ReidBuilder *b)
{
  bool max = reid_bytes_equal (b->at->type, "MaxPool");
  Window w = { .kernel = { 0, 0 } };
  int x;

  if (!reid_need (b, 0, &x) || !read_window (b, &b->values[x].shape, &w))
    return false;
  if (w.kernel[1] == 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "it has no kernel_shape");
  for (int i = 0; i < 2; i++) {
    if (w.dilation[i] != 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "pooling with dilations is not supported");
    if (w.pad[i] >= w.kernel[i] || w.pad[i + 2] >= w.kernel[i])
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "its pads are not smaller than its kernel");
  }
  int indices = max ? reid_output (b, 1) : -1;
  if (indices >= 0 && b->values[indices].uses)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "the output of indices is not supported");
  ReidNode *node =
      reid_node_new (b, max ? REID_OP_MAX_POOL : REID_OP_AVERAGE_POOL, 1);
  if (!node)
    return false;
  ReidPool *p = &node->u.pool;
  memcpy (p->kernel, w.kernel, sizeof p->kernel);
  memcpy (p->stride, w.stride, sizeof p->stride);
  memcpy (p->pad, w.pad, sizeof p->pad);
  p->ceil_mode = reid_attr_int (b, "ceil_mode", 0) != 0;
  p->count_include_pad = reid_attr_int (b, "count_include_pad", 0) != 0;
  node->in[0] = x;
  return emit_window (b, &w, node);
}

static bool
global_pool (ReidBuilder *b)
{
  ReidNode *node = reid_node_new (b, REID_OP_GLOBAL_AVERAGE_POOL, 1);

  if (!node || !reid_need (b, 0, &node->in[0]))
    return false;
  int rank = b->values[node->in[0]].shape.rank;
  if (rank != 4 && rank > 2) {
    node->op = REID_OP_REDUCE;
    node->u.reduce.kind = REID_REDUCE_MEAN;
    node->u.reduce.axes = ((1u << rank) - 1) & ~3u;
  }
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static bool
batch_norm (ReidBuilder *b)
{
  static const char *const what[] = { "", "scales", "shifts", "means",
                                      "variances" };
  int in[5];
  double epsilon = reid_attr_float (b, "epsilon", 1e-5f);

  if (!reid_need (b, 0, &in[0]))
    return false;
  for (int i = 1; i < 5; i++)
    if (!constant_input (b, i, 1, what[i], &in[i]))
      return false;
  if (reid_attr_int (b, "training_mode", 0) || !reid_attr_int (b, "spatial", 1))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only the inference form is supported; export "
                            "the model in evaluation mode");
  ReidShape shape = b->values[in[1]].shape;
  int64_t n = shape.dims[0];
  for (int i = 2; i < 5; i++)
    if (b->values[in[i]].shape.dims[0] != n)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "its %s do not fit its scales", what[i]);
  ReidNode *node = reid_node_new (b, REID_OP_AFFINE, 3);
  double *both = malloc ((size_t) n * 2 * sizeof *both);
  bool ok = node && both;
  if (node && !both)
    reid_build_no_memory (b);
  for (int64_t i = 0; i < n && ok; i++) {
    double scale =
        b->values[in[1]].data[i] / sqrt (b->values[in[4]].data[i] + epsilon);
    double shift = b->values[in[2]].data[i] - b->values[in[3]].data[i] * scale;
    if (!isfinite ((float) scale) || !isfinite ((float) shift))
      ok = reid_build_fail (b, REID_ERROR_FORMAT,
                            "its statistics give NaN or an infinity at "
                            "channel %lld",
                            (long long) i);
    both[i] = scale;
    both[n + i] = shift;
  }
  if (ok) {
    const ReidShape *x = &b->values[in[0]].shape;
    if (x->rank < 2 || (x->dims[1] >= 0 && x->dims[1] != n))
      ok = reid_build_fail (b, REID_ERROR_FORMAT,
                            "its statistics do not fit the input's channels");
  }
  if (ok && !reid_fuse_affine (b, in[0], reid_output (b, 0), both, both + n)) {
    int scale = reid_value_constant (b, &shape),
        shift = scale < 0 ? -1 : reid_value_constant (b, &shape);
    ok = shift >= 0;
    for (int64_t i = 0; i < n && ok; i++) {
      b->values[scale].data[i] = (float) both[i];
      b->values[shift].data[i] = (float) both[n + i];
    }
    node->in[0] = in[0];
    node->in[1] = scale;
    node->in[2] = shift;
    node->out = reid_output (b, 0);
    ok = ok && reid_emit (b, node);
  }
  free (both);
  return ok;
}

static bool
mat_mul_node (ReidBuilder *b, ReidOp op, int x, int y, int bias, int out)
{
  ReidNode *node = reid_node_new (b, op, 3);

  if (!node)
    return false;
  node->in[0] = x;
  node->in[1] = y;
  node->in[2] = bias;
  node->out = out;
  if (bias < 0)
    node->n_in = 2;
  return reid_emit (b, node);
}

/* weight[M,K] = alpha * y, y being [K,M] or already transposed. */
static int
gemm_weight (ReidBuilder *b, int y, bool transposed, float alpha)
{
  ReidShape from = b->values[y].shape, to = from;

  if (transposed && alpha == 1)
    return y;
  if (!transposed) {
    to.dims[0] = from.dims[1];
    to.dims[1] = from.dims[0];
  }
  int made = reid_value_constant (b, &to);
  if (made < 0)
    return -1;
  const float *s = b->values[y].data;
  float *d = b->values[made].data;
  for (int64_t m = 0; m < to.dims[0]; m++)
    for (int64_t k = 0; k < to.dims[1]; k++)
      d[m * to.dims[1] + k] =
          alpha * (transposed ? s[m * to.dims[1] + k] : s[k * to.dims[0] + m]);
  /* The weights of a transformer are hundreds of megabytes. */
  reid_value_release (b, y);
  return made;
}

static bool
gemm (ReidBuilder *b)
{
  int x, y, z = reid_input (b, 2), bias = -1, weight;
  float alpha = reid_attr_float (b, "alpha", 1),
        beta = reid_attr_float (b, "beta", 1);
  bool transposed = reid_attr_int (b, "transB", 0) != 0;

  if (!reid_need (b, 0, &x) || !constant_input (b, 1, 2, "weights", &y)
      || (z >= 0 && !reid_value_ready (b, z)))
    return false;
  if (reid_attr_int (b, "transA", 0))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "transA is not supported");
  weight = gemm_weight (b, y, transposed, alpha);
  if (weight < 0)
    return false;
  if (z >= 0) {
    ReidShape one = { 1, { b->values[weight].shape.dims[0] } };
    const ReidBuildValue *c = &b->values[z];
    int64_t n = c->data ? reid_shape_count (&c->shape) : 0;
    int64_t last = c->shape.rank ? c->shape.dims[c->shape.rank - 1] : 1;
    if (!c->data || c->shape.rank > 2 || n != last
        || (n != 1 && n != one.dims[0]))
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "its third input must be one constant a column");
    bias = reid_value_constant (b, &one);
    if (bias < 0)
      return false;
    for (int64_t i = 0; i < one.dims[0]; i++)
      b->values[bias].data[i] = beta * b->values[z].data[n == 1 ? 0 : i];
  }
  return mat_mul_node (b, REID_OP_GEMM, x, weight, bias, reid_output (b, 0));
}

static int
free_sizes_of_rows (const ReidShape *x)
{
  int n = 0;

  for (int i = 0; i + 1 < x->rank; i++)
    n += x->dims[i] < 0;
  return n;
}

/* Rows of any number of axes times one matrix are rows of one axis times it,
 * brought back to their axes. */
static bool
mat_mul_rows (ReidBuilder *b, int x, int weight, int out)
{
  const ReidShape shape = b->values[x].shape, w = b->values[weight].shape;
  ReidNode *down = reid_node_new (b, REID_OP_RESHAPE, 1),
           *product = reid_node_new (b, REID_OP_GEMM, 3),
           *up = reid_node_new (b, REID_OP_RESHAPE, 1);

  if (!down || !product || !up)
    return false;
  down->u.reshape.rank = 2;
  down->u.reshape.dims[0] = -1;
  down->u.reshape.dims[1] = w.dims[1];
  down->in[0] = x;
  product->in[1] = weight;
  up->u.reshape.rank = shape.rank;
  for (int i = 0; i + 1 < shape.rank; i++)
    up->u.reshape.dims[i] = shape.dims[i] < 0 ? -1 : shape.dims[i];
  up->u.reshape.dims[shape.rank - 1] = w.dims[0];
  up->out = out;
  return (product->in[0] = reid_emit_temporary (b, down)) >= 0
         && (up->in[0] = reid_emit_temporary (b, product)) >= 0
         && reid_emit (b, up);
}

static bool
mat_mul (ReidBuilder *b)
{
  int x, y, out = reid_output (b, 0);

  if (!reid_need (b, 0, &x) || !reid_need (b, 1, &y))
    return false;
  const ReidShape a = b->values[x].shape, w = b->values[y].shape;
  if (!b->values[x].computed || a.rank < 2 || !b->values[y].data || w.rank != 2
      || a.dims[a.rank - 1] != w.dims[0] || w.dims[0] < 1 || w.dims[1] < 1
      || (a.rank > 2 && free_sizes_of_rows (&a) > 1))
    return mat_mul_node (b, REID_OP_MATMUL, x, y, -1, out);
  int weight = gemm_weight (b, y, false, 1);
  if (weight < 0)
    return false;
  return a.rank == 2 ? mat_mul_node (b, REID_OP_GEMM, x, weight, -1, out)
                     : mat_mul_rows (b, x, weight, out);
}

const ReidTranslator reid_translate_conv[] = {
  { "Conv", conv },
  { "MaxPool", pool },
  { "AveragePool", pool },
  { "GlobalAveragePool", global_pool },
  { "BatchNormalization", batch_norm },
  { "Gemm", gemm },
  { "MatMul", mat_mul },
  { NULL, NULL }
};
