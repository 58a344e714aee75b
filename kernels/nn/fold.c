/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"
#include "nn/backend.h"

#include <stdlib.h>
#include <string.h>

static bool
infer (ReidBuilder *b, ReidNode *node, ReidShape *in, ReidShape *out)
{
  ReidError why = REID_ERROR_INIT;

  for (int i = 0; i < node->n_in; i++)
    if (node->in[i] >= 0)
      in[i] = b->values[node->in[i]].shape;
  if (!reid_node_infer (node, in, out, NULL, &why))
    return reid_build_fail (b, why.status, "%s", why.message);
  int64_t work = reid_node_work (node, in, out, false);
  if (work > b->fold_work)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "computes too much from constants alone");
  b->fold_work -= work;
  return true;
}

static bool
run (ReidBuilder *b, ReidNode *node, const float *const *in,
     const ReidShape *shapes, float *out, const ReidShape *shape)
{
  ReidError why = REID_ERROR_INIT;
  return reid_reference_op (node, in, shapes, out, shape, &why)
         || reid_build_fail (b, why.status, "%s", why.message);
}

static bool
fold_floats (ReidBuilder *b, ReidNode *node, const float **data,
             ReidShape *shapes)
{
  ReidShape shape;

  if (!infer (b, node, shapes, &shape))
    return false;
  int value = reid_value_constant (b, &shape);
  if (value < 0)
    return false;
  for (int i = 0; i < node->n_in; i++)
    data[i] = node->in[i] < 0 ? NULL : b->values[node->in[i]].data;
  float *out = b->values[value].data;
  b->values[value].data = NULL;
  reid_value_set_float (b, node->out, &shape, out);
  return run (b, node, data, shapes, out, &shape);
}

/* Integers are moved by moving their indices, which floats hold exactly. */
static bool
fold_moved_ints (ReidBuilder *b, ReidNode *node, const float **data,
                 ReidShape *shapes)
{
  ReidShape shape;
  float *from = NULL, *to = NULL;
  int64_t all = 0, n;
  bool ok = false;

  if (!infer (b, node, shapes, &shape))
    return false;
  for (int i = 0; i < node->n_in; i++)
    all += reid_shape_count (&shapes[i]);
  n = reid_shape_count (&shape);
  if (n > REID_MAX_INTS || all > (1 << 24)
      || (node->op == REID_OP_PAD && node->u.pad.value != 0))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "too many integers, or padded ones");
  from = malloc ((size_t) all * sizeof *from + 1);
  to = malloc ((size_t) n * sizeof *to + 1);
  if (!from || !to)
    reid_build_no_memory (b);
  else {
    int64_t at = 0;
    for (int i = 0; i < node->n_in; i++) {
      data[i] = from + at;
      for (int64_t k = reid_shape_count (&shapes[i]); k > 0; k--, at++)
        from[at] = (float) (at + 1);
    }
    ok = run (b, node, data, shapes, to, &shape)
         && reid_value_ints (b, node->out, &shape);
  }
  for (int64_t k = 0; k < n && ok; k++) {
    int64_t at = (int64_t) to[k] - 1;
    /* What a pad filled in stays the literal 0. */
    for (int i = 0; i < node->n_in && at >= 0; i++) {
      int64_t size = reid_shape_count (&shapes[i]);
      if (at < size) {
        b->values[node->out].ints[k] = b->values[node->in[i]].ints[at];
        break;
      }
      at -= size;
    }
  }
  free (from);
  free (to);
  return ok;
}

/* A product of free sizes is what a Reshape to it makes too. */
static bool
multiply (ReidBuilder *b, ReidInt p, ReidInt q, ReidInt *out)
{
  ReidProduct product = REID_PRODUCT_ONE;
  int64_t dim;

  if ((!p.sym && p.v < 1) || (!q.sym && q.v < 1)
      || !reid_product_multiply (&product, b->symbols, p.sym ? p.sym : p.v)
      || !reid_product_multiply (&product, b->symbols, q.sym ? q.sym : q.v)
      || (dim = reid_product_dim (b->symbols, &product)) == 0)
    return false;
  *out = dim < 0 ? (ReidInt){ 0, dim } : (ReidInt){ dim, 0 };
  return true;
}

/* A free size and a number, as a convolution or a pooling makes another of
 * it. */
