/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRUTH_META_H__
#define __GST_REID_TRUTH_META_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#ifndef GST_REID_API
#define GST_REID_API __attribute__ ((visibility ("default"))) extern
#endif

/**
 * GstReidTruthFace:
 * @person: who it is, from 0; the same number is the same person in the whole
 *   stream
 * @left: left edge, as a fraction of the frame's width
 * @top: top edge, as a fraction of the frame's height
 * @width: as a fraction of the frame's width
 * @height: as a fraction of the frame's height
 * @landmarks: x0 y0 ... x4 y4, as fractions: image-left eye, image-right eye,
 *   nose tip, image-left mouth corner, image-right mouth corner; of a turned
 *   head, where they would be seen through it
 * @visible: share of the face's oval that is in the frame and not behind
 *   another head, 0 to 1
 * @yaw: degrees, > 0: turned to image-right
 * @pitch: degrees, > 0: turned up
 * @roll: degrees, > 0: turned clockwise
 *
 * One person in one frame, as it was drawn. Boxes and landmarks may reach
 * beyond the frame.
 *
 * Since: 0.1
 */
typedef struct {
  guint32 person;
  gfloat left, top, width, height;
  gfloat landmarks[10];
  gfloat visible;
  gfloat yaw, pitch, roll;
} GstReidTruthFace;

/**
 * GstReidTruthMeta:
 * @meta: parent
 * @frame: number of the frame, from 0 at the beginning of the episode
 * @shot: number of the shot, from 0
 * @shot_frame: first frame of the shot
 * @fade: the shot began with a fade and not with a cut
 * @light: brightness of the picture, 0 to 1; below 1 while a fade runs
 * @n_faces: number of @faces
 * @faces: (array length=n_faces): the faces, farthest first, owned by the meta
 *
 * What reidtestsrc has drawn into a frame. Survives copies and plain scaling;
 * is dropped by cropping, flipping and rotation, where it would be wrong.
 *
 * Since: 0.1
 */
typedef struct {
  GstMeta meta;

  guint64 frame;
  guint32 shot;
  guint64 shot_frame;
  gboolean fade;
  gfloat light;
  guint n_faces;
  GstReidTruthFace *faces;
} GstReidTruthMeta;

#define GST_REID_TRUTH_META_API_TYPE (gst_reid_truth_meta_api_get_type ())
GST_REID_API GType gst_reid_truth_meta_api_get_type (void);

#define GST_REID_TRUTH_META_INFO (gst_reid_truth_meta_get_info ())
GST_REID_API const GstMetaInfo *gst_reid_truth_meta_get_info (void);

GST_REID_API GstReidTruthMeta *
gst_buffer_get_reid_truth_meta (GstBuffer *buffer);
GST_REID_API GstReidTruthMeta *
gst_buffer_add_reid_truth_meta (GstBuffer *buffer);

GST_REID_API void gst_reid_truth_meta_set_faces (GstReidTruthMeta *meta,
                                                 const GstReidTruthFace *faces,
                                                 guint n_faces);

G_END_DECLS

#endif /* __GST_REID_TRUTH_META_H__ */
