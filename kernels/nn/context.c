/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/context.h"
#include "nn/onnx.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

int
reid_processors (void)
{
  cpu_set_t set;
  int n = sched_getaffinity (0, sizeof set, &set) == 0 ? CPU_COUNT (&set) : 1;
  return n < 1 ? 1 : n;
}

static bool
reserve (ReidContext *c, ReidContextBuffer *buffer, size_t size,
         ReidError *error)
{
  if (size <= buffer->room && buffer->data)
    return true;
  reid_session_host_free (c->session, buffer->data);
  buffer->room = 0;
  buffer->data = reid_session_host_alloc (c->session, size);
  if (!buffer->data)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "%s: not enough memory for %zu bytes",
                           reid_session_path (c->session), size);
  buffer->room = size;
  return true;
}

ReidContext *
reid_context_new (ReidSession *session, int threads, ReidError *error)
{
  const ReidGraph *g = reid_session_graph (session);
  size_t n_in = (size_t) g->n_inputs, n_out = (size_t) g->n_outputs;
  ReidContext *c;

  if (threads < 0 || threads > REID_MAX_THREADS) {
    reid_error_set (error, REID_ERROR_ARGUMENT,
                    "%d threads: give 1 to %d, or 0 for as many as there are "
                    "processors",
                    threads, REID_MAX_THREADS);
    return NULL;
  }
  c = calloc (1, sizeof *c);
  if (c) {
    c->session = reid_session_ref (session);
    c->threads = threads ? threads : reid_processors ();
    if (c->threads > REID_MAX_THREADS)
      c->threads = REID_MAX_THREADS;
    c->inputs = calloc (n_in, sizeof *c->inputs);
    c->outputs = calloc (n_out, sizeof *c->outputs);
    c->feeds = calloc (n_in, sizeof *c->feeds);
    c->fed = calloc (n_in, sizeof *c->fed);
    c->in = calloc (n_in, sizeof *c->in);
    c->out = calloc (n_out, sizeof *c->out);
  }
  if (!c || !c->inputs || !c->outputs || !c->feeds || !c->fed || !c->in
      || !c->out) {
    reid_context_free (c);
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                    reid_session_path (session));
    return NULL;
  }
  return c;
}

void
reid_context_free (ReidContext *c)
{
  if (!c)
    return;
  const ReidGraph *g = reid_session_graph (c->session);
  if (c->gather)
    reid_gather_leave (c->gather);
  for (int i = 0; i < g->n_inputs && c->inputs; i++)
    reid_session_host_free (c->session, c->inputs[i].data);
  for (int i = 0; i < g->n_outputs && c->outputs; i++)
    reid_session_host_free (c->session, c->outputs[i].data);
  for (int i = 0; i < g->n_inputs && c->feeds; i++)
    if (c->feeds[i].feed)
      reid_session_backend (c->session)->feed_free (c->feeds[i].feed);
  reid_session_host_free (c->session, c->workspace.data);
  free (c->inputs);
  free (c->outputs);
  free (c->feeds);
  free (c->fed);
  free (c->in);
  free (c->out);
  reid_session_plan_release (c->session, c->plan);
  reid_session_unref (c->session);
  free (c);
}

bool
reid_context_input (ReidContext *c, int i, ReidTensor *tensor, ReidError *error)
{
  const ReidTensorInfo *info = reid_session_input (c->session, i);
  int64_t n = 1;
  bool fits = info && tensor->rank == info->rank;

  for (int k = 0; fits && k < info->rank; k++)
    fits =
        tensor->dims[k] > 0
        && (info->dims[k] == REID_DIM_FREE || info->dims[k] == tensor->dims[k])
        && !__builtin_mul_overflow (n, tensor->dims[k], &n)
        && n <= REID_MAX_COUNT;
  if (!fits)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: input %d does not take this shape",
                           reid_session_path (c->session), i);
  if (!reserve (c, &c->inputs[i], (size_t) n * sizeof (float), error))
    return false;
  tensor->data = c->inputs[i].data;
  c->feeds[i].shape.rank = tensor->rank;
  memcpy (c->feeds[i].shape.dims, tensor->dims, sizeof tensor->dims);
  if (!c->feeds[i].used)
    return true;
  c->feeds[i].used = false;
  return reid_session_backend (c->session)
      ->feed_clear (c->feeds[i].feed, error);
}

