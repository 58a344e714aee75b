/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A run's directory holds nothing else. What may be removed without asking
 * follows from the names alone, so this is the one list of them. */
static const char *const own_files[] = { "episode.h5",     "episode.h5.part",
                                         "episode.json",   "tracks.txt",
                                         "identities.txt", "shots.csv",
                                         "presence.csv",   "run.json",
                                         "report.html" };

/* ---- Paths */

char *
reid_path_join (const char *directory, const char *name)
{
  size_t n = strlen (directory);
  char *path = malloc (n + strlen (name) + 2);

  if (path)
    sprintf (path, "%s%s%s", directory,
             n > 0 && directory[n - 1] == '/' ? "" : "/", name);
  return path;
}

char *
reid_path_parent (const char *path)
{
  const char *slash = strrchr (path, '/');

  if (!slash)
    return strdup (".");
  return slash == path ? strdup ("/") : strndup (path, (size_t) (slash - path));
}

char *
reid_archive_locate (const char *path, ReidError *error)
{
  static const char *const names[] = { "episode.h5", "episode.h5.part" };
  struct stat st;
  char *found;

  if (!path || !path[0]) {
    reid_error_set (error, REID_ERROR_ARGUMENT, "no archive was named");
    return NULL;
  }
  if (stat (path, &st) != 0) {
    reid_error_set (error,
                    errno == ENOENT || errno == ENOTDIR ? REID_ERROR_NOT_FOUND
                                                        : REID_ERROR_OPEN,
                    "%s: %s", path, strerror (errno));
    return NULL;
  }
  if (!S_ISDIR (st.st_mode)) {
    found = strdup (path);
    if (!found)
      reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
    return found;
  }
  for (int i = 0; i < 2; i++) {
    found = reid_path_join (path, names[i]);
    if (!found) {
      reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
      return NULL;
    }
    if (stat (found, &st) == 0)
      return found;
    free (found);
  }
  reid_error_set (error, REID_ERROR_NOT_FOUND,
                  "%s: holds no episode.h5: give the directory that a run "
                  "has written",
                  path);
  return NULL;
}

/* ---- What is ours */

static bool
digits (const char **s)
{
  const char *p = *s;

  while (*p >= '0' && *p <= '9')
    p++;
  bool some = p > *s;
  *s = p;
  return some;
}

static bool
temporary_name (const char *name)
{
  size_t n = strlen (name);

  return n == 16 && strncmp (name, ".reid-", 6) == 0
         && strcmp (name + 12, ".tmp") == 0;
}

static bool
picture_name (const char *name)
{
  return digits (&name) && *name++ == '_' && digits (&name)
         && strcmp (name, ".jpg") == 0;
}

static bool
person_name (const char *name)
{
  return digits (&name) && *name == '\0';
}

/* Calls for each entry in no particular order; stops at the first false. */
typedef bool (*EntryFunc) (int dir, const char *name, bool is_directory,
                           void *user);

