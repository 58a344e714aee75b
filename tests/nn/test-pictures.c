/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inputs made of pictures on the device are those that kernels/image makes. On
 * every device of this build (the GPU's on host memory), or on the one that
 * $REID_TEST_DEVICE names: run.sh does that on a GPU. */
#include "test.h"
#include "image/image.h"
#include "nn/backend.h"
#include "tinyonnx.h"

#include <pthread.h>

#define W 23
#define H 17
#define MOST 9

static uint64_t seed = 3;

/* "kept": what the input is reads it dense, too, so that it is packed here. */
static ReidSession *
open_net (const char *device, ReidPrecision precision, int channels, bool kept,
          float weight, ReidError *error)
{
  ReidSessionOptions options = { device, precision };
  TinyOnnx *t = tiny_new (13);
  ReidSession *session;
  const uint8_t *data;
  float *w = malloc (sizeof *w * 16 * 3 * 9);
  size_t size;

  for (int i = 0; i < 16 * 3 * 9; i++)
    w[i] = weight * ((float) (i * 37 % 101) / 50 - 1);
  tiny_input (t, "x", 4, (int64_t[]){ -1, channels, H, W });
  tiny_floats (t, "w", 4, (int64_t[]){ 16, channels, 3, 3 }, w);
  tiny_node (t, "Conv", "x,w", "y");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 3, 3 });
  tiny_attr_ints (t, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  tiny_output (t, "y");
  if (kept) {
    tiny_node (t, "Transpose", "x", "turned");
    tiny_attr_ints (t, "perm", 4, (int64_t[]){ 0, 2, 3, 1 });
    tiny_output (t, "turned");
  }
  data = tiny_bytes (t, &size);
  session = reid_session_open_memory (data, size, "tiny.onnx", &options, error);
  tiny_free (t);
  free (w);
  return session;
}

/* A frame in I420, or a chip. */
typedef struct {
  int width, height;
  uint8_t *pixels;
  bool chip;
} Picture;

static ReidTensorParams params = { .width = W,
                                   .height = H,
                                   .channels = REID_CHANNELS_BGR,
                                   .mean = { 127.5f, 120, 110 },
                                   .scale = { 1 / 127.5f, 1 / 128.f, .01f },
                                   .fill = 64 };
static const double turned[6] = { 1.4, .5, -3, -.5, 1.4, 7 };

static ReidImage
image_of (const Picture *p)
{
  int w = p->width, h = p->height, half = (w + 1) / 2;
  return (ReidImage){ .format = REID_PIXEL_I420,
                      .width = w,
                      .height = h,
                      .plane = { p->pixels, p->pixels + w * h,
                                 p->pixels + w * h + half * ((h + 1) / 2) },
                      .stride = { w, half, half },
                      .par_n = 1,
                      .par_d = 1 };
}

static void
pictures_init (Picture *p)
{
  for (int k = 0; k < MOST; k++) {
    p[k].width = 5 + (int) (test_random (&seed) % 60);
    p[k].height = 5 + (int) (test_random (&seed) % 60);
    p[k].chip = k % 2;
    size_t n = (size_t) (3 * (p[k].width + 1) * (p[k].height + 1));
    p[k].pixels = malloc (n);
    for (size_t i = 0; i < n; i++)
      p[k].pixels[i] = (uint8_t) (test_random (&seed) >> 32);
  }
}

static void
pictures_clear (Picture *p)
{
  for (int k = 0; k < MOST; k++)
    free (p[k].pixels);
}

/* Here, with kernels/image. */
static bool
make (const Picture *p, float *out, ReidError *error)
{
  ReidImage image = image_of (p);

  return p->chip ? reid_image_warp (p->pixels, p->width, p->height,
                                    3 * (ptrdiff_t) p->width, turned, &params,
                                    out, error)
                 : reid_image_to_tensor (&image, &params, out, NULL, error);
}

