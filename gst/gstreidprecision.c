/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidprecision.h"

#include "nn/nn.h"

GType
gst_reid_precision_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { REID_PRECISION_AUTO,
      "The fastest with which people stay the same: f16 on GPUs, bf16 for "
      "embeddings on processors with AMX, else f32",
      "auto" },
    { REID_PRECISION_F32, "32 bits", "f32" },
    { REID_PRECISION_BF16, "16 bits, of which 8 are the exponent (GPUs, AMX)",
      "bf16" },
    { REID_PRECISION_F16, "16 bits, of which 5 are the exponent (GPUs)",
      "f16" },
    { 0, NULL, NULL }
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidPrecision", values));
  return type;
}

GParamSpec *
gst_reid_precision_param_spec (GParamFlags flags)
{
  return g_param_spec_enum ("precision", "Precision",
                            "Numbers in which weights and values of the "
                            "network are kept; sums have 32 bits in all",
                            GST_TYPE_REID_PRECISION, REID_PRECISION_AUTO,
                            flags);
}
