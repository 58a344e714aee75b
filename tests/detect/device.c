/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GPU whose memory ends in the middle of a run, which is a stand-in (see
 * tests/nn/fakegpu). */
#include "squares.h"
#include "fakegpu/faults.h"

#include <unistd.h>

enum { N = 23, MOST = 8 };

typedef struct {
  int n[N];
  ReidFace faces[N][MOST];
} Found;

static Frame frames[N];
static ReidImage images[N];
static Found wanted, found;

static char file[64];

static const char *
path (void)
{
  if (!*file)
    snprintf (file, sizeof file, "/tmp/reid-detect-device-%d.onnx",
              (int) getpid ());
  CHECK (access (file, F_OK) == 0 || tiny_yunet (file));
  return file;
}

__attribute__ ((destructor)) static void
clean_up (void)
{
  unlink (file);
  for (int i = 0; i < N; i++)
    free (frames[i].pixels);
}

static ReidDetector *
open_on (const char *device)
{
  ReidError error = REID_ERROR_INIT;
  ReidDetectorOptions options;

  reid_detector_options_init (&options);
  options.device = device;
  options.inference_size = 320;
  options.threads = 1;
  options.precision = REID_PRECISION_F32;
  options.memory_limit = strcmp (device, "cpu") ? (size_t) 1 << 30 : 0;
  ReidDetector *detector = reid_detector_new (path (), NULL, &options, &error);
  CHECK_MSG (detector, "%s", error.message);
  return detector;
}

static void
make_frames (void)
{
  for (int i = 0; i < N && !frames[i].pixels; i++) {
    frames[i] = frame_new (320, 240);
    for (int k = 0; k < i % 4; k++)
      square (&frames[i], 10 + 60 * k + i, 20 + 5 * i, 30 + i, 30 + i);
    images[i] = frames[i].image;
  }
}

static void
detect (ReidDetector *detector, int n, Found *in)
{
  ReidDetection all[N];

  memset (in, 0, sizeof *in);
  reid_detector_run_batch (detector, images, n, all);
  for (int i = 0; i < n; i++) {
    CHECK_MSG (all[i].error.status == REID_OK, "frame %d: %s", i,
               all[i].error.message);
    REQUIRE (all[i].n_faces <= MOST);
    in->n[i] = all[i].n_faces;
    if (all[i].n_faces)
      memcpy (in->faces[i], all[i].faces,
              (size_t) all[i].n_faces * sizeof *all[i].faces);
  }
}

static void
check_found (int n)
{
  int faces = 0;

  for (int i = 0; i < n; i++) {
    CHECK_MSG (
        same_faces (found.faces[i], found.n[i], wanted.faces[i], wanted.n[i]),
        "frame %d", i);
    faces += found.n[i];
  }
  CHECK (n < 2 || faces > 0);
}

static bool
cpu_is_fake (void)
{
  ReidDetector *detector = open_on ("cpu");
  bool fake =
      strstr (reid_detector_device_reason (detector), "test of its rules");

  reid_detector_free (detector);
  return fake;
}

TEST (a_network_goes_on_on_the_cpu)
{
  /* one frame at a time, and within a call, before and after its first run */
  static const struct {
    int n;
    const char *runs;
  } cases[] = { { 1, "0" }, { N, "0" }, { N, "1" } };

  make_frames ();
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ReidDetector *detector = open_on ("cuda"), *cpu = open_on ("cpu");
    ReidDetectorOptions options;
    ReidError error = REID_ERROR_INIT;
    int n = cases[k].n;
    char reason[1200];

    detect (cpu, n, &wanted);
    detect (detector, n, &found);
    CHECK (!strcmp (reid_detector_device (detector), "cudnn"));
    CHECK (reid_detector_on_gpu (detector) && !reid_detector_moved (detector));
    snprintf (reason, sizeof reason, "%s; since its memory ended, %s",
              reid_detector_device_reason (detector),
              reid_detector_device_reason (cpu));
    fill_gpu ("full", cases[k].runs);
    detect (detector, n, &found);
    REQUIRE (reid_detector_moved (detector));
    CHECK_MSG (strstr (reid_detector_moved (detector), "$REID_FAKE_GPU"), "%s",
               reid_detector_moved (detector));
    CHECK (
        !strcmp (reid_detector_device (detector), reid_detector_device (cpu)));
    CHECK (!reid_detector_on_gpu (detector));
    CHECK (reid_detector_batch (detector) == 16);
    CHECK_MSG (!strcmp (reid_detector_device_reason (detector), reason), "%s",
               reid_detector_device_reason (detector));
    if (cpu_is_fake () || !strcmp (cases[k].runs, "0"))
      check_found (n);
    /* it stays there, and no limit of the GPU's memory is one of the CPU's */
    empty_both ();
    reid_detector_options_init (&options);
    options.inference_size = 320;
    options.memory_limit = 1;
    for (options.threads = 1; options.threads <= 2; options.threads++) {
      REQUIRE_OK (reid_detector_configure (detector, &options, &error), error);
      detect (detector, n, &found);
      check_found (n);
    }
    CHECK (
        !strcmp (reid_detector_device (detector), reid_detector_device (cpu)));
    reid_detector_free (detector);
    reid_detector_free (cpu);
    CHECK (reid_session_count () == 0);
  }
}

