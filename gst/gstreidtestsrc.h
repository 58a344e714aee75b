/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TEST_SRC_H__
#define __GST_REID_TEST_SRC_H__

#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>

#include "synth/synth.h"

G_BEGIN_DECLS

#define GST_TYPE_REID_TEST_SRC (gst_reid_test_src_get_type ())
G_DECLARE_FINAL_TYPE (GstReidTestSrc, gst_reid_test_src, GST, REID_TEST_SRC,
                      GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (reidtestsrc);

G_END_DECLS

#endif /* __GST_REID_TEST_SRC_H__ */
