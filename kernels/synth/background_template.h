/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Grounds: what rooms and streets are like when they are a little out of
 * focus, and nothing that is like a face. Colours as they are shown, 0 to 1.
 * x, y in heights of the display. */

INLINE V
edge (V d, float soft)
{
  return v_smooth (d * (1 / soft) + .5f);
}

INLINE V
clouds (V x, V y, uint32_t seed)
{
  return v_noise2 (x, y, seed) * .55f
         + v_noise2 (x * 2.1f + 7.f, y * 2.1f, seed + 1) * .3f
         + v_noise2 (x * 4.3f, y * 4.3f + 3.f, seed + 2) * .15f;
}

INLINE C
wall (V x, V y, const Ground *g)
{
  V stripe = x * 9.f;
  V f = stripe - I_TO_V (v_floor (stripe));
  V dado = edge (y - .62f - .02f * (float) (g->seed & 7), .02f);
  C c = blend (color (g->color[0]), color (g->color[1]),
               edge (.25f - v_abs (f - .5f), .06f) * .35f);

  c = blend (c, color (g->color[2]), dado);
  return shade (c, .80f + .3f * clouds (x * 2.f, y * 2.f, g->seed));
}

INLINE C
shelf (V x, V y, const Ground *g)
{
  V row = y * 4.2f + .3f;
  I j = v_floor (row);
  V fy = row - I_TO_V (j);
  V col = x * 22.f + 5.f * v_hash (j, j, g->seed);
  I i = v_floor (col);
  V fx = col - I_TO_V (i), tall = .25f - .22f * v_hash (i, j, g->seed + 5);
  C book = { .12f + .6f * v_hash (i, j, g->seed + 1),
             .10f + .5f * v_hash (i, j, g->seed + 2),
             .10f + .45f * v_hash (i, j, g->seed + 3) };
  V spine =
      edge (.46f - v_abs (fx - .5f), .10f) * edge (fy - tall - .06f, .05f);
  V board = edge (fy - .93f, .03f);
  C c = shade (color (g->color[0]), v_set (.25f));

  c = blend (c, book, spine);
  c = dye (c, .75f, .70f, .5f,
           spine * edge (.03f - v_abs (fy - .45f), .03f) * .6f);
  return blend (c, color (g->color[1]), board);
}

INLINE C
lamps (V x, V y, const Ground *g)
{
  V cx = x * 3.f, cy = y * 3.f;
  I i = v_floor (cx), j = v_floor (cy);
  V fx = cx - I_TO_V (i) - .5f, fy = cy - I_TO_V (j) - .5f;
  V r = .14f + .22f * v_hash (i, j, g->seed + 1);
  V dx = fx - (v_hash (i, j, g->seed + 2) - .5f) * .24f;
  V dy = fy - (v_hash (i, j, g->seed + 3) - .5f) * .24f;
  V in = edge (r - V_SQRT (dx * dx + dy * dy), .07f)
         * (.15f + .6f * v_hash (i, j, g->seed + 4));
  C lamp = { .75f + .25f * v_hash (i, j, g->seed + 5),
             .45f + .45f * v_hash (i, j, g->seed + 6),
             .25f + .6f * v_hash (i, j, g->seed + 7) };
  C c = blend (shade (color (g->color[0]), v_set (.4f)),
               shade (color (g->color[1]), v_set (.3f)), v_smooth (y));

  c = shade (c, .7f + .6f * clouds (x * 1.5f, y * 1.5f, g->seed));
  return blend (c, lamp, in);
}

INLINE C
leaves (V x, V y, const Ground *g)
{
  V n = clouds (x * 5.f, y * 5.f, g->seed);
  V m = clouds (x * 13.f, y * 13.f, g->seed + 9);
  V sky =
      edge (clouds (x * 1.3f, y * 1.3f, g->seed + 20) - .35f - y * .4f, .2f);
  C c = { .10f + .35f * m * n, .18f + .5f * m * n, .06f + .2f * m * n };
  C blue = { v_set (.62f), v_set (.74f), v_set (.86f) };

  return blend (c, blue, sky * .8f);
}

INLINE C
bricks (V x, V y, const Ground *g)
{
  V row = y * 11.f;
  I j = v_floor (row);
  V fy = row - I_TO_V (j);
  V col = x * 4.5f + I_TO_V (j & 1) * .5f;
  I i = v_floor (col);
  V fx = col - I_TO_V (i);
  V in = edge (.46f - v_abs (fx - .5f), .05f)
         * edge (.42f - v_abs (fy - .5f), .1f);
  C brick = shade (color (g->color[0]), .65f + .5f * v_hash (i, j, g->seed));

  brick.g = brick.g * .72f;
  brick.b = brick.b * .62f;
  brick =
      shade (brick, .75f + .4f * v_noise2 (x * 30.f, y * 30.f, g->seed + 1));
  return blend (shade (color (g->color[1]), v_set (.9f)), brick, in);
}

INLINE C
blinds (V x, V y, const Ground *g)
{
  V f = y * 15.f;
  V slat = f - I_TO_V (v_floor (f));
  V pane = x * .9f;
  V fx = pane - I_TO_V (v_floor (pane));
  V in = edge (.40f - v_abs (fx - .5f), .02f) * edge (.75f - y, .02f);
  C c = shade (color (g->color[0]),
               .75f + .35f * clouds (x * 3.f, y * 3.f, g->seed));
  C glass = { .74f + .2f * clouds (x * 2.f, y * 2.f, g->seed + 4),
              .80f - .1f * y, .82f - .2f * y };

  glass = shade (glass, .55f + .45f * edge (slat - .45f, .3f));
  return blend (c, glass, in);
}

INLINE C
ground_paint (V x, V y, const Ground *g)
{
  switch (g->style) {
    case 0:
      return wall (x, y, g);
    case 1:
      return shelf (x, y, g);
    case 2:
      return lamps (x, y, g);
    case 3:
      return leaves (x, y, g);
    case 4:
      return bricks (x, y, g);
    default:
      return blinds (x, y, g);
  }
}
