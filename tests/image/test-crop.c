/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "image/pictures.h"
#include "image/reference.h"

static Frame
random_rgb (int width, int height, uint32_t seed)
{
  Frame f;
  uint8_t *rgb = malloc ((size_t) (3 * width * height));

  reference_picture (rgb, width, height, seed);
  frame_init (&f, REID_PIXEL_RGBX, width, height, 0);
  frame_from_rgb (&f, rgb);
  free (rgb);
  return f;
}

static int
sample (const Frame *f, int x, int y, int c)
{
  x = x < 0 ? 0 : x >= f->image.width ? f->image.width - 1 : x;
  y = y < 0 ? 0 : y >= f->image.height ? f->image.height - 1 : y;
  return f->image.plane[0][y * f->image.stride[0] + 4 * x + c];
}

TEST (a_crop_of_whole_pixels_is_a_copy)
{
  Frame f = random_rgb (50, 40, 1);
  ReidRect rect = { 7, 5, 30, 20 };
  uint8_t out[20 * 100];
  ReidError error = REID_ERROR_INIT;

  memset (out, 99, sizeof out);
  REQUIRE_OK (reid_image_crop_rgb (&f.image, &rect, 30, 20, out, 100, &error),
              error);
  for (int y = 0; y < 20; y++)
    for (int x = 0; x < 100; x++)
      CHECK (out[y * 100 + x]
             == (x < 90 ? sample (&f, 7 + x / 3, 5 + y, x % 3) : 99));
  frame_clear (&f);
}

TEST (beyond_the_frame_the_border_pixel_repeats)
{
  Frame f = random_rgb (20, 10, 2);
  ReidRect rect = { -6, -4, 40, 20 };
  uint8_t out[40 * 20 * 3];
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (reid_image_crop_rgb (&f.image, &rect, 40, 20, out, 120, &error),
              error);
  for (int y = 0; y < 20; y++)
    for (int x = 0; x < 40; x++)
      for (int c = 0; c < 3; c++)
        CHECK (out[(y * 40 + x) * 3 + c] == sample (&f, x - 6, y - 4, c));
  frame_clear (&f);
}

TEST (a_crop_wholly_outside_is_the_nearest_pixels)
{
  Frame f = random_rgb (20, 10, 3);
  static const struct {
    ReidRect rect;
    int x, y;
  } cases[] = { { { 100, 50, 33, 7 }, 19, 9 },
                { { -100, -50, 33, 7 }, 0, 0 },
                { { 1e6, -1e6, 1e6, 0.5 }, 19, 0 },
                { { -1e6, -9, 1e-9, 1 }, 0, 0 } };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint8_t out[3 * 12];
    ReidError error = REID_ERROR_INIT;
    REQUIRE_OK (
        reid_image_crop_rgb (&f.image, &cases[i].rect, 4, 3, out, 12, &error),
        error);
    for (int k = 0; k < 36; k++)
      CHECK (out[k] == sample (&f, cases[i].x, cases[i].y, k % 3));
  }
  frame_clear (&f);
}

/* In double, straight from the definition: shares of the box. */
static double
boxed (const Frame *f, const ReidRect *r, int out_width, int out_height, int x,
       int y, int c)
{
  double sx = r->width / out_width, sy = r->height / out_height;
  double wx = fmax (sx, 1), wy = fmax (sy, 1), sum = 0;
  double a = r->left + (x + 0.5) * sx - wx / 2;
  double b = r->top + (y + 0.5) * sy - wy / 2;

  for (int j = (int) floor (b); j < b + wy; j++)
    for (int i = (int) floor (a); i < a + wx; i++)
      sum += (fmin (i + 1, a + wx) - fmax (i, a))
             * (fmin (j + 1, b + wy) - fmax (j, b)) * sample (f, i, j, c);
  return sum / (wx * wy);
}

