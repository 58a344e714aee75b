/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <string.h>

/* What every version of Resize and Upsample comes down to: factors or sizes
 * for height and width. */
typedef struct {
  double scale[REID_MAX_RANK];
  int64_t size[REID_MAX_RANK]; /* 0 where the factor counts */
} Request;

static bool
has_elements (ReidBuilder *b, int i, bool *yes)
{
  int v = reid_input (b, i);

  *yes = false;
  if (v < 0)
    return true;
  if (!reid_value_ready (b, v))
    return false;
  *yes = reid_shape_count (&b->values[v].shape) != 0;
  return true;
}

/* Since operator set 18 an attribute may say which axes are meant. */
static bool
read_axes (ReidBuilder *b, int rank, int *axes, int *n_axes)
{
  int64_t list[REID_MAX_RANK];
  int n;

  if (!reid_attr_ints (b, "axes", list, REID_MAX_RANK, &n))
    return false;
  for (int i = 0; i < (n < 0 ? rank : n); i++)
    if (!reid_axis (b, n < 0 ? i : list[i], rank, &axes[i]))
      return false;
  *n_axes = n < 0 ? rank : n;
  return true;
}

static bool
read_scales (ReidBuilder *b, int input, int rank, Request *r)
{
  float list[REID_MAX_RANK];
  int axes[REID_MAX_RANK], n_axes, n;

  if (!read_axes (b, rank, axes, &n_axes))
    return false;
  if (input < 0) {
    const ReidOnnxAttribute *a = reid_onnx_attribute (b->at, "scales");
    n = a ? reid_onnx_attribute_floats (a, list, REID_MAX_RANK) : 0;
  } else {
    const ReidBuildValue *v = &b->values[input];
    if (!v->data)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "its scales must be constant");
    int64_t count = reid_shape_count (&v->shape);
    n = count > REID_MAX_RANK ? -1 : (int) count;
    for (int i = 0; i < n; i++)
      list[i] = v->data[i];
  }
  if (n != n_axes)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "its scales do not fit the input");
  for (int i = 0; i < n; i++) {
    if (!(list[i] > 0) || !(list[i] <= 65536))
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "a scale is not between 0 and 65536");
    r->scale[axes[i]] = list[i];
  }
  return true;
}

static bool
read_sizes (ReidBuilder *b, int input, const ReidShape *x, Request *r,
            int *like)
{
  int64_t wanted[REID_MAX_RANK] = { 0 };
  int from[2];
  bool open = false;
  const ReidBuildValue *v = &b->values[input];
  int axes[REID_MAX_RANK], n_axes;

  if (!read_axes (b, x->rank, axes, &n_axes))
    return false;
  if (!v->ints || reid_shape_count (&v->shape) != n_axes)
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "its sizes do not fit the input");
  for (int i = 0; i < n_axes; i++) {
    ReidInt n = v->ints[i];
    int64_t old = x->dims[axes[i]];
    if (n.sym ? n.sym == old : n.v == old)
      continue;
    if (axes[i] == 0 && old == REID_SYMBOL_BATCH && !n.sym && n.v == 1
        && b->batch_from_one)
      continue;
    if (n.sym && axes[i] >= 2) {
      wanted[axes[i]] = n.sym;
      r->scale[axes[i]] = 0;
      open = true;
      continue;
    }
    if (n.sym)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "only height and width can be resized");
    if (n.v <= 0 || n.v > REID_MAX_COUNT)
      return reid_build_fail (b, REID_ERROR_FORMAT,
                              "a size is not positive or too large");
    r->size[axes[i]] = wanted[axes[i]] = n.v;
    r->scale[axes[i]] = 0;
  }
  if (!open)
    return true;
  /* The size of some other picture: the feature map it is added to. */
  for (int i = 2; i < 4; i++)
    wanted[i] = wanted[i] ? wanted[i] : x->dims[i];
  *like = reid_value_like (b, wanted + 2, 2, 2, from);
  r->scale[2] = r->scale[3] = 0;
  return *like >= 0
         || reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                             "its size is computed from the picture's; export "
                             "with a scale factor or a fixed size");
}

