/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "image/pictures.h"
#include "image/reference.h"

static const ReidTensorParams plain = { .fit = REID_FIT_STRETCH,
                                        .channels = REID_CHANNELS_RGB,
                                        .scale = { 1, 1, 1 } };

/* A tensor of the given size, to be freed; NULL with an error told. */
static float *
tensor (const ReidImage *image, int width, int height, ReidChannels channels)
{
  ReidTensorParams params = plain;
  ReidError error = REID_ERROR_INIT;
  float *out = malloc (sizeof *out * 3 * (size_t) width * (size_t) height);

  params.width = width;
  params.height = height;
  params.channels = channels;
  if (!reid_image_to_tensor (image, &params, out, NULL, &error)) {
    CHECK_MSG (false, "%s", error.message);
    free (out);
    return NULL;
  }
  return out;
}

/* Expected values are packed, the tensor is planar. */
static void
check_against (const float *expected, const float *got, int width, int height,
               double tolerance)
{
  int n = width * height;

  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++)
      if (fabs (expected[3 * i + c] - got[c * n + i]) > tolerance) {
        CHECK_MSG (false, "pixel %d,%d channel %d: %g, expected %g", i % width,
                   i / width, c, got[c * n + i], expected[3 * i + c]);
        return;
      }
}

static void
check_resize (int from_width, int from_height, uint32_t seed, int width,
              int height, const float *expected)
{
  for (int format = REID_PIXEL_RGB; format <= REID_PIXEL_XBGR; format++) {
    Frame f;
    uint8_t *rgb = malloc ((size_t) (3 * from_width * from_height));

    reference_picture (rgb, from_width, from_height, seed);
    frame_init (&f, (ReidPixelFormat) format, from_width, from_height, 3);
    frame_from_rgb (&f, rgb);
    float *got = tensor (&f.image, width, height, REID_CHANNELS_RGB);
    if (got)
      /* 15 bits between the passes, and weights in 1/16384. */
      check_against (expected, got, width, height, 0.03);
    free (got);
    free (rgb);
    frame_clear (&f);
  }
}

TEST (shrinking_by_whole_numbers_is_the_mean_of_the_area)
{
  check_resize (36, 24, 7, 12, 8, area_12x8);
  check_resize (36, 24, 7, 18, 12, area_18x12);
}

TEST (shrinking_by_other_ratios_weighs_cut_pixels)
{
  check_resize (36, 24, 7, 15, 7, area_15x7);
}

TEST (enlarging_is_bilinear)
{
  check_resize (6, 4, 9, 15, 7, linear_15x7);
}

TEST (same_size_changes_nothing)
{
  Frame f;
  uint8_t rgb[3 * 35 * 17];

  reference_picture (rgb, 35, 17, 3);
  frame_init (&f, REID_PIXEL_BGRX, 35, 17, 0);
  frame_from_rgb (&f, rgb);
  float *got = tensor (&f.image, 35, 17, REID_CHANNELS_RGB);
  REQUIRE (got);
  for (int i = 0; i < 35 * 17; i++)
    for (int c = 0; c < 3; c++)
      CHECK (got[c * 35 * 17 + i] == rgb[3 * i + c]);
  free (got);
  frame_clear (&f);
}

