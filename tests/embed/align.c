/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "embed/embed.h"

static void
apply (const double m[6], double x, double y, double *u, double *v)
{
  *u = m[0] * x + m[1] * y + m[2];
  *v = m[3] * x + m[4] * y + m[5];
}

/* The template, turned by an angle, scaled and moved, in pixel edges. */
static void
place (float points[10], double angle, double scale, double x, double y)
{
  for (int i = 0; i < 10; i += 2) {
    double u = reid_arcface_template[i], v = reid_arcface_template[i + 1];
    points[i] = (float) (scale * (cos (angle) * u - sin (angle) * v) + x + 0.5);
    points[i + 1] =
        (float) (scale * (sin (angle) * u + cos (angle) * v) + y + 0.5);
  }
}

TEST (landmarks_that_are_the_template_give_its_place)
{
  float points[10];
  ReidFacePicture picture = { .landmarks = points };
  double m[6];

  for (int k = 0; k < 8; k++) {
    double angle = 0.5 * k - 2, scale = 0.4 + 0.3 * k;
    place (points, angle, scale, 20 - 5 * k, 30 + 3 * k);
    REQUIRE (reid_align (&picture, NULL, 112, 112, m));
    CHECK_NEAR (m[0], scale * cos (angle), 1e-5);
    CHECK_NEAR (m[1], -scale * sin (angle), 1e-5);
    CHECK_NEAR (m[3], scale * sin (angle), 1e-5);
    CHECK_NEAR (m[4], scale * cos (angle), 1e-5);
    CHECK_NEAR (m[2], 20 - 5 * k, 1e-3);
    CHECK_NEAR (m[5], 30 + 3 * k, 1e-3);
  }
}

/* The corners of the picture that the network sees lie where they would with
 * the 112x112 template. */
TEST (other_sizes_show_the_same_part)
{
  static const struct {
    int width, height;
    double left, top, side; /* what of 112x112 is shown */
  } sizes[] = { { 224, 224, 0, 0, 112 },
                { 56, 56, 0, 0, 112 },
                { 128, 128, 0, 0, 112 },
                { 96, 112, 8, 0, 96 } };
  float points[10];
  ReidFacePicture picture = { .landmarks = points };
  double m[6], u, v;

  place (points, 0, 1, 0, 0);
  for (int k = 0; k < 4; k++) {
    REQUIRE (reid_align (&picture, NULL, sizes[k].width, sizes[k].height, m));
    apply (m, -0.5, -0.5, &u, &v);
    CHECK_NEAR (u, sizes[k].left - 0.5, 1e-3);
    CHECK_NEAR (v, sizes[k].top - 0.5, 1e-3);
    apply (m, sizes[k].width - 0.5, -0.5, &u, &v);
    CHECK_NEAR (u, sizes[k].left + sizes[k].side - 0.5, 1e-3);
  }
}

TEST (an_own_template_is_used)
{
  static const double own[10] = { 10, 10, 30, 10, 20, 20, 12, 30, 28, 30 };
  static const double none[10] = { 0 };
  float points[10];
  ReidFacePicture picture = { .landmarks = points };
  double m[6], plain[6];

  for (int i = 0; i < 10; i++)
    points[i] = (float) (2 * own[i] + 0.5);
  REQUIRE (reid_align (&picture, own, 40, 40, m));
  CHECK_NEAR (m[0], 2, 1e-6);
  CHECK_NEAR (m[2], 0, 1e-4);
  REQUIRE (reid_align (&picture, none, 40, 40, m));
  REQUIRE (reid_align (&picture, NULL, 40, 40, plain));
  CHECK (!memcmp (m, plain, sizeof m));
}

TEST (a_box_alone_puts_the_eyes_on_the_template)
{
  ReidFacePicture picture = { .box = { 100, 50, 74, 100 } };
  double m[6], u, v;

  REQUIRE (reid_align (&picture, NULL, 112, 112, m));
  CHECK_NEAR (m[1], 0, 0.05);
  apply (m, reid_arcface_template[0], reid_arcface_template[1], &u, &v);
  CHECK_NEAR (u, 100 + 0.28 * 74, 3);
  CHECK_NEAR (v, 50 + 0.38 * 100, 3);
  apply (m, reid_arcface_template[8], reid_arcface_template[9], &u, &v);
  CHECK_NEAR (u, 100 + 0.70 * 74, 3);
  CHECK_NEAR (v, 50 + 0.73 * 100, 3);
}

TEST (landmarks_that_say_nothing_leave_the_box)
{
  float points[10] = { 0 };
  ReidFacePicture picture = { .landmarks = points,
                              .box = { 100, 50, 74, 100 } };
  double m[6], plain[6];

  picture.landmarks = NULL;
  REQUIRE (reid_align (&picture, NULL, 112, 112, plain));
  picture.landmarks = points;
  REQUIRE (reid_align (&picture, NULL, 112, 112, m));
  CHECK (!memcmp (m, plain, sizeof m));
  points[3] = NAN;
  REQUIRE (reid_align (&picture, NULL, 112, 112, m));
  CHECK (!memcmp (m, plain, sizeof m));

  picture.box[3] = -1;
  CHECK (!reid_align (&picture, NULL, 112, 112, m));
  picture.box[3] = INFINITY;
  CHECK (!reid_align (&picture, NULL, 112, 112, m));
  CHECK (!reid_align (&picture, NULL, 0, 112, m));
}

TEST (vector_of_a_track)
{
  static const float vectors[] = { 1, 0, 0, 0, 1, 0 };
  static const float weights[] = { 3, 4 }, none[] = { 0, 0 };
  static const float against[] = { 1, 0.5f, 0.25f, -1, -0.5f, -0.25f };
  static const float equal[] = { 0.1f, 0.1f };
  static const float broken[] = { 1, NAN, 0 };
  float out[3];

  REQUIRE (reid_track_vector (vectors, weights, 2, 3, out));
  CHECK (out[0] == 0.6f && out[1] == 0.8f && out[2] == 0);
  CHECK (!reid_track_vector (vectors, none, 2, 3, out));
  CHECK (!reid_track_vector (against, equal, 2, 3, out));
  CHECK (!reid_track_vector (vectors, weights, 0, 3, out));
  CHECK (!reid_track_vector (broken, weights, 1, 3, out));
  CHECK (!reid_track_vector (vectors, broken + 1, 1, 3, out));
  /* Of one vector it is the vector. */
  REQUIRE (reid_track_vector (against, weights, 1, 3, out));
  CHECK_NEAR (out[0], 1 / sqrt (1.3125), 1e-7);
}

TEST_MAIN ()
