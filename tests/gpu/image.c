/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the GPU makes of pictures against kernels/image in plain C: on the GPU
 * where there is one, else, with REID_CUDNN_HOST=1, by the same kernels here,
 * which must then give the same bytes. */
#include "test.h"

#include "embed/vector.h"
#include "image/image_private.h"
#include "image/pictures.h"
#include "nn/cudnn/feed.h"

/* Of full scale, in f32, on a GPU. */
#define TOLERANCE 1e-4

static uint64_t seed = 5;
static ReidGpu gpu;
static ReidQueue queue;
static ReidImageDsp plain;

static int
between (int lo, int hi)
{
  return lo + (int) ((test_random (&seed) >> 33) % (unsigned) (hi - lo + 1));
}

static bool
begin (void)
{
  ReidError error = REID_ERROR_INIT;

  if (plain.mix_float)
    return true;
  if (!reid_gpu_describe (0, &gpu, &error)) {
    CHECK_MSG (false, "%s", error.message);
    return false;
  }
  printf ("# %s\n", gpu.name);
  queue.host = gpu.host;
  reid_image_dsp_init (&plain, 0);
  return true;
}

/* n bytes of the GPU's memory, with these in it; freed by reid_gpu_free(). */
static void *
there (const void *from, size_t n)
{
  void *to = reid_gpu_alloc (&gpu, n, NULL);

  if (!to || (from && !reid_gpu_upload (&gpu, queue, to, from, n, NULL))) {
    printf ("Bail out! no memory on the GPU\n");
    exit (1);
  }
  return to;
}

static void
back (void *to, const void *from, size_t n)
{
  CHECK (reid_gpu_download (&gpu, queue, to, from, n, NULL));
  CHECK (reid_gpu_wait (&gpu, queue, NULL));
}

/* --- a batch, as the feed makes it --- */

#define MOST 24

typedef struct {
  int n, channels, width, height;
  size_t size;     /* numbers of a picture */
  float *expected; /* of all */
  double scale[MOST];
  ReidGpuFeed *feed;
} Batch;

static void
batch_init (Batch *b, int channels, int width, int height)
{
  *b = (Batch){ .channels = channels, .width = width, .height = height };
  b->size = (size_t) channels * (size_t) width * (size_t) height;
  b->expected = calloc (MOST * b->size, sizeof (float));
  b->feed = reid_gpu_feed_new (&gpu, NULL);
}

static void
batch_clear (Batch *b)
{
  free (b->expected);
  reid_gpu_feed_free (b->feed);
}

static ReidBlocked
shape_of (const Batch *b, ReidStore store)
{
  return (ReidBlocked){ store, b->n, b->height, b->width, b->channels, 8 };
}

static float
stored_as (const uint8_t *at, ReidStore store)
{
  uint16_t half;
  uint32_t bits;
  float f;

  if (store == REID_STORE_F32) {
    memcpy (&f, at, sizeof f);
    return f;
  }
  memcpy (&half, at, sizeof half);
  if (store == REID_STORE_BF16) {
    bits = (uint32_t) half << 16;
    memcpy (&f, &bits, sizeof f);
    return f;
  }
  int e = half >> 10 & 31, m = half & 1023;
  f = ldexpf ((float) (e ? m + 1024 : m), (e ? e : 1) - 25);
  return half & 0x8000 ? -f : f;
}

/* What one number of a store's is off by at most, in parts of it. */
static double
unit (ReidStore store)
{
  return store == REID_STORE_F16    ? 1. / 2048
         : store == REID_STORE_BF16 ? 1. / 256
                                    : 0;
}

/* The worst difference, in parts of full scale beyond what the store rounds;
 * and that nothing but zeros is in the padding. */
