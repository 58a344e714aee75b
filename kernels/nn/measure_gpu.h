/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_MEASURE_GPU_H
#define REID_NN_MEASURE_GPU_H

/* What the driver says of an NVIDIA GPU while something runs on it, by NVML
 * (libnvidia-ml.so.1, which comes with the driver). Nothing is linked: where
 * the library is not, there is nothing to tell. */

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int samples;          /* 0: the rest says nothing */
  double busy;          /* of the time some kernel ran, 0..1, mean */
  size_t memory, total; /* bytes: most in use by all processes, of how many */
} ReidGpuLoad;

typedef struct ReidGpuSampler ReidGpuSampler;

/* Begins to look, several times a second, in a thread of its own. `bus`: the
 * PCI bus id, or NULL: NVML's GPU of that number. NULL where NVML does not say
 * anything of such a GPU. */
REID_API ReidGpuSampler *reid_gpu_sampler_start (const char *bus, int index);
/* Ends it; at least one sample was taken. NULL is no sampler. */
REID_API void reid_gpu_sampler_stop (ReidGpuSampler *sampler,
                                     ReidGpuLoad *load);

#ifdef __cplusplus
}
#endif

#endif /* REID_NN_MEASURE_GPU_H */
