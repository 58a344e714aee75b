/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_CONTEXT_H
#define REID_NN_CONTEXT_H

#include "nn/gather.h"

typedef struct {
  float *data;
  size_t room; /* bytes */
} ReidContextBuffer;

/* Pictures that the device makes an input of by itself. */
typedef struct {
  ReidShape shape; /* that reid_context_input() was asked for; rank 0: never */
  ReidBackendFeed *feed; /* NULL: not yet, or not on this device */
  bool used;             /* since then */
} ReidContextFeed;

struct ReidContext {
  ReidSession *session;
  int threads;
  ReidPlan *plan;      /* of the last run */
  size_t memory_limit; /* 0 = none */
  ReidGather *gather;  /* where its runs meet others', or NULL */
  int most;
  ReidContextBuffer workspace, *inputs, *outputs;
  ReidContextFeed *feeds;
  const float **in;
  float **out;
  ReidBackendFed *fed; /* of this run, at most one an input */
  int n_fed;
};

#endif /* REID_NN_CONTEXT_H */
