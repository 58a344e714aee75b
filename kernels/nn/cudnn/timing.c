/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/timing.h"
#include "nn/cudnn/weights.h"

#include <stdlib.h>
#include <string.h>

#define WARM 2
#define TIMED 7

struct ReidTiming {
  ReidGpu gpu;
  void *memory[6], *workspace;
  ReidFusedData data;
  cudaEvent_t before, after;
};

static void *
noisy (const ReidGpu *gpu, ReidStore store, int64_t n, ReidError *error)
{
  ReidQueue q = { NULL, gpu->host };
  void *m = reid_gpu_alloc (gpu, (size_t) n * reid_store_size (store), error);

  if (m
      && !reid_gpu_ok (reid_cuda_noise (q, m, store, n), "timing plans",
                       error)) {
    reid_gpu_free (gpu, m);
    return NULL;
  }
  return m;
}

static bool
operands (ReidTiming *b, const ReidFusedShape *s, ReidError *error)
{
  const ReidGpu *gpu = &b->gpu;
  int64_t x = (int64_t) s->batch * s->in[0] * s->in[1] * s->in_channels,
          y = (int64_t) s->batch * s->out[0] * s->out[1] * s->out_channels,
          w = (int64_t) s->out_channels * s->kernel[0] * s->kernel[1]
              * s->in_channels,
          k = s->out_channels;

  b->memory[0] = noisy (gpu, s->store, x, error);
  b->memory[1] = noisy (gpu, s->store, w, error);
  b->memory[2] = noisy (gpu, s->store, y, error);
  b->memory[3] = s->residual ? noisy (gpu, s->store, y, error) : NULL;
  b->memory[4] = noisy (gpu, REID_STORE_F32, k, error);
  b->memory[5] = noisy (gpu, REID_STORE_F32, k, error);
  b->workspace = reid_gpu_alloc (gpu, REID_PLAN_WORKSPACE, error);
  b->data = (ReidFusedData){ b->memory[0], b->memory[1], b->memory[4],
                             b->memory[3], b->memory[5], b->memory[2] };
  for (int i = 0; i < 6; i++)
    if (!b->memory[i] && (i != 3 || s->residual))
      return false;
  return b->workspace
         && reid_gpu_ok (cudaEventCreate (&b->before), "timing plans", error)
         && reid_gpu_ok (cudaEventCreate (&b->after), "timing plans", error);
}

ReidTiming *
reid_timing_new (const ReidGpu *gpu, const ReidFusedShape *shape,
                 ReidError *error)
{
  ReidTiming *b = calloc (1, sizeof *b);

  if (!b) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for timing plans");
    return NULL;
  }
  b->gpu = *gpu;
  if (operands (b, shape, error))
    return b;
  reid_timing_free (b);
  return NULL;
}

void
reid_timing_free (ReidTiming *b)
{
  if (!b)
    return;
  for (int i = 0; i < 6; i++)
    reid_gpu_free (&b->gpu, b->memory[i]);
  reid_gpu_free (&b->gpu, b->workspace);
  if (b->before)
    cudaEventDestroy (b->before);
  if (b->after)
    cudaEventDestroy (b->after);
  free (b);
}

static int
by_value (const void *a, const void *b)
{
  float x = *(const float *) a, y = *(const float *) b;
  return x < y ? -1 : x > y;
}

double
reid_timing_run (ReidTiming *b, cudnnHandle_t handle, const ReidFusedPlan *plan)
{
  float ms[TIMED];

  cudnnSetStream (handle, NULL);
  for (int i = 0; i < WARM + TIMED; i++) {
    int at = i < WARM ? 0 : i - WARM;
    if (cudaEventRecord (b->before, NULL) != cudaSuccess
        || reid_fused_plan_run (plan, handle, &b->data, b->workspace)
               != CUDNN_STATUS_SUCCESS
        || cudaEventRecord (b->after, NULL) != cudaSuccess
        || cudaEventSynchronize (b->after) != cudaSuccess
        || cudaEventElapsedTime (&ms[at], b->before, b->after) != cudaSuccess) {
      cudaGetLastError ();
      return -1;
    }
  }
  qsort (ms, TIMED, sizeof *ms, by_value);
  return ms[TIMED / 2];
}
