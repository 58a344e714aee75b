/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text formats, byte for byte, and the pictures. */
#include "fixture.h"

#include <jansson.h>
#include <locale.h>
#include <sys/wait.h>

#include <jpeglib.h>

#define SECOND 1000000000ll

/* Two shots and a gap, three tracks of two people and one of nobody, a track
 * that was dropped (9), rows out of order, unknown times. */
static ReidFrameRow frames[] = { { 0, 0, 40000000, 0, 1000, 500, 0, 1 },
                                 { 1, 40000000, 40000000, 0, 1000, 500, 0, 2 },
                                 { 3, -1, -1, 0, 1000, 500, 1, 0 },
                                 { 2, 80000000, 40000000, 0, 1000, 500, 2, 2 },
                                 { 4, 160000000, 40000000, 1, 333, 77, 0, 3 } };
static ReidShotRow shots[] = { { 0, 3, 0, 120000000, 0 },
                               { 4, 6, 160000000, -1, 1 } };
static ReidDetectionRow detections[] = {
  { .frame = 1,
    .track = 2,
    .left = .5f,
    .top = .25f,
    .width = .125f,
    .height = .0625f,
    .score = .875f },
  { .frame = 0,
    .track = 1,
    .left = .0999f,
    .top = -.25f,
    .width = .3f,
    .height = .5f,
    .score = .99996f },
  { .frame = 1,
    .track = 1,
    .left = -.000001f,
    .width = 1,
    .height = 1,
    .score = 1 },
  { .frame = 2, .track = 0, .left = .5f, .score = .5f },
  { .frame = 2, .track = 9, .left = .5f, .score = .5f },
  { .frame = 2, .track = 3, .left = .25f, .score = .125f },
  { .frame = 4,
    .track = 4,
    .left = 1e30f,
    .top = .5f,
    .width = .1f,
    .height = .1f,
    .score = .3f },
  { .frame = 4,
    .track = 3,
    .left = .3333f,
    .top = .5f,
    .width = .1f,
    .height = .1f,
    .score = .3f },
};
static ReidTrackRow tracks[] = { { .id = 2,
                                   .shot = 0,
                                   .first = 1,
                                   .last = 1,
                                   .start_time = 40000000,
                                   .end_time = 40000000,
                                   .n_detections = 1,
                                   .end = REID_END_CUT,
                                   .first_chip = 0,
                                   .n_chips = 1,
                                   .identity = 2 },
                                 { .id = 1,
                                   .shot = 0,
                                   .first = 0,
                                   .last = 1,
                                   .start_time = 0,
                                   .end_time = 40000000,
                                   .n_detections = 2,
                                   .end = REID_END_GAP,
                                   .first_chip = 1,
                                   .n_chips = 2,
                                   .identity = 1 },
                                 { .id = 3,
                                   .shot = 1,
                                   .first = 2,
                                   .last = 4,
                                   .start_time = -1,
                                   .end_time = -1,
                                   .n_detections = 2,
                                   .end = REID_END_EOS,
                                   .first_chip = 3,
                                   .n_chips = 0,
                                   .identity = 1 },
                                 { .id = 4,
                                   .shot = 7,
                                   .first = 4,
                                   .last = 4,
                                   .start_time = 3661 * SECOND + 234567890,
                                   .end_time = 4000 * SECOND,
                                   .n_detections = 1,
                                   .end = REID_END_STOPPED,
                                   .first_chip = 3,
                                   .n_chips = 1 } };
static uint8_t picture[2][16 * 16 * 3];
static ReidChipRow chips[] = { { .track = 2,
                                 .frame = 1,
                                 .time = 40000000,
                                 .width = 16,
                                 .height = 16,
                                 .face = { .1f, .2f, .3f, .4f },
                                 .score = .5f,
                                 .total = .66666f },
                               { .track = 1,
                                 .frame = 1,
                                 .time = 40000000,
                                 .width = 16,
                                 .height = 16,
                                 .face = { -.1f, .2f, .3f, .4f },
                                 .score = .25f,
                                 .total = .75f,
                                 .rgb = picture[0] },
                               { .track = 1,
                                 .frame = 0,
                                 .time = 0,
                                 .width = 16,
                                 .height = 16,
                                 .face = { 0, 0, 1, 1 },
                                 .score = .125f,
                                 .total = .5f,
                                 .rgb = picture[1] },
                               { .track = 4,
                                 .frame = 4,
                                 .time = -1,
                                 .width = 16,
                                 .height = 16,
                                 .face = { .5f, .5f, .25f, .25f },
                                 .score = 1,
                                 .total = 1,
                                 .rgb = picture[1] } };
