/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times the IoU of all against all, the assignment and a face's quality; run
 * by `meson test --benchmark`. */

#include "track/track.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
uniform (uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double) (*state >> 11) * 0x1p-53;
}

static double
seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Seconds a call: the fastest of some rounds, each long enough to time. */
#define TIME(result, ...)                                                      \
  do {                                                                         \
    int calls = 1;                                                             \
    result = 1e9;                                                              \
    for (int round = 0; round < 7;) {                                          \
      double start = seconds (), took;                                         \
      for (int call = 0; call < calls; call++) {                               \
        __VA_ARGS__;                                                           \
      }                                                                        \
      took = seconds () - start;                                               \
      if (took < 0.005) {                                                      \
        calls *= 2;                                                            \
        continue;                                                              \
      }                                                                        \
      if (took / calls < result)                                               \
        result = took / calls;                                                 \
      round++;                                                                 \
    }                                                                          \
  } while (0)

static void
random_boxes (float *corner, int n, uint64_t *state)
{
  for (int i = 0; i < n; i++) {
    float x = (float) uniform (state), y = (float) uniform (state);

    corner[i] = x;
    corner[n + i] = y;
    corner[2 * n + i] = x + 0.1f;
    corner[3 * n + i] = y + 0.1f;
  }
}

static void
bench_iou (int n)
{
  static const struct {
    const char *name;
    unsigned flags;
  } versions[] = { { "c", 0 },
                   { "avx2", REID_CPU_AVX2 },
                   { "avx512", REID_CPU_AVX2 | REID_CPU_AVX512 } };
  float *corner = malloc (sizeof *corner * 4 * (size_t) n);
  float *out = malloc (sizeof *out * (size_t) n * (size_t) n);
  ReidBoxes b = { corner, corner + n, corner + 2 * n, corner + 3 * n, n };
  uint64_t state = 1;

  random_boxes (corner, n, &state);
  for (int v = 0; v < 3; v++) {
    double t;

    if (versions[v].flags & ~reid_cpu_flags ())
      continue;
    ReidIouFunc iou = reid_iou_get (versions[v].flags);
    TIME (t, iou (&b, &b, out));
    printf ("iou %-6s %3d x %-3d %10.3f us  %6.2f ns a pair\n",
            versions[v].name, n, n, t * 1e6, t * 1e9 / n / n);
  }
  free (corner);
  free (out);
}

static void
bench_assign (int n)
{
  double *cost = malloc (sizeof *cost * (size_t) n * (size_t) n), t;
  int *to = malloc (sizeof *to * (size_t) n);
  uint64_t state = 1;

  for (int i = 0; i < n * n; i++)
    cost[i] = uniform (&state);
  TIME (t, reid_assign (cost, n, n, 2, to));
  printf ("assign %4d x %-4d        %10.3f us\n", n, n, t * 1e6);
  free (cost);
  free (to);
}

/* One frame of n faces that stand in a row and sway. */
static void
bench_tracker (int n)
{
  ReidTrackerOptions options;
  ReidFace *faces = calloc ((size_t) n, sizeof *faces);
  uint32_t *ids = malloc (sizeof *ids * (size_t) n);
  uint32_t *ended = malloc (sizeof *ended * (size_t) n * 2);
  int n_ended, frame = 0;
  double t;

  reid_tracker_options_init (&options);
  ReidTracker *tracker = reid_tracker_new (&options);
  TIME (t, {
    for (int i = 0; i < n; i++)
      faces[i] = (ReidFace){ .left = (float) ((i % 32) / 32.0
                                              + 0.003 * sin (0.1 * frame + i)),
                             .top = (float) (i / 32) / 32,
                             .width = 0.02f,
                             .height = 0.02f,
                             .score = 0.9f };
    frame++;
    reid_tracker_update (tracker, faces, n, 16.0 / 9, ids, ended, &n_ended,
                         NULL);
  });
  printf ("tracker %4d faces        %10.3f us\n", n, t * 1e6);
  reid_tracker_free (tracker);
  free (faces);
  free (ids);
  free (ended);
}

static void
bench_faces (int side)
{
  enum { W = 1920, H = 1080 };
  uint8_t *pixels = malloc (W * H * 3 / 2);
  ReidImage image = { .format = REID_PIXEL_I420,
                      .width = W,
                      .height = H,
                      .plane = { pixels, pixels + W * H,
                                 pixels + W * H * 5 / 4 },
                      .stride = { W, W / 2, W / 2 },
                      .matrix = REID_MATRIX_BT709,
                      .par_n = 1,
                      .par_d = 1 };
  ReidFace face = { 0.3f, 0.2f, (float) side / W, (float) side / H, 0.9f };
  uint64_t state = 1, frame = 0;
  ReidQuality q;
  double t;

  for (int i = 0; i < W * H * 3 / 2; i++)
    pixels[i] = (uint8_t) (uniform (&state) * 256);
  TIME (t, reid_quality (&image, &face, &q));
  printf ("quality %4d px           %10.3f us\n", side, t * 1e6);
  ReidChipSet *set = reid_chip_set_new (1, 1, false);
  TIME (t, {
    face.score = (float) (1 - 1 / (1.0 + (double) frame));
    reid_chip_set_offer (set, &image, &face, frame++, -1);
  });
  printf ("offer that enters %4d px %10.3f us\n", side, t * 1e6);
  reid_chip_set_free (set);
  free (pixels);
}

int
main (void)
{
  static const int sizes[] = { 8, 32, 256 };

  for (int i = 0; i < 3; i++)
    bench_iou (sizes[i]);
  bench_assign (8);
  bench_assign (100);
  bench_assign (1000);
  bench_tracker (5);
  bench_tracker (50);
  bench_tracker (500);
  bench_faces (40);
  bench_faces (100);
  bench_faces (200);
  bench_faces (600);
  return 0;
}
