/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pictures.h"

/* ---- Which faces are kept. The total of an offer is governed by its score
 * alone: the picture and the box stay. */

typedef struct {
  uint64_t frame;
  float score;
  bool has_pose;
  double yaw, pitch; /* by which the nose is moved, in eye distances */
  float total;       /* of its quality */
  double worth;
} Offer;

enum { MOST = 400 };

static Picture small;

static ReidFace
face_of (const Offer *o)
{
  ReidFace face = { 0.3f, 0.3f, 0.4f, 0.4f, o->score };

  if (o->has_pose)
    put_landmarks (&face, 1, 0.5, 0.5, 0.1, o->yaw, o->pitch, 1, 0);
  return face;
}

static float
total_of (const Offer *o)
{
  ReidFace face = face_of (o);
  ReidQuality q;

  reid_quality (&small.image, &face, &q);
  return q.total;
}

static int
make_offers (Offer *offers, uint64_t *state, bool poses)
{
  int n = 1 + (int) (test_random (state) % MOST);
  int levels = 2 + (int) (test_random (state) % 60);
  int stride = 1 + (int) (test_random (state) % 4);
  uint64_t frame = test_random (state) % 1000;

  for (int i = 0; i < n; i++) {
    /* A few levels only, so that many are equal. */
    offers[i] =
        (Offer){ .frame = frame,
                 .score = (float) (1 + test_random (state) % (uint64_t) levels)
                          / (float) (levels + 1) };
    if (poses && test_random (state) % 8 != 0) {
      offers[i].has_pose = true;
      offers[i].yaw = 0.02 * (double) (test_random (state) % 40) - 0.4;
      offers[i].pitch = 0.02 * (double) (test_random (state) % 20) - 0.2;
    }
    offers[i].total = total_of (&offers[i]);
    frame += test_random (state) % (uint64_t) (2 * stride);
    if (test_random (state) % 50 == 0)
      frame += 100;
  }
  return n;
}

static int
by_total (const void *a, const void *b)
{
  float x = ((const Offer *) a)->total, y = ((const Offer *) b)->total;
  uint64_t f = ((const Offer *) a)->frame, g = ((const Offer *) b)->frame;

  return x != y ? (x > y ? -1 : 1) : f < g ? -1 : f > g;
}

static bool
offer_to (ReidChipSet *set, const Offer *o)
{
  ReidFace face = face_of (o);
  int n = reid_chip_set_count (set);
  int entered = reid_chip_set_offer (set, &small.image, &face, o->frame, 40);

  CHECK (entered == 0 || entered == 1);
  CHECK (reid_chip_set_count (set) == n
         || (entered == 1 && reid_chip_set_count (set) == n + 1));
  return entered == 1;
}

static void
check_kept (ReidChipSet *set, Offer *want, int n, int round)
{
  bool same = reid_chip_set_count (set) == n;

  qsort (want, (size_t) n, sizeof *want, by_total);
  for (int i = 0; i < n && same; i++) {
    const ReidChip *chip = reid_chip_set_get (set, i);
    ReidFace face = face_of (&want[i]);

    same =
        chip->frame == want[i].frame && chip->face.score == face.score
        && chip->face.has_landmarks == face.has_landmarks
        && memcmp (chip->face.landmarks, face.landmarks, sizeof face.landmarks)
               == 0
        && chip->quality.total == want[i].total && chip->time == 40;
  }
  CHECK_MSG (same, "round %d: other faces are kept", round);
}

/* The bouts of the offers: their choices, in order. After each offer, `all`
 * is what an unlimited set would hold. Returns false where an offer changes
 * nothing; *took_over says whether it replaced the last choice. */
static bool
next_choice (Offer *all, int *n_all, uint64_t *bout, const Offer *o,
             uint64_t spacing, bool *took_over)
{
  *took_over = false;
  if (*n_all == 0 || o->frame >= all[*n_all - 1].frame + spacing) {
    *bout = o->frame;
    all[(*n_all)++] = *o;
    return true;
  }
  if (o->frame >= *bout + spacing || o->total <= all[*n_all - 1].total)
    return false;
  all[*n_all - 1] = *o;
  *took_over = true;
  return true;
}

