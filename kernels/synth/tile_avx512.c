/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>
#include <string.h>

#define LANES 16
#define NAME synth_tile_avx512

#include "synth/tile_template.h"
