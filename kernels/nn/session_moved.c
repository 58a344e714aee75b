/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session's network is known by, and the same network on the CPU, where
 * its GPU has failed. */
#include "nn/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool
reid_session_sha256 (const ReidSession *session, const char *known,
                     char sha256[REID_SHA256_TEXT], ReidError *error)
{
  const char *file = session->path;
  char text[REID_SHA256_TEXT];
  ReidSha256 sum;

  if (known)
    snprintf (sha256, REID_SHA256_TEXT, "%s", known);
  else if (!reid_sha256_of_file (file, sha256))
    return reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be read: %s",
                           file, strerror (errno));
  for (int i = 0; (file = reid_session_data_file (session, i)); i++) {
    if (!reid_sha256_of_file (file, text))
      return reid_error_set (error, REID_ERROR_OPEN, "%s: cannot be read: %s",
                             file, strerror (errno));
    reid_sha256_init (&sum);
    reid_sha256_update (&sum, sha256, REID_SHA256_TEXT);
    reid_sha256_update (&sum, text, REID_SHA256_TEXT);
    reid_sha256_end (&sum, sha256);
  }
  return true;
}

ReidSession *
reid_session_to_cpu (const ReidSession *session, const char *sha256,
                     ReidError *error)
{
  const ReidSessionOptions options = {
    .device = "cpu",
    .precision = REID_PRECISION_F32,
    .taps = (const char *const *) session->taps.names,
    .n_taps = session->taps.n,
    .outputs = session->taps.outputs
  };
  char found[REID_SHA256_TEXT];
  ReidSession *moved = reid_session_open (session->path, &options, error);

  if (moved && reid_session_sha256 (moved, NULL, found, error)
      && (strcmp (found, sha256) == 0
          || reid_error_set (error, REID_ERROR_FORMAT,
                             "%s: the file has changed since it was opened",
                             session->path)))
    return moved;
  reid_session_unref (moved);
  return NULL;
}

bool
reid_session_not_moved (const ReidError *gpu, const ReidError *cpu,
                        ReidError *error)
{
  return reid_error_set (error, gpu->status,
                         "%s; nor can it go on on the CPU: %s", gpu->message,
                         cpu->message);
}

void
reid_session_moved_reason (const ReidSession *from, const ReidSession *to,
                           const ReidError *why, char *reason, size_t size)
{
  if (why->status == REID_OK)
    snprintf (reason, size, "%s", to->reason);
  else if (!from)
    snprintf (reason, size, "%s; not the GPU: %s", to->reason, why->message);
  else
    snprintf (reason, size, "%s; since %s, %s", from->reason,
              why->status == REID_ERROR_MEMORY ? "its memory ended"
                                               : "it failed",
              to->reason);
}