static bool
same_shape (const ReidShape *s, const ReidTensor *t)
{
  return s->rank == t->rank
         && memcmp (s->dims, t->dims, (size_t) s->rank * sizeof *s->dims) == 0;
}

bool
reid_context_prepare (ReidContext *c, const ReidTensor *inputs,
                      ReidError *error)
{
  const ReidGraph *g = reid_session_graph (c->session);
  bool same = c->plan != NULL;

  for (int i = 0; i < g->n_inputs; i++)
    same = same && same_shape (&c->plan->shapes[g->inputs[i]], &inputs[i]);
  if (same)
    return true;
  /* it may have to make room for the other */
  if (c->memory_limit) {
    reid_session_plan_release (c->session, c->plan);
    c->plan = NULL;
  }
  ReidPlan *plan = reid_session_plan (c->session, inputs, c->threads,
                                      c->memory_limit, error);
  if (!plan)
    return false;
  reid_session_plan_release (c->session, c->plan);
  c->plan = plan;
  return true;
}

void
reid_context_limit_memory (ReidContext *c, size_t bytes)
{
  c->memory_limit = bytes;
  reid_session_plan_release (c->session, c->plan);
  c->plan = NULL;
}

int
reid_context_threads (const ReidContext *c)
{
  return c->threads;
}

void
reid_context_work_for (ReidContext *c, const ReidContext *other)
{
  if (c->threads == other->threads && c->memory_limit == other->memory_limit)
    return;
  c->threads = other->threads;
  reid_context_limit_memory (c, other->memory_limit);
}

bool
reid_context_share (ReidContext *c, int most, ReidError *error)
{
  if (most < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "runs of %d pictures: give 0 or more", most);
  if (!reid_session_batchable (c->session)
      || (most == 0 && !reid_session_on_gpu (c->session)))
    return true;
  if (!c->gather) {
    c->gather = reid_session_gather (c->session);
    if (!c->gather)
      return reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                             reid_session_path (c->session));
    reid_gather_join (c->gather);
  }
  c->most = most ? most : INT_MAX;
  return true;
}

/* Room for output i, of this shape. */
static bool
give_output (ReidContext *c, int i, int rank, const int64_t *dims,
             ReidTensor *output, ReidError *error)
{
  output->rank = rank;
  memcpy (output->dims, dims, sizeof output->dims);
  if (!reserve (c, &c->outputs[i],
                (size_t) reid_tensor_count (output) * sizeof (float), error))
    return false;
  output->data = c->outputs[i].data;
  return true;
}

/* What the device is to make of input i, if it is the context's own. */
static bool
find_fed (ReidContext *c, int i, const ReidTensor *input, int first,
          ReidError *error)
{
  const ReidContextFeed *f = &c->feeds[i];

  if (!f->used || input->data != c->inputs[i].data)
    return true;
  if (input->rank != 4 || input->dims[0] > f->shape.dims[0]
      || memcmp (input->dims + 1, f->shape.dims + 1, 3 * sizeof *input->dims)
             != 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: input '%.100s' has pictures of another shape",
                           reid_session_path (c->session),
                           reid_session_input (c->session, i)->name);
  c->fed[c->n_fed++] =
      (ReidBackendFed){ f->feed, i, first, (int) input->dims[0] };
  return true;
}

bool
reid_context_fed (ReidContext *c, const ReidTensor *inputs, int64_t first,
                  const ReidBackendFed **fed, int *n, ReidError *error)
{
  int n_inputs = reid_session_n_inputs (c->session);

  c->n_fed = 0;
  for (int i = 0; i < n_inputs; i++)
    if (!find_fed (c, i, &inputs[i], (int) first, error))
      return false;
  *fed = c->fed;
  *n = c->n_fed;
  return true;
}

