/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks of published structure (nets.c) against ONNX Runtime (net-cases.txt,
 * written by make_nets.py), on every backend that is there; and the same
 * picture in a batch of three on two threads, which must give the bytes of one
 * alone on one. One TAP line a network and backend.
 *
 *   test-nets [small | large | all | NAME [DEVICE [PRECISION]]]
 *
 * Large ones are for the fast backends only. A device that is named takes the
 * place of those for the CPU; with a precision of 16 bits, embeddings need only
 * be alike, and another batch may change their last bits. */
#include "nets.h"
#include "cases.h"
#include "nn/nn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OUT 16
#define MAX_SAMPLES 64
#define MAX_TAPS 8

typedef struct {
  int64_t count;
  double norm;
  int64_t step; /* between samples */
  int n;
  float samples[MAX_SAMPLES];
} Wanted;

typedef struct {
  const NetInfo *info;
  char name[64], folder[64], path[160];
  TinyStore store;
  Wanted out[MAX_OUT]; /* the network's own, then those of its taps */
  int n_out;
  char taps[MAX_TAPS][32];
  const char *names[MAX_TAPS];
  int n_taps;
} Case;

static ReidPrecision precision = REID_PRECISION_F32;
static bool gpu; /* the device that was named is one */

static void
paint (const NetInfo *info, float *to, int64_t n, int variant)
{
  int64_t w = info->width, h = info->height;

  for (int64_t i = 0; i < n; i++) {
    int64_t x = i % w, y = i / w % h, c = i / (w * h);
    int64_t v = ((x * x * 3 + y * y * 5 + x * y * 7) / 256 + 37 * c + x + y
                 + variant * (x + 2 * y))
                & 255;
    to[i] = info->bytes ? (float) v : ((float) v - 127.5f) / 128;
  }
}

static void
compare (const Case *c, int output, const ReidTensor *got)
{
  const Wanted *w = &c->out[output];
  double squares = 0, dot = 0, aa = 0, bb = 0, worst = 0,
         size = w->norm / sqrt ((double) w->count);

  if (reid_tensor_count (got) != w->count) {
    complain ("output %d has %lld elements, not %lld", output,
              (long long) reid_tensor_count (got), (long long) w->count);
    return;
  }
  for (int64_t i = 0; i < w->count; i++)
    squares += (double) got->data[i] * got->data[i];
  for (int i = 0; i < w->n; i++) {
    double a = got->data[i * w->step], b = w->samples[i],
           off = fabs (a - b) / (fabs (b) + .1 * size + 1e-6);
    worst = off > worst || isnan (off) ? off : worst;
    dot += a * b;
    aa += a * a;
    bb += b * b;
  }
  double cosine = dot / sqrt (aa * bb);
  printf ("# output %d: off by %.2g, 1 - cosine %.2g\n", output, worst,
          1 - cosine);
  bool exact = precision == REID_PRECISION_F32;
  if ((exact && !(worst <= 1e-3)) || !(cosine >= (exact ? .9999 : .999))
      || !(fabs (sqrt (squares) - w->norm) <= (exact ? 1e-3 : .03) * w->norm))
    complain ("output %d differs: norm %g, not %g", output, sqrt (squares),
              w->norm);
}

/* cuDNN's plan for another batch may add in another order. */
static void
complain_if_far (int output, const float *a, const float *b, int64_t n)
{
  double dot = 0, aa = 0, bb = 0;

  for (int64_t i = 0; i < n; i++) {
    dot += (double) a[i] * b[i];
    aa += (double) a[i] * a[i];
    bb += (double) b[i] * b[i];
  }
  if (memcmp (a, b, (size_t) n * sizeof *a) != 0)
    printf ("# output %d of the second of three: 1 - cosine %.2g\n", output,
            1 - dot / sqrt (aa * bb));
  if (!(dot >= .9999 * sqrt (aa * bb)))
    complain ("output %d of the second of three pictures is far from that of "
              "the picture alone",
              output);
}

/* The picture as the second of three, on two threads. */
static void
check_batch (const Case *c, ReidSession *s, const ReidTensor *in,
             const ReidTensor *alone)
{
  ReidError error = REID_ERROR_INIT;
  ReidContext *context = reid_context_new (s, 2, &error);
  ReidTensor three = *in, out[MAX_OUT];
  int64_t picture = reid_tensor_count (in);

  three.dims[0] *= 3;
  if (!context || !reid_context_input (context, 0, &three, &error)) {
    complain ("batch of 3: %s", error.message);
  } else {
    for (int b = 0; b < 3; b++)
      paint (c->info, three.data + b * picture, picture, b == 1 ? 0 : b + 1);
    if (!reid_context_run (context, &three, out, &error))
      complain ("batch of 3: %s", error.message);
    else
      for (int i = 0; i < c->n_out; i++) {
        int64_t n = reid_tensor_count (&alone[i]);
        if (reid_tensor_count (&out[i]) == 3 * n && gpu)
          complain_if_far (i, out[i].data + n, alone[i].data, n);
        else if (reid_tensor_count (&out[i]) != 3 * n
                 || memcmp (out[i].data + n, alone[i].data,
                            (size_t) n * sizeof (float))
                        != 0)
          complain ("output %d of the second of three pictures is not that "
                    "of the picture alone",
                    i);
      }
  }
  reid_context_free (context);
}

