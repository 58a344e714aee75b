/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "shots/shots.h"

/* Painted scenes: a world of coloured rectangles wider than the frame, of
 * which a frame shows a part, with something moving in front of it. */
#define W 320
#define H 180
#define WORLD 1600
#define MOST 400

typedef struct {
  uint8_t rgb[H][WORLD][3];
} World;

static World *
world_new (uint64_t seed)
{
  World *world = calloc (1, sizeof *world);
  uint64_t state = seed * 7919 + 1;

  for (int i = 0; i < 400; i++) {
    int x = (int) (test_uniform (&state) * WORLD);
    int y = (int) (test_uniform (&state) * H);
    int w = 10 + (int) (test_uniform (&state) * 120);
    int h = 10 + (int) (test_uniform (&state) * 80);
    uint8_t c[3];
    for (int k = 0; k < 3; k++)
      c[k] = (uint8_t) (20 + test_uniform (&state) * 200);
    for (int v = y; v < y + h && v < H; v++)
      for (int u = x; u < x + w && u < WORLD; u++)
        memcpy (world->rgb[v][u], c, 3);
  }
  return world;
}

typedef struct {
  uint8_t rgb[H][W][3];
} Frame;

static void
paint (Frame *frame, const World *world, double pan, int walker)
{
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      double at = x + pan;
      int u = (int) at;
      double f = at - u;
      for (int k = 0; k < 3; k++)
        frame->rgb[y][x][k] =
            (uint8_t) (world->rgb[y][u % WORLD][k] * (1 - f)
                       + world->rgb[y][(u + 1) % WORLD][k] * f + 0.5);
    }
  for (int y = 60; y < 160; y++)
    for (int x = walker; x < walker + 40; x++)
      if (x >= 0 && x < W) {
        frame->rgb[y][x][0] = 200;
        frame->rgb[y][x][1] = (uint8_t) (y + 40);
        frame->rgb[y][x][2] = 120;
      }
}

static void
blend (Frame *frame, const Frame *other, double alpha)
{
  uint8_t *a = &frame->rgb[0][0][0];
  const uint8_t *b = &other->rgb[0][0][0];

  for (size_t i = 0; i < sizeof frame->rgb; i++)
    a[i] = (uint8_t) (a[i] * (1 - alpha) + b[i] * alpha + 0.5);
}

