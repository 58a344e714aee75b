/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real networks against ONNX Runtime (model-cases.txt), on every backend
 * that is there; and one picture in a batch of five, and two threads, which
 * must give the bytes of one picture on one thread. */
#include "test.h"
#include "nn/nn.h"

#include <jpeglib.h>
#include <setjmp.h>

#define PHOTO "faces/lfw-dev/Aaron_Tippin/Aaron_Tippin_0001.jpg"
#define MAX_OUT 12

typedef struct {
  char model[128], kind[16];
  int height, width;
  float mean, scale;
} Case;

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf back;
} JpegError;

static void
jpeg_failed (j_common_ptr jpeg)
{
  longjmp (((JpegError *) jpeg->err)->back, 1);
}

/* The grey photograph, or NULL. */
static uint8_t *
read_photo (const char *path, int *width, int *height)
{
  struct jpeg_decompress_struct jpeg;
  JpegError error;
  FILE *f = fopen (path, "rb");
  uint8_t *volatile grey = NULL;

  if (!f)
    return NULL;
  jpeg.err = jpeg_std_error (&error.manager);
  error.manager.error_exit = jpeg_failed;
  jpeg_create_decompress (&jpeg);
  if (setjmp (error.back) == 0) {
    jpeg_stdio_src (&jpeg, f);
    jpeg_read_header (&jpeg, TRUE);
    jpeg.out_color_space = JCS_GRAYSCALE;
    jpeg_start_decompress (&jpeg);
    *width = (int) jpeg.output_width;
    *height = (int) jpeg.output_height;
    grey = malloc ((size_t) *width * (size_t) *height);
    while (grey && jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = grey + (size_t) jpeg.output_scanline * jpeg.output_width;
      jpeg_read_scanlines (&jpeg, &row, 1);
    }
  }
  jpeg_destroy_decompress (&jpeg);
  fclose (f);
  return grey;
}

static bool
paint (const Case *c, float *to)
{
  int w = 0, h = 0;
  uint8_t *photo = NULL;

  if (strcmp (c->kind, "face") == 0) {
    const char *path = test_shared (PHOTO);
    photo = path ? read_photo (path, &w, &h) : NULL;
    if (!photo)
      return false;
  }
  for (int k = 0; k < 3; k++)
    for (int y = 0; y < c->height; y++)
      for (int x = 0; x < c->width; x++) {
        int v =
            photo ? photo[y * h / c->height * w + x * w / c->width]
                  : ((x * x * 3 + y * y * 5 + x * y * 7) / 256 + 37 * k + x + y)
                        & 255;
        *to++ = ((float) v - c->mean) * c->scale;
      }
  free (photo);
  return true;
}

/* A head may be wrong by 1e-3 of its value, with a floor where it is next to
 * nothing; an embedding must point the same way. */
static void
compare (const Case *c, const ReidTensor *got, char *line, int output)
{
  ReidTensor want = { 0 };
  double sum, norm, all = 0, squares = 0, dot = 0, aa = 0, bb = 0, worst = 0;
  long step, n;
  char *s = line + 4;

  while (*s != '=')
    want.dims[want.rank++] = strtol (s, &s, 10), s += strspn (s, " ");
  s++;
  sum = strtod (s, &s);
  norm = strtod (s, &s);
  step = strtol (s, &s, 10);
  n = strtol (s, &s, 10);
  REQUIRE (
      got->rank == want.rank
      && memcmp (got->dims, want.dims, (size_t) want.rank * sizeof *want.dims)
             == 0);
  for (int64_t i = 0; i < reid_tensor_count (got); i++) {
    all += got->data[i];
    squares += (double) got->data[i] * got->data[i];
  }
  double size = norm / sqrt ((double) reid_tensor_count (got));
  for (long i = 0; i < n; i++) {
    double a = got->data[i * step], b = strtod (s, &s);
    double off = fabs (a - b) / (fabs (b) + .1 * size + 1e-3);
    worst = off > worst ? off : worst;
    dot += a * b;
    aa += a * a;
    bb += b * b;
  }
  CHECK_MSG (worst <= 1e-3, "%s %s: output %d is off by %g of its value",
             c->model, c->kind, output, worst);
  CHECK_NEAR (sqrt (squares), norm, 1e-3 * norm + 1e-6);
  /* ONNX Runtime's sigmoid is off by up to 1e-7, however small the value. */
  CHECK_NEAR (all, sum,
              1e-4 * norm * sqrt ((double) reid_tensor_count (got))
                  + 1.5e-7 * (double) reid_tensor_count (got));
  if (strstr (c->model, "mobilefacenet"))
    CHECK_MSG (dot >= .9999 * sqrt (aa * bb), "cosine %g",
               dot / sqrt (aa * bb));
}

