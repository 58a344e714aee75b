/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of checkkernels --bench: microseconds of one call on one thread,
 * the median of several rounds, the versions taking turns within a round. The
 * whole functions first, on frames that are larger than the caches near the
 * core and change from call to call, as a decoder's do; then the inner loops,
 * on rows that stay in the first cache. */

#include "image/bench.h"
#include "image/pictures.h"
#include "image/scaler.h"

#include <time.h>

#define ROUNDS 9
#define ROUND_SECONDS 0.02
#define MAX_VERSIONS 3
#define N_FRAMES 4

typedef struct {
  Frame frames[N_FRAMES];
  uint8_t *rgb;
  float *tensor;
  int16_t *row, *parts[4];
  int32_t *sums[3];
  ReidTaps taps;
  ReidMix mix;
  ReidWarpRow warp;
  int16_t weights[4];
  double matrix[6];
  ReidTensorParams params;
  ReidRect rect;
  int width, height; /* of the output, of the chip */
  bool luma;
  int next;
} Bench;

typedef void (*BenchCall) (Bench *b, const ReidImageDsp *dsp);

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

static void
print_row (Bench *b, const char *what, BenchCall call, const Version *versions,
           int n, const char *only)
{
  double time[MAX_VERSIONS][ROUNDS];
  long calls[MAX_VERSIONS];

  if (!strstr (what, only))
    return;
  for (int v = 0; v < n; v++) {
    double start = now (), spent;
    long done = 0;
    do {
      call (b, &versions[v].dsp);
      done++;
      spent = now () - start;
    } while (spent < ROUND_SECONDS);
    calls[v] = done;
  }
  for (int r = 0; r < ROUNDS; r++)
    for (int v = 0; v < n; v++) {
      double start = now ();
      for (long i = 0; i < calls[v]; i++)
        call (b, &versions[v].dsp);
      time[v][r] = (now () - start) / (double) calls[v];
    }
  printf ("%-44s", what);
  for (int v = 0; v < n; v++) {
    qsort (time[v], ROUNDS, sizeof (double), compare_doubles);
    printf (" %11.3f", 1e6 * time[v][ROUNDS / 2]);
  }
  printf ("   x%.1f\n", time[0][ROUNDS / 2] / time[n - 1][ROUNDS / 2]);
  fflush (stdout);
}

static void
set_frames (Bench *b, ReidPixelFormat format, int width, int height)
{
  for (int i = 0; i < N_FRAMES; i++) {
    uint64_t seed = (uint64_t) i + 1;
    frame_clear (&b->frames[i]);
    frame_init (&b->frames[i], format, width, height, 0);
    frame_random (&b->frames[i], &seed);
  }
}

static const ReidImage *
next_frame (Bench *b)
{
  b->next = (b->next + 1) % N_FRAMES;
  return &b->frames[b->next].image;
}

static void
call_tensor (Bench *b, const ReidImageDsp *dsp)
{
  reid_image_to_tensor_dsp (dsp, next_frame (b), &b->params, b->tensor, NULL,
                            NULL);
}

static void
call_crop (Bench *b, const ReidImageDsp *dsp)
{
  reid_image_crop_dsp (dsp, next_frame (b), &b->rect, b->luma, b->width,
                       b->height, b->rgb, (b->luma ? 1 : 3) * b->width, NULL);
}

static void
call_thumbnail (Bench *b, const ReidImageDsp *dsp)
{
  reid_image_thumbnail_dsp (dsp, next_frame (b), 256, 144, b->rgb, NULL);
}

static void
call_warp (Bench *b, const ReidImageDsp *dsp)
{
  reid_image_warp_dsp (dsp, b->rgb, b->width, b->height, 3 * b->width,
                       b->matrix, &b->params, b->tensor, NULL);
}

static void
call_sharpness (Bench *b, const ReidImageDsp *dsp)
{
  volatile double v = reid_image_sharpness_dsp (dsp, b->rgb, 64, 64, 64);
  (void) v;
}

static void
call_vfilter8 (Bench *b, const ReidImageDsp *dsp)
{
  dsp->vfilter8 (b->row, b->rgb, 1920, b->weights, 3, 1920, 0);
}

