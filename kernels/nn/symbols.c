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
