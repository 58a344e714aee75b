/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/detect.h"

#include "detect/detector.h"
#include "nn/nn.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SIZE 8192

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

static ReidContext *
context_of (ReidSession *session, int threads, ReidError *error)
{
  ReidContext *context = reid_context_new (session, threads, error);

  if (context && reid_context_share (context, 0, error))
    return context;
  reid_context_free (context);
  return NULL;
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
    ReidContext *context = context_of (detector->session, set.threads, error);
    if (!context)
      return false;
    reid_context_free (detector->context);
    detector->context = context;
    detector->threads = set.threads;
    detector->options.memory_limit = 0; /* as yet */
  }
  if (detector->unlimited)
    set.memory_limit = 0;
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
      || reid_session_n_outputs (detector->session) > REID_DETECTOR_OUTPUTS)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s has more than one input, or more than %d "
                           "outputs",
                           file, REID_DETECTOR_OUTPUTS);
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
  ReidSessionOptions session_options = {
    .device = options ? options->device : NULL,
    .precision = options ? options->precision : REID_PRECISION_AUTO,
    .places = true,
    .gpu_failure = &detector->moved
  };
  ReidTensorInfo outputs[REID_DETECTOR_OUTPUTS];

  detector->automatic = reid_device_is_auto (session_options.device);
  detector->session = reid_session_open (path, &session_options, error);
  if (!detector->session)
    return false;
  detector->most = reid_session_batch (detector->session, INT_MAX);
  reid_session_moved_reason (NULL, detector->session, &detector->moved,
                             detector->reason, sizeof detector->reason);
  if (reid_session_on_gpu (detector->session)
      && !reid_session_sha256 (detector->session, NULL, detector->sha256,
                               error))
    return false;
  int n = reid_session_n_outputs (detector->session);
  for (int i = 0; i < n && i < REID_DETECTOR_OUTPUTS; i++)
    outputs[i] = *reid_session_output (detector->session, i);
  if (!reid_head_find (
          outputs, n < REID_DETECTOR_OUTPUTS ? n : REID_DETECTOR_OUTPUTS, path,
          info ? info->head : REID_HEAD_AUTO, &detector->outputs, error)
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
  for (int i = 0; i < detector->n_lists; i++)
    free (detector->lists[i].face);
  free (detector->lists);
  free (detector->inputs);
  free (detector);
}

bool
reid_detector_move_to_cpu (ReidDetector *detector, const ReidError *why,
                           ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidSession *session =
      reid_session_to_cpu (detector->session, detector->sha256, &local);
  ReidContext *context =
      session ? context_of (session, detector->threads, &local) : NULL;

  if (!context) {
    reid_session_unref (session);
    return reid_session_not_moved (why, &local, error);
  }
  reid_session_moved_reason (detector->session, session, why, detector->reason,
                             sizeof detector->reason);
  reid_context_free (detector->context);
  reid_session_unref (detector->session);
  detector->session = session;
  detector->context = context;
  detector->most = reid_session_batch (session, INT_MAX);
  detector->unlimited = detector->proven;
  if (detector->unlimited)
    detector->options.memory_limit = 0;
  reid_context_limit_memory (context, detector->options.memory_limit);
  detector->moved = *why;
  return true;
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
  return detector->reason;
}

const char *
reid_detector_moved (const ReidDetector *detector)
{
  return detector->moved.status ? detector->moved.message : NULL;
}

int
reid_detector_batch (const ReidDetector *detector)
{
  return detector->most;
}

bool
reid_detector_on_gpu (const ReidDetector *detector)
{
  return reid_session_on_gpu (detector->session);
}

void
reid_detector_times (const ReidDetector *detector, ReidDetectorTimes *times)
{
  *times = detector->times;
}

float
reid_detector_threshold (const ReidDetector *detector)
{
  return isnan (detector->options.threshold) ? detector->default_threshold
                                             : detector->options.threshold;
}
