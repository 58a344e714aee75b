/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_INPUT_H__
#define __GST_REID_INPUT_H__

#include <gst/gst.h>

G_BEGIN_DECLS

/* What the first source of a pipeline reads, as it was named; NULL = it has no
 * name. */
gchar *reid_input_of (GstElement *pipeline);
/* The same by a name that means the same from everywhere. */
gchar *reid_input_full (const gchar *input);
/* Says why not, where the location of this reidcluster holds the results of
 * another input. */
gboolean reid_input_owns (GstElement *cluster, const gchar *full);

G_END_DECLS

#endif /* __GST_REID_INPUT_H__ */
