/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidembed-settings.h"

#include <math.h>

#include "gstreidinfo.h"
#include "gstreiddevice.h"
#include "gstreidmemory.h"
#include "gstreidprecision.h"

#define DEFAULT_MODEL NULL
#define DEFAULT_BATCH_SIZE 0
#define DEFAULT_MAX_LATENCY (500 * GST_MSECOND)
#define DEFAULT_NORMALIZE TRUE

enum {
  PROP_0,
  PROP_MODEL,
  PROP_WEIGHTS,
  PROP_LAYERS,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_MEMORY_LIMIT,
  PROP_BATCH_SIZE,
  PROP_MAX_LATENCY,
  PROP_NORMALIZE,
  PROP_THREADS
};

void
gst_reid_embed_settings_init (GstReidEmbedSettings *settings)
{
  *settings =
      (GstReidEmbedSettings){ .device = g_strdup (GST_REID_DEFAULT_DEVICE),
                              .batch_size = DEFAULT_BATCH_SIZE,
                              .max_latency = DEFAULT_MAX_LATENCY,
                              .normalize = DEFAULT_NORMALIZE,
                              .threads = GST_REID_DEFAULT_THREADS };
}

void
gst_reid_embed_settings_clear (GstReidEmbedSettings *settings)
{
  g_free (settings->model);
  g_free (settings->weights);
  g_free (settings->layers);
  g_free (settings->device);
}

void
gst_reid_embed_settings_copy (GstReidEmbedSettings *to,
                              const GstReidEmbedSettings *from)
{
  *to = *from;
  to->model = g_strdup (from->model);
  to->weights = g_strdup (from->weights);
  to->layers = g_strdup (from->layers);
  to->device = g_strdup (from->device);
}

static void
take_string (gchar **to, const GValue *value)
{
  g_free (*to);
  *to = g_value_dup_string (value);
}

gboolean
gst_reid_embed_settings_set (GstReidEmbedSettings *settings, guint id,
                             const GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      take_string (&settings->model, value);
      break;
    case PROP_WEIGHTS:
      take_string (&settings->weights, value);
      break;
    case PROP_LAYERS:
      take_string (&settings->layers, value);
      break;
    case PROP_DEVICE:
      take_string (&settings->device, value);
      break;
    case PROP_PRECISION:
      settings->precision = g_value_get_enum (value);
      break;
    case PROP_MEMORY_LIMIT:
      settings->memory_limit = g_value_get_uint (value);
      break;
    case PROP_BATCH_SIZE:
      settings->batch_size = g_value_get_uint (value);
      break;
    case PROP_MAX_LATENCY:
      settings->max_latency = g_value_get_uint64 (value);
      break;
    case PROP_NORMALIZE:
      settings->normalize = g_value_get_boolean (value);
      break;
    case PROP_THREADS:
      settings->threads = g_value_get_uint (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_reid_embed_settings_get (const GstReidEmbedSettings *settings, guint id,
                             GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      g_value_set_string (value, settings->model);
      break;
    case PROP_WEIGHTS:
      g_value_set_string (value, settings->weights);
      break;
    case PROP_LAYERS:
      g_value_set_string (value, settings->layers);
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
    case PROP_BATCH_SIZE:
      g_value_set_uint (value, settings->batch_size);
      break;
    case PROP_MAX_LATENCY:
      g_value_set_uint64 (value, settings->max_latency);
      break;
    case PROP_NORMALIZE:
      g_value_set_boolean (value, settings->normalize);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, settings->threads);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

GstReidEmbedder *
gst_reid_embed_settings_open (const GstReidEmbedSettings *settings,
                              GError **error)
{
  ReidEmbedderOptions options = { settings->device, (int) settings->threads,
                                  (ReidPrecision) settings->precision,
                                  gst_reid_memory_limit_bytes (
                                      settings->memory_limit) };

  return gst_reid_embedder_open (settings->model, settings->weights,
                                 settings->layers, &options, error);
}

GstEvent *
gst_reid_embed_info (GstElement *element, const GstReidEmbedder *e)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];
  const gchar *threshold =
      isnan (e->threshold)
          ? NULL
          : g_ascii_formatd (number, sizeof number, "%.6g", e->threshold);

  return gst_reid_info_event (
      element, "model-name", e->model, "model-sha256", e->model_sha256,
      "model-licence", e->licence, "model-threshold", threshold,
      "model-weights", e->weights, "model-layers", e->layers, "projection",
      e->projection, "embedding-version", e->version, "backend",
      reid_embedder_device_reason (e->embedder), NULL);
}

