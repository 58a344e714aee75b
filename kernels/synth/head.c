/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <string.h>

#include "synth/numbers.h"

/* The axes of the camera as seen from the head: rows of the rotation that turns
 * the head by yaw about y, then by pitch about x, then by roll about z. */
static void
rotation (const Actor *a, double r[3][3])
{
  double y = a->yaw / 360., p = -a->pitch / 360., q = -a->roll / 360.;
  double sy = synth_sin (y), cy = synth_cos (y), sp = synth_sin (p),
         cp = synth_cos (p), sr = synth_sin (q), cr = synth_cos (q);
  double m[3][3] = { { cy, 0, sy },
                     { sp * sy, cp, -sp * cy },
                     { -cp * sy, sp, cp * cy } };

  for (int c = 0; c < 3; c++) {
    r[0][c] = cr * m[0][c] - sr * m[1][c];
    r[1][c] = sr * m[0][c] + cr * m[1][c];
    r[2][c] = m[2][c];
  }
}

static Ellipsoid
ellipsoid (double x, double y, double z, double rx, double ry, double rz)
{
  Ellipsoid e = { { (float) x, (float) y, (float) z },
                  { (float) (1 / rx), (float) (1 / ry), (float) (1 / rz) } };
  return e;
}

static Ball
ball (double x, double y, double z, double r)
{
  Ball b = { { (float) x, (float) y, (float) z }, (float) r };
  return b;
}

/* What moves with the mouth. */
typedef struct {
  double drop, lip_drop, mouth_w;
} Mouth;

static Mouth
mouth_of (const Person *p, const Actor *a)
{
  Mouth m;

  m.drop = .10 * a->mouth;
  m.lip_drop = .12 * a->mouth;
  m.mouth_w = p->mouth_w * (1 + .16 * a->smile - .14 * a->mouth);
  return m;
}

/* Front of the face at the mouth; the jaw's own surface lies about there. */
static double
mouth_z (const Person *p)
{
  return .80 + .35 * (p->chin_z - .52);
}

static double
nose_y (const Person *p)
{
  return p->eye_y - p->nose_len;
}

static double
nose_z (const Person *p)
{
  return .84 + p->nose_out * .62;
}

static double
eye_z (const Person *p)
{
  return .80 - p->eye_r - .28 * (p->eye_x - .31);
}

