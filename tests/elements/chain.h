/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_CHAIN_H
#define REID_TEST_CHAIN_H

/* An episode that is drawn, whole chains that watch it on tiny networks, and
 * how right they were. */

#include "networks.h"

#include <gst/app/gstappsrc.h>

#define CHAIN_WIDTH 320
#define CHAIN_HEIGHT 240
#define CHAIN_FRAMES 160
#define CHAIN_FACE 48
#define CHAIN_CUT 60

/* Who is where, and when: four people, most of them twice or more, on two
 * sides of a cut. */
typedef struct {
  guint person, x, y, from, to;
} Appearance;

static const Appearance appearances[] = {
  { 1, 50, 100, 0, 25 },    { 2, 220, 100, 0, 25 },  { 3, 60, 60, 33, 55 },
  { 1, 210, 90, 60, 85 },   { 4, 60, 120, 60, 85 },  { 2, 70, 80, 93, 118 },
  { 3, 200, 120, 93, 118 }, { 1, 50, 70, 126, 155 }, { 4, 220, 90, 126, 155 },
};

static inline GstBuffer *
chain_frame (guint n)
{
  gsize size = CHAIN_WIDTH * CHAIN_HEIGHT * 3;
  GstBuffer *b = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (b, &map, GST_MAP_WRITE);
  for (guint i = 0; i < size; i += 3) {
    map.data[i] = n < CHAIN_CUT ? 10 : 70;
    map.data[i + 1] = n < CHAIN_CUT ? 20 : 60;
    map.data[i + 2] = n < CHAIN_CUT ? 70 : 10;
  }
  for (gsize k = 0; k < G_N_ELEMENTS (appearances); k++) {
    const Appearance *a = &appearances[k];
    if (n < a->from || n >= a->to)
      continue;
    for (guint y = 0; y < CHAIN_FACE; y++)
      for (guint x = 0; x < CHAIN_FACE; x++) {
        guint8 *p = map.data
                    + ((gsize) (a->y + y) * CHAIN_WIDTH + a->x + n % 3 + x) * 3;
        person_colour (a->person, x * 4 / CHAIN_FACE, y * 4 / CHAIN_FACE, p);
        for (guint c = 0; c < 3; c++)
          p[c] = (guint8) (p[c] + elements_hash (n, x * 3 + c, y) % 12);
      }
  }
  gst_buffer_unmap (b, &map);
  GST_BUFFER_PTS (b) = n * 40 * GST_MSECOND;
  GST_BUFFER_DURATION (b) = 40 * GST_MSECOND;
  return b;
}

/* The person at that place, 0 = nobody. */
static inline guint
person_at_place (guint64 frame, const GstReidFace *face)
{
  gdouble x = (face->left + face->width / 2) * CHAIN_WIDTH;
  gdouble y = (face->top + face->height / 2) * CHAIN_HEIGHT;

  for (gsize k = 0; k < G_N_ELEMENTS (appearances); k++) {
    const Appearance *a = &appearances[k];
    if (frame >= a->from && frame < a->to
        && fabs (x - a->x - CHAIN_FACE / 2.) < CHAIN_FACE / 2.
        && fabs (y - a->y - CHAIN_FACE / 2.) < CHAIN_FACE / 2.)
      return a->person;
  }
  return 0;
}

/* ---- a run */

typedef struct {
  guint track, truth, identity;
} ChainTrack;

typedef struct {
  GArray *tracks; /* ChainTrack, by the tracklets that reached reidcluster */
  GMutex lock;
  guint people;
  gboolean partial, identities_told;
  guint came, went, named_before_eos, twice_in_a_frame, wrong_names;
  guint sessions;
  guint stages, wrong_stages; /* of the elements' times */
  gchar *error, *warning;     /* the first of each, "" = none */
} ChainResult;

