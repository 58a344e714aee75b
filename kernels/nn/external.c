/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/external.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 256
#define MAX_LOCATION 1024

typedef struct {
  char *location;
  void *data;
  size_t size;
} File;

struct ReidExternal {
  char *folder; /* without symbolic links, ends in '/'; NULL: there is none */
  File files[MAX_FILES];
  int n_files;
};

ReidExternal *
reid_external_new (const char *file, size_t size)
{
  ReidExternal *e = calloc (1, sizeof *e);
  struct stat st;
  char *whole, *slash;

  if (!e)
    return NULL;
  if (stat (file, &st) != 0 || !S_ISREG (st.st_mode)
      || (uint64_t) st.st_size != size)
    return e;
  whole = strdup (file);
  if (!whole) {
    free (e);
    return NULL;
  }
  slash = strrchr (whole, '/');
  if (slash)
    slash[1] = '\0';
  char *real = realpath (slash ? whole : ".", NULL);
  free (whole);
  if (real) {
    size_t n = strlen (real);
    e->folder = malloc (n + 2);
    if (e->folder) {
      memcpy (e->folder, real, n);
      strcpy (e->folder + n, n && real[n - 1] == '/' ? "" : "/");
    }
    free (real);
  }
  return e;
}

void
reid_external_free (ReidExternal *e)
{
  if (!e)
    return;
  for (int i = 0; i < e->n_files; i++) {
    free (e->files[i].location);
    munmap (e->files[i].data, e->files[i].size);
  }
  free (e->folder);
  free (e);
}

static const char *
map_file (ReidExternal *e, const char *location, File *file)
{
  const char *why = NULL;
  char path[PATH_MAX], *real;
  size_t folder = strlen (e->folder), n = strlen (location);
  struct stat st;
  int fd;

  if (folder + n >= sizeof path)
    return "the name of the file with its data is too long";
  memcpy (path, e->folder, folder);
  memcpy (path + folder, location, n + 1);
  /* Links may lead out of the folder: what counts is where they end. */
  real = realpath (path, NULL);
  if (!real)
    return "the file with its data is not beside the model; keep both in one "
           "folder";
  if (strncmp (real, e->folder, folder) != 0) {
    free (real);
    return "its data lie outside the model's folder";
  }
  fd = open (real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  free (real);
  if (fd < 0)
    return "the file with its data cannot be opened";
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size <= 0
      || (uint64_t) st.st_size > SIZE_MAX)
    why = "the file with its data is empty or no regular file";
  file->data =
      why ? MAP_FAILED
          : mmap (NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  file->size = why ? 0 : (size_t) st.st_size;
  if (!why && file->data == MAP_FAILED)
    why = "the file with its data cannot be read";
  close (fd);
  return why;
}

const char *
reid_external_bytes (ReidExternal *e, ReidBytes location, int64_t offset,
                     int64_t length, ReidBytes *bytes)
{
  char name[MAX_LOCATION];
  const char *why;
  int i = 0;

  if (!e || !e->folder)
    return "its data lie in another file, which a model that is not read from "
           "a file does not have";
  if (location.size == 0 || location.size >= sizeof name
      || memchr (location.data, '\0', location.size) || location.data[0] == '/')
    return "the name of the file with its data is no name in the model's "
           "folder";
  memcpy (name, location.data, location.size);
  name[location.size] = '\0';
  while (i < e->n_files && strcmp (e->files[i].location, name) != 0)
    i++;
  if (i == MAX_FILES)
    return "the model's data lie in too many files";
  if (i == e->n_files) {
    File file = { strdup (name), NULL, 0 };
    why = file.location ? map_file (e, name, &file) : "not enough memory";
    if (why) {
      free (file.location);
      return why;
    }
    e->files[e->n_files++] = file;
  }
  uint64_t size = e->files[i].size;
  if (offset < 0 || (uint64_t) offset > size
      || (length >= 0 && (uint64_t) length > size - (uint64_t) offset))
    return "its data lie beyond the end of the file with them";
  bytes->data = (const uint8_t *) e->files[i].data + offset;
  bytes->size =
      length >= 0 ? (size_t) length : (size_t) (size - (uint64_t) offset);
  return NULL;
}

bool
reid_external_list (const ReidExternal *e, ReidArena *arena,
                    const char *const **files, int *n)
{
  const char **list =
      reid_arena_alloc (arena, (size_t) e->n_files + 1, sizeof *list);

  for (int i = 0; list && i < e->n_files; i++) {
    size_t size = strlen (e->folder) + strlen (e->files[i].location) + 1;
    char *path = reid_arena_alloc (arena, size, 1);
    if (!path)
      return false;
    list[i] = strcat (strcpy (path, e->folder), e->files[i].location);
  }
  *files = list;
  *n = e->n_files;
  return list != NULL;
}
