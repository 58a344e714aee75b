/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/feed.h"

#include <stdlib.h>
#include <string.h>

/* Of a picture in a chunk: whatever a kernel may read at once. */
#define ALIGNMENT 256
/* A frame of 1080p, or twenty chips. */
#define LEAST_CHUNK ((size_t) 4 << 20)

/* The same bytes here and there. */
typedef struct Chunk {
  struct Chunk *next; /* older */
  char *host, *device;
  size_t size, used;
} Chunk;

struct ReidBackendFeed {
  ReidGpu gpu;
  ReidQueue queue; /* of the copies */
  cudaEvent_t copied;
  Chunk *chunks; /* the newest and largest first */
  Chunk jobs;    /* ReidGpuPicture, gathered when they are used */
  void *tables;  /* only there */
  size_t tables_size;
  ReidGpuPicture *pictures;
  int n, room;
};

static void
chunk_clear (const ReidGpu *gpu, Chunk *c)
{
  reid_gpu_free (gpu, c->device);
  reid_gpu_host_free (gpu, c->host);
  *c = (Chunk){ .next = c->next };
}

static bool
chunk_init (const ReidGpu *gpu, Chunk *c, size_t size, ReidError *error)
{
  c->device = reid_gpu_alloc (gpu, size, error);
  c->host = c->device ? reid_gpu_host_alloc (gpu, size) : NULL;
  if (c->host) {
    c->size = size;
    return true;
  }
  chunk_clear (gpu, c);
  return reid_error_set (error, REID_ERROR_MEMORY,
                         "no memory for pictures on their way to the GPU");
}

ReidGpuFeed *
reid_gpu_feed_new (const ReidGpu *gpu, ReidError *error)
{
  ReidGpuFeed *feed = calloc (1, sizeof *feed);

  if (!feed) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for pictures");
    return NULL;
  }
  feed->gpu = *gpu;
  feed->queue.host = gpu->host;
  if (gpu->host
      || (reid_gpu_use (gpu, error)
          && reid_gpu_ok (cudaStreamCreateWithFlags (&feed->queue.stream,
                                                     cudaStreamNonBlocking),
                          "a CUDA stream", error)
          && reid_gpu_ok (
              cudaEventCreateWithFlags (&feed->copied, cudaEventDisableTiming),
              "a CUDA event", error)))
    return feed;
  reid_gpu_feed_free (feed);
  return NULL;
}

void
reid_gpu_feed_free (ReidGpuFeed *feed)
{
  if (!feed)
    return;
  reid_gpu_feed_clear (feed, NULL);
  if (feed->chunks)
    chunk_clear (&feed->gpu, feed->chunks);
  free (feed->chunks);
  chunk_clear (&feed->gpu, &feed->jobs);
  reid_gpu_free (&feed->gpu, feed->tables);
  if (feed->copied)
    cudaEventDestroy (feed->copied);
  if (feed->queue.stream)
    cudaStreamDestroy (feed->queue.stream);
  free (feed->pictures);
  free (feed);
}

bool
reid_gpu_feed_clear (ReidGpuFeed *feed, ReidError *error)
{
  bool ok = reid_gpu_use (&feed->gpu, error)
            && (!feed->queue.stream
                || reid_gpu_wait (&feed->gpu, feed->queue, error));

  feed->n = 0;
  /* The newest has room for what all the others held, next time. */
  for (Chunk *c = feed->chunks ? feed->chunks->next : NULL, *next; c;
       c = next) {
    next = c->next;
    chunk_clear (&feed->gpu, c);
    free (c);
  }
  if (feed->chunks) {
    feed->chunks->next = NULL;
    feed->chunks->used = 0;
  }
  return ok;
}

int
reid_gpu_feed_count (const ReidGpuFeed *feed, int n)
{
  int count = 0;

  for (int i = 0; i < feed->n; i++)
    count += feed->pictures[i].place < n;
  return count;
}

static Chunk *
chunk_with (ReidGpuFeed *feed, size_t size, ReidError *error)
{
  Chunk *c = feed->chunks;

  if (c && c->size - c->used >= size)
    return c;
  size_t want = c ? 2 * c->size : LEAST_CHUNK;
  while (want < size)
    want *= 2;
  c = calloc (1, sizeof *c);
  if (!c) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for pictures");
    return NULL;
  }
  if (!chunk_init (&feed->gpu, c, want, error)) {
    free (c);
    return NULL;
  }
  c->next = feed->chunks;
  feed->chunks = c;
  return c;
}

