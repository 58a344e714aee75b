/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-people.h"

#include <math.h>
#include <string.h>

#include "embed/embed.h"

typedef struct {
  guint32 id, identity;
  guint32 n_detections;
  guint64 first_frame, last_frame, best_frame;
  GstClockTime start, end;
  gfloat best_quality;
  gfloat *vector; /* NULL without embeddings */
} Track;

struct _GstReidPeople {
  GPtrArray *tracks;    /* of Track, in the order in which they ended */
  GHashTable *by_id;    /* track id -> index + 1 */
  GHashTable *together; /* guint64 low << 32 | high -> frames shared */
  guint dims, n_vectors;
  gchar *version;
  gfloat threshold;
};

static void
track_free (gpointer data)
{
  Track *t = data;

  g_free (t->vector);
  g_free (t);
}

GstReidPeople *
gst_reid_people_new (void)
{
  GstReidPeople *p = g_new0 (GstReidPeople, 1);

  p->tracks = g_ptr_array_new_with_free_func (track_free);
  p->by_id = g_hash_table_new (NULL, NULL);
  p->together =
      g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  p->threshold = NAN;
  return p;
}

void
gst_reid_people_free (GstReidPeople *people)
{
  g_ptr_array_free (people->tracks, TRUE);
  g_hash_table_destroy (people->by_id);
  g_hash_table_destroy (people->together);
  g_free (people->version);
  g_free (people);
}

void
gst_reid_people_add_frame (GstReidPeople *people, const GstReidFrameMeta *meta)
{
  for (guint i = 0; i < meta->n_faces; i++) {
    guint32 a = meta->faces[i].track_id;
    for (guint j = i + 1; a != 0 && j < meta->n_faces; j++) {
      guint32 b = meta->faces[j].track_id;
      gint64 key;
      guint n;
      if (b == 0 || b == a)
        continue;
      key = (gint64) ((guint64) MIN (a, b) << 32 | MAX (a, b));
      n = GPOINTER_TO_UINT (g_hash_table_lookup (people->together, &key));
      g_hash_table_insert (people->together, g_memdup2 (&key, sizeof key),
                           GUINT_TO_POINTER (n + 1));
    }
  }
}

gboolean
gst_reid_check_vectors (const GstReidTracklet *tracklet, guint dims,
                        const gchar *version, ReidError *error)
{
  if (tracklet->dims != dims)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "Track %u has vectors of %u numbers, the ones "
                           "before had %u: one run needs one embedder",
                           tracklet->track_id, tracklet->dims, dims);
  if (g_strcmp0 (tracklet->version, version) != 0)
    return reid_error_set (
        error, REID_ERROR_ARGUMENT,
        "Track %u has vectors of version %s, the ones before are of version "
        "%s: they cannot be compared, and one run needs one embedder",
        tracklet->track_id, tracklet->version ? tracklet->version : "unknown",
        version ? version : "unknown");
  return TRUE;
}

gboolean
gst_reid_people_add_track (GstReidPeople *people,
                           const GstReidTracklet *tracklet, ReidError *error)
{
  Track *t;

  if (tracklet->embeddings && people->dims != 0
      && !gst_reid_check_vectors (tracklet, people->dims, people->version,
                                  error))
    return FALSE;
  t = g_new0 (Track, 1);
  t->id = tracklet->track_id;
  t->n_detections = tracklet->n_detections;
  t->first_frame = tracklet->first_frame;
  t->last_frame = tracklet->last_frame;
  t->start = tracklet->start_time;
  t->end = tracklet->end_time;
  if (tracklet->n_chips > 0) {
    t->best_frame = tracklet->chips[0]->frame;
    t->best_quality = tracklet->chips[0]->quality;
  }
  if (tracklet->embeddings) {
    gfloat *weights = g_new (gfloat, tracklet->n_chips);
    if (people->dims == 0)
      people->version = g_strdup (tracklet->version);
    people->dims = tracklet->dims;
    if (isnan (people->threshold))
      people->threshold = tracklet->threshold;
    for (guint i = 0; i < tracklet->n_chips; i++)
      weights[i] = gst_reid_chip_weight (tracklet->chips[i]);
    t->vector = g_new (gfloat, tracklet->dims);
    if (reid_track_vector (tracklet->embeddings, weights,
                           (int) tracklet->n_chips, (int) tracklet->dims,
                           t->vector))
      people->n_vectors++;
    else /* its faces cancel out: nothing is known of it */
      g_clear_pointer (&t->vector, g_free);
    g_free (weights);
  }
  g_ptr_array_add (people->tracks, t);
  g_hash_table_insert (people->by_id, GUINT_TO_POINTER (t->id),
                       GUINT_TO_POINTER (people->tracks->len));
  return TRUE;
}

