/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_IMAGE_H
#define REID_CUDNN_IMAGE_H

/* Own CUDA kernels for what stands around a network: pictures to its input,
 * the length of its vectors, the sharpness of a face. kernels/image and
 * kernels/embed define what is right; sums are integers, or double in the same
 * order, and nothing is fused, so that the bytes are theirs. Bodies also run
 * on the host, see kernels.h. */

#include "image/recipe.h"
#include "nn/cudnn/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  REID_TAPS_X,
  REID_TAPS_Y,
  REID_TAPS_CHROMA_X,
  REID_TAPS_CHROMA_Y,
  REID_TAPS
};

/* Which samples make which output along one axis: of output i `count[i]` from
 * first[i] on, with the weights from weight[i * most] on. */
typedef struct {
  int32_t *first, *count;
  int16_t *weight;
  int32_t n, most;
} ReidGpuTaps;

/* One picture of a batch; planes and tables are in the GPU's memory. */
typedef struct {
  ReidRecipe recipe;
  ReidGpuTaps taps[REID_TAPS];
  size_t tables; /* bytes that the taps take, a multiple of 16 */
  int32_t place; /* which picture of the batch it becomes */
} ReidGpuPicture;

/* How large the tables are, by the recipe; then where they are. */
void reid_cuda_taps_size (ReidGpuPicture *picture);
void reid_cuda_taps_place (ReidGpuPicture *picture, void *memory);

/* All return cudaSuccess, or why the launch failed. The tables of n pictures;
 * `longest` is the largest taps[].n among them. */
cudaError_t reid_cuda_taps (ReidQueue q, const ReidGpuPicture *pictures, int n,
                            int longest);
/* n pictures of shape->h x shape->w with shape->c channels into their places,
 * as far as they are below shape->n: blocked, or dense f32 [n][c][h][w]. Other
 * places are left alone. */
cudaError_t reid_cuda_pictures (ReidQueue q, const ReidGpuPicture *pictures,
                                int n, void *y, const ReidBlocked *shape,
                                bool dense);

/* Rows of n numbers to length 1, as reid_vector_scale(); a row that is zero or
 * not finite stays as it is. norm2 has a place for each row, and then its sum
 * of squares, or -1. y may be x. */
cudaError_t reid_cuda_unit_rows (ReidQueue q, const float *x, float *y,
                                 double *norm2, int64_t rows, int64_t n);

/* A packed 8-bit luma picture in the GPU's memory. */
typedef struct {
  const uint8_t *data;
  ptrdiff_t stride;
  int32_t width, height;
} ReidGpuLuma;

/* As reid_image_sharpness(), of n pictures at most `tallest` high; `sums` has
 * 2 * n * tallest places. */
cudaError_t reid_cuda_sharpness (ReidQueue q, const ReidGpuLuma *pictures,
                                 int n, int tallest, int64_t *sums,
                                 double *sharpness);

#ifdef __cplusplus
}
#endif

#endif /* REID_CUDNN_IMAGE_H */
