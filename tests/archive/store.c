/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file under the archive, with the process dying at every single system
 * call that changes the file. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

/* Calls left before the process dies (or, with `fail_with` set, before calls
 * begin to fail). Negative: never. */
static long calls_left = -1;
static int fail_with;

static bool
next_call_fails (void)
{
  if (calls_left < 0)
    return false;
  if (calls_left > 0) {
    calls_left--;
    return false;
  }
  if (!fail_with)
    _exit (77);
  errno = fail_with;
  return true;
}

static ssize_t
counted_pwrite (int fd, const void *data, size_t size, off_t at)
{
  /* Dies or fails halfway as well: half of the bytes are there. */
  if (calls_left == 0 && size > 1
      && pwrite (fd, data, size / 2, at) != (ssize_t) (size / 2))
    perror ("pwrite");
  return next_call_fails () ? -1 : pwrite (fd, data, size, at);
}

static int
counted_ftruncate (int fd, off_t size)
{
  return next_call_fails () ? -1 : ftruncate (fd, size);
}

static int
counted_fdatasync (int fd)
{
  return next_call_fails () ? -1 : 0;
}

#define pwrite counted_pwrite
#define ftruncate counted_ftruncate
#define fdatasync counted_fdatasync
#define fsync counted_fdatasync
#include "../../kernels/archive/store.c"
#undef pwrite
#undef ftruncate
#undef fdatasync
#undef fsync

#define SIZE 40000 /* of each state's content */

static uint8_t
byte_of (int state, uint64_t at)
{
  return (uint8_t) (at * 31 + (at >> 9) + (uint64_t) state * 101 + 1);
}

static ReidStore *
open_store (const char *path, bool writable)
{
  ReidError error = REID_ERROR_INIT;
  int fd = open (path, writable ? O_RDWR | O_CREAT : O_RDONLY, 0666);
  ReidStore *store =
      fd >= 0 ? reid_store_new (fd, path, writable, &error) : NULL;

  if (!store && fd >= 0)
    close (fd);
  return store;
}

/* State s holds SIZE + s * 5000 bytes, all of them others than in the state
 * before. Written in pieces that straddle pages. */
static bool
write_state (ReidStore *store, int state)
{
  uint64_t n = SIZE + (uint64_t) state * 5000;
  uint8_t piece[977];

  for (uint64_t at = 0; at < n; at += sizeof piece) {
    size_t size = n - at < sizeof piece ? (size_t) (n - at) : sizeof piece;
    for (size_t i = 0; i < size; i++)
      piece[i] = byte_of (state, at + i);
    if (!reid_store_write (store, at, piece, size))
      return false;
  }
  return true;
}

static bool
holds_state (ReidStore *store, int state)
{
  uint64_t n = SIZE + (uint64_t) state * 5000;
  uint8_t *data = malloc (n);
  bool ok = reid_store_end (store) >= n && reid_store_read (store, 0, data, n);

  for (uint64_t i = 0; ok && i < n; i++)
    ok = data[i] == byte_of (state, i);
  free (data);
  return ok;
}

static int
state_of (const char *path, bool writable)
{
  ReidStore *store = open_store (path, writable);
  int state = -1;

  for (int s = 0; store && s < 4 && state < 0; s++)
    if (holds_state (store, s))
      state = s;
  reid_store_free (store);
  return state;
}

/* Writes the states 0 to 3, committing each; tells through the pipe which
 * commits have returned. */
static void
work (const char *path, int told)
{
  ReidStore *store = open_store (path, true);

  for (int s = 0; s < 4; s++) {
    uint8_t done = (uint8_t) s;
    if (!write_state (store, s) || !reid_store_commit (store, NULL))
      _exit (1);
    if (write (told, &done, 1) != 1)
      _exit (2);
  }
  if (!reid_store_seal (store, NULL))
    _exit (3);
  reid_store_free (store);
  _exit (0);
}

/* Exit status of the child; *told = last commit that had returned, or -1. */
static int
run_child (const char *path, long calls, int *told)
{
  int ends[2], status = -1;
  uint8_t byte;

  *told = -1;
  if (pipe (ends) != 0)
    return -1;
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    close (ends[0]);
    calls_left = calls;
    work (path, ends[1]);
  }
  close (ends[1]);
  while (read (ends[0], &byte, 1) == 1)
    *told = byte;
  close (ends[0]);
  waitpid (child, &status, 0);
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

