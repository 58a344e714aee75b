/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

/* Expand, and the choices among sizes that exporters make for it. */

static bool
has_sizes (const ReidShape *shape, const int64_t *sizes, int n, int at,
           int *from)
{
  for (int k = 0; k < n; k++) {
    int i = at < 0 ? 0 : at + k;
    while (at < 0 && i < shape->rank && shape->dims[i] != sizes[k])
      i++;
    if (i >= shape->rank || shape->dims[i] != sizes[k])
      return false;
    from[k] = i;
  }
  return true;
}

int
reid_value_like (ReidBuilder *b, const int64_t *sizes, int n, int at, int *from)
{
  int best = -1, rank = 0;

  for (int i = 0; i < b->n_values; i++) {
    const ReidBuildValue *v = &b->values[i];
    bool there = v->is_input
                 || (v->producer >= 0 && !b->nodes[v->producer].dead
                     && b->nodes[v->producer].node.out == i);
    /* Another reader may keep its maker from being merged with what follows:
     * best is one that has several already. */
    int worth = v->is_input ? 3 : v->uses > 1 || v->is_output ? 2 : 1;
    if (there && v->computed && worth > rank
        && has_sizes (&v->shape, sizes, n, at, from)) {
      best = i;
      rank = worth;
    }
  }
  if (best >= 0) {
    has_sizes (&b->values[best].shape, sizes, n, at, from);
    b->values[best].uses++;
  }
  return best;
}

/* Of one picture's part. */
static bool
is_small (const ReidNode *node, const ReidShape *x)
{
  int64_t n = reid_shape_count (x);

  for (int i = 1; i < node->u.expand.rank && n >= 0 && n <= REID_MAX_INTS; i++)
    n *= node->u.expand.dims[i] <= REID_MAX_INTS ? node->u.expand.dims[i]
                                                 : REID_MAX_INTS;
  return n >= 0 && n <= REID_MAX_INTS;
}

bool
reid_emit_spread (ReidBuilder *b, int x, const ReidInt *to, int rank, int out)
{
  const ReidShape shape = b->values[x].shape;
  ReidNode *node = reid_node_new (b, REID_OP_EXPAND, 2);
  int64_t free_sizes[REID_MAX_RANK];
  int from[REID_MAX_RANK], n = 0, at = 0;
  bool same = rank <= shape.rank;

  if (!node)
    return false;
  node->u.expand.rank = rank;
  for (int i = 0; i < rank; i++) {
    int own = i + shape.rank - rank;
    int64_t d = own < 0 ? 1 : shape.dims[own];
    /* What x has already needs no other value to take it from. */
    bool has = to[i].sym ? to[i].sym == d : to[i].v == 1 || to[i].v == d;
    same = same && has;
    node->u.expand.dims[i] = has ? 1 : to[i].v;
    if (to[i].sym && !has)
      free_sizes[n++] = to[i].sym;
    else if (to[i].v < 1 && !has)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "cannot be spread to a size of %lld",
                              (long long) to[i].v);
  }
  if (same && out == reid_output (b, 0))
    return reid_emit_identity (b, x);
  if (n > 0) {
    node->in[1] = reid_value_like (b, free_sizes, n, -1, from);
    if (node->in[1] < 0)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "its size is computed from the picture's in a "
                              "way that is not supported; export with a fixed "
                              "size");
    for (int i = 0; i < rank; i++) {
      int own = i + shape.rank - rank;
      if (to[i].sym && to[i].sym != (own < 0 ? 1 : shape.dims[own]))
        node->u.expand.dims[i] = REID_DIM_COPY (from[at++]);
    }
  } else {
    node->n_in = 1;
  }
  node->in[0] = x;
  node->out = out;
  if (n != 1 || to[0].sym != REID_SYMBOL_BATCH || b->values[x].computed
      || !is_small (node, &shape))
    return reid_emit (b, node);
  ReidNode *one = reid_node_new (b, REID_OP_EXPAND, 1);
  if (!one)
    return false;
  one->u = node->u;
  one->u.expand.dims[0] = 1;
  one->in[0] = x;
  int each = reid_emit_temporary (b, one);
  if (each < 0 || !reid_emit (b, node))
    return false;
  reid_value_each (b, out, each);
  return true;
}

static bool
expand (ReidBuilder *b)
{
  ReidInt to[REID_MAX_RANK];
  int x, s;

  if (!reid_need (b, 0, &x) || !reid_need (b, 1, &s))
    return false;
  const ReidBuildValue *v = &b->values[s];
  int64_t rank = reid_shape_count (&v->shape);
  if (!v->ints || v->shape.rank > 1 || rank > REID_MAX_RANK)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its shape must be constant or made from shapes, "
                            "and of at most %d sizes",
                            REID_MAX_RANK);
  for (int i = 0; i < rank; i++)
    to[i] = v->ints[i];
  return reid_emit_spread (b, x, to, (int) rank, reid_output (b, 0));
}

