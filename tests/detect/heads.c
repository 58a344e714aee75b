/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "detect/head.h"

static ReidFace
box (float left, float top, float width, float height, float score)
{
  return (ReidFace){
    .left = left, .top = top, .width = width, .height = height, .score = score
  };
}

static void
list_set (ReidFaceList *list, const ReidFace *faces, int n)
{
  list->n = 0;
  for (int i = 0; i < n; i++)
    *reid_face_list_add (list, NULL) = faces[i];
}

/* One stride of a YuNet, with nothing in it. */
typedef struct {
  float cls[32], obj[32], bbox[4 * 32], kps[10 * 32];
} YuNet;

TEST (yunet_finds_the_face_that_was_put_there)
{
  static YuNet y;
  ReidFaceList list = { 0 };
  ReidError error = REID_ERROR_INIT;
  int cell = 2 * 8 + 5; /* row 2, column 5 of a 4x8 map */

  memset (&y, 0, sizeof y);
  y.cls[cell] = 0.81f;
  y.obj[cell] = 1;
  /* Centre (5.5, 2.25) * 16, size exp(1) and exp(0.5) * 16. */
  y.bbox[4 * cell] = 0.5f;
  y.bbox[4 * cell + 1] = 0.25f;
  y.bbox[4 * cell + 2] = 1;
  y.bbox[4 * cell + 3] = 0.5f;
  for (int k = 0; k < 10; k++)
    y.kps[10 * cell + k] = 0.1f * (float) k;
  REQUIRE_OK (reid_yunet_decode (y.cls, y.obj, y.bbox, y.kps, 4, 8, 16, 0.6f,
                                 &list, &error),
              error);
  REQUIRE (list.n == 1);
  const ReidFace *face = list.face;
  CHECK_NEAR (face->score, 0.9, 1e-6);
  CHECK_NEAR (face->width, 43.4925, 1e-3);
  CHECK_NEAR (face->height, 26.3795, 1e-3);
  CHECK_NEAR (face->left + face->width / 2, 88, 1e-4);
  CHECK_NEAR (face->top + face->height / 2, 36, 1e-4);
  CHECK (face->has_landmarks);
  for (int k = 0; k < 10; k++)
    CHECK_NEAR (face->landmarks[k], ((k & 1 ? 2 : 5) + 0.1 * k) * 16, 1e-4);

  /* Just below and just at the threshold; a score above 1 is 1. */
  list.n = 0;
  CHECK (reid_yunet_decode (y.cls, y.obj, y.bbox, y.kps, 4, 8, 16, 0.9001f,
                            &list, &error));
  CHECK (list.n == 0);
  y.cls[cell] = y.obj[cell] = 1.5f;
  CHECK (reid_yunet_decode (y.cls, y.obj, y.bbox, y.kps, 4, 8, 16, 1, &list,
                            &error));
  CHECK (list.n == 1 && list.face[0].score == 1);
  /* A threshold of 0 takes every cell, and so it must. */
  list.n = 0;
  CHECK (reid_yunet_decode (y.cls, y.obj, y.bbox, y.kps, 4, 8, 16, 0, &list,
                            &error));
  CHECK (list.n == 32);
  free (list.face);
}

TEST (yunet_values_that_are_not_finite_are_an_error)
{
  static YuNet y;
  float *const places[] = { &y.cls[7], &y.obj[7], &y.bbox[4 * 7 + 1],
                            &y.bbox[4 * 7 + 2], &y.kps[10 * 7 + 9] };
  static const float values[] = { NAN, INFINITY, 200 };
  ReidFaceList list = { 0 };

  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 3; k++) {
      ReidError error = REID_ERROR_INIT;
      /* 200 is infinite only as a logarithm; a probability is cut off at 1. */
      bool fine = i < 2 ? k > 0 : k == 2 && i != 3;
      memset (&y, 0, sizeof y);
      y.cls[7] = y.obj[7] = 0.9f;
      *places[i] = values[k];
      list.n = 0;
      bool ok = reid_yunet_decode (y.cls, y.obj, y.bbox, y.kps, 4, 8, 8, 0.5f,
                                   &list, &error);
      CHECK_MSG (ok == fine, "place %d, value %g: %d %s", i, (double) values[k],
                 ok, error.message);
      if (!ok) {
        CHECK (strstr (error.message, "cell 7"));
        CHECK (!strchr (error.message, '\n'));
      }
    }
  free (list.face);
}