static bool
give (ReidContext *c, int k, const Picture *p, ReidError *error)
{
  ReidImage image = image_of (p);
  ReidMapping here, mapping = { 0 };

  if (p->chip)
    return reid_context_input_warp (c, 0, k, p->pixels, p->width, p->height,
                                    3 * (ptrdiff_t) p->width, turned, &params,
                                    error);
  reid_image_mapping (&image, &params, &here);
  if (!reid_context_input_image (c, 0, k, &image, &params, &mapping, error))
    return false;
  CHECK (memcmp (&here, &mapping, sizeof here) == 0);
  return true;
}

typedef enum { HERE, GIVEN, MIXED } Way;

/* n pictures from `first` on; all outputs, one after the other, to be freed. */
static float *
run (ReidContext *c, const Picture *pictures, int channels, int first, int n,
     Way way, size_t *size)
{
  ReidError error = REID_ERROR_INIT;
  ReidTensor in = { .rank = 4, .dims = { MOST, channels, H, W } },
             out[2] = { 0 };
  float *all = NULL;
  bool ok = reid_context_input (c, 0, &in, &error);

  for (int k = 0; k < n && ok; k++) {
    const Picture *p = &pictures[first + k];
    if (way == HERE || (way == MIXED && k % 3 == 1))
      ok = make (p, in.data + k * channels * H * W, &error);
    else {
      uint8_t *kept = p->pixels;
      size_t bytes = (size_t) (3 * (p->width + 1) * (p->height + 1));
      Picture gone = *p;
      gone.pixels = malloc (bytes);
      memcpy (gone.pixels, kept, bytes);
      ok = give (c, k, &gone, &error);
      memset (gone.pixels, 0xff, bytes); /* it is ours again */
      free (gone.pixels);
    }
  }
  in.dims[0] = n;
  *size = 0;
  ok = ok && reid_context_run (c, &in, out, &error);
  for (int i = 0; i < 2 && ok && out[i].data; i++) {
    size_t count = (size_t) reid_tensor_count (&out[i]);
    all = realloc (all, (*size + count) * sizeof *all);
    memcpy (all + *size, out[i].data, count * sizeof *all);
    *size += count;
  }
  CHECK_MSG (ok, "%s", error.message);
  return all;
}

/* On a GPU only so near; see tests/gpu/image.c. */
static bool
same (const char *device, const float *a, const float *b, size_t n)
{
  bool exact = !getenv ("REID_TEST_DEVICE") || strcmp (device, "cudnn") != 0;

  if (!a || !b)
    return false;
  if (exact)
    return memcmp (a, b, n * sizeof *a) == 0;
  for (size_t i = 0; i < n; i++)
    if (!(fabsf (a[i] - b[i]) <= .02f + .01f * fabsf (b[i])))
      return false;
  return true;
}

static void
made_on (const char *device, ReidPrecision precision, int channels, bool kept)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_net (device, precision, channels, kept, .1f, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  Picture pictures[MOST];
  size_t n, m;

  REQUIRE_OK (c != NULL, error);
  params.channels = channels == 1 ? REID_CHANNELS_GRAY : REID_CHANNELS_BGR;
  pictures_init (pictures);
  for (int round = 0; round < 6 && c; round++) {
    int first = round == 1, count = round == 2 ? 1 : MOST - 1 - first;
    float *here = run (c, pictures, channels, first, count, HERE, &n);
    float *given = run (c, pictures, channels, first, count, GIVEN, &m);
    CHECK_MSG (n == m && same (device, given, here, n), "%s, %s, round %d",
               device, reid_precision_name (precision), round);
    float *mixed = run (c, pictures, channels, first, count, MIXED, &m);
    CHECK_MSG (n == m && same (device, mixed, here, n),
               "%s, %s, round %d, mixed", device,
               reid_precision_name (precision), round);
    free (here);
    free (given);
    free (mixed);
  }
  pictures_clear (pictures);
  reid_context_free (c);
  reid_session_unref (s);
}

