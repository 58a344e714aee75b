/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_CACHE_H
#define REID_CUDNN_CACHE_H

/* Compiled plans on disk, so that a network starts at once the second time.
 * A folder of small files in $REID_PLAN_CACHE, else gst-reid/cudnn below the
 * user's cache directory; REID_PLAN_CACHE=none keeps nothing. A file that
 * cannot be read or written is as if it were not there.
 *
 * `key` is one line that says all that the text depends on. `choice` numbers
 * plans that were compiled for it and are yet to be timed; REID_CACHE_ONE is
 * what came of it. */

#include "base/base.h"

#define REID_CACHE_ONE (-1)

/* The text, to be freed; NULL where there is none. */
char *reid_cache_load (const char *key, int choice);
void reid_cache_store (const char *key, int choice, const char *text);
void reid_cache_drop (const char *key, int choice);

#endif /* REID_CUDNN_CACHE_H */
