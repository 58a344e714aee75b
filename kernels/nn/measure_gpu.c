/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/measure_gpu.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The driver itself averages over a sixth of a second or more. */
#define PERIOD_NS 50000000L

/* Of nvml.h, as its ABI has it since version 2 of these functions. */
typedef struct {
  unsigned int gpu, memory; /* percent */
} Utilization;
typedef struct {
  unsigned long long total, free, used;
} Memory;
typedef void *Device;

typedef struct {
  void *library;
  int (*init) (void);
  int (*shutdown) (void);
  int (*by_bus) (const char *bus, Device *device);
  int (*by_index) (unsigned int index, Device *device);
  int (*utilization) (Device device, Utilization *utilization);
  int (*memory) (Device device, Memory *memory);
} Nvml;

struct ReidGpuSampler {
  Nvml nvml;
  Device device;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stop;
  double busy; /* sum of percents */
  ReidGpuLoad load;
};

static bool
load_nvml (Nvml *n)
{
  static const char *names[] = { "nvmlInit_v2",
                                 "nvmlShutdown",
                                 "nvmlDeviceGetHandleByPciBusId_v2",
                                 "nvmlDeviceGetHandleByIndex_v2",
                                 "nvmlDeviceGetUtilizationRates",
                                 "nvmlDeviceGetMemoryInfo" };
  void *found[6];

  n->library = dlopen ("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!n->library)
    return false;
  for (int i = 0; i < 6; i++) {
    found[i] = dlsym (n->library, names[i]);
    if (!found[i])
      return false;
  }
  memcpy (&n->init, &found[0], sizeof found[0]);
  memcpy (&n->shutdown, &found[1], sizeof found[1]);
  memcpy (&n->by_bus, &found[2], sizeof found[2]);
  memcpy (&n->by_index, &found[3], sizeof found[3]);
  memcpy (&n->utilization, &found[4], sizeof found[4]);
  memcpy (&n->memory, &found[5], sizeof found[5]);
  return true;
}

static void
sample (ReidGpuSampler *s)
{
  Utilization u = { 0 };
  Memory m = { 0 };

  if (s->nvml.utilization (s->device, &u) != 0
      || s->nvml.memory (s->device, &m) != 0)
    return;
  s->busy += u.gpu;
  s->load.samples++;
  s->load.memory = m.used > s->load.memory ? (size_t) m.used : s->load.memory;
  s->load.total = (size_t) m.total;
}

static void *
look (void *data)
{
  ReidGpuSampler *s = data;
  struct timespec until;

  pthread_mutex_lock (&s->lock);
  do {
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_nsec += PERIOD_NS;
    if (until.tv_nsec >= 1000000000L) {
      until.tv_sec++;
      until.tv_nsec -= 1000000000L;
    }
    if (!s->stop)
      pthread_cond_timedwait (&s->changed, &s->lock, &until);
    sample (s);
  } while (!s->stop);
  pthread_mutex_unlock (&s->lock);
  return NULL;
}

static void
sampler_free (ReidGpuSampler *s)
{
  if (s->nvml.library)
    dlclose (s->nvml.library);
  pthread_mutex_destroy (&s->lock);
  pthread_cond_destroy (&s->changed);
  free (s);
}

ReidGpuSampler *
reid_gpu_sampler_start (const char *bus, int index)
{
  ReidGpuSampler *s = calloc (1, sizeof *s);
  int status;

  if (!s)
    return NULL;
  pthread_mutex_init (&s->lock, NULL);
  pthread_cond_init (&s->changed, NULL);
  if (!load_nvml (&s->nvml) || s->nvml.init () != 0) {
    sampler_free (s);
    return NULL;
  }
  status = bus ? s->nvml.by_bus (bus, &s->device)
               : s->nvml.by_index ((unsigned int) index, &s->device);
  if (status == 0 && pthread_create (&s->thread, NULL, look, s) == 0)
    return s;
  s->nvml.shutdown ();
  sampler_free (s);
  return NULL;
}

void
reid_gpu_sampler_stop (ReidGpuSampler *s, ReidGpuLoad *load)
{
  memset (load, 0, sizeof *load);
  if (!s)
    return;
  pthread_mutex_lock (&s->lock);
  s->stop = true;
  pthread_cond_signal (&s->changed);
  pthread_mutex_unlock (&s->lock);
  pthread_join (s->thread, NULL);
  s->load.busy = s->load.samples ? s->busy / s->load.samples / 100 : 0;
  *load = s->load;
  s->nvml.shutdown ();
  sampler_free (s);
}
