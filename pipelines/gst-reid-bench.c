/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid bench: how fast networks run here, by batch; and what two such runs
 * differ in. */
#include <errno.h>
#include <glib/gstdio.h>
#include <gst/reid/reid.h>
#include <jansson.h>
#include <string.h>

#include "gst-reid.h"
#include "nn/measure.h"
#include "table.h"

#define MOST_SIZE 65536
#define DEFAULT_BATCHES "1,4,16"
#define MOST_BATCH 65536
#define FORMAT_VERSION 1

typedef struct {
  gchar **models, *device, *precision, *batches, *json;
  gint threads, callers;
  gint64 width, height; /* 0: the usual one */
  gdouble seconds;
  gboolean compare;
  json_t *rows;
  ReidTable *table;
  gboolean gpu; /* then the table has two columns more */
  gdouble peak;
  gchar *backend;
} Bench;

static gchar *text (const gchar *format, ...) G_GNUC_PRINTF (1, 2);

static gchar *
text (const gchar *format, ...)
{
  va_list args;
  gchar *s;

  va_start (args, format);
  s = g_strdup_vprintf (format, args);
  va_end (args);
  return s;
}

static void
begin_table (Bench *b, const ReidSession *s)
{
  b->backend = g_strdup (reid_session_device_reason (s));
  b->gpu = reid_session_on_gpu (s);
  b->table = reid_table_new (b->gpu ? 11 : 9);
  reid_table_add (b->table, "network", "precision", "batch", "ms/picture",
                  "pictures/s", "GFLOP/s", "of peak", "memory", "plan ms",
                  "GPU busy", "GPU memory");
}

static void
add_row (Bench *b, const gchar *name, ReidSession *s, gint64 batch,
         const ReidMeasurement *m)
{
  const gchar *precision = reid_precision_name (reid_session_precision (s));
  gchar *cells[] = {
    text ("%" G_GINT64_FORMAT, batch),
    text ("%.3f", m->ms / (gdouble) batch),
    text ("%.1f", m->pictures),
    text ("%.1f", m->gflops),
    b->peak > 0 ? text ("%.0f %%", 100 * m->gflops / b->peak) : g_strdup ("-"),
    text ("%.0f MB", (gdouble) m->memory / 1e6),
    text ("%.1f", m->plan_ms),
    m->gpu.samples ? text ("%.0f %%", 100 * m->gpu.busy) : g_strdup ("-"),
    m->gpu.samples
        ? text ("%.0f MB (%.0f %%)", (gdouble) m->gpu.memory / 1e6,
                100 * (gdouble) m->gpu.memory / MAX ((gdouble) m->gpu.total, 1))
        : g_strdup ("-")
  };
  json_t *row = json_pack (
      "{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:i}", "model",
      name, "device", reid_session_device (s), "precision", precision, "batch",
      (json_int_t) batch, "ms_a_run", m->ms, "fastest_ms", m->fastest,
      "cpu_ms_a_run", m->cpu_ms, "pictures_a_second", m->pictures, "gflops",
      m->gflops, "plan_ms", m->plan_ms, "peak_bytes", (json_int_t) m->memory,
      "runs", m->runs);

  reid_table_add (b->table, name, precision, cells[0], cells[1], cells[2],
                  cells[3], cells[4], cells[5], cells[6], cells[7], cells[8]);
  if (m->gpu.samples) {
    json_object_set_new (row, "gpu_busy", json_real (m->gpu.busy));
    json_object_set_new (row, "gpu_memory_bytes",
                         json_integer ((json_int_t) m->gpu.memory));
    json_object_set_new (row, "gpu_memory_total",
                         json_integer ((json_int_t) m->gpu.total));
  }
  json_array_append_new (b->rows, row);
  for (guint i = 0; i < G_N_ELEMENTS (cells); i++)
    g_free (cells[i]);
}

