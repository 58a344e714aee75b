/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
reid_cluster_params_init (ReidClusterParams *params)
{
  *params = (ReidClusterParams){ .method = REID_CLUSTER_AVERAGE,
                                 .cannot_link = REID_CANNOT_LINK_HARD,
                                 .threshold = 0.375f,
                                 .seed = 1 };
}

static bool
check (const float *vectors, int n, int dims, const uint64_t *keys,
       const ReidPair *pairs, int n_pairs, const ReidClusterParams *params,
       const int *labels, ReidError *error)
{
  if (!params)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "no parameters: call reid_cluster_params_init()");
  if (n < 0 || n_pairs < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d tracks and %d pairs: give no negative numbers",
                           n, n_pairs);
  if (n > REID_CLUSTER_MAX_TRACKS)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%d tracks are more than the limit of %d: cluster "
                           "the stream in parts",
                           n, REID_CLUSTER_MAX_TRACKS);
  if (n && (!vectors || !keys || !labels || dims < 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d tracks of %d floats need vectors, keys and "
                           "labels",
                           n, dims);
  if (n_pairs && !pairs)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d pairs are announced, none given", n_pairs);
  if (!(params->threshold >= -1 && params->threshold <= 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "the threshold %g is no cosine: give -1 to 1",
                           params->threshold);
  if (params->method != REID_CLUSTER_AVERAGE
      && params->method != REID_CLUSTER_WHISPERS)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "there is no clustering method %d",
                           (int) params->method);
  if (params->cannot_link != REID_CANNOT_LINK_OFF
      && params->cannot_link != REID_CANNOT_LINK_SOFT
      && params->cannot_link != REID_CANNOT_LINK_HARD)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "there is no cannot-link mode %d",
                           (int) params->cannot_link);
  return true;
}

typedef struct {
  int *local;      /* canonical number -> number in its group */
  ReidLink *links; /* of the group at hand */
  int *root;       /* the same */
  float *rows;     /* the same */
  int *cluster;    /* of each canonical number: a number its cluster shares */
} Work;

/* The links within a group are few and lie scattered in the list, which is
 * sorted by the lower track. */
static int
links_within (const ReidTracks *tracks, const ReidGroups *groups, int g,
              Work *work)
{
  int n = 0;
  const int *member = groups->members + groups->start[g];
  const int *end = groups->members + groups->start[g + 1];

  for (; member < end; member++) {
    int low = 0, high = tracks->n_links;

    while (low < high) {
      int middle = low + (high - low) / 2;

      if (tracks->links[middle].a < *member)
        low = middle + 1;
      else
        high = middle;
    }
    for (; low < tracks->n_links && tracks->links[low].a == *member; low++)
      if (groups->group[tracks->links[low].b] == g)
        work->links[n++] =
            (ReidLink){ work->local[*member], work->local[tracks->links[low].b],
                        tracks->links[low].weight };
  }
  return n;
}

static bool
cluster_group (const ReidTracks *tracks, const ReidGroups *groups, int g,
               const ReidClusterParams *params, int64_t threshold, Work *work,
               ReidError *error)
{
  const int *members = groups->members + groups->start[g];
  int n = groups->start[g + 1] - groups->start[g];
  ReidGroup group = { n, tracks->stride,          work->rows, work->links,
                      0, tracks->keys[members[0]] };
  bool ok;

  for (int i = 0; i < n; i++) {
    work->local[members[i]] = i;
    memcpy (work->rows + i * tracks->stride,
            tracks->rows + members[i] * tracks->stride,
            tracks->stride * sizeof (float));
  }
  group.n_links = links_within (tracks, groups, g, work);
  if (params->method == REID_CLUSTER_AVERAGE)
    ok = reid_average_link (&group, threshold, params->cannot_link, work->root,
                            error);
  else
    ok = reid_whispers (&group, threshold, params->cannot_link, params->seed,
                        work->root, error);
  for (int i = 0; i < n && ok; i++)
    work->cluster[members[i]] = members[work->root[i]];
  return ok;
}

static bool
cluster_groups (const ReidTracks *tracks, const ReidGroups *groups,
                const ReidClusterParams *params, int64_t threshold, Work *work,
                ReidError *error)
{
  int largest = 0;
  size_t n = tracks->n;

  for (int g = 0; g < groups->n_groups; g++)
    if (groups->start[g + 1] - groups->start[g] > largest)
      largest = groups->start[g + 1] - groups->start[g];
  work->local = malloc ((n + 1) * sizeof *work->local);
  work->links = malloc (((size_t) tracks->n_links + 1) * sizeof *work->links);
  work->root = malloc (((size_t) largest + 1) * sizeof *work->root);
  work->rows = reid_alloc_aligned (((size_t) largest + 1) * tracks->stride
                                   * sizeof (float));
  if (!work->local || !work->links || !work->root || !work->rows)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory to cluster %d tracks", tracks->n);
  for (int g = 0; g < groups->n_groups; g++) {
    int first = groups->members[groups->start[g]];

    if (groups->start[g + 1] - groups->start[g] == 1)
      work->cluster[first] = first;
    else if (!cluster_group (tracks, groups, g, params, threshold, work, error))
      return false;
  }
  return true;
}

/* Labels by the lowest key of each cluster, in the caller's order. */
static int
number (const ReidTracks *tracks, const int *cluster, int *label_of,
        int *labels)
{
  int n_labels = 0;

  for (int i = 0; i < tracks->n; i++)
    label_of[i] = -1;
  for (int i = 0; i < tracks->n; i++) {
    int *label = &label_of[cluster[i]];

    if (*label < 0)
      *label = n_labels++;
    labels[tracks->order[i]] = *label;
  }
  return n_labels;
}

int
reid_cluster (const float *vectors, int n, int dims, const uint64_t *keys,
              const ReidPair *pairs, int n_pairs,
              const ReidClusterParams *params, int *labels, ReidError *error)
{
  ReidTracks tracks;
  ReidGroups groups = { 0 };
  Work work = { 0 };
  int64_t threshold;
  int n_labels = -1;

  if (!check (vectors, n, dims, keys, pairs, n_pairs, params, labels, error))
    return -1;
  if (!reid_tracks_init (&tracks, vectors, n, n ? dims : 1, keys, pairs,
                         n_pairs, error))
    return -1;
  threshold = reid_fixed (params->threshold);
  work.cluster = malloc (((size_t) n + 1) * sizeof *work.cluster);
  if (!work.cluster)
    reid_error_set (error, REID_ERROR_MEMORY, "no memory to cluster %d tracks",
                    n);
  else if (reid_groups_init (&groups, &tracks, threshold, error)
           && cluster_groups (&tracks, &groups, params, threshold, &work,
                              error))
    n_labels = number (&tracks, work.cluster, work.local, labels);
  free (work.local);
  free (work.links);
  free (work.root);
  free (work.rows);
  free (work.cluster);
  reid_groups_clear (&groups);
  reid_tracks_clear (&tracks);
  return n_labels;
}
