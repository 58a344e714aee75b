/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standin.h"
#include "nn/cudnn/gpu.h"
#include "nn/cudnn/timing.h"
#include "nn/cudnn/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Standin standin;
/* Only one thread at a time measures: on this clock, in this memory. */
static float clock_ms;
static void *measured;

void
standin_reset (void)
{
  standin = (Standin){ .most = (size_t) 1 << 30 };
}

/* --- gpu.h --- */

bool
reid_gpu_ok (cudaError_t status, const char *doing, ReidError *error)
{
  return status == cudaSuccess
         || reid_error_set (error, REID_ERROR_DEVICE, "%s: %d", doing,
                            (int) status);
}

bool
reid_gpu_use (const ReidGpu *gpu, ReidError *error)
{
  return true;
}

void *
reid_gpu_alloc (const ReidGpu *gpu, size_t size, ReidError *error)
{
  void *m = NULL;

  bool workspace = size == REID_PLAN_WORKSPACE; /* which nothing here needs */

  if (size > standin.most
      || posix_memalign (&m, 256, workspace ? 256 : size + 1)) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory");
    return NULL;
  }
  if (workspace)
    measured = m;
  return m;
}

void
reid_gpu_free (const ReidGpu *gpu, void *memory)
{
  /* a program's memory may come to lie there */
  if (memory == measured)
    measured = NULL;
  free (memory);
}

bool
reid_gpu_zero (const ReidGpu *gpu, void *memory, size_t size, ReidError *error)
{
  memset (memory, 0, size);
  return true;
}

bool
reid_gpu_upload (const ReidGpu *gpu, ReidQueue q, void *to, const void *from,
                 size_t size, ReidError *error)
{
  memcpy (to, from, size);
  return true;
}

bool
reid_gpu_download (const ReidGpu *gpu, ReidQueue q, void *to, const void *from,
                   size_t size, ReidError *error)
{
  memcpy (to, from, size);
  return true;
}

bool
reid_gpu_wait (const ReidGpu *gpu, ReidQueue q, ReidError *error)
{
  return true;
}

/* --- CUDA, by the linker's --wrap --- */

cudaError_t __wrap_cudaEventCreate (cudaEvent_t *event);
cudaError_t __wrap_cudaEventDestroy (cudaEvent_t event);
cudaError_t __wrap_cudaEventRecord (cudaEvent_t event, cudaStream_t stream);
cudaError_t __wrap_cudaEventSynchronize (cudaEvent_t event);
cudaError_t __wrap_cudaEventElapsedTime (float *ms, cudaEvent_t from,
                                         cudaEvent_t to);

cudaError_t
__wrap_cudaEventCreate (cudaEvent_t *event)
{
  *event = calloc (1, sizeof (float));
  return cudaSuccess;
}

cudaError_t
__wrap_cudaEventDestroy (cudaEvent_t event)
{
  free (event);
  return cudaSuccess;
}

cudaError_t
__wrap_cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  *(float *) event = clock_ms;
  return cudaSuccess;
}

cudaError_t
__wrap_cudaEventSynchronize (cudaEvent_t event)
{
  return cudaSuccess;
}

cudaError_t
__wrap_cudaEventElapsedTime (float *ms, cudaEvent_t from, cudaEvent_t to)
{
  *ms = *(float *) to - *(float *) from;
  return cudaSuccess;
}

/* What is measured runs here, too. */
cudaError_t __real_reid_cuda_noise (ReidQueue q, void *y, ReidStore store,
                                    uint32_t from, int64_t n);
cudaError_t __wrap_reid_cuda_noise (ReidQueue q, void *y, ReidStore store,
                                    uint32_t from, int64_t n);
cudaError_t __real_reid_cuda_epilogue (ReidQueue q, const void *x, void *y,
                                       const ReidBlocked *shape,
                                       const ReidEpilogue *end);
cudaError_t __wrap_reid_cuda_epilogue (ReidQueue q, const void *x, void *y,
                                       const ReidBlocked *shape,
                                       const ReidEpilogue *end);
cudaError_t __real_reid_cuda_differ (ReidQueue q, const void *y,
                                     const void *wanted, ReidStore store,
                                     int64_t n, float relative, float absolute,
                                     uint32_t *count);
