/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_H
#define REID_EMBED_H

/* An embedder: a session that makes one vector of one aligned face, and the
 * alignment and preprocessing it wants. Not thread-safe; any number of
 * embedders may share one session. */

#include "base/base.h"
#include "image/image.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

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
REID_API void reid_embedder_free (ReidEmbedder *embedder);
REID_API int reid_embedder_dims (const ReidEmbedder *embedder);
/* False where the network can only run one picture at a time; run() then does
 * that by itself. */
REID_API bool reid_embedder_batchable (const ReidEmbedder *embedder);
/* Pictures that run() takes at once; fewer from when memory has ended on. */
REID_API int reid_embedder_batch (const ReidEmbedder *embedder);
REID_API const char *reid_embedder_device (const ReidEmbedder *embedder);
REID_API const char *reid_embedder_device_reason (const ReidEmbedder *embedder);

/* n pictures -> n rows of dims floats. normalize: L2. Where memory ends, it
 * goes on in smaller batches. A vector that is zero or not finite is an error
 * that names the picture's index. The same picture gives the same bytes
 * whatever n and its place in the batch. */
REID_API bool reid_embedder_run (ReidEmbedder *embedder,
                                 const ReidFacePicture *pictures, int n,
                                 bool normalize, float *out, ReidError *error);

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
