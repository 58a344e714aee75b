/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <stdlib.h>
#include <string.h>

static const ReidTranslator *const tables[] = {
  reid_translate_conv,  reid_translate_map,    reid_translate_move,
  reid_translate_norm,  reid_translate_reduce, reid_translate_resize,
  reid_translate_sizes, reid_translate_spread, reid_translate_truth
};
#define N_TABLES (sizeof tables / sizeof *tables)

static ReidTranslate
translator (ReidBytes type)
{
  for (size_t t = 0; t < N_TABLES; t++)
    for (const ReidTranslator *p = tables[t]; p->type; p++)
      if (reid_bytes_equal (type, p->type))
        return p->translate;
  return NULL;
}

const char *
reid_operator_name (int i)
{
  for (size_t t = 0; t < N_TABLES; t++)
    for (const ReidTranslator *p = tables[t]; p->type; p++)
      if (i-- == 0)
        return p->type;
  return NULL;
}

static bool
add_initializers (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;

  for (int i = 0; i < m->n_initializers; i++) {
    const ReidOnnxTensor *t = &m->initializers[i];
    if (t->name.size == 0)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "initializer %d has no name", i);
    if (reid_value_find (b, t->name) >= 0) {
      const char *name = reid_onnx_name (b->arena, t->name);
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "two initializers are named '%.100s'",
                              name ? name : "?");
    }
    int v = reid_value_add (b, t->name);
    if (v < 0)
      return false;
    b->values[v].tensor = t;
    b->values[v].known = true;
  }
  return true;
}

static bool
is_initializer (ReidBuilder *b, ReidBytes name)
{
  int v = reid_value_find (b, name);
  return v >= 0 && b->values[v].tensor;
}

/* The free sizes of an input; those of one name are one size. */
static bool
input_shape (ReidBuilder *b, const ReidOnnxValueInfo *info, int number,
             ReidShape *shape)
{
  shape->rank = info->rank;
  for (int i = 0; i < info->rank; i++) {
    int64_t d = info->dims[i];
    if (d > REID_MAX_COUNT || d == 0)
      return false;
    if (i == 0 && (d == REID_DIM_FREE || b->batch_from_one)) {
      d = REID_SYMBOL_BATCH;
    } else if (d == REID_DIM_FREE) {
      int64_t id = (int64_t) (number + 1) * (REID_MAX_RANK + 1) + i;
      if (info->params[i].size) {
        if (b->model->inputs[0].rank > 0
            && info->params[i].size == b->model->inputs[0].params[0].size
            && memcmp (info->params[i].data, b->model->inputs[0].params[0].data,
                       info->params[i].size)
                   == 0) {
          shape->dims[i] = REID_SYMBOL_BATCH;
          continue;
        }
        /* The first place where the name stands gives the number. */
        for (int k = 0; k <= number; k++)
          for (int j = 0; j < b->model->inputs[k].rank; j++) {
            const ReidBytes *p = &b->model->inputs[k].params[j];
            int64_t other = (int64_t) (k + 1) * (REID_MAX_RANK + 1) + j;
            if (other < id && p->size == info->params[i].size
                && memcmp (p->data, info->params[i].data, p->size) == 0)
              id = other;
          }
      }
      d = reid_symbol (b->symbols, REID_SYMBOL_INPUT, &id, 1);
      if (d == 0)
        return false;
    }
    shape->dims[i] = d;
  }
  return true;
}

/* Every input says 1 for its first size. */
static bool
says_one (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;
  int ones = 0;

  for (int i = 0; i < m->n_inputs; i++) {
    if (is_initializer (b, m->inputs[i].name))
      continue;
    if (m->inputs[i].rank < 1 || m->inputs[i].dims[0] != 1)
      return false;
    ones++;
  }
  return ones > 0;
}