/* Eight colours, each a bar of 8 x 4 pixels; its middle is looked at. */
TEST (colours_are_converted_by_the_standards_equations)
{
  for (int format = 0; format < REID_PIXEL_RGB; format++)
    for (int k = 0; k < 6; k++) {
      const ReidFormatInfo *info = reid_format_info ((ReidPixelFormat) format);
      const float *expected =
          (info->bytes == 2 ? bars_rgb_10 : bars_rgb_8) + 24 * k;
      Frame f;

      frame_init (&f, (ReidPixelFormat) format, 64, 4, 0);
      f.image.matrix = (ReidMatrix) (k / 2);
      f.image.full_range = k & 1;
      for (int c = 0; c < 3; c++)
        for (int y = 0; y < reid_plane_height (&f.image, c); y++)
          for (int x = 0; x < reid_plane_width (&f.image, c); x++) {
            int bar = (c ? x << info->sub_x : x) / 8;
            frame_put (&f, c, x, y,
                       bars[3 * bar + c] << (info->bytes == 2 ? 2 : 0));
          }
      float *got = tensor (&f.image, 64, 4, REID_CHANNELS_RGB);
      REQUIRE (got);
      for (int bar = 0; bar < 8; bar++)
        for (int c = 0; c < 3; c++)
          CHECK_MSG (
              fabs (got[c * 256 + 128 + 8 * bar + 4] - expected[3 * bar + c])
                  < 0.002,
              "%s, matrix %d, %s range, bar %d, channel %d: %g not %g",
              info->name, k / 2, k & 1 ? "full" : "limited", bar, c,
              got[c * 256 + 128 + 8 * bar + 4], expected[3 * bar + c]);
      free (got);
      frame_clear (&f);
    }
}

TEST (grey_formats_and_grey_output)
{
  Frame f;

  frame_init (&f, REID_PIXEL_GRAY8, 2, 1, 0);
  frame_put (&f, 0, 0, 0, 16);
  frame_put (&f, 0, 1, 0, 235);
  float *limited = tensor (&f.image, 2, 1, REID_CHANNELS_RGB);
  f.image.full_range = true;
  float *full = tensor (&f.image, 2, 1, REID_CHANNELS_GRAY);
  REQUIRE (limited && full);
  for (int c = 0; c < 3; c++) {
    CHECK_NEAR (limited[2 * c], 0, 1e-4);
    CHECK_NEAR (limited[2 * c + 1], 255, 1e-4);
  }
  CHECK (full[0] == 16 && full[1] == 235);
  free (limited);
  free (full);
  frame_clear (&f);

  frame_init (&f, REID_PIXEL_XRGB, 1, 1, 0);
  frame_put (&f, 0, 0, 0, 10);
  frame_put (&f, 1, 0, 0, 100);
  frame_put (&f, 2, 0, 0, 200);
  float *grey = tensor (&f.image, 1, 1, REID_CHANNELS_GRAY);
  REQUIRE (grey);
  CHECK_NEAR (grey[0], 0.299 * 10 + 0.587 * 100 + 0.114 * 200, 1e-3);
  free (grey);
  frame_clear (&f);
}

/* A colour gradient as every format would hold it: sampled where its samples
 * lie, coded by the forward equations. */
static void
paint_gradient (Frame *f)
{
  const ReidFormatInfo *info = reid_format_info (f->image.format);
  const double kr = 0.2126, kb = 0.0722;
  int unit = info->bytes == 2 ? 4 : 1;

  for (int c = 0; c < info->n_components; c++) {
    int p = info->component[c].plane;
    int sx = p && !info->rgb ? info->sub_x : 0;
    int sy = p && !info->rgb ? info->sub_y : 0;
    for (int y = 0; y < reid_plane_height (&f->image, p); y++)
      for (int x = 0; x < reid_plane_width (&f->image, p); x++) {
        double at_x = sx ? 2 * x + 0.5 : x + 0.5;
        double at_y = sy ? 2 * y + 1 : y + 0.5;
        double rgb[3] = { 40 + 1.2 * at_x, 200 - 1.4 * at_y,
                          60 + 0.7 * at_x + 0.6 * at_y };
        double luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
        double v = info->rgb ? rgb[c]
                   : c == 0  ? 16 + luma * 219 / 255
                   : c == 1
                       ? 128 + (rgb[2] - luma) / (2 * (1 - kb)) * 224 / 255
                       : 128 + (rgb[0] - luma) / (2 * (1 - kr)) * 224 / 255;
        frame_put (f, c, x, y, (int) floor (v * unit + 0.5));
      }
  }
}

