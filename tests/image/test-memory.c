/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every allocation of every function fails once: an error, no crash, and, under
 * a leak checker, nothing lost. The linker puts these two functions between the
 * kernels and the real ones. */

#include "test.h"

#include "image/image.h"

void *__real_reid_alloc_aligned (size_t size);
void *__wrap_reid_alloc_aligned (size_t size);
void *__real_malloc (size_t size);
void *__wrap_malloc (size_t size);

static int until_failure = -1;

static bool
fails (void)
{
  return until_failure >= 0 && until_failure-- == 0;
}

void *
__wrap_reid_alloc_aligned (size_t size)
{
  return fails () ? NULL : __real_reid_alloc_aligned (size);
}

void *
__wrap_malloc (size_t size)
{
  return fails () ? NULL : __real_malloc (size);
}

static uint8_t pixels[64 * 64 * 3], bytes[32 * 32 * 3];
static float floats[32 * 32 * 3];
static const ReidTensorParams params = { .width = 32,
                                         .height = 32,
                                         .scale = { 1, 1, 1 } };

static bool
call (int what, ReidError *error)
{
  const ReidImage image = { .format = REID_PIXEL_NV12,
                            .width = 64,
                            .height = 64,
                            .plane = { pixels, pixels },
                            .stride = { 64, 64 },
                            .par_n = 1,
                            .par_d = 1 };
  const ReidRect rect = { 1, 2, 30, 40 };
  const double matrix[6] = { 1.5, 0.2, 0, -0.2, 1.5, 3 };

  switch (what) {
    case 0:
      return reid_image_to_tensor (&image, &params, floats, NULL, error);
    case 1:
      return reid_image_crop_rgb (&image, &rect, 32, 32, bytes, 96, error);
    case 2:
      return reid_image_crop_luma (&image, &rect, 32, 32, bytes, 32, error);
    case 3:
      return reid_image_thumbnail (&image, 32, 32, bytes, error);
    case 4:
      return reid_image_warp (pixels, 64, 64, 192, matrix, &params, floats,
                              error);
    default:
      return reid_image_warp_rgb (pixels, 64, 64, 192, matrix, 32, 32, bytes,
                                  96, error);
  }
}

TEST (without_memory_there_is_an_error)
{
  for (int what = 0; what < 6; what++) {
    int n = 0;
    for (;; n++) {
      ReidError error = REID_ERROR_INIT;
      until_failure = n;
      bool ok = call (what, &error);
      bool failed = until_failure < 0;
      until_failure = -1;
      if (!failed) {
        CHECK (ok);
        break;
      }
      CHECK_MSG (!ok && error.status == REID_ERROR_MEMORY,
                 "function %d, allocation %d: %s", what, n, error.message);
    }
    CHECK_MSG (n >= 3, "function %d has %d allocations", what, n);
  }
}

TEST_MAIN ()
