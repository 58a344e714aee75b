/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/measure.h"

#include "nn/session.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_RUNS 8192
#define WARM 2
#define DEFAULT_SIZE 320
#define CHANNELS 3 /* of pictures, where the file leaves them free */

typedef struct {
  ReidContext *context;
  ReidTensor *in, *out;
  double until;
  int runs;
  ReidError error;
} Caller;

static double
now (void)
{
  return (double) reid_clock () * 1e-9;
}

static double
cpu_now (void)
{
  struct timespec t = { 0 };

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
by_value (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return x < y ? -1 : x > y;
}

/* Linux keeps the peak, and forgets it when asked to. */
static void
forget_peak (void)
{
  FILE *f = fopen ("/proc/self/clear_refs", "w");
  if (f) {
    fputs ("5", f);
    fclose (f);
  }
}

static size_t
peak_memory (void)
{
  FILE *f = fopen ("/proc/self/status", "r");
  char line[256];
  unsigned long long kib = 0;

  while (f && fgets (line, sizeof line, f))
    if (sscanf (line, "VmHWM: %llu kB", &kib) == 1)
      break;
  if (f)
    fclose (f);
  return (size_t) kib * 1024;
}

static void
caller_free (Caller *c)
{
  reid_context_free (c->context);
  free (c->in);
  free (c->out);
}

static bool
shape_inputs (Caller *c, ReidSession *s, const ReidMeasureOptions *o,
              ReidMeasurement *r)
{
  int n = reid_session_n_inputs (s);

  for (int i = 0; i < n; i++) {
    const ReidTensorInfo *info = reid_session_input (s, i);
    c->in[i].rank = info->rank;
    for (int k = 0; k < info->rank; k++) {
      int64_t size = k == info->rank - 1 ? o->width : o->height;
      c->in[i].dims[k] = info->dims[k] != REID_DIM_FREE ? info->dims[k]
                         : k == 0                       ? o->batch
                         : k == 1 && info->rank == 4    ? CHANNELS
                         : size                         ? size
                                                        : DEFAULT_SIZE;
    }
    if (info->rank > 0 && c->in[i].dims[0] != o->batch)
      return reid_error_set (
          &c->error, REID_ERROR_ARGUMENT,
          "%s runs %lld at a time only, not %lld", reid_session_path (s),
          (long long) c->in[i].dims[0], (long long) o->batch);
  }
  if (n > 0 && c->in[0].rank == 4) {
    r->height = c->in[0].dims[2];
    r->width = c->in[0].dims[3];
  }
  return true;
}

static bool
ready (Caller *c, ReidSession *s, const ReidMeasureOptions *o,
       ReidMeasurement *r)
{
  size_t n_in = (size_t) reid_session_n_inputs (s),
         n_out = (size_t) reid_session_n_outputs (s);
  uint32_t h = 1;

  c->in = calloc (n_in + 1, sizeof *c->in);
  c->out = calloc (n_out + 1, sizeof *c->out);
  c->context = reid_context_new (s, o->threads, &c->error);
  if (!c->in || !c->out || !c->context)
    return reid_error_set (&c->error, REID_ERROR_MEMORY, "not enough memory");
  if (!shape_inputs (c, s, o, r))
    return false;
  double start = now ();
  if (!reid_context_prepare (c->context, c->in, &c->error))
    return false;
  r->plan_ms = fmax (r->plan_ms, (now () - start) * 1e3);
  if (o->plan_only)
    return true;
  for (size_t i = 0; i < n_in; i++) {
    if (!reid_context_input (c->context, (int) i, &c->in[i], &c->error))
      return false;
    int64_t n = reid_tensor_count (&c->in[i]);
    for (int64_t k = 0; k < n; k++) {
      h = h * 1664525u + 1013904223u;
      c->in[i].data[k] = (float) (h >> 16) / 32768.f - 1;
    }
  }
  for (int i = 0; i < WARM; i++)
    if (!reid_context_run (c->context, c->in, c->out, &c->error))
      return false;
  return true;
}

static bool
alone (Caller *c, double seconds, ReidMeasurement *r)
{
  double *ms = malloc (MOST_RUNS * sizeof *ms), start = now (),
         cpu = cpu_now ();

  if (!ms)
    return reid_error_set (&c->error, REID_ERROR_MEMORY, "not enough memory");
  while (r->runs == 0 || (now () - start < seconds && r->runs < MOST_RUNS)) {
    double before = now ();
    if (!reid_context_run (c->context, c->in, c->out, &c->error))
      break;
    ms[r->runs++] = (now () - before) * 1e3;
  }
  cpu = cpu_now () - cpu;
  if (c->error.status == REID_OK) {
    qsort (ms, (size_t) r->runs, sizeof *ms, by_value);
    r->ms = ms[r->runs / 2];
    r->fastest = ms[0];
    r->cpu_ms = cpu / r->runs * 1e3;
  }
  free (ms);
  return c->error.status == REID_OK;
}

static void *
work (void *data)
{
  Caller *c = data;

  do {
    reid_context_run (c->context, c->in, c->out, &c->error);
    c->runs++;
  } while (now () < c->until && c->error.status == REID_OK);
  return NULL;
}

/* Runs a second of all callers. */
static double
together (Caller *callers, int n, double seconds)
{
  pthread_t threads[REID_MEASURE_CALLERS];
  double start = now ();
  int started = 0, runs = 0;

  for (int i = 0; i < n; i++)
    callers[i].until = start + seconds;
  while (started < n
         && pthread_create (&threads[started], NULL, work, &callers[started])
                == 0)
    started++;
  for (int i = 0; i < started; i++)
    pthread_join (threads[i], NULL);
  if (started < n)
    reid_error_set (&callers[0].error, REID_ERROR_MEMORY,
                    "%d callers: no thread for each", n);
  double took = now () - start;
  for (int i = 0; i < started; i++)
    runs += callers[i].runs;
  return runs / took;
}

/* NULL where it runs on no GPU. */
static ReidGpuSampler *
watch (const ReidSession *session)
{
  const ReidBackend *backend = reid_session_backend (session);
  int index = reid_session_device_index (session);
  char bus[64];

  if (!reid_session_on_gpu (session))
    return NULL;
  return reid_gpu_sampler_start (
      backend->bus && backend->bus (index, bus, sizeof bus) ? bus : NULL,
      index);
}

bool
reid_measure (ReidSession *session, const ReidMeasureOptions *options,
              ReidMeasurement *r, ReidError *error)
{
  Caller callers[REID_MEASURE_CALLERS] = { 0 };
  int n = options->callers ? options->callers : 1, made = 0;
  double seconds = options->seconds > 0 ? options->seconds : 1;
  int64_t macs;
  bool ok;

  memset (r, 0, sizeof *r);
  if (n < 0 || n > REID_MEASURE_CALLERS || options->batch < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d callers with a batch of %lld: there may be up "
                           "to %d, and a batch has one picture at least",
                           n, (long long) options->batch, REID_MEASURE_CALLERS);
  forget_peak ();
  do {
    ok = ready (&callers[made++], session, options, r);
  } while (ok && made < n);
  ReidGpuSampler *sampler = ok && !options->plan_only ? watch (session) : NULL;
  ok = ok
       && (options->plan_only
           || alone (&callers[0], n > 1 ? seconds / 2 : seconds, r));
  if (ok && !options->plan_only) {
    double runs = n > 1 ? together (callers, n, seconds) : 1e3 / r->ms;
    macs = reid_session_macs (session, callers[0].in);
    r->pictures = runs * (double) options->batch;
    r->gflops = macs > 0 ? 2e-9 * (double) macs * runs : 0;
    r->memory = peak_memory ();
  }
  reid_gpu_sampler_stop (sampler, &r->gpu);
  for (int i = 0; i < made; i++) {
    if (callers[i].error.status != REID_OK)
      ok = reid_error_set (error, callers[i].error.status, "%s",
                           callers[i].error.message);
    caller_free (&callers[i]);
  }
  return ok;
}
