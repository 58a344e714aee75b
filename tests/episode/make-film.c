/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* make-film DIR: writes what the tests of whole episodes work on, without any
 * file from elsewhere: film.y4m with film.faces.csv and film.shots.csv (see
 * truth/README.md for their format), empty.y4m, a film without people, and the
 * networks detector.onnx, colour.onnx, constant.onnx and random.onnx. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "film.h"
#include "tinyonnx.h"

static FILE *
create (const char *name)
{
  FILE *f = fopen (name, "wb");

  if (!f) {
    perror (name);
    exit (1);
  }
  return f;
}

static void
finish (FILE *f, const char *name)
{
  if (ferror (f) || fclose (f) != 0) {
    perror (name);
    exit (1);
  }
}

static void
write_video (const char *name, unsigned frames, bool empty)
{
  static uint8_t i420[FILM_BYTES];
  FILE *f = create (name);

  fprintf (f, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", FILM_WIDTH,
           FILM_HEIGHT, FILM_RATE);
  for (unsigned i = 0; i < frames; i++) {
    film_draw (i, 0, empty, i420);
    fputs ("FRAME\n", f);
    fwrite (i420, 1, sizeof i420, f);
  }
  finish (f, name);
}

static void
write_truth (unsigned frames)
{
  FILE *f = create ("film.faces.csv");

  fprintf (f, "frame,person,left,top,width,height\n");
  for (unsigned i = 0; i < frames; i++) {
    FilmFace faces[FILM_MOST];
    unsigned n = film_faces (i, 0, faces);
    for (unsigned k = 0; k < n; k++) {
      fprintf (f, "%u,", i);
      if (faces[k].hidden)
        fprintf (f, "ignore");
      else
        fprintf (f, "P%02u", faces[k].person + 1);
      fprintf (f, ",%d,%d,%d,%d\n", faces[k].left, faces[k].top, faces[k].side,
               faces[k].side);
    }
  }
  finish (f, "film.faces.csv");
  f = create ("film.shots.csv");
  fprintf (f, "first_frame,kind\n");
  for (unsigned i = 0; i < film_shots (); i++)
    fprintf (f, "%u,cut\n", film_shot_start (i));
  finish (f, "film.shots.csv");
}

int
main (int argc, char **argv)
{
  unsigned frames = film_shot_start (film_shots ());

  if (argc != 2) {
    fprintf (stderr, "usage: make-film DIR\n");
    return 2;
  }
  if (chdir (argv[1]) != 0) {
    perror (argv[1]);
    return 1;
  }
  write_video ("film.y4m", frames, false);
  write_video ("empty.y4m", 40, true);
  write_truth (frames);
  if (!tiny_yunet ("detector.onnx")
      || !tiny_embedder ("colour.onnx", TINY_EMBED_COLOUR)
      || !tiny_embedder ("constant.onnx", TINY_EMBED_CONSTANT)
      || !tiny_embedder ("random.onnx", TINY_EMBED_RANDOM)) {
    fprintf (stderr, "cannot write the networks\n");
    return 1;
  }
  return 0;
}
