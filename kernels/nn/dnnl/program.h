/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_PROGRAM_H
#define REID_DNNL_PROGRAM_H

/* A program is the graph compiled for one set of shapes and one thread count:
 * a list of steps that read and write buffers, and a place for each buffer in
 * one workspace. Compiled by compile.c, run by program.c; the steps' work is
 * done by oneDNN (shim.h), by chains of row kernels (chain.h), by winograd.h or
 * by the passes (passes.h), and for the rest by reid_reference_op().
 *
 * A value may lie in more than one layout; a conversion is a step of its own,
 * made once for all that read it. */

#include "nn/backend.h"
#include "nn/dnnl/chain.h"
#include "nn/dnnl/passes.h"
#include "nn/dnnl/shim.h"
#include "nn/dnnl/weights.h"
#include "nn/dnnl/winograd.h"

typedef enum {
  REID_BUFFER_WORK,
  REID_BUFFER_INPUT,  /* index = which graph input */
  REID_BUFFER_OUTPUT, /* index = which graph output */
  REID_BUFFER_CONSTANT
} ReidBufferKind;

typedef struct {
  ReidBufferKind kind;
  int index;
  const float *constant;
  size_t size;     /* bytes */
  int first, last; /* steps between which it lives */
  size_t offset;
} ReidBuffer;

typedef enum {
  REID_STEP_CHAIN,         /* in[0], then the stages' sides (-1 = none) */
  REID_STEP_CONV,          /* oneDNN: x[, residual] */
  REID_STEP_WINOGRAD,      /* x[, residual] */
  REID_STEP_POOL,          /* oneDNN */
  REID_STEP_INNER_PRODUCT, /* row kernel, or oneDNN on one thread */
  REID_STEP_CONVERT,       /* from one layout to another */
  REID_STEP_COPY,          /* size bytes */
  REID_STEP_NHWC, /* channels first..first + count to [n][h][w][count] */
  REID_STEP_UNARY,
  REID_STEP_BINARY, /* a, b, or a alone and `constant` */
  REID_STEP_AFFINE,
  REID_STEP_PRELU,
  REID_STEP_MATMUL, /* a, b; dense */
  REID_STEP_CONCAT, /* channels of blocked values that fill their blocks, or
                       of bf16 */
  REID_STEP_REFERENCE
} ReidStepKind;

typedef struct {
  ReidStepKind kind;
  const ReidNode *node;  /* whose work this is, for messages; may be NULL */
  int *in, n_in, out;    /* buffers */
  int scratch;           /* buffer, -1 = none */
  ReidLayout layout, to; /* of in[0], of out */
  ReidShape shape;       /* of in[0] */
  union {
    struct {
      ReidChain *chain;
      int members; /* threads at most, for each of which there is scratch */
      int bands;   /* pieces of each picture */
    } chain;
    struct {
      ReidDnnlOp *op; /* NULL: row kernel */
      int call, threads;
      const void *weight;
      const float *bias;
      const float *slope; /* PRelu after it, NULL = none */
      ReidShape out_shape;
      bool sum;
      ReidRowsPoint point;
    } product;
    struct {
      ReidWinograd *conv;
      int threads;
    } winograd;
    struct {
      int first, count;
    } nhwc;
    struct {
      ReidBinaryKind kind;
      ReidPassBroadcast broadcast;
      bool swap;
    } binary;
    ReidUnary unary;
    size_t size;
    struct {
      const ReidShape *in;
      ReidShape out;
    } shapes; /* REFERENCE, CONCAT, MATMUL */
  } u;
  float *constant, *constant2; /* owned: second operand, scale and shift,
                                  slope */
} ReidStep;

typedef struct {
  const ReidGraph *graph;
  const ReidRows *rows; /* NULL: oneDNN only */
  bool bf16;            /* of what convolutions read and, mostly, write */
  int threads;
  ReidStep *steps;
  int n_steps, steps_size;
  ReidBuffer *buffers;
  int n_buffers, buffers_size;
  int n_calls; /* of oneDNN */
  bool varies; /* another number of pictures may give other last bits */
  bool led;    /* some of them run on more than one thread: see lead.h */
  size_t workspace;
} ReidProgram;

/* oneDNN calls of one run at a time. */
typedef struct {
  ReidDnnlCall **calls;
  int n;
} ReidProgramState;

ReidProgram *reid_program_new (const ReidGraph *graph, ReidWeights *weights,
                               const ReidShape *shapes, int threads,
                               ReidError *error);
void reid_program_free (ReidProgram *program);
ReidProgramState *reid_program_state_new (const ReidProgram *program,
                                          ReidError *error);
void reid_program_state_free (ReidProgramState *state);
bool reid_program_run (const ReidProgram *program, ReidProgramState *state,
                       const float *const *inputs, float *const *outputs,
                       void *workspace, ReidError *error);

/* For compile.c. -1 when memory ends. */
int reid_program_add_buffer (ReidProgram *program, ReidBufferKind kind,
                             size_t size, int index, const float *constant);
ReidStep *reid_program_add_step (ReidProgram *program, ReidStepKind kind,
                                 const ReidNode *node, int n_in);
/* Lifetimes and offsets, when all steps are there. */
bool reid_program_place (ReidProgram *program, ReidError *error);

#endif /* REID_DNNL_PROGRAM_H */
