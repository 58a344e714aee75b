/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_BASE_H
#define REID_BASE_H

/* What every room of kernels/ shares: how a failure is told, and which
 * instruction sets may be used. No room may depend on anything else of
 * another room but its one public header. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exported from libreidkernels; everything else is hidden. */
#define REID_API __attribute__ ((visibility ("default")))

#ifdef __GNUC__
#define REID_PRINTF(f, a) __attribute__ ((format (printf, f, a)))
#else
#define REID_PRINTF(f, a)
#endif

typedef enum {
  REID_OK = 0,
  REID_ERROR_ARGUMENT,    /* the caller's values do not fit together */
  REID_ERROR_NOT_FOUND,   /* a file or a name does not exist */
  REID_ERROR_OPEN,        /* exists, but cannot be opened or read */
  REID_ERROR_WRITE,       /* cannot be written: permission, full disk */
  REID_ERROR_FORMAT,      /* the bytes are not what they should be */
  REID_ERROR_UNSUPPORTED, /* well-formed, but beyond what is built here */
  REID_ERROR_MEMORY,      /* an allocation failed */
  REID_ERROR_DEVICE       /* a driver or a device library failed */
} ReidStatus;

/* The first failure wins: reid_error_set() on an error that is already set
 * does nothing, so that the root cause survives the way out. The message is
 * one line, names the thing (file, node, property) and the way out; no final
 * full stop, no newline. Every function that takes a ReidError accepts NULL. */
typedef struct {
  ReidStatus status;
  char message[1024];
} ReidError;

#define REID_ERROR_INIT                                                        \
  {                                                                            \
    REID_OK, ""                                                                \
  }

/* Returns false, so that `return reid_error_set (error, ...);` reads well. */
REID_API bool reid_error_set (ReidError *error, ReidStatus status,
                              const char *format, ...) REID_PRINTF (3, 4);
/* Puts "PREFIX: " before the message that is there. */
REID_API void reid_error_prefix (ReidError *error, const char *format, ...)
    REID_PRINTF (2, 3);
REID_API void reid_error_clear (ReidError *error);

/* Instruction sets. A kernel family picks its functions by the flags it is
 * given, so that a test can ask for every version that the machine can run. */
typedef enum {
  REID_CPU_AVX2 = 1 << 0,  /* AVX2 and FMA and F16C */
  REID_CPU_AVX512 = 1 << 1 /* AVX-512 F, BW, DQ, VL */
} ReidCpuFlags;

/* What the processor and the kernel offer, less what the environment variable
 * REID_CPU forbids (`REID_CPU=c`, `avx2` or `avx512`: the highest to use).
 * Detected once; safe from any thread. */
REID_API unsigned reid_cpu_flags (void);

/* Nanoseconds of a clock that only goes forward. */
REID_API uint64_t reid_clock (void);

/* Zeroed or not, aligned to 64 bytes; NULL when size overflows or memory
 * ends. Free with free(). */
REID_API void *reid_alloc_aligned (size_t size);

#ifdef __cplusplus
}
#endif

#endif /* REID_BASE_H */