static gint
bench_model (Bench *b, const GstReidModel *model,
             const ReidSessionOptions *asked, const GArray *batches)
{
  ReidError error = REID_ERROR_INIT, gpu = REID_ERROR_INIT;
  ReidSessionOptions options = *asked;
  ReidSession *s;
  gint code = EXIT_OK;

  options.gpu_failure = &gpu;
  s = reid_session_open (model->path, &options, &error);

  if (!s) {
    reid_say_error ("%s", error.message);
    return error.status == REID_ERROR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
  }
  if (gpu.status != REID_OK)
    g_printerr ("gst-reid: warning: the GPU cannot run %s, which is measured "
                "on the CPU: %s\n",
                model->name, gpu.message);
  if (!b->table)
    begin_table (b, s);
  for (guint i = 0; i < batches->len && code == EXIT_OK; i++) {
    ReidMeasureOptions o = { .batch = g_array_index (batches, gint64, i),
                             .width = b->width,
                             .height = b->height,
                             .threads = b->threads,
                             .callers = b->callers,
                             .seconds = b->seconds };
    ReidMeasurement m;
    if (o.batch > 1 && !reid_session_batchable (s))
      continue;
    if (reid_measure (s, &o, &m, &error)) {
      add_row (b, model->name, s, o.batch, &m);
    } else {
      reid_say_error ("batch %" G_GINT64_FORMAT ": %s", (gint64) o.batch,
                      error.message);
      code = EXIT_FAILED;
    }
  }
  reid_session_unref (s);
  return code;
}

/* The networks that are named, or those that a pipeline would take. */
static GPtrArray *
find_models (Bench *b)
{
  GPtrArray *found =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_reid_model_free);
  GError *error = NULL;
  GstReidModel *m;

  for (gchar **name = b->models; name && *name; name++) {
    /* a path says nothing of the role; either will do to find it */
    m = gst_reid_model_find (GST_REID_MODEL_EMBEDDER, *name, NULL);
    if (!m)
      m = gst_reid_model_find (GST_REID_MODEL_DETECTOR, *name, &error);
    if (!m) {
      reid_say_error ("%s", error->message);
      g_error_free (error);
      g_ptr_array_unref (found);
      return NULL;
    }
    g_ptr_array_add (found, m);
  }
  for (gint role = 0; !b->models && role < 2; role++) {
    m = gst_reid_model_find (
        role ? GST_REID_MODEL_EMBEDDER : GST_REID_MODEL_DETECTOR, NULL, NULL);
    if (m)
      g_ptr_array_add (found, m);
  }
  return found;
}

static GArray *
parse_batches (const gchar *s)
{
  GArray *batches = g_array_new (FALSE, FALSE, sizeof (gint64));
  gchar **words = g_strsplit (s, ",", -1);

  for (gchar **w = words; *w; w++) {
    gint64 n = 0;
    if (!g_ascii_string_to_signed (*w, 10, 1, MOST_BATCH, &n, NULL)) {
      reid_say_error ("--batch takes whole numbers from 1 to %d with commas "
                      "between them, not \"%s\"",
                      MOST_BATCH, s);
      g_array_unref (batches);
      batches = NULL;
      break;
    }
    g_array_append_val (batches, n);
  }
  g_strfreev (words);
  return batches;
}

static gint
write_json (const Bench *b)
{
  json_t *all = json_pack (
      "{s:i, s:s, s:s, s:i, s:i, s:f, s:O}", "version", FORMAT_VERSION,
      "gst-reid", VERSION, "backend", b->backend, "threads", b->threads,
      "callers", b->callers, "peak_gflops", b->peak, "results", b->rows);
  gchar *s = all ? json_dumps (all, JSON_INDENT (1)) : NULL;
  GError *error = NULL;
  gboolean ok = s && g_file_set_contents (b->json, s, -1, &error);

  if (!ok)
    reid_say_error ("%s cannot be written: %s", b->json,
                    error ? error->message : "no memory");
  g_clear_error (&error);
  free (s);
  json_decref (all);
  return ok ? EXIT_OK : EXIT_OUTPUT;
}

