/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <stdlib.h>
#include <unistd.h>

#include "synth/team.h"

void
reid_synth_options_init (ReidSynthOptions *options)
{
  *options = (ReidSynthOptions){ .par_n = 1,
                                 .par_d = 1,
                                 .rate_n = 25,
                                 .rate_d = 1,
                                 .people = 4,
                                 .cpu_flags = reid_cpu_flags () };
}

static bool
check (const ReidSynthOptions *o, ReidError *error)
{
  if (o->width < 1 || o->height < 1 || o->width > REID_SYNTH_MAX_SIDE
      || o->height > REID_SYNTH_MAX_SIDE)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a frame of %d x %d pixels cannot be drawn: each "
                           "side has 1 to %d",
                           o->width, o->height, REID_SYNTH_MAX_SIDE);
  if (o->par_n < 1 || o->par_d < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a pixel aspect ratio of %d:%d makes no sense",
                           o->par_n, o->par_d);
  if (o->rate_n < 1 || o->rate_d < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an episode needs a fixed frame rate, not %d/%d",
                           o->rate_n, o->rate_d);
  if (o->people < 0 || o->people > REID_SYNTH_MAX_PEOPLE)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an episode has 0 to %d people, not %d",
                           REID_SYNTH_MAX_PEOPLE, o->people);
  if (o->shots < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an episode of %d shots makes no sense", o->shots);
  return true;
}

static int
count_threads (int wanted)
{
  long cores = wanted ? wanted : sysconf (_SC_NPROCESSORS_ONLN);

  return cores < 1 ? 1 : cores > 64 ? 64 : (int) cores;
}

static SynthTile
pick_tile (unsigned flags)
{
#ifdef __x86_64__
  if (flags & REID_CPU_AVX512)
    return synth_tile_avx512;
  if (flags & REID_CPU_AVX2)
    return synth_tile_avx2;
#endif
  return synth_tile_c;
}

ReidSynth *
reid_synth_new (const ReidSynthOptions *options, ReidError *error)
{
  ReidSynth *s;

  if (!check (options, error))
    return NULL;
  s = calloc (1, sizeof *s);
  if (s) {
    s->options = *options;
    s->people = calloc ((size_t) options->people + 1, sizeof *s->people);
    s->team = synth_team_new (count_threads (options->threads));
  }
  if (!s || !s->people || !s->team) {
    reid_synth_free (s);
    reid_error_set (error, REID_ERROR_MEMORY,
                    "no memory for an episode of %d people", options->people);
    return NULL;
  }
  s->script = (Script){
    .seed = options->seed,
    .people = options->people,
    .shots = options->shots,
    .rate = (double) options->rate_n / options->rate_d,
    .aspect = (double) options->width * options->par_n
              / ((double) options->height * options->par_d),
  };
  s->tile = pick_tile (options->cpu_flags);
  synth_people (options->seed, options->people, s->people);
  return s;
}

void
reid_synth_free (ReidSynth *s)
{
  if (!s)
    return;
  synth_team_free (s->team);
  free (s->people);
  free (s);
}

int64_t
reid_synth_frames (const ReidSynth *s)
{
  return s->script.shots ? synth_shot_start (&s->script, s->script.shots) : -1;
}

int64_t
reid_synth_shot_start (const ReidSynth *s, int shot)
{
  return synth_shot_start (&s->script, shot);
}

typedef struct {
  Frame frame;
  Layout layout;
  SynthTile tile;
  int across;
} Work;

static void
draw_tile (void *user, int i)
{
  Work *w = user;

  w->tile (&w->frame, &w->layout, i % w->across * TILE_W,
           i / w->across * TILE_H);
}

static void
prepare (const ReidSynth *s, int64_t number, Frame *f)
{
  const ReidSynthOptions *o = &s->options;
  double par = (double) o->par_n / o->par_d, k;
  Scene scene;

  synth_scene (&s->script, number, &scene);
  f->width = o->width;
  f->height = o->height;
  f->brightness = scene.brightness;
  f->ground = scene.ground;
  k = 2. / (o->height * (double) scene.ground.zoom);
  f->ground_kx = (float) (k * par);
  f->ground_ky = (float) k;
  /* zooms about the middle; a ground pixel lies between two of the frame */
  f->ground_x =
      (float) (scene.ground.x - .5 * s->script.aspect / scene.ground.zoom
               + .5 * k * par);
  f->ground_y = (float) (.5 + scene.ground.y - .5 / scene.ground.zoom + .5 * k);
  f->n = scene.n;
  for (int i = 0; i < scene.n; i++)
    synth_head (&s->people[scene.actor[i].person], &scene.actor[i],
                &scene.light, o->width, o->height, par, &f->head[i]);
}

bool
reid_synth_render (ReidSynth *s, int64_t frame, const ReidSynthPicture *picture,
                   ReidError *error)
{
  Work work;

  if (!synth_layout (picture, &work.layout))
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "pictures of format %s cannot be drawn",
                           reid_pixel_format_name (picture->format));
  prepare (s, frame, &work.frame);
  work.tile = s->tile;
  work.across = (s->options.width + TILE_W - 1) / TILE_W;
  synth_team_run (s->team, draw_tile, &work,
                  work.across * ((s->options.height + TILE_H - 1) / TILE_H));
  return true;
}
