/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "image/image.h"
#include "image/pictures.h"
#include "image/reference.h"

TEST (identity_returns_the_same_bytes)
{
  const double identity[6] = { 1, 0, 0, 0, 1, 0 };
  /* What a rotation by 2 pi may leave. */
  const double nearly[6] = { 1, 2e-16, -1e-14, -2e-16, 1 + 4e-16, 1e-14 };
  uint8_t rgb[3 * 37 * 23], out[3 * 37 * 23];
  ReidError error = REID_ERROR_INIT;

  reference_picture (rgb, 37, 23, 1);
  REQUIRE_OK (reid_image_warp_rgb (rgb, 37, 23, 111, identity, 37, 23, out, 111,
                                   &error),
              error);
  CHECK (memcmp (rgb, out, sizeof rgb) == 0);
  memset (out, 0, sizeof out);
  REQUIRE_OK (
      reid_image_warp_rgb (rgb, 37, 23, 111, nearly, 37, 23, out, 111, &error),
      error);
  CHECK (memcmp (rgb, out, sizeof rgb) == 0);
}

TEST (whole_pixel_moves_and_quarter_turns_copy)
{
  const double turn[6] = { 0, 1, 3, -1, 0, 20 };
  uint8_t rgb[3 * 37 * 23], out[3 * 15 * 12];
  ReidError error = REID_ERROR_INIT;

  reference_picture (rgb, 37, 23, 2);
  REQUIRE_OK (
      reid_image_warp_rgb (rgb, 37, 23, 111, turn, 15, 12, out, 45, &error),
      error);
  for (int y = 0; y < 12; y++)
    for (int x = 0; x < 15; x++)
      for (int c = 0; c < 3; c++)
        CHECK (out[(y * 15 + x) * 3 + c]
               == rgb[((20 - x) * 37 + y + 3) * 3 + c]);
}

TEST (enlarging_and_turning_is_bilinear)
{
  uint8_t rgb[3 * 36 * 24];
  float out[3 * 16 * 12];
  ReidTensorParams params = { .width = 16,
                              .height = 12,
                              .channels = REID_CHANNELS_BGR,
                              .mean = { 10, 20, 30 },
                              .scale = { 1, 0.5f, 2 } };
  ReidError error = REID_ERROR_INIT;

  reference_picture (rgb, 36, 24, 7);
  REQUIRE_OK (
      reid_image_warp (rgb, 36, 24, 108, warp_matrix, &params, out, &error),
      error);
  for (int i = 0; i < 16 * 12; i++)
    for (int c = 0; c < 3; c++) {
      double expected =
          (warped_16x12[3 * i + 2 - c] - params.mean[c]) * params.scale[c];
      CHECK_NEAR (out[c * 192 + i], expected, 0.06);
    }
}

TEST (outside_the_border_pixel_repeats)
{
  const double far_right[6] = { 1, 0, 500, 0, 1, 0 };
  const double far_up[6] = { 1, 0, 0, 0, 1, -1e8 };
  uint8_t rgb[3 * 8 * 8], out[3 * 8 * 8];
  ReidError error = REID_ERROR_INIT;

  reference_picture (rgb, 8, 8, 4);
  REQUIRE_OK (
      reid_image_warp_rgb (rgb, 8, 8, 24, far_right, 8, 8, out, 24, &error),
      error);
  for (int i = 0; i < 192; i++)
    CHECK (out[i] == rgb[i / 24 * 24 + 21 + i % 3]);
  REQUIRE_OK (
      reid_image_warp_rgb (rgb, 8, 8, 24, far_up, 8, 8, out, 24, &error),
      error);
  for (int i = 0; i < 192; i++)
    CHECK (out[i] == rgb[i % 24]);
}