static bool
near (double a, double b)
{
  return fabs (a - b) <= .03 * b;
}

static void
check_size (const Case *c, ReidSession *s, const ReidTensor *in,
            const NetInfo *written)
{
  double macs = (double) reid_session_macs (s, in) / 1e9;

  printf ("# %.3f GMACs, %.2f M parameters\n", macs, written->params);
  if (c->info->gmacs > 0 && !near (macs, c->info->gmacs))
    complain ("published are %g GMACs", c->info->gmacs);
  if (c->info->published > 0 && !near (written->params, c->info->published))
    complain ("published are %g M parameters", c->info->published);
}

/* The taps alone: the same numbers, for less work. */
static void
check_taps (const Case *c, const ReidTensor *in, const char *device)
{
  ReidSessionOptions all = { device, precision },
                     taps = { device, precision, c->names, c->n_taps,
                              REID_OUTPUTS_TAPS };
  ReidError error = REID_ERROR_INIT;
  ReidSession *whole = reid_session_open (c->path, &all, &error),
              *s = reid_session_open (c->path, &taps, &error);
  ReidContext *context = s ? reid_context_new (s, 1, &error) : NULL;
  ReidTensor own = *in, out[MAX_OUT];

  if (!whole || !context || !reid_context_input (context, 0, &own, &error)) {
    complain ("taps alone: %s", error.message);
  } else {
    paint (c->info, own.data, reid_tensor_count (&own), 0);
    if (reid_session_n_outputs (s) != c->n_taps)
      complain ("%d taps, not %d", reid_session_n_outputs (s), c->n_taps);
    else if (!reid_context_run (context, &own, out, &error))
      complain ("taps alone: %s", error.message);
    for (int i = 0; i < c->n_taps && !failed; i++)
      compare (c, c->n_out - c->n_taps + i, &out[i]);
    if (reid_session_macs (s, &own) >= reid_session_macs (whole, &own))
      complain ("what lies behind the taps is computed, too");
  }
  reid_context_free (context);
  reid_session_unref (s);
  reid_session_unref (whole);
}

static void
run_net (const Case *c, const NetInfo *written, const char *device)
{
  ReidSessionOptions options = { device, precision, c->names, c->n_taps,
                                 REID_OUTPUTS_OWN };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open (c->path, &options, &error);
  ReidContext *context = s ? reid_context_new (s, 1, &error) : NULL;
  ReidTensor in = { c->info->rank, { 1 }, NULL }, out[MAX_OUT];
  int at = 1;

  failed = false;
  if (in.rank == 5)
    in.dims[at++] = c->info->frames;
  in.dims[at++] = c->info->channels;
  in.dims[at++] = c->info->height;
  in.dims[at] = c->info->width;
  if (c->info->rank == 4 && c->info->frames)
    in.dims[0] = c->info->frames;
  if (!context || !reid_context_input (context, 0, &in, &error)) {
    complain ("%s", error.message);
  } else if (reid_session_n_outputs (s) != c->n_out) {
    complain ("%d outputs, not %d", reid_session_n_outputs (s), c->n_out);
  } else {
    check_size (c, s, &in, written);
    paint (c->info, in.data, reid_tensor_count (&in), 0);
    if (!reid_context_run (context, &in, out, &error))
      complain ("%s", error.message);
    for (int i = 0; i < c->n_out && !failed; i++)
      compare (c, i, &out[i]);
    if (reid_session_batchable (s) != !c->info->alone)
      complain ("it is %s batchable", c->info->alone ? "" : "not");
    if (!failed && !c->info->alone)
      check_batch (c, s, &in, out);
  }
  reid_context_free (context);
  reid_session_unref (s);
  if (c->n_taps > 0 && !failed)
    check_taps (c, &in, device);
  printf ("%sok %d - %s%s%s (%s)\n", failed ? "not " : "", ++n_tests, c->name,
          c->store == TINY_HALF       ? " half"
          : c->store == TINY_EXTERNAL ? " external"
                                      : "",
          c->n_taps > 0 ? " tapped" : "", device);
  n_failed += failed;
}

