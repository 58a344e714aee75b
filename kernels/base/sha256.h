/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_SHA256_H
#define REID_SHA256_H

/* SHA-256 (FIPS 180-4): what a network's file is known by, and what an
 * embedding's version is made of. */

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_SHA256_TEXT 65 /* 64 lower-case hexadecimal digits and a 0 */

typedef struct {
  uint32_t state[8];
  uint64_t bytes;
  uint8_t block[64];
} ReidSha256;

REID_API void reid_sha256_init (ReidSha256 *sum);
REID_API void reid_sha256_update (ReidSha256 *sum, const void *data,
                                  size_t size);
REID_API void reid_sha256_end (ReidSha256 *sum, char text[REID_SHA256_TEXT]);

/* Of a whole file, read from its beginning wherever the descriptor stands;
 * false, with errno set, when it cannot be read. */
REID_API bool reid_sha256_of_fd (int fd, char text[REID_SHA256_TEXT]);
REID_API bool reid_sha256_of_file (const char *path,
                                   char text[REID_SHA256_TEXT]);

#ifdef __cplusplus
}
#endif

#endif /* REID_SHA256_H */
