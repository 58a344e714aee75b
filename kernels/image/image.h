/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_H
#define REID_IMAGE_H

/* From raw video of any layout to what a network, the shot detector or an
 * archive needs. A whole frame is never converted: every function reads the
 * planes it is given and writes only the small picture asked for.
 *
 * Every kernel has a plain C version, which is the definition of right, and
 * AVX2 / AVX-512 versions that give the same bytes, for float outputs too; a
 * caller should count on 1e-4 of full scale there. tests/checkkernels compares
 * them on random data. All functions are thread-safe and keep no state. A call
 * allocates its scratch memory (some rows of the output) and frees it. Chroma
 * is taken to lie as MPEG-2, H.264 and HEVC have it by default: left, between
 * the rows. Grey made of RGB is BT.601 luma; grey made of YUV is its luma. */

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  REID_PIXEL_I420,
  REID_PIXEL_YV12,
  REID_PIXEL_NV12,
  REID_PIXEL_NV21,
  REID_PIXEL_Y42B,
  REID_PIXEL_Y444,
  REID_PIXEL_I420_10LE, /* 10 bits in the low end of 16 */
  REID_PIXEL_I422_10LE,
  REID_PIXEL_Y444_10LE,
  REID_PIXEL_P010_10LE, /* NV12 with 10 bits in the high end of 16 */
  REID_PIXEL_RGB,
  REID_PIXEL_BGR,
  REID_PIXEL_RGBX, /* bytes R G B x; alpha, where it exists, is ignored */
  REID_PIXEL_BGRX,
  REID_PIXEL_XRGB,
  REID_PIXEL_XBGR,
  REID_PIXEL_GRAY8,
  REID_PIXEL_COUNT
} ReidPixelFormat;

typedef enum {
  REID_MATRIX_BT601,
  REID_MATRIX_BT709,
  REID_MATRIX_BT2020 /* non-constant luminance */
} ReidMatrix;

/* A picture in somebody else's memory. Planes in the order of the format's
 * name in GStreamer (I420: Y U V; YV12: Y V U; NV12: Y UV). Strides in bytes,
 * possibly larger than the row. Chroma of odd sizes is rounded up. The
 * functions read no byte beyond the last pixel of a row of a plane. */
typedef struct {
  ReidPixelFormat format;
  int width, height; /* pixels, >= 1, at most 65536 */
  const uint8_t *plane[3];
  ptrdiff_t stride[3];
  ReidMatrix matrix; /* for YUV formats */
  bool full_range;   /* for YUV formats and GRAY8; RGB is always full */
  int par_n, par_d;  /* pixel aspect ratio, width : height, both >= 1 */
} ReidImage;

REID_API const char *reid_pixel_format_name (ReidPixelFormat format);

typedef enum {
  REID_FIT_LETTERBOX, /* keep the aspect of the displayed (square-pixel)
                         picture, place it at the top left, fill the rest */
  REID_FIT_STRETCH    /* fill the whole output */
} ReidFit;

typedef enum {
  REID_CHANNELS_RGB,
  REID_CHANNELS_BGR,
  REID_CHANNELS_GRAY
} ReidChannels;

/* out = (v - mean[c]) * scale[c] with v in 0..255, c in the output's channel
 * order. Planar (CHW), float. */
typedef struct {
  int width, height; /* of the output */
  ReidFit fit;
  ReidChannels channels;
  float mean[3], scale[3];
  float fill; /* v of the border, 0..255, before mean and scale */
} ReidTensorParams;

/* How output coordinates came from the frame: frame_x = out_x * sx,
 * frame_y = out_y * sy, in pixels of the frame (not square ones where the
 * pixel aspect ratio is not 1), both at pixel edges. used_width/used_height
 * is the part of the output that shows the picture. */
typedef struct {
  double sx, sy;
  int used_width, used_height;
} ReidMapping;

