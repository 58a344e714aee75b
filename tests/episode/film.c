/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "film.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where somebody is in a shot: the middle of the face at its beginning and at
 * its end. */
typedef struct {
  unsigned person;
  int x0, y0, x1, y1, side;
} Part;

#define VISITOR FILM_CAST

typedef struct {
  unsigned frames;
  int hue, pan; /* of the ground: which, and how far it moves in the shot */
  Part parts[FILM_MOST];
  unsigned n;
} Shot;

#define SHOT(frames, hue, pan, n, ...)                                         \
  {                                                                            \
    frames, hue, pan, { __VA_ARGS__ }, n                                       \
  }

static const Shot shots[] = {
  /* two who talk */
  SHOT (50, 0, 0, 2, { 0, 90, 96, 96, 92, 40 }, { 1, 230, 98, 226, 94, 40 }),
  /* one who walks through a pan */
  SHOT (40, 1, 60, 1, { 2, 40, 80, 280, 110, 36 }),
  /* back to the two, who change places: one passes behind the other */
  SHOT (60, 0, 0, 2, { 0, 60, 96, 260, 96, 40 }, { 1, 260, 110, 60, 110, 36 }),
  /* nobody */
  SHOT (30, 2, 0, 0, { 0 }),
  /* three, and one of them passes above the others */
  SHOT (60, 3, 0, 3, { 3, 80, 150, 84, 148, 34 }, { 4, 240, 150, 236, 150, 34 },
        { 2, 30, 50, 290, 50, 36 }),
  /* close */
  SHOT (40, 4, 20, 1, { 3, 160, 96, 166, 96, 50 }),
  /* somebody who is never seen again, and one who is small and far */
  SHOT (50, 5, 0, 2, { VISITOR, 40, 130, 200, 120, 40 },
        { 5, 260, 40, 280, 44, 26 }),
  /* everybody */
  SHOT (50, 2, 0, 6, { 0, 50, 50, 54, 50, 30 }, { 1, 160, 50, 160, 52, 30 },
        { 2, 270, 50, 266, 50, 30 }, { 3, 50, 140, 50, 140, 30 },
        { 4, 160, 140, 164, 140, 30 }, { 5, 270, 140, 270, 138, 30 }),
  /* two who meet halfway and turn back */
  SHOT (40, 6, 0, 2, { 4, 60, 90, 120, 90, 38 }, { 5, 260, 90, 200, 90, 38 }),
  /* one last look */
  SHOT (40, 1, 0, 1, { 1, 150, 100, 160, 100, 46 }),
};

unsigned
film_shots (void)
{
  return sizeof shots / sizeof *shots;
}

unsigned
film_shot_start (unsigned shot)
{
  unsigned start = 0;

  for (unsigned i = 0; i < shot && i < film_shots (); i++)
    start += shots[i].frames;
  return start;
}

