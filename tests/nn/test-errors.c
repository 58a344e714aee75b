/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine says to files and shapes that it cannot take: one line that
 * names the file, the node and the reason. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const ReidSessionOptions reference = { "reference" };

static ReidSession *
open_tiny (TinyOnnx *t, ReidError *error)
{
  size_t size;
  const uint8_t *data = tiny_bytes (t, &size);
  reid_error_clear (error);
  return reid_session_open_memory (data, size, "tiny.onnx", &reference, error);
}

/* Must be refused, in a message that holds all of these. */
static void
refused (TinyOnnx *t, ReidStatus status, const char *a, const char *b)
{
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_tiny (t, &error);

  CHECK_MSG (s == NULL, "it was opened; should speak of '%s' and '%s'", a, b);
  CHECK_MSG (s || error.status == status, "status %d: %s", error.status,
             error.message);
  CHECK_MSG (s || strncmp (error.message, "tiny.onnx: ", 11) == 0, "%s",
             error.message);
  CHECK_MSG (s || (strstr (error.message, a) && strstr (error.message, b)),
             "'%s' does not hold '%s' and '%s'", error.message, a, b);
  CHECK (!strchr (error.message, '\n'));
  reid_session_unref (s);
  tiny_free (t);
}

static TinyOnnx *
start (int64_t c, int64_t h, int64_t w)
{
  TinyOnnx *t = tiny_new (13);
  tiny_input (t, "x", 4, (int64_t[]){ 1, c, h, w });
  tiny_output (t, "y");
  return t;
}

static void
add_weights (TinyOnnx *t, int64_t o, int64_t i, int64_t k)
{
  float w[256] = { 0.5f };
  tiny_floats (t, "w", 4, (int64_t[]){ o, i, k, k }, w);
}

/* First, while no module has been loaded. */
TEST (broken_module_is_passed_over_and_told)
{
  char dir[] = "/tmp/reid-module-XXXXXX", file[64];
  pid_t child;
  int status = -1;
  FILE *f;

  REQUIRE (mkdtemp (dir) != NULL);
  snprintf (file, sizeof file, "%s/libreidnn-dnnl.so", dir);
  f = fopen (file, "w");
  REQUIRE (f != NULL);
  fputs ("no library", f);
  fclose (f);
  fflush (stdout);
  child = fork ();
  if (child == 0) {
    TinyOnnx *t = start (2, 3, 3);
    ReidSessionOptions cpu = { "cpu" }, dnnl = { "dnnl" };
    ReidError error = REID_ERROR_INIT;
    size_t size;
    setenv ("REID_BACKEND_PATH", dir, 1);
    tiny_node (t, "Relu", "x", "y");
    const uint8_t *data = tiny_bytes (t, &size);
    ReidSession *s =
        reid_session_open_memory (data, size, "tiny", &cpu, &error);
    int wrong = !s || strcmp (reid_session_device (s), "reference") != 0
                || !strstr (reid_session_device_reason (s), "not dnnl");
    reid_session_unref (s);
    s = reid_session_open_memory (data, size, "tiny", &dnnl, &error);
    wrong |= s || error.status != REID_ERROR_DEVICE
             || !strstr (error.message, "libreidnn-dnnl.so");
    tiny_free (t);
    _exit (wrong);
  }
  REQUIRE (child > 0 && waitpid (child, &status, 0) == child);
  CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  unlink (file);
  rmdir (dir);
}

