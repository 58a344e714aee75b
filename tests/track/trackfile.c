/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tracks the detections of a file, to look at what the tracker makes of real
 * pictures:
 *
 *   trackfile [OPTION=VALUE]... WIDTH HEIGHT FILE
 *
 * FILE: lines `frame,-1,left,top,width,height,score[,10 landmarks]`, frames
 * rising from 1, in pixels of a WIDTH x HEIGHT picture. Prints the lines with
 * the ids of their tracks instead of -1, then comment lines: per shot the
 * number of tracks, those of at least min-length detections, and the
 * fragments, which are tracks that begin where another of the same shot ended
 * not long before: probably the same face.
 *
 * Options: iou, high, gap, parts (bits of ReidTrackParts), every (the detector
 * runs on every n-th frame), min-length, quiet=1 (comment lines only), cuts
 * (first frames of shots but the first, separated by commas). */

#include "track/track-private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CUTS 1024
#define MAX_FACES 4096
#define MAX_TRACKS 65536
#define MAX_FRAME 1e8

/* A track that begins within so many frames of another's end, no farther from
 * it than so many sides of its box, is counted as its continuation. */
#define FRAGMENT_FRAMES 75
#define FRAGMENT_SIDES 1.5

typedef struct {
  int first_frame, last_frame, detections;
  ReidFace first, last;
} Summary;

static ReidTrackerOptions options;
static unsigned parts = REID_TRACK_ALL;
static int every = 1, min_length = 5, n_cuts;
static bool quiet;
static long cuts[MAX_CUTS];
static double width, height;

static Summary tracks[MAX_TRACKS];
static int n_tracks, shot_first, shot = 1;
static int all_tracks, all_long, all_fragments;

static bool
read_option (const char *arg)
{
  const char *value = strchr (arg, '=');
  size_t n = value ? (size_t) (value - arg) : 0;

  if (!value)
    return false;
  value++;
#define IS(name) (n == strlen (name) && strncmp (arg, name, n) == 0)
  if (IS ("iou"))
    options.iou_threshold = strtof (value, NULL);
  else if (IS ("high"))
    options.high_score = strtof (value, NULL);
  else if (IS ("gap"))
    options.max_gap = atoi (value);
  else if (IS ("parts"))
    parts = (unsigned) atoi (value);
  else if (IS ("every"))
    every = atoi (value) > 0 ? atoi (value) : 1;
  else if (IS ("min-length"))
    min_length = atoi (value);
  else if (IS ("quiet"))
    quiet = atoi (value) != 0;
  else if (IS ("cuts"))
    for (char *end; n_cuts < MAX_CUTS && *value; value = end + (*end == ',')) {
      cuts[n_cuts] = strtol (value, &end, 10);
      if (end == value)
        return false;
      n_cuts++;
    }
  else
    return false;
#undef IS
  return true;
}

static bool
is_fragment (const Summary *a, const Summary *b)
{
  double side =
      sqrt ((double) b->first.width * width * b->first.height * height);
  double dx =
      (a->last.left + a->last.width / 2 - b->first.left - b->first.width / 2)
      * width;
  double dy =
      (a->last.top + a->last.height / 2 - b->first.top - b->first.height / 2)
      * height;

  return a->last_frame < b->first_frame
         && b->first_frame - a->last_frame <= FRAGMENT_FRAMES
         && sqrt (dx * dx + dy * dy) <= FRAGMENT_SIDES * side;
}

static void
end_shot (int last_frame)
{
  int n_long = 0, fragments = 0;

  for (int i = 0; i < n_tracks; i++) {
    if (tracks[i].detections < min_length)
      continue;
    n_long++;
    for (int j = 0; j < i; j++)
      if (tracks[j].detections >= min_length
          && is_fragment (&tracks[j], &tracks[i])) {
        fragments++;
        break;
      }
  }
  printf ("# shot %d, frames %d to %d: %d tracks, %d of %d detections or more, "
          "%d fragments\n",
          shot++, shot_first, last_frame, n_tracks, n_long, min_length,
          fragments);
  all_tracks += n_tracks;
  all_long += n_long;
  all_fragments += fragments;
  n_tracks = 0;
}

