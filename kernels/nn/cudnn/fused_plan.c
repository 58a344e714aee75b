/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/fused_private.h"

#include <stdlib.h>
#include <string.h>

#define MAX_IDS 9

struct ReidFusedPlan {
  ReidFusedShape shape;
  cudnnBackendDescriptor_t descriptor;
  size_t workspace;
};

static ReidFusedPlan *
plan_new (const ReidFusedShape *shape)
{
  ReidFusedPlan *p = calloc (1, sizeof *p);

  if (!p)
    return NULL;
  p->shape = *shape;
  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
                                    &p->descriptor)
      == CUDNN_STATUS_SUCCESS)
    return p;
  free (p);
  return NULL;
}

/* The plan when it may be used, else nothing. */
static ReidFusedPlan *
plan_ready (ReidFusedPlan *p, cudnnStatus_t *status, size_t most)
{
  int64_t bytes = 0, n;

  if (*status == CUDNN_STATUS_SUCCESS)
    *status = cudnnBackendFinalize (p->descriptor);
  if (*status == CUDNN_STATUS_SUCCESS)
    *status = cudnnBackendGetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
        CUDNN_TYPE_INT64, 1, &n, &bytes);
  if (*status == CUDNN_STATUS_SUCCESS && bytes >= 0 && (size_t) bytes <= most) {
    p->workspace = (size_t) bytes;
    return p;
  }
  reid_fused_plan_free (p);
  return NULL;
}

ReidFusedPlan *
reid_fused_plan (const ReidFused *f, int i, size_t most, cudnnStatus_t *why)
{
  ReidFusedPlan *p = plan_new (&f->shape);
  cudnnStatus_t status = p ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR;

  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->choices[i]);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->device);
  if (p)
    p = plan_ready (p, &status, most);
  if (why)
    *why = status;
  return p;
}

void
reid_fused_plan_free (ReidFusedPlan *p)
{
  if (!p)
    return;
  cudnnBackendDestroyDescriptor (p->descriptor);
  free (p);
}

size_t
reid_fused_plan_workspace (const ReidFusedPlan *plan)
{
  return plan->workspace;
}

char *
reid_fused_plan_text (const ReidFusedPlan *p)
{
  return reid_fused_text (p->descriptor,
                          CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
}

ReidFusedPlan *
reid_fused_plan_from_text (const ReidFusedShape *shape, cudnnHandle_t handle,
                           const char *text)
{
  ReidFusedPlan *p = plan_new (shape);
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;

  if (!p)
    return NULL;
  if (handle)
    status = cudnnBackendSetAttribute (p->descriptor,
                                       CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                                       CUDNN_TYPE_HANDLE, 1, &handle);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
        CUDNN_TYPE_CHAR, (int64_t) strlen (text), text);
  return plan_ready (p, &status, SIZE_MAX);
}

cudnnStatus_t
reid_fused_plan_run (const ReidFusedPlan *p, cudnnHandle_t handle,
                     const ReidFusedData *data, void *workspace)
{
  int64_t ids[MAX_IDS] = { REID_FUSED_X, REID_FUSED_WEIGHT };
  const void *at[MAX_IDS] = { data->x, data->weight };
  int n = 2;
  cudnnBackendDescriptor_t pack = NULL;
  cudnnStatus_t status;

  if (p->shape.affine != REID_AFFINE_ALONE) {
    ids[n] = REID_FUSED_Y;
    at[n++] = data->y;
  }
  if (p->shape.affine != REID_AFFINE_NONE) {
    ids[n] = REID_FUSED_SCALE;
    at[n++] = data->scale;
    ids[n] = REID_FUSED_SHIFT;
    at[n++] = data->shift;
    ids[n] = REID_FUSED_Z;
    at[n++] = data->z;
  }
  if (p->shape.bias) {
    ids[n] = REID_FUSED_BIAS;
    at[n++] = data->bias;
  }
  if (p->shape.residual) {
    ids[n] = REID_FUSED_RESIDUAL;
    at[n++] = data->residual;
  }
  if (p->shape.act == REID_ACT_PRELU) {
    ids[n] = REID_FUSED_SLOPE;
    at[n++] = data->slope;
  }
  status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR,
                                         &pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                                       CUDNN_TYPE_INT64, n, ids);
  if (status == CUDNN_STATUS_SUCCESS)
    status =
        cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                  CUDNN_TYPE_VOID_PTR, n, at);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                       CUDNN_TYPE_VOID_PTR, 1, &workspace);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendExecute (handle, p->descriptor, pack);
  if (pack)
    cudnnBackendDestroyDescriptor (pack);
  return status;
}
