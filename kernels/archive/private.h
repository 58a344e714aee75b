/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_ARCHIVE_PRIVATE_H
#define REID_ARCHIVE_PRIVATE_H

/* What the files of this room share. The layers, from the bottom up:
 *
 *   store.c   one file whose content moves from one commit to the next as a
 *             whole, whatever kills the process or fills the disk
 *   driver.c  the HDF5 file driver that reads and writes through a store
 *   h5.c      the lock around HDF5, its error stack, attributes
 *   table.c   the columns of each table, appended and read as C structs
 *   png.c     the chips' pixels
 *   archive.c, rows.c, label.c, read.c, sets.c, addition.c, drop.c, outputs.c
 *             the public functions */

#include "archive/archive.h"

#include <float.h>
#include <hdf5.h>
#include <stdio.h>

/* ---- store.c */

#define REID_PAGE 4096

/* Writes below the last commit's end wait in memory as pages ("overlay"), so
 * that the bytes that the last commit reaches stay as they are; writes beyond
 * it go to the file. A commit puts the pages behind the end of the file as a
 * journal, then into their places, then cuts the journal off. Who opens a file
 * that ends in a whole journal sees its pages instead of those below them.
 *
 * After the first failed write nothing more reaches the file: writes go on
 * into memory only, so that HDF5 can close in peace, and the file keeps the
 * state of the last commit. */
typedef struct ReidStore ReidStore;

/* Takes fd over, but not on error. `path` is for messages. */
ReidStore *reid_store_new (int fd, const char *path, bool writable,
                           ReidError *error);
/* Closes the descriptor; what was not committed is lost. */
void reid_store_free (ReidStore *store);
bool reid_store_read (ReidStore *store, uint64_t at, void *data, size_t size);
bool reid_store_write (ReidStore *store, uint64_t at, const void *data,
                       size_t size);
uint64_t reid_store_end (const ReidStore *store);
void reid_store_set_end (ReidStore *store, uint64_t end);
/* Size of the file as opened, without a journal. */
uint64_t reid_store_file_size (const ReidStore *store);
/* A file that was whole: where it cannot be written, it says that nothing has
 * changed. */
void reid_store_set_changing (ReidStore *store);
/* For a file that was opened to be written to, before the first write: nothing
 * from `end` on is in use, and it goes. */
bool reid_store_cut (ReidStore *store, uint64_t end, ReidError *error);
/* Whether the path still means this file. */
bool reid_store_is (const ReidStore *store, const char *path);
size_t reid_store_waiting (const ReidStore *store);
bool reid_store_commit (ReidStore *store, ReidError *error);
/* Cuts off what lies behind HDF5's end and syncs: before a rename. */
bool reid_store_seal (ReidStore *store, ReidError *error);
/* Tells of the first write that failed, if one did. */
bool reid_store_check (const ReidStore *store, ReidError *error);

/* ---- driver.c: how HDF5 reaches a store. Registered anew for each file (an
 * application may call H5close() at any time, and an identifier kept for ever
 * would be stale), and to be closed only after the file: HDF5 looks at the
 * driver after it has given it back. */
typedef struct {
  hid_t id, access; /* access property list */
} ReidDriver;

#define REID_DRIVER_INIT                                                       \
  {                                                                            \
    -1, -1                                                                     \
  }

/* To be closed also where it fails. */
bool reid_driver_open (ReidDriver *driver, ReidStore *store);
void reid_driver_close (ReidDriver *driver);

/* ---- h5.c */
typedef struct {
  H5E_auto2_t func;
  void *data;
  hid_t stack;
} ReidH5Guard;

/* Between enter and leave no other archive function runs, and HDF5 prints
 * nothing; the application's own handler and error stack come back. */
void reid_h5_enter (ReidH5Guard *guard);
void reid_h5_leave (ReidH5Guard *guard);
/* "WHAT: HDF5's innermost reason". Returns false. */
bool reid_h5_error (ReidError *error, ReidStatus status, const char *format,
                    ...) REID_PRINTF (3, 4);

/* 1: there, 0: not there, -1: a soft or external link, which no archive has. */
int reid_h5_find (hid_t parent, const char *name);
hid_t reid_h5_open (hid_t parent, const char *name, H5I_type_t type);

/* ---- attributes.c */
#define REID_ATTRIBUTE_MAX 60000 /* bytes of one value */

bool reid_utf8_valid (const char *s);
bool reid_attribute_check (const char *key, const char *value,
                           ReidError *error);
