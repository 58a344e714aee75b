/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <unistd.h>

#define HEIGHT 352
#define WIDTH 640

typedef struct {
  double x, y, size;
  int channel;
} Blob;

typedef struct {
  double x, y, w, h, score, eye_x, eye_y;
} Found;

static char path[64];

static ReidSession *
open_net (bool (*make) (const char *, TinyEmbedKind), TinyEmbedKind kind,
          ReidError *error)
{
  ReidSessionOptions options = { "reference" };
  ReidSession *s = NULL;

  snprintf (path, sizeof path, "/tmp/reid-tiny-%d.onnx", (int) getpid ());
  if (make ? make (path, kind) : tiny_yunet (path))
    s = reid_session_open (path, &options, error);
  unlink (path);
  return s;
}

static void
draw (float *picture, const Blob *b)
{
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      if (fabs (x + .5 - b->x) < b->size / 2
          && fabs (y + .5 - b->y) < b->size / 2)
        picture[(b->channel * HEIGHT + y) * WIDTH + x] = 220;
}

/* Decodes the heads, and keeps the best of boxes whose centres are close. */
static int
decode (const ReidTensor *out, int picture, Found *found, int room)
{
  int n = 0;

  for (int k = 0; k < 3; k++) {
    int stride = 8 << k, cols = WIDTH / stride;
    int64_t cells = out[k].dims[1];
    for (int64_t i = 0; i < cells; i++) {
      int64_t at = picture * cells + i;
      double score = sqrt (out[k].data[at] * out[3 + k].data[at]);
      const float *b = out[6 + k].data + at * 4, *p = out[9 + k].data + at * 10;
      if (score < .3)
        continue;
      Found f = { (double) (i % cols + b[0]) * stride,
                  (double) (i / cols + b[1]) * stride,
                  exp (b[2]) * stride,
                  exp (b[3]) * stride,
                  score,
                  (double) (i % cols + p[0]) * stride,
                  (double) (i / cols + p[1]) * stride };
      int same = 0;
      while (same < n
             && hypot (found[same].x - f.x, found[same].y - f.y) > f.w / 4)
        same++;
      if (same == n && n < room)
        found[n++] = f;
      else if (same < n && f.score > found[same].score)
        found[same] = f;
    }
  }
  return n;
}

TEST (tiny_yunet_finds_each_blob_and_nothing_else)
{
  static const Blob blobs[2][6] = { { { 60, 50, 12, 0 },
                                      { 140, 50, 20, 1 },
                                      { 300, 80, 30, 2 },
                                      { 470, 90, 70, 0 },
                                      { 110, 230, 100, 1 },
                                      { 360, 240, 60, 2 } },
                                    { { 100, 100, 40, 0 },
                                      { 400, 200, 24, 1 } } };
  static const int counts[2] = { 6, 2 };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_net (NULL, 0, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  ReidTensor in = { 4, { 2, 3, HEIGHT, WIDTH }, NULL }, out[12];
  Found found[32];

  REQUIRE_OK (c != NULL, error);
  CHECK (reid_session_batchable (s));
  REQUIRE (reid_session_n_outputs (s) == 12);
  REQUIRE_OK (reid_context_input (c, 0, &in, &error), error);
  for (int i = 0; i < 2 * 3 * HEIGHT * WIDTH; i++)
    in.data[i] = (float) (16 + i % 7);
  for (int p = 0; p < 2; p++)
    for (int i = 0; i < counts[p]; i++)
      draw (in.data + p * 3 * HEIGHT * WIDTH, &blobs[p][i]);
  REQUIRE_OK (reid_context_run (c, &in, out, &error), error);
  for (int p = 0; p < 2; p++) {
    int n = decode (out, p, found, 32);
    CHECK_MSG (n == counts[p], "%d faces, not %d", n, counts[p]);
    for (int i = 0; i < counts[p]; i++) {
      const Blob *b = &blobs[p][i];
      int best = 0;
      for (int k = 1; k < n; k++)
        if (hypot (found[k].x - b->x, found[k].y - b->y)
            < hypot (found[best].x - b->x, found[best].y - b->y))
          best = k;
      CHECK_NEAR (found[best].x, b->x, 1);
      CHECK_NEAR (found[best].y, b->y, 1);
      CHECK_NEAR (found[best].w, b->size, .02 * b->size);
      CHECK_NEAR (found[best].h, b->size, .02 * b->size);
      CHECK (found[best].score > .9);
      CHECK_NEAR (found[best].eye_x, b->x + (38.2946 - 56) / 80 * b->size, 1.2);
      CHECK_NEAR (found[best].eye_y, b->y + (51.6963 - 66) / 80 * b->size, 1.2);
    }
  }
  reid_context_free (c);
  reid_session_unref (s);
}

/* Cosines of three faces to the first: the same but for a touch of noise, and
 * another colour. */
static bool
embed (TinyEmbedKind kind, double cosine[2])
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_net (tiny_embedder, kind, &error);
  ReidContext *c = s ? reid_context_new (s, 1, &error) : NULL;
  ReidTensor in = { 4, { 3, 3, 112, 112 }, NULL }, out = { 0 };
  bool ok =
      c && reid_session_batchable (s) && reid_context_input (c, 0, &in, &error);

  for (int b = 0; b < 3 && ok; b++)
    for (int i = 0; i < 3 * 112 * 112; i++) {
      bool on = (b < 2 ? 0 : 1) == i / (112 * 112);
      in.data[b * 3 * 112 * 112 + i] =
          (on ? .8f : -.8f) + (b == 1 ? (float) (i % 5) * .002f : 0);
    }
  ok = ok && reid_context_run (c, &in, &out, &error);
  for (int b = 1; b < 3 && ok; b++) {
    int64_t n = out.dims[1];
    double dot = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
      double p = out.data[i], q = out.data[b * n + i];
      dot += p * q;
      aa += p * p;
      bb += q * q;
    }
    cosine[b - 1] = dot / sqrt (aa * bb);
  }
  if (!ok)
    printf ("# %s\n", error.message);
  reid_context_free (c);
  reid_session_unref (s);
  return ok;
}

TEST (tiny_colour_embedder_tells_colours_apart)
{
  double cosine[2];
  REQUIRE (embed (TINY_EMBED_COLOUR, cosine));
  CHECK (cosine[0] > .99);
  CHECK (cosine[1] < 0);
}

TEST (tiny_constant_embedder_knows_one_face)
{
  double cosine[2];
  REQUIRE (embed (TINY_EMBED_CONSTANT, cosine));
  CHECK_NEAR (cosine[0], 1, 1e-6);
  CHECK_NEAR (cosine[1], 1, 1e-6);
}

TEST (tiny_random_embedder_knows_no_face)
{
  double cosine[2];
  REQUIRE (embed (TINY_EMBED_RANDOM, cosine));
  CHECK (fabs (cosine[0]) < .5);
  CHECK (fabs (cosine[1]) < .5);
}

TEST_MAIN ()
