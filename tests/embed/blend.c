/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several networks in one vector, layers in place of outputs, and the versions
 * of what comes out. */
#include "test.h"
#include "embed/pool.h"
#include "embed/projection.h"
#include "pictures.h"
#include "tinyonnx.h"

#include <unistd.h>

#define MOST 256

static const ReidEmbedderOptions plain = { "reference", 1 };

static const char *
path_of (const char *name)
{
  static char paths[8][64];
  static int next;
  char *path = paths[next++ % 8];

  snprintf (path, 64, "/tmp/reid-blend-%d-%s", (int) getpid (), name);
  return path;
}

/* Two modules and a head that no backend knows: in which case it cannot be
 * needed. */
static bool
write_layered (const char *path, bool sound)
{
  TinyOnnx *t = tiny_new (11);
  bool ok;

  tiny_input (t, "in", 4, (int64_t[]){ -1, 3, 30, 28 });
  tiny_random (t, "w1", 4, (int64_t[]){ 8, 3, 3, 3 }, 1, -.3f, .3f);
  tiny_random (t, "w2", 4, (int64_t[]){ 12, 8, 3, 3 }, 2, -.2f, .2f);
  tiny_node (t, "Conv", "in,w1", "a");
  tiny_node_name (t, "/layer1/conv/Conv");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 3, 3 });
  tiny_node (t, "Relu", "a", "b");
  tiny_node_name (t, "/layer1/relu/Relu");
  tiny_node (t, "Conv", "b,w2", "c:0");
  tiny_node_name (t, "/layer2/conv/Conv");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 3, 3 });
  tiny_attr_ints (t, "strides", 2, (int64_t[]){ 2, 2 });
  tiny_node (t, "GlobalAveragePool", "c:0", "mean");
  tiny_node_name (t, "/pool/GlobalAveragePool");
  tiny_node (t, "Flatten", "mean", "flat");
  tiny_node (t, sound ? "Relu" : "NonMaxSuppression", "flat", "out");
  tiny_output (t, "out");
  ok = tiny_write (t, path);
  tiny_free (t);
  return ok;
}

/* Three maps of 2 GB that live at once. */
static bool
write_huge (const char *path)
{
  TinyOnnx *t = tiny_new (11);
  bool ok;

  tiny_input (t, "in", 4, (int64_t[]){ -1, 3, 1024, 1024 });
  tiny_random (t, "w1", 4, (int64_t[]){ 480, 3, 1, 1 }, 1, -1, 1);
  tiny_random (t, "w2", 4, (int64_t[]){ 480, 480, 1, 1 }, 2, -1, 1);
  tiny_random (t, "w3", 4, (int64_t[]){ 480, 480, 1, 1 }, 3, -1, 1);
  tiny_node (t, "Conv", "in,w1", "a");
  tiny_node (t, "Conv", "a,w2", "b");
  tiny_node (t, "Conv", "b,w3", "c");
  tiny_node (t, "Add", "c,a", "d");
  tiny_node (t, "GlobalAveragePool", "d", "out");
  tiny_output (t, "out");
  ok = tiny_write (t, path);
  tiny_free (t);
  return ok;
}

static void
vectors_of (ReidEmbedder *e, float *out)
{
  ReidError error = REID_ERROR_INIT;

  REQUIRE (reid_embedder_dims (e) <= MOST);
  REQUIRE_OK (reid_embedder_run (e, pictures, N, true, out, &error), error);
}

