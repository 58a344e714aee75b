/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid run: what gst-launch-1.0 does, with a progress line, one clear line
 * for each failure, and a Ctrl-C that keeps what was processed. */
#include <glib-unix.h>
#include <gst/gst.h>
#include <string.h>
#include <unistd.h>

#include "gst-reid-errors.h"
#include "gst-reid-input.h"
#include "gst-reid.h"
#include "nn/nn.h"

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline;
  gboolean quiet, tty, line_open;
  gint seconds;
  gint64 last_line;
  guint interrupts;
  guint64 frames;
  GstClockTime duration;
  gchar *input;      /* of the first source, for messages */
  gchar *full_input; /* the same for archives */
  GstStructure *identities;
  gchar *missing;      /* what no plugin was found for */
  gboolean no_picture; /* no stream of the input fits the pipeline */
  gboolean cut;        /* an interrupt may have come before the first picture */
  gint asked_to_end;   /* atomic: the stream will end before its input does */
  gint exit;
} Run;

/* What arrives at one reidcluster; its streaming thread's own. */
typedef struct {
  Run *run;
  guint64 n_buffers;
  GstClockTime end; /* stream time at which the last buffer ends */
} Watch;

/* ---- the progress line */

static void
close_line (Run *run)
{
  if (run->line_open)
    g_printerr ("\n");
  run->line_open = FALSE;
}

static gchar *
clock_text (GstClockTime time)
{
  guint64 s;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return g_strdup ("-:--");
  s = time / GST_SECOND;
  if (s >= 3600)
    return g_strdup_printf ("%u:%02u:%02u", (guint) (s / 3600),
                            (guint) (s / 60 % 60), (guint) (s % 60));
  return g_strdup_printf ("%u:%02u", (guint) (s / 60), (guint) (s % 60));
}

static void
show_progress (Run *run, const GstStructure *s)
{
  GstClockTime position = GST_CLOCK_TIME_NONE;
  guint64 faces = 0, tracks = 0;
  gdouble speed = 0;
  gchar *at, *of;
  gint64 duration, now = g_get_monotonic_time ();

  gst_structure_get (s, "position", G_TYPE_UINT64, &position, "speed",
                     G_TYPE_DOUBLE, &speed, "frames", G_TYPE_UINT64,
                     &run->frames, "faces", G_TYPE_UINT64, &faces, "tracks",
                     G_TYPE_UINT64, &tracks, NULL);
  if (run->quiet
      || (!run->tty && now - run->last_line < 5 * G_TIME_SPAN_SECOND))
    return;
  run->last_line = now;
  if (!GST_CLOCK_TIME_IS_VALID (run->duration)
      && gst_element_query_duration (run->pipeline, GST_FORMAT_TIME, &duration)
      && duration > 0)
    run->duration = (GstClockTime) duration;
  at = clock_text (position);
  of = clock_text (run->duration);
  g_printerr ("%s%s%s%s   %.1fx realtime   %" G_GUINT64_FORMAT
              " faces   %" G_GUINT64_FORMAT " tracks%s",
              run->tty ? "\r" : "", at,
              GST_CLOCK_TIME_IS_VALID (run->duration) ? " of " : "",
              GST_CLOCK_TIME_IS_VALID (run->duration) ? of : "", speed, faces,
              tracks, run->tty ? "\033[K" : "\n");
  run->line_open = run->tty;
  g_free (at);
  g_free (of);
}

static void
show_presence (Run *run, const GstStructure *s)
{
  gboolean came = FALSE, is_new = FALSE;
  guint id = 0;
  GstClockTime time = GST_CLOCK_TIME_NONE;
  gfloat similarity = 0;
  gchar *at;

  gst_structure_get (s, "came", G_TYPE_BOOLEAN, &came, "new", G_TYPE_BOOLEAN,
                     &is_new, "id", G_TYPE_UINT, &id, "time", G_TYPE_UINT64,
                     &time, "similarity", G_TYPE_FLOAT, &similarity, NULL);
  close_line (run);
  at = clock_text (time);
  if (!came)
    g_print ("%s  person %u went\n", at, id);
  else if (is_new)
    g_print ("%s  person %u came (new)\n", at, id);
  else
    g_print ("%s  person %u came (similarity %.2f)\n", at, id, similarity);
  g_free (at);
}

/* ---- what arrives at the end of the chain */

