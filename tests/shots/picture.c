/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "shots/gradual.h"
#include "shots/picture.h"

static uint8_t rgb[3 * REID_SHOT_PIXELS];

static void
fill (uint8_t r, uint8_t g, uint8_t b)
{
  for (int i = 0; i < REID_SHOT_PIXELS; i++) {
    rgb[3 * i] = r;
    rgb[3 * i + 1] = g;
    rgb[3 * i + 2] = b;
  }
}

TEST (hue_saturation_value_of_known_colours)
{
  static const struct {
    uint8_t rgb[3], hue, saturation, value;
  } known[] = {
    { { 0, 0, 0 }, 0, 0, 0 },          { { 255, 255, 255 }, 0, 0, 255 },
    { { 255, 0, 0 }, 0, 255, 255 },    { { 0, 255, 0 }, 60, 255, 255 },
    { { 0, 0, 255 }, 120, 255, 255 },  { { 255, 255, 0 }, 30, 255, 255 },
    { { 0, 255, 255 }, 90, 255, 255 }, { { 255, 0, 255 }, 150, 255, 255 },
    { { 200, 80, 80 }, 0, 153, 200 },  { { 100, 150, 50 }, 45, 170, 150 },
    { { 255, 0, 1 }, 0, 255, 255 },    { { 7, 7, 7 }, 0, 0, 7 },
  };
  static ReidShotPicture picture;
  static ReidShotGrid grid;

  for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
    fill (known[i].rgb[0], known[i].rgb[1], known[i].rgb[2]);
    reid_shot_picture_set (&picture, &grid, rgb);
    CHECK_MSG (picture.hue[77] == known[i].hue
                   && picture.saturation[77] == known[i].saturation
                   && picture.value[77] == known[i].value,
               "colour %u: %d %d %d", i, picture.hue[77],
               picture.saturation[77], picture.value[77]);
  }
}

TEST (every_colour_is_near_the_definition)
{
  static ReidShotPicture picture;
  static ReidShotGrid grid;
  uint64_t state = 1;

  for (int i = 0; i < 3 * REID_SHOT_PIXELS; i++)
    rgb[i] = (uint8_t) (test_random (&state) >> 40);
  reid_shot_picture_set (&picture, &grid, rgb);
  for (int i = 0; i < REID_SHOT_PIXELS; i++) {
    double r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
    double most = fmax (r, fmax (g, b)), spread = most - fmin (r, fmin (g, b));
    if (spread == 0)
      continue;
    double hue = most == r   ? (g - b) / spread
                 : most == g ? 2 + (b - r) / spread
                             : 4 + (r - g) / spread;
    double off = fabs (picture.hue[i] - fmod (30 * hue + 180, 180));
    CHECK (fmin (off, 180 - off) <= 0.51);
    CHECK_NEAR (picture.saturation[i], 255 * spread / most, 0.51);
  }
}

TEST (difference_of_hue_goes_around_the_circle)
{
  static ReidShotPicture a, b;
  static ReidShotGrid grid;

  fill (255, 0, 17); /* hue 178 */
  reid_shot_picture_set (&a, &grid, rgb);
  fill (255, 17, 0); /* hue 2 */
  reid_shot_picture_set (&b, &grid, rgb);
  CHECK (a.hue[0] == 178 && b.hue[0] == 2);
  CHECK_NEAR (reid_shot_difference (&a, &b), 4 / 3., 1e-9);
  CHECK (reid_shot_difference (&a, &a) == 0);

  /* Without colour half the value counts. */
  fill (10, 10, 10);
  reid_shot_picture_set (&a, &grid, rgb);
  fill (50, 50, 50);
  reid_shot_picture_set (&b, &grid, rgb);
  CHECK_NEAR (reid_shot_difference (&a, &b), 20, 1e-9);
}

TEST (structure_survives_light_and_not_another_picture)
{
  static ReidShotPicture a, b, c;
  static ReidShotGrid ga, gb, gc;
  uint64_t state = 4;

  for (int i = 0; i < 3 * REID_SHOT_PIXELS; i++)
    rgb[i] = (uint8_t) (test_random (&state) >> 40 & 127);
  reid_shot_picture_set (&a, &ga, rgb);
  for (int i = 0; i < 3 * REID_SHOT_PIXELS; i++)
    rgb[i] = (uint8_t) (rgb[i] + 100);
  reid_shot_picture_set (&b, &gb, rgb);
  CHECK (reid_shot_structure (&a, &b) > 0.99);
  CHECK (reid_shot_grid_structure (&ga, &gb, 0, 0) > 0.95);
  for (int i = 0; i < 3 * REID_SHOT_PIXELS; i++)
    rgb[i] = (uint8_t) (test_random (&state) >> 40);
  reid_shot_picture_set (&c, &gc, rgb);
  CHECK (fabs (reid_shot_structure (&a, &c)) < 0.1);
  CHECK (reid_shot_structure (&a, &a) == 1);

  CHECK_NEAR (reid_shot_histogram_correlation (&ga, &ga), 1, 1e-12);
  CHECK (reid_shot_histogram_correlation (&ga, &gb) < 0.5);
}

