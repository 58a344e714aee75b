/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every vector version of kernels/image against the plain C one.
 *
 *   checkkernels           compares on random data, TAP
 *   checkkernels --bench [NAME]
 *                          times all versions that this machine can run
 *
 * An argument that is no option runs only the tests whose name contains it. */

#include "image/bench.h"
#include "image/pictures.h"
#include "image/scaler.h"
#include "test.h"

static Version versions[3];
static int n_versions;

static void
find_versions (void)
{
  unsigned flags = reid_cpu_flags ();

  n_versions = 0;
  versions[n_versions].name = "c";
  reid_image_dsp_init (&versions[n_versions++].dsp, 0);
  if (flags & REID_CPU_AVX2) {
    versions[n_versions].name = "avx2";
    reid_image_dsp_init (&versions[n_versions++].dsp, REID_CPU_AVX2);
  }
  if (flags & REID_CPU_AVX512) {
    versions[n_versions].name = "avx512";
    reid_image_dsp_init (&versions[n_versions++].dsp,
                         REID_CPU_AVX2 | REID_CPU_AVX512);
  }
}

static uint64_t seed = 1;

static int
between (int lo, int hi)
{
  return lo + (int) ((test_random (&seed) >> 33) % (unsigned) (hi - lo + 1));
}

static uint8_t *
guarded_random (Guarded *g, size_t n)
{
  uint8_t *p = guarded_new (g, n);
  bool extremes = between (0, 2) == 0;

  for (size_t i = 0; i < n; i++) {
    uint8_t v = (uint8_t) (test_random (&seed) >> 40);
    p[i] = extremes ? (v & 1 ? 255 : 0) : v;
  }
  return p;
}

/* A row as the vertical pass leaves it, with the slack that rows have. */
static int16_t *
make_row (int n)
{
  int16_t *p = malloc (sizeof *p * (size_t) (n + REID_ROW_SLACK));
  bool extremes = between (0, 2) == 0;

  for (int i = 0; i < n + REID_ROW_SLACK; i++)
    p[i] = (int16_t) (extremes ? 32736 * between (0, 1) : between (0, 32736));
  return p;
}

static int32_t *
make_sums (int n)
{
  int32_t *p = malloc (sizeof *p * (size_t) (n + REID_GROUP));

  for (int i = 0; i < n + REID_GROUP; i++)
    p[i] = between (0, 32736 * REID_WEIGHT_ONE);
  return p;
}

static void
make_weights (int16_t *w, int n)
{
  int left = REID_WEIGHT_ONE;

  for (int i = 0; i < n - 1; i++) {
    w[i] = (int16_t) between (0, left);
    left -= w[i];
  }
  w[n - 1] = (int16_t) left;
}

/* The first difference is told. */
static void
same (const char *what, const char *version, const void *expected,
      const void *got, size_t n)
{
  const uint8_t *a = expected, *b = got;

  for (size_t i = 0; i < n; i++)
    if (a[i] != b[i]) {
      CHECK_MSG (a[i] == b[i], "%s, %s: byte %zu of %zu is %d, not %d", what,
                 version, i, n, b[i], a[i]);
      return;
    }
}

static const int widths[] = { 1,  2,  3,  7,  8,  9,  15,  16,  17,  23,
                              31, 32, 33, 63, 64, 65, 100, 127, 129, 1920 };
#define N_WIDTHS ((int) (sizeof widths / sizeof widths[0]))

static void
check_vfilter (int i, int bytes)
{
  int n = widths[i % N_WIDTHS], taps = i < N_WIDTHS ? 1 : between (1, 9);
  int shift = i & 1 ? 6 : 0;
  ptrdiff_t stride = bytes * n + between (0, 5);
  Guarded g;
  uint8_t *src =
      guarded_random (&g, (size_t) (stride * (taps - 1) + bytes * n));
  int16_t w[9], *out[2] = { make_row (n), make_row (n) };

  make_weights (w, taps);
  for (int v = 0; v < n_versions; v++) {
    if (bytes == 1)
      versions[v].dsp.vfilter8 (out[v > 0], src, stride, w, taps, n, stride);
    else
      versions[v].dsp.vfilter16 (out[v > 0], src, stride, w, taps, n, shift,
                                 stride);
    same ("vfilter", versions[v].name, out[0], out[v > 0], 2 * (size_t) n);
  }
  guarded_free (&g);
  free (out[0]);
  free (out[1]);
}

TEST (vfilter8)
{
  for (int i = 0; i < N_WIDTHS * 10; i++)
    check_vfilter (i, 1);
}

TEST (vfilter16)
{
  for (int i = 0; i < N_WIDTHS * 10; i++)
    check_vfilter (i, 2);
}

