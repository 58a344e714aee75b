/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first 32 bits behind the point of the cube roots of the first primes. */
static const uint32_t rounds[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
  0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
  0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
  0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t
turn (uint32_t x, int n)
{
  return x >> n | x << (32 - n);
}

static void
take_block (uint32_t state[8], const uint8_t *p)
{
  uint32_t w[64], s[8];

  for (int i = 0; i < 16; i++, p += 4)
    w[i] = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8
           | p[3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turn (a, 7) ^ turn (a, 18) ^ a >> 3) + w[i - 7]
           + (turn (b, 17) ^ turn (b, 19) ^ b >> 10);
  }
  memcpy (s, state, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t a = s[0], e = s[4];
    uint32_t t = s[7] + (turn (e, 6) ^ turn (e, 11) ^ turn (e, 25))
                 + ((e & s[5]) ^ (~e & s[6])) + rounds[i] + w[i];
    uint32_t u = (turn (a, 2) ^ turn (a, 13) ^ turn (a, 22))
                 + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    memmove (s + 1, s, 7 * sizeof *s);
    s[4] += t;
    s[0] = t + u;
  }
  for (int i = 0; i < 8; i++)
    state[i] += s[i];
}

void
reid_sha256_init (ReidSha256 *sum)
{
  static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                     0xa54ff53a, 0x510e527f, 0x9b05688c,
                                     0x1f83d9ab, 0x5be0cd19 };

  memcpy (sum->state, start, sizeof start);
  sum->bytes = 0;
}

void
reid_sha256_update (ReidSha256 *sum, const void *data, size_t size)
{
  const uint8_t *p = data;

  while (size > 0) {
    size_t at = sum->bytes % 64, n = 64 - at;
    if (at == 0 && size >= 64) {
      take_block (sum->state, p);
      n = 64;
    } else {
      n = n < size ? n : size;
      memcpy (sum->block + at, p, n);
      if (at + n == 64)
        take_block (sum->state, sum->block);
    }
    sum->bytes += n;
    p += n;
    size -= n;
  }
}

void
reid_sha256_end (ReidSha256 *sum, char text[REID_SHA256_TEXT])
{
  static const uint8_t pad[64] = { 0x80 };
  uint64_t bits = sum->bytes * 8;
  uint8_t length[8];

  for (int i = 0; i < 8; i++)
    length[i] = (uint8_t) (bits >> (56 - 8 * i));
  reid_sha256_update (sum, pad, 1 + (119 - sum->bytes % 64) % 64);
  reid_sha256_update (sum, length, sizeof length);
  for (int i = 0; i < 8; i++)
    snprintf (text + 8 * i, 9, "%08x", (unsigned) sum->state[i]);
}

bool
reid_sha256_of_fd (int fd, char text[REID_SHA256_TEXT])
{
  uint8_t buffer[65536];
  ReidSha256 sum;
  off_t at = 0;
  ssize_t n;

  reid_sha256_init (&sum);
  while ((n = pread (fd, buffer, sizeof buffer, at)) != 0) {
    if (n > 0) {
      reid_sha256_update (&sum, buffer, (size_t) n);
      at += n;
    } else if (errno != EINTR) {
      return false;
    }
  }
  reid_sha256_end (&sum, text);
  return true;
}

bool
reid_sha256_of_file (const char *path, char text[REID_SHA256_TEXT])
{
  int fd = open (path, O_RDONLY | O_CLOEXEC), saved;
  bool ok;

  if (fd < 0)
    return false;
  ok = reid_sha256_of_fd (fd, text);
  saved = errno;
  close (fd);
  errno = saved;
  return ok;
}
