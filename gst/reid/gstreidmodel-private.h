/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_MODEL_PRIVATE_H__
#define __GST_REID_MODEL_PRIVATE_H__

#include <gst/reid/gstreidmodel.h>

#include "detect/detect.h"
#include "embed/embed.h"

G_BEGIN_DECLS

/* A network whose file was hashed by us. */
typedef struct {
  const gchar *sha256;
  goffset size; /* bytes; spares hashing files that cannot be it */
  const gchar *name;
  const gchar *licence;
  GstReidModelRole role;
  gint rank; /* the highest of a role is the default; > 0 */
  /* embedders: preprocessing that the file does not tell */
  gdouble mean[3], deviation[3]; /* of v / 255, as PyTorch writes them */
  gfloat threshold;              /* cosine; 0 = the engine's default */
} GstReidKnownModel;

/* Of a network that somebody took the trouble to describe, and of those that
 * ship with gst-reid. */
#define GST_REID_MODEL_DESCRIBED_RANK 1000
#define GST_REID_MODEL_SHIPPED_RANK 0

G_GNUC_INTERNAL extern const GstReidKnownModel gst_reid_known_models[];

/* What the elements hand to the engine: built-in facts of a known network,
 * overridden by its .modelinfo. The error names file, group and key. */
GST_REID_API gboolean gst_reid_model_get_detector_info (
    const GstReidModel *model, ReidDetectorInfo *info, GError **error);
GST_REID_API gboolean gst_reid_model_get_embedder_info (
    const GstReidModel *model, ReidEmbedderInfo *info, GError **error);

G_END_DECLS

#endif /* __GST_REID_MODEL_PRIVATE_H__ */
