/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreiddetect-batch.h"

#include "gstreidvideo.h"

struct _GstReidDetectBatch {
  GstReidHeldQueue held; /* GstReidDetectHeld */
  guint n_asked;
  /* of one run, kept for the next */
  GArray *frames;     /* GstVideoFrame */
  GArray *images;     /* ReidImage */
  GPtrArray *mapped;  /* the GstReidDetectHeld of each */
  GArray *detections; /* ReidDetection */
};

GstReidDetectBatch *
gst_reid_detect_batch_new (void)
{
  GstReidDetectBatch *batch = g_new0 (GstReidDetectBatch, 1);

  gst_reid_held_queue_init (&batch->held, sizeof (GstReidDetectHeld),
                            (GDestroyNotify) gst_reid_detect_held_free);
  batch->frames = g_array_new (FALSE, FALSE, sizeof (GstVideoFrame));
  batch->images = g_array_new (FALSE, FALSE, sizeof (ReidImage));
  batch->mapped = g_ptr_array_new ();
  batch->detections = g_array_new (FALSE, FALSE, sizeof (ReidDetection));
  return batch;
}

void
gst_reid_detect_batch_free (GstReidDetectBatch *batch)
{
  gst_reid_held_queue_clear (&batch->held);
  g_array_free (batch->frames, TRUE);
  g_array_free (batch->images, TRUE);
  g_ptr_array_free (batch->mapped, TRUE);
  g_array_free (batch->detections, TRUE);
  g_free (batch);
}

GstReidDetectHeld *
gst_reid_detect_batch_add_buffer (GstReidDetectBatch *batch, GstBuffer *buffer,
                                  gboolean asked)
{
  GstReidDetectHeld *held = gst_reid_held_queue_add (&batch->held, buffer);

  held->asked = asked;
  batch->n_asked += asked;
  return held;
}

gboolean
gst_reid_detect_batch_take_tag (GstReidDetectBatch *batch, GstEvent *event)
{
  return gst_reid_held_queue_take_tag (&batch->held, event);
}

guint
gst_reid_detect_batch_buffers (const GstReidDetectBatch *batch)
{
  return batch->held.n_buffers;
}

guint
gst_reid_detect_batch_asked (const GstReidDetectBatch *batch)
{
  return batch->n_asked;
}

static void
fail (GstReidDetectHeld *held, const ReidError *error)
{
  held->error = g_new (ReidError, 1);
  *held->error = *error;
}

static void
map (GstReidDetectBatch *batch, GstReidDetectHeld *held,
     const GstVideoInfo *info)
{
  ReidError error = REID_ERROR_INIT;
  GstVideoFrame frame;
  ReidImage image;

  if (!gst_video_frame_map (&frame, info, held->base.buffer,
                            GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    reid_error_set (&error, REID_ERROR_FORMAT,
                    "A video frame cannot be mapped: it is smaller than its "
                    "caps say");
  } else if (!gst_reid_image_from_frame (&frame, &image)) {
    reid_error_set (&error, REID_ERROR_UNSUPPORTED,
                    "Video of format %s cannot be read",
                    GST_VIDEO_INFO_NAME (info));
    gst_video_frame_unmap (&frame);
  } else {
    g_array_append_val (batch->frames, frame);
    g_array_append_val (batch->images, image);
    g_ptr_array_add (batch->mapped, held);
    return;
  }
  fail (held, &error);
}

static void
keep (GstReidDetectHeld *held, const ReidDetection *detection)
{
  if (detection->error.status != REID_OK) {
    fail (held, &detection->error);
    return;
  }
  held->faces = g_array_sized_new (FALSE, FALSE, sizeof (GstReidFace),
                                   (guint) detection->n_faces);
  g_array_set_size (held->faces, (guint) detection->n_faces);
  for (int i = 0; i < detection->n_faces; i++)
    gst_reid_face_from_kernel (&detection->faces[i],
                               &g_array_index (held->faces, GstReidFace, i));
}

void
gst_reid_detect_batch_run (GstReidDetectBatch *batch, ReidDetector *detector,
                           const GstVideoInfo *info, GstElement *element,
                           GstReidStage *stages)
{
  ReidDetectorTimes before, after;
  guint64 start = reid_clock (), mapped_at;
  guint asked = batch->n_asked, n;

  if (asked == 0)
    return;
  batch->n_asked = 0;
  for (GList *l = batch->held.entries.head; l; l = l->next) {
    GstReidDetectHeld *held = l->data;
    if (held->asked)
      map (batch, held, info);
  }
  n = batch->mapped->len;
  mapped_at = reid_clock ();
  reid_detector_times (detector, &before);
  g_array_set_size (batch->detections, n);
  reid_detector_run_batch (
      detector, (const ReidImage *) (gconstpointer) batch->images->data,
      (int) n, (ReidDetection *) (gpointer) batch->detections->data);
  reid_detector_times (detector, &after);
  for (guint i = 0; i < n; i++)
    keep (g_ptr_array_index (batch->mapped, i),
          &g_array_index (batch->detections, ReidDetection, i));
  for (guint i = 0; i < n; i++)
    gst_video_frame_unmap (&g_array_index (batch->frames, GstVideoFrame, i));
  g_array_set_size (batch->frames, 0);
  g_array_set_size (batch->images, 0);
  g_ptr_array_set_size (batch->mapped, 0);

  gst_reid_stage_add (element, &stages[GST_REID_DETECT_STAGE_MAP],
                      mapped_at - start, asked);
  gst_reid_stage_add (element, &stages[GST_REID_DETECT_STAGE_LETTERBOX],
                      after.letterbox - before.letterbox, n);
  gst_reid_stage_add (element, &stages[GST_REID_DETECT_STAGE_NETWORK],
                      after.network - before.network, n);
  gst_reid_stage_add (element, &stages[GST_REID_DETECT_STAGE_DECODE],
                      after.decode - before.decode, n);
}

GstReidDetectHeld *
gst_reid_detect_batch_pop (GstReidDetectBatch *batch)
{
  GstReidDetectHeld *held = gst_reid_held_queue_pop (&batch->held, 0);

  if (held)
    batch->n_asked -= held->asked && !held->faces && !held->error;
  return held;
}

void
gst_reid_detect_held_free (GstReidDetectHeld *held)
{
  if (held->faces)
    g_array_free (held->faces, TRUE);
  g_free (held->error);
  gst_reid_held_free (&held->base);
}

void
gst_reid_detect_batch_discard (GstReidDetectBatch *batch, GstPad *srcpad)
{
  gst_reid_held_queue_discard (&batch->held, srcpad);
  batch->n_asked = 0;
}