TEST (one_picture_in_all_formats_gives_one_tensor)
{
  static const int sizes[][2] = { { 40, 32 }, { 25, 27 }, { 120, 96 } };

  for (int s = 0; s < 3; s++)
    for (int format = 0; format < REID_PIXEL_GRAY8; format++) {
      int w = sizes[s][0], h = sizes[s][1], n = w * h;
      Frame f;

      frame_init (&f, (ReidPixelFormat) format, 119, 95, 5);
      paint_gradient (&f);
      float *got = tensor (&f.image, w, h, REID_CHANNELS_RGB);
      REQUIRE (got);
      /* Not the border, where filters and chroma repeat pixels. */
      double worst = 0;
      for (int y = h / 16 + 1; y < h - h / 16 - 1; y++)
        for (int x = w / 16 + 1; x < w - w / 16 - 1; x++) {
          double ax = (x + 0.5) * 119 / w, ay = (y + 0.5) * 95 / h;
          double rgb[3] = { 40 + 1.2 * ax, 200 - 1.4 * ay,
                            60 + 0.7 * ax + 0.6 * ay };
          for (int c = 0; c < 3; c++)
            worst = fmax (worst, fabs (rgb[c] - got[c * n + y * w + x]));
        }
      CHECK_MSG (worst < (format >= REID_PIXEL_RGB ? 0.6 : 1.8),
                 "%s at %dx%d is up to %g off",
                 reid_pixel_format_name ((ReidPixelFormat) format), w, h,
                 worst);
      free (got);
      frame_clear (&f);
    }
}

/* A steep ramp of V: half a pixel beside the right place is 8 levels of it. */
TEST (chroma_lies_on_the_left_pixel_and_between_the_rows)
{
  for (int vertical = 0; vertical < 2; vertical++) {
    Frame f;

    frame_init (&f, REID_PIXEL_I420, 16, 16, 0);
    for (int y = 0; y < 16; y++)
      for (int x = 0; x < 16; x++)
        frame_put (&f, 0, x, y, 100);
    for (int y = 0; y < 8; y++)
      for (int x = 0; x < 8; x++) {
        double at = vertical ? 2 * y + 1 : 2 * x + 0.5;
        frame_put (&f, 1, x, y, 128);
        frame_put (&f, 2, x, y, (int) (100 + 4 * at));
      }
    float *got = tensor (&f.image, 16, 16, REID_CHANNELS_RGB);
    REQUIRE (got);
    for (int i = 2; i < 12; i++) {
      double v = 100 + 4 * (i + 0.5);
      double red =
          (100 - 16) * 255. / 219 + (v - 128) * 2 * (1 - 0.2126) * 255 / 224;
      CHECK_NEAR (got[vertical ? i * 16 + 8 : 8 * 16 + i], red, 0.05);
    }
    free (got);
    frame_clear (&f);
  }
}

TEST (mapping_follows_fit_and_pixel_aspect)
{
  static const struct {
    int width, height, par_n, par_d, out_width, out_height;
    ReidFit fit;
    int used_width, used_height;
  } cases[] = {
    { 1920, 1080, 1, 1, 640, 384, REID_FIT_LETTERBOX, 640, 360 },
    { 1080, 1920, 1, 1, 640, 384, REID_FIT_LETTERBOX, 216, 384 },
    { 1920, 1080, 1, 1, 320, 240, REID_FIT_STRETCH, 320, 240 },
    { 720, 576, 16, 15, 640, 640, REID_FIT_LETTERBOX, 640, 480 },
    { 720, 576, 64, 45, 640, 640, REID_FIT_LETTERBOX, 640, 360 },
    { 720, 576, 16, 15, 640, 640, REID_FIT_STRETCH, 640, 640 },
    { 320, 180, 1, 1, 640, 640, REID_FIT_LETTERBOX, 640, 360 },
    { 1, 1, 1, 1, 640, 384, REID_FIT_LETTERBOX, 384, 384 },
    { 16384, 4, 1, 1, 640, 640, REID_FIT_LETTERBOX, 640, 1 },
    { 4, 65536, 1, 1, 640, 640, REID_FIT_LETTERBOX, 1, 640 },
    { 100, 100, 2147483647, 1, 64, 64, REID_FIT_LETTERBOX, 64, 1 },
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ReidImage image = { .width = cases[i].width,
                        .height = cases[i].height,
                        .par_n = cases[i].par_n,
                        .par_d = cases[i].par_d };
    ReidTensorParams params = { .width = cases[i].out_width,
                                .height = cases[i].out_height,
                                .fit = cases[i].fit };
    ReidMapping map;

    reid_image_mapping (&image, &params, &map);
    CHECK_MSG (map.used_width == cases[i].used_width
                   && map.used_height == cases[i].used_height,
               "case %zu: %dx%d", i, map.used_width, map.used_height);
    CHECK_NEAR (map.sx * map.used_width, image.width, 1e-9 * image.width);
    CHECK_NEAR (map.sy * map.used_height, image.height, 1e-9 * image.height);
  }
  /* 720 x 1.0667 = 768 square pixels on 640. */
  ReidImage pal = { .width = 720, .height = 576, .par_n = 16, .par_d = 15 };
  ReidTensorParams params = { .width = 640, .height = 640 };
  ReidMapping map;
  reid_image_mapping (&pal, &params, &map);
  CHECK_NEAR (map.sx, 1.125, 1e-12);
  CHECK_NEAR (map.sy, 1.2, 1e-12);
}

