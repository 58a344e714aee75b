/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/rows.h"

#include <string.h>

const ReidRows *
reid_rows_pick (unsigned flags)
{
#ifdef REID_ROWS_X86
  if (flags & REID_CPU_AVX512)
    return &reid_rows_avx512;
  if (flags & REID_CPU_AVX2)
    return &reid_rows_avx2;
#endif
  return NULL;
}

int
reid_rows_group (const ReidRows *rows, int blocks, int g)
{
  int groups = (blocks + rows->widest - 1) / rows->widest;
  if (g >= groups)
    return 0;
  return blocks / groups + (g < blocks % groups);
}

size_t
reid_rows_padded (const ReidRows *rows, int64_t channels)
{
  size_t lanes = (size_t) rows->lanes;
  return ((size_t) channels + lanes - 1) / lanes * lanes;
}

size_t
reid_rows_point_size (const ReidRows *rows, int out_channels, int taps)
{
  return reid_rows_padded (rows, out_channels) * taps;
}

void
reid_rows_pack_point (const ReidRows *rows, int out_channels, int taps,
                      const float *weight, float *packed)
{
  int lanes = rows->lanes, blocks = (out_channels + lanes - 1) / lanes;
  for (int g = 0, block = 0, nb; block < blocks; g++, block += nb) {
    nb = reid_rows_group (rows, blocks, g);
    for (int t = 0; t < taps; t++)
      for (int i = 0; i < nb * lanes; i++) {
        int o = block * lanes + i;
        *packed++ = o < out_channels ? weight[(size_t) o * taps + t] : 0;
      }
  }
}
