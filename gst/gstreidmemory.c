/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidmemory.h"

GParamSpec *
gst_reid_memory_limit_param_spec (GParamFlags flags)
{
  return g_param_spec_uint (
      "memory-limit", "Memory limit",
      "Most memory in MiB that the network's weights and working memory may "
      "take, on a GPU of its memory; shared by elements with the same network "
      "(0: as much as there is)",
      0, MIN (G_MAXUINT, G_MAXSIZE >> 20), 0, flags);
}

gsize
gst_reid_memory_limit_bytes (guint mib)
{
  return (gsize) mib << 20;
}
