/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of vectors: added to a closed archive, chosen, dropped; with the process
 * dying, or the disk ending, at every single call that changes a file. */
#include "fixture.h"

#include <hdf5.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Calls left before the process dies. Negative: never. In place of the C
 * library's, for the archive that is linked in. */
static long calls_left = -1;

static void
count_call (void)
{
  if (calls_left == 0)
    _exit (77);
  if (calls_left > 0)
    calls_left--;
}

REID_API ssize_t
pwrite (int fd, const void *data, size_t size, off_t at)
{
  /* dies halfway as well: half of the bytes are there */
  if (calls_left == 0 && size > 1)
    syscall (SYS_pwrite64, fd, data, size / 2, at);
  count_call ();
  return syscall (SYS_pwrite64, fd, data, size, at);
}

REID_API int
ftruncate (int fd, off_t size)
{
  count_call ();
  return (int) syscall (SYS_ftruncate, fd, size);
}

REID_API int
fdatasync (int fd)
{
  count_call ();
  return 0;
}

REID_API int
rename (const char *from, const char *to)
{
  count_call ();
  return (int) syscall (SYS_rename, from, to);
}

#define N_TRACKS 12
#define CHIPS 3 /* a track */
#define N_CHIPS (N_TRACKS * CHIPS)
#define DIMS 7

static void
fill_vectors (uint64_t seed, int n, float *v)
{
  for (int i = 0; i < n; i++)
    v[i] = (float) test_uniform (&seed) - .5f;
}

static bool
write_archive (const char *dir, bool seal_only)
{
  const ReidAttribute notes[] = { { "embedder", "first/net" },
                                  { "reidcluster.embedder", "first/net" } };
  ReidArchive *a = reid_archive_create (dir, notes, 2, NULL);
  uint32_t ids[N_TRACKS], people[N_TRACKS];
  float vectors[N_CHIPS * DIMS];
  uint64_t s = 1;
  bool ok = a != NULL;

  fill_vectors (1, N_CHIPS * DIMS, vectors);
  ok = ok && reid_archive_set_embedding_attribute (a, "version", "old", NULL)
       && reid_archive_set_embedding_attribute (a, "version", "aa11", NULL)
       && reid_archive_set_embedding_attribute (a, "weights", "1,2", NULL)
       && reid_archive_set_embedding_attribute (a, "threshold", "0.5", NULL)
       && reid_archive_set_embedding_attribute (a, "weights", "", NULL)
       && reid_archive_set_embedding_attribute (a, "layers", "", NULL)
       && reid_archive_set_embedding_attribute (a, "licence", "MIT", NULL);
  for (uint32_t t = 0; ok && t < N_TRACKS; t++) {
    ReidTrackRow track = { .id = t + 1, .shot = REID_NO_SHOT };
    ReidChipRow chips[CHIPS];
    for (int k = 0; k < CHIPS; k++) {
      chips[k] = random_chip (&s, t + 1, t, 20 + k, 30);
      if (t == 5 && k == 1) { /* pixels that were not kept */
        free ((void *) chips[k].rgb);
        chips[k].rgb = NULL;
      }
    }
    ok = reid_archive_add_track (a, &track, chips, CHIPS,
                                 vectors + t * CHIPS * DIMS, DIMS, NULL);
    for (int k = 0; k < CHIPS; k++)
      free ((void *) chips[k].rgb);
    ids[t] = t + 1;
    people[t] = 1 + t % 4;
  }
  /* what comes late goes beside the vectors, too */
  ok = ok && reid_archive_set_embedding_attribute (a, "backend", "any", NULL)
       && reid_archive_set_embedding_attribute (a, "licence", "", NULL)
       && reid_archive_set_embedding_attribute (a, "layers", "", NULL);
  if (seal_only) {
    reid_archive_abandon (a);
    return ok;
  }
  return ok && reid_archive_finish (a, ids, people, N_TRACKS, false, NULL);
}

