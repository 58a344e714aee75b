/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETS_H
#define NETS_H

/* Published networks with weights of chance, as their usual exporters write
 * them: for tests of the engine, and for measurements where the real weights
 * are not to be had. The same name gives the same bytes on every machine. */

#include "tinyonnx.h"

typedef struct {
  const char *name;
  double gmacs, published; /* as published: 1e9 multiply-adds, 1e6 parameters;
                              0 = not known */
  bool large;              /* takes seconds, and hundreds of megabytes */
  bool bytes;              /* wants 0 to 255, not -1 to 1 */
  bool alone;              /* cannot be run as a batch */
  int frames;              /* of rank 5: pictures of one input; of rank 4, where
                              the first size is free, how many to give; or 0 */
  int rank, channels, height, width; /* of the input; the first size is free */
  double params;                     /* 1e6, set by net_write() */
} NetInfo;

/* The i-th, NULL after the last. */
const NetInfo *net_nth (int i);
const NetInfo *net_find (const char *name);
/* False when there is no such network, or the file cannot be written. With
 * TINY_EXTERNAL the weights go into NAME.weights beside the file. */
bool net_write (const char *name, const char *path, TinyStore store,
                NetInfo *info);

#endif /* NETS_H */