/* Without `diverse` the best N of all choices are kept. */
TEST (the_best_n_of_all)
{
  static Offer offers[MOST], all[MOST];
  uint64_t state = 1;

  picture_init (&small, 16, 16);
  picture_fill (&small, 60, 190, 1);
  for (int round = 0; round < 150; round++) {
    int n = make_offers (offers, &state, false), n_all = 0;
    int top_n = 1 + (int) (test_random (&state) % 8);
    int spacing = (int) (test_random (&state) % 12);
    ReidChipSet *set = reid_chip_set_new (top_n, spacing, false);
    uint64_t bout = 0;
    bool took_over;

    for (int i = 0; i < n; i++) {
      offer_to (set, &offers[i]);
      next_choice (all, &n_all, &bout, &offers[i],
                   (uint64_t) (spacing ? spacing : 1), &took_over);
    }
    for (int i = 1; i < n_all; i++)
      CHECK (all[i].frame >= all[i - 1].frame + (uint64_t) spacing);
    qsort (all, (size_t) n_all, sizeof *all, by_total);
    check_kept (set, all, n_all < top_n ? n_all : top_n, round);
    reid_chip_set_free (set);
  }
  picture_free (&small);
}

static double
pose_distance (const Offer *a, const Offer *b)
{
  ReidFace face_a = face_of (a), face_b = face_of (b);
  ReidPose p, q;

  if (!reid_face_pose (&face_a, 1, &p) || !reid_face_pose (&face_b, 1, &q))
    return 0;
  double d = sqrt ((p.yaw - q.yaw) * (p.yaw - q.yaw)
                   + (p.pitch - q.pitch) * (p.pitch - q.pitch));
  return d < 1 ? d : 1;
}

static int
by_worth (const void *a, const void *b)
{
  double x = ((const Offer *) a)->worth, y = ((const Offer *) b)->worth;
  uint64_t f = ((const Offer *) a)->frame, g = ((const Offer *) b)->frame;

  return x != y ? (x > y ? -1 : 1) : f < g ? -1 : f > g;
}

/* With `diverse`: puts all in the order of their worth and takes out the last
 * whose slot has another before it. */
static void
drop_least_needed (Offer *kept, int n, uint64_t first, uint64_t slot)
{
  for (int i = 0; i < n; i++) {
    double novelty = 1;

    for (int j = 0; j < n; j++)
      if (j != i)
        novelty = fmin (novelty, pose_distance (&kept[i], &kept[j]));
    kept[i].worth = kept[i].total * (0.5 + novelty);
  }
  qsort (kept, (size_t) n, sizeof *kept, by_worth);
  for (int i = n - 1; i > 0; i--)
    for (int j = 0; j < i; j++)
      if ((kept[i].frame - first) / slot == (kept[j].frame - first) / slot) {
        memmove (kept + i, kept + i + 1, sizeof *kept * (size_t) (n - i - 1));
        return;
      }
}

TEST (diverse_follows_its_rule)
{
  static Offer offers[MOST], all[MOST];
  uint64_t state = 2;

  picture_init (&small, 16, 16);
  picture_fill (&small, 60, 190, 1);
  for (int round = 0; round < 150; round++) {
    int n = make_offers (offers, &state, round % 2), n_all = 0, n_kept = 0;
    int top_n = 1 + (int) (test_random (&state) % 8);
    int spacing = 1 + (int) (test_random (&state) % 12);
    ReidChipSet *set = reid_chip_set_new (top_n, spacing, true);
    uint64_t slot = (uint64_t) spacing, bout = 0;
    Offer kept[9];

    for (int i = 0; i < n; i++) {
      const Offer *o = &offers[i];
      uint64_t before = n_all ? all[n_all - 1].frame : 0;
      bool took_over;

      offer_to (set, o);
      while ((o->frame - offers[0].frame) / slot >= (uint64_t) top_n)
        slot *= 2;
      if (!next_choice (all, &n_all, &bout, o, (uint64_t) spacing, &took_over))
        continue;
      for (int k = 0; took_over && k < n_kept; k++)
        if (kept[k].frame == before)
          kept[k--] = kept[--n_kept];
      kept[n_kept++] = *o;
      if (n_kept > top_n)
        drop_least_needed (kept, n_kept--, offers[0].frame, slot);
    }
    check_kept (set, kept, n_kept, round);
    reid_chip_set_free (set);
  }
  picture_free (&small);
}

