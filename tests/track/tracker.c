/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenes with known truth. Each states how many tracks there are and how often
 * a face changes its id, exactly. */

#include "scenes.h"

static Scene scene;

TEST (constant_velocity)
{
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 200; f++) {
    scene_add (&scene, 0, 0.1 + 0.007 * f, 0.3, 0.1, 0.9);
    scene_add (&scene, 1, 1.6 - 0.007 * f, 0.7, 0.08, 0.9);
    scene_add (&scene, 2, 0.9, 0.1 + 0.004 * f, 0.05, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 3 && scene.switches == 0 && scene.untracked == 0);
  CHECK (reid_tracker_live (scene.tracker) == 3);
  scene_free (&scene);
}

TEST (small_fast_faces)
{
  /* 0.8 of its side a frame, from the first frame on. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 60; f++) {
    scene_add (&scene, 0, 0.1 + 0.024 * f, 0.3, 0.03, 0.9);
    scene_add (&scene, 1, 1.7 - 0.024 * f, 0.6, 0.03, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 2 && scene.switches == 0);
  scene_free (&scene);
}

/* Two people walk past each other; the one behind is hidden meanwhile. */
static void
crossing (double speed)
{
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 100; f++) {
    double a = 0.9 + speed * (f - 50), b = 0.9 - speed * (f - 50);

    scene_add (&scene, 0, a, 0.5, 0.12, 0.95);
    if (fabs (a - b) > 0.06)
      scene_add (&scene, 1, b, 0.48, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK_MSG (scene.highest_id == 2 && scene.switches == 0,
             "speed %g: %u tracks, %d switches", speed, scene.highest_id,
             scene.switches);
  scene_free (&scene);
}

TEST (crossing_with_occlusion)
{
  crossing (0.004);
  crossing (0.008);
  crossing (0.012);
}

TEST (missing_detections)
{
  /* Gone for `gap` frames while walking on; up to max_gap it is the same
   * track, and one frame more makes two. */
  for (int gap = 1; gap <= 12; gap++) {
    ReidTrackerOptions options;

    reid_tracker_options_init (&options);
    options.max_gap = 10;
    scene_init (&scene, REID_TRACK_ALL, &options);
    for (int f = 0; f < 60; f++) {
      if (f < 20 || f >= 20 + gap)
        scene_add (&scene, 0, 0.2 + 0.01 * f, 0.5, 0.1, 0.9);
      scene_frame (&scene);
      CHECK (scene.n_ended == (gap > 10 && f == 30));
      CHECK (scene.n_ended == 0 || scene.ended[0] == 1);
    }
    CHECK_MSG (scene.switches == (gap > 10), "gap %d", gap);
    CHECK (scene.highest_id == (gap > 10 ? 2 : 1));
    scene_free (&scene);
  }
}

TEST (no_gap_at_all)
{
  ReidTrackerOptions options;

  reid_tracker_options_init (&options);
  options.max_gap = 0;
  scene_init (&scene, REID_TRACK_ALL, &options);
  scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  CHECK (reid_tracker_live (scene.tracker) == 1);
  scene_frame (&scene);
  CHECK (scene.n_ended == 1 && reid_tracker_live (scene.tracker) == 0);
  scene_free (&scene);
}

TEST (jitter_and_scale_noise)
{
  uint64_t state = 3;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 500; f++) {
    for (int p = 0; p < 5; p++) {
      double side = 0.08 * (1 + 0.15 * jitter (&state));

      if (test_random (&state) % 10 == 0)
        continue;
      scene_add (
          &scene, p,
          0.2 + 0.3 * p + 0.05 * sin (0.05 * f + p) + 0.008 * jitter (&state),
          0.5 + 0.008 * jitter (&state), side, 0.8 + 0.1 * jitter (&state));
    }
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 5 && scene.switches == 0 && scene.untracked == 0);
  scene_free (&scene);
}

TEST (false_positives_come_and_go)
{
  uint64_t state = 4;
  int false_ones = 0;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 240; f++) {
    for (int p = 0; p < 3; p++)
      scene_add (&scene, p, 0.3 + 0.5 * p, 0.3 + 0.002 * f, 0.1, 0.9);
    /* One every 40 frames, so that no track of an earlier one is left. */
    if (f % 40 == 20 && f < 200) {
      scene_add (&scene, -1, 0.1 + 1.5 * test_uniform (&state), 0.9, 0.06, 0.7);
      false_ones++;
    }
    scene_frame (&scene);
  }
  CHECK (scene.switches == 0 && scene.untracked == 0);
  CHECK (scene.highest_id == 3 + (uint32_t) false_ones);
  CHECK (scene.all_ended == false_ones);
  scene_free (&scene);
}