static gint
bench (Bench *b)
{
  ReidSessionOptions options = { b->device, REID_PRECISION_AUTO };
  ReidError error = REID_ERROR_INIT;
  GArray *batches;
  GPtrArray *models;
  gint code = EXIT_OK;

  if (b->precision
      && !reid_precision_parse (b->precision, &options.precision)) {
    reid_say_error ("--precision is auto, f32, bf16 or f16, not \"%s\"",
                    b->precision);
    return EXIT_USAGE;
  }
  batches = parse_batches (b->batches ? b->batches : DEFAULT_BATCHES);
  if (!batches)
    return EXIT_USAGE;
  models = find_models (b);
  if (!models) {
    g_array_unref (batches);
    return EXIT_INPUT;
  }
  b->peak = reid_measure_peak (&options, b->threads, b->seconds, &error);
  if (error.status != REID_OK) {
    reid_say_error ("%s", error.message);
    code = error.status == REID_ERROR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
  }
  b->rows = json_array ();
  for (guint i = 0; i < models->len && code == EXIT_OK; i++)
    code = bench_model (b, models->pdata[i], &options, batches);
  if (code == EXIT_OK && b->table) {
    gchar *reason = reid_printable (b->backend ? b->backend : "");
    reid_table_print (b->table, 0x7fc);
    g_print ("%s; peak %.1f GFLOP/s (convolutions with 256 channels); "
             "%d caller%s\n",
             reason, b->peak, b->callers, b->callers == 1 ? "" : "s");
    g_free (reason);
    if (b->json)
      code = write_json (b);
  } else if (b->table) {
    reid_table_free (b->table);
  }
  json_decref (b->rows);
  g_free (b->backend);
  g_ptr_array_unref (models);
  g_array_unref (batches);
  return code;
}

/* --- comparing --- */

static json_t *
read_json (const gchar *path)
{
  json_error_t why;
  json_t *all = json_load_file (path, JSON_REJECT_DUPLICATES, &why), *rows;

  if (!all) {
    reid_say_error ("%s: %s", path, why.text);
    return NULL;
  }
  rows = json_object_get (all, "results");
  if (json_integer_value (json_object_get (all, "version")) != FORMAT_VERSION
      || !json_is_array (rows)) {
    reid_say_error ("%s is not what `gst-reid bench --json` writes", path);
    rows = NULL;
  }
  json_incref (rows);
  json_decref (all);
  return rows;
}

static const gchar *
word (const json_t *row, const gchar *name)
{
  const gchar *s = json_string_value (json_object_get (row, name));
  return s ? s : "?";
}

static json_t *
same_row (const json_t *rows, const json_t *like)
{
  size_t i;
  json_t *row;

  json_array_foreach (
      rows, i,
      row) if (g_str_equal (word (row, "model"), word (like, "model"))
               && g_str_equal (word (row, "device"), word (like, "device"))
               && g_str_equal (word (row, "precision"),
                               word (like, "precision"))
               && json_integer_value (json_object_get (row, "batch"))
                      == json_integer_value (
                          json_object_get (like, "batch"))) return row;
  return NULL;
}

static gint
compare (const gchar *before, const gchar *after)
{
  json_t *a = read_json (before), *b = a ? read_json (after) : NULL, *row;
  gint found = 0, missing = 0;
  size_t i;

  if (!b) {
    json_decref (a);
    return EXIT_INPUT;
  }
  ReidTable *table = reid_table_new (7);
  reid_table_add (table, "network", "device", "precision", "batch", "before",
                  "after", "ratio");
  json_array_foreach (b, i, row)
  {
    json_t *old = same_row (a, row);
    gdouble x, y;
    if (!old) {
      missing++;
      continue;
    }
    x = json_number_value (json_object_get (old, "pictures_a_second"));
    y = json_number_value (json_object_get (row, "pictures_a_second"));
    gchar *name = reid_printable (word (row, "model")),
          *device = reid_printable (word (row, "device")),
          *precision = reid_printable (word (row, "precision")),
          *batch = text (
              "%" G_GINT64_FORMAT,
              (gint64) json_integer_value (json_object_get (row, "batch"))),
          *was = text ("%.1f/s", x), *is = text ("%.1f/s", y),
          *ratio = x > 0 ? text ("%.2f", y / x) : g_strdup ("-");
    reid_table_add (table, name, device, precision, batch, was, is, ratio);
    found++;
    g_free (name);
    g_free (device);
    g_free (precision);
    g_free (batch);
    g_free (was);
    g_free (is);
    g_free (ratio);
  }
  if (found) {
    reid_table_print (table, 0x78);
    if (missing)
      g_print ("%d more in %s that the other has not\n", missing, after);
  } else {
    reid_table_free (table);
    reid_say_error ("%s and %s have no network, device, precision and batch "
                    "in common",
                    before, after);
  }
  json_decref (a);
  json_decref (b);
  return found ? EXIT_OK : EXIT_INPUT;
}

