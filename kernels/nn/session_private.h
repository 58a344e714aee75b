/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_SESSION_PRIVATE_H
#define REID_NN_SESSION_PRIVATE_H

/* What a session is made of, for the files that keep it: session.c (opening,
 * the registry), session_info.c (what it tells) and session_plans.c (plans and
 * their memory). */

#include "nn/gather.h"
#include "nn/session.h"

#include <pthread.h>
#include <sys/stat.h>

/* What makes two opens the same: the file itself, not how it is called. */
typedef struct {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
} FileKey;

typedef enum { LOADING, READY, FAILED } State;

struct ReidSession {
  ReidSession *next; /* in the registry */
  int refs;          /* under registry_lock, like the two above and below */
  State state;
  ReidError failure; /* for those who waited */
  bool shared;
  FileKey key;
  const ReidBackend *backend;
  ReidBackendOptions options;
  ReidTaps taps;

  char *path;
  char reason[512];
  ReidModel *model;
  ReidBackendModel *backend_model;
  pthread_mutex_t plans_lock;
  ReidPlan *plans;
  ReidGather *gather;      /* under plans_lock until it is there */
  const ReidNode *culprit; /* under plans_lock */
};

/* Of all values, for these inputs; to be freed. NULL with the error set. */
ReidShape *reid_session_shapes_new (const ReidSession *session,
                                    const ReidTensor *inputs, ReidError *error);
/* When nobody uses the session any more. */
void reid_session_drop_plans (ReidSession *session);

#endif /* REID_NN_SESSION_PRIVATE_H */
