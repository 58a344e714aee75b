/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_RUN_H__
#define __GST_REID_CLUSTER_RUN_H__

#include <gst/gst.h>

#include "gstreidstages.h"

G_BEGIN_DECLS

/* What is told of a run: counts, speed, how each element was set and how long
 * it worked; for the reid-progress messages and for run.json. Locked inside.
 */
typedef struct _GstReidRun GstReidRun;

typedef struct {
  guint64 frames, detected, faces, tracks, shots;
  guint identities;
} GstReidCounts;

GstReidRun *gst_reid_run_new (void);
void gst_reid_run_free (GstReidRun *run);
void gst_reid_run_position (GstReidRun *run, GstClockTime start,
                            GstClockTime end);
/* Copies. */
void gst_reid_run_info (GstReidRun *run, const gchar *factory,
                        const GstStructure *info);
/* Copies. At most GST_REID_RUN_STAGES stages are kept. */
#define GST_REID_RUN_STAGES 16
void gst_reid_run_stats (GstReidRun *run, const gchar *factory, gdouble seconds,
                         guint64 count, const GstReidStage *stages,
                         guint n_stages);
/* Whether `interval` has passed since the last time this said so. */
gboolean gst_reid_run_progress_due (GstReidRun *run, GstClockTime interval);
/* The structure of a reid-progress message. */
GstStructure *gst_reid_run_progress (GstReidRun *run,
                                     const GstReidCounts *counts);
/* The text of run.json; free with free(). */
gchar *gst_reid_run_to_json (GstReidRun *run, const GstReidCounts *counts,
                             gboolean partial);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_RUN_H__ */
