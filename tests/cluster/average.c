/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

#include "scipy-cases.h"

/* The definition of right, as plainly as it can be said: always join the best
 * allowed pair of clusters, found by looking at all of them. Rows are in
 * canonical order here. */
static int
greedy (const float *v, int n, int dims, const ReidPair *pairs, int n_pairs,
        const ReidClusterParams *params, int *labels)
{
  int64_t *s = calloc (n * n + 1, sizeof *s);
  bool *apart = calloc (n * n + 1, sizeof *apart);
  int64_t threshold = llround (ldexp (params->threshold, 30));
  int k = 0;
  size_t stride = reid_cluster_stride (dims);
  float *rows = reid_alloc_aligned ((n + 1) * stride * sizeof *rows);

  memset (rows, 0, (n + 1) * stride * sizeof *rows);
  for (int i = 0; i < n; i++)
    memcpy (rows + i * stride, v + i * dims, dims * sizeof *rows);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      float x;

      reid_similarity_c (rows + i * stride, 1, rows + j * stride, 1, stride, &x,
                         1);
      s[i * n + j] = llround (ldexp (fmax (-1, fmin (1, x)), 30));
    }
  for (int p = 0; p < n_pairs; p++)
    for (int side = 0; side < 2; side++) {
      int at = side ? pairs[p].a * n + pairs[p].b : pairs[p].b * n + pairs[p].a;
      int64_t soft = llround (ldexp (-pairs[p].weight, 30));

      if (params->cannot_link == REID_CANNOT_LINK_HARD)
        apart[at] = true;
      if (params->cannot_link == REID_CANNOT_LINK_SOFT && soft < s[at])
        s[at] = soft;
    }
  for (int i = 0; i < n; i++)
    labels[i] = i; /* the lowest member, all along */
  for (;;) {
    int best_a = -1, best_b = -1;
    int64_t best_sum = 0, best_count = 1;

    for (int a = 0; a < n; a++)
      for (int b = a + 1; b < n; b++) {
        int64_t sum = 0, count = 0;
        bool allowed = true;

        if (labels[a] != a || labels[b] != b)
          continue;
        for (int i = a; i < n; i++) {
          if (labels[i] != a)
            continue;
          for (int j = b; j < n; j++)
            if (labels[j] == b) {
              sum += s[i * n + j];
              count++;
              allowed = allowed && !apart[i * n + j];
            }
        }
        if (!allowed || sum < threshold * count)
          continue;
        if (best_a < 0
            || (__int128) sum * best_count > (__int128) best_sum * count) {
          best_a = a;
          best_b = b;
          best_sum = sum;
          best_count = count;
        }
      }
    if (best_a < 0)
      break;
    for (int i = 0; i < n; i++)
      if (labels[i] == best_b)
        labels[i] = best_a;
  }
  for (int i = 0; i < n; i++)
    labels[i] = labels[i] == i ? k++ : labels[labels[i]];
  free (s);
  free (apart);
  free (rows);
  return k;
}

/* Data of several kinds, ties among them: halves in four dimensions have
 * cosines that are multiples of 1/2, exactly. */
static int
make_case (uint64_t *seed, int round, float *v, int *dims, ReidPair *pairs,
           int *n_pairs, ReidClusterParams *params)
{
  int kind = round % 5, n = 1 + (int) (test_random (seed) % 16);

  *dims = kind == 0 ? 4 : kind == 1 ? 2 : 1 + (int) (test_random (seed) % 20);
  for (int i = 0; i < n; i++) {
    float *x = v + i * *dims;

    if (kind == 0) {
      for (int k = 0; k < 4; k++)
        x[k] = test_random (seed) >> 63 ? 0.5f : -0.5f;
    } else if (kind == 1) {
      double angle = (double) (test_random (seed) % 12) * 0.5235987755982988;
      x[0] = (float) cos (angle);
      x[1] = (float) sin (angle);
    } else if (kind == 2 && i && test_random (seed) % 2) {
      memcpy (x, v + (test_random (seed) % i) * *dims, *dims * sizeof *x);
    } else if (kind == 3 && i > 1) {
      test_picture (seed, v + (i % 2) * *dims, 0.8, x, *dims);
    } else {
      test_unit_vector (seed, x, *dims);
    }
  }
  *n_pairs = n > 1 ? (int) (test_random (seed) % (n + 1)) : 0;
  for (int p = 0; p < *n_pairs; p++) {
    int a = (int) (test_random (seed) % n);
    int b = (int) (test_random (seed) % (n - 1));

    b += b >= a;
    pairs[p] = (ReidPair){ a, b, (float) (test_random (seed) % 5) / 4 };
  }
  reid_cluster_params_init (params);
  params->method = REID_CLUSTER_AVERAGE;
  params->cannot_link = (ReidCannotLink) (test_random (seed) % 3);
  params->threshold = kind < 2 ? (float) (int) (test_random (seed) % 9) / 4 - 1
                               : (float) (test_uniform (seed) * 2 - 1);
  return n;
}

