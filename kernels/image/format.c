/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"

#include <math.h>
#include <string.h>

#define PLANAR(n, b, x, y, u, v)                                               \
  .name = n, .n_planes = 3, .n_components = 3, .bytes = b, .sub_x = x,         \
  .sub_y = y, .component = { { 0, 0 }, { u, 0 }, { v, 0 } },                   \
  .step = { 1, 1, 1 }
#define SEMIPLANAR(n, b, s, u, v)                                              \
  .name = n, .n_planes = 2, .n_components = 3, .bytes = b, .shift = s,         \
  .sub_x = 1, .sub_y = 1, .component = { { 0, 0 }, { 1, u }, { 1, v } },       \
  .step = { 1, 2 }
#define PACKED(n, s, r, g, b)                                                  \
  .name = n, .n_planes = 1, .n_components = 3, .rgb = true, .bytes = 1,        \
  .component = { { 0, r }, { 0, g }, { 0, b } }, .step = { s }

static const ReidFormatInfo formats[REID_PIXEL_COUNT] = {
  [REID_PIXEL_I420] = { PLANAR ("I420", 1, 1, 1, 1, 2) },
  [REID_PIXEL_YV12] = { PLANAR ("YV12", 1, 1, 1, 2, 1) },
  [REID_PIXEL_NV12] = { SEMIPLANAR ("NV12", 1, 0, 0, 1) },
  [REID_PIXEL_NV21] = { SEMIPLANAR ("NV21", 1, 0, 1, 0) },
  [REID_PIXEL_Y42B] = { PLANAR ("Y42B", 1, 1, 0, 1, 2) },
  [REID_PIXEL_Y444] = { PLANAR ("Y444", 1, 0, 0, 1, 2) },
  [REID_PIXEL_I420_10LE] = { PLANAR ("I420_10LE", 2, 1, 1, 1, 2) },
  [REID_PIXEL_I422_10LE] = { PLANAR ("I422_10LE", 2, 1, 0, 1, 2) },
  [REID_PIXEL_Y444_10LE] = { PLANAR ("Y444_10LE", 2, 0, 0, 1, 2) },
  [REID_PIXEL_P010_10LE] = { SEMIPLANAR ("P010_10LE", 2, 6, 0, 1) },
  [REID_PIXEL_RGB] = { PACKED ("RGB", 3, 0, 1, 2) },
  [REID_PIXEL_BGR] = { PACKED ("BGR", 3, 2, 1, 0) },
  [REID_PIXEL_RGBX] = { PACKED ("RGBx", 4, 0, 1, 2) },
  [REID_PIXEL_BGRX] = { PACKED ("BGRx", 4, 2, 1, 0) },
  [REID_PIXEL_XRGB] = { PACKED ("xRGB", 4, 1, 2, 3) },
  [REID_PIXEL_XBGR] = { PACKED ("xBGR", 4, 3, 2, 1) },
  [REID_PIXEL_GRAY8] = { .name = "GRAY8",
                         .n_planes = 1,
                         .n_components = 1,
                         .bytes = 1,
                         .step = { 1 } },
};

const ReidFormatInfo *
reid_format_info (ReidPixelFormat format)
{
  return (unsigned) format < REID_PIXEL_COUNT ? &formats[format] : NULL;
}

const char *
reid_pixel_format_name (ReidPixelFormat format)
{
  const ReidFormatInfo *info = reid_format_info (format);
  return info ? info->name : "unknown";
}

int
reid_plane_width (const ReidImage *image, int plane)
{
  int sub = plane ? formats[image->format].sub_x : 0;
  return (image->width + (1 << sub) - 1) >> sub;
}

int
reid_plane_height (const ReidImage *image, int plane)
{
  int sub = plane ? formats[image->format].sub_y : 0;
  return (image->height + (1 << sub) - 1) >> sub;
}

bool
reid_image_check (const ReidImage *image, ReidError *error)
{
  if (!image)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "image: none given");
  const ReidFormatInfo *info = reid_format_info (image->format);
  if (!info)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "image: %d is not a pixel format",
                           (int) image->format);
  if (image->width < 1 || image->height < 1
      || image->width > REID_IMAGE_MAX_SIDE
      || image->height > REID_IMAGE_MAX_SIDE)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "image: size %dx%d, sides from 1 to %d are possible",
                           image->width, image->height, REID_IMAGE_MAX_SIDE);
  if (image->par_n < 1 || image->par_d < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "image: pixel aspect ratio %d:%d, both numbers must "
                           "be positive",
                           image->par_n, image->par_d);
  if (!info->rgb && (unsigned) image->matrix > REID_MATRIX_BT2020)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "image: %d is not a colour matrix",
                           (int) image->matrix);
  for (int p = 0; p < info->n_planes; p++) {
    ptrdiff_t row =
        (ptrdiff_t) reid_plane_width (image, p) * info->step[p] * info->bytes;
    if (!image->plane[p])
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "image: plane %d of %s is missing", p, info->name);
    if (image->stride[p] < row
        || image->stride[p] > PTRDIFF_MAX / (2 * REID_IMAGE_MAX_SIDE))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "image: stride %td of plane %d of %s does not fit "
                             "rows of %td bytes",
                             image->stride[p], p, info->name, row);
  }
  return true;
}

