/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The detectors of ../shared on photographs, against what ONNX Runtime and a
 * NumPy decoding find in them (reference.py). */

#include "test.h"
#include "photo.h"
#include "detect/detect.h"
#include "detect/head.h"

typedef struct {
  float score, box[4], landmarks[10];
} Face;

typedef struct {
  const char *model, *photo;
  int size, n;
  Face faces[4];
} Reference;

#include "reference.h"

#define HALF_A_PIXEL 0.5

static bool
matches (const Face *want, const ReidFace *got, double width, double height)
{
  const double edges[4] = { got->left * width, got->top * height,
                            got->width * width, got->height * height };
  bool ok = fabs ((double) want->score - (double) got->score) <= 0.01;

  ok = ok && fabs (edges[0] - (double) want->box[0]) <= HALF_A_PIXEL;
  ok = ok && fabs (edges[1] - (double) want->box[1]) <= HALF_A_PIXEL;
  ok = ok
       && fabs (edges[0] + edges[2] - (double) (want->box[0] + want->box[2]))
              <= HALF_A_PIXEL;
  ok = ok
       && fabs (edges[1] + edges[3] - (double) (want->box[1] + want->box[3]))
              <= HALF_A_PIXEL;
  if (!got->has_landmarks)
    return ok && want->landmarks[0] == 0;
  for (int i = 0; i < 10; i++)
    ok = ok
         && fabs ((double) got->landmarks[i] * (i & 1 ? height : width)
                  - (double) want->landmarks[i])
                <= HALF_A_PIXEL;
  return ok;
}

static void
compare (const Reference *r, const ReidFace *faces, int n, const Photo *photo)
{
  CHECK_MSG (n == r->n, "%s, size %d, %s: %d faces, not %d", r->model, r->size,
             r->photo, n, r->n);
  for (int i = 0; i < r->n; i++) {
    bool found = false;
    for (int k = 0; k < n && !found; k++)
      found = matches (&r->faces[i], &faces[k], photo->width, photo->height);
    CHECK_MSG (found, "%s, size %d, %s: face %d is not there", r->model,
               r->size, r->photo, i);
  }
  for (int k = 1; k < n; k++)
    CHECK (faces[k - 1].score >= faces[k].score);
}

static void
run (const char *part, ReidHead head, float threshold)
{
  for (unsigned i = 0; i < sizeof references / sizeof *references; i++) {
    const Reference *r = &references[i];
    if (!strstr (r->model, part))
      continue;
    const char *model = test_shared (r->model);
    const char *path = test_shared (r->photo);
    if (!model || !path)
      SKIP ("needs ../shared: %s", model ? r->photo : r->model);

    ReidError error = REID_ERROR_INIT;
    ReidDetectorOptions options;
    const ReidFace *faces;
    Photo photo;
    int n;

    reid_detector_options_init (&options);
    options.inference_size = r->size;
    options.threads = 1;
    options.threshold = threshold; /* that of reference.py */
    ReidDetector *detector = reid_detector_new (model, NULL, &options, &error);
    REQUIRE_OK (detector != NULL, error);
    CHECK (reid_detector_head (detector) == head);
    REQUIRE (photo_read (&photo, path, true));
    ReidImage image = photo_image (&photo, true);
    REQUIRE_OK (reid_detector_run (detector, &image, &faces, &n, &error),
                error);
    compare (r, faces, n, &photo);
    reid_detector_free (detector);
    free (photo.pixels);
  }
}

TEST (yunet_of_free_size)
{
  run ("yunet_n_dynamic", REID_HEAD_YUNET, .6f);
}

TEST (yunet_of_fixed_size)
{
  run ("yunet_n_320", REID_HEAD_YUNET, .6f);
}

TEST (ultralight_rfb)
{
  run ("RFB", REID_HEAD_ULTRALIGHT, .7f);
}

TEST (ultralight_slim)
{
  run ("slim", REID_HEAD_ULTRALIGHT, .7f);
}

TEST (blazeface)
{
  run ("blazeface", REID_HEAD_BLAZEFACE, .75f);
}

/* The file that came with the network: float64 [896, 4] x y w h. */
TEST (blazeface_anchors_are_those_of_the_network)
{
  static const char file[] = "models/blazeface/anchors.npy";
  static float centres[2 * REID_BLAZEFACE_ANCHORS];
  static double stored[4 * REID_BLAZEFACE_ANCHORS];
  const char *path = test_shared (file);
  unsigned char head[10];

  if (!path)
    SKIP ("needs ../shared: %s", file);
  FILE *f = fopen (path, "rb");
  REQUIRE (f && fread (head, 1, 10, f) == 10);
  REQUIRE (!fseek (f, 10 + head[8] + 256 * head[9], SEEK_SET));
  REQUIRE (fread (stored, sizeof stored, 1, f) == 1);
  fclose (f);
  reid_blazeface_anchors (centres);
  for (int i = 0; i < REID_BLAZEFACE_ANCHORS; i++) {
    CHECK (stored[4 * i] == centres[2 * i]);
    CHECK (stored[4 * i + 1] == centres[2 * i + 1]);
    CHECK (stored[4 * i + 2] == 1 && stored[4 * i + 3] == 1);
  }
}

TEST (an_embedder_is_no_detector)
{
  static const char file[] = "models/mobilefacenet/MobileFaceNet.onnx";
  const char *model = test_shared (file);
  ReidError error = REID_ERROR_INIT;

  if (!model)
    SKIP ("needs ../shared: %s", file);
  CHECK (!reid_detector_new (model, NULL, NULL, &error));
  CHECK_MSG (strstr (error.message, "MobileFaceNet.onnx is no face detector")
                 && strstr (error.message, "output0 [?,128]"),
             "%s", error.message);
}

TEST_MAIN ()
