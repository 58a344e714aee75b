/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_H
#define REID_NN_H

/* The engine: an ONNX file in, tensors in, tensors out.
 *
 *   session   one loaded network on one device: immutable, reference counted,
 *             shared by every thread, and opened once per process for the same
 *             file, device, precision and outputs
 *   context   one user's own working memory and plans for a session; used by
 *             one thread at a time
 *
 * The same input gives the same output bytes for every batch size and thread
 * count of one device and precision: nobody can tell whose pictures went
 * through the network beside one's own. */

#include "base/base.h"
#include "base/sha256.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REID_MAX_RANK 8
#define REID_DIM_FREE (-1)

typedef struct ReidSession ReidSession;
typedef struct ReidContext ReidContext;

/* Dense, row-major float32. */
typedef struct {
  int rank;
  int64_t dims[REID_MAX_RANK];
  float *data;
} ReidTensor;
/* Numbers in it. */
REID_API int64_t reid_tensor_count (const ReidTensor *tensor);

typedef struct {
  const char *name;
  int rank;                    /* -1 when the file does not say */
  int64_t dims[REID_MAX_RANK]; /* REID_DIM_FREE where any size is accepted */
  const char *type; /* the file's operator that gives it; NULL for an input */
} ReidTensorInfo;

/* In what numbers weights and values are stored; sums are f32 in all. */
typedef enum {
  REID_PRECISION_AUTO, /* the fastest with which answers stay the same people:
                          f16 on GPUs, bf16 on CPUs with AMX, else f32 */
  REID_PRECISION_F32,
  REID_PRECISION_BF16,
  REID_PRECISION_F16
} ReidPrecision;

/* Which of a network's tensors a session gives. */
typedef enum {
  REID_OUTPUTS_OWN,  /* the file's outputs, then the taps */
  REID_OUTPUTS_TAPS, /* the taps alone: what only other outputs need is neither
                        computed nor kept, and may be beyond what the engine
                        supports */
  REID_OUTPUTS_ALL /* what every node gives: for lists of what may be tapped */
} ReidOutputChoice;

typedef struct {
  /* "auto", "cpu", "cuda" or "cuda:N" (the GPU of that number, from 0), or a
   * backend's name ("reference", "dnnl", "cudnn"); NULL is "auto". */
  const char *device;
  ReidPrecision precision;
  /* Inner tensors that become outputs, in this order. Each is named by its own
   * name, by its node's (whose first output it is), or by a module's, as
   * exporters put it before the names of its nodes: "layer2" is the last node
   * below "/layer2/" or "layer2/". One that the file does not have is an error
   * that tells names near to it. */
  const char *const *taps;
  int n_taps;
  ReidOutputChoice outputs;
  /* Results are places in a picture, as a detector's: then AUTO is not bf16,
   * whose 8 bits are a pixel of a box that is 250 pixels wide. */
  bool places;
  /* Where a GPU fails to take the network and AUTO therefore means the CPU:
   * what it said; else it is left alone. May be NULL. */
  ReidError *gpu_failure;
} ReidSessionOptions;

/* NULL, "" and "auto". */
REID_API bool reid_device_is_auto (const char *device);
/* For want of memory, or of a device that works: might another device do? */
REID_API bool reid_is_of_the_device (const ReidError *error);

/* Is there an NVIDIA GPU for which the module is missing, or with which it
 * cannot work? Then one line on what to install. Any thread. */
REID_API bool reid_gpu_advice (char *line, size_t size);

/* "auto", "f32", "bf16", "f16". */
REID_API const char *reid_precision_name (ReidPrecision precision);
/* False where there is no such precision. */
REID_API bool reid_precision_parse (const char *name, ReidPrecision *precision);

/* Opens, parses, checks and optimises the file; or returns another reference
 * to the session that is already open for it. The error names file, node and
 * reason. */
REID_API ReidSession *reid_session_open (const char *path,
                                         const ReidSessionOptions *options,
                                         ReidError *error);
/* The same from memory (copied), never shared; `name` is for messages. */
REID_API ReidSession *
reid_session_open_memory (const void *data, size_t size, const char *name,
                          const ReidSessionOptions *options, ReidError *error);
REID_API ReidSession *reid_session_ref (ReidSession *session);
REID_API void reid_session_unref (ReidSession *session);
/* Sessions alive in the process now (the registry's and the private ones). */
REID_API int reid_session_count (void);
/* Networks that were read and compiled in the process so far. */
REID_API uint64_t reid_session_loads (void);

REID_API const char *reid_session_path (const ReidSession *session);
/* Files beside the network's own in which weights of it lie; NULL after the
 * last. */
REID_API const char *reid_session_data_file (const ReidSession *session, int i);
/* Of the network's file and of those beside it together. `known`: the network's
 * file's own, which then is not read, or NULL. */
REID_API bool reid_session_sha256 (const ReidSession *session,
                                   const char *known,
                                   char sha256[REID_SHA256_TEXT],
                                   ReidError *error);
/* The same network with the same outputs on the CPU, in f32: for when its GPU
 * has failed. An error where its files do not have this sum any more. */
REID_API ReidSession *reid_session_to_cpu (const ReidSession *session,
                                           const char *sha256,
                                           ReidError *error);
/* Tells why it could not go there, after what the GPU had said; false. */
REID_API bool reid_session_not_moved (const ReidError *gpu,
                                      const ReidError *cpu, ReidError *error);
/* The device reason of a network that went from one to the other for that
 * error, or, with NULL, was opened there; REID_OK: there was none. */
REID_API void reid_session_moved_reason (const ReidSession *from,
                                         const ReidSession *to,
                                         const ReidError *why, char *reason,
                                         size_t size);
