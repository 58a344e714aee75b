/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of the truth: whole, or not there. */
#include "episode.h"
#include "test.h"

#include <dirent.h>
#include <jansson.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[128];
static ReidSynth *synth;

static void
begin (void)
{
  ReidSynthOptions o = episode_options (1280, 720, 6, 2);

  strcpy (folder, "/tmp/reid-truth-XXXXXX");
  if (!mkdtemp (folder))
    abort ();
  snprintf (path, sizeof path, "%s/truth.json", folder);
  synth = episode (&o);
}

/* How many files are there. */
static int
files (void)
{
  DIR *d = opendir (folder);
  struct dirent *e;
  int n = 0;

  while ((e = readdir (d)))
    n += e->d_name[0] != '.';
  closedir (d);
  return n;
}

static void
end (void)
{
  unlink (path);
  CHECK (rmdir (folder) == 0);
  reid_synth_free (synth);
}

static bool
add_frames (ReidSynthFile *file, int64_t from, int64_t to, ReidError *error)
{
  for (int64_t f = from; f < to; f++) {
    ReidSynthTruth truth;
    reid_synth_truth (synth, f, &truth);
    if (!reid_synth_file_add (file, &truth, error))
      return false;
  }
  return true;
}

TEST (what_is_in_it)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynthFile *file;
  json_t *all, *frames, *shots;
  int fades = 0;

  begin ();
  file = reid_synth_file_new (path, synth, &error);
  REQUIRE_OK (file, error);
  REQUIRE_OK (add_frames (file, 0, 500, &error), error);
  CHECK (access (path, F_OK) != 0 && files () == 1);
  REQUIRE_OK (reid_synth_file_finish (file, false, &error), error);
  CHECK (files () == 1);

  all = json_load_file (path, 0, NULL);
  REQUIRE (all);
  CHECK (json_integer_value (json_object_get (all, "format_version")) == 1);
  CHECK (json_real_value (json_object_get (all, "fps")) == 25);
  CHECK (!strcmp (json_string_value (json_object_get (all, "rate")), "25/1"));
  CHECK (json_integer_value (json_object_get (all, "width")) == 1280);
  CHECK (json_integer_value (json_object_get (all, "height")) == 720);
  CHECK (json_integer_value (json_object_get (all, "people")) == 6);
  CHECK (json_integer_value (json_object_get (all, "seed")) == 2);
  CHECK (json_is_false (json_object_get (all, "partial")));
  frames = json_object_get (all, "frames");
  REQUIRE (json_array_size (frames) == 500);
  for (size_t i = 0; i < 500; i++) {
    json_t *frame = json_array_get (frames, i);
    json_t *faces = json_object_get (frame, "faces");
    ReidSynthTruth truth;
    reid_synth_truth (synth, (int64_t) i, &truth);
    CHECK (json_integer_value (json_object_get (frame, "frame")) == (int) i);
    CHECK (json_integer_value (json_object_get (frame, "shot")) == truth.shot);
    REQUIRE ((int) json_array_size (faces) == truth.n_faces);
    for (int k = 0; k < truth.n_faces; k++) {
      json_t *face = json_array_get (faces, (size_t) k);
      json_t *box = json_object_get (face, "box");
      json_t *marks = json_object_get (face, "landmarks");
      CHECK (json_integer_value (json_object_get (face, "person"))
             == truth.faces[k].person);
      REQUIRE (json_array_size (box) == 4 && json_array_size (marks) == 10);
      CHECK_NEAR (json_real_value (json_array_get (box, 2)),
                  truth.faces[k].width, 1e-6);
      CHECK_NEAR (json_real_value (json_array_get (marks, 9)),
                  truth.faces[k].landmarks[9], 1e-6);
      CHECK_NEAR (json_real_value (json_object_get (face, "visible")),
                  truth.faces[k].visible, 1e-9);
      CHECK (json_array_size (json_object_get (face, "pose")) == 3);
    }
  }
  shots = json_object_get (all, "shots");
  CHECK (json_array_size (shots) >= 5);
  for (size_t i = 0; i < json_array_size (shots); i++) {
    json_t *shot = json_array_get (shots, i);
    const char *change = json_string_value (json_object_get (shot, "change"));
    CHECK (json_integer_value (json_object_get (shot, "first_frame"))
           == reid_synth_shot_start (synth, (int) i));
    CHECK (i > 0 || !strcmp (change, "none"));
    fades += !strcmp (change, "fade");
  }
  CHECK (fades >= 1);
  json_decref (all);
  end ();
}

TEST (empty_and_partial)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynthFile *file;
  json_t *all;

  begin ();
  file = reid_synth_file_new (path, synth, &error);
  REQUIRE_OK (file, error);
  REQUIRE_OK (reid_synth_file_finish (file, true, &error), error);
  all = json_load_file (path, 0, NULL);
  REQUIRE (all);
  CHECK (json_is_true (json_object_get (all, "partial")));
  CHECK (json_array_size (json_object_get (all, "frames")) == 0);
  json_decref (all);
  end ();
}

TEST (dropped_it_leaves_nothing_and_an_older_one_alone)
{
  ReidError error = REID_ERROR_INIT;
  ReidSynthFile *file;
  FILE *old;

  begin ();
  old = fopen (path, "w");
  fputs ("old", old);
  fclose (old);
  file = reid_synth_file_new (path, synth, &error);
  REQUIRE_OK (file, error);
  REQUIRE_OK (add_frames (file, 0, 20, &error), error);
  reid_synth_file_drop (file);
  CHECK (files () == 1);
  old = fopen (path, "r");
  CHECK (fgetc (old) == 'o');
  fclose (old);
  reid_synth_file_drop (NULL);
  end ();
}

TEST (places_that_cannot_be_written)
{
  ReidError error = REID_ERROR_INIT;

  begin ();
  CHECK (!reid_synth_file_new ("/nowhere/at/all.json", synth, &error));
  CHECK (error.status == REID_ERROR_NOT_FOUND);
  CHECK (strstr (error.message, "/nowhere/at/all.json"));
  reid_error_clear (&error);
  CHECK (!reid_synth_file_new (folder, synth, &error));
  CHECK (error.status == REID_ERROR_WRITE);
  reid_error_clear (&error);
  CHECK (!reid_synth_file_new ("", synth, &error));
  CHECK (error.status != REID_OK);
  unlink (path);
  CHECK (files () == 0);
  end ();
}

TEST (a_disk_that_is_full)
{
  struct rlimit before, little;
  ReidError error = REID_ERROR_INIT;
  ReidSynthFile *file;
  bool ok;

  begin ();
  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &before);
  little = before;
  little.rlim_cur = 16384;
  setrlimit (RLIMIT_FSIZE, &little);
  file = reid_synth_file_new (path, synth, &error);
  ok = file && add_frames (file, 0, 1000, &error);
  ok = file && reid_synth_file_finish (file, false, ok ? &error : NULL) && ok;
  setrlimit (RLIMIT_FSIZE, &before);
  CHECK (!ok && error.status == REID_ERROR_WRITE);
  CHECK (files () == 0);
  end ();
}

TEST_MAIN ()
