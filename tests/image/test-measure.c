/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "image/image.h"
#include "image/pictures.h"
#include "image/reference.h"

TEST (sharpness_is_the_variance_of_the_laplacian)
{
  uint8_t rgb[3 * 36 * 24], luma[24 * 40];

  reference_picture (rgb, 36, 24, 11);
  memset (luma, 77, sizeof luma);
  for (int i = 0; i < 36 * 24; i++)
    luma[i / 36 * 40 + i % 36] = rgb[3 * i];
  CHECK_NEAR (reid_image_sharpness (luma, 36, 24, 40), laplacian_variance,
              1e-6);
}

TEST (flat_pictures_and_ramps_have_no_sharpness)
{
  uint8_t luma[100 * 20];

  memset (luma, 200, sizeof luma);
  CHECK (reid_image_sharpness (luma, 100, 20, 100) == 0);
  for (int i = 0; i < 2000; i++)
    luma[i] = (uint8_t) (2 * (i % 100) + i / 100);
  CHECK (reid_image_sharpness (luma, 100, 20, 100) == 0);
}

TEST (blur_lowers_sharpness)
{
  uint8_t sharp[64 * 64], soft[64 * 64] = { 0 };
  uint64_t seed = 3;

  for (int i = 0; i < 64 * 64; i++)
    sharp[i] = (uint8_t) (test_random (&seed) >> 33);
  for (int i = 65; i < 63 * 64 - 1; i++)
    soft[i] =
        (uint8_t) ((sharp[i] + sharp[i + 1] + sharp[i + 64] + sharp[i + 65])
                   / 4);
  CHECK (reid_image_sharpness (soft, 64, 64, 64)
         < 0.5 * reid_image_sharpness (sharp, 64, 64, 64));
}

TEST (small_or_wrong_pictures_have_no_sharpness)
{
  uint8_t luma[64] = { 0, 255, 0, 255, 0, 255, 0, 255 };

  CHECK (reid_image_sharpness (luma, 2, 8, 8) == 0);
  CHECK (reid_image_sharpness (luma, 8, 2, 8) == 0);
  CHECK (reid_image_sharpness (luma, 0, 0, 0) == 0);
  CHECK (reid_image_sharpness (luma, -3, 8, 8) == 0);
  CHECK (reid_image_sharpness (luma, 8, 8, 4) == 0);
  CHECK (reid_image_sharpness (NULL, 8, 8, 8) == 0);
  /* One inner pixel has a Laplacian, but it does not vary. */
  CHECK (reid_image_sharpness (luma, 3, 3, 8) == 0);
}

TEST (histogram_counts)
{
  uint8_t luma[23 * 50];
  uint32_t bins[256], expected[256] = { 0 };
  uint64_t seed = 9;

  for (int i = 0; i < 23 * 50; i++)
    luma[i] = (uint8_t) (test_random (&seed) >> 33);
  for (int i = 0; i < 23 * 50; i++)
    if (i % 50 < 47)
      expected[luma[i]]++;
  memset (bins, 1, sizeof bins);
  reid_image_histogram (luma, 47, 23, 50, bins);
  CHECK (memcmp (bins, expected, sizeof bins) == 0);
  memset (luma, 255, sizeof luma);
  reid_image_histogram (luma, 50, 23, 50, bins);
  CHECK (bins[255] == 1150 && bins[254] == 0);
  reid_image_histogram (luma, 0, 23, 50, bins);
  CHECK (bins[255] == 0);
  reid_image_histogram (NULL, 5, 5, 5, bins);
  CHECK (bins[255] == 0);
}

TEST_MAIN ()
