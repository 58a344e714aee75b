/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing that the file says is believed: sizes are checked against the bytes
 * that are there before memory is taken, indices against the tables that they
 * point into, numbers for being numbers. */

/* ---- Open */

static bool
open_file (ReidReader *reader, ReidError *error)
{
  unsigned flags = reader->writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY;

  /* What is added has checksums, too. */
  if (reid_driver_open (&reader->driver, reader->store)
      && H5Pset_libver_bounds (reader->driver.access, H5F_LIBVER_V18,
                               H5F_LIBVER_LATEST)
             >= 0)
    reader->file = H5Fopen (reader->path, flags, reader->driver.access);
  if (reader->file < 0)
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "is no archive, or a damaged one");
  return true;
}

static bool
check_version (ReidReader *reader, ReidError *error)
{
  int64_t version = 0;

  if (!reid_h5_get_number (reader->file, "format_version", &version)
      || version < 1)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "is an HDF5 file, but no archive of this program");
  if (version > REID_ARCHIVE_VERSION)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "has the format version %" PRId64
                           ", this program reads up to %d: use a newer one",
                           version, REID_ARCHIVE_VERSION);
  return true;
}

/* What a process left that was killed while it added something. */
static bool
cut_rest (ReidReader *reader, ReidError *error)
{
  haddr_t end = 0;

  return !reader->writable || H5Fget_eoa (reader->file, &end) < 0
         || reid_store_cut (reader->store, end, error);
}

bool
reid_reader_close (ReidReader *reader, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool ok = true, closed = true;

  if (!reader)
    return true;
  reid_h5_enter (&guard);
  if (reader->pixels >= 0)
    H5Dclose (reader->pixels);
  if (reader->file >= 0)
    closed = H5Fclose (reader->file) >= 0;
  if (!closed)
    ok = reid_h5_error (&local, REID_ERROR_WRITE, "%s: cannot be closed",
                        reader->path);
  else
    reid_driver_close (&reader->driver);
  if (closed && reader->keep)
    ok = reid_store_seal (reader->store, &local);
  reid_h5_leave (&guard);
  if (!ok)
    reid_error_set (error, local.status, "%s", local.message);
  /* HDF5 may still hold a file that it could not close. */
  if (closed)
    reid_store_free (reader->store);
  free (reader->chips);
  free (reader->path);
  free (reader);
  return ok;
}

/* The file of that name, and to write to it the lock of it: somebody who holds
 * it may put another file under the name. */
