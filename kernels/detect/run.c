/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames into the network, and its outputs into faces. */
#include "detect/detector.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE 640
#define DEFAULT_FACES 1024
/* Neither a frame nor what the network sees of it can hold a face on fewer
 * pixels a side. */
#define LEAST_SIDE 8

/* ---- from outputs to faces */

static bool
holds (const ReidDetector *detector, const ReidTensor *tensor, int output,
       int64_t n, ReidError *error)
{
  int64_t have = reid_tensor_count (tensor);

  if (have == n && tensor->data)
    return true;
  return reid_error_set (
      error, REID_ERROR_FORMAT,
      "%s: output %.60s has %lld values where a %dx%d input should give %lld",
      reid_session_path (detector->session),
      reid_session_output (detector->session, output)->name, (long long) have,
      detector->params.width, detector->params.height, (long long) n);
}

static bool
decode (ReidDetector *detector, const ReidTensor *out, ReidFaceList *list,
        ReidError *error)
{
  const ReidHeadOutputs *o = &detector->outputs;
  float threshold = reid_detector_threshold (detector);

  list->n = 0;
  if (o->head == REID_HEAD_YUNET) {
    for (int k = 0; k < REID_YUNET_STRIDES; k++) {
      int s = o->yunet[k].stride, cls = o->yunet[k].cls, obj = o->yunet[k].obj;
      int bbox = o->yunet[k].bbox, kps = o->yunet[k].kps;
      int rows = (detector->params.height + s - 1) / s;
      int columns = (detector->params.width + s - 1) / s;
      int64_t n = (int64_t) rows * columns;
      if (!holds (detector, &out[cls], cls, n, error)
          || !holds (detector, &out[obj], obj, n, error)
          || !holds (detector, &out[bbox], bbox, 4 * n, error)
          || !holds (detector, &out[kps], kps, 10 * n, error)
          || !reid_yunet_decode (out[cls].data, out[obj].data, out[bbox].data,
                                 out[kps].data, rows, columns, s, threshold,
                                 list, error))
        return false;
    }
    return true;
  }
  const ReidTensor *scores = &out[o->scores], *boxes = &out[o->boxes];
  if (o->head == REID_HEAD_BLAZEFACE)
    return holds (detector, scores, o->scores, REID_BLAZEFACE_ANCHORS, error)
           && holds (detector, boxes, o->boxes, 16 * REID_BLAZEFACE_ANCHORS,
                     error)
           && reid_blazeface_decode (scores->data, boxes->data,
                                     detector->centres, threshold, list, error);
  int64_t n = scores->rank == 3 ? scores->dims[1] : 0;
  return holds (detector, scores, o->scores, 2 * n, error)
         && holds (detector, boxes, o->boxes, 4 * n, error)
         && reid_ultralight_decode (
             scores->data, boxes->data, (int) n, detector->params.width,
             detector->params.height, threshold, list, error);
}

static void
drop_small (ReidFaceList *list, double least_height)
{
  int n = 0;

  for (int i = 0; i < list->n; i++)
    if (list->face[i].height >= least_height)
      list->face[n++] = list->face[i];
  list->n = n;
}

/* Input pixels to fractions of the frame. */
static void
place (ReidFaceList *list, const ReidImage *image, const ReidMapping *mapping)
{
  float fx = (float) (mapping->sx / image->width);
  float fy = (float) (mapping->sy / image->height);

  for (int i = 0; i < list->n; i++) {
    ReidFace *face = &list->face[i];
    face->left *= fx;
    face->width *= fx;
    face->top *= fy;
    face->height *= fy;
    for (int k = 0; k < 10; k += 2) {
      face->landmarks[k] *= fx;
      face->landmarks[k + 1] *= fy;
    }
  }
}

