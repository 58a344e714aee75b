/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "synth/private.h"

#define LANES 1
#define NAME synth_tile_c

#include "synth/tile_template.h"
