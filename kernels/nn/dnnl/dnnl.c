/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CPU backend: oneDNN for what it is good at, row kernels for chains of
 * pointwise and depthwise layers (chain.h), where layer by layer the memory
 * would be the limit.
 *
 * Bytes do not depend on the batch or on the number of threads: where every
 * operator works on each picture alone, one picture is compiled, and a batch
 * is that program run once for each, shared out among the threads. In bf16,
 * where the weights are what a run waits for, it is run for some of them
 * together (micro.h). */

#include "nn/dnnl/lead.h"
#include "nn/batch.h"
#include "nn/dnnl/micro.h"
#include "nn/dnnl/program.h"
#include "nn/dnnl/team.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ReidBackendModel {
  const ReidGraph *graph;
  ReidWeights *weights;
};

/* What one thread needs to run a picture, beside memory. Kept in arrays of one
 * for each worker, the first of which is linked. */
typedef struct Lane {
  struct Lane *next;
  ReidProgramState *one, *many, *together;
  ReidError error;
} Lane;

struct ReidBackendPlan {
  const ReidGraph *graph;
  int threads;
  int64_t batch;          /* pictures that are run one by one; 1: as a whole */
  ReidProgram *one;       /* on one thread; NULL where the plan has no use */
  ReidProgram *many;      /* on all threads */
  ReidProgram *together;  /* `group` pictures on one thread */
  int64_t group, grouped; /* how many pictures go that way, the first */
  size_t lane_size;       /* workspace of one thread's picture */
  size_t *in_picture;     /* floats of one picture of each input and output */
  size_t *out_picture;
  int workers;
  pthread_mutex_t lock;
  Lane *free; /* sets of `workers` states, for runs at the same time */
};

static bool
probe (int index, char *line, size_t size)
{
  if (index == 0)
    return reid_dnnl_describe (line, size);
  snprintf (line, size, "there is one CPU only");
  return false;
}

static ReidPrecision
precision (const ReidBackendOptions *options)
{
  bool bf16 = reid_dnnl_bf16 () != REID_DNNL_NO_BF16;
  switch (options->precision) {
    case REID_PRECISION_AUTO:
      return bf16 && !options->places ? REID_PRECISION_BF16
                                      : REID_PRECISION_F32;
    case REID_PRECISION_F32:
      return REID_PRECISION_F32;
    case REID_PRECISION_BF16:
      return bf16 ? REID_PRECISION_BF16 : REID_PRECISION_AUTO;
    case REID_PRECISION_F16:
      break;
  }
  return REID_PRECISION_AUTO;
}

static ReidBackendModel *
model_new (const ReidGraph *graph, const ReidBackendOptions *options,
           ReidError *error)
{
  ReidBackendModel *model = calloc (1, sizeof *model);
  if (!model) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory", graph->file);
    return NULL;
  }
  model->graph = graph;
  model->weights =
      reid_weights_new (graph, reid_rows_pick (reid_cpu_flags ()),
                        options->precision == REID_PRECISION_BF16, error);
  if (model->weights)
    return model;
  free (model);
  return NULL;
}

static void
model_free (ReidBackendModel *model)
{
  if (!model)
    return;
  reid_weights_free (model->weights);
  free (model);
}

/* --- pictures of a batch --- */

/* Is b a with the batch taken out along this axis? */
static bool
fits_one (const ReidShape *a, const ReidShape *b, int axis, int64_t batch)
{
  for (int i = 0; i < a->rank; i++)
    if (a->dims[i] != (i == axis ? batch : 1) * b->dims[i])
      return false;
  return a->rank == b->rank && axis < a->rank;
}

