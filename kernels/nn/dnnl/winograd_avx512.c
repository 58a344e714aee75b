/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/vector_avx512.h"

#define NAME reid_winograd_avx512

#include "nn/dnnl/winograd_template.h"
