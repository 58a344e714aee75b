/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_ARCHIVE_H__
#define __GST_REID_ARCHIVE_H__

#include <glib.h>

#include "archive/archive.h"

G_BEGIN_DECLS

/* What the commands that work on an archive share. */

/* Options, and one argument besides; says what is wrong. */
gboolean reid_parse_arguments (GOptionContext *context, gint *argc,
                               gchar ***argv, const gchar *usage);

/* What is known of the vectors of a set, by an attribute of its own; else, for
 * archives from before sets had any, what reidembed noted of the run whose set
 * it is. NULL: unknown. */
const char *reid_vectors_text (const ReidEpisode *episode,
                               const ReidEmbeddingSet *set, const char *key);
/* The set that is read where none is named, or NULL. */
const ReidEmbeddingSet *reid_vectors_current (const ReidEpisode *episode);
/* Name of the set that the people were made of, as far as is known; NULL in an
 * archive without vectors. */
gchar *reid_people_set (const ReidEpisode *episode);
/* Whether the people were made of vectors of this version; where one is not
 * known, of this very set. */
gboolean reid_people_are_of (const ReidEpisode *episode,
                             const ReidEmbeddingSet *set);
/* Says so where they were made of other vectors than the current ones. */
void reid_say_stale (const ReidEpisode *episode, const gchar *path);

G_END_DECLS

#endif /* __GST_REID_ARCHIVE_H__ */
