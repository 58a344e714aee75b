/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/tune_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_THREADS 16

struct ReidTuned {
  ReidTuned *next;
  ReidFusedShape shape;
  ReidFusedPlan *plan; /* NULL: cuDNN has none */
};

static pthread_mutex_t tuners_lock = PTHREAD_MUTEX_INITIALIZER;
static ReidTuner *tuners;

static ReidTuner *
tuner_new (const ReidGpu *gpu, ReidError *error)
{
  ReidTuner *t = calloc (1, sizeof *t);
  cudnnStatus_t status;

  if (!t) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory");
    return NULL;
  }
  t->gpu = *gpu;
  t->refs = 1;
  status = gpu->host ? CUDNN_STATUS_SUCCESS : cudnnCreate (&t->handle);
  if (status != CUDNN_STATUS_SUCCESS) {
    reid_error_set (error, REID_ERROR_DEVICE, "cuDNN does not start: %s",
                    cudnnGetErrorString (status));
    free (t);
    return NULL;
  }
  if (gpu->description)
    t->device = reid_fused_device_from_text (gpu->description, error);
  else if (!gpu->host)
    t->device = reid_fused_device (gpu->index, error);
  if (!t->device && (gpu->description || !gpu->host)) {
    if (t->handle)
      cudnnDestroy (t->handle);
    free (t);
    return NULL;
  }
  pthread_mutex_init (&t->lock, NULL);
  pthread_mutex_init (&t->gpu_lock, NULL);
  return t;
}

ReidTuner *
reid_tuner_ref (const ReidGpu *gpu, ReidError *error)
{
  ReidTuner *t;

  pthread_mutex_lock (&tuners_lock);
  for (t = tuners; t; t = t->next)
    if (t->gpu.index == gpu->index && t->gpu.host == gpu->host)
      break;
  if (t) {
    t->refs++;
  } else if ((t = tuner_new (gpu, error))) {
    t->next = tuners;
    tuners = t;
  }
  pthread_mutex_unlock (&tuners_lock);
  return t;
}

void
reid_tuner_unref (ReidTuner *tuner)
{
  ReidTuner **at;
  bool last;

  if (!tuner)
    return;
  pthread_mutex_lock (&tuners_lock);
  last = --tuner->refs == 0;
  for (at = &tuners; last && *at; at = &(*at)->next)
    if (*at == tuner) {
      *at = tuner->next;
      break;
    }
  pthread_mutex_unlock (&tuners_lock);
  if (!last)
    return;
  for (ReidTuned *p = tuner->tuned, *next; p; p = next) {
    next = p->next;
    reid_fused_plan_free (p->plan);
    free (p);
  }
  reid_tuner_forget (tuner);
  if (tuner->device)
    cudnnBackendDestroyDescriptor (tuner->device);
  if (tuner->handle)
    cudnnDestroy (tuner->handle);
  pthread_mutex_destroy (&tuner->lock);
  pthread_mutex_destroy (&tuner->gpu_lock);
  free (tuner);
}

/* For a GPU that is not here: what there would be to choose from, and whether
 * this batch can compute as one of these does. */
static void
look (ReidTuner *t, const ReidFusedShape *shape)
{
  const char *compile = getenv ("REID_CUDNN_COMPILE");
  char key[REID_TUNE_KEY], *texts[REID_TUNE_MOST_CHOICES] = { NULL };
  ReidFusedShape tuned = *shape;
  ReidFusedConfig config;
  ReidFused *chosen, *fused;
  int want = compile ? atoi (compile) : 0, done = 0, same = -1;

  tuned.batch = reid_tuner_batch (shape);
  want = want < 0                        ? 0
         : want > REID_TUNE_MOST_CHOICES ? REID_TUNE_MOST_CHOICES
                                         : want;
  chosen = reid_fused_new (&tuned, t->device, true, NULL);
  fused = reid_fused_new (shape, t->device, false, NULL);
  reid_tuner_key (&t->gpu, &tuned, key);
  if (chosen && want)
    reid_tuner_compile (chosen, key, want, texts);
  for (int i = 0; i < want; i++) {
    done += texts[i] != NULL;
    free (texts[i]);
  }
  for (int i = 0; chosen && fused && same < 0 && i < REID_TUNE_CHOICES
                  && i < reid_fused_n_choices (chosen);
       i++)
    if (reid_fused_config (chosen, i, &config))
      same = reid_fused_choice (fused, &config);
  if (same >= 0 && want) {
    ReidFusedPlan *plan =
        reid_fused_plan (fused, same, REID_PLAN_WORKSPACE, NULL);
    same = plan ? same : -1;
    reid_fused_plan_free (plan);
  }
  reid_tuner_key (&t->gpu, shape, key);
  reid_tuner_note ("choices %d compiled %d of %d, %s for the batch: %s",
                   chosen ? reid_fused_n_choices (chosen) : 0, done, want,
                   same >= 0 ? "the same" : "another", key);
  reid_fused_free (chosen);
  reid_fused_free (fused);
}

