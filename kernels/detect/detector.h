/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DETECT_DETECTOR_H
#define REID_DETECT_DETECTOR_H

/* The object behind detect.h: made and set in detect.c, run in run.c. */

#include "detect/detect.h"
#include "detect/head.h"
#include "detect/model.h"

#define REID_DETECTOR_OUTPUTS 64

/* A frame on its way into the network. */
typedef struct {
  int frame; /* which of those of the call */
  ReidMapping mapping;
} ReidDetectorInput;

struct ReidDetector {
  ReidSession *session;
  ReidContext *context;
  int threads;    /* of the context */
  int most;       /* frames a run */
  bool automatic; /* the device may be another */
  bool proven;    /* it has run there */
  bool unlimited; /* the memory limit was one of a GPU that it left */
  ReidHeadOutputs outputs;
  ReidInputSize input;
  ReidTensorParams params; /* but for width and height */
  float default_threshold;
  ReidDetectorOptions options;
  float centres[2 * REID_BLAZEFACE_ANCHORS];
  /* one for each frame of a call, n_lists of both */
  ReidFaceList *lists;
  ReidDetectorInput *inputs;
  int n_lists;
  ReidDetectorTimes times;
  char sha256[REID_SHA256_TEXT]; /* on a GPU: of the network's files */
  char reason[1100];             /* see reid_detector_device_reason() */
  ReidError moved; /* why it is on the CPU and not, or no longer, on the GPU */
};

/* For when a GPU fails on a single frame. Where this fails all stays as it is.
 */
bool reid_detector_move_to_cpu (ReidDetector *detector, const ReidError *why,
                                ReidError *error);

#endif /* REID_DETECT_DETECTOR_H */
