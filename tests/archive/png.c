/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chips' pixels as PNG: what goes in comes out, and nothing else gets
 * through. */
#include "fixture.h"

#include "../../kernels/archive/png.c"

TEST (all_sizes_come_back)
{
  uint64_t s = 1;

  for (int width = 1; width < 300; width += width < 9 ? 1 : 29)
    for (int height = 1; height < 270; height += height < 5 ? 1 : 37) {
      ReidChipRow c = random_chip (&s, 1, 1, width, height);
      size_t n = 3 * (size_t) width * (size_t) height, size = 0;
      uint8_t *png = NULL, *back = malloc (n);
      REQUIRE (reid_png_encode (c.rgb, width, height, &png, &size));
      CHECK (size >= reid_png_least (width, height));
      CHECK (reid_png_decode (png, size, width, height, back));
      CHECK (memcmp (back, c.rgb, n) == 0);
      /* of another size it is not */
      CHECK (!reid_png_decode (png, size, width, height + 1, back));
      free (png);
      free (back);
      free ((void *) c.rgb);
    }
}

/* The flattest picture packs best: the bound on what a file can hold must
 * not refuse it. */
TEST (one_colour)
{
  size_t n = 3 * 4096 * 4096, size = 0;
  uint8_t *rgb = malloc (n), *png = NULL;

  memset (rgb, 77, n);
  REQUIRE (reid_png_encode (rgb, 4096, 4096, &png, &size));
  CHECK (size < n / 500);
  CHECK (size >= reid_png_least (4096, 4096));
  REQUIRE (reid_png_decode (png, size, 4096, 4096, rgb));
  for (size_t i = 0; i < n; i++)
    if (rgb[i] != 77) {
      CHECK_MSG (false, "byte %zu", i);
      break;
    }
  free (png);
  free (rgb);
}

/* Every filter, as other programs may have used them, and the pixels in
 * several IDAT chunks with others between. */
TEST (other_encoders)
{
  enum { W = 13, H = 20, N = 3 * W };
  uint64_t s = 2;
  ReidChipRow c = random_chip (&s, 1, 1, W, H);
  uint8_t raw[H * (N + 1)], packed[4000], file[8000];
  uint8_t back[H * N];
  uLongf n_packed = sizeof packed;

  for (int y = 0; y < H; y++) {
    uint8_t row[N + 3] = { 0 }, above[N + 3] = { 0 };
    memcpy (row + 3, c.rgb + y * N, N);
    if (y > 0)
      memcpy (above + 3, c.rgb + (y - 1) * N, N);
    raw[y * (N + 1)] = (uint8_t) (y % 5);
    for (int i = 0; i < N; i++) {
      int a = row[i], b = above[i + 3], d = above[i];
      int guess[5] = { 0, a, b, (a + b) / 2, paeth (a, b, d) };
      raw[y * (N + 1) + 1 + i] = (uint8_t) (row[i + 3] - guess[y % 5]);
    }
  }
  REQUIRE (compress (packed, &n_packed, raw, sizeof raw) == Z_OK);
  uint8_t *p = file;
  memcpy (p, signature, 8);
  p += 8;
  put_u32 (p + 8, W);
  put_u32 (p + 12, H);
  memcpy (p + 16, "\x08\x02\0\0", 5);
  p = finish_chunk (p, "IHDR", 13);
  memcpy (p + 8, "abc", 3);
  p = finish_chunk (p, "tEXt", 3);
  p = finish_chunk (p, "IDAT", 0);
  for (size_t at = 0; at < n_packed; at += 37) {
    size_t n = n_packed - at < 37 ? n_packed - at : 37;
    memcpy (p + 8, packed + at, n);
    p = finish_chunk (p, "IDAT", n);
  }
  size_t before_end = (size_t) (p - file);
  p = finish_chunk (p, "IEND", 0);
  CHECK (reid_png_decode (file, (size_t) (p - file), W, H, back));
  CHECK (memcmp (back, c.rgb, sizeof back) == 0);
  CHECK (!reid_png_decode (file, before_end, W, H, back));
  /* what must be understood and is not */
  p = finish_chunk (file + before_end, "PLTE", 0);
  p = finish_chunk (p, "IEND", 0);
  CHECK (!reid_png_decode (file, (size_t) (p - file), W, H, back));
  free ((void *) c.rgb);
}

TEST (cut_off_and_damaged)
{
  uint64_t s = 3;
  ReidChipRow c = random_chip (&s, 1, 1, 31, 17);
  size_t size = 0;
  uint8_t *png = NULL, back[31 * 17 * 3];

  REQUIRE (reid_png_encode (c.rgb, 31, 17, &png, &size));
  for (size_t n = 0; n < size; n++) {
    uint8_t *cut = malloc (n + 1); /* so that a tool sees a byte too far */
    memcpy (cut, png, n);
    CHECK (!reid_png_decode (cut, n, 31, 17, back));
    free (cut);
  }
  for (size_t i = 0; i < size; i++) {
    png[i] ^= (uint8_t) (1 << i % 8);
    CHECK (!reid_png_decode (png, size, 31, 17, back));
    png[i] ^= (uint8_t) (1 << i % 8);
  }
  CHECK (reid_png_decode (png, size, 31, 17, back));
  free (png);
  free ((void *) c.rgb);
}

/* Valid sums around pixels that are too few, too many, or of no filter. */
TEST (sums_that_fit_around_a_lie)
{
  for (int lie = 0; lie < 4; lie++) {
    enum { W = 5, H = 4, N = 3 * W + 1 };
    uint8_t raw[N * H + 9] = { 0 }, file[500], back[W * H * 3];
    uLongf n = sizeof file - 100;
    size_t size = lie == 0 ? N * H - 1 : lie == 1 ? N * H + 1 : N * H;
    if (lie == 2)
      raw[N] = 5;
    memcpy (file, signature, 8);
    uint8_t *p = file + 8;
    put_u32 (p + 8, W);
    put_u32 (p + 12, H);
    memcpy (p + 16, "\x08\x02\0\0", 5);
    p = finish_chunk (p, "IHDR", 13);
    REQUIRE (compress (p + 8, &n, raw, size) == Z_OK);
    p = finish_chunk (p, "IDAT", n);
    p = finish_chunk (p, "IEND", 0);
    CHECK (reid_png_decode (file, (size_t) (p - file), W, H, back)
           == (lie == 3));
  }
}

TEST_MAIN ()
