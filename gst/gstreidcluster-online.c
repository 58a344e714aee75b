/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-online.h"

#include <string.h>

#include "embed/embed.h"
#include "gstreidcluster-people.h"

/* A person has gone when not seen for this long. */
#define GONE_AFTER (2 * GST_SECOND)
/* Tracks that never send a last tracklet (too short, or eaten by an element in
 * between) are forgotten after so many frames. */
#define FORGET_FRAMES 1500

typedef struct {
  guint32 track;
  guint64 since; /* the first frame shared */
} Companion;

typedef struct {
  guint32 id, identity;
  gfloat similarity;
  guint64 last_frame;
  GArray *companions; /* of Companion: those that live, too */
  GArray *taken;      /* of Taken: what those were named that do not */
} Live;

typedef struct {
  guint64 since;
  guint32 identity;
} Taken;

typedef struct {
  guint32 id;
  guint32 n_tracks, best_track;
  guint64 n_detections, best_frame;
  GstClockTime first, last, on_screen;
  gfloat quality;
  gboolean present;
  guint32 track;
} Person;

struct _GstReidOnline {
  ReidGalleryParams params;
  ReidGallery *gallery; /* made when the first vector tells its length */
  guint dims;
  gchar *version;
  GHashTable *live;   /* track -> Live */
  GHashTable *people; /* identity -> Person */
  GQueue changes;     /* of GstReidPresence */
  guint64 frame;
  guint32 segment;
  GstClockTime now;
};

static void
live_free (gpointer data)
{
  Live *live = data;

  g_array_free (live->companions, TRUE);
  g_array_free (live->taken, TRUE);
  g_free (live);
}

GstReidOnline *
gst_reid_online_new (void)
{
  GstReidOnline *o = g_new0 (GstReidOnline, 1);

  o->live = g_hash_table_new_full (NULL, NULL, NULL, live_free);
  o->people = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  o->now = GST_CLOCK_TIME_NONE;
  g_queue_init (&o->changes);
  return o;
}

void
gst_reid_online_set_params (GstReidOnline *online,
                            const ReidGalleryParams *params)
{
  online->params = *params;
}

void
gst_reid_online_free (GstReidOnline *online)
{
  if (online->gallery)
    reid_gallery_free (online->gallery);
  g_hash_table_destroy (online->live);
  g_hash_table_destroy (online->people);
  g_queue_clear_full (&online->changes, g_free);
  g_free (online->version);
  g_free (online);
}

static Live *
get_live (GstReidOnline *o, guint32 track)
{
  Live *live = g_hash_table_lookup (o->live, GUINT_TO_POINTER (track));

  if (!live) {
    live = g_new0 (Live, 1);
    live->id = track;
    live->companions = g_array_new (FALSE, FALSE, sizeof (Companion));
    live->taken = g_array_new (FALSE, FALSE, sizeof (Taken));
    g_hash_table_insert (o->live, GUINT_TO_POINTER (track), live);
  }
  return live;
}

static void
add_companion (Live *live, guint32 track, guint64 frame)
{
  Companion c = { track, frame };

  for (guint i = 0; i < live->companions->len; i++)
    if (g_array_index (live->companions, Companion, i).track == track)
      return;
  g_array_append_val (live->companions, c);
}

static void
change (GstReidOnline *o, const Person *p, gboolean came, GstClockTime time,
        gfloat similarity, gboolean is_new)
{
  GstReidPresence *presence = g_new0 (GstReidPresence, 1);

  presence->came = came;
  presence->identity = p->id;
  presence->track = p->track;
  presence->time = time;
  presence->similarity = similarity;
  presence->is_new = is_new;
  g_queue_push_tail (&o->changes, presence);
}

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  guint x = GPOINTER_TO_UINT (a), y = GPOINTER_TO_UINT (b);

  return x < y ? -1 : x > y;
}

/* In the order of their numbers, so that the messages are, too. */
static void
let_go (GstReidOnline *o, gboolean all)
{
  GList *ids = g_list_sort (g_hash_table_get_keys (o->people), compare_ids);

  for (GList *l = ids; l; l = l->next) {
    Person *p = g_hash_table_lookup (o->people, l->data);
    if (!p->present)
      continue;
    if (all
        || (GST_CLOCK_TIME_IS_VALID (o->now)
            && GST_CLOCK_TIME_IS_VALID (p->last)
            && o->now > p->last + GONE_AFTER)) {
      p->present = FALSE;
      change (o, p, FALSE, p->last, 0, FALSE);
    }
  }
  g_list_free (ids);
}

