/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_ERRORS_H__
#define __GST_REID_ERRORS_H__

#include <gst/gst.h>

#include "base/base.h"

G_BEGIN_DECLS

/* Whether it, or a bin that it stands in (decodebin, say), brings the input
 * in. */
gboolean reid_is_input (GstObject *source);
/* Whether it is an element of this family. */
gboolean reid_is_ours (GstObject *source);
/* The exit code for an error that this object posted. */
gint reid_exit_of_error (const GError *error, GstObject *source);
/* Says the error; its exit code. */
gint reid_say_failure (const ReidError *error);

G_END_DECLS

#endif /* __GST_REID_ERRORS_H__ */
