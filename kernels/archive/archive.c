/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include "archive/version.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pixels' chunk; they are packed already, so a chunk keeps its place. */
#define PIXEL_CHUNK (256u << 10)
#define EMBEDDING_CHUNK (64u << 10)
/* A caller that never flushes is flushed, so that memory stays bounded. */
#define MAX_WAITING (8u << 20)

struct ReidArchive {
  char *directory, *part, *final;
  int fd; /* the store's */
  ReidStore *store;
  ReidDriver driver;
  hid_t file;
  ReidTable frames, shots, detections, tracks, chips, identities;
  hid_t pixels, embeddings;
  uint64_t n_pixels; /* bytes */
  uint64_t n_chips, n_embeddings;
  uint64_t shots_end; /* of the last one */
  int dims;
  char *embedder;
  ReidError failure; /* the first one; nothing is written after it */
};

/* ---- Between the lock and the error */

static bool
begin (ReidArchive *archive, ReidH5Guard *guard, ReidError *error)
{
  if (archive->failure.status != REID_OK)
    return reid_error_set (error, archive->failure.status, "%s",
                           archive->failure.message);
  reid_h5_enter (guard);
  return true;
}

/* A write that failed for want of space comes up as some HDF5 error far away,
 * or as none: the store knows better. */
static bool
settle (ReidArchive *archive, bool ok, ReidError *local, ReidError *error)
{
  ReidError cause = REID_ERROR_INIT;

  if (!reid_store_check (archive->store, &cause)) {
    *local = cause;
    ok = false;
  } else if (!ok) {
    reid_error_prefix (local, "%s", archive->part);
  }
  if (ok)
    return true;
  archive->failure = *local;
  return reid_error_set (error, local->status, "%s", local->message);
}

static bool
end (ReidArchive *archive, ReidH5Guard *guard, bool ok, ReidError *local,
     ReidError *error)
{
  ok = settle (archive, ok, local, error);
  reid_h5_leave (guard);
  return ok;
}

/* ---- Flush */

static bool
pad_embeddings (ReidArchive *archive, uint64_t rows, ReidError *error)
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

static bool
flush_tables (ReidArchive *archive, ReidError *error)
{
  return reid_table_flush (&archive->frames, error)
         && reid_table_flush (&archive->shots, error)
         && reid_table_flush (&archive->detections, error)
         && reid_table_flush (&archive->chips, error)
         && reid_table_flush (&archive->tracks, error)
         && pad_embeddings (archive, archive->n_chips, error);
}

static bool
commit (ReidArchive *archive, ReidError *error)
{
  if (!flush_tables (archive, error))
    return false;
  if (H5Fflush (archive->file, H5F_SCOPE_LOCAL) < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "cannot be flushed");
  return reid_store_commit (archive->store, error);
}

static bool
commit_when_much_waits (ReidArchive *archive, ReidError *error)
{
  return reid_store_waiting (archive->store) < MAX_WAITING
         || commit (archive, error);
}

/* ---- Create */

