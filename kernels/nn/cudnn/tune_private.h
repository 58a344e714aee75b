/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_TUNE_PRIVATE_H
#define REID_CUDNN_TUNE_PRIVATE_H

/* What tune.c (the tuner and its plans) and tune_choose.c (which plan it is to
 * be) share. */

#include "nn/cudnn/cache.h"
#include "nn/cudnn/timing.h"
#include "nn/cudnn/tune.h"

#include <pthread.h>

#define REID_TUNE_KEY 640

typedef struct ReidTuned ReidTuned;   /* a plan */
typedef struct ReidChosen ReidChosen; /* a configuration */

struct ReidTuner {
  ReidTuner *next;
  int refs; /* under tuners_lock, like `next` */
  ReidGpu gpu;
  cudnnHandle_t handle;
  cudnnBackendDescriptor_t device;
  pthread_mutex_t gpu_lock; /* the handle, and the GPU while it is timed */
  pthread_mutex_t lock;     /* the lists */
  ReidTuned *tuned;
  ReidChosen *chosen;
};

/* Is a plan to be looked for at all? */
bool reid_tuner_wanted (const ReidFusedShape *shape);
/* As reid_tuner_plan(), but made anew, and the caller's. Any thread. */
ReidFusedPlan *reid_tuner_find (ReidTuner *tuner, const ReidFusedShape *shape,
                                ReidError *error);
/* Configurations, when the tuner ends. */
void reid_tuner_forget (ReidTuner *tuner);

/* The batch at which a shape's configuration is chosen. */
int32_t reid_tuner_batch (const ReidFusedShape *shape);
/* The line that a plan is kept under: libraries, GPU and shape. */
void reid_tuner_key (const ReidGpu *gpu, const ReidFusedShape *shape,
                     char key[REID_TUNE_KEY]);
/* Compiles the first choices; from disk where they are there, and kept there.
 * Texts that are equal to an earlier one are left out (NULL), as is what cuDNN
 * cannot. Free each. */
void reid_tuner_compile (const ReidFused *fused, const char *key, int most,
                         char *texts[REID_TUNE_MOST_CHOICES]);
/* A line for the file $REID_CUDNN_LOG. */
void reid_tuner_note (const char *format, ...) REID_PRINTF (1, 2);

#endif /* REID_CUDNN_TUNE_PRIVATE_H */
