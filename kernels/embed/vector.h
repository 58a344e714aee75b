/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_VECTOR_H
#define REID_EMBED_VECTOR_H

#include <stdbool.h>

/* Sum of squares in double, in order: the same everywhere. Negative when a
 * value is not finite. */
double reid_vector_norm2 (const float *v, int dims);
/* v / sqrt (norm2) * length, norm2 > 0; `out` may be `v`. */
void reid_vector_scale (const float *v, int dims, double norm2, double length,
                        float *out);

#endif /* REID_EMBED_VECTOR_H */
