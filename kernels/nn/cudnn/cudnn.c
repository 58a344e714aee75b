/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GPU backend: cuDNN's graph API for convolutions and products, own
 * kernels for the rest.
 *
 * A run is a copy to the GPU, or pictures that were copied there before, one
 * CUDA graph that holds all the steps (or the steps one by one, where one of
 * them needs the host), and a copy back, on a stream of its own: runs of
 * several contexts overlap, so that while one computes, another copies. */

#include "nn/cudnn/feed.h"
#include "nn/cudnn/program.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ReidBackendModel {
  const ReidGraph *graph;
  ReidGpu gpu;
  ReidStore store;
  ReidTuner *tuner;
  ReidGpuWeights *weights;
};

/* What one run at a time needs: memory, a stream, and the steps recorded for
 * that memory. */
typedef struct Lane {
  struct Lane *next;
  char *memory;
  ReidQueue queue;
  /* Of all steps, and of those after packing. */
  cudaGraphExec_t recorded[2]; /* NULL: not yet, or not to be */
  bool ran[2];                 /* once, so that kernels are loaded */
} Lane;

struct ReidBackendPlan {
  ReidBackendModel *model;
  ReidGpuProgram *program;
  pthread_mutex_t lock;
  Lane *free;
};

static bool
probe (int index, char *line, size_t size)
{
  ReidError error = REID_ERROR_INIT;
  ReidGpu gpu;

  if (!reid_gpu_describe (index, &gpu, &error)) {
    snprintf (line, size, "%s", error.message);
    return false;
  }
  if (cudnnGetVersion () < 90800) {
    snprintf (line, size, "cuDNN %zu is too old: 9.8 or newer is needed",
              cudnnGetVersion ());
    return false;
  }
  if (!gpu.host && gpu.major * 10 + gpu.minor < 75) {
    snprintf (line, size,
              "%s has compute capability %d.%d: 7.5 or newer is needed",
              gpu.name, gpu.major, gpu.minor);
    return false;
  }
  snprintf (line, size, "cuDNN %zu.%zu.%zu, cuda:%d %s",
            cudnnGetVersion () / 10000, cudnnGetVersion () / 100 % 100,
            cudnnGetVersion () % 100, index, gpu.name);
  return true;
}

static bool
bus (int index, char *id, size_t size)
{
  ReidGpu gpu;

  if (!reid_gpu_describe (index, &gpu, NULL) || gpu.host)
    return false;
  return reid_gpu_ok (cudaDeviceGetPCIBusId (id, (int) size, index),
                      "the GPU's bus", NULL);
}

static ReidPrecision
precision (const ReidBackendOptions *options)
{
  ReidGpu gpu;

  if (options->precision == REID_PRECISION_AUTO)
    return REID_PRECISION_F16;
  if (options->precision == REID_PRECISION_BF16
      && (!reid_gpu_describe (options->index, &gpu, NULL)
          || (!gpu.host && gpu.major < 8)))
    return REID_PRECISION_AUTO;
  return options->precision;
}

static void
model_free (ReidBackendModel *m)
{
  if (!m)
    return;
  reid_gpu_use (&m->gpu, NULL);
  reid_gpu_weights_free (m->weights);
  reid_tuner_unref (m->tuner);
  free (m);
}

static ReidBackendModel *
model_new (const ReidGraph *graph, const ReidBackendOptions *options,
           ReidError *error)
{
  ReidBackendModel *m = calloc (1, sizeof *m);

  if (!m) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory", graph->file);
    return NULL;
  }
  m->graph = graph;
  m->store = options->precision == REID_PRECISION_F32    ? REID_STORE_F32
             : options->precision == REID_PRECISION_BF16 ? REID_STORE_BF16
                                                         : REID_STORE_F16;
  if (reid_gpu_describe (options->index, &m->gpu, error)
      && reid_gpu_use (&m->gpu, error))
    m->tuner = reid_tuner_ref (&m->gpu, error);
  if (m->tuner)
    m->weights = reid_gpu_weights_new (graph, &m->gpu, m->store);
  if (m->weights)
    return m;
  model_free (m);
  return NULL;
}

/* --- lanes --- */

static void
lane_free (const ReidBackendPlan *plan, Lane *lane)
{
  if (!lane)
    return;
  for (int i = 0; i < 2; i++)
    if (lane->recorded[i])
      cudaGraphExecDestroy (lane->recorded[i]);
  if (lane->queue.stream)
    cudaStreamDestroy (lane->queue.stream);
  reid_gpu_free (&plan->model->gpu, lane->memory);
  free (lane);
}

static Lane *
lane_new (const ReidBackendPlan *plan, ReidError *error)
{
  const ReidGpu *gpu = &plan->model->gpu;
  Lane *lane = calloc (1, sizeof *lane);

  if (!lane) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for a run");
    return NULL;
  }
  lane->queue.host = gpu->host;
  lane->memory = reid_gpu_alloc (
      gpu, plan->program->memory + plan->program->workspace, error);
  if (lane->memory
      && (gpu->host
          || reid_gpu_ok (cudaStreamCreateWithFlags (&lane->queue.stream,
                                                     cudaStreamNonBlocking),
                          "a CUDA stream", error)))
    return lane;
  lane_free (plan, lane);
  return NULL;
}

