/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs of many contexts that meet: each has the bytes that it has alone, and
 * none waits for ever. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <pthread.h>
#include <unistd.h>

#ifndef THREADS
#define THREADS 12
#endif
#ifndef RUNS
#define RUNS 12
#endif
#define SIDE 112
#define PICTURE (3 * SIDE * SIDE)
#define PICTURES 8
#define DIMS 64

static char path[64];

static void
remove_model (void)
{
  unlink (path);
}

static ReidSession *
open_session (const char *device)
{
  const ReidSessionOptions options = { device };
  ReidError error = REID_ERROR_INIT;

  if (!path[0]) {
    snprintf (path, sizeof path, "/tmp/reid-gather-%d.onnx", (int) getpid ());
    if (!tiny_embedder (path, TINY_EMBED_RANDOM))
      return NULL;
    atexit (remove_model);
  }
  ReidSession *s = reid_session_open (path, &options, &error);
  if (!s)
    printf ("# %s\n", error.message);
  return s;
}

static void
draw (int which, float *out)
{
  uint32_t x = (uint32_t) which * 2654435761u + 1;

  for (int i = 0; i < PICTURE; i++) {
    x = x * 1664525u + 1013904223u;
    out[i] = (float) (x >> 8) / (1 << 23) - 1;
  }
}

/* Of each picture, by a context of its own. */
static float right[PICTURES][DIMS];

static bool
make_right (ReidSession *s)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *c = reid_context_new (s, 1, &error);
  ReidTensor in = { 4, { 1, 3, SIDE, SIDE }, NULL }, out;
  bool ok = c && reid_context_input (c, 0, &in, &error);

  for (int i = 0; i < PICTURES && ok; i++) {
    draw (i, in.data);
    ok = reid_context_run (c, &in, &out, &error)
         && reid_tensor_count (&out) == DIMS;
    if (ok)
      memcpy (right[i], out.data, sizeof right[i]);
  }
  reid_context_free (c);
  return ok;
}

typedef struct {
  ReidSession *session;
  pthread_barrier_t *barrier;
  int number, most, threads;
  bool bad; /* now and then asks for what cannot be */
  int wrong;
} Runner;

static void *
run_many (void *data)
{
  Runner *r = data;
  ReidError error = REID_ERROR_INIT;
  uint32_t x = (uint32_t) r->number + 1;

  pthread_barrier_wait (r->barrier);
  for (int made = 0; made < RUNS;) {
    ReidContext *c = reid_context_new (r->session, r->threads, &error);
    if (!c || !reid_context_share (c, r->most, &error)) {
      r->wrong += 1000;
      reid_context_free (c);
      return NULL;
    }
    /* contexts come and go, too */
    for (int k = 0; k < 10 && made < RUNS; k++, made++) {
      x = x * 1664525u + 1013904223u;
      int n = getenv ("REID_FAKE_GPU") ? 1 : 1 << (x >> 30);
      int from = (int) (x >> 20 & 7);
      ReidTensor in = { 4, { n, 3, SIDE, SIDE }, NULL }, out;
      if (r->bad && made % 5 == 2) {
        ReidTensor not_it = { 4, { n, 3, SIDE, SIDE + 1 }, right[0] };
        ReidError expected = REID_ERROR_INIT;
        r->wrong += reid_context_run (c, &not_it, &out, &expected);
        r->wrong += expected.status != REID_ERROR_ARGUMENT;
      }
      if (!reid_context_input (c, 0, &in, &error)) {
        r->wrong++;
        continue;
      }
      for (int i = 0; i < n; i++)
        draw ((from + i) % PICTURES, in.data + (size_t) i * PICTURE);
      if (!reid_context_run (c, &in, &out, &error) || out.dims[0] != n) {
        r->wrong++;
        continue;
      }
      for (int i = 0; i < n; i++)
        r->wrong += memcmp (out.data + (size_t) i * DIMS,
                            right[(from + i) % PICTURES], sizeof right[0])
                    != 0;
    }
    reid_context_free (c);
  }
  if (error.status != REID_OK)
    printf ("# thread %d: %s\n", r->number, error.message);
  return NULL;
}

