/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same bytes for every instruction set and number of threads; the samples
 * of every format; every size. */
#include "episode.h"
#include "test.h"

static uint64_t seed = 5;

static int
between (int lo, int hi)
{
  return lo + (int) ((test_random (&seed) >> 33) % (unsigned) (hi - lo + 1));
}

static bool
draw (const ReidSynthOptions *options, int64_t frame, Canvas *c)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynth *s = episode (options);
  bool ok = reid_synth_render (s, frame, &c->p, &error);

  CHECK_MSG (ok, "%s", error.message);
  reid_synth_free (s);
  return ok;
}

/* Random scenes: as many heads as there are, of all sizes, in part outside. */
static void
check_version (unsigned flags, const char *name)
{
  if ((reid_cpu_flags () & flags) != flags)
    SKIP ("needs %s", name);
  for (int i = 0; i < 60; i++) {
    int w = i % 3 ? between (1, 330) : between (1, 40), h = between (1, 200);
    ReidSynthOptions o = episode_options (w, h, between (1, 40),
                                          (uint32_t) between (0, 1 << 30));
    ReidPixelFormat format = episode_formats[i % N_FORMATS];
    int64_t frame = between (0, 5000);
    Canvas a, b;

    o.par_n = i % 7 == 0 ? 4 : 1;
    o.par_d = i % 7 == 0 ? 3 : 1;
    canvas_new (&a, format, w, h);
    canvas_new (&b, format, w, h);
    o.cpu_flags = 0;
    draw (&o, frame, &a);
    o.cpu_flags = flags;
    draw (&o, frame, &b);
    CHECK_MSG (memcmp (a.bytes, b.bytes, a.size) == 0,
               "%d x %d, format %d, people %d, seed %u, frame %d", w, h, format,
               o.people, o.seed, (int) frame);
    canvas_free (&a);
    canvas_free (&b);
  }
}

TEST (avx2_gives_the_bytes_of_c)
{
  check_version (REID_CPU_AVX2, "AVX2");
}

TEST (avx512_gives_the_bytes_of_c)
{
  check_version (REID_CPU_AVX2 | REID_CPU_AVX512, "AVX-512");
}

TEST (a_whole_frame_in_every_version)
{
  ReidSynthOptions o = episode_options (640, 360, 6, 3);
  unsigned flags = reid_cpu_flags ();

  for (int i = 0; i < 4; i++) {
    Canvas a, b;
    canvas_new (&a, REID_PIXEL_I420, 640, 360);
    canvas_new (&b, REID_PIXEL_I420, 640, 360);
    o.cpu_flags = 0;
    draw (&o, 37 + 70 * i, &a);
    o.cpu_flags = flags;
    draw (&o, 37 + 70 * i, &b);
    CHECK (memcmp (a.bytes, b.bytes, a.size) == 0);
    canvas_free (&a);
    canvas_free (&b);
  }
}

TEST (threads_do_not_change_a_byte)
{
  ReidSynthOptions o = episode_options (322, 181, 5, 9);
  static const int threads[] = { 1, 2, 3, 16, 0 };
  Canvas a, b;

  canvas_new (&a, REID_PIXEL_I420, o.width, o.height);
  canvas_new (&b, REID_PIXEL_I420, o.width, o.height);
  for (int i = 0; i < 5; i++) {
    o.threads = threads[i];
    draw (&o, 130, i ? &b : &a);
    if (i)
      CHECK_MSG (memcmp (a.bytes, b.bytes, a.size) == 0, "%d threads",
                 threads[i]);
  }
  canvas_free (&a);
  canvas_free (&b);
}

TEST (a_frame_hangs_on_nothing_that_was_drawn_before)
{
  ReidSynthOptions o = episode_options (160, 90, 4, 2);
  ReidSynth *s = episode (&o);
  Canvas a, b;

  canvas_new (&a, REID_PIXEL_NV12, 160, 90);
  canvas_new (&b, REID_PIXEL_NV12, 160, 90);
  CHECK (reid_synth_render (s, 400, &a.p, NULL));
  for (int i = 0; i < 5; i++)
    CHECK (reid_synth_render (s, 31 * i, &b.p, NULL));
  CHECK (memcmp (a.bytes, b.bytes, a.size) != 0);
  CHECK (reid_synth_render (s, 400, &b.p, NULL));
  CHECK (memcmp (a.bytes, b.bytes, a.size) == 0);
  canvas_free (&a);
  canvas_free (&b);
  reid_synth_free (s);
}

