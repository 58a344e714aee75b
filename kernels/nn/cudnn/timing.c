/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/timing.h"
#include "nn/cudnn/weights.h"

#include <math.h>
#include <stdlib.h>

#define WARM 2
#define TIMED 7

/* The first two are y and z as they should be, beside those of the plan. */
enum {
  WANTED_Y,
  WANTED_Z,
  X,
  WEIGHT,
  RESIDUAL,
  OUT_Y,
  OUT_Z,
  VECTORS,
  BUFFERS
};

struct ReidTiming {
  ReidGpu gpu;
  ReidFusedShape shape;
  int64_t n; /* numbers in y */
  void *memory[BUFFERS], *workspace;
  uint32_t *count;
  ReidFusedData data;
  cudaEvent_t before, after;
};

/* No two operands are alike, so that none can be taken for another. */
static bool
noisy (ReidTiming *b, int which, ReidStore store, int64_t n, ReidError *error)
{
  ReidQueue q = { NULL, b->gpu.host };

  b->memory[which] =
      reid_gpu_alloc (&b->gpu, (size_t) n * reid_store_size (store), error);
  return b->memory[which]
         && reid_gpu_ok (reid_cuda_noise (q, b->memory[which], store,
                                          (uint32_t) which << 28, n),
                         "timing plans", error);
}

static bool
operands (ReidTiming *b, ReidError *error)
{
  const ReidFusedShape *s = &b->shape;
  int64_t x = (int64_t) s->batch * s->in[0] * s->in[1] * s->in_channels,
          w = (int64_t) s->out_channels * s->kernel[0] * s->kernel[1]
              * s->in_channels,
          k = s->out_channels;
  bool affine = s->affine != REID_AFFINE_NONE;
  float *vectors;

  b->n = (int64_t) s->batch * s->out[0] * s->out[1] * k;
  if (!noisy (b, X, s->store, x, error)
      || !noisy (b, WEIGHT, s->store, w, error)
      || !noisy (b, VECTORS, REID_STORE_F32, 4 * k, error)
      || (s->residual && !noisy (b, RESIDUAL, s->store, b->n, error))
      || (s->affine != REID_AFFINE_ALONE
          && !noisy (b, OUT_Y, s->store, b->n, error))
      || (affine && !noisy (b, OUT_Z, s->store, b->n, error))
      || (affine && !noisy (b, WANTED_Z, s->store, b->n, error))
      || (affine && !noisy (b, WANTED_Y, s->store, b->n, error)))
    return false;
  vectors = b->memory[VECTORS];
  b->data = (ReidFusedData){ .x = b->memory[X],
                             .weight = b->memory[WEIGHT],
                             .bias = vectors,
                             .residual = b->memory[RESIDUAL],
                             .slope = vectors + k,
                             .y = b->memory[OUT_Y],
                             .scale = vectors + 2 * k,
                             .shift = vectors + 3 * k,
                             .z = b->memory[OUT_Z] };
  b->count = affine ? reid_gpu_alloc (&b->gpu, sizeof *b->count, error) : NULL;
  b->workspace = reid_gpu_alloc (&b->gpu, REID_PLAN_WORKSPACE, error);
  return b->workspace && (b->count || !affine)
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
  b->shape = *shape;
  if (operands (b, error))
    return b;
  reid_timing_free (b);
  return NULL;
}

void
reid_timing_free (ReidTiming *b)
{
  if (!b)
    return;
  for (int i = 0; i < BUFFERS; i++)
    reid_gpu_free (&b->gpu, b->memory[i]);
  reid_gpu_free (&b->gpu, b->count);
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

/* As a network runs it where the affine output is made apart. */
static bool
enqueue_apart (const ReidTiming *b)
{
  const ReidFusedShape *s = &b->shape;
  ReidQueue q = { NULL, b->gpu.host };
  ReidBlocked shape = { s->store,  s->batch,        s->out[0],
                        s->out[1], s->out_channels, s->out_channels };
  ReidEpilogue end = { .scale = b->data.scale, .shift = b->data.shift };

  return reid_cuda_epilogue (q, b->memory[WANTED_Y], b->memory[WANTED_Z],
                             &shape, &end)
         == cudaSuccess;
}

static double
timed (ReidTiming *b, cudnnHandle_t handle, const ReidFusedPlan *plan,
       const ReidFusedData *data, bool apart)
{
  float ms[TIMED];

  cudnnSetStream (handle, NULL);
  for (int i = 0; i < WARM + TIMED; i++) {
    int at = i < WARM ? 0 : i - WARM;
    if (cudaEventRecord (b->before, NULL) != cudaSuccess
        || reid_fused_plan_run (plan, handle, data, b->workspace)
               != CUDNN_STATUS_SUCCESS
        || (apart && !enqueue_apart (b))
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

double
reid_timing_run (ReidTiming *b, cudnnHandle_t handle, const ReidFusedPlan *plan)
{
  return timed (b, handle, plan, &b->data, false);
}

double
reid_timing_apart (ReidTiming *b, cudnnHandle_t handle,
                   const ReidFusedPlan *plain)
{
  ReidFusedData data = b->data;

  data.y = b->memory[WANTED_Y];
  return timed (b, handle, plain, &data, true);
}

/* Both sides round once, each in its own way: two units in the last place. */
static float
unit (ReidStore store)
{
  return store == REID_STORE_F16    ? 0x1p-9f
         : store == REID_STORE_BF16 ? 0x1p-6f
                                    : 0x1p-22f;
}

int64_t
reid_timing_differ (ReidTiming *b, cudnnHandle_t handle,
                    const ReidFusedPlan *plan)
{
  const ReidFusedShape *s = &b->shape;
  ReidQueue q = { NULL, b->gpu.host };
  size_t bytes = (size_t) b->n * reid_store_size (s->store);
  /* Products of such operands have a deviation of 1/3; sums of them in f32,
   * in two orders, are this far apart at most. */
  float sums = 0x1p-13f / 3
               * sqrtf ((float) s->in_channels * (float) s->kernel[0]
                        * (float) s->kernel[1]),
        u = unit (s->store);
  uint32_t count = 0;

  cudnnSetStream (handle, NULL);
  /* what a plan leaves out must not be what another one wrote */
  if (!reid_gpu_zero (&b->gpu, b->count, sizeof count, NULL)
      || (b->data.y && !reid_gpu_zero (&b->gpu, b->data.y, bytes, NULL))
      || !reid_gpu_zero (&b->gpu, b->data.z, bytes, NULL)
      || reid_fused_plan_run (plan, handle, &b->data, b->workspace)
             != CUDNN_STATUS_SUCCESS
      || (b->data.y
          && reid_cuda_differ (q, b->data.y, b->memory[WANTED_Y], s->store,
                               b->n, u, sums, b->count)
                 != cudaSuccess)
      /* |y * scale| is at most |z| + 1, and what y is off by is part of z */
      || reid_cuda_differ (q, b->data.z, b->memory[WANTED_Z], s->store, b->n,
                           2 * u, u + sums, b->count)
             != cudaSuccess
      || !reid_gpu_download (&b->gpu, q, &count, b->count, sizeof count, NULL)
      || !reid_gpu_wait (&b->gpu, q, NULL)) {
    cudaGetLastError ();
    return -1;
  }
  return count;
}
