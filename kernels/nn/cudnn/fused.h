/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_FUSED_H
#define REID_CUDNN_FUSED_H

/* A convolution and what follows it (bias, residual, activation) as one graph
 * of cuDNN's backend API, and the plans that cuDNN has for it.
 *
 * Everything up to a compiled plan works without a GPU when a description of
 * one is given (since cuDNN 9.8): that is how all fusions are checked where
 * there is none. No function here keeps a lock; a handle must not be used by
 * two threads at once, all else may be. */

#include "nn/cudnn/kernels.h"

#include <cudnn_backend.h>

/* What becomes of y * scale + shift, the norm that begins an iResNet's block.
 * The graph reads y as it is stored; whether an engine rounds it first is the
 * engine's to decide. */
typedef enum {
  REID_AFFINE_NONE,
  REID_AFFINE_BESIDE, /* stored as z, beside y */
  REID_AFFINE_ALONE   /* stored as z, and y is not */
} ReidAffine;

/* x [n][h][w][c], weight [k][r][s][c], bias, slope, scale and shift [k] of
 * float, residual, y and z [n][p][q][k]; c and k as they are stored, that is
 * padded. */
typedef struct {
  ReidStore store;
  int32_t batch;
  int32_t in_channels, in[2]; /* height, width */
  int32_t out_channels, out[2];
  int32_t kernel[2], stride[2], dilation[2];
  int32_t pad[4]; /* top, left, bottom, right */
  int32_t bias, residual, act;
  float alpha, beta; /* of act, as in ReidConv */
  int32_t affine;    /* ReidAffine */
} ReidFusedShape;

/* What a plan is given at run time; NULL where the shape has none. */
typedef struct {
  const void *x, *weight, *bias, *residual, *slope;
  void *y;
  const void *scale, *shift;
  void *z;
} ReidFusedData;

typedef struct ReidFused ReidFused;         /* the graph */
typedef struct ReidFusedPlan ReidFusedPlan; /* one way to run it */

/* Which GPU plans are for: one that is there, or cuDNN's own description of
 * one. cudnnBackendDestroyDescriptor() it. NULL with the error set. */
cudnnBackendDescriptor_t reid_fused_device (int index, ReidError *error);
cudnnBackendDescriptor_t reid_fused_device_from_text (const char *json,
                                                      ReidError *error);
/* free() it; NULL when memory ends. */
char *reid_fused_device_text (cudnnBackendDescriptor_t device);

/* `device` outlives the graph. Without `choices` cuDNN is not asked for any;
 * reid_fused_choice() adds them. */
ReidFused *reid_fused_new (const ReidFusedShape *shape,
                           cudnnBackendDescriptor_t device, bool choices,
                           ReidError *error);
void reid_fused_free (ReidFused *fused);
/* Engine configurations, the most promising first. */
int reid_fused_n_choices (const ReidFused *fused);

/* How a choice computes: an engine of cuDNN's and its settings. The same one
 * for another batch of the same shape adds in the same order. */
#define REID_FUSED_KNOBS 32
typedef struct {
  int64_t engine;
  int n;
  int64_t knob[REID_FUSED_KNOBS], value[REID_FUSED_KNOBS];
} ReidFusedConfig;
bool reid_fused_config (const ReidFused *fused, int i, ReidFusedConfig *config);
/* The choice that computes so, added where it is not there yet; -1 where cuDNN
 * has it not for this shape. */
int reid_fused_choice (ReidFused *fused, const ReidFusedConfig *config);
/* "12 2=1 13=5": the engine, then knobs and their values. */
void reid_fused_config_text (const ReidFusedConfig *config, char *text,
                             size_t size);
bool reid_fused_config_parse (const char *text, ReidFusedConfig *config);

/* Compiles choice i (up to seconds); NULL where cuDNN cannot or where it wants
 * more working memory than `most`. `why` is cuDNN's status. */
ReidFusedPlan *reid_fused_plan (const ReidFused *fused, int i, size_t most,
                                cudnnStatus_t *why);
void reid_fused_plan_free (ReidFusedPlan *plan);
size_t reid_fused_plan_workspace (const ReidFusedPlan *plan);
/* The plan as text, to be kept; free() it. NULL where cuDNN has no text. */
char *reid_fused_plan_text (const ReidFusedPlan *plan);
ReidFusedPlan *reid_fused_plan_from_text (const ReidFusedShape *shape,
                                          cudnnHandle_t handle,
                                          const char *text);
/* On the handle's stream. The first run of a plan may load its kernels, so it
 * must not be within a stream capture. */
cudnnStatus_t reid_fused_plan_run (const ReidFusedPlan *plan,
                                   cudnnHandle_t handle,
                                   const ReidFusedData *data, void *workspace);

#endif /* REID_CUDNN_FUSED_H */
