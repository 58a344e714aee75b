/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRACK_TRACKS_H__
#define __GST_REID_TRACK_TRACKS_H__

#include <gst/reid/gstreidtracklet.h>

#include "image/image.h"
#include "track/track.h"

G_BEGIN_DECLS

/* What reidtrack knows of the tracks of one stream: the tracker of kernels/,
 * the best pictures of each live track, and the tracks that are to be reported
 * as tracklets, in order. Used by one thread at a time. */

typedef struct {
  ReidTrackerOptions tracker;
  /* Detections of at least tracker.high_score: fewer are not reported. */
  guint min_length;
  gfloat min_score; /* and their mean score below which it is not */
  guint top_n;      /* these two hold for tracks that begin from now on */
  gboolean diverse;
} GstReidTracksOptions;

/* The frame that is shown; duration is not GST_CLOCK_TIME_NONE. */
typedef struct {
  guint64 number;
  GstClockTime time, duration;
  guint32 segment, shot;
} GstReidTracksFrame;

typedef struct _GstReidTracks GstReidTracks;

/* NULL when memory ends. */
GstReidTracks *gst_reid_tracks_new (const GstReidTracksOptions *options);
void gst_reid_tracks_free (GstReidTracks *tracks);
void gst_reid_tracks_configure (GstReidTracks *tracks,
                                const GstReidTracksOptions *options);

/* A frame on which a detector ran: sets track_id and quality of its faces.
 * *pixel_time: of the time that this took, the ns that went into looking at the
 * faces, for their quality and their pictures. */
gboolean gst_reid_tracks_update (GstReidTracks *tracks, const ReidImage *image,
                                 const GstReidTracksFrame *frame,
                                 GstReidFace *faces, guint n_faces,
                                 guint64 *pixel_time, ReidError *error);
/* A frame on which none did. */
void gst_reid_tracks_skip (GstReidTracks *tracks);
/* Ends every live track. */
void gst_reid_tracks_close (GstReidTracks *tracks, GstReidTrackEnd end);
/* Marks the live tracks that have lived for interval since they began, or by
 * half longer than when they were last reported, to be reported. */
void gst_reid_tracks_interim (GstReidTracks *tracks, GstClockTime interval);

/* Ended tracks reported so far. */
guint64 gst_reid_tracks_reported (const GstReidTracks *tracks);
/* Number of tracks to be reported, and the tracklet of the first of them. */
guint gst_reid_tracks_waiting (const GstReidTracks *tracks);
GstReidTracklet *gst_reid_tracks_pop (GstReidTracks *tracks);

G_END_DECLS

#endif /* __GST_REID_TRACK_TRACKS_H__ */