static Lane *
take_lane (ReidBackendPlan *plan, ReidError *error)
{
  Lane *lane;

  pthread_mutex_lock (&plan->lock);
  lane = plan->free;
  if (lane)
    plan->free = lane->next;
  pthread_mutex_unlock (&plan->lock);
  return lane ? lane : lane_new (plan, error);
}

static void
give_lane (ReidBackendPlan *plan, Lane *lane)
{
  pthread_mutex_lock (&plan->lock);
  lane->next = plan->free;
  plan->free = lane;
  pthread_mutex_unlock (&plan->lock);
}

/* --- plans --- */

static void
plan_free (ReidBackendPlan *plan)
{
  if (!plan)
    return;
  reid_gpu_use (&plan->model->gpu, NULL);
  for (Lane *lane = plan->free, *next; lane; lane = next) {
    next = lane->next;
    lane_free (plan, lane);
  }
  reid_gpu_program_free (plan->program);
  pthread_mutex_destroy (&plan->lock);
  free (plan);
}

static ReidBackendPlan *
plan_new (ReidBackendModel *model, const ReidShape *shapes, int threads,
          ReidError *error)
{
  ReidBackendPlan *plan = calloc (1, sizeof *plan);

  if (!plan) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                    model->graph->file);
    return NULL;
  }
  plan->model = model;
  pthread_mutex_init (&plan->lock, NULL);
  if (reid_gpu_use (&model->gpu, error))
    plan->program =
        reid_gpu_program_new (model->graph, &model->gpu, model->store,
                              model->tuner, model->weights, shapes, error);
  if (plan->program)
    return plan;
  plan_free (plan);
  return NULL;
}

static size_t
model_memory (ReidBackendModel *model)
{
  return reid_gpu_weights_bytes (model->weights);
}

static size_t
plan_memory (const ReidBackendPlan *plan)
{
  return plan->program->memory + plan->program->workspace;
}

static bool
plan_reserve (ReidBackendPlan *plan, ReidError *error)
{
  Lane *lane;

  /* what is only planned for a device that is not there never runs */
  if (plan->model->gpu.description)
    return true;
  lane =
      reid_gpu_use (&plan->model->gpu, error) ? take_lane (plan, error) : NULL;
  if (lane)
    give_lane (plan, lane);
  return lane != NULL;
}

/* Workspaces are the GPU's, in lanes. */
static size_t
plan_workspace (const ReidBackendPlan *plan)
{
  return 0;
}

/* Recording must see no first use of anything, so it comes after a run. */
static void
record (ReidBackendPlan *plan, Lane *lane, bool packed)
{
  cudaGraph_t graph = NULL;
  bool ok;

  if (cudaStreamBeginCapture (lane->queue.stream,
                              cudaStreamCaptureModeThreadLocal)
      != cudaSuccess)
    return;
  ok = reid_gpu_program_run (plan->program, lane->queue, lane->memory, packed,
                             NULL);
  if (cudaStreamEndCapture (lane->queue.stream, &graph) == cudaSuccess && ok
      && cudaGraphInstantiate (&lane->recorded[packed], graph, 0)
             != cudaSuccess)
    lane->recorded[packed] = NULL;
  if (graph)
    cudaGraphDestroy (graph);
  cudaGetLastError ();
}

static bool
compute (ReidBackendPlan *plan, Lane *lane, bool packed, ReidError *error)
{
  if (lane->recorded[packed])
    return reid_gpu_ok (
        cudaGraphLaunch (lane->recorded[packed], lane->queue.stream),
        "a CUDA graph", error);
  return reid_gpu_program_run (plan->program, lane->queue, lane->memory, packed,
                               error);
}

/* Are all pictures of input i fed? */
static bool
all_fed (const ReidGpuProgram *p, int i, const ReidBackendFed *fed, int n)
{
  int count = 0;

  for (int k = 0; k < n; k++)
    if (fed[k].input == i)
      count += reid_gpu_feed_count (fed[k].feed, fed[k].count);
  return count > 0 && count == p->inputs[i].pictures.n;
}

/* Input i into the lane's memory, `packed` or dense. */
static bool
put_input (const ReidGpuProgram *p, const Lane *lane, int i, const float *data,
           const ReidBackendFed *fed, int n, bool packed, ReidError *error)
{
  const ReidGpuInput *in = &p->inputs[i];
  int buffer = packed ? p->steps[in->pack].out : in->buffer;
  char *to = lane->memory + p->buffers[buffer].offset;
  ReidBlocked part = in->pictures;
  size_t size = packed ? (size_t) part.h * (size_t) part.w * (size_t) part.cp
                             * reid_store_size (part.store)
                       : in->bytes / (size_t) (part.n ? part.n : 1);

  if (!all_fed (p, i, fed, n)
      && !reid_gpu_upload (&p->gpu, lane->queue, to, data, in->bytes, error))
    return false;
  for (int k = 0; k < n; k++) {
    part.n = fed[k].count;
    if (fed[k].input == i
        && !reid_gpu_feed_write (fed[k].feed, lane->queue,
                                 to + (size_t) fed[k].first * size, &part,
                                 !packed, error))
      return false;
  }
  return true;
}

