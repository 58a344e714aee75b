/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_EMBED_ALIGN_H
#define REID_EMBED_ALIGN_H

/* Where the landmarks go in an input of this size by default. */
void reid_align_template (int width, int height, double out[10]);

#endif /* REID_EMBED_ALIGN_H */
