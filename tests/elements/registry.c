/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of elements rest on: GStreamer's registry holds the plugin of
 * this build. The first program that finds no registry loads every plugin of
 * the machine to write one, and what those leak must not be laid at the door
 * of another test: this one runs before them, alone. */
#include <gst/gst.h>

#include "test.h"

TEST (the_elements_are_those_of_this_build)
{
  static const gchar *const names[] = { "reiddetect", "reidtrack", "reidembed",
                                        "reidcluster" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstElementFactory *factory = gst_element_factory_find (names[i]);
    GstPlugin *plugin;

    CHECK_MSG (factory, "no %s", names[i]);
    if (!factory)
      continue;
    plugin = gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory));
    CHECK (plugin);
    CHECK_MSG (
        plugin
            && g_strcmp0 (gst_plugin_get_filename (plugin), REID_PLUGIN_FILE)
                   == 0,
        "%s is from %s, not from %s", names[i],
        plugin ? gst_plugin_get_filename (plugin) : "nowhere",
        REID_PLUGIN_FILE);
    g_clear_object (&plugin);
    gst_object_unref (factory);
  }
}

__attribute__ ((constructor)) static void
registry_init (void)
{
  gst_init (NULL, NULL);
}

TEST_MAIN ()
