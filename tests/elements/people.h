/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_PEOPLE_H
#define REID_TEST_PEOPLE_H

/* What the tests of reidcluster share: vectors of people that are made by
 * hand, and how to read its messages. */

#include "tracklets.h"

#define CAPS "video/x-raw,format=RGB,width=32,height=16,framerate=25/1"
#define DIMS 32

typedef struct {
  GstHarness *h;
  Record record;
  GstBus *bus;
} Fixture;

/* Takes the element. */
static inline void
fixture_open_element (Fixture *f, GstElement *e)
{
  GstPad *pad;

  gst_object_ref_sink (e);
  f->bus = gst_bus_new ();
  gst_element_set_bus (e, f->bus);
  f->h = gst_harness_new_with_element (e, "sink", "src");
  pad = gst_element_get_static_pad (e, "src");
  record_init (&f->record, pad);
  gst_object_unref (pad);
  gst_object_unref (e);
}

static inline void
fixture_open_plain (Fixture *f, const gchar *location)
{
  GstElement *e = gst_element_factory_make ("reidcluster", NULL);

  g_object_set (e, "location", location, NULL);
  fixture_open_element (f, e);
}

static inline void
fixture_open (Fixture *f, const gchar *location)
{
  fixture_open_plain (f, location);
  gst_harness_set_src_caps_str (f->h, CAPS);
}

static inline void
fixture_close (Fixture *f)
{
  gst_element_set_state (f->h->element, GST_STATE_NULL);
  gst_element_set_bus (f->h->element, NULL);
  record_free (&f->record);
  gst_harness_teardown (f->h);
  gst_object_unref (f->bus);
  CHECK_MSG (gst_reid_chip_bytes () == 0,
             "%" G_GUINT64_FORMAT " bytes of chips", gst_reid_chip_bytes ());
}

/* ---- frames */

static inline GstBuffer *
faces_buffer (guint64 frame, guint n, const guint32 *tracks)
{
  GstBuffer *b = gst_buffer_new_allocate (NULL, 32 * 16 * 3, NULL);
  GstReidFace faces[16];
  GstReidFrameMeta *meta;

  gst_buffer_memset (b, 0, 0, 32 * 16 * 3);
  GST_BUFFER_PTS (b) = frame * 40 * GST_MSECOND;
  GST_BUFFER_DURATION (b) = 40 * GST_MSECOND;
  for (guint i = 0; i < n; i++) {
    faces[i] = elements_face (.05 * i, .1, .04, .08);
    faces[i].track_id = tracks[i];
    faces[i].quality = .5f;
  }
  meta = elements_add_meta (b, frame, GST_REID_FRAME_DETECTED, faces, n);
  meta->display_width = 32;
  meta->display_height = 16;
  meta->tracked = TRUE;
  meta->shot = frame >= 30;
  meta->shot_start = frame == 30;
  return b;
}

static inline GstFlowReturn
push_faces (Fixture *f, guint64 frame, guint n, const guint32 *tracks)
{
  return gst_harness_push (f->h, faces_buffer (frame, n, tracks));
}

static inline GstFlowReturn
push_face (Fixture *f, guint64 frame, guint32 track)
{
  return push_faces (f, frame, 1, &track);
}

static inline void
push_info (Fixture *f, const gchar *factory, const gchar *key,
           const gchar *value)
{
  gchar *name = g_strconcat ("reid-info-", factory, NULL);

  gst_harness_push_event (
      f->h, gst_event_new_custom (
                GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                gst_structure_new (name, key, G_TYPE_STRING, value, NULL)));
  g_free (name);
}

/* ---- tracklets with vectors */

/* How they are made, until set otherwise. */
static guint made_dims = DIMS, made_side = 16;
static const gchar *made_version = "v1";
static gfloat made_quality = .8f;

/* Two people have nothing in common: axis `person`. */
static inline void
person_vector (guint person, gfloat *v)
{
  memset (v, 0, made_dims * sizeof *v);
  v[person % made_dims] = 1;
}

