/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_ARCHIVE_H
#define REID_ARCHIVE_H

/* What a run leaves on disk: the HDF5 archive, appended while the stream runs,
 * and the text formats and pictures that are made from it at the end.
 *
 * HDF5 has one lock for the whole process, or none: every function that
 * touches an archive takes a lock of this room, so that two elements may write
 * two archives; but none of them may be called from a streaming thread. */

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_ARCHIVE_VERSION 1

/* Coordinates as fractions of the frame, times as stream time in ns (-1 =
 * unknown), frames counted from 0. */
typedef enum {
  REID_FRAME_DETECTED = 0, /* the detector ran (and may have found nobody) */
  REID_FRAME_SKIPPED = 1,  /* it did not run */
  REID_FRAME_REUSED = 2,   /* the last answer still holds: the picture stood */
  REID_FRAME_FAILED = 3
} ReidFrameState;

typedef struct {
  uint64_t frame;
  int64_t time, duration;
  uint32_t segment;       /* rises with every seek, loop or flush */
  uint32_t width, height; /* display size: square pixels, upright */
  uint8_t state;          /* ReidFrameState */
  uint16_t n_faces;
} ReidFrameRow;

typedef struct {
  uint64_t first, end; /* end exclusive */
  int64_t start_time, end_time;
  uint8_t kind; /* ReidShotKind of the change that led to it */
} ReidShotRow;

typedef struct {
  uint64_t frame;
  uint32_t track; /* 0 = belongs to no track */
  float left, top, width, height, score;
  uint8_t has_landmarks;
  float landmarks[10];
  float quality; /* total */
} ReidDetectionRow;

typedef enum {
  REID_END_GAP = 0,
  REID_END_CUT = 1,
  REID_END_EOS = 2,
  REID_END_SEGMENT = 3,
  REID_END_STOPPED = 4 /* the pipeline was taken down while it lived */
} ReidTrackEnd;

/* The frames of the track's shot never came: a seek took them. Any number
 * beyond the shots says the same, as in an archive of a killed run. */
#define REID_NO_SHOT UINT32_MAX

typedef struct {
  uint32_t id;
  uint32_t shot;        /* index into the shots, or REID_NO_SHOT */
  uint64_t first, last; /* frames, inclusive */
  int64_t start_time, end_time;
  uint32_t n_detections;
  uint8_t end;       /* ReidTrackEnd */
  uint32_t identity; /* 0 = none; what is known while the stream runs, until
                        reid_archive_finish() or _relabel() */
  /* filled by the archive */
  uint64_t first_chip;
  uint32_t n_chips;
} ReidTrackRow;

typedef struct {
  uint32_t track;
  uint64_t frame;
  int64_t time;
  uint16_t width, height;
  float box[4], landmarks[10]; /* chip pixels */
  uint8_t has_landmarks;
  float face[4]; /* left, top, width, height as fractions of the frame */
  float score, size, sharpness, frontalness, exposure, total;
  const uint8_t *rgb; /* packed; NULL when read without pixels */
} ReidChipRow;

typedef struct {
  const char *key, *value; /* UTF-8 */
} ReidAttribute;

/* ---- Writing */
typedef struct ReidArchive ReidArchive;

/* A run's place and its archive come in two steps, so that a run that never
 * gets going leaves the results of the one before it alone:
 *
 *   reid_archive_claim()    makes and locks the place, or says why not
 *   reid_archive_begin()    now there is something to write: what an earlier
 *                           run left is gone
 *   reid_archive_seal()     all is in it, under the name of an unfinished one
 *   reid_outputs_prepare()  what is made of it, under a temporary name
 *   reid_outputs_publish()  and under its own
 *   reid_archive_publish()  last of all: where episode.h5 stands, everything
 *                           stands beside it
 *
 * An archive is used by one thread at a time. After an error of
 * REID_ERROR_ARGUMENT from one of the add functions it goes on as before;
 * after any other it takes no more, each call repeats the first error, and
 * what the last flush wrote stays readable.
 *
 * Claiming makes DIR (and parents) where it is missing, refuses a DIR that
 * holds something that is not a run's output, and locks DIR/episode.h5.part: a
 * location that another archive of this process or another process holds open
 * is an error. */
