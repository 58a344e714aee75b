/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which directories a run takes, what it removes there, and who else may. */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void
put (const char *dir, const char *name)
{
  FILE *f = fopen (path_in (dir, name), "wb");

  if (f) {
    fputs ("x", f);
    fclose (f);
  }
}

static bool
create_and_finish (const char *dir, ReidError *error)
{
  ReidArchive *a = reid_archive_create (dir, NULL, 0, error);

  return a && reid_archive_finish (a, NULL, NULL, 0, false, error);
}

TEST (what_an_earlier_run_left_is_removed)
{
  static const char *const names[] = {
    "episode.h5.part",   "episode.json",       "tracks.txt",
    "identities.txt",    "shots.csv",          "presence.csv",
    "run.json",          "report.html",        ".reid-aB3xYz.tmp",
    "faces/001/3_7.jpg", "faces/1000/1_2.jpg", ".reid-000000.tmp"
  };
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  mkdir (path_in (dir, "faces"), 0777);
  mkdir (path_in (dir, "faces/001"), 0777);
  mkdir (path_in (dir, "faces/1000"), 0777);
  mkdir (path_in (dir, ".reid-dddddd.tmp"), 0777);
  mkdir (path_in (dir, ".reid-dddddd.tmp/002"), 0777);
  put (dir, ".reid-dddddd.tmp/002/1_1.jpg");
  put (dir, "episode.h5");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    put (dir, names[i]);
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  for (size_t i = 1; i < sizeof names / sizeof names[0]; i++)
    CHECK_MSG (!path_exists (path_in (dir, names[i])), "%s", names[i]);
  CHECK (!path_exists (path_in (dir, "faces")));
  CHECK (!path_exists (path_in (dir, "episode.h5")));
  CHECK (!path_exists (path_in (dir, ".reid-dddddd.tmp")));
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  REQUIRE_OK (create_and_finish (dir, &error), error);
  scratch_remove (dir);
}

static bool
holds (const char *dir, const char *name, const char *want)
{
  char *text = slurp (path_in (dir, name), NULL);
  bool same = text && strcmp (text, want) == 0;

  free (text);
  return same;
}

