/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/pool.h"

static double
sum_of (const float *map, int width, const int from[2], const int to[2])
{
  double sum = 0;

  for (int y = from[0]; y < to[0]; y++)
    for (int x = from[1]; x < to[1]; x++)
      sum += map[(int64_t) y * width + x];
  return sum;
}

void
reid_pool_grid (const float *map, int channels, int height, int width,
                const int grid[2], float *out)
{
  int64_t size = (int64_t) height * width;

  for (int c = 0; c < channels; c++, map += size)
    for (int i = 0; i < grid[0]; i++)
      for (int k = 0; k < grid[1]; k++) {
        int from[2] = { i * height / grid[0], k * width / grid[1] },
            to[2] = { ((i + 1) * height + grid[0] - 1) / grid[0],
                      ((k + 1) * width + grid[1] - 1) / grid[1] };
        int n = (to[0] - from[0]) * (to[1] - from[1]);
        *out++ = (float) (sum_of (map, width, from, to) / n);
      }
}

void
reid_pool_tokens (const float *map, int tokens, int channels, float *out)
{
  for (int c = 0; c < channels; c++) {
    double sum = 0;
    for (int t = 0; t < tokens; t++)
      sum += map[(int64_t) t * channels + c];
    out[c] = (float) (sum / tokens);
  }
}
