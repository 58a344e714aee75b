/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/weights.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct Entry {
  struct Entry *next;
  int value, padded, h, w;
  ReidForm form;
  void *memory;
} Entry;

struct ReidGpuWeights {
  const ReidGraph *graph;
  ReidGpu gpu;
  ReidStore store;
  pthread_mutex_t lock;
  Entry *entries;
  size_t bytes; /* of the entries */
};

ReidGpuWeights *
reid_gpu_weights_new (const ReidGraph *graph, const ReidGpu *gpu,
                      ReidStore store)
{
  ReidGpuWeights *w = calloc (1, sizeof *w);

  if (!w)
    return NULL;
  w->graph = graph;
  w->gpu = *gpu;
  w->store = store;
  pthread_mutex_init (&w->lock, NULL);
  return w;
}

void
reid_gpu_weights_free (ReidGpuWeights *w)
{
  if (!w)
    return;
  for (Entry *e = w->entries, *next; e; e = next) {
    next = e->next;
    reid_gpu_free (&w->gpu, e->memory);
    free (e);
  }
  pthread_mutex_destroy (&w->lock);
  free (w);
}

static int64_t
count (const ReidValue *v)
{
  int64_t n = 1;
  for (int i = 0; i < v->rank; i++)
    n *= v->dims[i];
  return n;
}

/* f32 on the host to a new place on the GPU. */
static void *
upload (ReidGpuWeights *w, const float *data, int64_t n, ReidError *error)
{
  ReidQueue q = { NULL, w->gpu.host };
  size_t size = (size_t) n * sizeof *data;
  void *memory = reid_gpu_alloc (&w->gpu, size, error);

  if (memory
      && (!reid_gpu_upload (&w->gpu, q, memory, data, size, error)
          || !reid_gpu_wait (&w->gpu, q, error))) {
    reid_gpu_free (&w->gpu, memory);
    return NULL;
  }
  w->bytes += memory ? size : 0;
  return memory;
}

/* [k][c][h][w] to [kp][h][w][cp] as values are stored: what the kernel does
 * that blocks values. */
static void *
blocked (ReidGpuWeights *w, const float *data, ReidBlocked shape, int rows,
         ReidError *error)
{
  ReidQueue q = { NULL, w->gpu.host };
  size_t size =
      (size_t) rows * shape.h * shape.w * shape.cp * reid_store_size (w->store);
  void *to = reid_gpu_alloc (&w->gpu, size, error), *from = NULL;
  bool ok = to && reid_gpu_zero (&w->gpu, to, size, error);

  if (ok)
    from = upload (w, data, (int64_t) shape.n * shape.c * shape.h * shape.w,
                   error);
  ok = from
       && reid_gpu_ok (reid_cuda_pack (q, from, to, &shape), "weights", error)
       && reid_gpu_wait (&w->gpu, q, error);
  if (from)
    w->bytes -= (size_t) shape.n * shape.c * shape.h * shape.w * sizeof *data;
  reid_gpu_free (&w->gpu, from);
  if (ok) {
    w->bytes += size;
    return to;
  }
  reid_gpu_free (&w->gpu, to);
  return NULL;
}

static float *
no_memory (ReidGpuWeights *w, float *data, ReidError *error)
{
  if (!data)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                    w->graph->file);
  return data;
}

static void *
columns (ReidGpuWeights *w, const ReidValue *v, ReidError *error)
{
  int64_t c = v->dims[v->rank - 2], k = v->dims[v->rank - 1];
  float *turned =
      no_memory (w, malloc ((size_t) (c * k) * sizeof *turned), error);
  void *memory = NULL;

  for (int64_t i = 0; turned && i < c; i++)
    for (int64_t j = 0; j < k; j++)
      turned[j * c + i] = v->data[i * k + j];
  if (turned)
    memory = blocked (w, turned,
                      (ReidBlocked){ w->store, (int32_t) k, 1, 1, (int32_t) c,
                                     reid_padded (c) },
                      reid_padded (k), error);
  free (turned);
  return memory;
}

