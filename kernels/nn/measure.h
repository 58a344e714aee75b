/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_MEASURE_H
#define REID_NN_MEASURE_H

/* How fast a network runs on its device. A figure means something only beside
 * another one of the same run, on the same machine. */

#include "nn/measure_gpu.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_MEASURE_CALLERS 64 /* at most */

typedef struct {
  int64_t batch;
  int64_t width, height; /* for a network that takes any; 0 = 320 */
  int threads;           /* 0 = all */
  int callers;    /* at the same time, each with a context of its own; 0 = 1 */
  double seconds; /* how long; 0 = 1 */
  bool plan_only; /* nothing is run: of the result only plan_ms */
} ReidMeasureOptions;

typedef struct {
  int64_t width, height; /* of the pictures; 0 for other inputs */
  double plan_ms;        /* making the plan, before the first run */
  double ms;             /* median of a run, of one caller alone */
  double fastest;        /* ms of the fastest of these */
  double cpu_ms;   /* processor time of one of these, all threads; the mean */
  double pictures; /* a second, of all callers together */
  double gflops;   /* of all callers, two operations a multiply-add */
  int runs;        /* that ms is the median of */
  size_t memory;   /* the process's peak while it ran, bytes; 0 = unknown */
  ReidGpuLoad gpu; /* while it ran; without samples where there is none */
} ReidMeasurement;

/* Runs it on numbers that look random. */
REID_API bool reid_measure (ReidSession *session,
                            const ReidMeasureOptions *options,
                            ReidMeasurement *result, ReidError *error);

/* What the device reaches on what suits it best: convolutions with 256 channels
 * in and out, on many pictures at once; on a CPU of 1x1, where no multiply-add
 * can be saved, on a GPU of 3x3. GFLOP/s; 0 with the error set. */
REID_API double reid_measure_peak (const ReidSessionOptions *device,
                                   int threads, double seconds,
                                   ReidError *error);

#ifdef __cplusplus
}
#endif

#endif /* REID_NN_MEASURE_H */
