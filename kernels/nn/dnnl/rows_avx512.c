/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/rows.h"
#include "nn/dnnl/vector_avx512.h"

#define NAME reid_rows_avx512
#define NAME_TEXT "avx512"
#define WIDEST 4
#define PX1 12
#define PX2 12
#define PX3 8
#define PX4 6
#define PAIR_PX 6

#include "nn/dnnl/rows_template.h"
