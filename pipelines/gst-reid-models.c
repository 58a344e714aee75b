/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid models: which networks are found, which one is taken and why, and
 * which others can be had. */
#include <string.h>

#include "gst-reid.h"
#include "models-print.h"
#include "table.h"

/* As many digits of a hash as tell networks apart at a glance. */
#define SHORT_HASH 12
#define N_ROLES 2

static const GstReidModelRole roles[N_ROLES] = { GST_REID_MODEL_DETECTOR,
                                                 GST_REID_MODEL_EMBEDDER };

typedef struct {
  GPtrArray *index;
  gboolean whole_hashes;
  ReidTable *table;
  GPtrArray *remarks; /* lines below the table */
  GHashTable *hashes; /* of all files */
} Listing;

static void
add_row (Listing *l, const gchar *mark, const GstReidModel *m,
         const gchar *name, const gchar *kind, const gchar *licence)
{
  gchar *size = reid_size_text (m->size);
  gchar *hash = g_strndup (m->sha256, l->whole_hashes ? 64 : SHORT_HASH);

  reid_table_add (l->table, mark, name, kind, size, licence ? licence : "-",
                  hash, m->path);
  g_hash_table_add (l->hashes, g_strdup (m->sha256));
  g_free (hash);
  g_free (size);
}

static void remark (Listing *l, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static void
remark (Listing *l, const gchar *format, ...)
{
  va_list args;
  gchar *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (l->remarks, reid_printable (text));
  g_free (text);
}

static void
add_role (Listing *l, GstReidModelRole role, const GPtrArray *models)
{
  GstReidModel *taken = gst_reid_model_find (role, NULL, NULL);

  for (guint i = 0; i < models->len; i++) {
    const GstReidModel *m = models->pdata[i];
    add_row (l, i == 0 ? "*" : " ", m, m->name, reid_kind_text (role),
             m->licence);
  }
  if (taken) {
    remark (l, "%s: %s is taken, %s", reid_kind_text (role), taken->name,
            taken->reason);
    gst_reid_model_free (taken);
  } else {
    remark (l, "%s: none is found; `gst-reid models get %s` gets one",
            reid_kind_text (role),
            role == GST_REID_MODEL_DETECTOR ? "yunet" : "mobilefacenet");
  }
}

static gboolean
has_path (const GPtrArray *models, const gchar *path)
{
  for (guint i = 0; i < models->len; i++)
    if (g_str_equal (((GstReidModel *) models->pdata[i])->path, path))
      return TRUE;
  return FALSE;
}

/* A file that nothing is known of is used when it is named, and never else.
 * What is wrong with its .modelinfo is told here, since nobody would see it
 * otherwise. */
static void
add_other (Listing *l, const gchar *path)
{
  GError *error = NULL;
  GstReidModel *m = gst_reid_model_find (GST_REID_MODEL_DETECTOR, path, &error);
  const ReidPublishedModel *p;

  if (!m) {
    remark (l, "left out: %s", error->message);
    g_error_free (error);
    return;
  }
  p = reid_model_index_find_hash (l->index, m->sha256);
  add_row (l, " ", m, p ? p->name : m->name, p ? reid_kind_text (p->role) : "?",
           p ? p->licence : m->licence);
  if (p && p->untried)
    remark (l, "only taken when named: %s was never run with gst-reid",
            m->path);
  else
    remark (l,
            "only taken when named: %s is not known, and no .modelinfo beside "
            "it says role=detector or role=embedder",
            m->path);
  gst_reid_model_free (m);
}

static void
print_found (Listing *l)
{
  GPtrArray *found[N_ROLES];
  gchar **files = gst_reid_model_list_files ();

  l->table = reid_table_new (7);
  reid_table_add (l->table, " ", "name", "kind", "size", "licence", "sha-256",
                  "file");
  for (guint r = 0; r < N_ROLES; r++) {
    found[r] = gst_reid_model_list (roles[r]);
    add_role (l, roles[r], found[r]);
  }
  for (gchar **f = files; *f; f++)
    if (!has_path (found[0], *f) && !has_path (found[1], *f))
      add_other (l, *f);
  for (guint r = 0; r < N_ROLES; r++)
    g_ptr_array_unref (found[r]);
  g_strfreev (files);
  if (g_hash_table_size (l->hashes) > 0) {
    g_print ("Found (* = taken when none is named)\n\n");
    reid_table_print (l->table, 1u << 3);
  } else {
    g_print ("No network is found.\n");
    reid_table_free (l->table);
  }
  g_print ("\n");
  for (guint i = 0; i < l->remarks->len; i++)
    g_print ("%s\n", (const gchar *) l->remarks->pdata[i]);
}

static void
print_searched (void)
{
  gchar **dirs = gst_reid_model_get_search_path ();

  g_print ("\nSearched in\n\n");
  for (gchar **d = dirs; *d; d++) {
    gchar *text = reid_printable (*d);
    g_print ("  %s\n", text);
    g_free (text);
  }
  g_strfreev (dirs);
}

static gint
list (gboolean whole_hashes)
{
  GError *error = NULL;
  Listing l = { .whole_hashes = whole_hashes };

  l.index = reid_model_index_load (&error);
  if (!l.index) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    return EXIT_INPUT;
  }
  l.remarks = g_ptr_array_new_with_free_func (g_free);
  l.hashes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  print_found (&l);
  g_print ("\n");
  if (!reid_print_published (
          l.index, "To be had with `gst-reid models get NAME...`", l.hashes))
    g_print ("All networks that can be had are found.\n");
  print_searched ();
  g_hash_table_unref (l.hashes);
  g_ptr_array_unref (l.remarks);
  g_ptr_array_unref (l.index);
  return EXIT_OK;
}

gint
reid_command_models (gint argc, gchar **argv)
{
  gboolean whole_hashes = FALSE;
  GOptionEntry entries[] = { { "long", 'l', 0, G_OPTION_ARG_NONE, &whole_hashes,
                               "print whole hashes", NULL },
                             { NULL } };
  GOptionContext *context;
  GError *error = NULL;
  gint code = EXIT_OK;

  if (argc > 1 && g_str_equal (argv[1], "get"))
    return reid_command_models_get (argc - 1, argv + 1);
  context = g_option_context_new ("- list the networks that are found");
  g_option_context_set_description (
      context, "`gst-reid models get --help` tells how others are downloaded.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    code = EXIT_USAGE;
  } else if (argc > 1) {
    reid_say_error ("usage: gst-reid models [--long], or gst-reid models get "
                    "NAME...");
    code = EXIT_USAGE;
  }
  g_option_context_free (context);
  return code == EXIT_OK ? list (whole_hashes) : code;
}
