/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_WEIGHTS_H
#define REID_CUDNN_WEIGHTS_H

/* Constants of a network in the GPU's memory, each in the forms that its plans
 * ask for, made once and kept as long as the network. Any thread. */

#include "nn/cudnn/gpu.h"

typedef enum {
  REID_FORM_FILTER, /* [k][c][r][s] to [kp][r][s][cp], as values are stored */
  REID_FORM_ROWS,   /* [k][c] likewise; with h, w: [k][c h w] to [kp][h w cp] */
  REID_FORM_COLUMNS, /* [c][k] to [kp][cp] */
  REID_FORM_DEPTH,   /* [c][1][r][s] to [r][s][cp], f32 */
  REID_FORM_VECTOR,  /* [c], or one number for all, to [cp], f32 */
  REID_FORM_BLOCKED, /* the same as values are stored */
  REID_FORM_DENSE    /* f32 as it is */
} ReidForm;

typedef struct ReidGpuWeights ReidGpuWeights;

ReidGpuWeights *reid_gpu_weights_new (const ReidGraph *graph,
                                      const ReidGpu *gpu, ReidStore store);
void reid_gpu_weights_free (ReidGpuWeights *weights);
/* `padded` is cp of VECTOR and BLOCKED; h, w those of ROWS, else 0. NULL with
 * the error set. */
const void *reid_gpu_weights_get (ReidGpuWeights *weights, int value,
                                  ReidForm form, int padded, int h, int w,
                                  ReidError *error);

/* Bytes of the GPU's memory that they take now. */
size_t reid_gpu_weights_bytes (ReidGpuWeights *weights);

/* Channels as they are stored. */
static inline int32_t
reid_padded (int64_t channels)
{
  return (int32_t) ((channels + 7) / 8 * 8);
}

static inline size_t
reid_store_size (ReidStore store)
{
  return store == REID_STORE_F32 ? 4 : 2;
}

#endif /* REID_CUDNN_WEIGHTS_H */
