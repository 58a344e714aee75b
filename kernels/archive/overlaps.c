/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One sweep over the frames in order. The same faces stand in most frames as
 * in the one before, so a frame's pairs are counted when its set of tracks
 * changes, as many times as it stood. */

typedef struct {
  uint64_t key; /* a << 32 | b, a < b; 0 = empty (a pair never is 0, 0) */
  uint64_t count;
} Slot;

typedef struct {
  Slot *slots;
  size_t n_slots, n_used;
} Counts;

static Slot *
find (const Counts *counts, uint64_t key)
{
  size_t mask = counts->n_slots - 1;
  size_t i = (size_t) ((key * 0x9e3779b97f4a7c15u) >> 24) & mask;

  while (counts->slots[i].key && counts->slots[i].key != key)
    i = (i + 1) & mask;
  return &counts->slots[i];
}

static bool
count (Counts *counts, uint64_t key, uint64_t times)
{
  if (2 * (counts->n_used + 1) > counts->n_slots) {
    Counts larger = { NULL, counts->n_slots ? 2 * counts->n_slots : 256,
                      counts->n_used };
    larger.slots = calloc (larger.n_slots, sizeof (Slot));
    if (!larger.slots)
      return false;
    for (size_t i = 0; i < counts->n_slots; i++)
      if (counts->slots[i].key)
        *find (&larger, counts->slots[i].key) = counts->slots[i];
    free (counts->slots);
    *counts = larger;
  }
  Slot *slot = find (counts, key);
  if (!slot->key) {
    slot->key = key;
    counts->n_used++;
  }
  slot->count += times;
  return true;
}

static int
compare_rows (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  return x < y ? -1 : x > y;
}

static int
compare_slots (const void *a, const void *b)
{
  const Slot *x = a, *y = b;

  return x->key < y->key ? -1 : x->key > y->key;
}

/* The set of tracks of the frame that begins at *at, sorted, without doubles;
 * moves *at to the next frame. */
static size_t
next_frame (const ReidSighting *list, size_t n, size_t *at, uint32_t *rows)
{
  uint64_t frame = list[*at].frame;
  size_t k = 0, distinct = 0;

  for (; *at < n && list[*at].frame == frame; ++*at)
    rows[k++] = (uint32_t) list[*at].track;
  qsort (rows, k, sizeof *rows, compare_rows);
  for (size_t i = 0; i < k; i++)
    if (distinct == 0 || rows[distinct - 1] != rows[i])
      rows[distinct++] = rows[i];
  return distinct;
}

static bool
count_set (Counts *counts, uint64_t *frames, const uint32_t *rows, size_t k,
           uint64_t times)
{
  for (size_t i = 0; i < k; i++) {
    frames[rows[i]] += times;
    for (size_t j = i + 1; j < k; j++)
      if (!count (counts, (uint64_t) rows[i] << 32 | rows[j], times))
        return false;
  }
  return true;
}

static bool
sweep (const ReidSighting *list, size_t n, Counts *counts, uint64_t *frames,
       uint32_t *now, uint32_t *before)
{
  size_t k_before = 0;
  uint64_t times = 0;
  bool ok = true;

  for (size_t at = 0; ok && at < n;) {
    size_t k = next_frame (list, n, &at, now);
    if (k != k_before || memcmp (now, before, k * sizeof *now) != 0) {
      ok = count_set (counts, frames, before, k_before, times);
      uint32_t *swap = before;
      before = now;
      now = swap;
      k_before = k;
      times = 0;
    }
    times++;
  }
  return ok && count_set (counts, frames, before, k_before, times);
}

static ReidOverlap *
make_pairs (Counts *counts, const uint64_t *frames)
{
  ReidOverlap *pairs = malloc ((counts->n_used + 1) * sizeof *pairs);
  size_t k = 0;

  if (!pairs)
    return NULL;
  for (size_t i = 0; i < counts->n_slots; i++)
    if (counts->slots[i].key)
      counts->slots[k++] = counts->slots[i];
  if (k > 0)
    qsort (counts->slots, k, sizeof *counts->slots, compare_slots);
  for (size_t i = 0; i < k; i++) {
    uint32_t a = (uint32_t) (counts->slots[i].key >> 32);
    uint32_t b = (uint32_t) counts->slots[i].key;
    uint64_t shorter = frames[a] < frames[b] ? frames[a] : frames[b];
    pairs[i] = (ReidOverlap){ (int) a, (int) b,
                              (float) ((double) counts->slots[i].count
                                       / (double) shorter) };
  }
  return pairs;
}

bool
reid_episode_overlaps (const ReidEpisode *episode, ReidOverlap **pairs, int *n,
                       ReidError *error)
{
  ReidIndex index;
  ReidSighting *list = NULL;
  Counts counts = { NULL, 0, 0 };
  size_t n_list = 0;
  bool ok = true;

  *pairs = NULL;
  *n = 0;
  if (episode->n_tracks > INT_MAX)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%zu tracks are too many", episode->n_tracks);
  if (!reid_index_init (&index, episode, error))
    return false;
  ok = reid_sightings_of (&index, &list, &n_list, error);
  if (ok) {
    uint64_t *frames = calloc (episode->n_tracks + 1, sizeof *frames);
    uint32_t *rows = calloc (2 * (n_list + 1), sizeof *rows);
    ok = frames && rows
         && sweep (list, n_list, &counts, frames, rows, rows + n_list + 1);
    if (ok && counts.n_used > INT_MAX)
      ok = false;
    if (ok)
      *pairs = make_pairs (&counts, frames);
    ok = ok && *pairs;
    if (!ok)
      reid_error_set (error, REID_ERROR_MEMORY,
                      "no memory for the pairs of tracks that share a frame");
    *n = ok ? (int) counts.n_used : 0;
    free (frames);
    free (rows);
  }
  free (counts.slots);
  free (list);
  reid_index_clear (&index);
  return ok;
}
