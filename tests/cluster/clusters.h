/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_CLUSTERS_H
#define REID_TEST_CLUSTERS_H

/* What the tests of this room share: made-up people, and the measure. */

#include "cluster/private.h"
#include "test.h"

static inline double
test_normal (uint64_t *state)
{
  double u = test_uniform (state), v = test_uniform (state);

  return sqrt (-2 * log (1 - u)) * cos (6.283185307179586 * v);
}

static inline void
test_normalise (float *v, int dims)
{
  double sum = 0;

  for (int k = 0; k < dims; k++)
    sum += (double) v[k] * v[k];
  for (int k = 0; k < dims; k++)
    v[k] = (float) (v[k] / sqrt (sum));
}

static inline void
test_unit_vector (uint64_t *state, float *v, int dims)
{
  for (int k = 0; k < dims; k++)
    v[k] = (float) test_normal (state);
  test_normalise (v, dims);
}

/* A picture of a person: the expected cosine of two pictures is `same`. */
static inline void
test_picture (uint64_t *state, const float *person, double same, float *v,
              int dims)
{
  test_unit_vector (state, v, dims);
  for (int k = 0; k < dims; k++)
    v[k] = (float) (sqrt (same) * person[k] + sqrt (1 - same) * v[k]);
  test_normalise (v, dims);
}

/* B-cubed F of an answer against the truth, both any integers (Bagga and
 * Baldwin 1998): the harmonic mean of the averages over the items of
 * precision and recall in the item's cluster. */
static inline double
test_b_cubed (const int *answer, const int *truth, int n)
{
  double precision = 0, recall = 0;

  for (int i = 0; i < n; i++) {
    int same = 0, both = 0, want = 0;

    for (int j = 0; j < n; j++) {
      same += answer[i] == answer[j];
      want += truth[i] == truth[j];
      both += answer[i] == answer[j] && truth[i] == truth[j];
    }
    precision += (double) both / same;
    recall += (double) both / want;
  }
  precision /= n;
  recall /= n;
  return 2 * precision * recall / (precision + recall);
}

#endif /* REID_TEST_CLUSTERS_H */
