/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory limit of a context, on every device of this build (the GPU's on
 * host memory). */
#include "test.h"
#include "nn/nn.h"
#include "tinyonnx.h"

#define WEIGHTS ((size_t) 64 * 16 * 9 * sizeof (float))

static ReidSession *
open_net (const char *device, ReidError *error)
{
  ReidSessionOptions options = { device, REID_PRECISION_F32 };
  TinyOnnx *t = tiny_new (13);
  ReidSession *session;
  const uint8_t *data;
  size_t size;

  tiny_input (t, "x", 4, (int64_t[]){ -1, 16, 24, 24 });
  tiny_random (t, "w", 4, (int64_t[]){ 64, 16, 3, 3 }, 1, -.1f, .1f);
  tiny_node (t, "Conv", "x,w", "y");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 3, 3 });
  tiny_node (t, "Softmax", "y", "z");
  tiny_attr_int (t, "axis", 1);
  tiny_node (t, "GlobalAveragePool", "z", "mean");
  tiny_output (t, "mean");
  data = tiny_bytes (t, &size);
  session = reid_session_open_memory (data, size, "tiny.onnx", &options, error);
  tiny_free (t);
  return session;
}

static bool
run (ReidContext *c, int64_t batch, ReidError *error)
{
  ReidTensor in = { .rank = 4, .dims = { batch, 16, 24, 24 } }, out;

  if (!reid_context_input (c, 0, &in, error))
    return false;
  for (int64_t i = 0; i < reid_tensor_count (&in); i++)
    in.data[i] = (float) (i % 17) / 17;
  return reid_context_run (c, &in, &out, error);
}

static bool
runs_below (const char *device, int64_t batch, size_t limit, ReidError *error)
{
  ReidSession *s = open_net (device, error);
  ReidContext *c = s ? reid_context_new (s, 1, error) : NULL;
  bool ok = c != NULL;

  if (ok) {
    ReidTensor in = { .rank = 4, .dims = { batch, 16, 24, 24 } };
    reid_context_limit_memory (c, limit);
    ok = reid_context_prepare (c, &in, error);
  }
  reid_context_free (c);
  reid_session_unref (s);
  return ok;
}

/* The least limit that is enough. */
static size_t
least (const char *device, int64_t batch)
{
  size_t low = 0, high = (size_t) 1 << 26;

  while (high - low > 1) {
    ReidError error = REID_ERROR_INIT;
    size_t middle = low + (high - low) / 2;
    if (runs_below (device, batch, middle, &error)) {
      high = middle;
    } else {
      CHECK_MSG (error.status == REID_ERROR_MEMORY, "%s", error.message);
      low = middle;
    }
  }
  return high;
}

static void
limits_on (const char *device)
{
  size_t one = least (device, 1), many = least (device, 16);
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_net (device, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL,
              *other = s ? reid_context_new (s, 1, &error) : NULL;

  printf ("# %s: %zu bytes for one picture, %zu for 16\n", device, one, many);
  /* dnnl runs any batch in pieces of the same size */
  CHECK (one >= WEIGHTS && many >= one);
  CHECK (many > one || strcmp (device, "dnnl") == 0);
  if (!c || !other) {
    CHECK_MSG (false, "%s", error.message);
    return;
  }
  /* enough for one at a time: plans that nobody uses make room */
  reid_context_limit_memory (c, many);
  for (int i = 0; i < 3; i++)
    CHECK_MSG (run (c, 16, &error) && run (c, 1, &error) && run (c, 3, &error),
               "%s", error.message);
  reid_context_limit_memory (c, many - 1);
  CHECK (!run (c, 16, &error));
  CHECK_MSG (error.status == REID_ERROR_MEMORY
                 && strstr (error.message, "tiny.onnx: ")
                 && strstr (error.message, "the memory limit is"),
             "%s", error.message);
  reid_error_clear (&error);
  CHECK_MSG (many == one || run (c, 1, &error), "%s", error.message);
  reid_context_limit_memory (c, one - 1);
  CHECK (!run (c, 1, &error));
  reid_error_clear (&error);
  /* what another one holds is counted, and stays; who has no limit does not
   * care */
  CHECK_MSG (run (other, 16, &error), "%s", error.message);
  reid_context_limit_memory (c, many);
  CHECK (!run (c, 1, &error));
  reid_error_clear (&error);
  CHECK_MSG (run (c, 16, &error), "%s", error.message);
  reid_context_limit_memory (c, 0);
  CHECK_MSG (run (c, 1, &error) && run (other, 16, &error), "%s",
             error.message);
  reid_context_free (c);
  reid_context_free (other);
  reid_session_unref (s);
}

TEST (weights_and_plans_stay_below_the_limit)
{
  limits_on ("reference");
}

#ifdef REID_HAVE_DNNL
TEST (weights_and_plans_stay_below_the_limit_on_dnnl)
{
  limits_on ("dnnl");
}
#endif

#ifdef REID_HAVE_CUDNN
TEST (weights_and_plans_stay_below_the_limit_on_cudnn)
{
  setenv ("REID_CUDNN_HOST", "1", 1);
  limits_on ("cudnn");
}
#endif

TEST_MAIN ()
