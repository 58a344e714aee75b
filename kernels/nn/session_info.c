/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an open session tells of its network and of its device. */
#include "nn/session_private.h"
#include "nn/onnx.h"
#include "nn/symbols.h"

#include <stdlib.h>
#include <string.h>

ReidGather *
reid_session_gather (ReidSession *s)
{
  ReidGather *gather;

  pthread_mutex_lock (&s->plans_lock);
  if (!s->gather)
    s->gather = reid_gather_new (s);
  gather = s->gather;
  pthread_mutex_unlock (&s->plans_lock);
  return gather;
}

void
reid_session_shared_runs (ReidSession *session, uint64_t *asked, uint64_t *made)
{
  ReidGather *gather = reid_session_gather (session);

  *asked = *made = 0;
  if (gather)
    reid_gather_count (gather, asked, made);
}

const char *
reid_session_path (const ReidSession *session)
{
  return session->path;
}

const char *
reid_session_data_file (const ReidSession *session, int i)
{
  return i < session->model->n_files ? session->model->files[i] : NULL;
}

const char *
reid_session_device (const ReidSession *session)
{
  return session->backend->name;
}

const char *
reid_session_device_reason (const ReidSession *session)
{
  return session->reason;
}

bool
reid_session_on_gpu (const ReidSession *session)
{
  return session->backend->own_memory;
}

ReidPrecision
reid_session_precision (const ReidSession *session)
{
  return session->options.precision;
}

bool
reid_session_batchable (const ReidSession *session)
{
  return session->model->batchable;
}

int
reid_session_batch (const ReidSession *session, int n)
{
  bool gpu = reid_session_on_gpu (session);
  int step = gpu ? 4 : 2, batch = gpu ? 256 : 16;

  if (!reid_session_batchable (session))
    return 1;
  while (batch > 1 && batch > n)
    batch /= step;
  return batch;
}

int
reid_session_n_inputs (const ReidSession *session)
{
  return session->model->graph.n_inputs;
}

int
reid_session_n_outputs (const ReidSession *session)
{
  return session->model->graph.n_outputs;
}

const ReidTensorInfo *
reid_session_input (const ReidSession *session, int i)
{
  return i < 0 || i >= session->model->graph.n_inputs
             ? NULL
             : &session->model->inputs[i];
}

const ReidTensorInfo *
reid_session_output (const ReidSession *session, int i)
{
  return i < 0 || i >= session->model->graph.n_outputs
             ? NULL
             : &session->model->outputs[i];
}

const ReidGraph *
reid_session_graph (const ReidSession *session)
{
  return &session->model->graph;
}

const ReidBackend *
reid_session_backend (const ReidSession *session)
{
  return session->backend;
}

ReidBackendModel *
reid_session_backend_model (const ReidSession *session)
{
  return session->backend_model;
}

int
reid_session_device_index (const ReidSession *session)
{
  return session->options.index;
}

const ReidNode *
reid_session_culprit (ReidSession *session)
{
  const ReidNode *node;

  pthread_mutex_lock (&session->plans_lock);
  node = session->culprit;
  pthread_mutex_unlock (&session->plans_lock);
  return node;
}

void
reid_session_blame (ReidSession *session, const ReidNode *node)
{
  pthread_mutex_lock (&session->plans_lock);
  session->culprit = node;
  pthread_mutex_unlock (&session->plans_lock);
}

void *
reid_session_host_alloc (ReidSession *s, size_t size)
{
  return s->backend->host_alloc
             ? s->backend->host_alloc (s->backend_model, size)
             : reid_alloc_aligned (size);
}

void
reid_session_host_free (ReidSession *s, void *memory)
{
  if (s->backend->host_free)
    s->backend->host_free (s->backend_model, memory);
  else
    free (memory);
}

bool
reid_session_shapes (const ReidSession *session, const ReidTensor *inputs,
                     ReidShape *shapes, ReidError *error)
{
  const ReidGraph *g = &session->model->graph;

  for (int i = 0; i < g->n_inputs; i++) {
    const ReidTensorInfo *info = &session->model->inputs[i];
    ReidShape *shape = &shapes[g->inputs[i]];
    char want[REID_SHAPE_TEXT], got[REID_SHAPE_TEXT];
    bool fits = inputs[i].rank == info->rank, large = false;
    int64_t n = 1;

    memset (shape, 0, sizeof *shape);
    shape->rank = info->rank;
    for (int k = 0; k < info->rank && fits; k++) {
      int64_t d = shape->dims[k] = inputs[i].dims[k];
      fits = d > 0 && (info->dims[k] == REID_DIM_FREE || info->dims[k] == d);
      large = large || __builtin_mul_overflow (n, d, &n) || n > REID_MAX_COUNT;
    }
    if (fits && !large)
      continue;
    ReidShape wanted = { info->rank, { 0 } }, given = { 0 };
    memcpy (wanted.dims, info->dims, sizeof wanted.dims);
    if (inputs[i].rank >= 0 && inputs[i].rank <= REID_MAX_RANK) {
      given.rank = inputs[i].rank;
      memcpy (given.dims, inputs[i].dims, sizeof given.dims);
    }
    reid_shape_text (&given, got, sizeof got);
    if (fits)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: input '%.100s' of %s is too large: it may "
                             "have up to %lld numbers",
                             session->path, info->name, got,
                             (long long) REID_MAX_COUNT);
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: input '%.100s' wants %s (?: any size), not %s",
                           session->path, info->name,
                           reid_shape_text (&wanted, want, sizeof want), got);
  }
  return reid_graph_infer (g, shapes, error);
}

ReidShape *
reid_session_shapes_new (const ReidSession *session, const ReidTensor *inputs,
                         ReidError *error)
{
  size_t n = (size_t) session->model->graph.n_values;
  ReidShape *shapes = calloc (n + 1, sizeof *shapes);

  if (!shapes)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                    session->path);
  else if (reid_session_shapes (session, inputs, shapes, error))
    return shapes;
  free (shapes);
  return NULL;
}

bool
reid_session_infer (ReidSession *session, const ReidTensor *inputs,
                    ReidTensor *out, ReidError *error)
{
  const ReidGraph *g = &session->model->graph;
  ReidShape *shapes = reid_session_shapes_new (session, inputs, error);

  for (int i = 0; i < g->n_outputs && shapes; i++) {
    const ReidShape *s = &shapes[g->outputs[i]];
    out[i].rank = s->rank;
    memcpy (out[i].dims, s->dims, sizeof out[i].dims);
  }
  free (shapes);
  return shapes != NULL;
}

int64_t
reid_session_macs (ReidSession *session, const ReidTensor *inputs)
{
  ReidShape *shapes = reid_session_shapes_new (session, inputs, NULL);
  int64_t n = -1;

  if (shapes)
    n = reid_graph_work (&session->model->graph, shapes, true);
  free (shapes);
  return n;
}