/* The part of a batch's outputs that is picture i of n. */
static bool
outputs_of (const ReidDetector *detector, const ReidTensor *all, int n, int i,
            ReidTensor *one, ReidError *error)
{
  int n_outputs = reid_session_n_outputs (detector->session);

  for (int k = 0; k < n_outputs; k++) {
    one[k] = all[k];
    if (n == 1)
      continue;
    if (all[k].rank < 1 || all[k].dims[0] != n)
      return reid_error_set (
          error, REID_ERROR_FORMAT,
          "%s: output %.60s is not one for each of %d pictures",
          reid_session_path (detector->session),
          reid_session_output (detector->session, k)->name, n);
    one[k].dims[0] = 1;
    one[k].data += i * reid_tensor_count (&one[k]);
  }
  return true;
}

static bool
find_faces (ReidDetector *detector, const ReidImage *image,
            const ReidMapping *mapping, const ReidTensor *out,
            ReidFaceList *list, ReidError *error)
{
  int most = detector->options.max_faces;

  if (!decode (detector, out, list, error))
    return false;
  drop_small (list, detector->options.min_size / mapping->sy);
  if (!reid_nms (list, detector->options.nms_threshold,
                 most ? most : DEFAULT_FACES, error))
    return false;
  place (list, image, mapping);
  return true;
}

/* ---- from frames to the network */

static void
choose_size (ReidDetector *detector, const ReidImage *image)
{
  ReidTensorParams *params = &detector->params;
  int longest = detector->options.inference_size;

  reid_free_input_size (image, longest ? longest : DEFAULT_SIZE, &params->width,
                        &params->height);
  if (detector->input.width)
    params->width = detector->input.width;
  if (detector->input.height)
    params->height = detector->input.height;
}

/* FALSE where there is nothing to be seen by the network; then detection->error
 * tells if that is a failure. */
static bool
looks (ReidDetector *detector, const ReidImage *image, ReidMapping *mapping,
       ReidDetection *detection)
{
  if (image->width < 1 || image->height < 1 || image->par_n < 1
      || image->par_d < 1)
    return reid_error_set (&detection->error, REID_ERROR_ARGUMENT,
                           "a frame without size or pixel aspect ratio");
  choose_size (detector, image);
  reid_image_mapping (image, &detector->params, mapping);
  return image->width >= LEAST_SIDE && image->height >= LEAST_SIDE
         && mapping->used_width >= LEAST_SIDE
         && mapping->used_height >= LEAST_SIDE;
}

/* The network sees the first n of detector->inputs, all of one size. Fills what
 * could be read, and drops the rest. */
static int
fill (ReidDetector *detector, const ReidImage *images, int n,
      ReidDetection *detections)
{
  int filled = 0;

  for (int i = 0; i < n; i++) {
    ReidDetectorInput input = detector->inputs[i];
    if (reid_context_input_image (
            detector->context, 0, filled, &images[input.frame],
            &detector->params, &input.mapping, &detections[input.frame].error))
      detector->inputs[filled++] = input;
  }
  return filled;
}

/* One run of the network on the first n of detector->inputs. False when that
 * failed as a whole. */
static bool
run_inputs (ReidDetector *detector, const ReidImage *images, int n,
            ReidDetection *detections, ReidError *error)
{
  ReidTensor in, out[REID_DETECTOR_OUTPUTS], one[REID_DETECTOR_OUTPUTS];
  ReidDetectorTimes *times = &detector->times;
  uint64_t start = reid_clock (), filled_at, run_at;

  in = (ReidTensor){ .rank = 4,
                     .dims = { n, detector->input.channels,
                               detector->params.height,
                               detector->params.width } };
  if (!reid_context_input (detector->context, 0, &in, error))
    return false;
  n = fill (detector, images, n, detections);
  filled_at = reid_clock ();
  times->letterbox += filled_at - start;
  if (n == 0)
    return true;
  in.dims[0] = n;
  bool ok = reid_context_run (detector->context, &in, out, error)
            && reid_session_check (detector->session, &in, out, NULL, error);
  detector->proven |= ok;
  run_at = reid_clock ();
  times->network += run_at - filled_at;
  for (int i = 0; i < n && ok; i++) {
    const ReidDetectorInput *input = &detector->inputs[i];
    ReidDetection *detection = &detections[input->frame];
    ReidFaceList *list = &detector->lists[input->frame];
    if (outputs_of (detector, out, n, i, one, &detection->error)
        && find_faces (detector, &images[input->frame], &input->mapping, one,
                       list, &detection->error)) {
      detection->faces = list->face;
      detection->n_faces = list->n;
    }
  }
  times->decode += reid_clock () - run_at;
  return ok;
}

