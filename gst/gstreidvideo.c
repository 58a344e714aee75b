/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between GStreamer's frames, metas and errors and those of kernels/. */
#include "gstreidvideo.h"

#include <gst/reid/gstreiderror-private.h>

#include <string.h>

gboolean
gst_reid_image_from_frame (const GstVideoFrame *frame, ReidImage *image)
{
  static const struct {
    GstVideoFormat from;
    ReidPixelFormat to;
  } map[] = {
    { GST_VIDEO_FORMAT_I420, REID_PIXEL_I420 },
    { GST_VIDEO_FORMAT_YV12, REID_PIXEL_YV12 },
    { GST_VIDEO_FORMAT_NV12, REID_PIXEL_NV12 },
    { GST_VIDEO_FORMAT_NV21, REID_PIXEL_NV21 },
    { GST_VIDEO_FORMAT_Y42B, REID_PIXEL_Y42B },
    { GST_VIDEO_FORMAT_Y444, REID_PIXEL_Y444 },
    { GST_VIDEO_FORMAT_I420_10LE, REID_PIXEL_I420_10LE },
    { GST_VIDEO_FORMAT_I422_10LE, REID_PIXEL_I422_10LE },
    { GST_VIDEO_FORMAT_Y444_10LE, REID_PIXEL_Y444_10LE },
    { GST_VIDEO_FORMAT_P010_10LE, REID_PIXEL_P010_10LE },
    { GST_VIDEO_FORMAT_RGB, REID_PIXEL_RGB },
    { GST_VIDEO_FORMAT_BGR, REID_PIXEL_BGR },
    { GST_VIDEO_FORMAT_RGBx, REID_PIXEL_RGBX },
    { GST_VIDEO_FORMAT_RGBA, REID_PIXEL_RGBX },
    { GST_VIDEO_FORMAT_BGRx, REID_PIXEL_BGRX },
    { GST_VIDEO_FORMAT_BGRA, REID_PIXEL_BGRX },
    { GST_VIDEO_FORMAT_xRGB, REID_PIXEL_XRGB },
    { GST_VIDEO_FORMAT_ARGB, REID_PIXEL_XRGB },
    { GST_VIDEO_FORMAT_xBGR, REID_PIXEL_XBGR },
    { GST_VIDEO_FORMAT_ABGR, REID_PIXEL_XBGR },
    { GST_VIDEO_FORMAT_GRAY8, REID_PIXEL_GRAY8 },
  };
  const GstVideoInfo *info = &frame->info;
  const GstVideoColorimetry *color = &info->colorimetry;

  memset (image, 0, sizeof *image);
  for (guint i = 0;; i++) {
    if (i == G_N_ELEMENTS (map))
      return FALSE;
    if (map[i].from == GST_VIDEO_INFO_FORMAT (info)) {
      image->format = map[i].to;
      break;
    }
  }
  image->width = GST_VIDEO_FRAME_WIDTH (frame);
  image->height = GST_VIDEO_FRAME_HEIGHT (frame);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES (frame) && i < 3; i++) {
    image->plane[i] = GST_VIDEO_FRAME_PLANE_DATA (frame, i);
    image->stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE (frame, i);
  }
  image->matrix =
      color->matrix == GST_VIDEO_COLOR_MATRIX_BT709    ? REID_MATRIX_BT709
      : color->matrix == GST_VIDEO_COLOR_MATRIX_BT2020 ? REID_MATRIX_BT2020
      : color->matrix == GST_VIDEO_COLOR_MATRIX_UNKNOWN && image->height > 576
          ? REID_MATRIX_BT709
          : REID_MATRIX_BT601;
  image->full_range = color->range == GST_VIDEO_COLOR_RANGE_0_255;
  image->par_n = MAX (GST_VIDEO_INFO_PAR_N (info), 1);
  image->par_d = MAX (GST_VIDEO_INFO_PAR_D (info), 1);
  return TRUE;
}

void
gst_reid_display_size (const GstVideoInfo *info, guint *width, guint *height)
{
  gint n = MAX (GST_VIDEO_INFO_PAR_N (info), 1);
  gint d = MAX (GST_VIDEO_INFO_PAR_D (info), 1);

  *width =
      (guint) gst_util_uint64_scale_round (GST_VIDEO_INFO_WIDTH (info), n, d);
  *width = MAX (*width, 1);
  *height = GST_VIDEO_INFO_HEIGHT (info);
}

