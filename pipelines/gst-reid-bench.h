/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_BENCH_H__
#define __GST_REID_BENCH_H__

#include <glib.h>

G_BEGIN_DECLS

/* "version" of the files that `gst-reid bench --json` writes. */
#define REID_BENCH_FORMAT 1

/* Says what changed from one such file to another; an exit code. */
gint reid_bench_compare (const gchar *before, const gchar *after);

G_END_DECLS

#endif /* __GST_REID_BENCH_H__ */
