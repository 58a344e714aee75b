/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/growth.h"

/* Runs after the first whose fastest is what a size can do: others on the
 * machine make runs slower, never faster. */
#define RUNS 3
/* Less than this more a second is not worth the memory, nor the wait for so
 * many pictures. */
#define GAIN 1.03

static void
set_batch (ReidGrowth *g, int batch)
{
  g->batch = batch;
  g->runs = 0;
  g->first = g->fastest = g->spent = 0;
}

void
reid_growth_init (ReidGrowth *g, int first, int most, int factor)
{
  *g = (ReidGrowth){ .factor = factor, .most = most };
  set_batch (g, first);
  g->settled = first >= most;
}

int
reid_growth_take (const ReidGrowth *g, int waiting)
{
  int n = g->batch;

  while (n > waiting && n > 1)
    n /= g->factor;
  return n > 1 ? n : 1;
}

void
reid_growth_ran (ReidGrowth *g, int pictures, double seconds)
{
  double rate;

  if (g->settled || pictures != g->batch)
    return;
  if (g->runs++ == 0) {
    g->first = seconds;
    return;
  }
  g->spent += seconds;
  if (g->runs == 2 || seconds < g->fastest)
    g->fastest = seconds;
  if (g->runs <= RUNS)
    return;
  rate = g->fastest > 0 ? g->batch / g->fastest : 0;
  if (g->before && rate < GAIN * g->rate) {
    set_batch (g, g->before);
    g->settled = true;
  } else if (g->batch > g->most / g->factor) {
    g->settled = true;
  } else if (g->spent >= g->first - g->fastest) {
    g->before = g->batch;
    g->rate = rate;
    set_batch (g, g->batch * g->factor);
  }
}

bool
reid_growth_no_memory (ReidGrowth *g, int pictures)
{
  int fewer = pictures / g->factor;

  if (pictures <= 1)
    return false;
  g->most = fewer > 1 ? fewer : 1;
  if (g->batch > g->most)
    set_batch (g, g->most);
  g->settled = true;
  return true;
}