void
gst_reid_face_to_kernel (const GstReidFace *face, ReidFace *out)
{
  out->left = face->left;
  out->top = face->top;
  out->width = face->width;
  out->height = face->height;
  out->score = face->score;
  out->has_landmarks = face->has_landmarks;
  memcpy (out->landmarks, face->landmarks, sizeof out->landmarks);
}

void
gst_reid_face_from_kernel (const ReidFace *face, GstReidFace *out)
{
  memset (out, 0, sizeof *out);
  out->left = face->left;
  out->top = face->top;
  out->width = face->width;
  out->height = face->height;
  out->score = face->score;
  out->has_landmarks = face->has_landmarks;
  memcpy (out->landmarks, face->landmarks, sizeof out->landmarks);
}

static gboolean
is_face_region (const GstMeta *meta)
{
  return meta->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE
         && ((const GstVideoRegionOfInterestMeta *) meta)->roi_type
                == g_quark_from_static_string ("face");
}

static gboolean
drop_face_region (GstBuffer *buffer, GstMeta **meta, gpointer data)
{
  if (is_face_region (*meta))
    *meta = NULL;
  return TRUE;
}

void
gst_reid_update_regions (GstBuffer *buffer, const GstVideoInfo *info,
                         const GstReidFace *faces, guint n_faces)
{
  gdouble w = GST_VIDEO_INFO_WIDTH (info), h = GST_VIDEO_INFO_HEIGHT (info);

  gst_buffer_foreach_meta (buffer, drop_face_region, NULL);
  for (guint i = 0; i < n_faces; i++) {
    const GstReidFace *f = &faces[i];
    gdouble x0 = CLAMP (f->left * w, 0, w), y0 = CLAMP (f->top * h, 0, h);
    gdouble x1 = CLAMP ((f->left + f->width) * w, 0, w);
    gdouble y1 = CLAMP ((f->top + f->height) * h, 0, h);
    guint x = (guint) (x0 + .5), y = (guint) (y0 + .5);
    guint rw = (guint) (x1 + .5) - x, rh = (guint) (y1 + .5) - y;
    GstVideoRegionOfInterestMeta *roi;

    if (rw == 0 || rh == 0)
      continue;
    roi = gst_buffer_add_video_region_of_interest_meta (buffer, "face", x, y,
                                                        rw, rh);
    roi->id = (gint) f->track_id;
    gst_video_region_of_interest_meta_add_param (
        roi, gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE,
                                (gdouble) f->score, NULL));
  }
}

GArray *
gst_reid_faces_from_regions (GstBuffer *buffer, const GstVideoInfo *info)
{
  GArray *faces = g_array_new (FALSE, TRUE, sizeof (GstReidFace));
  gfloat w = (gfloat) GST_VIDEO_INFO_WIDTH (info);
  gfloat h = (gfloat) GST_VIDEO_INFO_HEIGHT (info);
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (
              buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
    GstStructure *param;
    GstReidFace face = { 0 };
    gdouble score;

    if (!is_face_region (meta) || roi->w == 0 || roi->h == 0)
      continue;
    face.left = (gfloat) roi->x / w;
    face.top = (gfloat) roi->y / h;
    face.width = (gfloat) roi->w / w;
    face.height = (gfloat) roi->h / h;
    face.score = 1;
    param = gst_video_region_of_interest_meta_get_param (roi, "detection");
    if (param && gst_structure_get_double (param, "confidence", &score))
      face.score = (gfloat) CLAMP (score, 0, 1);
    g_array_append_val (faces, face);
  }
  return faces;
}

void
gst_reid_element_error (GstElement *element, const ReidError *error,
                        const gchar *file, const gchar *function, gint line)
{
  gst_reid_element_gerror (element, gst_reid_error_to_gerror (error), file,
                           function, line);
}

void
gst_reid_element_gerror (GstElement *element, GError *error, const gchar *file,
                         const gchar *function, gint line)
{
  gst_element_message_full (element, GST_MESSAGE_ERROR, error->domain,
                            error->code, g_strdup (error->message), NULL, file,
                            function, line);
  g_error_free (error);
}