static void
shapes (const Person *p, const Actor *a, Head *h)
{
  Mouth m = mouth_of (p, a);
  double mz = mouth_z (p), ny = nose_y (p), nz = nose_z (p);
  double grow = .05 + .07 * p->hair_size, bound_y = 1.25, bound_x, low = 1.25;

  h->skull = ellipsoid (0, .26, -.08, p->skull_w, p->skull_h, p->skull_d);
  h->jaw = ellipsoid (0, -.36 - m.drop * .4, .16, p->jaw_w, p->jaw_h, .66);
  h->chin = ball (0, p->chin_y + p->chin_w - m.drop, p->chin_z, p->chin_w);
  h->cheek = ball (.36, p->cheek_y, .46, p->cheek);
  h->brow =
      ellipsoid (.26, p->brow_y - .05, .66 + p->brow_ridge, .27, .075, .14);
  h->socket = ball (p->eye_x, p->eye_y + .01, .965, .185);
  h->eye = ball (p->eye_x, p->eye_y, eye_z (p), p->eye_r);
  h->nose = ball (0, ny, nz - .09, .09 + .3 * (p->nose_w - .07));
  h->wing = ball (p->nose_w * .85, ny - .005, .80, .055 + p->nose_w * .42);
  h->bridge_a[0] = 0;
  h->bridge_a[1] = p->eye_y + .08f;
  h->bridge_a[2] = .755f;
  h->bridge_d[0] = 0;
  h->bridge_d[1] = (float) (ny + p->nose_up) - h->bridge_a[1];
  h->bridge_d[2] = (float) (nz - .10) - h->bridge_a[2];
  h->bridge_inv =
      1 / (h->bridge_d[1] * h->bridge_d[1] + h->bridge_d[2] * h->bridge_d[2]);
  h->bridge_r = p->nose_bridge + .02f;
  h->upper = ellipsoid (0, p->mouth_y + p->lip_upper * .55 + .01 * a->mouth,
                        mz - .06, m.mouth_w, p->lip_upper + .02, .13);
  h->lower = ellipsoid (0, p->mouth_y - p->lip_lower * .6 - m.lip_drop,
                        mz - .07, m.mouth_w * .85, p->lip_lower + .02, .13);
  h->mouth_open = a->mouth > .04f;
  h->mouth = ellipsoid (0, p->mouth_y - m.lip_drop * .45, mz, m.mouth_w * .80,
                        .012 + m.lip_drop * .55, .30);
  h->ear = ellipsoid (p->skull_w + .01 + p->ear_out, p->eye_y - .07, -.10, .07,
                      p->ear_size, p->ear_size * .62);

  h->has_hair = p->hair != HAIR_NONE && p->hair != HAIR_BUZZ;
  h->hair = ellipsoid (0, .27, -.11, p->skull_w + grow, p->skull_h + grow,
                       p->skull_d + grow * .8);
  h->face_cut =
      ellipsoid (0, -.38, .75, p->skull_w * .90, p->hairline + .40, .80);
  bound_x = p->skull_w + .22;
  switch (p->hair) {
    case HAIR_TOP:
      h->lock[h->n_locks++] = ellipsoid (.10, .95, .12, p->skull_w * .82,
                                         .26 + .14 * p->hair_size, .70);
      break;
    case HAIR_BOB:
      h->lock_mirrored[h->n_locks] = true;
      h->lock[h->n_locks++] =
          ellipsoid (p->skull_w - .02, -.18, -.16, .24, .72, .55);
      break;
    case HAIR_LONG:
      h->lock_mirrored[h->n_locks] = true;
      h->lock[h->n_locks++] =
          ellipsoid (p->skull_w - .04, -.55, -.16, .25, 1.05, .46);
      h->lock[h->n_locks++] = ellipsoid (0, -.5, -.62, .74, 1.1, .34);
      low = 1.65;
      break;
    case HAIR_AFRO:
      h->hair = ellipsoid (0, .40, -.22, 1.02 + .12 * p->hair_size,
                           1.0 + .14 * p->hair_size, 1.05);
      bound_x = 1.25;
      bound_y = 1.62;
      break;
    case HAIR_BUN:
      h->has_bun = true;
      h->bun[1] = 1.30f;
      h->bun[2] = -.2f;
      h->bun[3] = .22f + .1f * p->hair_size;
      bound_y = 1.7;
      break;
    case HAIR_CURTAIN:
      h->lock_mirrored[h->n_locks] = true;
      h->lock[h->n_locks++] =
          ellipsoid (p->skull_w - .10, .0, .22, .22, .78, .40);
      break;
    case HAIR_CAP:
      h->hair = ellipsoid (0, .34, -.09, p->skull_w + .07, p->skull_h + .10,
                           p->skull_d + .06);
      break;
    default:
      break;
  }
  if (p->hair == HAIR_TOP)
    bound_y = 1.5;
  bound_y = (bound_y + low) * .5;
  h->bound =
      ellipsoid (0, bound_y - low, 0, bound_x * 1.22, bound_y * 1.22, 1.5);

  h->glasses = p->glasses;
  h->lens[0] = p->eye_x + .02f;
  h->lens[1] = p->eye_y - .02f;
  h->lens[2] = .93f;
  h->lens_w = .20f + .05f * p->glasses_size;
  h->lens_h = p->glasses == GLASSES_ROUND ? h->lens_w : h->lens_w * .72f;
  h->lens_round = p->glasses == GLASSES_ROUND ? h->lens_w : .05f;
  h->rim = .018f + .016f * p->glasses_size;
  h->temple_x = h->lens[0] + h->lens_w;
  h->temple_z = -.15f;
}

