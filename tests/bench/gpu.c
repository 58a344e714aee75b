/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks on a GPU, by batch: how long one takes, and how many pictures a
 * second two callers get at once, so that one copies while the other computes.
 *
 * usage: bench-gpu [--device D] [--precision P] [--batches N,N,...]
 *                  [--seconds S] [--size N] [--plan] MODEL...
 *
 * --size is that of a network that takes any (320). --plan only makes the
 * plans. Prints a table; medians of single runs. */
#include "nn/nn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLERS 2
#define MOST_RUNS 4096

static const char *batches = "1,4,16,64,256";
static double seconds = 1;
static int64_t free_size = 320;
static bool only_plan;

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
by_value (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return x < y ? -1 : x > y;
}

typedef struct {
  ReidSession *session;
  ReidTensor in, out[64];
  ReidContext *context;
  double until;
  int runs;
  ReidError error;
} Caller;

/* A batch of numbers that look like pictures. */
static bool
ready (Caller *c, ReidSession *s, int64_t batch)
{
  const ReidTensorInfo *info = reid_session_input (s, 0);
  int64_t n = 1;
  uint32_t h = 1;

  memset (c, 0, sizeof *c);
  c->session = s;
  c->in.rank = info->rank;
  for (int i = 0; i < info->rank; i++) {
    c->in.dims[i] = i == 0                           ? batch
                    : info->dims[i] == REID_DIM_FREE ? free_size
                                                     : info->dims[i];
    n *= c->in.dims[i];
  }
  c->context = reid_context_new (s, 1, &c->error);
  if (!c->context || !reid_context_prepare (c->context, &c->in, &c->error))
    return false;
  if (only_plan)
    return true;
  if (!reid_context_input (c->context, 0, &c->in, &c->error))
    return false;
  for (int64_t i = 0; i < n; i++) {
    h = h * 1664525u + 1013904223u;
    c->in.data[i] = (float) (h >> 16) / 32768.f - 1;
  }
  for (int i = 0; i < 3; i++)
    if (!reid_context_run (c->context, &c->in, c->out, &c->error))
      return false;
  return true;
}

static void *
work (void *data)
{
  Caller *c = data;

  while (now () < c->until && c->error.status == REID_OK) {
    reid_context_run (c->context, &c->in, c->out, &c->error);
    c->runs++;
  }
  return NULL;
}

static bool
measure (ReidSession *s, const char *name, int64_t batch)
{
  static double ms[MOST_RUNS];
  Caller callers[CALLERS];
  pthread_t threads[CALLERS];
  double start = now (), planned;
  int n = 0, runs = 0;
  bool ok = ready (&callers[0], s, batch);

  planned = now () - start;
  if (ok && only_plan) {
    printf ("%-24s %-5s %5lld  planned in %.1f s\n", name,
            reid_precision_name (reid_session_precision (s)), (long long) batch,
            planned);
    reid_context_free (callers[0].context);
    return true;
  }
  for (start = now (); ok && now () - start < seconds / 2 && n < MOST_RUNS;) {
    double before = now ();
    ok = reid_context_run (callers[0].context, &callers[0].in, callers[0].out,
                           &callers[0].error);
    ms[n++] = (now () - before) * 1e3;
  }
  qsort (ms, (size_t) n, sizeof *ms, by_value);
  for (int i = 1; i < CALLERS; i++)
    ok = ready (&callers[i], s, batch) && ok;
  start = now ();
  for (int i = 0; ok && i < CALLERS; i++) {
    callers[i].until = start + seconds;
    pthread_create (&threads[i], NULL, work, &callers[i]);
  }
  for (int i = 0; ok && i < CALLERS; i++) {
    pthread_join (threads[i], NULL);
    runs += callers[i].runs;
  }
  double took = now () - start, gmacs;
  for (int i = 0; i < CALLERS; i++)
    if (callers[i].error.status != REID_OK) {
      printf ("%-24s %5lld  %s\n", name, (long long) batch,
              callers[i].error.message);
      ok = false;
      break;
    }
  gmacs = (double) reid_session_macs (s, &callers[0].in) / 1e9;
  if (ok)
    printf (
        "%-24s %-5s %5lld %9.3f ms alone, %9.0f pictures/s, with two callers "
        "%9.0f pictures/s, %6.1f TFLOP/s, planned in %.1f s\n",
        name, reid_precision_name (reid_session_precision (s)),
        (long long) batch, ms[n / 2], (double) batch * 1e3 / ms[n / 2],
        (double) runs * (double) batch / took,
        2e-3 * gmacs * (double) runs / took, planned);
  for (int i = 0; i < CALLERS; i++)
    reid_context_free (callers[i].context);
  fflush (stdout);
  return ok;
}

int
main (int argc, char **argv)
{
  ReidSessionOptions options = { "cuda", REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  int failed = 0, i;

  for (i = 1; i < argc && strncmp (argv[i], "--", 2) == 0; i++) {
    if (strcmp (argv[i], "--plan") == 0)
      only_plan = true;
    else if (i + 1 == argc)
      break;
    else if (strcmp (argv[i], "--device") == 0)
      options.device = argv[++i];
    else if (strcmp (argv[i], "--size") == 0)
      free_size = atoll (argv[++i]);
    else if (strcmp (argv[i], "--batches") == 0)
      batches = argv[++i];
    else if (strcmp (argv[i], "--seconds") == 0)
      seconds = atof (argv[++i]);
    else if (strcmp (argv[i], "--precision") == 0
             && reid_precision_parse (argv[i + 1], &options.precision))
      i++;
    else
      break;
  }
  if (i >= argc || strncmp (argv[i], "--", 2) == 0) {
    fprintf (stderr, "usage: bench-gpu [--device D] [--precision P] "
                     "[--batches N,N,...] [--seconds S] [--size N] [--plan] "
                     "MODEL...\n");
    return 2;
  }
  for (; i < argc; i++) {
    ReidSession *s = reid_session_open (argv[i], &options, &error);
    const char *slash = strrchr (argv[i], '/');
    if (!s) {
      fprintf (stderr, "%s\n", error.message);
      return 1;
    }
    if (i == argc - 1)
      printf ("# %s\n", reid_session_device_reason (s));
    for (const char *b = batches; *b; b += strcspn (b, ","), b += *b == ',')
      failed += !measure (s, slash ? slash + 1 : argv[i], atoll (b));
    reid_session_unref (s);
  }
  return failed != 0;
}