/* Rows in pieces of `piece`. */
static bool
add_set (const char *dir, const char *name, int dims, uint64_t seed, int piece,
         bool use, ReidError *error)
{
  const ReidAttribute about[] = { { "version", name }, { "models", "?" } };
  const ReidAttribute embedder = { "embedder", name };
  float *v = malloc (sizeof *v * (size_t) (N_CHIPS * dims));
  ReidAddition *a = reid_addition_open (dir, error);
  bool ok = a && reid_addition_begin (a, name, dims, about, 2, error);

  fill_vectors (seed, N_CHIPS * dims, v);
  for (int i = 0; ok && i < N_CHIPS; i += piece)
    ok = reid_addition_add (
        a, v + i * dims, (size_t) (piece < N_CHIPS - i ? piece : N_CHIPS - i),
        error);
  free (v);
  ok = ok && reid_addition_attribute (a, "models", "m", error)
       && reid_addition_attribute (a, "backend", "b", error);
  if (ok)
    return reid_addition_finish (a, &embedder, use ? 1 : 0, error);
  reid_addition_abandon (a);
  return false;
}

/* The vectors of this set are these, and nothing else has suffered. */
static bool
holds_set (const char *dir, const char *name, int dims, uint64_t seed)
{
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e = reid_episode_read_set (dir, true, name, &error);
  float *v = malloc (sizeof *v * (size_t) (N_CHIPS * dims));

  fill_vectors (seed, N_CHIPS * dims, v);
  bool ok =
      e && e->n_chips == N_CHIPS && e->n_tracks == N_TRACKS && e->dims == dims
      && e->set >= 0
      && memcmp (v, e->embeddings, sizeof *v * (size_t) (N_CHIPS * dims)) == 0;
  if (!ok)
    printf ("# %s: %s\n", name, error.message);
  free (v);
  reid_episode_free (e);
  return ok;
}

static int
n_sets (const char *dir)
{
  ReidEpisode *e = reid_episode_read_tables (dir, NULL);
  int n = e ? (int) e->n_sets : -1;

  reid_episode_free (e);
  return n;
}

static long
size_of (const char *path)
{
  struct stat st;
  return stat (path, &st) == 0 ? (long) st.st_size : -1;
}

TEST (a_set_beside_another)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  REQUIRE (write_archive (dir, false));
  REQUIRE_OK (add_set (dir, "second", 5, 2, 1, false, &error), error);
  REQUIRE_OK (add_set (path_in (dir, "episode.h5"), "third/net", 600, 3, 7,
                       false, &error),
              error);
  ReidEpisode *e = reid_episode_read (dir, false, &error);
  REQUIRE_OK (e, error);
  REQUIRE (e->n_sets == 3 && e->set == 0 && e->dims == DIMS);
  CHECK (strcmp (e->sets[0].name, "first_net") == 0 && e->sets[0].current
         && e->sets[0].dims == DIMS);
  CHECK (strcmp (e->sets[1].name, "second") == 0 && !e->sets[1].current
         && e->sets[1].dims == 5);
  CHECK (strcmp (e->sets[2].name, "third_net") == 0 && !e->sets[2].current
         && e->sets[2].dims == 600);
  const char *version = reid_embedding_attribute (&e->sets[0], "version");
  CHECK (version && strcmp (version, "aa11") == 0);
  CHECK (reid_embedding_attribute (&e->sets[0], "threshold")
         && reid_embedding_attribute (&e->sets[0], "backend"));
  CHECK (!reid_embedding_attribute (&e->sets[0], "weights")
         && !reid_embedding_attribute (&e->sets[0], "layers")
         && !reid_embedding_attribute (&e->sets[0], "licence"));
  version = reid_embedding_attribute (&e->sets[1], "version");
  CHECK (version && strcmp (version, "second") == 0);
  CHECK (!reid_embedding_attribute (&e->sets[1], "threshold"));
  CHECK (reid_embedding_attribute (&e->sets[1], "software"));
  /* what was said after its rows */
  const char *models = reid_embedding_attribute (&e->sets[1], "models");
  const char *backend = reid_embedding_attribute (&e->sets[1], "backend");
  CHECK (models && strcmp (models, "m") == 0);
  CHECK (backend && strcmp (backend, "b") == 0);
  /* names as people type them */
  CHECK (reid_embedding_find (e, "Third/NET") == &e->sets[2]);
  CHECK (!reid_embedding_find (e, "fourth"));
  reid_episode_free (e);
  CHECK (holds_set (dir, NULL, DIMS, 1) && holds_set (dir, "SECOND", 5, 2)
         && holds_set (dir, "third/net", 600, 3));
  CHECK (!reid_episode_read_set (dir, false, "fourth", &error));
  CHECK (error.status == REID_ERROR_ARGUMENT
         && strstr (error.message, "first_net, second, third_net"));
  reid_error_clear (&error);
  /* two that differ in capitals are told apart by them, and only by them */
  REQUIRE_OK (add_set (dir, "SeconD", 4, 4, 36, true, &error), error);
  CHECK (holds_set (dir, NULL, 4, 4) && holds_set (dir, "second", 5, 2)
         && holds_set (dir, "SeconD", 4, 4));
  CHECK (!reid_episode_read_set (dir, false, "SECOND", NULL));
  scratch_remove (dir);
}

