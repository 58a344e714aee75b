/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an error means for who called the command. */
#include "gst-reid-errors.h"

#include <string.h>

#include "gst-reid.h"

gboolean
reid_is_input (GstObject *source)
{
  static const gchar *const kinds[] = { "Source", "Demux", "Decoder", NULL };

  for (GstObject *o = source; o; o = GST_OBJECT_PARENT (o)) {
    const gchar *klass = GST_IS_ELEMENT (o) ? gst_element_get_metadata (
                             GST_ELEMENT (o), GST_ELEMENT_METADATA_KLASS)
                                            : NULL;
    for (gint i = 0; klass && kinds[i]; i++)
      if (strstr (klass, kinds[i]))
        return TRUE;
  }
  return FALSE;
}

gboolean
reid_is_ours (GstObject *source)
{
  GstElementFactory *factory =
      GST_IS_ELEMENT (source) ? gst_element_get_factory (GST_ELEMENT (source))
                              : NULL;

  return factory && g_str_has_prefix (GST_OBJECT_NAME (factory), "reid");
}

gint
reid_exit_of_error (const GError *error, GstObject *source)
{
  if (error->domain == GST_RESOURCE_ERROR) {
    switch (error->code) {
      case GST_RESOURCE_ERROR_NOT_FOUND:
      case GST_RESOURCE_ERROR_OPEN_READ:
      case GST_RESOURCE_ERROR_OPEN_READ_WRITE:
      case GST_RESOURCE_ERROR_READ:
        /* a window that cannot be opened is no input */
        return reid_is_input (source) || reid_is_ours (source) ? EXIT_INPUT
                                                               : EXIT_FAILED;
      case GST_RESOURCE_ERROR_OPEN_WRITE:
      case GST_RESOURCE_ERROR_WRITE:
      case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
        return EXIT_OUTPUT;
      default:
        return EXIT_FAILED;
    }
  }
  if (error->domain == GST_STREAM_ERROR)
    switch (error->code) {
      case GST_STREAM_ERROR_TYPE_NOT_FOUND:
      case GST_STREAM_ERROR_WRONG_TYPE:
      case GST_STREAM_ERROR_CODEC_NOT_FOUND:
      case GST_STREAM_ERROR_DEMUX:
      case GST_STREAM_ERROR_DECODE:
        return EXIT_NO_VIDEO;
      default:
        break;
    }
  return EXIT_FAILED;
}

static gint
exit_of_status (ReidStatus status)
{
  switch (status) {
    case REID_ERROR_NOT_FOUND:
    case REID_ERROR_OPEN:
    case REID_ERROR_FORMAT:
      return EXIT_INPUT;
    case REID_ERROR_WRITE:
      return EXIT_OUTPUT;
    case REID_ERROR_ARGUMENT:
      return EXIT_USAGE;
    default:
      return EXIT_FAILED;
  }
}

gint
reid_say_failure (const ReidError *error)
{
  reid_say_error ("%s", error->message);
  return exit_of_status (error->status);
}
