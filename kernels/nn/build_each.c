/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <string.h>

/* Positions, as some networks compute them, are made for every picture of a
 * batch of free size, and are the same for each: what does not hang on the
 * pictures is worked out here for one of them, and spread. */

/* Makes `value` of the constant `each`, once for every picture. */
static ReidNode *
spread_node (ReidBuilder *b, int each, int value)
{
  const int64_t batch = REID_SYMBOL_BATCH;
  ReidNode *node = reid_node_new (b, REID_OP_EXPAND, 2);
  int from;

  if (!node)
    return NULL;
  node->in[0] = each;
  node->in[1] = reid_value_like (b, &batch, 1, -1, &from);
  node->out = value;
  if (node->in[1] < 0) {
    reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                     "nothing has the batch that it is made for");
    return NULL;
  }
  node->u.expand.rank = b->values[each].shape.rank;
  for (int i = 0; i < node->u.expand.rank; i++)
    node->u.expand.dims[i] = i == 0 ? REID_DIM_COPY (from) : 1;
  return node;
}

bool
reid_value_each (ReidBuilder *b, int value, int each)
{
  const ReidShape *all = &b->values[value].shape, *one = &b->values[each].shape;
  bool fits = all->rank == one->rank && all->rank > 0 && one->dims[0] == 1
              && all->dims[0] == REID_SYMBOL_BATCH;

  for (int i = 1; i < all->rank && fits; i++)
    fits = all->dims[i] == one->dims[i];
  if (fits)
    b->values[value].each = each;
  return fits;
}

bool
reid_is_truth (const ReidBuilder *b, int value)
{
  const ReidBuildValue *v = &b->values[value];
  return v->computed && v->each >= 0 && b->values[v->each].ints;
}

static bool
is_light (ReidOp op)
{
  return op == REID_OP_UNARY || op == REID_OP_BINARY || op == REID_OP_SLICE
         || op == REID_OP_CONCAT || op == REID_OP_TRANSPOSE
         || op == REID_OP_RESHAPE;
}

bool
reid_fold_each (ReidBuilder *b, ReidNode *node)
{
  const ReidBuildValue *out = &b->values[node->out];
  ReidNode *one, *spread;
  int each, computed = 0;

  if (!is_light (node->op) || out->batch.axis != 0 || out->batch.outer != 1)
    return true;
  for (int i = 0; i < node->n_in; i++) {
    const ReidBuildValue *v = node->in[i] < 0 ? NULL : &b->values[node->in[i]];
    if (v && v->computed && v->each < 0)
      return true;
    computed += v && v->computed;
  }
  one = reid_node_new (b, node->op, node->n_in);
  each = reid_value_add (b, (ReidBytes){ NULL, 0 });
  if (!computed || !one || each < 0)
    return one && each >= 0;
  one->u = node->u;
  one->out = each;
  for (int i = 0; i < node->n_in; i++)
    one->in[i] = node->in[i] >= 0 && b->values[node->in[i]].computed
                     ? b->values[node->in[i]].each
                     : node->in[i];
  b->values[each].uses = 1;
  if (!reid_fold (b, one))
    return false;
  if (!reid_value_each (b, node->out, each))
    return true;
  spread = spread_node (b, each, node->out);
  if (spread)
    *node = *spread;
  return spread != NULL;
}

bool
reid_translate_one (ReidBuilder *b, ReidTranslate translate)
{
  int x = reid_input (b, 0), out = reid_output (b, 0), each;
  const ReidBuildValue *v = x < 0 ? NULL : &b->values[x];

  if (!v || !v->computed || v->each < 0)
    return translate (b);
  /* For so long x is what it is for one picture. */
  const ReidShape shape = v->shape;
  const ReidBuildValue *from = &b->values[v->each];
  b->values[x].shape = from->shape;
  b->values[x].data = from->data;
  b->values[x].ints = from->ints;
  b->values[x].computed = false;
  bool ok = translate (b);
  b->values[x].shape = shape;
  b->values[x].data = NULL;
  b->values[x].ints = NULL;
  b->values[x].computed = true;
  each = b->values[out].alias;
  if (!ok || each == x)
    return ok;
  if (each >= 0) {
    b->values[out].alias = -1;
  } else {
    each = reid_value_add (b, (ReidBytes){ NULL, 0 });
    if (each < 0)
      return false;
    b->values[each].shape = b->values[out].shape;
    b->values[each].data = b->values[out].data;
    b->values[each].ints = b->values[out].ints;
    b->values[out].data = NULL;
    b->values[out].ints = NULL;
  }
  b->values[each].known = true;
  b->values[each].uses = 1;
  if (b->values[each].ints) {
    ReidBuildValue *o = &b->values[out];
    o->shape = b->values[each].shape;
    o->shape.dims[0] = REID_SYMBOL_BATCH;
    o->computed = o->known = true;
    o->batch = (ReidBatch){ 0, 1 };
  } else {
    ReidNode *node = spread_node (b, each, out);
    if (!node || !reid_emit (b, node))
      return false;
  }
  return reid_value_each (b, out, each)
         || reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                             "mixes the pictures of a batch");
}
