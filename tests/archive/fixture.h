/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_ARCHIVE_FIXTURE_H
#define REID_TEST_ARCHIVE_FIXTURE_H

/* Scratch directories, and episodes to write into them. */

#include "archive/archive.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static inline int
scratch_drop (const char *path, const struct stat *st, int kind,
              struct FTW *where)
{
  return remove (path);
}

static inline void
scratch_remove (const char *path)
{
  nftw (path, scratch_drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* A new empty directory; a static string for each call. */
static inline const char *
scratch_new (void)
{
  static char paths[64][256];
  static int at;
  char *p = paths[at++ % 64];
  const char *base = getenv ("TMPDIR");

  snprintf (p, 256, "%s/reid-archive-XXXXXX", base ? base : "/tmp");
  if (!mkdtemp (p)) {
    perror (p);
    exit (1);
  }
  return p;
}

static inline const char *
path_in (const char *directory, const char *name)
{
  static char paths[16][600];
  static int at;
  char *p = paths[at++ % 16];

  snprintf (p, 600, "%s/%s", directory, name);
  return p;
}

static inline bool
path_exists (const char *path)
{
  struct stat st;
  return lstat (path, &st) == 0;
}

static inline char *
slurp (const char *path, size_t *size)
{
  FILE *f = fopen (path, "rb");
  char *data = NULL;
  size_t n = 0, room = 0;

  if (!f)
    return NULL;
  for (;;) {
    if (n + 65536 > room) {
      room = room ? 2 * room : 131072;
      data = realloc (data, room);
    }
    size_t got = fread (data + n, 1, 65535, f);
    n += got;
    if (got == 0)
      break;
  }
  data[n] = '\0';
  fclose (f);
  if (size)
    *size = n;
  return data;
}

static inline bool
same_bytes (const char *a, const char *b)
{
  size_t na = 0, nb = 0;
  char *da = slurp (a, &na), *db = slurp (b, &nb);
  bool same = da && db && na == nb && memcmp (da, db, na) == 0;

  free (da);
  free (db);
  return same;
}

/* ---- Random rows */

static inline ReidFrameRow
random_frame (uint64_t *s, uint64_t frame)
{
  return (ReidFrameRow){ .frame = frame,
                         .time = (int64_t) frame * 40000000,
                         .duration = 40000000,
                         .segment = (uint32_t) (frame / 100),
                         .width = 1280,
                         .height = 720,
                         .state = (uint8_t) (test_random (s) % 4),
                         .n_faces = (uint16_t) (test_random (s) % 5) };
}

static inline ReidDetectionRow
random_detection (uint64_t *s, uint64_t frame, uint32_t track)
{
  ReidDetectionRow d = { .frame = frame,
                         .track = track,
                         .left = (float) test_uniform (s),
                         .top = (float) test_uniform (s),
                         .width = (float) test_uniform (s) * 0.3f,
                         .height = (float) test_uniform (s) * 0.3f,
                         .score = (float) test_uniform (s),
                         .has_landmarks = 1,
                         .quality = (float) test_uniform (s) };
  for (int i = 0; i < 10; i++)
    d.landmarks[i] = (float) test_uniform (s);
  return d;
}

/* rgb is malloc'd; every other picture is smooth, as pictures are. */
static inline ReidChipRow
random_chip (uint64_t *s, uint32_t track, uint64_t frame, int width, int height)
{
  ReidChipRow c = { .track = track,
                    .frame = frame,
                    .time = (int64_t) frame * 40000000,
                    .width = (uint16_t) width,
                    .height = (uint16_t) height,
                    .has_landmarks = 1,
                    .score = (float) test_uniform (s),
                    .size = (float) test_uniform (s),
                    .sharpness = (float) test_uniform (s),
                    .frontalness = (float) test_uniform (s),
                    .exposure = (float) test_uniform (s),
                    .total = (float) test_uniform (s) };
  uint8_t *rgb = malloc ((size_t) width * (size_t) height * 3);
  bool noise = test_random (s) & 1;

  for (int i = 0; i < 4; i++) {
    c.box[i] = (float) test_uniform (s) * 100;
    c.face[i] = (float) test_uniform (s) * 0.5f;
  }
  for (int i = 0; i < 10; i++)
    c.landmarks[i] = (float) test_uniform (s) * 100;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * width; x++)
      rgb[(size_t) y * 3 * (size_t) width + (size_t) x] =
          (uint8_t) (noise ? test_random (s) >> 32
                           : (uint64_t) (x * x / 31 + y * 3)
                                 + test_random (s) % 3);
  c.rgb = rgb;
  return c;
}

#endif /* REID_TEST_ARCHIVE_FIXTURE_H */
