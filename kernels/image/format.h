/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_IMAGE_FORMAT_H
#define REID_IMAGE_FORMAT_H

/* What the pixel formats look like in memory, private to this room. */

#include "image/dsp.h"

#define REID_IMAGE_MAX_SIDE 65536
#define REID_IMAGE_MAX_OUTPUT 16384

typedef struct {
  const char *name;
  int n_planes, n_components;
  bool rgb;
  int bytes;        /* per sample: 1, or 2 with 10 bits in them */
  int shift;        /* of the 10 bits from the low end */
  int sub_x, sub_y; /* log2 of the chroma subsampling */
  struct {
    int plane, at; /* at: the sample within the plane's pixel */
  } component[3];  /* Y U V or R G B */
  int step[3];     /* samples per pixel of each plane */
} ReidFormatInfo;

/* NULL for a number that is no format. */
const ReidFormatInfo *reid_format_info (ReidPixelFormat format);

/* Size of a plane in its pixels. */
int reid_plane_width (const ReidImage *image, int plane);
int reid_plane_height (const ReidImage *image, int plane);

/* Sizes, planes, strides, colour description, pixel aspect ratio. */
bool reid_image_check (const ReidImage *image, ReidError *error);
/* 1 .. REID_IMAGE_MAX_OUTPUT. */
bool reid_output_check (int width, int height, ReidError *error);

/* The matrix from the sums of the horizontal pass to 0..255 in the channels
 * asked for; mean 0, scale 1. */
void reid_mix_init (ReidMix *mix, const ReidImage *image,
                    ReidChannels channels);
/* Takes over mean and scale. */
bool reid_mix_normalize (ReidMix *mix, const ReidTensorParams *params,
                         ReidError *error);

#endif /* REID_IMAGE_FORMAT_H */
