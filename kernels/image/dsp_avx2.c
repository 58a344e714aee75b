/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/dsp.h"

#include <immintrin.h>
#include <string.h>

#define LOAD(p) _mm256_loadu_si256 ((const __m256i *) (p))
#define STORE(p, v) _mm256_storeu_si256 ((__m256i *) (p), v)
#define LOAD128(p) _mm_loadu_si128 ((const __m128i *) (p))
#define STORE128(p, v) _mm_storeu_si128 ((__m128i *) (p), v)

/* Two weights as the pair that PMADDWD takes; the second is 0 after the last
 * tap, whose row then stands in for the missing one. */
static inline int
weight_pair (const int16_t *w, int t, int taps)
{
  return (uint16_t) w[t]
         | (int) ((unsigned) (uint16_t) (t + 1 < taps ? w[t + 1] : 0) << 16);
}

/* The rows of a call are no streams that a prefetcher in hardware would know in
 * time: each begins anew far from the one before. */
static inline void
prefetch (const uint8_t *src, ptrdiff_t offset)
{
  _mm_prefetch ((const char *) ((uintptr_t) src + (uintptr_t) offset),
                _MM_HINT_T1);
}

/* The 32 pixels that start at src. Rows are taken in pairs, interleaved as
 * bytes and only then widened: six shuffles for 64 samples. */
static inline void
vfilter8_block (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                const int16_t *w, int taps, ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS;
  const __m256i zero = _mm256_setzero_si256 ();
  __m256i a0 = _mm256_set1_epi32 (1 << (shift - 1)), a1 = a0, a2 = a0, a3 = a0;

  for (int t = 0; t < taps; t += 2) {
    __m256i pair = _mm256_set1_epi32 (weight_pair (w, t, taps));
    __m256i r = LOAD (src + t * stride);
    __m256i q = t + 1 < taps ? LOAD (src + (t + 1) * stride) : zero;
    prefetch (src, t * stride + ahead);
    prefetch (src, (t + 1) * stride + ahead);
    __m256i lo = _mm256_unpacklo_epi8 (r, q), hi = _mm256_unpackhi_epi8 (r, q);
    a0 = _mm256_add_epi32 (
        a0, _mm256_madd_epi16 (_mm256_unpacklo_epi8 (lo, zero), pair));
    a1 = _mm256_add_epi32 (
        a1, _mm256_madd_epi16 (_mm256_unpackhi_epi8 (lo, zero), pair));
    a2 = _mm256_add_epi32 (
        a2, _mm256_madd_epi16 (_mm256_unpacklo_epi8 (hi, zero), pair));
    a3 = _mm256_add_epi32 (
        a3, _mm256_madd_epi16 (_mm256_unpackhi_epi8 (hi, zero), pair));
  }
  __m256i p0 = _mm256_packs_epi32 (_mm256_srai_epi32 (a0, shift),
                                   _mm256_srai_epi32 (a1, shift));
  __m256i p1 = _mm256_packs_epi32 (_mm256_srai_epi32 (a2, shift),
                                   _mm256_srai_epi32 (a3, shift));
  STORE (dst, _mm256_permute2x128_si256 (p0, p1, 0x20));
  STORE (dst + 16, _mm256_permute2x128_si256 (p0, p1, 0x31));
}

/* A narrower row: 8 pixels, read as 8 bytes. */
static inline void
vfilter8_small (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                const int16_t *w, int taps)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS;
  __m256i a = _mm256_set1_epi32 (1 << (shift - 1));

  for (int t = 0; t < taps; t += 2) {
    __m256i pair = _mm256_set1_epi32 (weight_pair (w, t, taps));
    __m128i r = _mm_loadl_epi64 ((const __m128i *) (src + t * stride));
    __m128i q =
        t + 1 < taps
            ? _mm_loadl_epi64 ((const __m128i *) (src + (t + 1) * stride))
            : _mm_setzero_si128 ();
    a = _mm256_add_epi32 (
        a, _mm256_madd_epi16 (_mm256_cvtepu8_epi16 (_mm_unpacklo_epi8 (r, q)),
                              pair));
  }
  a = _mm256_srai_epi32 (a, shift);
  STORE128 (dst, _mm_packs_epi32 (_mm256_castsi256_si128 (a),
                                  _mm256_extracti128_si256 (a, 1)));
}