TEST (what_a_killed_run_left_takes_sets_too)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  REQUIRE (write_archive (dir, true));
  REQUIRE (path_exists (path_in (dir, "episode.h5.part")));
  REQUIRE_OK (add_set (dir, "second", 5, 2, 8, true, &error), error);
  CHECK (holds_set (dir, "first/net", DIMS, 1) && holds_set (dir, NULL, 5, 2));
  REQUIRE_OK (reid_archive_drop_embeddings (dir, "first/net", &error), error);
  CHECK (n_sets (dir) == 1 && holds_set (dir, NULL, 5, 2));
  CHECK (!path_exists (path_in (dir, "episode.h5")));
  /* and a run may have the place */
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  /* whose archive is its own meanwhile */
  CHECK (!reid_addition_open (dir, &error));
  CHECK (error.status == REID_ERROR_WRITE
         && strstr (error.message, "another program"));
  reid_error_clear (&error);
  CHECK (!reid_archive_drop_embeddings (dir, "second", &error));
  CHECK (error.status == REID_ERROR_WRITE);
  reid_error_clear (&error);
  CHECK (!reid_archive_put (dir, NULL, 0, &error));
  CHECK (error.status == REID_ERROR_WRITE);
  reid_archive_abandon (a);
  scratch_remove (dir);
}

static bool
add_projected_set (const char *dir, const char *name, const char *first,
                   const char *second)
{
  char both[16];
  const ReidAttribute about = { "projection", both };
  const float numbers[6] = { 1, 2, 3, 4, 5, 6 };
  float v[N_CHIPS * 2];
  ReidAddition *a = reid_addition_open (dir, NULL);

  snprintf (both, sizeof both, "%s,%s", first, second);
  fill_vectors (3, N_CHIPS * 2, v);
  if (a && reid_addition_begin (a, name, 2, &about, 1, NULL)
      && reid_addition_add (a, v, N_CHIPS, NULL)
      && reid_addition_add_projection (a, first, 3, 2, numbers, NULL)
      && reid_addition_add_projection (a, second, 3, 2, numbers, NULL))
    return reid_addition_finish (a, NULL, 0, NULL);
  reid_addition_abandon (a);
  return false;
}

