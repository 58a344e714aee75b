/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/detect.h"

#include "detect/head.h"
#include "detect/model.h"
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE 640
#define MOST_SIZE 8192
#define DEFAULT_FACES 1024
/* Neither a frame nor what the network sees of it can hold a face on fewer
 * pixels a side. */
#define LEAST_SIDE 8
#define MOST_OUTPUTS 64

struct ReidDetector {
  ReidSession *session;
  ReidContext *context;
  int threads; /* of the context */
  ReidHeadOutputs outputs;
  ReidInputSize input;
  ReidTensorParams params; /* but for width and height */
  float default_threshold;
  ReidDetectorOptions options;
  float centres[2 * REID_BLAZEFACE_ANCHORS];
  ReidFaceList list;
};

void
reid_detector_info_init (ReidDetectorInfo *info)
{
  *info = (ReidDetectorInfo){ .head = REID_HEAD_AUTO, .threshold = NAN };
}

void
reid_detector_options_init (ReidDetectorOptions *options)
{
  *options = (ReidDetectorOptions){ .device = "auto",
                                    .threshold = NAN,
                                    .nms_threshold = 0.3f };
}

static void
head_defaults (ReidHead head, ReidTensorParams *params, float *threshold)
{
  float mean = 0, scale = 1;

  params->fit = REID_FIT_LETTERBOX;
  params->channels = REID_CHANNELS_RGB;
  params->fill = 0;
  switch (head) {
    case REID_HEAD_ULTRALIGHT:
      params->fit = REID_FIT_STRETCH;
      mean = 127;
      scale = 1 / 128.0f;
      *threshold = 0.7f;
      break;
    case REID_HEAD_BLAZEFACE:
      mean = 127.5f;
      scale = 1 / 127.5f;
      *threshold = 0.75f;
      break;
    default:
      params->channels = REID_CHANNELS_BGR;
      /* half of what a face needs to begin a track: the rest is for going on
       * with one (BYTE) */
      *threshold = 0.3f;
      break;
  }
  for (int c = 0; c < 3; c++) {
    params->mean[c] = mean;
    params->scale[c] = scale;
  }
}

static bool
apply_info (ReidDetector *detector, const ReidDetectorInfo *info,
            const char *file, ReidError *error)
{
  ReidTensorParams *params = &detector->params;

  if (info) {
    if (info->fit_set)
      params->fit = info->fit;
    if (info->channels_set)
      params->channels = info->channels;
    if (info->normalize_set) {
      memcpy (params->mean, info->mean, sizeof params->mean);
      memcpy (params->scale, info->scale, sizeof params->scale);
    }
    if (!isnan (info->threshold))
      detector->default_threshold = info->threshold;
  }
  if (detector->input.channels == 1 && !(info && info->channels_set))
    params->channels = REID_CHANNELS_GRAY;
  if ((params->channels == REID_CHANNELS_GRAY ? 1 : 3)
      != detector->input.channels)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: the input has %d channels, which its "
                           ".modelinfo contradicts",
                           file, detector->input.channels);
  if (!(detector->default_threshold >= 0 && detector->default_threshold <= 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: the threshold of its .modelinfo is not in 0..1",
                           file);
  return true;
}

static bool
check_options (const ReidDetectorOptions *o, ReidError *error)
{
  if (!isnan (o->threshold) && !(o->threshold >= 0 && o->threshold <= 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "threshold %g is not in 0..1",
                           (double) o->threshold);
  if (!(o->nms_threshold >= 0 && o->nms_threshold <= 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "nms-threshold %g is not in 0..1",
                           (double) o->nms_threshold);
  if (o->inference_size < 0 || o->inference_size > MOST_SIZE)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "inference-size %d is not in 0..%d",
                           o->inference_size, MOST_SIZE);
  if (!(o->min_size >= 0) || o->max_faces < 0 || o->threads < 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "min-size, max-faces and threads must not be "
                           "negative");
  return true;
}

bool
reid_detector_configure (ReidDetector *detector,
                         const ReidDetectorOptions *options, ReidError *error)
{
  ReidDetectorOptions set;

  if (options)
    set = *options;
  else
    reid_detector_options_init (&set);
  if (!check_options (&set, error))
    return false;
  if (!detector->context || set.threads != detector->threads) {
    ReidContext *context =
        reid_context_new (detector->session, set.threads, error);
    if (!context)
      return false;
    reid_context_free (detector->context);
    detector->context = context;
    detector->threads = set.threads;
    detector->options.memory_limit = 0; /* as yet */
  }
  if (set.memory_limit != detector->options.memory_limit)
    reid_context_limit_memory (detector->context, set.memory_limit);
  set.device = NULL;
  detector->options = set;
  return true;
}

/* Anchors and priors are part of the two other heads, so only a YuNet can have
 * a free size; and the engine must give the outputs back in a fixed array. */
static bool
check_model (const ReidDetector *detector, const char *file, ReidError *error)
{
  const ReidInputSize *in = &detector->input;

  if (reid_session_n_inputs (detector->session) != 1
      || reid_session_n_outputs (detector->session) > MOST_OUTPUTS)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s has more than one input, or more than %d "
                           "outputs",
                           file, MOST_OUTPUTS);
  if (detector->outputs.head == REID_HEAD_BLAZEFACE
      && (in->width != REID_BLAZEFACE_SIZE
          || in->height != REID_BLAZEFACE_SIZE))
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: a BlazeFace of another input size than 128x128 "
                           "has other anchors",
                           file);
  if (detector->outputs.head == REID_HEAD_ULTRALIGHT
      && (!in->width || !in->height))
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s: the input size of an Ultra-Light network must "
                           "be fixed",
                           file);
  return true;
}

