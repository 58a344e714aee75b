/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_EXTERNAL_H
#define REID_NN_EXTERNAL_H

/* Tensors whose data lie in other files, as exporters store networks of more
 * than 2 GB. The files' names come from the network's file and are not
 * trusted: only what lies in that file's folder, or below it, is opened. */

#include "nn/arena.h"
#include "nn/wire.h"

typedef struct ReidExternal ReidExternal;

/* `file` is the network's, of `size` bytes; where there is no such file (a
 * network that was given in memory), it has no other files either. NULL when
 * memory ends. */
ReidExternal *reid_external_new (const char *file, size_t size);
void reid_external_free (ReidExternal *external);
/* length < 0: to the end of the file. NULL, or a reason why not. The bytes are
 * there until reid_external_free(). */
const char *reid_external_bytes (ReidExternal *external, ReidBytes location,
                                 int64_t offset, int64_t length,
                                 ReidBytes *bytes);

/* Paths of the files that were opened, in the arena; false when memory ends. */
bool reid_external_list (const ReidExternal *external, ReidArena *arena,
                         const char *const **files, int *n);

#endif /* REID_NN_EXTERNAL_H */
