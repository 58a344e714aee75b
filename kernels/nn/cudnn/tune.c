/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/tune.h"
#include "nn/cudnn/cache.h"
#include "nn/cudnn/timing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_THREADS 16
#define KEY 512

typedef struct Tuned {
  struct Tuned *next;
  ReidFusedShape shape;
  ReidFusedPlan *plan; /* NULL: cuDNN has none */
} Tuned;

struct ReidTuner {
  ReidTuner *next;
  int refs; /* under tuners_lock, like `next` */
  ReidGpu gpu;
  cudnnHandle_t handle;
  cudnnBackendDescriptor_t device;
  pthread_mutex_t gpu_lock; /* the handle, and the GPU while it is timed */
  pthread_mutex_t lock;
  Tuned *tuned;
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
  for (Tuned *p = tuner->tuned, *next; p; p = next) {
    next = p->next;
    reid_fused_plan_free (p->plan);
    free (p);
  }
  if (tuner->device)
    cudnnBackendDestroyDescriptor (tuner->device);
  if (tuner->handle)
    cudnnDestroy (tuner->handle);
  pthread_mutex_destroy (&tuner->lock);
  pthread_mutex_destroy (&tuner->gpu_lock);
  free (tuner);
}

/* The line that a plan is kept under: libraries, GPU and shape. */
static void
shape_key (const ReidGpu *gpu, const ReidFusedShape *s, char *key, size_t size)
{
  snprintf (key, size,
            "gst-reid plan 1: cudnn %zu cudart %zu gpu %d.%d %d %s: store %d n "
            "%d c %d %dx%d k %d %dx%d r %dx%d s %d,%d d %d,%d p %d,%d,%d,%d "
            "bias %d residual %d act %d %g %g",
            cudnnGetVersion (), cudnnGetCudartVersion (), gpu->major,
            gpu->minor, gpu->processors, gpu->name, (int) s->store, s->batch,
            s->in_channels, s->in[0], s->in[1], s->out_channels, s->out[0],
            s->out[1], s->kernel[0], s->kernel[1], s->stride[0], s->stride[1],
            s->dilation[0], s->dilation[1], s->pad[0], s->pad[1], s->pad[2],
            s->pad[3], s->bias, s->residual, s->act, (double) s->alpha,
            (double) s->beta);
}

/* --- compiling --- */

/* Compiles the first choices; from disk where they are there, and kept there.
 * Texts that are equal to an earlier one are left out (NULL), as is what cuDNN
 * cannot. Free each. */
static void
compile_choices (const ReidFused *fused, const char *key, int most,
                 char *texts[REID_TUNE_MOST_CHOICES])
{
  memset (texts, 0, REID_TUNE_MOST_CHOICES * sizeof *texts);
  for (int i = 0; i < most && i < reid_fused_n_choices (fused); i++) {
    texts[i] = reid_cache_load (key, i);
    if (!texts[i]) {
      ReidFusedPlan *plan =
          reid_fused_plan (fused, i, REID_PLAN_WORKSPACE, NULL);
      texts[i] = plan ? reid_fused_plan_text (plan) : NULL;
      reid_fused_plan_free (plan);
      if (texts[i])
        reid_cache_store (key, i, texts[i]);
    }
    for (int k = 0; k < i && texts[i]; k++)
      if (texts[k] && strcmp (texts[i], texts[k]) == 0) {
        free (texts[i]);
        texts[i] = NULL;
      }
  }
}

/* A line for the file $REID_CUDNN_LOG. */
static void note (const char *format, ...) REID_PRINTF (1, 2);

static void
note (const char *format, ...)
{
  const char *log = getenv ("REID_CUDNN_LOG");
  FILE *f = log && *log ? fopen (log, "a") : NULL;
  va_list args;

  if (!f)
    return;
  va_start (args, format);
  vfprintf (f, format, args);
  va_end (args);
  putc ('\n', f);
  fclose (f);
}

/* $REID_CUDNN_CHOICES: fewer, for a quick start. */
static int
choices (void)
{
  const char *s = getenv ("REID_CUDNN_CHOICES");
  int n = s ? atoi (s) : REID_TUNE_CHOICES;
  return n < 1 ? 1 : n > REID_TUNE_MOST_CHOICES ? REID_TUNE_MOST_CHOICES : n;
}

/* --- choosing --- */

/* The batch at which a shape's configuration is chosen. */
static int32_t
tuning_batch (const ReidFusedShape *s)
{
  int64_t in = (int64_t) s->in[0] * s->in[1] * s->in_channels,
          out = (int64_t) s->out[0] * s->out[1] * s->out_channels,
          most = REID_TUNE_BYTES / 4 / (in > out ? in : out);

  return most > REID_TUNE_BATCH ? REID_TUNE_BATCH
         : most < 1             ? 1
                                : (int32_t) most;
}

