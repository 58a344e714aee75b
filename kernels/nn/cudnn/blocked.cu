/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels on blocked values: eight channels of one pixel a thread. */
#include "nn/cudnn/launch.cuh"

/* Thread i of a blocked value: which pixel, which eight channels. */
struct Place {
  uint32_t c8, x, y, n;
};

BODY Place
place (uint32_t i, const ReidBlocked &s)
{
  uint32_t groups = (uint32_t) s.cp / 8;
  Place p;
  p.c8 = i % groups;
  i /= groups;
  p.x = i % (uint32_t) s.w;
  i /= (uint32_t) s.w;
  p.y = i % (uint32_t) s.h;
  p.n = i / (uint32_t) s.h;
  return p;
}

BODY int64_t
at (const ReidBlocked &s, uint32_t n, int y, int x)
{
  return (((int64_t) n * s.h + y) * s.w + x) * s.cp;
}

static int64_t
eights (const ReidBlocked *s)
{
  return (int64_t) s->n * s->h * s->w * (s->cp / 8);
}

BODY void
load8_or (const float *p, int c, float otherwise, float *v)
{
  if (p) {
    load8 (p + c, v);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++)
      v[i] = otherwise;
  }
}

template <class T>
BODY void
finish (const ReidEpilogue &e, int c, int64_t where, float *v, T *y)
{
  float scale[8], shift[8], slope[8], residual[8];

  load8_or (e.scale, c, 1, scale);
  load8_or (e.shift, c, 0, shift);
  load8_or (e.slope, c, 0, slope);
  if (e.residual) {
    load8 ((const T *) e.residual + where, residual);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++)
      residual[i] = 0;
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
    v[i] = activate (e.act, e.alpha, e.beta, slope[i],
                     v[i] * scale[i] + shift[i] + residual[i]);
  store8 (v, y + where);
}

/* --- layouts --- */

template <class T> struct Pack {
  const float *x;
  T *y;
  ReidBlocked s;
  BODY void
  operator() (uint32_t i) const
  {
    Place p = place (i, s);
    int64_t plane = (int64_t) s.h * s.w;
    int c = (int) p.c8 * 8;
    const float *from =
        x + ((int64_t) p.n * s.c + c) * plane + (int64_t) p.y * s.w + p.x;
    float v[8];
#pragma unroll
    for (int k = 0; k < 8; k++)
      v[k] = c + k < s.c ? from[k * plane] : 0;
    store8 (v, y + at (s, p.n, (int) p.y, (int) p.x) + c);
  }
};

template <class T>
static cudaError_t
pack (ReidQueue q, const float *x, void *y, const ReidBlocked *s)
{
  return run (q, Pack<T>{ x, (T *) y, *s }, eights (s));
}

extern "C" cudaError_t
reid_cuda_pack (ReidQueue q, const float *x, void *y, const ReidBlocked *shape)
{
  return WITH_STORE (shape->store, pack) (q, x, y, shape);
}

template <class T> struct Unpack {
  const T *x;
  float *y;
  ReidBlocked s;
  bool last;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t c, col, row, n, left = i;
    if (last) {
      c = left % (uint32_t) s.c;
      left /= (uint32_t) s.c;
      col = left % (uint32_t) s.w;
      left /= (uint32_t) s.w;
      row = left % (uint32_t) s.h;
      n = left / (uint32_t) s.h;
    } else {
      col = left % (uint32_t) s.w;
      left /= (uint32_t) s.w;
      row = left % (uint32_t) s.h;
      left /= (uint32_t) s.h;
      c = left % (uint32_t) s.c;
      n = left / (uint32_t) s.c;
    }
    y[i] = to_float (x[at (s, n, (int) row, (int) col) + c]);
  }
};

template <class T>
static cudaError_t
unpack (ReidQueue q, const void *x, float *y, const ReidBlocked *s, bool last)
{
  return run (q, Unpack<T>{ (const T *) x, y, *s, last },
              (int64_t) s->n * s->h * s->w * s->c);
}

extern "C" cudaError_t
reid_cuda_unpack (ReidQueue q, const void *x, float *y,
                  const ReidBlocked *shape, bool last)
{
  return WITH_STORE (shape->store, unpack) (q, x, y, shape, last);
}

template <class T> struct Channels {
  const T *x;
  T *y;
  ReidBlocked in, out;
  int from, to, count, all;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t c = i % (uint32_t) all;
    int64_t pixel = i / (uint32_t) all;
    y[pixel * out.cp + to + c] =
        (int) c < count ? x[pixel * in.cp + from + c] : T (0.f);
  }
};

