/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which faces of a track are kept.
 *
 * First, successive offers form bouts, and each bout puts one face forward. A
 * bout begins with the first offer that is at least `spacing` frames after the
 * choice of the bout before. For `spacing` frames from there on a higher total
 * takes the choice over, and its place in the set with it; the offers between
 * that and the next bout are passed over. (If they could take it over too, a
 * face that grows better all the time would push its one choice along and
 * leave one chip.)
 *
 * Then, where a choice makes N + 1, one of them goes:
 *
 * - not diverse: the lowest total, the latest among equals. What stays is the
 *   best N of all choices.
 *
 * - diverse: the time since the first offer is divided into N slots of equal
 *   length; it starts at `spacing` frames and doubles until the latest offer
 *   lies in one of them. A chip is worth total * (0.5 + novelty), novelty =
 *   distance of its (yaw, pitch) from the nearest of the other N, at most 1,
 *   and 0 where a pose is not known. The worthiest of each slot stays, and of
 *   the rest the least worthy goes (the earlier is the worthier among
 *   equals). */

#include "track/track-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CHIPS 1024
#define NO_NOVELTY 0.5
/* A face off the frame, or larger than it by this, is not worth cutting. */
#define LARGEST_FACE 4.0f

typedef struct {
  ReidChip *chip;
  bool has_pose;
  double yaw, pitch;
} Kept;

struct ReidChipSet {
  int top_n, n;
  uint64_t spacing, slot, first, latest;
  bool diverse, any;
  /* The present bout: its first frame, and its choice, kept or not. */
  bool in_bout;
  uint64_t bout, choice;
  float choice_total;
  Kept *kept; /* room for top_n + 1; falling total, then rising frame */
};

void
reid_chip_free (ReidChip *chip)
{
  if (chip)
    free (chip->rgb);
  free (chip);
}

ReidChipSet *
reid_chip_set_new (int top_n, int spacing, bool diverse)
{
  ReidChipSet *set = calloc (1, sizeof *set);

  if (!set)
    return NULL;
  set->top_n = top_n < 1 ? 1 : top_n > MOST_CHIPS ? MOST_CHIPS : top_n;
  set->spacing = spacing < 1 ? 1 : (uint64_t) spacing;
  set->slot = set->spacing;
  set->diverse = diverse;
  set->kept = calloc ((size_t) set->top_n + 1, sizeof *set->kept);
  if (!set->kept) {
    free (set);
    return NULL;
  }
  return set;
}

void
reid_chip_set_free (ReidChipSet *set)
{
  if (!set)
    return;
  for (int i = 0; i < set->n; i++)
    reid_chip_free (set->kept[i].chip);
  free (set->kept);
  free (set);
}

/* ---- Cutting */

/* The part of the frame that a chip shows, and the chip's size. Where the
 * picture is not scaled, the chip's pixels are the frame's. */
static void
chip_geometry (const ReidImage *image, const ReidFace *face, ReidRect *rect,
               int *width, int *height)
{
  double par = (double) image->par_n / image->par_d;
  double w = (double) face->width * image->width * par;
  double h = (double) face->height * image->height;
  double margin = (double) REID_CHIP_MARGIN * fmax (w, h);
  double scale, x, y;

  w += 2 * margin;
  h += 2 * margin;
  scale = fmin (1, REID_CHIP_SIDE / fmax (w, h));
  *width = (int) fmax (1, fmin (REID_CHIP_SIDE, round (w * scale)));
  *height = (int) fmax (1, fmin (REID_CHIP_SIDE, round (h * scale)));
  x = ((double) face->left + face->width / 2) * image->width;
  y = ((double) face->top + face->height / 2) * image->height;
  rect->width = *width / (scale * par);
  rect->height = *height / scale;
  rect->left = x - rect->width / 2;
  rect->top = y - rect->height / 2;
  if (scale == 1) {
    rect->top = round (rect->top);
    if (image->par_n == image->par_d)
      rect->left = round (rect->left);
  }
}

