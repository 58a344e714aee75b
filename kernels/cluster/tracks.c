/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A vector that went through half precision keeps this much of its length. */
#define LENGTH_TOLERANCE 1e-3

typedef struct {
  uint64_t key;
  int row;
} KeyedRow;

bool
reid_vector_is_unit (const float *vector, int dims, double *length)
{
  double sum = 0;

  for (int k = 0; k < dims; k++)
    sum += (double) vector[k] * vector[k];
  *length = sqrt (sum);
  return fabs (*length - 1) <= LENGTH_TOLERANCE;
}

static int
by_key (const void *a, const void *b)
{
  const KeyedRow *x = a, *y = b;

  return (x->key > y->key) - (x->key < y->key);
}

static int
by_tracks (const void *a, const void *b)
{
  const ReidLink *x = a, *y = b;

  if (x->a != y->a)
    return x->a - y->a;
  if (x->b != y->b)
    return x->b - y->b;
  return (x->weight < y->weight) - (x->weight > y->weight);
}

static bool
init_order (ReidTracks *tracks, const uint64_t *keys, ReidError *error)
{
  KeyedRow *sorted = malloc (tracks->n * sizeof *sorted);
  bool ok = true;

  if (!sorted)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory to sort %d tracks", tracks->n);
  for (int i = 0; i < tracks->n; i++)
    sorted[i] = (KeyedRow){ keys[i], i };
  qsort (sorted, tracks->n, sizeof *sorted, by_key);
  for (int i = 0; i < tracks->n && ok; i++) {
    tracks->keys[i] = sorted[i].key;
    tracks->order[i] = sorted[i].row;
    if (i && sorted[i].key == sorted[i - 1].key)
      ok = reid_error_set (error, REID_ERROR_ARGUMENT,
                           "two tracks have the key %" PRIu64
                           ": give each track a key of its own",
                           sorted[i].key);
  }
  free (sorted);
  return ok;
}

static bool
init_links (ReidTracks *tracks, const ReidPair *pairs, int n_pairs,
            const int *canonical, ReidError *error)
{
  int n = 0;

  for (int i = 0; i < n_pairs; i++) {
    int a = pairs[i].a, b = pairs[i].b;

    if (a < 0 || b < 0 || a >= tracks->n || b >= tracks->n)
      return reid_error_set (
          error, REID_ERROR_ARGUMENT,
          "pair %d links rows %d and %d, but there are %d tracks: rows go "
          "from 0 to %d",
          i, a, b, tracks->n, tracks->n - 1);
    if (a == b)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "pair %d links row %d with itself: give two "
                             "different tracks",
                             i, a);
    if (!(pairs[i].weight >= 0 && pairs[i].weight <= 1))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "pair %d (rows %d and %d) has the weight %g: "
                             "give the share of common frames, 0 to 1",
                             i, a, b, pairs[i].weight);
    a = canonical[a];
    b = canonical[b];
    tracks->links[i] =
        (ReidLink){ a < b ? a : b, a < b ? b : a, pairs[i].weight };
  }
  if (n_pairs)
    qsort (tracks->links, n_pairs, sizeof *tracks->links, by_tracks);
  for (int i = 0; i < n_pairs; i++)
    if (!n || tracks->links[i].a != tracks->links[n - 1].a
        || tracks->links[i].b != tracks->links[n - 1].b)
      tracks->links[n++] = tracks->links[i];
  tracks->n_links = n;
  return true;
}

static bool
init_rows (ReidTracks *tracks, const float *vectors, int dims, ReidError *error)
{
  for (int i = 0; i < tracks->n; i++) {
    const float *vector = vectors + (size_t) tracks->order[i] * dims;
    float *row = tracks->rows + i * tracks->stride;
    double length;

    if (!reid_vector_is_unit (vector, dims, &length))
      return reid_error_set (
          error, REID_ERROR_ARGUMENT,
          isfinite (length)
              ? "the vector of track %" PRIu64
                " has length %g: normalise it to length 1"
              : "the vector of track %" PRIu64
                " is not finite (length %g): leave out what the network "
                "could not embed",
          tracks->keys[i], length);
    memcpy (row, vector, dims * sizeof *row);
    memset (row + dims, 0, (tracks->stride - dims) * sizeof *row);
  }
  return true;
}

bool
reid_tracks_init (ReidTracks *tracks, const float *vectors, int n, int dims,
                  const uint64_t *keys, const ReidPair *pairs, int n_pairs,
                  ReidError *error)
{
  int *canonical;
  bool ok;

  memset (tracks, 0, sizeof *tracks);
  tracks->n = n;
  tracks->stride = reid_cluster_stride (dims);
  if (tracks->stride > SIZE_MAX / sizeof (float) / ((size_t) n + 1))
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "%d vectors of %d floats exceed the address space",
                           n, dims);
  tracks->rows = reid_alloc_aligned (tracks->stride * (n + 1) * sizeof (float));
  tracks->order = malloc (((size_t) n + 1) * sizeof *tracks->order);
  tracks->keys = malloc (((size_t) n + 1) * sizeof *tracks->keys);
  tracks->links = malloc (((size_t) n_pairs + 1) * sizeof *tracks->links);
  canonical = malloc (((size_t) n + 1) * sizeof *canonical);
  if (tracks->rows && tracks->order && tracks->keys && tracks->links
      && canonical) {
    ok = init_order (tracks, keys, error);
    for (int i = 0; i < n && ok; i++)
      canonical[tracks->order[i]] = i;
    ok = ok && init_links (tracks, pairs, n_pairs, canonical, error)
         && init_rows (tracks, vectors, dims, error);
  } else {
    ok = reid_error_set (error, REID_ERROR_MEMORY,
                         "no memory for %d vectors of %d floats", n, dims);
  }
  free (canonical);
  if (!ok)
    reid_tracks_clear (tracks);
  return ok;
}

void
reid_tracks_clear (ReidTracks *tracks)
{
  free (tracks->rows);
  free (tracks->order);
  free (tracks->keys);
  free (tracks->links);
  memset (tracks, 0, sizeof *tracks);
}