/* No stage took longer than its element, nor all together; each has a count. */
static inline void
chain_take_stats (ChainResult *r, const GstStructure *s)
{
  const GValue *stages = gst_structure_get_value (s, "stages");
  const gchar *element = gst_structure_get_string (s, "element");
  gdouble seconds = 0;
  guint64 count = 0, sum = 0, time, n;

  gst_structure_get (s, "seconds", G_TYPE_DOUBLE, &seconds, "count",
                     G_TYPE_UINT64, &count, NULL);
  for (guint i = 0; stages && i < gst_value_array_get_size (stages); i++) {
    const GstStructure *stage =
        gst_value_get_structure (gst_value_array_get_value (stages, i));
    r->stages++;
    time = n = 0;
    gst_structure_get (stage, "time", G_TYPE_UINT64, &time, "count",
                       G_TYPE_UINT64, &n, NULL);
    sum += time;
    /* faces where it looks at faces, else what the element counts */
    if (n == 0
        || (n != count
            && g_strcmp0 (gst_structure_get_string (stage, "name"), "chips")))
      r->wrong_stages++;
  }
  if (count == 0 || sum == 0 || (gdouble) sum > seconds * 1e9 + 1e3
      || (!g_strcmp0 (element, "reiddetect") && count != CHAIN_FRAMES))
    r->wrong_stages++;
}

static inline GstPadProbeReturn
chain_sink_probe (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  ChainResult *r = data;
  GstReidTracklet *t =
      gst_event_get_reid_tracklet (GST_PAD_PROBE_INFO_EVENT (info));
  const GstStructure *s =
      gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));

  if (s && gst_structure_has_name (s, "reid-stats"))
    chain_take_stats (r, s);
  if (t && t->end != GST_REID_TRACK_END_NONE) {
    ChainTrack track = { t->track_id, 0, 0 };
    if (t->n_chips > 0)
      track.truth = person_at_place (t->chips[0]->frame, &t->chips[0]->face);
    g_mutex_lock (&r->lock);
    g_array_append_val (r->tracks, track);
    g_mutex_unlock (&r->lock);
  }
  return GST_PAD_PROBE_OK;
}

static inline GstPadProbeReturn
chain_src_probe (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstReidFrameMeta *m =
      gst_buffer_get_reid_frame_meta (GST_PAD_PROBE_INFO_BUFFER (info));
  ChainResult *r = data;

  g_mutex_lock (&r->lock);
  for (guint i = 0; m && i < m->n_faces; i++) {
    r->named_before_eos += m->faces[i].identity != 0;
    for (guint j = 0; j < i; j++)
      r->twice_in_a_frame += m->faces[i].identity != 0
                             && m->faces[i].identity == m->faces[j].identity;
  }
  g_mutex_unlock (&r->lock);
  return GST_PAD_PROBE_OK;
}

static inline void
chain_watch (GstElement *cluster, ChainResult *r)
{
  GstPad *sink = gst_element_get_static_pad (cluster, "sink");
  GstPad *src = gst_element_get_static_pad (cluster, "src");

  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                     chain_sink_probe, r, NULL);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, chain_src_probe, r, NULL);
  gst_object_unref (sink);
  gst_object_unref (src);
}

static inline void
chain_take_identities (ChainResult *r, const GstStructure *s)
{
  const GValue *list = gst_structure_get_value (s, "identities");

  r->identities_told = TRUE;
  r->people = gst_value_list_get_size (list);
  gst_structure_get_boolean (s, "partial", &r->partial);
  for (guint i = 0; i < r->people; i++) {
    const GstStructure *p =
        g_value_get_boxed (gst_value_list_get_value (list, i));
    const GValue *tracks = gst_structure_get_value (p, "tracks");
    guint id = 0;
    gst_structure_get_uint (p, "id", &id);
    for (guint j = 0; tracks && j < gst_value_list_get_size (tracks); j++)
      for (guint k = 0; k < r->tracks->len; k++) {
        ChainTrack *t = &g_array_index (r->tracks, ChainTrack, k);
        if (t->track == g_value_get_uint (gst_value_list_get_value (tracks, j)))
          t->identity = id;
      }
  }
}

static inline void
chain_take_message (ChainResult *r, GstMessage *m)
{
  const GstStructure *s = gst_message_get_structure (m);
  GError *error = NULL;
  gboolean came = FALSE;

  switch (GST_MESSAGE_TYPE (m)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_structure_has_name (s, "reid-identities"))
        chain_take_identities (r, s);
      if (gst_structure_has_name (s, "reid-presence")) {
        gst_structure_get_boolean (s, "came", &came);
        r->came += came;
        r->went += !came;
      }
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (m, &error, NULL);
      if (!*r->error) {
        g_free (r->error);
        r->error = g_strdup (error->message);
      }
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (m, &error, NULL);
      if (!*r->warning) {
        g_free (r->warning);
        r->warning = g_strdup (error->message);
      }
      break;
    default:
      break;
  }
  g_clear_error (&error);
}

