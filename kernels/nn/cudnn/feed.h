/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_FEED_H
#define REID_CUDNN_FEED_H

/* Pictures on their way to a network's input: copied as they are into pinned
 * memory, and from there to the GPU on a stream of their own while whatever
 * runs there goes on; what is made of them is made when they are used. One
 * thread at a time. */

#include "nn/cudnn/gpu.h"
#include "nn/cudnn/image.h"

typedef ReidBackendFeed ReidGpuFeed;

ReidGpuFeed *reid_gpu_feed_new (const ReidGpu *gpu, ReidError *error);
void reid_gpu_feed_free (ReidGpuFeed *feed);
/* Nothing is fed any more. Waits for copies that are under way. */
bool reid_gpu_feed_clear (ReidGpuFeed *feed, ReidError *error);
/* The planes are the caller's again when it returns. A place that was fed
 * already gets the new picture; on failure it is fed no more. */
bool reid_gpu_feed_add (ReidGpuFeed *feed, int place, const ReidRecipe *recipe,
                        ReidError *error);
/* How many of the first n places are fed. */
int reid_gpu_feed_count (const ReidGpuFeed *feed, int n);
/* Enqueues what writes the pictures into y, see reid_cuda_pictures(). The feed
 * must not be touched before the queue has come past it. */
bool reid_gpu_feed_write (ReidGpuFeed *feed, ReidQueue queue, void *y,
                          const ReidBlocked *shape, bool dense,
                          ReidError *error);

#endif /* REID_CUDNN_FEED_H */
