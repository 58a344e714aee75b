/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names near to one that is not there: this many are told. */
#define MAX_NEAR 3
#define MAX_COMPARED 64

void
reid_taps_free (ReidTaps *taps)
{
  for (int i = 0; i < taps->n && taps->names; i++)
    free (taps->names[i]);
  free (taps->names);
}

bool
reid_taps_copy (ReidTaps *taps, const ReidSessionOptions *options)
{
  *taps = (ReidTaps){ NULL, 0, options ? options->outputs : REID_OUTPUTS_OWN };
  if (!options || options->n_taps < 1)
    return true;
  taps->names = calloc ((size_t) options->n_taps, sizeof *taps->names);
  while (taps->names && taps->n < options->n_taps) {
    taps->names[taps->n] = strdup (options->taps[taps->n]);
    if (!taps->names[taps->n])
      return false;
    taps->n++;
  }
  return taps->names != NULL;
}

bool
reid_taps_same (const ReidTaps *taps, const ReidSessionOptions *options)
{
  if (taps->n != (options ? options->n_taps : 0)
      || taps->outputs != (options ? options->outputs : REID_OUTPUTS_OWN))
    return false;
  for (int i = 0; i < taps->n; i++)
    if (strcmp (taps->names[i], options->taps[i]) != 0)
      return false;
  return true;
}

bool
reid_is_wanted (const ReidBuilder *b, int node)
{
  return !b->wanted || b->wanted[node];
}

/* Is it the name of a module around this node: a path in front of its name? */
static bool
is_inside (ReidBytes node, ReidBytes module)
{
  if (node.size > 0 && node.data[0] == '/' && module.size > 0
      && module.data[0] != '/') {
    node.data++;
    node.size--;
  }
  return node.size > module.size + 1 && node.data[module.size] == '/'
         && memcmp (node.data, module.data, module.size) == 0;
}

static bool
same (ReidBytes a, ReidBytes b)
{
  return a.size == b.size && memcmp (a.data, b.data, a.size) == 0;
}

/* The tensor's own name, or an empty one. */
static ReidBytes
resolve (ReidBuilder *b, ReidBytes name)
{
  const ReidOnnxModel *m = b->model;
  ReidBytes found = { NULL, 0 };

  if (name.size == 0 || reid_value_find (b, name) >= 0)
    return name;
  for (int i = 0; i < m->n_nodes; i++)
    if (m->nodes[i].n_out > 0 && same (m->nodes[i].name, name))
      return m->nodes[i].out[0];
  for (int i = 0; i < m->n_nodes; i++)
    if (m->nodes[i].n_out > 0 && is_inside (m->nodes[i].name, name)
        && !reid_bytes_equal (m->nodes[i].type, "Constant"))
      found = m->nodes[i].out[0];
  return found;
}

/* Levenshtein's, of at most MAX_COMPARED characters. */
static int
distance (const char *a, const char *b)
{
  int row[MAX_COMPARED + 1], n = 0, m = (int) strlen (a);

  m = m > MAX_COMPARED ? MAX_COMPARED : m;
  for (int i = 0; i <= m; i++)
    row[i] = i;
  for (; *b && n < MAX_COMPARED; b++) {
    int corner = n++;
    row[0] = n;
    for (int i = 1; i <= m; i++) {
      int put = row[i] < row[i - 1] ? row[i] + 1 : row[i - 1] + 1,
          keep = corner + (a[i - 1] != *b);
      corner = row[i];
      row[i] = put < keep ? put : keep;
    }
  }
  return row[m];
}

typedef struct {
  const char *name[MAX_NEAR];
  int far[MAX_NEAR];
} Near;

/* Those that hold the text stand before those that are only spelt like it. */
static void
consider (Near *near, const char *asked, const char *other)
{
  int far = strcasestr (other, asked) ? (int) strlen (other) - 1024
                                      : distance (asked, other);

  for (int k = 0; k < MAX_NEAR && *other; k++) {
    if (near->name[k] && strcmp (near->name[k], other) == 0)
      return;
    if (near->name[k] && far >= near->far[k])
      continue;
    for (int j = MAX_NEAR - 1; j > k; j--) {
      near->name[j] = near->name[j - 1];
      near->far[j] = near->far[j - 1];
    }
    near->name[k] = other;
    near->far[k] = far;
    return;
  }
}

