/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define NAME reid_bf16_avx2
#define NAME_TEXT "avx2"
#include "nn/dnnl/bf16_loops.h"