TEST (another_seed_is_another_picture)
{
  ReidSynthOptions o = episode_options (160, 90, 4, 1);
  Canvas a, b;

  canvas_new (&a, REID_PIXEL_I420, 160, 90);
  canvas_new (&b, REID_PIXEL_I420, 160, 90);
  draw (&o, 100, &a);
  o.seed = 2;
  draw (&o, 100, &b);
  CHECK (memcmp (a.bytes, b.bytes, a.size) != 0);
  canvas_free (&a);
  canvas_free (&b);
}

TEST (every_size_is_written_and_nothing_beside_it)
{
  static const int sizes[][2] = { { 1, 1 },   { 1, 400 }, { 400, 1 },
                                  { 2, 2 },   { 3, 999 }, { 999, 3 },
                                  { 65, 17 }, { 64, 16 }, { 63, 15 },
                                  { 129, 33 } };

  for (int i = 0; i < 10; i++)
    for (int f = 0; f < N_FORMATS; f++) {
      ReidSynthOptions o = episode_options (sizes[i][0], sizes[i][1], 3, 4);
      Canvas c;
      canvas_new (&c, episode_formats[f], o.width, o.height);
      draw (&o, 90, &c);
      CHECK_MSG (canvas_guarded (&c), "%d x %d, format %d", o.width, o.height,
                 episode_formats[f]);
      canvas_free (&c);
    }
}

TEST (the_sides_of_a_frame)
{
  static const int64_t frames[] = { 0, 1, 1000000, (int64_t) 1 << 36 };
  ReidSynthOptions o = episode_options (4096, 16, 2, 4);
  Canvas c;

  canvas_new (&c, REID_PIXEL_GRAY8, o.width, o.height);
  for (int i = 0; i < 4; i++)
    draw (&o, frames[i], &c);
  CHECK (canvas_guarded (&c));
  canvas_free (&c);
}

/* ---- formats */

static Canvas drawn[REID_PIXEL_COUNT];

static const uint8_t *
sample (ReidPixelFormat format, int plane, int y)
{
  Canvas *c = &drawn[format];

  return c->p.plane[plane] + y * c->p.stride[plane];
}

