/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/fused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of the tensors that a plan is given; what stays inside the graph is
 * numbered from FIRST_INNER. */
enum {
  ID_X = 1,
  ID_WEIGHT,
  ID_Y,
  ID_BIAS,
  ID_RESIDUAL,
  ID_SLOPE,
  FIRST_INNER = 100
};

#define MAX_DESCRIPTORS 128
#define MAX_OPS 12
#define MAX_CHOICES 24
#define MAX_IDS 6

struct ReidFused {
  ReidFusedShape shape;
  cudnnBackendDescriptor_t device;
  /* all that were made, in the order in which they were */
  cudnnBackendDescriptor_t made[MAX_DESCRIPTORS];
  int n_made;
  cudnnBackendDescriptor_t ops[MAX_OPS];
  int n_ops;
  int64_t next_id;
  cudnnBackendDescriptor_t graph;
  cudnnBackendDescriptor_t choices[MAX_CHOICES];
  int n_choices;
  cudnnStatus_t status; /* the first failure */
};

struct ReidFusedPlan {
  ReidFusedShape shape;
  cudnnBackendDescriptor_t descriptor;
  size_t workspace;
};

static cudnnDataType_t
data_type (ReidStore store)
{
  return store == REID_STORE_F16    ? CUDNN_DATA_HALF
         : store == REID_STORE_BF16 ? CUDNN_DATA_BFLOAT16
                                    : CUDNN_DATA_FLOAT;
}

/* --- the graph --- */

static cudnnBackendDescriptor_t
make (ReidFused *f, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t d = NULL;

  if (f->status != CUDNN_STATUS_SUCCESS)
    return NULL;
  if (f->n_made == MAX_DESCRIPTORS) {
    f->status = CUDNN_STATUS_NOT_SUPPORTED;
    return NULL;
  }
  f->status = cudnnBackendCreateDescriptor (type, &d);
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->made[f->n_made++] = d;
  return d;
}

static void
set (ReidFused *f, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
     cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->status = cudnnBackendSetAttribute (d, name, type, n, values);
}

static void
finalize (ReidFused *f, cudnnBackendDescriptor_t d)
{
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->status = cudnnBackendFinalize (d);
}

