/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRACK_SETTINGS_H__
#define __GST_REID_TRACK_SETTINGS_H__

#include "gstreidtrack-tracks.h"
#include "shots/shots.h"

G_BEGIN_DECLS

/* reidtrack's properties. The caller locks where two threads may come. */
typedef struct {
  ReidShotOptions shots;
  GstReidTracksOptions tracks;
} GstReidTrackSettings;

void gst_reid_track_settings_install (GObjectClass *klass);
void gst_reid_track_settings_init (GstReidTrackSettings *settings);
/* FALSE for an id that is none of its own. */
gboolean gst_reid_track_settings_set (GstReidTrackSettings *settings, guint id,
                                      const GValue *value);
gboolean gst_reid_track_settings_get (const GstReidTrackSettings *settings,
                                      guint id, GValue *value);

G_END_DECLS

#endif /* __GST_REID_TRACK_SETTINGS_H__ */
