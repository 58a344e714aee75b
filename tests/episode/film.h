/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_FILM_H
#define REID_TEST_FILM_H

/* A film without a file: people who are bright squares of a colour pattern of
 * their own (what tiny_yunet finds and tiny_embedder tells apart, see
 * tests/nn/tinyonnx.h) on dark grounds, over several shots, in which they come
 * back, pass one another and go. Who is where is known exactly. Every frame is
 * drawn from its number alone. */

#include <stdbool.h>
#include <stdint.h>

enum {
  FILM_WIDTH = 320,
  FILM_HEIGHT = 192,
  FILM_RATE = 25,
  FILM_BYTES = FILM_WIDTH * FILM_HEIGHT * 3 / 2,
  FILM_CAST = 6, /* people 0 to 5: those who come back */
  FILM_MOST = 8  /* people in a frame */
};

typedef struct {
  unsigned person;
  int left, top, side; /* pixels */
  bool hidden;         /* behind another, or too near to one to be found */
} FilmFace;

unsigned film_shots (void);
/* The first frame of a shot; of film_shots(), the length of the film. */
unsigned film_shot_start (unsigned shot);

/* The people of a frame; returns how many. `visitor` plays the part of somebody
 * who is in one shot only: person FILM_CAST + visitor. */
unsigned film_faces (unsigned frame, unsigned visitor,
                     FilmFace faces[FILM_MOST]);
/* I420, BT.601 limited range, without padding. With `empty` nobody is in it. */
void film_draw (unsigned frame, unsigned visitor, bool empty,
                uint8_t i420[FILM_BYTES]);

#endif /* REID_TEST_FILM_H */
