/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_H
#define REID_TEST_H

/* The smallest harness that still says what failed: TAP on stdout, one line a
 * test, so that Meson (protocol : 'tap') counts single tests, and skips with
 * their reasons, not programs.
 *
 *   TEST (iou_of_equal_boxes_is_one) { CHECK (...); }
 *   TEST_MAIN ()
 *
 * A first argument runs only the tests whose name contains it. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ReidTest {
  const char *name;
  void (*run) (void);
  struct ReidTest *next;
} ReidTest;

static ReidTest *reid_tests, **reid_tests_tail = &reid_tests;
static bool reid_test_failed;
static char reid_test_skip[256];

#define TEST(id)                                                              \
  static void test_##id (void);                                               \
  __attribute__ ((constructor)) static void register_##id (void)              \
  {                                                                           \
    static ReidTest t = { #id, test_##id, NULL };                             \
    *reid_tests_tail = &t;                                                    \
    reid_tests_tail = &t.next;                                                \
  }                                                                           \
  static void test_##id (void)

/* The test goes on after a failed CHECK, and returns after a failed REQUIRE. */
#define CHECK_MSG(cond, ...)                                                  \
  do {                                                                        \
    if (!(cond)) {                                                            \
      reid_test_failed = true;                                                \
      printf ("# %s:%d: %s: ", __FILE__, __LINE__, #cond);                    \
      printf (__VA_ARGS__);                                                   \
      printf ("\n");                                                          \
    }                                                                         \
  } while (0)
#define CHECK(cond) CHECK_MSG (cond, "is false")
#define CHECK_NEAR(a, b, eps)                                                 \
  CHECK_MSG (fabs ((double) (a) - (double) (b)) <= (eps),                     \
             "%.9g against %.9g, tolerance %g", (double) (a), (double) (b),   \
             (double) (eps))
#define REQUIRE(cond)                                                         \
  do {                                                                        \
    if (!(cond)) {                                                            \
      CHECK (cond);                                                           \
      return;                                                                 \
    }                                                                         \
  } while (0)
#define REQUIRE_OK(call, error)                                               \
  do {                                                                        \
    if (!(call)) {                                                            \
      reid_test_failed = true;                                                \
      printf ("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call,                 \
              (error).message);                                               \
      return;                                                                 \
    }                                                                         \
  } while (0)
/* The reason must stand in tests/skips.allow. */
#define SKIP(...)                                                             \
  do {                                                                        \
    snprintf (reid_test_skip, sizeof reid_test_skip, __VA_ARGS__);            \
    return;                                                                   \
  } while (0)

/* A file of the shared test data, or NULL: looked for in $REID_SHARED, then
 * in ../shared beside the checkout; never with REID_NO_SHARED set. */
static inline const char *
test_shared (const char *name)
{
  static char path[8][4096];
  static int at;
  char *p = path[at++ & 7];
  const char *root = getenv ("REID_SHARED");
  FILE *f;

  if (getenv ("REID_NO_SHARED"))
    return NULL;
#ifdef REID_SOURCE_ROOT
  if (!root)
    root = REID_SOURCE_ROOT "/../shared";
#endif
  if (!root)
    root = "../shared";
  snprintf (p, 4096, "%s/%s", root, name);
  f = fopen (p, "rb");
  if (!f)
    return NULL;
  fclose (f);
  return p;
}

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t
test_random (uint64_t *state)
{
  uint64_t x = *state ? *state : 0x9e3779b97f4a7c15u;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545f4914f6cdd1du;
}

static inline double
test_uniform (uint64_t *state)
{
  return (double) (test_random (state) >> 11) * 0x1p-53;
}

#define TEST_MAIN()                                                           \
  int main (int argc, char **argv)                                            \
  {                                                                           \
    int n = 0, bad = 0;                                                       \
    setvbuf (stdout, NULL, _IOLBF, 0);                                        \
    for (ReidTest *t = reid_tests; t; t = t->next) {                          \
      if (argc > 1 && !strstr (t->name, argv[1]))                             \
        continue;                                                             \
      reid_test_failed = false;                                               \
      reid_test_skip[0] = '\0';                                               \
      t->run ();                                                              \
      n++;                                                                    \
      bad += reid_test_failed;                                                \
      printf ("%sok %d - %s%s%s\n", reid_test_failed ? "not " : "", n,        \
              t->name, reid_test_skip[0] ? " # SKIP " : "", reid_test_skip);  \
    }                                                                         \
    printf ("1..%d\n", n);                                                    \
    return bad != 0;                                                          \
  }

#endif /* REID_TEST_H */
