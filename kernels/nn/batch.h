/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_BATCH_H
#define REID_NN_BATCH_H

/* Where a value holds the pictures of a batch: its elements, counted through,
 * are so many pieces, each of them the first picture's part, then that of the
 * second, and so on. The size of one axis is what all that is a whole multiple
 * of: it may hold the batch alone, or with what lies in front of it (tokens of
 * a transformer, when every token's row of pictures is one row) or after it
 * (frames of a sequence, heads of an attention). */

#include "nn/symbols.h"

typedef struct {
  int axis;
  int64_t outer; /* pieces that this axis holds */
} ReidBatch;

#define REID_AXIS_NONE (-1)  /* a constant, the same for every picture */
#define REID_AXIS_MIXED (-2) /* pictures have been mixed */

/* Where what `node` makes holds them, or REID_AXIS_MIXED, from where its inputs
 * do. Every picture of it is made only from the same picture of the inputs.
 * `size` of the batch: literal, or REID_SYMBOL_BATCH where it is free. */
REID_API ReidBatch reid_node_batch (const ReidNode *node, const ReidShape *in,
                                    const ReidBatch *batches,
                                    const ReidShape *out,
                                    const ReidSymbols *symbols, int64_t size);

#endif /* REID_NN_BATCH_H */
