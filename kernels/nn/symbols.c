/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  ReidSymbolKind kind;
  int n;
  int64_t args[REID_SYMBOL_ARGS];
} Symbol;

struct ReidSymbols {
  int n, room;
  Symbol *symbols;
};

ReidSymbols *
reid_symbols_new (void)
{
  ReidSymbols *s = calloc (1, sizeof *s);
  const int64_t batch = 0;

  /* The first one made is REID_SYMBOL_BATCH. */
  if (s && reid_symbol (s, REID_SYMBOL_INPUT, &batch, 1) == 0) {
    free (s);
    return NULL;
  }
  return s;
}

void
reid_symbols_free (ReidSymbols *symbols)
{
  if (symbols)
    free (symbols->symbols);
  free (symbols);
}

int64_t
reid_symbol (ReidSymbols *s, ReidSymbolKind kind, const int64_t *args,
             int n_args)
{
  if (n_args > REID_SYMBOL_ARGS)
    kind = REID_SYMBOL_OTHER;
  if (kind == REID_SYMBOL_OTHER)
    n_args = 0;
  for (int i = 0; i < s->n && kind != REID_SYMBOL_OTHER; i++)
    if (s->symbols[i].kind == kind && s->symbols[i].n == n_args
        && memcmp (s->symbols[i].args, args, (size_t) n_args * sizeof *args)
               == 0)
      return -(int64_t) i - 1;
  if (s->n == REID_MAX_SYMBOLS)
    return 0;
  if (s->n == s->room) {
    int room = s->room ? 2 * s->room : 32;
    Symbol *more = realloc (s->symbols, (size_t) room * sizeof *more);
    if (!more)
      return 0;
    s->symbols = more;
    s->room = room;
  }
  Symbol *made = &s->symbols[s->n++];
  memset (made, 0, sizeof *made);
  made->kind = kind;
  made->n = n_args;
  if (n_args)
    memcpy (made->args, args, (size_t) n_args * sizeof *args);
  return -(int64_t) s->n;
}

int64_t
reid_symbol_floor (ReidSymbols *s, int64_t dim, int64_t add, int64_t by)
{
  const Symbol *of = &s->symbols[-dim - 1];
  int64_t args[3] = { dim, add, by };

  if (of->kind == REID_SYMBOL_FLOOR) {
    args[0] = of->args[0];
    if (__builtin_mul_overflow (add, of->args[2], &args[1])
        || __builtin_add_overflow (args[1], of->args[1], &args[1])
        || __builtin_mul_overflow (by, of->args[2], &args[2]))
      return reid_symbol (s, REID_SYMBOL_OTHER, NULL, 0);
  }
  if (args[1] == 0 && args[2] == 1)
    return args[0];
  return reid_symbol (s, REID_SYMBOL_FLOOR, args, 3);
}

static bool
insert (ReidProduct *p, int64_t size)
{
  int at = p->n;

  if (p->n == (int) (sizeof p->sizes / sizeof *p->sizes))
    return false;
  for (p->n++; at > 0 && p->sizes[at - 1] > size; at--)
    p->sizes[at] = p->sizes[at - 1];
  p->sizes[at] = size;
  return true;
}

bool
reid_product_multiply (ReidProduct *p, const ReidSymbols *s, int64_t dim)
{
  if (dim >= 0)
    return !__builtin_mul_overflow (p->literal, dim, &p->literal);
  const Symbol *symbol = s ? &s->symbols[-dim - 1] : NULL;
  if (!symbol || symbol->kind != REID_SYMBOL_PRODUCT)
    return insert (p, dim);
  for (int i = 1; i < symbol->n; i++)
    if (!insert (p, symbol->args[i]))
      return false;
  return !__builtin_mul_overflow (p->literal, symbol->args[0], &p->literal);
}

bool
reid_product_equal (const ReidProduct *a, const ReidProduct *b)
{
  return a->literal == b->literal && a->n == b->n
         && memcmp (a->sizes, b->sizes, (size_t) a->n * sizeof *a->sizes) == 0;
}

int64_t
reid_product_dim (ReidSymbols *symbols, const ReidProduct *p)
{
  int64_t args[1 + REID_MAX_RANK * REID_SYMBOL_ARGS];

  if (p->n == 0)
    return p->literal;
  if (p->n == 1 && p->literal == 1)
    return p->sizes[0];
  args[0] = p->literal;
  memcpy (args + 1, p->sizes, (size_t) p->n * sizeof *args);
  return reid_symbol (symbols, REID_SYMBOL_PRODUCT, args, 1 + p->n);
}

bool
reid_size_has (const ReidSymbols *symbols, int64_t dim, int64_t factor)
{
  ReidProduct p = REID_PRODUCT_ONE;

  if (factor >= 0)
    return dim >= 0 && factor > 0 && dim % factor == 0;
  if (!reid_product_multiply (&p, symbols, dim))
    return false;
  for (int i = 0; i < p.n; i++)
    if (p.sizes[i] == factor)
      return true;
  return false;
}

const char *
reid_shape_text (const ReidShape *shape, char *text, size_t size)
{
  size_t at = 0;

  snprintf (text, size, "scalar");
  for (int i = 0; i < shape->rank && at < size; i++) {
    int n;
    if (shape->dims[i] < 0)
      n = snprintf (text + at, size - at, "%s?", i ? "x" : "");
    else
      n = snprintf (text + at, size - at, "%s%lld", i ? "x" : "",
                    (long long) shape->dims[i]);
    at += n > 0 ? (size_t) n : 0;
  }
  return text;
}