/* Whole frame -> network input. Shrinking integrates over the covered area (a
 * triangle/box low-pass, documented in letterbox.c); enlarging is bilinear.
 * `out` holds channels * height * width floats. */
REID_API bool reid_image_to_tensor (const ReidImage *image,
                                    const ReidTensorParams *params, float *out,
                                    ReidMapping *mapping, ReidError *error);
/* The mapping alone, without touching pixels. */
REID_API void reid_image_mapping (const ReidImage *image,
                                  const ReidTensorParams *params,
                                  ReidMapping *mapping);

/* A rectangle of the frame, in frame pixels (may be fractional and may reach
 * beyond the frame: there the border pixel repeats) -> packed 8-bit picture of
 * out_width x out_height: 3 bytes RGB, or 1 byte luma (full range). Same
 * filter as above. out_stride in bytes. */
typedef struct {
  double left, top, width, height;
} ReidRect;

REID_API bool reid_image_crop_rgb (const ReidImage *image, const ReidRect *rect,
                                   int out_width, int out_height, uint8_t *out,
                                   ptrdiff_t out_stride, ReidError *error);
REID_API bool reid_image_crop_luma (const ReidImage *image,
                                    const ReidRect *rect, int out_width,
                                    int out_height, uint8_t *out,
                                    ptrdiff_t out_stride, ReidError *error);

/* A fast small RGB picture of the whole frame for the shot detector: about
 * out_width x out_height samples, each the mean of a few pixels inside its
 * cell; deterministic, not a proper low-pass. */
REID_API bool reid_image_thumbnail (const ReidImage *image, int out_width,
                                    int out_height, uint8_t *rgb,
                                    ReidError *error);

/* Aligned warp. `matrix` maps output pixel centres to source pixel centres:
 * src_x = m[0]*x + m[1]*y + m[2], src_y = m[3]*x + m[4]*y + m[5] (x, y are
 * output indices; source index 0 is the centre of the first pixel). The source
 * is packed RGB, 8 bits. Bilinear; where the map shrinks by more than 1, a
 * low-pass of matching width is applied first (see warp.c). Outside the source
 * the border pixel repeats. Writes CHW floats as reid_image_to_tensor does
 * (fit and fill are not used). */
REID_API bool reid_image_warp (const uint8_t *rgb, int width, int height,
                               ptrdiff_t stride, const double matrix[6],
                               const ReidTensorParams *params, float *out,
                               ReidError *error);
/* The same, as a packed 8-bit RGB picture (for looking at, and for tests). */
REID_API bool reid_image_warp_rgb (const uint8_t *rgb, int width, int height,
                                   ptrdiff_t stride, const double matrix[6],
                                   int out_width, int out_height, uint8_t *out,
                                   ptrdiff_t out_stride, ReidError *error);

/* Least-squares similarity transform (rotation, uniform scale, translation, no
 * reflection; Umeyama 1991, eq. 40-43) that maps `to` points (the template, in
 * output pixel coordinates) onto `from` points (in source pixel coordinates),
 * as the matrix reid_image_warp() takes. n >= 2 points, x0 y0 x1 y1 ...
 * Returns false when the points are degenerate (all equal, not finite). */
REID_API bool reid_similarity (const double *from, const double *to, int n,
                               double matrix[6]);

/* The ArcFace template for a 112x112 output: image-left eye, image-right eye,
 * nose tip, image-left and image-right mouth corner. */
REID_API extern const double reid_arcface_template[10];

/* Variance of the 4-neighbour Laplacian of a packed 8-bit luma picture, over
 * its inner pixels; 0 for pictures below 3x3. Units: grey levels squared. */
REID_API double reid_image_sharpness (const uint8_t *luma, int width,
                                      int height, ptrdiff_t stride);

/* 256-bin histogram of a packed 8-bit picture. */
REID_API void reid_image_histogram (const uint8_t *luma, int width, int height,
                                    ptrdiff_t stride, uint32_t bins[256]);

#ifdef __cplusplus
}
#endif

#endif /* REID_IMAGE_H */