static bool
open_file (ReidArchive *archive, ReidError *error)
{
  hid_t create = H5Pcreate (H5P_FILE_CREATE);
  hid_t access;

  /* Checksummed metadata, and no mark of an open file in the superblock, with
   * which other programs would refuse what a killed run left. */
  if (reid_driver_open (&archive->driver, archive->store) && create >= 0
      && (access = archive->driver.access) >= 0
      && H5Pset_libver_bounds (access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0
      && H5Pset_obj_track_times (create, false) >= 0)
    archive->file = H5Fcreate (archive->part, H5F_ACC_TRUNC, create, access);
  if (create >= 0)
    H5Pclose (create);
  if (archive->file < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "cannot be created");
  return true;
}

static bool
make_groups (ReidArchive *archive, ReidError *error)
{
  hid_t file = archive->file;
  hid_t group =
      H5Gcreate2 (file, "embeddings", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

  if (group < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "/embeddings");
  H5Gclose (group);
  archive->pixels = reid_array_create (
      file, "pixels", H5T_STD_U8LE, 0, PIXEL_CHUNK,
      "the chips' pictures, each a PNG file: see the columns offset and bytes "
      "of /chips");
  if (archive->pixels < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "/pixels");
  return reid_table_create (&archive->frames, file, &reid_table_frames, error)
         && reid_table_create (&archive->shots, file, &reid_table_shots, error)
         && reid_table_create (&archive->detections, file,
                               &reid_table_detections, error)
         && reid_table_create (&archive->tracks, file, &reid_table_tracks,
                               error)
         && reid_table_create (&archive->chips, file, &reid_table_chips, error)
         && reid_table_create (&archive->identities, file,
                               &reid_table_identities, error);
}

static bool
put_attribute (ReidArchive *archive, const char *key, const char *value,
               ReidError *error)
{
  if (!reid_h5_put_text (archive->file, key, value))
    return reid_h5_error (error, REID_ERROR_WRITE, "attribute %s", key);
  if (strcmp (key, "embedder") == 0) {
    char *copy = strdup (value);
    if (!copy)
      return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    free (archive->embedder);
    archive->embedder = copy;
  }
  return true;
}

static bool
fill_new (ReidArchive *archive, const ReidAttribute *attributes, int n,
          ReidError *error)
{
  bool ok = open_file (archive, error)
            && reid_h5_put_number (archive->file, "format_version",
                                   H5T_STD_U32LE, REID_ARCHIVE_VERSION)
            && reid_h5_put_number (archive->file, "partial", H5T_STD_U8LE, 1)
            && put_attribute (archive, "software", REID_SOFTWARE, error)
            && make_groups (archive, error);

  for (int i = 0; ok && i < n; i++)
    ok = put_attribute (archive, attributes[i].key, attributes[i].value, error);
  ok = ok && commit (archive, error);
  return ok || reid_h5_error (error, REID_ERROR_WRITE, "cannot be written");
}

/* HDF5's side; false when HDF5 may still hold the store. */
static bool
close_file (ReidArchive *archive)
{
  ReidTable *tables[] = { &archive->frames,     &archive->shots,
                          &archive->detections, &archive->tracks,
                          &archive->chips,      &archive->identities };
  bool ok = true;

  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    reid_table_close (tables[i]);
  if (archive->pixels >= 0)
    H5Dclose (archive->pixels);
  if (archive->embeddings >= 0)
    H5Dclose (archive->embeddings);
  archive->pixels = archive->embeddings = -1;
  if (archive->file >= 0)
    ok = H5Fclose (archive->file) >= 0;
  archive->file = -1;
  if (ok)
    reid_driver_close (&archive->driver);
  return ok;
}

static void
free_archive (ReidArchive *archive, bool with_store)
{
  if (archive->fd >= 0)
    reid_directory_release (archive->fd);
  if (archive->store && with_store)
    reid_store_free (archive->store);
  else if (!archive->store && archive->fd >= 0)
    close (archive->fd);
  free (archive->embedder);
  free (archive->directory);
  free (archive->part);
  free (archive->final);
  free (archive);
}

ReidArchive *
reid_archive_create (const char *directory, const ReidAttribute *attributes,
                     int n_attributes, ReidError *error)
{
  ReidArchive *archive;
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return NULL;
  archive = calloc (1, sizeof *archive);
  if (!archive) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  archive->file = archive->pixels = archive->embeddings = -1;
  archive->driver = (ReidDriver) REID_DRIVER_INIT;
  archive->frames = archive->shots = archive->detections = archive->tracks =
      archive->chips = archive->identities = (ReidTable) REID_TABLE_INIT;
  archive->fd = reid_directory_claim (directory, error);
  if (archive->fd < 0) {
    free_archive (archive, true);
    return NULL;
  }
  archive->directory = strdup (directory);
  archive->part = reid_path_join (directory, "episode.h5.part");
  archive->final = reid_path_join (directory, "episode.h5");
  if (!archive->directory || !archive->part || !archive->final)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", directory);
  else
    archive->store = reid_store_new (archive->fd, archive->part, true, error);
  if (!archive->store) {
    free_archive (archive, true);
    return NULL;
  }
  reid_h5_enter (&guard);
  bool ok = fill_new (archive, attributes, n_attributes, &local);
  if (!end (archive, &guard, ok, &local, error)) {
    reid_h5_enter (&guard);
    bool closed = close_file (archive);
    reid_h5_leave (&guard);
    /* Nothing was kept: leave nothing behind. */
    unlink (archive->part);
    free_archive (archive, closed);
    return NULL;
  }
  return archive;
}

bool
reid_archive_set_attribute (ReidArchive *archive, const char *key,
                            const char *value, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!reid_attribute_check (key, value, error))
    return false;
  if (strcmp (key, "embedder") == 0 && archive->embeddings >= 0
      && strcmp (archive->embedder ? archive->embedder : "", value) != 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "attribute embedder: the archive already holds "
                           "embeddings of another");
  if (!begin (archive, &guard, error))
    return false;
  bool ok = put_attribute (archive, key, value, &local);
  return end (archive, &guard, ok, &local, error);
}

/* ---- Rows */

static bool
all_finite (const float *v, int n)
{
  for (int i = 0; i < n; i++)
    if (!(v[i] >= -FLT_MAX && v[i] <= FLT_MAX))
      return false;
  return true;
}

static bool
append (ReidArchive *archive, ReidTable *table, const void *rows, size_t n,
        ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!begin (archive, &guard, error))
    return false;
  bool ok = reid_table_append (table, rows, n, &local)
            && commit_when_much_waits (archive, &local);
  return end (archive, &guard, ok, &local, error);
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
    if (!all_finite (&rows[i].left, 5) || !all_finite (&rows[i].quality, 1)
        || (rows[i].has_landmarks && !all_finite (rows[i].landmarks, 10)))
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
    if (!all_finite (c->box, 4) || !all_finite (c->face, 4)
        || !all_finite (&c->score, 6)
        || (c->has_landmarks && !all_finite (c->landmarks, 10)))
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
    if (!all_finite (embeddings + (size_t) i * (size_t) dims, dims))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "track %" PRIu32 ": the embedding of chip %d is "
                             "not finite",
                             track->id, i);
  return true;
}