static void
see (GstReidOnline *o, Live *live, GstClockTime time, GstClockTime duration,
     gboolean is_new)
{
  Person *p =
      g_hash_table_lookup (o->people, GUINT_TO_POINTER (live->identity));

  if (!p) /* forgotten by the gallery */
    return;
  p->track = live->id;
  if (GST_CLOCK_TIME_IS_VALID (time)) {
    p->last = GST_CLOCK_TIME_IS_VALID (duration) ? time + duration : time;
    if (!GST_CLOCK_TIME_IS_VALID (p->first))
      p->first = time;
  }
  if (!p->present) {
    p->present = TRUE;
    change (o, p, TRUE, time, live->similarity, is_new);
  }
}

/* People who were forgotten are not offered to others, and need not be refused
 * to a face that stays for days. */
static void
add_taken (GstReidOnline *o, Live *live, guint32 identity, guint64 since)
{
  Taken t = { since, identity };
  guint n = 0;

  for (guint i = 0; i < live->taken->len; i++) {
    Taken old = g_array_index (live->taken, Taken, i);
    if (old.identity == identity)
      t.since = MIN (old.since, since);
    else if (o->gallery && reid_gallery_knows (o->gallery, old.identity))
      g_array_index (live->taken, Taken, n++) = old;
  }
  g_array_set_size (live->taken, n);
  g_array_append_val (live->taken, t);
}

/* The track will not be heard of again: what it was named as stays taken for
 * those that shared a frame with it, which is all that they keep of it, so
 * that a face that stays for days holds no list of all who passed. */
static void
bequeath (GstReidOnline *o, const Live *live)
{
  for (guint i = 0; i < live->companions->len; i++) {
    const Companion *c = &g_array_index (live->companions, Companion, i);
    Live *other = g_hash_table_lookup (o->live, GUINT_TO_POINTER (c->track));
    if (!other)
      continue;
    if (live->identity != 0)
      add_taken (o, other, live->identity, c->since);
    for (guint j = 0; j < other->companions->len; j++) {
      if (g_array_index (other->companions, Companion, j).track == live->id) {
        g_array_remove_index_fast (other->companions, j);
        break;
      }
    }
  }
}

static void
forget_stale (GstReidOnline *o)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, o->live);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Live *live = value;
    if (live->last_frame + FORGET_FRAMES < o->frame) {
      bequeath (o, live);
      g_hash_table_iter_remove (&iter);
    }
  }
}

void
gst_reid_online_frame (GstReidOnline *online, GstReidFrameMeta *meta)
{
  /* time goes on elsewhere, where nobody has been seen yet */
  if (meta->segment != online->segment)
    let_go (online, TRUE);
  online->segment = meta->segment;
  online->frame = meta->frame;
  online->now = meta->stream_time;
  for (guint i = 0; i < meta->n_faces; i++) {
    GstReidFace *f = &meta->faces[i];
    Live *live;
    if (f->track_id == 0)
      continue;
    live = get_live (online, f->track_id);
    live->last_frame = meta->frame;
    for (guint j = 0; j < meta->n_faces; j++)
      if (j != i && meta->faces[j].track_id != 0)
        add_companion (live, meta->faces[j].track_id, meta->frame);
    f->identity = live->identity;
    f->similarity = live->similarity;
  }
  /* two tracks may have had their name before they met: the surer one keeps
   * it on screen until the tracklets settle it */
  for (guint i = 0; i < meta->n_faces; i++) {
    GstReidFace *a = &meta->faces[i];
    for (guint j = i + 1; a->identity != 0 && j < meta->n_faces; j++) {
      GstReidFace *b = &meta->faces[j];
      if (b->identity != a->identity)
        continue;
      if (b->similarity > a->similarity)
        a->identity = 0;
      else
        b->identity = 0;
    }
  }
  for (guint i = 0; i < meta->n_faces; i++) {
    GstReidFace *f = &meta->faces[i];
    if (f->identity != 0)
      see (online, get_live (online, f->track_id), meta->stream_time,
           meta->duration, FALSE);
  }
  let_go (online, FALSE);
  if (meta->frame % 256 == 0)
    forget_stale (online);
}

