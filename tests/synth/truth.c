/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The truth against itself, and against what is drawn. */
#include "episode.h"
#include "test.h"

/* The far eye of a turned head lies on its outline. */
#define LOOSE .2f

TEST (landmarks_lie_in_their_boxes)
{
  ReidSynthOptions o = episode_options (1280, 720, 20, 6);
  ReidSynth *s = episode (&o);
  int n = 0;

  for (int64_t f = 0; f < 3000; f += 3) {
    ReidSynthTruth truth;
    reid_synth_truth (s, f, &truth);
    CHECK (truth.frame == f && truth.n_faces <= REID_SYNTH_MAX_FACES);
    for (int i = 0; i < truth.n_faces; i++) {
      const ReidSynthFace *face = &truth.faces[i];
      const float *l = face->landmarks;
      CHECK (face->width > 0 && face->height > 0);
      CHECK (face->visible >= 0 && face->visible <= 1);
      CHECK (face->left < 1 && face->top < 1 && face->left + face->width > 0
             && face->top + face->height > 0);
      if (fabsf (face->yaw) > 40)
        continue;
      n++;
      for (int k = 0; k < 10; k += 2)
        CHECK_MSG (
            l[k] > face->left - LOOSE * face->width
                && l[k] < face->left + (1 + LOOSE) * face->width
                && l[k + 1] > face->top && l[k + 1] < face->top + face->height,
            "frame %d, landmark %d, yaw %.0f", (int) f, k / 2, face->yaw);
      CHECK (l[0] < l[2] && l[6] < l[8]);
      CHECK (l[5] > l[1] - .1f * face->height && l[7] > l[1] && l[9] > l[3]);
    }
  }
  CHECK_MSG (n > 1000, "%d faces", n);
  reid_synth_free (s);
}

TEST (size_does_not_change_the_truth)
{
  ReidSynthOptions o = episode_options (1280, 720, 6, 6);
  ReidSynth *a = episode (&o), *b;

  o.width = 320;
  o.height = 180;
  b = episode (&o);
  for (int64_t f = 0; f < 1000; f += 50) {
    ReidSynthTruth x, y;
    reid_synth_truth (a, f, &x);
    reid_synth_truth (b, f, &y);
    REQUIRE (x.n_faces == y.n_faces);
    for (int i = 0; i < x.n_faces; i++) {
      CHECK (x.faces[i].person == y.faces[i].person);
      CHECK_NEAR (x.faces[i].left, y.faces[i].left, 1e-5);
      CHECK_NEAR (x.faces[i].landmarks[5], y.faces[i].landmarks[5], 1e-5);
    }
  }
  reid_synth_free (a);
  reid_synth_free (b);
}

/* Mean difference of two pictures of one scene, with and without people, in a
 * box and beside all boxes. */
TEST (people_are_drawn_where_the_truth_says)
{
  ReidSynthOptions o = episode_options (480, 270, 6, 21), empty = o;
  ReidSynth *s = episode (&o), *e;
  Canvas a, b;

  empty.people = 0;
  e = episode (&empty);
  canvas_new (&a, REID_PIXEL_RGB, 480, 270);
  canvas_new (&b, REID_PIXEL_RGB, 480, 270);
  for (int64_t f = 20; f < 700; f += 40) {
    ReidSynthTruth truth;
    reid_synth_truth (s, f, &truth);
    if (truth.light < .9f)
      continue;
    CHECK (reid_synth_render (s, f, &a.p, NULL));
    CHECK (reid_synth_render (e, f, &b.p, NULL));
    for (int i = 0; i < truth.n_faces; i++) {
      const ReidSynthFace *face = &truth.faces[i];
      int same = 0, n = 0;
      for (int y = 0; y < 270; y++)
        for (int x = 0; x < 480; x++) {
          double u = ((x + .5) / 480 - face->left) / face->width * 2 - 1;
          double v = ((y + .5) / 270 - face->top) / face->height * 2 - 1;
          if (u * u + v * v > .6)
            continue;
          n++;
          same += memcmp (a.p.plane[0] + y * a.p.stride[0] + 3 * x,
                          b.p.plane[0] + y * b.p.stride[0] + 3 * x, 3)
                  == 0;
        }
      CHECK_MSG (same <= n / 50, "frame %d: %d of %d pixels are ground",
                 (int) f, same, n);
    }
    /* the corners above everybody */
    CHECK (memcmp (a.p.plane[0], b.p.plane[0], 60) == 0);
  }
  canvas_free (&a);
  canvas_free (&b);
  reid_synth_free (s);
  reid_synth_free (e);
}

TEST (who_is_behind_another_is_not_seen)
{
  int hidden = 0, whole = 0;

  for (uint32_t seed = 0; seed < 4; seed++) {
    ReidSynthOptions o = episode_options (1280, 720, 6, seed);
    ReidSynth *s = episode (&o);
    for (int64_t f = 0; f < 800; f++) {
      ReidSynthTruth truth;
      reid_synth_truth (s, f, &truth);
      /* nobody stands before the nearest one */
      if (truth.n_faces) {
        const ReidSynthFace *face = &truth.faces[truth.n_faces - 1];
        if (face->left > 0 && face->left + face->width < 1 && face->top > 0
            && face->top + face->height < 1)
          CHECK (face->visible == 1);
      }
      for (int i = 0; i < truth.n_faces; i++) {
        hidden += truth.faces[i].visible < .3f;
        whole += truth.faces[i].visible == 1;
      }
    }
    reid_synth_free (s);
  }
  CHECK_MSG (hidden > 10 && whole > 10 * hidden, "%d hidden, %d whole", hidden,
             whole);
}

TEST (the_length_of_an_episode)
{
  ReidSynthOptions o = episode_options (16, 16, 2, 3);
  ReidSynth *s = episode (&o);

  CHECK (reid_synth_frames (s) == -1);
  reid_synth_free (s);
  o.shots = 20;
  s = episode (&o);
  CHECK (reid_synth_frames (s) == reid_synth_shot_start (s, 20));
  CHECK (reid_synth_frames (s) > 20 * 50 && reid_synth_frames (s) < 20 * 110);
  reid_synth_free (s);
}

TEST_MAIN ()