template <class T>
static cudaError_t
channels (ReidQueue q, const void *x, void *y, const ReidBlocked *in, int from,
          const ReidBlocked *out, int to, int count, int zeros)
{
  return run (q,
              Channels<T>{ (const T *) x, (T *) y, *in, *out, from, to, count,
                           count + zeros },
              (int64_t) in->n * in->h * in->w * (count + zeros));
}

extern "C" cudaError_t
reid_cuda_channels (ReidQueue q, const void *x, void *y, const ReidBlocked *in,
                    int from, const ReidBlocked *out, int to, int count,
                    int zeros)
{
  return WITH_STORE (in->store, channels) (q, x, y, in, from, out, to, count,
                                           zeros);
}

/* --- element by element --- */

template <class T> struct Epilogue {
  const T *x;
  T *y;
  uint32_t groups;
  ReidEpilogue e;
  BODY void
  operator() (uint32_t i) const
  {
    int64_t where = (int64_t) i * 8;
    float v[8];
    load8 (x + where, v);
    finish (e, (int) (i % groups) * 8, where, v, y);
  }
};

template <class T>
static cudaError_t
epilogue (ReidQueue q, const void *x, void *y, const ReidBlocked *s,
          const ReidEpilogue *e)
{
  return run (q,
              Epilogue<T>{ (const T *) x, (T *) y, (uint32_t) s->cp / 8, *e },
              eights (s));
}

extern "C" cudaError_t
reid_cuda_epilogue (ReidQueue q, const void *x, void *y,
                    const ReidBlocked *shape, const ReidEpilogue *end)
{
  return WITH_STORE (shape->store, epilogue) (q, x, y, shape, end);
}

template <class T> struct Combine {
  const T *a, *b;
  T *y;
  ReidBlocked s;
  ReidBinaryKind kind;
  ReidSpread spread;
  bool swap;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t groups = (uint32_t) s.cp / 8, c = i % groups * 8;
    int64_t where = (int64_t) i * 8, other = where;
    float v[8], w[8];
    if (spread == REID_SPREAD_ALL)
      other = c;
    else if (spread == REID_SPREAD_PIXELS)
      other =
          (int64_t) (i / groups / ((uint32_t) s.h * (uint32_t) s.w)) * s.cp + c;
    load8 (a + where, v);
    load8 (b + other, w);
#pragma unroll
    for (int k = 0; k < 8; k++)
      /* what is padding stays finite: 0 / 0 would not be */
      v[k] = (int) c + k >= s.c ? 0
             : swap             ? combine (kind, w[k], v[k])
                                : combine (kind, v[k], w[k]);
    store8 (v, y + where);
  }
};

template <class T>
static cudaError_t
combine_all (ReidQueue q, ReidBinaryKind kind, bool swap, const void *a,
             const void *b, ReidSpread spread, void *y, const ReidBlocked *s)
{
  return run (q,
              Combine<T>{ (const T *) a, (const T *) b, (T *) y, *s, kind,
                          spread, swap },
              eights (s));
}

extern "C" cudaError_t
reid_cuda_combine (ReidQueue q, ReidBinaryKind kind, bool swap, const void *a,
                   const void *b, ReidSpread spread, void *y,
                   const ReidBlocked *shape)
{
  return WITH_STORE (shape->store, combine_all) (q, kind, swap, a, b, spread, y,
                                                 shape);
}

template <class T> struct Map {
  const T *x;
  T *y;
  ReidUnary u;
  uint32_t c, cp;
  BODY void
  operator() (uint32_t i) const
  {
    from_float (i % cp < c ? unary (u, to_float (x[i])) : 0, &y[i]);
  }
};

template <class T>
static cudaError_t
map (ReidQueue q, const ReidUnary *u, const void *x, void *y, int64_t n, int c,
     int cp)
{
  return run (
      q, Map<T>{ (const T *) x, (T *) y, *u, (uint32_t) c, (uint32_t) cp }, n);
}

extern "C" cudaError_t
reid_cuda_map (ReidQueue q, const ReidUnary *u, const void *x, void *y,
               ReidStore store, int64_t n, int c, int cp)
{
  return WITH_STORE (store, map) (q, u, x, y, n, c, cp);
}

template <class T> struct Noise {
  T *y;
  uint32_t from;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t h = (from + i) * 0x9e3779b1u;
    h = (h ^ (h >> 15)) * 0x85ebca77u;
    h ^= h >> 13;
    from_float ((float) (h & 0xffff) / 32768.f - 1.f, &y[i]);
  }
};

