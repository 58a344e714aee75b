/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/network.h"

#include "embed/align.h"
#include "embed/vector.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a network without a fixed input size gets. */
#define DEFAULT_SIDE 112
#define MOST_SIDE 1024
#define MOST_DIMS 65536
#define MOST_OUTPUTS 64
/* Pictures a run. On a CPU MobileFaceNet takes the same time a picture from 1
 * to 16 and gains nothing above, where the activations leave the caches. A GPU
 * wants as many as fill it: an H100 makes a tenth more at 256 than at 64 of
 * IR-50. Powers of two or four keep the plans few, of which a GPU's take
 * seconds to make. */
#define CPU_BATCH 16
#define GPU_FIRST_BATCH 64
#define GPU_MOST_BATCH 1024

static ReidTensor
input_of (const ReidNetwork *network, int n)
{
  return (ReidTensor){ .rank = 4,
                       .dims = { n, network->channels, network->params.height,
                                 network->params.width } };
}

static bool
read_input (ReidNetwork *network, const char *file, ReidError *error)
{
  const ReidTensorInfo *in = reid_session_input (network->session, 0);
  const int64_t *d = in->dims;

  if (reid_session_n_inputs (network->session) != 1 || in->rank != 4
      || (d[1] != 1 && d[1] != 3) || d[2] > MOST_SIDE || d[3] > MOST_SIDE)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "%s is no face embedder: its input is not one "
                           "picture of shape [batch, 1 or 3, height, width] of "
                           "at most %d pixels a side",
                           file, MOST_SIDE);
  network->channels = (int) d[1];
  network->params.height = d[2] > 0 ? (int) d[2] : DEFAULT_SIDE;
  network->params.width = d[3] > 0 ? (int) d[3] : DEFAULT_SIDE;
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
read_output (ReidNetwork *network, const char *file, ReidError *error)
{
  int n = reid_session_n_outputs (network->session);
  ReidTensor in = input_of (network, 1), out[MOST_OUTPUTS];
  char shape[128] = "[]";

  if (network->layers) {
    if (!reid_session_infer (network->session, &in, out, error)
        || !reid_layers_bind (network->layers, network->session, out, error))
      return false;
    network->dims = network->layers->dims;
    return network->dims <= MOST_DIMS
           || reid_error_set (error, REID_ERROR_ARGUMENT,
                              "%s: its layers have %d numbers together, more "
                              "than %d; give them widths",
                              file, network->dims, MOST_DIMS);
  }
  if (n == 1) {
    if (!reid_session_infer (network->session, &in, out, error))
      return false;
    network->dims = vector_dims (&out[0], 1);
    if (network->dims)
      return true;
    describe (&out[0], shape, sizeof shape);
  }
  const char *name =
      n > 0 ? reid_session_output (network->session, 0)->name : NULL;
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
apply_info (ReidNetwork *network, const ReidEmbedderInfo *given,
            const char *file, ReidError *error)
{
  ReidEmbedderInfo info;

  reid_embedder_info_init (&info);
  if (network->channels == 1)
    info.channels = REID_CHANNELS_GRAY;
  if (given)
    info = *given;
  if ((info.channels == REID_CHANNELS_GRAY ? 1 : 3) != network->channels)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%s: the input has %d channels, which the channels "
                           "of its .modelinfo contradict",
                           file, network->channels);
  for (int i = 0; i < 10; i++)
    if (!isfinite (info.landmarks[i]))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: the landmarks of its .modelinfo are not "
                             "finite",
                             file);
  for (int c = 0; c < network->channels; c++)
    if (!isfinite (info.mean[c]) || !isfinite (info.scale[c]))
      return reid_error_set (error, REID_ERROR_ARGUMENT,
                             "%s: mean or scale of its .modelinfo is not "
                             "finite",
                             file);
  network->params.channels = info.channels;
  memcpy (network->params.mean, info.mean, sizeof info.mean);
  memcpy (network->params.scale, info.scale, sizeof info.scale);
  reid_align_template (network->params.width, network->params.height,
                       network->landmarks);
  for (int i = 0; i < 10; i++)
    if (info.landmarks[i] != 0) {
      memcpy (network->landmarks, info.landmarks, sizeof info.landmarks);
      break;
    }
  return true;
}

