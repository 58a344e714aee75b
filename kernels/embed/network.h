/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_NETWORK_H
#define REID_EMBED_NETWORK_H

/* One network of an embedder: pictures in, a vector of each out. */

#include "base/sha256.h"
#include "embed/embed.h"
#include "embed/growth.h"
#include "embed/layers.h"

typedef struct {
  ReidSession *session;
  ReidContext *context;
  ReidLayers *layers; /* NULL: the network's own output */
  int threads;
  size_t memory_limit;
  bool batchable;
  bool automatic; /* the device may be another */
  bool proven;    /* it has run there */
  ReidGrowth growth;
  int memory_batch; /* see reid_embedder_memory_batch() */
  int channels, dims;
  ReidTensorParams params;
  double landmarks[10]; /* where they go; never all 0 */
  double weight;        /* of 1 */
  ReidEmbedderTimes times;
  char sha256[REID_SHA256_TEXT]; /* of its files */
  char reason[1100];             /* see reid_embedder_device_reason() */
  ReidError moved; /* why it is on the CPU and not, or no longer, on the GPU */
} ReidNetwork;

/* What was opened stays for reid_network_close(), also where it fails. */
bool reid_network_open (ReidNetwork *network, const ReidEmbedderNetwork *as,
                        const ReidEmbedderOptions *options, ReidError *error);
void reid_network_close (ReidNetwork *network);
/* Is there memory to run it on one picture, beside all that is open now? It may
 * move for that. */
bool reid_network_try (ReidNetwork *network, ReidError *error);
/* Rows of dims floats, `stride` floats from one to the next, each scaled to
 * `length`, or with 0 as the network has it. Where a GPU fails on which it has
 * run, or which need not be the device, it moves to the CPU. */
bool reid_network_run (ReidNetwork *network, const ReidFacePicture *pictures,
                       int n, double length, float *out, size_t stride,
                       ReidError *error);

/* version.c: 16 hexadecimal digits and a 0. */
#define REID_VERSION_TEXT 17
void reid_networks_version (const ReidNetwork *networks, int n,
                            char text[REID_VERSION_TEXT]);

#endif /* REID_EMBED_NETWORK_H */
