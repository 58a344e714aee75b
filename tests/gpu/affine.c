/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Norms that plans make beside convolutions: which steps a network is compiled
 * to, when a plan is taken and when not, and that the numbers stay the same. On
 * a GPU and a cuDNN that are this machine (standin.h). */
#include "standin.h"
#include "test.h"
#include "tinyonnx.h"

#include "nn/backend.h"
#include "nn/cudnn/program.h"
#include "nn/cudnn/tune_private.h"
#include "nn/load.h"

#include <dirent.h>
#include <unistd.h>

#define CHANNELS 5 /* stored as 8 */
#define SIDE 4
#define NORMS 5
#define OUTPUTS 2

static char folder[] = "/tmp/reid-affine-XXXXXX", log_path[64], cache[64];

/* --- the network --- */

static void
norm (TinyOnnx *t, const char *in, const char *out)
{
  static const char *const parts[] = { "s", "b", "m", "v" };
  char names[4][32], all[160];

  for (int i = 0; i < 4; i++) {
    snprintf (names[i], sizeof names[i], "%s_%s", out, parts[i]);
    tiny_random (t, names[i], 1, (int64_t[]){ CHANNELS },
                 (uint64_t) (out[1] * 7 + i), i == 3 ? .5f : -1,
                 i == 3 ? 2 : 1);
  }
  snprintf (all, sizeof all, "%s,%s,%s,%s,%s", in, names[0], names[1], names[2],
            names[3]);
  tiny_node (t, "BatchNormalization", all, out);
}