TEST (fractional_rectangles_weigh_cut_pixels)
{
  static const ReidRect rects[] = { { 3.25, 4.5, 20.5, 17.75 },
                                    { -5.5, 30.1, 60.3, 20.2 },
                                    { 10.1, 10.2, 3.3, 2.2 },
                                    { 0.3, 0.6, 39, 6.5 },
                                    { -20, -20, 100, 100 } };

  Frame f = random_rgb (50, 40, 5);
  for (size_t k = 0; k < sizeof rects / sizeof rects[0]; k++) {
    uint8_t out[13 * 11 * 3];
    ReidError error = REID_ERROR_INIT;
    REQUIRE_OK (
        reid_image_crop_rgb (&f.image, &rects[k], 13, 11, out, 39, &error),
        error);
    for (int i = 0; i < 13 * 11 * 3; i++) {
      int p = i / 3;
      CHECK_NEAR (out[i], boxed (&f, &rects[k], 13, 11, p % 13, p / 13, i % 3),
                  0.55);
    }
  }
  frame_clear (&f);
}

TEST (luma_is_full_range_whatever_the_frame_is)
{
  static const int formats[] = { REID_PIXEL_NV12, REID_PIXEL_P010_10LE,
                                 REID_PIXEL_GRAY8 };

  for (int k = 0; k < 3; k++) {
    int unit = formats[k] == REID_PIXEL_P010_10LE ? 4 : 1;
    ReidRect rect = { 0, 0, 256, 1 };
    uint8_t out[256];
    ReidError error = REID_ERROR_INIT;
    Frame f;

    frame_init (&f, (ReidPixelFormat) formats[k], 256, 1, 0);
    for (int x = 0; x < 256; x++)
      frame_put (&f, 0, x, 0, x * unit);
    REQUIRE_OK (
        reid_image_crop_luma (&f.image, &rect, 256, 1, out, 256, &error),
        error);
    for (int x = 0; x < 256; x++)
      CHECK_NEAR (out[x], fmin (fmax ((x - 16) * 255. / 219, 0), 255), 0.501);
    frame_clear (&f);
  }

  Frame f = random_rgb (9, 4, 8);
  ReidRect rect = { 0, 0, 9, 4 };
  uint8_t out[36];
  ReidError error = REID_ERROR_INIT;
  REQUIRE_OK (reid_image_crop_luma (&f.image, &rect, 9, 4, out, 9, &error),
              error);
  for (int i = 0; i < 36; i++)
    CHECK_NEAR (out[i],
                0.299 * sample (&f, i % 9, i / 9, 0)
                    + 0.587 * sample (&f, i % 9, i / 9, 1)
                    + 0.114 * sample (&f, i % 9, i / 9, 2),
                0.501);
  frame_clear (&f);
}

