/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ReidEmbedder {
  ReidNetwork networks[REID_MAX_NETWORKS];
  int n, dims;
  char version[REID_VERSION_TEXT];
  ReidError dropped; /* why there is only the first */
};

void
reid_embedder_info_init (ReidEmbedderInfo *info)
{
  *info = (ReidEmbedderInfo){ .channels = REID_CHANNELS_RGB, .threshold = NAN };
  for (int c = 0; c < 3; c++) {
    info->mean[c] = 127.5f;
    info->scale[c] = 1 / 127.5f;
  }
}

static void
settle (ReidEmbedder *embedder)
{
  embedder->dims = 0;
  for (int i = 0; i < embedder->n; i++)
    embedder->dims += embedder->networks[i].dims;
  reid_networks_version (embedder->networks, embedder->n, embedder->version);
}

bool
reid_embedder_drop (ReidEmbedder *embedder, const ReidError *why)
{
  if (embedder->n < 2)
    return false;
  while (embedder->n > 1) {
    ReidNetwork *network = &embedder->networks[--embedder->n];
    embedder->networks[0].times.align += network->times.align;
    embedder->networks[0].times.network += network->times.network;
    reid_network_close (network);
  }
  embedder->networks[0].weight = 1;
  embedder->dropped = *why;
  settle (embedder);
  return true;
}

static bool
check_weights (const ReidEmbedderNetwork *networks, int n, double *sum,
               ReidError *error)
{
  *sum = 0;
  for (int i = 0; i < n; i++) {
    if (!(networks[i].weight > 0) || !isfinite (networks[i].weight))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "the weight of %s is %g; weights are numbers "
                             "above 0",
                             networks[i].model_path, networks[i].weight);
    *sum += networks[i].weight;
  }
  return isfinite (*sum)
         || reid_error_set (error, REID_ERROR_ARGUMENT,
                            "the weights are too large together");
}

/* All that there is memory for: every network, else the first. */
static bool
open_all (ReidEmbedder *embedder, const ReidEmbedderNetwork *networks, int n,
          double sum, const ReidEmbedderOptions *options, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  bool ok = true;

  for (int i = 0; i < n && ok; i++) {
    embedder->n = i + 1;
    ok =
        reid_network_open (&embedder->networks[i], &networks[i], options, &why);
    embedder->networks[i].weight = n > 1 ? networks[i].weight / sum : 1;
  }
  for (int i = 0; i < n && n > 1 && ok; i++)
    ok = reid_network_try (&embedder->networks[i], &why);
  if (ok)
    settle (embedder);
  return ok
         || (why.status == REID_ERROR_MEMORY
             && reid_embedder_drop (embedder, &why))
         || reid_error_set (error, why.status, "%s", why.message);
}

ReidEmbedder *
reid_embedder_new_blend (const ReidEmbedderNetwork *networks, int n,
                         const ReidEmbedderOptions *options, ReidError *error)
{
  ReidEmbedder *embedder = calloc (1, sizeof *embedder);
  double sum;

  if (!embedder) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for an embedder");
    return NULL;
  }
  if (n < 1 || n > REID_MAX_NETWORKS)
    reid_error_set (error, REID_ERROR_ARGUMENT,
                    "%d networks: an embedder has 1 to %d", n,
                    REID_MAX_NETWORKS);
  else if (check_weights (networks, n, &sum, error)
           && open_all (embedder, networks, n, sum, options, error))
    return embedder;
  reid_embedder_free (embedder);
  return NULL;
}

ReidEmbedder *
reid_embedder_new (const char *model_path, const ReidEmbedderInfo *info,
                   const ReidEmbedderOptions *options, ReidError *error)
{
  ReidEmbedderNetwork network = { model_path, NULL, info, NULL, 1 };

  return reid_embedder_new_blend (&network, 1, options, error);
}

void
reid_embedder_free (ReidEmbedder *embedder)
{
  if (!embedder)
    return;
  for (int i = 0; i < embedder->n; i++)
    reid_network_close (&embedder->networks[i]);
  free (embedder);
}

int
reid_embedder_dims (const ReidEmbedder *embedder)
{
  return embedder->dims;
}

bool
reid_embedder_is_unit (const ReidEmbedder *embedder)
{
  return embedder->n > 1 || embedder->networks[0].layers;
}

bool
reid_embedder_batchable (const ReidEmbedder *embedder)
{
  bool any = false;

  for (int i = 0; i < embedder->n; i++)
    any = any || embedder->networks[i].batchable;
  return any;
}

