/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "track/track.h"

#include <sys/mman.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned flags;
} versions[] = { { "c", 0 },
                 { "avx2", REID_CPU_AVX2 },
                 { "avx512", REID_CPU_AVX2 | REID_CPU_AVX512 } };

static bool
can_run (int version)
{
  return (versions[version].flags & ~reid_cpu_flags ()) == 0;
}

static float
iou_of (unsigned flags, const float a[4], const float b[4])
{
  float out = -1;

  reid_iou_get (flags) (&(ReidBoxes){ a, a + 1, a + 2, a + 3, 1 },
                        &(ReidBoxes){ b, b + 1, b + 2, b + 3, 1 }, &out);
  return out;
}

TEST (known_values)
{
  static const struct {
    float a[4], b[4], iou;
  } cases[] = {
    { { 0, 0, 2, 2 }, { 0, 0, 2, 2 }, 1 },
    { { 0, 0, 2, 2 }, { 1, 0, 3, 2 }, 1.0f / 3 },
    { { 0, 0, 4, 4 }, { 1, 1, 2, 2 }, 1.0f / 16 },
    { { 0, 0, 1, 1 }, { 1, 0, 2, 1 }, 0 }, /* they touch */
    { { 0, 0, 1, 1 }, { 5, 5, 6, 6 }, 0 },
    { { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, 0 }, /* empty */
    { { 1, 0, 0, 1 }, { 0, 0, 1, 1 }, 0 }, /* the wrong way round */
    { { 1, 1, 0, 0 }, { 1, 1, 0, 0 }, 0 },
    { { -2, -2, -1, -1 }, { -2, -2, -1, -1 }, 1 },
    { { NAN, 0, 1, 1 }, { 0, 0, 1, 1 }, 0 },
    { { 0, NAN, 1, 1 }, { 0, 0, 1, 1 }, 0 },
    { { 0, 0, NAN, 1 }, { 0, 0, 1, 1 }, 0 },
    { { 0, 0, 1, NAN }, { 0, 0, 1, 1 }, 0 },
    { { 0, 0, INFINITY, 1 }, { 0, 0, 1, 1 }, 0 },
    { { -INFINITY, -INFINITY, INFINITY, INFINITY }, { 0, 0, 1, 1 }, 0 },
    { { 0, 0, 3e38f, 3e38f }, { 0, 0, 3e38f, 3e38f }, 0 }, /* area overflows */
  };

  for (int v = 0; v < 3; v++)
    for (size_t i = 0; can_run (v) && i < sizeof cases / sizeof *cases; i++)
      for (int swap = 0; swap < 2; swap++) {
        float got = swap ? iou_of (versions[v].flags, cases[i].b, cases[i].a)
                         : iou_of (versions[v].flags, cases[i].a, cases[i].b);
        CHECK_MSG (got == cases[i].iou, "%s, case %d, swapped %d: %g, not %g",
                   versions[v].name, (int) i, swap, got, cases[i].iou);
      }
}

/* Faces, and every kind of number that is none. */
static float
coordinate (uint64_t *state)
{
  static const float odd[] = { NAN,    INFINITY, -INFINITY, 0, -0.0f,
                               1e-45f, -3e38f,   3e38f,     1 };
  uint64_t r = test_random (state);

  if (r % 16 == 0)
    return odd[(r >> 8) % (sizeof odd / sizeof *odd)];
  return (float) (test_uniform (state) * 2 - 0.5);
}

/* Arrays that end where a page ends that may not be read. */
static float *
guarded (size_t n)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  size_t size = (n * sizeof (float) + page - 1) / page * page;
  char *p = mmap (NULL, size + page, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (p == MAP_FAILED || mprotect (p + size, page, PROT_NONE) != 0)
    abort ();
  return (float *) (void *) (p + size) - n;
}

static void
guarded_free (float *p, size_t n)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  size_t size = (n * sizeof (float) + page - 1) / page * page;

  munmap ((char *) (p + n) - size, size + page);
}

TEST (same_bytes_as_c_and_nothing_beyond_n)
{
  uint64_t state = 1;

  for (int n_a = 0; n_a <= 5; n_a++)
    for (int n_b = 0; n_b <= 70; n_b++) {
      float *a[4], *b[4];
      size_t n_out = (size_t) n_a * (size_t) n_b;
      float *want = guarded (n_out), *got = guarded (n_out);

      for (int c = 0; c < 4; c++) {
        a[c] = guarded ((size_t) n_a);
        b[c] = guarded ((size_t) n_b);
      }
      for (int round = 0; round < 20; round++) {
        for (int i = 0; i < n_a * 4; i++)
          a[i & 3][i / 4] = coordinate (&state);
        for (int i = 0; i < n_b * 4; i++)
          b[i & 3][i / 4] = coordinate (&state);
        /* Half of the boxes are in order. */
        for (int i = 0; i < n_b; i += 2) {
          b[2][i] = b[0][i] + 0.5f;
          b[3][i] = b[1][i] + 0.5f;
        }
        for (int i = 0; i < n_a; i += 2) {
          a[2][i] = a[0][i] + 0.5f;
          a[3][i] = a[1][i] + 0.5f;
        }
        ReidBoxes boxes_a = { a[0], a[1], a[2], a[3], n_a };
        ReidBoxes boxes_b = { b[0], b[1], b[2], b[3], n_b };

        reid_iou_get (0) (&boxes_a, &boxes_b, want);
        for (size_t i = 0; i < n_out; i++)
          CHECK_MSG (want[i] >= 0 && want[i] <= 1, "%g", want[i]);
        for (int v = 1; v < 3; v++) {
          if (!can_run (v))
            continue;
          memset (got, 0xff, n_out * sizeof *got);
          reid_iou_get (versions[v].flags) (&boxes_a, &boxes_b, got);
          CHECK_MSG (memcmp (got, want, n_out * sizeof *got) == 0,
                     "%s, %d x %d", versions[v].name, n_a, n_b);
        }
      }
      for (int c = 0; c < 4; c++) {
        guarded_free (a[c], (size_t) n_a);
        guarded_free (b[c], (size_t) n_b);
      }
      guarded_free (want, n_out);
      guarded_free (got, n_out);
    }
}

TEST (negative_counts_write_nothing)
{
  float box[4] = { 0, 0, 1, 1 }, out[2] = { 7, 7 };

  for (int v = 0; v < 3; v++)
    for (int n = -1; can_run (v) && n <= 1; n++) {
      reid_iou_get (versions[v].flags) (
          &(ReidBoxes){ box, box + 1, box + 2, box + 3, n },
          &(ReidBoxes){ box, box + 1, box + 2, box + 3, n > 0 ? -5 : 1 }, out);
      CHECK (out[0] == 7 && out[1] == 7);
    }
}

TEST_MAIN ()
