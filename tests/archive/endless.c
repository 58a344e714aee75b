/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream that does not end: hours of rows, in memory that does not grow. */
#include "fixture.h"

static long
resident_kb (void)
{
  long pages = 0, all;
  FILE *f = fopen ("/proc/self/statm", "r");

  if (!f || fscanf (f, "%ld %ld", &all, &pages) != 2)
    pages = 0;
  if (f)
    fclose (f);
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

static bool
add_minute (ReidArchive *a, uint64_t minute, uint64_t *s, ReidError *error)
{
  float vectors[2 * 128] = { 0 };
  bool ok = true;

  for (uint64_t f = minute * 1500; ok && f < (minute + 1) * 1500; f++) {
    ReidFrameRow frame = random_frame (s, f);
    ReidDetectionRow d[2] = { random_detection (s, f, (uint32_t) f / 50 + 1),
                              random_detection (s, f, 0) };
    ok = reid_archive_add_frames (a, &frame, 1, error)
         && reid_archive_add_detections (a, d, 2, error);
    if (ok && f % 50 == 49) {
      ReidTrackRow t = { .id = (uint32_t) f / 50 + 1,
                         .first = f - 49,
                         .last = f,
                         .n_detections = 50 };
      ReidShotRow shot = { .first = f - 49, .end = f + 1 };
      ReidChipRow chips[2];
      for (int k = 0; k < 2; k++) {
        chips[k] = random_chip (s, t.id, f - (uint64_t) k, 32, 32);
        for (int i = 0; i < 128; i++)
          vectors[k * 128 + i] = (float) test_uniform (s);
      }
      ok = reid_archive_add_shots (a, &shot, 1, error)
           && reid_archive_add_track (a, &t, chips, 2, vectors, 128, error);
      for (int k = 0; k < 2; k++)
        free ((void *) chips[k].rgb);
    }
    if (ok && f % 250 == 249 && minute % 20 < 2)
      ok = reid_archive_flush (a, error);
  }
  return ok;
}

/* Two hours: 180 000 frames, 360 000 detections, 3600 tracks. The first part
 * of the second half may hold no more than the end of the first. */
TEST (memory_stays_where_it_is)
{
  const char *dir = scratch_new ();
  ReidError error = REID_ERROR_INIT;
  ReidArchive *a = reid_archive_create (dir, NULL, 0, &error);
  uint64_t s = 1;
  long before = 0, after;

  REQUIRE_OK (a, error);
  for (uint64_t minute = 0; minute < 120; minute++) {
    if (minute == 20)
      before = resident_kb ();
    REQUIRE_OK (add_minute (a, minute, &s, &error), error);
  }
  after = resident_kb ();
  printf ("# %ld KB after 20 minutes, %ld KB after 120\n", before, after);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK (before > 0 && after - before < 10240);
#endif
  REQUIRE_OK (reid_archive_finish (a, NULL, NULL, 0, false, &error), error);
  struct stat st;
  stat (path_in (dir, "episode.h5"), &st);
  printf ("# %.1f MB\n", (double) st.st_size / 1e6);
  ReidEpisode *e = reid_episode_read (dir, false, &error);
  REQUIRE_OK (e, error);
  CHECK (e->n_frames == 180000 && e->n_detections == 360000
         && e->n_tracks == 3600 && e->n_chips == 7200 && e->dims == 128);
  for (size_t i = 0; i < e->n_frames; i++)
    if (e->frames[i].frame != i) {
      CHECK_MSG (false, "row %zu is frame %lu", i,
                 (unsigned long) e->frames[i].frame);
      break;
    }
  reid_episode_free (e);
  scratch_remove (dir);
}

TEST_MAIN ()
