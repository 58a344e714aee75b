/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

enum { DIMS = 64, PEOPLE = 25, EACH = 12, N = PEOPLE * EACH };

typedef struct {
  float v[N * DIMS];
  uint64_t keys[N];
  int truth[N];
} Episode;

static Episode *
make_episode (uint64_t seed, double same)
{
  Episode *e = malloc (sizeof *e);
  float person[DIMS];

  for (int i = 0; i < N; i++) {
    if (i % EACH == 0)
      test_unit_vector (&seed, person, DIMS);
    test_picture (&seed, person, same, e->v + i * DIMS, DIMS);
    e->keys[i] = 3 * i;
    e->truth[i] = i / EACH;
  }
  return e;
}

static void
whispers_params (ReidClusterParams *params, float threshold)
{
  reid_cluster_params_init (params);
  params->method = REID_CLUSTER_WHISPERS;
  params->threshold = threshold;
}

TEST (whispers_find_well_separated_people)
{
  Episode *e = make_episode (2, 0.75);
  ReidClusterParams params;
  int labels[N];

  whispers_params (&params, 0.5f);
  for (int round = 0; round < 10; round++) {
    params.seed = round;
    CHECK (reid_cluster (e->v, N, DIMS, e->keys, NULL, 0, &params, labels, NULL)
           == PEOPLE);
    CHECK (!memcmp (labels, e->truth, sizeof labels));
  }
  free (e);
}

TEST (both_methods_fail_on_noise_and_on_constants)
{
  Episode *e = make_episode (4, 0.0);
  ReidClusterParams params;
  int labels[N];

  for (int m = 0; m < 2; m++) {
    whispers_params (&params, 0.375f);
    params.method = (ReidClusterMethod) m;
    REQUIRE (
        reid_cluster (e->v, N, DIMS, e->keys, NULL, 0, &params, labels, NULL)
        > 0);
    CHECK (test_b_cubed (labels, e->truth, N) < 0.4);
  }
  for (int i = 0; i < N; i++)
    memcpy (e->v + i * DIMS, e->v, DIMS * sizeof *e->v);
  for (int m = 0; m < 2; m++) {
    params.method = (ReidClusterMethod) m;
    CHECK (reid_cluster (e->v, N, DIMS, e->keys, NULL, 0, &params, labels, NULL)
           == 1);
    CHECK (test_b_cubed (labels, e->truth, N) < 0.2);
  }
  free (e);
}

TEST (whispers_keep_cannot_links)
{
  uint64_t seed = 9;
  int differ = 0;

  for (int round = 0; round < 600; round++) {
    enum { M = 24 };
    float v[M * 8];
    uint64_t keys[M];
    int labels[M], again[M], k;
    ReidPair pairs[M];
    ReidClusterParams params;

    whispers_params (&params, (float) (test_uniform (&seed) - 0.3));
    params.seed = round;
    for (int i = 0; i < M; i++) {
      int b = (int) ((i + 1 + test_random (&seed) % (M - 1)) % M);

      test_unit_vector (&seed, v + i * 8, 8);
      keys[i] = i;
      pairs[i] = (ReidPair){ i, b, (float) test_uniform (&seed) };
    }
    params.cannot_link = REID_CANNOT_LINK_HARD;
    k = reid_cluster (v, M, 8, keys, pairs, M, &params, labels, NULL);
    CHECK (k > 0);
    for (int p = 0; p < M; p++)
      CHECK_MSG (labels[pairs[p].a] != labels[pairs[p].b], "round %d", round);
    /* Twice the same. */
    CHECK (reid_cluster (v, M, 8, keys, pairs, M, &params, again, NULL) == k);
    CHECK (!memcmp (labels, again, sizeof labels));
    params.cannot_link = REID_CANNOT_LINK_SOFT;
    k = reid_cluster (v, M, 8, keys, pairs, M, &params, again, NULL);
    CHECK (k > 0);
    differ += memcmp (labels, again, sizeof labels) != 0;
  }
  CHECK (differ > 0);
}

TEST (whispers_soft_links_weigh_against_edges)
{
  /* Two pictures of one person, in one frame for a share of it. */
  const float v[] = { 1, 0, 1, 0, 1, 0 };
  const uint64_t keys[] = { 1, 2, 3 };
  ReidPair pair = { 1, 0, 1 };
  ReidClusterParams params;
  int labels[3];

  whispers_params (&params, 0.5f);
  params.cannot_link = REID_CANNOT_LINK_SOFT;
  CHECK (reid_cluster (v, 2, 2, keys, &pair, 1, &params, labels, NULL) == 2);
  params.cannot_link = REID_CANNOT_LINK_OFF;
  CHECK (reid_cluster (v, 2, 2, keys, &pair, 1, &params, labels, NULL) == 1);
  /* A third one, linked to nobody, outweighs half a link. */
  params.cannot_link = REID_CANNOT_LINK_SOFT;
  pair.weight = 0.5f;
  CHECK (reid_cluster (v, 3, 2, keys, &pair, 1, &params, labels, NULL) == 1);
}

/* Where it comes to rest, nobody is pushed away by more than holds it. */
TEST (whispers_leave_nobody_against_its_class)
{
  enum { M = 12 };
  uint64_t seed = 31;

  for (int round = 0; round < 3000; round++) {
    float v[M * 3], edge[M][M];
    uint64_t keys[M];
    ReidPair pairs[2 * M];
    ReidClusterParams params;
    int labels[M];

    whispers_params (&params, 0.2f);
    params.cannot_link = REID_CANNOT_LINK_SOFT;
    params.seed = round;
    for (int i = 0; i < M; i++) {
      test_unit_vector (&seed, v + i * 3, 3);
      keys[i] = i;
    }
    for (int i = 0; i < M; i++)
      for (int j = 0; j < M; j++) {
        float x = v[i * 3] * v[j * 3] + v[i * 3 + 1] * v[j * 3 + 1]
                  + v[i * 3 + 2] * v[j * 3 + 2];
        edge[i][j] = i != j && x >= 0.2f ? x : 0;
      }
    for (int p = 0; p < 2 * M; p++) {
      int a = p % M, b = (a + 1 + (int) (test_random (&seed) % (M - 1))) % M;
      float x = v[a * 3] * v[b * 3] + v[a * 3 + 1] * v[b * 3 + 1]
                + v[a * 3 + 2] * v[b * 3 + 2];

      pairs[p] = (ReidPair){ a, b, 0.8f };
      edge[a][b] = edge[b][a] = fminf (x, -0.8f);
    }
    REQUIRE (reid_cluster (v, M, 3, keys, pairs, 2 * M, &params, labels, NULL)
             > 0);
    for (int i = 0; i < M; i++) {
      float sum = 0;

      for (int j = 0; j < M; j++)
        if (labels[j] == labels[i])
          sum += edge[i][j];
      CHECK_MSG (sum > -1e-5f, "round %d, track %d: %g", round, i, sum);
    }
  }
}

TEST (whispers_seed_matters_only_where_it_is_close)
{
  Episode *e = make_episode (6, 0.35);
  ReidClusterParams params;
  int labels[N], first[N], differ = 0;

  whispers_params (&params, 0.25f);
  for (int round = 0; round < 20; round++) {
    params.seed = round;
    REQUIRE (reid_cluster (e->v, N, DIMS, e->keys, NULL, 0, &params,
                           round ? labels : first, NULL)
             > 0);
    differ += round && memcmp (labels, first, sizeof labels);
  }
  CHECK (differ > 0);
  free (e);
}

TEST_MAIN ()