/* The identities that the track must not have, as of its tracklet's last
 * frame. Of two companions that got one identity before they met, the less
 * sure one gives it up: *own_is_taken. */
static GArray *
taken_by_others (GstReidOnline *o, const Live *live, guint64 last_frame,
                 guint32 identity, gboolean *own_is_taken)
{
  GArray *taken = g_array_new (FALSE, FALSE, sizeof (guint32));

  *own_is_taken = FALSE;
  for (guint i = 0; i < live->companions->len; i++) {
    const Companion *c = &g_array_index (live->companions, Companion, i);
    const Live *other =
        g_hash_table_lookup (o->live, GUINT_TO_POINTER (c->track));
    if (c->since > last_frame || !other || other->identity == 0)
      continue;
    if (other->identity == identity
        && (other->similarity < live->similarity
            || (other->similarity == live->similarity && other->id > live->id)))
      continue; /* the other one will have to give it up */
    if (other->identity == identity)
      *own_is_taken = TRUE;
    g_array_append_val (taken, other->identity);
  }
  for (guint i = 0; i < live->taken->len; i++) {
    const Taken *t = &g_array_index (live->taken, Taken, i);
    if (t->since > last_frame)
      continue;
    if (t->identity == identity)
      *own_is_taken = TRUE;
    g_array_append_val (taken, t->identity);
  }
  return taken;
}

static Person *
get_person (GstReidOnline *o, guint32 id)
{
  Person *p = g_hash_table_lookup (o->people, GUINT_TO_POINTER (id));

  if (!p) {
    p = g_new0 (Person, 1);
    p->id = id;
    p->first = p->last = GST_CLOCK_TIME_NONE;
    g_hash_table_insert (o->people, GUINT_TO_POINTER (id), p);
  }
  return p;
}

/* The gallery forgets the person unseen for longest; so do the summaries. */
static void
forget_people (GstReidOnline *o)
{
  while (g_hash_table_size (o->people) > (guint) o->params.max_people) {
    GHashTableIter iter;
    gpointer value;
    Person *oldest = NULL;
    g_hash_table_iter_init (&iter, o->people);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
      Person *p = value;
      guint64 t = GST_CLOCK_TIME_IS_VALID (p->last) ? p->last : 0;
      guint64 u =
          oldest && GST_CLOCK_TIME_IS_VALID (oldest->last) ? oldest->last : 0;
      if (!oldest || t < u || (t == u && p->id < oldest->id))
        oldest = p;
    }
    g_hash_table_remove (o->people, GUINT_TO_POINTER (oldest->id));
  }
}

static void
count_track (GstReidOnline *o, const GstReidTracklet *t, guint32 identity)
{
  Person *p = get_person (o, identity);

  p->n_tracks++;
  p->n_detections += t->n_detections;
  if (GST_CLOCK_TIME_IS_VALID (t->start_time)
      && GST_CLOCK_TIME_IS_VALID (t->end_time) && t->end_time >= t->start_time)
    p->on_screen += t->end_time - t->start_time;
  if (GST_CLOCK_TIME_IS_VALID (t->start_time)
      && (!GST_CLOCK_TIME_IS_VALID (p->first) || t->start_time < p->first))
    p->first = t->start_time;
  if (GST_CLOCK_TIME_IS_VALID (t->end_time)
      && (!GST_CLOCK_TIME_IS_VALID (p->last) || t->end_time > p->last))
    p->last = t->end_time;
  if (t->n_chips > 0 && t->chips[0]->quality > p->quality) {
    p->quality = t->chips[0]->quality;
    p->best_track = t->track_id;
    p->best_frame = t->chips[0]->frame;
  }
}