TEST (mapping_leads_back_to_the_pixel)
{
  /* One white square of a black wide-pixel frame, found again in the output. */
  Frame f;

  frame_init (&f, REID_PIXEL_GRAY8, 200, 100, 0);
  f.image.full_range = true;
  f.image.par_n = 3;
  f.image.par_d = 2;
  for (int y = 60; y < 70; y++)
    for (int x = 120; x < 140; x++)
      frame_put (&f, 0, x, y, 255);
  ReidTensorParams params = {
    .width = 150, .height = 150, .channels = REID_CHANNELS_GRAY, .scale = { 1 }
  };
  float *out = malloc (sizeof *out * 150 * 150);
  ReidMapping map;
  ReidError error = REID_ERROR_INIT;
  REQUIRE_OK (reid_image_to_tensor (&f.image, &params, out, &map, &error),
              error);
  double sum = 0, x_sum = 0, y_sum = 0;
  for (int i = 0; i < 150 * 150; i++) {
    sum += out[i];
    x_sum += out[i] * (i % 150 + 0.5);
    y_sum += out[i] * (i / 150 + 0.5);
  }
  CHECK_NEAR (x_sum / sum * map.sx, 130, 1e-3);
  CHECK_NEAR (y_sum / sum * map.sy, 65, 1e-3);
  CHECK_NEAR (sum * map.sx * map.sy, 255. * 200, 20);
  free (out);
  frame_clear (&f);
}

TEST (border_mean_scale_and_channel_order)
{
  Frame f;
  ReidTensorParams params = { .width = 12,
                              .height = 10,
                              .channels = REID_CHANNELS_BGR,
                              .mean = { 1, 2, 3 },
                              .scale = { 0.5f, 2, -1 },
                              .fill = 114 };
  float out[3 * 12 * 10];
  ReidMapping map;
  ReidError error = REID_ERROR_INIT;

  frame_init (&f, REID_PIXEL_RGB, 4, 2, 0);
  for (int i = 0; i < 8; i++)
    for (int c = 0; c < 3; c++)
      frame_put (&f, c, i % 4, i / 4, 50 * (c + 1));
  REQUIRE_OK (reid_image_to_tensor (&f.image, &params, out, &map, &error),
              error);
  CHECK (map.used_width == 12 && map.used_height == 6);
  for (int i = 0; i < 120; i++) {
    bool in = i / 12 < 6;
    CHECK (out[i] == ((in ? 150 : 114) - 1) * 0.5f);
    CHECK (out[120 + i] == ((in ? 100 : 114) - 2) * 2.f);
    CHECK (out[240 + i] == -((in ? 50 : 114) - 3) * 1.f);
  }
  frame_clear (&f);
}

