/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* episode.json: see docs/formats.md. Nothing in it may depend on how fast or
 * on how many threads a run was: no properties, no dates. */

typedef struct {
  const ReidEpisode *episode;
  const ReidPixelSource *source;
  ReidIndex index;
  size_t *order; /* rows of tracks by first frame, then id */
  uint32_t *ids;
  size_t n_ids;
  bool ok; /* false once memory has ended */
} Json;

static void
set (Json *j, json_t *object, const char *key, json_t *value)
{
  if (json_object_set_new (object, key, value) != 0)
    j->ok = false;
}

static void
add (Json *j, json_t *array, json_t *value)
{
  if (json_array_append_new (array, value) != 0)
    j->ok = false;
}

static json_t *
integer (uint64_t value)
{
  return json_integer (value > INT64_MAX ? INT64_MAX : (json_int_t) value);
}

static json_t *
fixed (double value, int decimals)
{
  return json_real (reid_round_to (value, decimals));
}

/* Seconds, or null where the time is not known. */
static json_t *
seconds (int64_t time)
{
  return time < 0 ? json_null () : fixed ((double) time / 1e9, 3);
}

static const char *
end_name (uint8_t end)
{
  static const char *const names[] = { "gap", "cut", "end of stream", "segment",
                                       "stopped" };

  return end < sizeof names / sizeof names[0] ? names[end] : "unknown";
}

