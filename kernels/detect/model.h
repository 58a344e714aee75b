/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DETECT_MODEL_H
#define REID_DETECT_MODEL_H

/* Which head a network has, from the names and shapes of its outputs. */

#include "detect/detect.h"
#include "nn/nn.h"

#define REID_YUNET_STRIDES 3

/* Indices into the session's outputs. */
typedef struct {
  ReidHead head;
  struct {
    int stride, cls, obj, bbox, kps;
  } yunet[REID_YUNET_STRIDES];
  int scores, boxes; /* the other two heads */
} ReidHeadOutputs;

/* `wanted` may be REID_HEAD_AUTO. The error names the file and lists the
 * outputs that it has. */
bool reid_head_find (const ReidTensorInfo *outputs, int n, const char *file,
                     ReidHead wanted, ReidHeadOutputs *found, ReidError *error);

/* Channels, height and width of the input; a free side is 0. */
typedef struct {
  int channels, height, width;
} ReidInputSize;

bool reid_head_input (const ReidTensorInfo *input, const char *file,
                      ReidInputSize *size, ReidError *error);

/* The input for a frame where the network leaves its size free: the longer side
 * of the displayed frame becomes `longest`, the other follows the aspect, and
 * both are rounded up to multiples of 32. */
void reid_free_input_size (const ReidImage *image, int longest, int *width,
                           int *height);

#endif /* REID_DETECT_MODEL_H */
