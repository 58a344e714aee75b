/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels on pictures: one output pixel, one table entry or one row a thread.
 * Compiled without fused multiply-adds, which kernels/image does not have. */
#include "nn/cudnn/image.h"

#include "nn/cudnn/launch.cuh"

/* As in image/dsp.h. */
#define WEIGHT_BITS 14
#define WEIGHT_ONE (1 << WEIGHT_BITS)
#define ROW_BITS 7

/* --- tables --- */

static size_t
table_size (int n, int most)
{
  return ((size_t) n * (2 * sizeof (int32_t) + (size_t) most * sizeof (int16_t))
          + 15)
         / 16 * 16;
}

extern "C" void
reid_cuda_taps_size (ReidGpuPicture *p)
{
  const ReidRecipe *r = &p->recipe;

  p->tables = 0;
  for (int t = 0; t < REID_TAPS; t++) {
    ReidGpuTaps *taps = &p->taps[t];
    const ReidImageAxis *axis = t % 2 ? &r->y[t / 2] : &r->x[t / 2];
    *taps = ReidGpuTaps{};
    if (t / 2 >= r->n_planes)
      continue;
    taps->n = t % 2 ? r->grid_height : r->grid_width;
    taps->most = reid_axis_max_taps (axis) + 1;
    p->tables += table_size (taps->n, taps->most);
  }
}

extern "C" void
reid_cuda_taps_place (ReidGpuPicture *p, void *memory)
{
  char *at = (char *) memory;

  for (int t = 0; t < REID_TAPS; t++) {
    ReidGpuTaps *taps = &p->taps[t];
    taps->first = (int32_t *) at;
    taps->count = taps->first + taps->n;
    taps->weight = (int16_t *) (taps->count + taps->n);
    at += table_size (taps->n, taps->most);
  }
}

/* reid_axis_weights() and its share(), for one output each. */
BODY double
share (double t, double w, double ramp)
{
  if (ramp <= 0)
    return t;
  if (t >= w)
    return t < w + ramp ? w - (w + ramp - t) * (w + ramp - t) / (2 * ramp) : w;
  return t < ramp ? t * t / (2 * ramp) : t - ramp / 2;
}

BODY void
axis_weights (const ReidImageAxis &axis, const ReidGpuTaps &taps, int i)
{
  double w = axis.width > 1 ? axis.width : 1;
  double a = axis.origin + (i + 0.5) * axis.step - 0.5 * (w + axis.ramp);
  double last = axis.n_source - 1, b;
  int16_t *weight = taps.weight + (int64_t) i * taps.most;
  int lo, hi, n = 0, done = 0;

  if (axis.snap)
    a = floor (a + 0.5);
  b = a + w + axis.ramp;
  if (b <= 1) {
    lo = hi = 0;
  } else if (a >= last) {
    lo = hi = axis.n_source - 1;
  } else {
    lo = a > 0 ? (int) a : 0;
    hi = b < last ? (int) b : axis.n_source - 1;
  }
  double unit = WEIGHT_ONE / w;
  for (int j = lo; j <= hi && n < taps.most; j++) {
    int upto = WEIGHT_ONE;
    if (j < hi)
      upto = (int) (share (j + 1 - a, w, axis.ramp) * unit + 0.5);
    upto = upto < WEIGHT_ONE ? upto : WEIGHT_ONE;
    if (n == 0 && upto == 0) {
      lo++;
      continue;
    }
    weight[n++] = (int16_t) (upto - done);
    if (upto == WEIGHT_ONE)
      break;
    done = upto;
  }
  taps.first[i] = lo;
  taps.count[i] = n;
}

struct Taps {
  const ReidGpuPicture *pictures;
  uint32_t longest;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t entry = i % longest, t = i / longest % REID_TAPS;
    const ReidGpuPicture &p = pictures[i / longest / REID_TAPS];
    if (entry < (uint32_t) p.taps[t].n)
      axis_weights (t % 2 ? p.recipe.y[t / 2] : p.recipe.x[t / 2], p.taps[t],
                    (int) entry);
  }
};

extern "C" cudaError_t
reid_cuda_taps (ReidQueue q, const ReidGpuPicture *pictures, int n, int longest)
{
  return run (q, Taps{ pictures, (uint32_t) longest },
              (int64_t) n * REID_TAPS * longest);
}

/* --- pixels --- */

