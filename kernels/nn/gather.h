/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_GATHER_H
#define REID_NN_GATHER_H

/* Where the runs of one session's contexts meet: as many go on at a time as the
 * device has room for, and what waits meanwhile goes on together.
 *
 * Whoever finds room leads: takes what waits with the same shapes and threads,
 * runs it as one batch with the working memory of a worker, hands the outputs
 * out, and lets the next one lead. Nobody waits for company while there is
 * room, so that a single user waits for nothing. First come, first led. */

#include "nn/session.h"

typedef struct ReidGather ReidGather;

/* NULL when memory ends. */
ReidGather *reid_gather_new (ReidSession *session);
void reid_gather_free (ReidGather *gather);

/* A context comes, or goes; with the last one go the workers. */
void reid_gather_join (ReidGather *gather);
void reid_gather_leave (ReidGather *gather);
/* reid_context_run() of a context that shares; blocks until it is done.
 * most: pictures that a run for several contexts may have. */
bool reid_gather_run (ReidGather *gather, ReidContext *context, int most,
                      const ReidTensor *inputs, ReidTensor *outputs,
                      ReidError *error);
/* Runs that were asked for, and runs that it took. */
void reid_gather_count (ReidGather *gather, uint64_t *asked, uint64_t *made);

/* ---- what it needs of a context (nn/context.c) */

/* Processors of this process. */
int reid_processors (void);
int reid_context_threads (const ReidContext *context);
/* Takes over threads and memory limit of the other. */
void reid_context_work_for (ReidContext *context, const ReidContext *other);
/* Runs with the plan and the working memory of `worker` (which may be the
 * context itself, and has the same threads); the outputs are the context's. */
bool reid_context_run_in (ReidContext *context, ReidContext *worker,
                          const ReidTensor *inputs, ReidTensor *outputs,
                          ReidError *error);
/* The pictures that the device makes of these inputs, when `first` others are
 * before them; valid until the context's next run. */
bool reid_context_fed (ReidContext *context, const ReidTensor *inputs,
                       int64_t first, const ReidBackendFed **fed, int *n,
                       ReidError *error);
/* Does the device make all n pictures of input i, after reid_context_fed()? */
bool reid_context_is_fed (const ReidContext *context, int i, int n);
/* As reid_context_run_in(), with these pictures in place of its own. */
bool reid_context_run_fed (ReidContext *context, ReidContext *worker,
                           const ReidTensor *inputs, const ReidBackendFed *fed,
                           int n_fed, ReidTensor *outputs, ReidError *error);
/* Makes the outputs of a context a copy of those of pictures `first` to
 * `first + n - 1` of a larger batch. */
bool reid_context_take (ReidContext *context, const ReidTensor *all,
                        int64_t first, int64_t n, ReidTensor *outputs,
                        ReidError *error);

#endif /* REID_NN_GATHER_H */
