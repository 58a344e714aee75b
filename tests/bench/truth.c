/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a detector finds of what reidtestsrc drew:
 *
 *   truth reidtestsrc people=8 shots=12 seed=3 ! reiddetect ! fakesink
 * name=sink
 *
 * compares the two metas of every buffer that comes to the element "sink" and
 * prints recall, precision, the boxes' mean IoU and the landmarks' error.
 * Faces of which less than .7 is seen, that are turned by more than 45 degrees,
 * or that stand in less than .5 of the light are neither wanted nor wrong.
 *
 * With reidtrack and reidembed in the line it also says how well the vectors
 * tell the people apart: the area under the curve over pairs of tracks, each
 * with the mean of its vectors. */
#include <gst/gst.h>
#include <gst/reid/reid.h>
#include <math.h>
#include <string.h>

#define MIN_IOU .5

static struct {
  guint64 frames, wanted, found, detections, wrong;
  gdouble iou, side[4], landmark, point[10], scores;
  gfloat least;
  guint64 histogram[10];
} sum;

static gdouble
iou (const GstReidTruthFace *t, const GstReidFace *f)
{
  gdouble w =
      MIN (t->left + t->width, f->left + f->width) - MAX (t->left, f->left);
  gdouble h =
      MIN (t->top + t->height, f->top + f->height) - MAX (t->top, f->top);
  gdouble both = MAX (w, 0) * MAX (h, 0);

  return both / (t->width * t->height + f->width * f->height - both);
}

static void
add (const GstReidTruthFace *t, const GstReidFace *f, gdouble aspect)
{
  gdouble ex = (t->landmarks[2] - t->landmarks[0]) * aspect;
  gdouble ey = t->landmarks[3] - t->landmarks[1], eyes = hypot (ex, ey);

  sum.found++;
  sum.iou += iou (t, f);
  sum.scores += f->score;
  sum.least = MIN (sum.least, f->score);
  sum.histogram[MIN ((guint) (f->score * 10), 9)]++;
  sum.side[0] += (f->left - t->left) / t->width;
  sum.side[1] += (f->top - t->top) / t->height;
  sum.side[2] += (f->left + f->width - t->left - t->width) / t->width;
  sum.side[3] += (f->top + f->height - t->top - t->height) / t->height;
  for (guint k = 0; k < 10; k += 2) {
    gdouble dx = (f->landmarks[k] - t->landmarks[k]) * aspect / eyes;
    gdouble dy = (f->landmarks[k + 1] - t->landmarks[k + 1]) / eyes;
    sum.landmark += hypot (dx, dy) / 5;
    sum.point[k] += dx;
    sum.point[k + 1] += dy;
  }
}

/* ---- likeness */

typedef struct {
  guint person;
  guint dims;
  gfloat *vector;
} Track;

static GArray *tracks; /* Track */
static GArray *drawn;  /* Drawn */

typedef struct {
  guint64 frame;
  GstReidTruthFace face;
} Drawn;

/* G_MAXUINT where the picture is of nobody. */
static guint
person_of (const GstReidChip *chip)
{
  guint person = G_MAXUINT;
  gdouble best = .4;

  for (guint i = 0; i < drawn->len; i++) {
    const Drawn *d = &g_array_index (drawn, Drawn, i);
    if (d->frame == chip->frame && iou (&d->face, &chip->face) > best) {
      best = iou (&d->face, &chip->face);
      person = d->face.person;
    }
  }
  return person;
}

static void
add_track (const GstReidTracklet *t)
{
  Track track = { 0 };
  gdouble length = 0;

  if (t->end == GST_REID_TRACK_END_NONE || t->n_chips == 0 || !t->embeddings)
    return;
  track.person = person_of (t->chips[0]);
  if (track.person == G_MAXUINT)
    return;
  track.dims = t->dims;
  track.vector = g_new0 (gfloat, t->dims);
  for (guint k = 0; k < t->dims; k++) {
    for (guint i = 0; i < t->n_chips; i++)
      track.vector[k] += t->embeddings[i * t->dims + k];
    length += track.vector[k] * track.vector[k];
  }
  for (guint k = 0; k < t->dims; k++)
    track.vector[k] /= (gfloat) sqrt (length);
  g_array_append_val (tracks, track);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return x < y ? -1 : x > y;
}