TEST (weak_detections_start_nothing)
{
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 10; f++) {
    scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.59);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 0 && scene.untracked == 10);
  scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.6);
  scene_frame (&scene);
  CHECK (scene.highest_id == 1 && scene.untracked == 10);
  scene_free (&scene);
}

TEST (detector_on_every_third_frame)
{
  uint64_t state = 5;
  ReidTrackerOptions options;

  reid_tracker_options_init (&options);
  options.max_gap = 2; /* detector runs, not frames */
  scene_init (&scene, REID_TRACK_ALL, &options);
  for (int f = 0; f < 300; f++) {
    if (f % 3 != 0) {
      reid_tracker_skip (scene.tracker);
      continue;
    }
    for (int p = 0; p < 4; p++)
      if (f % 30 != 21 && f % 30 != 24)
        scene_add (&scene, p,
                   0.2 + 0.4 * p + 0.1 * sin (0.03 * f)
                       + 0.003 * jitter (&state),
                   0.2 + 0.002 * f, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK_MSG (scene.highest_id == 4 && scene.switches == 0,
             "%u tracks, %d switches", scene.highest_id, scene.switches);
  scene_free (&scene);
}

TEST (camera_pan)
{
  /* Ten still people, the camera swings back and forth over them. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 200; f++) {
    double pan = 0.25 * sin (0.08 * f);

    for (int p = 0; p < 10; p++)
      scene_add (&scene, p, 0.25 + 0.14 * p + pan, 0.4 + 0.1 * (p % 2), 0.05,
                 0.9);
    scene_frame (&scene);
  }
  CHECK_MSG (scene.highest_id == 10 && scene.switches == 0,
             "%u tracks, %d switches", scene.highest_id, scene.switches);
  scene_free (&scene);
}

TEST (hundreds_of_tracks)
{
  uint64_t state = 6;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 60; f++) {
    for (int p = 0; p < 400; p++)
      if (test_random (&state) % 20 != 0)
        scene_add (&scene, p,
                   0.05 + 0.07 * (p % 25)
                       + 0.01 * sin (0.1 * f + (double) (p % 7))
                       + 0.001 * jitter (&state),
                   0.03 + 0.06 * (p / 25) + 0.001 * jitter (&state), 0.03, 0.9);
    scene_frame (&scene);
  }
  CHECK_MSG (scene.highest_id == 400 && scene.switches == 0,
             "%u tracks, %d switches", scene.highest_id, scene.switches);
  scene_free (&scene);
}

TEST (nobody)
{
  ReidError error = REID_ERROR_INIT;
  ReidFace face;
  int n_ended = 7;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 100; f++) {
    reid_tracker_skip (scene.tracker);
    CHECK (reid_tracker_update (scene.tracker, NULL, 0, ASPECT, NULL, NULL,
                                &n_ended, &error));
    CHECK (n_ended == 0);
  }
  CHECK (!reid_tracker_predict (scene.tracker, 1, &face));
  reid_tracker_close (scene.tracker, NULL, &n_ended);
  CHECK (n_ended == 0);
  scene_free (&scene);
}

TEST (faces_that_cannot_be)
{
  static const ReidFace odd[] = {
    { NAN, 0, 0.1f, 0.1f, 0.9f },
    { 0, NAN, 0.1f, 0.1f, 0.9f },
    { 0, 0, NAN, 0.1f, 0.9f },
    { 0, 0, 0.1f, NAN, 0.9f },
    { 0, 0, 0.1f, 0.1f, NAN },
    { 0, 0, 0.1f, 0.1f, INFINITY },
    { 0, 0, -0.1f, 0.1f, 0.9f },
    { 0, 0, 0.1f, -0.1f, 0.9f },
    { 0, 0, 0, 0.1f, 0.9f },
    { 0, 0, 0.1f, 0, 0.9f },
    { 0, 0, INFINITY, 0.1f, 0.9f },
    { -INFINITY, 0, 0.1f, 0.1f, 0.9f },
    { 0, 0, 1e30f, 1e30f, 0.9f },
    { 1e30f, 0, 0.1f, 0.1f, 0.9f },
    { 0, 0, 1e-40f, 1e-40f, 0.9f },
    { 0, 0, 3e38f, 3e38f, 0.9f },
    { -3e38f, -3e38f, 3e38f, 1, 0.9f },
  };
  enum { N = sizeof odd / sizeof *odd };

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 50; f++) {
    for (int i = 0; i < N; i++) {
      scene.faces[scene.n] = odd[(i + f) % N];
      scene.who[scene.n++] = -1;
      if (i == N / 2)
        scene_add (&scene, 0, 0.5 + 0.01 * f, 0.5, 0.1, 0.9);
    }
    scene_frame (&scene);
    for (int i = 0; i <= N; i++)
      CHECK (scene.ids[i] == (i == N / 2 + 1 ? 1u : 0u));
  }
  CHECK (scene.switches == 0 && reid_tracker_live (scene.tracker) == 1);
  scene_free (&scene);
}

TEST (extreme_but_possible_faces)
{
  uint64_t state = 8;

  /* Whatever comes, ids stay in order and predictions stay numbers. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 300; f++) {
    for (int i = 0; i < 20; i++) {
      scene.faces[scene.n] =
          (ReidFace){ .left = (float) (32 * test_uniform (&state) - 16),
                      .top = (float) (32 * test_uniform (&state) - 16),
                      .width = (float) pow (10, 7 * test_uniform (&state) - 6),
                      .height = (float) pow (10, 7 * test_uniform (&state) - 6),
                      .score = (float) (4 * test_uniform (&state) - 1) };
      scene.who[scene.n++] = -1;
    }
    scene_frame (&scene);
    for (int i = 0; i < 3; i++)
      reid_tracker_skip (scene.tracker);
    for (uint32_t id = 1; id <= scene.highest_id; id++) {
      ReidFace p;

      if (reid_tracker_predict (scene.tracker, id, &p))
        CHECK (isfinite (p.left) && isfinite (p.top) && p.width > 0
               && p.height > 0 && isfinite (p.width) && isfinite (p.height));
    }
  }
  scene_free (&scene);
}

TEST (equal_boxes)
{
  /* Twice the same face: two tracks, and they stay two. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 30; f++) {
    scene_add (&scene, 0, 0.5 + 0.01 * f, 0.5, 0.1, 0.9);
    scene_add (&scene, 1, 0.5 + 0.01 * f, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 2 && scene.switches == 0);
  scene_free (&scene);
}

TEST (same_ids_every_time)
{
  uint64_t first = 0;

  for (int run = 0; run < 3; run++) {
    uint64_t state = 9, hash = 1469598103934665603u;

    scene_init (&scene, REID_TRACK_ALL, NULL);
    for (int f = 0; f < 200; f++) {
      for (int p = 0; p < 40; p++) {
        double x = test_uniform (&state), y = test_uniform (&state);

        scene_add (&scene, -1, x * ASPECT, y,
                   0.2 * test_uniform (&state) + 0.01, test_uniform (&state));
      }
      scene_frame (&scene);
      for (int i = 0; i < 40; i++)
        hash = (hash ^ scene.ids[i]) * 1099511628211u;
      for (int i = 0; i < scene.n_ended; i++)
        hash = (hash ^ scene.ended[i]) * 1099511628211u;
    }
    if (run == 0)
      first = hash;
    CHECK (hash == first);
    scene_free (&scene);
  }
}

TEST (ended_ids_rise_and_close_ends_all)
{
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int p = 0; p < 8; p++)
    scene_add (&scene, p, 0.1 + 0.2 * p, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  for (int f = 0; f < 31; f++) {
    for (int p = 1; p < 8; p += 2)
      scene_add (&scene, p, 0.1 + 0.2 * p, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  REQUIRE (scene.n_ended == 4);
  for (uint32_t i = 0; i < 4; i++)
    CHECK (scene.ended[i] == 2 * i + 1);
  reid_tracker_close (scene.tracker, scene.ended, &scene.n_ended);
  REQUIRE (scene.n_ended == 4);
  for (uint32_t i = 0; i < 4; i++)
    CHECK (scene.ended[i] == 2 * i + 2);
  CHECK (reid_tracker_live (scene.tracker) == 0);
  /* Ids go on after it. */
  scene_add (&scene, -1, 0.1, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  CHECK (scene.ids[0] == 9);
  scene_free (&scene);
}

TEST (prediction)
{
  ReidFace p, seen = { 0 };

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 40; f++) {
    scene_add (&scene, 0, 0.2 + 0.01 * f, 0.5, 0.1, 0.9);
    scene.faces[0].has_landmarks = true;
    scene.faces[0].landmarks[0] = 0.25f;
    seen = scene.faces[0];
    scene_frame (&scene);
  }
  REQUIRE (reid_tracker_predict (scene.tracker, 1, &p));
  CHECK (p.left == seen.left && p.top == seen.top && p.width == seen.width
         && p.height == seen.height && p.score == seen.score && p.has_landmarks
         && p.landmarks[0] == 0.25f);
  for (int k = 1; k <= 5; k++) {
    reid_tracker_skip (scene.tracker);
    REQUIRE (reid_tracker_predict (scene.tracker, 1, &p));
    CHECK_NEAR ((p.left + p.width / 2) * ASPECT, 0.59 + 0.01 * k, 0.003);
    CHECK_NEAR (p.top + p.height / 2, 0.5, 1e-4);
    CHECK_NEAR (p.height, 0.1, 0.002);
    CHECK (!p.has_landmarks && p.score == 0.9f);
  }
  CHECK (!reid_tracker_predict (scene.tracker, 2, &p));
  CHECK (!reid_tracker_predict (scene.tracker, 0, &p));
  scene_free (&scene);
}

TEST (another_aspect_keeps_ids)
{
  ReidError error = REID_ERROR_INIT;
  ReidFace face = { 0.4f, 0.4f, 0.1f, 0.1f, 0.9f };
  uint32_t id, ended[1];
  int n_ended;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 30; f++) {
    REQUIRE_OK (reid_tracker_update (scene.tracker, &face, 1,
                                     f < 15 ? 16.0 / 9 : 9.0 / 16, &id, ended,
                                     &n_ended, &error),
                error);
    CHECK (id == 1 && n_ended == 0);
    face.left += 0.004f;
  }
  scene_free (&scene);
}

TEST (bad_arguments_change_nothing)
{
  static const double aspects[] = { NAN, 0, -1, INFINITY, 1e9, 1e-9 };
  ReidFace face = face_at (0.5, 0.5, 0.1, 0.9);
  uint32_t id = 5, ended[1];
  int n_ended = 5;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  for (int i = 0; i < 6; i++) {
    ReidError error = REID_ERROR_INIT;

    CHECK (!reid_tracker_update (scene.tracker, &face, 1, aspects[i], &id,
                                 ended, &n_ended, &error));
    CHECK (error.status == REID_ERROR_ARGUMENT && error.message[0]);
    CHECK (n_ended == 0);
  }
  CHECK (!reid_tracker_update (scene.tracker, &face, -1, ASPECT, &id, ended,
                               &n_ended, NULL));
  CHECK (reid_tracker_live (scene.tracker) == 1);
  scene_free (&scene);
}

TEST (odd_options_are_put_right)
{
  ReidTrackerOptions options = { NAN, NAN, -5 };

  scene_init (&scene, REID_TRACK_ALL, &options);
  for (int f = 0; f < 5; f++) {
    scene_add (&scene, 0, 0.5 + 0.01 * f, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 1);
  options = (ReidTrackerOptions){ 2, 0.6f, INT32_MAX };
  reid_tracker_configure (scene.tracker, &options);
  for (int f = 5; f < 100; f++) {
    if (f > 90)
      scene_add (&scene, 0, 0.54, 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 1);
  scene_free (&scene);
}

TEST (no_end_of_new_faces)
{
  enum { N = 2100 };
  static ReidFace faces[N];
  static uint32_t ids[N], ended[8192];
  ReidError error = REID_ERROR_INIT;
  int n_ended, live = 0;

  /* More faces than are tracked, none of them where one was before. */
  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 6; f++) {
    for (int i = 0; i < N; i++)
      faces[i] =
          (ReidFace){ .left = (float) (i % 60) / 60,
                      .top = (float) (i / 60) / 40 + (f & 1 ? 0.012f : 0),
                      .width = 0.004f,
                      .height = 0.004f,
                      .score = 0.9f };
    REQUIRE_OK (reid_tracker_update (scene.tracker, faces, N, 1, ids, ended,
                                     &n_ended, &error),
                error);
    CHECK (n_ended <= live);
    live = reid_tracker_live (scene.tracker);
    CHECK (live == 2048);
    CHECK (ids[2047] != 0 && ids[2048] == 0 && ids[N - 1] == 0);
  }
  scene_free (&scene);
}

TEST (thousands_of_frames)
{
  uint64_t state = 11;

  scene_init (&scene, REID_TRACK_ALL, NULL);
  for (int f = 0; f < 20000; f++) {
    if (test_random (&state) % 8 != 0)
      scene_add (&scene, 0, 0.9 + 0.5 * sin (0.01 * f), 0.5, 0.1, 0.9);
    scene_frame (&scene);
  }
  CHECK (scene.highest_id == 1);
  scene_free (&scene);
}

TEST (a_very_long_skip)
{
  scene_init (&scene, REID_TRACK_ALL, NULL);
  scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  scene_add (&scene, 0, 0.5, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  scene_frame (&scene); /* missed once, so that the gap is walked again */
  for (int f = 0; f < 100000; f++)
    reid_tracker_skip (scene.tracker);
  scene_add (&scene, 0, 0.52, 0.5, 0.1, 0.9);
  scene_frame (&scene);
  CHECK (scene.highest_id == 1);
  scene_free (&scene);
}

TEST_MAIN ()
