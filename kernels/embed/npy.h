/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_NPY_H
#define REID_EMBED_NPY_H

#include "base/base.h"
#include "base/sha256.h"

/* A matrix that numpy.save() has written. */
typedef struct {
  int rows, cols;
  float *data; /* from malloc() */
  char sha256[REID_SHA256_TEXT];
} ReidNpy;

/* f32 or f64, little-endian, in C order, finite, two axes, at most `most`
 * numbers, and nothing behind them. The error names file and reason. */
bool reid_npy_read (ReidNpy *npy, const char *file, int64_t most,
                    ReidError *error);

#endif /* REID_EMBED_NPY_H */
