/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hash of a file, read from the disk: what was written there counts, not
 * what was meant to be. */
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

gchar *
reid_sha256_of_fd (int fd)
{
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  guchar buffer[65536];
  gchar *text = NULL;
  off_t at = 0;
  ssize_t n;

  while ((n = pread (fd, buffer, sizeof buffer, at)) != 0) {
    if (n > 0) {
      g_checksum_update (sum, buffer, n);
      at += n;
    } else if (errno != EINTR) {
      break;
    }
  }
  if (n == 0)
    text = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  return text;
}

gchar *
reid_sha256_of_file (const gchar *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC), saved;
  gchar *text;

  if (fd < 0)
    return NULL;
  text = reid_sha256_of_fd (fd);
  saved = errno;
  close (fd);
  errno = saved;
  return text;
}
