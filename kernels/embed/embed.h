/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_H
#define REID_EMBED_H

/* An embedder: one network that makes a vector of an aligned face, or several
 * that make one vector together; and the alignment and preprocessing that each
 * wants. Not thread-safe; any number of embedders may share the sessions. */

#include "base/base.h"
#include "image/image.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_MAX_NETWORKS 8

/* What the network eats; what a .modelinfo file may override. */
typedef struct {
  ReidChannels channels;   /* RGB or BGR or GRAY */
  float mean[3], scale[3]; /* see ReidTensorParams; default 127.5, 1/127.5 */
  double landmarks[10];    /* template in the network's input pixels; all 0 =
                              the ArcFace one scaled to the input */
  float threshold;         /* cosine similarity from which two tracks are one
                              person, for clustering; NAN = 0.40 */
} ReidEmbedderInfo;

REID_API void reid_embedder_info_init (ReidEmbedderInfo *info);

typedef struct {
  const char *device; /* see ReidSessionOptions */
  int threads;        /* 0 = all */
  ReidPrecision precision;
  size_t memory_limit; /* of each network: see reid_context_limit_memory() */
} ReidEmbedderOptions;

/* One face picture. Landmarks and box in its pixels, as in ReidChip. */
typedef struct {
  const uint8_t *rgb;
  int width, height;
  ptrdiff_t stride;
  const float *landmarks; /* 10 values, or NULL: aligned by the box alone */
  float box[4];           /* left, top, width, height */
} ReidFacePicture;

typedef struct ReidEmbedder ReidEmbedder;

REID_API ReidEmbedder *reid_embedder_new (const char *model_path,
                                          const ReidEmbedderInfo *info,
                                          const ReidEmbedderOptions *options,
                                          ReidError *error);

/* One of several networks. */
typedef struct {
  const char *model_path;
  const char *sha256;           /* of the file, where it is known, or NULL */
  const ReidEmbedderInfo *info; /* or NULL */
  /* Inner tensors in place of the network's own output: parts
   * NAME[:HxW][:WIDTH[:FILE]], separated by commas. NAME as in
   * ReidSessionOptions. Each is averaged over a grid of H by W (1x1), and then
   * reduced to WIDTH numbers: by the PCA in FILE (see projection.h), else by
   * orthonormal rows drawn from a seed; without a width it stays as it is.
   * Each is scaled to length 1, and all count the same. NULL or "": none. */
  const char *layers;
  double weight; /* above 0, relative to the others' */
} ReidEmbedderNetwork;

/* Vectors of n networks: sqrt (w_i) v_i / |v_i| one after the other, where the
 * weights w_i sum to 1, so that the inner product of two is the weighted sum of
 * the networks' cosines. Where memory is too small for all of them, it is the
 * first alone: see reid_embedder_dropped(). */
REID_API ReidEmbedder *
reid_embedder_new_blend (const ReidEmbedderNetwork *networks, int n,
                         const ReidEmbedderOptions *options, ReidError *error);
REID_API void reid_embedder_free (ReidEmbedder *embedder);
REID_API int reid_embedder_dims (const ReidEmbedder *embedder);
/* True where every vector has length 1, whatever run() is told: several
 * networks, or layers. */
REID_API bool reid_embedder_is_unit (const ReidEmbedder *embedder);
/* False where no network can run more than one picture at a time; run() then
 * does that by itself. */
REID_API bool reid_embedder_batchable (const ReidEmbedder *embedder);
/* Pictures that run() takes at once. On a GPU that grows as long as it makes
 * more of them a second (growth.h); where memory ends it falls. */
REID_API int reid_embedder_batch (const ReidEmbedder *embedder);
/* The most that it may grow to. */
REID_API int reid_embedder_most_batch (const ReidEmbedder *embedder);
/* How many memory was enough for, once it was not for more; else 0. */
REID_API int reid_embedder_memory_batch (const ReidEmbedder *embedder);
/* Of the first network; the reason tells of each device, should it move. */
REID_API const char *reid_embedder_device (const ReidEmbedder *embedder);
REID_API const char *reid_embedder_device_reason (const ReidEmbedder *embedder);