/* On a device that works from the start or not at all, which only "auto" may
 * leave. */
static void
check_start (const char *fault, bool opens)
{
  ReidDetector *cpu = open_on ("cpu"), *detector;
  ReidError error = REID_ERROR_INIT;
  ReidDetection detection;

  make_frames ();
  detect (cpu, N, &wanted);
  fill_gpu (fault, "0");
  detector = open_on ("auto");
  CHECK (!opens == !!reid_detector_moved (detector));
  detect (detector, N, &found);
  check_found (N);
  REQUIRE (reid_detector_moved (detector));
  CHECK (strstr (reid_detector_moved (detector), "$REID_FAKE_GPU"));
  CHECK (strstr (reid_detector_device_reason (detector),
                 !opens                   ? "; not the GPU: "
                 : strcmp (fault, "full") ? "; since it failed, "
                                          : "; since its memory ended, "));
  CHECK (!reid_detector_on_gpu (detector));
  reid_detector_free (detector);
  if (opens) {
    detector = open_on ("cuda");
    reid_detector_run_batch (detector, images, 1, &detection);
    error = detection.error;
    CHECK (!reid_detector_moved (detector));
  } else {
    ReidDetectorOptions options;
    reid_detector_options_init (&options);
    options.device = "cuda";
    detector = reid_detector_new (path (), NULL, &options, &error);
    CHECK (!detector);
  }
  CHECK_MSG (strstr (error.message, "$REID_FAKE_GPU"), "%s", error.message);
  reid_detector_free (detector);
  reid_detector_free (cpu);
  empty_both ();
  CHECK (reid_session_count () == 0);
}

TEST (a_gpu_that_never_works)
{
  check_start ("weights", false);
  check_start ("full", true);
  check_start ("dead", true);
}

/* Fails on its frame with a message that has these two in it. */
static void
check_fails (ReidDetector *detector, const char *one, const char *two)
{
  ReidDetection detection;

  reid_detector_run_batch (detector, images, 1, &detection);
  CHECK_MSG (detection.error.status == REID_ERROR_MEMORY
                 && strstr (detection.error.message, one)
                 && strstr (detection.error.message, two)
                 && !strchr (detection.error.message, '\n'),
             "%s", detection.error.message);
  CHECK (!reid_detector_moved (detector));
}

TEST (where_it_cannot_go_that_is_told)
{
  ReidDetector *detector = open_on ("cuda");

  make_frames ();
  /* it never ran there */
  fill_gpu ("full", "0");
  check_fails (detector, "$REID_FAKE_GPU", "");
  empty_both ();
  detect (detector, N, &wanted);
  fill_gpu ("full", "0");
  /* it would be another network */
  REQUIRE (tiny_embedder (file, TINY_EMBED_RANDOM));
  check_fails (detector, "$REID_FAKE_GPU", "the file has changed");
  unlink (file);
  check_fails (detector, "$REID_FAKE_GPU", file);
  CHECK (reid_session_count () == 1);
  /* nothing has changed meanwhile */
  empty_both ();
  detect (detector, N, &found);
  check_found (N);
  reid_detector_free (detector);
}

TEST (the_cpu_may_have_no_memory_either)
{
  ReidDetector *detector = open_on ("cuda");
  ReidDetection detection;

  make_frames ();
  detect (detector, N, &wanted);
  if (!cpu_is_fake ()) {
    reid_detector_free (detector);
    return;
  }
  fill_gpu ("full", "0");
  setenv ("REID_FAKE_CPU", "full", 1);
  reid_detector_run_batch (detector, images, 1, &detection);
  CHECK (detection.error.status == REID_ERROR_MEMORY && !detection.n_faces);
  CHECK_MSG (strstr (detection.error.message, "$REID_FAKE_CPU"), "%s",
             detection.error.message);
  empty_both ();
  detect (detector, N, &found);
  check_found (N);
  reid_detector_free (detector);
}

TEST_MAIN ()
