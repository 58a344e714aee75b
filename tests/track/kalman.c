/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter in blocks against the same filter with whole matrices. */

#include "test.h"
#include "track/track-private.h"

enum { N = 7, M = 4 };

typedef struct {
  double x[N], p[N][N];
} Plain;

/* Velocities of x, y, s stand at 4, 5, 6. */
static int
velocity_of (int i)
{
  return i < 3 ? i + 4 : -1;
}

static void
plain_init (Plain *k, const double z[M])
{
  double side = sqrt (z[2]);
  double std[N] = { REID_KALMAN_POSITION_STD * side,
                    REID_KALMAN_POSITION_STD * side,
                    REID_KALMAN_AREA_STD * z[2],
                    REID_KALMAN_ASPECT_STD * z[3],
                    REID_KALMAN_FIRST_VELOCITY_STD * side,
                    REID_KALMAN_FIRST_VELOCITY_STD * side,
                    REID_KALMAN_FIRST_GROWTH_STD * z[2] };

  memset (k, 0, sizeof *k);
  for (int i = 0; i < N; i++) {
    k->x[i] = i < M ? z[i] : 0;
    k->p[i][i] = std[i] * std[i];
  }
}

static void
multiply (double out[N][N], double a[N][N], double b[N][N], bool transpose_b)
{
  double r[N][N];

  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      r[i][j] = 0;
      for (int k = 0; k < N; k++)
        r[i][j] += a[i][k] * (transpose_b ? b[j][k] : b[k][j]);
    }
  memcpy (out, r, sizeof r);
}

static void
plain_predict (Plain *k)
{
  double side = sqrt (k->x[2]), f[N][N] = { { 0 } };
  double drift[N] = {
    REID_KALMAN_POSITION_DRIFT * side, REID_KALMAN_POSITION_DRIFT * side,
    REID_KALMAN_AREA_DRIFT * k->x[2],  REID_KALMAN_ASPECT_DRIFT * k->x[3],
    REID_KALMAN_VELOCITY_DRIFT * side, REID_KALMAN_VELOCITY_DRIFT * side,
    REID_KALMAN_GROWTH_DRIFT * k->x[2]
  };

  if (k->x[2] + k->x[6] <= 0)
    k->x[6] = 0;
  for (int i = 0; i < N; i++) {
    f[i][i] = 1;
    if (velocity_of (i) >= 0) {
      f[i][velocity_of (i)] = 1;
      k->x[i] += k->x[velocity_of (i)];
    }
  }
  multiply (k->p, f, k->p, false);
  multiply (k->p, k->p, f, true);
  for (int i = 0; i < N; i++)
    k->p[i][i] += drift[i] * drift[i];
}

/* K = P H^T S^-1 with S by Gauss-Jordan; x += K y; P = (I - K H) P. */
static void
plain_update (Plain *k, const double z[M])
{
  double side = sqrt (z[2]);
  double std[M] = { REID_KALMAN_POSITION_STD * side,
                    REID_KALMAN_POSITION_STD * side,
                    REID_KALMAN_AREA_STD * z[2],
                    REID_KALMAN_ASPECT_STD * z[3] };
  double s[M][2 * M] = { { 0 } }, gain[N][M], keep[N][N] = { { 0 } };

  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++)
      s[i][j] = k->p[i][j];
    s[i][i] += std[i] * std[i];
    s[i][M + i] = 1;
  }
  for (int c = 0; c < M; c++) {
    double d = s[c][c];

    for (int j = 0; j < 2 * M; j++)
      s[c][j] /= d;
    for (int i = 0; i < M; i++) {
      double e = s[i][c];

      for (int j = 0; i != c && j < 2 * M; j++)
        s[i][j] -= e * s[c][j];
    }
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < M; j++) {
      gain[i][j] = 0;
      for (int c = 0; c < M; c++)
        gain[i][j] += k->p[i][c] * s[c][M + j];
    }
  double innovation[M];
  for (int j = 0; j < M; j++)
    innovation[j] = z[j] - k->x[j];
  for (int i = 0; i < N; i++) {
    keep[i][i] = 1;
    for (int j = 0; j < M; j++) {
      k->x[i] += gain[i][j] * innovation[j];
      keep[i][j] -= gain[i][j];
    }
  }
  multiply (k->p, keep, k->p, false);
}

static void
compare (const ReidKalman *k, const Plain *p)
{
  double x[N] = { k->x.value,    k->y.value,    k->s.value,   k->r,
                  k->x.velocity, k->y.velocity, k->s.velocity };
  const ReidKalmanAxis *axis[3] = { &k->x, &k->y, &k->s };

  for (int i = 0; i < N; i++)
    CHECK_NEAR (x[i], p->x[i], 1e-9 * (1 + fabs (p->x[i])));
  for (int i = 0; i < 3; i++) {
    double scale = 1e-8 * p->p[i][i];

    CHECK_NEAR (axis[i]->p00, p->p[i][i], scale);
    CHECK_NEAR (axis[i]->p01, p->p[i][i + 4], scale);
    CHECK_NEAR (axis[i]->p11, p->p[i + 4][i + 4], scale);
  }
  CHECK_NEAR (k->r_var, p->p[3][3], 1e-9);
  /* What the blocks leave out is indeed nothing. */
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      if (i != j && velocity_of (i) != j && velocity_of (j) != i)
        CHECK (p->p[i][j] == 0);
}

