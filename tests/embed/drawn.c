/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The embedder that ships, on drawn people: how well its vectors tell them
 * apart, and that knowing nothing does not. */

#include "test.h"
#include "drawn.h"
#include "embed/embed.h"
#include "tinyonnx.h"

#include <unistd.h>

#define PEOPLE 10
#define SHOTS 20
#define FRAMES 3 /* of each shot */
#define MOST (SHOTS * FRAMES * REID_SYNTH_MAX_FACES)

/* Vectors of faces, each with its person and shot. */
typedef struct {
  int n, dims, person[MOST], shot[MOST];
  float *vectors;
} Faces;

static ReidFacePicture
picture_of (const Drawn *d, const ReidSynthFace *t, bool by_landmarks,
            float landmarks[10])
{
  float w = (float) d->width, h = (float) d->height;

  for (int k = 0; k < 10; k++)
    landmarks[k] = t->landmarks[k] * (k & 1 ? h : w);
  return (ReidFacePicture){ .rgb = d->rgb,
                            .width = d->width,
                            .height = d->height,
                            .stride = 3 * (ptrdiff_t) d->width,
                            .landmarks = by_landmarks ? landmarks : NULL,
                            .box = { t->left * w, t->top * h, t->width * w,
                                     t->height * h } };
}

static bool
embed_frame (const Drawn *d, const ReidSynthTruth *truth, int shot,
             ReidEmbedder *embedder, bool by_landmarks, Faces *faces,
             ReidError *error)
{
  bool ok = true;

  for (int i = 0; ok && i < truth->n_faces; i++) {
    const ReidSynthFace *t = &truth->faces[i];
    float landmarks[10];
    ReidFacePicture p = picture_of (d, t, by_landmarks, landmarks);
    if (!drawn_is_wanted (truth, t))
      continue;
    ok = reid_embedder_run (embedder, &p, 1, true,
                            faces->vectors + faces->n * faces->dims, error);
    faces->person[faces->n] = t->person;
    faces->shot[faces->n++] = shot;
  }
  return ok;
}

static double
cosine (const Faces *f, int a, int b)
{
  double dot = 0;

  for (int k = 0; k < f->dims; k++)
    dot += (double) f->vectors[a * f->dims + k] * f->vectors[b * f->dims + k];
  return dot;
}

/* The share of pairs of pairs, one of the same person and one of two, in which
 * the first is more alike; a tie is a half. Pairs within a shot are left out:
 * there the clothes and the light are the same, too. */
static double
area_under_curve (const Faces *f)
{
  static double value[2][MOST * MOST / 2];
  int n[2] = { 0 };
  double above = 0;

  for (int a = 0; a < f->n; a++)
    for (int b = 0; b < a; b++)
      if (f->shot[a] != f->shot[b]) {
        bool same = f->person[a] == f->person[b];
        value[same][n[same]++] = cosine (f, a, b);
      }
  for (int i = 0; i < n[1]; i++)
    for (int k = 0; k < n[0]; k++)
      above += value[1][i] > value[0][k]    ? 1
               : value[1][i] == value[0][k] ? .5
                                            : 0;
  printf ("# %d faces, %d pairs of one person, %d of two\n", f->n, n[1], n[0]);
  return n[0] && n[1] ? above / n[0] / n[1] : 0;
}

/* What is looked at, in one pass through the episode. */
enum { BY_LANDMARKS, BY_BOXES, CONSTANT, RANDOM, KINDS };

static ReidEmbedder *
embedder_of (int kind, ReidError *error)
{
  ReidEmbedder *embedder;
  char path[64];

  if (kind == BY_LANDMARKS || kind == BY_BOXES)
    return reid_embedder_new (DRAWN_EMBEDDER, NULL, NULL, error);
  snprintf (path, sizeof path, "/tmp/reid-drawn-%d.onnx", (int) getpid ());
  if (!tiny_embedder (path, kind == CONSTANT ? TINY_EMBED_CONSTANT
                                             : TINY_EMBED_RANDOM)) {
    reid_error_set (error, REID_ERROR_WRITE, "cannot write %s", path);
    return NULL;
  }
  embedder = reid_embedder_new (path, NULL, NULL, error);
  unlink (path);
  return embedder;
}

static bool
embed_all (ReidEmbedder *const embedders[KINDS], Faces faces[KINDS],
           ReidError *error)
{
  bool ok = true;
  Drawn d;

  if (!drawn_open (&d, PEOPLE, 7, error))
    return false;
  for (int k = 0; ok && k < SHOTS * FRAMES; k++) {
    int shot = k / FRAMES;
    ReidSynthTruth truth;
    ReidImage image;
    ok = drawn_frame (&d, drawn_frame_of (&d, shot, k % FRAMES, FRAMES), &image,
                      &truth, error);
    for (int i = 0; ok && i < KINDS; i++)
      ok = embed_frame (&d, &truth, shot, embedders[i], i != BY_BOXES,
                        &faces[i], error);
  }
  drawn_close (&d);
  return ok;
}

/* The area under the curve of one kind; all are measured with the first. */
static bool
measure (int kind, double *area, ReidError *error)
{
  static double areas[KINDS];
  static bool measured;
  static Faces faces[KINDS];
  ReidEmbedder *embedders[KINDS] = { NULL };
  bool ok = true;

  for (int i = 0; i < KINDS && ok && !measured; i++) {
    embedders[i] = embedder_of (i, error);
    ok = embedders[i] != NULL;
    faces[i].n = 0;
    faces[i].dims = ok ? reid_embedder_dims (embedders[i]) : 0;
    faces[i].vectors = calloc (MOST, (size_t) faces[i].dims * sizeof (float));
  }
  ok = ok && (measured || embed_all (embedders, faces, error));
  for (int i = 0; i < KINDS && !measured; i++) {
    areas[i] = ok ? area_under_curve (&faces[i]) : 0;
    free (faces[i].vectors);
    faces[i].vectors = NULL;
    reid_embedder_free (embedders[i]);
  }
  measured = ok;
  *area = areas[kind];
  printf ("# AUC %.4f\n", *area);
  return ok;
}

static void
check_area (int kind, double least, double most)
{
  ReidError error = REID_ERROR_INIT;
  double area = 0;

  REQUIRE_OK (measure (kind, &area, &error), error);
  CHECK_MSG (area >= least && area <= most, "AUC %.4f", area);
}

TEST (drawn_people_are_told_apart)
{
  check_area (BY_LANDMARKS, .99, 1);
}

TEST (boxes_alone_tell_them_apart_too)
{
  check_area (BY_BOXES, .95, 1);
}

TEST (a_constant_embedder_tells_nobody_apart)
{
  check_area (CONSTANT, 0, .65);
}

TEST (a_random_embedder_tells_nobody_apart)
{
  check_area (RANDOM, 0, .65);
}

TEST_MAIN ()
