/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_MODEL_INDEX_H__
#define __GST_REID_MODEL_INDEX_H__

#include <gst/reid/reid.h>

G_BEGIN_DECLS

/* A network that its authors publish, and how to tell it. */
typedef struct {
  gchar *name;
  gchar *file;   /* the authors' name for it */
  gchar *url;    /* fixed to a revision, so that the hash stays right */
  gchar *sha256; /* the pin: nothing else is accepted */
  guint64 size;
  GstReidModelRole role;
  gchar *licence;     /* SPDX name */
  gchar *licence_url; /* its text at the authors' place */
  gchar *author;
  gboolean untried; /* never run with this project */
} ReidPublishedModel;

/* The built-in table, or the key file that REID_MODEL_INDEX names, which
 * replaces it. NULL on an error, which names file, group and key. */
GPtrArray *reid_model_index_load (GError **error);

const ReidPublishedModel *reid_model_index_find (const GPtrArray *index,
                                                 const gchar *name);
const ReidPublishedModel *reid_model_index_find_hash (const GPtrArray *index,
                                                      const gchar *sha256);
/* "a, b, c" */
gchar *reid_model_index_names (const GPtrArray *index);

/* The built-in table, without a look at the environment (for tests). */
GPtrArray *reid_model_index_built_in (void);

G_END_DECLS

#endif /* __GST_REID_MODEL_INDEX_H__ */