static bool
nodes_apart (const ReidGraph *g, const ReidShape *shapes, int64_t batch,
             const ReidShape *one, ReidBatch *batches, ReidShape *in,
             ReidBatch *in_batches)
{
  for (int i = 0; i < g->n_nodes; i++) {
    const ReidNode *node = &g->nodes[i];
    for (int k = 0; k < node->n_in; k++) {
      in_batches[k] = node->in[k] < 0 ? (ReidBatch){ REID_AXIS_NONE, 1 }
                                      : batches[node->in[k]];
      if (node->in[k] >= 0)
        in[k] = shapes[node->in[k]];
    }
    ReidBatch made =
        reid_node_batch (node, in, in_batches, &shapes[node->out], NULL, batch);
    if (made.axis < 0
        || !fits_one (&shapes[node->out], &one[node->out], made.axis, batch))
      return false;
    batches[node->out] = made;
  }
  for (int i = 0; i < g->n_outputs; i++)
    if (batches[g->outputs[i]].axis != 0 || batches[g->outputs[i]].outer != 1
        || shapes[g->outputs[i]].dims[0] != batch)
      return false;
  return true;
}

/* Shapes of `n` pictures. */
static bool
batch_shapes (const ReidGraph *g, const ReidShape *shapes, int64_t n,
              ReidShape *out)
{
  memcpy (out, shapes, g->n_values * sizeof *out);
  for (int i = 0; i < g->n_inputs; i++)
    out[g->inputs[i]].dims[0] = n;
  return reid_graph_infer (g, out, NULL);
}

/* Shapes of one picture, where the graph treats each alone. */
static bool
single_shapes (const ReidGraph *g, const ReidShape *shapes, int64_t batch,
               ReidShape *one)
{
  int widest = 1;
  for (int i = 0; i < g->n_inputs; i++) {
    const ReidShape *s = &shapes[g->inputs[i]];
    if (s->rank < 1 || s->dims[0] != batch)
      return false;
  }
  if (!batch_shapes (g, shapes, 1, one))
    return false;
  for (int i = 0; i < g->n_nodes; i++)
    widest = g->nodes[i].n_in > widest ? g->nodes[i].n_in : widest;
  ReidBatch *batches = calloc ((size_t) g->n_values + widest, sizeof *batches);
  ReidShape *in = calloc (widest, sizeof *in);
  bool apart = batches && in;
  for (int i = 0; i < g->n_values && apart; i++)
    batches[i] = (ReidBatch){ REID_AXIS_NONE, 1 };
  for (int i = 0; i < g->n_inputs && apart; i++)
    batches[g->inputs[i]].axis = 0;
  apart = apart
          && nodes_apart (g, shapes, batch, one, batches, in,
                          batches + g->n_values);
  free (batches);
  free (in);
  return apart;
}

static size_t *
picture_sizes (const int *values, int n, const ReidShape *shapes)
{
  size_t *sizes = calloc (n + 1, sizeof *sizes);
  for (int i = 0; sizes && i < n; i++)
    sizes[i] = (size_t) reid_shape_count (&shapes[values[i]]);
  return sizes;
}

/* --- plans --- */

static void
lane_free (Lane *lanes, int n)
{
  for (int i = 0; lanes && i < n; i++) {
    reid_program_state_free (lanes[i].one);
    reid_program_state_free (lanes[i].many);
    reid_program_state_free (lanes[i].together);
  }
  free (lanes);
}

static Lane *
lane_new (const ReidBackendPlan *plan, ReidError *error)
{
  Lane *lanes = calloc (plan->workers, sizeof *lanes);
  if (!lanes) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a run",
                    plan->graph->file);
    return NULL;
  }
  for (int i = 0; i < plan->workers; i++)
    if ((plan->one
         && !(lanes[i].one = reid_program_state_new (plan->one, error)))
        || (plan->together
            && !(lanes[i].together =
                     reid_program_state_new (plan->together, error)))
        || (plan->many && i == 0
            && !(lanes[i].many = reid_program_state_new (plan->many, error)))) {
      lane_free (lanes, plan->workers);
      return NULL;
    }
  return lanes;
}

static void
plan_free (ReidBackendPlan *plan)
{
  if (!plan)
    return;
  while (plan->free) {
    Lane *lanes = plan->free;
    plan->free = lanes->next;
    lane_free (lanes, plan->workers);
  }
  pthread_mutex_destroy (&plan->lock);
  reid_program_free (plan->one);
  reid_program_free (plan->many);
  reid_program_free (plan->together);
  free (plan->in_picture);
  free (plan->out_picture);
  free (plan);
}

