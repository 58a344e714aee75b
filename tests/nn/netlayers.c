/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netlayers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static NetValue
fresh (Net *n, int channels)
{
  return (NetValue){ n->values++, channels };
}

typedef struct {
  char text[24];
} Name;

static Name
name_of (NetValue x)
{
  Name name = { "" };
  if (x.id >= 0)
    snprintf (name.text, sizeof name.text, "v%d", x.id);
  return name;
}

NetValue
net_input (Net *n, int channels, int height, int width)
{
  NetValue x = fresh (n, channels);
  tiny_input (n->onnx, name_of (x).text, 4,
              (int64_t[]){ -1, channels, height, width });
  return x;
}

NetValue
net_input5 (Net *n, int frames, int channels, int height, int width)
{
  NetValue x = fresh (n, channels);
  tiny_input (n->onnx, name_of (x).text, 5,
              (int64_t[]){ -1, frames, channels, height, width });
  return x;
}

void
net_output (Net *n, NetValue x, const char *name)
{
  tiny_node (n->onnx, "Identity", name_of (x).text, name);
  tiny_output (n->onnx, name);
}

NetValue
net_list (Net *n, const char *type, int channels, const NetValue *list,
          int count)
{
  NetValue y = fresh (n, channels);
  char names[2048] = "";

  for (int i = 0; i < count; i++) {
    strcat (names, i ? "," : "");
    strcat (names, name_of (list[i]).text);
  }
  tiny_node (n->onnx, type, names, name_of (y).text);
  return y;
}

NetValue
net_node4 (Net *n, const char *type, int channels, NetValue a, NetValue b,
           NetValue c, NetValue d)
{
  NetValue list[] = { a, b, c, d };
  int count = 4;

  while (count > 0 && list[count - 1].id < 0)
    count--;
  return net_list (n, type, channels, list, count);
}

NetValue
net_node (Net *n, const char *type, int channels, NetValue a, NetValue b)
{
  return net_node4 (n, type, channels, a, b, NET_NONE, NET_NONE);
}

void
net_many (Net *n, const char *type, NetValue x, NetValue also, NetValue *out,
          int count)
{
  char in[64], names[2048] = "";

  snprintf (in, sizeof in, also.id < 0 ? "%s" : "%s,%s", name_of (x).text,
            name_of (also).text);
  for (int i = 0; i < count; i++) {
    out[i] = fresh (n, x.channels);
    strcat (names, i ? "," : "");
    strcat (names, name_of (out[i]).text);
  }
  tiny_node (n->onnx, type, in, names);
}

NetValue
net_random (Net *n, int rank, const int64_t *dims, float low, float high)
{
  NetValue w = fresh (n, 0);
  double count = 1;

  for (int i = 0; i < rank; i++)
    count *= (double) dims[i];
  n->params += count;
  n->tensors++;
  tiny_random (n->onnx, name_of (w).text, rank, dims,
               n->seed + ((uint64_t) n->tensors << 32), low, high);
  return w;
}

NetValue
net_ints (Net *n, int count, const int64_t *v)
{
  NetValue w = fresh (n, count);
  tiny_ints (n->onnx, name_of (w).text, count, v);
  return w;
}

NetValue
net_int (Net *n, int64_t v)
{
  NetValue w = fresh (n, 0);
  tiny_raw (n->onnx, name_of (w).text, 7, 0, NULL, &v, sizeof v);
  return w;
}

NetValue
net_float (Net *n, float v)
{
  NetValue w = fresh (n, 0);
  tiny_raw (n->onnx, name_of (w).text, 1, 0, NULL, &v, sizeof v);
  return w;
}

NetValue
net_floats (Net *n, int count, const float *v)
{
  NetValue w = fresh (n, count);
  int64_t dims[] = { count };
  tiny_floats (n->onnx, name_of (w).text, 1, dims, v);
  return w;
}

/* He's uniform bound: sums of `fan` such products have the variance of what
 * went in, given that half of it was cut off. */
static float
bound (int fan, float gain)
{
  return (gain > 0 ? gain : 1) * sqrtf (6.0f / (float) fan);
}

