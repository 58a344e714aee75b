/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/dsp.h"

#include <string.h>

/* Rows of a block are walked one after the other, so that the compiler can
 * turn the inner loop into vectors on machines without a version of their
 * own. */
#define BLOCK 64

static void
vfilter8_c (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
            const int16_t *w, int taps, int n, ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS;

  for (int x = 0; x < n; x += BLOCK) {
    int32_t acc[BLOCK];
    int m = n - x < BLOCK ? n - x : BLOCK;

    for (int i = 0; i < BLOCK; i++)
      acc[i] = 1 << (shift - 1);
    for (int t = 0; t < taps; t++) {
      const uint8_t *row = src + t * stride + x;
      for (int i = 0; i < m; i++)
        acc[i] += w[t] * row[i];
    }
    for (int i = 0; i < m; i++)
      dst[x + i] = (int16_t) (acc[i] >> shift);
  }
}

static void
vfilter16_c (int16_t *dst, const uint8_t *src, ptrdiff_t stride,
             const int16_t *w, int taps, int n, int sample_shift,
             ptrdiff_t ahead)
{
  const int shift = REID_WEIGHT_BITS - REID_ROW_BITS + 2;

  for (int x = 0; x < n; x += BLOCK) {
    int32_t acc[BLOCK];
    int m = n - x < BLOCK ? n - x : BLOCK;

    for (int i = 0; i < BLOCK; i++)
      acc[i] = 1 << (shift - 1);
    for (int t = 0; t < taps; t++) {
      const uint8_t *row = src + t * stride + 2 * (ptrdiff_t) x;
      for (int i = 0; i < m; i++) {
        unsigned v = row[2 * i] | (unsigned) row[2 * i + 1] << 8;
        acc[i] += w[t] * (int) ((v >> sample_shift) & 1023);
      }
    }
    for (int i = 0; i < m; i++)
      dst[x + i] = (int16_t) (acc[i] >> shift);
  }
}

static void
split2_c (int16_t *const dst[4], const int16_t *src, int n)
{
  for (int i = 0; i < n; i++) {
    dst[0][i] = src[2 * i];
    dst[1][i] = src[2 * i + 1];
  }
}

static void
split3_c (int16_t *const dst[4], const int16_t *src, int n)
{
  for (int i = 0; i < n; i++) {
    dst[0][i] = src[3 * i];
    dst[1][i] = src[3 * i + 1];
    dst[2][i] = src[3 * i + 2];
  }
}

static void
split4_c (int16_t *const dst[4], const int16_t *src, int n)
{
  for (int c = 0; c < 4; c++)
    if (dst[c])
      for (int i = 0; i < n; i++)
        dst[c][i] = src[4 * i + c];
}

static void
hfilter_c (int32_t *dst, const int16_t *src, const ReidTaps *taps)
{
  for (int i = 0; i < taps->n_padded; i++) {
    const int16_t *s = src + taps->first[i];
    const int16_t *w = taps->weight + 4 * (size_t) i;
    int32_t acc = 0;

    for (int c = 0; c < taps->chunks; c++) {
      for (int k = 0; k < 4; k++)
        acc += w[k] * s[4 * c + k];
      w += 4 * (size_t) taps->n_padded;
    }
    dst[i] = acc;
  }
}

/* The comparisons are written the way MAXPS and MINPS decide, zeros' signs
 * included. */
static inline float
mix_one (const float m[4], float x0, float x1, float x2)
{
  float v = x0 * m[0] + x1 * m[1];

  v = v + x2 * m[2];
  v = v + m[3];
  v = v > 0.f ? v : 0.f;
  return v < 255.f ? v : 255.f;
}

static void
mix_float_c (float *const out[3], const int32_t *const in[3],
             const ReidMix *mix, int n)
{
  for (int c = 0; c < mix->n_out; c++)
    for (int i = 0; i < n; i++)
      out[c][i] = (mix_one (mix->m[c], (float) in[0][i], (float) in[1][i],
                            (float) in[2][i])
                   - mix->mean[c])
                  * mix->scale[c];
}

static void
mix_u8_c (uint8_t *out, const int32_t *const in[3], const ReidMix *mix, int n)
{
  for (int i = 0; i < n; i++)
    for (int c = 0; c < mix->n_out; c++)
      *out++ = (uint8_t) (mix_one (mix->m[c], (float) in[0][i],
                                   (float) in[1][i], (float) in[2][i])
                          + 0.5f);
}

static void
pack4_c (int16_t *dst, const int32_t *const in[3], int n)
{
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < 3; c++)
      dst[4 * i + c] = (int16_t) ((in[c][i] + (1 << (REID_WEIGHT_BITS - 1)))
                                  >> REID_WEIGHT_BITS);
    dst[4 * i + 3] = 0;
  }
}

static void
warp_row_c (int32_t *const out[3], const ReidWarpRow *row, int n)
{
  const double umax = row->nu - 1, vmax = row->nv - 1;

  for (int x = 0; x < n; x++) {
    double u = row->u0 + x * row->du, v = row->v0 + x * row->dv;

    u = u > 0 ? u : 0;
    u = u < umax ? u : umax;
    v = v > 0 ? v : 0;
    v = v < vmax ? v : vmax;
    int32_t pu = (int32_t) (u * REID_WEIGHT_ONE + 0.5);
    int32_t pv = (int32_t) (v * REID_WEIGHT_ONE + 0.5);
    int fu = pu & (REID_WEIGHT_ONE - 1), fv = pv & (REID_WEIGHT_ONE - 1);
    const int16_t *p = row->src + (pv >> REID_WEIGHT_BITS) * row->stride
                       + 4 * (ptrdiff_t) (pu >> REID_WEIGHT_BITS);
    const int16_t *q = p + row->stride;

    for (int c = 0; c < 3; c++) {
      int32_t top =
          (p[c] * (REID_WEIGHT_ONE - fu) + p[c + 4] * fu + REID_WEIGHT_ONE / 2)
          >> REID_WEIGHT_BITS;
      int32_t bottom =
          (q[c] * (REID_WEIGHT_ONE - fu) + q[c + 4] * fu + REID_WEIGHT_ONE / 2)
          >> REID_WEIGHT_BITS;
      out[c][x] = top * (REID_WEIGHT_ONE - fv) + bottom * fv;
    }
  }
}

static void
laplacian_c (const uint8_t *row, ptrdiff_t stride, int n, int64_t *sum,
             int64_t *squares)
{
  for (int x = 1; x < n - 1; x++) {
    int v = 4 * row[x] - row[x - 1] - row[x + 1] - row[x - stride]
            - row[x + stride];
    *sum += v;
    *squares += v * v;
  }
}

void
reid_image_dsp_init (ReidImageDsp *dsp, unsigned flags)
{
  *dsp = (ReidImageDsp){
    .vfilter8 = vfilter8_c,
    .vfilter16 = vfilter16_c,
    .split2 = split2_c,
    .split3 = split3_c,
    .split4 = split4_c,
    .hfilter = hfilter_c,
    .mix_float = mix_float_c,
    .mix_u8 = mix_u8_c,
    .pack4 = pack4_c,
    .warp_row = warp_row_c,
    .laplacian = laplacian_c,
  };
#ifdef __x86_64__
  if (flags & REID_CPU_AVX2)
    reid_image_dsp_init_avx2 (dsp);
  if (flags & REID_CPU_AVX512)
    reid_image_dsp_init_avx512 (dsp);
#endif
}
