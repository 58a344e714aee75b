/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/bf16.h"

const ReidBf16 *
reid_bf16_pick (unsigned flags)
{
#ifdef REID_ROWS_X86
  if (flags & REID_CPU_AVX512)
    return &reid_bf16_avx512;
  if (flags & REID_CPU_AVX2)
    return &reid_bf16_avx2;
#endif
  return &reid_bf16_c;
}
