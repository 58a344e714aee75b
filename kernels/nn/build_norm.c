/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <string.h>

/* Norms over a picture's channels, each or several of them together. */

static bool
read_epsilon (ReidBuilder *b, float *epsilon)
{
  *epsilon = reid_attr_float (b, "epsilon", 1e-5f);
  return (*epsilon >= 0 && isfinite (*epsilon))
         || reid_build_fail (b, REID_ERROR_FORMAT, "epsilon is no number");
}

/* Input i as a new constant of one number a channel, from one for each of so
 * many runs of channels. */
static bool
by_channel (ReidBuilder *b, int i, int64_t channels, int64_t groups, int *made)
{
  ReidShape one = { 1, { channels } };
  int v;

  if (!reid_need (b, i, &v))
    return false;
  int64_t n = b->values[v].shape.rank == 1 ? b->values[v].shape.dims[0] : -1;
  if (!b->values[v].data || (n != channels && n != groups))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "scale and shift must be constants, one for each "
                            "channel or group");
  *made = reid_value_constant (b, &one);
  for (int64_t k = 0; k < channels && *made >= 0; k++)
    b->values[*made].data[k] =
        b->values[v].data[n == channels ? k : k / (channels / groups)];
  return *made >= 0;
}

static ReidNode *
layer_norm (ReidBuilder *b, int x, float epsilon)
{
  ReidNode *norm = reid_node_new (b, REID_OP_LAYER_NORM, 3);

  if (!norm)
    return NULL;
  norm->u.norm.axis = 2;
  norm->u.norm.epsilon = epsilon;
  norm->in[0] = x;
  return norm;
}

static bool
is_all (const ReidBuilder *b, int value, float number)
{
  const ReidBuildValue *v = &b->values[value];

  for (int64_t i = 0; i < v->shape.dims[0]; i++)
    if (v->data[i] != number)
      return false;
  return true;
}

static bool
scale_and_shift (ReidBuilder *b, int x, int scale, int shift)
{
  ReidNode *affine = reid_node_new (b, REID_OP_AFFINE, 3);

  if (!affine)
    return false;
  affine->in[0] = x;
  affine->in[1] = scale;
  affine->in[2] = shift;
  affine->out = reid_output (b, 0);
  return reid_emit (b, affine);
}

/* x with its channels, and how many these are, which must be known. */
static bool
read_channels (ReidBuilder *b, int least, int *x, int64_t *channels)
{
  if (!reid_need (b, 0, x))
    return false;
  const ReidShape *shape = &b->values[*x].shape;
  if (shape->rank < least)
    return reid_build_fail (b, REID_ERROR_FORMAT, "wants pictures");
  *channels = shape->dims[1];
  return *channels > 0
         || reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                             "the number of its channels is not fixed");
}

static bool
instance_normalization (ReidBuilder *b)
{
  float epsilon;
  int64_t channels;
  int x, scale, shift;

  if (!read_epsilon (b, &epsilon) || !read_channels (b, 3, &x, &channels)
      || !by_channel (b, 1, channels, channels, &scale)
      || !by_channel (b, 2, channels, channels, &shift))
    return false;
  ReidNode *norm = layer_norm (b, x, epsilon);
  if (!norm)
    return false;
  /* As PyTorch writes a norm of groups. */
  if (is_all (b, scale, 1) && is_all (b, shift, 0)) {
    norm->out = reid_output (b, 0);
    return reid_emit (b, norm);
  }
  return (x = reid_emit_temporary (b, norm)) >= 0
         && scale_and_shift (b, x, scale, shift);
}

/* Each group of a picture's channels gets an axis of its own, and gives it up
 * again. False when there is no memory. */
static bool
group_reshapes (ReidBuilder *b, int rank, int64_t channels, int64_t groups,
                ReidNode **apart, ReidNode **together)
{
  *apart = reid_node_new (b, REID_OP_RESHAPE, 1);
  *together = reid_node_new (b, REID_OP_RESHAPE, 1);
  if (!*apart || !*together)
    return false;
  int64_t *a = (*apart)->u.reshape.dims, *t = (*together)->u.reshape.dims;
  (*apart)->u.reshape.rank = rank + 1;
  (*together)->u.reshape.rank = rank;
  a[0] = t[0] = REID_DIM_COPY (0);
  a[1] = groups;
  a[2] = channels / groups;
  t[1] = channels;
  for (int i = 2; i < rank; i++) {
    a[i + 1] = REID_DIM_COPY (i);
    t[i] = REID_DIM_COPY (i + 1);
  }
  return true;
}

