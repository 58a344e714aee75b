/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

static float
dot (const float *a, const float *b, size_t stride)
{
  float lane[REID_LANES] = { 0 };

  for (size_t k = 0; k < stride; k += REID_LANES)
    for (int l = 0; l < REID_LANES; l++)
      lane[l] += a[k + l] * b[k + l];
  for (int half = REID_LANES / 2; half; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] += lane[l + half];
  return lane[0];
}

void
reid_similarity_c (const float *a, int na, const float *b, int nb,
                   size_t stride, float *out, size_t out_stride)
{
  for (int i = 0; i < na; i++)
    for (int j = 0; j < nb; j++)
      out[(size_t) i * out_stride + j] =
          dot (a + i * stride, b + j * stride, stride);
}

ReidSimilarityFunc
reid_similarity_pick (unsigned cpu_flags)
{
#ifdef __x86_64__
  if (cpu_flags & REID_CPU_AVX512)
    return reid_similarity_avx512;
  if (cpu_flags & REID_CPU_AVX2)
    return reid_similarity_avx2;
#endif
  return reid_similarity_c;
}

void
reid_similarity_tiles (const float *rows, int n, size_t stride,
                       ReidTileVisitor visit, void *user)
{
  ReidSimilarityFunc similarity = reid_similarity_pick (reid_cpu_flags ());
  float tile[REID_TILE * REID_TILE];

  for (int i0 = 0; i0 < n; i0 += REID_TILE) {
    int i1 = n - i0 < REID_TILE ? n : i0 + REID_TILE;

    for (int j0 = 0; j0 <= i0; j0 += REID_TILE) {
      int j1 = n - j0 < REID_TILE ? n : j0 + REID_TILE;

      similarity (rows + i0 * stride, i1 - i0, rows + j0 * stride, j1 - j0,
                  stride, tile, REID_TILE);
      visit (user, i0, i1, j0, j1, tile);
    }
  }
}
