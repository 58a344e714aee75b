/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_ONNX_H
#define REID_NN_ONNX_H

/* An ONNX file as a table of contents: every name and every tensor stays where
 * it lies in the file's bytes, which must outlive the model. Only the main
 * graph is read; nothing recurses, whatever the file nests. Field numbers are
 * those of onnx/onnx.proto, IR versions 3 to 10. */

#include "nn/arena.h"
#include "nn/external.h"
#include "nn/nn.h"
#include "nn/wire.h"

/* What a file may ask for before it is called hostile. */
#define REID_MAX_NODES 16384
#define REID_MAX_INITIALIZERS 65536
#define REID_MAX_NODE_NAMES 4096 /* inputs or outputs of one ONNX node */
#define REID_MAX_ATTRIBUTES 64   /* of one node */
#define REID_MAX_GRAPH_IO 256    /* inputs or outputs of the graph */
#define REID_MAX_OPSET 21
#define REID_MIN_OPSET 7

typedef enum {
  REID_ONNX_FLOAT = 1,
  REID_ONNX_INT32 = 6,
  REID_ONNX_INT64 = 7,
  REID_ONNX_BOOL = 9,
  REID_ONNX_FLOAT16 = 10,
  REID_ONNX_DOUBLE = 11,
  REID_ONNX_BFLOAT16 = 16
} ReidOnnxType;

typedef struct {
  ReidBytes name, message;
  int64_t type;
  int rank;
  int64_t dims[REID_MAX_RANK];
  int64_t count;     /* product of dims, at most REID_MAX_COUNT */
  const char *wrong; /* why it cannot be read, should anybody use it */
  bool external;     /* the data lie in another file */
  ReidBytes location;
  int64_t offset, length; /* length -1: what is left of it */
  ReidBytes raw;          /* these data, where somebody has opened it */
} ReidOnnxTensor;

typedef struct {
  ReidBytes name, message;
  int64_t i;
  float f;
  ReidBytes s, t;
  bool has_i, has_f, has_s, has_t;
} ReidOnnxAttribute;

typedef struct {
  ReidBytes name, type, domain;
  ReidBytes *in, *out;
  int n_in, n_out;
  ReidOnnxAttribute *attributes;
  int n_attributes;
} ReidOnnxNode;

typedef struct {
  ReidBytes name;
  int64_t type;
  int rank;                        /* -1: the file does not say */
  int64_t dims[REID_MAX_RANK];     /* REID_DIM_FREE where free */
  ReidBytes params[REID_MAX_RANK]; /* names of free dimensions, or empty */
} ReidOnnxValueInfo;

typedef struct {
  const char *file;
  int64_t opset;
  ReidOnnxNode *nodes;
  ReidOnnxTensor *initializers;
  ReidOnnxValueInfo *inputs, *outputs;
  int n_nodes, n_initializers, n_inputs, n_outputs;
  ReidExternal *external; /* where the data of tensors may lie, or NULL */
} ReidOnnxModel;

/* Elements in one tensor, constant or computed. */
#define REID_MAX_COUNT ((int64_t) 1 << 29)

/* Everything of `model` but the bytes of `data` lives in `arena`. */
bool reid_onnx_read (ReidOnnxModel *model, ReidBytes data, const char *file,
                     ReidArena *arena, ReidError *error);

/* A tensor message that stands alone (the value of a Constant). */
bool reid_onnx_tensor (ReidOnnxTensor *tensor, ReidBytes message);
bool reid_onnx_is_float (const ReidOnnxTensor *tensor);
bool reid_onnx_is_int (const ReidOnnxTensor *tensor);
/* Decode exactly count elements; NULL or a reason. */
const char *reid_onnx_floats (const ReidOnnxTensor *tensor, float *out);
const char *reid_onnx_ints (const ReidOnnxTensor *tensor, int64_t *out);

const ReidOnnxAttribute *reid_onnx_attribute (const ReidOnnxNode *node,
                                              const char *name);
/* Repeated integers or floats of an attribute: how many (they may be more
 * than `max`, which are then not written), or -1 for broken bytes. */
int reid_onnx_attribute_ints (const ReidOnnxAttribute *attribute, int64_t *out,
                              int max);
int reid_onnx_attribute_floats (const ReidOnnxAttribute *attribute, float *out,
                                int max);

/* A name for messages and C callers: no control bytes, valid UTF-8, at most
 * 255 bytes; NULL when memory ends. */
const char *reid_onnx_name (ReidArena *arena, ReidBytes name);

#endif /* REID_NN_ONNX_H */
