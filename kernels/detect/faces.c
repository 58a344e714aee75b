/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/head.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

ReidFace *
reid_face_list_add (ReidFaceList *list, ReidError *error)
{
  if (list->n == list->capacity) {
    int capacity = list->capacity ? list->capacity : 64;
    ReidFace *face = NULL;

    if (capacity <= INT_MAX / 2)
      face = realloc (list->face, 2 * (size_t) capacity * sizeof *face);
    if (!face) {
      reid_error_set (error, REID_ERROR_MEMORY, "no memory for %d faces",
                      list->n + 1);
      return NULL;
    }
    list->face = face;
    list->capacity = 2 * capacity;
  }
  return memset (&list->face[list->n++], 0, sizeof *list->face);
}

bool
reid_face_check (const ReidFace *face, int cell, ReidError *error)
{
  float sum = face->score + face->left + face->top + face->width + face->height;

  /* A sum of numbers this side of 1e30 is finite only when each of them is. */
  for (int i = 0; i < 10; i++)
    sum += face->landmarks[i];
  if (isfinite (sum))
    return true;
  return reid_error_set (error, REID_ERROR_FORMAT,
                         "the detector's output is not finite at cell %d (is "
                         "the network whole, and its preprocessing right?)",
                         cell);
}
