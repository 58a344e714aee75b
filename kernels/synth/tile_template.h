/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One tile of a frame: the ground, the people from the farthest to the nearest,
 * then the samples of the picture. LANES and NAME are the includer's. */

#include "synth/private.h"
#include "synth/vector.h"
#include "synth/head_template.h"
#include "synth/background_template.h"

/* As shown, 0 to 1; planes, so that a row's neighbours are a vector. */
typedef struct {
  float c[3][TILE_H][TILE_W] __attribute__ ((aligned (64)));
} Tile;

#define HALF_W (TILE_W / 2)
#define HALF_H (TILE_H / 2)
/* Steps of a ray at most; more are wanted only where it grazes. */
#define STEPS 40

/* The ground is drawn at half the size, with a border of one, and enlarged:
 * it is out of focus anyway. */
static void
draw_ground (const Frame *f, Tile *tile, int tx, int ty)
{
  float half[3][HALF_H + 2][HALF_W + 2 + LANES];

  for (int j = 0; j < HALF_H + 2; j++)
    for (int i = 0; i < HALF_W + 2; i += LANES) {
      V x = f->ground_x + (v_iota () + (float) (tx / 2 + i - 1)) * f->ground_kx;
      V y = v_set (f->ground_y + (float) (ty / 2 + j - 1) * f->ground_ky);
      C c = ground_paint (x, y, &f->ground);
      v_store (&half[0][j][i], c.r);
      v_store (&half[1][j][i], c.g);
      v_store (&half[2][j][i], c.b);
    }
  for (int c = 0; c < 3; c++)
    for (int y = 0; y < TILE_H; y++) {
      int j = (y + 1) / 2;
      float wy = y & 1 ? .25f : .75f;
      float row[HALF_W + 2 + LANES];
      for (int i = 0; i < HALF_W + 2; i += LANES) {
        V a = v_load (&half[c][j][i]), b = v_load (&half[c][j + 1][i]);
        v_store (&row[i], a + (b - a) * wy);
      }
      for (int i = 0; i < HALF_W; i++) {
        tile->c[c][y][2 * i] = row[i] + (row[i + 1] - row[i]) * .75f;
        tile->c[c][y][2 * i + 1] =
            row[i + 1] + (row[i + 2] - row[i + 1]) * .25f;
      }
    }
}

/* From light to what is shown: gamma 2. */
INLINE V
shown (V v)
{
  return V_SQRT (v_clamp (v, 0, 1));
}

INLINE void
put (Tile *tile, int x, int y, C c, V alpha)
{
  V rgb[3] = { c.r, c.g, c.b };

  for (int i = 0; i < 3; i++) {
    float *p = &tile->c[i][y][x];
    v_store (p, v_mix (v_load (p), shown (rgb[i]), alpha));
  }
}

/* ---- Neck and shoulders: quadrics, hit without steps. */

/* Shoulders: an ellipsoid with a squarer outline that goes on below its middle.
 * Depth of the front at (x, y) towards the camera; alpha 0 to 1; n its normal,
 * not of length 1. */
INLINE V
shoulders (V x, V y, const Ellipsoid *e, float pixel, V *alpha, P *n)
{
  V u = (x - e->c[0]) * e->inv[0];
  V v = V_MAX ((y - e->c[1]) * e->inv[1], v_set (0));
  V u2 = u * u, in = 1.f - u2 * u2 - v * v;
  V z = V_SQRT (V_MAX (in, v_set (0)));

  *alpha = v_clamp (in * (.25f / (pixel * e->inv[1])) + .5f, 0, 1);
  n->x = u2 * u * (2 * e->inv[0]);
  n->y = v * e->inv[1];
  n->z = z * e->inv[2] + .1f;
  return e->c[2] + z * (1 / e->inv[2]);
}

