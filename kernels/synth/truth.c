/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <string.h>

/* Where the faces of a scene are, and how much is seen of them. */

typedef struct {
  double points[10], box[4]; /* pixels of the display */
  double cx, cy, rx, ry;     /* the head's oval */
} Outline;

static void
outline (const Person *person, const Actor *actor, double height, Outline *o)
{
  synth_features (person, actor, height, o->points, o->box);
  o->cx = (o->box[0] + o->box[2]) / 2;
  o->rx = (o->box[2] - o->box[0]) / 2 * 1.1;
  /* heads go on above the face */
  o->ry = (o->box[3] - o->box[1]) / 2 * 1.2;
  o->cy = (o->box[1] + o->box[3]) / 2 - (o->box[3] - o->box[1]) * .1;
}

static bool
covers (const Outline *o, double x, double y)
{
  double u = (x - o->cx) / o->rx, v = (y - o->cy) / o->ry;

  return u * u + v * v < 1;
}

/* By 64 points of the oval in the face's box, in rings of equal areas. */
static float
visible (const Outline *all, int i, int n, double width, double height)
{
  static const double ring[4] = { .35355339, .61237244, .79056942, .93541435 };
  static const double direction[4][2] = { { .98078528, .19509032 },
                                          { .83146961, .55557023 },
                                          { .55557023, .83146961 },
                                          { .19509032, .98078528 } };
  const Outline *o = &all[i];
  int seen = 0;

  for (int k = 0; k < 64; k++) {
    double sx = k & 1 ? 1 : -1, sy = k & 2 ? 1 : -1;
    const double *d = direction[k >> 2 & 3];
    double x = o->cx + sx * d[0] * ring[k >> 4] * (o->box[2] - o->box[0]) / 2;
    double y = (o->box[1] + o->box[3]) / 2
               + sy * d[1] * ring[k >> 4] * (o->box[3] - o->box[1]) / 2;
    bool in = x >= 0 && y >= 0 && x < width && y < height;
    for (int j = i + 1; j < n && in; j++)
      in = !covers (&all[j], x, y);
    seen += in;
  }
  return (float) seen / 64;
}

void
reid_synth_truth (const ReidSynth *s, int64_t frame, ReidSynthTruth *truth)
{
  double height = s->options.height, width = height * s->script.aspect;
  Outline outlines[REID_SYNTH_MAX_FACES];
  Scene scene;

  synth_scene (&s->script, frame, &scene);
  memset (truth, 0, sizeof *truth);
  truth->frame = frame;
  truth->shot = scene.shot;
  truth->shot_start = scene.shot_start;
  truth->fade = scene.fade;
  truth->light = scene.brightness;
  for (int i = 0; i < scene.n; i++)
    outline (&s->people[scene.actor[i].person], &scene.actor[i], height,
             &outlines[i]);
  for (int i = 0; i < scene.n; i++) {
    const Outline *o = &outlines[i];
    const Actor *a = &scene.actor[i];
    ReidSynthFace *f = &truth->faces[truth->n_faces];
    if (o->box[2] <= 0 || o->box[3] <= 0 || o->box[0] >= width
        || o->box[1] >= height)
      continue;
    f->person = a->person;
    f->left = (float) (o->box[0] / width);
    f->top = (float) (o->box[1] / height);
    f->width = (float) ((o->box[2] - o->box[0]) / width);
    f->height = (float) ((o->box[3] - o->box[1]) / height);
    for (int k = 0; k < 10; k += 2) {
      f->landmarks[k] = (float) (o->points[k] / width);
      f->landmarks[k + 1] = (float) (o->points[k + 1] / height);
    }
    f->visible = visible (outlines, i, scene.n, width, height);
    f->yaw = a->yaw;
    f->pitch = a->pitch;
    f->roll = a->roll;
    truth->n_faces++;
  }
}
