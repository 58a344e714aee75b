/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:gstreidframemeta
 * @title: GstReidFrameMeta
 * @short_description: the faces of one video frame
 *
 * reiddetect puts one #GstReidFrameMeta on every buffer; reidtrack fills in
 * tracks and shots, reidcluster (in online mode) identities. An application
 * reads it in a pad probe or from an appsink:
 *
 * |[<!-- language="C" -->
 * GstReidFrameMeta *m = gst_buffer_get_reid_frame_meta (buffer);
 * for (guint i = 0; m && i < m->n_faces; i++)
 *   g_print ("track %u is person %u\n", m->faces[i].track_id,
 *       m->faces[i].identity);
 * ]|
 *
 * Since: 0.1
 */
#include "gstreidframemeta.h"

#include <gst/video/video.h>

GType
gst_reid_frame_state_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_REID_FRAME_DETECTED, "The detector ran", "detected" },
    { GST_REID_FRAME_SKIPPED, "The detector did not run", "skipped" },
    { GST_REID_FRAME_REUSED, "The last answer was taken", "reused" },
    { GST_REID_FRAME_FAILED, "The detector failed", "failed" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidFrameState", values));
  return (GType) type;
}

GType
gst_reid_frame_meta_api_get_type (void)
{
  static gsize type = 0;
  /* Tagged by size and orientation, so that elements which change either ask
   * gst_reid_frame_meta_transform() or drop the meta; untagged, videoflip and
   * videocrop would copy boxes that no longer lie on the faces. */
  static const gchar *tags[] = { GST_META_TAG_VIDEO_STR,
                                 GST_META_TAG_VIDEO_SIZE_STR,
                                 GST_META_TAG_VIDEO_ORIENTATION_STR, NULL };

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, gst_meta_api_type_register ("GstReidFrameMetaAPI", tags));
  return (GType) type;
}

static gboolean
gst_reid_frame_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstReidFrameMeta *self = (GstReidFrameMeta *) meta;

  self->state = GST_REID_FRAME_SKIPPED;
  self->frame = 0;
  self->stream_time = self->duration = GST_CLOCK_TIME_NONE;
  self->segment = 0;
  self->display_width = self->display_height = 0;
  self->shot = 0;
  self->shot_start = 0;
  self->tracked = FALSE;
  self->n_faces = 0;
  self->faces = NULL;
  return TRUE;
}

static void
gst_reid_frame_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  g_free (((GstReidFrameMeta *) meta)->faces);
}

static gboolean
gst_reid_frame_meta_transform (GstBuffer *dest, GstMeta *meta,
                               GstBuffer *buffer, GQuark type, gpointer data)
{
  GstReidFrameMeta *from = (GstReidFrameMeta *) meta, *to;

  if (!GST_META_TRANSFORM_IS_COPY (type)
      && !GST_VIDEO_META_TRANSFORM_IS_SCALE (type))
    return FALSE;
  if (gst_buffer_get_reid_frame_meta (dest))
    return TRUE;
  to = gst_buffer_add_reid_frame_meta (dest);
  if (!to)
    return FALSE;
  to->state = from->state;
  to->frame = from->frame;
  to->stream_time = from->stream_time;
  to->duration = from->duration;
  to->segment = from->segment;
  to->display_width = from->display_width;
  to->display_height = from->display_height;
  to->shot = from->shot;
  to->shot_start = from->shot_start;
  to->tracked = from->tracked;
  gst_reid_frame_meta_set_faces (to, from->faces, from->n_faces);
  return TRUE;
}

const GstMetaInfo *
gst_reid_frame_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info))
    g_once_init_leave (&info,
                       (gsize) gst_meta_register (
                           GST_REID_FRAME_META_API_TYPE, "GstReidFrameMeta",
                           sizeof (GstReidFrameMeta), gst_reid_frame_meta_init,
                           gst_reid_frame_meta_free,
                           gst_reid_frame_meta_transform));
  return (const GstMetaInfo *) info;
}

/**
 * gst_buffer_get_reid_frame_meta:
 * @buffer: a #GstBuffer
 *
 * Returns: (transfer none) (nullable): the frame meta of @buffer
 *
 * Since: 0.1
 */
GstReidFrameMeta *
gst_buffer_get_reid_frame_meta (GstBuffer *buffer)
{
  return (GstReidFrameMeta *) gst_buffer_get_meta (
      buffer, GST_REID_FRAME_META_API_TYPE);
}

/**
 * gst_buffer_add_reid_frame_meta:
 * @buffer: (transfer none): a writable #GstBuffer
 *
 * Returns: (transfer none): an empty frame meta, added to @buffer
 *
 * Since: 0.1
 */
GstReidFrameMeta *
gst_buffer_add_reid_frame_meta (GstBuffer *buffer)
{
  return (GstReidFrameMeta *) gst_buffer_add_meta (
      buffer, GST_REID_FRAME_META_INFO, NULL);
}

/**
 * gst_reid_frame_meta_set_faces:
 * @meta: a frame meta on a writable buffer
 * @faces: (array length=n_faces) (nullable): faces, copied
 * @n_faces: their number
 *
 * Replaces the faces of @meta.
 *
 * Since: 0.1
 */
void
gst_reid_frame_meta_set_faces (GstReidFrameMeta *meta, const GstReidFace *faces,
                               guint n_faces)
{
  GstReidFace *old = meta->faces;

  meta->faces = n_faces ? g_memdup2 (faces, n_faces * sizeof *faces) : NULL;
  meta->n_faces = n_faces;
  g_free (old);
}
