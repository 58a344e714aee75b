/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CASES_H
#define CASES_H

/* How the programs that run cases of a file count and complain; included once
 * a program. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int n_tests, n_failed;
static bool failed; /* the case at hand */

static void
complain (const char *format, ...)
{
  va_list args;

  failed = true;
  printf ("# ");
  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  printf ("\n");
}

#endif /* CASES_H */
