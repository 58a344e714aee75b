/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_REID_DEVICE_H
#define GST_REID_DEVICE_H

/* The properties `device` and `threads` of the elements that run networks. */

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_REID_DEFAULT_DEVICE "auto"
#define GST_REID_DEFAULT_THREADS 0

GParamSpec *gst_reid_device_param_spec (GParamFlags flags);
GParamSpec *gst_reid_threads_param_spec (GParamFlags flags);

G_END_DECLS

#endif /* GST_REID_DEVICE_H */
