/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/model.h"

#include "detect/head.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int strides[REID_YUNET_STRIDES] = { 8, 16, 32 };

static int
output_named (const ReidTensorInfo *outputs, int n, const char *what,
              int stride)
{
  char name[32];

  snprintf (name, sizeof name, "%s_%d", what, stride);
  for (int i = 0; i < n; i++)
    if (outputs[i].name && !strcmp (outputs[i].name, name))
      return i;
  return -1;
}

static bool
is_yunet (const ReidTensorInfo *outputs, int n, ReidHeadOutputs *found)
{
  for (int k = 0; k < REID_YUNET_STRIDES; k++) {
    int s = found->yunet[k].stride = strides[k];
    found->yunet[k].cls = output_named (outputs, n, "cls", s);
    found->yunet[k].obj = output_named (outputs, n, "obj", s);
    found->yunet[k].bbox = output_named (outputs, n, "bbox", s);
    found->yunet[k].kps = output_named (outputs, n, "kps", s);
    if (found->yunet[k].cls < 0 || found->yunet[k].obj < 0
        || found->yunet[k].bbox < 0 || found->yunet[k].kps < 0)
      return false;
  }
  return true;
}

/* The only output of shape [batch, rows, columns]; rows 0 is any number. */
static int
output_shaped (const ReidTensorInfo *outputs, int n, int64_t rows,
               int64_t columns)
{
  int at = -1;

  for (int i = 0; i < n; i++) {
    if (outputs[i].rank != 3 || outputs[i].dims[2] != columns
        || (rows && outputs[i].dims[1] != rows))
      continue;
    if (at >= 0)
      return -1;
    at = i;
  }
  return at;
}

static bool
is_blazeface (const ReidTensorInfo *outputs, int n, ReidHeadOutputs *found)
{
  found->scores = output_shaped (outputs, n, REID_BLAZEFACE_ANCHORS, 1);
  found->boxes = output_shaped (outputs, n, REID_BLAZEFACE_ANCHORS, 16);
  return n == 2 && found->scores >= 0 && found->boxes >= 0;
}

static bool
is_ultralight (const ReidTensorInfo *outputs, int n, ReidHeadOutputs *found)
{
  found->scores = output_shaped (outputs, n, 0, 2);
  found->boxes = output_shaped (outputs, n, 0, 4);
  return n == 2 && found->scores >= 0 && found->boxes >= 0
         && outputs[found->scores].dims[1] == outputs[found->boxes].dims[1];
}

/* "cls_8 [?,6400,1], ..." */
static void
list_outputs (const ReidTensorInfo *outputs, int n, char *text, size_t size)
{
  size_t at = 0;

  text[0] = '\0';
  for (int i = 0; i < n && at < size; i++) {
    if (i == 16) {
      snprintf (text + at, size - at, " and %d more", n - i);
      return;
    }
    at += (size_t) snprintf (text + at, size - at, "%s%.40s [", i ? ", " : "",
                             outputs[i].name ? outputs[i].name : "");
    for (int k = 0; k < outputs[i].rank && at < size; k++) {
      char dim[24] = "?";
      if (outputs[i].dims[k] >= 0)
        snprintf (dim, sizeof dim, "%lld", (long long) outputs[i].dims[k]);
      at += (size_t) snprintf (text + at, size - at, "%s%s", k ? "," : "", dim);
    }
    if (at < size)
      at += (size_t) snprintf (text + at, size - at, "]");
  }
}

bool
reid_head_find (const ReidTensorInfo *outputs, int n, const char *file,
                ReidHead wanted, ReidHeadOutputs *found, ReidError *error)
{
  static const struct {
    ReidHead head;
    const char *name;
    bool (*is) (const ReidTensorInfo *, int, ReidHeadOutputs *);
  } heads[] = { { REID_HEAD_YUNET, "YuNet", is_yunet },
                { REID_HEAD_BLAZEFACE, "BlazeFace", is_blazeface },
                { REID_HEAD_ULTRALIGHT, "Ultra-Light", is_ultralight } };
  const char *name = "face detector of a known kind";
  char list[600];

  memset (found, 0, sizeof *found);
  for (int i = 0; i < 3; i++) {
    if (wanted != REID_HEAD_AUTO && wanted != heads[i].head)
      continue;
    if (heads[i].is (outputs, n, found)) {
      found->head = heads[i].head;
      return true;
    }
    if (wanted != REID_HEAD_AUTO)
      name = heads[i].name;
  }
  list_outputs (outputs, n, list, sizeof list);
  return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                         "%s is no %s: its outputs are %s; known are YuNet "
                         "(cls_8 ... kps_32), Ultra-Light ([1,N,2] and "
                         "[1,N,4]) and BlazeFace ([1,896,1] and [1,896,16])",
                         file, name, list);
}

bool
reid_head_input (const ReidTensorInfo *input, const char *file,
                 ReidInputSize *size, ReidError *error)
{
  const int64_t *d = input->dims;

  if (input->rank != 4 || (d[1] != 3 && d[1] != 1) || d[2] > 16384
      || d[3] > 16384)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: input %.60s is not a picture of shape "
                           "[batch, 1 or 3, height, width]",
                           file, input->name ? input->name : "");
  size->channels = (int) d[1];
  size->height = d[2] > 0 ? (int) d[2] : 0;
  size->width = d[3] > 0 ? (int) d[3] : 0;
  return true;
}

static int
round_up_32 (double v)
{
  int n = (int) ceil (v / 32) * 32;
  return n < 32 ? 32 : n;
}

void
reid_free_input_size (const ReidImage *image, int longest, int *width,
                      int *height)
{
  double w = (double) image->width * image->par_n / image->par_d;
  double h = image->height;
  double side = round_up_32 (longest);

  /* Less than a thousandth of a pixel is rounding, not picture. */
  *width = round_up_32 (w >= h ? side : side * w / h - 1e-3);
  *height = round_up_32 (w >= h ? side * h / w - 1e-3 : side);
}
