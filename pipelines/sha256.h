/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_SHA256_H__
#define __GST_REID_SHA256_H__

#include <glib.h>

G_BEGIN_DECLS

/* Of the whole file, in lower-case hexadecimal; NULL with errno set when it
 * cannot be read. */
gchar *reid_sha256_of_fd (int fd);
gchar *reid_sha256_of_file (const gchar *path);

G_END_DECLS

#endif /* __GST_REID_SHA256_H__ */
