/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/dsp.h"

#include <immintrin.h>

#define LOAD(p) _mm512_loadu_si512 (p)
#define STORE(p, v) _mm512_storeu_si512 (p, v)
#define LOAD128(p) _mm_loadu_si128 ((const __m128i *) (p))

static inline int
weight_pair (const int16_t *w, int t, int taps)
{
  return (uint16_t) w[t]
         | (int) ((unsigned) (uint16_t) (t + 1 < taps ? w[t + 1] : 0) << 16);
}

static inline uint64_t
first_bits (int n)
{
  return n >= 64 ? ~(uint64_t) 0 : ((uint64_t) 1 << n) - 1;
}

/* What the in-lane unpacks leave in two vectors, in order: lanes 0 and 1 of
 * both, lanes 2 and 3 of both. */
static inline __m512i
lanes_01 (__m512i a, __m512i b)
{
  return _mm512_permutex2var_epi64 (
      a, _mm512_setr_epi64 (0, 1, 8, 9, 2, 3, 10, 11), b);
}

static inline __m512i
lanes_23 (__m512i a, __m512i b)
{
  return _mm512_permutex2var_epi64 (
      a, _mm512_setr_epi64 (4, 5, 12, 13, 6, 7, 14, 15), b);
}

/* The rows of a call are no streams that a prefetcher in hardware would know in
 * time: each begins anew far from the one before. */
static inline void
prefetch (const uint8_t *src, ptrdiff_t offset)
{
  _mm_prefetch ((const char *) ((uintptr_t) src + (uintptr_t) offset),
                _MM_HINT_T1);
}

/* Rows are taken in pairs, interleaved as bytes and only then widened. Masked
 * loads read nothing beyond the row. */
static inline void
vfilter8_block (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                const int16_t *w, int taps, uint64_t mask, ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS;
  const __m512i zero = _mm512_setzero_si512 ();
  __m512i a0 = _mm512_set1_epi32 (1 << (shift - 1)), a1 = a0, a2 = a0, a3 = a0;

  for (int t = 0; t < taps; t += 2) {
    __m512i pair = _mm512_set1_epi32 (weight_pair (w, t, taps));
    __m512i r = _mm512_maskz_loadu_epi8 (mask, src + t * stride);
    __m512i q = t + 1 < taps
                    ? _mm512_maskz_loadu_epi8 (mask, src + (t + 1) * stride)
                    : zero;
    prefetch (src, t * stride + ahead);
    prefetch (src, (t + 1) * stride + ahead);
    __m512i lo = _mm512_unpacklo_epi8 (r, q), hi = _mm512_unpackhi_epi8 (r, q);
    a0 = _mm512_add_epi32 (
        a0, _mm512_madd_epi16 (_mm512_unpacklo_epi8 (lo, zero), pair));
    a1 = _mm512_add_epi32 (
        a1, _mm512_madd_epi16 (_mm512_unpackhi_epi8 (lo, zero), pair));
    a2 = _mm512_add_epi32 (
        a2, _mm512_madd_epi16 (_mm512_unpacklo_epi8 (hi, zero), pair));
    a3 = _mm512_add_epi32 (
        a3, _mm512_madd_epi16 (_mm512_unpackhi_epi8 (hi, zero), pair));
  }
  __m512i p0 = _mm512_packs_epi32 (_mm512_srai_epi32 (a0, shift),
                                   _mm512_srai_epi32 (a1, shift));
  __m512i p1 = _mm512_packs_epi32 (_mm512_srai_epi32 (a2, shift),
                                   _mm512_srai_epi32 (a3, shift));
  _mm512_mask_storeu_epi16 (dst, (__mmask32) mask, lanes_01 (p0, p1));
  _mm512_mask_storeu_epi16 (dst + 32, (__mmask32) (mask >> 32),
                            lanes_23 (p0, p1));
}

static void
vfilter8_avx512 (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                 const int16_t *w, int taps, int n, ptrdiff_t ahead)
{
  int x = 0;

  for (; x + 64 <= n; x += 64)
    vfilter8_block (dst + x, src + x, stride, w, taps, ~(uint64_t) 0, ahead);
  if (x < n)
    vfilter8_block (dst + x, src + x, stride, w, taps, first_bits (n - x),
                    ahead);
}