TEST (dying_at_any_call_leaves_a_whole_state)
{
  const char *dir = scratch_new (), *path = path_in (dir, "file");
  int status = 77, with_journal = 0;
  long calls;

  for (calls = 0; status == 77 && calls < 100000; calls++) {
    int told, plain, repaired;
    struct stat st;
    unlink (path);
    status = run_child (path, calls, &told);
    REQUIRE (status == 77 || status == 0);
    plain = state_of (path, false);
    stat (path, &st);
    /* The commit under way when it died may have come through. */
    CHECK_MSG (told < 0 || plain == told || plain == told + 1,
               "after %ld calls: state %d, %d was told", calls, plain, told);
    repaired = state_of (path, true);
    CHECK_MSG (repaired == plain, "after %ld calls: %d, then %d", calls, plain,
               repaired);
    CHECK (state_of (path, false) == plain);
    struct stat after;
    stat (path, &after);
    with_journal += after.st_size + 20000 < st.st_size;
  }
  CHECK (status == 0);
  CHECK (calls > 100);
  CHECK (with_journal > 10);
  CHECK (state_of (path, false) == 3);
  scratch_remove (dir);
}

TEST (dying_while_a_journal_is_put_into_place_again)
{
  const char *dir = scratch_new (), *path = path_in (dir, "file");
  int told, status, seen = 0;

  for (long calls = 0; calls < 2000 && seen < 3; calls++) {
    unlink (path);
    if (run_child (path, calls, &told) != 77)
      break;
    int state = state_of (path, false);
    struct stat before;
    stat (path, &before);
    char *kept = slurp (path, NULL);
    /* Only those that died with a whole journal behind the file. */
    if (told < 0 || state != told + 1) {
      free (kept);
      continue;
    }
    seen++;
    for (long again = 0, done = 0; !done && again < 2000; again++) {
      FILE *f = fopen (path, "wb");
      fwrite (kept, 1, (size_t) before.st_size, f);
      fclose (f);
      fflush (stdout);
      pid_t child = fork ();
      if (child == 0) {
        calls_left = again;
        reid_store_free (open_store (path, true));
        _exit (0);
      }
      waitpid (child, &status, 0);
      done = WIFEXITED (status) && WEXITSTATUS (status) == 0;
      CHECK_MSG (state_of (path, false) == state, "%ld, %ld", calls, again);
    }
    free (kept);
  }
  CHECK (seen == 3);
  scratch_remove (dir);
}

TEST (failing_at_any_call_keeps_a_whole_state_and_reads_back)
{
  const char *dir = scratch_new (), *path = path_in (dir, "file");
  bool failed = true;
  int seen = 0;

  for (long calls = 0; failed && calls < 100000; calls++) {
    ReidError error = REID_ERROR_INIT;
    int committed = -1;
    unlink (path);
    calls_left = -1;
    ReidStore *store = open_store (path, true);
    REQUIRE (store);
    calls_left = calls;
    fail_with = ENOSPC;
    failed = false;
    for (int s = 0; s < 4; s++) {
      /* Writing goes on, into memory: HDF5 must be able to close. */
      CHECK (write_state (store, s));
      if (reid_store_commit (store, &error))
        committed = s;
      else
        failed = true;
      CHECK (holds_state (store, s));
    }
    CHECK (!failed || error.status == REID_ERROR_WRITE);
    CHECK (!failed || strstr (error.message, "No space left on device"));
    CHECK (!failed || !reid_store_check (store, NULL));
    reid_store_free (store);
    calls_left = -1;
    seen += failed;
    int state = state_of (path, false);
    CHECK_MSG (committed < 0 || state == committed || state == committed + 1,
               "after %ld calls: state %d, committed %d", calls, state,
               committed);
  }
  CHECK (!failed && seen > 100);
  fail_with = 0;
  scratch_remove (dir);
}

/* Something that looks like a journal, but is not one, is not believed. */
TEST (hostile_journals)
{
  const char *dir = scratch_new (), *path = path_in (dir, "file");
  int told;
  uint64_t s = 5;

  long calls = 0;
  struct stat st;
  for (;; calls++) {
    unlink (path);
    REQUIRE (run_child (path, calls, &told) == 77);
    if (told >= 0 && state_of (path, false) == told + 1)
      break;
  }
  stat (path, &st);
  char *good = slurp (path, NULL), *bad = malloc ((size_t) st.st_size);
  for (int i = 0; i < 300; i++) {
    memcpy (bad, good, (size_t) st.st_size);
    /* the footer and the page numbers, where sizes and positions are */
    size_t back = 1 + test_random (&s) % 140;
    bad[(size_t) st.st_size - back] ^= (char) (1 << test_random (&s) % 8);
    if (i % 3 == 0)
      memset (bad + st.st_size - 32 + 8 * (i % 2), i % 5 ? 0xff : 0x7f, 8);
    FILE *f = fopen (path, "wb");
    fwrite (bad, 1, (size_t) st.st_size, f);
    fclose (f);
    ReidStore *store = open_store (path, i & 1);
    CHECK (store);
    if (store) {
      uint8_t byte;
      CHECK (reid_store_read (store, 0, &byte, 1));
    }
    reid_store_free (store);
  }
  free (good);
  free (bad);
  scratch_remove (dir);
}

TEST_MAIN ()
