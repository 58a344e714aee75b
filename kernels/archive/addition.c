/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A set of vectors for an archive that is closed. Its rows go behind what the
 * archive holds, where nobody looks until the commit at the end. */

struct ReidAddition {
  ReidReader *reader;
  ReidEpisode *episode;
  char name[256];
  hid_t dataset;
  int dims;
  uint64_t rows;
  ReidError failure; /* the first one; nothing is kept after it */
};

/* Between the lock and the error. */
static bool
settle (ReidAddition *addition, ReidH5Guard *guard, bool ok, ReidError *local,
        ReidError *error)
{
  ReidError cause = REID_ERROR_INIT;

  reid_h5_leave (guard);
  if (!reid_store_check (addition->reader->store, &cause)) {
    *local = cause;
    ok = false;
  } else if (!ok) {
    reid_error_prefix (local, "%s", addition->reader->path);
  }
  if (ok)
    return true;
  addition->failure = *local;
  return reid_error_set (error, local->status, "%s", local->message);
}

static bool
may_go_on (const ReidAddition *addition, ReidError *error)
{
  return addition->failure.status == REID_OK
         || reid_error_set (error, addition->failure.status, "%s",
                            addition->failure.message);
}

ReidAddition *
reid_addition_open (const char *path, ReidError *error)
{
  const ReidVectors no_vectors = { false, NULL };
  ReidAddition *addition = calloc (1, sizeof *addition);

  if (!addition) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  addition->dataset = -1;
  addition->reader = reid_reader_open (path, true, error);
  if (addition->reader)
    addition->episode =
        reid_reader_episode (addition->reader, &no_vectors, error);
  if (addition->episode)
    return addition;
  reid_addition_abandon (addition);
  return NULL;
}

const ReidEpisode *
reid_addition_episode (const ReidAddition *addition)
{
  return addition->episode;
}

uint8_t *
reid_addition_pixels (ReidAddition *addition, size_t chip, ReidError *error)
{
  return reid_reader_pixels (addition->reader, chip, error);
}

/* ---- Writing */

static bool
create (ReidAddition *addition, int dims, const ReidAttribute *attributes,
        int n_attributes, ReidError *error)
{
  hid_t file = addition->reader->file;
  char path[300];

  snprintf (path, sizeof path, "embeddings/%s", addition->name);
  if (reid_h5_find (file, "embeddings") == 1
      && H5Lexists (file, path, H5P_DEFAULT) > 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "already holds vectors \"%s\": give the new ones "
                           "another name, or drop those first",
                           addition->name);
  addition->dataset = reid_embeddings_create (file, addition->name, dims,
                                              attributes, n_attributes, error);
  addition->dims = dims;
  return addition->dataset >= 0;
}

bool
reid_addition_begin (ReidAddition *addition, const char *name, int dims,
                     const ReidAttribute *attributes, int n_attributes,
                     ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!may_go_on (addition, error) || !reid_embeddings_check_name (name, error))
    return false;
  if (addition->dataset >= 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "%s: has begun",
                           addition->name);
  if (dims < 1 || dims > 65536)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "vectors of %d numbers: 1 to 65536 fit", dims);
  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return false;
  reid_embedding_name (name, addition->name);
  reid_h5_enter (&guard);
  bool ok = create (addition, dims, attributes, n_attributes, &local);
  return settle (addition, &guard, ok, &local, error);
}

bool
reid_addition_add_projection (ReidAddition *addition, const char *name,
                              size_t rows, size_t cols, const float *data,
                              ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!may_go_on (addition, error)
      || !reid_projection_check (name, rows, cols, error))
    return false;
  reid_h5_enter (&guard);
  bool ok = reid_projection_write (addition->reader->file, name, rows, cols,
                                   data, &local);
  return settle (addition, &guard, ok, &local, error);
}

bool
reid_addition_attribute (ReidAddition *addition, const char *key,
                         const char *value, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!may_go_on (addition, error) || !reid_attribute_check (key, value, error))
    return false;
  if (addition->dataset < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "has not begun");
  reid_h5_enter (&guard);
  bool ok = reid_h5_put_text (addition->dataset, key, value)
            || reid_h5_error (&local, REID_ERROR_WRITE, "attribute %s", key);
  return settle (addition, &guard, ok, &local, error);
}

bool
reid_addition_add (ReidAddition *addition, const float *rows, size_t n,
                   ReidError *error)
{
  size_t dims = (size_t) addition->dims;
  hsize_t size[2] = { addition->rows + n, dims };
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!may_go_on (addition, error))
    return false;
  if (addition->dataset < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "has not begun");
  if (n > addition->episode->n_chips - addition->rows)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "more vectors than the %zu chips",
                           addition->episode->n_chips);
  for (size_t i = 0; i < n; i++)
    if (!reid_all_finite (rows + i * dims, dims))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "the vector of chip %" PRIu64 " is not finite",
                             addition->rows + i);
  reid_h5_enter (&guard);
  bool ok = H5Dset_extent (addition->dataset, size) >= 0
            && reid_array_transfer (addition->dataset, true, H5T_NATIVE_FLOAT,
                                    addition->rows, n, dims, (void *) rows);
  if (!ok)
    reid_h5_error (&local, REID_ERROR_WRITE, "/embeddings/%s", addition->name);
  addition->rows += n;
  return settle (addition, &guard, ok, &local, error);
}

bool
reid_addition_finish (ReidAddition *addition, const ReidAttribute *attributes,
                      int n_attributes, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool ok = may_go_on (addition, error);

  for (int i = 0; ok && i < n_attributes; i++)
    ok = reid_attribute_check (attributes[i].key, attributes[i].value, error);
  if (ok && addition->dataset < 0)
    ok = reid_error_set (error, REID_ERROR_ARGUMENT, "has not begun");
  if (ok && addition->rows < addition->episode->n_chips)
    ok = reid_error_set (error, REID_ERROR_ARGUMENT,
                         "%" PRIu64 " vectors for %zu chips", addition->rows,
                         addition->episode->n_chips);
  if (!ok) {
    reid_addition_abandon (addition);
    return false;
  }
  ReidReader *reader = addition->reader;
  reid_h5_enter (&guard);
  H5Dclose (addition->dataset);
  addition->dataset = -1;
  ok = reid_reader_put (reader, attributes, n_attributes, &local);
  reid_h5_leave (&guard);
  addition->reader = NULL;
  ok = reid_reader_finish (reader, ok, &local, error);
  reid_addition_abandon (addition);
  return ok;
}

void
reid_addition_abandon (ReidAddition *addition)
{
  ReidH5Guard guard;

  if (!addition)
    return;
  if (addition->dataset >= 0) {
    reid_h5_enter (&guard);
    H5Dclose (addition->dataset);
    reid_h5_leave (&guard);
  }
  reid_episode_free (addition->episode);
  reid_reader_close (addition->reader, NULL);
  free (addition);
}
