/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A deflated byte holds at most this many: what a dataset claims to hold is
 * checked against what the file can. */
#define DEFLATE_RATIO 1032
#define MAX_CHUNK_BYTES (64u << 20)

static hid_t
file_type_of (ReidColumnType type)
{
  switch (type) {
    case REID_U8:
      return H5T_STD_U8LE;
    case REID_U16:
      return H5T_STD_U16LE;
    case REID_U32:
      return H5T_STD_U32LE;
    case REID_U64:
      return H5T_STD_U64LE;
    case REID_I64:
      return H5T_STD_I64LE;
    default:
      return H5T_IEEE_F32LE;
  }
}

static hid_t
memory_type_of (ReidColumnType type)
{
  switch (type) {
    case REID_U8:
      return H5T_NATIVE_UINT8;
    case REID_U16:
      return H5T_NATIVE_UINT16;
    case REID_U32:
      return H5T_NATIVE_UINT32;
    case REID_U64:
      return H5T_NATIVE_UINT64;
    case REID_I64:
      return H5T_NATIVE_INT64;
    default:
      return H5T_NATIVE_FLOAT;
  }
}

/* The column's type; always to be closed. */
static hid_t
column_type (const ReidColumn *column, bool in_file)
{
  hid_t base =
      in_file ? file_type_of (column->type) : memory_type_of (column->type);
  hsize_t count = (hsize_t) column->count;

  return column->count > 1 ? H5Tarray_create2 (base, 1, &count)
                           : H5Tcopy (base);
}

static hid_t
row_type (const ReidTableSpec *spec, bool in_file)
{
  hid_t columns[REID_MAX_COLUMNS], row;
  size_t size = 0, at = 0;
  bool ok = true;

  for (int i = 0; i < spec->n_columns; i++) {
    columns[i] = column_type (&spec->columns[i], in_file);
    if (columns[i] < 0) {
      while (i-- > 0)
        H5Tclose (columns[i]);
      return -1;
    }
    size += H5Tget_size (columns[i]);
  }
  row = H5Tcreate (H5T_COMPOUND, in_file ? size : spec->row_size);
  for (int i = 0; i < spec->n_columns; i++) {
    ok = ok && row >= 0
         && H5Tinsert (row, spec->columns[i].name,
                       in_file ? at : spec->columns[i].offset, columns[i])
                >= 0;
    at += H5Tget_size (columns[i]);
    H5Tclose (columns[i]);
  }
  if (!ok && row >= 0) {
    H5Tclose (row);
    return -1;
  }
  return row;
}

/* A cache of one chunk (and not the default megabyte) for each dataset. */
static hid_t
dataset_access (size_t chunk_bytes)
{
  hid_t access = H5Pcreate (H5P_DATASET_ACCESS);

  if (access >= 0 && H5Pset_chunk_cache (access, 7, chunk_bytes + 1, 1.0) < 0) {
    H5Pclose (access);
    return -1;
  }
  return access;
}

static bool
describe (hid_t dataset, const ReidTableSpec *spec)
{
  char key[80];

  if (!reid_h5_put_text (dataset, "description", spec->text))
    return false;
  for (int i = 0; i < spec->n_columns; i++) {
    const ReidColumn *column = &spec->columns[i];
    snprintf (key, sizeof key, "%s.unit", column->name);
    if (!reid_h5_put_text (dataset, key, column->unit))
      return false;
    snprintf (key, sizeof key, "%s.description", column->name);
    if (!reid_h5_put_text (dataset, key, column->text))
      return false;
  }
  return true;
}

