/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bf16 on the CPU against f32 on photographs: an embedding points the same way,
 * and a box lies within half a pixel on average; at worst another one of two
 * that are as good is taken, for which a detector is f32 unless asked. With
 * AMX, or with what stands for it in tests (nn/dnnl/shim.h). */

#include "test.h"
#include "lfw.h"

/* Of 2389 pairs, whose first photograph is looked at. */
#define STEP 40
#define ROOM 100
#define SIZE 320 /* of the detectors' input */

static const char *
shipped (const char *name)
{
  static char path[2][4096];
  static int at;
  char *p = path[at++ & 1];

  snprintf (p, sizeof path[0], "%s/kernels/models/%s", REID_SOURCE_ROOT, name);
  return p;
}

static ReidDetector *
detector_new (const char *path, ReidPrecision precision, ReidError *error)
{
  ReidDetectorOptions options;

  reid_detector_options_init (&options);
  options.inference_size = SIZE;
  options.threads = 1;
  options.device = "dnnl";
  options.precision = precision;
  return reid_detector_new (path, NULL, &options, error);
}

static ReidEmbedder *
embedder_new (const char *path, const ReidEmbedderInfo *info,
              ReidPrecision precision, ReidError *error)
{
  ReidEmbedderOptions options = { "dnnl", 1, precision };

  return reid_embedder_new (path, info, &options, error);
}

/* Paths of photographs; their number, 0 where there are none. */
static int
photographs (char (*paths)[5120])
{
  static LfwPair pairs[ROOM];
  const char *list = test_shared (LFW_PAIRS);
  char folder[4096];
  int n = list ? lfw_read (list, STEP, pairs, ROOM) : 0;

  if (n < 1)
    return 0;
  snprintf (folder, sizeof folder, "%.*s", (int) (strrchr (list, '-') - list),
            list);
  for (int i = 0; i < n; i++)
    snprintf (paths[i], sizeof paths[i], "%s/%.255s", folder,
              pairs[i].photo[0]);
  return n;
}

static void
check_embedder (const char *path, const ReidEmbedderInfo *info)
{
  static char paths[ROOM][5120];
  ReidError error = REID_ERROR_INIT;
  const char *yunet = test_shared (LFW_YUNET);
  int n = yunet ? photographs (paths) : 0;
  double least = 1, sum = 0;

  if (!path || !n)
    SKIP ("needs ../shared: %s", yunet ? LFW_EMBEDDER : LFW_YUNET);
  ReidEmbedder *narrow = embedder_new (path, info, REID_PRECISION_BF16, &error);
  if (error.status == REID_ERROR_ARGUMENT)
    SKIP ("needs AMX");
  REQUIRE_OK (narrow != NULL, error);
  ReidEmbedder *wide = embedder_new (path, info, REID_PRECISION_F32, &error);
  ReidDetector *detector = detector_new (yunet, REID_PRECISION_F32, &error);
  REQUIRE_OK (wide && detector, error);
  int dims = reid_embedder_dims (wide);
  float *a = malloc (2 * (size_t) dims * sizeof *a), *b = a + dims;
  for (int i = 0; i < n; i++) {
    double cosine = 0;
    CHECK_MSG (lfw_embed (detector, wide, paths[i], true, a, &error)
                   && lfw_embed (detector, narrow, paths[i], true, b, &error),
               "%s: %s", paths[i], error.message);
    for (int k = 0; k < dims; k++)
      cosine += (double) a[k] * b[k];
    least = fmin (least, cosine);
    sum += cosine;
  }
  printf ("# %d faces: 1 - cosine at most %.2g, on average %.2g\n", n,
          1 - least, 1 - sum / n);
  CHECK_MSG (least >= .999, "cosine %.6f", least);
  free (a);
  reid_embedder_free (narrow);
  reid_embedder_free (wide);
  reid_detector_free (detector);
}

TEST (embeddings_of_the_shipped_network)
{
  check_embedder (shipped ("reid-embed-s.onnx"), NULL);
}

TEST (embeddings_of_mobilefacenet)
{
  ReidEmbedderInfo info;

  lfw_mobilefacenet_info (&info);
  check_embedder (test_shared (LFW_EMBEDDER), &info);
}