/* Grids whose frames go from one random picture to another. */
static void
ramp (ReidShotHistory *history, int begin, int length, int n)
{
  uint64_t state = 17;
  static uint8_t a[REID_SHOT_CELLS], b[REID_SHOT_CELLS];

  for (int k = 0; k < REID_SHOT_CELLS; k++) {
    a[k] = (uint8_t) (test_random (&state) >> 40);
    b[k] = (uint8_t) (test_random (&state) >> 40);
  }
  memset (history, 0, sizeof *history);
  for (int i = 0; i < n; i++) {
    double t = (double) (i - begin) / length;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    ReidShotGrid *grid = &history->grid[i % REID_SHOT_HISTORY];
    for (int k = 0; k < REID_SHOT_CELLS; k++)
      grid->luma[k] = (uint8_t) ((1 - t) * a[k] + t * b[k] + 0.5);
    memset (grid->histogram, 0, sizeof grid->histogram);
    grid->histogram[(int) (8 * t)] = REID_SHOT_PIXELS;
  }
}

TEST (alpha_and_residual_of_a_known_blend)
{
  static ReidShotGrid a, b, m;
  double alpha, residual;

  for (int i = 0; i < REID_SHOT_CELLS; i++) {
    a.luma[i] = (uint8_t) (i % 100);
    b.luma[i] = (uint8_t) (a.luma[i] + 100);
    m.luma[i] = (uint8_t) (a.luma[i] + 30 + (i & 1 ? 10 : -10));
  }
  REQUIRE (reid_shot_blend (&a, &b, &m, &alpha, &residual));
  CHECK_NEAR (alpha, 0.3, 1e-12);
  CHECK_NEAR (residual, 0.01, 1e-12);
  CHECK (!reid_shot_blend (&a, &a, &m, &alpha, &residual));
}

TEST (a_blend_is_gradual_when_it_is_complete)
{
  static ReidShotHistory history;
  int64_t from, middle;

  ramp (&history, 20, 20, 60);
  /* In mid-change the frames after go further. */
  CHECK (!reid_shot_gradual (&history, 0, 30, 32, &from, &middle));
  CHECK (reid_shot_gradual (&history, 0, 41, 43, &from, &middle));
  /* The window may begin a little inside the change. */
  CHECK (from >= 16 && from <= 24);
  CHECK (middle >= 30 && middle <= 32);
  /* Not when it began before the frame that counts. */
  CHECK (!reid_shot_gradual (&history, 36, 41, 43, &from, &middle));
}

TEST (another_way_between_two_pictures_is_not_gradual)
{
  static ReidShotHistory history;
  int64_t from, middle;

  /* A hard cut. */
  ramp (&history, 30, 1, 60);
  for (int i = 31; i < 50; i++)
    CHECK (!reid_shot_gradual (&history, 0, i, i + 2, &from, &middle));
  /* A pan: half a cell a frame for 20 frames. */
  ramp (&history, 20, 20, 1);
  ReidShotGrid first = history.grid[0];
  for (int i = 1; i < 60; i++) {
    double shift = i < 20 ? 0 : i < 40 ? (i - 20) * 0.5 : 10;
    int whole = (int) shift;
    history.grid[i] = first;
    history.grid[i].histogram[0] = (uint16_t) (REID_SHOT_PIXELS - 400 * whole);
    history.grid[i].histogram[20] = (uint16_t) (400 * whole);
    for (int k = 0; k < REID_SHOT_CELLS; k++) {
      int p = first.luma[(k + whole) % REID_SHOT_CELLS];
      int q = first.luma[(k + whole + 1) % REID_SHOT_CELLS];
      history.grid[i].luma[k] = (uint8_t) (p + (q - p) * (shift - whole) + 0.5);
    }
  }
  for (int i = 21; i < 58; i++)
    CHECK (!reid_shot_gradual (&history, 0, i, i + 2, &from, &middle));
}

TEST_MAIN ()
