/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One session for one file in the process, whoever asks and however many at
 * once. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 32

static const ReidSessionOptions reference = { "reference" };

typedef struct {
  pthread_barrier_t *barrier;
  const char *path;
  ReidSession *session;
  ReidError error;
  float result[64];
} Opener;

static void *
open_and_run (void *data)
{
  Opener *o = data;
  ReidTensor in = { 4, { 1, 3, 112, 112 }, NULL }, out;

  pthread_barrier_wait (o->barrier);
  o->session = reid_session_open (o->path, &reference, &o->error);
  if (!o->session)
    return NULL;
  ReidContext *c = reid_context_new (o->session, 1, &o->error);
  if (c && reid_context_input (c, 0, &in, &o->error)) {
    for (int i = 0; i < 3 * 112 * 112; i++)
      in.data[i] = (float) (i % 101) / 101;
    if (reid_context_run (c, &in, &out, &o->error))
      memcpy (o->result, out.data, sizeof o->result);
  }
  reid_context_free (c);
  return NULL;
}

static void
all_at_once (const char *path, Opener *openers)
{
  pthread_barrier_t barrier;
  pthread_t threads[THREADS];
  int started = 0;

  pthread_barrier_init (&barrier, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    openers[i] = (Opener){ &barrier, path, NULL, REID_ERROR_INIT, { 0 } };
    started +=
        pthread_create (&threads[i], NULL, open_and_run, &openers[i]) == 0;
  }
  if (started < THREADS) {
    printf ("Bail out! no threads\n");
    exit (1);
  }
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  pthread_barrier_destroy (&barrier);
}

static char dir[64];

static const char *
in_dir (const char *name)
{
  static char path[4][128];
  static int at;
  char *p = path[at++ & 3];

  if (!dir[0]) {
    strcpy (dir, "/tmp/reid-share-XXXXXX");
    if (!mkdtemp (dir))
      exit (1);
  }
  snprintf (p, 128, "%s/%s", dir, name);
  return p;
}

TEST (thirty_two_threads_load_it_once)
{
  const char *path = in_dir ("random.onnx");
  Opener openers[THREADS];

  REQUIRE (tiny_embedder (path, TINY_EMBED_RANDOM));
  for (int round = 0; round < 4; round++) {
    all_at_once (path, openers);
    CHECK (reid_session_count () == 1);
    for (int i = 0; i < THREADS; i++) {
      CHECK_MSG (openers[i].session == openers[0].session && openers[i].session,
                 "thread %d: %s", i, openers[i].error.message);
      CHECK (memcmp (openers[i].result, openers[0].result,
                     sizeof openers[i].result)
             == 0);
      CHECK (openers[i].result[0] != 0);
    }
    for (int i = 0; i < THREADS; i++)
      reid_session_unref (openers[i].session);
    CHECK (reid_session_count () == 0);
  }
  unlink (path);
}

TEST (thirty_two_threads_are_told_the_same_fault)
{
  const char *path = in_dir ("broken.onnx");
  Opener openers[THREADS];
  FILE *f = fopen (path, "w");

  REQUIRE (f != NULL);
  fputs ("nothing of use", f);
  fclose (f);
  all_at_once (path, openers);
  for (int i = 0; i < THREADS; i++) {
    CHECK (!openers[i].session);
    CHECK (openers[i].error.status == REID_ERROR_FORMAT);
    CHECK (strcmp (openers[i].error.message, openers[0].error.message) == 0);
  }
  CHECK (reid_session_count () == 0);
  unlink (path);
}

