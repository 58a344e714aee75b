/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/measure.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_RUNS 8192
#define MOST_CALLERS 64
#define WARM 2
#define DEFAULT_SIZE 320

typedef struct {
  ReidContext *context;
  ReidTensor *in, *out;
  double until;
  int runs;
  ReidError error;
} Caller;

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
by_value (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return x < y ? -1 : x > y;
}

/* Linux keeps the peak, and forgets it when asked to. */
static void
forget_peak (void)
{
  FILE *f = fopen ("/proc/self/clear_refs", "w");
  if (f) {
    fputs ("5", f);
    fclose (f);
  }
}

static size_t
peak_memory (void)
{
  FILE *f = fopen ("/proc/self/status", "r");
  char line[256];
  unsigned long long kib = 0;

  while (f && fgets (line, sizeof line, f))
    if (sscanf (line, "VmHWM: %llu kB", &kib) == 1)
      break;
  if (f)
    fclose (f);
  return (size_t) kib * 1024;
}

static void
caller_free (Caller *c)
{
  reid_context_free (c->context);
  free (c->in);
  free (c->out);
}

static bool
shape_inputs (Caller *c, ReidSession *s, const ReidMeasureOptions *o)
{
  int n = reid_session_n_inputs (s);

  for (int i = 0; i < n; i++) {
    const ReidTensorInfo *info = reid_session_input (s, i);
    c->in[i].rank = info->rank;
    for (int k = 0; k < info->rank; k++)
      c->in[i].dims[k] = info->dims[k] != REID_DIM_FREE ? info->dims[k]
                         : k == 0                       ? o->batch
                         : o->size                      ? o->size
                                                        : DEFAULT_SIZE;
    if (info->rank > 0 && c->in[i].dims[0] != o->batch)
      return reid_error_set (
          &c->error, REID_ERROR_ARGUMENT,
          "%s runs %lld at a time only, not %lld", reid_session_path (s),
          (long long) c->in[i].dims[0], (long long) o->batch);
  }
  return true;
}

static bool
ready (Caller *c, ReidSession *s, const ReidMeasureOptions *o, double *plan_ms)
{
  size_t n_in = (size_t) reid_session_n_inputs (s),
         n_out = (size_t) reid_session_n_outputs (s);
  uint32_t h = 1;

  c->in = calloc (n_in + 1, sizeof *c->in);
  c->out = calloc (n_out + 1, sizeof *c->out);
  c->context = reid_context_new (s, o->threads, &c->error);
  if (!c->in || !c->out || !c->context)
    return reid_error_set (&c->error, REID_ERROR_MEMORY, "not enough memory");
  if (!shape_inputs (c, s, o))
    return false;
  double start = now ();
  if (!reid_context_prepare (c->context, c->in, &c->error))
    return false;
  *plan_ms = (now () - start) * 1e3;
  for (size_t i = 0; i < n_in; i++) {
    int64_t n = 1;
    if (!reid_context_input (c->context, (int) i, &c->in[i], &c->error))
      return false;
    for (int k = 0; k < c->in[i].rank; k++)
      n *= c->in[i].dims[k];
    for (int64_t k = 0; k < n; k++) {
      h = h * 1664525u + 1013904223u;
      c->in[i].data[k] = (float) (h >> 16) / 32768.f - 1;
    }
  }
  for (int i = 0; i < WARM; i++)
    if (!reid_context_run (c->context, c->in, c->out, &c->error))
      return false;
  return true;
}

static bool
alone (Caller *c, double seconds, ReidMeasurement *r)
{
  double *ms = malloc (MOST_RUNS * sizeof *ms), start = now ();

  if (!ms)
    return reid_error_set (&c->error, REID_ERROR_MEMORY, "not enough memory");
  while (r->runs == 0 || (now () - start < seconds && r->runs < MOST_RUNS)) {
    double before = now ();
    if (!reid_context_run (c->context, c->in, c->out, &c->error))
      break;
    ms[r->runs++] = (now () - before) * 1e3;
  }
  if (c->error.status == REID_OK) {
    qsort (ms, (size_t) r->runs, sizeof *ms, by_value);
    r->ms = ms[r->runs / 2];
    r->fastest = ms[0];
  }
  free (ms);
  return c->error.status == REID_OK;
}

