/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is appended while the stream runs. */

bool
reid_archive_pad (ReidArchive *archive, uint64_t rows, ReidError *error)
{
  hsize_t size[2] = { rows, (hsize_t) archive->dims };

  if (archive->embeddings < 0 || archive->n_embeddings >= rows)
    return true;
  /* Written, not left to a fill value: what the file says it holds is then
   * what is stored. */
  float *zeros = calloc ((size_t) archive->dims, sizeof *zeros);
  if (!zeros)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  bool ok = H5Dset_extent (archive->embeddings, size) >= 0;
  for (; ok && archive->n_embeddings < rows; archive->n_embeddings++)
    ok = reid_array_transfer (archive->embeddings, true, H5T_NATIVE_FLOAT,
                              archive->n_embeddings, 1, (hsize_t) archive->dims,
                              zeros);
  free (zeros);
  return ok || reid_h5_error (error, REID_ERROR_WRITE, "/embeddings");
}

/* ---- Rows */

static bool
append (ReidArchive *archive, ReidTable *table, const void *rows, size_t n,
        ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!reid_archive_enter (archive, &guard, error))
    return false;
  bool ok = reid_table_append (table, rows, n, &local)
            && reid_archive_commit_if_much (archive, &local);
  return reid_archive_leave (archive, &guard, ok, &local, error);
}

bool
reid_archive_add_frames (ReidArchive *archive, const ReidFrameRow *rows,
                         size_t n, ReidError *error)
{
  return append (archive, &archive->frames, rows, n, error);
}

bool
reid_archive_add_shots (ReidArchive *archive, const ReidShotRow *rows, size_t n,
                        ReidError *error)
{
  uint64_t last = archive->shots_end;

  for (size_t i = 0; i < n; last = rows[i++].end)
    if (rows[i].first < last || rows[i].end < rows[i].first)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "the shot %" PRIu64 " to %" PRIu64
                             " does not follow the one before it",
                             rows[i].first, rows[i].end);
  archive->shots_end = last;
  return append (archive, &archive->shots, rows, n, error);
}

bool
reid_archive_add_detections (ReidArchive *archive, const ReidDetectionRow *rows,
                             size_t n, ReidError *error)
{
  ReidDetectionRow block[32];

  for (size_t i = 0; i < n; i++)
    if (!reid_all_finite (&rows[i].left, 5)
        || !reid_all_finite (&rows[i].quality, 1)
        || (rows[i].has_landmarks && !reid_all_finite (rows[i].landmarks, 10)))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "a detection in frame %" PRIu64
                             " is not a finite number",
                             rows[i].frame);
  while (n > 0) {
    size_t m = n < 32 ? n : 32;
    memcpy (block, rows, m * sizeof *block);
    for (size_t i = 0; i < m; i++)
      if (!block[i].has_landmarks)
        memset (block[i].landmarks, 0, sizeof block[i].landmarks);
    if (!append (archive, &archive->detections, block, m, error))
      return false;
    rows += m;
    n -= m;
  }
  return true;
}

/* ---- Tracks */

static bool
check_track (ReidArchive *archive, const ReidTrackRow *track,
             const ReidChipRow *chips, int n_chips, const float *embeddings,
             int dims, ReidError *error)
{
  if (n_chips < 0 || (n_chips > 0 && !chips))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "track %" PRIu32 ": %d chips", track->id, n_chips);
  for (int i = 0; i < n_chips; i++) {
    const ReidChipRow *c = &chips[i];
    if (c->track != track->id)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "track %" PRIu32 ": chip %d is of track %" PRIu32,
                             track->id, i, c->track);
    if (c->rgb && (c->width == 0 || c->height == 0))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "track %" PRIu32 ": chip %d is empty", track->id,
                             i);
    if (!reid_all_finite (c->box, 4) || !reid_all_finite (c->face, 4)
        || !reid_all_finite (&c->score, 6)
        || (c->has_landmarks && !reid_all_finite (c->landmarks, 10)))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "track %" PRIu32
                             ": chip %d holds a number that is not finite",
                             track->id, i);
  }
  if (!embeddings || n_chips == 0)
    return true;
  if (dims < 1 || dims > 65536)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "track %" PRIu32 ": embeddings of %d values: 1 to "
                           "65536 fit",
                           track->id, dims);
  if (archive->dims && archive->dims != dims)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "track %" PRIu32 ": embeddings of %d values in an "
                           "archive with %d",
                           track->id, dims, archive->dims);
  for (int i = 0; i < n_chips; i++)
    if (!reid_all_finite (embeddings + (size_t) i * (size_t) dims,
                          (size_t) dims))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "track %" PRIu32 ": the embedding of chip %d is "
                             "not finite",
                             track->id, i);
  return true;
}

