/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU whose memory ends in the middle of a run, which is a stand-in (see
 * tests/nn/fakegpu). */
#include "test.h"
#include "pictures.h"
#include "fakegpu/faults.h"
#include "tinyonnx.h"

#include <unistd.h>

#define MOST 256

static const ReidEmbedderOptions gpu = { .device = "cuda", .threads = 1 };
static const ReidEmbedderOptions automatic = { .device = "auto", .threads = 1 };
static const ReidEmbedderOptions cpu = { .device = "cpu",
                                         .threads = 1,
                                         .precision = REID_PRECISION_F32 };
static float before[N * MOST], after[N * MOST], wanted[N * MOST];

/* Two files, though of the same network. */
static const char *
path_of (int i)
{
  static char paths[2][64];

  if (!*paths[i]) {
    snprintf (paths[i], sizeof paths[i], "/tmp/reid-device-%d-%s.onnx",
              (int) getpid (), i ? "second" : "first");
    make_pictures ();
  }
  CHECK (access (paths[i], F_OK) == 0
         || tiny_embedder (paths[i], TINY_EMBED_COLOUR));
  return paths[i];
}

static ReidEmbedder *
open_of (int n, const ReidEmbedderOptions *options)
{
  const ReidEmbedderNetwork networks[] = {
    { path_of (0), .weight = 1 },
    { path_of (1), .layers = "embedding:32", .weight = 3 },
  };
  ReidError error = REID_ERROR_INIT;
  ReidEmbedder *e = reid_embedder_new_blend (networks, n, options, &error);

  CHECK_MSG (e && reid_embedder_dims (e) <= MOST, "%s", error.message);
  return e;
}

static void
vectors_of (ReidEmbedder *e, float *out)
{
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (reid_embedder_run (e, pictures, N, true, out, &error), error);
}

static bool
cpu_is_fake (void)
{
  ReidEmbedder *e = open_of (1, &cpu);
  bool fake = strstr (reid_embedder_device_reason (e), "test of its rules");

  reid_embedder_free (e);
  return fake;
}

/* The stand-in computes as the reference does. */
static void
check_near (const float *a, const float *b, int dims)
{
  bool same = cpu_is_fake ();

  for (int i = 0; i < N; i++, a += dims, b += dims)
    CHECK_MSG (dot (a, b, dims) >= .999
                   && (!same || !memcmp (a, b, (size_t) dims * sizeof *a)),
               "face %d: %.6f", i, dot (a, b, dims));
}

TEST (a_network_goes_on_on_the_cpu)
{
  /* at once, and with two of four runs done */
  for (int k = 0; k < 2; k++) {
    ReidEmbedder *e = open_of (1, &gpu), *other = open_of (1, &cpu);
    size_t size = (size_t) (N * reid_embedder_dims (e)) * sizeof *after;
    char version[17], reason[1200];

    vectors_of (other, wanted);
    vectors_of (e, before);
    CHECK (!strcmp (reid_embedder_device (e), "cudnn"));
    CHECK (reid_embedder_batch (e) == 64 && !reid_embedder_moved (e, 0));
    snprintf (version, sizeof version, "%s", reid_embedder_version (e));
    snprintf (reason, sizeof reason, "%s; since its memory ended, %s",
              reid_embedder_device_reason (e),
              reid_embedder_device_reason (other));
    fill_gpu ("full", k ? "2" : "0");
    vectors_of (e, after);
    REQUIRE (reid_embedder_moved (e, 0));
    CHECK_MSG (strstr (reid_embedder_moved (e, 0), "$REID_FAKE_GPU"), "%s",
               reid_embedder_moved (e, 0));
    CHECK (!strcmp (reid_embedder_version (e), version));
    CHECK (!strcmp (reid_embedder_device (e), reid_embedder_device (other)));
    CHECK (strcmp (reid_embedder_device (e), "cudnn"));
    CHECK_MSG (!strcmp (reid_embedder_device_reason (e), reason), "%s",
               reid_embedder_device_reason (e));
    CHECK (reid_embedder_batch (e) == 16 && !reid_embedder_memory_batch (e));
    check_near (after, before, reid_embedder_dims (e));
    if (k == 0)
      CHECK (!memcmp (after, wanted, size));
    /* and stays there */
    empty_both ();
    vectors_of (e, after);
    CHECK (!memcmp (after, wanted, size));
    reid_embedder_free (e);
    reid_embedder_free (other);
    CHECK (reid_session_count () == 0);
  }
}

TEST (of_several_those_go_that_do_not_fit)
{
  ReidEmbedder *e = open_of (2, &gpu);
  char version[17];

  snprintf (version, sizeof version, "%s", reid_embedder_version (e));
  /* all were tried when they were opened */
  fill_gpu ("full:second", "0");
  vectors_of (e, after);
  empty_both ();
  CHECK (!reid_embedder_moved (e, 0) && reid_embedder_moved (e, 1));
  CHECK (!reid_embedder_dropped (e) && reid_embedder_n_networks (e) == 2);
  CHECK (!strcmp (reid_embedder_version (e), version));
  CHECK (!strcmp (reid_embedder_device (e), "cudnn"));
  fill_gpu ("full", "0");
  vectors_of (e, before);
  empty_both ();
  CHECK (reid_embedder_moved (e, 0) && reid_embedder_moved (e, 1));
  check_near (after, before, reid_embedder_dims (e));
  reid_embedder_free (e);
  e = open_of (2, &gpu);
  CHECK (!strcmp (reid_embedder_version (e), version));
  vectors_of (e, before);
  check_near (after, before, reid_embedder_dims (e));
  reid_embedder_free (e);
}

