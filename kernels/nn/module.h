/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_MODULE_H
#define REID_NN_MODULE_H

#include "nn/backend.h"

/* The backend for these options (NULL: all auto), what it is to be opened
 * with, and one line on why. Modules are loaded when first asked for and stay
 * in the process: a thread pool that lives in one would be unloaded under its
 * own feet. Any thread. */
const ReidBackend *reid_backend_choose (const ReidSessionOptions *options,
                                        ReidBackendOptions *chosen,
                                        char *reason, size_t size,
                                        ReidError *error);

#endif /* REID_NN_MODULE_H */
