/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETLAYERS_H
#define NETLAYERS_H

/* The layers that nets_*.c are written in. A value knows its channels (or the
 * width of its rows); weights are drawn so that what goes through a layer
 * keeps its size. */

#include "tinyonnx.h"

typedef struct {
  TinyOnnx *onnx;
  uint64_t seed;
  int values, tensors;
  int opset;
  double params;
} Net;

typedef struct {
  int id, channels;
} NetValue;

typedef struct {
  int out, kernel, stride, pad;
  int groups;             /* 0 is 1; NET_DEPTHWISE: one a channel */
  int height, pad_height; /* of a kernel that is not square; 0: as `kernel` */
  bool bias;
  float gain; /* 0 is 1, for what a ReLU gives; of what none cut, .7 */
} NetConv;
#define NET_DEPTHWISE (-1)

#define NET_CONV(...) ((NetConv){ __VA_ARGS__ })

/* -1: of free size */
NetValue net_input (Net *n, int channels, int height, int width);
NetValue net_input5 (Net *n, int frames, int channels, int height, int width);
/* Names it and makes it an output of the graph. */
void net_output (Net *n, NetValue x, const char *name);

/* Any operator of up to four inputs (id < 0: absent); attributes of it follow
 * with tiny_attr_*() on n->onnx. */
NetValue net_node (Net *n, const char *type, int channels, NetValue a,
                   NetValue b);
NetValue net_node4 (Net *n, const char *type, int channels, NetValue a,
                    NetValue b, NetValue c, NetValue d);
NetValue net_list (Net *n, const char *type, int channels, const NetValue *list,
                   int count);
/* `count` outputs of one operator */
void net_many (Net *n, const char *type, NetValue x, NetValue also,
               NetValue *out, int count);
#define NET_NONE ((NetValue){ -1, 0 })

/* Constants. */
NetValue net_random (Net *n, int rank, const int64_t *dims, float low,
                     float high);
NetValue net_ints (Net *n, int count, const int64_t *v);
/* An integer that is no list */
NetValue net_int (Net *n, int64_t v);
NetValue net_float (Net *n, float v);
NetValue net_floats (Net *n, int count, const float *v);

NetValue net_conv (Net *n, NetValue x, NetConv c);
/* Statistics of something that is about as large as it should be. */
NetValue net_norm (Net *n, NetValue x, float gain);
NetValue net_gemm (Net *n, NetValue x, int out, bool bias);
/* Rows by a matrix, and a bias, as exporters write a linear layer. */
NetValue net_linear (Net *n, NetValue x, int out);
NetValue net_relu (Net *n, NetValue x);
NetValue net_relu6 (Net *n, NetValue x);
NetValue net_prelu (Net *n, NetValue x);
NetValue net_sigmoid (Net *n, NetValue x);
NetValue net_swish (Net *n, NetValue x);
NetValue net_add (Net *n, NetValue a, NetValue b);
NetValue net_mul (Net *n, NetValue a, NetValue b);
NetValue net_concat (Net *n, const NetValue *list, int count, int axis);
NetValue net_pool (Net *n, const char *type, NetValue x, int kernel, int stride,
                   int pad);
NetValue net_mean (Net *n, NetValue x); /* GlobalAveragePool */
NetValue net_flatten (Net *n, NetValue x, int width);
NetValue net_reshape (Net *n, NetValue x, int rank, const int64_t *dims,
                      int channels);
NetValue net_transpose (Net *n, NetValue x, int rank, const int64_t *perm,
                        int channels);
NetValue net_leaky (Net *n, NetValue x);
/* Operators that moved their attributes into inputs on the way. */
NetValue net_reduce (Net *n, const char *type, NetValue x, int axis, bool keep);
NetValue net_unsqueeze (Net *n, NetValue x, int axis);
NetValue net_slice (Net *n, NetValue x, int axis, int from, int to);
NetValue net_pad (Net *n, NetValue x, const int64_t *pads, int channels);
NetValue net_softmax (Net *n, NetValue x);
/* Size i of x, an integer that is no list; and a list of sizes: literal, -1
 * for what is left, or NET_SIZE (i) for that of x. */
#define NET_SIZE(i) (-2 - (i))
NetValue net_size (Net *n, NetValue x, int i);
NetValue net_sizes (Net *n, NetValue x, int count, const int64_t *sizes);

#endif /* NETLAYERS_H */