guint
gst_reid_people_n_tracks (const GstReidPeople *people)
{
  return people->tracks->len;
}

guint
gst_reid_people_n_vectors (const GstReidPeople *people)
{
  return people->n_vectors;
}

gfloat
gst_reid_people_threshold (const GstReidPeople *people)
{
  return people->threshold;
}

static Track *
find_track (const GstReidPeople *people, guint32 id)
{
  guint at = GPOINTER_TO_UINT (
      g_hash_table_lookup (people->by_id, GUINT_TO_POINTER (id)));

  return at ? people->tracks->pdata[at - 1] : NULL;
}

static ReidPair *
shared_frames (GstReidPeople *people, GHashTable *rows, int *n)
{
  ReidPair *pairs =
      g_new (ReidPair, MAX (g_hash_table_size (people->together), 1));
  GHashTableIter iter;
  gpointer k, value;

  *n = 0;
  g_hash_table_iter_init (&iter, people->together);
  while (g_hash_table_iter_next (&iter, &k, &value)) {
    guint64 key = *(guint64 *) k;
    Track *a = find_track (people, (guint32) (key >> 32));
    Track *b = find_track (people, (guint32) key);
    ReidPair *pair = &pairs[*n];
    if (!a || !b || !a->vector || !b->vector)
      continue;
    pair->a = GPOINTER_TO_INT (g_hash_table_lookup (rows, a));
    pair->b = GPOINTER_TO_INT (g_hash_table_lookup (rows, b));
    pair->weight = (float) GPOINTER_TO_UINT (value)
                   / (float) MAX (1, MIN (a->n_detections, b->n_detections));
    pair->weight = MIN (pair->weight, 1.f);
    ++*n;
  }
  return pairs;
}

gint
gst_reid_people_cluster (GstReidPeople *people, const ReidClusterParams *params,
                         ReidError *error)
{
  guint n = people->n_vectors, dims = people->dims, row = 0;
  gfloat *vectors = g_new (gfloat, MAX (1, (gsize) n * dims));
  guint64 *keys = g_new (guint64, MAX (n, 1));
  int *labels = g_new (int, MAX (n, 1));
  Track **tracks = g_new (Track *, MAX (n, 1));
  GHashTable *rows = g_hash_table_new (NULL, NULL);
  ReidPair *pairs;
  int n_pairs, k;

  for (guint i = 0; i < people->tracks->len; i++) {
    Track *t = people->tracks->pdata[i];
    t->identity = 0;
    if (!t->vector)
      continue;
    memcpy (vectors + (gsize) row * dims, t->vector, dims * sizeof *vectors);
    keys[row] = t->id;
    tracks[row] = t;
    g_hash_table_insert (rows, t, GUINT_TO_POINTER (row));
    row++;
  }
  pairs = shared_frames (people, rows, &n_pairs);
  k = reid_cluster (vectors, (int) n, (int) dims, keys, pairs, n_pairs, params,
                    labels, error);
  for (guint i = 0; k >= 0 && i < n; i++)
    tracks[i]->identity = (guint32) labels[i] + 1;
  g_free (pairs);
  g_hash_table_destroy (rows);
  g_free (tracks);
  g_free (labels);
  g_free (keys);
  g_free (vectors);
  return k;
}

