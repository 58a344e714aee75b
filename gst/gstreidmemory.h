/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_REID_MEMORY_H
#define GST_REID_MEMORY_H

/* The property `memory-limit` of the elements that run networks, in MiB. */

#include <gst/gst.h>

G_BEGIN_DECLS

GParamSpec *gst_reid_memory_limit_param_spec (GParamFlags flags);
/* As the engine takes it. */
gsize gst_reid_memory_limit_bytes (guint mib);

G_END_DECLS

#endif /* GST_REID_MEMORY_H */
