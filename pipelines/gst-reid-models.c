/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid models: which networks are found, and which one is taken. */
#include <gst/reid/reid.h>

#include "gst-reid.h"

static void
list_role (GstReidModelRole role, const gchar *title)
{
  GPtrArray *models = gst_reid_model_list (role);

  g_print ("%s\n", title);
  if (models->len == 0)
    g_print ("  none\n");
  for (guint i = 0; i < models->len; i++) {
    const GstReidModel *m = models->pdata[i];
    g_print ("  %c %-18s %-12s %.12s  %s\n", i == 0 ? '*' : ' ', m->name,
             m->licence ? m->licence : "-", m->sha256, m->path);
  }
  g_ptr_array_free (models, TRUE);
}

gint
reid_command_models (gint argc, gchar **argv)
{
  gchar **dirs;

  if (argc > 1) {
    reid_say_error ("usage: gst-reid models");
    return EXIT_USAGE;
  }
  gst_init (NULL, NULL);
  list_role (GST_REID_MODEL_DETECTOR, "Face detectors (* = taken when none is "
                                      "named)");
  list_role (GST_REID_MODEL_EMBEDDER, "Face embedders");
  g_print ("Searched in\n");
  dirs = gst_reid_model_get_search_path ();
  for (gchar **d = dirs; *d; d++)
    g_print ("  %s\n", *d);
  g_strfreev (dirs);
  return EXIT_OK;
}