static bool
each_entry (int dir, EntryFunc func, void *user)
{
  int copy = openat (dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = copy >= 0 ? fdopendir (copy) : NULL;
  struct dirent *entry;
  struct stat st;
  bool ok = true;

  if (!d) {
    if (copy >= 0)
      close (copy);
    return false;
  }
  while (ok && (errno = 0, entry = readdir (d))) {
    const char *name = entry->d_name;
    if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
      continue;
    if (fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
      ok = errno == ENOENT;
    else
      ok = func (dir, name, S_ISDIR (st.st_mode), user);
  }
  closedir (d);
  return ok;
}

typedef struct {
  char foreign[300]; /* the first in strcmp's order */
  const char *prefix;
} Scan;

static void
note_foreign (Scan *scan, const char *name)
{
  char full[300];

  snprintf (full, sizeof full, "%s%s", scan->prefix, name);
  if (!scan->foreign[0] || strcmp (full, scan->foreign) < 0)
    memcpy (scan->foreign, full, sizeof full);
}

static bool
scan_pictures (int dir, const char *name, bool is_directory, void *user)
{
  if (is_directory || !(picture_name (name) || temporary_name (name)))
    note_foreign (user, name);
  return true;
}

static bool
scan_below (int dir, const char *name, EntryFunc func, Scan *scan)
{
  const char *prefix = scan->prefix;
  char below[280];
  int fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return false;
  snprintf (below, sizeof below, "%s%s/", prefix, name);
  scan->prefix = below;
  bool ok = each_entry (fd, func, scan);
  scan->prefix = prefix;
  close (fd);
  return ok;
}

static bool
scan_people (int dir, const char *name, bool is_directory, void *user)
{
  if (!is_directory || !person_name (name)) {
    note_foreign (user, name);
    return true;
  }
  return scan_below (dir, name, scan_pictures, user);
}

static bool
own_file (const char *name)
{
  for (size_t i = 0; i < sizeof own_files / sizeof own_files[0]; i++)
    if (strcmp (name, own_files[i]) == 0)
      return true;
  return temporary_name (name);
}

/* What stands under a temporary name: pictures, or all that becomes of a
 * run. */
static bool
scan_temporary (int dir, const char *name, bool is_directory, void *user)
{
  if (is_directory && (strcmp (name, "faces") == 0 || temporary_name (name)))
    return scan_below (dir, name, scan_people, user);
  if (!is_directory && own_file (name))
    return true;
  return scan_people (dir, name, is_directory, user);
}

static bool
scan_run (int dir, const char *name, bool is_directory, void *user)
{
  if (is_directory && strcmp (name, "faces") == 0)
    return scan_below (dir, name, scan_people, user);
  if (is_directory && temporary_name (name))
    return scan_below (dir, name, scan_temporary, user);
  if (is_directory || !own_file (name))
    note_foreign (user, name);
  return true;
}

/* ---- Removing; only after a scan, and again by name only. */

static bool
remove_pictures (int dir, const char *name, bool is_directory, void *user)
{
  return is_directory || !(picture_name (name) || temporary_name (name))
         || unlinkat (dir, name, 0) == 0;
}

static bool
remove_below (int dir, const char *name, EntryFunc func)
{
  int fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return errno == ENOENT;
  bool ok = each_entry (fd, func, NULL);
  close (fd);
  return ok && unlinkat (dir, name, AT_REMOVEDIR) == 0;
}

static bool
remove_people (int dir, const char *name, bool is_directory, void *user)
{
  return !is_directory || !person_name (name)
         || remove_below (dir, name, remove_pictures);
}

static bool
remove_temporary (int dir, const char *name, bool is_directory, void *user)
{
  if (is_directory && (strcmp (name, "faces") == 0 || temporary_name (name)))
    return remove_below (dir, name, remove_people);
  if (!is_directory && own_file (name))
    return unlinkat (dir, name, 0) == 0;
  return remove_people (dir, name, is_directory, user);
}

static bool
remove_run (int dir, const char *name, bool is_directory, void *user)
{
  if (is_directory && strcmp (name, "faces") == 0)
    return remove_below (dir, name, remove_people);
  if (is_directory && temporary_name (name))
    return remove_below (dir, name, remove_temporary);
  if (!is_directory && own_file (name) && strcmp (name, "episode.h5.part") != 0)
    return unlinkat (dir, name, 0) == 0;
  return true;
}

bool
reid_directory_remove_faces (const char *path)
{
  return remove_below (AT_FDCWD, path, remove_people);
}

bool
reid_directory_remove_temporary (const char *path)
{
  return remove_below (AT_FDCWD, path, remove_temporary);
}

bool
reid_directory_check_faces (const char *path, ReidError *error)
{
  struct stat st;
  Scan scan = { "", "" };

  if (lstat (path, &st) != 0)
    return errno == ENOENT
           || reid_error_set (error, REID_ERROR_OPEN, "%s: %s", path,
                              strerror (errno));
  if (!S_ISDIR (st.st_mode))
    return reid_error_set (error, REID_ERROR_WRITE,
                           "%s: is no directory: move it away", path);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool ok = fd >= 0 && each_entry (fd, scan_people, &scan);
  int number = errno;
  if (fd >= 0)
    close (fd);
  if (!ok)
    return reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be listed: %s",
                           path, strerror (number));
  return !scan.foreign[0]
         || reid_error_set (error, REID_ERROR_WRITE,
                            "%s: holds %s, which no run has written: move it "
                            "away",
                            path, scan.foreign);
}

/* ---- Claiming */

/* flock() keeps other processes off, and other archives of this one; where a
 * file system has no locks this list does the latter. */
typedef struct Claim {
  dev_t device;
  ino_t inode;
  int fd;
  struct Claim *next;
} Claim;

static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;
static Claim *claims;

/* *made: bytes of the first path that was not there. */
static bool
make_directory (const char *directory, size_t *made, ReidError *error)
{
  char *path = strdup (directory);
  struct stat st;

  if (!path)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory",
                           directory);
  for (char *p = path + 1;; p++) {
    if (*p != '/' && *p != '\0')
      continue;
    char end = *p;
    *p = '\0';
    int number = mkdir (path, 0777) == 0 ? 0 : errno;
    if (number && !(stat (path, &st) == 0 && S_ISDIR (st.st_mode))) {
      reid_error_set (error, REID_ERROR_WRITE,
                      "%s: cannot be made: %s: give another location", path,
                      strerror (number));
      free (path);
      return false;
    }
    if (!number && *made == 0)
      *made = (size_t) (p - path);
    *p = end;
    if (end == '\0')
      break;
  }
  free (path);
  return true;
}

