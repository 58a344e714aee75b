/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A libcuda.so.1 for machines without an NVIDIA driver, for tests: it takes
 * whatever kernels cuDNN compiles, so that plans can be made to the end, and
 * has no device to run them on. The functions are those that cuDNN 9 and the
 * CUDA 13 runtime look up by name; what their arguments are is in cuda.h, and
 * of no account here but where something is handed back. */
#include <stddef.h>

#define EXPORT __attribute__ ((visibility ("default")))

enum { SUCCESS = 0, NO_DEVICE = 100 };

static int thing; /* its address stands for libraries, kernels and modules */

#define FUNCTION(name, arguments)                                              \
  EXPORT int name arguments;                                                   \
  EXPORT int name arguments

#define TAKES(name)                                                            \
  FUNCTION (name, (void) )                                                     \
  {                                                                            \
    return SUCCESS;                                                            \
  }
#define MAKES(name)                                                            \
  FUNCTION (name, (void **made))                                               \
  {                                                                            \
    *made = &thing;                                                            \
    return SUCCESS;                                                            \
  }
#define REFUSES(name)                                                          \
  FUNCTION (name, (void) )                                                     \
  {                                                                            \
    return NO_DEVICE;                                                          \
  }

FUNCTION (cuDriverGetVersion, (int *version))
{
  *version = 13000;
  return SUCCESS;
}

FUNCTION (cuDeviceGetCount, (int *n))
{
  *n = 0;
  return NO_DEVICE;
}

FUNCTION (cuGetErrorString, (int error, const char **text))
{
  (void) error;
  *text = "there is no driver";
  return SUCCESS;
}

FUNCTION (cuGetErrorName, (int error, const char **text))
{
  (void) error;
  *text = "CUDA_ERROR_NO_DEVICE";
  return SUCCESS;
}

FUNCTION (cuKernelGetAttribute, (int *value))
{
  *value = 0;
  return SUCCESS;
}

FUNCTION (cuFuncGetAttribute, (int *value))
{
  *value = 0;
  return SUCCESS;
}

/* clang-format off */
MAKES (cuLibraryLoadData)
MAKES (cuLibraryGetKernel)
MAKES (cuModuleLoadData)
MAKES (cuModuleLoadDataEx)
MAKES (cuModuleLoadFatBinary)
MAKES (cuModuleGetFunction)

TAKES (cuLibraryUnload)
TAKES (cuModuleUnload)
TAKES (cuKernelSetAttribute)
TAKES (cuFuncSetAttribute)

REFUSES (cuInit)
REFUSES (cuCtxGetCurrent)
REFUSES (cuCtxGetDevice)
REFUSES (cuCtxGetLimit)
REFUSES (cuCtxPopCurrent)
REFUSES (cuCtxPushCurrent)
REFUSES (cuDeviceGet)
REFUSES (cuDeviceGetAttribute)
REFUSES (cuDevicePrimaryCtxRelease)
REFUSES (cuDevicePrimaryCtxReset)
REFUSES (cuDevicePrimaryCtxRetain)
REFUSES (cuLaunchCooperativeKernel)
REFUSES (cuLaunchKernel)
REFUSES (cuLaunchKernelEx)
REFUSES (cuLibraryLoadFromFile)
REFUSES (cuLinkAddData)
REFUSES (cuLinkAddData_v2)
REFUSES (cuLinkAddFile_v2)
REFUSES (cuLinkComplete)
REFUSES (cuLinkCreate)
REFUSES (cuLinkCreate_v2)
REFUSES (cuLinkDestroy)
REFUSES (cuMemcpyDtoH_v2)
REFUSES (cuModuleGetGlobal_v2)
REFUSES (cuOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSES (cuOccupancyMaxPotentialClusterSize)
REFUSES (cuStreamGetCtx)
REFUSES (cuStreamSynchronize)
REFUSES (cuTensorMapEncodeTiled)
