/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Killed processes, full disks, directories that cannot be written. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* One second of a stream: 25 frames with three faces each, a shot, a track. */
static bool
add_second (ReidArchive *a, uint64_t i, uint64_t *s, ReidError *error)
{
  ReidChipRow chips[3];
  float embeddings[3 * 32];
  ReidTrackRow track = { .id = (uint32_t) i + 1,
                         .shot = (uint32_t) i,
                         .first = i * 25,
                         .last = i * 25 + 24,
                         .n_detections = 25 };
  ReidShotRow shot = { .first = i * 25, .end = i * 25 + 25 };
  bool ok = true;

  for (uint64_t f = i * 25; ok && f < i * 25 + 25; f++) {
    ReidFrameRow frame = random_frame (s, f);
    ok = reid_archive_add_frames (a, &frame, 1, error);
    for (uint32_t k = 0; ok && k < 3; k++) {
      ReidDetectionRow d = random_detection (s, f, track.id);
      ok = reid_archive_add_detections (a, &d, 1, error);
    }
  }
  for (int k = 0; k < 3; k++)
    chips[k] = random_chip (s, track.id, i * 25 + (uint64_t) k, 60, 50);
  for (int k = 0; k < 3 * 32; k++)
    embeddings[k] = (float) i + (float) k / 256;
  ok = ok && reid_archive_add_shots (a, &shot, 1, error)
       && reid_archive_add_track (a, &track, chips, 3, embeddings, 32, error);
  for (int k = 0; k < 3; k++)
    free ((void *) chips[k].rgb);
  return ok;
}

/* What add_second() wrote, whole seconds only; returns how many. */
static long
count_seconds (const char *path)
{
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *e = reid_episode_read (path, true, &error);
  uint64_t s = 1;
  long n;

  if (!e) {
    printf ("# %s\n", error.message);
    return -1;
  }
  n = (long) e->n_tracks;
  bool ok = e->partial && e->n_frames == (size_t) n * 25
            && e->n_detections == (size_t) n * 75 && e->n_shots == (size_t) n
            && e->n_chips == (size_t) n * 3 && (n == 0 || e->dims == 32);
  for (long i = 0; ok && i < n; i++) {
    for (size_t f = 0; f < 25; f++) {
      ReidFrameRow want = random_frame (&s, (uint64_t) i * 25 + f);
      ok = ok && e->frames[(size_t) i * 25 + f].frame == want.frame
           && e->frames[(size_t) i * 25 + f].n_faces == want.n_faces;
      for (size_t k = 0; k < 3; k++) {
        ReidDetectionRow d = random_detection (&s, want.frame, 0);
        ok = ok && e->detections[((size_t) i * 25 + f) * 3 + k].left == d.left;
      }
    }
    for (int k = 0; k < 3; k++) {
      ReidChipRow c = random_chip (&s, 0, 0, 60, 50);
      const ReidChipRow *have = &e->chips[i * 3 + k];
      ok = ok && have->rgb && memcmp (have->rgb, c.rgb, 60 * 50 * 3) == 0
           && have->total == c.total
           && e->embeddings[(i * 3 + k) * 32] == (float) i + (float) k / 8;
      free ((void *) c.rgb);
    }
  }
  reid_episode_free (e);
  return ok ? n : -2;
}

/* Writes for ever, tells after each flush how many seconds are safe. */
static void
endless (const char *dir, int told)
{
  ReidArchive *a = reid_archive_create (dir, NULL, 0, NULL);
  uint64_t s = 1, pause = (uint64_t) getpid ();

  if (!a)
    _exit (1);
  for (uint64_t i = 0;; i++) {
    int32_t safe = (int32_t) i + 1;
    if (!add_second (a, i, &s, NULL))
      _exit (2);
    if (test_random (&pause) % 3 == 0
        && (!reid_archive_flush (a, NULL)
            || write (told, &safe, sizeof safe) != sizeof safe))
      _exit (3);
  }
}

