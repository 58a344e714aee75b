/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

/* Inception-ResNet-v1 of FaceNet, as facenet-pytorch has it. Widths are given
 * for 32 channels in the first layer. */

static NetValue
unit (Net *n, NetValue x, NetConv c)
{
  return net_relu (n, net_norm (n, net_conv (n, x, c), 1));
}

static NetValue
pointwise (Net *n, NetValue x, int out)
{
  return unit (n, x, NET_CONV (out, 1));
}

/* 1 x k and then k x 1 */
static NetValue
cross (Net *n, NetValue x, int out, int k)
{
  x = unit (n, x, NET_CONV (out, k, 1, k / 2, .height = 1));
  return unit (n, x, NET_CONV (out, 1, .height = k, .pad_height = k / 2));
}

/* Branches side by side, brought to the width of x and added to it. */
static NetValue
join (Net *n, NetValue x, const NetValue *branches, int count, float scale,
      bool relu)
{
  NetValue y = net_concat (n, branches, count, 1);

  y = net_conv (n, y, NET_CONV (x.channels, 1, .bias = true));
  y = net_mul (n, y, net_float (n, scale));
  y = net_add (n, y, x);
  return relu ? net_relu (n, y) : y;
}

static NetValue
block35 (Net *n, NetValue x, int w)
{
  NetValue b[3] = { pointwise (n, x, w), pointwise (n, x, w),
                    pointwise (n, x, w) };

  b[1] = unit (n, b[1], NET_CONV (w, 3, 1, 1));
  b[2] = unit (n, b[2], NET_CONV (w, 3, 1, 1));
  b[2] = unit (n, b[2], NET_CONV (w, 3, 1, 1));
  return join (n, x, b, 3, .17f, true);
}

static NetValue
two_branches (Net *n, NetValue x, int w, int k, float scale, bool relu)
{
  NetValue b[2] = { pointwise (n, x, w), pointwise (n, x, w) };

  b[1] = cross (n, b[1], w, k);
  return join (n, x, b, 2, scale, relu);
}

static NetValue
mixed6 (Net *n, NetValue x, int w)
{
  NetValue b[3];

  b[0] = unit (n, x, NET_CONV (12 * w, 3, 2));
  b[1] = unit (n, pointwise (n, x, 6 * w), NET_CONV (6 * w, 3, 1, 1));
  b[1] = unit (n, b[1], NET_CONV (8 * w, 3, 2));
  b[2] = net_pool (n, "MaxPool", x, 3, 2, 0);
  return net_concat (n, b, 3, 1);
}

static NetValue
mixed7 (Net *n, NetValue x, int w)
{
  NetValue b[4];

  b[0] = unit (n, pointwise (n, x, 8 * w), NET_CONV (12 * w, 3, 2));
  b[1] = unit (n, pointwise (n, x, 8 * w), NET_CONV (8 * w, 3, 2));
  b[2] = unit (n, pointwise (n, x, 8 * w), NET_CONV (8 * w, 3, 1, 1));
  b[2] = unit (n, b[2], NET_CONV (8 * w, 3, 2));
  b[3] = net_pool (n, "MaxPool", x, 3, 2, 0);
  return net_concat (n, b, 4, 1);
}

/* F.normalize (x): the norm is spread to the size of x. */
static NetValue
normalize (Net *n, NetValue x)
{
  NetValue norm = net_reduce (n, "ReduceL2", x, 1, true);

  norm =
      net_node4 (n, "Clip", 1, norm, net_float (n, 1e-12f), NET_NONE, NET_NONE);
  norm = net_node (n, "Expand", x.channels, norm,
                   net_node (n, "Shape", 0, x, NET_NONE));
  return net_node (n, "Div", x.channels, x, norm);
}

void
net_facenet (Net *n, const NetSize *s)
{
  NetValue x = net_input (n, 3, s->height, s->width), w;
  int c = s->channels;

  x = unit (n, x, NET_CONV (c, 3, 2));
  x = unit (n, x, NET_CONV (c, 3));
  x = unit (n, x, NET_CONV (2 * c, 3, 1, 1));
  x = net_pool (n, "MaxPool", x, 3, 2, 0);
  x = pointwise (n, x, 5 * c / 2);
  x = unit (n, x, NET_CONV (6 * c, 3));
  x = unit (n, x, NET_CONV (8 * c, 3, 2));
  for (int i = 0; i < s->blocks[0]; i++)
    x = block35 (n, x, c);
  x = mixed6 (n, x, c);
  for (int i = 0; i < s->blocks[1]; i++)
    x = two_branches (n, x, 4 * c, 7, .1f, true);
  x = mixed7 (n, x, c);
  for (int i = 0; i < s->blocks[2]; i++)
    x = two_branches (n, x, 6 * c, 3, .2f, true);
  x = two_branches (n, x, 6 * c, 3, 1, false);
  x = net_flatten (n, net_mean (n, x), x.channels);
  w = net_random (n, 2, (int64_t[]){ x.channels, s->embedding }, -.04f, .04f);
  x = net_node (n, "MatMul", s->embedding, x, w);
  net_output (n, normalize (n, net_norm (n, x, 1)), "embedding");
}
