/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that are cut off, damaged, or made to do harm. */
#include "fixture.h"

#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define N_TRACKS 9
#define CHIPS 3 /* a track */
#define DIMS 8

static bool
write_good (const char *dir)
{
  ReidArchive *a = reid_archive_create (dir, NULL, 0, NULL);
  uint64_t s = 1;
  bool ok = a != NULL;
  uint32_t ids[N_TRACKS], people[N_TRACKS];

  for (uint64_t f = 0; ok && f < 100; f++) {
    ReidFrameRow frame = random_frame (&s, f);
    ReidDetectionRow d = random_detection (&s, f, 1 + (uint32_t) f % N_TRACKS);
    ok = reid_archive_add_frames (a, &frame, 1, NULL)
         && reid_archive_add_detections (a, &d, 1, NULL);
  }
  for (uint32_t t = 0; ok && t < N_TRACKS; t++) {
    ReidTrackRow track = { .id = t + 1, .shot = t };
    ReidShotRow shot = { .first = t * 10, .end = t * 10 + 10 };
    ReidChipRow chips[CHIPS];
    float vectors[CHIPS * DIMS] = { 1 };
    for (int k = 0; k < CHIPS; k++)
      chips[k] = random_chip (&s, t + 1, t * 10 + (uint64_t) k, 20, 30);
    ok = reid_archive_add_shots (a, &shot, 1, NULL)
         && reid_archive_add_track (a, &track, chips, CHIPS, vectors, DIMS,
                                    NULL);
    for (int k = 0; k < CHIPS; k++)
      free ((void *) chips[k].rgb);
    ids[t] = t + 1;
    people[t] = 1 + t % 4;
  }
  return ok && reid_archive_finish (a, ids, people, N_TRACKS, false, NULL);
}

/* 0: read, 1: refused with one clear line, 2: neither. */
static int
try_read (const char *path, ReidError *error)
{
  ReidEpisode *e = reid_episode_read (path, true, error);

  if (e) {
    ReidOverlap *pairs = NULL;
    int n;
    bool ok = error->status == REID_OK
              && reid_episode_overlaps (e, &pairs, &n, error);
    free (pairs);
    reid_episode_free (e);
    return ok ? 0 : 2;
  }
  return error->status != REID_OK && strstr (error->message, path)
                 && !strchr (error->message, '\n')
             ? 1
             : 2;
}

static bool
write_bytes (const char *path, const char *data, size_t size)
{
  FILE *f = fopen (path, "wb");
  bool ok = f && fwrite (data, 1, size, f) == size;

  return f && fclose (f) == 0 && ok;
}

TEST (cut_off_anywhere)
{
  const char *dir = scratch_new (), *cut = path_in (dir, "cut");
  size_t size = 0;

  REQUIRE (write_good (path_in (dir, "run")));
  char *data = slurp (path_in (dir, "run/episode.h5"), &size);
  REQUIRE (data);
  for (size_t n = 0; n < size; n += n < 4096 || size - n < 300 ? 13 : 4001) {
    ReidError error = REID_ERROR_INIT;
    REQUIRE (write_bytes (cut, data, n));
    CHECK_MSG (try_read (cut, &error) == 1, "at %zu of %zu: %s", n, size,
               error.message);
  }
  ReidError error = REID_ERROR_INIT;
  REQUIRE (write_bytes (cut, data, size));
  CHECK (try_read (cut, &error) == 0);
  free (data);
  scratch_remove (dir);
}

TEST (no_archive_at_all)
{
  const char *dir = scratch_new (), *path = path_in (dir, "file");
  ReidError error = REID_ERROR_INIT;
  char noise[70000];
  uint64_t s = 2;

  for (size_t i = 0; i < sizeof noise; i++)
    noise[i] = (char) test_random (&s);
  for (size_t n = 0; n <= sizeof noise; n = n * 2 + 1) {
    REQUIRE (write_bytes (path, noise, n));
    CHECK (try_read (path, &error) == 1);
    CHECK (error.status == REID_ERROR_FORMAT);
    reid_error_clear (&error);
  }
  /* another program's HDF5 file */
  hid_t f = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose (f);
  CHECK (try_read (path, &error) == 1);
  CHECK (strstr (error.message, "no archive"));
  reid_error_clear (&error);
  CHECK (!reid_archive_relabel (path, NULL, NULL, 0, NULL, 0, &error));
  CHECK (error.status == REID_ERROR_FORMAT);
  reid_error_clear (&error);
  /* nor is what that program keeps behind it touched */
  FILE *more = fopen (path, "ab");
  REQUIRE (more && fwrite (noise, 1, 5000, more) == 5000 && fclose (more) == 0);
  size_t size = 0, after = 0;
  char *before = slurp (path, &size), *now;
  CHECK (!reid_archive_put (path, NULL, 0, &error));
  CHECK (!reid_addition_open (path, NULL));
  now = slurp (path, &after);
  CHECK (before && now && size == after && memcmp (before, now, size) == 0);
  free (before);
  free (now);
  scratch_remove (dir);
}

