/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_ONLINE_H__
#define __GST_REID_CLUSTER_ONLINE_H__

#include <gst/reid/reid.h>

#include "cluster/cluster.h"

G_BEGIN_DECLS

/* Names people while the stream runs: which tracks live, whom they were named
 * as, and who is on screen. Bounded memory. One thread at a time.
 *
 * A name hangs only on the tracklets, in their order, and on the frames up to
 * each one's last: so that it is the same in every run, however long a
 * tracklet waited for its batch. */
typedef struct _GstReidOnline GstReidOnline;

/* Somebody came or went. */
typedef struct {
  gboolean came; /* else went */
  guint32 identity;
  guint32 track; /* the one that it was seen by */
  GstClockTime time;
  gfloat similarity;
  gboolean is_new; /* never seen before */
} GstReidPresence;

GstReidOnline *gst_reid_online_new (void);
/* How people are told apart; before the first tracklet with vectors, since a
 * tracklet tells what its network's similarities mean. Frames may come before,
 * and count. */
void gst_reid_online_set_params (GstReidOnline *online,
                                 const ReidGalleryParams *params);
void gst_reid_online_free (GstReidOnline *online);
/* Notes who shares the frame, and writes identity and similarity into the
 * faces of tracks that have a name. */
void gst_reid_online_frame (GstReidOnline *online, GstReidFrameMeta *meta);
/* An interim or final tracklet. *identity receives its name, 0 while pending.
 */
gboolean gst_reid_online_tracklet (GstReidOnline *online,
                                   const GstReidTracklet *tracklet,
                                   guint32 *identity, ReidError *error);
/* The next change of presence, oldest first; FALSE when there is none. */
gboolean gst_reid_online_next (GstReidOnline *online,
                               GstReidPresence *presence);
/* Everybody goes: EOS. */
void gst_reid_online_close (GstReidOnline *online);
/* Another stream: everybody goes, and its tracks are others, but the people
 * are still known. */
void gst_reid_online_restart (GstReidOnline *online);
/* Tracks that live or wait for their last tracklet. */
guint gst_reid_online_n_live (const GstReidOnline *online);
/* A GST_TYPE_LIST of structures like those of gst_reid_people_to_value(),
 * without the lists of tracks: the people who are remembered. */
void gst_reid_online_to_value (const GstReidOnline *online, GValue *list);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_ONLINE_H__ */
