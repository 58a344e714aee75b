/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "detect/model.h"

static ReidTensorInfo
info (const char *name, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
  return (ReidTensorInfo){ name, rank, { a, b, c, d } };
}

TEST (yunet_is_known_by_its_names_in_any_order)
{
  static const char *const names[] = {
    "kps_8", "obj_16", "cls_32", "cls_8",   "bbox_16", "kps_32",
    "obj_8", "bbox_8", "cls_16", "bbox_32", "kps_16",  "obj_32"
  };
  ReidTensorInfo outputs[12];
  ReidHeadOutputs found;
  ReidError error = REID_ERROR_INIT;

  for (int i = 0; i < 12; i++)
    outputs[i] = info (names[i], 3, REID_DIM_FREE, REID_DIM_FREE, 1, 0);
  REQUIRE_OK (reid_head_find (outputs, 12, "f", REID_HEAD_AUTO, &found, &error),
              error);
  CHECK (found.head == REID_HEAD_YUNET);
  CHECK (found.yunet[0].stride == 8 && found.yunet[0].cls == 3);
  CHECK (found.yunet[0].kps == 0 && found.yunet[2].obj == 11);
  CHECK (found.yunet[1].bbox == 4);
  /* One short is none. */
  CHECK (!reid_head_find (outputs, 11, "f", REID_HEAD_AUTO, &found, &error));
}

TEST (the_others_are_known_by_their_shapes)
{
  const ReidTensorInfo ultralight[] = { info ("a", 3, 1, 4420, 4, 0),
                                        info ("b", 3, 1, 4420, 2, 0) };
  const ReidTensorInfo blazeface[] = { info ("x", 3, 1, 896, 16, 0),
                                       info ("y", 3, 1, 896, 1, 0) };
  ReidHeadOutputs found;
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (
      reid_head_find (ultralight, 2, "f", REID_HEAD_AUTO, &found, &error),
      error);
  CHECK (found.head == REID_HEAD_ULTRALIGHT);
  CHECK (found.scores == 1 && found.boxes == 0);
  REQUIRE_OK (
      reid_head_find (blazeface, 2, "f", REID_HEAD_AUTO, &found, &error),
      error);
  CHECK (found.head == REID_HEAD_BLAZEFACE);
  CHECK (found.scores == 1 && found.boxes == 0);
  /* What the user asks for must be there. */
  CHECK (!reid_head_find (blazeface, 2, "f", REID_HEAD_ULTRALIGHT, &found,
                          &error));
  CHECK (strstr (error.message, "Ultra-Light"));
}

TEST (another_network_is_named_with_its_outputs)
{
  const ReidTensorInfo embedder[] = { info ("output0", 2, 1, 128, 0, 0) };
  ReidTensorInfo many[40];
  ReidHeadOutputs found;
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_head_find (embedder, 1, "/x/face.onnx", REID_HEAD_AUTO, &found,
                          &error));
  CHECK (error.status == REID_ERROR_UNSUPPORTED);
  CHECK_MSG (strstr (error.message, "/x/face.onnx")
                 && strstr (error.message, "output0 [1,128]"),
             "%s", error.message);
  CHECK (!strchr (error.message, '\n'));

  /* No outputs, unknown ranks, and more names than a line holds. */
  reid_error_clear (&error);
  CHECK (!reid_head_find (NULL, 0, "f", REID_HEAD_AUTO, &found, &error));
  for (int i = 0; i < 40; i++)
    many[i] = info ("a_name_that_is_much_longer_than_anybody_would_like_it",
                    i % 3 ? 8 : -1, -1, INT64_MAX, INT64_MAX, INT64_MAX);
  reid_error_clear (&error);
  CHECK (!reid_head_find (many, 40, "f", REID_HEAD_AUTO, &found, &error));
  CHECK (strlen (error.message) < sizeof error.message);
}

TEST (input_must_be_a_picture)
{
  ReidTensorInfo in = info ("input", 4, -1, 3, -1, -1);
  ReidInputSize size;

  REQUIRE (reid_head_input (&in, "f", &size, NULL));
  CHECK (size.channels == 3 && size.width == 0 && size.height == 0);
  in = info ("input", 4, 1, 1, 240, 320);
  REQUIRE (reid_head_input (&in, "f", &size, NULL));
  CHECK (size.channels == 1 && size.width == 320 && size.height == 240);
  in = info ("input", 4, 1, 4, 240, 320);
  CHECK (!reid_head_input (&in, "f", &size, NULL));
  in = info ("input", 3, 3, 240, 320, 0);
  CHECK (!reid_head_input (&in, "f", &size, NULL));
  in = info ("input", 4, 1, 3, 240, INT64_MAX);
  CHECK (!reid_head_input (&in, "f", &size, NULL));
  in = info (NULL, -1, 0, 0, 0, 0);
  CHECK (!reid_head_input (&in, "f", &size, NULL));
}

TEST (free_size_follows_the_displayed_aspect)
{
  static const struct {
    int width, height, par_n, par_d, longest, out_width, out_height;
  } cases[] = {
    { 1920, 1080, 1, 1, 640, 640, 384 }, { 1080, 1920, 1, 1, 640, 384, 640 },
    { 640, 480, 1, 1, 640, 640, 480 },   { 720, 576, 16, 15, 640, 640, 480 },
    { 250, 250, 1, 1, 640, 640, 640 },   { 1920, 1080, 1, 1, 600, 608, 352 },
    { 1920, 1080, 1, 1, 1, 32, 32 },     { 1, 10000, 1, 1, 640, 32, 640 },
    { 10000, 1, 1, 1, 640, 640, 32 },    { 9000, 5000, 1, 1, 8192, 8192, 4576 },
    { 640, 480, 1, 2, 640, 448, 640 },
  };

  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    ReidImage image = { .width = cases[i].width,
                        .height = cases[i].height,
                        .par_n = cases[i].par_n,
                        .par_d = cases[i].par_d };
    int w, h;
    reid_free_input_size (&image, cases[i].longest, &w, &h);
    CHECK_MSG (w == cases[i].out_width && h == cases[i].out_height,
               "case %u: %dx%d", i, w, h);
  }
}

TEST_MAIN ()
