/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/symbols.h"
#include "nn/onnx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const ReidNode *node;
  const ReidShape *in;
  ReidShape *out;
  ReidSymbols *symbols;
  ReidError *error;
} Infer;

static bool
wrong (Infer *f, const char *what)
{
  char a[REID_SHAPE_TEXT], b[REID_SHAPE_TEXT];
  const ReidShape *second =
      f->node->n_in > 1 && f->node->in[1] >= 0 ? &f->in[1] : NULL;

  return reid_error_set (f->error, REID_ERROR_FORMAT, "%s (input %s%s%s)", what,
                         reid_shape_text (&f->in[0], a, sizeof a),
                         second ? " and " : "",
                         second ? reid_shape_text (second, b, sizeof b) : "");
}

static bool
symbol (Infer *f, ReidSymbolKind kind, const int64_t *args, int n, int64_t *dim)
{
  *dim = reid_symbol (f->symbols, kind, args, n);
  return *dim < 0 || wrong (f, "too many free sizes");
}

int64_t
reid_shape_count (const ReidShape *shape)
{
  int64_t n = 1;
  for (int i = 0; i < shape->rank; i++)
    if (shape->dims[i] < 0 || __builtin_mul_overflow (n, shape->dims[i], &n))
      return -1;
  return n;
}

int64_t
reid_tensor_count (const ReidTensor *tensor)
{
  int64_t n = 1;
  for (int i = 0; i < tensor->rank; i++)
    n *= tensor->dims[i];
  return n;
}

static bool
same (int64_t a, int64_t b)
{
  /* A free size may turn out to be any: the plan for real sizes decides. */
  return a == b || a < 0 || b < 0;
}

/* floor ((in + add) / by) */
static bool
divided (Infer *f, int64_t in, int64_t add, int64_t by, int64_t *out)
{
  *out = reid_symbol_floor (f->symbols, in, add, by);
  return *out != 0 || wrong (f, "too many free sizes");
}

/* floor or ceil ((in + offset) / stride) + 1; a ceil window may not start
 * beyond the input and its leading pad. */
static bool
window (Infer *f, int64_t in, int64_t offset, int64_t stride, bool ceil_mode,
        int64_t lead, int64_t *out)
{
  if (in < 0) {
    const int64_t args[] = { in, offset, stride, lead };
    return ceil_mode && stride > 1
               ? symbol (f, REID_SYMBOL_WINDOW, args, 4, out)
               : divided (f, in, offset + stride, stride, out);
  }
  /* With ceil_mode a window may hang over the end by less than a step. */
  int64_t room = in + offset;
  if (room < 0 && !(ceil_mode && room > -stride))
    return wrong (f, "the window is larger than the padded input");
  *out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (*out - 1) * stride >= in + lead)
    (*out)--;
  return true;
}

int64_t
reid_pool_extent (const ReidPool *p, int axis, int64_t in)
{
  Infer f = { 0 };
  ReidNode node = { 0 };
  ReidShape shape = { 0 };
  int64_t out = 0;

  f.node = &node;
  f.in = &shape;
  return window (&f, in, p->pad[axis] + p->pad[axis + 2] - p->kernel[axis],
                 p->stride[axis], p->ceil_mode, p->pad[axis], &out)
             ? out
             : -1;
}

static bool
infer_conv (Infer *f)
{
  const ReidConv *c = &f->node->u.conv;
  const ReidShape *x = &f->in[0], *w = &f->in[1];

  if (x->rank != 4)
    return wrong (f, "wants a 4-D input (batch, channels, height, width)");
  if (!same (x->dims[1], w->dims[1] * c->groups))
    return wrong (f, "the weights do not fit the input's channels");
  f->out->rank = 4;
  f->out->dims[0] = x->dims[0];
  f->out->dims[1] = w->dims[0];
  for (int i = 0; i < 2; i++)
    if (!window (f, x->dims[2 + i],
                 (int64_t) c->pad[i] + c->pad[i + 2]
                     - (int64_t) c->dilation[i] * (c->kernel[i] - 1) - 1,
                 c->stride[i], false, 0, &f->out->dims[2 + i]))
      return false;
  if (c->residual >= 0) {
    const ReidShape *r = &f->in[c->residual];
    bool fits = r->rank == 4;
    for (int i = 0; i < 4 && fits; i++)
      fits = same (r->dims[i], f->out->dims[i]);
    if (!fits)
      return wrong (f, "the two sides of the addition differ in shape");
  }
  return true;
}