TEST (a_killed_run_is_readable_up_to_its_last_flush)
{
  uint64_t s = 3;
  long most = 0;

  for (int i = 0; i < 24; i++) {
    const char *dir = scratch_new ();
    int ends[2];
    int32_t safe = 0, number;
    REQUIRE (pipe (ends) == 0);
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
      close (ends[0]);
      endless (dir, ends[1]);
    }
    close (ends[1]);
    /* killed somewhere between two flushes, or in one */
    int flushes = (int) (test_random (&s) % 12) + 1;
    for (int k = 0; k < flushes && read (ends[0], &number, 4) == 4; k++)
      safe = number;
    struct timespec wait = { 0, (long) (test_random (&s) % 4000000) };
    nanosleep (&wait, NULL);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    while (read (ends[0], &number, 4) == 4)
      safe = number;
    close (ends[0]);
    long n = count_seconds (dir);
    CHECK_MSG (n >= safe && n >= 1, "%ld seconds read, %d were flushed", n,
               safe);
    most = n > most ? n : most;
    CHECK (path_exists (path_in (dir, "episode.h5.part"))
           && !path_exists (path_in (dir, "episode.h5")));
    ReidError error = REID_ERROR_INIT;
    if (i % 8 == 0) {
      CHECK_MSG (reid_write_outputs (dir, &error), "%s", error.message);
      char *json = slurp (path_in (dir, "episode.json"), NULL);
      CHECK (json && strstr (json, "\"partial\": true"));
      free (json);
      /* and the next run may have the place */
      ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
      CHECK_MSG (a != NULL, "%s", error.message);
      reid_archive_abandon (a);
    }
    scratch_remove (dir);
  }
  CHECK (most > 3);
}

TEST (an_archive_can_be_read_while_it_is_written)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  uint64_t s = 1;

  REQUIRE_OK (a, error);
  CHECK (count_seconds (dir) == 0);
  for (uint64_t i = 0; i < 9; i++) {
    REQUIRE_OK (add_second (a, i, &s, &error), error);
    CHECK (count_seconds (dir) == (long) (i / 3) * 3);
    if (i % 3 == 2)
      REQUIRE_OK (reid_archive_flush (a, &error), error);
  }
  CHECK (count_seconds (dir) == 9);
  reid_archive_abandon (a);
  CHECK (count_seconds (dir) == 9);
  scratch_remove (dir);
}

TEST (an_archive_that_is_open_when_the_process_ends)
{
  const char *dir = scratch_new ();
  int status = -1;

  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    uint64_t s = 1;
    ReidArchive *a = reid_archive_create (dir, NULL, 0, NULL);
    for (uint64_t i = 0; a && i < 3; i++)
      if (!add_second (a, i, &s, NULL)
          || (i == 1 && !reid_archive_flush (a, NULL)))
        _exit (1);
    exit (0); /* with HDF5's handler */
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  CHECK (count_seconds (dir) == 2);
  scratch_remove (dir);
}

/* ---- Full disks. A limit on the file's size gives EFBIG at the same places
 * where a full disk gives ENOSPC. */

static void
limit_files (rlim_t size)
{
  struct rlimit limit = { size, size };

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
}

#define EXPECT(cond)                                                           \
  do {                                                                         \
    if (!(cond)) {                                                             \
      fprintf (stderr, "# line %d: %s\n", __LINE__, #cond);                    \
      _exit (3);                                                               \
    }                                                                          \
  } while (0)

static void
run_full (const char *dir, rlim_t size, unsigned how)
{
  ReidError error = REID_ERROR_INIT, again = REID_ERROR_INIT;
  uint64_t s = 1, i;

  limit_files (size);
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  if (!a) {
    EXPECT (error.status == REID_ERROR_WRITE);
    exit (10);
  }
  for (i = 0; i < 100000; i++)
    if (!add_second (a, i, &s, &error)
        || (i % 4 == 3 && !reid_archive_flush (a, &error)))
      break;
  EXPECT (i < 100000);
  EXPECT (error.status == REID_ERROR_WRITE);
  EXPECT (strstr (error.message, "File too large"));
  EXPECT (strstr (error.message, dir) && !strchr (error.message, '\n'));
  /* it stays failed, and says the same */
  EXPECT (!reid_archive_flush (a, &again));
  EXPECT (strcmp (again.message, error.message) == 0);
  reid_error_clear (&again);
  if (how == 0)
    reid_archive_abandon (a);
  else if (how == 1)
    EXPECT (!reid_archive_finish (a, NULL, NULL, 0, true, &again)
            && strcmp (again.message, error.message) == 0);
  /* else: left open, for HDF5 to close at exit */
  exit (0);
}

TEST (a_full_disk)
{
  int seen = 0;

  for (rlim_t size = 0; size < 2000000; size += 79757) {
    const char *dir = scratch_new ();
    int status = -1;
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0)
      run_full (dir, size, (unsigned) (size % 3));
    waitpid (child, &status, 0);
    CHECK_MSG (WIFEXITED (status)
                   && (WEXITSTATUS (status) == 0
                       || (size < 50000 && WEXITSTATUS (status) == 10)),
               "limit %lu: status %x", (unsigned long) size, (unsigned) status);
    if (WIFEXITED (status) && WEXITSTATUS (status) == 10) {
      CHECK (!path_exists (path_in (dir, "episode.h5.part")));
    } else {
      long n = count_seconds (dir);
      CHECK_MSG (n >= 0 && n % 4 == 0, "limit %lu: %ld", (unsigned long) size,
                 n);
      seen += n > 0;
    }
    CHECK (!path_exists (path_in (dir, "episode.h5")));
    scratch_remove (dir);
  }
  CHECK (seen > 8);
}

