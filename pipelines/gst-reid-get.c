/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid models get: known networks from their authors' places. */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "download.h"
#include "gst-reid.h"
#include "models-print.h"
#include "table.h"

#define DEFAULT_TIMEOUT 30
#define MAX_TIMEOUT 3600
#define PROGRESS_INTERVAL (G_TIME_SPAN_SECOND / 5)

static volatile sig_atomic_t interrupted;

static void
on_signal (int number)
{
  interrupted = 1;
}

/* No SA_RESTART: Ctrl-C must end the question, too. A full disk or a limit must
 * be an error that is told, and no death. */
static void
catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  signal (SIGXFSZ, SIG_IGN);
}

/* ---- the progress line */

typedef struct {
  const gchar *name;
  gboolean shown, tty;
  gint64 start, last;
  guint64 first; /* bytes that were there before */
} Progress;

static void
show_progress (guint64 done, guint64 size, gpointer data)
{
  Progress *p = data;
  gint64 now = g_get_monotonic_time ();
  gchar *of, *speed;
  gdouble seconds;

  if (p->start == 0) {
    p->start = now;
    p->first = done;
  }
  if (!p->tty || now - p->last < PROGRESS_INTERVAL)
    return;
  seconds = (gdouble) (now - p->start) / G_TIME_SPAN_SECOND;
  of = reid_size_text (size);
  speed =
      reid_size_text (seconds > 0 && done > p->first
                          ? (guint64) ((gdouble) (done - p->first) / seconds)
                          : 0);
  g_printerr ("\r\033[K%s  %3u %% of %s  %s/s", p->name,
              (guint) (done * 100 / size), of, speed);
  g_free (speed);
  g_free (of);
  p->shown = TRUE;
  p->last = now;
}

static void
end_progress (Progress *p)
{
  if (p->shown)
    g_printerr ("\r\033[K");
}

/* ---- what is there */

typedef enum { MISSING, PRESENT, OTHER_FILE, UNREADABLE } Presence;

