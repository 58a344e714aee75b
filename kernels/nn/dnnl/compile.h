/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_COMPILE_H
#define REID_DNNL_COMPILE_H

/* State of one compilation, shared by compile.c (values, buffers and the whole
 * graph), compile_node.c and compile_pass.c (operators one by one) and
 * compile_chain.c (chains of them); compile_winograd.c. */

#include "nn/dnnl/program.h"

typedef struct {
  int in[REID_LAYOUT_COUNT]; /* buffer by layout, -1 = not there */
  int slice; /* or: a buffer of which it is some channels, -1 = none */
  ReidLayout slice_layout;
  int slice_first, slice_channels; /* where it begins; of the whole */
  int output;        /* graph output to write the dense layout to, -1 = none */
  bool is_output;    /* it is one itself */
  bool ready;        /* made by a step that is already there */
  bool narrow;       /* to be in bf16, where the program is */
  int flat;          /* or: what it is a flat view of, -1 = nothing */
  int *uses, n_uses; /* nodes that read it, one entry for each reading */
} ReidVar;

typedef struct {
  ReidProgram *program;
  ReidWeights *weights;
  const ReidShape *shapes;
  ReidVar *vars; /* by value */
  int *uses;
  bool *done; /* by node */
  ReidError *error;
} ReidCompiler;

bool reid_compiler_no_memory (ReidCompiler *c);
bool reid_compiler_is_constant (const ReidCompiler *c, int value);
/* Transpose [n][c][h][w] to [n][h][w][c]? */
bool reid_compiler_is_nhwc (const ReidCompiler *c, const ReidNode *node);
/* A new buffer for the value in that layout; -1 with the error set. */
int reid_compiler_make (ReidCompiler *c, int value, ReidLayout layout);
/* Its buffer in that layout, converted where it is not there yet. */
int reid_compiler_want (ReidCompiler *c, int value, ReidLayout layout);

/* A layout in which the value already lies; dense where there is a choice. */
ReidLayout reid_compiler_layout (const ReidCompiler *c, int value);
bool reid_compiler_same_shape (const ReidShape *a, const ReidShape *b);
/* One number for each channel of x, as squeeze and excitation has it. */
bool reid_compiler_is_gate (const ReidShape *gate, const ReidShape *x);
/* One step that reads `value` and writes the node's output, both in `layout`.
 */
ReidStep *reid_compiler_map (ReidCompiler *c, const ReidNode *node,
                             ReidStepKind kind, int value, ReidLayout layout,
                             int n_in);

/* Rank 4, no empty axis, and sizes with which an int can count pixels. */
bool reid_compiler_small (const ReidShape *shape);
/* A convolution's activation as the row kernels do it; false where they have
 * none, or where lanes beyond the last channel would not stay zero. The slope
 * is fetched by the second. */
bool reid_compiler_end (const ReidCompiler *c, const ReidNode *node,
                        ReidRowsEpilogue *end);
bool reid_compiler_slope (ReidCompiler *c, const ReidNode *node,
                          ReidRowsEpilogue *end);

/* compile_pass.c; what they have no version of goes to the reference. */
bool reid_compile_channel (ReidCompiler *c, const ReidNode *node);
bool reid_compile_unary (ReidCompiler *c, const ReidNode *node);
bool reid_compile_binary (ReidCompiler *c, const ReidNode *node);
bool reid_compile_matmul (ReidCompiler *c, const ReidNode *node);
bool reid_compile_reference (ReidCompiler *c, const ReidNode *node);

bool reid_compile_node (ReidCompiler *c, int i);
/* Compiles node i and what can be chained to it. *taken is false where the
 * row kernels have no version of it; then nothing has changed. */
bool reid_compile_chain (ReidCompiler *c, int i, bool *taken);
/* A convolution by Winograd, where that is faster; else as above. */
bool reid_compile_winograd (ReidCompiler *c, const ReidNode *node, bool *taken);

/* For a step that runs an op of oneDNN: sets the limit of threads for making
 * it, and gives the step its scratch buffer and a call. */
int reid_compiler_op_threads (ReidCompiler *c, double multiply_adds);
bool reid_compiler_bind_op (ReidCompiler *c, ReidStep *s, ReidDnnlOp *op,
                            int threads);

/* compile_bf16.c */
/* Sets `narrow` of the values that lead to another product. What comes after
 * the last of them is f32, so that no result is rounded. */
void reid_compiler_choose_bf16 (ReidCompiler *c);
/* In which layout a node that maps elements reads `value`, and writes. */
ReidLayout reid_compiler_map_layout (const ReidCompiler *c,
                                     const ReidNode *node, int value);
bool reid_compiler_is_flatten (const ReidCompiler *c, const ReidNode *node);
/* Of the compilation; an op that is NULL without one is not there in bf16. */
bool reid_compiler_has_error (const ReidCompiler *c);
/* Takes over `one`, the op of one picture of the many that `op` is of, and
 * notes where the two are not alike. False: told, and `op` is gone, too. */
bool reid_compiler_note_varying (ReidCompiler *c, ReidDnnlOp *op,
                                 ReidDnnlOp *one);
/* An inner product. *taken is false where oneDNN has no version of it in bf16,
 * or none is wanted. */
bool reid_compile_product_bf16 (ReidCompiler *c, const ReidNode *node,
                                bool *taken);

#endif /* REID_DNNL_COMPILE_H */
