/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module in the place of the GPU's: the reference, with a GPU's rules and
 * with the failures that $REID_FAKE_GPU asks for: "memory" for a batch
 * of several, "device" for every other such, "full" for every run, and
 * "full:TEXT" for those of networks with TEXT in their file's name; these two
 * after the first $REID_FAKE_GPU_RUNS; "weights" for every network that is
 * opened, "dead" for every run of one that is, and "driver" for the device
 * itself. With FAKE_CPU it takes the place of the CPU's module, and
 * $REID_FAKE_CPU and $REID_FAKE_CPU_RUNS ask. */
#include "nn/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef FAKE_CPU
#define NAME "dnnl"
#define FAULT "REID_FAKE_CPU"
#define OWN_MEMORY false
#define MOST_AT_A_TIME 1024
#else
#define NAME "cudnn"
#define FAULT "REID_FAKE_GPU"
#define OWN_MEMORY true
#define MOST_AT_A_TIME 2
#endif

typedef struct {
  ReidBackendModel *inner;
  const ReidGraph *graph;
} Model;

typedef struct {
  ReidBackendPlan *inner;
  const char *file;
  int64_t batch;
} Plan;

static int running, batches, spared;

static bool
probe (int index, char *line, size_t size)
{
  const char *fault = getenv (FAULT);
  bool old = fault && strcmp (fault, "driver") == 0;

  snprintf (line, size,
            old ? "its driver is too old, as $" FAULT " has it"
                : "no GPU, but a test of its rules");
  return index == 0 && !old;
}

static ReidBackendModel *
model_new (const ReidGraph *graph, const ReidBackendOptions *options,
           ReidError *error)
{
  const char *fault = getenv (FAULT);
  Model *m;

  if (fault && strcmp (fault, "weights") == 0) {
    reid_error_set (error, REID_ERROR_MEMORY,
                    "no memory for weights, as $" FAULT " has it");
    return NULL;
  }
  m = calloc (1, sizeof *m);
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

  p->file = m->graph->file;
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

static bool
is_full (const char *fault, const char *file)
{
  const char *runs = getenv (FAULT "_RUNS");

  if (!*fault)
    __atomic_store_n (&spared, 0, __ATOMIC_SEQ_CST);
  return strncmp (fault, "full", 4) == 0
         && (!fault[4] || (fault[4] == ':' && strstr (file, fault + 5)))
         && __atomic_add_fetch (&spared, 1, __ATOMIC_SEQ_CST)
                > (runs ? atoi (runs) : 0);
}

/* Slow enough for others to come meanwhile. */
static bool
plan_run (ReidBackendPlan *plan, const float *const *inputs,
          float *const *outputs, void *workspace, ReidError *error)
{
  const Plan *p = (const Plan *) plan;
  const char *fault = getenv (FAULT);
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
  if (is_full (fault, p->file))
    ok = reid_error_set (error, REID_ERROR_MEMORY,
                         "no memory for %d, as $" FAULT " has it",
                         (int) p->batch);
  if (strcmp (fault, "dead") == 0)
    ok =
        reid_error_set (error, REID_ERROR_DEVICE, "dead, as $" FAULT " has it");
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
                                            .name = NAME,
                                            .probe = probe,
                                            .model_new = model_new,
                                            .model_free = model_free,
                                            .plan_new = plan_new,
                                            .plan_free = plan_free,
                                            .plan_workspace = plan_workspace,
                                            .plan_run = plan_run,
                                            .own_memory = OWN_MEMORY };
