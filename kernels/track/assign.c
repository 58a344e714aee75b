/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rectangular linear assignment by shortest augmenting paths (Jonker and
 * Volgenant, Computing 38, 1987; in the rectangular form of Crouse, IEEE TAES
 * 52, 2016).
 *
 * Leaving a row and a column alone costs limit together, so a pair is worth
 * cost - limit <= 0, and being alone is worth 0. Each row is given a column of
 * its own, of cost 0, that stands for staying alone. Such a column is never
 * stored: only its row can reach it, and a search that reaches the row finds
 * it free, so it is no more than another place where a path may end.
 *
 * O(rows * columns * min (rows, columns)) whatever the costs are. */

#include "track/track-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Above this, sums along a path could overflow, and costs are scaled down. */
#define LARGE 1e280
#define SHRINK 0x1p-80

typedef struct {
  const double *cost;
  double limit, scale;
  int cols;
  double *u, *v;      /* duals of rows and columns */
  double *distance;   /* of each column from the row that is being added */
  int *from;          /* the row before a column on the shortest path */
  int *row_of;        /* row matched to a column, -1 = none */
  int *open, *closed; /* columns not yet, and already, in the tree */
} Search;

static double
worth (const Search *s, int row, int col)
{
  double c = s->cost[(size_t) row * (size_t) s->cols + (size_t) col];

  if (!isfinite (c) || !(c <= s->limit))
    return INFINITY;
  return c * s->scale - s->limit * s->scale;
}

/* Adds one row to the matching: grows a tree of shortest paths until it meets
 * a free column or a row that had better stay alone. */
static void
add_row (Search *s, int row, int *row_to_col)
{
  int n_open = s->cols, n_closed = 0;
  int at = row, alone_row = row, end = -1;
  double reached = 0, alone = INFINITY;

  for (int j = 0; j < s->cols; j++) {
    s->distance[j] = INFINITY;
    s->open[j] = j;
  }
  for (;;) {
    double lowest = INFINITY;
    int best = -1;

    if (reached - s->u[at] < alone) {
      alone = reached - s->u[at];
      alone_row = at;
    }
    for (int k = 0; k < n_open; k++) {
      int j = s->open[k];
      double d = reached + worth (s, at, j) - s->u[at] - s->v[j];

      if (d < s->distance[j]) {
        s->distance[j] = d;
        s->from[j] = at;
      }
      /* Among equals a free column ends the search, the first one for the
       * sake of determinism. */
      if (s->distance[j] < lowest
          || (s->distance[j] == lowest && best >= 0 && s->row_of[j] < 0
              && s->row_of[s->open[best]] >= 0)) {
        lowest = s->distance[j];
        best = k;
      }
    }
    /* On a tie the pair is made. */
    if (best < 0 || alone < lowest) {
      reached = alone;
      break;
    }
    reached = lowest;
    end = s->open[best];
    if (s->row_of[end] < 0)
      break;
    at = s->row_of[end];
    s->closed[n_closed++] = end;
    /* Keeps the order of the columns, on which ties depend. */
    memmove (s->open + best, s->open + best + 1,
             sizeof *s->open * (size_t) (n_open - best - 1));
    n_open--;
    end = -1;
  }

  s->u[row] += reached;
  for (int k = 0; k < n_closed; k++) {
    int j = s->closed[k];
    double slack = reached - s->distance[j];

    s->u[s->row_of[j]] += slack;
    s->v[j] -= slack;
  }

  if (end < 0) {
    if (alone_row == row)
      return;
    end = row_to_col[alone_row];
    row_to_col[alone_row] = -1;
  }
  for (;;) {
    int i = s->from[end], next = row_to_col[i];

    s->row_of[end] = i;
    row_to_col[i] = end;
    if (i == row)
      return;
    end = next;
  }
}

/* An unlimited assignment pairs as many as possible: being alone has to cost
 * more than any rearrangement can save. */
static double
finite_limit (const double *cost, size_t n, int pairs)
{
  double low = INFINITY, high = -INFINITY;

  for (size_t i = 0; i < n; i++)
    if (isfinite (cost[i])) {
      low = cost[i] < low ? cost[i] : low;
      high = cost[i] > high ? cost[i] : high;
    }
  if (low > high)
    return 0;
  double limit = high + (high - low + 1) * (pairs + 1.0);
  return isfinite (limit) ? limit : 1.7e308;
}

void
reid_assign_in (const double *cost, int rows, int cols, double limit,
                int *row_to_col, double *reals, int *ints)
{
  size_t n_rows = (size_t) rows, n_cols = (size_t) cols;
  size_t n = n_rows * n_cols;
  double largest;

  for (int i = 0; i < rows; i++)
    row_to_col[i] = -1;
  if (limit == INFINITY)
    limit = finite_limit (cost, n, rows < cols ? rows : cols);
  if (n == 0 || !isfinite (limit))
    return;

  largest = fabs (limit);
  for (size_t i = 0; i < n; i++)
    if (isfinite (cost[i]) && fabs (cost[i]) > largest)
      largest = fabs (cost[i]);

  Search s = { .cost = cost,
               .limit = limit,
               .scale = largest > LARGE ? SHRINK : 1,
               .cols = cols,
               .u = reals,
               .v = reals + n_rows,
               .distance = reals + n_rows + n_cols,
               .from = ints,
               .row_of = ints + n_cols,
               .open = ints + 2 * n_cols,
               .closed = ints + 3 * n_cols };
  for (size_t i = 0; i < n_rows + n_cols; i++)
    reals[i] = 0;
  for (int j = 0; j < cols; j++)
    s.row_of[j] = -1;
  for (int i = 0; i < rows; i++)
    add_row (&s, i, row_to_col);
}

bool
reid_assign (const double *cost, int rows, int cols, double limit,
             int *row_to_col)
{
  double *reals = NULL;
  int *ints = NULL;
  bool ok = rows >= 0 && cols >= 0
            && (cols == 0
                || (size_t) rows <= SIZE_MAX / sizeof *cost / (size_t) cols);

  for (int i = 0; i < rows; i++)
    row_to_col[i] = -1;
  if (ok && rows > 0 && cols > 0) {
    reals = malloc (sizeof *reals * REID_ASSIGN_REALS (rows, cols));
    ints = malloc (sizeof *ints * REID_ASSIGN_INTS (cols));
    ok = reals && ints;
    if (ok)
      reid_assign_in (cost, rows, cols, limit, row_to_col, reals, ints);
  }
  free (reals);
  free (ints);
  return ok;
}