/* The other way round; what holds something by now stays. */
static void
unmake_directory (const char *directory, size_t made)
{
  char *path = made > 0 ? strdup (directory) : NULL;
  size_t n = path ? strlen (path) : 0;

  while (n > 0 && n >= made) {
    path[n] = '\0';
    if (rmdir (path) != 0 && errno != ENOENT)
      break;
    while (n > 0 && path[n - 1] != '/')
      n--;
    n = n > 0 ? n - 1 : 0;
  }
  free (path);
}

/* Under claims_lock. Opens, locks and makes sure that the name still means the
 * file that was locked (a run that just ended may have renamed it). */
static bool
open_part (ReidPlace *place, const char *directory, ReidError *error)
{
  struct stat mine, named;

  for (int attempt = 0; attempt < 100; attempt++) {
    int fd = openat (place->dir, "episode.h5.part",
                     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    bool made = fd >= 0;
    if (!made && errno == EEXIST) {
      fd = openat (place->dir, "episode.h5.part",
                   O_RDWR | O_CLOEXEC | O_NOFOLLOW);
      if (fd < 0 && errno == ENOENT)
        continue;
    }
    if (fd < 0)
      return reid_error_set (error, REID_ERROR_WRITE,
                             "%s: cannot be written to: %s: give another "
                             "location",
                             directory, strerror (errno));
    bool taken = flock (fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fstat (fd, &mine) != 0 || !S_ISREG (mine.st_mode)) {
      close (fd);
      return reid_error_set (error, REID_ERROR_WRITE,
                             "%s/episode.h5.part: is no ordinary file: remove "
                             "it",
                             directory);
    }
    for (Claim *c = claims; c && !taken; c = c->next)
      taken = c->device == mine.st_dev && c->inode == mine.st_ino;
    if (taken) {
      close (fd);
      return reid_error_set (error, REID_ERROR_WRITE,
                             "%s: another run is writing there now: give each "
                             "run its own location",
                             directory);
    }
    if (fstatat (place->dir, "episode.h5.part", &named, AT_SYMLINK_NOFOLLOW)
            == 0
        && named.st_dev == mine.st_dev && named.st_ino == mine.st_ino) {
      place->fd = fd;
      place->made_part = made;
      return true;
    }
    close (fd);
  }
  return reid_error_set (error, REID_ERROR_WRITE,
                         "%s: episode.h5.part is replaced by others again and "
                         "again",
                         directory);
}

static bool
claim (ReidPlace *place, const char *directory, ReidError *error)
{
  Scan scan = { "", "" };
  struct stat st;

  if (!each_entry (place->dir, scan_run, &scan))
    return reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be listed: %s",
                           directory, strerror (errno));
  if (scan.foreign[0])
    return reid_error_set (error, REID_ERROR_WRITE,
                           "%s: holds %s, which no run has written: give an "
                           "empty or a new directory",
                           directory, scan.foreign);
  Claim *c = calloc (1, sizeof *c);
  if (!c)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory",
                           directory);
  if (!open_part (place, directory, error)) {
    free (c);
    return false;
  }
  if (fstat (place->fd, &st) == 0) {
    c->device = st.st_dev;
    c->inode = st.st_ino;
  }
  c->fd = place->fd;
  c->next = claims;
  claims = c;
  return true;
}

bool
reid_directory_claim (const char *directory, ReidPlace *place, ReidError *error)
{
  *place = (ReidPlace) REID_PLACE_INIT;
  if (!directory || !directory[0])
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an archive needs a location: a directory");
  bool ok = make_directory (directory, &place->made, error);
  if (ok) {
    place->dir = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = place->dir >= 0
         || reid_error_set (error, REID_ERROR_WRITE,
                            "%s: cannot be opened: %s: give another location",
                            directory, strerror (errno));
  }
  if (ok) {
    pthread_mutex_lock (&claims_lock);
    ok = claim (place, directory, error);
    pthread_mutex_unlock (&claims_lock);
  }
  if (!ok)
    reid_directory_release (place, directory, true);
  return ok;
}

bool
reid_directory_clear (const ReidPlace *place, const char *directory,
                      ReidError *error)
{
  return each_entry (place->dir, remove_run, NULL)
         || reid_error_set (error, REID_ERROR_WRITE,
                            "%s: what an earlier run left cannot be removed: "
                            "%s",
                            directory, strerror (errno));
}

void
reid_directory_release (ReidPlace *place, const char *directory, bool unused)
{
  /* the name goes while it is locked, lest it is another run's by then */
  if (unused && place->made_part)
    unlinkat (place->dir, "episode.h5.part", 0);
  if (unused)
    unmake_directory (directory, place->made);
  pthread_mutex_lock (&claims_lock);
  for (Claim **c = &claims; place->fd >= 0 && *c; c = &(*c)->next)
    if ((*c)->fd == place->fd) {
      Claim *gone = *c;
      *c = gone->next;
      free (gone);
      break;
    }
  pthread_mutex_unlock (&claims_lock);
  if (place->dir >= 0)
    close (place->dir);
  place->dir = -1;
}
