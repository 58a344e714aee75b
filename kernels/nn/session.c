/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/session_private.h"
#include "nn/module.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t registry_changed = PTHREAD_COND_INITIALIZER;
static ReidSession *registry;
static uint64_t n_loads;

static void
session_free (ReidSession *s)
{
  reid_session_drop_plans (s);
  reid_gather_free (s->gather);
  if (s->backend_model)
    s->backend->model_free (s->backend_model);
  reid_model_free (s->model);
  pthread_mutex_destroy (&s->plans_lock);
  reid_taps_free (&s->taps);
  free (s->path);
  free (s);
}

static void
leave_registry (ReidSession *s)
{
  ReidSession **p = &registry;
  while (*p && *p != s)
    p = &(*p)->next;
  if (*p)
    *p = s->next;
}

static ReidSession *
session_new (const char *path, const ReidSessionOptions *asked,
             const ReidBackend *backend, const ReidBackendOptions *options,
             const char *reason)
{
  ReidSession *s = calloc (1, sizeof *s);

  if (!s || !reid_taps_copy (&s->taps, asked) || !(s->path = strdup (path))) {
    if (s)
      reid_taps_free (&s->taps);
    free (s);
    return NULL;
  }
  pthread_mutex_init (&s->plans_lock, NULL);
  s->refs = 1;
  s->backend = backend;
  s->options = *options;
  snprintf (s->reason, sizeof s->reason, "%s", reason);
  return s;
}

static bool
load (ReidSession *s, ReidBytes data, ReidError *error)
{
  pthread_mutex_lock (&registry_lock);
  n_loads++;
  pthread_mutex_unlock (&registry_lock);
  s->model = reid_model_load (data, s->path, &s->taps, error);
  if (!s->model)
    return false;
  s->backend_model =
      s->backend->model_new (&s->model->graph, &s->options, error);
  if (!s->backend_model)
    reid_error_set (error, REID_ERROR_DEVICE,
                    "%s: the device %s does not take the network", s->path,
                    s->backend->name);
  return s->backend_model != NULL;
}

/* Wakes those who wait for the same file, and tells them how it went. */
static ReidSession *
loaded (ReidSession *s, bool ok, const ReidError *why)
{
  int left = 1;

  pthread_mutex_lock (&registry_lock);
  s->state = ok ? READY : FAILED;
  if (!ok) {
    s->failure = *why;
    leave_registry (s);
    left = --s->refs;
  }
  pthread_cond_broadcast (&registry_changed);
  pthread_mutex_unlock (&registry_lock);
  if (left == 0)
    session_free (s);
  return ok ? s : NULL;
}

static bool
same_file (const ReidSession *s, const FileKey *key)
{
  return s->shared && s->key.device == key->device && s->key.inode == key->inode
         && s->key.size == key->size
         && s->key.modified.tv_sec == key->modified.tv_sec
         && s->key.modified.tv_nsec == key->modified.tv_nsec;
}

/* The session that is open, or being opened, for this file; else a new one
 * that the caller loads (*fresh). NULL: told. */
static ReidSession *
join (const char *path, const FileKey *key, const ReidSessionOptions *asked,
      const ReidBackend *backend, const ReidBackendOptions *options,
      const char *reason, bool *fresh, ReidError *error)
{
  ReidSession *s;
  bool ok = true, last = false;

  *fresh = false;
  pthread_mutex_lock (&registry_lock);
  for (s = registry; s; s = s->next)
    if (s->backend == backend && s->options.index == options->index
        && s->options.precision == options->precision && same_file (s, key)
        && reid_taps_same (&s->taps, asked))
      break;
  if (!s) {
    s = session_new (path, asked, backend, options, reason);
    if (s) {
      s->shared = *fresh = true;
      s->key = *key;
      s->next = registry;
      registry = s;
    } else {
      reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory", path);
    }
  } else {
    s->refs++;
    while (s->state == LOADING)
      pthread_cond_wait (&registry_changed, &registry_lock);
    if (s->state == FAILED) {
      reid_error_set (error, s->failure.status, "%s", s->failure.message);
      last = --s->refs == 0;
      ok = false;
    }
  }
  pthread_mutex_unlock (&registry_lock);
  if (last)
    session_free (s);
  return ok ? s : NULL;
}

/* Where a network comes from: a file, or bytes that stay for the call. */
typedef struct {
  const char *path; /* or a name */
  int fd;           /* of the file; else -1 */
  FileKey key;
  ReidBytes bytes;
} Source;

static bool
load_file (ReidSession *s, const Source *from, ReidError *error)
{
  size_t size = (size_t) from->key.size;
  void *data = (uint64_t) from->key.size > SIZE_MAX
                   ? MAP_FAILED
                   : mmap (NULL, size, PROT_READ, MAP_PRIVATE, from->fd, 0);
  bool ok;

  if (data == MAP_FAILED)
    return reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be read: %s",
                           from->path, strerror (errno));
  ok = load (s, (ReidBytes){ data, size }, error);
  munmap (data, size);
  return ok;
}

