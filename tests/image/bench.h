/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_BENCH_H
#define REID_TEST_BENCH_H

#include "image/image_private.h"

typedef struct {
  const char *name;
  ReidImageDsp dsp;
} Version;

/* Times every kernel whose name contains `only`, prints a table. Returns the
 * exit status. */
int bench_kernels (const Version *versions, int n, const char *only);

#endif /* REID_TEST_BENCH_H */