static bool
open_session (ReidNetwork *network, const char *file,
              const ReidEmbedderOptions *options, ReidError *error)
{
  ReidSessionOptions session_options = { .device = options->device,
                                         .precision = options->precision,
                                         .gpu_failure = &network->moved };

  if (network->layers) {
    session_options.taps = network->layers->names;
    session_options.n_taps = network->layers->n;
    session_options.outputs = REID_OUTPUTS_TAPS;
  }
  network->automatic = reid_device_is_auto (options->device);
  network->session = reid_session_open (file, &session_options, error);
  return network->session != NULL;
}

/* And the batches that suit its device. */
static bool
open_context (ReidNetwork *network, ReidError *error)
{
  network->batchable = reid_session_batchable (network->session);
  if (!network->batchable)
    reid_growth_init (&network->growth, 1, 1, 2);
  else if (reid_session_on_gpu (network->session))
    reid_growth_init (&network->growth, GPU_FIRST_BATCH, GPU_MOST_BATCH, 4);
  else
    reid_growth_init (&network->growth, CPU_BATCH, CPU_BATCH, 2);
  network->context =
      reid_context_new (network->session, network->threads, error);
  if (!network->context || !reid_context_share (network->context, 0, error))
    return false;
  reid_context_limit_memory (network->context, network->memory_limit);
  return true;
}

bool
reid_network_open (ReidNetwork *network, const ReidEmbedderNetwork *as,
                   const ReidEmbedderOptions *options, ReidError *error)
{
  const ReidEmbedderOptions plain = { .device = NULL };
  const char *file = as->model_path;

  if (!options)
    options = &plain;
  if (as->layers && *as->layers) {
    network->layers = reid_layers_parse (as->layers, error);
    if (!network->layers)
      return false;
  }
  if (!open_session (network, file, options, error)
      || !read_input (network, file, error)
      || !read_output (network, file, error)
      || !apply_info (network, as->info, file, error)
      || !reid_session_sha256 (network->session, as->sha256, network->sha256,
                               error))
    return false;
  network->weight = as->weight;
  network->threads = options->threads;
  network->memory_limit = options->memory_limit;
  reid_session_moved_reason (NULL, network->session, &network->moved,
                             network->reason, sizeof network->reason);
  return open_context (network, error);
}

static void
leave_device (ReidNetwork *network)
{
  reid_context_free (network->context);
  reid_session_unref (network->session);
}

void
reid_network_close (ReidNetwork *network)
{
  leave_device (network);
  reid_layers_free (network->layers);
  memset (network, 0, sizeof *network);
}

static bool
run_empty (ReidNetwork *network, ReidError *error)
{
  ReidTensor in = input_of (network, 1), out[MOST_OUTPUTS];

  if (!reid_context_input (network->context, 0, &in, error))
    return false;
  memset (in.data, 0, (size_t) reid_tensor_count (&in) * sizeof *in.data);
  return reid_context_run (network->context, &in, out, error);
}

static bool
may_move (const ReidNetwork *network, const ReidError *why)
{
  return reid_is_of_the_device (why) && reid_session_on_gpu (network->session)
         && (network->proven || network->automatic);
}

/* Where it fails all stays as it is. */
static bool
move_to_cpu (ReidNetwork *network, const ReidError *why, ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidNetwork moved = *network;

  moved.session =
      reid_session_to_cpu (network->session, network->sha256, &local);
  moved.context = NULL;
  moved.memory_batch = 0;
  moved.moved = *why;
  if (network->proven) /* it was the GPU's */
    moved.memory_limit = 0;
  if (!moved.session || !open_context (&moved, &local)
      || !run_empty (&moved, &local)) {
    leave_device (&moved);
    return reid_session_not_moved (why, &local, error);
  }
  reid_session_moved_reason (network->session, moved.session, why, moved.reason,
                             sizeof moved.reason);
  leave_device (network);
  *network = moved;
  return true;
}

bool
reid_network_try (ReidNetwork *network, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;

  network->proven =
      run_empty (network, &why)
      || (may_move (network, &why)
              ? move_to_cpu (network, &why, error)
              : reid_error_set (error, why.status, "%s", why.message));
  return network->proven;
}

