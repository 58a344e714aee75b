/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes into an archive comes out of it. */
#include "fixture.h"

#include "cluster/cluster.h"

#include <dirent.h>
#include <hdf5.h>

_Static_assert(sizeof (ReidOverlap) == sizeof (ReidPair)
                   && offsetof (ReidOverlap, a) == offsetof (ReidPair, a)
                   && offsetof (ReidOverlap, b) == offsetof (ReidPair, b)
                   && offsetof (ReidOverlap, weight)
                          == offsetof (ReidPair, weight),
               "an overlap is a cluster.h pair");

#define N_FRAMES 3000
#define N_DETECTIONS 5000
#define N_TRACKS 300
#define DIMS 17

typedef struct {
  ReidFrameRow frames[N_FRAMES];
  ReidShotRow shots[700];
  ReidDetectionRow detections[N_DETECTIONS];
  ReidTrackRow tracks[N_TRACKS];
  ReidChipRow *chips;
  float *embeddings;
  size_t n_chips;
} Material;

static Material *
material_new (uint64_t seed)
{
  Material *m = calloc (1, sizeof *m);
  uint64_t s = seed;

  m->chips = calloc (N_TRACKS * 4, sizeof *m->chips);
  m->embeddings = calloc (N_TRACKS * 4 * DIMS, sizeof (float));
  for (uint64_t i = 0; i < N_FRAMES; i++)
    m->frames[i] = random_frame (&s, i);
  for (uint64_t i = 0; i < 700; i++)
    m->shots[i] =
        (ReidShotRow){ i * 4, i * 4 + 1 + test_random (&s) % 4, (int64_t) i,
                       (int64_t) i + 3, (uint8_t) (test_random (&s) % 3) };
  for (uint64_t i = 0; i < N_DETECTIONS; i++)
    m->detections[i] = random_detection (&s, i * N_FRAMES / N_DETECTIONS,
                                         (uint32_t) (test_random (&s) % 90));
  for (uint32_t i = 0; i < N_TRACKS; i++) {
    uint32_t n = (uint32_t) (test_random (&s) % 5);
    m->tracks[i] = (ReidTrackRow){ .id = i + 1,
                                   .shot = i / 3,
                                   .first = i * 7,
                                   .last = i * 7 + 20,
                                   .start_time = -1,
                                   .end_time = (int64_t) i << 33,
                                   .n_detections = 20,
                                   .end = (uint8_t) (i % 5),
                                   .first_chip = m->n_chips,
                                   .n_chips = n };
    for (uint32_t k = 0; k < n; k++, m->n_chips++) {
      m->chips[m->n_chips] =
          random_chip (&s, i + 1, i * 7 + k, 1 + (int) (test_random (&s) % 70),
                       1 + (int) (test_random (&s) % 70));
      if (test_random (&s) % 16 == 0) {
        free ((void *) m->chips[m->n_chips].rgb);
        m->chips[m->n_chips].rgb = NULL;
      }
      for (int d = 0; d < DIMS; d++)
        m->embeddings[m->n_chips * DIMS + (size_t) d] =
            (float) test_uniform (&s) - 0.5f;
    }
  }
  return m;
}

static void
material_free (Material *m)
{
  for (size_t i = 0; i < m->n_chips; i++)
    free ((void *) m->chips[i].rgb);
  free (m->chips);
  free (m->embeddings);
  free (m);
}

/* In pieces of random length, with flushes in between. */
static bool
feed (ReidArchive *a, const Material *m, uint64_t seed, ReidError *error)
{
  uint64_t s = seed;
  size_t f = 0, d = 0, t = 0, h = 0;
  bool ok = true;

  while (ok && (f < N_FRAMES || d < N_DETECTIONS || t < N_TRACKS || h < 700)) {
    size_t n = test_random (&s) % 50;
    size_t k = n < N_FRAMES - f ? n : N_FRAMES - f;
    ok = reid_archive_add_frames (a, m->frames + f, k, error);
    f += k;
    n = test_random (&s) % 2000;
    k = n < N_DETECTIONS - d ? n : N_DETECTIONS - d;
    ok = ok && reid_archive_add_detections (a, m->detections + d, k, error);
    d += k;
    n = test_random (&s) % 9;
    k = n < 700 - h ? n : 700 - h;
    ok = ok && reid_archive_add_shots (a, m->shots + h, k, error);
    h += k;
    for (n = test_random (&s) % 4; ok && n > 0 && t < N_TRACKS; n--, t++) {
      const ReidTrackRow *row = &m->tracks[t];
      ok = reid_archive_add_track (
          a, row, m->chips + row->first_chip, (int) row->n_chips,
          t % 9 == 4 ? NULL : m->embeddings + row->first_chip * DIMS,
          t % 9 == 4 ? 0 : DIMS, error);
    }
    if (ok && test_random (&s) % 8 == 0)
      ok = reid_archive_flush (a, error);
  }
  return ok;
}