static hid_t
create_dataset (hid_t parent, const char *name, hid_t type, int rank,
                const hsize_t *chunk, bool deflate)
{
  hsize_t size[2] = { 0, rank > 1 ? chunk[1] : 0 };
  hsize_t limit[2] = { H5S_UNLIMITED, size[1] };
  size_t bytes = (size_t) chunk[0] * (rank > 1 ? (size_t) chunk[1] : 1)
                 * H5Tget_size (type);
  hid_t space = H5Screate_simple (rank, size, limit);
  hid_t create = H5Pcreate (H5P_DATASET_CREATE);
  hid_t access = dataset_access (bytes);
  hid_t dataset = -1;
  bool ok = space >= 0 && create >= 0 && access >= 0
            && H5Pset_chunk (create, rank, chunk) >= 0
            /* a byte-identical file for the same input */
            && H5Pset_obj_track_times (create, false) >= 0
            /* the columns' descriptions beside the dataset's header */
            && H5Pset_attr_phase_change (create, 1000, 999) >= 0;

  if (ok && deflate && H5Zfilter_avail (H5Z_FILTER_DEFLATE) > 0)
    ok = H5Pset_shuffle (create) >= 0 && H5Pset_deflate (create, 3) >= 0;
  if (ok)
    dataset =
        H5Dcreate2 (parent, name, type, space, H5P_DEFAULT, create, access);
  if (space >= 0)
    H5Sclose (space);
  if (create >= 0)
    H5Pclose (create);
  if (access >= 0)
    H5Pclose (access);
  return dataset;
}

bool
reid_table_create (ReidTable *table, hid_t file, const ReidTableSpec *spec,
                   ReidError *error)
{
  hid_t type = row_type (spec, true);
  hsize_t chunk = spec->chunk;

  table->spec = spec;
  table->memory = row_type (spec, false);
  table->dataset =
      type >= 0 ? create_dataset (file, spec->name, type, 1, &chunk, true) : -1;
  table->waiting = malloc (spec->chunk * spec->row_size);
  if (type >= 0)
    H5Tclose (type);
  if (!table->waiting)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  if (table->memory < 0 || table->dataset < 0
      || !describe (table->dataset, spec))
    return reid_h5_error (error, REID_ERROR_WRITE, "/%s cannot be created",
                          spec->name);
  return true;
}

void
reid_table_close (ReidTable *table)
{
  if (table->dataset >= 0)
    H5Dclose (table->dataset);
  if (table->memory >= 0)
    H5Tclose (table->memory);
  free (table->waiting);
  *table = (ReidTable) REID_TABLE_INIT;
}

static bool
transfer (hid_t dataset, bool write, hid_t type, int rank, const hsize_t *first,
          const hsize_t *count, void *data)
{
  hid_t file_space = H5Dget_space (dataset);
  hid_t memory_space = H5Screate_simple (rank, count, NULL);
  bool ok = file_space >= 0 && memory_space >= 0
            && H5Sselect_hyperslab (file_space, H5S_SELECT_SET, first, NULL,
                                    count, NULL)
                   >= 0;

  if (ok && write)
    ok = H5Dwrite (dataset, type, memory_space, file_space, H5P_DEFAULT, data)
         >= 0;
  else if (ok)
    ok = H5Dread (dataset, type, memory_space, file_space, H5P_DEFAULT, data)
         >= 0;
  if (file_space >= 0)
    H5Sclose (file_space);
  if (memory_space >= 0)
    H5Sclose (memory_space);
  return ok;
}

bool
reid_table_transfer (ReidTable *table, bool write, hid_t type, hsize_t first,
                     hsize_t n, void *data, ReidError *error)
{
  if (n == 0)
    return true;
  if (!transfer (table->dataset, write, type, 1, &first, &n, data))
    return reid_h5_error (error, write ? REID_ERROR_WRITE : REID_ERROR_FORMAT,
                          "/%s: rows %" PRIu64 " to %" PRIu64 " cannot be %s",
                          table->spec->name, (uint64_t) first,
                          (uint64_t) (first + n - 1),
                          write ? "written" : "read: the file is damaged");
  return true;
}

bool
reid_table_flush (ReidTable *table, ReidError *error)
{
  hsize_t n = table->n_waiting, rows = table->rows + n;

  if (n == 0)
    return true;
  if (H5Dset_extent (table->dataset, &rows) < 0)
    return reid_h5_error (error, REID_ERROR_WRITE, "/%s cannot grow",
                          table->spec->name);
  if (!reid_table_transfer (table, true, table->memory, table->rows, n,
                            table->waiting, error))
    return false;
  table->rows = rows;
  table->n_waiting = 0;
  return true;
}