static ReidEpisode episode = { .partial = true,
                               .version = REID_ARCHIVE_VERSION,
                               .frames = frames,
                               .n_frames = 5,
                               .shots = shots,
                               .n_shots = 2,
                               .detections = detections,
                               .n_detections = 8,
                               .tracks = tracks,
                               .n_tracks = 4,
                               .chips = chips,
                               .n_chips = 4 };

static const char *const names[] = { "shots.csv", "presence.csv", "tracks.txt",
                                     "identities.txt", "episode.json" };

static bool
write_all (const ReidEpisode *e, const char *dir, ReidError *error)
{
  return reid_write_shots (e, path_in (dir, names[0]), error)
         && reid_write_presence (e, path_in (dir, names[1]), error)
         && reid_write_tracks (e, false, path_in (dir, names[2]), error)
         && reid_write_tracks (e, true, path_in (dir, names[3]), error)
         && reid_write_json (e, path_in (dir, names[4]), error);
}

static void
compare_with_golden (const char *dir)
{
  for (int i = 0; i < 5; i++) {
    char golden[1000];
    snprintf (golden, sizeof golden, "%s/tests/archive/golden/%s",
              REID_SOURCE_ROOT, names[i]);
    if (getenv ("REID_UPDATE_GOLDEN")) {
      size_t n = 0;
      char *data = slurp (path_in (dir, names[i]), &n);
      reid_write_file (golden, data, n, NULL);
      free (data);
    }
    CHECK_MSG (same_bytes (path_in (dir, names[i]), golden), "%s differs",
               names[i]);
  }
}

TEST (texts_as_they_should_be)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (write_all (&episode, dir, &error), error);
  compare_with_golden (dir);
  scratch_remove (dir);
}

/* A locale whose numbers have commas and groups, made here: a machine need not
 * have one. */
static const char comma_locale[] =
    "comment_char %\nescape_char /\n"
    "LC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\n"
    "LC_COLLATE\ncopy \"POSIX\"\nEND LC_COLLATE\n"
    "LC_MONETARY\ncopy \"POSIX\"\nEND LC_MONETARY\n"
    "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"<U002E>\"\n"
    "grouping 3;3\nEND LC_NUMERIC\n"
    "LC_TIME\ncopy \"POSIX\"\nEND LC_TIME\n"
    "LC_MESSAGES\ncopy \"POSIX\"\nEND LC_MESSAGES\n";

static bool
set_comma_locale (const char *dir)
{
  static const char *const likely[] = { "de_DE.UTF-8", "de_DE.utf8",
                                        "fr_FR.UTF-8", "nl_NL.UTF-8" };
  char command[2000];
  ReidError error = REID_ERROR_INIT;

  for (size_t i = 0; i < 4; i++)
    if (setlocale (LC_ALL, likely[i]))
      return true;
  reid_write_file (path_in (dir, "comma"), comma_locale, strlen (comma_locale),
                   &error);
  snprintf (command, sizeof command,
            "localedef -c -i '%s/comma' -f ANSI_X3.4-1968 '%s/xx_XX' "
            ">/dev/null 2>&1",
            dir, dir);
  if (system (command) < 0)
    return false;
  setenv ("LOCPATH", dir, 1);
  return setlocale (LC_NUMERIC, "xx_XX") != NULL;
}

TEST (a_locale_with_commas_changes_nothing)
{
  const char *dir = scratch_new (), *place = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  char text[20];

  if (!set_comma_locale (place)) {
    scratch_remove (dir);
    scratch_remove (place);
    SKIP ("needs localedef or a locale with a decimal comma");
  }
  snprintf (text, sizeof text, "%.1f", 0.5);
  CHECK (strcmp (text, "0,5") == 0);
  bool ok = write_all (&episode, dir, &error);
  snprintf (text, sizeof text, "%.1f", 0.5);
  CHECK (strcmp (text, "0,5") == 0);
  setlocale (LC_ALL, "C");
  REQUIRE_OK (ok, error);
  compare_with_golden (dir);
  scratch_remove (dir);
  scratch_remove (place);
}

