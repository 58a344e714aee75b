/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include "archive/version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The sets of vectors: one dataset below /embeddings for each embedder. */

#define GROUP "embeddings"
#define EMBEDDING_CHUNK (64u << 10)
#define MAX_SETS 1000

bool
reid_embeddings_check_name (const char *name, ReidError *error)
{
  if (!name || !name[0] || strlen (name) > 255 || !reid_utf8_valid (name))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a set of vectors has a name of 1 to 255 bytes of "
                           "UTF-8");
  for (const char *p = name; *p; p++)
    if ((unsigned char) *p < 32 || *p == 127)
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "the name of a set of vectors holds no control "
                             "characters");
  return true;
}

/* -1 without an error: there is none. */
static hid_t
open_group (hid_t file, ReidError *error)
{
  int found = reid_h5_find (file, GROUP);
  hid_t group = found == 1 ? reid_h5_open (file, GROUP, H5I_GROUP) : -1;

  if (found != 0 && group < 0)
    reid_h5_error (error, REID_ERROR_FORMAT,
                   "/" GROUP ": is no group: the file is damaged");
  return group;
}

/* A set with a row for each chip; -1 without an error where the name is not
 * there. */
static hid_t
open_set (const ReidReader *reader, hid_t group, const char *name,
          uint64_t n_chips, hsize_t dims[2], ReidError *error)
{
  hid_t dataset =
      reid_array_open (group, name, H5T_IEEE_F32LE, 2,
                       reid_store_file_size (reader->store), dims, error);

  if (dataset < 0) {
    if (error->status != REID_OK)
      reid_error_prefix (error, "/" GROUP);
    return -1;
  }
  if (dims[0] != n_chips) {
    reid_error_set (error, REID_ERROR_FORMAT,
                    "/" GROUP "/%s: %" PRIu64 " rows for %" PRIu64
                    " chips: the file is damaged",
                    name, (uint64_t) dims[0], n_chips);
    H5Dclose (dataset);
    return -1;
  }
  return dataset;
}

/* ---- Reading */

static bool
fill (hid_t dataset, const hsize_t *dims, const char *name,
      ReidEpisode *episode, ReidError *error)
{
  episode->dims = (int) dims[1];
  if (dims[0] == 0)
    return true;
  size_t n = (size_t) (dims[0] * dims[1]); /* bounded by what is stored */
  episode->embeddings = malloc (n * sizeof (float));
  if (!episode->embeddings)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "/" GROUP "/%s: no memory for %zu values", name, n);
  if (!reid_array_transfer (dataset, false, H5T_NATIVE_FLOAT, 0, dims[0],
                            dims[1], episode->embeddings))
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "/" GROUP "/%s: cannot be read: the file is damaged",
                          name);
  for (size_t i = 0; i < dims[0]; i++)
    if (!reid_all_finite (episode->embeddings + i * dims[1], (size_t) dims[1]))
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "/" GROUP "/%s: row %zu holds a number that is "
                             "not finite: the file is damaged",
                             name, i);
  return true;
}

/* What cannot be read does no harm until somebody asks for it. */
static void
describe (const ReidReader *reader, hid_t group, uint64_t n_chips,
          ReidEmbeddingSet *set)
{
  ReidError ignored = REID_ERROR_INIT;
  hsize_t dims[2];
  hid_t dataset = open_set (reader, group, set->name, n_chips, dims, &ignored);

  if (dataset < 0)
    return;
  if (reid_h5_get_texts (dataset, &set->attributes, &set->n_attributes,
                         &ignored))
    set->dims = (int) dims[1];
  H5Dclose (dataset);
}

