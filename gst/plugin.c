/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster.h"
#include "gstreiddetect.h"
#include "gstreidembed.h"
#include "gstreidtestsrc.h"
#include "gstreidtrack.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  /* in the order of the pipeline */
  return GST_ELEMENT_REGISTER (reidtestsrc, plugin)
         & GST_ELEMENT_REGISTER (reiddetect, plugin)
         & GST_ELEMENT_REGISTER (reidtrack, plugin)
         & GST_ELEMENT_REGISTER (reidembed, plugin)
         & GST_ELEMENT_REGISTER (reidcluster, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, reid,
                   "Who is on screen, and when: finds, follows and tells "
                   "apart the people of a video",
                   plugin_init, VERSION, "LGPL", PACKAGE, GST_REID_ORIGIN)