/* On any object: added or replaced. */
bool reid_h5_put_text (hid_t object, const char *key, const char *value);
/* Where it is there. */
bool reid_h5_delete_text (hid_t object, const char *key);
bool reid_h5_put_number (hid_t object, const char *key, hid_t type,
                         uint32_t value);

bool reid_h5_get_number (hid_t object, const char *key, int64_t *value);
/* All texts of an object; to be freed also on error. */
bool reid_h5_get_texts (hid_t object, ReidAttribute **attributes, int *n,
                        ReidError *error);
const char *reid_attribute_value (const ReidAttribute *attributes, int n,
                                  const char *key);
void reid_attributes_free (ReidAttribute *attributes, int n);
/* The episode's texts, version and partial. */
bool reid_read_attributes (hid_t file, ReidEpisode *episode, ReidError *error);

/* ---- table.c */
#define REID_MAX_COLUMNS 32
typedef enum {
  REID_U8,
  REID_U16,
  REID_U32,
  REID_U64,
  REID_I64,
  REID_F32
} ReidColumnType;

typedef struct {
  const char *name;
  ReidColumnType type;
  int count;     /* > 1: an array */
  size_t offset; /* in the C struct */
  const char *unit, *text;
} ReidColumn;

typedef struct {
  const char *name; /* of the dataset */
  const char *text;
  size_t row_size; /* of the C struct */
  unsigned chunk;  /* rows */
  const ReidColumn *columns;
  int n_columns;
} ReidTableSpec;

typedef struct {
  ReidChipRow row;
  uint64_t offset;
  uint32_t bytes;
} ReidChipRecord;

typedef struct {
  uint32_t id, n_tracks;
  uint64_t n_detections;
} ReidIdentityRecord;

extern const ReidTableSpec reid_table_frames, reid_table_shots,
    reid_table_detections, reid_table_tracks, reid_table_chips,
    reid_table_identities;

/* Rows wait in memory until a chunk is full or the table is flushed. */
typedef struct {
  const ReidTableSpec *spec;
  hid_t dataset, memory; /* memory = the C struct's type */
  hsize_t rows;          /* in the dataset */
  uint8_t *waiting;
  size_t n_waiting;
} ReidTable;

#define REID_TABLE_INIT                                                        \
  {                                                                            \
    NULL, -1, -1, 0, NULL, 0                                                   \
  }

bool reid_table_create (ReidTable *table, hid_t file, const ReidTableSpec *spec,
                        ReidError *error);
/* An existing dataset, checked; for reading and relabelling. */
bool reid_table_open (ReidTable *table, hid_t file, const ReidTableSpec *spec,
                      uint64_t file_size, ReidError *error);
bool reid_table_append (ReidTable *table, const void *rows, size_t n,
                        ReidError *error);
bool reid_table_flush (ReidTable *table, ReidError *error);
/* Rows first .. first + n - 1; type as H5Tcreate'd for one row. */
bool reid_table_transfer (ReidTable *table, bool write, hid_t type,
                          hsize_t first, hsize_t n, void *data,
                          ReidError *error);
void reid_table_close (ReidTable *table);

/* A plain one- or two-dimensional dataset that grows by rows of `width`
 * values: pixels (u8, width 0 = one dimension) and embeddings. */
hid_t reid_array_create (hid_t parent, const char *name, hid_t type,
                         hsize_t width, hsize_t chunk_rows, const char *text);
bool reid_array_transfer (hid_t dataset, bool write, hid_t type, hsize_t first,
                          hsize_t n, hsize_t width, void *data);
/* Opens NAME below parent if it is a dataset of that type with that many
 * dimensions that holds no more than the file can; -1 and no error when there
 * is none of this name. */
hid_t reid_array_open (hid_t parent, const char *name, hid_t type, int rank,
                       uint64_t file_size, hsize_t *dims, ReidError *error);

static inline bool
reid_all_finite (const float *v, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!(v[i] >= -FLT_MAX && v[i] <= FLT_MAX))
      return false;
  return true;
}

/* ---- png.c */
/* *png is freed with free(). */
bool reid_png_encode (const uint8_t *rgb, int width, int height, uint8_t **png,
                      size_t *size);
/* False where it is not an 8-bit RGB PNG of just that size. */
bool reid_png_decode (const uint8_t *png, size_t size, int width, int height,
                      uint8_t *rgb);
/* The least bytes that such a picture can take. */
uint64_t reid_png_least (int width, int height);

/* ---- directory.c */
typedef struct {
  int dir, fd;    /* the directory; its episode.h5.part, locked */
  bool made_part; /* it was not there */
  size_t made;    /* bytes of the first path that was not there; 0 = all were */
} ReidPlace;