NetValue
net_conv (Net *n, NetValue x, NetConv c)
{
  int groups = c.groups == NET_DEPTHWISE ? x.channels : c.groups ? c.groups : 1;
  int high = c.height ? c.height : c.kernel,
      pad_high = c.height ? c.pad_height : c.pad, in = x.channels / groups;
  int64_t out = c.out ? c.out : x.channels, stride = c.stride ? c.stride : 1;
  int fan = in * high * c.kernel;
  NetValue w = net_random (n, 4, (int64_t[]){ out, in, high, c.kernel },
                           -bound (fan, c.gain), bound (fan, c.gain)),
           b = c.bias ? net_random (n, 1, &out, -.1f, .1f) : NET_NONE;
  NetValue y = net_node4 (n, "Conv", (int) out, x, w, b, NET_NONE);

  tiny_attr_ints (n->onnx, "dilations", 2, (int64_t[]){ 1, 1 });
  tiny_attr_int (n->onnx, "group", groups);
  tiny_attr_ints (n->onnx, "kernel_shape", 2, (int64_t[]){ high, c.kernel });
  tiny_attr_ints (n->onnx, "pads", 4,
                  (int64_t[]){ pad_high, c.pad, pad_high, c.pad });
  tiny_attr_ints (n->onnx, "strides", 2, (int64_t[]){ stride, stride });
  return y;
}

NetValue
net_norm (Net *n, NetValue x, float gain)
{
  int64_t c = x.channels;
  NetValue list[] = { x, net_random (n, 1, &c, .7f * gain, 1.3f * gain),
                      net_random (n, 1, &c, -.2f * gain, .2f * gain),
                      net_random (n, 1, &c, -.2f, .2f),
                      net_random (n, 1, &c, .75f, 1.5f) };
  NetValue y = net_list (n, "BatchNormalization", x.channels, list, 5);

  /* Statistics are no parameters. */
  n->params -= 2 * (double) c;
  tiny_attr_float (n->onnx, "epsilon", 1e-5f);
  tiny_attr_float (n->onnx, "momentum", .9f);
  return y;
}

NetValue
net_gemm (Net *n, NetValue x, int out, bool bias)
{
  float b = bound (2 * x.channels, 1);
  int64_t m = out;
  NetValue w = net_random (n, 2, (int64_t[]){ out, x.channels }, -b, b),
           c = bias ? net_random (n, 1, &m, -.1f, .1f) : NET_NONE;
  NetValue y = net_node4 (n, "Gemm", out, x, w, c, NET_NONE);

  tiny_attr_float (n->onnx, "alpha", 1);
  tiny_attr_float (n->onnx, "beta", 1);
  tiny_attr_int (n->onnx, "transB", 1);
  return y;
}

NetValue
net_linear (Net *n, NetValue x, int out)
{
  float b = bound (2 * x.channels, 1);
  int64_t m = out;
  NetValue w = net_random (n, 2, (int64_t[]){ x.channels, out }, -b, b),
           bias = net_random (n, 1, &m, -.1f, .1f);
  NetValue y = net_node (n, "MatMul", out, x, w);

  return net_node (n, "Add", out, bias, y);
}

NetValue
net_relu (Net *n, NetValue x)
{
  return net_node (n, "Relu", x.channels, x, NET_NONE);
}

NetValue
net_relu6 (Net *n, NetValue x)
{
  NetValue y;

  if (n->opset >= 11)
    return net_node4 (n, "Clip", x.channels, x, net_float (n, 0),
                      net_float (n, 6), NET_NONE);
  y = net_node (n, "Clip", x.channels, x, NET_NONE);
  tiny_attr_float (n->onnx, "min", 0);
  tiny_attr_float (n->onnx, "max", 6);
  return y;
}

NetValue
net_prelu (Net *n, NetValue x)
{
  NetValue slope = net_random (n, 3, (int64_t[]){ x.channels, 1, 1 }, .1f, .4f);
  return net_node (n, "PRelu", x.channels, x, slope);
}

NetValue
net_sigmoid (Net *n, NetValue x)
{
  return net_node (n, "Sigmoid", x.channels, x, NET_NONE);
}

NetValue
net_swish (Net *n, NetValue x)
{
  return net_mul (n, x, net_sigmoid (n, x));
}

NetValue
net_add (Net *n, NetValue a, NetValue b)
{
  return net_node (n, "Add", a.channels, a, b);
}

NetValue
net_mul (Net *n, NetValue a, NetValue b)
{
  return net_node (n, "Mul", a.channels, a, b);
}

NetValue
net_concat (Net *n, const NetValue *list, int count, int axis)
{
  int channels = 0;

  for (int i = 0; i < count; i++)
    channels += axis == 1 ? list[i].channels : 0;
  NetValue y = net_list (n, "Concat", channels ? channels : list[0].channels,
                         list, count);
  tiny_attr_int (n->onnx, "axis", axis);
  return y;
}

