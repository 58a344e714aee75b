/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_VECTOR_C_H
#define REID_DNNL_VECTOR_C_H

/* The vector of the kernels' definition, one float after the other. */

#include <math.h>
#include <string.h>

#define LANES 8
#define V_PLAIN

typedef struct {
  float f[LANES];
} V;

#define EACH(expression)                                                       \
  V r;                                                                         \
  for (int i = 0; i < LANES; i++)                                              \
    r.f[i] = (expression);                                                     \
  return r

static inline V
V_LOAD (const float *p)
{
  EACH (p[i]);
}

static inline void
V_STORE (float *p, V v)
{
  memcpy (p, v.f, sizeof v.f);
}

static inline V
V_SET (float x)
{
  EACH (x);
}

static inline V
V_FMA (V a, V b, V c)
{
  EACH (fmaf (a.f[i], b.f[i], c.f[i]));
}

static inline V
V_ADD (V a, V b)
{
  EACH (a.f[i] + b.f[i]);
}

static inline V
V_SUB (V a, V b)
{
  EACH (a.f[i] - b.f[i]);
}

static inline V
V_MUL (V a, V b)
{
  EACH (a.f[i] * b.f[i]);
}

static inline V
V_DIV (V a, V b)
{
  EACH (a.f[i] / b.f[i]);
}

static inline V
V_MAX (V a, V b)
{
  EACH (a.f[i] > b.f[i] ? a.f[i] : b.f[i]);
}

static inline V
V_MIN (V a, V b)
{
  EACH (a.f[i] < b.f[i] ? a.f[i] : b.f[i]);
}

static inline V
V_SLOPE (V v, V s)
{
  EACH (v.f[i] < 0 ? v.f[i] * s.f[i] : v.f[i]);
}

static inline V
V_ROUND (V v)
{
  EACH (rintf (v.f[i]));
}

static inline V
V_EXP2I (V v)
{
  EACH (ldexpf (1.0f, (int) v.f[i]));
}

#endif /* REID_DNNL_VECTOR_C_H */
