/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The shots of a raw video on standard input, in the form of shots.csv, so that
 * tests/episode/shots.py can compare them with the cuts found by eye:
 *
 *   ffmpeg -v error -i VIDEO -pix_fmt yuv420p -f rawvideo - |
 *     shotcuts 960 540 25 > VIDEO.shots.csv
 *   tests/episode/shots.py tests/episode/truth/VIDEO.shots.csv VIDEO.shots.csv
 *
 * With a fourth argument `gray` the frames are 8-bit luma alone. Changes and
 * the time per frame go to standard error. */

#include "shots/shots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double rate;
static int start, frames;

static void
end_shot (int end)
{
  if (end > start)
    printf ("%d,%d,%.3f,%.3f\n", start, end, start / rate, end / rate);
  start = end;
}

static void
decided (ReidShotKind kind)
{
  if (kind != REID_SHOT_NONE) {
    fprintf (stderr, "%s at %d\n", kind == REID_SHOT_CUT ? "cut" : "fade",
             frames);
    end_shot (frames);
  }
  frames++;
}

int
main (int argc, char **argv)
{
  int width = argc > 1 ? atoi (argv[1]) : 0;
  int height = argc > 2 ? atoi (argv[2]) : 0;
  bool gray = argc > 4 && !strcmp (argv[4], "gray");
  double spent = 0;

  rate = argc > 3 ? atof (argv[3]) : 0;
  if (width < 1 || height < 1 || width > 65536 || height > 65536
      || !(rate > 0)) {
    fprintf (stderr, "usage: shotcuts WIDTH HEIGHT RATE [gray] < RAW\n");
    return 2;
  }
  size_t luma = (size_t) width * (size_t) height;
  int cw = (width + 1) / 2, ch = (height + 1) / 2;
  size_t chroma = gray ? 0 : (size_t) cw * (size_t) ch;
  size_t size = luma + 2 * chroma;
  uint8_t *bytes = malloc (size);
  ReidShotDetector *detector = reid_shot_detector_new (NULL);
  if (!bytes || !detector) {
    fprintf (stderr, "shotcuts: out of memory\n");
    return 1;
  }
  ReidImage image = { .format = gray ? REID_PIXEL_GRAY8 : REID_PIXEL_I420,
                      .width = width,
                      .height = height,
                      .plane = { bytes, bytes + luma, bytes + luma + chroma },
                      .stride = { width, cw, cw },
                      .matrix = REID_MATRIX_BT709,
                      .par_n = 1,
                      .par_d = 1 };
  ReidShotKind kind;

  puts ("Start Frame,End Frame,Start Time (s),End Time (s)");
  while (fread (bytes, 1, size, stdin) == size) {
    struct timespec a, b;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &a);
    bool one = reid_shot_detector_push (detector, &image, &kind);
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &b);
    spent += (double) (b.tv_sec - a.tv_sec)
             + 1e-9 * (double) (b.tv_nsec - a.tv_nsec);
    if (one)
      decided (kind);
  }
  while (reid_shot_detector_drain (detector, &kind))
    decided (kind);
  end_shot (frames);
  fprintf (stderr, "%d frames, %.0f us a frame\n", frames,
           frames ? 1e6 * spent / frames : 0);
  reid_shot_detector_free (detector);
  free (bytes);
  return 0;
}
