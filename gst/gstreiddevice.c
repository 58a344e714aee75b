/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreiddevice.h"

GParamSpec *
gst_reid_device_param_spec (GParamFlags flags)
{
  return g_param_spec_string ("device", "Device",
                              "Where the network runs: auto, cpu, cuda or "
                              "cuda:N (an NVIDIA GPU), or the name of a "
                              "backend (reference, dnnl, cudnn)",
                              GST_REID_DEFAULT_DEVICE, flags);
}

GParamSpec *
gst_reid_threads_param_spec (GParamFlags flags)
{
  return g_param_spec_uint (
      "threads", "Threads",
      "CPU threads for the network (0: one for each core)", 0, 256,
      GST_REID_DEFAULT_THREADS, flags);
}
