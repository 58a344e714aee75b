/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define NAME reid_bf16_c
#define NAME_TEXT "c"
#include "nn/dnnl/bf16_loops.h"