/* NULL without an error: a name that nobody here has given. */
static char *
name_at (hid_t group, hsize_t i, ReidError *error)
{
  char name[256];
  ssize_t size = H5Lget_name_by_idx (group, ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                     NULL, 0, H5P_DEFAULT);

  if (size < 0) {
    reid_h5_error (error, REID_ERROR_FORMAT,
                   "/" GROUP ": cannot be listed: the file is damaged");
    return NULL;
  }
  if (size == 0 || size >= (ssize_t) sizeof name
      || H5Lget_name_by_idx (group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                             sizeof name, H5P_DEFAULT)
             != size
      || !reid_embeddings_check_name (name, NULL))
    return NULL;
  char *copy = strdup (name);
  if (!copy)
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  return copy;
}

static bool
list_sets (const ReidReader *reader, hid_t group, const char *current,
           ReidEpisode *episode, ReidError *error)
{
  H5G_info_t info;
  ReidError local = REID_ERROR_INIT;

  if (H5Gget_info (group, &info) < 0)
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "/" GROUP ": cannot be listed: the file is damaged");
  if (info.nlinks > MAX_SETS)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "/" GROUP ": holds more than %d sets", MAX_SETS);
  episode->sets = calloc ((size_t) info.nlinks + 1, sizeof *episode->sets);
  if (!episode->sets)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  for (hsize_t i = 0; i < info.nlinks; i++) {
    ReidEmbeddingSet *set = &episode->sets[episode->n_sets];
    set->name = name_at (group, i, &local);
    if (local.status != REID_OK)
      return reid_error_set (error, local.status, "%s", local.message);
    if (!set->name)
      continue;
    set->current = strcmp (set->name, current) == 0;
    describe (reader, group, episode->n_chips, set);
    episode->n_sets++;
  }
  return true;
}

bool
reid_no_such_set (const ReidEpisode *episode, const char *name,
                  ReidError *error)
{
  char names[400] = "";
  size_t at = 0;

  for (size_t i = 0; i < episode->n_sets && at < sizeof names; i++)
    at += (size_t) snprintf (names + at, sizeof names - at, "%s%s",
                             i ? ", " : "", episode->sets[i].name);
  if (episode->n_sets == 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "holds no vectors \"%s\", and no others", name);
  return reid_error_set (error, REID_ERROR_ARGUMENT,
                         "holds no vectors \"%s\", only: %s", name, names);
}

const ReidEmbeddingSet *
reid_embedding_find (const ReidEpisode *episode, const char *name)
{
  const ReidEmbeddingSet *alike = NULL;
  size_t n_alike = 0;
  char want[256];

  reid_embedding_name (name, want);
  for (size_t i = 0; i < episode->n_sets; i++) {
    if (strcmp (episode->sets[i].name, want) == 0)
      return &episode->sets[i];
    if (strcasecmp (episode->sets[i].name, want) == 0) {
      alike = &episode->sets[i];
      n_alike++;
    }
  }
  return n_alike == 1 ? alike : NULL;
}

/* The current one by its own name, which may be of something that is not in
 * the list. */
static bool
choose (const ReidReader *reader, hid_t group, const char *name,
        ReidEpisode *episode, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  hsize_t dims[2];
  hid_t dataset =
      open_set (reader, group, name, episode->n_chips, dims, &local);

  if (local.status != REID_OK)
    return reid_error_set (error, local.status, "%s", local.message);
  if (dataset < 0)
    return true;
  for (size_t i = 0; i < episode->n_sets; i++)
    if (strcmp (episode->sets[i].name, name) == 0)
      episode->set = (int) i;
  bool ok = fill (dataset, dims, name, episode, error);
  H5Dclose (dataset);
  return ok;
}

bool
reid_read_embeddings (ReidReader *reader, const ReidVectors *vectors,
                      ReidEpisode *episode, ReidError *error)
{
  char name[256];
  ReidError local = REID_ERROR_INIT;
  hid_t group = open_group (reader->file, &local);

  episode->set = -1;
  if (local.status != REID_OK)
    return reid_error_set (error, local.status, "%s", local.message);
  reid_embedding_name (reid_episode_attribute (episode, "embedder"), name);
  bool ok = group < 0 || list_sets (reader, group, name, episode, error);
  if (ok && vectors->set) {
    const ReidEmbeddingSet *set = reid_embedding_find (episode, vectors->set);
    ok = set || reid_no_such_set (episode, vectors->set, error);
    if (set)
      snprintf (name, sizeof name, "%s", set->name);
  }
  ok = ok
       && (!vectors->wanted || group < 0
           || choose (reader, group, name, episode, error));
  if (group >= 0)
    H5Gclose (group);
  return ok;
}

