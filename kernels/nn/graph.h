/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_GRAPH_H
#define REID_NN_GRAPH_H

/* The network as the backends see it: after reading, checking, constant
 * folding and fusion. Private to kernels/nn. A graph is immutable once the
 * session that owns it is open; shapes live outside it (ReidShapes), because
 * one graph runs at many sizes. */

#include "nn/nn.h"

/* Operators that remain after the reader's rewrites. Semantics are ONNX's,
 * inference only; rewrites are noted. */
typedef enum {
  REID_OP_CONV,     /* x, weight[, bias[, residual]]; 2-D; see ReidConv */
  REID_OP_GEMM,     /* x[N,K], weight[M,K] (transposed at load), [bias[M]] */
  REID_OP_MATMUL,   /* a, b of rank 2 or more; either may be constant */
  REID_OP_MAX_POOL, /* ReidPool */
  REID_OP_AVERAGE_POOL,
  REID_OP_GLOBAL_AVERAGE_POOL,
  REID_OP_AFFINE,     /* x, scale[C], shift[C]: BatchNormalization that could
                         not be folded exactly */
  REID_OP_PRELU,      /* x, slope[C] or slope[1] */
  REID_OP_UNARY,      /* ReidUnary */
  REID_OP_BINARY,     /* a, b with broadcasting; ReidBinary */
  REID_OP_SOFTMAX,    /* ReidAxis */
  REID_OP_CONCAT,     /* ReidAxis */
  REID_OP_SLICE,      /* ReidSlice; constant starts, steps */
  REID_OP_PAD,        /* ReidPad; constant mode */
  REID_OP_TRANSPOSE,  /* ReidPerm */
  REID_OP_RESHAPE,    /* ReidReshape; also Flatten, Squeeze, Unsqueeze */
  REID_OP_RESIZE,     /* ReidResize: Resize and Upsample; with a second input,
                         to its height and width, whatever it holds */
  REID_OP_REDUCE,     /* ReidReduce: over some axes, which keep the size 1 */
  REID_OP_LAYER_NORM, /* x[, scale[, shift]]; ReidNorm */
  REID_OP_EXPAND,     /* x[, like]: ReidExpand; spreads x by broadcasting */
  REID_OP_COUNT
} ReidOp;

typedef enum {
  REID_ACT_NONE,
  REID_ACT_RELU,
  REID_ACT_CLIP,       /* alpha = low, beta = high */
  REID_ACT_LEAKY_RELU, /* alpha = slope */
  REID_ACT_PRELU,      /* slope[C] is a further input of the node */
  REID_ACT_SIGMOID,
  REID_ACT_SWISH,
  REID_ACT_TANH
} ReidActivation;

/* y = act (conv (x, w) + bias [+ residual]) */
typedef struct {
  int groups;
  int kernel[2], stride[2], dilation[2]; /* height, width */
  int pad[4];                            /* top, left, bottom, right */
  ReidActivation act;
  float alpha, beta;
  int bias, residual, slope; /* index into node->in, -1 where absent */
} ReidConv;

typedef struct {
  int kernel[2], stride[2];
  int pad[4]; /* ceil_mode is resolved per shape: see reid_pool_extent() */
  bool ceil_mode, count_include_pad;
} ReidPool;

typedef enum {
  REID_UNARY_RELU,
  REID_UNARY_CLIP,
  REID_UNARY_LEAKY_RELU,
  REID_UNARY_SIGMOID,
  REID_UNARY_TANH,
  REID_UNARY_EXP,
  REID_UNARY_SQRT,
  REID_UNARY_NEG,
  REID_UNARY_ABS,
  REID_UNARY_IDENTITY,
  REID_UNARY_LOG,
  REID_UNARY_ERF,
  REID_UNARY_GELU,         /* x / 2 * (1 + erf (x / sqrt 2)) */
  REID_UNARY_GELU_TANH,    /* the approximation with a tanh */
  REID_UNARY_HARD_SIGMOID, /* alpha * x + beta, cut to 0..1 */
  REID_UNARY_HARD_SWISH,   /* x times HARD_SIGMOID of 1/6 and 1/2 */
  REID_UNARY_ELU,          /* below 0 alpha * (exp (x) - 1) */
  REID_UNARY_SOFTPLUS,     /* log (1 + exp (x)) */
  REID_UNARY_MISH,         /* x * tanh (SOFTPLUS) */
  REID_UNARY_SIN,
  REID_UNARY_COS
} ReidUnaryKind;

typedef struct {
  ReidUnaryKind kind;
  float alpha, beta;
} ReidUnary;

typedef enum {
  REID_BINARY_ADD,
  REID_BINARY_SUB,
  REID_BINARY_MUL,
  REID_BINARY_DIV,
  REID_BINARY_MIN,
  REID_BINARY_MAX,
  REID_BINARY_POW
} ReidBinaryKind;

