/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels on dense f32 values: one element a thread. These see what is left of
 * a network beside its maps (heads, attention, shapes), a few percent. */
#include "nn/cudnn/launch.cuh"

struct Strided {
  const float *x;
  float *y;
  ReidStrided m;
  BODY void
  operator() (uint32_t i) const
  {
    int64_t from = m.from, to = m.to;
    for (int k = m.rank - 1; k >= 0; k--) {
      uint32_t d = (uint32_t) m.dims[k], at = i % d;
      i /= d;
      from += at * m.in_stride[k];
      to += at * m.out_stride[k];
    }
    y[to] = x[from];
  }
};

extern "C" cudaError_t
reid_cuda_strided (ReidQueue q, const float *x, float *y,
                   const ReidStrided *move)
{
  int64_t n = 1;
  for (int k = 0; k < move->rank; k++)
    n *= move->dims[k];
  return run (q, Strided{ x, y, *move }, n);
}

struct Fill {
  float value, *y;
  BODY void
  operator() (uint32_t i) const
  {
    y[i] = value;
  }
};

extern "C" cudaError_t
reid_cuda_fill (ReidQueue q, float value, float *y, int64_t n)
{
  return run (q, Fill{ value, y }, n);
}

struct Binary {
  const float *a, *b;
  float *y;
  ReidBinaryKind kind;
  int rank;
  int64_t dims[REID_MAX_RANK], a_stride[REID_MAX_RANK], b_stride[REID_MAX_RANK];
  BODY void
  operator() (uint32_t i) const
  {
    int64_t from = 0, other = 0;
    uint32_t left = i;
    for (int k = rank - 1; k >= 0; k--) {
      uint32_t d = (uint32_t) dims[k], at = left % d;
      left /= d;
      from += at * a_stride[k];
      other += at * b_stride[k];
    }
    y[i] = combine (kind, a[from], b[other]);
  }
};

extern "C" cudaError_t
reid_cuda_binary (ReidQueue q, ReidBinaryKind kind, const float *a,
                  const float *b, float *y, int rank, const int64_t *dims,
                  const int64_t *a_stride, const int64_t *b_stride)
{
  Binary op = { a, b, y, kind, rank, {}, {}, {} };
  int64_t n = 1;

  for (int k = 0; k < rank; k++) {
    op.dims[k] = dims[k];
    op.a_stride[k] = a_stride[k];
    op.b_stride[k] = b_stride[k];
    n *= dims[k];
  }
  return run (q, op, n);
}

struct Softmax {
  const float *x;
  float *y;
  int64_t n, inner;
  BODY void
  operator() (uint32_t i) const
  {
    int64_t first = i / inner * n * inner + i % inner;
    float top = x[first], sum = 0;
    for (int64_t k = 1; k < n; k++)
      top = x[first + k * inner] > top ? x[first + k * inner] : top;
    for (int64_t k = 0; k < n; k++) {
      float e = expf (x[first + k * inner] - top);
      y[first + k * inner] = e;
      sum += e;
    }
    for (int64_t k = 0; k < n; k++)
      y[first + k * inner] /= sum;
  }
};

extern "C" cudaError_t
reid_cuda_softmax (ReidQueue q, const float *x, float *y, int64_t outer,
                   int64_t n, int64_t inner)
{
  return run (q, Softmax{ x, y, n, inner }, outer * inner);
}

struct Reduce {
  const float *x;
  float *y;
  ReidReduction r;
  int64_t n;
  BODY void
  operator() (uint32_t i) const
  {
    int64_t first = 0;
    uint32_t left = i;
    float sum = r.kind == REID_REDUCE_MAX   ? -INFINITY
                : r.kind == REID_REDUCE_MIN ? INFINITY
                                            : 0;
    for (int k = r.n_outer - 1; k >= 0; k--) {
      uint32_t d = (uint32_t) r.outer[k];
      first += left % d * r.outer_stride[k];
      left /= d;
    }
    for (int64_t j = 0; j < n; j++) {
      int64_t from = first;
      uint32_t rest = (uint32_t) j;
      for (int k = r.n_inner - 1; k >= 0; k--) {
        uint32_t d = (uint32_t) r.inner[k];
        from += rest % d * r.inner_stride[k];
        rest /= d;
      }
      float v = x[from];
      switch (r.kind) {
        case REID_REDUCE_MAX:
          sum = v > sum || v != v ? v : sum;
          break;
        case REID_REDUCE_MIN:
          sum = v < sum || v != v ? v : sum;
          break;
        case REID_REDUCE_L1:
          sum += fabsf (v);
          break;
        case REID_REDUCE_L2:
        case REID_REDUCE_SUM_SQUARE:
          sum += v * v;
          break;
        default:
          sum += v;
      }
    }
    y[i] = r.kind == REID_REDUCE_MEAN ? sum / (float) n
           : r.kind == REID_REDUCE_L2 ? sqrtf (sum)
                                      : sum;
  }
};

extern "C" cudaError_t
reid_cuda_reduce (ReidQueue q, const float *x, float *y,
                  const ReidReduction *reduction)
{
  int64_t outer = 1, inner = 1;
  for (int k = 0; k < reduction->n_outer; k++)
    outer *= reduction->outer[k];
  for (int k = 0; k < reduction->n_inner; k++)
    inner *= reduction->inner[k];
  if (inner > UINT32_MAX)
    return cudaErrorInvalidValue;
  return run (q, Reduce{ x, y, *reduction, inner }, outer);
}

struct LayerNorm {
  const float *x, *scale, *shift;
  float *y;
  int64_t n;
  float epsilon;
  BODY void
  operator() (uint32_t i) const
  {
    const float *row = x + (int64_t) i * n;
    float *to = y + (int64_t) i * n, sum = 0, squares = 0;
    for (int64_t k = 0; k < n; k++)
      sum += row[k];
    float mean = sum / (float) n;
    for (int64_t k = 0; k < n; k++)
      squares += (row[k] - mean) * (row[k] - mean);
    float by = 1 / sqrtf (squares / (float) n + epsilon);
    for (int64_t k = 0; k < n; k++)
      to[k] = (row[k] - mean) * by * (scale ? scale[k] : 1)
              + (shift ? shift[k] : 0);
  }
};

extern "C" cudaError_t
reid_cuda_layer_norm (ReidQueue q, const float *x, const float *scale,
                      const float *shift, float *y, int64_t rows, int64_t n,
                      float epsilon)
{
  return run (q, LayerNorm{ x, scale, shift, y, n, epsilon }, rows);
}

struct MatMul {
  const float *a, *b;
  float *y;
  int64_t a_stride, b_stride, m, k, n;
  BODY void
  operator() (uint32_t i) const
  {
    int64_t col = i % n, row = i / n % m, t = i / n / m;
    const float *p = a + t * a_stride + row * k, *r = b + t * b_stride + col;
    float sum = 0;
    for (int64_t j = 0; j < k; j++)
      sum += p[j] * r[j * n];
    y[i] = sum;
  }
};

extern "C" cudaError_t
reid_cuda_matmul (ReidQueue q, const float *a, int64_t a_stride, const float *b,
                  int64_t b_stride, float *y, int64_t batch, int64_t m,
                  int64_t k, int64_t n)
{
  return run (q, MatMul{ a, b, y, a_stride, b_stride, m, k, n }, batch * m * n);
}
