/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <stdlib.h>

/* Average link (UPGMA) by the nearest-neighbour chain, D. Mullner, "Modern
 * hierarchical, agglomerative clustering algorithms", 2011.
 *
 * What is right is the plain greedy rule: join the pair of clusters with the
 * highest average, while that is at or above the threshold; among equal pairs
 * the one with the lowest key in its lower cluster, then in its higher one;
 * with hard cannot-links a pair of clusters with such a link between them is
 * out. The chain joins in another order and yet gives the same clusters,
 * because that rule is one strict order of all pairs, and joining A and B
 * never moves a pair with a third cluster C above both of its parts:
 *  - an average of two is at most the higher one; where they are equal, A+B
 *    keeps the lower of the two lowest keys and so stands where the earlier
 *    of the two pairs stood;
 *  - a forbidden pair stands below every other, A+B is forbidden with C as
 *    soon as one part is, and otherwise the first case holds.
 * So two clusters that are each other's best remain so whatever else is
 * joined, and may be joined at once. The argument needs averages without
 * rounding: hence the integer sums. */

#define FORBIDDEN INT64_MIN

typedef struct {
  int n;
  int64_t *sum; /* over the pairs of two clusters, the triangle below the
                   diagonal; a cluster is known by its lowest member */
  int64_t *size;
  double *inverse; /* of size */
  int *active;     /* rising */
  int n_active;
} Link;

static inline int64_t *
sum_at (const Link *l, int i, int j)
{
  return i > j ? &l->sum[(size_t) i * (i - 1) / 2 + j]
               : &l->sum[(size_t) j * (j - 1) / 2 + i];
}

static void
fill_tile (void *user, int i0, int i1, int j0, int j1, const float *tile)
{
  Link *l = user;

  for (int i = i0; i < i1; i++) {
    const float *row = tile + (size_t) (i - i0) * REID_TILE;
    int64_t *sum = l->sum + (size_t) i * (i - 1) / 2;

    for (int j = j0; j < j1 && j < i; j++)
      sum[j] = reid_fixed (row[j - j0]);
  }
}

/* The cluster with the highest average to x, the lowest of equals; -1 when
 * every pair is forbidden. */
static int
nearest (const Link *l, int x)
{
  int best = -1;
  int64_t best_sum = 0;
  double best_value = 0;

  for (int i = 0; i < l->n_active; i++) {
    int y = l->active[i];
    int64_t sum;
    double value;

    if (y == x)
      continue;
    sum = *sum_at (l, x, y);
    if (sum == FORBIDDEN)
      continue;
    /* size(x) times the average, below 2^45, so within 2^-6 of the truth:
     * only what is closer than that needs the exact comparison. */
    value = (double) sum * l->inverse[y];
    if (best >= 0 && value < best_value - 0.125)
      continue;
    if (best < 0 || value > best_value + 0.125
        || (__int128) sum * l->size[best] > (__int128) best_sum * l->size[y]) {
      best = y;
      best_sum = sum;
      best_value = value;
    }
  }
  return best;
}

static void
retire (Link *l, int x)
{
  int at = 0;

  while (l->active[at] != x)
    at++;
  for (l->n_active--; at < l->n_active; at++)
    l->active[at] = l->active[at + 1];
}

static void
join (Link *l, int a, int b, int *root)
{
  retire (l, b);
  for (int i = 0; i < l->n_active; i++) {
    int c = l->active[i];
    int64_t *ac, bc;

    if (c == a)
      continue;
    ac = sum_at (l, a, c);
    bc = *sum_at (l, b, c);
    *ac = *ac == FORBIDDEN || bc == FORBIDDEN ? FORBIDDEN : *ac + bc;
  }
  l->size[a] += l->size[b];
  l->inverse[a] = 1.0 / (double) l->size[a];
  root[b] = a;
}

static void
run_chain (Link *l, int64_t threshold, int *chain, int *root)
{
  int length = 0;

  while (l->n_active > 1) {
    int tip, next;

    if (!length)
      chain[length++] = l->active[0];
    tip = chain[length - 1];
    next = nearest (l, tip);
    if (next < 0
        || *sum_at (l, tip, next) < threshold * l->size[tip] * l->size[next]) {
      /* The pairs of a chain rise, so nothing on it ever joins. */
      while (length)
        retire (l, chain[--length]);
    } else if (length > 1 && next == chain[length - 2]) {
      length -= 2;
      join (l, tip < next ? tip : next, tip < next ? next : tip, root);
    } else {
      chain[length++] = next;
    }
  }
}

bool
reid_average_link (const ReidGroup *group, int64_t threshold,
                   ReidCannotLink cannot_link, int *root, ReidError *error)
{
  size_t n = group->n, pairs = n * (n - 1) / 2;
  Link l = { .n = group->n };
  int *chain = malloc (n * sizeof *chain);
  bool ok;

  if (group->n > REID_CLUSTER_MAX_GROUP) {
    free (chain);
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%d tracks hang together at the threshold %g, the "
                           "limit is %d: raise the threshold, or cluster the "
                           "stream in parts",
                           group->n, (double) threshold * 0x1p-30,
                           REID_CLUSTER_MAX_GROUP);
  }
  l.sum = malloc ((pairs + 1) * sizeof *l.sum);
  l.size = malloc (n * sizeof *l.size);
  l.inverse = malloc (n * sizeof *l.inverse);
  l.active = malloc (n * sizeof *l.active);
  ok = chain && l.sum && l.size && l.inverse && l.active;
  if (!ok) {
    reid_error_set (error, REID_ERROR_MEMORY,
                    "no memory for %zu MB of similarities of %d tracks that "
                    "hang together: raise the threshold",
                    pairs * sizeof *l.sum >> 20, group->n);
  } else {
    l.n_active = group->n;
    for (int i = 0; i < group->n; i++) {
      l.size[i] = 1;
      l.inverse[i] = 1;
      l.active[i] = root[i] = i;
    }
    reid_similarity_tiles (group->rows, group->n, group->stride, fill_tile, &l);
    for (int i = 0; i < group->n_links; i++) {
      int64_t *sum = sum_at (&l, group->links[i].a, group->links[i].b);
      int64_t soft = reid_fixed (-group->links[i].weight);

      if (cannot_link == REID_CANNOT_LINK_HARD)
        *sum = FORBIDDEN;
      else if (cannot_link == REID_CANNOT_LINK_SOFT && soft < *sum)
        *sum = soft;
    }
    run_chain (&l, threshold, chain, root);
    /* Clusters only ever join a lower one: one pass upwards resolves all. */
    for (int i = 0; i < group->n; i++)
      root[i] = root[root[i]];
  }
  free (chain);
  free (l.sum);
  free (l.size);
  free (l.inverse);
  free (l.active);
  return ok;
}
