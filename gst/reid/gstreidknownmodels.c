/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks that people have, told by the SHA-256 of their files. Each line was
 * hashed from the file that its authors publish. */
#include "gstreidmodel-private.h"

#define DETECTOR GST_REID_MODEL_DETECTOR
#define EMBEDDER GST_REID_MODEL_EMBEDDER

const GstReidKnownModel gst_reid_known_models[] = {
  /* ShiqiYu/libfacedetection.train; the free-size file is the fastest on wide
   * pictures, since a square one spends half of its work on the border */
  { "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12", 322906,
    "yunet", "Apache-2.0", DETECTOR, 100 },
  { "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31", 317466,
    "yunet-640", "Apache-2.0", DETECTOR, 90 },
  { "81dbde155e982455488235acb8ec2dec5d647edf7cf7080d33e4abb69b93a0d2", 317434,
    "yunet-320", "Apache-2.0", DETECTOR, 80 },
  /* the same with half of the channels. OpenCV Zoo has the fixed size of 640 as
   * face_detection_yunet_2023mar */
  { "daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3", 237823,
    "yunet-s", "Apache-2.0", DETECTOR, 70 },
  { "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", 232589,
    "yunet-s-640", "Apache-2.0", DETECTOR, 60 },
  { "beb05bf2378aee45cd7c41056da07265b7bb91041ed1b06f923819a9c744ec36", 232557,
    "yunet-s-320", "Apache-2.0", DETECTOR, 50 },
  /* Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB */
  { "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017", 1270727,
    "ultralight-rfb", "MIT", DETECTOR, 40 },
  { "e9adbd0f920ddcce9368434c4d34d72520dc0c19b526fd44b4ef49bde2c3b1a8", 1195330,
    "ultralight-slim", "MIT", DETECTOR, 30 },
  /* hasimoka/BlazeFace-PyTorch: for selfies */
  { "1a1f0cd22c28a6f5db3b9ae287f2f73bd177fb082e4d175ae718fb74efcc9866", 433325,
    "blazeface", "Apache-2.0", DETECTOR, 20 },
  /* foamliu/MobileFaceNet. Photographs of LFW cluster best at .375 (B-cubed F
   * .991, .980 at .45), but the small, blurred faces of video are more alike:
   * see docs/benchmarks.md */
  { "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
    3998070,
    "mobilefacenet",
    "Apache-2.0",
    EMBEDDER,
    100,
    { 0.485, 0.456, 0.406 },
    { 0.229, 0.224, 0.225 },
    0.45f },
  { NULL }
};
