/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SYNTH_TEAM_H
#define REID_SYNTH_TEAM_H

/* Threads that share the numbers 0 .. n-1 of a piece of work. */

typedef struct Team Team;
typedef void (*TeamWork) (void *user, int i);

/* With `threads` - 1 helpers, or as many as can be started; NULL when memory
 * ends. */
Team *synth_team_new (int threads);
void synth_team_free (Team *team);
/* Calls work for each number once, from any of the threads and the caller's;
 * returns when all are done. Not from two threads at a time. */
void synth_team_run (Team *team, TeamWork work, void *user, int n);

#endif /* REID_SYNTH_TEAM_H */
