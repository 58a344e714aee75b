/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verification accuracy of a detector and an embedder on all pairs of
 * ../shared/faces/lfw-dev-pairs.txt. Not a test: it takes a minute or so, and
 * its figures are read, not checked (pairs.c checks a sample).
 *
 *   lfwpairs SHARED [--pairs FILE] [--detector FILE] [--embedder FILE]
 *            [--box] [--size N] [--device D] [--precision P]
 *
 * --pairs names another list of pairs, --detector and --embedder other networks
 * than YuNet and MobileFaceNet; --box aligns by the box alone, --size is the
 * detector's inference size, --precision the embedder's. */

#include "lfw.h"

#define ROOM 8000

static LfwPair pairs[ROOM];

static void
report (int n)
{
  static const double rates[] = { 0.01, 0.001, 0 };
  double sum[2] = { 0 }, square[2] = { 0 }, best = 0, folds = 0;
  int count[2] = { 0 }, missing = 0;

  for (int i = 0; i < n; i++) {
    missing += !pairs[i].valid;
    if (!pairs[i].valid)
      continue;
    sum[pairs[i].same] += pairs[i].cosine;
    square[pairs[i].same] += pairs[i].cosine * pairs[i].cosine;
    count[pairs[i].same]++;
  }
  for (int same = 1; same >= 0; same--) {
    double mean = sum[same] / count[same];
    printf ("%s: %d pairs, cosine mean %.3f, deviation %.3f\n",
            same ? "same" : "different", count[same], mean,
            sqrt (square[same] / count[same] - mean * mean));
  }
  printf ("no face: %d pairs (counted as wrong)\n", missing);
  double accuracy = lfw_best (pairs, n, &best);
  printf ("accuracy %.2f %% at the best threshold %.2f\n", 100 * accuracy,
          best);
  /* Ten folds of every tenth pair: the threshold of the other nine. */
  for (int fold = 0; fold < 10; fold++) {
    static LfwPair others[ROOM], own[ROOM];
    int n_others = 0, n_own = 0;
    double threshold = 0;
    for (int i = 0; i < n; i++)
      if (i % 10 == fold)
        own[n_own++] = pairs[i];
      else
        others[n_others++] = pairs[i];
    lfw_best (others, n_others, &threshold);
    folds += lfw_accuracy (own, n_own, threshold) / 10;
  }
  printf ("accuracy %.2f %% over ten folds\n", 100 * folds);
  for (int k = 20; k <= 55; k += 5)
    printf ("  threshold %.2f: accuracy %.2f %%\n", k / 100.,
            100 * lfw_accuracy (pairs, n, k / 100.));
  for (int r = 0; r < 3; r++)
    for (int k = -100; k <= 100; k++) {
      int wrong = 0, right = 0;
      for (int i = 0; i < n; i++)
        if (pairs[i].valid && pairs[i].cosine >= k / 100.)
          *(pairs[i].same ? &right : &wrong) += 1;
      if (wrong > rates[r] * count[0])
        continue;
      printf ("false accept rate <= %.3f from %.2f: true accept rate %.3f\n",
              rates[r], k / 100., (double) right / count[1]);
      break;
    }
}

int
main (int argc, char **argv)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetectorOptions detector_options;
  ReidEmbedderOptions embedder_options = { "auto", 0, REID_PRECISION_AUTO };
  ReidEmbedderInfo info;
  const char *list = NULL, *detector_file = NULL, *embedder_file = NULL;
  bool by_landmarks = true;
  char path[4][4096];

  reid_detector_options_init (&detector_options);
  detector_options.inference_size = 320;
  for (int i = 2; i < argc; i++)
    if (!strcmp (argv[i], "--box"))
      by_landmarks = false;
    else if (!strcmp (argv[i], "--pairs") && i + 1 < argc)
      list = argv[++i];
    else if (!strcmp (argv[i], "--detector") && i + 1 < argc)
      detector_file = argv[++i];
    else if (!strcmp (argv[i], "--embedder") && i + 1 < argc)
      embedder_file = argv[++i];
    else if (!strcmp (argv[i], "--size") && i + 1 < argc)
      detector_options.inference_size = atoi (argv[++i]);
    else if (!strcmp (argv[i], "--device") && i + 1 < argc)
      detector_options.device = embedder_options.device = argv[++i];
    else if (!strcmp (argv[i], "--precision") && i + 1 < argc
             && reid_precision_parse (argv[i + 1], &embedder_options.precision))
      i++;
    else
      argc = 0;
  if (argc < 2) {
    fprintf (stderr, "usage: lfwpairs SHARED [--pairs FILE] [--detector FILE] "
                     "[--embedder FILE] [--box] [--size N] [--device D] "
                     "[--precision P]\n");
    return 2;
  }
  snprintf (path[0], sizeof path[0], "%s/%s", argv[1], LFW_YUNET);
  snprintf (path[1], sizeof path[1], "%s/%s", argv[1], LFW_EMBEDDER);
  snprintf (path[2], sizeof path[2], "%s/%s", argv[1], LFW_PAIRS);
  snprintf (path[3], sizeof path[3], "%s/faces/lfw-dev", argv[1]);
  if (!detector_file)
    detector_file = path[0];
  if (!list)
    list = path[2];
  if (embedder_file)
    reid_embedder_info_init (&info);
  else {
    embedder_file = path[1];
    lfw_mobilefacenet_info (&info);
  }
  ReidDetector *detector =
      reid_detector_new (detector_file, NULL, &detector_options, &error);
  ReidEmbedder *embedder =
      detector
          ? reid_embedder_new (embedder_file, &info, &embedder_options, &error)
          : NULL;
  int n = embedder ? lfw_read (list, 1, pairs, ROOM) : 0;
  if (embedder && n < 1)
    reid_error_set (&error, REID_ERROR_OPEN, "%s cannot be read", list);
  if (embedder)
    printf ("%s; %s\n", reid_detector_device_reason (detector),
            reid_embedder_device_reason (embedder));
  for (int i = 0; i < n && error.status == REID_OK; i++)
    lfw_compare (detector, embedder, path[3], by_landmarks, &pairs[i], &error);
  if (error.status == REID_OK)
    report (n);
  else
    fprintf (stderr, "lfwpairs: %s\n", error.message);
  reid_embedder_free (embedder);
  reid_detector_free (detector);
  return error.status != REID_OK;
}
