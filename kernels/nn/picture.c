/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures into a network's input: on the device where it does that, else by
 * kernels/image into the input's buffer. */

#include "nn/context.h"
#include "nn/nn.h"

/* Is picture k of input i what these parameters make? */
static bool
fits (const ReidContext *c, int i, int k, const ReidTensorParams *params,
      ReidError *error)
{
  const ReidTensorInfo *info = reid_session_input (c->session, i);
  const ReidShape *s = info ? &c->feeds[i].shape : NULL;
  int channels = params && params->channels == REID_CHANNELS_GRAY ? 1 : 3;

  if (!s || s->rank != 4 || !params)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: input %d was not asked for as [pictures, "
                           "channels, height, width], or no parameters",
                           reid_session_path (c->session), i);
  if (k >= 0 && k < s->dims[0] && s->dims[1] == channels
      && s->dims[2] == params->height && s->dims[3] == params->width)
    return true;
  return reid_error_set (
      error, REID_ERROR_ARGUMENT,
      "%s: picture %d of %dx%d with %d channels does not fit input '%.100s', "
      "%lld of %lldx%lld with %lld",
      reid_session_path (c->session), k, params->width, params->height,
      channels, info->name, (long long) s->dims[0], (long long) s->dims[3],
      (long long) s->dims[2], (long long) s->dims[1]);
}

static float *
buffer_of (ReidContext *c, int i, int k)
{
  const int64_t *d = c->feeds[i].shape.dims;
  return c->inputs[i].data + k * d[1] * d[2] * d[3];
}

/* Gives the device the picture. *here: it does not take any, or not one more,
 * and the picture is to be made here. */
static bool
feed (ReidContext *c, int i, int k, const ReidRecipe *recipe, bool *here,
      ReidError *error)
{
  const ReidBackend *backend = reid_session_backend (c->session);
  ReidContextFeed *f = &c->feeds[i];
  ReidError why = REID_ERROR_INIT;

  *here = false;
  if (!f->feed)
    f->feed = backend->feed_new (reid_session_backend_model (c->session), &why);
  if (f->feed && backend->feed_add (f->feed, k, recipe, &why)) {
    f->used = true;
    return true;
  }
  *here = why.status == REID_ERROR_MEMORY;
  return *here
         || reid_error_set (error, why.status, "%s: %s",
                            reid_session_path (c->session), why.message);
}

static bool
takes_pictures (const ReidContext *c)
{
  return reid_session_backend (c->session)->feed_new != NULL;
}

bool
reid_context_input_image (ReidContext *c, int i, int k, const ReidImage *image,
                          const ReidTensorParams *params, ReidMapping *mapping,
                          ReidError *error)
{
  bool here = !takes_pictures (c);
  ReidRecipe recipe;

  if (!fits (c, i, k, params, error))
    return false;
  if (!here
      && (!reid_image_recipe (image, params, &recipe, mapping, error)
          || !feed (c, i, k, &recipe, &here, error)))
    return false;
  return !here
         || reid_image_to_tensor (image, params, buffer_of (c, i, k), mapping,
                                  error);
}

bool
reid_context_input_warp (ReidContext *c, int i, int k, const uint8_t *rgb,
                         int width, int height, ptrdiff_t stride,
                         const double matrix[6], const ReidTensorParams *params,
                         ReidError *error)
{
  bool here = !takes_pictures (c);
  ReidRecipe recipe;

  if (!fits (c, i, k, params, error))
    return false;
  if (!here
      && (!reid_warp_recipe (rgb, width, height, stride, matrix, params,
                             &recipe, error)
          || !feed (c, i, k, &recipe, &here, error)))
    return false;
  return !here
         || reid_image_warp (rgb, width, height, stride, matrix, params,
                             buffer_of (c, i, k), error);
}