/* 256 x 256, all channels alike. */
static uint8_t *
pattern (double period, double angle)
{
  uint8_t *rgb = malloc (3 * 256 * 256);

  for (int i = 0; i < 256 * 256; i++) {
    int x = i % 256, y = i / 256;
    double v = period == 0
                   ? 255 * ((x ^ y) & 1)
                   : 127.5
                         + 127.5
                               * sin (2 * M_PI / period
                                      * (x * cos (angle) + y * sin (angle)));
    memset (rgb + 3 * i, (int) (v + 0.5), 3);
  }
  return rgb;
}

/* The largest distance from mean grey, of the inner pixels of 64 x 64. */
static double
ripple (const uint8_t *rgb, double scale, double turn)
{
  double c = scale * cos (turn), s = scale * sin (turn);
  double m[6] = { c, -s, 127.5 - 31.5 * (c - s), s, c, 127.5 - 31.5 * (c + s) };
  float *out = malloc (sizeof *out * 64 * 64);
  ReidTensorParams params = {
    .width = 64, .height = 64, .channels = REID_CHANNELS_GRAY, .scale = { 1 }
  };
  ReidError error = REID_ERROR_INIT;
  double worst = 0;

  if (!reid_image_warp (rgb, 256, 256, 768, m, &params, out, &error)) {
    CHECK_MSG (false, "%s", error.message);
    worst = 1e9;
  }
  for (int y = 12; y < 52; y++)
    for (int x = 12; x < 52; x++)
      worst = fmax (worst, fabs (out[64 * y + x] - 127.5));
  free (out);
  return worst;
}

TEST (what_is_too_fine_comes_out_grey)
{
  static const double turns[] = { 0, 0.3, 0.785, 1.2 };

  for (int t = 0; t < 4; t++) {
    uint8_t *board = pattern (0, 0);
    CHECK_MSG (ripple (board, 4, turns[t]) < 1, "checkerboard: %g",
               ripple (board, 4, turns[t]));
    CHECK_MSG (ripple (board, 2.5, turns[t]) < 4, "checkerboard: %g",
               ripple (board, 2.5, turns[t]));
    free (board);
    /* Bilinear alone would leave about 100. */
    for (double period = 2.1; period < 3.2; period += 0.17) {
      uint8_t *waves = pattern (period, 0);
      CHECK_MSG (ripple (waves, 4, turns[t]) < 7, "waves of %g, turned %g: %g",
                 period, turns[t], ripple (waves, 4, turns[t]));
      free (waves);
    }
  }
}

TEST (what_is_coarse_stays)
{
  uint8_t *waves = pattern (40, 0.4);
  CHECK_NEAR (ripple (waves, 4, 0), 127.5, 14);
  CHECK_NEAR (ripple (waves, 1, 0.7), 127.5, 1);
  free (waves);
}

/* A plane of grey values stays one under any map, low-pass or not, and tells
 * where each output pixel came from. */
TEST (a_gradient_tells_that_positions_are_right)
{
  static const double scales[] = { 0.4, 1, 1.01, 1.7, 2, 2.3, 3.7 };
  uint8_t *rgb = malloc (3 * 256 * 256);

  for (int i = 0; i < 256 * 256; i++) {
    rgb[3 * i] = (uint8_t) (i % 256);
    rgb[3 * i + 1] = (uint8_t) (i / 256);
    rgb[3 * i + 2] = 7;
  }
  for (int k = 0; k < 7; k++) {
    double c = scales[k] * cos (0.5), s = scales[k] * sin (0.5);
    double m[6] = {
      c, -s, 127.5 - 15.5 * (c - s), s, c, 127.5 - 15.5 * (c + s)
    };
    float out[3 * 32 * 32];
    ReidTensorParams params = { .width = 32,
                                .height = 32,
                                .channels = REID_CHANNELS_RGB,
                                .scale = { 1, 1, 1 } };
    ReidError error = REID_ERROR_INIT;
    REQUIRE_OK (reid_image_warp (rgb, 256, 256, 768, m, &params, out, &error),
                error);
    /* Where the grid is not the source's, boxes cut pixels, and a pixel is as
     * grey at its edge as in its middle: up to 1/8 of the step between
     * neighbours, spread over the box. */
    double tolerance = scales[k] > 2 ? 0.125 / scales[k] : 0.03;
    for (int i = 0; i < 1024; i++) {
      int x = i % 32, y = i / 32;
      CHECK_NEAR (out[i], m[0] * x + m[1] * y + m[2], tolerance);
      CHECK_NEAR (out[1024 + i], m[3] * x + m[4] * y + m[5], tolerance);
      CHECK (out[2048 + i] == 7);
    }
  }
  free (rgb);
}