static void
conv (TinyOnnx *t, const char *in, const char *out)
{
  char w[32], b[32], all[96];

  snprintf (w, sizeof w, "%s_w", out);
  snprintf (b, sizeof b, "%s_bias", out);
  tiny_random (t, w, 4, (int64_t[]){ CHANNELS, CHANNELS, 3, 3 },
               (uint64_t) out[1], -.2f, .2f);
  tiny_random (t, b, 1, (int64_t[]){ CHANNELS }, (uint64_t) out[1] + 9, -1, 1);
  snprintf (all, sizeof all, "%s,%s,%s", in, w, b);
  tiny_node (t, "Conv", all, out);
  tiny_attr_ints (t, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
}

/* Two blocks of an iResNet. What is read by whom, beside a norm: c0 by the sum
 * after it; r0, an activation, by the second norm on it; s1 by the network's
 * end; s2 by nobody. */
static ReidModel *
make (void)
{
  ReidError error = REID_ERROR_INIT;
  TinyOnnx *t = tiny_new (13);
  const uint8_t *data;
  ReidModel *m;
  size_t size;

  tiny_input (t, "x", 4, (int64_t[]){ -1, CHANNELS, SIDE, SIDE });
  conv (t, "x", "c0");
  norm (t, "c0", "n0");
  conv (t, "n0", "c1");
  tiny_node (t, "Relu", "c1", "r1");
  conv (t, "r1", "c2");
  tiny_node (t, "Add", "c2,c0", "s1");
  norm (t, "s1", "n1");
  conv (t, "n1", "c3");
  tiny_node (t, "Sigmoid", "c3", "r3");
  norm (t, "r3", "n3");
  norm (t, "r3", "n4");
  tiny_node (t, "Add", "n3,n4", "d3");
  conv (t, "d3", "c4");
  tiny_node (t, "Add", "c4,s1", "s2");
  norm (t, "s2", "n2");
  tiny_output (t, "n2");
  tiny_output (t, "s1");
  data = tiny_bytes (t, &size);
  m = reid_model_load ((ReidBytes){ data, size }, "tiny.onnx", NULL, &error);
  CHECK_MSG (m, "%s", error.message);
  tiny_free (t);
  return m;
}

/* --- running it --- */

typedef struct {
  ReidModel *model;
  ReidGpu gpu;
  ReidStore store;
  ReidTuner *tuner;
  ReidGpuWeights *weights;
  int fused, both, norms; /* steps: of cuDNN, those with two outputs, our own */
  int64_t batch;
  float *out[OUTPUTS];
} Engine;

static bool
start (Engine *e, ReidStore store)
{
  ReidError error = REID_ERROR_INIT;

  *e = (Engine){ make (), { .name = "stand-in", .major = 9 }, store };
  if (!e->model)
    return false;
  e->tuner = reid_tuner_ref (&e->gpu, &error);
  e->weights = reid_gpu_weights_new (
      &e->model->graph, &(ReidGpu){ .host = true, .name = "host" }, store);
  return e->tuner && e->weights;
}

static void
stop (Engine *e)
{
  for (int i = 0; i < OUTPUTS; i++)
    free (e->out[i]);
  reid_gpu_weights_free (e->weights);
  reid_tuner_unref (e->tuner);
  reid_model_free (e->model);
}

static bool
shapes_for (const Engine *e, int64_t batch, ReidShape *shapes)
{
  memset (shapes, 0, (size_t) e->model->graph.n_values * sizeof *shapes);
  shapes[e->model->graph.inputs[0]] =
      (ReidShape){ 4, { batch, CHANNELS, SIDE, SIDE } };
  return reid_graph_infer (&e->model->graph, shapes, NULL);
}

static bool
apart (const ReidGpuProgram *p, int a, int b)
{
  const ReidGpuBuffer *x = &p->buffers[a], *y = &p->buffers[b];

  return x->constant || y->constant || x->offset + x->size <= y->offset
         || y->offset + y->size <= x->offset;
}

static void
count_steps (Engine *e, const ReidGpuProgram *p)
{
  e->fused = e->both = e->norms = 0;
  for (int i = 0; i < p->n_steps; i++) {
    const ReidGpuStep *s = &p->steps[i];
    e->fused += s->kind == REID_GPU_FUSED;
    e->both += s->also >= 0;
    e->norms += s->kind == REID_GPU_EPILOGUE;
    if (s->also < 0)
      continue;
    CHECK (s->kind == REID_GPU_FUSED && apart (p, s->also, s->out));
    for (int k = 0; k < s->n_in; k++)
      CHECK (s->in[k] < 0 || apart (p, s->also, s->in[k]));
  }
}

/* Picture i of every batch is the same one. */
static void
paint (float *x, int64_t n)
{
  for (int64_t i = 0; i < n; i++)
    x[i] = (float) ((i * 7919 + i / 13) % 401) / 200 - 1;
}

/* A plan of that batch; its answers are in e->out. */
static bool
run (Engine *e, int64_t batch)
{
  const ReidGraph *g = &e->model->graph;
  int64_t n = batch * CHANNELS * SIDE * SIDE;
  ReidError error = REID_ERROR_INIT;
  ReidShape *shapes = calloc ((size_t) g->n_values, sizeof *shapes);
  ReidGpuProgram *p = NULL;
  char *memory = NULL;

  if (shapes_for (e, batch, shapes))
    p = reid_gpu_program_new (g, &e->gpu, e->store, e->tuner, e->weights,
                              shapes, &error);
  free (shapes);
  CHECK_MSG (p, "%s", error.message);
  if (!p)
    return false;
  e->batch = batch;
  count_steps (e, p);
  if (posix_memalign ((void **) &memory, 256, p->memory + p->workspace)) {
    printf ("Bail out! no memory\n");
    exit (1);
  }
  memset (memory, 0xff, p->memory + p->workspace);
  paint ((float *) (memory + p->buffers[p->inputs[0].buffer].offset), n);
  CHECK_MSG (reid_gpu_program_run (p, (ReidQueue){ NULL, true }, memory, false,
                                   &error),
             "%s", error.message);
  for (int i = 0; i < OUTPUTS; i++) {
    free (e->out[i]);
    e->out[i] = malloc ((size_t) n * sizeof *e->out[i]);
    memcpy (e->out[i], memory + p->buffers[p->outputs[i]].offset,
            (size_t) n * sizeof *e->out[i]);
  }
  free (memory);
  reid_gpu_program_free (p);
  return true;
}

/* Its first picture is what another one made of it, too. */
static bool
same (const Engine *a, const Engine *b)
{
  for (int i = 0; i < OUTPUTS; i++)
    if (memcmp (a->out[i], b->out[i], CHANNELS * SIDE * SIDE * sizeof (float))
        != 0)
      return false;
  return true;
}

static void
check_reference (const Engine *e, double tolerance)
{
  const ReidGraph *g = &e->model->graph;
  ReidBackendOptions options = { .precision = REID_PRECISION_F32 };
  const ReidBackend *b = &reid_backend_reference;
  int64_t n = e->batch * CHANNELS * SIDE * SIDE;
  ReidShape *shapes = calloc ((size_t) g->n_values, sizeof *shapes);
  ReidBackendModel *model = b->model_new (g, &options, NULL);
  REQUIRE (shapes_for (e, e->batch, shapes));
  ReidBackendPlan *plan = b->plan_new (model, shapes, 1, NULL);
  size_t size = b->plan_workspace (plan);
  void *workspace = NULL;
  float *x = malloc ((size_t) n * sizeof *x), *out[OUTPUTS];

  REQUIRE (posix_memalign (&workspace, 64, size + 64) == 0);
  for (int i = 0; i < OUTPUTS; i++)
    out[i] = malloc ((size_t) n * sizeof (float));
  paint (x, n);
  CHECK (b->plan_run (plan, (const float *const[]){ x }, out, workspace, NULL));
  for (int i = 0; i < OUTPUTS; i++) {
    double worst = 0;
    for (int64_t k = 0; k < n; k++)
      worst = fmax (worst, fabs ((double) out[i][k] - e->out[i][k]));
    CHECK_MSG (worst <= tolerance, "output %d is off by %g", i, worst);
    free (out[i]);
  }
  free (x);
  free (workspace);
  free (shapes);
  b->plan_free (plan);
  b->model_free (model);
}

/* Lines of the log that hold the text; then it begins anew. */
static int
logged (const char *text)
{
  FILE *f = fopen (log_path, "r");
  char line[4096];
  int n = 0;

  while (f && fgets (line, sizeof line, f))
    n += strstr (line, text) != NULL;
  if (f)
    fclose (f);
  unlink (log_path);
  return n;
}

static void
empty_cache (void)
{
  DIR *d = opendir (cache);
  struct dirent *entry;
  char path[sizeof cache + 256 + 2];

  while (d && (entry = readdir (d)))
    if (entry->d_name[0] != '.') {
      snprintf (path, sizeof path, "%s/%s", cache, entry->d_name);
      unlink (path);
    }
  if (d)
    closedir (d);
}

static void
begin (bool keep)
{
  if (!log_path[0]) {
    if (!mkdtemp (folder)) {
      printf ("Bail out! no folder\n");
      exit (1);
    }
    snprintf (log_path, sizeof log_path, "%s/log", folder);
    snprintf (cache, sizeof cache, "%s/plans", folder);
  }
  standin_reset ();
  unlink (log_path);
  empty_cache ();
  setenv ("REID_CUDNN_LOG", log_path, 1);
  setenv ("REID_PLAN_CACHE", keep ? cache : "none", 1);
  unsetenv ("REID_CUDNN_AFFINE");
}

static void
end (void)
{
  empty_cache ();
  rmdir (cache);
  unlink (log_path);
}

/* The network without any such plan, and that nothing of it is asked for. */
static bool
start_never (Engine *e, ReidStore store, int64_t batch)
{
  int asked = standin.asked[1];

  setenv ("REID_CUDNN_AFFINE", "never", 1);
  if (!start (e, store))
    return false;
  if (!run (e, batch))
    return false;
  unsetenv ("REID_CUDNN_AFFINE");
  CHECK (standin.asked[1] == asked);
  CHECK (e->fused == 5 && e->both == 0 && e->norms == NORMS);
  return true;
}

/* --- tests --- */

TEST (norms_are_made_beside_what_they_read)
{
  static const double tolerance[] = { 1e-4, 2e-2, 2e-1 };

  for (int store = 0; store < REID_STORE_COUNT; store++) {
    Engine e, never;
    begin (false);
    REQUIRE (start_never (&never, store, 3));
    REQUIRE (start (&e, store));
    REQUIRE (run (&e, 3));
    /* c0, s1 and r3 are stored, too; s2 is not; the other norm of r3 is left */
    CHECK_MSG (e.fused == 5 && e.both == 3 && e.norms == 1,
               "%d by cuDNN, %d of two outputs, %d norms", e.fused, e.both,
               e.norms);
    CHECK (same (&e, &never));
    check_reference (&e, tolerance[store]);
    stop (&e);
    stop (&never);
  }
  end ();
}

TEST (what_is_refused_or_slow_is_a_step_of_its_own)
{
  for (int slow = 0; slow < 2; slow++) {
    Engine e, never;
    begin (false);
    standin.refuses = !slow;
    standin.slow = slow;
    REQUIRE (start_never (&never, REID_STORE_F16, 2));
    REQUIRE (start (&e, REID_STORE_F16));
    REQUIRE (run (&e, 2));
    CHECK (standin.asked[1] > 0);
    CHECK (e.fused == 5 && e.both == 0 && e.norms == NORMS);
    CHECK (same (&e, &never));
    stop (&e);
    stop (&never);
  }
  end ();
}

TEST (what_is_slow_can_be_asked_for)
{
  Engine e;

  begin (true);
  standin.slow = true;
  setenv ("REID_CUDNN_AFFINE", "always", 1);
  REQUIRE (start (&e, REID_STORE_F16));
  REQUIRE (run (&e, 2));
  CHECK (e.both == 3 && e.norms == 1);
  stop (&e);
  /* and is not what others find */
  unsetenv ("REID_CUDNN_AFFINE");
  REQUIRE (start (&e, REID_STORE_F16));
  REQUIRE (run (&e, 2));
  CHECK (e.both == 0 && e.norms == NORMS);
  stop (&e);
  end ();
}

TEST (an_engine_that_is_wrong_is_not_used)
{
  for (int store = 0; store < REID_STORE_COUNT; store++)
    for (int fault = STANDIN_RIGHT + 1; fault < STANDIN_FAULTS; fault++)
      for (int k = 0; k < (store == REID_STORE_F16 ? 3 : 1); k++) {
        static const int masks[] = { 7, 6, 1 };
        int wrong = masks[k], n = wrong == 1 ? 1 : wrong == 6 ? 2 : 3;
        /* y is none of the one for s2, which is right then */
        bool alone = fault == STANDIN_NO_Y, all = n == STANDIN_CHOICES;
        Engine e, never;
        begin (false);
        standin.fault = fault;
        standin.wrong = (unsigned) wrong;
        REQUIRE (start_never (&never, store, 1));
        REQUIRE (start (&e, store));
        REQUIRE (run (&e, 1));
        CHECK_MSG (e.both == (all ? 0 : 3)
                       && e.norms == (!all ? 1 : NORMS - alone),
                   "store %d, fault %d by %d: %d of two outputs, %d norms",
                   store, fault, n, e.both, e.norms);
        CHECK (same (&e, &never));
        CHECK (logged ("is wrong at") == n * (alone ? 3 : 4));
        stop (&e);
        stop (&never);
      }
  end ();
}

TEST (decided_once_for_all_batches)
{
  Engine e, other;

  for (int keep = 0; keep < 2; keep++) {
    begin (keep);
    REQUIRE (start (&e, REID_STORE_F16) && start (&other, REID_STORE_F16));
    REQUIRE (run (&e, 1));
    int asked = standin.asked[1];
    /* by now it would be slower, or wrong */
    standin.slow = true;
    standin.fault = STANDIN_NO_Z;
    REQUIRE (run (&other, 7));
    CHECK (other.both == 3 && other.norms == 1);
    CHECK (standin.asked[1] == asked);
    CHECK (same (&e, &other));
    stop (&e);
    stop (&other);
  }
  end ();
}

TEST (kept_on_disk_and_that_there_is_none_too)
{
  for (int slow = 0; slow < 2; slow++) {
    Engine e;
    begin (true);
    standin.slow = slow;
    REQUIRE (start (&e, REID_STORE_F16));
    REQUIRE (run (&e, 1));
    stop (&e);
    standin.asked[0] = standin.asked[1] = 0;
    standin.slow = !slow;
    REQUIRE (start (&e, REID_STORE_F16));
    REQUIRE (run (&e, 4));
    CHECK (e.both == (slow ? 0 : 3));
    CHECK_MSG (standin.asked[0] == 0 && standin.asked[1] == 0,
               "asked for %d and %d choices again", standin.asked[0],
               standin.asked[1]);
    stop (&e);
  }
  end ();
}

TEST (a_batch_without_it_runs_as_before)
{
  Engine e;

  begin (false);
  standin.lacks_batch = 5;
  REQUIRE (start (&e, REID_STORE_F16));
  REQUIRE (run (&e, 4));
  CHECK (e.both == 3 && e.norms == 1);
  REQUIRE (run (&e, 5));
  CHECK (e.both == 0 && e.norms == NORMS);
  CHECK (logged ("no plan as at the batch of") == 4);
  stop (&e);
  /* one that small batches lack is not taken for any */
  begin (false);
  standin.lacks_batch = 2;
  REQUIRE (start (&e, REID_STORE_F16));
  REQUIRE (run (&e, 4));
  CHECK (e.both == 0 && e.norms == NORMS);
  stop (&e);
  end ();
}

TEST (a_norm_of_what_has_no_plan_at_all)
{
  Engine e;

  /* not one plan is timed: there is no memory for it */
  begin (true);
  REQUIRE (start (&e, REID_STORE_F16));
  standin.most = 1 << 20;
  ReidFusedShape s = { .store = REID_STORE_F16,
                       .batch = 1,
                       .in_channels = 16,
                       .in = { 4, 4 },
                       .out_channels = 16,
                       .out = { 4, 4 },
                       .kernel = { 1, 1 },
                       .stride = { 1, 1 },
                       .dilation = { 1, 1 },
                       .affine = REID_AFFINE_BESIDE };
  ReidError error = REID_ERROR_INIT;
  CHECK (!reid_tuner_plan (e.tuner, &s, &error));
  CHECK (error.status == REID_OK);
  /* nor at another batch, when there is */
  standin.most = (size_t) 1 << 30;
  s.batch = 2;
  CHECK (!reid_tuner_plan (e.tuner, &s, &error));
  stop (&e);
  /* but in the next process */
  REQUIRE (start (&e, REID_STORE_F16));
  CHECK (reid_tuner_plan (e.tuner, &s, &error));
  stop (&e);
  end ();
}

TEST (keys_tell_it_and_others_stay)
{
  ReidGpu gpu = { .name = "G", .major = 8, .minor = 6, .processors = 82 };
  ReidFusedShape s = { .store = REID_STORE_F16, .batch = 2, .residual = 1 };
  char key[REID_TUNE_KEY], with[REID_TUNE_KEY];

  reid_tuner_key (&gpu, &s, key);
  CHECK_MSG (strcmp (key,
                     "gst-reid plan 1: cudnn 90000 cudart 13000 gpu 8.6 82 G: "
                     "store 1 n 2 c 0 0x0 k 0 0x0 r 0x0 s 0,0 d 0,0 p 0,0,0,0 "
                     "bias 0 residual 1 act 0 0 0")
                 == 0,
             "%s", key);
  for (int affine = 1; affine <= 2; affine++) {
    char end[24];
    s.affine = affine;
    snprintf (end, sizeof end, " affine %d", affine);
    reid_tuner_key (&gpu, &s, with);
    CHECK (strncmp (with, key, strlen (key)) == 0
           && strcmp (with + strlen (key), end) == 0);
  }
  /* what is longest has room */
  memset (gpu.name, 'x', sizeof gpu.name - 1);
  for (size_t i = 0; i < sizeof s / sizeof (int32_t); i++)
    ((int32_t *) &s)[i] = INT32_MIN;
  s.alpha = s.beta = -1.23456e-30f;
  reid_tuner_key (&gpu, &s, with);
  CHECK (strstr (with, " affine -2147483648"));
}

TEST (numbers_that_differ)
{
  ReidQueue q = { NULL, true };
  float want[8] = { 1, -1, 0, 100, 5, 6, 7, 8 }, y[8];
  uint32_t n = 3;

  memcpy (y, want, sizeof y);
  reid_cuda_differ (q, y, want, REID_STORE_F32, 8, 0, 0, &n);
  CHECK (n == 3);
  y[0] = 1.009f; /* within 1 % */
  y[1] = -1.02f; /* not */
  y[2] = .0009f; /* within .001 */
  y[3] = NAN;
  y[7] = 8.09f;
  reid_cuda_differ (q, y, want, REID_STORE_F32, 8, .01f, .001f, &n);
  CHECK (n == 6);
  want[5] = INFINITY;
  reid_cuda_differ (q, y, want, REID_STORE_F32, 8, .01f, .001f, &n);
  CHECK (n == 10);
}

TEST_MAIN ()