TEST (one_pixel_is_a_picture)
{
  for (int format = 0; format < REID_PIXEL_COUNT; format++) {
    const ReidFormatInfo *info = reid_format_info ((ReidPixelFormat) format);
    Frame f;

    frame_init (&f, (ReidPixelFormat) format, 1, 1, 0);
    f.image.full_range = true;
    for (int c = 0; c < info->n_components; c++)
      frame_put (&f, c, 0, 0,
                 (c && !info->rgb ? 128 : 77) << (info->bytes == 2 ? 2 : 0));
    float *got = tensor (&f.image, 5, 3, REID_CHANNELS_RGB);
    REQUIRE (got);
    for (int i = 0; i < 45; i++)
      CHECK_NEAR (got[i], info->bytes == 2 ? 308. / 1023 * 255 : 77, 0.01);
    free (got);
    frame_clear (&f);
  }
}

TEST (frames_beyond_8k)
{
  static const int sizes[][2] = {
    { 16384, 4 }, { 64, 16385 }, { 65536, 1 }, { 9001, 17 }
  };

  for (int s = 0; s < 4; s++)
    for (int format = 0; format < REID_PIXEL_COUNT; format += 3) {
      const ReidFormatInfo *info = reid_format_info ((ReidPixelFormat) format);
      int w = sizes[s][0], h = sizes[s][1];
      Frame f;

      frame_init (&f, (ReidPixelFormat) format, w, h, 2);
      f.image.full_range = true;
      for (int c = 0; c < info->n_components; c++)
        for (int y = 0; y < h; y++)
          for (int x = 0; x < w; x++)
            if (!c || info->rgb || (x % 2 == 0 && y % 2 == 0)
                || (!info->sub_x && !info->sub_y))
              frame_put (&f, c, c && !info->rgb ? x >> info->sub_x : x,
                         c && !info->rgb ? y >> info->sub_y : y,
                         (c && !info->rgb ? 128
                          : (x + y) % 2   ? 200
                                          : 100)
                             << (info->bytes == 2 ? 2 : 0));
      float *got = tensor (&f.image, 64, 2, REID_CHANNELS_GRAY);
      REQUIRE (got);
      /* A checkerboard is the hardest case for weights in 1/16384: at a ratio
       * of 140 they are 116 or 117, in turn. */
      for (int i = 0; i < 128; i++)
        CHECK_NEAR (got[i], info->bytes == 2 ? 149.56 : 150, 0.25);
      free (got);
      frame_clear (&f);
    }
}

TEST (a_hundred_megapixels)
{
  /* Zero pages cost no memory until they are written. */
  size_t side = 10000, n = side * side;
  uint8_t *p = calloc (n, 1);
  REQUIRE (p);
  ReidImage image = { .format = REID_PIXEL_GRAY8,
                      .width = (int) side,
                      .height = (int) side,
                      .plane = { p },
                      .stride = { (ptrdiff_t) side },
                      .full_range = true,
                      .par_n = 1,
                      .par_d = 1 };
  p[n - 1] = 255;
  float *got = tensor (&image, 1000, 1000, REID_CHANNELS_GRAY);
  REQUIRE (got);
  CHECK_NEAR (got[999999], 2.55, 0.02);
  CHECK (got[0] == 0 && got[999998] == 0);
  free (got);
  free (p);
}

TEST (bytes_between_rows_do_not_count)
{
  uint64_t seed = 4;

  for (int format = 0; format < REID_PIXEL_COUNT; format++) {
    Frame f, g;

    frame_init (&f, (ReidPixelFormat) format, 33, 21, 9);
    frame_init (&g, (ReidPixelFormat) format, 33, 21, 0);
    frame_random (&f, &seed);
    for (int p = 0; p < 3 && f.image.plane[p]; p++)
      for (int y = 0; y < reid_plane_height (&f.image, p); y++)
        memcpy ((uint8_t *) g.image.plane[p] + y * g.image.stride[p],
                f.image.plane[p] + y * f.image.stride[p],
                (size_t) g.image.stride[p]);
    float *a = tensor (&f.image, 16, 16, REID_CHANNELS_RGB);
    float *b = tensor (&g.image, 16, 16, REID_CHANNELS_RGB);
    REQUIRE (a && b);
    CHECK (memcmp (a, b, sizeof *a * 3 * 256) == 0);
    free (a);
    free (b);
    frame_clear (&f);
    frame_clear (&g);
  }
}

