/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

#include <math.h>

/* Image encoders of the ViT kind, spelled as different exporters do: */
enum {
  NEW,   /* LayerNormalization; one product for q, k, v (timm) */
  OLD,   /* ReduceMean and so on; three products (Hugging Face) */
  FIRST, /* Gelu; the sequence before the batch (nn.MultiheadAttention) */
};

static NetValue
layer_norm (Net *n, const NetSize *s, NetValue x)
{
  int64_t c = x.channels;
  NetValue scale = net_random (n, 1, &c, .7f, 1.3f),
           shift = net_random (n, 1, &c, -.2f, .2f), y, d;

  if (s->style != OLD) {
    y = net_node4 (n, "LayerNormalization", x.channels, x, scale, shift,
                   NET_NONE);
    tiny_attr_int (n->onnx, "axis", -1);
    tiny_attr_float (n->onnx, "epsilon", 1e-5f);
    return y;
  }
  d = net_node (n, "Sub", x.channels, x,
                net_reduce (n, "ReduceMean", x, -1, true));
  y = net_node (n, "Pow", x.channels, d, net_float (n, 2));
  y = net_reduce (n, "ReduceMean", y, -1, true);
  y = net_node (n, "Add", 1, y, net_float (n, 1e-5f));
  y = net_node (n, "Sqrt", 1, y, NET_NONE);
  y = net_node (n, "Div", x.channels, d, y);
  return net_add (n, net_mul (n, y, scale), shift);
}

static NetValue
gelu (Net *n, const NetSize *s, NetValue x)
{
  NetValue y;

  if (s->style == FIRST)
    return net_node (n, "Gelu", x.channels, x, NET_NONE);
  y = net_node (n, "Div", x.channels, x, net_float (n, (float) M_SQRT2));
  y = net_node (n, "Erf", x.channels, y, NET_NONE);
  y = net_add (n, y, net_float (n, 1));
  y = net_mul (n, x, y);
  return net_mul (n, y, net_float (n, .5f));
}

/* softmax (q k^T / sqrt (d)) v; k comes transposed. */
static NetValue
attend (Net *n, NetValue q, NetValue k, NetValue v, int each)
{
  NetValue y = net_node (n, "MatMul", 0, q, k);

  y = net_mul (n, y, net_float (n, 1 / sqrtf ((float) each)));
  return net_node (n, "MatMul", each, net_softmax (n, y), v);
}

static NetValue
take (Net *n, NetValue x, int axis, int i)
{
  NetValue y = net_node (n, "Gather", x.channels, x, net_int (n, i));
  tiny_attr_int (n->onnx, "axis", axis);
  return y;
}

static NetValue
attention_new (Net *n, NetValue x, int heads, int tokens)
{
  static const int64_t apart[] = { 2, 0, 3, 1, 4 }, swap[] = { 0, 1, 3, 2 },
                       back[] = { 0, 2, 1, 3 };
  int c = x.channels, each = c / heads;
  NetValue qkv = net_linear (n, x, 3 * c), y;

  qkv = net_node (
      n, "Reshape", each, qkv,
      net_sizes (n, x, 5, (int64_t[]){ NET_SIZE (0), tokens, 3, heads, each }));
  qkv = net_transpose (n, qkv, 5, apart, each);
  y = attend (n, take (n, qkv, 0, 0),
              net_transpose (n, take (n, qkv, 0, 1), 4, swap, tokens),
              take (n, qkv, 0, 2), each);
  y = net_transpose (n, y, 4, back, each);
  return net_node (n, "Reshape", c, y,
                   net_sizes (n, x, 3, (int64_t[]){ NET_SIZE (0), tokens, c }));
}

static NetValue
heads_of (Net *n, NetValue x, int heads, const int64_t *perm)
{
  int c = x.channels, each = c / heads;
  NetValue y = net_linear (n, x, c);

  y = net_node (
      n, "Reshape", each, y,
      net_sizes (n, x, 4,
                 (int64_t[]){ NET_SIZE (0), NET_SIZE (1), heads, each }));
  return net_transpose (n, y, 4, perm, each);
}

static NetValue
attention_old (Net *n, NetValue x, int heads)
{
  static const int64_t plain[] = { 0, 2, 1, 3 }, turned[] = { 0, 2, 3, 1 };
  int c = x.channels, each = c / heads;
  NetValue q = heads_of (n, x, heads, plain),
           k = heads_of (n, x, heads, turned),
           v = heads_of (n, x, heads, plain), y = attend (n, q, k, v, each);

  y = net_transpose (n, y, 4, plain, each);
  return net_node (
      n, "Reshape", c, y,
      net_sizes (n, y, 3, (int64_t[]){ NET_SIZE (0), NET_SIZE (1), c }));
}

