/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_SESSION_H
#define REID_NN_SESSION_H

#include "nn/backend.h"
#include "nn/load.h"

/* Plans that a session keeps for shapes that nobody uses just now. */
#define REID_MAX_PLANS 16
/* Working memory of one plan, all values at once counted as f32. */
#define REID_MAX_PLAN_BYTES ((size_t) 4 << 30)
#define REID_MAX_THREADS 256

/* One backend plan for one set of input shapes and one thread count. */
typedef struct ReidPlan {
  struct ReidPlan *next; /* most recently used first */
  int users;             /* contexts that hold it */
  int threads;
  ReidShape *shapes; /* of all values */
  ReidBackendPlan *plan;
  size_t workspace;
} ReidPlan;

/* Checks the inputs and infers all shapes (graph.n_values entries). */
bool reid_session_shapes (const ReidSession *session, const ReidTensor *inputs,
                          ReidShape *shapes, ReidError *error);
/* The plan for these inputs, made when there is none; the caller gives it back.
 * Several contexts may hold one plan. limit: see reid_context_limit_memory().
 */
ReidPlan *reid_session_plan (ReidSession *session, const ReidTensor *inputs,
                             int threads, size_t limit, ReidError *error);
void reid_session_plan_release (ReidSession *session, ReidPlan *plan);
const ReidGraph *reid_session_graph (const ReidSession *session);
const ReidBackend *reid_session_backend (const ReidSession *session);
ReidBackendModel *reid_session_backend_model (const ReidSession *session);
/* Which of the backend's devices. */
int reid_session_device_index (const ReidSession *session);
/* Where the runs of contexts that share meet; NULL when memory ends. */
struct ReidGather *reid_session_gather (ReidSession *session);
/* Memory that the session's device reads and writes fastest; NULL when it
 * ends. */
void *reid_session_host_alloc (ReidSession *session, size_t size);
void reid_session_host_free (ReidSession *session, void *memory);
/* What reid_session_check() found first in this session: NULL until
 * then, &reid_no_node where none was to blame. */
const ReidNode *reid_session_culprit (ReidSession *session);
void reid_session_blame (ReidSession *session, const ReidNode *node);
extern const ReidNode reid_no_node;

#endif /* REID_NN_SESSION_H */