static bool
has_projection (const char *dir, const char *name)
{
  char path[64];
  hid_t file =
      H5Fopen (path_in (dir, "episode.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);

  snprintf (path, sizeof path, "projections/%s", name);
  bool there = file >= 0 && H5Lexists (file, path, H5P_DEFAULT) > 0;
  if (file >= 0)
    H5Fclose (file);
  return there;
}

TEST (projections_go_with_the_last_vectors_made_with_them)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  REQUIRE (write_archive (dir, false));
  REQUIRE (add_projected_set (dir, "second", "aa", "bb")
           && add_projected_set (dir, "third", "bb", "cc"));
  REQUIRE_OK (reid_archive_drop_embeddings (dir, "second", &error), error);
  CHECK (!has_projection (dir, "aa") && has_projection (dir, "bb")
         && has_projection (dir, "cc"));
  REQUIRE_OK (reid_archive_drop_embeddings (dir, "third", &error), error);
  CHECK (!has_projection (dir, "bb") && !has_projection (dir, "cc"));
  CHECK (n_sets (dir) == 1 && holds_set (dir, NULL, DIMS, 1));
  scratch_remove (dir);
}

TEST (pixels_for_those_who_make_vectors)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  size_t n = 0;

  REQUIRE (write_archive (dir, false));
  ReidEpisode *e = reid_episode_read (dir, true, &error);
  REQUIRE_OK (e, error);
  ReidAddition *a = reid_addition_open (dir, &error);
  REQUIRE_OK (a, error);
  const ReidEpisode *plain = reid_addition_episode (a);
  CHECK (plain->n_chips == N_CHIPS && !plain->embeddings && plain->n_sets == 1);
  for (size_t i = 0; i < N_CHIPS; i++) {
    const ReidChipRow *c = &plain->chips[i];
    uint8_t *rgb = reid_addition_pixels (a, i, &error);
    REQUIRE_OK (error.status == REID_OK, error);
    CHECK ((rgb != NULL) == (e->chips[i].rgb != NULL));
    if (rgb)
      n += memcmp (rgb, e->chips[i].rgb, 3u * c->width * c->height) == 0;
    free (rgb);
  }
  CHECK (n == N_CHIPS - 1);
  reid_addition_abandon (a);
  reid_episode_free (e);
  scratch_remove (dir);
}

