/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <stdlib.h>

/* Frames by number and tracks by id, whatever the order of the rows. Equal
 * keys keep the order of the rows. */

typedef struct {
  uint64_t key;
  size_t row;
} Key;

static int
compare_keys (const void *a, const void *b)
{
  const Key *x = a, *y = b;

  if (x->key != y->key)
    return x->key < y->key ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static bool
sort_keys (Key *keys, size_t n)
{
  bool sorted = true;

  if (!keys)
    return false;
  for (size_t i = 1; i < n && sorted; i++)
    sorted = keys[i - 1].key <= keys[i].key;
  if (!sorted)
    qsort (keys, n, sizeof *keys, compare_keys);
  return true;
}

bool
reid_index_init (ReidIndex *index, const ReidEpisode *episode, ReidError *error)
{
  Key *frames = calloc (episode->n_frames + 1, sizeof *frames);
  Key *tracks = calloc (episode->n_tracks + 1, sizeof *tracks);

  *index = (ReidIndex){ episode, frames, tracks };
  for (size_t i = 0; frames && i < episode->n_frames; i++)
    frames[i] = (Key){ episode->frames[i].frame, i };
  for (size_t i = 0; tracks && i < episode->n_tracks; i++)
    tracks[i] = (Key){ episode->tracks[i].id, i };
  if (!sort_keys (frames, episode->n_frames)
      || !sort_keys (tracks, episode->n_tracks)) {
    reid_index_clear (index);
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  }
  return true;
}

void
reid_index_clear (ReidIndex *index)
{
  free (index->frames);
  free (index->tracks);
  *index = (ReidIndex){ NULL, NULL, NULL };
}

/* Number of keys at or below `key`. */
static size_t
count_up_to (const Key *keys, size_t n, uint64_t key)
{
  size_t low = 0;

  while (low < n) {
    size_t middle = low + (n - low) / 2;
    if (keys[middle].key <= key)
      low = middle + 1;
    else
      n = middle;
  }
  return low;
}

const ReidFrameRow *
reid_index_frame (const ReidIndex *index, uint64_t frame)
{
  const Key *keys = index->frames;
  size_t n = index->episode->n_frames;

  if (n == 0)
    return NULL;
  size_t at = count_up_to (keys, n, frame);
  return &index->episode->frames[keys[at > 0 ? at - 1 : 0].row];
}

int64_t
reid_index_track (const ReidIndex *index, uint32_t id)
{
  const Key *keys = index->tracks;
  size_t at;

  if (id == 0)
    return -1;
  at = count_up_to (keys, index->episode->n_tracks, (uint64_t) id - 1);
  return at < index->episode->n_tracks && keys[at].key == id
             ? (int64_t) keys[at].row
             : -1;
}

static int
compare_ids (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  return x < y ? -1 : x > y;
}

bool
reid_identities_of (const ReidEpisode *episode, uint32_t **ids, size_t *n,
                    ReidError *error)
{
  size_t k = 0, distinct = 0;
  uint32_t *list = calloc (episode->n_tracks + 1, sizeof *list);

  if (!list)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < episode->n_tracks; i++)
    if (episode->tracks[i].identity != 0)
      list[k++] = episode->tracks[i].identity;
  qsort (list, k, sizeof *list, compare_ids);
  for (size_t i = 0; i < k; i++)
    if (distinct == 0 || list[distinct - 1] != list[i])
      list[distinct++] = list[i];
  *ids = list;
  *n = distinct;
  return true;
}

size_t
reid_identity_rank (const uint32_t *ids, size_t n, uint32_t id)
{
  const uint32_t *found =
      n ? bsearch (&id, ids, n, sizeof id, compare_ids) : NULL;

  return found ? (size_t) (found - ids) : SIZE_MAX;
}

bool
reid_sightings_of (const ReidIndex *index, ReidSighting **sightings, size_t *n,
                   ReidError *error)
{
  const ReidEpisode *e = index->episode;
  Key *keys = calloc (e->n_detections + 1, sizeof *keys);
  ReidSighting *list = calloc (e->n_detections + 1, sizeof *list);
  size_t k = 0, kept = 0;

  if (!keys || !list) {
    free (keys);
    free (list);
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  }
  for (size_t i = 0; i < e->n_detections; i++)
    if (e->detections[i].track != 0)
      keys[k++] = (Key){ e->detections[i].frame, i };
  sort_keys (keys, k);
  for (size_t i = 0; i < k; i++) {
    const ReidDetectionRow *d = &e->detections[keys[i].row];
    int64_t track = reid_index_track (index, d->track);
    if (track >= 0)
      list[kept++] = (ReidSighting){ d->frame, (size_t) track, d };
  }
  free (keys);
  *sightings = list;
  *n = kept;
  return true;
}