/* What has the size 1 is spread; anything else cannot be repeated. */
static bool
tile (ReidBuilder *b)
{
  ReidInt to[REID_MAX_RANK];
  int x, s;

  if (!reid_need (b, 0, &x) || !reid_need (b, 1, &s))
    return false;
  const ReidBuildValue *v = &b->values[s];
  const ReidShape *shape = &b->values[x].shape;
  if (!v->ints || reid_shape_count (&v->shape) != shape->rank)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its repeats must be constant or made from "
                            "shapes, one for each size");
  for (int i = 0; i < shape->rank; i++) {
    to[i] = v->ints[i];
    if ((to[i].sym || to[i].v != 1) && shape->dims[i] != 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "only along sizes of 1 is it supported");
  }
  return reid_emit_spread (b, x, to, shape->rank, reid_output (b, 0));
}

/* Shape of integers that are combined element by element: one of them may be
 * a single number. */
static bool
common_shape (ReidBuilder *b, const int *list, int n, ReidShape *shape)
{
  int64_t most = 0;

  for (int i = 0; i < n; i++) {
    const ReidShape *s = &b->values[list[i]].shape;
    int64_t count = reid_shape_count (s);
    if (i == 0 || count > most || (count == most && s->rank > shape->rank)) {
      *shape = *s;
      most = count;
    }
  }
  for (int i = 0; i < n; i++) {
    int64_t count = reid_shape_count (&b->values[list[i]].shape);
    if (count != most && count != 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "integers of these shapes cannot be combined");
  }
  return true;
}

static ReidInt
element (const ReidBuilder *b, int value, int64_t i)
{
  const ReidBuildValue *v = &b->values[value];
  return v->ints[reid_shape_count (&v->shape) == 1 ? 0 : i];
}

static bool
equal (ReidBuilder *b)
{
  int in[2], out = reid_output (b, 0);
  ReidShape shape;

  for (int i = 0; i < 2; i++) {
    if (!reid_need (b, i, &in[i]))
      return false;
    if (!b->values[in[i]].ints)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "only sizes and integers can be compared");
  }
  if (!common_shape (b, in, 2, &shape) || !reid_value_ints (b, out, &shape))
    return false;
  for (int64_t i = 0; i < reid_shape_count (&shape); i++) {
    ReidInt p = element (b, in[0], i), q = element (b, in[1], i);
    int64_t literal = p.sym ? q.v : p.v;
    if (p.sym != q.sym && ((p.sym && q.sym) || literal > 0))
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "depends on the size of the picture; export "
                              "with fixed sizes");
    /* A size is never 0 or negative. */
    b->values[out].ints[i].v = p.sym == q.sym && (p.sym || p.v == q.v);
  }
  return true;
}

/* 0 or 1 where every condition is that, -1 where they differ. */
static int
uniform (const ReidBuildValue *condition)
{
  int64_t n = reid_shape_count (&condition->shape);
  int all = n > 0 ? condition->ints[0].v != 0 : -1;

  for (int64_t i = 1; i < n; i++)
    if ((condition->ints[i].v != 0) != all)
      return -1;
  return all;
}

static bool
where (ReidBuilder *b)
{
  int in[3], out = reid_output (b, 0), all;
  ReidShape shape;

  for (int i = 0; i < 3; i++)
    if (!reid_need (b, i, &in[i]))
      return false;
  const ReidBuildValue *condition = &b->values[in[0]];
  if (!condition->ints)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "its condition must be constant");
  for (int64_t i = 0; i < reid_shape_count (&condition->shape); i++)
    if (condition->ints[i].sym)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "depends on the size of the picture; export "
                              "with fixed sizes");
  if (b->values[in[1]].ints && b->values[in[2]].ints) {
    if (!common_shape (b, in, 3, &shape) || !reid_value_ints (b, out, &shape))
      return false;
    for (int64_t i = 0; i < reid_shape_count (&shape); i++)
      b->values[out].ints[i] =
          element (b, in[element (b, in[0], i).v ? 1 : 2], i);
    return true;
  }
  all = uniform (condition);
  if (all < 0)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only a condition that is the same everywhere is "
                            "supported");
  int chosen = in[all ? 1 : 2], other = in[all ? 2 : 1];
  const ReidShape *s = &b->values[chosen].shape;
  if (condition->shape.rank > s->rank || b->values[other].shape.rank > s->rank)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "what it chooses must not be spread");
  for (int k = 0; k < 2; k++) {
    const ReidShape *t = k ? &condition->shape : &b->values[other].shape;
    for (int i = 0; i < t->rank; i++)
      if (t->dims[i] != 1 && t->dims[i] != s->dims[i + s->rank - t->rank])
        return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                "what it chooses must not be spread");
  }
  return reid_emit_identity (b, chosen);
}

const ReidTranslator reid_translate_spread[] = { { "Expand", expand },
                                                 { "Tile", tile },
                                                 { "Equal", equal },
                                                 { "Where", where },
                                                 { NULL, NULL } };
