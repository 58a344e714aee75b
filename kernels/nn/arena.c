/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/arena.h"

#include <stdlib.h>

#define CHUNK ((size_t) 32 * 1024)

typedef struct Chunk {
  struct Chunk *next;
  size_t used, size;
  max_align_t data[];
} Chunk;

struct ReidArena {
  Chunk *chunks;
};

ReidArena *
reid_arena_new (void)
{
  return calloc (1, sizeof (ReidArena));
}

void
reid_arena_free (ReidArena *arena)
{
  if (!arena)
    return;
  for (Chunk *c = arena->chunks, *next; c; c = next) {
    next = c->next;
    free (c);
  }
  free (arena);
}

void *
reid_arena_alloc (ReidArena *arena, size_t count, size_t size)
{
  size_t n;

  if (__builtin_mul_overflow (count, size, &n)
      || __builtin_add_overflow (n, _Alignof(max_align_t) - 1, &n))
    return NULL;
  n -= n % _Alignof(max_align_t);
  if (n == 0)
    n = _Alignof(max_align_t);

  Chunk *c = arena->chunks;
  if (!c || c->size - c->used < n) {
    size_t room = n > CHUNK ? n : CHUNK;
    if (room > SIZE_MAX - sizeof (Chunk))
      return NULL;
    Chunk *fresh = calloc (1, sizeof (Chunk) + room);
    if (!fresh)
      return NULL;
    fresh->size = room;
    /* A chunk made for one large thing is full: keep filling the old one. */
    if (c && n > CHUNK) {
      fresh->next = c->next;
      c->next = fresh;
    } else {
      fresh->next = c;
      arena->chunks = fresh;
    }
    c = fresh;
  }
  void *p = (char *) c->data + c->used;
  c->used += n;
  return p;
}
