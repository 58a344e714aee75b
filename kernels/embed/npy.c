/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The format is described in numpy.lib.format. */
#include "embed/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER 4096

typedef struct {
  int rows, cols;
  int size;      /* bytes of one number */
  size_t header; /* bytes in front of the numbers */
} Shape;

/* What stands behind 'KEY': in the header, which is a dict of Python's. */
static const char *
value_of (const char *header, const char *key)
{
  char quoted[32];
  const char *at;

  snprintf (quoted, sizeof quoted, "'%s'", key);
  at = strstr (header, quoted);
  if (!at)
    return NULL;
  at += strlen (quoted);
  at += strspn (at, " ");
  if (*at++ != ':')
    return NULL;
  return at + strspn (at, " ");
}

static bool
read_size (const char **at, int *out)
{
  const char *p = *at + strspn (*at, " ");
  int n = 0;

  if (*p < '0' || *p > '9')
    return false;
  for (; *p >= '0' && *p <= '9'; p++)
    if (__builtin_mul_overflow (n, 10, &n)
        || __builtin_add_overflow (n, *p - '0', &n))
      return false;
  *at = p + strspn (p, " ");
  *out = n;
  return true;
}

/* NULL, or what is wrong with it. */
static const char *
read_header (const uint8_t *bytes, size_t size, Shape *shape)
{
  char text[MAX_HEADER + 1];
  size_t length, start;
  const char *type, *order, *dims;

  if (size < 12 || memcmp (bytes, "\x93NUMPY", 6) != 0)
    return "it is no .npy file: numpy.save() writes them";
  start = bytes[6] == 1 ? 10 : 12;
  length = (size_t) bytes[8] | (size_t) bytes[9] << 8;
  if (bytes[6] >= 2)
    length |= (size_t) bytes[10] << 16 | (size_t) bytes[11] << 24;
  if (bytes[6] < 1 || bytes[6] > 3)
    return "its format is of a version that is not known";
  if (length > MAX_HEADER || length > size - start)
    return "its header is cut short or too long";
  memcpy (text, bytes + start, length);
  text[length] = '\0';
  type = value_of (text, "descr");
  order = value_of (text, "fortran_order");
  dims = value_of (text, "shape");
  if (!type || !order || !dims || *dims++ != '(')
    return "its header is broken";
  if (strncmp (type, "'<f4'", 5) != 0 && strncmp (type, "'<f8'", 5) != 0)
    return "its numbers are not float32 or float64, little-endian";
  if (strncmp (order, "False", 5) != 0)
    return "it is in Fortran's order; numpy.ascontiguousarray() changes that";
  shape->size = type[3] - '0';
  shape->header = start + length;
  if (!read_size (&dims, &shape->rows) || *dims++ != ','
      || !read_size (&dims, &shape->cols) || *dims != ')')
    return "it does not have two axes";
  return NULL;
}

static bool
convert (ReidNpy *npy, const uint8_t *from, const Shape *shape)
{
  size_t n = (size_t) shape->rows * (size_t) shape->cols;

  for (size_t i = 0; i < n; i++) {
    if (shape->size == 4) {
      memcpy (&npy->data[i], from + 4 * i, 4);
    } else {
      double v;
      memcpy (&v, from + 8 * i, 8);
      npy->data[i] = (float) v;
    }
    if (!isfinite (npy->data[i]))
      return false;
  }
  return true;
}

static bool
read_bytes (int fd, uint8_t *bytes, size_t size)
{
  for (size_t at = 0; at < size;) {
    ssize_t n = read (fd, bytes + at, size - at);
    if (n > 0)
      at += (size_t) n;
    else if (n == 0 || errno != EINTR)
      return false;
  }
  return true;
}

static uint8_t *
read_all (const char *file, int64_t most, size_t *size, ReidError *error)
{
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  uint8_t *bytes = NULL;
  struct stat st;

  if (fd < 0) {
    reid_error_set (error,
                    errno == ENOENT || errno == ENOTDIR ? REID_ERROR_NOT_FOUND
                                                        : REID_ERROR_OPEN,
                    "%s: cannot be opened: %s", file, strerror (errno));
    return NULL;
  }
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
    reid_error_set (error, REID_ERROR_OPEN, "%s: not a regular file", file);
  } else if (st.st_size > most * 8 + MAX_HEADER + 12) {
    reid_error_set (error, REID_ERROR_UNSUPPORTED,
                    "%s: it holds more than %lld numbers", file,
                    (long long) most);
  } else if (!(bytes = malloc ((size_t) st.st_size + 1))) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory", file);
  } else if (!read_bytes (fd, bytes, *size = (size_t) st.st_size)) {
    reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be read", file);
    free (bytes);
    bytes = NULL;
  }
  close (fd);
  return bytes;
}

bool
reid_npy_read (ReidNpy *npy, const char *file, int64_t most, ReidError *error)
{
  ReidStatus status = REID_ERROR_FORMAT;
  Shape shape = { 0 };
  const char *why;
  ReidSha256 sum;
  size_t size;
  uint8_t *bytes = read_all (file, most, &size, error);

  memset (npy, 0, sizeof *npy);
  if (!bytes)
    return false;
  why = read_header (bytes, size, &shape);
  int64_t n = (int64_t) shape.rows * shape.cols;
  if (why) {
  } else if (n > most || n < 1) {
    why = "it holds no numbers, or too many";
  } else if (size - shape.header != (size_t) n * (size_t) shape.size) {
    why = "it does not have the size of its shape: it is cut short, or has "
          "something behind its numbers";
  } else if (!(npy->data = malloc ((size_t) n * sizeof *npy->data))) {
    status = REID_ERROR_MEMORY;
    why = "not enough memory";
  } else if (!convert (npy, bytes + shape.header, &shape)) {
    why = "a number in it is not finite";
  }
  npy->rows = shape.rows;
  npy->cols = shape.cols;
  reid_sha256_init (&sum);
  reid_sha256_update (&sum, bytes, size);
  reid_sha256_end (&sum, npy->sha256);
  free (bytes);
  if (!why)
    return true;
  free (npy->data);
  npy->data = NULL;
  return reid_error_set (error, status, "%s: %s", file, why);
}
