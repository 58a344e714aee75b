/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synth/private.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The truth as JSON, a line for each frame, written as the frames come: an
 * endless episode may be watched for days. Shots are known at the end only,
 * and stand there. */

struct ReidSynthFile {
  char *path, *temporary;
  FILE *out;
  const ReidSynth *synth;
  int64_t frames;
  int first_shot, last_shot; /* of the frames; -1 = no frame yet */
  int number;                /* errno of the first failure */
};

static double
round_to (double value, double unit)
{
  double v = value / unit;

  v = (double) (int64_t) (v < 0 ? v - .5 : v + .5) * unit;
  return v == 0 ? 0 : v;
}

/* Not json_real(): %.17g would show what a float cannot hold. */
static json_t *
fraction (double value)
{
  return json_real (round_to (value, 1e-6));
}

static bool
failed (ReidSynthFile *f, ReidError *error)
{
  if (!f->number)
    f->number = errno ? errno : EIO;
  return reid_error_set (error, REID_ERROR_WRITE, "%s: cannot be written: %s",
                         f->path, strerror (f->number));
}

/* Takes the value; NULL is a failed allocation. */
static bool
dump (ReidSynthFile *f, json_t *value)
{
  bool ok =
      value
      && json_dumpf (value, f->out,
                     JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION (9))
             == 0;

  if (!value)
    errno = ENOMEM;
  json_decref (value);
  return ok;
}

static bool
header (ReidSynthFile *f)
{
  const ReidSynthOptions *o = &f->synth->options;
  char rate[32];

  snprintf (rate, sizeof rate, "%d/%d", o->rate_n, o->rate_d);
  return fputs ("{\"format_version\":1,\"fps\":", f->out) >= 0
         && dump (f, json_real (f->synth->script.rate))
         && fputs (",\"rate\":", f->out) >= 0 && dump (f, json_string (rate))
         && fprintf (f->out,
                     ",\"width\":%d,\"height\":%d,\"people\":%d,"
                     "\"seed\":%u,\"frames\":[",
                     o->width, o->height, o->people, o->seed)
                > 0;
}

ReidSynthFile *
reid_synth_file_new (const char *path, const ReidSynth *synth, ReidError *error)
{
  ReidSynthFile *f = calloc (1, sizeof *f);
  size_t size = strlen (path) + 32;
  struct stat st;
  int fd = -1;

  if (f) {
    f->path = strdup (path);
    f->temporary = malloc (size);
  }
  if (!f || !f->path || !f->temporary) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
    reid_synth_file_drop (f);
    return NULL;
  }
  f->synth = synth;
  f->first_shot = f->last_shot = -1;
  if (!path[0]) {
    errno = ENOENT;
  } else if (stat (path, &st) == 0 && S_ISDIR (st.st_mode)) {
    errno = EISDIR;
  } else {
    for (unsigned i = 0; fd < 0 && i < 1000; i++) {
      snprintf (f->temporary, size, "%s.%ld-%u.tmp", path, (long) getpid (), i);
      fd = open (f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd < 0 && errno != EEXIST)
        break;
    }
  }
  f->out = fd >= 0 ? fdopen (fd, "w") : NULL;
  if (!f->out || !header (f)) {
    int number = errno;
    reid_error_set (
        error, number == ENOENT ? REID_ERROR_NOT_FOUND : REID_ERROR_WRITE,
        "%s: the truth cannot be written there: %s", path, strerror (number));
    if (fd >= 0 && !f->out) {
      close (fd);
      unlink (f->temporary);
    }
    reid_synth_file_drop (f);
    return NULL;
  }
  return f;
}

static json_t *
face_json (const ReidSynthFace *face)
{
  json_t *box = json_array (), *landmarks = json_array ();
  const float *b = &face->left;

  for (int i = 0; i < 4; i++)
    json_array_append_new (box, fraction (b[i]));
  for (int i = 0; i < 10; i++)
    json_array_append_new (landmarks, fraction (face->landmarks[i]));
  return json_pack ("{s:i, s:o, s:o, s:o, s:[ooo]}", "person", face->person,
                    "box", box, "landmarks", landmarks, "visible",
                    json_real (round_to (face->visible, 1. / 64)), "pose",
                    json_real (round_to (face->yaw, .01)),
                    json_real (round_to (face->pitch, .01)),
                    json_real (round_to (face->roll, .01)));
}

bool
reid_synth_file_add (ReidSynthFile *f, const ReidSynthTruth *truth,
                     ReidError *error)
{
  json_t *faces = json_array (), *object;
  bool ok = faces != NULL;

  errno = 0;
  for (int i = 0; i < truth->n_faces && ok; i++)
    ok = json_array_append_new (faces, face_json (&truth->faces[i])) == 0;
  object = json_pack ("{s:I, s:i, s:o, s:o}", "frame",
                      (json_int_t) truth->frame, "shot", truth->shot, "light",
                      fraction (truth->light), "faces", faces);
  ok = ok && fputs (f->frames ? ",\n" : "\n", f->out) >= 0;
  ok = dump (f, object) && ok;
  if (!ok)
    return failed (f, error);
  f->frames++;
  if (f->first_shot < 0 || truth->shot < f->first_shot)
    f->first_shot = truth->shot;
  if (truth->shot > f->last_shot)
    f->last_shot = truth->shot;
  return true;
}

static bool
footer (ReidSynthFile *f, bool partial)
{
  bool ok = fputs ("],\n\"shots\":[", f->out) >= 0;

  for (int i = f->first_shot; i >= 0 && i <= f->last_shot && ok; i++) {
    ReidSynthTruth truth;
    int64_t start = synth_shot_start (&f->synth->script, i);
    reid_synth_truth (f->synth, start, &truth);
    ok = fputs (i > f->first_shot ? "," : "", f->out) >= 0
         && dump (f, json_pack ("{s:i, s:I, s:s}", "shot", i, "first_frame",
                                (json_int_t) start, "change",
                                i == 0       ? "none"
                                : truth.fade ? "fade"
                                             : "cut"));
  }
  return ok
         && fprintf (f->out, "],\n\"partial\":%s}\n",
                     partial ? "true" : "false")
                > 0;
}

bool
reid_synth_file_finish (ReidSynthFile *f, bool partial, ReidError *error)
{
  bool ok;

  errno = 0;
  ok = !f->number && footer (f, partial) && fflush (f->out) == 0
       && fsync (fileno (f->out)) == 0;
  if (ok) {
    ok = fclose (f->out) == 0;
    f->out = NULL;
    if (!ok)
      unlink (f->temporary);
    else if (!(ok = rename (f->temporary, f->path) == 0)) {
      int number = errno;
      unlink (f->temporary);
      errno = number;
    }
  }
  if (!ok)
    failed (f, error);
  reid_synth_file_drop (f);
  return ok;
}

void
reid_synth_file_drop (ReidSynthFile *f)
{
  if (!f)
    return;
  if (f->out) {
    fclose (f->out);
    unlink (f->temporary);
  }
  free (f->path);
  free (f->temporary);
  free (f);
}
