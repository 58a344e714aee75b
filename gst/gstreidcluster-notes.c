/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-notes.h"

static void
note (GstReidWriter *writer, const gchar *factory, const gchar *key,
      const gchar *value, const gint *cancel)
{
  gchar *full = g_strconcat (factory, ".", key, NULL);

  gst_reid_writer_attribute (writer, full, value, cancel);
  g_free (full);
}

/* What the vectors are is written beside them, since others may join them; and
 * the people are made of these. */
static void
note_vectors (GstReidWriter *writer, const GstStructure *info,
              const gint *cancel)
{
  static const struct {
    const gchar *field, *attribute;
  } kept[] = {
    { "embedding-version", "version" }, { "model-name", "models" },
    { "model-sha256", "model_sha256" }, { "model-licence", "licence" },
    { "model-threshold", "threshold" }, { "model-weights", "weights" },
    { "model-layers", "layers" },       { "projection", "projection" },
    { "normalize", "normalized" },      { "backend", "backend" }
  };
  const gchar *name = gst_structure_get_string (info, "model-name");
  const gchar *version = gst_structure_get_string (info, "embedding-version");

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++) {
    const gchar *value = gst_structure_get_string (info, kept[i].field);
    /* what is said a second time may be less */
    gst_reid_writer_vectors (writer, kept[i].attribute, value ? value : "",
                             cancel);
  }
  /* whatever `normalize` says */
  if (gst_structure_has_field (info, "model-weights")
      || gst_structure_has_field (info, "model-layers"))
    gst_reid_writer_vectors (writer, "normalized", "true", cancel);
  if (!name)
    return;
  gst_reid_writer_attribute (writer, "embedder", name, cancel);
  note (writer, "reidcluster", "embedder", name, NULL);
  if (version)
    note (writer, "reidcluster", "embedding-version", version, NULL);
}

void
gst_reid_notes_upstream (GstReidWriter *writer, const gchar *factory,
                         const GstStructure *info, const gint *cancel)
{
  for (gint i = 0; i < gst_structure_n_fields (info); i++) {
    const gchar *key = gst_structure_nth_field_name (info, i);
    /* nothing that changes with the machine but not with the answer: the text
     * of the outputs must not */
    if (!g_str_equal (key, "threads") && !g_str_equal (key, "batch-size")
        && !g_str_equal (key, "max-latency"))
      note (writer, factory, key, gst_structure_get_string (info, key), cancel);
  }
  if (g_str_equal (factory, "reidembed"))
    note_vectors (writer, info, cancel);
}

void
gst_reid_notes_own (GstReidWriter *writer, const GstStructure *info)
{
  for (gint i = 0; i < gst_structure_n_fields (info); i++) {
    const gchar *key = gst_structure_nth_field_name (info, i);
    /* where and how often say nothing of the answer */
    if (!g_str_equal (key, "location") && !g_str_equal (key, "partial")
        && !g_str_equal (key, "progress-interval"))
      note (writer, "reidcluster", key, gst_structure_get_string (info, key),
            NULL);
  }
}
