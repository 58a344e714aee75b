/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid bench --compare: what two runs of gst-reid bench differ in. */
#include <jansson.h>

#include "gst-reid-bench.h"
#include "gst-reid.h"
#include "table.h"

static json_t *
read_json (const gchar *path)
{
  json_error_t why;
  json_t *all = json_load_file (path, JSON_REJECT_DUPLICATES, &why);

  if (!all) {
    reid_say_error ("%s: %s", path, why.text);
    return NULL;
  }
  if (json_integer_value (json_object_get (all, "version")) != REID_BENCH_FORMAT
      || !json_is_array (json_object_get (all, "results"))) {
    reid_say_error ("%s is not what `gst-reid bench --json` writes", path);
    json_decref (all);
    return NULL;
  }
  return all;
}

static const gchar *
word (const json_t *row, const gchar *name)
{
  const gchar *s = json_string_value (json_object_get (row, name));
  return s ? s : "?";
}

static gint64
whole (const json_t *row, const gchar *name)
{
  return (gint64) json_integer_value (json_object_get (row, name));
}

/* Of the same network and pictures, computed in the same way. */
static gboolean
is_alike (const json_t *a, const json_t *b)
{
  return g_str_equal (word (a, "model"), word (b, "model"))
         && g_str_equal (word (a, "device"), word (b, "device"))
         && g_str_equal (word (a, "precision"), word (b, "precision"))
         && whole (a, "width") == whole (b, "width")
         && whole (a, "height") == whole (b, "height")
         && whole (a, "batch") == whole (b, "batch");
}

/* The first one alike that was not taken before, and takes it: two networks may
 * have one name. */
static json_t *
take_row (const json_t *rows, const json_t *like, gboolean *taken)
{
  json_t *row;
  size_t i;

  json_array_foreach (rows, i, row)
  {
    if (!taken[i] && is_alike (row, like)) {
      taken[i] = TRUE;
      return row;
    }
  }
  return NULL;
}

static gchar *
ratio_text (gdouble before, gdouble after)
{
  return before > 0 ? g_strdup_printf ("%.2f", after / before) : g_strdup ("-");
}

static void
add_pair (ReidTable *table, const json_t *old, const json_t *row)
{
  gdouble x = json_number_value (json_object_get (old, "pictures_a_second")),
          y = json_number_value (json_object_get (row, "pictures_a_second")),
          m = json_number_value (json_object_get (old, "peak_bytes")),
          n = json_number_value (json_object_get (row, "peak_bytes"));
  gchar *cells[] = {
    g_strdup_printf ("%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT,
                     whole (row, "width"), whole (row, "height")),
    g_strdup_printf ("%" G_GINT64_FORMAT, whole (row, "batch")),
    g_strdup_printf ("%.1f/s", x),
    g_strdup_printf ("%.1f/s", y),
    ratio_text (x, y),
    g_strdup_printf ("%.0f MB", m / 1e6),
    g_strdup_printf ("%.0f MB", n / 1e6),
    ratio_text (m, n),
  };

  reid_table_add (table, word (row, "model"),
                  whole (row, "width") ? cells[0] : "-", word (row, "device"),
                  word (row, "precision"), cells[1], cells[2], cells[3],
                  cells[4], cells[5], cells[6], cells[7]);
  for (guint i = 0; i < G_N_ELEMENTS (cells); i++)
    g_free (cells[i]);
}

/* What was not the same for all lines of the two, and may be the reason for
 * what the table says. */
static void
print_settings (const json_t *a, const json_t *b)
{
  static const gchar *const names[] = { "gst-reid", "backend", "threads",
                                        "callers", "peak_gflops" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    json_t *x = json_object_get (a, names[i]),
           *y = json_object_get (b, names[i]);
    gchar *texts[2];

    if (json_equal (x, y))
      continue;
    for (gint k = 0; k < 2; k++) {
      json_t *v = k ? y : x;
      texts[k] =
          json_is_string (v)    ? reid_printable (json_string_value (v))
          : json_is_real (v)    ? g_strdup_printf ("%.1f", json_real_value (v))
          : json_is_integer (v) ? g_strdup_printf ("%" JSON_INTEGER_FORMAT,
                                                   json_integer_value (v))
                                : g_strdup ("?");
    }
    g_print ("%s: %s before, %s after\n", names[i], texts[0], texts[1]);
    g_free (texts[0]);
    g_free (texts[1]);
  }
}

static void
print_rest (size_t n, const gchar *file, const gchar *other)
{
  if (n > 0)
    g_print ("%zu more in %s that %s has not\n", n, file, other);
}

gint
reid_bench_compare (const gchar *before, const gchar *after)
{
  json_t *a = read_json (before), *b = a ? read_json (after) : NULL, *row;
  const json_t *rows_a = json_object_get (a, "results"),
               *rows_b = json_object_get (b, "results");
  size_t n_a = json_array_size (rows_a), found = 0, i;
  gboolean *taken = g_new0 (gboolean, n_a);
  ReidTable *table = reid_table_new (11);

  reid_table_add (table, "network", "size", "device", "precision", "batch",
                  "before", "after", "ratio", "memory before", "after",
                  "ratio");
  json_array_foreach (rows_b, i, row)
  {
    json_t *old = take_row (rows_a, row, taken);
    if (!old)
      continue;
    add_pair (table, old, row);
    found++;
  }
  if (found) {
    reid_table_print (table, 0x7f2);
    print_settings (a, b);
    print_rest (n_a - found, before, after);
    print_rest (json_array_size (rows_b) - found, after, before);
  } else {
    reid_table_free (table);
    if (b)
      reid_say_error ("%s and %s have no network, size, device, precision and "
                      "batch in common",
                      before, after);
  }
  g_free (taken);
  json_decref (a);
  json_decref (b);
  return found ? EXIT_OK : EXIT_INPUT;
}
