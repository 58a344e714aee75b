/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CLUSTER_H
#define REID_CLUSTER_H

/* Track vectors -> people: of a whole episode (reid_cluster), or while a
 * stream runs (ReidGallery). */

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  REID_CLUSTER_AVERAGE, /* average link by nearest-neighbour chain (Mullner
                           2011), exact */
  REID_CLUSTER_WHISPERS /* Chinese whispers (Biemann 2006), seeded */
} ReidClusterMethod;

typedef enum {
  REID_CANNOT_LINK_OFF,
  REID_CANNOT_LINK_SOFT, /* such a pair counts as similarity -1 * its share of
                            the frames (weight) in the average */
  REID_CANNOT_LINK_HARD  /* such a pair never ends in one cluster */
} ReidCannotLink;

typedef struct {
  ReidClusterMethod method;
  ReidCannotLink cannot_link;
  float threshold; /* cosine similarity: clusters join while the average over
                      their pairs is at or above it */
  uint64_t seed;   /* of Chinese whispers */
} ReidClusterParams;

REID_API void reid_cluster_params_init (ReidClusterParams *params);

/* Two tracks that share a frame. weight = frames shared / frames of the
 * shorter track, 0..1. */
typedef struct {
  int a, b;
  float weight;
} ReidPair;

/* n L2-normalised vectors of dims floats, row-major, and a distinct key for
 * each (the track's number) that makes the answer independent of the order of
 * the rows. labels[i] receives 0..k-1, numbered by the lowest key in each
 * cluster. Returns k, or -1 on error (a vector that is not finite or not of
 * length 1 is an error that names its key). */
REID_API int reid_cluster (const float *vectors, int n, int dims,
                           const uint64_t *keys, const ReidPair *pairs,
                           int n_pairs, const ReidClusterParams *params,
                           int *labels, ReidError *error);

/* ---- Online: names while the stream runs, in bounded memory. */
typedef struct {
  float accept;   /* cosine at or above which a track is a known person */
  float margin;   /* by which the best must beat the second best person */
  float reject;   /* below it for everybody: a new person */
  int max_people; /* the one unseen for longest is forgotten beyond it */
  int per_person; /* vectors kept for each person, spread over time */
} ReidGalleryParams;

/* From the threshold that the model has for clustering. */
REID_API void reid_gallery_params_init (ReidGalleryParams *params,
                                        float threshold);

typedef enum {
  REID_NAME_PENDING, /* between the two thresholds, or too close to a second */
  REID_NAME_KNOWN,
  REID_NAME_NEW
} ReidNameState;

typedef struct {
  ReidNameState state;
  uint32_t identity; /* >= 1, never reused; 0 while pending */
  float similarity;  /* to that identity, or to the best candidate */
} ReidName;

typedef struct ReidGallery ReidGallery;

REID_API ReidGallery *reid_gallery_new (int dims,
                                        const ReidGalleryParams *params);
REID_API void reid_gallery_free (ReidGallery *gallery);

/* A vector of a track that lives now, or that has just ended. `taken` are the
 * identities of other tracks that share a frame with it: never given to it.
 * A track that already has a name keeps it and its vector makes that person
 * better known (offer its previous identity as `known`, else 0). With `last`
 * set a track that would stay pending gets its decision now: the best
 * candidate that is not taken if it is at or above the middle of accept and
 * reject, else a new person. time in ns, rising. quality 0..1. */
REID_API bool reid_gallery_name (ReidGallery *gallery, const float *vector,
                                 float quality, int64_t time, uint32_t known,
                                 const uint32_t *taken, int n_taken, bool last,
                                 ReidName *name, ReidError *error);
REID_API int reid_gallery_count (const ReidGallery *gallery);
/* Bytes held; never above a bound that follows from the parameters. */
REID_API size_t reid_gallery_bytes (const ReidGallery *gallery);

#ifdef __cplusplus
}
#endif

#endif /* REID_CLUSTER_H */