static bool
tell_missing (ReidBuilder *b, const char *name)
{
  const ReidOnnxModel *m = b->model;
  char text[MAX_NEAR * 110] = "";
  Near near = { 0 };

  for (int i = 0; i < m->n_nodes; i++)
    for (int k = 0; k < 2 && m->nodes[i].n_out > 0; k++) {
      const char *other =
          reid_onnx_name (b->arena, k ? m->nodes[i].out[0] : m->nodes[i].name);
      if (!other)
        return reid_build_no_memory (b);
      consider (&near, name, other);
    }
  for (int k = 0; k < MAX_NEAR && near.name[k]; k++) {
    size_t at = strlen (text);
    snprintf (text + at, sizeof text - at, "%s'%.100s'", k ? ", " : "",
              near.name[k]);
  }
  return reid_build_fail (b, REID_ERROR_ARGUMENT,
                          "it has no tensor, node or module '%.100s'%s%s; "
                          "`gst-reid layers` lists all",
                          name, near.name[0] ? "; near to it are " : "", text);
}

static bool
mark_wanted (ReidBuilder *b)
{
  const ReidOnnxModel *m = b->model;
  bool *needed = calloc ((size_t) b->n_values + 1, sizeof *needed);

  b->wanted =
      reid_arena_alloc (b->arena, (size_t) m->n_nodes, sizeof *b->wanted);
  if (!needed || !b->wanted) {
    free (needed);
    return reid_build_no_memory (b);
  }
  for (int i = 0; i < b->n_outputs; i++)
    needed[reid_value_find (b, b->outputs[i])] = true;
  for (int i = m->n_nodes - 1; i >= 0; i--) {
    const ReidOnnxNode *node = &m->nodes[i];
    for (int k = 0; k < node->n_out; k++)
      if (node->out[k].size)
        b->wanted[i] =
            b->wanted[i] || needed[reid_value_find (b, node->out[k])];
    for (int k = 0; k < node->n_in && b->wanted[i]; k++) {
      int v = node->in[k].size ? reid_value_find (b, node->in[k]) : -1;
      if (v >= 0)
        needed[v] = true;
    }
  }
  free (needed);
  return true;
}

static bool
add_output (ReidBuilder *b, ReidBytes name)
{
  if (reid_value_find (b, name) < 0) {
    const char *text = reid_onnx_name (b->arena, name);
    return reid_build_fail (b, REID_ERROR_FORMAT,
                            "output '%.100s' is given by no node",
                            text ? text : "?");
  }
  b->outputs[b->n_outputs++] = name;
  return true;
}

bool
reid_choose_outputs (ReidBuilder *b)
{
  static const ReidTaps none = { NULL, 0, REID_OUTPUTS_OWN };
  const ReidOnnxModel *m = b->model;
  const ReidTaps *taps = b->taps ? b->taps : &none;

  b->outputs = reid_arena_alloc (
      b->arena, (size_t) m->n_outputs + (size_t) m->n_nodes + (size_t) taps->n,
      sizeof *b->outputs);
  if (!b->outputs)
    return reid_build_no_memory (b);
  if (taps->outputs == REID_OUTPUTS_OWN && m->n_outputs == 0)
    return reid_build_fail (b, REID_ERROR_FORMAT, "the graph has no output");
  for (int i = 0; i < m->n_outputs && taps->outputs == REID_OUTPUTS_OWN; i++)
    if (!add_output (b, m->outputs[i].name))
      return false;
  for (int i = 0; i < m->n_nodes && taps->outputs == REID_OUTPUTS_ALL; i++)
    if (m->nodes[i].n_out > 0 && m->nodes[i].out[0].size)
      add_output (b, m->nodes[i].out[0]);
  for (int i = 0; i < taps->n && taps->outputs != REID_OUTPUTS_ALL; i++) {
    ReidBytes name = { (const uint8_t *) taps->names[i],
                       strlen (taps->names[i]) };
    name = resolve (b, name);
    if (name.size == 0)
      return tell_missing (b, taps->names[i]);
    if (!add_output (b, name))
      return false;
  }
  if (taps->outputs != REID_OUTPUTS_TAPS)
    return true;
  return b->n_outputs > 0 ? mark_wanted (b)
                          : reid_build_fail (b, REID_ERROR_ARGUMENT,
                                             "no tensor of it is asked for");
}
