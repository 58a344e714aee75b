/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid embed: vectors of other networks for the faces in an archive, and
 * which of its vectors count. */
#include <gst/reid/gstreidembedder-private.h>
#include <gst/reid/reid.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "embed-chips.h"
#include "gst-reid-archive.h"
#include "gst-reid-errors.h"
#include "gst-reid.h"
#include "nn/nn.h"
#include "table.h"

#define MOST_BATCH 1024
#define MOST_THREADS 256
/* Unpacked at a time, unless asked for more: 50 MB. */
#define MOST_AT_ONCE 256
/* Between two lines of progress. */
#define TERMINAL_INTERVAL (G_TIME_SPAN_SECOND / 5)
#define OTHER_INTERVAL (5 * G_TIME_SPAN_SECOND)

typedef struct {
  gchar *path;
  gchar *model, *weights, *layers, *name, *device, *precision, *use, *drop;
  gint batch, threads;
  gboolean list, quiet;
} Embed;

static volatile sig_atomic_t interrupted;

static void
on_signal (int number)
{
  interrupted = 1;
}

/* Once more ends it at once; the archive stays as it was then, too. */
static void
catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal,
                              .sa_flags = (int) SA_RESETHAND };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

/* ---- the progress line */

typedef struct {
  GstReidEmbedder *embedder;
  gboolean quiet, tty, open;
  gint64 start, last;
} Progress;

static void
end_progress (Progress *p)
{
  if (p->open)
    g_printerr ("\r\033[K");
  p->open = FALSE;
}

/* Once for each network that the GPU fails on. */
static void
tell_moves (Progress *p)
{
  const GstReidModel *m;
  const gchar *why;

  while ((m = gst_reid_embedder_next_moved (p->embedder, &why))) {
    end_progress (p);
    g_printerr (
        "gst-reid: warning: the GPU cannot run %s, which goes on on the "
        "CPU, slower: %s\n",
        m->name, why);
  }
}

static void
show_progress (gsize done, gsize all, gpointer data)
{
  Progress *p = data;
  gint64 now = g_get_monotonic_time ();
  gdouble seconds = (gdouble) (now - p->start) * 1e-6;

  tell_moves (p);
  if (p->quiet || now - p->last < (p->tty ? TERMINAL_INTERVAL : OTHER_INTERVAL))
    return;
  p->last = now;
  g_printerr ("%s%zu of %zu faces   %.0f/s%s", p->tty ? "\r" : "", done, all,
              seconds > 0 ? (gdouble) done / seconds : 0,
              p->tty ? "\033[K" : "\n");
  p->open = p->tty;
}

/* ---- making */

static gint
exit_of_gerror (const GError *error)
{
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS)
      || g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS))
    return EXIT_USAGE;
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND)
      || g_error_matches (error, GST_RESOURCE_ERROR,
                          GST_RESOURCE_ERROR_OPEN_READ)
      || g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ))
    return EXIT_INPUT;
  return EXIT_FAILED;
}

/* Who names several networks wants vectors of all of them. */
static gint
open_embedder (const Embed *e, GstReidEmbedder **embedder)
{
  ReidEmbedderOptions options = { e->device, e->threads };
  GError *error = NULL;
  const gchar *why;
  gint code;

  if (e->precision)
    reid_precision_parse (e->precision, &options.precision);
  *embedder = gst_reid_embedder_open (e->model, e->weights, e->layers, &options,
                                      &error);
  if (!*embedder) {
    reid_say_error ("%s", error->message);
    code = exit_of_gerror (error);
    g_error_free (error);
    return code;
  }
  why = reid_embedder_dropped ((*embedder)->embedder);
  if (!why)
    return EXIT_OK;
  reid_say_error ("not enough memory for all networks of \"%s\": %s", e->model,
                  why);
  g_clear_pointer (embedder, gst_reid_embedder_close);
  return EXIT_FAILED;
}

