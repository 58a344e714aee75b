/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_MATMUL_H
#define REID_DNNL_MATMUL_H

/* Products of matrices that are both made at run time, as in attention: the
 * right one is packed for the row kernels, as weights are when a network is
 * loaded. */

#include "nn/dnnl/rows.h"
#include "nn/graph.h"

/* Floats of working memory. */
size_t reid_matmul_scratch (const ReidRows *rows, const ReidShape *a,
                            const ReidShape *b);
void reid_matmul (const ReidRows *rows, const ReidShape *in,
                  const ReidShape *out_shape, const float *a, const float *b,
                  float *out, float *scratch);

#endif /* REID_DNNL_MATMUL_H */
