/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

/* Bad input: one clear line that names the thing, for both methods. */

typedef struct {
  float v[3 * 2];
  uint64_t keys[3];
  ReidPair pair;
  int n, n_pairs, dims;
  ReidClusterParams params;
} Input;

static Input
good (void)
{
  Input in = {
    { 1, 0, 0, 1, 0.6f, 0.8f }, { 17, 23, 42 }, { 0, 1, 0.5f }, 3, 1, 2
  };

  reid_cluster_params_init (&in.params);
  return in;
}

static int
run (const Input *in, ReidError *error)
{
  int labels[3];

  reid_error_clear (error);
  return reid_cluster (in->v, in->n, in->dims, in->keys, &in->pair, in->n_pairs,
                       &in->params, labels, error);
}

#define CHECK_REFUSED(in, what, status_)                                       \
  do {                                                                         \
    ReidError e = REID_ERROR_INIT;                                             \
    CHECK (run (&(in), &e) == -1);                                             \
    CHECK_MSG (e.status == (status_) && strstr (e.message, (what)), "%d: %s",  \
               (int) e.status, e.message);                                     \
    CHECK (run (&(in), NULL) == -1);                                           \
  } while (0)

TEST (good_input_is_good)
{
  Input in = good ();
  ReidError error = REID_ERROR_INIT;

  CHECK (run (&in, &error) == 2);
  CHECK (error.status == REID_OK);
}

TEST (vectors_must_be_finite_and_of_length_one)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  Input in;

  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 6; k++) {
      in = good ();
      in.v[k] = bad[i];
      CHECK_REFUSED (in,
                     k < 2   ? "track 17"
                     : k < 4 ? "track 23"
                             : "track 42",
                     REID_ERROR_ARGUMENT);
    }
  in = good ();
  in.v[3] = 0;
  CHECK_REFUSED (in, "track 23 has length 0", REID_ERROR_ARGUMENT);
  in.v[3] = 1.01f;
  CHECK_REFUSED (in, "track 23 has length 1.01", REID_ERROR_ARGUMENT);
  in.v[3] = 3e38f;
  CHECK_REFUSED (in, "track 23", REID_ERROR_ARGUMENT);
}

TEST (keys_must_differ)
{
  Input in = good ();

  in.keys[2] = 17;
  CHECK_REFUSED (in, "key 17", REID_ERROR_ARGUMENT);
}

TEST (pairs_must_name_two_rows_and_a_share)
{
  static const int bad[] = { -1, 3, INT32_MAX, INT32_MIN };
  Input in;

  for (int i = 0; i < 4; i++) {
    in = good ();
    in.pair.a = bad[i];
    CHECK_REFUSED (in, "pair 0", REID_ERROR_ARGUMENT);
    in = good ();
    in.pair.b = bad[i];
    CHECK_REFUSED (in, "pair 0", REID_ERROR_ARGUMENT);
  }
  in = good ();
  in.pair.b = 0;
  CHECK_REFUSED (in, "itself", REID_ERROR_ARGUMENT);
  in = good ();
  in.pair.weight = NAN;
  CHECK_REFUSED (in, "weight", REID_ERROR_ARGUMENT);
  in.pair.weight = -0.1f;
  CHECK_REFUSED (in, "weight", REID_ERROR_ARGUMENT);
  in.pair.weight = 1.1f;
  CHECK_REFUSED (in, "weight", REID_ERROR_ARGUMENT);
}