static bool
infer_pool (Infer *f)
{
  const ReidPool *p = &f->node->u.pool;
  const ReidShape *x = &f->in[0];

  if (x->rank != 4)
    return wrong (f, "wants a 4-D input (batch, channels, height, width)");
  *f->out = *x;
  for (int i = 0; i < 2; i++)
    if (f->node->op == REID_OP_GLOBAL_AVERAGE_POOL)
      f->out->dims[2 + i] = 1;
    else if (!window (f, x->dims[2 + i],
                      (int64_t) p->pad[i] + p->pad[i + 2] - p->kernel[i],
                      p->stride[i], p->ceil_mode, p->pad[i],
                      &f->out->dims[2 + i]))
      return false;
  return true;
}

static bool
broadcast (Infer *f, const ReidShape *a, const ReidShape *b, int skip)
{
  ReidShape *o = f->out;

  o->rank = a->rank > b->rank ? a->rank : b->rank;
  for (int i = 0; i < o->rank - skip; i++) {
    int ia = i - (o->rank - a->rank), ib = i - (o->rank - b->rank);
    int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
    if (da == db || db == 1)
      o->dims[i] = da;
    else if (da == 1)
      o->dims[i] = db;
    else if (da < 0 && db < 0) {
      const int64_t args[] = { da < db ? da : db, da < db ? db : da };
      if (!symbol (f, REID_SYMBOL_BROADCAST, args, 2, &o->dims[i]))
        return false;
    } else if (da < 0 || db < 0)
      o->dims[i] = da < 0 ? db : da;
    else
      return wrong (f, "the shapes cannot be broadcast to each other");
  }
  return true;
}

static bool
infer_matmul (Infer *f)
{
  const ReidShape *a = &f->in[0], *b = &f->in[1];

  if (a->rank < 2 || b->rank < 2)
    return wrong (f, "wants matrices");
  if (!same (a->dims[a->rank - 1], b->dims[b->rank - 2]))
    return wrong (f, "the inner sizes differ");
  if (!broadcast (f, a, b, 2))
    return false;
  f->out->dims[f->out->rank - 2] = a->dims[a->rank - 2];
  f->out->dims[f->out->rank - 1] = b->dims[b->rank - 1];
  return true;
}

static bool
infer_concat (Infer *f)
{
  int axis = f->node->u.axis.axis;

  *f->out = f->in[0];
  if (axis >= f->out->rank)
    return wrong (f, "the axis lies outside the shape");
  for (int k = 1; k < f->node->n_in; k++) {
    const ReidShape *x = &f->in[k];
    if (x->rank != f->out->rank)
      return wrong (f, "the inputs differ in rank");
    for (int i = 0; i < x->rank; i++) {
      int64_t *o = &f->out->dims[i];
      if (i != axis) {
        if (!same (*o, x->dims[i]))
          return wrong (f, "the inputs differ off the axis");
        if (*o < 0)
          *o = x->dims[i];
      } else if (*o >= 0 && x->dims[i] >= 0) {
        if (__builtin_add_overflow (*o, x->dims[i], o))
          return wrong (f, "the sum along the axis is too large");
      } else {
        const int64_t args[] = { *o, x->dims[i] };
        if (args[1] >= 0   ? !divided (f, args[0], args[1], 1, o)
            : args[0] >= 0 ? !divided (f, args[1], args[0], 1, o)
                           : !symbol (f, REID_SYMBOL_SUM, args, 2, o))
          return false;
      }
    }
  }
  return true;
}