static gboolean
begin (ReidAddition *addition, const gchar *name,
       const GstReidEmbedder *embedder, ReidError *error)
{
  gchar threshold[G_ASCII_DTOSTR_BUF_SIZE];
  const ReidAttribute known[] = {
    { "version", embedder->version },
    { "models", embedder->model },
    { "model_sha256", embedder->model_sha256 },
    { "licence", embedder->licence },
    { "weights", embedder->weights },
    { "layers", embedder->layers },
    { "projection", embedder->projection },
    { "threshold", isnan (embedder->threshold)
                       ? NULL
                       : g_ascii_formatd (threshold, sizeof threshold, "%.6g",
                                          embedder->threshold) },
    { "normalized", "true" }
  };
  ReidAttribute attributes[G_N_ELEMENTS (known)];
  gint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (known[i].value)
      attributes[n++] = known[i];
  return reid_addition_begin (addition, name,
                              reid_embedder_dims (embedder->embedder),
                              attributes, n, error);
}

static gboolean
keep_projections (ReidAddition *addition, const ReidEmbedder *embedder,
                  ReidError *error)
{
  ReidEmbedderMatrix m;
  gboolean ok = TRUE;

  for (int i = 0; ok && reid_embedder_matrix (embedder, i, &m); i++) {
    gsize row = (gsize) m.cols, n = (gsize) m.rows * row;
    gfloat *numbers = g_new (gfloat, row + n);
    memcpy (numbers, m.mean, row * sizeof *numbers);
    memcpy (numbers + row, m.data, n * sizeof *numbers);
    ok = reid_addition_add_projection (addition, m.sha256, (gsize) m.rows + 1,
                                       row, numbers, error);
    g_free (numbers);
  }
  return ok;
}

/* Frees the addition. */
static gint
make_vectors (const Embed *e, const gchar *name, GstReidEmbedder *embedder,
              ReidAddition *addition)
{
  guint size = e->batch > 0
                   ? (guint) e->batch
                   : (guint) MIN (reid_embedder_most_batch (embedder->embedder),
                                  MOST_AT_ONCE);
  Progress progress = { .embedder = embedder,
                        .quiet = e->quiet,
                        .tty = isatty (STDERR_FILENO),
                        .start = g_get_monotonic_time () };
  ReidEmbedJob job = { addition,     embedder->embedder, size,
                       &interrupted, show_progress,      &progress };
  ReidEmbedCounts counts = { .why = REID_ERROR_INIT };
  ReidError error = REID_ERROR_INIT;
  gsize all = reid_addition_episode (addition)->n_chips;
  gboolean first = !reid_vectors_current (reid_addition_episode (addition));
  const ReidAttribute current = { "embedder", name };
  gchar *shown;
  gboolean ok;

  progress.last = progress.start;
  ok = begin (addition, name, embedder, &error)
       && keep_projections (addition, embedder->embedder, &error)
       && reid_embed_chips (&job, &counts, &error)
       && reid_addition_attribute (
           addition, "backend",
           reid_embedder_device_reason (embedder->embedder), &error);
  tell_moves (&progress);
  end_progress (&progress);
  if (ok && counts.made == 0 && all > 0)
    ok = counts.failed == 0
             ? reid_error_set (&error, REID_ERROR_FORMAT,
                               "%s: the archive holds no pictures of its %zu "
                               "faces",
                               e->path, all)
             : reid_error_set (&error, REID_ERROR_UNSUPPORTED,
                               "no vector for any of %zu faces: %s", all,
                               counts.why.message);
  if (!ok) {
    reid_addition_abandon (addition);
    if (error.status != REID_OK)
      return reid_say_failure (&error);
    g_printerr ("gst-reid: interrupted; the archive is as it was\n");
    return EXIT_INTERRUPTED;
  }
  /* where there were none, they are the ones that count */
  if (!reid_addition_finish (addition, &current, first ? 1 : 0, &error))
    return reid_say_failure (&error);
  if (counts.failed > 0)
    g_printerr ("gst-reid: warning: no vector for %zu of %zu faces: %s\n",
                counts.failed, all, counts.why.message);
  if (counts.without > 0)
    g_printerr ("gst-reid: warning: no vector for %zu of %zu faces, whose "
                "pictures were not kept\n",
                counts.without, all);
  shown = reid_printable (name);
  g_print ("\"%s\": %zu vectors of %d numbers, version %s\n", shown,
           counts.made, reid_embedder_dims (embedder->embedder),
           embedder->version);
  if (!e->use) {
    gchar *path = reid_printable (e->path);
    if (first)
      g_print ("`gst-reid cluster %s` makes people of them.\n", path);
    else
      g_print ("`gst-reid embed %s --use %s` makes them the current ones.\n",
               path, shown);
    g_free (path);
  }
  g_free (shown);
  return EXIT_OK;
}