TEST (split)
{
  for (int i = 0; i < N_WIDTHS * 3; i++) {
    int n = widths[i % N_WIDTHS], step = 2 + i / N_WIDTHS;
    int hole = step == 4 ? between (0, 3) : -1;
    int16_t *src = make_row (n * step), *out[2][4];

    for (int k = 0; k < 8; k++)
      out[k / 4][k % 4] = k % 4 == hole ? NULL : make_row (n);
    for (int v = 0; v < n_versions; v++) {
      const ReidImageDsp *d = &versions[v].dsp;
      (step == 2   ? d->split2
       : step == 3 ? d->split3
                   : d->split4) (out[v > 0], src, n);
      for (int c = 0; c < step; c++)
        if (c != hole)
          same ("split", versions[v].name, out[0][c], out[v > 0][c],
                2 * (size_t) n);
    }
    free (src);
    for (int k = 0; k < 8; k++)
      free (out[k / 4][k % 4]);
  }
}

TEST (hfilter)
{
  static const double steps[] = { 0.1, 0.5, 1,   1.5, 2,    2.4, 3,  4,
                                  4.3, 7.9, 8.6, 9,   15.3, 40,  700 };

  for (int i = 0; i < 15 * 8; i++) {
    int n = i % 3 ? between (1, 70) : between (200, 700);
    double step = steps[i % 15];
    ReidImageAxis axis = { .origin = test_uniform (&seed) * 40 - 20,
                      .step = step,
                      .width = step,
                      .n_source = between (1, (int) (n * step) + 1) };
    ReidTaps taps;
    ReidError error = REID_ERROR_INIT;

    REQUIRE_OK (reid_taps_init (&taps, &axis, n, &error), error);
    int16_t *src = make_row (taps.hi - taps.lo + 4 * taps.chunks);
    int32_t *out[2] = { make_sums (n), make_sums (n) };
    for (int v = 0; v < n_versions; v++) {
      versions[v].dsp.hfilter (out[v > 0], src, &taps);
      same ("hfilter", versions[v].name, out[0], out[v > 0],
            sizeof (int32_t) * (size_t) taps.n_padded);
    }
    free (src);
    free (out[0]);
    free (out[1]);
    reid_taps_clear (&taps);
  }
}

static void
make_mix (ReidMix *mix, int i)
{
  ReidImage image = { .format = i % 3 ? REID_PIXEL_I420 : REID_PIXEL_RGB,
                      .matrix = (ReidMatrix) (i % 3),
                      .full_range = i & 1 };

  reid_mix_init (mix, &image, (ReidChannels) between (0, 2));
  for (int c = 0; c < 3; c++) {
    mix->mean[c] = i & 4 ? (float) test_uniform (&seed) * 255 : 0;
    mix->scale[c] = (float) test_uniform (&seed) * 3 - 1.5f;
  }
}

TEST (mix)
{
  for (int i = 0; i < N_WIDTHS * 12; i++) {
    int n = widths[i % N_WIDTHS];
    size_t floats = sizeof (float) * (size_t) n;
    ReidMix mix;
    int32_t *sums[3] = { make_sums (n), make_sums (n), make_sums (n) };
    const int32_t *const in[3] = { sums[0], sums[1], sums[2] };
    float *out[2][3];
    Guarded floats_at[6], bytes_at[2];

    make_mix (&mix, i);
    uint8_t *bytes[2];
    for (int k = 0; k < 2; k++)
      bytes[k] = guarded_new (&bytes_at[k], (size_t) (n * mix.n_out));
    for (int k = 0; k < 6; k++)
      out[k / 3][k % 3] = guarded_new (&floats_at[k], floats);
    for (int v = 0; v < n_versions; v++) {
      versions[v].dsp.mix_float (out[v > 0], in, &mix, n);
      versions[v].dsp.mix_u8 (bytes[v > 0], in, &mix, n);
      for (int c = 0; c < mix.n_out; c++)
        same ("mix_float", versions[v].name, out[0][c], out[v > 0][c], floats);
      same ("mix_u8", versions[v].name, bytes[0], bytes[v > 0],
            (size_t) (n * mix.n_out));
    }
    for (int k = 0; k < 6; k++)
      guarded_free (&floats_at[k]);
    for (int k = 0; k < 2; k++)
      guarded_free (&bytes_at[k]);
    for (int c = 0; c < 3; c++)
      free (sums[c]);
  }
}

TEST (pack4)
{
  for (int i = 0; i < N_WIDTHS; i++) {
    int n = widths[i];
    int32_t *sums[3] = { make_sums (n), make_sums (n), make_sums (n) };
    const int32_t *const in[3] = { sums[0], sums[1], sums[2] };
    int16_t *out[2] = { make_row (4 * n), make_row (4 * n) };

    for (int v = 0; v < n_versions; v++) {
      versions[v].dsp.pack4 (out[v > 0], in, n);
      same ("pack4", versions[v].name, out[0], out[v > 0], 8 * (size_t) n);
    }
    for (int c = 0; c < 3; c++)
      free (sums[c]);
    free (out[0]);
    free (out[1]);
  }
}

