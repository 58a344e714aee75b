/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_KERNELS_H
#define REID_CUDNN_KERNELS_H

/* Own CUDA kernels: what a network needs around the convolutions that cuDNN
 * makes, and conversions between the two layouts of a value:
 *
 *   blocked   [n][h][w][c], channels padded to a multiple of 8 (`cp`), stored
 *             as f32, f16 or bf16; what lies in the padding is finite
 *   dense     f32, row-major in ONNX's order, nothing padded
 *
 * Arithmetic is f32 in both. One thread makes one output element, or eight
 * channels of one, and adds in a fixed order: bytes do not depend on the grid,
 * nor on the batch.
 *
 * Each kernel's body also compiles for the host. A queue with `host` runs it
 * there, on host memory: the definition that tests compare with the reference
 * backend on machines without a GPU, and with the GPU's results on others. */

#include "nn/backend.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  REID_STORE_F32,
  REID_STORE_F16,
  REID_STORE_BF16,
  REID_STORE_COUNT
} ReidStore;

typedef struct {
  cudaStream_t stream;
  bool host;
} ReidQueue;

/* A blocked value: n pictures of h x w with c channels, stored as cp. */
typedef struct {
  ReidStore store;
  int32_t n, h, w, c, cp;
} ReidBlocked;

/* y = act (x * scale[c] + shift[c] + residual), absent where NULL; `slope` is
 * that of PReLU. Arrays have cp entries. */
typedef struct {
  const float *scale, *shift, *slope;
  const void *residual; /* blocked, as the output */
  int32_t act;          /* ReidActivation */
  float alpha, beta;
} ReidEpilogue;

typedef struct {
  int32_t kernel[2], stride[2], dilation[2], pad[2];
  int32_t groups;
} ReidWindow;

/* All return cudaSuccess, or why the launch failed. */
cudaError_t reid_cuda_pack (ReidQueue q, const float *x, void *y,
                            const ReidBlocked *shape);
/* To dense [n][c][h][w], or with `last` to [n][h][w][c]. */
cudaError_t reid_cuda_unpack (ReidQueue q, const void *x, float *y,
                              const ReidBlocked *shape, bool last);
cudaError_t reid_cuda_epilogue (ReidQueue q, const void *x, void *y,
                                const ReidBlocked *shape,
                                const ReidEpilogue *end);
/* Any grouped convolution; weight [k][r][s][c / groups padded to 8] as the
 * values are stored. */
cudaError_t reid_cuda_conv (ReidQueue q, const void *x, const void *weight,
                            void *y, const ReidBlocked *in,
                            const ReidBlocked *out, const ReidWindow *window,
                            const ReidEpilogue *end);
/* One filter a channel; weight [r][s][cp] in f32. */
cudaError_t reid_cuda_depthwise (ReidQueue q, const void *x,
                                 const float *weight, void *y,
                                 const ReidBlocked *in, const ReidBlocked *out,
                                 const ReidWindow *window,
                                 const ReidEpilogue *end);
/* pad: top, left, bottom, right, as in ReidPool. */
cudaError_t reid_cuda_pool (ReidQueue q, const void *x, void *y,
                            const ReidBlocked *in, const ReidBlocked *out,
                            const ReidPool *pool, bool max);
cudaError_t reid_cuda_global_average (ReidQueue q, const void *x, void *y,
                                      const ReidBlocked *in);
cudaError_t reid_cuda_resize (ReidQueue q, const void *x, void *y,
                              const ReidBlocked *in, const ReidBlocked *out,
                              const ReidResize *resize);
/* Channels from.. of x to channels to.. of y, `count` of them, and zeros to
 * the `zeros` after them. */
cudaError_t reid_cuda_channels (ReidQueue q, const void *x, void *y,
                                const ReidBlocked *in, int from,
                                const ReidBlocked *out, int to, int count,
                                int zeros);
/* b: as a, one pixel a picture ([n][1][1][c]), or one pixel for all. */
typedef enum {
  REID_SPREAD_NONE,
  REID_SPREAD_PIXELS,
  REID_SPREAD_ALL
} ReidSpread;
cudaError_t reid_cuda_combine (ReidQueue q, ReidBinaryKind kind, bool swap,
                               const void *a, const void *b, ReidSpread spread,
                               void *y, const ReidBlocked *shape);
/* Numbers between -1 and 1 that only look random: n of a row that is without
 * end, from the number `from` on. */
cudaError_t reid_cuda_noise (ReidQueue q, void *y, ReidStore store,
                             uint32_t from, int64_t n);
/* Adds to *count, which lies where they do, how many of n numbers of y are not
 * within relative * |wanted| + absolute of those that were wanted, which are
 * to be finite. */
cudaError_t reid_cuda_differ (ReidQueue q, const void *y, const void *wanted,
                              ReidStore store, int64_t n, float relative,
                              float absolute, uint32_t *count);
/* n elements; of every cp the first c, zeros after them (dense: 1 and 1). */
cudaError_t reid_cuda_map (ReidQueue q, const ReidUnary *unary, const void *x,
                           void *y, ReidStore store, int64_t n, int c, int cp);

/* --- dense values --- */

/* y[to + sum i*out_stride] = x[from + sum i*in_stride] over all `dims`: what
 * transposes, slices, concatenations and pads are made of. */
typedef struct {
  int32_t rank;
  int64_t dims[REID_MAX_RANK], in_stride[REID_MAX_RANK],
      out_stride[REID_MAX_RANK], from, to;
} ReidStrided;
cudaError_t reid_cuda_strided (ReidQueue q, const float *x, float *y,
                               const ReidStrided *move);
cudaError_t reid_cuda_fill (ReidQueue q, float value, float *y, int64_t n);
/* Strides of 0 spread a or b. */
cudaError_t reid_cuda_binary (ReidQueue q, ReidBinaryKind kind, const float *a,
                              const float *b, float *y, int rank,
                              const int64_t *dims, const int64_t *a_stride,
                              const int64_t *b_stride);
/* x [outer][n][inner] */
cudaError_t reid_cuda_softmax (ReidQueue q, const float *x, float *y,
                               int64_t outer, int64_t n, int64_t inner);
/* Sums, means, ... of x over dims inner[], for each place of outer[]; the
 * strides are x's. */
typedef struct {
  ReidReduceKind kind;
  int32_t n_outer, n_inner;
  int64_t outer[REID_MAX_RANK], outer_stride[REID_MAX_RANK];
  int64_t inner[REID_MAX_RANK], inner_stride[REID_MAX_RANK];
} ReidReduction;
cudaError_t reid_cuda_reduce (ReidQueue q, const float *x, float *y,
                              const ReidReduction *reduction);
/* Rows of n; scale and shift may be NULL. */
cudaError_t reid_cuda_layer_norm (ReidQueue q, const float *x,
                                  const float *scale, const float *shift,
                                  float *y, int64_t rows, int64_t n,
                                  float epsilon);
/* a [batch][m][k], b [batch][k][n] to y [batch][m][n]; strides between the
 * matrices, 0 where one serves all. */
cudaError_t reid_cuda_matmul (ReidQueue q, const float *a, int64_t a_stride,
                              const float *b, int64_t b_stride, float *y,
                              int64_t batch, int64_t m, int64_t k, int64_t n);

#ifdef __cplusplus
}
#endif

#endif /* REID_CUDNN_KERNELS_H */
