/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for download.c where there is no libcurl. */
#include "download.h"
#include "gst-reid.h"

gint
reid_download (const ReidDownload *download, gchar **message)
{
  *message = g_strdup_printf (
      "gst-reid was built without libcurl: download %s by other means, save it "
      "as %s, and see `gst-reid models` for whether it is the right file",
      download->url, download->path);
  return EXIT_FAILED;
}
