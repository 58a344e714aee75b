/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SHOTS_GRADUAL_H
#define REID_SHOTS_GRADUAL_H

/* Fades and dissolves. While one runs, every frame is a blend of the picture
 * before and the picture after it; a pan, a zoom or somebody walking past also
 * lead from one picture to another, but not through blends of the two. So a
 * change is gradual when the frames between two unlike pictures lie on the
 * straight line between them and go along it one way, and it is complete when
 * the frames after it go no further. */

#include "shots/picture.h"

#define REID_SHOT_HISTORY 64

/* Frame n is at n % REID_SHOT_HISTORY. */
typedef struct {
  ReidShotGrid grid[REID_SHOT_HISTORY];
} ReidShotHistory;

/* Whether a gradual change that began at frame `first` or later is complete at
 * `frame`; `last` is the newest frame that is known. first <= frame <= last,
 * last - first < REID_SHOT_HISTORY. `*from` is a frame before it began,
 * `*middle` the first one that shows more of the new picture than of the old.
 */
bool reid_shot_gradual (const ReidShotHistory *history, int64_t first,
                        int64_t frame, int64_t last, int64_t *from,
                        int64_t *middle);

#endif /* REID_SHOTS_GRADUAL_H */
