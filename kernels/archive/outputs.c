/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The pictures come from an episode that was read with them, or one by one
 * from the archive, which may hold more than fits into memory. */

static bool
episode_has (void *user, size_t chip)
{
  return ((const ReidEpisode *) user)->chips[chip].rgb != NULL;
}

static const uint8_t *
episode_get (void *user, size_t chip, ReidError *error)
{
  return ((const ReidEpisode *) user)->chips[chip].rgb;
}

static void
episode_release (void *user, const uint8_t *rgb)
{
}

static bool
reader_has (void *user, size_t chip)
{
  return reid_reader_has_pixels (user, chip);
}

static const uint8_t *
reader_get (void *user, size_t chip, ReidError *error)
{
  return reid_reader_pixels (user, chip, error);
}

static void
reader_release (void *user, const uint8_t *rgb)
{
  free ((uint8_t *) rgb);
}

static ReidPixelSource
episode_source (const ReidEpisode *episode)
{
  return (ReidPixelSource){ episode_has, episode_get, episode_release,
                            (void *) episode };
}

bool
reid_write_json (const ReidEpisode *episode, const char *path, ReidError *error)
{
  ReidPixelSource source = episode_source (episode);
  bool any = false;

  /* Read without pixels, it does not say which chips have some: all do. */
  for (size_t i = 0; i < episode->n_chips && !any; i++)
    any = episode->chips[i].rgb != NULL;
  return reid_write_json_from (episode, any ? &source : NULL, path, error);
}

bool
reid_write_faces (const ReidEpisode *episode, const char *directory,
                  ReidError *error)
{
  ReidPixelSource source = episode_source (episode);

  return reid_write_faces_from (episode, &source, directory, error);
}

/* ---- All of them at once: into a directory of a temporary name, which needs
 * the space, and from there to their names, which needs none. */

struct ReidOutputs {
  char *directory, *staging;
};

/* Pictures first: they are many, and where one of them cannot be put into its
 * place the texts stay as they were. */
static const char *const names[] = { "faces",          "shots.csv",
                                     "presence.csv",   "tracks.txt",
                                     "identities.txt", "episode.json",
                                     "run.json" };
typedef enum { FACES, SHOTS, PRESENCE, TRACKS, IDENTITIES, JSON, RUN } Output;
#define N_OUTPUTS (RUN + 1)

/* The reader need not know of the detour. */
static bool
blame (const ReidOutputs *outputs, const ReidError *local, ReidError *error)
{
  const char *at =
      outputs->staging ? strstr (local->message, outputs->staging) : NULL;

  if (!at)
    return reid_error_set (error, local->status, "%s", local->message);
  return reid_error_set (error, local->status, "%.*s%s%s",
                         (int) (at - local->message), local->message,
                         outputs->directory, at + strlen (outputs->staging));
}

static bool
write_output (const ReidOutputs *outputs, const ReidEpisode *episode,
              const ReidPixelSource *source, Output which, ReidError *error)
{
  char *path = reid_path_join (outputs->staging, names[which]);
  bool ok = false;

  if (!path)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory",
                           outputs->directory);
  switch (which) {
    case FACES:
      ok = reid_write_faces_from (episode, source, outputs->staging, error);
      break;
    case SHOTS:
      ok = reid_write_shots (episode, path, error);
      break;
    case PRESENCE:
      ok = reid_write_presence (episode, path, error);
      break;
    case JSON:
      ok = reid_write_json_from (episode, source, path, error);
      break;
    default:
      ok = reid_write_tracks (episode, which == IDENTITIES, path, error);
      break;
  }
  free (path);
  return ok;
}

/* The directory of an archive that was named itself. Beside an archive of
 * another name another one may stand, or anything at all. */
