/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* S. Umeyama, "Least-squares estimation of transformation parameters between
 * two point patterns", IEEE PAMI 13(4), 1991, eq. 40-43, in the plane, where
 * the singular value decomposition of the 2x2 covariance need not be computed:
 * with its entries s_xx .. s_yy the best rotation (determinant +1) turns by
 * atan2 (s_yx - s_xy, s_xx + s_yy), and trace (D S) is the length of that
 * vector, reflections excluded as in eq. 43. */

#include "image/image.h"

#include <math.h>

const double reid_arcface_template[10] = { 38.2946, 51.6963, 73.5318, 51.5014,
                                           56.0252, 71.7366, 41.5493, 92.3655,
                                           70.7299, 92.2041 };

bool
reid_similarity (const double *from, const double *to, int n, double matrix[6])
{
  double fx = 0, fy = 0, tx = 0, ty = 0;
  double along = 0, across = 0, spread = 0, spread_from = 0;

  if (!from || !to || !matrix || n < 2)
    return false;
  for (int i = 0; i < n; i++) {
    fx += from[2 * i] / n;
    fy += from[2 * i + 1] / n;
    tx += to[2 * i] / n;
    ty += to[2 * i + 1] / n;
  }
  for (int i = 0; i < n; i++) {
    double ax = to[2 * i] - tx, ay = to[2 * i + 1] - ty;
    double bx = from[2 * i] - fx, by = from[2 * i + 1] - fy;
    along += ax * bx + ay * by;
    across += ax * by - ay * bx;
    spread += ax * ax + ay * ay;
    spread_from += bx * bx + by * by;
  }

  double c = along / spread, s = across / spread;
  double m[6] = { c, -s, fx - c * tx + s * ty, s, c, fy - s * tx - c * ty };
  for (int i = 0; i < 6; i++)
    if (!isfinite (m[i]))
      return false;
  /* Equal points leave rounding errors rather than zeros. */
  double far = fx * fx + fy * fy + spread_from;
  double far_to = tx * tx + ty * ty + spread;
  if (spread <= 1e-20 * far_to || spread_from <= 1e-20 * far
      || hypot (along, across) <= 1e-12 * sqrt (spread) * sqrt (spread_from))
    return false;
  for (int i = 0; i < 6; i++)
    matrix[i] = m[i];
  return true;
}