static bool
infer_slice (Infer *f)
{
  const ReidSlice *s = &f->node->u.slice;

  *f->out = f->in[0];
  for (int i = 0; i < f->out->rank; i++) {
    int64_t *o = &f->out->dims[i], n = *o, start, count;
    if (s->start[i] == 0 && s->end[i] == INT64_MAX && s->step[i] == 1)
      continue;
    if (n < 0) {
      const int64_t args[] = { n, s->start[i], s->end[i], s->step[i] };
      if (!symbol (f, REID_SYMBOL_SLICE, args, 4, o))
        return false;
      continue;
    }
    reid_slice_range (s, i, n, &start, &count);
    if (count <= 0)
      return wrong (f, "the slice is empty");
    *o = count;
  }
  return true;
}

static bool
infer_pad (Infer *f)
{
  const ReidPad *p = &f->node->u.pad;

  *f->out = f->in[0];
  for (int i = 0; i < f->out->rank; i++) {
    int64_t more = p->before[i] + p->after[i];
    if (more == 0)
      continue;
    if (f->out->dims[i] < 0) {
      if (!divided (f, f->out->dims[i], more, 1, &f->out->dims[i]))
        return false;
    } else {
      f->out->dims[i] += more;
    }
  }
  return true;
}

/* all / part, free sizes cancelling; dim is the quotient. */
static bool
divide (Infer *f, ReidProduct *all, const ReidProduct *part, int64_t *dim)
{
  bool cancels = true;

  for (int i = 0; i < part->n; i++) {
    int at = 0;
    while (at < all->n && all->sizes[at] != part->sizes[i])
      at++;
    if (at == all->n) {
      cancels = false;
      break;
    }
    memmove (&all->sizes[at], &all->sizes[at + 1],
             (size_t) (--all->n - at) * sizeof *all->sizes);
  }
  if (!cancels || (all->n && all->literal % part->literal != 0))
    return symbol (f, REID_SYMBOL_OTHER, NULL, 0, dim);
  if (all->literal % part->literal != 0)
    return wrong (f, "cannot be reshaped: the number of elements does not fit");
  all->literal /= part->literal;
  *dim = reid_product_dim (f->symbols, all);
  return *dim != 0 || wrong (f, "too many free sizes");
}

static bool
infer_reshape (Infer *f)
{
  const ReidReshape *r = &f->node->u.reshape;
  const ReidShape *x = &f->in[0];
  ReidProduct all = REID_PRODUCT_ONE, part = REID_PRODUCT_ONE;
  int rest = -1;

  f->out->rank = r->rank;
  for (int i = 0; i < x->rank; i++)
    if (!reid_product_multiply (&all, f->symbols, x->dims[i]))
      return wrong (f, "too large");
  for (int i = 0; i < r->rank; i++) {
    int64_t d = r->dims[i], from = -1;
    if (d == -1) {
      if (rest >= 0)
        return wrong (f, "more than one size is left open");
      rest = i;
      continue;
    }
    if (d <= 0)
      from = d == 0 ? i : d == REID_DIM_BATCH ? 0 : REID_DIM_COPY (0) - d;
    if (from >= x->rank)
      return wrong (f, "copies a size that the input does not have");
    f->out->dims[i] = from >= 0 ? x->dims[from] : d;
    if (!reid_product_multiply (&part, f->symbols, f->out->dims[i]))
      return wrong (f, "too large");
  }
  if (part.literal == 0)
    return wrong (f, "has no elements");
  if (rest >= 0)
    return divide (f, &all, &part, &f->out->dims[rest]);
  if (all.n == 0 && part.n == 0 && all.literal != part.literal)
    return wrong (f, "cannot be reshaped: the number of elements does not fit");
  return true;
}

