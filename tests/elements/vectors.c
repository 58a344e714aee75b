/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the test of gst-reid embed:
 *
 *   vectors same DIR SET SET    whether two sets are equal, byte for byte
 *   vectors zeros DIR SET       prints how many rows are zero
 *   vectors make DIR GOOD BAD   an archive with so many faces that can be
 *                               aligned, one without pixels, and so many that
 *                               cannot be aligned */
#include "archive/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ReidError error = REID_ERROR_INIT;

static int
same (const char *dir, const char *const sets[2])
{
  ReidEpisode *e[2];

  for (int i = 0; i < 2; i++)
    e[i] = reid_episode_read_set (dir, false, sets[i], &error);
  bool ok = e[0] && e[1];
  size_t n = ok ? e[0]->n_chips * (size_t) e[0]->dims : 0;
  bool equal =
      n > 0 && e[0]->n_chips == e[1]->n_chips && e[0]->dims == e[1]->dims
      && memcmp (e[0]->embeddings, e[1]->embeddings, n * sizeof (float)) == 0;

  reid_episode_free (e[0]);
  reid_episode_free (e[1]);
  return ok ? !equal : 2;
}

static int
zeros (const char *dir, const char *set)
{
  ReidEpisode *e = reid_episode_read_set (dir, false, set, &error);
  size_t n = 0;

  for (size_t i = 0; e && i < e->n_chips; i++) {
    const float *row = e->embeddings + i * (size_t) e->dims;
    int k = 0;
    while (k < e->dims && row[k] == 0)
      k++;
    n += k == e->dims;
  }
  if (e)
    printf ("%zu\n", n);
  bool ok = e != NULL;
  reid_episode_free (e);
  return ok ? 0 : 2;
}

static int
make (const char *dir, int good, int bad)
{
  enum { SIDE = 32 };
  uint8_t rgb[SIDE * SIDE * 3];
  ReidTrackRow track = { .id = 1, .shot = REID_NO_SHOT };
  ReidChipRow *chips = calloc ((size_t) (good + bad + 1), sizeof *chips);
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);

  for (size_t i = 0; i < sizeof rgb; i++)
    rgb[i] = (uint8_t) (i * 7 + i / 96 * 5);
  for (int i = 0; i < good + bad + 1; i++) {
    chips[i] = (ReidChipRow){ .track = 1, .width = SIDE, .height = SIDE };
    if (i != good)
      chips[i].rgb = rgb;
    if (i < good)
      chips[i].box[2] = chips[i].box[3] = SIDE;
  }
  bool ok = a
            && reid_archive_add_track (a, &track, chips, good + bad + 1, NULL,
                                       0, &error);
  ok = ok && reid_archive_finish (a, NULL, NULL, 0, false, &error);
  free (chips);
  return ok ? 0 : 2;
}

int
main (int argc, char **argv)
{
  const char *const *arguments = (const char *const *) argv;
  int code = 2;

  if (argc == 5 && strcmp (argv[1], "same") == 0)
    code = same (argv[2], arguments + 3);
  else if (argc == 4 && strcmp (argv[1], "zeros") == 0)
    code = zeros (argv[2], argv[3]);
  else if (argc == 5 && strcmp (argv[1], "make") == 0)
    code = make (argv[2], atoi (argv[3]), atoi (argv[4]));
  if (code == 2)
    fprintf (stderr, "vectors: %s\n", error.message);
  return code;
}