TEST (a_precision_that_is_not_there_is_refused)
{
  TinyOnnx *t = start (2, 3, 3);
  ReidSessionOptions options = { "dnnl", REID_PRECISION_F16 };
  ReidError error = REID_ERROR_INIT;
  size_t size;

#ifndef REID_HAVE_DNNL
  options.device = "reference";
#endif
  tiny_node (t, "Relu", "x", "y");
  const uint8_t *data = tiny_bytes (t, &size);
  CHECK (!reid_session_open_memory (data, size, "tiny", &options, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  CHECK_MSG (strstr (error.message, "f16")
                 && strstr (error.message, options.device)
                 && strstr (error.message, "precision=auto"),
             "%s", error.message);
  tiny_free (t);
}

TEST (unknown_device_lists_what_there_is)
{
  TinyOnnx *t = start (2, 3, 3);
  ReidSessionOptions options = { "quantum" };
  ReidError error = REID_ERROR_INIT;
  size_t size;

  tiny_node (t, "Relu", "x", "y");
  const uint8_t *data = tiny_bytes (t, &size);
  CHECK (!reid_session_open_memory (data, size, "tiny", &options, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  CHECK_MSG (strstr (error.message, "quantum")
                 && strstr (error.message, "reference"),
             "%s", error.message);
  tiny_free (t);
}

TEST (files_that_are_no_models)
{
  char path[] = "/tmp/reid-nn-XXXXXX";
  ReidError error = REID_ERROR_INIT;
  int fd = mkstemp (path);

  REQUIRE (fd >= 0);
  CHECK (!reid_session_open (path, &reference, &error));
  CHECK (error.status == REID_ERROR_FORMAT && strstr (error.message, "empty"));
  REQUIRE (write (fd, "This is no model at all.\n", 25) == 25);
  reid_error_clear (&error);
  CHECK (!reid_session_open (path, &reference, &error));
  CHECK_MSG (error.status == REID_ERROR_FORMAT && strstr (error.message, path)
                 && strstr (error.message, "ONNX"),
             "%s", error.message);
  close (fd);
  unlink (path);
  reid_error_clear (&error);
  CHECK (!reid_session_open (path, &reference, &error));
  CHECK (error.status == REID_ERROR_NOT_FOUND && strstr (error.message, path));
  reid_error_clear (&error);
  CHECK (!reid_session_open ("/tmp", &reference, &error));
  CHECK (error.status == REID_ERROR_OPEN);
  reid_error_clear (&error);
  CHECK (!reid_session_open (NULL, &reference, &error));
  CHECK (error.status == REID_ERROR_ARGUMENT);
  CHECK (!reid_session_open ("", &reference, NULL));
  reid_error_clear (&error);
  CHECK (!reid_session_open_memory ("", 0, "none", &reference, &error));
  CHECK (error.status == REID_ERROR_FORMAT);
  CHECK (reid_session_count () == 0);
}

TEST (every_prefix_is_refused)
{
  TinyOnnx *t = start (2, 6, 6);
  size_t size;

  add_weights (t, 3, 2, 3);
  tiny_node (t, "Conv", "x,w", "c");
  tiny_attr_ints (t, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  tiny_node (t, "Relu", "c", "y");
  const uint8_t *data = tiny_bytes (t, &size);
  for (size_t n = 0; n < size; n++) {
    ReidError error = REID_ERROR_INIT;
    /* In memory of its own, so that a step beyond its end is seen. */
    uint8_t *part = malloc (n ? n : 1);
    memcpy (part, data, n);
    ReidSession *s =
        reid_session_open_memory (part, n, "cut", &reference, &error);
    CHECK_MSG (!s, "%zu of %zu bytes", n, size);
    CHECK_MSG (strncmp (error.message, "cut: ", 5) == 0, "%zu: %s", n,
               error.message);
    reid_session_unref (s);
    free (part);
  }
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = open_tiny (t, &error);
  CHECK_MSG (s != NULL, "%s", error.message);
  reid_session_unref (s);
  tiny_free (t);
}

TEST (unknown_operator_is_named)
{
  TinyOnnx *t = start (2, 3, 3);
  tiny_node (t, "FlyToTheMoon", "x", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (FlyToTheMoon)",
           "not supported");
}

TEST (operator_sets_outside_the_range)
{
  for (int opset = 1; opset <= 99; opset += 98) {
    TinyOnnx *t = tiny_new (opset);
    tiny_input (t, "x", 2, (int64_t[]){ 1, 2 });
    tiny_output (t, "y");
    tiny_node (t, "Relu", "x", "y");
    refused (t, REID_ERROR_UNSUPPORTED, "operator set", "opset_version");
  }
}

TEST (shapes_that_do_not_fit)
{
  TinyOnnx *t = start (3, 6, 6);
  add_weights (t, 3, 2, 3);
  tiny_node (t, "Conv", "x,w", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Conv)", "channels");

  t = start (2, 2, 2);
  add_weights (t, 3, 2, 3);
  tiny_node (t, "Conv", "x,w", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Conv)", "1x2x2x2");

  t = start (2, 3, 4);
  tiny_floats (t, "k", 1, (int64_t[]){ 3 }, (float[]){ 1, 2, 3 });
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Add)", "broadcast");

  t = start (2, 3, 4);
  tiny_ints (t, "s", 2, (int64_t[]){ 5, -1 });
  tiny_node (t, "Reshape", "x,s", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Reshape)", "elements");

  t = start (2, 3, 4);
  tiny_ints (t, "s", 2, (int64_t[]){ -1, -1 });
  tiny_node (t, "Reshape", "x,s", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Reshape)", "left open");

  t = start (2, 3, 4);
  tiny_node (t, "Transpose", "x", "y");
  tiny_attr_ints (t, "perm", 4, (int64_t[]){ 0, 1, 1, 2 });
  refused (t, REID_ERROR_FORMAT, "node 'y' (Transpose)", "permutation");

  t = start (2, 3, 4);
  tiny_node (t, "Softmax", "x", "y");
  tiny_attr_int (t, "axis", 4);
  refused (t, REID_ERROR_FORMAT, "node 'y' (Softmax)", "axis 4");
}

TEST (attributes_that_are_out_of_range)
{
  static const struct {
    const char *name;
    int n;
    int64_t v[4];
  } bad[] = { { "strides", 2, { 0, 1 } },
              { "strides", 2, { -1, 1 } },
              { "dilations", 2, { 1, 1 << 20 } },
              { "pads", 4, { -1, 0, 0, 0 } },
              { "pads", 4, { 0, 0, 0, INT64_MAX } },
              { "pads", 2, { 1, 1 } },
              { "kernel_shape", 2, { 2, 3 } } };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    TinyOnnx *t = start (2, 6, 6);
    ReidError error = REID_ERROR_INIT;
    add_weights (t, 3, 2, 3);
    tiny_node (t, "Conv", "x,w", "y");
    tiny_attr_ints (t, bad[i].name, bad[i].n, bad[i].v);
    ReidSession *s = open_tiny (t, &error);
    CHECK_MSG (!s && strstr (error.message, bad[i].name), "%zu: %s", i,
               error.message);
    reid_session_unref (s);
    tiny_free (t);
  }
  for (int64_t group = -1; group < 3; group += group == 0 ? 2 : 1) {
    TinyOnnx *t = start (2, 6, 6);
    add_weights (t, 3, 2, 3);
    tiny_node (t, "Conv", "x,w", "y");
    tiny_attr_int (t, "group", group);
    refused (t, REID_ERROR_FORMAT, "node 'y' (Conv)", "groups");
  }
}

TEST (norms_of_channels_that_do_not_fit)
{
  for (int groups = 0; groups < 5; groups += groups == 0 ? 3 : 2) {
    TinyOnnx *t = start (4, 3, 3);
    tiny_random (t, "s", 1, (int64_t[]){ 4 }, 1, 0, 1);
    tiny_node (t, "GroupNormalization", "x,s,s", "y");
    tiny_attr_int (t, "num_groups", groups);
    refused (t, REID_ERROR_FORMAT, "node 'y' (GroupNormalization)", "groups");
  }
  TinyOnnx *t = start (4, 3, 3);
  tiny_random (t, "s", 1, (int64_t[]){ 3 }, 1, 0, 1);
  tiny_node (t, "InstanceNormalization", "x,s,s", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (InstanceNormalization)",
           "one for each channel");

  t = start (4, 3, 3);
  tiny_random (t, "s", 1, (int64_t[]){ 4 }, 1, 0, 1);
  tiny_node (t, "InstanceNormalization", "x,s,s", "y");
  tiny_attr_float (t, "epsilon", -1);
  refused (t, REID_ERROR_FORMAT, "node 'y' (InstanceNormalization)", "epsilon");
}

TEST (zero_and_huge_dimensions)
{
  TinyOnnx *t = start (2, 0, 4);
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_FORMAT, "input 'x'", "size of 0");

  t = start (2, INT64_MAX, 4);
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_FORMAT, "input 'x'", "too large");

  t = start (1 << 15, 1 << 15, 1 << 15);
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Relu)", "too large");

  t = start (2, 3, 4);
  tiny_raw (t, "k", 1, 3, (int64_t[]){ 1LL << 40, 1LL << 40, 8 }, "", 0);
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_FORMAT, "tensor 'k'", "too large");

  t = start (2, 3, 4);
  tiny_raw (t, "k", 1, 1, (int64_t[]){ 1 << 28 }, "1234", 4);
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_FORMAT, "tensor 'k'", "size of its dimensions");

  t = start (2, 3, 4);
  tiny_raw (t, "k", 1, 1, (int64_t[]){ -4 }, "", 0);
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_FORMAT, "tensor 'k'", "negative");

  t = start (2, 3, 4);
  tiny_raw (t, "k", 1, 1, (int64_t[]){ 0 }, "", 0);
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (Add)", "no elements");

  t = start (2, 3, 4);
  tiny_ints (t, "p", 8, (int64_t[]){ 0, 0, 1 << 28, 0, 0, 0, 1 << 28, 0 });
  tiny_node (t, "Pad", "x,p", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Pad)", "too large");

  t = start (2, 3, 4);
  tiny_floats (t, "s", 1, (int64_t[]){ 4 }, (float[]){ 1, 1, 65536, 65536 });
  tiny_node (t, "Resize", "x,,s", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Resize)", "too large");
}

