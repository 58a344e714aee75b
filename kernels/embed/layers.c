/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/layers.h"

#include "embed/pool.h"
#include "embed/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GRID 64
#define MAX_WIDTH 4096
#define MAX_POOLED (1 << 20)
#define MAX_TEXT 4096

/* A whole number, and nothing else, up to `end`. */
static bool
is_number (const char *text, const char *end, int *out)
{
  int n = 0;

  if (text == end)
    return false;
  for (; text < end; text++) {
    if (*text < '0' || *text > '9' || n > 9999999)
      return false;
    n = n * 10 + (*text - '0');
  }
  *out = n;
  return true;
}

static bool
is_grid (const char *text, const char *end, int grid[2])
{
  const char *x = memchr (text, 'x', (size_t) (end - text));
  return x && is_number (text, x, &grid[0]) && is_number (x + 1, end, &grid[1]);
}

/* Up to the next colon. */
static const char *
field_end (const char *at, const char *end)
{
  const char *colon = memchr (at, ':', (size_t) (end - at));
  return colon ? colon : end;
}

/* Names may have colons in them ("conv1/Relu:0"), so that the name ends at the
 * first field that is a grid or, where none is, a width. */
static bool
parse_fields (ReidLayer *layer, const char *text, const char *end)
{
  const char *name_end = end, *at = NULL;
  int ignored[2];

  for (const char *p = field_end (text, end); p < end && !at;
       p = field_end (p + 1, end))
    if (is_grid (p + 1, field_end (p + 1, end), layer->grid)) {
      name_end = p;
      at = field_end (p + 1, end);
    }
  for (const char *p = field_end (text, end); p < end && !at;
       p = field_end (p + 1, end))
    if (is_number (p + 1, field_end (p + 1, end), ignored) && ignored[0] > 1)
      name_end = at = p;
  if (at && at < end) {
    const char *stop = field_end (at + 1, end);
    if (!is_number (at + 1, stop, &layer->width) || layer->width < 2)
      return false;
    if (stop < end) {
      if (stop + 1 == end)
        return false;
      layer->file = strndup (stop + 1, (size_t) (end - stop - 1));
      if (!layer->file)
        return false;
    }
  }
  layer->name = strndup (text, (size_t) (name_end - text));
  return layer->name && *layer->name;
}

static bool
add_layer (ReidLayers *layers, const char *text, const char *end,
           ReidError *error)
{
  int length;

  while (text < end && *text == ' ')
    text++;
  while (end > text && end[-1] == ' ')
    end--;
  length = end - text > 200 ? 200 : (int) (end - text);
  if (layers->n == REID_MAX_LAYERS)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "layers: more than %d for one network",
                           REID_MAX_LAYERS);
  ReidLayer *layer = &layers->layer[layers->n++];
  layer->grid[0] = layer->grid[1] = 1;
  if (!parse_fields (layer, text, end))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "layers: '%.*s' is not NAME[:HxW][:WIDTH[:FILE]], "
                           "as in layer2:4x4:128",
                           length, text);
  if (layer->grid[0] < 1 || layer->grid[1] < 1 || layer->grid[0] > MAX_GRID
      || layer->grid[1] > MAX_GRID)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "layers: the grid of '%.*s' must be 1x1 to %dx%d",
                           length, text, MAX_GRID, MAX_GRID);
  if (layer->width > MAX_WIDTH)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "layers: the width of '%.*s' is above %d", length,
                           text, MAX_WIDTH);
  layers->names[layers->n - 1] = layer->name;
  return true;
}

ReidLayers *
reid_layers_parse (const char *text, ReidError *error)
{
  ReidLayers *layers = calloc (1, sizeof *layers);
  bool ok = true;

  if (!layers) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for layers");
    return NULL;
  }
  for (const char *at = text; ok; at++) {
    size_t n = strcspn (at, ",");
    ok = add_layer (layers, at, at + n, error);
    at += n;
    if (!*at)
      break;
  }
  if (ok)
    return layers;
  reid_layers_free (layers);
  return NULL;
}

void
reid_layers_free (ReidLayers *layers)
{
  if (!layers)
    return;
  for (int i = 0; i < layers->n; i++) {
    free (layers->layer[i].name);
    free (layers->layer[i].file);
    reid_projection_free (layers->layer[i].by);
  }
  free (layers->text);
  free (layers->projection);
  free (layers->scratch);
  free (layers);
}

/* Numbers that a tensor of these sizes pools to; false where it has no shape
 * for that. */
static bool
count_pooled (ReidLayer *layer, const ReidTensor *t, const char *file,
              ReidError *error)
{
  int64_t channels = t->rank == 3  ? t->dims[2]
                     : t->rank > 1 ? t->dims[1]
                                   : 0,
          cells = (int64_t) layer->grid[0] * layer->grid[1];

  if ((t->rank != 2 && t->rank != 3 && t->rank != 4) || t->dims[0] != 1)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: layer %.100s is none of a map [N,C,H,W], a "
                           "sequence [N,T,C] and a vector [N,C]",
                           file, layer->name);
  if (t->rank < 4 && cells != 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: layer %.100s has neither height nor width: its "
                           "grid can only be 1x1",
                           file, layer->name);
  if (channels > MAX_POOLED / cells)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: layer %.100s has more than %d numbers; give a "
                           "smaller grid",
                           file, layer->name, MAX_POOLED);
  layer->pooled = (int) (channels * cells);
  return true;
}

