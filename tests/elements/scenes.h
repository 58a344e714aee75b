/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_SCENES_H
#define REID_TEST_SCENES_H

/* reiddetect on many frames that are all different, and what left it, to be
 * compared. */

#include "squares.h"

/* A bright square that wanders; now and then there is none, or two. */
static inline GstBuffer *
scene (Rig *r, guint n)
{
  Square s[2] = { { .05 + .017 * (n % 37), .1 + .011 * (n % 23), .15 },
                  { .7, .4, .1 + .002 * (n % 20) } };

  return rig_frame (r, s, n % 3);
}

static inline GstFlowReturn
push_scenes (Rig *r, guint n)
{
  GstFlowReturn result = GST_FLOW_OK;

  for (guint i = 0; i < n && result == GST_FLOW_OK; i++)
    result = gst_harness_push (r->h, scene (r, (guint) r->n));
  return result;
}

/* All that left, in words. */
static inline gchar *
outputs (Rig *r)
{
  GString *s = g_string_new (NULL);
  gchar *letters = record_string (&r->out);

  for (guint i = 0, n = 0; letters[i]; i++) {
    GstReidFrameMeta *m;
    gchar *checksum;

    g_string_append_c (s, letters[i]);
    if (letters[i] != 'B')
      continue;
    m = record_meta (&r->out, n);
    g_string_append_printf (
        s,
        " %" G_GUINT64_FORMAT " pts %" G_GUINT64_FORMAT " state %d segment %u "
        "time %" G_GUINT64_FORMAT " of %ux%u:",
        m->frame, GST_BUFFER_PTS (record_buffer (&r->out, n)), m->state,
        m->segment, m->stream_time, m->display_width, m->display_height);
    checksum =
        g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) m->faces,
                                     m->n_faces * sizeof *m->faces);
    g_string_append_printf (
        s, "%u faces %s%s\n", m->n_faces, checksum,
        GST_BUFFER_IS_DISCONT (record_buffer (&r->out, n)) ? " discont" : "");
    g_free (checksum);
    n++;
  }
  g_free (letters);
  return g_string_free (s, FALSE);
}

static inline GstClockTime
latency (Rig *r)
{
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min = 0, max;
  gboolean live;

  gst_harness_set_upstream_latency (r->h, 10 * GST_MSECOND);
  CHECK (gst_pad_peer_query (r->h->sinkpad, query));
  gst_query_parse_latency (query, &live, &min, &max);
  CHECK (max == GST_CLOCK_TIME_NONE || max >= min);
  gst_query_unref (query);
  return min - 10 * GST_MSECOND;
}

/* Takes `left` more buffers, and gives this for every other. */
typedef struct {
  guint left;
  GstFlowReturn flow;
} Refusal;

static inline GstPadProbeReturn
refuse (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Refusal *refusal = data;

  if (refusal->left > 0) {
    refusal->left--;
    return GST_PAD_PROBE_OK;
  }
  gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_PAD_PROBE_INFO_DATA (info) = NULL;
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = refusal->flow;
  return GST_PAD_PROBE_HANDLED;
}

#endif /* REID_TEST_SCENES_H */