static int
by_frame (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return x < y ? -1 : x > y;
}

TEST (diverse_spreads_over_time)
{
  enum { N = 5 };

  /* The best faces are all at the end; still each part of the track has its
   * chip, at whatever length it is cut off. */
  picture_init (&small, 16, 16);
  picture_fill (&small, 60, 190, 1);
  for (int length = 50; length <= 1000; length += 50) {
    ReidChipSet *set = reid_chip_set_new (N, 5, true);
    uint64_t frames[N], widest = 0;

    for (int f = 0; f < length; f++)
      offer_to (set, &(Offer){ .frame = (uint64_t) f,
                               .score = 0.2f + 0.0007f * (float) f });
    REQUIRE (reid_chip_set_count (set) == N);
    for (int i = 0; i < N; i++)
      frames[i] = reid_chip_set_get (set, i)->frame;
    qsort (frames, N, sizeof *frames, by_frame);
    for (int i = 0; i < N; i++) {
      uint64_t gap = frames[i] - (i ? frames[i - 1] : 0);
      widest = gap > widest ? gap : widest;
    }
    /* Two slots, and a slot is at most 2 / N of the length. */
    CHECK_MSG (widest <= 4 * (uint64_t) length / N + 10, "%d: %d", length,
               (int) widest);
    reid_chip_set_free (set);
  }
  picture_free (&small);
}

TEST (diverse_prefers_other_poses)
{
  picture_init (&small, 16, 16);
  picture_fill (&small, 60, 190, 1);
  for (int diverse = 0; diverse < 2; diverse++) {
    ReidChipSet *set = reid_chip_set_new (4, 1, diverse);
    int turned = 0;

    /* Mostly frontal, a little worse where it looks to the side. */
    for (int f = 0; f < 64; f++)
      offer_to (set, &(Offer){ (uint64_t) f, f % 16 == 5 ? 0.6f : 0.9f, true,
                               f % 16 == 5 ? 0.3 : 0, 0 });
    for (int i = 0; i < 4; i++)
      turned += reid_chip_set_get (set, i)->face.score == 0.6f;
    CHECK_MSG (diverse ? turned > 0 : turned == 0, "%d of 4", turned);
    reid_chip_set_free (set);
  }
  picture_free (&small);
}

/* ---- The pixels */

/* Red tells x, green y, blue 77. */
static void
draw_coordinates (Picture *p)
{
  for (int y = 0; y < p->image.height; y++)
    for (int x = 0; x < p->image.width; x++) {
      uint8_t *at = p->rgb + 3 * (y * p->image.width + x);

      at[0] = (uint8_t) x;
      at[1] = (uint8_t) y;
      at[2] = 77;
    }
}

static int
clamp (int v, int high)
{
  return v < 0 ? 0 : v > high ? high : v;
}