static bool
infer_resize (Infer *f)
{
  const ReidResize *r = &f->node->u.resize;

  *f->out = f->in[0];
  if (f->out->rank != 4)
    return wrong (f, "wants a 4-D input (batch, channels, height, width)");
  if (f->node->n_in > 1 && f->node->in[1] >= 0) {
    if (f->in[1].rank != 4)
      return wrong (f, "wants a 4-D input to take the size of");
    memcpy (f->out->dims + 2, f->in[1].dims + 2, 2 * sizeof *f->out->dims);
    return true;
  }
  for (int i = 0; i < 2; i++) {
    int64_t *o = &f->out->dims[2 + i];
    if (r->size[i] > 0) {
      *o = r->size[i];
    } else if (*o < 0) {
      int64_t args[2] = { *o, 0 };
      memcpy (&args[1], &r->scale[i], sizeof args[1]);
      if (r->scale[i] != 1 && !symbol (f, REID_SYMBOL_SCALE, args, 2, o))
        return false;
    } else {
      /* As onnx 1.23 infers it: the f32 below 0.7 makes 6 of 10, not 7, which
       * ONNX Runtime gets because it rounds the product to f32. */
      double n = floor ((double) *o * r->scale[i]);
      if (!(n >= 1) || n > (double) REID_MAX_COUNT)
        return wrong (f, "the factor makes an empty or too large picture");
      *o = (int64_t) n;
    }
  }
  return true;
}

static bool
infer_expand (Infer *f)
{
  const ReidExpand *e = &f->node->u.expand;
  const ReidShape x = f->in[0];
  ReidShape to = { e->rank, { 0 } };

  for (int i = 0; i < e->rank; i++) {
    to.dims[i] = e->dims[i];
    if (e->dims[i] > 0)
      continue;
    int64_t from = REID_DIM_COPY (0) - e->dims[i];
    if (f->node->n_in < 2 || f->node->in[1] < 0 || from < 0
        || from >= f->in[1].rank)
      return wrong (f, "copies a size that the input does not have");
    to.dims[i] = f->in[1].dims[from];
  }
  return broadcast (f, &x, &to, 0);
}

static bool
infer_norm (Infer *f)
{
  const ReidNode *node = f->node;
  const ReidShape *x = &f->in[0];
  int axis = node->u.norm.axis, rank = x->rank - axis;

  *f->out = *x;
  if (axis < 0 || rank < 1)
    return wrong (f, "the axis lies outside the shape");
  for (int k = 1; k < node->n_in; k++)
    for (int i = 0; i < rank && node->in[k] >= 0; i++)
      if (f->in[k].rank != rank || !same (f->in[k].dims[i], x->dims[axis + i]))
        return wrong (f, "scale or shift do not fit the normalised sizes");
  return true;
}

static bool
infer_op (Infer *f)
{
  const ReidNode *node = f->node;
  const ReidShape *x = &f->in[0];

  switch (node->op) {
    case REID_OP_CONV:
      return infer_conv (f);
    case REID_OP_GEMM:
      if (x->rank != 2 || !same (x->dims[1], f->in[1].dims[1]))
        return wrong (f, "wants a matrix as wide as the weights");
      f->out->rank = 2;
      f->out->dims[0] = x->dims[0];
      f->out->dims[1] = f->in[1].dims[0];
      return true;
    case REID_OP_MATMUL:
      return infer_matmul (f);
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
      return infer_pool (f);
    case REID_OP_AFFINE:
      *f->out = *x;
      return (x->rank >= 2 && same (x->dims[1], f->in[1].dims[0]))
             || wrong (f, "the statistics do not fit the input's channels");
    case REID_OP_PRELU:
      *f->out = *x;
      return f->in[1].dims[0] == 1
             || (x->rank >= 2 && same (x->dims[1], f->in[1].dims[0]))
             || wrong (f, "the slopes do not fit the input's channels");
    case REID_OP_UNARY:
      *f->out = *x;
      return true;
    case REID_OP_SOFTMAX:
      *f->out = *x;
      return node->u.axis.axis < x->rank
             || wrong (f, "the axis lies outside the shape");
    case REID_OP_BINARY:
      return broadcast (f, x, &f->in[1], 0);
    case REID_OP_CONCAT:
      return infer_concat (f);
    case REID_OP_SLICE:
      return infer_slice (f);
    case REID_OP_PAD:
      return infer_pad (f);
    case REID_OP_TRANSPOSE:
      f->out->rank = x->rank;
      for (int i = 0; i < x->rank; i++) {
        int from = node->u.perm.perm[i];
        if (from < 0 || from >= x->rank)
          return wrong (f, "the permutation does not fit the input");
        f->out->dims[i] = x->dims[from];
      }
      return true;
    case REID_OP_RESHAPE:
      return infer_reshape (f);
    case REID_OP_RESIZE:
      return infer_resize (f);
    case REID_OP_REDUCE:
      *f->out = *x;
      for (int i = 0; i < x->rank; i++)
        if (node->u.reduce.axes >> i & 1)
          f->out->dims[i] = 1;
      return node->u.reduce.axes >> x->rank == 0
             || wrong (f, "an axis lies outside the shape");
    case REID_OP_LAYER_NORM:
      return infer_norm (f);
    case REID_OP_EXPAND:
      return infer_expand (f);
    case REID_OP_COUNT:
      break;
  }
  return wrong (f, "unknown operator");
}

