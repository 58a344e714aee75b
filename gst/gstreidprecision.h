/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_REID_PRECISION_H
#define GST_REID_PRECISION_H

/* The property `precision` of the elements that run networks; its values are
 * ReidPrecision's. */

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_REID_PRECISION (gst_reid_precision_get_type ())
GType gst_reid_precision_get_type (void);
GParamSpec *gst_reid_precision_param_spec (GParamFlags flags);

G_END_DECLS

#endif /* GST_REID_PRECISION_H */
