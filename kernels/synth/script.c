/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <string.h>

#include "synth/numbers.h"

/* The episode. Shot k begins near the time k * SLOT, moved by less than half a
 * slot, so that any frame's shot is found without counting; whoever leads a
 * shot is drawn from a pack of all people that is shuffled when it is empty,
 * so that everybody comes back; the kinds of shots and the fades are dealt the
 * same way. */

#define SLOT 3.2  /* seconds */
#define JITTER .7 /* most of what a shot's beginning is moved by */
#define FADE .48  /* seconds that a fade takes on either side */
#define FADE_EVERY 4

typedef enum { SOLO, PAIR, CROSS, GROUP, VISIT, KINDS } Kind;

enum { S_START = 1, S_LEAD, S_KIND, S_FADE, S_GROUND, S_LIGHT, S_ACTOR };

static double
unit (const Script *s, int shot, uint32_t what, uint32_t which)
{
  return synth_unit (s->seed ^ 0x51ed270bu, (uint32_t) shot, what, which);
}

static double
between (const Script *s, int shot, uint32_t what, uint32_t which, double from,
         double to)
{
  return synth_between (from, to, unit (s, shot, what, which));
}

/* The i-th card of the n-th shuffling of `size` cards. */
static int
deal (const Script *s, uint32_t pack, uint32_t n, int i, int size)
{
  int card[REID_SYNTH_MAX_PEOPLE];

  for (int k = 0; k < size; k++)
    card[k] = k;
  for (int k = size - 1; k > 0; k--) {
    int j = (int) (synth_unit (s->seed, pack, n, (uint32_t) k) * (k + 1));
    int c = card[k];
    card[k] = card[j];
    card[j] = c;
  }
  return card[i];
}

/* Card `at` of an endless run of shuffled packs. */
static int
draw (const Script *s, uint32_t pack, int at, int size)
{
  return deal (s, pack, (uint32_t) (at / size), at % size, size);
}

int64_t
synth_shot_start (const Script *s, int shot)
{
  double t = shot * SLOT;

  if (shot <= 0)
    return 0;
  t += between (s, shot, S_START, 0, -JITTER, JITTER);
  return (int64_t) (t * s->rate + .5);
}

static int
find_shot (const Script *s, int64_t frame)
{
  double slots = (double) frame / s->rate / SLOT;
  int shot = slots > 1e9 ? 1000000000 : (int) slots - 1;

  shot = shot < 0 ? 0 : shot;
  while (synth_shot_start (s, shot + 1) <= frame && shot < 1000000002)
    shot++;
  return shot;
}

static bool
starts_with_fade (const Script *s, int shot)
{
  int n = shot / FADE_EVERY;

  return shot > 0
         && shot % FADE_EVERY
                == (int) (unit (s, n, S_FADE, 0) * (FADE_EVERY - 1)) + 1;
}

int
synth_room (double aspect)
{
  int room = (int) (aspect / .5);

  return room < 1                      ? 1
         : room > REID_SYNTH_MAX_FACES ? REID_SYNTH_MAX_FACES
                                       : room;
}

/* ---- Who */

static Kind
shot_kind (const Script *s, int shot)
{
  Kind kind = (Kind) draw (s, S_KIND, shot, KINDS);
  int most =
      synth_room (s->aspect) < s->people ? synth_room (s->aspect) : s->people;

  if (kind == GROUP && most < 3)
    kind = PAIR;
  if (kind == PAIR && most < 2)
    kind = SOLO;
  if (kind == CROSS && s->people < 2)
    kind = VISIT;
  return kind;
}

static int
cast (const Script *s, int shot, Kind kind, int person[REID_SYNTH_MAX_FACES])
{
  int n = kind == GROUP ? 3 : kind == PAIR || kind == CROSS ? 2 : 1;

  if (s->people == 0)
    return 0;
  person[0] = draw (s, S_LEAD, shot, s->people);
  for (int i = 1; i < n; i++) {
    int p = (int) (unit (s, shot, S_LEAD, (uint32_t) i) * s->people);
    for (int j = 0; j < i; j++)
      if (person[j] == p) {
        p = (p + 1) % s->people;
        j = -1;
      }
    person[i] = p;
  }
  return n;
}

/* ---- How */

/* Two slow waves of unlike lengths: -1 to 1. */
static double
sway (const Script *s, int shot, uint32_t what, double t, double period)
{
  double p = period * between (s, shot, what, 1, .8, 1.3);

  return .65 * synth_sin (t / p + unit (s, shot, what, 2))
         + .35 * synth_sin (t / p * 2.31 + unit (s, shot, what, 3));
}

