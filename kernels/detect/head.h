/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DETECT_HEAD_H
#define REID_DETECT_HEAD_H

/* From the outputs of a detector to faces, as pure functions over arrays.
 * Everything here is in pixels of the network's input. A score, a box or a
 * landmark of a candidate that is not finite is an error: nothing that follows
 * could make sense of it. */

#include "detect/detect.h"

/* Candidates above the threshold, in the order found. Starts as all zeroes;
 * its array is free()d by the owner. */
typedef struct {
  ReidFace *face;
  int n, capacity;
} ReidFaceList;

/* Makes room and returns the new last face, zeroed; NULL when memory ends. */
ReidFace *reid_face_list_add (ReidFaceList *list, ReidError *error);
/* Whether box, score and landmarks are finite; says which cell if not. */
bool reid_face_check (const ReidFace *face, int cell, ReidError *error);

/* Wu, Peng, Yu: YuNet, a tiny millisecond-level face detector (2023). One
 * stride's outputs: cls and obj are probabilities [rows * columns], bbox
 * [.. * 4] is centre offset and logarithm of the size, kps [.. * 10]; all in
 * units of the stride. The score is the geometric mean of cls and obj. */
bool reid_yunet_decode (const float *cls, const float *obj, const float *bbox,
                        const float *kps, int rows, int columns, int stride,
                        float threshold, ReidFaceList *list, ReidError *error);

/* Ultra-Light-Fast-Generic-Face-Detector (RFB and slim): scores [n * 2] with
 * the face second, boxes [n * 4] as corners in fractions of the input, which
 * the graph has decoded already. No landmarks. */
bool reid_ultralight_decode (const float *scores, const float *boxes, int n,
                             int width, int height, float threshold,
                             ReidFaceList *list, ReidError *error);

/* Bazarevsky et al.: BlazeFace (2019), front camera: logits [896], regressors
 * [896 * 16]: centre offset, size, and offsets of image-left eye, image-right
 * eye, nose tip, mouth centre and two ears, in pixels of the 128x128 input,
 * from the anchor's centre.
 *
 * The mouth corners that ReidFace wants are not among them: they are put on
 * both sides of the mouth's centre, along the line of the eyes, at the distance
 * that they have in the mean face of the ArcFace template. That leaves an
 * alignment to eyes, nose and mouth what it would be without them, and tells
 * nothing about a turned head that the eyes do not tell. */
#define REID_BLAZEFACE_ANCHORS 896
#define REID_BLAZEFACE_SIZE 128
/* Centres x0 y0 x1 y1 ... in fractions of the input. */
void reid_blazeface_anchors (float centres[2 * REID_BLAZEFACE_ANCHORS]);
bool reid_blazeface_decode (const float *logits, const float *regressors,
                            const float centres[2 * REID_BLAZEFACE_ANCHORS],
                            float threshold, ReidFaceList *list,
                            ReidError *error);

/* Sorts by falling score (equal scores by top, left, height, width) and drops
 * every face whose IoU with a better one that stays is above the threshold;
 * stops at max_faces. Of more than REID_MOST_CANDIDATES only the best are
 * looked at, so that a threshold of 0 costs milliseconds, not minutes. Boxes
 * without area are dropped. */
#define REID_MOST_CANDIDATES 5000
bool reid_nms (ReidFaceList *list, float threshold, int max_faces,
               ReidError *error);

#endif /* REID_DETECT_HEAD_H */
