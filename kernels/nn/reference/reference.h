/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_REFERENCE_H
#define REID_NN_REFERENCE_H

/* One plain loop nest per operator; together they define what is right. Each
 * works on every picture of the batch alone, in the same order, so that
 * neither batch nor threads change a byte. Shapes have been checked. */

#include "nn/backend.h"

void reid_ref_conv (const ReidConv *conv, const float *const *in,
                    const ReidShape *shapes, float *out,
                    const ReidShape *out_shape);
void reid_ref_gemm (const float *const *in, const ReidShape *shapes, int n_in,
                    float *out);
void reid_ref_matmul (const float *const *in, const ReidShape *shapes,
                      float *out, const ReidShape *out_shape);
void reid_ref_pool (const ReidNode *node, const float *x,
                    const ReidShape *shape, float *out,
                    const ReidShape *out_shape);
void reid_ref_unary (const ReidUnary *unary, const float *x, float *out,
                     int64_t n);
/* y = x * scale[c] + shift[c]; PReLU: slope[c] or slope[0]. */
void reid_ref_affine (const float *const *in, const ReidShape *shape,
                      float *out);
void reid_ref_prelu (const float *const *in, const ReidShape *shapes,
                     float *out);
void reid_ref_binary (ReidBinaryKind kind, const float *const *in,
                      const ReidShape *shapes, float *out,
                      const ReidShape *out_shape);
void reid_ref_softmax (int axis, const float *x, const ReidShape *shape,
                       float *out);
void reid_ref_concat (const ReidNode *node, const float *const *in,
                      const ReidShape *shapes, float *out);
void reid_ref_slice (const ReidSlice *slice, const float *x,
                     const ReidShape *shape, float *out,
                     const ReidShape *out_shape);
void reid_ref_pad (const ReidPad *pad, const float *x, const ReidShape *shape,
                   float *out, const ReidShape *out_shape);
void reid_ref_transpose (const ReidPerm *perm, const float *x,
                         const ReidShape *shape, float *out,
                         const ReidShape *out_shape);
void reid_ref_resize (const ReidResize *resize, const float *x,
                      const ReidShape *shape, float *out,
                      const ReidShape *out_shape);

void reid_ref_reduce (const ReidReduce *reduce, const float *x,
                      const ReidShape *shape, float *out);
void reid_ref_layer_norm (const ReidNode *node, const float *const *in,
                          const ReidShape *shape, float *out);
void reid_ref_expand (const float *x, const ReidShape *shape, float *out,
                      const ReidShape *out_shape);

/* The activation that a convolution carries; slope is that of the channel. */
float reid_ref_activate (const ReidConv *conv, float x, float slope);

#endif /* REID_NN_REFERENCE_H */