INLINE V
draw_body_at (const Head *h, Tile *tile, int x, int y, V px, V py)
{
  static const float up[3] = { 0, 1, 0 };
  V bx = h->nx0 + px * h->nkx, by = v_set (h->ny0) + py * h->nk;
  P n, torso_n;
  V torso_a,
      torso_z = shoulders (bx, by, &h->torso, h->pixel, &torso_a, &torso_n);
  V u = bx * h->neck_inv[0], in = 1.f - u * u;
  V neck_a = v_clamp (in * (.5f / (h->pixel * h->neck_inv[0])) + .5f, 0, 1)
             * v_smooth ((-.2f - by) * 10.f)
             * v_smooth ((by - h->neck[1] + .35f) * 8.f);
  V neck_z = V_SQRT (V_MAX (in, v_set (0))) * (1 / h->neck_inv[1]) + h->neck[2];
  /* lanes beyond what the narrow version looks at have nothing */
  V within = V_PICK (V_LT (px, v_set ((float) h->body_x1))
                         & ~V_LT (px, v_set ((float) h->body_x0)),
                     v_set (1), v_set (0));
  V collar = v_length (bx, (by - h->neck[1]) * 1.7f, v_set (0)) - .50f;
  V none = v_set (-9), z = none;
  C c;

  neck_a = neck_a * within;
  torso_a = torso_a * within;
  if (V_ANY (V_LT (v_set (0), neck_a))) {
    V ny = v_set (0), nz = neck_z - h->neck[2];
    V len = V_SQRT (u * u * h->neck_inv[0] * h->neck_inv[0]
                    + nz * nz * h->neck_inv[1] * h->neck_inv[1] * h->neck_inv[1]
                          * h->neck_inv[1])
            + 1e-6f;
    n.x = u * h->neck_inv[0] / len;
    n.y = ny;
    n.z = nz * h->neck_inv[1] * h->neck_inv[1] / len;
    /* the chin's shadow */
    c = lit (color (h->skin), n, h->body_key, up, &h->light,
             .30f + .6f * v_smooth ((-.85f - by) * 1.6f), .35f, .2f, .02f, 16);
    put (tile, x, y, c, neck_a);
    z = V_PICK (V_LT (v_set (.5f), neck_a), neck_z, none);
  }
  torso_a = torso_a * v_smooth (collar * 12.f + .5f);
  if (V_ANY (V_LT (v_set (0), torso_a))) {
    V weave = v_noise2 (bx * 30.f, by * 30.f, h->seed + 8);
    n = torso_n;
    V len = 1.f / (v_length (n.x, n.y, n.z) + 1e-6f);
    n.x = n.x * len;
    n.y = n.y * len;
    n.z = n.z * len;
    c = lit (shade (color (h->clothes), .8f + .3f * weave), n, h->body_key, up,
             &h->light, v_set (.75f), .2f, .2f, 0, 16);
    put (tile, x, y, c, torso_a);
    z = V_PICK (V_LT (v_set (.5f), torso_a), V_MAX (z, torso_z), z);
  }
  return z;
}

/* ---- The head: walks along the rays of some pixels of a row. */

typedef struct {
  V t;     /* where the ray is nearest to the head */
  V alpha; /* how much of the pixel the head covers */
} Hit;

INLINE Hit
walk (const Head *h, const V o[3])
{
  const Ellipsoid *e = &h->bound;
  const float *d = h->dir;
  float ex = d[0] * e->inv[0], ey = d[1] * e->inv[1], ez = d[2] * e->inv[2];
  float a = ex * ex + ey * ey + ez * ez;
  V ux = (o[0] - e->c[0]) * e->inv[0], uy = (o[1] - e->c[1]) * e->inv[1],
    uz = (o[2] - e->c[2]) * e->inv[2];
  V b = ux * ex + uy * ey + uz * ez;
  V c = ux * ux + uy * uy + uz * uz - 1.f;
  V q = b * b - a * c;
  I live = V_LT (v_set (0), q);
  V root = V_SQRT (V_MAX (q, v_set (0)));
  V t = (-b - root) * (1 / a), end = (root - b) * (1 / a);
  V best = v_set (1e9f), at = t;
  float near = .4f * h->pixel + 2e-4f;
  Hit hit;

  for (int i = 0; i < STEPS && V_ANY (live); i++) {
    V s = head_at (o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2], h);
    I nearer = live & V_LT (s, best);
    best = V_PICK (nearer, s, best);
    at = V_PICK (nearer, t, at);
    live = live & V_LT (v_set (near), s);
    t = V_PICK (live, t + s, t);
    live = live & V_LT (t, end);
  }
  hit.t = at;
  hit.alpha = v_clamp (1.4f - best * (1 / (h->pixel + 1e-9f)), 0, 1);
  return hit;
}

INLINE P
normal (const Head *h, P p)
{
  float e = .004f + .5f * h->pixel;
  V a = head_at (p.x + e, p.y - e, p.z - e, h);
  V b = head_at (p.x - e, p.y - e, p.z + e, h);
  V c = head_at (p.x - e, p.y + e, p.z - e, h);
  V d = head_at (p.x + e, p.y + e, p.z + e, h);
  P n = { a - b - c + d, c + d - a - b, b + d - a - c };
  V len = 1.f / (v_length (n.x, n.y, n.z) + 1e-9f);

  n.x = n.x * len;
  n.y = n.y * len;
  n.z = n.z * len;
  return n;
}

