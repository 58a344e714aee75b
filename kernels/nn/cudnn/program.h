/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_PROGRAM_H
#define REID_CUDNN_PROGRAM_H

/* A network at one set of shapes as a list of steps on the GPU, and a place
 * for every buffer in one piece of its memory. Made by compile.c, run by
 * run.c; immutable between the two. */

#include "nn/cudnn/tune.h"
#include "nn/cudnn/weights.h"

typedef enum {
  REID_GPU_DENSE,
  REID_GPU_BLOCKED,
  REID_GPU_LAYOUTS
} ReidGpuLayout;

typedef struct {
  const void *constant; /* in the GPU's memory already; else placed */
  size_t size;          /* bytes */
  int first, last;      /* steps between which it lives */
  size_t offset;
} ReidGpuBuffer;

typedef enum {
  REID_GPU_PACK,
  REID_GPU_UNPACK,
  REID_GPU_FUSED, /* cuDNN: x[, residual] */
  REID_GPU_CONV,  /* own kernel: x[, residual] */
  REID_GPU_DEPTHWISE,
  REID_GPU_EPILOGUE,
  REID_GPU_POOL,
  REID_GPU_GLOBAL_AVERAGE,
  REID_GPU_RESIZE,
  REID_GPU_CHANNELS,
  REID_GPU_COMBINE,
  REID_GPU_MAP, /* blocked or dense */
  REID_GPU_STRIDED,
  REID_GPU_FILL,
  REID_GPU_BINARY,
  REID_GPU_SOFTMAX,
  REID_GPU_REDUCE,
  REID_GPU_LAYER_NORM, /* x, scale, shift */
  REID_GPU_MATMUL,
  REID_GPU_REFERENCE /* on the host, by reid_reference_op() */
} ReidGpuStepKind;

typedef struct {
  ReidGpuStepKind kind;
  const ReidNode *node; /* whose work it is; NULL for conversions */
  int *in, n_in, out;   /* buffers; -1 = absent */
  int also;             /* a second output of FUSED, or -1 */
  ReidBlocked from, to; /* of in[0], of out */
  union {
    struct {
      const ReidFusedPlan *plan; /* NULL in a CONV */
      const void *weight;
      ReidWindow window;
      ReidEpilogue end; /* its residual is in[1] */
      /* Of the plan's affine output: `also`, or `out` where there is none. */
      const float *scale, *shift;
    } conv;
    ReidEpilogue end; /* likewise */
    struct {
      ReidPool window;
      bool max;
    } pool;
    ReidResize resize;
    struct {
      int from, to, count, zeros;
    } channels;
    struct {
      ReidBinaryKind kind;
      ReidSpread spread;
      bool swap;
    } combine;
    struct {
      ReidUnary unary;
      ReidStore store;
      int64_t n;
      int c, cp;
    } map;
    bool last; /* UNPACK */
    ReidStrided strided;
    struct {
      float value;
      int64_t n;
    } fill;
    struct {
      ReidBinaryKind kind;
      int rank;
      int64_t dims[REID_MAX_RANK], stride[2][REID_MAX_RANK];
    } binary;
    struct {
      int64_t outer, n, inner;
    } softmax;
    ReidReduction reduction;
    struct {
      int64_t rows, n;
      float epsilon;
    } norm;
    struct {
      int64_t a_stride, b_stride, batch, m, k, n;
    } matmul;
    struct {
      const ReidShape *in;    /* owned: n_in entries, then the output's */
      const float **constant; /* owned: on the host; NULL = in[] */
    } reference;
  } u;
} ReidGpuStep;

typedef struct {
  int buffer; /* dense */
  size_t bytes;
  /* n pictures, where the input is that; else n is 0 */
  ReidBlocked pictures;
  /* The step that packs it, where nothing else reads it dense; else -1. What
   * the step makes has its memory from the beginning on, and may be written in
   * its stead. */
  int pack;
} ReidGpuInput;

typedef struct {
  const ReidGraph *graph;
  ReidGpu gpu;
  ReidStore store;
  ReidTuner *tuner;
  ReidGpuStep *steps;
  int n_steps, steps_size;
  ReidGpuBuffer *buffers;
  int n_buffers, buffers_size;
  ReidGpuInput *inputs;
  int *outputs; /* buffers, dense; -1: a constant */
  size_t *output_bytes;
  size_t memory;    /* of all buffers */
  size_t workspace; /* of cuDNN, behind them */
  bool capturable;  /* no step needs the host */
  /* While the shapes are gathered for which plans are to be found: those; no
   * step runs by cuDNN then. NULL afterwards. */
  ReidFusedShape *wanted;
  int n_wanted, wanted_size;
  bool gathering;
} ReidGpuProgram;

ReidGpuProgram *reid_gpu_program_new (const ReidGraph *graph,
                                      const ReidGpu *gpu, ReidStore store,
                                      ReidTuner *tuner, ReidGpuWeights *weights,
                                      const ReidShape *shapes,
                                      ReidError *error);
void reid_gpu_program_free (ReidGpuProgram *program);
/* Enqueues all steps; `memory` has memory + workspace bytes on the GPU.
 * `packed`: but those that pack inputs, which every input has then. */
bool reid_gpu_program_run (const ReidGpuProgram *program, ReidQueue queue,
                           void *memory, bool packed, ReidError *error);
/* Has every input a step that packs it? */
bool reid_gpu_program_packs (const ReidGpuProgram *program);

/* For compile.c. -1, or NULL, when memory ends. */
int reid_gpu_add_buffer (ReidGpuProgram *program, size_t size,
                         const void *constant);
ReidGpuStep *reid_gpu_add_step (ReidGpuProgram *program, ReidGpuStepKind kind,
                                const ReidNode *node, int n_in, int out);

#endif /* REID_CUDNN_PROGRAM_H */
