/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netmakers.h"

#include <stdio.h>

static NetValue
norm_act (Net *n, NetValue x, NetConv c, NetValue (*act) (Net *, NetValue))
{
  x = net_norm (n, net_conv (n, x, c), 1);
  return act ? act (n, x) : x;
}

static NetValue
separable (Net *n, NetValue x, int out, int stride,
           NetValue (*act) (Net *, NetValue))
{
  x = norm_act (n, x,
                NET_CONV (.kernel = 3, .stride = stride, .pad = 1,
                          .groups = NET_DEPTHWISE),
                act);
  return norm_act (n, x, NET_CONV (out, 1), act);
}

/* x enlarged to the size of `like`, as F.interpolate (size=) is written. */
static NetValue
enlarge (Net *n, NetValue x, NetValue like)
{
  NetValue size =
      net_slice (n, net_node (n, "Shape", 0, like, NET_NONE), 0, 2, 4);
  NetValue both[] = {
    net_slice (n, net_node (n, "Shape", 0, x, NET_NONE), 0, 0, 2), size
  };
  NetValue to = net_concat (n, both, 2, 0), y;

  /* Absent inputs came with operator set 13; before, empty lists. */
  if (n->opset < 13) {
    NetValue region = net_floats (n, 0, NULL);
    y = net_node4 (n, "Resize", x.channels, x, region, region, to);
  } else {
    y = net_node4 (n, "Resize", x.channels, x, NET_NONE, NET_NONE, to);
  }
  tiny_attr_string (n->onnx, "coordinate_transformation_mode", "asymmetric");
  tiny_attr_string (n->onnx, "mode", "nearest");
  tiny_attr_string (n->onnx, "nearest_mode", "floor");
  return y;
}

/* [b][c][h][w] to [b][h * w * anchors][each], or without the batch. */
static NetValue
rows (Net *n, NetValue x, int each, bool flat)
{
  static const int64_t perm[] = { 0, 2, 3, 1 };
  NetValue y = net_transpose (n, x, 4, perm, each);

  if (flat)
    return net_reshape (n, y, 2, (int64_t[]){ -1, each }, each);
  return net_node (n, "Reshape", each, y,
                   net_sizes (n, x, 3, (int64_t[]){ NET_SIZE (0), -1, each }));
}

/* --- RetinaFace, as biubug6 has it --- */

static NetValue
ssh (Net *n, NetValue x)
{
  int c = x.channels;
  NetValue side = norm_act (n, x, NET_CONV (c / 4, 3, 1, 1), net_leaky),
           deep = norm_act (n, side, NET_CONV (c / 4, 3, 1, 1), net_leaky);
  NetValue parts[] = { norm_act (n, x, NET_CONV (c / 2, 3, 1, 1), NULL),
                       norm_act (n, side, NET_CONV (c / 4, 3, 1, 1), NULL),
                       norm_act (n, deep, NET_CONV (c / 4, 3, 1, 1), NULL) };

  return net_relu (n, net_concat (n, parts, 3, 1));
}

void
net_retinaface (Net *n, const NetSize *s)
{
  static const int wide[13][2] = { { 2, 1 },  { 4, 2 },  { 4, 1 },  { 8, 2 },
                                   { 8, 1 },  { 16, 2 }, { 16, 1 }, { 16, 1 },
                                   { 16, 1 }, { 16, 1 }, { 16, 1 }, { 32, 2 },
                                   { 32, 1 } };
  static const char *const names[] = { "loc", "conf", "landms" };
  static const int each[] = { 4, 2, 10 };
  NetValue x = net_input (n, 3, -1, -1), level[3], part[3];
  int c = s->channels, at = 0;

  x = norm_act (n, x, NET_CONV (c, 3, 2, 1), net_leaky);
  for (int i = 0; i < 13; i++) {
    x = separable (n, x, c * wide[i][0], wide[i][1], net_leaky);
    if (i == 4 || i == 10 || i == 12)
      level[at++] = x;
  }
  for (int i = 0; i < 3; i++)
    level[i] = norm_act (n, level[i], NET_CONV (8 * c, 1), net_leaky);
  for (int i = 1; i >= 0; i--) {
    level[i] = net_add (n, level[i], enlarge (n, level[i + 1], level[i]));
    level[i] = norm_act (n, level[i], NET_CONV (8 * c, 3, 1, 1, .gain = .7f),
                         net_leaky);
  }
  for (int i = 0; i < 3; i++)
    level[i] = ssh (n, level[i]);
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < 3; i++)
      part[i] = rows (
          n, net_conv (n, level[i], NET_CONV (2 * each[k], 1, .bias = true)),
          each[k], false);
    x = net_concat (n, part, 3, 1);
    x.channels = each[k];
    net_output (n, k == 1 ? net_softmax (n, x) : x, names[k]);
  }
}

