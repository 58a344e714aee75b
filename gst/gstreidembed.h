/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_EMBED_H__
#define __GST_REID_EMBED_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_REID_EMBED (gst_reid_embed_get_type ())
G_DECLARE_FINAL_TYPE (GstReidEmbed, gst_reid_embed, GST, REID_EMBED, GstElement)

GST_ELEMENT_REGISTER_DECLARE (reidembed);

G_END_DECLS

#endif /* __GST_REID_EMBED_H__ */
