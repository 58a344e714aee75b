/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How fast a network runs: wall time (median), CPU time and pictures per
 * second for each number of threads and each batch asked for.
 *
 *   nn [--backend NAME] [--threads LIST] [--batch LIST] [--size HxW]
 *      [--runs N] [MODEL...]
 *
 * Without a model it times those of ../shared that are there. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "nn/nn.h"

#ifndef REID_SOURCE_ROOT
#define REID_SOURCE_ROOT "."
#endif

static const struct {
  const char *file;
  int height, width;
  const char *batches;
} defaults[] = { { "yunet/yunet_n_dynamic.onnx", 384, 640, "1" },
                 { "mobilefacenet/MobileFaceNet.onnx", 112, 112, "1,8,16" },
                 { "ultralight/version-RFB-320.onnx", 240, 320, "1" },
                 { "ultralight/version-slim-320.onnx", 240, 320, "1" },
                 { "blazeface/blazeface.onnx", 128, 128, "1" } };

static double
seconds (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double
cpu_seconds (void)
{
  struct rusage u;
  getrusage (RUSAGE_SELF, &u);
  return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec)
         + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static int
by_value (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

/* Sizes that the file leaves free: the batch, then height and width of a
 * picture; what is fixed stays. */
static void
choose_shape (const ReidTensorInfo *info, int batch, bool batchable,
              const int *size, ReidTensor *t)
{
  t->rank = info->rank;
  for (int i = 0; i < info->rank; i++) {
    t->dims[i] = info->dims[i];
    if (i == 0 && batchable)
      t->dims[i] = batch;
    else if (t->dims[i] < 0)
      t->dims[i] = i >= 2 && i - 2 < 2 ? size[i - 2] : i == 1 ? 3 : 1;
  }
}

static bool
time_one (ReidSession *session, int threads, int batch, const int *size,
          int runs)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *context = reid_context_new (session, threads, &error);
  int n_in = reid_session_n_inputs (session),
      n_out = reid_session_n_outputs (session);
  ReidTensor *in = calloc (n_in, sizeof *in),
             *out = calloc (n_out, sizeof *out);
  double *times = calloc (runs, sizeof *times);
  bool ok = context && in && out && times;
  for (int i = 0; i < n_in && ok; i++) {
    choose_shape (reid_session_input (session, i), batch,
                  reid_session_batchable (session), size, &in[i]);
    ok = reid_context_input (context, i, &in[i], &error);
    size_t count = 1;
    for (int d = 0; d < in[i].rank; d++)
      count *= (size_t) in[i].dims[d];
    for (size_t k = 0; k < count && ok; k++)
      in[i].data[k] = (float) ((k * 2654435761u >> 8) % 1000) * 1e-3f;
  }
  for (int i = 0; i < 3 && ok; i++)
    ok = reid_context_run (context, in, out, &error);
  double cpu = cpu_seconds ();
  for (int i = 0; i < runs && ok; i++) {
    double t = seconds ();
    ok = reid_context_run (context, in, out, &error);
    times[i] = seconds () - t;
  }
  cpu = cpu_seconds () - cpu;
  if (ok) {
    qsort (times, runs, sizeof *times, by_value);
    double median = times[runs / 2];
    printf ("  threads %2d  batch %3d  %8.3f ms/run  (best %8.3f)  "
            "%8.3f ms CPU/run  %8.1f pictures/s\n",
            threads, batch, median * 1e3, times[0] * 1e3, cpu / runs * 1e3,
            batch / median);
  } else {
    printf ("  threads %2d  batch %3d  failed: %s\n", threads, batch,
            error.message);
  }
  reid_context_free (context);
  free (in);
  free (out);
  free (times);
  return ok;
}

static bool
time_model (const char *path, const char *backend, const char *threads,
            const char *batches, const int *size, int runs)
{
  ReidError error = REID_ERROR_INIT;
  ReidSessionOptions options = { backend, REID_PRECISION_F32 };
  double t = seconds ();
  ReidSession *session = reid_session_open (path, &options, &error);
  if (!session) {
    printf ("%s: %s\n", path, error.message);
    return false;
  }
  printf ("%s, %dx%d, %s: %s (opened in %.1f ms)\n", path, size[1], size[0],
          reid_session_device (session), reid_session_device_reason (session),
          (seconds () - t) * 1e3);
  bool ok = true;
  for (const char *b = batches; b; b = strchr (b, ',')) {
    b += *b == ',';
    for (const char *n = threads; n; n = strchr (n, ',')) {
      n += *n == ',';
      int batch = atoi (b);
      ok = batch >= 1
           && time_one (session, atoi (n), batch, size,
                        runs > 4 * batch ? runs / batch : 4)
           && ok;
    }
  }
  reid_session_unref (session);
  return ok;
}

int
main (int argc, char **argv)
{
  const char *backend = NULL, *threads = "1,2", *batches = NULL;
  int size[2] = { 0, 0 }, runs = 200, n_models = 0;
  bool ok = true;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (argv[i][0] != '-') {
      argv[++n_models] = argv[i];
      continue;
    }
    if (!value) {
      fprintf (stderr, "%s: %s needs a value\n", argv[0], argv[i]);
      return 2;
    }
    if (!strcmp (argv[i], "--backend"))
      backend = value;
    else if (!strcmp (argv[i], "--threads"))
      threads = value;
    else if (!strcmp (argv[i], "--batch"))
      batches = value;
    else if (!strcmp (argv[i], "--runs") && atoi (value) > 0)
      runs = atoi (value);
    else if (strcmp (argv[i], "--size")
             || sscanf (value, "%dx%d", &size[0], &size[1]) != 2) {
      fprintf (stderr, "%s: bad option %s %s\n", argv[0], argv[i], value);
      return 2;
    }
    i++;
  }
  for (int i = 1; i <= n_models; i++) {
    int s[2] = { size[0] ? size[0] : 384, size[1] ? size[1] : 640 };
    ok =
        time_model (argv[i], backend, threads, batches ? batches : "1", s, runs)
        && ok;
  }
  for (size_t i = 0; n_models == 0 && i < sizeof defaults / sizeof *defaults;
       i++) {
    char path[4096];
    const char *root = getenv ("REID_SHARED");
    snprintf (path, sizeof path, "%s/models/%s",
              root ? root : REID_SOURCE_ROOT "/../shared", defaults[i].file);
    FILE *f = fopen (path, "rb");
    if (!f) {
      printf ("%s: not there, needs ../shared\n", path);
      continue;
    }
    fclose (f);
    int s[2] = { size[0] ? size[0] : defaults[i].height,
                 size[1] ? size[1] : defaults[i].width };
    ok = time_model (path, backend, threads,
                     batches ? batches : defaults[i].batches, s, runs)
         && ok;
  }
  return ok ? 0 : 1;
}
