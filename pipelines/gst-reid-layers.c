/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid layers: the tensors inside a network, for reidembed's `layers`. */
#include <gst/reid/reid.h>

#include "gst-reid-errors.h"
#include "gst-reid.h"
#include "nn/nn.h"
#include "table.h"

/* For a network that takes any: what reidembed gives it, and where that does
 * not fit, what suits detectors. */
#define DEFAULT_SIZE 112
#define OTHER_SIZE 320

static gchar *
shape_text (const ReidTensor *t)
{
  GString *text = g_string_new ("[");

  for (gint i = 0; i < t->rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? "," : "",
                            (gint64) t->dims[i]);
  g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}

/* Shapes for one picture of this size where the file leaves it free. */
static gboolean
infer (ReidSession *s, gint size, ReidTensor *out, ReidError *error)
{
  ReidTensor *in = g_new0 (ReidTensor, (gsize) reid_session_n_inputs (s));
  gboolean ok;

  for (gint i = 0; i < reid_session_n_inputs (s); i++) {
    const ReidTensorInfo *info = reid_session_input (s, i);
    in[i].rank = info->rank;
    for (gint k = 0; k < info->rank; k++)
      in[i].dims[k] = info->dims[k] != REID_DIM_FREE ? info->dims[k]
                      : k == 0                       ? 1
                      : k == 1                       ? 3
                                                     : size;
  }
  ok = reid_session_infer (s, in, out, error);
  g_free (in);
  return ok;
}

static gint
print_layers (const GstReidModel *model, gint size)
{
  ReidSessionOptions options = { .device = "reference",
                                 .outputs = REID_OUTPUTS_ALL };
  ReidError error = REID_ERROR_INIT;
  ReidSession *s = reid_session_open (model->path, &options, &error);
  gint n = s ? reid_session_n_outputs (s) : 0;
  ReidTensor *out = g_new0 (ReidTensor, (gsize) MAX (n, 1));
  gboolean ok = s && infer (s, size ? size : DEFAULT_SIZE, out, &error);
  gint code = EXIT_OK;

  if (s && !ok && size == 0)
    ok = infer (s, OTHER_SIZE, out, NULL);
  if (ok) {
    ReidTable *table = reid_table_new (3);
    reid_table_add (table, "tensor", "operator", "shape");
    for (gint i = 0; i < n; i++) {
      const ReidTensorInfo *info = reid_session_output (s, i);
      gchar *name = reid_printable (info->name),
            *type = reid_printable (info->type ? info->type : ""),
            *shape = shape_text (&out[i]);
      reid_table_add (table, name, type, shape);
      g_free (name);
      g_free (type);
      g_free (shape);
    }
    reid_table_print (table, 0);
  } else {
    code = reid_say_failure (&error);
  }
  reid_session_unref (s);
  g_free (out);
  return code;
}

gint
reid_command_layers (gint argc, gchar **argv)
{
  gint size = 0, code = EXIT_OK;
  GOptionEntry entries[] = { { "size", 0, 0, G_OPTION_ARG_INT, &size,
                               "height and width for a network that takes any "
                               "(default: 112, or 320 where "
                               "that does not fit)",
                               "N" },
                             { NULL } };
  GOptionContext *context =
      g_option_context_new ("MODEL - list the tensors inside a network");
  GError *error = NULL;
  GstReidModel *model;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    reid_say_error ("%s", error->message);
    g_clear_error (&error);
    code = EXIT_USAGE;
  } else if (argc != 2 || size < 0 || size > 4096) {
    reid_say_error ("usage: gst-reid layers [--size N] MODEL, N from 1 to "
                    "4096");
    code = EXIT_USAGE;
  }
  g_option_context_free (context);
  if (code != EXIT_OK)
    return code;
  /* a path says nothing of the role; either will do to find it */
  model = gst_reid_model_find (GST_REID_MODEL_EMBEDDER, argv[1], NULL);
  if (!model)
    model = gst_reid_model_find (GST_REID_MODEL_DETECTOR, argv[1], &error);
  if (!model) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    return EXIT_INPUT;
  }
  code = print_layers (model, size);
  gst_reid_model_free (model);
  return code;
}