static ReidChip *
cut_chip (const ReidImage *image, const ReidFace *face, uint64_t frame,
          int64_t time, const ReidQuality *quality, bool *no_memory)
{
  ReidChip *chip = calloc (1, sizeof *chip);
  ReidError error = REID_ERROR_INIT;
  ReidRect rect;
  double sx, sy;

  *no_memory = !chip;
  if (!chip)
    return NULL;
  chip_geometry (image, face, &rect, &chip->width, &chip->height);
  chip->rgb = malloc ((size_t) chip->width * (size_t) chip->height * 3);
  *no_memory = !chip->rgb;
  if (!chip->rgb
      || !reid_image_crop_rgb (image, &rect, chip->width, chip->height,
                               chip->rgb, 3 * (ptrdiff_t) chip->width,
                               &error)) {
    *no_memory |= error.status == REID_ERROR_MEMORY;
    reid_chip_free (chip);
    return NULL;
  }

  sx = chip->width / rect.width;
  sy = chip->height / rect.height;
  chip->box[0] =
      (float) (((double) face->left * image->width - rect.left) * sx);
  chip->box[1] = (float) (((double) face->top * image->height - rect.top) * sy);
  chip->box[2] = (float) ((double) face->width * image->width * sx);
  chip->box[3] = (float) ((double) face->height * image->height * sy);
  for (int i = 0; face->has_landmarks && i < 10; i += 2) {
    double x = (double) face->landmarks[i] * image->width;
    double y = (double) face->landmarks[i + 1] * image->height;

    chip->landmarks[i] = (float) ((x - rect.left) * sx);
    chip->landmarks[i + 1] = (float) ((y - rect.top) * sy);
  }
  chip->frame = frame;
  chip->time = time;
  chip->face = *face;
  chip->quality = *quality;
  return chip;
}

/* ---- Choosing. A candidate is a chip without pixels yet. */

typedef struct {
  float total;
  uint64_t frame;
  bool has_pose;
  double yaw, pitch;
} Candidate;

static Candidate
candidate_of (const Kept *kept)
{
  return (Candidate){ kept->chip->quality.total, kept->chip->frame,
                      kept->has_pose, kept->yaw, kept->pitch };
}

static bool
better (const Candidate *a, const Candidate *b)
{
  return a->total > b->total || (a->total == b->total && a->frame < b->frame);
}

static double
novelty (const Candidate *all, int n, int which)
{
  double nearest = 1;

  for (int i = 0; i < n; i++) {
    if (i == which)
      continue;
    if (!all[i].has_pose || !all[which].has_pose)
      return 0;
    double yaw = all[i].yaw - all[which].yaw;
    double pitch = all[i].pitch - all[which].pitch;
    nearest = fmin (nearest, sqrt (yaw * yaw + pitch * pitch));
  }
  return nearest;
}

static uint64_t
slot_of (const ReidChipSet *set, const Candidate *c)
{
  return (c->frame - set->first) / set->slot;
}

static bool
worthier (const Candidate *all, const double *worth, int i, int j)
{
  return worth[i] > worth[j]
         || (worth[i] == worth[j] && all[i].frame < all[j].frame);
}

/* Which of the n = top_n + 1 candidates goes. */
static int
choose_victim (const ReidChipSet *set, const Candidate *all, int n)
{
  double worth[MOST_CHIPS + 1];
  int victim = -1;

  for (int i = 0; i < n; i++)
    worth[i] =
        all[i].total * (set->diverse ? NO_NOVELTY + novelty (all, n, i) : 1);
  for (int i = 0; i < n; i++) {
    bool stays = set->diverse;

    for (int j = 0; j < n && stays; j++)
      stays = j == i || slot_of (set, &all[j]) != slot_of (set, &all[i])
              || worthier (all, worth, i, j);
    if (!stays && (victim < 0 || worthier (all, worth, victim, i)))
      victim = i;
  }
  return victim;
}

static void
grow_slots (ReidChipSet *set, uint64_t frame)
{
  while ((frame - set->first) / set->slot >= (uint64_t) set->top_n
         && set->slot <= UINT64_MAX / 2)
    set->slot *= 2;
}

/* The kept chip that has to go for the offer: its index, n for "nobody", -1
 * when the offer is refused. */
