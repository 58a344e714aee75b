/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the tiny networks into a folder, for tests that are scripts:
 *
 *   makenets DIR    tiny-yunet.onnx, tiny-colour.onnx, tiny-constant.onnx,
 *                   tiny-random.onnx */
#include "tinyonnx.h"

#include <stdio.h>

int
main (int argc, char **argv)
{
  static const char *const names[] = { "colour", "constant", "random" };
  char path[4096];

  if (argc != 2) {
    fprintf (stderr, "usage: makenets DIR\n");
    return 2;
  }
  snprintf (path, sizeof path, "%s/tiny-yunet.onnx", argv[1]);
  if (!tiny_yunet (path))
    return 1;
  for (int kind = 0; kind < 3; kind++) {
    snprintf (path, sizeof path, "%s/tiny-%s.onnx", argv[1], names[kind]);
    if (!tiny_embedder (path, (TinyEmbedKind) kind))
      return 1;
  }
  return 0;
}
