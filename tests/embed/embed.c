/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "pictures.h"
#include "tinyonnx.h"

#include <unistd.h>

static ReidEmbedder *
open_tiny (TinyEmbedKind kind, int threads, ReidError *error)
{
  char path[64];
  ReidEmbedderOptions options = { "reference", threads };
  ReidEmbedder *embedder = NULL;

  snprintf (path, sizeof path, "/tmp/reid-embed-%d-%d.onnx", (int) getpid (),
            (int) kind);
  if (tiny_embedder (path, kind))
    embedder = reid_embedder_new (path, NULL, &options, error);
  unlink (path);
  return embedder;
}

/* A network that is a mean over the picture and one convolution of it; at the
 * end a Reshape to `shape`. */
static ReidEmbedder *
open_net (int batch, int channels, int side, float weight, float bias,
          int n_shape, const int64_t *shape, const ReidEmbedderInfo *info,
          ReidError *error)
{
  char path[64];
  TinyOnnx *t = tiny_new (11);
  float w[6 * 3], b[6];

  for (int i = 0; i < 18; i++)
    w[i] = weight * (float) (i % 7 - 3);
  for (int i = 0; i < 6; i++)
    b[i] = bias;
  tiny_input (t, "in", 4, (int64_t[]){ batch, channels, side, side });
  tiny_floats (t, "w", 4, (int64_t[]){ 6, channels, 1, 1 }, w);
  tiny_floats (t, "b", 1, (int64_t[]){ 6 }, b);
  tiny_node (t, "GlobalAveragePool", "in", "mean");
  tiny_node (t, "Conv", "mean,w,b", "conv");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 1, 1 });
  if (shape) {
    tiny_ints (t, "shape", n_shape, shape);
    tiny_node (t, "Reshape", "conv,shape", "out");
    tiny_output (t, "out");
  } else
    tiny_output (t, "conv");
  snprintf (path, sizeof path, "/tmp/reid-embed-%d.onnx", (int) getpid ());
  ReidEmbedder *embedder = NULL;
  if (tiny_write (t, path))
    embedder = reid_embedder_new (path, info, NULL, error);
  unlink (path);
  tiny_free (t);
  return embedder;
}

TEST (vectors_do_not_depend_on_the_batch_or_the_threads)
{
  ReidError error = REID_ERROR_INIT;
  static float all[N * 256], some[N * 256];

  make_pictures ();
  for (int threads = 1; threads <= 2; threads++) {
    ReidEmbedder *embedder = open_tiny (TINY_EMBED_COLOUR, threads, &error);
    REQUIRE_OK (embedder != NULL, error);
    size_t dims = (size_t) reid_embedder_dims (embedder);
    CHECK (dims == 48 && reid_embedder_batchable (embedder));
    CHECK (!strcmp (reid_embedder_device (embedder), "reference"));
    if (threads == 1)
      REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, all, &error),
                  error);
    for (int batch = 1; batch <= 20; batch += 3)
      for (int i = 0; i < N; i += batch) {
        int n = i + batch > N ? N - i : batch;
        REQUIRE_OK (
            reid_embedder_run (embedder, pictures + i, n, true, some, &error),
            error);
        CHECK (!memcmp (some, all + (size_t) i * dims,
                        (size_t) n * dims * sizeof *all));
      }
    for (int i = 0; i < N; i++) {
      const float *v = all + (size_t) i * dims;
      CHECK_NEAR (dot (v, v, (int) dims), 1, 1e-6);
    }
    CHECK (reid_embedder_run (embedder, NULL, 0, true, NULL, &error));
    reid_embedder_free (embedder);
  }
}