static int
count_entries (const char *dir)
{
  char command[400];
  int n = -1;

  snprintf (command, sizeof command, "ls -A '%s' | wc -l", dir);
  FILE *p = popen (command, "r");
  if (fscanf (p, "%d", &n) != 1)
    n = -1;
  pclose (p);
  return n;
}

TEST (outputs_on_a_full_disk)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  uint64_t s = 1;
  int status, failed = 0;

  REQUIRE_OK (a, error);
  for (uint64_t i = 0; i < 40; i++)
    REQUIRE_OK (add_second (a, i, &s, &error), error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  /* an older output stays as it was */
  REQUIRE_OK (reid_write_file (path_in (dir, "tracks.txt"), "old", 3, &error),
              error);
  int before = count_entries (dir);
  for (rlim_t size = 0; size < 3000; size += 500) {
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
      ReidError e = REID_ERROR_INIT;
      limit_files (size);
      EXPECT (!reid_write_outputs (dir, &e));
      EXPECT (e.status == REID_ERROR_WRITE
              && strstr (e.message, "File too large"));
      exit (0);
    }
    waitpid (child, &status, 0);
    failed += WIFEXITED (status) && WEXITSTATUS (status) == 0;
    CHECK (count_entries (dir) == before);
  }
  CHECK (failed == 6);
  char *old = slurp (path_in (dir, "tracks.txt"), NULL);
  CHECK (old && strcmp (old, "old") == 0);
  free (old);
  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  scratch_remove (dir);
}

TEST (an_earlier_run_outlives_one_that_cannot_begin)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  int status = -1;

  REQUIRE_OK (reid_write_file (path_in (dir, "tracks.txt"), "old", 3, &error),
              error);
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    ReidError e = REID_ERROR_INIT, again = REID_ERROR_INIT;
    limit_files (1000);
    ReidArchive *a = reid_archive_claim (dir, &e);
    EXPECT (a);
    EXPECT (!reid_archive_begin (a, NULL, 0, &e));
    EXPECT (e.status == REID_ERROR_WRITE);
    EXPECT (!reid_archive_begin (a, NULL, 0, &again)
            && strcmp (e.message, again.message) == 0);
    reid_archive_abandon (a);
    exit (0);
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  CHECK (count_entries (dir) == 1 && path_exists (path_in (dir, "tracks.txt")));
  scratch_remove (dir);
}

/* The archive fits, a text does not: everything or nothing. */
TEST (outputs_that_do_not_fit_leave_the_archive_unfinished)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  int status = -1;

  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    ReidError e = REID_ERROR_INIT;
    uint64_t s = 1;
    ReidArchive *a = reid_archive_create (dir, NULL, 0, &e);
    for (uint64_t i = 0; a && i < 4; i++)
      EXPECT (add_second (a, i, &s, &e));
    EXPECT (reid_archive_seal (a, NULL, NULL, 0, false, &e));
    limit_files (3000);
    EXPECT (!reid_outputs_prepare (dir, NULL, NULL, 0, &e));
    EXPECT (e.status == REID_ERROR_WRITE && !strstr (e.message, ".tmp"));
    reid_archive_abandon (a);
    exit (0);
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  CHECK (count_entries (dir) == 1);
  CHECK (path_exists (path_in (dir, "episode.h5.part")));
  /* and what is missing can be made of it later */
  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  ReidEpisode *e = reid_episode_read (dir, false, &error);
  REQUIRE_OK (e, error);
  CHECK (!e->partial && e->n_tracks == 4);
  reid_episode_free (e);
  scratch_remove (dir);
}

