/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_LAYERS_H
#define REID_EMBED_LAYERS_H

/* One vector from inner tensors of a network: each averaged over a grid, where
 * asked for reduced, scaled to length 1; then one after the other. */

#include "embed/projection.h"
#include "nn/nn.h"

#define REID_MAX_LAYERS 16
#define REID_PROJECTION_SEED 1

typedef struct {
  char *name; /* as given */
  char *file; /* of a PCA, or NULL */
  int grid[2];
  int width;          /* 0: not reduced */
  int pooled, dims;   /* numbers before and after */
  ReidProjection *by; /* NULL: not reduced */
} ReidLayer;

typedef struct {
  ReidLayer layer[REID_MAX_LAYERS];
  const char *names[REID_MAX_LAYERS]; /* for ReidSessionOptions */
  int n, dims;
  char *text;       /* with the tensors' own names */
  char *projection; /* see reid_embedder_projection() */
  float *scratch;
} ReidLayers;

/* The text as in ReidEmbedderNetwork; NULL told. */
ReidLayers *reid_layers_parse (const char *text, ReidError *error);
void reid_layers_free (ReidLayers *layers);
/* outputs: what the session gives for one picture, without data. */
bool reid_layers_bind (ReidLayers *layers, const ReidSession *session,
                       const ReidTensor *outputs, ReidError *error);
/* Of picture `index` of the outputs of a run: dims numbers of this length as a
 * whole. False (told) when a tensor is zero or not finite. */
bool reid_layers_vector (ReidLayers *layers, const ReidTensor *outputs,
                         int index, double length, float *out,
                         ReidError *error);

#endif /* REID_EMBED_LAYERS_H */