static void *
depth (ReidGpuWeights *w, const ReidValue *v, ReidError *error)
{
  int64_t c = v->dims[0], cells = v->dims[2] * v->dims[3], cp = reid_padded (c);
  float *turned =
      no_memory (w, calloc ((size_t) (cp * cells), sizeof *turned), error);
  void *memory = NULL;

  for (int64_t i = 0; turned && i < c; i++)
    for (int64_t j = 0; j < cells; j++)
      turned[j * cp + i] = v->data[i * cells + j];
  if (turned)
    memory = upload (w, turned, cp * cells, error);
  free (turned);
  return memory;
}

static void *
vector (ReidGpuWeights *w, const ReidValue *v, int padded, bool stored,
        ReidError *error)
{
  int64_t n = count (v);
  float *long_one =
      no_memory (w, calloc ((size_t) padded, sizeof *long_one), error);
  void *memory = NULL;

  for (int i = 0; long_one && i < padded; i++)
    if (n == 1)
      long_one[i] = v->data[0];
    else if (i < n)
      long_one[i] = v->data[i];
  if (long_one)
    memory = stored
                 ? blocked (w, long_one,
                            (ReidBlocked){ w->store, 1, 1, 1, padded, padded },
                            1, error)
                 : upload (w, long_one, padded, error);
  free (long_one);
  return memory;
}

static void *
make (ReidGpuWeights *w, const ReidValue *v, const Entry *e, ReidError *error)
{
  ReidBlocked s = { w->store };

  switch (e->form) {
    case REID_FORM_FILTER:
      s.n = (int32_t) v->dims[0];
      s.c = (int32_t) v->dims[1];
      s.h = (int32_t) v->dims[2];
      s.w = (int32_t) v->dims[3];
      s.cp = reid_padded (s.c);
      return blocked (w, v->data, s, reid_padded (s.n), error);
    case REID_FORM_ROWS:
      s.n = (int32_t) v->dims[0];
      s.h = e->h ? e->h : 1;
      s.w = e->w ? e->w : 1;
      s.c = (int32_t) (v->dims[1] / ((int64_t) s.h * s.w));
      s.cp = reid_padded (s.c);
      return blocked (w, v->data, s, reid_padded (s.n), error);
    case REID_FORM_COLUMNS:
      return columns (w, v, error);
    case REID_FORM_DEPTH:
      return depth (w, v, error);
    case REID_FORM_VECTOR:
    case REID_FORM_BLOCKED:
      return vector (w, v, e->padded, e->form == REID_FORM_BLOCKED, error);
    case REID_FORM_DENSE:
      return upload (w, v->data, count (v), error);
  }
  return NULL;
}

const void *
reid_gpu_weights_get (ReidGpuWeights *weights, int value, ReidForm form,
                      int padded, int h, int w, ReidError *error)
{
  Entry *e, key = { NULL, value, padded, h, w, form, NULL };

  pthread_mutex_lock (&weights->lock);
  for (e = weights->entries; e; e = e->next)
    if (e->value == value && e->form == form && e->padded == padded && e->h == h
        && e->w == w)
      break;
  if (!e) {
    key.memory = make (weights, &weights->graph->values[value], &key, error);
    e = key.memory ? malloc (sizeof *e) : NULL;
    if (e) {
      *e = key;
      e->next = weights->entries;
      weights->entries = e;
    } else if (key.memory) {
      reid_gpu_free (&weights->gpu, key.memory);
      no_memory (weights, NULL, error);
    }
  }
  pthread_mutex_unlock (&weights->lock);
  return e ? e->memory : NULL;
}

size_t
reid_gpu_weights_bytes (ReidGpuWeights *weights)
{
  size_t bytes;

  pthread_mutex_lock (&weights->lock);
  bytes = weights->bytes;
  pthread_mutex_unlock (&weights->lock);
  return bytes;
}
