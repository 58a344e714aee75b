/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>
#include <string.h>

#define LANES 8
#define NAME synth_tile_avx2

#include "synth/tile_template.h"
