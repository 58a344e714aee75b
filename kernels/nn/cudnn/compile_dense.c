/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/compile.h"

#include <string.h>

static void
dense_strides (const ReidShape *s, int64_t *stride)
{
  int64_t n = 1;
  for (int i = s->rank - 1; i >= 0; i--) {
    stride[i] = n;
    n *= s->dims[i];
  }
}

/* The step of a node that reads `n_in` dense values. */
static ReidGpuStep *
dense_step (ReidGpuCompiler *c, const ReidNode *node, ReidGpuStepKind kind,
            int n_in)
{
  int in[2];
  ReidGpuStep *s;

  for (int i = 0; i < n_in; i++)
    if ((in[i] = reid_gpu_want (c, node->in[i], REID_GPU_DENSE)) < 0)
      return NULL;
  s = reid_gpu_step (c, kind, node, n_in,
                     reid_gpu_make (c, node->out, REID_GPU_DENSE));
  for (int i = 0; s && i < n_in; i++)
    s->in[i] = in[i];
  return s;
}

/* One copy along strides into the node's output. */
static bool
move (ReidGpuCompiler *c, const ReidNode *node, int value, int out,
      const ReidStrided *m)
{
  int x = reid_gpu_want (c, value, REID_GPU_DENSE);
  ReidGpuStep *s =
      x < 0 ? NULL : reid_gpu_step (c, REID_GPU_STRIDED, node, 1, out);

  if (!s)
    return false;
  s->in[0] = x;
  s->u.strided = *m;
  return true;
}

static bool
transpose (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]], *out = &c->shapes[node->out];
  ReidStrided m = { .rank = out->rank };
  int64_t stride[REID_MAX_RANK];

  dense_strides (in, stride);
  dense_strides (out, m.out_stride);
  for (int i = 0; i < out->rank; i++) {
    m.dims[i] = out->dims[i];
    m.in_stride[i] = stride[node->u.perm.perm[i]];
  }
  return move (c, node, node->in[0],
               reid_gpu_make (c, node->out, REID_GPU_DENSE), &m);
}

static bool
slice (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]], *out = &c->shapes[node->out];
  ReidStrided m = { .rank = out->rank };
  int64_t start, n;

  dense_strides (in, m.in_stride);
  dense_strides (out, m.out_stride);
  for (int i = 0; i < out->rank; i++) {
    reid_slice_range (&node->u.slice, i, in->dims[i], &start, &n);
    m.dims[i] = n;
    m.from += start * m.in_stride[i];
    m.in_stride[i] *= node->u.slice.step[i];
  }
  return move (c, node, node->in[0],
               reid_gpu_make (c, node->out, REID_GPU_DENSE), &m);
}

static bool
concat (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *out = &c->shapes[node->out];
  int axis = node->u.axis.axis,
      to = reid_gpu_make (c, node->out, REID_GPU_DENSE);
  int64_t at = 0, stride[REID_MAX_RANK];

  axis += axis < 0 ? out->rank : 0;
  dense_strides (out, stride);
  for (int i = 0; i < node->n_in && to >= 0; i++) {
    const ReidShape *in = &c->shapes[node->in[i]];
    ReidStrided m = { .rank = out->rank };
    dense_strides (in, m.in_stride);
    memcpy (m.dims, in->dims, sizeof m.dims);
    memcpy (m.out_stride, stride, sizeof stride);
    m.to = at * stride[axis];
    at += in->dims[axis];
    if (!move (c, node, node->in[i], to, &m))
      return false;
  }
  return to >= 0;
}

static bool
pad (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidShape *in = &c->shapes[node->in[0]], *out = &c->shapes[node->out];
  ReidStrided m = { .rank = out->rank };
  ReidGpuStep *s;
  int to;

  for (int i = 0; i < in->rank; i++)
    if (node->u.pad.before[i] < 0 || node->u.pad.after[i] < 0)
      return true;
  *taken = true;
  to = reid_gpu_make (c, node->out, REID_GPU_DENSE);
  s = reid_gpu_step (c, REID_GPU_FILL, node, 0, to);
  if (!s)
    return false;
  s->u.fill.value = node->u.pad.value;
  s->u.fill.n = reid_shape_count (out);
  dense_strides (in, m.in_stride);
  dense_strides (out, m.out_stride);
  for (int i = 0; i < in->rank; i++) {
    m.dims[i] = in->dims[i];
    m.to += node->u.pad.before[i] * m.out_stride[i];
  }
  return move (c, node, node->in[0], to, &m);
}

static bool
binary (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *out = &c->shapes[node->out];
  ReidGpuStep *s = dense_step (c, node, REID_GPU_BINARY, 2);

  if (!s)
    return false;
  s->u.binary.kind = node->u.binary;
  s->u.binary.rank = out->rank;
  memcpy (s->u.binary.dims, out->dims, sizeof s->u.binary.dims);
  for (int k = 0; k < 2; k++) {
    const ReidShape *in = &c->shapes[node->in[k]];
    int64_t stride[REID_MAX_RANK];
    dense_strides (in, stride);
    for (int i = 0; i < in->rank; i++)
      if (in->dims[i] != 1)
        s->u.binary.stride[k][i + out->rank - in->rank] = stride[i];
  }
  return true;
}

static bool
unary (ReidGpuCompiler *c, const ReidNode *node)
{
  ReidGpuStep *s = dense_step (c, node, REID_GPU_MAP, 1);

  if (!s)
    return false;
  s->u.map.unary = node->u.unary;
  s->u.map.store = REID_STORE_F32;
  s->u.map.n = reid_shape_count (&c->shapes[node->out]);
  s->u.map.c = s->u.map.cp = 1;
  return true;
}

