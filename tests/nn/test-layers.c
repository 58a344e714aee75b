/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operators of transformers and of sets of frames: what is refused, and
 * where the pictures of a batch are kept apart. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

static const ReidSessionOptions reference = { "reference" };

static ReidSession *
open_tiny (TinyOnnx *t, ReidError *error)
{
  size_t size;
  const uint8_t *data = tiny_bytes (t, &size);
  return reid_session_open_memory (data, size, "tiny.onnx", &reference, error);
}

static TinyOnnx *
start (int opset, int rank, const int64_t *dims)
{
  TinyOnnx *t = tiny_new (opset);
  tiny_input (t, "x", rank, dims);
  tiny_output (t, "y");
  return t;
}

static void
refused (TinyOnnx *t, const char *node, const char *why)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_tiny (t, &error);

  CHECK_MSG (!s, "%s was read", node);
  CHECK_MSG (s || (strstr (error.message, node) && strstr (error.message, why)),
             "'%s' does not hold '%s' and '%s'", error.message, node, why);
  reid_session_unref (s);
  tiny_free (t);
}

static const int64_t plain[] = { -1, 4, 6 };

TEST (axes_that_are_none)
{
  static const char *const types[] = { "ReduceMean", "ReduceMax", "ReduceL2" };
  static const int64_t axes[] = { 3, -4, INT64_MAX, INT64_MIN };

  for (size_t i = 0; i < 3; i++)
    for (size_t k = 0; k < 4; k++) {
      TinyOnnx *t = start (13, 3, plain);
      tiny_node (t, types[i], "x", "y");
      tiny_attr_ints (t, "axes", 1, &axes[k]);
      refused (t, types[i], "outside");
    }
  TinyOnnx *t = start (17, 3, plain);
  tiny_floats (t, "s", 1, (int64_t[]){ 6 }, (float[6]){ 1 });
  tiny_node (t, "LayerNormalization", "x,s", "y");
  tiny_attr_int (t, "axis", 3);
  refused (t, "LayerNormalization", "outside");
}

TEST (norms_that_do_not_fit)
{
  TinyOnnx *t = start (17, 3, plain);
  tiny_floats (t, "s", 1, (int64_t[]){ 5 }, (float[5]){ 1 });
  tiny_node (t, "LayerNormalization", "x,s", "y");
  refused (t, "LayerNormalization", "fit");

  t = start (17, 3, plain);
  tiny_floats (t, "s", 2, (int64_t[]){ 1, 6 }, (float[6]){ 1 });
  tiny_node (t, "LayerNormalization", "x,s", "y");
  refused (t, "LayerNormalization", "constants of the normalised sizes");

  t = start (17, 3, plain);
  tiny_floats (t, "s", 1, (int64_t[]){ 6 }, (float[6]){ 1 });
  tiny_node (t, "LayerNormalization", "x,s", "y");
  tiny_attr_float (t, "epsilon", -1);
  refused (t, "LayerNormalization", "epsilon");

  t = start (17, 3, plain);
  tiny_floats (t, "s", 1, (int64_t[]){ 6 }, (float[6]){ NAN });
  tiny_node (t, "LayerNormalization", "x,s", "y");
  refused (t, "LayerNormalization", "NaN");

  t = start (17, 3, plain);
  tiny_node (t, "LpNormalization", "x", "y");
  tiny_attr_int (t, "p", 3);
  refused (t, "LpNormalization", "neither");
}

TEST (spreads_that_do_not_fit)
{
  static const struct {
    int n;
    int64_t to[9];
    const char *says;
  } bad[] = { { 3, { 2, 4, 5 }, "broadcast" },
              { 3, { 1, 0, 6 }, "size of 0" },
              { 3, { 1, -1, 6 }, "size of -1" },
              { 3, { 1 << 28, 4, 6 }, "too large" },
              { 3, { INT64_MAX, 4, 6 }, "large" },
              { 9, { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, "at most" } };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    TinyOnnx *t = start (13, 3, (int64_t[]){ 1, 4, 6 });
    float big[4 * 6] = { 0 };
    tiny_floats (t, "k", 3, (int64_t[]){ 1, 4, 6 }, big);
    tiny_ints (t, "s", bad[i].n, bad[i].to);
    tiny_node (t, "Expand", "k,s", "e");
    tiny_node (t, "Add", "x,e", "y");
    refused (t, "Expand", bad[i].says);
  }
}

TEST (gathers_that_do_not_fit)
{
  int64_t many[1000];

  TinyOnnx *t = start (13, 3, plain);
  tiny_ints (t, "i", 2, (int64_t[]){ 0, 4 });
  tiny_node (t, "Gather", "x,i", "y");
  tiny_attr_int (t, "axis", 1);
  refused (t, "Gather", "outside");

  t = start (13, 3, (int64_t[]){ 1, 1000, 2 });
  for (int i = 0; i < 1000; i++)
    many[i] = i * i % 997;
  tiny_ints (t, "i", 1000, many);
  tiny_node (t, "Gather", "x,i", "y");
  tiny_attr_int (t, "axis", 1);
  refused (t, "Gather", "runs of indices");

  t = start (13, 3, (int64_t[]){ 1, -1, 2 });
  tiny_ints (t, "i", 1, (int64_t[]){ 0 });
  tiny_node (t, "Gather", "x,i", "y");
  tiny_attr_int (t, "axis", 1);
  refused (t, "Gather", "fixed size");
}