GstEvent *
gst_reid_embed_projection (const GstReidEmbedder *e, guint i)
{
  ReidEmbedderMatrix m;
  GByteArray *numbers;
  GstEvent *event;
  GBytes *bytes;

  if (!reid_embedder_matrix (e->embedder, (int) i, &m))
    return NULL;
  numbers = g_byte_array_new ();
  g_byte_array_append (numbers, (const guint8 *) m.mean,
                       (guint) m.cols * sizeof *m.mean);
  g_byte_array_append (numbers, (const guint8 *) m.data,
                       (guint) m.rows * (guint) m.cols * sizeof *m.data);
  bytes = g_byte_array_free_to_bytes (numbers);
  event = gst_reid_projection_event (m.sha256, (guint) m.rows + 1,
                                     (guint) m.cols, bytes);
  g_bytes_unref (bytes);
  return event;
}

void
gst_reid_embed_settings_install (GObjectClass *klass)
{
  const GParamFlags ready =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstReidEmbed:model:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MODEL,
      g_param_spec_string (
          "model", "Model",
          "Face embedder: an ONNX file, or the name of one in "
          "REID_MODEL_PATH or a data directory; several, separated by commas, "
          "make one vector (NULL: the best one found, else reid-embed-s, which "
          "comes with the plugin)",
          DEFAULT_MODEL, ready));
  /**
   * GstReidEmbed:weights:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_WEIGHTS,
      g_param_spec_string ("weights", "Weights",
                           "What each of several networks counts, as in "
                           "0.6,0.4: the inner product of two vectors is the "
                           "weighted mean of the networks' cosines (NULL: all "
                           "the same)",
                           NULL, ready));
  /**
   * GstReidEmbed:layers:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_LAYERS,
      g_param_spec_string ("layers", "Layers",
                           "Inner tensors in place of the network's output, as "
                           "in layer2:4x4:128,layer4:1x1:128: "
                           "NAME[:HxW][:WIDTH[:FILE]], averaged over a grid "
                           "and reduced to a width, at random or by the PCA in "
                           "a file; a semicolon before those of the next "
                           "network (NULL: the network's output)",
                           NULL, ready));
  /**
   * GstReidEmbed:device:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DEVICE,
                                   gst_reid_device_param_spec (ready));
  /**
   * GstReidEmbed:precision:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PRECISION,
                                   gst_reid_precision_param_spec (ready));
  /**
   * GstReidEmbed:memory-limit:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MEMORY_LIMIT,
                                   gst_reid_memory_limit_param_spec (ready));
  /**
   * GstReidEmbed:batch-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size",
                         "Faces that go through the network together, taken "
                         "from many tracklets; no vector depends on it (0: 16 "
                         "on a CPU, from 64 on a GPU as many as pay)",
                         0, 1024, DEFAULT_BATCH_SIZE, playing));
  /**
   * GstReidEmbed:max-latency:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MAX_LATENCY,
      g_param_spec_uint64 ("max-latency", "Maximum latency",
                           "Nanoseconds that a tracklet may wait for its batch "
                           "to fill (-1: until it is full, or EOS)",
                           0, G_MAXUINT64, DEFAULT_MAX_LATENCY, playing));
  /**
   * GstReidEmbed:normalize:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_NORMALIZE,
      g_param_spec_boolean ("normalize", "Normalize",
                            "Scale every vector to length 1", DEFAULT_NORMALIZE,
                            playing));
  /**
   * GstReidEmbed:threads:
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_THREADS,
                                   gst_reid_threads_param_spec (ready));
}