/* Is there this backend? Told once, where it is not. */
static bool
there (const char *device, const char *path)
{
  static int known; /* 1: yes, 2: no */
  ReidSessionOptions options = { device, precision };
  ReidError error = REID_ERROR_INIT;

  if (strcmp (device, "reference") == 0 || known)
    return known != 2 || strcmp (device, "reference") == 0;
  ReidSession *s = reid_session_open (path, &options, &error);
  reid_session_unref (s);
  known = s
                  || (error.status != REID_ERROR_DEVICE
                      && error.status != REID_ERROR_ARGUMENT)
              ? 1
              : 2;
  if (known == 1)
    return true;
  if (error.status == REID_ERROR_ARGUMENT) {
    printf ("ok %d - %s # SKIP needs AMX\n", ++n_tests, device);
    return false;
  }
#ifdef REID_HAVE_DNNL
  n_failed++;
  printf ("# %s\nnot ok %d - %s\n", error.message, ++n_tests, device);
#else
  printf ("ok %d - %s # SKIP needs onednn module: built with -Ddnnl=disabled\n",
          ++n_tests, device);
#endif
  return false;
}

static void
run_case (Case *c, const char *asked, const char *device)
{
  char weights[160];
  NetInfo written;

  if (!c->info
      || (strcmp (asked, "small") == 0   ? c->info->large
          : strcmp (asked, "all") == 0   ? false
          : strcmp (asked, "large") == 0 ? !c->info->large
                                         : strcmp (asked, c->name) != 0))
    return;
  strcpy (c->folder, "/tmp/reid-net-XXXXXX");
  if (!mkdtemp (c->folder)) {
    printf ("Bail out! no folder in /tmp\n");
    exit (1);
  }
  snprintf (c->path, sizeof c->path, "%s/net.onnx", c->folder);
  snprintf (weights, sizeof weights, "%s/%s.weights", c->folder, c->name);
  if (net_write (c->name, c->path, c->store, &written)) {
    if (device && strcmp (device, "dnnl") == 0) {
      if (there ("dnnl", c->path))
        run_net (c, &written, device);
    } else if (device) {
      run_net (c, &written, device);
    } else {
      if (!c->info->large || strcmp (asked, c->name) == 0)
        run_net (c, &written, "reference");
      if (there ("dnnl", c->path))
        run_net (c, &written, "dnnl");
    }
  } else {
    n_failed++;
    printf ("not ok %d - %s: cannot be written\n", ++n_tests, c->name);
  }
  unlink (c->path);
  unlink (weights);
  rmdir (c->folder);
}

/* "case NAME STORE [TAP...]" */
static void
begin (Case *c, const char *line)
{
  static NetInfo info;
  char store[16];
  int at = 0, used;

  memset (c, 0, sizeof *c);
  if (sscanf (line, "case %63s %15s%n", c->name, store, &at) != 2
      || !net_find (c->name)) {
    printf ("Bail out! net-cases.txt is not that of these networks: %s", line);
    exit (1);
  }
  for (; c->n_taps < MAX_TAPS
         && sscanf (line + at, "%31s%n", c->taps[c->n_taps], &used) == 1;
       at += used)
    c->names[c->n_taps] = c->taps[c->n_taps], c->n_taps++;
  info = *net_find (c->name);
  c->info = &info;
  c->store = strcmp (store, "half") == 0       ? TINY_HALF
             : strcmp (store, "external") == 0 ? TINY_EXTERNAL
                                               : TINY_FLOAT;
}

/* "out COUNT NORM STEP N V..." */
static void
read_out (Wanted *w, const char *line)
{
  char *s;

  w->count = strtoll (line + 4, &s, 10);
  w->norm = strtod (s, &s);
  w->step = strtol (s, &s, 10);
  w->n = (int) strtol (s, &s, 10);
  if (w->n > MAX_SAMPLES)
    w->n = MAX_SAMPLES;
  for (int i = 0; i < w->n; i++)
    w->samples[i] = strtof (s, &s);
}

int
main (int argc, char **argv)
{
  FILE *f = fopen (REID_SOURCE_ROOT "/tests/nn/net-cases.txt", "r");
  const char *asked = argc > 1 ? argv[1] : "small",
             *device = argc > 2 ? argv[2] : NULL;
  char *line = NULL;
  size_t room = 0;
  Case c = { 0 };

  setvbuf (stdout, NULL, _IOLBF, 0);
  gpu = device && strncmp (device, "cu", 2) == 0;
  if (argc > 3 && !reid_precision_parse (argv[3], &precision)) {
    printf ("Bail out! no precision %s\n", argv[3]);
    return 1;
  }
  while (f && getline (&line, &room, f) >= 0) {
    if (strncmp (line, "case ", 5) == 0) {
      run_case (&c, asked, device);
      begin (&c, line);
    } else if (strncmp (line, "out ", 4) == 0 && c.n_out < MAX_OUT) {
      read_out (&c.out[c.n_out++], line);
    }
  }
  run_case (&c, asked, device);
  free (line);
  if (f)
    fclose (f);
  if (n_tests == 0)
    printf ("Bail out! no such cases in net-cases.txt\n");
  printf ("1..%d\n", n_tests);
  return n_failed != 0 || n_tests == 0;
}