bool
reid_node_infer (const ReidNode *node, const ReidShape *in, ReidShape *out,
                 ReidSymbols *symbols, ReidError *error)
{
  Infer f = { node, in, out, symbols, error };
  int64_t n = 1;

  memset (out, 0, sizeof *out);
  if (!infer_op (&f))
    return false;
  for (int i = 0; i < out->rank; i++) {
    if (out->dims[i] == 0)
      return wrong (&f, "the result has no elements");
    if (out->dims[i] > 0
        && (__builtin_mul_overflow (n, out->dims[i], &n) || n > REID_MAX_COUNT))
      return wrong (&f, "the result is too large");
  }
  return true;
}

bool
reid_graph_infer (const ReidGraph *graph, ReidShape *shapes, ReidError *error)
{
  ReidShape few[REID_MAX_NODE_IN], *many = NULL;
  int room = 0;
  bool ok = true;

  for (int i = 0; i < graph->n_values; i++)
    if (graph->values[i].data) {
      shapes[i].rank = graph->values[i].rank;
      memcpy (shapes[i].dims, graph->values[i].dims, sizeof shapes[i].dims);
    }
  for (int i = 0; i < graph->n_nodes && ok; i++) {
    const ReidNode *node = &graph->nodes[i];
    ReidShape *in = few;
    ReidError why = REID_ERROR_INIT;

    if (node->n_in > REID_MAX_NODE_IN) {
      if (node->n_in > room) {
        ReidShape *more = realloc (many, (size_t) node->n_in * sizeof *more);
        if (!more) {
          reid_error_set (error, REID_ERROR_MEMORY,
                          "%s: not enough memory for its shapes", graph->file);
          ok = false;
          break;
        }
        many = more;
        room = node->n_in;
      }
      in = many;
    }
    for (int k = 0; k < node->n_in; k++)
      if (node->in[k] >= 0)
        in[k] = shapes[node->in[k]];
      else
        memset (&in[k], 0, sizeof in[k]);
    ok = reid_node_infer (node, in, &shapes[node->out], NULL, &why);
    if (!ok)
      reid_error_set (error, why.status, "%s: node '%.100s' (%s): %s",
                      graph->file, node->name, node->type, why.message);
  }
  free (many);
  return ok;
}

void
reid_slice_range (const ReidSlice *s, int axis, int64_t n, int64_t *start,
                  int64_t *count)
{
  int64_t step = s->step[axis], a = s->start[axis], b = s->end[axis];

  if (a < 0)
    a = a < -n ? -1 : a + n;
  if (b < 0)
    b = b < -n ? -1 : b + n;
  if (step > 0) {
    a = a < 0 ? 0 : a;
    b = b > n ? n : b < 0 ? 0 : b;
    *count = b > a ? (b - a - 1) / step + 1 : 0;
  } else {
    a = a > n - 1 ? n - 1 : a < 0 ? 0 : a;
    b = b > n - 1 ? n - 1 : b;
    *count = a > b ? (a - b - 1) / -step + 1 : 0;
  }
  *start = a;
}
