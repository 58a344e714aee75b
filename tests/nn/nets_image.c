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

/* --- OSNet --- */

static NetValue
conv_relu (Net *n, NetValue x, NetConv c)
{
  return net_relu (n, conv_norm (n, x, c, 1));
}

static NetValue
light (Net *n, NetValue x)
{
  x = net_conv (n, x, NET_CONV (x.channels, 1));
  return conv_relu (
      n, x,
      NET_CONV (.kernel = 3, .pad = 1, .groups = NET_DEPTHWISE, .gain = .7f));
}

/* Streams of one to four layers, each with a gate for its channels; the gate is
 * the same for all, as its weights are shared. */
static NetValue
os_block (Net *n, NetValue x, int out)
{
  int inside = out / 4, few = inside / 16 ? inside / 16 : 1;
  int64_t down[] = { few, inside, 1, 1 }, up[] = { inside, few, 1, 1 },
          widths[] = { few, inside };
  NetValue first = conv_relu (n, x, NET_CONV (inside, 1)), sum = NET_NONE, y;
  NetValue weight[] = { net_random (n, 4, down, -.5f, .5f),
                        net_random (n, 4, up, -1, 1) },
           bias[] = { net_random (n, 1, &widths[0], -.1f, .1f),
                      net_random (n, 1, &widths[1], -.1f, .1f) };

  for (int depth = 1; depth <= 4; depth++) {
    NetValue gate;
    y = first;
    for (int i = 0; i < depth; i++)
      y = light (n, y);
    gate = net_node4 (n, "Conv", few, net_mean (n, y), weight[0], bias[0],
                      NET_NONE);
    gate = net_relu (n, gate);
    gate = net_node4 (n, "Conv", inside, gate, weight[1], bias[1], NET_NONE);
    y = net_mul (n, y, net_sigmoid (n, gate));
    sum = depth == 1 ? y : net_add (n, sum, y);
  }
  y = conv_norm (n, sum, NET_CONV (out, 1, .gain = .5f), 1);
  if (x.channels != out)
    x = conv_norm (n, x, NET_CONV (out, 1), 1);
  return net_relu (n, net_add (n, y, x));
}

/* Zhou et al., Omni-Scale Feature Learning, 2019; widths as in torchreid. */
void
net_osnet (Net *n, const NetSize *s)
{
  NetValue x = net_input (n, 3, s->height, s->width);

  x = conv_relu (n, x, NET_CONV (s->channels, 7, 2, 3));
  x = net_pool (n, "MaxPool", x, 3, 2, 1);
  for (int stage = 0; stage < 3; stage++) {
    int out = s->blocks[stage];
    x = os_block (n, os_block (n, x, out), out);
    if (stage < 2) {
      x = conv_relu (n, x, NET_CONV (out, 1));
      x = net_pool (n, "AveragePool", x, 2, 2, 0);
    }
  }
  x = conv_relu (n, x, NET_CONV (s->blocks[2], 1));
  x = net_mean (n, x);
  x = net_node (n, "Reshape", x.channels, x,
                net_sizes (n, x, 2, (int64_t[]){ NET_SIZE (0), -1 }));
  x = net_norm (n, net_gemm (n, x, s->embedding, true), 1);
  net_output (n, net_relu (n, x), "embedding");
}