TEST (average_link_is_the_plain_greedy_answer)
{
  uint64_t seed = 11;
  int joined = 0, split = 0;

  for (int round = 0; round < 8000; round++) {
    float v[16 * 20];
    ReidPair pairs[17];
    uint64_t keys[16];
    int want[16], got[16], dims, n_pairs, k, n;
    ReidClusterParams params;
    ReidError error = REID_ERROR_INIT;

    n = make_case (&seed, round, v, &dims, pairs, &n_pairs, &params);
    for (int i = 0; i < n; i++)
      keys[i] = 10 * i + round;
    k = greedy (v, n, dims, pairs, n_pairs, &params, want);
    if (reid_cluster (v, n, dims, keys, pairs, n_pairs, &params, got, &error)
        != k) {
      CHECK_MSG (false, "round %d: not %d clusters: %s", round, k,
                 error.message);
      continue;
    }
    CHECK_MSG (!memcmp (got, want, n * sizeof *got), "round %d", round);
    joined += k < n;
    split += k > 1;
  }
  CHECK (joined > 3000 && split > 3000);
}

/* Larger, so that tiles, groups and long chains take part. */
TEST (average_link_of_many_is_the_plain_greedy_answer)
{
  enum { N = 150, DIMS = 24 };
  static float v[N * DIMS];
  uint64_t seed = 5, keys[N];
  int want[N], got[N];

  for (int round = 0; round < 9; round++) {
    ReidPair pairs[N];
    float people[20 * DIMS];
    ReidClusterParams params;
    int k;

    for (int i = 0; i < 20; i++)
      test_unit_vector (&seed, people + i * DIMS, DIMS);
    for (int i = 0; i < N; i++) {
      test_picture (&seed, people + test_random (&seed) % 20 * DIMS, 0.5,
                    v + i * DIMS, DIMS);
      keys[i] = i;
      pairs[i] = (ReidPair){ i, (int) ((i + 1 + test_random (&seed) % 148) % N),
                             (float) test_uniform (&seed) };
      if (pairs[i].b == i)
        pairs[i].b = (i + 1) % N;
    }
    reid_cluster_params_init (&params);
    params.cannot_link = (ReidCannotLink) (round % 3);
    params.threshold = (float) (round / 3) * 0.2f;
    k = greedy (v, N, DIMS, pairs, N, &params, want);
    CHECK (reid_cluster (v, N, DIMS, keys, pairs, N, &params, got, NULL) == k);
    CHECK (!memcmp (got, want, sizeof got));
  }
}

