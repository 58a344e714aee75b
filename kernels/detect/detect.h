/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DETECT_H
#define REID_DETECT_H

/* A detector: a session whose head is known, the preprocessing it wants, and
 * the decoding of its outputs into faces. One detector object per user; not
 * thread-safe, but any number of them may share one session. */

#include "base/base.h"
#include "image/image.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Coordinates are fractions of the frame's width and height, pixel edges:
 * 0 = left/top edge, 1 = right/bottom edge. A box may reach beyond the frame.
 * Landmarks: image-left eye, image-right eye, nose tip, image-left and
 * image-right mouth corner. */
typedef struct {
  float left, top, width, height;
  float score; /* 0..1 */
  bool has_landmarks;
  float landmarks[10]; /* x0 y0 ... */
} ReidFace;

typedef enum {
  REID_HEAD_AUTO, /* from the names and shapes of the graph's outputs */
  REID_HEAD_YUNET,
  REID_HEAD_ULTRALIGHT,
  REID_HEAD_BLAZEFACE
} ReidHead;

/* Preprocessing and head; what a .modelinfo file may override. Fields that are
 * AUTO/NAN/0 take the head's own. */
typedef struct {
  ReidHead head;
  ReidFit fit; /* used only where fit_set */
  bool fit_set;
  ReidChannels channels;
  bool channels_set;
  float mean[3], scale[3];
  bool normalize_set;
  float threshold; /* default of the element's property; NAN = head's */
} ReidDetectorInfo;

REID_API void reid_detector_info_init (ReidDetectorInfo *info);

typedef struct {
  const char *device;  /* see ReidSessionOptions */
  int threads;         /* 0 = all */
  float threshold;     /* NAN = the model's default */
  float nms_threshold; /* IoU above which the weaker face goes */
  int inference_size;  /* longest side of the network input for networks of
                          free size, a multiple of 32 is made of it; 0 =
                          640, or the size that the file fixes */
  float min_size;      /* smallest face height in frame pixels; 0 = none */
  int max_faces;       /* 0 = 1024 */
  ReidPrecision precision;
  size_t memory_limit; /* see reid_context_limit_memory() */
} ReidDetectorOptions;

REID_API void reid_detector_options_init (ReidDetectorOptions *options);

typedef struct ReidDetector ReidDetector;

REID_API ReidDetector *reid_detector_new (const char *model_path,
                                          const ReidDetectorInfo *info,
                                          const ReidDetectorOptions *options,
                                          ReidError *error);
REID_API void reid_detector_free (ReidDetector *detector);
/* May change between frames; device is ignored, the rest takes effect. */
REID_API bool reid_detector_configure (ReidDetector *detector,
                                       const ReidDetectorOptions *options,
                                       ReidError *error);
REID_API ReidHead reid_detector_head (const ReidDetector *detector);
/* The reason tells of both devices, should it move. */
REID_API const char *reid_detector_device (const ReidDetector *detector);
REID_API const char *reid_detector_device_reason (const ReidDetector *detector);
/* What the GPU said when it had no memory for a single frame any more, where
 * it had had before; since then the network runs on the CPU, in f32. NULL where
 * it is where it was opened. */
REID_API const char *reid_detector_moved (const ReidDetector *detector);
/* The threshold in force. */
REID_API float reid_detector_threshold (const ReidDetector *detector);

/* Frames that one run of the network takes at most: 1 where it takes only one
 * picture; fewer from when memory has ended, or on another device. */
REID_API int reid_detector_batch (const ReidDetector *detector);
/* Does it run on a GPU, which wants many frames at once? */
REID_API bool reid_detector_on_gpu (const ReidDetector *detector);

/* Faces of one frame, sorted by falling score (ties: by position, so that the
 * order is the same everywhere). The array belongs to the detector until its
 * next call. A picture too small for the network gives no face, not an error.
 */
REID_API bool reid_detector_run (ReidDetector *detector, const ReidImage *image,
                                 const ReidFace **faces, int *n_faces,
                                 ReidError *error);

/* What was found on one frame of several. */
typedef struct {
  const ReidFace *faces; /* as above */
  int n_faces;
  ReidError error; /* why nothing is known of this frame; else REID_OK */
} ReidDetection;

/* The same for n frames, of which the network sees as many at once as it can.
 * Every frame has the faces, bit by bit, that it would have alone, and one that
 * fails fails alone. */
REID_API void reid_detector_run_batch (ReidDetector *detector,
                                       const ReidImage *images, int n,
                                       ReidDetection *detections);

/* Nanoseconds since the detector was made: what the frames' way into the
 * network took, the network (with the wait for others that use it), and the
 * way from its outputs to faces. */
typedef struct {
  uint64_t letterbox, network, decode;
} ReidDetectorTimes;

REID_API void reid_detector_times (const ReidDetector *detector,
                                   ReidDetectorTimes *times);

#ifdef __cplusplus
}
#endif

#endif /* REID_DETECT_H */
