/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"
#include "track/track.h"

#include "assign_values.h"

/* What an answer costs; NAN for one that is no matching or makes a pair that
 * may not be made. */
static double
total (const double *cost, int rows, int cols, double limit, const int *to)
{
  double sum = 0;
  int pairs = 0;

  for (int i = 0; i < rows; i++) {
    if (to[i] < 0) {
      if (to[i] != -1)
        return NAN;
      continue;
    }
    if (to[i] >= cols)
      return NAN;
    for (int k = 0; k < i; k++)
      if (to[k] == to[i])
        return NAN;
    double c = cost[i * cols + to[i]];
    if (!isfinite (c) || c > limit)
      return NAN;
    sum += c;
    pairs++;
  }
  return sum + (rows + cols - 2 * pairs) * (limit / 2);
}

/* All matchings, one row after the other. */
static double
brute_force (const double *cost, int rows, int cols, double limit, int row,
             unsigned used)
{
  double best;

  if (row == rows)
    return (cols - __builtin_popcount (used)) * (limit / 2);
  best = limit / 2 + brute_force (cost, rows, cols, limit, row + 1, used);
  for (int j = 0; j < cols; j++) {
    double c = cost[row * cols + j];

    if ((used & 1u << j) || !isfinite (c) || c > limit)
      continue;
    c += brute_force (cost, rows, cols, limit, row + 1, used | 1u << j);
    best = c < best ? c : best;
  }
  return best;
}

TEST (as_brute_force_on_small_matrices)
{
  uint64_t state = 1;

  for (int round = 0; round < 6000; round++) {
    int rows = 1 + (int) (test_random (&state) % 5);
    int cols = 1 + (int) (test_random (&state) % 6);
    int kind = (int) (test_random (&state) % 4);
    double limit = test_uniform (&state) * 12 - 1;
    double cost[30];
    int to[5], again[5];

    for (int i = 0; i < rows * cols; i++) {
      double u = test_uniform (&state);

      cost[i] = kind == 0   ? u * 10
                : kind == 1 ? floor (u * 5)
                : kind == 2 ? u * 20 - 10
                            : floor (u * 4) - 2;
      if (test_random (&state) % 8 == 0)
        cost[i] = test_random (&state) % 2 ? NAN : INFINITY;
    }
    REQUIRE (reid_assign (cost, rows, cols, limit, to));
    double got = total (cost, rows, cols, limit, to);
    double want = brute_force (cost, rows, cols, limit, 0, 0);
    CHECK_MSG (fabs (got - want) <= 1e-12 * (1 + fabs (want)),
               "round %d, %d x %d, limit %g: %.17g, not %.17g", round, rows,
               cols, limit, got, want);
    REQUIRE (reid_assign (cost, rows, cols, limit, again));
    CHECK (memcmp (to, again, sizeof *to * (size_t) rows) == 0);
  }
}

TEST (as_scipy_on_larger_matrices)
{
  for (size_t n = 0; n < sizeof stored / sizeof *stored; n++) {
    int rows = stored[n].rows, cols = stored[n].cols;
    double *cost = malloc (sizeof *cost * (size_t) rows * (size_t) cols);
    int *to = malloc (sizeof *to * (size_t) rows);
    uint64_t state = n + 1;

    for (int i = 0; i < rows; i++)
      for (int j = 0; j < cols; j++) {
        double u = test_uniform (&state);
        double *c = &cost[i * cols + j];

        switch (stored[n].kind) {
          case 0:
            *c = u;
            break;
          case 1:
            *c = floor (u * 10);
            break;
          case 2:
            *c = u < 0.9 ? INFINITY : u;
            break;
          default:
            *c = (i + 1.0) * (j + 1.0);
        }
      }
    CHECK (reid_assign (cost, rows, cols, stored[n].limit, to));
    double got = total (cost, rows, cols, stored[n].limit, to);
    CHECK_MSG (fabs (got - stored[n].total) <= 1e-9 * fabs (stored[n].total),
               "case %d: %.17g, not %.17g", (int) n, got, stored[n].total);
    free (cost);
    free (to);
  }
}

/* Here the answer is known by construction: a permutation that is cheaper than
 * any other entry by a wide margin. */
