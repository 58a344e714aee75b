/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_DETECT_BATCH_H__
#define __GST_REID_DETECT_BATCH_H__

#include "detect/detect.h"
#include "gstreidheld.h"
#include "gstreidstages.h"

G_BEGIN_DECLS

/* The frames that reiddetect holds until there are enough of them for one run
 * of the network, and the events that keep their place among them. Used by one
 * thread at a time. */

/* Frames that may wait, whatever the interval between those to be detected. */
#define GST_REID_DETECT_MOST_HELD 64

typedef struct {
  GstReidHeld base;
  /* as numbered when it came */
  guint64 frame;
  guint32 segment;
  GstClockTime stream_time;

  gboolean asked;   /* the network shall see it */
  ReidError *error; /* it was asked and nothing is known; else NULL */
  GArray *faces;    /* GstReidFace, of one that it saw; else NULL */
} GstReidDetectHeld;

typedef struct _GstReidDetectBatch GstReidDetectBatch;

enum {
  GST_REID_DETECT_STAGE_MAP,
  GST_REID_DETECT_STAGE_LETTERBOX,
  GST_REID_DETECT_STAGE_NETWORK,
  GST_REID_DETECT_STAGE_DECODE,
  GST_REID_DETECT_STAGES
};

GstReidDetectBatch *gst_reid_detect_batch_new (void);
void gst_reid_detect_batch_free (GstReidDetectBatch *batch);

/* Takes the buffer over; the caller fills in what the new entry tells of it. */
GstReidDetectHeld *gst_reid_detect_batch_add_buffer (GstReidDetectBatch *batch,
                                                     GstBuffer *buffer,
                                                     gboolean asked);
/* See gst_reid_held_queue_take_tag(). */
gboolean gst_reid_detect_batch_take_tag (GstReidDetectBatch *batch,
                                         GstEvent *event);
guint gst_reid_detect_batch_buffers (const GstReidDetectBatch *batch);
/* Those of them that the network has yet to see. */
guint gst_reid_detect_batch_asked (const GstReidDetectBatch *batch);

/* Detects on all that were asked; stages has GST_REID_DETECT_STAGES entries. */
void gst_reid_detect_batch_run (GstReidDetectBatch *batch,
                                ReidDetector *detector,
                                const GstVideoInfo *info, GstElement *element,
                                GstReidStage *stages);

/* The oldest, for gst_reid_detect_held_free(), or NULL. */
GstReidDetectHeld *gst_reid_detect_batch_pop (GstReidDetectBatch *batch);
void gst_reid_detect_held_free (GstReidDetectHeld *held);
/* See gst_reid_held_queue_discard(). */
void gst_reid_detect_batch_discard (GstReidDetectBatch *batch, GstPad *srcpad);

G_END_DECLS

#endif /* __GST_REID_DETECT_BATCH_H__ */