/* ---- Well-formed HDF5 that lies */

static void
replace (hid_t f, const char *name, hid_t type, int rank, const hsize_t *dims,
         const hsize_t *chunk, int filter)
{
  hid_t space = H5Screate_simple (rank, dims, NULL);
  hid_t create = H5Pcreate (H5P_DATASET_CREATE);

  if (chunk)
    H5Pset_chunk (create, rank, chunk);
  if (filter)
    H5Pset_filter (create, filter, H5Z_FLAG_OPTIONAL, 0, NULL);
  if (H5Lexists (f, name, H5P_DEFAULT) > 0)
    H5Ldelete (f, name, H5P_DEFAULT);
  H5Dclose (
      H5Dcreate2 (f, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT));
  H5Pclose (create);
  H5Sclose (space);
}

static hid_t
type_of (hid_t f, const char *name)
{
  hid_t d = H5Dopen2 (f, name, H5P_DEFAULT), t = H5Dget_type (d);

  H5Dclose (d);
  return t;
}

static void
set_extent (hid_t f, const char *name, hsize_t n, hsize_t m)
{
  hid_t d = H5Dopen2 (f, name, H5P_DEFAULT);
  hsize_t dims[2] = { n, m };

  H5Dset_extent (d, dims);
  H5Dclose (d);
}

/* One value of one row of a table. */
static void
poke (hid_t f, const char *table, hsize_t row, const char *column, hid_t type,
      const void *value)
{
  hid_t d = H5Dopen2 (f, table, H5P_DEFAULT);
  hid_t t = H5Tcreate (H5T_COMPOUND, H5Tget_size (type));
  hid_t space = H5Dget_space (d), one;
  hsize_t count = 1;

  H5Tinsert (t, column, 0, type);
  one = H5Screate_simple (1, &count, NULL);
  H5Sselect_hyperslab (space, H5S_SELECT_SET, &row, NULL, &count, NULL);
  H5Dwrite (d, t, one, space, H5P_DEFAULT, value);
  H5Sclose (one);
  H5Sclose (space);
  H5Tclose (t);
  H5Dclose (d);
}

static void
poke_u64 (hid_t f, const char *table, hsize_t row, const char *column,
          uint64_t v)
{
  poke (f, table, row, column, H5T_NATIVE_UINT64, &v);
}

