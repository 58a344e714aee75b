/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole networks on the dnnl backend: against the reference backend, and the
 * same bytes for every batch and thread count. In f32, or in bf16 where
 * $REID_TEST_PRECISION says so. */

#include "test.h"

#include <pthread.h>

#include "nn/nn.h"

static bool
bf16 (void)
{
  const char *precision = getenv ("REID_TEST_PRECISION");
  return precision && strcmp (precision, "bf16") == 0;
}

/* Is there no bf16? */
static bool
missing (const char *file)
{
  ReidSessionOptions options = { "dnnl", REID_PRECISION_BF16 };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = bf16 () ? reid_session_open (file, &options, &error) : NULL;
  reid_session_unref (s);
  return bf16 () && !s && error.status == REID_ERROR_ARGUMENT;
}

static ReidSession *
open_model (const char *file, const char *device)
{
  ReidError error = REID_ERROR_INIT;
  ReidSessionOptions options = { device, bf16 () && strcmp (device, "dnnl") == 0
                                             ? REID_PRECISION_BF16
                                             : REID_PRECISION_F32 };
  ReidSession *s = reid_session_open (file, &options, &error);
  CHECK_MSG (s != NULL, "%s", error.message);
  return s;
}

/* `batch` pictures of noise that depends on the picture's index alone. */
static bool
run (ReidSession *session, int threads, int batch, int height, int width,
     float scale, int first, float **out, size_t *sizes)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *context = reid_context_new (session, threads, &error);
  ReidTensor in = { 4, { batch, 3, height, width }, NULL };
  ReidTensor outs[16];
  size_t picture = (size_t) 3 * height * width;
  bool ok = context && reid_context_input (context, 0, &in, &error);
  for (int b = 0; b < batch && ok; b++) {
    uint64_t state = 77 + (uint64_t) (first + b);
    for (size_t i = 0; i < picture; i++)
      in.data[b * picture + i] = (float) test_uniform (&state) * scale;
  }
  ok = ok && reid_context_run (context, &in, outs, &error);
  CHECK_MSG (ok, "%d threads, batch %d: %s", threads, batch, error.message);
  for (int i = 0; ok && i < reid_session_n_outputs (session); i++) {
    size_t count = 1;
    for (int d = 0; d < outs[i].rank; d++)
      count *= (size_t) outs[i].dims[d];
    sizes[i] = count;
    out[i] = malloc (count * sizeof (float));
    memcpy (out[i], outs[i].data, count * sizeof (float));
  }
  reid_context_free (context);
  return ok;
}

static void
clear (float **out)
{
  for (int i = 0; i < 16; i++) {
    free (out[i]);
    out[i] = NULL;
  }
}

static void
check_model (const char *name, const char *file, int height, int width,
             float scale, bool batches)
{
  float *want[16] = { NULL }, *got[16] = { NULL };
  double least = bf16 () ? .1 : 2e-5;
  if (missing (file))
    SKIP ("needs AMX");
  size_t sizes[16], sizes2[16];
  ReidSession *plain = open_model (file, "reference");
  ReidSession *fast = open_model (file, "dnnl");
  if (plain && fast && run (plain, 1, 1, height, width, scale, 0, want, sizes)
      && run (fast, 1, 1, height, width, scale, 0, got, sizes2)) {
    for (int i = 0; i < reid_session_n_outputs (fast); i++) {
      double top = 1e-3, off = 0;
      REQUIRE (sizes[i] == sizes2[i]);
      for (size_t k = 0; k < sizes[i]; k++) {
        top = fmax (top, fabs (want[i][k]));
        off = fmax (off, fabs (want[i][k] - got[i][k]));
      }
      CHECK_MSG (off <= least * top, "%s output %d: off by %g of %g", name, i,
                 off, top);
    }
  }
  clear (want);
  static const int sizes_of_batch[] = { 1, 3, 8, 16 };
  for (int b = 0; fast && b < (batches ? 4 : 1); b++)
    for (int threads = 1; threads <= 3; threads++) {
      int batch = sizes_of_batch[b];
      float *all[16] = { NULL };
      size_t all_sizes[16];
      if (!run (fast, threads, batch, height, width, scale, 0, all, all_sizes))
        continue;
      /* Picture 0 was `got`; the last one is run alone here. */
      float *last[16] = { NULL };
      run (fast, 1, 1, height, width, scale, batch - 1, last, sizes2);
      for (int i = 0; i < reid_session_n_outputs (fast); i++) {
        size_t n = sizes2[i];
        CHECK (all_sizes[i] == n * (size_t) batch);
        CHECK_MSG (!memcmp (all[i], got[i], n * sizeof (float)),
                   "%s output %d: threads %d batch %d: first picture", name, i,
                   threads, batch);
        CHECK_MSG (!memcmp (all[i] + n * (size_t) (batch - 1), last[i],
                            n * sizeof (float)),
                   "%s output %d: threads %d batch %d: last picture", name, i,
                   threads, batch);
      }
      clear (all);
      clear (last);
    }
  clear (got);
  reid_session_unref (plain);
  reid_session_unref (fast);
}

