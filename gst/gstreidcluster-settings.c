/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-settings.h"

#define DEFAULT_LOCATION NULL
#define DEFAULT_MODE GST_REID_CLUSTER_MODE_EPISODE
#define DEFAULT_METHOD REID_CLUSTER_AVERAGE
#define DEFAULT_CANNOT_LINK REID_CANNOT_LINK_HARD
#define DEFAULT_THRESHOLD -1.f
#define DEFAULT_SEED 1
#define DEFAULT_MAX_PEOPLE 1000
#define DEFAULT_INTERIM_INTERVAL (500 * GST_MSECOND)
#define DEFAULT_PROGRESS_INTERVAL (500 * GST_MSECOND)
#define DEFAULT_PARTIAL FALSE

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_MODE,
  PROP_METHOD,
  PROP_CANNOT_LINK,
  PROP_THRESHOLD,
  PROP_SEED,
  PROP_MAX_PEOPLE,
  PROP_INTERIM_INTERVAL,
  PROP_PROGRESS_INTERVAL,
  PROP_PARTIAL
};

#define GST_TYPE_REID_CLUSTER_MODE (gst_reid_cluster_mode_get_type ())
static GType
gst_reid_cluster_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_REID_CLUSTER_MODE_EPISODE, "Make people of all tracks at EOS",
      "episode" },
    { GST_REID_CLUSTER_MODE_ONLINE, "Name people while the stream runs",
      "online" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidClusterMode", values));
  return (GType) type;
}

#define GST_TYPE_REID_CLUSTER_METHOD (gst_reid_cluster_method_get_type ())
static GType
gst_reid_cluster_method_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { REID_CLUSTER_AVERAGE, "Average link", "average-link" },
    { REID_CLUSTER_WHISPERS, "Chinese whispers", "chinese-whispers" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidClusterMethod", values));
  return (GType) type;
}

#define GST_TYPE_REID_CANNOT_LINK (gst_reid_cannot_link_get_type ())
static GType
gst_reid_cannot_link_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { REID_CANNOT_LINK_OFF, "Two faces of a frame may be one person", "off" },
    { REID_CANNOT_LINK_SOFT, "They count against it", "soft" },
    { REID_CANNOT_LINK_HARD, "They never are", "hard" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidCannotLink", values));
  return (GType) type;
}

void
gst_reid_cluster_settings_init (GstReidClusterSettings *settings)
{
  *settings =
      (GstReidClusterSettings){ .location = g_strdup (DEFAULT_LOCATION),
                                .mode = DEFAULT_MODE,
                                .method = DEFAULT_METHOD,
                                .cannot_link = DEFAULT_CANNOT_LINK,
                                .threshold = DEFAULT_THRESHOLD,
                                .seed = DEFAULT_SEED,
                                .max_people = DEFAULT_MAX_PEOPLE,
                                .interim_interval = DEFAULT_INTERIM_INTERVAL,
                                .progress_interval = DEFAULT_PROGRESS_INTERVAL,
                                .partial = DEFAULT_PARTIAL };
}

void
gst_reid_cluster_settings_clear (GstReidClusterSettings *settings)
{
  g_free (settings->location);
}