/* What comes afterwards must not fail for a slip of the pen. `made`: a set that
 * will be there by then, or NULL. */
static gboolean
check_name (const Embed *e, const ReidEpisode *episode, const gchar *name,
            const gchar *made)
{
  GString *known;

  if (!name || reid_embedding_find (episode, name)
      || (made && g_ascii_strcasecmp (name, made) == 0))
    return TRUE;
  known = g_string_new (NULL);
  for (size_t i = 0; i < episode->n_sets; i++)
    g_string_append_printf (known, "%s%s", i ? ", " : "",
                            episode->sets[i].name);
  reid_say_error ("%s holds no vectors \"%s\"%s%s", e->path, name,
                  known->len ? ", only: " : "", known->str);
  g_string_free (known, TRUE);
  return FALSE;
}

static gboolean
check_names (const Embed *e, const ReidEpisode *episode, const gchar *made)
{
  const ReidEmbeddingSet *current = reid_vectors_current (episode);
  const gchar *kept = e->use ? e->use : current ? current->name : NULL;

  if (!check_name (e, episode, e->use, made)
      || !check_name (e, episode, e->drop, made))
    return FALSE;
  if (!e->drop || !kept || g_ascii_strcasecmp (e->drop, kept) != 0)
    return TRUE;
  reid_say_error ("the vectors \"%s\" are the current ones: make others the "
                  "current ones first, with --use NAME",
                  kept);
  return FALSE;
}

/* Whether there is something to make of it. */
static gint
check_taken (const Embed *e, const gchar *name, const GstReidEmbedder *embedder,
             const ReidEpisode *episode, gboolean *make)
{
  const ReidEmbeddingSet *set = reid_embedding_find (episode, name);
  const char *version;

  *make = set == NULL;
  if (!set)
    return EXIT_OK;
  version = reid_vectors_text (episode, set, "version");
  if (set->dims > 0 && g_strcmp0 (version, embedder->version) == 0) {
    g_print ("\"%s\" is there already, version %s: nothing to do\n", name,
             version);
    return EXIT_OK;
  }
  reid_say_error ("%s already holds vectors \"%s\" of %s%s, not %s: give the "
                  "new ones another name with --name, or drop those first "
                  "with --drop",
                  e->path, name, version ? "version " : "an unknown version",
                  version ? version : "", embedder->version);
  return EXIT_USAGE;
}

static gint
make (const Embed *e)
{
  ReidError error = REID_ERROR_INIT;
  ReidAddition *addition = reid_addition_open (e->path, &error);
  const ReidEpisode *episode;
  GstReidEmbedder *embedder = NULL;
  const gchar *name;
  gboolean wanted = FALSE;
  gint code;

  if (!addition)
    return reid_say_failure (&error);
  episode = reid_addition_episode (addition);
  code = open_embedder (e, &embedder);
  if (code == EXIT_OK) {
    name = e->name ? e->name : embedder->model;
    code = check_names (e, episode, name) ? EXIT_OK : EXIT_USAGE;
    if (code == EXIT_OK)
      code = check_taken (e, name, embedder, episode, &wanted);
    if (wanted && code == EXIT_OK)
      code = make_vectors (e, name, embedder, g_steal_pointer (&addition));
  }
  reid_addition_abandon (addition);
  gst_reid_embedder_close (embedder);
  return code;
}