TEST (warp_row)
{
  for (int i = 0; i < N_WIDTHS * 6; i++) {
    int n = widths[i % N_WIDTHS], nu = between (1, 90), nv = between (1, 50);
    ReidWarpRow row = { .stride = 4 * (nu + 1 + between (0, 3)),
                        .nu = nu,
                        .nv = nv,
                        .u0 = test_uniform (&seed) * 80 - 30,
                        .v0 = test_uniform (&seed) * 80 - 30,
                        .du = test_uniform (&seed) * 3 - 1.5,
                        .dv = test_uniform (&seed) * 3 - 1.5 };
    int samples = (int) row.stride * nv + 4 * (nu + 1);
    Guarded g;
    int16_t *src = guarded_new (&g, sizeof *src * (size_t) samples);
    int32_t *out[2][3];

    for (int k = 0; k < samples; k++)
      src[k] = (int16_t) (k % 4 == 3 ? 0 : between (0, 32640));
    row.src = src;
    for (int k = 0; k < 6; k++)
      out[k / 3][k % 3] = make_sums (n);
    for (int v = 0; v < n_versions; v++) {
      versions[v].dsp.warp_row (out[v > 0], &row, n);
      for (int c = 0; c < 3; c++)
        same ("warp_row", versions[v].name, out[0][c], out[v > 0][c],
              sizeof (int32_t) * (size_t) n);
    }
    guarded_free (&g);
    for (int k = 0; k < 6; k++)
      free (out[k / 3][k % 3]);
  }
}

TEST (laplacian)
{
  for (int i = 0; i < N_WIDTHS + 4; i++) {
    /* Rows beyond 8192 pixels, of the strongest edges, fill the lanes. */
    int n = i < N_WIDTHS ? widths[i] : between (9000, 65536);
    ptrdiff_t stride = n + between (0, 3);
    Guarded g;
    uint8_t *luma = guarded_random (&g, (size_t) (2 * stride + n));
    int64_t got[2][2];

    for (int x = 0; i >= N_WIDTHS && x < n; x++) {
      luma[x] = luma[x + 2 * stride] = x & 1 ? 255 : 0;
      luma[x + stride] = x & 1 ? 0 : 255;
    }
    for (int v = 0; v < n_versions; v++) {
      got[v > 0][0] = got[v > 0][1] = 5;
      versions[v].dsp.laplacian (luma + stride, stride, n, &got[v > 0][0],
                                 &got[v > 0][1]);
      same ("laplacian", versions[v].name, got[0], got[v > 0], sizeof got[0]);
    }
    guarded_free (&g);
  }
}

/* The whole functions, over all formats and random sizes. */

static void
random_frame (Frame *f, int i)
{
  frame_init (f, (ReidPixelFormat) (i % REID_PIXEL_COUNT), between (1, 200),
              between (1, 120), between (0, 7));
  frame_random (f, &seed);
  f->image.matrix = (ReidMatrix) between (0, 2);
  f->image.full_range = between (0, 1);
  f->image.par_n = between (1, 4);
  f->image.par_d = between (1, 4);
}

TEST (image_to_tensor)
{
  for (int i = 0; i < REID_PIXEL_COUNT * 8; i++) {
    Frame f;
    ReidTensorParams params = { .width = between (1, 100),
                                .height = between (1, 100),
                                .fit = (ReidFit) between (0, 1),
                                .channels = (ReidChannels) between (0, 2),
                                .mean = { (float) between (0, 127), 1, 2 },
                                .scale = { 1 / 127.5f,
                                           (float) test_uniform (&seed), 1 },
                                .fill = (float) between (0, 255) };
    size_t n = (size_t) params.width * (size_t) params.height
               * (params.channels == REID_CHANNELS_GRAY ? 1 : 3);
    Guarded g[2];
    float *out[2];

    random_frame (&f, i);
    for (int k = 0; k < 2; k++)
      out[k] = guarded_new (&g[k], n * sizeof (float));
    for (int v = 0; v < n_versions; v++) {
      ReidError error = REID_ERROR_INIT;
      ReidMapping map;
      REQUIRE_OK (reid_image_to_tensor_dsp (&versions[v].dsp, &f.image, &params,
                                            out[v > 0], &map, &error),
                  error);
      same (reid_pixel_format_name (f.image.format), versions[v].name, out[0],
            out[v > 0], n * sizeof (float));
    }
    for (int k = 0; k < 2; k++)
      guarded_free (&g[k]);
    frame_clear (&f);
  }
}

