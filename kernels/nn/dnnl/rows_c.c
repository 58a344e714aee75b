/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/rows.h"
#include "nn/dnnl/vector_c.h"

/* The definition of the row kernels. */

#define NAME reid_rows_c
#define NAME_TEXT "c"
#define WIDEST 4
#define PX1 8
#define PX2 6
#define PX3 4
#define PX4 2
#define PAIR_PX 2

#include "nn/dnnl/rows_template.h"
