/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid bench: how fast networks run here, by batch. */
#include <errno.h>
#include <glib/gstdio.h>
#include <gst/reid/reid.h>
#include <jansson.h>
#include <string.h>

#include "gst-reid-bench.h"
#include "gst-reid-errors.h"
#include "gst-reid.h"
#include "nn/measure.h"
#include "table.h"

#define MOST_SIZE 65536
#define DEFAULT_BATCHES "1,4,16"
#define MOST_BATCH 65536
#define DEFAULT_CALLERS 1
#define DEFAULT_SECONDS 1

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
  b->backend = reid_printable (reid_session_device_reason (s));
  b->gpu = reid_session_on_gpu (s);
  b->table = reid_table_new (b->gpu ? 13 : 11);
  reid_table_add (b->table, "network", "size", "precision", "batch",
                  "ms/picture", "pictures/s", "to single", "GFLOP/s", "of peak",
                  "memory", "plan ms", "GPU busy", "GPU memory");
}

/* single: pictures a second one at a time, 0 where that was not measured. */
static void
add_row (Bench *b, const gchar *name, ReidSession *s, gint64 batch,
         const ReidMeasurement *m, gdouble single)
{
  const gchar *precision = reid_precision_name (reid_session_precision (s));
  gchar *cells[] = {
    m->width
        ? text ("%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT, m->width, m->height)
        : g_strdup ("-"),
    text ("%" G_GINT64_FORMAT, batch),
    text ("%.3f", m->ms / (gdouble) batch),
    text ("%.1f", m->pictures),
    single > 0 ? text ("%.2f", m->pictures / single) : g_strdup ("-"),
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
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:i}",
      "model", name, "device", reid_session_device (s), "precision", precision,
      "width", (json_int_t) m->width, "height", (json_int_t) m->height, "batch",
      (json_int_t) batch, "ms_a_run", m->ms, "fastest_ms", m->fastest,
      "cpu_ms_a_run", m->cpu_ms, "pictures_a_second", m->pictures, "gflops",
      m->gflops, "plan_ms", m->plan_ms, "peak_bytes", (json_int_t) m->memory,
      "runs", m->runs);

  reid_table_add (b->table, name, cells[0], precision, cells[1], cells[2],
                  cells[3], cells[4], cells[5], cells[6], cells[7], cells[8],
                  cells[9], cells[10]);
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

/* How many at a time it takes only; 0 where any number will do. */
static gint64
only (const ReidSession *s)
{
  for (gint i = 0; i < reid_session_n_inputs (s); i++) {
    const ReidTensorInfo *info = reid_session_input (s, i);
    if (info->rank > 0 && info->dims[0] != REID_DIM_FREE)
      return info->dims[0];
  }
  return reid_session_batchable (s) ? 0 : 1;
}

static gint
measure_batches (Bench *b, const gchar *name, ReidSession *s,
                 const GArray *batches)
{
  ReidMeasurement *done = g_new0 (ReidMeasurement, batches->len);
  gint64 fixed = only (s);
  gdouble single = 0;
  gint code = EXIT_OK;
  guint left_out = 0;

  for (guint i = 0; i < batches->len && code == EXIT_OK; i++) {
    ReidMeasureOptions o = { .batch = g_array_index (batches, gint64, i),
                             .width = b->width,
                             .height = b->height,
                             .threads = b->threads,
                             .callers = b->callers,
                             .seconds = b->seconds };
    ReidError error = REID_ERROR_INIT;
    if (fixed && o.batch != fixed) {
      left_out++;
    } else if (reid_measure (s, &o, &done[i], &error)) {
      single = o.batch == 1 ? done[i].pictures : single;
    } else {
      done[i].runs = 0;
      reid_say_error ("batch %" G_GINT64_FORMAT ": %s", o.batch, error.message);
      code = EXIT_FAILED;
    }
  }
  for (guint i = 0; i < batches->len; i++)
    if (done[i].runs)
      add_row (b, name, s, g_array_index (batches, gint64, i), &done[i],
               single);
  if (left_out == batches->len) {
    reid_say_error ("\"%s\" runs %" G_GINT64_FORMAT
                    " at a time only: give --batch %" G_GINT64_FORMAT,
                    name, fixed, fixed);
    code = EXIT_USAGE;
  } else if (left_out) {
    g_printerr ("gst-reid: warning: \"%s\" runs %" G_GINT64_FORMAT
                " at a time only: other batches are left out\n",
                name, fixed);
  }
  g_free (done);
  return code;
}

static gint
bench_model (Bench *b, const GstReidModel *model,
             const ReidSessionOptions *asked, const GArray *batches)
{
  ReidError error = REID_ERROR_INIT, gpu = REID_ERROR_INIT;
  ReidSessionOptions options = *asked;
  ReidSession *s;
  gchar *name;
  gint code;

  options.gpu_failure = &gpu;
  s = reid_session_open (model->path, &options, &error);
  if (!s)
    return reid_say_failure (&error);
  name = reid_printable (model->name);
  if (gpu.status != REID_OK)
    g_printerr ("gst-reid: warning: the GPU cannot run %s, which is measured "
                "on the CPU: %s\n",
                name, gpu.message);
  if (!b->table)
    begin_table (b, s);
  code = measure_batches (b, name, s, batches);
  g_free (name);
  reid_session_unref (s);
  return code;
}

/* The networks that are named, or those that a pipeline would take. */
static GPtrArray *
find_models (Bench *b)
{
  static const GstReidModelRole roles[] = { GST_REID_MODEL_DETECTOR,
                                            GST_REID_MODEL_EMBEDDER };
  GPtrArray *found =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_reid_model_free);
  GError *error = NULL;

  for (gchar **name = b->models; name && *name && !error; name++) {
    /* a path says nothing of the role; either will do to find it */
    GstReidModel *m =
        gst_reid_model_find (GST_REID_MODEL_EMBEDDER, *name, NULL);
    if (!m)
      m = gst_reid_model_find (GST_REID_MODEL_DETECTOR, *name, &error);
    if (m)
      g_ptr_array_add (found, m);
  }
  /* whoever has networks for one role only has those measured */
  for (gsize i = 0; !b->models && i < G_N_ELEMENTS (roles); i++) {
    GstReidModel *m =
        gst_reid_model_find (roles[i], NULL, error ? NULL : &error);
    if (m)
      g_ptr_array_add (found, m);
  }
  if (!b->models && found->len > 0)
    g_clear_error (&error);
  if (error) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    g_clear_pointer (&found, g_ptr_array_unref);
  }
  return found;
}