#define REID_PLACE_INIT                                                        \
  {                                                                            \
    -1, -1, false, 0                                                           \
  }

/* Makes, checks and locks DIR. What an earlier run left there stays as it is,
 * its episode.h5.part included. */
bool reid_directory_claim (const char *directory, ReidPlace *place,
                           ReidError *error);
/* Removes it, but for the .part file. */
bool reid_directory_clear (const ReidPlace *place, const char *directory,
                           ReidError *error);
/* Before place->fd is closed. Unused: takes away what was made. */
void reid_directory_release (ReidPlace *place, const char *directory,
                             bool unused);
/* A directory of outputs under a temporary name. */
bool reid_directory_remove_temporary (const char *path);
/* A faces directory: the pictures, the people's directories and itself. */
bool reid_directory_remove_faces (const char *path);
/* Whether it holds nothing else (or does not exist). */
bool reid_directory_check_faces (const char *path, ReidError *error);
/* Path of the archive in PATH (a directory or a file): malloc'd. */
char *reid_archive_locate (const char *path, ReidError *error);
char *reid_path_join (const char *directory, const char *name);
char *reid_path_parent (const char *path);

/* ---- archive.c, rows.c */
struct ReidArchive {
  char *directory, *part, *final;
  ReidPlace place; /* its fd is the store's */
  ReidStore *store;
  ReidDriver driver;
  bool begun, closed, sealed; /* to HDF5, closed; whole, sealed */
  bool stuck;                 /* HDF5 could not close the file */
  hid_t file;
  ReidTable frames, shots, detections, tracks, chips, identities;
  hid_t pixels, embeddings;
  uint64_t n_pixels; /* bytes */
  uint64_t n_chips, n_embeddings;
  uint64_t shots_end; /* of the last one */
  int dims;
  char *embedder;
  ReidAttribute *set_attributes; /* of the embeddings, until there are some */
  int n_set_attributes;
  ReidError failure; /* the first one; nothing is written after it */
};

/* The lock; false, with the error, where the archive takes no more. */
bool reid_archive_enter (ReidArchive *archive, ReidH5Guard *guard,
                         ReidError *error);
/* And out of it again. */
bool reid_archive_leave (ReidArchive *archive, ReidH5Guard *guard, bool ok,
                         ReidError *local, ReidError *error);
bool reid_archive_commit_if_much (ReidArchive *archive, ReidError *error);
/* Rows of zeros for the chips that have no vectors. */
bool reid_archive_pad (ReidArchive *archive, uint64_t rows, ReidError *error);

/* ---- label.c: sets the identity of every row of /tracks (0 for those that
 * are not listed) and rewrites /identities. */
bool reid_label_write (ReidTable *tracks, ReidTable *identities,
                       const uint32_t *track_ids, const uint32_t *ids, size_t n,
                       ReidError *error);
/* The same on an episode in memory. */
bool reid_label_apply (ReidEpisode *episode, const uint32_t *track_ids,
                       const uint32_t *ids, size_t n, ReidError *error);

/* ---- read.c: an open archive, checked. Each function takes the lock. */
typedef struct {
  char *path;
  ReidStore *store;
  ReidDriver driver;
  bool writable, keep; /* keep what was written */
  hid_t file, pixels;
  hsize_t n_pixels;
  ReidChipRecord *chips;
  size_t n_chips;
} ReidReader;

/* Which vectors to read. */
typedef struct {
  bool wanted;
  const char *set; /* NULL = the current one */
} ReidVectors;

/* writable: locks it, too. */
ReidReader *reid_reader_open (const char *path, bool writable,
                              ReidError *error);
/* Everything but the pixels. */
ReidEpisode *reid_reader_episode (ReidReader *reader,
                                  const ReidVectors *vectors, ReidError *error);
bool reid_reader_has_pixels (const ReidReader *reader, size_t chip);
/* Pixels of a chip of the episode that was read: malloc'd; NULL without an
 * error where none were kept. */
uint8_t *reid_reader_pixels (ReidReader *reader, size_t chip, ReidError *error);
bool reid_reader_close (ReidReader *reader, ReidError *error);
/* Closes one to which something was written: kept as a whole where ok and
 * where all of it could be written, else nothing of it. */
bool reid_reader_finish (ReidReader *reader, bool ok, ReidError *local,
                         ReidError *error);

/* ---- projections.c: written, under the lock, where none of this name is there
 * yet. */
