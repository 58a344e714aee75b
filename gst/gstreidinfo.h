/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_INFO_H__
#define __GST_REID_INFO_H__

#include <gst/gst.h>

G_BEGIN_DECLS

/* What each element of the chain tells reidcluster, for the archive and for
 * run.json, by events: how it is set (a sticky event before its first buffer),
 * and what it did (before EOS). */

/* Every property of the element's own class as a string, and further
 * name/value string pairs (a NULL value is left out), ended by NULL. */
GstEvent *gst_reid_info_event (GstElement *element, const gchar *name,
                               ...) G_GNUC_NULL_TERMINATED;
/* NULL for any other event. The structure's name is the factory's; all fields
 * are strings. Valid as long as the event. */
const GstStructure *gst_reid_info_parse (GstEvent *event,
                                         const gchar **factory);

/* A matrix that vectors were made with (sticky): its name, and its numbers in
 * the machine's own order of bytes. */
GstEvent *gst_reid_projection_event (const gchar *name, guint rows, guint cols,
                                     GBytes *numbers);
/* FALSE for any other event, and where sizes and numbers do not fit. */
gboolean gst_reid_projection_parse (GstEvent *event, const gchar **name,
                                    guint *rows, guint *cols, GBytes **numbers);

/* Seconds of wall clock spent in the element's own work, and how many times. */
GstEvent *gst_reid_stats_event (GstElement *element, gdouble seconds,
                                guint64 count);
gboolean gst_reid_stats_parse (GstEvent *event, const gchar **factory,
                               gdouble *seconds, guint64 *count);

G_END_DECLS

#endif /* __GST_REID_INFO_H__ */