static int
open_fd (const char *path, bool writable, ReidError *error)
{
  struct stat mine, named;

  for (int attempt = 0; attempt < 100; attempt++) {
    int fd =
        open (path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
      reid_error_set (error,
                      errno == ENOENT ? REID_ERROR_NOT_FOUND
                      : writable      ? REID_ERROR_WRITE
                                      : REID_ERROR_OPEN,
                      "%s: cannot be opened%s: %s", path,
                      writable ? " for writing" : "", strerror (errno));
      return -1;
    }
    if (!writable)
      return fd;
    if (flock (fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      reid_error_set (error, REID_ERROR_WRITE,
                      "%s: is being written by another program: wait until it "
                      "has ended",
                      path);
      close (fd);
      return -1;
    }
    if (fstat (fd, &mine) == 0 && stat (path, &named) == 0
        && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino)
      return fd;
    close (fd);
  }
  reid_error_set (error, REID_ERROR_WRITE,
                  "%s: is replaced by others again and again", path);
  return -1;
}

bool
reid_reader_finish (ReidReader *reader, bool ok, ReidError *local,
                    ReidError *error)
{
  ReidError cause = REID_ERROR_INIT;

  /* All or nothing: what is not committed never reaches the old bytes. */
  if (!reid_store_check (reader->store, &cause)) {
    *local = cause;
    ok = false;
  } else if (!ok) {
    reid_error_prefix (local, "%s", reader->path);
  }
  if (!ok)
    reid_error_set (error, local->status, "%s", local->message);
  reader->keep = ok;
  return reid_reader_close (reader, ok ? error : NULL) && ok;
}

ReidReader *
reid_reader_open (const char *path, bool writable, ReidError *error)
{
  ReidReader *reader = calloc (1, sizeof *reader);
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  int fd = -1;

  if (!reader) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  reader->file = reader->pixels = -1;
  reader->driver = (ReidDriver) REID_DRIVER_INIT;
  reader->writable = writable;
  reader->path = reid_archive_locate (path, error);
  if (!reader->path)
    goto failed;
  fd = open_fd (reader->path, writable, error);
  if (fd < 0)
    goto failed;
  reader->store = reid_store_new (fd, reader->path, writable, error);
  if (!reader->store)
    goto failed;
  fd = -1;
  reid_store_set_changing (reader->store);
  reid_h5_enter (&guard);
  bool ok = open_file (reader, &local) && check_version (reader, &local)
            && cut_rest (reader, &local);
  reid_h5_leave (&guard);
  if (ok)
    return reader;
  reid_error_prefix (&local, "%s", reader->path);
  reid_error_set (error, local.status, "%s", local.message);

failed:
  if (fd >= 0)
    close (fd);
  if (reader->store) {
    reid_reader_close (reader, NULL);
    return NULL;
  }
  free (reader->path);
  free (reader);
  return NULL;
}

/* ---- Tables */

/* *rows: NULL for an empty table. */
static bool
read_table (ReidReader *reader, const ReidTableSpec *spec, void **rows,
            size_t *n, ReidError *error)
{
  ReidTable table;
  void *data = NULL;
  bool ok = reid_table_open (&table, reader->file, spec,
                             reid_store_file_size (reader->store), error);

  if (ok && table.rows > 0) {
    if (table.rows <= SIZE_MAX / spec->row_size)
      data = calloc ((size_t) table.rows, spec->row_size);
    ok = data ? reid_table_transfer (&table, false, table.memory, 0, table.rows,
                                     data, error)
              : reid_error_set (error, REID_ERROR_MEMORY,
                                "/%s: no memory for %" PRIu64 " rows",
                                spec->name, (uint64_t) table.rows);
  }
  *n = ok ? (size_t) table.rows : 0;
  reid_table_close (&table);
  if (!ok) {
    free (data);
    data = NULL;
  }
  *rows = data;
  return ok;
}

static bool
not_finite (ReidError *error, const char *table, size_t row)
{
  return reid_error_set (error, REID_ERROR_FORMAT,
                         "/%s: row %zu holds a number that is not finite: "
                         "the file is damaged",
                         table, row);
}

static bool
check_detections (const ReidEpisode *episode, ReidError *error)
{
  for (size_t i = 0; i < episode->n_detections; i++) {
    const ReidDetectionRow *d = &episode->detections[i];
    if (!reid_all_finite (&d->left, 5) || !reid_all_finite (d->landmarks, 10)
        || !reid_all_finite (&d->quality, 1))
      return not_finite (error, "detections", i);
  }
  return true;
}

/* In order and apart, so that a frame lies in one shot. */
static bool
check_shots (const ReidEpisode *episode, ReidError *error)
{
  uint64_t end = 0;

  for (size_t i = 0; i < episode->n_shots; i++) {
    const ReidShotRow *s = &episode->shots[i];
    if (s->first < end || s->end < s->first)
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "/shots: row %zu does not follow the one before "
                             "it: the file is damaged",
                             i);
    end = s->end;
  }
  return true;
}

static bool
check_chips (const ReidReader *reader, ReidError *error)
{
  uint64_t end = 0;

  for (size_t i = 0; i < reader->n_chips; i++) {
    const ReidChipRecord *c = &reader->chips[i];
    const ReidChipRow *r = &c->row;
    if (!reid_all_finite (r->box, 4) || !reid_all_finite (r->landmarks, 10)
        || !reid_all_finite (r->face, 4) || !reid_all_finite (&r->score, 6))
      return not_finite (error, "chips", i);
    if (c->bytes == 0)
      continue;
    /* In order and apart, as they are written: no byte is unpacked twice, so
     * what a small file can ask for is bounded. */
    if (c->offset < end || c->offset > reader->n_pixels
        || c->bytes > reader->n_pixels - c->offset)
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "/chips: the pixels of row %zu lie outside "
                             "/pixels: the file is damaged",
                             i);
    end = c->offset + c->bytes;
    if (r->width == 0 || r->height == 0
        || c->bytes < reid_png_least (r->width, r->height))
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "/chips: row %zu cannot be %u x %u pixels: the "
                             "file is damaged",
                             i, r->width, r->height);
  }
  return true;
}

