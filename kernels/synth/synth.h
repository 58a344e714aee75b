/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SYNTH_H
#define REID_SYNTH_H

/* A synthetic episode with people in it: heads as signed-distance shapes,
 * walked along by sphere tracing (Hart, "Sphere tracing", The Visual Computer
 * 12, 1996; shapes and smooth unions as in Inigo Quilez's notes on distance
 * functions), on smooth paths, before textured grounds without faces, cut into
 * shots. Nothing is recorded: every frame is a function of the options and its
 * number alone, and so is the truth about it.
 *
 * The same options but `threads` and `cpu_flags`, and the same frame, give the
 * same bytes on every machine. The plain C version defines them; the vector
 * versions are the same source with wider values (see vector.h).
 *
 * Units. Coordinates of the truth are fractions of the frame's width and
 * height, from the top left; angles are degrees; times seconds. Left and right
 * are the picture's. */

#include "base/base.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_SYNTH_MAX_PEOPLE 256
/* Of one frame. */
#define REID_SYNTH_MAX_FACES 3
#define REID_SYNTH_MAX_SIDE 32768

typedef struct {
  int width, height;  /* pixels, 1 to REID_SYNTH_MAX_SIDE; no default */
  int par_n, par_d;   /* pixel aspect ratio, default 1 : 1 */
  int rate_n, rate_d; /* frames a second, default 25 : 1 */
  int people;    /* 0 (empty grounds) to REID_SYNTH_MAX_PEOPLE, default 4 */
  int shots;     /* length of the episode, 0 = endless (default) */
  uint32_t seed; /* of the people and of what they do, default 0 */
  int threads;   /* 0 = one for each core (default), at most 64 */
  unsigned cpu_flags; /* ReidCpuFlags that may be used, default
                         reid_cpu_flags() */
} ReidSynthOptions;

REID_API void reid_synth_options_init (ReidSynthOptions *options);

/* Where a frame goes: a picture in the caller's memory, planes in the order of
 * the format's name, as in ReidImage. The 8-bit formats: I420, YV12, NV12,
 * NV21, Y42B, Y444, GRAY8, and RGB in its 3- and 4-byte orders (the fourth
 * byte is written as 255). */
typedef struct {
  ReidPixelFormat format;
  uint8_t *plane[3];
  ptrdiff_t stride[3];
  ReidMatrix matrix; /* for YUV */
  bool full_range;   /* for YUV and GRAY8 */
} ReidSynthPicture;

REID_API bool reid_synth_can_write (ReidPixelFormat format);

/* One person in one frame. Only people of whom something is in the frame are
 * told of. */
typedef struct {
  int person; /* 0 to people - 1 */
  /* From the hairline's height to the chin, from ear to ear, or, of a head that
   * is turned, what is seen of that; as face detectors mark faces. May reach
   * beyond the frame. */
  float left, top, width, height;
  /* x0 y0 ... x4 y4: image-left eye, image-right eye, nose tip, image-left and
   * image-right mouth corner. Those of a turned head are where they would be
   * seen through it. */
  float landmarks[10];
  /* Share of the face's oval that is in the frame and not behind another head,
   * 0 to 1, to a sixty-fourth. */
  float visible;
  float yaw, pitch, roll; /* > 0: turned to image-right, up, clockwise */
} ReidSynthFace;

typedef struct {
  int64_t frame;
  int shot;           /* from 0 */
  int64_t shot_start; /* first frame of the shot */
  bool fade;          /* the shot began with a fade; a cut otherwise */
  float light;        /* 0 black to 1: below 1 while a fade runs */
  int n_faces;        /* farthest first */
  ReidSynthFace faces[REID_SYNTH_MAX_FACES];
} ReidSynthTruth;

/* Used by one thread at a time; it has helpers of its own. */
typedef struct ReidSynth ReidSynth;

/* NULL with `error` (ARGUMENT, MEMORY). */
REID_API ReidSynth *reid_synth_new (const ReidSynthOptions *options,
                                    ReidError *error);
REID_API void reid_synth_free (ReidSynth *synth);

/* Length of the episode in frames, or -1. */
REID_API int64_t reid_synth_frames (const ReidSynth *synth);
/* First frame of a shot; of shot `shots`, the length. shot >= 0. */
REID_API int64_t reid_synth_shot_start (const ReidSynth *synth, int shot);

/* Draws a frame (>= 0; beyond the end the episode would go on). Every byte of
 * the picture's rows is written, nothing else. False with `error`
 * (UNSUPPORTED: the format). */
REID_API bool reid_synth_render (ReidSynth *synth, int64_t frame,
                                 const ReidSynthPicture *picture,
                                 ReidError *error);
REID_API void reid_synth_truth (const ReidSynth *synth, int64_t frame,
                                ReidSynthTruth *truth);

/* ---- The truth of an episode as a file (truthfile.c; docs/formats.md). It is
 * written under a temporary name beside `path` as the frames come. */
typedef struct ReidSynthFile ReidSynthFile;

/* NULL with `error` (WRITE, NOT_FOUND, MEMORY). `synth` must live as long. */
REID_API ReidSynthFile *reid_synth_file_new (const char *path,
                                             const ReidSynth *synth,
                                             ReidError *error);
/* After a false nothing more can be written: drop it. */
REID_API bool reid_synth_file_add (ReidSynthFile *file,
                                   const ReidSynthTruth *truth,
                                   ReidError *error);
/* Gives the whole file its name and frees `file`; partial: the episode did not
 * come to its end. When it fails nothing is left. */
REID_API bool reid_synth_file_finish (ReidSynthFile *file, bool partial,
                                      ReidError *error);
/* Removes what was written, and frees. NULL is ignored. */
REID_API void reid_synth_file_drop (ReidSynthFile *file);

#ifdef __cplusplus
}
#endif

#endif /* REID_SYNTH_H */
