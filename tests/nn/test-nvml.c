/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a GPU while something runs on it, with a library in the
 * driver's place: see nvml.c. */
#include "test.h"
#include "nn/measure.h"
#include "tinyonnx.h"

#include <dlfcn.h>
#include <time.h>

/* How many use the stand-in now; -1 where it is not even loaded. */
static int
users (void)
{
  void *library = dlopen ("libnvidia-ml.so.1", RTLD_NOW);
  int (*count) (void), n;
  void *found = library ? dlsym (library, "fake_users") : NULL;

  if (!found)
    return -1;
  memcpy (&count, &found, sizeof count);
  n = count ();
  dlclose (library);
  return n;
}

static void
wait_ms (long ms)
{
  nanosleep (&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

TEST (a_gpu_is_watched_until_it_is_enough)
{
  ReidGpuSampler *s = reid_gpu_sampler_start ("0000:1B:00.0", 7);
  ReidGpuLoad load;

  REQUIRE (s != NULL);
  wait_ms (400);
  reid_gpu_sampler_stop (s, &load);
  CHECK_MSG (load.samples >= 3 && load.samples <= 20, "%d", load.samples);
  CHECK_MSG (load.busy >= .4 && load.busy <= .6, "%g", load.busy);
  CHECK (load.memory == (size_t) 3 << 30 && load.total == (size_t) 8 << 30);
  CHECK (users () == 0);
}

TEST (there_is_a_sample_however_short_it_was)
{
  ReidGpuSampler *s = reid_gpu_sampler_start (NULL, 0);
  ReidGpuLoad load;

  REQUIRE (s != NULL);
  reid_gpu_sampler_stop (s, &load);
  CHECK (load.samples >= 1 && load.total == (size_t) 8 << 30);
  CHECK (users () == 0);
}

TEST (a_gpu_that_is_not_there_is_not_watched)
{
  ReidGpuLoad load = { .samples = 5 };

  CHECK (!reid_gpu_sampler_start (NULL, 1));
  CHECK (!reid_gpu_sampler_start ("0000:99:00.0", 0));
  CHECK (users () == 0);
  reid_gpu_sampler_stop (NULL, &load);
  CHECK (load.samples == 0);
}

static void
measured_on (const char *device, bool gpu)
{
  ReidSessionOptions options = { device, REID_PRECISION_F32 };
  ReidMeasureOptions o = {
    .batch = 2, .callers = 2, .threads = 1, .seconds = .2
  };
  ReidError error = REID_ERROR_INIT;
  TinyOnnx *t = tiny_new (13);
  ReidMeasurement m;
  size_t size;

  tiny_input (t, "x", 4, (int64_t[]){ -1, 3, 8, 8 });
  tiny_node (t, "GlobalAveragePool", "x", "y");
  tiny_output (t, "y");
  const uint8_t *data = tiny_bytes (t, &size);
  ReidSession *s =
      reid_session_open_memory (data, size, "tiny.onnx", &options, &error);
  tiny_free (t);
  REQUIRE_OK (s != NULL, error);
  CHECK_MSG (reid_measure (s, &o, &m, &error), "%s", error.message);
  CHECK (m.pictures > 0);
  CHECK_MSG (gpu ? m.gpu.samples > 0 && m.gpu.busy > .3
                 : m.gpu.samples == 0 && m.gpu.total == 0,
             "%s: %d samples", device, m.gpu.samples);
  CHECK (users () == 0);
  reid_session_unref (s);
}

TEST (a_measurement_has_it_on_a_gpu_only)
{
  measured_on ("reference", false);
#ifdef REID_HAVE_CUDNN
  setenv ("REID_CUDNN_HOST", "1", 1);
  measured_on ("cudnn", true);
#endif
}

TEST_MAIN ()