/* [tokens][batch][c]; heads are counted with the batch. */
static NetValue
attention_first (Net *n, NetValue x, int heads, int tokens)
{
  static const int64_t plain[] = { 1, 0, 2 }, turned[] = { 1, 2, 0 };
  int c = x.channels, each = c / heads;
  NetValue part[3], y, to[3],
      batch = net_size (n, x, 1),
      many = net_node (n, "Mul", 0, batch, net_int (n, heads));

  to[0] = net_ints (n, 1, &(int64_t){ tokens });
  to[1] = net_unsqueeze (n, many, 0);
  to[2] = net_ints (n, 1, &(int64_t){ each });
  for (int i = 0; i < 3; i++) {
    y = net_linear (n, x, c);
    y = net_node (n, "Reshape", each, y, net_concat (n, to, 3, 0));
    part[i] = net_transpose (n, y, 3, i == 1 ? turned : plain, each);
  }
  y = attend (n, part[0], part[1], part[2], each);
  y = net_transpose (n, y, 3, plain, each);
  to[1] = net_unsqueeze (n, batch, 0);
  to[2] = net_ints (n, 1, &(int64_t){ c });
  return net_node (n, "Reshape", c, y, net_concat (n, to, 3, 0));
}

static NetValue
block (Net *n, const NetSize *s, NetValue x, int tokens)
{
  NetValue y = layer_norm (n, s, x);
  int heads = s->blocks[1];

  y = s->style == NEW   ? attention_new (n, y, heads, tokens)
      : s->style == OLD ? attention_old (n, y, heads)
                        : attention_first (n, y, heads, tokens);
  x = net_add (n, x, net_linear (n, y, x.channels));
  y = layer_norm (n, s, x);
  y = gelu (n, s, net_linear (n, y, 4 * x.channels));
  return net_add (n, x, net_linear (n, y, x.channels));
}

/* One row before those of every picture, as Tensor.expand (batch, -1, -1) is
 * written. */
static NetValue
class_token (Net *n, NetValue x)
{
  int64_t c = x.channels, minus = -1;
  NetValue token = net_random (n, 3, (int64_t[]){ 1, 1, c }, -1, 1), to, ones,
           equal;
  NetValue both[2];

  to = net_sizes (n, x, 3, (int64_t[]){ NET_SIZE (0), -1, -1 });
  ones = net_node (n, "ConstantOfShape", 0, net_ints (n, 1, &(int64_t){ 3 }),
                   NET_NONE);
  tiny_attr_one (n->onnx, "value");
  equal =
      net_node (n, "Equal", 0, to, net_mul (n, ones, net_ints (n, 1, &minus)));
  to = net_node4 (n, "Where", 0, equal, ones, to, NET_NONE);
  both[0] = net_node (n, "Expand", (int) c, token, to);
  both[1] = x;
  x = net_concat (n, both, 2, 1);
  x.channels = (int) c;
  return x;
}

/* Dosovitskiy et al., 2020; the norm before the blocks is CLIP's. */
void
net_vit (Net *n, const NetSize *s)
{
  static const int64_t rows[] = { 0, 2, 1 }, swap[] = { 1, 0, 2 };
  int patch = s->blocks[2], c = s->channels,
      tokens = (s->height / patch) * (s->width / patch) + 1;
  NetValue x = net_input (n, 3, s->height, s->width);

  x = net_conv (n, x, NET_CONV (c, patch, patch, .gain = .7f));
  x = net_reshape (n, x, 3, (int64_t[]){ 0, c, -1 }, c);
  x = net_transpose (n, x, 3, rows, c);
  x = class_token (n, x);
  x = net_add (n, x, net_random (n, 3, (int64_t[]){ 1, tokens, c }, -.5f, .5f));
  x = layer_norm (n, s, x);
  if (s->style == FIRST)
    x = net_transpose (n, x, 3, swap, c);
  for (int i = 0; i < s->blocks[0]; i++)
    x = block (n, s, x, tokens);
  if (s->style == FIRST)
    x = net_transpose (n, x, 3, swap, c);
  x = layer_norm (n, s, take (n, x, 1, 0));
  x = net_node (n, "MatMul", s->embedding, x,
                net_random (n, 2, (int64_t[]){ c, s->embedding }, -.06f, .06f));
  net_output (n, x, "embedding");
}
