/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/compile.h"

#include <stdlib.h>
#include <string.h>

/* A convolution, or a product that is one of 1x1, with what follows it. */
typedef struct {
  int x, residual; /* buffers; -1 = absent */
  ReidBlocked in, out;
  const void *weight;
  ReidWindow window;
  int pad[4];
  ReidEpilogue end;
  bool fits; /* cuDNN's fusion computes this activation */
} Product;

static void
fused_shape (const Product *p, bool bare, ReidFusedShape *s)
{
  memset (s, 0, sizeof *s);
  s->store = p->in.store;
  s->batch = p->in.n;
  s->in_channels = p->in.cp;
  s->in[0] = p->in.h;
  s->in[1] = p->in.w;
  s->out_channels = p->out.cp;
  s->out[0] = p->out.h;
  s->out[1] = p->out.w;
  for (int i = 0; i < 2; i++) {
    s->kernel[i] = p->window.kernel[i];
    s->stride[i] = p->window.stride[i];
    s->dilation[i] = p->window.dilation[i];
  }
  for (int i = 0; i < 4; i++)
    s->pad[i] = p->pad[i];
  if (bare)
    return;
  s->bias = p->end.shift != NULL;
  s->residual = p->residual >= 0;
  s->act = p->end.act;
  if (s->act == REID_ACT_CLIP || s->act == REID_ACT_LEAKY_RELU) {
    s->alpha = p->end.alpha;
    s->beta = s->act == REID_ACT_CLIP ? p->end.beta : 0;
  }
}

static bool
trivial (const Product *p)
{
  return !p->end.shift && p->residual < 0 && p->end.act == REID_ACT_NONE;
}

static ReidGpuStep *
product_step (ReidGpuCompiler *c, const ReidNode *node, const Product *p,
              ReidGpuStepKind kind, const ReidFusedPlan *plan, bool bare,
              int out)
{
  ReidGpuStep *s = reid_gpu_step (c, kind, node, 2, out);

  if (!s)
    return NULL;
  s->in[0] = p->x;
  s->in[1] = bare ? -1 : p->residual;
  s->from = p->in;
  s->to = p->out;
  s->u.conv.plan = plan;
  s->u.conv.weight = p->weight;
  s->u.conv.window = p->window;
  if (!bare)
    s->u.conv.end = p->end;
  if (plan && reid_fused_plan_workspace (plan) > c->program->workspace)
    c->program->workspace = reid_fused_plan_workspace (plan);
  return s;
}

static bool
gather (ReidGpuProgram *program, const ReidFusedShape *shape)
{
  for (int i = 0; i < program->n_wanted; i++)
    if (memcmp (&program->wanted[i], shape, sizeof *shape) == 0)
      return true;
  if (program->n_wanted == program->wanted_size) {
    int room = program->wanted_size ? 2 * program->wanted_size : 32;
    ReidFusedShape *more =
        realloc (program->wanted, (size_t) room * sizeof *more);
    if (!more)
      return false;
    program->wanted = more;
    program->wanted_size = room;
  }
  program->wanted[program->n_wanted++] = *shape;
  return true;
}

/* The norm that a plan for the product may make, too, and the plan's shape. */
static const ReidNode *
affine_after (const ReidGpuCompiler *c, const ReidNode *node, const Product *p,
              ReidFusedShape *shape)
{
  const ReidGpuVar *v = &c->vars[node->out];

  if (p->window.groups != 1 || !p->fits || !v->affine
      || !reid_gpu_per_channel (c, v->affine))
    return NULL;
  fused_shape (p, false, shape);
  shape->affine = v->readers == 1 ? REID_AFFINE_ALONE : REID_AFFINE_BESIDE;
  return v->affine;
}