TEST (as_with_whole_matrices)
{
  uint64_t state = 1;

  for (int round = 0; round < 20; round++) {
    double z[M] = { test_uniform (&state), test_uniform (&state),
                    0.001 + 0.02 * test_uniform (&state),
                    0.5 + test_uniform (&state) };
    ReidKalmanObservation o = { z[0], z[1], z[2], z[3] };
    ReidKalman k;
    Plain p;

    reid_kalman_init (&k, &o);
    plain_init (&p, z);
    for (int f = 0; f < 300; f++) {
      reid_kalman_predict (&k);
      plain_predict (&p);
      if (test_random (&state) % 4 != 0) {
        z[0] += 0.02 * (test_uniform (&state) - 0.5);
        z[1] += 0.02 * (test_uniform (&state) - 0.4);
        z[2] *= 1 + 0.1 * (test_uniform (&state) - 0.5);
        z[3] *= 1 + 0.1 * (test_uniform (&state) - 0.5);
        o = (ReidKalmanObservation){ z[0], z[1], z[2], z[3] };
        reid_kalman_update (&k, &o);
        plain_update (&p, z);
      }
      compare (&k, &p);
    }
  }
}

TEST (covariance_stays_one)
{
  uint64_t state = 2;
  ReidKalmanObservation z = { 0.5, 0.5, 0.01, 0.8 };
  ReidKalman k;

  reid_kalman_init (&k, &z);
  for (int f = 0; f < 100000; f++) {
    const ReidKalmanAxis *axis[3] = { &k.x, &k.y, &k.s };

    reid_kalman_predict (&k);
    if (test_random (&state) % 3 != 0) {
      /* From a dot to the whole frame, between one frame and the next. */
      z.s = pow (10, -6 * test_uniform (&state));
      z.x = test_uniform (&state);
      reid_kalman_update (&k, &z);
    }
    for (int a = 0; a < 3; a++) {
      bool fine = axis[a]->p00 > 0 && axis[a]->p11 > 0
                  && axis[a]->p00 * axis[a]->p11 > axis[a]->p01 * axis[a]->p01
                  && isfinite (axis[a]->value);
      CHECK_MSG (fine, "frame %d, axis %d", f, a);
    }
    CHECK (k.r_var > 0 && k.s.value > 0);
    if (reid_test_failed)
      return;
  }
}

TEST (learns_a_constant_velocity)
{
  ReidKalmanObservation z = { 0.2, 0.5, 0.01, 1 };
  ReidKalman k;

  reid_kalman_init (&k, &z);
  for (int f = 0; f < 200; f++) {
    z.x += 0.005;
    z.y -= 0.002;
    z.s *= 1.003;
    reid_kalman_predict (&k);
    reid_kalman_update (&k, &z);
  }
  CHECK_NEAR (k.x.velocity, 0.005, 1e-6);
  CHECK_NEAR (k.y.velocity, -0.002, 1e-6);
  CHECK_NEAR (k.s.velocity / k.s.value, 0.003, 2e-4);
}

TEST (box_and_observation_are_inverse)
{
  double box[4] = { 0.1, 0.2, 0.3, 0.6 }, back[4];
  ReidKalmanObservation z;
  ReidKalman k;

  reid_kalman_observe (box, &z);
  CHECK_NEAR (z.x, 0.2, 1e-15);
  CHECK_NEAR (z.y, 0.4, 1e-15);
  CHECK_NEAR (z.s, 0.08, 1e-15);
  CHECK_NEAR (z.r, 0.5, 1e-15);
  reid_kalman_init (&k, &z);
  reid_kalman_box (&k, back);
  for (int i = 0; i < 4; i++)
    CHECK_NEAR (back[i], box[i], 1e-15);
}

TEST (shrinking_ends_before_nothing)
{
  ReidKalmanObservation z = { 0.5, 0.5, 0.01, 1 };
  ReidKalman k;
  double box[4];

  reid_kalman_init (&k, &z);
  for (int f = 0; f < 5; f++) {
    z.s *= 0.6;
    reid_kalman_predict (&k);
    reid_kalman_update (&k, &z);
  }
  for (int f = 0; f < 1000; f++)
    reid_kalman_predict (&k);
  reid_kalman_box (&k, box);
  CHECK (k.s.value > 0 && isfinite (box[0]) && box[2] > box[0]
         && box[3] > box[1]);
}

TEST_MAIN ()
