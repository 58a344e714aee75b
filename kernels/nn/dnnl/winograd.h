/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_WINOGRAD_H
#define REID_DNNL_WINOGRAD_H

/* Convolutions of 3x3 with stride 1 by Winograd's minimal filtering: m x m
 * outputs (a tile) from (m + 2)^2 products a channel instead of 9 m^2, which is
 * 2.25 times fewer for m = 2 and 4 times fewer for m = 4.
 *
 *   Y = A^T [ sum_c (G g G^T) . (B^T d B) ] A
 *
 * (A. Lavin, S. Gray: Fast Algorithms for Convolutional Neural Networks, 2015).
 * The sum over channels is (m + 2)^2 matrix products, done by the row kernels'
 * point product. Tiles are worked on in chunks whose products stay in the
 * second-level cache.
 *
 * m = 2 interpolates at 0, 1, -1 and infinity; m = 4 at 0, +-5/8, +-3/2 and
 * infinity: with points whose products are near 1 the error of a layer is 1.5
 * times that of plain f32 sums, where the usual 0, +-1, +-2 has 3.4 times (B.
 * Barabasz et al.: Error Analysis and Improving the Accuracy of Winograd
 * Convolution for Deep Neural Networks, 2020, shows why). All factors are exact
 * in f32.
 *
 * Data is blocked as in rows.h. Each output is computed in one fixed order:
 * bytes depend neither on the chunks, the threads nor the instruction set. */

#include "nn/dnnl/rows.h"

#define REID_WINOGRAD_POINTS 36 /* of the larger tile */

typedef struct {
  int tile; /* m: 2 or 4 */
  int pictures, in_channels, out_channels;
  int in[2], out[2], pad[2]; /* height, width; top, left */
  const float *weight;       /* reid_winograd_pack() */
  const float *bias;         /* to whole blocks */
  ReidRowsEpilogue end;

  /* by reid_winograd_plan() */
  const ReidRows *rows;
  const struct ReidWinogradKernels *kernels;
  int tiles[2], n_tiles;       /* a picture; in all */
  int chunk;                   /* tiles worked on together */
  int group;                   /* output blocks worked on together */
  bool apart;                  /* threads take chunks, not parts of one */
  ptrdiff_t in_step, out_step; /* floats from one point to the next, of what
                                  goes into the products and of what comes */
} ReidWinograd;

/* For one instruction set, by tile: 0 of 2x2, 1 of 4x4. */
typedef struct ReidWinogradKernels {
  /* Tiles first..first + n of one block of channels, taken from `in`, to v +
   * point * in_step + (tile - first) * lanes. */
  void (*input[2]) (const ReidWinograd *w, int block, int first, int n,
                    const float *in, float *v);
  /* The way back, from m + point * out_step, with all that follows. residual:
   * NULL, or laid out as out. */
  void (*output[2]) (const ReidWinograd *w, int block, int first, int n,
                     const float *m, const float *residual, float *out);
} ReidWinogradKernels;

extern const ReidWinogradKernels reid_winograd_c;
#ifdef REID_ROWS_X86
extern const ReidWinogradKernels reid_winograd_avx2, reid_winograd_avx512;
#endif

/* Is it faster than a plain convolution, for outputs of this size? 0: no; or
 * the tile. The same for every batch. */
int reid_winograd_pays (int in_channels, int out_channels, int height,
                        int width);

/* Floats of the packed weights; 0 where they are more than memory has. */
size_t reid_winograd_weight_size (const ReidRows *rows, int tile,
                                  int in_channels, int out_channels);
/* weight: [out][in][3][3]. False where memory ends. */
bool reid_winograd_pack (const ReidRows *rows, int tile, int in_channels,
                         int out_channels, const float *weight, float *packed);

/* What depends on the shape and the number of threads. `rows` is one of
 * rows.h. */
void reid_winograd_plan (ReidWinograd *w, const ReidRows *rows, int threads);
/* Floats that a run needs beside its tensors. */
size_t reid_winograd_scratch (const ReidWinograd *w, int threads);
void reid_winograd_run (const ReidWinograd *w, int threads, const float *in,
                        const float *residual, float *out, float *scratch);

#endif /* REID_DNNL_WINOGRAD_H */