static void
call_vfilter16 (Bench *b, const ReidImageDsp *dsp)
{
  dsp->vfilter16 (b->row, b->rgb, 2 * 1920, b->weights, 3, 1920, 6, 0);
}

static void
call_split2 (Bench *b, const ReidImageDsp *dsp)
{
  dsp->split2 (b->parts, b->row, 960);
}

static void
call_split3 (Bench *b, const ReidImageDsp *dsp)
{
  dsp->split3 (b->parts, b->row, 960);
}

static void
call_split4 (Bench *b, const ReidImageDsp *dsp)
{
  dsp->split4 (b->parts, b->row, 960);
}

static void
call_hfilter (Bench *b, const ReidImageDsp *dsp)
{
  dsp->hfilter (b->sums[0], b->row, &b->taps);
}

static void
call_mix_float (Bench *b, const ReidImageDsp *dsp)
{
  float *const out[3] = { b->tensor, b->tensor + 640, b->tensor + 1280 };
  const int32_t *const in[3] = { b->sums[0], b->sums[1], b->sums[2] };

  dsp->mix_float (out, in, &b->mix, 640);
}

static void
call_mix_u8 (Bench *b, const ReidImageDsp *dsp)
{
  const int32_t *const in[3] = { b->sums[0], b->sums[1], b->sums[2] };

  dsp->mix_u8 (b->rgb, in, &b->mix, 640);
}

static void
call_pack4 (Bench *b, const ReidImageDsp *dsp)
{
  const int32_t *const in[3] = { b->sums[0], b->sums[1], b->sums[2] };

  dsp->pack4 (b->row, in, 640);
}

static void
call_warp_row (Bench *b, const ReidImageDsp *dsp)
{
  dsp->warp_row (b->sums, &b->warp, 112);
}

static void
call_laplacian (Bench *b, const ReidImageDsp *dsp)
{
  int64_t sum = 0, squares = 0;

  dsp->laplacian (b->rgb + 1920, 1920, 1920, &sum, &squares);
}

static void
bench_tensors (Bench *b, const Version *versions, int n, const char *only)
{
  static const struct {
    ReidPixelFormat format;
    int width, height;
  } frames[] = {
    { REID_PIXEL_I420, 1920, 1080 },      { REID_PIXEL_NV12, 1920, 1080 },
    { REID_PIXEL_I420_10LE, 1920, 1080 }, { REID_PIXEL_P010_10LE, 1920, 1080 },
    { REID_PIXEL_Y444, 1920, 1080 },      { REID_PIXEL_RGB, 1920, 1080 },
    { REID_PIXEL_BGRX, 1920, 1080 },      { REID_PIXEL_GRAY8, 1920, 1080 },
    { REID_PIXEL_I420, 3840, 2160 },      { REID_PIXEL_NV12, 1280, 720 },
    { REID_PIXEL_I420, 960, 540 },        { REID_PIXEL_I420, 854, 480 },
    { REID_PIXEL_I420, 320, 180 },
  };

  b->params = (ReidTensorParams){ .width = 640,
                                  .height = 384,
                                  .channels = REID_CHANNELS_BGR,
                                  .scale = { 1, 1, 1 } };
  for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
    char what[64];
    snprintf (what, sizeof what, "tensor 640x384, %s %dx%d",
              reid_pixel_format_name (frames[i].format), frames[i].width,
              frames[i].height);
    if (!strstr (what, only))
      continue;
    set_frames (b, frames[i].format, frames[i].width, frames[i].height);
    print_row (b, what, call_tensor, versions, n, only);
  }
}

