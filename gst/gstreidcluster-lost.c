/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-lost.h"

void
gst_reid_lost_init (GstReidLost *lost)
{
  *lost = (GstReidLost){ 0 };
}

void
gst_reid_lost_restart (GstReidLost *lost)
{
  lost->serial = 0;
}

void
gst_reid_lost_info (GstReidLost *lost, const gchar *factory)
{
  if (g_str_equal (factory, "reidtrack"))
    lost->tracked_by_reidtrack = TRUE;
}

void
gst_reid_lost_stats (GstReidLost *lost, GstEvent *event)
{
  if (gst_structure_get_uint64 (gst_event_get_structure (event), "tracklets",
                                &lost->sent))
    lost->sent_is_known = TRUE;
}

gboolean
gst_reid_lost_tracklet (GstReidLost *lost, const GstReidTracklet *tracklet)
{
  guint64 expected = lost->serial + 1;

  if (tracklet->serial == 0)
    return FALSE;
  lost->serial = tracklet->serial;
  if (tracklet->serial <= expected)
    return FALSE;
  lost->lost += tracklet->serial - expected;
  return TRUE;
}

/* None came after those that are missing. reidtrack tells before EOS how many
 * it sent; where it has not, its word was lost with them. */
gboolean
gst_reid_lost_eos (GstReidLost *lost)
{
  guint64 missing;

  if (lost->tracked_by_reidtrack && !lost->sent_is_known)
    missing = MAX (lost->lost, 1);
  else
    missing = lost->sent - MIN (lost->sent, lost->serial) + lost->lost;
  if (missing <= lost->lost)
    return FALSE;
  lost->lost = missing;
  return TRUE;
}

/* Those between reidtrack and here that are not of this family: who can have
 * eaten an event. */
static gchar *
strangers_before (GstPad *sinkpad)
{
  GString *names = g_string_new (NULL);
  GstPad *pad = gst_pad_get_peer (sinkpad);

  while (pad) {
    GstElement *element = gst_pad_get_parent_element (pad);
    GstElementFactory *factory =
        element ? gst_element_get_factory (element) : NULL;
    const gchar *name = factory ? GST_OBJECT_NAME (factory) : "?";
    gboolean end = !element || g_str_equal (name, "reidtrack");
    GstPad *sink = end ? NULL : gst_element_get_static_pad (element, "sink");

    if (!end && !g_str_has_prefix (name, "reid"))
      g_string_append_printf (names, "%s%s (%s)", names->len ? ", " : "",
                              GST_OBJECT_NAME (element), name);
    gst_object_unref (pad);
    pad = sink ? gst_pad_get_peer (sink) : NULL;
    gst_clear_object (&sink);
    gst_clear_object (&element);
  }
  if (names->len == 0)
    g_string_append (names, "none that can be seen from here");
  return g_string_free (names, FALSE);
}

gchar *
gst_reid_lost_message (const GstReidLost *lost, GstPad *sinkpad)
{
  gchar *between = strangers_before (sinkpad);
  gchar *message = g_strdup_printf (
      "%" G_GUINT64_FORMAT " track%s never came: an element between "
      "reidtrack and reidcluster drops or reorders their events (between "
      "them: %s); link reidtrack ! reidembed ! reidcluster directly",
      lost->lost, lost->lost == 1 ? "" : "s", between);

  g_free (between);
  return message;
}
