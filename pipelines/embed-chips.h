/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_EMBED_CHIPS_H__
#define __GST_REID_EMBED_CHIPS_H__

#include <glib.h>
#include <signal.h>

#include "archive/archive.h"
#include "embed/embed.h"

G_BEGIN_DECLS

/* The chips of an archive, through an embedder, into a set of vectors that was
 * begun: while one batch runs, the pixels of the next are unpacked by as many
 * threads as there are cores. */
typedef struct {
  ReidAddition *addition;
  ReidEmbedder *embedder;
  guint batch;
  const volatile sig_atomic_t *stop; /* looked at between two batches */
  void (*progress) (gsize done, gsize all, gpointer data);
  gpointer data;
} ReidEmbedJob;

typedef struct {
  gsize made, failed;
  gsize without; /* chips of which no pixels were kept */
  ReidError why; /* of the last one that failed */
} ReidEmbedCounts;

/* FALSE with an error, or without one where it was stopped. A chip on which
 * the network fails by itself gets a row of zeros; a network that fails on many
 * in a row, or for want of memory, is an error. */
gboolean reid_embed_chips (const ReidEmbedJob *job, ReidEmbedCounts *counts,
                           ReidError *error);

G_END_DECLS

#endif /* __GST_REID_EMBED_CHIPS_H__ */