static bool
same_frame (const ReidFrameRow *a, const ReidFrameRow *b)
{
  return a->frame == b->frame && a->time == b->time
         && a->duration == b->duration && a->segment == b->segment
         && a->width == b->width && a->height == b->height
         && a->state == b->state && a->n_faces == b->n_faces;
}

static bool
same_detection (const ReidDetectionRow *a, const ReidDetectionRow *b)
{
  return a->frame == b->frame && a->track == b->track
         && memcmp (&a->left, &b->left, 5 * sizeof (float)) == 0
         && a->has_landmarks == b->has_landmarks
         && memcmp (a->landmarks, b->landmarks, sizeof a->landmarks) == 0
         && a->quality == b->quality;
}

static bool
same_chip (const ReidChipRow *a, const ReidChipRow *b, bool pixels)
{
  return a->track == b->track && a->frame == b->frame && a->time == b->time
         && a->width == b->width && a->height == b->height
         && memcmp (a->box, b->box, sizeof a->box) == 0
         && memcmp (a->landmarks, b->landmarks, sizeof a->landmarks) == 0
         && memcmp (a->face, b->face, sizeof a->face) == 0
         && a->has_landmarks == b->has_landmarks
         && memcmp (&a->score, &b->score, 6 * sizeof (float)) == 0
         && (pixels ? (a->rgb != NULL) == (b->rgb != NULL)
                          && (!a->rgb
                              || memcmp (a->rgb, b->rgb,
                                         (size_t) a->width * a->height * 3)
                                     == 0)
                    : b->rgb == NULL);
}

static void
compare (const Material *m, const ReidEpisode *e, bool pixels)
{
  size_t bad = 0;

  REQUIRE (e->n_frames == N_FRAMES && e->n_shots == 700
           && e->n_detections == N_DETECTIONS && e->n_tracks == N_TRACKS
           && e->n_chips == m->n_chips && e->dims == DIMS);
  for (size_t i = 0; i < N_FRAMES; i++)
    bad += !same_frame (&m->frames[i], &e->frames[i]);
  CHECK (bad == 0);
  for (size_t i = 0; i < 700; i++)
    bad += m->shots[i].first != e->shots[i].first
           || m->shots[i].end != e->shots[i].end
           || m->shots[i].start_time != e->shots[i].start_time
           || m->shots[i].end_time != e->shots[i].end_time
           || m->shots[i].kind != e->shots[i].kind;
  CHECK (bad == 0);
  for (size_t i = 0; i < N_DETECTIONS; i++)
    bad += !same_detection (&m->detections[i], &e->detections[i]);
  CHECK (bad == 0);
  for (size_t i = 0; i < N_TRACKS; i++) {
    const ReidTrackRow *a = &m->tracks[i], *b = &e->tracks[i];
    bad += a->id != b->id || a->shot != b->shot || a->first != b->first
           || a->last != b->last || a->start_time != b->start_time
           || a->end_time != b->end_time || a->n_detections != b->n_detections
           || a->end != b->end || a->first_chip != b->first_chip
           || a->n_chips != b->n_chips
           || b->identity != (i % 3 == 2 ? 0 : 1 + i % 7);
    for (size_t k = 0; k < (size_t) a->n_chips * DIMS; k++)
      bad += (i % 9 == 4 ? 0 : m->embeddings[a->first_chip * DIMS + k])
             != e->embeddings[a->first_chip * DIMS + k];
  }
  CHECK (bad == 0);
  for (size_t i = 0; i < m->n_chips; i++)
    bad += !same_chip (&m->chips[i], &e->chips[i], pixels);
  CHECK_MSG (bad == 0, "%zu rows differ", bad);
}

static const ReidAttribute attributes[] = {
  { "embedder", "some/model" },
  { "property.threshold", "0.5" },
  { "title", "Folge \xe2\x84\x96 1 \xe2\x80\x93 \xe9\xa1\x94" },
  { "empty", "" }
};

static bool
write_material (const char *directory, const Material *m, uint64_t seed,
                ReidError *error)
{
  uint32_t ids[N_TRACKS], people[N_TRACKS];
  size_t n = 0;
  ReidArchive *a = reid_archive_create (directory, attributes, 4, error);

  if (!a)
    return false;
  /* in another order than the tracks' */
  for (size_t i = N_TRACKS; i-- > 0;)
    if (i % 3 != 2) {
      ids[n] = (uint32_t) i + 1;
      people[n++] = 1 + (uint32_t) (i % 7);
    }
  if (!feed (a, m, seed, error)) {
    reid_archive_abandon (a);
    return false;
  }
  if (!reid_archive_set_attribute (a, "empty", "no more", error)) {
    reid_archive_abandon (a);
    return false;
  }
  return reid_archive_finish (a, ids, people, n, false, error);
}