/* What the vectors are: 16 hexadecimal digits over the networks' files, their
 * weights, preprocessing, layers and projections. Vectors of different versions
 * must not be compared. Device, precision, threads and batch are not in it. */
REID_API const char *reid_embedder_version (const ReidEmbedder *embedder);
/* Networks that are in the vectors; 1 after a drop. */
REID_API int reid_embedder_n_networks (const ReidEmbedder *embedder);
/* Of 1. */
REID_API double reid_embedder_weight (const ReidEmbedder *embedder, int i);
/* With the tensors' own names and without what is left to its default; NULL
 * where the network's own output is taken. */
REID_API const char *reid_embedder_layers (const ReidEmbedder *embedder, int i);
/* How its layers are reduced ("orthonormal rows, seed 1", "PCA" with the
 * file's SHA-256, or both); NULL where none is. */
REID_API const char *reid_embedder_projection (const ReidEmbedder *embedder,
                                               int i);

/* A matrix that no seed tells: of a PCA. Valid as long as the embedder. */
typedef struct {
  const char *sha256; /* of its file */
  int rows, cols;
  const float *mean, *data; /* cols numbers, rows of cols */
} ReidEmbedderMatrix;
/* The i-th of all networks; false after the last. */
REID_API bool reid_embedder_matrix (const ReidEmbedder *embedder, int i,
                                    ReidEmbedderMatrix *matrix);

/* Gives up all networks but the first, for want of memory; the vectors have
 * other dims and another version then, so that this is for before the first of
 * them is passed on. False where there is only one. */
REID_API bool reid_embedder_drop (ReidEmbedder *embedder, const ReidError *why);
/* Why there is only the first network of several; NULL where all are there. */
REID_API const char *reid_embedder_dropped (const ReidEmbedder *embedder);
/* What the GPU said when it had no memory for network i any more, which since
 * then runs on the CPU, in f32; NULL where it is where it was opened. */
REID_API const char *reid_embedder_moved (const ReidEmbedder *embedder, int i);

/* n pictures -> n rows of dims floats. normalize: L2. Where memory ends, it
 * goes on in smaller batches. A network for which a GPU had memory (several are
 * tried when they are opened) goes on on the CPU once that is not enough for
 * one picture: vectors keep their version, and no limit on memory holds there.
 * REID_ERROR_MEMORY means that it does not suffice for one picture on the CPU,
 * or never did on the GPU. A vector that is zero or not finite is an error that
 * names the picture's index. The same picture gives the same bytes whatever n
 * and its place in the batch, on one device. */
REID_API bool reid_embedder_run (ReidEmbedder *embedder,
                                 const ReidFacePicture *pictures, int n,
                                 bool normalize, float *out, ReidError *error);

/* As run(); but where that fails, they go one by one, so that a bad picture
 * does not take its neighbours with it. Returns how many failed: their rows are
 * zeros, and good (n, or NULL) is false. The error is of the last of them,
 * which it calls face 0. After REID_ERROR_MEMORY none is tried any more: all
 * that are left fail with it. */
REID_API int reid_embedder_run_each (ReidEmbedder *embedder,
                                     const ReidFacePicture *pictures, int n,
                                     bool normalize, float *out, bool *good,
                                     ReidError *error);

/* Nanoseconds since the embedder was made: what the alignment of the pictures
 * took, and the network (with the wait for others that use it). */
typedef struct {
  uint64_t align, network;
} ReidEmbedderTimes;

REID_API void reid_embedder_times (const ReidEmbedder *embedder,
                                   ReidEmbedderTimes *times);

/* The matrix that reid_embedder_run() warps this picture with (for tests and
 * for showing what the network saw). */
REID_API bool reid_align (const ReidFacePicture *picture,
                          const double landmarks_template[10], int width,
                          int height, double matrix[6]);

/* Vector of a track: sum of weight_i * v_i, L2-normalised, accumulated in
 * double in the order given. False when it comes out as zero. */
REID_API bool reid_track_vector (const float *vectors, const float *weights,
                                 int n, int dims, float *out);

#ifdef __cplusplus
}
#endif

#endif /* REID_EMBED_H */
