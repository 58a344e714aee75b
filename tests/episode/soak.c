/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ten minutes of a live feed, run as fast as it goes: the film over and over,
 * with a visitor in each round who is never seen again. People are named while
 * it runs, and memory does not grow with it. */
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <unistd.h>

#include "film.h"
#include "test.h"
#include "tinyonnx.h"

#define MINUTE (60u * FILM_RATE)
#define LENGTH (10 * MINUTE)
/* What the process may grow by after the second minute. */
#define MOST_GROWTH 10.0

typedef struct {
  GstElement *pipeline;
  GstBus *bus;
  bool failed;
  unsigned came, went, known; /* reid-presence so far */
  unsigned people;            /* of reid-identities */
  bool ended;
} Soak;

/* MB of memory in use; see proc(5). */
static double
resident (void)
{
  FILE *f = fopen ("/proc/self/status", "r");
  char line[256];
  double kb = 0;

  while (f && fgets (line, sizeof line, f))
    if (sscanf (line, "VmRSS: %lf kB", &kb) == 1)
      break;
  if (f)
    fclose (f);
  return kb / 1024;
}

static void
take_presence (Soak *s, const GstStructure *m)
{
  gboolean came = FALSE, is_new = FALSE;

  gst_structure_get (m, "came", G_TYPE_BOOLEAN, &came, "new", G_TYPE_BOOLEAN,
                     &is_new, NULL);
  s->came += came;
  s->went += !came;
  s->known += came && !is_new;
}

static void
take_messages (Soak *s, GstClockTime timeout)
{
  GstMessage *m;

  while (!s->failed && (m = gst_bus_timed_pop (s->bus, timeout))) {
    const GstStructure *structure = gst_message_get_structure (m);
    GError *error = NULL;
    switch (GST_MESSAGE_TYPE (m)) {
      case GST_MESSAGE_ERROR:
        gst_message_parse_error (m, &error, NULL);
        printf ("# %s\n", error->message);
        s->failed = true;
        break;
      case GST_MESSAGE_WARNING:
        gst_message_parse_warning (m, &error, NULL);
        printf ("# warning: %s\n", error->message);
        s->failed = true;
        break;
      case GST_MESSAGE_EOS:
        s->ended = true;
        break;
      case GST_MESSAGE_ELEMENT:
        if (gst_structure_has_name (structure, "reid-presence"))
          take_presence (s, structure);
        else if (gst_structure_has_name (structure, "reid-identities"))
          s->people = gst_value_list_get_size (
              gst_structure_get_value (structure, "identities"));
        break;
      default:
        break;
    }
    g_clear_error (&error);
    gst_message_unref (m);
    if (s->ended)
      break;
  }
}

/* Each picture is drawn once, but those with a visitor, who is another one in
 * each round. */
static GstBuffer *
make_frame (unsigned frame, unsigned *visitors)
{
  static uint8_t **drawn;
  unsigned length = film_shot_start (film_shots ());
  unsigned at = frame % length, round = frame / length;
  FilmFace faces[FILM_MOST];
  unsigned n = film_faces (at, round, faces);
  bool visited = false;
  GstBuffer *buffer;

  if (!drawn)
    drawn = g_new0 (uint8_t *, length);
  for (unsigned i = 0; i < n; i++)
    visited |= faces[i].person >= FILM_CAST;
  if (visited)
    *visitors = round + 1;
  if (!drawn[at] || visited) {
    if (!drawn[at])
      drawn[at] = g_malloc (FILM_BYTES);
    film_draw (at, round, false, drawn[at]);
  }
  buffer = gst_buffer_new_memdup (drawn[at], FILM_BYTES);
  GST_BUFFER_PTS (buffer) =
      gst_util_uint64_scale (frame, GST_SECOND, FILM_RATE);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / FILM_RATE;
  return buffer;
}

static bool
soak_start (Soak *s, const char *dir, const char *location)
{
  gchar *line = g_strdup_printf (
      "appsrc name=src is-live=true format=time block=true max-bytes=%u "
      "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! "
      "reiddetect model=%s/detector.onnx inference-size=320 ! reidtrack ! "
      "reidembed model=%s/colour.onnx max-latency=100000000 ! "
      "reidcluster mode=online %s%s ! fakesink sync=false",
      4 * FILM_BYTES, FILM_WIDTH, FILM_HEIGHT, FILM_RATE, dir, dir,
      location ? "location=" : "", location ? location : "");
  GError *error = NULL;

  memset (s, 0, sizeof *s);
  s->pipeline = gst_parse_launch (line, &error);
  g_free (line);
  if (error) {
    printf ("# %s\n", error->message);
    g_error_free (error);
    return false;
  }
  s->bus = gst_element_get_bus (s->pipeline);
  /* as a live source does */
  return gst_element_set_state (s->pipeline, GST_STATE_PLAYING)
         != GST_STATE_CHANGE_FAILURE;
}

