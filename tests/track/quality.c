/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pictures.h"

static ReidQuality
quality_of (const Picture *p, const ReidFace *face)
{
  ReidQuality q;

  memset (&q, 0xff, sizeof q);
  reid_quality (&p->image, face, &q);
  const float *all[] = { &q.score,       &q.size,     &q.sharpness,
                         &q.frontalness, &q.exposure, &q.total };
  for (int i = 0; i < 6; i++)
    CHECK_MSG (*all[i] >= 0 && *all[i] <= 1, "term %d is %g", i, *all[i]);
  return q;
}

static float
frontalness_of (double yaw, double pitch, double tall, double roll)
{
  ReidFace face = { 0.4f, 0.4f, 0.2f, 0.3f, 0.9f };
  Picture p;
  float f;

  picture_init (&p, 160, 90);
  picture_fill (&p, 0, 255, 1);
  put_landmarks (&face, 16.0 / 9, 0.9, 0.5, 0.1, yaw, pitch, tall, roll);
  f = quality_of (&p, &face).frontalness;
  picture_free (&p);
  return f;
}

TEST (total_is_the_geometric_mean)
{
  ReidFace face = { 0.2f, 0.2f, 0.3f, 0.4f, 0.8f };
  Picture p;

  picture_init (&p, 200, 150);
  picture_fill (&p, 100, 150, 1);
  put_landmarks (&face, 4.0 / 3, 0.45, 0.35, 0.15, 0.1, 0, 1, 0);
  ReidQuality q = quality_of (&p, &face);
  CHECK (q.score == 0.8f);
  CHECK_NEAR (q.size, 60.0 / 112, 1e-6);
  CHECK (q.exposure == 1);
  CHECK (q.sharpness > 0.3 && q.sharpness < 1);
  CHECK (q.frontalness > 0.8 && q.frontalness < 1);
  CHECK_NEAR (q.total,
              pow ((double) q.score * q.size * q.sharpness
                       * fmax (q.frontalness, .05) * q.exposure,
                   0.2),
              1e-6);
  picture_free (&p);
}

TEST (size_saturates_at_112)
{
  Picture p;
  float last = 0;

  picture_init (&p, 400, 400);
  picture_fill (&p, 0, 255, 1);
  for (int side = 8; side <= 240; side += 8) {
    ReidFace face = { 0.1f, 0.1f, (float) side / 400, 0.9f, 0.9f };
    float size = quality_of (&p, &face).size;

    CHECK_NEAR (size, side < 112 ? side / 112.0 : 1, 1e-6);
    CHECK (size > last || last == 1);
    last = size;
    face.width = 0.9f;
    face.height = (float) side / 400; /* the shorter side counts */
    CHECK (quality_of (&p, &face).size == size);
  }
  picture_free (&p);
}

TEST (sharpness_rises_with_contrast_and_falls_with_blur)
{
  ReidFace face = { 0.25f, 0.25f, 0.5f, 0.5f, 0.9f };
  Picture p;
  float last = 0;

  picture_init (&p, 256, 256);
  for (int c = 0; c <= 100; c += 20) {
    picture_fill (&p, 128 - c, 128 + c, 1);
    float sharp = quality_of (&p, &face).sharpness;

    CHECK (c == 0 ? sharp == 0 : sharp > last);
    last = sharp;
  }
  CHECK (last > 0.5f);
  /* A box blur, again and again. */
  for (int round = 0; round < 4; round++) {
    uint8_t *blurred = malloc (256 * 256 * 3);

    memcpy (blurred, p.rgb, 256 * 256 * 3);
    for (int y = 1; y < 255; y++)
      for (int x = 1; x < 255; x++) {
        int sum = 0;

        for (int dy = -1; dy <= 1; dy++)
          for (int dx = -1; dx <= 1; dx++)
            sum += p.rgb[3 * ((y + dy) * 256 + x + dx)];
        memset (blurred + 3 * (y * 256 + x), sum / 9, 3);
      }
    memcpy (p.rgb, blurred, 256 * 256 * 3);
    free (blurred);
    float sharp = quality_of (&p, &face).sharpness;

    CHECK (sharp < last);
    last = sharp;
  }
  picture_free (&p);
}