static bool
add_inputs (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;
  int n = 0;

  b->batch_from_one = b->batch_from_one && says_one (b);
  for (int i = 0; i < m->n_inputs; i++) {
    const ReidOnnxValueInfo *info = &m->inputs[i];
    const char *name = reid_onnx_name (b->arena, info->name);
    if (is_initializer (b, info->name))
      continue; /* a default that older files list as an input */
    if (!name)
      return reid_build_no_memory (b);
    if (++n > REID_MAX_GRAPH_IO)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED, "more than %d inputs",
                              REID_MAX_GRAPH_IO);
    if (info->name.size == 0 || reid_value_find (b, info->name) >= 0)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "input '%.100s' has no name, or one that "
                              "stands twice",
                              name);
    if (info->type != REID_ONNX_FLOAT && info->type != REID_ONNX_FLOAT16)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "input '%.100s' is not float32; export the "
                              "model with float32 inputs",
                              name);
    if (info->rank < 1)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "the file does not give the shape of input "
                              "'%.100s'; export it with one",
                              name);
    int v = reid_value_add (b, info->name);
    if (v < 0)
      return false;
    ReidBuildValue *value = &b->values[v];
    if (!input_shape (b, info, i, &value->shape))
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "input '%.100s' has a size of 0 or one that is "
                              "too large",
                              name);
    value->computed = value->known = value->is_input = true;
    value->batch.axis =
        value->shape.dims[0] == REID_SYMBOL_BATCH ? 0 : REID_AXIS_MIXED;
    value->batch.outer = 1;
    for (int k = 1; k < value->shape.rank; k++)
      if (value->shape.dims[k] == REID_SYMBOL_BATCH)
        value->batch.axis = REID_AXIS_MIXED;
  }
  return n > 0
         || reid_build_fail (b, REID_ERROR_FORMAT, "the graph has no input");
}

/* Names first, so that one pass over the nodes knows who reads what. */
static bool
add_names (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;

  for (int i = 0; i < m->n_nodes; i++) {
    b->at = &m->nodes[i];
    for (int k = 0; k < b->at->n_out; k++) {
      if (b->at->out[k].size == 0)
        continue;
      if (reid_value_find (b, b->at->out[k]) >= 0) {
        const char *name = reid_onnx_name (b->arena, b->at->out[k]);
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "gives '%.100s', which something else gives "
                                "already",
                                name ? name : "?");
      }
      int v = reid_value_add (b, b->at->out[k]);
      if (v < 0)
        return false;
      b->values[v].from = b->at;
    }
  }
  b->at = NULL;
  return true;
}

static bool
count_uses (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;

  for (int i = 0; i < m->n_nodes; i++) {
    b->at = &m->nodes[i];
    for (int k = 0; k < b->at->n_in && reid_is_wanted (b, i); k++) {
      int v = b->at->in[k].size ? reid_value_find (b, b->at->in[k]) : -1;
      if (b->at->in[k].size && v < 0) {
        const char *name = reid_onnx_name (b->arena, b->at->in[k]);
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "uses '%.100s', which nothing gives",
                                name ? name : "?");
      }
      /* A look at the shape does not need the value itself. */
      if (v >= 0 && !reid_bytes_equal (b->at->type, "Shape"))
        b->values[v].uses++;
    }
  }
  b->at = NULL;
  for (int i = 0; i < b->n_outputs; i++) {
    int v = reid_value_find (b, b->outputs[i]);
    b->values[v].uses++;
    b->values[v].is_output = true;
  }
  return true;
}

static bool
translate_nodes (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;

  for (int i = 0; i < m->n_nodes; i++) {
    const ReidOnnxNode *node = b->at = &m->nodes[i];
    if (!reid_is_wanted (b, i))
      continue;
    if (node->domain.size && !reid_bytes_equal (node->domain, "ai.onnx"))
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "operators of the domain '%.60s' are not known; "
                              "export with ONNX's own operators",
                              reid_onnx_name (b->arena, node->domain));
    ReidTranslate translate = translator (node->type);
    if (!translate)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "this operator is not supported");
    for (int k = 0; k < node->n_in; k++) {
      int v = node->in[k].size ? reid_value_find (b, node->in[k]) : -1;
      if (v >= 0 && !b->values[v].known)
        return reid_build_fail (b, REID_ERROR_FORMAT,
                                "uses '%.100s' before it is computed: the "
                                "nodes are in no order, form a cycle, or an "
                                "optional output is missing",
                                reid_value_name (b, v));
    }
    if (node->n_out == 0 || node->out[0].size == 0)
      return reid_build_fail (b, REID_ERROR_FORMAT, "has no output");
    if (!translate (b) || b->error->status != REID_OK)
      return reid_build_fail (b, REID_ERROR_FORMAT, "cannot be read");
  }
  b->at = NULL;
  return true;
}

static int
keep_value (ReidBuilder *b, ReidGraph *g, int v)
{
  ReidBuildValue *from = &b->values[v];

  if (from->index < 0) {
    ReidValue *to = &g->values[g->n_values];
    from->index = g->n_values++;
    to->name = reid_value_name (b, v);
    to->data = from->data;
    to->rank = from->shape.rank;
    memcpy (to->dims, from->shape.dims, sizeof to->dims);
    from->data = NULL;
  }
  return from->index;
}

