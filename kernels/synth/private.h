/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SYNTH_PRIVATE_H
#define REID_SYNTH_PRIVATE_H

/* From options to pixels, one step a file:
 *
 *   person.c    (seed, person) -> Person, what somebody looks like
 *   script.c    (options, frame) -> Scene, who is where and how
 *   head.c      Person + Actor + Scene -> Head, the numbers the shapes need
 *   *_template.h  Head + Ground -> pixels, by render.c, tile after tile
 *   truth.c     Scene -> boxes and landmarks
 *
 * A head's own space: 1 is about half a head's width; x to the image-right of
 * somebody who looks at the camera, y up, z towards the camera; the origin is
 * between the ears. */

#include "synth/synth.h"

typedef enum {
  HAIR_NONE,
  HAIR_BUZZ, /* painted on the skull */
  HAIR_CROP,
  HAIR_TOP, /* high on top, short at the sides */
  HAIR_BOB,
  HAIR_LONG,
  HAIR_AFRO,
  HAIR_BUN,
  HAIR_CURTAIN, /* parted in the middle, to the chin */
  HAIR_CAP,
  HAIR_COUNT
} Hair;

typedef enum {
  BEARD_NONE,
  BEARD_STUBBLE,
  BEARD_MOUSTACHE,
  BEARD_GOATEE,
  BEARD_FULL,
  BEARD_COUNT
} Beard;

typedef enum {
  GLASSES_NONE,
  GLASSES_ROUND,
  GLASSES_SQUARE,
  GLASSES_COUNT
} Glasses;

/* Lengths in units of the head's space; colours are linear, 0 to 1. */
typedef struct {
  float skull_w, skull_h, skull_d;
  float jaw_w, jaw_h, chin_w, chin_y, chin_z;
  float cheek, cheek_y; /* size and height */
  float brow_ridge;
  float eye_x, eye_y, eye_r, eye_open, eye_tilt;
  float nose_len, nose_w, nose_out, nose_bridge, nose_up;
  float mouth_y, mouth_w, lip_upper, lip_lower;
  float ear_size, ear_out;
  float brow_y, brow_thick, brow_tilt, brow_arch, brow_len;
  float hairline; /* height of the forehead's upper end */
  float hair_size;
  float freckles, wrinkles, blush;
  float skin[3], hair_color[3], brow_color[3], iris[3], lips[3];
  float glasses_color[3], glasses_size;
  float scale; /* of the whole head */
  Hair hair;
  Beard beard;
  Glasses glasses;
  uint32_t seed; /* of the skin's texture */
} Person;

/* Fills people[0..n-1]; the first m are the same whatever n is. */
void synth_people (uint32_t seed, int n, Person *people);

typedef struct {
  int person;
  /* The head's origin, in heights of the display, from the top left. */
  float x, y;
  float scale; /* heights of the display per unit of the head's space */
  float yaw, pitch, roll;    /* degrees, as in ReidSynthFace */
  float mouth, smile, blink; /* 0 to 1 */
  float gaze_x, gaze_y;      /* -1 to 1 */
  float clothes[3];
} Actor;

typedef struct {
  int style;
  uint32_t seed;
  float x, y; /* where the camera looks, in heights of the display */
  float zoom;
  float color[3][3];
} Ground;

typedef struct {
  float key[3]; /* direction to the light, of length 1 */
  float key_color[3], sky_color[3], floor_color[3];
} Light;

typedef struct {
  int shot;
  int64_t shot_start;
  bool fade;
  float brightness; /* of the whole picture, 0 to 1 */
  Light light;
  Ground ground;
  int n; /* actors, farthest first */
  Actor actor[REID_SYNTH_MAX_FACES];
} Scene;

#define GROUND_STYLES 6

/* What script.c needs to know. */
typedef struct {
  uint32_t seed;
  int people, shots;
  double rate;   /* frames a second */
  double aspect; /* of the display */
} Script;

int64_t synth_shot_start (const Script *script, int shot);
void synth_scene (const Script *script, int64_t frame, Scene *scene);
/* Most actors that fit side by side. */
int synth_room (double aspect);