/* One step for a product and the norm after it. */
static bool
product_and_affine (ReidGpuCompiler *c, const ReidNode *node, const Product *p,
                    const ReidFusedPlan *plan, const ReidNode *affine,
                    bool alone)
{
  int z = reid_gpu_make (c, affine->out, REID_GPU_BLOCKED),
      y = z < 0 || alone ? z : reid_gpu_make (c, node->out, REID_GPU_BLOCKED);
  const float *scale, *shift;
  ReidGpuStep *s;

  if (y < 0 || !reid_gpu_vector (c, affine->in[1], p->out.cp, &scale)
      || !reid_gpu_vector (c, affine->in[2], p->out.cp, &shift))
    return false;
  s = product_step (c, node, p, REID_GPU_FUSED, plan, false, y);
  if (!s)
    return false;
  s->also = alone ? -1 : z;
  s->u.conv.scale = scale;
  s->u.conv.shift = shift;
  return true;
}

/* The whole as cuDNN fuses it, with the norm after it where that is faster;
 * else its convolution alone and the rest by our own kernel; else all by our
 * own kernel. */
static bool
product (ReidGpuCompiler *c, const ReidNode *node, const Product *p)
{
  const ReidFusedPlan *plan = NULL;
  ReidError why = REID_ERROR_INIT;
  ReidFusedShape shape;
  const ReidNode *affine = affine_after (c, node, p, &shape);
  ReidGpuStep *s;
  int out, bare;

  if (affine && c->program->gathering) {
    if (!gather (c->program, &shape))
      return false;
  } else if (affine) {
    plan = reid_tuner_plan (c->program->tuner, &shape, NULL);
    if (plan)
      return product_and_affine (c, node, p, plan, affine,
                                 shape.affine == REID_AFFINE_ALONE);
  }
  out = reid_gpu_make (c, node->out, REID_GPU_BLOCKED);
  if (out < 0)
    return false;
  if (c->program->gathering && p->window.groups == 1) {
    fused_shape (p, !p->fits, &shape);
    return gather (c->program, &shape)
           && product_step (c, node, p, REID_GPU_CONV, NULL, false, out)
                  != NULL;
  }
  if (p->window.groups == 1 && p->fits) {
    fused_shape (p, false, &shape);
    plan = reid_tuner_plan (c->program->tuner, &shape, &why);
    if (plan)
      return product_step (c, node, p, REID_GPU_FUSED, plan, false, out)
             != NULL;
  }
  /* A GPU that is only described has no plan for the whole either way. */
  if (p->window.groups == 1 && !trivial (p) && why.status == REID_OK
      && !(p->fits && c->program->gpu.host)) {
    fused_shape (p, true, &shape);
    plan = reid_tuner_plan (c->program->tuner, &shape, &why);
  }
  if (why.status != REID_OK)
    return reid_error_set (c->error, why.status, "%s: node '%.100s' (%s): %s",
                           c->program->graph->file, node->name, node->type,
                           why.message);
  if (!plan)
    return product_step (c, node, p, REID_GPU_CONV, NULL, false, out) != NULL;
  bare = reid_gpu_add_buffer (c->program, c->program->buffers[out].size, NULL);
  if (bare < 0 || !product_step (c, node, p, REID_GPU_FUSED, plan, true, bare))
    return false;
  s = reid_gpu_step (c, REID_GPU_EPILOGUE, node, 2, out);
  if (!s)
    return false;
  s->in[0] = bare;
  s->in[1] = p->residual;
  s->to = p->out;
  s->u.end = p->end;
  return true;
}

static bool
conv_fits (const ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidConv *v = &node->u.conv;
  const ReidValue *slope;

  if (v->act == REID_ACT_CLIP)
    return v->alpha == 0 && v->beta > 0;
  if (v->act != REID_ACT_PRELU)
    return true;
  slope = &c->program->graph->values[node->in[v->slope]];
  for (int64_t i = 0; i < slope->dims[0]; i++)
    if (!(slope->data[i] <= 1))
      return false;
  return true;
}