static bool
finish_nodes (ReidBuilder *b, ReidGraph *g, const int *outputs)
{
  bool *needed = calloc ((size_t) b->n_values, sizeof *needed);
  int kept = 0;

  if (!needed)
    return reid_build_no_memory (b);
  for (int i = 0; i < g->n_outputs; i++)
    needed[outputs[i]] = true;
  for (int i = b->n_nodes - 1; i >= 0; i--) {
    ReidBuildNode *node = &b->nodes[i];
    node->dead = node->dead || !needed[node->node.out];
    for (int k = 0; k < node->node.n_in && !node->dead; k++)
      if (node->node.in[k] >= 0)
        needed[node->node.in[k]] = true;
    kept += !node->dead;
  }
  free (needed);
  g->nodes = reid_arena_alloc (b->arena, (size_t) kept, sizeof *g->nodes);
  if (!g->nodes)
    return reid_build_no_memory (b);
  for (int i = 0; i < b->n_nodes; i++) {
    if (b->nodes[i].dead)
      continue;
    ReidNode *node = &g->nodes[g->n_nodes++];
    *node = b->nodes[i].node;
    for (int k = 0; k < node->n_in; k++)
      if (node->in[k] >= 0)
        node->in[k] = keep_value (b, g, node->in[k]);
    node->out = keep_value (b, g, node->out);
    while (node->n_in > 1 && node->in[node->n_in - 1] < 0)
      node->n_in--;
  }
  return true;
}

static void
tell_shape (const ReidBuilder *b, const ReidShape *shape, const char *name,
            ReidTensorInfo *info)
{
  info->name = name;
  info->rank = shape->rank;
  for (int i = 0; i < shape->rank; i++)
    info->dims[i] = shape->dims[i] < 0 ? REID_DIM_FREE : shape->dims[i];
}

static bool
is_all (const ReidBuilder *b)
{
  return b->taps && b->taps->outputs == REID_OUTPUTS_ALL;
}

/* Floats that hang on the input, under their first name. */
static bool
is_listed (const ReidBuilder *b, int v, ReidBytes name)
{
  const ReidBuildValue *value = &b->values[v];
  return value->known && value->computed && !value->ints
         && !reid_is_truth (b, v) && value->name.size == name.size
         && memcmp (value->name.data, name.data, name.size) == 0;
}

static bool
finish (ReidBuilder *b, ReidModel *model)
{
  const ReidOnnxModel *m = b->model;
  ReidGraph *g = &model->graph;
  size_t n_in = (size_t) m->n_inputs, n_out = (size_t) b->n_outputs;
  int own = !b->taps || b->taps->outputs == REID_OUTPUTS_OWN;
  int *outputs = reid_arena_alloc (b->arena, n_out, sizeof *outputs);

  g->values =
      reid_arena_alloc (b->arena, (size_t) b->n_values, sizeof *g->values);
  g->inputs = reid_arena_alloc (b->arena, n_in, sizeof *g->inputs);
  g->outputs = reid_arena_alloc (b->arena, n_out, sizeof *g->outputs);
  model->inputs = reid_arena_alloc (b->arena, n_in, sizeof *model->inputs);
  model->outputs = reid_arena_alloc (b->arena, n_out, sizeof *model->outputs);
  if (!outputs || !g->values || !g->inputs || !g->outputs || !model->inputs
      || !model->outputs)
    return reid_build_no_memory (b);
  model->batchable = true;
  for (int i = 0; i < m->n_inputs; i++) {
    int v = reid_value_find (b, m->inputs[i].name);
    if (b->values[v].tensor)
      continue;
    model->batchable = model->batchable && b->values[v].batch.axis == 0;
    tell_shape (b, &b->values[v].shape,
                reid_onnx_name (b->arena, m->inputs[i].name),
                &model->inputs[g->n_inputs]);
    g->inputs[g->n_inputs++] = keep_value (b, g, v);
  }
  for (int i = 0; i < b->n_outputs; i++) {
    const char *name = reid_onnx_name (b->arena, b->outputs[i]);
    int v = reid_value_find (b, b->outputs[i]);
    if (is_all (b) && !is_listed (b, v, b->outputs[i]))
      continue;
    outputs[g->n_outputs] = v;
    if (!b->values[v].known)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "output '%.100s' is given by no node", name);
    if (!reid_value_ready (b, v))
      return false;
    if (b->values[v].ints || reid_is_truth (b, v))
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "output '%.100s' is not float32", name);
    if (!b->values[v].computed && i >= m->n_outputs * own)
      return reid_build_fail (b, REID_ERROR_ARGUMENT,
                              "'%.100s' is a constant, the same for every "
                              "input",
                              name);
    model->batchable = model->batchable && b->values[v].computed
                       && b->values[v].batch.axis == 0
                       && b->values[v].batch.outer == 1
                       && b->values[v].shape.dims[0] == REID_SYMBOL_BATCH;
    ReidTensorInfo *info = &model->outputs[g->n_outputs++];
    tell_shape (b, &b->values[v].shape, name, info);
    if (b->values[v].from)
      info->type = reid_onnx_name (b->arena, b->values[v].from->type);
  }
  if (!finish_nodes (b, g, outputs))
    return false;
  for (int i = 0; i < g->n_outputs; i++)
    g->outputs[i] = keep_value (b, g, outputs[i]);
  return true;
}