/* The line that a plan is kept under. */
static void
plan_key (const ReidGpu *gpu, const ReidFusedShape *shape,
          const ReidFusedConfig *config, char key[2 * KEY])
{
  char knobs[KEY];

  shape_key (gpu, shape, key, KEY);
  reid_fused_config_text (config, knobs, sizeof knobs);
  snprintf (key + strlen (key), 2 * KEY - strlen (key), " as %s", knobs);
}

/* Can small batches, too, compute as choice i does? */
static bool
spreads (const ReidTuner *t, const ReidFusedShape *shape,
         const ReidFused *fused, int i)
{
  ReidFusedConfig config;
  bool all = reid_fused_config (fused, i, &config);

  for (int batch = 1; batch <= 3 && all; batch++) {
    ReidFusedShape other = *shape;
    other.batch = batch;
    ReidFused *f = reid_fused_new (&other, t->device, false, NULL);
    all = f && reid_fused_choice (f, &config) >= 0;
    reid_fused_free (f);
  }
  return all;
}

/* The fastest configuration of a shape; false where there is none, or with the
 * error set. */
static bool
fastest (ReidTuner *t, const ReidFusedShape *shape, const char *key,
         ReidFusedConfig *config, ReidError *error)
{
  ReidFused *fused = reid_fused_new (shape, t->device, true, NULL);
  char *texts[REID_TUNE_MOST_CHOICES] = { NULL },
       times[REID_TUNE_MOST_CHOICES * 12] = "";
  double best = 0;
  int won = -1;
  bool won_spreads = false;
  ReidTiming *timing;

  if (!fused)
    return false;
  compile_choices (fused, key, choices (), texts);
  pthread_mutex_lock (&t->gpu_lock);
  timing = reid_timing_new (&t->gpu, shape, error);
  for (int i = 0; i < REID_TUNE_MOST_CHOICES && timing; i++) {
    ReidFusedPlan *plan =
        texts[i] ? reid_fused_plan_from_text (shape, t->handle, texts[i])
                 : NULL;
    double ms = plan ? reid_timing_run (timing, t->handle, plan) : -1;
    bool spread = ms >= 0 && spreads (t, shape, fused, i);
    size_t at = strlen (times);
    snprintf (times + at, sizeof times - at, " %.4f%s", ms,
              ms >= 0 && !spread ? "!" : "");
    /* one that all batches have comes before any that only some have */
    if (ms >= 0
        && (won < 0 || spread > won_spreads
            || (spread == won_spreads && ms < best))) {
      best = ms;
      won = i;
      won_spreads = spread;
    }
    reid_fused_plan_free (plan);
  }
  reid_timing_free (timing);
  pthread_mutex_unlock (&t->gpu_lock);
  note ("timed%s ms, choice %d of %d: %s", times, won,
        reid_fused_n_choices (fused), key);
  if (won >= 0 && !reid_fused_config (fused, won, config))
    won = -1;
  if (won >= 0) {
    char kept[2 * KEY];
    plan_key (&t->gpu, shape, config, kept);
    reid_cache_store (kept, REID_CACHE_ONE, texts[won]);
  }
  for (int i = 0; i < REID_TUNE_MOST_CHOICES; i++) {
    reid_cache_drop (key, i); /* those that equal another, too */
    free (texts[i]);
  }
  reid_fused_free (fused);
  return won >= 0;
}

/* The configuration of a shape, whatever its batch. */
static bool
find_config (ReidTuner *t, const ReidFusedShape *shape, ReidFusedConfig *config,
             ReidError *error)
{
  ReidFusedShape any = *shape, tuned = *shape;
  char key[KEY], tuned_key[KEY], text[KEY], *kept;
  bool found = false;

  any.batch = 0;
  tuned.batch = tuning_batch (shape);
  shape_key (&t->gpu, &any, key, sizeof key);
  kept = reid_cache_load (key, REID_CACHE_ONE);
  if (kept)
    found = reid_fused_config_parse (kept, config);
  free (kept);
  if (found)
    return true;
  shape_key (&t->gpu, &tuned, tuned_key, sizeof tuned_key);
  if (!fastest (t, &tuned, tuned_key, config, error))
    return false;
  reid_fused_config_text (config, text, sizeof text);
  reid_cache_store (key, REID_CACHE_ONE, text);
  return true;
}

static ReidFusedPlan *
plan_from_text (ReidTuner *t, const ReidFusedShape *shape, const char *text)
{
  ReidFusedPlan *plan;

  pthread_mutex_lock (&t->gpu_lock);
  plan = reid_fused_plan_from_text (shape, t->handle, text);
  pthread_mutex_unlock (&t->gpu_lock);
  return plan;
}

