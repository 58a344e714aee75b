/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRACKLET_H__
#define __GST_REID_TRACKLET_H__

#include <gst/reid/gstreidframemeta.h>

G_BEGIN_DECLS

/**
 * GstReidChip:
 * @width: pixels, at most 256
 * @height: pixels, at most 256
 * @rgb: (array): packed RGB, 8 bits, stride 3 * @width
 * @frame: number of the frame it was cut from
 * @time: stream time of that frame, or %GST_CLOCK_TIME_NONE
 * @face: the face, as fractions of the frame
 * @box: (array fixed-size=4): left, top, width, height in pixels of the chip
 * @landmarks: (array fixed-size=10): the landmarks in pixels of the chip, set
 *   where @face has landmarks
 * @score: quality terms, each 0 to 1: the detector's score,
 * @size: size,
 * @sharpness: sharpness,
 * @frontalness: frontalness,
 * @exposure: exposure,
 * @quality: and their geometric mean
 *
 * A face with a margin around it, cut from its frame. Immutable and reference
 * counted.
 *
 * Since: 0.1
 */
typedef struct _GstReidChip GstReidChip;
struct _GstReidChip {
  /*< private >*/
  gint ref_count;

  /*< public >*/
  guint width, height;
  guint8 *rgb;
  guint64 frame;
  GstClockTime time;
  GstReidFace face;
  gfloat box[4], landmarks[10];
  gfloat score, size, sharpness, frontalness, exposure, quality;
};

#define GST_TYPE_REID_CHIP (gst_reid_chip_get_type ())
GST_REID_API GType gst_reid_chip_get_type (void);
/* A copy of *values that takes over rgb, which must come from malloc(). */
GST_REID_API GstReidChip *gst_reid_chip_new_take (const GstReidChip *values);
GST_REID_API GstReidChip *gst_reid_chip_ref (GstReidChip *chip);
GST_REID_API void gst_reid_chip_unref (GstReidChip *chip);

/**
 * GstReidTrackEnd:
 * @GST_REID_TRACK_END_GAP: the face was not seen for max-gap frames
 * @GST_REID_TRACK_END_CUT: the shot ended
 * @GST_REID_TRACK_END_EOS: the stream ended
 * @GST_REID_TRACK_END_SEGMENT: a seek, loop, flush or gap in the stream
 * @GST_REID_TRACK_END_STOPPED: the pipeline was taken down
 * @GST_REID_TRACK_END_NONE: the track still lives (an interim tracklet)
 *
 * Since: 0.1
 */
typedef enum {
  GST_REID_TRACK_END_GAP,
  GST_REID_TRACK_END_CUT,
  GST_REID_TRACK_END_EOS,
  GST_REID_TRACK_END_SEGMENT,
  GST_REID_TRACK_END_STOPPED,
  GST_REID_TRACK_END_NONE
} GstReidTrackEnd;

#define GST_TYPE_REID_TRACK_END (gst_reid_track_end_get_type ())
GST_REID_API GType gst_reid_track_end_get_type (void);

/**
 * GstReidTracklet:
 * @track_id: number of the track, from 1 in each stream
 * @serial: number of this tracklet among the final ones of its stream, from 1,
 *   without gaps, so that a lost one is noticed; 0 for an interim one
 * @segment: segment serial of the frame meta
 * @shot: number of the shot
 * @first_frame: first frame it was seen on
 * @last_frame: last frame it was seen on
 * @start_time: stream time of the first frame
 * @end_time: end (time + duration) of the last frame
 * @n_detections: frames on which it was seen
 * @end: why it ended
 * @n_chips: number of @chips
 * @chips: (array length=n_chips): its best pictures, in falling quality
 * @dims: length of one embedding, 0 before reidembed
 * @embeddings: (array): @n_chips rows of @dims floats, in the order of @chips;
 *   %NULL before reidembed
 * @model: name of the network that made them, or %NULL; of several, with
 *   commas between them
 * @model_sha256: SHA-256 of its file, or %NULL; of several likewise
 * @version: version of the vectors: those of two versions must not be
 *   compared; %NULL = unknown
 * @normalized: whether each row has length 1
 * @threshold: cosine similarity from which the network's authors, or its
 *   .modelinfo, call two tracks one person; NAN = unknown
 *
 * One face followed through one shot. Immutable and reference counted: a tee
 * hands both branches the same one, and an element that adds to one sends a
 * new one.
 *
 * Since: 0.1
 */
typedef struct _GstReidTracklet GstReidTracklet;
struct _GstReidTracklet {
  /*< private >*/
  gint ref_count;

  /*< public >*/
  guint32 track_id;
  guint64 serial;
  guint32 segment;
  guint32 shot;
  guint64 first_frame, last_frame;
  GstClockTime start_time, end_time;
  guint32 n_detections;
  GstReidTrackEnd end;
  guint n_chips;
  GstReidChip **chips;
  guint dims;
  gfloat *embeddings;
  gchar *model, *model_sha256, *version;
  gboolean normalized;
  gfloat threshold;
};

#define GST_TYPE_REID_TRACKLET (gst_reid_tracklet_get_type ())
GST_REID_API GType gst_reid_tracklet_get_type (void);

/* A copy of the numbers in *values; chips is an array of n_chips pointers from
 * g_new() and is taken over with its references. Embeddings are left out. */
GST_REID_API GstReidTracklet *
gst_reid_tracklet_new_take (const GstReidTracklet *values, GstReidChip **chips,
                            guint n_chips);
/* The same tracklet with vectors; embeddings are from g_new() and taken over.
 */
GST_REID_API GstReidTracklet *gst_reid_tracklet_with_embeddings (
    const GstReidTracklet *tracklet, gfloat *embeddings, guint dims,
    const gchar *model, const gchar *model_sha256, const gchar *version,
    gboolean normalized, gfloat threshold);
GST_REID_API GstReidTracklet *gst_reid_tracklet_ref (GstReidTracklet *tracklet);
GST_REID_API void gst_reid_tracklet_unref (GstReidTracklet *tracklet);
/* Bytes of pixels in its chips. */
GST_REID_API gsize
gst_reid_tracklet_get_bytes (const GstReidTracklet *tracklet);

/* The serialized downstream event "reid-tracklet" that carries a tracklet
 * (a reference is taken). */
GST_REID_API GstEvent *gst_event_new_reid_tracklet (GstReidTracklet *tracklet);
/* The tracklet of such an event, valid as long as the event; NULL for any
 * other event. */
GST_REID_API GstReidTracklet *gst_event_get_reid_tracklet (GstEvent *event);

/* The custom upstream event with which an element asks reidtrack to report
 * tracks that still live: a first time after @interval of track life, then
 * each time that the track has grown by half. */
GST_REID_API GstEvent *gst_event_new_reid_interim (GstClockTime interval);
GST_REID_API gboolean gst_event_parse_reid_interim (GstEvent *event,
                                                    GstClockTime *interval);

/* Chip pixels that live in the process, in bytes; what a producer waits on. */
GST_REID_API guint64 gst_reid_chip_bytes (void);
#define GST_REID_CHIP_BUDGET (G_GUINT64_CONSTANT (128) << 20)
/* Waits until fewer than GST_REID_CHIP_BUDGET bytes live, *cancel is set, or
 * timeout (us) has passed. gst_reid_chip_budget_wake() after setting a cancel
 * flag. Returns whether there is room. */
GST_REID_API gboolean gst_reid_chip_budget_wait (const gint *cancel,
                                                 gint64 timeout);
GST_REID_API void gst_reid_chip_budget_wake (void);

G_END_DECLS

#endif /* __GST_REID_TRACKLET_H__ */
