/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <string.h>

#include "synth/numbers.h"

/* What somebody looks like is a point of a cube, one axis for each trait. A
 * person is the candidate farthest from all the earlier ones (Mitchell, 1991:
 * "Spectrally optimal sampling"), the traits weighted by how much they are
 * seen. */

enum {
  SKULL_W,
  SKULL_H,
  JAW_W,
  FACE_LENGTH,
  CHIN_W,
  CHIN_Z,
  CHEEK,
  CHEEK_Y,
  RIDGE,
  EYE_X,
  EYE_Y,
  EYE_R,
  EYE_OPEN,
  EYE_TILT,
  NOSE_LEN,
  NOSE_W,
  NOSE_OUT,
  NOSE_UP,
  MOUTH_Y,
  MOUTH_W,
  LIP_UPPER,
  LIP_LOWER,
  EAR,
  BROW_Y,
  BROW_THICK,
  BROW_TILT,
  BROW_ARCH,
  HAIRLINE,
  HAIR_SIZE,
  AGE,
  FRECKLES,
  BLUSH,
  SKIN_TONE,
  SKIN_HUE,
  HAIR_TONE,
  HAIR_STYLE,
  BEARD_STYLE,
  GLASSES_STYLE,
  GLASSES_SIZE,
  GLASSES_TONE,
  IRIS_TONE,
  LIP_TONE,
  SIZE,
  TRAITS
};

#define CANDIDATES 40

static const float weight[TRAITS] = {
  [SKULL_W] = 1,       [JAW_W] = 2,          [FACE_LENGTH] = 2,
  [CHEEK] = 1.5f,      [RIDGE] = 1.5f,       [EYE_X] = 2,
  [EYE_Y] = 1,         [EYE_R] = 2,          [EYE_OPEN] = 1.5f,
  [EYE_TILT] = 1,      [NOSE_LEN] = 2,       [NOSE_W] = 2.5f,
  [NOSE_OUT] = 1,      [MOUTH_Y] = 1.5f,     [MOUTH_W] = 2.5f,
  [LIP_UPPER] = 1.5f,  [LIP_LOWER] = 1.5f,   [LIP_TONE] = 1,
  [BROW_Y] = 1.5f,     [BROW_THICK] = 3,     [BROW_TILT] = 1.5f,
  [BROW_ARCH] = .5f,   [HAIRLINE] = 1,       [AGE] = 1,
  [SKIN_TONE] = 5,     [SKIN_HUE] = .5f,     [HAIR_TONE] = 2,
  [HAIR_STYLE] = 2.5f, [BEARD_STYLE] = 3.5f, [GLASSES_STYLE] = 3.5f
};

/* Traits that are kinds, not amounts, differ or do not. */
static float
difference (int trait, float a, float b)
{
  int n = trait == HAIR_STYLE      ? HAIR_COUNT
          : trait == BEARD_STYLE   ? 8
          : trait == GLASSES_STYLE ? 4
                                   : 0;
  return n ? (int) (a * n) != (int) (b * n) : a - b;
}

static float
distance (const float *a, const float *b)
{
  float sum = 0;

  for (int i = 0; i < TRAITS; i++) {
    float d = difference (i, a[i], b[i]);
    sum += weight[i] * d * d;
  }
  return sum;
}

static float
mix (float a, float b, float t)
{
  return a + (b - a) * t;
}

/* Along a list of colours. */
static void
ramp (const float colors[][3], int n, float t, float out[3])
{
  float at = t * (float) (n - 1);
  int i = (int) at > n - 2 ? n - 2 : (int) at;

  for (int c = 0; c < 3; c++)
    out[c] = mix (colors[i][c], colors[i + 1][c], at - (float) i);
}

static void
paint (Person *p, const float *t)
{
  static const float skins[6][3] = {
    { .80f, .54f, .43f }, { .70f, .43f, .31f },   { .58f, .33f, .20f },
    { .40f, .20f, .11f }, { .23f, .105f, .058f }, { .10f, .046f, .028f },
  };
  static const float hairs[7][3] = {
    { .012f, .010f, .010f }, { .05f, .024f, .013f }, { .15f, .07f, .03f },
    { .30f, .085f, .028f },  { .52f, .33f, .13f },   { .42f, .42f, .42f },
    { .74f, .73f, .70f },
  };
  static const float irises[4][3] = { { .035f, .018f, .010f },
                                      { .16f, .075f, .025f },
                                      { .11f, .17f, .09f },
                                      { .13f, .24f, .36f } };
  static const float frames[4][3] = { { .01f, .01f, .012f },
                                      { .16f, .06f, .02f },
                                      { .35f, .02f, .03f },
                                      { .30f, .30f, .33f } };
  float dark = t[SKIN_TONE], hue = t[SKIN_HUE] - .5f;

  ramp (skins, 6, dark, p->skin);
  p->skin[0] *= 1 + .14f * hue;
  p->skin[2] *= 1 - .3f * hue;
  ramp (hairs, 7, t[HAIR_TONE], p->hair_color);
  for (int c = 0; c < 3; c++) {
    p->brow_color[c] = mix (p->hair_color[c] * .6f, p->skin[c] * .12f, .4f);
    p->lips[c] = mix (p->skin[c],
                      c == 0   ? .42f
                      : c == 1 ? .085f
                               : .09f,
                      .10f + .75f * t[LIP_TONE])
                 * mix (.95f, .6f, dark);
  }
  ramp (irises, 4, t[IRIS_TONE], p->iris);
  ramp (frames, 4, t[GLASSES_TONE], p->glasses_color);
}