TEST (small_faces_are_cut_one_to_one)
{
  static const float corners[][2] = { { 100, 90 }, { 100.4f, 90.7f },
                                      { 3, 2 },    { 230, 225 },
                                      { -7, 100 }, { 120, -9 },
                                      { 0, 255 },  { 250, 250 } };
  Picture p;

  picture_init (&p, 256, 256);
  draw_coordinates (&p);
  for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) {
    ReidFace face = { corners[i][0] / 256, corners[i][1] / 256, 20.0f / 256,
                      30.0f / 256, 0.9f };
    ReidChipSet *set = reid_chip_set_new (1, 1, false);

    put_landmarks (&face, 1, face.left + 0.04, face.top + 0.04, 0.03, 0, 0, 1,
                   0.2);
    REQUIRE (reid_chip_set_offer (set, &p.image, &face, 3, 5) == 1);
    const ReidChip *c = reid_chip_set_get (set, 0);
    /* The margin is 0.4 of the longer side, 12 pixels. */
    CHECK (c->width == 44 && c->height == 54);
    CHECK (reid_chip_set_bytes (set) == 44 * 54 * 3);
    CHECK (c->frame == 3 && c->time == 5);
    double left = corners[i][0] - c->box[0], top = corners[i][1] - c->box[1];
    CHECK_NEAR (left, round (left), 1e-3);
    CHECK_NEAR (top, round (top), 1e-3);
    CHECK_NEAR (c->box[0], 12, 0.51);
    CHECK_NEAR (c->box[1], 12, 0.51);
    CHECK_NEAR (c->box[2], 20, 1e-4);
    CHECK_NEAR (c->box[3], 30, 1e-4);
    for (int k = 0; k < 10; k++)
      CHECK_NEAR (c->landmarks[k],
                  face.landmarks[k] * 256 - (k & 1 ? top : left), 1e-3);
    /* The border repeats beyond the frame. */
    bool same = true;
    for (int y = 0; y < c->height; y++)
      for (int x = 0; x < c->width; x++) {
        const uint8_t *at = c->rgb + 3 * (y * c->width + x);

        same &= at[0] == clamp ((int) lround (left) + x, 255)
                && at[1] == clamp ((int) lround (top) + y, 255) && at[2] == 77;
      }
    CHECK_MSG (same, "case %d: other pixels", (int) i);
    reid_chip_set_free (set);
  }
  picture_free (&p);
}

/* Where a chip's pixel lies in the frame, by its colours, against where the
 * chip's box says that it lies. */
static void
check_mapping (const ReidChip *c, const ReidImage *image, double tolerance)
{
  for (int k = 0; k < 4; k++) {
    /* Points inside the box, in its own coordinates. */
    double u = k & 1 ? 0.8 : 0.2, v = k & 2 ? 0.8 : 0.2;
    double x = c->box[0] + u * c->box[2], y = c->box[1] + v * c->box[3];
    const uint8_t *at = c->rgb + 3 * ((int) y * c->width + (int) x);
    /* The centre of the pixel that was looked at. */
    double du = ((int) x + 0.5 - x) / c->box[2];
    double dv = ((int) y + 0.5 - y) / c->box[3];
    double want_x = (c->face.left + (u + du) * c->face.width) * image->width;
    double want_y = (c->face.top + (v + dv) * c->face.height) * image->height;

    CHECK_NEAR (at[0], want_x - 0.5, tolerance);
    CHECK_NEAR (at[1], want_y - 0.5, tolerance);
  }
}

TEST (large_faces_shrink_and_keep_their_shape)
{
  static const ReidFace faces[] = {
    { 0.2f, 0.2f, 0.6f, 0.6f, 0.9f },  { 0.1f, 0.05f, 0.55f, 0.9f, 0.9f },
    { 0.05f, 0.3f, 0.9f, 0.3f, 0.9f }, { 0, 0, 1, 1, 0.9f },
    { -0.2f, 0.1f, 1.5f, 0.9f, 0.9f },
  };
  Picture p;

  picture_init (&p, 256, 256);
  draw_coordinates (&p);
  for (size_t i = 0; i < sizeof faces / sizeof *faces; i++) {
    ReidChipSet *set = reid_chip_set_new (1, 1, false);
    REQUIRE (reid_chip_set_offer (set, &p.image, &faces[i], 0, 0) == 1);
    const ReidChip *c = reid_chip_set_get (set, 0);
    double longer = fmax (faces[i].width, faces[i].height);
    double scale = 1 / (longer + 2 * 0.4 * longer);

    CHECK ((c->width > c->height ? c->width : c->height) == 256);
    CHECK_NEAR (c->box[2], faces[i].width * 256 * scale, 0.01);
    CHECK_NEAR (c->box[3], faces[i].height * 256 * scale, 0.01);
    CHECK_NEAR (c->box[0] + c->box[2] / 2, c->width / 2.0, 1e-3);
    CHECK_NEAR (c->box[1] + c->box[3] / 2, c->height / 2.0, 1e-3);
    if (faces[i].left >= 0)
      check_mapping (c, &p.image, 1.5);
    reid_chip_set_free (set);
  }
  picture_free (&p);
}