static Presence
look (const ReidPublishedModel *m, const gchar *path)
{
  gchar sha256[REID_SHA256_TEXT];

  if (g_access (path, F_OK) != 0 && errno == ENOENT
      && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return MISSING;
  if (!reid_sha256_of_file (path, sha256))
    return UNREADABLE;
  return g_str_equal (sha256, m->sha256) ? PRESENT : OTHER_FILE;
}

static gboolean
is_searched (const gchar *path)
{
  gchar **files = gst_reid_model_list_files ();
  gboolean found = FALSE;
  struct stat ours, other;

  if (stat (path, &ours) == 0)
    for (gchar **f = files; *f && !found; f++)
      found = stat (*f, &other) == 0 && ours.st_ino == other.st_ino
              && ours.st_dev == other.st_dev;
  g_strfreev (files);
  return found;
}

/* ---- licences */

static void
show_licence (const ReidPublishedModel *m, const gchar *path)
{
  gchar *size = reid_size_text (m->size);
  gchar *to = reid_printable (path);

  g_print ("%s: a face %s, %s\n", m->name, reid_kind_text (m->role), size);
  g_print ("  by       %s\n", m->author);
  g_print ("  licence  %s, %s\n", m->licence, m->licence_url);
  g_print ("  from     %s\n", m->url);
  g_print ("  to       %s\n", to);
  if (m->untried)
    g_print ("  note     never run with gst-reid; only taken when named, and "
             "see docs/models.md\n           for the .modelinfo that it "
             "needs\n");
  g_free (to);
  g_free (size);
}

static gint
ask (guint n)
{
  gchar answer[16] = "";

  if (!isatty (STDIN_FILENO)) {
    reid_say_error ("nobody can be asked for consent to the licence, since "
                    "stdin is no terminal: add --yes to accept it");
    return EXIT_USAGE;
  }
  g_print ("\nAccept the %s above and download? [y/N] ",
           n > 1 ? "licences" : "licence");
  fflush (stdout);
  if (!fgets (answer, sizeof answer, stdin)) {
    g_print ("\n");
    if (interrupted)
      return EXIT_INTERRUPTED;
  }
  g_strstrip (answer);
  if (g_ascii_strcasecmp (answer, "y") == 0
      || g_ascii_strcasecmp (answer, "yes") == 0)
    return EXIT_OK;
  reid_say_error ("the licence was not accepted; nothing was downloaded");
  return EXIT_FAILED;
}

/* ---- the command */

typedef struct {
  gchar *dir;
  gint timeout;
  gboolean yes, list;
} Options;

static gint
download_one (const ReidPublishedModel *m, const gchar *path,
              const Options *options)
{
  Progress progress = { .name = m->name, .tty = isatty (STDERR_FILENO) };
  ReidDownload job = { .url = m->url,
                       .path = path,
                       .sha256 = m->sha256,
                       .size = m->size,
                       .timeout = (guint) options->timeout,
                       .stop = &interrupted,
                       .progress = show_progress,
                       .data = &progress };
  gchar *message = NULL, *shown;
  gint code = reid_download (&job, &message);

  end_progress (&progress);
  if (code != EXIT_OK) {
    reid_say_error ("%s: %s", m->name, message);
    g_free (message);
    return code;
  }
  shown = reid_printable (path);
  g_print ("%s: saved as %s, SHA-256 checked\n", m->name, shown);
  if (!is_searched (path))
    g_printerr ("gst-reid: warning: networks are not looked for in %s: add it "
                "to REID_MODEL_PATH, or name the file with model=%s\n",
                options->dir, shown);
  g_free (shown);
  return EXIT_OK;
}

/* The networks that the names stand for, each once; NULL when one of them
 * stands for none. */
static GPtrArray *
resolve (const GPtrArray *index, gchar **names)
{
  GPtrArray *wanted = g_ptr_array_new ();

  for (; *names; names++) {
    const ReidPublishedModel *m = reid_model_index_find (index, *names);
    if (!m) {
      gchar *all = reid_model_index_names (index);
      reid_say_error ("no network \"%s\" is known; there are %s", *names, all);
      g_free (all);
      g_ptr_array_unref (wanted);
      return NULL;
    }
    if (!g_ptr_array_find (wanted, m, NULL))
      g_ptr_array_add (wanted, (gpointer) m);
  }
  return wanted;
}

/* Drops those that are there already. EXIT_OK, or why one cannot be put where
 * it belongs. */
static gint
drop_present (GPtrArray *wanted, const gchar *dir)
{
  gint code = EXIT_OK;

  for (guint i = 0; i < wanted->len && code == EXIT_OK;) {
    const ReidPublishedModel *m = wanted->pdata[i];
    gchar *path = g_build_filename (dir, m->file, NULL);
    gchar *shown = reid_printable (path);
    switch (look (m, path)) {
      case MISSING:
        i++;
        break;
      case PRESENT:
        g_print ("%s: is there already: %s\n", m->name, shown);
        g_ptr_array_remove_index (wanted, i);
        break;
      case OTHER_FILE:
        reid_say_error ("%s: %s is there and is another file: move it away, or "
                        "name another folder with --dir",
                        m->name, path);
        code = EXIT_OUTPUT;
        break;
      case UNREADABLE:
        reid_say_error ("%s: %s cannot be read: %s; move it away, or name "
                        "another folder with --dir",
                        m->name, path, g_strerror (errno));
        code = EXIT_OUTPUT;
        break;
    }
    g_free (shown);
    g_free (path);
  }
  return code;
}

static gint
get (const GPtrArray *index, gchar **names, const Options *options)
{
  GPtrArray *wanted = resolve (index, names);
  gint code;

  if (!wanted)
    return EXIT_USAGE;
  code = drop_present (wanted, options->dir);
  if (code == EXIT_OK && wanted->len > 0) {
    for (guint i = 0; i < wanted->len; i++) {
      const ReidPublishedModel *m = wanted->pdata[i];
      gchar *path = g_build_filename (options->dir, m->file, NULL);
      show_licence (m, path);
      g_free (path);
    }
    code = options->yes ? EXIT_OK : ask (wanted->len);
  }
  if (code == EXIT_OK && wanted->len > 0
      && g_mkdir_with_parents (options->dir, 0777) != 0) {
    reid_say_error ("the folder %s cannot be made: %s; name another one with "
                    "--dir",
                    options->dir, g_strerror (errno));
    code = EXIT_OUTPUT;
    g_ptr_array_set_size (wanted, 0);
  }
  if (code != EXIT_OK)
    g_ptr_array_set_size (wanted, 0);
  /* one that cannot be had keeps nobody from the others */
  for (guint i = 0; i < wanted->len && !interrupted; i++) {
    const ReidPublishedModel *m = wanted->pdata[i];
    gchar *path = g_build_filename (options->dir, m->file, NULL);
    gint one = download_one (m, path, options);
    if (code == EXIT_OK || one == EXIT_INTERRUPTED)
      code = one;
    g_free (path);
  }
  g_ptr_array_unref (wanted);
  return code;
}

static gint
check_and_get (const GPtrArray *index, gint argc, gchar **argv,
               const Options *options)
{
  if (options->list) {
    if (argc > 1) {
      reid_say_error ("--list takes no names");
      return EXIT_USAGE;
    }
    reid_print_published (index, "Networks that can be had", NULL);
    return EXIT_OK;
  }
  if (options->timeout < 1 || options->timeout > MAX_TIMEOUT) {
    reid_say_error ("--timeout must be a number of seconds from 1 to %d, not "
                    "%d",
                    MAX_TIMEOUT, options->timeout);
    return EXIT_USAGE;
  }
  if (!*options->dir) {
    reid_say_error ("--dir needs a folder");
    return EXIT_USAGE;
  }
  if (argc < 2) {
    gchar *all = reid_model_index_names (index);
    reid_say_error ("usage: gst-reid models get [OPTIONS] NAME..., where NAME "
                    "is one of %s",
                    all);
    g_free (all);
    return EXIT_USAGE;
  }
  return get (index, argv + 1, options);
}

gint
reid_command_models_get (gint argc, gchar **argv)
{
  Options options = { .timeout = DEFAULT_TIMEOUT };
  GOptionEntry entries[] = {
    { "dir", 'd', 0, G_OPTION_ARG_FILENAME, &options.dir,
      "folder to save into (default: gst-reid/models in your data folder)",
      "DIR" },
    { "yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes,
      "accept the licences without being asked", NULL },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &options.list,
      "list what can be had, and download nothing", NULL },
    { "timeout", 't', 0, G_OPTION_ARG_INT, &options.timeout,
      "give up when nothing came for so many seconds (default: 30)", "N" },
    { NULL }
  };
  GOptionContext *context = g_option_context_new (
      "NAME... - download known networks from their authors");
  GError *error = NULL;
  GPtrArray *index = NULL;
  gint code = EXIT_USAGE;

  g_option_context_set_description (
      context, "The licence is shown first. A download that broke off goes on "
               "where it stopped\nwhen it is asked for again; a file with "
               "another SHA-256 is refused. https_proxy\nand no_proxy are "
               "honoured.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    reid_say_error ("%s", error->message);
  } else if (!(index = reid_model_index_load (&error))) {
    reid_say_error ("%s", error->message);
    code = EXIT_INPUT;
  } else {
    if (!options.dir)
      options.dir =
          g_build_filename (g_get_user_data_dir (), "gst-reid", "models", NULL);
    catch_signals ();
    code = check_and_get (index, argc, argv, &options);
    g_ptr_array_unref (index);
  }
  g_clear_error (&error);
  g_free (options.dir);
  g_option_context_free (context);
  return code;
}