TEST (relabelling_on_a_full_disk_changes_nothing)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  uint32_t ids[600], people[600];
  uint64_t s = 1;
  int status;
  struct stat st;

  REQUIRE_OK (a, error);
  for (uint32_t i = 0; i < 600; i++) {
    ReidTrackRow t = { .id = i + 1, .n_detections = 1 };
    ids[i] = i + 1;
    people[i] = 1 + (uint32_t) (test_random (&s) % 50);
    REQUIRE_OK (reid_archive_add_track (a, &t, NULL, 0, NULL, 0, &error),
                error);
  }
  REQUIRE_OK (reid_archive_finish (a, ids, people, 600, false, &error), error);
  stat (path_in (dir, "episode.h5"), &st);
  char *before = slurp (path_in (dir, "episode.h5"), NULL);
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    ReidError e = REID_ERROR_INIT;
    for (int i = 0; i < 600; i++)
      people[i] = 77 + (uint32_t) i;
    limit_files ((rlim_t) st.st_size);
    EXPECT (!reid_archive_relabel (dir, ids, people, 600, NULL, 0, &e));
    EXPECT (e.status == REID_ERROR_WRITE);
    free (before);
    exit (0);
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  size_t n = 0;
  char *after = slurp (path_in (dir, "episode.h5"), &n);
  CHECK (n == (size_t) st.st_size && memcmp (before, after, n) == 0);
  free (before);
  free (after);
  scratch_remove (dir);
}

/* ---- Places */

TEST (a_place_that_cannot_be_written)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  int status = -1;

  REQUIRE_OK (reid_write_file (path_in (dir, "file"), "x", 1, &error), error);
  CHECK (!reid_archive_create (path_in (dir, "file"), NULL, 0, &error));
  CHECK (error.status == REID_ERROR_WRITE && strstr (error.message, dir));
  reid_error_clear (&error);
  CHECK (!reid_archive_create (path_in (dir, "file/below"), NULL, 0, &error));
  CHECK (error.status == REID_ERROR_WRITE && strstr (error.message, dir));
  reid_error_clear (&error);
  CHECK (!reid_archive_create ("", NULL, 0, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  reid_error_clear (&error);
  CHECK (!reid_archive_create (NULL, NULL, 0, &error));
  reid_error_clear (&error);
  CHECK (!reid_write_file (path_in (dir, "none/file"), "x", 1, &error));
  CHECK (error.status == REID_ERROR_WRITE && strstr (error.message, "none"));

  mkdir (path_in (dir, "locked"), 0555);
  chmod (dir, 0755);
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    ReidError e = REID_ERROR_INIT;
    if (getuid () == 0 && setuid (65534) != 0)
      exit (0);
    EXPECT (!reid_archive_create (path_in (dir, "locked"), NULL, 0, &e));
    EXPECT (e.status == REID_ERROR_WRITE
            && strstr (e.message, "Permission denied"));
    reid_error_clear (&e);
    EXPECT (!reid_archive_create (path_in (dir, "locked/below"), NULL, 0, &e));
    EXPECT (e.status == REID_ERROR_WRITE
            && strstr (e.message, "Permission denied"));
    exit (0);
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  scratch_remove (dir);
}

/* ---- HDF5 belongs to the application, too */

static herr_t
own_handler (hid_t stack, void *user)
{
  ++*(int *) user;
  return 0;
}

TEST (the_applications_error_handler_stays)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  int calls = 0;
  H5E_auto2_t func = NULL;
  void *data = NULL;

  H5Eset_auto2 (H5E_DEFAULT, own_handler, &calls);
  REQUIRE_OK (reid_write_file (path_in (dir, "episode.h5"), "junk", 4, &error),
              error);
  CHECK (!reid_episode_read (dir, false, &error));
  CHECK (error.status == REID_ERROR_FORMAT && !strchr (error.message, '\n'));
  reid_error_clear (&error);
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  CHECK (calls == 0);
  H5Eget_auto2 (H5E_DEFAULT, &func, &data);
  CHECK (func == own_handler && data == &calls);
  CHECK (H5Fopen ("/none/such", H5F_ACC_RDONLY, H5P_DEFAULT) < 0);
  CHECK (calls == 1);
  /* and its identifiers survive ours */
  H5close ();
  a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  scratch_remove (dir);
}

static void *
run_thread (void *user)
{
  uint64_t s = 1;
  ReidArchive *a = reid_archive_create (user, NULL, 0, NULL);

  for (uint64_t i = 0; a && i < 30; i++)
    if (!add_second (a, i, &s, NULL)
        || (i % 5 == 0 && !reid_archive_flush (a, NULL)))
      return (void *) "failed";
  reid_archive_abandon (a);
  return count_seconds (user) == 30 ? NULL : (void *) "wrong";
}

TEST (archives_in_several_threads)
{
  pthread_t threads[4];
  const char *dirs[4];
  void *answer;

  for (int i = 0; i < 4; i++) {
    dirs[i] = scratch_new ();
    pthread_create (&threads[i], NULL, run_thread, (void *) dirs[i]);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join (threads[i], &answer);
    CHECK_MSG (!answer, "%s", (const char *) answer);
    scratch_remove (dirs[i]);
  }
}

TEST_MAIN ()
