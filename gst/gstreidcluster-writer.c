/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidcluster-writer.h"

#include <string.h>

#include "archive/archive.h"

/* Bounds of the queue: jobs, and bytes of chips. */
#define MAX_JOBS 1024
#define MAX_BYTES (G_GUINT64_CONSTANT (32) << 20)
/* Frames are handed to HDF5 in runs, and flushed every few seconds, so that a
 * killed run loses little. */
#define RUN_FRAMES 256
#define FLUSH_INTERVAL (3 * G_TIME_SPAN_SECOND)

typedef enum {
  JOB_FRAME,
  JOB_TRACKLET,
  JOB_ATTRIBUTE,
  JOB_PROJECTION,
  JOB_FINISH
} JobKind;

typedef struct {
  JobKind kind;
  gsize bytes;
  union {
    struct {
      ReidFrameRow row;
      ReidDetectionRow *detections;
      guint32 shot;
      guint8 shot_kind;
    } frame;
    struct {
      GstReidTracklet *tracklet;
      guint32 identity;
    } track;
    struct {
      gchar *key, *value;
      gboolean of_vectors;
    } attribute;
    struct {
      gchar *name;
      guint rows, cols;
      GBytes *numbers;
    } projection;
    struct {
      guint32 *track_ids, *identities;
      guint n;
      gboolean partial;
    } finish;
  } u;
} Job;

struct _GstReidWriter {
  gchar *location;
  GThread *thread;

  GMutex lock;
  GCond added, removed;
  GQueue jobs;
  guint64 bytes;
  gboolean quit, finished;
  ReidError error;
  gdouble seconds;

  /* the thread's own */
  ReidArchive *archive;
  gboolean begun;     /* something came to be written */
  GQueue early;       /* jobs of attributes, until then */
  GArray *frames;     /* ReidFrameRow */
  GArray *detections; /* ReidDetectionRow */
  gboolean has_shot;
  ReidShotRow shot;
  GArray *shot_numbers; /* guint32, one for each row of /shots */
  gint64 flushed;
  GArray *named; /* guint32 track, identity: those that came with one */

  /* the thread's until it has finished */
  gboolean sealed;
  ReidOutputs *outputs;
};

static void
job_free (gpointer data)
{
  Job *job = data;

  switch (job->kind) {
    case JOB_FRAME:
      g_free (job->u.frame.detections);
      break;
    case JOB_TRACKLET:
      gst_reid_tracklet_unref (job->u.track.tracklet);
      break;
    case JOB_ATTRIBUTE:
      g_free (job->u.attribute.key);
      g_free (job->u.attribute.value);
      break;
    case JOB_PROJECTION:
      g_free (job->u.projection.name);
      g_bytes_unref (job->u.projection.numbers);
      break;
    case JOB_FINISH:
      g_free (job->u.finish.track_ids);
      g_free (job->u.finish.identities);
      break;
  }
  g_free (job);
}

/* ---- in the thread */

static gint64
time_of (GstClockTime time)
{
  return GST_CLOCK_TIME_IS_VALID (time) && time <= G_MAXINT64 ? (gint64) time
                                                              : -1;
}

static gboolean
write_frames (GstReidWriter *w, ReidError *error)
{
  gboolean ok =
      (w->frames->len == 0
       || reid_archive_add_frames (w->archive, (ReidFrameRow *) w->frames->data,
                                   w->frames->len, error))
      && (w->detections->len == 0
          || reid_archive_add_detections (
              w->archive, (ReidDetectionRow *) w->detections->data,
              w->detections->len, error));

  g_array_set_size (w->frames, 0);
  g_array_set_size (w->detections, 0);
  return ok;
}

static gboolean
write_shot (GstReidWriter *w, ReidError *error)
{
  gboolean had = w->has_shot;

  w->has_shot = FALSE;
  return !had || reid_archive_add_shots (w->archive, &w->shot, 1, error);
}

static guint32
current_shot (const GstReidWriter *w)
{
  return g_array_index (w->shot_numbers, guint32, w->shot_numbers->len - 1);
}

/* reidtrack counts all shots, but not every one gets here: a flush may take all
 * frames of one. Tracks come soon after their frames, so that the search is
 * short. */