REID_API ReidArchive *reid_archive_claim (const char *directory,
                                          ReidError *error);
/* Makes the archive and then removes what an earlier run left. Attributes are
 * UTF-8, a value at most 60000 bytes; `embedder` names the embeddings
 * (default "default"), `software` is set here, `partial` and `format_version`
 * are the archive's own. */
REID_API bool reid_archive_begin (ReidArchive *archive,
                                  const ReidAttribute *attributes,
                                  int n_attributes, ReidError *error);
/* Both. */
REID_API ReidArchive *reid_archive_create (const char *directory,
                                           const ReidAttribute *attributes,
                                           int n_attributes, ReidError *error);
/* Root attribute: added or replaced. `embedder` cannot change once there are
 * embeddings. */
REID_API bool reid_archive_set_attribute (ReidArchive *archive, const char *key,
                                          const char *value, ReidError *error);
/* A matrix that vectors were made with, as /projections/NAME; one of this name
 * that is there already is the same one. */
REID_API bool reid_archive_add_projection (ReidArchive *archive,
                                           const char *name, size_t rows,
                                           size_t cols, const float *data,
                                           ReidError *error);
/* What is to be known of the vectors, beside them: `version` (equal for vectors
 * that may be compared with each other), `models`, `model_sha256`, `licence`,
 * `threshold`, `normalized`, `backend`; any other name will do, too. An empty
 * value takes it away again. */
REID_API bool reid_archive_set_embedding_attribute (ReidArchive *archive,
                                                    const char *key,
                                                    const char *value,
                                                    ReidError *error);
/* Rows of numbers that are not finite, and shots that do not follow the one
 * before them, are refused. */
REID_API bool reid_archive_add_frames (ReidArchive *archive,
                                       const ReidFrameRow *rows, size_t n,
                                       ReidError *error);
REID_API bool reid_archive_add_detections (ReidArchive *archive,
                                           const ReidDetectionRow *rows,
                                           size_t n, ReidError *error);
REID_API bool reid_archive_add_shots (ReidArchive *archive,
                                      const ReidShotRow *rows, size_t n,
                                      ReidError *error);
/* One track with its chips, in falling quality, and their embeddings (n_chips
 * rows of dims floats, all of one archive the same dims; or NULL: rows of
 * zeros, or no embeddings at all where no track has some). */
REID_API bool reid_archive_add_track (ReidArchive *archive,
                                      const ReidTrackRow *track,
                                      const ReidChipRow *chips, int n_chips,
                                      const float *embeddings, int dims,
                                      ReidError *error);
/* Everything handed over so far becomes readable even if the process is
 * killed, at any moment; call it every few seconds. */
REID_API bool reid_archive_flush (ReidArchive *archive, ReidError *error);

/* Writes the identities (track_ids[i] belongs to identities[i]; ids >= 1;
 * tracks that are not listed get 0, a track that is not in the archive is an
 * error), sets `partial`, and closes the file, which keeps its name and its
 * lock. After it only _publish() and _abandon() may follow. */
REID_API bool reid_archive_seal (ReidArchive *archive,
                                 const uint32_t *track_ids,
                                 const uint32_t *identities, size_t n,
                                 bool partial, ReidError *error);
/* Renames to DIR/episode.h5. Frees the archive, also on error (then the .part
 * file stays). */
REID_API bool reid_archive_publish (ReidArchive *archive, ReidError *error);
/* Both; frees the archive. */
REID_API bool reid_archive_finish (ReidArchive *archive,
                                   const uint32_t *track_ids,
                                   const uint32_t *identities, size_t n,
                                   bool partial, ReidError *error);
/* Flushes and closes without renaming: the .part file stays, and is partial
 * unless it was sealed. An archive that never began leaves the place as it was
 * found. NULL is ignored. */
REID_API void reid_archive_abandon (ReidArchive *archive);

/* ---- Reading */

/* The vectors that one network, or one combination of networks, made of all
 * chips. Vectors of different versions are never compared with each other:
 * nothing here reads two sets at once. */
typedef struct {
  char *name;                /* of the dataset: below /embeddings */
  int dims;                  /* 0: it cannot be read; asking for it tells why */
  bool current;              /* the one that is read where none is named */
  ReidAttribute *attributes; /* see reid_archive_set_embedding_attribute() */
  int n_attributes;
} ReidEmbeddingSet;

