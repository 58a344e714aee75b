/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inner tensors as outputs: how they are named, shared and listed. That their
 * numbers are right, whatever is fused around them, is seen by test-nets.c. */
#include "test.h"
#include "tinyonnx.h"
#include "nn/nn.h"

#include <unistd.h>

static char path[64];

/* Two modules, one inside the other, as PyTorch's exporter names them. */
static void
write_net (void)
{
  static const float one[] = { 1 };
  TinyOnnx *t = tiny_new (11);

  snprintf (path, sizeof path, "/tmp/reid-taps-%d.onnx", (int) getpid ());
  tiny_input (t, "in", 4, (int64_t[]){ -1, 2, 6, 5 });
  tiny_random (t, "w", 4, (int64_t[]){ 4, 2, 3, 3 }, 1, -1, 1);
  tiny_node (t, "Conv", "in,w", "conv_out");
  tiny_node_name (t, "/stem/conv/Conv");
  tiny_attr_ints (t, "kernel_shape", 2, (int64_t[]){ 3, 3 });
  tiny_node (t, "Relu", "conv_out", "relu_out");
  tiny_node_name (t, "/stem/relu/Relu");
  tiny_node (t, "Identity", "relu_out", "same");
  tiny_node (t, "Sigmoid", "same", "gate");
  tiny_node_name (t, "stem2/Sigmoid");
  tiny_floats (t, "one", 1, (int64_t[]){ 1 }, one);
  tiny_node (t, "Neg", "one", "minus");
  tiny_node (t, "Mul", "gate,minus", "out");
  tiny_output (t, "out");
  REQUIRE (tiny_write (t, path));
  tiny_free (t);
}

static ReidSession *
open_taps (const char *const *taps, int n, ReidOutputChoice outputs,
           ReidError *error)
{
  ReidSessionOptions options = { "reference", REID_PRECISION_AUTO, taps, n,
                                 outputs };

  return reid_session_open (path, &options, error);
}

TEST (a_tap_is_a_tensor_a_node_or_a_module)
{
  static const struct {
    const char *asked, *is, *type;
  } names[] = {
    { "conv_out", "conv_out", "Conv" },
    { "/stem/conv/Conv", "conv_out", "Conv" },
    { "stem", "relu_out", "Relu" },
    { "/stem", "relu_out", "Relu" },
    { "stem/conv", "conv_out", "Conv" },
    { "stem2", "gate", "Sigmoid" },
    { "same", "same", "Relu" },
    { "in", "in", NULL },
    { "out", "out", "Mul" },
  };

  write_net ();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    ReidError error = REID_ERROR_INIT;
    ReidSession *s = open_taps (&names[i].asked, 1, REID_OUTPUTS_OWN, &error);
    REQUIRE_OK (s != NULL, error);
    CHECK (reid_session_n_outputs (s) == 2 && reid_session_batchable (s));
    const ReidTensorInfo *own = reid_session_output (s, 0),
                         *tap = reid_session_output (s, 1);
    CHECK (!strcmp (own->name, "out"));
    CHECK_MSG (!strcmp (tap->name, names[i].is), "%s: %s", names[i].asked,
               tap->name);
    CHECK (names[i].type ? tap->type && !strcmp (tap->type, names[i].type)
                         : !tap->type);
    reid_session_unref (s);
  }
  unlink (path);
}

TEST (what_cannot_be_tapped_is_told)
{
  static const struct {
    const char *asked, *told;
  } names[] = {
    { "relu_ouz", "'relu_out'" }, { "sigmoid", "'stem2/Sigmoid'" },
    { "ste", "'ste'" },           { "", "''" },
    { "minus", "constant" },      { "w", "constant" },
  };

  write_net ();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    ReidError error = REID_ERROR_INIT;
    CHECK (!open_taps (&names[i].asked, 1, REID_OUTPUTS_TAPS, &error));
    CHECK_MSG (error.status == REID_ERROR_ARGUMENT
                   && strstr (error.message, names[i].told)
                   && strstr (error.message, path),
               "%s: %s", names[i].asked, error.message);
  }
  ReidError error = REID_ERROR_INIT;
  CHECK (!open_taps (NULL, 0, REID_OUTPUTS_TAPS, &error));
  CHECK_MSG (error.status == REID_ERROR_ARGUMENT, "%s", error.message);
  unlink (path);
}

TEST (sessions_are_shared_by_their_taps)
{
  static const char *const one[] = { "stem" }, *const two[] = { "stem",
                                                                "gate" };
  ReidError error = REID_ERROR_INIT;

  write_net ();
  ReidSession *s[] = { open_taps (NULL, 0, REID_OUTPUTS_OWN, &error),
                       open_taps (one, 1, REID_OUTPUTS_OWN, &error),
                       open_taps (two, 1, REID_OUTPUTS_OWN, &error),
                       open_taps (two, 2, REID_OUTPUTS_OWN, &error),
                       open_taps (one, 1, REID_OUTPUTS_TAPS, &error),
                       open_taps (two, 1, REID_OUTPUTS_TAPS, &error) };
  REQUIRE_OK (s[0] && s[1] && s[2] && s[3] && s[4] && s[5], error);
  CHECK (s[1] == s[2] && s[4] == s[5] && reid_session_count () == 4);
  for (int i = 0; i < 6; i++)
    reid_session_unref (s[i]);
  CHECK (reid_session_count () == 0);
  unlink (path);
}

TEST (a_list_has_what_every_node_gives)
{
  static const char *const wanted[] = { "conv_out", "relu_out", "gate", "out" };
  static const int64_t sizes[] = { 2, 4, 4, 3 };
  ReidError error = REID_ERROR_INIT;
  ReidTensor in = { 4, { 2, 2, 6, 5 }, NULL }, out[8];

  write_net ();
  ReidSession *s = open_taps (NULL, 0, REID_OUTPUTS_ALL, &error);
  REQUIRE_OK (s != NULL, error);
  REQUIRE (reid_session_n_outputs (s) == 4);
  REQUIRE_OK (reid_session_infer (s, &in, out, &error), error);
  for (int i = 0; i < 4; i++) {
    CHECK (!strcmp (reid_session_output (s, i)->name, wanted[i]));
    CHECK (out[i].rank == 4 && !memcmp (out[i].dims, sizes, sizeof sizes));
  }
  reid_session_unref (s);
  unlink (path);
}

TEST_MAIN ()
