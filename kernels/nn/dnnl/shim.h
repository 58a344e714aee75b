/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_SHIM_H
#define REID_DNNL_SHIM_H

/* All that this backend asks of oneDNN, so that its C APIs 2.x and 3.x differ
 * in one file. f32, inference.
 *
 * An op is a primitive with its descriptors: immutable, any thread may make
 * calls of it. A call holds oneDNN's memory objects and belongs to one run at
 * a time. Ops are made for omp_get_max_threads() threads of the calling thread
 * and must run under the same number. */

#include "base/base.h"

typedef enum {
  REID_LAYOUT_DENSE,   /* row-major, any rank */
  REID_LAYOUT_BLOCK8,  /* nChw8c, channels padded with zeros */
  REID_LAYOUT_BLOCK16, /* nChw16c */
  REID_LAYOUT_NHWC,
  REID_LAYOUT_COUNT
} ReidLayout;

typedef enum {
  REID_DNNL_LINEAR,
  REID_DNNL_RELU, /* alpha: slope below zero */
  REID_DNNL_CLIP,
  REID_DNNL_SIGMOID,
  REID_DNNL_SWISH,
  REID_DNNL_TANH
} ReidDnnlAct;

typedef struct {
  int64_t n, in_channels, in[2], out_channels, out[2];
  int groups, kernel[2], stride[2], dilation[2], pad[4];
  bool bias, sum; /* sum: dst holds what is added before the activation */
  ReidDnnlAct act;
  float alpha, beta;
} ReidDnnlConv;

typedef struct {
  int64_t n, channels, in[2], out[2];
  int kernel[2], stride[2];
  int pad[4]; /* top, left, bottom, right; bottom and right as far as the
                 last window reaches */
  enum { REID_DNNL_MAX, REID_DNNL_AVERAGE, REID_DNNL_AVERAGE_PADDED } kind;
} ReidDnnlPool;

typedef struct ReidDnnlOp ReidDnnlOp;
typedef struct ReidDnnlCall ReidDnnlCall;
typedef struct ReidDnnlWeightLayout ReidDnnlWeightLayout;

/* "2.6.3, avx512_core"; false with the reason where no engine can be made. */
bool reid_dnnl_describe (char *line, size_t size);

/* oneDNN picks the layouts, among the four above. */
ReidDnnlOp *reid_dnnl_conv (const ReidDnnlConv *conv, ReidError *error);
ReidDnnlOp *reid_dnnl_pool (const ReidDnnlPool *pool, ReidLayout layout,
                            ReidError *error);
/* dst[n][out] = src[n][in] * weight[out][in] + bias, all dense. */
ReidDnnlOp *reid_dnnl_inner_product (int64_t n, int64_t in, int64_t out,
                                     bool bias, ReidError *error);
void reid_dnnl_op_free (ReidDnnlOp *op);

ReidLayout reid_dnnl_src_layout (const ReidDnnlOp *op);
ReidLayout reid_dnnl_dst_layout (const ReidDnnlOp *op);
/* Does the number of threads change the last bits? It does where oneDNN has
 * nothing better than a matrix product for a convolution. */
bool reid_dnnl_splits_sums (const ReidDnnlOp *op);
size_t reid_dnnl_scratch_size (const ReidDnnlOp *op);
size_t reid_dnnl_weight_size (const ReidDnnlOp *op);
/* How op wants its weights: a copy that outlives it, and whether another op
 * wants the same bytes. */
ReidDnnlWeightLayout *reid_dnnl_weight_layout (const ReidDnnlOp *op,
                                               ReidError *error);
bool reid_dnnl_weight_fits (const ReidDnnlOp *op,
                            const ReidDnnlWeightLayout *layout);
void reid_dnnl_weight_layout_free (ReidDnnlWeightLayout *layout);
/* Dense [out][in / groups][kh][kw] into the layout that op wants. */
bool reid_dnnl_pack (const ReidDnnlOp *op, const float *dense, void *packed,
                     ReidError *error);

ReidDnnlCall *reid_dnnl_call_new (const ReidDnnlOp *op, ReidError *error);
void reid_dnnl_call_free (ReidDnnlCall *call);
/* weight, bias and scratch may be NULL where op has none. */
bool reid_dnnl_call_run (ReidDnnlCall *call, const float *src,
                         const void *weight, const float *bias, float *dst,
                         void *scratch, ReidError *error);

#endif /* REID_DNNL_SHIM_H */