static bool
make_projection (ReidLayer *layer, const char *file, ReidError *error)
{
  layer->dims = layer->width ? layer->width : layer->pooled;
  if (!layer->width)
    return true;
  if (!layer->file && layer->width > layer->pooled)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: layer %.100s has %d numbers on this grid, "
                           "fewer than the %d it is to be reduced to",
                           file, layer->name, layer->pooled, layer->width);
  layer->by = layer->file ? reid_projection_load (layer->file, error)
                          : reid_projection_draw (layer->width, layer->pooled,
                                                  REID_PROJECTION_SEED, error);
  if (!layer->by && !layer->file)
    reid_error_prefix (error, "%s: layer %.100s", file, layer->name);
  if (!layer->by)
    return false;
  if (layer->by->rows != layer->width || layer->by->cols != layer->pooled)
    return reid_error_set (
        error, REID_ERROR_ARGUMENT,
        "%s: its shape is (%d, %d); layer %.100s of %s, which has %d numbers "
        "and is to have %d, wants (%d, %d)",
        layer->file, layer->by->rows + 1, layer->by->cols, layer->name, file,
        layer->pooled, layer->width, layer->width + 1, layer->pooled);
  return true;
}

static bool
describe (ReidLayers *layers, const ReidSession *session)
{
  char *text = calloc (1, MAX_TEXT), *by = calloc (1, MAX_TEXT);
  bool drawn = false;
  size_t at = 0, by_at = 0;

  layers->text = text;
  layers->projection = by;
  if (!text || !by)
    return false;
  for (int i = 0; i < layers->n; i++) {
    const ReidLayer *l = &layers->layer[i];
    at += (size_t) snprintf (text + at, MAX_TEXT - at, "%s%s", i ? "," : "",
                             reid_session_output (session, i)->name);
    if (at < MAX_TEXT && (l->grid[0] > 1 || l->grid[1] > 1))
      at += (size_t) snprintf (text + at, MAX_TEXT - at, ":%dx%d", l->grid[0],
                               l->grid[1]);
    if (at < MAX_TEXT && l->width)
      at += (size_t) snprintf (text + at, MAX_TEXT - at, ":%d%s%s", l->width,
                               l->file ? ":" : "", l->file ? l->file : "");
    if (l->by && !l->file && !drawn)
      by_at += (size_t) snprintf (by + by_at, MAX_TEXT - by_at,
                                  "%sorthonormal rows, seed %d",
                                  by_at ? ", " : "", REID_PROJECTION_SEED);
    if (l->file && by_at < MAX_TEXT)
      by_at += (size_t) snprintf (by + by_at, MAX_TEXT - by_at, "%sPCA %s",
                                  by_at ? ", " : "", l->by->sha256);
    drawn = drawn || (l->by && !l->file);
    if (at >= MAX_TEXT || by_at >= MAX_TEXT)
      break;
  }
  return true;
}

bool
reid_layers_bind (ReidLayers *layers, const ReidSession *session,
                  const ReidTensor *outputs, ReidError *error)
{
  const char *file = reid_session_path (session);
  int most = 0;

  layers->dims = 0;
  for (int i = 0; i < layers->n; i++) {
    ReidLayer *layer = &layers->layer[i];
    if (!count_pooled (layer, &outputs[i], file, error)
        || !make_projection (layer, file, error))
      return false;
    layers->dims += layer->dims;
    most = layer->pooled > most ? layer->pooled : most;
  }
  for (int i = 0; i < layers->n; i++)
    most = layers->layer[i].dims > most ? layers->layer[i].dims : most;
  layers->scratch = malloc (2 * (size_t) most * sizeof *layers->scratch);
  return (layers->scratch && describe (layers, session))
         || reid_error_set (error, REID_ERROR_MEMORY, "%s: not enough memory",
                            file);
}

bool
reid_layers_vector (ReidLayers *layers, const ReidTensor *outputs, int index,
                    double length, float *out, ReidError *error)
{
  double each = length / sqrt (layers->n);

  for (int i = 0; i < layers->n; i++) {
    const ReidLayer *layer = &layers->layer[i];
    const ReidTensor *t = &outputs[i];
    int64_t picture = reid_tensor_count (t) / t->dims[0];
    const float *from = t->data + index * picture;
    float *pooled = layers->scratch, *made = pooled;
    if (t->rank == 4)
      reid_pool_grid (from, (int) t->dims[1], (int) t->dims[2],
                      (int) t->dims[3], layer->grid, pooled);
    else if (t->rank == 3)
      reid_pool_tokens (from, (int) t->dims[1], (int) t->dims[2], pooled);
    else
      memcpy (pooled, from, (size_t) layer->pooled * sizeof *pooled);
    if (layer->by) {
      made = pooled + layer->pooled;
      reid_projection_apply (layer->by, pooled, made);
    }
    double norm2 = reid_vector_norm2 (made, layer->dims);
    if (!(norm2 > 0) || !isfinite (norm2))
      return reid_error_set (error, REID_ERROR_FORMAT,
                             "what layer %.100s makes of it is %s", layer->name,
                             norm2 == 0 ? "zero" : "not finite");
    reid_vector_scale (made, layer->dims, norm2, each, out);
    out += layer->dims;
  }
  return true;
}
