/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define GST_USE_UNSTABLE_API
#include "gstreidstages.h"

#ifndef GST_DISABLE_GST_TRACER_HOOKS
#include <gst/gsttracerrecord.h>

/* The category is of the core, which makes it when it makes its first record;
 * the class of these is logged then, as readers of such logs expect. */
static GstTracerRecord *
stage_record (void)
{
  static GstTracerRecord *record;
  static gsize made;

  if (g_once_init_enter (&made)) {
    record = gst_tracer_record_new (
        "reid-stage.class", "element", GST_TYPE_STRUCTURE,
        gst_structure_new ("scope", "type", G_TYPE_GTYPE, G_TYPE_STRING,
                           "related-to", GST_TYPE_TRACER_VALUE_SCOPE,
                           GST_TRACER_VALUE_SCOPE_ELEMENT, NULL),
        "stage", GST_TYPE_STRUCTURE,
        gst_structure_new ("value", "type", G_TYPE_GTYPE, G_TYPE_STRING,
                           "description", G_TYPE_STRING,
                           "part of the element's work", NULL),
        "time", GST_TYPE_STRUCTURE,
        gst_structure_new ("value", "type", G_TYPE_GTYPE, G_TYPE_UINT64,
                           "description", G_TYPE_STRING,
                           "what this run of it took, in ns", "min",
                           G_TYPE_UINT64, G_GUINT64_CONSTANT (0), "max",
                           G_TYPE_UINT64, G_MAXUINT64, NULL),
        "count", GST_TYPE_STRUCTURE,
        gst_structure_new ("value", "type", G_TYPE_GTYPE, G_TYPE_UINT64,
                           "description", G_TYPE_STRING,
                           "frames, faces or tracks that it took", "min",
                           G_TYPE_UINT64, G_GUINT64_CONSTANT (0), "max",
                           G_TYPE_UINT64, G_MAXUINT64, NULL),
        NULL);
    GST_OBJECT_FLAG_SET (record, GST_OBJECT_FLAG_MAY_BE_LEAKED);
    g_once_init_leave (&made, 1);
  }
  return record;
}

static void
log_stage (GstElement *element, const GstReidStage *stage, guint64 time,
           guint64 count)
{
  gchar *name;

  if (_gst_debug_min < GST_LEVEL_TRACE)
    return;
  name = gst_object_get_name (GST_OBJECT (element));
  gst_tracer_record_log (stage_record (), name, stage->name, time, count);
  g_free (name);
}
#else
static void
log_stage (GstElement *element, const GstReidStage *stage, guint64 time,
           guint64 count)
{
}
#endif

void
gst_reid_stage_add (GstElement *element, GstReidStage *stage, guint64 time,
                    guint64 count)
{
  stage->time += time;
  stage->count += count;
  log_stage (element, stage, time, count);
}

gdouble
gst_reid_stages_seconds (const GstReidStage *stages, guint n)
{
  guint64 time = 0;

  for (guint i = 0; i < n; i++)
    time += stages[i].time;
  return (gdouble) time * 1e-9;
}

void
gst_reid_stages_reset (GstReidStage *stages, guint n)
{
  for (guint i = 0; i < n; i++)
    stages[i].time = stages[i].count = 0;
}