static inline void
chain_result_init (ChainResult *r)
{
  memset (r, 0, sizeof *r);
  g_mutex_init (&r->lock);
  r->tracks = g_array_new (FALSE, FALSE, sizeof (ChainTrack));
  r->error = g_strdup ("");
  r->warning = g_strdup ("");
}

static inline void
chain_result_clear (ChainResult *r)
{
  g_array_free (r->tracks, TRUE);
  g_mutex_clear (&r->lock);
  g_free (r->error);
  g_free (r->warning);
}

/* The elements before reidembed. Free it. */
static inline gchar *
chain_head (void)
{
  return g_strdup_printf (
      "appsrc name=src format=time block=true "
      "caps=video/x-raw,format=RGB,width=%d,height=%d,framerate=25/1 ! "
      "reiddetect model=\"%s\" inference-size=320 threads=1 ! "
      "reidtrack max-gap=4",
      CHAIN_WIDTH, CHAIN_HEIGHT, tiny_detector_path ());
}

static inline GstElement *
chain_launch (const gchar *description)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  if (!pipeline || error)
    g_error ("%s: %s", description, error->message);
  return pipeline;
}

/* Pushes the first `frames` frames and EOS, until one is refused. */
static inline void
chain_feed (GstElement *pipeline, guint frames)
{
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");

  for (guint i = 0; i < frames; i++)
    if (gst_app_src_push_buffer (GST_APP_SRC (src), chain_frame (i))
        != GST_FLOW_OK)
      break;
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  gst_object_unref (src);
}

/* Until EOS or an error. */
static inline void
chain_wait (GstElement *pipeline, ChainResult *r)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  gboolean end = FALSE;

  while (!end) {
    GstMessage *m = gst_bus_timed_pop (bus, 100 * GST_SECOND);
    if (!m) {
      CHECK_MSG (m, "neither EOS nor an error");
      break;
    }
    chain_take_message (r, m);
    end = GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS
          || GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR;
    gst_message_unref (m);
  }
  gst_object_unref (bus);
}

/* B-cubed F over the tracks: for each, how much of its identity is its person
 * and how much of its person is its identity. A track without one stands
 * alone. */
static inline gdouble
chain_bcubed (const ChainResult *r)
{
  gdouble precision = 0, recall = 0;
  guint n = r->tracks->len;

  for (guint i = 0; i < n; i++) {
    const ChainTrack *a = &g_array_index (r->tracks, ChainTrack, i);
    guint both = 0, same_identity = 0, same_person = 0;
    for (guint j = 0; j < n; j++) {
      const ChainTrack *b = &g_array_index (r->tracks, ChainTrack, j);
      gboolean identity =
          i == j || (a->identity != 0 && a->identity == b->identity);
      gboolean person = a->truth == b->truth;
      both += identity && person;
      same_identity += identity;
      same_person += person;
    }
    precision += (gdouble) both / same_identity;
    recall += (gdouble) both / same_person;
  }
  if (n == 0)
    return 0;
  precision /= n;
  recall /= n;
  return 2 * precision * recall / (precision + recall);
}

/* The whole chain on the drawn episode. `embed` and `cluster` are properties
 * as in a launch line. */
static inline void
chain_run (ChainResult *r, TinyEmbedKind kind, const gchar *embed,
           const gchar *cluster)
{
  gchar *head = chain_head ();
  gchar *line = g_strdup_printf (
      "%s ! reidembed model=\"%s\" %s ! reidcluster name=cluster %s ! "
      "fakesink sync=false",
      head, tiny_embedder_path (kind), embed, cluster);
  GstElement *pipeline = chain_launch (line), *e;

  chain_result_init (r);
  e = gst_bin_get_by_name (GST_BIN (pipeline), "cluster");
  chain_watch (e, r);
  gst_object_unref (e);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  chain_feed (pipeline, CHAIN_FRAMES);
  chain_wait (pipeline, r);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (head);
}

#endif /* REID_TEST_CHAIN_H */