static bool
open_model (ReidDetector *detector, const char *path,
            const ReidDetectorInfo *info, const ReidDetectorOptions *options,
            ReidError *error)
{
  ReidSessionOptions session_options = { options ? options->device : NULL,
                                         options ? options->precision
                                                 : REID_PRECISION_AUTO };
  ReidTensorInfo outputs[MOST_OUTPUTS];

  detector->session = reid_session_open (path, &session_options, error);
  if (!detector->session)
    return false;
  int n = reid_session_n_outputs (detector->session);
  for (int i = 0; i < n && i < MOST_OUTPUTS; i++)
    outputs[i] = *reid_session_output (detector->session, i);
  if (!reid_head_find (outputs, n < MOST_OUTPUTS ? n : MOST_OUTPUTS, path,
                       info ? info->head : REID_HEAD_AUTO, &detector->outputs,
                       error)
      || !reid_head_input (reid_session_input (detector->session, 0), path,
                           &detector->input, error)
      || !check_model (detector, path, error))
    return false;
  head_defaults (detector->outputs.head, &detector->params,
                 &detector->default_threshold);
  if (detector->outputs.head == REID_HEAD_BLAZEFACE)
    reid_blazeface_anchors (detector->centres);
  return apply_info (detector, info, path, error);
}

ReidDetector *
reid_detector_new (const char *model_path, const ReidDetectorInfo *info,
                   const ReidDetectorOptions *options, ReidError *error)
{
  ReidDetector *detector = calloc (1, sizeof *detector);

  if (!detector) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for a detector");
    return NULL;
  }
  if (!open_model (detector, model_path, info, options, error)
      || !reid_detector_configure (detector, options, error)) {
    reid_detector_free (detector);
    return NULL;
  }
  return detector;
}

void
reid_detector_free (ReidDetector *detector)
{
  if (!detector)
    return;
  reid_context_free (detector->context);
  if (detector->session)
    reid_session_unref (detector->session);
  free (detector->list.face);
  free (detector);
}

ReidHead
reid_detector_head (const ReidDetector *detector)
{
  return detector->outputs.head;
}

const char *
reid_detector_device (const ReidDetector *detector)
{
  return reid_session_device (detector->session);
}

const char *
reid_detector_device_reason (const ReidDetector *detector)
{
  return reid_session_device_reason (detector->session);
}

float
reid_detector_threshold (const ReidDetector *detector)
{
  return isnan (detector->options.threshold) ? detector->default_threshold
                                             : detector->options.threshold;
}

static bool
holds (const ReidDetector *detector, const ReidTensor *tensor, int output,
       int64_t n, ReidError *error)
{
  int64_t have = 1;

  for (int i = 0; i < tensor->rank; i++)
    have *= tensor->dims[i];
  if (have == n && tensor->data)
    return true;
  return reid_error_set (
      error, REID_ERROR_FORMAT,
      "%s: output %.60s has %lld values where a %dx%d input should give %lld",
      reid_session_path (detector->session),
      reid_session_output (detector->session, output)->name, (long long) have,
      detector->params.width, detector->params.height, (long long) n);
}