cudaError_t __wrap_reid_cuda_differ (ReidQueue q, const void *y,
                                     const void *wanted, ReidStore store,
                                     int64_t n, float relative, float absolute,
                                     uint32_t *count);

cudaError_t
__wrap_reid_cuda_noise (ReidQueue q, void *y, ReidStore store, uint32_t from,
                        int64_t n)
{
  q.host = true;
  return __real_reid_cuda_noise (q, y, store, from, n);
}

cudaError_t
__wrap_reid_cuda_epilogue (ReidQueue q, const void *x, void *y,
                           const ReidBlocked *shape, const ReidEpilogue *end)
{
  if (!q.host)
    clock_ms += .5f;
  q.host = true;
  return __real_reid_cuda_epilogue (q, x, y, shape, end);
}

cudaError_t
__wrap_reid_cuda_differ (ReidQueue q, const void *y, const void *wanted,
                         ReidStore store, int64_t n, float relative,
                         float absolute, uint32_t *count)
{
  q.host = true;
  return __real_reid_cuda_differ (q, y, wanted, store, n, relative, absolute,
                                  count);
}

/* --- cuDNN --- */

cudnnStatus_t
cudnnCreate (cudnnHandle_t *handle)
{
  *handle = (cudnnHandle_t) &standin;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnDestroy (cudnnHandle_t handle)
{
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnSetStream (cudnnHandle_t handle, cudaStream_t stream)
{
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnBackendDestroyDescriptor (cudnnBackendDescriptor_t d)
{
  return CUDNN_STATUS_SUCCESS;
}

const char *
cudnnGetErrorString (cudnnStatus_t status)
{
  return "an error";
}

size_t
cudnnGetVersion (void)
{
  return 90000;
}

size_t
cudnnGetCudartVersion (void)
{
  return 13000;
}

/* --- fused.h --- */

struct ReidFused {
  ReidFusedShape shape;
  int n, engines[STANDIN_CHOICES];
};

struct ReidFusedPlan {
  ReidFusedShape shape;
  int engine;
  bool done; /* what is measured many times is computed once */
};

cudnnBackendDescriptor_t
reid_fused_device (int index, ReidError *error)
{
  return (cudnnBackendDescriptor_t) &standin;
}

cudnnBackendDescriptor_t
reid_fused_device_from_text (const char *json, ReidError *error)
{
  return (cudnnBackendDescriptor_t) &standin;
}

ReidFused *
reid_fused_new (const ReidFusedShape *shape, cudnnBackendDescriptor_t device,
                bool choices, ReidError *error)
{
  ReidFused *f = calloc (1, sizeof *f);
  bool affine = shape->affine != REID_AFFINE_NONE;

  f->shape = *shape;
  if (choices)
    __atomic_add_fetch (&standin.asked[affine], 1, __ATOMIC_SEQ_CST);
  if (choices && !(affine && standin.refuses))
    for (; f->n < STANDIN_CHOICES; f->n++)
      f->engines[f->n] = f->n;
  return f;
}

void
reid_fused_free (ReidFused *f)
{
  free (f);
}

int
reid_fused_n_choices (const ReidFused *f)
{
  return f->n;
}

bool
reid_fused_config (const ReidFused *f, int i, ReidFusedConfig *config)
{
  memset (config, 0, sizeof *config);
  config->engine = f->engines[i];
  return true;
}

int
reid_fused_choice (ReidFused *f, const ReidFusedConfig *config)
{
  if (f->shape.affine != REID_AFFINE_NONE
      && f->shape.batch == standin.lacks_batch)
    return -1;
  f->engines[0] = (int) config->engine;
  f->n = 1;
  return 0;
}

void
reid_fused_config_text (const ReidFusedConfig *config, char *text, size_t size)
{
  snprintf (text, size, "%d", (int) config->engine);
}

bool
reid_fused_config_parse (const char *text, ReidFusedConfig *config)
{
  memset (config, 0, sizeof *config);
  return sscanf (text, "%lld", (long long *) &config->engine) == 1;
}

static ReidFusedPlan *
plan_new (const ReidFusedShape *shape, int engine)
{
  ReidFusedPlan *p = calloc (1, sizeof *p);

  *p = (ReidFusedPlan){ *shape, engine, false };
  return p;
}

ReidFusedPlan *
reid_fused_plan (const ReidFused *f, int i, size_t most, cudnnStatus_t *why)
{
  return plan_new (&f->shape, f->engines[i]);
}

void
reid_fused_plan_free (ReidFusedPlan *plan)
{
  free (plan);
}

size_t
reid_fused_plan_workspace (const ReidFusedPlan *plan)
{
  return 64;
}

char *
reid_fused_plan_text (const ReidFusedPlan *plan)
{
  char *text = malloc (32);

  snprintf (text, 32, "%d", plan->engine);
  return text;
}

ReidFusedPlan *
reid_fused_plan_from_text (const ReidFusedShape *shape, cudnnHandle_t handle,
                           const char *text)
{
  return plan_new (shape, atoi (text));
}

/* As one engine, or several, get it wrong. */
static void
spoil (const ReidFusedPlan *p, const ReidFusedData *data, ReidEpilogue *affine,
       void **y, void **z, void *nowhere)
{
  if (p->shape.affine == REID_AFFINE_NONE || !(standin.wrong >> p->engine & 1))
    return;
  if (standin.fault == STANDIN_NO_Y)
    *y = nowhere;
  else if (standin.fault == STANDIN_NO_Z)
    *z = nowhere;
  else if (standin.fault == STANDIN_SWAPPED)
    affine->scale = data->shift;
}

static void
spoil_last (const ReidFusedPlan *p, void *z, int64_t n)
{
  size_t each = reid_store_size (p->shape.store);
  uint32_t *last = (uint32_t *) ((char *) z + (size_t) n * each) - 1;

  if (p->shape.affine == REID_AFFINE_NONE || !(standin.wrong >> p->engine & 1))
    return;
  if (standin.fault == STANDIN_ONE_NUMBER)
    *last ^= 1u << 31;
  else if (standin.fault == STANDIN_NAN)
    *last |= 0x7fff0000;
}

cudnnStatus_t
reid_fused_plan_run (const ReidFusedPlan *p, cudnnHandle_t handle,
                     const ReidFusedData *data, void *workspace)
{
  const ReidFusedShape *s = &p->shape;
  ReidQueue q = { NULL, true };
  ReidBlocked in = { s->store, s->batch,       s->in[0],
                     s->in[1], s->in_channels, s->in_channels },
              out = { s->store,  s->batch,        s->out[0],
                      s->out[1], s->out_channels, s->out_channels };
  ReidWindow window = { .groups = 1 };
  ReidEpilogue end = { .shift = s->bias ? data->bias : NULL,
                       .slope = data->slope,
                       .residual = s->residual ? data->residual : NULL,
                       .act = s->act,
                       .alpha = s->alpha,
                       .beta = s->beta },
               affine = { .scale = data->scale, .shift = data->shift };
  int64_t n = (int64_t) s->batch * s->out[0] * s->out[1] * s->out_channels;
  clock_ms += 1 + .1f * (float) p->engine;
  if (s->affine != REID_AFFINE_NONE)
    clock_ms += standin.slow ? 2 : .2f;
  if (workspace == measured) {
    if (p->done)
      return CUDNN_STATUS_SUCCESS;
    ((ReidFusedPlan *) p)->done = true;
  }
  void *inner = malloc ((size_t) n * 4), *nowhere = malloc ((size_t) n * 4),
       *y = s->affine == REID_AFFINE_ALONE ? inner : data->y, *from = y,
       *z = data->z;

  for (int i = 0; i < 2; i++) {
    window.kernel[i] = s->kernel[i];
    window.stride[i] = s->stride[i];
    window.dilation[i] = s->dilation[i];
    window.pad[i] = s->pad[i];
  }
  spoil (p, data, &affine, &from, &z, nowhere);
  reid_cuda_conv (q, data->x, data->weight, from, &in, &out, &window, &end);
  if (s->affine != REID_AFFINE_NONE) {
    reid_cuda_epilogue (q, from, z, &out, &affine);
    spoil_last (p, z, n);
  }
  free (inner);
  free (nowhere);
  return CUDNN_STATUS_SUCCESS;
}
