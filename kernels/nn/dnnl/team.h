/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_TEAM_H
#define REID_DNNL_TEAM_H

/* Threads from the same runtime that oneDNN uses, so that each calling thread
 * has one team and not two. That runtime is GCC's; it is called by its names
 * rather than through pragmas, because another compiler would turn those into
 * calls of a runtime of its own. */

/* oneDNN runs with as many threads as the calling thread has asked for here. */
int reid_team_limit (void);
void reid_team_set_limit (int threads);

typedef void (*ReidTeamWork) (void *data, int member, int members);

/* Calls work with member 0..members - 1 at the same time and waits for all.
 * members is n or, where the system gives fewer threads, less. */
void reid_team_run (int n, ReidTeamWork work, void *data);

#endif /* REID_DNNL_TEAM_H */
