/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is measured of a small luma picture. */

#include "image/image_private.h"

#include <string.h>

double
reid_image_sharpness_dsp (const ReidImageDsp *dsp, const uint8_t *luma,
                          int width, int height, ptrdiff_t stride)
{
  int64_t sum = 0, squares = 0;

  if (!luma || width < 3 || height < 3 || stride < width)
    return 0;
  for (int y = 1; y < height - 1; y++)
    dsp->laplacian (luma + y * stride, stride, width, &sum, &squares);
  double n = (double) (width - 2) * (height - 2);
  double mean = (double) sum / n;
  double variance = (double) squares / n - mean * mean;
  return variance > 0 ? variance : 0;
}

double
reid_image_sharpness (const uint8_t *luma, int width, int height,
                      ptrdiff_t stride)
{
  ReidImageDsp dsp;

  reid_image_dsp_init (&dsp, reid_cpu_flags ());
  return reid_image_sharpness_dsp (&dsp, luma, width, height, stride);
}

/* Four histograms in turn, because equal neighbours would each wait for the
 * other's store. There is nothing in it for a vector unit. */
void
reid_image_histogram (const uint8_t *luma, int width, int height,
                      ptrdiff_t stride, uint32_t bins[256])
{
  uint32_t part[3][256];

  memset (bins, 0, 256 * sizeof bins[0]);
  if (!luma || width < 1 || height < 1 || stride < width)
    return;
  memset (part, 0, sizeof part);
  for (int y = 0; y < height; y++) {
    const uint8_t *row = luma + y * stride;
    int x = 0;
    for (; x + 4 <= width; x += 4) {
      bins[row[x]]++;
      part[0][row[x + 1]]++;
      part[1][row[x + 2]]++;
      part[2][row[x + 3]]++;
    }
    for (; x < width; x++)
      bins[row[x]]++;
  }
  for (int i = 0; i < 256; i++)
    bins[i] += part[0][i] + part[1][i] + part[2][i];
}
