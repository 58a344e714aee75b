/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/reference/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
reid_reference_op (const ReidNode *node, const float *const *in,
                   const ReidShape *in_shapes, float *out,
                   const ReidShape *out_shape, ReidError *error)
{
  switch (node->op) {
    case REID_OP_CONV:
      reid_ref_conv (&node->u.conv, in, in_shapes, out, out_shape);
      return true;
    case REID_OP_GEMM:
      reid_ref_gemm (in, in_shapes, node->n_in, out);
      return true;
    case REID_OP_MATMUL:
      reid_ref_matmul (in, in_shapes, out, out_shape);
      return true;
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
      reid_ref_pool (node, in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_AFFINE:
      reid_ref_affine (in, &in_shapes[0], out);
      return true;
    case REID_OP_PRELU:
      reid_ref_prelu (in, in_shapes, out);
      return true;
    case REID_OP_UNARY:
      reid_ref_unary (&node->u.unary, in[0], out, reid_shape_count (out_shape));
      return true;
    case REID_OP_BINARY:
      reid_ref_binary (node->u.binary, in, in_shapes, out, out_shape);
      return true;
    case REID_OP_SOFTMAX:
      reid_ref_softmax (node->u.axis.axis, in[0], &in_shapes[0], out);
      return true;
    case REID_OP_CONCAT:
      reid_ref_concat (node, in, in_shapes, out);
      return true;
    case REID_OP_SLICE:
      reid_ref_slice (&node->u.slice, in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_PAD:
      reid_ref_pad (&node->u.pad, in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_TRANSPOSE:
      reid_ref_transpose (&node->u.perm, in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_RESHAPE:
      memcpy (out, in[0], (size_t) reid_shape_count (out_shape) * sizeof *out);
      return true;
    case REID_OP_RESIZE:
      reid_ref_resize (&node->u.resize, in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_REDUCE:
      reid_ref_reduce (&node->u.reduce, in[0], &in_shapes[0], out);
      return true;
    case REID_OP_LAYER_NORM:
      reid_ref_layer_norm (node, in, &in_shapes[0], out);
      return true;
    case REID_OP_EXPAND:
      reid_ref_expand (in[0], &in_shapes[0], out, out_shape);
      return true;
    case REID_OP_COUNT:
      break;
  }
  return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                         "node '%.100s' (%s): the reference has no operator "
                         "%d",
                         node->name, node->type, (int) node->op);
}

struct ReidBackendModel {
  const ReidGraph *graph;
};

struct ReidBackendPlan {
  const ReidGraph *graph;
  ReidShape *shapes;
  size_t *offsets, *sizes; /* in the workspace; size 0: not there */
  size_t workspace;
  int widest; /* most inputs of one node */
};

static bool
probe (int index, char *line, size_t size)
{
  snprintf (line, size, index == 0 ? "plain C" : "there is one CPU only");
  return index == 0;
}

static ReidBackendModel *
model_new (const ReidGraph *graph, const ReidBackendOptions *options,
           ReidError *error)
{
  ReidBackendModel *model = malloc (sizeof *model);

  if (model)
    model->graph = graph;
  else
    reid_error_set (error, REID_ERROR_MEMORY,
                    "%s: not enough memory for the network", graph->file);
  return model;
}

static void
model_free (ReidBackendModel *model)
{
  free (model);
}

static void
plan_free (ReidBackendPlan *plan)
{
  if (!plan)
    return;
  free (plan->shapes);
  free (plan->offsets);
  free (plan->sizes);
  free (plan);
}

static ReidBackendPlan *
plan_new (ReidBackendModel *model, const ReidShape *shapes, int threads,
          ReidError *error)
{
  const ReidGraph *g = model->graph;
  size_t n = (size_t) g->n_values;
  ReidBackendPlan *plan = calloc (1, sizeof *plan);

  if (plan) {
    plan->graph = g;
    plan->shapes = malloc ((n + 1) * sizeof *plan->shapes);
    plan->offsets = calloc (n + 1, sizeof *plan->offsets);
    plan->sizes = calloc (n + 1, sizeof *plan->sizes);
  }
  if (!plan || !plan->shapes || !plan->offsets || !plan->sizes) {
    plan_free (plan);
    reid_error_set (error, REID_ERROR_MEMORY,
                    "%s: not enough memory for a plan", g->file);
    return NULL;
  }
  memcpy (plan->shapes, shapes, n * sizeof *shapes);
  plan->widest = 1;
  for (int i = 0; i < g->n_nodes; i++) {
    int out = g->nodes[i].out;
    plan->sizes[out] =
        (size_t) reid_shape_count (&shapes[out]) * sizeof (float);
    if (g->nodes[i].n_in > plan->widest)
      plan->widest = g->nodes[i].n_in;
  }
  /* Results go straight to the caller. */
  for (int i = 0; i < g->n_outputs; i++)
    plan->sizes[g->outputs[i]] = 0;
  plan->workspace = reid_plan_memory (g, plan->sizes, plan->offsets);
  if (plan->workspace == SIZE_MAX) {
    plan_free (plan);
    reid_error_set (error, REID_ERROR_MEMORY,
                    "%s: not enough memory for a plan", g->file);
    return NULL;
  }
  return plan;
}

static size_t
plan_workspace (const ReidBackendPlan *plan)
{
  return plan->workspace;
}

/* With `bad`: stops behind the first node whose answer is not finite, and names
 * it there. */
static bool
run (ReidBackendPlan *plan, const float *const *inputs, float *const *outputs,
     void *workspace, const ReidNode **bad, ReidError *error)
{
  const ReidGraph *g = plan->graph;
  const float **at = malloc ((size_t) g->n_values * sizeof *at),
              **in = malloc ((size_t) plan->widest * sizeof *in);
  ReidShape *shapes = malloc ((size_t) plan->widest * sizeof *shapes);
  bool ok = at && in && shapes;

  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory to run it",
                    g->file);
  for (int i = 0; i < g->n_values && ok; i++)
    at[i] = g->values[i].data
                ? g->values[i].data
                : (const float *) ((char *) workspace + plan->offsets[i]);
  for (int i = 0; i < g->n_inputs && ok; i++)
    at[g->inputs[i]] = inputs[i];
  for (int i = 0; i < g->n_nodes && ok; i++) {
    const ReidNode *node = &g->nodes[i];
    float *out = (float *) at[node->out];
    for (int k = 0; k < g->n_outputs; k++)
      if (g->outputs[k] == node->out) {
        out = outputs[k];
        break;
      }
    at[node->out] = out;
    for (int k = 0; k < node->n_in; k++) {
      in[k] = node->in[k] < 0 ? NULL : at[node->in[k]];
      if (node->in[k] >= 0)
        shapes[k] = plan->shapes[node->in[k]];
    }
    ok = reid_reference_op (node, in, shapes, out, &plan->shapes[node->out],
                            error);
    if (ok && bad
        && reid_first_not_finite (
               out, reid_shape_count (&plan->shapes[node->out]))
               >= 0) {
      *bad = node;
      break;
    }
  }
  /* An output may be an input, a constant, or the same as another. */
  for (int i = 0; i < g->n_outputs && ok && !(bad && *bad); i++) {
    int v = g->outputs[i];
    if (at[v] != outputs[i])
      memcpy (outputs[i], at[v],
              (size_t) reid_shape_count (&plan->shapes[v]) * sizeof (float));
  }
  free (at);
  free (in);
  free (shapes);
  return ok;
}

static bool
plan_run (ReidBackendPlan *plan, const float *const *inputs,
          float *const *outputs, void *workspace, ReidError *error)
{
  return run (plan, inputs, outputs, workspace, NULL, error);
}

bool
reid_reference_first_not_finite (const ReidGraph *graph,
                                 const ReidShape *shapes,
                                 const float *const *inputs,
                                 const ReidNode **node, ReidError *error)
{
  ReidBackendModel model = { graph };
  ReidBackendPlan *plan = plan_new (&model, shapes, 1, error);
  float **outputs = calloc ((size_t) graph->n_outputs, sizeof *outputs);
  void *workspace = plan ? reid_alloc_aligned (plan->workspace) : NULL;
  bool ok = workspace && outputs;

  for (int i = 0; i < graph->n_outputs && ok; i++) {
    size_t n = (size_t) reid_shape_count (&shapes[graph->outputs[i]]);
    outputs[i] = malloc (n * sizeof **outputs);
    ok = outputs[i] != NULL;
  }
  *node = NULL;
  if (ok)
    ok = run (plan, inputs, outputs, workspace, node, error);
  else
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory to run it",
                    graph->file);
  for (int i = 0; outputs && i < graph->n_outputs; i++)
    free (outputs[i]);
  free (outputs);
  free (workspace);
  plan_free (plan);
  return ok;
}

const ReidBackend reid_backend_reference = {
  .version = REID_BACKEND_VERSION,
  .name = "reference",
  .probe = probe,
  .model_new = model_new,
  .model_free = model_free,
  .plan_new = plan_new,
  .plan_free = plan_free,
  .plan_workspace = plan_workspace,
  .plan_run = plan_run,
};
