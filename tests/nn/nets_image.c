/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

static NetValue
conv_norm (Net *n, NetValue x, NetConv c, float gain)
{
  return net_norm (n, net_conv (n, x, c), gain);
}

/* He et al., 2015, with the stride in the 3x3 convolution, as torchvision
 * has it. */
void
net_resnet (Net *n, const NetSize *s)
{
  NetValue x = net_input (n, 3, s->height, s->width), y, side;
  int c = s->channels;

  x = net_relu (n, conv_norm (n, x, NET_CONV (c, 7, 2, 3), 1));
  x = net_pool (n, "MaxPool", x, 3, 2, 1);
  for (int stage = 0; stage < 4; stage++)
    for (int i = 0; i < s->blocks[stage]; i++) {
      int stride = i == 0 && stage > 0 ? 2 : 1, inside = c << stage;
      y = net_relu (n, conv_norm (n, x, NET_CONV (inside, 1), 1));
      y = net_relu (n, conv_norm (n, y, NET_CONV (inside, 3, stride, 1), 1));
      y = conv_norm (n, y, NET_CONV (4 * inside, 1), .35f);
      side = x;
      if (i == 0)
        side = conv_norm (n, x, NET_CONV (4 * inside, 1, stride), .7f);
      x = net_relu (n, net_add (n, y, side));
    }
  x = net_flatten (n, net_mean (n, x), x.channels);
  net_output (n, net_gemm (n, x, s->embedding, true), "output");
}

/* Inverted residual with squeeze and excitation. */
static NetValue
mb_conv (Net *n, NetValue x, int expand, int kernel, int stride, int out)
{
  int inside = x.channels * expand, squeezed = x.channels / 4;
  NetValue y = x, gate;

  if (expand != 1)
    y = net_swish (n, conv_norm (n, y, NET_CONV (inside, 1, .gain = .7f), 1));
  y = net_swish (n, conv_norm (n, y,
                               NET_CONV (inside, kernel, stride, kernel / 2,
                                         NET_DEPTHWISE, .gain = 1.1f),
                               1));
  gate = net_conv (n, net_mean (n, y), NET_CONV (squeezed, 1, .bias = true));
  gate = net_swish (n, gate);
  gate = net_conv (n, gate, NET_CONV (inside, 1, .bias = true));
  y = net_mul (n, y, net_sigmoid (n, gate));
  bool same = stride == 1 && x.channels == out;
  y = conv_norm (n, y, NET_CONV (out, 1, .gain = 2), same ? .5f : 1);
  return same ? net_add (n, y, x) : y;
}

/* Tan and Le, 2019, table 1. */
void
net_efficientnet (Net *n, const NetSize *s)
{
  static const int rows[7][4] = { { 1, 3, 1, 16 },  { 6, 3, 2, 24 },
                                  { 6, 5, 2, 40 },  { 6, 3, 2, 80 },
                                  { 6, 5, 1, 112 }, { 6, 5, 2, 192 },
                                  { 6, 3, 1, 320 } };
  NetValue x = net_input (n, 3, s->height, s->width);
  int of = s->channels; /* of 32 */

  x = net_swish (n, conv_norm (n, x, NET_CONV (of, 3, 2, 1), 1));
  for (int r = 0; r < 7; r++)
    for (int i = 0; i < s->blocks[r]; i++)
      x = mb_conv (n, x, rows[r][0], rows[r][1], i == 0 ? rows[r][2] : 1,
                   rows[r][3] * of / 32);
  x = net_swish (n, conv_norm (n, x, NET_CONV (40 * of, 1, .gain = .7f), 1));
  x = net_flatten (n, net_mean (n, x), x.channels);
  net_output (n, net_gemm (n, x, s->embedding, true), "output");
}
