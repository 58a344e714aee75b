/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

/* ---- The contract, call by call. */

/* A vector of two dimensions at a cosine to (1, 0). */
static const float *
at_cosine (double cosine)
{
  static float v[4][2];
  static int at;
  float *x = v[at++ & 3];

  x[0] = (float) cosine;
  x[1] = (float) sqrt (1 - cosine * cosine);
  return x;
}

static ReidGallery *
small_gallery (int max_people, int per_person)
{
  ReidGalleryParams p = { .accept = 0.8f,
                          .margin = 0.1f,
                          .reject = 0.4f,
                          .max_people = max_people,
                          .per_person = per_person };

  return reid_gallery_new (2, &p);
}

static ReidName
name (ReidGallery *g, const float *v, uint32_t known, uint32_t taken, bool last)
{
  static int64_t time;
  ReidName n = { (ReidNameState) 99, 99, 99 };
  ReidError error = REID_ERROR_INIT;

  CHECK_MSG (reid_gallery_name (g, v, 0.5f, time += 1000, known, &taken,
                                taken ? 1 : 0, last, &n, &error),
             "%s", error.message);
  return n;
}

TEST (new_known_and_pending)
{
  ReidGallery *g = small_gallery (10, 4);
  ReidName n;

  n = name (g, at_cosine (1), 0, 0, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 1 && n.similarity == 0);
  n = name (g, at_cosine (0.9), 0, 0, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  CHECK_NEAR (n.similarity, 0.9, 1e-6);
  reid_gallery_free (g);

  g = small_gallery (10, 4);
  name (g, at_cosine (1), 0, 0, false);
  n = name (g, at_cosine (0.7), 0, 0, false);
  CHECK (n.state == REID_NAME_PENDING && n.identity == 0);
  CHECK_NEAR (n.similarity, 0.7, 1e-6);
  n = name (g, at_cosine (0.39), 0, 0, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 2);
  CHECK (reid_gallery_count (g) == 2);
  reid_gallery_free (g);
}

TEST (last_decides_at_the_middle)
{
  ReidGallery *g = small_gallery (10, 4);
  ReidName n;

  name (g, at_cosine (1), 0, 0, false);
  n = name (g, at_cosine (0.61), 0, 0, true);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  n = name (g, at_cosine (0.59), 0, 0, true);
  CHECK (n.state == REID_NAME_NEW && n.identity == 2);
  CHECK_NEAR (n.similarity, 0.59, 1e-6);
  reid_gallery_free (g);
}

TEST (too_close_to_a_second_is_pending)
{
  ReidGallery *g = small_gallery (10, 1);
  const float a[] = { 1, 0 }, b[] = { 0.28f, 0.96f };
  const float between[] = { 0.8f, 0.6f }; /* 0.8 to both */
  ReidName n;

  CHECK (name (g, a, 0, 0, false).state == REID_NAME_NEW);
  CHECK (name (g, b, 0, 0, false).state == REID_NAME_NEW);
  n = name (g, between, 0, 0, false);
  CHECK (n.state == REID_NAME_PENDING && n.identity == 0);
  /* The second is in the frame: it is no rival then. */
  n = name (g, between, 0, 2, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  n = name (g, between, 0, 0, true);
  CHECK (n.state == REID_NAME_KNOWN);
  reid_gallery_free (g);
}

TEST (taken_identities_are_never_given)
{
  ReidGallery *g = small_gallery (10, 4);
  ReidName n;

  name (g, at_cosine (1), 0, 0, false);
  n = name (g, at_cosine (1), 0, 1, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 2);
  /* Not even to a track that had it. */
  n = name (g, at_cosine (1), 1, 1, false);
  CHECK (n.identity == 2);
  reid_gallery_free (g);
}

TEST (a_known_track_keeps_its_name_and_teaches)
{
  ReidGallery *g = small_gallery (10, 4);
  ReidName n;

  name (g, at_cosine (1), 0, 0, false);
  n = name (g, at_cosine (0.5), 1, 0, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  CHECK_NEAR (n.similarity, 0.5, 1e-6);
  /* What it taught is a nearest vector now. */
  n = name (g, at_cosine (0.5), 0, 0, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  CHECK (n.similarity > 0.9);
  reid_gallery_free (g);

  /* What looks like a stranger teaches nothing. */
  g = small_gallery (10, 4);
  name (g, at_cosine (1), 0, 0, false);
  n = name (g, at_cosine (0), 1, 0, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 1);
  n = name (g, at_cosine (0), 0, 0, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 2);
  reid_gallery_free (g);
}

TEST (who_was_unseen_for_longest_is_forgotten)
{
  ReidGallery *g = small_gallery (3, 2);
  const float axis[4][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };
  ReidName n;

  for (int i = 0; i < 3; i++)
    CHECK (name (g, axis[i], 0, 0, false).identity == (uint32_t) i + 1);
  name (g, axis[0], 0, 0, false);
  n = name (g, axis[3], 0, 0, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 4);
  CHECK (reid_gallery_count (g) == 3);
  CHECK (name (g, axis[0], 0, 0, false).identity == 1);
  CHECK (name (g, axis[2], 0, 0, false).identity == 3);
  /* 2 is gone: its identity is not used again, 4 makes room. */
  n = name (g, axis[1], 0, 0, false);
  CHECK (n.state == REID_NAME_NEW && n.identity == 5);
  /* A live track of a forgotten person brings it back. */
  n = name (g, axis[3], 4, 0, false);
  CHECK (n.state == REID_NAME_KNOWN && n.identity == 4);
  CHECK (reid_gallery_count (g) == 3);
  CHECK (name (g, axis[3], 0, 0, false).identity == 4);
  reid_gallery_free (g);
}

TEST (who_is_in_the_frame_is_not_forgotten)
{
  ReidGallery *g = small_gallery (2, 2);
  const float axis[3][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 } };

  name (g, axis[0], 0, 0, false);
  name (g, axis[1], 0, 0, false);
  CHECK (name (g, axis[2], 0, 1, false).identity == 3);
  CHECK (name (g, axis[0], 0, 0, false).identity == 1);
  reid_gallery_free (g);

  /* Where all are, the frame does not fit. */
  g = small_gallery (1, 2);
  name (g, axis[0], 0, 0, false);
  CHECK (name (g, axis[0], 0, 1, false).identity == 2);
  CHECK (reid_gallery_count (g) == 1);
  reid_gallery_free (g);
}

TEST (being_known_or_taken_is_being_seen)
{
  const float axis[4][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };

  for (int way = 0; way < 2; way++) {
    ReidGallery *g = small_gallery (3, 2);

    for (int i = 0; i < 3; i++)
      name (g, axis[i], 0, 0, false);
    if (way)
      name (g, axis[0], 1, 0, false);
    else
      name (g, axis[2], 3, 1, false);
    CHECK (name (g, axis[3], 0, 0, false).identity == 4);
    CHECK (name (g, axis[0], 0, 0, false).identity == 1);
    CHECK (name (g, axis[1], 0, 0, false).identity == 5);
    reid_gallery_free (g);
  }
}

TEST (bad_calls_are_refused)
{
  static const float bad[][2] = {
    { NAN, 0 }, { INFINITY, 0 }, { 0, 0 }, { 1, 1 }, { 3e38f, 3e38f }
  };
  ReidGallery *g = small_gallery (3, 2);
  const float v[] = { 1, 0 };
  uint32_t taken = 1;
  ReidName n;
  ReidError e;

  for (int i = 0; i < 5; i++) {
    reid_error_clear (&e);
    CHECK (!reid_gallery_name (g, bad[i], 1, 0, 0, NULL, 0, false, &n, &e));
    CHECK_MSG (e.status == REID_ERROR_ARGUMENT, "%s", e.message);
  }
  reid_error_clear (&e);
  CHECK (!reid_gallery_name (g, v, 1.5f, 0, 0, NULL, 0, false, &n, &e));
  CHECK (strstr (e.message, "quality 1.5"));
  CHECK (!reid_gallery_name (g, v, NAN, 0, 0, NULL, 0, false, &n, NULL));
  reid_error_clear (&e);
  CHECK (!reid_gallery_name (g, v, 1, 0, 7, NULL, 0, false, &n, &e));
  CHECK (strstr (e.message, "identity 7 was never given"));
  CHECK (!reid_gallery_name (g, v, 1, 0, 0, NULL, 2, false, &n, NULL));
  CHECK (!reid_gallery_name (g, v, 1, 0, 0, &taken, -1, false, &n, NULL));
  CHECK (!reid_gallery_name (g, NULL, 1, 0, 0, NULL, 0, false, &n, NULL));
  CHECK (!reid_gallery_name (g, v, 1, 0, 0, NULL, 0, false, NULL, NULL));
  CHECK (!reid_gallery_name (NULL, v, 1, 0, 0, NULL, 0, false, &n, NULL));
  CHECK (reid_gallery_count (g) == 0);
  CHECK (reid_gallery_count (NULL) == 0 && reid_gallery_bytes (NULL) == 0);
  /* No time, a time that falls, unknown ones taken: all good. */
  CHECK (reid_gallery_name (g, v, 1, -1, 0, &taken, 1, false, &n, NULL));
  CHECK (reid_gallery_name (g, v, 1, INT64_MAX, 0, NULL, 0, false, &n, NULL));
  CHECK (reid_gallery_name (g, v, 1, INT64_MIN, 0, NULL, 0, false, &n, NULL));
  reid_gallery_free (g);
  reid_gallery_free (NULL);
}

TEST (bad_parameters_are_refused)
{
  ReidGalleryParams good, p;
  ReidError e;

  reid_gallery_params_init (&good, 0.375f);
  CHECK (reid_gallery_params_check (&good, 128, NULL));
#define REFUSED(change, what)                                                  \
  do {                                                                         \
    p = good;                                                                  \
    change;                                                                    \
    reid_error_clear (&e);                                                     \
    CHECK (!reid_gallery_params_check (&p, 128, &e));                          \
    CHECK_MSG (strstr (e.message, what), "%s", e.message);                     \
    CHECK (!reid_gallery_new (128, &p));                                       \
  } while (0)
  REFUSED (p.accept = NAN, "accept");
  REFUSED (p.accept = 1.1f, "accept");
  REFUSED (p.reject = NAN, "reject");
  REFUSED (p.reject = 0.9f, "reject");
  REFUSED (p.margin = -0.1f, "margin");
  REFUSED (p.margin = NAN, "margin");
  REFUSED (p.max_people = 0, "0 people");
  REFUSED (p.max_people = INT32_MAX, "people");
  REFUSED (p.per_person = 0, "vectors for each");
  REFUSED (p.per_person = INT32_MAX, "vectors for each");
  CHECK (!reid_gallery_new (0, &good));
  CHECK (!reid_gallery_new (INT32_MAX, &good));
  CHECK (!reid_gallery_new (128, NULL));
  CHECK (reid_gallery_bytes_bound (&good, 0) == 0);
}

TEST (any_threshold_gives_good_parameters)
{
  for (float t = -1.2f; t < 1.2f; t += 0.05f) {
    ReidGalleryParams p;

    reid_gallery_params_init (&p, t);
    CHECK (reid_gallery_params_check (&p, 128, NULL));
  }
}

/* ---- Streams of many people. */

typedef struct {
  int people, tracks, per_track, dims;
  double same;      /* expected cosine of two vectors of one person */
  double different; /* and of two people */
  bool constant, random;
  int max_people;
} Stream;

typedef struct {
  double f;
  int identities;
  uint64_t hash; /* of every answer */
  size_t bytes, bound;
  bool clash; /* an identity given to two tracks of one frame */
} Outcome;

/* Two tracks at a time are on screen, of two different people, and are
 * offered in turns; the answer of a track is its name at its end. */
static Outcome
run_stream (const Stream *s, uint64_t seed)
{
  ReidGalleryParams params;
  ReidGallery *g;
  float *person = malloc ((size_t) s->people * s->dims * sizeof *person);
  float *v = malloc (s->dims * sizeof *v);
  int *answer = malloc (s->tracks * sizeof *answer);
  int *truth = malloc (s->tracks * sizeof *truth);
  Outcome o = { 0 };

  reid_gallery_params_init (&params, 0.375f);
  params.max_people = s->max_people;
  g = reid_gallery_new (s->dims, &params);
  test_unit_vector (&seed, v, s->dims);
  for (int i = 0; i < s->people; i++)
    test_picture (&seed, v, s->different / s->same, person + i * s->dims,
                  s->dims);
  for (int t = 0; t + 1 < s->tracks; t += 2) {
    uint32_t id[2] = { 0, 0 };

    truth[t] = (int) (test_random (&seed) % s->people);
    truth[t + 1] = (int) ((truth[t] + 1 + test_random (&seed) % (s->people - 1))
                          % s->people);
    for (int k = 0; k < s->per_track; k++)
      for (int side = 0; side < 2; side++) {
        ReidName n;
        uint32_t other = id[!side];

        test_picture (&seed, person + truth[t + side] * s->dims, s->same, v,
                      s->dims);
        if (s->random)
          test_unit_vector (&seed, v, s->dims);
        if (s->constant) {
          memset (v, 0, s->dims * sizeof *v);
          v[0] = 1;
        }
        CHECK (reid_gallery_name (g, v, (float) test_uniform (&seed),
                                  ((int64_t) t * s->per_track + k) * 500000000,
                                  id[side], &other, other != 0,
                                  k == s->per_track - 1, &n, NULL));
        id[side] = n.identity;
        o.clash = o.clash || (id[0] && id[0] == id[1]);
        o.hash =
            (o.hash ^ n.identity ^ ((uint64_t) n.state << 32)) * 0x100000001b3u;
      }
    for (int side = 0; side < 2; side++) {
      answer[t + side] = (int) id[side];
      if (answer[t + side] > o.identities)
        o.identities = answer[t + side];
    }
  }
  o.f = test_b_cubed (answer, truth, s->tracks / 2 * 2);
  o.bytes = reid_gallery_bytes (g);
  o.bound = reid_gallery_bytes_bound (&params, s->dims);
  reid_gallery_free (g);
  free (person);
  free (v);
  free (answer);
  free (truth);
  return o;
}

static void
say (const char *what, const Outcome *o)
{
  printf ("# %s: B-cubed F %.4f, %d identities, %zu of %zu bytes\n", what, o->f,
          o->identities, o->bytes, o->bound);
}

TEST (hundreds_of_people_keep_their_names)
{
  Stream s = { .people = 300,
               .tracks = 2400,
               .per_track = 4,
               .dims = 128,
               .same = 0.67,
               .different = 0.02,
               .max_people = 1000 };
  Outcome o = run_stream (&s, 1), again = run_stream (&s, 1);

  say ("300 people", &o);
  CHECK (o.f >= 0.99);
  CHECK (o.identities >= 295 && o.identities <= 310);
  CHECK (!o.clash);
  CHECK (o.bytes <= o.bound);
  CHECK (o.hash == again.hash && o.bytes == again.bytes);
}

TEST (harder_people_keep_their_names_mostly)
{
  Stream s = { .people = 200,
               .tracks = 2000,
               .per_track = 4,
               .dims = 128,
               .same = 0.42,
               .different = 0.12,
               .max_people = 1000 };
  Outcome o = run_stream (&s, 2);

  say ("200 harder people", &o);
  CHECK (o.f >= 0.9);
  CHECK (!o.clash);
}

TEST (a_gallery_too_small_still_names_within_its_bound)
{
  Stream s = { .people = 300,
               .tracks = 1200,
               .per_track = 3,
               .dims = 128,
               .same = 0.67,
               .different = 0.02,
               .max_people = 50 };
  Outcome o = run_stream (&s, 3);

  say ("room for 50 of 300", &o);
  CHECK (o.f > 0.2 && o.f < 0.9);
  CHECK (!o.clash);
  CHECK (o.bytes <= o.bound);
}

TEST (a_constant_and_a_random_embedder_fail)
{
  Stream s = { .people = 100,
               .tracks = 800,
               .per_track = 4,
               .dims = 128,
               .same = 0.67,
               .different = 0.02,
               .max_people = 1000,
               .constant = true };
  Outcome o = run_stream (&s, 4);

  say ("constant", &o);
  CHECK (o.f < 0.1);
  CHECK (!o.clash);
  s.constant = false;
  s.random = true;
  o = run_stream (&s, 4);
  say ("random", &o);
  CHECK (o.f < 0.3);
  CHECK (!o.clash);
}

TEST (a_feed_without_end_holds_its_bytes)
{
  enum { DIMS = 32 };
  ReidGalleryParams params;
  ReidGallery *g;
  float person[DIMS], v[DIMS];
  uint64_t seed = 8;
  size_t full = 0;
  uint32_t highest = 0;

  reid_gallery_params_init (&params, 0.375f);
  params.max_people = 64;
  g = reid_gallery_new (DIMS, &params);
  REQUIRE (g);
  for (int i = 0; i < 100000; i++) {
    ReidName n;

    if (i % 20 == 0)
      test_unit_vector (&seed, person, DIMS);
    test_picture (&seed, person, 0.7, v, DIMS);
    REQUIRE (reid_gallery_name (g, v, 0.5f, (int64_t) i * 500000000, 0, NULL, 0,
                                i % 20 == 19, &n, NULL));
    /* Identities only ever rise. */
    if (n.state == REID_NAME_NEW) {
      CHECK (n.identity == highest + 1);
      highest = n.identity;
    }
    CHECK (n.identity <= highest);
    if (i == 10000)
      full = reid_gallery_bytes (g);
  }
  CHECK (highest > 1000);
  CHECK (reid_gallery_count (g) == 64);
  CHECK (reid_gallery_bytes (g) == full);
  CHECK (full <= reid_gallery_bytes_bound (&params, DIMS));
  reid_gallery_free (g);
}

/* Two looks a long time apart are both remembered, although a thousand
 * vectors of each came. */
TEST (kept_vectors_spread_over_time)
{
  enum { DIMS = 64 };
  ReidGalleryParams params;
  ReidGallery *g;
  float look[3][DIMS], v[DIMS];
  uint64_t seed = 12;
  ReidName n;

  reid_gallery_params_init (&params, 0.375f);
  g = reid_gallery_new (DIMS, &params);
  REQUIRE (g);
  test_unit_vector (&seed, look[0], DIMS);
  for (int i = 1; i < 3; i++)
    test_picture (&seed, look[0], 0.45, look[i], DIMS);
  for (int i = 0; i < 3000; i++) {
    test_picture (&seed, look[i / 1000], 0.9, v, DIMS);
    CHECK (reid_gallery_name (g, v, (float) test_uniform (&seed),
                              (int64_t) i * 500000000, i ? 1 : 0, NULL, 0,
                              false, &n, NULL));
    CHECK (n.identity == 1);
  }
  for (int i = 0; i < 3; i++) {
    CHECK (
        reid_gallery_name (g, look[i], 0.5f, 0, 0, NULL, 0, false, &n, NULL));
    CHECK_MSG (n.identity == 1 && n.similarity > 0.7, "look %d: %u at %g", i,
               n.identity, n.similarity);
  }
  reid_gallery_free (g);
}

TEST_MAIN ()
