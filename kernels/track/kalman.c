/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The constant-velocity filter of SORT (Bewley et al., ICIP 2016) that OC-SORT
 * keeps: x' = F x, P' = F P F^T + Q; K = P H^T (H P H^T + R)^-1. SORT's noise
 * is in pixels; here it is in shares of the face's size, so that a face moves
 * alike at any resolution and distance. The measurement update is in Joseph's
 * form, (I - K H) P (I - K H)^T + K R K^T, which keeps the covariance positive
 * definite over any number of frames. */

#include "track/track-private.h"

#include <math.h>

/* Below this a face has no size that could be divided by. */
#define SMALLEST 1e-12

static double
square (double x)
{
  return x * x;
}

static void
axis_init (ReidKalmanAxis *a, double value, double std, double velocity_std)
{
  a->value = value;
  a->velocity = 0;
  a->p00 = square (std);
  a->p01 = 0;
  a->p11 = square (velocity_std);
}

static void
axis_predict (ReidKalmanAxis *a, double drift, double velocity_drift)
{
  a->value += a->velocity;
  a->p00 += 2 * a->p01 + a->p11 + square (drift);
  a->p01 += a->p11;
  a->p11 += square (velocity_drift);
}

static void
axis_update (ReidKalmanAxis *a, double z, double std)
{
  double r = square (std), innovation = z - a->value;
  double k0 = a->p00 / (a->p00 + r), k1 = a->p01 / (a->p00 + r);
  double keep = 1 - k0;
  double p00 = a->p00, p01 = a->p01;

  a->value += k0 * innovation;
  a->velocity += k1 * innovation;
  a->p00 = keep * keep * p00 + k0 * k0 * r;
  a->p01 = keep * (p01 - k1 * p00) + k0 * k1 * r;
  a->p11 += k1 * k1 * (p00 + r) - 2 * k1 * p01;
}

void
reid_kalman_observe (const double box[4], ReidKalmanObservation *z)
{
  double w = fmax (box[2] - box[0], SMALLEST);
  double h = fmax (box[3] - box[1], SMALLEST);

  z->x = (box[0] + box[2]) / 2;
  z->y = (box[1] + box[3]) / 2;
  z->s = w * h;
  z->r = w / h;
}

void
reid_kalman_init (ReidKalman *k, const ReidKalmanObservation *z)
{
  double side = sqrt (z->s);

  axis_init (&k->x, z->x, REID_KALMAN_POSITION_STD * side,
             REID_KALMAN_FIRST_VELOCITY_STD * side);
  axis_init (&k->y, z->y, REID_KALMAN_POSITION_STD * side,
             REID_KALMAN_FIRST_VELOCITY_STD * side);
  axis_init (&k->s, z->s, REID_KALMAN_AREA_STD * z->s,
             REID_KALMAN_FIRST_GROWTH_STD * z->s);
  k->r = z->r;
  k->r_var = square (REID_KALMAN_ASPECT_STD * z->r);
}

void
reid_kalman_predict (ReidKalman *k)
{
  double side = sqrt (k->s.value);

  /* A face that shrinks away to nothing stops shrinking. */
  if (!(k->s.value + k->s.velocity > SMALLEST))
    k->s.velocity = 0;
  axis_predict (&k->x, REID_KALMAN_POSITION_DRIFT * side,
                REID_KALMAN_VELOCITY_DRIFT * side);
  axis_predict (&k->y, REID_KALMAN_POSITION_DRIFT * side,
                REID_KALMAN_VELOCITY_DRIFT * side);
  axis_predict (&k->s, REID_KALMAN_AREA_DRIFT * k->s.value,
                REID_KALMAN_GROWTH_DRIFT * k->s.value);
  k->r_var += square (REID_KALMAN_ASPECT_DRIFT * k->r);
}

void
reid_kalman_update (ReidKalman *k, const ReidKalmanObservation *z)
{
  double side = sqrt (z->s), r = square (REID_KALMAN_ASPECT_STD * z->r);
  double gain = k->r_var / (k->r_var + r);

  axis_update (&k->x, z->x, REID_KALMAN_POSITION_STD * side);
  axis_update (&k->y, z->y, REID_KALMAN_POSITION_STD * side);
  axis_update (&k->s, z->s, REID_KALMAN_AREA_STD * z->s);
  k->s.value = fmax (k->s.value, SMALLEST);
  k->r += gain * (z->r - k->r);
  k->r_var = square (1 - gain) * k->r_var + square (gain) * r;
}

void
reid_kalman_box (const ReidKalman *k, double box[4])
{
  double w = sqrt (k->s.value * k->r), h = k->s.value / w;

  box[0] = k->x.value - w / 2;
  box[1] = k->y.value - h / 2;
  box[2] = k->x.value + w / 2;
  box[3] = k->y.value + h / 2;
}
