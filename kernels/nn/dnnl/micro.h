/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_MICRO_H
#define REID_DNNL_MICRO_H

#include "nn/graph.h"

/* How many of the `pictures` that one thread runs of a batch it had better run
 * side by side, 1 to 8; what is left over is run one by one. Together they
 * share what is read of the weights, where these are more than the second-level
 * cache holds; but then there is less room in it for what lies between two
 * layers, of numbers of `element` bytes. The least traffic wins, few pictures
 * on a tie. `one`: shapes of one picture. $REID_DNNL_MICRO_BATCH takes its
 * place, for tests. */
int64_t reid_micro_batch (const ReidGraph *graph, const ReidShape *one,
                          size_t element, int64_t pictures);

#endif /* REID_DNNL_MICRO_H */
