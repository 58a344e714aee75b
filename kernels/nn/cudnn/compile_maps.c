/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/compile.h"

#include <string.h>

static ReidGpuStep *
simple_step (ReidGpuCompiler *c, const ReidNode *node, ReidGpuStepKind kind,
             const ReidBlocked *in, const ReidBlocked *out, int n_in)
{
  int x = reid_gpu_want (c, node->in[0], REID_GPU_BLOCKED);
  ReidGpuStep *s =
      x < 0 ? NULL
            : reid_gpu_step (c, kind, node, n_in,
                             reid_gpu_make (c, node->out, REID_GPU_BLOCKED));
  if (!s)
    return NULL;
  s->in[0] = x;
  s->from = *in;
  s->to = *out;
  return s;
}

/* What makes a map of a map; *taken is false where it is none. */
static ReidGpuStep *
map_step (ReidGpuCompiler *c, const ReidNode *node, ReidGpuStepKind kind,
          bool *taken)
{
  ReidBlocked in, out;

  *taken = c->shapes[node->in[0]].rank == 4
           && reid_gpu_blocked (c, node->in[0], &in)
           && reid_gpu_blocked (c, node->out, &out);
  return *taken ? simple_step (c, node, kind, &in, &out, 1) : NULL;
}

static bool
pool (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  bool global = node->op == REID_OP_GLOBAL_AVERAGE_POOL;
  ReidGpuStep *s = map_step (
      c, node, global ? REID_GPU_GLOBAL_AVERAGE : REID_GPU_POOL, taken);

  if (s && !global) {
    s->u.pool.window = node->u.pool;
    s->u.pool.max = node->op == REID_OP_MAX_POOL;
  }
  return s || !*taken;
}

static bool
resize (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  ReidGpuStep *s = map_step (c, node, REID_GPU_RESIZE, taken);

  if (s)
    s->u.resize = node->u.resize;
  return s || !*taken;
}

/* x * scale + shift, or PReLU: constants a channel. */
static bool
per_channel (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  ReidBlocked b;
  ReidGpuStep *s;
  ReidEpilogue end = { 0 };

  if (!reid_gpu_per_channel (c, node))
    return true;
  *taken = true;
  /* made with what it reads */
  if (node->op == REID_OP_AFFINE && reid_gpu_has_blocked (c, node->out))
    return true;
  reid_gpu_blocked (c, node->in[0], &b);
  if (node->op == REID_OP_PRELU) {
    end.act = REID_ACT_PRELU;
    if (!reid_gpu_vector (c, node->in[1], b.cp, &end.slope))
      return false;
  } else if (!reid_gpu_vector (c, node->in[1], b.cp, &end.scale)
             || !reid_gpu_vector (c, node->in[2], b.cp, &end.shift)) {
    return false;
  }
  s = simple_step (c, node, REID_GPU_EPILOGUE, &b, &b, 2);
  if (!s)
    return false;
  s->u.end = end;
  return true;
}

static bool
unary (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  ReidBlocked b;
  ReidGpuStep *s;

  if (!reid_gpu_has_blocked (c, node->in[0])
      || !reid_gpu_blocked (c, node->in[0], &b))
    return true;
  *taken = true;
  s = simple_step (c, node, REID_GPU_MAP, &b, &b, 1);
  if (!s)
    return false;
  s->u.map.unary = node->u.unary;
  s->u.map.store = b.store;
  s->u.map.n = (int64_t) b.n * b.h * b.w * b.cp;
  s->u.map.c = b.c;
  s->u.map.cp = b.cp;
  return true;
}

/* Is this constant one number, or one for each channel of the output? */
static bool
along_channels (const ReidGpuCompiler *c, int value, int out)
{
  const ReidShape *s = &c->shapes[value], *o = &c->shapes[out];
  int axis = o->rank == 4 ? 1 : o->rank - 1;

  if (s->rank > o->rank)
    return false;
  if (reid_shape_count (s) == 1)
    return true;
  for (int i = 0; i < s->rank; i++) {
    int at = i + o->rank - s->rank;
    if (s->dims[i] != (at == axis ? o->dims[axis] : 1))
      return false;
  }
  return axis >= o->rank - s->rank;
}