static guint32
shot_row (const GstReidWriter *w, guint32 number)
{
  for (guint i = w->shot_numbers->len; i > 0; i--)
    if (g_array_index (w->shot_numbers, guint32, i - 1) == number)
      return i - 1;
  return REID_NO_SHOT;
}

static gboolean
do_frame (GstReidWriter *w, const Job *job, ReidError *error)
{
  const ReidFrameRow *row = &job->u.frame.row;

  if (w->has_shot && current_shot (w) != job->u.frame.shot
      && !write_shot (w, error))
    return FALSE;
  if (!w->has_shot) {
    w->has_shot = TRUE;
    g_array_append_val (w->shot_numbers, job->u.frame.shot);
    w->shot.first = row->frame;
    w->shot.start_time = row->time;
    w->shot.kind = job->u.frame.shot_kind;
  }
  w->shot.end = row->frame + 1;
  w->shot.end_time = row->time < 0 || row->duration < 0
                         ? row->time
                         : row->time + row->duration;
  g_array_append_vals (w->frames, row, 1);
  g_array_append_vals (w->detections, job->u.frame.detections, row->n_faces);
  return w->frames->len < RUN_FRAMES || write_frames (w, error);
}

static void
chip_row (const GstReidTracklet *t, guint i, ReidChipRow *row)
{
  const GstReidChip *chip = t->chips[i];

  memset (row, 0, sizeof *row);
  row->track = t->track_id;
  row->frame = chip->frame;
  row->time = time_of (chip->time);
  row->width = (uint16_t) chip->width;
  row->height = (uint16_t) chip->height;
  memcpy (row->box, chip->box, sizeof row->box);
  row->has_landmarks = chip->face.has_landmarks ? 1 : 0;
  if (row->has_landmarks)
    memcpy (row->landmarks, chip->landmarks, sizeof row->landmarks);
  row->face[0] = chip->face.left;
  row->face[1] = chip->face.top;
  row->face[2] = chip->face.width;
  row->face[3] = chip->face.height;
  row->score = chip->score;
  row->size = chip->size;
  row->sharpness = chip->sharpness;
  row->frontalness = chip->frontalness;
  row->exposure = chip->exposure;
  row->total = chip->quality;
  row->rgb = chip->rgb;
}

static gboolean
do_tracklet (GstReidWriter *w, const Job *job, ReidError *error)
{
  static const guint8 ends[] = { [GST_REID_TRACK_END_GAP] = REID_END_GAP,
                                 [GST_REID_TRACK_END_CUT] = REID_END_CUT,
                                 [GST_REID_TRACK_END_EOS] = REID_END_EOS,
                                 [GST_REID_TRACK_END_SEGMENT] =
                                     REID_END_SEGMENT,
                                 [GST_REID_TRACK_END_STOPPED] =
                                     REID_END_STOPPED,
                                 [GST_REID_TRACK_END_NONE] = REID_END_STOPPED };
  const GstReidTracklet *t = job->u.track.tracklet;
  ReidChipRow *chips = g_new (ReidChipRow, MAX (t->n_chips, 1));
  ReidTrackRow row = { 0 };
  gboolean ok;

  row.id = t->track_id;
  row.shot = shot_row (w, t->shot);
  row.first = t->first_frame;
  row.last = t->last_frame;
  row.start_time = time_of (t->start_time);
  row.end_time = time_of (t->end_time);
  row.n_detections = t->n_detections;
  row.end = ends[t->end];
  row.identity = job->u.track.identity;
  for (guint i = 0; i < t->n_chips; i++)
    chip_row (t, i, &chips[i]);
  ok = reid_archive_add_track (w->archive, &row, chips, (int) t->n_chips,
                               t->embeddings, (int) t->dims, error);
  g_free (chips);
  if (ok && row.identity != 0) {
    g_array_append_val (w->named, row.id);
    g_array_append_val (w->named, row.identity);
  }
  return ok;
}

/* The names that the tracks came with. */
static gboolean
seal_named (GstReidWriter *w, gboolean partial, ReidError *error)
{
  guint n = w->named->len / 2;
  guint32 *tracks = g_new (guint32, MAX (n, 1));
  guint32 *identities = g_new (guint32, MAX (n, 1));
  gboolean ok;

  for (guint i = 0; i < n; i++) {
    tracks[i] = g_array_index (w->named, guint32, 2 * i);
    identities[i] = g_array_index (w->named, guint32, 2 * i + 1);
  }
  ok = reid_archive_seal (w->archive, tracks, identities, n, partial, error);
  g_free (tracks);
  g_free (identities);
  return ok;
}