static void
check_batch (const Case *c, ReidSession *s, const ReidTensor *in,
             const ReidTensor *alone)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *context = reid_context_new (s, 2, &error);
  ReidTensor five = *in, out[MAX_OUT];
  size_t picture = (size_t) reid_tensor_count (in);

  REQUIRE_OK (context != NULL, error);
  five.dims[0] = 5;
  REQUIRE_OK (reid_context_input (context, 0, &five, &error), error);
  for (int b = 0; b < 5; b++)
    for (size_t i = 0; i < picture; i++)
      five.data[(size_t) b * picture + i] =
          b == 3 ? in->data[i] : in->data[picture - 1 - i] * .25f * (float) b;
  REQUIRE_OK (reid_context_run (context, &five, out, &error), error);
  for (int i = 0; i < reid_session_n_outputs (s); i++) {
    size_t n = (size_t) reid_tensor_count (&alone[i]);
    CHECK ((size_t) reid_tensor_count (&out[i]) == 5 * n);
    CHECK_MSG (memcmp (out[i].data + 3 * n, alone[i].data, n * sizeof (float))
                   == 0,
               "%s: output %d of the fourth of five pictures on two threads "
               "is not that of the picture alone",
               c->model, i);
  }
  reid_context_free (context);
}

static void
run_model (const char *directory, const char *device)
{
  FILE *f = fopen (REID_SOURCE_ROOT "/tests/nn/model-cases.txt", "r");
  char *line = NULL;
  size_t room = 0;
  Case c = { 0 };
  ReidSession *s = NULL;
  ReidContext *context = NULL;
  ReidTensor in = { 4, { 0 }, NULL }, out[MAX_OUT];
  ReidError error = REID_ERROR_INIT;
  ReidSessionOptions options = { device, REID_PRECISION_F32 };
  int output = 0, compared = 0;
  char missing[160] = "";
  bool no_module = false;

  REQUIRE (f != NULL);
  while (getline (&line, &room, f) >= 0 && !reid_test_failed) {
    if (strncmp (line, "case ", 5) == 0) {
      reid_context_free (context);
      reid_session_unref (s);
      context = NULL;
      s = NULL;
      output = 0;
      if (sscanf (line, "case %127s %15s %d %d %f %f", c.model, c.kind,
                  &c.height, &c.width, &c.mean, &c.scale)
              != 6
          || strncmp (c.model, directory, strlen (directory)) != 0)
        continue;
      char name[160];
      snprintf (name, sizeof name, "models/%s", c.model);
      const char *path = test_shared (name);
      if (!path || (strcmp (c.kind, "face") == 0 && !test_shared (PHOTO))) {
        snprintf (missing, sizeof missing, "%s", path ? PHOTO : name);
        continue;
      }
      s = reid_session_open (path, &options, &error);
#ifndef REID_HAVE_DNNL
      if (!s && error.status == REID_ERROR_DEVICE) {
        no_module = true;
        break;
      }
#endif
      in = (ReidTensor){ 4, { 1, 3, c.height, c.width }, NULL };
      context = s ? reid_context_new (s, 1, &error) : NULL;
      bool ok = context && reid_context_input (context, 0, &in, &error)
                && paint (&c, in.data)
                && reid_context_run (context, &in, out, &error);
      CHECK_MSG (ok, "%s: %s", c.model, error.message);
      if (!ok)
        break;
      CHECK_MSG (reid_session_batchable (s), "%s", c.model);
      check_batch (&c, s, &in, out);
    } else if (strncmp (line, "out ", 4) == 0 && s) {
      CHECK (output < reid_session_n_outputs (s));
      if (output < reid_session_n_outputs (s))
        compare (&c, &out[output], line, output);
      output++;
      compared++;
    }
  }
  reid_context_free (context);
  reid_session_unref (s);
  free (line);
  fclose (f);
  if (missing[0])
    SKIP ("needs ../shared: %s", missing);
  if (no_module)
    SKIP ("needs onednn module: built with -Ddnnl=disabled");
  CHECK (compared > 0);
}

#define MODEL(name)                                                            \
  TEST (name##_on_reference)                                                   \
  {                                                                            \
    run_model (#name, "reference");                                            \
  }                                                                            \
  TEST (name##_on_dnnl)                                                        \
  {                                                                            \
    run_model (#name, "dnnl");                                                 \
  }

MODEL (yunet)
MODEL (ultralight)
MODEL (blazeface)
MODEL (mobilefacenet)

TEST_MAIN ()
