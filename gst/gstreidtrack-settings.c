/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidtrack-settings.h"

#define DEFAULT_SHOT_THRESHOLD 3.0
#define DEFAULT_MIN_SHOT_LENGTH 15
#define DEFAULT_IOU_THRESHOLD .3f
#define DEFAULT_HIGH_SCORE .6f
#define DEFAULT_MAX_GAP 30
#define DEFAULT_MIN_LENGTH 3
#define DEFAULT_MIN_SCORE .7f
#define DEFAULT_TOP_N 5
#define DEFAULT_DIVERSE TRUE

enum {
  PROP_0,
  PROP_SHOT_THRESHOLD,
  PROP_MIN_SHOT_LENGTH,
  PROP_IOU_THRESHOLD,
  PROP_HIGH_SCORE,
  PROP_MAX_GAP,
  PROP_MIN_LENGTH,
  PROP_MIN_SCORE,
  PROP_TOP_N,
  PROP_DIVERSE
};

void
gst_reid_track_settings_init (GstReidTrackSettings *settings)
{
  reid_shot_options_init (&settings->shots);
  settings->shots.threshold = DEFAULT_SHOT_THRESHOLD;
  settings->shots.min_length = DEFAULT_MIN_SHOT_LENGTH;
  reid_tracker_options_init (&settings->tracks.tracker);
  settings->tracks.tracker.iou_threshold = DEFAULT_IOU_THRESHOLD;
  settings->tracks.tracker.high_score = DEFAULT_HIGH_SCORE;
  settings->tracks.tracker.max_gap = DEFAULT_MAX_GAP;
  settings->tracks.min_length = DEFAULT_MIN_LENGTH;
  settings->tracks.min_score = DEFAULT_MIN_SCORE;
  settings->tracks.top_n = DEFAULT_TOP_N;
  settings->tracks.diverse = DEFAULT_DIVERSE;
}

gboolean
gst_reid_track_settings_set (GstReidTrackSettings *settings, guint id,
                             const GValue *value)
{
  switch (id) {
    case PROP_SHOT_THRESHOLD:
      settings->shots.threshold = g_value_get_double (value);
      break;
    case PROP_MIN_SHOT_LENGTH:
      settings->shots.min_length = (int) g_value_get_uint (value);
      break;
    case PROP_IOU_THRESHOLD:
      settings->tracks.tracker.iou_threshold = g_value_get_float (value);
      break;
    case PROP_HIGH_SCORE:
      settings->tracks.tracker.high_score = g_value_get_float (value);
      break;
    case PROP_MAX_GAP:
      settings->tracks.tracker.max_gap = (int) g_value_get_uint (value);
      break;
    case PROP_MIN_LENGTH:
      settings->tracks.min_length = g_value_get_uint (value);
      break;
    case PROP_MIN_SCORE:
      settings->tracks.min_score = g_value_get_float (value);
      break;
    case PROP_TOP_N:
      settings->tracks.top_n = g_value_get_uint (value);
      break;
    case PROP_DIVERSE:
      settings->tracks.diverse = g_value_get_boolean (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_reid_track_settings_get (const GstReidTrackSettings *settings, guint id,
                             GValue *value)
{
  switch (id) {
    case PROP_SHOT_THRESHOLD:
      g_value_set_double (value, settings->shots.threshold);
      break;
    case PROP_MIN_SHOT_LENGTH:
      g_value_set_uint (value, (guint) settings->shots.min_length);
      break;
    case PROP_IOU_THRESHOLD:
      g_value_set_float (value, settings->tracks.tracker.iou_threshold);
      break;
    case PROP_HIGH_SCORE:
      g_value_set_float (value, settings->tracks.tracker.high_score);
      break;
    case PROP_MAX_GAP:
      g_value_set_uint (value, (guint) settings->tracks.tracker.max_gap);
      break;
    case PROP_MIN_LENGTH:
      g_value_set_uint (value, settings->tracks.min_length);
      break;
    case PROP_MIN_SCORE:
      g_value_set_float (value, settings->tracks.min_score);
      break;
    case PROP_TOP_N:
      g_value_set_uint (value, settings->tracks.top_n);
      break;
    case PROP_DIVERSE:
      g_value_set_boolean (value, settings->tracks.diverse);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

void
gst_reid_track_settings_install (GObjectClass *klass)
{
  const GParamFlags playing =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstReidTrack:shot-threshold:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_SHOT_THRESHOLD,
      g_param_spec_double ("shot-threshold", "Shot threshold",
                           "How many times as much as between its neighbours "
                           "the picture must change at a cut; higher finds "
                           "fewer cuts",
                           1, 1000, DEFAULT_SHOT_THRESHOLD, playing));
  /**
   * GstReidTrack:min-shot-length:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MIN_SHOT_LENGTH,
      g_param_spec_uint ("min-shot-length", "Minimum shot length",
                         "Frames from one cut to the next, at least", 1,
                         G_MAXINT, DEFAULT_MIN_SHOT_LENGTH, playing));
  /**
   * GstReidTrack:iou-threshold:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_IOU_THRESHOLD,
      g_param_spec_float ("iou-threshold", "IoU threshold",
                          "Overlap (intersection over union) of a face with "
                          "where its track is expected, at least",
                          0, 1, DEFAULT_IOU_THRESHOLD, playing));
  /**
   * GstReidTrack:high-score:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_HIGH_SCORE,
      g_param_spec_float ("high-score", "High score",
                          "Score from which a face may begin a track, 0 to 1; "
                          "weaker ones only continue one",
                          0, 1, DEFAULT_HIGH_SCORE, playing));
  /**
   * GstReidTrack:max-gap:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MAX_GAP,
      g_param_spec_uint ("max-gap", "Maximum gap",
                         "Frames that a face may be lost for before its track "
                         "ends; frames without a detection run do not count",
                         0, G_MAXINT, DEFAULT_MAX_GAP, playing));
  /**
   * GstReidTrack:min-length:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MIN_LENGTH,
      g_param_spec_uint ("min-length", "Minimum length",
                         "Detections of at least high-score that a track needs "
                         "to be reported; the faces of a shorter one keep its "
                         "number",
                         1, G_MAXINT, DEFAULT_MIN_LENGTH, playing));
  /**
   * GstReidTrack:min-score:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_MIN_SCORE,
      g_param_spec_float ("min-score", "Minimum score",
                          "Mean score, 0 to 1, of its detections of at least "
                          "high-score, below which a track is taken for no "
                          "face and not reported",
                          0, 1, DEFAULT_MIN_SCORE, playing));
  /**
   * GstReidTrack:top-n:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_TOP_N,
      g_param_spec_uint ("top-n", "Top N",
                         "Pictures kept of each track that begins from now "
                         "on, at most",
                         1, 1000, DEFAULT_TOP_N, playing));
  /**
   * GstReidTrack:diverse:
   *
   * Since: 0.1
   */
  g_object_class_install_property (
      klass, PROP_DIVERSE,
      g_param_spec_boolean ("diverse", "Diverse",
                            "Spread the pictures of a track over its time and "
                            "over poses (false: take the best ones)",
                            DEFAULT_DIVERSE, playing));
}