/* Name of the backend that runs it, and a one-line description of why it was
 * chosen, with versions ("dnnl: oneDNN 2.6.3, avx512_core"). */
REID_API const char *reid_session_device (const ReidSession *session);
REID_API const char *reid_session_device_reason (const ReidSession *session);
/* Does it run on a GPU, which wants large batches? */
REID_API bool reid_session_on_gpu (const ReidSession *session);
/* What it runs in; never AUTO. */
REID_API ReidPrecision reid_session_precision (const ReidSession *session);
/* True where the first dimension of every input and output may be any batch
 * size: the file says so, or it says 1 and the graph was found to be exact for
 * any (every operator works on each picture alone). */
REID_API bool reid_session_batchable (const ReidSession *session);
/* How many of n pictures one run should take: a power of two on a CPU, at most
 * 16, above which the values leave the caches; a power of four on a GPU, at
 * most 256. So plans, of which a GPU's take seconds to make, stay few. 1 where
 * batches are not possible. n: 1 or more. */
REID_API int reid_session_batch (const ReidSession *session, int n);
REID_API int reid_session_n_inputs (const ReidSession *session);
REID_API int reid_session_n_outputs (const ReidSession *session);
REID_API const ReidTensorInfo *reid_session_input (const ReidSession *session,
                                                   int i);
REID_API const ReidTensorInfo *reid_session_output (const ReidSession *session,
                                                    int i);
/* Output shapes for given input shapes, without running. `out` has n_outputs
 * entries; data is left alone. */
REID_API bool reid_session_infer (ReidSession *session,
                                  const ReidTensor *inputs, ReidTensor *out,
                                  ReidError *error);
/* Multiply-accumulates of convolutions and inner products for these input
 * shapes; -1 when the shapes do not fit. */
REID_API int64_t reid_session_macs (ReidSession *session,
                                    const ReidTensor *inputs);

/* threads: 0 = as many as the machine has. Takes its own reference. */
REID_API ReidContext *reid_context_new (ReidSession *session, int threads,
                                        ReidError *error);
REID_API void reid_context_free (ReidContext *context);
/* The most memory that the session's weights and plans may take when a run of
 * this context needs another plan: the device's memory, on a CPU weights and
 * working memory. What does not fit fails with REID_ERROR_MEMORY, after plans
 * that nobody uses have made room; of contexts that run one plan at the same
 * time one is counted, and pictures on their way to a GPU are not. 0 = no limit
 * but what there is. */
REID_API void reid_context_limit_memory (ReidContext *context, size_t bytes);
/* From now on its runs meet those of the session's other contexts that share:
 * as many go on at a time as the device has room for (two on a GPU; on a CPU as
 * many as have a processor for each of their threads), first come, first
 * served; and what waits with the same shapes goes through the network as one
 * batch of up to `most` pictures. A run that fails for several is made again
 * for each alone. 0 does what pays: all that fit on a GPU; on a CPU, as where
 * the session takes no batches, the context is left as it is. */
REID_API bool reid_context_share (ReidContext *context, int most,
                                  ReidError *error);
/* Runs that contexts which share were asked for so far, and those that were
 * made of them. */
REID_API void reid_session_shared_runs (ReidSession *session, uint64_t *asked,
                                        uint64_t *made);
/* Where to put the input: a buffer of the plan for these shapes, so that a
 * caller can write straight into it; valid until the next call with another
 * shape. tensor->rank and dims are read, tensor->data is written. */
REID_API bool reid_context_input (ReidContext *context, int i,
                                  ReidTensor *tensor, ReidError *error);
/* Or have it filled: picture k of input i, for which reid_context_input() was
 * asked as [pictures, channels, height, width] just before, becomes what
 * reid_image_to_tensor() or reid_image_warp() makes. A GPU is given the
 * picture as it is, and makes the input when it runs: then the buffer does not
 * have it, and is not to be written where a picture was given. Other pictures
 * are taken from the buffer. The picture's memory is the caller's again when
 * the call returns; what was given holds until the next reid_context_input()
 * for this input, and fewer pictures may be run than were given. */
REID_API bool reid_context_input_image (ReidContext *context, int i, int k,
                                        const ReidImage *image,
                                        const ReidTensorParams *params,
                                        ReidMapping *mapping, ReidError *error);
REID_API bool reid_context_input_warp (ReidContext *context, int i, int k,
                                       const uint8_t *rgb, int width,
                                       int height, ptrdiff_t stride,
                                       const double matrix[6],
                                       const ReidTensorParams *params,
                                       ReidError *error);
/* Makes the plan for these shapes now, so that the first run is as quick as the
 * next (on a GPU that has not seen them yet, plans are compiled and timed:
 * seconds to minutes; they are kept in the user's cache). Data is not looked
 * at. */
REID_API bool reid_context_prepare (ReidContext *context,
                                    const ReidTensor *inputs, ReidError *error);
/* Runs on the given inputs (data may be the caller's or that of
 * reid_context_input()). `outputs` has n_outputs entries; their data belongs
 * to the context and is valid until its next run. */
REID_API bool reid_context_run (ReidContext *context, const ReidTensor *inputs,
                                ReidTensor *outputs, ReidError *error);

/* What reid_context_run() made of these inputs: is all of it finite? Else
 * *picture (of a batch; or NULL) is the first that has a NaN or an infinity in
 * an output, and the error names the node that was the first to give one. To
 * find it, that picture is run once more in plain C, which takes seconds on a
 * large network: once in a session's life. Any thread. */
REID_API bool reid_session_check (ReidSession *session,
                                  const ReidTensor *inputs,
                                  const ReidTensor *outputs, int *picture,
                                  ReidError *error);

#ifdef __cplusplus
}
#endif

#endif /* REID_NN_H */
