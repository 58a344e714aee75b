/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_POOL_H
#define REID_EMBED_POOL_H

#include "base/base.h"

/* Means over a grid of cells that cover the map, as PyTorch's
 * adaptive_avg_pool2d: cell i of n along an axis of size s goes from
 * floor (i s / n) to ceil ((i + 1) s / n), so that cells may overlap.
 * map: [channels][height][width]; out: [channels][grid[0]][grid[1]]. Sums in
 * double. */
REID_API void reid_pool_grid (const float *map, int channels, int height,
                              int width, const int grid[2], float *out);
/* Means over tokens: [tokens][channels] to [channels]. */
REID_API void reid_pool_tokens (const float *map, int tokens, int channels,
                                float *out);

#endif /* REID_EMBED_POOL_H */