static bool
same_shape (const ReidShape *a, const ReidShape *b)
{
  return a->rank == b->rank
         && memcmp (a->dims, b->dims, (size_t) a->rank * sizeof *a->dims) == 0;
}

/* Sums and products with constants are epilogues, whose constants are f32. */
static bool
with_constant (ReidGpuCompiler *c, const ReidNode *node, int constant,
               const ReidBlocked *b)
{
  ReidBinaryKind kind = node->u.binary;
  int x = reid_gpu_want (c, node->in[1 - constant], REID_GPU_BLOCKED),
      out = x < 0 ? -1 : reid_gpu_make (c, node->out, REID_GPU_BLOCKED);
  bool epilogue = kind == REID_BINARY_ADD || kind == REID_BINARY_MUL;
  const void *other = reid_gpu_constant (
      c, node->in[constant], epilogue ? REID_FORM_VECTOR : REID_FORM_BLOCKED,
      b->cp);
  int buffer = -1;
  ReidGpuStep *s;

  if (!other || out < 0)
    return false;
  if (!epilogue) {
    buffer = reid_gpu_add_buffer (c->program, 0, other);
    if (buffer < 0)
      return false;
  }
  s = reid_gpu_step (c, epilogue ? REID_GPU_EPILOGUE : REID_GPU_COMBINE, node,
                     2, out);
  if (!s)
    return false;
  s->in[0] = x;
  s->in[1] = buffer;
  s->to = *b;
  if (!epilogue) {
    s->u.combine.kind = kind;
    s->u.combine.spread = REID_SPREAD_ALL;
    s->u.combine.swap = constant == 0;
  } else if (kind == REID_BINARY_ADD) {
    s->u.end.shift = other;
  } else {
    s->u.end.scale = other;
  }
  return true;
}

static bool
binary (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidShape *out = &c->shapes[node->out];
  int a = node->in[0], b = node->in[1], full, other;
  ReidBlocked shape;
  ReidGpuStep *s;
  bool pixels = false;

  if (!reid_gpu_blocked (c, node->out, &shape))
    return true;
  for (int k = 0; k < 2; k++)
    if (reid_gpu_is_constant (c, node->in[k])) {
      if (!reid_gpu_has_blocked (c, node->in[1 - k])
          || !same_shape (&c->shapes[node->in[1 - k]], out)
          || !along_channels (c, node->in[k], node->out))
        return true;
      *taken = true;
      return with_constant (c, node, k, &shape);
    }
  full = same_shape (&c->shapes[a], out) ? 0 : 1;
  other = 1 - full;
  if (!same_shape (&c->shapes[node->in[full]], out)
      || (!reid_gpu_has_blocked (c, a) && !reid_gpu_has_blocked (c, b)))
    return true;
  const ReidShape *o = &c->shapes[node->in[other]];
  if (!same_shape (o, out)) {
    pixels = out->rank == 4 && o->rank == 4 && o->dims[0] == out->dims[0]
             && o->dims[1] == out->dims[1] && o->dims[2] == 1
             && o->dims[3] == 1;
    if (!pixels)
      return true;
  }
  *taken = true;
  a = reid_gpu_want (c, node->in[full], REID_GPU_BLOCKED);
  b = a < 0 ? -1 : reid_gpu_want (c, node->in[other], REID_GPU_BLOCKED);
  if (b < 0)
    return false;
  s = reid_gpu_step (c, REID_GPU_COMBINE, node, 2,
                     reid_gpu_make (c, node->out, REID_GPU_BLOCKED));
  if (!s)
    return false;
  s->in[0] = a;
  s->in[1] = b;
  s->to = shape;
  s->u.combine.kind = node->u.binary;
  s->u.combine.spread = pixels ? REID_SPREAD_PIXELS : REID_SPREAD_NONE;
  s->u.combine.swap = full == 1;
  return true;
}

