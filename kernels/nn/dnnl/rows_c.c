/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/rows.h"

#include <math.h>
#include <string.h>

/* The definition of the row kernels, one float after the other. */

#define LANES 8
#define NAME reid_rows_c
#define NAME_TEXT "c"

typedef struct {
  float f[LANES];
} V;

#define EACH(expression)                                                       \
  V r;                                                                         \
  for (int i = 0; i < LANES; i++)                                              \
    r.f[i] = (expression);                                                     \
  return r

static V
V_LOAD (const float *p)
{
  EACH (p[i]);
}

static void
V_STORE (float *p, V v)
{
  memcpy (p, v.f, sizeof v.f);
}

static V
V_SET (float x)
{
  EACH (x);
}

static V
V_FMA (V a, V b, V c)
{
  EACH (fmaf (a.f[i], b.f[i], c.f[i]));
}

static V
V_ADD (V a, V b)
{
  EACH (a.f[i] + b.f[i]);
}

static V
V_DIV (V a, V b)
{
  EACH (a.f[i] / b.f[i]);
}

static V
V_MAX (V a, V b)
{
  EACH (a.f[i] > b.f[i] ? a.f[i] : b.f[i]);
}

static V
V_MIN (V a, V b)
{
  EACH (a.f[i] < b.f[i] ? a.f[i] : b.f[i]);
}

static V
V_SLOPE (V v, V s)
{
  EACH (v.f[i] < 0 ? v.f[i] * s.f[i] : v.f[i]);
}

static V
V_ROUND (V v)
{
  EACH (rintf (v.f[i]));
}

static V
V_EXP2I (V v)
{
  EACH (ldexpf (1.0f, (int) v.f[i]));
}

#define PX1 8
#define PX2 6
#define PX3 4
#define PX4 2
#define PAIR_PX 2

#include "nn/dnnl/rows_template.h"
