/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Runs at a time on a GPU: the second copies while the first computes. */
#define GPU_RUNS 2
/* Inputs of a run for several. */
#define MOST_BYTES ((int64_t) 256 << 20)

typedef struct Request {
  struct Request *next;
  ReidContext *context;
  int most;
  const ReidTensor *inputs;
  ReidTensor *outputs;
  ReidError *error;
  int64_t pictures; /* 0: goes alone */
  enum { WAITS, LEADS, SERVED } state;
  bool ok;
  pthread_cond_t changed;
} Request;

struct ReidGather {
  ReidSession *session;
  pthread_mutex_t lock;
  Request *first, **last; /* who waits */
  int members;
  int room, used;
  int limit; /* pictures that memory was last enough for */
  ReidContext **idle;
  int n_idle;
  uint64_t asked, made;
};

ReidGather *
reid_gather_new (ReidSession *session)
{
  ReidGather *g = calloc (1, sizeof *g);

  if (!g)
    return NULL;
  g->session = session;
  g->last = &g->first;
  g->room = reid_session_on_gpu (session) ? GPU_RUNS : reid_processors ();
  g->limit = reid_session_batch (session, INT32_MAX);
  g->idle = calloc ((size_t) g->room, sizeof (ReidContext *));
  if (!g->idle) {
    free (g);
    return NULL;
  }
  pthread_mutex_init (&g->lock, NULL);
  return g;
}

void
reid_gather_free (ReidGather *g)
{
  if (!g)
    return;
  pthread_mutex_destroy (&g->lock);
  free (g->idle);
  free (g);
}

void
reid_gather_join (ReidGather *g)
{
  pthread_mutex_lock (&g->lock);
  g->members++;
  pthread_mutex_unlock (&g->lock);
}

/* Workers hold the session, which holds this: they cannot stay. */
void
reid_gather_leave (ReidGather *g)
{
  ReidContext *worker;

  do {
    worker = NULL;
    pthread_mutex_lock (&g->lock);
    if (g->members == 1 && g->n_idle > 0)
      worker = g->idle[--g->n_idle];
    else
      g->members--;
    pthread_mutex_unlock (&g->lock);
    reid_context_free (worker);
  } while (worker);
}

void
reid_gather_count (ReidGather *g, uint64_t *asked, uint64_t *made)
{
  pthread_mutex_lock (&g->lock);
  *asked = g->asked;
  *made = g->made;
  pthread_mutex_unlock (&g->lock);
}

/* ---- who goes with whom */

/* Of the room, what a run takes. */
static int
cost (const ReidGather *g, const Request *r)
{
  int threads = reid_context_threads (r->context);

  return reid_session_on_gpu (g->session) ? 1
         : threads < g->room              ? threads
                                          : g->room;
}

static bool
is_of (const ReidTensorInfo *info, const ReidTensor *t)
{
  if (!t->data || t->rank < 1 || t->rank != info->rank)
    return false;
  for (int k = 1; k < t->rank; k++)
    if (t->dims[k] < 1
        || (info->dims[k] != REID_DIM_FREE && info->dims[k] != t->dims[k]))
      return false;
  return true;
}

/* Pictures of a request that may go with others; 0 where it has a fault, so
 * that it is told of it alone. */
static int64_t
pictures_of (const ReidGather *g, const ReidTensor *inputs)
{
  int n_inputs = reid_session_n_inputs (g->session);
  int64_t n = 0;

  for (int i = 0; i < n_inputs; i++) {
    if (!is_of (reid_session_input (g->session, i), &inputs[i]))
      return 0;
    if (i > 0 && inputs[i].dims[0] != n)
      return 0;
    n = inputs[i].dims[0];
  }
  return n > 0 ? n : 0;
}

