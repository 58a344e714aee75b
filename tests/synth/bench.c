/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames a second of 1280x720 with two people side by side, I420, of each
 * version of the tiles with one and with two threads; run by `meson test
 * --benchmark --suite synth`. */
#include "episode.h"

#include <time.h>

static double
seconds (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Frames with two whole faces. */
static int
find_frames (ReidSynth *s, int64_t *frames, int most)
{
  int n = 0;

  for (int64_t f = 0; n < most; f += 5) {
    ReidSynthTruth truth;
    reid_synth_truth (s, f, &truth);
    if (truth.n_faces == 2 && truth.faces[0].visible == 1
        && truth.faces[1].visible == 1)
      frames[n++] = f;
  }
  return n;
}

static void
measure (unsigned flags, const char *name, int threads, int frames)
{
  ReidSynthOptions o = episode_options (1280, 720, 6, 1);
  int64_t which[64];
  double wall, cpu;
  ReidSynth *s;
  Canvas c;

  o.cpu_flags = flags;
  o.threads = threads;
  s = episode (&o);
  canvas_new (&c, REID_PIXEL_I420, o.width, o.height);
  find_frames (s, which, frames);
  reid_synth_render (s, which[0], &c.p, NULL);
  wall = seconds (CLOCK_MONOTONIC);
  cpu = seconds (CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < frames; i++)
    reid_synth_render (s, which[i], &c.p, NULL);
  wall = seconds (CLOCK_MONOTONIC) - wall;
  cpu = seconds (CLOCK_PROCESS_CPUTIME_ID) - cpu;
  printf ("%-7s %d thread%s %7.1f frames/s, %6.1f ms of CPU a frame\n", name,
          threads, threads > 1 ? "s:" : ": ", frames / wall,
          1e3 * cpu / frames);
  canvas_free (&c);
  reid_synth_free (s);
}

int
main (void)
{
  unsigned flags = reid_cpu_flags ();

  for (int threads = 1; threads <= 2; threads++) {
    measure (0, "c", threads, 2);
    if (flags & REID_CPU_AVX2)
      measure (REID_CPU_AVX2, "avx2", threads, 40);
    if (flags & REID_CPU_AVX512)
      measure (REID_CPU_AVX2 | REID_CPU_AVX512, "avx512", threads, 40);
  }
  return 0;
}
