/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_LOST_H__
#define __GST_REID_CLUSTER_LOST_H__

#include <gst/reid/gstreidtracklet.h>

G_BEGIN_DECLS

/* The tracklets that reidtrack sent and that never came, by their serial
 * numbers. Used by the streaming thread. */
typedef struct {
  guint64 serial, lost;
  gboolean tracked_by_reidtrack, sent_is_known;
  guint64 sent; /* as reidtrack says */
} GstReidLost;

/* None has come. */
void gst_reid_lost_init (GstReidLost *lost);
/* Serial numbers begin anew. */
void gst_reid_lost_restart (GstReidLost *lost);
/* What an element upstream says of itself, and what at its EOS. */
void gst_reid_lost_info (GstReidLost *lost, const gchar *factory);
void gst_reid_lost_stats (GstReidLost *lost, GstEvent *event);
/* The next two are TRUE when more are lost than was known. */
gboolean gst_reid_lost_tracklet (GstReidLost *lost,
                                 const GstReidTracklet *tracklet);
gboolean gst_reid_lost_eos (GstReidLost *lost);
/* How many, through whom and what to do, for g_free(). */
gchar *gst_reid_lost_message (const GstReidLost *lost, GstPad *sinkpad);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_LOST_H__ */
