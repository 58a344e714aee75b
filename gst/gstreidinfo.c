/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidinfo.h"

#include <string.h>

#define INFO_PREFIX "reid-info-"
#define PROJECTION_PREFIX "reid-projection-"
#define STATS_EVENT "reid-stats"
#define STAGES "stages"
#define STAGE "stage"

static const gchar *
factory_name (GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  return factory ? GST_OBJECT_NAME (factory) : G_OBJECT_TYPE_NAME (element);
}

GstEvent *
gst_reid_info_event (GstElement *element, const gchar *name, ...)
{
  gchar *title = g_strconcat (INFO_PREFIX, factory_name (element), NULL);
  GstStructure *s = gst_structure_new_empty (title);
  GParamSpec **specs;
  guint n;
  va_list args;

  g_free (title);
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;
    gchar *text;

    if (specs[i]->owner_type != G_OBJECT_TYPE (element)
        || (specs[i]->flags & G_PARAM_READWRITE) != G_PARAM_READWRITE)
      continue;
    g_value_init (&value, specs[i]->value_type);
    g_object_get_property (G_OBJECT (element), specs[i]->name, &value);
    text = G_VALUE_HOLDS_STRING (&value) ? g_value_dup_string (&value)
                                         : gst_value_serialize (&value);
    if (text)
      gst_structure_set (s, specs[i]->name, G_TYPE_STRING, text, NULL);
    g_free (text);
    g_value_unset (&value);
  }
  g_free (specs);
  va_start (args, name);
  for (; name; name = va_arg (args, const gchar *)) {
    const gchar *value = va_arg (args, const gchar *);
    if (value)
      gst_structure_set (s, name, G_TYPE_STRING, value, NULL);
  }
  va_end (args);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

const GstStructure *
gst_reid_info_parse (GstEvent *event, const gchar **factory)
{
  const GstStructure *s;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM_STICKY)
    return NULL;
  s = gst_event_get_structure (event);
  if (!s || !g_str_has_prefix (gst_structure_get_name (s), INFO_PREFIX))
    return NULL;
  *factory = gst_structure_get_name (s) + strlen (INFO_PREFIX);
  return s;
}

/* Sticky events of one type are told apart by the name of their structure. */
GstEvent *
gst_reid_projection_event (const gchar *name, guint rows, guint cols,
                           GBytes *numbers)
{
  gchar *title = g_strdup_printf (PROJECTION_PREFIX "%.16s", name);
  GstStructure *s = gst_structure_new (
      title, "name", G_TYPE_STRING, name, "rows", G_TYPE_UINT, rows, "cols",
      G_TYPE_UINT, cols, "numbers", G_TYPE_BYTES, numbers, NULL);

  g_free (title);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

gboolean
gst_reid_projection_parse (GstEvent *event, const gchar **name, guint *rows,
                           guint *cols, GBytes **numbers)
{
  const GstStructure *s;
  const GValue *value;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM_STICKY)
    return FALSE;
  s = gst_event_get_structure (event);
  if (!s || !g_str_has_prefix (gst_structure_get_name (s), PROJECTION_PREFIX))
    return FALSE;
  value = gst_structure_get_value (s, "numbers");
  *name = gst_structure_get_string (s, "name");
  if (!*name || !value || !G_VALUE_HOLDS (value, G_TYPE_BYTES)
      || !gst_structure_get_uint (s, "rows", rows)
      || !gst_structure_get_uint (s, "cols", cols))
    return FALSE;
  *numbers = g_value_get_boxed (value);
  return *numbers
         && g_bytes_get_size (*numbers)
                == (gsize) *rows * *cols * sizeof (gfloat);
}

GstEvent *
gst_reid_stats_event (GstElement *element, gdouble seconds, guint64 count,
                      const GstReidStage *stages, guint n_stages)
{
  GstStructure *s = gst_structure_new (
      STATS_EVENT, "element", G_TYPE_STRING, factory_name (element), "seconds",
      G_TYPE_DOUBLE, seconds, "count", G_TYPE_UINT64, count, NULL);
  GValue list = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_ARRAY);
  for (guint i = 0; i < n_stages; i++) {
    GValue value = G_VALUE_INIT;
    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &value,
        gst_structure_new (STAGE, "name", G_TYPE_STRING, stages[i].name, "time",
                           G_TYPE_UINT64, stages[i].time, "count",
                           G_TYPE_UINT64, stages[i].count, NULL));
    gst_value_array_append_and_take_value (&list, &value);
  }
  gst_structure_take_value (s, STAGES, &list);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, s);
}

gboolean
gst_reid_stats_parse (GstEvent *event, const gchar **factory, gdouble *seconds,
                      guint64 *count)
{
  const GstStructure *s;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM)
    return FALSE;
  s = gst_event_get_structure (event);
  if (!s || !gst_structure_has_name (s, STATS_EVENT))
    return FALSE;
  *factory = gst_structure_get_string (s, "element");
  return *factory && gst_structure_get_double (s, "seconds", seconds)
         && gst_structure_get_uint64 (s, "count", count);
}

guint
gst_reid_stats_parse_stages (GstEvent *event, GstReidStage *stages, guint most)
{
  const GValue *list =
      gst_structure_get_value (gst_event_get_structure (event), STAGES);
  guint n = 0;

  if (!list || !GST_VALUE_HOLDS_ARRAY (list))
    return 0;
  for (guint i = 0; i < gst_value_array_get_size (list) && n < most; i++) {
    const GValue *value = gst_value_array_get_value (list, i);
    const GstStructure *s = GST_VALUE_HOLDS_STRUCTURE (value)
                                ? gst_value_get_structure (value)
                                : NULL;
    if (!s)
      continue;
    stages[n] = (GstReidStage){ gst_structure_get_string (s, "name"), 0, 0 };
    if (stages[n].name && gst_structure_get_uint64 (s, "time", &stages[n].time)
        && gst_structure_get_uint64 (s, "count", &stages[n].count))
      n++;
  }
  return n;
}