TEST (labels_do_not_depend_on_the_order_of_rows)
{
  uint64_t seed = 21;

  for (int round = 0; round < 2000; round++) {
    float v[16 * 20], w[16 * 20];
    ReidPair pairs[17], moved[17];
    uint64_t keys[16], moved_keys[16];
    int a[16], b[16], to[16], dims, n_pairs, n, k;
    ReidClusterParams params;

    n = make_case (&seed, round, v, &dims, pairs, &n_pairs, &params);
    params.method = (ReidClusterMethod) (round % 2);
    params.seed = round;
    for (int i = 0; i < n; i++) {
      keys[i] = (test_random (&seed) << 5) + i;
      to[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = (int) (test_random (&seed) % (i + 1)), t = to[i];
      to[i] = to[j];
      to[j] = t;
    }
    for (int i = 0; i < n; i++) {
      memcpy (w + to[i] * dims, v + i * dims, dims * sizeof *v);
      moved_keys[to[i]] = keys[i];
    }
    for (int p = 0; p < n_pairs; p++)
      moved[n_pairs - 1 - p] =
          (ReidPair){ to[pairs[p].b], to[pairs[p].a], pairs[p].weight };
    k = reid_cluster (v, n, dims, keys, pairs, n_pairs, &params, a, NULL);
    CHECK (k > 0);
    CHECK (
        reid_cluster (w, n, dims, moved_keys, moved, n_pairs, &params, b, NULL)
        == k);
    for (int i = 0; i < n; i++)
      CHECK_MSG (a[i] == b[to[i]], "round %d", round);
  }
}

TEST (labels_are_numbered_by_the_lowest_key)
{
  const float v[] = { 0, 1, 1, 0, 0, 1, -1, 0, 1, 0 };
  const uint64_t keys[] = { 50, UINT64_MAX, 9, 8, 40 };
  ReidClusterParams params;
  int labels[5];

  reid_cluster_params_init (&params);
  for (int m = 0; m < 2; m++) {
    params.method = (ReidClusterMethod) m;
    CHECK (reid_cluster (v, 5, 2, keys, NULL, 0, &params, labels, NULL) == 3);
    CHECK (labels[3] == 0 && labels[0] == 1 && labels[2] == 1);
    CHECK (labels[1] == 2 && labels[4] == 2);
  }
}

TEST (a_pair_exactly_at_the_threshold_joins)
{
  const float v[] = { 1, 0, 0.6f, 0.8f };
  const uint64_t keys[] = { 1, 2 };
  ReidClusterParams params;
  int labels[2];

  reid_cluster_params_init (&params);
  for (int m = 0; m < 2; m++) {
    params.method = (ReidClusterMethod) m;
    params.threshold = 0.6f;
    CHECK (reid_cluster (v, 2, 2, keys, NULL, 0, &params, labels, NULL) == 1);
    params.threshold = nextafterf (0.6f, 1);
    CHECK (reid_cluster (v, 2, 2, keys, NULL, 0, &params, labels, NULL) == 2);
  }
}

TEST (cannot_links_hard_soft_and_off)
{
  /* Four pictures of one person, two of them in one frame. */
  const float v[] = { 1, 0, 1, 0, 1, 0, 1, 0 };
  const uint64_t keys[] = { 1, 2, 3, 4 };
  ReidPair pair = { 0, 1, 1 };
  ReidClusterParams params;
  int labels[4];

  reid_cluster_params_init (&params);
  params.threshold = 0.5f;
  params.cannot_link = REID_CANNOT_LINK_OFF;
  CHECK (reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL) == 1);
  params.cannot_link = REID_CANNOT_LINK_HARD;
  CHECK (reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL) == 2);
  CHECK (labels[0] == 0 && labels[1] == 1);
  /* The first and the third join first (lowest keys), then the fourth with
   * them; the second's average to them is (-1 + 1 + 1) / 3. */
  params.cannot_link = REID_CANNOT_LINK_SOFT;
  CHECK (reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL) == 2);
  params.threshold = 0.33f;
  CHECK (reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL) == 1);
  /* A light link counts as 0: (0 + 1 + 1) / 3. */
  pair.weight = 0;
  params.threshold = 0.6f;
  CHECK (reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL) == 1);
}

TEST (scipy_finds_the_same_clusters)
{
  for (size_t c = 0; c < sizeof scipy_cases / sizeof *scipy_cases; c++) {
    const ScipyCase *s = &scipy_cases[c];
    uint64_t seed = s->seed, keys[64];
    float v[64 * 16];
    int labels[64];
    ReidClusterParams params;

    /* The generator makes the same vectors from the same seed. */
    for (int i = 0; i < s->n; i++) {
      for (int k = 0; k < s->dims; k++)
        v[i * s->dims + k] =
            (float) ((double) (int) (test_random (&seed) % 2001) - 1000) / 1000;
      if (i >= 4)
        for (int k = 0; k < s->dims; k++)
          v[i * s->dims + k] =
              v[(i % 4) * s->dims + k] + 0.75f * v[i * s->dims + k];
      keys[i] = i;
    }
    for (int i = 0; i < s->n; i++)
      test_normalise (v + i * s->dims, s->dims);
    reid_cluster_params_init (&params);
    params.threshold = s->threshold;
    CHECK (reid_cluster (v, s->n, s->dims, keys, NULL, 0, &params, labels, NULL)
           == s->n_clusters);
    for (int i = 0; i < s->n; i++)
      CHECK_MSG (labels[i] == s->labels[i], "case %zu, row %d", c, i);
  }
}

TEST_MAIN ()