TEST (frontal_face_is_one)
{
  CHECK (frontalness_of (-0.003, -0.572 + 1.1565 / 2, 1, 0) > 0.995f);
  CHECK (frontalness_of (0, 0, 1, 0) > 0.98f);
}

TEST (frontalness_falls_with_every_turn)
{
  for (int sign = -1; sign <= 1; sign += 2) {
    float yaw = 2, pitch = 2, tall = 2;

    for (int i = 0; i <= 6; i++) {
      float y = frontalness_of (-0.003 + sign * 0.08 * i, 0, 1, 0);
      float p = frontalness_of (0, 0.0063 + sign * 0.09 * i, 1, 0);
      float t = frontalness_of (0, 0, pow (1.2, sign * i), 0);

      CHECK_MSG (y < yaw, "yaw %d: %g, %g", i, y, yaw);
      CHECK_MSG (p < pitch, "pitch %d: %g, %g", i, p, pitch);
      CHECK_MSG (t < tall, "tall %d: %g, %g", i, t, tall);
      yaw = y;
      pitch = p;
      tall = t;
    }
    /* In profile, or nose at the eyes or at the mouth. */
    CHECK (frontalness_of (sign * 0.51, 0, 1, 0) == 0);
    CHECK (frontalness_of (0, sign * 0.6, 1, 0) == 0);
  }
}

TEST (roll_does_not_matter)
{
  float want = frontalness_of (0.1, 0.05, 1.1, 0);

  for (int i = 1; i < 12; i++)
    CHECK_NEAR (frontalness_of (0.1, 0.05, 1.1, i * M_PI / 6), want, 1e-4);
}

TEST (pose_has_a_sign)
{
  ReidFace face = { 0.4f, 0.4f, 0.2f, 0.3f, 0.9f };
  ReidPose right, left;

  put_landmarks (&face, 1, 0.5, 0.5, 0.1, 0.2, 0.1, 1, 0);
  CHECK (reid_face_pose (&face, 1, &right));
  put_landmarks (&face, 1, 0.5, 0.5, 0.1, -0.2, -0.1, 1, 0);
  CHECK (reid_face_pose (&face, 1, &left));
  CHECK_NEAR (right.yaw, 0.203, 1e-4);
  CHECK_NEAR (left.yaw, -0.197, 1e-4);
  CHECK_NEAR (right.pitch, 0.672 / 1.1565 - 0.5, 1e-4);
  CHECK_NEAR (left.pitch, 0.472 / 1.1565 - 0.5, 1e-4);
  CHECK_NEAR (right.tall, 1.1565, 1e-3);
}

TEST (landmarks_that_are_no_face)
{
  ReidFace face = { 0.4f, 0.4f, 0.2f, 0.3f, 0.9f };
  Picture p;

  picture_init (&p, 90, 90);
  picture_fill (&p, 0, 255, 1);
  CHECK (quality_of (&p, &face).frontalness == 0.5f);
  face.has_landmarks = true; /* all in one point */
  CHECK (quality_of (&p, &face).frontalness == 0);
  for (int i = 0; i < 10; i++) {
    put_landmarks (&face, 1, 0.5, 0.5, 0.1, 0, 0, 1, 0);
    face.landmarks[i] = i & 1 ? NAN : INFINITY;
    CHECK (quality_of (&p, &face).frontalness == 0);
  }
  /* Mouth above the eyes; eyes in one point; mouth in line with the eyes. */
  put_landmarks (&face, 1, 0.5, 0.5, 0.1, 0, 0, -1, 0);
  CHECK (quality_of (&p, &face).frontalness == 0);
  put_landmarks (&face, 1, 0.5, 0.5, 0.1, 0, 0, 1, 0);
  face.landmarks[2] = face.landmarks[0];
  face.landmarks[3] = face.landmarks[1];
  CHECK (quality_of (&p, &face).frontalness == 0);
  put_landmarks (&face, 1, 0.5, 0.5, 0.1, 0, 0, 0, 0);
  CHECK (quality_of (&p, &face).frontalness == 0);
  /* Enormous, but finite. */
  for (int i = 0; i < 10; i++)
    face.landmarks[i] = (float) upright[i] * 1e38f;
  quality_of (&p, &face);
  picture_free (&p);
}

