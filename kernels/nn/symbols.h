/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_SYMBOLS_H
#define REID_NN_SYMBOLS_H

/* Sizes that are not known while a graph is built. A dimension below 0 stands
 * for such a size; the same computation on the same sizes gets the same number
 * again, so that two branches can be seen to have equal shapes. With
 * `symbols` NULL every size is a literal (a plan for given inputs). */

#include "nn/graph.h"

typedef struct ReidSymbols ReidSymbols;

#define REID_SYMBOL_BATCH ((int64_t) -1)
#define REID_MAX_SYMBOLS 4096
#define REID_SYMBOL_ARGS 12

typedef enum {
  REID_SYMBOL_INPUT,   /* index of a free size */
  REID_SYMBOL_FLOOR,   /* size, what is added to it, what then divides it */
  REID_SYMBOL_WINDOW,  /* in ceil mode: size, offset, stride, padded bound */
  REID_SYMBOL_SCALE,   /* size, bits of the factor */
  REID_SYMBOL_PRODUCT, /* literal, sorted sizes */
  REID_SYMBOL_SUM,     /* size, size */
  REID_SYMBOL_SLICE,   /* size, start, end, step */
  REID_SYMBOL_BROADCAST,
  REID_SYMBOL_OTHER /* equal to nothing but itself */
} ReidSymbolKind;

ReidSymbols *reid_symbols_new (void);
void reid_symbols_free (ReidSymbols *symbols);
/* The dimension (below 0) for this computation; 0 when there are too many or
 * memory ends. */
int64_t reid_symbol (ReidSymbols *symbols, ReidSymbolKind kind,
                     const int64_t *args, int n_args);

/* floor ((dim + add) / by), by above 0: what windows make of a size, and what
 * exporters write for it. Of such a size again it is one from the first. */
int64_t reid_symbol_floor (ReidSymbols *symbols, int64_t dim, int64_t add,
                           int64_t by);

/* A product of literals and free sizes, the latter sorted. Sizes that are
 * products themselves are taken apart, so that equal ones look equal. */
typedef struct {
  int64_t literal, sizes[REID_MAX_RANK * REID_SYMBOL_ARGS];
  int n;
} ReidProduct;

#define REID_PRODUCT_ONE ((ReidProduct){ 1, { 0 }, 0 })
/* False when the literal overflows. */
bool reid_product_multiply (ReidProduct *product, const ReidSymbols *symbols,
                            int64_t dim);
bool reid_product_equal (const ReidProduct *a, const ReidProduct *b);
/* The product as a dimension; 0 as reid_symbol(). */
int64_t reid_product_dim (ReidSymbols *symbols, const ReidProduct *product);
/* Is the size a whole multiple of this one (a literal, or a free size)? */
bool reid_size_has (const ReidSymbols *symbols, int64_t dim, int64_t factor);

/* One node's output shape. The message of `error` has no prefix. */
bool reid_node_infer (const ReidNode *node, const ReidShape *in, ReidShape *out,
                      ReidSymbols *symbols, ReidError *error);

/* "1x3x?x640" */
const char *reid_shape_text (const ReidShape *shape, char *text, size_t size);
#define REID_SHAPE_TEXT 128

#endif /* REID_NN_SYMBOLS_H */