static bool
group_normalization (ReidBuilder *b)
{
  int64_t channels, groups = reid_attr_int (b, "num_groups", 0);
  float epsilon;
  int x, scale, shift;

  if (!read_epsilon (b, &epsilon) || !read_channels (b, 2, &x, &channels))
    return false;
  int rank = b->values[x].shape.rank;
  if (groups < 1 || groups > channels || channels % groups)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "%lld groups do not divide %lld channels",
                            (long long) groups, (long long) channels);
  if (rank == REID_MAX_RANK)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "more than %d dimensions", REID_MAX_RANK - 1);
  ReidNode *apart, *together;
  if (!by_channel (b, 1, channels, groups, &scale)
      || !by_channel (b, 2, channels, groups, &shift)
      || !group_reshapes (b, rank, channels, groups, &apart, &together))
    return false;
  apart->in[0] = x;
  ReidNode *norm = layer_norm (b, reid_emit_temporary (b, apart), epsilon);
  return norm && norm->in[0] >= 0
         && (together->in[0] = reid_emit_temporary (b, norm)) >= 0
         && (x = reid_emit_temporary (b, together)) >= 0
         && scale_and_shift (b, x, scale, shift);
}

/* Whoever else reads the value. */
static const ReidNode *
producer (const ReidBuilder *b, int value, ReidOp op)
{
  int p = b->values[value].producer;

  return p >= 0 && !b->nodes[p].dead && b->nodes[p].node.op == op
             ? &b->nodes[p].node
             : NULL;
}

bool
reid_fuse_groups (ReidBuilder *b, int x, const ReidInt *to, int rank, int out)
{
  const ReidNode *affine = producer (b, x, REID_OP_AFFINE),
                 *norm = producer (b, affine ? affine->in[0] : x,
                                   REID_OP_LAYER_NORM),
                 *flat =
                     norm ? producer (b, norm->in[0], REID_OP_RESHAPE) : NULL;

  if (!flat || norm->u.norm.axis != 2 || norm->in[1] >= 0 || norm->in[2] >= 0
      || rank < 3 || rank >= REID_MAX_RANK)
    return false;
  const ReidShape shape = b->values[flat->in[0]].shape,
                  groups = b->values[flat->out].shape;
  bool back = shape.rank == rank && groups.rank == 3 && groups.dims[1] > 0
              && shape.dims[1] > 0 && shape.dims[1] % groups.dims[1] == 0
              && shape.dims[0] == groups.dims[0];
  for (int i = 0; i < rank && back; i++)
    back = shape.dims[i] == (to[i].sym ? to[i].sym : to[i].v);
  if (!back)
    return false;
  /* With an axis for the groups beside those of the picture, the free sizes of
   * this are still known behind the norm. */
  ReidNode *nodes[3] = { NULL, reid_node_new (b, REID_OP_LAYER_NORM, 3),
                         affine ? reid_node_new (b, REID_OP_AFFINE, 3) : NULL },
           *together;
  if (!nodes[1] || (affine && !nodes[2])
      || !group_reshapes (b, rank, shape.dims[1], groups.dims[1], &nodes[0],
                          &together))
    return false;
  nodes[1]->u.norm = norm->u.norm;
  if (affine)
    memcpy (nodes[2]->in, affine->in, 3 * sizeof *affine->in);
  x = flat->in[0];
  b->values[x].uses++;
  for (int i = 0; i < 3 && x >= 0; i++)
    if (nodes[i]) {
      nodes[i]->in[0] = x;
      x = reid_emit_temporary (b, nodes[i]);
    }
  together->in[0] = x;
  together->out = out;
  return x >= 0 && reid_emit (b, together);
}

const ReidTranslator reid_translate_norm[] = {
  { "InstanceNormalization", instance_normalization },
  { "GroupNormalization", group_normalization },
  { NULL, NULL }
};