static gboolean
do_finish (GstReidWriter *w, const Job *job, ReidError *error)
{
  if (!write_frames (w, error) || !write_shot (w, error))
    return FALSE;
  if (job->u.finish.n == 0)
    w->sealed = seal_named (w, job->u.finish.partial, error);
  else
    w->sealed = reid_archive_seal (w->archive, job->u.finish.track_ids,
                                   job->u.finish.identities, job->u.finish.n,
                                   job->u.finish.partial, error);
  if (w->sealed)
    w->outputs = reid_outputs_prepare (w->location, NULL, NULL, 0, error);
  return w->outputs != NULL;
}

static gboolean
do_job (GstReidWriter *w, const Job *job, ReidError *error)
{
  switch (job->kind) {
    case JOB_FRAME:
      return do_frame (w, job, error);
    case JOB_TRACKLET:
      return do_tracklet (w, job, error);
    case JOB_ATTRIBUTE:
      return (job->u.attribute.of_vectors ? reid_archive_set_embedding_attribute
                                          : reid_archive_set_attribute) (
          w->archive, job->u.attribute.key, job->u.attribute.value, error);
    case JOB_PROJECTION:
      return reid_archive_add_projection (
          w->archive, job->u.projection.name, job->u.projection.rows,
          job->u.projection.cols,
          g_bytes_get_data (job->u.projection.numbers, NULL), error);
    case JOB_FINISH:
      return do_finish (w, job, error);
  }
  return TRUE;
}

/* Takes the job. What an earlier run left stands until the first frame has
 * come: it takes a video, a decoder and networks that work to get one. */
static void
take_job (GstReidWriter *w, Job *job, ReidError *error)
{
  gboolean counts = job->kind == JOB_FRAME || job->kind == JOB_TRACKLET;

  if (!w->begun && counts) {
    w->begun = TRUE;
    reid_archive_begin (w->archive, NULL, 0, error);
    for (Job *early; (early = g_queue_pop_head (&w->early)); job_free (early))
      if (error->status == REID_OK)
        do_job (w, early, error);
  }
  if (!w->begun
      && (job->kind == JOB_ATTRIBUTE || job->kind == JOB_PROJECTION)) {
    g_queue_push_tail (&w->early, job);
    return;
  }
  if (w->begun && !w->sealed && error->status == REID_OK)
    do_job (w, job, error);
  job_free (job); /* gives chips back to the budget */
}

static gboolean
flush_if_due (GstReidWriter *w, ReidError *error)
{
  gint64 now = g_get_monotonic_time ();

  if (!w->begun || w->sealed || now - w->flushed < FLUSH_INTERVAL)
    return TRUE;
  w->flushed = now;
  return write_frames (w, error) && reid_archive_flush (w->archive, error);
}

static gpointer
writer_thread (gpointer data)
{
  GstReidWriter *w = data;
  ReidError error = REID_ERROR_INIT;

  g_mutex_lock (&w->lock);
  while (!w->quit) {
    Job *job = g_queue_pop_head (&w->jobs);
    gboolean idle = job == NULL, last = FALSE;
    gsize bytes = 0;
    gint64 start;

    if (idle && w->begun && !w->sealed && w->error.status == REID_OK) {
      gint64 due = w->flushed + FLUSH_INTERVAL;
      if (g_cond_wait_until (&w->added, &w->lock, due))
        continue;
    } else if (idle) {
      g_cond_wait (&w->added, &w->lock);
      continue;
    }
    g_mutex_unlock (&w->lock);
    start = g_get_monotonic_time ();
    if (job) {
      bytes = job->bytes;
      last = job->kind == JOB_FINISH;
      take_job (w, job, &error);
    }
    if (error.status == REID_OK)
      flush_if_due (w, &error);
    start = g_get_monotonic_time () - start;
    g_mutex_lock (&w->lock);
    w->seconds += (gdouble) start * 1e-6;
    if (w->error.status == REID_OK)
      w->error = error;
    w->bytes -= bytes;
    w->finished |= last;
    g_cond_broadcast (&w->removed);
  }
  g_mutex_unlock (&w->lock);
  return NULL;
}

