/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_ERROR_PRIVATE_H__
#define __GST_REID_ERROR_PRIVATE_H__

#include <gst/reid/gstreidframemeta.h>

#include "base/base.h"

G_BEGIN_DECLS

/* A kernel's failure in the domain and code of GStreamer that fit it. */
GST_REID_API GError *gst_reid_error_to_gerror (const ReidError *error);

G_END_DECLS

#endif /* __GST_REID_ERROR_PRIVATE_H__ */
