/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far one detector agrees with another on videos:
 *
 *   teacher [--threshold T]... TEACHER STUDENT VIDEO...
 *
 * TEACHER and STUDENT are networks, as for model= of reiddetect. Both see every
 * frame at reiddetect's own size. Wanted are the teacher's faces of a score of
 * at least .7 that are 24 pixels of the frame high; its weaker and smaller ones
 * are neither wanted nor wrong. Pairs overlap by an IoU of .5. The landmarks'
 * error of a face is their mean distance, in distances of the teacher's eyes. */
#include <gst/gst.h>
#include <gst/reid/reid.h>
#include <math.h>
#include <string.h>

#define SURE .7
#define LEAST_HEIGHT 24
#define LEAST_TEACHER .3
#define LEAST_STUDENT .1

/* All faces of a video, frame after frame. */
typedef struct {
  GArray *faces;  /* GstReidFace */
  GArray *starts; /* guint: where a frame's begin */
  guint width, height;
} Side;

typedef struct {
  guint64 wanted, found, wrong;
  GArray *landmarks; /* gdouble: the error of each that was found */
} Sum;

static void
side_clear (Side *side)
{
  g_array_set_size (side->faces, 0);
  g_array_set_size (side->starts, 0);
}

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstReidFrameMeta *meta =
      gst_buffer_get_reid_frame_meta (GST_PAD_PROBE_INFO_BUFFER (info));
  Side *side = data;

  if (!meta)
    g_error ("a buffer without a meta");
  g_array_append_val (side->starts, side->faces->len);
  g_array_append_vals (side->faces, meta->faces, meta->n_faces);
  side->width = meta->display_width;
  side->height = meta->display_height;
  return GST_PAD_PROBE_OK;
}

static gdouble
iou (const GstReidFace *a, const GstReidFace *b)
{
  gdouble w =
      MIN (a->left + a->width, b->left + b->width) - MAX (a->left, b->left);
  gdouble h = MIN (a->top + a->height, b->top + b->height) - MAX (a->top, b->top);
  gdouble both = MAX (w, 0) * MAX (h, 0);

  return both / (a->width * a->height + b->width * b->height - both);
}

static gdouble
landmark_error (const GstReidFace *a, const GstReidFace *b, gdouble aspect)
{
  const gfloat *p = a->landmarks, *q = b->landmarks;
  gdouble eyes = hypot ((p[2] - p[0]) * aspect, p[3] - p[1]), sum = 0;

  for (guint k = 0; k < 10; k += 2)
    sum += hypot ((p[k] - q[k]) * aspect, p[k + 1] - q[k + 1]);
  return sum / 5 / MAX (eyes, 1e-6);
}

static void
compare_frame (const GstReidFace *t, guint n_t, const GstReidFace *s, guint n_s,
               gdouble height, gdouble aspect, gfloat threshold, Sum *sum)
{
  gdouble error;
  gboolean *used = g_new0 (gboolean, n_s + 1);

  /* faces come with the highest score first: each takes the best that is left */
  for (guint i = 0; i < n_t; i++) {
    gboolean wanted = t[i].score >= SURE && t[i].height * height >= LEAST_HEIGHT;
    gdouble best = .5;
    gint at = -1;
    for (guint j = 0; j < n_s; j++)
      if (!used[j] && s[j].score >= threshold && iou (&t[i], &s[j]) >= best) {
        best = iou (&t[i], &s[j]);
        at = (gint) j;
      }
    sum->wanted += wanted;
    if (at < 0)
      continue;
    used[at] = TRUE;
    if (!wanted)
      continue;
    sum->found++;
    error = landmark_error (&t[i], &s[at], aspect);
    g_array_append_val (sum->landmarks, error);
  }
  for (guint j = 0; j < n_s; j++)
    if (!used[j] && s[j].score >= threshold
        && s[j].height * height >= LEAST_HEIGHT)
      sum->wrong++;
  g_free (used);
}

static guint
frame_faces (const Side *side, guint frame, const GstReidFace **faces)
{
  guint start = g_array_index (side->starts, guint, frame);
  guint end = frame + 1 < side->starts->len
                  ? g_array_index (side->starts, guint, frame + 1)
                  : side->faces->len;

  *faces = (const GstReidFace *) side->faces->data + start;
  return end - start;
}

static gint
by_size (gconstpointer a, gconstpointer b)
{
  gdouble p = *(const gdouble *) a, q = *(const gdouble *) b;

  return (p > q) - (p < q);
}

/* Sorts the errors. */
static void
print (const gchar *name, gfloat threshold, Sum *sum)
{
  const gdouble *errors = (const gdouble *) sum->landmarks->data;
  guint n = sum->landmarks->len;
  gdouble all = 0;

  g_array_sort (sum->landmarks, by_size);
  for (guint i = 0; i < n; i++)
    all += errors[i];
  g_print ("%-36s %.2f  %6" G_GUINT64_FORMAT " %7.3f %9.3f %9.3f %6.3f\n", name,
           threshold, sum->wanted, (gdouble) sum->found / MAX (sum->wanted, 1),
           (gdouble) sum->found / MAX (sum->found + sum->wrong, 1),
           all / MAX (n, 1), n ? errors[n / 2] : 0.);
}

