/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETS_H
#define NETS_H

/* Published networks with weights of chance, as their usual exporters write
 * them: for tests of the engine, and for measurements where the real weights
 * are not to be had. The same name gives the same bytes on every machine. */

#include "tinyonnx.h"

typedef struct {
  const char *name;
  int channels, height, width; /* of the input; the batch is free */
  double params;               /* millions, set by net_write() */
} NetInfo;

/* The i-th, NULL after the last. */
const NetInfo *net_nth (int i);
const NetInfo *net_find (const char *name);
/* False when there is no such network, or the file cannot be written. With
 * TINY_EXTERNAL the weights go into NAME.weights beside the file. */
bool net_write (const char *name, const char *path, TinyStore store,
                NetInfo *info);

#endif /* NETS_H */
