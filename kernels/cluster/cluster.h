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
                            the frames (weight) in the average; as its cosine
                            where that is lower still. In Chinese whispers an
                            edge of that weight */
  REID_CANNOT_LINK_HARD  /* such a pair never ends in one cluster, whatever
                            its weight */
} ReidCannotLink;

typedef struct {
  ReidClusterMethod method;
  ReidCannotLink cannot_link;
  float threshold; /* cosine similarity, -1..1: clusters join while the average
                      over their pairs is at or above it. In Chinese whispers
                      a pair at or above it is an edge, its cosine the weight */
  uint64_t seed;   /* of Chinese whispers */
} ReidClusterParams;

/* Average link, hard cannot-links, threshold 0.375: the best one for
 * MobileFaceNet on half of the people of Labeled Faces in the Wild (150 of
 * them with two to twelve photographs, 100 with one: B-cubed F 0.990), and
 * within 0.004 of it from 0.35 to 0.4; 0.991 on the other half. Chinese
 * whispers are best 0.05 higher (0.988), and fall faster below. */
REID_API void reid_cluster_params_init (ReidClusterParams *params);

/* Two tracks that share a frame. weight = frames shared / frames of the
 * shorter track, 0..1. The order of a and b says nothing; of a pair that is
 * given twice the greater weight counts. */
typedef struct {
  int a, b;
  float weight;
} ReidPair;

/* n L2-normalised vectors of dims floats, row-major, and a distinct key for
 * each (the track's number) that makes the answer independent of the order of
 * the rows. labels[i] receives 0..k-1, numbered by the lowest key in each
 * cluster. Returns k, or -1 on error (a vector that is not finite or not of
 * length 1 to within 0.001 is an error that names its key); labels are then
 * undefined. vectors, keys and labels may be NULL where n is 0.
 *
 * The answer is exact: cosines are rounded to multiples of 2^-30 and averaged
 * without rounding. Average link is the plain greedy rule, "join the pair of
 * clusters with the highest average, while one is at or above the threshold;
 * of equal ones the pair whose lower cluster has the lowest key, then whose
 * higher one has", over the pairs of clusters that no hard cannot-link
 * forbids. The same bytes on every processor.
 *
 * Time n^2 * dims for the cosines, and m^2 for each group of m tracks that
 * hang together by pairs at or above the threshold; memory 4 * m^2 bytes of
 * the largest group (average link) or 16 bytes for each of its edges
 * (whispers). At most 200000 tracks, 20000 in a group of average link,
 * 2^26 edges in a group of whispers; beyond: REID_ERROR_UNSUPPORTED.
 * No global state: safe from any thread. */
REID_API int reid_cluster (const float *vectors, int n, int dims,
                           const uint64_t *keys, const ReidPair *pairs,
                           int n_pairs, const ReidClusterParams *params,
                           int *labels, ReidError *error);

/* ---- Online: names while the stream runs, in bounded memory.
 *
 * A person is known by at most per_person vectors that were seen of them,
 * spread evenly over the time since they were first seen, each the one of the
 * highest quality of its while. How like them a vector is: the mean of its
 * cosines to the centre of these (by quality) and to the nearest of them. Two
 * people are never merged. */
typedef struct {
  float accept;   /* similarity at or above which a track is a known person */
  float margin;   /* by which the best must beat the second best person */
  float reject;   /* below it for everybody: a new person */
  int max_people; /* the one unseen for longest is forgotten beyond it */
  int per_person; /* vectors kept for each person, spread over time */
} ReidGalleryParams;

/* From the threshold that the model has for clustering; 1000 people, 8 vectors
 * for each (4.8 MB of 128 floats). */
REID_API void reid_gallery_params_init (ReidGalleryParams *params,
                                        float threshold);
/* Whether a gallery can be made of these, and if not why. */
REID_API bool reid_gallery_params_check (const ReidGalleryParams *params,
                                         int dims, ReidError *error);

typedef enum {
  REID_NAME_PENDING, /* between the two thresholds, or too close to a second */
  REID_NAME_KNOWN,
  REID_NAME_NEW
} ReidNameState;

typedef struct {
  ReidNameState state;
  uint32_t identity; /* >= 1, never reused; 0 while pending */
  float similarity;  /* to that identity; while pending and for a new person
                        to the best candidate that is not taken, 0 where
                        there is none */
} ReidName;

typedef struct ReidGallery ReidGallery;

/* NULL where reid_gallery_params_check() says no, or memory ends. One thread
 * at a time may use a gallery. */
REID_API ReidGallery *reid_gallery_new (int dims,
                                        const ReidGalleryParams *params);
REID_API void reid_gallery_free (ReidGallery *gallery);

/* A vector of a track that lives now, or that has just ended. `taken` are the
 * identities of other tracks that share a frame with it: never given to it.
 * A track that already has a name keeps it and its vector makes that person
 * better known (offer its previous identity as `known`, else 0), unless the
 * vector is below reject for them. One that was forgotten meanwhile comes back
 * under the same identity. A `known` that is also taken counts as 0. With
 * `last` set a track that would stay pending gets its decision now: the best
 * candidate that is not taken if it is at or above the middle of accept and
 * reject, else a new person. time in ns, rising (an earlier one counts as the
 * latest so far). quality 0..1.
 *
 * Learned are the vectors of new people, of known tracks, and those at or
 * above accept. Being named or taken counts as being seen. False on error,
 * with `name` undefined and no person changed: a vector that is not finite
 * or not of length 1 to within 0.001, a quality outside 0..1, a `known` that
 * this gallery never gave, memory. */
REID_API bool reid_gallery_name (ReidGallery *gallery, const float *vector,
                                 float quality, int64_t time, uint32_t known,
                                 const uint32_t *taken, int n_taken, bool last,
                                 ReidName *name, ReidError *error);
/* People known now: forgotten ones are not counted. */
REID_API int reid_gallery_count (const ReidGallery *gallery);
/* Whether this person is known now. One who was forgotten comes back only as
 * the `known` of a track that still bears the name. */
REID_API bool reid_gallery_knows (const ReidGallery *gallery, uint32_t id);
/* Bytes held; never above a bound that follows from the parameters:
 * reid_gallery_bytes_bound(). */
REID_API size_t reid_gallery_bytes (const ReidGallery *gallery);
REID_API size_t reid_gallery_bytes_bound (const ReidGalleryParams *params,
                                          int dims);

#ifdef __cplusplus
}
#endif

#endif /* REID_CLUSTER_H */