static void
vfilter16_avx512 (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                  const int16_t *w, int taps, int n, int sample_shift,
                  ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS + 2;
  const __m128i by = _mm_cvtsi32_si128 (sample_shift);
  const __m512i low = _mm512_set1_epi16 (1023);

  for (int x = 0; x < n; x += 32) {
    __mmask32 mask = (__mmask32) first_bits (n - x);
    const uint8_t *p = src + 2 * (ptrdiff_t) x;
    __m512i a0 = _mm512_set1_epi32 (1 << (shift - 1)), a1 = a0;

    for (int t = 0; t < taps; t += 2) {
      __m512i pair = _mm512_set1_epi32 (weight_pair (w, t, taps));
      __m512i r = _mm512_maskz_loadu_epi16 (mask, p + t * stride);
      __m512i q = t + 1 < taps
                      ? _mm512_maskz_loadu_epi16 (mask, p + (t + 1) * stride)
                      : _mm512_setzero_si512 ();
      prefetch (p, t * stride + ahead);
      prefetch (p, (t + 1) * stride + ahead);
      r = _mm512_and_si512 (_mm512_srl_epi16 (r, by), low);
      q = _mm512_and_si512 (_mm512_srl_epi16 (q, by), low);
      a0 = _mm512_add_epi32 (
          a0, _mm512_madd_epi16 (_mm512_unpacklo_epi16 (r, q), pair));
      a1 = _mm512_add_epi32 (
          a1, _mm512_madd_epi16 (_mm512_unpackhi_epi16 (r, q), pair));
    }
    _mm512_mask_storeu_epi16 (
        dst + x, mask,
        _mm512_packs_epi32 (_mm512_srai_epi32 (a0, shift),
                            _mm512_srai_epi32 (a1, shift)));
  }
}

