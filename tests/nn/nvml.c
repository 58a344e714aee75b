/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A libnvidia-ml.so.1 for machines without an NVIDIA driver, for tests: one
 * GPU, at a bus id and as number 0, that is busy for 40 and 60 percent by
 * turns, and of whose memory a gigabyte more is in use at each look, from 1
 * to 3. */
#include <stddef.h>
#include <string.h>

#define EXPORT __attribute__ ((visibility ("default")))
#define FUNCTION(name, arguments)                                              \
  EXPORT int name arguments;                                                   \
  EXPORT int name arguments

enum { SUCCESS = 0, UNINITIALIZED = 1, NOT_FOUND = 6 };

typedef struct {
  unsigned int gpu, memory;
} Utilization;
typedef struct {
  unsigned long long total, free, used;
} Memory;

static int device, users, looks;

/* nvmlInit() without its nvmlShutdown(). */
FUNCTION (fake_users, (void) )
{
  return users;
}

FUNCTION (nvmlInit_v2, (void) )
{
  users++;
  return SUCCESS;
}

FUNCTION (nvmlShutdown, (void) )
{
  users--;
  return SUCCESS;
}

FUNCTION (nvmlDeviceGetHandleByPciBusId_v2, (const char *bus, void **found))
{
  *found = &device;
  return !users                              ? UNINITIALIZED
         : strcmp (bus, "0000:1B:00.0") == 0 ? SUCCESS
                                             : NOT_FOUND;
}

FUNCTION (nvmlDeviceGetHandleByIndex_v2, (unsigned int index, void **found))
{
  *found = &device;
  return !users ? UNINITIALIZED : index == 0 ? SUCCESS : NOT_FOUND;
}

FUNCTION (nvmlDeviceGetUtilizationRates, (void *of, Utilization *u))
{
  u->gpu = looks % 2 ? 60 : 40;
  u->memory = 99;
  return of == &device && users ? SUCCESS : UNINITIALIZED;
}

FUNCTION (nvmlDeviceGetMemoryInfo, (void *of, Memory *m))
{
  m->total = 8ull << 30;
  m->used = (unsigned long long) (looks < 2 ? looks + 1 : 3) << 30;
  m->free = m->total - m->used;
  looks++;
  return of == &device && users ? SUCCESS : UNINITIALIZED;
}