template <class T>
static cudaError_t
noise (ReidQueue q, void *y, uint32_t from, int64_t n)
{
  return run (q, Noise<T>{ (T *) y, from }, n);
}

extern "C" cudaError_t
reid_cuda_noise (ReidQueue q, void *y, ReidStore store, uint32_t from,
                 int64_t n)
{
  return WITH_STORE (store, noise) (q, y, from, n);
}

template <class T> struct Differ {
  const T *y, *wanted;
  float relative, absolute;
  uint32_t *count;
  BODY void
  operator() (uint32_t i) const
  {
    float w = to_float (wanted[i]);
    /* nothing is near NaN, or an infinity */
    if (!(fabsf (to_float (y[i]) - w) <= relative * fabsf (w) + absolute)
        || isinf (w)) {
#ifdef __CUDA_ARCH__
      atomicAdd (count, 1u);
#else
      ++*count;
#endif
    }
  }
};

template <class T>
static cudaError_t
differ (ReidQueue q, const void *y, const void *wanted, int64_t n,
        float relative, float absolute, uint32_t *count)
{
  return run (q,
              Differ<T>{ (const T *) y, (const T *) wanted, relative, absolute,
                         count },
              n);
}

extern "C" cudaError_t
reid_cuda_differ (ReidQueue q, const void *y, const void *wanted,
                  ReidStore store, int64_t n, float relative, float absolute,
                  uint32_t *count)
{
  return WITH_STORE (store, differ) (q, y, wanted, n, relative, absolute,
                                     count);
}

/* --- windows --- */

template <class T> struct Conv {
  const T *x, *weight;
  T *y;
  ReidBlocked in, out;
  ReidWindow w;
  ReidEpilogue e;
  BODY void
  operator() (uint32_t i) const
  {
    Place p = place (i, out);
    int each = in.c / w.groups, padded = (each + 7) / 8 * 8,
        per_group = out.c / w.groups;
    float v[8];
    for (int k = 0; k < 8; k++) {
      int c = (int) p.c8 * 8 + k;
      v[k] = 0;
      if (c >= out.c)
        continue;
      const T *filter =
          weight + (int64_t) c * w.kernel[0] * w.kernel[1] * padded;
      int first = c / per_group * each;
      for (int r = 0; r < w.kernel[0]; r++) {
        int row = (int) p.y * w.stride[0] - w.pad[0] + r * w.dilation[0];
        if (row < 0 || row >= in.h)
          continue;
        for (int s = 0; s < w.kernel[1]; s++) {
          int col = (int) p.x * w.stride[1] - w.pad[1] + s * w.dilation[1];
          if (col < 0 || col >= in.w)
            continue;
          const T *from = x + at (in, p.n, row, col) + first,
                  *f = filter + (r * w.kernel[1] + s) * padded;
          for (int j = 0; j < each; j++)
            v[k] += to_float (from[j]) * to_float (f[j]);
        }
      }
    }
    int64_t where = at (out, p.n, (int) p.y, (int) p.x);
    ReidEpilogue here = e;
    int c = (int) p.c8 * 8;
    finish (here, c, where + c, v, y);
  }
};

template <class T>
static cudaError_t
conv (ReidQueue q, const void *x, const void *weight, void *y,
      const ReidBlocked *in, const ReidBlocked *out, const ReidWindow *w,
      const ReidEpilogue *e)
{
  return run (
      q,
      Conv<T>{ (const T *) x, (const T *) weight, (T *) y, *in, *out, *w, *e },
      eights (out));
}

extern "C" cudaError_t
reid_cuda_conv (ReidQueue q, const void *x, const void *weight, void *y,
                const ReidBlocked *in, const ReidBlocked *out,
                const ReidWindow *window, const ReidEpilogue *end)
{
  return WITH_STORE (in->store, conv) (q, x, weight, y, in, out, window, end);
}

/* A thread makes SPAN outputs side by side, so that a weight is read once for
 * all of them. */
