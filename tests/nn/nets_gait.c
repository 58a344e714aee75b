/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

static NetValue
conv_norm (Net *n, NetValue x, NetConv c)
{
  return net_norm (n, net_conv (n, x, c), 1);
}

static NetValue
basic_block (Net *n, NetValue x, int out, int stride)
{
  NetValue y = net_relu (n, conv_norm (n, x, NET_CONV (out, 3, stride, 1)));

  y = conv_norm (n, y, NET_CONV (out, 3, 1, 1, .gain = .5f));
  if (stride != 1 || out != x.channels)
    x = conv_norm (n, x, NET_CONV (out, 1, stride, .gain = .7f));
  return net_relu (n, net_add (n, y, x));
}

/* Fan et al., OpenGait, 2023: silhouettes through a ResNet of nine layers, the
 * maximum over the frames, horizontal strips each with a layer of its own.
 * Style 1: the frames are the first size, and free. */
void
net_gaitbase (Net *n, const NetSize *s)
{
  static const int64_t strips_first[] = { 2, 0, 1 },
                       strips_last[] = { 1, 2, 0 };
  int c = s->channels, frames = s->blocks[0], strips = s->blocks[1];
  int64_t high = s->height / 4, wide = s->width / 4;
  NetValue x, y, weight;

  if (s->style == 1) {
    x = net_input (n, 1, s->height, s->width);
  } else {
    x = net_input5 (n, frames, 1, s->height, s->width);
    x = net_reshape (n, x, 4, (int64_t[]){ -1, 1, s->height, s->width }, 1);
  }
  x = net_relu (n, conv_norm (n, x, NET_CONV (c, 3, 1, 1)));
  x = basic_block (n, x, c, 1);
  x = basic_block (n, x, 2 * c, 2);
  x = basic_block (n, x, 4 * c, 2);
  x = basic_block (n, x, 8 * c, 1);
  if (s->style == 1) {
    x = net_reduce (n, "ReduceMax", x, 0, true);
  } else {
    x = net_reshape (n, x, 5, (int64_t[]){ -1, frames, 8 * c, high, wide },
                     8 * c);
    x = net_reduce (n, "ReduceMax", x, 1, false);
  }
  x = net_reshape (n, x, 4, (int64_t[]){ 0, 8 * c, strips, -1 }, 8 * c);
  y = net_reduce (n, "ReduceMax", x, -1, false);
  x = net_add (n, net_reduce (n, "ReduceMean", x, -1, false), y);
  weight = net_random (n, 3, (int64_t[]){ strips, 8 * c, s->embedding }, -.05f,
                       .05f);
  x = net_transpose (n, x, 3, strips_first, 8 * c);
  x = net_node (n, "MatMul", s->embedding, x, weight);
  x = net_transpose (n, x, 3, strips_last, s->embedding);
  net_output (n, x, "embedding");
}