/* ---- for the element */

GstReidWriter *
gst_reid_writer_new (const gchar *location, ReidError *error)
{
  GstReidWriter *w;
  ReidArchive *archive = reid_archive_claim (location, error);

  if (!archive)
    return NULL;
  w = g_new0 (GstReidWriter, 1);
  w->location = g_strdup (location);
  w->archive = archive;
  w->frames = g_array_new (FALSE, FALSE, sizeof (ReidFrameRow));
  w->detections = g_array_new (FALSE, FALSE, sizeof (ReidDetectionRow));
  w->named = g_array_new (FALSE, FALSE, sizeof (guint32));
  w->shot_numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_queue_init (&w->early);
  w->flushed = g_get_monotonic_time ();
  g_mutex_init (&w->lock);
  g_cond_init (&w->added);
  g_cond_init (&w->removed);
  g_queue_init (&w->jobs);
  w->thread = g_thread_new ("reid-writer", writer_thread, w);
  return w;
}

void
gst_reid_writer_free (GstReidWriter *writer)
{
  g_mutex_lock (&writer->lock);
  writer->quit = TRUE;
  g_cond_broadcast (&writer->added);
  g_cond_broadcast (&writer->removed);
  g_mutex_unlock (&writer->lock);
  g_thread_join (writer->thread);
  g_queue_clear_full (&writer->jobs, job_free);
  g_queue_clear_full (&writer->early, job_free);
  reid_outputs_drop (writer->outputs);
  reid_archive_abandon (writer->archive);
  g_array_free (writer->frames, TRUE);
  g_array_free (writer->detections, TRUE);
  g_array_free (writer->named, TRUE);
  g_array_free (writer->shot_numbers, TRUE);
  g_mutex_clear (&writer->lock);
  g_cond_clear (&writer->added);
  g_cond_clear (&writer->removed);
  g_free (writer->location);
  g_free (writer);
}

/* Takes the job. */
static gboolean
push_job (GstReidWriter *w, Job *job, const gint *cancel)
{
  gboolean ok;

  g_mutex_lock (&w->lock);
  while (w->error.status == REID_OK && !w->quit
         && (w->jobs.length >= MAX_JOBS || w->bytes > MAX_BYTES)
         && !(cancel && g_atomic_int_get (cancel)))
    g_cond_wait (&w->removed, &w->lock);
  ok = w->error.status == REID_OK && !w->quit;
  if (ok) {
    w->bytes += job->bytes;
    g_queue_push_tail (&w->jobs, job);
    g_cond_signal (&w->added);
  }
  g_mutex_unlock (&w->lock);
  if (!ok)
    job_free (job);
  return ok;
}

gboolean
gst_reid_writer_frame (GstReidWriter *writer, const GstReidFrameMeta *meta,
                       const gint *cancel)
{
  static const guint8 states[] = {
    [GST_REID_FRAME_DETECTED] = REID_FRAME_DETECTED,
    [GST_REID_FRAME_SKIPPED] = REID_FRAME_SKIPPED,
    [GST_REID_FRAME_REUSED] = REID_FRAME_REUSED,
    [GST_REID_FRAME_FAILED] = REID_FRAME_FAILED
  };
  Job *job = g_new0 (Job, 1);
  ReidFrameRow *row = &job->u.frame.row;
  guint n = MIN (meta->n_faces, G_MAXUINT16);

  job->kind = JOB_FRAME;
  job->u.frame.shot = meta->shot;
  job->u.frame.shot_kind = (guint8) meta->shot_start;
  row->frame = meta->frame;
  row->time = time_of (meta->stream_time);
  row->duration = time_of (meta->duration);
  row->segment = meta->segment;
  row->width = meta->display_width;
  row->height = meta->display_height;
  row->state = states[meta->state];
  row->n_faces = (uint16_t) n;
  job->u.frame.detections = g_new0 (ReidDetectionRow, n);
  for (guint i = 0; i < n; i++) {
    const GstReidFace *f = &meta->faces[i];
    ReidDetectionRow *d = &job->u.frame.detections[i];
    d->frame = meta->frame;
    d->track = f->track_id;
    d->left = f->left;
    d->top = f->top;
    d->width = f->width;
    d->height = f->height;
    d->score = f->score;
    d->has_landmarks = f->has_landmarks ? 1 : 0;
    if (f->has_landmarks)
      memcpy (d->landmarks, f->landmarks, sizeof d->landmarks);
    d->quality = f->quality;
  }
  return push_job (writer, job, cancel);
}