guint
gst_reid_people_labels (const GstReidPeople *people, guint32 **track_ids,
                        guint32 **identities)
{
  guint n = 0;

  *track_ids = g_new (guint32, MAX (people->tracks->len, 1));
  *identities = g_new (guint32, MAX (people->tracks->len, 1));
  for (guint i = 0; i < people->tracks->len; i++) {
    const Track *t = people->tracks->pdata[i];
    if (t->identity == 0)
      continue;
    (*track_ids)[n] = t->id;
    (*identities)[n++] = t->identity;
  }
  return n;
}

static gint
compare_tracks (gconstpointer a, gconstpointer b)
{
  const Track *x = *(Track *const *) a, *y = *(Track *const *) b;

  if (x->identity != y->identity)
    return x->identity < y->identity ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* tracks[0..n) belong to one identity. */
static GstStructure *
describe (Track *const *tracks, guint n)
{
  GstClockTime first = GST_CLOCK_TIME_NONE, last = GST_CLOCK_TIME_NONE;
  GValue ids = G_VALUE_INIT, id = G_VALUE_INIT;
  GstClockTime on_screen = 0;
  guint64 detections = 0;
  const Track *best = tracks[0];
  GstStructure *s;

  g_value_init (&ids, GST_TYPE_LIST);
  for (guint i = 0; i < n; i++) {
    const Track *t = tracks[i];
    detections += t->n_detections;
    if (GST_CLOCK_TIME_IS_VALID (t->start) && GST_CLOCK_TIME_IS_VALID (t->end)
        && t->end >= t->start) {
      on_screen += t->end - t->start;
      if (first == GST_CLOCK_TIME_NONE || t->start < first)
        first = t->start;
      if (last == GST_CLOCK_TIME_NONE || t->end > last)
        last = t->end;
    }
    if (t->best_quality > best->best_quality)
      best = t;
    g_value_init (&id, G_TYPE_UINT);
    g_value_set_uint (&id, t->id);
    gst_value_list_append_and_take_value (&ids, &id);
  }
  s = gst_structure_new (
      "identity", "id", G_TYPE_UINT, tracks[0]->identity, "n-tracks",
      G_TYPE_UINT, n, "n-detections", G_TYPE_UINT64, detections, "first-seen",
      G_TYPE_UINT64, first, "last-seen", G_TYPE_UINT64, last, "on-screen",
      G_TYPE_UINT64, on_screen, "best-track", G_TYPE_UINT, best->id,
      "best-frame", G_TYPE_UINT64, best->best_frame, "quality", G_TYPE_FLOAT,
      best->best_quality, NULL);
  gst_structure_take_value (s, "tracks", &ids);
  return s;
}

void
gst_reid_people_to_value (const GstReidPeople *people, GValue *list)
{
  GPtrArray *named = g_ptr_array_new ();

  g_value_init (list, GST_TYPE_LIST);
  for (guint i = 0; i < people->tracks->len; i++)
    if (((Track *) people->tracks->pdata[i])->identity != 0)
      g_ptr_array_add (named, people->tracks->pdata[i]);
  g_ptr_array_sort (named, compare_tracks);
  for (guint i = 0, j; i < named->len; i = j) {
    GValue value = G_VALUE_INIT;
    guint32 identity = ((Track *) named->pdata[i])->identity;
    for (j = i;
         j < named->len && ((Track *) named->pdata[j])->identity == identity;)
      j++;
    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value,
                        describe ((Track *const *) named->pdata + i, j - i));
    gst_value_list_append_and_take_value (list, &value);
  }
  g_ptr_array_free (named, TRUE);
}