/* Whole rounds of groups that some of the batch is run in. */
static bool
plan_groups (ReidBackendModel *model, ReidBackendPlan *plan,
             const ReidShape *one, ReidError *error)
{
  const ReidGraph *g = model->graph;
  int64_t n =
      reid_micro_batch (g, one, sizeof (uint16_t), plan->batch / plan->threads);
  if (n < 2)
    return true;
  ReidShape *shapes = calloc (g->n_values + 1, sizeof *shapes);
  if (!shapes)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                           g->file);
  bool ok = true;
  if (batch_shapes (g, one, n, shapes))
    ok = (plan->together =
              reid_program_new (g, model->weights, shapes, 1, error));
  free (shapes);
  if (plan->together && plan->together->varies) {
    reid_program_free (plan->together);
    plan->together = NULL;
  }
  if (plan->together) {
    plan->group = n;
    plan->grouped = plan->batch / (n * plan->threads) * n * plan->threads;
  }
  return ok;
}

static ReidBackendPlan *
plan_new (ReidBackendModel *model, const ReidShape *shapes, int threads,
          ReidError *error)
{
  const ReidGraph *g = model->graph;
  ReidBackendPlan *plan = calloc (1, sizeof *plan);
  ReidShape *one = calloc (g->n_values + 1, sizeof *one);
  if (!plan || !one || pthread_mutex_init (&plan->lock, NULL)) {
    free (plan);
    free (one);
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                    g->file);
    return NULL;
  }
  plan->graph = g;
  plan->threads = threads < 1 ? 1 : threads;
  plan->batch = 1;
  if (g->n_inputs && shapes[g->inputs[0]].rank > 0)
    plan->batch = shapes[g->inputs[0]].dims[0];
  bool apart = plan->batch > 1 && single_shapes (g, shapes, plan->batch, one);
  if (!apart) {
    plan->batch = 1;
    memcpy (one, shapes, g->n_values * sizeof *one);
  }
  /* Whole rounds of pictures go one to a thread; those left over, and a single
   * picture, are shared by all threads. */
  int t = plan->threads;
  plan->workers = plan->batch < t ? 1 : t;
  bool ok = true;
  if (apart && reid_weights_bf16 (model->weights))
    ok = plan_groups (model, plan, one, error);
  int64_t left = plan->batch - plan->grouped;
  if (ok && left && (t == 1 || left >= t))
    ok = (plan->one = reid_program_new (g, model->weights, one, 1, error));
  if (ok && t > 1 && left % t)
    ok = (plan->many = reid_program_new (g, model->weights, one, t, error));
  plan->in_picture = picture_sizes (g->inputs, g->n_inputs, one);
  plan->out_picture = picture_sizes (g->outputs, g->n_outputs, one);
  free (one);
  if (ok && (!plan->in_picture || !plan->out_picture))
    ok = reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                         g->file);
  if (ok)
    ok = (plan->free = lane_new (plan, error));
  if (!ok) {
    plan_free (plan);
    return NULL;
  }
  if (plan->one)
    plan->lane_size = plan->one->workspace;
  if (plan->together && plan->together->workspace > plan->lane_size)
    plan->lane_size = plan->together->workspace;
  return plan;
}

/* A worker's part of the workspace: the program's memory, then the pointers to
 * its picture. */
static size_t
pointers_size (const ReidBackendPlan *plan)
{
  size_t n = (size_t) plan->graph->n_inputs + plan->graph->n_outputs;
  return (n * sizeof (void *) + 63) / 64 * 64;
}

static size_t
plan_workspace (const ReidBackendPlan *plan)
{
  size_t size = (plan->lane_size + pointers_size (plan)) * plan->workers;
  size_t many = plan->many ? plan->many->workspace + pointers_size (plan) : 0;
  return size > many ? size : many;
}

static bool
run_picture (const ReidBackendPlan *plan, const ReidProgram *program,
             ReidProgramState *state, int64_t picture,
             const float *const *inputs, float *const *outputs, char *memory,
             ReidError *error)
{
  const ReidGraph *g = plan->graph;
  const float **in = (const float **) memory;
  float **out = (float **) memory + g->n_inputs;
  for (int i = 0; i < g->n_inputs; i++)
    in[i] = inputs[i] + picture * plan->in_picture[i];
  for (int i = 0; i < g->n_outputs; i++)
    out[i] = outputs[i] + picture * plan->out_picture[i];
  return reid_program_run (program, state, in, out,
                           memory + pointers_size (plan), error);
}

