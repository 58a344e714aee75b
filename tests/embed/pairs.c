/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sample of the pairs that lfwpairs.c goes through, and that an embedder
 * which knows nothing fails on them. */

#include "test.h"
#include "lfw.h"
#include "tinyonnx.h"

#include <unistd.h>

/* Of 2389 pairs of both kinds about 100: fewer, and knowing nothing would often
 * look like knowing something. The second look at a good embedder can do with
 * 50. */
#define STEP 23
#define WIDE_STEP 46
#define ROOM 200

/* Accuracy at the best threshold and at a fixed one, or an error. */
typedef struct {
  double best, threshold, fixed;
  int n, missing;
} Result;

static bool
measure (const char *model, const ReidEmbedderInfo *info, bool by_landmarks,
         int step, Result *result, ReidError *error)
{
  static LfwPair pairs[ROOM];
  ReidDetectorOptions options;
  ReidEmbedderOptions embedder_options = { NULL, 1 };
  char directory[4096];
  bool ok = true;

  memset (result, 0, sizeof *result);
  reid_detector_options_init (&options);
  options.inference_size = 320;
  options.threads = 1;
  ReidDetector *detector =
      reid_detector_new (test_shared (LFW_YUNET), NULL, &options, error);
  ReidEmbedder *embedder =
      detector ? reid_embedder_new (model, info, &embedder_options, error)
               : NULL;
  if (!embedder) {
    reid_detector_free (detector);
    return false;
  }
  result->n = lfw_read (test_shared (LFW_PAIRS), step, pairs, ROOM);
  snprintf (directory, sizeof directory, "%s", test_shared (LFW_PAIRS));
  strcpy (strrchr (directory, '-'), "");
  for (int i = 0; i < result->n && ok; i++) {
    ok = lfw_compare (detector, embedder, directory, by_landmarks, &pairs[i],
                      error);
    result->missing += !pairs[i].valid;
  }
  result->best = lfw_best (pairs, result->n, &result->threshold);
  result->fixed = lfw_accuracy (pairs, result->n, 0.35);
  reid_embedder_free (embedder);
  reid_detector_free (detector);
  return ok;
}

static const char *
missing_file (void)
{
  static const char *const files[] = { LFW_YUNET, LFW_EMBEDDER, LFW_PAIRS };

  for (int i = 0; i < 3; i++)
    if (!test_shared (files[i]))
      return files[i];
  return NULL;
}

TEST (mobilefacenet_tells_people_apart)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderInfo info;
  Result result;

  if (missing_file ())
    SKIP ("needs ../shared: %s", missing_file ());
  lfw_mobilefacenet_info (&info);
  REQUIRE_OK (
      measure (test_shared (LFW_EMBEDDER), &info, true, STEP, &result, &error),
      error);
  CHECK (result.n > 90 && result.missing == 0);
  CHECK_MSG (result.best >= 0.97, "best %.3f at %.2f", result.best,
             result.threshold);
  CHECK_MSG (result.fixed >= 0.96, "%.3f", result.fixed);
}

TEST (boxes_alone_tell_people_apart_less_well)
{
  ReidError error = REID_ERROR_INIT;
  ReidEmbedderInfo info;
  Result result;

  if (missing_file ())
    SKIP ("needs ../shared: %s", missing_file ());
  lfw_mobilefacenet_info (&info);
  REQUIRE_OK (measure (test_shared (LFW_EMBEDDER), &info, false, WIDE_STEP,
                       &result, &error),
              error);
  CHECK_MSG (result.best >= 0.9, "best %.3f at %.2f", result.best,
             result.threshold);
}

static void
must_fail (TinyEmbedKind kind)
{
  char path[64];
  ReidError error = REID_ERROR_INIT;
  Result result;

  if (missing_file ())
    SKIP ("needs ../shared: %s", missing_file ());
  snprintf (path, sizeof path, "/tmp/reid-pairs-%d.onnx", (int) getpid ());
  REQUIRE (tiny_embedder (path, kind));
  bool ok = measure (path, NULL, true, STEP, &result, &error);
  unlink (path);
  REQUIRE_OK (ok, error);
  CHECK_MSG (result.best < 0.65, "%.3f", result.best);
}

TEST (a_constant_embedder_tells_nobody_apart)
{
  must_fail (TINY_EMBED_CONSTANT);
}

TEST (a_random_embedder_tells_nobody_apart)
{
  must_fail (TINY_EMBED_RANDOM);
}

TEST_MAIN ()