/* Room for one more; and none at this place. */
static bool
make_room (ReidGpuFeed *feed, int place, ReidError *error)
{
  for (int i = 0; i < feed->n; i++)
    if (feed->pictures[i].place == place) {
      feed->pictures[i] = feed->pictures[--feed->n];
      return true;
    }
  if (feed->n == feed->room) {
    int room = feed->room ? 2 * feed->room : 16;
    ReidGpuPicture *more =
        realloc (feed->pictures, (size_t) room * sizeof *more);
    if (!more)
      return reid_error_set (error, REID_ERROR_MEMORY,
                             "no memory for pictures");
    feed->pictures = more;
    feed->room = room;
  }
  return true;
}

static size_t
rounded (size_t size)
{
  return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

bool
reid_gpu_feed_add (ReidGpuFeed *feed, int place, const ReidRecipe *recipe,
                   ReidError *error)
{
  size_t size = 0, at;

  for (int p = 0; p < recipe->n_planes; p++)
    size += rounded (recipe->row_bytes[p] * (size_t) recipe->rows[p]);
  Chunk *c = make_room (feed, place, error) && reid_gpu_use (&feed->gpu, error)
                 ? chunk_with (feed, size, error)
                 : NULL;
  if (!c)
    return false;
  at = c->used;
  ReidRecipe r = *recipe;
  for (int p = 0; p < r.n_planes; p++) {
    size_t row = r.row_bytes[p];
    char *to = c->host + at;
    for (int y = 0; y < r.rows[p]; y++)
      memcpy (to + (size_t) y * row, recipe->plane[p] + y * recipe->stride[p],
              row);
    r.plane[p] = (const uint8_t *) c->device + at;
    r.stride[p] = (ptrdiff_t) row;
    at += rounded (row * (size_t) r.rows[p]);
  }
  if (!reid_gpu_upload (&feed->gpu, feed->queue, c->device + c->used,
                        c->host + c->used, size, error))
    return false;
  c->used = at;
  feed->pictures[feed->n].recipe = r;
  feed->pictures[feed->n++].place = place;
  return true;
}

/* Memory for tables and jobs, and the jobs with their places in it. */
static bool
gather (ReidGpuFeed *feed, int *longest, ReidError *error)
{
  const ReidGpu *gpu = &feed->gpu;
  size_t tables = 0, at = 0, jobs = (size_t) feed->n * sizeof (ReidGpuPicture);

  *longest = 1;
  for (int i = 0; i < feed->n; i++) {
    ReidGpuPicture *p = &feed->pictures[i];
    reid_cuda_taps_size (p);
    tables += p->tables;
    for (int t = 0; t < REID_TAPS; t++)
      *longest = p->taps[t].n > *longest ? p->taps[t].n : *longest;
  }
  if (tables > feed->tables_size) {
    reid_gpu_free (gpu, feed->tables);
    feed->tables_size = 0;
    feed->tables = reid_gpu_alloc (gpu, tables + tables / 2, error);
    if (!feed->tables)
      return false;
    feed->tables_size = tables + tables / 2;
  }
  if (jobs > feed->jobs.size) {
    chunk_clear (gpu, &feed->jobs);
    if (!chunk_init (gpu, &feed->jobs, 2 * jobs, error))
      return false;
  }
  for (int i = 0; i < feed->n; i++) {
    ReidGpuPicture *p = &feed->pictures[i];
    reid_cuda_taps_place (p, (char *) feed->tables + at);
    at += p->tables;
  }
  memcpy (feed->jobs.host, feed->pictures, jobs);
  return reid_gpu_upload (gpu, feed->queue, feed->jobs.device, feed->jobs.host,
                          jobs, error);
}

bool
reid_gpu_feed_write (ReidGpuFeed *feed, ReidQueue queue, void *y,
                     const ReidBlocked *shape, bool dense, ReidError *error)
{
  const ReidGpuPicture *jobs;
  int longest;

  if (feed->n == 0)
    return true;
  if (!gather (feed, &longest, error)
      || (!feed->gpu.host
          && (!reid_gpu_ok (cudaEventRecord (feed->copied, feed->queue.stream),
                            "a CUDA event", error)
              || !reid_gpu_ok (
                  cudaStreamWaitEvent (queue.stream, feed->copied, 0),
                  "a CUDA event", error))))
    return false;
  jobs = (const ReidGpuPicture *) feed->jobs.device;
  return reid_gpu_ok (reid_cuda_taps (queue, jobs, feed->n, longest),
                      "filtering pictures on the GPU", error)
         && reid_gpu_ok (
             reid_cuda_pictures (queue, jobs, feed->n, y, shape, dense),
             "filtering pictures on the GPU", error);
}