/* The face of `faces` that overlaps `face` most; NULL where none does. */
static const ReidFace *
nearest (const ReidFace *faces, int n, const ReidFace *face)
{
  const ReidFace *best = NULL;
  double most = .5;

  for (int i = 0; i < n; i++) {
    const ReidFace *f = &faces[i];
    double w = fmin (f->left + f->width, face->left + face->width)
               - fmax (f->left, face->left),
           h = fmin (f->top + f->height, face->top + face->height)
               - fmax (f->top, face->top),
           both = w > 0 && h > 0 ? w * h : 0,
           iou = both
                 / (f->width * f->height + face->width * face->height - both);
    if (iou > most) {
      most = iou;
      best = f;
    }
  }
  return best;
}

/* How far an edge or a landmark is off, in pixels of the network's input. */
static double
off_by (const ReidFace *a, const ReidFace *b)
{
  double edges[] = { a->left - b->left, a->top - b->top,
                     a->left + a->width - b->left - b->width,
                     a->top + a->height - b->top - b->height },
         off = 0;

  for (int i = 0; i < 4; i++)
    off = fmax (off, fabs (edges[i]));
  for (int i = 0; i < 10 && a->has_landmarks; i++)
    off = fmax (off, fabs (a->landmarks[i] - b->landmarks[i]));
  return SIZE * off;
}

static void
check_detector (const char *path)
{
  static char paths[ROOM][5120];
  ReidError error = REID_ERROR_INIT;
  int n = photographs (paths), found = 0;
  double worst = 0, sum = 0, score = 0;
  int beyond = 0;

  if (!path || !n)
    SKIP ("needs ../shared: %s", LFW_YUNET);
  ReidDetector *narrow = detector_new (path, REID_PRECISION_BF16, &error);
  if (error.status == REID_ERROR_ARGUMENT)
    SKIP ("needs AMX");
  REQUIRE_OK (narrow != NULL, error);
  ReidDetector *wide = detector_new (path, REID_PRECISION_F32, &error);
  REQUIRE_OK (wide != NULL, error);
  for (int i = 0; i < n; i++) {
    Photo photo;
    const ReidFace *a, *b;
    int n_a, n_b;
    REQUIRE (photo_read (&photo, paths[i], false));
    ReidImage image = photo_image (&photo, false);
    bool ok = reid_detector_run (wide, &image, &a, &n_a, &error)
              && reid_detector_run (narrow, &image, &b, &n_b, &error);
    CHECK_MSG (ok, "%s: %s", paths[i], error.message);
    /* Weaker ones may be on either side of the threshold. */
    for (int k = 0; ok && k < n_a; k++) {
      const ReidFace *f = nearest (b, n_b, &a[k]);
      if (a[k].score < reid_detector_threshold (wide) + .05f)
        continue;
      CHECK_MSG (f != NULL, "%s: a face of %.2f is missing", paths[i],
                 (double) a[k].score);
      if (!f)
        continue;
      worst = fmax (worst, off_by (&a[k], f));
      sum += off_by (&a[k], f);
      beyond += off_by (&a[k], f) > .5;
      score = fmax (score, fabs ((double) a[k].score - (double) f->score));
      found++;
    }
    free (photo.pixels);
  }
  printf ("# %d faces: off by %.2f pixels on average, at most %.2f, %d by more "
          "than .5; scores by at most %.3f\n",
          found, sum / found, worst, beyond, score);
  CHECK (found >= n);
  CHECK_MSG (sum <= .5 * found, "off by %.3f pixels", sum / found);
  reid_detector_free (narrow);
  reid_detector_free (wide);
}

TEST (boxes_of_the_shipped_network)
{
  check_detector (shipped ("reid-detect-s.onnx"));
}

TEST (auto_is_bf16_for_embeddings)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedder *narrow = embedder_new (shipped ("reid-embed-s.onnx"), NULL,
                                       REID_PRECISION_BF16, &error);

  if (error.status == REID_ERROR_ARGUMENT)
    SKIP ("needs AMX");
  ReidEmbedder *embedder = embedder_new (shipped ("reid-embed-s.onnx"), NULL,
                                         REID_PRECISION_AUTO, &error);
  ReidDetector *detector = detector_new (shipped ("reid-detect-s.onnx"),
                                         REID_PRECISION_AUTO, &error);
  REQUIRE_OK (narrow && embedder && detector, error);
  CHECK (strstr (reid_embedder_device_reason (embedder), ", bf16"));
  CHECK (!strstr (reid_detector_device_reason (detector), ", bf16"));
  reid_embedder_free (narrow);
  reid_embedder_free (embedder);
  reid_detector_free (detector);
}

TEST (boxes_of_yunet)
{
  check_detector (test_shared (LFW_YUNET));
}

TEST_MAIN ()