TEST (chips_have_square_pixels)
{
  static const int pars[][2] = { { 16, 15 }, { 2, 1 }, { 1, 2 }, { 64, 45 } };
  Picture p;

  picture_init (&p, 240, 200);
  draw_coordinates (&p);
  for (int i = 0; i < 4; i++)
    for (int large = 0; large < 2; large++) {
      ReidFace face = { 0.3f, 0.3f, large ? 0.6f : 0.1f, large ? 0.6f : 0.15f,
                        0.9f };
      ReidChipSet *set = reid_chip_set_new (1, 1, false);
      double par = (double) pars[i][0] / pars[i][1];

      p.image.par_n = pars[i][0];
      p.image.par_d = pars[i][1];
      REQUIRE (reid_chip_set_offer (set, &p.image, &face, 0, 0) == 1);
      const ReidChip *c = reid_chip_set_get (set, 0);
      CHECK_NEAR (c->box[2] / c->box[3],
                  face.width * 240 * par / (face.height * 200), 1e-4);
      CHECK (c->width <= 256 && c->height <= 256);
      if (!large)
        CHECK_NEAR (c->box[3], face.height * 200, 1e-3);
      check_mapping (c, &p.image, 1.5);
      reid_chip_set_free (set);
    }
  picture_free (&p);
}

/* ---- The set */

TEST (order_bytes_and_taking)
{
  Picture p;
  ReidChipSet *set = reid_chip_set_new (4, 2, false);
  static const float scores[] = { 0.5f, 0.9f, 0.7f, 0.9f, 0.6f, 0.4f };
  static const uint64_t want[] = { 10, 30, 20, 40 };
  ReidChip **chips;

  picture_init (&p, 64, 64);
  picture_fill (&p, 0, 255, 1);
  CHECK (reid_chip_set_count (set) == 0 && reid_chip_set_bytes (set) == 0);
  CHECK (reid_chip_set_get (set, 0) == NULL);
  CHECK (reid_chip_set_take (set, &chips) == 0 && chips == NULL);
  for (int again = 0; again < 2; again++) {
    for (int i = 0; i < 6; i++)
      reid_chip_set_offer (set, &p.image,
                           &(ReidFace){ 0.4f, 0.4f, 0.2f, 0.2f, scores[i] },
                           (uint64_t) i * 10, i);
    REQUIRE (reid_chip_set_count (set) == 4);
    for (int i = 0; i < 4; i++)
      CHECK (reid_chip_set_get (set, i)->frame == want[i]);
    CHECK (reid_chip_set_get (set, 4) == NULL
           && reid_chip_set_get (set, -1) == NULL);
    const ReidChip *first = reid_chip_set_get (set, 0);
    CHECK (reid_chip_set_bytes (set)
           == 4 * 3 * (size_t) first->width * (size_t) first->height);
    REQUIRE (reid_chip_set_take (set, &chips) == 4);
    CHECK (reid_chip_set_count (set) == 0 && reid_chip_set_bytes (set) == 0);
    for (int i = 0; i < 4; i++) {
      CHECK (chips[i]->frame == want[i]);
      reid_chip_free (chips[i]);
    }
    free (chips);
    /* After it, frames may start again. */
  }
  reid_chip_set_free (set);
  reid_chip_set_free (NULL);
  reid_chip_free (NULL);
  picture_free (&p);
}