TEST (a_claim_alone_leaves_everything_as_it_was)
{
  static const char *const names[] = { "episode.h5", "episode.h5.part",
                                       "tracks.txt", "faces/001/3_7.jpg",
                                       ".reid-aB3xYz.tmp" };

  for (int unfinished = 0; unfinished < 2; unfinished++) {
    const char *dir = scratch_new ();
    ReidError error = REID_ERROR_INIT;
    mkdir (path_in (dir, "faces"), 0777);
    mkdir (path_in (dir, "faces/001"), 0777);
    for (int i = 0; i < 5; i++)
      if (i != 1 || unfinished)
        put (dir, names[i]);
    ReidArchive *a = reid_archive_claim (dir, &error);
    REQUIRE_OK (a, error);
    /* it is locked, and takes nothing yet */
    CHECK (!reid_archive_claim (dir, &error)
           && strstr (error.message, "another run"));
    reid_error_clear (&error);
    CHECK (!reid_archive_set_attribute (a, "k", "v", &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
    CHECK (!reid_archive_finish (a, NULL, NULL, 0, false, &error));
    reid_error_clear (&error);
    for (int i = 0; i < 5; i++)
      CHECK_MSG (i != 1 || unfinished ? holds (dir, names[i], "x")
                                      : !path_exists (path_in (dir, names[i])),
                 "%s", names[i]);
    /* and with the first row it goes */
    a = reid_archive_claim (dir, &error);
    REQUIRE_OK (a, error);
    REQUIRE_OK (reid_archive_begin (a, NULL, 0, &error), error);
    CHECK (!reid_archive_begin (a, NULL, 0, NULL));
    for (int i = 0; i < 5; i++)
      CHECK (i == 1 || !path_exists (path_in (dir, names[i])));
    REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
    CHECK (path_exists (path_in (dir, "episode.h5")));
    scratch_remove (dir);
  }
}

TEST (a_claim_takes_away_only_what_it_made)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a;

  mkdir (path_in (dir, "mine"), 0777);
  a = reid_archive_claim (path_in (dir, "mine"), &error);
  REQUIRE_OK (a, error);
  CHECK (path_exists (path_in (dir, "mine/episode.h5.part")));
  reid_archive_abandon (a);
  CHECK (path_exists (path_in (dir, "mine")));
  CHECK (!path_exists (path_in (dir, "mine/episode.h5.part")));
  a = reid_archive_claim (path_in (dir, "mine/a//b/c/"), &error);
  REQUIRE_OK (a, error);
  CHECK (path_exists (path_in (dir, "mine/a/b/c/episode.h5.part")));
  reid_archive_abandon (a);
  CHECK (path_exists (path_in (dir, "mine")));
  CHECK (!path_exists (path_in (dir, "mine/a")));
  /* somebody else uses it by now */
  a = reid_archive_claim (path_in (dir, "mine/a/b"), &error);
  REQUIRE_OK (a, error);
  put (dir, "mine/a/note");
  reid_archive_abandon (a);
  CHECK (path_exists (path_in (dir, "mine/a/note")));
  CHECK (!path_exists (path_in (dir, "mine/a/b")));
  scratch_remove (dir);
}

/* What a process leaves that is killed while it writes the outputs. */
TEST (outputs_under_a_temporary_name_are_ours)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  mkdir (path_in (dir, ".reid-aaaaaa.tmp"), 0777);
  mkdir (path_in (dir, ".reid-aaaaaa.tmp/faces"), 0777);
  mkdir (path_in (dir, ".reid-aaaaaa.tmp/faces/001"), 0777);
  put (dir, ".reid-aaaaaa.tmp/faces/001/1_2.jpg");
  put (dir, ".reid-aaaaaa.tmp/tracks.txt");
  put (dir, ".reid-aaaaaa.tmp/.reid-bbbbbb.tmp");
  mkdir (path_in (dir, ".reid-aaaaaa.tmp/.reid-cccccc.tmp"), 0777);
  mkdir (path_in (dir, ".reid-aaaaaa.tmp/.reid-cccccc.tmp/001"), 0777);
  put (dir, ".reid-aaaaaa.tmp/.reid-cccccc.tmp/001/1_2.jpg");
  put (dir, ".reid-aaaaaa.tmp/letter");
  CHECK (!reid_archive_create (dir, NULL, 0, &error));
  CHECK_MSG (strstr (error.message, ".reid-aaaaaa.tmp/letter"), "%s",
             error.message);
  reid_error_clear (&error);
  CHECK (path_exists (path_in (dir, ".reid-aaaaaa.tmp/tracks.txt")));
  unlink (path_in (dir, ".reid-aaaaaa.tmp/letter"));
  REQUIRE_OK (create_and_finish (dir, &error), error);
  CHECK (!path_exists (path_in (dir, ".reid-aaaaaa.tmp")));
  scratch_remove (dir);
}

TEST (a_directory_with_something_else_is_refused_untouched)
{
  static const char *const foreign[] = { "holiday.jpg",
                                         "faces/readme",
                                         "faces/001/me.png",
                                         "faces/001/1_2.jpg.x",
                                         "faces/anna/1_2.jpg",
                                         ".reid-x.tmp",
                                         ".hidden",
                                         "episode.json.bak",
                                         "faces/001/_2.jpg" };

  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    const char *dir = scratch_new ();
    ReidError error = REID_ERROR_INIT;
    mkdir (path_in (dir, "faces"), 0777);
    mkdir (path_in (dir, "faces/001"), 0777);
    mkdir (path_in (dir, "faces/anna"), 0777);
    if (i != 4)
      rmdir (path_in (dir, "faces/anna"));
    put (dir, "episode.json");
    put (dir, "faces/001/3_4.jpg");
    put (dir, foreign[i]);
    CHECK (!reid_archive_create (dir, NULL, 0, &error));
    CHECK (error.status == REID_ERROR_WRITE);
    CHECK_MSG (strstr (error.message, i == 4 ? "faces/anna" : foreign[i]), "%s",
               error.message);
    CHECK (path_exists (path_in (dir, "episode.json")));
    CHECK (path_exists (path_in (dir, "faces/001/3_4.jpg")));
    CHECK (path_exists (path_in (dir, foreign[i])));
    CHECK (!path_exists (path_in (dir, "episode.h5.part")));
    scratch_remove (dir);
  }
}

