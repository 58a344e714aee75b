/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A set of vectors goes, and the projections that only it was made with: the
 * archive is copied without them, beside itself, and the copy takes its name
 * when it is whole. */

typedef struct {
  const ReidEpisode *episode;
  const ReidEmbeddingSet *set;
} Gone;

typedef struct {
  char *path, *directory, *temporary;
  ReidStore *store;
  ReidDriver driver;
  hid_t file;
} Copy;

/* ---- Objects */

typedef struct {
  hid_t from, to;
  bool failed;
} AttributeCopy;

static herr_t
copy_attribute (hid_t from, const char *key, const H5A_info_t *info, void *user)
{
  AttributeCopy *copy = user;
  hid_t attribute = H5Aopen (from, key, H5P_DEFAULT), made = -1;
  hid_t type = attribute >= 0 ? H5Aget_type (attribute) : -1;
  hid_t space = attribute >= 0 ? H5Aget_space (attribute) : -1;
  hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints (space) : -1;
  size_t size = type >= 0 ? H5Tget_size (type) : 0;
  void *data = NULL;

  /* Bounded by what is stored; texts of a length of their own are pointers
   * here. */
  if (n >= 0 && size > 0 && size <= (64u << 20)
      && (uint64_t) n <= (64u << 20) / size)
    data = calloc ((size_t) n + 1, size);
  bool read = data && (n == 0 || H5Aread (attribute, type, data) >= 0);
  if (read)
    made = H5Acreate2 (copy->to, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool ok = made >= 0 && (n == 0 || H5Awrite (made, type, data) >= 0);
  if (read && n > 0)
    H5Dvlen_reclaim (type, space, H5P_DEFAULT, data);
  free (data);
  if (made >= 0)
    H5Aclose (made);
  if (space >= 0)
    H5Sclose (space);
  if (type >= 0)
    H5Tclose (type);
  if (attribute >= 0)
    H5Aclose (attribute);
  copy->failed |= !ok;
  return ok ? 0 : -1;
}

static bool
copy_attributes (hid_t from, hid_t to)
{
  AttributeCopy copy = { from, to, false };
  hsize_t at = 0;

  return H5Aiterate2 (from, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute,
                      &copy)
             >= 0
         && !copy.failed;
}

static bool
stays_set (const Gone *gone, const char *name)
{
  return strcmp (name, gone->set->name) != 0;
}

static bool
made_with (const ReidEmbeddingSet *set, const char *projection)
{
  const char *all = reid_embedding_attribute (set, "projection");

  return all && strstr (all, projection);
}

static bool
stays_projection (const Gone *gone, const char *name)
{
  bool stays = !made_with (gone->set, name);

  for (size_t i = 0; i < gone->episode->n_sets; i++) {
    const ReidEmbeddingSet *set = &gone->episode->sets[i];
    stays |= set != gone->set && made_with (set, name);
  }
  return stays;
}

static bool
stays_whole (const Gone *gone, const char *name)
{
  return strcmp (name, "embeddings") != 0 && strcmp (name, "projections") != 0;
}

/* Everything below a group that stays. What stands for something elsewhere is
 * copied as it is. */
static bool
copy_links (hid_t from, hid_t to, const Gone *gone,
            bool (*stays) (const Gone *gone, const char *name),
            ReidError *error)
{
  H5G_info_t info;
  bool ok = H5Gget_info (from, &info) >= 0;

  for (hsize_t i = 0; ok && i < info.nlinks; i++) {
    char name[1024];
    ssize_t size = H5Lget_name_by_idx (from, ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                       name, sizeof name, H5P_DEFAULT);
    ok = size > 0 && size < (ssize_t) sizeof name;
    if (!ok || !stays (gone, name))
      continue;
    ok = reid_h5_find (from, name) == 1
             ? H5Ocopy (from, name, to, name, H5P_DEFAULT, H5P_DEFAULT) >= 0
             : H5Lcopy (from, name, to, name, H5P_DEFAULT, H5P_DEFAULT) >= 0;
    if (!ok)
      return reid_h5_error (error, REID_ERROR_WRITE, "%s: cannot be copied",
                            name);
  }
  return ok
         || reid_h5_error (error, REID_ERROR_FORMAT,
                           "cannot be listed: the file is damaged");
}

static bool
copy_group (hid_t from, hid_t to, const char *name, const Gone *gone,
            bool (*stays) (const Gone *gone, const char *name),
            ReidError *error)
{
  hid_t group = H5Gopen2 (from, name, H5P_DEFAULT);
  hid_t kept = H5Gcreate2 (to, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bool ok = group >= 0 && kept >= 0 && copy_attributes (group, kept);

  if (!ok)
    reid_h5_error (error, REID_ERROR_WRITE, "%s: cannot be copied", name);
  ok = ok && copy_links (group, kept, gone, stays, error);
  if (kept >= 0)
    H5Gclose (kept);
  if (group >= 0)
    H5Gclose (group);
  return ok;
}

static bool
copy_all (hid_t from, hid_t to, const Gone *gone, ReidError *error)
{
  if (!copy_attributes (from, to))
    return reid_h5_error (error, REID_ERROR_WRITE, "cannot be copied");
  return copy_group (from, to, "embeddings", gone, stays_set, error)
         && (reid_h5_find (from, "projections") == 0
             || copy_group (from, to, "projections", gone, stays_projection,
                            error))
         && copy_links (from, to, gone, stays_whole, error);
}

/* ---- Files */

static bool
copy_open (Copy *copy, const ReidReader *reader, ReidError *error)
{
  struct stat st;
  int fd = -1;

  copy->path = realpath (reader->path, NULL);
  copy->directory = copy->path ? reid_path_parent (copy->path) : NULL;
  if (copy->directory)
    copy->temporary = reid_temporary (copy->directory, &fd);
  if (!copy->temporary)
    return reid_write_failed (error, reader->path, errno);
  if (stat (copy->path, &st) == 0 && fchmod (fd, st.st_mode & 07777) != 0
      && errno != EPERM)
    reid_write_failed (error, reader->path, errno);
  else
    copy->store = reid_store_new (fd, reader->path, true, error);
  if (!copy->store) {
    close (fd);
    return false;
  }
  reid_store_set_changing (copy->store);
  /* Whoever comes when the name is the copy's already waits his turn, too. */
  flock (fd, LOCK_EX | LOCK_NB);
  return true;
}

static bool
copy_fill (Copy *copy, const ReidReader *reader, const Gone *gone,
           ReidError *error)
{
  hid_t create = H5Pcreate (H5P_FILE_CREATE);
  bool ok = reid_driver_open (&copy->driver, copy->store) && create >= 0
            && H5Pset_libver_bounds (copy->driver.access, H5F_LIBVER_V18,
                                     H5F_LIBVER_V18)
                   >= 0
            && H5Pset_obj_track_times (create, false) >= 0;

  if (ok)
    copy->file =
        H5Fcreate (copy->temporary, H5F_ACC_TRUNC, create, copy->driver.access);
  if (create >= 0)
    H5Pclose (create);
  if (copy->file < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "cannot be copied");
  return copy_all (reader->file, copy->file, gone, error);
}

/* The name may mean another file by now: a run has begun there. */
static bool
copy_publish (const Copy *copy, const ReidReader *reader, ReidError *error)
{
  int fd;

  if (!reid_store_is (reader->store, copy->path))
    return reid_error_set (error, REID_ERROR_WRITE,
                           "%s: was replaced by another program meanwhile",
                           reader->path);
  if (rename (copy->temporary, copy->path) != 0)
    return reid_write_failed (error, reader->path, errno);
  fd = open (copy->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
  return true;
}

static bool
write_copy (Copy *copy, const ReidReader *reader, const Gone *gone,
            ReidError *error)
{
  ReidError local = REID_ERROR_INIT, cause = REID_ERROR_INIT;
  ReidH5Guard guard;
  bool closed = true;

  if (!copy_open (copy, reader, error))
    return false;
  reid_h5_enter (&guard);
  bool ok = copy_fill (copy, reader, gone, &local);
  if (copy->file >= 0)
    closed = H5Fclose (copy->file) >= 0;
  if (closed)
    reid_driver_close (&copy->driver);
  reid_h5_leave (&guard);
  if (!reid_store_check (copy->store, &cause)) {
    local = cause;
    ok = false;
  } else if (!ok || !closed) {
    if (ok)
      reid_error_set (&local, REID_ERROR_WRITE, "the copy cannot be closed");
    reid_error_prefix (&local, "%s", reader->path);
    ok = false;
  }
  ok = ok && reid_store_seal (copy->store, &local)
       && copy_publish (copy, reader, &local);
  if (!ok)
    reid_error_set (error, local.status, "%s", local.message);
  /* HDF5 may still hold a file that it could not close. */
  if (closed)
    reid_store_free (copy->store);
  return ok;
}

/* ---- Public */

/* The set that may go, or NULL. */
static const ReidEmbeddingSet *
find (const ReidEpisode *episode, const char *name, ReidError *error)
{
  const ReidEmbeddingSet *set = reid_embedding_find (episode, name);

  if (!set)
    reid_no_such_set (episode, name, error);
  else if (set->current)
    reid_error_set (error, REID_ERROR_ARGUMENT,
                    "the vectors \"%s\" are the current ones: make others the "
                    "current ones first",
                    set->name);
  return set && !set->current ? set : NULL;
}

bool
reid_archive_drop_embeddings (const char *path, const char *name,
                              ReidError *error)
{
  const ReidVectors no_vectors = { false, NULL };
  Copy copy = { .driver = REID_DRIVER_INIT, .file = -1 };
  ReidError local = REID_ERROR_INIT;
  ReidReader *reader = reid_reader_open (path, true, error);
  const ReidEmbeddingSet *set = NULL;
  ReidEpisode *episode;

  if (!reader)
    return false;
  episode = reid_reader_episode (reader, &no_vectors, error);
  if (episode && !(set = find (episode, name, &local))) {
    reid_error_prefix (&local, "%s", reader->path);
    reid_error_set (error, local.status, "%s", local.message);
  }
  bool ok = set && write_copy (&copy, reader, &(Gone){ episode, set }, error);
  if (!ok && copy.temporary)
    unlink (copy.temporary);
  free (copy.path);
  free (copy.directory);
  free (copy.temporary);
  reid_episode_free (episode);
  reid_reader_close (reader, NULL);
  return ok;
}
