/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_BATCH_H
#define REID_NN_BATCH_H

/* Which values hold the pictures of a batch one after another, along which
 * axis. A size along that axis is the batch, or a multiple of it: then all of
 * the first picture comes before anything of the second (frames of a sequence,
 * heads of an attention). */

#include "nn/symbols.h"

#define REID_AXIS_NONE (-1)  /* a constant, the same for every picture */
#define REID_AXIS_MIXED (-2) /* pictures have been mixed */

/* The axis of what `node` makes, or REID_AXIS_MIXED, from those of its inputs.
 * Every picture of it is made only from the same picture of the inputs.
 * `batch` is the literal size, or REID_SYMBOL_BATCH where it is free. */
REID_API int reid_node_batch_axis (const ReidNode *node, const ReidShape *in,
                                   const int *axes, const ReidShape *out,
                                   const ReidSymbols *symbols, int64_t batch);

#endif /* REID_NN_BATCH_H */
