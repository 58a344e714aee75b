/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many pictures a run takes, on GPUs that are only numbers. */
#include "test.h"

#include "embed/growth.h"

typedef struct {
  double launch, picture; /* seconds of a run, and of a picture in it */
  int most;               /* that fit */
  double plan;            /* seconds that a plan takes */
  double noise;           /* how much slower a run may be */
  int planned[8], n_planned;
  double plans, running; /* seconds, of all */
  uint64_t seed;
} Gpu;

/* Runs that many of them; false where memory ends. */
static bool
gpu_run (Gpu *gpu, int n, double *seconds)
{
  bool planned = false;

  if (n > gpu->most)
    return false;
  *seconds = (gpu->launch + gpu->picture * n)
             * (1 + gpu->noise * test_uniform (&gpu->seed));
  gpu->running += *seconds;
  for (int i = 0; i < gpu->n_planned; i++)
    planned = planned || gpu->planned[i] == n;
  if (planned)
    return true;
  gpu->planned[gpu->n_planned++] = n;
  *seconds += gpu->plan;
  gpu->plans += gpu->plan;
  return true;
}

static void
embed (Gpu *gpu, ReidGrowth *g, int faces)
{
  while (faces > 0) {
    int n = reid_growth_take (g, faces);
    double seconds;

    CHECK (n >= 1 && n <= faces);
    if (gpu_run (gpu, n, &seconds)) {
      reid_growth_ran (g, n, seconds);
      faces -= n;
    } else if (!reid_growth_no_memory (g, n)) {
      CHECK_MSG (false, "no memory for %d", n);
      return;
    }
  }
}

/* IR-50 on an H100, as docs/benchmarks.md has it: 25 900/s at 64, 28 800/s at
 * 256, and what that line says at 1024. */
static const Gpu h100 = { .launch = .0006, .picture = .0000324, .most = 4096 };

TEST (it_grows_as_long_as_it_pays)
{
  Gpu gpu = h100;
  ReidGrowth g;

  reid_growth_init (&g, 16, 4096, 4);
  embed (&gpu, &g, 60000);
  /* 11 000, 24 000, 28 800, 30 300, 30 700 a second */
  CHECK_MSG (g.batch == 1024 && g.settled, "%d", g.batch);
}

TEST (it_stops_at_what_is_most)
{
  Gpu gpu = h100;
  ReidGrowth g;

  reid_growth_init (&g, 64, 256, 4);
  embed (&gpu, &g, 60000);
  CHECK (g.batch == 256 && g.settled);
  reid_growth_init (&g, 64, 255, 4);
  embed (&gpu, &g, 60000);
  CHECK (g.batch == 64 && g.settled);
}

TEST (a_device_that_gains_nothing_stays_where_it_is)
{
  Gpu gpu = { .launch = 1e-6, .picture = .001, .most = 1 << 20 };
  ReidGrowth g;

  reid_growth_init (&g, 16, 1024, 4);
  embed (&gpu, &g, 5000);
  CHECK_MSG (g.batch == 16 && g.settled, "%d", g.batch);
  /* 64 was tried, no more */
  CHECK (gpu.n_planned <= 5);
}

TEST (noise_does_not_lead_it_astray)
{
  int off = 0;

  for (uint64_t seed = 1; seed <= 200; seed++) {
    Gpu gpu = h100;
    ReidGrowth g;

    gpu.seed = seed;
    gpu.noise = .3;
    reid_growth_init (&g, 64, 1024, 4);
    embed (&gpu, &g, 100000);
    CHECK (g.settled);
    /* 64 makes a tenth less than 256 */
    off += g.batch == 64;
  }
  CHECK_MSG (off <= 40, "%d of 200 stayed at 64", off);
}

TEST (who_has_few_faces_waits_for_no_more_plans)
{
  Gpu gpu = h100;
  ReidGrowth g;

  gpu.plan = 2;
  reid_growth_init (&g, 64, 1024, 4);
  embed (&gpu, &g, 3000);
  /* 64, and 16, 4, 4, 1 of what was left over */
  CHECK_MSG (g.batch == 64 && gpu.n_planned <= 4, "%d sizes", gpu.n_planned);
}

TEST (plans_that_grow_it_cost_no_more_than_running_does)
{
  static const double plans[] = { 0, .01, .3, 2, 9 };

  for (int i = 0; i < 5; i++)
    for (int faces = 1000; faces < 3000000; faces *= 7) {
      Gpu gpu = h100;
      ReidGrowth g;

      gpu.plan = plans[i];
      reid_growth_init (&g, 64, 1024, 4);
      embed (&gpu, &g, faces / 64 * 64);
      /* beyond the first size's, and those of remainders of the larger */
      double most = gpu.plan * 4 + gpu.running * 1.01;
      CHECK_MSG (gpu.plans <= most, "%d faces: %g s of plans, %g s of running",
                 faces, gpu.plans, gpu.running);
    }
}

TEST (with_plans_from_the_cache_it_grows_soon)
{
  Gpu gpu = h100;
  ReidGrowth g;

  gpu.plan = .01;
  reid_growth_init (&g, 64, 1024, 4);
  embed (&gpu, &g, 3000);
  CHECK_MSG (g.batch >= 256, "%d", g.batch);
}

TEST (where_memory_ends_it_goes_on_with_less)
{
  Gpu gpu = h100;
  ReidGrowth g;

  gpu.most = 100;
  reid_growth_init (&g, 64, 1024, 4);
  embed (&gpu, &g, 10000);
  CHECK_MSG (g.batch == 64 && g.settled && g.most == 64, "%d", g.batch);

  gpu.most = 3;
  reid_growth_init (&g, 64, 1024, 4);
  embed (&gpu, &g, 100);
  CHECK_MSG (g.batch == 1, "%d", g.batch);
  CHECK (!reid_growth_no_memory (&g, 1));
}

TEST (a_cpu_does_not_grow)
{
  ReidGrowth g;

  reid_growth_init (&g, 16, 16, 2);
  for (int i = 0; i < 100; i++)
    reid_growth_ran (&g, 16, .01);
  CHECK (g.batch == 16 && g.settled);
  CHECK (reid_growth_take (&g, 100) == 16 && reid_growth_take (&g, 15) == 8
         && reid_growth_take (&g, 1) == 1);
  reid_growth_init (&g, 1, 1, 2);
  CHECK (reid_growth_take (&g, 100) == 1);
  CHECK (reid_growth_no_memory (&g, 16));
}

TEST (only_whole_runs_count)
{
  ReidGrowth g;

  reid_growth_init (&g, 64, 1024, 4);
  for (int i = 0; i < 100; i++)
    reid_growth_ran (&g, 16, .001);
  CHECK (g.batch == 64 && !g.settled && g.runs == 0);
}

TEST (a_clock_that_stands_still_does_no_harm)
{
  ReidGrowth g;

  reid_growth_init (&g, 64, 1024, 4);
  for (int i = 0; i < 100; i++)
    reid_growth_ran (&g, reid_growth_take (&g, 5000), 0);
  CHECK (g.settled);
}

TEST_MAIN ()
