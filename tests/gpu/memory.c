/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU's memory: what is taken is given back, and what does not fit is told
 * so that a smaller batch can be tried. Needs a GPU.
 *
 * usage: test-gpu-memory SMALL-MODEL LARGE-MODEL */
#include "nn/nn.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 10000
#define LEFT ((size_t) 600 << 20)

static int n_tests, n_failed;

static void
result (bool ok, const char *what)
{
  printf ("%sok %d - %s\n", ok ? "" : "not ", ++n_tests, what);
  n_failed += !ok;
}

static size_t
free_bytes (void)
{
  size_t left = 0, all;
  cudaDeviceSynchronize ();
  cudaMemGetInfo (&left, &all);
  return left;
}

static bool
run (ReidContext *c, ReidSession *s, int64_t batch, ReidError *error)
{
  const ReidTensorInfo *info = reid_session_input (s, 0);
  ReidTensor in = { .rank = info->rank }, out[64];
  int64_t n = 1;

  for (int i = 0; i < in.rank; i++) {
    in.dims[i] = i == 0                           ? batch
                 : info->dims[i] == REID_DIM_FREE ? 320
                                                  : info->dims[i];
    n *= in.dims[i];
  }
  if (!reid_context_input (c, 0, &in, error))
    return false;
  for (int64_t i = 0; i < n; i++)
    in.data[i] = (float) (i * 7919 % 2003) / 1001.5f - 1;
  return reid_context_run (c, &in, out, error);
}

static void
many_runs (const char *path)
{
  ReidSessionOptions options = { "cuda", REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open (path, &options, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  bool ok = c != NULL;
  size_t before, after;

  for (int i = 0; i < 10 && ok; i++)
    ok = run (c, s, 1 + i % 4, &error);
  before = free_bytes ();
  for (int i = 0; i < RUNS && ok; i++)
    ok = run (c, s, 1 + i % 4, &error);
  after = free_bytes ();
  printf ("# %s, %zd bytes more in use after %d runs\n", error.message,
          (ssize_t) (before - after), RUNS);
  result (ok && after >= before, "10 000 runs take no more memory than ten");
  reid_context_free (c);
  reid_session_unref (s);
}

static void
opened_again (const char *path)
{
  ReidSessionOptions options = { "cuda", REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  size_t before = 0, after;
  bool ok = true;

  for (int i = 0; i < 12 && ok; i++) {
    ReidSession *s = reid_session_open (path, &options, &error);
    ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
    ok = c && run (c, s, 4, &error);
    reid_context_free (c);
    reid_session_unref (s);
    if (i == 1)
      before = free_bytes ();
  }
  after = free_bytes ();
  printf ("# %s, %zd bytes more in use\n", error.message,
          (ssize_t) (before - after));
  result (ok && after >= before, "a network that is closed leaves nothing");
}

static void
out_of_memory (const char *path)
{
  ReidSessionOptions options = { "cuda", REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open (path, &options, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  void *hog = NULL;
  int64_t batch = 512;
  bool first, later = false;

  if (!c || !run (c, s, 1, &error)) {
    printf ("# %s\n", error.message);
    result (false, "a network that fits");
    reid_context_free (c);
    reid_session_unref (s);
    return;
  }
  size_t left = free_bytes ();
  if (left > LEFT)
    cudaMalloc (&hog, left - LEFT);
  first = run (c, s, batch, &error);
  printf ("# batch %lld: %s\n", (long long) batch, error.message);
  result (!first && error.status == REID_ERROR_MEMORY,
          "a batch that does not fit is told as such");
  while (!later && batch > 1) {
    batch /= 2;
    reid_error_clear (&error);
    later = run (c, s, batch, &error);
  }
  printf ("# batch %lld: %s\n", (long long) batch,
          later ? "fits" : error.message);
  result (later, "a smaller one then runs");
  cudaFree (hog);
  reid_error_clear (&error);
  first = run (c, s, 64, &error);
  printf ("# %s\n", error.message);
  result (first, "with memory free again, larger ones run");
  reid_context_free (c);
  reid_session_unref (s);
}

int
main (int argc, char **argv)
{
  if (argc != 3) {
    fprintf (stderr, "usage: test-gpu-memory SMALL-MODEL LARGE-MODEL\n");
    return 2;
  }
  setvbuf (stdout, NULL, _IOLBF, 0);
  many_runs (argv[1]);
  opened_again (argv[1]);
  out_of_memory (argv[2]);
  printf ("1..%d\n", n_tests);
  return n_failed != 0;
}
