/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* People: the same ones again, and all different. */
#include "episode.h"
#include "test.h"
#include "synth/numbers.h"

TEST (the_first_ones_do_not_hang_on_how_many_there_are)
{
  static Person few[5], many[60];

  synth_people (3, 5, few);
  synth_people (3, 60, many);
  CHECK (memcmp (few, many, sizeof few) == 0);
  synth_people (4, 5, few);
  CHECK (memcmp (few, many, sizeof few) != 0);
}

static bool
in (float v, double lo, double hi)
{
  return v >= (float) lo - 1e-5f && v <= (float) hi + 1e-5f;
}

TEST (they_are_people)
{
  static Person all[REID_SYNTH_MAX_PEOPLE];

  for (uint32_t seed = 0; seed < 3; seed++) {
    synth_people (seed, REID_SYNTH_MAX_PEOPLE, all);
    for (int i = 0; i < REID_SYNTH_MAX_PEOPLE; i++) {
      const Person *p = &all[i];
      CHECK (in (p->skull_w, .7, .86) && in (p->jaw_w, .5, .72));
      CHECK (p->jaw_w < p->skull_w + .03f);
      CHECK (p->eye_x > p->eye_r * .8f && p->eye_x < p->skull_w * .6f);
      CHECK (p->brow_y > p->eye_y + p->eye_r * .8f);
      CHECK (p->hairline > p->brow_y - .12f);
      CHECK (p->mouth_y < p->eye_y - p->nose_len - .02f);
      CHECK (p->chin_y < p->mouth_y - .2f);
      CHECK (p->hair < HAIR_COUNT && p->beard < BEARD_COUNT
             && p->glasses < GLASSES_COUNT);
      for (int c = 0; c < 3; c++)
        CHECK (in (p->skin[c], 0, 1) && in (p->hair_color[c], 0, 1)
               && in (p->lips[c], 0, 1) && in (p->iris[c], 0, 1));
    }
  }
}

/* Numbers in which two differ by much. */
static int
differences (const Person *a, const Person *b)
{
  return (fabsf (a->skin[0] - b->skin[0]) > .12f)
         + (fabsf (a->hair_color[0] - b->hair_color[0]) > .12f)
         + (a->hair != b->hair) + (a->beard != b->beard)
         + (a->glasses != b->glasses) + (fabsf (a->jaw_w - b->jaw_w) > .05f)
         + (fabsf (a->nose_len - b->nose_len) > .05f)
         + (fabsf (a->nose_w - b->nose_w) > .025f)
         + (fabsf (a->mouth_w - b->mouth_w) > .04f)
         + (fabsf (a->brow_thick - b->brow_thick) > .012f)
         + (fabsf (a->eye_x - b->eye_x) > .025f);
}

TEST (they_differ)
{
  static Person all[24];
  int styles = 0;

  for (uint32_t seed = 0; seed < 20; seed++) {
    unsigned hairs = 0;
    synth_people (seed, 24, all);
    for (int i = 0; i < 24; i++) {
      hairs |= 1u << all[i].hair;
      for (int j = 0; j < i; j++)
        CHECK_MSG (differences (&all[i], &all[j]) >= 2,
                   "seed %u: %d and %d differ in %d", seed, i, j,
                   differences (&all[i], &all[j]));
    }
    for (int k = 0; k < HAIR_COUNT; k++)
      styles += hairs >> k & 1;
  }
  CHECK_MSG (styles >= 20 * 7, "%d", styles);
}

TEST (own_functions)
{
  for (int i = -2000; i < 2000; i++) {
    double x = i * .00371;
    CHECK_NEAR (synth_sin (x), sin (2 * 3.14159265358979323846 * x), 1e-7);
    CHECK_NEAR (synth_cos (x), cos (2 * 3.14159265358979323846 * x), 1e-7);
  }
  CHECK (synth_step (0, 1, -1) == 0 && synth_step (0, 1, 2) == 1);
  CHECK (synth_step (1, 0, 2) == 0 && synth_step (1, 0, .5) == .5);
}

TEST (numbers_are_spread_evenly)
{
  int bins[16] = { 0 };

  for (uint32_t i = 0; i < 16000; i++)
    bins[(int) (synth_unit (7, i, 0, 1) * 16)]++;
  for (int i = 0; i < 16; i++)
    CHECK_NEAR (bins[i], 1000, 160);
}

TEST_MAIN ()
