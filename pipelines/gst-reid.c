/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid: runs a pipeline and shows how it goes, and does what needs no
 * video: clusters an archive anew, makes other vectors of its faces,
 * tells what is in it, lists networks,
 * downloads and measures them. */
#include "gst-reid.h"

#include <gst/gst.h>
#include <locale.h>
#include <string.h>

static const struct {
  const gchar *name, *help;
  gint (*run) (gint argc, gchar **argv);
} commands[] = {
  { "run", "run a gst-launch line, show its progress and its people",
    reid_command_run },
  { "cluster", "make people of an archive's tracks anew, without the video",
    reid_command_cluster },
  { "embed",
    "make vectors of an archive's faces with another network; list, use, drop "
    "them",
    reid_command_embed },
  { "info", "tell what an archive holds", reid_command_info },
  { "models", "list the networks that are found; `models get` downloads some",
    reid_command_models },
  { "layers", "list the tensors inside a network, for reidembed's layers",
    reid_command_layers },
  { "bench", "measure networks on this machine; --compare two such runs",
    reid_command_bench },
};

void
reid_say_error (const gchar *format, ...)
{
  va_list args;
  gchar *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_strdelimit (text, "\r\n", ' ');
  g_printerr ("gst-reid: error: %s\n", text);
  g_free (text);
}

static void
print_help (void)
{
  g_print ("Usage: gst-reid COMMAND [ARGUMENTS]\n\n"
           "Who is on screen, and when.\n\nCommands:\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_print ("  %-8s  %s\n", commands[i].name, commands[i].help);
  g_print ("\n`gst-reid COMMAND --help` tells more. Exit codes: 0 done, 1 "
           "failed, 2 wrong\narguments, 3 no such input, 4 no video in it, 5 "
           "results cannot be written,\n130 interrupted (what was processed is "
           "kept).\n");
}

gint
main (gint argc, gchar **argv)
{
  setlocale (LC_ALL, "");
  if (argc < 2 || g_str_equal (argv[1], "help")
      || g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")) {
    print_help ();
    return argc < 2 ? EXIT_USAGE : EXIT_OK;
  }
  if (g_str_equal (argv[1], "--version")) {
    g_print ("gst-reid %s\n", VERSION);
    return EXIT_OK;
  }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (argv[1], commands[i].name)) {
      gchar *name = g_strconcat ("gst-reid ", commands[i].name, NULL);
      g_set_prgname (name); /* for its --help */
      g_free (name);
      return commands[i].run (argc - 1, argv + 1);
    }
  reid_say_error ("no command \"%s\"; `gst-reid help` lists them", argv[1]);
  return EXIT_USAGE;
}
