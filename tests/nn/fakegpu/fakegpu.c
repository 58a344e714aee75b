/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module in the place of the GPU's: the reference, with a GPU's rules and
 * with the failures that $REID_FAKE_GPU asks for: "memory" for a batch
 * of several, "device" for every other such. */
#include "nn/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_AT_A_TIME 2

typedef struct {
  ReidBackendModel *inner;
  const ReidGraph *graph;
} Model;

typedef struct {
  ReidBackendPlan *inner;
  int64_t batch;
} Plan;

static int running, batches;

static bool
probe (int index, char *line, size_t size)
{
  snprintf (line, size, "no GPU, but a test of its rules");
  return index == 0;
}

static ReidBackendModel *
model_new (const ReidGraph *graph, const ReidBackendOptions *options,
           ReidError *error)
{
  Model *m = calloc (1, sizeof *m);

  m->graph = graph;
  m->inner = reid_backend_reference.model_new (graph, options, error);
  if (m->inner)
    return (ReidBackendModel *) m;
  free (m);
  return NULL;
}

static void
model_free (ReidBackendModel *model)
{
  reid_backend_reference.model_free (((Model *) model)->inner);
  free (model);
}

static ReidBackendPlan *
plan_new (ReidBackendModel *model, const ReidShape *shapes, int threads,
          ReidError *error)
{
  const Model *m = (const Model *) model;
  Plan *p = calloc (1, sizeof *p);

  p->batch = shapes[m->graph->inputs[0]].dims[0];
  p->inner = reid_backend_reference.plan_new (m->inner, shapes, threads, error);
  if (p->inner)
    return (ReidBackendPlan *) p;
  free (p);
  return NULL;
}

static void
plan_free (ReidBackendPlan *plan)
{
  reid_backend_reference.plan_free (((Plan *) plan)->inner);
  free (plan);
}

static size_t
plan_workspace (const ReidBackendPlan *plan)
{
  return reid_backend_reference.plan_workspace (((const Plan *) plan)->inner);
}

/* Slow enough for others to come meanwhile. */
static bool
plan_run (ReidBackendPlan *plan, const float *const *inputs,
          float *const *outputs, void *workspace, ReidError *error)
{
  const Plan *p = (const Plan *) plan;
  const char *fault = getenv ("REID_FAKE_GPU");
  struct timespec pause = { 0, 1000000 };
  bool ok = true;

  if (!fault)
    fault = "";
  if (__atomic_add_fetch (&running, 1, __ATOMIC_SEQ_CST) > MOST_AT_A_TIME)
    ok = reid_error_set (error, REID_ERROR_DEVICE, "too many runs at a time");
  nanosleep (&pause, NULL);
  if (strcmp (fault, "memory") == 0 && p->batch > 1)
    ok = reid_error_set (error, REID_ERROR_MEMORY, "a batch of %d is too large",
                         (int) p->batch);
  if (strcmp (fault, "device") == 0 && p->batch > 1
      && __atomic_add_fetch (&batches, 1, __ATOMIC_SEQ_CST) % 2)
    ok = reid_error_set (error, REID_ERROR_DEVICE, "a batch too many");
  ok = ok
       && reid_backend_reference.plan_run (p->inner, inputs, outputs, workspace,
                                           error);
  __atomic_sub_fetch (&running, 1, __ATOMIC_SEQ_CST);
  return ok;
}

REID_API extern const ReidBackend reid_backend;
REID_API const ReidBackend reid_backend = { .version = REID_BACKEND_VERSION,
                                            .name = "cudnn",
                                            .probe = probe,
                                            .model_new = model_new,
                                            .model_free = model_free,
                                            .plan_new = plan_new,
                                            .plan_free = plan_free,
                                            .plan_workspace = plan_workspace,
                                            .plan_run = plan_run,
                                            .own_memory = true };
