/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/fused_private.h"

#include <stdlib.h>
#include <string.h>

static cudnnDataType_t
data_type (ReidStore store)
{
  return store == REID_STORE_F16    ? CUDNN_DATA_HALF
         : store == REID_STORE_BF16 ? CUDNN_DATA_BFLOAT16
                                    : CUDNN_DATA_FLOAT;
}

/* --- the graph --- */

cudnnBackendDescriptor_t
reid_fused_make (ReidFused *f, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t d = NULL;

  if (f->status != CUDNN_STATUS_SUCCESS)
    return NULL;
  if (f->n_made == REID_FUSED_MAX_DESCRIPTORS) {
    f->status = CUDNN_STATUS_NOT_SUPPORTED;
    return NULL;
  }
  f->status = cudnnBackendCreateDescriptor (type, &d);
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->made[f->n_made++] = d;
  return d;
}

void
reid_fused_set (ReidFused *f, cudnnBackendDescriptor_t d,
                cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->status = cudnnBackendSetAttribute (d, name, type, n, values);
}

void
reid_fused_finalize (ReidFused *f, cudnnBackendDescriptor_t d)
{
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->status = cudnnBackendFinalize (d);
}

/* In cuDNN's order of dimensions (n, c, h, w) and channels-last in memory. */
static cudnnBackendDescriptor_t
tensor (ReidFused *f, int64_t id, cudnnDataType_t type, int64_t n, int64_t c,
        int64_t h, int64_t w, bool inner)
{
  cudnnBackendDescriptor_t d =
      reid_fused_make (f, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  int64_t dims[] = { n, c, h, w }, strides[] = { h * w * c, 1, w * c, c },
          alignment = 16;

  reid_fused_set (f, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
  reid_fused_set (f, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1,
                  &type);
  reid_fused_set (f, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4,
                  dims);
  reid_fused_set (f, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4,
                  strides);
  reid_fused_set (f, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1,
                  &alignment);
  if (inner)
    reid_fused_set (f, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
                    &inner);
  reid_fused_finalize (f, d);
  return d;
}

/* What has the output's shape: y, z, or what stays inside. */
typedef enum { INNER, Y, Z } Result;

static cudnnBackendDescriptor_t
result (ReidFused *f, Result which)
{
  const ReidFusedShape *s = &f->shape;
  bool stored = which == Z || (which == Y && s->affine != REID_AFFINE_ALONE);
  return tensor (f,
                 !stored      ? f->next_id++
                 : which == Z ? REID_FUSED_Z
                              : REID_FUSED_Y,
                 stored ? data_type (s->store) : CUDNN_DATA_FLOAT, s->batch,
                 s->out_channels, s->out[0], s->out[1], !stored);
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
  reid_fused_finalize (f, op);
  if (f->status == CUDNN_STATUS_SUCCESS && f->n_ops == REID_FUSED_MAX_OPS)
    f->status = CUDNN_STATUS_NOT_SUPPORTED;
  if (f->status == CUDNN_STATUS_SUCCESS)
    f->ops[f->n_ops++] = op;
}

static cudnnBackendDescriptor_t
convolution (ReidFused *f, Result which)
{
  const ReidFusedShape *s = &f->shape;
  cudnnDataType_t type = data_type (s->store), math = CUDNN_DATA_FLOAT;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  int64_t two = 2, before[] = { s->pad[0], s->pad[1] },
          after[] = { s->pad[2], s->pad[3] },
          stride[] = { s->stride[0], s->stride[1] },
          dilation[] = { s->dilation[0], s->dilation[1] };
  float one = 1, zero = 0;
  cudnnBackendDescriptor_t x = tensor (f, REID_FUSED_X, type, s->batch,
                                       s->in_channels, s->in[0], s->in[1],
                                       false),
                           w = tensor (f, REID_FUSED_WEIGHT, type,
                                       s->out_channels, s->in_channels,
                                       s->kernel[0], s->kernel[1], false),
                           y = result (f, which),
                           c = reid_fused_make (
                               f, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR),
                           op;

  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                  1, &math);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                  CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64,
                  1, &two);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2,
                  dilation);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64,
                  2, stride);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64,
                  2, before);
  reid_fused_set (f, c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64,
                  2, after);
  reid_fused_finalize (f, c);
  op = reid_fused_make (f,
                        CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &c);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                  CUDNN_TYPE_FLOAT, 1, &one);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                  CUDNN_TYPE_FLOAT, 1, &zero);
  add_op (f, op);
  return y;
}

typedef struct {
  cudnnPointwiseMode_t mode;
  const double *low, *high, *slope; /* of RELU_FWD */
} Pointwise;