bool
reid_context_is_fed (const ReidContext *c, int i, int n)
{
  const ReidBackend *backend = reid_session_backend (c->session);

  for (int k = 0; k < c->n_fed; k++)
    if (c->fed[k].input == i)
      return backend->feed_count (c->fed[k].feed, n) == n;
  return false;
}

/* Whoever looks for what made an output not finite looks at the inputs: then
 * they must be here, too. */
static bool
fetch_fed (ReidContext *c, const ReidTensor *outputs, ReidError *error)
{
  const ReidGraph *g = reid_session_graph (c->session);
  bool finite = true, ok = true;

  for (int i = 0; i < g->n_outputs && finite && c->n_fed; i++)
    finite =
        reid_first_not_finite (outputs[i].data, reid_tensor_count (&outputs[i]))
        < 0;
  for (int i = 0; i < c->n_fed && !finite && ok; i++) {
    ReidShape shape = c->feeds[c->fed[i].input].shape;
    shape.dims[0] = c->fed[i].count;
    ok = reid_session_backend (c->session)
             ->feed_read (reid_session_backend_model (c->session),
                          c->fed[i].feed, &shape,
                          c->inputs[c->fed[i].input].data, error);
  }
  return ok;
}

bool
reid_context_take (ReidContext *c, const ReidTensor *all, int64_t first,
                   int64_t n, ReidTensor *outputs, ReidError *error)
{
  for (int i = 0; i < reid_session_n_outputs (c->session); i++) {
    ReidTensor *out = &outputs[i];
    int64_t total = all[i].dims[0], count = reid_tensor_count (&all[i]);
    int64_t dims[REID_MAX_RANK];
    memcpy (dims, all[i].dims, sizeof dims);
    dims[0] = n;
    if (!give_output (c, i, all[i].rank, dims, out, error))
      return false;
    memcpy (out->data, all[i].data + count / total * first,
            (size_t) (count / total * n) * sizeof (float));
  }
  return fetch_fed (c, outputs, error);
}

bool
reid_context_run_fed (ReidContext *c, ReidContext *worker,
                      const ReidTensor *inputs, const ReidBackendFed *fed,
                      int n_fed, ReidTensor *outputs, ReidError *error)
{
  const ReidGraph *g = reid_session_graph (c->session);
  const ReidBackend *backend = reid_session_backend (c->session);

  for (int i = 0; i < g->n_inputs; i++) {
    if (!inputs[i].data)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: input '%.100s' has no data",
                             reid_session_path (c->session),
                             reid_session_input (c->session, i)->name);
    c->in[i] = inputs[i].data;
  }
  if (!reid_context_prepare (worker, inputs, error)
      || !reserve (worker, &worker->workspace, worker->plan->workspace, error))
    return false;
  for (int i = 0; i < g->n_outputs; i++) {
    const ReidShape *s = &worker->plan->shapes[g->outputs[i]];
    if (!give_output (c, i, s->rank, s->dims, &outputs[i], error))
      return false;
    c->out[i] = outputs[i].data;
  }
  return n_fed ? backend->plan_run_fed (worker->plan->plan, c->in, fed, n_fed,
                                        c->out, worker->workspace.data, error)
               : backend->plan_run (worker->plan->plan, c->in, c->out,
                                    worker->workspace.data, error);
}

bool
reid_context_run_in (ReidContext *c, ReidContext *worker,
                     const ReidTensor *inputs, ReidTensor *outputs,
                     ReidError *error)
{
  const ReidBackendFed *fed;
  int n_fed;

  return reid_context_fed (c, inputs, 0, &fed, &n_fed, error)
         && reid_context_run_fed (c, worker, inputs, fed, n_fed, outputs, error)
         && fetch_fed (c, outputs, error);
}

bool
reid_context_run (ReidContext *c, const ReidTensor *inputs, ReidTensor *outputs,
                  ReidError *error)
{
  return c->gather
             ? reid_gather_run (c->gather, c, c->most, inputs, outputs, error)
             : reid_context_run_in (c, c, inputs, outputs, error);
}
