/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/lead.h"
#include "nn/dnnl/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct Leader {
  struct Leader *next;
  int threads;
  pthread_cond_t wake, finished;
  void (*work) (void *data); /* NULL: idle */
  void *data;
  bool done, retired;
} Leader;

/* Nothing here is ever held while work runs, and work never comes back here:
 * every turn ends. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed; /* whose turn it is, or what has room */
  Leader *leaders;
  int held; /* threads of all teams, their leaders included */
  int room; /* threads that the machine has */
  unsigned ticket, turn;
} crew = { .lock = PTHREAD_MUTEX_INITIALIZER,
           .changed = PTHREAD_COND_INITIALIZER };

static int
processors (void)
{
  cpu_set_t set;
  int n = sched_getaffinity (0, sizeof set, &set) == 0 ? CPU_COUNT (&set) : 1;
  return n < 1 ? 1 : n;
}

static void
leader_free (Leader *l)
{
  pthread_cond_destroy (&l->wake);
  pthread_cond_destroy (&l->finished);
  free (l);
}

static void *
lead (void *data)
{
  Leader *l = data;
  pthread_mutex_lock (&crew.lock);
  for (;;) {
    while (!l->retired && (!l->work || l->done))
      pthread_cond_wait (&l->wake, &crew.lock);
    if (l->retired)
      break;
    pthread_mutex_unlock (&crew.lock);
    reid_team_set_limit (l->threads);
    l->work (l->data);
    pthread_mutex_lock (&crew.lock);
    l->done = true;
    pthread_cond_signal (&l->finished);
  }
  pthread_mutex_unlock (&crew.lock);
  leader_free (l);
  return NULL;
}

/* With the lock held, like all below. Signals are for the application's own
 * threads. */
static Leader *
hire (int threads)
{
  Leader *l = calloc (1, sizeof *l);
  pthread_attr_t attr;
  pthread_t thread;
  sigset_t all, before;
  if (!l || pthread_attr_init (&attr)) {
    free (l);
    return NULL;
  }
  l->threads = threads;
  pthread_cond_init (&l->wake, NULL);
  pthread_cond_init (&l->finished, NULL);
  pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  bool ok = !pthread_create (&thread, &attr, lead, l);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  if (!ok) {
    leader_free (l);
    return NULL;
  }
  l->next = crew.leaders;
  crew.leaders = l;
  crew.held += threads;
  return l;
}

static bool
fits (int threads)
{
  return crew.held == 0 || crew.held + threads <= crew.room;
}

/* An idle leader of such a team, or room for one; teams of other sizes that
 * have nothing to do make that room. */
static bool
make_room (int threads, Leader **idle)
{
  for (Leader *l = crew.leaders; l; l = l->next)
    if (!l->work && l->threads == threads) {
      *idle = l;
      return true;
    }
  for (Leader **at = &crew.leaders; *at && !fits (threads);) {
    Leader *l = *at;
    if (l->work) {
      at = &l->next;
      continue;
    }
    *at = l->next;
    crew.held -= l->threads;
    l->retired = true;
    pthread_cond_signal (&l->wake);
  }
  *idle = NULL;
  return fits (threads);
}

void
reid_lead (int threads, void (*work) (void *data), void *data)
{
  Leader *l;
  pthread_mutex_lock (&crew.lock);
  if (!crew.room)
    crew.room = processors ();
  unsigned ticket = crew.ticket++;
  while (crew.turn != ticket || !make_room (threads, &l))
    pthread_cond_wait (&crew.changed, &crew.lock);
  if (!l)
    l = hire (threads);
  crew.turn++;
  if (l) {
    l->work = work;
    l->data = data;
    l->done = false;
    pthread_cond_signal (&l->wake);
    pthread_cond_broadcast (&crew.changed);
    while (!l->done)
      pthread_cond_wait (&l->finished, &crew.lock);
    l->work = NULL;
  }
  pthread_cond_broadcast (&crew.changed);
  pthread_mutex_unlock (&crew.lock);
  if (!l) {
    int before = reid_team_limit ();
    reid_team_set_limit (threads);
    work (data);
    reid_team_set_limit (before);
  }
}
