/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/gpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
reid_gpu_ok (cudaError_t status, const char *doing, ReidError *error)
{
  if (status == cudaSuccess)
    return true;
  /* A failed launch stays the thread's last error; the next is another. */
  cudaGetLastError ();
  return reid_error_set (error,
                         status == cudaErrorMemoryAllocation
                             ? REID_ERROR_MEMORY
                             : REID_ERROR_DEVICE,
                         "%s: %s", doing, cudaGetErrorString (status));
}

static const char *
host (void)
{
  const char *s = getenv ("REID_CUDNN_HOST");
  return s && *s && strcmp (s, "0") != 0 ? s : NULL;
}

static pthread_once_t described = PTHREAD_ONCE_INIT;
static char description[8192];

static void
read_description (void)
{
  FILE *f = fopen (host (), "r");

  if (!f)
    return;
  size_t n = fread (description, 1, sizeof description - 1, f);
  description[n] = '\0';
  fclose (f);
}

/* The number, or the text between quotation marks, that is called `name`. */
static const char *
field (const char *name)
{
  const char *at = strstr (description, name);
  return at ? at + strlen (name) : "";
}

static void
describe_host (ReidGpu *gpu)
{
  int version;

  gpu->host = true;
  snprintf (gpu->name, sizeof gpu->name, "host");
  pthread_once (&described, read_description);
  if (!description[0])
    return;
  const char *name = field ("\"deviceName\":\"");
  snprintf (gpu->name, sizeof gpu->name, "%.*s", (int) strcspn (name, "\""),
            name);
  version = atoi (field ("\"deviceVer\":"));
  gpu->major = version / 100;
  gpu->minor = version / 10 % 10;
  gpu->processors = atoi (field ("\"multiProcessorCount\":"));
  gpu->description = description;
}

int
reid_gpu_count (char *why, size_t size)
{
  int n = 0, driver = 0;
  cudaError_t status;

  if (host ())
    return 1;
  status = cudaGetDeviceCount (&n);
  cudaGetLastError ();
  if (status == cudaErrorInsufficientDriver)
    cudaDriverGetVersion (&driver);
  if (driver > 0)
    snprintf (why, size,
              "the GPU's driver is one for CUDA %d.%d: install one for CUDA "
              "%d.%d or later",
              driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
              CUDART_VERSION % 1000 / 10);
  else if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice
           || (status == cudaSuccess && n == 0))
    snprintf (why, size, REID_NO_GPU);
  else if (status != cudaSuccess)
    snprintf (why, size, "the GPU does not answer: %s",
              cudaGetErrorString (status));
  return status == cudaSuccess ? n : 0;
}

bool
reid_gpu_describe (int index, ReidGpu *gpu, ReidError *error)
{
  struct cudaDeviceProp p;
  char why[256] = "";
  int n = reid_gpu_count (why, sizeof why);

  memset (gpu, 0, sizeof *gpu);
  if (n == 0)
    return reid_error_set (error, REID_ERROR_DEVICE, "%s", why);
  if (index < 0 || index >= n)
    return reid_error_set (error, REID_ERROR_DEVICE,
                           "there is no cuda:%d, the last one is cuda:%d",
                           index, n - 1);
  gpu->index = index;
  if (host ()) {
    describe_host (gpu);
    return true;
  }
  if (!reid_gpu_ok (cudaGetDeviceProperties (&p, index), "GPU", error))
    return false;
  cudaDriverGetVersion (&gpu->driver);
  snprintf (gpu->name, sizeof gpu->name, "%.127s", p.name);
  gpu->major = p.major;
  gpu->minor = p.minor;
  gpu->processors = p.multiProcessorCount;
  gpu->memory = p.totalGlobalMem;
  return true;
}

bool
reid_gpu_use (const ReidGpu *gpu, ReidError *error)
{
  return gpu->host
         || reid_gpu_ok (cudaSetDevice (gpu->index), "choosing the GPU", error);
}

void *
reid_gpu_alloc (const ReidGpu *gpu, size_t size, ReidError *error)
{
  void *memory = NULL;

  size = size ? size : 1;
  if (gpu->host) {
    const char *most = getenv ("REID_CUDNN_HOST_MEMORY");
    memory = most && size > strtoull (most, NULL, 10)
                 ? NULL
                 : reid_alloc_aligned (size);
    if (!memory)
      reid_error_set (error, REID_ERROR_MEMORY, "no memory for %zu bytes",
                      size);
    /* so that tests see what was never written */
    else
      memset (memory, 0x7b, size);
    return memory;
  }
  if (reid_gpu_ok (cudaMalloc (&memory, size), "GPU memory", error))
    return memory;
  return NULL;
}

void
reid_gpu_free (const ReidGpu *gpu, void *memory)
{
  if (gpu->host)
    free (memory);
  else if (memory)
    cudaFree (memory);
}

void *
reid_gpu_host_alloc (const ReidGpu *gpu, size_t size)
{
  void *memory = NULL;

  if (gpu->host)
    return reid_alloc_aligned (size);
  if (!reid_gpu_use (gpu, NULL)
      || cudaHostAlloc (&memory, size ? size : 1, cudaHostAllocPortable)
             != cudaSuccess) {
    cudaGetLastError ();
    return NULL;
  }
  return memory;
}

void
reid_gpu_host_free (const ReidGpu *gpu, void *memory)
{
  if (gpu->host)
    free (memory);
  else if (memory)
    cudaFreeHost (memory);
}

bool
reid_gpu_zero (const ReidGpu *gpu, void *memory, size_t size, ReidError *error)
{
  if (!gpu->host)
    return reid_gpu_ok (cudaMemset (memory, 0, size), "GPU memory", error);
  memset (memory, 0, size);
  return true;
}

static bool
copy (const ReidGpu *gpu, ReidQueue q, void *to, const void *from, size_t size,
      enum cudaMemcpyKind kind, ReidError *error)
{
  if (gpu->host) {
    memcpy (to, from, size);
    return true;
  }
  return reid_gpu_ok (cudaMemcpyAsync (to, from, size, kind, q.stream),
                      "copying to or from the GPU", error);
}

bool
reid_gpu_upload (const ReidGpu *gpu, ReidQueue q, void *to, const void *from,
                 size_t size, ReidError *error)
{
  return copy (gpu, q, to, from, size, cudaMemcpyHostToDevice, error);
}

bool
reid_gpu_download (const ReidGpu *gpu, ReidQueue q, void *to, const void *from,
                   size_t size, ReidError *error)
{
  return copy (gpu, q, to, from, size, cudaMemcpyDeviceToHost, error);
}

bool
reid_gpu_wait (const ReidGpu *gpu, ReidQueue q, ReidError *error)
{
  return gpu->host
         || reid_gpu_ok (cudaStreamSynchronize (q.stream), "the GPU", error);
}
