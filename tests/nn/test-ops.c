/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every case of op-cases.txt on the backends that are named (default: those for
 * the CPU), against ONNX Runtime; and each picture of a batch alone, which must
 * give the same bytes, as must two threads. One TAP line a case and backend.
 * With bf16, results need only be near.
 *
 * usage: test-ops [BACKEND...] [name=PART] [bf16] */
#include "cases.h"
#include "nn/nn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IO 8

typedef struct {
  char name[128];
  uint8_t *model;
  size_t model_size;
  ReidTensor in[MAX_IO], out[MAX_IO];
  int n_in, n_out;
} Case;

static ReidPrecision precision = REID_PRECISION_F32;

static uint8_t *
base64 (const char *s, size_t *size)
{
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t *data = malloc (strlen (s) + 4);
  uint32_t bits = 0;
  int n = 0;

  *size = 0;
  for (; data && *s; s++) {
    const char *d = strchr (digits, *s);
    if (!d)
      continue;
    bits = bits << 6 | (uint32_t) (d - digits);
    n += 6;
    if (n >= 8) {
      n -= 8;
      data[(*size)++] = (uint8_t) (bits >> n);
    }
  }
  return data;
}

static char *
read_dims (char *s, ReidTensor *t)
{
  memset (t, 0, sizeof *t);
  while (t->rank < REID_MAX_RANK) {
    char *end;
    long d = strtol (s, &end, 10);
    if (end == s)
      break;
    t->dims[t->rank++] = d;
    s = end;
  }
  return s;
}

static void
fill (ReidTensor *t, int k)
{
  int64_t n = reid_tensor_count (t);

  t->data = malloc ((size_t) n * sizeof (float));
  for (int64_t i = 0; i < n; i++)
    t->data[i] = (float) ((i * 7919 + k * 104729 + 13) % 2003 - 1001) / 512;
}

static void
free_case (Case *c)
{
  free (c->model);
  for (int i = 0; i < c->n_in; i++)
    free (c->in[i].data);
  for (int i = 0; i < c->n_out; i++)
    free (c->out[i].data);
  memset (c, 0, sizeof *c);
}

static void
compare (const ReidTensor *got, const ReidTensor *want, int output)
{
  int64_t n = reid_tensor_count (want);
  float top = 0;

  if (got->rank != want->rank
      || memcmp (got->dims, want->dims,
                 (size_t) want->rank * sizeof *want->dims)
             != 0) {
    complain ("output %d has another shape", output);
    return;
  }
  for (int64_t i = 0; i < n && precision != REID_PRECISION_F32; i++)
    top = fmaxf (top, fabsf (want->data[i]));
  for (int64_t i = 0; i < n; i++) {
    float a = got->data[i], b = want->data[i];
    if (!(fabsf (a - b) <= 4e-6f + 1e-5f * fabsf (b) + 5e-2f * top)) {
      complain ("output %d, element %lld: %.9g, not %.9g", output,
                (long long) i, (double) a, (double) b);
      return;
    }
  }
}

/* Runs picture b of every input alone; its results must be the bytes that they
 * are in the whole batch. */
static void
check_alone (const Case *c, ReidSession *s, const ReidTensor *whole)
{
  int64_t batch = c->in[0].dims[0];
  ReidError error = REID_ERROR_INIT;
  ReidContext *context = reid_context_new (s, 1, &error);

  for (int64_t b = 0; b < batch && context; b++) {
    ReidTensor in[MAX_IO], out[MAX_IO];
    for (int i = 0; i < c->n_in; i++) {
      in[i] = c->in[i];
      in[i].dims[0] = 1;
      in[i].data += b * reid_tensor_count (&in[i]);
    }
    if (!reid_context_run (context, in, out, &error)) {
      complain ("picture %lld alone: %s", (long long) b, error.message);
      break;
    }
    for (int i = 0; i < c->n_out; i++) {
      int64_t n = reid_tensor_count (&out[i]);
      if (n * batch != reid_tensor_count (&whole[i])
          || memcmp (out[i].data, whole[i].data + b * n,
                     (size_t) n * sizeof (float))
                 != 0)
        complain ("output %d of picture %lld changes with the batch", i,
                  (long long) b);
    }
  }
  reid_context_free (context);
}