static const char *
kind_name (uint8_t kind)
{
  static const char *const names[] = { "none", "cut", "fade" };

  return kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

static json_t *
image_path (Json *j, const ReidTrackRow *track, size_t chip)
{
  char path[80];

  if (j->source && !j->source->has (j->source->user, chip))
    return json_null ();
  snprintf (path, sizeof path,
            "faces/%03" PRIu32 "/%" PRIu32 "_%" PRIu64 ".jpg", track->identity,
            track->id, j->episode->chips[chip].frame);
  return json_string (path);
}

static void
pixel_face (Json *j, const ReidChipRow *chip, double out[4])
{
  const ReidFrameRow *frame = reid_index_frame (&j->index, chip->frame);
  double width = frame ? frame->width : 1, height = frame ? frame->height : 1;

  out[0] = chip->face[0] * width;
  out[1] = chip->face[1] * height;
  out[2] = chip->face[2] * width;
  out[3] = chip->face[3] * height;
}

static json_t *
chip_object (Json *j, const ReidTrackRow *track, size_t row)
{
  const ReidChipRow *chip = &j->episode->chips[row];
  json_t *object = json_object (), *face = json_array ();
  double box[4];

  pixel_face (j, chip, box);
  for (int i = 0; i < 4; i++)
    add (j, face, fixed (box[i], 2));
  set (j, object, "frame", integer (chip->frame));
  set (j, object, "time", seconds (chip->time));
  set (j, object, "quality", fixed (chip->total, 4));
  set (j, object, "score", fixed (chip->score, 4));
  set (j, object, "face", face);
  set (j, object, "image", image_path (j, track, row));
  return object;
}

static json_t *
track_object (Json *j, const ReidTrackRow *track)
{
  json_t *object = json_object (), *chips = json_array ();

  set (j, object, "track", integer (track->id));
  set (j, object, "shot",
       track->shot < j->episode->n_shots ? integer (track->shot)
                                         : json_null ());
  set (j, object, "first_frame", integer (track->first));
  set (j, object, "last_frame", integer (track->last));
  set (j, object, "start_time", seconds (track->start_time));
  set (j, object, "end_time", seconds (track->end_time));
  set (j, object, "detections", integer (track->n_detections));
  set (j, object, "end", json_string (end_name (track->end)));
  for (uint32_t i = 0; i < track->n_chips; i++)
    add (j, chips, chip_object (j, track, (size_t) track->first_chip + i));
  set (j, object, "chips", chips);
  return object;
}

/* ---- People */

/* [low, high) of `by_person`, which holds rows of tracks by identity. */
static json_t *
identity_object (Json *j, const size_t *rows, size_t n, uint32_t id)
{
  json_t *object = json_object (), *tracks = json_array ();
  int64_t first = -1, last = -1;
  uint64_t detections = 0;

  for (size_t i = 0; i < n; i++) {
    const ReidTrackRow *t = &j->episode->tracks[rows[i]];
    if (t->start_time >= 0 && (first < 0 || t->start_time < first))
      first = t->start_time;
    if (t->end_time > last)
      last = t->end_time;
    detections += t->n_detections;
    add (j, tracks, track_object (j, t));
  }
  set (j, object, "identity", integer (id));
  set (j, object, "first_time", seconds (first));
  set (j, object, "last_time", seconds (last));
  set (j, object, "detections", integer (detections));
  set (j, object, "tracks", tracks);
  return object;
}

/* Rows of tracks grouped by a number below n_groups (others are left out),
 * each group in j->order: counting sort. starts has n_groups + 1 entries. */
typedef size_t (*GroupFunc) (Json *j, const ReidTrackRow *track);

static bool
group (Json *j, GroupFunc of, size_t n_groups, size_t **starts, size_t **rows)
{
  size_t n = j->episode->n_tracks;
  size_t *at = calloc (n_groups + 2, sizeof *at);
  size_t *list = calloc (n + 1, sizeof *list);

  *starts = at;
  *rows = list;
  if (!at || !list)
    return false;
  for (size_t i = 0; i < n; i++) {
    size_t g = of (j, &j->episode->tracks[i]);
    if (g < n_groups)
      at[g + 2]++;
  }
  for (size_t g = 2; g < n_groups + 2; g++)
    at[g] += at[g - 1];
  for (size_t i = 0; i < n; i++) {
    size_t g = of (j, &j->episode->tracks[j->order[i]]);
    if (g < n_groups)
      list[at[g + 1]++] = j->order[i];
  }
  return true;
}

static size_t
person_of (Json *j, const ReidTrackRow *track)
{
  return track->identity == 0
             ? j->n_ids
             : reid_identity_rank (j->ids, j->n_ids, track->identity);
}

static size_t
shot_of (Json *j, const ReidTrackRow *track)
{
  return track->shot;
}

static void
add_people (Json *j, json_t *root)
{
  json_t *people = json_array (), *others = json_array ();
  size_t *starts = NULL, *rows = NULL;

  if (!group (j, person_of, j->n_ids + 1, &starts, &rows)) {
    j->ok = false;
  } else {
    for (size_t k = 0; k < j->n_ids; k++)
      add (j, people,
           identity_object (j, rows + starts[k], starts[k + 1] - starts[k],
                            j->ids[k]));
    for (size_t i = starts[j->n_ids]; i < starts[j->n_ids + 1]; i++)
      add (j, others, track_object (j, &j->episode->tracks[rows[i]]));
  }
  set (j, root, "identities", people);
  set (j, root, "unassigned", others);
  free (starts);
  free (rows);
}

/* ---- Shots, with the fields that earlier files had */

static json_t *
top_frame_object (Json *j, const ReidTrackRow *track, size_t row)
{
  const ReidChipRow *chip = &j->episode->chips[row];
  json_t *object = json_object (), *coord = json_array ();
  double box[4];

  pixel_face (j, chip, box);
  box[2] += box[0];
  box[3] += box[1];
  for (int i = 0; i < 4; i++)
    add (j, coord,
         json_integer ((json_int_t) round (fmax (-1e15, fmin (box[i], 1e15)))));
  set (j, object, "frame_idx", integer (chip->frame));
  set (j, object, "total_score", fixed (chip->total, 4));
  set (j, object, "face_coord", coord);
  set (j, object, "image_path", image_path (j, track, row));
  return object;
}

static json_t *
face_object (Json *j, const ReidTrackRow *track, size_t shot, size_t number)
{
  json_t *object = json_object (), *top = json_array ();
  char text[80];

  snprintf (text, sizeof text, "shot_%zu_face_%zu", shot, number);
  set (j, object, "unique_face_id", json_string (text));
  snprintf (text, sizeof text, "global_face_%" PRIu32, track->id);
  set (j, object, "global_face_id", json_string (text));
  set (j, object, "cluster_id",
       track->identity ? integer (track->identity) : json_null ());
  for (uint32_t i = 0; i < track->n_chips; i++)
    add (j, top, top_frame_object (j, track, (size_t) track->first_chip + i));
  set (j, object, "top_frames", top);
  return object;
}

static json_t *
shot_object (Json *j, size_t shot, const size_t *rows, size_t n)
{
  const ReidShotRow *s = &j->episode->shots[shot];
  json_t *object = json_object (), *faces = json_array ();

  set (j, object, "shot", integer (shot));
  set (j, object, "start_frame", integer (s->first));
  set (j, object, "end_frame", integer (s->end));
  set (j, object, "start_time", seconds (s->start_time));
  set (j, object, "end_time", seconds (s->end_time));
  set (j, object, "change", json_string (kind_name (s->kind)));
  for (size_t i = 0; i < n; i++)
    add (j, faces, face_object (j, &j->episode->tracks[rows[i]], shot, i));
  set (j, object, "faces", faces);
  return object;
}

static void
add_shots (Json *j, json_t *root)
{
  json_t *shots = json_array ();
  size_t *starts = NULL, *rows = NULL;

  if (!group (j, shot_of, j->episode->n_shots, &starts, &rows))
    j->ok = false;
  else
    for (size_t i = 0; i < j->episode->n_shots; i++)
      add (j, shots,
           shot_object (j, i, rows + starts[i], starts[i + 1] - starts[i]));
  set (j, root, "shots", shots);
  free (starts);
  free (rows);
}

/* ---- The whole */

static void
add_stream (Json *j, json_t *root)
{
  const ReidEpisode *e = j->episode;
  int64_t end = -1;

  for (size_t i = 0; i < e->n_frames; i++) {
    const ReidFrameRow *f = &e->frames[i];
    int64_t over = f->time;
    if (f->time >= 0 && f->duration > 0
        && __builtin_add_overflow (f->time, f->duration, &over))
      over = INT64_MAX;
    if (over > end)
      end = over;
  }
  set (j, root, "format_version", integer (REID_ARCHIVE_VERSION));
  set (j, root, "partial", json_boolean (e->partial));
  set (j, root, "frames", integer (e->n_frames));
  set (j, root, "width",
       e->n_frames ? integer (e->frames[0].width) : json_null ());
  set (j, root, "height",
       e->n_frames ? integer (e->frames[0].height) : json_null ());
  set (j, root, "end_time", seconds (end));
}

static _Thread_local const ReidTrackRow *sorted_tracks;

static int
compare_tracks (const void *a, const void *b)
{
  size_t ra = *(const size_t *) a, rb = *(const size_t *) b;
  const ReidTrackRow *x = &sorted_tracks[ra], *y = &sorted_tracks[rb];

  if (x->first != y->first)
    return x->first < y->first ? -1 : 1;
  if (x->id != y->id)
    return x->id < y->id ? -1 : 1;
  return ra < rb ? -1 : ra > rb;
}

static bool
prepare (Json *j, ReidError *error)
{
  size_t n = j->episode->n_tracks;

  if (!reid_index_init (&j->index, j->episode, error)
      || !reid_identities_of (j->episode, &j->ids, &j->n_ids, error))
    return false;
  j->order = calloc (n + 1, sizeof *j->order);
  if (!j->order)
    return reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < n; i++)
    j->order[i] = i;
  sorted_tracks = j->episode->tracks;
  qsort (j->order, n, sizeof *j->order, compare_tracks);
  return true;
}