TEST (those_that_go_share_what_is_there)
{
  ReidEmbedder *a = open_of (1, &gpu), *b = open_of (1, &gpu);
  uint64_t loads = reid_session_loads ();

  vectors_of (a, before);
  vectors_of (b, before);
  CHECK (reid_session_count () == 1);
  fill_gpu ("full", "0");
  vectors_of (a, after);
  CHECK (reid_session_count () == 2);
  vectors_of (b, after);
  empty_both ();
  CHECK (reid_session_count () == 1 && reid_session_loads () == loads + 1);
  check_near (after, before, reid_embedder_dims (a));
  reid_embedder_free (a);
  reid_embedder_free (b);
}

/* Which only "auto" may leave. */
TEST (a_gpu_that_never_works)
{
  static const struct {
    const char *fault, *reason;
  } cases[] = { { "weights", "; not the GPU: " },
                { "full", "; since its memory ended, " },
                { "dead", "; since it failed, " } };

  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ReidEmbedder *e, *other = open_of (1, &cpu);
    const ReidEmbedderNetwork network = { path_of (0), .weight = 1 };
    ReidError error = REID_ERROR_INIT;

    vectors_of (other, wanted);
    fill_gpu (cases[k].fault, "0");
    e = open_of (1, &automatic);
    vectors_of (e, after);
    CHECK (!memcmp (after, wanted,
                    (size_t) (N * reid_embedder_dims (e)) * sizeof *after));
    REQUIRE (reid_embedder_moved (e, 0));
    CHECK (strstr (reid_embedder_moved (e, 0), "$REID_FAKE_GPU"));
    CHECK_MSG (strstr (reid_embedder_device_reason (e), cases[k].reason), "%s",
               reid_embedder_device_reason (e));
    CHECK (!strcmp (reid_embedder_version (e), reid_embedder_version (other)));
    reid_embedder_free (e);
    e = reid_embedder_new_blend (&network, 1, &gpu, &error);
    CHECK (!e == (k == 0));
    CHECK (!e || !reid_embedder_run (e, pictures, N, true, after, &error));
    CHECK_MSG (strstr (error.message, "$REID_FAKE_GPU"), "%s", error.message);
    reid_embedder_free (e);
    reid_embedder_free (other);
    empty_both ();
    CHECK (reid_session_count () == 0);
  }
}

TEST (of_several_none_is_dropped_that_fits_elsewhere)
{
  ReidEmbedder *e;

  fill_gpu ("full:second", "0");
  e = open_of (2, &automatic);
  CHECK (reid_embedder_n_networks (e) == 2 && !reid_embedder_dropped (e));
  CHECK (!reid_embedder_moved (e, 0) && reid_embedder_moved (e, 1));
  vectors_of (e, after);
  reid_embedder_free (e);
  e = open_of (2, &gpu);
  CHECK (reid_embedder_n_networks (e) == 1 && reid_embedder_dropped (e));
  reid_embedder_free (e);
  empty_both ();
}

/* Fails with a message that has these two in it. */
static void
check_fails (ReidEmbedder *e, const char *one, const char *two)
{
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_embedder_run (e, pictures, N, true, after, &error));
  CHECK_MSG (error.status == REID_ERROR_MEMORY && strstr (error.message, one)
                 && strstr (error.message, two)
                 && !strchr (error.message, '\n'),
             "%s", error.message);
  CHECK (!reid_embedder_moved (e, 0));
}

TEST (where_it_cannot_go_that_is_told)
{
  ReidEmbedder *e = open_of (1, &gpu);
  const char *path = path_of (0);
  size_t size = (size_t) (N * reid_embedder_dims (e)) * sizeof *after;

  /* it never ran there */
  fill_gpu ("full", "0");
  check_fails (e, "$REID_FAKE_GPU", "");
  empty_both ();
  vectors_of (e, before);
  fill_gpu ("full", "0");
  if (cpu_is_fake ()) {
    setenv ("REID_FAKE_CPU", "full", 1);
    check_fails (e, "$REID_FAKE_GPU", "$REID_FAKE_CPU");
    unsetenv ("REID_FAKE_CPU");
  }
  /* nor may other vectors come of the same version */
  REQUIRE (tiny_embedder (path, TINY_EMBED_RANDOM));
  check_fails (e, "$REID_FAKE_GPU", "the file has changed");
  unlink (path);
  check_fails (e, "$REID_FAKE_GPU", path);
  CHECK (reid_session_count () == 1);
  /* nothing has changed meanwhile */
  empty_both ();
  vectors_of (e, after);
  CHECK (!memcmp (after, before, size));
  reid_embedder_free (e);
  unlink (path_of (0));
  unlink (path_of (1));
}

TEST_MAIN ()
