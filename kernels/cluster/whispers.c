/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <stdlib.h>
#include <string.h>

/* Chinese whispers, C. Biemann, "Chinese Whispers - an Efficient Graph
 * Clustering Algorithm and its Application to Natural Language Processing
 * Problems", 2006. Every track starts as a class of its own; in a shuffled
 * order each takes the class with the greatest sum of edge weights to it,
 * until nothing changes. */

/* The method may swing for ever between equal answers. */
#define MAX_ROUNDS 100

typedef struct {
  int to;
  int32_t weight;
} Edge;

/* Neighbours of node i: edge[start[i]] .. edge[start[i + 1] - 1]. */
typedef struct {
  size_t *start;
  Edge *edge;
} Graph;

typedef struct {
  int n;
  int64_t threshold;
  Graph near;  /* the pairs at or above the threshold */
  Graph apart; /* the cannot-links; weight: what a soft one adds */
  size_t *fill;
  int *class_of;
  int *class_size;
  int64_t *score; /* by class, of the node at hand */
  int *touched;   /* the classes that have one */
  int n_touched;
  int *mark; /* n + 1 counts: of a class, the last visit that met or barred it
              */
  int *barred;
} Whispers;

static void
count_tile (void *user, int i0, int i1, int j0, int j1, const float *tile)
{
  Whispers *w = user;

  for (int i = i0; i < i1; i++)
    for (int j = j0; j < j1 && j < i; j++)
      if (reid_fixed (tile[(size_t) (i - i0) * REID_TILE + j - j0])
          >= w->threshold) {
        w->near.start[i + 1]++;
        w->near.start[j + 1]++;
      }
}

static void
fill_tile (void *user, int i0, int i1, int j0, int j1, const float *tile)
{
  Whispers *w = user;

  for (int i = i0; i < i1; i++)
    for (int j = j0; j < j1 && j < i; j++) {
      int64_t s = reid_fixed (tile[(size_t) (i - i0) * REID_TILE + j - j0]);

      if (s < w->threshold)
        continue;
      w->near.edge[w->fill[i]++] = (Edge){ j, (int32_t) s };
      w->near.edge[w->fill[j]++] = (Edge){ i, (int32_t) s };
    }
}

static void
to_positions (Whispers *w, Graph *graph)
{
  for (int i = 0; i < w->n; i++)
    graph->start[i + 1] += graph->start[i];
  memcpy (w->fill, graph->start, w->n * sizeof *w->fill);
}

static bool
build_near (Whispers *w, const ReidGroup *group, ReidError *error)
{
  size_t n_edges;

  reid_similarity_tiles (group->rows, group->n, group->stride, count_tile, w);
  to_positions (w, &w->near);
  n_edges = w->near.start[w->n];
  if (n_edges > REID_CLUSTER_MAX_EDGES)
    return reid_error_set (
        error, REID_ERROR_UNSUPPORTED,
        "%d tracks have %zu pairs at or above the threshold, the limit is "
        "%zu: raise the threshold",
        w->n, n_edges / 2, REID_CLUSTER_MAX_EDGES / 2);
  w->near.edge = malloc ((n_edges + 1) * sizeof *w->near.edge);
  if (!w->near.edge)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory for the %zu pairs of %d tracks at or "
                           "above the threshold: raise the threshold",
                           n_edges / 2, w->n);
  reid_similarity_tiles (group->rows, group->n, group->stride, fill_tile, w);
  return true;
}

/* What a soft link changes: the pair counts as the lower of its cosine and
 * -weight, instead of as its edge, if it has one. */
static int32_t
soft_change (const Whispers *w, const ReidGroup *group, const ReidLink *link)
{
  ReidSimilarityFunc similarity = reid_similarity_pick (reid_cpu_flags ());
  int64_t soft = reid_fixed (-link->weight), edge;
  float cosine;

  similarity (group->rows + link->a * group->stride, 1,
              group->rows + link->b * group->stride, 1, group->stride, &cosine,
              1);
  edge = reid_fixed (cosine);
  if (edge < soft)
    soft = edge;
  if (edge < w->threshold)
    edge = 0;
  return (int32_t) (soft - edge); /* -2 at least, which fits */
}

static bool
build_apart (Whispers *w, const ReidGroup *group, ReidError *error)
{
  w->apart.edge =
      malloc (((size_t) group->n_links * 2 + 1) * sizeof *w->apart.edge);
  if (!w->apart.edge)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory for %d cannot-links", group->n_links);
  for (int i = 0; i < group->n_links; i++) {
    w->apart.start[group->links[i].a + 1]++;
    w->apart.start[group->links[i].b + 1]++;
  }
  to_positions (w, &w->apart);
  for (int i = 0; i < group->n_links; i++) {
    const ReidLink *link = &group->links[i];
    int32_t change = soft_change (w, group, link);

    w->apart.edge[w->fill[link->a]++] = (Edge){ link->b, change };
    w->apart.edge[w->fill[link->b]++] = (Edge){ link->a, change };
  }
  return true;
}

