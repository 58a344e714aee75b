/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CLUSTER_PRIVATE_H
#define REID_CLUSTER_PRIVATE_H

/* What the files of this room share. Nothing here is exported.
 *
 * Similarities are summed as integers of 2^-30. Sums of such numbers have no
 * rounding, so that an average does not depend on the order in which clusters
 * were joined, equal averages are equal, and the partition is a function of
 * the data alone. */

#include "cluster/cluster.h"

/* More tracks than this take minutes even for the first pass over all pairs.
 */
#define REID_CLUSTER_MAX_TRACKS 200000
/* Tracks that hang together at the threshold are held as a triangle of 8-byte
 * sums: 1.6 GB at this number. Below 2^33 pairs no sum leaves 63 bits. */
#define REID_CLUSTER_MAX_GROUP 20000
/* Directed edges of one group in Chinese whispers, 8 bytes each. */
#define REID_CLUSTER_MAX_EDGES ((size_t) 1 << 27)

/* ---- Cosines. Rows are padded with zeros to a multiple of 16 floats
 * (`stride`) and aligned to 64 bytes.
 *
 * out[i * out_stride + j] = a_i . b_j, summed in 16 lanes (lane l takes the
 * elements k with k % 16 == l, in rising order, multiply and add rounded
 * separately), the lanes added as a tree: l and l + 8, l and l + 4, l and
 * l + 2, then the last two. Every version gives the same bytes. */
#define REID_LANES 16

typedef void (*ReidSimilarityFunc) (const float *a, int na, const float *b,
                                    int nb, size_t stride, float *out,
                                    size_t out_stride);

void reid_similarity_c (const float *a, int na, const float *b, int nb,
                        size_t stride, float *out, size_t out_stride);
#ifdef __x86_64__
void reid_similarity_avx2 (const float *a, int na, const float *b, int nb,
                           size_t stride, float *out, size_t out_stride);
void reid_similarity_avx512 (const float *a, int na, const float *b, int nb,
                             size_t stride, float *out, size_t out_stride);
#endif
ReidSimilarityFunc reid_similarity_pick (unsigned cpu_flags);

/* Visits the lower triangle (row > column) of all cosines of `rows` with
 * themselves in tiles. A tile on the diagonal is visited whole: the visitor
 * skips column >= row. tile[(i - i0) * REID_TILE + j - j0]. */
#define REID_TILE 64
typedef void (*ReidTileVisitor) (void *user, int i0, int i1, int j0, int j1,
                                 const float *tile);
void reid_similarity_tiles (const float *rows, int n, size_t stride,
                            ReidTileVisitor visit, void *user);

static inline size_t
reid_cluster_stride (int dims)
{
  return ((size_t) dims + REID_LANES - 1) / REID_LANES * REID_LANES;
}

/* A cosine as an integer of 2^-30, to nearest, halves away from zero. */
#define REID_FIXED_ONE ((int64_t) 1 << 30)
static inline int64_t
reid_fixed (float cosine)
{
  double x = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;

  return (int64_t) (x * 0x1p30 + (x < 0 ? -0.5 : 0.5));
}

/* ---- The checked input in canonical order: rows by rising key. */
typedef struct {
  int a, b; /* canonical numbers, a < b */
  float weight;
} ReidLink;

typedef struct {
  int n;
  size_t stride;
  float *rows;
  int *order;      /* canonical number -> the caller's row */
  uint64_t *keys;  /* rising */
  ReidLink *links; /* by (a, b), each pair once with its greatest weight */
  int n_links;
} ReidTracks;

bool reid_tracks_init (ReidTracks *tracks, const float *vectors, int n,
                       int dims, const uint64_t *keys, const ReidPair *pairs,
                       int n_pairs, ReidError *error);
void reid_tracks_clear (ReidTracks *tracks);
/* True for a finite vector of length 1 to within 1e-3. */
bool reid_vector_is_unit (const float *vector, int dims, double *length);

/* ---- Groups: the connected parts of the graph whose edges are the pairs at
 * or above the threshold. An average is never above its highest member, so no
 * cluster reaches over two groups, and each is clustered alone. */
typedef struct {
  int n_groups;
  int *start;   /* n_groups + 1 positions in members */
  int *members; /* canonical numbers, rising in each group */
  int *group;   /* of each canonical number */
} ReidGroups;

bool reid_groups_init (ReidGroups *groups, const ReidTracks *tracks,
                       int64_t threshold, ReidError *error);
void reid_groups_clear (ReidGroups *groups);

/* One group on its own, numbered 0..n-1 by rising key. */
typedef struct {
  int n;
  size_t stride;
  const float *rows;
  const ReidLink *links;
  int n_links;
  uint64_t lowest_key;
} ReidGroup;

/* root[i] receives the lowest number in the cluster of i (average link), or
 * any number below n that the members of one cluster share (whispers). */
bool reid_average_link (const ReidGroup *group, int64_t threshold,
                        ReidCannotLink cannot_link, int *root,
                        ReidError *error);
bool reid_whispers (const ReidGroup *group, int64_t threshold,
                    ReidCannotLink cannot_link, uint64_t seed, int *root,
                    ReidError *error);

#endif /* REID_CLUSTER_PRIVATE_H */