static void
soak_end (Soak *s)
{
  if (!s->pipeline)
    return;
  gst_element_set_state (s->pipeline, GST_STATE_NULL);
  gst_clear_object (&s->bus);
  gst_clear_object (&s->pipeline);
}

static void
soak (const char *dir, const char *location)
{
  unsigned length = film_shot_start (film_shots ());
  unsigned rounds = (LENGTH + length - 1) / length;
  unsigned visitors = 0;
  double at_two = 0, most = 0;
  GstElement *src;
  Soak s;

  REQUIRE (soak_start (&s, dir, location));
  src = gst_bin_get_by_name (GST_BIN (s.pipeline), "src");
  for (unsigned frame = 0; frame < LENGTH && !s.failed; frame++) {
    CHECK (gst_app_src_push_buffer (GST_APP_SRC (src),
                                    make_frame (frame, &visitors))
           == GST_FLOW_OK);
    take_messages (&s, 0);
    if (frame == 2 * MINUTE) {
      at_two = resident ();
      /* the six who come back, and those who visited so far */
      CHECK_MSG (s.came > 2 * 3 * FILM_CAST, "%u came in two minutes", s.came);
      CHECK_MSG (s.known > 2 * 2 * FILM_CAST, "%u were known again", s.known);
      CHECK_MSG (s.went > 2 * 2 * FILM_CAST, "%u went", s.went);
    }
    if (frame > 2 * MINUTE && frame % FILM_RATE == 0)
      most = MAX (most, resident ());
    if (frame % MINUTE == 0)
      printf ("# minute %u: %.1f MB, %u came, %u of them known, %u went\n",
              frame / MINUTE, resident (), s.came, s.known, s.went);
  }
  CHECK_MSG (s.came > rounds * 2 * FILM_CAST, "%u came before EOS", s.came);
  CHECK (!s.ended && s.people == 0);
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  take_messages (&s, 60 * GST_SECOND);
  CHECK (s.ended && !s.failed);
  /* the outputs of an archive are made at the end, of all that is in it */
  if (!location)
    most = MAX (most, resident ());
  printf ("# %.1f MB after two minutes, %.1f at most after that, %.1f at the "
          "end; %u people\n",
          at_two, most, resident (), s.people);
  CHECK_MSG (most - at_two < MOST_GROWTH, "memory grew by %.1f MB",
             most - at_two);
  CHECK_MSG (s.people == FILM_CAST + visitors,
             "%u people, and not %u who come back and %u who do not", s.people,
             FILM_CAST, visitors);
  CHECK_MSG (s.came == s.went, "%u came, %u went", s.came, s.went);
  gst_object_unref (src);
  soak_end (&s);
}

static gchar *
make_networks (void)
{
  static gchar dir[] = "/tmp/reid-soak-XXXXXX";
  static bool made;
  gchar *detector, *embedder;

  if (made)
    return dir;
  if (!g_mkdtemp (dir))
    g_error ("no temporary folder");
  detector = g_build_filename (dir, "detector.onnx", NULL);
  embedder = g_build_filename (dir, "colour.onnx", NULL);
  if (!tiny_yunet (detector) || !tiny_embedder (embedder, TINY_EMBED_COLOUR))
    g_error ("cannot write %s", dir);
  g_free (detector);
  g_free (embedder);
  made = true;
  return dir;
}

TEST (ten_minutes)
{
  soak (make_networks (), NULL);
}

TEST (ten_minutes_with_an_archive)
{
  gchar *location = g_build_filename (make_networks (), "out", NULL);
  gchar *file = g_build_filename (location, "episode.json", NULL);

  soak (make_networks (), location);
  CHECK (g_file_test (file, G_FILE_TEST_IS_REGULAR));
  g_free (file);
  g_free (location);
}

__attribute__ ((constructor)) static void
init (void)
{
  gst_init (NULL, NULL);
}

__attribute__ ((destructor)) static void
clean (void)
{
  gchar *argv[] = { "rm", "-rf", make_networks (), NULL };

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                NULL, NULL);
}

TEST_MAIN ()
