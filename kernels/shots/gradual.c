/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shots/gradual.h"

/* Luma difference that a change of shot must make. */
#define LEAST_DIFFERENCE 10.0
/* Two pictures above both of these are one scene in another light. */
#define MOST_STRUCTURE 0.4
#define MOST_HISTOGRAM 0.98
/* Frames inside the change: fewer are a hard cut with a soft edge. */
#define LEAST_FRAMES 4
/* Mean part of those frames that is no blend. */
#define MOST_RESIDUAL 0.09
/* Way from one frame to the next, in parts of the whole; and back. */
#define MOST_STEP 0.4
#define MOST_RETURN 0.1
/* How much further the frames after a complete change may go. */
#define MOST_OVERSHOOT 0.06

/* The same for two pictures of which one is moved: a slow pan, or a camera that
 * sways while the light changes. In cells of the grid. */
#define MOST_MOVED_STRUCTURE 0.6
#define SHIFT_X 5
#define SHIFT_Y 3

/* Lengths tried, in frames. A window longer than the change only adds frames
 * that stand still at its ends. */
static const int windows[] = { 8, 12, 18, 26, 38, 60 };

static const ReidShotGrid *
grid_at (const ReidShotHistory *history, int64_t frame)
{
  return &history->grid[frame % REID_SHOT_HISTORY];
}

static bool
moved (const ReidShotGrid *a, const ReidShotGrid *b)
{
  for (int y = -SHIFT_Y; y <= SHIFT_Y; y++)
    for (int x = -SHIFT_X; x <= SHIFT_X; x++)
      if (reid_shot_grid_structure (a, b, x, y) > MOST_MOVED_STRUCTURE)
        return true;
  return false;
}

/* Whether frames `start` to `end` are a gradual change that is complete. */
static bool
passes (const ReidShotHistory *history, int64_t start, int64_t end,
        int64_t last, int64_t *middle)
{
  const ReidShotGrid *a = grid_at (history, start);
  const ReidShotGrid *b = grid_at (history, end);
  double alpha, residual, before = 0, sum = 0;
  int inside = 0;

  *middle = end;
  if (reid_shot_grid_difference (a, b) < LEAST_DIFFERENCE
      || reid_shot_grid_structure (a, b, 0, 0) > MOST_STRUCTURE
      || reid_shot_histogram_correlation (a, b) > MOST_HISTOGRAM)
    return false;
  /* What follows a fade to black may be anything. */
  if (!reid_shot_grid_blank (b))
    for (int64_t i = end + 1; i <= last; i++)
      if (!reid_shot_blend (a, b, grid_at (history, i), &alpha, &residual)
          || alpha > 1 + MOST_OVERSHOOT)
        return false;
  for (int64_t i = start + 1; i <= end; i++) {
    if (!reid_shot_blend (a, b, grid_at (history, i), &alpha, &residual))
      return false;
    if (alpha - before > MOST_STEP || before - alpha > MOST_RETURN)
      return false;
    if (before < 0.5 && alpha >= 0.5)
      *middle = i;
    before = alpha;
    if (alpha < 0.1 || alpha > 0.9)
      continue;
    inside++;
    sum += residual;
  }
  return inside >= LEAST_FRAMES && sum <= MOST_RESIDUAL * inside
         && !moved (a, b);
}

bool
reid_shot_gradual (const ReidShotHistory *history, int64_t first, int64_t frame,
                   int64_t last, int64_t *from, int64_t *middle)
{
  for (unsigned i = 0; i < sizeof windows / sizeof *windows; i++) {
    int64_t start = frame - windows[i];
    if (start < first)
      return false;
    if (passes (history, start, frame, last, middle)) {
      *from = start;
      return true;
    }
  }
  return false;
}
