/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_VIDEO_H__
#define __GST_REID_VIDEO_H__

#include <gst/reid/gstreidframemeta.h>
#include <gst/video/video.h>

#include "base/base.h"
#include "detect/detect.h"
#include "image/image.h"

G_BEGIN_DECLS

/* Every raw layout that kernels/image reads; no element converts a frame. */
#define GST_REID_VIDEO_FORMATS                                                 \
  "{ I420, NV12, YV12, NV21, Y42B, Y444, I420_10LE, I422_10LE, Y444_10LE, "    \
  "P010_10LE, RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, "      \
  "GRAY8 }"
#define GST_REID_VIDEO_CAPS GST_VIDEO_CAPS_MAKE (GST_REID_VIDEO_FORMATS)

/* A mapped frame as kernels/ sees it; no pixel is copied. FALSE where the
 * format is not one of the above. */
gboolean gst_reid_image_from_frame (const GstVideoFrame *frame,
                                    ReidImage *image);

/* Size of the picture in square pixels: the height stays. */
void gst_reid_display_size (const GstVideoInfo *info, guint *width,
                            guint *height);

void gst_reid_face_to_kernel (const GstReidFace *face, ReidFace *out);
void gst_reid_face_from_kernel (const ReidFace *face, GstReidFace *out);

/* Replaces the GstVideoRegionOfInterestMetas of type "face" by one for each
 * face (id = track), clipped to the picture; for elements that know nothing of
 * the frame meta. */
void gst_reid_update_regions (GstBuffer *buffer, const GstVideoInfo *info,
                              const GstReidFace *faces, guint n_faces);
/* The faces that such metas tell of (a new GArray of GstReidFace). */
GArray *gst_reid_faces_from_regions (GstBuffer *buffer,
                                     const GstVideoInfo *info);

/* Posts a kernel's failure as the element's error, in the fitting domain. */
void gst_reid_element_error (GstElement *element, const ReidError *error,
                             const gchar *file, const gchar *function,
                             gint line);
#define GST_REID_ELEMENT_ERROR(element, error)                                 \
  gst_reid_element_error (GST_ELEMENT (element), (error), __FILE__,            \
                          GST_FUNCTION, __LINE__)
/* The same for a GError of libgstreid, which is freed. */
void gst_reid_element_gerror (GstElement *element, GError *error,
                              const gchar *file, const gchar *function,
                              gint line);
#define GST_REID_ELEMENT_GERROR(element, error)                                \
  gst_reid_element_gerror (GST_ELEMENT (element), (error), __FILE__,           \
                           GST_FUNCTION, __LINE__)

G_END_DECLS

#endif /* __GST_REID_VIDEO_H__ */
