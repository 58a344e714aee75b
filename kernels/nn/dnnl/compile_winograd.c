/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"

#include <stdlib.h>

/* Which convolutions are run by Winograd's filtering. */

static bool
fits (const ReidCompiler *c, const ReidNode *node)
{
  const ReidConv *v = &node->u.conv;
  if (!c->program->rows || c->program->bf16 || v->groups != 1)
    return false;
  for (int i = 0; i < 2; i++)
    if (v->kernel[i] != 3 || v->stride[i] != 1 || v->dilation[i] != 1
        || v->pad[i] < 0 || v->pad[i] > 2)
      return false;
  return reid_compiler_small (&c->shapes[node->in[0]])
         && reid_compiler_small (&c->shapes[node->out])
         && !reid_compiler_is_constant (c, node->in[0]);
}

bool
reid_compile_winograd (ReidCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidConv *v = &node->u.conv;
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  const ReidRows *rows = c->program->rows;
  int residual = v->residual < 0 ? -1 : node->in[v->residual];
  ReidRowsEpilogue end = { 0 };
  *taken = false;
  if (!fits (c, node) || !reid_compiler_end (c, node, &end))
    return true;
  int tile = reid_winograd_pays ((int) x->dims[1], (int) y->dims[1],
                                 (int) y->dims[2], (int) y->dims[3]);
  if (!tile || y->dims[0] > INT32_MAX / (y->dims[2] * y->dims[3]))
    return true;
  *taken = true;

  ReidLayout blocked =
      rows->lanes == 16 ? REID_LAYOUT_BLOCK16 : REID_LAYOUT_BLOCK8;
  int side = residual < 0 ? -1 : reid_compiler_want (c, residual, blocked);
  if (residual >= 0 && side < 0)
    return false;
  ReidStep *s = reid_compiler_map (c, node, REID_STEP_WINOGRAD, node->in[0],
                                   blocked, residual < 0 ? 1 : 2);
  if (!s)
    return false;
  if (residual >= 0)
    s->in[1] = side;
  ReidWinograd *w = s->u.winograd.conv = calloc (1, sizeof *w);
  if (!w)
    return reid_compiler_no_memory (c);
  w->tile = tile;
  w->pictures = (int) x->dims[0];
  w->in_channels = (int) x->dims[1];
  w->out_channels = (int) y->dims[1];
  for (int i = 0; i < 2; i++) {
    w->in[i] = (int) x->dims[2 + i];
    w->out[i] = (int) y->dims[2 + i];
    w->pad[i] = v->pad[i];
  }
  w->end = end;
  w->weight = reid_weights_winograd (c->weights, node, tile, c->error);
  w->bias = reid_weights_bias (c->weights, &node, 1, c->error);
  if (!w->weight || !w->bias || !reid_compiler_slope (c, node, &w->end))
    return false;
  int threads = s->u.winograd.threads = c->program->threads;
  reid_winograd_plan (w, rows, threads);
  s->scratch = reid_program_add_buffer (
      c->program, REID_BUFFER_WORK,
      reid_winograd_scratch (w, threads) * sizeof (float), 0, NULL);
  return s->scratch >= 0 || reid_compiler_no_memory (c);
}