/* Syllables in phrases. */
static double
speech (const Script *s, int shot, uint32_t what, double t)
{
  double phrase = synth_step (-.25, .25,
                              sway (s, shot, what, t, 2.1)
                                  + between (s, shot, what, 4, -.3, .5));
  double syllable =
      .5 + .5 * synth_sin (t * between (s, shot, what, 5, 3.2, 4.6));
  double vowel = .55 + .45 * sway (s, shot, what + 1, t, .7);

  return phrase * syllable * vowel;
}

static double
blink (const Script *s, int shot, uint32_t what, double t)
{
  double period = between (s, shot, what, 6, 2.2, 4.5);
  double at = t / period + unit (s, shot, what, 7);

  at = (at - floor (at)) * period - .2;
  return 1 - synth_step (.03, .11, at < 0 ? -at : at);
}

/* One turn of the head within the shot: 0, up to 1, and back. */
static double
turn (const Script *s, int shot, uint32_t what, double t, double length)
{
  double at = length * between (s, shot, what, 8, .35, .75);
  double d = t > at ? t - at : at - t;

  return 1 - synth_step (.25, .95, d);
}

static void
act (const Script *s, int shot, const Actor *base, int i, double t,
     double length, Actor *a)
{
  uint32_t what = S_ACTOR + 100 * (uint32_t) i;
  double side = unit (s, shot, what, 9) < .5 ? -1 : 1;
  double turned = unit (s, shot, what, 10) < .45
                      ? between (s, shot, what, 11, 30, 58) * side
                            * turn (s, shot, what, t, length)
                      : 0;

  a->yaw =
      (float) (base->yaw + turned + 11 * sway (s, shot, what + 10, t, 3.1));
  a->pitch = (float) (base->pitch + 5 * sway (s, shot, what + 20, t, 2.3));
  a->roll = (float) (base->roll + 5 * sway (s, shot, what + 30, t, 3.7));
  a->x =
      (float) (base->x + base->scale * .22 * sway (s, shot, what + 40, t, 3.9));
  a->y =
      (float) (base->y + base->scale * .10 * sway (s, shot, what + 50, t, 2.9));
  a->scale =
      (float) (base->scale * (1 + .05 * sway (s, shot, what + 60, t, 5.3)));
  a->mouth = (float) speech (s, shot, what + 70, t);
  a->smile =
      (float) synth_clamp (.35 + .6 * sway (s, shot, what + 80, t, 4.7), 0, 1);
  a->blink = (float) blink (s, shot, what, t);
  a->gaze_x = (float) (.6 * sway (s, shot, what + 85, t, 2.7));
  a->gaze_y = (float) (.35 * sway (s, shot, what + 90, t, 3.3));
}

/* Where somebody stands, `i` of `n`, or walks. */
static void
place (const Script *s, int shot, Kind kind, int i, int n, double t,
       double length, Actor *a)
{
  uint32_t what = S_ACTOR + 100 * (uint32_t) i + 50;
  double narrow = synth_clamp (s->aspect / 1.3, 0, 1);
  double w = s->aspect, side = unit (s, shot, S_ACTOR, 20) < .5 ? -1 : 1;
  double size, x, along, walk;

  a->yaw = (float) between (s, shot, what, 1, -14, 14);
  a->pitch = (float) between (s, shot, what, 2, -7, 7);
  a->roll = (float) between (s, shot, what, 3, -5, 5);
  switch (kind) {
    case SOLO:
      size = between (s, shot, what, 4, .17, .235) * narrow;
      x = w * between (s, shot, what, 5, .38, .62);
      break;
    case PAIR:
      size = between (s, shot, what, 4, .125, .155) * narrow;
      x = w * (i == 0 ? .29 : .71) + w * .02 * (unit (s, shot, what, 5) - .5);
      a->yaw += i == 0 ? 12 : -12;
      break;
    case GROUP:
      size = between (s, shot, what, 4, .105, .13) * narrow;
      x = w * (.19 + .31 * i) + w * .015 * (unit (s, shot, what, 5) - .5);
      a->yaw += 12 - 12 * (float) i;
      break;
    case CROSS:
      /* past each other, near the middle of the shot; the second is nearer */
      size = (i == 0 ? .115 : .15) * between (s, shot, what, 4, .94, 1.06)
             * narrow;
      along = t / length;
      walk = synth_clamp (.13 * length, .26, .40) * (i == 0 ? side : -side);
      x = w * (.5 + walk * 2 * (along - .5) * (1 - .2 * i));
      a->yaw += (float) (walk > 0 ? 22 : -22);
      break;
    default:
      /* comes in from one side, stays, and goes on; no faster than people walk
       */
      size = between (s, shot, what, 4, .13, .18) * narrow;
      walk = w * .5 + 1.1 * size;
      along = synth_clamp (.5 * length, 0, walk)
              * (1 - synth_step (0, .52 * length, t));
      walk = synth_clamp (.4 * length, 0, walk)
             * synth_step (.7 * length, 1.12 * length, t);
      x = w * .5 + side * (along - walk);
      a->yaw +=
          (float) (-side * 25 * synth_clamp ((along + walk) / w * 2, 0, 1));
      break;
  }
  if (kind == SOLO && n == 1)
    a->y = (float) (.47 + .02 * (unit (s, shot, what, 6) - .5));
  else
    a->y = (float) between (s, shot, what, 6, .40, .50);
  a->x = (float) x;
  a->scale = (float) size;
}

