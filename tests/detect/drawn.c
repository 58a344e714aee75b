/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The detector that ships, on drawn people, against the truth about them. */

#include "test.h"
#include "drawn.h"
#include "detect/detect.h"

#define PEOPLE 12
#define SHOTS 12
#define FRAMES 4 /* of each shot */
#define THRESHOLD .5f /* as in reid-detect-s.modelinfo */

static ReidDetector *
open_detector (ReidError *error)
{
  ReidDetectorOptions options;

  reid_detector_options_init (&options);
  options.threshold = THRESHOLD;
  return reid_detector_new (DRAWN_DETECTOR, NULL, &options, error);
}

static double
overlap (const ReidSynthFace *t, const ReidFace *f)
{
  double w =
      fmin (t->left + t->width, f->left + f->width) - fmax (t->left, f->left);
  double h =
      fmin (t->top + t->height, f->top + f->height) - fmax (t->top, f->top);
  double both = fmax (w, 0) * fmax (h, 0);

  return both / (t->width * t->height + f->width * f->height - both);
}

static const ReidFace *
best_of (const ReidSynthFace *t, const ReidFace *faces, int n, double *best)
{
  const ReidFace *face = NULL;

  *best = 0;
  for (int i = 0; i < n; i++)
    if (overlap (t, &faces[i]) > *best) {
      *best = overlap (t, &faces[i]);
      face = &faces[i];
    }
  return face;
}

/* Mean distance of the landmarks, as a part of the eyes' distance. */
static double
landmarks_off (const Drawn *d, const ReidSynthFace *t, const ReidFace *f)
{
  double w = d->width, h = d->height, off = 0;

  for (int k = 0; k < 10; k += 2)
    off += hypot ((f->landmarks[k] - t->landmarks[k]) * w,
                  (f->landmarks[k + 1] - t->landmarks[k + 1]) * h)
           / 5;
  return off
         / hypot ((t->landmarks[2] - t->landmarks[0]) * w,
                  (t->landmarks[3] - t->landmarks[1]) * h);
}

typedef struct {
  int wanted, detections;
  double iou, landmarks;
} Sum;

static void
judge (const Drawn *d, const ReidSynthTruth *truth, const ReidFace *faces,
       int n, uint32_t seed, Sum *sum)
{
  sum->detections += n;
  for (int i = 0; i < truth->n_faces; i++) {
    const ReidSynthFace *t = &truth->faces[i];
    double best;
    const ReidFace *f = best_of (t, faces, n, &best);
    if (!drawn_is_wanted (truth, t))
      continue;
    CHECK_MSG (best >= .5,
               "seed %u, frame %d: person %d is not found (yaw %.0f, "
               "%.0f %% seen)",
               (unsigned) seed, (int) truth->frame, t->person, (double) t->yaw,
               100 * (double) t->visible);
    if (best < .5)
      continue;
    CHECK (f->has_landmarks);
    sum->wanted++;
    sum->iou += best;
    sum->landmarks += landmarks_off (d, t, f);
  }
  for (int i = 0; i < n; i++) {
    double best = 0;
    for (int k = 0; k < truth->n_faces; k++)
      best = fmax (best, overlap (&truth->faces[k], &faces[i]));
    CHECK_MSG (best >= .2, "seed %u, frame %d: %.2f is nobody, at %.3f %.3f",
               (unsigned) seed, (int) truth->frame, (double) faces[i].score,
               (double) faces[i].left, (double) faces[i].top);
  }
}

TEST (all_who_face_the_camera_are_found_and_nobody_else)
{
  static const uint32_t seeds[] = { 7, 8 };
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_detector (&error);
  Sum sum = { 0 };

  REQUIRE_OK (detector != NULL, error);
  for (int i = 0; i < 2; i++) {
    Drawn d;
    REQUIRE_OK (drawn_open (&d, PEOPLE, seeds[i], &error), error);
    for (int k = 0; k < SHOTS * FRAMES; k++) {
      int64_t frame = drawn_frame_of (&d, k / FRAMES, k % FRAMES, FRAMES);
      ReidSynthTruth truth;
      ReidImage image;
      const ReidFace *faces;
      int n;
      REQUIRE_OK (drawn_frame (&d, frame, &image, &truth, &error), error);
      REQUIRE_OK (reid_detector_run (detector, &image, &faces, &n, &error),
                  error);
      judge (&d, &truth, faces, n, seeds[i], &sum);
    }
    drawn_close (&d);
  }
  reid_detector_free (detector);
  REQUIRE (sum.wanted > 100);
  printf ("# %d faces wanted, %d detections, mean IoU %.3f, landmarks off by "
          "%.3f of the eyes' distance\n",
          sum.wanted, sum.detections, sum.iou / sum.wanted,
          sum.landmarks / sum.wanted);
  CHECK_MSG (sum.iou / sum.wanted >= .75, "%g", sum.iou / sum.wanted);
  CHECK_MSG (sum.landmarks / sum.wanted <= .15, "%g",
             sum.landmarks / sum.wanted);
}

TEST (empty_grounds_hold_nobody)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_detector (&error);

  REQUIRE_OK (detector != NULL, error);
  for (uint32_t seed = 7; seed < 10; seed++) {
    Drawn d;
    REQUIRE_OK (drawn_open (&d, 0, seed, &error), error);
    for (int shot = 0; shot < SHOTS; shot++) {
      ReidSynthTruth truth;
      ReidImage image;
      const ReidFace *faces;
      int n;
      REQUIRE_OK (drawn_frame (&d, drawn_frame_of (&d, shot, 0, 1), &image,
                               &truth, &error),
                  error);
      REQUIRE_OK (reid_detector_run (detector, &image, &faces, &n, &error),
                  error);
      CHECK_MSG (n == 0, "seed %u, shot %d: %d faces, the first %.2f",
                 (unsigned) seed, shot, n, (double) faces[0].score);
    }
    drawn_close (&d);
  }
  reid_detector_free (detector);
}

TEST (the_embedder_that_ships_is_no_detector)
{
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_detector_new (DRAWN_EMBEDDER, NULL, NULL, &error));
  CHECK_MSG (strstr (error.message, "reid-embed-s.onnx is no face detector"),
             "%s", error.message);
}

TEST_MAIN ()
