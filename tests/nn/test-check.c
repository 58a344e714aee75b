/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outputs that are not finite: which picture, and which node's fault. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/backend.h"

#include <math.h>

#define C 3
#define H 5
#define W 4
#define PIXELS (C * H * W)

/* Two 1x1 convolutions, which multiply by `first` and `second`, and a mean. */
static ReidSession *
open_net (int64_t batch, float first, float second, const char *device,
          ReidPrecision precision, ReidError *error)
{
  ReidSessionOptions options = { device, precision };
  float a[C * C] = { 0 }, b[C * C] = { 0 };
  TinyOnnx *t = tiny_new (13);
  ReidSession *session;
  const uint8_t *data;
  size_t size;

  for (int c = 0; c < C; c++) {
    a[c * C + c] = first;
    b[c * C + c] = second;
  }
  tiny_input (t, "faces", 4, (int64_t[]){ batch, C, H, W });
  tiny_floats (t, "a", 4, (int64_t[]){ C, C, 1, 1 }, a);
  tiny_floats (t, "b", 4, (int64_t[]){ C, C, 1, 1 }, b);
  tiny_node (t, "Conv", "faces,a", "early");
  tiny_node (t, "LeakyRelu", "early", "kept");
  tiny_node (t, "Conv", "kept,b", "late");
  tiny_node (t, "GlobalAveragePool", "late", "mean");
  tiny_output (t, "mean");
  data = tiny_bytes (t, &size);
  session = reid_session_open_memory (data, size, "tiny.onnx", &options, error);
  tiny_free (t);
  return session;
}

/* Runs n pictures, all ones but for one number of picture `odd`. */
static bool
run_and_check (ReidSession *session, int n, int odd, float value, int *picture,
               ReidError *error)
{
  ReidTensor in = { .rank = 4, .dims = { n, C, H, W } }, out;
  ReidContext *context = reid_context_new (session, 1, error);
  bool ok = context && reid_context_input (context, 0, &in, error);

  for (int i = 0; ok && i < n * PIXELS; i++)
    in.data[i] = 1;
  if (ok && odd >= 0)
    in.data[odd * PIXELS + 7] = value;
  ok = ok && reid_context_run (context, &in, &out, error);
  CHECK_MSG (ok, "%s", error->message);
  ok = ok && reid_session_check (session, &in, &out, picture, error);
  reid_context_free (context);
  return ok;
}

static void
node_is_named (const char *device)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *session =
      open_net (-1, 4, 1e30f, device, REID_PRECISION_F32, &error);
  int picture = -1;

  REQUIRE_OK (session != NULL, error);
  CHECK (run_and_check (session, 4, -1, 0, &picture, &error));
  CHECK_MSG (picture == -1 && error.status == REID_OK, "%s", error.message);
  /* 1e20 times 4 is a number, and that times 1e30 is none. */
  CHECK (!run_and_check (session, 4, 2, 1e20f, &picture, &error));
  CHECK (picture == 2 && error.status == REID_ERROR_FORMAT);
  CHECK_MSG (strncmp (error.message, "tiny.onnx: ", 11) == 0
                 && strstr (error.message, "'late' (Conv)")
                 && strstr (error.message, "output 'mean'")
                 && strstr (error.message, "infinity"),
             "%s", error.message);
  /* Not looked for again. */
  reid_error_clear (&error);
  CHECK (!run_and_check (session, 2, 1, 1e38f, &picture, &error));
  CHECK_MSG (picture == 1 && strstr (error.message, "earlier"), "%s",
             error.message);
  /* The others are as good as before. */
  reid_error_clear (&error);
  CHECK (run_and_check (session, 4, -1, 0, &picture, &error));
  reid_session_unref (session);

  session = open_net (-1, 4, 1e30f, device, REID_PRECISION_F32, &error);
  REQUIRE_OK (session != NULL, error);
  CHECK (!run_and_check (session, 3, 1, 1e38f, &picture, &error));
  CHECK_MSG (picture == 1 && strstr (error.message, "'early' (Conv)"), "%s",
             error.message);
  /* The network is not to blame for what it is given. */
  reid_error_clear (&error);
  CHECK (!run_and_check (session, 3, 0, NAN, &picture, &error));
  CHECK_MSG (picture == 0 && error.status == REID_ERROR_ARGUMENT
                 && strstr (error.message, "input 'faces'"),
             "%s", error.message);
  reid_session_unref (session);
}

TEST (the_node_and_the_picture_are_named)
{
  node_is_named ("reference");
}

#ifdef REID_HAVE_DNNL
TEST (the_node_and_the_picture_are_named_on_dnnl)
{
  node_is_named ("dnnl");
}
#endif

#ifdef REID_HAVE_CUDNN
TEST (numbers_that_are_too_large_for_f16_are_told)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *session;
  int picture = -1;

  setenv ("REID_CUDNN_HOST", "1", 1);
  session = open_net (-1, 4, 4, "cudnn", REID_PRECISION_F16, &error);
  REQUIRE_OK (session != NULL, error);
  CHECK (!run_and_check (session, 3, 2, 60000, &picture, &error));
  CHECK_MSG (picture == 2 && strstr (error.message, "precision=f32")
                 && strstr (error.message, "f16 on cudnn"),
             "%s", error.message);
  reid_session_unref (session);
}
#endif

TEST (the_first_number_that_is_not_finite)
{
  uint64_t state = 1;
  float data[70];

  for (int round = 0; round < 2000; round++) {
    int n = (int) (test_random (&state) % 70);
    int64_t at = -1;
    for (int i = 0; i < n; i++)
      data[i] = (float) ((int) (test_random (&state) % 2001) - 1000) * 3e35f;
    if (n > 0 && round % 3) {
      static const float bad[] = { NAN, INFINITY, -INFINITY };
      at = (int64_t) (test_random (&state) % (uint64_t) n);
      data[at] = bad[test_random (&state) % 3];
      data[n - 1] = at < n - 1 && round % 2 ? NAN : data[n - 1];
    }
    CHECK (reid_first_not_finite (data, n) == at);
  }
}

TEST_MAIN ()