/* The tests of a suite are told by their names: see meson.build. */
static void
check_shipped (const char *name, int height, int width, float scale,
               bool batches)
{
  char file[4096];

  snprintf (file, sizeof file, "%s/kernels/models/%s", REID_SOURCE_ROOT, name);
  check_model (name, file, height, width, scale, batches);
}

TEST (shipped_detector)
{
  check_shipped ("reid-detect-s.onnx", 96, 160, 255, true);
}

TEST (shipped_detector_of_odd_size)
{
  check_shipped ("reid-detect-s.onnx", 224, 352, 255, false);
}

TEST (shipped_embedder)
{
  check_shipped ("reid-embed-s.onnx", 112, 112, 1, true);
}

static void
check_shared (const char *name, int height, int width, float scale,
              bool batches)
{
  const char *file = test_shared (name);

  if (!file)
    SKIP ("needs ../shared: %s", name);
  check_model (name, file, height, width, scale, batches);
}

TEST (shared_yunet)
{
  check_shared ("models/yunet/yunet_n_dynamic.onnx", 96, 160, 255, true);
}

TEST (shared_yunet_of_odd_size)
{
  check_shared ("models/yunet/yunet_n_dynamic.onnx", 224, 352, 255, false);
}

TEST (shared_yunet_static)
{
  check_shared ("models/yunet/yunet_n_320_320.onnx", 320, 320, 255, false);
}

TEST (shared_mobilefacenet)
{
  check_shared ("models/mobilefacenet/MobileFaceNet.onnx", 112, 112, 1, true);
}

TEST (shared_ultra_light_rfb)
{
  check_shared ("models/ultralight/version-RFB-320.onnx", 240, 320, 1, false);
}

TEST (shared_ultra_light_slim)
{
  check_shared ("models/ultralight/version-slim-320.onnx", 240, 320, 1, false);
}

TEST (shared_blazeface)
{
  check_shared ("models/blazeface/blazeface.onnx", 128, 128, 1, false);
}

typedef struct {
  ReidSession *session;
  int threads;
  float *out[16];
  size_t sizes[16];
} Caller;

static void *
call (void *data)
{
  Caller *c = data;
  for (int i = 0; i < 5; i++) {
    clear (c->out);
    run (c->session, c->threads, 1 + i % 3, 64, 96, 255, 0, c->out, c->sizes);
  }
  return NULL;
}

static void
many_callers_at_once (const char *file)
{
  if (missing (file))
    SKIP ("needs AMX");
  ReidSession *session = open_model (file, "dnnl");
  REQUIRE (session != NULL);
  Caller callers[6] = { { NULL } };
  pthread_t threads[6];
  for (int i = 0; i < 6; i++) {
    callers[i] = (Caller){ session, 1 + i % 3, { NULL }, { 0 } };
    pthread_create (&threads[i], NULL, call, &callers[i]);
  }
  for (int i = 0; i < 6; i++)
    pthread_join (threads[i], NULL);
  for (int i = 1; i < 6; i++)
    for (int k = 0; k < reid_session_n_outputs (session); k++)
      CHECK (callers[i].out[k] && callers[0].out[k]
             && !memcmp (callers[i].out[k], callers[0].out[k],
                         callers[0].sizes[k] * sizeof (float)));
  for (int i = 0; i < 6; i++)
    clear (callers[i].out);
  reid_session_unref (session);
}

TEST (shipped_detector_of_many_callers_at_once)
{
  many_callers_at_once (REID_SOURCE_ROOT "/kernels/models/reid-detect-s.onnx");
}

TEST (shared_yunet_of_many_callers_at_once)
{
  const char *name = "models/yunet/yunet_n_dynamic.onnx";
  const char *file = test_shared (name);

  if (!file)
    SKIP ("needs ../shared: %s", name);
  many_callers_at_once (file);
}

TEST_MAIN ()