static void
add_score (Whispers *w, int class, int64_t weight, int visit)
{
  if (w->mark[class] != visit) {
    w->mark[class] = visit;
    w->score[class] = 0;
    w->touched[w->n_touched++] = class;
  }
  w->score[class] += weight;
}

/* The class for node i: the best score, its own among equals, else the lowest
 * class. A soft link can make every score negative; then an empty class, or
 * its own if it is alone there. */
static int
choose (Whispers *w, int i, ReidCannotLink cannot_link, int visit)
{
  int own = w->class_of[i], best;

  w->n_touched = 0;
  add_score (w, own, 0, visit);
  for (size_t e = w->near.start[i]; e < w->near.start[i + 1]; e++)
    add_score (w, w->class_of[w->near.edge[e].to], w->near.edge[e].weight,
               visit);
  if (cannot_link != REID_CANNOT_LINK_OFF)
    for (size_t e = w->apart.start[i]; e < w->apart.start[i + 1]; e++) {
      int class = w->class_of[w->apart.edge[e].to];

      if (cannot_link == REID_CANNOT_LINK_HARD)
        w->barred[class] = visit;
      else
        add_score (w, class, w->apart.edge[e].weight, visit);
    }
  /* Its own class is never barred: no step has brought a pair together. */
  best = own;
  for (int t = 0; t < w->n_touched; t++) {
    int class = w->touched[t];

    if (w->barred[class] == visit)
      continue;
    if (w->score[class] > w->score[best]
        || (w->score[class] == w->score[best] && best != own && class < best))
      best = class;
  }
  if (w->score[best] < 0 && w->class_size[own] > 1)
    for (best = 0; w->class_size[best]; best++)
      ;
  return best;
}

/* splitmix64 */
static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void
run_rounds (Whispers *w, ReidCannotLink cannot_link, uint64_t random,
            int *order)
{
  bool changed = true;

  for (int round = 0; round < MAX_ROUNDS && changed; round++) {
    changed = false;
    for (int i = w->n - 1; i > 0; i--) {
      int j = (int) ((next_random (&random) >> 32) * (uint64_t) (i + 1) >> 32);
      int t = order[i];

      order[i] = order[j];
      order[j] = t;
    }
    for (int k = 0; k < w->n; k++) {
      int i = order[k];
      int class = choose (w, i, cannot_link, round * w->n + k + 1);

      if (class == w->class_of[i])
        continue;
      w->class_size[w->class_of[i]]--;
      w->class_size[class]++;
      w->class_of[i] = class;
      changed = true;
    }
  }
}

bool
reid_whispers (const ReidGroup *group, int64_t threshold,
               ReidCannotLink cannot_link, uint64_t seed, int *root,
               ReidError *error)
{
  size_t n = group->n;
  Whispers w = { group->n, threshold, .class_of = root };
  uint64_t random = seed ^ (group->lowest_key * 0xd1342543de82ef95u);
  int *order = malloc (n * sizeof *order);
  bool ok;

  w.near.start = calloc (n + 1, sizeof *w.near.start);
  w.apart.start = calloc (n + 1, sizeof *w.apart.start);
  w.fill = malloc (n * sizeof *w.fill);
  w.class_size = malloc (n * sizeof *w.class_size);
  w.score = malloc (n * sizeof *w.score);
  w.touched = malloc (n * sizeof *w.touched);
  w.mark = calloc (n, sizeof *w.mark);
  w.barred = calloc (n, sizeof *w.barred);
  if (!order || !w.near.start || !w.apart.start || !w.fill || !w.class_size
      || !w.score || !w.touched || !w.mark || !w.barred) {
    ok = reid_error_set (error, REID_ERROR_MEMORY,
                         "no memory to cluster %zu tracks", n);
  } else {
    for (int i = 0; i < group->n; i++) {
      root[i] = order[i] = i;
      w.class_size[i] = 1;
    }
    ok = build_near (&w, group, error) && build_apart (&w, group, error);
    if (ok)
      run_rounds (&w, cannot_link, random, order);
  }
  free (order);
  free (w.near.start);
  free (w.near.edge);
  free (w.apart.start);
  free (w.apart.edge);
  free (w.fill);
  free (w.class_size);
  free (w.score);
  free (w.touched);
  free (w.mark);
  free (w.barred);
  return ok;
}
