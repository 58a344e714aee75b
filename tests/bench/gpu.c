/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks on a GPU, by batch: how long one takes, and how many pictures a
 * second two callers get at once, so that one copies while the other computes.
 * What `gst-reid bench` does, without GStreamer.
 *
 * usage: bench-gpu [--device D] [--precision P] [--batches N,N,...]
 *                  [--seconds S] [--size N] [--plan] MODEL...
 *
 * --size is that of a network that takes any (320). --plan only makes plans. */
#include "nn/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *batches = "1,4,16,64,256";
static ReidMeasureOptions how = {
  .batch = 1, .threads = 1, .callers = 2, .seconds = 1
};

static bool
measure (ReidSession *s, const char *name)
{
  ReidError error = REID_ERROR_INIT;
  ReidMeasurement r;
  bool ok = reid_measure (s, &how, &r, &error);

  printf ("%-24s %-5s %5lld ", name,
          reid_precision_name (reid_session_precision (s)),
          (long long) how.batch);
  if (!ok)
    printf ("%s\n", error.message);
  else if (how.plan_only)
    printf ("planned\n");
  else
    printf ("%9.3f ms alone, %9.0f pictures/s, with two callers %9.0f "
            "pictures/s, %6.1f TFLOP/s, planned in %.1f s\n",
            r.ms, (double) how.batch * 1e3 / r.ms, r.pictures, r.gflops / 1e3,
            r.plan_ms / 1e3);
  fflush (stdout);
  return ok;
}

int
main (int argc, char **argv)
{
  ReidSessionOptions options = { "cuda", REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  int failed = 0, i;

  for (i = 1; i < argc && strncmp (argv[i], "--", 2) == 0; i++) {
    if (strcmp (argv[i], "--plan") == 0)
      how.plan_only = true;
    else if (i + 1 == argc)
      break;
    else if (strcmp (argv[i], "--device") == 0)
      options.device = argv[++i];
    else if (strcmp (argv[i], "--size") == 0)
      how.width = how.height = atoll (argv[++i]);
    else if (strcmp (argv[i], "--batches") == 0)
      batches = argv[++i];
    else if (strcmp (argv[i], "--seconds") == 0)
      how.seconds = atof (argv[++i]);
    else if (strcmp (argv[i], "--precision") == 0
             && reid_precision_parse (argv[i + 1], &options.precision))
      i++;
    else
      break;
  }
  if (i >= argc || strncmp (argv[i], "--", 2) == 0) {
    fprintf (stderr, "usage: bench-gpu [--device D] [--precision P] "
                     "[--batches N,N,...] [--seconds S] [--size N] [--plan] "
                     "MODEL...\n");
    return 2;
  }
  for (; i < argc; i++) {
    ReidSession *s = reid_session_open (argv[i], &options, &error);
    const char *slash = strrchr (argv[i], '/');
    if (!s) {
      fprintf (stderr, "%s\n", error.message);
      return 1;
    }
    if (i == argc - 1)
      printf ("# %s\n", reid_session_device_reason (s));
    for (const char *b = batches; *b; b += strcspn (b, ","), b += *b == ',') {
      how.batch = atoll (b);
      failed += !measure (s, slash ? slash + 1 : argv[i]);
    }
    reid_session_unref (s);
  }
  return failed != 0;
}
