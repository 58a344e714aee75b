/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_WEIGHTS_H
#define REID_DNNL_WEIGHTS_H

/* Weights in the layouts that the kernels want, made on first use and shared
 * by all plans of a model. Thread-safe; what is returned lives as long as the
 * model. */

#include "nn/backend.h"
#include "nn/dnnl/rows.h"
#include "nn/dnnl/shim.h"
#include "nn/dnnl/winograd.h"

typedef struct ReidWeights ReidWeights;

/* bf16: of the model's numbers, see shim.h. */
ReidWeights *reid_weights_new (const ReidGraph *graph, const ReidRows *rows,
                               bool bf16, ReidError *error);
void reid_weights_free (ReidWeights *weights);
const ReidRows *reid_weights_rows (const ReidWeights *weights);
bool reid_weights_bf16 (const ReidWeights *weights);

/* Convolution or inner product `node` as oneDNN's op wants it. */
const void *reid_weights_dnnl (ReidWeights *weights, const ReidNode *node,
                               const ReidDnnlOp *op, ReidError *error);

/* For the row kernels; several nodes side by side make one (their output
 * channels in order). Convolutions with one group, inner products. */
const float *reid_weights_point (ReidWeights *weights,
                                 const ReidNode *const *nodes, int n,
                                 ReidError *error);
const float *reid_weights_depth (ReidWeights *weights,
                                 const ReidNode *const *nodes, int n,
                                 ReidError *error);
/* A convolution of 3x3; NULL with the error set. */
const float *reid_weights_winograd (ReidWeights *weights, const ReidNode *node,
                                    int tile, ReidError *error);
/* Padded with zeros to whole blocks; zeros where a node has none. */
const float *reid_weights_bias (ReidWeights *weights,
                                const ReidNode *const *nodes, int n,
                                ReidError *error);
/* A node's slope by channel: the constant `value` of 1 or `channels` floats,
 * or a leaky convolution's own slope where `value` is -1. */
const float *reid_weights_slope (ReidWeights *weights, const ReidNode *node,
                                 int value, int channels, ReidError *error);

#endif /* REID_DNNL_WEIGHTS_H */
