/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A head: its shape as a distance, and the colour of a point on it. Included
 * by tile_template.h, after vector.h. A lane's result depends on nothing but
 * that lane: what is skipped is skipped only when no lane wants it. */

typedef struct {
  V x, y, z;
} P;

/* ---- Shapes: distance to the surface, negative inside; never more than the
 * true one outside, so that a step of that length cannot pass through. */

/* First-order distance of |p/r|^2 = 1: exact at the surface. */
INLINE V
ellipsoid_at (P p, V x, const Ellipsoid *e)
{
  V ux = (x - e->c[0]) * e->inv[0], uy = (p.y - e->c[1]) * e->inv[1],
    uz = (p.z - e->c[2]) * e->inv[2];
  V a = ux * ux + uy * uy + uz * uz;
  V gx = ux * e->inv[0], gy = uy * e->inv[1], gz = uz * e->inv[2];

  return (a - 1.f) / (2.f * V_SQRT (gx * gx + gy * gy + gz * gz) + 1e-6f);
}

INLINE V
ball_at (P p, V x, const Ball *b)
{
  return v_length (x - b->c[0], p.y - b->c[1], p.z - b->c[2]) - b->r;
}

/* Quilez's quadratic smooth minimum: differs from the minimum where the two
 * are within k. */
INLINE V
unite (V a, V b, float k)
{
  V h = V_MAX (k - v_abs (a - b), v_set (0));

  return V_MIN (a, b) - h * h * (.25f / k);
}

INLINE V
carve (V a, V b, float k)
{
  V h = V_MAX (k - v_abs (a + b), v_set (0));

  return V_MAX (a, -b) + h * h * (.25f / k);
}

INLINE V
bridge_at (P p, const Head *h)
{
  V y = p.y - h->bridge_a[1], z = p.z - h->bridge_a[2];
  V t =
      v_clamp ((y * h->bridge_d[1] + z * h->bridge_d[2]) * h->bridge_inv, 0, 1);

  return v_length (p.x, y - t * h->bridge_d[1], z - t * h->bridge_d[2])
         - h->bridge_r;
}

INLINE V
skin_at (P p, V ax, const Head *h)
{
  V d = ellipsoid_at (p, p.x, &h->skull);

  d = unite (d, ellipsoid_at (p, p.x, &h->jaw), .30f);
  d = unite (d, ball_at (p, p.x, &h->chin), .20f);
  d = unite (d, ball_at (p, ax, &h->cheek), .22f);
  d = unite (d, ellipsoid_at (p, ax, &h->brow), .12f);
  d = carve (d, ball_at (p, ax, &h->socket), .14f);
  d = unite (d, bridge_at (p, h), .10f);
  d = unite (d, ball_at (p, p.x, &h->nose), .09f);
  d = unite (d, ball_at (p, ax, &h->wing), .05f);
  d = unite (d, ellipsoid_at (p, p.x, &h->upper), .05f);
  d = unite (d, ellipsoid_at (p, p.x, &h->lower), .05f);
  if (h->mouth_open)
    d = carve (d, ellipsoid_at (p, p.x, &h->mouth), .03f);
  return unite (d, ellipsoid_at (p, ax, &h->ear), .05f);
}

INLINE V
hair_at (P p, V ax, const Head *h)
{
  V d = ellipsoid_at (p, p.x, &h->hair);

  for (int i = 0; i < h->n_locks; i++)
    d = unite (d, ellipsoid_at (p, h->lock_mirrored[i] ? ax : p.x, &h->lock[i]),
               .15f);
  d = carve (d, ellipsoid_at (p, p.x, &h->face_cut), .10f);
  if (h->cap) {
    /* a brim, and nothing below it */
    V below = .30f + p.z * .16f - p.y;
    d = carve (ellipsoid_at (p, p.x, &h->hair), -below, .05f);
  }
  if (h->has_bun)
    d = unite (d, v_length (p.x, p.y - h->bun[1], p.z - h->bun[2]) - h->bun[3],
               .08f);
  return d;
}

