/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_STAGES_H__
#define __GST_REID_STAGES_H__

#include <gst/gst.h>

G_BEGIN_DECLS

/* What an element's time goes into, stage by stage. One thread at a time. */
typedef struct {
  const gchar *name; /* static */
  guint64 time;      /* wall clock, ns */
  guint64 count;     /* frames, faces, or what else goes through the stage */
} GstReidStage;

/* Counts one run of a stage, and logs it as a record of the tracing subsystem
 * (GST_DEBUG=GST_TRACER:7): "reid-stage, element=reiddetect0, stage=network,
 * time=..., count=...;". */
void gst_reid_stage_add (GstElement *element, GstReidStage *stage, guint64 time,
                         guint64 count);
/* Of all together. */
gdouble gst_reid_stages_seconds (const GstReidStage *stages, guint n);
void gst_reid_stages_reset (GstReidStage *stages, guint n);

G_END_DECLS

#endif /* __GST_REID_STAGES_H__ */
