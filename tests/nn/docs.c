/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of operators and networks in docs/models.md, made from the code.
 *
 *   reid-nn-docs FILE            is it up to date? (TAP)
 *   reid-nn-docs --update FILE   makes it so */
#include "nets.h"
#include "nn/load.h"
#include "nn/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "<!-- made by reid-nn-docs -->\n"
#define END "<!-- end -->\n"

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
put_operators (FILE *f)
{
  const char *names[256];
  int n = 0, column = 0;

  while (n < 256 && (names[n] = reid_operator_name (n)))
    n++;
  qsort (names, (size_t) n, sizeof *names, by_name);
  fprintf (f, "%d operators, of the operator sets %d to %d:\n\n", n,
           REID_MIN_OPSET, REID_MAX_OPSET);
  for (int i = 0; i < n; i++) {
    const char *end = i + 1 < n ? "," : ".\n";
    int wide = (int) (strlen (names[i]) + strlen (end));
    if (column + wide > 78)
      column = 0, fprintf (f, "\n");
    column += wide + 1;
    fprintf (f, "%s%s%s", names[i], end,
             i + 1 < n && column + (int) strlen (names[i + 1]) + 1 <= 78 ? " "
                                                                         : "");
  }
}

static void
put_networks (FILE *f)
{
  fprintf (f, "\n| network | input | GMACs, published | parameters, "
              "published |\n|---|---|---|---|\n");
  for (int i = 0; net_nth (i); i++) {
    const NetInfo *n = net_nth (i);
    char macs[32] = "", params[32] = "";
    if (n->gmacs > 0)
      snprintf (macs, sizeof macs, "%.3g", n->gmacs);
    if (n->published > 0)
      snprintf (params, sizeof params, "%.4g M", n->published);
    fprintf (f, "| `%s` | ", n->name);
    if (n->frames)
      fprintf (f, "%d x ", n->frames);
    fprintf (f, "%dx%dx%d | %s | %s |\n", n->channels, n->height, n->width,
             macs, params);
  }
}

static char *
read_all (const char *path)
{
  FILE *f = fopen (path, "rb");
  char *text = NULL;
  size_t size = 0, n;

  while (f) {
    text = realloc (text, size + 65536 + 1);
    if (!text)
      exit (99);
    n = fread (text + size, 1, 65536, f);
    size += n;
    text[size] = '\0';
    if (n == 0)
      break;
  }
  if (f)
    fclose (f);
  return text;
}

int
main (int argc, char **argv)
{
  bool update = argc == 3 && strcmp (argv[1], "--update") == 0;
  char *made = NULL, *text = argc > 1 ? read_all (argv[argc - 1]) : NULL;
  char *begin = text ? strstr (text, BEGIN) : NULL,
       *end = begin ? strstr (begin, END) : NULL;
  size_t size;
  FILE *f = open_memstream (&made, &size);

  if (!f || !end || (argc != 2 && !update)) {
    fprintf (stderr, "usage: reid-nn-docs [--update] FILE, which has the marks "
                     "around the list\n");
    return 2;
  }
  put_operators (f);
  put_networks (f);
  fclose (f);
  begin += strlen (BEGIN);
  bool same = (size_t) (end - begin) == size && memcmp (begin, made, size) == 0;
  if (update) {
    f = fopen (argv[2], "wb");
    bool ok = f && fwrite (text, 1, (size_t) (begin - text), f) > 0
              && fwrite (made, 1, size, f) == size && fputs (end, f) >= 0;
    return f && fclose (f) == 0 && ok ? 0 : 1;
  }
  printf ("%sok 1 - the list of operators and networks is up to date\n1..1\n",
          same ? "" : "not ");
  if (!same)
    printf ("# run: reid-nn-docs --update docs/models.md\n");
  free (made);
  free (text);
  return !same;
}