static void
check_refused (const ReidImage *image, const ReidTensorParams *params,
               float *out, const char *word)
{
  ReidError error = REID_ERROR_INIT;

  CHECK_MSG (!reid_image_to_tensor (image, params, out, NULL, &error),
             "%s was accepted", word);
  CHECK_MSG (error.status == REID_ERROR_ARGUMENT
                 && strstr (error.message, word),
             "'%s' does not speak of '%s'", error.message, word);
  CHECK (!reid_image_to_tensor (image, params, out, NULL, NULL));
}

TEST (bad_arguments_are_refused)
{
  uint8_t pixels[16 * 16 * 3];
  float out[3 * 8 * 8];
  const ReidImage good = { .format = REID_PIXEL_I420,
                           .width = 16,
                           .height = 16,
                           .plane = { pixels, pixels, pixels },
                           .stride = { 16, 8, 8 },
                           .par_n = 1,
                           .par_d = 1 };
  ReidTensorParams params = plain, bad_params;
  ReidImage bad;

  memset (pixels, 0, sizeof pixels);
  params.width = params.height = 8;
  CHECK (reid_image_to_tensor (&good, &params, out, NULL, NULL));
#define REFUSED(field, value, word)                                            \
  do {                                                                         \
    bad = good;                                                                \
    bad.field = value;                                                         \
    check_refused (&bad, &params, out, word);                                  \
  } while (0)
#define REFUSED_PARAM(field, value, word)                                      \
  do {                                                                         \
    bad_params = params;                                                       \
    bad_params.field = value;                                                  \
    check_refused (&good, &bad_params, out, word);                             \
  } while (0)
  REFUSED (width, 0, "size");
  REFUSED (height, 0, "size");
  REFUSED (width, -5, "size");
  REFUSED (height, 65537, "size");
  REFUSED (format, REID_PIXEL_COUNT, "format");
  REFUSED (format, (ReidPixelFormat) -1, "format");
  REFUSED (plane[0], NULL, "plane 0");
  REFUSED (plane[2], NULL, "plane 2");
  REFUSED (stride[0], 15, "stride");
  REFUSED (stride[1], 7, "stride");
  REFUSED (stride[0], -16, "stride");
  REFUSED (stride[0], PTRDIFF_MAX, "stride");
  REFUSED (par_n, 0, "aspect");
  REFUSED (par_d, -1, "aspect");
  REFUSED (matrix, (ReidMatrix) 3, "matrix");
  REFUSED_PARAM (width, 0, "size");
  REFUSED_PARAM (height, -1, "size");
  REFUSED_PARAM (width, 16385, "size");
  REFUSED_PARAM (fit, (ReidFit) 2, "fit");
  REFUSED_PARAM (channels, (ReidChannels) 3, "channels");
  REFUSED_PARAM (fill, NAN, "fill");
  REFUSED_PARAM (mean[1], NAN, "mean");
  REFUSED_PARAM (scale[2], INFINITY, "scale");
  check_refused (NULL, &params, out, "image");
  check_refused (&good, NULL, out, "parameters");
  check_refused (&good, &params, NULL, "memory");

  ReidMapping map = { 1, 1, 1, 1 };
  reid_image_mapping (NULL, &params, &map);
  CHECK (map.used_width == 0 && map.sx == 0);
}

TEST (formats_have_names)
{
  for (int i = 0; i < REID_PIXEL_COUNT; i++)
    CHECK (strlen (reid_pixel_format_name ((ReidPixelFormat) i)) > 2);
  CHECK (strcmp (reid_pixel_format_name (REID_PIXEL_P010_10LE), "P010_10LE")
         == 0);
  CHECK (strcmp (reid_pixel_format_name (REID_PIXEL_COUNT), "unknown") == 0);
}

TEST_MAIN ()