/* --- SCRFD of 500 M, as insightface has it; style 1: outputs without a batch
 * --- */

void
net_scrfd (Net *n, const NetSize *s)
{
  static const int wide[] = { 40, 72, 152, 288 };
  static const char *const names[] = { "score", "bbox", "kps" };
  static const int each[] = { 1, 4, 10 };
  NetValue x = net_input (n, 3, -1, -1), level[4], p[3], heads[3][3];
  int c = s->channels;
  char name[24];

  x = norm_act (n, x, NET_CONV (16, 3, 2, 1), net_relu);
  x = separable (n, x, 16, 1, net_relu);
  for (int stage = 0; stage < 4; stage++) {
    for (int i = 0; i < s->blocks[stage]; i++)
      x = separable (n, x, wide[stage], i == 0 ? 2 : 1, net_relu);
    level[stage] = x;
  }
  for (int i = 0; i < 3; i++)
    p[i] = net_conv (n, level[i + 1], NET_CONV (c, 1, .bias = true));
  for (int i = 1; i >= 0; i--)
    p[i] = net_add (n, p[i], enlarge (n, p[i + 1], p[i]));
  for (int i = 0; i < 3; i++)
    p[i] = net_conv (n, p[i], NET_CONV (c, 3, 1, 1, .bias = true, .gain = .6f));
  for (int i = 0; i < 2; i++)
    p[i + 1] = net_add (
        n, p[i + 1],
        net_conv (n, p[i], NET_CONV (c, 3, 2, 1, .bias = true, .gain = .6f)));
  for (int i = 1; i < 3; i++)
    p[i] = net_conv (n, p[i], NET_CONV (c, 3, 1, 1, .bias = true, .gain = .6f));
  for (int i = 0; i < 3; i++) {
    x = separable (n, p[i], 64, 1, net_relu);
    x = separable (n, x, 64, 1, net_relu);
    for (int k = 0; k < 3; k++)
      heads[i][k] = net_conv (
          n, x, NET_CONV (2 * each[k], 3, 1, 1, .bias = true, .gain = .5f));
    heads[i][0] = net_sigmoid (n, heads[i][0]);
    heads[i][1] =
        net_mul (n, heads[i][1], net_float (n, .8f + .2f * (float) i));
  }
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < 3; i++) {
      snprintf (name, sizeof name, "%s_%d", names[k], 8 << i);
      net_output (n, rows (n, heads[i][k], each[k], s->style == 1), name);
    }
}

/* --- BlazeFace, the front camera's --- */

static NetValue
blaze_block (Net *n, NetValue x, int out, int stride)
{
  NetValue h = x;

  if (stride == 2) {
    h = net_pad (n, x, (int64_t[]){ 0, 0, 0, 0, 0, 0, 2, 2 }, x.channels);
    x = net_pool (n, "MaxPool", x, 2, 2, 0);
  }
  h = net_conv (n, h,
                NET_CONV (.kernel = 3, .stride = stride,
                          .pad = stride == 2 ? 0 : 1, .groups = NET_DEPTHWISE,
                          .bias = true, .gain = .7f));
  h = net_conv (n, h, NET_CONV (out, 1, .bias = true, .gain = .5f));
  if (out > x.channels)
    x = net_pad (n, x, (int64_t[]){ 0, 0, 0, 0, 0, out - x.channels, 0, 0 },
                 out);
  return net_relu (n, net_add (n, h, x));
}

void
net_blazeface (Net *n, const NetSize *s)
{
  static const int first[][2] = { { 24, 1 }, { 28, 1 }, { 32, 2 }, { 36, 1 },
                                  { 42, 1 }, { 48, 2 }, { 56, 1 }, { 64, 1 },
                                  { 72, 1 }, { 80, 1 }, { 88, 1 } };
  NetValue x = net_input (n, 3, s->height, s->width), h, part[2];

  x = net_pad (n, x, (int64_t[]){ 0, 0, 1, 1, 0, 0, 2, 2 }, 3);
  x = net_relu (n, net_conv (n, x, NET_CONV (24, 5, 2, .bias = true)));
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    x = blaze_block (n, x, first[i][0], first[i][1]);
  h = x;
  for (int i = 0; i < 5; i++)
    h = blaze_block (n, h, 96, i == 0 ? 2 : 1);
  part[0] =
      rows (n, net_conv (n, x, NET_CONV (32, 1, .bias = true)), 16, false);
  part[1] =
      rows (n, net_conv (n, h, NET_CONV (96, 1, .bias = true)), 16, false);
  net_output (n, net_concat (n, part, 2, 1), "regressors");
  part[0] = rows (n, net_conv (n, x, NET_CONV (2, 1, .bias = true)), 1, false);
  part[1] = rows (n, net_conv (n, h, NET_CONV (6, 1, .bias = true)), 1, false);
  net_output (n, net_concat (n, part, 2, 1), "classifiers");
}
