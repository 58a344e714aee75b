/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `gst-reid models` and `gst-reid models get` both print. */
#include "models-print.h"

#include "table.h"

const gchar *
reid_kind_text (GstReidModelRole role)
{
  return role == GST_REID_MODEL_DETECTOR ? "detector" : "embedder";
}

gchar *
reid_size_text (guint64 bytes)
{
  gchar *text = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
  /* a plain blank for its no-break one: people grep in tables */
  gchar **parts = g_strsplit (text, "\302\240", -1);

  g_free (text);
  text = g_strjoinv (" ", parts);
  g_strfreev (parts);
  return text;
}

gboolean
reid_print_published (const GPtrArray *index, const gchar *title,
                      GHashTable *have)
{
  ReidTable *table = NULL;

  for (guint i = 0; i < index->len; i++) {
    const ReidPublishedModel *p = index->pdata[i];
    gchar *size;
    if (have && g_hash_table_contains (have, p->sha256))
      continue;
    if (!table) {
      table = reid_table_new (6);
      reid_table_add (table, " ", "name", "kind", "size", "licence", "author");
    }
    size = reid_size_text (p->size);
    reid_table_add (table, " ", p->name, reid_kind_text (p->role), size,
                    p->licence, p->author);
    g_free (size);
  }
  if (!table)
    return FALSE;
  g_print ("%s\n\n", title);
  reid_table_print (table, 1u << 3);
  return TRUE;
}
