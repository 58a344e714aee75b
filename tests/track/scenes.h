/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACK_SCENES_H
#define TRACK_SCENES_H

/* Faces that move as told through a 16:9 picture, and what the tracker makes
 * of them. Positions and sizes are in frame heights. */

#include "test.h"
#include "track/track-private.h"

#define ASPECT (16.0 / 9)
#define MOST_FACES 512

static inline ReidFace
face_at (double x, double y, double side, double score)
{
  return (ReidFace){ .left = (float) ((x - side / 2) / ASPECT),
                     .top = (float) (y - side / 2),
                     .width = (float) (side / ASPECT),
                     .height = (float) side,
                     .score = (float) score };
}

/* Follows which id each true face last had. */
typedef struct {
  ReidTracker *tracker;
  ReidFace faces[MOST_FACES];
  int who[MOST_FACES]; /* the true face of each, -1 = a false one */
  uint32_t ids[MOST_FACES];
  int n;
  uint32_t last_id[MOST_FACES]; /* of each true face */
  uint32_t ended[8192];
  int n_ended, all_ended;
  uint32_t highest_id;
  int switches;  /* a true face got another id than before */
  int untracked; /* true faces that got no id */
} Scene;

static inline void
scene_init (Scene *s, unsigned parts, const ReidTrackerOptions *options)
{
  ReidTrackerOptions defaults;

  reid_tracker_options_init (&defaults);
  memset (s, 0, sizeof *s);
  s->tracker = reid_tracker_new (options ? options : &defaults);
  reid_tracker_set_parts (s->tracker, parts);
}

static inline void
scene_free (Scene *s)
{
  reid_tracker_free (s->tracker);
}

static inline void
scene_add (Scene *s, int who, double x, double y, double side, double score)
{
  s->faces[s->n] = face_at (x, y, side, score);
  s->who[s->n++] = who;
}

/* Gives the faces that were added to the tracker. */
static inline void
scene_frame (Scene *s)
{
  ReidError error = REID_ERROR_INIT;
  int live = reid_tracker_live (s->tracker);

  REQUIRE_OK (reid_tracker_update (s->tracker, s->faces, s->n, ASPECT, s->ids,
                                   s->ended, &s->n_ended, &error),
              error);
  CHECK (s->n_ended <= live);
  s->all_ended += s->n_ended;
  for (int i = 0; i < s->n; i++) {
    int who = s->who[i];
    uint32_t id = s->ids[i];

    if (id > s->highest_id) {
      CHECK (id == s->highest_id + 1);
      s->highest_id = id;
    }
    if (who < 0)
      continue;
    if (id == 0) {
      s->untracked++;
    } else {
      s->switches += s->last_id[who] != 0 && s->last_id[who] != id;
      s->last_id[who] = id;
    }
  }
  s->n = 0;
}

/* Uniform in -1..1. */
static inline double
jitter (uint64_t *state)
{
  return 2 * test_uniform (state) - 1;
}

#endif /* TRACK_SCENES_H */