TEST (choices_by_the_picture)
{
  TinyOnnx *t = start (13, 3, plain);
  tiny_node (t, "Where", "x,x,x", "y");
  refused (t, "Where", "condition");

  t = start (13, 4, (int64_t[]){ 1, 3, -1, -1 });
  tiny_ints (t, "k", 1, (int64_t[]){ 8 });
  tiny_node (t, "Shape", "x", "s");
  tiny_node (t, "Equal", "s,k", "e");
  tiny_node (t, "Cast", "e", "f");
  tiny_attr_int (t, "to", 1);
  tiny_node (t, "Mul", "x,f", "y");
  refused (t, "Equal", "size of the picture");
}

/* A file for one picture of 4 x 6 numbers, or for any number. */
static void
batchable (const char *what, TinyOnnx *t, bool wanted)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_tiny (t, &error);

  REQUIRE_OK (s != NULL, error);
  CHECK_MSG (reid_session_batchable (s) == wanted, "%s", what);
  reid_session_unref (s);
  tiny_free (t);
}

static TinyOnnx *
one_step (int64_t batch, const char *type, const char *attribute, int n,
          const int64_t *v)
{
  TinyOnnx *t = start (13, 3, (int64_t[]){ batch, 4, 6 });

  if (strcmp (type, "Reshape") == 0) {
    tiny_ints (t, "s", n, v);
    tiny_node (t, "Reshape", "x,s", "z");
  } else {
    tiny_node (t, type, "x", "z");
    tiny_attr_ints (t, attribute, n, v);
  }
  return t;
}

TEST (pictures_through_other_axes)
{
  static const int64_t turn[] = { 1, 0, 2 }, join[] = { -1, 6 },
                       part[] = { -1, 4, 6 }, other[] = { 4, -1, 6 },
                       heads[] = { -1, 2, 6 }, square[] = { 0, 2, 12 };
  TinyOnnx *t;

  for (int64_t batch = -1; batch <= 1; batch += 2) {
    t = one_step (batch, "Transpose", "perm", 3, turn);
    tiny_node (t, "Relu", "z", "y");
    batchable ("another axis in the end", t, false);

    t = one_step (batch, "Transpose", "perm", 3, turn);
    tiny_node (t, "Relu", "z", "w");
    tiny_node (t, "Transpose", "w", "y");
    tiny_attr_ints (t, "perm", 3, turn);
    batchable ("turned and back", t, true);

    t = one_step (batch, "Transpose", "perm", 3, turn);
    tiny_node (t, "Softmax", "z", "w");
    tiny_attr_int (t, "axis", 0);
    tiny_node (t, "Transpose", "w", "y");
    tiny_attr_ints (t, "perm", 3, turn);
    batchable ("softmax over tokens", t, true);

    t = one_step (batch, "Transpose", "perm", 3, turn);
    tiny_node (t, "Softmax", "z", "w");
    tiny_attr_int (t, "axis", 1);
    tiny_node (t, "Transpose", "w", "y");
    tiny_attr_ints (t, "perm", 3, turn);
    batchable ("softmax over pictures", t, false);
  }
  /* Joined with another axis; 24 rows of one picture cannot say that they
   * are the pictures'. */
  t = one_step (-1, "Reshape", "", 2, join);
  tiny_ints (t, "back", 3, part);
  tiny_node (t, "Reshape", "z,back", "y");
  batchable ("joined and parted", t, true);

  t = one_step (-1, "Reshape", "", 2, join);
  tiny_node (t, "Relu", "z", "y");
  batchable ("joined", t, false);

  t = one_step (-1, "Reshape", "", 2, join);
  tiny_ints (t, "back", 3, other);
  tiny_node (t, "Reshape", "z,back", "w");
  tiny_node (t, "Transpose", "w", "y");
  tiny_attr_ints (t, "perm", 3, turn);
  batchable ("parted the other way", t, false);

  t = one_step (-1, "Reshape", "", 3, heads);
  tiny_ints (t, "back", 3, part);
  tiny_node (t, "ReduceMax", "z", "w");
  tiny_attr_ints (t, "axes", 1, (int64_t[]){ 1 });
  tiny_ints (t, "two", 3, (int64_t[]){ -1, 2, 6 });
  tiny_node (t, "Reshape", "w,two", "y");
  batchable ("heads reduced", t, true);

  t = one_step (-1, "Reshape", "", 3, heads);
  tiny_node (t, "ReduceMax", "z", "y");
  tiny_attr_ints (t, "axes", 1, (int64_t[]){ 0 });
  batchable ("pictures reduced", t, false);

  t = one_step (-1, "Reshape", "", 3, square);
  tiny_node (t, "Relu", "z", "y");
  batchable ("inside of a picture", t, true);
}

TEST (half_floats_all_through)
{
  /* 1, -2, 0.5 and 0.25 */
  static const uint16_t weights[] = { 0x3c00, 0xc000, 0x3800, 0x3400 };
  TinyOnnx *t = tiny_new (13);
  ReidError error = REID_ERROR_INIT;
  float x[] = { 1, 2, 3, 4 };
  ReidTensor in = { 2, { 1, 4 }, x }, out;

  tiny_input_of (t, "x", 10, 2, (int64_t[]){ -1, 4 });
  tiny_output (t, "y");
  tiny_raw (t, "w", 10, 2, (int64_t[]){ 4, 1 }, weights, sizeof weights);
  tiny_node (t, "MatMul", "x,w", "z");
  tiny_node (t, "Cast", "z", "y");
  tiny_attr_int (t, "to", 1);
  ReidSession *s = open_tiny (t, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  REQUIRE_OK (c && reid_context_run (c, &in, &out, &error), error);
  CHECK_NEAR (out.data[0], 1 - 4 + 1.5 + 1, 0);
  reid_context_free (c);
  reid_session_unref (s);
  tiny_free (t);
}

TEST_MAIN ()