TEST (offers_that_cannot_be)
{
  static const ReidFace odd[] = {
    { NAN, 0, 0.1f, 0.1f, 0.9f },     { 0, 0, NAN, 0.1f, 0.9f },
    { 0, 0, -0.1f, 0.1f, 0.9f },      { 0, 0, 0.1f, 0, 0.9f },
    { 0, 0, 1e30f, 1e30f, 0.9f },     { 0, 0, 5, 0.1f, 0.9f },
    { 1.1f, 0.2f, 0.1f, 0.1f, 0.9f }, { 0.2f, -0.3f, 0.1f, 0.2f, 0.9f },
    { 0, 0, 0.1f, 0.1f, NAN },
  };
  ReidFace fine = { 0.2f, 0.2f, 0.2f, 0.2f, 0.9f };
  ReidChipSet *set = reid_chip_set_new (0, -5, true);
  Picture p;

  picture_init (&p, 64, 64);
  picture_fill (&p, 0, 255, 1);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    CHECK (reid_chip_set_offer (set, &p.image, &odd[i], i, 0) == 0);
  CHECK (reid_chip_set_count (set) == 0);
  CHECK (reid_chip_set_offer (set, &p.image, &fine, 100, 0) == 1);
  /* An earlier frame, and the same one again. */
  fine.score = 0.95f;
  CHECK (reid_chip_set_offer (set, &p.image, &fine, 99, 0) == 0);
  CHECK (reid_chip_set_offer (set, &p.image, &fine, 100, 0) == 1);
  CHECK (reid_chip_set_count (set) == 1);
  /* Landmarks that are no numbers. */
  fine.has_landmarks = true;
  fine.landmarks[3] = NAN;
  reid_chip_set_offer (set, &p.image, &fine, 101, 0);
  fine.landmarks[3] = 3e38f;
  reid_chip_set_offer (set, &p.image, &fine, 102, 0);
  /* A picture that is none. */
  p.image.par_d = 0;
  CHECK (reid_chip_set_offer (set, &p.image, &fine, 103, 0) == 0);
  reid_chip_set_free (set);
  picture_free (&p);
}

TEST (frames_far_apart)
{
  ReidFace face = { 0.2f, 0.2f, 0.2f, 0.2f, 0.9f };
  Picture p;

  picture_init (&p, 64, 64);
  picture_fill (&p, 0, 255, 1);
  for (int top_n = 1; top_n < 4; top_n++) {
    ReidChipSet *set = reid_chip_set_new (top_n, 7, true);

    for (int i = 0; i < 64; i++)
      reid_chip_set_offer (set, &p.image, &face, (uint64_t) 1 << i, 0);
    reid_chip_set_offer (set, &p.image, &face, UINT64_MAX, 0);
    CHECK (reid_chip_set_count (set) == top_n);
    reid_chip_set_free (set);
  }
  picture_free (&p);
}

TEST (one_pixel)
{
  ReidFace face = { 0, 0, 1, 1, 0.9f };
  ReidChipSet *set = reid_chip_set_new (3, 1, false);
  Picture p;

  picture_init (&p, 1, 1);
  picture_fill (&p, 90, 90, 1);
  CHECK (reid_chip_set_offer (set, &p.image, &face, 0, 0) == 1);
  const ReidChip *c = reid_chip_set_get (set, 0);
  REQUIRE (c != NULL);
  CHECK (c->width == 2 && c->height == 2 && c->rgb[0] == 90);
  face.width = face.height = 1e-6f;
  CHECK (reid_chip_set_offer (set, &p.image, &face, 1, 0) == 1);
  reid_chip_set_free (set);
  picture_free (&p);
}

TEST (memory_stays_bounded)
{
  enum { N = 6 };
  ReidChipSet *set = reid_chip_set_new (N, 1, true);
  uint64_t state = 3;
  Picture p;

  picture_init (&p, 320, 240);
  picture_fill (&p, 0, 255, 1);
  for (uint64_t f = 0; f < 500; f++) {
    ReidFace face = { 0.1f, 0.1f, (float) (0.05 + 0.8 * test_uniform (&state)),
                      (float) (0.05 + 0.8 * test_uniform (&state)),
                      (float) test_uniform (&state) };

    reid_chip_set_offer (set, &p.image, &face, f, 0);
    CHECK (reid_chip_set_bytes (set)
           <= (size_t) N * 3 * REID_CHIP_SIDE * REID_CHIP_SIDE);
  }
  CHECK (reid_chip_set_count (set) == N);
  reid_chip_set_free (set);
  picture_free (&p);
}

TEST_MAIN ()