static void
all_at_once (const char *device, int most, int threads)
{
  ReidSession *s = open_session (device);
  Runner runners[THREADS];
  pthread_t ids[THREADS];
  pthread_barrier_t barrier;
  uint64_t asked, made;

  REQUIRE (s != NULL && make_right (s));
  bool gpu = reid_session_on_gpu (s);
  pthread_barrier_init (&barrier, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    runners[i] = (Runner){ .session = s,
                           .barrier = &barrier,
                           .number = i,
                           .most = i == 3 && most > 1 ? 1 : most,
                           .threads = i == 5 ? 2 : threads,
                           .bad = i % 4 == 1 };
    if (pthread_create (&ids[i], NULL, run_many, &runners[i]) != 0)
      exit (1);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join (ids[i], NULL);
    CHECK_MSG (runners[i].wrong == 0, "%s, %d at most: thread %d: %d wrong",
               device, most, i, runners[i].wrong);
  }
  pthread_barrier_destroy (&barrier);
  reid_session_shared_runs (s, &asked, &made);
  if (most == 0 && !gpu) /* all stay apart */
    CHECK (asked == 0 && made == 0);
  else
    CHECK (asked >= THREADS * RUNS && made <= asked);
  CHECK_MSG ((made < asked) == (most > 1 || (most == 0 && gpu)),
             "%s, %d at most: %d runs of %d", device, most, (int) made,
             (int) asked);
  reid_session_unref (s);
  CHECK (reid_session_count () == 0);
}

TEST (merged_runs_give_everybody_his_own)
{
  all_at_once ("cpu", 16, 64);
  all_at_once ("cpu", 4, 1);
  all_at_once ("cpu", 1, 1);
  all_at_once ("cpu", 0, 0);
}

/* A GPU merges unasked; and where that fails, nobody is told of it. */
TEST (a_gpu_and_its_failures)
{
  setenv ("REID_BACKEND_PATH", REID_FAKE_GPU_DIR, 1);
  all_at_once ("cudnn", 0, 0);
  setenv ("REID_FAKE_GPU", "device", 1);
  all_at_once ("cudnn", 0, 0);
  setenv ("REID_FAKE_GPU", "memory", 1);
  all_at_once ("cudnn", 0, 0);
  unsetenv ("REID_FAKE_GPU");
  unsetenv ("REID_BACKEND_PATH");
}

/* One leads while the others arrive; then all of them go at once. */
TEST (what_waits_goes_together)
{
  ReidSession *s = open_session ("reference");
  Runner runners[5];
  pthread_t ids[5];
  pthread_barrier_t barrier;
  uint64_t asked, made;

  REQUIRE (s != NULL && make_right (s));
  pthread_barrier_init (&barrier, NULL, 5);
  for (int i = 0; i < 5; i++) {
    runners[i] = (Runner){
      .session = s, .barrier = &barrier, .number = i, .most = 16, .threads = 64
    };
    REQUIRE (pthread_create (&ids[i], NULL, run_many, &runners[i]) == 0);
  }
  for (int i = 0; i < 5; i++) {
    pthread_join (ids[i], NULL);
    CHECK (runners[i].wrong == 0);
  }
  pthread_barrier_destroy (&barrier);
  reid_session_shared_runs (s, &asked, &made);
  CHECK (asked == 5 * RUNS);
  CHECK_MSG (made < asked, "%d runs of %d", (int) made, (int) asked);
  reid_session_unref (s);
}

TEST (sizes_of_runs)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_session ("cpu");
  ReidContext *c;
  uint64_t asked, made;

  REQUIRE (s != NULL);
  CHECK (reid_session_batch (s, 1) == 1 && reid_session_batch (s, 5) == 4);
  CHECK (reid_session_batch (s, 16) == 16 && reid_session_batch (s, 999) == 16);
  c = reid_context_new (s, 1, &error);
  CHECK (c && !reid_context_share (c, -1, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  reid_context_free (c);
  reid_session_shared_runs (s, &asked, &made);
  CHECK (asked == 0 && made == 0);
  reid_session_unref (s);
}

TEST_MAIN ()
