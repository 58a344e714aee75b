/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-chips.h"

#include <stdlib.h>
#include <string.h>

/* As in reidembed: a network that fails on this many in a row will not
 * recover. */
#define MAX_FAILURES 10

/* One batch; its chips are unpacked by the pool. */
typedef struct {
  gsize first;
  guint n, waiting;
  uint8_t **rgb; /* NULL: none was kept */
  ReidError error;
} Part;

typedef struct {
  const ReidEmbedJob *job;
  const ReidEpisode *episode;
  GThreadPool *pool;
  GMutex lock;
  GCond done;
  Part parts[2];
  guint failures; /* in a row */
  ReidFacePicture *pictures;
  gfloat *vectors, *rows;
  guint *place; /* of each picture in its part */
} Work;

static void
unpack (gpointer item, gpointer data)
{
  Work *w = data;
  gsize chip = GPOINTER_TO_SIZE (item) - 1;
  Part *part =
      chip >= w->parts[0].first && chip < w->parts[0].first + w->parts[0].n
          ? &w->parts[0]
          : &w->parts[1];
  ReidError error = REID_ERROR_INIT;
  uint8_t *rgb = reid_addition_pixels (w->job->addition, chip, &error);

  g_mutex_lock (&w->lock);
  part->rgb[chip - part->first] = rgb;
  if (part->error.status == REID_OK)
    part->error = error;
  if (--part->waiting == 0)
    g_cond_signal (&w->done);
  g_mutex_unlock (&w->lock);
}

static void
start_part (Work *w, Part *part, gsize first)
{
  gsize left = w->episode->n_chips - first;

  g_mutex_lock (&w->lock);
  part->first = first;
  part->n = part->waiting = (guint) MIN (left, w->job->batch);
  part->error = (ReidError) REID_ERROR_INIT;
  g_mutex_unlock (&w->lock);
  for (guint i = 0; i < part->n; i++)
    g_thread_pool_push (w->pool, GSIZE_TO_POINTER (first + i + 1), NULL);
}

static void
wait_for_part (Work *w, Part *part)
{
  g_mutex_lock (&w->lock);
  while (part->waiting > 0)
    g_cond_wait (&w->done, &w->lock);
  g_mutex_unlock (&w->lock);
}

static void
drop_pixels (Part *part)
{
  for (guint i = 0; i < part->n; i++)
    g_clear_pointer (&part->rgb[i], free);
}

static guint
gather_pictures (Work *w, const Part *part)
{
  guint n = 0;

  for (guint i = 0; i < part->n; i++) {
    const ReidChipRow *chip = &w->episode->chips[part->first + i];
    ReidFacePicture *p = &w->pictures[n];
    if (!part->rgb[i])
      continue;
    p->rgb = part->rgb[i];
    p->width = chip->width;
    p->height = chip->height;
    p->stride = (ptrdiff_t) chip->width * 3;
    p->landmarks = chip->has_landmarks ? chip->landmarks : NULL;
    memcpy (p->box, chip->box, sizeof p->box);
    w->place[n++] = i;
  }
  return n;
}

static gboolean
run_part (Work *w, const Part *part, ReidEmbedCounts *counts, ReidError *error)
{
  gsize dims = (gsize) reid_embedder_dims (w->job->embedder);
  guint n = gather_pictures (w, part);
  ReidError why = REID_ERROR_INIT;
  guint failed = (guint) reid_embedder_run_each (
      w->job->embedder, w->pictures, (int) n, TRUE, w->vectors, NULL, &why);

  if (failed > 0)
    counts->why = why;
  memset (w->rows, 0, part->n * dims * sizeof *w->rows);
  for (guint i = 0; i < n; i++)
    memcpy (w->rows + w->place[i] * dims, w->vectors + i * dims,
            dims * sizeof *w->rows);
  counts->failed += failed;
  counts->made += n - failed;
  counts->without += part->n - n;
  w->failures = failed == n ? w->failures + failed : failed;
  if (failed > 0 && counts->why.status == REID_ERROR_MEMORY)
    return reid_error_set (error, REID_ERROR_MEMORY, "%s", counts->why.message);
  if (failed > 0 && w->failures >= MAX_FAILURES)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "no vector for %u faces in a row: %s", w->failures,
                           counts->why.message);
  return reid_addition_add (w->job->addition, w->rows, part->n, error);
}

static void
work_init (Work *w, const ReidEmbedJob *job)
{
  gsize dims = (gsize) reid_embedder_dims (job->embedder), n = job->batch;

  *w = (Work){ .job = job, .episode = reid_addition_episode (job->addition) };
  g_mutex_init (&w->lock);
  g_cond_init (&w->done);
  w->pool = g_thread_pool_new (unpack, w, (gint) g_get_num_processors (), FALSE,
                               NULL);
  for (guint i = 0; i < 2; i++)
    w->parts[i].rgb = g_new0 (uint8_t *, n);
  w->pictures = g_new (ReidFacePicture, n);
  w->vectors = g_new (gfloat, n * dims);
  w->rows = g_new (gfloat, n * dims);
  w->place = g_new (guint, n);
}

static void
work_clear (Work *w)
{
  g_thread_pool_free (w->pool, FALSE, TRUE);
  for (guint i = 0; i < 2; i++) {
    drop_pixels (&w->parts[i]);
    g_free (w->parts[i].rgb);
  }
  g_free (w->pictures);
  g_free (w->vectors);
  g_free (w->rows);
  g_free (w->place);
  g_mutex_clear (&w->lock);
  g_cond_clear (&w->done);
}

gboolean
reid_embed_chips (const ReidEmbedJob *job, ReidEmbedCounts *counts,
                  ReidError *error)
{
  Work w;
  gsize all, at = 0;
  gboolean ok = TRUE;

  *counts = (ReidEmbedCounts){ .why = REID_ERROR_INIT };
  work_init (&w, job);
  all = w.episode->n_chips;
  start_part (&w, &w.parts[0], 0);
  for (guint turn = 0; ok && at < all; turn ^= 1) {
    Part *part = &w.parts[turn];
    wait_for_part (&w, part);
    if (part->error.status != REID_OK)
      ok =
          reid_error_set (error, part->error.status, "%s", part->error.message);
    else if (*job->stop)
      ok = FALSE;
    if (!ok)
      break;
    if (at + part->n < all)
      start_part (&w, &w.parts[turn ^ 1], at + part->n);
    ok = run_part (&w, part, counts, error);
    at += part->n;
    drop_pixels (part);
    if (ok)
      job->progress (at, all, job->data);
  }
  work_clear (&w);
  return ok && !*job->stop;
}