/* Directories and links under our names are not ours. */
TEST (links_are_not_followed)
{
  const char *dir = scratch_new (), *other = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  put (other, "episode.json");
  mkdir (path_in (other, "001"), 0777);
  put (other, "001/1_1.jpg");
  REQUIRE (symlink (other, path_in (dir, "faces")) == 0);
  CHECK (!reid_archive_create (dir, NULL, 0, &error));
  reid_error_clear (&error);
  unlink (path_in (dir, "faces"));
  mkdir (path_in (dir, "episode.json"), 0777);
  CHECK (!reid_archive_create (dir, NULL, 0, &error));
  reid_error_clear (&error);
  rmdir (path_in (dir, "episode.json"));
  REQUIRE (symlink (path_in (other, "episode.json"),
                    path_in (dir, "episode.h5.part"))
           == 0);
  CHECK (!reid_archive_create (dir, NULL, 0, &error));
  reid_error_clear (&error);
  unlink (path_in (dir, "episode.h5.part"));
  /* a link among the outputs goes, what it shows stays */
  REQUIRE (
      symlink (path_in (other, "episode.json"), path_in (dir, "episode.json"))
      == 0);
  REQUIRE_OK (create_and_finish (dir, &error), error);
  CHECK (path_exists (path_in (other, "episode.json")));
  CHECK (path_exists (path_in (other, "001/1_1.jpg")));
  scratch_remove (dir);
  scratch_remove (other);
}

static const char *program;

/* The second process of the next test. */
__attribute__ ((constructor)) static void
second_process (int argc, char **argv)
{
  ReidError error = REID_ERROR_INIT;

  program = argv[0];
  if (argc != 3 || strcmp (argv[1], "--child") != 0)
    return;
  if (reid_archive_create (argv[2], NULL, 0, &error))
    _exit (1);
  _exit (strstr (error.message, "another run") ? 42 : 2);
}

TEST (one_location_one_archive)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  char same[600];
  int status = -1;

  REQUIRE_OK (a, error);
  snprintf (same, sizeof same, "%s/../%s/.", dir, strrchr (dir, '/') + 1);
  CHECK (!reid_archive_create (same, NULL, 0, &error));
  CHECK (error.status == REID_ERROR_WRITE
         && strstr (error.message, "another run"));
  reid_error_clear (&error);
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    execl (program, program, "--child", dir, (char *) NULL);
    _exit (9);
  }
  waitpid (child, &status, 0);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 42);
  CHECK (path_exists (path_in (dir, "episode.h5.part")));
  REQUIRE_OK (reid_archive_flush (a, &error), error);
  reid_archive_abandon (a);
  REQUIRE_OK (create_and_finish (dir, &error), error);
  scratch_remove (dir);
}

TEST (finding_the_archive)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_episode_read (dir, false, &error));
  CHECK (error.status == REID_ERROR_NOT_FOUND
         && strstr (error.message, "episode.h5"));
  reid_error_clear (&error);
  CHECK (!reid_episode_read (path_in (dir, "none"), false, &error));
  CHECK (error.status == REID_ERROR_NOT_FOUND);
  reid_error_clear (&error);
  CHECK (!reid_episode_read ("", false, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  reid_error_clear (&error);
  REQUIRE (mkfifo (path_in (dir, "pipe"), 0666) == 0);
  CHECK (!reid_episode_read (path_in (dir, "pipe"), false, &error));
  CHECK (error.status == REID_ERROR_OPEN);
  scratch_remove (dir);
}

TEST (bad_arguments_are_refused_and_the_archive_goes_on)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  const ReidAttribute bad_attributes[] = { { "partial", "1" },
                                           { "", "x" },
                                           { "a", NULL },
                                           { NULL, "x" },
                                           { "a", "\xff" },
                                           { "\xc0\xaf", "x" },
                                           { "format_version", "9" } };
  uint8_t rgb[3] = { 1, 2, 3 };
  ReidChipRow chip = { .track = 1, .width = 1, .height = 1, .rgb = rgb };
  ReidTrackRow track = { .id = 1 };
  float vector[3] = { 1, 2, 3 };

  for (size_t i = 0; i < sizeof bad_attributes / sizeof bad_attributes[0];
       i++) {
    CHECK (!reid_archive_create (dir, &bad_attributes[i], 1, &error));
    CHECK (error.status == REID_ERROR_ARGUMENT);
    reid_error_clear (&error);
  }
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  char *large = malloc (70000);
  memset (large, 'x', 69999);
  large[69999] = '\0';
  CHECK (!reid_archive_set_attribute (a, "k", large, NULL));
  large[60000] = '\0';
  CHECK (reid_archive_set_attribute (a, "k", large, NULL));
  free (large);

  ReidDetectionRow d = { .left = NAN };
  CHECK (!reid_archive_add_detections (a, &d, 1, NULL));
  d = (ReidDetectionRow){ .quality = INFINITY };
  CHECK (!reid_archive_add_detections (a, &d, 1, NULL));
  d = (ReidDetectionRow){ .landmarks = { NAN } }; /* not looked at */
  CHECK (reid_archive_add_detections (a, &d, 1, NULL));
  d.has_landmarks = 1;
  CHECK (!reid_archive_add_detections (a, &d, 1, NULL));
  ReidShotRow shots[2] = { { .first = 0, .end = 9 }, { .first = 8, .end = 9 } };
  CHECK (!reid_archive_add_shots (a, shots, 2, NULL));
  CHECK (reid_archive_add_shots (a, shots, 1, NULL));
  CHECK (!reid_archive_add_shots (a, shots + 1, 1, NULL));

  CHECK (!reid_archive_add_track (a, &track, &chip, -1, NULL, 0, NULL));
  CHECK (!reid_archive_add_track (a, &track, NULL, 1, NULL, 0, NULL));
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, vector, 0, NULL));
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, vector, 65537, NULL));
  chip.track = 2;
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, NULL, 0, NULL));
  chip.track = 1;
  chip.width = 0;
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, NULL, 0, NULL));
  chip.width = 1;
  chip.total = NAN;
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, NULL, 0, NULL));
  chip.total = 1;
  vector[2] = NAN;
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, vector, 3, NULL));
  vector[2] = 0;
  CHECK (reid_archive_add_track (a, &track, &chip, 1, vector, 3, NULL));
  track.id = chip.track = 2;
  CHECK (!reid_archive_add_track (a, &track, &chip, 1, vector, 2, NULL));
  CHECK (!reid_archive_set_attribute (a, "embedder", "other", NULL));
  CHECK (reid_archive_add_track (a, &track, &chip, 1, vector, 3, NULL));
  CHECK (reid_archive_add_frames (a, NULL, 0, NULL));
  const uint32_t ids[2] = { 2, 1 }, people[2] = { 5, 5 };
  REQUIRE_OK (reid_archive_finish (a, ids, people, 2, false, &error), error);
  ReidEpisode *e = reid_episode_read (dir, true, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_detections == 1 && e->n_shots == 1 && e->n_tracks == 2
         && e->n_chips == 2 && e->dims == 3 && e->tracks[1].identity == 5);
  reid_episode_free (e);
  scratch_remove (dir);
}

