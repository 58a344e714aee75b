/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many pictures are run side by side: the rule of micro.h on a network of
 * one convolution, whose weights and values are set in parts of the
 * second-level cache. */

#include "test.h"

#include <unistd.h>

#include "nn/dnnl/micro.h"

static int64_t
micro (double weights, double values, int64_t pictures)
{
  static const float data;
  long cache = sysconf (_SC_LEVEL2_CACHE_SIZE);
  double room = (double) (cache > 0 ? cache : 1 << 20) / 2;
  int in[] = { 0, 1 };
  ReidNode node = { .op = REID_OP_CONV, .in = in, .n_in = 2, .out = 2 };
  ReidValue all[3] = { { .data = NULL }, { .data = &data }, { .data = NULL } };
  ReidGraph graph = {
    .nodes = &node, .n_nodes = 1, .values = all, .n_values = 3
  };
  ReidShape shapes[3] = { { 1, { (int64_t) (values * room / 2) } },
                          { 1, { (int64_t) (weights * room) } },
                          { 1, { (int64_t) (values * room / 2) } } };

  unsetenv ("REID_DNNL_MICRO_BATCH");
  return reid_micro_batch (&graph, shapes, 2, pictures);
}

TEST (weights_that_stay_are_not_shared)
{
  CHECK (micro (.4, .001, 16) == 1);
  CHECK (micro (.4, .3, 16) == 1);
}

TEST (weights_that_do_not_are)
{
  CHECK (micro (50, .001, 16) == 8);
  CHECK (micro (50, .001, 5) == 5);
  CHECK (micro (50, .001, 1) == 1);
  /* None is left over. */
  CHECK (micro (50, .001, 14) == 7);
}

TEST (values_that_would_not_stay_are_weighed_against_them)
{
  /* Two fit; a third saves less than what all then cost. */
  CHECK (micro (1, .45, 16) == 2);
  /* They never fit, so nothing is lost. */
  CHECK (micro (1, 3, 16) == 8);
}

TEST (a_number_that_is_asked_for)
{
  CHECK (micro (.1, .1, 16) == 1);
  setenv ("REID_DNNL_MICRO_BATCH", "3", 1);
  ReidGraph none = { .n_nodes = 0 };
  CHECK (reid_micro_batch (&none, NULL, 2, 16) == 3);
  CHECK (reid_micro_batch (&none, NULL, 2, 2) == 2);
}

TEST_MAIN ()
