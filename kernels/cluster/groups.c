/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  int64_t threshold;
  float surely_below; /* spares most pairs the exact comparison */
  int *parent;
} Finder;

static int
find (int *parent, int i)
{
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

static void
unite_tile (void *user, int i0, int i1, int j0, int j1, const float *tile)
{
  Finder *f = user;

  for (int i = i0; i < i1; i++) {
    const float *row = tile + (size_t) (i - i0) * REID_TILE;
    int end = j1 < i ? j1 : i;

    for (int j = j0; j < end; j++) {
      int a, b;

      if (row[j - j0] < f->surely_below
          || reid_fixed (row[j - j0]) < f->threshold)
        continue;
      a = find (f->parent, i);
      b = find (f->parent, j);
      if (a < b)
        f->parent[b] = a;
      else
        f->parent[a] = b;
    }
  }
}

bool
reid_groups_init (ReidGroups *groups, const ReidTracks *tracks,
                  int64_t threshold, ReidError *error)
{
  int n = tracks->n, *at;
  Finder f = { threshold, (float) ((double) threshold * 0x1p-30) - 1e-6f,
               NULL };

  memset (groups, 0, sizeof *groups);
  groups->start = calloc ((size_t) n + 1, sizeof *groups->start);
  groups->members = malloc (((size_t) n + 1) * sizeof *groups->members);
  groups->group = malloc (((size_t) n + 1) * sizeof *groups->group);
  f.parent = malloc (((size_t) n + 1) * sizeof *f.parent);
  if (!groups->start || !groups->members || !groups->group || !f.parent) {
    free (f.parent);
    reid_groups_clear (groups);
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory to group %d tracks", n);
  }
  for (int i = 0; i < n; i++)
    f.parent[i] = i;
  reid_similarity_tiles (tracks->rows, n, tracks->stride, unite_tile, &f);

  /* A root is the lowest number of its group, so it is met first. */
  for (int i = 0; i < n; i++) {
    int root = find (f.parent, i);

    groups->group[i] = root == i ? groups->n_groups++ : groups->group[root];
    groups->start[groups->group[i] + 1]++;
  }
  for (int g = 0; g < groups->n_groups; g++)
    groups->start[g + 1] += groups->start[g];
  at = f.parent;
  memcpy (at, groups->start, groups->n_groups * sizeof *at);
  for (int i = 0; i < n; i++)
    groups->members[at[groups->group[i]]++] = i;
  free (f.parent);
  return true;
}

void
reid_groups_clear (ReidGroups *groups)
{
  free (groups->start);
  free (groups->members);
  free (groups->group);
  memset (groups, 0, sizeof *groups);
}