template <class T, int SPAN> struct Depthwise {
  const T *x;
  const float *weight;
  T *y;
  ReidBlocked in, out;
  ReidWindow w;
  ReidEpilogue e;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t groups = (uint32_t) in.cp / 8,
             spans = ((uint32_t) out.w + SPAN - 1) / SPAN;
    int c = (int) (i % groups) * 8;
    i /= groups;
    int first = (int) (i % spans) * SPAN;
    i /= spans;
    int row = (int) (i % (uint32_t) out.h);
    uint32_t n = i / (uint32_t) out.h;
    float sum[SPAN][8], v[8], f[8];
#pragma unroll
    for (int t = 0; t < SPAN; t++)
#pragma unroll
      for (int k = 0; k < 8; k++)
        sum[t][k] = 0;
    for (int r = 0; r < w.kernel[0]; r++) {
      int from = row * w.stride[0] - w.pad[0] + r * w.dilation[0];
      if (from < 0 || from >= in.h)
        continue;
      for (int s = 0; s < w.kernel[1]; s++) {
        load8 (weight + (int64_t) (r * w.kernel[1] + s) * in.cp + c, f);
#pragma unroll
        for (int t = 0; t < SPAN; t++) {
          int col = (first + t) * w.stride[1] - w.pad[1] + s * w.dilation[1];
          if (col < 0 || col >= in.w)
            continue;
          load8 (x + at (in, n, from, col) + c, v);
#pragma unroll
          for (int k = 0; k < 8; k++)
            sum[t][k] += v[k] * f[k];
        }
      }
    }
#pragma unroll
    for (int t = 0; t < SPAN; t++)
      if (first + t < out.w)
        finish (e, c, at (out, n, row, first + t) + c, sum[t], y);
  }
};

template <class T>
static cudaError_t
depthwise (ReidQueue q, const void *x, const float *weight, void *y,
           const ReidBlocked *in, const ReidBlocked *out, const ReidWindow *w,
           const ReidEpilogue *e)
{
  enum { SPAN = 4 };
  int64_t rows = (int64_t) out->n * out->h * (out->cp / 8);

  if (out->w < SPAN)
    return run (
        q, Depthwise<T, 1>{ (const T *) x, weight, (T *) y, *in, *out, *w, *e },
        rows * out->w);
  return run (
      q,
      Depthwise<T, SPAN>{ (const T *) x, weight, (T *) y, *in, *out, *w, *e },
      rows * ((out->w + SPAN - 1) / SPAN));
}

extern "C" cudaError_t
reid_cuda_depthwise (ReidQueue q, const void *x, const float *weight, void *y,
                     const ReidBlocked *in, const ReidBlocked *out,
                     const ReidWindow *window, const ReidEpilogue *end)
{
  return WITH_STORE (in->store, depthwise) (q, x, weight, y, in, out, window,
                                            end);
}

template <class T> struct PoolWindow {
  const T *x;
  T *y;
  ReidBlocked in, out;
  ReidPool pool;
  bool max;
  BODY void
  operator() (uint32_t i) const
  {
    Place p = place (i, out);
    int c = (int) p.c8 * 8;
    int y0 = (int) p.y * pool.stride[0] - pool.pad[0],
        x0 = (int) p.x * pool.stride[1] - pool.pad[1];
    int y1 = y0 + pool.kernel[0] < in.h + pool.pad[2] ? y0 + pool.kernel[0]
                                                      : in.h + pool.pad[2],
        x1 = x0 + pool.kernel[1] < in.w + pool.pad[3] ? x0 + pool.kernel[1]
                                                      : in.w + pool.pad[3];
    int cells = (y1 - y0) * (x1 - x0);
    float v[8], part[8];

    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > in.h ? in.h : y1;
    x1 = x1 > in.w ? in.w : x1;
    if (!pool.count_include_pad)
      cells = (y1 - y0) * (x1 - x0);
#pragma unroll
    for (int k = 0; k < 8; k++)
      v[k] = max ? -INFINITY : 0;
    for (int row = y0; row < y1; row++)
      for (int col = x0; col < x1; col++) {
        load8 (x + at (in, p.n, row, col) + c, part);
#pragma unroll
        for (int k = 0; k < 8; k++)
          v[k] = !max ? v[k] + part[k] : part[k] > v[k] ? part[k] : v[k];
      }
    if (!max) {
#pragma unroll
      for (int k = 0; k < 8; k++)
        v[k] /= (float) cells;
    }
    store8 (v, y + at (out, p.n, (int) p.y, (int) p.x) + c);
  }
};

template <class T>
static cudaError_t
pool_all (ReidQueue q, const void *x, void *y, const ReidBlocked *in,
          const ReidBlocked *out, const ReidPool *pool, bool max)
{
  return run (q, PoolWindow<T>{ (const T *) x, (T *) y, *in, *out, *pool, max },
              eights (out));
}

