/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:gstreidtruthmeta
 * @title: GstReidTruthMeta
 * @short_description: who really is in a frame
 *
 * reidtestsrc puts one #GstReidTruthMeta on every buffer: the boxes, landmarks
 * and persons that it has drawn, and the shot. Beside the #GstReidFrameMeta of
 * what was found, it says how good that is:
 *
 * |[<!-- language="C" -->
 * GstReidTruthMeta *truth = gst_buffer_get_reid_truth_meta (buffer);
 * for (guint i = 0; truth && i < truth->n_faces; i++)
 *   g_print ("person %u at %.3f\n", truth->faces[i].person,
 *       truth->faces[i].left);
 * ]|
 *
 * Since: 0.1
 */
#include "gstreidtruthmeta.h"

#include <gst/video/video.h>

GType
gst_reid_truth_meta_api_get_type (void)
{
  static gsize type = 0;
  /* tagged as GstReidFrameMeta is, and for the same reason */
  static const gchar *tags[] = { GST_META_TAG_VIDEO_STR,
                                 GST_META_TAG_VIDEO_SIZE_STR,
                                 GST_META_TAG_VIDEO_ORIENTATION_STR, NULL };

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, gst_meta_api_type_register ("GstReidTruthMetaAPI", tags));
  return (GType) type;
}

static gboolean
gst_reid_truth_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstReidTruthMeta *self = (GstReidTruthMeta *) meta;

  self->frame = self->shot_frame = 0;
  self->shot = 0;
  self->fade = FALSE;
  self->light = 1;
  self->n_faces = 0;
  self->faces = NULL;
  return TRUE;
}

static void
gst_reid_truth_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  g_free (((GstReidTruthMeta *) meta)->faces);
}

static gboolean
gst_reid_truth_meta_transform (GstBuffer *dest, GstMeta *meta,
                               GstBuffer *buffer, GQuark type, gpointer data)
{
  GstReidTruthMeta *from = (GstReidTruthMeta *) meta, *to;

  if (!GST_META_TRANSFORM_IS_COPY (type)
      && !GST_VIDEO_META_TRANSFORM_IS_SCALE (type))
    return FALSE;
  if (gst_buffer_get_reid_truth_meta (dest))
    return TRUE;
  to = gst_buffer_add_reid_truth_meta (dest);
  if (!to)
    return FALSE;
  to->frame = from->frame;
  to->shot = from->shot;
  to->shot_frame = from->shot_frame;
  to->fade = from->fade;
  to->light = from->light;
  gst_reid_truth_meta_set_faces (to, from->faces, from->n_faces);
  return TRUE;
}

const GstMetaInfo *
gst_reid_truth_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info))
    g_once_init_leave (
        &info, (gsize) gst_meta_register (
                   GST_REID_TRUTH_META_API_TYPE, "GstReidTruthMeta",
                   sizeof (GstReidTruthMeta), gst_reid_truth_meta_init,
                   gst_reid_truth_meta_free, gst_reid_truth_meta_transform));
  return (const GstMetaInfo *) info;
}

/**
 * gst_buffer_get_reid_truth_meta:
 * @buffer: a #GstBuffer
 *
 * Returns: (transfer none) (nullable): the truth meta of @buffer
 *
 * Since: 0.1
 */
GstReidTruthMeta *
gst_buffer_get_reid_truth_meta (GstBuffer *buffer)
{
  return (GstReidTruthMeta *) gst_buffer_get_meta (
      buffer, GST_REID_TRUTH_META_API_TYPE);
}

/**
 * gst_buffer_add_reid_truth_meta:
 * @buffer: (transfer none): a writable #GstBuffer
 *
 * Returns: (transfer none): an empty truth meta, added to @buffer
 *
 * Since: 0.1
 */
GstReidTruthMeta *
gst_buffer_add_reid_truth_meta (GstBuffer *buffer)
{
  return (GstReidTruthMeta *) gst_buffer_add_meta (
      buffer, GST_REID_TRUTH_META_INFO, NULL);
}

/**
 * gst_reid_truth_meta_set_faces:
 * @meta: a truth meta on a writable buffer
 * @faces: (array length=n_faces) (nullable): faces, copied
 * @n_faces: their number
 *
 * Replaces the faces of @meta.
 *
 * Since: 0.1
 */
void
gst_reid_truth_meta_set_faces (GstReidTruthMeta *meta,
                               const GstReidTruthFace *faces, guint n_faces)
{
  GstReidTruthFace *old = meta->faces;

  meta->faces = n_faces ? g_memdup2 (faces, n_faces * sizeof *faces) : NULL;
  meta->n_faces = n_faces;
  g_free (old);
}