static double
worst_of (const Batch *b, const uint8_t *got, ReidStore store, bool dense)
{
  size_t bytes = store == REID_STORE_F32 ? 4 : 2,
         plane = (size_t) b->width * (size_t) b->height;
  double worst = 0;

  for (int k = 0; k < b->n; k++)
    for (size_t i = 0; i < plane; i++)
      for (size_t c = 0; c < (dense ? (size_t) b->channels : 8); c++) {
        size_t at = dense ? (size_t) k * b->size + c * plane + i
                          : ((size_t) k * plane + i) * 8 + c;
        double v = stored_as (got + at * bytes, store),
               want = c < (size_t) b->channels
                          ? b->expected[(size_t) k * b->size + c * plane + i]
                          : 0,
               off = (fabs (v - want) - unit (store) * fabs (want)
                      - (store == REID_STORE_F16 ? 0x1p-25 : 0))
                     / b->scale[k];
        worst = off > worst || isnan (off) ? off : worst;
      }
  return worst;
}

/* In every layout; on the host bytes are the same. */
static void
batch_check (Batch *b, const char *what)
{
  size_t n = (size_t) b->n * (size_t) b->width * (size_t) b->height * 8;
  uint8_t *got = malloc (n * sizeof (float));
  void *y = there (NULL, n * sizeof (float));
  ReidError error = REID_ERROR_INIT;
  double most = gpu.host ? 0 : TOLERANCE;

  for (int store = 0; store <= REID_STORE_COUNT; store++) {
    bool dense = store == REID_STORE_COUNT;
    ReidBlocked shape =
        shape_of (b, dense ? REID_STORE_F32 : (ReidStore) store);
    if (!reid_gpu_feed_write (b->feed, queue, y, &shape, dense, &error)) {
      CHECK_MSG (false, "%s", error.message);
      break;
    }
    back (got, y, n * sizeof (float));
    double worst = worst_of (b, got, shape.store, dense);
    CHECK_MSG (worst <= most, "%s, store %d: off by %g of full scale", what,
               store, worst);
  }
  reid_gpu_free (&gpu, y);
  free (got);
}

/* --- letterbox --- */

static ReidTensorParams
random_params (int channels, int width, int height)
{
  ReidTensorParams p = { .width = width,
                         .height = height,
                         .fit = between (0, 1) ? REID_FIT_LETTERBOX
                                               : REID_FIT_STRETCH,
                         .fill = (float) between (0, 255) };
  p.channels = channels == 1    ? REID_CHANNELS_GRAY
               : between (0, 1) ? REID_CHANNELS_RGB
                                : REID_CHANNELS_BGR;
  for (int c = 0; c < 3; c++) {
    p.mean[c] = (float) between (0, 1270) / 10;
    p.scale[c] = between (0, 1) ? 1 / 127.5f : 1;
  }
  return p;
}

static double
full_scale (const ReidTensorParams *p)
{
  double least = fabs (p->scale[0]);

  for (int c = 1; c < (p->channels == REID_CHANNELS_GRAY ? 1 : 3); c++)
    least = fmin (least, fabs (p->scale[c]));
  return 255 * least;
}

static void
add_frame (Batch *b, int place, Frame *f, const ReidTensorParams *params)
{
  ReidError error = REID_ERROR_INIT;
  ReidRecipe recipe;
  ReidMapping here, mapping = { 0 };

  if (!reid_image_to_tensor_dsp (&plain, &f->image, params,
                                 b->expected + (size_t) place * b->size, &here,
                                 &error)
      || !reid_image_recipe (&f->image, params, &recipe, &mapping, &error)
      || !reid_gpu_feed_add (b->feed, place, &recipe, &error))
    CHECK_MSG (false, "%s", error.message);
  CHECK (memcmp (&here, &mapping, sizeof here) == 0);
  b->scale[place] = full_scale (params);
  b->n = place + 1 > b->n ? place + 1 : b->n;
}

static void
random_frame (Frame *f, ReidPixelFormat format, int width, int height)
{
  frame_init (f, format, width, height, between (0, 9));
  frame_random (f, &seed);
  f->image.matrix = (ReidMatrix) between (0, 2);
  f->image.full_range = between (0, 1);
  f->image.par_n = between (1, 3);
  f->image.par_d = between (1, 3);
}

/* From one pixel to many, odd, shrinking and growing. */
static const int sizes[][2] = { { 1, 1 },   { 2, 3 },   { 7, 5 },    { 33, 17 },
                                { 64, 48 }, { 161, 9 }, { 321, 243 } };

