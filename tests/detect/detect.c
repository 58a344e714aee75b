/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The whole detector on a network that finds bright squares on a dark ground
 * (tests/nn/tinyonnx.h). */

#include "squares.h"

#include <unistd.h>

static char model[64];

static void
remove_model (void)
{
  unlink (model);
}

static const char *
tiny (void)
{
  if (!model[0]) {
    snprintf (model, sizeof model, "/tmp/reid-detect-%d.onnx", (int) getpid ());
    if (!tiny_yunet (model))
      return NULL;
    atexit (remove_model);
  }
  return model;
}

static ReidDetector *
open_tiny (const ReidDetectorOptions *options, ReidError *error)
{
  ReidDetectorOptions defaults;

  reid_detector_options_init (&defaults);
  defaults.device = "reference";
  defaults.threads = 1;
  return reid_detector_new (tiny (), NULL, options ? options : &defaults,
                            error);
}

static bool
is_at (const ReidFace *face, const Frame *frame, double left, double top,
       double width, double height)
{
  double w = frame->image.width, h = frame->image.height;
  double tolerance = 0.04 * (width > height ? width : height) + 0.5;

  return fabs (face->left * w - left) < tolerance
         && fabs (face->top * h - top) < tolerance
         && fabs (face->width * w - width) < tolerance
         && fabs (face->height * h - height) < tolerance;
}

TEST (boxes_and_landmarks_lie_on_the_frame)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_tiny (NULL, &error);
  Frame frame = frame_new (1280, 720);
  const ReidFace *faces;
  int n;

  REQUIRE_OK (detector != NULL, error);
  CHECK (reid_detector_head (detector) == REID_HEAD_YUNET);
  CHECK (!strcmp (reid_detector_device (detector), "reference"));
  CHECK (reid_detector_device_reason (detector)[0]);
  CHECK (reid_detector_threshold (detector) == 0.3f);
  square (&frame, 200, 100, 120, 120);
  square (&frame, 800, 400, 40, 40);
  REQUIRE_OK (reid_detector_run (detector, &frame.image, &faces, &n, &error),
              error);
  REQUIRE (n == 2);
  int big = faces[0].width > faces[1].width ? 0 : 1;
  CHECK (is_at (&faces[big], &frame, 200, 100, 120, 120));
  CHECK (is_at (&faces[!big], &frame, 800, 400, 40, 40));
  REQUIRE (faces[big].has_landmarks);
  const float *p = faces[big].landmarks;
  CHECK_NEAR (p[0] * 1280, 200 + 120 * (38.3 - 16) / 80, 5);
  CHECK_NEAR (p[1] * 720, 100 + 120 * (51.7 - 26) / 80, 5);
  CHECK_NEAR (p[8] * 1280, 200 + 120 * (70.7 - 16) / 80, 5);
  CHECK_NEAR (p[9] * 720, 100 + 120 * (92.2 - 26) / 80, 5);
  reid_detector_free (detector);
  free (frame.pixels);
}

TEST (a_portrait_frame_and_one_of_other_size_in_between)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_tiny (NULL, &error);
  const ReidFace *faces;
  int n;

  REQUIRE_OK (detector != NULL, error);
  for (int i = 0; i < 6; i++) {
    Frame frame = i & 1 ? frame_new (360, 639) : frame_new (1001, 301);
    square (&frame, 101, 77, 60, 60);
    REQUIRE_OK (reid_detector_run (detector, &frame.image, &faces, &n, &error),
                error);
    CHECK (n == 1 && is_at (faces, &frame, 101, 77, 60, 60));
    free (frame.pixels);
  }
  reid_detector_free (detector);
}

/* Pixels twice as high as wide: what is stored 80x40 is shown square. */
TEST (pixels_that_are_not_square)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_tiny (NULL, &error);
  Frame frame = frame_new (720, 576);
  const ReidFace *faces;
  int n;

  REQUIRE_OK (detector != NULL, error);
  frame.image.par_n = 1;
  frame.image.par_d = 2;
  square (&frame, 300, 200, 100, 50);
  REQUIRE_OK (reid_detector_run (detector, &frame.image, &faces, &n, &error),
              error);
  REQUIRE (n == 1);
  CHECK (is_at (faces, &frame, 300, 200, 100, 50));
  frame.image.par_d = 0;
  CHECK (!reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 0);
  reid_detector_free (detector);
  free (frame.pixels);
}