static cudnnBackendDescriptor_t
pointwise (ReidFused *f, Pointwise p, cudnnBackendDescriptor_t a,
           cudnnBackendDescriptor_t b, Result which)
{
  cudnnDataType_t math = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t y = result (f, which),
                           d = reid_fused_make (
                               f, CUDNN_BACKEND_POINTWISE_DESCRIPTOR),
                           op;

  reid_fused_set (f, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1,
                  &p.mode);
  reid_fused_set (f, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
                  &math);
  if (p.low)
    reid_fused_set (f, d, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP,
                    CUDNN_TYPE_DOUBLE, 1, p.low);
  if (p.high)
    reid_fused_set (f, d, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP,
                    CUDNN_TYPE_DOUBLE, 1, p.high);
  if (p.slope)
    reid_fused_set (f, d, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE,
                    CUDNN_TYPE_DOUBLE, 1, p.slope);
  reid_fused_finalize (f, d);
  op = reid_fused_make (f, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &d);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &a);
  if (b)
    reid_fused_set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                    CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &b);
  reid_fused_set (f, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y);
  add_op (f, op);
  return y;
}

static cudnnBackendDescriptor_t
activation (ReidFused *f, cudnnBackendDescriptor_t x)
{
  static const double zero = 0;
  const ReidFusedShape *s = &f->shape;
  double alpha = s->alpha, beta = s->beta;
  cudnnBackendDescriptor_t y;

  switch ((ReidActivation) s->act) {
    case REID_ACT_RELU:
      return pointwise (f, (Pointwise){ CUDNN_POINTWISE_RELU_FWD }, x, NULL, Y);
    case REID_ACT_CLIP:
      /* cuDNN's lower clip is where a slope begins: right for 0 only */
      return pointwise (
          f, (Pointwise){ CUDNN_POINTWISE_RELU_FWD, &zero, &beta }, x, NULL, Y);
    case REID_ACT_LEAKY_RELU:
      return pointwise (
          f, (Pointwise){ CUDNN_POINTWISE_RELU_FWD, &zero, NULL, &alpha }, x,
          NULL, Y);
    case REID_ACT_SIGMOID:
      return pointwise (f, (Pointwise){ CUDNN_POINTWISE_SIGMOID_FWD }, x, NULL,
                        Y);
    case REID_ACT_TANH:
      return pointwise (f, (Pointwise){ CUDNN_POINTWISE_TANH_FWD }, x, NULL, Y);
    case REID_ACT_SWISH:
      return pointwise (f, (Pointwise){ CUDNN_POINTWISE_SWISH_FWD }, x, NULL,
                        Y);
    case REID_ACT_PRELU:
      /* max (x, 0) + slope min (x, 0), as relu (x) - slope relu (-x), would
       * take four operations; for slopes up to 1 this is the same in two. */
      y = pointwise (f, (Pointwise){ CUDNN_POINTWISE_MUL }, x,
                     per_channel (f, REID_FUSED_SLOPE), INNER);
      return pointwise (f, (Pointwise){ CUDNN_POINTWISE_MAX }, x, y, Y);
    case REID_ACT_NONE:
      break;
  }
  return x;
}

static void
build (ReidFused *f)
{
  const ReidFusedShape *s = &f->shape;
  int left = (s->bias != 0) + (s->residual != 0) + (s->act != REID_ACT_NONE);
  cudnnBackendDescriptor_t x = convolution (f, left ? INNER : Y);

  if (s->bias)
    x = pointwise (f, (Pointwise){ CUDNN_POINTWISE_ADD }, x,
                   per_channel (f, REID_FUSED_BIAS), --left ? INNER : Y);
  if (s->residual)
    x = pointwise (f, (Pointwise){ CUDNN_POINTWISE_ADD }, x,
                   tensor (f, REID_FUSED_RESIDUAL, data_type (s->store),
                           s->batch, s->out_channels, s->out[0], s->out[1],
                           false),
                   --left ? INNER : Y);
  x = activation (f, x);
  if (s->affine != REID_AFFINE_NONE) {
    x = pointwise (f, (Pointwise){ CUDNN_POINTWISE_MUL }, x,
                   per_channel (f, REID_FUSED_SCALE), INNER);
    pointwise (f, (Pointwise){ CUDNN_POINTWISE_ADD }, x,
               per_channel (f, REID_FUSED_SHIFT), Z);
  }
  f->graph = reid_fused_make (f, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  reid_fused_set (f, f->graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, f->n_ops, f->ops);
  reid_fused_finalize (f, f->graph);
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
  cudnnBackendDescriptor_t heuristics = NULL, found[REID_FUSED_MAX_CHOICES];
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
  while (status == CUDNN_STATUS_SUCCESS
         && f->n_choices + made < REID_FUSED_MAX_CHOICES) {
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
  f->next_id = REID_FUSED_INNER;
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

char *
reid_fused_text (cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name)
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
  return reid_fused_text (d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
}
