/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_EMBEDDER_PRIVATE_H__
#define __GST_REID_EMBEDDER_PRIVATE_H__

#include <gst/reid/gstreidmodel.h>

#include "embed/embed.h"

G_BEGIN_DECLS

/* An embedder as users ask for it: by names, weights and layers as text. For
 * reidembed and for gst-reid. Not thread-safe. */
typedef struct {
  ReidEmbedder *embedder;
  /* What the vectors are made with, for archives and messages. Of several
   * networks, in their order, separated by commas; layers and projection by
   * semicolons. NULL where there is nothing to tell. */
  gchar *model, *model_sha256, *licence;
  gchar *weights, *layers, *projection;
  gfloat threshold; /* weighted mean of what is known of the networks, where an
                       unknown one counts as the default; NAN: nothing is */
  const gchar *version; /* the embedder's */
  GPtrArray *found;     /* of GstReidModel: the networks */
  /*< private >*/
  gfloat *thresholds;
  guint moves_told; /* a bit for each network */
} GstReidEmbedder;

/* models: names or files, separated by commas; one file may have commas in its
 * name. NULL: the best one that is found. weights: a number for each, NULL or
 * "": all the same. layers: for each network as in ReidEmbedderNetwork,
 * separated by semicolons; NULL or "": none. Errors in the GST_RESOURCE_ERROR
 * or GST_STREAM_ERROR domain. */
GST_REID_API GstReidEmbedder *
gst_reid_embedder_open (const gchar *models, const gchar *weights,
                        const gchar *layers, const ReidEmbedderOptions *options,
                        GError **error);
GST_REID_API void gst_reid_embedder_close (GstReidEmbedder *embedder);
/* reid_embedder_drop(), and what goes with it. */
GST_REID_API gboolean gst_reid_embedder_drop (GstReidEmbedder *embedder,
                                              const ReidError *why);
/* A network that has moved to the CPU since the last call, and what the GPU
 * said; NULL where there is none, or no more. Each is told once. */
GST_REID_API const GstReidModel *
gst_reid_embedder_next_moved (GstReidEmbedder *embedder, const gchar **why);

G_END_DECLS

#endif /* __GST_REID_EMBEDDER_PRIVATE_H__ */