TEST (options_take_effect_between_frames)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetectorOptions options;
  ReidDetector *detector = open_tiny (NULL, &error);
  Frame frame = frame_new (640, 640);
  const ReidFace *faces;
  int n;

  REQUIRE_OK (detector != NULL, error);
  square (&frame, 100, 100, 60, 60);
  square (&frame, 400, 400, 20, 20);
  reid_detector_options_init (&options);
  options.threads = 2;
  options.min_size = 30;
  REQUIRE_OK (reid_detector_configure (detector, &options, &error), error);
  CHECK (reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 1 && is_at (faces, &frame, 100, 100, 60, 60));

  options.min_size = 0;
  options.max_faces = 1;
  REQUIRE_OK (reid_detector_configure (detector, &options, &error), error);
  CHECK (reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 1);

  options.max_faces = 0;
  options.threshold = 0.99f;
  REQUIRE_OK (reid_detector_configure (detector, &options, &error), error);
  CHECK (reid_detector_threshold (detector) == 0.99f);
  CHECK (reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 0);

  /* At a quarter of the size the small one has 5 pixels: nobody. */
  options.threshold = NAN;
  options.inference_size = 160;
  REQUIRE_OK (reid_detector_configure (detector, &options, &error), error);
  CHECK (reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 1 && is_at (faces, &frame, 100, 100, 60, 60));
  reid_detector_free (detector);
  free (frame.pixels);
}

TEST (options_out_of_range_are_refused)
{
  static const ReidDetectorOptions bad[] = {
    { .threshold = -0.1f, .nms_threshold = 0.3f },
    { .threshold = 1.5f, .nms_threshold = 0.3f },
    { .threshold = NAN, .nms_threshold = NAN },
    { .threshold = NAN, .nms_threshold = 2 },
    { .threshold = NAN, .nms_threshold = 0.3f, .inference_size = -1 },
    { .threshold = NAN, .nms_threshold = 0.3f, .inference_size = 1 << 30 },
    { .threshold = NAN, .nms_threshold = 0.3f, .min_size = NAN },
    { .threshold = NAN, .nms_threshold = 0.3f, .max_faces = -1 },
    { .threshold = NAN, .nms_threshold = 0.3f, .threads = -1 },
  };
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_tiny (NULL, &error);

  REQUIRE_OK (detector != NULL, error);
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    reid_error_clear (&error);
    CHECK (!reid_detector_configure (detector, &bad[i], &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    CHECK (!open_tiny (&bad[i], NULL));
  }
  reid_detector_free (detector);
}

TEST (a_modelinfo_that_contradicts_the_network_is_refused)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetectorInfo info;

  reid_detector_info_init (&info);
  info.head = REID_HEAD_BLAZEFACE;
  CHECK (!reid_detector_new (tiny (), &info, NULL, &error));
  CHECK_MSG (strstr (error.message, "BlazeFace"), "%s", error.message);

  reid_error_clear (&error);
  reid_detector_info_init (&info);
  info.channels_set = true;
  info.channels = REID_CHANNELS_GRAY;
  CHECK (!reid_detector_new (tiny (), &info, NULL, &error));
  reid_error_clear (&error);
  reid_detector_info_init (&info);
  info.threshold = 7;
  CHECK (!reid_detector_new (tiny (), &info, NULL, &error));
  CHECK (strstr (error.message, tiny ()));
}

TEST (a_modelinfo_is_followed)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetectorInfo info;
  Frame frame = frame_new (640, 640);
  const ReidFace *faces;
  int n;

  /* Turned upside down in brightness, the square is dark on a bright ground. */
  square (&frame, 0, 0, 640, 640);
  for (int y = 300; y < 360; y++)
    memset (frame.pixels + 640 * y + 200, 20, 60);
  reid_detector_info_init (&info);
  info.threshold = 0.5f;
  info.normalize_set = true;
  for (int c = 0; c < 3; c++) {
    info.mean[c] = 255;
    info.scale[c] = -1;
  }
  ReidDetector *detector = reid_detector_new (tiny (), &info, NULL, &error);
  REQUIRE_OK (detector != NULL, error);
  CHECK (reid_detector_threshold (detector) == 0.5f);
  CHECK (reid_detector_run (detector, &frame.image, &faces, &n, &error));
  CHECK (n == 1 && is_at (faces, &frame, 200, 300, 60, 60));
  reid_detector_free (detector);
  free (frame.pixels);
}

