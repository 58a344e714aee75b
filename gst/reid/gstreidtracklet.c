/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:gstreidtracklet
 * @title: GstReidTracklet
 * @short_description: one face, followed through one shot
 *
 * reidtrack sends a tracklet downstream when a track ends, as a serialized
 * custom event; reidembed replaces it by one with vectors; reidcluster makes
 * people of them. GStreamer's queues count an event as zero bytes, so the
 * pixels of all chips of the process are counted here, and reidtrack waits
 * while they are too many.
 *
 * Since: 0.1
 */
#include "gstreidtracklet.h"

#include <math.h>
#include <stdlib.h>

#define TRACKLET_EVENT "reid-tracklet"
#define INTERIM_EVENT "reid-interim"

G_DEFINE_BOXED_TYPE (GstReidChip, gst_reid_chip, gst_reid_chip_ref,
                     gst_reid_chip_unref)
G_DEFINE_BOXED_TYPE (GstReidTracklet, gst_reid_tracklet, gst_reid_tracklet_ref,
                     gst_reid_tracklet_unref)

GType
gst_reid_track_end_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_REID_TRACK_END_GAP, "The face was lost", "gap" },
    { GST_REID_TRACK_END_CUT, "The shot ended", "cut" },
    { GST_REID_TRACK_END_EOS, "The stream ended", "eos" },
    { GST_REID_TRACK_END_SEGMENT, "The segment ended", "segment" },
    { GST_REID_TRACK_END_STOPPED, "The pipeline stopped", "stopped" },
    { GST_REID_TRACK_END_NONE, "The track still lives", "none" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidTrackEnd", values));
  return (GType) type;
}

static GMutex budget_lock;
static GCond budget_cond;
static guint64 budget_used;

guint64
gst_reid_chip_bytes (void)
{
  guint64 used;

  g_mutex_lock (&budget_lock);
  used = budget_used;
  g_mutex_unlock (&budget_lock);
  return used;
}

gboolean
gst_reid_chip_budget_wait (const gint *cancel, gint64 timeout)
{
  gint64 end = g_get_monotonic_time () + timeout;
  gboolean room;

  g_mutex_lock (&budget_lock);
  while (!(room = budget_used < GST_REID_CHIP_BUDGET)
         && !(cancel && g_atomic_int_get (cancel))
         && g_cond_wait_until (&budget_cond, &budget_lock, end))
    ;
  g_mutex_unlock (&budget_lock);
  return room;
}

void
gst_reid_chip_budget_wake (void)
{
  g_mutex_lock (&budget_lock);
  g_cond_broadcast (&budget_cond);
  g_mutex_unlock (&budget_lock);
}

static gsize
chip_bytes (const GstReidChip *chip)
{
  return (gsize) chip->width * chip->height * 3;
}

/**
 * gst_reid_chip_new_take: (skip)
 * @values: what the chip holds; its rgb, from malloc(), is taken over
 *
 * Returns: (transfer full): a new chip
 *
 * Since: 0.1
 */
GstReidChip *
gst_reid_chip_new_take (const GstReidChip *values)
{
  GstReidChip *chip = g_new (GstReidChip, 1);

  *chip = *values;
  chip->ref_count = 1;
  g_mutex_lock (&budget_lock);
  budget_used += chip_bytes (chip);
  g_mutex_unlock (&budget_lock);
  return chip;
}

GstReidChip *
gst_reid_chip_ref (GstReidChip *chip)
{
  g_atomic_int_inc (&chip->ref_count);
  return chip;
}

void
gst_reid_chip_unref (GstReidChip *chip)
{
  if (!g_atomic_int_dec_and_test (&chip->ref_count))
    return;
  g_mutex_lock (&budget_lock);
  budget_used -= chip_bytes (chip);
  g_cond_broadcast (&budget_cond);
  g_mutex_unlock (&budget_lock);
  free (chip->rgb);
  g_free (chip);
}

/**
 * gst_reid_tracklet_new_take: (skip)
 */