gboolean
gst_reid_cluster_settings_set (GstReidClusterSettings *settings, guint id,
                               const GValue *value)
{
  switch (id) {
    case PROP_LOCATION:
      g_free (settings->location);
      settings->location = g_value_dup_string (value);
      break;
    case PROP_MODE:
      settings->mode = g_value_get_enum (value);
      break;
    case PROP_METHOD:
      settings->method = g_value_get_enum (value);
      break;
    case PROP_CANNOT_LINK:
      settings->cannot_link = g_value_get_enum (value);
      break;
    case PROP_THRESHOLD:
      settings->threshold = g_value_get_float (value);
      break;
    case PROP_SEED:
      settings->seed = g_value_get_uint64 (value);
      break;
    case PROP_MAX_PEOPLE:
      settings->max_people = g_value_get_uint (value);
      break;
    case PROP_INTERIM_INTERVAL:
      settings->interim_interval = g_value_get_uint64 (value);
      break;
    case PROP_PROGRESS_INTERVAL:
      settings->progress_interval = g_value_get_uint64 (value);
      break;
    case PROP_PARTIAL:
      settings->partial = g_value_get_boolean (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_reid_cluster_settings_get (const GstReidClusterSettings *settings, guint id,
                               GValue *value)
{
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, settings->location);
      break;
    case PROP_MODE:
      g_value_set_enum (value, settings->mode);
      break;
    case PROP_METHOD:
      g_value_set_enum (value, settings->method);
      break;
    case PROP_CANNOT_LINK:
      g_value_set_enum (value, settings->cannot_link);
      break;
    case PROP_THRESHOLD:
      g_value_set_float (value, settings->threshold);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, settings->seed);
      break;
    case PROP_MAX_PEOPLE:
      g_value_set_uint (value, settings->max_people);
      break;
    case PROP_INTERIM_INTERVAL:
      g_value_set_uint64 (value, settings->interim_interval);
      break;
    case PROP_PROGRESS_INTERVAL:
      g_value_set_uint64 (value, settings->progress_interval);
      break;
    case PROP_PARTIAL:
      g_value_set_boolean (value, settings->partial);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

void
gst_reid_cluster_settings_install (GObjectClass *klass)
{
  const GParamFlags ready =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstReidCluster:location:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
                           "Folder for the archive and all that is made of it "
                           "(NULL: only the message on the bus)",
                           DEFAULT_LOCATION, ready));
  /**
   * GstReidCluster:mode:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode",
                         "When people are made of tracks: at EOS, or while the "
                         "stream runs",
                         GST_TYPE_REID_CLUSTER_MODE, DEFAULT_MODE, ready));
  /**
   * GstReidCluster:method:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_METHOD,
      g_param_spec_enum ("method", "Method", "Clustering in mode=episode",
                         GST_TYPE_REID_CLUSTER_METHOD, DEFAULT_METHOD,
                         playing));
  /**
   * GstReidCluster:cannot-link:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_CANNOT_LINK,
      g_param_spec_enum ("cannot-link", "Cannot-link",
                         "What it means in mode=episode that two tracks share "
                         "a frame; soft or off for mirrors and split screens",
                         GST_TYPE_REID_CANNOT_LINK, DEFAULT_CANNOT_LINK,
                         playing));
  /**
   * GstReidCluster:threshold:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_THRESHOLD,
      g_param_spec_float ("threshold", "Threshold",
                          "Cosine similarity from which two tracks are one "
                          "person; higher makes more people (-1: the model's "
                          "own)",
                          -1, 1, DEFAULT_THRESHOLD, playing));
  /**
   * GstReidCluster:seed:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed",
                           "Of the order in which Chinese whispers goes", 0,
                           G_MAXUINT64, DEFAULT_SEED, playing));
  /**
   * GstReidCluster:max-people:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MAX_PEOPLE,
      g_param_spec_uint ("max-people", "Maximum people",
                         "People remembered in mode=online; the one unseen for "
                         "longest is forgotten beyond it",
                         1, 1000000, DEFAULT_MAX_PEOPLE, ready));
  /**
   * GstReidCluster:interim-interval:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_INTERIM_INTERVAL,
      g_param_spec_uint64 ("interim-interval", "Interim interval",
                           "Nanoseconds after which a track that still lives "
                           "is named in mode=online, and named again each time "
                           "it has grown by half",
                           1, G_MAXINT64, DEFAULT_INTERIM_INTERVAL, ready));
  /**
   * GstReidCluster:progress-interval:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_PROGRESS_INTERVAL,
      g_param_spec_uint64 ("progress-interval", "Progress interval",
                           "Nanoseconds between two reid-progress messages (0: "
                           "none)",
                           0, G_MAXINT64, DEFAULT_PROGRESS_INTERVAL, playing));
  /**
   * GstReidCluster:partial:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_PARTIAL,
      g_param_spec_boolean ("partial", "Partial",
                            "Mark the results as partial even when they end "
                            "with EOS; for applications that send EOS to stop "
                            "early",
                            DEFAULT_PARTIAL, playing));
}
