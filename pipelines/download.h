/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_DOWNLOAD_H__
#define __GST_REID_DOWNLOAD_H__

#include <glib.h>
#include <signal.h>

G_BEGIN_DECLS

/* A file whose size and hash are known before it comes. */
typedef struct {
  const gchar *url;
  const gchar *path; /* its folder must be there */
  const gchar *sha256;
  guint64 size;
  guint timeout; /* seconds without a byte after which it is given up */
  const volatile sig_atomic_t *stop; /* set by a signal: end, keep the part */
  void (*progress) (guint64 done, guint64 size, gpointer data);
  gpointer data;
} ReidDownload;

/* The file stands at path when, and only when, this returns EXIT_OK. What came
 * of it until a failure is kept beside it, and the next call goes on from
 * there. Otherwise an exit code of gst-reid.h, and one line that says what to
 * do. */
gint reid_download (const ReidDownload *download, gchar **message);

G_END_DECLS

#endif /* __GST_REID_DOWNLOAD_H__ */
