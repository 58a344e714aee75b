/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What many users of one network get: bench-streams MODEL [STREAMS [THREADS
 * [DEVICE]]]. Each of as many threads as there are streams runs one picture
 * after another, with a context of its own: apart, sharing, and sharing with
 * runs that are merged. The processor's time is what counts on a machine that
 * others use, too. */
#include "nn/nn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SECONDS 3
#define ROUNDS 3

typedef struct {
  ReidSession *session;
  int threads, most; /* of reid_context_share(); -1: apart */
  ReidTensor in;
  uint64_t until;
  long runs;
  ReidError error;
} Stream;

static void *
stream (void *data)
{
  Stream *s = data;
  ReidTensor out[64];
  ReidContext *c = reid_context_new (s->session, s->threads, &s->error);

  if (c && (s->most < 0 || reid_context_share (c, s->most, &s->error))
      && reid_context_input (c, 0, &s->in, &s->error)) {
    memset (s->in.data, 0,
            (size_t) reid_tensor_count (&s->in) * sizeof (float));
    while (reid_clock () < s->until
           && reid_context_run (c, &s->in, out, &s->error))
      s->runs++;
  }
  reid_context_free (c);
  return NULL;
}

typedef struct {
  double rate; /* pictures a second */
  double cpu;  /* ms of all processors' time a picture */
} Result;

static double
processor_seconds (void)
{
  struct rusage u;

  getrusage (RUSAGE_SELF, &u);
  return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec)
         + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static Result
measure (ReidSession *session, const ReidTensor *in, int n, int threads,
         int most)
{
  double cpu = processor_seconds ();
  Stream *all = calloc ((size_t) n, sizeof *all);
  pthread_t *ids = calloc ((size_t) n, sizeof *ids);
  uint64_t start = reid_clock ();
  long runs = 0;
  int started = 0;

  for (int i = 0; i < n && all && ids; i++, started++) {
    all[i] = (Stream){ .session = session,
                       .threads = threads,
                       .most = most,
                       .in = *in,
                       .until = start + SECONDS * 1000000000ull };
    if (pthread_create (&ids[i], NULL, stream, &all[i]) != 0)
      break;
  }
  for (int i = 0; i < started; i++) {
    pthread_join (ids[i], NULL);
    runs += all[i].runs;
    if (all[i].error.status != REID_OK)
      fprintf (stderr, "%s\n", all[i].error.message);
  }
  free (all);
  free (ids);
  cpu = processor_seconds () - cpu;
  return (Result){ (double) runs / ((double) (reid_clock () - start) * 1e-9),
                   runs > 0 ? cpu * 1e3 / (double) runs : 0 };
}

int
main (int argc, char **argv)
{
  int n = argc > 2 ? atoi (argv[2]) : 16;
  int threads = argc > 3 ? atoi (argv[3]) : 0;
  ReidSessionOptions options = { argc > 4 ? argv[4] : "cpu" };
  ReidError error = REID_ERROR_INIT;
  ReidSession *session;
  ReidTensor in = { 0 };
  static const struct {
    const char *name;
    int most;
  } ways[] = { { "apart", -1 }, { "sharing", 1 }, { "merged", 256 } };
  Result results[3] = { { 0 } };

  if (argc < 2 || n < 1) {
    fprintf (stderr, "usage: %s MODEL [STREAMS [THREADS [DEVICE]]]\n", argv[0]);
    return 2;
  }
  session = reid_session_open (argv[1], &options, &error);
  if (!session) {
    fprintf (stderr, "%s\n", error.message);
    return 1;
  }
  in.rank = reid_session_input (session, 0)->rank;
  for (int k = 0; k < in.rank; k++) {
    int64_t d = reid_session_input (session, 0)->dims[k];
    in.dims[k] = k == 0 ? 1 : d > 0 ? d : 320;
  }
  for (int round = 0; round < ROUNDS; round++)
    for (int w = 0; w < 3; w++) {
      Result r = measure (session, &in, n, threads, ways[w].most);
      if (r.rate > results[w].rate)
        results[w].rate = r.rate;
      if (round == 0 || r.cpu < results[w].cpu)
        results[w].cpu = r.cpu;
    }
  printf ("%s, %d streams, %d threads each (0: all)\n",
          reid_session_device_reason (session), n, threads);
  for (int w = 0; w < 3; w++)
    printf ("  %-8s %8.1f pictures a second, %6.2f ms of processor each\n",
            ways[w].name, results[w].rate, results[w].cpu);
  reid_session_unref (session);
  return 0;
}