static int
place_of (const ReidChipSet *set, const Candidate *offer, bool takes_over)
{
  Candidate all[MOST_CHIPS + 1];
  int victim;

  for (int i = 0; i < set->n; i++) {
    if (takes_over && set->kept[i].chip->frame == set->choice)
      return i;
    all[i] = candidate_of (&set->kept[i]);
  }
  if (set->n < set->top_n)
    return set->n;
  all[set->n] = *offer;
  victim = choose_victim (set, all, set->n + 1);
  return victim == set->n ? -1 : victim;
}

int
reid_chip_set_offer (ReidChipSet *set, const ReidImage *image,
                     const ReidFace *face, uint64_t frame, int64_t time)
{
  Candidate offer = { .frame = frame };
  double aspect = reid_image_aspect (image);
  ReidQuality quality;
  ReidPose pose;
  bool takes_over = false, no_memory;
  int place;

  if (!(aspect > 0) || !reid_face_plausible (face) || face->width > LARGEST_FACE
      || face->height > LARGEST_FACE || face->left >= 1 || face->top >= 1
      || face->left + face->width <= 0 || face->top + face->height <= 0
      || (set->any && frame < set->latest))
    return 0;
  if (!set->kept) {
    set->kept = calloc ((size_t) set->top_n + 1, sizeof *set->kept);
    if (!set->kept)
      return -1;
  }
  if (!set->any)
    set->first = frame;
  set->any = true;
  set->latest = frame;
  grow_slots (set, frame);

  reid_quality (image, face, &quality);
  offer.total = quality.total;
  if (reid_face_pose (face, aspect, &pose)) {
    offer.has_pose = true;
    offer.yaw = fmax (-1, fmin (1, pose.yaw));
    offer.pitch = fmax (-1, fmin (1, pose.pitch));
  }
  if (set->in_bout && frame - set->choice < set->spacing) {
    takes_over =
        frame - set->bout < set->spacing && offer.total > set->choice_total;
    if (!takes_over)
      return 0;
  }

  ReidChip *chip = NULL;
  place = place_of (set, &offer, takes_over);
  if (place >= 0) {
    chip = cut_chip (image, face, frame, time, &quality, &no_memory);
    if (!chip)
      return no_memory ? -1 : 0;
  }
  if (!takes_over)
    set->bout = frame;
  set->in_bout = true;
  set->choice = frame;
  set->choice_total = offer.total;
  if (!chip)
    return 0;
  if (place < set->n) {
    reid_chip_free (set->kept[place].chip);
    memmove (set->kept + place, set->kept + place + 1,
             sizeof *set->kept * (size_t) (set->n - place - 1));
    set->n--;
  }
  for (place = set->n; place > 0; place--) {
    Candidate before = candidate_of (&set->kept[place - 1]);

    if (!better (&offer, &before))
      break;
    set->kept[place] = set->kept[place - 1];
  }
  set->kept[place] = (Kept){ chip, offer.has_pose, offer.yaw, offer.pitch };
  set->n++;
  return 1;
}

/* ---- Looking and taking */

int
reid_chip_set_count (const ReidChipSet *set)
{
  return set->n;
}

size_t
reid_chip_set_bytes (const ReidChipSet *set)
{
  size_t bytes = 0;

  for (int i = 0; i < set->n; i++)
    bytes += (size_t) set->kept[i].chip->width
             * (size_t) set->kept[i].chip->height * 3;
  return bytes;
}

const ReidChip *
reid_chip_set_get (const ReidChipSet *set, int i)
{
  return i >= 0 && i < set->n ? set->kept[i].chip : NULL;
}

int
reid_chip_set_take (ReidChipSet *set, ReidChip ***chips)
{
  int n = set->n;

  /* The records shrink to their pointers in place, so that this cannot run
   * out of memory. */
  *chips = NULL;
  if (n > 0) {
    for (int i = 0; i < n; i++) {
      ReidChip *chip = set->kept[i].chip;

      memcpy ((char *) set->kept + sizeof chip * (size_t) i, &chip,
              sizeof chip);
    }
    *chips = (ReidChip **) set->kept;
    set->kept = NULL;
  }
  set->n = 0;
  set->any = false;
  set->in_bout = false;
  set->slot = set->spacing;
  return n;
}
