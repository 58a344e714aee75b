/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_PRIVATE_H
#define REID_IMAGE_PRIVATE_H

/* The public functions with the inner loops to use as a first argument, so
 * that the tests can run and time every version on one machine. */

#include "image/dsp.h"

bool reid_image_to_tensor_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                               const ReidTensorParams *params, float *out,
                               ReidMapping *mapping, ReidError *error);
bool reid_image_crop_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                          const ReidRect *rect, bool luma, int out_width,
                          int out_height, uint8_t *out, ptrdiff_t out_stride,
                          ReidError *error);
bool reid_image_thumbnail_dsp (const ReidImageDsp *dsp, const ReidImage *image,
                               int out_width, int out_height, uint8_t *rgb,
                               ReidError *error);
bool reid_image_warp_dsp (const ReidImageDsp *dsp, const uint8_t *rgb,
                          int width, int height, ptrdiff_t stride,
                          const double matrix[6],
                          const ReidTensorParams *params, float *out,
                          ReidError *error);
bool reid_image_warp_rgb_dsp (const ReidImageDsp *dsp, const uint8_t *rgb,
                              int width, int height, ptrdiff_t stride,
                              const double matrix[6], int out_width,
                              int out_height, uint8_t *out,
                              ptrdiff_t out_stride, ReidError *error);
double reid_image_sharpness_dsp (const ReidImageDsp *dsp, const uint8_t *luma,
                                 int width, int height, ptrdiff_t stride);

#endif /* REID_IMAGE_PRIVATE_H */