bool
reid_output_check (int width, int height, ReidError *error)
{
  if (width < 1 || height < 1 || width > REID_IMAGE_MAX_OUTPUT
      || height > REID_IMAGE_MAX_OUTPUT)
    return reid_error_set (
        error, REID_ERROR_ARGUMENT,
        "output: size %dx%d, sides from 1 to %d are possible", width, height,
        REID_IMAGE_MAX_OUTPUT);
  return true;
}

/* Luma weights of red and blue: ITU-R BT.601-7, BT.709-6, BT.2020-2. */
static const double luma_weights[][2] = {
  [REID_MATRIX_BT601] = { 0.299, 0.114 },
  [REID_MATRIX_BT709] = { 0.2126, 0.0722 },
  [REID_MATRIX_BT2020] = { 0.2627, 0.0593 },
};

static void
set_row (float row[4], double a, double b, double c, double offset)
{
  const double unit = 1.0 / (1 << REID_VALUE_BITS);

  row[0] = (float) (a * unit);
  row[1] = (float) (b * unit);
  row[2] = (float) (c * unit);
  row[3] = (float) offset;
}

/* Grey made of RGB takes the BT.601 weights, as the tools do that networks are
 * trained with; grey made of YUV is its luma. */
static void
mix_rgb (ReidMix *mix, ReidChannels channels)
{
  double r = luma_weights[REID_MATRIX_BT601][0];
  double b = luma_weights[REID_MATRIX_BT601][1];

  if (channels == REID_CHANNELS_GRAY) {
    set_row (mix->m[0], r, 1 - r - b, b, 0);
    return;
  }
  for (int c = 0; c < 3; c++)
    set_row (mix->m[c], c == 0, c == 1, c == 2, 0);
}

static void
mix_yuv (ReidMix *mix, const ReidImage *image, const ReidFormatInfo *info,
         ReidChannels channels)
{
  /* Sums are in units of 8 bits, where the largest 10-bit value is 255.75. */
  double full = info->bytes == 2 ? 255. / 255.75 : 1.;
  double y = image->full_range ? full : 255. / 219.;
  double c = image->full_range ? full : 255. / 224.;
  double black = image->full_range ? 0 : -16 * y;

  if (info->n_components == 1 || channels == REID_CHANNELS_GRAY) {
    for (int i = 0; i < 3; i++)
      set_row (mix->m[i], y, 0, 0, black);
    return;
  }

  double kr = luma_weights[image->matrix][0];
  double kb = luma_weights[image->matrix][1], kg = 1 - kr - kb;
  double rv = 2 * (1 - kr) * c, bu = 2 * (1 - kb) * c;
  double gu = -bu * kb / kg, gv = -rv * kr / kg;

  set_row (mix->m[0], y, 0, rv, black - 128 * rv);
  set_row (mix->m[1], y, gu, gv, black - 128 * (gu + gv));
  set_row (mix->m[2], y, bu, 0, black - 128 * bu);
}

void
reid_mix_init (ReidMix *mix, const ReidImage *image, ReidChannels channels)
{
  const ReidFormatInfo *info = reid_format_info (image->format);

  memset (mix, 0, sizeof *mix);
  mix->n_out = channels == REID_CHANNELS_GRAY ? 1 : 3;
  for (int c = 0; c < 3; c++)
    mix->scale[c] = 1;
  if (info->rgb)
    mix_rgb (mix, channels);
  else
    mix_yuv (mix, image, info, channels);
  if (channels == REID_CHANNELS_BGR) {
    float t[4];
    memcpy (t, mix->m[0], sizeof t);
    memcpy (mix->m[0], mix->m[2], sizeof t);
    memcpy (mix->m[2], t, sizeof t);
  }
}

bool
reid_mix_normalize (ReidMix *mix, const ReidTensorParams *params,
                    ReidError *error)
{
  for (int c = 0; c < mix->n_out; c++) {
    if (!isfinite (params->mean[c]) || !isfinite (params->scale[c]))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "tensor: mean and scale of channel %d must be "
                             "finite numbers",
                             c);
    mix->mean[c] = params->mean[c];
    mix->scale[c] = params->scale[c];
  }
  return true;
}