static inline GstReidTracklet *
vector_tracklet (guint32 track, const gfloat *vector, guint64 serial,
                 guint64 first, guint64 last, GstReidTrackEnd end)
{
  enum { CHIPS = 2 };
  GstReidTracklet t = { 0 }, *bare, *made;
  GstReidChip **chips = g_new (GstReidChip *, CHIPS);
  gfloat *vectors = g_new (gfloat, CHIPS * made_dims);

  t.track_id = track;
  t.serial = serial;
  t.shot = first >= 30;
  t.first_frame = first;
  t.last_frame = last;
  t.start_time = first * 40 * GST_MSECOND;
  t.end_time = (last + 1) * 40 * GST_MSECOND;
  t.n_detections = (guint32) (last - first + 1);
  t.end = end;
  for (guint i = 0; i < CHIPS; i++) {
    chips[i] = person_chip (track, track * 10 + i, made_side, TRUE);
    chips[i]->quality = made_quality > 0 ? made_quality - .01f * (gfloat) i : 0;
    memcpy (vectors + i * made_dims, vector, made_dims * sizeof *vector);
  }
  bare = gst_reid_tracklet_new_take (&t, chips, CHIPS);
  made = gst_reid_tracklet_with_embeddings (bare, vectors, made_dims, "by-hand",
                                            "0123", made_version, TRUE, .5f);
  gst_reid_tracklet_unref (bare);
  return made;
}

static inline gboolean
push_vector (Fixture *f, guint32 track, const gfloat *vector, guint64 serial,
             guint64 first, guint64 last, GstReidTrackEnd end)
{
  GstReidTracklet *t =
      vector_tracklet (track, vector, serial, first, last, end);
  gboolean ok = gst_harness_push_event (f->h, gst_event_new_reid_tracklet (t));

  gst_reid_tracklet_unref (t);
  return ok;
}

/* A final tracklet of somebody; its serial is its track's number. */
static inline gboolean
push_track (Fixture *f, guint32 track, guint person, guint64 first,
            guint64 last, GstReidTrackEnd end)
{
  gfloat v[DIMS];

  person_vector (person, v);
  return push_vector (f, track, v, end == GST_REID_TRACK_END_NONE ? 0 : track,
                      first, last, end);
}

/* A vector of that cosine to axis `person`. */
static inline void
similar_vector (guint person, gdouble cosine, gfloat *v)
{
  person_vector (person, v);
  v[person % made_dims] = (gfloat) cosine;
  v[(person + 16) % made_dims] = (gfloat) sqrt (1 - cosine * cosine);
}

static inline void
push_similar (Fixture *f, guint32 track, guint person, gdouble cosine)
{
  gfloat v[DIMS];

  similar_vector (person, cosine, v);
  push_vector (f, track, v, track, track, track, GST_REID_TRACK_END_EOS);
}

/* Sixty frames in two shots: tracks 1 to 6, ten frames each, of persons
 * a b a c b a. */
static inline void
play_episode (Fixture *f)
{
  static const guint persons[] = { 0, 1, 0, 2, 1, 0 };

  for (guint i = 0; i < 60; i++) {
    guint32 track = i / 10 + 1;
    push_face (f, i, track);
    if (i % 10 == 9)
      push_track (f, track, persons[track - 1], i - 9, i,
                  i == 59   ? GST_REID_TRACK_END_EOS
                  : i == 29 ? GST_REID_TRACK_END_CUT
                            : GST_REID_TRACK_END_GAP);
  }
}

/* ---- the reid-identities message */

static inline const GValue *
identities_of (GstMessage *m)
{
  return gst_structure_get_value (gst_message_get_structure (m), "identities");
}

static inline guint
people_in (GstMessage *m)
{
  return gst_value_list_get_size (identities_of (m));
}

static inline const GstStructure *
person_at (GstMessage *m, guint i)
{
  return g_value_get_boxed (gst_value_list_get_value (identities_of (m), i));
}

static inline gboolean
is_partial (GstMessage *m)
{
  gboolean partial = FALSE;

  gst_structure_get_boolean (gst_message_get_structure (m), "partial",
                             &partial);
  return partial;
}

static inline guint
person_of_track (GstMessage *m, guint32 track)
{
  for (guint i = 0; i < people_in (m); i++) {
    const GstStructure *p = person_at (m, i);
    const GValue *tracks = gst_structure_get_value (p, "tracks");
    guint id = 0;
    gst_structure_get_uint (p, "id", &id);
    for (guint j = 0; j < gst_value_list_get_size (tracks); j++)
      if (g_value_get_uint (gst_value_list_get_value (tracks, j)) == track)
        return id;
  }
  return 0;
}

#endif /* REID_TEST_PEOPLE_H */