/* Rims of rounded rectangles bent around the face, a bridge, and temples. */
INLINE V
glasses_at (P p, V ax, const Head *h)
{
  V z = p.z - h->lens[2] + ax * ax * .28f;
  V qx = v_abs (ax - h->lens[0]) - (h->lens_w - h->lens_round);
  V qy = v_abs (p.y - h->lens[1]) - (h->lens_h - h->lens_round);
  V ox = V_MAX (qx, v_set (0)), oy = V_MAX (qy, v_set (0));
  V flat = V_SQRT (ox * ox + oy * oy) + V_MIN (V_MAX (qx, qy), v_set (0))
           - h->lens_round;
  V rim = V_SQRT (flat * flat + z * z) - h->rim;
  V bx = V_MAX (ax - (h->lens[0] - h->lens_w), v_set (0));
  V by = p.y - h->lens[1] - .04f;
  V bridge = V_SQRT (bx * bx + by * by + z * z) - h->rim;
  V tz = p.z - v_clamp (p.z, h->temple_z, h->lens[2] - .25f);
  V tx = ax - h->temple_x, ty = p.y - h->lens[1] - .06f;
  V temple = V_SQRT (tx * tx + ty * ty + tz * tz) - h->rim;

  return V_MIN (V_MIN (rim, bridge), temple) * .85f;
}

INLINE V
eye_at (P p, V ax, const Head *h)
{
  return ball_at (p, ax, &h->eye);
}

/* All of it. */
static V
head_at (V x, V y, V z, const Head *h)
{
  P p = { x, y, z };
  V ax = v_abs (x);
  V d = V_MIN (skin_at (p, ax, h), eye_at (p, ax, h));

  if (h->has_hair)
    d = V_MIN (d, hair_at (p, ax, h));
  if (h->glasses)
    d = V_MIN (d, glasses_at (p, ax, h));
  return d;
}

/* ---- Paint: linear colours. */

typedef struct {
  V r, g, b;
} C;

INLINE C
color (const float c[3])
{
  C o = { v_set (c[0]), v_set (c[1]), v_set (c[2]) };
  return o;
}

INLINE C
blend (C a, C b, V t)
{
  C o = { v_mix (a.r, b.r, t), v_mix (a.g, b.g, t), v_mix (a.b, b.b, t) };
  return o;
}

INLINE C
shade (C a, V t)
{
  C o = { a.r * t, a.g * t, a.b * t };
  return o;
}

INLINE C
dye (C c, float r, float g, float b, V t)
{
  C d = { v_set (r), v_set (g), v_set (b) };
  return blend (c, d, t);
}

INLINE C
eye_paint (P p, V ax, const Head *h)
{
  static const float white[3] = { .62f, .58f, .55f };
  float inv = 1 / h->eye.r;
  V u = (ax - h->eye.c[0]) * inv, v = (p.y - h->eye.c[1]) * inv;
  V side = V_PICK (V_LT (p.x, v_set (0)), v_set (-1), v_set (1));
  V iu = u - h->gaze_x * side, iv = v - h->gaze_y;
  V r = V_SQRT (iu * iu + iv * iv), w = 1.f - u * u * 1.10f;
  V top = h->lid_upper * w + u * h->eye_tilt;
  V low = h->lid_lower * w + u * h->eye_tilt;
  V soft = v_set (1 / (.06f + 1.2f * h->pixel * inv));
  V open =
      v_smooth ((top - v) * soft + .5f) * v_smooth ((v - low) * soft + .5f);
  V lash =
      v_smooth (1.f - v_abs (v - top - .02f) * 9.f) * v_smooth (w * 6.f + .6f);
  C c = color (white);
  V glint_u = iu + .13f, glint_v = iv - .15f;
  V glint =
      v_smooth ((.10f - V_SQRT (glint_u * glint_u + glint_v * glint_v)) * 16.f);

  c = blend (c, shade (color (h->iris), .65f + r * 1.1f),
             v_smooth ((.46f - r) * soft + .5f));
  c = dye (c, .004f, .004f, .005f,
           v_smooth ((r - .38f) * 12.f) * v_smooth ((.50f - r) * 12.f) * .7f);
  c = dye (c, .003f, .003f, .003f, v_smooth ((.20f - r) * soft + .5f));
  c = shade (c, .55f + .45f * v_smooth ((top - v) * 3.f));
  c = dye (c, .9f, .9f, .9f, glint);
  c = blend (shade (color (h->skin), v_set (.80f)), c, open);
  return dye (c, .012f, .009f, .008f, lash * .85f);
}