/* The next frames that the network sees at one size, from *at on: at most as
 * many as one run takes. */
static int
next_inputs (ReidDetector *detector, const ReidImage *images, int n, int *at,
             ReidDetection *detections)
{
  ReidTensorParams size = detector->params;
  int taken = 0;

  for (; *at < n && taken < detector->most; ++*at) {
    ReidDetectorInput input = { .frame = *at };
    if (!looks (detector, &images[*at], &input.mapping, &detections[*at]))
      continue;
    if (taken > 0
        && (detector->params.width != size.width
            || detector->params.height != size.height))
      break;
    size = detector->params;
    detector->inputs[taken++] = input;
  }
  detector->params = size;
  return taken;
}

static bool
reserve (ReidDetector *detector, int n, ReidError *error)
{
  ReidDetectorInput *inputs;
  ReidFaceList *lists;

  if (n <= detector->n_lists)
    return true;
  inputs = realloc (detector->inputs, (size_t) n * sizeof *inputs);
  if (inputs)
    detector->inputs = inputs;
  lists = realloc (detector->lists, (size_t) n * sizeof *lists);
  if (lists)
    detector->lists = lists;
  if (!inputs || !lists)
    return reid_error_set (error, REID_ERROR_MEMORY, "no memory for %d frames",
                           n);
  memset (lists + detector->n_lists, 0,
          (size_t) (n - detector->n_lists) * sizeof *lists);
  detector->n_lists = n;
  return true;
}

/* Is the frame to be tried again, on the CPU? */
static bool
goes_on_elsewhere (ReidDetector *detector, ReidError *error)
{
  const ReidError why = *error;

  if (!reid_is_of_the_device (&why) || !reid_session_on_gpu (detector->session)
      || !(detector->proven || detector->automatic))
    return false;
  reid_error_clear (error);
  return reid_detector_move_to_cpu (detector, &why, error);
}

void
reid_detector_run_batch (ReidDetector *detector, const ReidImage *images, int n,
                         ReidDetection *detections)
{
  ReidError error = REID_ERROR_INIT;
  bool alone = false;

  for (int i = 0; i < n; i++)
    detections[i] = (ReidDetection){ .error = REID_ERROR_INIT };
  if (!reserve (detector, n, &error)) {
    for (int i = 0; i < n; i++)
      detections[i].error = error;
    return;
  }
  for (int at = 0, next, taken; at < n; at = next) {
    next = at;
    taken = next_inputs (detector, images, n, &next, detections);
    int batch = alone ? 1 : reid_session_batch (detector->session, taken);
    if (taken > batch) /* the rest is for another run */
      next = detector->inputs[batch].frame;
    if (taken == 0 || run_inputs (detector, images, batch, detections, &error))
      continue;
    bool again = true;
    if (batch == 1)
      again = goes_on_elsewhere (detector, &error);
    else if (error.status == REID_ERROR_MEMORY)
      detector->most = reid_session_batch (detector->session, batch - 1);
    else /* one frame must not take its neighbours with it */
      alone = true;
    if (again)
      next = detector->inputs[0].frame;
    else
      detections[detector->inputs[0].frame].error = error;
    reid_error_clear (&error);
  }
}

bool
reid_detector_run (ReidDetector *detector, const ReidImage *image,
                   const ReidFace **faces, int *n_faces, ReidError *error)
{
  ReidDetection detection;

  *faces = NULL;
  *n_faces = 0;
  if (!image)
    return reid_error_set (error, REID_ERROR_ARGUMENT, "no frame is given");
  reid_detector_run_batch (detector, image, 1, &detection);
  if (detection.error.status != REID_OK)
    return reid_error_set (error, detection.error.status, "%s",
                           detection.error.message);
  *faces = detection.faces;
  *n_faces = detection.n_faces;
  return true;
}