/* Word indices first, first + step, ... */
static inline __m512i
every (int step, int first)
{
  const __m512i count = _mm512_set_epi16 (
      31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
      13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm512_add_epi16 (
      _mm512_mullo_epi16 (count, _mm512_set1_epi16 ((short) step)),
      _mm512_set1_epi16 ((short) first));
}

static void
split2_avx512 (int16_t *const dst[4], const int16_t *src, int n)
{
  const __m512i even = every (2, 0), odd = every (2, 1);

  for (int i = 0; i < n; i += 32) {
    __m512i p = LOAD (src + 2 * i), q = LOAD (src + 2 * i + 32);
    STORE (dst[0] + i, _mm512_permutex2var_epi16 (p, even, q));
    STORE (dst[1] + i, _mm512_permutex2var_epi16 (p, odd, q));
  }
}

/* The first outputs of a channel lie in two vectors, the rest in a third: one
 * permutation each, the index's low bits serving both. */
static void
split3_avx512 (int16_t *const dst[4], const int16_t *src, int n)
{
  __m512i index[3];
  __mmask32 third[3];

  for (int c = 0; c < 3; c++) {
    index[c] = every (3, c);
    third[c] = _mm512_cmpge_epi16_mask (index[c], _mm512_set1_epi16 (64));
  }
  for (int i = 0; i < n; i += 32) {
    __m512i p = LOAD (src + 3 * i), q = LOAD (src + 3 * i + 32),
            r = LOAD (src + 3 * i + 64);
    for (int c = 0; c < 3; c++)
      STORE (dst[c] + i, _mm512_mask_permutexvar_epi16 (
                             _mm512_permutex2var_epi16 (p, index[c], q),
                             third[c], index[c], r));
  }
}

static void
split4_avx512 (int16_t *const dst[4], const int16_t *src, int n)
{
  for (int i = 0; i < n; i += 32) {
    __m512i p = LOAD (src + 4 * i), q = LOAD (src + 4 * i + 32),
            r = LOAD (src + 4 * i + 64), s = LOAD (src + 4 * i + 96);
    for (int c = 0; c < 4; c++)
      if (dst[c]) {
        const __m512i index = every (4, c);
        __m512i lo = _mm512_permutex2var_epi16 (p, index, q);
        __m512i hi = _mm512_permutex2var_epi16 (r, index, s);
        STORE (dst[c] + i,
               _mm512_inserti64x4 (lo, _mm512_castsi512_si256 (hi), 1));
      }
  }
}

/* Four taps of each of eight outputs, loaded one by one. */
static inline __m512i
taps_of_eight (const int16_t *src, const int32_t *first)
{
  return _mm512_i32gather_epi64 (_mm256_loadu_si256 ((const __m256i *) first),
                                 (const long long *) src, 2);
}

/* Two sums per output, of outputs 0-7 and 8-15 -> sixteen sums. */
static inline __m512i
add_pairs (__m512i a, __m512i b)
{
  const __m512i even = _mm512_setr_epi32 (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,
                                          22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32 (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21,
                                         23, 25, 27, 29, 31);
  return _mm512_add_epi32 (_mm512_permutex2var_epi32 (a, even, b),
                           _mm512_permutex2var_epi32 (a, odd, b));
}

/* The taps of eight outputs that lie close together are one permutation of one
 * or two vectors: shrinking by less than 4 needs one, by less than 8.5 two. */
static inline __m512i
taps_in_32 (const int16_t *src, __m512i offset)
{
  return _mm512_permutexvar_epi16 (offset, LOAD (src));
}

static inline __m512i
taps_in_64 (const int16_t *src, __m512i offset)
{
  return _mm512_permutex2var_epi16 (LOAD (src), offset, LOAD (src + 32));
}

static void
hfilter_avx512 (int32_t *dst, const int16_t *src, const ReidTaps *taps)
{
  const size_t chunk = 4 * (size_t) taps->n_padded;

  for (int i = 0; i < taps->n_padded; i += 16) {
    const int32_t *f = taps->first + i;
    const int16_t *w = taps->weight + 4 * (size_t) i;
    const __m512i oa = LOAD (taps->offset + 4 * (size_t) i);
    const __m512i ob = LOAD (taps->offset + 4 * (size_t) i + 32);
    const int16_t *s = src + f[0], *r = src + f[8];
    int span_a = f[7] - f[0], span_b = f[15] - f[8];
    __m512i a = _mm512_setzero_si512 (), b = a;

    if (span_a <= 28 && span_b <= 28) {
      for (int c = 0; c < taps->chunks; c++, w += chunk, s += 4, r += 4) {
        a = _mm512_add_epi32 (a,
                              _mm512_madd_epi16 (taps_in_32 (s, oa), LOAD (w)));
        b = _mm512_add_epi32 (
            b, _mm512_madd_epi16 (taps_in_32 (r, ob), LOAD (w + 32)));
      }
    } else if (span_a <= 60 && span_b <= 60) {
      for (int c = 0; c < taps->chunks; c++, w += chunk, s += 4, r += 4) {
        a = _mm512_add_epi32 (a,
                              _mm512_madd_epi16 (taps_in_64 (s, oa), LOAD (w)));
        b = _mm512_add_epi32 (
            b, _mm512_madd_epi16 (taps_in_64 (r, ob), LOAD (w + 32)));
      }
    } else {
      s = src;
      for (int c = 0; c < taps->chunks; c++, w += chunk, s += 4) {
        a = _mm512_add_epi32 (
            a, _mm512_madd_epi16 (taps_of_eight (s, f), LOAD (w)));
        b = _mm512_add_epi32 (
            b, _mm512_madd_epi16 (taps_of_eight (s, f + 8), LOAD (w + 32)));
      }
    }
    STORE (dst + i, add_pairs (a, b));
  }
}

/* yuv: as such matrices are, the same luma term for all three, no blue
 * difference in red and no red difference in blue; leaving out what is zero
 * changes no bit of a sum. */
static inline bool
is_yuv (const ReidMix *mix)
{
  const float (*m)[4] = mix->m;
  int r = m[0][1] == 0 ? 0 : 2, b = 2 - r;

  return mix->n_out == 3 && m[r][1] == 0 && m[b][2] == 0 && m[0][0] == m[1][0]
         && m[0][0] == m[2][0];
}

static inline bool
normalizes (const ReidMix *mix)
{
  for (int c = 0; c < mix->n_out; c++)
    if (mix->mean[c] != 0 || mix->scale[c] != 1)
      return true;
  return false;
}

static inline __m512
mix_one (const float m[4], __m512 y, __m512 x1, __m512 x2, bool take_x1,
         bool take_x2)
{
  __m512 v = y;

  if (take_x1)
    v = _mm512_add_ps (v, _mm512_mul_ps (x1, _mm512_set1_ps (m[1])));
  if (take_x2)
    v = _mm512_add_ps (v, _mm512_mul_ps (x2, _mm512_set1_ps (m[2])));
  v = _mm512_add_ps (v, _mm512_set1_ps (m[3]));
  v = _mm512_max_ps (v, _mm512_setzero_ps ());
  return _mm512_min_ps (v, _mm512_set1_ps (255.f));
}

/* Written out, not a loop over the channels: then all of it stays in
 * registers. */
__attribute__ ((always_inline)) static inline void
mix_group (__m512 v[3], const int32_t *const in[3], int i, const ReidMix *mix,
           int n_out, bool yuv, bool swapped)
{
  __m512 x0 = _mm512_cvtepi32_ps (LOAD (in[0] + i));
  __m512 x1 = _mm512_cvtepi32_ps (LOAD (in[1] + i));
  __m512 x2 = _mm512_cvtepi32_ps (LOAD (in[2] + i));
  __m512 y = _mm512_mul_ps (x0, _mm512_set1_ps (mix->m[0][0]));

  v[0] = mix_one (mix->m[0], y, x1, x2, !yuv || swapped, !yuv || !swapped);
  if (n_out == 1)
    return;
  if (!yuv)
    y = _mm512_mul_ps (x0, _mm512_set1_ps (mix->m[1][0]));
  v[1] = mix_one (mix->m[1], y, x1, x2, true, true);
  if (!yuv)
    y = _mm512_mul_ps (x0, _mm512_set1_ps (mix->m[2][0]));
  v[2] = mix_one (mix->m[2], y, x1, x2, !yuv || !swapped, !yuv || swapped);
}

static inline void
put_floats (float *to, __m512 v, int left, const ReidMix *mix, int c,
            bool normalize)
{
  if (normalize)
    v = _mm512_mul_ps (_mm512_sub_ps (v, _mm512_set1_ps (mix->mean[c])),
                       _mm512_set1_ps (mix->scale[c]));
  _mm512_mask_storeu_ps (to, (__mmask16) first_bits (left), v);
}

__attribute__ ((always_inline)) static inline void
mix_floats (float *const out[3], const int32_t *const in[3], const ReidMix *mix,
            int n, int n_out, bool yuv, bool swapped, bool normalize)
{
  for (int i = 0; i < n; i += 16) {
    __m512 v[3];
    mix_group (v, in, i, mix, n_out, yuv, swapped);
    put_floats (out[0] + i, v[0], n - i, mix, 0, normalize);
    if (n_out == 1)
      continue;
    put_floats (out[1] + i, v[1], n - i, mix, 1, normalize);
    put_floats (out[2] + i, v[2], n - i, mix, 2, normalize);
  }
}

/* What each sort of network asks for has its own loop, with nothing in it that
 * it does not need. */
static void
mix_float_avx512 (float *const out[3], const int32_t *const in[3],
                  const ReidMix *mix, int n)
{
  bool yuv = is_yuv (mix), swapped = mix->m[0][1] != 0;
  bool normalize = normalizes (mix);

  if (mix->n_out == 1)
    mix_floats (out, in, mix, n, 1, false, false, true);
  else if (yuv && swapped && normalize)
    mix_floats (out, in, mix, n, 3, true, true, true);
  else if (yuv && swapped)
    mix_floats (out, in, mix, n, 3, true, true, false);
  else if (yuv && normalize)
    mix_floats (out, in, mix, n, 3, true, false, true);
  else if (yuv)
    mix_floats (out, in, mix, n, 3, true, false, false);
  else
    mix_floats (out, in, mix, n, 3, false, false, true);
}

static inline __m512i
round_to_bytes (__m512 v)
{
  return _mm512_cvttps_epi32 (_mm512_add_ps (v, _mm512_set1_ps (0.5f)));
}

__attribute__ ((always_inline)) static inline void
mix_bytes (uint8_t *out, const int32_t *const in[3], const ReidMix *mix, int n,
           int n_out, bool yuv)
{
  const __m512i squeeze = _mm512_broadcast_i32x4 (
      _mm_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m512i join =
      _mm512_setr_epi32 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);

  for (int i = 0; i < n; i += 16) {
    int m = n - i < 16 ? n - i : 16;
    __m512 v[3];

    mix_group (v, in, i, mix, n_out, yuv, false);
    __m512i pixels = round_to_bytes (v[0]);
    if (n_out == 1) {
      _mm512_mask_cvtepi32_storeu_epi8 (out + i, (__mmask16) first_bits (m),
                                        pixels);
      continue;
    }
    pixels =
        _mm512_or_si512 (pixels, _mm512_slli_epi32 (round_to_bytes (v[1]), 8));
    pixels =
        _mm512_or_si512 (pixels, _mm512_slli_epi32 (round_to_bytes (v[2]), 16));
    pixels =
        _mm512_permutexvar_epi32 (join, _mm512_shuffle_epi8 (pixels, squeeze));
    _mm512_mask_storeu_epi8 (out + 3 * i, first_bits (3 * m), pixels);
  }
}

static void
mix_u8_avx512 (uint8_t *out, const int32_t *const in[3], const ReidMix *mix,
               int n)
{
  if (mix->n_out == 1)
    mix_bytes (out, in, mix, n, 1, false);
  else if (is_yuv (mix) && mix->m[0][1] == 0)
    mix_bytes (out, in, mix, n, 3, true);
  else
    mix_bytes (out, in, mix, n, 3, false);
}

static void
pack4_avx512 (int16_t *dst, const int32_t *const in[3], int n)
{
  const __m512i half = _mm512_set1_epi32 (1 << (REID_WEIGHT_BITS - 1));

  for (int i = 0; i < n; i += 16) {
    __m512i v[3];
    for (int c = 0; c < 3; c++)
      v[c] = _mm512_srai_epi32 (_mm512_add_epi32 (LOAD (in[c] + i), half),
                                REID_WEIGHT_BITS);
    __m512i rg = _mm512_or_si512 (v[0], _mm512_slli_epi32 (v[1], 16));
    __m512i lo = _mm512_unpacklo_epi32 (rg, v[2]);
    __m512i hi = _mm512_unpackhi_epi32 (rg, v[2]);
    STORE (dst + 4 * i, lanes_01 (lo, hi));
    STORE (dst + 4 * i + 32, lanes_23 (lo, hi));
  }
}

/* Clamped source positions of eight outputs, in 1/16384. */
static inline __m256i
position (double at, double step, __m512d x, double max)
{
  __m512d u = _mm512_add_pd (_mm512_set1_pd (at),
                             _mm512_mul_pd (x, _mm512_set1_pd (step)));

  u = _mm512_min_pd (_mm512_max_pd (u, _mm512_setzero_pd ()),
                     _mm512_set1_pd (max));
  u = _mm512_add_pd (_mm512_mul_pd (u, _mm512_set1_pd (REID_WEIGHT_ONE)),
                     _mm512_set1_pd (0.5));
  return _mm512_cvttpd_epi32 (u);
}

static inline __m512i
four_loads (const int16_t *const p[4], ptrdiff_t offset)
{
  __m512i v = _mm512_castsi128_si512 (LOAD128 (p[0] + offset));

  v = _mm512_inserti32x4 (v, LOAD128 (p[1] + offset), 1);
  v = _mm512_inserti32x4 (v, LOAD128 (p[2] + offset), 2);
  return _mm512_inserti32x4 (v, LOAD128 (p[3] + offset), 3);
}

/* Two neighbours in a row are 128 bits; four outputs are done in the lanes of
 * a vector. Returns their four channels, the last of no meaning. */
static inline __m512i
warp_four (const int16_t *const p[4], ptrdiff_t stride, __m512i wu, __m512i wv)
{
  const __m512i pairs = _mm512_broadcast_i32x4 (
      _mm_setr_epi8 (0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  const __m512i half = _mm512_set1_epi32 (REID_WEIGHT_ONE / 2);
  __m512i top = _mm512_shuffle_epi8 (four_loads (p, 0), pairs);
  __m512i bottom = _mm512_shuffle_epi8 (four_loads (p, stride), pairs);

  top = _mm512_srai_epi32 (_mm512_add_epi32 (_mm512_madd_epi16 (top, wu), half),
                           REID_WEIGHT_BITS);
  bottom = _mm512_srai_epi32 (
      _mm512_add_epi32 (_mm512_madd_epi16 (bottom, wu), half),
      REID_WEIGHT_BITS);
  return _mm512_madd_epi16 (
      _mm512_or_si512 (top, _mm512_slli_epi32 (bottom, 16)), wv);
}

static void
warp_row_avx512 (int32_t *const out[3], const ReidWarpRow *row, int n)
{
  const __m256i mask = _mm256_set1_epi32 (REID_WEIGHT_ONE - 1);
  const __m256i one = _mm256_set1_epi32 (REID_WEIGHT_ONE);
  const __m512i spread =
      _mm512_setr_epi32 (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m512i next = _mm512_set1_epi32 (4);
  /* Channel c of outputs 0-3, in a, and 4-7, in b. */
  const __m512i red = _mm512_setr_epi32 (0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9,
                                         13, 17, 21, 25, 29);
  const __m512i blue = _mm512_add_epi32 (red, _mm512_set1_epi32 (2));
  __m512d x = _mm512_setr_pd (0, 1, 2, 3, 4, 5, 6, 7);

  for (int i = 0; i < n; i += 8, x = _mm512_add_pd (x, _mm512_set1_pd (8))) {
    __m256i pu = position (row->u0, row->du, x, row->nu - 1);
    __m256i pv = position (row->v0, row->dv, x, row->nv - 1);
    __m256i fu = _mm256_and_si256 (pu, mask), fv = _mm256_and_si256 (pv, mask);
    int32_t iu[8], iv[8];
    const int16_t *p[8];

    _mm256_storeu_si256 ((__m256i *) iu,
                         _mm256_srai_epi32 (pu, REID_WEIGHT_BITS));
    _mm256_storeu_si256 ((__m256i *) iv,
                         _mm256_srai_epi32 (pv, REID_WEIGHT_BITS));
    for (int k = 0; k < 8; k++)
      p[k] = row->src + iv[k] * row->stride + 4 * (ptrdiff_t) iu[k];
    /* (1 - f, f) as two words. */
    __m512i wu = _mm512_castsi256_si512 (_mm256_or_si256 (
        _mm256_sub_epi32 (one, fu), _mm256_slli_epi32 (fu, 16)));
    __m512i wv = _mm512_castsi256_si512 (_mm256_or_si256 (
        _mm256_sub_epi32 (one, fv), _mm256_slli_epi32 (fv, 16)));
    const __m512i later = _mm512_add_epi32 (spread, next);
    __m512i a =
        warp_four (p, row->stride, _mm512_permutexvar_epi32 (spread, wu),
                   _mm512_permutexvar_epi32 (spread, wv));
    __m512i b =
        warp_four (p + 4, row->stride, _mm512_permutexvar_epi32 (later, wu),
                   _mm512_permutexvar_epi32 (later, wv));
    __m512i rg = _mm512_permutex2var_epi32 (a, red, b);
    _mm256_storeu_si256 ((__m256i *) (out[0] + i), _mm512_castsi512_si256 (rg));
    _mm256_storeu_si256 ((__m256i *) (out[1] + i),
                         _mm512_extracti64x4_epi64 (rg, 1));
    _mm256_storeu_si256 (
        (__m256i *) (out[2] + i),
        _mm512_castsi512_si256 (_mm512_permutex2var_epi32 (a, blue, b)));
  }
}

static inline __m512i
widen (const uint8_t *p, __mmask32 mask)
{
  return _mm512_cvtepu8_epi16 (_mm256_maskz_loadu_epi8 (mask, p));
}

static inline int64_t
add_lanes (__m512i v)
{
  return _mm512_reduce_add_epi64 (_mm512_add_epi64 (
      _mm512_cvtepi32_epi64 (_mm512_castsi512_si256 (v)),
      _mm512_cvtepi32_epi64 (_mm512_extracti64x4_epi64 (v, 1))));
}

static void
laplacian_avx512 (const uint8_t *row, ptrdiff_t stride, int n, int64_t *sum,
                  int64_t *squares)
{
  const __m512i ones = _mm512_set1_epi16 (1);
  int x = 1;

  /* 256 steps of at most 2 * 1020^2 a lane stay below 2^31. */
  while (x < n - 1) {
    __m512i s = _mm512_setzero_si512 (), q = s;
    for (int k = 0; k < 256 && x < n - 1; k++, x += 32) {
      __mmask32 mask = (__mmask32) first_bits (n - 1 - x);
      const uint8_t *p = row + x;
      __m512i v = _mm512_slli_epi16 (widen (p, mask), 2);
      v = _mm512_sub_epi16 (
          v, _mm512_add_epi16 (widen (p - 1, mask), widen (p + 1, mask)));
      v = _mm512_sub_epi16 (v, _mm512_add_epi16 (widen (p - stride, mask),
                                                 widen (p + stride, mask)));
      s = _mm512_add_epi32 (s, _mm512_madd_epi16 (v, ones));
      q = _mm512_add_epi32 (q, _mm512_madd_epi16 (v, v));
    }
    *sum += add_lanes (s);
    *squares += add_lanes (q);
  }
}

void
reid_image_dsp_init_avx512 (ReidImageDsp *dsp)
{
  *dsp = (ReidImageDsp){
    .vfilter8 = vfilter8_avx512,
    .vfilter16 = vfilter16_avx512,
    .split2 = split2_avx512,
    .split3 = split3_avx512,
    .split4 = split4_avx512,
    .hfilter = hfilter_avx512,
    .mix_float = mix_float_avx512,
    .mix_u8 = mix_u8_avx512,
    .pack4 = pack4_avx512,
    .warp_row = warp_row_avx512,
    .laplacian = laplacian_avx512,
  };
}
