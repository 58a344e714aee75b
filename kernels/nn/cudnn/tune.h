/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_TUNE_H
#define REID_CUDNN_TUNE_H

/* For every fused convolution that a network needs, the plan that measures
 * fastest on this GPU: compiled once (several at a time), timed once, and kept
 * in the process and on disk (cache.h). One tuner a GPU, shared by all networks
 * of the process; any thread.
 *
 * What is chosen is a configuration, by its time at one batch for all:
 * REID_TUNE_BATCH. Every other batch takes the same one, so that a picture's
 * bytes do not depend on who else is in its batch.
 *
 * A shape with an affine output has a plan only where that is right, which is
 * tried on this GPU first, and faster than a plan without and our own kernel
 * after it. That, too, is decided once for all batches.
 *
 * A GPU that is only described has no plans, but they are looked for all the
 * same: $REID_CUDNN_COMPILE choices (default 0: how many there are is enough)
 * are compiled and kept on disk, where that GPU finds them, and a line about
 * each shape is appended to the file $REID_CUDNN_LOG. */

#include "nn/cudnn/fused.h"
#include "nn/cudnn/gpu.h"

/* Choices that are compiled and timed, and how many $REID_CUDNN_CHOICES may
 * ask for: of up to 15, the fastest was among the first four nearly always. */
#define REID_TUNE_CHOICES 5
#define REID_TUNE_MOST_CHOICES 16
/* Pictures, or fewer where they would take more memory than that. */
#define REID_TUNE_BATCH 64
#define REID_TUNE_BYTES ((int64_t) 1 << 30)

typedef struct ReidTuner ReidTuner;

ReidTuner *reid_tuner_ref (const ReidGpu *gpu, ReidError *error);
void reid_tuner_unref (ReidTuner *tuner);

/* Finds plans for all of these shapes, several at a time: what
 * reid_tuner_plan() does for each. What fails is for that to tell. */
void reid_tuner_prepare (ReidTuner *tuner, const ReidFusedShape *shapes, int n);
/* NULL where cuDNN has no plan for the shape; `error` is set when that is for
 * another reason than that it cannot. The plan belongs to the tuner. */
const ReidFusedPlan *reid_tuner_plan (ReidTuner *tuner,
                                      const ReidFusedShape *shape,
                                      ReidError *error);
/* Enqueues; `workspace` as large as the plan wants. */
bool reid_tuner_run (ReidTuner *tuner, const ReidFusedPlan *plan,
                     ReidQueue queue, const ReidFusedData *data,
                     void *workspace, ReidError *error);

#endif /* REID_CUDNN_TUNE_H */