bool reid_projection_check (const char *name, size_t rows, size_t cols,
                            ReidError *error);
bool reid_projection_write (hid_t file, const char *name, size_t rows,
                            size_t cols, const float *data, ReidError *error);

/* ---- sets.c: the sets of vectors; under the lock. */
bool reid_read_embeddings (ReidReader *reader, const ReidVectors *vectors,
                           ReidEpisode *episode, ReidError *error);
/* Root attributes; `embedder` must name a set that is there. */
bool reid_reader_put (ReidReader *reader, const ReidAttribute *attributes,
                      int n, ReidError *error);
/* A new dataset below /embeddings, which is made where it is missing; -1 with
 * an error. */
hid_t reid_embeddings_create (hid_t file, const char *name, int dims,
                              const ReidAttribute *attributes, int n,
                              ReidError *error);
/* The error that lists those that there are. Returns false. */
bool reid_no_such_set (const ReidEpisode *episode, const char *name,
                       ReidError *error);
/* Whether a name will do for one. */
bool reid_embeddings_check_name (const char *name, ReidError *error);

/* ---- file.c: a file that appears under its name when it is whole. */
typedef struct {
  char *path, *temporary;
  FILE *file;
  int saved_errno; /* of the first write that failed */
} ReidOutput;

bool reid_output_open (ReidOutput *output, const char *path, ReidError *error);
void reid_output_write (ReidOutput *output, const void *data, size_t size);
/* Integers and texts only: floating point would follow the locale. */
void reid_output_printf (ReidOutput *output, const char *format, ...)
    REID_PRINTF (2, 3);
void reid_output_fixed (ReidOutput *output, double value, int decimals);
/* Syncs and renames; or drops the file where a write failed or ok is false. */
bool reid_output_close (ReidOutput *output, bool ok, ReidError *error);

/* Up to 6 decimals, rounded half away from zero, a point in every locale, no
 * "-0". */
#define REID_FIXED_SIZE 400
void reid_format_fixed (char out[REID_FIXED_SIZE], double value, int decimals);
double reid_round_to (double value, int decimals);
/* A new path of the form DIR/.reid-XXXXXX.tmp: a file (*fd) or a directory
 * (fd NULL). malloc'd; NULL with errno. */
char *reid_temporary (const char *directory, int *fd);
/* The line for a write that failed with this errno. Returns false. */
bool reid_write_failed (ReidError *error, const char *path, int number);

/* ---- index.c: what the text formats ask of an episode. */
typedef struct {
  const ReidEpisode *episode;
  void *frames, *tracks; /* keys in rising order */
} ReidIndex;

bool reid_index_init (ReidIndex *index, const ReidEpisode *episode,
                      ReidError *error);
void reid_index_clear (ReidIndex *index);
/* The row of this frame; else of the one before it, else the first; NULL when
 * there is none at all. */
const ReidFrameRow *reid_index_frame (const ReidIndex *index, uint64_t frame);
/* Row of the track with this id, or -1. */
int64_t reid_index_track (const ReidIndex *index, uint32_t id);

/* Detections of tracks that are in /tracks, by frame; malloc'd. */
typedef struct {
  uint64_t frame;
  size_t track; /* row */
  const ReidDetectionRow *detection;
} ReidSighting;

bool reid_sightings_of (const ReidIndex *index, ReidSighting **sightings,
                        size_t *n, ReidError *error);
/* Distinct identities >= 1 in rising order; malloc'd. */
bool reid_identities_of (const ReidEpisode *episode, uint32_t **ids, size_t *n,
                         ReidError *error);
/* Place of id among them, or SIZE_MAX. */
size_t reid_identity_rank (const uint32_t *ids, size_t n, uint32_t id);

/* ---- json.c, faces.c: from where the pixels are. */
typedef struct {
  bool (*has) (void *user, size_t chip);
  /* NULL with an error, else to be given back with `release`. */
  const uint8_t *(*get) (void *user, size_t chip, ReidError *error);
  void (*release) (void *user, const uint8_t *rgb);
  void *user;
} ReidPixelSource;

bool reid_write_json_from (const ReidEpisode *episode,
                           const ReidPixelSource *source, const char *path,
                           ReidError *error);
bool reid_write_faces_from (const ReidEpisode *episode,
                            const ReidPixelSource *source,
                            const char *directory, ReidError *error);
/* `temporary` takes the place of `faces`, both in directory. */
bool reid_faces_put (const char *directory, const char *temporary,
                     const char *faces, ReidError *error);

#endif /* REID_ARCHIVE_PRIVATE_H */