gboolean
gst_reid_writer_tracklet (GstReidWriter *writer, GstReidTracklet *tracklet,
                          guint32 identity, const gint *cancel)
{
  Job *job = g_new0 (Job, 1);

  job->kind = JOB_TRACKLET;
  job->bytes = gst_reid_tracklet_get_bytes (tracklet);
  job->u.track.tracklet = gst_reid_tracklet_ref (tracklet);
  job->u.track.identity = identity;
  return push_job (writer, job, cancel);
}

static gboolean
push_attribute (GstReidWriter *writer, gboolean of_vectors, const gchar *key,
                const gchar *value, const gint *cancel)
{
  Job *job = g_new0 (Job, 1);

  job->kind = JOB_ATTRIBUTE;
  job->u.attribute.key = g_strdup (key);
  job->u.attribute.value = g_strdup (value);
  job->u.attribute.of_vectors = of_vectors;
  return push_job (writer, job, cancel);
}

gboolean
gst_reid_writer_attribute (GstReidWriter *writer, const gchar *key,
                           const gchar *value, const gint *cancel)
{
  return push_attribute (writer, FALSE, key, value, cancel);
}

gboolean
gst_reid_writer_vectors (GstReidWriter *writer, const gchar *key,
                         const gchar *value, const gint *cancel)
{
  return push_attribute (writer, TRUE, key, value, cancel);
}

gboolean
gst_reid_writer_projection (GstReidWriter *writer, const gchar *name,
                            guint rows, guint cols, GBytes *numbers,
                            const gint *cancel)
{
  Job *job = g_new0 (Job, 1);

  job->kind = JOB_PROJECTION;
  job->u.projection.name = g_strdup (name);
  job->u.projection.rows = rows;
  job->u.projection.cols = cols;
  job->u.projection.numbers = g_bytes_ref (numbers);
  return push_job (writer, job, cancel);
}

gboolean
gst_reid_writer_finish (GstReidWriter *writer, guint32 *track_ids,
                        guint32 *identities, guint n, gboolean partial,
                        ReidError *error)
{
  Job *job = g_new0 (Job, 1);

  job->kind = JOB_FINISH;
  job->u.finish.track_ids = track_ids;
  job->u.finish.identities = identities;
  job->u.finish.n = n;
  job->u.finish.partial = partial;
  if (push_job (writer, job, NULL)) {
    g_mutex_lock (&writer->lock);
    while (!writer->finished && !writer->quit)
      g_cond_wait (&writer->removed, &writer->lock);
    g_mutex_unlock (&writer->lock);
  }
  return !gst_reid_writer_failed (writer, error);
}

gboolean
gst_reid_writer_publish (GstReidWriter *writer, const gchar *text,
                         ReidError *error)
{
  gboolean ok;

  if (!writer->outputs) /* not one frame */
    return TRUE;
  ok = reid_outputs_add_run (writer->outputs, text, strlen (text), error)
       && reid_outputs_publish (g_steal_pointer (&writer->outputs), error);
  return ok && reid_archive_publish (g_steal_pointer (&writer->archive), error);
}

gboolean
gst_reid_writer_failed (GstReidWriter *writer, ReidError *error)
{
  gboolean failed;

  g_mutex_lock (&writer->lock);
  failed = writer->error.status != REID_OK;
  if (failed)
    *error = writer->error;
  g_mutex_unlock (&writer->lock);
  return failed;
}

void
gst_reid_writer_wake (GstReidWriter *writer)
{
  g_mutex_lock (&writer->lock);
  g_cond_broadcast (&writer->removed);
  g_mutex_unlock (&writer->lock);
}

gdouble
gst_reid_writer_seconds (GstReidWriter *writer)
{
  gdouble seconds;

  g_mutex_lock (&writer->lock);
  seconds = writer->seconds;
  g_mutex_unlock (&writer->lock);
  return seconds;
}

const gchar *
gst_reid_writer_location (const GstReidWriter *writer)
{
  return writer->location;
}
