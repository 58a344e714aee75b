/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_H__
#define __GST_REID_H__

/* libgstreid-1.0: what an application needs to read the results of the reid
 * elements. Build with `pkg-config --cflags --libs gstreid-1.0`. */

#include <gst/reid/gstreidframemeta.h>
#include <gst/reid/gstreidmodel.h>
#include <gst/reid/gstreidtracklet.h>
#include <gst/reid/gstreidtruthmeta.h>

#endif /* __GST_REID_H__ */