static uint32_t
mix (uint32_t x)
{
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

static const Shot *
shot_of (unsigned frame, double *at)
{
  const Shot *shot = shots;

  frame %= film_shot_start (film_shots ());
  while (frame >= shot->frames)
    frame -= shot++->frames;
  *at = (double) frame / (shot->frames - 1);
  return shot;
}

unsigned
film_faces (unsigned frame, unsigned visitor, FilmFace faces[FILM_MOST])
{
  double at;
  const Shot *shot = shot_of (frame, &at);

  for (unsigned i = 0; i < shot->n; i++) {
    const Part *p = &shot->parts[i];
    faces[i].person = p->person == VISITOR ? FILM_CAST + visitor : p->person;
    faces[i].side = p->side;
    faces[i].left = (int) lrint (p->x0 + at * (p->x1 - p->x0)) - p->side / 2;
    faces[i].top = (int) lrint (p->y0 + at * (p->y1 - p->y0)) - p->side / 2;
    faces[i].hidden = false;
  }
  /* the detector finds no shape that has another within 40 pixels of its
   * middle, or within 80 of it on the picture enlarged to 640 */
  for (unsigned i = 0; i < shot->n; i++)
    for (unsigned j = 0; j < shot->n; j++) {
      int reach = 44 + faces[j].side / 2;
      int dx =
          faces[i].left + faces[i].side / 2 - faces[j].left - faces[j].side / 2;
      int dy =
          faces[i].top + faces[i].side / 2 - faces[j].top - faces[j].side / 2;
      if (i != j && abs (dx) < reach && abs (dy) < reach)
        faces[i].hidden = true;
    }
  return shot->n;
}

/* One of seven bright colours for each of 4x4 cells. */
static void
colour_of (unsigned person, int cell, double rgb[3])
{
  uint32_t bits = mix (person * 16 + (uint32_t) cell + 1000) % 7 + 1;

  for (int c = 0; c < 3; c++)
    rgb[c] = bits >> c & 1 ? 225 : 30;
}

static uint8_t
to_byte (double v)
{
  return (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : lrint (v));
}

static void
put_pixel (uint8_t *i420, int x, int y, const double rgb[3])
{
  uint8_t *u = i420 + FILM_WIDTH * FILM_HEIGHT,
          *v = u + FILM_WIDTH * FILM_HEIGHT / 4;
  double r = rgb[0] / 255, g = rgb[1] / 255, b = rgb[2] / 255;
  double luma = .299 * r + .587 * g + .114 * b;

  if (x < 0 || x >= FILM_WIDTH || y < 0 || y >= FILM_HEIGHT)
    return;
  i420[y * FILM_WIDTH + x] = to_byte (16 + 219 * luma);
  u[y / 2 * (FILM_WIDTH / 2) + x / 2] =
      to_byte (128 + 224 * .5 * (b - luma) / .886);
  v[y / 2 * (FILM_WIDTH / 2) + x / 2] =
      to_byte (128 + 224 * .5 * (r - luma) / .701);
}

/* Dark, of its own pattern and colour in each set. */
static void
draw_ground (const Shot *shot, double at, uint8_t *i420)
{
  int moved = (int) lrint (at * shot->pan);

  for (int y = 0; y < FILM_HEIGHT; y++)
    for (int x = 0; x < FILM_WIDTH; x++) {
      uint32_t block =
          mix ((uint32_t) ((x + moved) / 16 + y / 16 * 64 + shot->hue * 4096));
      double rgb[3];
      for (int c = 0; c < 3; c++)
        rgb[c] = 10 + ((shot->hue + 1) >> c & 1) * 40 + (block >> 8 * c & 31);
      put_pixel (i420, x, y, rgb);
    }
}

static void
draw_face (const FilmFace *f, uint8_t *i420)
{
  for (int y = 0; y < f->side; y++)
    for (int x = 0; x < f->side; x++) {
      double rgb[3];
      colour_of (f->person, y * 4 / f->side * 4 + x * 4 / f->side, rgb);
      put_pixel (i420, f->left + x, f->top + y, rgb);
    }
}

void
film_draw (unsigned frame, unsigned visitor, bool empty,
           uint8_t i420[FILM_BYTES])
{
  FilmFace faces[FILM_MOST];
  double at;
  const Shot *shot = shot_of (frame, &at);
  unsigned n = empty ? 0 : film_faces (frame, visitor, faces);
  uint64_t state = frame * 0x9e3779b97f4a7c15u + 1;

  draw_ground (shot, at, i420);
  for (unsigned i = n; i-- > 0;) /* the first stands in front */
    draw_face (&faces[i], i420);
  /* noise, so that no two pictures of anybody are equal */
  for (int i = 0; i < FILM_WIDTH * FILM_HEIGHT; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    for (int k = 0; k < 8; k++)
      i420[i + k] = (uint8_t) (i420[i + k] + (state >> 8 * k & 7) - 3);
  }
}