/* The plan with that configuration; from disk, where it is there. */
static ReidFusedPlan *
plan_with (ReidTuner *t, const ReidFusedShape *shape,
           const ReidFusedConfig *config)
{
  char key[2 * KEY], *text;
  ReidFusedPlan *plan = NULL;
  ReidFused *fused;
  int i;

  plan_key (&t->gpu, shape, config, key);
  text = reid_cache_load (key, REID_CACHE_ONE);
  if (text)
    plan = plan_from_text (t, shape, text);
  free (text);
  if (plan)
    return plan;
  fused = reid_fused_new (shape, t->device, false, NULL);
  i = fused ? reid_fused_choice (fused, config) : -1;
  if (i >= 0)
    plan = reid_fused_plan (fused, i, REID_PLAN_WORKSPACE, NULL);
  text = plan ? reid_fused_plan_text (plan) : NULL;
  reid_fused_plan_free (plan);
  plan = text ? plan_from_text (t, shape, text) : NULL;
  if (plan)
    reid_cache_store (key, REID_CACHE_ONE, text);
  free (text);
  reid_fused_free (fused);
  return plan;
}

/* Where a batch has not the configuration of all others: its own best guess.
 * Sums may then come in another order. */
static ReidFusedPlan *
any_plan (ReidTuner *t, const ReidFusedShape *shape)
{
  ReidFused *fused = reid_fused_new (shape, t->device, true, NULL);
  ReidFusedPlan *plan = NULL;
  char key[KEY];

  shape_key (&t->gpu, shape, key, sizeof key);
  note ("no plan as at the batch of %d: %s", tuning_batch (shape), key);
  for (int i = 0; fused && !plan && i < reid_fused_n_choices (fused); i++) {
    ReidFusedConfig config;
    if (reid_fused_config (fused, i, &config))
      plan = plan_with (t, shape, &config);
  }
  reid_fused_free (fused);
  return plan;
}

static ReidFusedPlan *
find_plan (ReidTuner *t, const ReidFusedShape *shape, ReidError *error)
{
  ReidFusedConfig config;
  ReidFusedPlan *plan;

  if (!find_config (t, shape, &config, error))
    return NULL;
  plan = plan_with (t, shape, &config);
  return plan ? plan : any_plan (t, shape);
}

/* For a GPU that is not here: what there would be to choose from, and whether
 * this batch can compute as one of these does. */
static void
look (ReidTuner *t, const ReidFusedShape *shape)
{
  const char *compile = getenv ("REID_CUDNN_COMPILE");
  char key[KEY], *texts[REID_TUNE_MOST_CHOICES] = { NULL };
  ReidFusedShape tuned = *shape;
  ReidFusedConfig config;
  ReidFused *chosen, *fused;
  int want = compile ? atoi (compile) : 0, done = 0, same = -1;

  tuned.batch = tuning_batch (shape);
  want = want < 0                        ? 0
         : want > REID_TUNE_MOST_CHOICES ? REID_TUNE_MOST_CHOICES
                                         : want;
  chosen = reid_fused_new (&tuned, t->device, true, NULL);
  fused = reid_fused_new (shape, t->device, false, NULL);
  shape_key (&t->gpu, &tuned, key, sizeof key);
  if (chosen && want)
    compile_choices (chosen, key, want, texts);
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
  shape_key (&t->gpu, shape, key, sizeof key);
  note ("choices %d compiled %d of %d, %s for the batch: %s",
        chosen ? reid_fused_n_choices (chosen) : 0, done, want,
        same >= 0 ? "the same" : "another", key);
  reid_fused_free (chosen);
  reid_fused_free (fused);
}

static Tuned *
known (const ReidTuner *t, const ReidFusedShape *shape)
{
  for (Tuned *p = t->tuned; p; p = p->next)
    if (memcmp (&p->shape, shape, sizeof *shape) == 0)
      return p;
  return NULL;
}

/* Two threads may look for the same; the first one's is kept. */
static Tuned *
find (ReidTuner *t, const ReidFusedShape *shape, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  ReidFusedPlan *plan = NULL;
  Tuned *p;

  pthread_mutex_lock (&t->lock);
  p = known (t, shape);
  pthread_mutex_unlock (&t->lock);
  if (p)
    return p;
  if (t->gpu.host)
    look (t, shape);
  else
    plan = find_plan (t, shape, &why);
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
    *p = (Tuned){ t->tuned, *shape, plan };
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
  Tuned *p = tuner->device ? find (tuner, shape, error) : NULL;
  return p ? p->plan : NULL;
}

typedef struct {
  ReidTuner *tuner;
  const ReidFusedShape *shapes;
  int n, next;
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
    find (w->tuner, &w->shapes[i], NULL);
  }
}

void
reid_tuner_prepare (ReidTuner *tuner, const ReidFusedShape *shapes, int n)
{
  pthread_t threads[MOST_THREADS];
  int n_threads = 0, most = (int) sysconf (_SC_NPROCESSORS_ONLN);
  Prepare w = { tuner, shapes, n, 0 };

  if (!tuner->device)
    return;
  most = most > MOST_THREADS ? MOST_THREADS : most;
  pthread_mutex_init (&w.lock, NULL);
  while (n_threads < most - 1 && n_threads < n - 1
         && pthread_create (&threads[n_threads], NULL, prepare_some, &w) == 0)
    n_threads++;
  prepare_some (&w);
  while (n_threads > 0)
    pthread_join (threads[--n_threads], NULL);
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
