/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/fused_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
destroy (cudnnBackendDescriptor_t *d, int n)
{
  for (int i = 0; i < n; i++)
    if (d[i])
      cudnnBackendDestroyDescriptor (d[i]);
}

/* n new descriptors, or none. */
static bool
create (cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *d, int n)
{
  for (int i = 0; i < n; i++)
    if (cudnnBackendCreateDescriptor (type, &d[i]) != CUDNN_STATUS_SUCCESS) {
      destroy (d, i);
      return false;
    }
  return true;
}

static bool
get (cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
     cudnnBackendAttributeType_t type, int64_t most, int64_t *n, void *values)
{
  return cudnnBackendGetAttribute (d, name, type, most, n, values)
         == CUDNN_STATUS_SUCCESS;
}

bool
reid_fused_config (const ReidFused *f, int i, ReidFusedConfig *c)
{
  cudnnBackendDescriptor_t engine, knobs[REID_FUSED_KNOBS];
  int64_t one, n = 0;
  bool ok;

  memset (c, 0, sizeof *c);
  if (!create (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine, 1))
    return false;
  ok = get (f->choices[i], CUDNN_ATTR_ENGINECFG_ENGINE,
            CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &one, &engine)
       && get (engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
               &one, &c->engine);
  destroy (&engine, 1);
  if (!ok
      || !create (CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, knobs,
                  REID_FUSED_KNOBS))
    return false;
  ok = get (f->choices[i], CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
            CUDNN_TYPE_BACKEND_DESCRIPTOR, REID_FUSED_KNOBS, &n, knobs);
  for (c->n = 0; c->n < n && ok; c->n++) {
    cudnnBackendKnobType_t type;
    ok = get (knobs[c->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
              CUDNN_TYPE_KNOB_TYPE, 1, &one, &type)
         && get (knobs[c->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                 CUDNN_TYPE_INT64, 1, &one, &c->value[c->n]);
    c->knob[c->n] = (int64_t) type;
  }
  destroy (knobs, REID_FUSED_KNOBS);
  return ok;
}

static bool
same_config (const ReidFusedConfig *a, const ReidFusedConfig *b)
{
  if (a->engine != b->engine || a->n != b->n)
    return false;
  for (int i = 0; i < a->n; i++)
    if (a->knob[i] != b->knob[i] || a->value[i] != b->value[i])
      return false;
  return true;
}

int
reid_fused_choice (ReidFused *f, const ReidFusedConfig *c)
{
  ReidFusedConfig there;
  int made = f->n_made;

  for (int i = 0; i < f->n_choices; i++)
    if (reid_fused_config (f, i, &there) && same_config (&there, c))
      return i;
  if (f->n_choices == REID_FUSED_MAX_CHOICES)
    return -1;
  f->status = CUDNN_STATUS_SUCCESS;
  cudnnBackendDescriptor_t engine = reid_fused_make (
                               f, CUDNN_BACKEND_ENGINE_DESCRIPTOR),
                           knobs[REID_FUSED_KNOBS], config;
  reid_fused_set (f, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->graph);
  reid_fused_set (f, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64,
                  1, &c->engine);
  reid_fused_set (f, engine, CUDNN_ATTR_ENGINE_DEVICEPROP,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f->device);
  reid_fused_finalize (f, engine);
  for (int i = 0; i < c->n; i++) {
    cudnnBackendKnobType_t type = (cudnnBackendKnobType_t) c->knob[i];
    knobs[i] = reid_fused_make (f, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    reid_fused_set (f, knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                    CUDNN_TYPE_KNOB_TYPE, 1, &type);
    reid_fused_set (f, knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                    CUDNN_TYPE_INT64, 1, &c->value[i]);
    reid_fused_finalize (f, knobs[i]);
  }
  config = reid_fused_make (f, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  reid_fused_set (f, config, CUDNN_ATTR_ENGINECFG_ENGINE,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine);
  if (c->n)
    reid_fused_set (f, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                    CUDNN_TYPE_BACKEND_DESCRIPTOR, c->n, knobs);
  reid_fused_finalize (f, config);
  if (f->status != CUDNN_STATUS_SUCCESS) {
    while (f->n_made > made)
      cudnnBackendDestroyDescriptor (f->made[--f->n_made]);
    return -1;
  }
  f->n_made--; /* the choices have it now */
  f->choices[f->n_choices] = config;
  return f->n_choices++;
}

void
reid_fused_config_text (const ReidFusedConfig *c, char *text, size_t size)
{
  size_t at = (size_t) snprintf (text, size, "%lld", (long long) c->engine);

  for (int i = 0; i < c->n && at < size; i++)
    at += (size_t) snprintf (text + at, size - at, " %lld=%lld",
                             (long long) c->knob[i], (long long) c->value[i]);
}

bool
reid_fused_config_parse (const char *text, ReidFusedConfig *c)
{
  char *end;

  memset (c, 0, sizeof *c);
  c->engine = strtoll (text, &end, 10);
  if (end == text || c->engine < 0)
    return false;
  while (*end == ' ') {
    if (c->n == REID_FUSED_KNOBS)
      return false;
    c->knob[c->n] = strtoll (end + 1, &end, 10);
    if (*end != '=')
      return false;
    c->value[c->n++] = strtoll (end + 1, &end, 10);
  }
  return *end == '\0' || *end == '\n';
}