/* The colour of a point of the surface; where two materials meet it passes from
 * one to the other within a pixel. */
INLINE C
head_color (const Head *h, P p, P n)
{
  V ax = v_abs (p.x);
  V skin_d = skin_at (p, ax, h), eye_d = eye_at (p, ax, h);
  V occluder =
      head_at (p.x + n.x * .16f, p.y + n.y * .16f, p.z + n.z * .16f, h);
  V ao = v_clamp (.15f + occluder * (.85f / .15f), 0, 1);
  float soft = 1 / (1.2f * h->pixel + .002f);
  V is_eye = v_smooth ((skin_d - eye_d) * soft + .5f);
  C c = skin_paint (p, ax, h);

  if (V_ANY (V_LT (v_set (0), is_eye)))
    c = blend (c, eye_paint (p, ax, h), is_eye);
  c = lit (c, n, h->key, h->sky, &h->light, ao, .32f, .18f, .06f, 16);
  if (h->has_hair) {
    V is_hair =
        v_smooth ((V_MIN (skin_d, eye_d) - hair_at (p, ax, h)) * soft + .5f);
    if (V_ANY (V_LT (v_set (0), is_hair)))
      c = blend (c,
                 lit (hair_paint (p, ax, h), n, h->key, h->sky, &h->light,
                      .3f + .7f * ao, .2f, .2f, h->cap ? 0 : .05f, 16),
                 is_hair);
  }
  if (h->glasses) {
    V d = glasses_at (p, ax, h);
    V is_rim = v_smooth ((V_MIN (skin_d, eye_d) - d) * soft + .5f)
               * v_smooth ((.02f - d) * 100.f);
    c = blend (c,
               lit (color (h->rim_color), n, h->key, h->sky, &h->light,
                    v_set (.8f), .1f, .1f, .35f, 32),
               is_rim);
  }
  return c;
}

INLINE void
draw_head_at (const Head *h, Tile *tile, int x, int y, V px, V py, V body_z)
{
  V o[3];
  I behind;
  Hit hit;
  P p;

  for (int c = 0; c < 3; c++)
    o[c] = h->o[c] + px * h->dx[c] + py * h->dy[c];
  hit = walk (h, o);
  behind = V_LT (h->depth_o - hit.t, body_z);
  hit.alpha = V_PICK (behind, v_set (0), hit.alpha);
  if (!V_ANY (V_LT (v_set (0), hit.alpha)))
    return;
  p.x = o[0] + hit.t * h->dir[0];
  p.y = o[1] + hit.t * h->dir[1];
  p.z = o[2] + hit.t * h->dir[2];
  put (tile, x, y, head_color (h, p, normal (h, p)), hit.alpha);
}

/* Vectors start at fixed places of the tile, so that a pixel's neighbours are
 * the same whatever the head's edges are. */
static void
draw_person (const Head *h, Tile *tile, int tx, int ty)
{
  for (int y = 0; y < TILE_H; y++) {
    int fy = ty + y;
    bool body = fy >= h->body_y0 && fy < h->body_y1;
    bool head = fy >= h->y0 && fy < h->y1;
    for (int x = 0; x < TILE_W && (body || head); x += LANES) {
      int fx = tx + x;
      bool b = body && fx + LANES > h->body_x0 && fx < h->body_x1;
      V px = v_iota () + (float) fx, py = v_set ((float) fy);
      V z = v_set (-9);
      if (b)
        z = draw_body_at (h, tile, x, y, px, py);
      if (head && fx + LANES > h->x0 && fx < h->x1)
        draw_head_at (h, tile, x, y, px, py, z);
    }
  }
}

/* ---- Samples */

/* One row of a channel, 0..255 in floats: rounded and written with a step. */
INLINE void
write_row (uint8_t *out, int step, const float *v, int n)
{
  if (step == 1)
    for (int i = 0; i < n; i++)
      out[i] = (uint8_t) (int) (v[i] + .5f);
  else
    for (int i = 0; i < n; i++)
      out[i * step] = (uint8_t) (int) (v[i] + .5f);
}

