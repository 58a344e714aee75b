/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_BACKEND_H
#define REID_NN_BACKEND_H

/* The one door between the engine and a device. `reference` is linked in;
 * the others are modules named `libreidnn-NAME.so`, looked for in
 * $REID_BACKEND_PATH, then beside libreidkernels in gst-reid-1.0/, then in the
 * build tree. A module exports one symbol, `reid_backend`, of type
 * `const ReidBackend`. It may call what libreidkernels exports.
 *
 * Backends never include each other's headers. Where a backend has no fast
 * version of an operator it calls reid_reference_op() on dense NCHW data. */

#include "image/recipe.h"
#include "nn/graph.h"

#define REID_BACKEND_VERSION 4
#define REID_NO_GPU "no NVIDIA GPU"

typedef struct ReidBackendModel ReidBackendModel;
typedef struct ReidBackendPlan ReidBackendPlan;
typedef struct ReidBackendFeed ReidBackendFeed;

/* Which of a backend's devices, and in what numbers are stored there. */
typedef struct {
  int index; /* 0 where there is only one */
  ReidPrecision precision;
  bool places; /* see ReidSessionOptions; for AUTO */
} ReidBackendOptions;

/* Pictures of a run: place 0 of the feed is picture `first` of the input, and
 * no more than `count` are taken. */
typedef struct {
  ReidBackendFeed *feed;
  int input, first, count;
} ReidBackendFed;

typedef struct {
  uint32_t version; /* REID_BACKEND_VERSION: a module of another is refused */
  const char *name;

  /* Is there a device of this number that answers? Writes one line (without
   * newline) that says which, or why not: REID_NO_GPU where there is nothing to
   * be mended. Cheap to call again; any thread. */
  bool (*probe) (int index, char *line, size_t size);
  /* Where that device is on the PCI bus, as tools name it ("0000:1B:00.0");
   * false where it does not say. NULL: none does. Any thread. */
  bool (*bus) (int index, char *id, size_t size);
  /* What AUTO is on that device, and the asked precision else; AUTO where the
   * device does not have it. NULL: f32 only. Any thread. */
  ReidPrecision (*precision) (const ReidBackendOptions *options);
  /* "f32, and bf16 on ...": for who asks for another; NULL: nothing to say. */
  const char *precisions;

  /* What is made once per session: weights in the device's own layout. The
   * graph outlives the model. Precision is one that the device has. Any
   * thread. */
  ReidBackendModel *(*model_new) (const ReidGraph *graph,
                                  const ReidBackendOptions *options,
                                  ReidError *error);
  void (*model_free) (ReidBackendModel *model);

  /* One network at one set of shapes (n_values entries, copied) and one thread
   * count: compiled primitives and a memory plan. Immutable afterwards, but
   * runs with one workspace at a time per caller. Called by many threads at
   * once on one model. */
  ReidBackendPlan *(*plan_new) (ReidBackendModel *model,
                                const ReidShape *shapes, int threads,
                                ReidError *error);
  void (*plan_free) (ReidBackendPlan *plan);
  /* Bytes of the device's memory that weights take now, and that one run of a
   * plan takes beside them. NULL: f32, and plan_workspace(). */
  size_t (*model_memory) (ReidBackendModel *model);
  size_t (*plan_memory) (const ReidBackendPlan *plan);
  /* Takes what one run needs, so that what does not fit is told now, when a
   * smaller batch can be made. NULL: nothing to take. */
  bool (*plan_reserve) (ReidBackendPlan *plan, ReidError *error);
  /* Bytes of working memory that one run needs; the caller provides them,
   * aligned to 64 bytes. */
  size_t (*plan_workspace) (const ReidBackendPlan *plan);
  /* Dense f32 NCHW in and out, host memory. Calls on one plan with different
   * workspaces may run at the same time. */
  bool (*plan_run) (ReidBackendPlan *plan, const float *const *inputs,
                    float *const *outputs, void *workspace, ReidError *error);

  /* Host memory that the device reads and writes fastest, for inputs and
   * outputs; any other will do, too. NULL: plain memory. */
  void *(*host_alloc) (ReidBackendModel *model, size_t size);
  void (*host_free) (ReidBackendModel *model, void *memory);
  /* Values live in the device's memory: their size does not bound what a plan
   * may be here, only what the device says. */
  bool own_memory;

  /* Pictures that the device itself makes an input [n, channels, height, width]
   * of. All are there, or none: then the engine makes them, with
   * kernels/image. A feed serves one input of one caller, and one thread at a
   * time. */
  ReidBackendFeed *(*feed_new) (ReidBackendModel *model, ReidError *error);
  void (*feed_free) (ReidBackendFeed *feed);
  bool (*feed_clear) (ReidBackendFeed *feed, ReidError *error);
  /* The recipe fits the input. Its planes are copied before this returns; a
   * place that has a picture gets this one instead, or none on failure. */
  bool (*feed_add) (ReidBackendFeed *feed, int place, const ReidRecipe *recipe,
                    ReidError *error);
  /* How many of the first n places have a picture. */
  int (*feed_count) (const ReidBackendFeed *feed, int n);
  /* Writes the places that have a picture into the dense input in `inout`. */
  bool (*feed_read) (ReidBackendModel *model, ReidBackendFeed *feed,
                     const ReidShape *shape, float *inout, ReidError *error);
  /* plan_run, with the pictures of n feeds in their places. The feeds keep
   * them. */
  bool (*plan_run_fed) (ReidBackendPlan *plan, const float *const *inputs,
                        const ReidBackendFed *fed, int n, float *const *outputs,
                        void *workspace, ReidError *error);
} ReidBackend;

REID_API extern const ReidBackend reid_backend_reference;

/* The definition of right: one operator on dense f32 data. `in` follows
 * node->in (NULL where absent); shapes likewise. For operators that only move
 * or map elements this is also what a backend falls back on. */
REID_API bool reid_reference_op (const ReidNode *node, const float *const *in,
                                 const ReidShape *in_shapes, float *out,
                                 const ReidShape *out_shape, ReidError *error);

/* The first node (in the order of the graph) whose answer to these inputs is
 * not finite, by the definition of right; NULL where every answer is. */
REID_API bool reid_reference_first_not_finite (const ReidGraph *graph,
                                               const ReidShape *shapes,
                                               const float *const *inputs,
                                               const ReidNode **node,
                                               ReidError *error);
/* The first of n numbers that is NaN or infinite, or -1. */
REID_API int64_t reid_first_not_finite (const float *data, int64_t n);

/* Something that needs `size` bytes from step `first` to step `last`, both
 * included; `offset` is the answer. */
typedef struct {
  size_t size, offset;
  int first, last;
} ReidBlock;

/* Puts blocks into one piece of memory, at multiples of `align`: greedy by
 * size, none over another that lives at the same time. Sizes are rounded up.
 * The bytes that all of them take, or SIZE_MAX when memory ends. */
REID_API size_t reid_plan_blocks (ReidBlock *blocks, int n, size_t align);

/* Memory plan: offsets into one workspace for values whose lifetimes may
 * overlap; shared by the backends (nn/plan.c). sizes[i] 0 = not placed. The
 * bytes that all of them take, or SIZE_MAX when memory ends. */
REID_API size_t reid_plan_memory (const ReidGraph *graph, const size_t *sizes,
                                  size_t *offsets);

#endif /* REID_NN_BACKEND_H */
