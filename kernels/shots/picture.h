/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SHOTS_PICTURE_H
#define REID_SHOTS_PICTURE_H

/* What the shot detector keeps of a frame, and how two frames are compared.
 * Everything is integer arithmetic up to a final division, so that a decision
 * is the same on every machine. */

#include <stdbool.h>
#include <stdint.h>

#define REID_SHOT_WIDTH 128
#define REID_SHOT_HEIGHT 72
#define REID_SHOT_PIXELS (REID_SHOT_WIDTH * REID_SHOT_HEIGHT)
/* The grid on which slow changes are followed: 4x4 thumbnail pixels a cell,
 * coarse enough that people who move inside a shot hardly change it. */
#define REID_SHOT_GRID_WIDTH (REID_SHOT_WIDTH / 4)
#define REID_SHOT_GRID_HEIGHT (REID_SHOT_HEIGHT / 4)
#define REID_SHOT_CELLS (REID_SHOT_GRID_WIDTH * REID_SHOT_GRID_HEIGHT)
#define REID_SHOT_BINS 32

/* Hue 0..179 (two degrees a step), saturation and value 0..255. */
typedef struct {
  uint8_t hue[REID_SHOT_PIXELS];
  uint8_t saturation[REID_SHOT_PIXELS];
  uint8_t value[REID_SHOT_PIXELS];
} ReidShotPicture;

typedef struct {
  uint8_t luma[REID_SHOT_CELLS];
  uint16_t histogram[REID_SHOT_BINS]; /* of the thumbnail's luma */
} ReidShotGrid;

void reid_shot_picture_set (ReidShotPicture *picture, ReidShotGrid *grid,
                            const uint8_t *rgb);
/* Content difference, 0..255. */
double reid_shot_difference (const ReidShotPicture *a,
                             const ReidShotPicture *b);
/* Correlation of the values of those pixels that changed, -1..1. A change of
 * light leaves it high, another scene does not; bars and borders that both
 * pictures share have not changed and do not count. 1 when next to nothing
 * changed, 0 when one of the two is flat there. */
double reid_shot_structure (const ReidShotPicture *a, const ReidShotPicture *b);

/* The same two measures on the grid, the first on luma alone, the second also
 * with the second picture moved by some cells; and the correlation of the
 * histograms. */
double reid_shot_grid_difference (const ReidShotGrid *a, const ReidShotGrid *b);
double reid_shot_grid_structure (const ReidShotGrid *a, const ReidShotGrid *b,
                                 int shift_x, int shift_y);
double reid_shot_histogram_correlation (const ReidShotGrid *a,
                                        const ReidShotGrid *b);
/* Brightest less darkest cell. */
int reid_shot_grid_contrast (const ReidShotGrid *grid);
/* A picture of one grey: what a fade leads to. */
bool reid_shot_grid_blank (const ReidShotGrid *grid);

/* The frame `m` as a blend (1 - alpha) * a + alpha * b: the best alpha, and
 * the part of it that is no such blend (squared error over the squared
 * difference of a and b). False when a and b are equal. */
bool reid_shot_blend (const ReidShotGrid *a, const ReidShotGrid *b,
                      const ReidShotGrid *m, double *alpha, double *residual);

#endif /* REID_SHOTS_PICTURE_H */