/* Read back by the JSON library: that it is JSON, and what it says. */
TEST (json_says_what_the_episode_says)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  REQUIRE_OK (write_all (&episode, dir, &error), error);
  json_t *root = json_load_file (path_in (dir, "episode.json"),
                                 JSON_REJECT_DUPLICATES, NULL);
  REQUIRE (root);
  CHECK (json_is_true (json_object_get (root, "partial")));
  json_t *people = json_object_get (root, "identities");
  CHECK (json_array_size (people) == 2);
  CHECK (json_array_size (json_object_get (root, "unassigned")) == 1);
  CHECK (
      json_array_size (json_object_get (json_array_get (people, 0), "tracks"))
      == 2);
  json_t *face = json_array_get (
      json_object_get (json_array_get (json_object_get (root, "shots"), 0),
                       "faces"),
      0);
  CHECK (strcmp (json_string_value (json_object_get (face, "unique_face_id")),
                 "shot_0_face_0")
         == 0);
  CHECK (strcmp (json_string_value (json_object_get (face, "global_face_id")),
                 "global_face_1")
         == 0);
  CHECK (json_integer_value (json_object_get (face, "cluster_id")) == 1);
  json_t *top = json_array_get (json_object_get (face, "top_frames"), 0);
  CHECK (json_integer_value (json_object_get (top, "frame_idx")) == 1);
  CHECK (json_real_value (json_object_get (top, "total_score")) == 0.75);
  json_t *coord = json_object_get (top, "face_coord");
  CHECK (json_array_size (coord) == 4
         && json_integer_value (json_array_get (coord, 0)) == -100
         && json_integer_value (json_array_get (coord, 1)) == 100
         && json_integer_value (json_array_get (coord, 2)) == 200
         && json_integer_value (json_array_get (coord, 3)) == 300);
  CHECK (strcmp (json_string_value (json_object_get (top, "image_path")),
                 "faces/001/1_1.jpg")
         == 0);
  json_decref (root);
  scratch_remove (dir);
}

/* ---- Pictures */

static bool
decode (const char *path, uint8_t *rgb, int *width, int *height)
{
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  FILE *f = fopen (path, "rb");

  if (!f)
    return false;
  info.err = jpeg_std_error (&errors);
  jpeg_create_decompress (&info);
  jpeg_stdio_src (&info, f);
  jpeg_read_header (&info, TRUE);
  jpeg_start_decompress (&info);
  *width = (int) info.output_width;
  *height = (int) info.output_height;
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = rgb + info.output_scanline * 3 * info.output_width;
    jpeg_read_scanlines (&info, &row, 1);
  }
  jpeg_finish_decompress (&info);
  jpeg_destroy_decompress (&info);
  fclose (f);
  return true;
}

TEST (pictures)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  uint8_t rgb[16 * 16 * 3];
  int width = 0, height = 0;

  for (int i = 0; i < 16 * 16; i++)
    for (int c = 0; c < 3; c++) {
      picture[0][3 * i + c] = (uint8_t) (i / 16 * 10 + 30 * c);
      picture[1][3 * i + c] = (uint8_t) (200 - i % 16 * 5 - 40 * c);
    }
  mkdir (path_in (dir, "faces"), 0777);
  mkdir (path_in (dir, "faces/007"), 0777);
  REQUIRE_OK (
      reid_write_file (path_in (dir, "faces/007/1_1.jpg"), "x", 1, &error),
      error);
  REQUIRE_OK (reid_write_faces (&episode, dir, &error), error);
  CHECK (!path_exists (path_in (dir, "faces/007"))); /* of an earlier run */
  REQUIRE (decode (path_in (dir, "faces/001/1_1.jpg"), rgb, &width, &height));
  CHECK (width == 16 && height == 16);
  for (int i = 0; i < 16 * 16 * 3; i++)
    CHECK_NEAR (rgb[i], picture[0][i], 12);
  CHECK (path_exists (path_in (dir, "faces/001/1_0.jpg")));
  CHECK (path_exists (path_in (dir, "faces/000/4_4.jpg")));
  CHECK (!path_exists (path_in (dir, "faces/002"))); /* no pixels */

  /* not ours: refused, and nothing changes */
  REQUIRE_OK (
      reid_write_file (path_in (dir, "faces/001/mine.txt"), "x", 1, &error),
      error);
  CHECK (!reid_write_faces (&episode, dir, &error));
  CHECK (strstr (error.message, "001/mine.txt"));
  CHECK (path_exists (path_in (dir, "faces/001/1_1.jpg")));
  scratch_remove (dir);
}

/* Too large for a JPEG, not for an archive. */
TEST (a_picture_that_is_no_jpeg)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidChipRow chip = { .track = 1, .frame = 5, .width = 65535, .height = 1 };
  ReidTrackRow track = { .id = 1, .n_chips = 1 };
  ReidEpisode e = {
    .tracks = &track, .n_tracks = 1, .chips = &chip, .n_chips = 1
  };

  chip.rgb = calloc (65535, 3);
  CHECK (!reid_write_faces (&e, dir, &error));
  CHECK (error.status == REID_ERROR_UNSUPPORTED);
  CHECK (!path_exists (path_in (dir, "faces")));
  free ((void *) chip.rgb);
  scratch_remove (dir);
}