TEST (bad_crops_are_refused)
{
  Frame f = random_rgb (8, 8, 1);
  uint8_t out[3 * 64];
  static const ReidRect bad[] = { { NAN, 0, 4, 4 },       { 0, NAN, 4, 4 },
                                  { 0, 0, NAN, 4 },       { 0, 0, 4, NAN },
                                  { 0, 0, 0, 4 },         { 0, 0, 4, -1 },
                                  { INFINITY, 0, 4, 4 },  { 0, 0, INFINITY, 4 },
                                  { 0, 1e300, 4, 4 },     { 0, 0, 4, 1e12 },
                                  { -INFINITY, 0, 1, 1 }, { 0, -2e6, 1, 1 } };
  const ReidRect good = { 0, 0, 8, 8 };

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ReidError error = REID_ERROR_INIT;
    CHECK (!reid_image_crop_rgb (&f.image, &bad[i], 8, 8, out, 24, &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    CHECK (!reid_image_crop_luma (&f.image, &bad[i], 8, 8, out, 24, NULL));
  }
  CHECK (reid_image_crop_rgb (&f.image, &good, 8, 8, out, 24, NULL));
  CHECK (!reid_image_crop_rgb (&f.image, NULL, 8, 8, out, 24, NULL));
  CHECK (!reid_image_crop_rgb (&f.image, &good, 0, 8, out, 24, NULL));
  CHECK (!reid_image_crop_rgb (&f.image, &good, 8, 16385, out, 24, NULL));
  CHECK (!reid_image_crop_rgb (&f.image, &good, 8, 8, out, 23, NULL));
  CHECK (!reid_image_crop_rgb (&f.image, &good, 8, 8, NULL, 24, NULL));
  CHECK (!reid_image_crop_rgb (NULL, &good, 8, 8, out, 24, NULL));
  CHECK (!reid_image_thumbnail (&f.image, 0, 8, out, NULL));
  CHECK (!reid_image_thumbnail (&f.image, 8, 8, NULL, NULL));
  frame_clear (&f);
}

/* Smooth enough that a few samples of a cell say what its mean is. */
TEST (thumbnail_is_close_to_the_mean_of_its_cells)
{
  static const int formats[] = { REID_PIXEL_I420, REID_PIXEL_Y444_10LE,
                                 REID_PIXEL_RGB };

  for (int k = 0; k < 3; k++) {
    bool rgb = formats[k] == REID_PIXEL_RGB;
    int unit = formats[k] == REID_PIXEL_Y444_10LE ? 4 : 1;
    Frame f;

    frame_init (&f, (ReidPixelFormat) formats[k], 301, 203, 0);
    f.image.full_range = true;
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < reid_plane_height (&f.image, rgb ? 0 : c); y++)
        for (int x = 0; x < reid_plane_width (&f.image, rgb ? 0 : c); x++)
          frame_put (&f, c, x, y,
                     unit * (c && !rgb ? 128 : (x * 200 / 301 + y / 4)));
    uint8_t out[40 * 30 * 3];
    ReidError error = REID_ERROR_INIT;
    REQUIRE_OK (reid_image_thumbnail (&f.image, 40, 30, out, &error), error);
    for (int i = 0; i < 40 * 30 * 3; i++) {
      double x = (i / 3 % 40 + 0.5) * 301 / 40;
      double y = (i / 3 / 40 + 0.5) * 203 / 30;
      CHECK_NEAR (out[i], x * 200 / 301 + y / 4 - 1, 1.8);
    }
    frame_clear (&f);
  }
}

TEST (thumbnail_of_a_flat_frame_is_flat_at_any_size)
{
  static const int sizes[][2] = {
    { 1, 1 }, { 2, 1 }, { 7, 5 }, { 64, 36 }, { 300, 200 }
  };

  for (int format = 0; format < REID_PIXEL_COUNT; format++)
    for (int from = 0; from < 5; from++)
      for (int to = 0; to < 5; to++) {
        const ReidFormatInfo *info =
            reid_format_info ((ReidPixelFormat) format);
        int w = sizes[to][0], h = sizes[to][1];
        uint8_t *out = malloc ((size_t) (3 * w * h));
        ReidError error = REID_ERROR_INIT;
        Frame f;

        frame_init (&f, (ReidPixelFormat) format, sizes[from][0],
                    sizes[from][1], 1);
        for (int c = 0; c < info->n_components; c++) {
          int p = info->component[c].plane;
          for (int y = 0; y < reid_plane_height (&f.image, p); y++)
            for (int x = 0; x < reid_plane_width (&f.image, p); x++)
              frame_put (&f, c, x, y,
                         (info->rgb ? 255
                          : c       ? 128
                                    : 235)
                             << (info->bytes == 2 ? 2 : 0));
        }
        REQUIRE_OK (reid_image_thumbnail (&f.image, w, h, out, &error), error);
        for (int i = 0; i < 3 * w * h; i++)
          CHECK (out[i] == 255);
        free (out);
        frame_clear (&f);
      }
}

TEST_MAIN ()
