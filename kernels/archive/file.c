/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Six letters that differ between calls, threads and processes. */
static void
random_letters (char out[6])
{
  static const char letters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  static atomic_uint calls;
  struct timespec now = { 0 };

  clock_gettime (CLOCK_MONOTONIC, &now);
  uint64_t r = (uint64_t) getpid () << 40 ^ (uint64_t) now.tv_nsec << 12
               ^ atomic_fetch_add (&calls, 1);
  r ^= r >> 31;
  r *= 0xbf58476d1ce4e5b9u;
  r ^= r >> 27;
  r *= 0x94d049bb133111ebu;
  r ^= r >> 31;
  for (int i = 0; i < 6; i++, r /= 62)
    out[i] = letters[r % 62];
}

/* mkstemp() would make the result readable by its owner alone. */
char *
reid_temporary (const char *directory, int *fd)
{
  char *path = reid_path_join (directory, ".reid-XXXXXX.tmp");

  for (int attempt = 0; path && attempt < 100; attempt++) {
    random_letters (path + strlen (path) - 10);
    if (fd)
      *fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd ? *fd >= 0 : mkdir (path, 0777) == 0)
      return path;
    if (errno != EEXIST)
      break;
  }
  int number = path ? errno : ENOMEM;
  free (path);
  errno = number;
  return NULL;
}

bool
reid_write_failed (ReidError *error, const char *path, int number)
{
  if (number == ENOSPC || number == EDQUOT || number == EFBIG)
    return reid_error_set (error, REID_ERROR_WRITE,
                           "%s: %s: free some space there, or give another "
                           "location",
                           path, strerror (number));
  return reid_error_set (error, REID_ERROR_WRITE, "%s: cannot be written: %s",
                         path, strerror (number));
}

bool
reid_output_open (ReidOutput *output, const char *path, ReidError *error)
{
  char *parent;
  int fd = -1;

  *output = (ReidOutput){ 0 };
  output->path = strdup (path);
  parent = reid_path_parent (path);
  if (!output->path || !parent) {
    free (output->path);
    free (parent);
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
  }
  output->temporary = reid_temporary (parent, &fd);
  free (parent);
  if (output->temporary)
    output->file = fdopen (fd, "wb");
  if (!output->file) {
    int number = errno;
    if (output->temporary) {
      close (fd);
      unlink (output->temporary);
    }
    free (output->temporary);
    free (output->path);
    return reid_write_failed (error, path, number);
  }
  return true;
}

void
reid_output_write (ReidOutput *output, const void *data, size_t size)
{
  if (!output->saved_errno && size > 0
      && fwrite (data, 1, size, output->file) != size)
    output->saved_errno = errno ? errno : EIO;
}

void
reid_output_printf (ReidOutput *output, const char *format, ...)
{
  va_list args;

  if (output->saved_errno)
    return;
  va_start (args, format);
  if (vfprintf (output->file, format, args) < 0)
    output->saved_errno = errno ? errno : EIO;
  va_end (args);
}

static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };

double
reid_round_to (double value, int decimals)
{
  double scaled = value * powers[decimals];

  /* Beyond 2^53 there is nothing behind the point. */
  if (!(fabs (scaled) < 9e15))
    return isfinite (value) ? value : 0;
  return round (scaled) / powers[decimals] + 0.0;
}

void
reid_format_fixed (char out[REID_FIXED_SIZE], double value, int decimals)
{
  double scaled = value * powers[decimals];

  if (!isfinite (value)) {
    snprintf (out, REID_FIXED_SIZE, "0");
  } else if (!(fabs (scaled) < 9e15)) {
    snprintf (out, REID_FIXED_SIZE, "%.0f", value);
  } else {
    long long n = llround (scaled), unit = (long long) powers[decimals];
    unsigned long long m = (unsigned long long) (n < 0 ? -n : n);
    char *p = out;
    p += sprintf (p, "%s%llu", n < 0 ? "-" : "", m / (unsigned long long) unit);
    if (decimals > 0) {
      *p++ = '.';
      m %= (unsigned long long) unit;
      for (unsigned long long d = (unsigned long long) unit / 10; d; d /= 10)
        *p++ = (char) ('0' + m / d % 10);
      *p = '\0';
    }
  }
}

void
reid_output_fixed (ReidOutput *output, double value, int decimals)
{
  char text[REID_FIXED_SIZE];

  reid_format_fixed (text, value, decimals);
  reid_output_write (output, text, strlen (text));
}

static void
sync_parent (const char *path)
{
  char *parent = reid_path_parent (path);
  int fd = parent ? open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
  free (parent);
}

bool
reid_output_close (ReidOutput *output, bool ok, ReidError *error)
{
  int number = output->saved_errno;

  if (!number
      && (fflush (output->file) != 0 || fsync (fileno (output->file)) != 0))
    number = errno ? errno : EIO;
  if (fclose (output->file) != 0 && !number)
    number = errno ? errno : EIO;
  if (ok && !number && rename (output->temporary, output->path) != 0)
    number = errno;
  if (ok && number)
    ok = reid_write_failed (error, output->path, number);
  if (ok)
    sync_parent (output->path);
  else
    unlink (output->temporary);
  free (output->temporary);
  free (output->path);
  return ok;
}

bool
reid_write_file (const char *path, const void *data, size_t size,
                 ReidError *error)
{
  ReidOutput output;

  if (!reid_output_open (&output, path, error))
    return false;
  reid_output_write (&output, data, size);
  return reid_output_close (&output, true, error);
}
