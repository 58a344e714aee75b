/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/weights.h"
#include "nn/dnnl/team.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
  WEIGHT_DNNL,
  WEIGHT_POINT,
  WEIGHT_DEPTH,
  WEIGHT_WINOGRAD, /* n: the tile */
  BIAS,
  SLOPE
} Kind;

typedef struct Entry {
  struct Entry *next;
  Kind kind;
  const ReidNode *node; /* the first of `n` */
  int n;
  ReidDnnlWeightLayout *layout; /* WEIGHT_DNNL */
  float *data;
} Entry;

struct ReidWeights {
  const ReidGraph *graph;
  const ReidRows *rows;
  bool bf16;
  pthread_mutex_t lock;
  Entry *entries;
};

ReidWeights *
reid_weights_new (const ReidGraph *graph, const ReidRows *rows, bool bf16,
                  ReidError *error)
{
  ReidWeights *w = calloc (1, sizeof *w);
  if (!w || pthread_mutex_init (&w->lock, NULL)) {
    free (w);
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for the weights",
                    graph->file);
    return NULL;
  }
  w->graph = graph;
  w->rows = rows;
  w->bf16 = bf16;
  return w;
}

void
reid_weights_free (ReidWeights *w)
{
  if (!w)
    return;
  while (w->entries) {
    Entry *e = w->entries;
    w->entries = e->next;
    reid_dnnl_weight_layout_free (e->layout);
    free (e->data);
    free (e);
  }
  pthread_mutex_destroy (&w->lock);
  free (w);
}

const ReidRows *
reid_weights_rows (const ReidWeights *w)
{
  return w->rows;
}

bool
reid_weights_bf16 (const ReidWeights *w)
{
  return w->bf16;
}

/* With the lock held. */
static Entry *
find (ReidWeights *w, Kind kind, const ReidNode *node, int n,
      const ReidDnnlOp *op)
{
  for (Entry *e = w->entries; e; e = e->next)
    if (e->kind == kind && e->node == node && e->n == n
        && (!op || reid_dnnl_weight_fits (op, e->layout)))
      return e;
  return NULL;
}

static Entry *
add (ReidWeights *w, Kind kind, const ReidNode *node, int n, size_t size,
     ReidError *error)
{
  Entry *e = calloc (1, sizeof *e);
  float *data = e ? reid_alloc_aligned (size ? size : 1) : NULL;
  if (!data) {
    free (e);
    reid_error_set (error, REID_ERROR_MEMORY,
                    "no memory for %zu bytes of weights", size);
    return NULL;
  }
  *e = (Entry){ w->entries, kind, node, n, NULL, data };
  w->entries = e;
  return e;
}

static void
drop (ReidWeights *w, Entry *e)
{
  w->entries = e->next; /* the newest */
  reid_dnnl_weight_layout_free (e->layout);
  free (e->data);
  free (e);
}

static const ReidValue *
weight_of (const ReidWeights *w, const ReidNode *node)
{
  return &w->graph->values[node->in[1]];
}

static int
channels_of (const ReidWeights *w, const ReidNode *const *nodes, int n)
{
  int64_t sum = 0;
  for (int i = 0; i < n; i++)
    sum += weight_of (w, nodes[i])->dims[0];
  return (int) sum;
}

/* To the widest layout: oneDNN may choose another one than the row kernels. */
static size_t
padded (int channels)
{
  return ((size_t) channels + 15) / 16 * 16;
}

const void *
reid_weights_dnnl (ReidWeights *w, const ReidNode *node, const ReidDnnlOp *op,
                   ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, WEIGHT_DNNL, node, 1, op);
  if (!e) {
    e = add (w, WEIGHT_DNNL, node, 1, reid_dnnl_weight_size (op), error);
    /* Once a session; not worth a team of this thread's own. */
    int before = reid_team_limit ();
    reid_team_set_limit (1);
    if (e
        && (!(e->layout = reid_dnnl_weight_layout (op, error))
            || !reid_dnnl_pack (op, weight_of (w, node)->data, e->data,
                                error))) {
      drop (w, e);
      e = NULL;
    }
    reid_team_set_limit (before);
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}