static bool
plan_run_fed (ReidBackendPlan *plan, const float *const *inputs,
              const ReidBackendFed *fed, int n, float *const *outputs,
              void *workspace, ReidError *error)
{
  const ReidGpuProgram *p = plan->program;
  const ReidGraph *g = p->graph;
  const ReidGpu *gpu = &plan->model->gpu;
  Lane *lane;
  bool ok = reid_gpu_use (gpu, error);
  bool packed = n > 0 && reid_gpu_program_packs (p);

  for (int i = 0; i < g->n_inputs && packed; i++)
    packed = all_fed (p, i, fed, n);
  lane = ok ? take_lane (plan, error) : NULL;
  if (!lane)
    return false;
  for (int i = 0; i < g->n_inputs && ok; i++)
    ok = put_input (p, lane, i, inputs[i], fed, n, packed, error);
  ok = ok && compute (plan, lane, packed, error);
  for (int i = 0; i < g->n_outputs && ok; i++) {
    if (p->outputs[i] < 0) {
      memcpy (outputs[i], g->values[g->outputs[i]].data, p->output_bytes[i]);
      continue;
    }
    const ReidGpuBuffer *b = &p->buffers[p->outputs[i]];
    ok =
        reid_gpu_download (gpu, lane->queue, outputs[i],
                           b->constant ? b->constant : lane->memory + b->offset,
                           p->output_bytes[i], error);
  }
  ok = ok && reid_gpu_wait (gpu, lane->queue, error);
  if (!ok) {
    lane_free (plan, lane); /* nobody knows what is left in it */
    return false;
  }
  if (p->capturable && !lane->recorded[packed] && !lane->ran[packed])
    record (plan, lane, packed);
  lane->ran[packed] = true;
  give_lane (plan, lane);
  return true;
}

static bool
plan_run (ReidBackendPlan *plan, const float *const *inputs,
          float *const *outputs, void *workspace, ReidError *error)
{
  return plan_run_fed (plan, inputs, NULL, 0, outputs, workspace, error);
}

/* --- pictures --- */

static ReidBackendFeed *
feed_new (ReidBackendModel *model, ReidError *error)
{
  return reid_gpu_feed_new (&model->gpu, error);
}

static bool
feed_read (ReidBackendModel *model, ReidBackendFeed *feed,
           const ReidShape *shape, float *inout, ReidError *error)
{
  const ReidGpu *gpu = &model->gpu;
  const int64_t *d = shape->dims;
  ReidBlocked dense = { REID_STORE_F32, (int32_t) d[0], (int32_t) d[2],
                        (int32_t) d[3], (int32_t) d[1], 8 };
  size_t size = (size_t) reid_shape_count (shape) * sizeof *inout;
  ReidQueue queue = { .host = gpu->host };
  void *memory =
      reid_gpu_use (gpu, error) ? reid_gpu_alloc (gpu, size, error) : NULL;
  bool ok = memory && reid_gpu_upload (gpu, queue, memory, inout, size, error)
            && reid_gpu_feed_write (feed, queue, memory, &dense, true, error)
            && reid_gpu_download (gpu, queue, inout, memory, size, error)
            && reid_gpu_wait (gpu, queue, error);

  reid_gpu_free (gpu, memory);
  return ok;
}

static void *
host_alloc (ReidBackendModel *model, size_t size)
{
  return reid_gpu_host_alloc (&model->gpu, size);
}

static void
host_free (ReidBackendModel *model, void *memory)
{
  reid_gpu_host_free (&model->gpu, memory);
}

REID_API const ReidBackend reid_backend = {
  .version = REID_BACKEND_VERSION,
  .name = "cudnn",
  .probe = probe,
  .bus = bus,
  .precision = precision,
  .model_new = model_new,
  .model_free = model_free,
  .plan_new = plan_new,
  .plan_free = plan_free,
  .model_memory = model_memory,
  .plan_memory = plan_memory,
  .plan_reserve = plan_reserve,
  .plan_workspace = plan_workspace,
  .plan_run = plan_run,
  .host_alloc = host_alloc,
  .host_free = host_free,
  .own_memory = true,
  .feed_new = feed_new,
  .feed_free = reid_gpu_feed_free,
  .feed_clear = reid_gpu_feed_clear,
  .feed_add = reid_gpu_feed_add,
  .feed_count = reid_gpu_feed_count,
  .feed_read = feed_read,
  .plan_run_fed = plan_run_fed,
};