const char *
reid_embedding_attribute (const ReidEmbeddingSet *set, const char *key)
{
  return reid_attribute_value (set->attributes, set->n_attributes, key);
}

/* ---- Writing */

hid_t
reid_embeddings_create (hid_t file, const char *name, int dims,
                        const ReidAttribute *attributes, int n,
                        ReidError *error)
{
  hsize_t chunk = EMBEDDING_CHUNK / sizeof (float) / (unsigned) dims;
  ReidError local = REID_ERROR_INIT;
  hid_t dataset = -1, group = open_group (file, &local);

  if (group < 0 && local.status == REID_OK)
    group = H5Gcreate2 (file, GROUP, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group >= 0) {
    dataset = reid_array_create (
        group, name, H5T_IEEE_F32LE, (hsize_t) dims, chunk ? chunk : 1,
        "one row for each row of /chips; zeros = none was made");
    H5Gclose (group);
  }
  bool ok =
      dataset >= 0 && reid_h5_put_text (dataset, "software", REID_SOFTWARE);
  for (int i = 0; ok && i < n; i++)
    ok = reid_h5_put_text (dataset, attributes[i].key, attributes[i].value);
  if (ok)
    return dataset;
  if (local.status != REID_OK)
    reid_error_set (error, local.status, "%s", local.message);
  else
    reid_h5_error (error, REID_ERROR_WRITE, "/" GROUP "/%s", name);
  if (dataset >= 0)
    H5Dclose (dataset);
  return -1;
}

static bool
check_embedder (ReidReader *reader, const char *embedder, ReidError *error)
{
  char name[256];
  hsize_t dims[2];
  ReidTable chips = REID_TABLE_INIT;
  ReidError local = REID_ERROR_INIT;
  hid_t dataset = -1, group = open_group (reader->file, &local);

  reid_embedding_name (embedder, name);
  if (reid_table_open (&chips, reader->file, &reid_table_chips,
                       reid_store_file_size (reader->store), &local)
      && group >= 0)
    dataset = open_set (reader, group, name, chips.rows, dims, &local);
  reid_table_close (&chips);
  if (dataset >= 0)
    H5Dclose (dataset);
  if (group >= 0)
    H5Gclose (group);
  if (local.status != REID_OK)
    return reid_error_set (error, local.status, "%s", local.message);
  return dataset >= 0
         || reid_error_set (error, REID_ERROR_ARGUMENT,
                            "holds no vectors \"%s\"", name);
}

bool
reid_reader_put (ReidReader *reader, const ReidAttribute *attributes, int n,
                 ReidError *error)
{
  for (int i = 0; i < n; i++) {
    if (strcmp (attributes[i].key, "embedder") == 0
        && !check_embedder (reader, attributes[i].value, error))
      return false;
    if (!reid_h5_put_text (reader->file, attributes[i].key,
                           attributes[i].value))
      return reid_h5_error (error, REID_ERROR_WRITE, "attribute %s",
                            attributes[i].key);
  }
  return true;
}

bool
reid_archive_put (const char *path, const ReidAttribute *attributes,
                  int n_attributes, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidH5Guard guard;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return false;
  ReidReader *reader = reid_reader_open (path, true, error);
  if (!reader)
    return false;
  reid_h5_enter (&guard);
  bool ok = reid_reader_put (reader, attributes, n_attributes, &local);
  reid_h5_leave (&guard);
  return reid_reader_finish (reader, ok, &local, error);
}
