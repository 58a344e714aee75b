/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The chips' pixels, each as a PNG file (ISO/IEC 15948) of its own: lossless,
 * a third of the raw size for faces, where plain deflate saves a tenth, and
 * anything can open the bytes. Only what is needed here: 8-bit RGB, one IDAT.
 */

static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10 };

enum { NONE, SUB, UP, AVERAGE, PAETH, N_FILTERS };

static void
put_u32 (uint8_t *p, uint32_t v)
{
  p[0] = (uint8_t) (v >> 24);
  p[1] = (uint8_t) (v >> 16);
  p[2] = (uint8_t) (v >> 8);
  p[3] = (uint8_t) v;
}

static uint32_t
get_u32 (const uint8_t *p)
{
  return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8
         | p[3];
}

static inline int
paeth (int a, int b, int c)
{
  int p = b - c, q = a - c;
  int pa = abs (p), pb = abs (q), pc = abs (p + q);
  int best = pb <= pc ? b : c;
  int least = pb <= pc ? pb : pc;

  return pa <= least ? a : best;
}

/* row and above begin three bytes after a zeroed pixel. */
static void
filter_row (const uint8_t *row, const uint8_t *above, size_t n, uint8_t *out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (uint8_t) (row[i]
                        - paeth (row[(ptrdiff_t) i - 3], above[i],
                                 above[(ptrdiff_t) i - 3]));
}

static void
unfilter_row (int filter, uint8_t *row, const uint8_t *above, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    int a = row[(ptrdiff_t) i - 3], b = above[i];
    int c = above[(ptrdiff_t) i - 3];
    int guess = filter == SUB       ? a
                : filter == UP      ? b
                : filter == AVERAGE ? (a + b) / 2
                : filter == PAETH   ? paeth (a, b, c)
                                    : 0;
    row[i] = (uint8_t) (row[i] + guess);
  }
}

/* Wraps `size` bytes that already lie at p + 8. */
static uint8_t *
finish_chunk (uint8_t *p, const char *name, size_t size)
{
  put_u32 (p, (uint32_t) size);
  memcpy (p + 4, name, 4);
  put_u32 (p + 8 + size, (uint32_t) crc32 (0, p + 4, (uInt) (size + 4)));
  return p + 12 + size;
}

bool
reid_png_encode (const uint8_t *rgb, int width, int height, uint8_t **png,
                 size_t *size)
{
  size_t n = 3 * (size_t) width, stride = n + 1;
  size_t raw_size = stride * (size_t) height;
  z_stream z = { 0 };

  if (width <= 0 || height <= 0 || width > 65535 || height > 65535
      || raw_size > INT_MAX)
    return false;
  uint8_t *rows = calloc (2, n + 3);
  uint8_t *raw = malloc (raw_size);
  uint8_t *out = NULL;
  bool ok = rows && raw;

  if (ok) {
    uint8_t *row = rows + 3, *above = row + n + 3;
    /* Measured on faces: the best of five filters for each row packs no
     * better than this one for all, and finding matches other than runs costs
     * more time than it saves bytes. */
    for (int y = 0; y < height; y++) {
      memcpy (row, rgb + (size_t) y * n, n);
      raw[(size_t) y * stride] = PAETH;
      filter_row (row, above, n, raw + (size_t) y * stride + 1);
      uint8_t *swap = row;
      row = above;
      above = swap;
    }
    ok = deflateInit2 (&z, 1, Z_DEFLATED, 15, 8, Z_RLE) == Z_OK;
  }
  if (ok) {
    uLong bound = deflateBound (&z, (uLong) raw_size);
    out = malloc (8 + 25 + 12 + bound + 12);
    if (out) {
      z.next_in = raw;
      z.avail_in = (uInt) raw_size;
      z.next_out = out + 8 + 25 + 8;
      z.avail_out = (uInt) bound;
    }
    ok = out && deflate (&z, Z_FINISH) == Z_STREAM_END;
    size_t packed = (size_t) z.total_out;
    deflateEnd (&z);
    if (ok) {
      uint8_t *p = out;
      memcpy (p, signature, 8);
      p += 8;
      put_u32 (p + 8, (uint32_t) width);
      put_u32 (p + 12, (uint32_t) height);
      memcpy (p + 16, "\x08\x02\0\0", 5); /* 8 bits, RGB, as the norm has it */
      p = finish_chunk (p, "IHDR", 13);
      p = finish_chunk (p, "IDAT", packed);
      p = finish_chunk (p, "IEND", 0);
      *size = (size_t) (p - out);
      *png = out;
      out = NULL;
    }
  }
  free (out);
  free (raw);
  free (rows);
  return ok;
}

