/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_GPU_H
#define REID_CUDNN_GPU_H

/* One GPU: which it is, its memory, and copies to and from it.
 *
 * For tests, $REID_CUDNN_HOST takes the place of all GPUs: then device 0 is
 * this machine's own memory and processor, on which all kernels run just as
 * well, only slowly; of memory there is then no more in one piece than
 * $REID_CUDNN_HOST_MEMORY bytes. Where it names a file, that is cuDNN's
 * description of a GPU, for which plans are looked for (tune.h), though none is
 * run. */

#include "nn/cudnn/kernels.h"

typedef struct {
  bool host;
  int index; /* CUDA's */
  char name[128];
  int major, minor, processors;
  size_t memory;     /* bytes */
  int driver;        /* as cudaDriverGetVersion */
  char *description; /* owned by the process; NULL: no description */
} ReidGpu;

/* Number of GPUs; 0 with a reason where there are none. */
int reid_gpu_count (char *why, size_t size);
bool reid_gpu_describe (int index, ReidGpu *gpu, ReidError *error);
/* Makes it the calling thread's; before anything that is done on it. */
bool reid_gpu_use (const ReidGpu *gpu, ReidError *error);

/* NULL with REID_ERROR_MEMORY when there is no room, after a size of 0, too. */
void *reid_gpu_alloc (const ReidGpu *gpu, size_t size, ReidError *error);
void reid_gpu_free (const ReidGpu *gpu, void *memory);
/* Pinned memory of this machine, from which copies do not wait. NULL when it
 * ends. */
void *reid_gpu_host_alloc (const ReidGpu *gpu, size_t size);
void reid_gpu_host_free (const ReidGpu *gpu, void *memory);
bool reid_gpu_zero (const ReidGpu *gpu, void *memory, size_t size,
                    ReidError *error);
/* In the order of the queue; the copy is done only after reid_gpu_wait(). */
bool reid_gpu_upload (const ReidGpu *gpu, ReidQueue q, void *to,
                      const void *from, size_t size, ReidError *error);
bool reid_gpu_download (const ReidGpu *gpu, ReidQueue q, void *to,
                        const void *from, size_t size, ReidError *error);
bool reid_gpu_wait (const ReidGpu *gpu, ReidQueue q, ReidError *error);
/* false with the error set when `status` is one. */
bool reid_gpu_ok (cudaError_t status, const char *doing, ReidError *error);

#endif /* REID_CUDNN_GPU_H */