static bool
divide (ReidBuilder *b, ReidBinaryKind kind, ReidInt p, ReidInt q, ReidInt *out)
{
  int64_t add = 0, by = 1;

  if (kind == REID_BINARY_ADD && !p.sym) {
    ReidInt t = p;
    p = q;
    q = t;
  }
  if (!p.sym || q.sym || q.v > REID_MAX_COUNT || q.v < -REID_MAX_COUNT)
    return false;
  if (kind == REID_BINARY_ADD || kind == REID_BINARY_SUB)
    add = kind == REID_BINARY_ADD ? q.v : -q.v;
  else if (kind == REID_BINARY_DIV && q.v > 0)
    by = q.v;
  else
    return false;
  *out = (ReidInt){ 0, reid_symbol_floor (b->symbols, p.sym, add, by) };
  return out->sym != 0;
}

/* Truth about free sizes is not asked for: other arithmetic on one gives
 * another that is equal to nothing else. */
static bool
compute (ReidBuilder *b, ReidBinaryKind kind, ReidInt p, ReidInt q,
         ReidInt *out)
{
  bool bad = false;

  *out = p;
  if ((kind == REID_BINARY_MUL || kind == REID_BINARY_DIV) && !q.sym
      && q.v == 1)
    return true;
  if ((kind == REID_BINARY_ADD || kind == REID_BINARY_SUB) && !q.sym
      && q.v == 0)
    return true;
  if ((kind == REID_BINARY_MUL && multiply (b, p, q, out))
      || divide (b, kind, p, q, out))
    return true;
  *out = p;
  if (p.sym || q.sym) {
    out->sym = reid_symbol (b->symbols, REID_SYMBOL_OTHER, NULL, 0);
    return out->sym
           || reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                               "too many free sizes");
  }
  switch (kind) {
    case REID_BINARY_ADD:
      bad = __builtin_add_overflow (p.v, q.v, &out->v);
      break;
    case REID_BINARY_SUB:
      bad = __builtin_sub_overflow (p.v, q.v, &out->v);
      break;
    case REID_BINARY_MUL:
      bad = __builtin_mul_overflow (p.v, q.v, &out->v);
      break;
    case REID_BINARY_DIV:
      bad = q.v == 0 || (p.v == INT64_MIN && q.v == -1);
      if (!bad)
        out->v = p.v / q.v;
      break;
    case REID_BINARY_MIN:
      out->v = p.v < q.v ? p.v : q.v;
      break;
    case REID_BINARY_MAX:
      out->v = p.v > q.v ? p.v : q.v;
      break;
    default:
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "integers cannot be raised to a power here");
  }
  return !bad
         || reid_build_fail (b, REID_ERROR_FORMAT,
                             "the integers overflow or divide by zero");
}

static bool
fold_int_arithmetic (ReidBuilder *b, ReidNode *node)
{
  ReidShape p = b->values[node->in[0]].shape, q = b->values[node->in[1]].shape;
  int64_t np = reid_shape_count (&p), nq = reid_shape_count (&q);

  if (np != nq && np != 1 && nq != 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "integers of these shapes cannot be combined");
  if (!reid_value_ints (b, node->out,
                        np > nq || (np == nq && p.rank > q.rank) ? &p : &q))
    return false;
  const ReidInt *a = b->values[node->in[0]].ints,
                *c = b->values[node->in[1]].ints;
  for (int64_t i = 0; i < (np > nq ? np : nq); i++)
    if (!compute (b, node->u.binary, a[np == 1 ? 0 : i], c[nq == 1 ? 0 : i],
                  &b->values[node->out].ints[i]))
      return false;
  return true;
}

bool
reid_fold (ReidBuilder *b, ReidNode *node)
{
  int ints = 0, given = 0;
  bool ok;

  for (int i = 0; i < node->n_in; i++)
    if (node->in[i] >= 0) {
      given++;
      ints += b->values[node->in[i]].ints != NULL;
    }
  if (ints && ints != given)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "mixes integers and floats");
  if (ints && node->op == REID_OP_BINARY)
    return fold_int_arithmetic (b, node);
  if (ints && node->op != REID_OP_CONCAT && node->op != REID_OP_SLICE
      && node->op != REID_OP_TRANSPOSE && node->op != REID_OP_RESHAPE
      && node->op != REID_OP_PAD && node->op != REID_OP_EXPAND)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "cannot be done with integers here");
  const float **data = calloc ((size_t) node->n_in + 1, sizeof *data);
  ReidShape *shapes = calloc ((size_t) node->n_in + 1, sizeof *shapes);
  if (!data || !shapes)
    ok = reid_build_no_memory (b);
  else if (ints)
    ok = fold_moved_ints (b, node, data, shapes);
  else
    ok = fold_floats (b, node, data, shapes);
  free (data);
  free (shapes);
  return ok;
}