TEST (image_crop_and_thumbnail)
{
  for (int i = 0; i < REID_PIXEL_COUNT * 9; i++) {
    int what = i / REID_PIXEL_COUNT % 3, channels = what == 1 ? 1 : 3;
    int width = between (1, 90), height = between (1, 90);
    ptrdiff_t stride = channels * width + (what == 2 ? 0 : between (0, 5));
    size_t n = (size_t) (stride * (height - 1) + channels * width);
    ReidRect rect = { .left = test_uniform (&seed) * 220 - 60,
                      .top = test_uniform (&seed) * 220 - 60,
                      .width = test_uniform (&seed) * 250 + 0.01,
                      .height = test_uniform (&seed) * 250 + 0.01 };
    Frame f;
    Guarded g[2];
    uint8_t *out[2];

    random_frame (&f, i);
    for (int k = 0; k < 2; k++)
      out[k] = guarded_new (&g[k], n);
    for (int v = 0; v < n_versions; v++) {
      const ReidImageDsp *dsp = &versions[v].dsp;
      ReidError error = REID_ERROR_INIT;
      if (what == 2)
        REQUIRE_OK (reid_image_thumbnail_dsp (dsp, &f.image, width, height,
                                              out[v > 0], &error),
                    error);
      else
        REQUIRE_OK (reid_image_crop_dsp (dsp, &f.image, &rect, what == 1, width,
                                         height, out[v > 0], stride, &error),
                    error);
      same (reid_pixel_format_name (f.image.format), versions[v].name, out[0],
            out[v > 0], n);
    }
    for (int k = 0; k < 2; k++)
      guarded_free (&g[k]);
    frame_clear (&f);
  }
}

TEST (image_warp)
{
  for (int i = 0; i < 60; i++) {
    int w = between (1, 200), h = between (1, 200);
    int out_w = between (1, 120), out_h = between (1, 120);
    double scale = exp (test_uniform (&seed) * 4 - 1.5);
    double turn = test_uniform (&seed) * 7;
    double m[6] = { scale * cos (turn),         -scale * sin (turn),
                    test_uniform (&seed) * 100, scale * sin (turn),
                    scale * cos (turn),         test_uniform (&seed) * 100 };
    ReidTensorParams params = { .width = out_w,
                                .height = out_h,
                                .channels = (ReidChannels) between (0, 2),
                                .mean = { 127.5f, 127.5f, 127.5f },
                                .scale = { 1 / 127.5f, 1, 2 } };
    Guarded g[5];
    uint8_t *rgb = guarded_random (&g[0], (size_t) (3 * w * h)), *out8[2];
    size_t n = (size_t) (3 * out_w * out_h);
    float *out[2];

    for (int k = 0; k < 2; k++) {
      out8[k] = guarded_new (&g[1 + k], n);
      out[k] = guarded_new (&g[3 + k], n * sizeof (float));
    }
    for (int v = 0; v < n_versions; v++) {
      const ReidImageDsp *dsp = &versions[v].dsp;
      ReidError error = REID_ERROR_INIT;
      REQUIRE_OK (reid_image_warp_rgb_dsp (dsp, rgb, w, h, 3 * w, m, out_w,
                                           out_h, out8[v > 0], 3 * out_w,
                                           &error),
                  error);
      REQUIRE_OK (reid_image_warp_dsp (dsp, rgb, w, h, 3 * w, m, &params,
                                       out[v > 0], &error),
                  error);
      same ("warp_rgb", versions[v].name, out8[0], out8[v > 0], n);
      same ("warp", versions[v].name, out[0], out[v > 0], n * sizeof (float));
    }
    for (int k = 0; k < 5; k++)
      guarded_free (&g[k]);
  }
}

TEST (sharpness)
{
  for (int i = 0; i < 50; i++) {
    int w = between (3, 300), h = between (3, 100);
    Guarded g;
    uint8_t *luma = guarded_random (&g, (size_t) (w * h));
    double got[2];

    for (int v = 0; v < n_versions; v++) {
      got[v > 0] = reid_image_sharpness_dsp (&versions[v].dsp, luma, w, h, w);
      same ("sharpness", versions[v].name, &got[0], &got[v > 0], sizeof got[0]);
    }
    guarded_free (&g);
  }
}

/* The harness's main under another name, so that --bench can come before it. */
static int run_tests (int argc, char **argv);
#define main run_tests
TEST_MAIN ()
#undef main

int
main (int argc, char **argv)
{
  find_versions ();
  if (argc > 1 && strcmp (argv[1], "--bench") == 0)
    return bench_kernels (versions, n_versions, argc > 2 ? argv[2] : "");
  for (int v = 0; v < n_versions; v++)
    printf ("# version: %s\n", versions[v].name);
  return run_tests (argc, argv);
}
