/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_LOAD_H
#define REID_NN_LOAD_H

/* From the bytes of an ONNX file to a graph that a backend can run. */

#include "nn/arena.h"
#include "nn/graph.h"
#include "nn/wire.h"

typedef struct {
  ReidGraph graph;
  ReidTensorInfo *inputs, *outputs; /* graph.n_inputs, graph.n_outputs */
  bool batchable;                   /* see reid_session_batchable() */
  const char *const *files;         /* see reid_session_data_file() */
  int n_files;
  ReidArena *arena; /* everything but the constants' data */
} ReidModel;

/* Sum of all constants of one network, in elements. */
#define REID_MAX_CONSTANTS ((int64_t) 1 << 30)
/* Work that constant folding may spend on one network, in steps. */
#ifndef REID_MAX_FOLD_WORK
#define REID_MAX_FOLD_WORK ((int64_t) 1 << 26)
#endif

/* Of a session's options; names as they were given. */
typedef struct {
  char **names;
  int n;
  ReidOutputChoice outputs;
} ReidTaps;

/* taps.c. NULL options: none. The copy is to be freed also where it fails. */
bool reid_taps_copy (ReidTaps *taps, const ReidSessionOptions *options);
void reid_taps_free (ReidTaps *taps);
bool reid_taps_same (const ReidTaps *taps, const ReidSessionOptions *options);

/* The bytes are not needed afterwards. taps may be NULL. */
ReidModel *reid_model_load (ReidBytes data, const char *file,
                            const ReidTaps *taps, ReidError *error);
void reid_model_free (ReidModel *model);

/* Names of ONNX's operators that can be read; NULL after the last. */
const char *reid_operator_name (int i);

/* Steps of the inner loops of one node, of convolutions and inner products
 * only or of every operator; saturates at INT64_MAX. */
int64_t reid_node_work (const ReidNode *node, const ReidShape *in,
                        const ReidShape *out, bool products_only);
int64_t reid_graph_work (const ReidGraph *graph, const ReidShape *shapes,
                         bool products_only);

#endif /* REID_NN_LOAD_H */
