/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_PASSES_BF16_H
#define REID_DNNL_PASSES_BF16_H

/* What passes.h has, for values in REID_LAYOUT_BF16, which it hands on to
 * here. What bf16.h has no loop for is done on pieces that are widened and
 * rounded again. */

#include "nn/dnnl/passes.h"

/* Channels of a value, at most, for reid_pass_*(); the compiler looks. */
#define REID_BF16_CHANNELS 4096

/* To or from bf16. */
void reid_bf16_convert (const ReidShape *shape, const void *in, ReidLayout from,
                        void *out, ReidLayout to);
void reid_bf16_unary (const ReidShape *shape, const ReidUnary *unary,
                      const ReidRows *rows, const uint16_t *in, uint16_t *out);
/* b is in bf16 where it is a value, REID_PASS_SAME and REID_PASS_GATE. */
void reid_bf16_binary (const ReidShape *shape, ReidBinaryKind kind,
                       ReidPassBroadcast broadcast, bool swap,
                       const uint16_t *a, const void *b, uint16_t *out);
void reid_bf16_affine (const ReidShape *shape, const uint16_t *in,
                       const float *scale, const float *shift, uint16_t *out);
void reid_bf16_prelu (const ReidShape *shape, const uint16_t *in,
                      const float *slope, uint16_t *out);
/* Its channels into those of a value that has `wide` of them. */
void reid_bf16_place (const ReidShape *shape, const uint16_t *in, size_t wide,
                      uint16_t *out);

#endif /* REID_DNNL_PASSES_BF16_H */