/* A file that was cut short is decoded to where it was cut, without an error.
 * What it says of its own length tells; sound may outlast the picture a little,
 * so that it takes more than that to call it cut. */
static gboolean
ends_early (const Watch *w, GstPad *pad, GstClockTime *duration)
{
  gint64 d;

  if (g_atomic_int_get (&w->run->asked_to_end)
      || !GST_CLOCK_TIME_IS_VALID (w->end)
      || !gst_pad_peer_query_duration (pad, GST_FORMAT_TIME, &d) || d <= 0)
    return FALSE;
  *duration = (GstClockTime) d;
  return w->end + GST_SECOND < *duration && w->end < *duration - *duration / 20;
}

/* No element knows what the pipeline's input is called; the archive should. It
 * takes what comes as the elements' own notes do. */
static void
tell_input (const Run *run, GstPad *pad)
{
  if (run->full_input)
    gst_pad_send_event (
        pad, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                                   gst_structure_new ("reid-info-run", "input",
                                                      G_TYPE_STRING,
                                                      run->full_input, NULL)));
}

static GstPadProbeReturn
watch_stream (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Watch *w = data;
  GstObject *cluster = GST_OBJECT_PARENT (pad);
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  GstStructure *s;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
    if (w->n_buffers++ == 0)
      tell_input (w->run, pad);
    if (event) {
      const GstSegment *segment;
      gst_event_parse_segment (event, &segment);
      w->end = segment->format == GST_FORMAT_TIME ? gst_segment_to_stream_time (
                   segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer))
                                                  : GST_CLOCK_TIME_NONE;
      if (GST_CLOCK_TIME_IS_VALID (w->end)
          && GST_BUFFER_DURATION_IS_VALID (buffer))
        w->end += GST_BUFFER_DURATION (buffer);
      gst_event_unref (event);
    }
    return GST_PAD_PROBE_OK;
  }
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  if (w->n_buffers == 0) {
    /* no results are better than empty ones: EOS goes no further */
    gst_element_post_message (
        GST_ELEMENT (cluster),
        gst_message_new_application (
            cluster, gst_structure_new_empty ("reid-no-frames")));
    return GST_PAD_PROBE_DROP;
  }
  if (ends_early (w, pad, &duration)) {
    g_object_set (cluster, "partial", TRUE, NULL);
    s = gst_structure_new ("reid-ends-early", "end", G_TYPE_UINT64, w->end,
                           "duration", G_TYPE_UINT64, duration, NULL);
    gst_element_post_message (GST_ELEMENT (cluster),
                              gst_message_new_application (cluster, s));
  }
  return GST_PAD_PROBE_OK;
}

static void
for_each_cluster (Run *run, void (*each) (Run *run, GstElement *cluster))
{
  GstIterator *it = gst_bin_iterate_all_by_element_factory_name (
      GST_BIN (run->pipeline), "reidcluster");
  GValue value = G_VALUE_INIT;

  while (gst_iterator_next (it, &value) == GST_ITERATOR_OK) {
    each (run, g_value_get_object (&value));
    g_value_reset (&value);
  }
  g_value_unset (&value);
  gst_iterator_free (it);
}

static void
watch_cluster (Run *run, GstElement *cluster)
{
  GstPad *pad = gst_element_get_static_pad (cluster, "sink");
  Watch *w = g_new0 (Watch, 1);

  w->run = run;
  w->end = GST_CLOCK_TIME_NONE;
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      watch_stream, w, g_free);
  gst_object_unref (pad);
}

static void
mark_partial (Run *run, GstElement *cluster)
{
  g_object_set (cluster, "partial", TRUE, NULL);
}

static const gchar *
input_name (const Run *run)
{
  return run->input ? run->input : "the input";
}

static void
take_application (Run *run, const GstStructure *s)
{
  GstClockTime end = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
  gchar *at, *of;

  close_line (run);
  if (gst_structure_has_name (s, "reid-no-frames")) {
    if (run->exit == EXIT_INTERRUPTED) {
      run->cut = TRUE;
    } else if (run->exit == EXIT_OK) {
      run->exit = EXIT_NO_VIDEO;
      reid_say_error ("%s holds no video that can be decoded: it ends before "
                      "its first picture",
                      input_name (run));
    }
    g_main_loop_quit (run->loop);
  } else if (gst_structure_has_name (s, "reid-ends-early")) {
    gst_structure_get (s, "end", G_TYPE_UINT64, &end, "duration", G_TYPE_UINT64,
                       &duration, NULL);
    at = clock_text (end);
    of = clock_text (duration);
    g_printerr ("gst-reid: warning: %s says that it lasts %s, but its video "
                "ends at %s; it may have been cut short\n",
                input_name (run), of, at);
    g_free (at);
    g_free (of);
  }
}

