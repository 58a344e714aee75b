/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TRACK_H__
#define __GST_REID_TRACK_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_REID_TRACK (gst_reid_track_get_type ())
G_DECLARE_FINAL_TYPE (GstReidTrack, gst_reid_track, GST, REID_TRACK, GstElement)

GST_ELEMENT_REGISTER_DECLARE (reidtrack);

G_END_DECLS

#endif /* __GST_REID_TRACK_H__ */
