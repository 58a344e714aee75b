/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_LAUNCH_CUH
#define REID_CUDNN_LAUNCH_CUH

/* How a kernel's body (a functor of one index) is run on the GPU or here, and
 * how eight channels are read and written. Only for the .cu files. */

#include "nn/cudnn/kernels.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math.h>

#define BODY __host__ __device__ __forceinline__

template <class Op>
__global__ void
each (Op op, uint32_t n)
{
  uint32_t step = gridDim.x * blockDim.x;
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
    op (i);
    if (n - i <= step) /* i + step could pass 2^32 */
      break;
  }
}

template <class Op>
static cudaError_t
run (ReidQueue q, const Op &op, int64_t n)
{
  enum { THREADS = 256, MOST_BLOCKS = 1 << 16 };

  if (n < 0 || n > UINT32_MAX)
    return cudaErrorInvalidValue;
  if (q.host) {
    for (int64_t i = 0; i < n; i++)
      op ((uint32_t) i);
    return cudaSuccess;
  }
  int64_t blocks = (n + THREADS - 1) / THREADS;
  if (blocks == 0)
    return cudaSuccess;
  if (blocks > MOST_BLOCKS)
    blocks = MOST_BLOCKS;
  Op copy = op;
  uint32_t count = (uint32_t) n;
  void *args[] = { &copy, &count };
  return cudaLaunchKernel ((const void *) each<Op>, dim3 ((unsigned) blocks),
                           dim3 (THREADS), args, 0, q.stream);
}

/* Calls f with a value of the type in which `store` keeps numbers. */
#define WITH_STORE(store, call)                                                \
  ((store) == REID_STORE_F16    ? call<__half>                                 \
   : (store) == REID_STORE_BF16 ? call<__nv_bfloat16>                          \
                                : call<float>)

BODY float
to_float (float x)
{
  return x;
}
BODY float
to_float (__half x)
{
  return __half2float (x);
}
BODY float
to_float (__nv_bfloat16 x)
{
  return __bfloat162float (x);
}
BODY void
from_float (float x, float *y)
{
  *y = x;
}
BODY void
from_float (float x, __half *y)
{
  *y = __float2half_rn (x);
}
BODY void
from_float (float x, __nv_bfloat16 *y)
{
  *y = __float2bfloat16_rn (x);
}

/* 16 bytes of f16, 32 of f32: one or two accesses of the widest kind. */
template <class T> struct alignas (16) Eight
{
  T v[8];
};

template <class T>
BODY void
load8 (const T *at, float *v)
{
  Eight<T> e = *(const Eight<T> *) at;
#pragma unroll
  for (int i = 0; i < 8; i++)
    v[i] = to_float (e.v[i]);
}

template <class T>
BODY void
store8 (const float *v, T *at)
{
  Eight<T> e;
#pragma unroll
  for (int i = 0; i < 8; i++)
    from_float (v[i], &e.v[i]);
  *(Eight<T> *) at = e;
}

BODY float
activate (int act, float alpha, float beta, float slope, float x)
{
  switch (act) {
    case REID_ACT_RELU:
      return x > 0 ? x : 0;
    case REID_ACT_CLIP:
      x = x < alpha ? alpha : x;
      return x > beta ? beta : x;
    case REID_ACT_LEAKY_RELU:
      return x < 0 ? alpha * x : x;
    case REID_ACT_PRELU:
      return x < 0 ? slope * x : x;
    case REID_ACT_SIGMOID:
      return 1.f / (1.f + expf (-x));
    case REID_ACT_SWISH:
      return x / (1.f + expf (-x));
    case REID_ACT_TANH:
      return tanhf (x);
    default:
      return x;
  }
}

BODY float
cut (float x)
{
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Without the overflow of exp. */
BODY float
softplus (float x)
{
  return (x > 0 ? x : 0) + log1pf (expf (-fabsf (x)));
}

BODY float
unary (const ReidUnary &u, float x)
{
  switch (u.kind) {
    case REID_UNARY_RELU:
      return x > 0 ? x : 0;
    case REID_UNARY_CLIP:
      x = x < u.alpha ? u.alpha : x;
      return x > u.beta ? u.beta : x;
    case REID_UNARY_LEAKY_RELU:
      return x < 0 ? u.alpha * x : x;
    case REID_UNARY_SIGMOID:
      return 1.f / (1.f + expf (-x));
    case REID_UNARY_TANH:
      return tanhf (x);
    case REID_UNARY_EXP:
      return expf (x);
    case REID_UNARY_SQRT:
      return sqrtf (x);
    case REID_UNARY_NEG:
      return -x;
    case REID_UNARY_ABS:
      return fabsf (x);
    case REID_UNARY_LOG:
      return logf (x);
    case REID_UNARY_ERF:
      return erff (x);
    case REID_UNARY_GELU:
      return .5f * x * (1 + erff (x * .70710678f));
    case REID_UNARY_GELU_TANH:
      return .5f * x * (1 + tanhf (.79788456f * (x + .044715f * x * x * x)));
    case REID_UNARY_HARD_SIGMOID:
      return cut (u.alpha * x + u.beta);
    case REID_UNARY_HARD_SWISH:
      return x * cut (x / 6 + .5f);
    case REID_UNARY_ELU:
      return x < 0 ? u.alpha * expm1f (x) : x;
    case REID_UNARY_SOFTPLUS:
      return softplus (x);
    case REID_UNARY_MISH:
      return x * tanhf (softplus (x));
    case REID_UNARY_SIN:
      return sinf (x);
    case REID_UNARY_COS:
      return cosf (x);
    default:
      return x;
  }
}

BODY float
combine (ReidBinaryKind kind, float a, float b)
{
  switch (kind) {
    case REID_BINARY_ADD:
      return a + b;
    case REID_BINARY_SUB:
      return a - b;
    case REID_BINARY_MUL:
      return a * b;
    case REID_BINARY_DIV:
      return a / b;
    case REID_BINARY_MIN:
      return a < b ? a : b;
    case REID_BINARY_MAX:
      return a > b ? a : b;
    default:
      return powf (a, b);
  }
}

#endif /* REID_CUDNN_LAUNCH_CUH */
