/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_ROWS_H
#define REID_DNNL_ROWS_H

/* Row kernels for f32 activations in blocked layout: channels in blocks of
 * `lanes` floats (one vector register), a block holding H rows of W vectors,
 *
 *   value (c, y, x) at  (c / lanes) * block + y * row + x * lanes + c % lanes
 *
 * with the lanes beyond the last channel zero. This is oneDNN's nChw8c and
 * nChw16c, so both work on the same bytes.
 *
 * Each output element is accumulated in one fixed order (bias first, then the
 * taps in the order of the packed weights, one fused multiply-add each), so
 * every instruction set, split of the rows and tile size gives the same
 * bytes. The plain C version is the definition. */

#include "base/base.h"

typedef enum {
  REID_ROWS_LINEAR,
  REID_ROWS_CLIP,  /* min (hi, max (lo, x)); a NaN stays a NaN */
  REID_ROWS_SLOPE, /* x < 0 ? x * slope[c] : x */
  REID_ROWS_SWISH  /* x / (1 + e^-x) */
} ReidRowsAct;

typedef struct {
  ReidRowsAct kind;
  float lo, hi;
  const float *slope; /* blocks * lanes */
} ReidRowsEpilogue;

/* out[b][x] = act (bias[b] + sum_t in[x, t] * weight[b][t] + residual[b][x]),
 * `taps` inputs in segments of `segment` consecutive floats. A 1x1 convolution
 * has one segment for each block of input channels, a small dense convolution
 * one for each kernel row of each channel, an inner product one in all. */
typedef struct {
  int taps, segment;
  int plane;           /* segments after which in_plane is added; 0: never */
  int blocks;          /* of output channels */
  const float *weight; /* reid_rows_pack_point() */
  const float *bias;   /* blocks * lanes */
  ReidRowsEpilogue end;
} ReidRowsPoint;

typedef struct {
  const float *in;
  ptrdiff_t in_segment; /* floats from one segment to the next */
  ptrdiff_t in_plane;   /* and how many more after each plane */
  ptrdiff_t in_pixel;   /* floats from one pixel to the next */
  float *out;
  ptrdiff_t out_block, out_pixel;
  const float *residual; /* NULL, or laid out as out with res_block */
  ptrdiff_t res_block;
  int res_blocks; /* it has; the others get nothing */
  int n;          /* pixels */
} ReidRowsPointRun;

/* Depthwise convolution of whole rows. */
typedef struct {
  int blocks, kernel[2], stride[2];
  int pad_left;
  int in_width, out_width;
  const float *weight; /* [block][ky][kx][lanes] */
  const float *bias;
  ReidRowsEpilogue end;
} ReidRowsDepth;

typedef struct {
  int blocks, kernel[2], stride[2];
  int pad_left;
  int in_width, out_width;
} ReidRowsPool;

typedef struct {
  int lanes;
  int widest; /* output blocks that a point product holds in registers */
  const char *name;
  void (*point) (const ReidRowsPoint *p, const ReidRowsPointRun *run);
  /* in: kernel[0] + (n - 1) * stride[0] row pointers of block 0, NULL above
   * and below the picture; n output rows, out_row floats apart. */
  void (*depth) (const ReidRowsDepth *d, const float *const *in,
                 ptrdiff_t in_block, float *out, ptrdiff_t out_block,
                 ptrdiff_t out_row, int n);
  /* One output row of a max pool; kernel[0] row pointers. */
  void (*max_pool) (const ReidRowsPool *p, const float *const *in,
                    ptrdiff_t in_block, float *out, ptrdiff_t out_block);
  /* out[x] = a[x] + b[x / factor] for one row of each block. */
  void (*add_up) (int blocks, int width, int factor, const float *a,
                  ptrdiff_t a_block, const float *b, ptrdiff_t b_block,
                  float *out, ptrdiff_t out_block);
  /* out[x] = in[x] * gate for one row of each block. */
  void (*gate) (int blocks, int width, const float *in, ptrdiff_t in_block,
                const float *gate, float *out, ptrdiff_t out_block);
  /* Dense flat arrays, in place allowed; n any. */
  void (*sigmoid) (const float *in, float *out, size_t n);
  void (*gelu) (const float *in, float *out, size_t n);
} ReidRows;

extern const ReidRows reid_rows_c;
#ifdef REID_ROWS_X86
extern const ReidRows reid_rows_avx2, reid_rows_avx512;
#endif

/* The widest version among `flags`; NULL where there is none that is faster
 * than oneDNN (the plain one is for tests). */
const ReidRows *reid_rows_pick (unsigned flags);

/* Channels with the lanes beyond the last. */
size_t reid_rows_padded (const ReidRows *rows, int64_t channels);

/* Packed weights of a point product: for each group of up to `widest` output
 * blocks, for each tap, the group's blocks side by side. Groups are balanced:
 * 6 blocks of at most 4 are 3 + 3. */
size_t reid_rows_point_size (const ReidRows *rows, int out_channels, int taps);
/* weight[o][t], dense; `column` (NULL: identity) says where tap t is found. */
void reid_rows_pack_point (const ReidRows *rows, int out_channels, int taps,
                           const float *weight, float *packed);
/* Size of group g of `blocks` output blocks; 0 past the last. */
int reid_rows_group (const ReidRows *rows, int blocks, int g);

#endif /* REID_DNNL_ROWS_H */
