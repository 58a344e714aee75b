/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_MODEL_H__
#define __GST_REID_MODEL_H__

#include <gst/reid/gstreidframemeta.h>

G_BEGIN_DECLS

/**
 * GstReidModelRole:
 * @GST_REID_MODEL_DETECTOR: finds faces in a picture
 * @GST_REID_MODEL_EMBEDDER: makes a vector of an aligned face
 *
 * Since: 0.1
 */
typedef enum {
  GST_REID_MODEL_DETECTOR,
  GST_REID_MODEL_EMBEDDER
} GstReidModelRole;

#define GST_TYPE_REID_MODEL_ROLE (gst_reid_model_role_get_type ())
GST_REID_API GType gst_reid_model_role_get_type (void);

/**
 * GstReidModel:
 * @path: the file
 * @name: the known network's name, the one its .modelinfo gives, or the
 *   file's name without ".onnx"
 * @sha256: of the file, in hexadecimal
 * @licence: SPDX name, or %NULL when unknown
 * @info: path of the .modelinfo file beside it, or %NULL
 * @reason: one line that says why it was chosen; in a list, what it is known by
 * @size: of the file, in bytes
 * @role: what it was looked up for
 *
 * A network on disk.
 *
 * Since: 0.1
 */
typedef struct {
  gchar *path;
  gchar *name;
  gchar *sha256;
  gchar *licence;
  gchar *info;
  gchar *reason;
  guint64 size;
  GstReidModelRole role;
} GstReidModel;

#define GST_TYPE_REID_MODEL (gst_reid_model_get_type ())
GST_REID_API GType gst_reid_model_get_type (void);
GST_REID_API GstReidModel *gst_reid_model_copy (const GstReidModel *model);
GST_REID_API void gst_reid_model_free (GstReidModel *model);

/* The folders that are searched, in order: $REID_MODEL_PATH (separated as
 * $PATH is), gst-reid/models in the user's data directory, the build's own
 * when the library was not installed, gst-reid/models in the system's data
 * directories, and in the one this library was installed to. */
GST_REID_API gchar **gst_reid_model_get_search_path (void);

/* name: a file, or the name of a network in the search path ("yunet",
 * "MobileFaceNet", "mine.onnx"); NULL takes the best one known for the role,
 * and the one that ships with the library where there is none.
 * The error is in the GST_RESOURCE_ERROR domain and says where it looked. */
GST_REID_API GstReidModel *
gst_reid_model_find (GstReidModelRole role, const gchar *name, GError **error);
/* All networks in the search path that are known for the role: by hash, or by
 * their .modelinfo. Best first. */
GST_REID_API GPtrArray *gst_reid_model_list (GstReidModelRole role);
/* Every .onnx file in the search path, known or not, in the order in which
 * they are looked at. */
GST_REID_API gchar **gst_reid_model_list_files (void);

G_END_DECLS

#endif /* __GST_REID_MODEL_H__ */