#ifdef REID_HAVE_CUDNN
/* The GPU backend on this machine's memory, of which there is little. */
TEST (where_memory_ends_it_goes_on_in_smaller_batches)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderOptions options = { "cuda", 1, REID_PRECISION_F32 };
  static float all[N * 256], few[N * 256];
  char path[64];

  make_pictures ();
  setenv ("REID_CUDNN_HOST", "1", 1);
  snprintf (path, sizeof path, "/tmp/reid-embed-%d.onnx", (int) getpid ());
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  ReidEmbedder *embedder = reid_embedder_new (path, NULL, &options, &error);
  unlink (path);
  REQUIRE_OK (embedder != NULL, error);
  CHECK (reid_embedder_batch (embedder) == 64);
  size_t size = (size_t) reid_embedder_dims (embedder) * N * sizeof *all;
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, all, &error),
              error);
  CHECK (reid_embedder_batch (embedder) == 64);
  CHECK (reid_embedder_memory_batch (embedder) == 0);
  /* a batch of 16 wants more than the input's 2.4 MB, one of 4 does not */
  setenv ("REID_CUDNN_HOST_MEMORY", "2200000", 1);
  reid_embedder_free (embedder);
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  embedder = reid_embedder_new (path, NULL, &options, &error);
  unlink (path);
  REQUIRE_OK (embedder != NULL, error);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, few, &error),
              error);
  CHECK (reid_embedder_batch (embedder) == 4);
  CHECK (reid_embedder_memory_batch (embedder) == 4);
  CHECK (!memcmp (all, few, size));
  /* and where not even one fits, that is told */
  setenv ("REID_CUDNN_HOST_MEMORY", "100000", 1);
  reid_embedder_free (embedder);
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  embedder = reid_embedder_new (path, NULL, &options, &error);
  unlink (path);
  REQUIRE_OK (embedder != NULL, error);
  CHECK (!reid_embedder_run (embedder, pictures, N, true, few, &error));
  CHECK (error.status == REID_ERROR_MEMORY);
  unsetenv ("REID_CUDNN_HOST_MEMORY");
  /* nor may it take more than it was given */
  options.memory_limit = 3000000;
  reid_embedder_free (embedder);
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  embedder = reid_embedder_new (path, NULL, &options, &error);
  unlink (path);
  reid_error_clear (&error);
  REQUIRE (embedder != NULL);
  memset (few, 0, size);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, few, &error),
              error);
  CHECK_MSG (reid_embedder_memory_batch (embedder) == 4, "%d",
             reid_embedder_memory_batch (embedder));
  CHECK (!memcmp (all, few, size));
  reid_embedder_free (embedder);
  unsetenv ("REID_CUDNN_HOST");
}

/* With the first 16 done in f16. */
TEST (where_it_ends_later_it_goes_on_on_the_cpu)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderOptions options = { "cuda", 1 };
  static float all[N * 256], rest[N * 256];
  char path[64];

  make_pictures ();
  setenv ("REID_CUDNN_HOST", "1", 1);
  snprintf (path, sizeof path, "/tmp/reid-embed-%d.onnx", (int) getpid ());
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  ReidEmbedder *whole = reid_embedder_new (path, NULL, &options, &error);
  REQUIRE_OK (whole != NULL, error);
  int dims = reid_embedder_dims (whole);
  REQUIRE_OK (reid_embedder_run (whole, pictures, N, true, all, &error), error);
  CHECK (!reid_embedder_moved (whole, 0));
  reid_embedder_free (whole);
  ReidEmbedder *embedder = reid_embedder_new (path, NULL, &options, &error);
  REQUIRE_OK (embedder != NULL, error);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, 16, true, rest, &error),
              error);
  setenv ("REID_CUDNN_HOST_MEMORY", "1000", 1);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, rest, &error),
              error);
  unsetenv ("REID_CUDNN_HOST_MEMORY");
  unsetenv ("REID_CUDNN_HOST");
  unlink (path);
  CHECK (reid_embedder_moved (embedder, 0)
         && strcmp (reid_embedder_device (embedder), "cudnn"));
  for (int i = 0; i < N; i++)
    CHECK (dot (all + i * dims, rest + i * dims, dims) >= .999);
  reid_embedder_free (embedder);
}
#endif

TEST (without_normalising_the_network_s_own_values)
{
  ReidError error = REID_ERROR_INIT;
  static float raw[N * 64], unit[N * 64];
  ReidEmbedder *embedder = open_tiny (TINY_EMBED_CONSTANT, 1, &error);

  make_pictures ();
  REQUIRE_OK (embedder != NULL, error);
  REQUIRE (reid_embedder_dims (embedder) == 64);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, false, raw, &error),
              error);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, unit, &error),
              error);
  double norm = 0;
  for (int k = 0; k < 64; k++)
    norm += (double) raw[k] * raw[k];
  CHECK (fabs (norm - 1) > 0.1);
  for (int i = 0; i < N * 64; i++)
    CHECK (unit[i] == (float) (raw[i] / sqrt (norm)));
  reid_embedder_free (embedder);
}

TEST (outputs_of_rank_2_and_4_are_vectors)
{
  static const int64_t flat[] = { 0, 6 }, free_batch[] = { -1, 6 };
  ReidError error = REID_ERROR_INIT;
  float a[6 * 3], b[6 * 3];

  make_pictures ();
  ReidEmbedder *four = open_net (-1, 3, 32, 0.1f, 0.5f, 0, NULL, NULL, &error);
  REQUIRE_OK (four != NULL, error);
  REQUIRE (reid_embedder_dims (four) == 6);
  REQUIRE_OK (reid_embedder_run (four, pictures, 3, true, a, &error), error);
  reid_embedder_free (four);
  for (int k = 0; k < 2; k++) {
    ReidEmbedder *two = open_net (-1, 3, 32, 0.1f, 0.5f, 2,
                                  k ? free_batch : flat, NULL, &error);
    REQUIRE_OK (two != NULL, error);
    REQUIRE (reid_embedder_dims (two) == 6);
    REQUIRE_OK (reid_embedder_run (two, pictures, 3, true, b, &error), error);
    CHECK (!memcmp (a, b, sizeof a));
    reid_embedder_free (two);
  }
}

