/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_CHAIN_H
#define REID_DNNL_CHAIN_H

/* A chain of layers run row by row: each stage keeps only the few rows that
 * the next one still needs, in a ring, so that what lies between the first
 * input and the last output never leaves the second-level cache. At 160x96
 * with 64 channels one such tensor is 3.9 MB, and a detector has eight of
 * them.
 *
 * The rows of the last stage may be split into bands that run at the same
 * time; each band computes for itself the rows above and below that it needs.
 * How they are split does not change a byte. */

#include "nn/dnnl/rows.h"

#define REID_CHAIN_MAX 24

typedef enum {
  REID_STAGE_SMALL, /* dense convolution of a dense (not blocked) input with
                       few channels; first stage only */
  REID_STAGE_POINT, /* 1x1 convolution */
  REID_STAGE_DEPTH, /* depthwise convolution */
  REID_STAGE_MAX_POOL,
  REID_STAGE_ADD_UP, /* in + side enlarged `factor` times by repetition */
  REID_STAGE_GATE    /* in * side, which has one pixel */
} ReidStageKind;

typedef struct {
  ReidStageKind kind;
  int in_channels, out_channels;
  int in[2], out[2]; /* height, width */
  int kernel[2], stride[2], pad[2];
  int factor;
  const float *weight, *bias; /* packed for the chain's rows */
  ReidRowsEpilogue end;
  bool side; /* POINT: a residual; ADD_UP, GATE: always. Blocked layout */
  int side_channels; /* of a residual, which may have fewer than the output */

  /* by reid_chain_plan() */
  int granule; /* output rows made at a time */
  int ring;    /* output rows kept; the last stage: all */
  size_t at;   /* of the ring in the scratch memory, in floats */
} ReidStage;

typedef struct {
  const ReidRows *rows;
  ReidStage stage[REID_CHAIN_MAX];
  int n;
  size_t scratch; /* floats that one band needs, a multiple of 16 */
} ReidChain;

/* Height and width of the stage's side. */
void reid_stage_side (const ReidStage *stage, int size[2]);

/* Sizes the rings. Call again after a stage was added. */
void reid_chain_plan (ReidChain *chain);

/* Output rows from..to of one picture. `in` and `out` are whole tensors; side
 * has an entry for each stage. */
void reid_chain_run (const ReidChain *chain, const float *in,
                     const float *const *side, float *out, int from, int to,
                     float *scratch);

#endif /* REID_DNNL_CHAIN_H */