static void
note (uint32_t id, uint32_t first_id, int frame, const ReidFace *face)
{
  int i = (int) (id - first_id);

  if (i >= MAX_TRACKS)
    return;
  if (i >= n_tracks) {
    n_tracks = i + 1;
    tracks[i] = (Summary){ .first_frame = frame, .first = *face };
  }
  tracks[i].last_frame = frame;
  tracks[i].last = *face;
  tracks[i].detections++;
}

/* Reads the next line into *frame and *face; false at the end, and at a line
 * that is none of a detection. */
static bool
read_line (FILE *f, int *frame, ReidFace *face)
{
  char line[1024];
  double v[17];
  int n = 0;

  if (!fgets (line, sizeof line, f))
    return false;
  for (char *at = line, *end; n < 17; at = end + (*end == ',')) {
    v[n] = strtod (at, &end);
    if (end == at)
      break;
    n++;
  }
  if (n < 7 || !(v[0] >= 1 && v[0] <= MAX_FRAME))
    return false;
  *frame = (int) v[0];
  *face = (ReidFace){ .left = (float) (v[2] / width),
                      .top = (float) (v[3] / height),
                      .width = (float) (v[4] / width),
                      .height = (float) (v[5] / height),
                      .score = (float) v[6],
                      .has_landmarks = n == 17 };
  for (int i = 0; i < 10 && n == 17; i++)
    face->landmarks[i] = (float) (v[7 + i] / (i & 1 ? height : width));
  return true;
}

static int
track_file (FILE *f)
{
  static ReidFace faces[MAX_FACES];
  static uint32_t ids[MAX_FACES], ended[MAX_TRACKS];
  ReidTracker *tracker = reid_tracker_new (&options);
  ReidError error = REID_ERROR_INIT;
  uint32_t first_id = 1, next_id = 1;
  int line_frame = 0, frame = 1, n_ended;
  ReidFace face;
  bool more = read_line (f, &line_frame, &face);

  if (!tracker)
    return 1;
  reid_tracker_set_parts (tracker, parts);
  for (shot_first = 1; more; frame++) {
    int n = 0;

    for (int i = 0; i < n_cuts; i++)
      if (cuts[i] == frame) {
        reid_tracker_close (tracker, ended, &n_ended);
        end_shot (frame - 1);
        shot_first = frame;
        first_id = next_id;
      }
    while (more && line_frame <= frame) {
      if (n < MAX_FACES)
        faces[n++] = face;
      more = read_line (f, &line_frame, &face);
    }
    if ((frame - 1) % every != 0) {
      reid_tracker_skip (tracker);
      continue;
    }
    if (!reid_tracker_update (tracker, faces, n, width / height, ids, ended,
                              &n_ended, &error)) {
      fprintf (stderr, "%s\n", error.message);
      return 1;
    }
    for (int i = 0; i < n; i++) {
      const ReidFace *a = &faces[i];

      if (ids[i] == 0)
        continue;
      if (ids[i] >= next_id)
        next_id = ids[i] + 1;
      note (ids[i], first_id, frame, a);
      if (!quiet)
        printf ("%d,%u,%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n", frame, ids[i],
                a->left * width, a->top * height, a->width * width,
                a->height * height, a->score);
    }
  }
  end_shot (frame - 1);
  printf ("# all: %d tracks, %d of %d detections or more, %d fragments\n",
          all_tracks, all_long, min_length, all_fragments);
  reid_tracker_free (tracker);
  return 0;
}

int
main (int argc, char **argv)
{
  int at = 1, result;
  FILE *f;

  reid_tracker_options_init (&options);
  while (at < argc && read_option (argv[at]))
    at++;
  if (argc - at != 3) {
    fprintf (stderr, "usage: %s [OPTION=VALUE]... WIDTH HEIGHT FILE\n",
             argv[0]);
    return 2;
  }
  width = atof (argv[at]);
  height = atof (argv[at + 1]);
  if (!(width > 0 && height > 0)) {
    fprintf (stderr, "%s: width and height must be above 0\n", argv[0]);
    return 2;
  }
  f = fopen (argv[at + 2], "r");
  if (!f) {
    fprintf (stderr, "%s: %s\n", argv[at + 2], strerror (errno));
    return 1;
  }
  result = track_file (f);
  fclose (f);
  return result;
}
