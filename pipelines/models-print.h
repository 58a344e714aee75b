/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_MODELS_PRINT_H__
#define __GST_REID_MODELS_PRINT_H__

#include "model-index.h"

G_BEGIN_DECLS

const gchar *reid_kind_text (GstReidModelRole role);
gchar *reid_size_text (guint64 bytes);
/* Those whose hash is not in `have`, which may be NULL. FALSE when there are
 * none, and nothing was printed. */
gboolean reid_print_published (const GPtrArray *index, const gchar *title,
                               GHashTable *have);

G_END_DECLS

#endif /* __GST_REID_MODELS_PRINT_H__ */