TEST (letterbox_of_every_format)
{
  if (!begin ())
    return;
  for (int format = 0; format < REID_PIXEL_COUNT; format++)
    for (int channels = 1; channels <= 3; channels += 2) {
      int width = between (1, 47), height = between (1, 47);
      Batch b;

      batch_init (&b, channels, width, height);
      for (int k = 0; k < 7; k++) {
        ReidTensorParams params = random_params (channels, width, height);
        Frame f;
        random_frame (&f, (ReidPixelFormat) format, sizes[k][0], sizes[k][1]);
        add_frame (&b, k, &f, &params);
        frame_clear (&f);
      }
      batch_check (&b, reid_pixel_format_name ((ReidPixelFormat) format));
      batch_clear (&b);
    }
}

TEST (letterbox_of_a_whole_frame)
{
  ReidTensorParams params;
  Batch b;
  Frame f;

  if (!begin ())
    return;
  batch_init (&b, 3, 320, 192);
  params = random_params (3, 320, 192);
  params.fit = REID_FIT_LETTERBOX;
  random_frame (&f, REID_PIXEL_NV12, 1921, 1079);
  add_frame (&b, 0, &f, &params);
  frame_clear (&f);
  batch_check (&b, "1921x1079");
  batch_clear (&b);
}

/* --- warp --- */

/* Landmarks anywhere: turned, shrunk, enlarged, partly beyond the picture. */
static void
random_matrix (double m[6], int width, int height, int out)
{
  double size =
             exp ((test_uniform (&seed) - .5) * 4) * (width + height) / 2 / out,
         angle = test_uniform (&seed) * 6.2832;

  m[0] = m[4] = size * cos (angle);
  m[1] = size * sin (angle);
  m[3] = -m[1];
  m[2] = (test_uniform (&seed) - .25) * width;
  m[5] = (test_uniform (&seed) - .25) * height;
  if (between (0, 3) == 0) { /* no similarity */
    m[0] *= 3;
    m[3] += .5;
  }
}

static void
add_chip (Batch *b, int place, int width, int height, bool identity)
{
  ReidTensorParams params = random_params (b->channels, b->width, b->height);
  ReidError error = REID_ERROR_INIT;
  ReidRecipe recipe;
  double m[6] = { 1, 0, 0, 0, 1, 0 };
  Frame f;

  random_frame (&f, REID_PIXEL_RGB, width, height);
  if (!identity)
    random_matrix (m, width, height, b->width);
  const uint8_t *rgb = f.image.plane[0];
  ptrdiff_t stride = f.image.stride[0];
  if (!reid_image_warp_dsp (&plain, rgb, width, height, stride, m, &params,
                            b->expected + (size_t) place * b->size, &error)
      || !reid_warp_recipe (rgb, width, height, stride, m, &params, &recipe,
                            &error)
      || !reid_gpu_feed_add (b->feed, place, &recipe, &error))
    CHECK_MSG (false, "%s", error.message);
  frame_clear (&f);
  b->scale[place] = full_scale (&params);
  b->n = place + 1 > b->n ? place + 1 : b->n;
}

TEST (warp_of_chips_of_many_sizes)
{
  if (!begin ())
    return;
  for (int round = 0; round < 6; round++) {
    Batch b;

    batch_init (&b, round % 3 ? 3 : 1, between (1, 40), between (1, 40));
    for (int k = 0; k < MOST; k++)
      add_chip (&b, k, between (1, 90), between (1, 90), k == 0);
    batch_check (&b, "chips");
    batch_clear (&b);
  }
}

TEST (a_face_of_the_usual_size)
{
  Batch b;

  if (!begin ())
    return;
  batch_init (&b, 3, 112, 112);
  add_chip (&b, 0, 256, 256, false);
  add_chip (&b, 1, 201, 256, false);
  batch_check (&b, "256x256");
  batch_clear (&b);
}

/* --- the feed --- */

