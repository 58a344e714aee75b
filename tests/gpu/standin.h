/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STANDIN_H
#define STANDIN_H

/* A GPU and a cuDNN that are this machine: in the place of gpu.h, fused.h,
 * cuDNN itself and CUDA's events, so that what is made of plans (tune.h,
 * timing.h, compile.h, program.h) is tested to the end. Plans run by our own
 * kernels on the host, and time is what they are said to cost. */

#include "nn/cudnn/fused.h"

/* Each shape has that many choices; the later ones are the slower ones. */
#define STANDIN_CHOICES 3

typedef enum {
  STANDIN_RIGHT,
  STANDIN_ONE_NUMBER, /* the last one of z has the other sign */
  STANDIN_NO_Y,       /* y is not written */
  STANDIN_NO_Z,
  STANDIN_SWAPPED, /* scale is taken for shift */
  STANDIN_NAN,
  STANDIN_FAULTS
} StandinFault;

typedef struct {
  bool refuses;        /* graphs with an affine output have no choice */
  bool slow;           /* it costs more than our own kernel */
  StandinFault fault;  /* of affine outputs, */
  unsigned wrong;      /* by choices 1 << i */
  int32_t lacks_batch; /* that one has no affine output */
  size_t most;         /* bytes that one piece of memory may have */
  int asked[2];        /* graphs whose choices were asked for; with an affine
                          output */
} Standin;
extern Standin standin;

/* All as it should be, and none asked. */
void standin_reset (void);

#endif /* STANDIN_H */