TEST (nothing_at_all)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidEpisode e = { 0 };

  REQUIRE_OK (write_all (&e, dir, &error), error);
  char *text = slurp (path_in (dir, "shots.csv"), NULL);
  CHECK (strcmp (text, "Start Frame,End Frame,Start Time (s),End Time (s)\n")
         == 0);
  free (text);
  text = slurp (path_in (dir, "presence.csv"), NULL);
  CHECK (strcmp (text, "Shot,Start Frame,End Frame\n") == 0);
  free (text);
  text = slurp (path_in (dir, "tracks.txt"), NULL);
  CHECK (text[0] == '\0');
  free (text);
  scratch_remove (dir);
}

/* A table of shots by people that no disk holds is refused. */
TEST (presence_of_too_many)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidEpisode e = { 0 };

  e.n_shots = e.n_tracks = 20000;
  e.shots = calloc (e.n_shots, sizeof *e.shots);
  e.tracks = calloc (e.n_tracks, sizeof *e.tracks);
  for (uint32_t i = 0; i < 20000; i++)
    e.tracks[i].identity = e.tracks[i].id = i + 1;
  CHECK (!reid_write_presence (&e, path_in (dir, "presence.csv"), &error));
  CHECK (error.status == REID_ERROR_UNSUPPORTED);
  free (e.shots);
  free (e.tracks);
  scratch_remove (dir);
}

/* ---- Overlaps */

/* The plain way: every frame, every pair. */
static void
plain_overlaps (const ReidEpisode *e, uint64_t n_frames, double *weights)
{
  size_t n = e->n_tracks;
  bool *seen = calloc (n * n_frames, 1);

  for (size_t i = 0; i < e->n_detections; i++)
    for (size_t t = 0; t < n; t++)
      if (e->detections[i].track == e->tracks[t].id)
        seen[t * n_frames + e->detections[i].frame] = true;
  for (size_t a = 0; a < n; a++)
    for (size_t b = 0; b < n; b++) {
      double both = 0, fa = 0, fb = 0;
      for (size_t f = 0; f < n_frames; f++) {
        both += seen[a * n_frames + f] && seen[b * n_frames + f];
        fa += seen[a * n_frames + f];
        fb += seen[b * n_frames + f];
      }
      weights[a * n + b] = both ? both / fmin (fa, fb) : 0;
    }
  free (seen);
}

TEST (overlaps_against_the_plain_way)
{
  uint64_t s = 4;

  for (int round = 0; round < 60; round++) {
    size_t n = 1 + test_random (&s) % 25;
    uint64_t n_frames = 1 + test_random (&s) % 80;
    ReidEpisode e = { .n_tracks = n };
    double weights[25 * 25];
    ReidOverlap *pairs = NULL;
    int k = 0, found = 0;
    ReidError error = REID_ERROR_INIT;

    e.tracks = calloc (n, sizeof *e.tracks);
    for (size_t t = 0; t < n; t++) /* in no order */
      e.tracks[t].id = (uint32_t) ((t * 7) % 26 + 1);
    e.detections = calloc (4000, sizeof *e.detections);
    for (size_t t = 0; t < 27; t++) {
      uint64_t from = test_random (&s) % n_frames;
      uint64_t to = from + test_random (&s) % 40;
      for (uint64_t f = from; f < to && f < n_frames; f++)
        for (uint64_t i = test_random (&s) % 16 == 0 ? 2 : 1; i > 0; i--)
          e.detections[e.n_detections++] =
              (ReidDetectionRow){ .frame = f, .track = (uint32_t) t };
    }
    for (size_t i = e.n_detections; round % 2 && i > 1; i--) {
      size_t j = test_random (&s) % i;
      ReidDetectionRow d = e.detections[i - 1];
      e.detections[i - 1] = e.detections[j];
      e.detections[j] = d;
    }
    plain_overlaps (&e, n_frames, weights);
    REQUIRE_OK (reid_episode_overlaps (&e, &pairs, &k, &error), error);
    for (int i = 0; i < k; i++) {
      CHECK (pairs[i].a < pairs[i].b);
      CHECK (i == 0 || pairs[i - 1].a < pairs[i].a
             || (pairs[i - 1].a == pairs[i].a && pairs[i - 1].b < pairs[i].b));
      CHECK (pairs[i].weight
             == (float) weights[(size_t) pairs[i].a * n + (size_t) pairs[i].b]);
    }
    for (size_t a = 0; a < n; a++)
      for (size_t b = a + 1; b < n; b++)
        found += weights[a * n + b] > 0;
    CHECK (found == k);
    free (pairs);
    free (e.tracks);
    free (e.detections);
  }
}

TEST_MAIN ()