static void
dress (const Script *s, int shot, int i, Actor *a)
{
  uint32_t what = S_ACTOR + 100 * (uint32_t) i + 60;
  double tone = between (s, shot, what, 0, .02, .45);

  for (uint32_t c = 0; c < 3; c++)
    a->clothes[c] = (float) (tone * between (s, shot, what, c + 1, .3, 1.3));
}

static void
light (const Script *s, int shot, double t, Light *l)
{
  double turn = between (s, shot, S_LIGHT, 0, -.16, .16)
                + .03 * sway (s, shot, S_LIGHT + 40, t, 6);
  double up = between (s, shot, S_LIGHT, 1, .06, .13);
  double warm = between (s, shot, S_LIGHT, 2, -1, 1);
  double power = between (s, shot, S_LIGHT, 3, .85, 1.3)
                 * (1 + .14 * sway (s, shot, S_LIGHT + 50, t, 4.2));
  double fill = between (s, shot, S_LIGHT, 4, .35, .65);

  l->key[0] = (float) (synth_sin (turn) * synth_cos (up));
  l->key[1] = (float) synth_sin (up);
  l->key[2] = (float) (synth_cos (turn) * synth_cos (up));
  for (int c = 0; c < 3; c++) {
    double tint = 1 + .13 * warm * (1 - c);
    l->key_color[c] = (float) (power * tint);
    l->sky_color[c] = (float) (fill * power * (1 - .1 * warm * (1 - c)));
    l->floor_color[c] = (float) (.45 * fill * power * tint);
  }
}

static void
ground (const Script *s, int shot, double t, Ground *g)
{
  g->style = draw (s, S_GROUND, shot, GROUND_STYLES);
  g->seed = synth_hash (s->seed, (uint32_t) shot, S_GROUND, 77);
  g->x = (float) (between (s, shot, S_GROUND, 2, -20, 20)
                  + t * between (s, shot, S_GROUND, 3, -.03, .03));
  g->y = (float) (.02 * sway (s, shot, S_GROUND + 50, t, 5));
  g->zoom = (float) (between (s, shot, S_GROUND, 4, .8, 1.25)
                     * (1 + .02 * sway (s, shot, S_GROUND + 60, t, 6)));
  for (uint32_t k = 0; k < 3; k++) {
    double v = between (s, shot, S_GROUND, 10 + k, .12, .72);
    for (uint32_t c = 0; c < 3; c++)
      g->color[k][c] =
          (float) (v * between (s, shot, S_GROUND, 20 + 3 * k + c, .72, 1.2));
  }
}

static double
brightness (const Script *s, int shot, double t, double left)
{
  double b = starts_with_fade (s, shot) ? synth_clamp (t / FADE, 0, 1) : 1;

  if (starts_with_fade (s, shot + 1) && (!s->shots || shot + 1 < s->shots))
    b *= synth_clamp (left / FADE, 0, 1);
  return b;
}

void
synth_scene (const Script *s, int64_t frame, Scene *scene)
{
  int shot = find_shot (s, frame), person[REID_SYNTH_MAX_FACES];
  int64_t start = synth_shot_start (s, shot);
  int64_t end = synth_shot_start (s, shot + 1);
  double t = (double) (frame - start) / s->rate;
  double length = (double) (end - start) / s->rate;
  Kind kind = shot_kind (s, shot);

  memset (scene, 0, sizeof *scene);
  scene->shot = shot;
  scene->shot_start = start;
  scene->fade = starts_with_fade (s, shot);
  scene->brightness =
      (float) brightness (s, shot, t, (double) (end - frame) / s->rate);
  light (s, shot, t, &scene->light);
  ground (s, shot, t, &scene->ground);
  scene->n = cast (s, shot, kind, person);
  for (int i = 0; i < scene->n; i++) {
    Actor base, *a = &scene->actor[i];
    memset (&base, 0, sizeof base);
    place (s, shot, kind, i, scene->n, t, length, &base);
    act (s, shot, &base, i, t, length, a);
    a->person = person[i];
    dress (s, shot, i, a);
  }
  /* farthest first */
  for (int i = 1; i < scene->n; i++)
    for (int j = i; j > 0 && scene->actor[j].scale < scene->actor[j - 1].scale;
         j--) {
      Actor a = scene->actor[j];
      scene->actor[j] = scene->actor[j - 1];
      scene->actor[j - 1] = a;
    }
}
