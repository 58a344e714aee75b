/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_COMMAND_H__
#define __GST_REID_COMMAND_H__

#include <glib.h>

G_BEGIN_DECLS

/* Exit codes of gst-reid, and so of the scripts that call it. */
enum {
  EXIT_OK = 0,
  EXIT_FAILED = 1,   /* anything not named below */
  EXIT_USAGE = 2,    /* wrong arguments, or a pipeline that cannot be built */
  EXIT_INPUT = 3,    /* the input is missing or cannot be read */
  EXIT_NO_VIDEO = 4, /* the input holds no video that can be decoded */
  EXIT_OUTPUT = 5,   /* the results cannot be written */
  EXIT_INTERRUPTED = 130 /* Ctrl-C: what was processed is kept, as partial */
};

/* One line on stderr: "gst-reid: error: ...". */
void reid_say_error (const gchar *format, ...) G_GNUC_PRINTF (1, 2);

/* The subcommands; argv[0] is their own name. */
gint reid_command_run (gint argc, gchar **argv);
gint reid_command_cluster (gint argc, gchar **argv);
gint reid_command_embed (gint argc, gchar **argv);
gint reid_command_info (gint argc, gchar **argv);
gint reid_command_layers (gint argc, gchar **argv);
gint reid_command_bench (gint argc, gchar **argv);
gint reid_command_models (gint argc, gchar **argv);
gint reid_command_models_get (gint argc, gchar **argv);

G_END_DECLS

#endif /* __GST_REID_COMMAND_H__ */
