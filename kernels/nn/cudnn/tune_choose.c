/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/tune_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
reid_tuner_key (const ReidGpu *gpu, const ReidFusedShape *s,
                char key[REID_TUNE_KEY])
{
  size_t at;

  snprintf (key, REID_TUNE_KEY,
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
  at = strlen (key);
  /* the other keys stay those of plans that are there already */
  if (s->affine != REID_AFFINE_NONE)
    snprintf (key + at, REID_TUNE_KEY - at, " affine %d", s->affine);
}

/* --- compiling --- */

void
reid_tuner_compile (const ReidFused *fused, const char *key, int most,
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

void
reid_tuner_note (const char *format, ...)
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

/* $REID_CUDNN_AFFINE, for tests: "never" looks for no plan with an affine
 * output, "always" takes one that is right, however slow. */
typedef enum { MEASURED, NEVER, ALWAYS } Wish;

static Wish
wish (void)
{
  const char *s = getenv ("REID_CUDNN_AFFINE");
  return !s                          ? MEASURED
         : strcmp (s, "never") == 0  ? NEVER
         : strcmp (s, "always") == 0 ? ALWAYS
                                     : MEASURED;
}

int32_t
reid_tuner_batch (const ReidFusedShape *s)
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
          const ReidFusedConfig *config, char key[2 * REID_TUNE_KEY])
{
  char knobs[REID_TUNE_KEY];

  reid_tuner_key (gpu, shape, key);
  reid_fused_config_text (config, knobs, sizeof knobs);
  snprintf (key + strlen (key), 2 * REID_TUNE_KEY - strlen (key), " as %s",
            knobs);
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
  char key[2 * REID_TUNE_KEY], *text;
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

/* What came of looking for a shape's configuration. */
typedef enum {
  NOT_FOUND, /* there is none, or it could not be looked for now */
  FOUND,
  APART /* the affine output is made by a step of its own */
} Verdict;

/* How a shape is computed, whatever its batch: a process's plans are of one
 * mind also where nothing is kept on disk. */
struct ReidChosen {
  ReidChosen *next;
  ReidFusedShape shape; /* its batch is 0 */
  Verdict verdict;
  ReidFusedConfig config;
};

/* Where another thread was first, what that one found. */
static Verdict
remember (ReidTuner *t, const ReidFusedShape *any, Verdict verdict,
          ReidFusedConfig *config)
{
  ReidChosen *c;

  pthread_mutex_lock (&t->lock);
  for (c = t->chosen; c; c = c->next)
    if (memcmp (&c->shape, any, sizeof *any) == 0)
      break;
  if (c) {
    verdict = c->verdict;
    *config = c->config;
  } else if (verdict != NOT_FOUND && (c = calloc (1, sizeof *c))) {
    *c = (ReidChosen){ t->chosen, *any, verdict, *config };
    t->chosen = c;
  }
  pthread_mutex_unlock (&t->lock);
  return verdict;
}

void
reid_tuner_forget (ReidTuner *t)
{
  for (ReidChosen *c = t->chosen, *next; c; c = next) {
    next = c->next;
    free (c);
  }
  t->chosen = NULL;
}

static Verdict find_config (ReidTuner *t, const ReidFusedShape *shape,
                            ReidFusedConfig *config, ReidError *error);

/* The plan of the same without the affine output. */
static ReidFusedPlan *
plain_plan (ReidTuner *t, const ReidFusedShape *shape)
{
  ReidFusedShape plain = *shape;
  ReidFusedConfig config;

  plain.affine = REID_AFFINE_NONE;
  return find_config (t, &plain, &config, NULL) == FOUND
             ? plan_with (t, &plain, &config)
             : NULL;
}

/* Milliseconds of choice i; negative where it does not run, or is wrong. */
static double
time_choice (ReidTuner *t, ReidTiming *timing, const ReidFusedShape *shape,
             const char *text, int i)
{
  ReidFusedPlan *plan = reid_fused_plan_from_text (shape, t->handle, text);
  char key[REID_TUNE_KEY];
  int64_t off = 0;
  double ms = -1;

  if (plan && shape->affine != REID_AFFINE_NONE)
    off = reid_timing_differ (timing, t->handle, plan);
  if (off > 0) {
    reid_tuner_key (&t->gpu, shape, key);
    reid_tuner_note ("choice %d is wrong at %lld numbers and is not used: %s",
                     i, (long long) off, key);
  }
  if (plan && off == 0)
    ms = reid_timing_run (timing, t->handle, plan);
  reid_fused_plan_free (plan);
  return ms;
}

/* The fastest configuration of a shape. An affine output must also be right,
 * the same for all batches, and faster than apart: `plain` and our own
 * kernel. */
static Verdict
fastest (ReidTuner *t, const ReidFusedShape *shape, const ReidFusedPlan *plain,
         const char *key, ReidFusedConfig *config, ReidError *error)
{
  ReidFused *fused = reid_fused_new (shape, t->device, true, NULL);
  char *texts[REID_TUNE_MOST_CHOICES] = { NULL },
       times[REID_TUNE_MOST_CHOICES * 12] = "", apart[32] = "";
  double best = 0, limit = INFINITY;
  int won = -1;
  bool won_spreads = false, timed;
  ReidTiming *timing;

  if (!fused)
    return plain ? APART : NOT_FOUND;
  reid_tuner_compile (fused, key, choices (), texts);
  pthread_mutex_lock (&t->gpu_lock);
  timing = reid_timing_new (&t->gpu, shape, error);
  if (timing && plain) {
    limit = reid_timing_apart (timing, t->handle, plain);
    snprintf (apart, sizeof apart, " apart %.4f,", limit);
  }
  timed = timing && limit >= 0;
  if (timed && wish () == ALWAYS)
    limit = INFINITY;
  for (int i = 0; i < REID_TUNE_MOST_CHOICES && timed; i++) {
    double ms = texts[i] ? time_choice (t, timing, shape, texts[i], i) : -1;
    bool spread = ms >= 0 && spreads (t, shape, fused, i);
    size_t at = strlen (times);
    snprintf (times + at, sizeof times - at, " %.4f%s", ms,
              ms >= 0 && !spread ? "!" : "");
    /* one that all batches have comes before any that only some have */
    if (ms >= 0 && (!plain || (spread && ms < limit))
        && (won < 0 || spread > won_spreads
            || (spread == won_spreads && ms < best))) {
      best = ms;
      won = i;
      won_spreads = spread;
    }
  }
  reid_timing_free (timing);
  pthread_mutex_unlock (&t->gpu_lock);
  reid_tuner_note ("timed%s%s ms, choice %d of %d: %s", apart, times, won,
                   reid_fused_n_choices (fused), key);
  if (won >= 0 && !reid_fused_config (fused, won, config))
    won = -1;
  if (won >= 0) {
    char kept[2 * REID_TUNE_KEY];
    plan_key (&t->gpu, shape, config, kept);
    reid_cache_store (kept, REID_CACHE_ONE, texts[won]);
  }
  for (int i = 0; i < REID_TUNE_MOST_CHOICES; i++) {
    reid_cache_drop (key, i); /* those that equal another, too */
    free (texts[i]);
  }
  reid_fused_free (fused);
  return won >= 0 ? FOUND : plain && timed ? APART : NOT_FOUND;
}

static Verdict
tune (ReidTuner *t, const ReidFusedShape *shape, ReidFusedConfig *config,
      ReidError *error)
{
  ReidFusedShape tuned = *shape;
  ReidFusedPlan *plain = NULL;
  char key[REID_TUNE_KEY];
  Verdict verdict;

  tuned.batch = reid_tuner_batch (shape);
  if (shape->affine != REID_AFFINE_NONE && !(plain = plain_plan (t, &tuned)))
    return NOT_FOUND;
  reid_tuner_key (&t->gpu, &tuned, key);
  verdict = fastest (t, &tuned, plain, key, config, error);
  reid_fused_plan_free (plain);
  return verdict;
}

/* The configuration of a shape, whatever its batch. */
static Verdict
find_config (ReidTuner *t, const ReidFusedShape *shape, ReidFusedConfig *config,
             ReidError *error)
{
  ReidFusedShape any = *shape;
  bool affine = shape->affine != REID_AFFINE_NONE, keep;
  char key[REID_TUNE_KEY + 8], text[REID_TUNE_KEY] = "apart", *kept;
  Verdict verdict;

  memset (config, 0, sizeof *config);
  any.batch = 0;
  verdict = remember (t, &any, NOT_FOUND, config);
  if (verdict != NOT_FOUND)
    return verdict;
  reid_tuner_key (&t->gpu, &any, key);
  if (affine && wish () == ALWAYS)
    strcat (key, " always");
  kept = reid_cache_load (key, REID_CACHE_ONE);
  if (kept && affine && strcmp (kept, text) == 0)
    verdict = APART;
  else if (kept && reid_fused_config_parse (kept, config))
    verdict = FOUND;
  free (kept);
  if (verdict != NOT_FOUND)
    return remember (t, &any, verdict, config);
  verdict = tune (t, shape, config, error);
  keep = verdict != NOT_FOUND;
  /* what could not be looked for now is not to come at another batch */
  verdict = remember (t, &any, affine && !keep ? APART : verdict, config);
  if (verdict == FOUND)
    reid_fused_config_text (config, text, sizeof text);
  if (keep)
    reid_cache_store (key, REID_CACHE_ONE, text);
  return verdict;
}

static void
note_other (const ReidTuner *t, const ReidFusedShape *shape)
{
  char key[REID_TUNE_KEY];

  reid_tuner_key (&t->gpu, shape, key);
  reid_tuner_note ("no plan as at the batch of %d: %s",
                   reid_tuner_batch (shape), key);
}

/* Where a batch has not the configuration of all others: its own best guess.
 * Sums may then come in another order. */
static ReidFusedPlan *
any_plan (ReidTuner *t, const ReidFusedShape *shape)
{
  ReidFused *fused = reid_fused_new (shape, t->device, true, NULL);
  ReidFusedPlan *plan = NULL;

  for (int i = 0; fused && !plan && i < reid_fused_n_choices (fused); i++) {
    ReidFusedConfig config;
    if (reid_fused_config (fused, i, &config))
      plan = plan_with (t, shape, &config);
  }
  reid_fused_free (fused);
  return plan;
}

bool
reid_tuner_wanted (const ReidFusedShape *shape)
{
  return shape->affine == REID_AFFINE_NONE || wish () != NEVER;
}

ReidFusedPlan *
reid_tuner_find (ReidTuner *t, const ReidFusedShape *shape, ReidError *error)
{
  bool affine = shape->affine != REID_AFFINE_NONE;
  ReidFusedConfig config;
  ReidFusedPlan *plan;

  /* a network that cannot have one runs without */
  if (find_config (t, shape, &config, affine ? NULL : error) != FOUND)
    return NULL;
  plan = plan_with (t, shape, &config);
  if (!plan)
    note_other (t, shape);
  return plan || affine ? plan : any_plan (t, shape);
}
