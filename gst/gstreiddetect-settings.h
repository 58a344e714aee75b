/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_DETECT_SETTINGS_H__
#define __GST_REID_DETECT_SETTINGS_H__

#include <gst/gst.h>

#include "detect/detect.h"

G_BEGIN_DECLS

/* reiddetect's properties. The caller locks where two threads may come. */
typedef struct {
  gchar *model, *device;
  gint precision;
  guint memory_limit;
  gfloat threshold, nms_threshold;
  guint inference_interval, inference_size, min_size, threads, batch_size;
} GstReidDetectSettings;

void gst_reid_detect_settings_install (GObjectClass *klass);
void gst_reid_detect_settings_init (GstReidDetectSettings *settings);
void gst_reid_detect_settings_clear (GstReidDetectSettings *settings);
/* FALSE for an id that is none of its own. */
gboolean gst_reid_detect_settings_set (GstReidDetectSettings *settings,
                                       guint id, const GValue *value);
gboolean gst_reid_detect_settings_get (const GstReidDetectSettings *settings,
                                       guint id, GValue *value);

/* What they mean for the detector; its device is left to the caller. */
void gst_reid_detect_settings_to_options (const GstReidDetectSettings *settings,
                                          ReidDetectorOptions *options);

G_END_DECLS

#endif /* __GST_REID_DETECT_SETTINGS_H__ */
