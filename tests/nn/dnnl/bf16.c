/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops on bf16: rounding against its definition, each loop in plain C
 * against numbers in double precision, and every instruction set against plain
 * C, byte for byte, on numbers of all kinds. */

#include "test.h"

#include "nn/dnnl/bf16.h"

#define MOST 4099

static uint64_t state = 11;

static float
from_bits (uint32_t bits)
{
  float x;
  memcpy (&x, &bits, sizeof x);
  return x;
}

static uint32_t
to_bits (float x)
{
  uint32_t bits;
  memcpy (&bits, &x, sizeof bits);
  return bits;
}

static float
wide (uint16_t half)
{
  return from_bits ((uint32_t) half << 16);
}

/* Any bits at all: a NaN, an infinity or a denormal number among 32. */
static float
any (void)
{
  uint32_t bits = (uint32_t) (test_random (&state) >> 32);
  switch (test_random (&state) >> 32 & 31) {
    case 0:
      return from_bits (bits | 0x7f800001);
    case 1:
      return from_bits ((bits & 0x80000000) | 0x7f800000);
    case 2:
      return from_bits (bits & 0x807fffff);
    default:
      return (float) (test_uniform (&state) * 4 - 2);
  }
}

static uint16_t
any_half (void)
{
  return (uint16_t) (to_bits (any ()) >> 16);
}

static bool
is_nan (uint16_t x)
{
  return (x & 0x7fff) > 0x7f80;
}

TEST (rounding_is_to_the_nearest_and_to_even)
{
  for (int i = 0; i < 200000; i++) {
    float x = i < 1000 ? from_bits (0x7f7f0000u + (uint32_t) i * 97) : any ();
    uint16_t got;
    reid_bf16_c.narrow (&x, &got, 1);
    if (isnan (x)) {
      CHECK (is_nan (got));
      CHECK (got >> 15 == to_bits (x) >> 31);
      continue;
    }
    /* The two neighbours, of which the farther one has no smaller error; in
     * the highest step, infinity is one as far away as the next would be. */
    uint16_t low = (uint16_t) (to_bits (x) >> 16), high = (uint16_t) (low + 1);
    if (isinf (x)) {
      CHECK (got == low);
      continue;
    }
    double step = fabs ((double) wide (low)
                        - (double) wide ((uint16_t) (low ^ 1))),
           off = fabs ((double) x - (double) wide (low));
    uint16_t want = off < step / 2   ? low
                    : off > step / 2 ? high
                    : low & 1        ? high
                                     : low;
    CHECK_MSG (got == want, "%a is %04x, not %04x", (double) x, got, want);
  }
  uint16_t all[3] = { 0x7fc0, 0x0001, 0xff80 };
  float widened[3];
  reid_bf16_c.widen (all, widened, 3);
  CHECK (isnan (widened[0]) && to_bits (widened[1]) == 0x10000
         && widened[2] == -INFINITY);
}

/* One loop of `loops` on the same numbers; a and b are halves, f and g floats.
 */
static void
run (const ReidBf16 *loops, int loop, size_t pixels, size_t channels,
     const uint16_t *a, const uint16_t *b, const float *f, const float *g,
     void *out)
{
  size_t n = pixels * channels;
  switch (loop) {
    case 0:
      loops->widen (a, out, n);
      break;
    case 1:
      loops->narrow (f, out, n);
      break;
    case 2:
      loops->add (a, b, out, n);
      break;
    case 3:
      loops->clip (a, -.5f, 1.25f, out, n);
      break;
    case 4:
      loops->prelu (a, g, out, pixels, channels);
      break;
    case 5:
      loops->affine (a, g, g + channels, out, pixels, channels);
      break;
    case 6:
      loops->gate (a, b, out, pixels, channels);
      break;
    case 7:
      loops->from_planes (f, out, pixels, channels);
      break;
    default:
      loops->to_planes (a, out, pixels, channels);
      break;
  }
}

