/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/vector_c.h"

#define NAME reid_winograd_c

#include "nn/dnnl/winograd_template.h"