static bool
linear_kind (ReidBuilder *b, bool old, const Request *r, const ReidShape *x,
             ReidResizeKind *kind)
{
  const char *mode = "coordinate_transformation_mode";

  *kind = REID_RESIZE_LINEAR_HALF_PIXEL;
  if (old || reid_attr_is (b, mode, "asymmetric", false)) {
    *kind = REID_RESIZE_LINEAR_ASYMMETRIC;
  } else if (reid_attr_is (b, mode, "align_corners", false)) {
    *kind = REID_RESIZE_LINEAR_ALIGN_CORNERS;
  } else if (reid_attr_is (b, mode, "pytorch_half_pixel", false)) {
    /* It differs only where the result is one pixel wide. */
    for (int i = 2; i < 4; i++)
      if (r->size[i] ? r->size[i] == 1
                     : r->scale[i] < 1
                           && !(x->dims[i] > 0
                                && (double) x->dims[i] * r->scale[i] >= 2))
        return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                                "pytorch_half_pixel down to one pixel is not "
                                "supported");
  } else if (!reid_attr_is (b, mode, "half_pixel", true)) {
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "this coordinate_transformation_mode is not "
                            "supported; export with half_pixel, asymmetric "
                            "or align_corners");
  }
  return true;
}

static bool
nearest_kind (ReidBuilder *b, bool old, ReidResizeKind *kind)
{
  const char *mode = "coordinate_transformation_mode";
  bool floors = reid_attr_is (b, "nearest_mode", "floor", false),
       prefers = reid_attr_is (b, "nearest_mode", "round_prefer_floor", true);

  if (old || (floors && reid_attr_is (b, mode, "asymmetric", false)))
    *kind = REID_RESIZE_NEAREST_ASYMMETRIC_FLOOR;
  else if (prefers && reid_attr_is (b, mode, "half_pixel", true))
    *kind = REID_RESIZE_NEAREST;
  else
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "this pair of coordinate_transformation_mode and "
                            "nearest_mode is not supported; export with "
                            "asymmetric and floor");
  return true;
}

static bool
resize (ReidBuilder *b)
{
  bool upsample = reid_bytes_equal (b->at->type, "Upsample"),
       old = upsample || b->opset < 11, by_scale, by_size = false;
  int x, scales = old ? 1 : 2, like = -1;
  Request r = { { 1, 1, 1, 1 }, { 0 } };

  if (!reid_need (b, 0, &x) || !has_elements (b, scales, &by_scale)
      || (!old && !has_elements (b, 3, &by_size)))
    return false;
  const ReidShape shape = b->values[x].shape;
  if (shape.rank != 4)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only 4-D tensors can be resized");
  if (reid_attr_int (b, "antialias", 0)
      || !reid_attr_is (b, "keep_aspect_ratio_policy", "stretch", true))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "antialias and keep_aspect_ratio_policy are not "
                            "supported");
  if (by_size ? !read_sizes (b, reid_input (b, 3), &shape, &r, &like)
              : !read_scales (b, by_scale ? reid_input (b, scales) : -1,
                              shape.rank, &r))
    return false;
  if (r.scale[0] != 1 || r.scale[1] != 1)
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only height and width can be resized");
  ReidNode *node = reid_node_new (b, REID_OP_RESIZE, 2);
  if (!node)
    return false;
  bool linear = reid_attr_is (b, "mode", "linear", false)
                || reid_attr_is (b, "mode", "bilinear", false);
  if (!linear && !reid_attr_is (b, "mode", "nearest", true))
    return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                            "only the modes nearest and linear are supported");
  if (linear ? !linear_kind (b, old, &r, &shape, &node->u.resize.kind)
             : !nearest_kind (b, old, &node->u.resize.kind))
    return false;
  for (int i = 0; i < 2; i++) {
    node->u.resize.scale[i] = r.scale[2 + i];
    node->u.resize.size[i] = r.size[2 + i];
  }
  node->in[0] = x;
  node->in[1] = like;
  node->n_in = like < 0 ? 1 : 2;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

const ReidTranslator reid_translate_resize[] = { { "Resize", resize },
                                                 { "Upsample", resize },
                                                 { NULL, NULL } };