static int
dump (const char *data, size_t size, void *user)
{
  reid_output_write (user, data, size);
  return ((ReidOutput *) user)->saved_errno ? -1 : 0;
}

static bool
write_root (Json *j, json_t *root, const char *path, ReidError *error)
{
  ReidOutput output;
  /* Numbers are printed by the C library of a thread without a locale. */
  locale_t plain = newlocale (LC_ALL_MASK, "C", (locale_t) 0);

  if (!j->ok || !plain) {
    if (plain)
      freelocale (plain);
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
  }
  bool ok = reid_output_open (&output, path, error);
  if (ok) {
    locale_t old = uselocale (plain);
    bool dumped =
        json_dump_callback (root, dump, &output,
                            JSON_INDENT (1) | JSON_REAL_PRECISION (15))
        == 0;
    uselocale (old);
    reid_output_write (&output, "\n", 1);
    if (!dumped && !output.saved_errno)
      ok = reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
    ok = reid_output_close (&output, ok, error);
  }
  freelocale (plain);
  return ok;
}

bool
reid_write_json_from (const ReidEpisode *episode, const ReidPixelSource *source,
                      const char *path, ReidError *error)
{
  Json j = { .episode = episode, .source = source, .ok = true };
  json_t *root = NULL;
  bool ok = prepare (&j, error);

  if (ok) {
    root = json_object ();
    add_stream (&j, root);
    add_people (&j, root);
    add_shots (&j, root);
    ok = write_root (&j, root, path, error);
    json_decref (root);
  }
  reid_index_clear (&j.index);
  free (j.order);
  free (j.ids);
  return ok;
}
