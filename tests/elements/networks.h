/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_NETWORKS_H
#define REID_TEST_NETWORKS_H

#include "tinyonnx.h"
#include "tracklets.h"

/* Paths of the tiny networks, each made once a program. */
static inline const gchar *
tiny_detector_path (void)
{
  static gchar *path;

  if (!path) {
    path = scratch ("tiny-yunet.onnx");
    if (!tiny_yunet (path))
      g_error ("cannot write %s", path);
  }
  return path;
}

static inline const gchar *
tiny_embedder_path (TinyEmbedKind kind)
{
  static const gchar *const names[] = { "tiny-colour.onnx",
                                        "tiny-constant.onnx",
                                        "tiny-random.onnx" };
  static gchar *paths[3];

  if (!paths[kind]) {
    paths[kind] = scratch (names[kind]);
    if (!tiny_embedder (paths[kind], kind))
      g_error ("cannot write %s", paths[kind]);
  }
  return paths[kind];
}

#endif /* REID_TEST_NETWORKS_H */
