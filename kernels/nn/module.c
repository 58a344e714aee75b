/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INSTALLED "gst-reid-1.0/"

typedef struct {
  const char *name;
  const ReidBackend *backend;
} Module;

/* In the order in which "auto" takes them; the GPU's first. */
static Module modules[] = { { "cudnn", NULL },
                            { "dnnl", NULL },
                            { "reference", &reid_backend_reference } };
#define N_MODULES (sizeof modules / sizeof *modules)
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;

/* True when there is such a file, whether or not it can be used. */
static bool
try_file (Module *m, const char *directory, size_t length, const char *below,
          char *why, size_t size)
{
  char path[PATH_MAX];
  int n = snprintf (
      path, sizeof path, "%.*s%s%slibreidnn-%s.so", (int) length, directory,
      length && directory[length - 1] != '/' ? "/" : "", below, m->name);
  void *library;
  const ReidBackend *backend;

  if (n < 0 || (size_t) n >= sizeof path || access (path, R_OK) != 0)
    return false;
  library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *error = dlerror ();
    snprintf (why, size, "%s", error ? error : "cannot be loaded");
    return true;
  }
  backend = dlsym (library, "reid_backend");
  if (!backend)
    snprintf (why, size, "%.300s is no backend module", path);
  else if (backend->version != REID_BACKEND_VERSION)
    snprintf (why, size,
              "%.300s is of version %u, not %u: it belongs to another "
              "build",
              path, (unsigned) backend->version,
              (unsigned) REID_BACKEND_VERSION);
  else
    m->backend = backend;
  return true;
}

static void
load (Module *m, char *why, size_t size)
{
  const char *list = getenv ("REID_BACKEND_PATH");
  Dl_info here;

  if (m->backend)
    return;
  for (const char *p = list; p && *p;) {
    size_t n = strcspn (p, ":");
    if (n && try_file (m, p, n, "", why, size))
      return;
    p += n + (p[n] == ':');
  }
  if (dladdr ((const void *) &reid_backend_reference, &here)
      && here.dli_fname) {
    const char *slash = strrchr (here.dli_fname, '/');
    size_t n = slash ? (size_t) (slash - here.dli_fname) + 1 : 0;
    if (try_file (m, here.dli_fname, n, INSTALLED, why, size)
        || try_file (m, here.dli_fname, n, "", why, size))
      return;
  }
  snprintf (why, size, "no module libreidnn-%s.so", m->name);
}

/* Does the kernel's driver for NVIDIA's GPUs run? */
static bool
has_nvidia (void)
{
  return access ("/dev/nvidiactl", F_OK) == 0
         || access ("/proc/driver/nvidia/version", F_OK) == 0;
}

static bool
available (Module *m, int index, char *line, size_t size)
{
  bool ok;

  pthread_mutex_lock (&modules_lock);
  load (m, line, size);
  ok = m->backend != NULL;
  pthread_mutex_unlock (&modules_lock);
  return ok && m->backend->probe (index, line, size);
}

bool
reid_device_is_auto (const char *device)
{
  return !device || !*device || strcmp (device, "auto") == 0;
}

bool
reid_is_of_the_device (const ReidError *error)
{
  return error->status == REID_ERROR_MEMORY
         || error->status == REID_ERROR_DEVICE;
}

/* "cuda" and "cuda:N" are the backend "cudnn" and its device N. */
static void
split (const char *device, char name[32], int *index)
{
  unsigned n;
  char rest;

  *index = 0;
  snprintf (name, 32, "%s", reid_device_is_auto (device) ? "auto" : device);
  if (strcmp (name, "cuda") == 0
      || (sscanf (name, "cuda:%3u%c", &n, &rest) == 1
          && strspn (name + 5, "0123456789") == strlen (name + 5))) {
    *index = name[4] ? (int) n : 0;
    snprintf (name, 32, "cudnn");
  }
}

