/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/team.h"

/* libgomp's own interface: the OpenMP functions, and what GCC makes of
 * `#pragma omp parallel`. */
int omp_get_max_threads (void);
void omp_set_num_threads (int);
int omp_get_thread_num (void);
int omp_get_num_threads (void);
void GOMP_parallel (void (*) (void *), void *, unsigned, unsigned);

typedef struct {
  ReidTeamWork work;
  void *data;
} Call;

int
reid_team_limit (void)
{
  return omp_get_max_threads ();
}

void
reid_team_set_limit (int threads)
{
  omp_set_num_threads (threads);
}

static void
member (void *data)
{
  const Call *call = data;
  call->work (call->data, omp_get_thread_num (), omp_get_num_threads ());
}

void
reid_team_run (int n, ReidTeamWork work, void *data)
{
  if (n <= 1) {
    work (data, 0, 1);
    return;
  }
  Call call = { work, data };
  GOMP_parallel (member, &call, (unsigned) n, 0);
}