/* The devices, one a call; NULL at the end. */
static const char *
device_at (int i)
{
  static const char *devices[] = { "reference",
#ifdef REID_HAVE_DNNL
                                   "dnnl",
#endif
#ifdef REID_HAVE_CUDNN
                                   "cudnn",
#endif
                                   NULL };
  const char *asked = getenv ("REID_TEST_DEVICE");

  if (asked)
    return i == 0 ? asked : NULL;
  setenv ("REID_CUDNN_HOST", "1", 1);
  return devices[i];
}

TEST (an_input_made_of_pictures)
{
  for (int i = 0; device_at (i); i++)
    for (int kept = 0; kept < 2; kept++) {
      made_on (device_at (i), REID_PRECISION_F32, 3, kept);
      made_on (device_at (i), REID_PRECISION_F32, 1, kept);
      if (strcmp (device_at (i), "cudnn") == 0) {
        made_on ("cudnn", REID_PRECISION_F16, 3, kept);
        made_on ("cudnn", REID_PRECISION_BF16, 1, kept);
      }
    }
}

TEST (a_picture_that_does_not_fit_is_refused)
{
  for (int i = 0; device_at (i); i++) {
    ReidError error = REID_ERROR_INIT;
    ReidSession *s =
        open_net (device_at (i), REID_PRECISION_F32, 3, false, .1f, &error);
    ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
    ReidTensor in = { .rank = 4, .dims = { 2, 3, H, W } }, out;
    Picture pictures[MOST], bad;

    REQUIRE_OK (c != NULL, error);
    params.channels = REID_CHANNELS_BGR;
    pictures_init (pictures);
    CHECK (!give (c, 0, &pictures[0], &error)); /* nothing asked for */
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
    CHECK (reid_context_input (c, 0, &in, &error));
    CHECK (!give (c, 2, &pictures[0], &error));
    CHECK_MSG (strstr (error.message, "picture 2 of 23x17 with 3 channels")
                   && strstr (error.message, "'x', 2 of 23x17 with 3"),
               "%s", error.message);
    reid_error_clear (&error);
    CHECK (!give (c, -1, &pictures[1], &error));
    reid_error_clear (&error);
    params.channels = REID_CHANNELS_GRAY;
    CHECK (!give (c, 0, &pictures[1], &error));
    reid_error_clear (&error);
    params.channels = REID_CHANNELS_BGR;
    bad = pictures[0];
    bad.width = 0;
    CHECK (!give (c, 0, &bad, &error));
    CHECK_MSG (strstr (error.message, "size 0x"), "%s", error.message);
    reid_error_clear (&error);
    bad = pictures[1];
    bad.pixels = NULL;
    CHECK (!give (c, 0, &bad, &error));
    reid_error_clear (&error);
    params.mean[1] = NAN;
    CHECK (!give (c, 0, &pictures[0], &error));
    params.mean[1] = 120;
    reid_error_clear (&error);
    /* and the next is as good as ever */
    CHECK (give (c, 0, &pictures[0], &error)
           && give (c, 1, &pictures[1], &error)
           && reid_context_run (c, &in, &out, &error));
    CHECK_MSG (error.status == REID_OK, "%s", error.message);
    pictures_clear (pictures);
    reid_context_free (c);
    reid_session_unref (s);
  }
}

TEST (what_is_not_finite_is_found_in_pictures_too)
{
  for (int i = 0; device_at (i); i++) {
    ReidError error = REID_ERROR_INIT;
    ReidSession *s =
        open_net (device_at (i), REID_PRECISION_F32, 3, false, 3e38f, &error);
    ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
    ReidTensor in = { .rank = 4, .dims = { 2, 3, H, W } }, out;
    Picture pictures[MOST];
    int bad = -1;

    REQUIRE_OK (c != NULL, error);
    params.channels = REID_CHANNELS_BGR;
    pictures_init (pictures);
    CHECK (reid_context_input (c, 0, &in, &error)
           && give (c, 0, &pictures[0], &error)
           && give (c, 1, &pictures[1], &error)
           && reid_context_run (c, &in, &out, &error));
    CHECK (!reid_session_check (s, &in, &out, &bad, &error));
    CHECK_MSG (bad == 0 && strstr (error.message, "'y' (Conv)"), "%s",
               error.message);
    pictures_clear (pictures);
    reid_context_free (c);
    reid_session_unref (s);
  }
}