int
reid_embedder_batch (const ReidEmbedder *embedder)
{
  int least = 0;

  for (int i = 0; i < embedder->n; i++) {
    const ReidNetwork *network = &embedder->networks[i];
    int batch = network->growth.batch;
    if (network->batchable && (least == 0 || batch < least))
      least = batch;
  }
  return least ? least : 1;
}

int
reid_embedder_most_batch (const ReidEmbedder *embedder)
{
  int most = 1;

  for (int i = 0; i < embedder->n; i++)
    if (embedder->networks[i].growth.most > most)
      most = embedder->networks[i].growth.most;
  return most;
}

int
reid_embedder_memory_batch (const ReidEmbedder *embedder)
{
  int least = 0;

  for (int i = 0; i < embedder->n; i++) {
    int batch = embedder->networks[i].memory_batch;
    if (batch && (least == 0 || batch < least))
      least = batch;
  }
  return least;
}

const char *
reid_embedder_device (const ReidEmbedder *embedder)
{
  return reid_session_device (embedder->networks[0].session);
}

const char *
reid_embedder_device_reason (const ReidEmbedder *embedder)
{
  return embedder->networks[0].reason;
}

void
reid_embedder_times (const ReidEmbedder *embedder, ReidEmbedderTimes *times)
{
  *times = (ReidEmbedderTimes){ 0 };
  for (int i = 0; i < embedder->n; i++) {
    times->align += embedder->networks[i].times.align;
    times->network += embedder->networks[i].times.network;
  }
}

const char *
reid_embedder_version (const ReidEmbedder *embedder)
{
  return embedder->version;
}

int
reid_embedder_n_networks (const ReidEmbedder *embedder)
{
  return embedder->n;
}

double
reid_embedder_weight (const ReidEmbedder *embedder, int i)
{
  return embedder->networks[i].weight;
}

const char *
reid_embedder_layers (const ReidEmbedder *embedder, int i)
{
  const ReidLayers *layers = embedder->networks[i].layers;
  return layers ? layers->text : NULL;
}

const char *
reid_embedder_projection (const ReidEmbedder *embedder, int i)
{
  const ReidLayers *layers = embedder->networks[i].layers;
  return layers && *layers->projection ? layers->projection : NULL;
}

bool
reid_embedder_matrix (const ReidEmbedder *embedder, int i,
                      ReidEmbedderMatrix *matrix)
{
  for (int k = 0; k < embedder->n; k++) {
    const ReidLayers *layers = embedder->networks[k].layers;
    for (int l = 0; layers && l < layers->n; l++) {
      const ReidProjection *by = layers->layer[l].by;
      if (!by || !by->mean || i-- > 0)
        continue;
      *matrix = (ReidEmbedderMatrix){ by->sha256, by->rows, by->cols, by->mean,
                                      by->data };
      return true;
    }
  }
  return false;
}

const char *
reid_embedder_dropped (const ReidEmbedder *embedder)
{
  return embedder->dropped.status ? embedder->dropped.message : NULL;
}

const char *
reid_embedder_moved (const ReidEmbedder *embedder, int i)
{
  const ReidError *moved = &embedder->networks[i].moved;
  return moved->status ? moved->message : NULL;
}

bool
reid_embedder_run (ReidEmbedder *embedder, const ReidFacePicture *pictures,
                   int n, bool normalize, float *out, ReidError *error)
{
  size_t stride = (size_t) embedder->dims;
  bool unit = normalize || reid_embedder_is_unit (embedder);

  for (int i = 0; i < embedder->n && n > 0; i++) {
    ReidNetwork *network = &embedder->networks[i];
    if (!reid_network_run (network, pictures, n,
                           unit ? sqrt (network->weight) : 0, out, stride,
                           error))
      return false;
    out += network->dims;
  }
  return true;
}

int
reid_embedder_run_each (ReidEmbedder *embedder, const ReidFacePicture *pictures,
                        int n, bool normalize, float *out, bool *good,
                        ReidError *error)
{
  size_t dims = (size_t) embedder->dims;
  ReidError why = REID_ERROR_INIT;
  bool whole = reid_embedder_run (embedder, pictures, n, normalize, out, &why);
  int failed = 0;

  for (int i = 0; i < n; i++, out += dims) {
    bool ok = whole;
    if (!whole && why.status != REID_ERROR_MEMORY) {
      ReidError one = REID_ERROR_INIT;
      ok = reid_embedder_run (embedder, &pictures[i], 1, normalize, out, &one);
      if (!ok)
        why = one;
    }
    if (good)
      good[i] = ok;
    if (!ok) {
      memset (out, 0, dims * sizeof *out);
      failed++;
    }
  }
  if (failed > 0)
    reid_error_set (error, why.status, "%s", why.message);
  return failed;
}
