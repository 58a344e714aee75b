/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Nothing that the file says is believed: sizes are checked against the bytes
 * that are there before memory is taken, indices against the tables that they
 * point into, numbers for being numbers. */

struct ReidReader {
  char *path;
  ReidStore *store;
  ReidDriver driver;
  bool writable, keep; /* keep what was written */
  hid_t file, pixels;
  hsize_t n_pixels;
  ReidChipRecord *chips;
  size_t n_chips;
};

/* ---- Open */

static bool
open_file (ReidReader *reader, ReidError *error)
{
  unsigned flags = reader->writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY;

  if (reid_driver_open (&reader->driver, reader->store))
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
  fd = open (reader->path,
             (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    reid_error_set (error,
                    errno == ENOENT ? REID_ERROR_NOT_FOUND
                    : writable      ? REID_ERROR_WRITE
                                    : REID_ERROR_OPEN,
                    "%s: cannot be opened%s: %s", reader->path,
                    writable ? " for writing" : "", strerror (errno));
    goto failed;
  }
  if (writable && flock (fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    reid_error_set (error, REID_ERROR_WRITE,
                    "%s: is being written by another program", reader->path);
    goto failed;
  }
  reader->store = reid_store_new (fd, reader->path, writable, error);
  if (!reader->store)
    goto failed;
  fd = -1;
  reid_h5_enter (&guard);
  bool ok = open_file (reader, &local) && check_version (reader, &local);
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
all_finite (const float *v, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!(v[i] >= -FLT_MAX && v[i] <= FLT_MAX))
      return false;
  return true;
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
    if (!all_finite (&d->left, 5) || !all_finite (d->landmarks, 10)
        || !all_finite (&d->quality, 1))
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
    if (!all_finite (r->box, 4) || !all_finite (r->landmarks, 10)
        || !all_finite (r->face, 4) || !all_finite (&r->score, 6))
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
fill_embeddings (hid_t dataset, const hsize_t *dims, ReidEpisode *episode,
                 ReidError *error)
{
  if (dims[0] != episode->n_chips)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "/embeddings: %" PRIu64 " rows for %zu chips: the "
                           "file is damaged",
                           (uint64_t) dims[0], episode->n_chips);
  episode->dims = (int) dims[1];
  if (dims[0] == 0)
    return true;
  size_t n = (size_t) (dims[0] * dims[1]); /* bounded by what is stored */
  episode->embeddings = malloc (n * sizeof (float));
  if (!episode->embeddings)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "/embeddings: no memory for %zu values", n);
  if (!reid_array_transfer (dataset, false, H5T_NATIVE_FLOAT, 0, dims[0],
                            dims[1], episode->embeddings))
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "/embeddings: cannot be read: the file is damaged");
  for (size_t i = 0; i < dims[0]; i++)
    if (!all_finite (episode->embeddings + i * dims[1], dims[1]))
      return not_finite (error, "embeddings", i);
  return true;
}

static bool
read_embeddings (ReidReader *reader, ReidEpisode *episode, ReidError *error)
{
  char name[256];
  hsize_t dims[2];
  ReidError local = REID_ERROR_INIT;
  int found = reid_h5_find (reader->file, "embeddings");
  hid_t group =
      found == 1 ? reid_h5_open (reader->file, "embeddings", H5I_GROUP) : -1;

  if (found == 0)
    return true;
  if (group < 0)
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "/embeddings: is no group: the file is damaged");
  reid_embedding_name (reid_episode_attribute (episode, "embedder"), name);
  hid_t dataset =
      reid_array_open (group, name, H5T_IEEE_F32LE, 2,
                       reid_store_file_size (reader->store), dims, &local);
  bool ok = local.status == REID_OK;
  if (!ok) {
    reid_error_prefix (&local, "/embeddings");
    reid_error_set (error, local.status, "%s", local.message);
  }
  if (dataset >= 0) {
    ok = fill_embeddings (dataset, dims, episode, error);
    H5Dclose (dataset);
  }
  H5Gclose (group);
  return ok;
}

static bool
read_everything (ReidReader *reader, ReidEpisode *episode, ReidError *error)
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
         && read_embeddings (reader, episode, error);
}

ReidEpisode *
reid_reader_episode (ReidReader *reader, ReidError *error)
{
  ReidEpisode *episode = calloc (1, sizeof *episode);
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!episode) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  reid_h5_enter (&guard);
  bool ok = read_everything (reader, episode, &local);
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
  ReidReader *reader = reid_reader_open (path, false, error);
  ReidEpisode *episode;

  if (!reader)
    return NULL;
  episode = reid_reader_episode (reader, error);
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

void
reid_episode_free (ReidEpisode *episode)
{
  if (!episode)
    return;
  for (int i = 0; i < episode->n_attributes; i++) {
    free ((char *) episode->attributes[i].key);
    free ((char *) episode->attributes[i].value);
  }
  for (size_t i = 0; episode->chips && i < episode->n_chips; i++)
    free ((uint8_t *) episode->chips[i].rgb);
  free (episode->attributes);
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
  for (int i = 0; i < episode->n_attributes; i++)
    if (strcmp (episode->attributes[i].key, key) == 0)
      return episode->attributes[i].value;
  return NULL;
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

bool
reid_archive_relabel (const char *path, const uint32_t *track_ids,
                      const uint32_t *identities, size_t n,
                      const ReidAttribute *attributes, int n_attributes,
                      ReidError *error)
{
  ReidError local = REID_ERROR_INIT, cause = REID_ERROR_INIT;
  ReidTable tracks = REID_TABLE_INIT, people = REID_TABLE_INIT;
  ReidH5Guard guard;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return false;
  ReidReader *reader = reid_reader_open (path, true, error);
  if (!reader)
    return false;
  reid_h5_enter (&guard);
  uint64_t size = reid_store_file_size (reader->store);
  bool ok =
      reid_table_open (&tracks, reader->file, &reid_table_tracks, size, &local)
      && reid_table_open (&people, reader->file, &reid_table_identities, size,
                          &local)
      && reid_label_write (&tracks, &people, track_ids, identities, n, &local);
  for (int i = 0; ok && i < n_attributes; i++)
    ok = reid_h5_put_text (reader->file, attributes[i].key, attributes[i].value)
         || reid_h5_error (&local, REID_ERROR_WRITE, "attribute %s",
                           attributes[i].key);
  reid_table_close (&tracks);
  reid_table_close (&people);
  /* All or nothing: what is not committed never reaches the old bytes. */
  if (!reid_store_check (reader->store, &cause)) {
    local = cause;
    ok = false;
  } else if (!ok) {
    reid_error_prefix (&local, "%s", reader->path);
  }
  reid_h5_leave (&guard);
  if (!ok)
    reid_error_set (error, local.status, "%s", local.message);
  reader->keep = ok;
  return reid_reader_close (reader, error) && ok;
}
