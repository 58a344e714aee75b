/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_FUSED_PRIVATE_H
#define REID_CUDNN_FUSED_PRIVATE_H

/* What fused.c (the graph), fused_config.c and fused_plan.c share. */

#include "nn/cudnn/fused.h"

/* Names of the tensors that a plan is given; what stays inside the graph is
 * numbered from REID_FUSED_INNER. */
enum {
  REID_FUSED_X = 1,
  REID_FUSED_WEIGHT,
  REID_FUSED_Y,
  REID_FUSED_BIAS,
  REID_FUSED_RESIDUAL,
  REID_FUSED_SLOPE,
  REID_FUSED_SCALE,
  REID_FUSED_SHIFT,
  REID_FUSED_Z,
  REID_FUSED_INNER = 100
};

#define REID_FUSED_MAX_DESCRIPTORS 128
#define REID_FUSED_MAX_OPS 12
#define REID_FUSED_MAX_CHOICES 24

struct ReidFused {
  ReidFusedShape shape;
  cudnnBackendDescriptor_t device;
  /* all that were made, in the order in which they were */
  cudnnBackendDescriptor_t made[REID_FUSED_MAX_DESCRIPTORS];
  int n_made;
  cudnnBackendDescriptor_t ops[REID_FUSED_MAX_OPS];
  int n_ops;
  int64_t next_id;
  cudnnBackendDescriptor_t graph;
  cudnnBackendDescriptor_t choices[REID_FUSED_MAX_CHOICES];
  int n_choices;
  cudnnStatus_t status; /* the first failure */
};

/* These do nothing after a failure. */
cudnnBackendDescriptor_t reid_fused_make (ReidFused *f,
                                          cudnnBackendDescriptorType_t type);
void reid_fused_set (ReidFused *f, cudnnBackendDescriptor_t d,
                     cudnnBackendAttributeName_t name,
                     cudnnBackendAttributeType_t type, int64_t n,
                     const void *values);
void reid_fused_finalize (ReidFused *f, cudnnBackendDescriptor_t d);

/* A descriptor's text, to be freed. */
char *reid_fused_text (cudnnBackendDescriptor_t d,
                       cudnnBackendAttributeName_t name);

#endif /* REID_CUDNN_FUSED_PRIVATE_H */