TEST (one_pixel_and_one_output)
{
  const double m[6] = { 30, 0, 0, 0, 30, 0 },
               tiny[6] = { 1e-6, 0, 5, 0, 1e-6, 5 };
  uint8_t rgb[3] = { 1, 2, 3 }, out[3 * 6], *wide;
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (reid_image_warp_rgb (rgb, 1, 1, 3, m, 3, 2, out, 9, &error),
              error);
  for (int i = 0; i < 18; i++)
    CHECK (out[i] == rgb[i % 3]);
  wide = calloc (3, 20000);
  wide[3 * 5] = 200;
  REQUIRE_OK (
      reid_image_warp_rgb (wide, 20000, 1, 60000, tiny, 1, 1, out, 3, &error),
      error);
  CHECK (out[0] == 200 && out[1] == 0);
  free (wide);
}

TEST (bad_warps_are_refused)
{
  static const double bad[][6] = {
    { 0, 0, 0, 0, 0, 0 },       { 1, 2, 0, 2, 4, 0 },
    { NAN, 0, 0, 0, 1, 0 },     { 1, 0, INFINITY, 0, 1, 0 },
    { 1e30, 0, 0, 0, 1e30, 0 }, { 1, 0, 0, 0, 0, 0 },
    { 1, 0, 0, 0, 1, -NAN },    { 1e-200, 0, 0, 0, 1e-200, 0 },
  };
  const double good[6] = { 1, 0, 0, 0, 1, 0 };
  uint8_t rgb[3 * 16] = { 0 }, out[3 * 16];
  float floats[3 * 16];
  ReidTensorParams params = { .width = 4, .height = 4, .scale = { 1, 1, 1 } };

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ReidError error = REID_ERROR_INIT;
    CHECK_MSG (
        !reid_image_warp_rgb (rgb, 4, 4, 12, bad[i], 4, 4, out, 12, &error),
        "matrix %zu", i);
    CHECK (error.status == REID_ERROR_ARGUMENT);
    CHECK (!reid_image_warp (rgb, 4, 4, 12, bad[i], &params, floats, NULL));
  }
  CHECK (reid_image_warp (rgb, 4, 4, 12, good, &params, floats, NULL));
  CHECK (!reid_image_warp_rgb (NULL, 4, 4, 12, good, 4, 4, out, 12, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 0, 4, 12, good, 4, 4, out, 12, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 4, 4, 11, good, 4, 4, out, 12, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 4, 4, 12, NULL, 4, 4, out, 12, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 4, 4, 12, good, 0, 4, out, 12, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 4, 4, 12, good, 4, 4, out, 11, NULL));
  CHECK (!reid_image_warp_rgb (rgb, 4, 4, 12, good, 4, 4, NULL, 12, NULL));
  CHECK (!reid_image_warp (rgb, 4, 4, 12, good, NULL, floats, NULL));
  CHECK (!reid_image_warp (rgb, 4, 4, 12, good, &params, NULL, NULL));
  params.mean[1] = NAN;
  CHECK (!reid_image_warp (rgb, 4, 4, 12, good, &params, floats, NULL));
}

TEST (similarity_agrees_with_the_svd)
{
  for (int i = 0; i < 6; i++) {
    double m[6];
    REQUIRE (reid_similarity (similarity_points + 10 * i, reid_arcface_template,
                              5, m));
    for (int k = 0; k < 6; k++)
      CHECK_NEAR (m[k], similarity_matrices[6 * i + k], 1e-9);
  }
}

