/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each part of OC-SORT and BYTE keeps a face that the tracker loses without
 * it. */

#include "scenes.h"

static Scene scene;

/* Two heads one behind the other speed up together, so that the one behind
 * comes to lie on the prediction of the one in front. */
static int
speeding_up (unsigned parts)
{
  double x = 0.3, speed = 0.003;
  int switches;

  scene_init (&scene, parts, NULL);
  for (int f = 0; f < 60; f++) {
    if (f >= 20 && f < 28)
      speed += 0.01;
    x += speed;
    scene_add (&scene, 0, x, 0.5, 0.08, 0.9);
    scene_add (&scene, 1, x + 0.05, 0.5, 0.08, 0.9);
    scene_frame (&scene);
  }
  switches = scene.switches;
  scene_free (&scene);
  return switches;
}

TEST (momentum)
{
  CHECK (speeding_up (REID_TRACK_ALL) == 0);
  CHECK_MSG (speeding_up (REID_TRACK_ALL & ~REID_TRACK_OCM) == 68, "%d",
             speeding_up (REID_TRACK_ALL & ~REID_TRACK_OCM));
}

/* Two heads close together that stand still, seen with jitter: where a face
 * moved by chance says nothing about where it goes. */
TEST (jitter_has_no_momentum)
{
  static const struct {
    uint64_t seed;
    double distance, jitter;
  } cases[] = { { 154, 0.03, 0.008 },
                { 616, 0.05, 0.016 },
                { 1155, 0.03, 0.012 },
                { 2849, 0.04, 0.012 },
                { 3542, 0.03, 0.008 } };

  for (int i = 0; i < 5; i++) {
    uint64_t state = cases[i].seed;

    scene_init (&scene, REID_TRACK_ALL, NULL);
    for (int f = 0; f < 100; f++) {
      for (int p = 0; p < 2; p++) {
        double y = cases[i].jitter * jitter (&state);
        double x = cases[i].jitter * jitter (&state);

        scene_add (&scene, p, 0.5 + cases[i].distance * p + x, 0.5 + y, 0.08,
                   0.9);
      }
      scene_frame (&scene);
    }
    CHECK_MSG (scene.switches == 0, "case %d: %d", i, scene.switches);
    scene_free (&scene);
  }
}

/* Walks, stops while nobody sees it, and is found where it was last seen; the
 * prediction has walked on. */
static int
stopping (unsigned parts)
{
  int switches;

  scene_init (&scene, parts, NULL);
  for (int f = 0; f < 60; f++) {
    if (f < 25 || f >= 35)
      scene_add (&scene, 0, 0.4 + 0.02 * (f < 25 ? f : 25), 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  switches = scene.switches;
  scene_free (&scene);
  return switches;
}

TEST (recovery)
{
  CHECK (stopping (REID_TRACK_ALL) == 0);
  CHECK (stopping (REID_TRACK_ALL & ~REID_TRACK_OCR) == 1);
}

/* Walks, pauses unseen, is seen twice, and walks on slower unseen: without the
 * second way through the gap the filter still believes in the old speed. */
static int
pausing (unsigned parts)
{
  double x = 0.4;
  int switches;

  scene_init (&scene, parts, NULL);
  for (int f = 0; f < 62; f++) {
    bool seen = f < 25 || f == 39 || f == 40 || f >= 52;

    x += f < 25 ? 0.02 : f < 39 ? 0 : 0.01;
    if (seen)
      scene_add (&scene, 0, x, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  switches = scene.switches;
  scene_free (&scene);
  return switches;
}

TEST (re_update)
{
  CHECK (pausing (REID_TRACK_ALL) == 0);
  CHECK (pausing (REID_TRACK_ALL & ~REID_TRACK_ORU) == 1);
}

/* Where the tracker believes the face to be three frames after a gap from
 * frame 20 to 30; with `filled`, the detector sees it on the straight line
 * through the gap. */
static ReidFace
after_gap (unsigned parts, bool filled)
{
  ReidFace face = { 0 };

  scene_init (&scene, parts, NULL);
  for (int f = 0; f <= 30; f++) {
    double share = f < 20 ? 0 : (f - 20) / 10.0;

    if (f <= 20 || f == 30 || filled)
      scene_add (&scene, 0, 0.4 + 0.015 * (f < 20 ? f : 20) - 0.03 * share,
                 0.5 + 0.05 * share, 0.1 + 0.02 * share, 0.9);
    scene_frame (&scene);
  }
  for (int f = 0; f < 3; f++)
    reid_tracker_skip (scene.tracker);
  CHECK (scene.highest_id == 1);
  CHECK (reid_tracker_predict (scene.tracker, 1, &face));
  scene_free (&scene);
  return face;
}

TEST (re_update_is_as_good_as_having_seen_it)
{
  unsigned without = REID_TRACK_ALL & ~REID_TRACK_ORU;
  ReidFace want = after_gap (REID_TRACK_ALL, true);
  ReidFace got = after_gap (REID_TRACK_ALL, false);
  ReidFace other = after_gap (without, false);

  /* The boxes went through floats on one way only. */
  CHECK_NEAR (got.left, want.left, 1e-6);
  CHECK_NEAR (got.top, want.top, 1e-6);
  CHECK_NEAR (got.width, want.width, 1e-6);
  CHECK_NEAR (got.height, want.height, 1e-6);
  CHECK (fabsf (other.left - want.left) > 1e-3f);
}

/* Its score drops for longer than a track lives without detections. */
static void
turning_away (unsigned parts, int switches, int untracked)
{
  scene_init (&scene, parts, NULL);
  for (int f = 0; f < 100; f++) {
    scene_add (&scene, 0, 0.2 + 0.01 * f, 0.5, 0.1,
               f >= 30 && f < 70 ? 0.4 : 0.9);
    scene_frame (&scene);
  }
  CHECK_MSG (scene.switches == switches && scene.untracked == untracked,
             "%d switches, %d untracked", scene.switches, scene.untracked);
  scene_free (&scene);
}

TEST (weak_detections_continue_tracks)
{
  turning_away (REID_TRACK_ALL, 0, 0);
  turning_away (REID_TRACK_ALL & ~REID_TRACK_BYTE, 1, 40);
}

TEST (weak_detections_must_lie_close)
{
  /* Half a side off, the grown boxes' IoU is 0.52; 0.6 off, 0.45. */
  for (int far = 0; far < 2; far++) {
    scene_init (&scene, REID_TRACK_ALL, NULL);
    for (int f = 0; f < 20; f++) {
      scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
      scene_frame (&scene);
    }
    scene_add (&scene, 0, far ? 0.56 : 0.55, 0.5, 0.1, 0.5);
    scene_frame (&scene);
    CHECK (scene.untracked == far);
    scene_free (&scene);
  }
}

TEST (strong_detections_come_first)
{
  /* A weak detection right on the prediction does not take the track away
   * from a strong one a little off it. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 20; f++) {
    scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  scene_add (&scene, -1, 0.5, 0.5, 0.1, 0.5);
  scene_add (&scene, 0, 0.53, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  CHECK (scene.ids[0] == 0 && scene.ids[1] == 1);
  scene_free (&scene);
}

TEST_MAIN ()
