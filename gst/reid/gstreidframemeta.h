/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_FRAME_META_H__
#define __GST_REID_FRAME_META_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#ifndef GST_REID_API
#define GST_REID_API __attribute__ ((visibility ("default"))) extern
#endif

/**
 * GstReidFrameState:
 * @GST_REID_FRAME_DETECTED: the detector ran; no face means nobody was found
 * @GST_REID_FRAME_SKIPPED: the detector did not run on this frame
 * @GST_REID_FRAME_REUSED: the picture stood still and the last answer was taken
 * @GST_REID_FRAME_FAILED: the detector failed on this frame
 *
 * Since: 0.1
 */
typedef enum {
  GST_REID_FRAME_DETECTED,
  GST_REID_FRAME_SKIPPED,
  GST_REID_FRAME_REUSED,
  GST_REID_FRAME_FAILED
} GstReidFrameState;

#define GST_TYPE_REID_FRAME_STATE (gst_reid_frame_state_get_type ())
GST_REID_API GType gst_reid_frame_state_get_type (void);

/**
 * GstReidFace:
 * @left: left edge, as a fraction of the frame's width
 * @top: top edge, as a fraction of the frame's height
 * @width: as a fraction of the frame's width
 * @height: as a fraction of the frame's height
 * @score: the detector's, 0 to 1
 * @has_landmarks: whether @landmarks is set
 * @landmarks: x0 y0 ... x4 y4, as fractions: image-left eye, image-right eye,
 *   nose tip, image-left mouth corner, image-right mouth corner
 * @quality: how well the face can be recognised, 0 to 1; 0 before reidtrack
 * @track_id: the track it belongs to, 0 = none
 * @identity: the person it was named as, 0 = not (yet) named
 * @similarity: cosine similarity to that person, -1 to 1
 *
 * One face of one frame. Boxes and landmarks may reach beyond the frame.
 *
 * Since: 0.1
 */
typedef struct {
  gfloat left, top, width, height;
  gfloat score;
  gboolean has_landmarks;
  gfloat landmarks[10];
  gfloat quality;
  guint32 track_id;
  guint32 identity;
  gfloat similarity;
} GstReidFace;

/**
 * GstReidFrameMeta:
 * @meta: parent
 * @state: what the detector did
 * @frame: number of the frame, from 0 in each stream
 * @stream_time: stream time of the buffer, or %GST_CLOCK_TIME_NONE
 * @duration: of the buffer, or %GST_CLOCK_TIME_NONE
 * @segment: rises by one with every seek, loop or flush
 * @display_width: width of the picture in square pixels
 * @display_height: height of the picture in square pixels
 * @shot: number of the shot, from 0; only after reidtrack
 * @shot_start: 0, or, on the first frame of a shot after the first, 1 for a
 *   cut and 2 for a fade; only after reidtrack
 * @tracked: reidtrack has seen this frame
 * @n_faces: number of @faces
 * @faces: (array length=n_faces): the faces, owned by the meta
 *
 * The faces of one frame. Survives copies and plain scaling (boxes are
 * fractions); is dropped by cropping, flipping and rotation, where it would be
 * wrong.
 *
 * Since: 0.1
 */
typedef struct {
  GstMeta meta;

  GstReidFrameState state;
  guint64 frame;
  GstClockTime stream_time, duration;
  guint32 segment;
  guint display_width, display_height;
  guint32 shot;
  guint shot_start;
  gboolean tracked;
  guint n_faces;
  GstReidFace *faces;
} GstReidFrameMeta;

#define GST_REID_FRAME_META_API_TYPE (gst_reid_frame_meta_api_get_type ())
GST_REID_API GType gst_reid_frame_meta_api_get_type (void);

#define GST_REID_FRAME_META_INFO (gst_reid_frame_meta_get_info ())
GST_REID_API const GstMetaInfo *gst_reid_frame_meta_get_info (void);

GST_REID_API GstReidFrameMeta *
gst_buffer_get_reid_frame_meta (GstBuffer *buffer);
GST_REID_API GstReidFrameMeta *
gst_buffer_add_reid_frame_meta (GstBuffer *buffer);

GST_REID_API void gst_reid_frame_meta_set_faces (GstReidFrameMeta *meta,
                                                 const GstReidFace *faces,
                                                 guint n_faces);

G_END_DECLS

#endif /* __GST_REID_FRAME_META_H__ */