NetValue
net_pool (Net *n, const char *type, NetValue x, int kernel, int stride, int pad)
{
  NetValue y = net_node (n, type, x.channels, x, NET_NONE);

  tiny_attr_ints (n->onnx, "kernel_shape", 2, (int64_t[]){ kernel, kernel });
  tiny_attr_ints (n->onnx, "pads", 4, (int64_t[]){ pad, pad, pad, pad });
  tiny_attr_ints (n->onnx, "strides", 2, (int64_t[]){ stride, stride });
  return y;
}

NetValue
net_mean (Net *n, NetValue x)
{
  return net_node (n, "GlobalAveragePool", x.channels, x, NET_NONE);
}

NetValue
net_flatten (Net *n, NetValue x, int width)
{
  NetValue y = net_node (n, "Flatten", width, x, NET_NONE);
  tiny_attr_int (n->onnx, "axis", 1);
  return y;
}

NetValue
net_reshape (Net *n, NetValue x, int rank, const int64_t *dims, int channels)
{
  return net_node (n, "Reshape", channels, x, net_ints (n, rank, dims));
}

NetValue
net_transpose (Net *n, NetValue x, int rank, const int64_t *perm, int channels)
{
  NetValue y = net_node (n, "Transpose", channels, x, NET_NONE);
  tiny_attr_ints (n->onnx, "perm", rank, perm);
  return y;
}

NetValue
net_leaky (Net *n, NetValue x)
{
  NetValue y = net_node (n, "LeakyRelu", x.channels, x, NET_NONE);
  tiny_attr_float (n->onnx, "alpha", .1f);
  return y;
}

NetValue
net_reduce (Net *n, const char *type, NetValue x, int axis, bool keep)
{
  int64_t axes = axis;
  NetValue y = net_node (n, type, x.channels, x,
                         n->opset >= 18 ? net_ints (n, 1, &axes) : NET_NONE);

  if (n->opset < 18)
    tiny_attr_ints (n->onnx, "axes", 1, &axes);
  tiny_attr_int (n->onnx, "keepdims", keep);
  return y;
}

NetValue
net_unsqueeze (Net *n, NetValue x, int axis)
{
  int64_t axes = axis;
  NetValue y = net_node (n, "Unsqueeze", x.channels, x,
                         n->opset >= 13 ? net_ints (n, 1, &axes) : NET_NONE);

  if (n->opset < 13)
    tiny_attr_ints (n->onnx, "axes", 1, &axes);
  return y;
}

NetValue
net_slice (Net *n, NetValue x, int axis, int from, int to)
{
  int64_t at = axis, starts = from, ends = to;
  NetValue y;

  if (n->opset >= 10)
    return net_node4 (n, "Slice", x.channels, x, net_ints (n, 1, &starts),
                      net_ints (n, 1, &ends), net_ints (n, 1, &at));
  y = net_node (n, "Slice", x.channels, x, NET_NONE);
  tiny_attr_ints (n->onnx, "axes", 1, &at);
  tiny_attr_ints (n->onnx, "starts", 1, &starts);
  tiny_attr_ints (n->onnx, "ends", 1, &ends);
  return y;
}

NetValue
net_pad (Net *n, NetValue x, const int64_t *pads, int channels)
{
  NetValue y = net_node (n, "Pad", channels, x,
                         n->opset >= 11 ? net_ints (n, 8, pads) : NET_NONE);

  if (n->opset < 11)
    tiny_attr_ints (n->onnx, "pads", 8, pads);
  tiny_attr_string (n->onnx, "mode", "constant");
  return y;
}

NetValue
net_softmax (Net *n, NetValue x)
{
  NetValue y = net_node (n, "Softmax", x.channels, x, NET_NONE);
  tiny_attr_int (n->onnx, "axis", n->opset >= 13 ? -1 : 2);
  return y;
}

NetValue
net_size (Net *n, NetValue x, int i)
{
  NetValue y = net_node (n, "Gather", 0, net_node (n, "Shape", 0, x, NET_NONE),
                         net_int (n, i));
  tiny_attr_int (n->onnx, "axis", 0);
  return y;
}

NetValue
net_sizes (Net *n, NetValue x, int count, const int64_t *sizes)
{
  NetValue list[8];

  for (int i = 0; i < count; i++)
    list[i] =
        sizes[i] == -1 || sizes[i] > 0
            ? net_ints (n, 1, &sizes[i])
            : net_unsqueeze (n, net_size (n, x, (int) (-2 - sizes[i])), 0);
  return net_concat (n, list, count, 0);
}
