/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ONNX Runtime cannot be asked about: it refuses the file, or its answer
 * is not the one that the specification gives. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

static ReidSession *
open_net (TinyOnnx *t, ReidError *error)
{
  ReidSessionOptions options = { "reference" };
  size_t size;
  const uint8_t *data = tiny_bytes (t, &size);
  ReidSession *s =
      reid_session_open_memory (data, size, "net", &options, error);

  tiny_free (t);
  return s;
}

/* Dimensions that only multiply to nothing in the end: a sanitizer sees
 * whether they are multiplied. */
TEST (a_gather_of_nothing)
{
  int64_t two[] = { 1, 8 }, none[] = { 0 };
  int64_t huge[] = { 0, 1 << 29, 1 << 29, 1 << 29 };
  ReidError error = REID_ERROR_INIT;
  TinyOnnx *t = tiny_new (13);

  tiny_input (t, "x", 2, two);
  tiny_raw (t, "w", 1, 4, huge, "", 0);
  tiny_raw (t, "i", 7, 1, none, "", 0);
  tiny_node (t, "Gather", "w,i", "g");
  tiny_node (t, "Relu", "x", "y");
  tiny_output (t, "y");
  ReidSession *s = open_net (t, &error);
  CHECK_MSG (s != NULL, "%s", error.message);
  reid_session_unref (s);
}

TEST (a_resized_picture_has_the_size_that_onnx_infers)
{
  static const struct {
    float scale;
    int64_t in[2], out[2];
  } cases[] = { { 0.7f, { 10, 640 }, { 6, 447 } },
                { 0.3f, { 10, 20 }, { 3, 6 } },
                { 2.05f, { 10, 20 }, { 20, 40 } },
                { 1.5f, { 3, 5 }, { 4, 7 } } };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t x[] = { 1, 1, cases[i].in[0], cases[i].in[1] }, four[] = { 4 };
    float scales[] = { 1, 1, cases[i].scale, cases[i].scale };
    ReidError error = REID_ERROR_INIT;
    TinyOnnx *t = tiny_new (13);

    tiny_input (t, "x", 4, x);
    tiny_floats (t, "s", 1, four, scales);
    tiny_node (t, "Resize", "x,,s", "y");
    tiny_output (t, "y");
    ReidSession *s = open_net (t, &error);
    REQUIRE_OK (s != NULL, error);
    ReidTensor in = { 4, { 1, 1, x[2], x[3] }, NULL }, out;
    bool ok = reid_session_infer (s, &in, &out, &error);
    reid_session_unref (s);
    REQUIRE_OK (ok, error);
    for (int k = 0; k < 2; k++)
      CHECK_MSG (out.dims[2 + k] == cases[i].out[k], "%lld times %g is %lld",
                 (long long) x[2 + k], (double) cases[i].scale,
                 (long long) out.dims[2 + k]);
  }
}

TEST_MAIN ()