static bool
add_embeddings (ReidArchive *archive, const float *embeddings, int n, int dims,
                ReidError *error)
{
  char name[256];
  hsize_t size[2] = { archive->n_chips + (hsize_t) n, (hsize_t) dims };
  hsize_t chunk = EMBEDDING_CHUNK / sizeof (float) / (unsigned) dims;

  if (archive->embeddings < 0) {
    hid_t group = H5Gopen2 (archive->file, "embeddings", H5P_DEFAULT);
    reid_embedding_name (archive->embedder, name);
    if (group >= 0) {
      archive->embeddings = reid_array_create (
          group, name, H5T_IEEE_F32LE, (hsize_t) dims, chunk ? chunk : 1,
          "one row for each row of /chips; zeros = none was made");
      H5Gclose (group);
    }
    if (archive->embeddings < 0)
      return reid_h5_error (error, REID_ERROR_WRITE, "/embeddings/%s", name);
    archive->dims = dims;
  }
  if (!pad_embeddings (archive, archive->n_chips, error))
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
  if (ok && (ok = begin (archive, &guard, error))) {
    row.first_chip = archive->n_chips;
    row.n_chips = (uint32_t) n_chips;
    if (embeddings && n_chips > 0)
      ok = add_embeddings (archive, embeddings, n_chips, dims, &local);
    for (int i = 0; ok && i < n_chips; i++)
      ok = add_chip (archive, &chips[i], png[i], sizes[i], &local);
    if (ok)
      archive->n_chips += (uint64_t) n_chips;
    ok = ok && reid_table_append (&archive->tracks, &row, 1, &local)
         && commit_when_much_waits (archive, &local);
    ok = end (archive, &guard, ok, &local, error);
  }
  for (int i = 0; png && i < n_chips; i++)
    free (png[i]);
  free (png);
  free (sizes);
  return ok;
}

bool
reid_archive_flush (ReidArchive *archive, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!begin (archive, &guard, error))
    return false;
  bool ok = commit (archive, &local);
  return end (archive, &guard, ok, &local, error);
}

/* ---- The end */

/* Closes HDF5's side and makes the file what it is; frees the archive. With
 * `rename_it` the file gets its final name where all went well. */
static bool
close_archive (ReidArchive *archive, bool rename_it, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  reid_h5_enter (&guard);
  bool closed = close_file (archive);
  bool ok = archive->failure.status == REID_OK;
  if (ok && !closed)
    ok = settle (archive,
                 reid_h5_error (&local, REID_ERROR_WRITE, "cannot be closed"),
                 &local, error);
  if (ok)
    ok = settle (archive, reid_store_seal (archive->store, &local), &local,
                 error);
  reid_h5_leave (&guard);
  if (ok && rename_it) {
    if (rename (archive->part, archive->final) != 0) {
      ok = reid_error_set (error, REID_ERROR_WRITE,
                           "%s: cannot be renamed to episode.h5: %s",
                           archive->part, strerror (errno));
    } else {
      int dir = open (archive->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (dir >= 0) {
        fsync (dir);
        close (dir);
      }
    }
  }
  free_archive (archive, closed);
  return ok;
}

bool
reid_archive_finish (ReidArchive *archive, const uint32_t *track_ids,
                     const uint32_t *identities, size_t n, bool partial,
                     ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool ok = begin (archive, &guard, error);

  if (ok) {
    ok = commit (archive, &local)
         && reid_label_write (&archive->tracks, &archive->identities, track_ids,
                              identities, n, &local);
    if (ok
        && !reid_h5_put_number (archive->file, "partial", H5T_STD_U8LE,
                                partial))
      ok = reid_h5_error (&local, REID_ERROR_WRITE, "attribute partial");
    ok = ok && commit (archive, &local);
    ok = end (archive, &guard, ok, &local, error);
  }
  return close_archive (archive, ok, error) && ok;
}

void
reid_archive_abandon (ReidArchive *archive)
{
  if (!archive)
    return;
  reid_archive_flush (archive, NULL);
  close_archive (archive, false, NULL);
}