static bool
set_precision (const ReidBackend *backend, const ReidSessionOptions *options,
               ReidBackendOptions *chosen, ReidError *error)
{
  chosen->precision = options ? options->precision : REID_PRECISION_AUTO;
  chosen->places = options && options->places;
  const char *wanted = reid_precision_name (chosen->precision);
  if (backend->precision)
    chosen->precision = backend->precision (chosen);
  else
    chosen->precision = chosen->precision <= REID_PRECISION_F32
                            ? REID_PRECISION_F32
                            : REID_PRECISION_AUTO;
  return chosen->precision != REID_PRECISION_AUTO
         || reid_error_set (error, REID_ERROR_ARGUMENT,
                            "precision %s is not available on the device '%s'"
                            "%s%s; precision=auto takes what it has",
                            wanted, backend->name,
                            backend->precisions ? ", which has " : "",
                            backend->precisions ? backend->precisions : "");
}

const ReidBackend *
reid_backend_choose (const ReidSessionOptions *options,
                     ReidBackendOptions *chosen, char *reason, size_t size,
                     ReidError *error)
{
  const char *device = options ? options->device : NULL;
  char name[32], line[512], passed[640] = "", there[640] = "";

  split (device, name, &chosen->index);
  bool automatic = strcmp (name, "auto") == 0, cpu = strcmp (name, "cpu") == 0;
  for (size_t i = 0; i < N_MODULES; i++) {
    Module *m = &modules[i];
    if (cpu && strcmp (m->name, "cudnn") == 0)
      continue;
    if (!automatic && !cpu && strcmp (m->name, name) != 0)
      continue;
    line[0] = '\0';
    if (available (m, chosen->index, line, sizeof line)) {
      if (!set_precision (m->backend, options, chosen, error))
        return NULL;
      bool plain = chosen->precision == REID_PRECISION_F32;
      snprintf (reason, size, "%s: %s%s%s%s", m->name, line, plain ? "" : ", ",
                plain ? "" : reid_precision_name (chosen->precision), passed);
      return m->backend;
    }
    if (!automatic && !cpu) {
      if (i == 0)
        reid_gpu_advice (line, sizeof line);
      reid_error_set (error, REID_ERROR_DEVICE,
                      "device '%s' is not available: %s; device=auto takes "
                      "what there is",
                      device, line);
      return NULL;
    }
    size_t at = strlen (passed);
    snprintf (passed + at, sizeof passed - at, "; not %s: %s", m->name, line);
  }
  for (size_t i = 0; i < N_MODULES; i++)
    if (available (&modules[i], 0, line, sizeof line)) {
      size_t at = strlen (there);
      snprintf (there + at, sizeof there - at, ", %s", modules[i].name);
    }
  reid_error_set (error, REID_ERROR_ARGUMENT,
                  "there is no device '%.60s'; there are auto, cpu, cuda, "
                  "cuda:N%s",
                  device, there);
  return NULL;
}

bool
reid_gpu_advice (char *line, size_t size)
{
  Module *m = &modules[0];
  char why[384] = "";
  bool missing;

  if (!has_nvidia ())
    return false;
  pthread_mutex_lock (&modules_lock);
  load (m, why, sizeof why);
  missing = m->backend == NULL;
  pthread_mutex_unlock (&modules_lock);
  if (!missing
      && (m->backend->probe (0, why, sizeof why)
          || strcmp (why, REID_NO_GPU) == 0))
    return false;
  snprintf (line, size, "there is an NVIDIA GPU, but %s%s", why,
            missing ? ": install cuDNN 9 and build with the CUDA Toolkit "
                      "(-Dcudnn=enabled)"
                    : "");
  return true;
}

static const char *const precisions[] = { "auto", "f32", "bf16", "f16" };

const char *
reid_precision_name (ReidPrecision precision)
{
  return precisions[precision];
}

bool
reid_precision_parse (const char *name, ReidPrecision *precision)
{
  for (int i = 0; i < (int) (sizeof precisions / sizeof *precisions); i++)
    if (strcmp (name, precisions[i]) == 0) {
      *precision = (ReidPrecision) i;
      return true;
    }
  return false;
}
