/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-run.h"

#include <jansson.h>

typedef struct {
  gdouble seconds;
  guint64 count;
  GArray *stages; /* GstReidStage, with names of its own */
} Stats;

static void
clear_stage (gpointer data)
{
  g_free ((gchar *) ((GstReidStage *) data)->name);
}

static void
stats_free (gpointer data)
{
  Stats *stats = data;

  g_array_free (stats->stages, TRUE);
  g_free (stats);
}

struct _GstReidRun {
  GMutex lock;
  gint64 started, reported; /* monotonic, us; 0 = not yet */
  GDateTime *date;
  GstClockTime first, last;
  GHashTable *info;  /* factory -> GstStructure */
  GHashTable *stats; /* factory -> Stats */
};

GstReidRun *
gst_reid_run_new (void)
{
  GstReidRun *run = g_new0 (GstReidRun, 1);

  g_mutex_init (&run->lock);
  run->first = run->last = GST_CLOCK_TIME_NONE;
  run->info = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                     (GDestroyNotify) gst_structure_free);
  run->stats =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, stats_free);
  return run;
}

void
gst_reid_run_free (GstReidRun *run)
{
  g_hash_table_destroy (run->info);
  g_hash_table_destroy (run->stats);
  if (run->date)
    g_date_time_unref (run->date);
  g_mutex_clear (&run->lock);
  g_free (run);
}

void
gst_reid_run_position (GstReidRun *run, GstClockTime start, GstClockTime end)
{
  g_mutex_lock (&run->lock);
  if (run->started == 0) {
    run->started = g_get_monotonic_time ();
    run->date = g_date_time_new_now_utc ();
  }
  if (GST_CLOCK_TIME_IS_VALID (start)) {
    if (!GST_CLOCK_TIME_IS_VALID (run->first) || start < run->first)
      run->first = start;
    run->last = GST_CLOCK_TIME_IS_VALID (end) ? end : start;
  }
  g_mutex_unlock (&run->lock);
}

void
gst_reid_run_info (GstReidRun *run, const gchar *factory,
                   const GstStructure *info)
{
  g_mutex_lock (&run->lock);
  g_hash_table_insert (run->info, g_strdup (factory),
                       gst_structure_copy (info));
  g_mutex_unlock (&run->lock);
}

void
gst_reid_run_stats (GstReidRun *run, const gchar *factory, gdouble seconds,
                    guint64 count, const GstReidStage *stages, guint n_stages)
{
  Stats *stats = g_new (Stats, 1);

  stats->seconds = seconds;
  stats->count = count;
  stats->stages = g_array_new (FALSE, FALSE, sizeof (GstReidStage));
  g_array_set_clear_func (stats->stages, clear_stage);
  for (guint i = 0; i < MIN (n_stages, GST_REID_RUN_STAGES); i++) {
    GstReidStage stage = stages[i];
    stage.name = g_strdup (stage.name);
    g_array_append_val (stats->stages, stage);
  }
  g_mutex_lock (&run->lock);
  g_hash_table_insert (run->stats, g_strdup (factory), stats);
  g_mutex_unlock (&run->lock);
}

gboolean
gst_reid_run_progress_due (GstReidRun *run, GstClockTime interval)
{
  gint64 now = g_get_monotonic_time ();
  gboolean due;

  g_mutex_lock (&run->lock);
  due = run->reported != 0 && interval > 0
        && now - run->reported >= (gint64) (interval / GST_USECOND);
  if (due || run->reported == 0) /* nothing to tell at the first frame */
    run->reported = now;
  g_mutex_unlock (&run->lock);
  return due;
}

static gdouble
wall_seconds (const GstReidRun *run)
{
  return run->started
             ? (gdouble) (g_get_monotonic_time () - run->started) * 1e-6
             : 0;
}

static gdouble
video_seconds (const GstReidRun *run)
{
  return GST_CLOCK_TIME_IS_VALID (run->last)
                 && GST_CLOCK_TIME_IS_VALID (run->first)
                 && run->last > run->first
             ? (gdouble) (run->last - run->first) / GST_SECOND
             : 0;
}

