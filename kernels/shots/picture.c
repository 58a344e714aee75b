/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shots/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below this saturation the hue, and below this value the saturation, is
 * mostly noise: the difference counts in proportion. */
#define RELIABLE 64
/* A pixel that moved by no more than this did not change. */
#define UNCHANGED 4

/* (x << 16) / d, rounded, so that no pixel needs a division. */
static uint32_t
scaled (uint32_t numerator, uint32_t divisor)
{
  return ((numerator << 16) + divisor / 2) / divisor;
}

void
reid_shot_picture_set (ReidShotPicture *picture, ReidShotGrid *grid,
                       const uint8_t *rgb)
{
  uint32_t saturation_of[256], hue_of[256];
  uint32_t cells[REID_SHOT_CELLS] = { 0 };

  saturation_of[0] = hue_of[0] = 0;
  for (uint32_t i = 1; i < 256; i++) {
    saturation_of[i] = scaled (255, i);
    hue_of[i] = scaled (30, i);
  }
  memset (grid->histogram, 0, sizeof grid->histogram);
  for (int y = 0; y < REID_SHOT_HEIGHT; y++) {
    for (int x = 0; x < REID_SHOT_WIDTH; x++) {
      int at = y * REID_SHOT_WIDTH + x;
      int r = rgb[3 * at], g = rgb[3 * at + 1], b = rgb[3 * at + 2];
      int most = r > g ? r : g, least = r < g ? r : g;
      most = b > most ? b : most;
      least = b < least ? b : least;
      int spread = most - least;
      int base = most == r ? 0 : most == g ? 60 : 120;
      int rise = most == r ? g - b : most == g ? b - r : r - g;
      int hue = base + ((rise * (int) hue_of[spread] + 32768) >> 16);
      hue += hue < 0 ? 180 : 0;
      hue -= hue >= 180 ? 180 : 0;
      picture->hue[at] = (uint8_t) hue;
      picture->saturation[at] =
          (uint8_t) (((uint32_t) spread * saturation_of[most] + 32768) >> 16);
      picture->value[at] = (uint8_t) most;

      int luma = (77 * r + 150 * g + 29 * b + 128) >> 8;
      grid->histogram[luma * REID_SHOT_BINS / 256]++;
      cells[y / 4 * REID_SHOT_GRID_WIDTH + x / 4] += (uint32_t) luma;
    }
  }
  for (int i = 0; i < REID_SHOT_CELLS; i++)
    grid->luma[i] = (uint8_t) ((cells[i] + 8) / 16);
}

static inline int
min_int (int a, int b)
{
  return a < b ? a : b;
}

double
reid_shot_difference (const ReidShotPicture *a, const ReidShotPicture *b)
{
  uint32_t hue = 0, saturation = 0, value = 0;

  for (int i = 0; i < REID_SHOT_PIXELS; i++) {
    int dh = abs (a->hue[i] - b->hue[i]);
    int ws = min_int (min_int (a->saturation[i], b->saturation[i]), RELIABLE);
    int wv = min_int (min_int (a->value[i], b->value[i]), RELIABLE);
    dh = min_int (dh, 180 - dh);
    hue += (uint32_t) (dh * ws);
    saturation += (uint32_t) (abs (a->saturation[i] - b->saturation[i]) * wv);
    value += (uint32_t) abs (a->value[i] - b->value[i]);
  }
  /* A picture without colour has only its value to differ in: there half of
   * that counts as much as the mean of three. */
  uint64_t mean = (uint64_t) hue + saturation + (uint64_t) value * RELIABLE;
  double all = (double) mean / (3.0 * RELIABLE * REID_SHOT_PIXELS);
  double grey = (double) value / (2.0 * REID_SHOT_PIXELS);
  return all > grey ? all : grey;
}

typedef struct {
  int64_t n, a, b, aa, bb, ab;
} Moments;

static inline void
moments_add (Moments *m, int a, int b, int weight)
{
  m->n += weight;
  m->a += weight * a;
  m->b += weight * b;
  m->aa += weight * a * a;
  m->bb += weight * b * b;
  m->ab += weight * a * b;
}