bool
reid_table_append (ReidTable *table, const void *rows, size_t n,
                   ReidError *error)
{
  const ReidTableSpec *spec = table->spec;
  const uint8_t *from = rows;

  while (n > 0) {
    /* Up to the end of the chunk, so that each is compressed once. */
    size_t room =
        spec->chunk - (size_t) (table->rows % spec->chunk) - table->n_waiting;
    size_t take = n < room ? n : room;

    memcpy (table->waiting + table->n_waiting * spec->row_size, from,
            take * spec->row_size);
    table->n_waiting += take;
    from += take * spec->row_size;
    n -= take;
    if (take == room && !reid_table_flush (table, error))
      return false;
  }
  return true;
}

/* ---- Opening what a file says is a table */

static bool
bad (ReidError *error, const char *name, const char *what)
{
  return reid_error_set (error, REID_ERROR_FORMAT,
                         "/%s: %s: this is no archive of this program", name,
                         what);
}

/* Chunked (so neither external nor virtual), filters that need no plugin, and
 * no more rows of row_bytes than the stored bytes can hold. */
static bool
check_layout (hid_t dataset, const char *name, int rank, uint64_t rows,
              uint64_t row_bytes, uint64_t value_bytes, uint64_t file_size,
              ReidError *error)
{
  hid_t create = H5Dget_create_plist (dataset);
  hsize_t chunk[2] = { 0, 1 };
  uint64_t ratio = 1;
  bool ok = create >= 0 && H5Pget_layout (create) == H5D_CHUNKED
            && H5Pget_chunk (create, rank, chunk) == rank && chunk[0] > 0
            && chunk[1] > 0;

  if (!ok) {
    if (create >= 0)
      H5Pclose (create);
    return bad (error, name, "is not stored in chunks");
  }
  int n_filters = H5Pget_nfilters (create);
  ok = n_filters >= 0 && n_filters <= 4;
  for (int i = 0; i < n_filters && ok; i++) {
    unsigned flags, config;
    size_t n_values = 0;
    H5Z_filter_t filter = H5Pget_filter2 (create, (unsigned) i, &flags,
                                          &n_values, NULL, 0, NULL, &config);
    ok = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE
         || filter == H5Z_FILTER_FLETCHER32;
    if (filter == H5Z_FILTER_DEFLATE)
      ratio = DEFLATE_RATIO;
  }
  H5Pclose (create);
  if (!ok)
    return bad (error, name, "has a filter that is not used here");
  if (value_bytes == 0 || row_bytes == 0 || chunk[0] > MAX_CHUNK_BYTES
      || chunk[1] > MAX_CHUNK_BYTES / chunk[0]
      || value_bytes > MAX_CHUNK_BYTES / chunk[0] / chunk[1])
    return bad (error, name, "has too large chunks");
  uint64_t stored = H5Dget_storage_size (dataset);
  if (stored > file_size)
    stored = file_size;
  if (rows > stored * ratio / row_bytes)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "/%s: says that it has %" PRIu64
                           " rows, which do not fit into the %" PRIu64
                           " bytes stored: the file is damaged",
                           name, rows, stored);
  return true;
}

static bool
check_columns (hid_t dataset, const ReidTableSpec *spec, ReidError *error)
{
  hid_t type = H5Dget_type (dataset);
  bool ok = type >= 0 && H5Tget_class (type) == H5T_COMPOUND
            && H5Tget_size (type) <= 4096;

  for (int i = 0; i < spec->n_columns && ok; i++) {
    const ReidColumn *column = &spec->columns[i];
    int member = H5Tget_member_index (type, column->name);
    hid_t want = column_type (column, true);
    hid_t have =
        member >= 0 ? H5Tget_member_type (type, (unsigned) member) : -1;
    ok = want >= 0 && have >= 0 && H5Tequal (want, have) > 0;
    if (want >= 0)
      H5Tclose (want);
    if (have >= 0)
      H5Tclose (have);
    if (!ok) {
      char what[100];
      snprintf (what, sizeof what, "column %s is missing or of another type",
                column->name);
      H5Tclose (type);
      return bad (error, spec->name, what);
    }
  }
  if (type >= 0)
    H5Tclose (type);
  return ok || bad (error, spec->name, "has no columns");
}

static bool
get_dims (hid_t dataset, int rank, hsize_t *dims)
{
  hid_t space = H5Dget_space (dataset);
  bool ok = space >= 0 && H5Sis_simple (space) > 0
            && H5Sget_simple_extent_ndims (space) == rank
            && H5Sget_simple_extent_dims (space, dims, NULL) == rank;

  if (space >= 0)
    H5Sclose (space);
  return ok;
}

