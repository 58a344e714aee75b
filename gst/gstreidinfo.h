/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_INFO_H__
#define __GST_REID_INFO_H__

#include <gst/gst.h>

#include "gstreidstages.h"

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

/* Seconds of wall clock spent in the element's own work, how many times, and
 * what of it went into which stage. */
GstEvent *gst_reid_stats_event (GstElement *element, gdouble seconds,
                                guint64 count, const GstReidStage *stages,
                                guint n_stages);
gboolean gst_reid_stats_parse (GstEvent *event, const gchar **factory,
                               gdouble *seconds, guint64 *count);
/* Of such an event; their names are valid as long as it. Returns how many. */
guint gst_reid_stats_parse_stages (GstEvent *event, GstReidStage *stages,
                                   guint most);

G_END_DECLS

#endif /* __GST_REID_INFO_H__ */
