/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* oneDNN's threads: the same bytes however many there are, and one set of them
 * for all callers. And what a failed compilation says. */

#include "test.h"
#include "tinyonnx.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "nn/backend.h"

static float *
noise (size_t n)
{
  uint64_t state = 5;
  float *data = malloc (n * sizeof *data);
  for (size_t i = 0; data && i < n; i++)
    data[i] = (float) test_uniform (&state) - .5f;
  return data;
}

/* A convolution of pictures of any size and number. */
static ReidSession *
open_conv (int in, int out, int groups, int kernel, int stride)
{
  int64_t x[] = { -1, in, -1, -1 }, w[] = { out, in / groups, kernel, kernel };
  int64_t pads[] = { kernel / 2, kernel / 2, kernel / 2, kernel / 2 };
  int64_t strides[] = { stride, stride };
  ReidSessionOptions options = { "dnnl", REID_PRECISION_F32 };
  ReidError error = REID_ERROR_INIT;
  float *weight = noise ((size_t) (w[0] * w[1] * w[2] * w[3]));
  TinyOnnx *t = tiny_new (13);
  size_t size;

  tiny_input (t, "x", 4, x);
  tiny_floats (t, "w", 4, w, weight);
  tiny_node (t, "Conv", "x,w", "y");
  tiny_attr_int (t, "group", groups);
  tiny_attr_ints (t, "pads", 4, pads);
  tiny_attr_ints (t, "strides", 2, strides);
  tiny_output (t, "y");
  const uint8_t *data = tiny_bytes (t, &size);
  ReidSession *s =
      reid_session_open_memory (data, size, "conv", &options, &error);
  CHECK_MSG (s != NULL, "%s", error.message);
  free (weight);
  tiny_free (t);
  return s;
}

/* The result for `batch` times the same noise, `count` floats; NULL: told. */
static float *
run (ReidSession *s, int threads, int batch, int height, int width,
     size_t *count)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *c = reid_context_new (s, threads, &error);
  int channels = (int) reid_session_input (s, 0)->dims[1];
  size_t picture = (size_t) channels * height * width;
  ReidTensor in = { 4, { batch, channels, height, width }, NULL }, out;
  float *result = NULL, *one = noise (picture);

  if (c && reid_context_input (c, 0, &in, &error)) {
    for (int i = 0; i < batch; i++)
      memcpy (in.data + i * picture, one, picture * sizeof *one);
    if (reid_context_run (c, &in, &out, &error)) {
      *count = 1;
      for (int i = 0; i < out.rank; i++)
        *count *= (size_t) out.dims[i];
      result = malloc (*count * sizeof *result);
      memcpy (result, out.data, *count * sizeof *result);
    }
  }
  CHECK_MSG (result != NULL, "%s", error.message);
  free (one);
  reid_context_free (c);
  return result;
}

TEST (convolutions_for_which_onednn_has_only_a_matrix_product)
{
  static const struct {
    int in, out, groups, kernel, stride, size;
  } cases[] = { { 24, 30, 3, 3, 2, 196 },
                { 19, 17, 1, 3, 1, 96 },
                { 33, 21, 3, 4, 1, 70 },
                { 7, 5, 1, 5, 1, 150 } };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ReidSession *s = open_conv (cases[i].in, cases[i].out, cases[i].groups,
                                cases[i].kernel, cases[i].stride);
    size_t n, m;
    float *one = s ? run (s, 1, 1, cases[i].size, cases[i].size, &n) : NULL;
    for (int threads = 1; threads <= 4 && one; threads++)
      for (int batch = 1; batch <= 3; batch++) {
        float *all = run (s, threads, batch, cases[i].size, cases[i].size, &m);
        for (int b = 0; b < batch && all; b++)
          CHECK_MSG (
              m == n * (size_t) batch
                  && !memcmp (all + (size_t) b * n, one, n * sizeof *one),
              "%d to %d channels: threads %d, batch %d, picture %d",
              cases[i].in, cases[i].out, threads, batch, b);
        free (all);
      }
    free (one);
    reid_session_unref (s);
  }
}

/* --- one set of threads --- */

#define CALLERS 8

typedef struct {
  ReidSession *session;
  int threads;
  pthread_barrier_t *barrier;
  float *out;
  size_t count;
} Caller;

