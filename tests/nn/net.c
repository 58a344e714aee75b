/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes one of the networks of nets.c. */
#include "nets.h"

#include <stdio.h>
#include <string.h>

static int
usage (void)
{
  fprintf (stderr, "usage: reid-net [--half | --external] NAME FILE\n"
                   "       reid-net --list\n");
  return 2;
}

/* A name, what its numbers are, and the shape of one input. */
static void
list (const NetInfo *n)
{
  printf ("%s %s", n->name, n->bytes ? "bytes" : "floats");
  if (n->rank == 5)
    printf (" 1 %d", n->frames);
  else
    printf (" %d", n->frames ? n->frames : 1);
  printf (" %d %d %d\n", n->channels, n->height, n->width);
}

int
main (int argc, char **argv)
{
  TinyStore store = TINY_FLOAT;
  NetInfo info;

  if (argc == 2 && strcmp (argv[1], "--list") == 0) {
    for (int i = 0; net_nth (i); i++)
      list (net_nth (i));
    return 0;
  }
  if (argc == 4 && strcmp (argv[1], "--half") == 0)
    store = TINY_HALF;
  else if (argc == 4 && strcmp (argv[1], "--external") == 0)
    store = TINY_EXTERNAL;
  else if (argc != 3)
    return usage ();
  if (!net_find (argv[argc - 2])) {
    fprintf (stderr, "reid-net: there is no network '%s'; see --list\n",
             argv[argc - 2]);
    return 2;
  }
  if (!net_write (argv[argc - 2], argv[argc - 1], store, &info)) {
    perror (argv[argc - 1]);
    return 1;
  }
  printf ("%s: %.2f M parameters, input %dx%dx%d\n", info.name, info.params,
          info.channels, info.height, info.width);
  return 0;
}