/* Sums of the grid's pixel x, y, as the passes of scaler.c leave them. */
BODY void
grid_pixel (const ReidGpuPicture &p, int x, int y, int32_t *out)
{
  const ReidRecipe &r = p.recipe;

  for (int c = 0; c < r.n_components; c++) {
    int plane = r.component[c].plane, t = plane ? REID_TAPS_CHROMA_X : 0;
    const ReidGpuTaps &tx = p.taps[t], &ty = p.taps[t + 1];
    const int16_t *wx = tx.weight + (int64_t) x * tx.most,
                  *wy = ty.weight + (int64_t) y * ty.most;
    int columns = tx.count[x], rows = ty.count[y];
    ptrdiff_t stride = r.stride[plane];
    int step = r.step[plane] * r.bytes, down = r.bytes == 1
                                                   ? WEIGHT_BITS - ROW_BITS
                                                   : WEIGHT_BITS - ROW_BITS + 2;
    const uint8_t *at = r.plane[plane] + ty.first[y] * stride
                        + (ptrdiff_t) tx.first[x] * step
                        + r.component[c].at * r.bytes;
    int32_t sum = 0;
    for (int h = 0; h < columns; h++, at += step) {
      const uint8_t *s = at;
      int32_t column = 1 << (down - 1);
      if (r.bytes == 1) {
        for (int v = 0; v < rows; v++, s += stride)
          column += wy[v] * s[0];
      } else {
        for (int v = 0; v < rows; v++, s += stride)
          column +=
              wy[v] * (int) (((s[0] | (unsigned) s[1] << 8) >> r.shift) & 1023);
      }
      sum += wx[h] * (int16_t) (column >> down);
    }
    out[c] = sum;
  }
  for (int c = r.n_components; c < 3; c++)
    out[c] = out[0];
}

/* The same rounded to 15 bits, as pack4() does. */
BODY void
rounded_pixel (const ReidGpuPicture &p, int x, int y, int32_t *out)
{
  grid_pixel (p, x, y, out);
#pragma unroll
  for (int c = 0; c < 3; c++)
    out[c] = (int16_t) ((out[c] + WEIGHT_ONE / 2) >> WEIGHT_BITS);
}

BODY int32_t
between (int32_t a, int32_t b, int part)
{
  return (a * (WEIGHT_ONE - part) + b * part + WEIGHT_ONE / 2) >> WEIGHT_BITS;
}

BODY double
clamped (double v, double most)
{
  v = v > 0 ? v : 0;
  return v < most ? v : most;
}

BODY void
warped_pixel (const ReidGpuPicture &p, int x, int y, int32_t *out)
{
  const ReidRecipe &r = p.recipe;
  int nu = r.grid_width, nv = r.grid_height;
  double u = r.u[1] * y + r.u[2] + x * r.u[0],
         v = r.v[1] * y + r.v[2] + x * r.v[0];
  int32_t pu = (int32_t) (clamped (u, nu - 1) * WEIGHT_ONE + 0.5),
          pv = (int32_t) (clamped (v, nv - 1) * WEIGHT_ONE + 0.5);
  int fu = pu & (WEIGHT_ONE - 1), fv = pv & (WEIGHT_ONE - 1);
  int x0 = pu >> WEIGHT_BITS, y0 = pv >> WEIGHT_BITS;
  int x1 = x0 + 1 < nu ? x0 + 1 : x0, y1 = y0 + 1 < nv ? y0 + 1 : y0;
  int32_t a[3], b[3], c[3], d[3];

  rounded_pixel (p, x0, y0, a);
  rounded_pixel (p, x1, y0, b);
  rounded_pixel (p, x0, y1, c);
  rounded_pixel (p, x1, y1, d);
#pragma unroll
  for (int k = 0; k < 3; k++)
    out[k] = between (a[k], b[k], fu) * (WEIGHT_ONE - fv)
             + between (c[k], d[k], fu) * fv;
}

BODY float
mixed (const ReidMix &mix, int c, const int32_t *in)
{
  const float *m = mix.m[c];
  float v = (float) in[0] * m[0] + (float) in[1] * m[1];

  v = v + (float) in[2] * m[2];
  v = v + m[3];
  v = v > 0.f ? v : 0.f;
  v = v < 255.f ? v : 255.f;
  return (v - mix.mean[c]) * mix.scale[c];
}

template <class T, bool DENSE> struct Pictures {
  const ReidGpuPicture *pictures;
  T *y;
  ReidBlocked s;
  BODY void
  operator() (uint32_t i) const
  {
    uint32_t pixels = (uint32_t) s.h * (uint32_t) s.w, at = i % pixels;
    const ReidGpuPicture &p = pictures[i / pixels];
    int x = (int) (at % (uint32_t) s.w), row = (int) (at / (uint32_t) s.w);
    int32_t sums[3];
    float v[8] = { 0 };
    if (p.place >= s.n)
      return;
    if (!p.recipe.warp
        && (x >= p.recipe.grid_width || row >= p.recipe.grid_height)) {
      for (int c = 0; c < p.recipe.mix.n_out; c++)
        v[c] = p.recipe.fill[c];
    } else {
      if (p.recipe.warp)
        warped_pixel (p, x, row, sums);
      else
        grid_pixel (p, x, row, sums);
      for (int c = 0; c < p.recipe.mix.n_out; c++)
        v[c] = mixed (p.recipe.mix, c, sums);
    }
    if (DENSE) {
      for (int c = 0; c < s.c; c++)
        from_float (v[c], &y[((int64_t) p.place * s.c + c) * pixels + at]);
    } else {
      store8 (v, y + ((int64_t) p.place * pixels + at) * 8);
    }
  }
};