TEST (frames_of_any_shape_are_survived)
{
  static const int sizes[][2] = { { 1, 1 },     { 7, 7 },      { 1, 10000 },
                                  { 10000, 1 }, { 20, 9000 },  { 65536, 8 },
                                  { 8, 8 },     { 8193, 4321 } };
  ReidError error = REID_ERROR_INIT;
  ReidDetector *detector = open_tiny (NULL, &error);
  const ReidFace *faces;
  int n;

  REQUIRE_OK (detector != NULL, error);
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Frame frame = frame_new (sizes[i][0], sizes[i][1]);
    bool large = sizes[i][0] == 8193;
    if (large)
      square (&frame, 5000, 2000, 700, 700);
    REQUIRE_OK (reid_detector_run (detector, &frame.image, &faces, &n, &error),
                error);
    CHECK_MSG (n == large, "%dx%d: %d faces", sizes[i][0], sizes[i][1], n);
    CHECK (!large || is_at (faces, &frame, 5000, 2000, 700, 700));
    free (frame.pixels);
  }
  reid_detector_free (detector);
}

TEST (a_file_that_cannot_be_opened_is_named)
{
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_detector_new ("/nowhere/at-all.onnx", NULL, NULL, &error));
  CHECK (strstr (error.message, "/nowhere/at-all.onnx"));
  reid_detector_free (NULL);
}

/* A network of YuNet's names whose outputs are not YuNet's, or not finite. */
static bool
odd_network (const char *path, bool not_finite)
{
  static const char *const what[] = { "cls", "obj", "bbox", "kps" };
  static const int channels[] = { 1, 1, 4, 10 };
  TinyOnnx *t = tiny_new (11);
  int64_t shape[] = { 1, not_finite ? -1 : 3, 1 };
  float *w = calloc (10 * 3 * 32 * 32, sizeof *w), bias[10];
  char name[32], in[64];

  tiny_input (t, "input", 4, (int64_t[]){ 1, 3, -1, -1 });
  for (int k = 0; k < 4; k++)
    for (int s = 8; s <= 32; s *= 2) {
      int c = channels[k];
      /* As the logarithm of a size, 200 is infinite. */
      for (int i = 0; i < 10; i++)
        bias[i] = not_finite && k == 2 ? 200 : 0.9f;
      snprintf (name, sizeof name, "w%d_%d", k, s);
      tiny_floats (t, name, 4, (int64_t[]){ c, 3, s, s }, w);
      snprintf (name, sizeof name, "b%d_%d", k, s);
      tiny_floats (t, name, 1, (int64_t[]){ c }, bias);
      snprintf (in, sizeof in, "input,w%d_%d,b%d_%d", k, s, k, s);
      snprintf (name, sizeof name, "c%d_%d", k, s);
      tiny_node (t, "Conv", in, name);
      tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ s, s });
      tiny_attr_ints (t, "strides", 2, (int64_t[]){ s, s });
      shape[1] = -1;
      /* Too few cells where the values are fine: all in one row. */
      shape[2] = not_finite ? c : c * 2;
      snprintf (in, sizeof in, "s%d_%d", k, s);
      tiny_ints (t, in, 3, shape);
      snprintf (in, sizeof in, "c%d_%d,s%d_%d", k, s, k, s);
      snprintf (name, sizeof name, "%s_%d", what[k], s);
      if (!not_finite && k == 2) {
        /* A bbox with the numbers of a cls. */
        snprintf (in, sizeof in, "c0_%d,s%d_%d", s, k, s);
        shape[2] = 1;
      }
      tiny_node (t, "Reshape", in, name);
      tiny_output (t, name);
    }
  bool ok = tiny_write (t, path);
  tiny_free (t);
  free (w);
  return ok;
}

