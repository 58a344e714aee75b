/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/session_private.h"

#include <stdlib.h>
#include <string.h>

static void
plan_free (ReidSession *s, ReidPlan *p)
{
  if (p->plan)
    s->backend->plan_free (p->plan);
  free (p->shapes);
  free (p);
}

void
reid_session_drop_plans (ReidSession *s)
{
  for (ReidPlan *p = s->plans, *next; p; p = next) {
    next = p->next;
    plan_free (s, p);
  }
  s->plans = NULL;
}

static bool
fits_memory (const ReidSession *s, const ReidShape *shapes, ReidError *error)
{
  const ReidGraph *g = &s->model->graph;
  size_t n = (size_t) g->n_values, all;
  size_t *sizes, *offsets;

  if (s->backend->own_memory)
    return true;
  sizes = calloc (n + 1, sizeof *sizes);
  offsets = calloc (n + 1, sizeof *offsets);
  if (!sizes || !offsets) {
    all = SIZE_MAX;
  } else {
    for (int i = 0; i < g->n_nodes; i++)
      sizes[g->nodes[i].out] =
          (size_t) reid_shape_count (&shapes[g->nodes[i].out]) * sizeof (float);
    all = reid_plan_memory (g, sizes, offsets);
  }
  free (sizes);
  free (offsets);
  return all <= REID_MAX_PLAN_BYTES
         || reid_error_set (error, REID_ERROR_MEMORY,
                            "%s: at this size and batch it needs more than "
                            "%zu MiB; use a smaller size or batch",
                            s->path, REID_MAX_PLAN_BYTES >> 20);
}

static bool
same_inputs (const ReidGraph *g, const ReidPlan *p, const ReidTensor *inputs,
             int threads)
{
  if (p->threads != threads)
    return false;
  for (int i = 0; i < g->n_inputs; i++) {
    const ReidShape *s = &p->shapes[g->inputs[i]];
    if (s->rank != inputs[i].rank
        || memcmp (s->dims, inputs[i].dims, (size_t) s->rank * sizeof *s->dims)
               != 0)
      return false;
  }
  return true;
}

static ReidPlan *
plan_new (ReidSession *s, const ReidTensor *inputs, int threads,
          ReidError *error)
{
  ReidPlan *p = calloc (1, sizeof *p);

  if (!p) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory", s->path);
    return NULL;
  }
  p->threads = threads;
  p->shapes = reid_session_shapes_new (s, inputs, error);
  if (p->shapes && fits_memory (s, p->shapes, error)) {
    p->plan =
        s->backend->plan_new (s->backend_model, p->shapes, threads, error);
    if (!p->plan)
      reid_error_set (error, REID_ERROR_DEVICE,
                      "%s: the device %s makes no plan for this size", s->path,
                      s->backend->name);
  }
  if (!p->plan) {
    plan_free (s, p);
    return NULL;
  }
  p->workspace = s->backend->plan_workspace (p->plan);
  return p;
}

static size_t
weight_bytes (const ReidSession *s)
{
  const ReidGraph *g = &s->model->graph;
  size_t bytes = 0;

  if (s->backend->model_memory)
    return s->backend->model_memory (s->backend_model);
  for (int i = 0; i < g->n_values; i++) {
    const ReidValue *v = &g->values[i];
    size_t n = sizeof (float);
    for (int k = 0; k < v->rank && v->data; k++)
      n *= (size_t) v->dims[k];
    bytes += v->data ? n : 0;
  }
  return bytes;
}

static size_t
plan_bytes (const ReidSession *s, const ReidPlan *p)
{
  return s->backend->plan_memory ? s->backend->plan_memory (p->plan)
                                 : p->workspace;
}

/* The plan that nobody has used for longest, other than p; or NULL. */
static ReidPlan **
idle_plan (ReidSession *s, const ReidPlan *p)
{
  ReidPlan **found = NULL;

  for (ReidPlan **at = &s->plans; *at; at = &(*at)->next)
    if ((*at)->users == 0 && *at != p)
      found = at;
  return found;
}

/* Is there room for p (in the session's list or not) below the limit? Others
 * that nobody uses make room. */
static bool
within (ReidSession *s, const ReidPlan *p, size_t limit, ReidError *error)
{
  size_t all;

  for (;;) {
    ReidPlan **idle = idle_plan (s, p), *gone;
    all = weight_bytes (s) + plan_bytes (s, p);
    for (const ReidPlan *q = s->plans; q; q = q->next)
      all += q != p ? plan_bytes (s, q) : 0;
    if (all <= limit || !idle)
      break;
    gone = *idle;
    *idle = gone->next;
    plan_free (s, gone);
  }
  return all <= limit
         || reid_error_set (error, REID_ERROR_MEMORY,
                            "%s: with its weights it needs %zu MiB at this "
                            "size and batch, and the memory limit is %zu MiB; "
                            "raise that, or use a smaller size or batch",
                            s->path, (all + (1 << 20) - 1) >> 20, limit >> 20);
}

/* Drops the least recently used plans that nobody holds. */
static void
trim (ReidSession *s)
{
  int n = 0;

  for (ReidPlan **at = &s->plans; *at;) {
    ReidPlan *p = *at;
    if (p->users == 0 && ++n > REID_MAX_PLANS) {
      *at = p->next;
      plan_free (s, p);
    } else {
      at = &p->next;
    }
  }
}

ReidPlan *
reid_session_plan (ReidSession *session, const ReidTensor *inputs, int threads,
                   size_t limit, ReidError *error)
{
  const ReidBackend *backend = session->backend;
  bool fresh = false, ok;
  ReidPlan *p, **at;

  pthread_mutex_lock (&session->plans_lock);
  for (at = &session->plans; (p = *at); at = &p->next)
    if (same_inputs (&session->model->graph, p, inputs, threads))
      break;
  if (!p) {
    p = plan_new (session, inputs, threads, error);
    fresh = p != NULL;
  }
  ok = p && (limit == 0 || within (session, p, limit, error));
  if (ok && fresh && backend->plan_reserve)
    ok = backend->plan_reserve (p->plan, error);
  if (fresh && !ok)
    plan_free (session, p);
  if (ok) {
    for (at = &session->plans; !fresh && *at != p;)
      at = &(*at)->next;
    if (!fresh)
      *at = p->next;
    p->users++;
    p->next = session->plans;
    session->plans = p;
  }
  trim (session);
  pthread_mutex_unlock (&session->plans_lock);
  return ok ? p : NULL;
}

void
reid_session_plan_release (ReidSession *session, ReidPlan *plan)
{
  if (!plan)
    return;
  pthread_mutex_lock (&session->plans_lock);
  plan->users--;
  trim (session);
  pthread_mutex_unlock (&session->plans_lock);
}