static void
paint (const Person *p, const Actor *a, Head *h)
{
  Mouth m = mouth_of (p, a);

  memcpy (h->skin, p->skin, sizeof h->skin);
  memcpy (h->hair_color, p->hair_color, sizeof h->hair_color);
  memcpy (h->brow_color, p->brow_color, sizeof h->brow_color);
  memcpy (h->iris, p->iris, sizeof h->iris);
  memcpy (h->lips, p->lips, sizeof h->lips);
  memcpy (h->rim_color, p->glasses_color, sizeof h->rim_color);
  if (p->hair == HAIR_CAP)
    for (int c = 0; c < 3; c++)
      h->hair_color[c] = .05f + .4f * p->glasses_color[c];
  h->cap = p->hair == HAIR_CAP;
  h->brow_x = p->eye_x;
  h->brow_y = p->brow_y + .03f * a->smile;
  h->brow_thick = p->brow_thick;
  h->brow_tilt = p->brow_tilt;
  h->brow_arch = p->brow_arch;
  h->brow_len = p->brow_len;
  h->lid_upper = p->eye_open * (1 - a->blink) - .36f * a->blink;
  h->lid_lower = -.36f + .05f * a->smile;
  h->eye_tilt = p->eye_tilt;
  h->gaze_x = .30f * a->gaze_x - .004f * a->yaw;
  h->gaze_y = .22f * a->gaze_y + .05f;
  h->mouth_x = (float) m.mouth_w;
  h->mouth_y = p->mouth_y;
  h->lip_upper = p->lip_upper;
  h->lip_lower = p->lip_lower + (float) m.lip_drop;
  h->smile = a->smile;
  h->hairline = p->hairline;
  h->buzz = p->hair == HAIR_BUZZ ? .75f : p->hair == HAIR_NONE ? .08f : .6f;
  h->chin_y = p->chin_y - (float) m.drop;
  h->beard_low = p->beard == BEARD_FULL      ? .94f
                 : p->beard == BEARD_STUBBLE ? .42f
                                             : 0;
  h->beard_lip =
      p->beard == BEARD_MOUSTACHE || p->beard == BEARD_GOATEE ? .93f : 0;
  h->beard_chin = p->beard == BEARD_GOATEE ? .93f : 0;
  h->freckles = p->freckles;
  h->wrinkles = p->wrinkles;
  h->blush = p->blush;
  h->seed = p->seed;
}

/* The pixels that the projection of an ellipsoid may cover. */
static void
cover (const Ellipsoid *e, double r[3][3], double kx, double ky, double cx,
       double cy, int width, int height, int box[4])
{
  double half[2], mid[2];

  for (int i = 0; i < 2; i++) {
    double sum = 0;
    mid[i] = 0;
    for (int c = 0; c < 3; c++) {
      double v = r[i][c] / e->inv[c];
      sum += v * v;
      mid[i] += r[i][c] * e->c[c];
    }
    half[i] = sqrt (sum);
  }
  double x0 = cx + kx * (mid[0] - half[0]) - 2;
  double x1 = cx + kx * (mid[0] + half[0]) + 2;
  double y0 = cy - ky * (mid[1] + half[1]) - 2;
  double y1 = cy - ky * (mid[1] - half[1]) + 2;
  box[0] = (int) synth_clamp (floor (x0), 0, width);
  box[1] = (int) synth_clamp (floor (y0), 0, height);
  box[2] = (int) synth_clamp (ceil (x1), 0, width);
  box[3] = (int) synth_clamp (ceil (y1), 0, height);
}

static void
body (const Person *p, const Actor *a, double k, double par, double cx,
      double cy, int width, int height, Head *h)
{
  Ellipsoid *t = &h->torso;
  double kx = k / par;

  *t = ellipsoid (0, p->chin_y - 1.35, -.45, 1.72 + .6 * (p->jaw_w - .6), .98,
                  .8);
  h->neck[0] = 0;
  h->neck[1] = p->chin_y - .42f;
  h->neck[2] = -.22f;
  h->neck_inv[0] = 1 / (.40f + .35f * (p->jaw_w - .6f));
  h->neck_inv[1] = 1 / .42f;
  h->nx0 = (float) ((.5 - cx) / kx);
  h->nkx = (float) (1 / kx);
  h->ny0 = (float) ((cy - .5) / k);
  h->nk = (float) (-1 / k);
  h->body_x0 = (int) synth_clamp (floor (cx - kx * 2.2), 0, width);
  h->body_x1 = (int) synth_clamp (ceil (cx + kx * 2.2), 0, width);
  h->body_y0 = (int) synth_clamp (floor (cy + k * .1), 0, height);
  h->body_y1 = height;
  memcpy (h->clothes, a->clothes, sizeof h->clothes);
  memcpy (h->body_key, h->light.key, sizeof h->body_key);
}