/* The output's last dimension holds the whole batch, so only one picture at a
 * time can be meant. */
TEST (a_network_for_one_picture_runs_one_by_one)
{
  static const int64_t one[] = { 1, 2, 3 };
  ReidError error = REID_ERROR_INIT;
  float rows[6 * 20], row[6];
  char path[64];
  TinyOnnx *t = tiny_new (11);
  float scale[] = { 1, -1, 2 };

  /* Softmax over the first dimension mixes the pictures of a batch. */
  make_pictures ();
  tiny_input (t, "in", 4, (int64_t[]){ 1, 3, 32, 32 });
  tiny_node (t, "GlobalAveragePool", "in", "mean");
  tiny_ints (t, "shape", 3, one);
  tiny_floats (t, "w", 4, (int64_t[]){ 3, 1, 1, 1 }, scale);
  tiny_ints (t, "flat", 2, (int64_t[]){ 1, 3 });
  tiny_node (t, "Reshape", "mean,flat", "flatmean");
  tiny_node (t, "Softmax", "flatmean", "out");
  tiny_attr_int (t, "axis", 0);
  tiny_output (t, "out");
  snprintf (path, sizeof path, "/tmp/reid-one-%d.onnx", (int) getpid ());
  REQUIRE (tiny_write (t, path));
  ReidEmbedder *embedder = reid_embedder_new (path, NULL, NULL, &error);
  unlink (path);
  tiny_free (t);
  REQUIRE_OK (embedder != NULL, error);
  CHECK (!reid_embedder_batchable (embedder));
  REQUIRE (reid_embedder_dims (embedder) == 3);
  REQUIRE_OK (reid_embedder_run (embedder, pictures, 20, true, rows, &error),
              error);
  for (int i = 0; i < 20; i++) {
    REQUIRE_OK (
        reid_embedder_run (embedder, pictures + i, 1, true, row, &error),
        error);
    CHECK (!memcmp (row, rows + 3 * i, 3 * sizeof *row));
  }
  reid_embedder_free (embedder);
}

TEST (other_networks_are_no_embedders)
{
  static const int64_t maps[] = { 1, 2, 3 }, one[] = { 6, 1 };
  ReidError error = REID_ERROR_INIT;
  char path[64];

  snprintf (path, sizeof path, "/tmp/reid-embed-%d-d.onnx", (int) getpid ());
  REQUIRE (tiny_yunet (path));
  CHECK (!reid_embedder_new (path, NULL, NULL, &error));
  unlink (path);
  CHECK_MSG (strstr (error.message, path)
                 && strstr (error.message, "is no face embedder")
                 && strstr (error.message, "12 outputs"),
             "%s", error.message);
  CHECK (!strchr (error.message, '\n'));

  reid_error_clear (&error);
  CHECK (!open_net (1, 3, 32, 1, 1, 3, maps, NULL, &error));
  CHECK_MSG (strstr (error.message, "[1,2,3]"), "%s", error.message);
  reid_error_clear (&error);
  CHECK (!open_net (1, 3, 32, 1, 1, 2, one, NULL, &error));
  CHECK_MSG (strstr (error.message, "[6,1]"), "%s", error.message);
  reid_error_clear (&error);
  CHECK (!reid_embedder_new ("/nowhere.onnx", NULL, NULL, &error));
  CHECK (strstr (error.message, "/nowhere.onnx"));
  reid_embedder_free (NULL);
}

TEST (a_modelinfo_is_checked)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderInfo info;
  float out[6];

  make_pictures ();
  reid_embedder_info_init (&info);
  CHECK (info.channels == REID_CHANNELS_RGB && info.mean[2] == 127.5f);
  CHECK (isnan (info.threshold));
  info.channels = REID_CHANNELS_GRAY;
  CHECK (!open_net (-1, 3, 32, 1, 1, 0, NULL, &info, &error));
  CHECK (strstr (error.message, "channels"));
  reid_error_clear (&error);
  ReidEmbedder *grey = open_net (-1, 1, 32, 1, 1, 0, NULL, &info, &error);
  REQUIRE_OK (grey != NULL, error);
  REQUIRE_OK (reid_embedder_run (grey, pictures, 1, true, out, &error), error);
  reid_embedder_free (grey);
  grey = open_net (-1, 1, 32, 1, 1, 0, NULL, NULL, &error);
  REQUIRE_OK (grey != NULL, error);
  reid_embedder_free (grey);

  info.landmarks[4] = NAN;
  CHECK (!open_net (-1, 1, 32, 1, 1, 0, NULL, &info, &error));
  reid_error_clear (&error);
  reid_embedder_info_init (&info);
  info.scale[1] = INFINITY;
  CHECK (!open_net (-1, 3, 32, 1, 1, 0, NULL, &info, &error));
}