TEST (graphs_that_do_not_hang_together)
{
  TinyOnnx *t = start (2, 3, 4);
  tiny_node (t, "Add", "x,b", "a");
  tiny_node (t, "Relu", "a", "b");
  tiny_node (t, "Relu", "b", "y");
  refused (t, REID_ERROR_FORMAT, "node 'a' (Add)", "cycle");

  t = start (2, 3, 4);
  tiny_node (t, "Add", "x,y", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Add)", "cycle");

  t = start (2, 3, 4);
  tiny_node (t, "Add", "x,nowhere", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Add)", "nowhere");

  t = start (2, 3, 4);
  tiny_node (t, "Relu", "x", "y");
  tiny_node (t, "Abs", "x", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Abs)", "already");

  t = start (2, 3, 4);
  tiny_node (t, "Relu", "x", "x");
  refused (t, REID_ERROR_FORMAT, "(Relu)", "already");

  t = start (2, 3, 4);
  tiny_ints (t, "k", 1, (int64_t[]){ 1 });
  tiny_ints (t, "k", 1, (int64_t[]){ 2 });
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_FORMAT, "two initializers", "'k'");

  t = start (2, 3, 4);
  tiny_node (t, "Relu", "x", "z");
  refused (t, REID_ERROR_FORMAT, "output 'y'", "no node");

  t = start (2, 3, 4);
  tiny_node (t, "Conv", "x", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Conv)", "input 1 is missing");

  t = start (2, 3, 4);
  tiny_node (t, "Concat", "x,", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (Concat)", "missing");

  t = tiny_new (13);
  tiny_output (t, "y");
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_FORMAT, "no input", "graph");

  t = tiny_new (13);
  tiny_input (t, "x", -1, NULL);
  tiny_output (t, "y");
  tiny_node (t, "Relu", "x", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "input 'x'", "shape");

  t = start (2, 3, 4);
  tiny_node (t, "Shape", "x", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "output 'y'", "float32");
}