static bool
fits (const ReidGather *g, const Request *a, const Request *b)
{
  if (a->pictures == 0 || b->pictures == 0
      || (!reid_session_on_gpu (g->session)
          && reid_context_threads (a->context)
                 != reid_context_threads (b->context)))
    return false;
  for (int i = 0; i < reid_session_n_inputs (g->session); i++) {
    const ReidTensor *s = &a->inputs[i], *t = &b->inputs[i];
    if (s->rank != t->rank
        || memcmp (s->dims + 1, t->dims + 1,
                   (size_t) (s->rank - 1) * sizeof *s->dims)
               != 0)
      return false;
  }
  return true;
}

/* The most pictures that the run of this leader may have. */
static int64_t
most_pictures (const ReidGather *g, const Request *leader)
{
  int64_t bytes = 0, n = leader->most < g->limit ? leader->most : g->limit;

  for (int i = 0; i < reid_session_n_inputs (g->session); i++)
    bytes += reid_tensor_count (&leader->inputs[i]) * (int64_t) sizeof (float);
  if (leader->pictures > 0)
    bytes /= leader->pictures;
  return bytes > 0 && n > MOST_BYTES / bytes ? MOST_BYTES / bytes : n;
}

/* Takes out of the queue, in their order, who goes with the leader: as many as
 * make the largest batch that there may be a plan for. */
static void
take_company (ReidGather *g, Request *leader)
{
  int64_t sum = leader->pictures, most, best = 0;
  Request **at, **tail = &leader->next;

  leader->next = NULL;
  if (leader->pictures == 0 || leader->most <= 1)
    return;
  most = most_pictures (g, leader);
  for (const Request *r = g->first; r; r = r->next) {
    if (!fits (g, leader, r))
      continue;
    sum += r->pictures;
    if (sum > most)
      break;
    if (reid_session_batch (g->session, (int) sum) == sum)
      best = sum;
  }
  sum = leader->pictures;
  for (at = &g->first; *at && sum < best;) {
    Request *r = *at;
    if (!fits (g, leader, r)) {
      at = &r->next;
      continue;
    }
    sum += r->pictures;
    *at = r->next;
    r->next = NULL;
    *tail = r;
    tail = &r->next;
  }
  for (g->last = &g->first; *g->last;)
    g->last = &(*g->last)->next;
}

/* Lets those lead for whom there is room. */
static void
admit (ReidGather *g)
{
  while (g->first
         && (g->used == 0 || g->used + cost (g, g->first) <= g->room)) {
    Request *r = g->first;
    g->first = r->next;
    if (!g->first)
      g->last = &g->first;
    r->next = NULL;
    g->used += cost (g, r);
    r->state = LEADS;
    pthread_cond_signal (&r->changed);
  }
}

/* ---- runs */

static void
run_alone (Request *r, ReidContext *worker)
{
  r->ok =
      reid_context_run_in (r->context, worker, r->inputs, r->outputs, r->error);
}

/* The pictures of all requests that the device makes by itself, to be freed;
 * NULL with the error set. */
static ReidBackendFed *
fed_of (const Request *leader, int n_inputs, int *n, ReidError *error)
{
  ReidBackendFed *all;
  int64_t first = 0;
  size_t most = 0;

  *n = 0;
  for (const Request *r = leader; r; r = r->next)
    most += (size_t) n_inputs;
  all = calloc (most, sizeof *all);
  if (!all)
    reid_error_set (error, REID_ERROR_MEMORY, "not enough memory");
  for (const Request *r = leader; r && all; r = r->next) {
    const ReidBackendFed *fed;
    int count;
    if (!reid_context_fed (r->context, r->inputs, first, &fed, &count, error)) {
      free (all);
      return NULL;
    }
    for (int i = 0; i < count; i++)
      all[(*n)++] = fed[i];
    first += r->pictures;
  }
  return all;
}

