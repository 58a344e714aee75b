/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <signal.h>

/* libgomp's; its header is GCC's own, which another compiler lacks. */
int omp_get_max_threads (void);
void omp_set_num_threads (int);

#define MAX_WORKERS 255

/* Some 30 microseconds: about what lies between two steps of a network. Who
 * finds nothing to do for longer sleeps. */
#define SPINS 700

typedef struct Job {
  struct Job *next;
  ReidTeamWork work;
  void *data;
  int items, members;
  atomic_int taken;  /* items */
  int joined;        /* members, under the lock */
  atomic_int active; /* members but the caller; changed under the lock */
} Job;

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  Job *jobs;
  int workers, sleeping;
  atomic_int open; /* places for members in all jobs */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
           .wake = PTHREAD_COND_INITIALIZER,
           .done = PTHREAD_COND_INITIALIZER };

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
relax (void)
{
#if defined __x86_64__ || defined __i386__
  __builtin_ia32_pause ();
#elif defined __aarch64__
  __asm__ volatile("yield");
#endif
}

static void
take_items (Job *job, int member)
{
  int item;
  while ((item = atomic_fetch_add (&job->taken, 1)) < job->items)
    job->work (job->data, member, item);
}

static Job *
find_job (void)
{
  for (Job *job = pool.jobs; job; job = job->next)
    if (job->joined < job->members)
      return job;
  return NULL;
}

static void *
worker (void *unused)
{
  (void) unused;
  for (;;) {
    for (int i = 0; i < SPINS && !atomic_load (&pool.open); i++)
      relax ();
    pthread_mutex_lock (&pool.lock);
    Job *job;
    while (!(job = find_job ())) {
      pool.sleeping++;
      pthread_cond_wait (&pool.wake, &pool.lock);
      pool.sleeping--;
    }
    int member = job->joined++;
    atomic_fetch_sub (&pool.open, 1);
    atomic_fetch_add (&job->active, 1);
    pthread_mutex_unlock (&pool.lock);

    take_items (job, member);

    /* Under the lock, because the job is gone as soon as its caller sees that
     * nobody is active. */
    pthread_mutex_lock (&pool.lock);
    if (atomic_fetch_sub (&job->active, 1) == 1)
      pthread_cond_broadcast (&pool.done);
    pthread_mutex_unlock (&pool.lock);
  }
  return NULL;
}

/* With the lock held. Fewer workers than asked for is not an error: the caller
 * does their part. Signals are for the application's own threads. */
static void
hire (int workers)
{
  if (workers > MAX_WORKERS)
    workers = MAX_WORKERS;
  if (pool.workers >= workers)
    return;
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pthread_attr_t attr;
  bool ok = !pthread_attr_init (&attr);
  if (ok)
    pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  for (pthread_t thread; ok && pool.workers < workers; pool.workers += ok)
    ok = !pthread_create (&thread, &attr, worker, NULL);
  pthread_attr_destroy (&attr);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
}

void
reid_team_run (int members, int items, ReidTeamWork work, void *data)
{
  if (members > items)
    members = items;
  if (members <= 1) {
    for (int i = 0; i < items; i++)
      work (data, 0, i);
    return;
  }
  Job job = { NULL, work, data, items, members, 0, 1, 0 };
  pthread_mutex_lock (&pool.lock);
  hire (members - 1);
  job.next = pool.jobs;
  pool.jobs = &job;
  atomic_fetch_add (&pool.open, members - 1);
  for (int i = 0; i < members - 1 && i < pool.sleeping; i++)
    pthread_cond_signal (&pool.wake);
  pthread_mutex_unlock (&pool.lock);

  take_items (&job, 0);

  pthread_mutex_lock (&pool.lock);
  Job **link = &pool.jobs;
  while (*link != &job)
    link = &(*link)->next;
  *link = job.next;
  atomic_fetch_sub (&pool.open, members - job.joined);
  job.joined = job.members;
  if (atomic_load (&job.active)) {
    pthread_mutex_unlock (&pool.lock);
    for (int i = 0; i < SPINS && atomic_load (&job.active); i++)
      relax ();
    pthread_mutex_lock (&pool.lock);
    while (atomic_load (&job.active))
      pthread_cond_wait (&pool.done, &pool.lock);
  }
  pthread_mutex_unlock (&pool.lock);
}
