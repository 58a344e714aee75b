/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_EMBED_SETTINGS_H__
#define __GST_REID_EMBED_SETTINGS_H__

#include <gst/reid/gstreidembedder-private.h>

G_BEGIN_DECLS

/* reidembed's properties, and the networks that they ask for. The caller locks
 * where two threads may come. */
typedef struct {
  gchar *model, *weights, *layers, *device;
  gint precision;
  guint memory_limit, batch_size, threads;
  GstClockTime max_latency;
  gboolean normalize;
} GstReidEmbedSettings;

void gst_reid_embed_settings_install (GObjectClass *klass);
void gst_reid_embed_settings_init (GstReidEmbedSettings *settings);
void gst_reid_embed_settings_clear (GstReidEmbedSettings *settings);
/* A deep copy, to be cleared. */
void gst_reid_embed_settings_copy (GstReidEmbedSettings *to,
                                   const GstReidEmbedSettings *from);
/* FALSE for an id that is none of its own. */
gboolean gst_reid_embed_settings_set (GstReidEmbedSettings *settings, guint id,
                                      const GValue *value);
gboolean gst_reid_embed_settings_get (const GstReidEmbedSettings *settings,
                                      guint id, GValue *value);

GstReidEmbedder *
gst_reid_embed_settings_open (const GstReidEmbedSettings *settings,
                              GError **error);
/* How the element is set and what its vectors are, for the archive. */
GstEvent *gst_reid_embed_info (GstElement *element,
                               const GstReidEmbedder *embedder);
/* The i-th matrix that the archive keeps with it; NULL after the last. */
GstEvent *gst_reid_embed_projection (const GstReidEmbedder *embedder, guint i);

G_END_DECLS

#endif /* __GST_REID_EMBED_SETTINGS_H__ */
