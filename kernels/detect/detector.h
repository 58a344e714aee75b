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
  int threads; /* of the context */
  int most;    /* frames a run */
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
};

#endif /* REID_DETECT_DETECTOR_H */