/* 0 when one of the two is flat: a deviation of two grey levels or less. */
static double
correlation (const Moments *m)
{
  double va = (double) (m->n * m->aa - m->a * m->a);
  double vb = (double) (m->n * m->bb - m->b * m->b);
  double flat = 4.0 * (double) m->n * (double) m->n;

  if (va <= flat || vb <= flat)
    return 0;
  return (double) (m->n * m->ab - m->a * m->b) / sqrt (va * vb);
}

double
reid_shot_structure (const ReidShotPicture *a, const ReidShotPicture *b)
{
  Moments m = { 0 };

  for (int i = 0; i < REID_SHOT_PIXELS; i++)
    moments_add (&m, a->value[i], b->value[i],
                 abs (a->value[i] - b->value[i]) > UNCHANGED);
  return m.n * 64 < REID_SHOT_PIXELS ? 1 : correlation (&m);
}

double
reid_shot_grid_structure (const ReidShotGrid *a, const ReidShotGrid *b,
                          int shift_x, int shift_y)
{
  Moments m = { 0 };

  for (int y = 0; y < REID_SHOT_GRID_HEIGHT; y++) {
    int v = y + shift_y;
    if (v < 0 || v >= REID_SHOT_GRID_HEIGHT)
      continue;
    for (int x = 0; x < REID_SHOT_GRID_WIDTH; x++) {
      int u = x + shift_x, at = y * REID_SHOT_GRID_WIDTH + x;
      if (u < 0 || u >= REID_SHOT_GRID_WIDTH)
        continue;
      moments_add (&m, a->luma[at], b->luma[v * REID_SHOT_GRID_WIDTH + u],
                   abs (a->luma[at] - b->luma[at]) > UNCHANGED);
    }
  }
  return m.n * 64 < REID_SHOT_CELLS ? 1 : correlation (&m);
}

double
reid_shot_grid_difference (const ReidShotGrid *a, const ReidShotGrid *b)
{
  uint32_t sum = 0;

  for (int i = 0; i < REID_SHOT_CELLS; i++)
    sum += (uint32_t) abs (a->luma[i] - b->luma[i]);
  return (double) sum / REID_SHOT_CELLS;
}

double
reid_shot_histogram_correlation (const ReidShotGrid *a, const ReidShotGrid *b)
{
  int64_t saa = 0, sbb = 0, sab = 0;
  const int64_t n = REID_SHOT_BINS, sum = REID_SHOT_PIXELS;

  for (int i = 0; i < REID_SHOT_BINS; i++) {
    saa += (int64_t) a->histogram[i] * a->histogram[i];
    sbb += (int64_t) b->histogram[i] * b->histogram[i];
    sab += (int64_t) a->histogram[i] * b->histogram[i];
  }
  double va = (double) (n * saa - sum * sum);
  double vb = (double) (n * sbb - sum * sum);
  if (va <= 0 || vb <= 0)
    return va == vb ? 1 : 0;
  return (double) (n * sab - sum * sum) / sqrt (va * vb);
}

int
reid_shot_grid_contrast (const ReidShotGrid *grid)
{
  int least = 255, most = 0;

  for (int i = 0; i < REID_SHOT_CELLS; i++) {
    least = min_int (least, grid->luma[i]);
    most = grid->luma[i] > most ? grid->luma[i] : most;
  }
  return most - least;
}

bool
reid_shot_grid_blank (const ReidShotGrid *grid)
{
  return reid_shot_grid_contrast (grid) <= 12;
}

bool
reid_shot_blend (const ReidShotGrid *a, const ReidShotGrid *b,
                 const ReidShotGrid *m, double *alpha, double *residual)
{
  int32_t dd = 0, dm = 0, mm = 0;

  for (int i = 0; i < REID_SHOT_CELLS; i++) {
    int d = b->luma[i] - a->luma[i], e = m->luma[i] - a->luma[i];
    dd += d * d;
    dm += d * e;
    mm += e * e;
  }
  if (dd == 0)
    return false;
  *alpha = (double) dm / dd;
  *residual = ((double) mm - *alpha * dm) / dd;
  return true;
}