/* ---- the end */

static void
show_identities (const GstStructure *s)
{
  const GValue *list = gst_structure_get_value (s, "identities");
  guint n = list ? gst_value_list_get_size (list) : 0;

  if (n == 0) {
    g_print ("Nobody was found.\n");
    return;
  }
  g_print ("%6s  %7s  %7s  %9s  %6s  %7s\n", "person", "from", "to",
           "on screen", "tracks", "faces");
  for (guint i = 0; i < n; i++) {
    const GstStructure *p =
        g_value_get_boxed (gst_value_list_get_value (list, i));
    GstClockTime first = GST_CLOCK_TIME_NONE, last = GST_CLOCK_TIME_NONE;
    guint64 on = 0, detections = 0;
    guint id = 0, tracks = 0;
    gchar *from, *to;

    gst_structure_get (p, "id", G_TYPE_UINT, &id, "n-tracks", G_TYPE_UINT,
                       &tracks, "n-detections", G_TYPE_UINT64, &detections,
                       "first-seen", G_TYPE_UINT64, &first, "last-seen",
                       G_TYPE_UINT64, &last, "on-screen", G_TYPE_UINT64, &on,
                       NULL);
    from = clock_text (first);
    to = clock_text (last);
    g_print ("%6u  %7s  %7s  %7.1f s  %6u  %7" G_GUINT64_FORMAT "\n", id, from,
             to, (gdouble) on / GST_SECOND, tracks, detections);
    g_free (from);
    g_free (to);
  }
}

static void
say_no_video (const Run *run, const GError *error)
{
  if (run->missing)
    reid_say_error ("%s holds no video that can be decoded: there is no plugin "
                    "for \"%s\"",
                    input_name (run), run->missing);
  else if (run->no_picture)
    reid_say_error ("%s holds no video", input_name (run));
  else
    reid_say_error ("%s holds no video that can be decoded: %s",
                    input_name (run), error->message);
}

static void
say_no_input (const Run *run, const GError *error)
{
  /* what rtspsrc says of a camera that does not answer */
  if (g_error_matches (error, GST_RESOURCE_ERROR,
                       GST_RESOURCE_ERROR_OPEN_READ_WRITE))
    reid_say_error ("%s cannot be reached: see that the address is right, and "
                    "that it answers from here (%s)",
                    input_name (run), error->message);
  else
    reid_say_error ("%s: %s", input_name (run), error->message);
}

static void
take_error (Run *run, GstMessage *message)
{
  GstObject *source = GST_MESSAGE_SRC (message);
  GError *error = NULL;
  gchar *debug = NULL;

  gst_message_parse_error (message, &error, &debug);
  /* the first one is the cause; what follows are its echoes */
  if (run->exit == EXIT_INTERRUPTED && reid_is_input (source)
      && !reid_is_ours (source)) {
    /* it calls it a failure to be ended before its first picture */
    run->cut = TRUE;
  } else if (run->exit == EXIT_OK || run->exit == EXIT_INTERRUPTED) {
    close_line (run);
    run->exit = reid_exit_of_error (error, source);
    if (reid_is_ours (source)) {
      if (run->exit == EXIT_NO_VIDEO)
        run->exit = EXIT_FAILED;
      reid_say_error ("%s", error->message);
    } else if (run->frames == 0
               && (run->exit == EXIT_NO_VIDEO || run->missing || run->no_picture
                   || (debug && strstr (debug, "not-linked")))) {
      run->exit = EXIT_NO_VIDEO;
      say_no_video (run, error);
    } else if (reid_is_input (source)) {
      say_no_input (run, error);
    } else {
      reid_say_error ("%s: %s", GST_OBJECT_NAME (source), error->message);
    }
  }
  g_error_free (error);
  g_free (debug);
  g_main_loop_quit (run->loop);
}