static char *
directory_of (const char *path, ReidError *error)
{
  struct stat st;
  const char *name;
  char *directory;

  if (path && stat (path, &st) == 0 && !S_ISDIR (st.st_mode)) {
    name = strrchr (path, '/') ? strrchr (path, '/') + 1 : path;
    if (strcmp (name, "episode.h5") != 0
        && strcmp (name, "episode.h5.part") != 0) {
      reid_error_set (error, REID_ERROR_ARGUMENT,
                      "%s: is not called episode.h5: give the directory that "
                      "a run has written",
                      path);
      return NULL;
    }
    directory = reid_path_parent (path);
  } else {
    directory = strdup (path ? path : "");
  }
  if (!directory)
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  return directory;
}

static bool
check_faces (const ReidOutputs *outputs, ReidError *error)
{
  char *faces = reid_path_join (outputs->directory, "faces");
  bool ok = faces ? reid_directory_check_faces (faces, error)
                  : reid_error_set (error, REID_ERROR_MEMORY, "out of memory");

  free (faces);
  return ok;
}

static bool
make_staging (ReidOutputs *outputs, ReidError *error)
{
  outputs->staging = reid_temporary (outputs->directory, NULL);
  return outputs->staging
         || reid_write_failed (error, outputs->directory, errno);
}

ReidOutputs *
reid_outputs_prepare (const char *path, const uint32_t *track_ids,
                      const uint32_t *identities, size_t n, ReidError *error)
{
  const ReidVectors no_vectors = { false, NULL };
  ReidOutputs *outputs = calloc (1, sizeof *outputs);
  ReidReader *reader = NULL;
  ReidEpisode *episode = NULL;
  ReidError local = REID_ERROR_INIT;

  if (!outputs) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  outputs->directory = directory_of (path, &local);
  if (outputs->directory)
    reader = reid_reader_open (path, false, &local);
  if (reader)
    episode = reid_reader_episode (reader, &no_vectors, &local);
  ReidPixelSource source = { reader_has, reader_get, reader_release, reader };
  bool ok = episode
            && (!track_ids
                || reid_label_apply (episode, track_ids, identities, n, &local))
            && check_faces (outputs, &local) && make_staging (outputs, &local);
  for (int i = 0; ok && i < RUN; i++)
    ok = write_output (outputs, episode, &source, (Output) i, &local);
  reid_episode_free (episode);
  reid_reader_close (reader, NULL);
  if (ok)
    return outputs;
  blame (outputs, &local, error);
  reid_outputs_drop (outputs);
  return NULL;
}

bool
reid_outputs_add_run (ReidOutputs *outputs, const void *data, size_t size,
                      ReidError *error)
{
  char *path = reid_path_join (outputs->staging, names[RUN]);
  ReidError local = REID_ERROR_INIT;
  bool ok = path ? reid_write_file (path, data, size, &local)
                 : reid_error_set (&local, REID_ERROR_MEMORY, "out of memory");

  free (path);
  return ok || blame (outputs, &local, error);
}

static bool
put (const ReidOutputs *outputs, Output which, ReidError *error)
{
  char *from = reid_path_join (outputs->staging, names[which]);
  char *to = reid_path_join (outputs->directory, names[which]);
  bool ok = true;

  if (!from || !to)
    ok = reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  else if (which == FACES)
    ok = reid_faces_put (outputs->directory, from, to, error);
  else if (rename (from, to) != 0 && !(which == RUN && errno == ENOENT))
    ok = reid_write_failed (error, to, errno);
  free (from);
  free (to);
  return ok;
}

bool
reid_outputs_publish (ReidOutputs *outputs, ReidError *error)
{
  bool ok = true;

  for (int i = 0; ok && i < N_OUTPUTS; i++)
    ok = put (outputs, (Output) i, error);
  int fd = open (outputs->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
  reid_outputs_drop (outputs);
  return ok;
}

void
reid_outputs_drop (ReidOutputs *outputs)
{
  if (!outputs)
    return;
  if (outputs->staging)
    reid_directory_remove_temporary (outputs->staging);
  free (outputs->staging);
  free (outputs->directory);
  free (outputs);
}

bool
reid_write_outputs (const char *path, ReidError *error)
{
  ReidOutputs *outputs = reid_outputs_prepare (path, NULL, NULL, 0, error);

  return outputs && reid_outputs_publish (outputs, error);
}