static void
bench_pictures (Bench *b, const Version *versions, int n, const char *only)
{
  set_frames (b, REID_PIXEL_I420, 1920, 1080);
  print_row (b, "thumbnail 256x144, I420 1920x1080", call_thumbnail, versions,
             n, only);
  b->rect = (ReidRect){ 700.5, 400.25, 100, 100 };
  b->width = b->height = 64;
  b->luma = true;
  print_row (b, "crop luma 100x100 -> 64x64, I420", call_crop, versions, n,
             only);
  b->luma = false;
  b->rect = (ReidRect){ 700.5, 400.25, 180, 180 };
  b->width = b->height = 180;
  print_row (b, "crop rgb 180x180 -> 180x180, I420", call_crop, versions, n,
             only);
  b->rect = (ReidRect){ 700.5, 400.25, 512, 512 };
  b->width = b->height = 256;
  print_row (b, "crop rgb 512x512 -> 256x256, I420", call_crop, versions, n,
             only);

  const double turned[6] = { 0.77, 0.64, 20, -0.64, 0.77, 100 };
  memcpy (b->matrix, turned, sizeof turned);
  b->params.width = b->params.height = 112;
  print_row (b, "warp 256x256 -> 112x112, scale 1", call_warp, versions, n,
             only);
  for (int i = 0; i < 6; i++)
    b->matrix[i] = turned[i] * 1.6;
  print_row (b, "warp 256x256 -> 112x112, scale 1.6", call_warp, versions, n,
             only);
  print_row (b, "sharpness 64x64", call_sharpness, versions, n, only);
}

static void
bench_rows (Bench *b, const Version *versions, int n, const char *only)
{
  static const double steps[] = { 0.5, 1.5, 3, 6, 12 };

  print_row (b, "vfilter8, 3 rows of 1920", call_vfilter8, versions, n, only);
  print_row (b, "vfilter16, 3 rows of 1920", call_vfilter16, versions, n, only);
  print_row (b, "split2, 960 pixels", call_split2, versions, n, only);
  print_row (b, "split3, 960 pixels", call_split3, versions, n, only);
  print_row (b, "split4, 960 pixels", call_split4, versions, n, only);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    ReidImageAxis axis = { .step = steps[i],
                      .width = steps[i],
                      .n_source = (int) (640 * steps[i]) };
    char what[64];
    snprintf (what, sizeof what, "hfilter, %g -> 640", 640 * steps[i]);
    if (!reid_taps_init (&b->taps, &axis, 640, NULL))
      exit (1);
    print_row (b, what, call_hfilter, versions, n, only);
    reid_taps_clear (&b->taps);
  }
  reid_mix_init (&b->mix, &b->frames[0].image, REID_CHANNELS_BGR);
  print_row (b, "mix_float, 640 pixels", call_mix_float, versions, n, only);
  print_row (b, "mix_u8, 640 pixels", call_mix_u8, versions, n, only);
  print_row (b, "pack4, 640 pixels", call_pack4, versions, n, only);
  b->warp = (ReidWarpRow){ .src = b->row,
                           .stride = 4 * 130,
                           .nu = 128,
                           .nv = 14,
                           .u0 = 3,
                           .v0 = 2,
                           .du = 0.99,
                           .dv = 0.1 };
  print_row (b, "warp_row, 112 pixels", call_warp_row, versions, n, only);
  print_row (b, "laplacian, 1920 pixels", call_laplacian, versions, n, only);
}

int
bench_kernels (const Version *versions, int n, const char *only)
{
  const size_t samples = 12 * 1920;
  static Bench b;

  b.rgb = calloc (1, 3 * 640 * 640);
  b.tensor = calloc (sizeof (float), 3 * 640 * 384);
  b.row = calloc (sizeof (int16_t), samples);
  for (int c = 0; c < 4; c++)
    b.parts[c] = calloc (sizeof (int16_t), samples);
  for (int c = 0; c < 3; c++)
    b.sums[c] = calloc (sizeof (int32_t), samples);
  if (!b.rgb || !b.tensor || !b.row || !b.parts[3] || !b.sums[2])
    return 1;
  b.weights[0] = b.weights[2] = 5461;
  b.weights[1] = 5462;

  printf ("%-44s", "microseconds per call, one thread");
  for (int v = 0; v < n; v++)
    printf (" %11s", versions[v].name);
  printf ("\n");
  bench_tensors (&b, versions, n, only);
  bench_pictures (&b, versions, n, only);
  bench_rows (&b, versions, n, only);

  for (int i = 0; i < N_FRAMES; i++)
    frame_clear (&b.frames[i]);
  free (b.rgb);
  free (b.tensor);
  free (b.row);
  for (int c = 0; c < 4; c++)
    free (b.parts[c]);
  for (int c = 0; c < 3; c++)
    free (b.sums[c]);
  return 0;
}
