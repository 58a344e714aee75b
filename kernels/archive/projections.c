/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <string.h>

/* What layers were reduced by, where a seed does not say it. */

#define GROUP "projections"
#define CHUNK (64u << 10)

static hid_t
open_group (hid_t file)
{
  int found = reid_h5_find (file, GROUP);

  if (found == 0)
    return H5Gcreate2 (file, GROUP, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  return found > 0 ? H5Gopen2 (file, GROUP, H5P_DEFAULT) : -1;
}

static bool
write_matrix (hid_t group, const char *name, hsize_t rows, hsize_t cols,
              const float *data)
{
  hsize_t size[2] = { rows, cols }, chunk = CHUNK / sizeof (float) / cols;
  hid_t dataset = reid_array_create (
      group, name, H5T_IEEE_F32LE, cols, chunk ? chunk : 1,
      "a PCA: the mean, then a component in each row; named by the SHA-256 of "
      "its file");
  bool ok = dataset >= 0 && H5Dset_extent (dataset, size) >= 0
            && reid_array_transfer (dataset, true, H5T_NATIVE_FLOAT, 0, rows,
                                    cols, (void *) data);

  if (dataset >= 0)
    H5Dclose (dataset);
  return ok;
}

bool
reid_projection_check (const char *name, size_t rows, size_t cols,
                       ReidError *error)
{
  if (rows < 1 || cols < 1 || !name[0] || strchr (name, '/'))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "projection \"%.100s\": %zu rows of %zu numbers",
                           name, rows, cols);
  return true;
}

bool
reid_projection_write (hid_t file, const char *name, size_t rows, size_t cols,
                       const float *data, ReidError *error)
{
  hid_t group = open_group (file);
  bool ok = group >= 0
            && (reid_h5_find (group, name) == 1
                || write_matrix (group, name, rows, cols, data));
  if (group >= 0)
    H5Gclose (group);
  return ok || reid_h5_error (error, REID_ERROR_WRITE, "/" GROUP "/%s", name);
}

bool
reid_archive_add_projection (ReidArchive *archive, const char *name,
                             size_t rows, size_t cols, const float *data,
                             ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  if (!reid_projection_check (name, rows, cols, error)
      || !reid_archive_enter (archive, &guard, error))
    return false;
  bool ok =
      reid_projection_write (archive->file, name, rows, cols, data, &local)
      && reid_archive_commit_if_much (archive, &local);
  return reid_archive_leave (archive, &guard, ok, &local, error);
}
