/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/embed.h"

#include "embed/vector.h"
#include "nn/nn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a network without a fixed input size gets. */
#define DEFAULT_SIDE 112
#define MOST_SIDE 1024
#define MOST_DIMS 65536
#define MOST_OUTPUTS 64
/* Pictures a run. On a CPU MobileFaceNet takes the same time a picture from 1
 * to 16 and gains nothing above, where the activations leave the caches; a GPU
 * wants as many as fill it. Powers of two or four keep the plans few, of which
 * a GPU's take seconds to make. */
#define CPU_BATCH 16
#define GPU_BATCH 256

struct ReidEmbedder {
  ReidSession *session;
  ReidContext *context;
  bool batchable;
  int batch, step; /* most pictures a run; what a smaller run is divided by */
  int channels, dims;
  ReidTensorParams params;
  double landmarks[10];
};

void
reid_embedder_info_init (ReidEmbedderInfo *info)
{
  *info = (ReidEmbedderInfo){ .channels = REID_CHANNELS_RGB, .threshold = NAN };
  for (int c = 0; c < 3; c++) {
    info->mean[c] = 127.5f;
    info->scale[c] = 1 / 127.5f;
  }
}

static ReidTensor
input_of (const ReidEmbedder *embedder, int n)
{
  return (ReidTensor){ .rank = 4,
                       .dims = { n, embedder->channels, embedder->params.height,
                                 embedder->params.width } };
}

static bool
read_input (ReidEmbedder *embedder, const char *file, ReidError *error)
{
  const ReidTensorInfo *in = reid_session_input (embedder->session, 0);
  const int64_t *d = in->dims;

  if (reid_session_n_inputs (embedder->session) != 1 || in->rank != 4
      || (d[1] != 1 && d[1] != 3) || d[2] > MOST_SIDE || d[3] > MOST_SIDE)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s is no face embedder: its input is not one "
                           "picture of shape [batch, 1 or 3, height, width] of "
                           "at most %d pixels a side",
                           file, MOST_SIDE);
  embedder->channels = (int) d[1];
  embedder->params.height = d[2] > 0 ? (int) d[2] : DEFAULT_SIDE;
  embedder->params.width = d[3] > 0 ? (int) d[3] : DEFAULT_SIDE;
  return true;
}

static void
describe (const ReidTensor *t, char *text, size_t size)
{
  size_t at = (size_t) snprintf (text, size, "[");

  for (int i = 0; i < t->rank && at < size; i++)
    at += (size_t) snprintf (text + at, size - at, "%s%lld", i ? "," : "",
                             (long long) t->dims[i]);
  if (at < size)
    snprintf (text + at, size - at, "]");
}

/* [1, D] or [1, D, 1, 1]; 0 when it is neither. */
static int
vector_dims (const ReidTensor *t, int n)
{
  if ((t->rank != 2 && t->rank != 4) || t->dims[0] != n || t->dims[1] < 2
      || t->dims[1] > MOST_DIMS)
    return 0;
  for (int i = 2; i < t->rank; i++)
    if (t->dims[i] != 1)
      return 0;
  return (int) t->dims[1];
}

static bool
read_output (ReidEmbedder *embedder, const char *file, ReidError *error)
{
  int n = reid_session_n_outputs (embedder->session);
  ReidTensor in = input_of (embedder, 1), out[MOST_OUTPUTS];
  char shape[128] = "[]";

  if (n == 1) {
    if (!reid_session_infer (embedder->session, &in, out, error))
      return false;
    embedder->dims = vector_dims (&out[0], 1);
    if (embedder->dims)
      return true;
    describe (&out[0], shape, sizeof shape);
  }
  const char *name =
      n > 0 ? reid_session_output (embedder->session, 0)->name : NULL;
  if (n == 1)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s is no face embedder: its output %.60s is %s for "
                           "one face, not one vector [1,D]",
                           file, name ? name : "", shape);
  return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                         "%s is no face embedder: it has %d outputs (%.60s, "
                         "...) where one vector [N,D] is expected; is it a "
                         "detector?",
                         file, n, name ? name : "");
}

static bool
apply_info (ReidEmbedder *embedder, const ReidEmbedderInfo *given,
            const char *file, ReidError *error)
{
  ReidEmbedderInfo info;

  reid_embedder_info_init (&info);
  if (embedder->channels == 1)
    info.channels = REID_CHANNELS_GRAY;
  if (given)
    info = *given;
  if ((info.channels == REID_CHANNELS_GRAY ? 1 : 3) != embedder->channels)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: the input has %d channels, which the channels "
                           "of its .modelinfo contradict",
                           file, embedder->channels);
  for (int i = 0; i < 10; i++)
    if (!isfinite (info.landmarks[i]))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: the landmarks of its .modelinfo are not "
                             "finite",
                             file);
  for (int c = 0; c < embedder->channels; c++)
    if (!isfinite (info.mean[c]) || !isfinite (info.scale[c]))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: mean or scale of its .modelinfo is not "
                             "finite",
                             file);
  embedder->params.channels = info.channels;
  memcpy (embedder->params.mean, info.mean, sizeof info.mean);
  memcpy (embedder->params.scale, info.scale, sizeof info.scale);
  memcpy (embedder->landmarks, info.landmarks, sizeof info.landmarks);
  return true;
}

