/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct Team {
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  unsigned round; /* under the lock, as are busy and quit */
  int busy;
  bool quit;
  TeamWork work;
  void *user;
  int n;
  atomic_int next;
  int n_threads;
  pthread_t thread[];
};

static void
share (Team *team)
{
  int i;

  while ((i = atomic_fetch_add (&team->next, 1)) < team->n)
    team->work (team->user, i);
}

static void *
helper (void *data)
{
  Team *team = data;
  unsigned seen = 0;

  pthread_mutex_lock (&team->lock);
  for (;;) {
    while (team->round == seen && !team->quit)
      pthread_cond_wait (&team->wake, &team->lock);
    if (team->quit)
      break;
    seen = team->round;
    pthread_mutex_unlock (&team->lock);
    share (team);
    pthread_mutex_lock (&team->lock);
    if (--team->busy == 0)
      pthread_cond_signal (&team->done);
  }
  pthread_mutex_unlock (&team->lock);
  return NULL;
}

Team *
synth_team_new (int threads)
{
  int helpers = threads > 1 ? threads - 1 : 0;
  Team *team =
      calloc (1, sizeof *team + (size_t) helpers * sizeof team->thread[0]);

  if (!team)
    return NULL;
  pthread_mutex_init (&team->lock, NULL);
  pthread_cond_init (&team->wake, NULL);
  pthread_cond_init (&team->done, NULL);
  while (team->n_threads < helpers
         && pthread_create (&team->thread[team->n_threads], NULL, helper, team)
                == 0)
    team->n_threads++;
  return team;
}

void
synth_team_free (Team *team)
{
  if (!team)
    return;
  pthread_mutex_lock (&team->lock);
  team->quit = true;
  pthread_cond_broadcast (&team->wake);
  pthread_mutex_unlock (&team->lock);
  for (int i = 0; i < team->n_threads; i++)
    pthread_join (team->thread[i], NULL);
  pthread_cond_destroy (&team->done);
  pthread_cond_destroy (&team->wake);
  pthread_mutex_destroy (&team->lock);
  free (team);
}

void
synth_team_run (Team *team, TeamWork work, void *user, int n)
{
  pthread_mutex_lock (&team->lock);
  team->work = work;
  team->user = user;
  team->n = n;
  atomic_store (&team->next, 0);
  team->busy = team->n_threads;
  team->round++;
  pthread_cond_broadcast (&team->wake);
  pthread_mutex_unlock (&team->lock);
  share (team);
  pthread_mutex_lock (&team->lock);
  while (team->busy > 0)
    pthread_cond_wait (&team->done, &team->lock);
  pthread_mutex_unlock (&team->lock);
}