/* Picture i of the next run is face `index`. */
static bool
fill (const ReidNetwork *network, const ReidFacePicture *picture, int i,
      int index, ReidError *error)
{
  const ReidTensorParams *params = &network->params;
  double matrix[6];

  if (!picture->rgb || picture->width < 1 || picture->height < 1)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "face %d: no picture",
                           index);
  if (!reid_align (picture, network->landmarks, params->width, params->height,
                   matrix))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "face %d: neither its landmarks nor its box can be "
                           "aligned",
                           index);
  if (reid_context_input_warp (network->context, 0, i, picture->rgb,
                               picture->width, picture->height, picture->stride,
                               matrix, params, error))
    return true;
  reid_error_prefix (error, "face %d", index);
  return false;
}

static bool
finish (ReidNetwork *network, const ReidTensor *outputs, int at, int index,
        double length, float *out, ReidError *error)
{
  if (network->layers) {
    if (reid_layers_vector (network->layers, outputs, at,
                            length > 0 ? length : 1, out, error))
      return true;
    reid_error_prefix (error, "face %d", index);
    return false;
  }
  const float *vector = outputs->data + (size_t) at * (size_t) network->dims;
  double norm2 = reid_vector_norm2 (vector, network->dims);
  if (norm2 > 0 && isfinite (norm2)) {
    if (length > 0)
      reid_vector_scale (vector, network->dims, norm2, length, out);
    else
      memcpy (out, vector, (size_t) network->dims * sizeof *out);
    return true;
  }
  return reid_error_set (error, REID_ERROR_FORMAT,
                         "face %d: the vector that %s makes of it is %s", index,
                         reid_session_path (network->session),
                         norm2 == 0 ? "zero" : "not finite");
}

static bool
has_rows (const ReidNetwork *network, const ReidTensor *outputs, int n)
{
  if (!network->layers)
    return vector_dims (outputs, n) == network->dims;
  for (int i = 0; i < network->layers->n; i++)
    if (outputs[i].dims[0] != n)
      return false;
  return true;
}

/* `first` is only for messages. */
static bool
run_batch (ReidNetwork *network, const ReidFacePicture *pictures, int n,
           int first, double length, float *out, size_t stride,
           ReidError *error)
{
  ReidTensor in = input_of (network, n), results[MOST_OUTPUTS];
  uint64_t start = reid_clock (), aligned;
  int bad = 0;

  if (!reid_context_input (network->context, 0, &in, error))
    return false;
  for (int i = 0; i < n; i++)
    if (!fill (network, &pictures[i], i, first + i, error))
      return false;
  aligned = reid_clock ();
  network->times.align += aligned - start;
  bool ok = reid_context_run (network->context, &in, results, error);
  network->times.network += reid_clock () - aligned;
  if (!ok)
    return false;
  if (!reid_session_check (network->session, &in, results, &bad, error)) {
    reid_error_prefix (error, "face %d", first + bad);
    return false;
  }
  if (!has_rows (network, results, n))
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "%s did not give one vector a face",
                           reid_session_path (network->session));
  for (int i = 0; i < n; i++)
    if (!finish (network, results, i, first + i, length,
                 out + (size_t) i * stride, error))
      return false;
  return true;
}

bool
reid_network_run (ReidNetwork *network, const ReidFacePicture *pictures, int n,
                  double length, float *out, size_t stride, ReidError *error)
{
  ReidGrowth *growth = &network->growth;
  ReidError why = REID_ERROR_INIT;

  for (int done = 0; done < n;) {
    int batch = reid_growth_take (growth, n - done);
    uint64_t start = reid_clock ();
    if (run_batch (network, pictures + done, batch, done, length,
                   out + (size_t) done * stride, stride, &why)) {
      reid_growth_ran (growth, batch, (double) (reid_clock () - start) * 1e-9);
      network->proven = true;
      done += batch;
    } else if (why.status == REID_ERROR_MEMORY
               && reid_growth_no_memory (growth, batch)) {
      network->memory_batch = growth->most;
      reid_error_clear (&why);
    } else if (may_move (network, &why)) {
      if (!move_to_cpu (network, &why, error))
        return false;
      reid_error_clear (&why);
    } else {
      return reid_error_set (error, why.status, "%s", why.message);
    }
  }
  return true;
}
