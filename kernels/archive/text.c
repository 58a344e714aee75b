/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* tracks.txt, identities.txt, shots.csv, presence.csv: see docs/formats.md. */

/* A file nobody could open: the rows and columns come from a file. */
#define MAX_CELLS 100000000u

typedef struct {
  const ReidSighting *sighting;
  uint32_t id;
  size_t row;
} Line;

static int
compare_lines (const void *a, const void *b)
{
  const Line *x = a, *y = b;

  if (x->sighting->frame != y->sighting->frame)
    return x->sighting->frame < y->sighting->frame ? -1 : 1;
  if (x->id != y->id)
    return x->id < y->id ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static void
write_line (ReidOutput *output, const ReidIndex *index, const Line *line)
{
  const ReidDetectionRow *d = line->sighting->detection;
  const ReidFrameRow *frame = reid_index_frame (index, d->frame);
  double width = frame ? frame->width : 1, height = frame ? frame->height : 1;
  const double values[4] = { d->left * width, d->top * height, d->width * width,
                             d->height * height };

  reid_output_printf (output, "%" PRIu64 ",%" PRIu32, d->frame + 1, line->id);
  for (int i = 0; i < 4; i++) {
    reid_output_write (output, ",", 1);
    reid_output_fixed (output, values[i], 2);
  }
  reid_output_write (output, ",", 1);
  reid_output_fixed (output, d->score, 4);
  reid_output_printf (output, ",-1,-1,-1\n");
}

bool
reid_write_tracks (const ReidEpisode *episode, bool identities,
                   const char *path, ReidError *error)
{
  ReidIndex index;
  ReidOutput output;
  ReidSighting *list = NULL;
  Line *lines = NULL;
  size_t n = 0, k = 0;
  bool ok;

  if (!reid_index_init (&index, episode, error))
    return false;
  ok = reid_sightings_of (&index, &list, &n, error);
  if (ok) {
    lines = calloc (n + 1, sizeof *lines);
    ok =
        lines
        || reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
  }
  for (size_t i = 0; ok && i < n; i++) {
    const ReidTrackRow *track = &episode->tracks[list[i].track];
    uint32_t id = identities ? track->identity : track->id;
    if (id != 0)
      lines[k++] = (Line){ &list[i], id, i };
  }
  ok = ok && reid_output_open (&output, path, error);
  if (ok) {
    qsort (lines, k, sizeof *lines, compare_lines);
    for (size_t i = 0; i < k; i++)
      write_line (&output, &index, &lines[i]);
    ok = reid_output_close (&output, true, error);
  }
  free (lines);
  free (list);
  reid_index_clear (&index);
  return ok;
}

/* Seconds; nothing where the time is not known. */
static void
write_seconds (ReidOutput *output, int64_t time)
{
  if (time >= 0)
    reid_output_fixed (output, (double) time / 1e9, 3);
}

bool
reid_write_shots (const ReidEpisode *episode, const char *path,
                  ReidError *error)
{
  ReidOutput output;

  if (!reid_output_open (&output, path, error))
    return false;
  reid_output_printf (&output,
                      "Start Frame,End Frame,Start Time (s),End Time (s)\n");
  for (size_t i = 0; i < episode->n_shots; i++) {
    const ReidShotRow *s = &episode->shots[i];
    reid_output_printf (&output, "%" PRIu64 ",%" PRIu64 ",", s->first, s->end);
    write_seconds (&output, s->start_time);
    reid_output_write (&output, ",", 1);
    write_seconds (&output, s->end_time);
    reid_output_write (&output, "\n", 1);
  }
  return reid_output_close (&output, true, error);
}

/* Frames of each person (counted once where two tracks of one person share
 * one) among those sightings that lie in the shot. list is sorted by frame. */
static void
count_presence (const ReidIndex *index, const ReidShotRow *shot,
                const ReidSighting *list, size_t n, const uint32_t *ids,
                size_t n_ids, uint64_t *counts, uint64_t *last)
{
  size_t low = 0, high = n;

  memset (counts, 0, n_ids * sizeof *counts);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (list[middle].frame < shot->first)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < n && list[low].frame < shot->end; low++) {
    const ReidTrackRow *track = &index->episode->tracks[list[low].track];
    size_t who = reid_identity_rank (ids, n_ids, track->identity);
    if (who == SIZE_MAX || (counts[who] && last[who] == list[low].frame))
      continue;
    counts[who]++;
    last[who] = list[low].frame;
  }
}

static void
write_presence (ReidOutput *output, const ReidIndex *index,
                const ReidSighting *list, size_t n, const uint32_t *ids,
                size_t n_ids, uint64_t *counts, uint64_t *last)
{
  const ReidEpisode *episode = index->episode;

  reid_output_printf (output, "Shot,Start Frame,End Frame");
  for (size_t k = 0; k < n_ids; k++)
    reid_output_printf (output, ",Identity %" PRIu32, ids[k]);
  reid_output_write (output, "\n", 1);
  for (size_t i = 0; i < episode->n_shots; i++) {
    const ReidShotRow *shot = &episode->shots[i];
    count_presence (index, shot, list, n, ids, n_ids, counts, last);
    reid_output_printf (output, "%zu,%" PRIu64 ",%" PRIu64, i, shot->first,
                        shot->end);
    for (size_t k = 0; k < n_ids; k++)
      reid_output_printf (output, ",%" PRIu64, counts[k]);
    reid_output_write (output, "\n", 1);
  }
}

bool
reid_write_presence (const ReidEpisode *episode, const char *path,
                     ReidError *error)
{
  ReidIndex index;
  ReidOutput output;
  ReidSighting *list = NULL;
  uint32_t *ids = NULL;
  uint64_t *counts = NULL;
  size_t n = 0, n_ids = 0;
  bool ok;

  if (!reid_index_init (&index, episode, error))
    return false;
  ok = reid_identities_of (episode, &ids, &n_ids, error)
       && reid_sightings_of (&index, &list, &n, error);
  if (ok && n_ids > 0 && episode->n_shots > MAX_CELLS / n_ids)
    ok = reid_error_set (error, REID_ERROR_UNSUPPORTED,
                         "%s: a table of %zu shots by %zu people is too large",
                         path, episode->n_shots, n_ids);
  if (ok) {
    counts = calloc (2 * (n_ids + 1), sizeof *counts);
    ok =
        counts
        || reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
  }
  ok = ok && reid_output_open (&output, path, error);
  if (ok) {
    write_presence (&output, &index, list, n, ids, n_ids, counts,
                    counts + n_ids + 1);
    ok = reid_output_close (&output, true, error);
  }
  free (counts);
  free (list);
  free (ids);
  reid_index_clear (&index);
  return ok;
}