static void
write_rgb (const Tile *tile, const Layout *l, int tx, int ty, int w, int h)
{
  for (int y = 0; y < h; y++) {
    for (int c = 0; c < 3; c++) {
      float row[TILE_W];
      for (int x = 0; x < TILE_W; x += LANES)
        v_store (&row[x], v_load (&tile->c[c][y][x]) * 255.f);
      write_row (l->at[c] + (ptrdiff_t) (ty + y) * l->stride[c]
                     + (ptrdiff_t) tx * l->step[c],
                 l->step[c], row, w);
    }
    if (l->at[3]) {
      uint8_t *p = l->at[3] + (ptrdiff_t) (ty + y) * l->stride[3]
                   + (ptrdiff_t) tx * l->step[3];
      for (int x = 0; x < w; x++)
        p[x * l->step[3]] = 255;
    }
  }
}

INLINE V
mixed (const float m[4], V r, V g, V b)
{
  return v_clamp (r * m[0] + g * m[1] + b * m[2] + m[3], 0, 255);
}

/* A row of chroma: of pairs of pixels and of rows where it is halved. `last` is
 * the last row and column that the frame has. */
static void
write_chroma_row (const Tile *tile, const Layout *l, int c, int tx, int ty,
                  int y, int w, int h)
{
  float rgb[3][TILE_W], row[TILE_W];
  int y1 = l->sub_y && y + 1 < h ? y + 1 : y;
  int n = (w + l->sub_x) >> l->sub_x;

  for (int k = 0; k < 3; k++) {
    float sum[TILE_W + 1];
    for (int x = 0; x < TILE_W; x += LANES)
      v_store (&sum[x],
               (v_load (&tile->c[k][y][x]) + v_load (&tile->c[k][y1][x]))
                   * .5f);
    if (!l->sub_x) {
      memcpy (rgb[k], sum, sizeof rgb[k]);
      continue;
    }
    sum[w] = sum[w - 1];
    for (int i = 0; i < TILE_W; i++)
      rgb[k][i] = i < n ? (sum[2 * i] + sum[2 * i + 1]) * .5f : 0;
  }
  for (int x = 0; x < TILE_W; x += LANES)
    v_store (&row[x], mixed (l->m[c], v_load (&rgb[0][x]), v_load (&rgb[1][x]),
                             v_load (&rgb[2][x])));
  write_row (l->at[c] + (ptrdiff_t) ((ty + y) >> l->sub_y) * l->stride[c]
                 + (ptrdiff_t) (tx >> l->sub_x) * l->step[c],
             l->step[c], row, n);
}

static void
write_yuv (const Tile *tile, const Layout *l, int tx, int ty, int w, int h)
{
  for (int y = 0; y < h; y++) {
    float row[TILE_W];
    for (int x = 0; x < TILE_W; x += LANES)
      v_store (&row[x],
               mixed (l->m[0], v_load (&tile->c[0][y][x]),
                      v_load (&tile->c[1][y][x]), v_load (&tile->c[2][y][x])));
    write_row (l->at[0] + (ptrdiff_t) (ty + y) * l->stride[0]
                   + (ptrdiff_t) tx * l->step[0],
               l->step[0], row, w);
    if (l->chroma && !(l->sub_y && (y & 1)))
      for (int c = 1; c < 3; c++)
        write_chroma_row (tile, l, c, tx, ty, y, w, h);
  }
}

static void
finish (const Frame *f, Tile *tile)
{
  for (int c = 0; c < 3; c++)
    for (int y = 0; y < TILE_H; y++)
      for (int x = 0; x < TILE_W; x += LANES) {
        float *p = &tile->c[c][y][x];
        v_store (p, v_clamp (v_load (p) * f->brightness, 0, 1));
      }
}

void
NAME (const Frame *f, const Layout *l, int tx, int ty)
{
  int w = f->width - tx < TILE_W ? f->width - tx : TILE_W;
  int h = f->height - ty < TILE_H ? f->height - ty : TILE_H;
  Tile tile;

  draw_ground (f, &tile, tx, ty);
  for (int i = 0; i < f->n; i++) {
    const Head *p = &f->head[i];
    if ((ty < p->body_y1 && ty + TILE_H > p->body_y0 && tx < p->body_x1
         && tx + TILE_W > p->body_x0)
        || (ty < p->y1 && ty + TILE_H > p->y0 && tx < p->x1
            && tx + TILE_W > p->x0))
      draw_person (p, &tile, tx, ty);
  }
  finish (f, &tile);
  if (l->rgb)
    write_rgb (&tile, l, tx, ty, w, h);
  else
    write_yuv (&tile, l, tx, ty, w, h);
}