static ReidTuned *
known (const ReidTuner *t, const ReidFusedShape *shape)
{
  for (ReidTuned *p = t->tuned; p; p = p->next)
    if (memcmp (&p->shape, shape, sizeof *shape) == 0)
      return p;
  return NULL;
}

/* Two threads may look for the same; the first one's is kept. */
static ReidTuned *
find (ReidTuner *t, const ReidFusedShape *shape, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  ReidFusedPlan *plan = NULL;
  ReidTuned *p;

  pthread_mutex_lock (&t->lock);
  p = known (t, shape);
  pthread_mutex_unlock (&t->lock);
  if (p)
    return p;
  if (t->gpu.host)
    look (t, shape);
  else
    plan = reid_tuner_find (t, shape, &why);
  if (why.status != REID_OK) {
    reid_error_set (error, why.status, "%s", why.message);
    reid_fused_plan_free (plan);
    return NULL;
  }
  pthread_mutex_lock (&t->lock);
  p = known (t, shape);
  if (p) {
    reid_fused_plan_free (plan);
  } else if ((p = calloc (1, sizeof *p))) {
    *p = (ReidTuned){ t->tuned, *shape, plan };
    t->tuned = p;
  } else {
    reid_fused_plan_free (plan);
  }
  pthread_mutex_unlock (&t->lock);
  return p;
}

const ReidFusedPlan *
reid_tuner_plan (ReidTuner *tuner, const ReidFusedShape *shape,
                 ReidError *error)
{
  ReidTuned *p = tuner->device && reid_tuner_wanted (shape)
                     ? find (tuner, shape, error)
                     : NULL;
  return p ? p->plan : NULL;
}

typedef struct {
  ReidTuner *tuner;
  const ReidFusedShape *shapes;
  int n, next;
  bool affine; /* those, or the others */
  pthread_mutex_t lock;
} Prepare;

static void *
prepare_some (void *data)
{
  Prepare *w = data;

  if (!reid_gpu_use (&w->tuner->gpu, NULL))
    return NULL;
  for (;;) {
    pthread_mutex_lock (&w->lock);
    int i = w->next++;
    pthread_mutex_unlock (&w->lock);
    if (i >= w->n)
      return NULL;
    if ((w->shapes[i].affine != REID_AFFINE_NONE) == w->affine
        && reid_tuner_wanted (&w->shapes[i]))
      find (w->tuner, &w->shapes[i], NULL);
  }
}

static void
prepare (Prepare *w)
{
  pthread_t threads[MOST_THREADS];
  int n_threads = 0, most = (int) sysconf (_SC_NPROCESSORS_ONLN);

  most = most > MOST_THREADS ? MOST_THREADS : most;
  while (n_threads < most - 1 && n_threads < w->n - 1
         && pthread_create (&threads[n_threads], NULL, prepare_some, w) == 0)
    n_threads++;
  prepare_some (w);
  while (n_threads > 0)
    pthread_join (threads[--n_threads], NULL);
}

/* Affine outputs come second: they are compared with the plans without. */
void
reid_tuner_prepare (ReidTuner *tuner, const ReidFusedShape *shapes, int n)
{
  Prepare w = { tuner, shapes, n };

  if (!tuner->device)
    return;
  pthread_mutex_init (&w.lock, NULL);
  prepare (&w);
  w.next = 0;
  w.affine = true;
  prepare (&w);
  pthread_mutex_destroy (&w.lock);
}

bool
reid_tuner_run (ReidTuner *tuner, const ReidFusedPlan *plan, ReidQueue queue,
                const ReidFusedData *data, void *workspace, ReidError *error)
{
  cudnnStatus_t status;

  pthread_mutex_lock (&tuner->gpu_lock);
  status = cudnnSetStream (tuner->handle, queue.stream);
  if (status == CUDNN_STATUS_SUCCESS)
    status = reid_fused_plan_run (plan, tuner->handle, data, workspace);
  pthread_mutex_unlock (&tuner->gpu_lock);
  return status == CUDNN_STATUS_SUCCESS
         || reid_error_set (error, REID_ERROR_DEVICE, "cuDNN: %s",
                            cudnnGetErrorString (status));
}
