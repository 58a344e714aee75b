/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACK_PICTURES_H
#define TRACK_PICTURES_H

#include "test.h"
#include "track/track-private.h"

/* A packed RGB picture. */
typedef struct {
  ReidImage image;
  uint8_t *rgb;
} Picture;

static inline void
picture_init (Picture *p, int width, int height)
{
  p->rgb = malloc ((size_t) width * (size_t) height * 3);
  p->image = (ReidImage){ .format = REID_PIXEL_RGB,
                          .width = width,
                          .height = height,
                          .plane = { p->rgb },
                          .stride = { 3 * (ptrdiff_t) width },
                          .full_range = true,
                          .par_n = 1,
                          .par_d = 1 };
}

static inline void
picture_fill (Picture *p, int low, int high, uint64_t seed)
{
  for (int i = 0; i < p->image.width * p->image.height; i++) {
    int v = low + (int) (test_random (&seed) % (uint64_t) (high - low + 1));
    memset (p->rgb + 3 * i, v, 3);
  }
}

static inline void
picture_free (Picture *p)
{
  free (p->rgb);
}

/* The ArcFace template, in eye distances around the eyes' middle. */
static const double upright[10] = { -0.5,  0,     0.5,  0,     0.003,
                                    0.572, -0.41, 1.16, 0.419, 1.153 };

/* Puts a face's landmarks around (x, y) in frame heights, with eyes `eyes`
 * apart, its nose moved by (yaw, pitch) eye distances, its mouth by `tall`
 * times, and all turned by `roll`. */
static inline void
put_landmarks (ReidFace *face, double aspect, double x, double y, double eyes,
               double yaw, double pitch, double tall, double roll)
{
  face->has_landmarks = true;
  for (int i = 0; i < 5; i++) {
    double dx = upright[2 * i], dy = upright[2 * i + 1];

    if (i == 2) {
      dx += yaw;
      dy += pitch;
    }
    dy *= tall;
    face->landmarks[2 * i] =
        (float) ((x + eyes * (dx * cos (roll) - dy * sin (roll))) / aspect);
    face->landmarks[2 * i + 1] =
        (float) (y + eyes * (dx * sin (roll) + dy * cos (roll)));
  }
}

#endif /* TRACK_PICTURES_H */
