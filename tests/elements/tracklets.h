/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_TRACKLETS_H
#define REID_TEST_TRACKLETS_H

/* Tracklets made by hand: people whose faces are a grid of colours that the
 * tiny colour embedder tells apart, and vectors without any picture. */

#include "elements.h"

#include <glib/gstdio.h>

/* Polls; generous, since valgrind is slow. */
#define WAIT_UNTIL(condition)                                                  \
  do {                                                                         \
    gint64 wait_end = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;       \
    while (!(condition) && g_get_monotonic_time () < wait_end)                 \
      g_usleep (1000);                                                         \
    CHECK (condition);                                                         \
  } while (0)

/* ---- places */

static inline void
remove_tree (const gchar *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    gchar *full = g_build_filename (path, name, NULL);
    remove_tree (full);
    g_free (full);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

static gchar *scratch_root;

static inline void
scratch_remove (void)
{
  remove_tree (scratch_root);
  g_free (scratch_root);
}

/* A path in this program's own folder, which goes with it. Free it. */
static inline gchar *
scratch (const gchar *name)
{
  if (!scratch_root) {
    scratch_root = g_dir_make_tmp ("reid-elements-XXXXXX", NULL);
    if (!scratch_root)
      g_error ("no temporary folder");
    atexit (scratch_remove);
  }
  return g_build_filename (scratch_root, name, NULL);
}

static inline gboolean
has_file (const gchar *dir, const gchar *name)
{
  gchar *path = g_build_filename (dir, name, NULL);
  gboolean there = g_file_test (path, G_FILE_TEST_EXISTS);

  g_free (path);
  return there;
}

/* The contents, "" where there is none. Free it. */
static inline gchar *
file_text (const gchar *dir, const gchar *name)
{
  gchar *path = g_build_filename (dir, name, NULL), *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    text = g_strdup ("");
  g_free (path);
  return text;
}

/* ---- faces */

/* Where the box of a face lies in the 112x112 template, and its landmarks. */
static const gfloat template_landmarks[10] = { 38.2946f, 51.6963f, 73.5318f,
                                               51.5014f, 56.0252f, 71.7366f,
                                               41.5493f, 92.3655f, 70.7299f,
                                               92.2041f };

/* The colour of cell (x, y) of a person's 4x4 grid: each channel is dark or
 * bright, and at least one is bright. */
static inline void
person_colour (guint person, guint x, guint y, guint8 rgb[3])
{
  guint bits = elements_hash (person, x, y) % 7 + 1;

  for (guint c = 0; c < 3; c++)
    rgb[c] = bits >> c & 1 ? 230 : 25;
}

/* A chip of `side` pixels whose face fills the middle; `variant` moves the
 * colours a little, so that no two pictures are equal. */
static inline GstReidChip *
person_chip (guint person, guint variant, guint side, gboolean landmarks)
{
  GstReidChip chip = { 0 };
  gfloat left = (gfloat) side * .2f, size = (gfloat) side * .6f;

  chip.width = chip.height = side;
  chip.rgb = malloc ((gsize) side * side * 3);
  for (guint y = 0; y < side; y++)
    for (guint x = 0; x < side; x++) {
      gint gx = (gint) floorf (((gfloat) x + .5f - left) * 4 / size);
      gint gy = (gint) floorf (((gfloat) y + .5f - left) * 4 / size);
      guint8 *p = chip.rgb + ((gsize) y * side + x) * 3;
      person_colour (person, (guint) CLAMP (gx, 0, 3), (guint) CLAMP (gy, 0, 3),
                     p);
      for (guint c = 0; c < 3; c++)
        p[c] = (guint8) (p[c] + elements_hash (variant, x * 3 + c, y) % 16);
    }
  chip.frame = variant;
  chip.time = variant * 40 * GST_MSECOND;
  chip.face = elements_face (.2, .2, .3, .3);
  chip.face.has_landmarks = landmarks;
  chip.box[0] = chip.box[1] = left;
  chip.box[2] = chip.box[3] = size;
  for (guint i = 0; i < 10; i += 2) {
    chip.landmarks[i] = left + (template_landmarks[i] - 16) * size / 80;
    chip.landmarks[i + 1] = left + (template_landmarks[i + 1] - 26) * size / 80;
  }
  chip.score = chip.size = chip.sharpness = chip.frontalness = chip.exposure =
      .8f;
  chip.quality = .8f - .01f * (gfloat) (variant % 10);
  return gst_reid_chip_new_take (&chip);
}

typedef struct {
  guint32 track;
  guint64 serial;
  guint person;
  guint n_chips;
  guint64 first, last;
  GstReidTrackEnd end;
  gboolean no_landmarks;
} TrackletSpec;

static inline GstReidTracklet *
make_tracklet (const TrackletSpec *spec)
{
  GstReidTracklet t = { 0 };
  GstReidChip **chips = g_new (GstReidChip *, spec->n_chips);

  t.track_id = spec->track;
  t.serial = spec->serial;
  t.first_frame = spec->first;
  t.last_frame = spec->last;
  t.start_time = spec->first * 40 * GST_MSECOND;
  t.end_time = (spec->last + 1) * 40 * GST_MSECOND;
  t.n_detections = (guint32) (spec->last - spec->first + 1);
  t.end = spec->end;
  for (guint i = 0; i < spec->n_chips; i++)
    chips[i] = person_chip (spec->person, spec->track * 10 + i, 64,
                            !spec->no_landmarks);
  return gst_reid_tracklet_new_take (&t, chips, spec->n_chips);
}

static inline GstEvent *
tracklet_event (const TrackletSpec *spec)
{
  GstReidTracklet *t = make_tracklet (spec);
  GstEvent *event = gst_event_new_reid_tracklet (t);

  gst_reid_tracklet_unref (t);
  return event;
}

#endif /* REID_TEST_TRACKLETS_H */
