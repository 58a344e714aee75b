/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/tune_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
reid_tuner_key (const ReidGpu *gpu, const ReidFusedShape *s,
                char key[REID_TUNE_KEY])
{
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
  reid_tuner_compile (fused, key, choices (), texts);
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
  reid_tuner_note ("timed%s ms, choice %d of %d: %s", times, won,
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
  return won >= 0;
}

/* The configuration of a shape, whatever its batch. */
static bool
find_config (ReidTuner *t, const ReidFusedShape *shape, ReidFusedConfig *config,
             ReidError *error)
{
  ReidFusedShape any = *shape, tuned = *shape;
  char key[REID_TUNE_KEY], tuned_key[REID_TUNE_KEY], text[REID_TUNE_KEY], *kept;
  bool found = false;

  any.batch = 0;
  tuned.batch = reid_tuner_batch (shape);
  reid_tuner_key (&t->gpu, &any, key);
  kept = reid_cache_load (key, REID_CACHE_ONE);
  if (kept)
    found = reid_fused_config_parse (kept, config);
  free (kept);
  if (found)
    return true;
  reid_tuner_key (&t->gpu, &tuned, tuned_key);
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

/* Where a batch has not the configuration of all others: its own best guess.
 * Sums may then come in another order. */
static ReidFusedPlan *
any_plan (ReidTuner *t, const ReidFusedShape *shape)
{
  ReidFused *fused = reid_fused_new (shape, t->device, true, NULL);
  ReidFusedPlan *plan = NULL;
  char key[REID_TUNE_KEY];

  reid_tuner_key (&t->gpu, shape, key);
  reid_tuner_note ("no plan as at the batch of %d: %s",
                   reid_tuner_batch (shape), key);
  for (int i = 0; fused && !plan && i < reid_fused_n_choices (fused); i++) {
    ReidFusedConfig config;
    if (reid_fused_config (fused, i, &config))
      plan = plan_with (t, shape, &config);
  }
  reid_fused_free (fused);
  return plan;
}

ReidFusedPlan *
reid_tuner_find (ReidTuner *t, const ReidFusedShape *shape, ReidError *error)
{
  ReidFusedConfig config;
  ReidFusedPlan *plan;

  if (!find_config (t, shape, &config, error))
    return NULL;
  plan = plan_with (t, shape, &config);
  return plan ? plan : any_plan (t, shape);
}