TEST (ultralight_boxes_are_fractions_of_the_input)
{
  static const float scores[] = { 0.1f, 0.9f, 0.8f, 0.2f, 0, 1.25f };
  static const float boxes[] = { 0.25f, 0.5f, 0.5f,    1, 0,     0,
                                 1,     1,    -0.125f, 0, 0.25f, 0.25f };
  ReidFaceList list = { 0 };
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (
      reid_ultralight_decode (scores, boxes, 3, 320, 240, 0.7f, &list, &error),
      error);
  REQUIRE (list.n == 2);
  CHECK (list.face[0].left == 80 && list.face[0].top == 120);
  CHECK (list.face[0].width == 80 && list.face[0].height == 120);
  CHECK (list.face[0].score == 0.9f && !list.face[0].has_landmarks);
  CHECK (list.face[1].left == -40 && list.face[1].width == 120);
  CHECK (list.face[1].score == 1);

  float bad[12];
  memcpy (bad, boxes, sizeof bad);
  bad[3] = NAN;
  CHECK (
      !reid_ultralight_decode (scores, bad, 3, 320, 240, 0.7f, &list, &error));
  CHECK (error.status == REID_ERROR_FORMAT);
  float bad_scores[6] = { 0, NAN };
  reid_error_clear (&error);
  CHECK (!reid_ultralight_decode (bad_scores, boxes, 3, 320, 240, 0.7f, &list,
                                  &error));
  CHECK (reid_ultralight_decode (NULL, NULL, 0, 320, 240, 0.7f, &list, NULL));
  free (list.face);
}

TEST (blazeface_anchors_are_grids_of_16_and_8)
{
  static float centres[2 * REID_BLAZEFACE_ANCHORS];

  reid_blazeface_anchors (centres);
  CHECK (centres[0] == 0.03125f && centres[1] == 0.03125f);
  CHECK (centres[2] == 0.03125f && centres[4] == 0.09375f);
  CHECK (centres[2 * 511] == 0.96875f && centres[2 * 511 + 1] == 0.96875f);
  CHECK (centres[2 * 512] == 0.0625f && centres[2 * 517] == 0.0625f);
  CHECK (centres[2 * 518] == 0.1875f && centres[2 * 895 + 1] == 0.9375f);
}

TEST (blazeface_finds_the_face_that_was_put_there)
{
  static float centres[2 * REID_BLAZEFACE_ANCHORS];
  static float logits[REID_BLAZEFACE_ANCHORS];
  static float regressors[16 * REID_BLAZEFACE_ANCHORS];
  /* Offset, size, eyes, nose, mouth, ears. */
  static const float r[] = { 2, -3, 40, 50, -10, -8, 10, -6,
                             0, 2,  0,  12, -20, -5, 20, -4 };
  ReidFaceList list = { 0 };
  ReidError error = REID_ERROR_INIT;
  int anchor = 518; /* centre (24, 8) */

  reid_blazeface_anchors (centres);
  for (int i = 0; i < REID_BLAZEFACE_ANCHORS; i++)
    logits[i] = -5;
  logits[anchor] = 2;
  logits[0] = 1000; /* exp() of this is infinite, its sigmoid is 1 */
  memcpy (regressors + 16 * anchor, r, sizeof r);
  REQUIRE_OK (
      reid_blazeface_decode (logits, regressors, centres, 0.75f, &list, &error),
      error);
  REQUIRE (list.n == 2);
  CHECK (list.face[0].score == 1);
  const ReidFace *face = &list.face[1];
  CHECK_NEAR (face->score, 0.880797, 1e-5);
  CHECK_NEAR (face->left, 24 + 2 - 20, 1e-5);
  CHECK_NEAR (face->top, 8 - 3 - 25, 1e-5);
  CHECK (face->width == 40 && face->height == 50);
  REQUIRE (face->has_landmarks);
  CHECK_NEAR (face->landmarks[0], 14, 1e-5);
  CHECK_NEAR (face->landmarks[3], 2, 1e-5);
  CHECK_NEAR (face->landmarks[4], 24, 1e-5);
  /* The corners lie on both sides of the mouth, parallel to the eyes. */
  CHECK_NEAR ((face->landmarks[6] + face->landmarks[8]) / 2, 24, 1e-5);
  CHECK_NEAR ((face->landmarks[7] + face->landmarks[9]) / 2, 20, 1e-5);
  CHECK (face->landmarks[6] < face->landmarks[8]);
  CHECK_NEAR ((face->landmarks[9] - face->landmarks[7])
                  / (face->landmarks[8] - face->landmarks[6]),
              2 / 20., 1e-5);

  /* sigmoid(2) = 0.8808 */
  list.n = 0;
  CHECK (reid_blazeface_decode (logits, regressors, centres, 0.8809f, &list,
                                &error)
         && list.n == 1);
  list.n = 0;
  CHECK (reid_blazeface_decode (logits, regressors, centres, 0, &list, &error)
         && list.n == REID_BLAZEFACE_ANCHORS);
  list.n = 0;
  CHECK (reid_blazeface_decode (logits, regressors, centres, 1, &list, &error)
         && list.n == 1);

  logits[3] = NAN;
  CHECK (!reid_blazeface_decode (logits, regressors, centres, 0.75f, &list,
                                 &error));
  reid_error_clear (&error);
  logits[3] = 5;
  regressors[16 * 3 + 11] = INFINITY;
  CHECK (!reid_blazeface_decode (logits, regressors, centres, 0.75f, &list,
                                 &error));
  free (list.face);
}