static void
shape (Person *p, const float *t)
{
  static const Beard beards[8] = { BEARD_NONE,      BEARD_FULL,    BEARD_NONE,
                                   BEARD_MOUSTACHE, BEARD_STUBBLE, BEARD_GOATEE,
                                   BEARD_NONE,      BEARD_NONE };
  static const Glasses glasses[4] = { GLASSES_NONE, GLASSES_ROUND, GLASSES_NONE,
                                      GLASSES_SQUARE };
  float length = mix (-.10f, .12f, t[FACE_LENGTH]);

  p->scale = mix (.94f, 1.06f, t[SIZE]);
  p->skull_w = mix (.70f, .86f, t[SKULL_W]);
  p->skull_h = mix (.84f, .98f, t[SKULL_H]);
  p->skull_d = .95f;
  p->jaw_w = mix (.50f, .72f, t[JAW_W]);
  p->jaw_h = .70f + length;
  p->chin_w = mix (.14f, .28f, t[CHIN_W]);
  p->chin_y = -.92f - 1.2f * length;
  p->chin_z = mix (.46f, .62f, t[CHIN_Z]);
  p->cheek = mix (.16f, .33f, t[CHEEK]);
  p->cheek_y = mix (-.34f, -.16f, t[CHEEK_Y]);
  p->brow_ridge = mix (.0f, .14f, t[RIDGE]);
  p->eye_x = mix (.255f, .365f, t[EYE_X]);
  p->eye_y = mix (-.02f, .12f, t[EYE_Y]);
  p->eye_r = mix (.125f, .195f, t[EYE_R]);
  p->eye_open = mix (.36f, .80f, t[EYE_OPEN]);
  p->eye_tilt = mix (-.16f, .2f, t[EYE_TILT]);
  p->nose_len = mix (.30f, .52f, t[NOSE_LEN]);
  p->nose_w = mix (.06f, .185f, t[NOSE_W]);
  p->nose_out = mix (.12f, .34f, t[NOSE_OUT]);
  p->nose_bridge = mix (.035f, .075f, t[NOSE_OUT] * .5f + t[NOSE_W] * .5f);
  p->nose_up = mix (-.04f, .06f, t[NOSE_UP]);
  p->mouth_y = p->eye_y - p->nose_len - mix (.17f, .32f, t[MOUTH_Y]);
  if (p->mouth_y < p->chin_y + .24f)
    p->mouth_y = p->chin_y + .24f;
  p->mouth_w = mix (.16f, .36f, t[MOUTH_W]);
  p->lip_upper = mix (.018f, .09f, t[LIP_UPPER]);
  p->lip_lower = mix (.03f, .12f, t[LIP_LOWER]);
  p->ear_size = mix (.16f, .28f, t[EAR]);
  p->ear_out = mix (.0f, .09f, t[EAR]);
  p->brow_y = p->eye_y + mix (.19f, .33f, t[BROW_Y]);
  p->brow_thick = mix (.010f, .075f, t[BROW_THICK]);
  p->brow_tilt = mix (-.25f, .22f, t[BROW_TILT]);
  p->brow_arch = mix (.2f, 1.6f, t[BROW_ARCH]);
  p->brow_len = mix (.17f, .25f, t[BROW_THICK]);
  p->hairline = mix (.50f, .80f, t[HAIRLINE]);
  p->hair_size = t[HAIR_SIZE];
  p->wrinkles = t[AGE] > .6f ? (t[AGE] - .6f) * 2.5f : 0;
  p->freckles = t[FRECKLES] > .7f ? (t[FRECKLES] - .7f) * 3.3f : 0;
  p->blush = t[BLUSH];
  p->hair = (Hair) (int) (t[HAIR_STYLE] * HAIR_COUNT);
  p->beard = beards[(int) (t[BEARD_STYLE] * 8)];
  p->glasses = glasses[(int) (t[GLASSES_STYLE] * 4)];
  p->glasses_size = t[GLASSES_SIZE];
}

static void
make (uint32_t seed, uint32_t number, const float *t, Person *p)
{
  memset (p, 0, sizeof *p);
  shape (p, t);
  paint (p, t);
  p->seed = synth_hash (seed, number, 910, 0);
}

void
synth_people (uint32_t seed, int n, Person *people)
{
  static _Thread_local float traits[REID_SYNTH_MAX_PEOPLE][TRAITS];

  for (int i = 0; i < n; i++) {
    float best = -1;
    for (int k = 0; k < CANDIDATES; k++) {
      float t[TRAITS], nearest = 1e9f;
      for (int j = 0; j < TRAITS; j++)
        t[j] =
            (float) synth_unit (seed, (uint32_t) i, (uint32_t) k, (uint32_t) j);
      for (int j = 0; j < i; j++) {
        float d = distance (t, traits[j]);
        nearest = d < nearest ? d : nearest;
      }
      if (nearest > best) {
        best = nearest;
        memcpy (traits[i], t, sizeof t);
      }
    }
    make (seed, (uint32_t) i, traits[i], &people[i]);
  }
}
