/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/head.h"

#include <stdlib.h>
#include <string.h>

static int
falling (float a, float b)
{
  return (a < b) - (a > b);
}

static int
compare_faces (const void *a, const void *b)
{
  const ReidFace *p = a, *q = b;
  int order = falling (p->score, q->score);

  if (!order)
    order = falling (q->top, p->top);
  if (!order)
    order = falling (q->left, p->left);
  if (!order)
    order = falling (q->height, p->height);
  if (!order)
    order = falling (q->width, p->width);
  return order ? order
               : memcmp (p->landmarks, q->landmarks, sizeof p->landmarks);
}

/* Edges and areas one array each, and the faces that are out. */
typedef struct {
  float *left, *top, *right, *bottom, *area;
  uint8_t *out;
} Boxes;

static void
drop_overlapping (const Boxes *b, int i, int n, float threshold)
{
  float left = b->left[i], top = b->top[i], right = b->right[i];
  float bottom = b->bottom[i], area = b->area[i];

  for (int j = i + 1; j < n; j++) {
    float l = left > b->left[j] ? left : b->left[j];
    float t = top > b->top[j] ? top : b->top[j];
    float r = right < b->right[j] ? right : b->right[j];
    float m = bottom < b->bottom[j] ? bottom : b->bottom[j];
    float w = r - l, h = m - t;
    float both = (w > 0 ? w : 0) * (h > 0 ? h : 0);
    b->out[j] |= both > threshold * (area + b->area[j] - both);
  }
}

bool
reid_nms (ReidFaceList *list, float threshold, int max_faces, ReidError *error)
{
  int n = 0, kept = 0;

  for (int i = 0; i < list->n; i++)
    if (list->face[i].width > 0 && list->face[i].height > 0)
      list->face[n++] = list->face[i];
  list->n = n;
  if (n == 0)
    return true;
  qsort (list->face, (size_t) n, sizeof *list->face, compare_faces);
  if (n > REID_MOST_CANDIDATES)
    n = REID_MOST_CANDIDATES;

  float *floats = malloc ((size_t) n * (5 * sizeof *floats + 1));
  if (!floats)
    return reid_error_set (error, REID_ERROR_MEMORY, "no memory for %d faces",
                           n);
  Boxes b = { floats,         floats + n,     floats + 2 * n,
              floats + 3 * n, floats + 4 * n, (uint8_t *) (floats + 5 * n) };
  for (int i = 0; i < n; i++) {
    const ReidFace *face = &list->face[i];
    b.left[i] = face->left;
    b.top[i] = face->top;
    b.right[i] = face->left + face->width;
    b.bottom[i] = face->top + face->height;
    b.area[i] = face->width * face->height;
    b.out[i] = 0;
  }
  for (int i = 0; i < n && kept < max_faces; i++) {
    if (b.out[i])
      continue;
    drop_overlapping (&b, i, n, threshold);
    list->face[kept++] = list->face[i];
  }
  list->n = kept;
  free (floats);
  return true;
}
