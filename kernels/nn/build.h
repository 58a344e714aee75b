/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_BUILD_H
#define REID_NN_BUILD_H

/* The graph under construction. Every ONNX node is translated into ReidNodes
 * (build_*.c) and handed to reid_emit(), which folds it when its inputs are
 * known, merges it into its predecessor where that is exact (fuse.c), or
 * appends it. */

#include "nn/batch.h"
#include "nn/load.h"
#include "nn/onnx.h"
#include "nn/symbols.h"

/* One element of a vector of sizes: a literal, or a free size (sym < 0). */
typedef struct {
  int64_t v, sym;
} ReidInt;

typedef struct {
  ReidBytes name;
  const ReidOnnxNode *from;     /* the file's node that gives it, or NULL */
  const ReidOnnxTensor *tensor; /* initializer, decoded when first used */
  ReidShape shape;              /* sizes below 0: see symbols.h */
  float *data;                  /* float constant */
  ReidInt *ints;                /* integer constant or sizes */
  bool computed;                /* from the inputs */
  ReidBatch batch;              /* of what is computed */
  bool known;                   /* something has produced it */
  bool is_input, is_output;
  int uses;     /* by nodes and outputs of the file */
  int producer; /* index of the build node, or -1 */
  int alias;    /* the value that this name stands for, or -1 */
  int each;     /* the constant that it is for every picture, or -1 */
  int next;     /* in the name table */
  int index;    /* in the finished graph */
} ReidBuildValue;

typedef struct {
  ReidNode node;
  bool dead;
} ReidBuildNode;

typedef struct {
  const ReidOnnxModel *model;
  const ReidTaps *taps; /* or NULL */
  ReidBytes *outputs;   /* names of what the graph gives */
  int n_outputs;
  bool *wanted;           /* of each node of the file; NULL: all are */
  const ReidOnnxNode *at; /* being translated */
  int64_t opset;
  ReidArena *arena;
  ReidSymbols *symbols;
  ReidError *error;
  bool batch_from_one; /* the file says 1; leading ones are read as batch */
  ReidBuildValue *values;
  int n_values, room_values;
  ReidBuildNode *nodes;
  int n_nodes, room_nodes;
  int *table; /* heads of hash chains over values */
  int64_t constants, fold_work;
} ReidBuilder;

#define REID_NAME_TABLE 4096
#define REID_MAX_INTS 65536
/* Kernel, stride, dilation and pad of a window. */
#define REID_MAX_WINDOW 4096

/* "FILE: node 'NAME' (TYPE): ..."; returns false. */
bool reid_build_fail (ReidBuilder *b, ReidStatus status, const char *format,
                      ...) REID_PRINTF (3, 4);
bool reid_build_no_memory (ReidBuilder *b);

int reid_value_find (ReidBuilder *b, ReidBytes name);
/* -1 when memory ends (told). */
int reid_value_add (ReidBuilder *b, ReidBytes name);
const char *reid_value_name (ReidBuilder *b, int value);
/* A nameless float constant with uninitialised data. */
int reid_value_constant (ReidBuilder *b, const ReidShape *shape);
/* Makes `value` an integer vector of this shape with zeroed elements. */
bool reid_value_ints (ReidBuilder *b, int value, const ReidShape *shape);
/* Marks what fills `value` as given by the file's next node. */
void reid_value_set_float (ReidBuilder *b, int value, const ReidShape *shape,
                           float *data);

/* Inputs and outputs of the node that is being translated. Input i, or -1
 * where it is absent; false (told) when it is required and absent. */
int reid_input (ReidBuilder *b, int i);
bool reid_need (ReidBuilder *b, int i, int *value);
int reid_output (ReidBuilder *b, int i);
/* Attribute with a default. */
int64_t reid_attr_int (ReidBuilder *b, const char *name, int64_t otherwise);
float reid_attr_float (ReidBuilder *b, const char *name, float otherwise);
bool reid_attr_is (ReidBuilder *b, const char *name, const char *text,
                   bool otherwise);
/* Reads up to max integers; *n = -1 when the attribute is absent. False
 * (told) when it is broken or too long. */
bool reid_attr_ints (ReidBuilder *b, const char *name, int64_t *out, int max,
                     int *n);
/* Integer vector from input i (all literal), or else from the attribute (name
 * may be NULL); *n = -1 when both are absent. */
bool reid_ints_input (ReidBuilder *b, int i, const char *name, int64_t *out,
                      int max, int *n);