typedef struct {
  int axis;
} ReidAxis;

typedef enum {
  REID_REDUCE_SUM,
  REID_REDUCE_MEAN,
  REID_REDUCE_MAX,
  REID_REDUCE_MIN,
  REID_REDUCE_L1,
  REID_REDUCE_L2,
  REID_REDUCE_SUM_SQUARE
} ReidReduceKind;

typedef struct {
  ReidReduceKind kind;
  unsigned axes; /* bit i: axis i */
} ReidReduce;

/* (x - mean) / sqrt (variance + epsilon) over all axes from this one on; scale
 * and shift have the sizes of these axes. */
typedef struct {
  int axis;
  float epsilon;
} ReidNorm;

typedef struct {
  int64_t start[REID_MAX_RANK], end[REID_MAX_RANK], step[REID_MAX_RANK];
} ReidSlice; /* every axis; end INT64_MAX = to the end; negative from the end */

typedef struct {
  int64_t before[REID_MAX_RANK], after[REID_MAX_RANK];
  float value;
} ReidPad;

typedef struct {
  int perm[REID_MAX_RANK];
} ReidPerm;

/* Output dims: > 0 literal; 0 = copy input dim of the same index; -1 = what is
 * left; REID_DIM_BATCH = the input's first dimension (a literal 1, or a folded
 * Shape/Gather chain, that was found to mean the batch); REID_DIM_COPY (i) =
 * copy input dim i. Data never move: dense in, the same bytes out. */
#define REID_DIM_BATCH (-2)
#define REID_DIM_COPY(i) (-16 - (int64_t) (i))
typedef struct {
  int rank;
  int64_t dims[REID_MAX_RANK];
} ReidReshape;

/* Sizes that x is broadcast with, as in ONNX: > 0 literal, or REID_DIM_COPY (i)
 * for size i of the second input, of which nothing else counts. */
typedef struct {
  int rank;
  int64_t dims[REID_MAX_RANK];
} ReidExpand;

typedef enum {
  REID_RESIZE_NEAREST_ASYMMETRIC_FLOOR, /* the doubling that exporters leave */
  REID_RESIZE_NEAREST,                  /* half_pixel, round_prefer_floor */
  REID_RESIZE_LINEAR_HALF_PIXEL,
  REID_RESIZE_LINEAR_ASYMMETRIC,
  REID_RESIZE_LINEAR_ALIGN_CORNERS
} ReidResizeKind;

typedef struct {
  ReidResizeKind kind;
  double scale[2]; /* height, width; 0 where size is given */
  int64_t size[2];
} ReidResize;

/* A value: a graph input, a constant or a node's output. */
typedef struct {
  const char *name;
  const float *data; /* constants: dense f32, owned by the graph; else NULL */
  int rank;          /* constants: known; others: see ReidShapes */
  int64_t dims[REID_MAX_RANK];
} ReidValue;

#define REID_MAX_NODE_IN 5

typedef struct {
  ReidOp op;
  const char *name; /* of the ONNX node, or its output where it has none */
  const char *type; /* ONNX operator name, for messages */
  int *in, n_in;    /* value indices, -1 = absent */
  int out;          /* every remaining operator has one output */
  union {
    ReidConv conv;
    ReidPool pool;
    ReidUnary unary;
    ReidBinaryKind binary;
    ReidAxis axis;
    ReidSlice slice;
    ReidPad pad;
    ReidPerm perm;
    ReidReshape reshape;
    ReidResize resize;
    ReidReduce reduce;
    ReidNorm norm;
    ReidExpand expand;
  } u;
} ReidNode;

typedef struct {
  ReidNode *nodes; /* in an order in which every input is ready */
  int n_nodes;
  ReidValue *values;
  int n_values;
  int *inputs, n_inputs;   /* value indices */
  int *outputs, n_outputs; /* may repeat, may be an input or a constant */
  const char *file;        /* for messages */
} ReidGraph;

/* Shapes of all values for one set of input shapes; index = value index. */
typedef struct {
  int rank;
  int64_t dims[REID_MAX_RANK];
} ReidShape;

/* Shape inference; `shapes` has n_values entries, the inputs' filled in by the
 * caller. The error names the node and the shapes that do not fit. */
REID_API bool reid_graph_infer (const ReidGraph *graph, ReidShape *shapes,
                                ReidError *error);
REID_API int64_t reid_shape_count (const ReidShape *shape);
/* Output size of a pool window along one axis (0 height, 1 width). */
REID_API int64_t reid_pool_extent (const ReidPool *pool, int axis, int64_t in);
/* First index and number of the elements that a slice takes along one axis of
 * n elements; count 0 where it takes none. */
REID_API void reid_slice_range (const ReidSlice *slice, int axis, int64_t n,
                                int64_t *start, int64_t *count);

#endif /* REID_NN_GRAPH_H */
