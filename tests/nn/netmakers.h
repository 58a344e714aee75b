/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETMAKERS_H
#define NETMAKERS_H

#include "netlayers.h"

/* What a network's author calls its size. */
typedef struct {
  int height, width;
  int blocks[8];
  int channels;  /* of the first stage */
  int embedding; /* what comes out */
  int style;     /* see each maker */
} NetSize;

typedef void (*NetMaker) (Net *n, const NetSize *s);

/* nets_face.c */
void net_iresnet (Net *n, const NetSize *s);
void net_mobilefacenet (Net *n, const NetSize *s); /* style 1: PReLU */
void net_sface (Net *n, const NetSize *s);
/* nets_inception.c */
void net_facenet (Net *n, const NetSize *s);
/* nets_image.c */
void net_resnet (Net *n, const NetSize *s);
void net_efficientnet (Net *n, const NetSize *s);
void net_osnet (Net *n, const NetSize *s); /* blocks: widths of the stages */
/* nets_vit.c: blocks: layers, heads, size of a patch */
void net_vit (Net *n, const NetSize *s);
/* nets_gait.c: blocks: frames, strips */
void net_gaitbase (Net *n, const NetSize *s);
/* nets_detect.c */
void net_blazeface (Net *n, const NetSize *s);
void net_retinaface (Net *n, const NetSize *s);
void net_scrfd (Net *n, const NetSize *s);

#endif /* NETMAKERS_H */