TEST (what_does_not_fit_is_refused)
{
  const char *dir = scratch_new (), *file = path_in (dir, "episode.h5");
  static const char *const names[] = { "", "a\nb", "\xff", NULL };
  static const ReidAttribute bad[] = { { "embedder", "nobody" } };
  float v[DIMS * 2] = { 1 };
  ReidError error = REID_ERROR_INIT;
  size_t size = 0, again = 0;

  REQUIRE (write_archive (dir, false));
  char *before = slurp (file, &size);
  for (int i = 0; i < 4; i++) {
    ReidAddition *a = reid_addition_open (dir, &error);
    REQUIRE_OK (a, error);
    /* one at a time */
    CHECK (!reid_addition_open (dir, &error)
           && error.status == REID_ERROR_WRITE);
    reid_error_clear (&error);
    CHECK (!reid_addition_begin (a, names[i], 3, NULL, 0, &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
    CHECK (!reid_addition_begin (a, "x", i & 1 ? 0 : 65537, NULL, 0, &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
    CHECK (!reid_addition_add (a, v, 1, NULL));
    CHECK (!reid_addition_add_projection (a, "a/b", 1, 2, v, NULL)
           && !reid_addition_add_projection (a, "ab", 0, 2, v, NULL)
           && reid_addition_add_projection (a, "ab", 3, 2, v, NULL)
           && reid_addition_add_projection (a, "ab", 3, 2, v, NULL));
    if (i < 2)
      reid_addition_abandon (a);
    else
      CHECK (!reid_addition_finish (a, NULL, 0, NULL));
  }
  for (int i = 0; i < 5; i++) {
    ReidAddition *a = reid_addition_open (dir, &error);
    REQUIRE_OK (a, error);
    if (i == 0) {
      CHECK (!reid_addition_begin (a, "first/net", 3, NULL, 0, &error));
      CHECK (strstr (error.message, "already holds")
             && strstr (error.message, dir));
      reid_error_clear (&error);
      reid_addition_abandon (a);
      continue;
    }
    REQUIRE_OK (reid_addition_begin (a, "second", 2, NULL, 0, &error), error);
    CHECK (!reid_addition_begin (a, "third", 2, NULL, 0, NULL));
    if (i == 1) {
      v[3] = NAN;
      CHECK (!reid_addition_add (a, v, 2, &error));
      CHECK (strstr (error.message, "chip 1"));
      v[3] = 0;
    } else if (i == 2) { /* too many */
      CHECK (reid_addition_add (a, v, 7, NULL));
      CHECK (!reid_addition_add (a, v, N_CHIPS - 6, &error));
    } else if (i == 3) { /* too few */
      CHECK (reid_addition_add (a, v, 7, NULL));
      CHECK (!reid_addition_finish (a, NULL, 0, &error));
    } else { /* an embedder that is not there */
      for (int k = 0; k < N_CHIPS; k++)
        CHECK (reid_addition_add (a, v, 1, NULL));
      CHECK (!reid_addition_finish (a, bad, 1, &error));
      CHECK (strstr (error.message, "nobody"));
    }
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
    if (i < 3)
      reid_addition_abandon (a);
  }
  CHECK (!reid_archive_put (dir, bad, 1, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT && strstr (error.message, dir));
  reid_error_clear (&error);
  CHECK (!reid_archive_relabel (dir, NULL, NULL, 0, bad, 1, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  reid_error_clear (&error);
  CHECK (!reid_archive_drop_embeddings (dir, "first/net", &error));
  CHECK (error.status == REID_ERROR_ARGUMENT
         && strstr (error.message, "current"));
  reid_error_clear (&error);
  CHECK (!reid_archive_drop_embeddings (dir, "nobody", &error));
  CHECK (error.status == REID_ERROR_ARGUMENT
         && strstr (error.message, "first_net"));
  char *after = slurp (file, &again);
  CHECK (size == again && memcmp (before, after, size) == 0);
  free (before);
  free (after);
  scratch_remove (dir);
}

/* What others have put into the file is copied with the rest. */
TEST (a_set_goes_and_its_space_comes_back)
{
  const char *dir = scratch_new (), *file = path_in (dir, "episode.h5");
  const ReidAttribute second = { "embedder", "second" };
  ReidError error = REID_ERROR_INIT;

  REQUIRE (write_archive (dir, false));
  REQUIRE_OK (add_set (dir, "second", 5, 2, 6, false, &error), error);
  long small = size_of (file);
  REQUIRE_OK (add_set (dir, "third", 3000, 3, 36, false, &error), error);
  CHECK (size_of (file) >= small + 3000 * 4 * N_CHIPS);
  REQUIRE (chmod (file, 0640) == 0);
  hid_t f = H5Fopen (file, H5F_ACC_RDWR, H5P_DEFAULT);
  hid_t space = H5Screate (H5S_SCALAR), text = H5Tcopy (H5T_C_S1);
  const char *word = "word";
  H5Tset_size (text, H5T_VARIABLE);
  hid_t a = H5Acreate2 (f, "mine", text, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite (a, text, &word);
  H5Aclose (a);
  H5Sclose (space);
  H5Gclose (H5Gcreate2 (f, "notes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Lcreate_soft ("/tracks", f, "other", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose (f);

  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  char *json = slurp (path_in (dir, "episode.json"), NULL);
  REQUIRE_OK (reid_archive_put (dir, &second, 1, &error), error);
  REQUIRE_OK (reid_archive_drop_embeddings (dir, "third", &error), error);
  REQUIRE_OK (reid_archive_drop_embeddings (dir, "first/net", &error), error);
  CHECK (size_of (file) < small + 8192);
  CHECK (n_sets (dir) == 1 && holds_set (dir, NULL, 5, 2));
  struct stat st;
  CHECK (stat (file, &st) == 0 && (st.st_mode & 0777) == 0640);
  f = H5Fopen (file, H5F_ACC_RDONLY, H5P_DEFAULT);
  REQUIRE (f >= 0);
  CHECK (H5Lexists (f, "notes", H5P_DEFAULT) > 0
         && H5Lexists (f, "other", H5P_DEFAULT) > 0);
  a = H5Aopen (f, "mine", H5P_DEFAULT);
  char *back = NULL;
  CHECK (a >= 0 && H5Aread (a, text, &back) >= 0 && back
         && strcmp (back, "word") == 0);
  H5free_memory (back);
  H5Aclose (a);
  H5Tclose (text);
  H5Fclose (f);
  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  char *now = slurp (path_in (dir, "episode.json"), NULL);
  CHECK (json && now && strcmp (json, now) == 0);
  free (json);
  free (now);
  /* it grows again as if nothing had been */
  REQUIRE_OK (add_set (dir, "first/net", DIMS, 1, 5, true, &error), error);
  CHECK (holds_set (dir, NULL, DIMS, 1) && holds_set (dir, "second", 5, 2));
  scratch_remove (dir);
}

TEST (a_link_to_an_archive_stays_one)
{
  const char *dir = scratch_new (), *other = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  struct stat st;

  REQUIRE (write_archive (dir, false));
  REQUIRE (symlink (path_in (dir, "episode.h5"), path_in (other, "episode.h5"))
           == 0);
  REQUIRE_OK (add_set (other, "second", 5, 2, 6, true, &error), error);
  REQUIRE_OK (reid_archive_drop_embeddings (other, "first_net", &error), error);
  CHECK (lstat (path_in (other, "episode.h5"), &st) == 0
         && S_ISLNK (st.st_mode));
  CHECK (n_sets (dir) == 1 && holds_set (dir, NULL, 5, 2));
  scratch_remove (dir);
  scratch_remove (other);
}

/* ---- Dying, and full disks */

enum { ADD, DROP, USE, N_CHANGES };

static bool
change (const char *dir, int what, ReidError *error)
{
  const ReidAttribute second = { "embedder", "second" };

  switch (what) {
    case ADD:
      return add_set (dir, "third", 300, 3, 5, true, error);
    case USE:
      return reid_archive_put (dir, &second, 1, error);
    default:
      return reid_archive_drop_embeddings (dir, "second", error);
  }
}

/* 0: as before, 1: changed, -1: neither. */
static int
state_of (const char *dir, int what)
{
  ReidEpisode *e = reid_episode_read (dir, true, NULL);
  int state = -1, n = e ? (int) e->n_sets : -1, set = e ? e->set : -1;

  reid_episode_free (e);
  if (!holds_set (dir, "first/net", DIMS, 1))
    return -1;
  if (what == ADD)
    state = n == 3 && set == 2 && holds_set (dir, "third", 300, 3) ? 1
            : n == 2 && set == 0                                   ? 0
                                                                   : -1;
  else if (what == USE)
    state = n == 2 && set >= 0 ? set : -1;
  else
    state = n == 1 ? 1 : n == 2 ? 0 : -1;
  if (n > 1 && !holds_set (dir, "second", 5, 2))
    return -1;
  return state;
}

static bool
copy_file (const char *from, const char *to)
{
  size_t size = 0;
  char *data = slurp (from, &size);
  FILE *f = fopen (to, "wb");
  bool ok = data && f && fwrite (data, 1, size, f) == size;

  free (data);
  return f && fclose (f) == 0 && ok;
}

TEST (dying_at_any_call_changes_all_or_nothing)
{
  const char *dir = scratch_new (), *good = path_in (dir, "good");
  ReidError error = REID_ERROR_INIT;
  long clean[N_CHANGES];

  REQUIRE (write_archive (dir, false));
  REQUIRE_OK (add_set (dir, "second", 5, 2, 9, false, &error), error);
  REQUIRE (copy_file (path_in (dir, "episode.h5"), good));
  for (int what = 0; what < N_CHANGES; what++) {
    const char *run = scratch_new ();
    REQUIRE (copy_file (good, path_in (run, "episode.h5")));
    REQUIRE_OK (change (run, what, &error), error);
    clean[what] = size_of (path_in (run, "episode.h5"));
    scratch_remove (run);
  }
  for (int what = 0; what < N_CHANGES; what++) {
    int seen[2] = { 0 }, done = 0;
    for (long n = 0; !done && n < 1000; n++) {
      const char *run = scratch_new (), *file = path_in (run, "episode.h5");
      int status = -1;
      REQUIRE (copy_file (good, file));
      fflush (stdout);
      pid_t child = fork ();
      if (child == 0) {
        calls_left = n;
        _exit (change (run, what, NULL) ? 0 : 3);
      }
      waitpid (child, &status, 0);
      done = WIFEXITED (status) && WEXITSTATUS (status) == 0;
      CHECK_MSG (done || (WIFEXITED (status) && WEXITSTATUS (status) == 77),
                 "change %d, call %ld: status %x", what, n, (unsigned) status);
      int state = state_of (run, what);
      CHECK_MSG (state >= (done ? 1 : 0), "change %d, call %ld: %d", what, n,
                 state);
      seen[state > 0]++;
      /* and what was left behind is in nobody's way */
      if (state == 0) {
        CHECK_MSG (change (run, what, &error), "change %d, call %ld: %s", what,
                   n, error.message);
        CHECK_MSG (state_of (run, what) == 1, "change %d, call %ld", what, n);
        CHECK_MSG (size_of (file) == clean[what],
                   "change %d, call %ld: %ld, not %ld bytes", what, n,
                   size_of (file), clean[what]);
      }
      scratch_remove (run);
    }
    CHECK (done && seen[0] > 4 && seen[1] > 0);
  }
  scratch_remove (dir);
}

TEST (a_full_disk_changes_nothing)
{
  const char *dir = scratch_new (), *file = path_in (dir, "episode.h5");
  ReidError error = REID_ERROR_INIT;
  size_t size = 0, again = 0;
  int refused = 0;

  REQUIRE (write_archive (dir, false));
  REQUIRE_OK (add_set (dir, "second", 5, 2, 9, false, &error), error);
  char *before = slurp (file, &size);
  for (int what = 0; what < N_CHANGES; what++)
    for (rlim_t more = 0; more < 40000; more += 9973) {
      int status = -1;
      fflush (stdout);
      pid_t child = fork ();
      if (child == 0) {
        struct rlimit limit = { what == DROP ? more : size + more,
                                RLIM_INFINITY };
        ReidError e = REID_ERROR_INIT;
        signal (SIGXFSZ, SIG_IGN);
        setrlimit (RLIMIT_FSIZE, &limit);
        _exit (change (dir, what, &e) ? 0
               : e.status == REID_ERROR_WRITE
                       && strstr (e.message, "File too large")
                       && strstr (e.message, "nothing has changed")
                       && strstr (e.message, file)
                   ? 10
                   : 3);
      }
      waitpid (child, &status, 0);
      REQUIRE (WIFEXITED (status) && WEXITSTATUS (status) != 3);
      if (WEXITSTATUS (status) == 0) {
        CHECK (what == USE && more > 0);
        break;
      }
      refused++;
      char *after = slurp (file, &again);
      CHECK_MSG (size == again && memcmp (before, after, size) == 0,
                 "change %d with %lu bytes", what, (unsigned long) more);
      free (after);
    }
  CHECK (refused > 8);
  free (before);
  scratch_remove (dir);
}

TEST_MAIN ()