static void
compare (const gchar *video, const Side sides[2], const GArray *thresholds,
         Sum *totals)
{
  gchar *name = g_path_get_basename (video);

  if (sides[0].starts->len != sides[1].starts->len)
    g_error ("%s: the detectors saw %u and %u frames", video,
             sides[0].starts->len, sides[1].starts->len);
  for (guint k = 0; k < thresholds->len; k++) {
    gfloat threshold = g_array_index (thresholds, gfloat, k);
    Sum sum = { .landmarks = g_array_new (FALSE, FALSE, sizeof (gdouble)) };
    for (guint f = 0; f < sides[0].starts->len; f++) {
      const GstReidFace *t, *s;
      guint n_t = frame_faces (&sides[0], f, &t);
      guint n_s = frame_faces (&sides[1], f, &s);
      compare_frame (t, n_t, s, n_s, sides[0].height,
                     (gdouble) sides[0].width / sides[0].height, threshold,
                     &sum);
    }
    print (name, threshold, &sum);
    totals[k].wanted += sum.wanted;
    totals[k].found += sum.found;
    totals[k].wrong += sum.wrong;
    g_array_append_vals (totals[k].landmarks, sum.landmarks->data,
                         sum.landmarks->len);
    g_array_free (sum.landmarks, TRUE);
  }
  g_free (name);
}

static gboolean
run (const gchar *const networks[2], const gchar *video, Side sides[2])
{
  GstElement *pipeline;
  GError *error = NULL;
  GstMessage *message;
  GstBus *bus;
  gboolean ok;

  pipeline = gst_parse_launch (
      "filesrc name=file ! decodebin ! videoflip video-direction=auto ! tee "
      "name=t  t. ! queue ! reiddetect name=n0 ! fakesink name=s0 sync=false  "
      "t. ! queue ! reiddetect name=n1 ! fakesink name=s1 sync=false",
      &error);
  if (!pipeline)
    g_error ("%s", error->message);
  gst_util_set_object_arg (
      G_OBJECT (gst_bin_get_by_name (GST_BIN (pipeline), "file")), "location",
      video);
  for (guint i = 0; i < 2; i++) {
    gchar *names[2] = { g_strdup_printf ("n%u", i),
                        g_strdup_printf ("s%u", i) };
    GstElement *net = gst_bin_get_by_name (GST_BIN (pipeline), names[0]);
    GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), names[1]);
    GstPad *pad = gst_element_get_static_pad (sink, "sink");
    g_object_set (net, "model", networks[i], "threshold",
                  i == 0 ? LEAST_TEACHER : LEAST_STUDENT, NULL);
    side_clear (&sides[i]);
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &sides[i],
                       NULL);
    gst_object_unref (pad);
    gst_object_unref (sink);
    gst_object_unref (net);
    g_free (names[0]);
    g_free (names[1]);
  }
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
  return ok;
}

int
main (int argc, char **argv)
{
  GArray *thresholds = g_array_new (FALSE, FALSE, sizeof (gfloat));
  Side sides[2];
  Sum *totals;
  int at = 1;

  gst_init (&argc, &argv);
  for (; at + 1 < argc && g_str_equal (argv[at], "--threshold"); at += 2) {
    gfloat t = (gfloat) g_ascii_strtod (argv[at + 1], NULL);
    g_array_append_val (thresholds, t);
  }
  if (argc - at < 3) {
    g_printerr ("usage: %s [--threshold T]... TEACHER STUDENT VIDEO...\n",
                argv[0]);
    return 2;
  }
  if (thresholds->len == 0) {
    gfloat t = .5f;
    g_array_append_val (thresholds, t);
  }
  totals = g_new0 (Sum, thresholds->len);
  for (guint k = 0; k < thresholds->len; k++)
    totals[k].landmarks = g_array_new (FALSE, FALSE, sizeof (gdouble));
  for (guint i = 0; i < 2; i++) {
    sides[i].faces = g_array_new (FALSE, FALSE, sizeof (GstReidFace));
    sides[i].starts = g_array_new (FALSE, FALSE, sizeof (guint));
  }
  g_print ("%-36s %4s  %6s %7s %9s %9s %6s\n", "video", "from", "wanted",
           "recall", "precision", "landmarks", "median");
  for (int i = at + 2; i < argc; i++) {
    const gchar *networks[2] = { argv[at], argv[at + 1] };
    if (!run (networks, argv[i], sides))
      return 1;
    compare (argv[i], sides, thresholds, totals);
  }
  for (guint k = 0; k < thresholds->len; k++) {
    print ("all", g_array_index (thresholds, gfloat, k), &totals[k]);
    g_array_free (totals[k].landmarks, TRUE);
  }
  for (guint i = 0; i < 2; i++) {
    g_array_free (sides[i].faces, TRUE);
    g_array_free (sides[i].starts, TRUE);
  }
  g_array_free (thresholds, TRUE);
  g_free (totals);
  return 0;
}
