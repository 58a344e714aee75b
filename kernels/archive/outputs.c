/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <stdlib.h>

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

typedef enum { SHOTS, PRESENCE, TRACKS, IDENTITIES, JSON, N_OUTPUTS } Output;

static bool
write_output (const ReidEpisode *episode, const ReidPixelSource *source,
              Output which, const char *directory, ReidError *error)
{
  static const char *const names[N_OUTPUTS] = { "shots.csv", "presence.csv",
                                                "tracks.txt", "identities.txt",
                                                "episode.json" };
  char *path = reid_path_join (directory, names[which]);
  bool ok = false;

  if (!path)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory",
                           directory);
  switch (which) {
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

bool
reid_write_outputs (const char *directory, ReidError *error)
{
  ReidReader *reader = reid_reader_open (directory, false, error);
  ReidEpisode *episode = reader ? reid_reader_episode (reader, error) : NULL;
  ReidPixelSource source = { reader_has, reader_get, reader_release, reader };
  bool ok =
      episode && reid_write_faces_from (episode, &source, directory, error);

  for (int i = 0; ok && i < N_OUTPUTS; i++)
    ok = write_output (episode, &source, (Output) i, directory, error);
  reid_episode_free (episode);
  reid_reader_close (reader, NULL);
  return ok;
}