/* The last block of a row overlaps the one before it, so that nothing beyond
 * the row is read; the same values are written twice. */
static void
vfilter8_avx2 (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
               const int16_t *w, int taps, int n, ptrdiff_t ahead)
{
  int x = 0;

  if (n < 8) {
    for (; x < n; x++) {
      const int shift = REID_WEIGHT_BITS - REID_ROW_BITS;
      int32_t acc = 1 << (shift - 1);
      for (int t = 0; t < taps; t++)
        acc += w[t] * src[t * stride + x];
      dst[x] = (int16_t) (acc >> shift);
    }
    return;
  }
  for (; x + 32 <= n; x += 32)
    vfilter8_block (dst + x, src + x, stride, w, taps, ahead);
  if (x < n && n >= 32)
    vfilter8_block (dst + n - 32, src + n - 32, stride, w, taps, ahead);
  else if (x < n) {
    for (; x + 8 <= n; x += 8)
      vfilter8_small (dst + x, src + x, stride, w, taps);
    if (x < n)
      vfilter8_small (dst + n - 8, src + n - 8, stride, w, taps);
  }
}

static inline void
vfilter16_block (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                 const int16_t *w, int taps, __m128i sample_shift,
                 ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS + 2;
  const __m256i mask = _mm256_set1_epi16 (1023);
  __m256i a0 = _mm256_set1_epi32 (1 << (shift - 1)), a1 = a0;

  for (int t = 0; t < taps; t += 2) {
    __m256i pair = _mm256_set1_epi32 (weight_pair (w, t, taps));
    __m256i r = LOAD (src + t * stride);
    __m256i q = t + 1 < taps ? LOAD (src + (t + 1) * stride) : r;
    prefetch (src, t * stride + ahead);
    prefetch (src, (t + 1) * stride + ahead);
    r = _mm256_and_si256 (_mm256_srl_epi16 (r, sample_shift), mask);
    q = _mm256_and_si256 (_mm256_srl_epi16 (q, sample_shift), mask);
    a0 = _mm256_add_epi32 (
        a0, _mm256_madd_epi16 (_mm256_unpacklo_epi16 (r, q), pair));
    a1 = _mm256_add_epi32 (
        a1, _mm256_madd_epi16 (_mm256_unpackhi_epi16 (r, q), pair));
  }
  STORE (dst, _mm256_packs_epi32 (_mm256_srai_epi32 (a0, shift),
                                  _mm256_srai_epi32 (a1, shift)));
}

static void
vfilter16_avx2 (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
                const int16_t *w, int taps, int n, int sample_shift,
                ptrdiff_t ahead)
{
  const __m128i by = _mm_cvtsi32_si128 (sample_shift);
  int x = 0;

  for (; x + 16 <= n; x += 16)
    vfilter16_block (dst + x, src + 2 * (ptrdiff_t) x, stride, w, taps, by,
                     ahead);
  if (x < n && n >= 16) {
    x = n - 16;
    vfilter16_block (dst + x, src + 2 * (ptrdiff_t) x, stride, w, taps, by,
                     ahead);
    return;
  }
  for (; x < n; x++) {
    const int shift = REID_WEIGHT_BITS - REID_ROW_BITS + 2;
    int32_t acc = 1 << (shift - 1);
    for (int t = 0; t < taps; t++) {
      const uint8_t *p = src + t * stride + 2 * (ptrdiff_t) x;
      unsigned v = p[0] | (unsigned) p[1] << 8;
      acc += w[t] * (int) ((v >> sample_shift) & 1023);
    }
    dst[x] = (int16_t) (acc >> shift);
  }
}

