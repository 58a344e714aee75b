/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_PASSES_H
#define REID_DNNL_PASSES_H

/* Passes over whole tensors that need no library: layout changes, and what is
 * elementwise or per channel, done on the padded bytes as they lie. Shapes are
 * [n, channels, height, width] for the blocked layouts; padding lanes are zero
 * on the way out. */

#include "nn/backend.h"
#include "nn/dnnl/rows.h"
#include "nn/dnnl/shim.h"

/* Floats in a block: 8 or 16; 1 for the plain layouts. */
int reid_layout_lanes (ReidLayout layout);
/* Bytes, 0 on overflow. */
size_t reid_layout_size (const ReidShape *shape, ReidLayout layout);

void reid_pass_convert (const ReidShape *shape, const float *in,
                        ReidLayout from, float *out, ReidLayout to);
/* Channels first..first + count of a blocked tensor to [n][h][w][count]; also
 * from the dense layout. */
void reid_pass_nhwc (const ReidShape *shape, ReidLayout layout, const float *in,
                     int first, int count, float *out);
/* In place allowed. `rows` may be NULL. */
void reid_pass_unary (const ReidShape *shape, ReidLayout layout,
                      const ReidUnary *unary, const ReidRows *rows,
                      const float *in, float *out);

typedef enum {
  REID_PASS_SAME,    /* b has a's shape and layout */
  REID_PASS_SCALAR,  /* b is one float */
  REID_PASS_CHANNEL, /* b has one float for each channel (padded to 16) */
  REID_PASS_GATE     /* the same for each picture, in a's layout */
} ReidPassBroadcast;

/* out = swap ? b op a : a op b. In place on a allowed. */
void reid_pass_binary (const ReidShape *shape, ReidLayout layout,
                       ReidBinaryKind kind, ReidPassBroadcast broadcast,
                       bool swap, const float *a, const float *b, float *out);
/* x * scale[c] + shift[c] */
void reid_pass_affine (const ReidShape *shape, ReidLayout layout,
                       const float *in, const float *scale, const float *shift,
                       float *out);
/* x < 0 ? x * slope[c] : x */
void reid_pass_prelu (const ReidShape *shape, ReidLayout layout,
                      const float *in, const float *slope, float *out);

#endif /* REID_DNNL_PASSES_H */