static bool
conv (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidConv *v = &node->u.conv;
  Product p = { 0 };
  int bias = v->bias >= 0 ? node->in[v->bias] : -1,
      slope = v->slope >= 0 ? node->in[v->slope] : -1,
      residual = v->residual >= 0 ? node->in[v->residual] : -1;

  if (!reid_gpu_blocked (c, node->in[0], &p.in)
      || !reid_gpu_blocked (c, node->out, &p.out)
      || !reid_gpu_is_constant (c, node->in[1])
      || (bias >= 0 && !reid_gpu_is_constant (c, bias))
      || (slope >= 0 && !reid_gpu_is_constant (c, slope)))
    return true;
  *taken = true;
  p.x = reid_gpu_want (c, node->in[0], REID_GPU_BLOCKED);
  p.residual =
      residual >= 0 ? reid_gpu_want (c, residual, REID_GPU_BLOCKED) : -1;
  if (p.x < 0 || (residual >= 0 && p.residual < 0)
      || !reid_gpu_vector (c, bias, p.out.cp, &p.end.shift)
      || !reid_gpu_vector (c, slope, p.out.cp, &p.end.slope))
    return false;
  p.end.act = v->act;
  p.end.alpha = v->alpha;
  p.end.beta = v->beta;
  p.window.groups = v->groups;
  for (int i = 0; i < 2; i++) {
    p.window.kernel[i] = v->kernel[i];
    p.window.stride[i] = v->stride[i];
    p.window.dilation[i] = v->dilation[i];
    p.window.pad[i] = v->pad[i];
  }
  memcpy (p.pad, v->pad, sizeof p.pad);
  if (v->groups > 1 && v->groups == p.in.c && v->groups == p.out.c) {
    p.weight = reid_gpu_constant (c, node->in[1], REID_FORM_DEPTH, 0);
    return p.weight
           && product_step (c, node, &p, REID_GPU_DEPTHWISE, NULL, false,
                            reid_gpu_make (c, node->out, REID_GPU_BLOCKED));
  }
  p.weight = reid_gpu_constant (c, node->in[1], REID_FORM_FILTER, 0);
  p.fits = conv_fits (c, node);
  return p.weight && product (c, node, &p);
}

/* Rows of x times a constant matrix: a convolution of 1x1. */
static bool
matrix (ReidGpuCompiler *c, const ReidNode *node, int bias, ReidForm form,
        bool *taken)
{
  Product p = { .residual = -1,
                .window = { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, 1 },
                .fits = true };
  int x = node->in[0], flat = form == REID_FORM_ROWS ? c->vars[x].flat : -1;
  ReidBlocked map = { 0 };

  if (!reid_gpu_blocked (c, x, &p.in)
      || !reid_gpu_blocked (c, node->out, &p.out)
      || !reid_gpu_is_constant (c, node->in[1])
      || (bias >= 0 && !reid_gpu_is_constant (c, bias)))
    return true;
  *taken = true;
  if (flat >= 0) {
    reid_gpu_blocked (c, flat, &map);
    p.x = reid_gpu_want (c, flat, REID_GPU_BLOCKED);
    p.in.c = p.in.cp = map.h * map.w * map.cp;
  } else {
    p.x = reid_gpu_want (c, x, REID_GPU_BLOCKED);
  }
  if (p.x < 0 || !reid_gpu_vector (c, bias, p.out.cp, &p.end.shift))
    return false;
  p.weight = reid_gpu_weights_get (c->weights, node->in[1], form, 0, map.h,
                                   map.w, c->error);
  return p.weight && product (c, node, &p);
}

bool
reid_gpu_compile_product (ReidGpuCompiler *c, const ReidNode *node, bool *taken)
{
  if (node->op == REID_OP_CONV)
    return conv (c, node, taken);
  if (node->op == REID_OP_GEMM)
    return matrix (c, node, node->n_in > 2 ? node->in[2] : -1, REID_FORM_ROWS,
                   taken);
  if (c->shapes[node->in[0]].rank > 3 || c->shapes[node->in[1]].rank != 2
      || reid_gpu_is_constant (c, node->in[0]))
    return true;
  return matrix (c, node, -1, REID_FORM_COLUMNS, taken);
}
