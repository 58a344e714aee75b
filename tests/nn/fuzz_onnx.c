/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens whatever bytes come as a network on the reference backend, and runs it
 * on small inputs where that is little work. With clang:
 *
 *   meson setup build-fuzz -Dfuzzers=true -Dgst=disabled
 *   build-fuzz/tests/nn/fuzz-onnx -rss_limit_mb=4096 CORPUS
 *
 * test-fuzz.c drives the same function without libFuzzer. */
#include "nn/session.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS ((int64_t) 1 << 18) /* of one value */
#define MAX_STEPS ((int64_t) 1 << 21)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
/* Networks that could be opened, and that were run, so far. */
extern int fuzz_opened, fuzz_ran;
int fuzz_opened, fuzz_ran;
extern float fuzz_sum;
float fuzz_sum;

static bool
little_work (const ReidGraph *g, const ReidShape *shapes)
{
  for (int i = 0; i < g->n_values; i++)
    if (!g->values[i].data && reid_shape_count (&shapes[i]) > MAX_ELEMENTS)
      return false;
  return reid_graph_work (g, shapes, false) <= MAX_STEPS;
}

static void
run (ReidSession *s, int64_t batch, int64_t size)
{
  const ReidGraph *g = reid_session_graph (s);
  size_t n_in = (size_t) g->n_inputs, n_out = (size_t) g->n_outputs;
  ReidTensor *in = calloc (n_in, sizeof *in),
             *out = calloc (n_out, sizeof *out);
  ReidShape *shapes = calloc ((size_t) g->n_values + 1, sizeof *shapes);
  ReidError error = REID_ERROR_INIT;
  ReidContext *c = reid_context_new (s, 1, &error);
  bool ok = in && out && shapes && c;

  for (int i = 0; i < g->n_inputs && ok; i++) {
    const ReidTensorInfo *info = reid_session_input (s, i);
    in[i].rank = info->rank;
    for (int k = 0; k < info->rank; k++)
      in[i].dims[k] = info->dims[k] != REID_DIM_FREE ? info->dims[k]
                      : k == 0                       ? batch
                                                     : size;
  }
  ok = ok && reid_session_shapes (s, in, shapes, &error)
       && little_work (g, shapes);
  for (int i = 0; i < g->n_inputs && ok; i++) {
    ok = reid_context_input (c, i, &in[i], &error);
    int64_t n = ok ? reid_shape_count (&shapes[g->inputs[i]]) : 0;
    for (int64_t k = 0; k < n; k++)
      in[i].data[k] = (float) (k % 17) - 8;
  }
  if (ok && reid_context_run (c, in, out, &error)) {
    fuzz_ran++;
    /* Every byte of every output must be there. */
    for (int i = 0; i < g->n_outputs; i++)
      for (int64_t k = reid_shape_count (&shapes[g->outputs[i]]); k > 0; k--)
        fuzz_sum += out[i].data[k - 1];
  }
  reid_context_free (c);
  free (in);
  free (out);
  free (shapes);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  ReidSessionOptions options = { "reference" };
  ReidError error = REID_ERROR_INIT;
  /* Half of the files unfused, with all that is inside as outputs. */
  options.outputs =
      size && (data[size / 2] + size) % 2 ? REID_OUTPUTS_ALL : REID_OUTPUTS_OWN;
  ReidSession *s =
      reid_session_open_memory (data, size, "fuzz", &options, &error);

  if (!s) {
    /* A refusal says why. */
    if (error.status == REID_OK || !error.message[0])
      abort ();
    return 0;
  }
  fuzz_opened++;
  run (s, 1, 32);
  run (s, 2, 7);
  reid_session_unref (s);
  return 0;
}