TEST (labels_that_do_not_fit)
{
  static const struct {
    uint32_t ids[2], people[2];
    const char *word;
  } cases[] = { { { 1, 1 }, { 1, 2 }, "two identities" },
                { { 1, 2 }, { 1, 0 }, "identity 0" },
                { { 1, 9 }, { 1, 1 }, "track 9" } };
  ReidTrackRow tracks[2] = { { .id = 1 }, { .id = 2, .identity = 8 } };

  for (size_t i = 0; i < 3; i++) {
    const char *dir = scratch_new ();
    ReidError error = REID_ERROR_INIT;
    ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
    REQUIRE_OK (a, error);
    for (int t = 0; t < 2; t++)
      REQUIRE_OK (
          reid_archive_add_track (a, &tracks[t], NULL, 0, NULL, 0, &error),
          error);
    CHECK (!reid_archive_finish (a, cases[i].ids, cases[i].people, 2, false,
                                 &error));
    CHECK (error.status == REID_ERROR_ARGUMENT
           && strstr (error.message, cases[i].word));
    reid_error_clear (&error);
    CHECK (!path_exists (path_in (dir, "episode.h5")));
    ReidEpisode *e = reid_episode_read (dir, false, &error);
    REQUIRE_OK (e, error);
    CHECK (e->partial && e->n_tracks == 2 && e->tracks[0].identity == 0
           && e->tracks[1].identity == 8);
    reid_episode_free (e);
    scratch_remove (dir);
  }
}

