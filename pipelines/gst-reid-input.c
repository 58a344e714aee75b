/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pipeline reads, for messages and archives. */
#include "gst-reid-input.h"

#include <stdlib.h>

#include "archive/archive.h"
#include "gst-reid.h"

gchar *
reid_input_of (GstElement *pipeline)
{
  static const gchar *const properties[] = { "location", "uri", "device" };
  GstIterator *it = gst_bin_iterate_sources (GST_BIN (pipeline));
  GValue value = G_VALUE_INIT;
  gchar *input = NULL;

  while (!input && gst_iterator_next (it, &value) == GST_ITERATOR_OK) {
    GObject *source = g_value_get_object (&value);
    for (gsize i = 0; i < G_N_ELEMENTS (properties); i++)
      if (g_object_class_find_property (G_OBJECT_GET_CLASS (source),
                                        properties[i])) {
        g_object_get (source, properties[i], &input, NULL);
        break;
      }
    g_value_reset (&value);
  }
  g_value_unset (&value);
  gst_iterator_free (it);
  return input;
}

gchar *
reid_input_full (const gchar *input)
{
  char *path = input ? realpath (input, NULL) : NULL;
  /* archives hold UTF-8 */
  gchar *full = input ? g_filename_display_name (path ? path : input) : NULL;

  free (path);
  return full;
}

gboolean
reid_input_owns (GstElement *cluster, const gchar *full)
{
  gchar *location = NULL;
  char *owner = NULL;
  gboolean owns;

  g_object_get (cluster, "location", &location, NULL);
  if (location && *location)
    owner = reid_archive_attribute (location, "run.input", NULL);
  owns = !owner || g_strcmp0 (owner, full) == 0;
  if (!owns)
    reid_say_error ("%s holds the results of another video, %s: name another "
                    "folder, or this one if it may be replaced, with --out",
                    location, owner);
  free (owner);
  g_free (location);
  return owns;
}