static bool
run_merged (ReidGather *g, const Request *leader, ReidContext *worker,
            int64_t total, ReidTensor *outputs, ReidError *error)
{
  int n_inputs = reid_session_n_inputs (g->session), n_fed = 0;
  ReidTensor *inputs = calloc ((size_t) n_inputs, sizeof *inputs);
  ReidBackendFed *fed = fed_of (leader, n_inputs, &n_fed, error);
  bool ok = inputs && fed;

  if (!inputs)
    reid_error_set (error, REID_ERROR_MEMORY, "not enough memory");
  for (int i = 0; i < n_inputs && ok; i++) {
    inputs[i] = leader->inputs[i];
    inputs[i].dims[0] = total;
    ok = reid_context_input (worker, i, &inputs[i], error);
    float *to = inputs[i].data;
    for (const Request *r = leader; r && ok; r = r->next) {
      size_t n = (size_t) reid_tensor_count (&r->inputs[i]);
      if (!reid_context_is_fed (r->context, i, (int) r->pictures))
        memcpy (to, r->inputs[i].data, n * sizeof (float));
      to += n;
    }
  }
  ok = ok
       && reid_context_run_fed (worker, worker, inputs, fed, n_fed, outputs,
                                error);
  free (inputs);
  free (fed);
  return ok;
}

/* All of them, whose results are one's own: what fails for all together is run
 * for each alone, so that nobody's failure is another's. */
static void
run_group (ReidGather *g, Request *leader, ReidContext *worker)
{
  int n_outputs = reid_session_n_outputs (g->session);
  ReidError error = REID_ERROR_INIT;
  ReidTensor *outputs = NULL;
  int64_t total = 0, first = 0;
  bool ok = false;

  for (const Request *r = leader; r; r = r->next)
    total += r->pictures;
  if (leader->next && (outputs = calloc ((size_t) n_outputs, sizeof *outputs)))
    ok = run_merged (g, leader, worker, total, outputs, &error);
  for (Request *r = leader; r; r = r->next) {
    if (ok)
      r->ok = reid_context_take (r->context, outputs, first, r->pictures,
                                 r->outputs, r->error);
    else
      run_alone (r, worker);
    first += r->pictures;
  }
  free (outputs);
  if (error.status == REID_ERROR_MEMORY) {
    pthread_mutex_lock (&g->lock);
    if (g->limit >= total)
      g->limit = reid_session_batch (g->session, (int) total - 1);
    pthread_mutex_unlock (&g->lock);
  }
}

static ReidContext *
take_worker (ReidGather *g, const ReidContext *context)
{
  ReidContext *worker = NULL;

  pthread_mutex_lock (&g->lock);
  if (g->n_idle > 0)
    worker = g->idle[--g->n_idle];
  pthread_mutex_unlock (&g->lock);
  if (!worker)
    worker =
        reid_context_new (g->session, reid_context_threads (context), NULL);
  if (worker)
    reid_context_work_for (worker, context);
  return worker;
}

static void
lead (ReidGather *g, Request *me)
{
  ReidContext *worker = take_worker (g, me->context);

  pthread_mutex_lock (&g->lock);
  take_company (g, me);
  g->made++;
  pthread_mutex_unlock (&g->lock);
  run_group (g, me, worker ? worker : me->context);
  pthread_mutex_lock (&g->lock);
  if (worker)
    g->idle[g->n_idle++] = worker;
  g->used -= cost (g, me);
  for (Request *r = me->next, *next; r; r = next) {
    next = r->next;
    r->state = SERVED;
    pthread_cond_signal (&r->changed);
  }
  admit (g);
  pthread_mutex_unlock (&g->lock);
}

bool
reid_gather_run (ReidGather *g, ReidContext *context, int most,
                 const ReidTensor *inputs, ReidTensor *outputs,
                 ReidError *error)
{
  Request me = { .context = context,
                 .most = most,
                 .inputs = inputs,
                 .outputs = outputs,
                 .error = error,
                 .pictures = pictures_of (g, inputs) };

  pthread_cond_init (&me.changed, NULL);
  pthread_mutex_lock (&g->lock);
  g->asked++;
  *g->last = &me;
  g->last = &me.next;
  admit (g);
  while (me.state == WAITS)
    pthread_cond_wait (&me.changed, &g->lock);
  pthread_mutex_unlock (&g->lock);
  if (me.state == LEADS)
    lead (g, &me);
  pthread_cond_destroy (&me.changed);
  return me.ok;
}