static void
take_warning (Run *run, GstMessage *message)
{
  GError *error = NULL;

  gst_message_parse_warning (message, &error, NULL);
  /* The pipeline asked for a picture and the file had none to give, or there
   * is no decoder: the error that follows says so in one line. */
  if (g_error_matches (error, GST_PARSE_ERROR, GST_PARSE_ERROR_DELAYED_LINK)) {
    run->no_picture = TRUE;
  } else if (!g_error_matches (error, GST_CORE_ERROR,
                               GST_CORE_ERROR_MISSING_PLUGIN)
             && !g_error_matches (error, GST_STREAM_ERROR,
                                  GST_STREAM_ERROR_CODEC_NOT_FOUND)) {
    close_line (run);
    g_printerr ("gst-reid: warning: %s\n", error->message);
  }
  g_error_free (error);
}

static void
take_missing (Run *run, const GstStructure *s)
{
  const gchar *name = gst_structure_get_string (s, "name");

  if (!run->missing)
    run->missing = g_strdup (name ? name : "its format");
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Run *run = data;
  const GstStructure *s;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      take_error (run, message);
      break;
    case GST_MESSAGE_WARNING:
      take_warning (run, message);
      break;
    case GST_MESSAGE_APPLICATION:
      take_application (run, gst_message_get_structure (message));
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit (run->loop);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (run->pipeline));
      break;
    case GST_MESSAGE_ELEMENT:
      s = gst_message_get_structure (message);
      if (gst_structure_has_name (s, "reid-progress")) {
        show_progress (run, s);
      } else if (gst_structure_has_name (s, "reid-presence")) {
        show_presence (run, s);
      } else if (gst_structure_has_name (s, "reid-identities")) {
        if (run->identities)
          gst_structure_free (run->identities);
        run->identities = gst_structure_copy (s);
      } else if (gst_structure_has_name (s, "missing-plugin")) {
        take_missing (run, s);
      }
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* The time is over, as was asked: an end like any other. */
static gboolean
on_time_over (gpointer data)
{
  Run *run = data;

  g_atomic_int_set (&run->asked_to_end, 1);
  gst_element_send_event (run->pipeline, gst_event_new_eos ());
  return G_SOURCE_REMOVE;
}

/* The first interrupt ends the stream, so that every track is still closed,
 * embedded and clustered; the second stops at once. */
static gboolean
on_interrupt (gpointer data)
{
  Run *run = data;

  close_line (run);
  if (run->interrupts++ > 0) {
    g_printerr ("gst-reid: stopping at once\n");
    g_main_loop_quit (run->loop);
    return G_SOURCE_CONTINUE;
  }
  g_printerr ("gst-reid: interrupted; keeping what was processed (once more "
              "stops at once)\n");
  run->exit = EXIT_INTERRUPTED;
  g_atomic_int_set (&run->asked_to_end, 1);
  for_each_cluster (run, mark_partial);
  gst_element_send_event (run->pipeline, gst_event_new_eos ());
  return G_SOURCE_CONTINUE;
}

/* Whether it takes a GPU where there is one. */
static gboolean
takes_any_device (GstElement *element)
{
  gchar *device = NULL;
  gboolean any;

  if (!reid_is_ours (GST_OBJECT (element))
      || !g_object_class_find_property (G_OBJECT_GET_CLASS (element), "device"))
    return FALSE;
  g_object_get (element, "device", &device, NULL);
  any = !device || !*device || g_str_equal (device, "auto");
  g_free (device);
  return any;
}

/* Before anything runs: the elements tell only the log, each of them. */
static void
tell_gpu_advice (Run *run)
{
  GstIterator *it = gst_bin_iterate_recurse (GST_BIN (run->pipeline));
  GValue value = G_VALUE_INIT;
  gboolean any = FALSE;
  char advice[512];

  while (!any && gst_iterator_next (it, &value) == GST_ITERATOR_OK) {
    any = takes_any_device (g_value_get_object (&value));
    g_value_reset (&value);
  }
  g_value_unset (&value);
  gst_iterator_free (it);
  if (any && reid_gpu_advice (advice, sizeof advice))
    g_printerr ("gst-reid: warning: %s\n", advice);
}

/* Before anything runs. */
static void
check_owner (Run *run, GstElement *cluster)
{
  if (run->exit == EXIT_OK && !reid_input_owns (cluster, run->full_input))
    run->exit = EXIT_OUTPUT;
}