static bool
channels (ReidGpuCompiler *c, const ReidNode *node, int value, int out,
          int from, int to, int count, int zeros)
{
  int x = reid_gpu_want (c, value, REID_GPU_BLOCKED);
  ReidGpuStep *s =
      x < 0 ? NULL : reid_gpu_step (c, REID_GPU_CHANNELS, node, 1, out);

  if (!s)
    return false;
  s->in[0] = x;
  reid_gpu_blocked (c, value, &s->from);
  reid_gpu_blocked (c, node->out, &s->to);
  s->u.channels.from = from;
  s->u.channels.to = to;
  s->u.channels.count = count;
  s->u.channels.zeros = zeros;
  return true;
}

static bool
concat (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  int rank = c->shapes[node->out].rank, axis = node->u.axis.axis, at = 0, out;
  ReidBlocked b, part;

  if ((rank != 4 && rank != 2) || (axis != 1 && axis != 1 - rank)
      || !reid_gpu_blocked (c, node->out, &b))
    return true;
  for (int i = 0; i < node->n_in; i++)
    if (reid_gpu_is_constant (c, node->in[i])
        || !reid_gpu_has_blocked (c, node->in[i]))
      return true;
  *taken = true;
  out = reid_gpu_make (c, node->out, REID_GPU_BLOCKED);
  for (int i = 0; i < node->n_in; i++) {
    bool last = i == node->n_in - 1;
    reid_gpu_blocked (c, node->in[i], &part);
    if (!channels (c, node, node->in[i], out, 0, at, part.c,
                   last ? b.cp - b.c : 0))
      return false;
    at += part.c;
  }
  return true;
}

static bool
slice (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidShape *in = &c->shapes[node->in[0]];
  int64_t start[REID_MAX_RANK], n[REID_MAX_RANK];
  ReidBlocked b;

  if ((in->rank != 4 && in->rank != 2) || !reid_gpu_has_blocked (c, node->in[0])
      || !reid_gpu_blocked (c, node->out, &b))
    return true;
  for (int i = 0; i < in->rank; i++) {
    reid_slice_range (&node->u.slice, i, in->dims[i], &start[i], &n[i]);
    if (node->u.slice.step[i] != 1 || (i != 1 && n[i] != in->dims[i]))
      return true;
  }
  *taken = true;
  return channels (c, node, node->in[0],
                   reid_gpu_make (c, node->out, REID_GPU_BLOCKED),
                   (int) start[1], 0, (int) n[1], b.cp - b.c);
}

/* The heads of detectors: [n][c][h][w] to [n][h][w][c]. */
static bool
transpose (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  static const int last[] = { 0, 2, 3, 1 };
  ReidGpuStep *s;

  if (c->shapes[node->in[0]].rank != 4
      || memcmp (node->u.perm.perm, last, sizeof last) != 0
      || !reid_gpu_has_blocked (c, node->in[0]))
    return true;
  *taken = true;
  s = reid_gpu_step (c, REID_GPU_UNPACK, node, 1,
                     reid_gpu_make (c, node->out, REID_GPU_DENSE));
  if (!s)
    return false;
  s->in[0] = reid_gpu_want (c, node->in[0], REID_GPU_BLOCKED);
  reid_gpu_blocked (c, node->in[0], &s->from);
  s->u.last = true;
  return true;
}

bool
reid_gpu_compile_maps (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  *taken = false;
  for (int i = 0; i < node->n_in; i++)
    /* a node of constants alone is folded, but for what is too large to be */
    if (node->in[i] >= 0 && !reid_gpu_is_constant (c, node->in[i]))
      break;
    else if (i == node->n_in - 1)
      return true;
  switch (node->op) {
    case REID_OP_CONV:
    case REID_OP_GEMM:
    case REID_OP_MATMUL:
      return reid_gpu_compile_product (c, node, taken);
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
      return pool (c, node, taken);
    case REID_OP_AFFINE:
    case REID_OP_PRELU:
      return per_channel (c, node, taken);
    case REID_OP_UNARY:
      return unary (c, node, taken);
    case REID_OP_BINARY:
      return binary (c, node, taken);
    case REID_OP_CONCAT:
      return concat (c, node, taken);
    case REID_OP_SLICE:
      return slice (c, node, taken);
    case REID_OP_TRANSPOSE:
      return transpose (c, node, taken);
    case REID_OP_RESIZE:
      return resize (c, node, taken);
    default:
      return true;
  }
}
