/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* LANES floats as one value, for the templates of this room. With LANES 1 it
 * is a plain float, and the templates read, and run, as plain C: that is the
 * definition of right. Every operation here is exactly rounded (no reciprocal
 * estimates, no fused multiply-add), so that each lane of the wide versions
 * holds the very bits of the narrow one. Masks are integers, 0 or -1. */

#define INLINE static inline __attribute__ ((always_inline))

#if LANES == 1

typedef float V;
typedef int32_t I;
typedef uint32_t U;

#define V_SQRT(a) sqrtf (a)
#define V_MIN(a, b) ((a) < (b) ? (a) : (b))
#define V_MAX(a, b) ((a) > (b) ? (a) : (b))
#define V_LT(a, b) (-(I) ((a) < (b)))
#define V_PICK(m, a, b) ((m) ? (a) : (b))
#define V_ANY(m) ((m) != 0)
#define V_TO_I(v) ((I) (v))
#define I_TO_V(i) ((V) (i))
#define I_TO_U(i) ((U) (i))
#define U_TO_I(u) ((I) (u))

INLINE V
v_set (float x)
{
  return x;
}

INLINE V
v_iota (void)
{
  return 0;
}

INLINE V
v_load (const float *p)
{
  return *p;
}

INLINE void
v_store (float *p, V v)
{
  *p = v;
}

INLINE V
v_abs (V v)
{
  return fabsf (v);
}

#else

typedef float V __attribute__ ((vector_size (4 * LANES)));
typedef int32_t I __attribute__ ((vector_size (4 * LANES)));
typedef uint32_t U __attribute__ ((vector_size (4 * LANES)));

#if LANES == 8
#define V_SQRT(a) ((V) _mm256_sqrt_ps ((__m256) (a)))
#define V_MIN(a, b) ((V) _mm256_min_ps ((__m256) (a), (__m256) (b)))
#define V_MAX(a, b) ((V) _mm256_max_ps ((__m256) (a), (__m256) (b)))
#define V_PICK(m, a, b)                                                        \
  ((V) _mm256_blendv_ps ((__m256) (b), (__m256) (a), (__m256) (m)))
#define V_ANY(m) (_mm256_movemask_ps ((__m256) (m)) != 0)
#else
#define V_SQRT(a) ((V) _mm512_sqrt_ps ((__m512) (a)))
#define V_MIN(a, b) ((V) _mm512_min_ps ((__m512) (a), (__m512) (b)))
#define V_MAX(a, b) ((V) _mm512_max_ps ((__m512) (a), (__m512) (b)))
#define V_PICK(m, a, b)                                                        \
  ((V) _mm512_mask_blend_ps (_mm512_movepi32_mask ((__m512i) (m)),             \
                             (__m512) (b), (__m512) (a)))
#define V_ANY(m) (_mm512_movepi32_mask ((__m512i) (m)) != 0)
#endif
#define V_LT(a, b) ((I) ((a) < (b)))
#define V_TO_I(v) __builtin_convertvector(v, I)
#define I_TO_V(i) __builtin_convertvector(i, V)
#define I_TO_U(i) ((U) (i))
#define U_TO_I(u) ((I) (u))

INLINE V
v_set (float x)
{
  return x - (V){ 0 };
}

INLINE V
v_iota (void)
{
  V v;

  for (int i = 0; i < LANES; i++)
    v[i] = (float) i;
  return v;
}

INLINE V
v_load (const float *p)
{
  V v;

  memcpy (&v, p, sizeof v);
  return v;
}

INLINE void
v_store (float *p, V v)
{
  memcpy (p, &v, sizeof v);
}

INLINE V
v_abs (V v)
{
  return (V) ((I) v & 0x7fffffff);
}

#endif

INLINE V
v_clamp (V v, float lo, float hi)
{
  return V_MIN (V_MAX (v, v_set (lo)), v_set (hi));
}

INLINE V
v_mix (V a, V b, V t)
{
  return a + (b - a) * t;
}

/* 0 at 0 and below, 1 at 1 and above, smooth between. */
INLINE V
v_smooth (V t)
{
  t = v_clamp (t, 0, 1);
  return t * t * (3.f - t * 2.f);
}

/* The largest integer not above v; |v| < 2^31. */
INLINE I
v_floor (V v)
{
  I i = V_TO_I (v);

  return i + V_LT (v, I_TO_V (i));
}

INLINE V
v_length (V x, V y, V z)
{
  return V_SQRT (x * x + y * y + z * z);
}

/* 0 <= x < 1 for each pair of integers. */
INLINE V
v_hash (I a, I b, uint32_t seed)
{
  U x = I_TO_U (a) * 0x9e3779b1u + I_TO_U (b) * 0x85ebca77u + seed;

  x ^= x >> 15;
  x *= 0x2c1b3c6du;
  x ^= x >> 13;
  x *= 0x297a2d39u;
  return I_TO_V (U_TO_I (x >> 8)) * 0x1p-24f;
}

/* Value noise: a random number at each integer point, smooth between. */
INLINE V
v_noise2 (V x, V y, uint32_t seed)
{
  I i = v_floor (x), j = v_floor (y);
  V u = x - I_TO_V (i), v = y - I_TO_V (j);

  u = u * u * (3.f - u * 2.f);
  v = v * v * (3.f - v * 2.f);
  return v_mix (v_mix (v_hash (i, j, seed), v_hash (i + 1, j, seed), u),
                v_mix (v_hash (i, j + 1, seed), v_hash (i + 1, j + 1, seed), u),
                v);
}

INLINE V
v_noise3 (V x, V y, V z, uint32_t seed)
{
  I i = v_floor (x), j = v_floor (y), k = v_floor (z);
  V u = x - I_TO_V (i), v = y - I_TO_V (j), w = z - I_TO_V (k);
  I k0 = k * 1013, k1 = k0 + 1013;

  u = u * u * (3.f - u * 2.f);
  v = v * v * (3.f - v * 2.f);
  w = w * w * (3.f - w * 2.f);
  i = i + k0;
  k1 = i + (k1 - k0);
  return v_mix (
      v_mix (v_mix (v_hash (i, j, seed), v_hash (i + 1, j, seed), u),
             v_mix (v_hash (i, j + 1, seed), v_hash (i + 1, j + 1, seed), u),
             v),
      v_mix (v_mix (v_hash (k1, j, seed), v_hash (k1 + 1, j, seed), u),
             v_mix (v_hash (k1, j + 1, seed), v_hash (k1 + 1, j + 1, seed), u),
             v),
      w);
}
