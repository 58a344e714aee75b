/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <string.h>

/* Where the samples of each format go. */

static void
matrix (const ReidSynthPicture *p, float m[3][4])
{
  static const double weights[3][2] = { { .299, .114 },
                                        { .2126, .0722 },
                                        { .2627, .0593 } };
  double kr = weights[p->matrix][0], kb = weights[p->matrix][1];
  double kg = 1 - kr - kb;
  double y = p->full_range ? 255 : 219, c = p->full_range ? 255 : 224;
  double rows[3][4] = {
    { y * kr, y * kg, y * kb, p->full_range ? 0 : 16 },
    { -c * kr / (2 - 2 * kb), -c * kg / (2 - 2 * kb), c / 2, 128 },
    { c / 2, -c * kg / (2 - 2 * kr), -c * kb / (2 - 2 * kr), 128 },
  };

  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 4; k++)
      m[i][k] = (float) rows[i][k];
}

static void
plane (const ReidSynthPicture *p, Layout *l, int sample, int from, int offset,
       int step)
{
  l->at[sample] = p->plane[from] + offset;
  l->stride[sample] = p->stride[from];
  l->step[sample] = step;
}

static void
packed (const ReidSynthPicture *p, Layout *l, int r, int g, int b, int x,
        int step)
{
  l->rgb = true;
  plane (p, l, 0, 0, r, step);
  plane (p, l, 1, 0, g, step);
  plane (p, l, 2, 0, b, step);
  if (x >= 0)
    plane (p, l, 3, 0, x, step);
}

static void
planar (const ReidSynthPicture *p, Layout *l, int u, int v, int sub_x,
        int sub_y)
{
  l->chroma = true;
  l->sub_x = sub_x;
  l->sub_y = sub_y;
  plane (p, l, 1, u, 0, 1);
  plane (p, l, 2, v, 0, 1);
}

static void
semi (const ReidSynthPicture *p, Layout *l, int u, int v)
{
  l->chroma = true;
  l->sub_x = l->sub_y = 1;
  plane (p, l, 1, 1, u, 2);
  plane (p, l, 2, 1, v, 2);
}

bool
synth_layout (const ReidSynthPicture *p, Layout *l)
{
  memset (l, 0, sizeof *l);
  if (p->matrix > REID_MATRIX_BT2020)
    return false;
  matrix (p, l->m);
  plane (p, l, 0, 0, 0, 1);
  switch (p->format) {
    case REID_PIXEL_I420:
      planar (p, l, 1, 2, 1, 1);
      return true;
    case REID_PIXEL_YV12:
      planar (p, l, 2, 1, 1, 1);
      return true;
    case REID_PIXEL_Y42B:
      planar (p, l, 1, 2, 1, 0);
      return true;
    case REID_PIXEL_Y444:
      planar (p, l, 1, 2, 0, 0);
      return true;
    case REID_PIXEL_NV12:
      semi (p, l, 0, 1);
      return true;
    case REID_PIXEL_NV21:
      semi (p, l, 1, 0);
      return true;
    case REID_PIXEL_GRAY8:
      return true;
    case REID_PIXEL_RGB:
      packed (p, l, 0, 1, 2, -1, 3);
      return true;
    case REID_PIXEL_BGR:
      packed (p, l, 2, 1, 0, -1, 3);
      return true;
    case REID_PIXEL_RGBX:
      packed (p, l, 0, 1, 2, 3, 4);
      return true;
    case REID_PIXEL_BGRX:
      packed (p, l, 2, 1, 0, 3, 4);
      return true;
    case REID_PIXEL_XRGB:
      packed (p, l, 1, 2, 3, 0, 4);
      return true;
    case REID_PIXEL_XBGR:
      packed (p, l, 3, 2, 1, 0, 4);
      return true;
    default:
      return false;
  }
}

bool
reid_synth_can_write (ReidPixelFormat format)
{
  static uint8_t nothing[4];
  ReidSynthPicture p = { format, { nothing, nothing, nothing } };
  Layout l;

  return synth_layout (&p, &l);
}