static gboolean
name_track (GstReidOnline *o, Live *live, const GstReidTracklet *t,
            gboolean final, ReidError *error)
{
  gfloat *vector = g_new (gfloat, t->dims);
  gfloat *weights = g_new (gfloat, t->n_chips);
  gboolean own_is_taken, ok = TRUE;
  GArray *taken;
  ReidName name;

  for (guint i = 0; i < t->n_chips; i++)
    weights[i] = gst_reid_chip_weight (t->chips[i]);
  taken =
      taken_by_others (o, live, t->last_frame, live->identity, &own_is_taken);
  if (own_is_taken)
    live->identity = 0;
  if (reid_track_vector (t->embeddings, weights, (int) t->n_chips,
                         (int) t->dims, vector)) {
    ok = reid_gallery_name (
        o->gallery, vector, CLAMP (t->chips[0]->quality, 0, 1),
        GST_CLOCK_TIME_IS_VALID (t->end_time) ? (int64_t) t->end_time : 0,
        live->identity, (const uint32_t *) (void *) taken->data,
        (int) taken->len, final, &name, error);
    if (ok && name.identity != 0) {
      gboolean is_new = name.state == REID_NAME_NEW;
      gboolean renamed = live->identity != name.identity;
      live->identity = name.identity;
      live->similarity = name.similarity;
      get_person (o, live->identity);
      /* one that has ended is only named in retrospect */
      if (renamed && !final)
        see (o, live, t->end_time, 0, is_new);
    }
  }
  g_array_free (taken, TRUE);
  g_free (weights);
  g_free (vector);
  return ok;
}

gboolean
gst_reid_online_tracklet (GstReidOnline *online,
                          const GstReidTracklet *tracklet, guint32 *identity,
                          ReidError *error)
{
  gboolean final = tracklet->end != GST_REID_TRACK_END_NONE;
  Live *live;

  *identity = 0;
  if (tracklet->embeddings && tracklet->n_chips > 0) {
    if (!online->gallery) {
      online->dims = tracklet->dims;
      g_free (online->version);
      online->version = g_strdup (tracklet->version);
      online->gallery =
          reid_gallery_new ((int) tracklet->dims, &online->params);
      if (!online->gallery)
        return reid_error_set (error, REID_ERROR_MEMORY,
                               "No memory for the people's vectors");
    }
    if (!gst_reid_check_vectors (tracklet, online->dims, online->version,
                                 error))
      return FALSE;
  }
  live = get_live (online, tracklet->track_id);
  live->last_frame = MAX (live->last_frame, tracklet->last_frame);
  if (tracklet->embeddings && tracklet->n_chips > 0
      && !name_track (online, live, tracklet, final, error))
    return FALSE;
  *identity = live->identity;
  if (final) {
    if (live->identity != 0)
      count_track (online, tracklet, live->identity);
    bequeath (online, live);
    g_hash_table_remove (online->live, GUINT_TO_POINTER (live->id));
  }
  if (online->gallery)
    forget_people (online);
  return TRUE;
}

gboolean
gst_reid_online_next (GstReidOnline *online, GstReidPresence *presence)
{
  GstReidPresence *p = g_queue_pop_head (&online->changes);

  if (!p)
    return FALSE;
  *presence = *p;
  g_free (p);
  return TRUE;
}

void
gst_reid_online_close (GstReidOnline *online)
{
  let_go (online, TRUE);
}

void
gst_reid_online_restart (GstReidOnline *online)
{
  let_go (online, TRUE);
  g_hash_table_remove_all (online->live);
  online->frame = 0;
  online->segment = 0;
  online->now = GST_CLOCK_TIME_NONE;
}

guint
gst_reid_online_n_live (const GstReidOnline *online)
{
  return g_hash_table_size (online->live);
}

void
gst_reid_online_to_value (const GstReidOnline *online, GValue *list)
{
  GList *ids =
      g_list_sort (g_hash_table_get_keys (online->people), compare_ids);

  g_value_init (list, GST_TYPE_LIST);
  for (GList *l = ids; l; l = l->next) {
    const Person *p = g_hash_table_lookup (online->people, l->data);
    GValue value = G_VALUE_INIT;
    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &value,
        gst_structure_new (
            "identity", "id", G_TYPE_UINT, p->id, "n-tracks", G_TYPE_UINT,
            p->n_tracks, "n-detections", G_TYPE_UINT64, p->n_detections,
            "first-seen", G_TYPE_UINT64, p->first, "last-seen", G_TYPE_UINT64,
            p->last, "on-screen", G_TYPE_UINT64, p->on_screen, "best-track",
            G_TYPE_UINT, p->best_track, "best-frame", G_TYPE_UINT64,
            p->best_frame, "quality", G_TYPE_FLOAT, p->quality, NULL));
    gst_value_list_append_and_take_value (list, &value);
  }
  g_list_free (ids);
}