extern "C" cudaError_t
reid_cuda_pool (ReidQueue q, const void *x, void *y, const ReidBlocked *in,
                const ReidBlocked *out, const ReidPool *pool, bool max)
{
  return WITH_STORE (in->store, pool_all) (q, x, y, in, out, pool, max);
}

template <class T> struct GlobalAverage {
  const T *x;
  T *y;
  ReidBlocked in;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t groups = (uint32_t) in.cp / 8, n = i / groups;
    int c = (int) (i % groups) * 8, pixels = in.h * in.w;
    float sum[8] = { 0 }, v[8];
    for (int k = 0; k < pixels; k++) {
      load8 (x + ((int64_t) n * pixels + k) * in.cp + c, v);
#pragma unroll
      for (int j = 0; j < 8; j++)
        sum[j] += v[j];
    }
#pragma unroll
    for (int j = 0; j < 8; j++)
      sum[j] /= (float) pixels;
    store8 (sum, y + (int64_t) n * in.cp + c);
  }
};

template <class T>
static cudaError_t
global_average (ReidQueue q, const void *x, void *y, const ReidBlocked *in)
{
  return run (q, GlobalAverage<T>{ (const T *) x, (T *) y, *in },
              (int64_t) in->n * (in->cp / 8));
}

extern "C" cudaError_t
reid_cuda_global_average (ReidQueue q, const void *x, void *y,
                          const ReidBlocked *in)
{
  return WITH_STORE (in->store, global_average) (q, x, y, in);
}

/* --- sizes --- */

/* Where pixel i of n lies among `in` pixels, and how far towards the next: as
 * the reference has it. */
BODY void
source (const ReidResize &r, int axis, int i, int in, int n, int *low,
        int *high, float *part)
{
  float scale =
            r.scale[axis] == 0 ? (float) n / (float) in : (float) r.scale[axis],
        where = (float) i;
  bool linear = true;

  switch (r.kind) {
    case REID_RESIZE_NEAREST_ASYMMETRIC_FLOOR:
      where = floorf (where / scale);
      linear = false;
      break;
    case REID_RESIZE_NEAREST:
      where = ceilf ((where + .5f) / scale - .5f - .5f);
      linear = false;
      break;
    case REID_RESIZE_LINEAR_HALF_PIXEL:
      where = (where + .5f) / scale - .5f;
      break;
    case REID_RESIZE_LINEAR_ASYMMETRIC:
      where = where / scale;
      break;
    case REID_RESIZE_LINEAR_ALIGN_CORNERS:
      where = n > 1 ? where * (float) (in - 1) / (float) (n - 1) : 0;
      break;
  }
  where = where < 0 ? 0 : where > (float) (in - 1) ? (float) (in - 1) : where;
  *low = (int) where;
  *high = *low + 1 < in ? *low + 1 : *low;
  *part = linear ? where - (float) *low : 0;
}

template <class T> struct Resize {
  const T *x;
  T *y;
  ReidBlocked in, out;
  ReidResize r;
  BODY void
  operator() (uint32_t i) const
  {
    Place p = place (i, out);
    int c = (int) p.c8 * 8, y0, y1, x0, x1;
    float fy, fx, a[8], b[8], d[8], e[8];
    source (r, 0, (int) p.y, in.h, out.h, &y0, &y1, &fy);
    source (r, 1, (int) p.x, in.w, out.w, &x0, &x1, &fx);
    load8 (x + at (in, p.n, y0, x0) + c, a);
    if (r.kind > REID_RESIZE_NEAREST) {
      load8 (x + at (in, p.n, y0, x1) + c, b);
      load8 (x + at (in, p.n, y1, x0) + c, d);
      load8 (x + at (in, p.n, y1, x1) + c, e);
#pragma unroll
      for (int k = 0; k < 8; k++)
        a[k] = (a[k] * (1 - fx) + b[k] * fx) * (1 - fy)
               + (d[k] * (1 - fx) + e[k] * fx) * fy;
    }
    store8 (a, y + at (out, p.n, (int) p.y, (int) p.x) + c);
  }
};

template <class T>
static cudaError_t
resize_all (ReidQueue q, const void *x, void *y, const ReidBlocked *in,
            const ReidBlocked *out, const ReidResize *r)
{
  return run (q, Resize<T>{ (const T *) x, (T *) y, *in, *out, *r },
              eights (out));
}

extern "C" cudaError_t
reid_cuda_resize (ReidQueue q, const void *x, void *y, const ReidBlocked *in,
                  const ReidBlocked *out, const ReidResize *resize)
{
  return WITH_STORE (in->store, resize_all) (q, x, y, in, out, resize);
}