/* In cuDNN's order of dimensions (n, c, h, w) and channels-last in memory. */
static cudnnBackendDescriptor_t
tensor (ReidFused *f, int64_t id, cudnnDataType_t type, int64_t n, int64_t c,
        int64_t h, int64_t w, bool inner)
{
  cudnnBackendDescriptor_t d = make (f, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  int64_t dims[] = { n, c, h, w }, strides[] = { h * w * c, 1, w * c, c },
          alignment = 16;

  set (f, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
  set (f, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  set (f, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
  set (f, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
  set (f, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  if (inner)
    set (f, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inner);
  finalize (f, d);
  return d;
}

/* What has the output's shape: the output itself when nothing follows. */
static cudnnBackendDescriptor_t
result (ReidFused *f, bool last)
{
  const ReidFusedShape *s = &f->shape;
  return tensor (f, last ? ID_Y : f->next_id++,
                 last ? data_type (s->store) : CUDNN_DATA_FLOAT, s->batch,
                 s->out_channels, s->out[0], s->out[1], !last);
}

static cudnnBackendDescriptor_t
per_channel (ReidFused *f, int64_t id)
{
  return tensor (f, id, CUDNN_DATA_FLOAT, 1, f->shape.out_channels, 1, 1,
                 false);
}

static void
add_op (ReidFused *f, cudnnBackendDescriptor_t op)
{
  finalize (f, op);
  if (f->status == CUDNN_STATUS_SUCCESS && f->n_ops == MAX_OPS)
    f->status = CUDNN_STATUS_NOT_SUPPORTED;
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->ops[f->n_ops++] = op;
}

static cudnnBackendDescriptor_t
convolution (ReidFused *f, bool last)
{
  const ReidFusedShape *s = &f->shape;
  cudnnDataType_t type = data_type (s->store), math = CUDNN_DATA_FLOAT;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  int64_t two = 2, before[] = { s->pad[0], s->pad[1] },
          after[] = { s->pad[2], s->pad[3] },
          stride[] = { s->stride[0], s->stride[1] },
          dilation[] = { s->dilation[0], s->dilation[1] };
  float one = 1, zero = 0;
  cudnnBackendDescriptor_t x = tensor (f, ID_X, type, s->batch, s->in_channels,
                                       s->in[0], s->in[1], false),
                           w = tensor (f, ID_WEIGHT, type, s->out_channels,
                                       s->in_channels, s->kernel[0],
                                       s->kernel[1], false),
                           y = result (f, last),
                           c = make (f, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR),
                           op;

  set (f, c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &math);
  set (f, c, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1,
       &mode);
  set (f, c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two);
  set (f, c, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilation);
  set (f, c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2,
       stride);
  set (f, c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, before);
  set (f, c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, after);
  finalize (f, c);
  op = make (f, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &c);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT,
       1, &one);
  set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT,
       1, &zero);
  add_op (f, op);
  return y;
}

typedef struct {
  cudnnPointwiseMode_t mode;
  const double *low, *high, *slope; /* of RELU_FWD */
} Pointwise;

static cudnnBackendDescriptor_t
pointwise (ReidFused *f, Pointwise p, cudnnBackendDescriptor_t a,
           cudnnBackendDescriptor_t b, bool last)
{
  cudnnDataType_t math = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t y = result (f, last),
                           d = make (f, CUDNN_BACKEND_POINTWISE_DESCRIPTOR), op;

  set (f, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &p.mode);
  set (f, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &math);
  if (p.low)
    set (f, d, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, CUDNN_TYPE_DOUBLE, 1,
         p.low);
  if (p.high)
    set (f, d, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, CUDNN_TYPE_DOUBLE, 1,
         p.high);
  if (p.slope)
    set (f, d, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, 1,
         p.slope);
  finalize (f, d);
  op = make (f, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &d);
  set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &a);
  if (b)
    set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
         CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &b);
  set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y);
  add_op (f, op);
  return y;
}

static void
activation (ReidFused *f, cudnnBackendDescriptor_t x)
{
  static const double zero = 0;
  const ReidFusedShape *s = &f->shape;
  double alpha = s->alpha, beta = s->beta;
  cudnnBackendDescriptor_t y;

  switch ((ReidActivation) s->act) {
    case REID_ACT_RELU:
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_RELU_FWD }, x, NULL, true);
      break;
    case REID_ACT_CLIP:
      /* cuDNN's lower clip is where a slope begins: right for 0 only */
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_RELU_FWD, &zero, &beta }, x,
                 NULL, true);
      break;
    case REID_ACT_LEAKY_RELU:
      pointwise (f,
                 (Pointwise){ CUDNN_POINTWISE_RELU_FWD, &zero, NULL, &alpha },
                 x, NULL, true);
      break;
    case REID_ACT_SIGMOID:
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_SIGMOID_FWD }, x, NULL, true);
      break;
    case REID_ACT_TANH:
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_TANH_FWD }, x, NULL, true);
      break;
    case REID_ACT_SWISH:
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_SWISH_FWD }, x, NULL, true);
      break;
    case REID_ACT_PRELU:
      /* max (x, 0) + slope min (x, 0), as relu (x) - slope relu (-x), would
       * take four operations; for slopes up to 1 this is the same in two. */
      y = pointwise (f, (Pointwise){ CUDNN_POINTWISE_MUL }, x,
                     per_channel (f, ID_SLOPE), false);
      pointwise (f, (Pointwise){ CUDNN_POINTWISE_MAX }, x, y, true);
      break;
    case REID_ACT_NONE:
      break;
  }
}

