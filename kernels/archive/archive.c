/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include "archive/version.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pixels' chunk; they are packed already, so a chunk keeps its place. */
#define PIXEL_CHUNK (256u << 10)
/* A caller that never flushes is flushed, so that memory stays bounded. */
#define MAX_WAITING (8u << 20)

/* ---- Between the lock and the error */

bool
reid_archive_enter (ReidArchive *archive, ReidH5Guard *guard, ReidError *error)
{
  if (archive->failure.status != REID_OK)
    return reid_error_set (error, archive->failure.status, "%s",
                           archive->failure.message);
  if (archive->file < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "%s: is not open",
                           archive->part);
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

bool
reid_archive_leave (ReidArchive *archive, ReidH5Guard *guard, bool ok,
                    ReidError *local, ReidError *error)
{
  ok = settle (archive, ok, local, error);
  reid_h5_leave (guard);
  return ok;
}

/* ---- Flush */

static bool
flush_tables (ReidArchive *archive, ReidError *error)
{
  return reid_table_flush (&archive->frames, error)
         && reid_table_flush (&archive->shots, error)
         && reid_table_flush (&archive->detections, error)
         && reid_table_flush (&archive->chips, error)
         && reid_table_flush (&archive->tracks, error)
         && reid_archive_pad (archive, archive->n_chips, error);
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

bool
reid_archive_commit_if_much (ReidArchive *archive, ReidError *error)
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

/* HDF5 may still hold the store of a file that it could not close. */
static void
free_archive (ReidArchive *archive, bool with_store)
{
  reid_directory_release (&archive->place, archive->directory, !archive->begun);
  if (archive->store && with_store)
    reid_store_free (archive->store);
  else if (!archive->store && archive->place.fd >= 0)
    close (archive->place.fd);
  reid_attributes_free (archive->set_attributes, archive->n_set_attributes);
  free (archive->embedder);
  free (archive->directory);
  free (archive->part);
  free (archive->final);
  free (archive);
}

ReidArchive *
reid_archive_claim (const char *directory, ReidError *error)
{
  ReidArchive *archive = calloc (1, sizeof *archive);

  if (!archive) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  archive->file = archive->pixels = archive->embeddings = -1;
  archive->driver = (ReidDriver) REID_DRIVER_INIT;
  archive->place = (ReidPlace) REID_PLACE_INIT;
  archive->frames = archive->shots = archive->detections = archive->tracks =
      archive->chips = archive->identities = (ReidTable) REID_TABLE_INIT;
  archive->directory = strdup (directory ? directory : "");
  archive->part = archive->directory
                      ? reid_path_join (archive->directory, "episode.h5.part")
                      : NULL;
  archive->final = archive->directory
                       ? reid_path_join (archive->directory, "episode.h5")
                       : NULL;
  bool ok = archive->part && archive->final;
  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", directory);
  ok = ok && reid_directory_claim (directory, &archive->place, error);
  if (ok)
    return archive;
  free_archive (archive, true);
  return NULL;
}

bool
reid_archive_begin (ReidArchive *archive, const ReidAttribute *attributes,
                    int n_attributes, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return false;
  if (archive->failure.status != REID_OK)
    return reid_error_set (error, archive->failure.status, "%s",
                           archive->failure.message);
  if (archive->store)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "%s: has begun",
                           archive->part);
  /* From here on the file is this run's: where it does not get far enough to
   * hold anything, it goes. */
  archive->place.made_part = true;
  if (ftruncate (archive->place.fd, 0) != 0)
    reid_write_failed (&local, archive->part, errno);
  else
    archive->store =
        reid_store_new (archive->place.fd, archive->part, true, &local);
  if (!archive->store) {
    archive->failure = local;
    return reid_error_set (error, local.status, "%s", local.message);
  }
  reid_h5_enter (&guard);
  bool ok = fill_new (archive, attributes, n_attributes, &local);
  ok = reid_archive_leave (archive, &guard, ok, &local, error);
  /* what was there stays until there is something in its place */
  if (ok
      && !reid_directory_clear (&archive->place, archive->directory, &local)) {
    archive->failure = local;
    ok = reid_error_set (error, local.status, "%s", local.message);
  }
  archive->begun = ok;
  return ok;
}

ReidArchive *
reid_archive_create (const char *directory, const ReidAttribute *attributes,
                     int n_attributes, ReidError *error)
{
  ReidArchive *archive;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return NULL;
  archive = reid_archive_claim (directory, error);
  if (archive
      && !reid_archive_begin (archive, attributes, n_attributes, error)) {
    reid_archive_abandon (archive);
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
  if (!reid_archive_enter (archive, &guard, error))
    return false;
  bool ok = put_attribute (archive, key, value, &local);
  return reid_archive_leave (archive, &guard, ok, &local, error);
}

bool
reid_archive_flush (ReidArchive *archive, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!reid_archive_enter (archive, &guard, error))
    return false;
  bool ok = commit (archive, &local);
  return reid_archive_leave (archive, &guard, ok, &local, error);
}

/* ---- The end */

/* Closes HDF5's side and makes the file what it is. */
static bool
seal (ReidArchive *archive, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  reid_h5_enter (&guard);
  archive->stuck = !close_file (archive);
  archive->closed = true;
  bool ok = archive->failure.status == REID_OK;
  if (ok && archive->stuck)
    ok = settle (archive,
                 reid_h5_error (&local, REID_ERROR_WRITE, "cannot be closed"),
                 &local, error);
  if (ok)
    ok = settle (archive, reid_store_seal (archive->store, &local), &local,
                 error);
  reid_h5_leave (&guard);
  return ok;
}

bool
reid_archive_seal (ReidArchive *archive, const uint32_t *track_ids,
                   const uint32_t *identities, size_t n, bool partial,
                   ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!reid_archive_enter (archive, &guard, error))
    return false;
  bool ok = commit (archive, &local)
            && reid_label_write (&archive->tracks, &archive->identities,
                                 track_ids, identities, n, &local);
  if (ok
      && !reid_h5_put_number (archive->file, "partial", H5T_STD_U8LE, partial))
    ok = reid_h5_error (&local, REID_ERROR_WRITE, "attribute partial");
  ok = ok && commit (archive, &local);
  ok = reid_archive_leave (archive, &guard, ok, &local, error);
  archive->sealed = ok && seal (archive, error);
  return archive->sealed;
}

bool
reid_archive_publish (ReidArchive *archive, ReidError *error)
{
  bool ok = archive->sealed
            || reid_error_set (error, REID_ERROR_ARGUMENT,
                               "%s: is not finished yet", archive->part);

  if (ok && rename (archive->part, archive->final) != 0)
    ok = reid_error_set (error, REID_ERROR_WRITE,
                         "%s: cannot be renamed to episode.h5: %s",
                         archive->part, strerror (errno));
  if (ok)
    fsync (archive->place.dir);
  reid_archive_abandon (archive);
  return ok;
}

bool
reid_archive_finish (ReidArchive *archive, const uint32_t *track_ids,
                     const uint32_t *identities, size_t n, bool partial,
                     ReidError *error)
{
  if (reid_archive_seal (archive, track_ids, identities, n, partial, error))
    return reid_archive_publish (archive, error);
  reid_archive_abandon (archive);
  return false;
}

void
reid_archive_abandon (ReidArchive *archive)
{
  if (!archive)
    return;
  if (archive->store && !archive->closed) {
    reid_archive_flush (archive, NULL);
    seal (archive, NULL);
  }
  free_archive (archive, !archive->stuck);
}