/* ---- what is there */

static const gchar *
cell (const char *text)
{
  return text && *text ? text : "-";
}

static void
print_list (const ReidEpisode *episode)
{
  ReidTable *table = reid_table_new (7);

  if (episode->n_sets == 0) {
    reid_table_free (table);
    g_print ("No vectors.\n");
    return;
  }
  reid_table_add (table, "", "name", "numbers", "version", "networks",
                  "threshold", "licence");
  for (size_t i = 0; i < episode->n_sets; i++) {
    const ReidEmbeddingSet *s = &episode->sets[i];
    gchar *dims =
        s->dims > 0 ? g_strdup_printf ("%d", s->dims) : g_strdup ("damaged");
    reid_table_add (table, s->current ? "*" : "", s->name, dims,
                    cell (reid_vectors_text (episode, s, "version")),
                    cell (reid_vectors_text (episode, s, "models")),
                    cell (reid_vectors_text (episode, s, "threshold")),
                    cell (reid_vectors_text (episode, s, "licence")));
    g_free (dims);
  }
  reid_table_print (table, 1u << 2 | 1u << 5);
}

static gint
use (const Embed *e, const ReidEpisode *episode)
{
  const ReidEmbeddingSet *set = reid_embedding_find (episode, e->use);
  gchar *people = reid_people_set (episode), *name;
  const ReidAttribute attributes[] = { { "embedder", set->name },
                                       { "reidcluster.embedder", people } };
  ReidError error = REID_ERROR_INIT;
  gboolean noted =
      !people || reid_episode_attribute (episode, "reidcluster.embedder");
  gboolean ok = reid_archive_put (e->path, attributes, noted ? 1 : 2, &error);

  g_free (people);
  if (!ok)
    return reid_say_failure (&error);
  name = reid_printable (set->name);
  g_print ("\"%s\" are the current vectors.\n", name);
  g_free (name);
  return EXIT_OK;
}

static gint
drop (const Embed *e, const ReidEpisode *episode)
{
  ReidError error = REID_ERROR_INIT;
  gchar *name;

  if (!reid_archive_drop_embeddings (e->path, e->drop, &error))
    return reid_say_failure (&error);
  name = reid_printable (reid_embedding_find (episode, e->drop)->name);
  g_print ("\"%s\" are no longer there.\n", name);
  g_free (name);
  return EXIT_OK;
}

/* Everything that is not making. */
static gint
arrange (const Embed *e)
{
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *episode = reid_episode_read_tables (e->path, &error);
  gint code = EXIT_OK;

  if (!episode)
    return reid_say_failure (&error);
  if (!check_names (e, episode, NULL))
    code = EXIT_USAGE;
  if (code == EXIT_OK && e->use)
    code = use (e, episode);
  if (code == EXIT_OK && e->drop)
    code = drop (e, episode);
  reid_episode_free (episode);
  if (code != EXIT_OK || !(e->list || e->use))
    return code;
  episode = reid_episode_read_tables (e->path, &error);
  if (!episode)
    return reid_say_failure (&error);
  if (e->list)
    print_list (episode);
  reid_say_stale (episode, e->path);
  reid_episode_free (episode);
  return EXIT_OK;
}

/* ---- arguments */

