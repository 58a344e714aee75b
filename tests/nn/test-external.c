/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Weights in other files: what a model may name, and what it may not. */
#include "test.h"
#include "nn/nn.h"
#include "tinyonnx.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char root[64], folder[80];
} Place;

static const float weights[] = { 9, 9, 1, 2, 3 };

static void
write_file (const char *folder, const char *name, const void *data, size_t size)
{
  char path[256];
  FILE *f;

  snprintf (path, sizeof path, "%s/%s", folder, name);
  f = fopen (path, "wb");
  if (!f || fwrite (data, 1, size, f) != size || fclose (f) != 0)
    exit (99);
}

/* ROOT/secret, and ROOT/model with w, sub/w, and links in and out. */
static Place
place (void)
{
  Place p = { "/tmp/reid-external-XXXXXX", "" };
  char path[256];

  if (!mkdtemp (p.root))
    exit (99);
  snprintf (p.folder, sizeof p.folder, "%s/model", p.root);
  snprintf (path, sizeof path, "%s/sub", p.folder);
  if (mkdir (p.folder, 0700) || mkdir (path, 0700))
    exit (99);
  write_file (p.root, "secret", weights, sizeof weights);
  write_file (p.folder, "w", weights, sizeof weights);
  write_file (p.folder, "empty", weights, 0);
  write_file (path, "w", weights, sizeof weights);
  snprintf (path, sizeof path, "%s/in", p.folder);
  if (symlink ("sub/w", path))
    exit (99);
  snprintf (path, sizeof path, "%s/out", p.folder);
  if (symlink ("../secret", path))
    exit (99);
  return p;
}

static void
clear (const Place *p)
{
  static const char *const names[] = {
    "model/in", "model/out", "model/sub/w", "model/sub", "model/empty",
    "model/w",  "model/net", "model",       "secret"
  };
  char path[256];

  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf (path, sizeof path, "%s/%s", p->root, names[i]);
    remove (path);
  }
  rmdir (p->root);
}

/* y = x + w, w three floats. The first result, NAN where it does not load. */
static float
run (const Place *p, const char *location, const char *offset,
     const char *length, bool memory, char *message)
{
  TinyOnnx *t = tiny_new (13);
  ReidSessionOptions options = { "reference" };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s;
  ReidContext *c;
  float x[3] = { 0.5f, 0, 0 }, y = NAN;
  ReidTensor in = { 2, { 1, 3 }, x }, out;
  const uint8_t *bytes;
  size_t size;
  char path[256];

  tiny_input (t, "x", 2, (int64_t[]){ -1, 3 });
  tiny_elsewhere (t, "w", 1, 1, (int64_t[]){ 3 }, location, offset, length);
  tiny_node (t, "Add", "x,w", "y");
  tiny_output (t, "y");
  bytes = tiny_bytes (t, &size);
  snprintf (path, sizeof path, "%s/net", p->folder);
  if (memory) {
    s = reid_session_open_memory (bytes, size, "memory", &options, &error);
  } else {
    write_file (p->folder, "net", bytes, size);
    s = reid_session_open (path, &options, &error);
  }
  c = s ? reid_context_new (s, 1, &error) : NULL;
  if (c && reid_context_run (c, &in, &out, &error))
    y = out.data[0];
  snprintf (message, 256, "%.250s", error.message);
  reid_context_free (c);
  reid_session_unref (s);
  tiny_free (t);
  return y;
}

TEST (weights_beside_the_model_are_read)
{
  static const char *const good[] = { "w", "sub/w", "in", "sub/../w" };
  Place p = place ();
  char why[256];

  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    float y = run (&p, good[i], "8", "12", false, why);
    CHECK_MSG (y == 1.5f, "%s: %g (%s)", good[i], (double) y, why);
    y = run (&p, good[i], "8", NULL, false, why);
    CHECK_MSG (y == 1.5f, "%s to the end: %g (%s)", good[i], (double) y, why);
    y = run (&p, good[i], NULL, "12", false, why);
    CHECK_MSG (y == 9.5f, "%s from 0: %g (%s)", good[i], (double) y, why);
  }
  clear (&p);
}

TEST (weights_elsewhere_are_refused)
{
  static const struct {
    const char *location, *offset, *length, *says;
  } bad[] = { { "../secret", "8", "12", "outside" },
              { "out", "8", "12", "outside" },
              { "sub/../../secret", "8", "12", "outside" },
              { "/etc/passwd", "0", "12", "no name" },
              { "", "0", "12", "no name" },
              { "absent", "0", "12", "not beside" },
              { "sub", "0", "12", "no regular file" },
              { "empty", "0", "12", "empty" },
              { "w", "8", "16", "beyond the end" },
              { "w", "21", NULL, "beyond the end" },
              { "w", "12", NULL, "size of its dimensions" },
              { "w", "0", "8", "size of its dimensions" },
              { "w", "-8", "12", "no number" },
              { "w", "8", "0x0c", "no number" },
              { "w", "999999999999999999", "12", "beyond the end" },
              { "w", "9999999999999999999999", "12", "no number" },
              { "w", "8", "999999999999999999", "beyond the end" },
              { "w", "", "12", "no number" } };
  Place p = place ();
  char why[256];

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    float y =
        run (&p, bad[i].location, bad[i].offset, bad[i].length, false, why);
    CHECK_MSG (isnan (y) && strstr (why, bad[i].says), "%s %s %s: %g, %s",
               bad[i].location, bad[i].offset,
               bad[i].length ? bad[i].length : "-", (double) y, why);
  }
  clear (&p);
}

TEST (a_model_in_memory_has_no_other_files)
{
  Place p = place ();
  char why[256];

  CHECK (isnan (run (&p, "w", "8", "12", true, why)));
  CHECK_MSG (strstr (why, "not read from a file"), "%s", why);
  clear (&p);
}

TEST_MAIN ()