TEST (outputs_that_are_not_those_of_the_head_are_an_error)
{
  for (int not_finite = 0; not_finite < 2; not_finite++) {
    char path[64];
    ReidError error = REID_ERROR_INIT;
    Frame frame = frame_new (128, 128);
    const ReidFace *faces;
    int n;

    snprintf (path, sizeof path, "/tmp/reid-odd-%d.onnx", (int) getpid ());
    REQUIRE (odd_network (path, not_finite));
    ReidDetector *detector = reid_detector_new (path, NULL, NULL, &error);
    unlink (path);
    REQUIRE_OK (detector != NULL, error);
    CHECK (!reid_detector_run (detector, &frame.image, &faces, &n, &error));
    CHECK (n == 0 && error.status == REID_ERROR_FORMAT);
    CHECK_MSG (strstr (error.message, not_finite ? "not finite" : "bbox_8"),
               "%s", error.message);
    reid_detector_free (detector);
    free (frame.pixels);
  }
}

TEST (the_same_for_every_number_of_threads)
{
  Frame frame = frame_new (1000, 700);
  ReidFace first[64];
  int n_first = 0;

  for (int i = 0; i < 12; i++)
    square (&frame, 20 + 230 * (i % 4), 20 + 220 * (i / 4), 30 + 3 * i,
            30 + 3 * i);
  for (int threads = 1; threads <= 2; threads++) {
    ReidError error = REID_ERROR_INIT;
    ReidDetectorOptions options;
    const ReidFace *faces;
    int n;

    reid_detector_options_init (&options);
    options.threads = threads;
    ReidDetector *detector = open_tiny (&options, &error);
    REQUIRE_OK (detector != NULL, error);
    REQUIRE_OK (reid_detector_run (detector, &frame.image, &faces, &n, &error),
                error);
    if (threads == 1) {
      CHECK_MSG (n == 12, "%d faces", n);
      n_first = n;
      memcpy (first, faces, (size_t) n * sizeof *faces);
    }
    CHECK (same_faces (faces, n, first, n_first));
    reid_detector_free (detector);
  }
  free (frame.pixels);
}

/* Frames of two sizes, one without a size, and one too small: each gets what it
 * would get alone, on whatever backend, whatever is in its batch. */
TEST (many_frames_at_once)
{
  static const char *const devices[] = { "reference", "cpu" };
  enum { N = 23 };
  Frame frames[N];
  ReidImage images[N];

  for (int i = 0; i < N; i++) {
    frames[i] =
        i == 11 ? frame_new (4, 4) : frame_new (i % 9 < 7 ? 320 : 200, 240);
    for (int k = 0; k < i % 4; k++)
      square (&frames[i], 10 + 60 * k + i, 20 + 5 * i, 30 + i, 30 + i);
    images[i] = frames[i].image;
    if (i == 5)
      images[i].par_d = 0;
  }
  for (int d = 0; d < 2; d++) {
    ReidError error = REID_ERROR_INIT;
    ReidDetectorOptions options;
    ReidDetectorTimes times;
    ReidDetection all[N];
    ReidFace kept[N][8];
    int n_kept[N];

    reid_detector_options_init (&options);
    options.device = devices[d];
    options.inference_size = 320;
    ReidDetector *detector = open_tiny (&options, &error);
    REQUIRE_OK (detector != NULL, error);
    CHECK (reid_detector_batch (detector) == 16);
    for (int n = 1; n <= N; n += n < 4 ? 1 : 19) {
      reid_detector_run_batch (detector, images, n, all);
      for (int i = 0; i < n; i++) {
        REQUIRE (all[i].n_faces <= 8);
        n_kept[i] = all[i].n_faces;
        for (int k = 0; k < n_kept[i]; k++)
          kept[i][k] = all[i].faces[k];
        CHECK_MSG (all[i].error.status
                       == (i == 5 ? REID_ERROR_ARGUMENT : REID_OK),
                   "frame %d: %s", i, all[i].error.message);
        CHECK (i > 15 || (n_kept[i] > 0) == (i % 4 > 0 && i != 5 && i != 11));
      }
      for (int i = 0; i < n; i++) {
        const ReidFace *faces;
        int n_faces;
        bool ok =
            reid_detector_run (detector, &images[i], &faces, &n_faces, NULL);
        CHECK (ok == (i != 5));
        CHECK_MSG (same_faces (faces, n_faces, kept[i], n_kept[i]),
                   "frame %d of %d on %s", i, n, devices[d]);
      }
    }
    reid_detector_times (detector, &times);
    CHECK (times.letterbox > 0 && times.network > 0 && times.decode > 0);
    reid_detector_free (detector);
  }
  for (int i = 0; i < N; i++)
    free (frames[i].pixels);
}

TEST_MAIN ()
