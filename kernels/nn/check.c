/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No NaN leaves the engine unseen, and none without the name of its node. */
#include "nn/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const ReidNode reid_no_node;

int64_t
reid_first_not_finite (const float *data, int64_t n)
{
  uint32_t bad = 0;

  /* By bits, without a branch: vectorised, in whatever mode floats are. */
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy (&bits, &data[i], sizeof bits);
    bad |= (bits & 0x7f800000) == 0x7f800000;
  }
  for (int64_t i = 0; bad && i < n; i++)
    if (!isfinite (data[i]))
      return i;
  return -1;
}

/* Numbers of one picture, where every input has one for each. */
static int64_t
picture_size (const ReidTensor *t, int64_t batch)
{
  return t->rank > 0 && t->dims[0] == batch ? reid_tensor_count (t) / batch : 0;
}

/* The one picture to look at again, or all of them where they do not come
 * apart. */
static int64_t
take_picture (ReidSession *session, const ReidTensor *inputs, int64_t batch,
              int64_t picture, ReidTensor *one)
{
  int n = reid_session_n_inputs (session);
  bool apart = reid_session_batchable (session);

  for (int i = 0; i < n; i++)
    apart = apart && picture_size (&inputs[i], batch) > 0;
  for (int i = 0; i < n; i++) {
    one[i] = inputs[i];
    if (!apart)
      continue;
    one[i].data += picture * picture_size (&inputs[i], batch);
    one[i].dims[0] = 1;
  }
  return apart ? picture : 0;
}

static const ReidNode *
find (ReidSession *session, const ReidTensor *inputs, ReidError *error)
{
  const ReidGraph *g = reid_session_graph (session);
  ReidShape *shapes = calloc ((size_t) g->n_values + 1, sizeof *shapes);
  const float **data = calloc ((size_t) g->n_inputs, sizeof *data);
  const ReidNode *node = NULL;
  bool ok = shapes && data;

  for (int i = 0; i < g->n_inputs && ok; i++)
    data[i] = inputs[i].data;
  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory", g->file);
  else
    ok = reid_session_shapes (session, inputs, shapes, error)
         && reid_reference_first_not_finite (g, shapes, data, &node, error);
  free (shapes);
  free (data);
  return ok && !node ? &reid_no_node : node;
}

/* Fills the error. */
static void
blame (ReidSession *session, const ReidTensor *inputs, const char *output,
       bool nan, ReidError *error)
{
  const char *path = reid_session_path (session),
             *what = nan ? "NaN" : "an infinity";
  const ReidNode *node = reid_session_culprit (session);
  bool before = node != NULL;

  for (int i = 0; i < reid_session_n_inputs (session); i++)
    if (reid_first_not_finite (inputs[i].data, reid_tensor_count (&inputs[i]))
        >= 0) {
      reid_error_set (error, REID_ERROR_ARGUMENT,
                      "%s: its input '%.100s' holds a number that is not "
                      "finite",
                      path, reid_session_input (session, i)->name);
      return;
    }
  if (!before && !(node = find (session, inputs, error)))
    return;
  reid_session_blame (session, node);
  if (node != &reid_no_node)
    reid_error_set (error, REID_ERROR_FORMAT,
                    "%s: output '%.100s' holds %s; %sthe first node whose "
                    "answer is not finite is '%.100s' (%s): weights that are "
                    "damaged or too large, or preprocessing of another network",
                    path, output, what,
                    before ? "for an earlier picture, " : "", node->name,
                    node->type);
  else
    reid_error_set (error, REID_ERROR_FORMAT,
                    "%s: output '%.100s' holds %s, but not where it is "
                    "computed in f32 by plain C: its numbers are too large for "
                    "%s on %s; try precision=f32",
                    path, output, what,
                    reid_precision_name (reid_session_precision (session)),
                    reid_session_device (session));
}

bool
reid_session_check (ReidSession *session, const ReidTensor *inputs,
                    const ReidTensor *outputs, int *picture, ReidError *error)
{
  int n_in = reid_session_n_inputs (session);
  int64_t batch = n_in > 0 && inputs[0].rank > 0 ? inputs[0].dims[0] : 1;

  for (int i = 0; i < reid_session_n_outputs (session); i++) {
    const ReidTensor *t = &outputs[i];
    int64_t at = reid_first_not_finite (t->data, reid_tensor_count (t));
    ReidTensor *one;
    if (at < 0)
      continue;
    int64_t size = picture_size (t, batch);
    one = calloc ((size_t) n_in, sizeof *one);
    if (!one)
      return reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                             reid_session_path (session));
    int64_t which =
        take_picture (session, inputs, batch, size ? at / size : 0, one);
    if (picture)
      *picture = (int) which;
    blame (session, one, reid_session_output (session, i)->name,
           isnan (t->data[at]), error);
    free (one);
    return false;
  }
  return true;
}
