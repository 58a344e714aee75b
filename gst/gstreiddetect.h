/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_DETECT_H__
#define __GST_REID_DETECT_H__

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "detect/detect.h"

G_BEGIN_DECLS

#define GST_TYPE_REID_DETECT (gst_reid_detect_get_type ())
G_DECLARE_FINAL_TYPE (GstReidDetect, gst_reid_detect, GST, REID_DETECT,
                      GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (reiddetect);

G_END_DECLS

#endif /* __GST_REID_DETECT_H__ */
