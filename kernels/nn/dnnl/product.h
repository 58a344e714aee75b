/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_PRODUCT_H
#define REID_DNNL_PRODUCT_H

/* A dense matrix of m rows times packed weights, by the row kernels. Its rows
 * are laid out anew, in blocks of a vector's lanes as those of a picture are:
 * then the kernel finds the same column of neighbouring rows at fixed
 * distances. Each output is summed by one thread from end to end, so that
 * neither the number of rows nor that of threads changes a byte. */

#include "nn/dnnl/rows.h"

/* Floats of working memory for `n` columns of output. */
size_t reid_product_scratch (const ReidRows *rows, int64_t m, int64_t k,
                             int64_t n);
/* in: m * point->taps; out: m * n, both dense. */
void reid_product_run (const ReidRows *rows, const ReidRowsPoint *point,
                       int threads, const float *in, int64_t m, int64_t n,
                       float *out, float *scratch);

#endif /* REID_DNNL_PRODUCT_H */