TEST (the_file_counts_not_its_name)
{
  const char *path = in_dir ("a.onnx"), *other = in_dir ("b.onnx");
  ReidError error = REID_ERROR_INIT;

  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  REQUIRE (symlink (path, other) == 0);
  ReidSession *a = reid_session_open (path, &reference, &error);
  REQUIRE_OK (a != NULL, error);
  ReidSession *b = reid_session_open (other, &reference, &error);
  CHECK (a == b);
  unlink (other);
  REQUIRE (link (path, other) == 0);
  ReidSession *c = reid_session_open (other, &reference, &error);
  CHECK (a == c);
  CHECK (reid_session_count () == 1);
  unlink (other);

  /* Equal bytes in another file are another session. */
  REQUIRE (tiny_embedder (other, TINY_EMBED_COLOUR));
  ReidSession *d = reid_session_open (other, &reference, &error);
  CHECK (d && d != a);
  CHECK (reid_session_count () == 2);

  /* A file that was written anew is read anew. */
  REQUIRE (tiny_embedder (path, TINY_EMBED_CONSTANT));
  struct timespec later[2] = { { 1000000000, 5 }, { 1000000000, 5 } };
  REQUIRE (utimensat (AT_FDCWD, path, later, 0) == 0);
  ReidSession *e = reid_session_open (path, &reference, &error);
  CHECK (e && e != a && e != d);
  CHECK (strcmp (reid_session_path (a), path) == 0);
  CHECK (reid_session_output (a, 0)->dims[1] == 48);
  CHECK (reid_session_output (e, 0)->dims[1] == 64);
  reid_session_unref (a);
  reid_session_unref (b);
  CHECK (reid_session_count () == 3);
  reid_session_unref (c);
  reid_session_unref (d);
  CHECK (reid_session_ref (e) == e);
  reid_session_unref (e);
  CHECK (reid_session_count () == 1);
  reid_session_unref (e);
  CHECK (reid_session_count () == 0);
  reid_session_unref (NULL);
  unlink (path);
  unlink (other);
}

TEST (devices_do_not_share)
{
  const char *path = in_dir ("c.onnx");
  ReidSessionOptions cpu = { "cpu" };
  ReidError error = REID_ERROR_INIT;

  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  ReidSession *a = reid_session_open (path, &reference, &error),
              *b = reid_session_open (path, &cpu, &error),
              *c = reid_session_open (path, NULL, &error);
  REQUIRE_OK (a && b && c, error);
  bool same = strcmp (reid_session_device (b), "reference") == 0;
  CHECK ((a == b) == same);
  /* "auto" is the CPU's best where there is no other device. */
  if (strcmp (reid_session_device (c), reid_session_device (b)) == 0)
    CHECK (b == c);
  CHECK (strncmp (reid_session_device_reason (b), reid_session_device (b),
                  strlen (reid_session_device (b)))
         == 0);
  reid_session_unref (a);
  reid_session_unref (b);
  reid_session_unref (c);
  CHECK (reid_session_count () == 0);
  unlink (path);
}

/* A context keeps its session, and plans are shared and dropped while others
 * run. */
static void *
run_sizes (void *data)
{
  ReidSession *s = data;
  ReidError error = REID_ERROR_INIT;
  ReidContext *c = reid_context_new (s, 1, &error);
  intptr_t wrong = !c;

  for (int n = 0; n < 60 && c; n++) {
    int h = 32 * (1 + n % 25), w = 32 * (1 + n % 3);
    ReidTensor in = { 4, { 1, 3, h, w }, NULL }, out[12];
    wrong += !reid_context_input (c, 0, &in, &error);
    memset (in.data, 0, (size_t) (3 * h * w) * sizeof (float));
    wrong += !reid_context_run (c, &in, out, &error);
    wrong += out[0].dims[1] != (h / 8) * (w / 8);
    for (int64_t i = 0; i < out[0].dims[1] && !wrong; i++)
      wrong += out[0].data[i] != 0;
  }
  reid_context_free (c);
  return (void *) wrong;
}

TEST (many_contexts_and_sizes_at_once)
{
  const char *path = in_dir ("d.onnx");
  ReidError error = REID_ERROR_INIT;
  pthread_t threads[8];

  REQUIRE (tiny_yunet (path));
  ReidSession *s = reid_session_open (path, NULL, &error);
  REQUIRE_OK (s != NULL, error);
  for (int i = 0; i < 8; i++)
    REQUIRE (pthread_create (&threads[i], NULL, run_sizes, s) == 0);
  for (int i = 0; i < 8; i++) {
    void *wrong;
    pthread_join (threads[i], &wrong);
    CHECK (wrong == NULL);
  }
  reid_session_unref (s);
  CHECK (reid_session_count () == 0);
  unlink (path);
  rmdir (dir);
}

TEST_MAIN ()
