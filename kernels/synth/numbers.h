/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SYNTH_NUMBERS_H
#define REID_SYNTH_NUMBERS_H

/* Random numbers that are functions of what they are for, and the few
 * functions of libm that a script needs, made of + - * / alone: a libm picks
 * other code on other processors, and then an episode would not be the same
 * everywhere. */

#include <math.h>
#include <stdint.h>

/* A finaliser in the way of MurmurHash3's, over four words. */
static inline uint32_t
synth_mix (uint32_t x)
{
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

static inline uint32_t
synth_hash (uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
  return synth_mix (
      synth_mix (synth_mix (synth_mix (a + 0x9e3779b9u) ^ b) + c * 0x85ebca6bu)
      ^ (d + 0xc2b2ae35u));
}

/* 0 <= x < 1, in steps of 2^-24. */
static inline double
synth_unit (uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
  return (synth_hash (a, b, c, d) >> 8) * 0x1p-24;
}

static inline double
synth_between (double from, double to, double unit)
{
  return from + (to - from) * unit;
}

/* sin (2 pi x), to 1e-8: its series after folding to a quarter of a turn. */
static inline double
synth_sin (double x)
{
  double f = x - floor (x + .5), s, r;

  f = f > .25 ? .5 - f : f < -.25 ? -.5 - f : f;
  s = f * 6.283185307179586;
  r = s * s;
  return s
         * (1
            + r
                  * (-1. / 6
                     + r
                           * (1. / 120
                              + r
                                    * (-1. / 5040
                                       + r
                                             * (1. / 362880
                                                + r * (-1. / 39916800))))));
}

static inline double
synth_cos (double x)
{
  return synth_sin (x + .25);
}

static inline double
synth_clamp (double x, double lo, double hi)
{
  return x < lo ? lo : x > hi ? hi : x;
}

/* 0 below a, 1 above b, smooth between; also for b < a. */
static inline double
synth_step (double a, double b, double x)
{
  double t = synth_clamp ((x - a) / (b - a), 0, 1);

  return t * t * (3 - 2 * t);
}

#endif /* REID_SYNTH_NUMBERS_H */