/* What loop number `loop` makes of element c of pixel p. */
static double
wanted (int loop, size_t p, size_t c, size_t pixels, size_t channels,
        const uint16_t *a, const uint16_t *b, const float *f, const float *g)
{
  size_t i = p * channels + c;
  double x = (double) wide (a[i]);
  switch (loop) {
    case 0:
    case 8:
      return x;
    case 1:
      return (double) f[i];
    case 2:
      return x + (double) wide (b[i]);
    case 3:
      return x < -.5 ? -.5 : x > 1.25 ? 1.25 : x;
    case 4:
      return x < 0 ? x * (double) g[c] : x;
    case 5:
      return x * (double) g[c] + (double) g[channels + c];
    case 6:
      return x * (double) wide (b[c]);
    default:
      return (double) f[c * pixels + p];
  }
}

static void
check_loops (const ReidBf16 *loops)
{
  static const size_t sizes[][2] = { { 1, 1 },  { 1, 3 },    { 7, 3 },
                                     { 49, 8 }, { 33, 17 },  { 5, 64 },
                                     { 3, 40 }, { 100, 33 }, { 1, MOST },
                                     { 64, 1 } };
  static uint16_t a[MOST], b[MOST];
  static float f[MOST], g[2 * MOST];
  static uint32_t out[MOST + 1], want[MOST + 1], same[MOST + 1];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int loop = 0; loop < 9; loop++) {
      size_t pixels = sizes[s][0], channels = sizes[s][1],
             n = pixels * channels;
      bool floats = loop == 0 || loop == 8;
      size_t bytes = n * (floats ? sizeof (float) : sizeof (uint16_t));
      for (size_t i = 0; i < n; i++) {
        a[i] = any_half ();
        do
          b[i] = any_half ();
        while (is_nan (b[i]) && loop != 2);
        /* Of two NaNs either may be the sum. */
        if (is_nan (a[i]) && is_nan (b[i]))
          b[i] = 0x3f80;
        f[i] = any ();
      }
      for (size_t i = 0; i < 2 * channels; i++)
        g[i] = (float) (test_uniform (&state) * 3 - 1.5);
      memset (out, 0x55, sizeof out);
      memset (want, 0x55, sizeof want);
      run (loops, loop, pixels, channels, a, b, f, g, out);
      run (&reid_bf16_c, loop, pixels, channels, a, b, f, g, want);
      CHECK_MSG (!memcmp (out, want, sizeof out), "loop %d of %zu x %zu", loop,
                 pixels, channels);
      for (size_t i = 0; i < n; i++) {
        size_t p = i / channels, c = i % channels,
               at = loop == 8 ? c * pixels + p : i;
        double x = wanted (loop, p, c, pixels, channels, a, b, f, g),
               y = floats ? (double) ((float *) out)[at]
                          : (double) wide (((uint16_t *) out)[at]);
        CHECK_MSG (isnan (x) ? isnan (y)
                             : x == y || fabs (x - y) <= fabs (x) / 250 + 1e-6
                                   || (isinf (y) && fabs (x) > 3e38),
                   "loop %d of %zu x %zu: [%zu][%zu] is %g, not %g", loop,
                   pixels, channels, p, c, y, x);
      }
      if (loop < 2 || loop > 6)
        continue;
      /* In place. */
      memcpy (same, a, n * sizeof *a);
      run (loops, loop, pixels, channels, (uint16_t *) same, b, f, g, same);
      CHECK_MSG (!memcmp (same, want, bytes), "loop %d in place", loop);
    }
}

TEST (loops_in_c)
{
  check_loops (&reid_bf16_c);
}

TEST (loops_with_avx2)
{
#ifdef REID_ROWS_X86
  if (reid_cpu_flags () & REID_CPU_AVX2) {
    check_loops (&reid_bf16_avx2);
    return;
  }
#endif
  SKIP ("needs AVX2");
}

TEST (loops_with_avx512)
{
#ifdef REID_ROWS_X86
  if (reid_cpu_flags () & REID_CPU_AVX512) {
    check_loops (&reid_bf16_avx512);
    return;
  }
#endif
  SKIP ("needs AVX-512");
}

TEST_MAIN ()