/* 1 on the lips; the line between them is dark. */
INLINE C
lip_paint (C c, P p, V ax, const Head *h)
{
  V u = ax * (1 / h->mouth_x);
  V y = p.y - h->mouth_y - h->smile * .05f * u * u;
  V w = V_MAX (1.f - u * u, v_set (0));
  V bow = 1.f - .25f * v_smooth (1.f - ax * 14.f);
  V up = (h->lip_upper * 1.25f + .012f) * w * bow;
  V down = (h->lip_lower * 1.25f + .012f) * w;
  V soft = v_set (1 / (.02f + h->pixel));
  V in = v_smooth ((up - y) * soft + .3f) * v_smooth ((y + down) * soft + .3f)
         * v_smooth ((w - .02f) * 8.f) * v_smooth (p.z * 4.f - 1.2f);
  V line = v_smooth (1.f - v_abs (y + .01f) * 60.f) * v_smooth (w * 4.f)
           * v_smooth (p.z * 4.f - 1.2f);

  c = blend (c, color (h->lips), in * .9f);
  return dye (c, .05f, .012f, .012f, line * .7f);
}

/* Inside of the mouth: teeth above, dark below. */
INLINE C
mouth_paint (C c, P p, const Head *h)
{
  V d = ellipsoid_at (p, p.x, &h->mouth);
  V in = v_smooth (.8f - d * 90.f);
  V teeth = v_smooth ((p.y - h->mouth.c[1]) * h->mouth.inv[1] * 3.f - .6f);

  c = dye (c, .035f, .008f, .008f, in);
  return dye (c, .55f, .52f, .47f, in * teeth * .9f);
}

INLINE C
brow_paint (C c, P p, V ax, const Head *h)
{
  V u = (ax - h->brow_x) * (1 / h->brow_len);
  V y = p.y - h->brow_y - u * h->brow_len * h->brow_tilt
        + u * u * h->brow_len * h->brow_len * h->brow_arch;
  V thick = h->brow_thick * (1.15f - .45f * u);
  V hairs = v_noise2 (p.x * 60.f + p.y * 30.f, p.y * 26.f, h->seed);
  V in = v_smooth ((thick - v_abs (y)) * (1 / (.022f + h->pixel)) + .35f)
         * v_smooth ((1.f - v_abs (u)) * 5.f) * v_smooth (p.z * 5.f - 1.5f);

  return blend (c, color (h->brow_color), in * (.70f + .30f * hairs));
}

INLINE C
beard_paint (C c, P p, V ax, const Head *h)
{
  float mid = h->mouth_y;
  V grain = v_noise2 (p.x * 42.f, p.y * 30.f + p.z * 16.f, h->seed + 7);
  /* below a line from the ear to the mouth's corner */
  V line = mid + .12f + .9f * V_MAX (ax - .28f, v_set (0)) - p.y;
  V bare = v_smooth (1.6f - v_abs (p.y - mid) * 9.f)
           * v_smooth (2.2f - ax * (1.7f / h->mouth_x));
  V full = v_smooth (line * 7.f) * (1.f - bare) * v_smooth (p.z * 5.f + 1.4f);
  V lip =
      v_smooth (1.5f - v_abs (p.y - mid - .04f - h->lip_upper * 1.5f) * 16.f)
      * v_smooth ((h->mouth_x * 1.15f - ax) * 14.f)
      * v_smooth (p.z * 5.f - 2.f);
  V chin = v_smooth ((mid - .06f - h->lip_lower * 1.4f - p.y) * 14.f)
           * v_smooth ((.26f - ax) * 12.f) * v_smooth (p.z * 5.f - 1.f);
  V in = V_MAX (V_MAX (full * h->beard_low, lip * h->beard_lip),
                chin * h->beard_chin);

  /* the moustache of a full beard */
  in = V_MAX (in, lip * h->beard_low);
  return blend (c, color (h->brow_color), in * (.75f + .25f * grain));
}