/* ---- Shapes. An ellipsoid: centre and one over the radii. */
typedef struct {
  float c[3], inv[3];
} Ellipsoid;

typedef struct {
  float c[3], r;
} Ball;

/* All in the head's space, mirrored at x = 0 where there are two of a kind.
 * The ray of pixel (px, py): origin o + px * dx + py * dy, direction dir. */
typedef struct {
  /* pixels */
  int x0, y0, x1, y1; /* what the head may cover, clipped to the frame */
  int body_y0, body_x0, body_x1, body_y1;
  float o[3], dx[3], dy[3], dir[3];
  float pixel; /* size of a pixel */
  Ellipsoid bound;

  Ellipsoid skull, jaw, brow, upper, lower, mouth, ear, hair, face_cut, lock[2];
  Ball chin, cheek, socket, nose, wing, eye;
  float bridge_a[3], bridge_d[3], bridge_inv, bridge_r; /* a segment */
  int n_locks;
  bool lock_mirrored[2];
  float bun[4];
  bool has_hair, has_bun, mouth_open;

  float lens[3], lens_w, lens_h, lens_round, rim, temple_x, temple_z;
  Glasses glasses;

  /* paint */
  float skin[3], hair_color[3], brow_color[3], iris[3], lips[3], rim_color[3];
  float brow_x, brow_y, brow_thick, brow_tilt, brow_arch, brow_len;
  float lid_upper, lid_lower, eye_tilt, gaze_x, gaze_y;
  float mouth_x, mouth_y, lip_upper, lip_lower, smile;
  float hairline, buzz;
  float beard_low, beard_lip, beard_chin;
  float chin_y;
  float freckles, wrinkles, blush;
  uint32_t seed;
  bool cap;

  /* light in the head's space, and in the camera's for the body */
  float key[3], sky[3];
  float body_key[3];
  Light light;

  /* neck and shoulders, in the camera's space at the head's scale */
  float nx0, ny0, nk; /* pixel -> camera space: x = nx0 + px * nkx ... */
  float nkx;
  float neck[3], neck_inv[2];
  Ellipsoid torso;
  float clothes[3];
  float depth_o; /* camera z of a ray's origin */
} Head;

/* One frame, ready to be drawn. */
typedef struct {
  int width, height;
  float brightness;
  Ground ground;
  float ground_x, ground_y, ground_kx, ground_ky; /* half pixels -> ground */
  int n;
  Head head[REID_SYNTH_MAX_FACES];
} Frame;

void synth_head (const Person *person, const Actor *actor, const Light *light,
                 int width, int height, double par, Head *head);
/* Landmarks and box of a head in pixels of the display: 5 points, then left,
 * top, right, bottom. */
void synth_features (const Person *person, const Actor *actor, double height,
                     double points[10], double box[4]);

/* ---- Tiles */
#define TILE_W 64
#define TILE_H 16

/* Picture formats as the writers see them: where each sample goes. */
typedef struct {
  bool rgb, chroma;
  int sub_x, sub_y; /* 1 where chroma is halved */
  uint8_t *at[4];   /* Y U V or R G B, then the fourth byte or NULL */
  ptrdiff_t stride[4];
  int step[4];
  float m[3][4]; /* RGB 0..255 -> Y U V */
} Layout;

bool synth_layout (const ReidSynthPicture *picture, Layout *layout);

/* Draws the tile whose top left pixel is (x, y); even numbers. */
typedef void (*SynthTile) (const Frame *frame, const Layout *layout, int x,
                           int y);

void synth_tile_c (const Frame *frame, const Layout *layout, int x, int y);
void synth_tile_avx2 (const Frame *frame, const Layout *layout, int x, int y);
void synth_tile_avx512 (const Frame *frame, const Layout *layout, int x, int y);

struct ReidSynth {
  ReidSynthOptions options;
  Script script;
  Person *people;
  SynthTile tile;
  struct Team *team;
};

#endif /* REID_SYNTH_PRIVATE_H */