static void
split2_avx2 (int16_t *const dst[4], const int16_t *src, int n)
{
  const __m256i even =
      _mm256_setr_epi8 (0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0,
                        1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  int i = 0;

  for (; i + 16 <= n; i += 16) {
    /* Quadwords: a0 b0 a1 b1 and a2 b2 a3 b3. */
    __m256i p = _mm256_shuffle_epi8 (LOAD (src + 2 * i), even);
    __m256i q = _mm256_shuffle_epi8 (LOAD (src + 2 * i + 16), even);
    p = _mm256_permute4x64_epi64 (p, _MM_SHUFFLE (3, 1, 2, 0));
    q = _mm256_permute4x64_epi64 (q, _MM_SHUFFLE (3, 1, 2, 0));
    STORE (dst[0] + i, _mm256_permute2x128_si256 (p, q, 0x20));
    STORE (dst[1] + i, _mm256_permute2x128_si256 (p, q, 0x31));
  }
  for (; i < n; i++) {
    dst[0][i] = src[2 * i];
    dst[1][i] = src[2 * i + 1];
  }
}

#define Z -1, -1
#define S(i) 2 * (i), 2 * (i) + 1

/* Eight pixels are three vectors of eight samples; each channel takes three of
 * the one, three of the next and two of the last, or so. */
static void
split3_avx2 (int16_t *const dst[4], const int16_t *src, int n)
{
  const __m128i take[3][3] = {
    { _mm_setr_epi8 (S (0), S (3), S (6), Z, Z, Z, Z, Z),
      _mm_setr_epi8 (Z, Z, Z, S (1), S (4), S (7), Z, Z),
      _mm_setr_epi8 (Z, Z, Z, Z, Z, Z, S (2), S (5)) },
    { _mm_setr_epi8 (S (1), S (4), S (7), Z, Z, Z, Z, Z),
      _mm_setr_epi8 (Z, Z, Z, S (2), S (5), Z, Z, Z),
      _mm_setr_epi8 (Z, Z, Z, Z, Z, S (0), S (3), S (6)) },
    { _mm_setr_epi8 (S (2), S (5), Z, Z, Z, Z, Z, Z),
      _mm_setr_epi8 (Z, Z, S (0), S (3), S (6), Z, Z, Z),
      _mm_setr_epi8 (Z, Z, Z, Z, Z, S (1), S (4), S (7)) },
  };
  int i = 0;

  for (; i + 8 <= n; i += 8) {
    __m128i v0 = LOAD128 (src + 3 * i), v1 = LOAD128 (src + 3 * i + 8),
            v2 = LOAD128 (src + 3 * i + 16);
    for (int c = 0; c < 3; c++)
      STORE128 (dst[c] + i,
                _mm_or_si128 (_mm_or_si128 (_mm_shuffle_epi8 (v0, take[c][0]),
                                            _mm_shuffle_epi8 (v1, take[c][1])),
                              _mm_shuffle_epi8 (v2, take[c][2])));
  }
  for (; i < n; i++)
    for (int c = 0; c < 3; c++)
      dst[c][i] = src[3 * i + c];
}

static void
split4_avx2 (int16_t *const dst[4], const int16_t *src, int n)
{
  int i = 0;

  for (; i + 8 <= n; i += 8) {
    __m128i p0 = LOAD128 (src + 4 * i), p1 = LOAD128 (src + 4 * i + 8),
            p2 = LOAD128 (src + 4 * i + 16), p3 = LOAD128 (src + 4 * i + 24);
    __m128i q0 = _mm_unpacklo_epi16 (p0, p1), q1 = _mm_unpackhi_epi16 (p0, p1);
    __m128i q2 = _mm_unpacklo_epi16 (p2, p3), q3 = _mm_unpackhi_epi16 (p2, p3);
    __m128i ab0 = _mm_unpacklo_epi16 (q0, q1),
            cd0 = _mm_unpackhi_epi16 (q0, q1);
    __m128i ab1 = _mm_unpacklo_epi16 (q2, q3),
            cd1 = _mm_unpackhi_epi16 (q2, q3);
    __m128i channel[4] = { _mm_unpacklo_epi64 (ab0, ab1),
                           _mm_unpackhi_epi64 (ab0, ab1),
                           _mm_unpacklo_epi64 (cd0, cd1),
                           _mm_unpackhi_epi64 (cd0, cd1) };
    for (int c = 0; c < 4; c++)
      if (dst[c])
        STORE128 (dst[c] + i, channel[c]);
  }
  for (; i < n; i++)
    for (int c = 0; c < 4; c++)
      if (dst[c])
        dst[c][i] = src[4 * i + c];
}

/* Four taps of an output are 64 bits, loaded whole wherever they lie; a gather
 * would do the same loads and more. */
static inline __m256i
taps_of_four (const int16_t *src, const int32_t *first)
{
  __m128i lo = _mm_loadl_epi64 ((const __m128i *) (src + first[0]));
  __m128i hi = _mm_loadl_epi64 ((const __m128i *) (src + first[2]));

  lo = _mm_castps_si128 (
      _mm_loadh_pi (_mm_castsi128_ps (lo), (const __m64 *) (src + first[1])));
  hi = _mm_castps_si128 (
      _mm_loadh_pi (_mm_castsi128_ps (hi), (const __m64 *) (src + first[3])));
  return _mm256_inserti128_si256 (_mm256_castsi128_si256 (lo), hi, 1);
}

static void
hfilter_avx2 (int32_t *dst, const int16_t *src, const ReidTaps *taps)
{
  const size_t chunk = 4 * (size_t) taps->n_padded;

  for (int i = 0; i < taps->n_padded; i += 8) {
    const int16_t *w = taps->weight + 4 * (size_t) i, *s = src;
    __m256i a = _mm256_setzero_si256 (), b = a;

    for (int c = 0; c < taps->chunks; c++, w += chunk, s += 4) {
      a = _mm256_add_epi32 (
          a, _mm256_madd_epi16 (taps_of_four (s, taps->first + i), LOAD (w)));
      b = _mm256_add_epi32 (
          b, _mm256_madd_epi16 (taps_of_four (s, taps->first + i + 4),
                                LOAD (w + 16)));
    }
    STORE (dst + i, _mm256_permute4x64_epi64 (_mm256_hadd_epi32 (a, b),
                                              _MM_SHUFFLE (3, 1, 2, 0)));
  }
}

static inline __m256i
first_lanes (int n)
{
  return _mm256_cmpgt_epi32 (_mm256_set1_epi32 (n),
                             _mm256_setr_epi32 (0, 1, 2, 3, 4, 5, 6, 7));
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

static inline __m256
mix_one (const float m[4], __m256 y, __m256 x1, __m256 x2, bool take_x1,
         bool take_x2)
{
  __m256 v = y;

  if (take_x1)
    v = _mm256_add_ps (v, _mm256_mul_ps (x1, _mm256_set1_ps (m[1])));
  if (take_x2)
    v = _mm256_add_ps (v, _mm256_mul_ps (x2, _mm256_set1_ps (m[2])));
  v = _mm256_add_ps (v, _mm256_set1_ps (m[3]));
  v = _mm256_max_ps (v, _mm256_setzero_ps ());
  return _mm256_min_ps (v, _mm256_set1_ps (255.f));
}

/* Written out, not a loop over the channels: then all of it stays in
 * registers. */
__attribute__ ((always_inline)) static inline void
mix_group (__m256 v[3], const int32_t *const in[3], int i, const ReidMix *mix,
           int n_out, bool yuv, bool swapped)
{
  __m256 x0 = _mm256_cvtepi32_ps (LOAD (in[0] + i));
  __m256 x1 = _mm256_cvtepi32_ps (LOAD (in[1] + i));
  __m256 x2 = _mm256_cvtepi32_ps (LOAD (in[2] + i));
  __m256 y = _mm256_mul_ps (x0, _mm256_set1_ps (mix->m[0][0]));

  v[0] = mix_one (mix->m[0], y, x1, x2, !yuv || swapped, !yuv || !swapped);
  if (n_out == 1)
    return;
  if (!yuv)
    y = _mm256_mul_ps (x0, _mm256_set1_ps (mix->m[1][0]));
  v[1] = mix_one (mix->m[1], y, x1, x2, true, true);
  if (!yuv)
    y = _mm256_mul_ps (x0, _mm256_set1_ps (mix->m[2][0]));
  v[2] = mix_one (mix->m[2], y, x1, x2, !yuv || !swapped, !yuv || swapped);
}

static inline void
put_floats (float *to, __m256 v, int left, const ReidMix *mix, int c,
            bool normalize)
{
  if (normalize)
    v = _mm256_mul_ps (_mm256_sub_ps (v, _mm256_set1_ps (mix->mean[c])),
                       _mm256_set1_ps (mix->scale[c]));
  if (left >= 8)
    _mm256_storeu_ps (to, v);
  else
    _mm256_maskstore_ps (to, first_lanes (left), v);
}

__attribute__ ((always_inline)) static inline void
mix_floats (float *const out[3], const int32_t *const in[3], const ReidMix *mix,
            int n, int n_out, bool yuv, bool swapped, bool normalize)
{
  for (int i = 0; i < n; i += 8) {
    __m256 v[3];
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
mix_float_avx2 (float *const out[3], const int32_t *const in[3],
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

static inline __m256i
round_to_bytes (__m256 v)
{
  return _mm256_cvttps_epi32 (_mm256_add_ps (v, _mm256_set1_ps (0.5f)));
}

__attribute__ ((always_inline)) static inline void
mix_bytes (uint8_t *out, const int32_t *const in[3], const ReidMix *mix, int n,
           int n_out, bool yuv)
{
  const __m256i squeeze = _mm256_broadcastsi128_si256 (
      _mm_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));

  for (int i = 0; i < n; i += 8) {
    __m256 v[3];
    uint8_t group[32];
    uint8_t *to = i + 8 <= n ? out + n_out * i : group;

    mix_group (v, in, i, mix, n_out, yuv, false);
    __m256i pixels = round_to_bytes (v[0]);
    if (n_out == 1) {
      __m128i words = _mm_packus_epi32 (_mm256_castsi256_si128 (pixels),
                                        _mm256_extracti128_si256 (pixels, 1));
      _mm_storel_epi64 ((__m128i *) to, _mm_packus_epi16 (words, words));
    } else {
      pixels = _mm256_or_si256 (pixels,
                                _mm256_slli_epi32 (round_to_bytes (v[1]), 8));
      pixels = _mm256_or_si256 (pixels,
                                _mm256_slli_epi32 (round_to_bytes (v[2]), 16));
      pixels = _mm256_shuffle_epi8 (pixels, squeeze);
      __m128i lo = _mm256_castsi256_si128 (pixels);
      __m128i hi = _mm256_extracti128_si256 (pixels, 1);
      /* 24 bytes: 12 of each, the first 4 of the second filling up the
       * first. */
      STORE128 (to, _mm_or_si128 (lo, _mm_slli_si128 (hi, 12)));
      _mm_storel_epi64 ((__m128i *) (to + 16), _mm_srli_si128 (hi, 4));
    }
    if (to == group)
      memcpy (out + n_out * i, group, (size_t) (n_out * (n - i)));
  }
}

static void
mix_u8_avx2 (uint8_t *out, const int32_t *const in[3], const ReidMix *mix,
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
pack4_avx2 (int16_t *dst, const int32_t *const in[3], int n)
{
  const __m256i half = _mm256_set1_epi32 (1 << (REID_WEIGHT_BITS - 1));

  for (int i = 0; i < n; i += 8) {
    __m256i v[3];
    for (int c = 0; c < 3; c++)
      v[c] = _mm256_srai_epi32 (_mm256_add_epi32 (LOAD (in[c] + i), half),
                                REID_WEIGHT_BITS);
    __m256i rg = _mm256_or_si256 (v[0], _mm256_slli_epi32 (v[1], 16));
    __m256i lo = _mm256_unpacklo_epi32 (rg, v[2]);
    __m256i hi = _mm256_unpackhi_epi32 (rg, v[2]);
    STORE (dst + 4 * i, _mm256_permute2x128_si256 (lo, hi, 0x20));
    STORE (dst + 4 * i + 16, _mm256_permute2x128_si256 (lo, hi, 0x31));
  }
}

/* Clamped source positions of four outputs, in 1/16384. */
static inline __m128i
position (double at, double step, __m256d x, double max)
{
  __m256d u = _mm256_add_pd (_mm256_set1_pd (at),
                             _mm256_mul_pd (x, _mm256_set1_pd (step)));

  u = _mm256_min_pd (_mm256_max_pd (u, _mm256_setzero_pd ()),
                     _mm256_set1_pd (max));
  u = _mm256_add_pd (_mm256_mul_pd (u, _mm256_set1_pd (REID_WEIGHT_ONE)),
                     _mm256_set1_pd (0.5));
  return _mm256_cvttpd_epi32 (u);
}

/* Two neighbours in a row are 128 bits; two outputs are done in the lanes of a
 * vector. Returns their four channels, the last of no meaning. */
static inline __m256i
warp_two (const int16_t *p, const int16_t *q, ptrdiff_t stride, __m256i wu,
          __m256i wv)
{
  const __m256i pairs = _mm256_broadcastsi128_si256 (
      _mm_setr_epi8 (0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  const __m256i half = _mm256_set1_epi32 (REID_WEIGHT_ONE / 2);
  __m256i top = _mm256_inserti128_si256 (_mm256_castsi128_si256 (LOAD128 (p)),
                                         LOAD128 (q), 1);
  __m256i bottom = _mm256_inserti128_si256 (
      _mm256_castsi128_si256 (LOAD128 (p + stride)), LOAD128 (q + stride), 1);

  top = _mm256_madd_epi16 (_mm256_shuffle_epi8 (top, pairs), wu);
  bottom = _mm256_madd_epi16 (_mm256_shuffle_epi8 (bottom, pairs), wu);
  top = _mm256_srai_epi32 (_mm256_add_epi32 (top, half), REID_WEIGHT_BITS);
  bottom =
      _mm256_srai_epi32 (_mm256_add_epi32 (bottom, half), REID_WEIGHT_BITS);
  return _mm256_madd_epi16 (
      _mm256_or_si256 (top, _mm256_slli_epi32 (bottom, 16)), wv);
}

static void
warp_row_avx2 (int32_t *const out[3], const ReidWarpRow *row, int n)
{
  const __m128i mask = _mm_set1_epi32 (REID_WEIGHT_ONE - 1);
  const __m128i one = _mm_set1_epi32 (REID_WEIGHT_ONE);
  const __m256i first = _mm256_setr_epi32 (0, 0, 0, 0, 1, 1, 1, 1);
  const __m256i second = _mm256_setr_epi32 (2, 2, 2, 2, 3, 3, 3, 3);
  __m256d x = _mm256_setr_pd (0, 1, 2, 3);

  for (int i = 0; i < n; i += 4, x = _mm256_add_pd (x, _mm256_set1_pd (4))) {
    __m128i pu = position (row->u0, row->du, x, row->nu - 1);
    __m128i pv = position (row->v0, row->dv, x, row->nv - 1);
    __m128i fu = _mm_and_si128 (pu, mask), fv = _mm_and_si128 (pv, mask);
    int32_t iu[4], iv[4];
    const int16_t *p[4];

    STORE128 (iu, _mm_srai_epi32 (pu, REID_WEIGHT_BITS));
    STORE128 (iv, _mm_srai_epi32 (pv, REID_WEIGHT_BITS));
    for (int k = 0; k < 4; k++)
      p[k] = row->src + iv[k] * row->stride + 4 * (ptrdiff_t) iu[k];
    /* (1 - f, f) as two words. */
    __m256i wu = _mm256_castsi128_si256 (
        _mm_or_si128 (_mm_sub_epi32 (one, fu), _mm_slli_epi32 (fu, 16)));
    __m256i wv = _mm256_castsi128_si256 (
        _mm_or_si128 (_mm_sub_epi32 (one, fv), _mm_slli_epi32 (fv, 16)));
    __m256i a = warp_two (p[0], p[1], row->stride,
                          _mm256_permutevar8x32_epi32 (wu, first),
                          _mm256_permutevar8x32_epi32 (wv, first));
    __m256i b = warp_two (p[2], p[3], row->stride,
                          _mm256_permutevar8x32_epi32 (wu, second),
                          _mm256_permutevar8x32_epi32 (wv, second));
    __m128i a0 = _mm256_castsi256_si128 (a),
            a1 = _mm256_extracti128_si256 (a, 1),
            b0 = _mm256_castsi256_si128 (b),
            b1 = _mm256_extracti128_si256 (b, 1);
    __m128i t0 = _mm_unpacklo_epi32 (a0, a1), t1 = _mm_unpacklo_epi32 (b0, b1);
    __m128i t2 = _mm_unpackhi_epi32 (a0, a1), t3 = _mm_unpackhi_epi32 (b0, b1);
    STORE128 (out[0] + i, _mm_unpacklo_epi64 (t0, t1));
    STORE128 (out[1] + i, _mm_unpackhi_epi64 (t0, t1));
    STORE128 (out[2] + i, _mm_unpacklo_epi64 (t2, t3));
  }
}

static inline __m256i
widen (const uint8_t *p)
{
  return _mm256_cvtepu8_epi16 (LOAD128 (p));
}

static inline int64_t
add_lanes (__m256i v)
{
  int32_t lane[8];
  int64_t sum = 0;

  STORE (lane, v);
  for (int i = 0; i < 8; i++)
    sum += lane[i];
  return sum;
}

static void
laplacian_avx2 (const uint8_t *row, ptrdiff_t stride, int n, int64_t *sum,
                int64_t *squares)
{
  const __m256i ones = _mm256_set1_epi16 (1);
  int x = 1;

  /* 256 steps of at most 2 * 1020^2 a lane stay below 2^31. */
  while (x + 16 <= n - 1) {
    __m256i s = _mm256_setzero_si256 (), q = s;
    for (int k = 0; k < 256 && x + 16 <= n - 1; k++, x += 16) {
      const uint8_t *p = row + x;
      __m256i v = _mm256_slli_epi16 (widen (p), 2);
      v = _mm256_sub_epi16 (v, _mm256_add_epi16 (widen (p - 1), widen (p + 1)));
      v = _mm256_sub_epi16 (
          v, _mm256_add_epi16 (widen (p - stride), widen (p + stride)));
      s = _mm256_add_epi32 (s, _mm256_madd_epi16 (v, ones));
      q = _mm256_add_epi32 (q, _mm256_madd_epi16 (v, v));
    }
    *sum += add_lanes (s);
    *squares += add_lanes (q);
  }
  for (; x < n - 1; x++) {
    int v = 4 * row[x] - row[x - 1] - row[x + 1] - row[x - stride]
            - row[x + stride];
    *sum += v;
    *squares += v * v;
  }
}

void
reid_image_dsp_init_avx2 (ReidImageDsp *dsp)
{
  *dsp = (ReidImageDsp){
    .vfilter8 = vfilter8_avx2,
    .vfilter16 = vfilter16_avx2,
    .split2 = split2_avx2,
    .split3 = split3_avx2,
    .split4 = split4_avx2,
    .hfilter = hfilter_avx2,
    .mix_float = mix_float_avx2,
    .mix_u8 = mix_u8_avx2,
    .pack4 = pack4_avx2,
    .warp_row = warp_row_avx2,
    .laplacian = laplacian_avx2,
  };
}