/* An empty value: it is taken away. */
static bool
keep_attribute (ReidArchive *archive, const char *key, const char *value)
{
  ReidAttribute *list = archive->set_attributes, kept = { NULL, NULL };
  int i = 0, n = archive->n_set_attributes;

  while (i < n && strcmp (list[i].key, key) != 0)
    i++;
  if (value[0] != '\0') {
    kept = (ReidAttribute){ strdup (key), strdup (value) };
    if (i == n)
      list = realloc (list, ((size_t) n + 1) * sizeof *list);
    if (list)
      archive->set_attributes = list;
    if (!list || !kept.key || !kept.value) {
      free ((char *) kept.key);
      free ((char *) kept.value);
      return false;
    }
  }
  if (i < n) {
    free ((char *) list[i].key);
    free ((char *) list[i].value);
    list[i] = list[--n];
  }
  if (kept.key)
    list[n++] = kept;
  archive->n_set_attributes = n;
  return true;
}

bool
reid_archive_set_embedding_attribute (ReidArchive *archive, const char *key,
                                      const char *value, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool ok;

  if (!reid_attribute_check (key, value, error)
      || !reid_archive_enter (archive, &guard, error))
    return false;
  if (archive->embeddings < 0)
    ok = keep_attribute (archive, key, value)
         || reid_error_set (&local, REID_ERROR_MEMORY, "out of memory");
  else
    ok = (value[0] != '\0' ? reid_h5_put_text (archive->embeddings, key, value)
                           : reid_h5_delete_text (archive->embeddings, key))
         || reid_h5_error (&local, REID_ERROR_WRITE, "attribute %s", key);
  return reid_archive_leave (archive, &guard, ok, &local, error);
}

static bool
add_embeddings (ReidArchive *archive, const float *embeddings, int n, int dims,
                ReidError *error)
{
  char name[256];
  hsize_t size[2] = { archive->n_chips + (hsize_t) n, (hsize_t) dims };

  if (archive->embeddings < 0) {
    reid_embedding_name (archive->embedder, name);
    archive->embeddings = reid_embeddings_create (
        archive->file, name, dims, archive->set_attributes,
        archive->n_set_attributes, error);
    if (archive->embeddings < 0)
      return false;
    archive->dims = dims;
  }
  if (!reid_archive_pad (archive, archive->n_chips, error))
    return false;
  if (H5Dset_extent (archive->embeddings, size) < 0
      || !reid_array_transfer (archive->embeddings, true, H5T_NATIVE_FLOAT,
                               archive->n_chips, (hsize_t) n, (hsize_t) dims,
                               (void *) embeddings))
    return reid_h5_error (error, REID_ERROR_WRITE, "/embeddings");
  archive->n_embeddings = size[0];
  return true;
}

static bool
add_chip (ReidArchive *archive, const ReidChipRow *chip, const uint8_t *png,
          size_t size, ReidError *error)
{
  ReidChipRecord record = { *chip, archive->n_pixels, (uint32_t) size };
  hsize_t bytes = archive->n_pixels + size;

  if (!chip->has_landmarks)
    memset (record.row.landmarks, 0, sizeof record.row.landmarks);
  record.row.rgb = NULL;
  if (size > 0
      && (H5Dset_extent (archive->pixels, &bytes) < 0
          || !reid_array_transfer (archive->pixels, true, H5T_NATIVE_UINT8,
                                   archive->n_pixels, size, 0, (void *) png)))
    return reid_h5_error (error, REID_ERROR_WRITE, "/pixels");
  archive->n_pixels = bytes;
  return reid_table_append (&archive->chips, &record, 1, error);
}

bool
reid_archive_add_track (ReidArchive *archive, const ReidTrackRow *track,
                        const ReidChipRow *chips, int n_chips,
                        const float *embeddings, int dims, ReidError *error)
{
  ReidTrackRow row = *track;
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool ok = true;

  if (!check_track (archive, track, chips, n_chips, embeddings, dims, error))
    return false;
  uint8_t **png = calloc ((size_t) n_chips + 1, sizeof *png);
  size_t *sizes = calloc ((size_t) n_chips + 1, sizeof *sizes);
  if (!png || !sizes)
    ok = false;
  /* Packing takes the time here, so it is done outside the lock. */
  for (int i = 0; ok && i < n_chips; i++)
    if (chips[i].rgb)
      ok = reid_png_encode (chips[i].rgb, chips[i].width, chips[i].height,
                            &png[i], &sizes[i]);
  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY,
                    "track %" PRIu32 ": out of memory", track->id);
  if (ok && (ok = reid_archive_enter (archive, &guard, error))) {
    row.first_chip = archive->n_chips;
    row.n_chips = (uint32_t) n_chips;
    if (embeddings && n_chips > 0)
      ok = add_embeddings (archive, embeddings, n_chips, dims, &local);
    for (int i = 0; ok && i < n_chips; i++)
      ok = add_chip (archive, &chips[i], png[i], sizes[i], &local);
    if (ok)
      archive->n_chips += (uint64_t) n_chips;
    ok = ok && reid_table_append (&archive->tracks, &row, 1, &local)
         && reid_archive_commit_if_much (archive, &local);
    ok = reid_archive_leave (archive, &guard, ok, &local, error);
  }
  for (int i = 0; png && i < n_chips; i++)
    free (png[i]);
  free (png);
  free (sizes);
  return ok;
}