static void
build (ReidFused *f)
{
  const ReidFusedShape *s = &f->shape;
  int left = (s->bias != 0) + (s->residual != 0) + (s->act != REID_ACT_NONE);
  cudnnBackendDescriptor_t x = convolution (f, left == 0);

  if (s->bias)
    x = pointwise (f, (Pointwise){ CUDNN_POINTWISE_ADD }, x,
                   per_channel (f, ID_BIAS), --left == 0);
  if (s->residual)
    x = pointwise (f, (Pointwise){ CUDNN_POINTWISE_ADD }, x,
                   tensor (f, ID_RESIDUAL, data_type (s->store), s->batch,
                           s->out_channels, s->out[0], s->out[1], false),
                   --left == 0);
  activation (f, x);
  f->graph = make (f, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set (f, f->graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, f->n_ops, f->ops);
  finalize (f, f->graph);
}

/* Not what gives other bytes from run to run, nor, for f32, what rounds its
 * inputs to fewer bits. */
static bool
exact (const ReidFused *f, cudnnBackendDescriptor_t config)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  cudnnBackendDescriptor_t engine = NULL;
  int64_t n = 0;
  bool good = false;

  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine)
      != CUDNN_STATUS_SUCCESS)
    return false;
  if (cudnnBackendGetAttribute (config, CUDNN_ATTR_ENGINECFG_ENGINE,
                                CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine)
          == CUDNN_STATUS_SUCCESS
      && cudnnBackendGetAttribute (engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                   CUDNN_TYPE_NUMERICAL_NOTE,
                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n, notes)
             == CUDNN_STATUS_SUCCESS) {
    good = true;
    for (int64_t i = 0; i < n; i++)
      if (notes[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC
          || (f->shape.store == REID_STORE_F32
              && (notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE
                  || notes[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)))
        good = false;
  }
  cudnnBackendDestroyDescriptor (engine);
  return good;
}

static void
choose (ReidFused *f, cudnnBackendHeurMode_t mode)
{
  cudnnBackendDescriptor_t heuristics = NULL, found[MAX_CHOICES];
  int64_t n = 0;
  int made = 0;
  cudnnStatus_t status;

  status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR,
                                         &heuristics);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->graph);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (heuristics, CUDNN_ATTR_ENGINEHEUR_MODE,
                                       CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (status == CUDNN_STATUS_SUCCESS)
    status =
        cudnnBackendSetAttribute (heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->device);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (heuristics);
  while (status == CUDNN_STATUS_SUCCESS && f->n_choices + made < MAX_CHOICES) {
    status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                           &found[made]);
    made += status == CUDNN_STATUS_SUCCESS;
  }
  if (status == CUDNN_STATUS_SUCCESS && made)
    status = cudnnBackendGetAttribute (
        heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &n, found);
  if (status != CUDNN_STATUS_SUCCESS)
    n = 0;
  for (int i = 0; i < made; i++)
    if (i < n && exact (f, found[i]))
      f->choices[f->n_choices++] = found[i];
    else
      cudnnBackendDestroyDescriptor (found[i]);
  if (heuristics)
    cudnnBackendDestroyDescriptor (heuristics);
}

static bool
representable (const ReidFusedShape *s)
{
  return s->act != REID_ACT_CLIP || (s->alpha == 0 && s->beta > 0);
}

ReidFused *
reid_fused_new (const ReidFusedShape *shape, cudnnBackendDescriptor_t device,
                bool choices, ReidError *error)
{
  ReidFused *f = calloc (1, sizeof *f);

  if (!f) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for a cuDNN graph");
    return NULL;
  }
  f->shape = *shape;
  f->device = device;
  f->next_id = FIRST_INNER;
  f->status =
      representable (shape) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
  build (f);
  if (f->status != CUDNN_STATUS_SUCCESS) {
    reid_error_set (error, REID_ERROR_DEVICE, "cuDNN takes no such graph: %s",
                    cudnnGetErrorString (f->status));
    reid_fused_free (f);
    return NULL;
  }
  if (choices) {
    choose (f, CUDNN_HEUR_MODE_A);
    choose (f, CUDNN_HEUR_MODE_FALLBACK);
  }
  return f;
}

void
reid_fused_free (ReidFused *f)
{
  if (!f)
    return;
  for (int i = 0; i < f->n_choices; i++)
    cudnnBackendDestroyDescriptor (f->choices[i]);
  while (f->n_made > 0)
    cudnnBackendDestroyDescriptor (f->made[--f->n_made]);
  free (f);
}

/* --- configurations --- */

static void
destroy (cudnnBackendDescriptor_t *d, int n)
{
  for (int i = 0; i < n; i++)
    if (d[i])
      cudnnBackendDestroyDescriptor (d[i]);
}

/* n new descriptors, or none. */
static bool
create (cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *d, int n)
{
  for (int i = 0; i < n; i++)
    if (cudnnBackendCreateDescriptor (type, &d[i]) != CUDNN_STATUS_SUCCESS) {
      destroy (d, i);
      return false;
    }
  return true;
}

static bool
get (cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
     cudnnBackendAttributeType_t type, int64_t most, int64_t *n, void *values)
{
  return cudnnBackendGetAttribute (d, name, type, most, n, values)
         == CUDNN_STATUS_SUCCESS;
}