static gboolean
check_options (const Embed *e)
{
  ReidPrecision precision;

  if (!e->model && !e->list && !e->use && !e->drop)
    reid_say_error ("nothing to do: give --model MODEL to make vectors, --list "
                    "to see those that are there, --use NAME or --drop NAME");
  else if (!e->model
           && (e->weights || e->layers || e->name || e->device || e->precision
               || e->batch || e->threads))
    reid_say_error ("--weights, --layers, --name, --device, --precision, "
                    "--batch and --threads say how vectors are made: give "
                    "--model MODEL, too");
  else if (e->precision && !reid_precision_parse (e->precision, &precision))
    reid_say_error ("--precision is auto, f32, bf16 or f16, not \"%s\"",
                    e->precision);
  else if (e->batch < 0 || e->batch > MOST_BATCH)
    reid_say_error ("--batch is a whole number from 1 to %d, not %d",
                    MOST_BATCH, e->batch);
  else if (e->threads < 0 || e->threads > MOST_THREADS)
    reid_say_error ("--threads is a whole number from 1 to %d, not %d",
                    MOST_THREADS, e->threads);
  else
    return TRUE;
  return FALSE;
}

static const gchar description[] =
    "The vectors that are there stay as they are, until they are dropped by "
    "name. One set is\nthe current one: it is what `gst-reid cluster` makes "
    "people of. What is asked for\ntogether is done in the order make, use, "
    "drop, list.\n\n"
    "Examples:\n"
    "  gst-reid embed episode.reid --model mobilefacenet\n"
    "  gst-reid embed episode.reid --list\n"
    "  gst-reid embed episode.reid --use mobilefacenet\n"
    "  gst-reid cluster episode.reid\n"
    "  gst-reid embed episode.reid --drop reid-embed-s";

gint
reid_command_embed (gint argc, gchar **argv)
{
  Embed e = { 0 };
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_STRING, &e.model,
      "make vectors of the stored faces with this network, by name or file; "
      "several, separated by commas, make one vector",
      "MODEL" },
    { "weights", 'w', 0, G_OPTION_ARG_STRING, &e.weights,
      "what each of several networks counts, as in 0.6,0.4", "W,W,..." },
    { "layers", 0, 0, G_OPTION_ARG_STRING, &e.layers,
      "inner tensors in place of a network's output, as reidembed's layers",
      "LAYERS" },
    { "name", 'n', 0, G_OPTION_ARG_STRING, &e.name,
      "what they are called (default: the network's name)", "NAME" },
    { "device", 'd', 0, G_OPTION_ARG_STRING, &e.device,
      "auto, cpu, cuda, cuda:N, or a backend", "DEVICE" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &e.precision,
      "auto, f32, bf16 or f16", "P" },
    { "batch", 'b', 0, G_OPTION_ARG_INT, &e.batch,
      "faces at once (default: 16 on a CPU, 256 on a GPU)", "N" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &e.threads,
      "CPU threads (default: one for each core)", "N" },
    { "use", 'u', 0, G_OPTION_ARG_STRING, &e.use,
      "make these vectors the current ones", "NAME" },
    { "drop", 0, 0, G_OPTION_ARG_STRING, &e.drop,
      "take these vectors out of the archive", "NAME" },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &e.list,
      "list the vectors that are there", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &e.quiet, "no progress line", NULL },
    { NULL }
  };
  GOptionContext *context = g_option_context_new (
      "DIR - make vectors of an archive's faces with another network");
  gint code = EXIT_USAGE;

  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (reid_parse_arguments (context, &argc, &argv,
                            "gst-reid embed DIR --model MODEL [OPTIONS]; see "
                            "--help")
      && check_options (&e)) {
    e.path = argv[1];
    catch_signals ();
    code = e.model ? make (&e) : EXIT_OK;
    if (code == EXIT_OK && (e.list || e.use || e.drop))
      code = arrange (&e);
  }
  g_free (e.model);
  g_free (e.weights);
  g_free (e.layers);
  g_free (e.name);
  g_free (e.device);
  g_free (e.precision);
  g_free (e.use);
  g_free (e.drop);
  g_option_context_free (context);
  return code;
}