TEST (a_thousand_by_a_thousand)
{
  enum { N = 1000 };
  double *cost = malloc (sizeof *cost * N * N);
  int *to = malloc (sizeof *to * N), *want = malloc (sizeof *want * N);
  uint64_t state = 5;

  for (int i = 0; i < N; i++)
    want[i] = i;
  for (int i = N - 1; i > 0; i--) {
    int j = (int) (test_random (&state) % (uint64_t) (i + 1)), t = want[i];
    want[i] = want[j];
    want[j] = t;
  }
  /* Row and column offsets change no optimum, but mislead a greedy choice. */
  double *row = malloc (sizeof *row * N), *col = malloc (sizeof *col * N);
  for (int i = 0; i < N; i++) {
    row[i] = test_uniform (&state) * 100;
    col[i] = test_uniform (&state) * 100;
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      cost[i * N + j] = row[i] + col[j] + test_uniform (&state) + 0.5;
  for (int i = 0; i < N; i++)
    cost[i * N + want[i]] = row[i] + col[want[i]];
  CHECK (reid_assign (cost, N, N, 1000, to));
  CHECK (memcmp (to, want, sizeof *to * N) == 0);

  /* Products are the hard case for augmenting paths; the best pairs the
   * greatest with the least. */
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      cost[i * N + j] = (i + 1.0) * (j + 1.0);
  CHECK (reid_assign (cost, N, N, INFINITY, to));
  for (int i = 0; i < N; i++)
    CHECK (to[i] == N - 1 - i);

  /* Ties everywhere: any permutation will do. */
  for (int i = 0; i < N * N; i++)
    cost[i] = 1;
  CHECK (reid_assign (cost, N, N, 3, to));
  CHECK (total (cost, N, N, 3, to) == N);
  free (cost);
  free (to);
  free (want);
  free (row);
  free (col);
}

TEST (limits)
{
  double cost[4] = { 1, 4, 4, 2 }, high[1] = { 5 };
  int to[2];

  CHECK (reid_assign (cost, 2, 2, 10, to) && to[0] == 0 && to[1] == 1);
  CHECK (reid_assign (cost, 2, 2, 1.5, to) && to[0] == 0 && to[1] == -1);
  CHECK (reid_assign (cost, 2, 2, 0.5, to) && to[0] == -1 && to[1] == -1);
  CHECK (reid_assign (cost, 2, 2, NAN, to) && to[0] == -1 && to[1] == -1);
  CHECK (reid_assign (cost, 2, 2, -INFINITY, to) && to[0] == -1 && to[1] == -1);
  CHECK (reid_assign (high, 1, 1, INFINITY, to) && to[0] == 0);
  /* A pair at the limit is made, one above it is not, however little. */
  CHECK (reid_assign (high, 1, 1, 5, to) && to[0] == 0);
  CHECK (reid_assign (high, 1, 1, 4.999999, to) && to[0] == -1);
  /* One pair of 0 is better than two at almost the limit. */
  double greedy[4] = { 0, 9.9, 9.9, INFINITY };
  CHECK (reid_assign (greedy, 2, 2, 10, to) && to[0] == 0 && to[1] == -1);
  /* Unless there is no limit: then as many as possible. */
  CHECK (reid_assign (greedy, 2, 2, INFINITY, to) && to[0] == 1 && to[1] == 0);
}

TEST (odd_numbers_and_sizes)
{
  double huge[4] = { 1.7e308, -1.7e308, -1.7e308, 1.7e308 };
  double none[6] = { NAN, INFINITY, -INFINITY, NAN, NAN, NAN };
  int to[3] = { 7, 7, 7 };

  CHECK (reid_assign (huge, 2, 2, 1.7e308, to) && to[0] == 1 && to[1] == 0);
  CHECK (reid_assign (huge, 2, 2, INFINITY, to) && to[0] == 1 && to[1] == 0);
  CHECK (reid_assign (none, 3, 2, 1, to));
  CHECK (to[0] == -1 && to[1] == -1 && to[2] == -1);
  CHECK (reid_assign (none, 2, 3, INFINITY, to));
  CHECK (to[0] == -1 && to[1] == -1);
  CHECK (reid_assign (none, 0, 3, 1, NULL));
  to[0] = 7;
  CHECK (reid_assign (none, 1, 0, 1, to) && to[0] == -1);
  CHECK (!reid_assign (none, -1, 3, 1, to));
  to[0] = 7;
  CHECK (!reid_assign (none, 1, -3, 1, to) && to[0] == -1);
}

TEST_MAIN ()
