/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/rows.h"
#include "nn/dnnl/vector_avx2.h"

#define NAME reid_rows_avx2
#define NAME_TEXT "avx2"
#define WIDEST 2
#define PX1 8
#define PX2 6
#define PX3 4
#define PX4 2
#define PAIR_PX 2

#include "nn/dnnl/rows_template.h"