ReidEmbedder *
reid_embedder_new (const char *model_path, const ReidEmbedderInfo *info,
                   const ReidEmbedderOptions *options, ReidError *error)
{
  ReidSessionOptions session_options = { options ? options->device : NULL,
                                         options ? options->precision
                                                 : REID_PRECISION_AUTO };
  int threads = options ? options->threads : 0;
  ReidEmbedder *embedder = calloc (1, sizeof *embedder);

  if (!embedder) {
    reid_error_set (error, REID_ERROR_MEMORY, "no memory for an embedder");
    return NULL;
  }
  embedder->session = reid_session_open (model_path, &session_options, error);
  if (!embedder->session || !read_input (embedder, model_path, error)
      || !read_output (embedder, model_path, error)
      || !apply_info (embedder, info, model_path, error))
    goto fail;
  embedder->batchable = reid_session_batchable (embedder->session);
  bool gpu = reid_session_on_gpu (embedder->session);
  embedder->batch = !embedder->batchable ? 1 : gpu ? GPU_BATCH : CPU_BATCH;
  embedder->step = gpu ? 4 : 2;
  embedder->context = reid_context_new (embedder->session, threads, error);
  if (embedder->context)
    return embedder;
fail:
  reid_embedder_free (embedder);
  return NULL;
}

void
reid_embedder_free (ReidEmbedder *embedder)
{
  if (!embedder)
    return;
  reid_context_free (embedder->context);
  if (embedder->session)
    reid_session_unref (embedder->session);
  free (embedder);
}

int
reid_embedder_dims (const ReidEmbedder *embedder)
{
  return embedder->dims;
}

bool
reid_embedder_batchable (const ReidEmbedder *embedder)
{
  return embedder->batchable;
}

int
reid_embedder_batch (const ReidEmbedder *embedder)
{
  return embedder->batch;
}

const char *
reid_embedder_device (const ReidEmbedder *embedder)
{
  return reid_session_device (embedder->session);
}

const char *
reid_embedder_device_reason (const ReidEmbedder *embedder)
{
  return reid_session_device_reason (embedder->session);
}

static bool
fill (const ReidEmbedder *embedder, const ReidFacePicture *picture, int index,
      float *out, ReidError *error)
{
  const ReidTensorParams *params = &embedder->params;
  double matrix[6];

  if (!picture->rgb || picture->width < 1 || picture->height < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "face %d: no picture",
                           index);
  if (!reid_align (picture, embedder->landmarks, params->width, params->height,
                   matrix))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "face %d: neither its landmarks nor its box can be "
                           "aligned",
                           index);
  if (reid_image_warp (picture->rgb, picture->width, picture->height,
                       picture->stride, matrix, params, out, error))
    return true;
  reid_error_prefix (error, "face %d", index);
  return false;
}

static bool
finish (const ReidEmbedder *embedder, const float *vector, int index,
        bool normalize, float *out, ReidError *error)
{
  double norm2 = reid_vector_norm2 (vector, embedder->dims);

  if (norm2 > 0 && isfinite (norm2)) {
    if (normalize)
      reid_vector_scale (vector, embedder->dims, norm2, out);
    else
      memcpy (out, vector, (size_t) embedder->dims * sizeof *out);
    return true;
  }
  return reid_error_set (error, REID_ERROR_FORMAT,
                         "face %d: the vector that %s makes of it is %s", index,
                         reid_session_path (embedder->session),
                         norm2 == 0 ? "zero" : "not finite");
}

/* `first` is only for messages. */
static bool
run_batch (ReidEmbedder *embedder, const ReidFacePicture *pictures, int n,
           int first, bool normalize, float *out, ReidError *error)
{
  const ReidTensorParams *params = &embedder->params;
  size_t size = (size_t) embedder->channels * (size_t) params->width
                * (size_t) params->height;
  ReidTensor in = input_of (embedder, n), result;
  int bad = 0;

  if (!reid_context_input (embedder->context, 0, &in, error))
    return false;
  for (int i = 0; i < n; i++)
    if (!fill (embedder, &pictures[i], first + i, in.data + (size_t) i * size,
               error))
      return false;
  if (!reid_context_run (embedder->context, &in, &result, error))
    return false;
  if (!reid_session_check (embedder->session, &in, &result, &bad, error)) {
    reid_error_prefix (error, "face %d", first + bad);
    return false;
  }
  if (vector_dims (&result, n) != embedder->dims)
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "%s did not give one vector a face",
                           reid_session_path (embedder->session));
  for (int i = 0; i < n; i++) {
    size_t at = (size_t) i * (size_t) embedder->dims;
    if (!finish (embedder, result.data + at, first + i, normalize, out + at,
                 error))
      return false;
  }
  return true;
}

bool
reid_embedder_run (ReidEmbedder *embedder, const ReidFacePicture *pictures,
                   int n, bool normalize, float *out, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;

  for (int done = 0; done < n;) {
    int batch = embedder->batch;
    while (batch > n - done)
      batch /= embedder->step;
    if (run_batch (embedder, pictures + done, batch, done, normalize,
                   out + (size_t) done * (size_t) embedder->dims, &why)) {
      done += batch;
    } else if (why.status == REID_ERROR_MEMORY && batch > 1) {
      embedder->batch = batch / embedder->step;
      reid_error_clear (&why);
    } else {
      return reid_error_set (error, why.status, "%s", why.message);
    }
  }
  return true;
}