static void *
work (void *data)
{
  Caller *c = data;

  do {
    reid_context_run (c->context, c->in, c->out, &c->error);
    c->runs++;
  } while (now () < c->until && c->error.status == REID_OK);
  return NULL;
}

/* Runs a second of all callers. */
static double
together (Caller *callers, int n, double seconds)
{
  pthread_t threads[MOST_CALLERS];
  double start = now ();
  int started = 0, runs = 0;

  for (int i = 0; i < n; i++)
    callers[i].until = start + seconds;
  while (started < n
         && pthread_create (&threads[started], NULL, work, &callers[started])
                == 0)
    started++;
  for (int i = 0; i < started; i++)
    pthread_join (threads[i], NULL);
  if (started < n)
    reid_error_set (&callers[0].error, REID_ERROR_MEMORY,
                    "%d callers: no thread for each", n);
  double took = now () - start;
  for (int i = 0; i < started; i++)
    runs += callers[i].runs;
  return runs / took;
}

bool
reid_measure (ReidSession *session, const ReidMeasureOptions *options,
              ReidMeasurement *r, ReidError *error)
{
  Caller callers[MOST_CALLERS] = { 0 };
  int n = options->callers ? options->callers : 1, made = 0;
  double seconds = options->seconds > 0 ? options->seconds : 1, plan = 0;
  int64_t macs;
  bool ok;

  memset (r, 0, sizeof *r);
  if (n < 0 || n > MOST_CALLERS || options->batch < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d callers with a batch of %lld: there may be up "
                           "to %d, and a batch has one picture at least",
                           n, (long long) options->batch, MOST_CALLERS);
  forget_peak ();
  do {
    ok = ready (&callers[made++], session, options, &plan);
    r->plan_ms = plan > r->plan_ms ? plan : r->plan_ms;
  } while (ok && made < n);
  ok = ok && alone (&callers[0], n > 1 ? seconds / 2 : seconds, r);
  if (ok) {
    double runs = n > 1 ? together (callers, n, seconds) : 1e3 / r->ms;
    macs = reid_session_macs (session, callers[0].in);
    r->pictures = runs * (double) options->batch;
    r->gflops = macs > 0 ? 2e-9 * (double) macs * runs : 0;
    r->memory = peak_memory ();
  }
  for (int i = 0; i < made; i++) {
    if (callers[i].error.status != REID_OK)
      ok = reid_error_set (error, callers[i].error.status, "%s",
                           callers[i].error.message);
    caller_free (&callers[i]);
  }
  return ok;
}

/* --- the peak --- */

#define PEAK_CHANNELS 256
#define PEAK_SIDE 28

/* ONNX's wire format, as much of it as one convolution needs. */
typedef struct {
  uint8_t *data;
  size_t n;
} Bytes;

static void
put (Bytes *b, const void *data, size_t n)
{
  memcpy (b->data + b->n, data, n);
  b->n += n;
}

static void
put_number (Bytes *b, uint64_t v)
{
  do {
    uint8_t byte = (uint8_t) ((v & 127) | (v > 127 ? 128 : 0));
    put (b, &byte, 1);
    v >>= 7;
  } while (v);
}

static void
put_int (Bytes *b, int field, uint64_t v)
{
  put_number (b, (uint64_t) field << 3);
  put_number (b, v);
}

static void
put_bytes (Bytes *b, int field, const void *data, size_t n)
{
  put_number (b, (uint64_t) field << 3 | 2);
  put_number (b, n);
  put (b, data, n);
}

static void
put_text (Bytes *b, int field, const char *text)
{
  put_bytes (b, field, text, strlen (text));
}

/* ValueInfoProto; dimensions of -1 are free. */
static void
put_value (Bytes *graph, int field, const char *name, const int64_t dims[4])
{
  uint8_t room[4][128];
  Bytes shape = { room[0], 0 }, type = { room[1], 0 }, value = { room[2], 0 },
        info = { room[3], 0 };

  for (int i = 0; i < 4; i++) {
    uint8_t dim_room[16];
    Bytes dim = { dim_room, 0 };
    if (dims[i] < 0)
      put_text (&dim, 2, "n");
    else
      put_int (&dim, 1, (uint64_t) dims[i]);
    put_bytes (&shape, 1, dim.data, dim.n);
  }
  put_int (&type, 1, 1);
  put_bytes (&type, 2, shape.data, shape.n);
  put_bytes (&value, 1, type.data, type.n);
  put_text (&info, 1, name);
  put_bytes (&info, 2, value.data, value.n);
  put_bytes (graph, field, info.data, info.n);
}