template <class T>
static cudaError_t
pictures_blocked (ReidQueue q, const ReidGpuPicture *pictures, int64_t n,
                  void *y, const ReidBlocked *s)
{
  return run (q, Pictures<T, false>{ pictures, (T *) y, *s }, n);
}

extern "C" cudaError_t
reid_cuda_pictures (ReidQueue q, const ReidGpuPicture *pictures, int n, void *y,
                    const ReidBlocked *shape, bool dense)
{
  int64_t pixels = (int64_t) n * shape->h * shape->w;

  if ((shape->c != 1 && shape->c != 3) || (!dense && shape->cp != 8))
    return cudaErrorInvalidValue;
  if (dense)
    return run (q, Pictures<float, true>{ pictures, (float *) y, *shape },
                pixels);
  return WITH_STORE (shape->store, pictures_blocked) (q, pictures, pixels, y,
                                                      shape);
}

/* --- vectors --- */

struct RowNorms {
  const float *x;
  double *norm2;
  int64_t n;
  BODY void
  operator() (uint32_t i) const
  {
    const float *row = x + (int64_t) i * n;
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
      sum += (double) row[k] * row[k];
    /* squares of what is finite are, in double */
    norm2[i] = sum <= 1.7976931348623157e308 ? sum : -1;
  }
};

struct UnitRows {
  const float *x;
  float *y;
  const double *norm2;
  int64_t n;
  BODY void
  operator() (uint32_t i) const
  {
    double square = norm2[i / n];
    y[i] = square > 0 ? (float) (x[i] / sqrt (square)) : x[i];
  }
};

extern "C" cudaError_t
reid_cuda_unit_rows (ReidQueue q, const float *x, float *y, double *norm2,
                     int64_t rows, int64_t n)
{
  cudaError_t status = run (q, RowNorms{ x, norm2, n }, rows);

  return status == cudaSuccess ? run (q, UnitRows{ x, y, norm2, n }, rows * n)
                               : status;
}

/* --- sharpness --- */

struct Laplacians {
  const ReidGpuLuma *pictures;
  int64_t *sums;
  uint32_t tallest;
  BODY void
  operator() (uint32_t i) const
  {
    const ReidGpuLuma &p = pictures[i / tallest];
    int y = (int) (i % tallest);
    int64_t sum = 0, squares = 0;
    if (y > 0 && y < p.height - 1) {
      const uint8_t *row = p.data + y * p.stride;
      for (int x = 1; x < p.width - 1; x++) {
        int v = 4 * row[x] - row[x - 1] - row[x + 1] - row[x - p.stride]
                - row[x + p.stride];
        sum += v;
        squares += v * v;
      }
    }
    sums[2 * (int64_t) i] = sum;
    sums[2 * (int64_t) i + 1] = squares;
  }
};

struct Variances {
  const ReidGpuLuma *pictures;
  const int64_t *sums;
  double *out;
  uint32_t tallest;
  BODY void
  operator() (uint32_t i) const
  {
    const ReidGpuLuma &p = pictures[i];
    int64_t sum = 0, squares = 0;
    out[i] = 0;
    if (p.width < 3 || p.height < 3)
      return;
    for (int y = 1; y < p.height - 1; y++) {
      sum += sums[2 * ((int64_t) i * tallest + y)];
      squares += sums[2 * ((int64_t) i * tallest + y) + 1];
    }
    double n = (double) (p.width - 2) * (p.height - 2);
    double mean = (double) sum / n;
    double variance = (double) squares / n - mean * mean;
    out[i] = variance > 0 ? variance : 0;
  }
};

extern "C" cudaError_t
reid_cuda_sharpness (ReidQueue q, const ReidGpuLuma *pictures, int n,
                     int tallest, int64_t *sums, double *sharpness)
{
  cudaError_t status = run (q, Laplacians{ pictures, sums, (uint32_t) tallest },
                            (int64_t) n * tallest);

  return status == cudaSuccess ? run (
             q, Variances{ pictures, sums, sharpness, (uint32_t) tallest }, n)
                               : status;
}