static void
written (Batch *b, float *out)
{
  ReidBlocked shape = shape_of (b, REID_STORE_F32);
  size_t n = (size_t) b->n * b->size * sizeof (float);
  void *y = there (NULL, n);

  CHECK (reid_gpu_feed_write (b->feed, queue, y, &shape, true, NULL));
  back (out, y, n);
  reid_gpu_free (&gpu, y);
}

TEST (same_bytes_alone_and_in_any_batch)
{
  ReidTensorParams params = random_params (3, 33, 21);
  uint64_t kept = seed;
  float *alone, *among;
  Batch b;
  Frame f;

  if (!begin ())
    return;
  batch_init (&b, 3, 33, 21);
  alone = malloc (b.size * sizeof *alone);
  among = malloc (MOST * b.size * sizeof *among);
  random_frame (&f, REID_PIXEL_I420, 111, 77);
  add_frame (&b, 0, &f, &params);
  written (&b, alone);
  for (int k = 1; k < MOST; k++)
    add_chip (&b, k, between (1, 50), between (1, 50), false);
  add_frame (&b, 17, &f, &params); /* twice given: the later */
  written (&b, among);
  CHECK (reid_gpu_feed_count (b.feed, MOST) == MOST
         && reid_gpu_feed_count (b.feed, 3) == 3);
  CHECK (memcmp (alone, among, b.size * sizeof *alone) == 0);
  CHECK (memcmp (alone, among + 17 * b.size, b.size * sizeof *alone) == 0);
  frame_clear (&f);
  free (alone);
  free (among);
  batch_clear (&b);
  seed = kept;
}

TEST (a_feed_is_used_again_and_grows)
{
  Batch b;

  if (!begin ())
    return;
  batch_init (&b, 3, 20, 20);
  for (int round = 0; round < 4; round++) {
    b.n = 0;
    CHECK (reid_gpu_feed_clear (b.feed, NULL));
    CHECK (reid_gpu_feed_count (b.feed, MOST) == 0);
    for (int k = 0; k < 4 * round + 1; k++)
      add_chip (&b, k, 700, 900, true);
    batch_check (&b, "again");
  }
  batch_clear (&b);
}

TEST (only_its_places_are_written)
{
  ReidBlocked shape;
  float *got;
  size_t n;
  void *y;
  Batch b;

  if (!begin ())
    return;
  batch_init (&b, 1, 5, 3);
  add_chip (&b, 2, 9, 9, false);
  b.n = 4;
  n = 4 * b.size * sizeof (float);
  got = calloc (1, n);
  y = there (got, n);
  shape = shape_of (&b, REID_STORE_F32);
  CHECK (reid_gpu_feed_write (b.feed, queue, y, &shape, true, NULL));
  back (got, y, n);
  for (size_t i = 0; i < 4 * b.size; i++)
    if (i / b.size != 2)
      CHECK (got[i] == 0);
  CHECK (
      memcmp (got + 2 * b.size, b.expected + 2 * b.size, b.size * sizeof *got)
          == 0
      || !gpu.host);
  reid_gpu_free (&gpu, y);
  free (got);
  batch_clear (&b);
}

TEST (a_shape_that_is_no_picture_is_refused)
{
  Batch b;
  ReidBlocked shape;

  if (!begin ())
    return;
  batch_init (&b, 3, 4, 4);
  shape = shape_of (&b, REID_STORE_F16);
  shape.c = 4;
  CHECK (reid_cuda_pictures (queue, NULL, 1, NULL, &shape, false)
         != cudaSuccess);
  shape.c = 3;
  shape.cp = 16;
  CHECK (reid_cuda_pictures (queue, NULL, 1, NULL, &shape, false)
         != cudaSuccess);
  batch_clear (&b);
}

