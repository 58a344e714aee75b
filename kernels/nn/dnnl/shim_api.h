/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_SHIM_API_H
#define REID_DNNL_SHIM_API_H

#include <stdlib.h>

#include <oneapi/dnnl/dnnl.h>

/* What differs between the two C APIs:
 *
 * 2.x: memory descriptors are plain structs, and an operation descriptor is
 *      filled before the primitive descriptor. 3.x: both are opaque, and the
 *      primitive descriptor is made in one call. Here a descriptor is always
 *      a pointer that desc_free() ends. */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t Desc;
typedef const_dnnl_memory_desc_t ConstDesc;
#else
typedef dnnl_memory_desc_t *Desc;
typedef const dnnl_memory_desc_t *ConstDesc;
#endif

static inline void
desc_free (Desc desc)
{
#if DNNL_VERSION_MAJOR >= 3
  if (desc)
    dnnl_memory_desc_destroy (desc);
#else
  free (desc);
#endif
}

static inline Desc
desc_new (int rank, const int64_t *dims, dnnl_data_type_t type,
          dnnl_format_tag_t tag)
{
  Desc desc = NULL;
#if DNNL_VERSION_MAJOR >= 3
  if (dnnl_memory_desc_create_with_tag (&desc, rank, dims, type, tag)
      != dnnl_success)
    return NULL;
#else
  desc = malloc (sizeof *desc);
  if (desc
      && dnnl_memory_desc_init_by_tag (desc, rank, dims, type, tag)
             != dnnl_success) {
    free (desc);
    desc = NULL;
  }
#endif
  return desc;
}

static inline Desc
desc_copy (ConstDesc from)
{
  Desc desc = NULL;
  if (!from)
    return NULL;
#if DNNL_VERSION_MAJOR >= 3
  if (dnnl_memory_desc_clone (&desc, from) != dnnl_success)
    return NULL;
#else
  desc = malloc (sizeof *desc);
  if (desc)
    *desc = *from;
#endif
  return desc;
}

static inline dnnl_status_t
append_sum (dnnl_post_ops_t ops)
{
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_sum (ops, 1.0f, 0, dnnl_data_type_undef);
#else
  return dnnl_post_ops_append_sum (ops, 1.0f);
#endif
}

static inline dnnl_status_t
append_eltwise (dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha,
                float beta)
{
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise (ops, kind, alpha, beta);
#else
  return dnnl_post_ops_append_eltwise (ops, 1.0f, kind, alpha, beta);
#endif
}

static inline dnnl_status_t
conv_desc (dnnl_primitive_desc_t *pd, dnnl_engine_t engine, Desc src,
           Desc weight, Desc bias, Desc dst, const int64_t *stride,
           const int64_t *dilate, const int64_t *before, const int64_t *after,
           dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_forward_primitive_desc_create (
      pd, engine, dnnl_forward_inference, dnnl_convolution_direct, src, weight,
      bias, dst, stride, dilate, before, after, attr);
#else
  dnnl_convolution_desc_t desc;
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init (
      &desc, dnnl_forward_inference, dnnl_convolution_direct, src, weight, bias,
      dst, stride, dilate, before, after);
  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &desc, attr, engine, NULL);
#endif
}

static inline dnnl_status_t
pool_desc (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
           dnnl_alg_kind_t kind, Desc src, Desc dst, const int64_t *stride,
           const int64_t *kernel, const int64_t *before, const int64_t *after,
           dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
  static const dnnl_dims_t none;
  return dnnl_pooling_forward_primitive_desc_create (
      pd, engine, dnnl_forward_inference, kind, src, dst, stride, kernel, none,
      before, after, attr);
#else
  dnnl_pooling_desc_t desc;
  dnnl_status_t status =
      dnnl_pooling_forward_desc_init (&desc, dnnl_forward_inference, kind, src,
                                      dst, stride, kernel, before, after);
  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &desc, attr, engine, NULL);
#endif
}

static inline dnnl_status_t
inner_product_desc (dnnl_primitive_desc_t *pd, dnnl_engine_t engine, Desc src,
                    Desc weight, Desc bias, Desc dst,
                    dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_inner_product_forward_primitive_desc_create (
      pd, engine, dnnl_forward_inference, src, weight, bias, dst, attr);
#else
  dnnl_inner_product_desc_t desc;
  dnnl_status_t status = dnnl_inner_product_forward_desc_init (
      &desc, dnnl_forward_inference, src, weight, bias, dst);
  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &desc, attr, engine, NULL);
#endif
}

#endif /* REID_DNNL_SHIM_API_H */