/* *batch_from_one asks for ones to be read as the batch, and tells whether the
 * file has such ones. */
static ReidModel *
build (const ReidOnnxModel *onnx, const ReidTaps *taps, bool *batch_from_one,
       ReidError *error)
{
  ReidModel *model = calloc (1, sizeof *model);
  ReidBuilder b = { .model = onnx,
                    .taps = taps,
                    .opset = onnx->opset,
                    .error = error,
                    .batch_from_one = *batch_from_one,
                    .fold_work = REID_MAX_FOLD_WORK };
  char *file;
  bool ok = false;

  b.table = malloc (REID_NAME_TABLE * sizeof *b.table);
  b.symbols = reid_symbols_new ();
  b.arena = reid_arena_new ();
  file =
      b.arena ? reid_arena_alloc (b.arena, strlen (onnx->file) + 1, 1) : NULL;
  if (!model || !b.table || !b.symbols || !file) {
    reid_build_no_memory (&b);
  } else {
    memset (b.table, -1, REID_NAME_TABLE * sizeof *b.table);
    model->arena = b.arena;
    model->graph.file = strcpy (file, onnx->file);
    ok = add_initializers (&b) && add_inputs (&b) && add_names (&b)
         && reid_choose_outputs (&b) && count_uses (&b) && translate_nodes (&b)
         && finish (&b, model);
    if (!ok)
      reid_build_fail (&b, REID_ERROR_FORMAT, "cannot be read");
  }
  *batch_from_one = b.batch_from_one;
  for (int i = 0; i < b.n_values; i++)
    free (b.values[i].data);
  free (b.values);
  free (b.nodes);
  free (b.table);
  reid_symbols_free (b.symbols);
  if (!ok) {
    if (!model || !model->arena)
      reid_arena_free (b.arena);
    reid_model_free (model);
    return NULL;
  }
  return model;
}

ReidModel *
reid_model_load (ReidBytes data, const char *file, const ReidTaps *taps,
                 ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  ReidOnnxModel onnx;
  ReidArena *arena = reid_arena_new ();
  ReidModel *model = NULL;

  if (!arena)
    reid_error_set (&why, REID_ERROR_MEMORY, "%s: not enough memory to read it",
                    file);
  else if (reid_onnx_read (&onnx, data, file, arena, &why)
           && ((onnx.external = reid_external_new (file, data.size))
               || reid_error_set (&why, REID_ERROR_MEMORY,
                                  "%s: not enough memory to read it", file))) {
    /* First as if any batch were allowed; when some operator cannot have it
     * so, exactly as the file says. */
    bool from_one = true;
    model = build (&onnx, taps, &from_one, &why);
    if (from_one && !(model && model->batchable)) {
      reid_model_free (model);
      reid_error_clear (&why);
      from_one = false;
      model = build (&onnx, taps, &from_one, &why);
    }
    if (model
        && !reid_external_list (onnx.external, model->arena, &model->files,
                                &model->n_files)) {
      reid_model_free (model);
      model = NULL;
      reid_error_set (&why, REID_ERROR_MEMORY, "%s: not enough memory", file);
    }
    reid_external_free (onnx.external);
  }
  reid_arena_free (arena);
  if (!model)
    reid_error_set (error, why.status, "%s", why.message);
  return model;
}

void
reid_model_free (ReidModel *model)
{
  if (!model)
    return;
  for (int i = 0; i < model->graph.n_values; i++)
    free ((void *) model->graph.values[i].data);
  reid_arena_free (model->arena);
  free (model);
}