bool
reid_fused_config (const ReidFused *f, int i, ReidFusedConfig *c)
{
  cudnnBackendDescriptor_t engine, knobs[REID_FUSED_KNOBS];
  int64_t one, n = 0;
  bool ok;

  memset (c, 0, sizeof *c);
  if (!create (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine, 1))
    return false;
  ok = get (f->choices[i], CUDNN_ATTR_ENGINECFG_ENGINE,
            CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &one, &engine)
       && get (engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
               &one, &c->engine);
  destroy (&engine, 1);
  if (!ok
      || !create (CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, knobs,
                  REID_FUSED_KNOBS))
    return false;
  ok = get (f->choices[i], CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
            CUDNN_TYPE_BACKEND_DESCRIPTOR, REID_FUSED_KNOBS, &n, knobs);
  for (c->n = 0; c->n < n && ok; c->n++) {
    cudnnBackendKnobType_t type;
    ok = get (knobs[c->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
              CUDNN_TYPE_KNOB_TYPE, 1, &one, &type)
         && get (knobs[c->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                 CUDNN_TYPE_INT64, 1, &one, &c->value[c->n]);
    c->knob[c->n] = (int64_t) type;
  }
  destroy (knobs, REID_FUSED_KNOBS);
  return ok;
}

static bool
same_config (const ReidFusedConfig *a, const ReidFusedConfig *b)
{
  if (a->engine != b->engine || a->n != b->n)
    return false;
  for (int i = 0; i < a->n; i++)
    if (a->knob[i] != b->knob[i] || a->value[i] != b->value[i])
      return false;
  return true;
}

int
reid_fused_choice (ReidFused *f, const ReidFusedConfig *c)
{
  ReidFusedConfig there;
  int made = f->n_made;

  for (int i = 0; i < f->n_choices; i++)
    if (reid_fused_config (f, i, &there) && same_config (&there, c))
      return i;
  if (f->n_choices == MAX_CHOICES)
    return -1;
  f->status = CUDNN_STATUS_SUCCESS;
  cudnnBackendDescriptor_t engine = make (f, CUDNN_BACKEND_ENGINE_DESCRIPTOR),
                           knobs[REID_FUSED_KNOBS], config;
  set (f, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->graph);
  set (f, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
       &c->engine);
  set (f, engine, CUDNN_ATTR_ENGINE_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR,
       1, &f->device);
  finalize (f, engine);
  for (int i = 0; i < c->n; i++) {
    cudnnBackendKnobType_t type = (cudnnBackendKnobType_t) c->knob[i];
    knobs[i] = make (f, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    set (f, knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1,
         &type);
    set (f, knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1,
         &c->value[i]);
    finalize (f, knobs[i]);
  }
  config = make (f, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  set (f, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
       &engine);
  if (c->n)
    set (f, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
         CUDNN_TYPE_BACKEND_DESCRIPTOR, c->n, knobs);
  finalize (f, config);
  if (f->status != CUDNN_STATUS_SUCCESS) {
    while (f->n_made > made)
      cudnnBackendDestroyDescriptor (f->made[--f->n_made]);
    return -1;
  }
  f->n_made--; /* the choices have it now */
  f->choices[f->n_choices] = config;
  return f->n_choices++;
}

void
reid_fused_config_text (const ReidFusedConfig *c, char *text, size_t size)
{
  size_t at = (size_t) snprintf (text, size, "%lld", (long long) c->engine);

  for (int i = 0; i < c->n && at < size; i++)
    at += (size_t) snprintf (text + at, size - at, " %lld=%lld",
                             (long long) c->knob[i], (long long) c->value[i]);
}

bool
reid_fused_config_parse (const char *text, ReidFusedConfig *c)
{
  char *end;

  memset (c, 0, sizeof *c);
  c->engine = strtoll (text, &end, 10);
  if (end == text || c->engine < 0)
    return false;
  while (*end == ' ') {
    if (c->n == REID_FUSED_KNOBS)
      return false;
    c->knob[c->n] = strtoll (end + 1, &end, 10);
    if (*end != '=')
      return false;
    c->value[c->n++] = strtoll (end + 1, &end, 10);
  }
  return *end == '\0' || *end == '\n';
}

int
reid_fused_n_choices (const ReidFused *fused)
{
  return fused->n_choices;
}

static cudnnBackendDescriptor_t
device (cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
        int64_t n, const void *value, ReidError *error)
{
  cudnnBackendDescriptor_t d = NULL;
  cudnnStatus_t status =
      cudnnBackendCreateDescriptor (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d);

  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (d, name, type, n, value);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (d);
  if (status == CUDNN_STATUS_SUCCESS)
    return d;
  if (d)
    cudnnBackendDestroyDescriptor (d);
  reid_error_set (error, REID_ERROR_DEVICE,
                  "cuDNN does not take the description of a GPU: %s",
                  cudnnGetErrorString (status));
  return NULL;
}

cudnnBackendDescriptor_t
reid_fused_device (int index, ReidError *error)
{
  int32_t i = index;
  return device (CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &i,
                 error);
}

cudnnBackendDescriptor_t
reid_fused_device_from_text (const char *json, ReidError *error)
{
  return device (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                 (int64_t) strlen (json) + 1, json, error);
}

/* A descriptor's text, to be freed. */
static char *
text_of (cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name)
{
  int64_t n = 0;
  char *text;

  if (cudnnBackendGetAttribute (d, name, CUDNN_TYPE_CHAR, 0, &n, NULL)
          != CUDNN_STATUS_SUCCESS
      || n <= 0 || !(text = calloc ((size_t) n + 1, 1)))
    return NULL;
  if (cudnnBackendGetAttribute (d, name, CUDNN_TYPE_CHAR, n, &n, text)
      == CUDNN_STATUS_SUCCESS)
    return text;
  free (text);
  return NULL;
}

char *
reid_fused_device_text (cudnnBackendDescriptor_t d)
{
  return text_of (d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
}

/* --- plans --- */

static ReidFusedPlan *
plan_new (const ReidFusedShape *shape)
{
  ReidFusedPlan *p = calloc (1, sizeof *p);

  if (!p)
    return NULL;
  p->shape = *shape;
  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
                                    &p->descriptor)
      == CUDNN_STATUS_SUCCESS)
    return p;
  free (p);
  return NULL;
}

/* The plan when it may be used, else nothing. */
static ReidFusedPlan *
plan_ready (ReidFusedPlan *p, cudnnStatus_t *status, size_t most)
{
  int64_t bytes = 0, n;

  if (*status == CUDNN_STATUS_SUCCESS)
    *status = cudnnBackendFinalize (p->descriptor);
  if (*status == CUDNN_STATUS_SUCCESS)
    *status = cudnnBackendGetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
        CUDNN_TYPE_INT64, 1, &n, &bytes);
  if (*status == CUDNN_STATUS_SUCCESS && bytes >= 0 && (size_t) bytes <= most) {
    p->workspace = (size_t) bytes;
    return p;
  }
  reid_fused_plan_free (p);
  return NULL;
}

ReidFusedPlan *
reid_fused_plan (const ReidFused *f, int i, size_t most, cudnnStatus_t *why)
{
  ReidFusedPlan *p = plan_new (&f->shape);
  cudnnStatus_t status = p ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR;

  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->choices[i]);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->device);
  if (p)
    p = plan_ready (p, &status, most);
  if (why)
    *why = status;
  return p;
}

