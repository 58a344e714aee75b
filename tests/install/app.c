/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An application that knows nothing of gst-reid but its pkg-config file:
 *
 *   cc app.c $(pkg-config --cflags --libs gstreid-1.0)
 *   ./a.out videotestsrc ! ... ! reiddetect ! reidtrack ! reidembed !
 *     reidcluster name=people mode=online ! fakesink
 *
 * prints the faces of each frame from its meta, the tracks from the tracklets,
 * and the people from the messages on the bus. docs/application.md explains
 * it. */
#include <gst/gst.h>
#include <gst/reid/reid.h>

static void
print_faces (const GstReidFrameMeta *meta)
{
  for (guint i = 0; i < meta->n_faces; i++) {
    const GstReidFace *f = &meta->faces[i];
    g_print ("face frame=%" G_GUINT64_FORMAT " time=%.2f track=%u person=%u "
             "left=%.3f top=%.3f width=%.3f height=%.3f score=%.2f\n",
             meta->frame, (gdouble) meta->stream_time / GST_SECOND, f->track_id,
             f->identity, f->left, f->top, f->width, f->height, f->score);
  }
}

static void
print_tracklet (const GstReidTracklet *t)
{
  if (t->end == GST_REID_TRACK_END_NONE)
    return; /* it still lives */
  g_print ("track %u: frames %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
           ", %u faces, %u pictures, vectors of %u by %s\n",
           t->track_id, t->first_frame, t->last_frame, t->n_detections,
           t->n_chips, t->dims, t->model ? t->model : "nobody");
}

/* In a streaming thread: what is read here must not be slow. */
static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (buffer);
    if (meta)
      print_faces (meta);
  } else {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
    GstReidTracklet *tracklet = gst_event_get_reid_tracklet (event);
    if (tracklet)
      print_tracklet (tracklet);
  }
  return GST_PAD_PROBE_OK;
}

static void
print_person (const GstStructure *person)
{
  guint id = 0, n_tracks = 0;
  guint64 first = 0, last = 0;

  gst_structure_get (person, "id", G_TYPE_UINT, &id, "n-tracks", G_TYPE_UINT,
                     &n_tracks, "first-seen", G_TYPE_UINT64, &first,
                     "last-seen", G_TYPE_UINT64, &last, NULL);
  g_print ("person %u: %u tracks, %.2f s to %.2f s\n", id, n_tracks,
           (gdouble) first / GST_SECOND, (gdouble) last / GST_SECOND);
}

static void
print_message (const GstStructure *s)
{
  if (gst_structure_has_name (s, "reid-identities")) {
    const GValue *list = gst_structure_get_value (s, "identities");
    for (guint i = 0; i < gst_value_list_get_size (list); i++)
      print_person (g_value_get_boxed (gst_value_list_get_value (list, i)));
  } else if (gst_structure_has_name (s, "reid-presence")) {
    gboolean came = FALSE;
    guint id = 0;
    gst_structure_get (s, "came", G_TYPE_BOOLEAN, &came, "id", G_TYPE_UINT, &id,
                       NULL);
    g_print ("person %u %s\n", id, came ? "came" : "went");
  }
}

/* Until EOS; FALSE after an error. */
static gboolean
watch (GstBus *bus)
{
  for (;;) {
    GstMessage *m = gst_bus_timed_pop (bus, GST_CLOCK_TIME_NONE);
    gboolean eos = GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS;
    GError *error = NULL;

    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT)
      print_message (gst_message_get_structure (m));
    else if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
      gst_message_parse_error (m, &error, NULL);
    gst_message_unref (m);
    if (error) {
      g_printerr ("error: %s\n", error->message);
      g_error_free (error);
      return FALSE;
    }
    if (eos)
      return TRUE;
  }
}

int
main (int argc, char **argv)
{
  GstElement *pipeline, *people;
  GError *error = NULL;
  gboolean ok;
  GstPad *pad;
  GstBus *bus;

  gst_init (&argc, &argv);
  pipeline = gst_parse_launchv ((const gchar **) argv + 1, &error);
  people = pipeline ? gst_bin_get_by_name (GST_BIN (pipeline), "people") : NULL;
  if (!people) {
    g_printerr ("error: %s\n",
                error ? error->message : "no element \"people\"");
    return 1;
  }
  pad = gst_element_get_static_pad (people, "src");
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      on_data, NULL, NULL);
  gst_object_unref (pad);
  gst_object_unref (people);

  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  ok = watch (bus);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return ok ? 0 : 1;
}