static bool
check_tracks (const ReidEpisode *episode, ReidError *error)
{
  uint64_t end = 0;

  for (size_t i = 0; i < episode->n_tracks; i++) {
    const ReidTrackRow *t = &episode->tracks[i];
    if (t->first_chip < end || t->first_chip > episode->n_chips
        || t->n_chips > episode->n_chips - t->first_chip)
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "/tracks: the chips of row %zu are not its own "
                             "part of /chips: the file is damaged",
                             i);
    end = t->first_chip + t->n_chips;
    for (uint64_t c = t->first_chip; c < t->first_chip + t->n_chips; c++)
      if (episode->chips[c].track != t->id)
        return reid_error_set (error, REID_ERROR_FORMAT,
                               "/chips: row %" PRIu64 " is of track %" PRIu32
                               ", but track %" PRIu32 " has it: the file is "
                               "damaged",
                               c, episode->chips[c].track, t->id);
  }
  return true;
}

static bool
read_chips (ReidReader *reader, ReidEpisode *episode, ReidError *error)
{
  void *rows;

  if (!read_table (reader, &reid_table_chips, &rows, &reader->n_chips, error))
    return false;
  free (reader->chips);
  reader->chips = rows;
  if (reader->pixels < 0)
    reader->pixels = reid_array_open (reader->file, "pixels", H5T_STD_U8LE, 1,
                                      reid_store_file_size (reader->store),
                                      &reader->n_pixels, error);
  if (reader->pixels < 0)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "/pixels: is missing: this is no archive of this "
                           "program");
  if (!check_chips (reader, error))
    return false;
  episode->n_chips = reader->n_chips;
  if (reader->n_chips == 0)
    return true;
  episode->chips = calloc (reader->n_chips, sizeof *episode->chips);
  if (!episode->chips)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < reader->n_chips; i++)
    episode->chips[i] = reader->chips[i].row;
  return true;
}

static bool
read_everything (ReidReader *reader, const ReidVectors *vectors,
                 ReidEpisode *episode, ReidError *error)
{
  return reid_read_attributes (reader->file, episode, error)
         && read_table (reader, &reid_table_frames, (void **) &episode->frames,
                        &episode->n_frames, error)
         && read_table (reader, &reid_table_shots, (void **) &episode->shots,
                        &episode->n_shots, error)
         && check_shots (episode, error)
         && read_table (reader, &reid_table_detections,
                        (void **) &episode->detections, &episode->n_detections,
                        error)
         && check_detections (episode, error)
         && read_table (reader, &reid_table_tracks, (void **) &episode->tracks,
                        &episode->n_tracks, error)
         && read_chips (reader, episode, error) && check_tracks (episode, error)
         && reid_read_embeddings (reader, vectors, episode, error);
}

ReidEpisode *
reid_reader_episode (ReidReader *reader, const ReidVectors *vectors,
                     ReidError *error)
{
  ReidEpisode *episode = calloc (1, sizeof *episode);
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!episode) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  reid_h5_enter (&guard);
  bool ok = read_everything (reader, vectors, episode, &local);
  reid_h5_leave (&guard);
  if (ok)
    return episode;
  reid_error_prefix (&local, "%s", reader->path);
  reid_error_set (error, local.status, "%s", local.message);
  reid_episode_free (episode);
  return NULL;
}

bool
reid_reader_has_pixels (const ReidReader *reader, size_t chip)
{
  return reader->chips[chip].bytes > 0;
}