uint64_t
reid_png_least (int width, int height)
{
  return 8 + 25 + 12 + 12
         + (3 * (uint64_t) width + 1) * (uint64_t) height / 1032;
}

bool
reid_png_decode (const uint8_t *png, size_t size, int width, int height,
                 uint8_t *rgb)
{
  size_t n = 3 * (size_t) width, at = 8;
  uint8_t *rows = calloc (2, n + 3);
  z_stream z = { 0 };
  bool header = false, done = false, ended = false, ok;

  ok = rows && width > 0 && height > 0 && size >= 8
       && memcmp (png, signature, 8) == 0 && inflateInit (&z) == Z_OK;
  if (!ok) {
    free (rows);
    return false;
  }
  uint8_t *row = rows + 3, *above = row + n + 3;
  int y = 0;
  size_t have = 0; /* bytes of the row, with its filter byte */
  uint8_t filter = 0;

  while (ok && !done) {
    ok = size - at >= 12;
    if (!ok)
      break;
    uint32_t length = get_u32 (png + at);
    const uint8_t *name = png + at + 4, *data = png + at + 8;
    ok = length <= size - at - 12
         && get_u32 (data + length)
                == (uint32_t) crc32 (crc32 (0, name, 4), data, (uInt) length);
    if (!ok)
      break;
    at += 12 + (size_t) length;
    if (memcmp (name, "IHDR", 4) == 0) {
      ok = !header && length == 13 && get_u32 (data) == (uint32_t) width
           && get_u32 (data + 4) == (uint32_t) height && data[8] == 8
           && data[9] == 2 && data[10] == 0 && data[11] == 0 && data[12] == 0;
      header = true;
    } else if (memcmp (name, "IEND", 4) == 0) {
      done = true;
    } else if (memcmp (name, "IDAT", 4) == 0) {
      ok = header;
      z.next_in = (Bytef *) data;
      z.avail_in = (uInt) length;
      while (ok && !ended) {
        uint8_t extra; /* takes what the picture does not need */
        if (y == height) {
          z.next_out = &extra;
          z.avail_out = 1;
        } else if (have == 0) {
          z.next_out = &filter;
          z.avail_out = 1;
        } else {
          z.next_out = row + have - 1;
          z.avail_out = (uInt) (n + 1 - have);
        }
        uInt room = z.avail_out;
        int r = inflate (&z, Z_NO_FLUSH);
        uInt got = room - z.avail_out;
        ended = r == Z_STREAM_END;
        if (r == Z_BUF_ERROR && got == 0)
          break; /* the next IDAT */
        ok = (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
             && (y < height || got == 0);
        have += got;
        if (ok && y < height && have == n + 1) {
          ok = filter < N_FILTERS;
          unfilter_row (filter, row, above, n);
          memcpy (rgb + (size_t) y * n, row, n);
          uint8_t *swap = row;
          row = above;
          above = swap;
          y++;
          have = 0;
        }
        if (z.avail_in == 0 && got == 0)
          break;
      }
    } else {
      ok = (name[0] & 32) != 0; /* only what may be left out */
    }
  }
  inflateEnd (&z);
  free (rows);
  return ok && done && ended && y == height;
}