const float *
reid_weights_point (ReidWeights *w, const ReidNode *const *nodes, int n,
                    ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, WEIGHT_POINT, nodes[0], n, NULL);
  if (!e) {
    const ReidValue *first = weight_of (w, nodes[0]);
    int channels = channels_of (w, nodes, n);
    size_t taps = 1;
    for (int i = 1; i < first->rank; i++)
      taps *= first->dims[i];
    size_t size = reid_rows_point_size (w->rows, channels, (int) taps);
    float *joined = NULL;
    if (n > 1) {
      joined = malloc (channels * taps * sizeof *joined);
      if (!joined) {
        reid_error_set (error, REID_ERROR_MEMORY, "no memory for %zu weights",
                        channels * taps);
        pthread_mutex_unlock (&w->lock);
        return NULL;
      }
      float *to = joined;
      for (int i = 0; i < n; i++) {
        size_t part = weight_of (w, nodes[i])->dims[0] * taps;
        memcpy (to, weight_of (w, nodes[i])->data, part * sizeof *to);
        to += part;
      }
    }
    e = add (w, WEIGHT_POINT, nodes[0], n, size * sizeof (float), error);
    if (e)
      reid_rows_pack_point (w->rows, channels, (int) taps,
                            joined ? joined : first->data, e->data);
    free (joined);
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}

const float *
reid_weights_depth (ReidWeights *w, const ReidNode *const *nodes, int n,
                    ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, WEIGHT_DEPTH, nodes[0], n, NULL);
  if (!e) {
    const ReidValue *first = weight_of (w, nodes[0]);
    size_t taps = first->dims[2] * first->dims[3], lanes = w->rows->lanes;
    size_t size = padded (channels_of (w, nodes, n)) * taps;
    e = add (w, WEIGHT_DEPTH, nodes[0], n, size * sizeof (float), error);
    if (e) {
      memset (e->data, 0, size * sizeof (float));
      size_t to = 0;
      for (int i = 0; i < n; i++) {
        const ReidValue *v = weight_of (w, nodes[i]);
        for (int64_t c = 0; c < v->dims[0]; c++, to++)
          for (size_t t = 0; t < taps; t++)
            e->data[(to / lanes * taps + t) * lanes + to % lanes] =
                v->data[c * taps + t];
      }
    }
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}

const float *
reid_weights_winograd (ReidWeights *w, const ReidNode *node, int tile,
                       ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, WEIGHT_WINOGRAD, node, tile, NULL);
  if (!e) {
    const ReidValue *v = weight_of (w, node);
    int out = (int) v->dims[0], in = (int) v->dims[1];
    size_t size = reid_winograd_weight_size (w->rows, tile, in, out);
    e = add (w, WEIGHT_WINOGRAD, node, tile, size * sizeof (float), error);
    if (e && !reid_winograd_pack (w->rows, tile, in, out, v->data, e->data)) {
      drop (w, e);
      e = NULL;
      reid_error_set (error, REID_ERROR_MEMORY,
                      "no memory to transform %zu weights", size);
    }
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}

static int
bias_of (const ReidNode *node)
{
  if (node->op == REID_OP_CONV)
    return node->u.conv.bias < 0 ? -1 : node->in[node->u.conv.bias];
  return node->n_in > 2 ? node->in[2] : -1;
}

const float *
reid_weights_bias (ReidWeights *w, const ReidNode *const *nodes, int n,
                   ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, BIAS, nodes[0], n, NULL);
  if (!e) {
    size_t size = padded (channels_of (w, nodes, n)) * sizeof (float);
    e = add (w, BIAS, nodes[0], n, size, error);
    if (e) {
      memset (e->data, 0, size);
      float *to = e->data;
      for (int i = 0; i < n; i++) {
        int value = bias_of (nodes[i]);
        int64_t channels = weight_of (w, nodes[i])->dims[0];
        if (value >= 0)
          memcpy (to, w->graph->values[value].data, channels * sizeof *to);
        to += channels;
      }
    }
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}

const float *
reid_weights_slope (ReidWeights *w, const ReidNode *node, int value,
                    int channels, ReidError *error)
{
  pthread_mutex_lock (&w->lock);
  Entry *e = find (w, SLOPE, node, 1, NULL);
  if (!e) {
    const ReidValue *v = value < 0 ? NULL : &w->graph->values[value];
    int64_t count = 1;
    for (int i = 0; v && i < v->rank; i++)
      count *= v->dims[i];
    size_t size = padded (channels);
    e = add (w, SLOPE, node, 1, size * sizeof (float), error);
    for (size_t c = 0; e && c < size; c++)
      e->data[c] = c >= (size_t) channels ? 0
                   : !v                   ? node->u.conv.alpha
                   : count == 1           ? v->data[0]
                                          : v->data[c];
  }
  pthread_mutex_unlock (&w->lock);
  return e ? e->data : NULL;
}