TEST (similarity_of_two_points_is_exact)
{
  const double from[4] = { 10, 20, 10, 50 }, to[4] = { 0, 0, 10, 0 };
  double m[6];

  REQUIRE (reid_similarity (from, to, 2, m));
  CHECK_NEAR (m[0], 0, 1e-12);
  CHECK_NEAR (m[1], -3, 1e-12);
  CHECK_NEAR (m[2], 10, 1e-12);
  CHECK_NEAR (m[3], 3, 1e-12);
  CHECK_NEAR (m[4], 0, 1e-12);
  CHECK_NEAR (m[5], 20, 1e-12);
}

TEST (degenerate_points_have_no_similarity)
{
  const double equal[6] = { 5.1, 6.3, 5.1, 6.3, 5.1, 6.3 };
  const double good[6] = { 0, 0, 10, 0, 3, 7 };
  const double nan[6] = { 0, 0, 10, NAN, 3, 7 };
  const double huge[6] = { 0, 0, 1e200, 0, 3, 1e200 };
  /* A square and its mirror image: no rotation is better than another. */
  const double square[8] = { 0, 0, 1, 0, 1, 1, 0, 1 };
  const double mirrored[8] = { 1, 0, 0, 0, 0, 1, 1, 1 };
  double m[6] = { 42 };

  CHECK (!reid_similarity (equal, good, 3, m));
  CHECK (!reid_similarity (good, equal, 3, m));
  CHECK (!reid_similarity (nan, good, 3, m));
  CHECK (!reid_similarity (good, nan, 3, m));
  CHECK (!reid_similarity (good, huge, 3, m));
  CHECK (!reid_similarity (square, mirrored, 4, m));
  CHECK (!reid_similarity (good, good, 1, m));
  CHECK (!reid_similarity (good, good, 0, m));
  CHECK (!reid_similarity (NULL, good, 3, m));
  CHECK (m[0] == 42);
}

/* A face drawn at the template's place must come out there. */
TEST (alignment_puts_the_points_where_the_template_has_them)
{
  double points[10], m[6];
  uint8_t *rgb = calloc (3, 200 * 200), out[3 * 112 * 112];
  ReidError error = REID_ERROR_INIT;

  for (int i = 0; i < 5; i++) {
    double x = reid_arcface_template[2 * i],
           y = reid_arcface_template[2 * i + 1];
    points[2 * i] = 1.1 * x - 0.6 * y + 70;
    points[2 * i + 1] = 0.6 * x + 1.1 * y + 10;
    for (int dy = -4; dy <= 4; dy++)
      for (int dx = -4; dx <= 4; dx++)
        rgb[3
            * (200 * ((int) lround (points[2 * i + 1]) + dy)
               + (int) lround (points[2 * i]) + dx)] = 255;
  }
  REQUIRE (reid_similarity (points, reid_arcface_template, 5, m));
  REQUIRE_OK (
      reid_image_warp_rgb (rgb, 200, 200, 600, m, 112, 112, out, 336, &error),
      error);
  for (int i = 0; i < 5; i++) {
    double sum = 0, sx = 0, sy = 0;
    int x0 = (int) lround (reid_arcface_template[2 * i]);
    int y0 = (int) lround (reid_arcface_template[2 * i + 1]);
    for (int y = y0 - 8; y <= y0 + 8; y++)
      for (int x = x0 - 8; x <= x0 + 8; x++) {
        double v = out[3 * (112 * y + x)];
        sum += v;
        sx += v * x;
        sy += v * y;
      }
    CHECK_NEAR (sx / sum, reid_arcface_template[2 * i], 0.6);
    CHECK_NEAR (sy / sum, reid_arcface_template[2 * i + 1], 0.6);
  }
  free (rgb);
}

TEST_MAIN ()