static GArray *
parse_batches (const gchar *s)
{
  GArray *batches = g_array_new (FALSE, FALSE, sizeof (gint64));
  /* of nothing it would make no word, rather than an empty one */
  gchar **words = g_strsplit (*s ? s : ",", ",", -1);

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
      "{s:i, s:s, s:s, s:i, s:i, s:f, s:O}", "version", REID_BENCH_FORMAT,
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
  gint code = EXIT_OK, of_file = EXIT_OK;

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
  if (error.status != REID_OK)
    code = reid_say_failure (&error);
  b->rows = json_array ();
  /* one that fails keeps nobody from the others */
  for (guint i = 0; i < models->len && error.status == REID_OK; i++) {
    gint of_this = bench_model (b, models->pdata[i], &options, batches);
    code = code == EXIT_OK ? of_this : code;
  }
  if (json_array_size (b->rows) > 0) {
    reid_table_print (b->table, 0x1ffa);
    g_print ("%s; peak %.1f GFLOP/s (convolutions with 256 channels); "
             "%d caller%s\n",
             b->backend, b->peak, b->callers, b->callers == 1 ? "" : "s");
    if (b->json)
      of_file = write_json (b);
    code = code == EXIT_OK ? of_file : code;
  } else if (b->table) {
    reid_table_free (b->table);
  }
  json_decref (b->rows);
  g_free (b->backend);
  g_ptr_array_unref (models);
  g_array_unref (batches);
  return code;
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

static gboolean
is_measuring (const Bench *b, const gchar *size)
{
  return b->models || b->device || b->precision || b->batches || b->json || size
         || b->threads != 0 || b->callers != DEFAULT_CALLERS
         || b->seconds != DEFAULT_SECONDS;
}

gint
reid_command_bench (gint argc, gchar **argv)
{
  Bench b = { .callers = DEFAULT_CALLERS, .seconds = DEFAULT_SECONDS };
  gchar *size = NULL;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME_ARRAY, &b.models,
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
  } else if (b.compare && is_measuring (&b, size)) {
    reid_say_error ("--compare measures nothing: it takes two files, and no "
                    "other option");
    code = EXIT_USAGE;
  } else if (b.threads < 0 || b.callers < 1 || b.callers > REID_MEASURE_CALLERS
             || !(b.seconds > 0 && b.seconds <= 3600)) {
    reid_say_error ("--threads is 0 or more, --callers is 1 to %d, --seconds "
                    "is above 0 and at most 3600",
                    REID_MEASURE_CALLERS);
    code = EXIT_USAGE;
  } else if (!parse_size (size, &b)) {
    code = EXIT_USAGE;
  } else {
    code = b.compare ? reid_bench_compare (argv[1], argv[2]) : bench (&b);
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