static void *
call (void *data)
{
  Caller *c = data;
  for (int i = 0; i < 4; i++) {
    free (c->out);
    c->out = run (c->session, c->threads, 1, 56, 56, &c->count);
  }
  pthread_barrier_wait (c->barrier); /* all have their results */
  pthread_barrier_wait (c->barrier); /* the tasks are counted */
  return NULL;
}

static int
count_tasks (void)
{
  int n = 0;
  DIR *d = opendir ("/proc/self/task");
  for (struct dirent *e; d && (e = readdir (d));)
    n += e->d_name[0] != '.';
  if (d)
    closedir (d);
  return n;
}

/* CALLERS threads, of which caller i asks for threads[i % 4]. */
static void
check_callers (const int threads[4])
{
  ReidSession *s = open_conv (64, 64, 1, 3, 1);
  Caller callers[CALLERS];
  pthread_t ids[CALLERS];
  pthread_barrier_t barrier;
  cpu_set_t set;
  int most = 1, room = 1, tasks = 0, bound;

  REQUIRE (s != NULL);
  if (sched_getaffinity (0, sizeof set, &set) == 0)
    room = CPU_COUNT (&set);
  for (int i = 0; i < 4; i++)
    most = threads[i] > most ? threads[i] : most;
  /* This thread and the callers; the teams of oneDNN; the engine's workers. */
  bound = 1 + CALLERS + (room > most ? room : most) + 3;
  pthread_barrier_init (&barrier, NULL, CALLERS + 1);
  for (int i = 0; i < CALLERS; i++) {
    callers[i] = (Caller){ s, threads[i % 4], &barrier, NULL, 0 };
    pthread_create (&ids[i], NULL, call, &callers[i]);
  }
  pthread_barrier_wait (&barrier);
  /* Those of a team that made room for another are still going home. */
  for (int i = 0; i < 200 && (tasks = count_tasks ()) > bound; i++)
    usleep (10000);
  CHECK_MSG (tasks <= bound, "%d tasks, not %d", tasks, bound);
  pthread_barrier_wait (&barrier);
  for (int i = 0; i < CALLERS; i++)
    pthread_join (ids[i], NULL);
  for (int i = 0; i < CALLERS; i++)
    CHECK_MSG (callers[i].out && callers[0].out
                   && !memcmp (callers[i].out, callers[0].out,
                               callers[0].count * sizeof (float)),
               "caller %d has another result", i);
  for (int i = 0; i < CALLERS; i++)
    free (callers[i].out);
  pthread_barrier_destroy (&barrier);
  reid_session_unref (s);
}

TEST (eight_callers_of_four_threads)
{
  check_callers ((int[]){ 4, 4, 4, 4 });
}

TEST (callers_of_different_numbers_of_threads)
{
  check_callers ((int[]){ 4, 2, 3, 1 });
}

/* --- messages --- */

TEST (a_compile_error_names_file_and_node_once)
{
  /* Reads value 1, which nobody makes: no file can say that. */
  ReidValue values[] = { { .name = "x" }, { .name = "lost" }, { .name = "y" } };
  int in[] = { 1 }, inputs[] = { 0 }, outputs[] = { 2 };
  ReidNode node = { .op = REID_OP_TRANSPOSE,
                    .name = "turn",
                    .type = "Transpose",
                    .in = in,
                    .n_in = 1,
                    .out = 2,
                    .u.perm = { { 1, 0 } } };
  ReidGraph graph = { .nodes = &node,
                      .n_nodes = 1,
                      .values = values,
                      .n_values = 3,
                      .inputs = inputs,
                      .n_inputs = 1,
                      .outputs = outputs,
                      .n_outputs = 1,
                      .file = "some.onnx" };
  ReidShape shapes[] = { { 2, { 2, 3 } }, { 2, { 2, 3 } }, { 2, { 3, 2 } } };
  ReidError error = REID_ERROR_INIT;
  void *library = dlopen (REID_DNNL_MODULE, RTLD_NOW | RTLD_LOCAL);
  const ReidBackend *backend = library ? dlsym (library, "reid_backend") : NULL;

  REQUIRE (backend != NULL);
  ReidBackendOptions options = { 0, REID_PRECISION_F32 };
  ReidBackendModel *model = backend->model_new (&graph, &options, &error);
  REQUIRE_OK (model != NULL, error);
  CHECK (!backend->plan_new (model, shapes, 1, &error));
  CHECK_MSG (!strcmp (error.message, "some.onnx: node turn (Transpose): "
                                     "value lost is read before it is made"),
             "%s", error.message);
  backend->model_free (model);
}

TEST_MAIN ()