#define CALLERS 8
#define ROUNDS 12

typedef struct {
  ReidContext *context;
  const Picture *pictures;
  int first, n;
  const float *want;
  Way way;
  const char *device;
} Caller;

static void *
call (void *data)
{
  Caller *c = data;

  for (int i = 0; i < ROUNDS; i++) {
    size_t n;
    float *got = run (c->context, c->pictures, 3, c->first, c->n, c->way, &n);
    CHECK_MSG (same (c->device, got, c->want, n), "%s", c->device);
    free (got);
  }
  return NULL;
}

TEST (pictures_of_many_contexts_go_together)
{
  for (int d = 0; device_at (d); d++) {
    ReidError error = REID_ERROR_INIT;
    ReidSession *s =
        open_net (device_at (d), REID_PRECISION_F32, 3, true, .1f, &error);
    pthread_t threads[CALLERS];
    Caller callers[CALLERS];
    Picture pictures[MOST];
    uint64_t asked = 0, made = 0;
    size_t n;

    CHECK_MSG (s != NULL, "%s", error.message);
    params.channels = REID_CHANNELS_BGR;
    pictures_init (pictures);
    for (int i = 0; i < CALLERS; i++) {
      ReidContext *c = reid_context_new (s, 1, &error);
      callers[i] = (Caller){ c,    pictures,      i % 5,        1 + i % 4,
                             NULL, (Way) (i % 3), device_at (d) };
      callers[i].want = run (c, pictures, 3, i % 5, 1 + i % 4, HERE, &n);
      CHECK_MSG (reid_context_share (c, 16, &error), "%s", error.message);
    }
    for (int i = 0; i < CALLERS; i++)
      pthread_create (&threads[i], NULL, call, &callers[i]);
    for (int i = 0; i < CALLERS; i++)
      pthread_join (threads[i], NULL);
    reid_session_shared_runs (s, &asked, &made);
    printf ("# %s: %d runs in %d\n", device_at (d), (int) asked, (int) made);
    CHECK (asked == CALLERS * ROUNDS && made > 0 && made <= asked);
    for (int i = 0; i < CALLERS; i++) {
      reid_context_free (callers[i].context);
      free ((void *) callers[i].want);
    }
    pictures_clear (pictures);
    reid_session_unref (s);
  }
}

#ifdef REID_HAVE_CUDNN
TEST (without_memory_for_a_picture_it_is_made_here)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s;
  ReidContext *c;
  Picture pictures[MOST];
  size_t n, m;

  if (getenv ("REID_TEST_DEVICE"))
    return;
  setenv ("REID_CUDNN_HOST", "1", 1);
  s = open_net ("cudnn", REID_PRECISION_F32, 3, false, .1f, &error);
  c = s ? reid_context_new (s, 1, &error) : NULL;
  REQUIRE_OK (c != NULL, error);
  params.channels = REID_CHANNELS_BGR;
  pictures_init (pictures);
  float *here = run (c, pictures, 3, 0, MOST, HERE, &n);
  /* less than the least piece that pictures are put into */
  setenv ("REID_CUDNN_HOST_MEMORY", "1000000", 1);
  float *given = run (c, pictures, 3, 0, MOST, GIVEN, &m);
  CHECK (n == m && same ("cudnn", given, here, n));
  unsetenv ("REID_CUDNN_HOST_MEMORY");
  free (here);
  free (given);
  pictures_clear (pictures);
  reid_context_free (c);
  reid_session_unref (s);
}
#endif

TEST_MAIN ()