typedef struct {
  bool partial;
  int version;
  ReidAttribute *attributes;
  int n_attributes;
  ReidFrameRow *frames;
  size_t n_frames;
  ReidShotRow *shots;
  size_t n_shots;
  ReidDetectionRow *detections;
  size_t n_detections;
  ReidTrackRow *tracks; /* in the order in which they ended */
  size_t n_tracks;
  ReidChipRow *chips;
  size_t n_chips;
  float *embeddings; /* n_chips x dims, NULL when there are none */
  int dims;
  ReidEmbeddingSet *sets; /* by name */
  size_t n_sets;
  int set; /* whose vectors `embeddings` are; -1 = none */
} ReidEpisode;

/* Reads DIR/episode.h5, else DIR/episode.h5.part (while it is being written: as
 * of the last flush; one that happens during the reading can make it fail, then
 * read again), or a file. with_pixels: the chips' rgb too.
 * Every size in the file is checked against the others and against the bytes
 * that are there: a damaged or hostile file is an error. */
REID_API ReidEpisode *reid_episode_read (const char *path, bool with_pixels,
                                         ReidError *error);
/* With the vectors of another set than the current one (NULL: that one); a name
 * that is not there is an error that lists those that are. */
REID_API ReidEpisode *reid_episode_read_set (const char *path, bool with_pixels,
                                             const char *set, ReidError *error);
/* Without pixels and without vectors, whatever may be wrong with those; the
 * sets are listed. */
REID_API ReidEpisode *reid_episode_read_tables (const char *path,
                                                ReidError *error);
REID_API void reid_episode_free (ReidEpisode *episode);
/* One attribute without all the rest, malloc'd. NULL: there is none, or, with
 * an error, no such archive. */
REID_API char *reid_archive_attribute (const char *path, const char *key,
                                       ReidError *error);
/* An attribute's value or NULL. */
REID_API const char *reid_episode_attribute (const ReidEpisode *episode,
                                             const char *key);
/* What the set of an embedder is called: a model's name may stand in the
 * attribute `embedder`. NULL: "default". */
REID_API void reid_embedding_name (const char *embedder, char name[256]);
/* The set of this name; else the only one of this name in other capitals, as
 * with the names of networks; or NULL. */
REID_API const ReidEmbeddingSet *
reid_embedding_find (const ReidEpisode *episode, const char *name);
REID_API const char *reid_embedding_attribute (const ReidEmbeddingSet *set,
                                               const char *key);
/* Pairs of tracks that share a frame, for cannot-links: index into tracks,
 * share of the shorter one's frames. *pairs is freed with free(). The struct
 * has the layout of cluster.h's ReidPair. */
typedef struct {
  int a, b;
  float weight;
} ReidOverlap;
REID_API bool reid_episode_overlaps (const ReidEpisode *episode,
                                     ReidOverlap **pairs, int *n,
                                     ReidError *error);
/* ---- Changing an archive that is closed: DIR/episode.h5, else what a killed
 * run left, or a file. Each change is there as a whole or not at all, also when
 * the process is killed or the disk is full; an archive that somebody writes to
 * is an error. */

/* Gives the tracks new identities, as reid_archive_finish() does, and adds or
 * replaces attributes; `embedder` must name a set that is there. The other
 * outputs are made anew by reid_write_outputs(). */
REID_API bool reid_archive_relabel (const char *path, const uint32_t *track_ids,
                                    const uint32_t *identities, size_t n,
                                    const ReidAttribute *attributes,
                                    int n_attributes, ReidError *error);

/* A further set of vectors, of the chips as they are stored, streamed, so that
 * an archive may be larger than the memory:
 *
 *   reid_addition_open()    locks the archive and reads what is in it
 *   reid_addition_begin()   what the set is called, and its attributes
 *   reid_addition_add()     rows, for chip after chip
 *   reid_addition_finish()  all of them are there: now it is in the archive
 *
 * Used by one thread at a time. After an error only finish and abandon may
 * follow. */
typedef struct ReidAddition ReidAddition;