void
synth_head (const Person *person, const Actor *actor, const Light *light,
            int width, int height, double par, Head *h)
{
  double r[3][3], k = (double) actor->scale * person->scale * height;
  double cx = actor->x * (double) height / par, cy = actor->y * (double) height;
  int box[4];

  memset (h, 0, sizeof *h);
  rotation (actor, r);
  shapes (person, actor, h);
  paint (person, actor, h);
  h->light = *light;
  body (person, actor, k, par, cx, cy, width, height, h);
  cover (&h->bound, r, k / par, k, cx, cy, width, height, box);
  h->x0 = box[0];
  h->y0 = box[1];
  h->x1 = box[2];
  h->y1 = box[3];
  h->pixel = (float) (1 / k);
  h->depth_o = 3;
  for (int c = 0; c < 3; c++) {
    h->dx[c] = (float) (r[0][c] * par / k);
    h->dy[c] = (float) (-r[1][c] / k);
    h->dir[c] = (float) -r[2][c];
    h->o[c] = (float) (r[0][c] * (.5 - cx) * par / k - r[1][c] * (.5 - cy) / k
                       + r[2][c] * h->depth_o);
    h->key[c] = (float) (r[0][c] * light->key[0] + r[1][c] * light->key[1]
                         + r[2][c] * light->key[2]);
    h->sky[c] = (float) r[1][c];
  }
}

void
synth_features (const Person *p, const Actor *a, double height,
                double points[10], double box[4])
{
  Mouth m = mouth_of (p, a);
  double k = (double) a->scale * p->scale * height, r[3][3];
  double mouth_corner_y = p->mouth_y + .03 - m.lip_drop * .4 + .03 * a->smile;
  double from[5][3] = {
    { -p->eye_x * 1.06, p->eye_y + .025, .80 },
    { p->eye_x * 1.06, p->eye_y + .025, .80 },
    { 0, nose_y (p) + .05 + .5 * p->nose_up, nose_z (p) },
    { -m.mouth_w * .85 - .045, mouth_corner_y, mouth_z (p) - .10 },
    { m.mouth_w * .85 + .045, mouth_corner_y, mouth_z (p) - .10 },
  };
  /* the outline: forehead, temples, cheek bones, jaw, chin, nose */
  double jaw = p->jaw_w;
  double outline[12][3] = {
    { 0, .75, .70 },
    { -.30, .74, .62 },
    { .30, .74, .62 },
    { -p->skull_w * .93, .15, .15 },
    { p->skull_w * .93, .15, .15 },
    { -p->skull_w * .92, -.10, .15 },
    { p->skull_w * .92, -.10, .15 },
    { -jaw * .98, -.45, .25 },
    { jaw * .98, -.45, .25 },
    { 0, p->chin_y - m.drop - .02, p->chin_z },
    { 0, nose_y (p), nose_z (p) },
    { 0, p->chin_y - m.drop + .1, p->chin_z + p->chin_w },
  };

  rotation (a, r);
  for (int i = 0; i < 5 + 12; i++) {
    const double *v = i < 5 ? from[i] : outline[i - 5];
    double x =
        a->x * height + k * (r[0][0] * v[0] + r[0][1] * v[1] + r[0][2] * v[2]);
    double y =
        a->y * height - k * (r[1][0] * v[0] + r[1][1] * v[1] + r[1][2] * v[2]);
    if (i < 5) {
      points[2 * i] = x;
      points[2 * i + 1] = y;
      continue;
    }
    if (i == 5 || x < box[0])
      box[0] = x;
    if (i == 5 || y < box[1])
      box[1] = y;
    if (i == 5 || x > box[2])
      box[2] = x;
    if (i == 5 || y > box[3])
      box[3] = y;
  }
}