void
reid_fused_plan_free (ReidFusedPlan *p)
{
  if (!p)
    return;
  cudnnBackendDestroyDescriptor (p->descriptor);
  free (p);
}

size_t
reid_fused_plan_workspace (const ReidFusedPlan *plan)
{
  return plan->workspace;
}

char *
reid_fused_plan_text (const ReidFusedPlan *p)
{
  return text_of (p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
}

ReidFusedPlan *
reid_fused_plan_from_text (const ReidFusedShape *shape, cudnnHandle_t handle,
                           const char *text)
{
  ReidFusedPlan *p = plan_new (shape);
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;

  if (!p)
    return NULL;
  if (handle)
    status = cudnnBackendSetAttribute (p->descriptor,
                                       CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                                       CUDNN_TYPE_HANDLE, 1, &handle);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (
        p->descriptor, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
        CUDNN_TYPE_CHAR, (int64_t) strlen (text), text);
  return plan_ready (p, &status, SIZE_MAX);
}

cudnnStatus_t
reid_fused_plan_run (const ReidFusedPlan *p, cudnnHandle_t handle,
                     const ReidFusedData *data, void *workspace)
{
  int64_t ids[MAX_IDS] = { ID_X, ID_WEIGHT, ID_Y };
  const void *at[MAX_IDS] = { data->x, data->weight, data->y };
  int n = 3;
  cudnnBackendDescriptor_t pack = NULL;
  cudnnStatus_t status;

  if (p->shape.bias) {
    ids[n] = ID_BIAS;
    at[n++] = data->bias;
  }
  if (p->shape.residual) {
    ids[n] = ID_RESIDUAL;
    at[n++] = data->residual;
  }
  if (p->shape.act == REID_ACT_PRELU) {
    ids[n] = ID_SLOPE;
    at[n++] = data->slope;
  }
  status = cudnnBackendCreateDescriptor (CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR,
                                         &pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                                       CUDNN_TYPE_INT64, n, ids);
  if (status == CUDNN_STATUS_SUCCESS)
    status =
        cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                  CUDNN_TYPE_VOID_PTR, n, at);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                       CUDNN_TYPE_VOID_PTR, 1, &workspace);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (pack);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendExecute (handle, p->descriptor, pack);
  if (pack)
    cudnnBackendDestroyDescriptor (pack);
  return status;
}
