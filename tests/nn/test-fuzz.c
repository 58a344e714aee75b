/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fuzz target on mutated networks, the same ones on every run: all models
 * of op-cases.txt and the tiny networks are the seeds. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
extern int fuzz_opened, fuzz_ran;

#define MAX_SEEDS 800

static struct {
  uint8_t *data;
  size_t size;
} seeds[MAX_SEEDS];
static int n_seeds;

static void
add_seed (const uint8_t *data, size_t size)
{
  if (n_seeds == MAX_SEEDS)
    return;
  seeds[n_seeds].data = malloc (size);
  memcpy (seeds[n_seeds].data, data, size);
  seeds[n_seeds++].size = size;
}

static void
add_file (const char *path)
{
  static uint8_t data[1 << 20];
  FILE *f = fopen (path, "rb");
  size_t n = f ? fread (data, 1, sizeof data, f) : 0;

  if (f)
    fclose (f);
  unlink (path);
  add_seed (data, n);
}

static void
add_cases (void)
{
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  FILE *f = fopen (REID_SOURCE_ROOT "/tests/nn/op-cases.txt", "r");
  char *line = NULL;
  size_t room = 0;

  while (f && getline (&line, &room, f) >= 0) {
    uint32_t bits = 0;
    size_t n = 0;
    int have = 0;
    if (strncmp (line, "model ", 6) != 0)
      continue;
    for (const char *s = line + 6; *s; s++) {
      const char *d = strchr (digits, *s);
      if (!d)
        continue;
      bits = bits << 6 | (uint32_t) (d - digits);
      have += 6;
      if (have >= 8) {
        have -= 8;
        line[n++] = (char) (bits >> have);
      }
    }
    add_seed ((uint8_t *) line, n);
  }
  free (line);
  if (f)
    fclose (f);
}

static void
make_seeds (void)
{
  char path[64];

  if (n_seeds)
    return;
  snprintf (path, sizeof path, "/tmp/reid-fuzz-%d.onnx", (int) getpid ());
  if (tiny_yunet (path))
    add_file (path);
  if (tiny_embedder (path, TINY_EMBED_COLOUR))
    add_file (path);
  if (tiny_embedder (path, TINY_EMBED_CONSTANT))
    add_file (path);
  add_cases ();
}

static size_t
mutate (uint8_t *to, size_t size, size_t room, uint64_t *state)
{
  static const uint8_t telling[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x08, 0x0a,
                                     0x10, 0x12, 0x2a, 0x3a, 0x20, 0x40 };
  size_t at = size ? test_random (state) % size : 0,
         n = 1 + test_random (state) % 12;

  if (size == 0)
    return size;
  if (n > size - at)
    n = size - at;
  switch (test_random (state) % 24) {
    case 0:
    case 8:
    case 9:
    case 10:
    case 11:
      to[at] ^= (uint8_t) (1u << test_random (state) % 8);
      break;
    case 1:
    case 12:
    case 13:
    case 14:
      to[at] = telling[test_random (state) % sizeof telling];
      break;
    case 2:
    case 15:
    case 16:
    case 17:
    case 18:
      to[at] = (uint8_t) test_random (state);
      break;
    case 3: /* take a piece out */
      memmove (to + at, to + at + n, size - at - n);
      return size - n;
    case 4: /* say a piece twice */
      if (size + n > room)
        break;
      memmove (to + at + n, to + at, size - at);
      return size + n;
    case 5: /* a piece of another network */
    {
      int other = (int) (test_random (state) % (uint64_t) n_seeds);
      size_t from = test_random (state) % seeds[other].size;
      if (n > seeds[other].size - from)
        n = seeds[other].size - from;
      memcpy (to + at, seeds[other].data + from, n);
      break;
    }
    case 6: /* a very long number */
      for (size_t i = 0; i < n; i++)
        to[at + i] = i + 1 < n ? 0xff : 0x01;
      break;
    case 7:
      return at; /* cut off */
    default:     /* one up or down */
      to[at] = (uint8_t) (to[at] + (test_random (state) & 2) - 1);
      break;
  }
  return size;
}

static void
mutations (int rounds, int first, int end, uint64_t state)
{
  fuzz_opened = fuzz_ran = 0;
  for (int r = 0; r < rounds; r++)
    for (int i = first; i < end; i++) {
      size_t size = seeds[i].size, room = size + 64;
      uint8_t *copy = malloc (room), *exact;
      memcpy (copy, seeds[i].data, size);
      for (int m = 1 + (int) (test_random (&state) % 3); m > 0; m--)
        size = mutate (copy, size, room, &state);
      /* No slack, so that a checked build sees any step beyond the end. */
      exact = malloc (size ? size : 1);
      memcpy (exact, copy, size);
      LLVMFuzzerTestOneInput (exact, size);
      free (exact);
      free (copy);
    }
  printf ("# %d files, %d opened, %d runs\n", rounds * (end - first),
          fuzz_opened, fuzz_ran);
  CHECK (fuzz_opened > 0 && fuzz_ran > 0);
  CHECK (fuzz_opened < rounds * (end - first));
  CHECK (reid_session_count () == 0);
}

TEST (seeds_open)
{
  make_seeds ();
  REQUIRE (n_seeds > 200);
  fuzz_opened = fuzz_ran = 0;
  for (int i = 0; i < n_seeds; i++)
    LLVMFuzzerTestOneInput (seeds[i].data, seeds[i].size);
  CHECK (fuzz_opened == n_seeds);
  CHECK (fuzz_ran > n_seeds);
}

TEST (mutated_operators)
{
  make_seeds ();
  mutations (200, 3, n_seeds, 1);
}

TEST (mutated_networks)
{
  make_seeds ();
  mutations (1000, 0, 3, 2);
}

TEST (noise)
{
  uint64_t state = 3;
  uint8_t data[256];

  for (int i = 0; i < 5000; i++) {
    size_t n = test_random (&state) % sizeof data;
    for (size_t k = 0; k < n; k++)
      data[k] = (uint8_t) test_random (&state);
    LLVMFuzzerTestOneInput (data, n);
  }
  CHECK (reid_session_count () == 0);
}

TEST_MAIN ()
