/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_ARENA_H
#define REID_NN_ARENA_H

/* Many small things with one lifetime. Not for use by two threads at once. */

#include "base/base.h"

typedef struct ReidArena ReidArena;

ReidArena *reid_arena_new (void);
void reid_arena_free (ReidArena *arena);
/* Zeroed and aligned for any type; NULL when memory ends or count * size
 * overflows. */
void *reid_arena_alloc (ReidArena *arena, size_t count, size_t size);

#endif /* REID_NN_ARENA_H */
