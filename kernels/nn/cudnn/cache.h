/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_CUDNN_CACHE_H
#define REID_CUDNN_CACHE_H

/* Compiled plans on disk, so that a network starts at once the second time.
 * A folder of small files in $REID_PLAN_CACHE, else gst-reid/cudnn below the
 * user's cache directory; REID_PLAN_CACHE=none keeps nothing. A file that
 * cannot be read or written is as if it were not there.
 *
 * `key` is one line that says all that a plan depends on. `choice` numbers the
 * plans that were compiled for it, and REID_CACHE_BEST is the one that measured
 * fastest. */

#include "base/base.h"

#define REID_CACHE_BEST (-1)

/* The plan's text, to be freed; NULL where there is none. */
char *reid_cache_load (const char *key, int choice);
void reid_cache_store (const char *key, int choice, const char *text);
void reid_cache_drop (const char *key, int choice);

#endif /* REID_CUDNN_CACHE_H */
