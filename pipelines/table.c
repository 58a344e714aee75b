/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables for people. */
#include "table.h"

struct ReidTable {
  guint n_columns;
  GPtrArray *cells;
};

gchar *
reid_printable (const gchar *text)
{
  gchar *valid = g_utf8_make_valid (text, -1);
  GString *s = g_string_new (NULL);

  for (const gchar *p = valid; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    g_string_append_unichar (s, g_unichar_iscntrl (c) ? '?' : c);
  }
  g_free (valid);
  return g_string_free (s, FALSE);
}

ReidTable *
reid_table_new (guint n_columns)
{
  ReidTable *table = g_new0 (ReidTable, 1);

  table->n_columns = n_columns;
  table->cells = g_ptr_array_new_with_free_func (g_free);
  return table;
}

void
reid_table_add (ReidTable *table, ...)
{
  va_list args;

  va_start (args, table);
  for (guint i = 0; i < table->n_columns; i++)
    g_ptr_array_add (table->cells, reid_printable (va_arg (args, gchar *)));
  va_end (args);
}

static guint
width_of (const gchar *text)
{
  guint width = 0;

  for (const gchar *p = text; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
  }
  return width;
}

void
reid_table_print (ReidTable *table, guint right_aligned)
{
  guint *widths = g_new0 (guint, table->n_columns);

  for (guint i = 0; i < table->cells->len; i++) {
    guint *w = &widths[i % table->n_columns];
    *w = MAX (*w, width_of (table->cells->pdata[i]));
  }
  for (guint i = 0; i < table->cells->len; i++) {
    const gchar *text = table->cells->pdata[i];
    guint column = i % table->n_columns;
    gboolean last = column + 1 == table->n_columns;
    gint pad = (gint) (widths[column] - width_of (text));
    if (right_aligned & (1u << column))
      g_print ("%*s%s%s", pad, "", text, last ? "\n" : "  ");
    else /* no blanks at the end of a line */
      g_print ("%s%*s%s", text, last ? 0 : pad, "", last ? "\n" : "  ");
  }
  g_free (widths);
  reid_table_free (table);
}

void
reid_table_free (ReidTable *table)
{
  g_ptr_array_free (table->cells, TRUE);
  g_free (table);
}