static void
run_case (const Case *c, const char *device)
{
  ReidSessionOptions options = { device, precision };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open_memory (c->model, c->model_size, c->name,
                                             &options, &error);
  ReidContext *one = s ? reid_context_new (s, 1, &error) : NULL,
              *two = s ? reid_context_new (s, 2, &error) : NULL;
  ReidTensor out[MAX_IO], again[MAX_IO], shapes[MAX_IO];

  failed = false;
  if (!one || !two) {
    complain ("%s", error.message);
  } else if (reid_session_n_inputs (s) != c->n_in
             || reid_session_n_outputs (s) != c->n_out) {
    complain ("another number of inputs or outputs");
  } else if (!reid_session_infer (s, c->in, shapes, &error)
             || !reid_context_run (one, c->in, out, &error)
             || !reid_context_run (two, c->in, again, &error)) {
    complain ("%s", error.message);
  } else {
    for (int i = 0; i < c->n_out; i++) {
      compare (&out[i], &c->out[i], i);
      if (shapes[i].rank != out[i].rank
          || memcmp (shapes[i].dims, out[i].dims,
                     (size_t) out[i].rank * sizeof *out[i].dims)
                 != 0)
        complain ("output %d was promised in another shape", i);
      else if (memcmp (out[i].data, again[i].data,
                       (size_t) reid_tensor_count (&out[i]) * sizeof (float))
               != 0)
        complain ("output %d changes with the threads", i);
    }
    if (reid_session_batchable (s) && !failed)
      check_alone (c, s, out);
  }
  reid_context_free (one);
  reid_context_free (two);
  reid_session_unref (s);
  printf ("%sok %d - %s (%s)\n", failed ? "not " : "", ++n_tests, c->name,
          device);
  n_failed += failed;
}

static bool
there (const char *device, const Case *c)
{
  ReidSessionOptions options = { device, precision };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open_memory (c->model, c->model_size, c->name,
                                             &options, &error);

  reid_session_unref (s);
  if (!s && error.status == REID_ERROR_ARGUMENT) {
    printf ("ok %d - %s # SKIP needs AMX\n", ++n_tests, device);
    return false;
  }
  if (s || error.status != REID_ERROR_DEVICE)
    return true;
  bool built = true;
#ifndef REID_HAVE_DNNL
  built = built && strcmp (device, "dnnl") != 0;
#endif
#ifndef REID_HAVE_CUDNN
  built = built && strcmp (device, "cudnn") != 0;
#endif
  if (built) {
    n_failed++;
    printf ("# %s\nnot ok %d - %s\n", error.message, ++n_tests, device);
  } else {
    printf ("ok %d - %s # SKIP needs %s module: built with -D%s=disabled\n",
            ++n_tests, device, strcmp (device, "dnnl") == 0 ? "onednn" : device,
            device);
  }
  return false;
}

int
main (int argc, char **argv)
{
  const char *devices[] = { "reference", "dnnl", NULL }, *part = NULL;
  FILE *f = fopen (REID_SOURCE_ROOT "/tests/nn/op-cases.txt", "r");
  Case c = { 0 };
  bool have[2] = { false, false }, asked = false, end;
  char *line = NULL;
  size_t room = 0, size;

  setvbuf (stdout, NULL, _IOLBF, 0);
  for (int i = 1, n = 0; i < argc; i++)
    if (strncmp (argv[i], "name=", 5) == 0) {
      part = argv[i] + 5;
    } else if (strcmp (argv[i], "bf16") == 0) {
      precision = REID_PRECISION_BF16;
    } else if (n < 2) {
      devices[n++] = argv[i];
      devices[n] = NULL;
    }
  do {
    end = !f || getline (&line, &room, f) < 0;
    if (end || strncmp (line, "case ", 5) == 0) {
      for (int d = 0; devices[d] && c.model && !asked; d++)
        have[d] = there (devices[d], &c);
      asked = asked || c.model;
      for (int d = 0; devices[d] && c.model; d++)
        if (have[d] && (!part || strstr (c.name, part)))
          run_case (&c, devices[d]);
      free_case (&c);
      if (!end)
        snprintf (c.name, sizeof c.name, "%.*s", (int) strcspn (line + 5, "\n"),
                  line + 5);
    } else if (strncmp (line, "model ", 6) == 0) {
      c.model = base64 (line + 6, &c.model_size);
    } else if (strncmp (line, "in ", 3) == 0 && c.n_in < MAX_IO) {
      read_dims (line + 3, &c.in[c.n_in]);
      fill (&c.in[c.n_in], c.n_in);
      c.n_in++;
    } else if (strncmp (line, "out ", 4) == 0 && c.n_out < MAX_IO) {
      ReidTensor *t = &c.out[c.n_out++];
      char *data = read_dims (line + 4, t);
      t->data = (float *) base64 (strchr (data, '=') + 1, &size);
      if (size != (size_t) reid_tensor_count (t) * sizeof (float)) {
        printf ("Bail out! op-cases.txt is damaged at %s\n", c.name);
        return 1;
      }
    }
  } while (!end);
  free (line);
  if (f)
    fclose (f);
  if (n_tests == 0)
    printf ("Bail out! no cases in op-cases.txt\n");
  printf ("1..%d\n", n_tests);
  return n_failed != 0 || n_tests == 0;
}
