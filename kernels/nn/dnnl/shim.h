/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_SHIM_H
#define REID_DNNL_SHIM_H

/* All that this backend asks of oneDNN, so that its C APIs 2.x and 3.x differ
 * in one file. Inference, in f32 or bf16.
 *
 * bf16 is for CPUs with AMX: source and weights are bf16, sums and bias f32.
 * For tests, $REID_DNNL_EMULATE_BF16 takes the place of AMX: then such an op is
 * one of f32 on the same rounded numbers, and all around it is as it would be.
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
  REID_LAYOUT_BF16, /* the same in bf16: uint16_t behind all pointers */
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
  bool bf16;      /* src is REID_LAYOUT_BF16, and so is dst, ... */
  bool wide;      /* ... unless this: then it is REID_LAYOUT_NHWC */
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

typedef enum {
  REID_DNNL_NO_BF16,
  REID_DNNL_EMULATED_BF16,
  REID_DNNL_AMX
} ReidDnnlBf16;

/* What oneDNN, the processor and the system have; $ONEDNN_MAX_CPU_ISA counts.
 */
ReidDnnlBf16 reid_dnnl_bf16 (void);

/* For f32 oneDNN picks the layouts, among those above that are f32. An op of
 * bf16 that it has no fast version of is NULL without an error. */
ReidDnnlOp *reid_dnnl_conv (const ReidDnnlConv *conv, ReidError *error);
ReidDnnlOp *reid_dnnl_pool (const ReidDnnlPool *pool, ReidLayout layout,
                            ReidError *error);
/* dst[n][out] = src[n][in] * weight[out][in] + bias, all dense. */
ReidDnnlOp *reid_dnnl_inner_product (int64_t n, int64_t in, int64_t out,
                                     bool bias, ReidError *error);
/* The same with src [n][pixels][channels] in bf16, and weights whose inputs are
 * [channels][pixels]. */
ReidDnnlOp *reid_dnnl_inner_product_bf16 (int64_t n, int64_t channels,
                                          int64_t pixels, int64_t out,
                                          bool bias, ReidError *error);
void reid_dnnl_op_free (ReidDnnlOp *op);

ReidLayout reid_dnnl_src_layout (const ReidDnnlOp *op);
ReidLayout reid_dnnl_dst_layout (const ReidDnnlOp *op);
/* Does the number of threads change the last bits? It does where oneDNN has
 * nothing better than a matrix product for a convolution. */
bool reid_dnnl_splits_sums (const ReidDnnlOp *op);
/* Do the two, which differ in nothing but n, add in the same order as far as
 * can be told: are they one implementation, with one layout of the weights? */
bool reid_dnnl_alike (const ReidDnnlOp *a, const ReidDnnlOp *b);
size_t reid_dnnl_scratch_size (const ReidDnnlOp *op);
size_t reid_dnnl_weight_size (const ReidDnnlOp *op);
/* How op wants its weights: a copy that outlives it, and whether another op
 * wants the same bytes. */
ReidDnnlWeightLayout *reid_dnnl_weight_layout (const ReidDnnlOp *op,
                                               ReidError *error);
bool reid_dnnl_weight_fits (const ReidDnnlOp *op,
                            const ReidDnnlWeightLayout *layout);
void reid_dnnl_weight_layout_free (ReidDnnlWeightLayout *layout);
/* Dense f32 [out][in / groups][kh][kw] into the layout that op wants. */
bool reid_dnnl_pack (const ReidDnnlOp *op, const float *dense, void *packed,
                     ReidError *error);

ReidDnnlCall *reid_dnnl_call_new (const ReidDnnlOp *op, ReidError *error);
void reid_dnnl_call_free (ReidDnnlCall *call);
/* weight, bias and scratch may be NULL where op has none. */
bool reid_dnnl_call_run (ReidDnnlCall *call, const void *src,
                         const void *weight, const float *bias, void *dst,
                         void *scratch, ReidError *error);

#endif /* REID_DNNL_SHIM_H */
