/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_LFW_H
#define REID_TEST_LFW_H

/* Pairs of photographs of one or of two persons (Labeled Faces in the Wild):
 * detect, align, embed, compare. */

#include "detect/detect.h"
#include "detect/photo.h"
#include "embed/embed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LFW_PAIRS "faces/lfw-dev-pairs.txt"
#define LFW_YUNET "models/yunet/yunet_n_dynamic.onnx"
#define LFW_EMBEDDER "models/mobilefacenet/MobileFaceNet.onnx"

typedef struct {
  char photo[2][256]; /* NAME/NAME_0001.jpg */
  bool same;
  double cosine;
  bool valid; /* a face was found on both */
} LfwPair;

/* Every `step`-th line; the number of pairs, or -1. */
static inline int
lfw_read (const char *path, int step, LfwPair *pairs, int room)
{
  FILE *f = fopen (path, "r");
  char line[512], a[100], b[100];
  int n = 0, i, j;

  if (!f)
    return -1;
  for (int k = 0; n < room && fgets (line, sizeof line, f); k++) {
    LfwPair *p = &pairs[n];
    if (k % step)
      continue;
    memset (p, 0, sizeof *p);
    if (sscanf (line, "%99s %d %99s %d", a, &i, b, &j) == 4)
      p->same = false;
    else if (sscanf (line, "%99s %d %d", a, &i, &j) == 3) {
      p->same = true;
      strcpy (b, a);
    } else
      continue;
    snprintf (p->photo[0], sizeof p->photo[0], "%s/%s_%04d.jpg", a, a, i);
    snprintf (p->photo[1], sizeof p->photo[1], "%s/%s_%04d.jpg", b, b, j);
    n++;
  }
  fclose (f);
  return n;
}

static inline void
lfw_mobilefacenet_info (ReidEmbedderInfo *info)
{
  static const float mean[] = { 123.675f, 116.28f, 103.53f };
  static const float deviation[] = { 58.395f, 57.12f, 57.375f };

  reid_embedder_info_init (info);
  for (int c = 0; c < 3; c++) {
    info->mean[c] = mean[c];
    info->scale[c] = 1 / deviation[c];
  }
}

/* The face nearest to the middle: that is whom the photograph is of. */
static inline const ReidFace *
lfw_middle (const ReidFace *faces, int n)
{
  const ReidFace *best = NULL;
  double least = 1e9;

  for (int i = 0; i < n; i++) {
    double x = faces[i].left + faces[i].width / 2 - 0.5;
    double y = faces[i].top + faces[i].height / 2 - 0.5;
    if (x * x + y * y < least) {
      least = x * x + y * y;
      best = &faces[i];
    }
  }
  return best;
}

/* The vector of one photograph; false where there is no face, or on an error,
 * which is then set. */
static inline bool
lfw_embed (ReidDetector *detector, ReidEmbedder *embedder, const char *path,
           bool by_landmarks, float *vector, ReidError *error)
{
  Photo photo;
  const ReidFace *faces, *face;
  float landmarks[10];
  bool ok = false;
  int n;

  if (!photo_read (&photo, path, false))
    return reid_error_set (error, REID_ERROR_OPEN, "%s cannot be read", path);
  ReidImage image = photo_image (&photo, false);
  if (reid_detector_run (detector, &image, &faces, &n, error)
      && (face = lfw_middle (faces, n))) {
    float w = (float) photo.width, h = (float) photo.height;
    ReidFacePicture picture = { .rgb = photo.pixels,
                                .width = photo.width,
                                .height = photo.height,
                                .stride = 3 * photo.width,
                                .landmarks = by_landmarks && face->has_landmarks
                                                 ? landmarks
                                                 : NULL,
                                .box = { face->left * w, face->top * h,
                                         face->width * w, face->height * h } };
    for (int i = 0; i < 10; i++)
      landmarks[i] = face->landmarks[i] * (i & 1 ? h : w);
    ok = reid_embedder_run (embedder, &picture, 1, true, vector, error);
  }
  free (photo.pixels);
  return ok;
}

static inline bool
lfw_compare (ReidDetector *detector, ReidEmbedder *embedder,
             const char *directory, bool by_landmarks, LfwPair *pair,
             ReidError *error)
{
  int dims = reid_embedder_dims (embedder);
  float *v = malloc (2 * (size_t) dims * sizeof *v);
  char path[4608];

  pair->valid = v != NULL;
  pair->cosine = 0;
  for (int k = 0; k < 2 && pair->valid; k++) {
    int length =
        snprintf (path, sizeof path, "%s/%s", directory, pair->photo[k]);
    pair->valid = length > 0 && (size_t) length < sizeof path
                  && lfw_embed (detector, embedder, path, by_landmarks,
                                v + k * dims, error);
  }
  for (int i = 0; i < dims && pair->valid; i++)
    pair->cosine += (double) v[i] * v[dims + i];
  free (v);
  return !error || error->status == REID_OK;
}

/* Mean of the parts of pairs of one person and of pairs of two that this
 * threshold judges rightly, so that 0.5 is what knowing nothing gives, however
 * many there are of each; a pair without two faces is judged wrongly. */
static inline double
lfw_accuracy (const LfwPair *pairs, int n, double threshold)
{
  int right[2] = { 0 }, all[2] = { 0 };

  for (int i = 0; i < n; i++) {
    bool same = pairs[i].same;
    right[same] += pairs[i].valid && (pairs[i].cosine >= threshold) == same;
    all[same]++;
  }
  return all[0] && all[1] ? 0.5 * right[0] / all[0] + 0.5 * right[1] / all[1]
                          : 0;
}

static inline double
lfw_best (const LfwPair *pairs, int n, double *threshold)
{
  double best = -1;

  for (int k = -100; k <= 100; k++) {
    double accuracy = lfw_accuracy (pairs, n, k / 100.);
    if (accuracy > best) {
      best = accuracy;
      *threshold = k / 100.;
    }
  }
  return best;
}

#endif /* REID_TEST_LFW_H */
