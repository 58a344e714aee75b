/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreiderror-private.h"

GError *
gst_reid_error_to_gerror (const ReidError *error)
{
  GQuark domain = GST_RESOURCE_ERROR;
  gint code;

  switch (error->status) {
    case REID_ERROR_NOT_FOUND:
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case REID_ERROR_OPEN:
      code = GST_RESOURCE_ERROR_OPEN_READ;
      break;
    case REID_ERROR_WRITE:
      code = GST_RESOURCE_ERROR_WRITE;
      break;
    case REID_ERROR_ARGUMENT:
      domain = GST_LIBRARY_ERROR;
      code = GST_LIBRARY_ERROR_SETTINGS;
      break;
    case REID_ERROR_FORMAT:
    case REID_ERROR_UNSUPPORTED:
      domain = GST_STREAM_ERROR;
      code = GST_STREAM_ERROR_FORMAT;
      break;
    case REID_ERROR_MEMORY:
      code = GST_RESOURCE_ERROR_FAILED;
      break;
    default:
      domain = GST_LIBRARY_ERROR;
      code = GST_LIBRARY_ERROR_FAILED;
      break;
  }
  return g_error_new_literal (domain, code, error->message);
}