TEST (weights_that_are_no_numbers)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };

  for (int i = 0; i < 3; i++) {
    TinyOnnx *t = start (2, 3, 4);
    float w[4] = { 1, 2, bad[i], 3 };
    tiny_floats (t, "spoilt", 4, (int64_t[]){ 2, 2, 1, 1 }, w);
    tiny_node (t, "Conv", "x,spoilt", "y");
    refused (t, REID_ERROR_FORMAT, "constant 'spoilt'", i ? "infinity" : "NaN");
  }
  /* A negative variance. */
  TinyOnnx *t = start (2, 3, 4);
  float one[2] = { 1, 1 }, below[2] = { 1, -2 };
  tiny_floats (t, "s", 1, (int64_t[]){ 2 }, one);
  tiny_floats (t, "v", 1, (int64_t[]){ 2 }, below);
  tiny_node (t, "BatchNormalization", "x,s,s,s,v", "y");
  refused (t, REID_ERROR_FORMAT, "node 'y' (BatchNormalization)", "channel 1");
}

TEST (kinds_of_tensors_that_are_not_read)
{
  TinyOnnx *t = start (2, 3, 4);
  tiny_raw (t, "q", 3, 1, (int64_t[]){ 4 }, "abcd", 4);
  tiny_node (t, "Add", "x,q", "y");
  refused (t, REID_ERROR_FORMAT, "tensor 'q'", "element type");

  t = start (2, 3, 4);
  tiny_ints (t, "k", 1, (int64_t[]){ 4 });
  tiny_node (t, "Add", "x,k", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (Add)", "integers");

  t = start (2, 3, 4);
  tiny_ints (t, "k", 1, (int64_t[]){ 4 });
  tiny_node (t, "Reshape", "x,x", "y");
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (Reshape)", "constant");
}

/* Subgraphs are not descended into, however deep they are. */
TEST (nested_subgraphs_do_no_harm)
{
  enum { LEVELS = 20000 };
  size_t room = LEVELS * 8 + 64, size = 0;
  uint8_t *bytes = malloc (room);
  TinyOnnx *t = start (2, 3, 4);
  ReidError error = REID_ERROR_INIT;

  REQUIRE (bytes != NULL);
  /* From the inside out: each message holds all that lies behind it. */
  uint8_t *at = bytes + room;
  for (int i = 0; i < LEVELS; i++) {
    /* A node that has an attribute that has a graph that has a node ... */
    static const uint8_t tags[] = { 1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2 };
    uint8_t head[8] = { tags[i % 3] };
    size_t n = 1, left = size;
    do {
      head[n++] = (uint8_t) ((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      left >>= 7;
    } while (left);
    if (size + n > room)
      break;
    at -= n;
    memcpy (at, head, n);
    size += n;
  }
  tiny_node (t, "Relu", "x", "y");
  tiny_attr_graph (t, "body", at, size);
  ReidSession *s = open_tiny (t, &error);
  CHECK_MSG (s != NULL, "%s", error.message);
  reid_session_unref (s);
  tiny_free (t);
  t = start (2, 3, 4);
  tiny_node (t, "If", "x", "y");
  tiny_attr_graph (t, "then_branch", at, size);
  refused (t, REID_ERROR_UNSUPPORTED, "node 'y' (If)", "not supported");
  free (bytes);
}

TEST (inputs_that_do_not_fit_at_run_time)
{
  TinyOnnx *t = tiny_new (13);
  ReidError error = REID_ERROR_INIT;
  float w[54] = { 1 }, data[3 * 64];

  tiny_input (t, "x", 4, (int64_t[]){ -1, 2, -1, -1 });
  tiny_output (t, "y");
  tiny_floats (t, "w", 4, (int64_t[]){ 3, 2, 3, 3 }, w);
  tiny_node (t, "Conv", "x,w", "y");
  ReidSession *s = open_tiny (t, &error);
  REQUIRE_OK (s != NULL, error);
  ReidContext *c = reid_context_new (s, 1, &error);
  REQUIRE_OK (c != NULL, error);
  static const ReidTensor bad[] = {
    { 4, { 1, 3, 4, 4 }, NULL },        { 4, { 1, 2, 2, 4 }, NULL },
    { 4, { 0, 2, 4, 4 }, NULL },        { 4, { 1, 2, -1, 4 }, NULL },
    { 3, { 1, 2, 4 }, NULL },           { 99, { 1, 2, 4, 4 }, NULL },
    { -1, { 1, 2, 4, 4 }, NULL },       { 4, { 1, 2, 1 << 20, 1 << 20 }, NULL },
    { 4, { INT64_MAX, 2, 4, 4 }, NULL }
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ReidTensor in = bad[i], out;
    in.data = data;
    reid_error_clear (&error);
    CHECK (!reid_context_run (c, &in, &out, &error));
    CHECK_MSG (strncmp (error.message, "tiny.onnx: ", 11) == 0, "%zu: %s", i,
               error.message);
    CHECK (!reid_session_infer (s, &in, &out, NULL));
    CHECK (reid_session_macs (s, &in) == -1);
  }
  /* Fits the network, but not in memory. */
  ReidTensor large = { 4, { 1, 2, 1 << 14, 1 << 14 }, data }, out;
  reid_error_clear (&error);
  CHECK (!reid_context_run (c, &large, &out, &error));
  ReidTensor none = { 4, { 1, 2, 4, 4 }, NULL };
  reid_error_clear (&error);
  CHECK (!reid_context_run (c, &none, &out, &error));
  CHECK (strstr (error.message, "no data"));
  CHECK (!reid_context_input (c, 1, &none, NULL));
  CHECK (!reid_context_input (c, -1, &none, NULL));
  /* After all that it still works. */
  for (int i = 0; i < 32; i++)
    data[i] = (float) i;
  ReidTensor in = { 4, { 1, 2, 4, 4 }, data };
  REQUIRE_OK (reid_context_run (c, &in, &out, &error), error);
  CHECK (out.rank == 4 && out.dims[1] == 3 && out.dims[2] == 2);
  CHECK (out.data[0] == 0 && out.data[3] == 5);
  CHECK (reid_session_macs (s, &in) == 3 * 2 * 2 * 2 * 9);
  CHECK (!reid_context_new (s, -1, NULL));
  CHECK (!reid_context_new (s, 100000, NULL));
  CHECK (!reid_session_input (s, 1) && !reid_session_output (s, -1));
  reid_context_free (c);
  reid_session_unref (s);
  tiny_free (t);
  CHECK (reid_session_count () == 0);
}

/* 1 is read as any batch only where every picture keeps to itself. */
TEST (batches_only_where_they_are_exact)
{
  static const struct {
    const char *type, *attribute;
    int n;
    int64_t v[4];
    bool any;
  } cases[] = { { "Relu", NULL, 0, { 0 }, true },
                { "Softmax", "axis", 0, { 0 }, false },
                { "Softmax", "axis", 0, { 1 }, true },
                { "Transpose", "perm", 4, { 1, 0, 2, 3 }, false },
                { "Transpose", "perm", 4, { 0, 3, 2, 1 }, true },
                { "Flatten", "axis", 0, { 1 }, true },
                { "Flatten", "axis", 0, { 0 }, true },
                { "Flatten", "axis", 0, { 2 }, false } };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    TinyOnnx *t = start (2, 3, 4);
    ReidError error = REID_ERROR_INIT;
    tiny_node (t, cases[i].type, "x", "y");
    if (cases[i].n)
      tiny_attr_ints (t, cases[i].attribute, cases[i].n, cases[i].v);
    else if (cases[i].attribute)
      tiny_attr_int (t, cases[i].attribute, cases[i].v[0]);
    ReidSession *s = open_tiny (t, &error);
    CHECK_MSG (s != NULL, "%s", error.message);
    if (s) {
      CHECK_MSG (reid_session_batchable (s) == cases[i].any, "%s %d",
                 cases[i].type, (int) cases[i].v[0]);
      CHECK (reid_session_input (s, 0)->dims[0]
             == (cases[i].any ? REID_DIM_FREE : 1));
    }
    reid_session_unref (s);
    tiny_free (t);
  }
  /* A constant that is added along the batch. */
  TinyOnnx *t = start (2, 3, 4);
  ReidError error = REID_ERROR_INIT;
  float k[24] = { 0 };
  tiny_floats (t, "k", 4, (int64_t[]){ 1, 2, 3, 4 }, k);
  tiny_node (t, "Concat", "x,k", "y");
  tiny_attr_int (t, "axis", 0);
  ReidSession *s = open_tiny (t, &error);
  REQUIRE_OK (s != NULL, error);
  CHECK (!reid_session_batchable (s));
  reid_session_unref (s);
  tiny_free (t);
}

TEST (many_sizes_through_one_context)
{
  TinyOnnx *t = tiny_new (13);
  ReidError error = REID_ERROR_INIT;

  tiny_input (t, "x", 4, (int64_t[]){ -1, 1, -1, -1 });
  tiny_output (t, "y");
  tiny_node (t, "MaxPool", "x", "y");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 2, 2 });
  ReidSession *s = open_tiny (t, &error);
  REQUIRE_OK (s != NULL, error);
  ReidContext *c = reid_context_new (s, 1, &error);
  REQUIRE_OK (c != NULL, error);
  for (int round = 0; round < 3; round++)
    for (int n = 2; n < 60; n++) {
      ReidTensor in = { 4, { 1, 1, n, n + 1 }, NULL }, out;
      REQUIRE_OK (reid_context_input (c, 0, &in, &error), error);
      for (int i = 0; i < n * (n + 1); i++)
        in.data[i] = (float) i;
      REQUIRE_OK (reid_context_run (c, &in, &out, &error), error);
      CHECK (out.dims[2] == n - 1 && out.dims[3] == n);
      CHECK (out.data[0] == n + 2
             && out.data[(n - 1) * n - 1] == n * (n + 1) - 1);
    }
  reid_context_free (c);
  reid_session_unref (s);
  tiny_free (t);
}

TEST_MAIN ()