static gboolean
parse_size (const gchar *text, Bench *b)
{
  gchar **sides;
  gboolean ok;

  if (!text)
    return TRUE;
  sides = g_strsplit (text, "x", 3);
  ok = g_ascii_string_to_signed (sides[0] ? sides[0] : "", 10, 1, MOST_SIZE,
                                 &b->width, NULL);
  b->height = b->width;
  if (ok && sides[1])
    ok = g_ascii_string_to_signed (sides[1], 10, 1, MOST_SIZE, &b->height, NULL)
         && !sides[2];
  g_strfreev (sides);
  if (!ok)
    reid_say_error ("--size must be N or WIDTHxHEIGHT, each 1 to %d, not "
                    "\"%s\"",
                    MOST_SIZE, text);
  return ok;
}

gint
reid_command_bench (gint argc, gchar **argv)
{
  Bench b = { .callers = 1, .seconds = 1 };
  gchar *size = NULL;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &b.models,
      "a network, by name or file; may be given more than once (default: those "
      "that a pipeline takes)",
      "MODEL" },
    { "device", 'd', 0, G_OPTION_ARG_STRING, &b.device,
      "auto, cpu, cuda, cuda:N, or a backend", "DEVICE" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &b.precision,
      "auto, f32, bf16 or f16", "P" },
    { "batch", 'b', 0, G_OPTION_ARG_STRING, &b.batches,
      "pictures at once (default: " DEFAULT_BATCHES ")", "N,N,..." },
    { "threads", 't', 0, G_OPTION_ARG_INT, &b.threads,
      "CPU threads (default: one for each core)", "N" },
    { "callers", 'c', 0, G_OPTION_ARG_INT, &b.callers,
      "that ask at the same time (default: 1)", "N" },
    { "size", 0, 0, G_OPTION_ARG_STRING, &size,
      "of pictures for a network that takes any (default: 320)",
      "N or WIDTHxHEIGHT" },
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &b.seconds,
      "how long for each line (default: 1)", "S" },
    { "json", 0, 0, G_OPTION_ARG_FILENAME, &b.json, "write the results, too",
      "FILE" },
    { "compare", 0, 0, G_OPTION_ARG_NONE, &b.compare,
      "what changed from the first to the second of two such files", NULL },
    { NULL }
  };
  GOptionContext *context =
      g_option_context_new ("[A.json B.json] - measure networks");
  GError *error = NULL;
  gint code;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    code = EXIT_USAGE;
  } else if (b.compare ? argc != 3 : argc != 1) {
    reid_say_error (b.compare ? "usage: gst-reid bench --compare A.json B.json"
                              : "usage: gst-reid bench [--model MODEL]... "
                                "[--batch N,N,...]; see --help");
    code = EXIT_USAGE;
  } else if (b.threads < 0 || b.callers < 1 || b.seconds <= 0
             || b.seconds > 3600) {
    reid_say_error ("--threads is 0 or more, --callers is 1 or more, --seconds "
                    "is above 0 and at most 3600");
    code = EXIT_USAGE;
  } else if (!parse_size (size, &b)) {
    code = EXIT_USAGE;
  } else {
    code = b.compare ? compare (argv[1], argv[2]) : bench (&b);
  }
  g_option_context_free (context);
  g_strfreev (b.models);
  g_free (b.device);
  g_free (b.precision);
  g_free (b.batches);
  g_free (b.json);
  g_free (size);
  return code;
}
