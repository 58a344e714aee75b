/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_PHOTO_H
#define REID_TEST_PHOTO_H

/* A JPEG file as grey pixels, or as RGB ones. Needs stdio and jpeglib. */

#include "image/image.h"

#include <stdio.h>
#include <stdlib.h>
/* needs stdio.h first */
#include <jpeglib.h>

typedef struct {
  uint8_t *pixels;
  int width, height;
} Photo;

/* Ends the program when the file is no JPEG: libjpeg's own way. */
static inline bool
photo_read (Photo *photo, const char *path, bool grey)
{
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  FILE *f = fopen (path, "rb");

  if (!f)
    return false;
  jpeg.err = jpeg_std_error (&errors);
  jpeg_create_decompress (&jpeg);
  jpeg_stdio_src (&jpeg, f);
  jpeg_read_header (&jpeg, TRUE);
  jpeg.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress (&jpeg);
  size_t row = (size_t) jpeg.output_width * (grey ? 1 : 3);
  photo->width = (int) jpeg.output_width;
  photo->height = (int) jpeg.output_height;
  photo->pixels = malloc (row * jpeg.output_height);
  while (photo->pixels && jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW at = photo->pixels + row * jpeg.output_scanline;
    jpeg_read_scanlines (&jpeg, &at, 1);
  }
  jpeg_finish_decompress (&jpeg);
  jpeg_destroy_decompress (&jpeg);
  fclose (f);
  return photo->pixels != NULL;
}

static inline ReidImage
photo_image (const Photo *photo, bool grey)
{
  return (ReidImage){ .format = grey ? REID_PIXEL_GRAY8 : REID_PIXEL_RGB,
                      .width = photo->width,
                      .height = photo->height,
                      .plane = { photo->pixels },
                      .stride = { photo->width * (grey ? 1 : 3) },
                      .full_range = true,
                      .par_n = 1,
                      .par_d = 1 };
}

#endif /* REID_TEST_PHOTO_H */
