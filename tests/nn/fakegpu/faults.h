/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_FAULTS_H
#define REID_TEST_FAULTS_H

/* What the stand-ins for GPU and CPU are asked to fail at: see fakegpu.c. */

#include <stdlib.h>

static inline void
fill_gpu (const char *fault, const char *runs)
{
  setenv ("REID_FAKE_GPU", fault, 1);
  setenv ("REID_FAKE_GPU_RUNS", runs, 1);
}

static inline void
empty_both (void)
{
  unsetenv ("REID_FAKE_GPU");
  unsetenv ("REID_FAKE_CPU");
  unsetenv ("REID_FAKE_GPU_RUNS");
}

#endif /* REID_TEST_FAULTS_H */