TEST (outputs_of_other_labels_leave_the_archive_alone)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  uint8_t rgb[12] = { 0 };
  const ReidTrackRow track = { .id = 7, .n_detections = 1 };
  const ReidChipRow chip = {
    .track = 7, .frame = 3, .width = 2, .height = 2, .rgb = rgb
  };
  const uint32_t id = 7, one = 1, nine = 9, eight = 8;
  ReidOutputs *outputs;

  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  REQUIRE_OK (a, error);
  REQUIRE_OK (reid_archive_add_track (a, &track, &chip, 1, NULL, 0, &error),
              error);
  REQUIRE_OK (reid_archive_seal (a, &id, &one, 1, false, &error), error);
  CHECK (!reid_archive_flush (a, NULL));
  CHECK (path_exists (path_in (dir, "episode.h5.part")));
  CHECK (!path_exists (path_in (dir, "episode.h5")));
  outputs = reid_outputs_prepare (dir, NULL, NULL, 0, &error);
  REQUIRE_OK (outputs, error);
  CHECK (!path_exists (path_in (dir, "tracks.txt")));
  REQUIRE_OK (reid_outputs_add_run (outputs, "{}", 2, &error), error);
  REQUIRE_OK (reid_outputs_publish (outputs, &error), error);
  CHECK (path_exists (path_in (dir, "faces/001/7_3.jpg")));
  CHECK (holds (dir, "run.json", "{}"));
  /* the place is this run's until the very end */
  CHECK (!reid_archive_claim (dir, &error));
  reid_error_clear (&error);
  REQUIRE_OK (reid_archive_publish (a, &error), error);
  CHECK (path_exists (path_in (dir, "episode.h5")));

  outputs = reid_outputs_prepare (dir, &id, &nine, 1, &error);
  REQUIRE_OK (outputs, error);
  reid_outputs_drop (outputs);
  CHECK (path_exists (path_in (dir, "faces/001/7_3.jpg")));
  outputs = reid_outputs_prepare (path_in (dir, "episode.h5"), &id, &eight, 1,
                                  &error);
  REQUIRE_OK (outputs, error);
  REQUIRE_OK (reid_outputs_publish (outputs, &error), error);
  CHECK (path_exists (path_in (dir, "faces/008/7_3.jpg")));
  CHECK (!path_exists (path_in (dir, "faces/001")));
  CHECK (holds (dir, "run.json", "{}"));
  ReidEpisode *e = reid_episode_read (dir, false, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_tracks == 1 && e->tracks[0].identity == 1 && !e->partial);
  reid_episode_free (e);
  CHECK (!reid_archive_attribute (dir, "none", &error)
         && error.status == REID_OK);
  char *software = reid_archive_attribute (dir, "software", &error);
  CHECK (software && strstr (software, "reid"));
  free (software);
  CHECK (!reid_archive_attribute (path_in (dir, "faces"), "software", &error)
         && error.status == REID_ERROR_NOT_FOUND);
  reid_error_clear (&error);

  /* something else among the pictures, before anything is written */
  put (dir, "faces/readme");
  CHECK (!reid_outputs_prepare (dir, &id, &one, 1, &error));
  CHECK (error.status == REID_ERROR_WRITE && strstr (error.message, "readme"));
  reid_error_clear (&error);
  /* an archive of another name */
  rename (path_in (dir, "episode.h5"), path_in (dir, "other.h5"));
  CHECK (
      !reid_outputs_prepare (path_in (dir, "other.h5"), NULL, NULL, 0, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  scratch_remove (dir);
}

TEST (relabelling)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  uint32_t ids[1000], people[1000];
  const ReidAttribute note = { "threshold", "0.25" };

  REQUIRE_OK (a, error);
  for (uint32_t i = 0; i < 1000; i++) {
    ReidTrackRow t = { .id = 3 * i + 1 };
    ids[i] = t.id;
    people[i] = 1 + i % 10;
    REQUIRE_OK (reid_archive_add_track (a, &t, NULL, 0, NULL, 0, &error),
                error);
  }
  REQUIRE_OK (reid_archive_finish (a, ids, people, 1000, false, &error), error);
  for (uint32_t round = 2; round < 6; round++) {
    for (uint32_t i = 0; i < 1000; i++)
      people[i] = 1 + i % (100 * round);
    REQUIRE_OK (reid_archive_relabel (dir, ids, people, 900, &note, 1, &error),
                error);
    ReidEpisode *e = reid_episode_read (dir, false, &error);
    REQUIRE_OK (e, error);
    for (uint32_t i = 0; i < 1000; i++)
      CHECK (e->tracks[i].identity == (i < 900 ? people[i] : 0));
    CHECK (strcmp (reid_episode_attribute (e, "threshold"), "0.25") == 0);
    CHECK (!e->partial);
    reid_episode_free (e);
  }
  REQUIRE_OK (reid_archive_relabel (dir, NULL, NULL, 0, NULL, 0, &error),
              error);
  ids[0] = 2;
  CHECK (!reid_archive_relabel (dir, ids, people, 1, NULL, 0, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  reid_error_clear (&error);
  CHECK (!reid_archive_relabel (path_in (dir, "none"), ids, people, 1, NULL, 0,
                                &error));
  CHECK (error.status == REID_ERROR_NOT_FOUND);
  scratch_remove (dir);
}

TEST_MAIN ()