static gdouble
speed_of (const GstReidRun *run)
{
  gdouble wall = wall_seconds (run);

  return wall > 0 ? video_seconds (run) / wall : 0;
}

GstStructure *
gst_reid_run_progress (GstReidRun *run, const GstReidCounts *counts)
{
  GstStructure *s;

  g_mutex_lock (&run->lock);
  s = gst_structure_new ("reid-progress", "position", G_TYPE_UINT64, run->last,
                         "speed", G_TYPE_DOUBLE, speed_of (run), "frames",
                         G_TYPE_UINT64, counts->frames, "faces", G_TYPE_UINT64,
                         counts->faces, "tracks", G_TYPE_UINT64, counts->tracks,
                         NULL);
  g_mutex_unlock (&run->lock);
  return s;
}

static gint
compare_keys (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (a, b);
}

static gboolean
add_field (GQuark id, const GValue *value, gpointer object)
{
  if (G_VALUE_HOLDS_STRING (value))
    json_object_set_new (object, g_quark_to_string (id),
                         json_string (g_value_get_string (value)));
  return TRUE;
}

static json_t *
elements_to_json (GstReidRun *run)
{
  json_t *elements = json_object ();
  GList *keys = g_list_sort (g_hash_table_get_keys (run->info), compare_keys);

  for (GList *l = keys; l; l = l->next) {
    json_t *element = json_object ();
    gst_structure_foreach (g_hash_table_lookup (run->info, l->data), add_field,
                           element);
    json_object_set_new (elements, l->data, element);
  }
  g_list_free (keys);
  return elements;
}

static json_t *
stages_to_json (const GArray *stages)
{
  json_t *all = json_object ();

  for (guint i = 0; i < stages->len; i++) {
    const GstReidStage *stage = &g_array_index (stages, GstReidStage, i);
    json_object_set_new (all, stage->name,
                         json_pack ("{s:f, s:I}", "seconds",
                                    (gdouble) stage->time * 1e-9, "count",
                                    (json_int_t) stage->count));
  }
  return all;
}

static json_t *
timings_to_json (GstReidRun *run)
{
  json_t *timings = json_object ();
  GList *keys = g_list_sort (g_hash_table_get_keys (run->stats), compare_keys);

  for (GList *l = keys; l; l = l->next) {
    const Stats *stats = g_hash_table_lookup (run->stats, l->data);
    json_object_set_new (
        timings, l->data,
        json_pack ("{s:f, s:I, s:f, s:o}", "seconds", stats->seconds, "count",
                   (json_int_t) stats->count, "ms_each",
                   stats->count ? stats->seconds * 1e3 / (gdouble) stats->count
                                : 0.,
                   "stages", stages_to_json (stats->stages)));
  }
  g_list_free (keys);
  return timings;
}

gchar *
gst_reid_run_to_json (GstReidRun *run, const GstReidCounts *counts,
                      gboolean partial)
{
  gchar *gst = gst_version_string (), *date, *text;
  json_t *root;

  g_mutex_lock (&run->lock);
  date = run->date ? g_date_time_format_iso8601 (run->date) : NULL;
  root = json_pack (
      "{s:s, s:s, s:s*, s:b, s:f, s:f, s:f, s:{s:I,s:I,s:I,s:I,s:I,s:I}, "
      "s:o, s:o}",
      "version", VERSION, "gstreamer", gst, "started", date, "partial",
      (int) partial, "video_seconds", video_seconds (run), "wall_seconds",
      wall_seconds (run), "speed", speed_of (run), "counts", "frames",
      (json_int_t) counts->frames, "detected_frames",
      (json_int_t) counts->detected, "faces", (json_int_t) counts->faces,
      "shots", (json_int_t) counts->shots, "tracks",
      (json_int_t) counts->tracks, "identities",
      (json_int_t) counts->identities, "timings", timings_to_json (run),
      "elements", elements_to_json (run));
  g_mutex_unlock (&run->lock);
  text = root ? json_dumps (root, JSON_INDENT (2) | JSON_REAL_PRECISION (6))
              : NULL;
  json_decref (root);
  g_free (date);
  g_free (gst);
  return text;
}