static size_t
stored_row_bytes (hid_t dataset)
{
  hid_t type = H5Dget_type (dataset);
  size_t n = type >= 0 ? H5Tget_size (type) : 0;

  if (type >= 0)
    H5Tclose (type);
  return n;
}

bool
reid_table_open (ReidTable *table, hid_t file, const ReidTableSpec *spec,
                 uint64_t file_size, ReidError *error)
{
  hsize_t rows = 0;

  *table = (ReidTable) REID_TABLE_INIT;
  table->spec = spec;
  switch (reid_h5_find (file, spec->name)) {
    case 0:
      return bad (error, spec->name, "is missing");
    case -1:
      return bad (error, spec->name, "is a link");
    default:
      break;
  }
  table->dataset = reid_h5_open (file, spec->name, H5I_DATASET);
  if (table->dataset < 0)
    return reid_h5_error (error, REID_ERROR_FORMAT,
                          "/%s cannot be opened: the file is damaged",
                          spec->name);
  if (!get_dims (table->dataset, 1, &rows))
    return bad (error, spec->name, "is not a list");
  uint64_t row_bytes = stored_row_bytes (table->dataset);
  if (!check_columns (table->dataset, spec, error)
      || !check_layout (table->dataset, spec->name, 1, rows, row_bytes,
                        row_bytes, file_size, error))
    return false;
  table->rows = rows;
  table->memory = row_type (spec, false);
  if (table->memory < 0)
    return reid_h5_error (error, REID_ERROR_MEMORY, "/%s", spec->name);
  return true;
}

/* ---- Arrays */

void
reid_embedding_name (const char *embedder, char name[256])
{
  snprintf (name, 256, "%s", embedder && embedder[0] ? embedder : "default");
  for (char *p = name; *p; p++)
    if (*p == '/')
      *p = '_';
  if (name[0] == '.')
    name[0] = '_';
}

hid_t
reid_array_create (hid_t parent, const char *name, hid_t type, hsize_t width,
                   hsize_t chunk_rows, const char *text)
{
  hsize_t chunk[2] = { chunk_rows, width };
  hid_t dataset =
      create_dataset (parent, name, type, width ? 2 : 1, chunk, false);

  if (dataset >= 0 && !reid_h5_put_text (dataset, "description", text)) {
    H5Dclose (dataset);
    return -1;
  }
  return dataset;
}

bool
reid_array_transfer (hid_t dataset, bool write, hid_t type, hsize_t first,
                     hsize_t n, hsize_t width, void *data)
{
  hsize_t from[2] = { first, 0 }, count[2] = { n, width };

  return n == 0
         || transfer (dataset, write, type, width ? 2 : 1, from, count, data);
}

hid_t
reid_array_open (hid_t parent, const char *name, hid_t type, int rank,
                 uint64_t file_size, hsize_t *dims, ReidError *error)
{
  int found = reid_h5_find (parent, name);

  dims[0] = 0;
  if (rank > 1)
    dims[1] = 0;
  if (found == 0)
    return -1;
  if (found < 0) {
    bad (error, name, "is a link");
    return -1;
  }
  hid_t dataset = reid_h5_open (parent, name, H5I_DATASET);
  if (dataset < 0) {
    reid_h5_error (error, REID_ERROR_FORMAT,
                   "/%s cannot be opened: the file is damaged", name);
    return -1;
  }
  hid_t have = H5Dget_type (dataset);
  bool ok = have >= 0 && H5Tequal (have, type) > 0;
  if (have >= 0)
    H5Tclose (have);
  if (!ok)
    bad (error, name, "has another type");
  else if (!get_dims (dataset, rank, dims)) {
    ok = false;
    bad (error, name, "has another number of dimensions");
  } else if (rank > 1 && (dims[1] == 0 || dims[1] > 65536)) {
    ok = false;
    bad (error, name, "has rows of a length that no model has");
  } else {
    uint64_t bytes = H5Tget_size (type);
    ok = check_layout (dataset, name, rank, dims[0],
                       bytes * (rank > 1 ? dims[1] : 1), bytes, file_size,
                       error);
  }
  if (!ok) {
    H5Dclose (dataset);
    return -1;
  }
  return dataset;
}
