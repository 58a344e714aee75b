/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_TIMING_H
#define REID_CUDNN_TIMING_H

/* How long a plan takes on this GPU, on operands of its own; and, where it has
 * an affine output, whether it is right. */

#include "nn/cudnn/fused.h"
#include "nn/cudnn/gpu.h"

/* What a plan may take beside its operands. */
#define REID_PLAN_WORKSPACE ((size_t) 256 << 20)

typedef struct ReidTiming ReidTiming;

/* Operands for all plans of that shape. NULL with the error set. */
ReidTiming *reid_timing_new (const ReidGpu *gpu, const ReidFusedShape *shape,
                             ReidError *error);
void reid_timing_free (ReidTiming *timing);
/* Median milliseconds; negative where the plan does not run. Nothing else may
 * use the handle meanwhile, nor should it the GPU. */
double reid_timing_run (ReidTiming *timing, cudnnHandle_t handle,
                        const ReidFusedPlan *plan);
/* For shapes with an affine output: likewise for a plan of the shape without
 * it, and our own kernel for the rest. What they make stays there. */
double reid_timing_apart (ReidTiming *timing, cudnnHandle_t handle,
                          const ReidFusedPlan *plain);
/* Does the plan make what reid_timing_apart() made, but for what rounding and
 * sums in another order may do? How many numbers are off; negative where it
 * does not run. */
int64_t reid_timing_differ (ReidTiming *timing, cudnnHandle_t handle,
                            const ReidFusedPlan *plan);

#endif /* REID_CUDNN_TIMING_H */