TEST (formats_agree)
{
  const int w = 97, h = 55;
  ReidSynthOptions o = episode_options (w, h, 4, 8);

  for (int f = 0; f < N_FORMATS; f++) {
    canvas_new (&drawn[episode_formats[f]], episode_formats[f], w, h);
    draw (&o, 140, &drawn[episode_formats[f]]);
  }
  for (int y = 0; y < h; y++) {
    const uint8_t *luma = sample (REID_PIXEL_I420, 0, y);
    const uint8_t *rgb = sample (REID_PIXEL_RGB, 0, y);
    CHECK (memcmp (luma, sample (REID_PIXEL_YV12, 0, y), (size_t) w) == 0);
    CHECK (memcmp (luma, sample (REID_PIXEL_NV12, 0, y), (size_t) w) == 0);
    CHECK (memcmp (luma, sample (REID_PIXEL_NV21, 0, y), (size_t) w) == 0);
    CHECK (memcmp (luma, sample (REID_PIXEL_Y42B, 0, y), (size_t) w) == 0);
    CHECK (memcmp (luma, sample (REID_PIXEL_Y444, 0, y), (size_t) w) == 0);
    CHECK (memcmp (luma, sample (REID_PIXEL_GRAY8, 0, y), (size_t) w) == 0);
    for (int x = 0; x < w; x++) {
      const uint8_t *p = rgb + 3 * x;
      const uint8_t *bgr = sample (REID_PIXEL_BGR, 0, y) + 3 * x;
      const uint8_t *rgbx = sample (REID_PIXEL_RGBX, 0, y) + 4 * x;
      const uint8_t *bgrx = sample (REID_PIXEL_BGRX, 0, y) + 4 * x;
      const uint8_t *xrgb = sample (REID_PIXEL_XRGB, 0, y) + 4 * x;
      const uint8_t *xbgr = sample (REID_PIXEL_XBGR, 0, y) + 4 * x;
      CHECK (bgr[0] == p[2] && bgr[1] == p[1] && bgr[2] == p[0]);
      CHECK (rgbx[0] == p[0] && rgbx[2] == p[2] && rgbx[3] == 255);
      CHECK (bgrx[0] == p[2] && bgrx[2] == p[0] && bgrx[3] == 255);
      CHECK (xrgb[1] == p[0] && xrgb[3] == p[2] && xrgb[0] == 255);
      CHECK (xbgr[1] == p[2] && xbgr[3] == p[0] && xbgr[0] == 255);
      double wanted =
          16 + 219 / 255. * (.2126 * p[0] + .7152 * p[1] + .0722 * p[2]);
      CHECK_NEAR (luma[x], wanted, 1.1);
    }
  }
  for (int y = 0; y < (h + 1) / 2; y++)
    for (int x = 0; x < (w + 1) / 2; x++) {
      int u = sample (REID_PIXEL_I420, 1, y)[x];
      int v = sample (REID_PIXEL_I420, 2, y)[x];
      CHECK (sample (REID_PIXEL_YV12, 2, y)[x] == u
             && sample (REID_PIXEL_YV12, 1, y)[x] == v);
      CHECK (sample (REID_PIXEL_NV12, 1, y)[2 * x] == u
             && sample (REID_PIXEL_NV12, 1, y)[2 * x + 1] == v);
      CHECK (sample (REID_PIXEL_NV21, 1, y)[2 * x] == v
             && sample (REID_PIXEL_NV21, 1, y)[2 * x + 1] == u);
      const uint8_t *full = sample (REID_PIXEL_Y444, 1, 2 * y) + 2 * x;
      if (2 * x + 1 < w && 2 * y + 1 < h) {
        const uint8_t *below = sample (REID_PIXEL_Y444, 1, 2 * y + 1) + 2 * x;
        CHECK_NEAR (u, (full[0] + full[1] + below[0] + below[1]) / 4., 1.1);
      }
    }
  for (int f = 0; f < N_FORMATS; f++)
    canvas_free (&drawn[episode_formats[f]]);
}

TEST (what_cannot_be_written)
{
  ReidSynthOptions o = episode_options (16, 16, 1, 0);
  ReidError error = REID_ERROR_INIT;
  ReidSynth *s = episode (&o);
  Canvas c;

  canvas_new (&c, REID_PIXEL_RGBX, 16, 16);
  c.p.format = REID_PIXEL_P010_10LE;
  CHECK (!reid_synth_render (s, 0, &c.p, &error));
  CHECK (error.status == REID_ERROR_UNSUPPORTED);
  CHECK (!reid_synth_can_write (REID_PIXEL_I420_10LE));
  CHECK (!reid_synth_can_write (REID_PIXEL_COUNT));
  for (int f = 0; f < N_FORMATS; f++)
    CHECK (reid_synth_can_write (episode_formats[f]));
  canvas_free (&c);
  reid_synth_free (s);
}

TEST (options_out_of_range)
{
  for (int i = 0; i < 9; i++) {
    ReidSynthOptions o = episode_options (16, 16, 1, 0);
    ReidError error = REID_ERROR_INIT;
    int *const wrong[] = { &o.width,  &o.height, &o.par_n, &o.par_d, &o.rate_n,
                           &o.rate_d, &o.people, &o.shots, &o.width };
    *wrong[i] = i == 8 ? REID_SYNTH_MAX_SIDE + 1 : i < 6 ? 0 : -1;
    CHECK_MSG (!reid_synth_new (&o, &error), "%d", i);
    CHECK (error.status == REID_ERROR_ARGUMENT && error.message[0]);
  }
}

TEST_MAIN ()
