/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_COMPILE_H
#define REID_CUDNN_COMPILE_H

/* State of one compilation, shared by compile.c (values, buffers, the whole
 * graph), compile_maps.c (operators on blocked values; compile_product.c: those
 * that cuDNN fuses) and compile_dense.c (operators on dense ones). */

#include "nn/cudnn/program.h"

typedef struct {
  int in[REID_GPU_LAYOUTS]; /* buffer by layout, -1 = not there */
  /* A flattened map: the value whose blocked buffer has these numbers in
   * another order, -1 = none. */
  int flat;
  /* How often it is read, as an output of the network, too; and the norm that
   * reads it, where that is one. */
  int readers;
  const ReidNode *affine;
} ReidGpuVar;

typedef struct {
  ReidGpuProgram *program;
  ReidGpuWeights *weights;
  const ReidShape *shapes;
  ReidGpuVar *vars; /* by value */
  ReidError *error;
} ReidGpuCompiler;

/* How a value is blocked: [n][c][h][w] as a map; of rank 2 and 3 the last
 * dimension is the channels, and all before it are pictures of one pixel.
 * False where it has no blocked form. */
bool reid_gpu_blocked (const ReidGpuCompiler *c, int value, ReidBlocked *b);
bool reid_gpu_is_constant (const ReidGpuCompiler *c, int value);
/* Is it there as a blocked buffer already? */
bool reid_gpu_has_blocked (const ReidGpuCompiler *c, int value);
/* A new buffer for the value in that layout; -1 with the error set. */
int reid_gpu_make (ReidGpuCompiler *c, int value, ReidGpuLayout layout);
/* Its buffer in that layout, converted where it is not there yet. */
int reid_gpu_want (ReidGpuCompiler *c, int value, ReidGpuLayout layout);
/* A step that makes `out`; NULL with the error set. */
ReidGpuStep *reid_gpu_step (ReidGpuCompiler *c, ReidGpuStepKind kind,
                            const ReidNode *node, int n_in, int out);
/* A constant in that form; NULL with the error set. */
const void *reid_gpu_constant (ReidGpuCompiler *c, int value, ReidForm form,
                               int padded);

/* A constant of one number a channel; NULL for -1. False with the error set. */
bool reid_gpu_vector (ReidGpuCompiler *c, int value, int padded,
                      const float **to);
/* Does it map channels, of a map or of rows, by constants? */
bool reid_gpu_per_channel (const ReidGpuCompiler *c, const ReidNode *node);

/* Each compiles the node. *taken is false where it is none of theirs; then
 * nothing has changed. */
bool reid_gpu_compile_maps (ReidGpuCompiler *c, const ReidNode *node,
                            bool *taken);
bool reid_gpu_compile_product (ReidGpuCompiler *c, const ReidNode *node,
                               bool *taken);
bool reid_gpu_compile_dense (ReidGpuCompiler *c, const ReidNode *node,
                             bool *taken);

#endif /* REID_CUDNN_COMPILE_H */