GstReidTracklet *
gst_reid_tracklet_new_take (const GstReidTracklet *values, GstReidChip **chips,
                            guint n_chips)
{
  GstReidTracklet *t = g_new (GstReidTracklet, 1);

  *t = *values;
  t->ref_count = 1;
  t->chips = chips;
  t->n_chips = n_chips;
  t->dims = 0;
  t->embeddings = NULL;
  t->model = t->model_sha256 = t->version = NULL;
  t->normalized = FALSE;
  t->threshold = NAN;
  return t;
}

/**
 * gst_reid_tracklet_with_embeddings: (skip)
 */
GstReidTracklet *
gst_reid_tracklet_with_embeddings (const GstReidTracklet *tracklet,
                                   gfloat *embeddings, guint dims,
                                   const gchar *model,
                                   const gchar *model_sha256,
                                   const gchar *version, gboolean normalized,
                                   gfloat threshold)
{
  guint n = tracklet->n_chips;
  GstReidChip **chips = g_new (GstReidChip *, n);
  GstReidTracklet *t;

  for (guint i = 0; i < n; i++)
    chips[i] = gst_reid_chip_ref (tracklet->chips[i]);
  t = gst_reid_tracklet_new_take (tracklet, chips, n);
  t->embeddings = embeddings;
  t->dims = dims;
  t->model = g_strdup (model);
  t->model_sha256 = g_strdup (model_sha256);
  t->version = g_strdup (version);
  t->normalized = normalized;
  t->threshold = threshold;
  return t;
}

GstReidTracklet *
gst_reid_tracklet_ref (GstReidTracklet *tracklet)
{
  g_atomic_int_inc (&tracklet->ref_count);
  return tracklet;
}

void
gst_reid_tracklet_unref (GstReidTracklet *tracklet)
{
  if (!g_atomic_int_dec_and_test (&tracklet->ref_count))
    return;
  for (guint i = 0; i < tracklet->n_chips; i++)
    gst_reid_chip_unref (tracklet->chips[i]);
  g_free (tracklet->chips);
  g_free (tracklet->embeddings);
  g_free (tracklet->model);
  g_free (tracklet->model_sha256);
  g_free (tracklet->version);
  g_free (tracklet);
}

gsize
gst_reid_tracklet_get_bytes (const GstReidTracklet *tracklet)
{
  gsize bytes = 0;

  for (guint i = 0; i < tracklet->n_chips; i++)
    bytes += chip_bytes (tracklet->chips[i]);
  return bytes;
}

GstEvent *
gst_event_new_reid_tracklet (GstReidTracklet *tracklet)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                               gst_structure_new (TRACKLET_EVENT, "tracklet",
                                                  GST_TYPE_REID_TRACKLET,
                                                  tracklet, NULL));
}

/**
 * gst_event_get_reid_tracklet:
 * @event: any event
 *
 * Returns: (transfer none) (nullable): its tracklet
 *
 * Since: 0.1
 */
GstReidTracklet *
gst_event_get_reid_tracklet (GstEvent *event)
{
  const GstStructure *s;
  const GValue *value;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM)
    return NULL;
  s = gst_event_get_structure (event);
  if (!s || !gst_structure_has_name (s, TRACKLET_EVENT))
    return NULL;
  value = gst_structure_get_value (s, "tracklet");
  if (!value || !G_VALUE_HOLDS (value, GST_TYPE_REID_TRACKLET))
    return NULL;
  return g_value_get_boxed (value);
}

GstEvent *
gst_event_new_reid_interim (GstClockTime interval)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
                               gst_structure_new (INTERIM_EVENT, "interval",
                                                  G_TYPE_UINT64, interval,
                                                  NULL));
}

gboolean
gst_event_parse_reid_interim (GstEvent *event, GstClockTime *interval)
{
  const GstStructure *s = gst_event_get_structure (event);

  return GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM && s
         && gst_structure_has_name (s, INTERIM_EVENT)
         && gst_structure_get_uint64 (s, "interval", interval);
}