static ReidSession *
open_file (const Source *from, const ReidSessionOptions *asked,
           const ReidBackend *backend, const ReidBackendOptions *options,
           const char *reason, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  bool fresh, ok;
  ReidSession *s = join (from->path, &from->key, asked, backend, options,
                         reason, &fresh, error);

  if (!s || !fresh)
    return s;
  ok = load_file (s, from, &why);
  if (!ok)
    reid_error_set (error, why.status, "%s", why.message);
  return loaded (s, ok, &why);
}

static ReidSession *
open_bytes (const Source *from, const ReidSessionOptions *asked,
            const ReidBackend *backend, const ReidBackendOptions *options,
            const char *reason, ReidError *error)
{
  ReidSession *s = session_new (from->path, asked, backend, options, reason);

  if (!s) {
    reid_error_set (error, REID_ERROR_MEMORY, "not enough memory");
    return NULL;
  }
  if (!load (s, from->bytes, error)) {
    session_free (s);
    return NULL;
  }
  pthread_mutex_lock (&registry_lock);
  s->state = READY;
  s->next = registry;
  registry = s;
  pthread_mutex_unlock (&registry_lock);
  return s;
}

static ReidSession *
open_on_device (const Source *from, const ReidSessionOptions *asked,
                bool *on_gpu, ReidError *error)
{
  char reason[512];
  ReidBackendOptions options;
  const ReidBackend *backend =
      reid_backend_choose (asked, &options, reason, sizeof reason, error);

  if (!backend)
    return NULL;
  *on_gpu = backend->own_memory;
  return (from->fd >= 0 ? open_file : open_bytes) (from, asked, backend,
                                                   &options, reason, error);
}

static ReidSession *
open_source (const Source *from, const ReidSessionOptions *asked,
             ReidError *error)
{
  ReidSessionOptions options = asked ? *asked : (ReidSessionOptions){ NULL };
  ReidError why = REID_ERROR_INIT, other = REID_ERROR_INIT;
  bool on_gpu = false;
  ReidSession *s = open_on_device (from, &options, &on_gpu, &why);

  if (!s && on_gpu && reid_device_is_auto (options.device)
      && reid_is_of_the_device (&why)) {
    options.device = "cpu";
    s = open_on_device (from, &options, &on_gpu, &other);
    if (s && options.gpu_failure)
      *options.gpu_failure = why;
  }
  if (!s)
    reid_error_set (error, why.status, "%s", why.message);
  return s;
}

ReidSession *
reid_session_open (const char *path, const ReidSessionOptions *options,
                   ReidError *error)
{
  ReidSession *s = NULL;
  struct stat st;
  int fd;

  if (!path || !*path) {
    reid_error_set (error, REID_ERROR_ARGUMENT, "no model file is given");
    return NULL;
  }
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    reid_error_set (error,
                    errno == ENOENT || errno == ENOTDIR ? REID_ERROR_NOT_FOUND
                                                        : REID_ERROR_OPEN,
                    "%s: cannot be opened: %s", path, strerror (errno));
    return NULL;
  }
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
    reid_error_set (error, REID_ERROR_OPEN,
                    "%s: not a regular file; the model must be an .onnx file",
                    path);
  } else if (st.st_size == 0) {
    reid_error_set (error, REID_ERROR_FORMAT, "%s: the file is empty", path);
  } else {
    const Source from = {
      path, fd, { st.st_dev, st.st_ino, st.st_size, st.st_mtim }, { NULL, 0 }
    };
    s = open_source (&from, options, error);
  }
  close (fd);
  return s;
}

ReidSession *
reid_session_open_memory (const void *data, size_t size, const char *name,
                          const ReidSessionOptions *options, ReidError *error)
{
  const Source from = { name ? name : "memory", -1, { 0 }, { data, size } };

  if (!data && size) {
    reid_error_set (error, REID_ERROR_ARGUMENT, "no model is given");
    return NULL;
  }
  return open_source (&from, options, error);
}

ReidSession *
reid_session_ref (ReidSession *session)
{
  if (session) {
    pthread_mutex_lock (&registry_lock);
    session->refs++;
    pthread_mutex_unlock (&registry_lock);
  }
  return session;
}

void
reid_session_unref (ReidSession *session)
{
  bool last;

  if (!session)
    return;
  pthread_mutex_lock (&registry_lock);
  last = --session->refs == 0;
  if (last)
    leave_registry (session);
  pthread_mutex_unlock (&registry_lock);
  if (last)
    session_free (session);
}

int
reid_session_count (void)
{
  int n = 0;

  pthread_mutex_lock (&registry_lock);
  for (const ReidSession *s = registry; s; s = s->next)
    n += s->state == READY;
  pthread_mutex_unlock (&registry_lock);
  return n;
}

uint64_t
reid_session_loads (void)
{
  uint64_t n;

  pthread_mutex_lock (&registry_lock);
  n = n_loads;
  pthread_mutex_unlock (&registry_lock);
  return n;
}