uint8_t *
reid_reader_pixels (ReidReader *reader, size_t chip, ReidError *error)
{
  const ReidChipRecord *c = &reader->chips[chip];
  ReidH5Guard guard;

  if (c->bytes == 0)
    return NULL;
  uint8_t *png = malloc (c->bytes);
  uint8_t *rgb = malloc (3 * (size_t) c->row.width * c->row.height);
  bool ok = png && rgb;
  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for chip %zu",
                    reader->path, chip);
  if (ok) {
    reid_h5_enter (&guard);
    ok = reid_array_transfer (reader->pixels, false, H5T_NATIVE_UINT8,
                              c->offset, c->bytes, 0, png);
    reid_h5_leave (&guard);
    ok =
        ok && reid_png_decode (png, c->bytes, c->row.width, c->row.height, rgb);
    if (!ok)
      reid_error_set (error, REID_ERROR_FORMAT,
                      "%s: the pixels of chip %zu are damaged", reader->path,
                      chip);
  }
  free (png);
  if (!ok) {
    free (rgb);
    return NULL;
  }
  return rgb;
}

/* ---- Public */

ReidEpisode *
reid_episode_read (const char *path, bool with_pixels, ReidError *error)
{
  return reid_episode_read_set (path, with_pixels, NULL, error);
}

ReidEpisode *
reid_episode_read_set (const char *path, bool with_pixels, const char *set,
                       ReidError *error)
{
  const ReidVectors vectors = { true, set };
  ReidReader *reader = reid_reader_open (path, false, error);
  ReidEpisode *episode;

  if (!reader)
    return NULL;
  episode = reid_reader_episode (reader, &vectors, error);
  for (size_t i = 0; episode && with_pixels && i < episode->n_chips; i++) {
    ReidError local = REID_ERROR_INIT;
    episode->chips[i].rgb = reid_reader_pixels (reader, i, &local);
    if (local.status != REID_OK) {
      reid_error_set (error, local.status, "%s", local.message);
      reid_episode_free (episode);
      episode = NULL;
    }
  }
  reid_reader_close (reader, NULL);
  return episode;
}

ReidEpisode *
reid_episode_read_tables (const char *path, ReidError *error)
{
  const ReidVectors no_vectors = { false, NULL };
  ReidReader *reader = reid_reader_open (path, false, error);
  ReidEpisode *episode =
      reader ? reid_reader_episode (reader, &no_vectors, error) : NULL;

  reid_reader_close (reader, NULL);
  return episode;
}

void
reid_episode_free (ReidEpisode *episode)
{
  if (!episode)
    return;
  reid_attributes_free (episode->attributes, episode->n_attributes);
  for (size_t i = 0; i < episode->n_sets; i++) {
    free (episode->sets[i].name);
    reid_attributes_free (episode->sets[i].attributes,
                          episode->sets[i].n_attributes);
  }
  free (episode->sets);
  for (size_t i = 0; episode->chips && i < episode->n_chips; i++)
    free ((uint8_t *) episode->chips[i].rgb);
  free (episode->frames);
  free (episode->shots);
  free (episode->detections);
  free (episode->tracks);
  free (episode->chips);
  free (episode->embeddings);
  free (episode);
}

const char *
reid_episode_attribute (const ReidEpisode *episode, const char *key)
{
  return reid_attribute_value (episode->attributes, episode->n_attributes, key);
}

char *
reid_archive_attribute (const char *path, const char *key, ReidError *error)
{
  ReidEpisode *episode = calloc (1, sizeof *episode);
  ReidReader *reader = NULL;
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  const char *value = NULL;
  char *copy = NULL;

  if (episode)
    reader = reid_reader_open (path, false, error);
  else
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  if (reader) {
    reid_h5_enter (&guard);
    if (reid_read_attributes (reader->file, episode, &local))
      value = reid_episode_attribute (episode, key);
    else
      reid_error_prefix (&local, "%s", reader->path);
    reid_h5_leave (&guard);
    if (value && !(copy = strdup (value)))
      reid_error_set (&local, REID_ERROR_MEMORY, "out of memory");
    if (local.status != REID_OK)
      reid_error_set (error, local.status, "%s", local.message);
  }
  reid_reader_close (reader, NULL);
  reid_episode_free (episode);
  return copy;
}
