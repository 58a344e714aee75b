/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_TEAM_H
#define REID_DNNL_TEAM_H

/* Threads for the row kernels: one pool in the process, whose workers help
 * whoever has work. A caller never waits for a worker to become free: it does
 * itself what nobody has taken.
 *
 * oneDNN's own threads are OpenMP's (lead.h). Those are not used here, because
 * a team of libgomp belongs to one thread, and its members spin for some 10 ms
 * after each piece of work, which on a machine that also decodes video is CPU
 * taken from the decoder. */

typedef void (*ReidTeamWork) (void *data, int member, int item);

/* Calls work for items 0..items - 1 and waits for all. Up to `members` threads
 * take part, the caller among them; member is below `members` and differs
 * between calls that run at the same time. */
void reid_team_run (int members, int items, ReidTeamWork work, void *data);

/* How many threads oneDNN takes for what the calling thread makes or runs. */
int reid_team_limit (void);
void reid_team_set_limit (int threads);

#endif /* REID_DNNL_TEAM_H */