static bool
softmax (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]];
  ReidGpuStep *s = dense_step (c, node, REID_GPU_SOFTMAX, 1);
  int axis = node->u.axis.axis;

  if (!s)
    return false;
  axis += axis < 0 ? in->rank : 0;
  s->u.softmax.outer = s->u.softmax.inner = 1;
  s->u.softmax.n = in->dims[axis];
  for (int i = 0; i < in->rank; i++)
    if (i < axis)
      s->u.softmax.outer *= in->dims[i];
    else if (i > axis)
      s->u.softmax.inner *= in->dims[i];
  return true;
}

/* Distance between the matrices of an operand: 0 where one serves all; -1
 * where they are spread in another way. */
static int64_t
between (const ReidShape *s, const ReidShape *out, int64_t matrix)
{
  int64_t n = 1, all = 1;
  int skip = out->rank - s->rank;

  for (int i = 0; i < s->rank - 2; i++)
    n *= s->dims[i];
  for (int i = 0; i < out->rank - 2; i++)
    all *= out->dims[i];
  if (n == 1)
    return 0;
  for (int i = 0; i < s->rank - 2; i++)
    if (s->dims[i] != out->dims[i + skip])
      return -1;
  return n == all ? matrix : -1;
}

static bool
matmul (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidShape *a = &c->shapes[node->in[0]], *b = &c->shapes[node->in[1]],
                  *out = &c->shapes[node->out];
  ReidGpuStep *s;

  if (a->rank < 2 || b->rank < 2 || out->rank < 2)
    return true;
  int64_t m = out->dims[out->rank - 2], n = out->dims[out->rank - 1],
          k = a->dims[a->rank - 1], from = between (a, out, m * k),
          other = between (b, out, k * n);
  if (from < 0 || other < 0)
    return true;
  *taken = true;
  s = dense_step (c, node, REID_GPU_MATMUL, 2);
  if (!s)
    return false;
  s->u.matmul.a_stride = from;
  s->u.matmul.b_stride = other;
  s->u.matmul.m = m;
  s->u.matmul.k = k;
  s->u.matmul.n = n;
  s->u.matmul.batch = reid_shape_count (out) / (m * n);
  return true;
}

static bool
reduce (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]];
  ReidGpuStep *s = dense_step (c, node, REID_GPU_REDUCE, 1);
  ReidReduction *r;
  int64_t stride[REID_MAX_RANK];

  if (!s)
    return false;
  r = &s->u.reduction;
  r->kind = node->u.reduce.kind;
  dense_strides (in, stride);
  for (int i = 0; i < in->rank; i++)
    if (node->u.reduce.axes >> i & 1) {
      r->inner[r->n_inner] = in->dims[i];
      r->inner_stride[r->n_inner++] = stride[i];
    } else {
      r->outer[r->n_outer] = in->dims[i];
      r->outer_stride[r->n_outer++] = stride[i];
    }
  return true;
}

static bool
layer_norm (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]];
  int from[3] = { -1, -1, -1 };
  ReidGpuStep *s;

  for (int i = 0; i < 3 && i < node->n_in; i++)
    if (node->in[i] >= 0
        && (from[i] = reid_gpu_want (c, node->in[i], REID_GPU_DENSE)) < 0)
      return false;
  s = reid_gpu_step (c, REID_GPU_LAYER_NORM, node, 3,
                     reid_gpu_make (c, node->out, REID_GPU_DENSE));
  if (!s)
    return false;
  memcpy (s->in, from, sizeof from);
  s->u.norm.rows = s->u.norm.n = 1;
  s->u.norm.epsilon = node->u.norm.epsilon;
  for (int i = 0; i < in->rank; i++)
    if (i < node->u.norm.axis)
      s->u.norm.rows *= in->dims[i];
    else
      s->u.norm.n *= in->dims[i];
  return true;
}

static bool
expand (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]], *out = &c->shapes[node->out];
  ReidStrided m = { .rank = out->rank };
  int64_t stride[REID_MAX_RANK];

  dense_strides (in, stride);
  dense_strides (out, m.out_stride);
  memcpy (m.dims, out->dims, sizeof m.dims);
  for (int i = 0; i < in->rank; i++)
    if (in->dims[i] != 1)
      m.in_stride[i + out->rank - in->rank] = stride[i];
  return move (c, node, node->in[0],
               reid_gpu_make (c, node->out, REID_GPU_DENSE), &m);
}

bool
reid_gpu_compile_dense (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  *taken = false;
  if (node->op == REID_OP_PAD)
    return pad (c, node, taken);
  if (node->op == REID_OP_MATMUL)
    return matmul (c, node, taken);
  *taken = true;
  switch (node->op) {
    case REID_OP_TRANSPOSE:
      return transpose (c, node);
    case REID_OP_SLICE:
      return slice (c, node);
    case REID_OP_CONCAT:
      return concat (c, node);
    case REID_OP_BINARY:
      return binary (c, node);
    case REID_OP_UNARY:
      return unary (c, node);
    case REID_OP_SOFTMAX:
      return softmax (c, node);
    case REID_OP_REDUCE:
      return reduce (c, node);
    case REID_OP_LAYER_NORM:
      return layer_norm (c, node);
    case REID_OP_EXPAND:
      return expand (c, node);
    default:
      *taken = false;
      return true;
  }
}
