/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole networks that were cut off or changed on their way: refused in one
 * line, or opened as what they now say, in bounded memory. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <sys/resource.h>
#include <unistd.h>

#define EVERY_PREFIX (64 << 10) /* of a file up to this size */
#define PREFIXES 2000           /* of a larger one */
#define MUTATIONS 10000
/* Above what the file itself takes when it is open. */
#define MOST_MEMORY ((long) 512 << 10) /* KiB */

static const ReidSessionOptions reference = { "reference" };

typedef struct {
  uint8_t *data;
  size_t size;
} File;

static File
read_file (const char *path)
{
  File file = { 0 };
  FILE *f = fopen (path, "rb");
  long end = f && fseek (f, 0, SEEK_END) == 0 ? ftell (f) : -1;

  if (end > 0) {
    rewind (f);
    file.data = malloc ((size_t) end);
    file.size = fread (file.data, 1, (size_t) end, f);
  }
  if (f)
    fclose (f);
  return file;
}

/* Whether it opened. */
static bool
try_open (const uint8_t *data, size_t size, const char *name)
{
  ReidError error = REID_ERROR_INIT;
  /* In memory of its own, so that a step beyond its end is seen. */
  uint8_t *exact = malloc (size ? size : 1);
  ReidSession *session;

  memcpy (exact, data, size);
  session = reid_session_open_memory (exact, size, name, &reference, &error);
  free (exact);
  CHECK_MSG (session || error.status != REID_OK, "%s", name);
  CHECK_MSG (session
                 || (strncmp (error.message, name, strlen (name)) == 0
                     && !strchr (error.message, '\n')),
             "%s", error.message);
  reid_session_unref (session);
  return session != NULL;
}

static long
peak_memory (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/* A file may end where it has said all: behind the graph, fields follow that
 * nobody needs. So a prefix may open, but only a long one. */
static void
prefixes (const File *file, const char *name)
{
  uint64_t state = 1;
  size_t n = file->size <= EVERY_PREFIX ? file->size : PREFIXES;
  int opened = 0;

  for (size_t i = 0; i < n; i++) {
    size_t size =
        n == file->size ? i : (size_t) (test_random (&state) % file->size);
    bool ok = try_open (file->data, size, name);
    CHECK_MSG (!ok || size > file->size - 64, "%zu of %zu bytes of %s opened",
               size, file->size, name);
    opened += ok;
  }
  printf ("# %s: %zu prefixes of %zu bytes, %d opened\n", name, n, file->size,
          opened);
  CHECK (try_open (file->data, file->size, name));
}

/* Half of them among the bytes that are not weights: names, sizes and
 * attributes stand before and behind them. */
static void
mutations (const File *file, const char *name)
{
  static const uint8_t telling[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x08, 0x0a };
  uint64_t state = 2;
  uint8_t *copy = malloc (file->size);
  int opened = 0;

  for (int i = 0; i < MUTATIONS; i++) {
    memcpy (copy, file->data, file->size);
    for (int k = 1 + (int) (test_random (&state) % 4); k > 0; k--) {
      size_t at = (size_t) (test_random (&state) % file->size);
      if (i & 1)
        at = at % (file->size < 8192 ? file->size : 8192);
      copy[at] = test_random (&state) & 1
                     ? telling[test_random (&state) % sizeof telling]
                     : (uint8_t) test_random (&state);
    }
    opened += try_open (copy, file->size, name);
  }
  free (copy);
  printf ("# %s: %d changed files, %d opened\n", name, MUTATIONS, opened);
  CHECK (opened > 0 && opened < MUTATIONS);
}

static void
file_is_safe (const char *path, bool change)
{
  const char *name = strrchr (path, '/') + 1;
  File file = read_file (path);
  long before = peak_memory ();

  REQUIRE (file.size > 0);
  prefixes (&file, name);
  if (change)
    mutations (&file, name);
  CHECK_MSG (peak_memory () - before < MOST_MEMORY, "%s: %ld KiB more", name,
             peak_memory () - before);
  CHECK (reid_session_count () == 0);
  free (file.data);
}

TEST (a_small_network_cut_at_every_byte_or_changed)
{
  char path[64];

  snprintf (path, sizeof path, "/tmp/reid-files-%d.onnx", (int) getpid ());
  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  file_is_safe (path, true);
  unlink (path);
}

TEST (the_detector_cut_or_changed)
{
  file_is_safe (REID_SOURCE_ROOT "/kernels/models/reid-detect-s.onnx", true);
}

TEST (the_embedder_cut)
{
  file_is_safe (REID_SOURCE_ROOT "/kernels/models/reid-embed-s.onnx", false);
}

TEST_MAIN ()
