/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_SHIM_PRIVATE_H
#define REID_DNNL_SHIM_PRIVATE_H

/* What shim.c (the engine, weights, calls) and shim_ops.c (how ops are made)
 * share. */

#include "nn/dnnl/shim.h"
#include "nn/dnnl/shim_api.h"

struct ReidDnnlOp {
  dnnl_primitive_t primitive;
  Desc src, weight, dense, bias, dst, scratch; /* NULL where absent */
  ReidLayout src_layout, dst_layout;
  char name[48]; /* of the implementation */
  bool gemm, sum;
  bool bf16;           /* real or not */
  size_t widened[2];   /* emulated: numbers of src and dst that are bf16 */
  size_t weight_count; /* of a bf16 op */
  size_t planes[2];    /* its weights' channels and pixels; 0: as they are */
};

/* The one of the process; NULL: told. */
dnnl_engine_t reid_dnnl_engine (ReidError *error);
bool reid_dnnl_check (dnnl_status_t status, const char *what, ReidError *error);
bool reid_dnnl_emulated (void);

#endif /* REID_DNNL_SHIM_PRIVATE_H */