static void
report_likeness (void)
{
  GArray *same = g_array_new (FALSE, FALSE, sizeof (gdouble));
  GArray *other = g_array_new (FALSE, FALSE, sizeof (gdouble));
  gdouble above = 0, means[2] = { 0, 0 };
  guint k = 0;

  for (guint i = 0; i < tracks->len; i++)
    for (guint j = 0; j < i; j++) {
      const Track *a = &g_array_index (tracks, Track, i);
      const Track *b = &g_array_index (tracks, Track, j);
      gdouble dot = 0;
      for (guint c = 0; c < a->dims && a->dims == b->dims; c++)
        dot += a->vector[c] * b->vector[c];
      g_array_append_val (a->person == b->person ? same : other, dot);
    }
  g_array_sort (same, compare);
  g_array_sort (other, compare);
  for (guint i = 0; i < same->len; i++) {
    gdouble s = g_array_index (same, gdouble, i);
    while (k < other->len && g_array_index (other, gdouble, k) < s)
      k++;
    above += k;
    means[0] += s / same->len;
  }
  for (guint i = 0; i < other->len; i++)
    means[1] += g_array_index (other, gdouble, i) / other->len;
  if (same->len && other->len)
    g_print ("likeness: %u tracks, %u pairs of the same (mean %.3f), %u of "
             "others (mean %.3f, highest %.3f), AUC %.4f\n",
             tracks->len, same->len, means[0], other->len, means[1],
             g_array_index (other, gdouble, other->len - 1),
             above / same->len / other->len);
  g_array_free (same, TRUE);
  g_array_free (other, TRUE);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstReidTracklet *t =
      gst_event_get_reid_tracklet (GST_PAD_PROBE_INFO_EVENT (info));

  if (t)
    add_track (t);
  return GST_PAD_PROBE_OK;
}

/* ---- detections */

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstReidTruthMeta *truth = gst_buffer_get_reid_truth_meta (buffer);
  GstReidFrameMeta *meta = gst_buffer_get_reid_frame_meta (buffer);
  gboolean used[64] = { FALSE };

  if (!truth || !meta)
    g_error ("a buffer without metas");
  sum.frames++;
  sum.detections += meta->n_faces;
  for (guint i = 0; i < truth->n_faces; i++) {
    const GstReidTruthFace *t = &truth->faces[i];
    gdouble best = MIN_IOU;
    gint k = -1;
    Drawn one = { meta->frame, *t };

    g_array_append_val (drawn, one);
    for (guint j = 0; j < meta->n_faces && j < 64; j++)
      if (!used[j] && iou (t, &meta->faces[j]) > best) {
        best = iou (t, &meta->faces[j]);
        k = (gint) j;
      }
    if (k >= 0)
      used[k] = TRUE;
    if (t->visible < .7 || fabs (t->yaw) > 45 || truth->light < .5)
      continue;
    sum.wanted++;
    if (k >= 0)
      add (t, &meta->faces[k],
           (gdouble) meta->display_width / meta->display_height);
    else if (g_getenv ("TRUTH_VERBOSE"))
      g_print ("missed: frame %" G_GUINT64_FORMAT " person %u yaw %.0f\n",
               truth->frame, t->person, t->yaw);
  }
  /* what lies on somebody who is not wanted is not wrong */
  for (guint j = 0; j < meta->n_faces && j < 64; j++) {
    gboolean wrong = !used[j];
    for (guint i = 0; i < truth->n_faces && wrong; i++)
      wrong = iou (&truth->faces[i], &meta->faces[j]) < .2;
    sum.wrong += wrong;
  }
  return GST_PAD_PROBE_OK;
}

static void
report (void)
{
  gdouble n = MAX (sum.found, 1);

  g_print ("frames %" G_GUINT64_FORMAT ", faces %" G_GUINT64_FORMAT
           ", found %" G_GUINT64_FORMAT
           " (%.2f %%), elsewhere %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
           " detections\n",
           sum.frames, sum.wanted, sum.found,
           100. * sum.found / MAX (sum.wanted, 1), sum.wrong, sum.detections);
  g_print ("score: mean %.3f, least %.3f; by tenths:", sum.scores / n,
           sum.least);
  for (guint i = 0; i < 10; i++)
    g_print (" %" G_GUINT64_FORMAT, sum.histogram[i]);
  g_print ("\nIoU: mean %.3f; sides (left top right bottom, of the box) %+.3f "
           "%+.3f %+.3f %+.3f\n",
           sum.iou / n, sum.side[0] / n, sum.side[1] / n, sum.side[2] / n,
           sum.side[3] / n);
  g_print ("landmarks: %.3f of the eyes' distance; means", sum.landmark / n);
  for (guint i = 0; i < 10; i++)
    g_print (" %+.3f", sum.point[i] / n);
  g_print ("\n");
}

int
main (int argc, char **argv)
{
  GstElement *pipeline, *sink;
  GError *error = NULL;
  GstMessage *message;
  GstPad *pad;
  GstBus *bus;
  gboolean ok;

  gst_init (&argc, &argv);
  sum.least = 1;
  tracks = g_array_new (FALSE, FALSE, sizeof (Track));
  drawn = g_array_new (FALSE, FALSE, sizeof (Drawn));
  pipeline = gst_parse_launchv ((const gchar **) argv + 1, &error);
  sink = !error && GST_IS_BIN (pipeline)
             ? gst_bin_get_by_name (GST_BIN (pipeline), "sink")
             : NULL;
  if (!sink) {
    g_printerr ("error: %s\n", error ? error->message : "no element \"sink\"");
    return 1;
  }
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, NULL, NULL);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, NULL,
                     NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ok = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
  if (!ok) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("error: %s\n", error->message);
    g_error_free (error);
  }
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  report ();
  report_likeness ();
  for (guint i = 0; i < tracks->len; i++)
    g_free (g_array_index (tracks, Track, i).vector);
  g_array_free (tracks, TRUE);
  g_array_free (drawn, TRUE);
  return ok ? 0 : 1;
}