/* v -> v * gain + lift, and noise of that amplitude. */
static void
light (Frame *frame, double gain, double lift, double noise, uint64_t *state)
{
  uint8_t *a = &frame->rgb[0][0][0];

  for (size_t i = 0; i < sizeof frame->rgb; i++) {
    double v = a[i] * gain + lift;
    if (noise > 0)
      v += noise * (2 * test_uniform (state) - 1);
    a[i] = (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
  }
}

static ReidImage
image_of (const Frame *frame)
{
  return (ReidImage){ .format = REID_PIXEL_RGB,
                      .width = W,
                      .height = H,
                      .plane = { &frame->rgb[0][0][0] },
                      .stride = { 3 * W },
                      .full_range = true,
                      .par_n = 1,
                      .par_d = 1 };
}

/* A stream of frames through a detector. */
typedef struct {
  ReidShotDetector *detector;
  ReidShotKind kinds[MOST];
  int n;
} Run;

static Run
run_new (const ReidShotOptions *options)
{
  return (Run){ .detector = reid_shot_detector_new (options) };
}

static void
run_show (Run *run, const ReidImage *image)
{
  if (reid_shot_detector_push (run->detector, image, &run->kinds[run->n]))
    run->n++;
}

static void
run_end (Run *run)
{
  while (reid_shot_detector_drain (run->detector, &run->kinds[run->n]))
    run->n++;
  reid_shot_detector_free (run->detector);
}

static int
changes (const Run *run)
{
  int n = 0;

  for (int i = 0; i < run->n; i++)
    n += run->kinds[i] != REID_SHOT_NONE;
  return n;
}

/* The only change, -1 when there is none or more than one. */
static int
only_change (const Run *run)
{
  int at = -1;

  for (int i = 0; i < run->n; i++)
    if (run->kinds[i] != REID_SHOT_NONE) {
      if (at >= 0)
        return -1;
      at = i;
    }
  return at;
}

static void
to_grey (const Frame *frame, uint8_t *grey)
{
  for (int i = 0; i < W * H; i++) {
    const uint8_t *p = &frame->rgb[0][0][0] + 3 * i;
    grey[i] = (uint8_t) ((p[0] + 2 * p[1] + p[2]) / 4);
  }
}

static void
hard_cuts (bool grey)
{
  static const int starts[] = { 0, 30, 46, 100, 115 };
  static Frame frame;
  static uint8_t luma[W * H];
  uint64_t state = 3;
  Run run = run_new (NULL);
  int shot = 0;
  World *world = world_new (1);

  for (int i = 0; i < 150; i++) {
    if (shot + 1 < 5 && i == starts[shot + 1]) {
      free (world);
      world = world_new ((uint64_t) ++shot + 1);
    }
    paint (&frame, world, 2 * i, 3 * i % W);
    light (&frame, 1, 0, 6, &state);
    ReidImage image = image_of (&frame);
    if (grey) {
      to_grey (&frame, luma);
      image.format = REID_PIXEL_GRAY8;
      image.plane[0] = luma;
      image.stride[0] = W;
    }
    run_show (&run, &image);
  }
  free (world);
  run_end (&run);
  CHECK (run.n == 150);
  for (int i = 0, k = 1; i < run.n; i++) {
    bool cut = k < 5 && i == starts[k];
    k += cut;
    CHECK_MSG (run.kinds[i] == (cut ? REID_SHOT_CUT : REID_SHOT_NONE),
               "frame %d is %d", i, run.kinds[i]);
  }
}

TEST (hard_cuts_in_colour)
{
  hard_cuts (false);
}

TEST (hard_cuts_in_grey)
{
  hard_cuts (true);
}

TEST (dissolves_are_told_once)
{
  static const int lengths[] = { 8, 12, 25, 45 };
  static Frame frame, other;

  for (int k = 0; k < 4; k++) {
    int length = lengths[k], begin = 60;
    uint64_t state = 5;
    World *a = world_new (10 + (uint64_t) k),
          *b = world_new (20 + (uint64_t) k);
    Run run = run_new (NULL);

    for (int i = 0; i < begin + length + 60; i++) {
      double alpha = (i - begin + 1.0) / (length + 1.0);
      alpha = alpha < 0 ? 0 : alpha > 1 ? 1 : alpha;
      paint (&frame, a, 0, i);
      paint (&other, b, 0, 2 * i % W);
      blend (&frame, &other, alpha);
      light (&frame, 1, 0, 4, &state);
      ReidImage image = image_of (&frame);
      run_show (&run, &image);
    }
    run_end (&run);
    int at = only_change (&run);
    CHECK_MSG (at > begin + length / 2 && at <= begin + length + 1,
               "length %d: %d changes, at %d", length, changes (&run), at);
    CHECK (at < 0 || run.kinds[at] == REID_SHOT_FADE);
    free (a);
    free (b);
  }
}

/* Out to one grey level, a hold, and in to another scene. */
static void
through_grey (double level, int length, int hold, int begin, bool second)
{
  static Frame frame;
  uint64_t state = 9;
  World *a = world_new (31), *b = world_new (second ? 32 : 31);
  Run run = run_new (NULL);
  int out = begin + length, in = out + hold, end = in + length;

  for (int i = 0; i < end + 70; i++) {
    double gain = i < begin ? 1
                  : i < out ? 1 - (i - begin + 1.0) / (length + 1)
                  : i < in  ? 0
                  : i < end ? (i - in + 1.0) / (length + 1)
                            : 1;
    paint (&frame, i < out ? a : b, 0, i % W);
    light (&frame, gain, level * (1 - gain), 2, &state);
    ReidImage image = image_of (&frame);
    run_show (&run, &image);
  }
  run_end (&run);
  int at = only_change (&run);
  CHECK_MSG (at > begin && at <= end + 1 && run.kinds[at] == REID_SHOT_FADE,
             "level %g length %d hold %d: %d changes, at %d", level, length,
             hold, changes (&run), at);
  free (a);
  free (b);
}

TEST (fades_through_black_or_white_are_told_once)
{
  for (int length = 10; length <= 40; length += 15)
    for (int hold = 1; hold <= 31; hold += 15) {
      through_grey (0, length, hold, 50, true);
      through_grey (255, length, hold, 50, true);
    }
}

TEST (a_stream_that_rises_out_of_black_has_no_change)
{
  static Frame frame;
  World *a = world_new (41);
  Run run = run_new (NULL);

  for (int i = 0; i < 120; i++) {
    double gain = i < 20 ? 0 : i < 50 ? (i - 20) / 30.0 : 1;
    paint (&frame, a, 0, i % W);
    light (&frame, gain, 0, 0, NULL);
    ReidImage image = image_of (&frame);
    run_show (&run, &image);
  }
  run_end (&run);
  CHECK (changes (&run) == 0);
  free (a);
}

/* Gain and lift of frame i. */
typedef void (*Lamp) (int i, double *gain, double *lift);

static void
steady (int i, double *gain, double *lift)
{
  *gain = i < 0 ? 0 : 1;
  *lift = 0;
}

static void
one_frame (int i, double *gain, double *lift)
{
  if (i % 40 == 30)
    *gain = 0.2, *lift = 204;
}

static void
two_white_frames (int i, double *gain, double *lift)
{
  if (i % 40 == 30 || i % 40 == 31)
    *gain = 0, *lift = 255;
}

static void
decaying (int i, double *gain, double *lift)
{
  int since = i % 40 - 30;

  if (since >= 0 && since < 6) {
    *gain = 1 - 0.9 * pow (0.6, since);
    *lift = 230 * pow (0.6, since);
  }
}

static void
lights_out (int i, double *gain, double *lift)
{
  *gain = i / 40 % 2 ? 0.35 : 1;
  *lift = 0;
}

static void
flicker (int i, double *gain, double *lift)
{
  if (i >= 40 && i < 80 && i / 2 % 2)
    *gain = 0.6, *lift = 90;
}

static void
slow_light (int i, double *gain, double *lift)
{
  *gain = 0.65 + 0.35 * cos (i * 0.08);
  *lift = 0;
}

TEST (changes_of_light_are_no_cuts)
{
  static const Lamp lamps[] = { steady,    one_frame,  two_white_frames,
                                decaying,  lights_out, flicker,
                                slow_light };
  static Frame frame;

  for (unsigned k = 0; k < sizeof lamps / sizeof *lamps; k++) {
    World *a = world_new (51);
    uint64_t state = 6;
    Run run = run_new (NULL);

    for (int i = 0; i < 160; i++) {
      double gain = 1, lift = 0;
      paint (&frame, a, 0.5 * i, i % W);
      lamps[k](i, &gain, &lift);
      light (&frame, gain, lift, 3, &state);
      ReidImage image = image_of (&frame);
      run_show (&run, &image);
    }
    run_end (&run);
    CHECK_MSG (changes (&run) == 0, "lamp %u: %d changes, at %d", k,
               changes (&run), only_change (&run));
    free (a);
  }
}

TEST (pans_and_noise_are_no_cuts)
{
  static const double speeds[] = { 0, 0.5, 2, 5, 8, 20 };
  static Frame frame;

  for (int k = 0; k < 6; k++)
    for (int noise = 0; noise <= 60; noise += 30) {
      World *a = world_new (61);
      uint64_t state = 8;
      Run run = run_new (NULL);

      for (int i = 0; i < 100; i++) {
        paint (&frame, a, fmod (speeds[k] * i, WORLD), 4 * i % W);
        light (&frame, 1, 0, noise, &state);
        ReidImage image = image_of (&frame);
        run_show (&run, &image);
      }
      run_end (&run);
      CHECK_MSG (changes (&run) == 0, "speed %g, noise %d: %d changes",
                 speeds[k], noise, changes (&run));
      free (a);
    }
}

TEST (a_pan_that_starts_and_stops_is_no_cut)
{
  static Frame frame;
  World *a = world_new (62);
  Run run = run_new (NULL);
  double pan = 0;

  for (int i = 0; i < 150; i++) {
    pan += i / 20 % 2 ? 12 : 0;
    paint (&frame, a, pan, 0);
    ReidImage image = image_of (&frame);
    run_show (&run, &image);
  }
  run_end (&run);
  CHECK_MSG (changes (&run) == 0, "%d changes", changes (&run));
  free (a);
}

static Run
three_cuts (const ReidShotOptions *options)
{
  static const int starts[] = { 20, 28, 60 };
  static Frame frame;
  World *a = world_new (71), *b = world_new (72);
  Run run = run_new (options);

  for (int i = 0; i < 90; i++) {
    int shot = (i >= starts[0]) + (i >= starts[1]) + (i >= starts[2]);
    paint (&frame, shot & 1 ? a : b, 0, i);
    ReidImage image = image_of (&frame);
    run_show (&run, &image);
  }
  run_end (&run);
  free (a);
  free (b);
  return run;
}

TEST (no_cut_within_the_minimum_length)
{
  ReidShotOptions options;

  reid_shot_options_init (&options);
  Run run = three_cuts (&options);
  CHECK (changes (&run) == 2);
  CHECK (run.kinds[20] == REID_SHOT_CUT && run.kinds[60] == REID_SHOT_CUT);

  options.min_length = 8;
  run = three_cuts (&options);
  CHECK (changes (&run) == 3);
  CHECK (run.kinds[28] == REID_SHOT_CUT);

  options.min_length = 9;
  run = three_cuts (&options);
  CHECK (changes (&run) == 2);

  options.min_length = 21;
  run = three_cuts (&options);
  CHECK (changes (&run) == 2);
  CHECK (run.kinds[28] == REID_SHOT_CUT && run.kinds[60] == REID_SHOT_CUT);
}

TEST (thresholds_hold_back_cuts)
{
  ReidShotOptions options;

  reid_shot_options_init (&options);
  options.min_score = 255;
  Run run = three_cuts (&options);
  CHECK (changes (&run) == 0);

  /* Values that are none do not disable anything. */
  options = (ReidShotOptions){ NAN, NAN, 15 };
  run = three_cuts (&options);
  CHECK (changes (&run) == 2);
  options = (ReidShotOptions){ -INFINITY, -5, -7 };
  run = three_cuts (&options);
  CHECK (changes (&run) >= 3);
  run = three_cuts (NULL);
  CHECK (changes (&run) == 2);
}

TEST (every_frame_is_decided_once_wherever_the_stream_ends)
{
  static Frame frames[2];
  World *a = world_new (81), *b = world_new (82);

  paint (&frames[0], a, 0, 0);
  paint (&frames[1], b, 0, 0);
  for (int n = 0; n <= 40; n++) {
    ReidShotKind kind;
    Run run = run_new (NULL);
    int pushed = 0;

    for (int i = 0; i < n; i++) {
      ReidImage image = image_of (&frames[i >= 20]);
      run_show (&run, &image);
      pushed++;
      CHECK (
          run.n
          == (pushed > REID_SHOT_LOOKAHEAD ? pushed - REID_SHOT_LOOKAHEAD : 0));
    }
    /* The detector is freed in run_end(): drain past the end here. */
    while (reid_shot_detector_drain (run.detector, &run.kinds[run.n]))
      run.n++;
    CHECK (!reid_shot_detector_drain (run.detector, &kind));
    CHECK (run.n == n);
    if (n > 20)
      CHECK_MSG (only_change (&run) == 20, "%d frames: at %d", n,
                 only_change (&run));
    else
      CHECK (changes (&run) == 0);
    run_end (&run);
  }
  free (a);
  free (b);
}

TEST (a_drain_in_mid_stream_loses_nothing)
{
  static Frame frames[2];
  World *a = world_new (83), *b = world_new (84);

  paint (&frames[0], a, 0, 0);
  paint (&frames[1], b, 0, 0);
  for (int at = 1; at < 50; at++) {
    Run run = run_new (NULL);
    for (int i = 0; i < 50; i++) {
      ReidImage image = image_of (&frames[i >= 25]);
      run_show (&run, &image);
      if (i + 1 == at)
        while (reid_shot_detector_drain (run.detector, &run.kinds[run.n]))
          run.n++;
    }
    run_end (&run);
    CHECK (run.n == 50);
    CHECK_MSG (only_change (&run) == 25, "drained at %d: change at %d", at,
               only_change (&run));
  }
  free (a);
  free (b);
}

TEST (after_a_reset_the_next_frame_is_a_first_one)
{
  static Frame frames[2];
  World *a = world_new (85), *b = world_new (86);
  Run run = run_new (NULL);

  paint (&frames[0], a, 0, 0);
  paint (&frames[1], b, 0, 0);
  for (int i = 0; i < 60; i++) {
    ReidImage image = image_of (&frames[i >= 30]);
    if (i == 30)
      reid_shot_detector_reset (run.detector);
    run_show (&run, &image);
  }
  run_end (&run);
  CHECK (run.n == 60 - REID_SHOT_LOOKAHEAD);
  CHECK (changes (&run) == 0);
  free (a);
  free (b);
}

/* A size or a layout that changes in mid-stream shows the same scene. */
TEST (a_change_of_size_is_no_cut)
{
  static Frame frame;
  static uint8_t small[H / 2][W / 2][3];
  World *a = world_new (91);
  Run run = run_new (NULL);

  for (int i = 0; i < 80; i++) {
    paint (&frame, a, 0, i);
    ReidImage image = image_of (&frame);
    if (i / 20 % 2) {
      for (int y = 0; y < H / 2; y++)
        for (int x = 0; x < W / 2; x++)
          for (int k = 0; k < 3; k++)
            small[y][x][k] =
                (uint8_t) ((frame.rgb[2 * y][2 * x][k]
                            + frame.rgb[2 * y][2 * x + 1][k]
                            + frame.rgb[2 * y + 1][2 * x][k]
                            + frame.rgb[2 * y + 1][2 * x + 1][k] + 2)
                           / 4);
      image.plane[0] = &small[0][0][0];
      image.width = W / 2;
      image.height = H / 2;
      image.stride[0] = 3 * W / 2;
    }
    run_show (&run, &image);
  }
  run_end (&run);
  CHECK (changes (&run) == 0);
  free (a);
}

TEST (odd_sizes_are_read)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 4000 }, { 4000, 1 },
                                  { 3, 5 }, { 127, 71 }, { 9000, 3 } };
  static uint8_t bytes[3 * 9000 * 3];

  for (int k = 0; k < 6; k++) {
    Run run = run_new (NULL);
    for (int i = 0; i < 40; i++) {
      memset (bytes, i < 20 ? 10 : 240, sizeof bytes);
      ReidImage image = { .format = REID_PIXEL_RGB,
                          .width = sizes[k][0],
                          .height = sizes[k][1],
                          .plane = { bytes },
                          .stride = { 3 * sizes[k][0] },
                          .full_range = true,
                          .par_n = 1,
                          .par_d = 1 };
      run_show (&run, &image);
    }
    run_end (&run);
    CHECK_MSG (only_change (&run) == 20, "%dx%d: change at %d", sizes[k][0],
               sizes[k][1], only_change (&run));
  }
}

TEST (a_frame_that_cannot_be_read_repeats_the_one_before)
{
  static Frame frame;
  World *a = world_new (93);
  Run run = run_new (NULL);

  paint (&frame, a, 0, 0);
  for (int i = 0; i < 60; i++) {
    ReidImage image = image_of (&frame);
    if (i % 20 == 19)
      image.width = 0;
    run_show (&run, &image);
  }
  run_end (&run);
  CHECK (run.n == 60);
  CHECK (changes (&run) == 0);
  free (a);
}

TEST_MAIN ()