typedef struct {
  const ReidBackendPlan *plan;
  Lane *lanes;
  const float *const *inputs;
  float *const *outputs;
  char *memory;
  int64_t first, group; /* pictures of a turn: 1, or the plan's */
} RoundsWork;

static void
run_round (void *data, int member, int turn)
{
  const RoundsWork *w = data;
  Lane *lane = &w->lanes[member];
  size_t part = w->plan->lane_size + pointers_size (w->plan);
  if (lane->error.status != REID_OK)
    return;
  reid_team_set_limit (1);
  bool one = w->group == 1;
  run_picture (w->plan, one ? w->plan->one : w->plan->together,
               one ? lane->one : lane->together, w->first + turn * w->group,
               w->inputs, w->outputs, w->memory + member * part, &lane->error);
}

/* `pictures` of them from `first`, one or a group a turn. */
static bool
run_rounds (RoundsWork *work, int64_t first, int64_t pictures, int64_t group,
            ReidError *error)
{
  const ReidBackendPlan *plan = work->plan;
  bool ok = true;
  work->first = first;
  work->group = group;
  reid_team_set_limit (1);
  reid_team_run (plan->workers, (int) (pictures / group), run_round, work);
  for (int i = 0; i < plan->workers; i++)
    if (work->lanes[i].error.status != REID_OK) {
      ok = reid_error_set (error, work->lanes[i].error.status, "%s",
                           work->lanes[i].error.message);
      reid_error_clear (&work->lanes[i].error);
    }
  return ok;
}

typedef struct {
  const ReidBackendPlan *plan;
  ReidProgramState *state;
  int64_t first;
  const float *const *inputs;
  float *const *outputs;
  char *memory;
  ReidError *error;
  bool ok;
} RestWork;

static void
run_rest (void *data)
{
  RestWork *w = data;
  for (int64_t i = w->first; i < w->plan->batch && w->ok; i++)
    w->ok = run_picture (w->plan, w->plan->many, w->state, i, w->inputs,
                         w->outputs, w->memory, w->error);
}

static bool
plan_run (ReidBackendPlan *plan, const float *const *inputs,
          float *const *outputs, void *workspace, ReidError *error)
{
  pthread_mutex_lock (&plan->lock);
  Lane *lanes = plan->free;
  if (lanes)
    plan->free = lanes->next;
  pthread_mutex_unlock (&plan->lock);
  if (!lanes && !(lanes = lane_new (plan, error)))
    return false;

  int before = reid_team_limit ();
  int64_t left = plan->batch - plan->grouped,
          rounds = plan->one ? plan->many ? left / plan->threads * plan->threads
                                          : left
                             : 0;
  RoundsWork work = { plan, lanes, inputs, outputs, workspace, 0, 1 };
  bool ok = true;
  if (plan->grouped)
    ok = run_rounds (&work, 0, plan->grouped, plan->group, error);
  if (rounds && ok)
    ok = run_rounds (&work, plan->grouped, rounds, 1, error);
  rounds += plan->grouped;
  if (rounds < plan->batch && ok) {
    RestWork rest = { plan,    lanes[0].many, rounds, inputs,
                      outputs, workspace,     error,  true };
    reid_team_set_limit (plan->threads);
    if (plan->many->led)
      reid_lead (plan->threads, run_rest, &rest);
    else
      run_rest (&rest);
    ok = rest.ok;
  }
  reid_team_set_limit (before);

  pthread_mutex_lock (&plan->lock);
  lanes->next = plan->free;
  plan->free = lanes;
  pthread_mutex_unlock (&plan->lock);
  return ok;
}

REID_API const ReidBackend reid_backend = {
  .version = REID_BACKEND_VERSION,
  .name = "dnnl",
  .probe = probe,
  .precision = precision,
  .precisions = "f32, and bf16 on processors with AMX",
  .model_new = model_new,
  .model_free = model_free,
  .plan_new = plan_new,
  .plan_free = plan_free,
  .plan_workspace = plan_workspace,
  .plan_run = plan_run,
};