static void
put_ints (Bytes *node, const char *name, int n, uint64_t value)
{
  uint8_t room[64];
  Bytes a = { room, 0 };

  put_text (&a, 1, name);
  for (int i = 0; i < n; i++)
    put_int (&a, 8, value);
  put_int (&a, 20, 7); /* INTS */
  put_bytes (node, 5, a.data, a.n);
}

/* `depth` convolutions behind each other, with the same weights. */
static Bytes
peak_network (int depth)
{
  static const int64_t in[] = { -1, PEAK_CHANNELS, PEAK_SIDE, PEAK_SIDE };
  size_t n = (size_t) PEAK_CHANNELS * PEAK_CHANNELS * 9, bytes = n * 4;
  uint8_t node_room[256], opset_room[16];
  Bytes model = { malloc (2 * bytes + 65536), 0 },
        graph = { malloc (2 * bytes + 32768), 0 },
        weight = { malloc (bytes + 1024), 0 }, node = { node_room, 0 },
        opset = { opset_room, 0 };
  float *w = malloc (bytes);
  uint32_t h = 7;

  if (model.data && graph.data && weight.data && w) {
    for (size_t i = 0; i < n; i++) {
      h = h * 1664525u + 1013904223u;
      /* values keep their size from layer to layer */
      w[i] = ((float) (h >> 16) / 32768.f - 1) / 27.7f;
    }
    for (int i = 0; i < depth; i++) {
      char in_name[16], out_name[16];
      snprintf (in_name, sizeof in_name, "v%d", i);
      snprintf (out_name, sizeof out_name, "v%d", i + 1);
      node.n = 0;
      put_text (&node, 1, i == 0 ? "x" : in_name);
      put_text (&node, 1, "w");
      put_text (&node, 2, i == depth - 1 ? "y" : out_name);
      put_text (&node, 4, "Conv");
      put_ints (&node, "kernel_shape", 2, 3);
      put_ints (&node, "pads", 4, 1);
      put_bytes (&graph, 1, node.data, node.n);
    }
    put_text (&graph, 2, "peak");
    put_int (&weight, 1, PEAK_CHANNELS);
    put_int (&weight, 1, PEAK_CHANNELS);
    put_int (&weight, 1, 3);
    put_int (&weight, 1, 3);
    put_int (&weight, 2, 1); /* FLOAT */
    put_text (&weight, 8, "w");
    put_bytes (&weight, 9, w, bytes);
    put_bytes (&graph, 5, weight.data, weight.n);
    put_value (&graph, 11, "x", in);
    put_value (&graph, 12, "y", in);
    put_int (&model, 1, 8); /* IR version */
    put_bytes (&model, 7, graph.data, graph.n);
    put_int (&opset, 2, 13);
    put_bytes (&model, 8, opset.data, opset.n);
  } else {
    free (model.data);
    model.data = NULL;
  }
  free (graph.data);
  free (weight.data);
  free (w);
  return model;
}

double
reid_measure_peak (const ReidSessionOptions *device, int threads,
                   double seconds, ReidError *error)
{
  /* On a GPU so much that copies are of no account. */
  enum { CPU_DEPTH = 2, GPU_DEPTH = 48 };
  double best = 0;

  for (int depth = CPU_DEPTH; depth <= GPU_DEPTH && best == 0;
       depth = GPU_DEPTH) {
    Bytes model = peak_network (depth);
    ReidMeasurement r;
    ReidSession *s = NULL;
    if (model.data)
      s = reid_session_open_memory (model.data, model.n, "the peak's network",
                                    device, error);
    else
      reid_error_set (error, REID_ERROR_MEMORY, "not enough memory");
    free (model.data);
    if (!s)
      return 0;
    bool gpu = strcmp (reid_session_device (s), "cudnn") == 0;
    ReidMeasureOptions o = { gpu ? 128 : 8, 0, threads, gpu ? 2 : 1, seconds };
    bool enough = !gpu || depth == GPU_DEPTH;
    if (enough && reid_measure (s, &o, &r, error))
      best = gpu ? r.gflops : r.gflops * r.ms / r.fastest;
    reid_session_unref (s);
    if (enough)
      break;
  }
  return best;
}