TEST (nms_keeps_the_best_of_each_face)
{
  const ReidFace faces[] = {
    box (10, 10, 100, 100, 0.7f), box (200, 10, 50, 50, 0.95f),
    box (15, 12, 100, 100, 0.9f), box (205, 12, 50, 50, 0.6f),
    box (400, 400, 0, 10, 0.99f), box (400, 400, 10, -1, 0.99f),
  };
  ReidFaceList list = { 0 };

  list_set (&list, faces, 6);
  REQUIRE (reid_nms (&list, 0.3f, 100, NULL));
  REQUIRE (list.n == 2);
  CHECK (list.face[0].score == 0.95f && list.face[1].score == 0.9f);

  /* 1 drops nothing, 0 everything that touches; the number is capped. */
  list_set (&list, faces, 6);
  CHECK (reid_nms (&list, 1, 100, NULL) && list.n == 4);
  list_set (&list, faces, 6);
  CHECK (reid_nms (&list, 1, 3, NULL) && list.n == 3);
  CHECK (list.face[2].score == 0.7f);
  list_set (&list, faces, 0);
  CHECK (reid_nms (&list, 0.5f, 100, NULL) && list.n == 0);
  free (list.face);
}

TEST (nms_compares_iou_with_the_threshold)
{
  /* IoU of the two is 50 * 100 / (150 * 100) = 1/3. */
  const ReidFace faces[] = { box (0, 0, 100, 100, 0.9f),
                             box (50, 0, 100, 100, 0.8f) };
  ReidFaceList list = { 0 };

  list_set (&list, faces, 2);
  CHECK (reid_nms (&list, 0.34f, 9, NULL) && list.n == 2);
  list_set (&list, faces, 2);
  CHECK (reid_nms (&list, 0.33f, 9, NULL) && list.n == 1);
  free (list.face);
}

/* A face that was dropped does not drop another one. */
TEST (nms_is_greedy)
{
  const ReidFace faces[] = { box (0, 0, 100, 100, 0.9f),
                             box (40, 0, 100, 100, 0.8f),
                             box (80, 0, 100, 100, 0.7f) };
  ReidFaceList list = { 0 };

  list_set (&list, faces, 3);
  CHECK (reid_nms (&list, 0.3f, 9, NULL));
  REQUIRE (list.n == 2);
  CHECK (list.face[0].left == 0 && list.face[1].left == 80);
  free (list.face);
}

static float
iou (const ReidFace *a, const ReidFace *b)
{
  float w =
      fminf (a->left + a->width, b->left + b->width) - fmaxf (a->left, b->left);
  float h =
      fminf (a->top + a->height, b->top + b->height) - fmaxf (a->top, b->top);
  float both = fmaxf (w, 0) * fmaxf (h, 0);

  return both / (a->width * a->height + b->width * b->height - both);
}

TEST (nms_gives_the_same_for_every_order_of_its_input)
{
  enum { N = 300 };
  ReidFace faces[N], first[N];
  ReidFaceList list = { 0 };
  uint64_t state = 5;
  int n = 0;

  for (int i = 0; i < N; i++)
    faces[i] = box ((float) (test_random (&state) >> 40) / 30000,
                    (float) (test_random (&state) >> 40) / 30000,
                    20 + (float) (test_random (&state) >> 58),
                    20 + (float) (test_random (&state) >> 58),
                    /* many equal scores */
                    (float) (test_random (&state) >> 60) / 16);
  for (int round = 0; round < 20; round++) {
    for (int i = N - 1; i > 0; i--) {
      int j = (int) (test_random (&state) % (uint64_t) (i + 1));
      ReidFace t = faces[i];
      faces[i] = faces[j];
      faces[j] = t;
    }
    list_set (&list, faces, N);
    REQUIRE (reid_nms (&list, 0.4f, N, NULL));
    if (round == 0) {
      n = list.n;
      memcpy (first, list.face, (size_t) n * sizeof *first);
    }
    CHECK (list.n == n
           && !memcmp (first, list.face, (size_t) n * sizeof *first));
  }
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++) {
      CHECK (first[i].score >= first[j].score);
      CHECK (iou (&first[i], &first[j]) <= 0.4001f);
    }
  /* Every one that went overlaps a better one that stayed. */
  for (int i = 0; i < N; i++) {
    bool explained = false;
    for (int k = 0; k < n && !explained; k++)
      explained = !memcmp (&faces[i], &first[k], sizeof *first)
                  || (first[k].score >= faces[i].score
                      && iou (&first[k], &faces[i]) > 0.3999f);
    CHECK (explained);
  }
  free (list.face);
}

TEST (nms_bounds_the_work)
{
  ReidFaceList list = { 0 };

  for (int i = 0; i < 3 * REID_MOST_CANDIDATES; i++)
    *reid_face_list_add (&list, NULL) =
        box (20 * (float) i, 0, 10, 10, 1e-6f * (float) i);
  CHECK (reid_nms (&list, 0.5f, 1 << 30, NULL));
  CHECK (list.n == REID_MOST_CANDIDATES);
  CHECK (list.face[0].left == 20 * (float) (3 * REID_MOST_CANDIDATES - 1));
  free (list.face);
}

TEST_MAIN ()