/* One float constant: input i, *present false when absent. */
bool reid_scalar_input (ReidBuilder *b, int i, float *out, bool *present);
/* Where *value holds literal integers, makes it a constant of floats. */
bool reid_value_as_floats (ReidBuilder *b, int *value);
/* Translators: build_*.c. False
 * when the node was told to be wrong. */
typedef bool (*ReidTranslate) (ReidBuilder *b);
/* One of constants, that keeps the first axis: where input 0 is the same for
 * every picture, it translates that, and spreads the result. */
bool reid_translate_one (ReidBuilder *b, ReidTranslate translate);
/* A computed value that has these sizes, from axis `at` on or, with at < 0,
 * anywhere (from[k]: at which axis); -1 where there is none. It counts one more
 * reader. */
int reid_value_like (ReidBuilder *b, const int64_t *sizes, int n, int at,
                     int *from);
/* Makes `out` of x, broadcast with these sizes. */
bool reid_emit_spread (ReidBuilder *b, int x, const ReidInt *to, int rank,
                       int out);
/* build_each.c: notes that `value` is the constant `each` for every picture of
 * the batch; false where the shapes are not such. */
bool reid_value_each (ReidBuilder *b, int value, int each);
/* Integers that are the same for every picture: no node makes them. */
bool reid_is_truth (const ReidBuilder *b, int value);
/* A node of which the output's shape is known: where all that it reads is the
 * same for every picture, works it out, and becomes what spreads this. */
bool reid_fold_each (ReidBuilder *b, ReidNode *node);
/* Of a constant that one node alone reads, when it has been read. */
void reid_value_release (ReidBuilder *b, int value);
/* Loads an initializer, so that data or ints are set; true for computed. */
bool reid_value_ready (ReidBuilder *b, int value);
bool reid_is_constant (const ReidBuildValue *value);
/* Axis in -rank..rank-1 (told when not) to 0..rank-1. */
bool reid_axis (ReidBuilder *b, int64_t axis, int rank, int *out);

/* A fresh node of this operator with room for n_in inputs; the name is that of
 * the ONNX node. NULL when memory ends (told). */
ReidNode *reid_node_new (ReidBuilder *b, ReidOp op, int n_in);
/* Takes a node whose in[] and out are build values. */
bool reid_emit (ReidBuilder *b, ReidNode *node);
/* The same with a new nameless output, for a chain of nodes; -1 told. */
int reid_emit_temporary (ReidBuilder *b, ReidNode *node);
/* Makes output 0 another name of `value`. */
bool reid_emit_identity (ReidBuilder *b, int value);

/* taps.c: which tensors the graph gives, and which nodes it needs for them;
 * once all names are known. */
bool reid_choose_outputs (ReidBuilder *b);
bool reid_is_wanted (const ReidBuilder *b, int node);

/* fuse.c: true when the node was merged into an earlier one; also with the
 * error set, when memory ended on the way. */
bool reid_fuse (ReidBuilder *b, ReidNode *node);
/* y = x * scale[c] + shift[c] into the convolution that makes x; `out` then
 * names the convolution's result. */
bool reid_fuse_affine (ReidBuilder *b, int x, int out, const double *scale,
                       const double *shift);
/* The node that makes `value`, when nobody else reads it; else NULL. */
ReidNode *reid_sole_producer (ReidBuilder *b, int value, ReidOp op);

/* The node, made before, now makes `out`. */
void reid_fuse_rename (ReidBuilder *b, ReidNode *node, int out);
/* fuse_chain.c: chains of small operators that are one larger one. Changes
 * the node, or true as reid_fuse(). */
bool reid_fuse_chain (ReidBuilder *b, ReidNode *node);
/* build_norm.c: x, a norm of groups of channels laid out as [batch, groups, all
 * else], goes back to these sizes, which it had before: makes `out` of it.
 * False where it is no such norm, or (told) when it failed. */
bool reid_fuse_groups (ReidBuilder *b, int x, const ReidInt *to, int rank,
                       int out);

/* fold.c: all inputs are constants or sizes. */
bool reid_fold (ReidBuilder *b, ReidNode *node);

typedef struct {
  const char *type;
  ReidTranslate translate;
} ReidTranslator;
extern const ReidTranslator reid_translate_conv[], reid_translate_map[],
    reid_translate_move[], reid_translate_norm[], reid_translate_reduce[],
    reid_translate_resize[], reid_translate_sizes[], reid_translate_spread[],
    reid_translate_truth[];

#endif /* REID_NN_BUILD_H */