static void
put_number (hid_t f, const char *key, int64_t v)
{
  hid_t space = H5Screate (H5S_SCALAR), a;

  if (H5Aexists (f, key) > 0)
    H5Adelete (f, key);
  a = H5Acreate2 (f, key, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite (a, H5T_NATIVE_INT64, &v);
  H5Aclose (a);
  H5Sclose (space);
}

static void
put_text (hid_t f, const char *key, const char *text, size_t size, hsize_t n)
{
  hid_t space = n ? H5Screate_simple (1, &n, NULL) : H5Screate (H5S_SCALAR);
  hid_t type = H5Tcopy (H5T_C_S1), a;

  H5Tset_size (type, size);
  H5Tset_cset (type, H5T_CSET_UTF8);
  if (H5Aexists (f, key) > 0)
    H5Adelete (f, key);
  a = H5Acreate2 (f, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite (a, type, text);
  H5Aclose (a);
  H5Tclose (type);
  H5Sclose (space);
}

static const hsize_t ten[2] = { 10, 8 }, one[2] = { 1, 8 };
static const float nan_value = NAN, infinite = INFINITY;

/* Each changes a good file; the message names `word`. */
static void
do_case (int n, hid_t f)
{
  hid_t t;
  hsize_t huge[2] = { (hsize_t) 1 << 60, 8 };

  switch (n) {
    case 0:
      H5Ldelete (f, "frames", H5P_DEFAULT);
      break;
    case 1:
      replace (f, "tracks", H5T_STD_U8LE, 1, ten, one, 0);
      break;
    case 2: /* rank */
      t = type_of (f, "chips");
      replace (f, "chips", t, 2, ten, one, 0);
      H5Tclose (t);
      break;
    case 3:
      t = type_of (f, "shots");
      replace (f, "shots", t, 0, NULL, NULL, 0);
      H5Tclose (t);
      break;
    case 4: /* a petabyte of rows that nobody wrote */
      set_extent (f, "detections", (hsize_t) 1 << 50, 0);
      break;
    case 5:
      t = type_of (f, "frames");
      replace (f, "frames", t, 1, huge, one, 0);
      H5Tclose (t);
      break;
    case 6:
      set_extent (f, "pixels", (hsize_t) 1 << 60, 0);
      break;
    case 7:
      set_extent (f, "embeddings/default", 7, DIMS);
      break;
    case 8:
      set_extent (f, "embeddings/default", (hsize_t) 1 << 40, DIMS);
      break;
    case 9:
      replace (f, "embeddings/default", H5T_IEEE_F32LE, 1, ten, one, 0);
      break;
    case 10:
      replace (f, "embeddings/default", H5T_IEEE_F64LE, 2, ten, one, 0);
      break;
    case 11: { /* rows of 2^20 values */
      hsize_t wide[2] = { N_TRACKS * CHIPS, 1 << 20 }, c[2] = { 1, 64 };
      replace (f, "embeddings/default", H5T_IEEE_F32LE, 2, wide, c, 0);
      break;
    }
    case 12:
      poke_u64 (f, "tracks", 3, "first_chip", 1000);
      break;
    case 13:
      poke_u64 (f, "tracks", 3, "first_chip", UINT64_MAX);
      break;
    case 14:
      poke_u64 (f, "tracks", 8, "n_chips", UINT32_MAX);
      break;
    case 15: /* another's chips */
      poke_u64 (f, "tracks", 3, "n_chips", CHIPS + 1);
      break;
    case 16: /* the same chips again */
      poke_u64 (f, "tracks", 3, "first_chip", 0);
      break;
    case 17:
      poke_u64 (f, "chips", 5, "offset", UINT64_MAX - 10);
      break;
    case 18:
      poke_u64 (f, "chips", 5, "bytes", UINT32_MAX);
      break;
    case 19: /* one picture for all */
      poke_u64 (f, "chips", 5, "offset", 0);
      break;
    case 20:
      poke_u64 (f, "chips", 5, "width", 65535);
      poke_u64 (f, "chips", 5, "height", 65535);
      break;
    case 21:
      poke_u64 (f, "chips", 5, "width", 0);
      break;
    case 22:
      poke_u64 (f, "chips", 5, "width", 21);
      break;
    case 23:
      poke (f, "detections", 77, "left", H5T_NATIVE_FLOAT, &nan_value);
      break;
    case 24:
      poke (f, "chips", 7, "total", H5T_NATIVE_FLOAT, &infinite);
      break;
    case 25:
      poke_u64 (f, "shots", 4, "first", 3);
      break;
    case 26:
      put_number (f, "format_version", 99);
      break;
    case 27:
      put_number (f, "format_version", -1);
      break;
    case 28:
      put_text (f, "format_version", "1", 1, 0);
      break;
    case 29:
      H5Adelete (f, "partial");
      break;
    case 30:
      put_text (f, "note", "\xff\xfe", 2, 0);
      break;
    case 31:
      H5Ldelete (f, "frames", H5P_DEFAULT);
      H5Lcreate_external ("/etc/passwd", "/frames", f, "frames", H5P_DEFAULT,
                          H5P_DEFAULT);
      break;
    case 32:
      H5Ldelete (f, "frames", H5P_DEFAULT);
      H5Lcreate_soft ("/frames", f, "frames", H5P_DEFAULT, H5P_DEFAULT);
      break;
    case 33:
      H5Ldelete (f, "pixels", H5P_DEFAULT);
      H5Gclose (
          H5Gcreate2 (f, "pixels", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      break;
    case 34:
      H5Ldelete (f, "pixels", H5P_DEFAULT);
      break;
    case 35: { /* raw data in another file */
      hid_t create = H5Pcreate (H5P_DATASET_CREATE);
      hsize_t n_bytes = 1000;
      hid_t space = H5Screate_simple (1, &n_bytes, NULL);
      H5Pset_external (create, "/etc/passwd", 0, 1000);
      H5Ldelete (f, "pixels", H5P_DEFAULT);
      H5Dclose (H5Dcreate2 (f, "pixels", H5T_STD_U8LE, space, H5P_DEFAULT,
                            create, H5P_DEFAULT));
      H5Sclose (space);
      H5Pclose (create);
      break;
    }
    case 36: /* a filter that would be loaded as a plugin */
      replace (f, "pixels", H5T_STD_U8LE, 1, ten, one, 32001);
      break;
    case 37: { /* chunks of 4 GB */
      hsize_t c = 0xfffffff0u;
      hsize_t big[1] = { c };
      replace (f, "pixels", H5T_STD_U8LE, 1, big, &c, 0);
      break;
    }
    case 38:
      H5Ldelete (f, "embeddings", H5P_DEFAULT);
      H5Lcreate_hard (f, "frames", f, "embeddings", H5P_DEFAULT, H5P_DEFAULT);
      break;
    case 39: /* contiguous */
      t = type_of (f, "tracks");
      replace (f, "tracks", t, 1, ten, NULL, 0);
      H5Tclose (t);
      break;
    case 40: { /* a row of 64 KB */
      hid_t wide = H5Tcreate (H5T_COMPOUND, 65000);
      H5Tinsert (wide, "frame", 0, H5T_STD_U64LE);
      replace (f, "frames", wide, 1, ten, one, 0);
      H5Tclose (wide);
      break;
    }
    default: { /* pixels that are no PNG */
      hid_t d = H5Dopen2 (f, "pixels", H5P_DEFAULT);
      hid_t space = H5Dget_space (d);
      hsize_t from = 60, count = 1;
      uint8_t byte = 0x55;
      hid_t m = H5Screate_simple (1, &count, NULL);
      H5Sselect_hyperslab (space, H5S_SELECT_SET, &from, NULL, &count, NULL);
      H5Dwrite (d, H5T_NATIVE_UINT8, m, space, H5P_DEFAULT, &byte);
      H5Sclose (m);
      H5Sclose (space);
      H5Dclose (d);
      break;
    }
  }
}

static const char *const case_words[] = {
  "frames",     "tracks",     "chips",      "shots",      "detections",
  "frames",     "pixels",     "embeddings", "embeddings", "embeddings",
  "embeddings", "embeddings", "tracks",     "tracks",     "tracks",
  "chips",      "tracks",     "chips",      "chips",      "chips",
  "chips",      "chips",      "chip 5",     "detections", "chips",
  "shots",      "version",    "no archive", "no archive", "partial",
  "UTF-8",      "link",       "link",       "pixels",     "pixels",
  "pixels",     "filter",     "too large",  "embeddings", "tracks",
  "frames",     "chip 0"
};

TEST (well_formed_files_that_lie)
{
  const char *dir = scratch_new (), *path = path_in (dir, "bad");
  size_t size = 0;

  REQUIRE (write_good (path_in (dir, "run")));
  char *data = slurp (path_in (dir, "run/episode.h5"), &size);
  for (int i = 0; i < (int) (sizeof case_words / sizeof case_words[0]); i++) {
    ReidError error = REID_ERROR_INIT;
    REQUIRE (write_bytes (path, data, size));
    hid_t f = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
    REQUIRE (f >= 0);
    do_case (i, f);
    H5Fclose (f);
    int answer = try_read (path, &error);
    CHECK_MSG (answer == 1, "case %d: %d %s", i, answer, error.message);
    CHECK_MSG (strstr (error.message, case_words[i]), "case %d: %s", i,
               error.message);
  }
  free (data);
  scratch_remove (dir);
}

/* Things that others may add to an archive do no harm. */
TEST (additions_are_ignored)
{
  const char *dir = scratch_new (), *path = path_in (dir, "run/episode.h5");
  ReidError error = REID_ERROR_INIT;
  double number = 0.5;

  REQUIRE (write_good (path_in (dir, "run")));
  hid_t f = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
  put_number (f, "count", 3);
  put_text (f, "list", "abcdef", 2, 3);
  hid_t space = H5Screate (H5S_SCALAR);
  hid_t a =
      H5Acreate2 (f, "number", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite (a, H5T_NATIVE_DOUBLE, &number);
  H5Aclose (a);
  hid_t text = H5Tcopy (H5T_C_S1);
  H5Tset_size (text, H5T_VARIABLE);
  a = H5Acreate2 (f, "variable", text, space, H5P_DEFAULT, H5P_DEFAULT);
  const char *word = "word";
  H5Awrite (a, text, &word);
  H5Aclose (a);
  H5Tclose (text);
  H5Sclose (space);
  H5Gclose (H5Gcreate2 (f, "mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose (f);
  REQUIRE_OK (try_read (path, &error) == 0, error);
  scratch_remove (dir);
}

/* ---- Sets of vectors that lie */

static const char *const set_names[] = { "narrow", "short", "double", "link",
                                         "group",  "text",  "soft",   "nan" };

static void
add_bad_sets (hid_t f)
{
  const hsize_t rows[2] = { N_TRACKS * CHIPS, 1 }, chunk[2] = { 4, 1 };
  const hsize_t few[2] = { 3, 8 }, chunk8[2] = { 1, 8 };

  /* rows that nobody wrote */
  replace (f, "embeddings/narrow", H5T_IEEE_F32LE, 2, rows, chunk, 0);
  replace (f, "embeddings/short", H5T_IEEE_F32LE, 2, few, chunk8, 0);
  replace (f, "embeddings/double", H5T_IEEE_F64LE, 2, rows, chunk, 0);
  H5Lcreate_external ("/etc/passwd", "/x", f, "embeddings/link", H5P_DEFAULT,
                      H5P_DEFAULT);
  H5Gclose (H5Gcreate2 (f, "embeddings/group", H5P_DEFAULT, H5P_DEFAULT,
                        H5P_DEFAULT));
  H5Lcreate_soft ("/frames", f, "embeddings/soft", H5P_DEFAULT, H5P_DEFAULT);
  /* sound, but for what is said of it, and one of its numbers */
  for (int i = 0; i < 2; i++) {
    const char *name = i ? "embeddings/nan" : "embeddings/text";
    float v[N_TRACKS * CHIPS] = { 0, i ? NAN : 0 };
    replace (f, name, H5T_IEEE_F32LE, 2, rows, chunk, 0);
    hid_t d = H5Dopen2 (f, name, H5P_DEFAULT);
    H5Dwrite (d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    if (i == 0)
      put_text (d, "version", "\xff\xfe", 2, 0);
    H5Dclose (d);
  }
  /* a name that moves the cursor */
  H5Lcreate_hard (f, "embeddings/default", f, "embeddings/a\033[2J",
                  H5P_DEFAULT, H5P_DEFAULT);
}

TEST (sets_that_lie_are_refused_when_asked_for)
{
  const char *dir = scratch_new (), *path = path_in (dir, "run/episode.h5");
  ReidError error = REID_ERROR_INIT;
  ReidAttribute embedder = { "embedder", NULL };
  size_t damaged = 0;

  REQUIRE (write_good (path_in (dir, "run")));
  hid_t f = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
  add_bad_sets (f);
  H5Fclose (f);
  ReidEpisode *e = reid_episode_read (path, false, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_sets == 9 && e->set >= 0 && e->sets[e->set].dims == DIMS);
  for (size_t i = 0; i < e->n_sets; i++)
    damaged += e->sets[i].dims == 0;
  CHECK (damaged == 7);
  reid_episode_free (e);
  for (int i = 0; i < 8; i++) {
    /* what is said of it is of no account for the numbers */
    bool read = i == 5;
    e = reid_episode_read_set (path, false, set_names[i], &error);
    CHECK_MSG ((e != NULL) == read, "%s: %s", set_names[i], error.message);
    if (!read) {
      CHECK_MSG (error.status == REID_ERROR_FORMAT
                     && strstr (error.message, set_names[i]),
                 "%s: %s", set_names[i], error.message);
      reid_error_clear (&error);
      /* nor is it made the current one; a number is only seen in reading */
      embedder.value = set_names[i];
      CHECK_MSG (reid_archive_put (path, &embedder, 1, &error) == (i == 7),
                 "%s: %s", set_names[i], error.message);
      reid_error_clear (&error);
    }
    reid_episode_free (e);
  }
  embedder.value = "default";
  REQUIRE_OK (reid_archive_put (path, &embedder, 1, &error), error);
  /* they go like others */
  for (int i = 0; i < 8; i++) {
    CHECK_MSG (reid_archive_drop_embeddings (path, set_names[i], &error),
               "%s: %s", set_names[i], error.message);
    reid_error_clear (&error);
  }
  e = reid_episode_read (path, true, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_sets == 1 && e->embeddings && e->chips[0].rgb);
  reid_episode_free (e);
  scratch_remove (dir);
}

TEST (too_many_sets)
{
  const char *dir = scratch_new (), *path = path_in (dir, "run/episode.h5");
  ReidError error = REID_ERROR_INIT;
  char name[40];

  REQUIRE (write_good (path_in (dir, "run")));
  hid_t f = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
  for (int i = 0; i < 1000; i++) {
    snprintf (name, sizeof name, "embeddings/%d", i);
    H5Lcreate_hard (f, "embeddings/default", f, name, H5P_DEFAULT, H5P_DEFAULT);
  }
  H5Fclose (f);
  CHECK (!reid_episode_read (path, false, &error));
  CHECK (error.status == REID_ERROR_FORMAT
         && strstr (error.message, "more than 1000"));
  scratch_remove (dir);
}

/* What can be read can be changed, or is left as it is with one clear line. */
static int
try_change (const char *path, ReidError *error)
{
  float row[2] = { 1, 0 };
  ReidAddition *a = reid_addition_open (path, error);
  bool ok = a && reid_addition_begin (a, "more", 2, NULL, 0, error);
  size_t n = ok ? reid_addition_episode (a)->n_chips : 0;

  for (size_t i = 0; ok && i < n; i++) {
    ReidError ignored = REID_ERROR_INIT;
    free (reid_addition_pixels (a, i, &ignored));
    ok = reid_addition_add (a, row, 1, error);
  }
  if (ok)
    ok = reid_addition_finish (a, NULL, 0, error);
  else
    reid_addition_abandon (a);
  ok = ok && reid_archive_drop_embeddings (path, "more", error);
  return ok == (error->status == REID_OK)
                 && (ok || !strchr (error->message, '\n'))
             ? 0
             : 2;
}

/* Damaged bytes, each file in a process of its own with little memory: HDF5
 * itself reads them first. */
static int
read_apart (const char *path, bool change)
{
  int status = -1;

  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    ReidError error = REID_ERROR_INIT;
    struct rlimit cpu = { 20, 20 };
    setrlimit (RLIMIT_CPU, &cpu);
    int answer = try_read (path, &error);
    reid_error_clear (&error);
    int changed = answer == 0 && change ? try_change (path, &error) : 0;
    _exit (changed ? changed : answer);
  }
  waitpid (child, &status, 0);
  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

TEST (damaged_bytes)
{
  const char *dir = scratch_new (), *path = path_in (dir, "bad");
  size_t size = 0;
  uint64_t s = 99;
  int answers[2] = { 0 };
  long rounds =
      getenv ("REID_FUZZ_ROUNDS") ? atol (getenv ("REID_FUZZ_ROUNDS")) : 300;

  REQUIRE (write_good (path_in (dir, "run")));
  char *data = slurp (path_in (dir, "run/episode.h5"), &size);
  char *bad = malloc (size);
  for (long i = 0; i < rounds; i++) {
    memcpy (bad, data, size);
    for (uint64_t k = test_random (&s) % 4; k < 4; k++)
      bad[test_random (&s) % size] = (char) (test_random (&s) >> 13);
    REQUIRE (write_bytes (path, bad, size));
    int answer = read_apart (path, i % 4 == 0);
    CHECK_MSG (answer == 0 || answer == 1, "round %ld: %d", i, answer);
    if (answer == 0 || answer == 1)
      answers[answer]++;
    else if (getenv ("REID_FUZZ_KEEP"))
      write_bytes (path_in (getenv ("REID_FUZZ_KEEP"), "crash"), bad, size);
  }
  CHECK (answers[0] > 0 && answers[1] > 0);
  printf ("# %d read, %d refused\n", answers[0], answers[1]);
  free (bad);
  free (data);
  scratch_remove (dir);
}

TEST_MAIN ()