REID_API ReidAddition *reid_addition_open (const char *path, ReidError *error);
/* Without vectors and pixels; lives as long as the addition. */
REID_API const ReidEpisode *
reid_addition_episode (const ReidAddition *addition);
/* A chip's pixels, packed RGB, malloc'd; NULL without an error where none were
 * kept. From any thread. */
REID_API uint8_t *reid_addition_pixels (ReidAddition *addition, size_t chip,
                                        ReidError *error);
/* A name that is taken is an error (`/` becomes `_`). `software` is set here.
 */
REID_API bool reid_addition_begin (ReidAddition *addition, const char *name,
                                   int dims, const ReidAttribute *attributes,
                                   int n_attributes, ReidError *error);
/* As reid_archive_add_projection(). */
REID_API bool reid_addition_add_projection (ReidAddition *addition,
                                            const char *name, size_t rows,
                                            size_t cols, const float *data,
                                            ReidError *error);
/* Adds or replaces one of the set's attributes. */
REID_API bool reid_addition_attribute (ReidAddition *addition, const char *key,
                                       const char *value, ReidError *error);
/* n rows of dims floats, all finite; of zeros where a chip has no vector. */
REID_API bool reid_addition_add (ReidAddition *addition, const float *rows,
                                 size_t n, ReidError *error);
/* Adds or replaces attributes of the archive (`embedder` makes a set the
 * current one), and frees the addition, also on error. */
REID_API bool reid_addition_finish (ReidAddition *addition,
                                    const ReidAttribute *attributes,
                                    int n_attributes, ReidError *error);
/* The archive stays as it was. NULL is ignored. */
REID_API void reid_addition_abandon (ReidAddition *addition);

/* Adds or replaces attributes of the archive. */
REID_API bool reid_archive_put (const char *path,
                                const ReidAttribute *attributes,
                                int n_attributes, ReidError *error);
/* Takes a set out of the archive, which is written anew for it, since HDF5
 * gives no space back: until that is done both take space. The current one
 * cannot go. */
REID_API bool reid_archive_drop_embeddings (const char *path, const char *name,
                                            ReidError *error);

/* ---- Outputs made from an episode (docs/formats.md): each written under a
 * temporary name in the same directory, synced, and renamed when whole; on an
 * error what was there before stays. The same episode gives the same bytes, in
 * every locale. */
REID_API bool reid_write_json (const ReidEpisode *episode, const char *path,
                               ReidError *error);
/* MOTChallenge: by track, or by identity. */
REID_API bool reid_write_tracks (const ReidEpisode *episode, bool identities,
                                 const char *path, ReidError *error);
REID_API bool reid_write_shots (const ReidEpisode *episode, const char *path,
                                ReidError *error);
REID_API bool reid_write_presence (const ReidEpisode *episode, const char *path,
                                   ReidError *error);
/* faces/<identity>/<track>_<frame>.jpg below directory, in place of an older
 * faces/; needs an episode that was read with pixels. */
REID_API bool reid_write_faces (const ReidEpisode *episode,
                                const char *directory, ReidError *error);
/* All of them, from the archive in PATH (a directory, or the episode.h5 in it);
 * the pictures one by one, so that an archive may be larger than the memory. */
REID_API bool reid_write_outputs (const char *path, ReidError *error);
/* The same in two steps: first everything under a temporary name, which takes
 * the space, then all of it under its own. With track_ids the tracks have these
 * identities, as reid_archive_relabel() would give them, and not their own. */
typedef struct ReidOutputs ReidOutputs;

REID_API ReidOutputs *reid_outputs_prepare (const char *path,
                                            const uint32_t *track_ids,
                                            const uint32_t *identities,
                                            size_t n, ReidError *error);
/* run.json goes with the others. */
REID_API bool reid_outputs_add_run (ReidOutputs *outputs, const void *data,
                                    size_t size, ReidError *error);
/* Both free the outputs. */
REID_API bool reid_outputs_publish (ReidOutputs *outputs, ReidError *error);
REID_API void reid_outputs_drop (ReidOutputs *outputs);
/* Any text, written atomically. */
REID_API bool reid_write_file (const char *path, const void *data, size_t size,
                               ReidError *error);

#ifdef __cplusplus
}
#endif

#endif /* REID_ARCHIVE_H */