TEST (parameters_must_make_sense)
{
  static const float bad[] = { NAN, INFINITY, -1.5f, 1.5f };
  Input in = good ();
  ReidError error = REID_ERROR_INIT;
  int labels[3];

  for (int i = 0; i < 4; i++) {
    in.params.threshold = bad[i];
    CHECK_REFUSED (in, "threshold", REID_ERROR_ARGUMENT);
  }
  in = good ();
  in.params.method = (ReidClusterMethod) 7;
  CHECK_REFUSED (in, "method 7", REID_ERROR_ARGUMENT);
  in = good ();
  in.params.cannot_link = (ReidCannotLink) 7;
  CHECK_REFUSED (in, "cannot-link mode 7", REID_ERROR_ARGUMENT);
  in = good ();
  in.n = -1;
  CHECK_REFUSED (in, "negative", REID_ERROR_ARGUMENT);
  in = good ();
  in.n_pairs = -1;
  CHECK_REFUSED (in, "negative", REID_ERROR_ARGUMENT);
  in = good ();
  in.dims = 0;
  CHECK_REFUSED (in, "0 floats", REID_ERROR_ARGUMENT);
  in = good ();
  in.n = REID_CLUSTER_MAX_TRACKS + 1;
  CHECK_REFUSED (in, "limit of 200000", REID_ERROR_UNSUPPORTED);
  in = good ();
  CHECK (reid_cluster (NULL, 3, 2, in.keys, NULL, 0, &in.params, labels, &error)
         == -1);
  CHECK (reid_cluster (in.v, 3, 2, NULL, NULL, 0, &in.params, labels, &error)
         == -1);
  CHECK (reid_cluster (in.v, 3, 2, in.keys, NULL, 1, &in.params, labels, &error)
         == -1);
  CHECK (reid_cluster (in.v, 3, 2, in.keys, NULL, 0, NULL, labels, &error)
         == -1);
  CHECK (reid_cluster (in.v, 3, 2, in.keys, NULL, 0, &in.params, NULL, &error)
         == -1);
}

TEST (none_and_one)
{
  Input in = good ();
  int label = 5;

  for (int m = 0; m < 2; m++) {
    in.params.method = (ReidClusterMethod) m;
    CHECK (reid_cluster (NULL, 0, 0, NULL, NULL, 0, &in.params, NULL, NULL)
           == 0);
    CHECK (reid_cluster (in.v, 1, 2, in.keys, NULL, 0, &in.params, &label, NULL)
           == 1);
    CHECK (label == 0);
    in.n = 0;
    CHECK_REFUSED (in, "pair 0", REID_ERROR_ARGUMENT);
    in.n = 3;
  }
}

TEST (extreme_thresholds)
{
  Input in = good ();

  for (int m = 0; m < 2; m++) {
    in.n_pairs = 0;
    in.params.method = (ReidClusterMethod) m;
    in.params.threshold = 1;
    CHECK (run (&in, NULL) == 3);
  }
  in.params.method = REID_CLUSTER_AVERAGE;
  in.params.threshold = -1;
  CHECK (run (&in, NULL) == 1);
  in.n_pairs = 1;
  CHECK (run (&in, NULL) == 2);
}

TEST (a_group_beyond_the_limit_is_named)
{
  int n = REID_CLUSTER_MAX_GROUP + 1;
  float *v = malloc ((size_t) n * sizeof *v);
  uint64_t *keys = malloc ((size_t) n * sizeof *keys);
  int *labels = malloc ((size_t) n * sizeof *labels);
  ReidClusterParams params;
  ReidError error = REID_ERROR_INIT;

  REQUIRE (v && keys && labels);
  for (int i = 0; i < n; i++) {
    v[i] = 1;
    keys[i] = i;
  }
  reid_cluster_params_init (&params);
  CHECK (reid_cluster (v, n, 1, keys, NULL, 0, &params, labels, &error) == -1);
  CHECK (error.status == REID_ERROR_UNSUPPORTED);
  CHECK_MSG (strstr (error.message, "20001 tracks hang together"), "%s",
             error.message);
  /* Whispers hold the edges, and 2 * 10^8 are too many. */
  params.method = REID_CLUSTER_WHISPERS;
  reid_error_clear (&error);
  CHECK (reid_cluster (v, n, 1, keys, NULL, 0, &params, labels, &error) == -1);
  CHECK_MSG (strstr (error.message, "pairs at or above the threshold"), "%s",
             error.message);
  free (v);
  free (keys);
  free (labels);
}

TEST_MAIN ()
