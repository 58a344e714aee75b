/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Plans are some 100 KB; what is much larger is not one. */
#define MOST_BYTES ((off_t) 64 << 20)

/* FNV-1a. Names need only differ: each file says whose it is. */
static uint64_t
hash (const char *s, uint64_t h)
{
  for (; *s; s++)
    h = (h ^ (unsigned char) *s) * 0x100000001b3u;
  return h;
}

static bool
folder (char *path, size_t size)
{
  const char *own = getenv ("REID_PLAN_CACHE"), *cache, *home;
  int n;

  if (own && *own) {
    if (strcmp (own, "none") == 0)
      return false;
    n = snprintf (path, size, "%s", own);
  } else if ((cache = getenv ("XDG_CACHE_HOME")) && cache[0] == '/') {
    n = snprintf (path, size, "%s/gst-reid/cudnn", cache);
  } else if ((home = getenv ("HOME")) && home[0] == '/') {
    n = snprintf (path, size, "%s/.cache/gst-reid/cudnn", home);
  } else {
    return false;
  }
  return n > 0 && (size_t) n < size;
}

static bool
file_name (const char *key, int choice, char *path, size_t size)
{
  uint64_t a = hash (key, 0xcbf29ce484222325u), b = hash (key, a);
  size_t at;
  int n;

  if (!folder (path, size))
    return false;
  at = strlen (path);
  if (choice == REID_CACHE_ONE)
    n = snprintf (path + at, size - at, "/%016llx%016llx.plan",
                  (unsigned long long) a, (unsigned long long) b);
  else
    n = snprintf (path + at, size - at, "/%016llx%016llx-%d.plan",
                  (unsigned long long) a, (unsigned long long) b, choice);
  return n > 0 && (size_t) n < size - at;
}

char *
reid_cache_load (const char *key, int choice)
{
  char path[PATH_MAX];
  size_t length = strlen (key);
  struct stat st;
  char *text = NULL;
  int fd;

  if (!file_name (key, choice, path, sizeof path))
    return NULL;
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode)
      && st.st_size > (off_t) length && st.st_size <= MOST_BYTES
      && (text = malloc ((size_t) st.st_size + 1))) {
    ssize_t n, all = 0;
    while (all < st.st_size
           && (n = read (fd, text + all, (size_t) (st.st_size - all))) > 0)
      all += n;
    text[all] = '\0';
    if (strncmp (text, key, length) == 0 && text[length] == '\n') {
      memmove (text, text + length + 1, (size_t) all - length);
    } else {
      free (text);
      text = NULL;
    }
  }
  close (fd);
  return text;
}

static void
make_folder (char *path)
{
  for (char *slash = strchr (path + 1, '/'); slash;
       slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    mkdir (path, 0700);
    *slash = '/';
  }
}

void
reid_cache_store (const char *key, int choice, const char *text)
{
  char path[PATH_MAX], part[PATH_MAX + 32];
  FILE *f;
  int fd;

  if (!file_name (key, choice, path, sizeof path))
    return;
  make_folder (path);
  snprintf (part, sizeof part, "%s.XXXXXX", path);
  fd = mkstemp (part);
  if (fd < 0)
    return;
  f = fdopen (fd, "w");
  if (!f) {
    close (fd);
    unlink (part);
    return;
  }
  bool ok = fprintf (f, "%s\n%s", key, text) > 0;
  ok = fclose (f) == 0 && ok;
  if (!ok || rename (part, path) != 0)
    unlink (part);
}

void
reid_cache_drop (const char *key, int choice)
{
  char path[PATH_MAX];

  if (file_name (key, choice, path, sizeof path))
    unlink (path);
}
