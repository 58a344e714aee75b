/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreiddetect-settings.h"

#include <math.h>

#include "gstreiddetect-batch.h"
#include "gstreiddevice.h"
#include "gstreidmemory.h"
#include "gstreidprecision.h"

#define DEFAULT_MODEL NULL
#define DEFAULT_THRESHOLD -1.f
#define DEFAULT_NMS_THRESHOLD .3f
#define DEFAULT_INFERENCE_INTERVAL 1
#define DEFAULT_INFERENCE_SIZE 0
#define DEFAULT_MIN_SIZE 0
#define DEFAULT_BATCH_SIZE 1

enum {
  PROP_0,
  PROP_MODEL,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_MEMORY_LIMIT,
  PROP_THRESHOLD,
  PROP_NMS_THRESHOLD,
  PROP_INFERENCE_INTERVAL,
  PROP_INFERENCE_SIZE,
  PROP_MIN_SIZE,
  PROP_THREADS,
  PROP_BATCH_SIZE
};

void
gst_reid_detect_settings_init (GstReidDetectSettings *settings)
{
  *settings =
      (GstReidDetectSettings){ .model = g_strdup (DEFAULT_MODEL),
                               .device = g_strdup (GST_REID_DEFAULT_DEVICE),
                               .threshold = DEFAULT_THRESHOLD,
                               .nms_threshold = DEFAULT_NMS_THRESHOLD,
                               .inference_interval = DEFAULT_INFERENCE_INTERVAL,
                               .inference_size = DEFAULT_INFERENCE_SIZE,
                               .min_size = DEFAULT_MIN_SIZE,
                               .threads = GST_REID_DEFAULT_THREADS,
                               .batch_size = DEFAULT_BATCH_SIZE };
}

void
gst_reid_detect_settings_clear (GstReidDetectSettings *settings)
{
  g_free (settings->model);
  g_free (settings->device);
}

void
gst_reid_detect_settings_to_options (const GstReidDetectSettings *settings,
                                     ReidDetectorOptions *options)
{
  reid_detector_options_init (options);
  options->threads = (int) settings->threads;
  options->precision = (ReidPrecision) settings->precision;
  options->memory_limit = gst_reid_memory_limit_bytes (settings->memory_limit);
  options->threshold = settings->threshold < 0 ? NAN : settings->threshold;
  options->nms_threshold = settings->nms_threshold;
  options->inference_size = (int) settings->inference_size;
  options->min_size = (float) settings->min_size;
}

gboolean
gst_reid_detect_settings_set (GstReidDetectSettings *settings, guint id,
                              const GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      g_free (settings->model);
      settings->model = g_value_dup_string (value);
      break;
    case PROP_DEVICE:
      g_free (settings->device);
      settings->device = g_value_dup_string (value);
      break;
    case PROP_PRECISION:
      settings->precision = g_value_get_enum (value);
      break;
    case PROP_MEMORY_LIMIT:
      settings->memory_limit = g_value_get_uint (value);
      break;
    case PROP_THRESHOLD:
      settings->threshold = g_value_get_float (value);
      break;
    case PROP_NMS_THRESHOLD:
      settings->nms_threshold = g_value_get_float (value);
      break;
    case PROP_INFERENCE_INTERVAL:
      settings->inference_interval = g_value_get_uint (value);
      break;
    case PROP_INFERENCE_SIZE:
      settings->inference_size = g_value_get_uint (value);
      break;
    case PROP_MIN_SIZE:
      settings->min_size = g_value_get_uint (value);
      break;
    case PROP_THREADS:
      settings->threads = g_value_get_uint (value);
      break;
    case PROP_BATCH_SIZE:
      settings->batch_size = g_value_get_uint (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_reid_detect_settings_get (const GstReidDetectSettings *settings, guint id,
                              GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      g_value_set_string (value, settings->model);
      break;
    case PROP_DEVICE:
      g_value_set_string (value, settings->device);
      break;
    case PROP_PRECISION:
      g_value_set_enum (value, settings->precision);
      break;
    case PROP_MEMORY_LIMIT:
      g_value_set_uint (value, settings->memory_limit);
      break;
    case PROP_THRESHOLD:
      g_value_set_float (value, settings->threshold);
      break;
    case PROP_NMS_THRESHOLD:
      g_value_set_float (value, settings->nms_threshold);
      break;
    case PROP_INFERENCE_INTERVAL:
      g_value_set_uint (value, settings->inference_interval);
      break;
    case PROP_INFERENCE_SIZE:
      g_value_set_uint (value, settings->inference_size);
      break;
    case PROP_MIN_SIZE:
      g_value_set_uint (value, settings->min_size);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, settings->threads);
      break;
    case PROP_BATCH_SIZE:
      g_value_set_uint (value, settings->batch_size);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

void
gst_reid_detect_settings_install (GObjectClass *klass)
{
  const GParamFlags ready =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstReidDetect:model:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MODEL,
      g_param_spec_string (
          "model", "Model",
          "Face detector: an ONNX file, or the name of one in "
          "REID_MODEL_PATH or a data directory (NULL: the best one found, "
          "else reid-detect-s, which comes with the plugin)",
          DEFAULT_MODEL, ready));
  /**
   * GstReidDetect:device:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DEVICE,
                                   gst_reid_device_param_spec (ready));
  /**
   * GstReidDetect:precision:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PRECISION,
                                   gst_reid_precision_param_spec (ready));
  /**
   * GstReidDetect:memory-limit:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MEMORY_LIMIT,
                                   gst_reid_memory_limit_param_spec (ready));
  /**
   * GstReidDetect:threshold:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_THRESHOLD,
      g_param_spec_float ("threshold", "Threshold",
                          "Lowest score of a face, 0 to 1 (-1: the model's "
                          "own)",
                          -1, 1, DEFAULT_THRESHOLD, playing));
  /**
   * GstReidDetect:nms-threshold:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_NMS_THRESHOLD,
      g_param_spec_float ("nms-threshold", "NMS threshold",
                          "IoU of two boxes above which the weaker one is the "
                          "same face",
                          0, 1, DEFAULT_NMS_THRESHOLD, playing));
  /**
   * GstReidDetect:inference-interval:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_INFERENCE_INTERVAL,
      g_param_spec_uint ("inference-interval", "Inference interval",
                         "Detect on every n-th frame (0: on none)", 0, G_MAXINT,
                         DEFAULT_INFERENCE_INTERVAL, playing));
  /**
   * GstReidDetect:inference-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_INFERENCE_SIZE,
      g_param_spec_uint ("inference-size", "Inference size",
                         "Longer side of the picture that the network sees, in "
                         "pixels, for networks of free size; larger finds "
                         "smaller faces and takes longer (0: 640)",
                         0, 8192, DEFAULT_INFERENCE_SIZE, playing));
  /**
   * GstReidDetect:min-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MIN_SIZE,
      g_param_spec_uint ("min-size", "Minimum size",
                         "Height in pixels of the frame below which a face is "
                         "left out (0: none is)",
                         0, 65536, DEFAULT_MIN_SIZE, playing));
  /**
   * GstReidDetect:threads:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_THREADS,
                                   gst_reid_threads_param_spec (ready));
  /**
   * GstReidDetect:batch-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size",
                         "Frames that go through the network together, for "
                         "which each waits; no face depends on it (0: 1 on a "
                         "CPU, 16 on a GPU)",
                         0, GST_REID_DETECT_MOST_HELD, DEFAULT_BATCH_SIZE,
                         ready));
}
