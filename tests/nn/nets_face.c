/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

/* ArcFace's improved residual block: the norm comes first, the stride last. */
static NetValue
ir_block (Net *n, NetValue x, int out, int stride)
{
  NetValue y = net_norm (n, x, 1), side = x;

  y = net_conv (n, y, NET_CONV (out, 3, 1, 1, .gain = .7f));
  y = net_norm (n, y, 1);
  y = net_prelu (n, y);
  y = net_conv (n, y, NET_CONV (out, 3, stride, 1));
  y = net_norm (n, y, .35f);
  if (stride != 1 || x.channels != out) {
    side = net_conv (n, x, NET_CONV (out, 1, stride, .gain = .7f));
    side = net_norm (n, side, 1);
  }
  return net_add (n, y, side);
}

/* Deng et al., ArcFace, 2019; depths as in insightface's iresnet.py. */
void
net_iresnet (Net *n, const NetSize *s)
{
  NetValue x = net_input (n, 3, s->height, s->width);
  int width = s->channels, high = s->height, wide = s->width;

  x = net_conv (n, x, NET_CONV (width, 3, 1, 1));
  x = net_norm (n, x, 1);
  x = net_prelu (n, x);
  for (int stage = 0; stage < 4; stage++) {
    for (int i = 0; i < s->blocks[stage]; i++)
      x = ir_block (n, x, width << stage, i == 0 ? 2 : 1);
    high = (high + 1) / 2;
    wide = (wide + 1) / 2;
  }
  x = net_norm (n, x, 1);
  x = net_flatten (n, x, x.channels * high * wide);
  x = net_gemm (n, x, s->embedding, true);
  net_output (n, net_norm (n, x, 1), "embedding");
}

static NetValue
activate (Net *n, const NetSize *s, NetValue x)
{
  return s->style ? net_prelu (n, x) : net_relu6 (n, x);
}

static NetValue
conv_norm (Net *n, const NetSize *s, NetValue x, NetConv c, bool linear)
{
  x = net_norm (n, net_conv (n, x, c), 1);
  return linear ? x : activate (n, s, x);
}

static NetValue
bottleneck (Net *n, const NetSize *s, NetValue x, int expand, int out,
            int stride)
{
  int inside = x.channels * expand;
  NetValue y = conv_norm (n, s, x, NET_CONV (inside, 1, .gain = .6f), false);

  y = conv_norm (n, s, y, NET_CONV (inside, 3, stride, 1, NET_DEPTHWISE),
                 false);
  y = conv_norm (n, s, y, NET_CONV (out, 1, .gain = stride == 1 ? .5f : 1),
                 true);
  return stride == 1 && x.channels == out ? net_add (n, x, y) : y;
}

/* Chen et al., MobileFaceNets, 2018, table 1. */
void
net_mobilefacenet (Net *n, const NetSize *s)
{
  static const int rows[][3] = { { 2, 1, 2 }, /* expansion, width, stride */
                                 { 4, 2, 2 },
                                 { 2, 2, 1 },
                                 { 4, 2, 2 },
                                 { 2, 2, 1 } };
  NetValue x = net_input (n, 3, s->height, s->width);
  int c = s->channels, high = s->height / 16, wide = s->width / 16;

  x = conv_norm (n, s, x, NET_CONV (c, 3, 2, 1), false);
  x = conv_norm (n, s, x, NET_CONV (c, 3, 1, 1, NET_DEPTHWISE), false);
  for (int r = 0; r < 5; r++)
    for (int i = 0; i < s->blocks[r]; i++)
      x = bottleneck (n, s, x, rows[r][0], c * rows[r][1],
                      i == 0 ? rows[r][2] : 1);
  x = conv_norm (n, s, x, NET_CONV (8 * c, 1, .gain = .6f), false);
  x = conv_norm (n, s, x,
                 NET_CONV (8 * c, wide, 1, 0, NET_DEPTHWISE, .height = high),
                 true);
  x = conv_norm (n, s, x, NET_CONV (s->embedding, 1, .gain = .7f), true);
  net_output (n, net_flatten (n, x, s->embedding), "embedding");
}

static NetValue
separable (Net *n, NetValue x, int out, int stride)
{
  x = net_prelu (
      n, net_norm (n,
                   net_conv (n, x,
                             NET_CONV (.kernel = 3, .stride = stride, .pad = 1,
                                       .groups = NET_DEPTHWISE)),
                   1));
  return net_prelu (n, net_norm (n, net_conv (n, x, NET_CONV (out, 1)), 1));
}

/* As OpenCV's SFace: MobileNet with PReLU, and what the camera gives as it
 * is. */
void
net_sface (Net *n, const NetSize *s)
{
  static const int rows[13][2] = { { 2, 1 },  { 4, 2 },  { 4, 1 },  { 8, 2 },
                                   { 8, 1 },  { 16, 2 }, { 16, 1 }, { 16, 1 },
                                   { 16, 1 }, { 16, 1 }, { 16, 1 }, { 32, 2 },
                                   { 32, 1 } };
  NetValue x = net_input (n, 3, s->height, s->width);
  int c = s->channels;

  x = net_node (n, "Sub", 3, x, net_float (n, 127.5f));
  x = net_mul (n, x, net_float (n, .0078125f));
  x = net_prelu (n, net_norm (n, net_conv (n, x, NET_CONV (c, 3, 1, 1)), 1));
  for (int i = 0; i < 13; i++)
    x = separable (n, x, c * rows[i][0], rows[i][1]);
  x = net_norm (n, x, 1);
  x = net_node (n, "Dropout", x.channels, x, NET_NONE);
  x = net_flatten (n, x, x.channels * (s->height / 16) * (s->width / 16));
  x = net_gemm (n, x, s->embedding, true);
  net_output (n, net_norm (n, x, 1), "embedding");
}