TEST (pictures_for_which_there_is_no_memory)
{
  ReidError error = REID_ERROR_INIT;
  ReidTensorParams params;
  ReidRecipe recipe;
  Batch b;
  Frame f;

  if (!begin () || !gpu.host)
    return;
  params = random_params (3, 8, 8);
  setenv ("REID_CUDNN_HOST_MEMORY", "100000", 1);
  batch_init (&b, 3, 8, 8);
  random_frame (&f, REID_PIXEL_RGB, 300, 300);
  CHECK (reid_image_recipe (&f.image, &params, &recipe, NULL, &error));
  CHECK (!reid_gpu_feed_add (b.feed, 0, &recipe, &error));
  CHECK (error.status == REID_ERROR_MEMORY);
  CHECK (reid_gpu_feed_count (b.feed, MOST) == 0);
  unsetenv ("REID_CUDNN_HOST_MEMORY");
  reid_error_clear (&error);
  add_frame (&b, 0, &f, &params);
  batch_check (&b, "with memory again");
  frame_clear (&f);
  batch_clear (&b);
}

/* --- vectors and sharpness --- */

TEST (vectors_of_length_one)
{
  enum { ROWS = 37, N = 129 };
  float x[ROWS * N], y[ROWS * N];
  double norm2[ROWS];

  if (!begin ())
    return;
  for (int i = 0; i < ROWS * N; i++)
    x[i] = (float) ((test_uniform (&seed) - .5) * (i % 7 ? 2 : 1e18));
  memset (&x[2 * N], 0, N * sizeof *x);
  x[3 * N + 5] = NAN;
  x[4 * N + 5] = INFINITY;
  float *there_x = there (x, sizeof x);
  double *there_norm = there (NULL, sizeof norm2);
  CHECK (reid_cuda_unit_rows (queue, there_x, there_x, there_norm, ROWS, N)
         == cudaSuccess);
  back (y, there_x, sizeof y);
  back (norm2, there_norm, sizeof norm2);
  for (int r = 0; r < ROWS; r++) {
    double want = reid_vector_norm2 (&x[r * N], N);
    float unit_row[N];
    CHECK_MSG (norm2[r] == want, "row %d: %g, not %g", r, norm2[r], want);
    if (want > 0)
      reid_vector_scale (&x[r * N], N, want, 1, unit_row);
    else
      memcpy (unit_row, &x[r * N], sizeof unit_row);
    CHECK_MSG (memcmp (unit_row, &y[r * N], sizeof unit_row) == 0, "row %d", r);
  }
  reid_gpu_free (&gpu, there_x);
  reid_gpu_free (&gpu, there_norm);
}

TEST (sharpness_of_many)
{
  enum { N = 40, TALLEST = 61 };
  ReidGpuLuma pictures[N];
  double want[N], got[N];

  if (!begin ())
    return;
  for (int k = 0; k < N; k++) {
    int width = between (1, 70),
        height = k == 7 ? TALLEST : between (1, TALLEST), gap = between (0, 5);
    size_t n = (size_t) (height - 1) * (size_t) (width + gap) + (size_t) width;
    Guarded g;
    uint8_t *luma = guarded_new (&g, n);
    for (size_t i = 0; i < n; i++)
      luma[i] = k % 5 ? (uint8_t) (test_random (&seed) >> 40) : 77;
    want[k] =
        reid_image_sharpness_dsp (&plain, luma, width, height, width + gap);
    pictures[k] = (ReidGpuLuma){ there (luma, n), width + gap, width, height };
    CHECK (reid_gpu_wait (&gpu, queue, NULL));
    guarded_free (&g);
  }
  ReidGpuLuma *there_pictures = there (pictures, sizeof pictures);
  int64_t *sums = there (NULL, sizeof *sums * 2 * N * TALLEST);
  double *out = there (NULL, sizeof got);
  CHECK (reid_cuda_sharpness (queue, there_pictures, N, TALLEST, sums, out)
         == cudaSuccess);
  back (got, out, sizeof got);
  for (int k = 0; k < N; k++) {
    CHECK_MSG (got[k] == want[k], "picture %d: %g, not %g", k, got[k], want[k]);
    reid_gpu_free (&gpu, (void *) pictures[k].data);
  }
  reid_gpu_free (&gpu, there_pictures);
  reid_gpu_free (&gpu, sums);
  reid_gpu_free (&gpu, out);
}

TEST_MAIN ()