TEST (everything_comes_back)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  Material *m = material_new (7);

  REQUIRE_OK (write_material (dir, m, 1, &error), error);
  CHECK (path_exists (path_in (dir, "episode.h5")));
  CHECK (!path_exists (path_in (dir, "episode.h5.part")));
  for (int pixels = 0; pixels < 2; pixels++) {
    ReidEpisode *e = reid_episode_read (
        pixels ? path_in (dir, "episode.h5") : dir, pixels, &error);
    REQUIRE_OK (e, error);
    compare (m, e, pixels);
    CHECK (!e->partial && e->version == REID_ARCHIVE_VERSION);
    CHECK (e->n_attributes == 5);
    CHECK (strcmp (reid_episode_attribute (e, "title"), attributes[2].value)
           == 0);
    CHECK (strcmp (reid_episode_attribute (e, "empty"), "no more") == 0);
    CHECK (strcmp (reid_episode_attribute (e, "property.threshold"), "0.5")
           == 0);
    CHECK (strncmp (reid_episode_attribute (e, "software"), "gst-reid ", 9)
           == 0);
    CHECK (reid_episode_attribute (e, "no such") == NULL);
    reid_episode_free (e);
  }
  material_free (m);
  scratch_remove (dir);
}

TEST (a_projection_is_kept)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  static float wide[2 * 20000], back[2 * 20000];
  float few[6] = { 1, 2, 3, 4, 5, 6 }, read[6] = { 0 };

  for (int i = 0; i < 40000; i++)
    wide[i] = (float) i / 7;
  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_add_projection (a, "abc", 3, 2, few, &error), error);
  REQUIRE_OK (reid_archive_add_projection (a, "abc", 3, 2, few, &error), error);
  REQUIRE_OK (reid_archive_add_projection (a, "def", 2, 20000, wide, &error),
              error);
  CHECK (!reid_archive_add_projection (a, "a/b", 3, 2, few, &error));
  reid_error_clear (&error);
  CHECK (!reid_archive_add_projection (a, "ghi", 0, 2, few, &error));
  reid_error_clear (&error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  ReidEpisode *e = reid_episode_read (dir, false, &error);
  REQUIRE_OK (e, error);
  reid_episode_free (e);
  hid_t file =
      H5Fopen (path_in (dir, "episode.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t one = H5Dopen2 (file, "projections/abc", H5P_DEFAULT),
        two = H5Dopen2 (file, "projections/def", H5P_DEFAULT),
        space = H5Dget_space (one);
  hsize_t size[2];
  CHECK (H5Sget_simple_extent_dims (space, size, NULL) == 2 && size[0] == 3
         && size[1] == 2);
  CHECK (H5Dread (one, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, read)
             >= 0
         && !memcmp (read, few, sizeof few));
  CHECK (H5Dread (two, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, back)
             >= 0
         && !memcmp (back, wide, sizeof wide));
  H5Sclose (space);
  H5Dclose (one);
  H5Dclose (two);
  H5Fclose (file);
  scratch_remove (dir);
}

TEST (same_rows_in_other_pieces_give_the_same_texts)
{
  static const char *const names[] = { "episode.json", "tracks.txt",
                                       "identities.txt", "shots.csv",
                                       "presence.csv" };
  const char *a = scratch_new (), *b = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  Material *m = material_new (11);

  REQUIRE_OK (write_material (a, m, 2, &error), error);
  REQUIRE_OK (write_material (b, m, 3, &error), error);
  REQUIRE_OK (reid_write_outputs (a, &error), error);
  REQUIRE_OK (reid_write_outputs (b, &error), error);
  for (int i = 0; i < 5; i++)
    CHECK_MSG (same_bytes (path_in (a, names[i]), path_in (b, names[i])),
               "%s differs", names[i]);
  material_free (m);
  scratch_remove (a);
  scratch_remove (b);
}

TEST (an_empty_episode)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  ReidOverlap *pairs = NULL;
  int n = -1;

  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, true, &error), error);
  ReidEpisode *e = reid_episode_read (dir, true, &error);
  REQUIRE_OK (e, error);
  CHECK (e->partial && e->n_frames == 0 && e->n_tracks == 0 && e->n_chips == 0
         && e->n_shots == 0 && e->n_detections == 0 && !e->embeddings);
  REQUIRE_OK (reid_episode_overlaps (e, &pairs, &n, &error), error);
  CHECK (n == 0);
  free (pairs);
  reid_episode_free (e);
  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  CHECK (path_exists (path_in (dir, "faces")));
  scratch_remove (dir);
}

TEST (a_location_with_utf8_and_missing_parents)
{
  const char *top = scratch_new ();
  const char *dir = path_in (top, "a/\xc3\xa4\xc3\xb6 \xe9\xa1\x94/b//c/");
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);

  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  REQUIRE_OK (reid_write_outputs (dir, &error), error);
  CHECK (path_exists (path_in (top, "a/\xc3\xa4\xc3\xb6 \xe9\xa1\x94/b/c/"
                                    "episode.json")));
  scratch_remove (top);
}

TEST_MAIN ()
