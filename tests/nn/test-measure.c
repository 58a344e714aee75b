/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is measured, not how fast it is. */
#include "nn/measure.h"
#include "test.h"
#include "tinyonnx.h"

static ReidSession *
open_net (const int64_t dims[4])
{
  ReidSessionOptions options = { "reference", REID_PRECISION_F32 };
  ReidError error = REID_ERROR_INIT;
  TinyOnnx *t = tiny_new (13);
  ReidSession *session;
  const uint8_t *data;
  size_t size;

  tiny_input (t, "x", 4, dims);
  tiny_random (t, "w", 4, (int64_t[]){ 2, 3, 1, 1 }, 1, -.1f, .1f);
  tiny_node (t, "Conv", "x,w", "y");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 1, 1 });
  tiny_node (t, "GlobalAveragePool", "y", "mean");
  tiny_output (t, "mean");
  data = tiny_bytes (t, &size);
  session =
      reid_session_open_memory (data, size, "tiny.onnx", &options, &error);
  tiny_free (t);
  CHECK_MSG (session, "%s", error.message);
  return session;
}

static bool
measure (ReidSession *s, int64_t batch, int64_t width, int64_t height,
         ReidMeasurement *m, ReidError *error)
{
  ReidMeasureOptions o = { .batch = batch,
                           .width = width,
                           .height = height,
                           .threads = 1,
                           .seconds = .001 };
  return reid_measure (s, &o, m, error);
}

TEST (sizes_that_are_free_are_those_of_pictures)
{
  ReidSession *s = open_net ((int64_t[]){ -1, -1, -1, -1 });
  ReidError error = REID_ERROR_INIT;
  ReidMeasurement m;

  REQUIRE (s);
  REQUIRE_OK (measure (s, 2, 0, 0, &m, &error), error);
  CHECK (m.width == 320 && m.height == 320);
  REQUIRE_OK (measure (s, 1, 24, 16, &m, &error), error);
  CHECK (m.width == 24 && m.height == 16);
  /* 2 x 3 multiply-adds for each pixel */
  CHECK_NEAR (m.gflops / m.pictures, 24 * 16 * 6 * 2e-9, 24 * 16 * 2e-9);
  reid_session_unref (s);
}

TEST (those_of_the_file_stay)
{
  ReidSession *s = open_net ((int64_t[]){ -1, 3, 8, 12 });
  ReidError error = REID_ERROR_INIT;
  ReidMeasurement m;

  REQUIRE (s);
  REQUIRE_OK (measure (s, 2, 24, 16, &m, &error), error);
  CHECK (m.width == 12 && m.height == 8);
  reid_session_unref (s);
}

TEST (a_batch_that_is_too_large_is_told_as_one)
{
  ReidSession *s = open_net ((int64_t[]){ -1, 3, 112, 112 });
  ReidError error = REID_ERROR_INIT;
  ReidMeasurement m;

  REQUIRE (s);
  CHECK (!measure (s, 65536, 0, 0, &m, &error));
  CHECK_MSG (strstr (error.message, "65536x3x112x112 is too large"), "%s",
             error.message);
  reid_session_unref (s);
}

TEST_MAIN ()
