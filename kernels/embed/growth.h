/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_GROWTH_H
#define REID_EMBED_GROWTH_H

/* How many pictures one run should take, found out while running: it grows by
 * a factor as long as more pictures a second come of it and memory lasts. A new
 * size costs a plan, which can take seconds on a GPU. So the next is tried only
 * when the size before has run for as long as its own plan took to make:
 * whoever has few pictures pays for no more plans, and nobody pays more for
 * plans than for running. Sizes are powers of the factor times the first,
 * remainders are divided by it: plans stay few. Not thread-safe. */

#include <stdbool.h>

typedef struct {
  int batch;                    /* pictures that a run takes now, at most */
  int factor, most;             /* never above; falls where memory ends */
  bool settled;                 /* it will not grow any more */
  int runs;                     /* of the size in use, whole ones */
  double first, fastest, spent; /* seconds of the first, the others' */
  int before;                   /* the size before; 0 = none */
  double rate;                  /* its pictures a second */
} ReidGrowth;

/* first and most: 1 or more, first the smaller; where they are equal nothing
 * grows. */
void reid_growth_init (ReidGrowth *growth, int first, int most, int factor);
/* How many of those that wait to run now: 1 or more. */
int reid_growth_take (const ReidGrowth *growth, int waiting);
/* They took so long, the making of a plan included. */
void reid_growth_ran (ReidGrowth *growth, int pictures, double seconds);
/* There was no memory for so many. False where fewer are not possible. */
bool reid_growth_no_memory (ReidGrowth *growth, int pictures);

#endif /* REID_EMBED_GROWTH_H */
