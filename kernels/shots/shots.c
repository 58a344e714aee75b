/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shots/shots.h"

#include "shots/gradual.h"
#include "shots/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Frames on each side whose mean difference is the measure of what is usual. */
#define NEIGHBOURS 2
_Static_assert(NEIGHBOURS == REID_SHOT_LOOKAHEAD, "the header says so");
/* The oldest picture that the flash guard asks for is three frames back. */
#define KEPT 8
/* See reid_shot_structure(). */
#define SAME_SCENE 0.5
/* After a gradual change no other one for so many frames: what a long one
 * leaves to be seen after it was found complete is no second one. */
#define GRADUAL_GAP 30

struct ReidShotDetector {
  ReidShotOptions options;
  int64_t pushed, decided;
  int64_t shot;         /* where the shot that runs began */
  int64_t window;       /* no gradual change is looked for before this frame, */
  int64_t next_gradual; /* and none may end before this one */
  /* The last change led into black (or white, or the stream began in it): what
   * rises out of it is the same change and is not told again. */
  bool went_out;
  double difference[KEPT]; /* to the frame before */
  ReidShotPicture picture[KEPT];
  ReidShotHistory history;
  uint8_t rgb[3 * REID_SHOT_PIXELS];
};

void
reid_shot_options_init (ReidShotOptions *options)
{
  options->threshold = 3;
  options->min_score = 15;
  options->min_length = 15;
}

ReidShotDetector *
reid_shot_detector_new (const ReidShotOptions *options)
{
  ReidShotDetector *detector = calloc (1, sizeof *detector);

  if (!detector)
    return NULL;
  reid_shot_detector_configure (detector, options);
  reid_shot_detector_reset (detector);
  return detector;
}

void
reid_shot_detector_free (ReidShotDetector *detector)
{
  free (detector);
}

void
reid_shot_detector_configure (ReidShotDetector *detector,
                              const ReidShotOptions *options)
{
  reid_shot_options_init (&detector->options);
  if (!options)
    return;
  if (!isnan (options->threshold))
    detector->options.threshold = fmax (options->threshold, 1);
  if (!isnan (options->min_score))
    detector->options.min_score = fmax (options->min_score, 0);
  detector->options.min_length =
      options->min_length > 1 ? options->min_length : 1;
}

void
reid_shot_detector_reset (ReidShotDetector *detector)
{
  detector->pushed = detector->decided = 0;
  detector->shot = detector->window = detector->next_gradual = 0;
  detector->went_out = false;
}

static const ReidShotPicture *
picture_at (const ReidShotDetector *detector, int64_t frame)
{
  return &detector->picture[frame % KEPT];
}

static double
difference_at (const ReidShotDetector *detector, int64_t frame)
{
  return detector->difference[frame % KEPT];
}

/* Whether a cut of this score between two pictures is refuted by their being
 * alike, in content or but for the light. */
static bool
alike (const ReidShotPicture *a, const ReidShotPicture *b, double score)
{
  return reid_shot_difference (a, b) < score / 2
         || reid_shot_structure (a, b) > SAME_SCENE;
}

static bool
is_cut (const ReidShotDetector *detector, int64_t frame)
{
  double score = difference_at (detector, frame), sum = 0;
  int n = 0;

  if (score < detector->options.min_score)
    return false;
  for (int64_t i = frame - NEIGHBOURS; i <= frame + NEIGHBOURS; i++) {
    if (i == frame || i < 1 || i >= detector->pushed)
      continue;
    sum += difference_at (detector, i);
    n++;
  }
  if (score * n < detector->options.threshold * sum)
    return false;
  if (reid_shot_structure (picture_at (detector, frame - 1),
                           picture_at (detector, frame))
      > SAME_SCENE)
    return false;
  /* A flash of one or two frames: the picture before comes back ... */
  for (int64_t i = frame + 1; i <= frame + 2 && i < detector->pushed; i++)
    if (alike (picture_at (detector, frame - 1), picture_at (detector, i),
               score))
      return false;
  /* ... or has just done so. */
  for (int64_t i = frame - 2; i >= frame - 3 && i >= 0; i--)
    if (alike (picture_at (detector, i), picture_at (detector, frame), score))
      return false;
  return true;
}

static bool
gradual_ends (ReidShotDetector *detector, int64_t frame)
{
  const ReidShotGrid *grid = detector->history.grid;
  int64_t last = detector->pushed - 1, from, middle;
  int64_t first = last - (REID_SHOT_HISTORY - 1);

  if (first < detector->window)
    first = detector->window;
  if (frame < detector->next_gradual
      || !reid_shot_gradual (&detector->history, first, frame, last, &from,
                             &middle))
    return false;
  int before = reid_shot_grid_contrast (&grid[from % REID_SHOT_HISTORY]);
  int after = reid_shot_grid_contrast (&grid[frame % REID_SHOT_HISTORY]);
  detector->window = frame;
  if (detector->went_out && before * 2 < after)
    return false;
  detector->next_gradual = frame + GRADUAL_GAP;
  detector->went_out = after * 2 < before;
  /* The new shot has been there since the middle, so a cut that follows
   * closely is measured from there. */
  detector->shot = middle;
  return true;
}

static ReidShotKind
decide (ReidShotDetector *detector)
{
  const ReidShotGrid *grid = detector->history.grid;
  int64_t frame = detector->decided++;
  bool blank = reid_shot_grid_blank (&grid[frame % REID_SHOT_HISTORY]);

  if (frame == 0) {
    detector->went_out = blank;
    return REID_SHOT_NONE;
  }
  if (frame - detector->shot < detector->options.min_length)
    return REID_SHOT_NONE;
  if (is_cut (detector, frame)) {
    detector->shot = detector->window = frame;
    detector->went_out = blank;
    return REID_SHOT_CUT;
  }
  return gradual_ends (detector, frame) ? REID_SHOT_FADE : REID_SHOT_NONE;
}

bool
reid_shot_detector_push (ReidShotDetector *detector, const ReidImage *image,
                         ReidShotKind *kind)
{
  int64_t frame = detector->pushed;
  ReidShotPicture *picture = &detector->picture[frame % KEPT];
  ReidShotGrid *grid = &detector->history.grid[frame % REID_SHOT_HISTORY];

  if (reid_image_thumbnail (image, REID_SHOT_WIDTH, REID_SHOT_HEIGHT,
                            detector->rgb, NULL)) {
    reid_shot_picture_set (picture, grid, detector->rgb);
  } else if (frame > 0) {
    *picture = *picture_at (detector, frame - 1);
    *grid = detector->history.grid[(frame - 1) % REID_SHOT_HISTORY];
  } else {
    memset (detector->rgb, 0, sizeof detector->rgb);
    reid_shot_picture_set (picture, grid, detector->rgb);
  }
  detector->difference[frame % KEPT] =
      frame > 0
          ? reid_shot_difference (picture_at (detector, frame - 1), picture)
          : 0;
  detector->pushed++;
  if (detector->pushed - detector->decided <= REID_SHOT_LOOKAHEAD)
    return false;
  *kind = decide (detector);
  return true;
}

bool
reid_shot_detector_drain (ReidShotDetector *detector, ReidShotKind *kind)
{
  if (detector->decided == detector->pushed)
    return false;
  *kind = decide (detector);
  return true;
}
