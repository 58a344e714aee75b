/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nets.h"
#include "netmakers.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  NetInfo info;
  int opset;
  NetMaker make;
  NetSize size;
} Entry;

/* Those called small are the same graphs with less in them. */
static const Entry entries[] = {
  /* clang-format off */
  { { "ir50", 6.31, 43.59, .large = true }, 11, net_iresnet,
    { 112, 112, { 3, 4, 14, 3 }, 64, 512 } },
  { { "ir100", 12.1, 65.15, .large = true }, 11, net_iresnet,
    { 112, 112, { 3, 13, 30, 3 }, 64, 512 } },
  { { "ir-small" }, 11, net_iresnet,
    { 56, 56, { 1, 2, 2, 1 }, 16, 64 } },
  { { "mobilefacenet-prelu", .221, .99 }, 12, net_mobilefacenet,
    { 112, 112, { 5, 1, 6, 1, 2 }, 64, 128, 1 } },
  { { "mobilefacenet-relu6", .221, .99 }, 9, net_mobilefacenet,
    { 112, 112, { 5, 1, 6, 1, 2 }, 64, 128, 0 } },
  { { "resnet50", 4.09, 25.56, .large = true }, 13, net_resnet,
    { 224, 224, { 3, 4, 6, 3 }, 64, 1000 } },
  { { "resnet-small" }, 13, net_resnet,
    { 64, 64, { 1, 1, 2, 1 }, 16, 32 } },
  { { "efficientnet-b0", .39, 5.29, .large = true }, 14, net_efficientnet,
    { 224, 224, { 1, 2, 2, 3, 3, 4, 1 }, 32, 1000 } },
  { { "efficientnet-small" }, 14, net_efficientnet,
    { 64, 64, { 1, 1, 2, 1, 2, 1, 1 }, 16, 32 } },
  { { "sface", .large = true, .bytes = true }, 9, net_sface,
    { 112, 112, { 0 }, 32, 128 } },
  { { "sface-small", .bytes = true }, 9, net_sface,
    { 64, 64, { 0 }, 8, 128 } },
  { { "facenet", .published = 23.5, .large = true }, 12, net_facenet,
    { 160, 160, { 5, 10, 5 }, 32, 512 } },
  { { "facenet-small" }, 12, net_facenet,
    { 107, 107, { 1, 1, 1 }, 8, 128 } },
  { { "osnet-x0.25", .0823, .2 }, 11, net_osnet,
    { 256, 128, { 64, 96, 128 }, 16, 512 } },
  { { "vit-b32", 4.37, 87.8, .large = true }, 17, net_vit,
    { 224, 224, { 12, 12, 32 }, 768, 512, 0 } },
  { { "vit-small" }, 17, net_vit,
    { 64, 64, { 2, 4, 16 }, 64, 32, 0 } },
  { { "vit-small-old" }, 13, net_vit,
    { 64, 64, { 2, 4, 16 }, 64, 32, 1 } },
  { { "vit-small-first" }, 20, net_vit,
    { 64, 64, { 2, 4, 16 }, 64, 32, 2 } },
  { { "gaitbase", .large = true, .rank = 5, .frames = 8, .channels = 1 }, 16,
    net_gaitbase, { 64, 44, { 8, 16 }, 64, 256, 0 } },
  { { "gait-small", .rank = 5, .frames = 3, .channels = 1 }, 18, net_gaitbase,
    { 64, 44, { 3, 16 }, 8, 32, 0 } },
  { { "gait-frames", .alone = true, .frames = 5, .channels = 1 }, 13,
    net_gaitbase, { 64, 44, { 0, 16 }, 8, 32, 1 } },
  { { "blazeface", .published = .1 }, 9, net_blazeface,
    { 128, 128 } },
  { { "retinaface-mobilenet0.25", .published = .426 }, 11, net_retinaface,
    { 160, 128, { 0 }, 8 } },
  { { "scrfd-500m" }, 13, net_scrfd,
    { 128, 160, { 2, 3, 2, 6 }, 16, 0, 0 } },
  { { "scrfd-500m-flat", .alone = true }, 11, net_scrfd,
    { 128, 160, { 2, 3, 2, 6 }, 16, 0, 1 } },
  /* clang-format on */
};
#define N_ENTRIES ((int) (sizeof entries / sizeof *entries))

static NetInfo
info_of (const Entry *e)
{
  NetInfo info = e->info;
  info.rank = info.rank ? info.rank : 4;
  info.channels = info.channels ? info.channels : 3;
  info.height = e->size.height;
  info.width = e->size.width;
  return info;
}

const NetInfo *
net_nth (int i)
{
  static NetInfo info;

  if (i < 0 || i >= N_ENTRIES)
    return NULL;
  info = info_of (&entries[i]);
  return &info;
}

static const Entry *
find (const char *name)
{
  for (int i = 0; i < N_ENTRIES; i++)
    if (strcmp (entries[i].info.name, name) == 0)
      return &entries[i];
  return NULL;
}

const NetInfo *
net_find (const char *name)
{
  const Entry *e = find (name);
  return e ? net_nth ((int) (e - entries)) : NULL;
}

bool
net_write (const char *name, const char *path, TinyStore store, NetInfo *info)
{
  const Entry *e = find (name);
  Net net = { 0 };
  char weights[64];
  bool ok;

  if (!e)
    return false;
  net.onnx = tiny_new (e->opset);
  net.opset = e->opset;
  net.seed = 1;
  for (const char *p = name; *p; p++)
    net.seed = net.seed * 1099511628211u + (uint8_t) *p;
  snprintf (weights, sizeof weights, "%s.weights", name);
  tiny_store (net.onnx, store, weights);
  e->make (&net, &e->size);
  if (info) {
    *info = info_of (e);
    info->params = net.params / 1e6;
  }
  ok = tiny_write (net.onnx, path);
  tiny_free (net.onnx);
  return ok;
}