TEST (a_vector_that_is_nothing_names_its_picture)
{
  ReidError error = REID_ERROR_INIT;
  float out[6 * N];
  ReidEmbedder *zero = open_net (-1, 3, 32, 0, 0, 0, NULL, NULL, &error);

  make_pictures ();
  REQUIRE_OK (zero != NULL, error);
  CHECK (!reid_embedder_run (zero, pictures, N, true, out, &error));
  CHECK_MSG (strstr (error.message, "face 0") && strstr (error.message, "zero"),
             "%s", error.message);
  reid_embedder_free (zero);

  /* A grey of 127.5 gives zero with no bias: here only of picture 20. */
  reid_error_clear (&error);
  ReidEmbedderInfo info;
  reid_embedder_info_init (&info);
  for (int c = 0; c < 3; c++)
    info.mean[c] = 128;
  ReidEmbedder *embedder =
      open_net (-1, 3, 32, 0.1f, 0, 0, NULL, &info, &error);
  REQUIRE_OK (embedder != NULL, error);
  memset (pixels[20], 128, sizeof pixels[20]);
  CHECK (!reid_embedder_run (embedder, pictures, N, true, out, &error));
  CHECK_MSG (strstr (error.message, "face 20"), "%s", error.message);
  reid_embedder_free (embedder);

  /* 3e38 times 9 is infinite. */
  reid_error_clear (&error);
  ReidEmbedder *infinite =
      open_net (-1, 3, 32, 3e38f, 0, 0, NULL, NULL, &error);
  if (infinite) {
    make_pictures ();
    memset (pixels[0], 255, sizeof pixels[0]);
    memset (pixels[1], 255, sizeof pixels[1]);
    CHECK (!reid_embedder_run (infinite, pictures + 1, 1, true, out, &error));
    CHECK_MSG (strstr (error.message, "not finite"), "%s", error.message);
    reid_embedder_free (infinite);
  } else
    CHECK (strstr (error.message, "w"));
}

TEST (a_picture_that_cannot_be_aligned_names_itself)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedder *embedder = open_tiny (TINY_EMBED_COLOUR, 1, &error);
  float out[48 * N];

  REQUIRE_OK (embedder != NULL, error);
  for (int k = 0; k < 4; k++) {
    make_pictures ();
    pictures[18].landmarks = NULL;
    if (k == 0)
      pictures[18].box[2] = 0;
    else if (k == 1)
      pictures[18].box[1] = NAN;
    else if (k == 2)
      pictures[18].rgb = NULL;
    else
      pictures[18].width = 0;
    reid_error_clear (&error);
    CHECK (!reid_embedder_run (embedder, pictures, N, true, out, &error));
    CHECK_MSG (strstr (error.message, "face 18"), "%s", error.message);
  }
  reid_embedder_free (embedder);
}

TEST (bad_pictures_leave_their_neighbours_alone)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedder *embedder = open_tiny (TINY_EMBED_COLOUR, 1, &error);
  static float wanted[48 * N], out[48 * N], nothing[48];
  bool good[N];

  REQUIRE_OK (embedder != NULL, error);
  REQUIRE (reid_embedder_dims (embedder) == 48);
  make_pictures ();
  REQUIRE_OK (reid_embedder_run (embedder, pictures, N, true, wanted, &error),
              error);
  CHECK (
      !reid_embedder_run_each (embedder, pictures, N, true, out, good, &error));
  CHECK (!memcmp (out, wanted, sizeof out) && error.status == REID_OK);
  for (int i = 0; i < N; i++)
    CHECK (good[i]);
  CHECK (!reid_embedder_run_each (embedder, NULL, 0, true, out, NULL, &error));
  for (int k = 0; k < 2; k++) {
    pictures[0].rgb = NULL;
    pictures[18].width = 0;
    pictures[N - 1].landmarks = NULL;
    pictures[N - 1].box[2] = 0;
    memset (out, 255, sizeof out);
    reid_error_clear (&error);
    CHECK (reid_embedder_run_each (embedder, pictures, N, true, out,
                                   k ? NULL : good, &error)
           == 3);
    CHECK_MSG (strstr (error.message, "face 0: neither"), "%s", error.message);
    for (int i = 0; i < N; i++) {
      bool bad = i == 0 || i == 18 || i == N - 1;
      CHECK (good[i] == !bad);
      CHECK (!memcmp (out + 48 * i, bad ? nothing : wanted + 48 * i,
                      sizeof nothing));
    }
  }
  reid_embedder_free (embedder);
}

TEST_MAIN ()
