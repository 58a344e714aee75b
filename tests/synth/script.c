/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens: shots, who is in them, and how they move. */
#include "episode.h"
#include "test.h"

static const Script plan = { 11, 6, 0, 25, 16 / 9. };

TEST (shots_follow_each_other)
{
  for (uint32_t seed = 0; seed < 20; seed++) {
    Script s = plan;
    s.seed = seed;
    for (int k = 0; k < 60; k++) {
      int64_t a = synth_shot_start (&s, k), b = synth_shot_start (&s, k + 1);
      Scene scene;
      /* no shorter than a shot detector's least, no longer than five seconds */
      CHECK_MSG (b - a >= 40 && b - a <= 120, "%d frames", (int) (b - a));
      synth_scene (&s, a, &scene);
      CHECK (scene.shot == k && scene.shot_start == a);
      synth_scene (&s, b - 1, &scene);
      CHECK (scene.shot == k && scene.shot_start == a);
    }
  }
}

TEST (far_into_an_episode)
{
  Scene scene;

  synth_scene (&plan, 100000000, &scene);
  CHECK (scene.shot_start <= 100000000 && scene.shot_start > 100000000 - 200);
  CHECK (synth_shot_start (&plan, scene.shot) == scene.shot_start);
}

TEST (everybody_comes_and_comes_back)
{
  for (int people = 1; people <= 30; people += 7)
    for (uint32_t seed = 0; seed < 5; seed++) {
      Script s = plan;
      int shots[30] = { 0 };
      s.people = people;
      s.seed = seed;
      for (int k = 0; k < 2 * people; k++) {
        bool there[30] = { false };
        for (int64_t f = synth_shot_start (&s, k);
             f < synth_shot_start (&s, k + 1); f += 7) {
          Scene scene;
          synth_scene (&s, f, &scene);
          for (int i = 0; i < scene.n; i++)
            there[scene.actor[i].person] = true;
        }
        for (int p = 0; p < people; p++)
          shots[p] += there[p];
      }
      for (int p = 0; p < people; p++)
        CHECK_MSG (shots[p] >= 2, "person %d of %d is in %d shots", p, people,
                   shots[p]);
    }
}

TEST (nobody_is_there_twice_and_no_more_than_three_are)
{
  int most = 0;

  for (int64_t f = 0; f < 3000; f += 11) {
    Scene scene;
    synth_scene (&plan, f, &scene);
    most = scene.n > most ? scene.n : most;
    CHECK (scene.n >= 1 && scene.n <= REID_SYNTH_MAX_FACES);
    for (int i = 0; i < scene.n; i++) {
      CHECK (scene.actor[i].person >= 0 && scene.actor[i].person < 6);
      for (int j = 0; j < i; j++)
        CHECK (scene.actor[i].person != scene.actor[j].person
               && scene.actor[j].scale <= scene.actor[i].scale);
    }
  }
  CHECK (most == 3);
}

TEST (few_or_no_people)
{
  Script s = plan;
  Scene scene;

  s.people = 0;
  synth_scene (&s, 200, &scene);
  CHECK (scene.n == 0);
  s.people = 1;
  for (int64_t f = 0; f < 2000; f += 17) {
    synth_scene (&s, f, &scene);
    CHECK (scene.n == 1);
  }
}

TEST (people_cross)
{
  int crossings = 0;

  for (int k = 0; k < 20; k++) {
    int64_t a = synth_shot_start (&plan, k),
            b = synth_shot_start (&plan, k + 1);
    Scene first, last;
    synth_scene (&plan, a, &first);
    synth_scene (&plan, b - 1, &last);
    if (first.n == 2 && last.n == 2) {
      /* the farther one may be nearer at the end */
      int same = first.actor[0].person == last.actor[0].person ? 0 : 1;
      crossings += (first.actor[0].x < first.actor[1].x)
                   != (last.actor[same].x < last.actor[1 - same].x);
    }
  }
  CHECK_MSG (crossings == 4, "%d: one in each five shots", crossings);
}

TEST (paths_are_smooth)
{
  Scene before, scene;

  synth_scene (&plan, 0, &before);
  for (int64_t f = 1; f < 2500; f++) {
    synth_scene (&plan, f, &scene);
    if (scene.shot == before.shot)
      for (int i = 0; i < scene.n; i++)
        for (int j = 0; j < before.n; j++)
          if (scene.actor[i].person == before.actor[j].person) {
            const Actor *a = &scene.actor[i], *b = &before.actor[j];
            CHECK_MSG (fabsf (a->x - b->x) < .5f * a->scale
                           && fabsf (a->y - b->y) < .1f * a->scale,
                       "frame %d", (int) f);
            CHECK (fabsf (a->yaw - b->yaw) < 8
                   && fabsf (a->pitch - b->pitch) < 3
                   && fabsf (a->roll - b->roll) < 3);
          }
    before = scene;
  }
}

TEST (heads_turn_and_mouths_move)
{
  float yaw = 0, mouth = 0, blink = 0;

  for (int64_t f = 0; f < 1500; f++) {
    Scene scene;
    synth_scene (&plan, f, &scene);
    for (int i = 0; i < scene.n; i++) {
      const Actor *a = &scene.actor[i];
      yaw = fabsf (a->yaw) > yaw ? fabsf (a->yaw) : yaw;
      mouth = a->mouth > mouth ? a->mouth : mouth;
      blink = a->blink > blink ? a->blink : blink;
      CHECK (a->mouth >= 0 && a->mouth <= 1 && a->smile >= 0 && a->smile <= 1
             && a->blink >= 0 && a->blink <= 1);
    }
  }
  CHECK_MSG (yaw > 35 && yaw < 95, "%f", yaw);
  CHECK (mouth > .6f && blink > .9f);
}

TEST (fades_are_between_two_shots)
{
  int fades = 0;

  for (int k = 0; k < 40; k++) {
    int64_t a = synth_shot_start (&plan, k),
            b = synth_shot_start (&plan, k + 1);
    Scene first, middle;
    synth_scene (&plan, a, &first);
    synth_scene (&plan, (a + b) / 2, &middle);
    CHECK (middle.brightness == 1);
    CHECK (first.fade ? first.brightness == 0 : first.brightness == 1);
    fades += first.fade;
  }
  CHECK_MSG (fades == 10, "%d: one in each four shots", fades);
}

TEST (the_last_shot_does_not_fade_away)
{
  for (int shots = 1; shots < 9; shots++) {
    Script s = plan;
    Scene scene;
    s.shots = shots;
    synth_scene (&s, synth_shot_start (&s, shots) - 1, &scene);
    CHECK (scene.brightness == 1);
  }
}

TEST (narrow_frames_have_fewer_people_side_by_side)
{
  CHECK (synth_room (.01) == 1 && synth_room (1) == 2
         && synth_room (16 / 9.) == 3 && synth_room (100) == 3);
}

TEST_MAIN ()