TEST (the_inner_product_is_the_weighted_sum_of_the_cosines)
{
  static float a[N * MOST], b[N * MOST], z[N * MOST], again[N * MOST];
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderNetwork both[2] = { { path_of ("a.onnx"), .weight = 6 },
                                  { path_of ("b.onnx"), .weight = 4 } };
  ReidEmbedder *e;

  make_pictures ();
  REQUIRE (tiny_embedder (both[0].model_path, TINY_EMBED_COLOUR)
           && tiny_embedder (both[1].model_path, TINY_EMBED_RANDOM));
  e = reid_embedder_new (both[0].model_path, NULL, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  int na = reid_embedder_dims (e);
  vectors_of (e, a);
  CHECK (!reid_embedder_is_unit (e));
  reid_embedder_free (e);
  e = reid_embedder_new (both[1].model_path, NULL, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  int nb = reid_embedder_dims (e);
  vectors_of (e, b);
  reid_embedder_free (e);
  e = reid_embedder_new_blend (both, 2, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  int n = reid_embedder_dims (e);
  CHECK (n == na + nb && reid_embedder_n_networks (e) == 2);
  CHECK (reid_embedder_is_unit (e) && !reid_embedder_dropped (e));
  CHECK_NEAR (reid_embedder_weight (e, 0), .6, 1e-12);
  vectors_of (e, z);
  for (int i = 0; i < N; i++)
    for (int k = 0; k <= i; k++)
      CHECK_NEAR (dot (z + i * n, z + k * n, n),
                  .6 * dot (a + i * na, a + k * na, na)
                      + .4 * dot (b + i * nb, b + k * nb, nb),
                  1e-6);
  /* length 1 also where it is not asked for, and one by one */
  for (int i = 0; i < N; i++) {
    REQUIRE_OK (reid_embedder_run (e, &pictures[i], 1, i % 2, again, &error),
                error);
    CHECK (!memcmp (again, z + i * n, (size_t) n * sizeof *again));
  }
  reid_embedder_free (e);
  both[0].weight = .6;
  both[1].weight = .4;
  e = reid_embedder_new_blend (both, 2, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  vectors_of (e, again);
  CHECK (!memcmp (again, z, (size_t) (N * n) * sizeof *again));
  reid_embedder_free (e);
  unlink (both[0].model_path);
  unlink (both[1].model_path);
}

TEST (weights_are_numbers_above_0)
{
  static const double bad[] = { 0, -1, NAN, INFINITY };
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderNetwork both[9] = { { path_of ("a.onnx"), .weight = 1 },
                                  { path_of ("a.onnx"), .weight = 1 } };

  REQUIRE (tiny_embedder (both[0].model_path, TINY_EMBED_COLOUR));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    both[1].weight = bad[i];
    CHECK (!reid_embedder_new_blend (both, 2, &plain, &error));
    CHECK_MSG (error.status == REID_ERROR_ARGUMENT
                   && strstr (error.message, "above 0"),
               "%s", error.message);
    reid_error_clear (&error);
  }
  both[0].weight = both[1].weight = 1.7e308;
  CHECK (!reid_embedder_new_blend (both, 2, &plain, &error));
  reid_error_clear (&error);
  CHECK (!reid_embedder_new_blend (both, 0, &plain, &error));
  reid_error_clear (&error);
  CHECK (!reid_embedder_new_blend (both, 9, &plain, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  unlink (both[0].model_path);
}

/* ---- layers */

static ReidEmbedder *
open_layers (const char *path, const char *layers, ReidError *error)
{
  ReidEmbedderNetwork network = { path, NULL, NULL, layers, 1 };

  return reid_embedder_new_blend (&network, 1, &plain, error);
}

/* Of one picture, by the session's taps and the plain parts. */
static void
by_hand (const char *path, const ReidFacePicture *picture, float *out)
{
  static const char *const taps[] = { "b", "/layer2/conv/Conv", "flat" };
  static const int grids[][2] = { { 4, 3 }, { 2, 2 }, { 1, 1 } };
  static float input[3 * 30 * 28], pooled[8 * 12], reduced[16];
  ReidSessionOptions options = { "reference", REID_PRECISION_AUTO, taps, 3,
                                 REID_OUTPUTS_TAPS };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open (path, &options, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  ReidTensorParams params = { .width = 28,
                              .height = 30,
                              .channels = REID_CHANNELS_RGB };
  ReidTensor in = { 4, { 1, 3, 30, 28 }, input }, got[3];
  double matrix[6];

  for (int k = 0; k < 3; k++) {
    params.mean[k] = 127.5f;
    params.scale[k] = 1 / 127.5f;
  }
  REQUIRE_OK (c != NULL, error);
  REQUIRE (reid_align (picture, NULL, 28, 30, matrix));
  REQUIRE_OK (reid_image_warp (picture->rgb, SIDE, SIDE, 3 * SIDE, matrix,
                               &params, input, &error),
              error);
  REQUIRE_OK (reid_context_run (c, &in, got, &error), error);
  for (int k = 0; k < 3; k++) {
    int channels = (int) got[k].dims[1], n;
    const float *from = got[k].data;
    if (k < 2) {
      n = channels * grids[k][0] * grids[k][1];
      reid_pool_grid (from, channels, (int) got[k].dims[2],
                      (int) got[k].dims[3], grids[k], pooled);
      from = pooled;
    } else {
      n = channels;
    }
    if (k < 2) {
      ReidProjection *p = reid_projection_draw (16, n, 1, &error);
      REQUIRE_OK (p != NULL, error);
      reid_projection_apply (p, from, reduced);
      reid_projection_free (p);
      from = reduced;
      n = 16;
    }
    double norm = sqrt (dot (from, from, n));
    for (int i = 0; i < n; i++)
      *out++ = (float) (from[i] / norm / sqrt (3));
  }
  reid_context_free (c);
  reid_session_unref (s);
}

TEST (layers_are_pooled_reduced_and_joined)
{
  static float got[N * MOST], wanted[MOST];
  ReidError error = REID_ERROR_INIT;
  const char *path = path_of ("l.onnx");

  make_pictures ();
  REQUIRE (write_layered (path, false));
  /* a module, a tensor with a colon in its name, and a vector */
  ReidEmbedder *e =
      open_layers (path, "layer1:4x3:16, c:0:2x2:16 ,flat", &error);
  REQUIRE_OK (e != NULL, error);
  REQUIRE (reid_embedder_dims (e) == 16 + 16 + 12);
  CHECK (reid_embedder_is_unit (e) && reid_embedder_batchable (e));
  CHECK_MSG (!strcmp (reid_embedder_layers (e, 0), "b:4x3:16,c:0:2x2:16,flat"),
             "%s", reid_embedder_layers (e, 0));
  CHECK (!strcmp (reid_embedder_projection (e, 0), "orthonormal rows, seed 1"));
  vectors_of (e, got);
  for (int i = 0; i < N; i++) {
    by_hand (path, &pictures[i], wanted);
    for (int k = 0; k < 44; k++)
      CHECK_NEAR (got[i * 44 + k], wanted[k], 1e-6);
  }
  reid_embedder_free (e);
  unlink (path);
}

TEST (layers_that_cannot_be_are_told)
{
  static const struct {
    const char *layers, *told;
  } bad[] = {
    { "layer9:2x2", "'layer9'" },
    { "layer1,", "NAME[:HxW]" },
    { ":2x2:16", "NAME[:HxW]" },
    { "layer1:2x2:", "NAME[:HxW]" },
    { "layer1:2x2:few", "NAME[:HxW]" },
    { "layer1:2x2:1", "NAME[:HxW]" },
    { "layer1:2x2:16:", "NAME[:HxW]" },
    { "layer1:0x2", "grid" },
    { "layer1:2x65", "grid" },
    { "layer1:2x2:5000", "width" },
    { "layer1:1x1:9", "8 numbers" },
    { "flat:2x2", "1x1" },
    { "w1", "constant" },
    { "layer1:2x2:16:/nowhere.npy", "/nowhere.npy" },
    { "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "more than 16" },
  };
  const char *path = path_of ("l.onnx");

  REQUIRE (write_layered (path, true));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ReidError error = REID_ERROR_INIT;
    ReidEmbedder *e = open_layers (path, bad[i].layers, &error);
    CHECK_MSG (!e && strstr (error.message, bad[i].told)
                   && !strchr (error.message, '\n'),
               "%s: %s", bad[i].layers, error.message);
    reid_embedder_free (e);
  }
  unlink (path);
}

TEST (a_pca_must_fit_its_layer)
{
  static const char header[] =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 12), }\n";
  ReidError error = REID_ERROR_INIT;
  const char *path = path_of ("l.onnx"), *file = path_of ("p.npy");
  char layers[128];
  float rows[36], v[3];
  FILE *f;

  make_pictures ();
  for (int i = 0; i < 36; i++)
    rows[i] = (float) (i % 5) - 2;
  f = fopen (file, "wb");
  REQUIRE (f && write_layered (path, true));
  fprintf (f, "\x93NUMPY\1%c%c%c%s", 0, (int) sizeof header - 1, 0, header);
  fwrite (rows, sizeof rows, 1, f);
  fclose (f);
  snprintf (layers, sizeof layers, "flat:2:%s", file);
  ReidEmbedder *e = open_layers (path, layers, &error);
  REQUIRE_OK (e != NULL, error);
  CHECK (reid_embedder_dims (e) == 2);
  CHECK (!strncmp (reid_embedder_projection (e, 0), "PCA ", 4));
  REQUIRE_OK (reid_embedder_run (e, pictures, 1, true, v, &error), error);
  CHECK_NEAR (dot (v, v, 2), 1, 1e-6);
  reid_embedder_free (e);
  for (int k = 0; k < 2; k++) {
    snprintf (layers, sizeof layers, k ? "flat:3:%s" : "layer1:2x2:2:%s", file);
    e = open_layers (path, layers, &error);
    CHECK_MSG (!e && strstr (error.message, file)
                   && strstr (error.message, k ? "(4, 12)" : "(3, 32)"),
               "%s", error.message);
    reid_embedder_free (e);
    reid_error_clear (&error);
  }
  unlink (path);
  unlink (file);
}

/* ---- memory */

TEST (with_too_little_memory_it_is_the_first_alone)
{
  static float alone[N * MOST], dropped[N * MOST];
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderNetwork both[2] = { { path_of ("a.onnx"), .weight = 1 },
                                  { path_of ("huge.onnx"), .weight = 3 } };
  ReidEmbedder *one, *e;

  make_pictures ();
  REQUIRE (tiny_embedder (both[0].model_path, TINY_EMBED_COLOUR)
           && write_huge (both[1].model_path));
  one = reid_embedder_new (both[0].model_path, NULL, &plain, &error);
  REQUIRE_OK (one != NULL, error);
  vectors_of (one, alone);
  e = reid_embedder_new_blend (both, 2, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  CHECK (reid_embedder_n_networks (e) == 1 && reid_embedder_weight (e, 0) == 1);
  REQUIRE (reid_embedder_dropped (e));
  CHECK_MSG (strstr (reid_embedder_dropped (e), both[1].model_path), "%s",
             reid_embedder_dropped (e));
  CHECK (!strcmp (reid_embedder_version (e), reid_embedder_version (one)));
  vectors_of (e, dropped);
  CHECK (!memcmp (alone, dropped,
                  (size_t) (N * reid_embedder_dims (e)) * sizeof *alone));
  CHECK (!reid_embedder_drop (e, &error));
  reid_embedder_free (e);

  /* and later, when somebody says so */
  both[1].model_path = both[0].model_path;
  e = reid_embedder_new_blend (both, 2, &plain, &error);
  REQUIRE_OK (e != NULL, error);
  CHECK (strcmp (reid_embedder_version (e), reid_embedder_version (one)));
  ReidError why = { REID_ERROR_MEMORY, "no more" };
  CHECK (reid_embedder_drop (e, &why));
  CHECK (!strcmp (reid_embedder_dropped (e), "no more"));
  CHECK (!strcmp (reid_embedder_version (e), reid_embedder_version (one)));
  vectors_of (e, dropped);
  CHECK (!memcmp (alone, dropped,
                  (size_t) (N * reid_embedder_dims (e)) * sizeof *alone));
  reid_embedder_free (e);
  reid_embedder_free (one);

  /* the first must fit */
  both[0].model_path = path_of ("huge.onnx");
  e = reid_embedder_new_blend (both, 2, &plain, &error);
  if (e) {
    CHECK (!reid_embedder_run (e, pictures, 1, true, dropped, &error));
    CHECK (error.status == REID_ERROR_MEMORY);
  }
  reid_embedder_free (e);
  unlink (path_of ("a.onnx"));
  unlink (path_of ("huge.onnx"));
}

/* ---- versions */

static void
version_of (const char *layers, const char *sha256,
            const ReidEmbedderInfo *info, const ReidEmbedderOptions *options,
            char version[17])
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderNetwork network = { path_of ("l.onnx"), sha256, info, layers, 1 };
  ReidEmbedder *e = reid_embedder_new_blend (&network, 1, options, &error);

  REQUIRE_OK (e != NULL, error);
  snprintf (version, 17, "%s", reid_embedder_version (e));
  CHECK (strlen (version) == 16 && strspn (version, "0123456789abcdef") == 16);
  reid_embedder_free (e);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Archives keep them: they must never change. */
TEST (a_version_hangs_on_what_makes_the_vectors)
{
  ReidEmbedderOptions more = { NULL, 2, REID_PRECISION_F32 };
  ReidEmbedderInfo info;
  char base[17], other[17], last[17] = "";

  REQUIRE (write_layered (path_of ("l.onnx"), true));
  reid_embedder_info_init (&info);
  version_of (NULL, HASH, NULL, &plain, base);
  CHECK_MSG (!strcmp (base, "97a9d1c0ae9df7c1"), "%s", base);
  version_of ("layer1:2x2:16,flat", HASH, NULL, &plain, other);
  CHECK_MSG (!strcmp (other, "83754dc5c7da8670"), "%s", other);
  version_of (NULL, HASH, &info, &more, other);
  CHECK (!strcmp (other, base));
  version_of ("", HASH, NULL, &plain, other);
  CHECK (!strcmp (other, base));
  version_of ("/layer1/relu/Relu:2x2:16,flat:1x1", HASH, NULL, &plain, other);
  version_of ("layer1:2x2:16,flat", HASH, NULL, &plain, last);
  CHECK (!strcmp (other, last));
  for (int k = 0; k < 6; k++) {
    reid_embedder_info_init (&info);
    if (k == 0)
      info.mean[1] = 127;
    else if (k == 1)
      info.scale[2] = .1f;
    else if (k == 2)
      info.channels = REID_CHANNELS_BGR;
    else if (k == 3)
      for (int i = 0; i < 10; i++)
        info.landmarks[i] = i + (i % 3);
    version_of (k == 4 ? "layer1:2x2:16" : NULL, k == 5 ? NULL : HASH, &info,
                &plain, other);
    CHECK (strcmp (other, base) && strcmp (other, last));
    strcpy (last, other);
  }
  unlink (path_of ("l.onnx"));
}

TEST_MAIN ()
