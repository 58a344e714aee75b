/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* To be preloaded: the driver of an NVIDIA GPU seems to run. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

__attribute__ ((visibility ("default"))) int
access (const char *path, int mode)
{
  return strcmp (path, "/dev/nvidiactl") == 0
             ? 0
             : faccessat (AT_FDCWD, path, mode, 0);
}
