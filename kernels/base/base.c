/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A message that was cut in the middle of a multi-byte character would not be
 * valid UTF-8, and GStreamer refuses such strings. */
static void
trim_broken_utf8 (char *s)
{
  size_t n = strlen (s), i = n;

  while (i > 0 && ((unsigned char) s[i - 1] & 0xc0) == 0x80)
    i--;
  if (i == 0)
    return;
  unsigned char lead = (unsigned char) s[i - 1];
  size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (n - (i - 1) < need)
    s[i - 1] = '\0';
}

bool
reid_error_set (ReidError *error, ReidStatus status, const char *format, ...)
{
  va_list args;

  if (!error || error->status != REID_OK)
    return false;
  error->status = status;
  va_start (args, format);
  vsnprintf (error->message, sizeof error->message, format, args);
  va_end (args);
  trim_broken_utf8 (error->message);
  return false;
}

void
reid_error_prefix (ReidError *error, const char *format, ...)
{
  char prefix[512];
  va_list args;

  if (!error || error->status == REID_OK)
    return;
  va_start (args, format);
  vsnprintf (prefix, sizeof prefix - 2, format, args);
  va_end (args);
  trim_broken_utf8 (prefix);
  strcat (prefix, ": ");
  size_t at = strlen (prefix), keep = strlen (error->message);
  if (keep > sizeof error->message - 1 - at)
    keep = sizeof error->message - 1 - at;
  memmove (error->message + at, error->message, keep);
  memcpy (error->message, prefix, at);
  error->message[at + keep] = '\0';
  trim_broken_utf8 (error->message);
}

void
reid_error_clear (ReidError *error)
{
  if (error) {
    error->status = REID_OK;
    error->message[0] = '\0';
  }
}

static unsigned cpu_flags;
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;

static void
detect_cpu (void)
{
#if defined(__x86_64__) || defined(__i386__)
  const char *most = getenv ("REID_CPU");
  bool avx2 = !most || strcmp (most, "c") != 0;
  bool avx512 = avx2 && (!most || strcmp (most, "avx2") != 0);

  __builtin_cpu_init ();
  if (avx2 && __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    cpu_flags |= REID_CPU_AVX2;
  if (avx512 && (cpu_flags & REID_CPU_AVX2)
      && __builtin_cpu_supports ("avx512f")
      && __builtin_cpu_supports ("avx512bw")
      && __builtin_cpu_supports ("avx512dq")
      && __builtin_cpu_supports ("avx512vl"))
    cpu_flags |= REID_CPU_AVX512;
#endif
}

unsigned
reid_cpu_flags (void)
{
  pthread_once (&cpu_once, detect_cpu);
  return cpu_flags;
}

void *
reid_alloc_aligned (size_t size)
{
  if (size > SIZE_MAX - 63)
    return NULL;
  size = (size + 63) & ~(size_t) 63;
  return aligned_alloc (64, size ? size : 64);
}

uint64_t
reid_clock (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}