static bool
decode (ReidDetector *detector, const ReidTensor *out, ReidError *error)
{
  const ReidHeadOutputs *o = &detector->outputs;
  float threshold = reid_detector_threshold (detector);
  ReidFaceList *list = &detector->list;

  list->n = 0;
  if (o->head == REID_HEAD_YUNET) {
    for (int k = 0; k < REID_YUNET_STRIDES; k++) {
      int s = o->yunet[k].stride, cls = o->yunet[k].cls, obj = o->yunet[k].obj;
      int bbox = o->yunet[k].bbox, kps = o->yunet[k].kps;
      int rows = (detector->params.height + s - 1) / s;
      int columns = (detector->params.width + s - 1) / s;
      int64_t n = (int64_t) rows * columns;
      if (!holds (detector, &out[cls], cls, n, error)
          || !holds (detector, &out[obj], obj, n, error)
          || !holds (detector, &out[bbox], bbox, 4 * n, error)
          || !holds (detector, &out[kps], kps, 10 * n, error)
          || !reid_yunet_decode (out[cls].data, out[obj].data, out[bbox].data,
                                 out[kps].data, rows, columns, s, threshold,
                                 list, error))
        return false;
    }
    return true;
  }
  const ReidTensor *scores = &out[o->scores], *boxes = &out[o->boxes];
  if (o->head == REID_HEAD_BLAZEFACE)
    return holds (detector, scores, o->scores, REID_BLAZEFACE_ANCHORS, error)
           && holds (detector, boxes, o->boxes, 16 * REID_BLAZEFACE_ANCHORS,
                     error)
           && reid_blazeface_decode (scores->data, boxes->data,
                                     detector->centres, threshold, list, error);
  int64_t n = scores->rank == 3 ? scores->dims[1] : 0;
  return holds (detector, scores, o->scores, 2 * n, error)
         && holds (detector, boxes, o->boxes, 4 * n, error)
         && reid_ultralight_decode (
             scores->data, boxes->data, (int) n, detector->params.width,
             detector->params.height, threshold, list, error);
}

static void
drop_small (ReidFaceList *list, double least_height)
{
  int n = 0;

  for (int i = 0; i < list->n; i++)
    if (list->face[i].height >= least_height)
      list->face[n++] = list->face[i];
  list->n = n;
}

/* Input pixels to fractions of the frame. */
static void
place (ReidFaceList *list, const ReidImage *image, const ReidMapping *mapping)
{
  float fx = (float) (mapping->sx / image->width);
  float fy = (float) (mapping->sy / image->height);

  for (int i = 0; i < list->n; i++) {
    ReidFace *face = &list->face[i];
    face->left *= fx;
    face->width *= fx;
    face->top *= fy;
    face->height *= fy;
    for (int k = 0; k < 10; k += 2) {
      face->landmarks[k] *= fx;
      face->landmarks[k + 1] *= fy;
    }
  }
}

static void
choose_size (ReidDetector *detector, const ReidImage *image)
{
  ReidTensorParams *params = &detector->params;
  int longest = detector->options.inference_size;

  reid_free_input_size (image, longest ? longest : DEFAULT_SIZE, &params->width,
                        &params->height);
  if (detector->input.width)
    params->width = detector->input.width;
  if (detector->input.height)
    params->height = detector->input.height;
}

bool
reid_detector_run (ReidDetector *detector, const ReidImage *image,
                   const ReidFace **faces, int *n_faces, ReidError *error)
{
  ReidTensorParams *params = &detector->params;
  ReidTensor in, out[MOST_OUTPUTS];
  ReidMapping mapping;
  int most = detector->options.max_faces;

  *faces = NULL;
  *n_faces = 0;
  if (!image || image->width < 1 || image->height < 1 || image->par_n < 1
      || image->par_d < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a frame without size or pixel aspect ratio");
  choose_size (detector, image);
  reid_image_mapping (image, params, &mapping);
  if (image->width < LEAST_SIDE || image->height < LEAST_SIDE
      || mapping.used_width < LEAST_SIDE || mapping.used_height < LEAST_SIDE)
    return true;

  in = (ReidTensor){ .rank = 4,
                     .dims = { 1, detector->input.channels, params->height,
                               params->width } };
  if (!reid_context_input (detector->context, 0, &in, error)
      || !reid_context_input_image (detector->context, 0, 0, image, params,
                                    &mapping, error)
      || !reid_context_run (detector->context, &in, out, error)
      || !reid_session_check (detector->session, &in, out, NULL, error)
      || !decode (detector, out, error))
    return false;
  drop_small (&detector->list, detector->options.min_size / mapping.sy);
  if (!reid_nms (&detector->list, detector->options.nms_threshold,
                 most ? most : DEFAULT_FACES, error))
    return false;
  place (&detector->list, image, &mapping);
  *faces = detector->list.face;
  *n_faces = detector->list.n;
  return true;
}