TEST (exposure_of_flat_pictures)
{
  ReidFace face = { 0.1f, 0.1f, 0.8f, 0.8f, 0.9f };
  Picture p;

  picture_init (&p, 100, 100);
  for (int v = 0; v < 256; v++) {
    double middle = v < 64 ? v / 64.0 : v > 192 ? (255 - v) / 63.0 : 1;
    double want = v <= 8 || v >= 247 ? 0 : middle;

    picture_fill (&p, v, v, 1);
    ReidQuality q = quality_of (&p, &face);
    /* RGB to luma rounds once, at the two ends of the range. */
    if (v != 9 && v != 246)
      CHECK_MSG (fabs (q.exposure - want) < 0.02, "%d: %g, not %g", v,
                 q.exposure, want);
    CHECK (q.sharpness == 0 && q.total == 0);
  }
  picture_free (&p);
}

TEST (clipped_pixels_count)
{
  ReidFace face = { 0, 0, 1, 1, 0.9f };
  Picture p;

  /* The lower part is white. */
  picture_init (&p, 64, 64);
  for (int rows = 0; rows <= 16; rows += 4) {
    picture_fill (&p, 128, 128, 1);
    memset (p.rgb + 3 * 64 * (64 - rows), 255, 3 * 64 * (size_t) rows);
    CHECK_NEAR (quality_of (&p, &face).exposure, 1 - rows / 64.0, 1e-5);
  }
  picture_free (&p);
}

TEST (faces_that_cannot_be)
{
  static const ReidFace odd[] = {
    { NAN, 0, 0.1f, 0.1f, 0.9f },  { 0, 0, NAN, 0.1f, 0.9f },
    { 0, 0, -0.1f, 0.1f, 0.9f },   { 0, 0, 0.1f, 0, 0.9f },
    { 0, 0, 1e30f, 1e30f, 0.9f },  { 0, 0, 0.1f, 0.1f, NAN },
    { 1e9f, 0, 0.1f, 0.1f, 0.9f },
  };
  ReidFace fine = { 0.1f, 0.1f, 0.5f, 0.5f, 0.9f };
  Picture p;

  picture_init (&p, 40, 30);
  picture_fill (&p, 0, 255, 1);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    ReidQuality q = quality_of (&p, &odd[i]), none = { 0 };

    CHECK (memcmp (&q, &none, sizeof q) == 0);
  }
  /* Scores beyond the range, boxes beyond the frame, pictures of a pixel. */
  fine.score = 7;
  CHECK (quality_of (&p, &fine).score == 1);
  fine.score = -7;
  CHECK (quality_of (&p, &fine).score == 0);
  fine = (ReidFace){ -8, -8, 16, 16, 0.9f };
  quality_of (&p, &fine);
  fine = (ReidFace){ 15, 15, 1e-6f, 1e-6f, 0.9f };
  quality_of (&p, &fine);
  p.image.width = p.image.height = 1;
  fine = (ReidFace){ 0, 0, 1, 1, 0.9f };
  CHECK (quality_of (&p, &fine).sharpness == 0);
  p.image.width = 0;
  CHECK (quality_of (&p, &fine).total == 0);
  picture_free (&p);
}

TEST_MAIN ()