static gint
run_pipeline (Run *run)
{
  GstBus *bus = gst_element_get_bus (run->pipeline);
  guint watch = gst_bus_add_watch (bus, on_message, run);
  guint sigint, sigterm, timer = 0;

  run->loop = g_main_loop_new (NULL, FALSE);
  sigint = g_unix_signal_add (SIGINT, on_interrupt, run);
  sigterm = g_unix_signal_add (SIGTERM, on_interrupt, run);
  if (gst_element_set_state (run->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE) {
    /* the element has said why; look for it */
    GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    if (message) {
      take_error (run, message);
      gst_message_unref (message);
    } else {
      reid_say_error ("the pipeline does not start");
      run->exit = EXIT_FAILED;
    }
  } else {
    if (run->seconds > 0)
      timer = g_timeout_add_seconds ((guint) run->seconds, on_time_over, run);
    g_main_loop_run (run->loop);
  }
  /* taking it down may still say something: a partial end, a full disk; the
   * last step to NULL would drop it */
  gst_element_set_state (run->pipeline, GST_STATE_READY);
  for (GstMessage *m; (m = gst_bus_pop (bus)); gst_message_unref (m))
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT
        || GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING
        || GST_MESSAGE_TYPE (m) == GST_MESSAGE_APPLICATION
        || (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR
            && (run->exit == EXIT_OK
                || (run->exit == EXIT_INTERRUPTED
                    && reid_is_ours (GST_MESSAGE_SRC (m))))))
      on_message (bus, m, run);
  gst_element_set_state (run->pipeline, GST_STATE_NULL);
  close_line (run);
  if (run->cut && !run->identities)
    g_printerr ("gst-reid: nothing had been processed\n");
  g_source_remove (watch);
  if (timer && g_main_context_find_source_by_id (NULL, timer))
    g_source_remove (timer);
  g_source_remove (sigint);
  g_source_remove (sigterm);
  gst_object_unref (bus);
  g_main_loop_unref (run->loop);
  return run->exit;
}

gint
reid_command_run (gint argc, gchar **argv)
{
  gboolean quiet = FALSE, same_input = FALSE;
  gint seconds = G_MININT;
  GOptionEntry entries[] = {
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "no progress line", NULL },
    { "same-input", 0, 0, G_OPTION_ARG_NONE, &same_input,
      "replace no results of another input", NULL },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds,
      "end the stream after so many seconds", "N" },
    { NULL }
  };
  GOptionContext *context =
      g_option_context_new ("-- PIPELINE - run a gst-launch line");
  Run run = { .duration = GST_CLOCK_TIME_NONE };
  GError *error = NULL;
  gint code;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    g_option_context_free (context);
    return EXIT_USAGE;
  }
  g_option_context_free (context);
  if (seconds != G_MININT && seconds < 1) {
    reid_say_error ("--seconds must be a whole number from 1 on, not %d",
                    seconds);
    return EXIT_USAGE;
  }
  argv++;
  if (*argv && g_str_equal (*argv, "--"))
    argv++;
  if (!*argv) {
    reid_say_error ("no pipeline: gst-reid run -- ELEMENT ! ELEMENT ...");
    return EXIT_USAGE;
  }
  run.pipeline = gst_parse_launchv_full ((const gchar **) argv, NULL,
                                         GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!run.pipeline || error) {
    reid_say_error ("%s", error ? error->message : "no such pipeline");
    g_clear_error (&error);
    gst_clear_object (&run.pipeline);
    return EXIT_USAGE;
  }
  if (!GST_IS_BIN (run.pipeline)) {
    GstElement *bin = gst_pipeline_new (NULL);
    gst_bin_add (GST_BIN (bin), run.pipeline);
    run.pipeline = bin;
  }
  run.quiet = quiet;
  run.seconds = seconds;
  run.tty = isatty (STDERR_FILENO);
  run.input = reid_input_of (run.pipeline);
  run.full_input = reid_input_full (run.input);
  if (same_input)
    for_each_cluster (&run, check_owner);
  for_each_cluster (&run, watch_cluster);
  if (run.exit == EXIT_OK)
    tell_gpu_advice (&run);
  code = run.exit == EXIT_OK ? run_pipeline (&run) : run.exit;
  if (run.identities) {
    gboolean partial = FALSE;
    gst_structure_get_boolean (run.identities, "partial", &partial);
    show_identities (run.identities);
    if (partial)
      g_print ("\nThese results are partial.\n");
    gst_structure_free (run.identities);
  }
  gst_object_unref (run.pipeline);
  g_free (run.input);
  g_free (run.full_input);
  g_free (run.missing);
  return code;
}