INLINE C
skin_paint (P p, V ax, const Head *h)
{
  C c = color (h->skin);
  V pores = v_noise3 (p.x * 17.f, p.y * 17.f, p.z * 17.f, h->seed + 1);
  V patch = v_noise3 (p.x * 4.f, p.y * 4.f, p.z * 4.f, h->seed + 2);
  V cheek = v_smooth (
      1.f - v_length (ax - .38f, p.y - h->cheek.c[1], p.z - .65f) * 3.2f);
  V nose = v_smooth (1.f - v_length (p.x, p.y - h->nose.c[1], p.z - 1.f) * 4.f);
  V red = (cheek + nose) * h->blush * .28f;
  V under = v_smooth (1.f
                      - v_length ((ax - h->eye.c[0]) * .6f,
                                  p.y - h->eye.c[1] + .19f, v_set (0))
                            * 8.f)
            * v_smooth (p.z * 5.f - 2.f);
  V scalp;

  c = shade (c, .90f + .13f * pores + .09f * patch);
  c.g = c.g * (1.f - red * .6f);
  c.b = c.b * (1.f - red * .5f);
  c = shade (c, 1.f - under * (.12f + .25f * h->wrinkles));
  if (h->freckles > 0) {
    V spots = v_noise2 (p.x * 34.f, p.y * 34.f, h->seed + 3);
    c = shade (c, 1.f
                      - v_smooth (spots * 6.f - 4.2f) * (.2f + cheek)
                            * (.5f * h->freckles));
  }
  if (h->wrinkles > 0) {
    V f = p.y * 22.f + patch * 1.5f;
    V fold = f - I_TO_V (v_floor (f));
    V lines = v_smooth (1.f - v_abs (fold - .5f) * 5.f)
              * v_smooth ((p.y - h->brow_y - .08f) * 9.f)
              * v_smooth ((.5f - ax) * 6.f);
    V dy = h->nose.c[1] - p.y;
    V cheeks = v_smooth (1.f - v_abs (ax - .17f - dy * .45f) * 24.f)
               * v_smooth (dy * 9.f) * v_smooth (2.f - dy * 6.f);
    c = shade (c, 1.f - (lines * .22f + cheeks * .3f) * h->wrinkles);
  }
  /* the scalp under the hair, and what a razor left */
  scalp = ellipsoid_at (p, p.x, &h->face_cut) * 9.f;
  c = blend (c, color (h->hair_color),
             v_smooth (scalp) * v_smooth ((p.y - .02f) * 8.f + p.z * -2.f)
                 * v_smooth (ellipsoid_at (p, ax, &h->ear) * 30.f)
                 * (h->buzz * (.7f + .3f * pores)));
  c = brow_paint (c, p, ax, h);
  c = lip_paint (c, p, ax, h);
  c = beard_paint (c, p, ax, h);
  if (h->mouth_open)
    c = mouth_paint (c, p, h);
  return c;
}

INLINE C
hair_paint (P p, V ax, const Head *h)
{
  V long_hairs = v_noise3 (p.x * 26.f, p.y * 5.f, p.z * 26.f, h->seed + 4);
  V clumps = v_noise3 (p.x * 7.f, p.y * 3.f, p.z * 7.f, h->seed + 5);

  if (h->cap)
    return shade (color (h->hair_color), .8f + .2f * long_hairs);
  return shade (color (h->hair_color), .45f + .6f * long_hairs + .5f * clumps);
}

/* ---- Light */

INLINE C
lit (C c, P n, const float key[3], const float sky[3], const Light *l, V ao,
     float wrap_r, float wrap_g, float shine, float power)
{
  V k = n.x * key[0] + n.y * key[1] + n.z * key[2];
  V up = .5f + .5f * (n.x * sky[0] + n.y * sky[1] + n.z * sky[2]);
  V kr = V_MAX (k + wrap_r, v_set (0)) * (1 / (1 + wrap_r));
  V kg = V_MAX (k + wrap_g, v_set (0)) * (1 / (1 + wrap_g));
  V sharp = .45f + .55f * ao;
  C o = {
    c.r
        * (kr * sharp * l->key_color[0]
           + ao
                 * v_mix (v_set (l->floor_color[0]), v_set (l->sky_color[0]),
                          up)),
    c.g
        * (kg * sharp * l->key_color[1]
           + ao
                 * v_mix (v_set (l->floor_color[1]), v_set (l->sky_color[1]),
                          up)),
    c.b
        * (kg * sharp * l->key_color[2]
           + ao
                 * v_mix (v_set (l->floor_color[2]), v_set (l->sky_color[2]),
                          up)),
  };

  /* a highlight: a power of two of the cosine */
  V s = V_MAX (k, v_set (0));
  s = s * s;
  s = s * s;
  s = s * s;
  s = s * s * shine;
  if (power > 16)
    s = s * s * (1 / (shine + 1e-6f));
  o.r = o.r + s * l->key_color[0];
  o.g = o.g + s * l->key_color[1];
  o.b = o.b + s * l->key_color[2];
  return o;
}
